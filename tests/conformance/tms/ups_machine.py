"""A state machine that drives a TMS with random requests, against the UPS model of ``tdwii_conformance.ups``.

Statuses are compared with the model's and with those that the catalogue lists beside them; what N-GET and C-FIND show, and
what watchers are told, with what the model says. Where the text lets an SCP refuse what the model grants, the model
does not do it either.
"""

import copy
from collections import Counter
from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test
from pydicom.datadict import tag_for_keyword
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, status
from tdwii_conformance.checks.events import event_type
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.statuses import status_text
from tdwii_conformance.profile.ups_service import EVENT_TYPES, REQUEST_CANCEL, UPS
from tdwii_conformance.scu.watcher import GLOBAL
from tdwii_conformance.treatment.messages import code_item, item
from tdwii_conformance.ups import Worklist
from tdwii_conformance.workitems.clean_up import end

__all__ = ["Environment", "drive"]

PROGRESS = "ProcedureStepProgressInformationSequence"
SHOWN = ("ProcedureStepState", "InputReadinessState", "ProcedureStepLabel", PROGRESS)
TAGS = [tag_for_keyword(keyword) for keyword in SHOWN]
MOST = 3  # UPS of one example
VERBS = {"IN PROGRESS": "claim", "COMPLETED": "complete", "CANCELED": "cancel", "SCHEDULED": "change to SCHEDULED"}
OTHER_LOCK, FINAL, NOT_MET, NOT_YET = 0xC301, 0xC300, 0xC304, 0xC310
UNREACHABLE, DECLINED, NO_LOCK_GRANTED, NO_SUCH_INSTANCE = 0xC312, 0xC313, 0xB301, 0x0112
CELLS = {r.cell: {*r.statuses, *r.warnings} for r in load_catalogue().cells("CC.1.1")}


@dataclass
class Environment:
    """What the machine drives, and whom it tells.

    Parameters
    ----------
    performers : list of TDD
    watchers : list of Watcher
    attributes : Dataset
        What a UPS is created with.
    final : Dataset
        What is set before a final state.
    new_marker : callable
        Creates a UPS for `Watcher.caught_up`.
    judge : callable
        Takes findings.
    begin : callable
        Called at the start of each example.
    cancels : bool
        Whether the TMS claims Request UPS Cancel.
    marker : str
        A UPS of `new_marker` that can be used more than once.
    """

    performers: list
    watchers: list
    attributes: object
    final: object
    new_marker: object
    judge: object
    begin: object
    cancels: bool
    marker: str = ""

    def end(self, uid, state, lock=""):
        """Bring a UPS to CANCELED: nothing stays on a worklist that is not ours."""
        end(self.performers[0], uid, state, lock, by_request=self.cancels)


@dataclass
class Subject:
    """A UPS that the machine has created, or only talks about."""

    number: int
    uid: str
    lock: str = ""

    def __str__(self):
        return f"UPS {self.number}" if self.number else "a UPS that does not exist"


def told(kind, uid, information):
    """An event in the form in which it is compared: what a report must tell, not what it may."""
    information = information if information is not None else item()
    stations = information.get("ScheduledStationNameCodeSequence") or ()
    facts = {
        1: lambda: (information.get("ProcedureStepState"), information.get("InputReadinessState")),
        2: lambda: (information.get("RequestingAE"), information.get("ReasonForCancellation")),
        3: lambda: (),
        5: lambda: tuple(str(code.get("CodeValue")) for code in stations),
    }
    return kind, uid, facts.get(kind, tuple)()


def drive(environment, settings):
    """Run the machine.

    Parameters
    ----------
    environment : Environment
        What it drives.
    settings : hypothesis.settings
        How many examples, and steps in each.
    """
    run_state_machine_as_test(lambda: machine(environment)(), settings=settings)


def machine(env):
    watchers = st.sampled_from(env.watchers) if env.watchers else st.nothing()
    performers = st.sampled_from(env.performers)
    locks = st.sampled_from(["right", "right", "right", "another", "none"])

    class Sequences(RuleBasedStateMachine):
        created = Bundle("created")

        def __init__(self):
            super().__init__()
            env.begin()
            self.subjects = []
            self.script = []
            self.faulty = False
            self.expected = {watcher.ae_title: [] for watcher in env.watchers}
            self.tolerated = {watcher.ae_title: Counter() for watcher in env.watchers}
            self.model = Worklist(publish=self.publish)
            for watcher in env.watchers:
                env.judge(status.accepted(watcher.unsubscribe(), "a global unsubscribe"))
            self.since = env.watchers[0].mark() if env.watchers else 0

        def publish(self, event, receivers):
            for receiver in receivers:
                self.expected[receiver].append(told(event.type, event.uid, event.attributes))

        # --- what is compared ---------------------------------------------------------------------------------------

        def step(self, words, exchange):
            answer = status_text(exchange.status) if exchange is not None and exchange.status is not None else "no answer"
            self.script.append(f"{len(self.script) + 1}. {words}: {answer}")

        def fault(self, expected, received):
            self.faulty = True
            env.judge([Finding(expected, received, "after these steps:\n" + "\n".join(self.script))])

        def compare(self, words, exchange, perform, also=(), instead=()):
            """Compare an answer with the model's; `also` are as good, and by one of `instead` the SCP refuses, as it may."""
            self.step(words, exchange)
            if exchange.failure or exchange.status is None:
                self.fault("an answer", exchange.failure or "none")
            if exchange.status in instead:
                return exchange.status
            outcome = perform()
            granted = exchange.status in (0, NO_LOCK_GRANTED)
            if granted != (outcome.status == 0) or exchange.status not in {outcome.status, NO_LOCK_GRANTED, *also}:
                self.fault(f"status {status_text(outcome.status)}", f"status {status_text(exchange.status)}")
            return outcome.status

        def state_of(self, subject):
            shown = self.model.get(subject.uid, [0x00741000]).dataset
            return str(shown.ProcedureStepState) if shown is not None else "no such UPS"

        def given(self, subject, which):
            if which == "none":
                return None
            return subject.lock if which == "right" and subject.lock else generate_uid()

        # --- requests -----------------------------------------------------------------------------------------------

        @initialize(target=created)
        def begin(self):
            subjects = [self.create(env.performers[0]), self.create(env.performers[-1])]
            # Most of what happens, happens to one UPS: interplay is what is looked for.
            return multiple(*subjects, *[subjects[0]] * 5, Subject(0, generate_uid()))

        @rule(target=created, performer=performers)
        def create_another(self, performer):
            # Few of them: every global subscription with lock has an event for each UPS that there is.
            return self.create(performer) if len(self.subjects) < MOST else self.subjects[0]

        def create(self, performer):
            subject = Subject(len(self.subjects) + 1, generate_uid())
            attributes = copy.deepcopy(env.attributes)
            exchange = performer.create(subject.uid, attributes)
            self.compare(f"{performer.calling} creates {subject}", exchange, lambda: self.model.create(subject.uid, attributes))
            self.subjects.append(subject)
            return subject

        @rule(subject=created, performer=performers)
        def create_again(self, subject, performer):
            if subject.number:
                attributes = copy.deepcopy(env.attributes)
                exchange = performer.create(subject.uid, attributes)
                words = f"{performer.calling} creates {subject} again"
                self.compare(words, exchange, lambda: self.model.create(subject.uid, attributes))

        @rule(subject=created, performer=performers, state=st.sampled_from(["IN PROGRESS", "IN PROGRESS", *VERBS]), which=locks)
        def ask_for_state(self, subject, performer, state, which):
            self.change_state(subject, performer, state, which)

        @rule(subject=created, performer=performers)
        def claim(self, subject, performer):
            self.change_state(subject, performer, "IN PROGRESS", "right")

        @rule(subject=created, performer=performers)
        def complete(self, subject, performer):
            # The way to COMPLETED, which single steps rarely find.
            self.set(subject, performer, "right", copy.deepcopy(env.final), "what the final state needs")
            self.change_state(subject, performer, "COMPLETED", "right")

        def change_state(self, subject, performer, state, which):
            before = self.state_of(subject)
            lock = self.given(subject, which)
            right = lock is not None and (before == "SCHEDULED" or lock == subject.lock)
            verb = VERBS[state]
            event = verb if state == "SCHEDULED" else f"{verb} {'with the right Transaction UID' if right else 'without it'}"
            also = CELLS[event, before] - {0}
            exchange = performer.change_state(subject.uid, state, lock)
            # Who insists on a discontinuation reason may refuse CANCELED without one (A12).
            instead = (NOT_MET,) if event.startswith("cancel with") and before == "IN PROGRESS" else ()
            words = f"{performer.calling} asks for {state} of {subject} with {which} Transaction UID"
            done = self.compare(words, exchange, lambda: self.model.change_state(subject.uid, state, lock), also, instead)
            if done == 0 and state == "IN PROGRESS":
                subject.lock = lock

        @rule(
            subject=created, performer=performers, which=locks, progress=st.integers(0, 100),
            described=st.sampled_from(["", "Imaging", "Gating"]),
        )  # fmt: skip
        def set_progress(self, subject, performer, which, progress, described):
            told_ = item(
                ProcedureStepProgress=str(progress), **({"ProcedureStepProgressDescription": described} if described else {})
            )
            self.set(subject, performer, which, item(**{PROGRESS: [told_]}), f"progress {progress} {described}".strip())

        @rule(subject=created, performer=performers, which=locks, readiness=st.sampled_from(["READY", "INCOMPLETE", "UNAVAILABLE"]))
        def set_readiness(self, subject, performer, which, readiness):
            self.set(subject, performer, which, item(InputReadinessState=readiness), f"readiness {readiness}")

        @rule(subject=created, performer=performers, which=locks, station=st.sampled_from(["S1", "S2"]))
        def set_station(self, subject, performer, which, station):
            codes = item(ScheduledStationNameCodeSequence=[code_item(station, "99TDWII", station)])
            self.set(subject, performer, which, codes, f"station {station}")

        @rule(subject=created, performer=performers, which=locks)
        def set_final(self, subject, performer, which):
            self.set(subject, performer, which, copy.deepcopy(env.final), "what the final state needs")

        def set(self, subject, performer, which, modification, what):
            before = self.state_of(subject)
            lock = None if which == "none" or (before == "SCHEDULED" and which == "right") else self.given(subject, which)
            if lock is not None:
                modification.TransactionUID = lock
            exchange = performer.set(subject.uid, modification)
            also = {
                "no such UPS": {NO_SUCH_INSTANCE}, "SCHEDULED": {OTHER_LOCK, NOT_YET} if lock else set(),
                "IN PROGRESS": set(),
            }.get(before, {OTHER_LOCK, FINAL, NOT_YET})  # fmt: skip
            instead = (NOT_YET,) if before == "SCHEDULED" and lock is None else ()  # A11
            words = f"{performer.calling} sets {what} of {subject} with {which} Transaction UID"
            self.compare(words, exchange, lambda: self.model.set(subject.uid, modification), also, instead)

        @rule(subject=created, performer=performers, reason=st.sampled_from(["", "Machine fault"]))
        def request_cancel(self, subject, performer, reason):
            if not env.cancels:
                return
            before = self.state_of(subject)
            information = item(**({"ReasonForCancellation": reason} if reason else {}))
            context = UPS.WATCH if env.watchers else UPS.PUSH
            exchange = performer.action(subject.uid, REQUEST_CANCEL, information, context=context)
            instead = (UNREACHABLE, DECLINED) if before == "IN PROGRESS" else ()
            if before == "SCHEDULED":  # the text would have every request reported, the table has the states only (A9)
                event = told(
                    2, subject.uid, item(RequestingAE=performer.calling, **({"ReasonForCancellation": reason} if reason else {}))
                )
                for tolerated in self.tolerated.values():
                    tolerated[event] += 1
            self.compare(
                f"{performer.calling} requests to cancel {subject}{f' ({reason})' if reason else ''}",
                exchange,
                lambda: self.model.request_cancel(subject.uid, information, performer.calling),
                CELLS["request cancel", before] - {0},
                instead,
            )

        @rule(subject=created, performer=performers)
        def get(self, subject, performer):
            exchange = performer.get(subject.uid, SHOWN)
            outcome = self.model.get(subject.uid, TAGS)
            self.compare(
                f"{performer.calling} gets {subject}", exchange, lambda: outcome, {NO_SUCH_INSTANCE} if outcome.status else ()
            )
            if outcome.dataset is not None:
                self.compare_shown(subject, exchange.dataset, outcome.dataset)

        def compare_shown(self, subject, shown, expected):
            if shown is None:
                self.fault(f"{subject} by N-GET", "no data set")
            for keyword in SHOWN[:3]:
                if shown.get(keyword) != expected.get(keyword):
                    self.fault(f"{keyword} {expected.get(keyword)!r} of {subject}", repr(shown.get(keyword)))
            for keyword in ("ProcedureStepProgress", "ProcedureStepProgressDescription"):
                values = [next(iter(one.get(PROGRESS) or ()), item()).get(keyword) for one in (shown, expected)]
                if (values[0] or None) != (values[1] or None):
                    self.fault(f"{keyword} {values[1]!r} of {subject}", repr(values[0]))

        @rule(subject=created, performer=performers, state=st.sampled_from(list(VERBS)))
        def find(self, subject, performer, state):
            exchange = performer.query(item(SOPInstanceUID=subject.uid, ProcedureStepState=state))
            self.step(f"{performer.calling} searches {subject} among those {state}", exchange)
            if exchange.status != 0:
                self.fault("the search ends with success", status_text(exchange.status))
            expected = [subject.uid] if self.state_of(subject) == state else []
            found = [str(identifier.get("SOPInstanceUID")) for identifier in exchange.identifiers]
            if found != expected:
                self.fault(f"{subject} {'is found' if expected else 'is not found'}", f"{len(found)} matches")

        # --- watchers -----------------------------------------------------------------------------------------------

        if env.watchers:

            @rule(subject=created, watcher=watchers, lock=st.booleans())
            def subscribe(self, subject, watcher, lock):
                self.subscribe_to(subject, watcher, lock)

            @rule(subject=created, lock=st.booleans())
            def subscribe_all(self, subject, lock):
                # Several watchers of one UPS, whom single steps rarely bring together.
                for watcher in env.watchers:
                    self.subscribe_to(subject, watcher, lock)

            def subscribe_to(self, subject, watcher, lock):
                exchange = watcher.subscribe(subject.uid, lock=lock)
                words = f"{watcher.ae_title} subscribes to {subject} with{'' if lock else 'out'} lock"
                self.compare(
                    words, exchange, lambda: self.model.subscribe(subject.uid, watcher.ae_title, lock), unknown_ups(subject)
                )

            @rule(subject=created, watcher=watchers)
            def unsubscribe(self, subject, watcher):
                self.unsubscribe_from(subject, watcher)

            @rule(subject=created, watcher=watchers, lock=st.booleans())
            def leave_and_return(self, subject, watcher, lock):
                self.unsubscribe_from(subject, watcher)
                self.subscribe_to(subject, watcher, lock)

            def unsubscribe_from(self, subject, watcher):
                exchange = watcher.unsubscribe(subject.uid)
                words = f"{watcher.ae_title} unsubscribes from {subject}"
                self.compare(words, exchange, lambda: self.model.unsubscribe(subject.uid, watcher.ae_title), unknown_ups(subject))

            @rule(watcher=watchers, lock=st.booleans())
            def subscribe_globally(self, watcher, lock):
                if lock:  # the text would have an initial event for every UPS, the table for those not subscribed (A6)
                    for subject in self.subjects:
                        shown = self.model.get(subject.uid, TAGS).dataset
                        self.tolerated[watcher.ae_title][told(1, subject.uid, shown)] += 1
                exchange = watcher.subscribe(lock=lock)
                words = f"{watcher.ae_title} subscribes globally with{'' if lock else 'out'} lock"
                self.compare(words, exchange, lambda: self.model.subscribe(GLOBAL, watcher.ae_title, lock))

            @rule(watcher=watchers)
            def unsubscribe_globally(self, watcher):
                exchange = watcher.unsubscribe()
                words = f"{watcher.ae_title} unsubscribes globally"
                self.compare(words, exchange, lambda: self.model.unsubscribe(GLOBAL, watcher.ae_title))

            @rule(watcher=watchers)
            def suspend(self, watcher):
                exchange = watcher.suspend()
                words = f"{watcher.ae_title} suspends its global subscription"
                self.compare(words, exchange, lambda: self.model.suspend(GLOBAL, watcher.ae_title))

            @rule(watcher=watchers)
            def look(self, watcher):
                self.step(f"{watcher.ae_title} looks what it was told", None)
                self.compare_told(watcher)

        def received(self, watcher):
            ours = {subject.uid for subject in self.subjects}
            reports = [r for r in watcher.reports(since=self.since) if r.instance_uid in ours]
            return [told(event_type(r), r.instance_uid, r.request.dataset) for r in reports]

        def compare_told(self, watcher):
            """Wait for every report that has to come, then for one that comes after all of them."""
            expected = Counter(self.expected[watcher.ae_title])
            if expected:
                watcher.receiver.wait_for(
                    lambda _: not expected - Counter(self.received(watcher)), watcher.ae_title, self.since, watcher.deadline
                )
            caught_up = watcher.caught_up(env.new_marker() if watcher.needs_new_marker else env.marker)
            received = Counter(self.received(watcher))
            if lacking := expected - received:
                self.fault(
                    f"{watcher.ae_title} is told of {self.named(lacking)}",
                    f"{received.total()} of {expected.total()} event reports",
                )
            if not caught_up:
                self.fault("an initial event for a subscription to a UPS", f"{watcher.ae_title} got none in time")
            if surplus := received - expected - self.tolerated[watcher.ae_title]:
                self.fault(f"{watcher.ae_title} is not told of it", f"{self.named(surplus)}")

        def named(self, events):
            numbers = {subject.uid: str(subject) for subject in self.subjects}
            return "; ".join(
                f"{EVENT_TYPES.get(kind, kind)} of {numbers[uid]} {[str(fact) for fact in facts if fact]}"
                for kind, uid, facts in events
            )

        def teardown(self):
            try:
                for watcher in env.watchers if not self.faulty else ():
                    self.compare_told(watcher)
            finally:
                self.clean_up()

        def clean_up(self):
            """End everything that was created."""
            for watcher in env.watchers:
                watcher.unsubscribe()
            for subject in self.subjects:
                env.end(subject.uid, self.state_of(subject), subject.lock)

    return Sequences


def unknown_ups(subject):
    return () if subject.number else {NO_SUCH_INSTANCE}

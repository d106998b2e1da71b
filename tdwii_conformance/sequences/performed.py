"""The requests of performers, compared with the UPS model of `ups`.

Statuses are compared with the model's and with those that the catalogue lists beside them; what N-GET and C-FIND show,
with what the model says. Where the text lets an SCP refuse what the model grants, the model does not do it either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..checks import Finding, status
from ..profile import load_catalogue
from ..profile.statuses import is_failure, status_text
from ..profile.ups_service import ASSIGNED, PROGRESS_REPORT, REQUEST_CANCEL, UPS
from ..scu.tdd import TDD
from ..transcript.exchange import Exchange
from ..treatment.messages import code_item, copied, item
from ..treatment.modification import FREE, OPTIONAL
from ..ups import Outcome, Worklist
from ..ups.events import Event
from .environment import Environment, Reported, Subject, reported

__all__ = ["NO_LOCK_GRANTED", "NO_SUCH_INSTANCE", "TAGS", "VERBS", "PerformedSequence"]

PROGRESS, STATION = "ProcedureStepProgressInformationSequence", "ScheduledStationNameCodeSequence"
PROGRESS_TAG, STATION_TAG = 0x00741002, 0x00404025
FINAL_STATES = ("COMPLETED", "CANCELED")
SHOWN = ("ProcedureStepState", "InputReadinessState", "ProcedureStepLabel", PROGRESS)
TAGS = [tag for keyword in SHOWN if (tag := tag_for_keyword(keyword)) is not None]
VERBS = {"IN PROGRESS": "claim", "COMPLETED": "complete", "CANCELED": "cancel", "SCHEDULED": "change to SCHEDULED"}
OTHER_LOCK, FINAL, NOT_MET, NOT_YET = 0xC301, 0xC300, 0xC304, 0xC310
UNREACHABLE, DECLINED, NO_LOCK_GRANTED, NO_SUCH_INSTANCE = 0xC312, 0xC313, 0xB301, 0x0112
NOT_AUTHORIZED, GONE = 0x0124, (0xC307, NO_SUCH_INSTANCE)
COERCED = (0xB300, 0xB305, 0x0107, 0x0116)  # done, with other values than those that were sent
UNSUPPORTED, MAY_BE_UNSUPPORTED = (0x0001, 0x0107), frozenset((*OPTIONAL, *FREE))
CELLS = {r.cell: {*r.statuses, *r.warnings} for r in load_catalogue().cells("CC.1.1")}


class PerformedSequence:
    """A sequence of requests of performers; begins anew when it is made.

    Parameters
    ----------
    env : Environment
        Who takes part.
    """

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.env.begin()
        self.subjects: list[Subject] = []
        self.script: list[str] = []
        self.unlocked = False  # whether a global subscription without lock may have released locks (A21)
        self.faulty = False
        self.expected: dict[str, list[Reported]] = {watcher.ae_title: [] for watcher in self.env.watchers}
        self.tolerated: dict[str, Counter[Reported]] = {watcher.ae_title: Counter() for watcher in self.env.watchers}
        self.model = Worklist(publish=self.publish)
        for watcher in self.env.watchers:
            self.env.judge(status.accepted(watcher.unsubscribe(), "a global unsubscribe"))
        self.since = self.env.watchers[0].mark() if self.env.watchers else 0

    def publish(self, event: Event, receivers: Sequence[str]) -> None:
        """Take note of an event that the model sends: its receivers have to be told."""
        for receiver in receivers:
            self.expected[receiver].append(reported(event.type, event.uid, event.attributes))

    # --- what is compared ---

    def step(self, words: str, exchange: Exchange | None) -> None:
        """Add a step, and how it was answered, to the script that a finding shows."""
        answer = status_text(exchange.status) if exchange is not None and exchange.status is not None else "no answer"
        self.script.append(f"{len(self.script) + 1}. {words}: {answer}")

    def fault(self, expected: str, received: str) -> None:
        """Judge a fault, with the steps that lead there."""
        self.faulty = True
        last = f"step {self.script[-1]}" if self.script else "before the first step"
        self.env.judge([Finding(expected, received, f"{last}; after these steps:\n" + "\n".join(self.script))])

    def compare(
        self,
        words: str,
        exchange: Exchange,
        perform: Callable[[], Outcome],
        also: Collection[int] = (),
        instead: Collection[int] = (),
    ) -> int | None:
        """Compare an answer with the model's.

        Parameters
        ----------
        words : str
            What was asked.
        exchange : Exchange
            The request and its answer.
        perform : callable
            Asks the model the same.
        also : collection of int
            Statuses that are as good as the model's.
        instead : collection of int
            Statuses by which the SCP refuses, as it may; then the model is not asked.

        Returns
        -------
        int
            Status of the model, or that by which the SCP refused.
        """
        self.step(words, exchange)
        if exchange.failure or exchange.status is None:
            self.fault("an answer", exchange.failure or "none")
        if exchange.status in instead:
            return exchange.status
        outcome = perform()
        granted = exchange.status in (0, NO_LOCK_GRANTED, *(one for one in also if one in COERCED))
        if granted != (outcome.status == 0) or exchange.status not in {outcome.status, NO_LOCK_GRANTED, *also}:
            self.fault(f"status {status_text(outcome.status)}", f"status {status_text(exchange.status)}")
        return outcome.status

    def state_of(self, subject: Subject) -> str:
        """Return the state in the model; "no such UPS" for one that it does not have."""
        shown = self.model.get(subject.uid, [0x00741000]).dataset
        return str(shown.ProcedureStepState) if shown is not None else "no such UPS"

    def given(self, subject: Subject, which: str) -> str | None:
        """Return the Transaction UID to send: the "right" one, "another", or "none"."""
        if which == "none":
            return None
        return subject.lock if which == "right" and subject.lock else generate_uid()

    # --- requests ---

    def create(self, performer: TDD) -> Subject:
        """Create a UPS."""
        subject = Subject(len(self.subjects) + 1, generate_uid())
        attributes = copied(self.env.attributes)
        exchange = performer.create(subject.uid, attributes)
        also = self.coerced(exchange, subject, performer, attributes)
        self.compare(f"{performer.calling} creates {subject}", exchange, lambda: self.model.create(subject.uid, attributes), also)
        self.subjects.append(subject)
        return subject

    def coerced(self, exchange: Exchange, subject: Subject, performer: TDD, sent: Dataset) -> Collection[int]:
        """Put what an SCP made of coerced values into what the model is given; return the status that says so [CC.2.5.4]."""
        if exchange.status in COERCED:
            shown = performer.get(subject.uid, [*SHOWN, STATION]).dataset or Dataset()
            for keyword in (*SHOWN, STATION):
                if keyword in sent and keyword in shown and keyword != "ProcedureStepState":
                    sent[keyword] = shown[keyword]
        return {one for one in (exchange.status,) if one in COERCED}

    def remembered(self, subject: Subject, performer: TDD) -> None:
        """Have the model forget a UPS in a final state that the SCP keeps no longer, as it may without deletion lock [CC.2.1.3]."""
        may_be_gone = self.state_of(subject) in FINAL_STATES and self.without_lock(subject)
        if may_be_gone and performer.get(subject.uid, ["ProcedureStepState"]).status in GONE:
            self.model.forget(subject.uid)

    def without_lock(self, subject: Subject) -> bool:
        """Whether no deletion lock is on a UPS; one that a global subscription may have released is none (A21)."""
        return self.unlocked or not self.model.subscriptions.locked(subject.uid)

    def create_again(self, subject: Subject, performer: TDD) -> None:
        """Create a UPS that exists."""
        if subject.number:
            self.remembered(subject, performer)
            attributes = copied(self.env.attributes)
            exchange = performer.create(subject.uid, attributes)
            words = f"{performer.calling} creates {subject} again"
            also = self.coerced(exchange, subject, performer, attributes)
            if self.compare(words, exchange, lambda: self.model.create(subject.uid, attributes), also) == 0:
                subject.lock = ""

    def complete(self, subject: Subject, performer: TDD) -> None:
        """Go the way to COMPLETED, which single steps rarely find."""
        self.set(subject, performer, "right", copied(self.env.final), "what the final state needs")
        self.change_state(subject, performer, "COMPLETED", "right")

    def change_state(self, subject: Subject, performer: TDD, state: str, which: str) -> None:
        """Ask for a state, with a Transaction UID as by `given`."""
        self.remembered(subject, performer)
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
            subject.lock = lock or ""

    def set_progress(self, subject: Subject, performer: TDD, which: str, progress: int, described: str) -> None:
        """Set the progress, in percent, and its description unless that is empty."""
        told_ = item(ProcedureStepProgress=str(progress), **({"ProcedureStepProgressDescription": described} if described else {}))
        self.set(subject, performer, which, item(**{PROGRESS: [told_]}), f"progress {progress} {described}".strip())

    def set_readiness(self, subject: Subject, performer: TDD, which: str, readiness: str) -> None:
        """Set the Input Readiness State."""
        self.set(subject, performer, which, item(InputReadinessState=readiness), f"readiness {readiness}")

    def set_station(self, subject: Subject, performer: TDD, which: str, station: str) -> None:
        """Set the Scheduled Station Name, by a code value."""
        codes = item(ScheduledStationNameCodeSequence=[code_item(station, "99TDWII", station)])
        self.set(subject, performer, which, codes, f"station {station}")

    def set_final(self, subject: Subject, performer: TDD, which: str) -> None:
        """Set what the final state needs."""
        self.set(subject, performer, which, copied(self.env.final), "what the final state needs")

    def set(self, subject: Subject, performer: TDD, which: str, modification: Dataset, what: str) -> None:
        """Set attributes; `what` says which, in words."""
        self.remembered(subject, performer)
        before = self.state_of(subject)
        lock = None if which == "none" or (before == "SCHEDULED" and which == "right") else self.given(subject, which)
        if lock is not None:
            modification.TransactionUID = lock
        exchange = performer.set(subject.uid, modification)
        also: Collection[int] = {
            "no such UPS": {NO_SUCH_INSTANCE}, "SCHEDULED": {OTHER_LOCK, NOT_YET} if lock else set(),
            "IN PROGRESS": set(),
        }.get(before, {OTHER_LOCK, FINAL, NOT_YET})  # fmt: skip
        instead = [NOT_YET] if before == "SCHEDULED" and lock is None else []  # A11
        if self.may_be_set(before, lock, subject) and any(e.keyword in MAY_BE_UNSUPPORTED for e in modification):
            instead += [one for one in (exchange.status,) if one in UNSUPPORTED or (one is not None and is_failure(one))]
        words = f"{performer.calling} sets {what} of {subject} with {which} Transaction UID"
        brought = set(modification.keys())
        also = {*also, *self.coerced(exchange, subject, performer, modification)}
        self.compare(words, exchange, lambda: self._set(subject, modification, brought), also, instead)

    def _set(self, subject: Subject, modification: Dataset, brought: Collection[int]) -> Outcome:
        """Have the model set attributes; that values which were there are reported again is tolerated [CC.2.4.3]."""
        outcome = self.model.set(subject.uid, modification)
        if outcome.status == 0:
            kinds = {event.type for event in outcome.events}
            shown = self.model.get(subject.uid, [STATION_TAG]).dataset or Dataset()
            for tag, event in (
                (PROGRESS_TAG, reported(PROGRESS_REPORT, subject.uid, None)),
                (STATION_TAG, reported(ASSIGNED, subject.uid, shown)),
            ):
                for receiver in self.model.subscriptions.of(subject.uid) if tag in brought and event[0] not in kinds else ():
                    self.tolerated[receiver][event] += 1
        return outcome

    def may_be_set(self, state: str, lock: str | None, subject: Subject) -> bool:
        """Whether state and lock allow an N-SET."""
        return lock is None if state == "SCHEDULED" else state == "IN PROGRESS" and lock == subject.lock

    def request_cancel(self, subject: Subject, performer: TDD, reason: str) -> None:
        """Request to cancel, with a reason unless that is empty; nothing where the TMS does not claim it."""
        if not self.env.cancels:
            return
        self.remembered(subject, performer)
        before = self.state_of(subject)
        information = item(**({"ReasonForCancellation": reason} if reason else {}))
        context = UPS.WATCH if self.env.watchers else UPS.PUSH
        exchange = performer.action(subject.uid, REQUEST_CANCEL, information, context=context)
        instead = (NOT_AUTHORIZED, *((UNREACHABLE, DECLINED) if before == "IN PROGRESS" else ()))
        if before == "SCHEDULED":  # the text would have every request reported, the table has the states only (A9)
            event = reported(
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

    def get(self, subject: Subject, performer: TDD) -> None:
        """Compare what N-GET shows; an AE that neither made nor performs the UPS may be refused [CC.2.7.3]."""
        self.remembered(subject, performer)
        exchange = performer.get(subject.uid, SHOWN)
        outcome = self.model.get(subject.uid, TAGS)
        also = {NO_SUCH_INSTANCE} if outcome.status else ()
        status_ = self.compare(f"{performer.calling} gets {subject}", exchange, lambda: outcome, also, (NOT_AUTHORIZED,))
        if outcome.dataset is not None and status_ != NOT_AUTHORIZED:
            self.compare_shown(subject, exchange.dataset, outcome.dataset)

    def compare_shown(self, subject: Subject, shown: Dataset | None, expected: Dataset) -> None:
        """Compare what an SCP shows of a UPS with what the model does."""
        if shown is None:
            self.fault(f"{subject} by N-GET", "no data set")
            return
        for keyword in SHOWN[:3]:
            if shown.get(keyword) != expected.get(keyword):
                self.fault(f"{keyword} {expected.get(keyword)!r} of {subject}", repr(shown.get(keyword)))
        for keyword in ("ProcedureStepProgress", "ProcedureStepProgressDescription"):
            values = [next(iter(one.get(PROGRESS) or ()), item()).get(keyword) for one in (shown, expected)]
            if (values[0] or None) != (values[1] or None):
                self.fault(f"{keyword} {values[1]!r} of {subject}", repr(values[0]))

    def find(self, subject: Subject, performer: TDD, state: str) -> None:
        """Compare whether C-FIND finds a UPS among those in a state."""
        self.remembered(subject, performer)
        exchange = performer.query(item(SOPInstanceUID=subject.uid, ProcedureStepState=state))
        self.step(f"{performer.calling} searches {subject} among those {state}", exchange)
        if exchange.status != 0:
            self.fault("the search ends with success", status_text(exchange.status) if exchange.status is not None else "no answer")
        expected = [subject.uid] if self.state_of(subject) == state else []
        found = list(exchange.matches)
        if found != expected:
            self.fault(f"{subject} {'is found' if expected else 'is not found'}", f"{len(found)} matches")

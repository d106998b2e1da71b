"""A sequence of requests, of a simulator and of the model at once; the random ones are in `test_ups_machine.py`."""

from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.defects import equip
from tdwii_conformance.profile.ups_service import CHANGE_STATE
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.watcher import Watcher
from tdwii_conformance.sequences import Environment, Subject, WatchedSequence
from tdwii_conformance.sequences.environment import reported
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, code_item, item
from tdwii_conformance.ups import Outcome


@pytest.mark.parametrize(
    ("kind", "information", "facts"),
    [
        (1, item(ProcedureStepState="SCHEDULED", InputReadinessState="READY", ReasonForCancellation="x"), ("SCHEDULED", "READY")),
        (2, item(RequestingAE="W1", ReasonForCancellation="Fault", ContactDisplayName="x"), ("W1", "Fault")),
        (2, None, (None, None)),
        (3, item(ProcedureStepProgress="10"), ()),
        (5, item(ScheduledStationNameCodeSequence=[code_item("S1", "99TDWII", "x")]), ("S1",)),
        (9, item(RequestingAE="W1"), ()),
    ],
)
def test_what_is_compared_of_an_event(kind, information, facts):
    assert reported(kind, "1.2", information) == (kind, "1.2", facts)


class Fault(AssertionError):
    pass


def judge(findings):
    for finding in findings:
        raise Fault(f"{finding.expected} | {finding.received} | {finding.path}")


@pytest.fixture
def sequence_on():
    """A function that begins a sequence, of one performer and one watcher, on a simulated TMS of some class."""
    with ExitStack() as stack:

        def begin(kind):
            receiver = stack.enter_context(Receiver("W1"))
            tms = stack.enter_context(kind(destinations={"W1": receiver.peer}))
            tdd = stack.enter_context(TDD(tms.peer, tms.peer, calling="TDD"))
            treatment, start = objects.new_treatment(), datetime(2026, 1, 1, 12)
            names = {"station": Code("TDD1", "99TDWII", "Treatment machine 1"), "start": start}
            attributes = objects.workitem(treatment, tms="TMS", ost="OST", **names)
            final = objects.final_update(
                progress=100,
                end=start + timedelta(minutes=12),
                records=[objects.record(treatment)],
                ost="OST",
                canceled=False,
                **names,
            )

            def new_marker():
                tdd.create(uid := generate_uid(), attributes)
                return uid

            watcher = Watcher(tdd, receiver, "W1", 5.0)
            environment = Environment([tdd], [watcher], attributes, final, new_marker, judge, lambda: None, cancels=True)
            environment.marker = new_marker()
            return WatchedSequence(environment), tms, tdd, watcher

        yield begin


def test_what_agrees_is_no_fault_and_is_ended(sequence_on):
    sequence, _, tdd, watcher = sequence_on(TMS)
    subject, other = sequence.create(tdd), sequence.create(tdd)
    sequence.subscribe(subject, watcher, lock=False)
    sequence.change_state(subject, tdd, "IN PROGRESS", "right")
    sequence.change_state(subject, tdd, "COMPLETED", "another")  # refused by both
    sequence.set_progress(subject, tdd, "right", 35, "Gating")
    sequence.get(subject, tdd)
    sequence.find(subject, tdd, "SCHEDULED")
    sequence.change_state(Subject(0, generate_uid()), tdd, "IN PROGRESS", "right")
    sequence.look(watcher)
    sequence.finish()
    shown = [str(tdd.get(one.uid, ["ProcedureStepState"]).dataset.ProcedureStepState) for one in (subject, other)]
    assert shown == ["CANCELED", "CANCELED"]


class ClaimOfClaimed(TMS):
    """Grants a claim of a UPS that is IN PROGRESS."""

    def action(self, event, action):
        outcome = super().action(event, action)
        return Outcome(0) if action == CHANGE_STATE and outcome.status == 0xC302 else outcome


def test_another_status_is_a_fault_with_the_steps(sequence_on):
    sequence, _, tdd, _ = sequence_on(ClaimOfClaimed)
    subject = sequence.create(tdd)
    sequence.change_state(subject, tdd, "IN PROGRESS", "right")
    with pytest.raises(Fault, match="status C302") as raised:
        sequence.change_state(subject, tdd, "IN PROGRESS", "right")
    assert "3. TDD asks for IN PROGRESS of UPS 1 with right Transaction UID: 0000" in str(raised.value)


class Silent(TMS):
    """Reports nothing but initial events."""

    def _publish(self, event, receivers):
        if event.attributes is None or event.attributes.get("ProcedureStepState") != "IN PROGRESS":
            super()._publish(event, receivers)


def test_an_event_that_does_not_come_is_a_fault(sequence_on):
    sequence, _, tdd, watcher = sequence_on(Silent)
    watcher.deadline = 0.5
    subject = sequence.create(tdd)
    sequence.subscribe(subject, watcher, lock=False)
    sequence.change_state(subject, tdd, "IN PROGRESS", "right")
    with pytest.raises(Fault, match=r"W1 is told of .* of UPS 1"):
        sequence.look(watcher)


def strict_tms(**named):
    tms = TMS(**named)
    equip(tms, ["strict"])
    return tms


def test_what_a_strict_tms_may_refuse_is_no_fault(sequence_on):
    """No deletion lock, so none of the initial events that belong to it; no change of what it need not support."""
    sequence, _, tdd, watcher = sequence_on(strict_tms)
    subject = sequence.create(tdd)
    sequence.subscribe_globally(watcher, lock=True)
    sequence.subscribe(subject, watcher, lock=True)
    sequence.create(tdd)
    sequence.change_state(subject, tdd, "IN PROGRESS", "right")
    sequence.set_station(subject, tdd, "right", "S9")
    sequence.get(subject, tdd)
    sequence.look(watcher)
    assert any("B301" in one for one in sequence.script)
    assert any("0105" in one for one in sequence.script)
    sequence.finish()


def tms_with(*names):
    def made(**named):
        tms = TMS(**named)
        equip(tms, names)
        return tms

    return made


def test_coerced_values_are_no_fault(sequence_on):
    sequence, _, tdd, watcher = sequence_on(tms_with("create-modified", "set-coerced", "events-of-repeated-values"))
    subject = sequence.create(tdd)
    sequence.subscribe(subject, watcher, lock=False)
    sequence.set(subject, tdd, "right", item(ProcedureStepLabel="Coerce me"), "the label")
    sequence.change_state(subject, tdd, "IN PROGRESS", "right")
    sequence.get(subject, tdd)
    for _ in range(2):
        sequence.set_progress(subject, tdd, "right", 35, "Gating")
        sequence.set_station(subject, tdd, "right", "S9")
    sequence.look(watcher)
    assert any("B300" in one for one in sequence.script)
    assert any("B305" in one for one in sequence.script)
    sequence.finish()


def test_ups_that_ended_may_be_forgotten(sequence_on):
    sequence, _, tdd, watcher = sequence_on(tms_with("ended-not-kept"))
    subject, kept = sequence.create(tdd), sequence.create(tdd)
    sequence.subscribe(kept, watcher, lock=True)
    for one in (subject, kept):
        sequence.request_cancel(one, tdd, "")
        sequence.get(one, tdd)
        sequence.change_state(one, tdd, "IN PROGRESS", "right")
        sequence.set_progress(one, tdd, "none", 10, "")
        sequence.find(one, tdd, "CANCELED")
    assert [sequence.state_of(one) for one in (subject, kept)] == ["no such UPS", "CANCELED"]
    sequence.create_again(subject, tdd)
    sequence.create_again(kept, tdd)
    sequence.subscribe_globally(watcher, lock=True)
    sequence.look(watcher)
    sequence.finish()


def test_ups_with_a_lock_must_not_be_forgotten(sequence_on):
    sequence, tms, tdd, watcher = sequence_on(TMS)
    subject = sequence.create(tdd)
    sequence.subscribe(subject, watcher, lock=True)
    sequence.request_cancel(subject, tdd, "")
    tms.worklist.forget(subject.uid)
    with pytest.raises(Fault, match=r"status 0000.*step 4\. TDD gets UPS 1: C307"):
        sequence.get(subject, tdd)


def test_another_ae_may_be_refused(sequence_on):
    sequence, tms, tdd, _ = sequence_on(tms_with("another-ae-not-authorized"))
    subject = sequence.create(tdd)
    with TDD(tms.peer, tms.peer, calling="TDD2") as other:
        sequence.get(subject, other)
        sequence.request_cancel(subject, other, "")
    sequence.get(subject, tdd)
    sequence.finish()
    assert ["0124" in one for one in sequence.script] == [False, True, True, False]

"""The state machine finds what it is there for: simulators with one fault each, made by hand."""

import dataclasses
from contextlib import ExitStack
from datetime import datetime, timedelta

import hypothesis
import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.profile.ups_service import CHANGE_STATE, SUBSCRIBE, UNSUBSCRIBE
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.watcher import Watcher
from tdwii_conformance.sequences import Environment
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.ups import GLOBAL, Outcome
from tdwii_conformance.ups.worklist import Worklist
from tests.conformance.tms.ups_machine import drive

pytestmark = pytest.mark.long

LOST_AFTER = 5.0  # seconds in which an event report comes, on a busy machine too
STATION = Code("TDD1", "99TDWII", "Treatment machine 1")
SETTINGS = hypothesis.settings(
    hypothesis.settings.get_profile("ci"),
    max_examples=100,
    stateful_step_count=40,
    phases=[hypothesis.Phase.generate],
    report_multiple_bugs=False,  # which also ends the search with the first
)


class ClaimOfCompleted(TMS):
    """Grants a claim of a UPS that is COMPLETED."""

    def action(self, event, action):
        instance = str(event.request.RequestedSOPInstanceUID)
        shown = self.worklist.get(instance, [0x00741000]).dataset
        completed = shown is not None and shown.ProcedureStepState == "COMPLETED"
        if completed and action == CHANGE_STATE and event.action_information.get("ProcedureStepState") == "IN PROGRESS":
            return Outcome(0)
        return super().action(event, action)


class AnyLock(TMS):
    """Accepts an N-SET with another Transaction UID than that of the claim."""

    def set(self, event):
        modification = event.modification_list
        record = self.worklist._store.get(str(event.request.RequestedSOPInstanceUID))
        if record is not None and record.lock and modification.get("TransactionUID"):
            modification.TransactionUID = record.lock
        return self.worklist.set(str(event.request.RequestedSOPInstanceUID), modification)


class LostAfterReturn(TMS):
    """Forgets to report the first change to an AE that unsubscribed from a UPS and subscribed again."""

    def __init__(self, *arguments, **keywords):
        self.left, self.back, self.subscribing = set(), set(), False
        super().__init__(*arguments, **keywords)

    def subscription(self, instance, action, information):
        self.subscribing = True  # what is published now are initial events
        outcome = super().subscription(instance, action, information)
        self.subscribing = False
        key = (information.get("ReceivingAE"), instance)
        if action == UNSUBSCRIBE and outcome.status == 0:
            self.left.add(key)
        if action == SUBSCRIBE and outcome.status == 0 and key in self.left:
            self.left.remove(key)
            self.back.add(key)
        return outcome

    def _publish(self, event, receivers):
        lost = {ae for ae in receivers if (ae, event.uid) in self.back and not self.subscribing}
        self.back -= {(ae, event.uid) for ae in lost}
        super()._publish(event, [ae for ae in receivers if ae not in lost])


class OneForAll(TMS):
    """Ends the subscriptions of every AE when one unsubscribes."""

    def subscription(self, instance, action, information):
        outcome = super().subscription(instance, action, information)
        if action == UNSUBSCRIBE and outcome.status == 0 and instance != GLOBAL:
            for ae in self.worklist._subscriptions.of(instance):
                self.worklist.unsubscribe(instance, ae)
        return outcome


class Fault(AssertionError):
    pass


def judge(findings):
    for finding in findings:
        raise Fault(f"{finding.expected} | {finding.received} | {finding.path}")


@pytest.fixture
def environment_of():
    def environment(receiver, tdd, other):
        treatment, start = objects.new_treatment(), datetime(2026, 1, 1, 12)
        names = {"station": STATION, "start": start}
        attributes = objects.workitem(treatment, tms="TMS", ost="OST", **names)
        records = [objects.record(treatment)]
        final = objects.final_update(
            progress=100, end=start + timedelta(minutes=12), records=records, ost="OST", canceled=False, **names
        )
        watchers = [Watcher(tdd, receiver, title, LOST_AFTER) for title in ("W1", "W2")]

        def new_marker():
            tdd.create(uid := generate_uid(), attributes)
            return uid

        return Environment([tdd, other], watchers, attributes, final, new_marker, judge, None, cancels=True)

    return environment


@pytest.fixture
def run(environment_of):
    def run_against(kind):
        with Receiver("W1") as receiver, ExitStack() as stack:
            known = {title: dataclasses.replace(receiver.peer, ae_title=title) for title in ("W1", "W2")}
            tms = stack.enter_context(kind(destinations=known))
            tdd, other = (stack.enter_context(TDD(tms.peer, tms.peer, calling=title)) for title in ("TDD", "TDD2"))
            environment = environment_of(receiver, tdd, other)

            def begin():
                # An empty worklist: what earlier examples left would be reported to every new global subscription.
                tms.worklist = Worklist(publish=tms._publish)
                environment.marker = environment.new_marker()

            environment.begin = begin
            drive(environment, SETTINGS)

    return run_against


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (ClaimOfCompleted, r"status C30[01] .*\| status 0000"),
        (AnyLock, r"status C301 .*\| status 0000|is not told of it .*Progress"),
        (LostAfterReturn, r"is told of"),
        (OneForAll, r"is told of"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_fault_is_found(kind, fault, run):
    with pytest.raises(Fault, match=fault) as raised:
        run(kind)
    assert "\n1. " in str(raised.value)  # the steps that lead there

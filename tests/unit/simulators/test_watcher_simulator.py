"""The simulated watcher: subscribes, is told, and comes back after a cold start."""

import threading
from contextlib import ExitStack

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.simulators.watcher import WatcherSimulator
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.ups import GLOBAL
from tests.unit.simulators.test_event_reports import workitem

DEADLINE = 10.0
STATE_REPORT, STATUS_CHANGE = 1, 4


class Told:
    """What a watcher was told, to be waited for."""

    def __init__(self):
        self.reports, self.arrived = [], threading.Condition()

    def __call__(self, kind, uid, information):
        with self.arrived:
            self.reports.append((kind, uid, information))
            self.arrived.notify_all()

    def wait_for(self, kind, uid, where=lambda information: True):
        with self.arrived:
            return self.arrived.wait_for(lambda: any(r[:2] == (kind, uid) and where(r[2]) for r in self.reports), DEADLINE)


@pytest.fixture
def told():
    return Told()


def test_is_told_of_what_it_subscribed_to(told):
    known = {}
    with TMS(destinations=known) as tms, WatcherSimulator(tms.peer, keys=item(PatientID="P1"), on_report=told) as watcher:
        known["WATCHER"] = watcher.peer
        watcher.subscribe()
        inside, outside = workitem(), workitem()
        inside.PatientID = "P1"
        other, uid = generate_uid(), generate_uid()
        tms.worklist.create(other, outside)
        tms.worklist.create(uid, inside)
        assert told.wait_for(STATE_REPORT, uid)
        assert not any(report[1] == other for report in told.reports)
        watcher.unsubscribe()
        assert tms.worklist.subscribers() == ()


def test_subscribes_again_after_a_cold_start(told):
    known = {}
    with ExitStack() as stack:
        first = stack.enter_context(TMS(destinations=known))
        watcher = stack.enter_context(WatcherSimulator(first.peer, on_report=told))
        known["WATCHER"] = watcher.peer
        watcher.subscribe()
        port = first.peer.port
        first.stop()
        second = stack.enter_context(TMS(port=port, destinations=known, fallback=["WATCHER"]))
        assert told.wait_for(STATUS_CHANGE, GLOBAL, lambda information: information.SCPStatus == "RESTARTED")
        uid = generate_uid()
        watcher._again.join(DEADLINE)
        second.worklist.create(uid, workitem())
        assert told.wait_for(STATE_REPORT, uid)


def test_refusal_is_an_error_with_the_status():
    with TMS() as tms, WatcherSimulator(tms.peer) as watcher, pytest.raises(ValueError, match="C308"):
        watcher.subscribe()

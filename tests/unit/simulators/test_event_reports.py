"""Event reports of the simulated TMS: order, many receivers, receivers that are slow, gone or killed, restarts, locks."""

import dataclasses
import logging
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from tdwii_conformance.checks.events import event_type
from tdwii_conformance.dimse import Peer, Server, Timeouts
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.watcher import FILTERED, GLOBAL, Watcher
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.ups import SQLiteStore

DEADLINE = 10.0
STATE_REPORT, STATUS_CHANGE = 1, 4
N_CREATE_RSP = 0x8140
EVENT = sop_class.UnifiedProcedureStepEvent
TITLES = [f"WATCHER{number}" for number in range(1, 6)]


def workitem():
    treatment = objects.new_treatment()
    station = Code("TDD1", "99TDWII", "Treatment machine 1")
    return objects.workitem(treatment, tms="TMS", ost="OST", station=station, start=datetime(2026, 1, 1, 12))


@pytest.fixture
def receiver():
    with Receiver("TDD") as listening:
        yield listening


@pytest.fixture
def known(receiver):
    return {title: dataclasses.replace(receiver.peer, ae_title=title) for title in ("TDD", *TITLES)}


@pytest.fixture
def connected(receiver, known):
    """A function that returns a TDD and watchers of a TMS."""
    devices = []

    def connect(tms, titles=("TDD",)):
        tdd = TDD(tms.peer, tms.peer, calling="TDD")
        devices.append(tdd)
        return tdd, [Watcher(tdd, receiver, title, DEADLINE) for title in titles]

    yield connect
    for tdd in devices:
        tdd.close()


def states(watcher, uid):
    return [r.request.dataset.ProcedureStepState for r in watcher.reports(uid) if event_type(r) == STATE_REPORT]


def test_each_of_many_receivers_is_told_in_order(known, connected):
    with TMS(destinations=known) as tms:
        tdd, watchers = connected(tms, TITLES)
        for watcher in watchers:
            assert watcher.subscribe(lock=True).status == 0
        uids = [generate_uid() for _ in range(20)]
        for uid in uids:
            assert tdd.create(uid, workitem()).status == 0
            assert tdd.claim(uid).status == 0
        for watcher in watchers:
            assert watcher.wait_for_state(uids[-1], "IN PROGRESS") is not None
            told = [
                (r.instance_uid, r.request.dataset.ProcedureStepState) for r in watcher.reports() if event_type(r) == STATE_REPORT
            ]
            assert told == [(uid, state) for uid in uids for state in ("SCHEDULED", "IN PROGRESS")]


def test_response_goes_first(known, connected, receiver):
    uid, early = generate_uid(), []

    def hold_back(event):
        command = event.message.command_set
        if command.CommandField == N_CREATE_RSP:  # if the report does not wait for the response, it comes now
            early.append(receiver.wait_for(lambda report: report.instance_uid == uid, "TDD", 0, 0.3))

    tms = TMS(destinations=known)
    tms.server.add_handler(evt.EVT_DIMSE_SENT, hold_back)
    with tms:
        tdd, (watcher,) = connected(tms)
        assert watcher.subscribe().status == 0
        assert tdd.create(uid, workitem()).status == 0
        assert watcher.wait_for_state(uid, "SCHEDULED") is not None
    assert early == [None]


def test_reports_go_over_an_association_of_their_own(known, connected):
    with TMS(destinations=known) as tms:
        _, (watcher,) = connected(tms)
        uid = generate_uid()
        tms.worklist.create(uid, workitem())  # by the TMS itself: nobody asked
        assert watcher.subscribe(uid).status == 0
        report = watcher.wait_for_state(uid, "SCHEDULED")
        assert (report.requestor, report.acceptor, report.abstract_syntax) == ("TMS", "TDD", EVENT)


def test_what_the_tms_does_by_itself_is_reported(known, connected):
    with TMS(destinations=known) as tms:
        _, (watcher,) = connected(tms)
        assert watcher.subscribe().status == 0
        tms.worklist.create(uid := generate_uid(), workitem())
        assert watcher.wait_for_state(uid, "SCHEDULED") is not None


def test_slow_receiver_holds_nobody_up(known, connected):
    proceed = threading.Event()

    def slowly(event):
        proceed.wait(DEADLINE)
        return 0x0000, None

    with Server("SLOW", [EVENT], [(evt.EVT_N_EVENT_REPORT, slowly)]) as slow, TMS(destinations=known) as tms:
        known["SLOW"] = slow.peer
        tdd, (watcher,) = connected(tms)
        for receiver in (None, "SLOW"):
            arguments = {} if receiver is None else {"receiver": receiver}
            assert watcher.subscribe(**arguments).status == 0
        for _ in range(5):
            assert tdd.create(uid := generate_uid(), workitem()).status == 0
            assert watcher.wait_for_state(uid, "SCHEDULED") is not None
        assert not proceed.is_set()
        proceed.set()


def test_unreachable_receiver_is_logged_and_holds_nobody_up(known, connected, caplog):
    with Server("GONE", [EVENT], []) as gone:
        known["GONE"] = gone.peer
    with caplog.at_level(logging.WARNING), TMS(destinations=known) as tms:
        tdd, (watcher,) = connected(tms)
        assert watcher.subscribe(receiver="GONE").status == 0
        assert watcher.subscribe().status == 0
        assert tdd.create(uid := generate_uid(), workitem()).status == 0
        assert watcher.wait_for_state(uid, "SCHEDULED") is not None
    assert "GONE: event report of type 1" in caplog.text
    assert "no connection to 127.0.0.1" in caplog.text
    assert "TDD: event report" not in caplog.text


def test_refused_report_is_logged(known, connected, receiver, caplog):
    with caplog.at_level(logging.WARNING), TMS(destinations=known) as tms:
        tdd, (watcher,) = connected(tms)
        receiver.refuse_reports = 0x0213
        assert watcher.subscribe().status == 0
        assert tdd.create(uid := generate_uid(), workitem()).status == 0
        assert watcher.wait_for_state(uid, "SCHEDULED") is not None
    assert "TDD: event report of type 1" in caplog.text
    assert "0213 (resource limitation)" in caplog.text


VICTIM = """
import sys
from tdwii_conformance.scu.receiver import Receiver
with Receiver("VICTIM") as receiver:
    print(receiver.peer.port, flush=True)
    seen = 0
    while True:
        receiver.wait_for(lambda report: True, "VICTIM", seen, 60)
        for _ in receiver.reports("VICTIM", seen):
            seen += 1
            print("told", flush=True)
"""


def test_receiver_killed_in_a_burst(known, connected, caplog):
    """Nothing is lost for the others, and who was killed is in the log."""
    with subprocess.Popen([sys.executable, "-c", VICTIM], stdout=subprocess.PIPE, text=True) as victim:
        try:
            known["VICTIM"] = Peer("VICTIM", "127.0.0.1", int(victim.stdout.readline()))
            with caplog.at_level(logging.WARNING), TMS(destinations=known) as tms:
                tdd, watchers = connected(tms, TITLES[:2])
                for watcher in watchers:
                    assert watcher.subscribe().status == 0
                assert watchers[0].subscribe(receiver="VICTIM").status == 0
                uids = [generate_uid() for _ in range(60)]
                for number, uid in enumerate(uids):
                    assert tdd.create(uid, workitem()).status == 0
                    if number == 20:
                        assert victim.stdout.readline() == "told\n"  # the burst is under way
                        victim.send_signal(signal.SIGKILL)
                for watcher in watchers:
                    assert watcher.wait_for_state(uids[-1], "SCHEDULED") is not None
                    told = [r.instance_uid for r in watcher.reports() if event_type(r) == STATE_REPORT]
                    assert told == uids
        finally:
            victim.kill()
    assert "VICTIM: event report of type" in caplog.text
    assert not any(f"{title}: event report" in caplog.text for title in TITLES)


def status_changes(receiver, title):
    found = [r.request.dataset for r in receiver.reports(title) if event_type(r) == STATUS_CHANGE]
    return [(d.SCPStatus, d.SubscriptionListStatus, d.UnifiedProcedureStepListStatus) for d in found]


def test_cold_start_is_reported_to_the_fallback_list(known, receiver):
    with TMS(destinations=known, fallback=["WATCHER1"]):
        pass
    cold = ("COLD START", "COLD START")
    assert status_changes(receiver, "WATCHER1") == [("RESTARTED", *cold), ("GOING DOWN", *cold)]


def test_warm_start_keeps_worklist_and_subscriptions(tmp_path, known, connected, receiver):
    path, uid = tmp_path / "worklist.sqlite", generate_uid()
    with TMS(destinations=known, store=SQLiteStore(path)) as tms:
        tdd, (watcher, second) = connected(tms, ["TDD", "WATCHER1"])
        assert tdd.create(uid, workitem()).status == 0
        assert watcher.subscribe(lock=True).status == 0
        assert second.subscribe(uid).status == 0
        assert watcher.subscribe(FILTERED, keys=item(PatientID="NOBODY"), receiver="WATCHER2").status == 0
    since = receiver.mark()
    with TMS(destinations=known, store=SQLiteStore(path), fallback=["WATCHER3"]) as tms:
        tdd, (watcher, second) = connected(tms, ["TDD", "WATCHER1"])
        assert tdd.claim(uid).status == 0
        for one in (watcher, second):
            assert one.wait_for_state(uid, "IN PROGRESS", since=since) is not None
        assert tdd.create(new := generate_uid(), workitem()).status == 0
        assert watcher.wait_for_state(new, "SCHEDULED", since=since) is not None
        assert not second.reports(new)
    for title in ("TDD", "WATCHER1", "WATCHER2", "WATCHER3"):
        assert ("RESTARTED", "WARM START", "WARM START") in status_changes(receiver, title)
    assert status_changes(receiver, "WATCHER4") == []


def test_lock_keeps_a_ups_that_would_be_deleted(known, connected):
    def end(tdd, uid):
        lock = generate_uid()
        assert tdd.claim(uid, lock).status == 0
        assert tdd.change_state(uid, "CANCELED", lock).status == 0

    with TMS(destinations=known, retention=timedelta(0)) as tms:
        tdd, (watcher, second) = connected(tms, ["TDD", "WATCHER1"])
        locked, plain = generate_uid(), generate_uid()
        for uid in (locked, plain):
            assert tdd.create(uid, workitem()).status == 0
        assert watcher.subscribe(locked, lock=True).status == 0
        assert second.subscribe(locked, lock=True).status == 0
        assert watcher.subscribe(plain, lock=False).status == 0
        end(tdd, locked)
        end(tdd, plain)
        assert tdd.get(plain).status == 0xC307
        assert tdd.get(locked).status == 0
        assert watcher.unsubscribe(locked).status == 0
        assert tdd.get(locked).status == 0  # the second lock
        assert second.subscribe(locked, lock=False).status == 0  # gives the lock back
        assert tdd.get(locked).status == 0xC307
        assert watcher.unsubscribe(locked).status == 0xC307


def test_filtered_subscriptions_can_be_left_out(known, connected):
    with TMS(destinations=known, filtered=False) as tms:
        _, (watcher,) = connected(tms)
        assert watcher.subscribe(FILTERED, keys=item(PatientID="P")).status == 0xC307
        assert watcher.subscribe(GLOBAL).status == 0


def test_idle_association_is_released_and_opened_again(monkeypatch):
    monkeypatch.setattr("tdwii_conformance.simulators.reporter.LINGER", 0.05)
    opened, told, released = [], threading.Event(), threading.Event()

    def report(event):
        told.set()
        return 0x0000, None

    handlers = [
        (evt.EVT_ACCEPTED, opened.append),
        (evt.EVT_RELEASED, lambda event: released.set()),
        (evt.EVT_N_EVENT_REPORT, report),
    ]
    with Server("W", [EVENT], handlers) as server, TMS(destinations={"W": server.peer}) as tms:
        assert tms.worklist.subscribe(GLOBAL, "W", False).status == 0
        for _ in range(2):
            assert tms.worklist.create(generate_uid(), workitem()).status == 0
            assert told.wait(DEADLINE)
            assert released.wait(DEADLINE)
            told.clear()
            released.clear()
        assert len(opened) == 2


def test_stop_does_not_wait_for_a_receiver_that_never_answers(known, connected):
    proceed = threading.Event()
    timeouts = Timeouts(connect=1, association=0.5, message=1)

    def never(event):
        proceed.wait(DEADLINE)
        return 0x0000, None

    with Server("MUTE", [EVENT], [(evt.EVT_N_EVENT_REPORT, never)]) as mute:
        known["MUTE"] = mute.peer
        tms = TMS(destinations=known, timeouts=timeouts).start()
        tdd, (watcher,) = connected(tms)
        assert watcher.subscribe(receiver="MUTE").status == 0
        assert tdd.create(generate_uid(), workitem()).status == 0
        began = datetime.now()
        tms.stop()
        assert datetime.now() - began < timedelta(seconds=5)
        proceed.set()


def test_subscribed_to_once_told_once(known, connected):
    with TMS(destinations=known) as tms:
        tdd, (watcher,) = connected(tms)
        uid, marker = generate_uid(), generate_uid()
        for one in (uid, marker):
            assert tdd.create(one, workitem()).status == 0
        for _ in range(3):
            assert watcher.subscribe(uid).status == 0
        assert tdd.claim(uid).status == 0
        assert watcher.caught_up(marker)
        assert Counter(states(watcher, uid)) == {"SCHEDULED": 3, "IN PROGRESS": 1}


def test_no_subscription_is_left_to_a_marker(known, connected):
    with TMS(destinations=known) as tms:
        tdd, (watcher,) = connected(tms)
        used, last = generate_uid(), generate_uid()
        for one in (used, last):
            assert tdd.create(one, workitem()).status == 0
        assert watcher.caught_up(used)
        assert tdd.claim(used).status == 0
        assert watcher.caught_up(last)
        assert states(watcher, used) == ["SCHEDULED"]


def test_initial_events_under_way_are_not_taken_for_the_last_one(known, connected):
    with TMS(destinations=known) as tms:
        _, (watcher,) = connected(tms)
        uids = [generate_uid() for _ in range(30)]
        for uid in uids:
            tms.worklist.create(uid, workitem())
        assert not watcher.needs_new_marker
        assert watcher.subscribe(lock=True).status == 0
        assert watcher.needs_new_marker  # uids[0], as a marker, would be told of before the others
        tms.worklist.create(new := generate_uid(), workitem())
        assert watcher.caught_up(new)
        assert [report.instance_uid for report in watcher.reports()][: len(uids)] == uids
        assert not watcher.needs_new_marker
        assert watcher.unsubscribe().status == 0
        assert watcher.needs_new_marker  # an SCP that reports the end of every subscription would tell of uids[0] first


class Foretold(threading.Condition):
    """What has a time of its own: reports come at their hour, and no second of it is waited for.

    So a machine that does not let us run for half a second changes nothing.
    """

    def __init__(self, receiver, title, number):
        """Have the listener receive so many reports to an AE title, 0.2 s apart."""
        super().__init__()
        self.now, self.receiver = 0.0, receiver
        self.coming = [(0.2 * n, report_to(title, n)) for n in range(number)]

    def monotonic(self):
        return self.now

    def wait(self, timeout=None):
        end = self.now + timeout
        if not self.coming or self.coming[0][0] > end:
            self.now = end
            return False
        at, report = self.coming.pop(0)
        self.now = max(self.now, at)
        self.receiver.transcript.append(report)
        return True


@pytest.fixture
def arrive(receiver, monkeypatch):
    """A function that has reports come to the listener, in a time of their own."""

    def arriving(title, number):
        foretold = Foretold(receiver, title, number)
        monkeypatch.setattr(receiver.transcript, "_arrived", foretold)
        monkeypatch.setattr("tdwii_conformance.scu.receiver.time", foretold)
        return foretold

    return arriving


def report_to(title, number):
    return Exchange("N-EVENT-REPORT", "TMS", title, EVENT, Message(item(AffectedSOPInstanceUID=f"1.{number}"), datetime.now()))


def test_a_report_is_not_late_while_others_come(receiver, arrive):
    arriving = arrive("WATCHER1", 6)
    assert Watcher(None, receiver, "WATCHER1", 0.6).wait_for("1.5") is not None
    assert arriving.now == pytest.approx(1.0)


def test_what_comes_later_than_the_deadline_after_the_last_is_late(receiver, arrive):
    arriving = arrive("WATCHER1", 6)
    assert Watcher(None, receiver, "WATCHER1", 0.6).wait_for("1.6") is None
    assert arriving.now == pytest.approx(1.6)  # 0.6 after the last, which came at 1.0


def test_a_stream_of_reports_is_not_awaited_for_ever(receiver, arrive):
    arriving = arrive("WATCHER1", 100)
    assert Watcher(None, receiver, "WATCHER1", 0.6).wait_for("1.99") is None  # that comes after 19.8 s
    assert arriving.now == pytest.approx(12)  # twenty deadlines


def test_reports_to_others_do_not_count(receiver, arrive):
    receiver.transcript.append(report_to("WATCHER1", 0))
    arriving = arrive("WATCHER2", 6)
    assert Watcher(None, receiver, "WATCHER1", 0.3).wait_for("1.5") is None
    assert arriving.now == pytest.approx(0.3)


def test_a_kind_that_was_awaited_in_vain_is_seen_when_it_comes_after_all(receiver, arrive):
    receiver.transcript.append(report_to("WATCHER1", 0))
    in_a_hurry, patient = (Watcher(None, receiver, "WATCHER1", deadline) for deadline in (0.05, 60.0))
    assert in_a_hurry.wait_for("1.0") is not None  # it does report
    assert [in_a_hurry.wait_for("1.5", what="a change") for _ in range(2)] == [None, None]
    arriving = arrive("WATCHER1", 6)
    assert patient.wait_for("1.5", what="a change") is not None  # comes after 1 s, of 6 that it is still awaited
    assert arriving.now == pytest.approx(1.0)


def test_who_never_reports_is_not_awaited_for_ever(receiver):
    in_a_hurry, patient = (Watcher(None, receiver, "WATCHER1", deadline) for deadline in (0.05, 600.0))
    assert [in_a_hurry.wait_for("1.5") for _ in range(2)] == [None, None]
    began = datetime.now()
    assert patient.wait_for("1.5") is None
    assert datetime.now() - began < timedelta(seconds=30)

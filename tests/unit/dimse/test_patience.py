"""What a peer was seen never to answer is not asked again and again; what it answers is."""

import threading

import pytest
from pynetdicom import evt, sop_class

from tdwii_conformance.dimse import Patience, Server, Timeouts
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.treatment.messages import item

PULL = sop_class.UnifiedProcedureStepPull
SHORT = Timeouts(message=0.3, association=2)
NO_SUCH_UPS = 0xC307


class Peer:
    """Answers no N-GET of the UPS it is told not to; counts them."""

    def __init__(self, mute=lambda uid: True):
        self.mute, self.asked, self.over = mute, 0, threading.Event()

    def get(self, event):
        self.asked += 1
        if self.mute(str(event.request.RequestedSOPInstanceUID)):
            self.over.wait(5)
        return NO_SUCH_UPS, None

    def find(self, event):
        yield 0xFF00, item(SOPInstanceUID="1.2.3")


@pytest.fixture
def tdd_of():
    running = []

    def start(peer):
        handlers = [(evt.EVT_N_GET, peer.get), (evt.EVT_C_FIND, peer.find), (evt.EVT_N_SET, lambda event: (0xC310, None))]
        server = Server("TMS", [PULL], handlers).start()
        tdd = TDD(server.peer, server.peer, calling="TDD", timeouts=SHORT)
        tdd.contexts["TMS"] = [PULL]
        running.append((peer, tdd, server))
        return tdd

    yield start
    for peer, tdd, server in running:
        peer.over.set()
        tdd.close(abort=True)
        server.stop()


def test_what_is_never_answered_costs_its_time_out_twice(tdd_of):
    peer = Peer()
    tdd = tdd_of(peer)
    answers = [tdd.get(f"1.2.{number}") for number in range(20)]
    assert peer.asked == 2
    assert {answer.status for answer in answers} == {None}
    assert answers[-1].failure == "no response within 0.3 s, 2 times; so it is not asked again"
    assert (answers[-1].service, answers[-1].instance_uid) == ("N-GET", "1.2.1")


def test_other_requests_are_sent_all_the_same(tdd_of):
    tdd = tdd_of(Peer())
    for number in range(3):
        tdd.get(f"1.2.{number}")
    assert tdd.set("1.2.3", item(TransactionUID="1.2")).status == 0xC310


def test_a_ups_that_was_shown_is_another_kind(tdd_of):
    peer = Peer(mute=lambda uid: uid != "1.2.3")
    tdd = tdd_of(peer)
    assert [found.SOPInstanceUID for found in tdd.query(item(SOPInstanceUID=None)).identifiers] == ["1.2.3"]
    assert [tdd.get("1.2.9").status for _ in range(3)] == [None, None, None]
    assert tdd.get("1.2.3").status == NO_SUCH_UPS


def test_one_that_hangs_now_and_then_is_asked_on(tdd_of):
    peer = Peer(mute=lambda uid: uid == "1.2.5")
    tdd = tdd_of(peer)
    assert tdd.get("1.2.1").status == NO_SUCH_UPS
    for _ in range(3):
        assert [tdd.get(uid).status for uid in ("1.2.5", "1.2.5", "1.2.1")] == [None, None, NO_SUCH_UPS]


def test_after_a_restart_there_is_hope(tdd_of):
    peer = Peer()
    tdd = tdd_of(peer)
    for _ in range(3):
        tdd.get("1.2.1")
    peer.mute = lambda uid: False
    assert tdd.get("1.2.1").status is None
    tdd.patience.hope_again()
    assert tdd.get("1.2.1").status == NO_SUCH_UPS


def test_patience_of_nothing_seen():
    assert Patience().given_up("TMS", "N-GET", PULL) is None

"""After an abort of the peer, or a lost connection, the next request opens a new association at once."""

import socket
import time

import pytest
from pynetdicom import evt, sop_class

from tdwii_conformance.dimse import LinkLost, Server, Timeouts, connect
from tdwii_conformance.scu.tdd import TDD

PULL = sop_class.UnifiedProcedureStepPull
PATIENT = Timeouts(message=20)  # whoever waits for this on an association that is dead exceeds QUICK by far
QUICK = 5
NO_SUCH_UPS = 0xC307


def abort(event):
    event.assoc.abort(block=False)


def lose(event):
    event.assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)


class FirstIsLost:
    """Answers N-GET, except the first one, on which the association ends."""

    def __init__(self, ending):
        self.ending = ending
        self.seen = 0

    def __call__(self, event):
        self.seen += 1
        if self.seen == 1:
            self.ending(event)
        return NO_SUCH_UPS, None


@pytest.fixture(params=[abort, lose])
def loses_first(request):
    handler = FirstIsLost(request.param)
    with Server("TMS", [PULL], [(evt.EVT_N_GET, handler)]) as server:
        yield server.peer, handler


@pytest.mark.parametrize("_", range(10))  # as shipped about one in five loses the race
def test_a_request_on_a_dead_association_is_not_sent(loses_first, _):
    peer, handler = loses_first
    began = time.monotonic()
    with connect(peer, [PULL], calling="TDD", timeouts=PATIENT) as link:
        assert link.n_get("1.2.3").failure
        for _ in range(3):
            with pytest.raises(LinkLost):
                link.n_get("1.2.3")
    assert time.monotonic() - began < QUICK
    assert handler.seen == 1


@pytest.mark.parametrize("_", range(10))
def test_the_next_request_of_a_tdd_is_answered_on_a_new_association(loses_first, _):
    peer, handler = loses_first
    began = time.monotonic()
    with TDD(peer, peer, calling="TDD", timeouts=PATIENT) as tdd:
        tdd.contexts["TMS"] = [PULL]
        answers = [tdd.get("1.2.3") for _ in range(3)]
    assert [answer.status for answer in answers] == [None, NO_SUCH_UPS, NO_SUCH_UPS]
    assert time.monotonic() - began < QUICK
    assert handler.seen == 3


def ask_for_ever(link):
    while True:
        link.n_get("1.2.3")


def test_an_association_lost_between_requests_is_seen(loses_first):
    peer, _ = loses_first
    with connect(peer, [PULL], calling="TDD", timeouts=PATIENT) as link:
        link._association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        began = time.monotonic()
        with pytest.raises(LinkLost):
            ask_for_ever(link)
    assert time.monotonic() - began < QUICK

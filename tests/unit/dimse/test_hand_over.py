"""What loses messages in pynetdicom as shipped: the hand-over between sender and reactor, and a report that comes early."""

import threading
import time

import pytest
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from tdwii_conformance.dimse import Server, Timeouts, connect
from tdwii_conformance.dimse.tuning import Checkpoint, _Responses
from tdwii_conformance.treatment.messages import item

DEADLINE = 10


class Reactor:
    """A reactor's loop at the checkpoint, with a stop at the place where the race is: past wait(), before its flag."""

    def __init__(self, checkpoint_of):
        self.passed_wait, self.go_on, self.got_message = threading.Event(), threading.Event(), threading.Event()
        self.is_paused = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.checkpoint = checkpoint_of(self.thread)

    def run(self):
        self.is_paused = True
        self.checkpoint.wait()
        self.passed_wait.set()
        self.go_on.wait(DEADLINE)
        self.is_paused = False
        self.got_message.set()
        self.is_paused = True
        self.checkpoint.wait()


def open_event(_thread):
    event = threading.Event()
    event.set()
    return event


def sender_went_ahead_of(reactor):
    """Whether a sender, told to wait for the reactor, went on while the reactor had still one look to take."""
    reactor.thread.start()
    assert reactor.passed_wait.wait(DEADLINE)
    sent = threading.Event()

    def send():
        reactor.checkpoint.clear()
        if reactor.is_paused:
            sent.set()

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(0.2)  # the stock event lets it through at once; ours keeps it until the reactor stands still
    ahead = sent.is_set() and not reactor.got_message.is_set()
    reactor.go_on.set()
    sender.join(DEADLINE)
    assert not sender.is_alive()
    reactor.checkpoint.set()
    reactor.thread.join(DEADLINE)
    return ahead


def test_stock_event_has_the_race():
    assert sender_went_ahead_of(Reactor(open_event))


def test_checkpoint_has_not():
    assert not sender_went_ahead_of(Reactor(Checkpoint))


def test_the_reactor_may_send_itself():
    checkpoint = Checkpoint(threading.current_thread())
    checkpoint.clear()  # would wait for itself forever
    assert not checkpoint.is_set()


def test_a_dead_reactor_holds_nobody_up():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    checkpoint = Checkpoint(thread)
    checkpoint.clear()
    assert not checkpoint.is_set()


@pytest.mark.parametrize("round_trips", [3000])
def test_no_response_is_lost(round_trips):
    handlers = [(evt.EVT_N_SET, lambda event: (0x0000, None))]
    contexts = [sop_class.UnifiedProcedureStepPull]
    update = item(TransactionUID=generate_uid())
    with Server("TMS", contexts, handlers) as server, connect(server.peer, contexts, calling="TDD") as link:
        answered = [link.n_set("1.2.3", update) for _ in range(round_trips)]
    assert [exchange.failure for exchange in answered if exchange.status != 0] == []


@pytest.mark.parametrize("_", range(3))
def test_a_report_that_comes_before_the_acceptor_is_ready_is_answered(_):
    told = threading.Event()

    def report(event):
        told.set()
        return 0x0000, None

    # The acceptor has sent A-ASSOCIATE-AC, and is held up before it sets is_established; as shipped, until the report
    # has been served, and its response dropped.
    handlers = [(evt.EVT_ACCEPTED, lambda event: told.wait(0.3)), (evt.EVT_N_EVENT_REPORT, report)]
    contexts = [sop_class.UnifiedProcedureStepEvent]
    timeouts = Timeouts(message=5)
    with (
        Server("WATCHER", contexts, handlers, scp_roles=contexts) as server,
        connect(server.peer, contexts, calling="TMS", timeouts=timeouts, scp_roles=contexts) as link,
    ):
        exchange = link.n_event_report("1.2.3", 1, item(ProcedureStepState="SCHEDULED", InputReadinessState="READY"))
    assert (exchange.failure, exchange.status) == ("", 0)


def test_the_reactor_comes_round_when_something_is_queued_for_it_and_hardly_otherwise(monkeypatch):
    looks, get = [], _Responses.get
    monkeypatch.setattr(_Responses, "get", lambda self, block=False: (block or looks.append(1), get(self, block))[1])
    handlers = [(evt.EVT_N_SET, lambda event: (0x0000, None))]
    contexts = [sop_class.UnifiedProcedureStepPull]
    began = time.monotonic()
    with Server("TMS", contexts, handlers) as server, connect(server.peer, contexts, calling="TDD") as link:
        for _ in range(50):
            assert link.n_set("1.2.3", item(TransactionUID=generate_uid())).status == 0
    rests = (time.monotonic() - began) / Checkpoint.IDLE
    # The acceptor's for each request; the requestor's leaves the responses to the sender. Running freely for 20 ms: 200 of them.
    assert len(looks) <= 50 + 2 * rests + 40


def test_what_is_queued_before_the_reactor_rests_is_not_rested_upon(monkeypatch):
    monkeypatch.setattr(Checkpoint, "IDLE", 60.0)
    queued = [1, 2]
    checkpoint = Checkpoint(threading.current_thread(), lambda: bool(queued))
    began = time.monotonic()
    while queued:
        checkpoint.wait()
        queued.pop()
    assert time.monotonic() - began < 30

"""A system that aborts at each request of a kind, as a record shows it."""

from types import SimpleNamespace

import pytest
from test_replay import Day

from tdwii_conformance.checks.scp import Tally, judge_aborted
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

BROKEN_OFF = "the association ended before the final response"
BY_IT, BY_THEM = "aborted by the acceptor", "aborted by the requestor"


def failed(service, *, ended=BY_IT, malformed=False, syntax=UPS.PULL, asked=None, **sent):
    """A connection with one request that was never answered."""
    (exchange,) = Day().add(service, 0, asked=asked, syntax=syntax, **sent).exchanges
    exchange = SimpleNamespace(**{name: getattr(exchange, name) for name in ("service", "acceptor", "abstract_syntax", "request")},
                               responses=(), failure=BROKEN_OFF)  # fmt: skip
    return SimpleNamespace(ended=ended, exchanges=[exchange], malformations=[("requestor", "x")] if malformed else [])


def answered(service):
    (exchange,) = Day().add(service, 0).exchanges
    return SimpleNamespace(ended="released", exchanges=[exchange], malformations=[])


def entries(*connections, actor="TMS"):
    tally = Tally()
    judge_aborted("TMS", actor, connections, tally)
    return tally.entries


def judged(*connections, actor="TMS"):
    return {one for one, entry in entries(*connections, actor=actor).items() if entry.findings}


def test_each_request_of_a_kind_is_aborted():
    assert judged(failed("C-FIND"), failed("C-FIND")) == {"RO58-TMS-001"}
    claim = item(ProcedureStepState="IN PROGRESS", TransactionUID="1.2")
    assert judged(*[failed("N-ACTION", asked=claim, ActionTypeID=1) for _ in range(2)]) == {"RO60-TMS-001"}


@pytest.mark.parametrize("connections", [
    [failed("C-FIND")],  # once: somebody may have ended the program
    [failed("C-FIND"), failed("C-FIND"), answered("C-FIND")],
    [failed("C-FIND"), failed("C-FIND", ended=BY_THEM)],
    [failed("C-FIND"), failed("C-FIND", ended="released")],
    [failed("C-FIND"), failed("C-FIND", malformed=True)],
    [failed("C-FIND"), failed("N-GET")],
])  # fmt: skip
def test_one_that_may_have_another_reason(connections):
    assert judged(*connections) == set()


LOCKED, CLAIM = item(TransactionUID="1.2"), item(ProcedureStepState="IN PROGRESS", TransactionUID="1.2")


@pytest.mark.parametrize(
    ("actor", "service", "syntax", "sent", "ids", "called"),
    [
        ("TMS", "C-ECHO", "1.2.840.10008.1.1", {}, {"NEG-TMS-001"}, "C-ECHO"),
        ("TMS", "C-MOVE", "1.2.840.10008.5.1.4.1.2.2.2", {}, {"RO61-TMS-001"}, "C-MOVE"),
        ("OST", "C-MOVE", "1.2.840.10008.5.1.4.1.2.2.2", {}, {"RO59-OST-001"}, "C-MOVE"),
        ("OST", "C-STORE", "1.2.840.10008.5.1.4.1.1.481.4", {}, {"RO63-OST-001"}, "C-STORE"),
        ("TMS", "C-FIND", UPS.WATCH, {}, {"CC28-TMS-049"}, "C-FIND"),
        ("TMS", "C-FIND", UPS.QUERY, {}, {"CC28-TMS-050"}, "C-FIND"),
        ("TMS", "C-FIND", UPS.PUSH, {}, set(), "C-FIND"),
        ("TMS", "N-GET", UPS.PULL, {}, {"CC27-TMS-012"}, "N-GET"),
        ("TMS", "N-GET", UPS.PUSH, {}, {"CC27-TMS-016"}, "N-GET"),
        ("TMS", "N-CREATE", UPS.PUSH, {"asked": item()}, {"CC25-TMS-001"}, "N-CREATE"),
        ("TMS", "N-SET", UPS.PULL, {"asked": LOCKED}, {"RO62-TMS-001"}, "N-SET"),
        ("TMS", "N-SET", UPS.PUSH, {"asked": LOCKED}, {"RO62-TMS-001"}, "N-SET"),
        ("TMS", "N-SET", UPS.PULL, {"asked": item()}, set(), "N-SET"),  # it has no lock, and may be refused
        ("TMS", "N-SET", UPS.PULL, {}, set(), "N-SET"),
        ("TMS", "N-ACTION", UPS.PULL, {"asked": CLAIM, "ActionTypeID": 1}, {"RO60-TMS-001"}, "N-ACTION of type 1"),
        ("TMS", "N-ACTION", UPS.PULL, {"asked": LOCKED, "ActionTypeID": 1}, set(), ""),
        ("TMS", "N-ACTION", UPS.PULL, {"ActionTypeID": 1}, set(), ""),
        ("TMS", "N-ACTION", UPS.WATCH, {"ActionTypeID": 2}, {"CC22-TMS-001"}, "N-ACTION of type 2"),
        ("TMS", "N-ACTION", UPS.PUSH, {"ActionTypeID": 2}, {"CC22-TMS-002"}, "N-ACTION of type 2"),
        ("TMS", "N-ACTION", UPS.WATCH, {"ActionTypeID": 3}, {"CC23-TMS-013"}, "N-ACTION of type 3"),
        ("TMS", "N-ACTION", UPS.PULL, {"ActionTypeID": 7}, set(), ""),
    ],
)
def test_what_is_aborted_is_what_should_be_granted(actor, service, syntax, sent, ids, called):
    three = [failed(service, syntax=syntax, **sent) for _ in range(3)]
    found = entries(*three, actor=actor)
    assert set(found) == ids
    for entry in found.values():
        assert [(one.expected, one.received) for one in entry.findings] == [("a response", f"A-ABORT at each {called}, 3 times")]
        assert entry.exchanges == [one.exchanges[0] for one in three[:2]]


def test_of_several_one_that_has_the_lock_is_enough():
    assert judged(failed("N-SET", asked=item()), failed("N-SET", asked=LOCKED)) == {"RO62-TMS-001"}


def test_one_kind_that_is_answered_does_not_excuse_the_next():
    assert judged(answered("C-ECHO"), failed("C-FIND"), failed("C-FIND")) == {"RO58-TMS-001"}
    assert judged(failed("C-ECHO"), failed("C-FIND"), failed("C-FIND")) == {"RO58-TMS-001"}

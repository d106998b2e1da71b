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


def judged(*connections):
    tally = Tally()
    judge_aborted("TMS", "TMS", connections, tally)
    return {one for one, entry in tally.entries.items() if entry.findings}


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

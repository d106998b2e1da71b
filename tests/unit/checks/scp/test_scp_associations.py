"""How a system answers association requests, as a record shows it: contexts, transfer syntaxes, Verification, release [PS3.7 D.3]."""

from types import SimpleNamespace

import pytest
from test_replay import Day

from tdwii_conformance.checks.scp import Tally
from tdwii_conformance.checks.scp.associations import judge_associations
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.ups_service import UPS

CATALOGUE = load_catalogue()
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
VERIFICATION, MOVE = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.2"
RECORD, ION_RECORD = "1.2.840.10008.5.1.4.1.1.481.4", "1.2.840.10008.5.1.4.1.1.481.9"
REFUSED, UNKNOWN = 4, 3  # transfer syntaxes, or abstract syntax not supported [PS3.8 table 9-18]


def connection(*contexts, called="TMS", ended="aborted by the requestor"):
    """Presentation contexts: abstract syntax, what is offered, result, and what is chosen; no result: not answered."""
    asked = [
        SimpleNamespace(id=2 * n + 1, abstract_syntax=syntax, transfer_syntaxes=offered)
        for n, (syntax, offered, *_) in enumerate(contexts)
    ]
    answers = [
        SimpleNamespace(
            id=2 * n + 1, result=one[2], transfer_syntaxes=one[3] if len(one) > 3 else (one[1][0],) if one[2] == 0 else ()
        )
        for n, one in enumerate(contexts)
        if len(one) > 2
    ]
    request, answer = SimpleNamespace(called=called, contexts=asked), SimpleNamespace(contexts=answers)
    return SimpleNamespace(request=request, answer=answer, ended=ended)


def judged(*connections, actor="TMS", exchanges=()):
    tally = Tally()
    judge_associations(actor, actor, connections, exchanges, CATALOGUE, tally)
    found = {
        name: [(one.expected, one.received) for one in entry.findings] for name, entry in tally.entries.items() if entry.findings
    }
    return set(tally.entries), found


# --- what is accepted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "syntax", "id_"),
    [
        ("TMS", UPS.PULL, "NEG-TMS-002"), ("TMS", UPS.PUSH, "NEG-TMS-003"), ("TMS", MOVE, "NEG-TMS-004"),
        ("TMS", UPS.WATCH, "NEG-TMS-012"), ("TMS", UPS.QUERY, "NEG-TMS-013"), ("TMS", VERIFICATION, "NEG-TMS-001"),
        ("OST", MOVE, "NEG-OST-002"), ("OST", RECORD, "NEG-OST-003"), ("OST", ION_RECORD, "NEG-OST-004"),
        ("OST", VERIFICATION, "NEG-OST-001"),
    ],
)  # fmt: skip
def test_a_context_that_is_accepted_is_right(actor, syntax, id_):
    found, wrong = judged(connection((syntax, (IMPLICIT,), 0), called=actor), actor=actor)
    also = {"CC31-TMS-009"} if syntax == UPS.PULL else set()
    assert found == {f"NEG-{actor}-010", f"NEG-{actor}-005", id_} | also
    assert wrong == {}


@pytest.mark.parametrize(
    ("actor", "syntax", "id_", "name"),
    [
        ("TMS", UPS.PULL, "NEG-TMS-002", "Unified Procedure Step - Pull SOP Class"),
        ("TMS", MOVE, "NEG-TMS-004", "Study Root Query/Retrieve Information Model - MOVE"),
        ("TMS", VERIFICATION, "NEG-TMS-001", "Verification SOP Class"),
        ("OST", MOVE, "NEG-OST-002", "Study Root Query/Retrieve Information Model - MOVE"),
    ],
)
def test_what_every_system_has_to_accept_is_missed(actor, syntax, id_, name):
    found, wrong = judged(connection((syntax, (EXPLICIT, IMPLICIT), UNKNOWN), called=actor), actor=actor)
    assert wrong == {id_: [(f"{name} accepted", "refused in every presentation context")]}
    assert f"NEG-{actor}-007" in found and f"NEG-{actor}-010" in found


@pytest.mark.parametrize(
    ("actor", "context"),
    [
        ("TMS", (UPS.PUSH, (IMPLICIT,), UNKNOWN)),  # a capability
        ("TMS", (UPS.PULL, (BIG,), REFUSED)),  # not with what everybody has
        ("TMS", (RECORD, (IMPLICIT,), UNKNOWN)),  # none of its own
        ("OST", (UPS.PULL, (IMPLICIT,), UNKNOWN)),
        ("OST", (RECORD, (IMPLICIT,), UNKNOWN)),  # it may be for ions alone
        ("TMS", (UPS.PULL, (IMPLICIT,))),  # not answered
        ("TMS", (UPS.PULL, (IMPLICIT,), None)),
    ],
)
def test_what_a_system_may_refuse_is_not_missed(actor, context):
    assert judged(connection(context, called=actor), actor=actor)[1] == {}


def test_what_is_accepted_in_one_context_may_be_refused_in_another():
    found, wrong = judged(connection((UPS.PULL, (BIG,), REFUSED), (UPS.PULL, (IMPLICIT,), 0)))
    assert wrong == {}
    assert {"NEG-TMS-002", "NEG-TMS-007", "CC31-TMS-009"} <= found


# --- transfer syntaxes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transfer", "id_", "name"), [
    (IMPLICIT, "NEG-TMS-005", "Implicit VR Little Endian"), (EXPLICIT, "NEG-TMS-006", "Explicit VR Little Endian"),
])  # fmt: skip
def test_a_class_is_accepted_with_each_transfer_syntax(transfer, id_, name):
    other = EXPLICIT if transfer == IMPLICIT else IMPLICIT
    found, wrong = judged(connection((UPS.PULL, (transfer,), REFUSED), (UPS.PULL, (other,), 0)))
    assert wrong == {
        id_: [(f"Unified Procedure Step - Pull SOP Class accepted with {name}", "refused with it, accepted with another")]
    }
    assert {"NEG-TMS-005", "NEG-TMS-006"} <= found


def test_a_class_that_is_refused_altogether_says_nothing_of_transfer_syntaxes():
    _, wrong = judged(connection((UPS.PUSH, (EXPLICIT,), UNKNOWN), (UPS.PULL, (IMPLICIT,), 0)))
    assert wrong == {}


@pytest.mark.parametrize(
    ("offered", "chosen", "received"),
    [
        ((IMPLICIT, EXPLICIT), (BIG,), f"{BIG} in context 3"),
        ((IMPLICIT, EXPLICIT), (), "none in context 3"),
        ((IMPLICIT, EXPLICIT), (IMPLICIT, EXPLICIT), f"{IMPLICIT}, {EXPLICIT} in context 3"),
    ],
)
def test_one_of_those_offered_is_chosen(offered, chosen, received):
    found = judged(connection((MOVE, (IMPLICIT,), 0), (UPS.PULL, offered, 0, chosen)))[1]
    assert found == {"NEG-TMS-010": [(f"one of {IMPLICIT}, {EXPLICIT}", received)]}
    assert judged(connection((UPS.PULL, offered, 0, (EXPLICIT,))))[1] == {}
    assert judged(connection((UPS.PULL, offered, REFUSED, (BIG,)), (MOVE, (IMPLICIT,), 0)))[1].get("NEG-TMS-010") is None


# --- all else ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("contexts", "alone"), [
    ([(UPS.PULL, (IMPLICIT,), 0)], True), ([(UPS.PULL, (IMPLICIT,), 0), (UPS.WATCH, (IMPLICIT,), UNKNOWN)], True),
    ([(UPS.PULL, (IMPLICIT,), 0), (MOVE, (IMPLICIT,), 0)], False), ([(UPS.WATCH, (IMPLICIT,), 0)], False),
])  # fmt: skip
def test_a_class_can_be_negotiated_alone(contexts, alone):
    assert ("CC31-TMS-009" in judged(connection(*contexts))[0]) is alone
    assert "CC31-TMS-009" not in judged(connection(*contexts, called="OST"), actor="OST")[0]


@pytest.mark.parametrize(("ended", "released"), [("released", True), ("aborted by the requestor", False), ("", False)])
def test_an_association_that_was_released(ended, released):
    assert ("NEG-TMS-011" in judged(connection((UPS.PULL, (IMPLICIT,), 0), ended=ended))[0]) is released


def test_only_its_own_associations_that_were_answered_are_judged():
    other = connection((UPS.PULL, (IMPLICIT,), 0), called="OST")
    rejected = connection((UPS.PULL, (IMPLICIT,), 0))
    rejected.answer = None
    closed = connection((UPS.PULL, (IMPLICIT,), 0))
    closed.request = None
    assert judged(other, rejected, closed) == (set(), {})
    assert judged(other, rejected, closed, connection((UPS.PUSH, (IMPLICIT,), 0)))[0] != set()


@pytest.mark.parametrize(
    ("acceptor", "status", "ids", "wrong"),
    [
        ("TMS", 0, {"NEG-TMS-001"}, set()), ("TMS", 0x0122, {"NEG-TMS-001"}, {"NEG-TMS-001"}), ("OST", 0x0122, set(), set()),
    ],
)  # fmt: skip
def test_verification_is_answered_with_success(acceptor, status, ids, wrong):
    day = Day().add("C-FIND", 0xC000).add("C-ECHO", status, acceptor=acceptor, syntax=VERIFICATION)
    found, bad = judged(exchanges=day.exchanges)
    assert (found, set(bad)) == (ids, wrong)


def test_verification_that_fails_is_seen_where_it_does():
    day = Day().add("C-ECHO", 0x0122, syntax=VERIFICATION)
    tally = Tally()
    judge_associations("TMS", "TMS", (), day.exchanges, CATALOGUE, tally)
    assert tally.entries["NEG-TMS-001"].exchanges == day.exchanges


def test_a_context_that_was_not_answered_hides_none_that_was():
    found, _ = judged(connection((UPS.PUSH, (IMPLICIT,)), (UPS.PULL, (IMPLICIT,), 0)))
    assert "NEG-TMS-002" in found

"""How a system answers PDUs that nobody sends it, as findings [PS3.8 9.2]."""

import pytest
from check_samples import DONE, REFUSED, exchange

from tdwii_conformance.checks import Finding
from tdwii_conformance.checks.unexpected import (
    ABORTED,
    ACCEPTED,
    CLOSED,
    DATA,
    LOST,
    NOTHING,
    REJECTED,
    RELEASED,
    Answer,
    aborted,
    accepted,
    closed,
    understood,
)

ALL = (ACCEPTED, REJECTED, DATA, RELEASED, ABORTED, CLOSED, LOST, NOTHING)


def test_an_answer_is_shown_with_its_first_sixteen_bytes():
    assert str(Answer(NOTHING)) == "nothing"
    assert str(Answer(DATA, bytes(range(3)))) == "P-DATA-TF [00 01 02]"
    assert str(Answer(DATA, bytes(17))) == f"P-DATA-TF [{' '.join(['00'] * 16)}]"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("associated", [True, False])
def test_what_is_unexpected_is_answered_by_an_abort(kind, associated):
    weight = "warning" if kind == CLOSED and not associated else "fault"
    found = [] if kind in (ABORTED, LOST) else [Finding("A-ABORT", kind, weight=weight)]
    assert aborted(Answer(kind), associated=associated) == found


def test_there_is_an_association_unless_it_is_said_otherwise():
    assert aborted(Answer(CLOSED, b"")) == [Finding("A-ABORT", "the connection closed")]


@pytest.mark.parametrize("kind", ALL)
def test_an_association_is_accepted(kind):
    assert accepted(Answer(kind, b"\1")) == ([] if kind == ACCEPTED else [Finding("A-ASSOCIATE-AC", f"{kind} [01]")])


@pytest.mark.parametrize("kind", ALL)
def test_a_connection_ends(kind):
    found = [] if kind in (CLOSED, LOST, ABORTED) else [Finding("the connection closed", f"{kind} [01]")]
    assert closed(Answer(kind, b"\1")) == found


def test_a_request_is_understood():
    assert understood(Answer(DATA), [exchange(REFUSED), exchange(DONE)]) == []
    wrong = [Finding("a response with status 0000 (Success)", "P-DATA-TF")]
    assert understood(Answer(DATA), [exchange(REFUSED)]) == wrong
    assert understood(Answer(DATA), []) == wrong

"""Checks of a C-MOVE that was canceled: made by hand, with the seconds in which things happened."""

from datetime import UTC, datetime, timedelta

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from tdwii_conformance.checks import Finding
from tdwii_conformance.checks.canceled_move import (
    CanceledMove,
    association_lives,
    came_too_late,
    ended_by_it,
    nothing_after_it,
    numbers_agree,
)
from tdwii_conformance.checks.move import Retrieval
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = ("1.1", "1.2", "1.3")
REMAINING, COMPLETED, FAILED, WARNING = (f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning"))
CANCELED, SUCCESS = 0xFE00, 0x0000


def said(seconds, **command):
    return Message(item(**command), BEGIN + timedelta(seconds=seconds), None, ExplicitVRLittleEndian)


def store(uid, begun, answered=None):
    responses = (said(begun + 0.01 if answered is None else answered, Status=0),)
    return Exchange("C-STORE", "OST", "TDD", "1.4", said(begun, AffectedSOPInstanceUID=uid), responses)


def moved(status, at, *stores, sent=1.0, following=None, **numbers):
    """Return a C-MOVE that ended with a status at a time; the C-CANCEL was sent after a second."""
    counted = {k: v for k, v in numbers.items() if v is not None}
    responses = (said(at, Status=status, **counted),)
    move = Exchange("C-MOVE", "TDD", "OST", "1.5", said(0, MessageID=1), responses)
    return CanceledMove(Retrieval(move, stores), ASKED, BEGIN + timedelta(seconds=sent), following)


ONE = store("1.1", 0.9, 1.1)
LOST = CanceledMove(Retrieval(Exchange("C-MOVE", "TDD", "OST", "1.5", said(0, MessageID=1), (), "aborted"), (ONE,)), ASKED, BEGIN)


def numbers(remaining, completed, failed, warning):
    return {REMAINING: remaining, COMPLETED: completed, FAILED: failed, WARNING: warning}


@pytest.mark.parametrize(
    ("canceled", "too_late", "by_it"),
    [
        (moved(CANCELED, 1.2, ONE), False, True),
        # All were begun within a second of the C-CANCEL: it may have come afterwards.
        (moved(SUCCESS, 1.5, ONE, store("1.2", 1.2), store("1.3", 2.0)), True, False),
        # The third was begun later: it had come by then.
        (moved(SUCCESS, 2.5, ONE, store("1.2", 1.2), store("1.3", 2.1)), False, False),
        # Not all were sent: it has stopped, and says something else.
        (moved(SUCCESS, 1.5, ONE), False, False),
        (moved(0xA702, 1.5, ONE), False, False),
        (LOST, False, False),
    ],
)
def test_whether_it_came_in_time(canceled, too_late, by_it):
    assert (came_too_late(canceled), ended_by_it(canceled)) == (too_late, by_it)


def test_nothing_is_begun_after_the_end():
    assert nothing_after_it(moved(CANCELED, 1.2, ONE)) == []
    assert nothing_after_it(moved(CANCELED, 1.2, ONE, store("1.2", 1.7))) == [
        Finding("no C-STORE after the final response", "1.2 came 0.5 s after it")
    ]
    assert nothing_after_it(LOST) == [Finding("a response to C-MOVE", "aborted")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (numbers(2, 1, 0, 0), []),
        (numbers(None, 1, 0, 0), []),
        # The one that was under way may have been given up: it has failed, or remains.
        (numbers(2, 0, 1, 0), []),
        (numbers(3, 0, 0, 0), []),
        (numbers(1, 2, 0, 0), [f"{COMPLETED} 0 to 1, for so many came", f"{REMAINING} 2 to 3, or none"]),
        (numbers(None, 3, 0, 0), [f"{COMPLETED} 0 to 1, for so many came"]),
        (numbers(None, 1, 2, 0), [f"{FAILED} 0 to 1"]),
        (numbers(2, 1, 0, 2), [f"{WARNING} 0 to 1", "a sum of 3 sub-operations, as many as were asked for"]),
        (numbers(0, 1, 0, 0), [f"{REMAINING} 2 to 3, or none"]),
        (numbers(2, 0, 0, 0), ["a sum of 3 sub-operations, as many as were asked for"]),
    ],
)
def test_numbers(given, expected):
    assert [one.expected for one in numbers_agree(moved(CANCELED, 1.2, ONE, **given))] == expected


def test_numbers_of_two_of_which_the_first_is_sure():
    both = (ONE, store("1.2", 1.2, 1.3))
    assert numbers_agree(moved(CANCELED, 1.4, *both, **numbers(1, 2, 0, 0))) == []
    assert numbers_agree(moved(CANCELED, 1.4, *both, **numbers(1, 1, 1, 0))) == []
    (found,) = numbers_agree(moved(CANCELED, 1.4, *both, **numbers(None, 0, 0, 0)))
    assert found == Finding(f"{COMPLETED} 1 to 2, for so many came", "0")


def test_numbers_that_are_absent_are_warnings():
    found = numbers_agree(moved(CANCELED, 1.2, ONE))
    assert [(one.expected, one.weight) for one in found] == [
        (f"{keyword} in the final response", "warning") for keyword in (COMPLETED, FAILED, WARNING)
    ]
    assert numbers_agree(LOST) == [Finding("a response to C-MOVE", "aborted")]


def following(status, *stores):
    asked = item(SOPInstanceUID="1.1")
    request = Message(item(MessageID=2), BEGIN, encoded_of(asked), ExplicitVRLittleEndian)
    return Retrieval(Exchange("C-MOVE", "TDD", "OST", "1.5", request, (said(3, Status=status),)), stores)


def encoded_of(dataset):
    from pynetdicom.dsutils import encode

    return encode(dataset, False, True)


def test_the_next_move_on_the_association():
    after = store("1.1", 2.5)
    assert association_lives(moved(CANCELED, 1.2, ONE, following=following(SUCCESS, after))) == []
    assert association_lives(moved(CANCELED, 1.2, ONE)) == [Finding("the association stands after a C-CANCEL", "it has ended")]
    assert [one.expected for one in association_lives(moved(CANCELED, 1.2, ONE, following=following(CANCELED)))] == [
        "the instance 1.1, as asked for",
        "success of the next C-MOVE on the association",
    ]

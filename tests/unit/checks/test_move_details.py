"""What a C-STORE says of the C-MOVE that caused it, what came late, and how a canceled C-MOVE is counted, word for word."""

import dataclasses

import pytest
from check_samples import DONE, exchange, message
from test_canceled_moves import (
    CANCELED,
    COMPLETED,
    FAILED,
    LOST,
    ONE,
    REMAINING,
    SUCCESS,
    WARNING,
    moved,
    numbers,
    said,
    store,
)
from test_move_checks import ended

from tdwii_conformance.checks import Finding, move
from tdwii_conformance.checks.canceled_move import association_lives, came_too_late, numbers_agree
from tdwii_conformance.checks.move import Retrieval
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment.messages import item

ORIGINATOR, NUMBER = "MoveOriginatorApplicationEntityTitle", "MoveOriginatorMessageID"


def caused(*commands, **asked):
    """A C-MOVE and a C-STORE for each command set."""
    stores = tuple(Exchange("C-STORE", "OST", "TDD", "1.4", message(**command), (DONE,)) for command in commands)
    return Retrieval(exchange(DONE, service="C-MOVE", **asked), stores)


# --- who asked for it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        ([{ORIGINATOR: "TDD", NUMBER: 7}] * 2, []),
        ([{ORIGINATOR: "OST", NUMBER: 7}], [(f"{ORIGINATOR} TDD", "OST")]),
        ([{ORIGINATOR: "TDD", NUMBER: 8}], [(f"{NUMBER} 7", "8")]),
        ([{}], [(f"{ORIGINATOR} TDD", "absent"), (f"{NUMBER} 7", "absent")]),
        # Each once, however often.
        ([{ORIGINATOR: "TDD", NUMBER: 8}, {ORIGINATOR: "TDD", NUMBER: 8}, {ORIGINATOR: "TDD", NUMBER: 9}],
         [(f"{NUMBER} 7", "8"), (f"{NUMBER} 7", "9")]),
        ([], []),
    ],
)  # fmt: skip
def test_a_c_store_names_who_asked_and_by_which_message(commands, found):
    expected = [Finding(*one, "command set of the C-STORE") for one in found]
    assert move.originator(caused(*commands, MessageID=7), "TDD") == expected


@pytest.mark.parametrize(
    ("commands", "found"),
    [([{"Priority": 1}], []), ([{"Priority": 0}], [("Priority 1", "0")]), ([{}], [("Priority 1", "absent")])],
)
def test_a_c_store_has_the_priority_of_the_c_move(commands, found):
    assert move.priority(caused(*commands, Priority=1)) == [Finding(*one, "command set of the C-STORE") for one in found]


def test_what_came_late_is_said():
    late = moved(SUCCESS, 1.5, store("1.1", 1.0), store("1.2", 2.25)).retrieval
    assert move.received_exactly(late, ["1.1", "1.2"]) == [
        Finding("the instance 1.2 before the final response", "it came 0.8 s after it")
    ]


def test_a_status_is_said_as_one_of_c_move():
    """B007 is one of C-STORE [PS3.4 table B.2-1]."""
    assert move.command_agrees(ended(0xB007)) == [
        Finding("a C-STORE at the move destination", "none; status B007 (no status of C-MOVE)")
    ]
    assert move.none_succeeded(ended(0xB007)) == [Finding("a failure, or B000", "status B007 (no status of C-MOVE)")]


# --- canceled ---------------------------------------------------------------------------------------------------------

THREE = (ONE, store("1.2", 1.2), store("1.3", 1.3))


@pytest.mark.parametrize(
    "canceled",
    [
        moved(CANCELED, 1.5, *THREE),  # it says that it was canceled
        dataclasses.replace(moved(SUCCESS, 1.5, *THREE), sent=None),  # nobody has canceled it
        dataclasses.replace(LOST, retrieval=Retrieval(LOST.retrieval.move, THREE)),  # it never ended
    ],
)
def test_what_did_not_come_too_late(canceled):
    assert came_too_late(canceled) is False


def test_the_next_c_move_says_why_it_failed():
    request = dataclasses.replace(said(3, MessageID=2), encoded=message(item(SOPInstanceUID="1.1")).encoded)
    following = Retrieval(Exchange("C-MOVE", "TDD", "OST", "1.5", request, (said(4, Status=0xB007),)), (store("1.1", 3.5),))
    assert association_lives(moved(CANCELED, 1.5, ONE, following=following)) == [
        Finding("success of the next C-MOVE on the association", "status B007 (no status of C-MOVE)")
    ]


TWO = (ONE, store("1.2", 1.2))


@pytest.mark.parametrize(
    ("stores", "counted", "found"),
    [
        # Two of three were begun, and the first is known to have been stored.
        (TWO, numbers(1, 2, 0, 0), []),
        (TWO, numbers(2, 1, 0, 0), []),
        (TWO, numbers(1, 1, 1, 0), []),
        (TWO, numbers(1, 1, 0, 1), []),
        (TWO, numbers(None, 0, 0, 0), [(f"{COMPLETED} 1 to 2, for so many came", "0")]),
        (TWO, numbers(None, 1, 2, 0), [(f"{FAILED} 0 to 1", "2")]),
        (TWO, numbers(None, 1, 0, 4), [(f"{WARNING} 0 to 1", "4")]),
        (TWO, numbers(3, 1, 0, 0), [(f"{REMAINING} 1 to 2, or none", "3")]),
        (TWO, numbers(0, 1, 0, 0), [(f"{REMAINING} 1 to 2, or none", "0")]),
        (TWO, numbers(1, 1, 0, 0), [("a sum of 3 sub-operations, as many as were asked for", "2")]),
        # None was begun.
        ((), numbers(None, 1, 0, 0), [(f"{COMPLETED} 0, for so many came", "1")]),
        # One that was begun in the moment of the end counts.
        ((ONE, store("1.2", 1.5)), numbers(1, 2, 0, 0), []),
    ],
)
def test_the_numbers_of_a_canceled_c_move(stores, counted, found):
    assert numbers_agree(moved(CANCELED, 1.5, *stores, **counted)) == [Finding(*one) for one in found]


@pytest.mark.parametrize("failed", [{"status": 0xA700}, {"failure": "aborted"}])
def test_what_was_refused_is_not_known_to_have_been_stored(failed):
    first = dataclasses.replace(ONE, responses=(said(1.1, Status=failed.get("status", 0)),), failure=failed.get("failure", ""))
    assert numbers_agree(moved(CANCELED, 1.5, first, store("1.2", 1.2), **numbers(1, 1, 1, 0))) == []
    assert numbers_agree(moved(CANCELED, 1.5, first, store("1.2", 1.2), **numbers(1, 0, 2, 0))) == []

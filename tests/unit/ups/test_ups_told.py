"""Who is told of a change of a UPS, and of what; and what a restart, or the end of a UPS, leaves of subscriptions."""

from datetime import UTC, datetime, timedelta

import pytest
from ups_samples import LOCK, item, performed, workitem

from tdwii_conformance.ups import SQLiteStore, Worklist
from tdwii_conformance.ups.subscriptions import FILTERED, GLOBAL

UID, OTHER = "1.2.3.1", "1.2.3.2"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
START = "ScheduledProcedureStepStartDateTime"
STATE, CANCEL_REQUESTED, PROGRESSED = 1, 2, 3  # Event Type IDs [PS3.4 table CC.2.4-1]


@pytest.fixture
def told():
    return []


@pytest.fixture
def worklist(told):
    def publish(event, receivers):
        told.append((event.type, event.uid, *receivers))

    return Worklist(now=lambda: datetime(2026, 3, 2, 10, tzinfo=UTC), publish=publish)


# --- who is told ------------------------------------------------------------------------------------------------------


def test_of_a_ups_its_subscribers_are_told(worklist, told):
    worklist.create(UID, workitem())
    worklist.create(OTHER, workitem())
    worklist.subscribe(UID, "W", False)
    worklist.subscribe(OTHER, "V", False)
    told.clear()
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    worklist.set(UID, item(TransactionUID=LOCK, **{PROGRESS: [item(ProcedureStepProgress="5")]}))
    worklist.request_cancel(UID, None, "V")
    assert told == [(STATE, UID, "W"), (PROGRESSED, UID, "W"), (CANCEL_REQUESTED, UID, "W")]


def test_who_has_not_subscribed_is_not_told(worklist, told):
    worklist.create(UID, workitem())
    worklist.subscribe(UID, "W", False)
    worklist.unsubscribe(UID, "W")
    told.clear()
    outcome = worklist.change_state(UID, "IN PROGRESS", LOCK)
    assert [event.type for event in outcome.events] == [STATE]
    assert told == []


def test_a_cancellation_says_what_state_it_went_through_and_that_the_inputs_were_ready(worklist):
    """[CC.2.2.3, CC.2.4.1]"""
    worklist.create(UID, workitem(InputReadinessState="READY"))
    outcome = worklist.request_cancel(UID, None, "W")
    assert [(one.uid, one.attributes.ProcedureStepState, one.attributes.InputReadinessState) for one in outcome.events] == [
        (UID, "IN PROGRESS", "READY"),
        (UID, "CANCELED", "READY"),
    ]


@pytest.mark.parametrize(("start", "taken"), [("20260302103000", True), ("20260302093000", False)])
def test_a_filter_means_the_time_of_the_ups(worklist, start, taken):
    """09:30 in the zone of the UPS, one hour east of Greenwich, is 08:30 UTC [PS3.4 C.2.2.2.5]."""
    asked = item(**{START: "20260302090000-20260302100000", "TimezoneOffsetFromUTC": "+0000"})
    worklist.create(UID, workitem(**{START: start, "TimezoneOffsetFromUTC": "+0100"}))
    worklist.subscribe(FILTERED, "W", False, asked)
    worklist.create(OTHER, workitem(**{START: start, "TimezoneOffsetFromUTC": "+0100"}))
    expected = ("W",) if taken else ()
    assert (worklist.subscriptions.of(UID), worklist.subscriptions.of(OTHER)) == (expected, expected)


# --- what is kept of subscriptions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda w: w.create(OTHER, workitem()), [("W", GLOBAL), ("W", UID), ("W", OTHER)]),
        (lambda w: w.unsubscribe(UID, "W"), [("W", GLOBAL)]),
        (lambda w: w.forget(UID), [("W", GLOBAL)]),
    ],
)
def test_a_restart_finds_the_subscriptions_as_they_were_left(tmp_path, change, kept):
    worklist = Worklist(SQLiteStore(tmp_path / "worklist.db"))
    worklist.create(UID, workitem())
    worklist.subscribe(GLOBAL, "W", False)
    change(worklist)
    worklist.close()
    worklist = Worklist(SQLiteStore(tmp_path / "worklist.db"))
    assert sorted((one.ae, one.target) for one in worklist.subscriptions) == sorted(kept)
    worklist.close()


# --- what is kept of a UPS --------------------------------------------------------------------------------------------


def test_one_that_stood_without_progress_has_none_here(worklist):
    """[PS3.4 table CC.2.5-3: both sequences are there, and empty]"""
    assert worklist.restore(UID, workitem(**{PROGRESS: ..., PERFORMED: ...})).status == 0
    (record,) = worklist.records()
    assert [list(record.attributes[keyword].value) for keyword in (PROGRESS, PERFORMED)] == [[], []]


@pytest.mark.parametrize(
    ("state", "transaction_uid", "lock"),
    [("SCHEDULED", LOCK, ""), ("SCHEDULED", None, ""), ("IN PROGRESS", LOCK, LOCK), ("IN PROGRESS", None, "")],
)
def test_only_what_is_in_progress_comes_with_a_lock(worklist, state, transaction_uid, lock):
    worklist.restore(UID, workitem(ProcedureStepState=state, TransactionUID=transaction_uid))
    (record,) = worklist.records()
    assert record.lock == lock


def test_what_ended_elsewhere_has_all_that_its_end_needs(worklist):
    """[PS3.4 table CC.2.5-3, Final State]"""
    lacking = performed(PerformedProcedureStepStartDateTime=..., PerformedProcedureStepEndDateTime=...)
    outcome = worklist.restore(UID, workitem(ProcedureStepState="COMPLETED", **{PERFORMED: [lacking]}))
    assert outcome.status == 0x0106
    assert outcome.comment == "COMPLETED without PerformedProcedureStepStartDateTime, PerformedProcedureStepEndDateTime"


# --- what is forgotten ------------------------------------------------------------------------------------------------


def test_what_goes_on_is_not_forgotten():
    time = [datetime(2026, 3, 2, 10, tzinfo=UTC)]
    worklist = Worklist(now=lambda: time[0], retention=timedelta(minutes=1))
    worklist.create(UID, workitem())
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    time[0] += timedelta(minutes=2)
    assert [record.uid for record in worklist.records()] == [UID]


def test_one_created_anew_is_another():
    time = [datetime(2026, 3, 2, 10, tzinfo=UTC)]
    worklist = Worklist(now=lambda: time[0], retention=timedelta(minutes=1))
    worklist.create(UID, workitem())
    worklist.request_cancel(UID, None, "W")
    time[0] += timedelta(minutes=2)
    assert worklist.create(UID, workitem()).status == 0
    assert [record.state for record in worklist.records()] == ["SCHEDULED"]


def test_one_that_has_not_ended_can_be_forgotten(worklist):
    worklist.create(UID, workitem())
    worklist.forget(UID)
    assert worklist.records() == []

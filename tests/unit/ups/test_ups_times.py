"""Dates and times as matching keys. Expected moments are worked out by hand, in UTC."""

import time
from datetime import UTC, datetime

import pytest

from tdwii_conformance.ups.times import Span, is_value, key_span, value_start


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "vr", "start", "end"),
    [
        ("2026", "DT", at(2026, 1, 1), at(2027, 1, 1)),
        ("2024", "DT", at(2024, 1, 1), at(2025, 1, 1)),  # a leap year
        ("1900", "DT", at(1900, 1, 1), at(1901, 1, 1)),  # none
        ("2000", "DT", at(2000, 1, 1), at(2001, 1, 1)),  # one after all
        ("202602", "DT", at(2026, 2, 1), at(2026, 3, 1)),
        ("202402", "DT", at(2024, 2, 1), at(2024, 3, 1)),
        ("202601", "DT", at(2026, 1, 1), at(2026, 2, 1)),
        ("202612", "DT", at(2026, 12, 1), at(2027, 1, 1)),
        ("20260228", "DT", at(2026, 2, 28), at(2026, 3, 1)),
        ("2026022823", "DT", at(2026, 2, 28, 23), at(2026, 3, 1)),
        ("202602282359", "DT", at(2026, 2, 28, 23, 59), at(2026, 3, 1)),
        ("20260101120000", "DT", at(2026, 1, 1, 12), at(2026, 1, 1, 12, 0, 1)),
        ("20260101120000.5", "DT", at(2026, 1, 1, 12, 0, 0, 500000), at(2026, 1, 1, 12, 0, 0, 600000)),
        ("20260101120060", "DT", at(2026, 1, 1, 12, 1), at(2026, 1, 1, 12, 1, 1)),  # a leap second
        ("20260101120000+0100", "DT", at(2026, 1, 1, 11), at(2026, 1, 1, 11, 0, 1)),
        ("20260101120000-0530", "DT", at(2026, 1, 1, 17, 30), at(2026, 1, 1, 17, 30, 1)),
        ("2026+1400", "DT", at(2025, 12, 31, 10), at(2026, 12, 31, 10)),
        ("2025-2026", "DT", at(2025, 1, 1), at(2027, 1, 1)),
        ("20260101-20260102", "DT", at(2026, 1, 1), at(2026, 1, 3)),
        ("20260101 - 20260102", "DT", at(2026, 1, 1), at(2026, 1, 3)),
        ("-20260102", "DT", None, at(2026, 1, 3)),
        ("20260101-", "DT", at(2026, 1, 1), None),
        ("20260101-99991231", "DT", at(2026, 1, 1), None),  # what lies after 9999 cannot be told from open
        ("2026010100-2026010112", "DT", at(2026, 1, 1), at(2026, 1, 1, 13)),
        ("20260101000000-0500-20260102", "DT", at(2026, 1, 1, 5), at(2026, 1, 3)),
        ("20260101-20260102000000-0500", "DT", at(2026, 1, 1), at(2026, 1, 2, 5, 0, 1)),
        ("20260101-0500-20260102-0500", "DT", at(2026, 1, 1, 5), at(2026, 1, 3, 5)),
        ("20260101+0100-20260102+0100", "DT", at(2025, 12, 31, 23), at(2026, 1, 2, 23)),
        ("20260101-0500-", "DT", at(2026, 1, 1, 5), None),
        ("-20260101-0500", "DT", None, at(2026, 1, 2, 5)),
        ("2025-0300-2026", "DT", at(2025, 1, 1, 3), at(2027, 1, 1)),
        ("20260228", "DA", at(2026, 2, 28), at(2026, 3, 1)),
        ("2026.02.28", "DA", at(2026, 2, 28), at(2026, 3, 1)),
        ("20260101-20260131", "DA", at(2026, 1, 1), at(2026, 2, 1)),
        ("-20260131", "DA", None, at(2026, 2, 1)),
    ],
)
def test_a_key_means_a_span(key, vr, start, end):
    assert key_span(key, vr, "+0000") == Span(start, end)


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("10", ["10", "1000", "105959.999999"], ["11", "0959"]),
        ("1030", ["10:30", "103000", "103059"], ["103100", "10"]),
        ("103000.5", ["103000.50", "103000.599999"], ["103000", "103000.6"]),
        ("0900-1000", ["0900", "095959", "100059.9"], ["0859", "1001"]),
        ("-0900", ["000000", "0900"], ["0901"]),
        ("2300-", ["2300", "235959.999999"], ["2259"]),
    ],
)
def test_times_of_day(key, inside, outside):
    span = key_span(key, "TM")
    assert [value for value in inside if not span.holds(value_start(value, "TM"))] == []
    assert [value for value in outside if span.holds(value_start(value, "TM"))] == []


@pytest.mark.parametrize(
    ("text", "vr"),
    [
        ("", "DT"), ("-", "DT"), ("26", "DT"), ("20261301", "DT"), ("20260230", "DT"), ("2026010124", "DT"),
        ("20260101120000.", "DT"), ("2026.5", "DT"), ("20260101120000.1234567", "DT"), ("today", "DT"),
        ("20260101--20260102", "DT"), ("20260101-20260102-20260103", "DT"), ("2026-01-01", "DA"), ("2026", "DA"),
        ("20260101+0100", "DA"), ("1", "TM"), ("2400", "TM"), ("1060", "TM"), ("1030+0100", "TM"),
    ],
)  # fmt: skip
def test_what_is_no_key(text, vr):
    assert key_span(text, vr, "+0000") is None


def test_an_offset_of_the_data_set_holds_for_values_without_their_own():
    assert value_start("20260101120000", "DT", "-0500") == at(2026, 1, 1, 17)
    assert value_start("20260101120000+0100", "DT", "-0500") == at(2026, 1, 1, 11)
    assert value_start("20260101", "DA", "-0500") == at(2026, 1, 1)
    assert value_start("noon", "DT", "-0500") is None


@pytest.fixture
def three_hours_east(monkeypatch):
    """Take this machine to a zone three hours ahead of UTC."""
    monkeypatch.setenv("TZ", "EAST-3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of this machine cannot be changed")
def test_without_any_offset_it_is_local_time(three_hours_east):
    assert value_start("20260719120000", "DT") == at(2026, 7, 19, 9)
    assert key_span("20260719120000", "DT") == Span(at(2026, 7, 19, 9), at(2026, 7, 19, 9, 0, 1))


@pytest.mark.parametrize(
    ("span", "holds"),
    [
        (Span(None, None), [True, True, True]),
        (Span(at(2026, 3, 2), None), [False, True, True]),
        (Span(None, at(2026, 3, 2)), [True, False, False]),
        (Span(at(2026, 3, 2), at(2026, 3, 3)), [False, True, False]),
    ],
)
def test_a_span_holds_its_start_but_not_its_end(span, holds):
    assert [span.holds(at(2026, 3, day)) for day in (1, 2, 3)] == holds


@pytest.mark.parametrize(
    ("text", "vr", "valid"), [("20260101-20260102", "DA", False), ("20260101", "DA", True), ("0001", "DT", True)]
)
def test_a_range_is_no_value(text, vr, valid):
    assert is_value(text, vr) is valid

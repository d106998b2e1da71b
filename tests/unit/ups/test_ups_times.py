"""Dates and times as matching keys. Expected moments are worked out by hand, in UTC."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tdwii_conformance.ups.times import (
    DateTime,
    Span,
    is_offset,
    is_value,
    key_span,
    read_date_time,
    readable,
    same_moment,
    value_start,
    written,
)  # fmt: skip


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
        ("20260101120060", "DT", at(2026, 1, 1, 12, 0, 59, 999_999), at(2026, 1, 1, 12, 1)),  # a leap second
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


CET, EST = timezone(timedelta(hours=1)), timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("text", "first", "last", "precision", "shown"),
    [
        ("2026", datetime(2026, 1, 1), datetime(2026, 12, 31, 23, 59, 59), 1, "2026"),
        ("202602", datetime(2026, 2, 1), datetime(2026, 2, 28, 23, 59, 59), 2, "2026-02"),
        ("20261129", datetime(2026, 11, 29), datetime(2026, 11, 29, 23, 59, 59), 3, "2026-11-29"),
        ("2026112908", datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 8, 59, 59), 4, "2026-11-29 08h"),
        ("202611290800", datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 8, 0, 59), 5, "2026-11-29 08:00"),
        ("20261129080000", datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 8), 6, "2026-11-29 08:00"),
        ("20261129080030", datetime(2026, 11, 29, 8, 0, 30), datetime(2026, 11, 29, 8, 0, 30), 6, "2026-11-29 08:00:30"),
        ("20261129080000.0", datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 8), 7, "2026-11-29 08:00"),
        (
            "20261129080000.050", datetime(2026, 11, 29, 8, 0, 0, 50000), datetime(2026, 11, 29, 8, 0, 0, 50000), 7,
            "2026-11-29 08:00:00.05",
        ),
        (
            "202611290800+0100", datetime(2026, 11, 29, 8, tzinfo=CET), datetime(2026, 11, 29, 8, 0, 59, tzinfo=CET), 5,
            "2026-11-29 08:00 +0100",
        ),
        (
            "2026-0500", datetime(2026, 1, 1, tzinfo=EST), datetime(2026, 12, 31, 23, 59, 59, tzinfo=EST), 1, "2026 -0500",
        ),
        ("20161231235960", datetime(2016, 12, 31, 23, 59, 59), datetime(2017, 1, 1), 6, "2016-12-31 23:59:60"),
        (" 20261129080000 ", datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 8), 6, "2026-11-29 08:00"),
    ],
)  # fmt: skip
def test_a_date_time_is_read_and_shown(text, first, last, precision, shown):
    assert read_date_time(text) == DateTime(first, last, precision)
    assert readable(text) == shown


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-11-29T08:00:00", "20261129T0800", "26", "20260230", "2026112908000", "20261129080000+1430",
             "20261129080000-1230", "20261129080000+01", "20261129080000Z", "２０２６", "0000"],
)  # fmt: skip
def test_what_is_no_date_time_is_shown_as_it_is(text):
    assert read_date_time(text) is None
    assert not is_value(text, "DT")
    assert readable(text) == text


def test_the_offset_of_the_data_set_is_that_of_a_value_without_one():
    assert read_date_time("202611290800", "+0100").first == datetime(2026, 11, 29, 8, tzinfo=CET)
    assert read_date_time("202611290800-0500", "+0100").first == datetime(2026, 11, 29, 8, tzinfo=EST)
    assert read_date_time("202611290800", "local").first == datetime(2026, 11, 29, 8)  # an offset that is none says nothing
    assert readable("202611290800", "+0100") == "2026-11-29 08:00 +0100"
    assert readable("202611290800-0500", "+0100") == "2026-11-29 08:00 -0500"
    assert readable("202611290800", "local") == "2026-11-29 08:00"


@pytest.mark.parametrize(
    ("sent", "came", "same"),
    [
        ("20261129080000", "20261129080000.000", True),
        ("20261129080000+0100", "20261129080000", False),  # its offset is lost
        ("20261129080000+0100", "20261129070000+0000", True),
        ("20261129080000", "20261129080000+0100", True),  # in whatever zone it was meant
        ("20261129080000+0100", "20261129080000+0000", False),
        ("202611290800", "20261129080000", False),  # a minute is no second
        ("20261129080000", "tomorrow", False),
    ],
)
def test_two_date_times_may_mean_the_same(sent, came, same):
    assert same_moment(sent, came) is same


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 29, 8), "20261129080000"),
        (datetime(2026, 11, 29, 8, 0, 0, 500), "20261129080000.000500"),
        (datetime(2026, 11, 29, 8, tzinfo=EST), "20261129080000-0500"),
        (datetime(1, 1, 1), "00010101000000"),
    ],
)
def test_a_moment_is_written_as_a_date_time(moment, text):
    assert written(moment) == text


@pytest.mark.parametrize("text", ["+0000", "-0500", "+1400", "-1200", "+0530"])
def test_offsets(text):
    assert is_offset(text)


@pytest.mark.parametrize("text", ["", "+01", "0100", "+1401", "-1201", "+0160", "UTC"])
def test_no_offsets(text):
    assert not is_offset(text)


@pytest.mark.parametrize("text", ["0001", "0001+1400", "9999", "9999-1200", "99991231235960", "99991231235959.999999-1200"])
def test_the_first_and_the_last_year_are_read(text):
    assert is_value(text, "DT") and value_start(text, "DT", "+0000") is not None and key_span(text, "DT", "+0000") is not None

"""DA, TM and DT values as spans of time: a value covers what its precision leaves open [PS3.5 6.2].

This is the one place where they are read. Whoever has a value of a peer's asks here: nothing here raises for what is none.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

__all__ = [
    "DateTime",
    "Span",
    "is_offset",
    "is_value",
    "key_span",
    "read_date_time",
    "readable",
    "same_moment",
    "value_start",
    "written",
]

# PS3.5 allows -1200 to +1400.
OFFSET = r"(?:\+(?:0\d|1[0-3])[0-5]\d|\+1400|-(?:0\d|1[01])[0-5]\d|-1200)"
FORMATS = {
    # The dots and colons are those of ACR-NEMA, which PS3.5 6.2 lets receivers understand.
    "DA": re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})()()()()()", re.ASCII),
    "TM": re.compile(r"()()()(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?()", re.ASCII),
    "DT": re.compile(
        rf"(\d{{4}})(?:(\d{{2}})(?:(\d{{2}})(?:(\d{{2}})(?:(\d{{2}})(?:(\d{{2}})(?:\.(\d{{1,6}}))?)?)?)?)?)?({OFFSET})?",
        re.ASCII,
    ),
}
ZONE = re.compile(OFFSET, re.ASCII)
SOME_DAY = ("2000", "01", "01")  # a TM has none
# "20260101-0500" is a value with an offset, or a range that ends in the year 500. Nobody asks for the latter.
ENDS_WITH_OFFSET = re.compile(rf"[^-]+{OFFSET}", re.ASCII)
YEAR, MONTH, DAY, SECOND = 1, 2, 3, 6
A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Span:
    """From `start` up to, but not with, `end`; ``None`` is open."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


@dataclass(frozen=True)
class _Parts:
    """A DA, TM or DT taken apart: its first moment, what it covers, and the offset it names."""

    start: datetime  # without zone; of a leap second the second before it
    leap: bool
    precision: int  # components given: 1 year, 2 month, ... 6 second, 7 fraction
    fraction: str
    offset: str

    @property
    def step(self) -> timedelta:
        """How long it lasts."""
        if self.leap:
            return timedelta(microseconds=1)
        if self.fraction:
            return timedelta(microseconds=10 ** (6 - len(self.fraction)))
        return _step(self.start, self.precision)

    @property
    def moment(self) -> datetime:
        """When it begins. Python has no leap second: it is the last microsecond of its minute, and so of its own day and year."""
        return self.start.replace(microsecond=999_999) if self.leap else self.start


KEPT = 16384  # values taken apart: more than what is scheduled on some days; each takes 0.4 kB


@lru_cache(maxsize=KEPT)
def _parts(text: str, vr: str) -> _Parts | None:
    """Return a value taken apart; ``None`` if it is none."""
    match = FORMATS[vr].fullmatch(text.strip())
    if not match:
        return None
    *parts, fraction, own = match.groups()
    if vr == "TM":
        parts[:3] = SOME_DAY
    numbers = [int(part) for part in parts if part]
    leap = numbers[5:] == [60]
    try:
        year, month, day = (*numbers[:3], 1, 1)[:3]
        hour, minute, second = (*numbers[3:], 0, 0, 0)[:3]
        start = datetime(year, month, day, hour, minute, 59 if leap else second)
    except ValueError:
        return None
    fraction = fraction or ""
    start = start.replace(microsecond=int(fraction.ljust(6, "0")))
    return _Parts(start, leap, len(numbers) + bool(fraction), fraction, own or "")


@lru_cache(maxsize=KEPT)
def _span(text: str, vr: str, offset: str) -> Span | None:
    parts = _parts(text, vr)
    if parts is None:
        return None
    zone = (parts.offset or offset) if vr == "DT" else "+0000"
    try:
        start: datetime | None = _utc(parts.moment, zone)
    except (ValueError, OverflowError):  # at the very beginning or end of what Python can count
        start = FIRST if parts.start.year < MIDDLE else LAST
    try:
        end: datetime | None = _utc(parts.moment + parts.step, zone)
    except (ValueError, OverflowError):
        end = None if parts.start.year > MIDDLE else FIRST + A_SECOND
    return Span(start, end)


FIRST, LAST, MIDDLE = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), 5000


def _step(start: datetime, precision: int) -> timedelta:
    """Return how long a value lasts that is precise to the year (1), month (2), ... or second (6)."""
    if precision == YEAR:
        return timedelta(days=366 if start.year % 4 == 0 and (start.year % 100 or start.year % 400 == 0) else 365)
    if precision == MONTH:
        return timedelta(days=calendar.monthrange(start.year, start.month)[1])
    return (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), A_SECOND)[precision - 3]


def _utc(moment: datetime, offset: str) -> datetime:
    zone = _zone(offset)
    if zone is None:
        return moment.astimezone(UTC)  # local time of this machine
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _zone(offset: str) -> timezone | None:
    """Return the time zone of a Timezone Offset From UTC; ``None`` for one that is none, which says nothing."""
    if not ZONE.fullmatch(offset):
        return None
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])))


@dataclass(frozen=True)
class DateTime:
    """A DT as it was written.

    Parameters
    ----------
    first, last : datetime
        The first and the last second, or moment, that it covers: a day has a first and a last second, a second is both.
        With time zone if an offset is known, else without. A leap second, which Python has not, lies between the two.
    precision : int
        How many components it has: 1 is the year, 2 the month, ... 6 the second, 7 a fraction of it.
    """

    first: datetime
    last: datetime
    precision: int


def read_date_time(text: str, offset: str = "") -> DateTime | None:
    """Return a DT of any precision, with or without offset; ``None`` if it is none [PS3.5 6.2].

    Parameters
    ----------
    text : str
        The value.
    offset : str
        Timezone Offset From UTC of its data set, which holds for a value without offset.
    """
    parts = _parts(text, "DT")
    if parts is None:
        return None
    zone = _zone(parts.offset or offset)
    first = last = parts.start
    if parts.leap:
        last = min(first, datetime.max - A_SECOND) + A_SECOND
    elif parts.precision < SECOND:
        last = first + (parts.step - A_SECOND)
    return DateTime(first.replace(tzinfo=zone), last.replace(tzinfo=zone), parts.precision)


def same_moment(sent: str, came: str) -> bool:
    """Whether a DT means what was sent. Who was sent one without offset may say which is meant; an offset is not lost."""
    ones, others = read_date_time(sent), read_date_time(came)
    if ones is None or others is None:
        return False
    if ones.first.tzinfo is None:
        others = DateTime(others.first.replace(tzinfo=None), others.last.replace(tzinfo=None), others.precision)
    elif others.first.tzinfo is None:
        return False
    return ones.first == others.first and ones.last == others.last


def written(moment: datetime) -> str:
    """Return a moment as a DT: to the second, or with its fraction; with its offset if it has one."""
    text = f"{moment.year:04d}{moment:%m%d%H%M%S}"
    return f"{text}{f'.{moment.microsecond:06d}' if moment.microsecond else ''}{moment:%z}"


def readable(text: str, zone: str = "") -> str:
    """Return a DT as people write it: ``2026-11-29 08:00 +0100``; as it is if it is no DT.

    Nothing is made up and nothing is lost, except the seconds of a full minute.

    Parameters
    ----------
    text : str
        The value.
    zone : str
        Timezone Offset From UTC of its data set, shown with a value that has no offset.
    """
    match = FORMATS["DT"].fullmatch(text.strip())
    if match is None or not is_value(text, "DT"):
        return text
    year, month, day, hour, minute, second, fraction, offset = (part or "" for part in match.groups())
    date = "-".join(filter(None, (year, month, day)))
    clock = ":".join(filter(None, (hour, minute, second if second != "00" or fraction.strip("0") else "")))
    if fraction.strip("0"):
        clock += f".{fraction.rstrip('0')}"
    if hour and not minute:
        clock += "h"
    return " ".join(filter(None, (date, clock, offset or (zone if is_offset(zone) else ""))))


def is_offset(text: str) -> bool:
    """Whether a text is an offset from UTC, as Timezone Offset From UTC has it and a DT may end with: -1200 to +1400."""
    return ZONE.fullmatch(text) is not None


def is_value(text: str, vr: str) -> bool:
    """Whether a text is a DA, TM or DT value."""
    return _parts(text, vr) is not None


def value_start(text: str, vr: str, offset: str = "") -> datetime | None:
    """Return the moment at which a stored value begins; ``None`` if it is no DA, TM or DT.

    Parameters
    ----------
    text, vr : str
        The value and its VR.
    offset : str
        Timezone Offset From UTC that holds for a DT value without one of its own (``+0100``); local time if empty.
    """
    span = _span(text, vr, offset)
    return span.start if span else None


@lru_cache(maxsize=1024)
def key_span(text: str, vr: str, offset: str = "") -> Span | None:
    """Return the span that a matching key means: a single value, or a range with open ends [PS3.4 C.2.2.2.5].

    A range ends with the last moment that its end covers: ``2025-2026`` holds all of both years.

    Returns
    -------
    Span or None
        ``None`` if the text is no such key.
    """
    text = text.strip()
    if "-" not in text or (vr == "DT" and ENDS_WITH_OFFSET.fullmatch(text)):
        return _span(text, vr, offset)
    # A hyphen may separate, or belong to an offset; the separator is the one that leaves a value on each side.
    for at in (i for i, letter in enumerate(text) if letter == "-"):
        first, last = text[:at].strip(), text[at + 1 :].strip()
        low, high = _span(first, vr, offset) if first else None, _span(last, vr, offset) if last else None
        if (first or last) and (low or not first) and (high or not last):
            return Span(low.start if low else None, high.end if high else None)
    return None

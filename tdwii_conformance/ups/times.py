"""DA, TM and DT values as spans of time: a value covers what its precision leaves open [PS3.5 6.2]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

__all__ = ["Span", "is_value", "key_span", "value_start"]

OFFSET = r"[+-](?:0\d|1[0-4])[0-5]\d"  # PS3.5 allows -1200 to +1400
FORMATS = {
    # The dots and colons are those of ACR-NEMA, which PS3.5 6.2 lets receivers understand.
    "DA": re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})()()()()()"),
    "TM": re.compile(r"()()()(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?()"),
    "DT": re.compile(
        rf"(\d{{4}})(?:(\d{{2}})(?:(\d{{2}})(?:(\d{{2}})(?:(\d{{2}})(?:(\d{{2}})(?:\.(\d{{1,6}}))?)?)?)?)?)?({OFFSET})?"
    ),
}
SOME_DAY = ("2000", "01", "01")  # a TM has none
# "20260101-0500" is a value with an offset, or a range that ends in the year 500. Nobody asks for the latter.
ENDS_WITH_OFFSET = re.compile(rf"[^-]+{OFFSET}")


@dataclass(frozen=True)
class Span:
    """From `start` up to, but not with, `end`; ``None`` is open."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


@lru_cache(maxsize=65536)
def _span(text: str, vr: str, offset: str) -> Span | None:
    match = FORMATS[vr].fullmatch(text.strip())
    if not match:
        return None
    *parts, fraction, own = match.groups()
    if vr == "TM":
        parts[:3] = SOME_DAY
    numbers = [int(part) for part in parts if part]
    # A leap second is written 60; Python has none, so it is the start of the next minute.
    leap = numbers[5:] == [60]
    try:
        year, month, day = (*numbers[:3], 1, 1)[:3]
        hour, minute, second = (*numbers[3:], 0, 0, 0)[:3]
        start = datetime(year, month, day, hour, minute, 59 if leap else second)
        if fraction:
            start += timedelta(seconds=leap, microseconds=int(fraction.ljust(6, "0")))
            step = timedelta(microseconds=10 ** (6 - len(fraction)))
        else:
            start += timedelta(seconds=leap)
            step = _step(start, len(numbers))
        zone = (own or offset) if vr == "DT" else "+0000"
        return Span(_utc(start, zone), _utc(start + step, zone) if start < datetime.max - step else None)
    except (ValueError, OverflowError):
        return None


def _step(start: datetime, precision: int) -> timedelta:
    """Return how long a value lasts that is precise to the year (1), month (2), ... or second (6)."""
    if precision == 1:
        return timedelta(days=366 if start.year % 4 == 0 and (start.year % 100 or start.year % 400 == 0) else 365)
    if precision == 2:
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1) - start
    return (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))[precision - 3]


def _utc(moment: datetime, offset: str) -> datetime:
    if not offset:
        return moment.astimezone(UTC)  # local time of this machine
    sign = -1 if offset[0] == "-" else 1
    zone = timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])))
    return moment.replace(tzinfo=zone).astimezone(UTC)


def is_value(text: str, vr: str) -> bool:
    """Whether a text is a DA, TM or DT value."""
    return _span(text, vr, "+0000") is not None


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

"""DA, TM and DT values as spans of time: a value covers what its precision leaves open [PS3.5 6.2]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

__all__ = ["Span", "key_span", "value_start"]

DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})?")
FARTHEST_OFFSET = 1400  # hours and minutes; PS3.5 allows -1200 to +1400


@dataclass(frozen=True)
class Span:
    """From `start` up to, but not with, `end`; ``None`` is open."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


def _as_date_time(text: str, vr: str) -> str:
    """Return a DA or TM value as DT: a time is one of a fixed day."""
    return "20000101" + text.replace(":", "") if vr == "TM" else text.replace(".", "") if vr == "DA" else text


@lru_cache(maxsize=65536)
def _span(text: str, vr: str, offset: str) -> Span | None:
    match = DATE_TIME.fullmatch(_as_date_time(text.strip(), vr))
    if not match:
        return None
    *parts, fraction, own = match.groups()
    numbers = [int(part) for part in parts if part is not None]
    if fraction is not None and len(numbers) < 6:
        return None
    zone = UTC if vr != "DT" else _zone(own or offset)
    try:
        start = datetime(*(numbers + [1, 1][len(numbers) - 1 :])[:3], *numbers[3:], tzinfo=zone)
        if fraction is not None:
            start += timedelta(microseconds=int(fraction.ljust(6, "0")))
            end = start + timedelta(microseconds=10 ** (6 - len(fraction)))
        else:
            end = _next(start, len(numbers))
    except (ValueError, OverflowError):
        return None
    return Span(start.astimezone(UTC), end.astimezone(UTC))


def _next(start: datetime, precision: int) -> datetime:
    if precision == 1:
        return start.replace(year=start.year + 1)
    if precision == 2:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start + (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))[precision - 3]


def _zone(offset: str) -> timezone:
    if not offset:
        return timezone(datetime.now().astimezone().utcoffset() or timedelta())
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])))


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


def key_span(text: str, vr: str, offset: str = "") -> Span | None:
    """Return the span that a matching key means: a single value, or a range with open ends [PS3.4 C.2.2.2.5].

    Returns
    -------
    Span or None
        ``None`` if the text is no such key.
    """
    if "-" not in text:
        return _span(text, vr, offset)
    splits = [(text[:i].strip(), text[i + 1 :].strip()) for i, letter in enumerate(text) if letter == "-"]
    for first, last in splits:
        if vr == "DT" and first and len(last) == 4 and last.isdigit() and int(last) <= FARTHEST_OFFSET:
            continue  # the minus of an offset, not of a range that ends in the year 500
        low, high = _span(first, vr, offset) if first else None, _span(last, vr, offset) if last else None
        if (first and low is None) or (last and high is None) or not (first or last):
            continue
        return Span(low.start if low else None, high.end if high else None)
    return _span(text, vr, offset)

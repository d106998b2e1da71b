"""A second opinion on attribute matching: whether a UPS matches a query, by the words of PS3.4 C.2.2.2 alone.

Brute force, and independent of the rest of the package on purpose: nothing here is shared with `ups.matching`, which the
simulated TMS uses; an import contract holds it. Where the text leaves the answer open, or leaves it to the SCP, the
verdict is `EITHER`.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

__all__ = ["Verdict", "matches", "verdicts"]


class Verdict(IntEnum):
    """In this order, "all of them" is the least and "one of them" the greatest."""

    NO_MATCH = 0
    EITHER = 1
    MATCH = 2


NO_MATCH, EITHER, MATCH = Verdict

TEXT = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
# Defined for single value matching only [CC.2.5.1.3, table CC.2.5-2a].
SINGLE_VALUE_ONLY = {
    "ScheduledProcedureStepPriority", "InputReadinessState", "ProcedureStepState", "SOPInstanceUID", "CodeValue",
    "CodingSchemeDesignator", "LongCodeValue", "URNCodeValue",
}  # fmt: skip
# Never matched, whatever the query gives [PS3.4 C.2.2.2, table CC.2.5-2a].
NO_KEYS = {"SpecificCharacterSet", "CodeMeaning"}


def matches(query: Dataset, stored: Dataset) -> Verdict:
    """Say whether a UPS matches every key of a query [PS3.4 C.2.2.2].

    Parameters
    ----------
    query : Dataset
        The identifier of a C-FIND request, or an item of it.
    stored : Dataset
        The UPS, or an item of it.

    Returns
    -------
    Verdict
        The least of the verdicts of the keys; `MATCH` if there are none.
    """
    return min(verdicts(query, stored).values(), default=MATCH)


def verdicts(query: Dataset, stored: Dataset) -> dict[str, Verdict]:
    """Judge each key of a query by itself [PS3.4 C.2.2.2].

    Parameters
    ----------
    query : Dataset
        The identifier of a C-FIND request, or an item of it.
    stored : Dataset
        The UPS, or an item of it.

    Returns
    -------
    dict
        Verdict by keyword, without keys that are never matched.

    Raises
    ------
    NotImplementedError
        For a key of a VR that no attribute of a query has.
    """
    return {key.keyword: _key(key, _stored(stored, key)) for key in query if key.keyword not in NO_KEYS}


def _stored(dataset: Dataset, key: DataElement) -> Any:
    return dataset[key.tag].value if key.tag in dataset else None


def _values(value: Any) -> list[str]:
    several = value if isinstance(value, (list, MultiValue)) else [value]
    return [str(one) for one in several if one is not None and str(one) != ""]


def _key(key: DataElement, stored: Any) -> Verdict:
    if key.VR == "SQ":
        return _sequence(key.value or [], stored or [])
    wanted, there = _values(key.value), _values(stored)
    wild = key.VR in TEXT and key.keyword not in SINGLE_VALUE_ONLY
    if not wanted or (wild and wanted == ["*"]):
        return MATCH  # universal
    if not there:
        return EITHER  # A13
    if key.VR == "UI":
        verdict = MATCH if set(wanted) & set(there) else NO_MATCH
        # A22: a list where single value matching is prescribed
        return min(verdict, EITHER) if len(wanted) > 1 and key.keyword in SINGLE_VALUE_ONLY else verdict
    if len(wanted) > 1:
        return EITHER  # several values in one key: defined for UIDs alone
    return max(_value(key, wanted[0], one, wild) for one in there)


def _value(key: DataElement, wanted: str, there: str, wild: bool) -> Verdict:
    if key.VR == "DA":
        return _date_time(wanted, there, _date)
    if key.VR == "DT":
        return _date_time(wanted, there, _moment)
    if key.VR == "PN":
        return _name(wanted, there)
    if key.VR not in TEXT:
        raise NotImplementedError(f"the oracle has no rule for {key.keyword}, VR {key.VR}")
    # Spaces that are padding: on both sides, or in running text at the end [PS3.5 6.2].
    trim = str.strip if key.VR in ("AE", "CS", "LO", "SH") else str.rstrip
    wanted, there = trim(wanted), trim(there)
    if wild and ("*" in wanted or "?" in wanted):
        return MATCH if _wild(wanted, there) else NO_MATCH
    return MATCH if wanted == there else NO_MATCH


def _sequence(key_items: list[Dataset], items: list[Dataset]) -> Verdict:
    if all(not len(item) for item in key_items):
        return MATCH  # universal
    if len(key_items) > 1 or not items:
        return EITHER  # no such key is defined; A13
    return max(matches(key_items[0], item) for item in items)


def _wild(pattern: str, text: str) -> bool:
    """Whether "*" stands for any run of characters and "?" for one."""
    ends = {0}  # how much of the text the pattern can have used up
    for symbol in pattern:
        if symbol == "*":
            ends = set(range(min(ends), len(text) + 1)) if ends else set()
        else:
            ends = {end + 1 for end in ends if end < len(text) and symbol in ("?", text[end])}
    return len(text) in ends


def _name(wanted: str, there: str) -> Verdict:
    if "*" in wanted or "?" in wanted:
        return EITHER  # implementation dependent
    if wanted == there:
        return MATCH
    # May be insensitive to case and accents, and may match component groups apart.
    groups, stored = _groups(wanted), _groups(there)
    alike = groups == stored or bool((set(groups) & set(stored)) - {""})
    return EITHER if alike else NO_MATCH


def _groups(name: str) -> list[str]:
    letters = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return [group.rstrip("^ ").strip() for group in plain.rstrip("=").split("=")]


# --- dates and times --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Span:
    """What a date or time says: a moment, or with parts left out the span from its first moment to its last."""

    first: datetime
    last: datetime

    def without_zone(self) -> "_Span":
        return _Span(self.first.replace(tzinfo=None), self.last.replace(tzinfo=None))


def _date(text: str) -> _Span | None:
    if not re.fullmatch(r"\d{8}", text):
        return None
    return _span(text, "", None)


def _moment(text: str) -> _Span | None:
    parts = re.fullmatch(r"(\d{4}(?:\d\d){0,5})(?:\.(\d{1,6}))?([+-]\d{4})?", text)
    if parts is None or (parts[2] and len(parts[1]) < 14):
        return None
    zone = None
    if parts[3]:
        minutes = int(parts[3][:3]) * 60 + int(parts[3][0] + parts[3][3:])
        if not -12 * 60 <= minutes <= 14 * 60:
            return None
        zone = timezone(timedelta(minutes=minutes))
    return _span(parts[1], parts[2] or "", zone)


def _span(digits: str, fraction: str, zone: timezone | None) -> _Span | None:
    first = digits + "00000101000000"[len(digits) :]
    try:
        begin = datetime.strptime(first, "%Y%m%d%H%M%S").replace(tzinfo=zone, microsecond=int(fraction.ljust(6, "0")))
    except ValueError:
        return None
    second = timedelta(seconds=1)
    match len(digits):
        case 4:
            end = begin.replace(month=12, day=31, hour=23, minute=59, second=59)
        case 6:
            month = begin.month % 12 + 1
            end = begin.replace(year=begin.year + (month == 1), month=month) - second
        case 8:
            end = begin + timedelta(days=1) - second
        case 10:
            end = begin + timedelta(hours=1) - second
        case 12:
            end = begin + timedelta(minutes=1) - second
        case _:
            end = begin
    return _Span(begin, end)


def _date_time(wanted: str, there: str, read: Callable[[str], _Span | None]) -> Verdict:
    stored = read(there.strip())
    wanted = wanted.strip()
    if stored is None:
        return EITHER
    if "-" not in wanted:
        return _single(wanted, there.strip(), read(wanted), stored)
    ranges = _ranges(wanted, read)
    if len(ranges) != 1 or read(wanted) is not None:
        return EITHER  # not of a form that is defined, or of two: "2026-0500"
    low, high = ranges[0]
    if low and high and _is_less(high, low):
        return EITHER  # defined where the first is not the later one
    return min(_not_before(stored, low), _not_after(stored, high))


def _ranges(text: str, read: Callable[[str], _Span | None]) -> list[list[_Span | None]]:
    """All ways to read a text as a range: pairs of spans, ``None`` for an open end."""
    found = []
    for dash in (position for position, letter in enumerate(text) if letter == "-"):
        ends = [part.strip() for part in (text[:dash], text[dash + 1 :])]
        spans = [read(end) if end else None for end in ends]
        if any(ends) and all(span for end, span in zip(ends, spans, strict=True) if end):
            found.append(spans)
    return found


def _single(wanted: str, there: str, key: _Span | None, stored: _Span) -> Verdict:
    """How single values are matched is for the SCP to say, but the same is the same."""
    if wanted == there:
        return MATCH
    if key is None:
        return EITHER
    key, stored, known = _comparable(key, stored)
    if not known:
        return EITHER
    overlap = key.first <= stored.last and stored.first <= key.last
    return EITHER if overlap else NO_MATCH


def _comparable(one: _Span, other: _Span) -> tuple[_Span, _Span, bool]:
    """Both with zones or both without; the third value says whether they can be compared at all."""
    if (one.first.tzinfo is None) == (other.first.tzinfo is None):
        return one, other, True
    return one.without_zone(), other.without_zone(), False


def _is_less(one: _Span, other: _Span) -> bool:
    one, other, known = _comparable(one, other)
    return known and one.first < other.first


def _not_before(stored: _Span, low: _Span | None) -> Verdict:
    if low is None:
        return MATCH
    stored, low, known = _comparable(stored, low)
    if not known:
        return EITHER  # what zone was meant is for the SCP to say
    if stored.first >= low.first:
        return MATCH
    return NO_MATCH if stored.last < low.first else EITHER


def _not_after(stored: _Span, high: _Span | None) -> Verdict:
    if high is None:
        return MATCH
    stored, high, known = _comparable(stored, high)
    if not known:
        return EITHER
    if stored.first <= high.first:
        return MATCH if stored.last <= high.first or stored == high else EITHER
    # Up to a day without a time: up to its beginning, or up to its end?
    return NO_MATCH if stored.first > high.last else EITHER

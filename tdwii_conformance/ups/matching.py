"""Attribute matching [PS3.4 C.2.2.2] and response identifiers [CC.2.8.1.3.2] of worklist queries.

Choices that a conformance statement has to make, and ours: Patient's Name matches without regard to case, as one text;
a date-time without offset is local time, or has the Timezone Offset From UTC of its own data set; a single date or time
matches what lies within its precision; an empty stored value matches nothing but universal matching.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..profile.ups_tables import AttributeRow
from .times import key_span, value_start

__all__ = ["matches", "response_identifier", "strings"]

# Wild cards have a meaning in these only [PS3.4 C.2.2.2.4].
WILD_CARD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
TIMES = frozenset({"DA", "TM", "DT"})
# Never matched: they say how the rest is meant [PS3.4 C.2.2.2, K.2.2.2].
ABOUT_THE_IDENTIFIER = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC"})
NEVER_RETURNED = frozenset({"TransactionUID"})

Rows = Mapping[str, AttributeRow]


def matches(identifier: Dataset, attributes: Dataset, rows: Rows, *, inherited: str = "-", offset: str = "") -> bool:
    """Whether a UPS, or an item of it, matches all keys of an identifier.

    Parameters
    ----------
    identifier : Dataset
        The keys.
    attributes : Dataset
        The UPS's attributes, or an item's.
    rows : mapping of str to AttributeRow
        What the standard says of the keys of this level.
    inherited : str
        Match key type of the sequence around this level, for rows that say ``*``.
    offset : str
        Timezone Offset From UTC of the query.
    """
    offset = str(identifier.get("TimezoneOffsetFromUTC", "") or offset)
    return all(_matches(key, attributes, rows.get(key.keyword), inherited, offset) for key in identifier)


def _matches(key: DataElement, attributes: Dataset, row: AttributeRow | None, inherited: str, offset: str) -> bool:
    if key.keyword in ABOUT_THE_IDENTIFIER:
        return True
    kind = row.match if row is not None else "-"
    if kind == "*":
        kind = inherited
    if key.VR == "SQ":
        return _sequence_matches(key, attributes, row, kind, offset)
    wanted = strings(key)
    if not wanted or kind == "-" or key.keyword in NEVER_RETURNED:
        return True  # universal, or no matching key: a return key only [PS3.4 K.2.2.1.1.2]
    stored = strings(attributes[key.tag]) if key.tag in attributes else ()
    single = row is not None and row.single_value
    return any(_value_matches(one, value, key.VR, single, offset) for one in wanted for value in stored)


def _sequence_matches(key: DataElement, attributes: Dataset, row: AttributeRow | None, kind: str, offset: str) -> bool:
    named = named_keys(key)
    if named is None:
        return True
    below = row.items if row is not None else {}
    if key.tag not in attributes:
        # Only universal keys match where there is no item.
        return matches(named, Dataset(), below, inherited=kind, offset=offset)
    items = attributes[key.tag].value or [Dataset()]
    return any(matches(named, item, below, inherited=kind, offset=offset) for item in items)


def named_keys(key: DataElement) -> Dataset | None:
    """Return the item of a sequence key; ``None`` if it has no item or an empty one, which asks for all of it."""
    items = key.value or ()
    return next((item for item in items if len(item)), None)


def strings(element: DataElement) -> tuple[str, ...]:
    """Return the values of an element as text; empty when it has none."""
    value: Any = element.value
    if value is None or value == "" or value == b"":
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (str(value),)
    if element.VR == "PN" and not isinstance(value, (list, tuple)) and not hasattr(value, "append"):
        return (str(value),)
    return tuple(str(one) for one in value if one is not None and one != "")


def _value_matches(wanted: str, value: str, vr: str, single: bool, offset: str) -> bool:
    if vr in TIMES:
        span, moment = key_span(wanted, vr, offset), value_start(value, vr)
        return span is not None and moment is not None and span.holds(moment)
    if vr == "PN":
        wanted, value = _name(wanted), _name(value)
    if vr in WILD_CARD and not single and ("*" in wanted or "?" in wanted):
        return _pattern(wanted).fullmatch(value) is not None
    if vr == "UI":
        return wanted.rstrip("\0 ") == value
    return wanted.strip(" ") == value.strip(" ") if vr != "UT" else wanted.rstrip(" ") == value.rstrip(" ")


def _name(text: str) -> str:
    return text.casefold().rstrip("^= ")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in text), re.DOTALL)


def response_identifier(identifier: Dataset, attributes: Dataset, rows: Rows, *, offset: str = "") -> Dataset:
    """Return what a match is answered with: the keys of the query, with the UPS's values.

    A key that the UPS has no value for comes back empty. Of a sequence whose keys are named, the items that match come
    with those keys alone; else all of it [PS3.4 C.2.2.2.6].

    Parameters
    ----------
    identifier, attributes, rows, offset
        As for `matches`.
    """
    offset = str(identifier.get("TimezoneOffsetFromUTC", "") or offset)
    response = Dataset()
    for key in identifier:
        if key.keyword in ABOUT_THE_IDENTIFIER or key.keyword in NEVER_RETURNED:
            continue
        stored = attributes.get(key.tag)
        if stored is None:
            response.add(DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None))
        elif key.VR != "SQ" or (named := named_keys(key)) is None:
            response.add(stored)
        else:
            row = rows.get(key.keyword)
            below = row.items if row is not None else {}
            kind = row.match if row is not None else "-"
            response.add(
                DataElement(
                    key.tag,
                    "SQ",
                    [
                        response_identifier(named, item, below, offset=offset)
                        for item in stored.value or ()
                        if matches(named, item, below, inherited=kind, offset=offset)
                    ],
                )
            )
    return response

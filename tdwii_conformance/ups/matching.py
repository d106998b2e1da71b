"""Attribute matching [PS3.4 C.2.2.2] and response identifiers [CC.2.8.1.3.2] of worklist queries.

Choices that a conformance statement has to make, and ours: Patient's Name matches without regard to case, as one text;
a date-time without offset is local time, or has the Timezone Offset From UTC of its own data set; a single date or time
matches what lies within its precision; DA and TM are matched each alone, without offset; an empty stored value matches
nothing but universal matching.

An identifier is turned into `Key` objects once per query, so that a workitem costs no more than the comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from ..profile.representations import resolved
from ..profile.ups_tables import AttributeRow
from .times import Span, key_span, value_start

__all__ = ["Key", "KeyFault", "keys_of", "match", "matches", "respond", "response_identifier", "strings", "text_form"]

# Wild cards have a meaning in these only [PS3.4 C.2.2.2.4].
WILD_CARD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
TIMES = frozenset({"DA", "TM", "DT"})
# Never matched: they say how the rest is meant [PS3.4 C.2.2.2, K.2.2.2].
ABOUT_THE_IDENTIFIER = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC"})
NEVER_RETURNED = frozenset({"TransactionUID"})


class KeyFault(ValueError):
    """A key is not written as matching keys are [PS3.4 C.2.2.2]; the message names it."""


Rows = Mapping[str, AttributeRow]


@dataclass(frozen=True)
class Key:
    """A key of a query.

    Parameters
    ----------
    tag, vr
        Of the attribute.
    fits : callable or None
        Whether a stored value, with the Timezone Offset From UTC of its data set, matches; ``None`` for a key that
        matches everything.
    wanted : tuple of str
        The values that `fits` compares with, in the form it compares them in.
    wild : bool
        Whether any of them is a wild card.
    span : Span, optional
        The time that a DA, TM or DT key with one value means.
    below : tuple of Key, optional
        The keys in the item of a sequence key; ``None`` if it has no item or an empty one, which asks for all of it.
    """

    tag: BaseTag
    vr: str
    fits: Callable[[str, str], bool] | None = field(default=None, compare=False)
    wanted: tuple[str, ...] = ()
    wild: bool = False
    span: Span | None = None
    below: tuple[Key, ...] | None = None

    @cached_property
    def narrows(self) -> bool:
        """Whether there is anything it does not match."""
        return self.fits is not None or any(key.narrows for key in self.below or ())

    @cached_property
    def comparable(self) -> bool:
        """Whether every key that equals it matches the same; of several times it does not keep which they are."""
        several = self.vr in TIMES and self.fits is not None and self.span is None
        return not several and all(key.comparable for key in self.below or ())


def keys_of(identifier: Dataset, rows: Rows, *, inherited: str = "-", offset: str = "") -> tuple[Key, ...]:
    """Return the keys of an identifier, without those that are never returned.

    Parameters
    ----------
    identifier : Dataset
        The keys, as they came.
    rows : mapping of str to AttributeRow
        What the standard says of the attributes of this level.
    inherited : str
        Match key type of the sequence around this level, for rows that say ``*``.
    offset : str
        Timezone Offset From UTC of the query.

    Raises
    ------
    KeyFault
        For a date or time that is none, and a sequence of more than one item.
    """
    offset = str(identifier.get("TimezoneOffsetFromUTC", "") or offset)
    return tuple(
        _key(element, rows.get(element.keyword), inherited, offset)
        for element in resolved(identifier)
        if element.keyword not in ABOUT_THE_IDENTIFIER | NEVER_RETURNED
    )


def _key(element: DataElement, row: AttributeRow | None, inherited: str, offset: str) -> Key:
    kind = row.match if row is not None else "-"
    if kind == "*":
        kind = inherited
    tag, vr = BaseTag(element.tag), str(element.VR)
    if vr == "SQ":
        item = next((item for item in element.value or () if len(item)), None)
        if len(element.value or ()) > 1:
            raise KeyFault(f"{element.keyword} has more than one item")
        if item is None:
            return Key(tag, vr)
        return Key(tag, vr, below=keys_of(item, row.items if row is not None else {}, inherited=kind, offset=offset))
    wanted = strings(element)
    single = row is not None and row.single_value
    anything = vr in WILD_CARD and not single and any(not one.strip("*") for one in wanted)
    if not wanted or anything or kind == "-":
        return Key(tag, vr)  # universal, or no matching key: a return key only [PS3.4 K.2.2.1.1.2]
    if vr in TIMES:
        spans = [key_span(one, vr, offset) for one in wanted]
        if None in spans:
            raise KeyFault(f"{element.keyword} is no {vr}, nor a range of them")
        return Key(tag, vr, _in_time(vr, spans), wanted, span=spans[0] if len(spans) == 1 else None)
    form = text_form(vr)
    wanted = tuple(form(one) for one in wanted)
    patterned = () if single or vr not in WILD_CARD else tuple(one for one in wanted if "*" in one or "?" in one)
    return Key(tag, vr, _in_text(form, wanted, patterned), wanted, wild=bool(patterned))


def _in_time(vr: str, spans: Sequence[Span | None]) -> Callable[[str, str], bool]:
    def fits(value: str, zone: str) -> bool:
        moment = value_start(value, vr, zone)
        return moment is not None and any(span is not None and span.holds(moment) for span in spans)

    return fits


def _in_text(form: Callable[[str], str], wanted: tuple[str, ...], patterned: tuple[str, ...]) -> Callable[[str, str], bool]:
    literal = frozenset(wanted) - frozenset(patterned)
    patterns = [wild_card(one) for one in patterned]

    def fits(value: str, zone: str) -> bool:
        value = form(value)
        return value in literal or any(pattern.fullmatch(value) for pattern in patterns)

    return fits


def text_form(vr: str) -> Callable[[str], str]:
    """Return how text of a VR is compared: without the spaces that do not count [PS3.5 6.2]."""
    return name_form if vr == "PN" else str.rstrip if vr in ("UT", "LT", "ST", "UC", "UR") else str.strip


def name_form(text: str) -> str:
    """Return a person name as it is compared: without regard to case, and to empty components at the end."""
    return text.casefold().rstrip("^= ")


@lru_cache(maxsize=1024)
def wild_card(text: str) -> re.Pattern[str]:
    """Return the pattern that a wild card key stands for [PS3.4 C.2.2.2.4].

    What stands between two stars is taken where it first fits, once and for all: a key of a hundred stars costs no more
    than one of two.
    """
    begin, *runs = ("".join("." if c == "?" else re.escape(c) for c in part) for part in re.split(r"\*+", text))
    if not runs:
        return re.compile(begin, re.DOTALL)
    *inner, end = runs
    return re.compile(begin + "".join(f"(?>.*?{run})" for run in inner) + ".*" + end, re.DOTALL)


def strings(element: DataElement) -> tuple[str, ...]:
    """Return the values of an element as text; empty when it has none."""
    value: Any = element.value
    if value is None or value == "" or value == b"":
        return ()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return (str(value),)  # a PersonName is iterable, but no Sequence
    return tuple(str(one) for one in value if one is not None and one != "")


def match(keys: Iterable[Key], attributes: Dataset, zone: str = "") -> bool:
    """Whether a UPS, or an item of it, matches all keys.

    Parameters
    ----------
    keys : iterable of Key
        The keys; those that do not narrow may be left out.
    attributes : Dataset
        The UPS's attributes, or an item's.
    zone : str
        Timezone Offset From UTC of the UPS.
    """
    for key in keys:
        if not key.narrows:
            continue
        stored = attributes.get(key.tag)
        if stored is None:
            return False
        if key.fits is not None:
            if stored.VR == "SQ" or not any(key.fits(value, zone) for value in strings(stored)):
                return False
        elif stored.VR != "SQ" or not any(match(key.below or (), item, zone) for item in stored.value or ()):
            return False
    return True


Answer = Callable[[Key, Callable[[], DataElement]], DataElement | RawDataElement]


def respond(keys: Iterable[Key], attributes: Dataset, zone: str = "", answer: Answer = lambda key, make: make()) -> Dataset:
    """Return what a match is answered with: the keys of the query, with the UPS's values.

    A key that the UPS has no value for comes back empty. Of a sequence whose keys are named, the items that match come
    with those keys alone; else all of it [PS3.4 C.2.2.2.6].

    Parameters
    ----------
    keys, attributes, zone
        As for `match`, but all keys.
    answer : callable
        Takes a key and what makes the element that answers it; returns the element to send.
    """
    response = Dataset()
    for key in keys:
        response[key.tag] = answer(key, partial(_answer, key, attributes, zone))
    return response


def _answer(key: Key, attributes: Dataset, zone: str) -> DataElement:
    stored = attributes.get(key.tag)
    if stored is None:
        return DataElement(key.tag, key.vr, [] if key.vr == "SQ" else None)
    if stored.VR != "SQ" or key.below is None:
        return stored
    found = [respond(key.below, item, zone) for item in stored.value or () if match(key.below, item, zone)]
    return DataElement(key.tag, "SQ", found)


def matches(identifier: Dataset, attributes: Dataset, rows: Rows) -> bool:
    """Whether a data set matches all keys of an identifier; for a single one, else see `keys_of` and `match`."""
    return match(keys_of(identifier, rows), attributes, _zone(attributes))


def response_identifier(identifier: Dataset, attributes: Dataset, rows: Rows) -> Dataset:
    """Return what a match is answered with; for a single one, else see `keys_of` and `respond`."""
    return respond(keys_of(identifier, rows), attributes, _zone(attributes))


def _zone(attributes: Dataset) -> str:
    return str(attributes.get("TimezoneOffsetFromUTC") or "")

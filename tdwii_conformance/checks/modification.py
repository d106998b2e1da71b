"""What an N-SET did to a UPS, as N-GET shows it [PS3.4 CC.2.6]."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..profile.statuses import is_failure
from ..profile.ups_tables import attribute_rows
from ..transcript.exchange import Exchange
from ..ups.times import read_date_time
from . import status
from . import workitem as ups
from .findings import Finding
from .times import shows_no_time

__all__ = ["all_change", "coerced", "effect", "holds", "not_stored", "same_meaning"]

COERCED = (0x0116, 0xB305)


def holds(exchange: Exchange, expected: Dataset) -> list[Finding]:
    """Check that an N-GET shows the values of a modification list, by meaning, and nothing more in their items."""
    found = ups.got(exchange)
    if found or exchange.dataset is None:  # the first says the second
        return found
    return list(_differences(expected, exchange.dataset))


def _differences(expected: Dataset, came: Dataset, path: str = "") -> Iterator[Finding]:
    for element in expected:
        place = f"{path}{element.keyword}"
        other = came.get(element.tag)
        if other is None:
            yield Finding("what was set", "attribute absent", place)
        elif element.VR == "SQ":
            items, others = list(element.value), list(other.value or ())
            if len(items) != len(others):
                yield Finding(f"{len(items)} item(s), those that were set", f"{len(others)} item(s)", place)
            for index, (one, another) in enumerate(zip(items, others, strict=False)):
                yield from _differences(one, another, f"{place}[{index}].")
                for extra in another:  # what an SCP adds of its own may only be empty
                    if extra.tag not in one and not extra.is_empty and extra.keyword != "SpecificCharacterSet":
                        yield Finding("not there: it was not set", repr(extra.value), f"{place}[{index}].{extra.keyword}")
        elif not same_meaning(element.VR, element.value, other.value) and not shows_no_time(other):
            yield Finding(f"value {element.value!r}", f"value {other.value!r}", place)


def same_meaning(vr: str, one: Any, other: Any) -> bool:
    """Say whether two values mean the same: numbers and date-times may be written in more than one way."""
    ones, others = _values(one), _values(other)
    return len(ones) == len(others) and all(_meaning(vr, a) == _meaning(vr, b) for a, b in zip(ones, others, strict=True))


def _values(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, MultiValue)) else [value]


def _meaning(vr: str, value: Any) -> object:
    text = str(value or "").strip()
    if not text:
        return text
    if vr == "DT":
        there = read_date_time(text)
        return there.first.replace(tzinfo=None) if there else text  # the UPS may say its offset where we said none
    try:
        return float(text) if vr in ("DS", "IS") else text
    except ValueError:
        return text


def effect(exchange: Exchange, before: Exchange, after: Exchange, expected: Dataset) -> list[Finding]:
    """Check that an N-SET that was not refused did what it says, and that a refused one did nothing."""
    if found := status.answered(exchange):
        return found
    if is_failure(exchange.status):
        return ups.untouched(before, after)
    return coerced(exchange, holds(after, expected))


def coerced(exchange: Exchange, found: list[Finding]) -> list[Finding]:
    """Return findings on the values after an N-SET; when the SCP says that it coerced some (B305), they are warnings."""
    return [dataclasses.replace(one, weight="warning") for one in found] if exchange.status in COERCED else found


def all_change(exchange: Exchange, after: Exchange, expected: Dataset) -> list[Finding]:
    """Check that an N-SET was done; a value that the SCP says it coerced (B305) may be another."""
    return status.accepted(exchange, "a change that the attribute table allows") or coerced(exchange, holds(after, expected))


def not_stored(before: Exchange, after: Exchange, keyword: str, illegal: Any) -> list[Finding]:
    """Check that an illegal value is not what N-GET shows: the old value, or a coerced one, but not none if there was one.

    Parameters
    ----------
    before, after : Exchange
        N-GETs that have shown the UPS.
    keyword : str
        The attribute.
    illegal : str or dict
        Value that was sent; of a sequence an attribute of its item, and the value of that.
    """
    assert before.dataset is not None and after.dataset is not None
    value = after.dataset.get(keyword)
    if attribute_rows()[keyword].set == "not allowed":
        return ups.equal(value, before.dataset.get(keyword), keyword)
    if isinstance(illegal, dict):
        name, bad = next(iter(illegal.items()))
        shown = [str(one.get(name)) for one in value or ()]
        return [Finding(f"not {bad!r}", "that value", f"{keyword}[0].{name}")] if bad in shown else []
    if value in (None, "") or str(value) == illegal:
        return [Finding("a legal value", repr(value), keyword)]
    return []

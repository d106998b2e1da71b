"""What a UPS shows of what it was created with, and what an SCP says of it [PS3.4 CC.2.5]."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID

from ..profile.statuses import is_failure, is_warning, status_text
from ..profile.ups_tables import AttributeRow, attribute_rows
from ..transcript.exchange import Exchange
from ..ups.times import read_date_time, same_moment
from . import status
from . import workitem as ups
from .findings import Finding
from .times import shows_no_time

__all__ = [
    "APART", "MODIFIED", "PERFORMED", "PROGRESS", "ROWS", "STATE", "Path", "created_uid", "differences", "done", "held",
    "input_differs", "kept", "named", "names_what_it_made", "near_now", "no_such_ups", "nothing", "rows_of", "same", "supplied",
    "supported",
]  # fmt: skip

Path = tuple[str, ...]  # keywords from the top of a UPS to an attribute

STATE = ("ProcedureStepState",)
MODIFIED = "ScheduledProcedureStepModificationDateTime"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
MODIFICATIONS = (0x0107, 0x0116, 0xB300)  # created, but not quite as it was sent


ROWS = attribute_rows()
# What N-CREATE brings empty, or what has requirements of its own.
APART = ("TransactionUID", "SpecificCharacterSet", *STATE, PROGRESS, PERFORMED)


def supported(row: AttributeRow) -> bool:
    """Say whether the SCP has to keep an attribute: types 3/2 and 3/3 are for the vendor to choose."""
    return row.get in ("1", "1C") or (row.get in ("2", "2C") and row.create != "3")


def named(path: Path) -> str:
    """Return a path in one word, for a finding or the id of a test."""
    return ".".join(path)


def rows_of(path: Path) -> Mapping[str, AttributeRow]:
    """Return the rows of the item that holds the attribute at the end of a path."""
    rows: Mapping[str, AttributeRow] = ROWS
    for keyword in path[:-1]:
        rows = rows[keyword].items
    return rows


def held(dataset: Dataset, path: Path) -> Dataset | None:
    """Return the item that holds the attribute at the end of a path, the last one where there are several; or ``None``."""
    for keyword in path[:-1]:
        items = dataset.get(keyword)
        if not items:
            return None
        dataset = items[-1]
    return dataset


def differences(sent: Dataset, came: Dataset, rows: Mapping[str, AttributeRow] = ROWS, path: str = "") -> Iterator[Finding]:
    """Yield where a UPS does not show what was sent, by meaning. What the SCP need not support may be missing.

    Parameters
    ----------
    sent : Dataset
        Attribute list of an N-CREATE, or an item of it.
    came : Dataset
        What N-GET shows, or the same item of it.
    rows : mapping of str to AttributeRow
        The attributes that the item may have.
    path : str
        Where the item is, with a full stop at the end.

    Yields
    ------
    Finding
        A fault, or a warning where the value is another way to write the same.
    """
    for element in sent:
        row = rows.get(element.keyword)
        if row is None or row.get == "not allowed" or element.keyword in APART[:2]:
            continue
        place = f"{path}{element.keyword}"
        received = came.get(element.tag)
        if nothing(element):
            # Worklist Label is for the SCP to fill in; what else it fills in, B300 would tell.
            if received is not None and not nothing(received) and not (row.create == "2" and row.get == "1"):
                yield Finding("empty, as it was sent", f"value {_brief(received.value)}", place, weight="warning")
        elif received is None or nothing(received):
            if supported(row):
                missing = "attribute absent" if received is None else "present without a value"
                yield Finding(f"value {_brief(element.value)}, as it was sent", missing, place)
        elif element.VR == "SQ":
            yield from _items_differ(element, received, row, place)
        elif not same(element.VR, element.value, received.value) and not shows_no_time(received):
            alike = same(element.VR, element.value, received.value, _moment)
            if element.VR == "DT" and element.VM == received.VM == 1:
                alike = alike or same_moment(str(element.value), str(received.value))
            expected, came_instead = _where_they_differ(element.value, received.value)
            yield Finding(f"value {expected}", f"value {came_instead}", place, weight="warning" if alike else "fault")


def _items_differ(element: DataElement, received: DataElement, row: AttributeRow, place: str) -> Iterator[Finding]:
    items: Sequence[Dataset] = element.value
    others: Sequence[Dataset] = received.value if received.VR == "SQ" else []
    if len(items) != len(others):
        yield Finding(f"{len(items)} item(s), as sent", f"{len(others)} item(s)", place)
    for index, (one, other) in enumerate(zip(items, others, strict=False)):
        yield from differences(one, other, row.items, f"{place}[{index}].")
        for extra in other:
            if extra.tag not in one and not nothing(extra) and extra.keyword != "SpecificCharacterSet":
                name = f"{place}[{index}].{extra.keyword or extra.tag}"
                yield Finding("not there, as it was not sent", f"value {_brief(extra.value)}", name)


def nothing(element: DataElement) -> bool:
    """Say whether an attribute is there without a value, or a sequence without an item."""
    return not element.value if element.VR == "SQ" else element.is_empty


def _brief(value: Any) -> str:
    text = repr(list(value) if isinstance(value, MultiValue) else value)
    return text if len(text) <= 200 else f"{text[:120]}... ({len(text)} characters)"


def _where_they_differ(one: Any, other: Any) -> tuple[str, str]:
    """Show two values; of long ones what is around the first difference."""
    if not (isinstance(one, str) and isinstance(other, str)) or max(len(one), len(other)) <= 150:
        return _brief(one), _brief(other)
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))

    def around(text: str) -> str:
        return f"{text[max(at - 20, 0) : at + 40]!r} at character {at + 1} of {len(text)}"

    return around(one), around(other)


def same(vr: str, one: Any, other: Any, meaning: Callable[[str, Any], object] | None = None) -> bool:
    """Say whether two values are equal; what pads them, and how numbers are written, is no part of them."""
    ones, others = ([*v] if isinstance(v, (list, MultiValue)) else [v] for v in (one, other))
    form = meaning or _form
    return len(ones) == len(others) and all(form(vr, a) == form(vr, b) for a, b in zip(ones, others, strict=True))


def _form(vr: str, value: Any) -> object:
    text = str(value)
    if vr in ("DS", "IS", "US"):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    if vr == "PN":  # trailing empty components and component groups may be left out [PS3.5 6.2]
        return "=".join(group.rstrip("^ ") for group in text.split("=")).rstrip("= ")
    return text.rstrip(" \0") if vr in ("LT", "ST", "UT", "UR", "UI") else text.strip(" ")


def _moment(vr: str, value: Any) -> object:
    """A date-time without the zeros that a fraction of a second may end with."""
    if vr in ("DT", "TM") and (parts := re.fullmatch(r"(\d+)(?:\.(\d+))?([+-]\d{4})?", str(value).strip())):
        return parts[1], (parts[2] or "").rstrip("0"), parts[3]
    return _form(vr, value)


def kept(exchange: Exchange, found: Iterable[Finding]) -> list[Finding]:
    """Take findings for warnings when the SCP has said that it created the UPS with modifications."""
    if exchange.status in MODIFICATIONS:
        return [dataclasses.replace(finding, weight="warning") for finding in found]
    return list(found)


def no_such_ups(exchange: Exchange) -> list[Finding]:
    """Check that an N-GET finds no UPS: what was refused was not created. With which failure it says so is for CC27-TMS-010."""
    if found := status.answered(exchange):
        return found
    if is_failure(exchange.status):
        return []
    return [Finding("no such UPS by N-GET: the N-CREATE was refused", f"status {status_text(exchange.status)}")]


def created_uid(exchange: Exchange) -> str:
    """Return the SOP Instance UID that an SCP says it has given a new workitem."""
    return str(exchange.response.command.get("AffectedSOPInstanceUID") or "") if exchange.response is not None else ""


def names_what_it_made(exchange: Exchange) -> list[Finding]:
    """Check that an N-CREATE without SOP Instance UID that was done is answered with one [PS3.7 10.1.5.1.4]."""
    uid = UID(created_uid(exchange))
    expected = "AffectedSOPInstanceUID, for the SCU gave none"
    return [] if uid.is_valid else [Finding(expected, f"{uid}" or "absent", "command set of the response")]


def done(exchange: Exchange) -> bool:
    """Say whether an N-CREATE has created a UPS: by success or a warning."""
    return exchange.status == 0 or is_warning(exchange.status)


def supplied(dataset: Dataset, path: Path, to_be_filled: bool) -> list[Finding]:
    """Check that an SCP which has created the UPS with modifications has put right what was wrong.

    Parameters
    ----------
    dataset : Dataset
        What N-GET shows.
    path : tuple of str
        The attribute that was missing or empty.
    to_be_filled : bool
        Whether it must have a value.
    """
    if ROWS[path[0]].get == "not allowed":  # nobody can see it
        return []
    place = held(dataset, path)
    if place is None or path[-1] not in place:
        return [Finding(f"{path[-1]}, supplied by the SCP", "attribute absent", named(path))]
    if to_be_filled and nothing(place[path[-1]]):
        return [Finding(f"{path[-1]}, filled in by the SCP", "present without a value", named(path))]
    return []


def near_now(exchange: Exchange) -> list[Finding]:
    """Check the modification date-time; its time zone may not be ours, and clocks differ."""
    found = ups.got(exchange) or ups.has_value(exchange.dataset, MODIFIED)
    if found:
        return found
    assert exchange.dataset is not None  # has_value says so
    text = str(exchange.dataset[MODIFIED].value)
    there = read_date_time(text, "+0000")
    if there is None:
        return [Finding("a date-time", f"value {text!r}", MODIFIED)]
    now, days = datetime.now(UTC), timedelta(days=2)
    if max(there.first - now, now - there.last) > days:
        return [Finding("the time of the N-CREATE, a moment ago", f"value {text!r}", MODIFIED)]
    return []


def input_differs(sent: Dataset, came: Dataset) -> list[Finding]:
    """Check the items that held private attributes; those themselves may be there or not."""
    keyword = "InputInformationSequence"
    ours, theirs = Dataset(), Dataset()
    setattr(ours, keyword, _standard(sent[keyword].value))
    setattr(theirs, keyword, _standard(came.get(keyword)))
    return list(differences(ours, theirs))


def _standard(items: Iterable[Dataset] | None) -> list[Dataset]:
    """Return items without private attributes."""
    rest = copy.deepcopy(list(items or ()))
    for one in rest:
        one.remove_private_tags()
    return rest

"""Judges the attribute lists of N-CREATE and N-SET by the attribute table [CC.2.5.1.3]: one interpreter, no attribute by name.

What may come and what must: types for the SCU as PS3.4 5.4.2.1 explains them. A UPS is fair to those who send it more than
it needs, so only what the standard forbids is refused:

- an N-SET may leave out type 2 attributes of a sequence's items; the final state requirements ask for them when it matters;
- conditions are judged as far as the data set shows them (``needed_when``); those that only people can tell are believed;
- attributes that the table does not list are optional, and kept [CC.2.5.1.3].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydicom import config
from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

from ..profile.ups_tables import AttributeRow, attribute_rows
from .matching import strings
from .times import is_value

__all__ = ["Refusal", "refuse_creation", "refuse_modification"]

INVALID_VALUE, MISSING_ATTRIBUTE, MISSING_VALUE, NOT_SCHEDULED = 0x0106, 0x0120, 0x0121, 0xC309
# Text without rules that a stored or sent value could break, or too long to look through for what it is worth.
FREE = frozenset({"UN", "OB", "OW", "OD", "OF", "OL", "OV", "UT", "AT", "US", "UL", "SS", "SL", "FD", "FL", "UV", "SV"})
TIMES = frozenset({"DA", "TM", "DT"})

Rows = Mapping[str, AttributeRow]


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused.

    Parameters
    ----------
    status : int
        DIMSE status.
    comment : str
        Error Comment: the attribute, and what is wrong.
    """

    status: int
    comment: str


def refuse_creation(attributes: Dataset) -> Refusal | None:
    """Return why an N-CREATE with these attributes, as `datasets.plain` makes them, is refused [CC.2.5]; or ``None``."""
    state = attributes.get("ProcedureStepState")
    if state and state != "SCHEDULED":
        return Refusal(NOT_SCHEDULED, f"ProcedureStepState is {state}")
    rows = attribute_rows()
    for keyword, row in rows.items():
        # Fixed by the SCP, or for the performer to fill (A19): the items of the latter are "not allowed" in N-CREATE.
        forbidden = row.create == "not allowed" or keyword == "TransactionUID" or _for_the_performer(row)
        if forbidden and keyword in attributes and not attributes[keyword].is_empty:
            return Refusal(INVALID_VALUE, f"{keyword} is created empty")
    return next(_missing_in_creation(attributes, rows, ""), None) or next(_invalid(attributes, rows, ""), None)


def refuse_modification(modification: Dataset) -> Refusal | None:
    """Return why an N-SET of these attributes, plain and without Transaction UID, is refused [CC.2.6]; or ``None``."""
    rows = attribute_rows()
    for element in modification:
        row = rows.get(element.keyword)
        if row is None:
            continue
        if row.set in ("not allowed", "special", "-"):
            return Refusal(INVALID_VALUE, f"{element.keyword} cannot be set")
        if row.set_scp == "1" and element.is_empty:
            return Refusal(MISSING_VALUE, element.keyword)
    return next(_missing_in_items(modification, rows, ""), None) or next(_invalid(modification, rows, ""), None)


def _for_the_performer(row: AttributeRow) -> bool:
    return any(below.create == "not allowed" for below in row.items.values())


def _needed(type_: str, row: AttributeRow, item: Dataset) -> bool:
    """Whether an attribute must have a value."""
    return type_ == "1" or (type_ == "1C" and row.need is not None and row.need.holds(item))


def _missing_in_creation(item: Dataset, rows: Rows, path: str) -> Iterator[Refusal]:
    elements = {element.tag: element for element in _elements(item)}
    for keyword, row in rows.items():
        element = elements.get(row.tag)
        needed = _needed(row.create, row, item)
        if element is None:
            if needed or row.create == "2":
                yield Refusal(MISSING_ATTRIBUTE, f"{path}{keyword}")
        elif needed and element.is_empty:
            yield Refusal(MISSING_VALUE, f"{path}{keyword}")
        elif row.items:
            for below, where in _items(element, row, path):
                yield from _missing_in_creation(below, row.items, where)


def _missing_in_items(dataset: Dataset, rows: Rows, path: str) -> Iterator[Refusal]:
    elements = {element.tag: element for element in _elements(dataset)}
    for row in rows.values():
        element = elements.get(row.tag)
        if element is None:
            continue
        for item, where in _items(element, row, path):
            inside = {element.tag: element for element in _elements(item)}
            for name, below in row.items.items():
                # Macros have the types of their own, which may contradict the sequence around (A18).
                type_ = below.create if below.set == "not allowed" or below.create == "1C" else below.set
                if _needed(type_, below, item) and ((value := inside.get(below.tag)) is None or value.is_empty):
                    yield Refusal(MISSING_VALUE, f"{where}{name}")
            yield from _missing_in_items(item, row.items, where)


def _elements(dataset: Dataset) -> Iterable[DataElement]:
    """Return the elements of a plain data set: none of them is raw any more."""
    return cast(Iterable[DataElement], dataset.elements())


def _items(element: DataElement, row: AttributeRow, path: str) -> Iterator[tuple[Dataset, str]]:
    if element.VR == "SQ":
        for index, item in enumerate(element.value or ()):
            yield item, f"{path}{row.keyword}[{index}]."


def _invalid(dataset: Dataset, rows: Rows, path: str) -> Iterator[Refusal]:
    for element in _elements(dataset):
        keyword = element.keyword
        row = rows.get(keyword)
        name = f"{path}{keyword or element.tag}"
        if row is not None and (element.VR == "SQ") != (row.vr == "SQ"):
            yield Refusal(INVALID_VALUE, f"{name} has VR {element.VR}, not {row.vr}")
        elif element.VR == "SQ":
            for index, item in enumerate(element.value or ()):
                yield from _invalid(item, row.items if row is not None else {}, f"{name}[{index}].")
        elif fault := _fault(element, row.values if row is not None else ()):
            yield Refusal(INVALID_VALUE, f"{name}: {fault}")


def _fault(element: DataElement, allowed: tuple[str, ...]) -> str:
    vr = str(element.VR)
    if vr in FREE or element.is_empty:
        return ""
    values = strings(element)
    if len(values) > 1 and dictionary_has_tag(element.tag) and dictionary_VM(element.tag) == "1":
        return "has more than one value"
    for value in values:
        if allowed and value not in allowed:
            return f"{value} is not one of {', '.join(allowed)}"
        if vr in TIMES:
            if not is_value(value, vr):
                return f"{value} is no {vr}"
            continue
        try:
            validate_value(vr, value, config.RAISE)
        except ValueError as error:
            return str(error)
    return ""

"""Defects of attributes, made from the rows of the attribute tables: dropped, emptied, changed, doubled, moved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from ..profile import Catalogue, Requirement, load_catalogue
from ..profile.catalogue import EDITIONS
from ..profile.paths import Step, resolve
from .deviations import Defect
from .hooks import on_find_responses
from .tms import defect, one

__all__ = [
    "SHAPES",
    "Edit",
    "change",
    "changed_value",
    "double",
    "drop",
    "edit",
    "empty",
    "rows_of",
    "shapes",
    "slug",
    "violated",
]

Edit = Callable[[Dataset, str], None]
# A value that is a legal one of its VR, and nobody's.
OTHER = {
    "UI": "1.2.826.0.1.3680043.2.1143.9999", "PN": "Nobody^Nowhere", "DT": "19991231235959", "DA": "19991231", "TM": "235959",
    "IS": "99", "DS": "99", "FL": 99.0, "FD": 99.0, "US": 99, "UL": 99, "SS": 99, "SL": 99,
}  # fmt: skip


def changed_value(keyword: str) -> Any:
    """Return a value for an attribute that no workitem of the tests has."""
    return OTHER.get(dictionary_VR(keyword), "OTHER")


def drop(item: Dataset, keyword: str) -> None:
    """Take the attribute out."""
    if keyword in item:
        delattr(item, keyword)


def empty(item: Dataset, keyword: str) -> None:
    """Leave the attribute without a value."""
    if keyword in item:
        setattr(item, keyword, [] if dictionary_VR(keyword) == "SQ" else None)


def change(item: Dataset, keyword: str) -> None:
    """Give the attribute another value."""
    if keyword in item and dictionary_VR(keyword) != "SQ":
        setattr(item, keyword, changed_value(keyword))


def put(item: Dataset, keyword: str) -> None:
    """Give the attribute another value, whether it is there or not."""
    setattr(item, keyword, changed_value(keyword))


def edit(dataset: Dataset, path: Sequence[Step], how: Edit) -> None:
    """Edit the attribute at the end of a path, everywhere the path leads to; of selected items, if its last step selects."""
    *_, last = path
    for place in resolve(dataset, tuple(path)):
        if not last.selects:
            how(place.item, last.keyword)
        elif last.keyword in place.item:
            kept = [one for one in place.item[last.keyword].value or () if not last.takes(one)]
            if how is double:
                kept = [two for one in place.item[last.keyword].value for two in ([one, one] if last.takes(one) else [one])]
            setattr(place.item, last.keyword, kept)


def double(item: Dataset, keyword: str) -> None:
    """Send the first item of a sequence twice."""
    if item.get(keyword):
        setattr(item, keyword, [item[keyword].value[0], *item[keyword].value])


# --- RO-58: the answers that a TDD gets ----------------------------------------------------------------------------------

SHAPES: dict[str, tuple[Edit, str]] = {
    "absent": (drop, "is absent"),
    "empty": (empty, "has no value"),
    "changed": (change, "has another value"),
    "another": (put, "comes with a value that is not that of the UPS"),
    "doubled": (double, "comes with one item twice"),
}


@defect.rows
def _one_for_each_row() -> Iterator[Defect]:
    """Yield the defects of the answers to the query of a TDD."""
    catalogue = load_catalogue()
    for edition in EDITIONS:
        yield from _worklist_responses(catalogue, edition)


def asks_as_a_tdd(identifier: Dataset) -> bool:
    """Whether this is the query of RO-58: of a station, for inputs and parameters."""
    needed = ("InputInformationSequence", "ScheduledProcessingParametersSequence")
    return bool(identifier.get("ScheduledStationNameCodeSequence")) and all(keyword in identifier for keyword in needed)


def rows_of(catalogue: Catalogue, message: str, actor: str, edition: str) -> tuple[list[Requirement], list[Requirement]]:
    """Return the rows of a message that hold in an edition, and those of them that defects are made from.

    What holds in both editions is shown by the tests of the present one.
    """
    rows = [row for row in catalogue.attributes(message, actor) if row.rule and edition in row.editions]
    return rows, [row for row in rows if edition == "ti" or "ti" not in row.editions]


def _worklist_responses(catalogue: Catalogue, edition: str) -> Iterator[Defect]:
    rows, own = rows_of(catalogue, "RO-58 response", "TMS", edition)
    seen = set()
    for row in own:
        for shape in shapes(row):
            # Two rows may be about one attribute.
            if (key := (slug(row), shape)) in seen:
                continue
            seen.add(key)
            how, words = SHAPES[shape]
            yield one(
                f"ro58-{slug(row)}-{shape}",
                f"In answers to the worklist query of a TDD {row.rule.text if row.rule else ''} {words}",
                partial(_edit_answers, row, how),
                *violated(row, rows, shape),
            )


def _edit_answers(row: Requirement, how: Edit, tms: Any) -> None:
    assert row.rule is not None
    path = row.rule.path

    def change_all(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        concerned = asks_as_a_tdd(identifier)
        for response in responses:
            if concerned:
                edit(response, path, how)
            yield response

    on_find_responses(tms, change_all)


def shapes(row: Requirement) -> Iterator[str]:
    """Yield the names of the shapes of `SHAPES` that break a row."""
    rule = row.rule
    assert rule is not None
    if rule.type == "absent":
        return
    last = rule.path[-1]
    if rule.type in ("1", "1C", "2"):
        yield "absent"
    if rule.type in ("1", "1C") and not last.selects:
        yield "empty"
    if rule.values:
        yield "another" if rule.type == "3" else "changed"
    if rule.items and rule.items[-1]:
        yield "doubled"


def violated(row: Requirement, rows: Sequence[Requirement], shape: str) -> Iterator[str]:
    """Yield the rows that hold no more when this one's attribute is absent, empty, and so on."""
    assert row.rule is not None
    keywords = [step.keyword for step in row.rule.path]
    for other in rows:
        rule = other.rule
        assert rule is not None
        if [step.keyword for step in rule.path] != keywords or not _meet(row.rule.path, rule.path):
            continue
        if shape in ("absent", "empty") and (rule.type in ("1", "1C") or (shape, rule.type) == ("absent", "2")):
            # Where only some items lose it, the row of the sequence itself still holds.
            if not row.rule.path[-1].selects or other is row:
                yield other.id
        elif (shape in ("changed", "another") and rule.values) or (shape == "doubled" and rule.items and rule.items[-1]):
            yield other.id


def _meet(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Whether two paths of the same keywords can lead to the same attribute."""
    return all(
        not a.selects or not b.selects or (a.concept, a.classes) == (b.concept, b.classes) for a, b in zip(one, other, strict=True)
    )


def slug(row: Requirement) -> str:
    """Return a row's path as a part of a name: the last keywords, and what items are selected."""
    assert row.rule is not None
    words = []
    for step in row.rule.path:
        words.append(SHORT.get(step.keyword, re.sub(r"(?<=[a-z])(?=[A-Z])", "-", step.keyword.replace("Sequence", "")).lower()))
        if step.concept:
            words.append(step.concept[0])
        elif step.classes:
            words.append(step.classes[0].rpartition("storage")[0] or SHORT_CLASSES.get(step.classes[0], step.classes[0]))
    return "-".join(words)


SHORT = {
    "ScheduledProcessingParametersSequence": "parameters", "InputInformationSequence": "input", "ConceptNameCodeSequence": "name",
    "UnifiedProcedureStepPerformedProcedureSequence": "performed", "OutputInformationSequence": "output",
    "DICOMRetrievalSequence": "retrieval", "ReferencedSOPSequence": "referenced",
    "ProcedureStepProgressInformationSequence": "progress", "MeasurementUnitsCodeSequence": "units",
    "StudyInstanceUID": "study", "SeriesInstanceUID": "series", "SOPInstanceUID": "sop-instance", "SOPClassUID": "sop-class",
    "ReferencedSOPClassUID": "class", "ReferencedSOPInstanceUID": "instance", "RetrieveAETitle": "ae-title",
    "PatientID": "patient-id", "TransactionUID": "transaction-uid", "ContactURI": "contact-uri",
}  # fmt: skip
SHORT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.481.5": "plan", "1.2.840.10008.5.1.4.34.7": "instruction",
    "1.2.840.10008.5.1.4.1.1.481.4": "record",
}  # fmt: skip

"""Attribute lists for N-CREATE: legal ones, the least, the richest, and those that hold one attribute [PS3.4 CC.2.5.1.3]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage, generate_uid

from ..checks.creation import APART, ROWS, STATE, Path, held, supported
from ..profile.ups_tables import AttributeRow
from .messages import code_item

SHOWN = [keyword for keyword, row in ROWS.items() if row.get in ("1", "2")]
# PS3.3 permits a single item in these [PS3.3 8.8, 10, C.30].
SINGLE = frozenset({
    "AssigningAgencyOrDepartmentCodeSequence", "AssigningFacilitySequence", "AssigningJurisdictionCodeSequence",
    "ConceptCodeSequence", "ConceptNameCodeSequence", "DICOMStorageSequence", "HumanPerformerCodeSequence",
    "IssuerOfAccessionNumberSequence", "IssuerOfAdmissionIDSequence", "IssuerOfPatientIDQualifiersSequence",
    "MeasurementUnitsCodeSequence", "OrderFillerIdentifierSequence", "OrderPlacerIdentifierSequence",
    "ReferencedPatientPhotoSequence", "RequestedProcedureCodeSequence", "RequestingServiceCodeSequence",
    "STOWRSStorageSequence", "ScheduledWorkitemCodeSequence", "XDSStorageSequence",
})  # fmt: skip


def walk(rows: Mapping[str, AttributeRow], path: Path = ()) -> Iterator[tuple[Path, AttributeRow]]:
    """Yield every attribute that N-CREATE may bring, with its path from the top."""
    for keyword, row in rows.items():
        if row.create != "not allowed":
            yield (*path, keyword), row
            yield from walk(row.items, (*path, keyword))


def firsts(paths: Iterable[Path]) -> list[Path]:
    """Return the first path to each attribute: macros are included at many places."""
    found: dict[str, Path] = {}
    for path in paths:
        found.setdefault(path[-1], path)
    return list(found.values())


EVERYWHERE = list(walk(ROWS))
# The state has requirements of its own; SOP Class and Instance UID are not sent in data sets.
TYPE_1 = [path for path, row in EVERYWHERE if row.create == "1" and path != STATE]
TYPE_2 = [path for path, row in EVERYWHERE if row.create == "2"]
TYPE_1C = [path for path, row in EVERYWHERE if row.create == "1C" and row.need]
KEPT = [k for k, row in ROWS.items() if row.create in ("1", "2", "1C", "2C", "3") and supported(row) and k not in APART]
CONDITIONAL = firsts(path for path, row in EVERYWHERE if row.create in ("1C", "2C") and path != ("SpecificCharacterSet",))
OPTIONAL = firsts(path for path, row in EVERYWHERE if row.create == "3" and not supported(row))


BY_VR: Mapping[str, Any] = {
    "SH": "TEST", "LO": "Conformance test", "ST": "A short text", "LT": "A long text\r\nof two lines", "UT": "A text",
    "UC": "A code that is longer than sixteen characters", "UR": "https://tdwii.example/conformance", "DA": "20260102",
    "TM": "081500", "DT": "20260102081500", "DS": "1.5", "IS": "1", "US": 1, "PN": "Doe^Jane", "AE": "ARCHIVE1",
    "UI": generate_uid(),
}  # fmt: skip
BY_KEYWORD = {
    "ScheduledProcedureStepPriority": "HIGH", "InputReadinessState": "READY", "ProcedureStepState": "SCHEDULED",
    "TransactionUID": "", "ValueType": "TEXT", "TypeOfInstances": "DICOM", "PatientSex": "O", "CodeValue": "TEST1",
    "CodingSchemeDesignator": "99TDWII", "URNCodeValue": "urn:oid:1.2.3.4", "MappingResource": "DCMR",
    "ContextGroupExtensionFlag": "Y", "LocalNamespaceEntityID": "CLINIC", "UniversalEntityID": "1.2.3.4",
    "UniversalEntityIDType": "ISO", "IdentifierTypeCode": "MR", "TypeOfPatientID": "TEXT",
    "ReferencedSOPClassUID": RTPlanStorage,
}  # fmt: skip


def value(keyword: str, row: AttributeRow) -> Any:
    """Return a legal value of an attribute that is no sequence."""
    return BY_KEYWORD.get(keyword, BY_VR.get(row.vr))


def entry(rows: Mapping[str, AttributeRow], target: Path = (), whole: bool = False) -> Dataset:
    """Return a legal item: what must be there, and more if asked for.

    Parameters
    ----------
    rows : mapping of str to AttributeRow
        The attributes that the item may have.
    target : tuple of str
        Path, from the item, to an attribute that it shall hold.
    whole : bool
        Whether it shall hold all that the SCP has to support.
    """
    made = Dataset()
    if target:
        _aim(made, rows, target)
    for keyword, row in rows.items():
        if keyword not in made and _belongs(made, keyword, row, whole):
            empty = row.vr == "SQ" and row.create == "2" and not whole
            setattr(made, keyword, [] if empty else [entry(row.items, whole=whole)] if row.vr == "SQ" else value(keyword, row))
    return made


def _aim(made: Dataset, rows: Mapping[str, AttributeRow], target: Path) -> None:
    """Put the first attribute of a path into an item, and before it what its condition asks for."""
    keyword, row = target[0], rows[target[0]]
    if row.need and row.need.kind == "=":
        setattr(made, row.need.keywords[0], row.need.value)
    elif row.need and row.need.kind == "any":
        setattr(made, row.need.keywords[0], value(row.need.keywords[0], rows[row.need.keywords[0]]))
    if target[-1] == "HL7InstanceIdentifier" and "TypeOfInstances" in rows:
        made.TypeOfInstances = "CDA"
    setattr(made, keyword, [entry(row.items, target[1:])] if row.vr == "SQ" else value(keyword, row))


def _belongs(made: Dataset, keyword: str, row: AttributeRow, whole: bool) -> bool:
    if row.create == "1C":
        of_study = keyword in ("StudyInstanceUID", "SeriesInstanceUID") and made.get("TypeOfInstances") == "DICOM"
        return of_study or (row.need is not None and row.need.holds(made))
    return row.create in ("1", "2") or (whole and row.create == "3" and supported(row))


def leading_to(attributes: Dataset, path: Path) -> Dataset:
    """Put an attribute into an attribute list, where it is legal.

    Parameters
    ----------
    attributes : Dataset
        The list; it is changed.
    path : tuple of str
        From the list to the attribute.

    Returns
    -------
    Dataset
        The item that holds it.
    """
    keyword, row = path[0], ROWS[path[0]]
    if keyword in APART:
        return attributes
    if row.vr == "SQ":
        items = [] if keyword in SINGLE else list(attributes.get(keyword) or ())
        setattr(attributes, keyword, [*items, entry(row.items, path[1:])])
    elif not attributes.get(keyword):
        setattr(attributes, keyword, value(keyword, row))
    holder = held(attributes, path)
    assert holder is not None  # put there above
    return holder


def empty(place: Dataset, keyword: str) -> None:
    """Take the value of an attribute away, or the items of a sequence."""
    setattr(place, keyword, [] if place[keyword].VR == "SQ" else None)


def least(attributes: Dataset) -> Dataset:
    """Empty everything that may be empty in an attribute list, leave out what is optional, and return it."""
    for keyword, row in ROWS.items():
        if row.create == "2" and keyword in attributes:
            empty(attributes, keyword)
        elif row.create == "3" and keyword in attributes:
            delattr(attributes, keyword)
    return attributes


def all_supported(attributes: Dataset) -> Dataset:
    """Fill everything that the SCP has to support, one sequence with a second item, and return the attribute list."""
    for keyword in KEPT:
        row = ROWS[keyword]
        if not attributes.get(keyword):
            setattr(attributes, keyword, [entry(row.items, whole=True)] if row.vr == "SQ" else value(keyword, row))
    attributes.ScheduledStationNameCodeSequence.append(code_item("SECOND", "99TDWII", "Another room"))
    return attributes

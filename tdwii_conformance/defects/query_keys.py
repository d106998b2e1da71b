"""Defects of C-FIND, key by key: a UPS is found by other values, or not by its own [CC.2.8]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile.ups_tables import AttributeRow, attribute_rows
from ..ups import Record
from ..ups.datasets import merged
from ..ups.matching import Key, strings
from .deviations import Defect
from .queries import START, STATION, Path, compares, dashed, on_keys, when_finding
from .query_course import tdd_now
from .tms import defect, one


def _paths(rows: Any, around_: str = "R", path: Path = ()) -> Iterator[tuple[Path, AttributeRow]]:
    """Yield the required matching keys that are no sequences."""
    for row in rows.values():
        match = around_ if row.match == "*" or (path and around_ in ("O", "-")) else row.match
        if row.vr == "SQ":
            yield from _paths(row.items, match, (*path, row.keyword))
        elif match in ("U", "R") and row.keyword not in ("LongCodeValue", "URNCodeValue"):
            yield (*path, row.keyword), row


# Every query of the tests stands on these.
IN_EVERY_QUERY = (("SOPInstanceUID",), ("PatientID",))
LABEL, NAME, BEGIN = ("ProcedureStepLabel",), ("PatientName",), (START,)
TEXT = ("AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT")
RANGED = (BEGIN, ("ExpectedCompletionDateTime",), ("PatientBirthDate",))
# In the items of these more than one key is asked for.
PAIRED = (
    *((sequence, keyword) for keyword in ("CodeValue", "CodingSchemeDesignator") for sequence in (
        STATION, "ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence",
    )),
    ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodeValue"),
    ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodingSchemeDesignator"),
    ("ReferencedRequestSequence", "AccessionNumber"), ("ReferencedRequestSequence", "RequestedProcedureID"),
    ("ReferencedRequestSequence", "IssuerOfAccessionNumberSequence", "LocalNamespaceEntityID"),
)  # fmt: skip
# The keys that are tried through every model.
THROUGH_MODELS = (LABEL, NAME, BEGIN, (STATION, "CodeValue"), ("ReferencedRequestSequence", "AccessionNumber"))
NO_LETTERS = ("ScheduledWorkitemCodeSequence", "CodeValue")


def _also_ignored(path: Path, row: AttributeRow) -> Iterator[str]:
    """Yield the requirements that a UPS is not found by another value, another case, another pattern, and so on."""
    text, single = row.vr in TEXT, row.single_value
    yield "CC28-TMS-002"
    found = {
        "004": text and path != NO_LETTERS, "006": row.vr in ("LO", "SH") and not single,
        "012": (text or row.vr == "CS") and not single, "013": text and not single, "014": path == LABEL,
        "015": single, "019": path in RANGED, "021": path == BEGIN, "025": path in PAIRED,
        "029": row.vr == "UI" and len(path) > 1, "044": path == LABEL, "046": path == LABEL, "047": path == ("ProcedureStepState",),
        "048": path == LABEL, "049": path in THROUGH_MODELS, "050": path in THROUGH_MODELS,
        "056": path in (("ProcedureStepState",), ("InputReadinessState",), ("ScheduledProcedureStepPriority",)),
        "060": path == LABEL,
    }  # fmt: skip
    yield from (f"CC28-TMS-{number}" for number, violated in found.items() if violated)


def _also_missed(path: Path, row: AttributeRow) -> Iterator[str]:
    """Yield the requirements that a UPS is found by its value, a pattern, a range, and so on."""
    yield "CC28-TMS-001"
    found = {
        "005": True, "011": (row.vr in TEXT or row.vr == "CS") and not row.single_value, "014": path == LABEL,
        "018": path in RANGED, "020": path in RANGED[:2], "021": path == BEGIN, "024": path in PAIRED, "026": path in PAIRED,
        "027": path[-1] == "CodeValue", "028": row.vr == "UI" and path[0] == "ReplacedProcedureStepSequence",
        "047": path == ("ProcedureStepState",), "048": path == LABEL, "049": path in THROUGH_MODELS,
        "050": path in THROUGH_MODELS, "059": path in (LABEL, NAME),
    }  # fmt: skip
    yield from (f"CC28-TMS-{number}" for number, violated in found.items() if violated)


def others_than_a_tdd(tms: Any, change: Callable[[Path, Key], Key]) -> None:
    """Change keys of queries that are not those of RO-58."""
    now = tdd_now(tms)
    on_keys(tms, lambda here, key: key if getattr(now, "tdd", False) else change(here, key))


@defect.rows
def _rows_of_ignores() -> Iterator[Defect]:
    for path, row in _paths(attribute_rows()):
        if path in IN_EVERY_QUERY:
            continue
        name, where = dashed(path), ".".join(path)
        yield one(
            f"find-ignores-{name}", f"Finds a UPS, asked by others than a TDD, whatever the query says for {where}",
            partial(_ignores, path), *_also_ignored(path, row),
        )  # fmt: skip
        yield one(
            f"find-misses-{name}", f"Finds no UPS, asked by others than a TDD, by a value for {where}", partial(_misses, path),
            *_also_missed(path, row),
        )  # fmt: skip


def _ignores(path: Path, tms: Any) -> None:
    others_than_a_tdd(tms, lambda here, key: compares(key, None) if here == path else key)


@defect("find-rare-key-nothing", "Finds nothing by a value of a key that few have", "CC28-TMS-032",
        given=(("ReferencedRequestSequence", "ConfidentialityCode"),))  # fmt: skip
@defect(
    "find-optional-key-nothing",
    "Finds nothing by a value of an optional key",
    "CC28-TMS-032",
    given=(("SpecialNeeds",),),
)
def _misses(path: Path, tms: Any) -> None:
    others_than_a_tdd(tms, lambda here, key: compares(key, lambda value, zone: False) if here == path and key.fits else key)


@defect("find-expiration-range-nothing", "Finds nothing by a range of expiration times", "CC28-TMS-032")
def _no_range_of_expiration(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        ranged = here == ("ScheduledProcedureStepExpirationDateTime",) and any("-" in one_ for one_ in key.wanted)
        return compares(key, lambda value, zone: False) if ranged and key.fits else key

    others_than_a_tdd(tms, change)


SEVERAL = ("AdmittingDiagnosesDescription", "MedicalAlerts")


@defect("find-first-of-several-values", "Knows in C-FIND the first of several values only", "CC28-TMS-066")
def _first_value(tms: Any) -> None:
    def seen(record: Record) -> Record:
        first = Dataset()
        for keyword in SEVERAL:
            if len(values := strings(record.attributes[keyword]) if keyword in record.attributes else ()) > 1:
                setattr(first, keyword, values[0])
        return Record(record.uid, merged(record.attributes, first), record.lock) if len(first) else record

    when_finding(tms, lambda original, keys: [seen(record) for record in original(())])

"""Defects of N-CREATE: what is accepted and kept [CC.2.5]."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile.ups_service import UPS
from ..profile.ups_tables import attribute_rows
from ..ups import Outcome, Record
from ..ups.datasets import merged, plain, without
from ..ups.store import Change
from .attributes import change, drop
from .deviations import Defect
from .hooks import Around, around, locked_before_the_claim, on_records, refuse_otherwise
from .tms import MODIFIED, PERFORMED, PROGRESS, RACE, SUCCESS, UNSUITABLE, dashed, defect, one

__all__ = ["question_marks"]


# Of the attributes that an SCP has to support in N-CREATE, those that nothing else depends on.
KEPT = (
    "ScheduledStationClassCodeSequence", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "AdmissionID",
    "AdmittingDiagnosesDescription", "ExpectedCompletionDateTime",
)  # fmt: skip


def _needed(rows: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what an N-CREATE must bring: at the top level, and in the items of the sequences that tests fill."""
    for keyword, row in rows.items():
        if row.create in ("1", "2") and keyword not in ("TransactionUID", "SOPClassUID", "SOPInstanceUID"):
            yield (*path, keyword), row.create
        if not path and keyword == "InputInformationSequence":
            yield from _needed(row.items, (keyword,))


@defect.rows
def _rows_of_overlooks() -> Iterator[Defect]:
    missing, without_value = 0x0120, 0x0121
    for path, kind in _needed(attribute_rows()):
        where = ".".join(path)
        name = "-".join(map(dashed, path))
        if path == ("ProcedureStepState",):
            continue
        lacking = {"1": "CC25-TMS-011", "2": "CC25-TMS-013", "1C": "CC25-TMS-014"}[kind]
        yield one(
            f"create-without-{name}", f"Creates a UPS without {where}", partial(_overlooks, missing, where), lacking
        )  # fmt: skip
        if kind != "2":
            vacant = {"1": "CC25-TMS-012", "1C": "CC25-TMS-015"}[kind]
            yield one(
                f"create-with-empty-{name}",
                f"Creates a UPS with an empty {where}",
                partial(_overlooks, without_value, where),
                vacant,
            )


def _overlooks(status: int, where: str, tms: Any) -> None:
    def refuse(original: Around, attributes: Dataset) -> Any:
        refusal = original(attributes)
        overlooked = refusal is not None and refusal.status == status and re.sub(r"\[\d+\]", "", refusal.comment) == where
        return None if overlooked else refusal

    around(tms.worklist, "refuse_creation", refuse)


@defect.rows
def _rows_of_other_refusal() -> Iterator[Defect]:
    missing, without_value = 0x0120, 0x0121
    yield one(
        "create-says-0122-for-what-is-missing", "Refuses an N-CREATE that lacks an attribute with 0122",
        partial(_other_refusal, missing, UNSUITABLE), "CC25-TMS-011", "CC25-TMS-013", "CC25-TMS-014", "CC25-TMS-018",
    )  # fmt: skip
    yield one(
        "create-says-0122-for-what-is-empty", "Refuses an N-CREATE with an empty attribute that needs a value with 0122",
        partial(_other_refusal, without_value, UNSUITABLE), "CC25-TMS-012", "CC25-TMS-015", "CC25-TMS-019",
    )  # fmt: skip


def _other_refusal(status: int, other: int, tms: Any) -> None:
    refuse_otherwise(tms, "refuse_creation", status, other)


@defect(
    "create-refused-but-done",
    "Refuses an N-CREATE that lacks an attribute, and keeps the UPS",
    "CC25-TMS-011",
    "CC25-TMS-012",
    "CC25-TMS-013",
    "CC25-TMS-014",
    "CC25-TMS-015",
    "CC25-TMS-016",
)
def _keeps_refused(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        outcome: Outcome = original(uid, attributes)
        if outcome.status in (0x0120, 0x0121) and tms.worklist.store.get(uid) is None:
            kept = plain(attributes)
            kept.ProcedureStepState = "SCHEDULED"
            kept.InputReadinessState = "READY"
            tms.worklist.store.commit(Change(Record(uid, kept)))
        return outcome

    around(tms.worklist, "create", create)


@defect("create-refused-uid-is-spent", "Refuses an N-CREATE with the UID of one that it refused before", "CC25-TMS-016")
def _spends_uid(tms: Any) -> None:
    spent: set[str] = set()

    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        if uid in spent:
            return Outcome(0x0111)
        outcome: Outcome = original(uid, attributes)
        if outcome.status:
            spent.add(uid)
        return outcome

    around(tms.worklist, "create", create)


@defect("create-in-any-state", "Creates a UPS in whatever state the N-CREATE has", "CC25-TMS-017")
def _any_state(tms: Any) -> None:
    around(tms.worklist, "refuse_creation", lambda original, attributes: (
        None if (refusal := original(attributes)) is not None and refusal.status == 0xC309 else refusal
    ))  # fmt: skip


@defect("create-without-state", "Creates a UPS without Procedure Step State, SCHEDULED", "CC25-TMS-018", named={"missing": True})
@defect("create-with-empty-state", "Creates a UPS with an empty state, SCHEDULED", "CC25-TMS-019", named={"missing": False})
def _fills_state(tms: Any, missing: bool) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        lacks = "ProcedureStepState" not in attributes
        if not attributes.get("ProcedureStepState") and lacks is missing:
            attributes.ProcedureStepState = "SCHEDULED"
        outcome: Outcome = original(uid, attributes)
        return outcome

    around(tms.worklist, "create", create)


@defect(
    "create-duplicate-granted",
    "Answers success to an N-CREATE of a UPS that is there, and does nothing",
    "CC25-TMS-020",
    "CC11-TMS-012",
    "CC11-TMS-013",
    "CC11-TMS-014",
    "CC11-TMS-015",
    named={"keep": True},
)
@defect(
    "create-duplicate-replaces",
    "Refuses the N-CREATE of a UPS that is there, and takes its content over",
    "CC25-TMS-021",
    named={"keep": False},
)
def _duplicate(tms: Any, keep: bool) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        outcome: Outcome = original(uid, attributes)
        if outcome.status != 0x0111:
            return outcome
        if keep:
            return Outcome(SUCCESS)
        record = tms.worklist.store.get(uid)
        brought = without(plain(attributes), ("ProcedureStepState", "TransactionUID", PROGRESS, PERFORMED))
        tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, brought), record.lock)))
        return outcome

    around(tms.worklist, "create", create)


@defect(
    "create-race-won-by-both",
    "Answers success to both of two simultaneous N-CREATE with one SOP Instance UID",
    "CC25-TMS-022",
    given=(
        "create",
        (273,),
    ),
)
@defect(
    "claim-race-won-by-both",
    "Grants both of two simultaneous claims",
    "RO60-TMS-015",
    given=(
        "change_state",
        (49921,),
    ),
)
@defect(
    "final-race-won-by-both",
    "Grants both COMPLETED and CANCELED when they come at the same moment",
    "CC21-TMS-006",
    given=(
        "change_state",
        (49920,),
    ),
)
def _race(method: str, refusals: Sequence[int], tms: Any) -> None:
    """Answer success to a request that is refused while another of its kind, for the same UPS, is under way."""
    under_way: dict[str, threading.Barrier] = {}
    lock = threading.Lock()

    def perform(original: Around, uid: str, *given: Any) -> Outcome:
        with lock:
            barrier = under_way.setdefault(uid, threading.Barrier(2))
        try:
            barrier.wait(RACE)
            raced = True
        except threading.BrokenBarrierError:
            raced = False
        with lock:
            under_way.pop(uid, None)
        outcome: Outcome = original(uid, *given)
        return Outcome(SUCCESS) if raced and outcome.status in refusals else outcome

    around(tms.worklist, method, perform)


@defect("create-records-a-lock", "Takes a Transaction UID in N-CREATE for a lock", "CC25-TMS-023")
def _create_records_lock(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        lock = str(attributes.get("TransactionUID") or "")
        if lock:
            attributes.TransactionUID = None
        outcome: Outcome = original(uid, attributes)
        record = tms.worklist.store.get(uid)
        if lock and outcome.status == SUCCESS:
            tms.worklist.store.commit(Change(Record(uid, record.attributes, lock)))
        return outcome

    around(tms.worklist, "create", create)
    locked_before_the_claim(tms)


@defect.rows
def _rows_of_keeps_forbidden() -> Iterator[Defect]:
    for keyword in (PROGRESS, PERFORMED):
        yield one(
            f"create-keeps-{dashed(keyword)}", f"Keeps the {keyword} that an N-CREATE brings",
            partial(_keeps_forbidden, keyword), "CC25-TMS-023",
        )  # fmt: skip


def _keeps_forbidden(keyword: str, tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        brought = plain(attributes)
        kept = {keyword: brought[keyword].value} if keyword in brought and brought[keyword].value else {}
        outcome: Outcome = original(uid, without(attributes, [keyword]) if kept else attributes)
        if kept and keyword not in attributes:
            setattr(attributes, keyword, [])
            outcome = original(uid, attributes) if outcome.status else outcome
        record = tms.worklist.store.get(uid)
        if kept and outcome.status == SUCCESS and record is not None:
            more = Dataset()
            setattr(more, keyword, kept[keyword])
            tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more), record.lock)))
        return outcome

    around(tms.worklist, "create", create)


@defect("create-with-undefined-value", "Creates a UPS with values that are not among those defined", "CC25-TMS-024")
def _any_value(tms: Any) -> None:
    around(tms.worklist, "refuse_creation", lambda original, attributes: (
        None if (refusal := original(attributes)) is not None and refusal.status == 0x0106 else refusal
    ))  # fmt: skip


@defect.rows
def _rows_of_after_creation() -> Iterator[Defect]:
    yield one(
        "create-as-ups-pull", "Makes a new UPS one of the SOP class UPS Pull",
        partial(_after_creation, lambda kept: setattr(kept, "SOPClassUID", UPS.PULL)), "CC25-TMS-026", "CC28-TMS-039", "CC31-TMS-004",
        "RO58-TMS-101",
    )  # fmt: skip
    yield one(
        "create-without-modification-time", "Sets no Scheduled Procedure Step Modification DateTime at creation",
        partial(_after_creation, lambda kept: drop(kept, MODIFIED)), "CC25-TMS-028",
    )  # fmt: skip
    yield one(
        "create-with-wrong-modification-time", "Sets Scheduled Procedure Step Modification DateTime to a time long ago",
        partial(_after_creation, lambda kept: setattr(kept, MODIFIED, "20000101000000")), "CC25-TMS-028",
    )  # fmt: skip
    for keyword in KEPT:
        for shape, how in (("lost", drop), ("changed", change)):
            yield one(
                f"create-{dashed(keyword)}-{shape}", f"{keyword} of an N-CREATE is {shape} when the UPS is kept",
                partial(_after_creation, partial(_edited, keyword, how)), "CC25-TMS-003",
            )  # fmt: skip
    yield one(
        "create-changes-optional", "Shows other values of optional attributes than the N-CREATE had",
        partial(_after_creation, partial(_edited, "SpecialNeeds", change)), "CC25-TMS-007",
    )  # fmt: skip


def _after_creation(how: Callable[[Dataset], None], tms: Any) -> None:
    on_records(tms, lambda attributes, earlier: how(attributes) if earlier is None else None)


def _edited(keyword: str, how: Callable[[Dataset, str], None], kept: Dataset) -> None:
    if kept.get(keyword) and how is change and kept[keyword].VR == "SQ":
        for item in kept[keyword].value:
            for element in list(item):
                if element.VR in ("SH", "LO"):
                    element.value = "OTHER"
        return
    how(kept, keyword)


@defect("create-in-progress", "Creates every UPS IN PROGRESS", "CC25-TMS-002", through=_after_creation)
def _in_progress(kept: Dataset) -> None:
    kept.ProcedureStepState = "IN PROGRESS"


@defect(
    "create-leaves-worklist-label-empty",
    "Leaves Worklist Label empty when the N-CREATE does",
    "CC25-TMS-025",
    through=_after_creation,
)
def _no_label(kept: Dataset) -> None:
    if kept.get("WorklistLabel") == "TDW-II":
        kept.WorklistLabel = None


@defect("create-takes-modification-time-of-the-scu", "Keeps the modification time that the N-CREATE brings", "CC25-TMS-029")
def _keeps_time(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        time = str(attributes.get(MODIFIED) or "")
        outcome: Outcome = original(uid, without(attributes, [MODIFIED]))
        record = tms.worklist.store.get(uid)
        if time and outcome.status == SUCCESS:
            more = Dataset()
            setattr(more, MODIFIED, time)
            tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more), record.lock)))
        return outcome

    around(tms.worklist, "create", create)


@defect.rows
def _rows_of_refuses_attribute() -> Iterator[Defect]:
    yield one(
        "create-needs-a-patient-name", "Refuses an N-CREATE with an empty Patient's Name",
        partial(_refuses_attribute, lambda attributes: not attributes.get("PatientName")), "CC25-TMS-001",
    )  # fmt: skip


def _refuses_attribute(which: Callable[[Dataset], bool], tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        return Outcome(0x0106) if which(attributes) else original(uid, attributes)

    around(tms.worklist, "create", create)


@defect(
    "create-refuses-optional",
    "Refuses an N-CREATE with attributes it need not support",
    "CC25-TMS-005",
    through=_refuses_attribute,
)
def _optional(attributes: Dataset) -> bool:
    return "SpecialNeeds" in attributes


@defect(
    "create-refuses-unlisted",
    "Refuses an N-CREATE with attributes that the table does not list",
    "CC25-TMS-030",
    through=_refuses_attribute,
)
def _unlisted(attributes: Dataset) -> bool:
    return any(e.keyword and e.keyword not in attribute_rows() and e.tag.group != 8 for e in attributes if not e.tag.is_private)


@defect("create-refuses-private", "Refuses an N-CREATE with private attributes", "CC25-TMS-032", through=_refuses_attribute)
def _private(attributes: Dataset) -> bool:
    return any(element.tag.is_private for element in attributes.iterall())


@defect(
    "create-keeps-first-item-only",
    "Keeps of every sequence of an N-CREATE the first item only",
    "CC25-TMS-003",
    through=_after_creation,
)
def _first_items(kept: Dataset) -> None:
    for element in kept:
        if element.VR == "SQ" and element.keyword.endswith("CodeSequence"):
            element.value = element.value[:1]


@defect("create-loses-conditional-alternatives", "Keeps no Long Code Value", "CC25-TMS-004", through=_after_creation)
def _no_long_codes(kept: Dataset) -> None:
    drop(kept, "LongCodeValue")
    for element in kept:
        for item in element.value if element.VR == "SQ" else ():
            _no_long_codes(item)


@defect(
    "create-ascii-only",
    "Keeps text beyond ASCII as question marks",
    "CC25-TMS-034",
    "CC27-TMS-009",
    "RO58-TMS-021",
    "CC26-TMS-026",
    through=_after_creation,
)
def question_marks(kept: Dataset) -> None:
    """Keep text beyond ASCII as question marks."""
    for element in kept.iterall():
        if element.VR not in ("SQ", "UI") and not str(element.value).isascii():
            element.value = str(element.value).encode("ascii", "replace").decode()

"""Defects of N-CREATE, N-SET, N-GET and N-ACTION: what is accepted, kept, shown and answered [CC.2.1, CC.2.2, CC.2.5 to CC.2.7]."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ..dimse import left_undeclared
from ..profile import load_catalogue
from ..profile.ups_service import CHANGE_STATE, FILTERED, GLOBAL, REQUEST_CANCEL, UPS
from ..profile.ups_tables import attribute_rows
from ..ups import Outcome, Record
from ..ups.datasets import merged, plain, without
from ..ups.store import Change
from .attributes import SHAPES, change, drop, edit, empty, shapes, slug, violated
from .attributes import subject as about
from .deviations import Defect, Rows
from .hooks import Around, around, change_response, on_outcome, on_records

__all__ = ["defects", "on_final"]

SUCCESS, PROCESSING_FAILURE = 0x0000, 0x0110
UNSUITABLE = 0x0122  # SOP class not supported: a failure that nobody takes for a general one
N_GET, N_SET, N_ACTION, N_CREATE = 0x8110, 0x8120, 0x8130, 0x8140
ANOTHER = "1.2.826.0.1.3680043.2.1143.9997"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
MODIFIED = "ScheduledProcedureStepModificationDateTime"
RACE = 0.3  # seconds that a request waits for a rival

Apply = Callable[[Any], None]


def defects() -> Iterator[Defect]:
    """Yield the defects of DIMSE-N requests."""
    yield from defect


def one(
    name: str, sentence: str, apply: Apply, *requirements: str, alone: bool = False, case: str = "", subject: tuple[str, ...] = ()
) -> Defect:
    """Return a defect of the TMS."""
    return Defect(name, sentence, "TMS", apply, requirements, alone, case, subject)


defect = Rows(one)


def dashed(keyword: str) -> str:
    """Return a keyword as a part of a name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", keyword).lower()


# --- the response's command set, and what is not for it -------------------------------------------------------------------


@defect.rows
def _rows_of_answers() -> Iterator[Defect]:
    named = {
        "n-get": (N_GET, ("CC27-TMS-020",), ("CC27-TMS-021", "CC31-TMS-006")),
        "n-set": (N_SET, ("CC26-TMS-027", "RO62-TMS-012", "RO64-TMS-007"), ("CC26-TMS-028", "CC31-TMS-006")),
        "n-action": (N_ACTION, ("RO60-TMS-002", "RO65-TMS-014"), ("RO60-TMS-003", "CC31-TMS-006")),
        "n-create": (N_CREATE, ("CC25-TMS-008",), ("CC25-TMS-009",)),
    }
    for service, (field, instance, sop_class) in named.items():
        what = service.upper()
        yield one(
            f"{service}-response-of-another-instance", f"Names another SOP instance in the response to {what}",
            partial(change_response, field=field, AffectedSOPInstanceUID=ANOTHER), *instance,
        )  # fmt: skip
        yield one(
            f"{service}-response-of-another-class", f"Names the SOP class UPS Pull in the response to {what}",
            partial(change_response, field=field, AffectedSOPClassUID=UPS.PULL), *sop_class,
        )  # fmt: skip


@defect(
    "n-get-returns-the-lock",
    "Returns the Transaction UID when all attributes are asked for",
    "CC27-TMS-005",
    "CC27-TMS-014",
    "RO60-TMS-014",
    "RO64-TMS-121",
    named={"asked": False},
)
@defect(
    "n-get-returns-the-lock-when-asked",
    "Returns the Transaction UID when it is asked for",
    "CC27-TMS-005",
    "CC27-TMS-014",
    "RO60-TMS-014",
    named={"asked": True},
)
@defect(
    "n-get-returns-the-lock-of-an-ended-ups",
    "Returns the Transaction UID of a UPS in a final state",
    "CC27-TMS-014",
    named={"asked": True, "final": True},
)
def _shows_lock(tms: Any, asked: bool, final: bool = False) -> None:
    def get(outcome: Outcome, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        tags = event.attribute_identifiers or []
        if record is None or outcome.dataset is None or (final and record.state not in ("COMPLETED", "CANCELED")):
            return outcome
        if (Tag("TransactionUID") in tags) is asked and (asked or not tags):
            shown = merged(outcome.dataset)
            shown.TransactionUID = record.lock or ANOTHER
            return replace(outcome, dataset=shown)
        return outcome

    on_outcome(tms, "get", get)


@defect.rows
def _rows_of_lock_in_response() -> Iterator[Defect]:
    for service, method, requirements in (
        ("n-set", "set", ("RO62-TMS-013", "CC26-TMS-029")),
        ("n-action", "action", ("RO60-TMS-013", "RO65-TMS-015")),
        ("n-create", "create", ("CC25-TMS-010",)),
    ):
        yield one(
            f"{service}-response-holds-the-lock", f"Sends a Transaction UID in the response to {service.upper()}",
            partial(_lock_in_response, method), *requirements,
        )  # fmt: skip


def _lock_in_response(method: str, tms: Any) -> None:
    def told(outcome: Outcome, *given: Any) -> Outcome:
        dataset = Dataset()
        dataset.TransactionUID = ANOTHER
        return replace(outcome, dataset=dataset) if outcome.status == SUCCESS else outcome

    on_outcome(tms, method, told)


@defect("unknown-action-granted", "Answers success to an action type that does not exist", "RO60-TMS-017", given=(SUCCESS,))
@defect("unknown-action-another-failure", "Answers 0122 to an action type that does not exist", "RO60-TMS-017", given=(UNSUITABLE,))
def _unknown_action(status: int, tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        from .hooks import set_command

        if message.command_set.get("Status") == 0x0123:
            set_command(message.command_set, Status=status)

    from .hooks import on_responses

    on_responses(tms, N_ACTION, sent)


@defect.rows
def _rows_of_refused_under() -> Iterator[Defect]:
    for context, name, uid, identifier in (
        ("pull", "UPS Pull", UPS.PULL, "CC31-TMS-001"), ("watch", "UPS Watch", UPS.WATCH, "CC31-TMS-002"),
        ("push", "UPS Push", UPS.PUSH, "CC31-TMS-003"),
    ):  # fmt: skip
        yield one(
            f"n-get-refused-under-{context}", f"Refuses N-GET under {name}", partial(_refused_under, uid), identifier,
            alone=True,
        )  # fmt: skip


def _refused_under(context: str, tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        refused = event.context.abstract_syntax == context
        return Outcome(PROCESSING_FAILURE) if refused else original(event)

    around(tms, "get", get)


@defect(
    "another-class-refused-but-done",
    "Refuses a request that names another SOP class than UPS Push, and does it all the same",
    "CC31-TMS-008",
)
def _refused_but_done(tms: Any) -> None:
    from pynetdicom import evt

    def perform(handler: Callable[[Any], Any], event: Any, method: str) -> Any:
        answer = handler(event)
        status = answer[0].Status
        if status == 0x0119:
            event.request.RequestedSOPClassUID = UPS.PUSH
            handler(event)
        return answer

    tms.server.wrap_handler(evt.EVT_N_SET, partial(perform, method="set"))
    tms.server.wrap_handler(evt.EVT_N_ACTION, partial(perform, method="action"))


# --- N-CREATE ------------------------------------------------------------------------------------------------------------


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
            f"create-without-{name}", f"Creates a UPS without {where}", partial(_overlooks, missing, where), lacking, case=where
        )  # fmt: skip
        if kind != "2":
            vacant = {"1": "CC25-TMS-012", "1C": "CC25-TMS-015"}[kind]
            yield one(
                f"create-with-empty-{name}",
                f"Creates a UPS with an empty {where}",
                partial(_overlooks, without_value, where),
                vacant,
                case=where,
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
    def refuse(original: Around, attributes: Dataset) -> Any:
        refusal = original(attributes)
        return replace(refusal, status=other) if refusal is not None and refusal.status == status else refusal

    around(tms.worklist, "refuse_creation", refuse)


@defect(
    "create-refused-but-done",
    "Refuses an N-CREATE that lacks an attribute, and keeps the UPS",
    "CC25-TMS-011",
    "CC25-TMS-012",
    "CC25-TMS-013",
    "CC25-TMS-014",
    "CC25-TMS-015",
    "CC25-TMS-016",
    alone=True,
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
    alone=True,
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

    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and record.state == "SCHEDULED" and record.lock not in ("", transaction_uid):
            return Outcome(0xC301)
        outcome: Outcome = original(uid, state, transaction_uid)
        return outcome

    around(tms.worklist, "create", create)
    around(tms.worklist, "change_state", change_state)


@defect.rows
def _rows_of_keeps_forbidden() -> Iterator[Defect]:
    for keyword in (PROGRESS, PERFORMED):
        yield one(
            f"create-keeps-{dashed(keyword)}", f"Keeps the {keyword} that an N-CREATE brings",
            partial(_keeps_forbidden, keyword), "CC25-TMS-023", alone=True,
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
                partial(_after_creation, partial(_edited, keyword, how)), "CC25-TMS-003", case=keyword, subject=("create", keyword),
            )  # fmt: skip
    yield one(
        "create-changes-optional", "Shows other values of optional attributes than the N-CREATE had",
        partial(_after_creation, partial(_edited, "SpecialNeeds", change)), "CC25-TMS-007", subject=("create", "SpecialNeeds"),
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


@defect("create-in-progress", "Creates every UPS IN PROGRESS", "CC25-TMS-002", alone=True, through=_after_creation)
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
    subject=("create", "SpecialNeeds"),
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
def _question_marks(kept: Dataset) -> None:
    for element in kept.iterall():
        if element.VR not in ("SQ", "UI") and not str(element.value).isascii():
            element.value = str(element.value).encode("ascii", "replace").decode()


# --- N-SET ---------------------------------------------------------------------------------------------------------------


# Judged by requirements of their own, or never stored at all.
FIXED_ELSEWHERE = ("TransactionUID", "ProcedureStepState")


@defect.rows
def _rows_of_after_set() -> Iterator[Defect]:
    yield one(
        "set-modification-time-goes-back", "Sets Scheduled Procedure Step Modification DateTime back with each N-SET",
        partial(_after_set, lambda kept, earlier: setattr(kept, MODIFIED, "20000101000000")), "CC26-TMS-020", "RO62-TMS-018", subject=("set", MODIFIED),
    )  # fmt: skip
    yield one(
        "set-modification-time-lost", "Has no Scheduled Procedure Step Modification DateTime after an N-SET",
        partial(_after_set, lambda kept, earlier: drop(kept, MODIFIED)), "CC26-TMS-020", "RO62-TMS-018", subject=("set", MODIFIED),
    )  # fmt: skip
    yield one(
        "set-ascii-only", "Keeps text beyond ASCII of an N-SET as question marks",
        partial(_after_set, lambda kept, earlier: _question_marks(kept)), "CC26-TMS-026", "RO64-TMS-005", alone=True,
    )  # fmt: skip


def _after_set(how: Callable[[Dataset, Dataset], None], tms: Any) -> None:
    setting = threading.local()

    def perform(original: Around, *given: Any) -> Outcome:
        setting.now = True
        try:
            outcome: Outcome = original(*given)
            return outcome
        finally:
            setting.now = False

    around(tms.worklist, "set", perform)
    on_records(
        tms, lambda kept, earlier: how(kept, earlier.attributes) if getattr(setting, "now", False) and earlier is not None else None
    )


def _restore(kept: Dataset, earlier: Dataset, keyword: str) -> None:
    drop(kept, keyword)
    if keyword in earlier:
        kept[keyword] = plain(earlier)[keyword]


@defect.rows
def _rows_of_loses() -> Iterator[Defect]:
    rows = attribute_rows()
    supported = [k for k, r in rows.items() if r.set == "3" and (r.set_scp == "1" or r.final in ("P", "X"))]
    [k for k, r in rows.items() if r.set in ("not allowed", "special", "-") and k not in FIXED_ELSEWHERE]
    for keyword in supported:
        yield one(
            f"set-{dashed(keyword)}-lost", f"Answers success to an N-SET of {keyword}, and keeps what was there",
            partial(_loses, keyword), "CC26-TMS-012", case=keyword, subject=("set", keyword),
        )  # fmt: skip
    for keyword in [k for k, r in rows.items() if r.set == "3" and r.set_scp == "2" and k not in supported]:
        yield one(
            f"set-{dashed(keyword)}-lost", f"Answers success to an N-SET of {keyword}, and keeps what was there",
            partial(_loses, keyword), "CC26-TMS-013", case=keyword, subject=("set", keyword),
        )  # fmt: skip


def _loses(keyword: str, tms: Any) -> None:
    _after_set(lambda kept, earlier: _restore(kept, earlier, keyword), tms)


@defect.rows
def _rows_of_adds_items() -> Iterator[Defect]:
    rows = attribute_rows()
    [k for k, r in rows.items() if r.set == "3" and (r.set_scp == "1" or r.final in ("P", "X"))]
    [k for k, r in rows.items() if r.set in ("not allowed", "special", "-") and k not in FIXED_ELSEWHERE]
    for keyword in [k for k, r in rows.items() if r.set == "3" and r.vr == "SQ"]:
        yield one(
            f"set-{dashed(keyword)}-added", f"Adds the items of an N-SET of {keyword} to those that were there",
            partial(_adds_items, keyword), "CC26-TMS-015", case=keyword, subject=("set", keyword),
        )  # fmt: skip


def _adds_items(keyword: str, tms: Any) -> None:
    def add(kept: Dataset, earlier: Dataset) -> None:
        before = list(plain(earlier).get(keyword) or ())
        if kept.get(keyword) and earlier.get(keyword) != kept.get(keyword):
            setattr(kept, keyword, [*before, *kept[keyword].value])

    _after_set(add, tms)


@defect("set-merges-items", "Merges the item of Progress Information with the one that was there", "CC26-TMS-015", "RO62-TMS-014")
def _merges_items(tms: Any) -> None:
    def merge(kept: Dataset, earlier: Dataset) -> None:
        before, now = plain(earlier).get(PROGRESS), kept.get(PROGRESS)
        if before and now:
            setattr(kept, PROGRESS, [merged(before[0], now[0])])

    _after_set(merge, tms)


@defect("set-empty-sequence-lost", "Answers success to an N-SET that empties a sequence, and keeps its items", "CC26-TMS-016")
def _keeps_items(tms: Any) -> None:
    def keep(kept: Dataset, earlier: Dataset) -> None:
        for element in plain(earlier):
            if element.VR == "SQ" and element.value and element.tag in kept and not kept[element.tag].value:
                kept[element.tag] = element

    _after_set(keep, tms)


@defect.rows
def _rows_of_lets_set() -> Iterator[Defect]:
    rows = attribute_rows()
    [k for k, r in rows.items() if r.set == "3" and (r.set_scp == "1" or r.final in ("P", "X"))]
    fixed = [k for k, r in rows.items() if r.set in ("not allowed", "special", "-") and k not in FIXED_ELSEWHERE]
    for keyword in fixed:
        yield one(
            f"set-changes-{dashed(keyword)}",
            f"Lets an N-SET change {keyword}",
            partial(_lets_set, keyword),
            "CC26-TMS-017",
            case=keyword,
            subject=("set", keyword),
            alone=keyword in ("PatientName", "PatientID"),
        )


@defect(
    "set-changes-state",
    "Lets an N-SET change Procedure Step State",
    "CC26-TMS-017",
    "CC26-TMS-018",
    "CC26-TMS-021",
    "RO62-TMS-008",
    given=("ProcedureStepState",),
)
def _lets_set(keyword: str, tms: Any) -> None:
    """Store the attribute as it comes, behind the back of what would refuse it."""

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        brought = plain(modification)
        outcome: Outcome = original(uid, without(modification, [keyword]) if keyword in modification else modification)
        record = tms.worklist.store.get(uid)
        if keyword in brought and outcome.status == SUCCESS and record is not None:
            more = Dataset()
            more[keyword] = brought[keyword]
            tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more), record.lock)))
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-state-claims", "Lets an N-SET of IN PROGRESS claim a UPS", "CC26-TMS-018")
def _set_claims(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        claims = modification.get("ProcedureStepState") == "IN PROGRESS" and record is not None and record.state == "SCHEDULED"
        if claims and modification.get("TransactionUID"):
            tms.worklist.change_state(uid, "IN PROGRESS", str(modification.TransactionUID))
            return Outcome(SUCCESS)
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


@defect.rows
def _rows_of_lets_empty() -> Iterator[Defect]:
    rows = attribute_rows()
    [k for k, r in rows.items() if r.set == "3" and (r.set_scp == "1" or r.final in ("P", "X"))]
    [k for k, r in rows.items() if r.set in ("not allowed", "special", "-") and k not in FIXED_ELSEWHERE]
    for keyword in [k for k, r in rows.items() if r.set == "3" and r.set_scp == "1"]:
        yield one(
            f"set-empties-{dashed(keyword)}",
            f"Lets an N-SET empty {keyword}",
            partial(_lets_empty, keyword),
            "CC26-TMS-019",
            case=keyword,
            subject=("set", keyword),
        )


def _lets_empty(keyword: str, tms: Any) -> None:
    def refuse(original: Around, modification: Dataset) -> Any:
        refusal = original(modification)
        return None if refusal is not None and (refusal.status, refusal.comment) == (0x0121, keyword) else refusal

    around(tms.worklist, "refuse_modification", refuse)


@defect(
    "set-empty-type-1-another-failure",
    "Refuses to empty an attribute that needs a value with 0122",
    "CC26-TMS-019",
    given=(
        289,
        UNSUITABLE,
    ),
)
def _other_set_refusal(status: int, other: int, tms: Any) -> None:
    def refuse(original: Around, modification: Dataset) -> Any:
        refusal = original(modification)
        return replace(refusal, status=other) if refusal is not None and refusal.status == status else refusal

    around(tms.worklist, "refuse_modification", refuse)


@defect(
    "set-modification-time-stays",
    "Does not change Scheduled Procedure Step Modification DateTime with an N-SET",
    "CC26-TMS-020",
    subject=("set", MODIFIED),
    through=_after_set,
)
def _same_time(kept: Dataset, earlier: Dataset) -> None:
    _restore(kept, earlier, MODIFIED)


@defect("set-keeps-the-legal-half", "Refuses an N-SET with an illegal value, and stores the rest", "CC26-TMS-021")
def _half(tms: Any) -> None:
    rows = attribute_rows()

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        brought = plain(modification)
        outcome: Outcome = original(uid, modification)
        if outcome.status in (0x0106, 0x0121):
            for element in list(brought):
                alone = Dataset()
                alone.add(element)
                row = rows.get(element.keyword)
                if row is not None and row.set == "3" and tms.worklist.refuse_modification(alone) is None:
                    if "TransactionUID" in brought:
                        alone.TransactionUID = brought.TransactionUID
                    original(uid, alone)
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-stores-illegal-values", "Stores values that are not among those defined, or no date-times", "CC26-TMS-021")
def _stores_illegal(tms: Any) -> None:
    around(tms.worklist, "refuse_modification", lambda original, modification: (
        None if (refusal := original(modification)) is not None and "cannot be set" not in refusal.comment
        and refusal.status == 0x0106 else refusal
    ))  # fmt: skip


@defect("set-twice-refused", "Refuses an N-SET that says what is there already", "CC26-TMS-022", "RO62-TMS-017")
def _same_refused(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        brought = without(plain(modification), ("TransactionUID",))
        if record is not None and len(brought) and all(record.attributes.get(e.tag) == e for e in brought):
            return Outcome(PROCESSING_FAILURE)
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-stores-the-first-only", "Stores of an N-SET with several attributes the first only", "CC26-TMS-023", alone=True)
def _first_only(tms: Any) -> None:
    def first(kept: Dataset, earlier: Dataset) -> None:
        changed = [e.keyword for e in kept if e.keyword != MODIFIED and earlier.get(e.tag) != e]
        for keyword in changed[1:]:
            _restore(kept, earlier, keyword)

    _after_set(first, tms)


@defect(
    "set-forgets-another-attribute",
    "Loses Scheduled Processing Parameters Sequence with each N-SET that does not bring it",
    "CC26-TMS-024",
)
def _forgets(tms: Any) -> None:
    keyword, present = "ScheduledProcessingParametersSequence", threading.local()

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        present.brings_it = keyword in modification
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)
    _after_set(lambda kept, earlier: None if present.brings_it else drop(kept, keyword), tms)


@defect("set-records-a-lock", "Takes the Transaction UID of an N-SET of a SCHEDULED UPS for the lock", "CC26-TMS-004")
def _set_records_lock(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        lock = str(modification.get("TransactionUID") or "")
        outcome: Outcome = original(uid, modification)
        record = tms.worklist.store.get(uid)
        if lock and record is not None and record.state == "SCHEDULED":
            tms.worklist.store.commit(Change(Record(uid, record.attributes, lock)))
        return outcome

    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and record.state == "SCHEDULED" and record.lock not in ("", transaction_uid):
            return Outcome(0xC301)
        outcome: Outcome = original(uid, state, transaction_uid)
        return outcome

    around(tms.worklist, "set", perform)
    around(tms.worklist, "change_state", change_state)


@defect(
    "set-refusal-changes-the-lock",
    "Takes the Transaction UID of an N-SET that it refuses for the lock from then on",
    "CC26-TMS-008",
    alone=True,
)
def _refusal_changes_lock(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        lock = str(modification.get("TransactionUID") or "")
        outcome: Outcome = original(uid, modification)
        record = tms.worklist.store.get(uid)
        if lock and outcome.status == 0xC301 and record is not None and record.state == "IN PROGRESS":
            tms.worklist.store.commit(Change(Record(uid, record.attributes, lock)))
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-character-set-of-the-last", "Shows all text as if it were in the character set of the last N-SET", "CC26-TMS-026")
def _garbles_old_text(tms: Any) -> None:
    def garble(kept: Dataset, earlier: Dataset) -> None:
        name = str(kept.get("PatientName") or "")
        if not name.isascii() and kept.get("PatientName") == earlier.get("PatientName"):
            kept.PatientName = name.encode("utf-8", "replace").decode("latin-1")

    _after_set(garble, tms)


@defect("set-lock-compared-to-its-length", "Takes the beginning of the lock for the lock", "CC26-TMS-007", "CC26-TMS-008")
def _lock_prefix(tms: Any) -> None:
    _takes_for_lock(tms, lambda record, given: record.lock.startswith(given))


@defect("set-lock-of-any-ups", "Takes the lock of any UPS for that of this one", "CC26-TMS-007", "CC26-TMS-008")
def _any_lock(tms: Any) -> None:
    _takes_for_lock(tms, lambda record, given: any(r.lock == given for r in tms.worklist.store.candidates(())))


def _takes_for_lock(tms: Any, right: Callable[[Record, str], bool]) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record, given = (
            tms.worklist.store.get(uid),
            str(modification.get("TransactionUid", modification.get("TransactionUID")) or ""),
        )
        if given and record is not None and record.state == "IN PROGRESS" and right(record, given):
            modification.TransactionUID = record.lock
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


def _progress(modification: Dataset) -> str:
    items = modification.get(PROGRESS) or ()
    return str(items[0].get("ProcedureStepProgress") or "") if items else ""


@defect("set-ignores-progress-100", "Refuses a progress of 100", "RO62-TMS-002", subject=("progress",))
def _refuses_100(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        only = PERFORMED not in modification and _progress(modification) == "100"
        return Outcome(0x0106) if only else original(uid, modification)

    around(tms.worklist, "set", perform)


@defect("set-progress-off-by-one", "Shows one per cent of progress more than was set", "RO62-TMS-003", subject=("progress",))
def _off_by_one(tms: Any) -> None:
    def more(kept: Dataset, earlier: Dataset) -> None:
        if (value := _progress(kept)) and kept.get(PROGRESS) != earlier.get(PROGRESS):
            kept[PROGRESS].value[0].ProcedureStepProgress = str(float(value) + 1)

    _after_set(more, tms)


@defect("set-progress-moves-to-completed", "Goes to COMPLETED when progress is set to 100", "RO62-TMS-019", subject=("progress",))
def _completes_at_100(tms: Any) -> None:
    def complete(kept: Dataset, earlier: Dataset) -> None:
        if _progress(kept) == "100" and not kept.get(PERFORMED):
            kept.ProcedureStepState = "COMPLETED"

    _after_set(complete, tms)


@defect("set-beam-lost", "Loses the parameters of progress", "RO62-TMS-004")
def _loses_beam(tms: Any) -> None:
    def lose(kept: Dataset, earlier: Dataset) -> None:
        for item in kept.get(PROGRESS) or ():
            drop(item, "ProcedureStepProgressParametersSequence")

    _after_set(lose, tms)


# --- N-GET ---------------------------------------------------------------------------------------------------------------


def _on_get(change_: Callable[[Dataset, list[Any], Any], Dataset | None], tms: Any) -> None:
    def get(outcome: Outcome, event: Any) -> Outcome:
        if outcome.dataset is None:
            return outcome
        tags = [Tag(tag) for tag in event.attribute_identifiers or ()]
        character_set = outcome.dataset.get("SpecificCharacterSet")
        shown = plain(outcome.dataset)
        if character_set:
            shown.SpecificCharacterSet = character_set
        changed = change_(shown, tags, event)
        return replace(outcome, dataset=shown if changed is None else changed)

    on_outcome(tms, "get", get)


@defect.rows
def _rows_of_alone() -> Iterator[Defect]:
    rows = attribute_rows()
    always = [
        k for k, r in rows.items()
        if k not in ("ProcedureStepState", "SpecificCharacterSet") and (r.get == "1" or (r.get == "2" and r.create in ("1", "2")))
    ]  # fmt: skip
    for keyword in always:
        yield one(
            f"get-{dashed(keyword)}-absent", f"Leaves {keyword} out when it alone is asked for", partial(_alone, keyword, drop), "CC27-TMS-001", case=keyword, subject=("get", keyword),
        )  # fmt: skip
        if rows[keyword].get == "1":
            yield one(
                f"get-{dashed(keyword)}-empty", f"Returns {keyword} without a value when it alone is asked for",
                partial(_alone, keyword, empty), "CC27-TMS-001", case=keyword, subject=("get", keyword),
            )  # fmt: skip


@defect(
    "get-patient-id-changed",
    "Returns another Patient ID when it alone is asked for",
    "CC27-TMS-002",
    given=(
        "PatientID",
        change,
    ),
)
def _alone(keyword: str, how: Callable[[Dataset, str], None], tms: Any) -> None:
    _on_get(lambda shown, tags, event: how(shown, keyword) if tags == [Tag(keyword)] else None, tms)


@defect.rows
def _rows_of_all() -> Iterator[Defect]:
    yield one(
        "get-all-without-comments", "Leaves Comments out when all attributes are asked for",
        partial(_all, lambda shown: drop(shown, "CommentsOnTheScheduledProcedureStep")), "CC27-TMS-004", subject=("get", "CommentsOnTheScheduledProcedureStep"),
    )  # fmt: skip
    yield one(
        "get-all-without-performed", "Leaves the Performed Procedure Sequence out when all attributes are asked for",
        partial(_all, lambda shown: drop(shown, PERFORMED)), "CC27-TMS-004", "CC27-TMS-006", subject=("get", PERFORMED),
    )  # fmt: skip


def _all(how: Callable[[Dataset], None], tms: Any) -> None:
    _on_get(lambda shown, tags, event: how(shown) if not tags else None, tms)


@defect.rows
def _rows_of_any_get() -> Iterator[Defect]:
    yield one(
        "get-without-character-set", "Names no Specific Character Set in N-GET responses",
        partial(_any_get, lambda shown: drop(left_undeclared(shown), "SpecificCharacterSet")), "CC27-TMS-009",
    )  # fmt: skip


def _any_get(how: Callable[[Dataset], None], tms: Any) -> None:
    _on_get(lambda shown, tags, event: how(shown), tms)


@defect(
    "get-with-more",
    "Returns Comments along with whatever is asked for",
    "CC27-TMS-003",
    "RO60-TMS-019",
    given=("CommentsOnTheScheduledProcedureStep",),
)
def _with_more(keyword: str, tms: Any) -> None:
    def more(shown: Dataset, tags: list[Any], event: Any) -> None:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if tags:
            shown[keyword] = plain(record.attributes)[keyword]

    _on_get(more, tms)


@defect("get-first-item-only", "Returns of a sequence the first item only", "CC27-TMS-006", through=_any_get)
def _first_items_shown(shown: Dataset) -> None:
    for element in shown:
        if element.VR == "SQ" and len(element.value) > 1:
            element.value = element.value[:1]


@defect("get-shallow", "Returns sequences without the sequences in their items", "CC27-TMS-006", through=_any_get)
def _shallow(shown: Dataset) -> None:
    for element in shown:
        for item in element.value if element.VR == "SQ" else ():
            for inner in list(item):
                if inner.keyword == "PerformedProcessingParametersSequence":
                    del item[inner.tag]


@defect.rows
def _rows_of_refuses_tags() -> Iterator[Defect]:
    rows = attribute_rows()
    always = [
        k for k, r in rows.items()
        if k not in ("ProcedureStepState", "SpecificCharacterSet") and (r.get == "1" or (r.get == "2" and r.create in ("1", "2")))
    ]  # fmt: skip
    perhaps = [k for k, r in rows.items() if r.get == "2" and k not in always and k not in ("PatientID", "StudyInstanceUID")]
    yield one(
        "get-of-some-ups-refused", "Refuses N-GET of an attribute that a UPS need not have",
        partial(_refuses_tags, perhaps), "CC27-TMS-002",
    )  # fmt: skip
    for kind, tag in (("standard", "PixelSpacing"), ("private", 0x00991001), ("unknown", 0x0040FFFE)):
        yield one(
            f"get-{kind}-attribute-refused", f"Refuses N-GET of a {kind} attribute it does not keep",
            partial(_refuses_tags, (tag,)), "CC27-TMS-007",
        )  # fmt: skip


def _refuses_tags(refused: Sequence[Any], tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        asked = {Tag(tag) for tag in event.attribute_identifiers or ()}
        return Outcome(PROCESSING_FAILURE) if asked & {Tag(one_) for one_ in refused} else original(event)

    around(tms, "get", get)


@defect("get-nothing-with-what-is-not-kept", "Returns nothing when one of the attributes asked for is not kept", "CC27-TMS-008")
def _nothing_with(tms: Any) -> None:
    def get(shown: Dataset, tags: list[Any], event: Any) -> Dataset | None:
        return Dataset() if any(tag.is_private or tag == Tag("PixelSpacing") for tag in tags) else None

    _on_get(get, tms)


@defect(
    "get-unknown-ups-granted",
    "Answers success to N-GET of a UPS that does not exist",
    "CC27-TMS-010",
    "RO60-TMS-018",
    subject=("unknown",),
)
def _unknown_shown(tms: Any) -> None:
    known = (GLOBAL, FILTERED)

    def get(outcome: Outcome, event: Any) -> Outcome:
        made_up = Dataset()
        made_up.ProcedureStepState = "SCHEDULED"
        asked = str(event.request.RequestedSOPInstanceUID)
        return Outcome(SUCCESS, dataset=made_up) if outcome.status == 0xC307 and asked not in known else outcome

    on_outcome(tms, "get", get)


@defect(
    "get-unknown-ups-another-failure",
    "Answers 0110 to N-GET of a UPS that does not exist",
    "CC27-TMS-010",
    "CC27-TMS-011",
    "RO60-TMS-018",
    subject=("unknown",),
)
def _unknown_failure(tms: Any) -> None:
    on_outcome(tms, "get", lambda outcome, event: replace(outcome, status=0x0110) if outcome.status == 0xC307 else outcome)


@defect("get-similar-uid-granted", "Shows a UPS whose SOP Instance UID begins as the one asked for", "CC27-TMS-010")
def _similar(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        asked = str(event.request.RequestedSOPInstanceUID)
        longer = [r.uid for r in tms.worklist.store.candidates(()) if r.uid.startswith(asked)]
        if tms.worklist.store.get(asked) is None and longer:
            event.request.RequestedSOPInstanceUID = longer[0]
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)


@defect("get-well-known-granted", "Answers success to N-GET of a well-known instance", "CC27-TMS-011")
def _well_known(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        asked = str(event.request.RequestedSOPInstanceUID)
        return Outcome(SUCCESS, dataset=Dataset()) if asked.startswith(GLOBAL) else original(event)

    around(tms, "get", get)


@defect(
    "get-all-in-progress-as-scheduled",
    "Shows a UPS that is IN PROGRESS as SCHEDULED when all attributes are asked for",
    "CC27-TMS-012",
    given=(
        "IN PROGRESS",
        "SCHEDULED",
    ),
)
@defect(
    "get-completed-as-in-progress",
    "Shows a UPS that is COMPLETED as IN PROGRESS",
    "CC27-TMS-013",
    alone=True,
    given=(
        "COMPLETED",
        "IN PROGRESS",
    ),
    named={"every": True},
)
def _state_shown(present: str, shown_as: str, tms: Any, every: bool = False) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        if shown.get("ProcedureStepState") == present and (every or not tags):
            shown.ProcedureStepState = shown_as

    _on_get(show, tms)


@defect("get-one-change-late", "Shows a UPS to other AEs as it was before the last change", "CC27-TMS-015", alone=True)
def _stale(tms: Any) -> None:
    """Keep, of each UPS, what was there before the last change, and show that to whom did not make it."""
    before: dict[str, Dataset] = {}
    changed_by: dict[str, str] = {}

    def keep(attributes: Dataset, earlier: Any) -> None:
        if earlier is not None:
            before[earlier.uid] = earlier.attributes

    def note(original: Around, event: Any, *given: Any) -> Outcome:
        outcome: Outcome = original(event, *given)
        changed_by[str(event.request.RequestedSOPInstanceUID)] = str(event.assoc.requestor.ae_title)
        return outcome

    def get(original: Around, event: Any) -> Outcome:
        uid = str(event.request.RequestedSOPInstanceUID)
        if uid not in before or changed_by.get(uid) == str(event.assoc.requestor.ae_title):
            outcome: Outcome = original(event)
            return outcome
        tags = [Tag(tag) for tag in event.attribute_identifiers or ()]
        return Outcome(SUCCESS, dataset=merged(*(_part(before[uid], tag) for tag in tags)) if tags else merged(before[uid]))

    on_records(tms, keep)
    for method in ("set", "action"):
        around(tms, method, note)
    around(tms, "get", get)


def _part(dataset: Dataset, tag: Any) -> Dataset:
    part = Dataset()
    if tag in dataset:
        part.add(dataset[tag])
    return part


@defect.rows
def _rows_of_less_under() -> Iterator[Defect]:
    for context, uid, identifier in (
        ("push", UPS.PUSH, "CC27-TMS-016"), ("watch", UPS.WATCH, "CC27-TMS-017"),
    ):  # fmt: skip
        yield one(
            f"get-under-{context}-shows-less", f"Leaves Procedure Step Label out under UPS {context.title()}",
            partial(_less_under, uid), identifier,
        )  # fmt: skip


def _less_under(context: str, tms: Any) -> None:
    def less(shown: Dataset, tags: list[Any], event: Any) -> None:
        if event.context.abstract_syntax == context:
            drop(shown, "ProcedureStepLabel")

    _on_get(less, tms)


@defect("get-others-see-less", "Shows an AE that neither made nor performs a UPS less", "CC27-TMS-018")
def _others_see_less(tms: Any) -> None:
    makers: dict[str, str] = {}

    def action(original: Around, event: Any, number: int) -> Outcome:
        makers.setdefault(str(event.request.RequestedSOPInstanceUID), str(event.assoc.requestor.ae_title))
        outcome: Outcome = original(event, number)
        return outcome

    def less(shown: Dataset, tags: list[Any], event: Any) -> None:
        maker = makers.get(str(event.request.RequestedSOPInstanceUID))
        if maker is not None and maker != str(event.assoc.requestor.ae_title):
            drop(shown, "CommentsOnTheScheduledProcedureStep")

    around(tms, "action", action)
    _on_get(less, tms)


@defect("get-touches-modification-time", "Sets the modification time with each N-GET", "CC27-TMS-019")
def _touches(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if record is not None:
            more = Dataset()
            setattr(more, MODIFIED, tms.worklist.timestamp())
            tms.worklist.store.commit(Change(Record(record.uid, merged(record.attributes, more), record.lock)))
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)


@defect("get-drops-the-lock", "Forgets the lock when another AE asks for the Transaction UID", "CC27-TMS-019")
def _drops_lock(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if record is not None and record.state == "IN PROGRESS" and str(event.assoc.requestor.ae_title) != "TDD":
            tms.worklist.store.commit(Change(Record(record.uid, record.attributes, ANOTHER)))
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)


# --- RO-64: what is stored, as N-GET shows it -----------------------------------------------------------------------------


@defect.rows
def _rows_of_edit_shown() -> Iterator[Defect]:
    rows = load_catalogue().attributes("RO-64 stored", "TMS")
    seen = set()
    for row in rows:
        for shape in shapes(row):
            if (key := (slug(row), shape)) in seen:
                continue
            seen.add(key)
            how, words = SHAPES[shape]
            assert row.rule is not None
            yield one(
                f"ro64-{key[0]}-{shape}", f"Of a UPS in progress N-GET shows that {row.rule.text} {words}",
                partial(_edit_shown, row.rule.path, how), *violated(row, rows, shape), subject=about("get", row),
            )  # fmt: skip


def _edit_shown(path: Any, how: Any, tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        # When all is asked for: what the TDD set is there, and not as it was set.
        if not tags and shown.get("ProcedureStepState") == "IN PROGRESS" and shown.get(PERFORMED):
            edit(shown, path, how)

    _on_get(show, tms)


@defect.rows
def _rows_of_outputs() -> Iterator[Defect]:
    yield one(
        "ro64-outputs-reversed",
        "Shows output references in the opposite order",
        partial(_outputs, lambda o: o[::-1]),
        "RO64-TMS-004",
    )
    yield one(
        "ro64-outputs-first-only", "Shows the first output reference only", partial(_outputs, lambda o: o[:1]), "RO64-TMS-004"
    )


def _outputs(how: Callable[[list[Dataset]], list[Dataset]], tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        for item in shown.get(PERFORMED) or ():
            if item.get("OutputInformationSequence"):
                item.OutputInformationSequence = how(list(item.OutputInformationSequence))

    _on_get(show, tms)


@defect("ro64-reason-lost", "Does not show the reason of a discontinuation", "RO64-TMS-006", "CC21-TMS-005")
def _no_reason(tms: Any) -> None:
    def show(shown: Dataset) -> None:
        for item in shown.get(PROGRESS) or ():
            drop(item, "ProcedureStepDiscontinuationReasonCodeSequence")

    _any_get(show, tms)


@defect("ro64-final-update-completes", "Goes to COMPLETED with the final update", "RO64-TMS-002", alone=True)
def _completes_with_update(tms: Any) -> None:
    def complete(kept: Dataset, earlier: Dataset) -> None:
        if kept.get(PERFORMED) and not earlier.get(PERFORMED):
            kept.ProcedureStepState = "COMPLETED"

    _after_set(complete, tms)


@defect("ro64-final-update-refused", "Refuses the final update", "RO64-TMS-001", alone=True)
def _refuses_final_update(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        return Outcome(PROCESSING_FAILURE) if modification.get(PERFORMED) else original(uid, modification)

    around(tms.worklist, "set", perform)


@defect("ro64-clears-inputs", "Loses the Input Information Sequence with the final update", "RO64-TMS-008")
def _clears_inputs(tms: Any) -> None:
    def clear(kept: Dataset, earlier: Dataset) -> None:
        if kept.get(PERFORMED) != earlier.get(PERFORMED) and kept.get("InputInformationSequence") == earlier.get(
            "InputInformationSequence"
        ):
            kept.InputInformationSequence = []

    _after_set(clear, tms)


# --- Change UPS State, Request UPS Cancel ---------------------------------------------------------------------------------


@defect("lock-bound-to-the-ae", "Lets only the AE that claimed a UPS finish it, whoever has the lock", "CC21-TMS-001")
def _bound_to_ae(tms: Any) -> None:
    owners: dict[str, str] = {}

    def action(original: Around, event: Any, number: int) -> Outcome:
        uid, sender = str(event.request.RequestedSOPInstanceUID), str(event.assoc.requestor.ae_title).strip()
        record = tms.worklist.store.get(uid)
        wanted = event.action_information.get("ProcedureStepState") if number == CHANGE_STATE else None
        foreign = record is not None and record.state == "IN PROGRESS" and owners.get(uid, sender) != sender
        if wanted in ("COMPLETED", "CANCELED") and foreign:
            return Outcome(0xC301)
        outcome: Outcome = original(event, number)
        if wanted == "IN PROGRESS" and outcome.status == SUCCESS:
            owners[uid] = sender
        return outcome

    around(tms, "action", action)


@defect(
    "claim-ends-with-association",
    "Gives a claimed UPS back when the association of the claim is released",
    "CC21-TMS-007",
    alone=True,
)
def _claim_ends(tms: Any) -> None:
    from pynetdicom import evt

    claimed: dict[int, list[str]] = {}

    def action(original: Around, event: Any, number: int) -> Outcome:
        outcome: Outcome = original(event, number)
        if (
            number == CHANGE_STATE
            and outcome.status == SUCCESS
            and event.action_information.get("ProcedureStepState") == "IN PROGRESS"
        ):
            claimed.setdefault(id(event.assoc), []).append(str(event.request.RequestedSOPInstanceUID))
        return outcome

    def released(event: Any) -> None:
        for uid in claimed.pop(id(event.assoc), ()):
            record = tms.worklist.store.get(uid)
            if record is not None and record.state == "IN PROGRESS":
                more = Dataset()
                more.ProcedureStepState = "SCHEDULED"
                tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more))))

    around(tms, "action", action)
    tms.server.add_handler(evt.EVT_RELEASED, released)


def on_final(tms: Any, how: Callable[[Around, Record, str, str], Outcome | None], *wanted: str) -> None:
    """Handle a change to a final state, with the right lock, of a UPS that is IN PROGRESS."""

    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        concerned = record is not None and record.state == "IN PROGRESS" and record.lock == transaction_uid and state in wanted
        outcome = how(original, record, str(state), str(transaction_uid)) if concerned else None
        return outcome if outcome is not None else original(uid, state, transaction_uid)

    around(tms.worklist, "change_state", change_state)


@defect.rows
def _rows_of_lenient() -> Iterator[Defect]:
    performed = attribute_rows()[PERFORMED].items
    for keyword in [k for k, row in performed.items() if row.final == "P"]:
        yield one(
            f"completed-without-{dashed(keyword)}",
            f"Grants COMPLETED without {keyword}",
            partial(_lenient, keyword),
            "CC21-TMS-002",
            case=keyword,
            subject=("completed", keyword),
        )


@defect(
    "completed-without-anything",
    "Grants COMPLETED without a performed procedure",
    "CC21-TMS-002",
    "CC21-TMS-003",
    "RO65-TMS-009",
    "CC24-TMS-004",
    given=("",),
)
def _lenient(keyword: str, tms: Any) -> None:
    """Go to COMPLETED though one attribute (or, for an empty keyword, any) is missing."""

    def complete(original: Around, record: Record, state: str, lock: str) -> Outcome | None:
        outcome: Outcome = original(record.uid, state, lock)
        if outcome.status != 0xC304:
            return outcome
        lacking = [part.rpartition(".")[2].split("[")[0] for part in outcome.comment.removeprefix("missing: ").split(", ")]
        if keyword and set(lacking) != {keyword}:
            return outcome
        done: Outcome = tms.worklist.to_state(record.uid, record.attributes, record.lock, state)
        return done

    on_final(tms, complete, "COMPLETED")


@defect("completed-refused-for-ever", "Refuses COMPLETED once it has refused it", "CC21-TMS-003")
def _grudge(tms: Any) -> None:
    refused: set[str] = set()

    def complete(original: Around, record: Record, state: str, lock: str) -> Outcome:
        if record.uid in refused:
            return Outcome(0xC304)
        outcome: Outcome = original(record.uid, state, lock)
        if outcome.status:
            refused.add(record.uid)
        return outcome

    on_final(tms, complete, "COMPLETED")


@defect(
    "completed-needs-output",
    "Refuses COMPLETED without an item of Output Information Sequence",
    "CC21-TMS-004",
    subject=("completed", "OutputInformationSequence"),
)
def _needs_output(tms: Any) -> None:
    def complete(original: Around, record: Record, state: str, lock: str) -> Outcome | None:
        performed = record.attributes.get(PERFORMED)
        return Outcome(0xC304) if performed and not performed[0].get("OutputInformationSequence") else None

    on_final(tms, complete, "COMPLETED")


def _whenon_final(tms: Any, how: Callable[[Dataset], None], *states: str) -> None:
    def kept(attributes: Dataset, earlier: Any) -> None:
        if earlier is not None and earlier.state != attributes.ProcedureStepState and attributes.ProcedureStepState in states:
            how(attributes)

    on_records(tms, kept)


@defect(
    "canceled-needs-more-than-a-reason",
    "Refuses CANCELED when there is a discontinuation reason and nothing else",
    "CC21-TMS-009",
    "CC22-TMS-006",
)
def _needs_more(tms: Any) -> None:
    def cancel(original: Around, record: Record, state: str, lock: str) -> Outcome | None:
        progress = record.attributes.get(PROGRESS)
        more = record.attributes.get(PERFORMED) or (progress and progress[0].get("ProcedureStepProgress"))
        reason = progress and progress[0].get("ProcedureStepDiscontinuationReasonCodeSequence")
        return Outcome(0xC304) if reason and not more else None

    on_final(tms, cancel, "CANCELED")


@defect("canceled-loses-reason", "Loses reason and contact of a cancellation when it goes to CANCELED", "CC21-TMS-005")
def _loses_reason(tms: Any) -> None:
    def lose(kept: Dataset) -> None:
        for item in kept.get(PROGRESS) or ():
            for keyword in ("ReasonForCancellation", "ProcedureStepCommunicationsURISequence"):
                drop(item, keyword)

    _whenon_final(tms, lose, "CANCELED")


@defect("canceled-without-time", "Sets no Procedure Step Cancellation DateTime", "RO65-TMS-012", "CC22-TMS-004")
def _no_cancel_time(tms: Any) -> None:
    def lose(kept: Dataset) -> None:
        for item in kept.get(PROGRESS) or ():
            drop(item, "ProcedureStepCancellationDateTime")

    _whenon_final(tms, lose, "CANCELED")


@defect("final-state-clears-performed", "Loses the performed procedure when a UPS goes to its final state", "RO65-TMS-017")
def _clears_performed(tms: Any) -> None:
    _whenon_final(tms, lambda kept: setattr(kept, PERFORMED, []), "COMPLETED", "CANCELED")


@defect("final-state-not-found", "C-FIND knows ended UPS no more", "RO65-TMS-003")
def _ended_not_found(tms: Any) -> None:
    from .queries import hides

    hides(tms, lambda record: record.state in ("COMPLETED", "CANCELED"))


@defect("claimed-not-found", "C-FIND shows a claimed UPS as SCHEDULED still", "RO60-TMS-007")
def _claimed_as_scheduled(tms: Any) -> None:
    from .queries import as_if

    as_if(tms, lambda record: record.state == "IN PROGRESS", ProcedureStepState="SCHEDULED")


@defect("canceled-without-reason-granted-0110", "Answers 0110 to CANCELED without a discontinuation reason", "RO65-TMS-013")
def _cancel_0110(tms: Any) -> None:
    def cancel(original: Around, record: Record, state: str, lock: str) -> Outcome | None:
        progress = record.attributes.get(PROGRESS)
        given = progress and progress[0].get("ProcedureStepDiscontinuationReasonCodeSequence")
        return None if given else Outcome(PROCESSING_FAILURE)

    on_final(tms, cancel, "CANCELED")


@defect.rows
def _rows_of_cancel_refused() -> Iterator[Defect]:
    for context, uid, identifier in (
        ("watch", UPS.WATCH, "CC22-TMS-001"), ("push", UPS.PUSH, "CC22-TMS-002"),
    ):  # fmt: skip
        yield one(
            f"request-cancel-refused-under-{context}", f"Refuses Request UPS Cancel under UPS {context.title()}",
            partial(_cancel_refused, uid), identifier,
        )  # fmt: skip


def _cancel_refused(context: str, tms: Any) -> None:
    def action(original: Around, event: Any, number: int) -> Outcome:
        refused = number == REQUEST_CANCEL and event.context.abstract_syntax == context
        return Outcome(PROCESSING_FAILURE) if refused else original(event, number)

    around(tms, "action", action)


def _on_request(tms: Any, how: Callable[[Around, str, Dataset | None, str], Outcome | None]) -> None:
    def request(original: Around, uid: str, information: Dataset | None, sender: str) -> Outcome:
        outcome = how(original, uid, information, sender)
        return outcome if outcome is not None else original(uid, information, sender)

    around(tms.worklist, "request_cancel", request)


@defect("request-cancel-needs-a-reason", "Refuses Request UPS Cancel without a reason", "CC22-TMS-003")
def _cancel_needs_reason(tms: Any) -> None:
    _on_request(
        tms, lambda original, uid, information, sender: None if information is not None and len(information) else Outcome(0x0115)
    )


@defect(
    "request-cancel-without-reason-kept", "Cancels a SCHEDULED UPS on request without any discontinuation reason", "CC22-TMS-004"
)
def _cancel_without_reason(tms: Any) -> None:
    def lose(kept: Dataset) -> None:
        for item in kept.get(PROGRESS) or ():
            drop(item, "ProcedureStepDiscontinuationReasonCodeSequence")

    def kept(attributes: Dataset, earlier: Any) -> None:
        if earlier is not None and earlier.state == "SCHEDULED" and attributes.ProcedureStepState == "CANCELED":
            lose(attributes)

    on_records(tms, kept)


@defect(
    "request-cancel-cancels-running",
    "Cancels a UPS that somebody performs when it is asked to",
    "CC22-TMS-005",
    "CC22-TMS-006",
    "CC11-TMS-073",
    alone=True,
)
def _cancels_running(tms: Any) -> None:
    def request(original: Around, uid: str, information: Dataset | None, sender: str) -> Outcome | None:
        record = tms.worklist.store.get(uid)
        if record is None or record.state != "IN PROGRESS":
            return None
        outcome: Outcome = tms.worklist.to_state(uid, record.attributes, record.lock, "CANCELED")
        return outcome

    _on_request(tms, request)


@defect(
    "request-cancel-takes-the-lock",
    "Forgets the performer's lock on a request to cancel",
    "CC22-TMS-005",
    "CC22-TMS-006",
    alone=True,
)
def _cancel_takes_lock(tms: Any) -> None:
    def request(original: Around, uid: str, information: Dataset | None, sender: str) -> Outcome:
        outcome: Outcome = original(uid, information, sender)
        record = tms.worklist.store.get(uid)
        if record is not None and record.state == "IN PROGRESS":
            tms.worklist.store.commit(Change(Record(uid, record.attributes, ANOTHER)))
        return outcome

    _on_request(tms, request)


@defect("request-cancel-from-performer-only", "Takes Request UPS Cancel only from the AE that claimed the UPS", "CC22-TMS-007")
def _cancel_strangers(tms: Any) -> None:
    def action(original: Around, event: Any, number: int) -> Outcome:
        stranger = number == REQUEST_CANCEL and str(event.assoc.requestor.ae_title).strip() != "TDD"
        return Outcome(PROCESSING_FAILURE) if stranger else original(event, number)

    around(tms, "action", action)


@defect("canceled-ups-can-be-claimed", "Grants the claim of a UPS that was canceled on request", "CC22-TMS-009")
def _claim_canceled(tms: Any) -> None:
    requested: set[str] = set()

    def request(original: Around, uid: str, information: Dataset | None, sender: str) -> Outcome:
        outcome: Outcome = original(uid, information, sender)
        requested.add(uid)
        return outcome

    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        if state == "IN PROGRESS" and uid in requested and record.state == "CANCELED":
            return Outcome(SUCCESS)
        outcome: Outcome = original(uid, state, transaction_uid)
        return outcome

    _on_request(tms, request)
    around(tms.worklist, "change_state", change_state)


@defect("second-claim-takes-over", "Refuses the claim of a second TDD, and takes its Transaction UID for the lock", "RO60-TMS-005")
def _takes_over(tms: Any) -> None:
    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        outcome: Outcome = original(uid, state, transaction_uid)
        record = tms.worklist.store.get(uid)
        if state == "IN PROGRESS" and outcome.status == 0xC301 and transaction_uid and record.state == "IN PROGRESS":
            tms.worklist.store.commit(Change(Record(uid, record.attributes, transaction_uid)))
        return outcome

    around(tms.worklist, "change_state", change_state)


@defect("unknown-state-granted", "Answers success to a change to a state that does not exist", "RO60-TMS-016")
def _unknown_state(tms: Any) -> None:
    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        known = state in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
        return original(uid, state, transaction_uid) if known else Outcome(SUCCESS)

    around(tms.worklist, "change_state", change_state)

"""Defects of N-SET: what is accepted and kept [CC.2.6]."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile.ups_tables import attribute_rows
from ..ups import Outcome, Record
from ..ups.datasets import merged, plain, without
from ..ups.states import FINAL
from ..ups.store import Change
from .attributes import drop
from .creation import question_marks
from .deviations import Defect
from .hooks import Around, around, locked_before_the_claim, on_records, refuse_otherwise
from .tms import MODIFIED, PERFORMED, PROCESSING_FAILURE, PROGRESS, SUCCESS, UNSUITABLE, dashed, defect, one

__all__ = ["after_set"]


# Judged by requirements of their own, or never stored at all.
FIXED_ELSEWHERE = ("TransactionUID", "ProcedureStepState")


@defect.rows
def _rows_of_after_set() -> Iterator[Defect]:
    yield one(
        "set-modification-time-goes-back", "Sets Scheduled Procedure Step Modification DateTime back with each N-SET",
        partial(after_set, lambda kept, earlier: setattr(kept, MODIFIED, "20000101000000")), "CC26-TMS-020", "RO62-TMS-018",
    )  # fmt: skip
    yield one(
        "set-modification-time-lost", "Has no Scheduled Procedure Step Modification DateTime after an N-SET",
        partial(after_set, lambda kept, earlier: drop(kept, MODIFIED)), "CC26-TMS-020", "RO62-TMS-018",
    )  # fmt: skip
    yield one(
        "set-ascii-only", "Keeps text beyond ASCII of an N-SET as question marks",
        partial(after_set, lambda kept, earlier: question_marks(kept)), "CC26-TMS-026", "RO64-TMS-005",
    )  # fmt: skip


def after_set(how: Callable[[Dataset, Dataset], None], tms: Any) -> None:
    """Let `how` (UPS to be kept, UPS before) act on what an N-SET makes of a UPS."""
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
    for keyword in supported:
        yield one(
            f"set-{dashed(keyword)}-lost", f"Answers success to an N-SET of {keyword}, and keeps what was there",
            partial(_loses, keyword), "CC26-TMS-012",
        )  # fmt: skip
    for keyword in [k for k, r in rows.items() if r.set == "3" and r.set_scp == "2" and k not in supported]:
        yield one(
            f"set-{dashed(keyword)}-lost", f"Answers success to an N-SET of {keyword}, and keeps what was there",
            partial(_loses, keyword), "CC26-TMS-013",
        )  # fmt: skip


def _loses(keyword: str, tms: Any) -> None:
    after_set(lambda kept, earlier: _restore(kept, earlier, keyword), tms)


@defect.rows
def _rows_of_adds_items() -> Iterator[Defect]:
    rows = attribute_rows()
    for keyword in [k for k, r in rows.items() if r.set == "3" and r.vr == "SQ"]:
        yield one(
            f"set-{dashed(keyword)}-added", f"Adds the items of an N-SET of {keyword} to those that were there",
            partial(_adds_items, keyword), "CC26-TMS-015",
        )  # fmt: skip


def _adds_items(keyword: str, tms: Any) -> None:
    def add(kept: Dataset, earlier: Dataset) -> None:
        before = list(plain(earlier).get(keyword) or ())
        if kept.get(keyword) and earlier.get(keyword) != kept.get(keyword):
            setattr(kept, keyword, [*before, *kept[keyword].value])

    after_set(add, tms)


@defect("set-merges-items", "Merges the item of Progress Information with the one that was there", "CC26-TMS-015", "RO62-TMS-014")
def _merges_items(tms: Any) -> None:
    def merge(kept: Dataset, earlier: Dataset) -> None:
        before, now = plain(earlier).get(PROGRESS), kept.get(PROGRESS)
        if before and now:
            setattr(kept, PROGRESS, [merged(before[0], now[0])])

    after_set(merge, tms)


@defect("set-empty-sequence-lost", "Answers success to an N-SET that empties a sequence, and keeps its items", "CC26-TMS-016")
def _keeps_items(tms: Any) -> None:
    def keep(kept: Dataset, earlier: Dataset) -> None:
        for element in plain(earlier):
            if element.VR == "SQ" and element.value and element.tag in kept and not kept[element.tag].value:
                kept[element.tag] = element

    after_set(keep, tms)


@defect.rows
def _rows_of_lets_set() -> Iterator[Defect]:
    rows = attribute_rows()
    fixed = [k for k, r in rows.items() if r.set in ("not allowed", "special", "-") and k not in FIXED_ELSEWHERE]
    for keyword in fixed:
        yield one(
            f"set-changes-{dashed(keyword)}",
            f"Lets an N-SET change {keyword}",
            partial(_lets_set, keyword),
            "CC26-TMS-017",
        )


@defect(
    "set-changes-state",
    "Lets an N-SET change Procedure Step State",
    "CC26-TMS-017",
    "CC26-TMS-018",
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
    for keyword in [k for k, r in rows.items() if r.set == "3" and r.set_scp == "1"]:
        yield one(
            f"set-empties-{dashed(keyword)}",
            f"Lets an N-SET empty {keyword}",
            partial(_lets_empty, keyword),
            "CC26-TMS-019",
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
        0x0121,
        UNSUITABLE,
    ),
)
def _other_set_refusal(status: int, other: int, tms: Any) -> None:
    refuse_otherwise(tms, "refuse_modification", status, other)


@defect(
    "set-modification-time-stays",
    "Does not change Scheduled Procedure Step Modification DateTime with an N-SET",
    "CC26-TMS-020",
    through=after_set,
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


@defect("set-stores-illegal-values", "Stores values that are not among those defined, or no date-times", "CC26-TMS-031")
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


@defect("set-stores-the-first-only", "Stores of an N-SET with several attributes the first only", "CC26-TMS-023")
def _first_only(tms: Any) -> None:
    def first(kept: Dataset, earlier: Dataset) -> None:
        changed = [e.keyword for e in kept if e.keyword != MODIFIED and earlier.get(e.tag) != e]
        for keyword in changed[1:]:
            _restore(kept, earlier, keyword)

    after_set(first, tms)


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
    after_set(lambda kept, earlier: None if present.brings_it else drop(kept, keyword), tms)


@defect("set-records-a-lock", "Takes the Transaction UID of an N-SET of a SCHEDULED UPS for the lock", "CC26-TMS-004")
def _set_records_lock(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        lock = str(modification.get("TransactionUID") or "")
        outcome: Outcome = original(uid, modification)
        record = tms.worklist.store.get(uid)
        if lock and record is not None and record.state == "SCHEDULED":
            tms.worklist.store.commit(Change(Record(uid, record.attributes, lock)))
        return outcome

    around(tms.worklist, "set", perform)
    locked_before_the_claim(tms)


@defect(
    "set-refusal-changes-the-lock",
    "Takes the Transaction UID of an N-SET that it refuses for the lock from then on",
    "CC26-TMS-008",
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

    after_set(garble, tms)


@defect("set-lock-compared-to-its-length", "Takes the beginning of the lock for the lock", "CC26-TMS-007")
def _lock_prefix(tms: Any) -> None:
    _takes_for_lock(tms, lambda record, given: record.lock.startswith(given))


@defect("set-lock-of-any-ups", "Takes the lock of any UPS for that of this one", "CC26-TMS-007")
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


@defect("set-ignores-progress-100", "Refuses a progress of 100", "RO62-TMS-002")
def _refuses_100(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        only = PERFORMED not in modification and _progress(modification) == "100"
        return Outcome(0x0106) if only else original(uid, modification)

    around(tms.worklist, "set", perform)


@defect("set-progress-off-by-one", "Shows one per cent of progress more than was set", "RO62-TMS-003")
def _off_by_one(tms: Any) -> None:
    def more(kept: Dataset, earlier: Dataset) -> None:
        if (value := _progress(kept)) and kept.get(PROGRESS) != earlier.get(PROGRESS):
            kept[PROGRESS].value[0].ProcedureStepProgress = str(float(value) + 1)

    after_set(more, tms)


@defect("set-progress-moves-to-completed", "Goes to COMPLETED when progress is set to 100", "RO62-TMS-019")
def _completes_at_100(tms: Any) -> None:
    def complete(kept: Dataset, earlier: Dataset) -> None:
        if _progress(kept) == "100" and not kept.get(PERFORMED):
            kept.ProcedureStepState = "COMPLETED"

    after_set(complete, tms)


@defect("set-beam-lost", "Loses the parameters of progress", "RO62-TMS-004")
def _loses_beam(tms: Any) -> None:
    def lose(kept: Dataset, earlier: Dataset) -> None:
        for item in kept.get(PROGRESS) or ():
            drop(item, "ProcedureStepProgressParametersSequence")

    after_set(lose, tms)


@defect("set-after-the-end-with-a-uid-of-zero-length", "Answers success to an N-SET after the end with a Transaction UID of zero length",
        "CC26-TMS-011", given=(lambda uid, lock: uid == "",))  # fmt: skip
@defect("set-after-the-end-with-a-uid-cut-short", "Answers success to an N-SET after the end with the former lock cut short",
        "CC26-TMS-010", given=(lambda uid, lock: bool(uid) and uid != lock and lock.startswith(uid),))  # fmt: skip
def _set_after_the_end(which: Callable[[str | None, str], bool], tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and record.state in FINAL and which(modification.get("TransactionUID"), record.lock):
            return Outcome(SUCCESS)
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)

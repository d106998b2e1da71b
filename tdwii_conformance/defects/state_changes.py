"""Defects of Change UPS State and Request UPS Cancel [CC.2.1, CC.2.2]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, UPS
from ..profile.ups_tables import attribute_rows
from ..ups import Outcome, Record
from ..ups.datasets import merged
from ..ups.store import Change
from .attributes import drop
from .deviations import Defect
from .hooks import Around, around, on_records
from .tms import ANOTHER, PERFORMED, PROCESSING_FAILURE, PROGRESS, SUCCESS, dashed, defect, one

__all__ = ["on_final"]


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
        )


@defect(
    "completed-without-anything",
    "Grants COMPLETED without a performed procedure",
    "CC21-TMS-002",
    "RO65-TMS-009",
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


# --- what is taken for the lock -------------------------------------------------------------------------------------------

ENDED_BY_ANOTHER = ("CC11-TMS-063", "CC11-TMS-064", "CC11-TMS-093", "CC11-TMS-095")


@defect(
    "ends-by-a-lock-of-zero-length",
    "Takes a Transaction UID of zero length for the lock, at the end",
    *ENDED_BY_ANOTHER,
    given=("empty",),
)
@defect(
    "ends-by-a-lock-cut-short",
    "Takes a Transaction UID for the lock that is cut short, at the end",
    *ENDED_BY_ANOTHER,
    given=("short",),
)
@defect(
    "ends-by-the-lock-of-another-ups", "Takes the lock of any UPS for that of each, at the end", *ENDED_BY_ANOTHER, given=("other",)
)
@defect("ends-by-the-lock-among-several", "Takes the lock among several Transaction UIDs, at the end", *ENDED_BY_ANOTHER,
        given=("several",))  # fmt: skip
def _takes_for_the_lock(kind: str, tms: Any) -> None:
    known: set[str] = set()

    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        lock = record.lock if record is not None else ""
        taken = {
            "empty": transaction_uid == "",
            "short": bool(transaction_uid) and transaction_uid == lock[:-1],
            "other": isinstance(transaction_uid, str) and transaction_uid in known,
            "several": isinstance(transaction_uid, MultiValue) and lock in transaction_uid,
        }[kind]
        if lock and taken and state in ("COMPLETED", "CANCELED"):
            transaction_uid = lock
        outcome: Outcome = original(uid, state, transaction_uid)
        if state == "IN PROGRESS" and outcome.status == SUCCESS and transaction_uid:
            known.add(transaction_uid)
        return outcome

    around(tms.worklist, "change_state", change_state)


@defect(
    "claim-with-a-uid-of-zero-length",
    "Grants a claim with a Transaction UID of zero length",
    "CC11-TMS-032",
    given=("SCHEDULED", "IN PROGRESS"),
)
@defect("claim-again-with-a-uid-of-zero-length", "Grants another claim, with a Transaction UID of zero length", "CC11-TMS-033",
        given=("IN PROGRESS", "IN PROGRESS"))  # fmt: skip
@defect("claim-of-completed-with-a-uid-of-zero-length", "Grants the claim of what is COMPLETED, with a Transaction UID of zero length",
        "CC11-TMS-034", given=("COMPLETED", "IN PROGRESS"))  # fmt: skip
@defect("claim-of-canceled-with-a-uid-of-zero-length", "Grants the claim of what is CANCELED, with a Transaction UID of zero length",
        "CC11-TMS-035", given=("CANCELED", "IN PROGRESS"))  # fmt: skip
@defect("scheduled-again-with-a-uid-of-zero-length", "Answers success to a change to SCHEDULED with a Transaction UID of zero length",
        "CC11-TMS-043", given=("IN PROGRESS", "SCHEDULED"))  # fmt: skip
@defect("complete-of-canceled-with-a-uid-of-zero-length", "Answers success to COMPLETED of what is CANCELED, without a lock",
        "CC11-TMS-065", given=("CANCELED", "COMPLETED"))  # fmt: skip
@defect("cancel-of-completed-with-a-uid-of-zero-length", "Answers success to CANCELED of what is COMPLETED, without a lock",
        "CC11-TMS-094", given=("COMPLETED", "CANCELED"))  # fmt: skip
def _grants_empty(present: str, wanted: str, tms: Any) -> None:
    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and (record.state, state, transaction_uid) == (present, wanted, ""):
            return Outcome(SUCCESS)
        outcome: Outcome = original(uid, state, transaction_uid)
        return outcome

    around(tms.worklist, "change_state", change_state)

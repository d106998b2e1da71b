"""What one request of a system that calls us says, and how it was answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)

from ...profile.statuses import is_failure, is_warning, status_text
from ...profile.ups_service import CHANGE_STATE, SUBSCRIBE, SUSPEND, TRIAL, UNSUBSCRIBE, UPS
from ...transcript.exchange import Exchange
from ...ups import FILTERED, GLOBAL

__all__ = [
    "FINAL_STATES",
    "RECORDS",
    "action_type",
    "began",
    "changes_state",
    "done",
    "ended",
    "information",
    "knows_a_beam",
    "knows_the_end",
    "knows_the_station",
    "names_an_output",
    "of_ups",
    "progress_of",
    "state_asked_for",
    "tells_progress",
    "text",
    "uids",
    "until_done",
]


PLANS = (RTPlanStorage, RTIonPlanStorage)
RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
FINAL_STATES = ("COMPLETED", "CANCELED")
SUSPENDED = "those there when the global subscription was suspended"


def information(exchange: Exchange) -> Dataset:
    """Return the data set of a request; an empty one if it had none, or none that can be decoded."""
    dataset = exchange.request.dataset
    return dataset if dataset is not None else Dataset()


def text(exchange: Exchange, keyword: str) -> str:
    """Return a value of a request's data set as text; empty when it is not there."""
    value = information(exchange).get(keyword)
    return "" if value is None else str(value)


def items(dataset: Dataset, *keywords: str) -> list[Dataset]:
    """Return the items at the end of a way of sequences."""
    found = [dataset]
    for keyword in keywords:
        found = [item for one in found for item in one.get(keyword) or ()]
    return found


def action_type(exchange: Exchange) -> int:
    """Return the Action Type ID of an N-ACTION; 0 if it has none."""
    return int(exchange.request.command.get("ActionTypeID") or 0)


def done(exchange: Exchange) -> bool:
    """Whether the operation was done: success, or a warning."""
    return exchange.status == 0 or is_warning(exchange.status)


def ended(exchange: Exchange) -> datetime:
    """Return when the response came; when the request did, if there was none."""
    return exchange.response.time if exchange.response is not None else exchange.request.time


def began(exchange: Exchange) -> datetime:
    """Return when the request came."""
    return exchange.request.time


def named(uid: object) -> str:
    """Return a UID for a reader, with what it is; a trial SOP class is said to be one (T1)."""
    if not uid:
        return "none"
    known = UID(str(uid))
    return f"{known.name} ({known})" if known.name != known else str(known)


def trial(uid: str) -> bool:
    """Whether this is a SOP class of the trial implementation of UPS."""
    return uid.startswith(TRIAL)


def state_asked_for(exchange: Exchange) -> str:
    """Return the state that a Change UPS State asks for; empty when the exchange is none, or names none."""
    return text(exchange, "ProcedureStepState")


def changes_state(exchange: Exchange) -> bool:
    """Whether an N-ACTION is a Change UPS State, under its Action Type ID or by what it holds."""
    kind = action_type(exchange)
    # A wrong Action Type ID does not hide what was meant; the match keys of a subscription can name a state too.
    return kind == CHANGE_STATE or (kind not in (SUBSCRIBE, UNSUBSCRIBE, SUSPEND) and "ProcedureStepState" in information(exchange))


def answers(exchanges: Sequence[Exchange]) -> str:
    """Return how some requests were answered, in words."""
    said = (
        f"{e.service}: {e.failure}" if e.failure else f"{e.service} answered with {status_text(e.status, e.service)}"
        for e in exchanges
    )
    return ", ".join(dict.fromkeys(said))


def uids(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the UIDs of an attribute with one or more values."""
    value = dataset.get(keyword)
    if not value:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(str(one) for one in value)


def progress_of(update: Exchange) -> str:
    """Return Procedure Step Progress of an N-SET as text; empty when it has none."""
    for information_ in items(information(update), "ProcedureStepProgressInformationSequence"):
        value = information_.get("ProcedureStepProgress")
        return "" if value is None else str(value)
    return ""


def refused(exchange: Exchange) -> bool:
    """Whether an operation was refused."""
    return is_failure(exchange.status)


def until_done(exchanges: Iterable[Exchange]) -> tuple[Exchange, ...]:
    """Return some exchanges up to the first that was done."""
    found: list[Exchange] = []
    for exchange in exchanges:
        found.append(exchange)
        if done(exchange):
            break
    return tuple(found)


def of_ups(exchange: Exchange) -> bool:
    """Whether a query is about UPS, by its presentation context or the SOP class it names."""
    named_class = str(exchange.request.command.get("AffectedSOPClassUID") or "")
    return any(uid in UPS.ALL or trial(uid) for uid in (exchange.abstract_syntax, named_class))


def performed_items(update: Exchange) -> Sequence[Dataset]:
    """Return the items of the performed procedure of an update."""
    return items(information(update), "UnifiedProcedureStepPerformedProcedureSequence")


def knows_the_end(update: Exchange) -> bool:
    """Whether an update holds what is known at the end only: the end, the output, why it was discontinued."""
    performed = performed_items(update)
    progress = items(information(update), "ProcedureStepProgressInformationSequence")
    return any("PerformedProcedureStepEndDateTime" in one or one.get("OutputInformationSequence") for one in performed) or any(
        "ProcedureStepDiscontinuationReasonCodeSequence" in one or "ProcedureStepCancellationDateTime" in one for one in progress
    )


def names_an_output(update: Exchange) -> bool:
    """Whether an update names an output of the treatment."""
    return any(one.get("OutputInformationSequence") for one in performed_items(update))


def knows_the_station(update: Exchange) -> bool:
    """Whether an update names the station that performed."""
    return any("PerformedStationNameCodeSequence" in one for one in performed_items(update))


def knows_a_beam(update: Exchange) -> bool:
    """Whether an update is about a beam."""
    return bool(
        items(information(update), "ProcedureStepProgressInformationSequence", "ProcedureStepProgressParametersSequence")
        or items(information(update), "UnifiedProcedureStepPerformedProcedureSequence", "PerformedProcessingParametersSequence")
    )


def tells_progress(update: Exchange) -> bool:
    """Whether an update has a progress."""
    return "ProcedureStepProgressInformationSequence" in information(update)


def active_subscriptions(exchanges: Sequence[Exchange]) -> dict[tuple[str, str], str]:
    """Return what is left of the subscriptions after some requests: Deletion Lock by Receiving AE and instance.

    ``TRUE`` counts only if the lock was granted (status 0000, not B301). A suspension leaves the subscriptions to the UPS
    that are there, with their locks [CC.2.3.1 table CC.2.3-2]: as `SUSPENDED`.
    """
    active: dict[tuple[str, str], str] = {}
    for exchange in exchanges:
        if not done(exchange):
            continue
        receiver, target = text(exchange, "ReceivingAE"), exchange.instance_uid
        match action_type(exchange):
            case 3:
                lock = text(exchange, "DeletionLock") if exchange.status == 0 else "FALSE"
                active[receiver, target] = lock
                if target == GLOBAL:
                    active.pop((receiver, SUSPENDED), None)
            case 4 if target == GLOBAL:
                active = {key: lock for key, lock in active.items() if key[0] != receiver}
            case 4:
                active.pop((receiver, target), None)
            case 5:
                locks = [active.pop((receiver, everything), "") for everything in (GLOBAL, FILTERED)]
                if any(locks):
                    active[receiver, SUSPENDED] = max(locks)  # "TRUE", if one is
    return active

"""Defects of what is refused, or was not given: done, reported, or made up all the same [CC.2.2, CC.2.3, CC.2.4]."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt

from ..profile.ups_service import ACTION_TYPES, CANCEL_REQUESTED, STATE_REPORT, SUBSCRIBE, SUSPEND, UNSUBSCRIBE
from ..ups import FILTERED, GLOBAL, Event, Outcome
from .attributes import drop
from .hooks import Around, around, change_event, on_records
from .tms import PROCESSING_FAILURE, PROGRESS, SUCCESS, defect

RECEIVER_UNKNOWN, NO_SUCH_UPS = 0xC308, 0xC307


# --- subscriptions -----------------------------------------------------------------------------------------------------


@defect("subscribe-without-receiver-refused-but-done", "Refuses a subscription without Receiving AE, and subscribes the sender",
        "CC23-TMS-046", given=(SUBSCRIBE, False))  # fmt: skip
@defect("unsubscribe-without-receiver-refused-but-done", "Refuses to unsubscribe without Receiving AE, and unsubscribes the sender",
        "CC23-TMS-046", given=(UNSUBSCRIBE, False))  # fmt: skip
@defect("unsubscribe-globally-without-receiver-refused-but-done",
        "Refuses to unsubscribe globally without Receiving AE, and unsubscribes the sender", "CC23-TMS-046", given=(UNSUBSCRIBE, True))  # fmt: skip
def _done_for_the_sender(kind: int, everything: bool, tms: Any) -> None:
    def action(original: Around, event: Any, number: int) -> Outcome:
        outcome: Outcome = original(event, number)
        uid = str(event.request.RequestedSOPInstanceUID)
        if number == kind and outcome.status and "ReceivingAE" not in event.action_information and (uid == GLOBAL) is everything:
            sender = str(event.assoc.requestor.ae_title).strip()
            tms.worklist.subscribe(uid, sender, False) if kind == SUBSCRIBE else tms.worklist.unsubscribe(uid, sender)
        return outcome

    around(tms, "action", action)


@defect(
    "suspend-single-ups-refused-but-done", "Refuses to suspend for a single UPS, and unsubscribes the AE from it", "CC23-TMS-046"
)
def _single_suspended(tms: Any) -> None:
    def subscription(original: Around, instance: str, action: int, information: Dataset) -> Outcome:
        outcome: Outcome = original(instance, action, information)
        if action == SUSPEND and instance not in (GLOBAL, FILTERED) and outcome.status:
            tms.worklist.unsubscribe(instance, str(information.get("ReceivingAE") or ""))
        return outcome

    around(tms, "subscription", subscription)


@defect("filter-refused-but-done", "Answers C307 to a filtered global subscription, and makes it", "CC23-TMS-046")
def _filter_refused(tms: Any) -> None:
    def subscribe(original: Around, uid: str, *given: Any) -> Outcome:
        outcome: Outcome = original(uid, *given)
        return Outcome(NO_SUCH_UPS, "filtered global subscriptions are not supported") if uid == FILTERED else outcome

    around(tms.worklist, "subscribe", subscribe)


@defect("subscribe-with-any-lock-granted", "Takes a Deletion Lock that is neither TRUE nor FALSE for FALSE", "CC23-TMS-055")
def _any_lock(tms: Any) -> None:
    def subscription(original: Around, instance: str, action: int, information: Dataset) -> Outcome:
        if information.get("DeletionLock") and information.DeletionLock not in ("TRUE", "FALSE"):
            information.DeletionLock = "FALSE"
        outcome: Outcome = original(instance, action, information)
        return outcome

    around(tms, "subscription", subscription)


@defect(
    "end-for-an-unknown-receiver-0110", "Answers 0110 to the end of a subscription of an AE that it does not know", "CC23-TMS-056"
)
def _end_of_nobody(tms: Any) -> None:
    def subscription(original: Around, instance: str, action: int, information: Dataset) -> Outcome:
        outcome: Outcome = original(instance, action, information)
        if action in (UNSUBSCRIBE, SUSPEND) and outcome.status == RECEIVER_UNKNOWN:
            return Outcome(PROCESSING_FAILURE, outcome.comment)
        return outcome

    around(tms, "subscription", subscription)


@defect("suspend-everybody", "Suspends the global subscriptions of all AEs when one suspends its own", "CC23-TMS-057")
def _suspend_all(tms: Any) -> None:
    def suspend(original: Around, uid: str, receiver: str) -> Outcome:
        outcome: Outcome = original(uid, receiver)
        for other in tms.worklist.subscribers() if uid == GLOBAL and outcome.status == SUCCESS else ():
            if other != receiver:
                original(uid, other)
        return outcome

    around(tms.worklist, "suspend", suspend)


# --- reports -----------------------------------------------------------------------------------------------------------


def _report(tms: Any, uid: str) -> None:
    """Report a UPS as if something had happened to it."""
    if receivers := tms.worklist.subscriptions.of(uid):
        attributes = Dataset()
        attributes.ProcedureStepState, attributes.InputReadinessState = "IN PROGRESS", "READY"
        tms.reporter.post(Event(STATE_REPORT, uid, attributes), receivers)


@defect(
    "event-of-refused-creation", "Reports a UPS once more when it has refused to create it again", "CC24-TMS-004", given=("create",)
)
@defect("event-of-refused-cancel-request", "Reports a UPS when it has refused a request to cancel it", "CC24-TMS-004",
        given=("request_cancel",))  # fmt: skip
def _of_refused(method: str, tms: Any) -> None:
    def perform(original: Around, uid: str, *given: Any) -> Outcome:
        outcome: Outcome = original(uid, *given)
        if outcome.status not in (0x0000, 0xB300):
            _report(tms, uid)
        return outcome

    around(tms.worklist, method, perform)


@defect("event-of-an-unknown-action", "Reports a UPS when it has refused an action that there is not", "CC24-TMS-004")
def _of_unknown_action(tms: Any) -> None:
    def n_action(original: Around, event: Any) -> Any:
        if event.action_type not in ACTION_TYPES:
            _report(tms, str(event.request.RequestedSOPInstanceUID))
        return original(event)

    tms.server.wrap_handler(evt.EVT_N_ACTION, n_action)


# --- what a request to cancel does not give ------------------------------------------------------------------------------


@defect("event-cancel-request-with-empty-contact", "Tells in UPS Cancel Requested what the request did not give, without a value",
        "CC24-TMS-031")  # fmt: skip
def _empty_contact(tms: Any) -> None:
    def fill(information: Dataset) -> None:
        for keyword in ("ReasonForCancellation", "ContactURI", "ContactDisplayName"):
            if keyword not in information:
                setattr(information, keyword, None)

    change_event(tms, lambda event: event.type == CANCEL_REQUESTED, fill)


@defect("request-cancel-of-nothing-without-time",
        "Sets no Procedure Step Cancellation DateTime when a SCHEDULED UPS is canceled by a request without information",
        "CC22-TMS-004")  # fmt: skip
def _no_time(tms: Any) -> None:
    canceling: list[str] = []

    def request(original: Around, uid: str, information: Dataset | None, *given: Any) -> Outcome:
        canceling[:] = [] if information else [uid]
        outcome: Outcome = original(uid, information, *given)
        return outcome

    def without_time(attributes: Dataset, earlier: Any) -> None:
        if earlier is not None and earlier.uid in canceling and attributes.get("ProcedureStepState") == "CANCELED":
            for entry in attributes.get(PROGRESS) or ():
                drop(entry, "ProcedureStepCancellationDateTime")

    around(tms.worklist, "request_cancel", request)
    on_records(tms, without_time)

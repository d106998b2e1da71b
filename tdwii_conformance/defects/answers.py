"""Defects of the answers to DIMSE-N requests: the command set, the Transaction UID shown, the SOP class [CC.2.7, CC.3.1]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from ..profile.ups_service import UPS
from ..ups import Outcome
from ..ups.datasets import merged
from .deviations import Defect
from .hooks import Around, around, change_response, on_outcome, on_responses, set_command
from .tms import ANOTHER, N_ACTION, N_CREATE, N_GET, N_SET, PROCESSING_FAILURE, SUCCESS, UNSUITABLE, defect, one

INVALID_INSTANCE = 0x0117


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


@defect("n-action-response-of-another-action", "Names another Action Type ID in the response to N-ACTION", "CC31-TMS-011",
        given=(99,))  # fmt: skip
def _names_action(action: int, tms: Any) -> None:
    change_response(tms, N_ACTION, ActionTypeID=action)


@defect("create-without-uid-unnamed", "Takes an N-CREATE without SOP Instance UID, and does not name the UID of the UPS",
        "CC25-TMS-042", given=("unnamed",))  # fmt: skip
@defect("create-without-uid-names-another", "Takes an N-CREATE without SOP Instance UID, and names one under which there is no UPS",
        "CC25-TMS-042", given=("another",))  # fmt: skip
@defect("create-without-uid-refused-but-made", "Refuses an N-CREATE without SOP Instance UID, and makes a UPS all the same",
        "CC25-TMS-042", given=("refused",))  # fmt: skip
def gives_uid(answer: str, tms: Any) -> None:
    """Let an N-CREATE without SOP Instance UID make a UPS; its UID is ``"named"`` in the response, or it is not."""

    def create(original: Around, event: Any) -> Outcome:
        if event.request.AffectedSOPInstanceUID:
            given: Outcome = original(event)
            return given
        uid = generate_uid()
        outcome: Outcome = tms.worklist.create(uid, event.attribute_list)
        if outcome.status != SUCCESS or answer == "refused":
            return Outcome(outcome.status or INVALID_INSTANCE)
        named = Dataset()  # pynetdicom takes it from here
        named.AffectedSOPInstanceUID = {"named": uid, "another": generate_uid()}.get(answer, ANOTHER)
        return replace(outcome, dataset=named)

    def sent(message: Any, association: Any) -> None:
        if answer == "unnamed" and message.command_set.get("AffectedSOPInstanceUID") == ANOTHER:
            set_command(message.command_set, AffectedSOPInstanceUID=None)

    around(tms, "create", create)
    on_responses(tms, N_CREATE, sent)


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
        if message.command_set.get("Status") == 0x0123:
            set_command(message.command_set, Status=status)

    on_responses(tms, N_ACTION, sent)


@defect.rows
def _rows_of_refused_under() -> Iterator[Defect]:
    for context, name, uid, identifier in (
        ("pull", "UPS Pull", UPS.PULL, "CC31-TMS-001"), ("watch", "UPS Watch", UPS.WATCH, "CC31-TMS-002"),
        ("push", "UPS Push", UPS.PUSH, "CC31-TMS-003"),
    ):  # fmt: skip
        yield one(
            f"n-get-refused-under-{context}", f"Refuses N-GET under {name}", partial(_refused_under, uid), identifier,
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

"""Variations that were once taken for faults: each keeps a false alarm from coming back."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from ..profile.ups_service import ASSIGNED, CHANGE_STATE, PROGRESS_REPORT, REQUEST_CANCEL
from ..ups import Event, Outcome
from ..ups.datasets import picked, plain
from ..ups.events import progress_item
from .deviations import Rows, Variation
from .hooks import Around, around, on_responses, set_command
from .retrieval import RECORDS, rewritten
from .variations import C_MOVE, PROGRESS, SUCCESS, variation

__all__ = ["of_ost"]

NOT_AUTHORIZED, UNABLE, SOME_FAILED = 0x0124, 0xC000, 0xB000
STATION = "ScheduledStationNameCodeSequence"
OPERATORS_NAME = 0x00081070
TOLD = ("ProcedureStepProgress", "ProcedureStepProgressDescription")


@variation("events-of-repeated-values", "Reports progress and station that an N-SET brings once more, unchanged", "CC.2.4.3")
def _repeated(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        brought = plain(modification)
        outcome: Outcome = original(uid, modification)
        record = tms.worklist.store.get(uid)
        receivers = tms.worklist.subscriptions.of(uid)
        if outcome.status != SUCCESS or record is None or not receivers:
            return outcome
        told = {event.type for event in outcome.events}
        progress = picked(progress_item(record.attributes), TOLD)
        if PROGRESS_REPORT not in told and any(keyword in progress_item(brought) for keyword in TOLD):
            information = Dataset()
            setattr(information, PROGRESS, [progress])
            tms.reporter.post(Event(PROGRESS_REPORT, uid, information), receivers)
        if ASSIGNED not in told and brought.get(STATION):
            tms.reporter.post(Event(ASSIGNED, uid, picked(record.attributes, (STATION,))), receivers)
        return outcome

    around(tms.worklist, "set", perform)


@variation(
    "another-ae-not-authorized", "Refuses N-GET and Request UPS Cancel of an AE that neither made nor performs the UPS: 0124",
    "CC.2.7.3; CC.2.2.3",
)  # fmt: skip
def _not_authorized(tms: Any) -> None:
    known: dict[str, set[str]] = {}  # AE titles that made or claimed a UPS, by its UID

    def title(event: Any) -> str:
        return str(event.assoc.requestor.ae_title).strip()

    def create(original: Around, event: Any) -> Outcome:
        outcome: Outcome = original(event)
        if outcome.status == SUCCESS:
            known.setdefault(str(event.request.AffectedSOPInstanceUID), set()).add(title(event))
        return outcome

    def get(original: Around, event: Any) -> Outcome:
        uid = str(event.request.RequestedSOPInstanceUID)
        return Outcome(NOT_AUTHORIZED) if uid in known and title(event) not in known[uid] else original(event)

    def action(original: Around, event: Any, kind: int) -> Outcome:
        uid = str(event.request.RequestedSOPInstanceUID)
        if kind == REQUEST_CANCEL and uid in known and title(event) not in known[uid]:
            return Outcome(NOT_AUTHORIZED)
        outcome: Outcome = original(event, kind)
        if kind == CHANGE_STATE and outcome.status == SUCCESS:
            known.setdefault(uid, set()).add(title(event))
        return outcome

    around(tms, "create", create)
    around(tms, "get", get)
    around(tms, "action", action)


def _all_failed(command: Dataset) -> bool:
    return not command.get("NumberOfCompletedSuboperations") and not command.get("NumberOfWarningSuboperations")


def _move_fails_with_c000(simulator: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == SOME_FAILED and _all_failed(command):
            set_command(command, Status=UNABLE)

    on_responses(simulator, C_MOVE, sent)


@variation("move-fails-with-c000", "Answers C000 when the destination refuses the only instance", "PS3.4 C.4.2.1.5")
def _c000(tms: Any) -> None:
    _move_fails_with_c000(tms)


def _of_ost(name: str, sentence: str, apply: Any, source: str, unsupported: tuple[str, ...] = ()) -> Variation:
    return Variation(name, sentence, "OST", apply, source, unsupported)


of_ost = Rows(_of_ost)


@of_ost("ost-move-fails-with-c000", "Answers C000 when the destination refuses the only instance", "PS3.4 C.4.2.1.5")
def _ost_c000(ost: Any) -> None:
    _move_fails_with_c000(ost)


@of_ost(
    "ost-keeps-a-subset", "Keeps treatment records without Operators' Name, which is not among what it stores: level 0", "PS3.4 B.4",
    unsupported=("full-storage",),
)  # fmt: skip
def _subset(ost: Any) -> None:
    def add(original: Around, instance: Any) -> None:
        if instance.sop_class in RECORDS:
            instance = rewritten(instance, lambda dataset: dataset.pop(OPERATORS_NAME, None))
        original(instance)

    around(ost.instances, "add", add)

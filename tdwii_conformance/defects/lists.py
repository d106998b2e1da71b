"""Defects of what a request lists: attributes that it need not name, must not name, or that nobody has; many; another class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ..profile.ups_service import UPS
from ..ups import Outcome
from ..ups.datasets import merged
from .hooks import Around, abort, around, on_outcome
from .showing import on_get
from .tms import PROCESSING_FAILURE, defect

__all__: list[str] = []

RESERVED = (0x0000, 0x0002, 0x0004)  # groups of commands, of a file's meta information, of a directory


def _asked(event: Any) -> list[Any]:
    return [Tag(tag) for tag in event.attribute_identifiers or ()]


def _under(context: str) -> Callable[[Any], bool]:
    return lambda event: bool(event.context.abstract_syntax == context)


def _another_ae(event: Any) -> bool:
    return str(event.assoc.requestor.ae_title).strip() != "TDD"


# --- N-GET --------------------------------------------------------------------------------------------------------------


@defect("get-lock-under-push", "Returns the Transaction UID when it is asked for under UPS Push", "CC27-TMS-005",
        given=(_under(UPS.PUSH),))  # fmt: skip
@defect("get-lock-under-watch", "Returns the Transaction UID when it is asked for under UPS Watch", "CC27-TMS-005",
        given=(_under(UPS.WATCH),))  # fmt: skip
@defect("get-lock-by-another-ae", "Returns the Transaction UID when an AE asks for it that does not perform the UPS", "CC27-TMS-005",
        given=(_another_ae,))  # fmt: skip
def _lock_shown(whom: Callable[[Any], bool], tms: Any) -> None:
    def get(outcome: Outcome, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if record is None or outcome.dataset is None or Tag("TransactionUID") not in _asked(event) or not whom(event):
            return outcome
        shown = merged(outcome.dataset)
        shown.TransactionUID = record.lock
        return replace(outcome, dataset=shown)

    on_outcome(tms, "get", get)


@defect("get-long-list-cut", "Returns of the attributes asked for the first twenty", "CC27-TMS-003")
def _cut(tms: Any) -> None:
    def cut(shown: Dataset, tags: list[Any], event: Any) -> None:
        for tag in tags[20:]:
            if tag in shown:
                del shown[tag]

    on_get(cut, tms)


@defect("get-private-under-push-refused", "Refuses N-GET of a private attribute under UPS Push", "CC27-TMS-016", given=(UPS.PUSH,))
@defect("get-private-under-watch-refused", "Refuses N-GET of a private attribute under UPS Watch", "CC27-TMS-017",
        given=(UPS.WATCH,))  # fmt: skip
def _private_refused(context: str, tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        private = any(tag.is_private for tag in _asked(event))
        return Outcome(PROCESSING_FAILURE) if private and _under(context)(event) else original(event)

    around(tms, "get", get)


@defect(
    "get-shows-elements-of-files", "Shows Transfer Syntax UID of a file's meta information when it is asked for", "CC27-TMS-030"
)
def _elements_of_files(tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        if Tag("TransferSyntaxUID") in tags:
            shown.TransferSyntaxUID = "1.2.840.10008.1.2"

    on_get(show, tms)


@defect("get-shows-elements-of-commands", "Shows Message ID, an element of a command, when it is asked for", "CC27-TMS-030")
def _elements_of_commands(tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        if Tag("MessageID") in tags:
            shown.MessageID = 1

    on_get(show, tms)


@defect("get-of-reserved-groups-aborts", "Aborts on an N-GET of an element that no data set has", "CC27-TMS-030")
def _aborts(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        if any(tag.group in RESERVED for tag in _asked(event)):
            abort(event.assoc)
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)

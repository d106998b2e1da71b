"""How a C-MOVE goes on and ends, of the OST and of the TMS alike: what a response has that it should not."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from .deviations import Rows
from .hooks import on_responses, set_command
from .retrieval import ANOTHER, C_MOVE_RSP, PENDING, of_both

__all__ = ["defect"]

CANCELED, SOME_FAILED, ALL_FAILED, NOWHERE, UNABLE = 0xFE00, 0xB000, 0xA702, 0xA801, 0xC000
REMAINING, COMPLETED, FAILED, WARNING = (f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning"))
NO_DATA_SET = 0x0101

defect = Rows(of_both)


def _on_status(status: int, change: Callable[[Any, Any], None], simulator: Any) -> None:
    """Let `change` (message, association) alter the responses with a status."""

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == status:
            change(message, association)

    on_responses(simulator, C_MOVE_RSP, sent)


# --- what a response has that it should not -----------------------------------------------------------------------------


def _with_identifier(message: Any, association: Any) -> None:
    failed = Dataset()
    failed.FailedSOPInstanceUIDList = ANOTHER
    implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
    message.data_set = BytesIO(encode(failed, implicit, True) or b"")
    set_command(message.command_set, CommandDataSetType=0x0001)


@defect("identifier-with-pending", "Sends an identifier with Pending", "014")
def _identifier_with_pending(simulator: Any) -> None:
    _on_status(PENDING, _with_identifier, simulator)


@defect("remaining-in-warning", "Has Number of Remaining Sub-operations in a final Warning or Failure", "013")
def _remaining_in_warning(simulator: Any) -> None:
    for status in (SOME_FAILED, ALL_FAILED):
        _on_status(status, lambda message, association: set_command(message.command_set, **{REMAINING: 0}), simulator)

"""What the operations of a UPS SCP come to: status, response, events [CC.2]."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from .events import Event

__all__ = [
    "CANNOT_PROCESS", "IDENTIFIER_DOES_NOT_FIT", "INVALID_ARGUMENT", "INVALID_INSTANCE", "INVALID_VALUE",
    "NOT_FOR_THIS_INSTANCE", "NO_SUCH_UPS", "SUCCESS", "IdentifierError", "Outcome",
]  # fmt: skip

SUCCESS = 0x0000
INVALID_VALUE, INVALID_ARGUMENT, INVALID_INSTANCE, NO_SUCH_UPS = 0x0106, 0x0115, 0x0117, 0xC307
NOT_FOR_THIS_INSTANCE = 0xC314
IDENTIFIER_DOES_NOT_FIT, CANNOT_PROCESS = 0xA900, 0xC000


class IdentifierError(ValueError):
    """A query cannot be answered.

    Parameters
    ----------
    status : int
        C-FIND status.
    comment : str
        Why.
    """

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status, self.comment = status, comment


@dataclass(frozen=True)
class Outcome:
    """What an operation answers, and what follows from it.

    Parameters
    ----------
    status : int
        DIMSE status.
    comment : str
        Error Comment.
    dataset : Dataset or None
        Attribute list of the response.
    events : tuple of Event
        What is reported, in order.
    """

    status: int
    comment: str = ""
    dataset: Dataset | None = None
    events: tuple[Event, ...] = ()

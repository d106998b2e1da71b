"""Who takes part in a sequence, and the form in which what is told about a UPS is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from ..checks import Finding
from ..scu.tdd import TDD
from ..scu.watcher import Watcher
from ..treatment.messages import item
from ..workitems.clean_up import end

__all__ = ["Environment", "Reported", "Subject", "reported"]

Reported = tuple[int, str, tuple[Any, ...]]  # Event Type ID, SOP Instance UID, facts


@dataclass
class Environment:
    """What a sequence drives, and whom it tells.

    Parameters
    ----------
    performers : sequence of TDD
        Who creates and changes UPS, at least one.
    watchers : sequence of Watcher
        Who subscribes; may be empty.
    attributes : Dataset
        What a UPS is created with.
    final : Dataset
        What is set before a final state.
    new_marker : callable
        Creates a UPS for `Watcher.caught_up`.
    judge : callable
        Takes findings; raises if one is a fault.
    begin : callable
        Called at the start of each sequence.
    cancels : bool
        Whether the TMS claims Request UPS Cancel.
    marker : str
        A UPS of `new_marker` that can be used more than once.
    """

    performers: Sequence[TDD]
    watchers: Sequence[Watcher]
    attributes: Dataset
    final: Dataset
    new_marker: Callable[[], str]
    judge: Callable[[Iterable[Finding]], object]
    begin: Callable[[], object]
    cancels: bool
    marker: str = ""

    def end(self, uid: str, state: str, lock: str = "") -> None:
        """Bring a UPS to CANCELED: nothing stays on a worklist that is not ours.

        Parameters
        ----------
        uid : str
            SOP Instance UID.
        state : str
            The state it is in.
        lock : str
            Transaction UID of one that is IN PROGRESS.
        """
        end(self.performers[0], uid, state, lock, by_request=self.cancels)


@dataclass
class Subject:
    """A UPS that a sequence has created, or only talks about.

    Parameters
    ----------
    number : int
        Its number in the sequence, from 1; 0 if it does not exist.
    uid : str
        SOP Instance UID.
    lock : str
        Transaction UID by which it was claimed.
    """

    number: int
    uid: str
    lock: str = ""

    def __str__(self) -> str:
        return f"UPS {self.number}" if self.number else "a UPS that does not exist"


def reported(kind: int, uid: str, information: Dataset | None) -> Reported:
    """Bring an event into the form in which it is compared: what a report must tell, not what it may [PS3.4 table CC.2.4-1].

    Parameters
    ----------
    kind : int
        Event Type ID.
    uid : str
        SOP Instance UID.
    information : Dataset or None
        Event Information.

    Returns
    -------
    tuple
        Event Type ID, SOP Instance UID, and the facts told.
    """
    information = information if information is not None else item()
    match kind:
        case 1:
            return kind, uid, (information.get("ProcedureStepState"), information.get("InputReadinessState"))
        case 2:
            return kind, uid, (information.get("RequestingAE"), information.get("ReasonForCancellation"))
        case 5:
            stations = information.get("ScheduledStationNameCodeSequence") or ()
            return kind, uid, tuple(str(code.get("CodeValue")) for code in stations)
        case _:
            return kind, uid, ()

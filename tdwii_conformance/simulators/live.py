"""What happens in running simulators, in one line each: for the operator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt

from ..profile import ups_service
from ..profile.statuses import status_text
from ..profile.ups_service import ACTION_TYPES, CHANGE_STATE, SUBSCRIBE, UNSUBSCRIBE
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import OPEN, Association
from ..ups import FILTERED, GLOBAL
from ..ups.events import progress_item
from .simulator import Simulator

__all__ = ["Happening", "Live", "OpenAssociation", "about", "spoken"]

SUCCESS = 0x0000


@dataclass(frozen=True)
class Happening:
    """Something that happened.

    Parameters
    ----------
    time : datetime
        When.
    actor : str
        AE title of the simulator in which it happened.
    text : str
        What, in one line; parts of it are a peer's own words.
    kind : {"association", "exchange", "file", "note"}
        What sort of thing.
    workitem : str
        SOP Instance UID of the workitem it is about; empty if about none.
    refused : bool
        Whether the answer was not success.
    """

    time: datetime
    actor: str
    text: str
    kind: str
    workitem: str = ""
    refused: bool = False


@dataclass(frozen=True)
class OpenAssociation:
    """An association that stands."""

    actor: str
    calling: str
    since: datetime


class Live:
    """Reports what happens in simulators. Safe to use from many threads.

    Parameters
    ----------
    tell : callable
        Called with each `Happening`, in the thread in which it happens; it must not wait.
    """

    def __init__(self, tell: Callable[[Happening], object]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._open: dict[int, OpenAssociation] = {}
        self._titles: set[str] = set()

    @property
    def associations(self) -> list[OpenAssociation]:
        """Those that were requested of us and stand, oldest first."""
        with self._lock:
            return list(self._open.values())

    def attend(self, simulator: Simulator) -> None:
        """Hear of the associations of a simulator; before its start."""
        server = simulator.server
        title = server.ae_title
        self._titles.add(title)
        server.add_handler(evt.EVT_ACCEPTED, partial(self._accepted, title))
        server.add_handler(evt.EVT_CONN_CLOSE, self._closed)

    def _accepted(self, title: str, event: Any) -> None:
        calling = str(event.assoc.requestor.ae_title).strip()
        with self._lock:
            self._open[id(event.assoc)] = OpenAssociation(title, calling, datetime.now())
        self.note(title, f"{calling}: associated", kind="association")

    def _closed(self, event: Any) -> None:
        with self._lock:
            self._open.pop(id(event.assoc), None)

    def ended(self, actor: str) -> Callable[[Association], None]:
        """Return what a simulator calls with each association that has ended."""

        def tell(association: Association) -> None:
            # Our own associations show in their requests; their end is reported only when it is not a release.
            ours = association.requestor == actor
            if association.ended == OPEN:
                return  # it was reported when it was accepted
            if not ours or association.ended != "released":
                other = association.acceptor if ours else association.requestor
                self.note(actor, f"{other or 'unknown caller'}: {association.ended}", kind="association")

        return tell

    def transcript(self, actor: str) -> Transcript:
        """Return a transcript that reports each exchange and keeps none."""
        return _Reporting(partial(self._exchange, actor))

    def _exchange(self, actor: str, exchange: Exchange) -> None:
        if exchange.requestor == actor and exchange.acceptor in self._titles and not exchange.failure:
            return  # the other end reports it
        uid = exchange.instance_uid if exchange.service.startswith("N-") else ""
        refused = bool(exchange.failure) or exchange.status != SUCCESS
        text = f"{exchange.requestor}: {spoken(exchange)}" if exchange.requestor != actor else spoken(exchange, to_other=True)
        self._tell(Happening(datetime.now(), actor, text, "exchange", uid, refused))

    def note(self, actor: str, text: str, *, kind: str = "note", workitem: str = "", refused: bool = False) -> None:
        """Tell something else."""
        self._tell(Happening(datetime.now(), actor, text, kind, workitem, refused))


class _Reporting(Transcript):
    """A transcript that keeps nothing."""

    def __init__(self, tell: Callable[[Exchange], None]) -> None:
        super().__init__()
        self._report = tell

    def append(self, exchange: Exchange) -> None:
        """Hand on an exchange."""
        self._report(exchange)


def spoken(exchange: Exchange, *, to_other: bool = False) -> str:
    """Return what an exchange was about, in one line, and its status when that is not success.

    Parameters
    ----------
    exchange : Exchange
        What happened.
    to_other : bool
        Whether it was sent to another AE, which is then named.
    """
    whom = f" to {exchange.acceptor}" if to_other else ""
    text = f"{exchange.service}{whom}{about(exchange)}"
    if exchange.failure:
        return f"{text}: {exchange.failure}"
    if exchange.status == SUCCESS:
        return text
    comment = exchange.response.command.get("ErrorComment") if exchange.response else None
    return f"{text}: {status_text(exchange.status, exchange.service)}{f', {comment}' if comment else ''}"


def about(exchange: Exchange) -> str:
    """Return what a request asks for, or what came of it, to follow the name of its service; empty if there is nothing to say.

    Parameters
    ----------
    exchange : Exchange
        What happened.
    """
    command = exchange.request.command
    data = exchange.request.dataset or Dataset()
    match exchange.service:
        case "C-FIND":
            count = len(exchange.pending)
            return f", {count} match{'' if count == 1 else 'es'}"
        case "C-STORE":
            return f" of {UID(str(command.get('AffectedSOPClassUID') or '')).name.removesuffix(' Storage')}"
        case "C-MOVE" | "C-GET":
            final = exchange.response.command if exchange.response else Dataset()
            count = final.get("NumberOfCompletedSuboperations")
            done = f", {count} instance{'' if count == 1 else 's'}" if count is not None else ""
            return (f" to {command.get('MoveDestination')}" if exchange.service == "C-MOVE" else "") + done
        case "N-ACTION":
            return f", {_action(command, data)}"
        case "N-SET":
            return f"{_progress(data)}{', results' if data.get('UnifiedProcedureStepPerformedProcedureSequence') else ''}"
        case "N-EVENT-REPORT":
            return f", {event_text(int(command.get('EventTypeID') or 0), data)}"
    return ""


def _action(command: Dataset, data: Dataset) -> str:
    number = command.get("ActionTypeID")
    if number == CHANGE_STATE:
        return str(data.get("ProcedureStepState") or "no state")
    instance = str(command.get("RequestedSOPInstanceUID") or "")
    scope = {GLOBAL: " to everything", FILTERED: " to a filter"}.get(instance, "") if number in (SUBSCRIBE, UNSUBSCRIBE) else ""
    lock = " with deletion lock" if data.get("DeletionLock") == "TRUE" else ""
    return f"{ACTION_TYPES.get(number or 0, f'action type {number}')}{scope}{lock}"


def _progress(data: Dataset) -> str:
    progress = progress_item(data).get("ProcedureStepProgress")
    return f", {progress} %" if progress not in (None, "") else ""


def event_text(kind: int, information: Dataset) -> str:
    """Return what an event report says, in a few words [CC.2.4].

    Parameters
    ----------
    kind : int
        Event Type ID.
    information : Dataset
        The event information.
    """
    match kind:
        case ups_service.STATE_REPORT:
            readiness = information.get("InputReadinessState")
            said = f"state {information.get('ProcedureStepState')}"
            return said if readiness in (None, "", "READY") else f"{said}, inputs {readiness}"
        case ups_service.CANCEL_REQUESTED:
            return f"cancel requested by {information.get('RequestingAE')}"
        case ups_service.PROGRESS_REPORT:
            return f"progress{_progress(information) or ' without a number'}".replace("progress, ", "progress ")
        case ups_service.STATUS_CHANGE:
            return f"SCP {information.get('SCPStatus')}, {information.get('UnifiedProcedureStepListStatus')}"
        case ups_service.ASSIGNED:
            station = next(iter(information.get("ScheduledStationNameCodeSequence") or ()), Dataset())
            return f"assigned to {station.get('CodeValue') or 'somebody'}"
    return f"event type {kind}"

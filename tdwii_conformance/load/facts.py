"""What is kept of an exchange for the history of a run: a few values, and none of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from pydicom.dataset import Dataset

from ..checks.events import event_type
from ..profile.ups_service import CHANGE_STATE, PROGRESS_REPORT, STATE_REPORT, SUBSCRIBE, UNSUBSCRIBE
from ..transcript.answers import answered
from ..transcript.exchange import Exchange, Transcript
from .clock import Clock

__all__ = ["NAMES", "Fact", "Facts", "Subscription", "fact_of"]

Kind = Literal["create", "query", "claim", "set", "end", "get", "report", "subscribe", "unsubscribe", "move", "store", "other"]
CLAIMED = "IN PROGRESS"
# How requests are named in the figures, by their kind.
NAMES = {
    "query": "RO-58 query", "claim": "RO-60 claim", "set": "RO-62 update", "store": "RO-63 store record", "end": "RO-65 end",
    "create": "N-CREATE", "get": "N-GET", "subscribe": "subscribe", "unsubscribe": "unsubscribe", "move": "RO-59/61 retrieve",
    "final": "RO-64 final update",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One exchange, as far as the history of a workitem needs it.

    Parameters
    ----------
    kind : str
        What it was about: ``create``, ``query``, ``claim``, ``set``, ``end``, ``get``, ``report``, ``subscribe``,
        ``unsubscribe``, ``move``, ``store`` or ``other``.
    who : str
        AE title of the one who asked; of an event report, of the one who received it.
    workitem : str
        SOP Instance UID of the UPS; of a query and of all that is about no UPS, empty.
    began, ended : float
        When the request was sent, and the last response had come, in seconds since 1970.
    status : int or None
        The final status; ``None`` if none came.
    done : bool
        Whether it was answered with success, or with a warning that belongs to it.
    failure : str
        Why it was not answered; empty if it was.
    transaction : str
        Transaction UID of the request.
    state : str
        Procedure Step State that was asked for, is shown, is reported or is a key of the query.
    progress : str
        Procedure Step Progress that is set, shown or reported.
    station : str
        Scheduled station's code, of a creation or as a key of a query.
    start : str
        Scheduled Procedure Step Start DateTime, of a creation or as a key of a query.
    found : tuple of str
        SOP Instance UIDs that a query found.
    event : int
        Event Type ID of a report.
    """

    kind: Kind
    who: str
    workitem: str
    began: float
    ended: float
    status: int | None = None
    done: bool = False
    failure: str = ""
    transaction: str = ""
    state: str = ""
    progress: str = ""
    station: str = ""
    start: str = ""
    found: tuple[str, ...] = ()
    event: int = 0

    @property
    def reported(self) -> str:
        """What an event report is about."""
        if self.event == STATE_REPORT:
            return self.state
        return f"progress {self.progress}" if self.event == PROGRESS_REPORT else f"event of type {self.event}"

    def to_json(self) -> dict[str, Any]:
        """Return what a message to another process holds: the values that are not the usual ones."""
        return {name: value for name, value in asdict(self).items() if value or name in ("status", "began", "ended")}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        """Return the fact that `to_json` wrote."""
        usual: dict[str, Any] = {"workitem": "", "who": "", "kind": "other"}
        return cls(**usual | {name: tuple(value) if name == "found" else value for name, value in said.items()})


@dataclass(frozen=True)
class Subscription:
    """When and how a subscription to all UPS stood.

    Parameters
    ----------
    receiver : str
        The AE that gets the reports.
    since : float
        When it had been granted.
    until : float
        When its end was asked for; infinite as long as it stands.
    lapses : tuple of (float, float)
        When reports may have been lost: from shortly before each restart of the TMS until the next report came.
    """

    receiver: str
    since: float
    until: float = float("inf")
    lapses: tuple[tuple[float, float], ...] = ()

    def owes(self, cause: Fact) -> bool:
        """Whether what a request changed is to be reported."""
        return (
            self.since < cause.began
            and cause.ended < self.until
            and not any(begin < cause.ended and cause.began < end for begin, end in self.lapses)
        )


def fact_of(exchange: Exchange, clock: Clock) -> Fact:
    """Return what is kept of an exchange that has just ended, with the times of the run's clock."""
    began = exchange.request.time.timestamp()
    ended = exchange.responses[-1].time.timestamp() if exchange.responses else began
    began, ended = clock.of(began, ended)
    kind, more = _about(exchange)
    return Fact(
        kind=kind,
        who=exchange.acceptor if kind == "report" else exchange.requestor,
        workitem=exchange.instance_uid if exchange.service.startswith("N-") else "",
        began=began,
        ended=ended,
        status=exchange.status,
        done=answered(exchange) in ("done", "warning"),
        failure=exchange.failure,
        **more,
    )


def _about(exchange: Exchange) -> tuple[Kind, dict[str, Any]]:
    """Return what an exchange is about, and the values that matter for it."""
    asked, answer = exchange.request.dataset, exchange.dataset
    if exchange.service == "N-ACTION":
        return _action(exchange)
    if exchange.service == "N-SET":
        return "set", {"transaction": _text(asked, "TransactionUID"), "progress": _progress(asked)}
    if exchange.service == "N-GET":
        return "get", {"state": _text(answer, "ProcedureStepState"), "progress": _progress(answer)}
    if exchange.service == "N-EVENT-REPORT":
        state, progress = _text(asked, "ProcedureStepState"), _progress(asked)
        return "report", {"event": event_type(exchange), "state": state, "progress": progress}
    if exchange.service in ("N-CREATE", "C-FIND"):
        where = {"station": _station(asked), "start": _text(asked, "ScheduledProcedureStepStartDateTime")}
        if exchange.service == "N-CREATE":
            return "create", where
        found = exchange.matches
        return "query", {**where, "state": _text(asked, "ProcedureStepState"), "found": found}
    return ("move" if exchange.service == "C-MOVE" else "store" if exchange.service == "C-STORE" else "other"), {}


def _action(exchange: Exchange) -> tuple[Kind, dict[str, Any]]:
    action = exchange.request.command.get("ActionTypeID")
    if action == CHANGE_STATE:
        asked = exchange.request.dataset
        state = _text(asked, "ProcedureStepState")
        return "claim" if state == CLAIMED else "end", {"state": state, "transaction": _text(asked, "TransactionUID")}
    return ("subscribe" if action == SUBSCRIBE else "unsubscribe" if action == UNSUBSCRIBE else "other"), {}


def _text(dataset: Dataset | None, keyword: str) -> str:
    value = dataset.get(keyword) if dataset is not None else None
    return "" if value is None else str(value)


def _progress(dataset: Dataset | None) -> str:
    items = dataset.get("ProcedureStepProgressInformationSequence") if dataset is not None else None
    return _text(items[0], "ProcedureStepProgress") if items else ""


def _station(dataset: Dataset | None) -> str:
    items = dataset.get("ScheduledStationNameCodeSequence") if dataset is not None else None
    return _text(items[0], "CodeValue") if items else ""


class Facts(Transcript):
    """A transcript that keeps facts instead of exchanges, and hands each exchange on as it ends.

    Parameters
    ----------
    seen : callable
        Called with each exchange and its fact, in the thread in which it ended.
    clock : Clock
        The time of the run.
    """

    def __init__(self, seen: Callable[[Exchange, Fact], None], clock: Clock) -> None:
        super().__init__()
        self._seen, self._clock = seen, clock

    def append(self, exchange: Exchange) -> None:
        """Hand an exchange on, and keep nothing of it."""
        self._seen(exchange, fact_of(exchange, self._clock))

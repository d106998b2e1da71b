"""What has become of a workitem of a run, by the exchanges about it: its state, its lock, what was changed in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from ..profile.statuses import is_failure
from ..profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE
from ..scu.treatment_session import ScheduledWorkitem
from ..transcript.exchange import Exchange
from ..treatment.workitems import OF_A_WORKITEM

__all__ = ["FINAL", "Kept", "Kit"]

FINAL = ("COMPLETED", "CANCELED")
CHANGING = ("N-ACTION", "N-SET", "N-CREATE")
OF_SUBSCRIPTIONS = (SUBSCRIBE, UNSUBSCRIBE, SUSPEND)


@dataclass
class Kept:
    """A workitem and what has become of it.

    Parameters
    ----------
    workitem : ScheduledWorkitem
        As it was when it was made or found.
    state : str
        Procedure Step State, as far as the exchanges tell.
    lock : str
        Transaction UID of its claim; empty before.
    changed : set of str
        Keywords of what accepted N-SETs brought.
    unsure : str
        Why its state is not known; such a workitem is not used again. Empty: it is known.
    role : str
        Shared by those who look at it, or change it, in the same way; empty: for any one.
    held : bool
        Whether a module of tests still uses it.
    """

    workitem: ScheduledWorkitem
    state: str = "SCHEDULED"
    lock: str = ""
    changed: set[str] = field(default_factory=set)
    unsure: str = ""
    role: str = ""
    held: bool = False

    @property
    def as_it_is(self) -> ScheduledWorkitem:
        """The workitem without the facts that an N-SET has made untrue."""
        stale = {name for name, keyword in OF_A_WORKITEM.items() if keyword in self.changed}
        if stale.isdisjoint(self.workitem.facts):
            return self.workitem
        return replace(self.workitem, facts={name: said for name, said in self.workitem.facts.items() if name not in stale})

    def see(self, exchange: Exchange) -> None:
        """Take note of an exchange about it."""
        if exchange.service not in CHANGING or _action(exchange) in OF_SUBSCRIPTIONS:
            return
        if exchange.status is None:
            self.unsure = f"an {exchange.service} was not answered"
        elif not is_failure(exchange.status):
            self._done(exchange)

    def _done(self, exchange: Exchange) -> None:
        sent = exchange.request.dataset
        if exchange.service == "N-CREATE":
            self.unsure = "a second N-CREATE of it was accepted"
        elif exchange.service == "N-SET":
            self.changed |= {element.keyword for element in sent or () if element.keyword != "TransactionUID"}
        elif _action(exchange) == REQUEST_CANCEL:
            self.state = "CANCELED" if self.state == "SCHEDULED" else self.state
        elif _action(exchange) == CHANGE_STATE and sent is not None:
            self._moved(str(sent.get("ProcedureStepState") or ""), str(sent.get("TransactionUID") or ""))
        else:
            self.unsure = "an unknown action on it was accepted"

    def _moved(self, state: str, lock: str) -> None:
        if state == "IN PROGRESS" and self.state == "SCHEDULED" and lock:
            self.state, self.lock = state, lock
        elif state in FINAL and lock == self.lock != "":
            self.state = state if self.state not in FINAL else self.state
        else:
            self.unsure = f"a change to {state!r} was accepted, which is against the state table"


def _action(exchange: Exchange) -> int | None:
    kind = exchange.request.command.get("ActionTypeID")
    return None if exchange.service != "N-ACTION" or kind is None else int(kind)


class Kit:
    """The workitems of a run that were handed out once.

    Parameters
    ----------
    wire : sequence of Exchange
        Every exchange of the run; it may be cut at its end, and grows.
    """

    def __init__(self, wire: Sequence[Exchange]) -> None:
        self.all: list[Kept] = []
        self._known: dict[str, Kept] = {}
        self._wire = wire
        # By identity, held weakly: the wire may be cut at its end and grow again to the same length.
        self._seen: WeakValueDictionary[int, Exchange] = WeakValueDictionary({id(one): one for one in wire})

    def add(self, workitem: ScheduledWorkitem) -> Kept:
        """Take a new workitem in; what was exchanged before is not about what becomes of it."""
        self.look()
        kept = Kept(workitem)
        self.all.append(kept)
        self._known[workitem.uid] = kept
        return kept

    def look(self) -> None:
        """Take note of what was exchanged since the last time."""
        wire = list(self._wire)
        mark = len(wire)
        while mark and self._seen.get(id(wire[mark - 1])) is not wire[mark - 1]:
            mark -= 1
        for exchange in wire[mark:]:
            self._seen[id(exchange)] = exchange
            if (kept := self._known.get(exchange.instance_uid)) is not None:
                kept.see(exchange)

    def usable(self, state: str) -> list[Kept]:
        """Return those that are in a state, as far as one can know, the least changed first."""
        self.look()
        return sorted((k for k in self.all if k.state == state and not k.unsure), key=lambda kept: len(kept.changed))

    def doubt(self, uids: Iterable[str], reason: str) -> None:
        """Use some workitems no more."""
        uids = set(uids)
        for kept in self.all:
            if kept.workitem.uid in uids and not kept.unsure:
                kept.unsure = reason

"""What has to be reported to subscribers, and to whom, by the requests that were granted [CC.2.3, CC.2.4]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pydicom.dataset import Dataset

from ...profile.catalogue import Catalogue
from ...profile.ups_service import (
    ASSIGNED,
    CANCEL_REQUESTED,
    FILTERED,
    GLOBAL,
    PROGRESS_REPORT,
    STATE_REPORT,
    SUBSCRIBE,
    SUSPEND,
    UNSUBSCRIBE,
)
from ...profile.ups_tables import NO_UPS, SUBSCRIPTION_STATES
from ...transcript.exchange import Exchange
from .answers import PROGRESS
from .belief import CANCELED, IN_PROGRESS, SCHEDULED, Workitem, World, begun

__all__ = ["READINESS", "STATION", "SUSPENDED", "Cause", "Ledger", "Owed"]

NOT_SUBSCRIBED, WITH_LOCK, WITHOUT_LOCK = SUBSCRIPTION_STATES
STATION, PERFORMERS, READINESS = "ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence", "InputReadinessState"
NO_LOCK_GRANTED = 0xB301
SUSPENDED = "suspended"  # the subscription to what will be created
# What of the progress is reported when it changes [CC.2.4.3].
REPORTED = ("ProcedureStepProgress", "ProcedureStepProgressDescription", "ProcedureStepCommunicationsURISequence")


@dataclass(frozen=True)
class Cause:
    """Something that happened to a workitem, and is reported.

    Parameters
    ----------
    exchange : Exchange
        The request that was granted.
    uid : str
        SOP Instance UID of the workitem.
    kind : int
        Event Type ID.
    state : str
        What a UPS State Report says; empty if any will do.
    ids : tuple of str
        The requirements that it be reported.
    """

    exchange: Exchange
    uid: str
    kind: int
    state: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Owed:
    """An event report that a receiver has to get.

    Parameters
    ----------
    receiver : str
        AE title.
    cause : Cause
        Why.
    """

    receiver: str
    cause: Cause


@dataclass
class Receiver:
    """What is known of the subscriptions of an AE; ``None`` where it is not known.

    Parameters
    ----------
    everything : bool or None
        Whether it has a global subscription.
    lock : bool
        Whether that is one with lock.
    filtered : bool
        Whether it may have a filtered one.
    of : dict of str to str
        By workitem: Not Subscribed, Subscribed with Lock, Subscribed w/o Lock.
    subscribed : list of (Exchange, str)
        What it has tried to subscribe to: by which request, and what.
    ended : list of (Exchange, str, tuple of str)
        What it has unsubscribed from: by which request, what, and the requirements on that.
    """

    everything: bool | None = None
    lock: bool = False
    filtered: bool = False
    of: dict[str, str] = field(default_factory=dict)
    subscribed: list[tuple[Exchange, str]] = field(default_factory=list)
    ended: list[tuple[Exchange, str, tuple[str, ...]]] = field(default_factory=list)


class Ledger:
    """Who has subscribed to what, and what is owed to whom.

    Parameters
    ----------
    catalogue : Catalogue
        The requirements.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.receivers: dict[str, Receiver] = {}
        self.owed: list[Owed] = []
        self.causes: list[Cause] = []
        self.created: dict[str, datetime] = {}
        self._cells = {one.cell: one.id for one in catalogue.cells("CC.2.3")}

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def subscription(self, exchange: Exchange, items: dict[str, Workitem]) -> None:
        """Take note of an N-ACTION that subscribes, unsubscribes or suspends, and was granted.

        Parameters
        ----------
        exchange : Exchange
            The request.
        items : dict of str to Workitem
            What is known of workitems.
        """
        asked = exchange.request.dataset if exchange.request.dataset is not None else Dataset()
        title, target = str(asked.get("ReceivingAE") or "").strip(), exchange.instance_uid
        if not title:
            return
        receiver = self.receivers.setdefault(title, Receiver())
        if exchange.request.command.get("ActionTypeID") == SUBSCRIBE:
            receiver.subscribed.append((exchange, target))
        kind, lock = exchange.request.command.get("ActionTypeID"), asked.get("DeletionLock") == "TRUE"
        if exchange.status != 0 and exchange.status != NO_LOCK_GRANTED:
            return
        granted = lock and exchange.status == 0
        if kind == SUBSCRIBE:
            self._subscribed(exchange, title, receiver, target, lock, granted, items)
        elif kind == UNSUBSCRIBE:
            self._unsubscribed(exchange, receiver, target)
        elif kind == SUSPEND:
            receiver.everything = False if receiver.everything is not None else None
            receiver.ended.append((exchange, SUSPENDED, ("CC23-TMS-038",)))

    def _cell(self, event: str, state: str | None) -> tuple[str, ...]:
        one = self._cells.get((event, state or ""))
        return (one,) if one else ()

    def _subscribed(
        self, exchange: Exchange, title: str, receiver: Receiver, target: str, lock: bool, granted: bool, items: dict[str, Workitem]
    ) -> None:
        with_lock = "with lock" if lock else "w/o lock"
        if target == FILTERED:
            receiver.filtered = True
        elif target == GLOBAL:
            there = [one for one in items.values() if one.seen and not any(w.state == NO_UPS for w in one.worlds)]
            for item in there:
                states = {world.state for world in item.possible(item.worlds)}  # one that has ended may have been let go
                before = receiver.of.get(item.uid)
                ids = (*self._cell(f"subscribe globally {with_lock}", before), "CC24-TMS-016")
                if granted and before == NOT_SUBSCRIBED and len(states) == 1:
                    self._owe(title, Cause(exchange, item.uid, STATE_REPORT, next(iter(states)), ids))
                if before in (NOT_SUBSCRIBED, None):
                    receiver.of[item.uid] = WITH_LOCK if granted else WITHOUT_LOCK
            receiver.everything, receiver.lock = True, granted
        else:
            item_ = items.get(target)
            states = {world.state for world in item_.possible(item_.worlds)} if item_ is not None and item_.seen else set()
            states -= {NO_UPS}  # it was granted
            ids = (*self._cell(f"subscribe to the UPS {with_lock}", receiver.of.get(target)), "CC24-TMS-015")
            self._owe(title, Cause(exchange, target, STATE_REPORT, next(iter(states)) if len(states) == 1 else "", ids))
            receiver.of[target] = WITH_LOCK if granted else WITHOUT_LOCK

    def _unsubscribed(self, exchange: Exchange, receiver: Receiver, target: str) -> None:
        if target == GLOBAL:
            self._end(exchange, receiver, target, "unsubscribe globally")
            receiver.everything, receiver.filtered = False, False
            receiver.of = dict.fromkeys(receiver.of, NOT_SUBSCRIBED)
        elif target == FILTERED:
            receiver.filtered = True  # may have ended, or not
        else:
            self._end(exchange, receiver, target, "unsubscribe from the UPS")
            receiver.of[target] = NOT_SUBSCRIBED

    def _end(self, exchange: Exchange, receiver: Receiver, target: str, event: str) -> None:
        states = [receiver.of.get(target)] if target not in (GLOBAL, FILTERED) else list(dict.fromkeys(receiver.of.values()))
        ids = tuple(one for state in states for one in self._cell(event, state))
        receiver.ended.append((exchange, target, ids))

    def _owe(self, receiver: str, cause: Cause) -> None:
        self.owed.append(Owed(receiver, cause))

    # --- what happens to workitems ------------------------------------------------------------------------------------

    def happened(self, exchange: Exchange, item: Workitem, before: Iterable[World]) -> None:
        """Take note of a request that was granted; `before` is how the workitem can have been."""
        for cause in self._causes(exchange, item, {world.state for world in before}):
            self.causes.append(cause)
            for title, receiver in self.receivers.items():
                state = receiver.of.get(item.uid)
                if exchange.service == "N-CREATE":
                    if receiver.everything:
                        event = f"UPS created; Global {'with' if receiver.lock else 'w/o'} Lock"
                        ids = (*cause.ids, *self._cell(event, "new UPS"))
                        self._owe(title, Cause(exchange, item.uid, cause.kind, cause.state, ids))
                elif state in (WITH_LOCK, WITHOUT_LOCK):
                    self._owe(title, cause)
        if exchange.service == "N-CREATE":
            self.created[item.uid] = begun(exchange)
            for receiver in self.receivers.values():
                if receiver.everything is not None:
                    mine = WITH_LOCK if receiver.lock else WITHOUT_LOCK
                    receiver.of[item.uid] = mine if receiver.everything else NOT_SUBSCRIBED
                if receiver.filtered and not receiver.everything:
                    receiver.of.pop(item.uid, None)

    def _causes(self, exchange: Exchange, item: Workitem, before: set[str]) -> Iterable[Cause]:
        asked = exchange.request.dataset if exchange.request.dataset is not None else Dataset()
        if exchange.service == "N-CREATE":
            yield Cause(exchange, item.uid, STATE_REPORT, SCHEDULED, ("CC24-TMS-001",))
            if asked.get(STATION) or asked.get(PERFORMERS):
                ids = ("CC24-TMS-008",) if asked.get(STATION) else ("CC24-TMS-026",)
                yield Cause(exchange, item.uid, ASSIGNED, "", ids)
        elif exchange.service == "N-SET":
            yield from _of_a_change(exchange, item, asked)
        elif exchange.request.command.get("ActionTypeID") == 1:
            yield Cause(exchange, item.uid, STATE_REPORT, str(asked.get("ProcedureStepState") or ""), ("CC24-TMS-002",))
        elif exchange.status == 0 and before == {SCHEDULED}:
            for state in (IN_PROGRESS, CANCELED):
                yield Cause(exchange, item.uid, STATE_REPORT, state, ("CC24-TMS-006",))
        elif exchange.status == 0 and before == {IN_PROGRESS}:
            yield Cause(exchange, item.uid, CANCEL_REQUESTED, "", ("CC24-TMS-005",))


def _of_a_change(exchange: Exchange, item: Workitem, asked: Dataset) -> Iterable[Cause]:
    """Yield what an N-SET has changed, as far as it is known what was there."""

    def changed(keyword: str) -> bool:
        known = item.known.get(keyword)
        if keyword not in asked or known is None or not item.firm(known):
            return False
        there = known.element.value if known.element is not None else None
        return bool(there or asked[keyword].value) and there != asked[keyword].value

    if changed(READINESS):
        yield Cause(exchange, item.uid, STATE_REPORT, "", ("CC24-TMS-003",))
    if changed(PROGRESS):
        known = item.known[PROGRESS].element
        ones = [next(iter(value or ()), Dataset()) for value in (known.value if known is not None else None, asked[PROGRESS].value)]
        if any(ones[0].get(keyword) != ones[1].get(keyword) for keyword in REPORTED):
            yield Cause(exchange, item.uid, PROGRESS_REPORT, "", ("CC24-TMS-007",))
    if changed(STATION) or changed(PERFORMERS):
        yield Cause(exchange, item.uid, ASSIGNED, "", ("CC24-TMS-009",) if changed(STATION) else ("CC24-TMS-010",))

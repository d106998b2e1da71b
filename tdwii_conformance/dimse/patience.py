"""What a peer was seen to do with requests: those that it never answers are not sent again, for each costs its time-out."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace

from ..profile.statuses import is_failure
from ..profile.ups_service import ACTION_TYPES, CHANGE_STATE, FILTERED, GLOBAL, REQUEST_CANCEL, SUBSCRIBE, UPS
from ..transcript.exchange import Exchange

__all__ = ["Kind", "Patience", "asked_for"]

NEVER = 2  # requests of a kind that wait for their time-out, when none of the kind was ever answered
NO_LONGER = 4  # the same, in a row, when some had been answered before

FINAL = ("COMPLETED", "CANCELED")
WELL_KNOWN = {GLOBAL: "globally", FILTERED: "by a filter"}
OF_A_UPS = ("N-GET", "N-SET", "N-ACTION")


@dataclass(frozen=True)
class Kind:
    """What kind of request one is.

    Parameters
    ----------
    peer : str
        AE title of who is asked.
    service : str
        The DIMSE service.
    action : int
        Action Type ID; 0 where there is none.
    shown : bool
        Whether the peer has shown the UPS that it is about, or accepted its creation. Of what is about none: true.
    """

    peer: str
    service: str
    action: int
    shown: bool


def asked_for(exchange: Exchange) -> str:
    """Return what a request asks for: its service; of an N-ACTION also the action, and what a peer may do apart from the rest.

    Parameters
    ----------
    exchange : Exchange
        The request.
    """
    asked = exchange.request.value
    if exchange.service == "N-SET":
        return "N-SET with Transaction UID" if asked("TransactionUID") else "N-SET"
    if exchange.service != "N-ACTION":
        return exchange.service
    action = int(exchange.request.command.get("ActionTypeID") or 0)
    state, lock = (str(asked(keyword) or "") for keyword in ("ProcedureStepState", "DeletionLock"))
    words = [f"N-ACTION {ACTION_TYPES.get(action, action)}"]
    if action == CHANGE_STATE and state in FINAL:
        words.append(f"to {state}")
    if action == REQUEST_CANCEL and exchange.abstract_syntax == UPS.PUSH:
        words.append("under Push")
    if exchange.instance_uid in WELL_KNOWN:
        words.append(WELL_KNOWN[exchange.instance_uid])
    if action == SUBSCRIBE and lock == "TRUE":
        words.append("with lock")
    return " ".join(words)


@dataclass
class _Seen:
    """What became of the requests of one kind."""

    answered: int = 0
    in_vain: int = 0  # since the last answer
    last: Exchange | None = None

    @property
    def given_up(self) -> bool:
        return self.in_vain >= (NO_LONGER if self.answered else NEVER)


@dataclass
class Patience:
    """Remembers what was answered; shared by all associations of a run. Thread-safe.

    A request of a kind that was not answered in time twice, and never was, is given up: whoever wants to send one gets the
    last of those exchanges instead. So does who wants to send one that was answered, but no longer is. An abort ends a
    request at once, and counts neither way.
    """

    _by_kind: dict[tuple[Kind, str], _Seen] = field(default_factory=lambda: defaultdict(_Seen))
    _shown: set[str] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)  # matches, by the hash of their bytes
    _done: set[tuple[str, str]] = field(default_factory=set)  # peer, what it was asked for and did
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, exchange: Exchange, *, late: bool = False) -> None:
        """Take an exchange that has ended; `late` if it was not answered in time."""
        with self._lock:
            kind = self._kind_of(exchange)
            for key in ((kind, ""), (kind, exchange.abstract_syntax)):
                seen = self._by_kind[key]
                if not exchange.failure:
                    seen.answered, seen.in_vain = seen.answered + 1, 0
                elif late:
                    seen.in_vain, seen.last = seen.in_vain + 1, exchange
            done = exchange.status is not None and not is_failure(exchange.status)
            if done:
                self._done.add((exchange.acceptor, asked_for(exchange)))
            if exchange.service == "N-CREATE" and done:
                self._shown.add(exchange.instance_uid)
            elif exchange.service == "C-FIND":
                # A worklist may be long, and a run asks for it often: nothing is decoded whole for this, nor looked at twice.
                new = {hash(message.encoded): message for message in exchange.pending if hash(message.encoded) not in self._seen}
                self._shown.update(message.instance_uid for message in new.values())
                self._seen.update(new)

    def given_up(self, peer: str, service: str, context: str, *, action: int = 0, instance: str = "") -> Exchange | None:
        """Return, for a request that is not to be sent, an earlier one that was not answered; ``None`` if it is to be sent.

        Parameters
        ----------
        peer, service, context : str
            AE title, DIMSE service, SOP Class UID of the presentation context.
        action : int
            Action Type ID.
        instance : str
            SOP Instance UID.
        """
        with self._lock:
            kind = self._kind(peer, service, action, instance)
            for key in ((kind, ""), (kind, context)):
                seen = self._by_kind.get(key)
                if seen is not None and seen.given_up and seen.last is not None:
                    return replace(seen.last, failure=f"{seen.last.failure}, {seen.in_vain} times; so it is not asked again")
        return None

    def shown(self, instance: str) -> bool:
        """Return whether the peer has shown a UPS, or accepted its creation."""
        with self._lock:
            return instance in self._shown

    def kind(self, exchange: Exchange) -> Kind:
        """Return the kind of a request."""
        with self._lock:
            return self._kind_of(exchange)

    def ever_done(self, exchange: Exchange) -> bool:
        """Return whether the peer has ever done what this request asks for: with success or a warning."""
        with self._lock:
            return (exchange.acceptor, asked_for(exchange)) in self._done

    def hope_again(self) -> None:
        """Forget what was given up: the peer was restarted."""
        with self._lock:
            for seen in self._by_kind.values():
                seen.in_vain = 0

    def _kind_of(self, exchange: Exchange) -> Kind:
        action = int(exchange.request.command.get("ActionTypeID") or 0)
        return self._kind(exchange.acceptor, exchange.service, action, exchange.instance_uid)

    def _kind(self, peer: str, service: str, action: int, instance: str) -> Kind:
        return Kind(peer, service, action, service not in OF_A_UPS or instance in self._shown)

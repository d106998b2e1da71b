"""Which session an exchange or an association is attributed to, by AE titles and workitems; the rest is unattributed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import OPEN, Association, ObservationWriter
from .session import Session

__all__ = ["Attribution"]

Key = tuple[str, str, datetime]  # what identifies an association: AE titles, time
UNATTRIBUTED = "unattributed"


class _Passing(Transcript):
    """A transcript that keeps nothing: each exchange is handed on."""

    def __init__(self, take: Callable[[Exchange], None]) -> None:
        super().__init__()
        self._take = take

    def append(self, exchange: Exchange) -> None:
        self._take(exchange)


class Attribution:
    """Sorts what the test partners see into the sessions under way. Everything is recorded once.

    Parameters
    ----------
    record : Path
        Folder of the transcript of what is unattributed.
    name : str
        Distinguishes the unattributed files of several partners in one folder.

    Attributes
    ----------
    changed : threading.Condition
        Notified of everything that comes; what sessions hold is read with it held.
    transcript : Transcript
        For the partners: hands each exchange on to here.
    """

    def __init__(self, record: Path, name: str = "") -> None:
        self._record, self._name = record, name
        self.changed = threading.Condition()
        self.transcript: Transcript = _Passing(self.exchange)
        self._sessions: dict[str, Session] = {}
        self._earlier: set[str] = set()
        self._open: dict[Key, Association] = {}
        self._unattributed: ObservationWriter | None = None
        self._transaction_uids: dict[str, list[str]] = {}
        self.callers: list[str] = []  # AE titles of unattributed calls, in their order

    def close(self) -> None:
        """Close the file of what is unattributed."""
        if self._unattributed is not None:
            self._unattributed.__exit__(None, None, None)

    def transaction_uids(self, ae_title: str) -> Sequence[str]:
        """Return the Transaction UIDs that a system has used in its earlier sessions."""
        return self._transaction_uids.get(ae_title, ())

    def begin(self, session: Session) -> None:
        """Let what comes from a session's system go there."""
        with self.changed:
            self._sessions[session.ae_title] = session

    def end(self, session: Session) -> None:
        """Write what is still open, and let what comes about the session's workitems be unattributed from now on."""
        with self.changed:
            del self._sessions[session.ae_title]
            its = [one for one in self._open.values() if session.concerns(one) and not session.idle_from_before(one)]
        # Whether a partner has closed one by now is chance; what was sent on it until now is not. Asked without our lock: who
        # records it may be waiting for that, with an exchange to hand on.
        standing = [association.now() for association in its]
        with self.changed:
            for association in standing:
                session.take(association)
            self._earlier |= {workitem.uid for workitem in session.workitems}
            self._transaction_uids.setdefault(session.ae_title, []).extend(_transaction_uids(session.exchanges))

    def calling(self, ae_title: str) -> bool:
        """Whether a system has an association open that it requested."""
        return any(association.requestor == ae_title for association in self._open.values())

    def exchange(self, exchange: Exchange) -> None:
        """Take an exchange of one of the partners."""
        with self.changed:
            session = self._session_of(exchange)
            if session is not None and exchange.instance_uid not in self._earlier:
                session.take(exchange)
            else:
                self._note_unattributed(exchange)
            self.changed.notify_all()

    def _session_of(self, seen: Exchange | Association) -> Session | None:
        # The caller is looked at first: one system under test may call another.
        caller = self._sessions.get(seen.requestor)
        return caller or next((session for session in self._sessions.values() if session.concerns(seen)), None)

    def association(self, association: Association) -> None:
        """Take the begin or the end of an association of one of the partners."""
        key = association.requestor, association.acceptor, association.time
        with self.changed:
            session = self._session_of(association)
            if association.ended == OPEN:
                self._open[key] = association
            else:
                self._open.pop(key, None)
                if session is not None and not session.idle_from_before(association):
                    session.take(association)
                else:
                    self._note_unattributed(association)
                    for other in self._sessions.values():
                        other.nameless += not association.requestor
            self.changed.notify_all()

    def _note_unattributed(self, seen: Exchange | Association) -> None:
        self.callers += [seen.requestor] if seen.requestor else []
        if self._unattributed is None:
            path = self._record / f"{'-'.join(part for part in (UNATTRIBUTED, self._name) if part)}.jsonl"
            self._unattributed = ObservationWriter(path, {"scenario": UNATTRIBUTED, "actor": UNATTRIBUTED}).__enter__()
        if isinstance(seen, Exchange):
            self._unattributed.exchange(seen)
        else:
            self._unattributed.association(seen)


def _transaction_uids(exchanges: Sequence[Exchange]) -> list[str]:
    used = [e.request.dataset.get("TransactionUID") for e in exchanges if e.service == "N-ACTION" and e.request.dataset is not None]
    return list(dict.fromkeys(str(uid) for uid in used if uid))

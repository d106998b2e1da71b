"""Our TDD's listener: stores instances that are moved to it, or refuses them on request, and keeps all event reports."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from pydicom import uid
from pynetdicom import evt, sop_class

from ..dimse import TLS, Peer, Server, Timeouts
from ..dimse.server import called_ae_title
from ..dimse.tuning import abort_at_once
from ..profile.ups_service import EVENT_TYPES, UPS
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import Association

__all__ = ["Receiver"]

TAKEN = (
    uid.RTPlanStorage, uid.RTIonPlanStorage, uid.RTBeamsDeliveryInstructionStorage,
    uid.RTBeamsTreatmentRecordStorage, uid.RTIonBeamsTreatmentRecordStorage, sop_class.Verification, UPS.EVENT,
)  # fmt: skip
OUT_OF_RESOURCES = 0xA700
RESOURCE_LIMITATION, NO_SUCH_EVENT_TYPE = 0x0213, 0x0113  # of an event report [PS3.7 10.1.1.1.8]
REFUSES, ABORTS, IS_GONE = "refuses", "aborts", "is gone"  # how event reports fail
REJECTED = (0x01, 0x01, 0x07)  # permanently, by the user: called AE title not recognized [PS3.8 9.3.4]
PATIENCE = 20  # deadlines that a stream of reports may last
NEVER = 2  # deadlines that pass for one kind of report, when none of that kind ever comes
ANY = "any report"
STILL = 0.1  # of a deadline, for a kind that never came, from a peer that does report: it may have been ours that was missed


class _Arrivals(Transcript):
    """A transcript with waiting for an exchange."""

    def __init__(self, reports: Transcript) -> None:
        super().__init__()
        self._reports = reports
        self._arrived = threading.Condition()

    def append(self, exchange: Exchange) -> None:
        with self._arrived:
            super().append(exchange)
            if exchange.service == "N-EVENT-REPORT":
                self._reports.append(exchange)
            self._arrived.notify_all()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        with self._arrived:
            return self._arrived.wait_for(condition, seconds)

    def wait_for(
        self, wanted: Callable[[Exchange], bool], in_stream: Callable[[Exchange], bool], since: int, seconds: float
    ) -> Exchange | None:
        began = time.monotonic()
        deadline, last = began + seconds, began + PATIENCE * seconds
        with self._arrived:
            while True:
                # Only what is new is looked at: bursts of events are long.
                for exchange in filter(in_stream, self[since:]):
                    if wanted(exchange):
                        return exchange
                    deadline = min(time.monotonic() + seconds, last)
                since = len(self)
                self._arrived.wait(max(0.0, deadline - time.monotonic()))
                if len(self) == since:  # a report may come while this thread, its time being up, waits for the lock
                    return None


class Receiver:
    """A storage SCP and UPS Event SCU that keeps exchanges. A context manager.

    Parameters
    ----------
    ae_title : str
        Ours, as the systems under test know it: move destination and Receiving AE. Calls to other AE titles on this port
        are taken as well.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    tls : TLS, optional
        For associations over TLS.
    timeouts : Timeouts, optional
        Deadlines, in seconds.
    transcript : Transcript, optional
        Gets every event report. (What was stored comes with the retrieval that caused it.)
    also : sequence of str
        Storage SOP classes that are taken beside those of TDW-II.
    patience : float
        How long peers may take, at the end, to release their associations, in seconds.

    Attributes
    ----------
    refuse : set of str
        SOP Instance UIDs whose C-STORE is refused, out of resources.
    warn : dict of str to int
        SOP Instance UIDs whose C-STORE is answered with another status, a warning.
    not_taken : set of str
        SOP classes that are refused on associations that are requested from now on.
    refuse_reports : int
        Status with which event reports are answered.
    scp_role_proposed : bool
        Whether a peer proposed to be the SCP of UPS Event by role selection.
    callers : set of str
        AE titles of those who opened an association to it.
    """

    def __init__(
        self,
        ae_title: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        also: Sequence[str] = (),
        patience: float = 0.0,
    ) -> None:
        self.ae_title = ae_title
        self.refuse: set[str] = set()
        self.warn: dict[str, int] = {}
        self.not_taken: set[str] = set()
        self.refuse_reports = 0x0000
        self.scp_role_proposed = False
        self.callers: set[str] = set()
        self._in_vain: Counter[str] = Counter()
        self._came: set[str] = set()
        self._look: Callable[[Association], None] | None = None
        self._before: Callable[[], None] | None = None
        self._failing: dict[str, tuple[str, threading.Event]] = {}
        self._arrivals = _Arrivals(transcript if transcript is not None else Transcript())
        self._server = Server(
            ae_title,
            [*TAKEN, *(syntax for syntax in dict.fromkeys(also) if syntax not in TAKEN)],
            [
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_C_ECHO, lambda event: 0x0000),
                (evt.EVT_N_EVENT_REPORT, self._report),
                (evt.EVT_REQUESTED, self._requested),
                (evt.EVT_ACCEPTED, self._accepted),
            ],
            host=host,
            port=port,
            tls=tls,
            timeouts=timeouts or Timeouts(),
            transcript=self._arrivals,
            scp_roles=[UPS.EVENT],
            patience=patience,
            associations=self._association,
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.stop()

    @property
    def server(self) -> Server:
        """Its server; to be read, and extended before the start."""
        return self._server

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return self._server.peer

    @property
    def transcript(self) -> Transcript:
        """Everything that came."""
        return self._arrivals

    @contextmanager
    def looked_at(self, look: Callable[[Association], None]) -> Iterator[None]:
        """Have a function called with each association when it stands and when it has ended, from a thread of its own."""
        self._look = look
        yield
        self._look = None

    @contextmanager
    def before_it_answers(self, call: Callable[[], None]) -> Iterator[None]:
        """Have a function called, in the thread of the association, with each C-STORE that came, before it is answered."""
        self._before = call
        try:
            yield
        finally:
            self._before = None

    @contextmanager
    def failing(self, ae_title: str, how: str) -> Iterator[threading.Event]:
        """Have the event reports to an AE title of ours fail.

        Parameters
        ----------
        ae_title : str
            To whom; others on this port are not concerned.
        how : {"refuses", "aborts", "is gone"}
            Each is answered with a failure; or its association is aborted; or there is no association to that AE title any more,
            and none is accepted.

        Yields
        ------
        threading.Event
            Set when one has failed.
        """
        failed = threading.Event()
        self._failing[ae_title] = (how, failed)
        if how == IS_GONE:
            self._server.abort_those_to(ae_title)
        try:
            yield failed
        finally:
            del self._failing[ae_title]

    def _requested(self, event: Any) -> None:
        how, failed = self._failing.get(called_ae_title(event.assoc), ("", None))
        if how == IS_GONE and failed is not None:
            event.assoc.acse.send_reject(*REJECTED)
            event.assoc.kill()
            failed.set()
        elif self.not_taken:
            ours = event.assoc.acceptor
            ours.supported_contexts = [c for c in ours.supported_contexts if c.abstract_syntax not in self.not_taken]

    def _report(self, event: Any) -> tuple[int, None]:
        how, failed = self._failing.get(called_ae_title(event.assoc), ("", None))
        if failed is None:
            return self.refuse_reports or (0x0000 if event.event_type in EVENT_TYPES else NO_SUCH_EVENT_TYPE), None
        failed.set()
        if how == REFUSES:
            return RESOURCE_LIMITATION, None
        abort_at_once(event.assoc)
        return self.refuse_reports, None

    def _association(self, association: Association) -> None:
        if (look := self._look) is not None:
            look(association)

    def mark(self) -> int:
        """Return a mark for `since`, `reports` and `wait_for`."""
        return len(self._arrivals)

    def since(self, mark: int) -> tuple[Exchange, ...]:
        """Return the C-STOREs that came after the mark, in their order."""
        return tuple(exchange for exchange in self._arrivals[mark:] if exchange.service == "C-STORE")

    def wait_for_stores(self, count: int, mark: int, seconds: float) -> None:
        """Return when so many C-STOREs have come after the mark, or the time is up.

        Parameters
        ----------
        count : int
            How many.
        mark : int
            Of `mark`.
        seconds : float
            How long to wait.
        """
        self._arrivals.wait(lambda: len(self.since(mark)) >= count, seconds)

    def reports(self, receiver: str, mark: int = 0) -> tuple[Exchange, ...]:
        """Return the event reports to an AE title of ours that came after the mark, in their order."""
        return tuple(exchange for exchange in self._arrivals[mark:] if _is_report(exchange, receiver))

    def wait_for(
        self, wanted: Callable[[Exchange], bool], receiver: str, mark: int, seconds: float, *, kinds: Sequence[str] = ()
    ) -> Exchange | None:
        """Return the first wanted event report to an AE title of ours after the mark; ``None`` if none comes in time.

        Parameters
        ----------
        wanted : callable
            Looks at an exchange.
        receiver : str
            AE title.
        mark : int
            Of `mark`.
        seconds : float
            How long to wait since the last report to that AE title: before this one an SCP may have many to send, such as
            the initial events of a global subscription. In all no longer than `PATIENCE` times that.
        kinds : sequence of str
            What is awaited, in words. Of which `NEVER` were awaited in vain, and none ever came, is awaited no longer than
            `STILL` of the time; and not at all, if no report of any kind ever came.
        """
        every = (ANY, *kinds)
        if self.mark() and ANY not in self._came and any(_is_report(exchange, receiver) for exchange in self._arrivals):
            self._came.add(ANY)
        given_up = [kind for kind in every if self._in_vain[kind] >= NEVER and kind not in self._came]
        if given_up:
            seconds = 0.0 if ANY in given_up else STILL * seconds
        found = self._arrivals.wait_for(wanted, lambda exchange: _is_report(exchange, receiver), mark, seconds)
        if found is not None:
            self._came.update(every)
        elif not given_up:
            self._in_vain.update(every)
        return found

    def hope_again(self) -> None:
        """Await again what was awaited in vain: the peer was restarted."""
        self._in_vain.clear()

    @property
    def ever_reported(self) -> bool:
        """Whether any event report has come, to whatever AE title of ours."""
        return any(exchange.service == "N-EVENT-REPORT" for exchange in self._arrivals)

    def _accepted(self, event: Any) -> None:
        self.callers.add(str(event.assoc.requestor.ae_title).strip())
        role = event.assoc.requestor.role_selection.get(UPS.EVENT)
        self.scp_role_proposed = self.scp_role_proposed or (role is not None and bool(role.scp_role))

    def _store(self, event: Any) -> int:
        if (before := self._before) is not None:
            before()
        instance = str(event.request.AffectedSOPInstanceUID)
        return OUT_OF_RESOURCES if instance in self.refuse else self.warn.get(instance, 0x0000)


def _is_report(exchange: Exchange, receiver: str) -> bool:
    return exchange.service == "N-EVENT-REPORT" and exchange.acceptor == receiver

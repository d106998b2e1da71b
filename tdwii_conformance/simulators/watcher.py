"""The simulated watcher: subscribes to a TMS, keeps its event reports, and subscribes again after the TMS was restarted.

As a Patient Position Verification System it fetches each workitem that is scheduled, and its inputs, before the patient
is on the table.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from pydicom import uid as uids
from pydicom.dataset import Dataset
from pynetdicom import evt, sop_class

from ..dimse import TLS, DimseError, Link, Peer, Server, Timeouts, connect
from ..profile.ups_service import ASSIGNED, STATE_REPORT, STATUS_CHANGE, SUBSCRIBE, UNSUBSCRIBE, UPS
from ..scu.tdd import STUDY_ROOT_MOVE
from ..transcript.answers import answered, said
from ..transcript.exchange import Exchange, Transcript
from ..treatment.messages import item, move_identifier, references
from ..ups import FILTERED, GLOBAL
from .simulator import Simulator

__all__ = ["WatcherSimulator"]

EVENTS = {1: "state report", 2: "cancel requested", 3: "progress report", 4: "SCP status change", 5: "assigned"}  # [CC.2.4]
INPUTS = (
    uids.RTPlanStorage, uids.RTIonPlanStorage, uids.RTBeamsDeliveryInstructionStorage, uids.RTBeamsTreatmentRecordStorage,
    uids.RTIonBeamsTreatmentRecordStorage,
)  # fmt: skip
SUCCESS, NO_SUCH_EVENT_TYPE = 0x0000, 0x0113  # [PS3.7 10.1.1.1.8]

log = logging.getLogger(__name__)


class WatcherSimulator(Simulator):
    """A simulated watcher (notification receiver). A context manager.

    Parameters
    ----------
    tms : Peer
        The TMS that it watches.
    ae_title : str
        Its AE title: calling AE title, and Receiving AE.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    lock : bool
        Whether it asks for deletion locks.
    keys : Dataset, optional
        Match keys of a filtered global subscription; without them it subscribes to every UPS.
    fetch_from : sequence of Peer
        The TMS and OST that inputs are moved from, by the AE title that the workitem names: it fetches what is scheduled.
        Without them it fetches nothing.
    tell : callable
        Called with one sentence for each step and each event report.
    on_report : callable, optional
        Called with the Event Type ID, the SOP Instance UID and the event information of each report.
    tls : TLS, optional
        To listen with TLS.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets every exchange: reports, and its own requests.
    patience : float
        How long others may take, at its end, to release their associations, in seconds.
    """

    actor = "watcher"

    def __init__(
        self,
        tms: Peer,
        ae_title: str = "WATCHER",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        lock: bool = False,
        keys: Dataset | None = None,
        fetch_from: Sequence[Peer] = (),
        tell: Callable[[str], object] = lambda sentence: None,
        on_report: Callable[[int, str, Dataset], object] = lambda kind, uid, information: None,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        patience: float = 0.0,
    ) -> None:
        self.transcript = transcript if transcript is not None else Transcript()
        self.tms = tms  # may be changed until it is called
        self._ae_title, self._lock, self._keys = ae_title, lock, keys
        self._on_report, self._tell = on_report, tell
        self._sources = {peer.ae_title: peer for peer in fetch_from}
        self._to_fetch: queue.Queue[str | None] = queue.Queue()
        self._fetched: set[str] = set()
        self._fetcher: threading.Thread | None = None
        self._timeouts = timeouts or Timeouts()
        self._server = Server(
            ae_title,
            [sop_class.Verification, UPS.EVENT, *(INPUTS if fetch_from else ())],
            [
                (evt.EVT_N_EVENT_REPORT, self._report),
                (evt.EVT_C_ECHO, lambda event: SUCCESS),
                (evt.EVT_C_STORE, lambda event: SUCCESS),
            ],
            host=host,
            port=port,
            tls=tls,
            timeouts=self._timeouts,
            transcript=self.transcript,
            scp_roles=[UPS.EVENT],
            patience=patience,
        )
        self._again: threading.Thread | None = None
        self._version_name: str | None = None
        self.maximum_length: int | None = None  # that it announces, in bytes, if not the default

    def call_itself(self, name: str) -> None:
        """Set its Implementation Version Name, also for the associations it requests."""
        super().call_itself(name)
        self._version_name = name

    @property
    def _target(self) -> str:
        return GLOBAL if self._keys is None else FILTERED

    def subscribe(self) -> None:
        """Subscribe to the TMS; a step of its own after `start`, as our address may have to be configured in the TMS first.

        Raises
        ------
        DimseError
            If there is no association.
        ValueError
            If the TMS refuses, with its status.
        """
        information = item(ReceivingAE=self._ae_title, DeletionLock="TRUE" if self._lock else "FALSE")
        information.update(self._keys if self._keys is not None else {})
        self._ask(SUBSCRIBE, information)
        self._tell("subscribed")

    def unsubscribe(self) -> None:
        """Unsubscribe from everything; raises as `subscribe` does."""
        self._ask(UNSUBSCRIBE, item(ReceivingAE=self._ae_title), GLOBAL)
        self._tell("unsubscribed")

    def _ask(self, action: int, information: Dataset, target: str = "") -> None:
        with self.connect(self.tms, UPS.WATCH) as link:
            exchange = link.n_action(target or self._target, action, information, context=UPS.WATCH)
        try:
            _done(exchange)
        except ValueError as error:
            raise ValueError(f"{self.tms}: refused {self._ae_title}'s action of type {action}: {error}") from error

    def _report(self, event: Any) -> tuple[int, None]:
        if event.event_type not in EVENTS:
            return NO_SUCH_EVENT_TYPE, None
        information: Dataset = event.event_information
        restarted = information.get("SCPStatus") == "RESTARTED"
        if event.event_type == STATUS_CHANGE and restarted and information.get("SubscriptionListStatus") != "WARM START":
            # Not from here: the TMS waits for the answer to this report.
            self._again = threading.Thread(target=self._return, name=f"{self._ae_title} subscribes again", daemon=True)
            self._again.start()
        uid = str(event.request.AffectedSOPInstanceUID)
        scheduled = event.event_type == STATE_REPORT and information.get("ProcedureStepState") == "SCHEDULED"
        if self._sources and (scheduled or event.event_type == ASSIGNED) and uid not in self._fetched:
            self._fetched.add(uid)
            self._to_fetch.put(uid)
        self._tell(f"{EVENTS[event.event_type]} of {uid} {information.get('ProcedureStepState', '')}".strip())
        self._on_report(int(event.event_type), uid, information)
        return SUCCESS, None

    # --- what is scheduled -------------------------------------------------------------------------------------------

    def _fetch_all(self) -> None:
        while (uid := self._to_fetch.get()) is not None:
            try:
                self.fetch(uid)
            except (DimseError, ValueError) as error:
                self._tell(f"{uid} cannot be fetched: {error}")
            except Exception as error:  # the next one may be fetched
                log.warning("%s: %s cannot be fetched: %s: %s", self._ae_title, uid, type(error).__name__, error)
            finally:
                self._to_fetch.task_done()

    def fetch(self, uid: str) -> None:
        """Fetch a workitem (N-GET), and have its inputs moved here (C-MOVE).

        Raises
        ------
        DimseError
            If there is no association.
        ValueError
            If the TMS or OST refuses, with its status, or an input is where nobody is known.
        """
        with self.connect(self.tms, UPS.WATCH) as link:
            workitem = _done(link.n_get(uid, ("InputInformationSequence", "ProcedureStepState"), context=UPS.WATCH))
        found = workitem.response.dataset if workitem.response is not None else None
        for one in references((found if found is not None else Dataset()).get("InputInformationSequence")):
            source = self._sources.get(one.ae_title)
            if source is None:
                raise ValueError(f"Retrieve AE Title {one.ae_title!r} is not known here")
            with self.connect(source, STUDY_ROOT_MOVE) as link:
                _done(link.c_move(STUDY_ROOT_MOVE, move_identifier(one.study, one.series, [one.instance]), self._ae_title))
            self._tell(f"{one.instance} retrieved from {one.ae_title}")

    def connect(self, peer: Peer, syntax: str) -> Link:
        """Return a new association for one abstract syntax; raises as `dimse.connect`."""
        return connect(
            peer, [syntax], calling=self._ae_title, timeouts=self._timeouts, transcript=self.transcript,
            implementation_version_name=self._version_name, maximum_length=self.maximum_length,
        )  # fmt: skip

    def finish_fetching(self) -> None:
        """Return when everything that was to be fetched has been, or could not be."""
        self._to_fetch.join()

    def start(self) -> Self:
        """Listen."""
        super().start()
        if self._sources:
            self._fetcher = threading.Thread(target=self._fetch_all, name=f"{self._ae_title} fetches", daemon=True)
            self._fetcher.start()
        return self

    def _return(self) -> None:
        try:
            self.subscribe()
        except Exception as error:  # whatever it is, the thread ends here: it is to be known
            log.warning("%s: could not subscribe again: %s", self._ae_title, error or type(error).__name__)

    def stop(self) -> None:
        """Stop listening; the subscription is left to `unsubscribe`."""
        super().stop()
        if self._again is not None:
            self._again.join(self._timeouts.association)
        if self._fetcher is not None:
            self._to_fetch.put(None)
            self._fetcher.join(self._timeouts.association)


def _done(exchange: Exchange) -> Exchange:
    """Return an exchange that ended well.

    Raises
    ------
    ValueError
        Otherwise, with what came instead.
    """
    if exchange.failure or exchange.status is None:
        raise ValueError(f"{exchange.service}: {exchange.failure or 'no status'}")
    if answered(exchange) not in ("done", "warning"):
        raise ValueError(f"{exchange.service}: status {said(exchange)}")
    return exchange

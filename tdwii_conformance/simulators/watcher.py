"""The simulated watcher: subscribes to a TMS, keeps what it is told, and comes back after the TMS was restarted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt, sop_class

from ..dimse import TLS, DimseError, Peer, Server, Timeouts, connect
from ..drivers.messages import item
from ..drivers.tdd import UPS
from ..exchange import Transcript
from ..ups import FILTERED, GLOBAL
from .simulator import Simulator

__all__ = ["WatcherSimulator"]

EVENT = sop_class.UnifiedProcedureStepEvent
SUBSCRIBE, UNSUBSCRIBE, STATUS_CHANGE = 3, 4, 4
SUCCESS = 0x0000

log = logging.getLogger(__name__)


class WatcherSimulator(Simulator):
    """A simulated watcher (notification receiver). A context manager.

    Parameters
    ----------
    tms : Peer
        Whom it watches.
    ae_title : str
        Its AE title: calling AE title, and Receiving AE.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    lock : bool
        Whether it asks for deletion locks.
    keys : Dataset, optional
        Match keys of a filtered global subscription; without them it subscribes to every UPS.
    on_report : callable, optional
        Called with the Event Type ID, the SOP Instance UID and the event information of each report.
    tls : TLS, optional
        To listen with TLS.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets every exchange: reports, and its own requests.
    """

    def __init__(
        self,
        tms: Peer,
        ae_title: str = "WATCHER",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        lock: bool = False,
        keys: Dataset | None = None,
        on_report: Callable[[int, str, Dataset], object] = lambda kind, uid, information: None,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.transcript = transcript if transcript is not None else Transcript()
        self._tms, self._ae_title, self._lock, self._keys = tms, ae_title, lock, keys
        self._on_report = on_report
        self._timeouts = timeouts or Timeouts()
        self._server = Server(
            ae_title,
            [sop_class.Verification, EVENT],
            [(evt.EVT_N_EVENT_REPORT, self._report), (evt.EVT_C_ECHO, lambda event: SUCCESS)],
            host=host,
            port=port,
            tls=tls,
            timeouts=self._timeouts,
            transcript=self.transcript,
            scp_roles=[EVENT],
        )
        self._again: threading.Thread | None = None

    @property
    def _target(self) -> str:
        return GLOBAL if self._keys is None else FILTERED

    def subscribe(self) -> None:
        """Subscribe to the TMS; a step of its own after `start`, as a TMS may first have to be told where we are.

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

    def unsubscribe(self) -> None:
        """Unsubscribe from everything; raises as `subscribe` does."""
        self._ask(UNSUBSCRIBE, item(ReceivingAE=self._ae_title), GLOBAL)

    def _ask(self, action: int, information: Dataset, target: str = "") -> None:
        with connect(self._tms, [UPS.WATCH], calling=self._ae_title, timeouts=self._timeouts, transcript=self.transcript) as link:
            exchange = link.n_action(target or self._target, action, information, context=UPS.WATCH)
        if exchange.failure or (exchange.status != SUCCESS and (exchange.status or 0) >> 12 != 0xB):
            status = exchange.failure or f"status {exchange.status:04X}"
            raise ValueError(f"{self._tms}: refused {self._ae_title}'s action of type {action}: {status}")

    def _report(self, event: Any) -> tuple[int, None]:
        information: Dataset = event.event_information
        restarted = information.get("SCPStatus") == "RESTARTED"
        if event.event_type == STATUS_CHANGE and restarted and information.get("SubscriptionListStatus") != "WARM START":
            # Not from here: the TMS waits for the answer to this report.
            self._again = threading.Thread(target=self._return, name=f"{self._ae_title} subscribes again", daemon=True)
            self._again.start()
        self._on_report(int(event.event_type), str(event.request.AffectedSOPInstanceUID), information)
        return SUCCESS, None

    def _return(self) -> None:
        try:
            self.subscribe()
        except (DimseError, ValueError) as error:
            log.warning("%s: could not subscribe again: %s", self._ae_title, error)

    def stop(self) -> None:
        """Stop listening; the subscription is left to `unsubscribe`."""
        super().stop()
        if self._again is not None:
            self._again.join(self._timeouts.association)

"""How an association of pynetdicom ends: by what its state machine says, and not by whatever a peer sends [PS3.8 9.2]."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from pynetdicom.fsm import AA_4, AA_8, TRANSITION_TABLE

__all__ = ["Ending", "Machine"]

LOG = logging.getLogger(__name__)
ABORT = b"\x07\0\0\0\0\4\0\0\2\0"  # A-ABORT of the service provider, no reason given [PS3.8 9.3.8]
CLOSING, IDLE = "Sta13", "Sta1"
REJECTED, ABORTED = "Evt4", "Evt16"  # A-ASSOCIATE-RJ and A-ABORT, after which there is no association


class Machine:
    """Lets nothing end the thread that reads and writes PDUs but the end of its connection.

    As shipped, an action that raises ends that thread: a PDU with a value that does not exist, as the source of an abort; or a
    primitive of ours that comes when the association is over already. Then nobody closes the connection, and who waits for the
    association to end waits for ever. Here a PDU that cannot be made anything of aborts the association [AA-8], and what comes
    for a connection that is being closed is dropped.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that is being tuned.
    """

    def __init__(self, association: Any) -> None:
        self._dul = association.dul
        self._machine = association.dul.state_machine
        self._do = self._machine.do_action
        self._machine.do_action = self.do

    def do(self, event: str) -> None:
        """Do what an event causes."""
        state = self._machine.current_state
        if state in (CLOSING, IDLE) and (event, state) not in TRANSITION_TABLE:
            return  # ours: who sends it has not seen yet that the association is over
        try:
            self._do(event)
        except Exception as error:  # whatever pynetdicom makes of a peer's bytes
            LOG.info("%s in state %s: %s", event, state, error)
            over = event in (REJECTED, ABORTED)
            self._machine.current_state = AA_4(self._dul) if over else AA_8(self._dul)


class Ending:
    """Lets no peer keep an association from ending by a PDU that it does not finish.

    As shipped, the thread that reads waits for the rest of a PDU, and who ends the association waits for that thread: as long as
    the peer leaves the connection open. Here the connection is closed when it reads still after `PATIENCE`.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that is being tuned.
    since : callable
        Returns when its thread has begun to read what came, in seconds of `time.monotonic`; 0 if it does not.
    """

    PATIENCE = 0.5  # seconds

    def __init__(self, association: Any, since: Callable[[], float]) -> None:
        self._association, self._since = association, since
        association.kill = self.kill

    def kill(self) -> None:
        """End the threads of the association, as `Association.kill` does."""
        association = self._association
        association._reactor_checkpoint.set()
        association._kill = True
        association.is_established = False
        association._is_paused = True
        dul, began = association.dul, time.monotonic()
        while dul.is_alive() and not dul.stop_dul():
            time.sleep(0.01)
            reading = self._since()
            if reading and time.monotonic() - max(reading, began) >= self.PATIENCE:
                self._break_off(dul.socket.socket if dul.socket is not None else None)
                began = time.monotonic()

    @staticmethod
    def _break_off(connection: socket.socket | None) -> None:
        """Abort, and close the connection: who reads from it sees its end."""
        if connection is None:
            return
        with contextlib.suppress(OSError):
            if not isinstance(connection, ssl.SSLSocket):  # on which one thread must not write while another reads
                connection.send(ABORT)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

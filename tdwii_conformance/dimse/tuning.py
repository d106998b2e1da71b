"""What every association of ours needs beyond pynetdicom 3.0.4 as shipped: no Nagle, and a hand-over without a race.

All of it hangs on one handler, `tune`, for ``evt.EVT_CONN_OPEN``, which pynetdicom calls on both sides before the
association's reactor thread runs. The TCP option goes through the public event; the hand-over replaces a private
attribute (``Association._reactor_checkpoint``), because the race is in the private loop and has no public hook; so is the
pace of the loop that reads and writes (``DULServiceProvider._run_loop_delay``).
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

from pynetdicom import _config, evt

__all__ = ["Checkpoint", "quiet_logging", "tune"]


class Checkpoint:
    """Stands in for the `threading.Event` with which a sender pauses the association's reactor thread.

    As shipped, a sender clears the event and then polls ``_is_paused``. The reactor sets that flag, finds the event
    still set, and is about to go on when the sender clears the event and sees the flag: both go on. The reactor then
    takes the response from the queue ("Received unexpected ... service message") and the sender waits for its time-out.

    Here `clear` returns only once the reactor is really inside `wait`, and `wait` cannot be left before `set`.

    As shipped, an idle reactor also looks a thousand times a second whether something came, and a sender waits for it to
    come round. Here it rests at the checkpoint, for at most `IDLE` seconds, until a PDU comes (`nudge`): a sender finds
    it there at once, and idle associations leave the processor to those that work.
    """

    IDLE = 0.02  # seconds; also how late a network time-out, or the end of the association, is noticed
    LINGER = 0.02  # seconds after a PDU in which the reactor runs freely: the message is queued after the PDU is announced

    def __init__(self, reactor: threading.Thread) -> None:
        self._reactor = reactor
        self._changed = threading.Condition()
        self._open = True
        self._parked = False
        self._busy_until = 0.0

    def is_set(self) -> bool:
        """Whether the reactor may run."""
        return self._open

    def set(self) -> None:
        """Let the reactor run. What came meanwhile was for the sender that had stopped it."""
        with self._changed:
            self._open = True
            self._busy_until = 0.0
            self._changed.notify_all()

    def nudge(self) -> None:
        """Say that a PDU came: the reactor has something to look at."""
        with self._changed:
            self._busy_until = time.monotonic() + self.LINGER
            self._changed.notify_all()

    def clear(self) -> None:
        """Stop the reactor at its checkpoint; returns once it stands there, or does not run at all."""
        with self._changed:
            self._open = False
            if threading.current_thread() is self._reactor:
                return  # the reactor itself is sending, from a handler: it cannot be at its checkpoint as well
            while not self._parked and not self._open and self._reactor.is_alive():
                # The time-out only covers a reactor that ends without another look at the checkpoint.
                self._changed.wait(self.IDLE)

    def wait(self, timeout: float | None = None) -> bool:
        """Stand at the checkpoint until `set`, or rest there while nothing comes; called by the reactor."""
        with self._changed:
            self._parked = True
            self._changed.notify_all()
            try:
                if self._open and time.monotonic() >= self._busy_until:
                    self._changed.wait(self.IDLE)
                self._changed.wait_for(lambda: self._open, timeout)
            finally:
                self._parked = False
            return self._open


def tune(event: Any) -> None:
    """Handle ``evt.EVT_CONN_OPEN``: make an association quick and its reactor's hand-over deterministic."""
    association = event.assoc
    checkpoint = association._reactor_checkpoint = Checkpoint(association)
    association.bind(evt.EVT_PDU_RECV, lambda _: checkpoint.nudge())
    # How often the thread that reads and writes PDUs looks for some, in seconds; each message waits for it four times.
    association.dul._run_loop_delay = 0.0005
    connection = association.dul.socket.socket
    if connection is not None:
        # A DIMSE message is two small PDUs; with Nagle the second waits for the peer's delayed ACK of the first.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def quiet_logging() -> None:
    """Turn off pynetdicom's formatting of every message for a log that nobody reads; a third of a message's cost."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False

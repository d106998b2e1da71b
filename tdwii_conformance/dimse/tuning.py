"""What every association of ours needs beyond pynetdicom 3.0.4 as shipped: no Nagle, no races, no polling.

All of it hangs on one handler, `tune`, for ``evt.EVT_CONN_OPEN``, which pynetdicom calls on both sides before the
association's reactor thread runs. The TCP option goes through the public event; the rest replaces private parts, because
there is no public hook: ``Association._reactor_checkpoint`` for the hand-over, and of the thread that reads and writes
PDUs (``DULServiceProvider``) the look at the socket, which waits here instead of coming round a thousand times a second;
``Association._serve_request``, which answers no event report that comes before the acceptor knows that it has accepted;
``DIMSEServiceProvider.get_msg``, which waits for a response on a connection that is closed; its ``receive_primitive``, which
ends the thread that reads when a command set lacks what it takes for granted; its ``send_msg``, which has pydicom encode each
command set twice (`sending.Sender`); ``DULServiceProvider._decode_pdu``, which takes no item in a negotiation that it does not
know; ``Association._wrap_find_responses``, which decodes each match before the next is taken (`matches.awaited`); the state
machine, which ends that thread when a PDU has a value that does not exist (`machine.Machine`); and
``Association.kill``, which waits for the rest of a PDU (`machine.Ending`).
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import _config, evt

from ..upper_layer import Assembler, Fragment, recognized
from ..upper_layer.malformation import SHOWN
from ..upper_layer.pdus import ACCEPT, REQUEST
from .machine import Ending, Machine
from .matches import Alike, awaited
from .sending import Sender

__all__ = ["Checkpoint", "no_message", "over", "quiet_logging", "tune", "why_it_ended"]


class Checkpoint:
    """Stands in for the `threading.Event` with which a sender pauses the association's reactor thread.

    As shipped, a sender clears the event and then polls ``_is_paused``. The reactor sets that flag, finds the event
    still set, and is about to go on when the sender clears the event and sees the flag: both go on. The reactor then
    takes the response from the queue ("Received unexpected ... service message") and the sender waits for its time-out.

    Here `clear` returns only once the reactor is really inside `wait`, and `wait` cannot be left before `set`.

    As shipped, an idle reactor also looks a thousand times a second whether something came, and a sender waits for it to
    come round. Here it rests at the checkpoint until a message or a primitive is queued for it (`nudge`), for at most `IDLE`
    seconds: a sender finds it there at once and leaves it there, and idle associations leave the processor to those that work.

    Parameters
    ----------
    reactor : threading.Thread
        The one that is to stand here.
    waiting : callable, optional
        Whether something is queued for the reactor.
    """

    IDLE = 0.25  # seconds; also how late a network time-out is noticed
    LINGER = 0.02  # seconds after the end of a connection in which the reactor runs freely: it has something to see, in no queue

    def __init__(self, reactor: threading.Thread, waiting: Callable[[], bool] = lambda: False) -> None:
        self._reactor = reactor
        self._waiting = waiting
        self._changed = threading.Condition()
        self._open = True
        self._parked = False
        self._busy_until = 0.0

    def is_set(self) -> bool:
        """Whether the reactor may run."""
        return self._open

    def set(self) -> None:
        """Let the reactor run. What came meanwhile was for the sender that had stopped it, so it is left where it rests.

        When it was not stopped, somebody ends the association: `Association.kill` sets it once more.
        """
        with self._changed:
            if self._open or self._waiting():
                self._changed.notify_all()
            self._open = True

    def nudge(self) -> None:
        """Say that something was queued for the reactor, or for the sender that has stopped it."""
        with self._changed:
            if self._open:
                self._changed.notify_all()

    def closed(self) -> None:
        """Say that the connection is closed."""
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
                if self._open and not self._waiting() and time.monotonic() >= self._busy_until:
                    self._changed.wait(self.IDLE)
                while not self._open:
                    self._changed.wait(self.IDLE)  # `set` wakes nobody who has nothing to do
            finally:
                self._parked = False
            return self._open


class Wait:
    """Lets the thread that reads and writes PDUs wait for something to do.

    As shipped it looks a thousand times a second for a PDU of the peer or a primitive of ours: each message waits for it
    four times, and fifty idle associations keep a processor busy. Here it waits in `select` for the connection, and for a
    socket of our own to which a byte is sent when one of its queues gets something.
    """

    IDLE = 0.25  # seconds; how late a timer that has run out may be noticed
    CLOSED = 0.001  # seconds between looks when there is no connection any more

    def __init__(self, dul: Any) -> None:
        self._dul = dul
        self._resting = False  # whether the thread waits, or is about to
        self.since = 0.0  # when it began to read, if it does: what a peer has begun to send it waits for
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self._close = weakref.finalize(dul, _close, self._ours, self._theirs)
        self._look, self._stop, self._kill = dul._is_transport_event, dul.stop_dul, dul.kill_dul
        dul._is_transport_event, dul.stop_dul, dul.kill_dul = self.look, self.stop, self.kill
        for queue in (dul.to_provider_queue, dul.event_queue):
            queue.put = self._waking(queue.put)
        dul._run_loop_delay = 0

    def close(self) -> None:
        """Give our sockets back: the connection is closed."""
        self._close()

    def wake(self) -> None:
        """End the wait, if there is one."""
        # Who is about to wait says so first and looks at its queues then: either it sees what was put there, or this sees it wait.
        if self._resting and threading.current_thread().ident != self._dul.ident:
            self._resting = False
            with contextlib.suppress(OSError):  # full, so that it wakes anyhow; or closed
                self._theirs.send(b"\0")

    def _waking(self, put: Any) -> Any:
        def waking(*arguments: Any, **keywords: Any) -> None:
            put(*arguments, **keywords)
            self.wake()

        return waking

    def look(self) -> bool:
        """Wait, then read what came, as shipped."""
        dul = self._dul
        if dul.state_machine.current_state == "Sta13":
            return self._read()
        if not dul.event_queue.empty():
            return False  # goes first; what comes is read when it has been done
        came = self._rest(dul.socket.socket if dul.socket is not None else None)
        if not dul.to_provider_queue.empty():
            return False  # ours goes first, as shipped
        return came and self._read()

    def _read(self) -> bool:
        self.since = time.monotonic()
        try:
            return bool(self._look())
        finally:
            self.since = 0.0

    def _rest(self, connection: socket.socket | None) -> bool:
        """Wait for the connection or for something to send; return whether something came on the connection."""
        if connection is None or not self._close.alive or self._dul._kill_thread:
            time.sleep(self.CLOSED)
            return True
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        try:
            self._resting = True
            nothing = self._dul.to_provider_queue.empty() and self._dul.event_queue.empty() and not self._dul._kill_thread
            ready, _, _ = select.select([connection, self._ours], [], [], self.IDLE if nothing else 0)
            self._resting = False
            if self._ours in ready:
                self._ours.recv(4096)
        except (OSError, ValueError):  # closed in this moment, by another thread
            return True
        return connection in ready

    def stop(self) -> bool:
        """Stop the thread if there is no connection."""
        if self._dul.state_machine.current_state == "Sta1":
            self.kill()
        return bool(self._stop())

    def kill(self) -> None:
        """Stop the thread."""
        self._kill()
        self.wake()


def _serve_when_established(association: Any) -> None:
    """Let event reports wait until the association is established.

    As shipped, an acceptor sends A-ASSOCIATE-AC, calls the handlers of ``EVT_ACCEPTED``, and only then sets
    ``is_established``. An N-EVENT-REPORT is served at once by a thread of its own: when it comes before that, its
    handler is called, and the response dropped because the association is not established; the sender waits for its
    time-out. Everything else is served by the reactor, which runs later.
    """
    decided = threading.Event()
    serve = association._serve_request

    def serve_then(*arguments: Any) -> None:
        if not association.is_established:
            decided.wait(association.acse_timeout)
        serve(*arguments)

    association._serve_request = serve_then
    for kind in (evt.EVT_ESTABLISHED, evt.EVT_ABORTED, evt.EVT_CONN_CLOSE):
        association.bind(kind, lambda _: decided.set())


class _Responses:
    """Lets nobody wait for a response on a connection that is closed.

    As shipped, a closed connection puts one mark into the queue of messages. The reactor takes it when it comes round
    first, and who sends the next request before the reactor has looked further waits the whole time-out on a dead
    association. Sent back to back, requests keep the reactor from that look: each is paused for as it resumes.
    """

    def __init__(self, association: Any) -> None:
        self._provider = association.dimse
        self._get = self._provider.get_msg
        self._closed = False
        self._provider.get_msg = self.get

    def close(self) -> None:
        """Say that the connection is closed; wakes who waits."""
        self._closed = True  # first: who does not see it yet finds the mark
        self._provider.msg_queue.put((None, None))

    def get(self, block: bool = False) -> Any:
        """Return the next message; nothing, and at once, if none can come any more."""
        return self._get(block=block and not (self._closed and self._provider.msg_queue.empty()))


class _Messages:
    """Lets no bytes of a peer end the thread that reads them.

    As shipped, a command set without Command Field or Command Data Set Type raises in that thread, which ends it: nobody reads
    any more, and who waits for a response waits for its time-out. Here such a message aborts the association, as an
    unrecognized PDU does [PS3.8 9.2.3 AA-8, 9.3.8], and `no_message` says what came.
    """

    def __init__(self, association: Any) -> None:
        self._association = association
        self._receive = association.dimse.receive_primitive
        self._alike = Alike(association, self._receive)
        association.dimse.receive_primitive = self.receive

    def receive(self, primitive: Any) -> None:
        """Take a P-DATA primitive."""
        provider = self._association.dimse
        try:
            if self._alike.take(primitive):
                return
            self._receive(primitive)
        except Exception as error:  # whatever pynetdicom and pydicom make of a peer's bytes
            octets = provider.message.encoded_command_set.getvalue() if provider.message is not None else b""
            provider.message = None
            self._association.no_message = _what_is_wrong(octets) or f"a message that cannot be decoded: {error}"
            provider.dul.event_queue.put("Evt19")


def _ignore_what_is_not_recognized(association: Any) -> None:
    """Leave unknown items out of what is decoded of an A-ASSOCIATE-RQ or -AC [PS3.8 9.3.1]; as shipped they abort it."""
    decode = association.dul._decode_pdu
    association.dul._decode_pdu = lambda octets: decode(
        bytearray(recognized(bytes(octets))) if octets[0] in (REQUEST, ACCEPT) else octets
    )


def _what_is_wrong(command_set: bytes) -> str:
    assembler = Assembler()
    whole = Fragment(0, command=True, last=True, octets=command_set, offset=0)
    assembler.feed(whole, ImplicitVRLittleEndian, datetime.now().astimezone())
    said = "; ".join(one.what for one in assembler.malformations)
    return f"{said} [{command_set[:SHOWN].hex(' ')}{' ...' if len(command_set) > SHOWN else ''}]" if said else ""


def no_message(association: Any) -> str:
    """Return what a peer has sent that is no DIMSE message, so that the association was aborted; empty if nothing.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that was tuned.
    """
    return str(getattr(association, "no_message", ""))


def why_it_ended(association: Any, error: RuntimeError | AttributeError | ValueError) -> str:
    """Return why an association is of no more use when a request on it raised; empty if the error is not pynetdicom's.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that was tuned. It is aborted if it stands.
    error : RuntimeError or AttributeError or ValueError
        The first comes when the association ended in this very moment, the second when the response is one of another service:
        pynetdicom reads in it what only its own has; the third when what was negotiated is no transfer syntax.
    """
    if isinstance(error, RuntimeError):
        return "the association ended"
    if isinstance(error, ValueError):
        none = [
            str(one.transfer_syntax[0]) for one in association.accepted_contexts if not one.transfer_syntax[0].is_transfer_syntax
        ]
        if none:
            association.abort()
        return f"the transfer syntax that was negotiated is none ({none[0]}), so the association was aborted" if none else ""
    if type(error.obj).__module__ != "pynetdicom.dimse_primitives":
        return ""
    association.abort()
    return f"the response is one of another service ({type(error.obj).__name__}), so the association was aborted"


def abort_at_once(association: Any) -> None:
    """Abort an association from one of its own handlers; what would be sent after that is not."""
    association.abort(block=False)
    association.dul.to_provider_queue.put = lambda *given, **named: None


def over(association: Any) -> bool:
    """Return whether an association has ended, though its reactor may not have come round to see it.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that has stood.
    """
    return bool(not association.is_established or association.acse.is_aborted() or association.dul._kill_thread)


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        one.close()


def _then(put: Callable[..., None], nudge: Callable[[], None]) -> Callable[..., None]:
    def put_then(*arguments: Any, **keywords: Any) -> None:
        put(*arguments, **keywords)
        nudge()

    return put_then


def tune(event: Any) -> None:
    """Handle ``evt.EVT_CONN_OPEN``: make an association quick, and free of pynetdicom's races."""
    association = event.assoc
    queues = association.dimse.msg_queue, association.dul.to_user_queue
    checkpoint = association._reactor_checkpoint = Checkpoint(association, lambda: any(not queue.empty() for queue in queues))
    for queue in queues:
        queue.put = _then(queue.put, checkpoint.nudge)
    wait, responses = Wait(association.dul), _Responses(association)
    Machine(association)
    Ending(association, lambda: wait.since)
    _Messages(association)
    Sender(association)
    association._wrap_find_responses = lambda *_: awaited(association)
    _ignore_what_is_not_recognized(association)

    def closed(_: Any) -> None:
        wait.close()
        responses.close()
        checkpoint.closed()  # the association is over: its thread may end

    association.bind(evt.EVT_CONN_CLOSE, closed)
    _serve_when_established(association)
    connection = association.dul.socket.socket
    if connection is not None:
        # A DIMSE message is two small PDUs; with Nagle the second waits for the peer's delayed ACK of the first.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def quiet_logging() -> None:
    """Turn off pynetdicom's formatting of every message for a log that nobody reads; a third of a message's cost."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False

"""Bytes to a system, PDU by PDU: what no library sends. What comes back is what is judged [PS3.8 9]."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import sop_class

from ..checks.unexpected import ABORTED, ACCEPTED, CLOSED, DATA, LOST, NOTHING, REJECTED, RELEASED, Answer
from ..dimse import Peer, Timeouts, Unreachable
from ..transcript.exchange import Exchange
from ..upper_layer import Connection

__all__ = ["Bare", "Items", "association_request", "data", "echo_request", "item", "pdu", "pdv"]

Items = Sequence[tuple[int, bytes]]
REQUEST, ACCEPT, REJECT, DATA_TF, RELEASE, RELEASE_RP, ABORT = range(1, 8)
ANSWERS = {ACCEPT: ACCEPTED, REJECT: REJECTED, DATA_TF: DATA, RELEASE_RP: RELEASED, ABORT: ABORTED}
APPLICATION = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION = b"1.2.826.0.1.3680043.9.3811.3.0.4"
LARGEST = 16384  # bytes, our Maximum Length


def item(kind: int, value: bytes) -> bytes:
    """Return an item or sub-item of an association request [PS3.8 9.3.2]."""
    return bytes([kind, 0]) + len(value).to_bytes(2, "big") + value


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU [PS3.8 9.3.1]."""
    return bytes([kind, 0]) + len(body).to_bytes(4, "big") + body


def pdv(fragment: bytes, control: int, context: int = 1) -> bytes:
    """Return a PDV; bit 0 of `control`: of a command set, bit 1: the last fragment [PS3.8 9.3.5.1, E.2]."""
    return (len(fragment) + 2).to_bytes(4, "big") + bytes([context, control]) + fragment


def data(*pdvs: bytes) -> bytes:
    """Return a P-DATA-TF."""
    return pdu(DATA_TF, b"".join(pdvs))


def association_request(calling: str, called: str, *, more: Items = (), user: Items = ()) -> bytes:
    """Return an A-ASSOCIATE-RQ for Verification.

    Parameters
    ----------
    calling, called : str
        AE titles.
    more, user : sequence of (int, bytes)
        Items, and sub-items of User Information, beside those that there have to be.
    """
    context = bytes([1, 0, 0, 0]) + item(0x30, sop_class.Verification.encode()) + item(0x40, ImplicitVRLittleEndian.encode())
    information = [(0x51, LARGEST.to_bytes(4, "big")), (0x52, IMPLEMENTATION), *user]
    items = [(0x10, APPLICATION), (0x20, context), *more, (0x50, b"".join(item(*one) for one in information))]
    titles = called.encode("ascii").ljust(16) + calling.encode("ascii").ljust(16)
    return pdu(REQUEST, b"\0\1\0\0" + titles + bytes(32) + b"".join(item(*one) for one in items))


def echo_request(number: int = 1) -> bytes:
    """Return the command set of a C-ECHO [PS3.7 9.3.5]."""

    def element(tag: int, value: bytes) -> bytes:
        return b"\0\0" + tag.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value

    body = element(0x0002, sop_class.Verification.encode() + b"\0") + element(0x0100, b"\x30\0")
    body += element(0x0110, number.to_bytes(2, "little")) + element(0x0800, b"\1\1")
    return element(0x0000, len(body).to_bytes(4, "little")) + body


@dataclass
class Bare:
    """A connection to a system. A context manager.

    Parameters
    ----------
    peer : Peer
        Where it is.
    calling : str
        Our AE title.
    timeouts : Timeouts
        Deadlines.

    Raises
    ------
    Unreachable
        When entered, if there is no connection.
    """

    peer: Peer
    calling: str
    timeouts: Timeouts

    def __enter__(self) -> Self:
        try:
            self._socket = socket.create_connection((self.peer.host, self.peer.port), self.timeouts.connect)
            if self.peer.tls is not None:
                self._socket = self.peer.tls.client_context().wrap_socket(self._socket, server_hostname=self.peer.host)
        except OSError as error:
            raise Unreachable(self.peer, error.strerror or str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seen = Connection(datetime.now().astimezone())
        self._buffer = b""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()
        self._seen.close(datetime.now().astimezone())

    @property
    def exchanges(self) -> list[Exchange]:
        """What has been exchanged, when the connection is closed."""
        return self._seen.exchanges

    def send(self, *pdus: bytes) -> None:
        """Send bytes, each piece by itself. That the other side has closed the connection is seen by the answer."""
        for octets in pdus:
            self._seen.feed("requestor", octets, datetime.now().astimezone())
            try:
                self._socket.sendall(octets)
            except OSError:
                return

    def associate(self, *, more: Items = (), user: Items = ()) -> Answer:
        """Request an association; return what came."""
        self.send(association_request(self.calling, self.peer.ae_title, more=more, user=user))
        return self.answer()

    def answer(self, seconds: float | None = None) -> Answer:
        """Return what comes: the next PDU, the end of the connection, or nothing.

        Parameters
        ----------
        seconds : float, optional
            How long it may take; the deadline for an association if not given.
        """
        deadline = time.monotonic() + (self.timeouts.association if seconds is None else seconds)
        while len(self._buffer) < 6 or len(self._buffer) < 6 + int.from_bytes(self._buffer[2:6], "big"):
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                octets = self._socket.recv(1 << 16)
            except TimeoutError:
                return Answer(NOTHING, self._buffer)
            except OSError:
                return Answer(LOST, self._buffer)
            if not octets:
                return Answer(CLOSED, self._buffer)
            self._seen.feed("acceptor", octets, datetime.now().astimezone())
            self._buffer += octets
        whole = 6 + int.from_bytes(self._buffer[2:6], "big")
        came, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return Answer(ANSWERS.get(came[0], f"a PDU of type {came[0]:02X}H"), came)

    def echoed(self, fragments: Iterable[bytes]) -> Answer:
        """Send a C-ECHO in these P-DATA-TF; return what came: `DATA` is its response, of which the exchange says more."""
        self.send(*fragments)
        return self.answer(self.timeouts.message)

    def release(self) -> None:
        """Release the association, and read the answer."""
        self.send(pdu(RELEASE, bytes(4)))
        self.answer()

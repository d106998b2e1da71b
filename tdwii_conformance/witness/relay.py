"""One end of a connection that the proxy carries: what comes from it goes to the other end at once. No DICOM here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from ..upper_layer import Side

__all__ = ["PIECE", "End"]

PIECE = 1 << 16  # bytes that may wait to be sent to one side before no more is read from the other


class End(asyncio.Protocol):
    """What the proxy has of one side.

    Parameters
    ----------
    side : {"requestor", "acceptor"}
        Which.
    passed : callable
        Takes each piece of bytes when it has been sent on.
    called : callable, optional
        Takes this end when it is connected. Nothing is read before `read`.
    name : str
        Of the connection.

    Attributes
    ----------
    other : End
        The other one.
    gone : asyncio.Future
        When the connection is lost: why, or ``None``.
    """

    other: End

    def __init__(
        self, side: Side, passed: Callable[[bytes], None], called: Callable[[End], None] | None = None, *, name: str = ""
    ) -> None:
        self.side, self.name = side, name
        self._passed, self._called = passed, called
        self._transport: asyncio.Transport | None = None
        self._ended = False
        self.gone: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    @property
    def connected(self) -> bool:
        """Whether there has been a connection."""
        return self._transport is not None

    @property
    def transport(self) -> asyncio.Transport:
        """The connection."""
        assert self._transport is not None
        return self._transport

    def read(self) -> None:
        """Begin to read."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    async def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Have the rest go over TLS, as the server of it.

        Raises
        ------
        OSError
            If that does not come about.
        """
        loop = asyncio.get_running_loop()
        upgraded = await loop.start_tls(self.transport, self, context, server_side=True, ssl_handshake_timeout=seconds)
        assert upgraded is not None
        self._transport = upgraded
        upgraded.set_write_buffer_limits(high=PIECE)

    def end(self, *, broken_off: bool) -> None:
        """Close the connection: at once, or when what is to be sent has been."""
        if self._transport is None:
            self.gone.cancel()
        elif broken_off:
            self._transport.abort()
        else:
            self._transport.close()

    # --- asyncio calls these ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the other side to be connected too."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=PIECE)
        self._transport.pause_reading()
        if self._called is not None:
            self._called(self)

    def data_received(self, data: bytes) -> None:
        """Send bytes on."""
        self.other.transport.write(data)
        self._passed(bytes(data))

    def eof_received(self) -> bool:
        """Pass on that this side sends no more; true: it may receive more."""
        self._ended = True
        other = self.other.transport
        if self.other._ended or not other.can_write_eof():  # TLS has no connection that is closed in one direction
            other.close()
            return False
        if not other.is_closing():
            other.write_eof()
        return True

    def pause_writing(self) -> None:
        """Read no more from the other side until this one has taken what is to be sent."""
        if self.other.connected and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self.other.connected and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take that the connection is gone."""
        if not self.gone.done():
            self.gone.set_result(exc)

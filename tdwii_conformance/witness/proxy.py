"""A recording proxy: passes the bytes of as many connections as come, unchanged, and hands on a copy. No DICOM here."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from ..upper_layer import Side
from .records import Chunk

__all__ = ["Listener", "Onlooker", "Proxy", "ProxyError"]

PIECE = 1 << 16  # bytes that are read at once; what was read has been sent on before more is
CONNECT_TIMEOUT = 10.0  # seconds


class ProxyError(Exception):
    """The proxy cannot listen; the message says where and why."""


@dataclass(frozen=True)
class Listener:
    """A local port that stands for a system.

    Parameters
    ----------
    port : int
        The local one; 0: any that is free.
    name : str
        What the system is called, for a reader: ``TMS``.
    host : str
        Where the system is.
    system_port : int
        Its port there.
    bind : str
        The local address to listen at.
    """

    port: int
    name: str
    host: str
    system_port: int
    bind: str = "127.0.0.1"

    def __str__(self) -> str:
        """Return where it leads to."""
        return f"{self.name}@{self.host}:{self.system_port}"


class Onlooker:
    """Takes what passes. Its methods are called by one thread, in order; this one does nothing."""

    def opened(self, name: str, time: datetime, requestor: str, acceptor: str) -> None:
        """Take that a connection was opened, with the addresses of both sides."""

    def passed(self, name: str, chunk: Chunk) -> None:
        """Take bytes of a connection."""

    def closed(self, name: str, time: datetime, why: str) -> None:
        """Take that a connection is closed; `why` says what is unusual about it, or is empty."""


class Proxy:
    """Listens on local ports, and passes what comes to the systems behind them and back. A context manager.

    Parameters
    ----------
    listeners : sequence of Listener
        At least one.
    onlookers : sequence of Onlooker
        Take a copy of all that passes, in a thread of their own: the bytes do not wait for them.

    Raises
    ------
    ProxyError
        When entered, if a port cannot be had.
    """

    def __init__(self, listeners: Sequence[Listener], onlookers: Sequence[Onlooker]) -> None:
        self.listeners = tuple(listeners)
        self.ports: tuple[int, ...] = ()
        self.error: BaseException | None = None
        self._onlookers = tuple(onlookers)
        self._queue: queue.SimpleQueue[Callable[[Onlooker], None] | None] = queue.SimpleQueue()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._count = 0
        self._refused: ProxyError | None = None

    def __enter__(self) -> Self:
        self._carrier = threading.Thread(target=self._carry, name="proxy", daemon=True)
        self._reporter = threading.Thread(target=self._report, name="proxy's onlookers", daemon=True)
        self._carrier.start()
        self._started.wait()
        if self._refused is not None:
            self._carrier.join()
            raise self._refused
        self._reporter.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._carrier.join()
        self._queue.put(None)
        self._reporter.join()

    # --- the onlookers' thread -----------------------------------------------------------------------------------------

    def _report(self) -> None:
        while (report := self._queue.get()) is not None:
            for onlooker in self._onlookers:
                try:
                    report(onlooker)
                except Exception as error:  # kept for whoever runs the proxy: a full disk must not stop the traffic
                    self.error = self.error or error

    # --- the thread that carries --------------------------------------------------------------------------------------

    def _carry(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        servers: list[asyncio.Server] = []
        try:
            for listener in self.listeners:
                try:
                    servers.append(await asyncio.start_server(self._accepting(listener), listener.bind, listener.port, limit=PIECE))
                except (OSError, OverflowError) as error:
                    self._refused = ProxyError(f"port {listener.port} for {listener} cannot be listened on: {_reason(error)}")
                    return
            self.ports = tuple(server.sockets[0].getsockname()[1] for server in servers)
            self._started.set()
            await self._stop.wait()
        finally:
            for server in servers:
                server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._started.set()

    def _accepting(self, listener: Listener) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._connection(listener, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return accept

    async def _connection(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        name, why = str(self._count), ""
        peer = writer.get_extra_info("peername") or ("unknown", 0)
        opened = datetime.now().astimezone()
        requestor, acceptor = f"{peer[0]}:{peer[1]}", str(listener)
        self._queue.put(lambda onlooker: onlooker.opened(name, opened, requestor, acceptor))
        try:
            connecting = asyncio.open_connection(listener.host, listener.system_port, limit=PIECE)
            theirs, to_them = await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
        except OSError as error:  # TimeoutError is one
            writer.transport.abort()
            why = f"{listener} cannot be reached: {_reason(error)}"
        else:
            try:
                await asyncio.gather(self._pump(name, "requestor", reader, to_them), self._pump(name, "acceptor", theirs, writer))
            except OSError as error:
                why = f"the connection was reset: {_reason(error)}"
            finally:
                # What one side has broken off is broken off for the other.
                for one in (writer, to_them):
                    one.transport.abort() if why else one.close()
        finally:
            closed = datetime.now().astimezone()
            self._queue.put(lambda onlooker: onlooker.closed(name, closed, why))

    async def _pump(self, name: str, side: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(PIECE):
            writer.write(octets)
            chunk = Chunk(side, datetime.now().astimezone(), octets)
            self._queue.put(lambda onlooker, chunk=chunk: onlooker.passed(name, chunk))  # type: ignore[misc]
            await writer.drain()
        with suppress(OSError):  # the other side may be gone already
            writer.write_eof()


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()

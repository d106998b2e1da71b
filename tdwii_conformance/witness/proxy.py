"""A recording proxy: passes the bytes of as many connections as come, unchanged, and hands on a copy. No DICOM here."""

from __future__ import annotations

import asyncio
import os
import queue
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from ..dimse import TLS
from ..upper_layer import Side
from .records import Chunk
from .relay import End

__all__ = ["Listener", "Onlooker", "Proxy", "ProxyError"]

CONNECT_TIMEOUT = 10.0  # seconds, for the connection to a system, and for TLS with a caller


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
    tls : TLS, optional
        To end TLS here, on both sides: our certificate, and what theirs are checked against. Without it TLS passes unread.
    """

    port: int
    name: str
    host: str
    system_port: int
    bind: str = "127.0.0.1"
    tls: TLS | None = None

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
        When entered, if a port cannot be had, or a certificate or key cannot be used.
    """

    def __init__(self, listeners: Sequence[Listener], onlookers: Sequence[Onlooker]) -> None:
        self.listeners = tuple(listeners)
        self.ports: tuple[int, ...] = ()
        self.error: BaseException | None = None
        self._onlookers = tuple(onlookers)
        self._queue: queue.SimpleQueue[tuple[Callable[..., None], float, tuple[str, ...], bytes] | None] = queue.SimpleQueue()
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
        while (seen := self._queue.get()) is not None:
            report, seconds, words, octets = seen
            moment = datetime.fromtimestamp(seconds).astimezone()
            for onlooker in self._onlookers:
                try:
                    report(onlooker, moment, words, octets)
                except Exception as error:  # kept for whoever runs the proxy: a full disk must not stop the traffic
                    self.error = self.error or error

    # --- the thread that carries --------------------------------------------------------------------------------------

    def _note(self, report: Callable[..., None], *words: str, octets: bytes = b"") -> None:
        """Have the other thread tell the onlookers; what that costs, the bytes do not wait for."""
        self._queue.put((report, time.time(), words, octets))

    def _carry(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        servers: list[asyncio.Server] = []
        try:
            for listener in self.listeners:
                try:
                    contexts = _contexts(listener)
                    servers.append(await loop.create_server(self._factory(listener, *contexts), listener.bind, listener.port))
                except ssl.SSLError as error:
                    self._refused = ProxyError(f"{listener}: not usable as PEM certificates and key: {_reason(error)}")
                    return
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

    def _factory(self, listener: Listener, ours: ssl.SSLContext | None, theirs: ssl.SSLContext | None) -> Callable[[], End]:
        def called(end: End) -> None:
            task = asyncio.get_running_loop().create_task(self._connection(listener, end, ours, theirs))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        def answer() -> End:
            self._count += 1
            return End("requestor", self._passing(str(self._count), "requestor"), called, name=str(self._count))

        return answer

    def _passing(self, name: str, side: Side) -> Callable[[bytes], None]:
        put = self._queue.put
        words = (name, side)
        return lambda octets: put((_passed, time.time(), words, octets))

    async def _connection(
        self, listener: Listener, caller: End, ours: ssl.SSLContext | None, theirs: ssl.SSLContext | None
    ) -> None:
        name, why = caller.name, ""
        peer = caller.transport.get_extra_info("peername") or ("unknown", 0)
        self._note(_opened, name, f"{peer[0]}:{peer[1]}", str(listener))
        system = End("acceptor", self._passing(name, "acceptor"), name=name)
        caller.other, system.other = system, caller
        try:
            why = await self._join(listener, caller, system, ours, theirs)
            if not why:
                error = await _either(caller, system)
                why = f"the connection was reset: {_reason(error)}" if error is not None else ""
        finally:
            # What one side has broken off is broken off for the other.
            for one in (caller, system):
                one.end(broken_off=bool(why))
            await asyncio.gather(*(one.gone for one in (caller, system) if one.connected))
            self._note(_closed, name, why)

    async def _join(
        self, listener: Listener, caller: End, system: End, ours: ssl.SSLContext | None, theirs: ssl.SSLContext | None
    ) -> str:
        """Connect to the system, and have both sides read; return why that cannot be."""
        loop = asyncio.get_running_loop()
        host = listener.host if theirs is not None else None
        connecting = loop.create_connection(lambda: system, listener.host, listener.system_port, ssl=theirs, server_hostname=host)
        try:
            await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
        except OSError as error:  # TimeoutError is one, and what is wrong with TLS
            return f"{listener} cannot be reached: {_reason(error)}"
        if ours is not None:
            try:
                await caller.start_tls(ours, CONNECT_TIMEOUT)
            except OSError as error:
                return f"TLS with the caller did not come about: {_reason(error)}"
        caller.read()
        system.read()
        return ""


async def _either(*ends: End) -> BaseException | None:
    """Wait until one of the ends is gone; return why, if it was not closed."""
    done, _ = await asyncio.wait([one.gone for one in ends], return_when=asyncio.FIRST_COMPLETED)
    return next((one.result() for one in done if one.result() is not None), None)


def _contexts(listener: Listener) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Return what TLS needs towards the callers, and towards the system."""
    if listener.tls is None:
        return None, None
    return listener.tls.server_context(), listener.tls.client_context()


def _opened(onlooker: Onlooker, moment: datetime, words: tuple[str, str, str], octets: bytes) -> None:
    onlooker.opened(words[0], moment, words[1], words[2])


def _passed(onlooker: Onlooker, moment: datetime, words: tuple[str, Side], octets: bytes) -> None:
    onlooker.passed(words[0], Chunk(words[1], moment, octets))


def _closed(onlooker: Onlooker, moment: datetime, words: tuple[str, str], octets: bytes) -> None:
    onlooker.closed(words[0], moment, words[1])


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None and str(error.strerror).startswith("Connect call failed"):
        return os.strerror(error.errno).lower()  # asyncio has put the address in its place
    return (getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()

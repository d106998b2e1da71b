"""What a network does to a clinic: a proxy before the TMS that delays, cuts and refuses; and the TMS restarted in the midst.

`Network` passes bytes as they come, except for what its faults say. `Restarts` has the TMS restarted now and then, and writes down
when, for the history: what is to be reported in such a moment may be lost [PS3.4 CC.2.4.3].
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from .clock import Clock

__all__ = ["FAULTS", "Network", "Restarts", "read_disturbances"]

# What each does, and how long, or how often, if nobody says so: in seconds.
FAULTS: Mapping[str, float] = {
    "delay": 0.1,  # each piece of bytes comes so much later
    "jitter": 0.2,  # each comes later by up to so much
    "cut": 3.0,  # about so often a connection is closed, at any byte
    "reset": 3.0,  # likewise, with RST
    "half-open": 10.0,  # likewise, but one side is not told, and hears nothing any more
    "refused": 3.0,  # for so long connections are refused, and taken for five times as long
    "restart": 15.0,  # so often the TMS is restarted
}
BREAKING = ("cut", "reset", "half-open")
PIECE = 1 << 14
WITHIN = 1500  # bytes, after which a connection breaks: in the message that passes, or in one of the next
TAKEN = 5  # how many times longer connections are taken than refused
CONNECT = 10.0  # seconds until the TMS has to take a connection
RST = struct.pack("ii", 1, 0)  # SO_LINGER without time: closing sends RST


@dataclass(eq=False)
class _Pair:
    """The two connections of a user, and what is to happen to them."""

    theirs: asyncio.StreamWriter
    system: asyncio.StreamWriter
    fault: str = ""
    left: int = 0  # bytes until then
    silent: bool = False

    def reset(self) -> None:
        for writer in (self.theirs, self.system):
            _reset(writer)

    def close(self) -> None:
        for writer in (self.theirs, self.system):
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    writer.transport.abort()


class Network:
    """A port that leads to a system, over a network that breaks. A context manager.

    Parameters
    ----------
    host, port : str, int
        Where the system is.
    faults : mapping of str to float
        Names of `FAULTS`, with their seconds.
    bind : str
        The local address to listen at.
    chance : random.Random, optional
        Decides when, what and where.

    Attributes
    ----------
    port : int
        Where it listens, once entered.
    done : Counter of str
        How often each fault has happened.
    """

    def __init__(
        self, host: str, port: int, faults: Mapping[str, float], *, bind: str = "127.0.0.1", chance: random.Random | None = None
    ) -> None:
        self._to = host, port
        self._faults = faults
        self._bind = bind
        self._random = chance or random.Random()
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = threading.Event()
        self._error: OSError | None = None
        self.port = 0
        self.done: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="network with faults", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._listen()
        except OSError as error:
            self._error = error
            self._started.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        happening = [asyncio.create_task(self._break(kind, self._faults[kind])) for kind in BREAKING if kind in self._faults]
        server = await self._open_and_refuse(server) if "refused" in self._faults else await self._stay(server)
        server.close()
        for task in (*happening, *self._tasks):
            task.cancel()
        await asyncio.gather(*happening, *self._tasks, return_exceptions=True)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, self._bind, self.port, limit=PIECE)

    async def _stay(self, server: asyncio.Server) -> asyncio.Server:
        await self._stop.wait()
        return server

    async def _open_and_refuse(self, server: asyncio.Server) -> asyncio.Server:
        seconds = self._faults["refused"]
        while not await self._stopped_within(TAKEN * seconds):
            server.close()
            self.done["refused"] += 1
            stopped = await self._stopped_within(seconds)
            server = await self._listen()
            if stopped:
                break
        return server

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        return self._stop.is_set()

    async def _break(self, kind: str, often: float) -> None:
        """Choose a connection again and again, and the byte at which it breaks."""
        while True:
            await asyncio.sleep(self._random.expovariate(1 / often))
            if whole := [pair for pair in self._pairs if not pair.fault]:
                pair = self._random.choice(whole)
                pair.fault, pair.left = kind, self._random.randrange(WITHIN)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, system = await asyncio.wait_for(asyncio.open_connection(*self._to, limit=PIECE), CONNECT)
        except OSError:  # TimeoutError is one
            _reset(writer)
            return
        pair = _Pair(writer, system)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(pair, reader, system), self._pump(pair, theirs, writer))
        except OSError:
            pair.reset()  # what one side has broken off is broken off for the other
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _pump(self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(PIECE):
            pause = self._faults.get("delay", 0.0) + self._random.uniform(0.0, self._faults.get("jitter", 0.0))
            if pause:
                await asyncio.sleep(pause)
            if pair.silent:
                continue
            breaks = bool(pair.fault) and pair.left <= len(octets)
            writer.write(octets[: pair.left] if breaks else octets)
            pair.left -= len(octets) if pair.fault else 0
            await writer.drain()
            if breaks:
                self.done[pair.fault] += 1
                self._happen(pair)
        if not pair.silent:
            with suppress(OSError):  # the other side may be gone already
                writer.write_eof()

    def _happen(self, pair: _Pair) -> None:
        pair.silent = True
        if pair.fault == "cut":
            pair.close()
        elif pair.fault == "reset":
            pair.reset()
        else:
            self._random.choice([pair.theirs, pair.system]).close()


class Restarts:
    """Has the TMS restarted again and again. A context manager.

    Parameters
    ----------
    restart : callable
        Does it, and returns when the TMS works again; raises OSError if it does not.
    every : float
        So often, in seconds.
    written : Path
        Where it is written down, a line for each beginning and each end.
    clock : Clock
        The time of the run.

    Attributes
    ----------
    count : int
        How often it was done.
    error : str
        Why a restart failed; empty if none did.
    """

    def __init__(self, restart: Callable[[], None], every: float, written: Path, clock: Clock) -> None:
        self._restart, self._every, self._written, self._clock = restart, every, written, clock
        self._end = threading.Event()
        self.count = 0
        self.error = ""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="restarts of the TMS", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(self._every) and not self.error:
            self._say("began")
            try:
                self._restart()
            except OSError as error:
                self.error = str(error)
            self.count += 1
            self._say("ended")

    def _say(self, what: str) -> None:
        with self._written.open("a", encoding="utf-8") as file:
            file.write(json.dumps({what: self._clock.now()}) + "\n")


def read_disturbances(written: Path) -> list[tuple[float, float]]:
    """Return when restarts began and ended, in seconds since 1970; one that goes on has no end: infinite."""
    if not written.is_file():
        return []
    found: list[tuple[float, float]] = []
    for line in written.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        if "began" in said:
            found.append((said["began"], float("inf")))
        elif found:
            found[-1] = (found[-1][0], said["ended"])
    return found

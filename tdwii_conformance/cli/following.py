"""A record as it grows: who talks to whom, exchanges as they complete, findings as they appear."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import shutil
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..profile.statuses import status_text
from ..transcript.exchange import Exchange
from ..transcript.observation import OPEN, Association
from ..upper_layer import Connection, Malformation, Side
from ..witness.records import Event, Recorded, RecordReader, connection_of
from .screen import plain, say

if TYPE_CHECKING:
    from ..profile.catalogue import Catalogue
    from ..report.verdicts import TestVerdict

__all__ = ["Judging", "fitted", "follow", "following"]

PAUSE = 0.1  # seconds until it is looked again whether the record has grown
REST = 4  # times as long as judging took, it rests: it is done anew, and the traffic goes first
LONG_UID = re.compile(r"\b[0-2](?:\.\d+){5,}\b(?<=.{24})")
MOST_FINDINGS = 4  # of a requirement, that are shown at once


@dataclass(frozen=True)
class Judging:
    """How a record is judged.

    Parameters
    ----------
    edition : str
        Edition of TDW-II.
    said : mapping of str to sequence of str
        AE titles by part, as the user has named them.
    complete : bool
        Whether nobody works with the TMS who is not recorded.
    """

    edition: str = "ti"
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    complete: bool = False


@contextlib.contextmanager
def following(path: Path, judging: Judging) -> Iterator[None]:
    """Show a record while it is written by this process, in another one: the traffic does not wait for it."""
    spawn = multiprocessing.get_context("spawn")
    over = spawn.Event()
    process = spawn.Process(target=_beside, args=(path, judging, over), name="live view", daemon=True)
    process.start()
    try:
        yield
    finally:
        over.set()
        with contextlib.suppress(KeyboardInterrupt):  # who cannot wait for the last findings has the record
            process.join()
        process.kill()


def _beside(path: Path, judging: Judging, over: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both; the recording process ends this one
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(10)
    parent = multiprocessing.parent_process()
    follow(path, judging, lambda: over.is_set() or (parent is not None and not parent.is_alive()), over.wait)


def follow(path: Path, judging: Judging, over: Callable[[], bool], wait: Callable[[float], object]) -> None:
    """Show a record that grows.

    Parameters
    ----------
    path : Path
        The record.
    judging : Judging
        How it is judged.
    over : callable
        Whether it grows no more.
    wait : callable
        Waits so many seconds, or until it is over.

    Raises
    ------
    RecordError
        If the file is no record.
    """
    live = _Live()
    with RecordReader(path) as reader:
        judge = _Judge(reader, judging)
        while True:
            last = over()  # before reading: what was written until then is read
            for event in reader.more():
                live.take(event)
            judge.perhaps(live.count, last=last)
            if last:
                return
            wait(PAUSE)


class _Live:
    """Shows what passes: associations, exchanges, and what is wrong with the bytes."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._encrypted: set[str] = set()
        self.count = 0
        self._now = ""  # when what is shown came to its end

    def take(self, event: Event) -> None:
        recorded, name = event.recorded, event.recorded.name
        self._now = _clock(event.time)
        match event.kind:
            case "opened":
                self._connections[name] = Connection(
                    event.time,
                    exchange=lambda exchange: self._exchange(name, exchange),
                    association=lambda association: self._association(name, association),
                    malformation=lambda side, one: self._malformation(name, side, one),
                )
            case "passed":
                if recorded.encrypted and name not in self._encrypted:
                    self._encrypted.add(name)
                    who = f"{plain(recorded.requestor)} to {plain(recorded.acceptor)}"
                    _line(f"{self._now} [{name}] {who}: TLS: recorded, but only its ends can read it")
                chunk = recorded.chunks[-1]
                if name not in self._encrypted:
                    self._connections[name].feed(chunk.side, chunk.octets, chunk.time)
            case "closed":
                if recorded.why:
                    _line(f"{self._now} [{name}] {plain(recorded.why)}")
                connection = self._connections.pop(name)
                if name not in self._encrypted:
                    connection.close(event.time)

    def _association(self, name: str, association: Association) -> None:
        who = f"{plain(association.requestor) or '?'} to {plain(association.acceptor) or '?'}"
        ended = "association" if association.ended == OPEN else association.ended
        _line(f"{self._now} [{name}] {who}: {plain(ended)}")

    def _exchange(self, name: str, exchange: Exchange) -> None:
        self.count += 1
        ended = f"{status_text(exchange.status)}" if not exchange.failure else plain(exchange.failure)
        what = " ".join(filter(None, (exchange.service, plain(exchange.instance_uid)))) + _about(exchange)
        who = f"{plain(exchange.requestor)} to {plain(exchange.acceptor)}"
        _line(f"{self._now} [{name}] {who}: {what}: {ended}")

    def _malformation(self, name: str, side: Side, one: Malformation) -> None:
        _line(f"{self._now} [{name}] wrong, of the {side}: {plain(one)}")


def _about(exchange: Exchange) -> str:
    from ..simulators.live import about  # with all that the simulators need: in the process that follows, when there is something

    with contextlib.suppress(TypeError, ValueError, AttributeError):  # of what a peer sends nothing need be what it should be
        return plain(about(exchange))
    return ""


class _Judge:
    """Judges what there is anew when more has come, at most a fifth of the time; shows each finding once."""

    def __init__(self, reader: RecordReader, judging: Judging) -> None:
        self._reader, self._judging = reader, judging
        self._decoded: dict[str, Connection] = {}
        self._shown: set[tuple[str, ...]] = set()
        self._catalogue: Catalogue | None = None
        self._judged, self._at_rest_until = 0, 0.0
        self._thread: threading.Thread | None = None

    def perhaps(self, count: int, *, last: bool) -> None:
        """Judge, if there is more than before; in another thread, that what passes is shown meanwhile."""
        if self._thread is not None and (last or not self._thread.is_alive()):
            self._thread.join()
            self._thread = None
        if count == self._judged or self._thread is not None or (not last and time.monotonic() < self._at_rest_until):
            return
        self._judged = count
        seen = [copy(one) for one in self._reader.found.values()]
        for one in seen:
            one.chunks = list(one.chunks)
        self._thread = threading.Thread(target=self._judge, args=(seen,), name="judge", daemon=True)
        self._thread.start()
        if last:
            self._thread.join()

    def _judge(self, seen: Sequence[Recorded]) -> None:
        began = time.monotonic()
        from ..profile import load_catalogue
        from ..witness.answering import judge_all
        from ..witness.judging import witness

        how = self._judging
        self._catalogue = self._catalogue or load_catalogue()
        what = witness(seen, edition=how.edition, said=how.said, decode=self._decode, until=datetime.now().astimezone())
        for verdict in judge_all(what, self._catalogue, edition=how.edition, complete=how.complete):
            if verdict.verdict in ("failed", "warned"):
                self._show(verdict)
        self._at_rest_until = time.monotonic() + REST * (time.monotonic() - began)

    def _decode(self, recorded: Recorded) -> Connection:
        if recorded.closed is None:
            return connection_of(recorded)
        if recorded.name not in self._decoded:
            self._decoded[recorded.name] = connection_of(recorded)
        return self._decoded[recorded.name]

    def _show(self, verdict: TestVerdict) -> None:
        assert self._catalogue is not None
        who = verdict.nodeid.partition(" ")[0]
        keys = {
            (verdict.requirement, who, one["expected"], one["received"], one["path"] or ""): one
            for one in verdict.findings
        }  # fmt: skip
        new = [key for key in keys if key not in self._shown]
        if not new:
            return
        self._shown.update(new)
        statement = self._catalogue[verdict.requirement].statement
        lines = [f"{verdict.verdict.upper()} {verdict.requirement} {plain(who)}: {statement}"]
        for key in new[:MOST_FINDINGS]:
            at = f" at {key[4]}" if key[4] else ""
            lines.append(f"    expected {plain(key[2])}; received {plain(key[3])}{at}")
        if len(new) > MOST_FINDINGS:
            lines.append(f"    ... and {len(new) - MOST_FINDINGS} more")
        for line in lines:
            _line(line)


def _line(text: str) -> None:
    """Print a line of the view; on a terminal, so that it is read there at a glance."""
    say(fitted(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text)


def fitted(text: str, width: int) -> str:
    """Return a line for a screen: what is too long is wrapped between words, and a UID in it is shown by its end.

    Parameters
    ----------
    text : str
        The line.
    width : int
        Columns of the screen.
    """
    if len(text) <= width:
        return text
    short = LONG_UID.sub(lambda found: f"...{found[0][-8:]}", text)
    inset = " " * (len(short) - len(short.lstrip()))
    return textwrap.fill(short.lstrip(), max(width, 40), initial_indent=inset, subsequent_indent=f"{inset}    ",
                         break_on_hyphens=False)  # fmt: skip


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S.%f}"[:-3]

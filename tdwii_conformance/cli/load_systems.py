"""What `tdwii load` puts the users on: our own TMS and OST, a network with faults before the TMS, restarts of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .failures import Usage

if TYPE_CHECKING:
    from ..load.setting import Setting

__all__ = ["faults_of", "network", "ours", "restarts"]

OURS = ("UPSSCP", "OST")  # AE titles of `tdwii serve all`
WAIT = 180.0  # seconds until our own simulators listen
Report = Callable[[], Sequence[str]]
Restart = Callable[[], None]


def faults_of(texts: Sequence[str]) -> dict[str, float]:
    """Return the faults of ``--fault``: seconds by name."""
    from ..load.faults import FAULTS

    found = {}
    for text in texts:
        name, given, amount = text.partition("=")
        try:
            factor = 0.001 if amount.endswith("ms") else 1.0
            seconds = factor * float(amount.removesuffix("ms").removesuffix("s")) if given else FAULTS.get(name, 0.0)
        except ValueError:
            seconds = -1.0
        if name not in FAULTS or not 0 < seconds <= 3600:
            raise Usage(f"--fault {text!r}: expected NAME or NAME=TIME, for example delay=50ms; names are {', '.join(FAULTS)}")
        found[name] = seconds
    return found


@contextlib.contextmanager
def network(setting: Setting, faults: Mapping[str, float]) -> Iterator[tuple[Setting, Report]]:
    """Put a network with these faults between the users and the TMS; yield the setting, and what tells what has happened."""
    from ..load.faults import Network

    here = {name: seconds for name, seconds in faults.items() if name != "restart"}
    if not here:
        yield setting, tuple
        return
    tms = setting.described()[0]
    with Network(tms.host, tms.port, here) as between:
        yield (
            replace(setting, through=("127.0.0.1", between.port)),
            lambda: [f"faults of the network: {', '.join(f'{n} {name}' for name, n in between.done.items()) or 'none'}"],
        )


@contextlib.contextmanager
def restarts(
    setting: Setting, faults: Mapping[str, float], restart: Restart | None, scratch: Path
) -> Iterator[tuple[Setting, Report]]:
    """Have the TMS restarted now and then; yield the setting, and what tells how often it was."""
    from ..load.faults import Restarts

    if "restart" not in faults or restart is None:
        yield setting, tuple
        return
    written = scratch / "restarts.jsonl"
    with Restarts(restart, faults["restart"], written, setting.clock) as again:
        yield (
            replace(setting, restarts=str(written)),
            lambda: [f"restarts of the TMS: {again.count}{f'; then no more: {again.error}' if again.error else ''}"],
        )


@contextlib.contextmanager
def ours(
    setting: Setting, deviations: Sequence[str], scratch: Path, *, restartable: bool
) -> Iterator[tuple[Setting, Restart | None]]:
    """Start our own TMS and OST, each in a process if the TMS is to be killed and restarted; stop them at the end."""
    known = [word for name, (host, port) in setting.users().items() for word in ("--destination", f"{name}={host}:{port}")]
    chosen = [word for name in deviations for word in ("--defect", name)]
    with (scratch / "simulators.log").open("w+", encoding="utf-8") as log, contextlib.ExitStack() as stack:
        if not restartable:
            book = scratch / "book.json"
            process = _Process(["all", "--no-watcher", "--port", "0", "--book", str(book), "--lines", *known, *chosen], log)
            stack.callback(process.stop)
            process.wait_for(book)
            yield _at(setting, book), None
            return
        tms = ["tms", "--ae-title", OURS[0], "--store", str(scratch / "worklist.sqlite"), "--json", *known, *chosen]
        ost = _Process(["ost", "--ae-title", OURS[1], "--port", "0", "--json", *known], log)
        stack.callback(ost.stop)
        running = [_Process([*tms, "--port", "0"], log)]
        stack.callback(lambda: running[0].stop())
        port = running[0].ready()

        def restart() -> None:
            running[0].kill()
            running[0] = _Process([*tms, "--port", str(port)], log)
            running[0].ready()

        yield replace(setting, tms=(OURS[0], "127.0.0.1", port), ost=(OURS[1], "127.0.0.1", ost.ready())), restart


class _Process:
    """A simulator in a process of its own."""

    def __init__(self, words: Sequence[str], log: TextIO) -> None:
        self._log = log
        out = subprocess.PIPE if "--json" in words else log
        command = [sys.executable, "-m", "tdwii_conformance", "serve", *words]
        self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT if out is log else log, text=True)

    def wait_for(self, file: Path) -> None:
        deadline = time.monotonic() + WAIT
        while not file.is_file() and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not file.is_file():
            raise self._failed()

    def ready(self) -> int:
        """Return the port at which it listens, once it does."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        # What else it prints is read, so that it never waits for us.
        threading.Thread(target=self._process.stdout.read, name="output of a simulator", daemon=True).start()
        return int(json.loads(line)["port"])

    def _failed(self) -> Usage:
        self._log.seek(0)
        return Usage(f"our own simulators did not start:\n{self._log.read().strip()}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(WAIT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(WAIT)


def _at(setting: Setting, book: Path) -> Setting:
    from ..sut.address_book import entities

    known = entities(book)
    tms, ost = (known[name] for name in OURS)
    return replace(setting, tms=(OURS[0], tms.host, tms.port), ost=(OURS[1], ost.host, ost.port))

"""The suite through a proxy that mutates a conformant TMS's PDUs: it has to end, with verdicts, without error, traceback or hang.

``python -m tests.mutated [--share 0.03] [--seed N] [PART...]`` (``make mutated``). The mutations are those of `tests.fuzz`: of the
structure of a PDU, in whatever the TMS sends, as acceptor and as requestor. Parts of it are tests (`tests/unit/dimse/test_mutated.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tdwii_conformance.dimse import Peer
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS

from .fuzz import mutated
from .ports import free_port

__all__ = ["Mutating", "judged", "troubles"]

ROOT = Path(__file__).parent.parent
SHARE = 0.03  # of the PDUs
KEPT = 20  # PDUs of a connection, to put parts of them into others
PATIENCE = 10.0  # seconds in which what is over has to end
LEFT = "left at the end: "
STDOUT, STDERR = "stdout.txt", "stderr.txt"
STUCK = 600.0  # seconds that a test may take before it is said where it is


class Mutating:
    """Passes connections on, PDU by PDU, and mutates some of one side. A context manager.

    Parameters
    ----------
    port : int
        Who is behind it, on this computer.
    share : float
        Part of the PDUs that are mutated.
    seed : int
        Of what is mutated, and how: the same for the same connections in the same order.
    calling : bool
        Whether those of the callers are mutated; else those of who is called.

    Attributes
    ----------
    port : int
        Where it listens.
    passed, mutated : int
        How many PDUs of that side there were, and how many of them were mutated.
    """

    def __init__(self, port: int, share: float, seed: int, *, calling: bool = False) -> None:
        self._behind, self._share, self._seed, self._calling = port, share, seed, calling
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._listener.getsockname()[1]
        self.passed = self.mutated = self._count = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._serve)
        return self

    def __exit__(self, *exception: object) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, what: object, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            try:
                called = socket.create_connection(("127.0.0.1", self._behind), PATIENCE)
            except OSError:
                caller.close()
                continue
            called.settimeout(None)
            self._open |= {caller, called}
            self._count += 1
            chance = random.Random(self._seed * 1_000_003 + self._count)
            self._start(self._pump, caller, called, chance if self._calling else None)
            self._start(self._pump, called, caller, None if self._calling else chance)

    def _pump(self, source: socket.socket, target: socket.socket, chance: random.Random | None) -> None:
        seen: list[bytes] = []
        with contextlib.suppress(OSError):
            for pdu in _pdus(source):
                for octets in [pdu] if chance is None else self._perhaps(pdu, seen, chance):
                    target.sendall(octets)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _perhaps(self, pdu: bytes, seen: list[bytes], chance: random.Random) -> list[bytes]:
        self.passed += 1
        seen[:] = [*seen[-KEPT:], pdu]
        if chance.random() >= self._share:
            return [pdu]
        self.mutated += 1
        return mutated(pdu, seen, chance)


def _pdus(source: socket.socket) -> Iterator[bytes]:
    """Yield what a conformant system sends, PDU by PDU."""
    with source.makefile("rb") as stream:
        while len(head := stream.read(6)) == 6:
            yield head + stream.read(int.from_bytes(head[2:], "big"))


def judged(
    folder: Path, parts: Sequence[str], deadline: float, *, share: float = SHARE, seed: int = 1, patience: float = 3.0
) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run parts of the suite on a conformant TMS whose PDUs are mutated.

    Parameters
    ----------
    folder : Path
        For the description of the system; empty.
    parts : sequence of str
        What pytest is told to run, from the root of the checkout, and options.
    deadline : float
        Seconds it may take.
    share, seed
        As of `Mutating`.
    patience : float
        Seconds after which the suite waits no more for an answer.

    Returns
    -------
    (CompletedProcess, int)
        How it ended, and how many PDUs were mutated.

    """
    ours = free_port()
    with ExitStack() as stack:
        back = stack.enter_context(Mutating(ours, share, seed + 1, calling=True))
        titles = ("TDD", "WATCHER2")
        ost = stack.enter_context(OST("OST", destinations={title: Peer(title, "127.0.0.1", ours) for title in titles}))
        tms = stack.enter_context(TMS("TMS", destinations={title: Peer(title, "127.0.0.1", back.port) for title in titles}))
        there = stack.enter_context(Mutating(tms.peer.port, share, seed))
        description = folder / "sut.toml"
        description.write_text(
            '[system]\nname = "mutated"\ntest_system = true\n'
            f'[tms]\nae_title = "TMS"\nhost = "127.0.0.1"\nport = {there.port}\n'
            'supports = ["push", "watch", "query", "request-cancel", "subscription", "filtered-subscription", "store-instructions"]\n'
            f'[ost]\nae_title = "OST"\nhost = "127.0.0.1"\nport = {ost.peer.port}\nsupports = ["store-inputs", "photon"]\n'
            f'[ours]\nsecond_performer = "TDD2"\nsecond_watcher = "WATCHER2"\n'
            f'[ours.tdd]\nae_title = "TDD"\nhost = "127.0.0.1"\nport = {ours}\n'
            f"[timeouts]\nconnect = 5.0\nassociation = {patience}\nmessage = {patience}\nnetwork = 20.0\nevent = {patience}\n",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.mutated", "-q", "--sut", str(description)]
        code = _ran([*command, "-o", f"faulthandler_timeout={STUCK}", *parts], folder, deadline)
        said = [(folder / name).read_text(encoding="utf-8") for name in (STDOUT, STDERR)]
        return subprocess.CompletedProcess(command, code, *said), there.mutated + back.mutated


def _ran(command: list[str], folder: Path, deadline: float) -> int:
    """Run a process, with what it prints in files, which can be looked at meanwhile; return its exit code, -9 if it had to be killed."""
    with (folder / STDOUT).open("w", encoding="utf-8") as out, (folder / STDERR).open("w", encoding="utf-8") as err:
        try:
            return subprocess.run(command, cwd=ROOT, stdout=out, stderr=err, timeout=deadline, check=False).returncode
        except subprocess.TimeoutExpired:
            err.write(f"killed after {deadline:g} s\n")
            return -9


def troubles(ran: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what is wrong with how a run has ended; what it found of the system is not."""
    said = [] if ran.returncode in (0, 1) else [f"exit code {ran.returncode}"]
    said += ["a traceback on stderr"] if "Traceback" in ran.stderr else []
    said += [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith(LEFT)]
    summary = next(
        (line for line in reversed(ran.stdout.splitlines()) if re.search(r"\d+ (passed|failed|skipped).* in [\d.]+s", line)), ""
    )
    return said + ([] if summary else ["no summary"]) + re.findall(r"\d+ errors?\b", summary)


# --- in the process that runs the suite: this module is its plugin --------------------------------------------------------


def pytest_unconfigure() -> None:
    """Say which threads are left when all is over."""
    until = time.monotonic() + PATIENCE
    while (left := [one for one in threading.enumerate() if one is not threading.main_thread()]) and time.monotonic() < until:
        left[0].join(0.1)
    if left:
        print(LEFT + ", ".join(one.name for one in left), file=sys.stderr)


def main() -> int:
    """Run as a command; return 1 if the suite did not end as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["tests/conformance/tms"], metavar="PART", help="and options of pytest")
    parser.add_argument("--folder", type=Path, help="for what it prints; empty")
    parser.add_argument("--share", type=float, default=SHARE, help="of the PDUs")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--deadline", type=float, default=7200.0, help="seconds")
    parser.add_argument("--patience", type=float, default=3.0, help="seconds for an answer")
    given, options = parser.parse_known_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        where = given.folder or Path(folder)
        where.mkdir(exist_ok=True)
        parts = [*given.parts, *options]
        ran, count = judged(where, parts, given.deadline, share=given.share, seed=given.seed, patience=given.patience)
    print(ran.stdout[-4000:], ran.stderr[-8000:], sep="\n")
    found = troubles(ran)
    print(f"{count} mutated PDUs in {time.monotonic() - began:.0f} s; " + ("; ".join(found) or "it ended as it should"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

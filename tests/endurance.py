"""Our own TMS for long, with many at once: its memory stays flat, threads and files go back to the start, nothing is found.

``make endurance``, or ``python -m tests.endurance [--for SECONDS] [--clinic FILE] [--kills N]``; at night. The TMS runs with its
SQLite store in a process of its own, `tdwii load` puts a clinic on it. What is stored counts for nothing, nor what a TMS keeps decoded of
the workitems that were used last, nor what the threads of so many users leave behind: when all have gone, a second process opens the same
store, is asked for those workitems, and has the same users for a minute. The first may not be larger than that one by more than
`ALLOWED` for each 10,000 workitems. Then it is killed in the middle of its work, again and again, and nothing that it acknowledged may be lost.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil  # comes with Locust

from tdwii_conformance.load.clinic import load_clinic
from tdwii_conformance.load.setting import Setting
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.ups.store import AWAKE

from . import ending, killing

ALLOWED = 1.0  # MB for each 10,000 workitems, beyond what is stored
NOISE = 15.0  # MB by which two processes with the same content differ, measured
SHORT = 60.0  # seconds that the other process has users
BACK = 90.0  # seconds in which threads and files go back to the start
STORE, LOG = "worklist.sqlite", "log.txt"
CLINIC = Path(__file__).with_suffix(".toml")
SYSTEM = """
[system]
name = "ours, for long"
test_system = true
[tms]
ae_title = "TMS"
host = "127.0.0.1"
port = {tms}
supports = ["push", "subscription", "watch"]
[ost]
ae_title = "OST"
host = "127.0.0.1"
port = {ost}
[workitems.station]
value = "LOAD1"
scheme = "99TDWII"
meaning = "Treatment machine 1"
"""


@dataclass(frozen=True)
class Size:
    """How large a process is: MB of memory that is its own, threads, open files and sockets."""

    memory: float
    threads: int
    files: int

    @classmethod
    def of(cls, process: psutil.Process) -> Size:
        """Look at a process."""
        with process.oneshot():
            return cls(process.memory_full_info().uss / 1e6, process.num_threads(), process.num_fds())


def problems(before: Size, after: Size, anew: Size, workitems: int, receivers: int) -> list[str]:
    """Return what has grown that should not have.

    Parameters
    ----------
    before, after : Size
        Of the TMS before anybody came, and when all had gone.
    anew : Size
        Of another one with the same store, which was asked for the workitems used last, and had the same users for a while.
    workitems : int
        How many the store has.
    receivers : int
        To how many event reports are sent: each has a thread that stays.
    """
    found = []
    allowed = {"threads": before.threads + receivers, "files": before.files}
    beyond = after.memory - anew.memory - NOISE
    if beyond > ALLOWED * workitems / 10_000:
        found.append(
            f"memory: {after.memory:.0f} MB, and with the same {workitems} workitems in another process {anew.memory:.0f} MB"
        )
    for name, most in allowed.items():
        if getattr(after, name) > most:
            found.append(f"{name}: {getattr(after, name)} at the end, at most {most} expected, by those at the start")
    return found


@dataclass(frozen=True)
class Worked:
    """How large a TMS was before users came and when they had gone, and what `tdwii load` said of their work."""

    before: Size
    after: Size
    done: subprocess.CompletedProcess[str]


def work(clinic: Path, seconds: float, processes: int, port: int, folder: Path, last: Sequence[str] = ()) -> Worked:
    """Start a TMS with the store in a folder, ask it for some workitems, and have the users of a clinic work so long."""
    there = load_clinic(str(clinic))
    users = Setting(there, port=port).users()
    known = [word for name, (host, at) in users.items() for word in ("--destination", f"{name}={host}:{at}")]
    described = folder / "system.toml"
    with (
        (folder / LOG).open("a") as errors,
        killing.serving("tms", "--ae-title", "TMS", "--store", str(folder / STORE), *known, errors=errors) as (running, at),
        killing.serving("ost", "--ae-title", "OST", *known, errors=errors) as (_, ost),
    ):
        process = psutil.Process(running.pid)
        described.write_text(SYSTEM.format(tms=at.port, ost=ost.port))
        before = Size.of(process)
        with TDD(at, at, calling=next(iter(users))) as tdd:
            for uid in last:
                tdd.get(uid)
        done = ending.output_of([
            sys.executable, "-m", "tdwii_conformance", "load", "--sut", described, "--clinic", clinic, "--for", str(seconds),
            "--processes", str(processes), "--port", str(port),
        ])  # fmt: skip
        after, deadline = Size.of(process), time.monotonic() + BACK
        while (after.threads > before.threads + there.watchers or after.files > before.files) and time.monotonic() < deadline:
            time.sleep(1)
            after = Size.of(process)
    return Worked(before, after, done)


def soak(clinic: Path, seconds: float, processes: int, port: int, folder: Path) -> list[str]:
    """Put a clinic on the TMS for so long; return what is not as it should be, and print what was measured."""
    long = work(clinic, seconds, processes, port, folder)
    print(long.done.stdout, flush=True)
    with closing(sqlite3.connect(folder / STORE)) as worklist:
        (workitems,) = worklist.execute("SELECT COUNT(*) FROM ups").fetchone()
        last = [uid for (uid,) in worklist.execute("SELECT uid FROM ups ORDER BY number DESC LIMIT ?", [AWAKE])]
    short = work(clinic, min(seconds, SHORT), processes, port, folder, last)
    print(
        f"before {long.before}, after {long.after}, another that worked a minute with the same {workitems} workitems {short.after}"
    )
    found = problems(long.before, long.after, short.after, workitems, load_clinic(str(clinic)).watchers)
    said = (folder / LOG).read_text() + long.done.stderr + short.done.stderr
    if "Traceback" in said:
        found.append(f"an exception:\n{said[said.index('Traceback') :][:3000]}")
    return found + [
        f"`tdwii load` returned {one.done.returncode}: {one.done.stdout[-3000:]}" for one in (long, short) if one.done.returncode
    ]


def kills(number: int, folder: Path) -> list[str]:
    """Kill the TMS in its work so many times, on one store that grows; return what was lost."""
    chance, found, acknowledged = random.Random(20261129), [], 0
    for each in range(number):
        some = chance.randint(1, 60)
        try:
            acknowledged += killing.killed(folder / "killed.sqlite", some)
        except AssertionError as error:
            found.append(f"kill {each + 1}, after {some} claims: {error}")
    print(f"{number} kills, {acknowledged} acknowledged operations, {len(found)} with a loss", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__.splitlines()[0])
    parser.add_argument("--for", dest="seconds", type=float, default=1800.0, metavar="SECONDS")
    parser.add_argument("--clinic", type=Path, default=CLINIC, metavar="FILE")
    parser.add_argument("--kills", type=int, default=50, metavar="N")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="for the users (default: %(default)s)")
    parser.add_argument("--port", type=int, default=14300, metavar="N", help="of the first user (default: %(default)s)")
    given = parser.parse_args(arguments)
    ending.in_order()
    found = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        if given.seconds:
            found += soak(given.clinic, given.seconds, given.processes, given.port, folder)
        found += kills(given.kills, folder)
    print("\n".join(found) or "nothing was found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

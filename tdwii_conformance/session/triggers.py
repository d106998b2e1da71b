"""What makes a system under test perform a scenario: a person, a command of the vendor, or our own simulator as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ..dimse import Peer
from ..transcript.observation import NOT_SUPPORTED
from .partners import Session

__all__ = ["CommandTrigger", "PersonTrigger", "SimulatorTrigger", "Trigger", "environment"]

UNSUPPORTED = 127  # exit code of a trigger that cannot have the system perform a scenario
STOPPING = 5.0  # seconds that a process may take to end
LISTENS = re.compile(r".+ at (?P<host>\S+):(?P<port>\d+)")  # what a simulator says when it does
# A process stands apart from ours: Ctrl-C is for our process only, and what the process starts can be stopped with it.
if sys.platform == "win32":
    APART = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    APART = 0  # the session of its own does that


class Trigger(Protocol):
    """Makes the system perform."""

    def begin(self, session: Session, facts: Mapping[str, str]) -> None:
        """Begin a scenario. Printed lines go to ``session.say``; the end goes to ``session.finish``."""

    def end(self) -> None:
        """Stop what still runs of the scenario."""


class PersonTrigger:
    """A person performs; the steps say what to do."""

    def begin(self, session: Session, facts: Mapping[str, str]) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


def environment(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command: ours, and each fact as ``TDWII_`` and its name in capitals."""
    return {**os.environ, **{f"TDWII_{name.upper()}": value for name, value in facts.items()}}


class _Lines(threading.Thread):
    """Hands on each line that a process writes, and in the end its exit code.

    Parameters
    ----------
    process : subprocess.Popen
        With its standard output as a pipe of text.
    came, ended : callable
        Take a line; take the exit code.
    """

    def __init__(self, process: subprocess.Popen[str], came: Callable[[str], None], ended: Callable[[int], None]) -> None:
        super().__init__(name=f"lines of {process.pid}", daemon=True)
        self.process, self.came, self.ended = process, came, ended
        self.last = "it said nothing"

    def run(self) -> None:
        for line in self.process.stdout or ():
            if line.strip():
                self.last = line.strip()
                self.came(self.last)
        self.ended(self.process.wait())


def _stop(process: subprocess.Popen[str]) -> None:
    """End a process that stands apart, and those that it started; on Windows it alone."""
    for gently in (True, False):
        if process.poll() is None:
            with suppress(ProcessLookupError):  # it ended in this very moment
                if sys.platform == "win32":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGTERM if gently else signal.SIGKILL)
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                continue


class CommandTrigger:
    """Runs the vendor's command once a scenario, with the scenario's facts in its environment.

    Parameters
    ----------
    command : sequence of str
        The command.
    folder : Path or None
        Where it runs.
    settle : float
        How long it may take to end when the scenario has come to its end, in seconds: for the one that reads why it was stopped.
    """

    def __init__(self, command: Sequence[str], folder: Path | None, settle: float = 5.0) -> None:
        self.command, self.folder, self.settle = list(command), folder, settle
        self._session: Session | None = None
        self._stopped: Path | None = None
        self._stops = False
        self._process: subprocess.Popen[str] | None = None
        self._lines: _Lines | None = None

    def begin(self, session: Session, facts: Mapping[str, str]) -> None:
        """Start the command; one that cannot be started ends the scenario.

        All that it writes is kept beside the transcript, in a file of the same name with ``.trigger.txt``. If it has to be stopped,
        the file that its environment names as ``TDWII_STOPPED`` says why.
        """
        self._stopped = session.path.with_suffix(".stopped.txt")
        self._stopped.unlink(missing_ok=True)
        self._session = session
        known = {**facts, "stopped": str(self._stopped.resolve()), "settle": f"{self.settle:g}"}
        kept = session.path.with_suffix(".trigger.txt")
        kept.write_text("", encoding="utf-8")
        try:
            self._process = subprocess.Popen(
                self.command, cwd=self.folder, env=environment(known), text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                creationflags=APART,
            )  # fmt: skip
        except OSError as error:
            session.finish(f"the trigger cannot be started: {' '.join(self.command)}: {error.strerror or error}")
            return

        def came(line: str) -> None:
            with kept.open("a", encoding="utf-8") as out:
                out.write(f"{line}\n")
            session.say(f"trigger: {line}")

        def ended(code: int) -> None:
            if code == UNSUPPORTED:
                session.finish(f"{NOT_SUPPORTED}: {lines.last}")
            elif code and not self._stops:  # one that ends with 0 may have started another program
                session.finish(f"the trigger ended with code {code}: {lines.last}")
            session.acted()

        session.acting, self._stops = True, False
        lines = self._lines = _Lines(self._process, came, ended)
        lines.start()

    def end(self) -> None:
        """Stop the command if it still runs: it is told why, and then by SIGTERM."""
        if self._process is not None and self._lines is not None:
            if self._process.poll() is None and self._session is not None and self._stopped is not None:
                why = self._session.why_early or f"the scenario came to its end {self.settle:g} s ago"
                self._stopped.write_text(f"{why}\n", encoding="utf-8")
                self._session.say(f"the trigger still runs, and is stopped: {why}")
            self._stops = True
            _stop(self._process)
            self._lines.join(STOPPING)
        self._process = self._lines = self._session = None


class SimulatorTrigger:
    """A simulator of ours in a process of its own: performs a scenario for each line it is given. A context manager.

    Parameters
    ----------
    actor : {"tdd", "watcher"}
        Which simulator.
    arguments : sequence of str
        More arguments of ``tdwii serve``.
    """

    DONE, GIVEN_UP = "done", "given up: "

    def __init__(self, actor: str, arguments: Sequence[str]) -> None:
        self.actor, self.arguments = actor, list(arguments)
        self._command = [sys.executable, "-m", "tdwii_conformance", "serve", actor, "--on-request", *arguments]
        self._session: Session | None = None
        self._ready = threading.Event()
        self._address: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=APART,
        )
        self._lines = _Lines(self._process, self._came, self._ended)
        self._lines.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _stop(self._process)
        self._lines.join(STOPPING)

    def peer(self, ae_title: str, seconds: float = 60.0) -> Peer:
        """Return where it listens, once it does.

        Raises
        ------
        RuntimeError
            If it does not say so in time.
        """
        self._ready.wait(seconds)
        if self._address is None:
            raise RuntimeError(f"the simulated {self.actor} did not start: {self._lines.last}")
        return Peer(ae_title, *self._address)

    def begin(self, session: Session, facts: Mapping[str, str]) -> None:
        """Give it a line: how the treatment is to end."""
        self._session = session
        session.definite = True
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(f"{facts.get('end') or 'watch'}\n")
                self._process.stdin.flush()
        except OSError:  # it is gone
            self._ended(self._process.wait(STOPPING))

    def end(self) -> None:
        """Forget the scenario; the process goes on."""
        self._session = None

    def _came(self, line: str) -> None:
        if not self._ready.is_set():
            # One that deviates says so first.
            if listens := LISTENS.fullmatch(line):
                self._address = listens["host"], int(listens["port"])
                self._ready.set()
            return
        session = self._session
        if session is None:
            return
        if line == self.DONE:
            session.finish("")
        elif line.startswith(self.GIVEN_UP):
            session.finish(f"the simulated {self.actor} has given up: {line.removeprefix(self.GIVEN_UP)}")
        else:
            session.say(line)

    def _ended(self, code: int) -> None:
        self._ready.set()
        if self._session is not None:
            self._session.finish(f"the process of the simulated {self.actor} has ended with code {code}: {self._lines.last}")

"""``--on-request``: a simulated TDD or watcher that acts for each line it is given, as the suite's own system under test."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

import click
from pydicom.dataset import Dataset

from ...defects import install
from ...dimse import DimseError
from ...simulators.simulator import Simulator
from ...simulators.tdd import CannotTreat, End, TDDSimulator
from ...simulators.watcher import WatcherSimulator
from ..failures import OK, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .session import Session

__all__ = ["FINAL_STATES", "PATIENCE", "Dialogue", "converse", "treat_on_request", "watch_on_request"]

PATIENCE = 5.0  # seconds that others may take to release their associations when a TDD or a watcher ends
FINAL_STATES = ("COMPLETED", "CANCELED")
ENDS: Mapping[str, End] = {end: end for end in get_args(End)}


class Dialogue:
    """The other side of ``--on-request``: it sends requests and reads answers. Standard input and output, or a thread.

    Parameters
    ----------
    requests : iterable of str
        Its lines, as ``--on-request`` takes them.
    say : callable
        Takes a line.
    patience : float
        How long others may take, at the simulator's end, to release their associations, in seconds.
    """

    def __init__(self, requests: Iterable[str], say: Callable[[str], object], patience: float = PATIENCE) -> None:
        self.requests, self.say, self.patience = requests, say, patience
        self.changed = threading.Condition()
        self.stopping = False

    def stop(self, *_: object) -> None:
        """End every wait for a final state."""
        with self.changed:
            self.stopping = True
            self.changed.notify_all()

    @staticmethod
    def of_context() -> Dialogue:
        """Return the dialogue that the command was called with, or that of standard input and output."""
        given = click.get_current_context().find_object(Dialogue)
        if given is not None:
            return given
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the end at once, not in order: the caller has gone
        return Dialogue((line.strip() for line in sys.stdin), lambda line: print(line, flush=True))


@contextmanager
def _listening(session: Session, simulator: Simulator, talk: Dialogue) -> Iterator[None]:
    install(simulator, session.defects)
    with session.started(simulator):
        talk.say(f"{simulator.peer} at {simulator.peer.host}:{simulator.peer.port}")
        yield


def treat_on_request(session: Session, tdd: TDDSimulator, talk: Dialogue) -> int:
    """Perform a treatment for each line, which says how it ends; answer ``done`` or ``given up: ...``.

    Parameters
    ----------
    session : Session
        With the deviations.
    tdd : TDDSimulator
        Not started yet.
    talk : Dialogue
        With whom it speaks.

    Returns
    -------
    int
        Exit code: 1 if the last treatment was given up.
    """
    code = OK
    with _listening(session, tdd, talk):
        for end in talk.requests:
            if end not in ENDS:
                talk.say(f"given up: {end!r} is not one of {', '.join(ENDS)}")
                continue
            tdd.end = ENDS[end]
            try:
                tdd.perform()
            except (CannotTreat, DimseError) as error:
                code = REFUSED
                talk.say(f"given up: {error}")
            else:
                code = OK
                talk.say("done")
    return code


class FinalStates:
    """Knows whether a workitem has come to its final state while it was watched.

    Parameters
    ----------
    changed : threading.Condition
        Notified of each report.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._live: set[str] = set()
        self.reached = False

    def reported(self, kind: int, uid: str, information: Dataset) -> None:
        """Take a report."""
        with self._changed:
            # What was over before is reported once, when it subscribes.
            if (state := information.get("ProcedureStepState")) in FINAL_STATES:
                self.reached = self.reached or uid in self._live
            elif state:
                self._live.add(uid)
            self._changed.notify_all()


def watch_on_request(session: Session, watcher: WatcherSimulator, final: FinalStates, talk: Dialogue) -> int:
    """Watch until a final state for each line; answer ``done`` or ``given up: ...``.

    Parameters
    ----------
    session : Session
        With the deviations.
    watcher : WatcherSimulator
        Not started yet.
    final : FinalStates
        Gets each report.
    talk : Dialogue
        With whom it speaks.

    Returns
    -------
    int
        Exit code: 1 if it could not watch.
    """
    code = OK
    with _listening(session, watcher, talk):
        for _ in talk.requests:
            final.reached = False
            try:
                watcher.subscribe()
                with talk.changed:
                    talk.changed.wait_for(lambda: talk.stopping or final.reached)
                watcher.finish_fetching()
                watcher.unsubscribe()
            except (ValueError, DimseError) as error:
                code = REFUSED
                talk.say(f"given up: {error}")
            else:
                code = OK
                talk.say("done")
    return code


def converse(arguments: Sequence[str], dialogue: Dialogue) -> int:
    """Run ``tdwii serve`` in this thread; return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        After ``tdwii serve``.
    dialogue : Dialogue
        Instead of standard input and output.
    """
    from . import serve

    with serve.make_context("tdwii serve", list(arguments), obj=dialogue) as context:
        code: int = serve.invoke(context)
        return code

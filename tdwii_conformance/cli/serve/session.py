"""Simulators that run together: started with their deviations, shown, stopped in order."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType

from ...defects import Deviation, install
from ...dimse import Peer, Timeouts
from ...simulators.live import Live
from ...simulators.simulator import Simulator
from ..failures import NoAnswer
from ..settings import Settings
from .view import Lines, LiveView, Server

IMPATIENT = 1.0  # seconds between Ctrl-C and Ctrl-C
ANYWHERE = ("0.0.0.0", "::", "")


@dataclass
class Session:
    """Simulators that run together, and what is seen of them."""

    settings: Settings
    host: str
    view: Lines | LiveView
    known: dict[str, Peer]
    defects: list[Deviation]
    stop: threading.Event = field(default_factory=threading.Event)
    stack: ExitStack = field(default_factory=ExitStack)
    late: ExitStack = field(default_factory=ExitStack)
    servers: list[Server] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    given: frozenset[str] = frozenset()  # AE titles whose address the user gave
    after: list[Callable[[], object]] = field(default_factory=list)  # called once everything has ended; may raise

    def __post_init__(self) -> None:
        self.live = Live(self.view.tell)

    @property
    def timeouts(self) -> Timeouts:
        """Deadlines."""
        return self.settings.timeouts

    def know(self, peer: Peer) -> None:
        """Make known where a simulator of ours is; an address that the user gave for this AE title wins."""
        ours = self.reachable(peer)
        there = self.known.get(peer.ae_title)
        if peer.ae_title not in self.given or there is None:
            self.known[peer.ae_title] = ours
        elif (there.host, there.port) != (ours.host, ours.port):
            self.advice.append(
                f"{there} is called at {there.host}:{there.port}, as --destination says; ours listens at {ours.host}:{ours.port}"
            )

    def reachable(self, peer: Peer) -> Peer:
        """Return a peer as we reach it: an address that means all of this machine's is none to connect to."""
        return replace(peer, host="127.0.0.1") if peer.host in ANYWHERE else peer

    def start(self, simulator: Simulator, role: str, remark: str = "", *, late: bool = False) -> None:
        """Start a simulator with the deviations that are for it, to be stopped at the end.

        Parameters
        ----------
        simulator : Simulator
            Not started yet.
        role, remark : str
            What it is, and what else there is to say of it.
        late : bool
            Whether it outlives the others, as their end is reported to it.

        Raises
        ------
        NoAnswer
            If it cannot listen.
        """
        mine = [one for one in self.defects if one.actor == simulator.actor]
        install(simulator, mine)
        self.live.attend(simulator)
        (self.late if late else self.stack).enter_context(self.started(simulator))
        peer = simulator.peer
        defects = ", ".join(f"with the {one.kind} {one.name}" for one in mine)
        remark = "; ".join(part for part in (remark, defects) if part)
        self.servers.append(Server(role, peer.ae_title, peer.host, peer.port, remark))

    @contextmanager
    def started(self, simulator: Simulator) -> Iterator[None]:
        """Run a simulator; raises `NoAnswer` if it cannot listen."""
        with _listening():
            simulator.start()
        try:
            yield
        finally:
            simulator.stop()

    def note(self, actor: str, text: str, *, refused: bool = False) -> None:
        """Show something that a simulator has to say."""
        self.live.note(actor, text, refused=refused)

    @contextmanager
    def overheard(self) -> Iterator[None]:
        """Show what the simulators log: that a report was not delivered, that one has a defect."""
        logger, handler = logging.getLogger("tdwii_conformance"), _Overheard(self)
        logger.addHandler(handler)
        before, logger.propagate = logger.propagate, False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = before

    def run(self) -> None:
        """Show what happens until the end is asked for."""
        roles = ("TMS", "OST", "TDD", "watcher")
        self.view.run(sorted(self.servers, key=lambda one: roles.index(one.role)), self.advice, self.live, self.stop)


class _Overheard(logging.Handler):
    """Makes a note of what is logged."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.WARNING)
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message."""
        self._session.note("log", record.getMessage(), refused=True)


@contextmanager
def _listening() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoAnswer(str(error.strerror or error)) from error


@contextmanager
def until_stopped(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask for the end, and no more: what was begun is ended in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    asked: list[float] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(time.monotonic())
        # Somebody who asks again does not want to wait; what comes at once is one signal sent to a process and its group.
        if asked[-1] - asked[0] > IMPATIENT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

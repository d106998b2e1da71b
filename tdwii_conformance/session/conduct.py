"""Conducts a scenario: shows what the operator has to do, what arrives and what is awaited, and detects the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..profile.statuses import status_text
from ..transcript.exchange import Exchange
from ..transcript.observation import Observation
from .partners import Session

__all__ = ["Display", "LineDisplay", "LiveDisplay", "NoDisplay", "Step", "conduct", "display_on"]

STOPPED = "stopped by the operator"
AGAIN = 1.5  # seconds: an operator who stops twice within them means the whole run


@dataclass(frozen=True)
class Step:
    """A step of a scenario.

    Parameters
    ----------
    name : str
        What arrives, for example ``RO-58 Worklist query``.
    instruction : str
        One sentence for the operator: what to do on the system under test.
    reached : callable
        Whether it has been done, by the exchanges so far.
    then : callable, optional
        What we do when it has been done, before the next step.
    """

    name: str
    instruction: str
    reached: Callable[[Sequence[Exchange]], bool]
    then: Callable[[], object] | None = None


class Display(Protocol):
    """Shows a scenario to the operator. A context manager."""

    def __enter__(self) -> Display:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End."""

    def step(self, steps: Sequence[Step], done: int, deadline: float) -> None:
        """Display how many steps are done, and until when (`time.monotonic`) the next is awaited."""

    def line(self, text: str) -> None:
        """Display something that happened."""

    def end(self, why_early: str) -> None:
        """Display how it ended."""


def conduct(
    session: Session, steps: Sequence[Step], *, step_timeout: float, settle: float, show: Display, begin: Callable[[], object]
) -> Observation:
    """Conduct a scenario until its end, a deadline, or the operator's stop; return what was observed.

    Parameters
    ----------
    session : Session
        Entered here, and left.
    steps : sequence of Step
        In their order. A later one that is reached counts for those before.
    step_timeout : float
        How long to wait for a step, in seconds, from the last thing that came.
    settle : float
        How long the system has to be quiet at the end, in seconds, before the scenario is over: what it does until then counts. A
        trigger that is still running is waited for as long; with its end the scenario is over at once.
    show : Display
        Shows it to the operator.
    begin : callable
        Called when everything that the system does is recorded: it may begin.

    Raises
    ------
    KeyboardInterrupt
        If the operator stops twice, which means the run.
    """
    with session, show:
        conductor = _Conductor(session, steps, step_timeout, show)
        try:
            begin()
            why_early = conductor.run()
            conductor.settle(settle, quiet=not why_early)
        except KeyboardInterrupt:
            why_early = STOPPED
            session.ended(why_early, conductor.awaited)
            show.line("this scenario is stopped; Ctrl-C once more stops the whole run")
            session.wait(lambda: False, AGAIN)  # the second one is raised here
        session.ended(why_early, conductor.awaited)
        show.end(why_early)
    return session.observation()


class _Conductor:
    def __init__(self, session: Session, steps: Sequence[Step], step_timeout: float, show: Display) -> None:
        self.session, self.steps, self.step_timeout, self.show = session, steps, step_timeout, show
        self._shown_exchanges = self._shown_words = 0
        self.done = 0

    @property
    def awaited(self) -> str:
        """The step that is awaited; empty when none is."""
        return self.steps[self.done].name if self.done < len(self.steps) else ""

    def run(self) -> str:
        while self.done < len(self.steps):
            if (why_early := self._await_step()) is not None:
                return why_early
        return ""

    def _await_step(self) -> str | None:
        """Wait for the next step, or a later one; return why it will not come, or ``None`` when it was reached."""
        session, before, size = self.session, self.done, -1
        while self.done == before:
            with session.partners.changed:
                if session.size != size:  # something came: the deadline starts anew
                    size, deadline = session.size, time.monotonic() + self.step_timeout
                self.done = self._reached(session.exchanges)
                over, nameless = session.over, session.nameless
            self._tell(deadline)
            if self.done > before:
                break
            if over is not None:
                return over or "the system did nothing more"
            if not session.wait_for_more(size, deadline - time.monotonic()):
                return self._in_vain(nameless)
        for step in self.steps[before : self.done]:
            if step.then is not None:
                step.then()
        return None

    def _reached(self, exchanges: Sequence[Exchange]) -> int:
        return max((n for n, step in enumerate(self.steps, 1) if n > self.done and step.reached(exchanges)), default=self.done)

    def _tell(self, deadline: float) -> None:
        with self.session.partners.changed:
            exchanges, words = self.session.exchanges[self._shown_exchanges :], self.session.said[self._shown_words :]
        self._shown_exchanges += len(exchanges)
        self._shown_words += len(words)
        for exchange in exchanges:
            self.show.line(describe(exchange))
        for word in words:
            self.show.line(word)
        self.show.step(self.steps, self.done, deadline)

    def _in_vain(self, nameless: int) -> str:
        why_early = f"awaited {self.step_timeout:g} s, nothing received"
        if nameless:
            why_early += f" ({nameless} connection{'s' if nameless > 1 else ''} came without an association request)"
        with self.session.partners.changed:
            hints = self.session.hints()
        return "; ".join([why_early, *hints])

    def settle(self, seconds: float, *, quiet: bool) -> None:
        """Give the system time to end: what it does until then belongs to this scenario.

        Parameters
        ----------
        seconds : float
            How long it has to be quiet, or, where it is over already, how long its associations may stay open.
        quiet : bool
            Whether to wait until it is quiet: the scenario came to its end, and it may do more.
        """
        session, partners = self.session, self.session.partners
        waits = session.acting  # a trigger that has ended before may have started another program, which goes on

        def over() -> bool:
            if partners.attribution.calling(session.ae_title) or partners.tms.reporter.reporting(session.receiver):
                return False
            known = session.over is not None or (waits and not session.acting)
            return known or not (session.definite or quiet)

        def more(since: int) -> bool:
            return over() or session.done != since

        limit = time.monotonic() + max(self.step_timeout, seconds)
        seen = -1
        while seen != session.done and time.monotonic() < limit:
            seen = session.done
            # A report that is under way is waited for as long as its answer may take.
            reporting = partners.tms.reporter.reporting(session.receiver)
            session.wait(partial(more, seen), max(seconds, partners.timeouts.message) if reporting else seconds)
            if over():
                break
        self._tell(time.monotonic())


def describe(exchange: Exchange) -> str:
    """Return an exchange in one line."""
    result = exchange.failure or f"status {status_text(exchange.status, exchange.service)}"
    more = ""
    if exchange.service == "C-FIND":
        more = f", {len(exchange.matches)} found"
    return f"{exchange.request.time:%H:%M:%S}  {exchange.service} {exchange.requestor} -> {exchange.acceptor}: {result}{more}"


# --- the displays -------------------------------------------------------------------------------------------------------


class NoDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def step(self, steps: Sequence[Step], done: int, deadline: float) -> None:
        """Do nothing."""

    def line(self, text: str) -> None:
        """Do nothing."""

    def end(self, why_early: str) -> None:
        """Do nothing."""


class LineDisplay(NoDisplay):
    """Writes lines: for log files, and terminals of workers.

    Parameters
    ----------
    title : str
        What is performed.
    out : text file
        Where to.
    """

    def __init__(self, title: str, out: TextIO) -> None:
        self.title, self.out = title, out
        self._at = -1

    def __enter__(self) -> Self:
        self._write(f"\n{self.title}")
        return self

    def _write(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def step(self, steps: Sequence[Step], done: int, deadline: float) -> None:
        """Write the instruction of a new step."""
        if done != self._at and done < len(steps):
            self._write(f"  {steps[done].name}: {steps[done].instruction} (within {deadline - time.monotonic():.0f} s)")
        self._at = done

    def line(self, text: str) -> None:
        """Write it."""
        self._write(f"    {text}")

    def end(self, why_early: str) -> None:
        """Write it."""
        self._write(f"  {datetime.now():%H:%M:%S}  {why_early or 'the scenario has come to its end'}")


class LiveDisplay(NoDisplay):
    """Shows the steps on a terminal, with the time that is left. As `LineDisplay`."""

    def __init__(self, title: str, out: TextIO) -> None:
        self.title = title
        self._console = Console(file=out, highlight=False)
        self._live: AbstractContextManager[Live] | None = None
        self._steps: Sequence[Step] = ()
        self._done, self._deadline = 0, time.monotonic()
        self._why_early: str | None = None

    def __enter__(self) -> Self:
        self._console.print()
        self._console.print(Text(self.title, "bold"))
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=False)
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def step(self, steps: Sequence[Step], done: int, deadline: float) -> None:
        """Display it with the next refresh."""
        self._steps, self._done, self._deadline = steps, done, deadline

    def line(self, text: str) -> None:
        """Print it above the steps."""
        self._console.print(Text(f"    {text}", "dim"))

    def end(self, why_early: str) -> None:
        """Display it below the steps."""
        self._why_early = why_early

    def __rich__(self) -> Group:
        """Return what is on the terminal now."""
        lines = []
        for number, step in enumerate(self._steps):
            if number < self._done:
                lines.append(Text(f"  done  {step.name}", "green"))
            elif number == self._done and self._why_early is None:
                left = max(0.0, self._deadline - time.monotonic())
                lines.append(Text(f"  ----> {step.name}: {step.instruction}", "bold"))
                lines.append(Text(f"        {left:.0f} s left; Ctrl-C ends this scenario", "yellow"))
            else:
                lines.append(Text(f"        {step.name}", "dim"))
        if self._why_early is not None:
            style = "red" if self._why_early else "green"
            lines.append(Text(f"  {self._why_early or 'the scenario has come to its end'}", style))
        return Group(*lines)


def display_on(out: TextIO, title: str) -> Display:
    """Return how to show a scenario on a file: live on a terminal, in lines elsewhere."""
    return LiveDisplay(title, out) if out.isatty() else LineDisplay(title, out)

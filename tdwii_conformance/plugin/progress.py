"""How far a run is, and how much time it will still take, now and then in a line of the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from .keys import requirement_key

__all__ = ["Progress", "spoken"]

EVERY = 30.0  # seconds between two lines


def spoken(seconds: float) -> str:
    """Return a time as a person says it: seconds below two minutes, minutes below two hours.

    Parameters
    ----------
    seconds : float
        The time, in seconds.
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """A plugin that says how far a run of conformance tests is; with several workers in the process that controls them.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    now : callable
        A clock that only goes forward, in seconds.
    """

    def __init__(self, config: pytest.Config, now: Callable[[], float] = time.monotonic) -> None:
        self.config, self.now = config, now
        self.total = self.done = 0
        self.began = self.said = now()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many tests there are; nothing is said of other tests than those of conformance."""
        if session.items and all(requirement_key in item.stash for item in session.items):
            self._begin(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """The same of workers, which all know the same tests."""
        if not self.total and ids and all("conformance" in one for one in ids):
            self._begin(len(ids))

    def _begin(self, total: int) -> None:
        self.total = total
        self.began = self.said = self.now()

    def pytest_runtest_logfinish(self) -> None:
        """A test is over."""
        self.done += 1
        if not self.total or self.done >= self.total or (now := self.now()) - self.said < EVERY:
            return
        self.said = now
        gone = now - self.began
        left = gone / self.done * (self.total - self.done)
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
            terminal.write_line(
                f"{self.done} of {self.total} tests ({100 * self.done // self.total} %) after {spoken(gone)}, "
                f"about {spoken(left)} left"
            )

"""The clock of a run: one that is not set while the run goes on, for all its processes on a computer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Clock", "epoch_of_now"]

NOTICED = 0.001  # seconds by which the clock of the computer must have changed; what a message takes is hardly less
KEPT = 1000  # changes


def epoch_of_now() -> float:
    """Return what to add to `time.monotonic` for the seconds since 1970, as the clock of the computer has it now."""
    return time.time() - time.monotonic()


class Clock:
    """Says what time it is, whatever the clock of the computer is set to meanwhile.

    What one user was answered is judged by what another had been answered before. A clock that is set back in between, as a
    computer does that asks a time server, would turn that around.

    Parameters
    ----------
    epoch : float
        What `epoch_of_now` returned when the run began.
    wall, steady : callable
        Return the seconds of the clock of the computer, and of one that nobody sets and that all processes share.
    """

    def __init__(self, epoch: float, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._epoch, self._wall, self._steady = epoch, wall, steady
        self._lock = threading.Lock()
        self._ahead = self._wall() - self.now()  # how far the clock of the computer is ahead of this one
        self._was: deque[tuple[float, float]] = deque(maxlen=KEPT)  # how far it was before, and until when at the latest

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._epoch + self._steady()

    def of(self, began: float, ended: float) -> tuple[float, float]:
        """Return by this clock when something began and ended that was timed by the clock of the computer, and is over by now.

        If that one was set meanwhile, nobody knows exactly when. Then it takes the longest that it can have been, so that less
        is taken for certain to have come before it, or after it.
        """
        with self._lock:
            now = self.now()
            ahead = self._wall() - now
            if abs(ahead - self._ahead) > NOTICED:
                self._was.append((now, self._ahead))
                self._ahead = ahead
            least = most = self._ahead
            for until, was in reversed(self._was):
                if until < began - max(most, was):
                    break
                least, most = min(least, was), max(most, was)
        return began - most, ended - least

"""Ctrl-C and SIGTERM end a command, at whatever moment they come."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Terminated", "ending"]

NUDGES = 0.05, 0.2, 1.0, 2.0  # seconds after a signal, and after each nudge


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


@contextmanager
def ending() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C and `Terminated` on SIGTERM, in the main thread; does nothing in another one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Ctrl-C works also where a shell started us in the background, with SIGINT ignored.
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with _noticed():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


if sys.platform == "win32":  # has no way to wake one thread

    @contextmanager
    def _noticed() -> Iterator[None]:
        yield

else:

    @contextmanager
    def _noticed() -> Iterator[None]:
        """Wake the main thread after a signal, so that it sees it.

        Python calls its handlers in the main thread, between two steps of the program. A signal that comes when the last step
        is done and the thread is about to wait wakes nobody: it would be seen when the wait is over, which is a time-out of the
        user's. The system tells a thread of ours of each signal, and this one sends the main thread another, that means nothing.
        """
        told, tells = socket.socketpair()
        tells.setblocking(False)
        others = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        before = signal.signal(signal.SIGURG, lambda number, frame: None)
        threading.Thread(target=_nudge, args=(told, threading.get_ident()), name="signals", daemon=True).start()
        try:
            yield
        finally:
            signal.signal(signal.SIGURG, before)
            signal.set_wakeup_fd(others)
            tells.close()

    def _nudge(told: socket.socket, thread: int) -> None:
        pauses: Iterator[float] = iter(())
        with told:
            while True:
                try:
                    number = told.recv(1)
                except TimeoutError:
                    signal.pthread_kill(thread, signal.SIGURG)
                    told.settimeout(next(pauses, None))
                    continue
                if not number:
                    return
                if number[0] != signal.SIGURG:
                    pauses = iter(NUDGES)
                    told.settimeout(next(pauses))

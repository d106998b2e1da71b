"""Ports for a test to give to somebody who will listen on them a while later.

The system gives each connection that goes out a port of its own range, and the tests make thousands: what was free when it was
looked for is taken now and then when somebody begins to listen. These are below that range, and each process has fifty of its own.
"""

from __future__ import annotations

import itertools
import os
import socket

FIRST, SOME, PROCESSES = 20_000, 50, 240  # up to 31,999; systems give away ports from 32,768 or 49,152 on

_turns = itertools.count()


def free_ports(count: int) -> list[int]:
    """Return some ports in a row that nobody uses; not the same ones twice in a row.

    Raises
    ------
    AssertionError
        If there are none.
    """
    begin = FIRST + os.getpid() % PROCESSES * SOME
    for _ in range(SOME):
        ports = [begin + next(_turns) % SOME for _ in range(count)]
        if ports[-1] - ports[0] == count - 1 and all(map(_free, ports)):
            return ports
    raise AssertionError(f"of the ports from {begin} on no {count} in a row are free")


def free_port() -> int:
    """Return a port that nobody uses, another one each time."""
    return free_ports(1)[0]


def _free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

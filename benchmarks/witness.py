"""What the recording proxy adds to a message, and fifty associations through it at once."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tdwii_conformance.dimse import Peer, connect

from .servers import CONTEXTS, tms_server

MESSAGES, ASSOCIATIONS = 200, 50


@contextmanager
def recording(behind: Peer) -> Iterator[Peer]:
    """Run ``tdwii record`` before a system, in a process of its own."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.jsonl"
        command = [sys.executable, "-m", "tdwii_conformance", "record", str(file)]
        command += ["--listen", f"{port}=TMS@{behind.host}:{behind.port}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            process.stderr.readline()
            yield Peer("TMS", "127.0.0.1", port)
            process.kill()


def _echo(peer: Peer) -> float:
    with connect(peer, CONTEXTS[:1], calling="TDD") as link:
        began = time.perf_counter()
        assert link.c_echo().status == 0
        return (time.perf_counter() - began) * 1000


def rows(running: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of the table.

    Parameters
    ----------
    running : callable
        As in `benchmarks.__main__`: runs a server in a child process.
    """
    server: AbstractContextManager[Peer] = running(tms_server, 1)
    with server as peer, recording(peer) as through:
        took: dict[Peer, list[float]] = {peer: [], through: []}
        with connect(peer, CONTEXTS[:1], calling="TDD") as direct, connect(through, CONTEXTS[:1], calling="TDD") as recorded:
            for _ in range(MESSAGES):
                for to, link in ((peer, direct), (through, recorded)):
                    began = time.perf_counter()
                    link.c_echo()
                    took[to].append((time.perf_counter() - began) * 1000)
        without, with_it = (statistics.median(one) for one in took.values())
        yield "C-ECHO, and through the proxy", f"{without:.2f} ms", f"{with_it:.2f} ms", f"{with_it - without:+.2f} ms"
        with ThreadPoolExecutor(ASSOCIATIONS) as pool:
            began = time.perf_counter()
            times = list(pool.map(_echo, [through] * ASSOCIATIONS))
        all_of_them = f"{time.perf_counter() - began:.1f} s"
        yield f"{ASSOCIATIONS} associations through it at once", "", all_of_them, f"C-ECHO {statistics.median(times):.0f} ms"

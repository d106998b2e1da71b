"""Programs of the night that are ended by SIGTERM end what they have started as well."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["in_order", "output_of"]

TERMINATED = 143  # 128 and the signal's number, as shells count


def in_order() -> None:
    """From now on SIGTERM is an exit like another: what is under way is left as an error would leave it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def output_of(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run a command, which is ended in order if we are ended; `subprocess.run` kills it, and what it has started stays."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, errors = process.communicate()
        except BaseException:
            process.terminate()
            process.communicate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)

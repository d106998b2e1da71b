"""`tdwii serve` as a process of its own: started, awaited, read, and stopped by a signal."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

DEADLINE = 60
READY = re.compile(r"^(TMS|OST|TDD|watcher) (\S+) at ([\d.]+):(\d+)")


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TDWII_") and k not in ("COLUMNS", "PYTHONPATH")}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


class Served:
    """A running server; what it has printed so far, and how to reach its simulators by role."""

    def __init__(self, *arguments, cwd):
        self.arguments, self.cwd = [str(a) for a in arguments], cwd
        self.lines, self.peers = [], {}
        self._new = queue.Queue()

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tdwii_conformance", "serve", *self.arguments],
            cwd=self.cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self):
        for line in self.process.stdout:
            self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def await_line(self, pattern, count=1):
        """Return the line that matches, the last of `count`, of those that came before or of those to come."""
        deadline = time.monotonic() + DEADLINE
        while len(found := [line for line in self.lines if re.search(pattern, line)]) < count:
            line = self._new.get(timeout=max(deadline - time.monotonic(), 0.01))
            assert line is not None, f"ended before {pattern!r} came: {self.lines} {self.process.stderr.read()}"
            self.lines.append(line)
            if ready := READY.match(line):
                self.peers[ready[1]] = (ready[2], ready[3], int(ready[4]))
        return found[count - 1]

    def ready(self):
        self.await_line(r"Ctrl-C stops it|\"kind\": \"ready\"")
        return self

    @property
    def port(self):
        ((_, _, port),) = self.peers.values()
        return port

    def stop(self, number=signal.SIGINT):
        """Ask for the end; return exit code and what was said on stderr."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code, self.process.stderr.read()

    def rest(self):
        """Return what else was printed, after the end."""
        while (line := self._new.get(timeout=DEADLINE)) is not None:
            self.lines.append(line)
        return self.lines

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


def told(lines):
    return [json.loads(line) for line in lines]

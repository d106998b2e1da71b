"""What `make endurance` calls a growth, and what not."""

import contextlib
import subprocess
import sys
import time

import psutil
import pytest

from tests.endurance import Size, problems
from tests.ports import free_ports

BEFORE, STORED = Size(60.0, 5, 20), Size(400.0, 5, 20)


@pytest.mark.parametrize(
    ("after", "workitems", "named"),
    [
        (STORED, 7_000, []),
        (Size(415.5, 5, 20), 7_000, []),  # 0.5 MB more than two like processes differ by, and 0.7 are allowed
        (Size(416.0, 5, 20), 7_000, ["memory"]),  # 1.0 MB
        (Size(416.0, 4, 19), 20_000, []),
        (Size(400.0, 7, 20), 7_000, []),  # event reports were sent to two
        (Size(400.0, 8, 20), 7_000, ["threads"]),
        (Size(500.0, 5, 21), 7_000, ["memory", "files"]),
    ],
)
def test_what_has_grown_is_named(after, workitems, named):
    assert [one.partition(":")[0] for one in problems(BEFORE, after, STORED, workitems, receivers=2)] == named


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts handles, not files: `make endurance` is not for it")
def test_a_process_is_measured():
    program = "import sys, threading; kept = bytearray(b'x') * 50_000_000; files = [open(sys.executable) for _ in range(7)];"
    program += "threading.Thread(target=input).start(); print(flush=True); threading.Event().wait(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        size = Size.of(psutil.Process(process.pid))
        process.kill()
    assert 50 < size.memory < 90
    assert size.threads == 2
    assert size.files == 3 + 7


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM cannot be handled on Windows: `make endurance` is not for it")
def test_what_it_has_started_ends_with_it(tmp_path):
    """Simulators, `tdwii load`, and Locust with its workers."""
    (tmp_path / "clinic.toml").write_text("machines = 2\nwatchers = 0\nschedulers = 1\nevery = 1.0\n")
    words = ("--for", "300", "--clinic", str(tmp_path / "clinic.toml"), "--port", str(free_ports(4)[0]))
    command = [sys.executable, "-m", "tests.endurance", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        started, deadline = [], time.monotonic() + 120
        while sum("locust" in " ".join(one.cmdline()) for one in started) < 3:
            assert time.monotonic() < deadline and program.poll() is None
            time.sleep(0.2)
            with contextlib.suppress(psutil.NoSuchProcess):
                started = psutil.Process(program.pid).children(recursive=True)
        program.terminate()
        assert program.wait(120) == 143
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []

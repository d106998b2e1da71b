"""Ctrl-C at any time, and a reader that goes away: nothing left running, no traceback."""

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from pynetdicom import evt, sop_class

from tdwii_conformance.dimse import Server

DEADLINE = 60
PULL = sop_class.UnifiedProcedureStepPull


def started(tmp_path, *arguments, program=("-m", "tdwii_conformance"), **keywords):
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)], text=True, cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords,
    )  # fmt: skip


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_while_a_mute_peer_is_asked_for_an_association(tmp_path, number, code):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        with started(tmp_path, "find", "127.0.0.1", mute.getsockname()[1], "--timeout", "600") as running:
            connection, _ = mute.accept()
            assert connection.recv(1)  # the request is on its way: nobody will answer
            running.send_signal(number)
            assert running.wait(DEADLINE) == code
            assert (running.stdout.read(), running.stderr.read()) == ("", "")
        connection.close()


UNNOTICED = """
import os, signal, sys, threading, time
from tdwii_conformance.cli import run

def take():
    number, main, places = int(sys.stdin.readline()), threading.main_thread().ident, [None]
    while len(places) < 20 or len(set(places[-20:])) > 1:  # who sleeps stays where it is
        frame = sys._current_frames()[main]
        places.append((id(frame), frame.f_lasti))
        time.sleep(0.02)
    os.kill(os.getpid(), number)

threading.Thread(target=take, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})  # so the thread before takes it
run()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to wake one thread")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_wakes_nobody(tmp_path, number, code):
    """The thread that Python calls handlers in sleeps on, as after a signal in the moment in which it falls asleep."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        given = "find", "127.0.0.1", mute.getsockname()[1], "--timeout", "600"
        with started(tmp_path, *given, program=["-c", UNNOTICED], stdin=subprocess.PIPE) as running:
            connection, _ = mute.accept()
            assert connection.recv(1)
            print(int(number), file=running.stdin, flush=True)
            assert running.wait(DEADLINE) == code
            assert (running.stdout.read(), running.stderr.read()) == ("", "")
        connection.close()


def test_while_a_request_is_not_answered(tmp_path):
    asked, hold, ended = threading.Event(), threading.Event(), threading.Event()

    def mute(event):
        asked.set()
        hold.wait(DEADLINE)
        yield 0x0000, None

    handlers = [(evt.EVT_C_FIND, mute), (evt.EVT_CONN_CLOSE, lambda event: ended.set())]
    with (
        Server("X", [PULL], handlers) as server,
        started(tmp_path, "find", "127.0.0.1", server.port, "--timeout", "600") as running,
    ):
        assert asked.wait(DEADLINE)
        running.send_signal(signal.SIGINT)
        assert running.wait(DEADLINE) == 130
        assert (running.stdout.read(), running.stderr.read()) == ("", "")
        hold.set()
        assert ended.wait(DEADLINE)


def test_a_claim_that_is_interrupted_is_kept(tmp_path):
    asked, hold = threading.Event(), threading.Event()

    def mute(event):
        asked.set()
        hold.wait(DEADLINE)
        return 0x0000, None

    with (
        Server("X", [PULL], [(evt.EVT_N_ACTION, mute)]) as server,
        started(tmp_path, "claim", "127.0.0.1", server.port, "1.2.3", "--timeout", "600") as running,
    ):
        assert asked.wait(DEADLINE)
        running.send_signal(signal.SIGINT)
        assert running.wait(DEADLINE) == 130
        hold.set()
    assert '"workitem": "1.2.3"' in (tmp_path / "state" / "tdwii" / "claims.json").read_text()


def test_a_reader_that_goes_away(tmp_path):
    """``tdwii templates ... | head -0``."""
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "tdwii_conformance", "templates", "query-scheduled"],
            stdout=write, stderr=subprocess.PIPE, env=environment, text=True, timeout=DEADLINE,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (ran.returncode, ran.stderr) == (0, "")

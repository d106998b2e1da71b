"""watch, receive and notify: events as they come, and nothing left behind; in this process and as processes of their own."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from tdwii_conformance.scu.receiver import Receiver

DEADLINE = 60


def lines_of(stream, into):
    for line in stream:
        into.put(line)
    into.put(None)


@contextmanager
def process(tmp_path, *arguments):
    """A `tdwii` of its own; yields the process and its output, line by line."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tdwii_conformance", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment,
    ) as running:  # fmt: skip
        out, err = queue.Queue(), queue.Queue()
        for stream, into in ((running.stdout, out), (running.stderr, err)):
            threading.Thread(target=lines_of, args=(stream, into), daemon=True).start()
        try:
            yield running, out, err
        finally:
            running.kill()


def rest(lines):
    found = []
    while (line := lines.get(timeout=DEADLINE)) is not None:
        found.append(line)
    return found


@pytest.mark.parametrize(("number", "lock"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_watch_until_a_signal(tdwii, floor, scheduled, tmp_path, number, lock):
    more = ["--lock"] if lock else []
    with process(tmp_path, "watch", "UPSSCP", "--workitem", scheduled.uid, "--json", *more) as (running, out, err):
        assert "watches UPSSCP; Ctrl-C ends it" in err.get(timeout=DEADLINE)
        first = json.loads(out.get(timeout=DEADLINE))  # the initial event [CC.2.3.3]
        assert (first["event"], first["from"], first["to"]) == ("UPS State Report", "UPSSCP", "WATCHER")
        assert first["sop_instance_uid"] == scheduled.uid
        assert tdwii("claim", "UPSSCP", scheduled.uid).code == 0
        second = json.loads(out.get(timeout=DEADLINE))
        assert second["information"]["00741000"]["Value"] == ["IN PROGRESS"]
        running.send_signal(number)
        assert running.wait(DEADLINE) == 0
        assert rest(out) == []
        assert [line for line in rest(err) if line.strip()] == []
    # Nobody is told any more: a report to the watcher would go to a closed port. A new subscription begins anew.
    with Receiver("WATCHER", port=floor.known["WATCHER"].port) as receiver:
        assert tdwii("cancel", "UPSSCP", scheduled.uid).code == 0
        ran = tdwii("notify", "WATCHER", "--type", "scp-status")  # comes after what the TMS would have sent
        assert ran.code == 0
        assert receiver.reports("WATCHER")[-1].requestor == "UPSSCP"
        assert [r.instance_uid for r in receiver.reports("WATCHER") if r.instance_uid == scheduled.uid] == []


def test_watch_so_many_events(tdwii, floor, scheduled):
    ran = tdwii("watch", "UPSSCP", "--workitem", scheduled.uid, "--count", "1", "--for", "60")
    assert ran.code == 0
    (line,) = ran.out.splitlines()
    assert "UPS State Report" in line
    assert line.endswith(scheduled.uid)


def test_watch_for_a_time(tdwii, floor, scheduled):
    ran = tdwii("watch", "UPSSCP", "--workitem", scheduled.uid, "--count", "9", "--for", "1")
    assert ran.code == 3
    assert ran.err.splitlines()[-1].startswith("tdwii watch: only ")


def test_watch_what_matches(tdwii, scheduled, tmp_path):
    (tmp_path / "filter.txt").write_text(f"(0010,0020) LO [{scheduled.treatment.plan.PatientID}]\n")
    with process(tmp_path, "watch", "UPSSCP", "--filter", "filter.txt", "--count", 1) as (running, out, err):
        assert "watches UPSSCP" in err.get(timeout=DEADLINE)
        assert tdwii("claim", "UPSSCP", scheduled.uid).code == 0
        assert out.get(timeout=DEADLINE).split()[1:] == ["UPS", "State", "Report", "IN", "PROGRESS,", "READY", scheduled.uid]
        assert running.wait(DEADLINE) == 0


def test_notify_of_each_type(tdwii):
    with Receiver("WATCHER") as receiver:
        port = receiver.peer.port
        ran = tdwii("notify", "127.0.0.1", port, "--type", "all", "--workitem", "1.2.3", "--called", "WATCHER", "--json")
        assert ran.code == 0
        reports = receiver.reports("WATCHER")
    assert [told["type"] for told in ran.json] == [1, 2, 3, 4, 5]
    assert [int(report.request.command.EventTypeID) for report in reports] == [1, 2, 3, 4, 5]
    assert [report.instance_uid for report in reports] == ["1.2.3", "1.2.3", "1.2.3", "1.2.840.10008.5.1.4.34.5", "1.2.3"]
    assert reports[0].request.dataset.ProcedureStepState == "SCHEDULED"
    assert reports[1].request.dataset.RequestingAE == "UPSSCP"
    assert reports[3].request.dataset.SCPStatus == "RESTARTED"
    assert reports[4].request.dataset.ScheduledStationNameCodeSequence[0].CodeValue == "FX1"


def test_receive(tdwii, tmp_path, environment):
    port = environment.known["WATCHER"].port
    with process(tmp_path, "receive", "--port", port) as (running, out, err):
        assert f"WATCHER listens on 127.0.0.1:{port}; Ctrl-C ends it" in err.get(timeout=DEADLINE)
        sent = tdwii("notify", "127.0.0.1", port, "--type", "progress", "--progress", "50", "--workitem", "1.2.3")
        assert sent.code == 0, sent.err
        line = out.get(timeout=DEADLINE)
        assert line.split()[1:] == ["UPS", "Progress", "Report", "50", "%", "1.2.3"]
        running.send_signal(signal.SIGINT)
        assert running.wait(DEADLINE) == 0
    assert tdwii("echo", "127.0.0.1", port).code == 3


def test_a_port_that_is_taken(tdwii):
    with Receiver("X") as receiver:
        port = receiver.peer.port
        ran = tdwii("receive", "--port", port)
    assert ran.code == 2
    assert ran.err == f"tdwii receive: WATCHER cannot listen on 127.0.0.1:{port}: Address already in use\n"

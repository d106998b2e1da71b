"""The recording proxy: many at once, what is refused, what is broken off; and the commands `record` and `judge`."""

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from recorded_table import Kept

from tdwii_conformance.cli.app import main
from tdwii_conformance.dimse import Peer, Timeouts, connect
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.witness.proxy import Listener, Proxy, ProxyError
from tdwii_conformance.witness.records import read_record
from tests.ports import free_port

VERIFICATION = "1.2.840.10008.1.1"


def echo(port):
    with connect(Peer("OST", "127.0.0.1", port), [VERIFICATION], calling="TDD", timeouts=Timeouts(connect=10, message=20)) as link:
        return link.c_echo().status


def test_fifty_associations_at_once(tmp_path):
    kept = Kept()
    with OST("OST") as ost, Proxy([Listener(0, "OST", "127.0.0.1", ost.peer.port)], [kept]) as proxy:
        with ThreadPoolExecutor(50) as pool:
            assert list(pool.map(echo, [proxy.ports[0]] * 50)) == [0] * 50
        kept.wait_for(50)
    assert {event[2] for event in kept.events if event[0] == "closed"} == {""}


def test_bytes_pass_unchanged_in_both_directions():
    kept = Kept()
    sent = os.urandom(300_000)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Proxy([Listener(0, "X", "127.0.0.1", server.getsockname()[1])], [kept]) as proxy,
        socket.create_connection(("127.0.0.1", proxy.ports[0])) as one,
    ):
        other, _ = server.accept()
        with other:
            writer = threading.Thread(target=lambda: (one.sendall(sent), one.shutdown(socket.SHUT_WR)))
            writer.start()
            came = b""
            while octets := other.recv(65536):
                came += octets
            writer.join()
            assert came == sent
            other.sendall(b"yes")  # after the other side has ended its half
            assert one.recv(3, socket.MSG_WAITALL) == b"yes"
    seen = {side: b"".join(e[3] for e in kept.events if e[0] == "passed" and e[2] == side) for side in ("requestor", "acceptor")}
    assert seen == {"requestor": sent, "acceptor": b"yes"}


def test_a_system_that_is_not_there_ends_the_connection_and_is_said():
    kept = Kept()
    with Proxy([Listener(0, "TMS", "127.0.0.1", free_port())], [kept]) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.ports[0])) as one:
            one.settimeout(20)
            with suppress(ConnectionResetError):  # the proxy resets what it cannot pass on; the end may come first
                assert one.recv(1) == b""
        kept.wait_for(1)
    assert kept.events[-1][2].endswith("cannot be reached: connection refused")


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = Proxy([Listener(port, "TMS", "127.0.0.1", 104)], [])
        with pytest.raises(ProxyError, match=f"port {port} for TMS@127.0.0.1:104 cannot be listened on"):
            proxy.__enter__()


def test_record_survives_being_killed_and_is_judged(tmp_path, capsys):
    file, port = tmp_path / "table.jsonl", free_port()
    with OST("OST") as ost, ExitStack() as stack:
        behind = f"OST@127.0.0.1:{ost.peer.port}"
        command = [sys.executable, "-m", "tdwii_conformance", "record", str(file), "--listen", f"{port}={behind}"]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        assert f"127.0.0.1:{port} leads to {behind}" in process.stderr.readline()
        assert echo(port) == 0
        lines = [process.stdout.readline() for _ in range(3)]
    assert "TDD to OST: association" in lines[0]
    assert "TDD to OST: C-ECHO" in lines[1]
    assert "0000" in lines[1]
    assert "TDD to OST: released" in lines[2]
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    (one,) = read_record(file)
    assert one.acceptor == behind
    assert main(["judge", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "1 connection, 1 exchange, 0 sessions" in out
    assert "nothing was judged" in err


def test_judge_names_what_is_wrong_and_writes_the_page(tmp_path, recorded_treatment, capsys):
    page = tmp_path / "page.html"
    assert main(["judge", str(recorded_treatment), "--report", str(page)]) == 0
    assert "TDD: TDD" in capsys.readouterr().out
    assert "<html" in page.read_text(encoding="utf-8")


def test_bytes_that_are_no_dicom_are_shown_with_their_place(tmp_path, recorded_treatment, capsys):
    bad = tmp_path / "bad.jsonl"
    lines = recorded_treatment.read_text().splitlines(keepends=True)
    name = json.loads(lines[1])["opened"]["name"]
    passed = next(json.loads(line)["passed"] for line in lines if '"passed"' in line)
    stray = {**passed, "name": name, "side": "requestor", "octets": "CgAAAAACAAA="}  # 0A 00 00000002 0000
    closing = next(n for n, line in enumerate(lines) if '"closed"' in line and f'"name": "{name}"' in line)
    lines.insert(closing, json.dumps({"passed": stray}) + "\n")
    bad.write_text("".join(lines))
    assert main(["judge", str(bad)]) == 1
    assert "a PDU of type 0AH [0a 00 00 00 00 02 00 00]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["record", "x.jsonl", "--listen", "TMS"], "expected PORT=NAME@HOST:PORT"),
        (["record", "x.jsonl", "--listen", "99999=TMS@h:1"], "expected PORT=NAME@HOST:PORT"),
        (["judge", "no-such-file"], "does not exist"),
        (["judge", "text.txt"], "neither a record of tdwii record nor a capture"),
        (["record", "text.txt", "--listen", "0=TMS@127.0.0.1:1"], "is there already"),
    ],
)
def test_what_is_wrong_with_the_arguments_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hello")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error

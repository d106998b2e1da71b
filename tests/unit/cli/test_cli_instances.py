"""echo and store, against the simulated OST."""

import socket

import pytest

from tdwii_conformance.simulators.ost import OST


@pytest.fixture(scope="module")
def ost():
    with OST("OST") as running:
        yield running


def test_echo(tdwii, ost):
    ran = tdwii("echo", "127.0.0.1", ost.peer.port, "--calling", "ME")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"ANY-SCP at 127.0.0.1:{ost.peer.port} answers ME: 0000 (Success)\n"


def test_echo_for_scripts_and_with_the_messages(tdwii, ost):
    ran = tdwii("echo", f"127.0.0.1:{ost.peer.port}", "--called", "OST", "--json", "-v")
    assert ran.json == {
        "peer": "OST", "host": "127.0.0.1", "port": ost.peer.port, "service": "C-ECHO", "status": "0000", "meaning": "Success",
    }  # fmt: skip
    assert "# C-ECHO request, TDD -> OST" in ran.err
    assert "(0000,0900) US 0 " in ran.err


def test_nobody_there(tdwii):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        ran = tdwii("echo", "127.0.0.1", port)
    assert ran.code == 3
    assert ran.err == (
        f"tdwii echo: ANY-SCP: no connection to 127.0.0.1:{port} (Connection refused): is the system running, are host and port right?\n"
    )

"""The network with faults: what passes is what was sent, until it breaks; and restarts are written down."""

import random
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from tdwii_conformance.load.clock import Clock, epoch_of_now
from tdwii_conformance.load.faults import Network, Restarts, read_disturbances

DEADLINE = 60


@contextmanager
def echo():
    """A server that sends back what comes, as long as somebody is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(connection):
            with connection:
                try:
                    while octets := connection.recv(4096):
                        connection.sendall(octets)
                except OSError:
                    pass

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)


def connected(network):
    connection = socket.create_connection(("127.0.0.1", network.port), DEADLINE)
    connection.settimeout(DEADLINE)
    return connection


def ping(connection, octets=b"x" * 100):
    connection.sendall(octets)
    came = b""
    while len(came) < len(octets) and (more := connection.recv(4096)):
        came += more
    return came


def test_bytes_pass_as_they_are_and_late():
    with echo() as at, Network(*at, {"delay": 0.05, "jitter": 0.01}) as network, connected(network) as connection:
        began = time.monotonic()
        sent = bytes(range(256)) * 10
        assert ping(connection, sent) == sent
        assert time.monotonic() - began >= 0.1  # there and back


def until_broken(connection):
    """Send and receive until the connection is closed, reset or silent; return how it ended."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            if len(ping(connection)) < 100:
                return "closed"
        except TimeoutError:
            return "silent"
        except OSError:
            return "reset"
    return "whole"


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_connection_breaks_within_some_bytes(fault):
    with echo() as at, Network(*at, {fault: 0.01}, chance=random.Random(1)) as network, connected(network) as connection:
        # What is sent to a side that has closed is answered with RST: a connection that is cut may be seen to be reset.
        assert until_broken(connection) in (["closed", "reset"] if fault == "cut" else ["reset"])
        assert network.done == {fault: 1}


def test_half_open_leaves_one_side_in_silence():
    with echo() as at, Network(*at, {"half-open": 0.01}, chance=random.Random(2)) as network, connected(network) as connection:
        connection.settimeout(0.5)
        until_broken(connection)  # by silence, or because our side was closed and the other was not told
        assert network.done == {"half-open": 1}


def test_connections_are_refused_for_a_while_and_taken_again():
    with echo() as at, Network(*at, {"refused": 0.05}) as network:
        seen = set()
        deadline = time.monotonic() + DEADLINE
        while len(seen) < 2 and time.monotonic() < deadline:
            try:
                with connected(network) as connection:
                    ping(connection)
                    seen.add("taken")
            except ConnectionRefusedError:
                seen.add("refused")
            except OSError:
                pass  # accepted when it began to refuse
        assert seen == {"taken", "refused"}


def test_a_system_that_is_not_there_resets():
    with socket.create_server(("127.0.0.1", 0)) as server:
        at = server.getsockname()

    def call(network):
        with connected(network) as connection:
            until_broken(connection)
            raise ConnectionError

    with Network(*at, {"delay": 0.001}) as network, pytest.raises(ConnectionError):
        call(network)


def test_restarts_are_written_down(tmp_path):
    written = tmp_path / "restarts.jsonl"
    enough = threading.Event()
    times = []
    clock = Clock(epoch_of_now())

    def restart():
        times.append(clock.now())
        if len(times) == 2:
            enough.set()
            raise OSError("it does not come back")

    assert read_disturbances(written) == []
    with Restarts(restart, 0.01, written, clock) as restarts:
        assert enough.wait(DEADLINE)
    found = read_disturbances(written)
    assert [began <= at <= ended for (began, ended), at in zip(found, times, strict=True)] == [True, True]
    assert (restarts.count, restarts.error) == (2, "it does not come back")
    with written.open("a") as file:
        file.write('{"began": 5.0}\n')
    assert read_disturbances(written)[-1] == (5.0, float("inf"))

"""A peer whose responses are no DIMSE messages: the association is aborted, the failure says what came, nobody waits."""

import socket
import threading
import time

import pytest

from tdwii_conformance.dimse import DimseError, Peer, Timeouts, connect
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.treatment.messages import item

VERIFICATION = b"1.2.840.10008.1.1"
IMPLICIT = b"1.2.840.10008.1.2"
PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
DEADLINE = 20.0  # seconds, far above what is needed and below the message time-out


def items(*parts):
    return b"".join(bytes([kind, 0]) + len(value).to_bytes(2, "big") + value for kind, value in parts)


def pdu(kind, body):
    return bytes([kind, 0]) + len(body).to_bytes(4, "big") + body


def associate(kind, context):
    user = items((0x51, (16384).to_bytes(4, "big")), (0x52, b"1.2.3.4"))
    body = b"\0\1\0\0" + b"OST".ljust(16) + b"TDD".ljust(16) + bytes(32)
    return pdu(kind, body + items((0x10, b"1.2.840.10008.3.1.1.1"), context, (0x50, user)))


ACCEPT = associate(2, (0x21, b"\1\0\0\0" + items((0x40, IMPLICIT))))
REQUEST = associate(1, (0x20, b"\1\0\0\0" + items((0x30, VERIFICATION), (0x40, IMPLICIT))))


def element(number, value):
    return bytes([0, 0]) + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


def us(number, value):
    return element(number, value.to_bytes(2, "little"))


def command(*elements):
    """A command set in a P-DATA-TF, with its group length [PS3.7 6.3.1]."""
    rest = b"".join(elements)
    octets = element(0x0000, len(rest).to_bytes(4, "little")) + rest
    return pdu(4, (len(octets) + 2).to_bytes(4, "big") + b"\1\3" + octets)


SOP_CLASS = element(0x0002, VERIFICATION + b"\0")
NO_MESSAGES = {
    "no command field": (command(SOP_CLASS, us(0x0120, 1), us(0x0800, 0x0101), us(0x0900, 0)), "without Command Field"),
    "no data set type": (command(SOP_CLASS, us(0x0100, 0x8030), us(0x0120, 1), us(0x0900, 0)), "without Command Data Set Type"),
    "nothing": (command(), "without Command Data Set Type"),
    "a length that is too long": (
        command(SOP_CLASS, bytes.fromhex("00000001 ff000000 3080")), "where 2 are left",
    ),
}  # fmt: skip


def received(connection):
    head = connection.recv(6, socket.MSG_WAITALL)
    if len(head) < 6:
        return None, b""
    return head[0], connection.recv(int.from_bytes(head[2:6], "big"), socket.MSG_WAITALL)


class Peerless(threading.Thread):
    """Accepts one association, answers its first message with some bytes, and keeps what comes then."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer, self.after = answer, None
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    def run(self):
        with self.server, self.server.accept()[0] as connection:
            connection.settimeout(DEADLINE)
            received(connection)
            connection.sendall(ACCEPT)
            received(connection)
            connection.sendall(self.answer)
            self.after = received(connection)


@pytest.mark.parametrize(("answer", "said"), NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_a_response_that_is_no_message_is_said_at_once(answer, said):
    peer = Peerless(answer)
    peer.start()
    began = time.monotonic()
    link = connect(Peer("OST", "127.0.0.1", peer.port), [VERIFICATION.decode()], calling="TDD", timeouts=Timeouts(message=60))
    exchange = link.c_echo()
    assert time.monotonic() - began < DEADLINE
    link.close()
    peer.join(DEADLINE)
    assert exchange.failure.startswith("the response is no DIMSE message, so the association was aborted: ")
    assert said in exchange.failure
    kind, body = peer.after
    assert (kind, body[2]) == (7, 2)  # A-ABORT of the service provider [PS3.8 9.3.8]


@pytest.mark.parametrize("sent", [answer for answer, _ in NO_MESSAGES.values()], ids=NO_MESSAGES)
def test_a_simulator_aborts_and_serves_the_next(sent, capfd):
    with OST("OST") as ost:
        with socket.create_connection(("127.0.0.1", ost.peer.port)) as one:
            one.settimeout(DEADLINE)
            one.sendall(REQUEST)
            assert received(one)[0] == 2
            one.sendall(sent)
            kind, body = received(one)
        assert (kind, body[2]) == (7, 2)
        with connect(Peer("OST", "127.0.0.1", ost.peer.port), [VERIFICATION.decode()], calling="TDD") as link:
            assert link.c_echo().status == 0
    assert "Traceback" not in capfd.readouterr().err


def test_a_response_of_another_service_is_said_and_aborted():
    pull = "1.2.840.10008.5.1.4.34.6.3"
    sop_class = element(0x0002, pull.encode())
    peer = Peerless(command(sop_class, us(0x0100, 0x8020), us(0x0120, 1), us(0x0800, 0x0101), us(0x0900, 0)))
    peer.start()
    link = connect(Peer("OST", "127.0.0.1", peer.port), [pull], calling="TDD", timeouts=Timeouts(message=60))
    exchange = link.n_get("1.2.3", (), context=pull)
    link.close()
    peer.join(DEADLINE)
    assert exchange.response.command.CommandField == 0x8020  # kept as it came
    assert not link.established
    assert peer.after[0] == 7


class Saying(threading.Thread):
    """Accepts one association, answers its request and its first message with some bytes each, and closes the connection."""

    def __init__(self, *answers):
        super().__init__(daemon=True)
        self.answers = answers
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]

    def run(self):
        with self.server, self.server.accept()[0] as connection:
            connection.settimeout(DEADLINE)
            for answer in self.answers:
                received(connection)
                connection.sendall(answer)
            received(connection)


NO_SYNTAX = associate(2, (0x21, b"\1\0\0\0" + items((0x40, b"1.2.9.9"))))


@pytest.mark.parametrize("answers", [
    (pdu(3, b"\0\1\x09\1"),), (pdu(7, b"\0\0\x58\0"),), (ACCEPT, pdu(7, b"\0\0\x58\0")), (ACCEPT, pdu(3, b"\0\1\x09\1")), (NO_SYNTAX,),
], ids=["a rejection by nobody", "an abort by nobody", "an abort later", "a rejection later", "no transfer syntax"])  # fmt: skip
def test_values_that_there_are_not_end_the_association_and_no_thread(answers, monkeypatch):
    died = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    peer = Saying(*answers)
    peer.start()
    there, instance = Peer("OST", "127.0.0.1", peer.port), item(SOPClassUID=PLAN, SOPInstanceUID="1.2.3")
    began = time.monotonic()
    patient = Timeouts(association=60, message=60)
    with pytest.raises(DimseError), connect(there, [PLAN], calling="TDD", timeouts=patient) as link:  # noqa: PT012
        assert link.c_store(instance).failure
        link.c_store(instance)
    peer.join(DEADLINE)
    assert time.monotonic() - began < DEADLINE
    assert died == []


def test_a_pdu_that_is_never_finished_keeps_nobody_from_ending():
    peer = Peerless(command(SOP_CLASS, us(0x0100, 0x8030))[:-1])  # and leaves the connection open
    peer.start()
    timeouts = Timeouts(association=60, message=0.2)
    began = time.monotonic()
    with connect(Peer("OST", "127.0.0.1", peer.port), [VERIFICATION.decode()], calling="TDD", timeouts=timeouts) as link:
        assert link.c_echo().failure.startswith("no response within 0.2 s")
    peer.join(DEADLINE)
    assert time.monotonic() - began < DEADLINE
    assert peer.after[0] == 7  # A-ABORT

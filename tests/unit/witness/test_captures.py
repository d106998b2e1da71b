"""Captures: frames made by hand from the bytes of a real treatment, in the link types, orders and states that captures have."""

import random
import shutil
import socket
import struct
import subprocess
import time

import dpkt
import pytest
from recorded_table import table

from tdwii_conformance.defects import DEFECTS, install
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.witness.answering import judge_all
from tdwii_conformance.witness.capture import is_capture, read_capture
from tdwii_conformance.witness.judging import witness
from tdwii_conformance.witness.records import RecordError, connection_of, read_record

CATALOGUE = load_catalogue()
CLIENT, SERVER = ("10.0.0.7", 40000), ("10.0.0.5", 11114)
CLIENT6, SERVER6 = ("fe80::7", 40000), ("fe80::5", 11114)
FIN, SYN, RST, PUSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
BEGINS = {"requestor": 4294967200, "acceptor": 5000}  # the first is about to go round


def tcp(source, target, sequence, flags, octets=b""):
    return struct.pack(">HHIIBBHHH", source[1], target[1], sequence % 2**32, 0, 5 << 4, flags, 65535, 0, 0) + octets


def packet(source, target, segment):
    if ":" in source[0]:
        addresses = socket.inet_pton(socket.AF_INET6, source[0]) + socket.inet_pton(socket.AF_INET6, target[0])
        return struct.pack(">IHBB", 6 << 28, len(segment), 6, 64) + addresses + segment
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + addresses + segment


LINKS = {
    "ethernet": (1, lambda ip: bytes(12) + kind(ip) + ip),
    "vlan": (1, lambda ip: bytes(12) + b"\x81\x00\x00\x05" + kind(ip) + ip),
    "two vlans": (1, lambda ip: bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + kind(ip) + ip),
    "linux cooked": (113, lambda ip: bytes(14) + kind(ip) + ip),
    "linux cooked 2": (276, lambda ip: kind(ip) + bytes(18) + ip),
    "raw": (101, lambda ip: ip),
    "loopback": (0, lambda ip: b"\2\0\0\0" + ip),
}


def kind(ip):
    return b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd"


def segments(recorded, client=CLIENT, server=SERVER, size=1000, closed=None):
    """The segments of a connection as (time, source, target, sequence, flags, octets), with its begin and its end."""
    at = {side: begin + 1 for side, begin in BEGINS.items()}
    ends = {"requestor": (client, server), "acceptor": (server, client)}
    now = recorded.opened.timestamp()
    yield now, client, server, BEGINS["requestor"], SYN, b""
    yield now, server, client, BEGINS["acceptor"], SYN | ACK, b""
    for chunk in recorded.chunks:
        for start in range(0, len(chunk.octets), size):
            piece = chunk.octets[start : start + size]
            yield chunk.time.timestamp(), *ends[chunk.side], at[chunk.side], PUSH | ACK, piece
            at[chunk.side] += len(piece)
    for side, (source, target) in ends.items():
        yield closed or now + 60, source, target, at[side], FIN | ACK, b""


def written(path, them, link="ethernet", writer=dpkt.pcap.Writer):
    number, frame = LINKS[link]
    with path.open("wb") as file:
        into = writer(file, linktype=number)
        for when, source, target, sequence, flags, octets in them:
            into.writepkt(frame(packet(source, target, tcp(source, target, sequence, flags, octets))), ts=when)
    return path


def octets_of(recorded, side):
    return b"".join(chunk.octets for chunk in recorded.chunks if chunk.side == side)


def same(found, recorded):
    assert [octets_of(found, side) for side in BEGINS] == [octets_of(recorded, side) for side in BEGINS]


@pytest.fixture(scope="module")
def first(recorded_treatment):
    return read_record(recorded_treatment)[0]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("writer", [dpkt.pcap.Writer, dpkt.pcapng.Writer], ids=["pcap", "pcapng"])
def test_every_link_type(tmp_path, first, link, writer):
    path = written(tmp_path / "a.pcap", segments(first), link, writer)
    assert is_capture(path)
    (found,) = read_capture(path)
    assert (found.requestor, found.acceptor, found.missing) == ("10.0.0.7:40000", "10.0.0.5:11114", "")
    assert found.closed is not None
    same(found, first)


def test_ipv6(tmp_path, first):
    (found,) = read_capture(written(tmp_path / "a.pcap", segments(first, CLIENT6, SERVER6)))
    assert found.acceptor == "[fe80::5]:11114"
    same(found, first)


@pytest.mark.parametrize("seed", range(5))
def test_reordered_doubled_and_sent_again_in_other_pieces(tmp_path, first, seed):
    chance = random.Random(seed)
    begin, *them, last, very_last = segments(first, size=chance.choice((300, 1000)))
    again = list(segments(first, size=777))[2:-2]
    shuffled = sorted(enumerate(them), key=lambda one: one[0] + chance.uniform(0, 6))
    mixed = [one for _, one in shuffled for _ in range(chance.choice((1, 1, 2)))]
    for one in again:
        mixed.insert(chance.randrange(len(mixed)), one)
    (found,) = read_capture(written(tmp_path / "a.pcap", [begin, *mixed, last, very_last]))
    assert found.missing == ""
    same(found, first)


def test_what_is_missing_is_counted_and_not_judged(tmp_path, first):
    them = list(segments(first, size=500))
    data = [one for one in them if one[5]]
    lost = data[len(data) // 2]
    (found,) = read_capture(written(tmp_path / "a.pcap", [one for one in them if one is not lost]))
    assert found.missing == f"{len(lost[5])} bytes are missing from the capture"


def test_a_capture_that_begins_in_the_midst_is_not_judged(tmp_path, first):
    (found,) = read_capture(written(tmp_path / "a.pcap", list(segments(first))[5:]))
    assert found.missing == "its begin is missing from the capture"


def test_a_capture_that_ends_early_has_what_was_there(tmp_path, first):
    them = list(segments(first))
    path = written(tmp_path / "a.pcap", them[: len(them) // 2])
    path.write_bytes(path.read_bytes()[:-100])  # killed while it wrote a packet
    (found,) = read_capture(path)
    assert (found.missing, found.closed) == ("", None)
    assert connection_of(found).request.calling == "TDD"


def test_one_port_after_the_other_is_two_connections(tmp_path, recorded_treatment):
    one, two = read_record(recorded_treatment)[:2]
    found = read_capture(written(tmp_path / "a.pcap", [*segments(one), *segments(two)]))
    assert len(found) == 2
    same(found[0], one)
    same(found[1], two)


def test_a_reset_is_an_end(tmp_path, first):
    *them, last, _ = segments(first)
    when, source, target, sequence, _, _ = last
    (found,) = read_capture(written(tmp_path / "a.pcap", [*them, (when, source, target, sequence, RST, b"")]))
    assert found.closed is not None
    same(found, first)


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"\xd4\xc3\xb2\xa1" + bytes(4), "not a capture"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 147), "link type 147 is not known"),
    ],
)
def test_what_is_no_capture_is_said_so(tmp_path, octets, message):
    path = tmp_path / "x.pcap"
    path.write_bytes(octets)
    with pytest.raises(RecordError, match=message):
        read_capture(path)


def test_a_capture_has_the_verdicts_of_the_record(tmp_path):
    """Of a TMS with a defect and a TDD that works with it: all connections at once, as they were."""
    record, ports = tmp_path / "record.jsonl", {}
    prepare = lambda tms, ost, tdd: install(tms, [DEFECTS["ro58-parameters-2018001-value-type-absent"]])  # noqa: E731
    with table(record, prepare=prepare) as tdd:
        tdd.perform()
    its = read_record(record)
    them = []
    for number, one in enumerate(its):
        client, server = ("10.0.0.7", 40000 + number), ("10.0.0.5", ports.setdefault(one.acceptor, 11114 + len(ports)))
        them += segments(one, client, server, closed=one.closed.timestamp())
    capture = read_capture(written(tmp_path / "a.pcap", sorted(them, key=lambda segment: segment[0])))
    verdicts = [
        {
            (verdict.requirement, verdict.nodeid, verdict.verdict, str(verdict.findings))
            for verdict in judge_all(witness(recorded), CATALOGUE, edition="ti")
            if verdict.verdict != "skipped"
        }
        for recorded in (its, capture)
    ]
    assert verdicts[0] == verdicts[1]
    assert any(verdict == "failed" for _, _, verdict, _ in verdicts[0])


@pytest.mark.skipif(not shutil.which("tcpdump"), reason="no tcpdump")
def test_a_capture_of_tcpdump(tmp_path):
    """One that we did not write: an echo on loopback, captured by tcpdump."""
    path = tmp_path / "lo.pcap"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-c", "12", "-w", str(path), "tcp", "port", str(port)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as dump:
            if "listening on" not in dump.stderr.readline():
                dump.wait()
                pytest.skip("tcpdump may not capture here")
            with socket.create_connection(("127.0.0.1", port)) as one:
                other, _ = server.accept()
                with other:
                    one.sendall(b"A" * 3000)
                    assert len(other.recv(3000, socket.MSG_WAITALL)) == 3000
                    other.sendall(b"B" * 10)
                    assert one.recv(10, socket.MSG_WAITALL) == b"B" * 10
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not (found := _closed(path)):
                pass
            dump.terminate()
            dump.wait()
    assert (octets_of(found, "requestor"), octets_of(found, "acceptor")) == (b"A" * 3000, b"B" * 10)


def _closed(path):
    if not path.exists() or path.stat().st_size < 24:
        return None
    found = read_capture(path)
    return found[0] if found and found[0].closed else None

"""Captures of a network: pcap and pcapng files as the connections in them, their segments put together again."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dpkt

from ..upper_layer import Side
from .records import Chunk, Recorded, RecordError

__all__ = ["is_capture", "read_capture"]

# The first bytes of pcap (microseconds, nanoseconds; both byte orders) and of pcapng.
MAGIC = tuple(bytes.fromhex(text) for text in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a"))
# Link types [www.tcpdump.org/linktypes.html].
NULL, ETHERNET, RAW, LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = 0, 1, 101, 108, 113, 228, 229, 276
RAW_TOO = (12, 14)  # what BSD systems write for 101
ETHERTYPES = {0x0800: 4, 0x86DD: 6}
VLANS = (0x8100, 0x88A8, 0x9100)
TCP, HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 6, 0, 43, 44, 60
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
HALF, WHOLE = 1 << 31, 1 << 32  # sequence numbers go round


def is_capture(path: Path) -> bool:
    """Whether a file begins as a pcap or pcapng file does.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(4) in MAGIC


@dataclass
class _Segment:
    time: datetime
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    flags: int
    octets: bytes
    length: int  # as sent: a capture may keep less of each packet


@dataclass
class _Direction:
    """What one side has sent, put in order."""

    following: int | None = None  # the sequence number of the next byte
    waiting: dict[int, tuple[datetime, bytes]] = field(default_factory=dict)
    ended: int | None = None  # the sequence number of its FIN


@dataclass
class _Connection:
    recorded: Recorded
    requestor: tuple[str, int]
    sides: dict[Side, _Direction] = field(default_factory=lambda: {"requestor": _Direction(), "acceptor": _Direction()})
    begun: bool = False  # its SYN was captured


def read_capture(path: Path) -> list[Recorded]:
    """Read a capture.

    Parameters
    ----------
    path : Path
        A pcap or pcapng file: Ethernet (with VLAN tags), Linux cooked (1 and 2), raw IP, BSD loopback; IPv4 and IPv6.

    Returns
    -------
    list of Recorded
        The TCP connections in it that carried bytes, in the order in which they began. One that lacks bytes, or whose begin was
        not captured, says so in `missing`.

    Raises
    ------
    RecordError
        If it is no capture, or of a link type that is not known.
    """
    open_: dict[frozenset[tuple[str, int]], _Connection] = {}
    found: list[_Connection] = []
    for segment in _segments(path):
        key = frozenset((segment.source, segment.target))
        connection = open_.get(key)
        begins = bool(segment.flags & SYN) and not segment.flags & ACK
        if connection is None or (begins and _over(connection)):
            # Without a SYN it had begun before: who speaks first is taken for who has opened it, and it is not judged.
            requestor, acceptor = (
                (segment.target, segment.source) if segment.flags & SYN and not begins else (segment.source, segment.target)
            )
            recorded = Recorded(str(len(found) + 1), segment.time, _named(requestor), _named(acceptor))
            connection = open_[key] = _Connection(recorded, requestor)
            found.append(connection)
        _take(connection, segment)
    for connection in found:
        _finish(connection)
    return [one.recorded for one in found if one.recorded.chunks or one.recorded.missing]


def _over(connection: _Connection) -> bool:
    return connection.recorded.closed is not None or any(side.ended is not None for side in connection.sides.values())


def _named(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _take(connection: _Connection, segment: _Segment) -> None:
    side: Side = "requestor" if segment.source == connection.requestor else "acceptor"
    direction = connection.sides[side]
    start = segment.sequence
    if segment.flags & SYN:
        connection.begun = connection.begun or side == "requestor"
        start = (start + 1) % WHOLE
        if direction.following is None:
            direction.following = start
    if segment.flags & RST:
        connection.recorded.closed = connection.recorded.closed or segment.time
        return
    if direction.following is None and not connection.begun:
        direction.following = start  # else its SYN is still to come: segments overtake each other
    if segment.octets:
        known = direction.waiting.get(start)
        if known is None or len(known[1]) < len(segment.octets):  # sent again, and perhaps more with it
            direction.waiting[start] = (segment.time, segment.octets)
    _advance(connection, side, direction)
    if segment.flags & FIN:
        direction.ended = (start + segment.length) % WHOLE
        if all(one.ended is not None for one in connection.sides.values()):
            connection.recorded.closed = connection.recorded.closed or segment.time


def _advance(connection: _Connection, side: Side, direction: _Direction) -> None:
    """Hand on what follows without a gap."""
    going_on = direction.following is not None
    while going_on:
        going_on = False
        for start in list(direction.waiting):
            assert direction.following is not None
            behind = (direction.following - start) % WHOLE
            if behind >= HALF:
                continue  # it comes later
            time, octets = direction.waiting.pop(start)
            if behind < len(octets):
                fresh = octets[behind:]
                connection.recorded.chunks.append(Chunk(side, time, fresh))
                direction.following = (direction.following + len(fresh)) % WHOLE
                going_on = True


def _finish(connection: _Connection) -> None:
    missing = 0
    for direction in connection.sides.values():
        if direction.following is None:
            connection.begun = connection.begun and not direction.waiting
            continue
        at = direction.following
        for start in sorted(direction.waiting, key=lambda one, at=at: (one - at) % WHOLE):  # type: ignore[misc]
            missing += max((start - at) % WHOLE if (start - at) % WHOLE < HALF else 0, 0)
            at = (start + len(direction.waiting[start][1])) % WHOLE
        if direction.ended is not None and (behind := (direction.ended - at) % WHOLE) < HALF:
            missing += behind
    if missing:
        connection.recorded.missing = f"{missing} bytes are missing from the capture"
    elif not connection.begun:
        connection.recorded.missing = "its begin is missing from the capture"


# --- packets -----------------------------------------------------------------------------------------------------------


def _segments(path: Path) -> Iterator[_Segment]:
    try:
        with path.open("rb") as file:
            reader: Any = dpkt.pcap.UniversalReader(file)
            link = reader.datalink()
            if link not in (NULL, ETHERNET, RAW, *RAW_TOO, LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2):
                raise RecordError(f"{path}: link type {link} is not known; expected Ethernet, Linux cooked, raw IP or loopback")
            for stamp, packet in _packets(reader):
                segment = _segment(datetime.fromtimestamp(float(stamp), UTC).astimezone(), _network(link, packet))
                if segment is not None:
                    yield segment
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, struct.error, dpkt.Error) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{path}: not a capture (pcap or pcapng): {error}") from error


def _packets(reader: Any) -> Iterable[tuple[float, bytes]]:
    packets = iter(reader)
    while True:
        try:
            yield next(packets)
        except (StopIteration, dpkt.NeedData, struct.error):  # the last packet may be cut off: the capture was killed
            return


def _network(link: int, packet: bytes) -> bytes:
    """Return the IP packet in a frame; nothing if there is none."""
    if link in (RAW, *RAW_TOO, IPV4, IPV6):
        return packet
    if link in (NULL, LOOP):
        return packet[4:]
    if link == LINUX_SLL2:
        return packet[20:] if _ethertype(packet, 0) in ETHERTYPES else b""
    at = 14 if link == LINUX_SLL else 12
    while (kind := _ethertype(packet, at)) in VLANS:
        at += 4
    return packet[at + 2 :] if kind in ETHERTYPES else b""


def _ethertype(packet: bytes, at: int) -> int:
    return int.from_bytes(packet[at : at + 2], "big")


def _segment(time: datetime, packet: bytes) -> _Segment | None:
    """Return the TCP segment in an IP packet; nothing if there is none, or only a part of one."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        header, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
        # A total length of 0 is left to the network card: the whole of the frame.
        total = total or len(packet)
        payload, whole = packet[header:total], total - header
        protocol, source, target = packet[9], packet[12:16], packet[16:20]
        if fragment:
            return None
    elif version == 6 and len(packet) >= 40:
        length = int.from_bytes(packet[4:6], "big")
        protocol, source, target = packet[6], packet[8:24], packet[24:40]
        whole = length or len(packet) - 40
        payload = packet[40 : 40 + whole]
        while protocol in (HOP_BY_HOP, ROUTING, DESTINATION) and len(payload) >= 8:
            long = (payload[1] + 1) * 8
            protocol, payload, whole = payload[0], payload[long:], whole - long
    else:
        return None
    if protocol != TCP or len(payload) < 20:
        return None
    header = (payload[12] >> 4) * 4
    ports = int.from_bytes(payload[0:2], "big"), int.from_bytes(payload[2:4], "big")
    addresses = str(ipaddress.ip_address(source)), str(ipaddress.ip_address(target))
    return _Segment(
        time,
        (addresses[0], ports[0]),
        (addresses[1], ports[1]),
        int.from_bytes(payload[4:8], "big"),
        payload[13],
        payload[header:],
        max(whole - header, 0),
    )

"""Defects of what any of the simulated systems sends on the upper layer [PS3.8, PS3.7], on associations that it accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydicom.uid import ExplicitVRBigEndian
from pynetdicom import evt, sop_class

from .deviations import Defect, Rows, Variation
from .hooks import Around, around

__all__ = ["defect", "variation"]

ACTORS = ("TMS", "OST", "TDD", "watcher")
FIXED = 74  # bytes of an A-ASSOCIATE-AC before its items, with the PDU's header
ACCEPT, DATA, ABORT = 2, 4, 7
APPLICATION_CONTEXT, ANSWERED, TRANSFER, USER, IMPLEMENTATION_CLASS, ROLE = 0x10, 0x21, 0x40, 0x50, 0x52, 0x54
Items = list[tuple[int, bytes]]


def of_all(name: str, sentence: str, apply: Callable[[Any], None], number: str, *actors: str) -> Iterator[Defect]:
    """Yield a defect of each actor, or of some."""
    for actor in actors or ACTORS:
        yield Defect(f"{actor.lower()}-{name}", sentence, actor, apply, (f"UL-{actor.upper()}-{number}",))


def varied(name: str, sentence: str, apply: Callable[[Any], None], source: str) -> Iterator[Variation]:
    """Yield a variation of each actor."""
    for actor in ACTORS:
        yield Variation(f"{actor.lower()}-{name}", sentence, actor, apply, source)


defect = Rows(of_all)
variation = Rows(varied)


def on_bytes(kind: int, edit: Callable[[bytes], bytes], simulator: Any) -> None:
    """Let `edit` alter each PDU of a kind that a simulator sends on associations that it accepts."""

    # At the PDU, and not at the connection, where another deviation may have it in pieces.
    def send(original: Around, pdu: Any) -> None:
        if pdu.pdu_type == kind:
            around(pdu, "encode", lambda encode: edit(encode()))
        original(pdu)

    simulator.server.add_handler(evt.EVT_CONN_OPEN, lambda event: around(event.assoc.dul, "_send", send))


def _split(octets: bytes) -> Items:
    found: Items = []
    while octets:
        length = int.from_bytes(octets[2:4], "big")
        found.append((octets[0], octets[4 : 4 + length]))
        octets = octets[4 + length :]
    return found


def _joined(items: Items) -> bytes:
    return b"".join(bytes([kind, 0]) + len(value).to_bytes(2, "big") + value for kind, value in items)


def _pdu(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0]) + len(body).to_bytes(4, "big") + body


def on_acceptance(change: Callable[[Items], Items], simulator: Any) -> None:
    """Let `change` alter the items of each A-ASSOCIATE-AC."""

    def edit(octets: bytes) -> bytes:
        return _pdu(ACCEPT, octets[6:FIXED] + _joined(change(_split(octets[FIXED:]))))

    on_bytes(ACCEPT, edit, simulator)


def _user(change: Callable[[Items], Items]) -> Callable[[Items], Items]:
    return lambda items: [(kind, _joined(change(_split(value))) if kind == USER else value) for kind, value in items]


def through_acceptance(change: Callable[[Items], Items], simulator: Any) -> None:
    """Let a function act as `on_acceptance` does."""
    on_acceptance(change, simulator)


@defect(
    "implementation-unnamed", "Names no Implementation Class UID when it accepts an association", "003", through=through_acceptance
)
def _unnamed(items: Items) -> Items:
    return _user(lambda user: [(kind, value) for kind, value in user if kind != IMPLEMENTATION_CLASS])(items)


@defect("uid-padded", "Pads the name of the Application Context with a zero byte", "005", through=through_acceptance)
def _padded(items: Items) -> Items:
    return [(kind, value + b"\0" if kind == APPLICATION_CONTEXT else value) for kind, value in items]


@defect("context-answered-twice", "Answers the last presentation context twice", "006", through=through_acceptance)
def _twice(items: Items) -> Items:
    last = [item for item in items if item[0] == ANSWERED][-1:]
    return [item for item in items if item[0] != USER] + last + [item for item in items if item[0] == USER]


@defect("two-transfer-syntaxes", "Names two transfer syntaxes for a context that it accepts", "007", "TDD", "watcher",
        through=through_acceptance)  # fmt: skip
def _two(items: Items) -> Items:
    second = _joined([(TRANSFER, ExplicitVRBigEndian.encode())])
    return [(kind, value + second if kind == ANSWERED and not value[2] else value) for kind, value in items]


@defect("role-unasked", "Answers roles for a SOP class for which none were proposed", "008", through=through_acceptance)
def _unasked(items: Items) -> Items:
    uid = sop_class.RTPlanStorage.encode()
    return _user(lambda user: [*user, (ROLE, len(uid).to_bytes(2, "big") + uid + b"\1\0")])(items)


def _values(change: Callable[[bytes], bytes], simulator: Any) -> None:
    """Let `change` alter each PDV of what is sent, without its length."""

    def edit(octets: bytes) -> bytes:
        body, made = octets[6:], b""
        while body:
            length = int.from_bytes(body[:4], "big")
            value = change(body[4 : 4 + length])
            made += len(value).to_bytes(4, "big") + value
            body = body[4 + length :]
        return _pdu(DATA, made)

    on_bytes(DATA, edit, simulator)


@defect("control-header-of-other-bits", "Sets bit 7 of the Message Control Header", "010", through=_values)
def _bits(value: bytes) -> bytes:
    return value[:1] + bytes([value[1] | 0x80]) + value[2:]


@defect("group-length-wrong", "Sends a Command Group Length that is two bytes too long", "015", through=_values)
def _group_length(value: bytes) -> bytes:
    if not value[1] & 1 or value[2:6] != bytes(4):  # no begin of a command set
        return value
    length = int.from_bytes(value[10:14], "little") + 2
    return value[:10] + length.to_bytes(4, "little") + value[14:]


@variation(
    "user-item-of-the-future", "Sends a User Information sub-item that nobody knows", "PS3.8 9.3.1", through=through_acceptance
)
def _future(items: Items) -> Items:
    return _user(lambda user: [*user, (0x7E, b"\0\1")])(items)


@variation("pdvs-of-a-message-in-one-pdu", "Sends the command set and the data set of a message in one PDU", "PS3.8 E.1")
def _one_pdu(simulator: Any) -> None:
    kept: dict[int, bytes] = {}

    def opened(event: Any) -> None:
        transport = event.assoc.dul.socket
        largest = event.assoc.requestor

        def send(original: Around, octets: bytes) -> None:
            before = kept.pop(id(transport), b"")
            if octets[0] == DATA and octets[11] == 3 and _announces(octets):
                kept[id(transport)] = octets  # the data set follows
                return
            if before and octets[0] == DATA and len(before) + len(octets) - 12 <= (largest.maximum_length or 1 << 20):
                octets, before = _pdu(DATA, before[6:] + octets[6:]), b""
            original(before + octets)

        around(transport, "send", send)

    simulator.server.add_handler(evt.EVT_CONN_OPEN, opened)


def _announces(octets: bytes) -> bool:
    """Whether a command set that is whole in a PDU announces a data set."""
    at = 12
    while at < len(octets):  # element by element: the bytes of this tag can be those of a value before, as of Message ID 520
        length = int.from_bytes(octets[at + 4 : at + 8], "little")
        if octets[at : at + 4] == b"\0\0\0\x08":  # (0000,0800)
            return octets[at + 8 : at + 10] != b"\1\1"
        at += 8 + length
    return False

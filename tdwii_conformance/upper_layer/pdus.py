"""The bytes of one direction as PDUs, in whatever pieces they come [PS3.8 9.3]."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .associate import Associate, read_associate
from .malformation import SHOWN, Malformation
from .messages import Fragment

__all__ = ["ABORT", "ACCEPT", "DATA", "LARGEST", "NAMES", "REJECT", "RELEASE", "RELEASED", "REQUEST", "Pdu", "PduReader"]

REQUEST, ACCEPT, REJECT, DATA, RELEASE, RELEASED, ABORT = range(1, 8)
NAMES = {
    REQUEST: "A-ASSOCIATE-RQ", ACCEPT: "A-ASSOCIATE-AC", REJECT: "A-ASSOCIATE-RJ", DATA: "P-DATA-TF",
    RELEASE: "A-RELEASE-RQ", RELEASED: "A-RELEASE-RP", ABORT: "A-ABORT",
}  # fmt: skip
HEADER = 6
# Longer than any PDU that is meant: a length like this is read from bytes that are no PDU.
LARGEST = 1 << 28
# Result, source and reasons of a rejection that exist together [PS3.8 9.3.4].
REASONS = {1: {1, 2, 3, 7}, 2: {1, 2}, 3: {1, 2}}
ABORT_REASONS = {0, 1, 2, 4, 5, 6}  # of the service provider [PS3.8 9.3.8]; of the user it is not significant


@dataclass(frozen=True)
class Pdu:
    """One PDU as it came.

    Parameters
    ----------
    kind : int
        PDU type, 1 to 7; another if it is none of DICOM's.
    offset : int
        Where it begins, in bytes from the begin of what this side has sent.
    length : int
        Of all of it, in bytes.
    time : datetime.datetime
        When its last byte came.
    associate : Associate or None
        Of an A-ASSOCIATE-RQ or -AC, what it says.
    fragments : tuple of Fragment
        Of a P-DATA-TF, its PDVs.
    octets : bytes
        Of another kind, its body.
    malformations : tuple of Malformation
        What is wrong with it.
    """

    kind: int
    offset: int
    length: int
    time: datetime
    associate: Associate | None = None
    fragments: tuple[Fragment, ...] = ()
    octets: bytes = b""
    malformations: tuple[Malformation, ...] = ()

    @property
    def name(self) -> str:
        """The PDU's name."""
        return NAMES.get(self.kind, f"a PDU of type {self.kind:02X}H")


class PduReader:
    """Cuts the bytes of one direction into PDUs, and decodes them.

    Keeps no more than the PDU that is not whole yet.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self.lost: Malformation | None = None

    @property
    def offset(self) -> int:
        """How many bytes have been made PDUs."""
        return self._offset

    def feed(self, octets: bytes, time: datetime) -> list[Pdu]:
        """Take bytes; return the PDUs that they complete.

        Parameters
        ----------
        octets : bytes
            Of any length.
        time : datetime.datetime
            When they came.

        Returns
        -------
        list of Pdu
            Once a length makes no sense, nothing more comes, and `lost` says why: where the next PDU begins is not known.
        """
        found: list[Pdu] = []
        if self.lost is not None:
            self._offset += len(octets)
            return found
        self._buffer += octets
        while len(self._buffer) >= HEADER:
            length = int.from_bytes(self._buffer[2:6], "big")
            if length > LARGEST or (self._buffer[0] not in NAMES and self._text()):
                self.lost = self._wrong(
                    f"a PDU of type {self._buffer[0]:02X}H and {length} bytes", "a PDU", "PS3.8 9.3.1", self._buffer
                )
                self._offset += len(self._buffer)
                self._buffer.clear()
                break
            if len(self._buffer) < HEADER + length:
                break
            found.append(self._pdu(self._buffer[0], bytes(self._buffer[HEADER : HEADER + length]), time))
            del self._buffer[: HEADER + length]
            self._offset += HEADER + length
        return found

    def finish(self) -> Malformation | None:
        """Say what is wrong at the end of the bytes: nothing, or a PDU that is not whole."""
        if not self._buffer:
            return None
        length = int.from_bytes(self._buffer[2:6], "big") if len(self._buffer) >= HEADER else None
        of = f" of {HEADER + length}" if length is not None else ""
        what = f"the end, after {len(self._buffer)} bytes{of} of a PDU"
        # Which side has closed the connection is not known.
        return Malformation(self._offset, what, "whole PDUs", "PS3.8 9.3.1", bytes(self._buffer[:SHOWN]), tolerable=True)

    def _text(self) -> bool:
        # HTTP, SSH, TLS and others that call the wrong port: printable characters where types and lengths should be
        return all(0x20 <= octet < 0x7F for octet in self._buffer[:HEADER])

    def _pdu(self, kind: int, body: bytes, time: datetime) -> Pdu:
        wrong: list[Malformation] = []
        start = self._offset + HEADER
        associate: Associate | None = None
        fragments: tuple[Fragment, ...] = ()
        octets = b""
        match kind:
            case 1 | 2:
                associate = read_associate(body, start, wrong, request=kind == REQUEST)
            case 4:
                fragments = tuple(_fragments(body, start, wrong))
            case 3 | 5 | 6 | 7:
                octets = body
                self._short(kind, body, start, wrong)
            case _:
                octets = body[:SHOWN]
                wrong.append(self._wrong(f"a PDU of type {kind:02X}H", "one of types 01H to 07H", "PS3.8 9.3.1", self._buffer))
        return Pdu(kind, self._offset, HEADER + len(body), time, associate, fragments, octets, tuple(wrong))

    def _short(self, kind: int, body: bytes, start: int, wrong: list[Malformation]) -> None:
        if len(body) != 4:
            what = f"an {NAMES[kind]} with {len(body)} bytes"
            wrong.append(Malformation(start, what, "4", "PS3.8 9.3.4 to 9.3.8", body[:SHOWN], "lengths"))
            return
        _, result, source, reason = body
        if kind == REJECT and (result not in (1, 2) or reason not in REASONS.get(source, ())):
            what = f"result {result}, source {source}, reason {reason}"
            expected = "a result, source and reason that exist together"
            wrong.append(Malformation(start, what, expected, "PS3.8 9.3.4", body, "reasons"))
        if kind == ABORT and source not in (0, 2):
            expected = "0 (user) or 2 (provider)"
            wrong.append(Malformation(start, f"an A-ABORT of source {source}", expected, "PS3.8 9.3.8", body, "reasons"))
        if kind == ABORT and source == 2 and reason not in ABORT_REASONS:
            wrong.append(
                Malformation(start, f"an A-ABORT of reason {reason}", "0, 1, 2, 4, 5 or 6", "PS3.8 9.3.8", body, "reasons")
            )

    def _wrong(self, what: str, expected: str, source: str, octets: bytes | bytearray) -> Malformation:
        return Malformation(self._offset, what, expected, source, bytes(octets[:SHOWN]))


def _fragments(body: bytes, start: int, wrong: list[Malformation]) -> list[Fragment]:
    at, found = 0, []
    if not body:
        wrong.append(Malformation(start, "a P-DATA-TF without a PDV", "one or more", "PS3.8 9.3.5", topic="fragments"))
    while at < len(body):
        length = int.from_bytes(body[at : at + 4], "big")
        if len(body) - at < 4 or length < 2 or at + 4 + length > len(body):
            what = f"a PDV of {length} bytes where {max(len(body) - at - 4, 0)} are left"
            expected, shown = "a length of at least 2 that fits into the PDU", body[at : at + SHOWN]
            wrong.append(Malformation(start + at, what, expected, "PS3.8 9.3.5.1", shown, "lengths"))
            break
        number, header = body[at + 4], body[at + 5]
        if header & 0xFC:
            what = f"message control header {header:02X}H"
            wrong.append(Malformation(start + at + 5, what, "bits 2 to 7 zero", "PS3.8 E.2", body[at : at + SHOWN], "fragments"))
        found.append(Fragment(number, bool(header & 1), bool(header & 2), body[at + 6 : at + 4 + length], start + at))
        at += 4 + length
    return found

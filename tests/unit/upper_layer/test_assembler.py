"""Command sets that come again, as those of most matches do, are no less judged and no less their own [PS3.7 6.3.1]."""

import struct
from datetime import UTC, datetime

from tdwii_conformance.upper_layer.messages import Assembler, Fragment

NOW = datetime(2026, 11, 30, tzinfo=UTC)
IMPLICIT = "1.2.840.10008.1.2"


def element(number, octets):
    return struct.pack("<HHL", 0, number, len(octets)) + octets


def command(length=None, status=0xFF00):
    behind = b"".join(element(number, struct.pack("<H", value)) for number, value in
                      ((0x0100, 0x8020), (0x0120, 1), (0x0800, 0x0101), (0x0900, status)))  # fmt: skip
    return element(0, struct.pack("<L", len(behind) if length is None else length)) + behind


def fed(assembler, octets):
    _, message = assembler.feed(Fragment(1, command=True, last=True, octets=octets, offset=0), IMPLICIT, NOW)
    return message


def test_each_message_has_a_command_set_of_its_own():
    assembler = Assembler()
    first, second, other = fed(assembler, command()), fed(assembler, command()), fed(assembler, command(status=0))
    assert first.command == second.command
    assert [int(one.command.Status) for one in (first, second, other)] == [0xFF00, 0xFF00, 0x0000]
    del first.command.Status
    assert fed(assembler, command()).status == second.status == 0xFF00
    assert assembler.malformations == []


def test_what_is_wrong_is_said_each_time():
    assembler = Assembler()
    for _ in range(3):
        fed(assembler, command(length=4))
    assert [one.what for one in assembler.malformations] == ["Command Group Length 4 before 40 bytes"] * 3

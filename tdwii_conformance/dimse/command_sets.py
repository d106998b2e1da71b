"""Command sets as bytes, quickly: each message has one, of a dozen elements of six VRs [PS3.7 6.3.1, E.1]."""

from __future__ import annotations

import struct
from collections.abc import MutableSequence
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

__all__ = ["command_bytes", "set_group_length"]

GROUP_LENGTH = 0x00000000
HEADER = struct.Struct("<HHL")
NUMBERS = {"US": "H", "UL": "L"}


def command_bytes(command: Dataset) -> bytes:
    """Encode a command set in Implicit VR Little Endian [PS3.7 6.3.1], as pydicom does, in a tenth of its time.

    Parameters
    ----------
    command : pydicom.dataset.Dataset
        Elements of group 0000. What is not as usual there (text that is not ASCII, another VR, a value of another type) is
        left to pydicom.

    Raises
    ------
    ValueError
        For a value that cannot be encoded.
    """
    try:
        return b"".join(_element(element) for element in command)
    except (_UnusualError, struct.error, TypeError, AttributeError, UnicodeError):
        encoded: bytes | None = encode(command, True, True)
        if encoded is None:
            raise ValueError(f"the command set cannot be encoded: {command}") from None
        return encoded


def set_group_length(command: Dataset) -> None:
    """Set Command Group Length (0000,0000) to the length of all elements behind it [PS3.7 6.3.1]."""
    if GROUP_LENGTH in command:
        del command[GROUP_LENGTH]
    command.CommandGroupLength = len(command_bytes(command))


class _UnusualError(Exception):
    """An element that is pydicom's."""


def _element(element: Any) -> bytes:
    octets = _value(element.VR, element.value)
    return HEADER.pack(element.tag.group, element.tag.element, len(octets)) + octets


def _value(vr: str, value: Any) -> bytes:
    if value is None or value == "":
        return b""
    values = value if isinstance(value, MutableSequence) else [value]
    if vr in NUMBERS:
        return struct.pack(f"<{len(values)}{NUMBERS[vr]}", *values)
    if vr == "AT":
        return b"".join(struct.pack("<HH", int(one) >> 16, int(one) & 0xFFFF) for one in values)
    if vr not in ("UI", "AE", "LO"):
        raise _UnusualError(vr)
    octets = "\\".join(values).encode("ascii")
    return octets + (b"\0" if vr == "UI" else b" ") * (len(octets) % 2)

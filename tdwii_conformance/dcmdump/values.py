"""Values as a line of dcmdump text says them, into the bytes that they are in a data set."""

from __future__ import annotations

import re
import struct

from .coding import Problem, padded
from .write import BYTES, NUMBERS, turned

__all__ = ["ONE_TAG", "encoded", "hexadecimal", "shown"]

HEXADECIMAL = {digits: re.compile(f"[ \t]*[0-9A-Fa-f]{{1,{digits}}}[ \t]*") for digits in (2, 4)}
ONE_TAG = re.compile(r"\(([0-9a-fA-F]{1,4}),([0-9a-fA-F]{1,4})\)")


def encoded(said: str, vr: str, *, raw: bool) -> bytes | str:
    """Return a value's bytes, padded; text that is more than ASCII as it is, unless each character stands for a byte."""
    if not said:
        return b""
    if vr in BYTES:
        return hexadecimal(said, 2, "a byte")
    if vr == "OW":
        return turned(hexadecimal(said, 4, "a word of 16 bits"), 2)
    if vr == "AT":
        return b"".join(_tag_bytes(one) for one in said.split("\\"))
    if vr in NUMBERS:
        return b"".join(_number_bytes(one, vr) for one in said.split("\\"))
    if not raw and not said.isascii():
        return said
    return padded(said.encode("latin-1"), b"\0" if vr == "UI" else b" ")


def hexadecimal(said: str, digits: int, what: str) -> bytes:
    """Return the bytes of numbers of so many hexadecimal digits, with backslashes between them."""
    parts = said.split("\\") if said else []
    if not all(map(HEXADECIMAL[digits].fullmatch, parts)):
        wrong = next(part for part in parts if not HEXADECIMAL[digits].fullmatch(part))
        raise Problem(f"{shown(wrong)} is not {what} in hexadecimal digits; \\ stands between two")
    if {len(part) for part in parts} <= {digits}:  # as dcmdump writes it
        return padded(bytes.fromhex("".join(parts)))
    return padded(bytes.fromhex("".join(part.strip().zfill(digits) for part in parts)))


def _tag_bytes(said: str) -> bytes:
    match = ONE_TAG.fullmatch("".join(said.split()))
    if match is None:
        raise Problem(f"{said!r} is no tag; one is written (0010,0020)")
    return struct.pack("<HH", int(match[1], 16), int(match[2], 16))


def _number_bytes(said: str, vr: str) -> bytes:
    kind = NUMBERS[vr]
    try:
        if "_" in said:  # Python's, not DICOM's
            raise ValueError
        return struct.pack("<" + kind, float(said) if kind in "fd" else int(said))
    except ValueError:
        raise Problem(f"{said!r} is no {'number' if kind in 'fd' else 'whole number'}") from None
    except (struct.error, OverflowError):
        raise Problem(f"{said} is out of the range of this VR") from None


def shown(text: str) -> str:
    """Return the start of a text as errors show it."""
    return repr(text if len(text) <= 40 else text[:40] + "...")

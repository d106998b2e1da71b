"""Values as a line of dcmdump text says them, into the bytes that they are in a data set."""

from __future__ import annotations

import re
import struct

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

from .write import BYTES, CODED_TEXT, NUMBERS, ONE_VALUE, encoded_value, turned

__all__ = ["ONE_TAG", "Problem", "encoded", "hexadecimal", "padded", "shown", "text_bytes"]

HEXADECIMAL = {digits: re.compile(f"[ \t]*[0-9A-Fa-f]{{1,{digits}}}[ \t]*") for digits in (2, 4)}
ONE_TAG = re.compile(r"\(([0-9a-fA-F]{1,4}),([0-9a-fA-F]{1,4})\)")


class Problem(Exception):
    """What is wrong, where the line is known to the caller only."""


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


def text_bytes(text: str, tag: BaseTag, vr: str, encodings: str | list[str]) -> bytes:
    """Encode text that is more than ASCII."""
    if vr not in CODED_TEXT:
        try:
            return padded(text.encode("latin-1"), b"\0" if vr == "UI" else b" ")
        except UnicodeEncodeError:
            raise Problem(f"{text!r} is more than the ASCII that this VR allows") from None
    known = [encodings] if isinstance(encodings, str) else encodings
    if known == [default_encoding]:
        raise Problem(f"{text!r} is more than ASCII, and no Specific Character Set (0008,0005) says how to encode it")
    for character in text:
        if not any(_encodable(character, one) for one in known):
            raise Problem(f"{character!r} is in none of the character sets that Specific Character Set (0008,0005) names")
    value = text if vr in ONE_VALUE else text.split("\\")
    return encoded_value(DataElement(tag, vr, value), known)


def _encodable(character: str, encoding: str) -> bool:
    try:
        # pydicom takes Latin 1 for the default repertoire, which is ASCII [PS3.5 6.1.2.1]
        character.encode("ascii" if encoding == default_encoding else encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:  # an encoding of pydicom's own
        return True
    return True


def padded(value: bytes, pad: bytes = b"\0") -> bytes:
    """Return a value of even length [PS3.5 6.2]."""
    return value + pad * (len(value) % 2)


def shown(text: str) -> str:
    """Return the start of a text as errors show it."""
    return repr(text if len(text) <= 40 else text[:40] + "...")

"""How text is coded: the character sets of a data set [PS3.3 C.12.1.1.2], text into bytes in them."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import BaseTag

from ..profile import character_sets as character_sets  # makes all of them known

__all__ = ["CODED_TEXT", "ONE_VALUE", "Problem", "character_encodings", "encoded_value", "padded", "text_bytes"]

# Text with Specific Character Set [PS3.5 6.1.2.3]; the other text VRs are ASCII.
CODED_TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
ONE_VALUE = {"LT", "ST", "UT", "UR", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ"}


class Problem(Exception):
    """What is wrong, where the line is known to the caller only."""


def character_encodings(value: str | Sequence[str] | None) -> list[str]:
    """Return Python's encodings for a Specific Character Set; of one that there is not, the default repertoire's."""
    try:
        return convert_encodings(value if isinstance(value, str) else list(value or (default_encoding,)))
    except LookupError:
        return [default_encoding]


def text_bytes(text: str, tag: BaseTag, vr: str, encodings: str | list[str]) -> bytes:
    """Return the bytes of a text that is more than ASCII, padded.

    Raises
    ------
    Problem
        If the VR, or the character sets, have no such characters.
    """
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


def encoded_value(element: DataElement, encodings: list[str]) -> bytes:
    """Return the bytes of an element's value, padded, little endian, with implicit VR."""
    stream = DicomBytesIO()
    stream.is_little_endian = True
    stream.is_implicit_VR = True
    write_data_element(stream, element, encodings)
    return stream.getvalue()[8:]  # tag and length of an implicit VR element

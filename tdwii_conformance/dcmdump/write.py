"""Writes data sets as dcmdump text, for people to read and for DCMTK's ``dump2dcm`` to turn back into a file.

``dump2dcm`` knows one escape: ``\\n`` inside a value in brackets becomes CR LF, in every VR. So a text that has a line
feed alone, a backslash followed by an n, or a zero byte cannot be said in brackets, nor can a line end where the VR
allows none. Such an element is written with VR UN and its bytes in hexadecimal, from which ``dump2dcm`` and pydicom
get the same value back, below a comment that shows the text. Its other limit is the length of a line, 4096 characters
unless told otherwise (``+l``).

Values are the bytes that were read, whatever pydicom makes of them: one that breaks the rules of its VR hides nothing.
`dump_text` is for people and for our own ``dump2dcm``: text, in an encoding that its first line names. What would not come
back from there as the bytes it was, because it is wrongly encoded or cannot be shown, is in hexadecimal as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

__all__ = ["dump", "dump_encoded"]

# As DCMTK spells them.
TRANSFER_SYNTAXES = {
    ImplicitVRLittleEndian: "Little Endian Implicit",
    ExplicitVRLittleEndian: "Little Endian Explicit",
    ExplicitVRBigEndian: "Big Endian Explicit",
    DeflatedExplicitVRLittleEndian: "Deflated Explicit VR Little Endian",
}

NO_VALUE = "(no value available)"
BYTES = {"OB", "UN"}
NUMBERS = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d",
    "OL": "I", "OV": "Q", "OF": "f", "OD": "d",
}  # fmt: skip
WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes of a word
# Text with Specific Character Set [PS3.5 6.1.2.3]; the other text VRs are ASCII.
CODED_TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
LINES = {"LT", "ST", "UT"}  # may have line ends, and a backslash in them is no delimiter [PS3.5 6.2]
ONE_VALUE = {"LT", "ST", "UT", "UR", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ"}

GROUP_2 = 0x0002
ITEM, ITEM_END, SEQUENCE_END = "(fffe,e000)", "(fffe,e00d)", "(fffe,e0dd)"
DELIMITER = 8  # bytes of an item's tag and length, and of what ends an item or a sequence


@dataclass(frozen=True)
class _Style:
    implicit: bool  # whether lengths are those of an implicit VR encoding
    raw: bool  # whether text is given as its bytes, each byte one character
    longest: int | None


def dump(dataset: Dataset, *, transfer_syntax: str | None = None, longest: int | None = None) -> str:
    """Write a data set as dcmdump text.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With or without file meta information.
    transfer_syntax : str, optional
        UID of the transfer syntax the data set came in: named in the heading, and the lengths of sequences are counted
        in it. Without it (and without file meta information) the heading is left out.
    longest : int, optional
        Cut values longer than this many characters, as ``dcmdump`` without ``+L`` does. Cut text is for reading only.

    Returns
    -------
    str
        Lines that end with a line feed, values as text whatever the Specific Character Set. `dump_encoded` gives what
        ``dump2dcm`` needs when there is more than ASCII in it.
    """
    return "".join(line + "\n" for line in _lines(dataset, transfer_syntax, raw=False, longest=longest))


def dump_encoded(dataset: Dataset, *, transfer_syntax: str | None = None) -> bytes:
    """Write a data set as a dcmdump file: as `dump`, text in the Specific Character Set of the data set.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With or without file meta information.
    transfer_syntax : str, optional
        As for `dump`.

    Returns
    -------
    bytes
        What ``dump2dcm`` reads back to an equal data set.
    """
    lines = _lines(dataset, transfer_syntax, raw=True, longest=None)
    return "".join(line + "\n" for line in lines).encode("latin-1")


def _lines(dataset: Dataset, transfer_syntax: str | None, *, raw: bool, longest: int | None) -> Iterator[str]:
    meta = getattr(dataset, "file_meta", None)
    if transfer_syntax is None and meta:
        transfer_syntax = meta.get("TransferSyntaxUID")
    if meta:
        yield "# Dicom-File-Format"
        yield ""
        yield "# Dicom-Meta-Information-Header"
        yield "# Used TransferSyntax: Little Endian Explicit"
        yield from _dataset(meta, [default_encoding], "", _Style(implicit=False, raw=raw, longest=longest))[0]
        yield ""
    if transfer_syntax is not None:
        yield "# Dicom-Data-Set"
        uid = UID(transfer_syntax)
        yield f"# Used TransferSyntax: {TRANSFER_SYNTAXES.get(uid, uid.name)}"
    implicit = transfer_syntax is None or UID(transfer_syntax) == ImplicitVRLittleEndian
    yield from _dataset(dataset, [default_encoding], "", _Style(implicit=implicit, raw=raw, longest=longest))[0]


def _dataset(dataset: Dataset, encodings: list[str], indent: str, style: _Style) -> tuple[list[str], int]:
    """Return the lines of a data set and its length in bytes: the length of what is around it is a sum of those inside."""
    if "SpecificCharacterSet" in dataset:
        encodings = convert_encodings(dataset.SpecificCharacterSet)
    lines: list[str] = []
    length = 0
    for element in dataset:
        settled = _settled(element, dataset)
        found, bytes_ = _element(settled, encodings, indent, style)
        lines += found
        length += _header(settled.VR, bytes_, style) + bytes_
    return lines, length


def _header(vr: str, length: int, style: _Style) -> int:
    """Return how many bytes tag, VR and length take [PS3.5 7.1]; a long value of a short VR is sent as UN."""
    return 12 if not style.implicit and (vr in EXPLICIT_VR_LENGTH_32 or length > 0xFFFF) else 8


def swapped(element: DataElement) -> DataElement:
    """Turn the bytes of each word round, for pydicom keeps words in the byte order of their data set."""
    copy = DataElement(element.tag, element.VR, turned(element.value or b"", WORDS[element.VR]))
    copy.is_undefined_length = element.is_undefined_length
    return copy


def turned(words: bytes, size: int) -> bytes:
    """Turn the bytes of each word round; what is left behind the last whole word stays as it is."""
    whole = len(words) // size * size
    result = bytearray(words)
    for place in range(size):
        result[place:whole:size] = words[size - 1 - place : whole : size]
    return bytes(result)


def is_big_endian(dataset: Dataset) -> bool:
    """Whether the words of a data set are kept with the most significant byte first."""
    return dataset.original_encoding == (False, False)


def _settled(element: DataElement, dataset: Dataset) -> DataElement:
    """Give an element whose VR the dictionary leaves open ("US or SS") the one that fits, and words our byte order."""
    if element.VR in WORDS and is_big_endian(dataset):
        return swapped(element)
    if " or " not in element.VR:
        return element
    copy = DataElement(element.tag, element.VR, element.value)
    settled = correct_ambiguous_vr_element(copy, dataset, is_little_endian=True)
    if not isinstance(settled, DataElement) or " or " in settled.VR:
        # What decides it (Pixel Representation, Bits Allocated) is absent.
        vr = "OW" if isinstance(element.value, bytes) else "SS" if _negative(element.value) else "US"
        settled = DataElement(element.tag, vr, element.value)
    return settled


def _negative(value: object) -> bool:
    values = value if isinstance(value, (list, tuple, MultiValue)) else [value]
    return any(isinstance(number, int) and number < 0 for number in values)


def _element(element: DataElement, encodings: list[str], indent: str, style: _Style) -> tuple[list[str], int]:
    tag = f"({element.tag.group:04x},{element.tag.element:04x})"
    if element.VR == "SQ":
        return _sequence(element, tag, encodings, indent, style)
    encoded = encoded_value(element, encodings)
    if element.tag == 0x7FE00010 and element.is_undefined_length:
        return list(_pixel_sequence(encoded, tag, indent)), len(encoded)
    lines = []
    vr, value = element.VR, NO_VALUE
    if encoded:
        said = _value(element, encoded, style)
        if said is None:
            lines.append(f"{indent}# {tag} {vr} is {_text(element)!r}, which can be said in hexadecimal only")
            vr, said = "UN", _hexadecimal(encoded)
        value = said if style.longest is None or len(said) <= style.longest else f"{said[: style.longest]}..."
    lines.append(_line(tag, vr, value, str(len(encoded)), _multiplicity(element, encoded), _name(element), indent))
    return lines, len(encoded)


def _line(tag: str, vr: str, value: str, length: str, multiplicity: int, name: str, indent: str) -> str:
    return f"{indent}{tag} {vr} {value:<40} #{length:>4},{multiplicity:>2} {name}"


def _sequence(element: DataElement, tag: str, encodings: list[str], indent: str, style: _Style) -> tuple[list[str], int]:
    items: Sequence[Dataset] = element.value or []
    lines: list[str] = []
    length = 0
    for item in items:
        inside, bytes_ = _dataset(item, encodings, f"{indent}    ", style)
        undefined = getattr(item, "is_undefined_length_sequence_item", False)
        kind, said = ("undefined", "u/l") if undefined else ("explicit", str(bytes_))
        end = "(ItemDelimitationItem)" if undefined else "(ItemDelimitationItem for re-encoding)"
        lines += [
            _line(ITEM, "na", f"(Item with {kind} length #={len(item)})", said, 1, "Item", f"{indent}  "),
            *inside,
            _line(ITEM_END, "na", end, "0", 0, "ItemDelimitationItem", f"{indent}  "),
        ]
        length += DELIMITER + bytes_ + (DELIMITER if undefined else 0)
    undefined = element.is_undefined_length
    kind, said = ("undefined", "u/l") if undefined else ("explicit", str(length))
    end = "(SequenceDelimitationItem)" if undefined else "(SequenceDelimitationItem for re-encod.)"
    value = f"(Sequence with {kind} length #={len(items)})"
    return [
        _line(tag, "SQ", value, said, 1, _name(element), indent),
        *lines,
        _line(SEQUENCE_END, "na", end, "0", 0, "SequenceDelimitationItem", indent),
    ], length + (DELIMITER if undefined else 0)


def _pixel_sequence(encoded: bytes, tag: str, indent: str) -> Iterator[str]:
    fragments = list(generate_fragments(encoded))
    yield _line(tag, "OB", f"(PixelSequence #={len(fragments)})", "u/l", 1, "PixelData", indent)
    for fragment in fragments:
        value = _hexadecimal(fragment) if fragment else NO_VALUE
        yield _line(ITEM, "pi", value, str(len(fragment)), 1, "Item", f"{indent}  ")
    yield _line(SEQUENCE_END, "na", "(SequenceDelimitationItem)", "0", 0, "SequenceDelimitationItem", indent)


def _value(element: DataElement, encoded: bytes, style: _Style) -> str | None:
    """Say a value that is not empty; ``None`` when dump2dcm has no way to read it in the element's own VR."""
    vr = element.VR
    if vr in BYTES:
        return _hexadecimal(encoded)
    if vr == "OW":
        return turned(encoded, 2).hex("\\", 2)
    if vr == "AT":
        tags = struct.iter_unpack("<HH", encoded)
        return "\\".join(f"({group:04x},{number:04x})" for group, number in tags)
    if vr in NUMBERS:
        return "\\".join(_number(number, vr) for (number,) in struct.iter_unpack("<" + NUMBERS[vr], encoded))
    bracketed = _bracketed(_unpadded(encoded, vr).decode("latin-1"), vr)
    if bracketed is None:
        return None
    return bracketed if style.raw or vr not in CODED_TEXT else _bracketed(_text(element), vr)


def _number(number: float, vr: str) -> str:
    if vr in ("FL", "OF"):
        return f"{number:.9g}"  # nine digits tell every 32 bit float from its neighbours
    text = repr(number)
    return text.removesuffix(".0")


def _hexadecimal(encoded: bytes) -> str:
    return encoded.hex("\\")


def _bracketed(text: str, vr: str) -> str | None:
    escaped = text.replace("\r\n", "\\n") if vr in LINES else text
    if any(character in escaped for character in "\n\r\0") or escaped.replace("\\n", "\r\n") != text:
        return None
    return f"[{escaped}]"


def _text(element: DataElement) -> str:
    value = element.value
    return "\\".join(str(one) for one in value) if isinstance(value, (list, tuple, MultiValue)) else str(value)


def _unpadded(encoded: bytes, vr: str) -> bytes:
    """Take the pad byte away [PS3.5 6.2]; dump2dcm puts it back."""
    if len(encoded) % 2 == 0 and encoded.endswith(b"\0" if vr == "UI" else b" "):
        return encoded[:-1]
    return encoded


def _multiplicity(element: DataElement, encoded: bytes) -> int:
    if not encoded:
        return 0
    if element.VR in ONE_VALUE:
        return 1
    if element.VR == "AT":
        return len(encoded) // 4
    if element.VR in NUMBERS:
        return len(encoded) // struct.calcsize("<" + NUMBERS[element.VR])
    return int(element.VM)


def _name(element: DataElement) -> str:
    if element.tag.is_private_creator:
        return "PrivateCreator"
    return element.keyword or "Unknown Tag & Data"


def encoded_value(element: DataElement, encodings: list[str]) -> bytes:
    """Return the bytes of an element's value, padded, little endian, with implicit VR."""
    stream = DicomBytesIO()
    stream.is_little_endian = True
    stream.is_implicit_VR = True
    write_data_element(stream, element, encodings)
    return stream.getvalue()[8:]  # tag and length of an implicit VR element

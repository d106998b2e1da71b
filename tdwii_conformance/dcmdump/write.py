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
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.charset import decode_bytes, default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, TEXT_VR_DELIMS

from ..profile.representations import vr_of_element
from .coding import CODED_TEXT, ONE_VALUE, Problem, character_encodings, encoded_value, padded, text_bytes

__all__ = ["ENCODING", "HEXADECIMAL_ONLY", "dump", "dump_encoded", "dump_text"]

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
LINES = {"LT", "ST", "UT"}  # may have line ends, and a backslash in them is no delimiter [PS3.5 6.2]

# The first line of a dump whose values are text, whatever the Specific Character Set of the data set says.
ENCODING = "# Text encoding: "
HEXADECIMAL_ONLY = "can be said in hexadecimal only"

GROUP_2 = 0x0002
ITEM, ITEM_END, SEQUENCE_END = "(fffe,e000)", "(fffe,e00d)", "(fffe,e0dd)"
DELIMITER = 8  # bytes of an item's tag and length, and of what ends an item or a sequence


@dataclass(frozen=True)
class _Style:
    implicit: bool  # whether lengths are those of an implicit VR encoding
    raw: bool  # whether text is given as its bytes, each byte one character
    longest: int | None
    encoding: str = ""  # of the text, if every value has to be readable from it


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


def dump_text(dataset: Dataset, *, encoding: str = "utf-8", longest: int | None = None) -> str:
    """Write a data set as dcmdump text that can be shown in an encoding, and read back from there.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        As for `dump`; as it was read, wrongly encoded values and those that break the rules of their VR included.
    encoding : str
        Python's name of the encoding that the text will be in.
    longest : int, optional
        As for `dump`.

    Returns
    -------
    str
        As `dump` makes it, all of it printable and in the encoding, which the first line names if there is more than ASCII:
        by that `files.load_text` knows how to read it. What cannot be said so is in hexadecimal, its text escaped above it.
    """
    lines = list(_lines(dataset, None, raw=False, longest=longest, encoding=encoding))
    text = "".join(line + "\n" for line in lines)
    return text if text.isascii() else f"{ENCODING}{encoding}\n{text}"


def _lines(dataset: Dataset, transfer_syntax: str | None, *, raw: bool, longest: int | None, encoding: str = "") -> Iterator[str]:
    meta = getattr(dataset, "file_meta", None)
    if transfer_syntax is None and meta:
        transfer_syntax = meta.get("TransferSyntaxUID")
    if meta:
        yield "# Dicom-File-Format"
        yield ""
        yield "# Dicom-Meta-Information-Header"
        yield "# Used TransferSyntax: Little Endian Explicit"
        yield from _dataset(meta, [default_encoding], "", _Style(False, raw, longest, encoding))[0]
        yield ""
    if transfer_syntax is not None:
        yield "# Dicom-Data-Set"
        uid = UID(transfer_syntax)
        yield f"# Used TransferSyntax: {TRANSFER_SYNTAXES.get(uid, uid.name)}"
    implicit = transfer_syntax is None or UID(transfer_syntax) == ImplicitVRLittleEndian
    yield from _dataset(dataset, [default_encoding], "", _Style(implicit, raw, longest, encoding))[0]


def _dataset(dataset: Dataset, encodings: list[str], indent: str, style: _Style) -> tuple[list[str], int]:
    """Return the lines of a data set and its length in bytes: the length of what is around it is a sum of those inside."""
    if "SpecificCharacterSet" in dataset:
        encodings = character_encodings(dataset.SpecificCharacterSet)
    lines: list[str] = []
    length = 0
    for tag, read in sorted(dataset.items(), key=lambda one: one[0]):
        as_read = _as_read(read, dataset)
        settled = _settled(_converted(tag, read, dataset), dataset)
        found, bytes_ = _element(settled, encodings, indent, style, as_read)
        lines += found
        length += _header(settled.VR, bytes_, style) + bytes_
    return lines, length


def _as_read(read: DataElement | RawDataElement, dataset: Dataset) -> bytes | None:
    """Return the bytes of a value that was read, little endian; ``None`` for a sequence, and for what was made here."""
    if not isinstance(read, RawDataElement) or read.VR == "SQ":
        return None
    value = read.value or b""
    vr = str(read.VR)
    size = 2 if vr == "AT" else WORDS.get(vr) or (struct.calcsize("<" + NUMBERS[vr]) if vr in NUMBERS else 1)
    return value if read.is_little_endian or size == 1 else turned(value, size)


def _converted(tag: BaseTag, read: DataElement | RawDataElement, dataset: Dataset) -> DataElement:
    try:
        return dataset[tag]
    except Exception:  # pydicom raises whatever the bytes lead it to; they can be shown all the same
        vr = vr_of_element(read)
        vr, value = "UN" if vr == "SQ" else vr, read.value or b""
        if (vr in NUMBERS and len(value) % struct.calcsize("<" + NUMBERS[vr])) or (vr == "AT" and len(value) % 4):
            vr = "UN"
        if vr not in NUMBERS and vr not in BYTES and vr not in WORDS and vr != "AT":
            value = _unpadded(value, vr).decode("latin-1").split("\\")
        return DataElement(tag, vr, value, already_converted=True)


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


def _element(
    element: DataElement, encodings: list[str], indent: str, style: _Style, as_read: bytes | None
) -> tuple[list[str], int]:
    tag = f"({element.tag.group:04x},{element.tag.element:04x})"
    if element.VR == "SQ":
        return _sequence(element, tag, encodings, indent, style)
    encoded = encoded_value(element, encodings) if as_read is None else as_read
    if element.tag == 0x7FE00010 and element.is_undefined_length:
        return list(_pixel_sequence(encoded, tag, indent)), len(encoded)
    lines = []
    vr, value = element.VR, NO_VALUE
    if encoded:
        said = _value(element, encoded, encodings, style)
        if said is None:
            text = repr(_text(element))
            if style.encoding:
                text = _escaped(text, style.encoding)
            if style.longest is not None and len(text) > style.longest:
                text = f"{text[: style.longest]}..."
            lines.append(f"{indent}# {tag} {vr} is {text}, which {HEXADECIMAL_ONLY}")
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


def _value(element: DataElement, encoded: bytes, encodings: list[str], style: _Style) -> str | None:
    """Say a value that is not empty; ``None`` when dump2dcm has no way to read it in the element's own VR."""
    vr = element.VR
    size = 4 if vr == "AT" else struct.calcsize("<" + NUMBERS[vr]) if vr in NUMBERS else WORDS.get(vr, 1)
    if len(encoded) % size:
        return None
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
    if style.encoding:
        return _readable(element, encoded, encodings, style.encoding)
    return bracketed if style.raw or vr not in CODED_TEXT else _bracketed(_text(element), vr)


def _readable(element: DataElement, encoded: bytes, encodings: list[str], encoding: str) -> str | None:
    """Say a text so that our dump2dcm makes the same bytes of it, all of it visible in the encoding of the dump."""
    vr, bare = str(element.VR), _unpadded(encoded, str(element.VR))
    texts = [bare.decode("latin-1")]
    if vr in CODED_TEXT and not (bare.isascii() and b"\x1b" not in bare):
        # As pydicom takes it apart, which is not always what it was; then as one piece.
        texts = [_text(element), decode_bytes(bare, encodings, TEXT_VR_DELIMS)]
    for text in texts:
        said = _bracketed(text, vr)
        if said is not None and said == _escaped(said, encoding) and _read_back(element.tag, vr, text, encodings) == encoded:
            return said
    return None


def _read_back(tag: BaseTag, vr: str, text: str, encodings: list[str]) -> bytes:
    """Return the bytes that `read.parse` makes of a text."""
    if text.isascii():
        return padded(text.encode("ascii"), b"\0" if vr == "UI" else b" ")
    try:
        return text_bytes(text, tag, vr, encodings)
    except Problem:
        return b""


def _escaped(text: str, encoding: str) -> str:
    """Return a text with escapes in place of control characters, and of all that an encoding has not."""
    seen = "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else ascii(c)[1:-1] for c in text)
    return seen.encode(encoding, "backslashreplace").decode(encoding)


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

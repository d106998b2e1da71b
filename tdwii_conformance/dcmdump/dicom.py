"""DICOM files read whole, or refused with a sentence: pydicom takes a file that was cut off for one that ends there.

Files as others make them are read as well: without preamble and file meta information, as DCMTK does, and with a group length
of the file meta information that is wrong. What was taken for granted is said.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

from ..profile.representations import resolved, vr_of_element

__all__ = ["Content", "FileFault", "decode_all", "encoding_of", "inflated", "read_content", "read_dicom", "whole"]

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
# VRs whose length has 32 bits [PS3.5 7.1.2].
LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
VRS = frozenset(vr.encode() for vr in VR if len(vr) == 2)
PREAMBLE = 132
GROUP_LENGTH = b"\2\0\0\0UL\4\0"


class FileFault(ValueError):
    """A file cannot be read; the message names it and says why."""


@dataclass(frozen=True)
class Content:
    """A DICOM file taken apart.

    Parameters
    ----------
    meta : FileMetaDataset
        Its file meta information, as it is there; with the transfer syntax, if it names none.
    encoded : bytes
        Its data set, as it is there.
    transfer_syntax : str
        Of the data set.
    notes : tuple of str
        What was taken for granted to read it.
    """

    meta: FileMetaDataset
    encoded: bytes
    transfer_syntax: str
    notes: tuple[str, ...] = ()


def read_dicom(path: Path, *, assume: str = "", tell: Callable[[str], object] = lambda text: None) -> Dataset:
    """Read a DICOM file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    assume : str
        UID of the transfer syntax of a file that names none. Without it, what it looks like: Implicit VR Little Endian, or
        explicit VR where its first element has one, as DCMTK does it.
    tell : callable
        Is told, in a sentence that names the file, what was taken for granted to read it.

    Returns
    -------
    pydicom.dataset.Dataset
        With ``file_meta``. Its values are not decoded, so that they are written again as they are; one that breaks the rules
        of its VR is for who looks at it (`decode_all`).

    Raises
    ------
    FileFault
        If it cannot be read, is empty or without a data set, is no DICOM file, or was cut off.
    """
    content = read_content(path, assume=assume)
    for note in content.notes:
        tell(f"{path}: {note}")
    dataset = _decoded(content)
    dataset.file_meta = content.meta
    return dataset


def read_content(path: Path, *, assume: str = "") -> Content:
    """Take a DICOM file apart; raises as `read_dicom` does."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFault(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content:
        raise FileFault(f"{path}: is empty")
    try:
        found = _apart(content, assume)
        if not whole(found.encoded, found.transfer_syntax):
            raise EOFError("behind the file meta information there is nothing")
    except EOFError as error:
        raise FileFault(f"{path}: was cut off: {error}") from error
    except _NoDicom as error:
        raise FileFault(f"{path}: is no DICOM file{error}") from None
    except Exception as error:  # pydicom raises whatever the bytes lead it to
        raise FileFault(f"{path}: is damaged: {error or type(error).__name__}") from error
    return found


def decode_all(dataset: Dataset, name: str) -> Dataset:
    """Return a data set whose values all are what their VR allows.

    Raises
    ------
    FileFault
        If one is not; the message has the name, its tag and keyword, and the value.
    """
    for tag in sorted(resolved(dataset).keys()):
        read = dataset.get_item(tag)
        try:
            element = dataset[tag]
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            value = read.value if isinstance(read, RawDataElement) else ""
            shown = value[:40].decode("ascii", "backslashreplace").strip() if isinstance(value, bytes) else value
            raise FileFault(f"{name}: is damaged: {tag} has the value {shown!r}: {error}") from error
        if element.VR == "SQ":
            for item in element.value:
                decode_all(item, name)
    return dataset


def encoding_of(transfer_syntax: str) -> tuple[bool, bool]:
    """Return whether a transfer syntax is implicit VR, and whether little endian; a private one is explicit VR little endian."""
    syntax = UID(transfer_syntax)
    return syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian


def inflated(encoded: bytes, transfer_syntax: str) -> bytes:
    """Return the bytes of a data set, inflated if its transfer syntax is deflated [PS3.5 A.5].

    Raises
    ------
    EOFError, zlib.error
        If it was cut off, or is not deflated.
    """
    if transfer_syntax != DeflatedExplicitVRLittleEndian:
        return encoded
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    body = stream.decompress(encoded)
    if not stream.eof:
        raise EOFError("in the deflated data set")
    return body


def whole(encoded: bytes, transfer_syntax: str) -> Dataset:
    """Return the data set of some bytes, its values not decoded.

    Raises
    ------
    EOFError
        If they end before what their lengths promise.
    Exception
        Whatever pydicom raises for bytes that are none.
    """
    body = inflated(encoded, transfer_syntax)
    implicit, little = encoding_of(transfer_syntax)
    # Some are in implicit VR whatever they say: no VR stands where one should.
    _Walk(body, "<" if little else ">").elements(0, implicit=implicit or body[4:6] not in VRS, nested=False)
    dataset = read_dataset(BytesIO(body), implicit, little)
    _open(dataset)
    return dataset


class _NoDicom(Exception):
    """It is something else."""


def _decoded(content: Content) -> Dataset:
    implicit, little = encoding_of(content.transfer_syntax)
    return read_dataset(BytesIO(inflated(content.encoded, content.transfer_syntax)), implicit, little)


def _open(dataset: Dataset) -> None:
    """Raise what pydicom raises for sequences that are none; values are not looked at."""
    for read in [*dataset.values()]:
        if vr_of_element(read) == "SQ":
            for item in dataset[read.tag].value:
                _open(item)


def _apart(content: bytes, assume: str) -> Content:
    preamble = content[PREAMBLE - 4 : PREAMBLE] == b"DICM"
    begin = PREAMBLE if preamble else 0
    end = _Walk(content, "<").meta(begin)
    meta = FileMetaDataset()
    meta.update(read_dataset(BytesIO(content[begin:end]), False, True))
    encoded, notes = content[end:], []
    if content[begin : begin + 8] == GROUP_LENGTH:
        (length,) = struct.unpack_from("<L", content, begin + 8)
        if wrong := length - (end - begin - 12):
            size = f"{abs(wrong)} bytes too {'large' if wrong > 0 else 'small'}"
            notes.append(f"the group length of its file meta information is {size}; read all the same")
    syntax = str(meta.get("TransferSyntaxUID") or "")
    if not syntax:
        syntax = assume or _looks_like(encoded)
        if not preamble and end == 0:
            _plausible(encoded, syntax)
        what = "its file meta information names no transfer syntax" if len(meta) else "has no file meta information"
        notes.append(f"{what}; read as {UID(syntax).name}")
        meta.TransferSyntaxUID = UID(syntax)
    return Content(meta, encoded, syntax, tuple(notes))


def _looks_like(encoded: bytes) -> str:
    if encoded[4:6] not in VRS:
        return ImplicitVRLittleEndian
    little, big = (int.from_bytes(encoded[:2], order) for order in ("little", "big"))
    return ExplicitVRBigEndian if big < little else ExplicitVRLittleEndian


def _plausible(encoded: bytes, syntax: str) -> None:
    """Raise `_NoDicom` if bytes do not begin as a data set does."""
    if len(encoded) < 8:
        raise _NoDicom
    group, element = struct.unpack_from("<HH" if syntax != ExplicitVRBigEndian else ">HH", encoded)
    if group == 0 or not (dictionary_has_tag(group << 16 | element) or element == 0):
        raise _NoDicom
    try:
        implicit, little = encoding_of(syntax)
        _Walk(encoded, "<" if little else ">").elements(0, implicit=implicit, nested=False)
    except EOFError as error:
        raise _NoDicom(f", or one without file meta information that was cut off ({error}; read as {UID(syntax).name})") from None


class _Walk:
    """Goes from element to element by their lengths."""

    def __init__(self, content: bytes, order: str) -> None:
        self.content, self.order = content, order

    def unpack(self, form: str, position: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + form, self.content, position)
        except struct.error:
            raise EOFError(f"{len(self.content)} bytes, and the next element is not whole") from None

    def meta(self, position: int) -> int:
        """Return where file meta information ends: group 2, explicit VR little endian [PS3.10 7.1]."""
        while self.content[position : position + 2] == b"\2\0":
            self.unpack("HHH", position)
            vr, value = self.content[position + 4 : position + 6], position + 8
            if vr in LONG:
                (length,) = self.unpack("L", position + 8)
                value += 4
            else:
                (length,) = self.unpack("H", position + 6)
            if value + length > len(self.content):
                raise EOFError("in the file meta information")
            position = value + length
        return position

    def elements(self, position: int, *, implicit: bool, nested: bool) -> int:
        """Return where the elements from a position end: at the end of the content or, nested, behind an item delimiter."""
        while nested or position < len(self.content):
            group, element = self.unpack("HH", position)
            tag = group << 16 | element
            vr, length, value = b"", 0, position + 8
            if implicit or tag in (ITEM, ITEM_END, SEQUENCE_END):
                (length,) = self.unpack("L", position + 4)
            else:
                vr = self.content[position + 4 : position + 6]
                if vr in LONG:
                    (length,) = self.unpack("L", position + 8)
                    value += 4
                else:
                    (length,) = self.unpack("H", position + 6)
            if tag == ITEM_END:
                return value
            # The items of an unknown VR and undefined length are in implicit VR [PS3.5 6.2.2].
            unknown = implicit or vr == b"UN"
            position = self.items(value, implicit=unknown) if length == UNDEFINED else self.past(value, length, tag)
        return position

    def items(self, position: int, *, implicit: bool) -> int:
        """Return where a sequence, or fragments, of undefined length end: behind the sequence delimiter."""
        while True:
            group, element, length = self.unpack("HHL", position)
            position += 8
            if group << 16 | element == SEQUENCE_END:
                return position
            if length == UNDEFINED:
                position = self.elements(position, implicit=implicit, nested=True)
            else:
                position = self.past(position, length, ITEM)

    def past(self, position: int, length: int, tag: int) -> int:
        if position + length > len(self.content):
            missing = position + length - len(self.content)
            raise EOFError(f"{missing} bytes are missing at the end of ({tag >> 16:04X},{tag & 0xFFFF:04X})")
        return position + length

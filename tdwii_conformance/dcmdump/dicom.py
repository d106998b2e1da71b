"""DICOM files read whole, or refused with a sentence: pydicom takes a file that was cut off for one that ends there."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

__all__ = ["FileFault", "read_dicom"]

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
# VRs whose length has 32 bits [PS3.5 7.1.2].
LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
PREAMBLE = 132


class FileFault(ValueError):
    """A file cannot be read; the message names it and says why."""


def read_dicom(path: Path) -> Dataset:
    """Read a DICOM file, decoded to the last item.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    FileFault
        If it cannot be read, is empty or without a data set, is no DICOM file, or was cut off.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFault(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content:
        raise FileFault(f"{path}: is empty")
    try:
        _whole(content, str(read_file_meta_info(path).get("TransferSyntaxUID") or ""))
        dataset = dcmread(path)
        if not len(dataset):
            raise EOFError("behind the file meta information there is nothing")
        for _ in dataset.iterall():
            pass
    except InvalidDicomError:
        raise FileFault(f"{path}: is no DICOM file") from None
    except EOFError as error:
        raise FileFault(f"{path}: was cut off: {error}") from error
    except Exception as error:  # pydicom raises whatever the bytes lead it to
        raise FileFault(f"{path}: is damaged: {error or type(error).__name__}") from error
    return dataset


def _whole(content: bytes, transfer_syntax: str) -> None:
    """Raise EOFError if the bytes of a file end before what their lengths promise."""
    # Group length of the meta group: always first, explicit VR little endian, 12 bytes [PS3.10 7.1].
    begin = PREAMBLE + 12 + int.from_bytes(content[PREAMBLE + 8 : PREAMBLE + 12], "little")
    if content[PREAMBLE : PREAMBLE + 4] != b"\x02\x00\x00\x00":
        return  # no group length: where the data set begins is pydicom's guess
    if begin > len(content):
        raise EOFError("in the file meta information")
    body = content[begin:]
    syntax = UID(transfer_syntax)
    if syntax == DeflatedExplicitVRLittleEndian:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        body = stream.decompress(body)
        if not stream.eof:
            raise EOFError("in the deflated data set")
    _Walk(body, "<" if syntax.is_little_endian else ">").elements(0, implicit=syntax.is_implicit_VR, nested=False)


class _Walk:
    """Goes from element to element by their lengths."""

    def __init__(self, content: bytes, order: str) -> None:
        self.content, self.order = content, order

    def unpack(self, form: str, position: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + form, self.content, position)
        except struct.error:
            raise EOFError(f"{len(self.content)} bytes, and the next element is not whole") from None

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

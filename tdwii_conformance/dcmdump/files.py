"""dcmdump texts and DICOM files on a disk, as ``dump2dcm`` has them. The rest of this package touches no file."""

from __future__ import annotations

import codecs
import copy
import io
from pathlib import Path
from uuid import uuid4

from pydicom import dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from .read import DumpError, parse
from .write import ENCODING, WORDS, is_big_endian, swapped

__all__ = ["load_text", "save_dicom"]

# Media Storage SOP Class UID is required in a file [PS3.10 7.1], and a query has no SOP Class UID. This one is made for
# that, from a random UUID [PS3.5 B.2]: a data set that is no SOP Instance.
NO_SOP_CLASS = UID("2.25.62310498262953617530273937046312957181")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def load_text(path: Path) -> Dataset:
    """Read a dcmdump file.

    Parameters
    ----------
    path : pathlib.Path
        Values are in the Specific Character Set that the text names. In UTF-16, which Windows PowerShell makes of
        redirected output, they are text. Files of ``=filename`` values are looked for in the folder of the text.

    Returns
    -------
    pydicom.dataset.Dataset
        With ``file_meta`` when the text has elements of group 0002.

    Raises
    ------
    DumpError
        With file name and line, if the text is not one that makes a data set.
    OSError
        If the file cannot be read.
    """
    content = path.read_bytes()
    text: str | bytes
    if content.startswith(UTF_16):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            raise DumpError(str(path), 1, "is not text: it begins as UTF-16 and does not go on so") from None
    elif content.removeprefix(codecs.BOM_UTF8).startswith(ENCODING.encode()):
        text = _as_shown(content.removeprefix(codecs.BOM_UTF8), str(path))
    elif content[128:132] == b"DICM":
        raise DumpError(str(path), 1, "this is a DICOM file, and dcmdump text is needed")
    elif b"\0" in content.partition(b"(")[0]:
        # A value may have zero bytes; what is before the first tag may not, and a data set without a header begins so.
        raise DumpError(str(path), 1, "is not text: there is a zero byte before the first tag")
    else:
        text = content.removeprefix(codecs.BOM_UTF8)
    return parse(text, name=str(path), folder=path.parent)


def _as_shown(content: bytes, name: str) -> str:
    """Return the text of `write.dump_text`, whose first line says how it is encoded."""
    encoding = content.partition(b"\n")[0].removeprefix(ENCODING.encode()).strip().decode("latin-1")
    try:
        return content.decode(encoding)
    except LookupError:
        raise DumpError(name, 1, f"there is no encoding {encoding!r}; utf-8 is one") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DumpError(name, line, f"is not in {encoding}, as line 1 says; was it saved in another encoding?") from None


def save_dicom(dataset: Dataset, path: Path, *, transfer_syntax: str | None = None) -> None:
    """Write a DICOM file, whole or not at all, with the file meta information that the data set has not.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With or without ``file_meta``; it is left as it is. Group 0000 is not written.
    path : pathlib.Path
        Replaced when it is there.
    transfer_syntax : str, optional
        UID of the transfer syntax to write in. Without it that of the file meta information, else Explicit VR Little
        Endian.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If the data set cannot be encoded in the transfer syntax.
    """
    meta = FileMetaDataset()
    meta.update(getattr(dataset, "file_meta", None) or {})
    meta.TransferSyntaxUID = UID(transfer_syntax or meta.get("TransferSyntaxUID") or ExplicitVRLittleEndian)
    # Media Storage SOP Class and Instance UID are those of the data set [PS3.10 7.1].
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or NO_SOP_CLASS
    meta.MediaStorageSOPInstanceUID = (
        dataset.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID") or generate_uid(prefix=None)
    )
    syntax = meta.TransferSyntaxUID
    kept = copy.copy(dataset)
    kept.file_meta = meta
    for tag in list(kept.group_dataset(0).keys()):
        del kept[tag]
    if "PixelData" in kept:
        encapsulated = kept["PixelData"].is_undefined_length
        if encapsulated != syntax.is_encapsulated:
            raise ValueError(
                f"Pixel Data {'in fragments' if encapsulated else 'that is not in fragments'} cannot be written in "
                f"{syntax.name}; its transfer syntax belongs into Transfer Syntax UID (0002,0010)"
            )
    if is_big_endian(kept) != (syntax == ExplicitVRBigEndian):
        kept = copy.deepcopy(kept)
        _turn(kept)
    elif syntax != ExplicitVRBigEndian and _named_vrs(kept):
        kept = copy.deepcopy(kept)
        _as_they_are(kept, implicit=syntax == ImplicitVRLittleEndian)
    stream = io.BytesIO()
    dcmwrite(stream, kept, enforce_file_format=True)
    _replace(path, stream.getvalue())


def _turn(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _turn(item)
        elif element.VR in WORDS:
            dataset[element.tag] = swapped(element)


def _named_vrs(dataset: Dataset) -> bool:
    """Whether values that were never decoded all have a VR and our byte order, as `parse` makes them."""
    for element in dataset.elements():
        if isinstance(element, RawDataElement):
            if element.VR is None or element.VR == "SQ" or not element.is_little_endian:
                return False
        elif element.VR == "SQ" and not all(map(_named_vrs, element.value)):
            return False
    return True


def _as_they_are(dataset: Dataset, *, implicit: bool) -> None:
    """Have pydicom write values as they are: where it takes them for others it decodes and encodes them, not always to the same."""
    for element in dataset.elements():
        if not isinstance(element, RawDataElement) and element.VR == "SQ":
            for item in element.value:
                _as_they_are(item, implicit=implicit)
    dataset.set_original_encoding(implicit, True, dataset._character_set)


def _replace(path: Path, content: bytes) -> None:
    """Write beside the file and rename: who watches the folder never sees half a file."""
    beside = path.with_name(f".{uuid4().hex}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

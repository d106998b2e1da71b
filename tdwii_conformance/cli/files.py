"""Files that commands read and write: looked at before anything is sent, refused in one sentence."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..dcmdump import fill, load_text, parse, templates
from ..dcmdump.dicom import decode_all, read_dicom
from ..profile.ups_service import UPS
from ..simulators.instances import Instance, write_instance
from ..transcript.exchange import Message
from .failures import Usage
from .reading import assumed
from .screen import note

__all__ = [
    "LARGE",
    "SMALL",
    "expanded",
    "is_dicom",
    "of_class",
    "read_dataset",
    "read_or_fill",
    "safe_uid",
    "save_message",
    "sized",
]

MEGABYTE = 1 << 20
CHARACTER_SET = re.compile(r"\(\s*0008\s*,\s*0005\s*\)")  # in dcmdump text
SMALL = 16 * MEGABYTE  # a query, a workitem, a text
LARGE = 2048 * MEGABYTE  # an instance to be stored: pydicom holds it in memory


def sized(path: Path, most: int) -> Path:
    """Return the path of a file that is there and not too large to be what it should be.

    Raises
    ------
    Usage
        If it is missing, no file, empty or larger than `most` bytes.
    """
    if not path.exists():
        raise Usage(f"{path}: no such file")
    if not path.is_file():
        raise Usage(f"{path}: is {'a folder' if path.is_dir() else 'no ordinary file'}; a file is needed")
    size = path.stat().st_size
    if size == 0:
        raise Usage(f"{path}: is empty")
    if size > most:
        raise Usage(f"{path}: has {size / MEGABYTE:.0f} MB, more than the {most // MEGABYTE} MB that make sense here")
    return path


def read_dataset(
    path: Path,
    *,
    text: bool = False,
    classes: Iterable[str] = (),
    what: str = "",
    most: int = SMALL,
    values: bool = True,
    leaves: bool = True,
) -> Dataset:
    """Read a DICOM file.

    Parameters
    ----------
    path : Path
        The file.
    text : bool
        Whether dcmdump text will do as well.
    classes : iterable of str
        SOP classes it may be of; a data set without SOP Class UID passes. Empty: any.
    what : str
        What is needed, for the message.
    most : int
        The most bytes that make sense.
    values : bool
        Whether every value has to be what its VR allows.
    leaves : bool
        Whether the data set is to be sent: text in UTF-8 that names no Specific Character Set is then ISO_IR 192. Else its bytes
        stay what they are.

    Raises
    ------
    Usage, FileFault, DumpError, OSError
        If the file is not what it should be; one sentence that names it.
    """
    sized(path, most)
    dataset = _text(path, leaves=leaves) if text and not is_dicom(path) else read_dicom(path, assume=assumed(), tell=note)
    if values:
        # What is to stay as it is, byte for byte, is looked at in a copy: text that was read is written in one of many ways.
        decode_all(dataset if leaves else copy.deepcopy(dataset), str(path))
    of_class(dataset, tuple(classes), what, str(path))
    return dataset


def _text(path: Path, *, leaves: bool) -> Dataset:
    content = path.read_bytes()
    if leaves and not content.isascii():
        with suppress(UnicodeDecodeError):  # in another encoding: its bytes are what its author meant
            text = content.decode("utf-8-sig")
            if (named := _named(text)) != text:
                return parse(named, name=str(path), folder=path.parent)
    return load_text(path)


def _named(text: str) -> str:
    """Return dcmdump text that names the character set that it needs to be sent."""
    if text.isascii() or CHARACTER_SET.search(text) is not None:
        return text
    return f"{text}\n(0008,0005) CS [ISO_IR 192]\n"


def of_class(dataset: Dataset, classes: Sequence[str], what: str, name: str) -> None:
    """Raise `Usage` if a data set says that it is of another SOP class than these; none allows any."""
    given = str(dataset.get("SOPClassUID") or "")
    if classes and given and given not in classes:
        raise Usage(f"{name}: is of SOP class {UID(given).name}; {what} is needed")


def expanded(paths: Sequence[Path], read: Callable[[Path], object]) -> list[Path]:
    """Return files, those of folders and of the folders below included; what is not fit in a folder is named and left out.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders.
    read : callable
        Reads a file, and raises what `read_dataset` does if it is not fit. It is asked about the files of folders only.

    Raises
    ------
    Usage
        If a folder has nothing that is fit.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        fit = []
        for one in sorted(one for one in path.rglob("*") if one.is_file()):
            try:
                read(one)
            except (Usage, ValueError, OSError) as error:
                note(f"left out: {error}")
            else:
                fit.append(one)
        if not fit:
            raise Usage(f"{path}: has no file, here or in the folders below, that can be sent")
        found += fit
    return found


def read_or_fill(path: Path | None, name: str | None, values: Sequence[str], what: str, *, leaves: bool = True) -> Dataset | None:
    """Return the data set of a file or of a filled template; ``None`` if neither is given.

    Parameters
    ----------
    path : Path or None
        A DICOM file or dcmdump text; placeholders in a text are filled.
    name : str or None
        A template of `dcmdump.templates`.
    values : sequence of str
        ``NAME=VALUE`` of the placeholders.
    what : str
        What is needed, for messages.
    leaves : bool
        As for `read_dataset`.

    Raises
    ------
    Usage, FileFault, DumpError, OSError
        If the file or the values are not what they should be.
    """
    if path is not None and name is not None:
        raise Usage("a file and --template exclude each other")
    given = dict(_assignment(one) for one in values)
    if name is not None:
        known = templates()
        if name not in known:
            raise Usage(f"no template {name!r}: tdwii templates lists those there are")
        filled = known[name].fill(given)
        return parse(_named(filled) if leaves else filled, name=name)
    if path is None:
        if given:
            raise Usage("--set fills the placeholders of a text: give one, or --template NAME")
        return None
    if given or _looks_filled(path):
        return _filled(path, given, leaves=leaves)
    return read_dataset(path, text=True, what=what, leaves=leaves)


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise Usage(f"--set {text!r} is not NAME=VALUE")
    return key, value


def _looks_filled(path: Path) -> bool:
    """Whether a file is a text with placeholders."""
    sized(path, SMALL)
    return not is_dicom(path) and b"${" in path.read_bytes()


def _filled(path: Path, values: dict[str, str], *, leaves: bool) -> Dataset:
    if is_dicom(sized(path, SMALL)):
        raise Usage(f"{path}: is a DICOM file: --set fills the placeholders of dcmdump text")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Usage(f"{path}: has placeholders and is not in UTF-8") from None
    filled = fill(text, values, name=str(path))
    return parse(_named(filled) if leaves else filled, name=str(path), folder=path.parent)


def is_dicom(path: Path) -> bool:
    """Whether it is a DICOM file, or at least no text: that is said by who reads DICOM files."""
    with path.open("rb") as file:
        start = file.read(4096)
    return start[128:132] == b"DICM" or (b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")))


def safe_uid(uid: str, path: Path) -> str:
    """Return a UID that can be part of a file name.

    Raises
    ------
    Usage
        If it is no UID [PS3.5 9.1]: what a file says may be anything, also ``../../x``.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) or len(uid) > 64:
        raise Usage(f"{path}: SOP Instance UID {uid!r} is no UID: digits and dots, at most 64 characters")
    return uid


def save_message(message: Message, path: Path, *, sop_class: str = UPS.PUSH, uid: str = "") -> None:
    """Write the data set of a message as a DICOM file, as it travelled.

    Parameters
    ----------
    message : Message
        One with a data set.
    path : Path
        The file; replaced if it is there.
    sop_class, uid : str
        What the file meta information names; the data set's own if it has them.
    """
    dataset = message.dataset if message.dataset is not None else Dataset()
    sop_class = str(dataset.get("SOPClassUID") or sop_class)
    uid = str(dataset.get("SOPInstanceUID") or uid or UID("2.25.0"))
    study, series = str(dataset.get("StudyInstanceUID") or ""), str(dataset.get("SeriesInstanceUID") or "")
    write_instance(path, Instance(sop_class, uid, study, series, message.transfer_syntax, message.encoded or b""))

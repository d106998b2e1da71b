"""Composite instances of a C-MOVE, C-GET and C-STORE SCP: exact bytes, in memory or in a folder."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID
from pynetdicom import build_context, evt
from pynetdicom.dimse_primitives import C_GET, C_MOVE
from pynetdicom.sop_class import Verification

from ..dcmdump.dicom import encoding_of, inflated, read_content
from ..dimse import AssociationRecorder, Peer, Recorder, Timeouts, tune
from ..dimse.command_sets import set_group_length
from ..dimse.sending import only_of
from ..transcript.exchange import Transcript
from ..transcript.observation import Association

__all__ = [
    "IdentifierRefused",
    "Instance",
    "InstanceStore",
    "get_handler",
    "instance_of",
    "instance_of_dataset",
    "is_uid",
    "leave_out_remaining",
    "move_handler",
    "read_instance",
    "store_handler",
]

SUCCESS, PENDING, CANCELED = 0x0000, 0xFF00, 0xFE00
DOES_NOT_MATCH, CANNOT_UNDERSTAND = 0xA900, 0xC000
INVALID_INSTANCE = 0x0117  # the SOP Instance UID violates the UID construction rules [PS3.7 C.5.6]
# Unique keys of the Study Root model, from the top [PS3.4 C.6.2.1].
LEVELS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


class IdentifierRefused(ValueError):
    """An identifier does not fit the Study Root model; answered with A900."""


class NoUID(ValueError):
    """A SOP Instance UID is not a UID; answered with 0117."""


@dataclass(frozen=True)
class Instance:
    """One instance as it came.

    Parameters
    ----------
    sop_class, uid, study, series : str
        SOP Class UID and the unique keys.
    transfer_syntax : str
        Of `encoded`.
    encoded : bytes
        The data set as it travelled.
    """

    sop_class: str
    uid: str
    study: str
    series: str
    transfer_syntax: str
    encoded: bytes

    @cached_property
    def attributes(self) -> Dataset:
        """The decoded data set; for looking at, not for changing."""
        return _decoded(self.encoded, self.transfer_syntax)

    def dataset(self) -> Dataset:
        """Return a new data set with file meta information, as pynetdicom sends it."""
        dataset = _decoded(self.encoded, self.transfer_syntax)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(self.transfer_syntax)
        return dataset


def _decoded(encoded: bytes, transfer_syntax: str) -> Dataset:
    return read_dataset(BytesIO(inflated(encoded, transfer_syntax)), *encoding_of(transfer_syntax))


def instance_of(encoded: bytes, transfer_syntax: str) -> Instance:
    """Return the instance that some bytes are.

    Raises
    ------
    ValueError
        If they are no data set with SOP Class, SOP Instance, Study and Series Instance UID.
    """
    try:
        dataset = _decoded(encoded, transfer_syntax)
        values = [str(dataset[k].value or "") for k in ("SOPClassUID", "SOPInstanceUID", *list(LEVELS.values())[:2])]
    except Exception as error:  # pydicom raises whatever the bytes lead it to
        raise ValueError(f"not a data set with the unique keys: {error}") from error
    if not all(values):
        raise ValueError("SOP Class, SOP Instance, Study and Series Instance UID need a value")
    if not is_uid(values[1]):
        raise NoUID(f"SOP Instance UID {values[1][:80]!r} is no UID: digits and dots, at most 64 characters")
    sop_class, uid, study, series = values
    return Instance(sop_class, uid, study, series, transfer_syntax, encoded)


def is_uid(text: str) -> bool:
    """Whether a text is a UID [PS3.5 9.1], and so can be the name of a file: digits and dots, at most 64 characters."""
    return len(text) <= 64 and re.fullmatch(r"[0-9]+(\.[0-9]+)*", text) is not None


def read_instance(path: Path, *, assume: str = "") -> Instance:
    """Return the instance in a DICOM file, the bytes as they are there; `assume` as in `dcmdump.dicom.read_dicom`.

    Raises
    ------
    FileFault
        If it is not a DICOM file, or was cut off.
    ValueError
        As `instance_of`.
    """
    content = read_content(path, assume=assume)
    return instance_of(content.encoded, content.transfer_syntax)


def instance_of_dataset(dataset: Dataset, transfer_syntax: str) -> Instance:
    """Return the instance that a data set is, encoded in a transfer syntax; raises as `instance_of` does."""
    syntax = UID(transfer_syntax)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    write_dataset(buffer, dataset)
    return instance_of(buffer.getvalue(), transfer_syntax)


def write_instance(path: Path, instance: Instance) -> None:
    """Write an instance as a DICOM file: its data set as it travelled. Whole or not at all; a file that is there is replaced.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(instance.sop_class), UID(instance.uid)
    meta.TransferSyntaxUID = UID(instance.transfer_syntax)
    buffer = DicomBytesIO()
    buffer.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(buffer, meta, enforce_standard=True)
    buffer.write(instance.encoded)
    temporary = path.with_name(f".{path.stem}.{threading.get_ident()}.part")
    temporary.write_bytes(buffer.getvalue())
    os.replace(temporary, path)


class InstanceStore:
    """Instances of any storage SOP class. Safe to use from many threads.

    Parameters
    ----------
    folder : Path, optional
        Where they are kept as files, and read from at the start; only in memory without it.
    assume : str
        UID of the transfer syntax of files that name none; empty: what they look like.

    Attributes
    ----------
    left_out : list of str
        The files of the folder that are not kept, each with the reason.
    notes : list of str
        What was taken for granted to read the others.
    """

    def __init__(self, folder: Path | None = None, *, assume: str = "") -> None:
        self._folder, self._assume = folder, assume
        self._lock = threading.Lock()
        self._instances: dict[str, Instance] = {}
        self.left_out: list[str] = []
        self.notes: list[str] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    self._read(path)

    def _read(self, path: Path) -> None:
        try:
            content = read_content(path, assume=self._assume)
            instance = instance_of(content.encoded, content.transfer_syntax)
        except (ValueError, OSError) as error:  # a folder may hold other files beside the instances
            self.left_out.append(str(error) if str(error).startswith(str(path)) else f"{path}: {error}")
            return
        if instance.uid in self._instances:
            self.left_out.append(f"{path}: its SOP Instance UID {instance.uid} is that of a file before it")
            return
        self.notes += [f"{path}: {note}" for note in content.notes]
        self._instances[instance.uid] = instance

    def add(self, instance: Instance) -> None:
        """Keep an instance; one that is there already is replaced."""
        if self._folder is not None:
            self._write(self._folder, instance)
        with self._lock:
            self._instances[instance.uid] = instance

    @staticmethod
    def _write(folder: Path, instance: Instance) -> None:
        if not is_uid(instance.uid):  # which `instance_of` has seen to: what a peer sends may be anything, also ../../x
            raise NoUID(f"SOP Instance UID {instance.uid[:80]!r} is no UID")
        write_instance(folder / f"{instance.uid}.dcm", instance)

    def __iter__(self) -> Iterator[Instance]:
        with self._lock:
            return iter(list(self._instances.values()))

    def __len__(self) -> int:
        return len(self._instances)

    def __contains__(self, uid: object) -> bool:
        return uid in self._instances

    def select(self, identifier: Dataset) -> list[Instance]:
        """Return the instances that a C-MOVE or C-GET identifier names [PS3.4 C.4.2.2.1].

        Raises
        ------
        IdentifierRefused
            If level or unique keys do not fit.
        """
        level = str(identifier.get("QueryRetrieveLevel") or "")
        if level not in LEVELS:
            raise IdentifierRefused(f"Query/Retrieve Level is {level!r}, not one of {', '.join(LEVELS)}")
        names = list(LEVELS.values())[: list(LEVELS).index(level) + 1]
        wanted = [_uids(identifier, name) for name in names]
        for name, uids in zip(names, wanted, strict=True):
            if not uids or any("*" in uid or "?" in uid for uid in uids):
                raise IdentifierRefused(f"{name} is a unique key at level {level}: it needs a UID")
            if len(uids) > 1 and name != names[-1]:
                raise IdentifierRefused(f"{name} is above level {level}: it takes a single value")
        with self._lock:
            if level == "IMAGE":
                found = [self._instances[uid] for uid in wanted[-1] if uid in self._instances]
            else:
                found = list(self._instances.values())
        keys = {"StudyInstanceUID": "study", "SeriesInstanceUID": "series", "SOPInstanceUID": "uid"}
        return [i for i in found if all(getattr(i, keys[n]) in uids for n, uids in zip(names, wanted, strict=True))]


def _uids(identifier: Dataset, name: str) -> list[str]:
    value = identifier.get(name)
    return [] if not value else [str(value)] if isinstance(value, str) else [str(uid) for uid in value]


# --- handlers --------------------------------------------------------------------------------------------------------


def store_handler(store: InstanceStore) -> Callable[[Any], int]:
    """Return a handler of ``evt.EVT_C_STORE`` that keeps what comes, or says what is wrong with it [PS3.4 B.2.3]."""

    def handle(event: Any) -> int:
        request = event.request
        try:
            instance = instance_of(request.DataSet.getvalue(), str(event.context.transfer_syntax))
        except NoUID:
            return INVALID_INSTANCE
        except ValueError:
            return CANNOT_UNDERSTAND
        command = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        if command != (instance.sop_class, instance.uid):
            return DOES_NOT_MATCH
        store.add(instance)
        return SUCCESS

    return handle


Found = Callable[[Dataset], list[Instance]]


def _sent(event: Any, instances: Iterable[Instance]) -> Iterator[tuple[int, Dataset | None]]:
    for instance in instances:
        if event.is_cancelled:
            yield CANCELED, None
            return
        yield PENDING, instance.dataset()


def _refusal(error: Exception) -> Dataset:
    status = Dataset()
    status.Status, status.ErrorComment = DOES_NOT_MATCH, str(error)[:64]
    return status


def move_handler(
    store: InstanceStore,
    destinations: Mapping[str, Peer],
    calling: str,
    timeouts: Timeouts,
    transcript: Transcript | None = None,
    associations: Callable[[Association], None] | None = None,
) -> Callable[[Any], Iterator[Any]]:
    """Return a handler of ``evt.EVT_C_MOVE``.

    Parameters
    ----------
    store : InstanceStore
        What can be moved.
    destinations : mapping of str to Peer
        The known destinations; an unknown one gets A801.
    calling : str
        Our AE title.
    timeouts : Timeouts
        Deadlines of the sub-operations' association.
    transcript : Transcript, optional
        Gets the sub-operations.
    associations : callable, optional
        Called with the association of the sub-operations when it stands, and when it has ended.
    """

    def handle(event: Any) -> Iterator[Any]:
        peer = destinations.get(str(event.move_destination).strip())
        if peer is None:
            yield None, None
            return
        refusal, instances = None, []
        try:
            instances = store.select(event.identifier)
        except IdentifierRefused as error:
            refusal = _refusal(error)
        contexts = {(i.sop_class, i.transfer_syntax) for i in instances}
        proposed = [build_context(c, [s]) for c, s in sorted(contexts)]
        # Should the destination not take an instance as it is, pynetdicom converts between uncompressed syntaxes.
        proposed += [build_context(c) for c in sorted({c for c, _ in contexts})] or [build_context(Verification)]
        yield (
            peer.host,
            peer.port,
            {
                "contexts": proposed[:128],
                "evt_handlers": [
                    (evt.EVT_CONN_OPEN, tune),
                    (evt.EVT_DIMSE_SENT, partial(_name_the_origin, str(event.assoc.requestor.ae_title).strip())),
                    *(Recorder(transcript.append).handlers_to_the_end if transcript is not None else ()),
                    *(AssociationRecorder(associations).handlers if associations is not None else ()),
                ],
                "tls_args": (peer.tls.client_context(), peer.host) if peer.tls else None,
            },
        )
        if refusal is not None:
            # pynetdicom asks for a number before a status; 1 makes it connect, and take the status that follows.
            yield 1
            yield refusal, None
            return
        yield len(instances)
        yield from _sent(event, instances)

    return handle


def _name_the_origin(ae_title: str, event: Any) -> None:
    """Name who asked for the C-MOVE in a C-STORE request [PS3.7 9.1.1.1.9]; pynetdicom names the SCP of the C-MOVE."""
    command = event.message.command_set
    if "MoveOriginatorApplicationEntityTitle" in command:
        command.MoveOriginatorApplicationEntityTitle = ae_title
        set_group_length(command)


@only_of(C_MOVE, C_GET)
def leave_out_remaining(event: Any) -> None:
    """Handle ``evt.EVT_DIMSE_SENT``: take Number of Remaining Sub-operations out of a final response [PS3.4 C.4.2.1.6].

    pynetdicom leaves the number of the last Pending response in it.
    """
    command = event.message.command_set
    keyword = "NumberOfRemainingSuboperations"
    if keyword in command and command.get("Status") not in (PENDING, CANCELED):
        del command[keyword]
        command.CommandGroupLength -= 10  # tag, length and a US, in implicit VR


def get_handler(store: InstanceStore) -> Callable[[Any], Iterator[Any]]:
    """Return a handler of ``evt.EVT_C_GET``."""

    def handle(event: Any) -> Iterator[Any]:
        try:
            instances = store.select(event.identifier)
        except IdentifierRefused as error:
            yield 1
            yield _refusal(error), None
            return
        yield len(instances)
        yield from _sent(event, instances)

    return handle

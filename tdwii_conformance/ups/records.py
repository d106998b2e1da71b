"""A UPS as a store keeps it, its encoded form, and what it is found by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .datasets import character_set, plain
from .matching import Key, strings, text_form
from .times import value_start

__all__ = ["INDEXED", "INDEXED_TIMES", "Kept", "Record", "Terms", "decoded", "encoded"]

Path = tuple[str, ...]

# What finds are answered from: keys matched by their text, at the end of a path through sequences ...
INDEXED: tuple[Path, ...] = (
    ("SOPInstanceUID",),
    ("ProcedureStepState",),
    ("InputReadinessState",),
    ("PatientID",),
    ("PatientName",),
    ("ProcedureStepLabel",),
    ("WorklistLabel",),
    ("AdmissionID",),
    ("StudyInstanceUID",),
    ("ScheduledStationNameCodeSequence", "CodeValue"),
    ("ScheduledStationClassCodeSequence", "CodeValue"),
    ("ScheduledWorkitemCodeSequence", "CodeValue"),
    ("ReferencedRequestSequence", "AccessionNumber"),
    ("ReferencedRequestSequence", "RequestedProcedureID"),
)
# ... and date-times matched by range.
INDEXED_TIMES = (
    "ScheduledProcedureStepStartDateTime",
    "ExpectedCompletionDateTime",
    "ScheduledProcedureStepModificationDateTime",
)
TIMES = tuple((BaseTag(tag_for_keyword(keyword) or 0),) for keyword in INDEXED_TIMES)
WAYS = tuple((path, tuple(BaseTag(tag_for_keyword(k) or 0) for k in path), text_form(dictionary_VR(path[-1]))) for path in INDEXED)


ASKED = 256  # how many answers a UPS keeps encoded


class Kept(RawDataElement):
    """An element that is kept as it is sent.

    Attributes
    ----------
    octets : bytes
        All of it: tag, VR where there is one, length and value.
    in_ascii : bool
        Whether its text, items included, is of the default repertoire.
    """

    octets: bytes
    in_ascii: bool


@dataclass(frozen=True)
class Terms:
    """What a UPS is found by.

    Parameters
    ----------
    texts : frozenset of (int, str)
        Position in `INDEXED`, and a value in the form it is compared in.
    moments : frozenset of (int, float)
        Position in `INDEXED_TIMES`, and where the time begins, in seconds since 1970 UTC; one without offset is local.
    """

    texts: frozenset[tuple[int, str]] = frozenset()
    moments: frozenset[tuple[int, float]] = frozenset()


@dataclass(frozen=True, eq=False)
class Record:
    """A UPS as it is kept. Never changed: a change makes a new one.

    Parameters
    ----------
    uid : str
        SOP Instance UID.
    source : Dataset or callable
        Everything but the Transaction UID, as `datasets.plain` makes it; or what returns it, when it is first needed.
    lock : str
        The Transaction UID recorded; empty without one.
    """

    uid: str
    source: Dataset | Callable[[], Dataset]
    lock: str = ""
    _kept: dict[tuple[Any, ...], Kept] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def attributes(self) -> Dataset:
        """Everything but the Transaction UID; text decoded, no Specific Character Set."""
        return self.source if isinstance(self.source, Dataset) else self.source()

    @cached_property
    def terms(self) -> Terms:
        """What it is found by."""
        texts = {(n, form(v)) for n, (_, tags, form) in enumerate(WAYS) for v in _values(self.attributes, tags)}
        times = [(n, value_start(v, "DT", self.zone)) for n, tags in enumerate(TIMES) for v in _values(self.attributes, tags)]
        return Terms(frozenset(texts), frozenset((n, start.timestamp()) for n, start in times if start is not None))

    @property
    def state(self) -> str:
        """Procedure Step State."""
        return str(self.attributes.ProcedureStepState)

    @property
    def zone(self) -> str:
        """Timezone Offset From UTC; empty without one."""
        return str(self.attributes.get("TimezoneOffsetFromUTC") or "")

    @cached_property
    def character_set(self) -> str:
        """Specific Character Set that its text needs; empty for the default repertoire."""
        return character_set(self.attributes)

    def kept(self, key: Key, make: Callable[[], DataElement], implicit_vr: bool) -> Kept:
        """Return what answers a key of a query, encoded, little endian, in `character_set`; kept, as finds ask again.

        Parameters
        ----------
        key : Key
            The key.
        make : callable
            Makes the element that answers it.
        implicit_vr : bool
            Whether it is encoded without VR.
        """
        if not key.comparable:
            return _encoded_element(make(), implicit_vr, self.character_set or "ISO_IR 6")
        asked = (key.tag, key.vr, key.below, implicit_vr)
        if asked not in self._kept:
            if len(self._kept) >= ASKED:
                self._kept.clear()
            self._kept[asked] = _encoded_element(make(), implicit_vr, self.character_set or "ISO_IR 6")
        return self._kept[asked]


def _values(dataset: Dataset, tags: tuple[BaseTag, ...]) -> Iterator[str]:
    """Yield the values that a UPS has at the end of a path through sequences."""
    element: Any = dataset.get(tags[0])
    if element is None:
        return
    if len(tags) == 1:
        yield from strings(element)
    elif element.VR == "SQ":
        for item in element.value or ():
            yield from _values(item, tags[1:])


def _buffer(implicit_vr: bool) -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit_vr
    return buffer


def _encoded_element(element: DataElement, implicit_vr: bool, character_set: str) -> Kept:
    buffer = _buffer(implicit_vr)
    write_data_element(buffer, element, character_set)
    written = bytes(buffer.getvalue())
    # Tag, VR and length, as PS3.5 7.1 lays them out.
    vr = None if implicit_vr else written[4:6].decode()
    value = written[12 if vr in EXPLICIT_VR_LENGTH_32 else 8 :]
    kept = Kept(BaseTag(element.tag), vr, len(value), value, 0, implicit_vr, True)
    kept.octets, kept.in_ascii = written, _in_ascii(element)
    return kept


def _in_ascii(element: DataElement) -> bool:
    """Whether the text of an element, items included, needs no Specific Character Set."""
    if element.VR == "SQ":
        return all(_in_ascii(one) for item in element.value or () for one in item)
    return str(element.value).isascii()


def encoded(attributes: Dataset) -> bytes:
    """Return a record's attributes as bytes: Explicit VR Little Endian, text in UTF-8."""
    buffer = _buffer(implicit_vr=False)
    # A copy: pydicom remembers in a person name how it was last encoded, and would do so for a response.
    write_dataset(buffer, plain(attributes), parent_encoding="ISO_IR 192")
    return bytes(buffer.getvalue())


def decoded(written: bytes) -> Dataset:
    """Return what `encoded` was given."""
    return plain(read_dataset(BytesIO(written), False, True, bytelength=len(written), parent_encoding="utf8"))

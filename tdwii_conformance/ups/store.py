"""Where a worklist is kept: in memory, or in an SQLite file that survives a restart. Both answer finds from indexes."""

from __future__ import annotations

import bisect
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .datasets import plain
from .matching import Key, strings, text_form
from .times import value_start

__all__ = ["MemoryStore", "Record", "SQLiteStore", "Store"]

Path_ = tuple[str, ...]
Way = tuple[int, Callable[[], Iterable[str]]]  # how many UPS, or comparisons, an index costs; and how to get the UPS


@dataclass(frozen=True)
class Record:
    """A UPS as it is kept. Never changed: a change makes a new one.

    Parameters
    ----------
    uid : str
        SOP Instance UID.
    attributes : Dataset
        Everything but the Transaction UID; text decoded, no Specific Character Set.
    lock : str
        The Transaction UID recorded; empty without one.
    """

    uid: str
    attributes: Dataset
    lock: str = ""

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
        text = "".join(str(element.value) for element in self.attributes.iterall() if element.VR != "SQ")
        if text.isascii():
            return ""
        try:
            text.encode("latin-1")
            return "ISO_IR 100"
        except UnicodeEncodeError:
            return "ISO_IR 192"

    @cached_property
    def _raw(self) -> dict[tuple[int, bool], RawDataElement]:
        return {}

    def raw(self, element: DataElement, implicit_vr: bool) -> RawDataElement:
        """Return an element of `attributes` encoded, little endian, in `character_set`; kept, as finds ask again."""
        key = (int(element.tag), implicit_vr)
        if key not in self._raw:
            self._raw[key] = _raw(element, implicit_vr, self.character_set or "ISO_IR 6")
        return self._raw[key]


def _raw(element: DataElement, implicit_vr: bool, character_set: str) -> RawDataElement:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit_vr
    write_data_element(buffer, element, character_set)
    encoded = bytes(buffer.getvalue())
    # Tag, VR and length, as PS3.5 7.1 lays them out.
    vr = None if implicit_vr else encoded[4:6].decode()
    value = encoded[12 if vr in EXPLICIT_VR_LENGTH_32 else 8 :]
    return RawDataElement(BaseTag(element.tag), vr, len(value), value, 0, implicit_vr, True)


class Store(Protocol):
    """What a worklist needs of its store. `get` is called from many threads, the rest by one at a time."""

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""

    def put(self, record: Record) -> None:
        """Keep a UPS, in place of an earlier state of it; once this returns it is safe."""

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return at least every UPS that all keys of a query can match, as few more as the indexes allow, oldest first."""

    def close(self) -> None:
        """Let go of what is held open."""


# What finds are answered from: keys matched by their text, at the end of a path through sequences ...
INDEXED: tuple[Path_, ...] = (
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


@cache
def _tag(keyword: str) -> BaseTag:
    return BaseTag(tag_for_keyword(keyword) or 0)


def _values(dataset: Dataset, path: Path_) -> Iterator[str]:
    """Yield the values that a UPS has at the end of a path through sequences."""
    element = dataset.get(_tag(path[0]))
    if element is None:
        return
    if len(path) == 1:
        yield from strings(element)
    elif element.VR == "SQ":
        for item in element.value or ():
            yield from _values(item, path[1:])


class MemoryStore:
    """A store in memory."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._order: dict[str, int] = {}
        self._texts: dict[Path_, dict[str, set[str]]] = {path: {} for path in INDEXED}
        self._times: dict[str, list[tuple[float, str]]] = {keyword: [] for keyword in INDEXED_TIMES}

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        return self._records.get(uid)

    def put(self, record: Record) -> None:
        """Keep a UPS."""
        earlier = self._records.get(record.uid)
        texts, times = set(_indexed_texts(record)), set(_indexed_times(record))
        old_texts = set(_indexed_texts(earlier)) if earlier is not None else set()
        old_times = set(_indexed_times(earlier)) if earlier is not None else set()
        for path, value in old_texts - texts:
            holders = self._texts[path][value]
            holders.discard(record.uid)
            if not holders:
                del self._texts[path][value]
        for keyword, moment in old_times - times:
            moments = self._times[keyword]
            del moments[bisect.bisect_left(moments, (moment, record.uid))]
        for path, value in texts - old_texts:
            self._texts[path].setdefault(value, set()).add(record.uid)
        for keyword, moment in times - old_times:
            bisect.insort(self._times[keyword], (moment, record.uid))
        self._order.setdefault(record.uid, len(self._order))
        self._records[record.uid] = record

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        ways = [*self._by_text(keys), *self._by_time(keys)]
        if not ways:
            return list(self._records.values())
        _, found = min(ways, key=itemgetter(0))
        return [self._records[uid] for uid in sorted(found(), key=self._order.__getitem__)]

    def _by_text(self, keys: Sequence[Key]) -> Iterator[Way]:
        for path, index in self._texts.items():
            key = _key_at(keys, path)
            if key is None or key.fits is None:
                continue
            if key.wild:
                # A wild card is tried on each distinct value, not on each UPS.
                yield len(index), partial(_that_fit, key.fits, index)
            else:
                holders = [index[value] for value in key.wanted if value in index]
                yield sum(map(len, holders)), partial(set().union, *holders)

    def _by_time(self, keys: Sequence[Key]) -> Iterator[Way]:
        for keyword, moments in self._times.items():
            key = _key_at(keys, (keyword,))
            if key is not None and key.span is not None:
                start, end = key.span.start, key.span.end
                low = bisect.bisect_left(moments, (start.timestamp(), "")) if start else 0
                high = bisect.bisect_left(moments, (end.timestamp(), "")) if end else len(moments)
                yield high - low, partial(_uids, moments, low, high)

    def close(self) -> None:
        """Nothing is held open."""


def _key_at(keys: Sequence[Key], path: Path_) -> Key | None:
    """Return the key at the end of a path, if the query has one."""
    tag = _tag(path[0])
    key = next((key for key in keys if key.tag == tag), None)
    return key if key is None or len(path) == 1 else _key_at(key.below or (), path[1:])


def _that_fit(fits: Callable[[str, str], bool], index: Mapping[str, set[str]]) -> set[str]:
    return {uid for value, holders in index.items() if fits(value, "") for uid in holders}


def _uids(moments: Sequence[tuple[float, str]], low: int, high: int) -> set[str]:
    return {uid for _, uid in moments[low:high]}


def _indexed_texts(record: Record) -> Iterator[tuple[Path_, str]]:
    for path in INDEXED:
        form = text_form(dictionary_VR(path[-1]))
        for value in _values(record.attributes, path):
            yield path, form(value)


def _indexed_times(record: Record) -> Iterator[tuple[str, float]]:
    for keyword in INDEXED_TIMES:
        for value in _values(record.attributes, (keyword,)):
            if (moment := value_start(value, "DT", record.zone)) is not None:
                yield keyword, moment.timestamp()


class SQLiteStore:
    """A store in an SQLite file; what it holds is kept in memory as well, where finds are answered.

    Parameters
    ----------
    path : Path
        The file; made if it is not there.

    Raises
    ------
    ValueError
        If the file is not such a store; it is named.
    """

    def __init__(self, path: Path) -> None:
        self._memory = MemoryStore()
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # FULL: when put() returns the workitem is on the disk, whatever happens to this process or machine.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS ups (number INTEGER PRIMARY KEY, uid TEXT UNIQUE NOT NULL, "
                "lock TEXT NOT NULL, attributes BLOB NOT NULL)"
            )
            for uid, lock, encoded in self._connection.execute("SELECT uid, lock, attributes FROM ups ORDER BY number"):
                self._memory.put(Record(uid, _decoded(encoded), lock))
        except sqlite3.Error as error:
            raise ValueError(f"{path}: cannot be used as a worklist: {error}") from error

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        return self._memory.get(uid)

    def put(self, record: Record) -> None:
        """Keep a UPS, on the disk before in memory: what is answered has been kept."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO ups (uid, lock, attributes) VALUES (?, ?, ?) "
                "ON CONFLICT (uid) DO UPDATE SET lock = excluded.lock, attributes = excluded.attributes",
                # A copy: pydicom remembers in a person name how it was last encoded, and would do so for a response.
                (record.uid, record.lock, _encoded(plain(record.attributes))),
            )
        self._memory.put(record)

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        return self._memory.candidates(keys)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _encoded(attributes: Dataset, implicit_vr: bool = False, character_set: str = "ISO_IR 192") -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit_vr
    write_dataset(buffer, attributes, parent_encoding=character_set)
    return bytes(buffer.getvalue())


def _decoded(encoded: bytes) -> Dataset:
    return plain(read_dataset(BytesIO(encoded), False, True, bytelength=len(encoded), parent_encoding="utf8"))

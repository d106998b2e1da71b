"""Where a worklist is kept: in memory, or in an SQLite file that survives a restart. Both answer finds from indexes."""

from __future__ import annotations

import bisect
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from .times import key_span, value_start

__all__ = ["MemoryStore", "Record", "SQLiteStore", "Store"]


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

    @cached_property
    def beyond_ascii(self) -> bool:
        """Whether any text needs more than the default character repertoire."""
        return any(not str(element.value).isascii() for element in self.attributes.iterall() if element.VR != "SQ")


class Store(Protocol):
    """What a worklist needs of its store. Calls are made by one thread at a time."""

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""

    def put(self, record: Record) -> None:
        """Keep a UPS, in place of an earlier state of it; once this returns it is safe."""

    def candidates(self, identifier: Dataset) -> list[Record]:
        """Return at least every UPS that an identifier can match, as few more as the indexes allow, oldest first."""

    def close(self) -> None:
        """Let go of what is held open."""


# Keys that single out few workitems and have an index, and how to take their values from an identifier or a UPS.
INDEXED = (
    ("SOPInstanceUID",),
    ("PatientID",),
    ("ScheduledStationNameCodeSequence", "CodeValue"),
    ("ScheduledWorkitemCodeSequence", "CodeValue"),
    ("ProcedureStepState",),
)
START = "ScheduledProcedureStepStartDateTime"
Path_ = tuple[str, ...]


def _values(dataset: Dataset, path: Path_) -> tuple[str, ...]:
    """Return the values at the end of a path through sequences."""
    value = dataset.get(path[0])
    if value is None or value == "":
        return ()
    if len(path) == 1:
        return (str(value),) if isinstance(value, str) else tuple(str(one) for one in value)
    return tuple(found for item in value for found in _values(item, path[1:]))


class MemoryStore:
    """A store in memory."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._order: dict[str, int] = {}
        self._index: dict[tuple[Path_, str], set[str]] = {}
        self._starts: list[tuple[float, str]] = []

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        return self._records.get(uid)

    def put(self, record: Record) -> None:
        """Keep a UPS."""
        earlier = self._records.get(record.uid)
        if earlier is not None:
            for key in _keys(earlier):
                self._index[key].discard(record.uid)
            if (start := _start(earlier)) is not None:
                del self._starts[bisect.bisect_left(self._starts, (start, record.uid))]
        self._records[record.uid] = record
        self._order.setdefault(record.uid, len(self._order))
        for key in _keys(record):
            self._index.setdefault(key, set()).add(record.uid)
        if (start := _start(record)) is not None:
            bisect.insort(self._starts, (start, record.uid))

    def candidates(self, identifier: Dataset) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        fewest: set[str] | list[str] | None = None
        for path in INDEXED:
            wanted = _values(identifier, path)
            if wanted and not any("*" in value or "?" in value for value in wanted):
                found = set().union(*(self._index.get((path, value), ()) for value in wanted))
                if fewest is None or len(found) < len(fewest):
                    fewest = found
        started = self._started(str(identifier.get(START) or ""), str(identifier.get("TimezoneOffsetFromUTC", "") or ""))
        if started is not None and (fewest is None or len(started) < len(fewest)):
            fewest = started
        uids = self._records if fewest is None else sorted(fewest, key=self._order.__getitem__)
        return [self._records[uid] for uid in uids]

    def _started(self, key: str, offset: str) -> list[str] | None:
        span = key_span(key, "DT", offset) if key else None
        if span is None:
            return None
        low = bisect.bisect_left(self._starts, (span.start.timestamp(), "")) if span.start else 0
        high = bisect.bisect_left(self._starts, (span.end.timestamp(), "")) if span.end else len(self._starts)
        return [uid for _, uid in self._starts[low:high]]

    def close(self) -> None:
        """Nothing is held open."""


def _keys(record: Record) -> Iterator[tuple[Path_, str]]:
    for path in INDEXED:
        for value in _values(record.attributes, path):
            yield path, value


def _start(record: Record) -> float | None:
    start = value_start(str(record.attributes.get(START) or ""), "DT")
    return start.timestamp() if start else None


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
                (record.uid, record.lock, _encoded(record.attributes)),
            )
        self._memory.put(record)

    def candidates(self, identifier: Dataset) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        return self._memory.candidates(identifier)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _encoded(attributes: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, attributes, parent_encoding="utf8")
    return bytes(buffer.getvalue())


def _decoded(encoded: bytes) -> Dataset:
    return plain(read_dataset(BytesIO(encoded), False, True, bytelength=len(encoded), parent_encoding="utf8"))


def plain(dataset: Dataset) -> Dataset:
    """Return a data set decoded to the last item, text independent of any character set; the original is used up."""
    dataset.decode()
    return _plain(dataset)


def _plain(dataset: Dataset) -> Dataset:
    if "SpecificCharacterSet" in dataset:
        del dataset.SpecificCharacterSet
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _plain(item)
        elif element.VR == "PN" and element.value is not None:
            names: Iterable[object] = element.value if element.VM > 1 else [element.value]
            text = [str(name) for name in names]
            element.value = text if len(text) > 1 else text[0]
    return dataset

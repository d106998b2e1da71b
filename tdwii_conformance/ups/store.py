"""Where a worklist is kept: in memory, or in an SQLite file that survives a restart. Both answer finds from indexes."""

from __future__ import annotations

import bisect
import itertools
import json
import sqlite3
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from .matching import Key
from .records import INDEXED, INDEXED_TIMES, Record, Terms, decoded, encoded
from .subscriptions import Subscription
from .times import value_start

__all__ = ["Change", "MemoryStore", "Record", "SQLiteStore", "Store"]

# UPS whose attributes are kept decoded, the last ones used: pydicom takes some 50 kB for each, thirty times what it is encoded
# and compressed.
AWAKE = 1000

Source = Callable[[], Dataset]
Way = tuple[int, Callable[[], Iterable[str]]]  # how many UPS, or comparisons, an index costs; and how to get the UPS


@dataclass(frozen=True)
class Change:
    """What one operation changes: all of it is kept, or nothing.

    Parameters
    ----------
    record : Record or None
        A UPS, in place of an earlier state of it.
    deleted : str
        SOP Instance UID of a UPS that is no more; empty without one.
    subscribed, unsubscribed : sequence of Subscription
        Subscriptions that are new or changed, and those that are no more.
    """

    record: Record | None = None
    deleted: str = ""
    subscribed: Sequence[Subscription] = ()
    unsubscribed: Sequence[Subscription] = ()


class Store(Protocol):
    """What a worklist needs of its store. `get` is called from many threads, the rest by one at a time.

    `known` says whether the store held what an earlier run of the SCP knew when it was opened, `kept` whether a later one
    will find what it holds.
    """

    known: bool
    kept: bool

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""

    def commit(self, change: Change) -> None:
        """Keep a change; once this returns it is safe."""

    def subscriptions(self) -> list[Subscription]:
        """Return the subscriptions that were kept."""

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return at least every UPS that all keys of a query can match, as few more as the indexes allow, oldest first."""

    def close(self) -> None:
        """Let go of what is held open."""


@cache
def _tag(keyword: str) -> BaseTag:
    return BaseTag(tag_for_keyword(keyword) or 0)


def _packed(record: Record) -> Source:
    written = zlib.compress(encoded(record.attributes), level=1)
    return lambda: decoded(zlib.decompress(written))


class MemoryStore:
    """A store in memory: it knows nothing of earlier runs, and leaves the subscriptions to the worklist.

    Parameters
    ----------
    put_away : callable
        Returns, of a record that is not used at present, what its attributes can be had from again.
    """

    known, kept = False, False

    def __init__(self, put_away: Callable[[Record], Source] = _packed) -> None:
        self._put_away = put_away
        self._used_last: OrderedDict[str, None] = OrderedDict()
        self._turn = threading.Lock()
        self._records: dict[str, Record] = {}
        self._order: dict[str, int] = {}
        self._numbers = itertools.count()
        self._texts: tuple[dict[str, set[str]], ...] = tuple({} for _ in INDEXED)
        self._times: dict[str, list[tuple[float, str]]] = {keyword: [] for keyword in INDEXED_TIMES}

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        with self._turn:
            return self._use(uid) if uid in self._records else None

    def _use(self, uid: str) -> Record:
        """Return a UPS, which stays decoded for a while; the one that was not used for the longest time is put away for it."""
        self._used_last[uid] = None
        self._used_last.move_to_end(uid)
        if len(self._used_last) > AWAKE:
            other, _ = self._used_last.popitem(last=False)
            self._records[other] = self._asleep(self._records[other])
        return self._records[uid]

    def _asleep(self, record: Record) -> Record:
        source = self._put_away(record) if isinstance(record.source, Dataset) else record.source
        return Record(record.uid, source, record.lock, record.terms)

    def commit(self, change: Change, *, used: bool = True) -> None:
        """Keep a change; `used` says whether its UPS is kept decoded."""
        with self._turn:
            if change.record is not None:
                self._index(change.record.uid, change.record)
                self._order.setdefault(change.record.uid, next(self._numbers))
                self._records[change.record.uid] = change.record
                if used:
                    self._use(change.record.uid)
            if change.deleted in self._records:
                self._index(change.deleted, None)
                del self._order[change.deleted], self._records[change.deleted]
                self._used_last.pop(change.deleted, None)

    def _index(self, uid: str, record: Record | None) -> None:
        earlier = self._records.get(uid)
        texts, times = _terms(record)
        old_texts, old_times = _terms(earlier)
        for position, value in old_texts - texts:
            holders = self._texts[position][value]
            holders.discard(uid)
            if not holders:
                del self._texts[position][value]
        for keyword, moment in old_times - times:
            moments = self._times[keyword]
            del moments[bisect.bisect_left(moments, (moment, uid))]
        for position, value in texts - old_texts:
            self._texts[position].setdefault(value, set()).add(uid)
        for keyword, moment in times - old_times:
            bisect.insort(self._times[keyword], (moment, uid))

    def subscriptions(self) -> list[Subscription]:
        """Return none."""
        return []

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        ways = [*self._by_text(keys), *self._by_time(keys)]
        uids: Sequence[str] = list(self._records)
        if ways:
            _, found = min(ways, key=itemgetter(0))
            uids = sorted(found(), key=self._order.__getitem__)
        with self._turn:
            if len(uids) <= AWAKE // 4:
                return [self._use(uid) for uid in uids]
            # More would drive out what is used. What is asleep is woken for the one who asks, not for good.
            records = [self._records[uid] for uid in uids]
            return [one if one.uid in self._used_last else self._asleep(one) for one in records]

    def _by_text(self, keys: Sequence[Key]) -> Iterator[Way]:
        for path, index in zip(INDEXED, self._texts, strict=True):
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


def _key_at(keys: Sequence[Key], path: tuple[str, ...]) -> Key | None:
    """Return the key at the end of a path, if the query has one."""
    tag = _tag(path[0])
    key = next((key for key in keys if key.tag == tag), None)
    return key if key is None or len(path) == 1 else _key_at(key.below or (), path[1:])


def _that_fit(fits: Callable[[str, str], bool], index: Mapping[str, set[str]]) -> set[str]:
    return {uid for value, holders in index.items() if fits(value, "") for uid in holders}


def _uids(moments: Sequence[tuple[float, str]], low: int, high: int) -> set[str]:
    return {uid for _, uid in moments[low:high]}


def _terms(record: Record | None) -> tuple[set[tuple[int, str]], set[tuple[str, float]]]:
    return (set(), set()) if record is None else (set(record.terms.texts), set(_moments(record)))


def _moments(record: Record) -> Iterator[tuple[str, float]]:
    for keyword, value in record.terms.times:
        if (moment := value_start(value, "DT", record.zone)) is not None:
            yield keyword, moment.timestamp()


AT_ONCE = 500  # rows in one SELECT: SQLite takes a thousand values and more
# Says that a file is ours, and which indexes its terms are for.
APPLICATION_ID = 0x55505331
TERMS_VERSION = zlib.crc32(repr((INDEXED, INDEXED_TIMES)).encode()) & 0x7FFFFFFF


class SQLiteStore:
    """A store in an SQLite file. What finds are answered from is kept in memory as well, the rest is read when needed.

    Parameters
    ----------
    path : Path
        The file; made if it is not there. One process at a time can have it open.

    Raises
    ------
    ValueError
        If the file is no such store, or is in use; it is named.
    """

    kept = True

    def __init__(self, path: Path) -> None:
        self._memory = MemoryStore(lambda record: partial(self._attributes, record.uid))
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1)
            self._open()
        except (sqlite3.Error, ValueError) as error:
            if hasattr(self, "_connection"):
                self._connection.close()
            raise ValueError(f"{path}: cannot be used as a worklist: {error}") from error

    def _open(self) -> None:
        execute = self._connection.execute
        # Two processes would not see each other's changes.
        execute("PRAGMA locking_mode = EXCLUSIVE")
        ((application,),) = execute("PRAGMA application_id")
        ((tables,),) = execute("SELECT count(*) FROM sqlite_master")
        if tables and application != APPLICATION_ID:
            raise ValueError("it is the database of another program")
        self.known = bool(tables)
        execute("PRAGMA journal_mode = WAL")
        # FULL: when commit() returns the workitem is on the disk, whatever happens to this process or machine.
        execute("PRAGMA synchronous = FULL")
        execute("BEGIN EXCLUSIVE")
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(
            "CREATE TABLE IF NOT EXISTS ups (number INTEGER PRIMARY KEY, uid TEXT UNIQUE NOT NULL, "
            "lock TEXT NOT NULL, terms TEXT NOT NULL, attributes BLOB NOT NULL)"
        )
        execute(
            "CREATE TABLE IF NOT EXISTS subscription (ae TEXT NOT NULL, target TEXT NOT NULL, keys BLOB NOT NULL, "
            "lock INTEGER NOT NULL, PRIMARY KEY (ae, target, keys))"
        )
        ((version,),) = execute("PRAGMA user_version")
        if version != TERMS_VERSION:
            for uid, written in execute("SELECT uid, attributes FROM ups").fetchall():
                terms = _written(Record(uid, decoded(written)).terms)
                execute("UPDATE ups SET terms = ? WHERE uid = ?", (terms, uid))
            execute(f"PRAGMA user_version = {TERMS_VERSION}")
        execute("COMMIT")
        for uid, lock, text in execute("SELECT uid, lock, terms FROM ups ORDER BY number"):
            self._memory.commit(Change(Record(uid, partial(self._attributes, uid), lock, _read(text))), used=False)

    def _attributes(self, uid: str) -> Dataset:
        with self._lock:
            ((written,),) = self._connection.execute("SELECT attributes FROM ups WHERE uid = ?", (uid,))
        return decoded(written)

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        record = self._memory.get(uid)
        if record is not None:
            _ = record.attributes  # as they are now: what is asleep is read from the disk, where they may change
        return record

    def commit(self, change: Change) -> None:
        """Keep a change, on the disk before in memory: what is answered has been kept."""
        for uid in (change.record.uid if change.record else "", change.deleted):
            # Who still has the present state shall see that one, also if it was not read yet.
            if (present := self._memory.get(uid)) is not None:
                _ = present.attributes
        row = None
        if (record := change.record) is not None:
            row = (record.uid, record.lock, _written(record.terms), encoded(record.attributes))
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._write(change, row)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        self._memory.commit(change)

    def _write(self, change: Change, row: tuple[str, str, str, bytes] | None) -> None:
        connection = self._connection
        if row is not None:
            connection.execute(
                "INSERT INTO ups (uid, lock, terms, attributes) VALUES (?, ?, ?, ?) ON CONFLICT (uid) "
                "DO UPDATE SET lock = excluded.lock, terms = excluded.terms, attributes = excluded.attributes",
                row,
            )
        if change.deleted:
            connection.execute("DELETE FROM ups WHERE uid = ?", (change.deleted,))
        connection.executemany(
            "DELETE FROM subscription WHERE ae = ? AND target = ? AND keys = ?",
            [(one.ae, one.target, one.keys) for one in change.unsubscribed],
        )
        connection.executemany(
            "INSERT OR REPLACE INTO subscription (ae, target, keys, lock) VALUES (?, ?, ?, ?)",
            [(one.ae, one.target, one.keys, one.lock) for one in change.subscribed],
        )

    def subscriptions(self) -> list[Subscription]:
        """Return the subscriptions that were kept."""
        with self._lock:
            rows = self._connection.execute("SELECT ae, target, lock, keys FROM subscription ORDER BY rowid").fetchall()
        return [Subscription(ae, target, bool(lock), keys) for ae, target, lock, keys in rows]

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        found = self._memory.candidates(keys)
        unread = [one.uid for one in found if not one.is_read]
        now = self._read_all(unread)  # what is on the disk may change before it is looked at
        return [Record(one.uid, partial(decoded, now[one.uid]), one.lock, one.terms) if one.uid in now else one for one in found]

    def _read_all(self, uids: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        with self._lock:
            for begin in range(0, len(uids), AT_ONCE):
                some = uids[begin : begin + AT_ONCE]
                marks = ", ".join("?" * len(some))
                found |= self._connection.execute(f"SELECT uid, attributes FROM ups WHERE uid IN ({marks})", some).fetchall()
        return found

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _written(terms: Terms) -> str:
    return json.dumps([terms.texts, terms.times, terms.zone], ensure_ascii=False, separators=(",", ":"))


def _read(text: str) -> Terms:
    texts, times, zone = json.loads(text)
    return Terms(tuple(map(tuple, texts)), tuple(map(tuple, times)), zone)

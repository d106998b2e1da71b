"""A store of UPS in an SQLite file, which survives a restart."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .matching import Key
from .records import INDEXED, INDEXED_TIMES, Record, Terms, decoded, encoded
from .store import AWAKE, Change, by_text, by_time
from .subscriptions import Subscription

__all__ = ["SQLiteStore"]

AT_ONCE = 500  # values in one SELECT: SQLite takes a thousand and more
FEW, ALL = 1000, -1  # how many rows are counted at most, to know which index leaves the fewest
APPLICATION_ID = 0x55505331  # says that a file is ours
TABLES = (
    "ups (number INTEGER PRIMARY KEY, uid TEXT UNIQUE NOT NULL, lock TEXT NOT NULL, attributes BLOB NOT NULL)",
    "text (place INTEGER, value TEXT, number INTEGER, PRIMARY KEY (place, value, number)) WITHOUT ROWID",
    "moment (place INTEGER, value REAL, number INTEGER, PRIMARY KEY (place, value, number)) WITHOUT ROWID",
    "subscription (ae TEXT NOT NULL, target TEXT NOT NULL, keys BLOB NOT NULL, lock INTEGER NOT NULL, "
    "PRIMARY KEY (ae, target, keys))",
)
Select = tuple[str, Sequence[Any]]  # and its values


def _version() -> int:
    """Return a number that says which indexes a file has, and in which local time date-times without offset are meant."""
    return zlib.crc32(repr((TABLES, INDEXED, INDEXED_TIMES, time.tzname, time.timezone, time.altzone)).encode()) & 0x7FFFFFFF


class SQLiteStore:
    """A store in an SQLite file, which finds are answered from as well; in memory are only the UPS that were used last.

    Parameters
    ----------
    path : Path
        The file; made if it is not there. One process at a time can have it open.
    awake : int
        How many UPS are kept in memory.

    Raises
    ------
    ValueError
        If the file is no such store, or is in use; it is named.
    """

    kept = True

    def __init__(self, path: Path, awake: int = AWAKE) -> None:
        self._awake = awake
        self._used_last: OrderedDict[str, Record] = OrderedDict()
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
        for table in TABLES:
            execute(f"CREATE TABLE IF NOT EXISTS {table}")
        ((version,),) = execute("PRAGMA user_version")
        if version != _version():
            self._index_anew()
        execute("COMMIT")

    def _index_anew(self) -> None:
        execute = self._connection.execute
        if "terms" in [name for _, name, *_ in execute("PRAGMA table_info(ups)")]:  # files of version 0.1 have the terms there
            execute("ALTER TABLE ups DROP COLUMN terms")
        execute("DELETE FROM text")
        execute("DELETE FROM moment")
        for (number,) in execute("SELECT number FROM ups").fetchall():
            ((written,),) = execute("SELECT attributes FROM ups WHERE number = ?", (number,))
            self._index(number, Terms(), Record("", decoded(written)).terms)
        execute(f"PRAGMA user_version = {_version()}")

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        with self._lock:
            record = self._used_last.get(uid) or next(self._read([uid]), None)
            return self._use(record) if record is not None else None

    def _use(self, record: Record) -> Record:
        """Return a UPS, which stays in memory for a while; the one that was not used for the longest time goes for it."""
        self._used_last[record.uid] = record
        self._used_last.move_to_end(record.uid)
        if len(self._used_last) > self._awake:
            self._used_last.popitem(last=False)
        return record

    def _read(self, uids: Sequence[str]) -> Iterator[Record]:
        for some in _portions(uids):
            found = self._connection.execute(f"SELECT uid, lock, attributes FROM ups WHERE uid IN ({_marks(some)})", some)
            for uid, lock, written in found.fetchall():
                yield Record(uid, partial(decoded, written), lock)

    def commit(self, change: Change) -> None:
        """Keep a change, on the disk before in memory: what is answered has been kept."""
        record = change.record
        earlier = {uid: self.get(uid) for uid in (record.uid if record else "", change.deleted) if uid}
        written = encoded(record.attributes) if record else b""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if record is not None:
                    self._keep(record, written, earlier[record.uid])
                if (deleted := earlier.get(change.deleted)) is not None:
                    self._index(self._number(deleted.uid), deleted.terms, Terms())
                    self._connection.execute("DELETE FROM ups WHERE uid = ?", (deleted.uid,))
                self._subscribe(change)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            if record is not None:
                self._use(record)
            self._used_last.pop(change.deleted, None)

    def _number(self, uid: str) -> int:
        ((number,),) = self._connection.execute("SELECT number FROM ups WHERE uid = ?", (uid,))
        return int(number)

    def _keep(self, record: Record, written: bytes, earlier: Record | None) -> None:
        self._connection.execute(
            "INSERT INTO ups (uid, lock, attributes) VALUES (?, ?, ?) ON CONFLICT (uid) "
            "DO UPDATE SET lock = excluded.lock, attributes = excluded.attributes",
            (record.uid, record.lock, written),
        )
        self._index(self._number(record.uid), earlier.terms if earlier else Terms(), record.terms)

    def _index(self, number: int, old: Terms, new: Terms) -> None:
        for table, before, now in (("text", old.texts, new.texts), ("moment", old.moments, new.moments)):
            gone, come = [(*term, number) for term in before - now], [(*term, number) for term in now - before]
            self._connection.executemany(f"DELETE FROM {table} WHERE place = ? AND value = ? AND number = ?", gone)
            self._connection.executemany(f"INSERT INTO {table} (place, value, number) VALUES (?, ?, ?)", come)

    def _subscribe(self, change: Change) -> None:
        self._connection.executemany(
            "DELETE FROM subscription WHERE ae = ? AND target = ? AND keys = ?",
            [(one.ae, one.target, one.keys) for one in change.unsubscribed],
        )
        self._connection.executemany(
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
        with self._lock:
            uids = self._found(keys)
            known = {uid: self._used_last[uid] for uid in uids if uid in self._used_last}
            known |= {record.uid: record for record in self._read([uid for uid in uids if uid not in known])}
            found = [known[uid] for uid in uids]
            # More would drive out what is used.
            return [self._use(record) for record in found] if len(found) <= self._awake // 4 else found

    def _found(self, keys: Sequence[Key]) -> list[str]:
        """Return the SOP Instance UIDs of the UPS that the most selective index leaves, oldest first."""
        ways = list(self._ways(keys))
        if not ways:
            return [uid for (uid,) in self._connection.execute("SELECT uid FROM ups ORDER BY number")]
        counts = [self._count(selects, FEW) for selects, _ in ways]
        if min(counts) >= FEW:
            counts = [self._count(selects, ALL) for selects, _ in ways]
        _, numbers = ways[counts.index(min(counts))]
        found: list[tuple[int, str]] = []
        for some in _portions(list(numbers())):
            found += self._connection.execute(f"SELECT number, uid FROM ups WHERE number IN ({_marks(some)})", some)
        return [uid for _, uid in sorted(found)]

    def _ways(self, keys: Sequence[Key]) -> Iterator[tuple[list[Select], Callable[[], set[int]]]]:
        """Yield what an index costs, the rows of some SELECTs, and how to get the numbers of the UPS that it leaves."""
        for position, key in by_text(keys):
            if key.wild:
                # A wild card is tried on each distinct value, not on each UPS.
                values: Select = ("SELECT DISTINCT value FROM text WHERE place = ?", (position,))
                yield [values], partial(self._that_fit, position, key, values)
            else:
                selects = _of_values(position, key.wanted)
                yield selects, partial(self._numbers, selects)
        for span in by_time(keys):
            selects = [("SELECT number FROM moment WHERE place = ? AND value >= ? AND value < ?", span)]
            yield selects, partial(self._numbers, selects)

    def _count(self, selects: Iterable[Select], most: int) -> int:
        counts = [
            self._connection.execute(f"SELECT count(*) FROM ({select} LIMIT {most})", values).fetchone()
            for select, values in selects
        ]
        return sum(count for (count,) in counts)

    def _numbers(self, selects: Iterable[Select]) -> set[int]:
        return {number for select, values in selects for (number,) in self._connection.execute(select, values)}

    def _that_fit(self, position: int, key: Key, values: Select) -> set[int]:
        fitting = [value for (value,) in self._connection.execute(*values) if key.fits and key.fits(value, "")]
        return self._numbers(_of_values(position, fitting))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _portions(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[begin : begin + AT_ONCE] for begin in range(0, len(values), AT_ONCE))


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _of_values(position: int, values: Sequence[str]) -> list[Select]:
    return [
        (f"SELECT number FROM text WHERE place = ? AND value IN ({_marks(some)})", (position, *some)) for some in _portions(values)
    ]

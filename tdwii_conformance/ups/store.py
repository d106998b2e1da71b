"""Where a worklist is kept, and a store in memory; `sqlite_store` has one in a file. Both answer finds from indexes."""

from __future__ import annotations

import bisect
import itertools
import pickle
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from operator import itemgetter
from typing import Protocol

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from .matching import Key
from .records import INDEXED, INDEXED_TIMES, Record, Terms
from .subscriptions import Subscription

__all__ = ["AWAKE", "Change", "MemoryStore", "Record", "Store", "by_text", "by_time"]

# UPS whose attributes are kept decoded, the last ones used: pydicom takes some 50 kB for each.
AWAKE = 1000

Way = tuple[int, Callable[[], Iterable[str]]]  # how many UPS, or comparisons, an index costs; and how to get the UPS
Holders = str | set[str]  # who has a value: most identifiers are of one UPS, and a set takes more than its UID


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


def _key_at(keys: Sequence[Key], path: tuple[str, ...]) -> Key | None:
    """Return the key at the end of a path, if the query has one."""
    tag = _tag(path[0])
    key = next((key for key in keys if key.tag == tag), None)
    return key if key is None or len(path) == 1 else _key_at(key.below or (), path[1:])


def by_text(keys: Sequence[Key]) -> Iterator[tuple[int, Key]]:
    """Yield the keys that an index of texts can answer, each with the position of its index."""
    for position, path in enumerate(INDEXED):
        key = _key_at(keys, path)
        if key is not None and key.fits is not None:
            yield position, key


def by_time(keys: Sequence[Key]) -> Iterator[tuple[int, float, float]]:
    """Yield the spans that an index of times can answer, each with the position of its index; what is open is infinite."""
    for position, keyword in enumerate(INDEXED_TIMES):
        key = _key_at(keys, (keyword,))
        if key is not None and key.span is not None:
            start, end = key.span.start, key.span.end
            yield position, start.timestamp() if start else float("-inf"), end.timestamp() if end else float("inf")


class MemoryStore:
    """A store in memory: it knows nothing of earlier runs, and leaves the subscriptions to the worklist.

    Parameters
    ----------
    awake : int
        How many UPS are kept decoded.
    """

    known, kept = False, False

    def __init__(self, awake: int = AWAKE) -> None:
        self._awake = awake
        self._used_last: OrderedDict[str, None] = OrderedDict()
        self._turn = threading.Lock()
        self._records: dict[str, Record] = {}
        self._order: dict[str, int] = {}
        self._numbers = itertools.count()
        self._model = b""
        self._texts: tuple[dict[str, Holders], ...] = tuple({} for _ in INDEXED)
        self._times: tuple[list[tuple[float, str]], ...] = tuple([] for _ in INDEXED_TIMES)

    def get(self, uid: str) -> Record | None:
        """Return a UPS, or ``None``."""
        with self._turn:
            return self._use(uid) if uid in self._records else None

    def _use(self, uid: str) -> Record:
        """Return a UPS, which stays decoded for a while; the one that was not used for the longest time is put away for it."""
        self._used_last[uid] = None
        self._used_last.move_to_end(uid)
        if len(self._used_last) > self._awake:
            other, _ = self._used_last.popitem(last=False)
            self._records[other] = self._asleep(self._records[other])
        return self._records[uid]

    def _asleep(self, record: Record) -> Record:
        source = self._packed(record.attributes) if isinstance(record.source, Dataset) else record.source
        return Record(record.uid, source, record.lock)

    def _packed(self, attributes: Dataset) -> Callable[[], Dataset]:
        """Put attributes away, compressed. Workitems are alike: what is as in the first of them is not kept again."""
        # Pickled: a tenth of what encoding takes, and in memory nobody else reads it.
        written = pickle.dumps(attributes, pickle.HIGHEST_PROTOCOL)
        self._model = self._model or written
        packer = zlib.compressobj(level=1, zdict=self._model)
        return partial(_unpacked, packer.compress(written) + packer.flush(), self._model)

    def commit(self, change: Change) -> None:
        """Keep a change."""
        with self._turn:
            if change.record is not None:
                self._index(change.record.uid, change.record)
                self._order.setdefault(change.record.uid, next(self._numbers))
                self._records[change.record.uid] = change.record
                self._use(change.record.uid)
            if change.deleted in self._records:
                self._index(change.deleted, None)
                del self._order[change.deleted], self._records[change.deleted]
                self._used_last.pop(change.deleted, None)

    def _index(self, uid: str, record: Record | None) -> None:
        earlier = self._records.get(uid)
        old, new = earlier.terms if earlier else Terms(), record.terms if record else Terms()
        for position, value in old.texts - new.texts:
            _take(self._texts[position], value, uid)
        for position, moment in old.moments - new.moments:
            moments = self._times[position]
            del moments[bisect.bisect_left(moments, (moment, uid))]
        for position, value in new.texts - old.texts:
            _give(self._texts[position], value, uid)
        for position, moment in new.moments - old.moments:
            bisect.insort(self._times[position], (moment, uid))

    def subscriptions(self) -> list[Subscription]:
        """Return none."""
        return []

    def candidates(self, keys: Sequence[Key]) -> list[Record]:
        """Return the UPS that the most selective index leaves."""
        ways = list(self._ways(keys))
        if ways:
            _, found = min(ways, key=itemgetter(0))
            uids = sorted(found(), key=self._order.__getitem__)
        else:
            uids = list(self._records)
        with self._turn:
            if len(uids) <= self._awake // 4:
                return [self._use(uid) for uid in uids]
            # More would drive out what is used. What is asleep is woken for the one who asks, not for good.
            records = [self._records[uid] for uid in uids]
            return [one if one.uid in self._used_last else self._asleep(one) for one in records]

    def _ways(self, keys: Sequence[Key]) -> Iterator[Way]:
        for position, key in by_text(keys):
            index = self._texts[position]
            if key.wild:
                # A wild card is tried on each distinct value, not on each UPS.
                yield len(index), partial(_that_fit, key, index)
            else:
                holders = [_several(index[value]) for value in key.wanted if value in index]
                yield sum(map(len, holders)), partial(set[str]().union, *holders)
        for position, start, end in by_time(keys):
            moments = self._times[position]
            low, high = bisect.bisect_left(moments, (start, "")), bisect.bisect_left(moments, (end, ""))
            yield high - low, partial(_uids, moments, low, high)

    def close(self) -> None:
        """Nothing is held open."""


def _unpacked(written: bytes, model: bytes) -> Dataset:
    attributes: Dataset = pickle.loads(zlib.decompressobj(zdict=model).decompress(written))
    return attributes


def _several(holders: Holders) -> set[str]:
    return {holders} if isinstance(holders, str) else holders


def _give(index: dict[str, Holders], value: str, uid: str) -> None:
    """Add a UPS to those that have a value."""
    holders = index.setdefault(value, uid)
    if isinstance(holders, set):
        holders.add(uid)
    elif holders != uid:
        index[value] = {holders, uid}


def _take(index: dict[str, Holders], value: str, uid: str) -> None:
    """Take a UPS from those that have a value."""
    holders = index[value]
    if isinstance(holders, set) and holders != {uid}:
        holders.discard(uid)
    else:
        del index[value]


def _that_fit(key: Key, index: Mapping[str, Holders]) -> set[str]:
    return {uid for value, holders in index.items() if key.fits and key.fits(value, "") for uid in _several(holders)}


def _uids(moments: Sequence[tuple[float, str]], low: int, high: int) -> set[str]:
    return {uid for _, uid in moments[low:high]}

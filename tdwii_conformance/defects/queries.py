"""Hooks into C-FIND for defects and variations: the keys of a query, the UPS it is compared with, its identifier."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset

from ..ups import IdentifierError, Record
from ..ups.datasets import merged
from ..ups.matching import Key
from .hooks import Around, around

__all__ = [
    "ANOTHER",
    "CANCEL",
    "C_FIND",
    "MANY",
    "PENDING",
    "START",
    "STATION",
    "SUCCESS",
    "Path",
    "as_if",
    "compares",
    "dashed",
    "hides",
    "keyword_of",
    "on_keys",
    "on_query",
    "refuse",
    "when_finding",
]


C_FIND = 0x8020
SUCCESS, PENDING, CANCEL = 0x0000, 0xFF00, 0xFE00
ANOTHER = "1.2.826.0.1.3680043.2.1143.9996"
STATION = "ScheduledStationNameCodeSequence"
START = "ScheduledProcedureStepStartDateTime"
MANY = 35  # keys; who asks for so many asks for everything

Path = tuple[str, ...]
Apply = Callable[[Any], None]


def dashed(path: Sequence[str]) -> str:
    """Return a path as a part of a name."""
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", k.replace("Sequence", "")) for k in path]
    return "-".join(words).lower()


def on_keys(tms: Any, change: Callable[[Path, Key], Key], path: Path = ()) -> None:
    """Let `change` make another key of each key of a query, those in items included."""

    def changed(keys: Iterable[Key], around_: Path) -> tuple[Key, ...]:
        return tuple(_changed(key, around_) for key in keys)

    def _changed(key: Key, around_: Path) -> Key:
        here = (*around_, keyword_of(key))
        if key.below is not None:
            key = replace(key, below=changed(key.below, here))
        return change(here, key)

    around(tms.worklist, "keys", lambda original, identifier: changed(original(identifier), path))


def keyword_of(key: Key) -> str:
    """Return the keyword of a key."""
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(key.tag)


def compares(key: Key, fits: Callable[[str, str], bool] | None) -> Key:
    """Return a key that compares in another way, without help of an index."""
    return replace(key, fits=fits, wanted=key.wanted if fits else (), wild=fits is not None, span=None)


def hides(tms: Any, which: Callable[[Record], bool]) -> None:
    """Let C-FIND not know some UPS."""
    when_finding(tms, lambda original, keys: [record for record in original(keys) if not which(record)])


def as_if(tms: Any, which: Callable[[Record], bool], **values: Any) -> None:
    """Let C-FIND see other values in some UPS."""

    def seen(record: Record) -> Record:
        if not which(record):
            return record
        more = Dataset()
        for keyword, value in values.items():
            setattr(more, keyword, value)
        return Record(record.uid, merged(record.attributes, more), record.lock)

    when_finding(tms, lambda original, keys: [seen(record) for record in original(())])


def when_finding(tms: Any, candidates: Callable[[Any, Any], list[Record]]) -> None:
    """Let `candidates` (original, keys) say which UPS a C-FIND compares."""
    finding = threading.local()

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        finding.now = True
        try:
            return original(identifier, **named)
        finally:
            finding.now = False

    around(tms, "find", find)
    around(tms.worklist.store, "candidates", lambda original, keys: (
        candidates(original, keys) if getattr(finding, "now", False) else original(keys)
    ))  # fmt: skip


def on_query(tms: Any, change: Callable[[Dataset], Dataset]) -> None:
    """Let `change` make another identifier of a copy of each query's."""
    around(tms, "find", lambda original, identifier, **named: original(change(copy.deepcopy(identifier)), **named))


def refuse(tms: Any, when: Callable[[Dataset], bool], status: int = 0xA900) -> None:
    """Refuse queries."""

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        if when(identifier):
            raise IdentifierError(status, "a defect")
        return original(identifier, **named)

    around(tms, "find", find)

"""Defects of a TMS that show only when many come at once, or when it is restarted under load: `tdwii load` finds them.

The suite judges one thing at a time, so the proof does not expect it to find these.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

from ..ups import Event, Outcome, Record
from ..ups.store import Change
from .deviations import Rows
from .hooks import Around, around
from .tms import SUCCESS, one

__all__ = ["defect"]

WINDOW = 0.05  # seconds between a look and what is done because of it
TAKEN = 0xC301

defect = Rows(one)


@defect(
    "claim-window",
    "Looks whether a UPS is SCHEDULED, and claims it a moment later: the second of two gets it as well",
    "RO60-TMS-015",
)
def _claim_window(tms: Any) -> None:
    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        seen = tms.worklist.store.get(uid)
        free = seen is not None and seen.state == "SCHEDULED" and state == "IN PROGRESS"
        if free:
            time.sleep(WINDOW)
        outcome: Outcome = original(uid, state, transaction_uid)
        if free and outcome.status == TAKEN and transaction_uid:
            now = tms.worklist.store.get(uid)
            return tms.worklist.to_state(uid, now.attributes, transaction_uid, "IN PROGRESS")  # type: ignore[no-any-return]
        return outcome

    around(tms.worklist, "change_state", change_state)


@defect(
    "event-lost-when-two-at-once",
    "Loses an event that another request causes at the same moment",
    "CC24-TMS-001",
    "CC24-TMS-002",
    "CC24-TMS-007",
)
def _event_lost(tms: Any) -> None:
    last: list[tuple[float, int]] = [(0.0, 0)]
    lock = threading.Lock()

    def post(original: Around, event: Event, receivers: Sequence[str]) -> None:
        with lock:
            (when, by), now, me = last[0], time.monotonic(), threading.get_ident()
            last[0] = now, me
        if by in (0, me) or now - when > WINDOW:
            original(event, receivers)

    around(tms.reporter, "post", post)


@defect(
    "update-lost-in-a-race",
    "Reads the worklist, changes it and writes it: of two N-SETs at once, of any workitems, one is lost",
    "RO62-TMS-003",
)
def _update_lost(tms: Any) -> None:
    under_way: set[int] = set()
    lock = threading.Lock()

    def set_(original: Around, uid: str, modification: Dataset) -> Outcome:
        with lock:
            second = bool(under_way)
            under_way.add(threading.get_ident())
        before = tms.worklist.store.get(uid)
        try:
            outcome: Outcome = original(uid, modification)
            time.sleep(WINDOW)
        finally:
            with lock:
                under_way.discard(threading.get_ident())
        if second and outcome.status == SUCCESS:
            tms.worklist.store.commit(Change(before))
        return outcome

    around(tms.worklist, "set", set_)


@defect("find-misses-while-changed", "Does not find a UPS while another one is changed", "CC25-TMS-027")
def _find_misses(tms: Any) -> None:
    changing: set[int] = set()

    def change(original: Around, *given: Any) -> Outcome:
        changing.add(threading.get_ident())
        try:
            outcome: Outcome = original(*given)
            time.sleep(WINDOW)
            return outcome
        finally:
            changing.discard(threading.get_ident())

    for method in ("set", "change_state"):
        around(tms.worklist, method, change)
    around(tms, "find", lambda original, *given, **named: list(original(*given, **named))[1 if changing else 0 :])


@defect("lock-lost-at-restart", "Keeps the worklist through a restart, and not who has claimed what", "RO62-TMS-002")
def _lock_lost(tms: Any) -> None:
    for record in tms.worklist.records():
        if record.state == "IN PROGRESS":
            tms.worklist.store.commit(Change(Record(record.uid, record.attributes, "")))


@defect(
    "created-lost-at-restart", "Answers an N-CREATE before it is kept: a restart loses the last one", "CC27-TMS-012", "CC25-TMS-027"
)
def _created_lost(tms: Any) -> None:
    scheduled = [record.uid for record in tms.worklist.records() if record.state == "SCHEDULED"]
    for uid in scheduled[-1:]:
        tms.worklist.forget(uid)

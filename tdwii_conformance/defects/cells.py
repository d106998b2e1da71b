"""Defects of the UPS state table [CC.1.1]: for each cell another answer, the right one with the wrong effect, and so on."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile import load_catalogue
from ..profile.ups_tables import NO_UPS, STATES, state_table
from ..ups import Outcome, Record, states
from ..ups.datasets import merged
from ..ups.store import Change
from .deviations import Defect
from .hooks import Around, around
from .tms import defect, one

__all__ = ["SETTING", "answer", "base", "done_but", "done_with", "install", "status"]

SUCCESS, PROCESSING_FAILURE = 0x0000, 0x0110
WITH, WITHOUT = "with the right Transaction UID", "without it"
UNSUITABLE = (0xC304, 0xC303)  # what a cell of Change UPS State may say, and most do not

Replacement = Callable[[Callable[[], Outcome], Any, str], Outcome]


# The cells of N-SET have requirements of their own, of CC.2.6.
SETTING = {
    ("N-SET with another", NO_UPS): "CC26-TMS-001", ("N-SET without one", NO_UPS): "CC26-TMS-001",
    ("N-SET without one", "SCHEDULED"): "CC26-TMS-002", ("N-SET with another", "SCHEDULED"): "CC26-TMS-003",
    ("N-SET with the right Transaction UID", "IN PROGRESS"): "CC26-TMS-005", ("N-SET without one", "IN PROGRESS"): "CC26-TMS-006",
    ("N-SET with another", "IN PROGRESS"): "CC26-TMS-007",
    ("N-SET with the right Transaction UID", "COMPLETED"): "CC26-TMS-009",
    ("N-SET with the right Transaction UID", "CANCELED"): "CC26-TMS-009",
    ("N-SET with another", "COMPLETED"): "CC26-TMS-010", ("N-SET with another", "CANCELED"): "CC26-TMS-010",
    ("N-SET without one", "COMPLETED"): "CC26-TMS-011", ("N-SET without one", "CANCELED"): "CC26-TMS-011",
}  # fmt: skip


@defect.rows
def _one_for_each_cell() -> Iterator[Defect]:
    """Yield the defects of each cell that the tests can bring about."""
    by_cell = {requirement.cell: requirement.id for requirement in load_catalogue().cells("CC.1.1")}
    for (event, state), identifier in ((cell, identifier) for cell, identifier in by_cell.items() if cell is not None):
        if state == NO_UPS and event.endswith(WITHOUT):
            continue  # as with the right one: there is no lock to be right
        same = by_cell.get((event.replace(WITH, WITHOUT), state), identifier) if state == NO_UPS else identifier
        yield from _of_cell((identifier,) if same == identifier else (identifier, same), event, state)
    for (event, state), identifier in SETTING.items():
        yield from _of_cell((identifier,), event, state)


def _of_cell(violated: tuple[str, ...], event: str, state: str) -> Iterator[Defect]:
    cell = state_table()[event, state]
    what = f"{event}, {'a UPS that does not exist' if state == NO_UPS else f'a UPS that is {state}'}"
    on_the_way = bool(cell.state) or cell.status == SUCCESS  # what the tests go through to bring a UPS into a state

    def answering(name: str, does: str, replacement: Replacement) -> Defect:
        return one(f"{base(event, state)}-{name}", f"{what}: {does}", partial(install, event, state, replacement), *violated)

    if on_the_way:
        if (event, state) != ("request cancel", "IN PROGRESS"):  # whoever performs it goes on; that it is told is CC24-TMS-005
            yield answering("without-effect", "answers success and does nothing", answer(SUCCESS))
        yield answering("failing", "answers 0110 and does nothing", answer(PROCESSING_FAILURE))
        if state != NO_UPS:
            yield answering("failing-but-done", "answers 0110 and does it all the same", done_but(PROCESSING_FAILURE))
        return
    requirement = load_catalogue()[violated[0]]
    # Some general failures are tolerated, so not every other status is wrong.
    wrong = next(status for status in UNSUITABLE if status not in (*requirement.statuses, *requirement.warnings))
    yield answering("another-failure", f"answers {wrong:04X}", answer(wrong))
    yield answering("success", "answers success and does nothing", answer(SUCCESS))
    if state != NO_UPS:
        yield answering("changing", "refuses, and changes the UPS all the same", _changing)


def base(event: str, state: str) -> str:
    """Return a cell as a part of a name."""
    return re.sub(r"[^a-z]+", "-", f"{event} {state}".lower().replace(NO_UPS.lower(), "no ups")).strip("-")


def status(event: str, state: str) -> int:
    """Return the status that the table gives."""
    cell = state_table()[event, state]
    return SUCCESS if cell.state else cell.status


def answer(status: int) -> Replacement:
    """Return what answers with a status, and does nothing."""
    return lambda original, tms, uid: Outcome(status)


def done_but(status: int) -> Replacement:
    """Return what does as the table says, and answers with another status."""
    return lambda original, tms, uid: replace(original(), status=status)


def done_with(warning: int) -> Replacement:
    """Return what does as the table says, and answers with a warning when it is done: what is refused stays refused."""

    def perform(original: Callable[[], Outcome], tms: Any, uid: str) -> Outcome:
        outcome = original()
        return replace(outcome, status=warning) if outcome.status == SUCCESS else outcome

    return perform


_numbers = itertools.count(1)


def _changing(original: Callable[[], Outcome], tms: Any, uid: str) -> Outcome:
    outcome = original()
    record = tms.worklist.store.get(uid)
    changed = Dataset()
    changed.InstitutionalDepartmentName = f"Changed without leave, {next(_numbers)}"
    tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, changed), record.lock)))
    return outcome


def install(event: str, state: str, replacement: Replacement, tms: Any) -> None:
    """Have something else done in one cell of the table."""
    worklist, one_at_a_time = tms.worklist, threading.RLock()  # of two at once the second finds what the first has left

    def present(uid: str) -> str:
        record = worklist.store.get(uid)
        return record.state if record is not None else NO_UPS

    def change_state(original: Around, uid: str, wanted: str | None, transaction_uid: str | None) -> Outcome:
        record = worklist.store.get(uid)
        asked = _event(record.state if record else None, wanted, transaction_uid, record.lock if record else None)
        perform = partial(original, uid, wanted, transaction_uid)
        if record is None:
            asked = asked.replace(WITHOUT, WITH)
        return replacement(perform, tms, uid) if (asked, present(uid)) == (event, state) else perform()

    def other(name: str, original: Around, uid: str, *given: Any) -> Outcome:
        perform = partial(original, uid, *given)
        with one_at_a_time:
            return replacement(perform, tms, uid) if (name, present(uid)) == (event, state) else perform()

    def modify(original: Around, uid: str, modification: Any) -> Outcome:
        record, given = worklist.store.get(uid), str(modification.get("TransactionUID") or "")
        right = bool(given) and record is not None and given == record.lock
        asked = "with the right Transaction UID" if right else "with another" if given else "without one"
        perform = partial(original, uid, modification)
        return replacement(perform, tms, uid) if (f"N-SET {asked}", present(uid)) == (event, state) else perform()

    if event.startswith("N-SET"):
        around(worklist, "set", modify)
    elif event in ("N-CREATE", "request cancel"):
        around(worklist, {"N-CREATE": "create"}.get(event, "request_cancel"), partial(other, event))
    else:
        around(worklist, "change_state", change_state)


def _event(present: str | None, wanted: str | None, transaction_uid: str | None, lock: str | None) -> str:
    """Return what the table calls a Change UPS State."""
    if wanted not in STATES:
        return ""
    if wanted == "SCHEDULED":
        return "change to SCHEDULED"
    right = states.is_uid(transaction_uid) and (present == "SCHEDULED" or transaction_uid == lock)
    return f"{states.VERBS[wanted]} {WITH if right else WITHOUT}"

"""Defects of the UPS state table [CC.1.1]: for each cell another answer, the right one with the wrong effect, and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...profile import Requirement, load_catalogue
from ...profile.ups_tables import NO_UPS, STATES, state_table
from ...ups import Outcome, states
from .deviations import Defect
from .seams import Around, around

__all__ = ["defects"]

SUCCESS, PROCESSING_FAILURE = 0x0000, 0x0110
UNSUITABLE = 0xC304  # a status of Change UPS State that says something else than most cells

Replacement = Callable[[Callable[[], Outcome], Any, str], Outcome]


def defects() -> Iterator[Defect]:
    """Yield the defects of each cell that the tests can bring about."""
    for requirement in load_catalogue().cells("CC.1.1"):
        yield from _of_cell(requirement)


def _of_cell(requirement: Requirement) -> Iterator[Defect]:
    assert requirement.cell is not None
    event, state = requirement.cell
    cell = state_table()[event, state]
    what = f"{event}, {'a UPS that does not exist' if state == NO_UPS else f'a UPS that is {state}'}"
    base = re.sub(r"[^a-z]+", "-", f"{event} {state}".lower().replace(NO_UPS.lower(), "no ups")).strip("-")
    violated = (requirement.id, *ALSO.get(requirement.id, ()))

    def defect(name: str, does: str, replacement: Replacement, *, alone: bool = False) -> Defect:
        return Defect(
            f"{base}-{name}",
            f"{what}: {does}",
            "TMS",
            partial(_install, event, state, replacement),
            violated,
            alone or bool(cell.state),
        )

    if cell.state:
        yield defect("without-effect", f"answers success and does not go to {cell.state}", _answer(SUCCESS))
        yield defect("failing", "answers 0110 and does nothing", _answer(PROCESSING_FAILURE))
        return
    wrong = next(s for s in (UNSUITABLE, PROCESSING_FAILURE) if s not in requirement.statuses)
    yield defect("another-failure", f"answers {wrong:04X}", _answer(wrong))
    yield defect("success", "answers success and does nothing", _answer(SUCCESS))


def _answer(status: int) -> Replacement:
    return lambda original, tms, uid: Outcome(status)


def _install(event: str, state: str, replacement: Replacement, tms: Any) -> None:
    worklist = tms.worklist

    def present(uid: str) -> str:
        record = worklist.store.get(uid)
        return record.state if record is not None else NO_UPS

    def change_state(original: Around, uid: str, wanted: str | None, transaction_uid: str | None) -> Outcome:
        record = worklist.store.get(uid)
        asked = _event(record.state if record else None, wanted, transaction_uid, record.lock if record else None)
        perform = partial(original, uid, wanted, transaction_uid)
        return replacement(perform, tms, uid) if (asked, present(uid)) == (event, state) else perform()

    def other(name: str, original: Around, uid: str, *given: Any) -> Outcome:
        perform = partial(original, uid, *given)
        return replacement(perform, tms, uid) if (name, present(uid)) == (event, state) else perform()

    if event in ("N-CREATE", "request cancel"):
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
    return f"{states.VERBS[wanted]} {'with the right Transaction UID' if right else 'without it'}"


ALSO: dict[str, tuple[str, ...]] = {}

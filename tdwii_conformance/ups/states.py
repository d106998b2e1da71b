"""The life of a UPS [CC.1.1]: the state table is data (``profile/ups_states.csv``), this reads it."""

from __future__ import annotations

import re

from ..profile.ups_tables import NO_UPS, STATES, Cell, state_table

__all__ = ["FINAL", "change_state", "create", "is_uid", "modify", "request_cancel"]

FINAL = ("COMPLETED", "CANCELED")
VERBS = {"IN PROGRESS": "claim", "COMPLETED": "complete", "CANCELED": "cancel"}
INVALID_ARGUMENT = 0x0115  # for a state that does not exist no code is given (A17)
UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


def is_uid(text: str | None) -> bool:
    """Whether a text is a UID [PS3.5 9.1]."""
    return bool(text) and len(text or "") <= 64 and UID.fullmatch(text or "") is not None


def create(present: str | None) -> Cell:
    """Return what an N-CREATE for this UID does."""
    return state_table()["N-CREATE", present or NO_UPS]


def change_state(present: str | None, wanted: str | None, transaction_uid: str | None, lock: str | None) -> Cell:
    """Return what a Change UPS State does.

    Parameters
    ----------
    present : str or None
        The UPS's state; ``None`` if there is no such UPS.
    wanted : str or None
        The state asked for.
    transaction_uid : str or None
        The Transaction UID given.
    lock : str or None
        The one recorded. A SCHEDULED UPS has none: any usable UID is right for a claim; COMPLETED and CANCELED with
        one get C310, without one C301 (A3).
    """
    if wanted not in STATES:
        return Cell("", INVALID_ARGUMENT) if present else state_table()["change to SCHEDULED", NO_UPS]
    if wanted == "SCHEDULED":
        event = "change to SCHEDULED"
    else:
        right = is_uid(transaction_uid) and (present == "SCHEDULED" or transaction_uid == lock)
        event = f"{VERBS[wanted]} {'with the right Transaction UID' if right else 'without it'}"
    return state_table()[event, present or NO_UPS]


def modify(present: str | None, transaction_uid: str | None, lock: str | None) -> Cell:
    """Return what an N-SET with this Transaction UID does."""
    given = "without one" if not transaction_uid else "with another"
    if transaction_uid and transaction_uid == lock:
        given = "with the right Transaction UID"
    return state_table()[f"N-SET {given}", present or NO_UPS]


def request_cancel(present: str | None) -> Cell:
    """Return what a Request UPS Cancel does."""
    return state_table()["request cancel", present or NO_UPS]

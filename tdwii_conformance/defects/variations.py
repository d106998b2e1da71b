"""What the variations of a TMS have in common: how a row of one is made, and the words they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..profile.ups_tables import GLOBAL_STATES, SUBSCRIPTION_STATES
from .deviations import Rows, Variation

__all__ = [
    "C_FIND",
    "C_MOVE",
    "NO_GLOBAL",
    "PENDING",
    "PENDING_UNSUPPORTED",
    "PROGRESS",
    "REASONS",
    "SUCCESS",
    "WITHOUT_LOCK",
    "WITH_LOCK",
    "Apply",
    "one",
    "variation",
]


SUCCESS, PENDING, PENDING_UNSUPPORTED = 0x0000, 0xFF00, 0xFF01
C_FIND, C_MOVE = 0x8020, 0x8021
PROGRESS = "ProcedureStepProgressInformationSequence"
REASONS = "ProcedureStepDiscontinuationReasonCodeSequence"
_, WITH_LOCK, WITHOUT_LOCK = SUBSCRIPTION_STATES
NO_GLOBAL = GLOBAL_STATES[0]

Apply = Callable[[Any], None]


def one(name: str, sentence: str, apply: Apply, source: str, unsupported: tuple[str, ...] = ()) -> Variation:
    """Return a variation of the TMS."""
    return Variation(name, sentence, "TMS", apply, source, unsupported)


variation = Rows(one)

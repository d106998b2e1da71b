"""What the defects of a TDD in a treatment have in common: rows, and what is done before, after and to its messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTIonPlanStorage, RTPlanStorage

from .hooks import around
from .performing import defect, of_a_tdd, on_message

__all__ = [
    "C_FIND_RQ",
    "C_MOVE_RQ",
    "C_STORE_RQ",
    "C_STORE_RSP",
    "NO_ACTION_TYPE",
    "PERFORMED",
    "PLANS",
    "defect",
    "doing_after",
    "doing_before",
    "editing",
    "of_a_tdd",
]


NO_ACTION_TYPE = 9
C_STORE_RQ, C_FIND_RQ, C_MOVE_RQ, C_STORE_RSP = 0x0001, 0x0020, 0x0021, 0x8001
PLANS = (RTPlanStorage, RTIonPlanStorage)
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"


def doing_before(method: str, act: Callable[..., object]) -> Callable[[Any], None]:
    """Return what lets a TDD do `act` (simulator, *arguments of the method) before a step of its treatment."""

    def step(simulator: Any, original: Any, *given: Any) -> Any:
        act(simulator, *given)
        return original(*given)

    return lambda simulator: around(simulator, method, partial(step, simulator))


def doing_after(method: str, act: Callable[..., object]) -> Callable[[Any], None]:
    """Return what lets a TDD do `act` (simulator, *arguments of the method) after a step of its treatment."""

    def step(simulator: Any, original: Any, *given: Any) -> Any:
        result = original(*given)
        act(simulator, *given)
        return result

    return lambda simulator: around(simulator, method, partial(step, simulator))


def editing(message: str, change: Callable[[Dataset], object]) -> Callable[[Any], None]:
    """Return what lets a TDD change a message, by its name in the attribute tables."""
    return lambda simulator: on_message(simulator, message, change)  # type: ignore[arg-type]

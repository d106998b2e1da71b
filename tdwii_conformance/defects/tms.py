"""What the defects of a TMS's services have in common: how a row of one is made, and the numbers they share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .deviations import Defect, Rows

__all__ = [
    "ANOTHER",
    "MODIFIED",
    "N_ACTION",
    "N_CREATE",
    "N_GET",
    "N_SET",
    "PERFORMED",
    "PROCESSING_FAILURE",
    "PROGRESS",
    "RACE",
    "SUCCESS",
    "UNSUITABLE",
    "dashed",
    "defect",
    "one",
]


SUCCESS, PROCESSING_FAILURE = 0x0000, 0x0110
UNSUITABLE = 0x0122  # SOP class not supported: a failure that nobody takes for a general one
N_GET, N_SET, N_ACTION, N_CREATE = 0x8110, 0x8120, 0x8130, 0x8140
ANOTHER = "1.2.826.0.1.3680043.2.1143.9997"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
MODIFIED = "ScheduledProcedureStepModificationDateTime"
RACE = 0.3  # seconds that a request waits for a rival

Apply = Callable[[Any], None]


def one(name: str, sentence: str, apply: Apply, *requirements: str) -> Defect:
    """Return a defect of the TMS."""
    return Defect(name, sentence, "TMS", apply, requirements)


defect = Rows(one)


def dashed(keyword: str) -> str:
    """Return a keyword as a part of a name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", keyword).lower()

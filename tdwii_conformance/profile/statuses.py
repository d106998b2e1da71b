"""DIMSE status codes: what they mean, and of which kind they are [PS3.7 C]."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

__all__ = ["is_failure", "is_warning", "status_text"]

SUCCESS, CANCEL, PENDING = 0x0000, 0xFE00, (0xFF00, 0xFF01)
# PS3.7 C.4 lists these general codes as warnings; the others below 0x0200 are failures [PS3.7 C.5].
GENERAL_WARNINGS = (0x0001, 0x0107, 0x0116)


@cache
def _meanings() -> dict[int, str]:
    text = resources.files(__package__).joinpath("statuses.csv").read_text(encoding="utf-8")
    return {int(row["code"], 16): row["meaning"] for row in csv.DictReader(text.splitlines())}


def status_text(status: int | None) -> str:
    """Return a status code for a reader: ``C301 (the right Transaction UID was not given)``."""
    if status is None:
        return "no status"
    meaning = _meanings().get(status)
    return f"{status:04X} ({meaning})" if meaning else f"{status:04X}"


def is_warning(status: int | None) -> bool:
    """Whether the operation was done, with a remark [PS3.7 C.4]."""
    return status is not None and (status in GENERAL_WARNINGS or status >> 12 == 0xB)


def is_failure(status: int | None) -> bool:
    """Whether the operation was refused or failed [PS3.7 C.5]; no answer at all is neither."""
    if status is None or status in (SUCCESS, CANCEL, *PENDING):
        return False
    return not is_warning(status)

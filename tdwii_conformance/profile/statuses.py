"""DIMSE status codes: what they mean in which service, and of which kind they are [PS3.7 C].

``statuses.csv`` has a row for each code, or range of codes (``Cxxx``), with the services it belongs to (``*``: all), and the
requests that it fits where it does not fit every request of the service.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

__all__ = ["Meaning", "fits", "is_failure", "is_warning", "meaning", "status_text"]

SUCCESS, CANCEL, PENDING = 0x0000, 0xFE00, (0xFF00, 0xFF01)
# PS3.7 C.4 lists these general codes as warnings; the others below 0x0200 are failures [PS3.7 C.5].
GENERAL_WARNINGS = (0x0001, 0x0107, 0x0116)
ALL = "*"


class Meaning(NamedTuple):
    """What a status means.

    Parameters
    ----------
    text : str
        In a few words.
    requests : frozenset of str
        Which requests of the service it fits: a Procedure Step State, ``SUBSCRIBE``, ``REQUEST-CANCEL``; empty if all.
    """

    text: str
    requests: frozenset[str]


class _Row(NamedTuple):
    pattern: str
    services: frozenset[str]
    meaning: Meaning

    def covers(self, status: int) -> bool:
        return all(wanted in ("x", digit) for wanted, digit in zip(self.pattern, f"{status:04X}", strict=True))


@cache
def _rows() -> tuple[_Row, ...]:
    text = resources.files(__package__).joinpath("statuses.csv").read_text(encoding="utf-8")
    return tuple(
        _Row(row["code"], frozenset(row["services"].split()), Meaning(row["meaning"], frozenset(row["requests"].split())))
        for row in csv.DictReader(text.splitlines())
    )


@cache
def meaning(status: int, service: str = "") -> Meaning | None:
    """Return what a status means in a service, or ``None`` if it does not belong to it.

    Parameters
    ----------
    status : int
        Status (0000,0900).
    service : str
        As ``C-FIND``; without it the first meaning that the code has.
    """
    if not 0 <= status <= 0xFFFF:
        return None
    # The code itself before the range that it is in.
    for row in sorted(_rows(), key=lambda row: "x" in row.pattern):
        if row.covers(status) and (not service or row.services & {ALL, service}):
            return row.meaning
    return None


def fits(status: int, service: str, request: str) -> bool:
    """Whether a status belongs to a service, and does not contradict what was asked.

    Parameters
    ----------
    status : int
        Status (0000,0900).
    service : str
        As ``N-ACTION``.
    request : str
        What was asked: the Procedure Step State of a state change, ``SUBSCRIBE``, ``REQUEST-CANCEL``; else empty.
    """
    found = meaning(status, service)
    return found is not None and (not found.requests or request in found.requests)


def status_text(status: int | None, service: str = "") -> str:
    """Return a status code for a reader: ``C301 (the right Transaction UID was not given)``.

    Parameters
    ----------
    status : int or None
        The code.
    service : str
        Of which service; one that does not belong to it says so.
    """
    if status is None:
        return "no status"
    found = meaning(status, service)
    if found is not None:
        return f"{status:04X} ({found.text})"
    return f"{status:04X} (no status of {service})" if service else f"{status:04X}"


def is_warning(status: int | None) -> bool:
    """Whether the operation was done, with a remark [PS3.7 C.4]."""
    return status is not None and (status in GENERAL_WARNINGS or status >> 12 == 0xB)


def is_failure(status: int | None) -> bool:
    """Whether the operation was refused or failed [PS3.7 C.5]; no answer at all is neither."""
    if status is None or status in (SUCCESS, CANCEL, *PENDING):
        return False
    return not is_warning(status)

"""Knock-on failures: what defects violate besides what they are made for, with a reason for each.

The standard says the same thing twice, or one thing needs another. ``knock_on.csv`` is the snapshot: a row names one defect and
the requirements, exactly; no pattern, so that a new failure is seen. Its kinds:

``also``
    fails in the tests that a defect concerns, as what it is made for does;
``elsewhere``
    fails in other modules, or in other scenarios, whose tests stand on what the defect takes away;
``sometimes``
    fails in some runs and not in others, by what comes first.

That nothing else fails is what ``tests/proof`` proves; ``python -m tests.proof.knock_on`` writes what it saw fail elsewhere.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["SNAPSHOT", "Entry", "also_violated", "may_violate", "read", "spoiled"]

SNAPSHOT = Path(__file__).with_name("knock_on.csv")
KINDS = ("also", "elsewhere", "sometimes")


@dataclass(frozen=True)
class Entry:
    """A row of the snapshot.

    Parameters
    ----------
    kind : {"also", "elsewhere", "sometimes"}
        Where, or how often.
    defect : str
        Its name.
    requirements : tuple of str
        Ids of what fails.
    why : str
        The reason.
    """

    kind: str
    defect: str
    requirements: tuple[str, ...]
    why: str


def read(path: Path = SNAPSHOT) -> tuple[Entry, ...]:
    """Return the rows of a snapshot.

    Raises
    ------
    ValueError
        If a row is of no known kind, or has no defect, requirement or reason.
    """
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            entry = Entry(row["kind"], row["defect"], tuple(row["requirements"].split()), row["why"])
            if entry.kind not in KINDS or not (entry.defect and entry.requirements and entry.why):
                raise ValueError(f"{path}, line {number}: expected one of {', '.join(KINDS)}, a defect, requirements and a reason")
            found.append(entry)
    return tuple(found)


@cache
def _snapshot() -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
    for entry in read():
        found[entry.kind, entry.defect] += entry.requirements
    return found


def also_violated(name: str) -> tuple[str, ...]:
    """Return what a defect with this name violates besides what it is made for."""
    return _snapshot().get(("also", name), ())


def may_violate(name: str) -> tuple[str, ...]:
    """Return the requirements that a defect with this name violates in some runs and not in others."""
    return _snapshot().get(("sometimes", name), ())


def spoiled(name: str) -> tuple[str, ...]:
    """Return what fails elsewhere with a defect of this name.

    Elsewhere are modules that have no test of what the defect violates, and other scenarios.
    """
    return _snapshot().get(("elsewhere", name), ())

"""What a status is worth in a situation: exact, tolerated, and all others wrong. One table, which every requirement reads.

``situations.csv`` has a row for each situation that more than one requirement knows, or may come to know: so that the same
situation gets the same verdict, whichever test meets it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from .errors import CatalogueError

__all__ = ["Situation", "load_situations", "read_situations"]

COLUMNS = ("situation", "exact", "tolerated", "source", "why")
STATUS = re.compile(r"[0-9A-F]{4}")


@dataclass(frozen=True)
class Situation:
    """A situation, and how its statuses are judged.

    Parameters
    ----------
    name : str
        What the entries of the catalogue call it.
    exact, tolerated : tuple of str
        Statuses that meet the requirement, and those that are tolerated with a warning; in hexadecimal.
    source, why : str
        Where the text says so, and why others are tolerated.
    """

    name: str
    exact: tuple[str, ...]
    tolerated: tuple[str, ...]
    source: str
    why: str


@cache
def load_situations() -> Mapping[str, Situation]:
    """Return the situations of the package by name."""
    return read_situations("situations.csv", (resources.files(__package__) / "situations.csv").read_text(encoding="utf-8"))


def read_situations(name: str, text: str) -> Mapping[str, Situation]:
    """Read a table of situations.

    Raises
    ------
    CatalogueError
        For other columns, a situation that is there twice, one without an exact status, a status that is none or is there twice.
    """
    reader = csv.DictReader(text.splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise CatalogueError(f"{name}: the columns are {reader.fieldnames}, they have to be {', '.join(COLUMNS)}")
    found: dict[str, Situation] = {}
    for row in reader:
        where = f"{name}: line {reader.line_num}: {row['situation']}"
        if None in row or None in row.values():
            raise CatalogueError(f"{where}: has more or fewer than {len(COLUMNS)} columns; quote a value with a comma")
        exact, tolerated = tuple(row["exact"].split()), tuple(row["tolerated"].split())
        statuses = (*exact, *tolerated)
        if not exact:
            raise CatalogueError(f"{where}: has no exact status")
        if wrong := [one for one in statuses if not STATUS.fullmatch(one) or statuses.count(one) > 1]:
            raise CatalogueError(f"{where}: {wrong[0]!r} is no status of four hexadecimal digits, or is there twice")
        if row["situation"] in found:
            raise CatalogueError(f"{where}: is there twice")
        found[row["situation"]] = Situation(row["situation"], exact, tolerated, row["source"], row["why"])
    return found

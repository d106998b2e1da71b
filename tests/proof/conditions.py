"""How the proof runs a deviation: what a simulator that shows it need not know.

``conditions.csv`` has a row for each defect and each variation, by its name. Where a cell is empty, it is as usual. A new
deviation that has no row yet is run alone; ``test_conditions.py`` says which lack one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tdwii_conformance.defects import Deviation

__all__ = ["CONDITIONS", "TABLE", "Conditions", "conditions", "read"]

TABLE = Path(__file__).with_name("conditions.csv")
COLUMNS = ["deviation", "alone", "case", "subject", "scenario", "edition"]


@dataclass(frozen=True)
class Conditions:
    """How a deviation is run.

    Parameters
    ----------
    alone : bool
        Whether it is run by itself: it takes away what the tests of other requirements stand on.
    case : str
        Of a defect: which of the cases of a requirement's test fails, as its parameter names it, where the others pass.
    subject : tuple of str
        What it is about, such as a message and the keywords on the way to an attribute. Two defects of which one subject begins with
        the other hide each other; two variations of the same subject exclude each other.
    scenario : str
        Of a defect of a TDD: the scenario that shows it, as its module is named.
    edition : {"ti", "2013"}
        The edition of TDW-II whose tests show it.
    """

    alone: bool = False
    case: str = ""
    subject: tuple[str, ...] = ()
    scenario: str = "new_completed"
    edition: str = "ti"


def read(path: Path = TABLE) -> dict[str, Conditions]:
    """Return the rows of a table, by name of the deviation.

    Raises
    ------
    ValueError
        For other columns, for a name that has two rows, and for a word that is not known.
    """
    found: dict[str, Conditions] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != COLUMNS:
            raise ValueError(f"{path}: the columns are not {', '.join(COLUMNS)}")
        for number, row in enumerate(rows, 2):
            name = row["deviation"]
            if name in found:
                raise ValueError(f"{path}, line {number}: {name} has a row already")
            if row["alone"] not in ("", "yes") or row["edition"] not in ("", "2013"):
                raise ValueError(f"{path}, line {number}: expected alone to be empty or yes, and edition to be empty or 2013")
            usual = Conditions()
            found[name] = Conditions(
                bool(row["alone"]),
                row["case"],
                tuple(row["subject"].split("|")) if row["subject"] else (),
                row["scenario"] or usual.scenario,
                row["edition"] or usual.edition,
            )
    return found


CONDITIONS = read()


def conditions(deviation: Deviation) -> Conditions:
    """Return how a deviation is run; alone, where the table has no row."""
    return CONDITIONS.get(deviation.name) or Conditions(alone=True)

"""The names that DCMTK prints for UIDs (``=LittleEndianExplicit``) and reads in their place."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources

__all__ = ["uid_of"]


def uid_of(name: str) -> str | None:
    """Return the UID of a name.

    Parameters
    ----------
    name : str
        As DCMTK spells it, which is mostly the name of the standard without its spaces.

    Returns
    -------
    str, optional
        ``None`` for a name that DCMTK does not know.
    """
    return _names().get(name)


@cache
def _names() -> dict[str, str]:
    table = resources.files(__package__).joinpath("uid_names.csv").read_text(encoding="ascii")
    return {row["name"]: row["uid"] for row in csv.DictReader(io.StringIO(table))}

"""The tables of PS3.4 Annex CC as data: states [CC.1.1] and attributes [CC.2.5.1.3]."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pydicom.datadict import tag_for_keyword

from .catalogue import CatalogueError

__all__ = ["NO_UPS", "STATES", "AttributeRow", "Cell", "attribute_rows", "state_table"]

NO_UPS = "no such UPS"
STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")


@dataclass(frozen=True)
class Cell:
    """A cell of the state table: what an event does to a UPS in a state.

    Parameters
    ----------
    state : str
        The state it goes to; empty when it stays.
    status : int
        The status answered; with a `state` that has conditions, the one answered when they are not met.
    """

    state: str
    status: int


@cache
def state_table() -> Mapping[tuple[str, str], Cell]:
    """Return the state table by (event, state) [CC.1.1 table CC.1.1-2]; "no such UPS" is a state too.

    Raises
    ------
    CatalogueError
        If a cell is neither a state, a status, nor ``STATE or STATUS``.
    """
    name = "ups_states.csv"
    cells = {}
    for row in csv.DictReader(_text(name).splitlines(), strict=True):
        for state in (NO_UPS, *STATES):
            cells[row["event"], state] = _cell(f"{name}: {row['event']}: {state}", row[state])
    return cells


def _cell(where: str, text: str) -> Cell:
    state, _, status = text.partition(" or ")
    if state in STATES:
        return Cell(state, int(status, 16) if status else 0)
    try:
        return Cell("", int(text, 16))
    except ValueError:
        raise CatalogueError(f"{where}: {text!r} is neither a state, a status code, nor 'STATE or STATUS'") from None


@dataclass(frozen=True)
class AttributeRow:
    """An attribute of a UPS: requirement types as the table spells them [CC.2.5.1.3].

    Parameters
    ----------
    keyword, vr : str
        Which attribute.
    create, set, get : str
        Types for the SCU of N-CREATE and N-SET, and the SCP of N-GET.
    set_scp : str
        Type for the SCP of N-SET.
    final : str
        Final State code.
    match : str
        ``U``, ``R``, ``O``, ``*`` (as the sequence around it) or ``-``.
    single_value : bool
        Whether only single value matching is defined for it.
    items : mapping of str to AttributeRow
        The attributes of a sequence's items, macros resolved.
    """

    keyword: str
    vr: str
    create: str
    set: str
    set_scp: str
    get: str
    final: str
    match: str
    single_value: bool
    items: Mapping[str, AttributeRow]


@cache
def attribute_rows() -> Mapping[str, AttributeRow]:
    """Return the attributes of a UPS by keyword [CC.2.5.1.3].

    Raises
    ------
    CatalogueError
        For an unknown keyword or macro, with the row named.
    """
    name = "ups_attributes.csv"
    tables: dict[str, list[dict[str, str]]] = {}
    for number, row in enumerate(csv.DictReader(_text(name).splitlines(), strict=True), 2):
        keyword = row["keyword"]
        if not keyword.startswith("@") and tag_for_keyword(keyword) is None:
            raise CatalogueError(f"{name}: line {number}: {keyword!r} is no DICOM keyword")
        tables.setdefault(row["table"], []).append(row)
    return _level(name, tables, tables["ups"], 0)


def _level(
    name: str, tables: Mapping[str, list[dict[str, str]]], rows: list[dict[str, str]], level: int
) -> dict[str, AttributeRow]:
    """Return the rows of one level; what follows a row on deeper levels belongs to it."""
    found: dict[str, AttributeRow] = {}
    for position, row in enumerate(rows):
        if len(row["level"]) != level:
            continue
        if row["keyword"].startswith("@"):
            macro = row["keyword"][1:]
            if macro not in tables:
                raise CatalogueError(f"{name}: {row['table']}: unknown macro @{macro}")
            found |= _level(name, tables, tables[macro], 0)
            continue
        below = []
        for deeper in rows[position + 1 :]:
            if len(deeper["level"]) <= level:
                break
            below.append(deeper)
        found[row["keyword"]] = AttributeRow(
            keyword=row["keyword"],
            vr=row["vr"],
            create=row["n_create_scu"],
            set=row["n_set_scu"],
            set_scp=row["n_set_scp"],
            get=row["n_get_scp"],
            final=row["final_state"],
            match=row["match_key"],
            single_value="single value matching" in row["remark"],
            items=_level(name, tables, below, level + 1),
        )
    return found


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

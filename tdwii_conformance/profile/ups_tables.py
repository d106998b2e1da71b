"""The tables of PS3.4 Annex CC as data: states [CC.1.1] and attributes [CC.2.5.1.3].

Two columns of ``ups_attributes.csv`` put the standard's words into a form that can be judged: ``values`` lists the
defined values, ``needed_when`` says when a type 1C applies, as far as a data set shows it:

- ``ValueType = TEXT``: another attribute of the same item has this value;
- ``no A|B``: none of these has a value in the same item; ``any A|B``: one of them has.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from .errors import CatalogueError

__all__ = [
    "GLOBAL_STATES", "NEW_UPS", "NO_UPS", "STATES", "SUBSCRIPTION_STATES", "AttributeRow", "Cell", "Need",
    "SubscriptionCell", "attribute_rows", "read_rows", "read_states", "read_subscriptions", "state_table",
    "subscription_table",
]  # fmt: skip

COLUMNS = (
    "table", "level", "tag", "keyword", "vr", "n_create_scu", "n_create_scp", "n_set_scu", "n_set_scp", "final_state",
    "n_get_scp", "match_key", "return_key", "needed_when", "values", "remark",
)  # fmt: skip
TYPES = ("1", "1C", "2", "2C", "3", "-", "not allowed", "special")
ENTRIES = {
    "n_create_scu": TYPES, "n_create_scp": TYPES, "n_set_scu": TYPES, "n_set_scp": TYPES, "n_get_scp": TYPES,
    "final_state": ("R", "RC", "P", "X", "O", ""), "match_key": ("U", "R", "O", "*", "-"),
    "return_key": ("1", "1C", "2", "2C", "3", "-"),
}  # fmt: skip

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
    """Return the state table by (event, state) [CC.1.1 table CC.1.1-2]; "no such UPS" is a state too."""
    return read_states("ups_states.csv", _text("ups_states.csv"))


def read_states(name: str, text: str) -> Mapping[tuple[str, str], Cell]:
    """Read a state table.

    Raises
    ------
    CatalogueError
        If columns or an event are not as they must be, or a cell is neither a state, a status, nor
        ``STATE or STATUS``; with the file, the event and the state named.
    """
    cells: dict[tuple[str, str], Cell] = {}
    for row in _records(name, text, ("event", NO_UPS, *STATES, "source")):
        if (row["event"], NO_UPS) in cells:
            raise CatalogueError(f"{name}: {row['event']}: is there twice")
        for state in (NO_UPS, *STATES):
            cells[row["event"], state] = _cell(f"{name}: {row['event']}: {state}", row[state])
    return cells


def _cell(where: str, text: str) -> Cell:
    state, _, status = text.partition(" or ")
    try:
        if state in STATES:
            return Cell(state, int(status, 16) if status else 0)
        return Cell("", int(text, 16))
    except ValueError:
        raise CatalogueError(f"{where}: {text!r} is neither a state, a status code, nor 'STATE or STATUS'") from None


NEW_UPS = "new UPS"
SUBSCRIPTION_STATES = ("Not Subscribed", "Subscribed with Lock", "Subscribed w/o Lock")
GLOBAL_STATES = ("No Global Subscription", "Global with Lock", "Global w/o Lock")


@dataclass(frozen=True)
class SubscriptionCell:
    """A cell of the subscription table: what an event does to the subscription of an AE to a UPS.

    Parameters
    ----------
    state : str
        The state it goes to; empty when it stays.
    initial_event : bool
        Whether the AE is told the state that the UPS has.
    global_state : str
        The AE's state for all UPS after the event; empty when it stays.
    """

    state: str
    initial_event: bool
    global_state: str


@cache
def subscription_table() -> Mapping[tuple[str, str], SubscriptionCell]:
    """Return the subscription table by (event, state) [CC.2.3.1 table CC.2.3-2]; "new UPS" is a state too."""
    return read_subscriptions("ups_subscriptions.csv", _text("ups_subscriptions.csv"))


def read_subscriptions(name: str, text: str) -> Mapping[tuple[str, str], SubscriptionCell]:
    """Read a subscription table. A cell is ``-`` (cannot be), ``unchanged`` or a state, then perhaps ``, initial event``.

    Raises
    ------
    CatalogueError
        If columns, an event or a cell are not as they must be; with the file, the event and the column named.
    """
    column = "global state of the AE"
    cells: dict[tuple[str, str], SubscriptionCell] = {}
    for row in _records(name, text, ("event", column, NEW_UPS, *SUBSCRIPTION_STATES, "source")):
        if any((row["event"], state) in cells for state in (NEW_UPS, *SUBSCRIPTION_STATES)):
            raise CatalogueError(f"{name}: {row['event']}: is there twice")
        global_state = _unless_unchanged(f"{name}: {row['event']}: {column}", row[column], GLOBAL_STATES)
        for state in (NEW_UPS, *SUBSCRIPTION_STATES):
            if row[state] != "-":
                to, _, event = row[state].partition(", ")
                where = f"{name}: {row['event']}: {state}"
                if event not in ("", "initial event"):
                    raise CatalogueError(f"{where}: {event!r} is not 'initial event'")
                to = _unless_unchanged(where, to, SUBSCRIPTION_STATES)
                cells[row["event"], state] = SubscriptionCell(to, bool(event), global_state)
    return cells


def _unless_unchanged(where: str, text: str, states: tuple[str, ...]) -> str:
    if text not in (*states, "unchanged"):
        raise CatalogueError(f"{where}: {text!r} is not one of {', '.join(states)}, unchanged")
    return "" if text == "unchanged" else text


@dataclass(frozen=True)
class Need:
    """When a conditional attribute is needed, as far as its item shows.

    Parameters
    ----------
    kind : {"=", "no", "any"}
        Which of the forms (see the module).
    keywords : tuple of str
        Attributes of the same item.
    value : str
        For ``=``: the value.
    """

    kind: str
    keywords: tuple[str, ...]
    value: str = ""

    def holds(self, item: Dataset) -> bool:
        """Whether the attribute is needed in this item."""
        if self.kind == "=":
            return str(item.get(self.keywords[0], "")) == self.value
        filled = any(item.get(keyword) not in (None, "") for keyword in self.keywords)
        return filled if self.kind == "any" else not filled


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
    need : Need or None
        When a conditional type applies; ``None`` if it has none or only people can tell.
    values : tuple of str
        The values that are defined for it; empty when any will do.
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
    need: Need | None
    values: tuple[str, ...]
    items: Mapping[str, AttributeRow]

    @cached_property
    def tag(self) -> BaseTag:
        """Tag of the attribute."""
        return BaseTag(tag_for_keyword(self.keyword) or 0)


@cache
def attribute_rows() -> Mapping[str, AttributeRow]:
    """Return the attributes of a UPS by keyword [CC.2.5.1.3]."""
    return read_rows("ups_attributes.csv", _text("ups_attributes.csv"))


def read_rows(name: str, text: str) -> Mapping[str, AttributeRow]:
    """Read an attribute table: the rows of table ``ups``, with the macros they include.

    Raises
    ------
    CatalogueError
        For columns, keywords, tags, types, conditions, levels or macros that are not as they must be; with the file,
        the line and the attribute named.
    """
    tables: dict[str, list[dict[str, str]]] = {}
    for number, row in enumerate(_records(name, text, COLUMNS), 2):
        rows = tables.setdefault(row["table"], [])
        _check(f"{name}: line {number}: {row['keyword']}", row, len(rows[-1]["level"]) if rows else -1)
        rows.append(row)
    if "ups" not in tables:
        raise CatalogueError(f"{name}: there is no table 'ups'")
    return _level(name, tables, tables["ups"], 0, ())


def _check(where: str, row: Mapping[str, str], level: int) -> None:
    if row["level"].strip(">") or len(row["level"]) > level + 1:
        raise CatalogueError(f"{where}: level {row['level']!r} does not follow from the row above")
    if row["keyword"].startswith("@"):
        return
    tag = tag_for_keyword(row["keyword"])
    if tag is None:
        raise CatalogueError(f"{where}: is no DICOM keyword")
    if row["tag"] != f"({tag >> 16:04X},{tag & 0xFFFF:04X})":
        raise CatalogueError(f"{where}: has tag ({tag >> 16:04X},{tag & 0xFFFF:04X}), not {row['tag']}")
    if row["vr"] != dictionary_VR(tag):
        raise CatalogueError(f"{where}: has VR {dictionary_VR(tag)}, not {row['vr']}")
    for column, entries in ENTRIES.items():
        if row[column] not in entries:
            raise CatalogueError(f"{where}: {column} is {row[column]!r}, not one of {', '.join(filter(None, entries))}")


def _need(where: str, text: str) -> Need | None:
    if not text:
        return None
    kind, _, rest = text.partition(" ")
    keyword, equals, value = text.partition(" = ")
    need = Need("=", (keyword,), value) if equals and value else Need(kind, tuple(rest.split("|")))
    if need.kind not in ("=", "no", "any") or any(tag_for_keyword(keyword) is None for keyword in need.keywords):
        raise CatalogueError(f"{where}: needed_when {text!r} is not 'KEYWORD = VALUE', 'no A|B' or 'any A|B'")
    return need


def _level(
    name: str, tables: Mapping[str, list[dict[str, str]]], rows: list[dict[str, str]], level: int, within: tuple[str, ...]
) -> dict[str, AttributeRow]:
    """Return the rows of one level; what follows a row on deeper levels belongs to it."""
    found: dict[str, AttributeRow] = {}
    for position, row in enumerate(rows):
        if len(row["level"]) != level:
            continue
        if row["keyword"].startswith("@"):
            macro = row["keyword"][1:]
            if macro not in tables or macro in within:
                fault = "includes itself" if macro in within else "is not there"
                raise CatalogueError(f"{name}: {row['table']}: macro @{macro} {fault}")
            found |= _level(name, tables, tables[macro], 0, (*within, macro))
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
            need=_need(f"{name}: {row['table']}: {row['keyword']}", row["needed_when"]),
            values=tuple(filter(None, row["values"].split("|"))),
            items=_level(name, tables, below, level + 1, within),
        )
    return found


def _records(name: str, text: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != columns:
        raise CatalogueError(f"{name}: the columns are {', '.join(columns)}")
    try:
        rows = list(reader)
    except csv.Error as error:
        raise CatalogueError(f"{name}: line {reader.reader.line_num}: {error}") from None
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise CatalogueError(f"{name}: line {number}: has not {len(columns)} entries")
    return rows


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

"""Reads the requirement catalogue and the attribute tables, and refuses what is malformed with file and entry named.

Three kinds of file, side by side with this module:

- ``requirements/*.toml``: requirements in words, one ``[[requirement]]`` each; ``[defaults]`` gives what a file's
  entries have in common. With several actors an entry is a requirement on each: its id has ``*`` for the actor.
- ``attributes/*.csv``: one row for each attribute of a message. A row is a requirement too: its statement is made from
  the row, and one interpreter (`tdwii_conformance.checks.attributes`) judges them all.
"""

from __future__ import annotations

import csv
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from .errors import CatalogueError
from .paths import PathError, parse_condition, parse_path
from .requirement import AttributeRule, Requirement
from .situations import load_situations
from .statements import statement_of_cell, statement_of_row
from .ups_tables import Cell, SubscriptionCell, state_table, subscription_table

__all__ = ["AttributeRule", "Catalogue", "CatalogueError", "Requirement", "load_catalogue"]


ACTORS = ("TMS", "OST", "TDD", "watcher")
# The transactions of TDW-II, and the sections of PS3.4 Annex CC.
TRANSACTIONS = (
    "upper layer", "negotiation", "RO-58", "RO-59", "RO-60", "RO-61", "RO-62", "RO-63", "RO-64", "RO-65",
    "CC.1.1", "CC.2.1", "CC.2.2", "CC.2.3", "CC.2.4", "CC.2.5", "CC.2.6", "CC.2.7", "CC.2.8", "CC.3.1", "CC.3.2",
)  # fmt: skip
LEVELS = ("shall", "should", "may")
EDITIONS = ("ti", "2013")
TYPES = ("1", "1C", "2", "2C", "3", "empty", "absent")
ID = re.compile(r"[A-Z]+\d*-[A-Z]+-\d{3}")


class Catalogue(Mapping[str, Requirement]):
    """All requirements by id, in the order of the files."""

    def __init__(self, requirements: Mapping[str, Requirement]) -> None:
        self._requirements = dict(requirements)

    def __getitem__(self, key: str) -> Requirement:
        """Return the requirement with this id.

        Raises
        ------
        KeyError
            With the nearest known ids.
        """
        try:
            return self._requirements[key]
        except KeyError:
            raise KeyError(f"no requirement {key!r} in the catalogue{_near(key, self._requirements)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._requirements)

    def __len__(self) -> int:
        return len(self._requirements)

    def of(self, *, actor: str | None = None, edition: str | None = None) -> list[Requirement]:
        """Return the requirements on `actor` that hold in `edition`; ``None`` means any."""
        return [
            r
            for r in self._requirements.values()
            if (actor is None or r.actor == actor) and (edition is None or edition in r.editions)
        ]

    def attributes(self, message: str, actor: str) -> list[Requirement]:
        """Return the attribute rows of one message that `actor` has to make.

        Raises
        ------
        KeyError
            When no table has such a message: a test that asks for it would judge nothing.
        """
        found = [r for r in self.of(actor=actor) if r.rule is not None and r.rule.message == message]
        if not found:
            raise KeyError(f"no attribute table has a message {message!r} made by {actor}")
        return found

    def cells(self, transaction: str) -> list[Requirement]:
        """Return the cells of the table of one section.

        Raises
        ------
        KeyError
            When that section has no table.
        """
        found = [r for r in self._requirements.values() if r.cell is not None and r.transaction == transaction]
        if not found:
            raise KeyError(f"{transaction} has no table of states")
        return found


def load_catalogue(folder: Traversable | None = None) -> Catalogue:
    """Read all requirement files and attribute tables; the package's own once in a process: nobody changes them.

    Parameters
    ----------
    folder : path-like, optional
        Where ``requirements/`` and ``attributes/`` are; the package's own data by default, which is read once.

    Raises
    ------
    CatalogueError
        For an unknown key, a duplicate id, a bad level, an unknown keyword or tag, and so on.
    """
    return _own() if folder is None else _read(folder)


@cache
def _own() -> Catalogue:
    return _read(resources.files(__package__))


def _read(root: Traversable) -> Catalogue:
    requirements: dict[str, Requirement] = {}
    origin: dict[str, str] = {}
    for name, found in _read_all(root):
        for requirement in found:
            if requirement.id in requirements:
                raise CatalogueError(
                    f"{name}: {requirement.id}: this id is already used in {origin[requirement.id]}; ids are unique"
                )
            requirements[requirement.id] = requirement
            origin[requirement.id] = name
    return Catalogue(requirements)


def _read_all(root: Traversable) -> Iterator[tuple[str, list[Requirement]]]:
    kinds = (("requirements", ".toml", _read_toml), ("attributes", ".csv", _read_csv), ("cells", ".csv", _read_cells))
    for folder, suffix, read in kinds:
        files = (root / folder).iterdir() if (root / folder).is_dir() else ()
        for file in sorted(files, key=lambda entry: entry.name):
            if file.name.endswith(suffix):
                yield f"{folder}/{file.name}", read(f"{folder}/{file.name}", file.read_text(encoding="utf-8"))


KEYS = {
    "id", "actor", "transaction", "level", "edition", "source", "statement", "statuses", "warnings", "readings", "capability",
    "no_defect", "situation",
}  # fmt: skip


def _read_toml(name: str, text: str) -> list[Requirement]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{name}: not TOML: {error}") from error
    _refuse_unknown(f"{name}: top level", content, {"defaults", "requirement"})
    defaults = content.get("defaults", {})
    _refuse_unknown(f"{name}: [defaults]", defaults, KEYS - {"id"})
    if "requirement" not in content:
        raise CatalogueError(f"{name}: has no [[requirement]]")
    entries = enumerate(content["requirement"], 1)
    return [_requirement(name, number, one) for number, entry in entries for one in _for_each_actor(defaults | entry)]


def _for_each_actor(entry: dict[str, Any]) -> list[dict[str, Any]]:
    actors = entry.get("actor")
    if not isinstance(actors, list):
        return [entry]
    return [entry | {"actor": actor, "id": str(entry.get("id", "")).replace("*", str(actor).upper())} for actor in actors]


def _requirement(name: str, number: int, entry: dict[str, Any]) -> Requirement:
    where = f"{name}: {entry.get('id') or f'requirement {number}'}"
    _refuse_unknown(where, entry, KEYS)
    for key in ("id", "actor", "transaction", "level", "source", "statement"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise CatalogueError(f"{where}: {key} is missing or empty; every requirement has one")
    _one_of(where, "actor", entry["actor"], ACTORS)
    _one_of(where, "transaction", entry["transaction"], TRANSACTIONS)
    _one_of(where, "level", entry["level"], LEVELS)
    if not ID.fullmatch(entry["id"]):
        raise CatalogueError(f"{where}: {entry['id']!r} is not an id: write it like RO60-TMS-004")
    readings = entry.get("readings", {})
    if not isinstance(readings, dict) or not all(isinstance(text, str) for text in readings.values()):
        raise CatalogueError(f'{where}: readings is a table of words: {{ C301 = "..." }}')
    entry = entry | _by_situation(where, entry)
    return Requirement(
        id=entry["id"],
        actor=entry["actor"],
        transaction=entry["transaction"],
        level=entry["level"],
        source=entry["source"],
        statement=" ".join(entry["statement"].split()),
        editions=_editions(where, entry.get("edition", "ti")),
        statuses=_statuses(where, "statuses", entry.get("statuses", [])),
        warnings=_statuses(where, "warnings", entry.get("warnings", [])),
        readings=readings,
        capability=entry.get("capability", ""),
        no_defect=entry.get("no_defect", ""),
        situation=entry.get("situation", ""),
    )


def _by_situation(where: str, entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the statuses of a situation, for an entry that names one instead of its own."""
    if not (name := entry.get("situation", "")):
        return {}
    if "statuses" in entry or "warnings" in entry:
        raise CatalogueError(f"{where}: has a situation and statuses of its own; situations.csv has the statuses of {name!r}")
    situations = load_situations()
    if name not in situations:
        raise CatalogueError(f"{where}: unknown situation {name!r}{_near(name, situations)}; they are in situations.csv")
    return {"statuses": list(situations[name].exact), "warnings": list(situations[name].tolerated)}


COLUMNS = (
    "id", "edition", "message", "actor", "path", "type", "mark", "values", "items", "condition", "level", "source",
    "remark",
)  # fmt: skip


def _read_csv(name: str, text: str) -> list[Requirement]:
    # Few tables have attributes that may be given in more than one way.
    columns = (*COLUMNS, "readings") if text.partition("\n")[0].endswith(",readings") else COLUMNS
    return [_attribute(where, name, row) for where, row in _rows(name, text, columns)]


def _rows(name: str, text: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != columns:
        raise CatalogueError(f"{name}: the columns are {reader.fieldnames}, they have to be {', '.join(columns)}")
    try:
        found = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise CatalogueError(f"{name}: line {reader.reader.line_num}: {error}") from None
    for line, row in found:
        where = f"{name}: line {line}: {row['id']}"
        if None in row or None in row.values():
            raise CatalogueError(f"{where}: has more or fewer than {len(columns)} columns; quote a value with a comma")
        yield where, row


CELL_COLUMNS = ("id", "event", "state", "situation", "readings", "capability", "source")
SECTIONS = {"cc_1_1.csv": "CC.1.1", "cc_2_3.csv": "CC.2.3"}


def _read_cells(name: str, text: str) -> list[Requirement]:
    section = SECTIONS.get(name.rpartition("/")[2])
    if section is None:
        raise CatalogueError(f"{name}: is the table of no section; known are {', '.join(SECTIONS)}")
    table: Mapping[tuple[str, str], Cell | SubscriptionCell]
    table = state_table() if section == "CC.1.1" else subscription_table()
    found = []
    for where, row in _rows(name, text, CELL_COLUMNS):
        key = (row["event"], row["state"])
        if key not in table:
            raise CatalogueError(f"{where}: the table has no cell {' / '.join(key)}")
        cell = table[key]
        status = f"{cell.status if isinstance(cell, Cell) and not cell.state else 0:04X}"
        own: dict[str, Any] = {"situation": row["situation"]} if row["situation"] else {"statuses": [status]}
        requirement = _requirement(
            name, 0,
            {
                "id": row["id"], "actor": "TMS", "transaction": section, "level": "shall", "edition": list(EDITIONS),
                "source": row["source"], "capability": row["capability"], "statement": statement_of_cell(key, cell),
                "readings": _readings(where, row["readings"]),
            } | own,
        )  # fmt: skip
        if int(status, 16) not in requirement.statuses:
            raise CatalogueError(f"{where}: the table says {status}, which is not exact in the situation {row['situation']!r}")
        found.append(Requirement(**{**requirement.__dict__, "cell": key}))
    return found


def _readings(where: str, text: str) -> dict[str, str]:
    return dict(_reading(where, one) for one in filter(None, text.split("|")))


def _reading(where: str, text: str) -> tuple[str, str]:
    code, colon, reading = text.partition(": ")
    if not colon:
        raise CatalogueError(f"{where}: reading {text!r} is not 'STATUS: words'")
    return code, reading


def _attribute(where: str, name: str, row: dict[str, str]) -> Requirement:
    _one_of(where, "type", row["type"], TYPES)
    try:
        path = parse_path(row["path"])
        condition = parse_condition(row["condition"]) if row["condition"] else None
    except PathError as error:
        raise CatalogueError(f"{where}: {error}") from error
    for keyword in [step.keyword for step in path] + (list(condition.keywords) if condition else []):
        if tag_for_keyword(keyword) is None:
            raise CatalogueError(f"{where}: {keyword!r} is no DICOM keyword{_near_keyword(keyword)}")
    if (row["type"] in ("1C", "2C")) != bool(condition):
        raise CatalogueError(f"{where}: a condition goes with type 1C or 2C and they need one; type is {row['type']}")
    rule = AttributeRule(
        message=row["message"],
        path=path,
        text=row["path"],
        type=row["type"],
        mark=row["mark"],
        values=tuple(row["values"].split("|")) if row["values"] else (),
        items=_items(where, row["items"]),
        condition=condition,
    )
    entry: dict[str, Any] = {key: row[key] for key in ("id", "actor", "level", "source")}
    entry |= {"edition": row["edition"].split("|"), "statement": statement_of_row(where, rule, row["remark"])}
    entry["readings"] = _readings(where, row.get("readings", ""))
    entry["transaction"] = row["message"].split(" ")[0]
    entry["capability"] = "subscription" if entry["transaction"] == "CC.2.4" else ""  # who sends no event reports supports none
    requirement = _requirement(name, 0, entry)
    return Requirement(**{**requirement.__dict__, "rule": rule})


def _items(where: str, text: str) -> tuple[int, ...]:
    if not text:
        return ()
    match = re.fullmatch(r"(\d+)(?:(-)(\d*))?", text)
    if not match:
        raise CatalogueError(f"{where}: items is {text!r}: write 1, 1-3 or 1-")
    low = int(match[1])
    return (low, int(match[3] or 0) if match[2] else low)


def _statuses(where: str, key: str, values: Any) -> tuple[int, ...]:
    try:
        if not isinstance(values, list) or any(len(value) != 4 for value in values):
            raise ValueError
        return tuple(int(value, 16) for value in values)
    except (TypeError, ValueError):
        raise CatalogueError(f'{where}: {key} is {values!r}: a list of four hexadecimal digits each, like ["C301"]') from None


def _editions(where: str, value: Any) -> tuple[str, ...]:
    editions = (value,) if isinstance(value, str) else tuple(value)
    for edition in editions:
        _one_of(where, "edition", edition, EDITIONS)
    return editions


def _one_of(where: str, key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise CatalogueError(f"{where}: {key} is {value!r}; it is one of {', '.join(allowed)}")


def _refuse_unknown(where: str, entry: Mapping[str, Any], known: set[str]) -> None:
    for key in entry:
        if key not in known:
            raise CatalogueError(f"{where}: unknown key {key!r}{_near(key, known)}; known are {', '.join(sorted(known))}")


def _near(word: str, known: Mapping[str, Any] | set[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}" if near else ""


def _near_keyword(keyword: str) -> str:
    match = re.fullmatch(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?", keyword)
    if match:
        known = keyword_for_tag(int(match[1] + match[2], 16))
        return f": write {known}" if known else ", and no such tag is known"
    return "; spell it as PS3.6 does"

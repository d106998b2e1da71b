"""The clause table: every normative sentence that we know of, and what judges it, or why nothing does.

``clauses/*.csv`` has a row for each sentence, and for each cell or row of a normative table: the section, its number there, the
gist in our own words, whom it binds, its level; then the requirements that judge it and the values they try, or a reason from
`REASONS`. ``clauses/documents.csv`` says in which edition each document was read.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from .catalogue import ACTORS, LEVELS
from .errors import CatalogueError

__all__ = ["OPEN", "REASONS", "Clause", "Clauses", "Document", "documents_of", "load_clauses"]

OPEN = "open"
REPEATED = "repeated"
REASONS: Mapping[str, str] = {
    REPEATED: "says what another clause says, which the remark names",
    "definition": "says what a word means; what follows from it is in other clauses",
    "not visible": "what a system does inside, or how it was made: nothing on the wire shows it",
    "statement": "what a conformance statement has to say",
    "choice": "leaves something to a system: nobody can break it, and no verdict minds it",
    "other service": "of a service or an option that is not part of TDW-II and UPS over DIMSE",
    "person": "needs a person, a crash or a moment that the suite cannot bring about",
    OPEN: "visible, and judged by nothing so far",
}
BINDS = ("SCU", "SCP", "both", *ACTORS)
COLUMNS = ("section", "number", "gist", "binds", "level", "requirements", "values", "reason", "remark")
NUMBER = re.compile(r"[1-9]\d*(\.[1-9]\d*)?")
ID = re.compile(r"([A-Z]+\d*-[A-Z]+-)(\d{3})(?:\.\.(\d{3}))?")


@dataclass(frozen=True)
class Document:
    """Where clauses were read.

    Parameters
    ----------
    prefix : str
        How sections of it begin: ``CC.``, ``PS3.7``, ``TI``.
    title : str
        What it is called.
    edition : str
        The edition that was read.
    """

    prefix: str
    title: str
    edition: str


@dataclass(frozen=True)
class Clause:
    """A normative sentence, or a cell or row of a normative table.

    Parameters
    ----------
    section : str
        As in the sources of requirements: ``CC.2.1.3``, ``CC.1.1 table CC.1.1-2``, ``PS3.7 10.1.4``, ``TI RO-58``.
    number : str
        Of the normative sentence in its section, or of the row, or of row and column: ``3``, ``5.2``.
    gist : str
        What it says, in our own words.
    binds : str
        Whom: ``SCU``, ``SCP``, ``both``, or an actor.
    level : {"shall", "should", "may"}
        As the text has it.
    requirements : tuple of str
        The ids that judge it; empty if none does.
    values : tuple of str
        Which values, or situations, they try.
    reason : str
        Why nothing judges it, or not all of it; see `REASONS`. Empty if all of it is judged.
    remark : str
        What is missing, where it is said already, and the like.
    document : Document
        Where it was read.
    """

    section: str
    number: str
    gist: str
    binds: str
    level: str
    requirements: tuple[str, ...]
    values: tuple[str, ...]
    reason: str
    remark: str
    document: Document

    @property
    def place(self) -> str:
        """Section and number: ``CC.2.1.3 (4)``."""
        return f"{self.section} ({self.number})"

    @property
    def judged(self) -> str:
        """``whole``, ``part`` or ``not``."""
        return ("part" if self.reason else "whole") if self.requirements else "not"


class Clauses(Sequence[Clause]):
    """All clauses, in the order of the files."""

    def __init__(self, clauses: Iterable[Clause]) -> None:
        self._clauses = tuple(clauses)

    def __getitem__(self, index: int) -> Clause:  # type: ignore[override]
        """Return a clause by its place in the order."""
        return self._clauses[index]

    def __len__(self) -> int:
        return len(self._clauses)

    def __iter__(self) -> Iterator[Clause]:
        return iter(self._clauses)

    def of(self, requirement: str) -> list[Clause]:
        """Return the clauses that a requirement judges, by its id."""
        return [clause for clause in self._clauses if requirement in clause.requirements]

    def editions(self, requirement: str) -> list[str]:
        """Return the editions in which a requirement was read: ``DICOM PS3.4 2020c``."""
        return list(dict.fromkeys(f"{one.document.title} {one.document.edition}" for one in self.of(requirement)))

    def sections(self) -> dict[str, list[Clause]]:
        """Return the clauses by section, in the order of the files."""
        found: dict[str, list[Clause]] = {}
        for clause in self._clauses:
            found.setdefault(clause.section, []).append(clause)
        return found

    def counts(self) -> Counter[str]:
        """Return how many are judged ``whole``, in ``part``, and, of the others, how many for each reason."""
        return Counter(clause.judged if clause.requirements else clause.reason for clause in self._clauses)


def _documents(folder: Traversable) -> tuple[Document, ...]:
    text = (folder / "documents.csv").read_text(encoding="utf-8")
    return tuple(Document(row["prefix"], row["title"], row["edition"]) for row in csv.DictReader(text.splitlines()))


@cache
def _own_documents() -> tuple[Document, ...]:
    return _documents(resources.files(__package__) / "clauses")


def documents_of(source: str) -> tuple[Document, ...]:
    """Return the documents that a requirement stands on, with the editions that were read.

    Parameters
    ----------
    source : str
        As in the catalogue: ``"TI RO-60; CC.2.1.3; A16"``. A reading (A16) is of the documents beside it.
    """
    parts = [part.strip() for part in source.split(";")]
    found = (next((one for one in _own_documents() if part.startswith(one.prefix)), None) for part in parts)
    of_title = {one.title: one for one in found if one is not None}
    return tuple(of_title.values())


def load_clauses(known: Iterable[str], folder: Traversable | None = None) -> Clauses:
    """Read the clause table.

    Parameters
    ----------
    known : iterable of str
        The ids of the requirements that there are, such as a `Catalogue`.
    folder : path-like, optional
        Where the tables are; the package's own by default.

    Raises
    ------
    CatalogueError
        For a row without requirement or reason, an unknown requirement, reason or level, a place that occurs twice, and so on.
    """
    root = folder if folder is not None else resources.files(__package__) / "clauses"
    ids, documents = list(known), _documents(root)
    found: list[Clause] = []
    for file in sorted(root.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".csv") and file.name != "documents.csv":
            found += _read(f"clauses/{file.name}", file.read_text(encoding="utf-8"), ids, documents)
    twice = [place for place, count in Counter(clause.place for clause in found).items() if count > 1]
    if twice:
        raise CatalogueError(f"clauses: {', '.join(twice)} is there more than once; a sentence has one row")
    return Clauses(found)


def _read(name: str, text: str, ids: Sequence[str], documents: Sequence[Document]) -> Iterator[Clause]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise CatalogueError(f"{name}: the columns are {reader.fieldnames}, they have to be {', '.join(COLUMNS)}")
    for row in reader:
        where = f"{name}: line {reader.line_num}: {row['section']} ({row['number']})"
        if None in row or None in row.values():
            raise CatalogueError(f"{where}: has more or fewer than {len(COLUMNS)} columns; quote a value with a comma")
        yield _clause(where, row, ids, documents)


def _clause(where: str, row: Mapping[str, str], ids: Sequence[str], documents: Sequence[Document]) -> Clause:
    document = next((one for one in documents if row["section"].startswith(one.prefix)), None)
    if document is None:
        known = ", ".join(one.prefix for one in documents)
        raise CatalogueError(f"{where}: is a section of no document; sections begin with one of {known}")
    for column, allowed in (("binds", BINDS), ("level", LEVELS), ("reason", ("", *REASONS))):
        if row[column] not in allowed:
            raise CatalogueError(f"{where}: {column} is {row[column]!r}; it is one of {', '.join(filter(None, allowed))}")
    if not NUMBER.fullmatch(row["number"]):
        raise CatalogueError(f"{where}: number is {row['number']!r}: write 3, or 3.2 for row and column of a table")
    requirements = tuple(one for word in row["requirements"].split() for one in _named(where, word, ids))
    values = tuple(filter(None, row["values"].split("|")))
    if not row["gist"]:
        raise CatalogueError(f"{where}: has no gist")
    if bool(requirements) != bool(values):
        raise CatalogueError(f"{where}: requirements and the values they try go together; it has one without the other")
    if not requirements and not row["reason"]:
        raise CatalogueError(f"{where}: has neither a requirement that judges it nor a reason; reasons: {', '.join(REASONS)}")
    if requirements and row["reason"] not in ("", OPEN):
        raise CatalogueError(f"{where}: is judged, so that its reason can only be {OPEN!r}, for what is missing")
    if row["reason"] in (OPEN, REPEATED) and not row["remark"]:
        raise CatalogueError(f"{where}: a clause that is {row['reason']} has a remark: what is missing, or where it is said")
    return Clause(
        row["section"], row["number"], row["gist"], row["binds"], row["level"], requirements, values, row["reason"], row["remark"],
        document,
    )  # fmt: skip


def _named(where: str, word: str, ids: Sequence[str]) -> list[str]:
    """Return the ids that a word names: one, or a range as ``CC11-TMS-011..015``, of which both ends are there."""
    match = ID.fullmatch(word)
    if match is None:
        raise CatalogueError(f"{where}: {word!r} is neither an id nor a range: write RO60-TMS-004 or RO58-TMS-101..112")
    first, last = f"{match[1]}{match[2]}", f"{match[1]}{match[3] or match[2]}"
    for end in (first, last):
        if end not in ids:
            raise CatalogueError(f"{where}: there is no requirement {end}")
    return [one for one in ids if one.startswith(match[1]) and first <= one <= last]

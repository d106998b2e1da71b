"""``python -m tests.reference`` also writes docs/clauses.md: every clause, by section, with what judges it or why nothing does."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby
from pathlib import Path

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.clause_table import REASONS, Clause, Clauses, load_clauses

PAGE = Path(__file__).parents[1] / "docs" / "clauses.md"
README = Path(__file__).parents[1] / "README.md"
HEAD = """\
# Clauses

Every normative sentence that binds the systems of TDW-II and UPS, as far as we have read: of PS3.4 Annex CC, what it takes from
Annexes A, B, C and K, of PS3.3, PS3.5, PS3.7 and PS3.8 as far as these services use them, and of the transactions of TDW-II. The
gist is in our own words; the standard is the authority. Numbers count the normative sentences of a section, or the rows and columns
of its tables. A row with the remark "follows from the section" is no sentence of its own: a requirement judges what the sentences
together mean.

Each clause has the requirements that judge it and the values, or situations, that they try; or a reason why nothing judges it.
"Open" is what could be seen on the wire, and is judged by nothing so far, or not with all its values: there the remark says what is
missing. `python -m tests.reference` writes this page from `tdwii_conformance/profile/clauses/`; a test sees that no clause is without
requirement or reason, and that each requirement judges a clause of a section that it cites.

"""


def sentence(clauses: Clauses) -> str:
    """Return the counts as README says them."""
    counts = clauses.counts()
    values = sum(len(clause.values) for clause in clauses)
    left = ", ".join(f"{counts[reason]} {reason}" for reason in REASONS if counts[reason])
    return (
        f"{len(clauses)} clauses; {counts['whole'] + counts['part']} are judged, in {values} values and situations, {counts['part']} of"
        f" them in part; not judged: {left}"
    )


def readme() -> str:
    """Return README with the present counts."""
    said = textwrap.fill(f"{sentence(load_clauses(load_catalogue()))}.", 126)
    return re.sub(r"\d+ clauses; .*? open\.", said, README.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)


def numbers(clauses: Clauses) -> list[tuple[str, int]]:
    """Return the counts that README and the page give: what, and how many."""
    counts = clauses.counts()
    values = sum(len(clause.values) for clause in clauses)
    judged = counts["whole"] + counts["part"]
    return [
        ("clauses", len(clauses)),
        ("judged", judged),
        ("of these in part, what is missing is open", counts["part"]),
        ("values and situations that are tried", values),
        ("follow from a section, and are no sentence of their own", sum("follows from" in clause.remark for clause in clauses)),
        *((f"not judged: {reason} ({text})", counts[reason]) for reason, text in REASONS.items()),
    ]


def spans(ids: tuple[str, ...], known: list[str]) -> str:
    """Return ids as ranges, as far as they follow each other in the catalogue: ``RO58-TMS-101..112``."""
    places = {one: place for place, one in enumerate(known)}
    found = []
    ordered = sorted(dict.fromkeys(ids), key=places.__getitem__)
    for _, group in groupby(enumerate(ordered), lambda pair: (places[pair[1]] - pair[0], pair[1].rpartition("-")[0])):
        run = [one for _, one in group]
        found.append(run[0] if len(run) == 1 else f"{run[0]}, {run[1]}" if len(run) == 2 else f"{run[0]}..{run[-1][-3:]}")
    return ", ".join(found)


def row(clause: Clause, known: list[str]) -> str:
    """Return a clause as a row of the table of its section."""
    judged = f"{spans(clause.requirements, known)}: {'; '.join(clause.values)}" if clause.requirements else ""
    why = f"**{clause.reason}**" if clause.reason else ""
    remark = f"{why}: {clause.remark}" if why and clause.remark else why or clause.remark
    cells = (
        clause.number,
        clause.gist,
        clause.binds,
        clause.level,
        " ".join(filter(None, (f"{judged}." if judged else "", remark))),
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _order(section: str) -> list[tuple[int, str]]:
    """Sections in the order of the documents: 2.10 after 2.9, a table of a section before its subsections."""
    document = next(place for place, prefix in enumerate(("CC", "PS", "T", "2013")) if section.startswith(prefix))
    parts = re.findall(r"\d+|[A-Za-z]+", section)
    return [(document, ""), *((int(part), "") if part.isdigit() else (-1, part) for part in parts)]


def page() -> str:
    """Return the text of docs/clauses.md."""
    catalogue = load_catalogue()
    clauses, known = load_clauses(catalogue), list(catalogue)
    lines = ["| | |", "|---|---|", *(f"| {what} | {count} |" for what, count in numbers(clauses)), ""]
    documents = sorted({(clause.document.title, clause.document.edition) for clause in clauses})
    lines += ["| read | edition |", "|---|---|", *(f"| {title} | {edition} |" for title, edition in documents), ""]
    sections = clauses.sections()
    for section in sorted(sections, key=_order):
        lines += [f"## {section}", "", "| | says | binds | level | judged by: what is tried |", "|---|---|---|---|---|"]
        lines += [*(row(clause, known) for clause in sections[section]), ""]
    return HEAD + "\n".join(lines)

"""The report as one HTML page that needs nothing else: matrix, requirements, findings, and the exchanges behind them.

An exchange is on the page once: below its requirement, or in a section of its own when several requirements judge it.
Exchanges of requirements that passed or were skipped are left out; ``--evidence`` has them.
"""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ..profile.catalogue import Requirement
from .links import source_links
from .matrix import ACTOR_NAMES, TRANSACTION_NAMES, Row, matrix, skip_reasons, total
from .share import share_of
from .verdicts import RequirementVerdict, TestVerdict, requirement_verdicts

__all__ = ["render_html", "versions", "write_html"]

VERDICTS = ("failed", "error", "warned", "skipped", "passed")
EDITIONS = {"ti": "Trial Implementation", "2013": "2013 (rules of the IHE-RO test tool)"}
LONGEST = 20_000  # characters of one exchange
ROOM = 3_000_000  # characters of all of them: a page that a browser opens at once
SHOWN = ("failed", "error", "warned")  # exchanges of these are on the page
CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}


@dataclass(frozen=True)
class _Exchange:
    """An exchange on the page: its number, a title, and the text."""

    number: int
    title: str
    text: str


@dataclass(frozen=True)
class _Entry:
    """A requirement on the page."""

    requirement: Requirement
    result: RequirementVerdict
    sources: tuple[tuple[str, str], ...]  # each part of the source with its URL, empty where it has none
    exchanges: tuple[_Exchange, ...]  # that no other requirement judges
    shared: tuple[_Exchange, ...]


def write_html(
    path: Path,
    verdicts: Iterable[TestVerdict],
    catalogue: Mapping[str, Requirement],
    *,
    system: str,
    edition: str,
    description: str = "",
    notices: Sequence[str] = (),
) -> None:
    """Write the report page, with the time of now and the versions of this installation.

    Parameters
    ----------
    path : Path
        The file; folders on the way are made.
    verdicts : iterable of TestVerdict
        Of the whole run.
    catalogue : mapping of str to Requirement
        What the verdicts are about.
    system, edition : str
        What was judged, and by which edition of TDW-II.
    description : str
        More about the system, in one line: product, addresses.
    notices : sequence of str
        What else is to be known of the run: scenarios that did not come to their end.
    """
    when = datetime.now().astimezone()
    text = render_html(
        verdicts,
        catalogue,
        system=system,
        edition=edition,
        description=description,
        notices=notices,
        when=when,
        software=versions(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def versions() -> dict[str, str]:
    """Return the versions of what a verdict may depend on."""
    names = ("tdwii_conformance", "pydicom", "pynetdicom", "pytest")
    return {**{name: metadata.version(name) for name in names}, "Python": platform.python_version()}


def render_html(
    verdicts: Iterable[TestVerdict],
    catalogue: Mapping[str, Requirement],
    *,
    system: str,
    edition: str,
    when: datetime,
    software: Mapping[str, str],
    description: str = "",
    notices: Sequence[str] = (),
) -> str:
    """Return the report page; the same for the same arguments.

    Parameters
    ----------
    verdicts, catalogue, system, edition, description, notices
        As for `write_html`.
    when : datetime.datetime
        When the run ended.
    software : mapping of str to str
        Names and versions for the heading.
    """
    requirements = requirement_verdicts(verdicts)
    rows = matrix(requirements, catalogue)
    exchanges, uses = _exchanges(requirements.values())
    entries = {identifier: _entry(catalogue[identifier], result, exchanges, uses) for identifier, result in requirements.items()}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["visible"] = lambda text: str(text).translate(CONTROLS)
    template = environment.from_string(resources.files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        system=system,
        description=description,
        notices=notices,
        edition=EDITIONS.get(edition, edition),
        when=when,
        software=software,
        actors=ACTOR_NAMES,
        transactions=TRANSACTION_NAMES,
        verdicts=VERDICTS,
        rows=rows,
        whole=total(rows),
        share=share_of(requirements),
        groups=_groups(rows, entries),
        shared=[exchange for text, exchange in exchanges.items() if uses[text] > 1],
        skips=skip_reasons(requirements),
        missing=_missing(requirements, catalogue, edition),
    )


def _exchanges(results: Iterable[RequirementVerdict]) -> tuple[dict[str, _Exchange], Counter[str]]:
    """Number the exchanges that the page shows, and count by how many requirements each was judged."""
    found: dict[str, _Exchange] = {}
    uses: Counter[str] = Counter()
    room = ROOM
    for result in results:
        for text in _texts(result):
            uses[text] += 1
            if text not in found:
                shown = _cut(text, min(LONGEST, room))
                room -= len(shown)
                found[text] = _Exchange(len(found) + 1, _title(text), shown)
    return found, uses


def _cut(text: str, length: int) -> str:
    """Return a text, or its beginning and how much is left out."""
    if len(text) <= length:
        return text
    kept = text[: max(length, 0)].rpartition("\n")[0]
    return f"{kept}\n# {len(text) - len(kept)} more characters: --evidence DIR has them".lstrip("\n")


def _texts(result: RequirementVerdict) -> list[str]:
    return list(dict.fromkeys(text for test in result.tests if test.verdict in SHOWN for text in test.exchanges))


def _title(text: str) -> str:
    """Return requestor, acceptor, service and result, from the headings of a dumped exchange."""
    first = text.split("\n", 1)[0].lstrip("# ")
    ends = re.findall(r"^# .*, (status .*)$", text, re.MULTILINE)
    failure = re.search(r"\n\n# ([^\n]+)\n?\Z", text)  # a lone comment at the end says why there was no proper one
    end = failure[1] if failure else ends[-1] if ends else ""
    return f"{first}: {end}" if end else first


def _entry(requirement: Requirement, result: RequirementVerdict, exchanges: Mapping[str, _Exchange], uses: Counter[str]) -> _Entry:
    links = dict(source_links(requirement.source))
    parts = [part.strip() for part in requirement.source.split(";")]
    texts = _texts(result)
    return _Entry(
        requirement,
        result,
        tuple((part, links.get(part, "")) for part in parts),
        tuple(exchanges[text] for text in texts if uses[text] == 1),
        tuple(exchanges[text] for text in texts if uses[text] > 1),
    )


def _groups(rows: list[Row], entries: Mapping[str, _Entry]) -> list[tuple[Row, list[_Entry]]]:
    """Return the requirements of each row: the worst first, then by id."""
    groups = []
    for row in rows:
        own = [
            entry
            for entry in entries.values()
            if (entry.requirement.actor, entry.requirement.transaction) == (row.actor, row.transaction)
        ]
        groups.append((row, sorted(own, key=lambda entry: (VERDICTS.index(entry.result.verdict), entry.result.id))))
    return groups


def _missing(requirements: Mapping[str, RequirementVerdict], catalogue: Mapping[str, Requirement], edition: str) -> list[str]:
    """Return the requirements on the actors of this run that no test judged in it."""
    actors = {catalogue[identifier].actor for identifier in requirements}
    return sorted(r.id for r in catalogue.values() if r.actor in actors and edition in r.editions and r.id not in requirements)

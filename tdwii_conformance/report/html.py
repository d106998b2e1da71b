"""The report as one HTML page that needs nothing else: matrix, requirements, findings, and the exchanges behind them.

An exchange is on the page once: below its requirement, or in a section of its own when several requirements judge it.
Exchanges of requirements that passed or were skipped are left out; ``--evidence`` has them. What fails has a diagram of its
messages, and the lines around the element at fault.
"""

from __future__ import annotations

import platform
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata, resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from ..profile.catalogue import Requirement
from .links import source_links
from .matrix import ACTOR_NAMES, TRANSACTION_NAMES, Row, matrix, skip_reasons, total
from .messages import Fault, fault_of, in_time, messages_of
from .sequence import diagram
from .share import share_of
from .verdicts import RequirementVerdict, TestVerdict, requirement_verdicts

__all__ = ["Deviated", "render_html", "versions"]

VERDICTS = ("failed", "error", "warned", "skipped", "passed")
EDITIONS = {"ti": "Trial Implementation", "2013": "2013 (rules of the IHE-RO test tool)"}
LONGEST = 20_000  # characters of one exchange
# Bytes of all exchanges, of all diagrams and excerpts, of all findings: with what else is there, a page below 5 MB that a browser
# opens at once.
ROOM, DRAWN_ROOM, FOUND_ROOM = 1_300_000, 1_400_000, 500_000
FRAME = 180  # bytes around an exchange
SHORTENED = 300  # characters of a finding where there is no room for its whole
LOOKED_AT = 16  # exchanges of one test that are shown: those that findings point at, and the last before them
SHOWN = ("failed", "error", "warned")  # exchanges of these are on the page
AROUND = 4  # lines shown before and behind the element at fault
DRAWN, DRAWING = 3, 8_000  # failed tests of a requirement that have a diagram, at most; bytes of a diagram
CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}


@dataclass(frozen=True)
class Deviated:
    """A defect or variation of a simulator that was judged.

    Parameters
    ----------
    name, kind, sentence : str
        As `defects.Deviation` has them.
    requirements : frozenset of str
        What may fail by it.
    """

    name: str
    kind: str
    sentence: str
    requirements: frozenset[str]


@dataclass
class _Exchange:
    """An exchange on the page: its number, a title, the text, and which of its lines are at fault, by which requirement."""

    number: int
    title: str
    text: str
    marked: dict[int, set[str]] = field(default_factory=dict)

    @property
    def shown(self) -> Markup:
        """The text, with what is at fault marked."""
        lines = self.text.split("\n")
        out = []
        for number, line in enumerate(lines):
            text = _visible(line)
            if number in self.marked:
                text = Markup('<mark title="{}">{}</mark>').format(", ".join(sorted(self.marked[number])), text)
            out.append(text)
        return Markup("\n").join(out)


@dataclass(frozen=True)
class _Finding:
    """A finding, and the part of the message that it is about."""

    finding: Mapping[str, str]
    excerpt: Markup


@dataclass(frozen=True)
class _Test:
    """The findings of one test, and the diagram of what it looked at."""

    findings: tuple[_Finding, ...]
    diagram: Markup


@dataclass(frozen=True)
class _Entry:
    """A requirement on the page."""

    requirement: Requirement
    result: RequirementVerdict
    sources: tuple[tuple[str, str], ...]  # each part of the source with its URL, empty where it has none
    exchanges: tuple[_Exchange, ...]  # that no other requirement judges
    shared: tuple[_Exchange, ...]
    tests: tuple[_Test, ...] = ()  # those with findings
    left_out: int = 0  # exchanges that there is no room for
    unfound: int = 0  # findings that there is no room for
    again: str = ""  # the command that judges it again
    deviations: tuple[Deviated, ...] = ()  # of the simulator, by which it may fail


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
    again: Sequence[str] = (),
    deviations: Sequence[Deviated] = (),
) -> str:
    """Return the report page; the same for the same arguments.

    Parameters
    ----------
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
    when : datetime.datetime
        When the run ended.
    software : mapping of str to str
        Names and versions for the heading.
    again : sequence of str
        The options of ``tdwii run`` that name the system again.
    deviations : sequence of Deviated
        Of the simulators that were judged.
    """
    requirements = requirement_verdicts(verdicts)
    rows = matrix(requirements, catalogue)
    looked_at = {
        identifier: [_Looked(test, catalogue[identifier]) for test in result.tests if test.verdict in SHOWN]
        for identifier, result in requirements.items()
    }
    exchanges, uses = _exchanges(looked_at.values())
    rooms = _Rooms(sum(any(one.test.findings for one in looked) for looked in looked_at.values()))
    entries = {
        identifier: _entry(catalogue[identifier], result, looked_at[identifier], exchanges, uses, again, deviations, rooms)
        for identifier, result in requirements.items()
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["visible"] = _visible
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
        deviations=deviations,
    )


def _visible(text: object) -> Markup:
    """Return a text with its control characters shown, and escaped."""
    return escape(str(text).translate(CONTROLS))


class _Looked:
    """What a test looked at, what its findings point at, and which exchanges of it the page shows."""

    def __init__(self, test: TestVerdict, about: Requirement) -> None:
        self.test = test
        self.faults = [fault_of(test.exchanges, finding, about.actor, about.transaction) for finding in test.findings]
        order = in_time(test.exchanges)
        pointed_at = {fault.message.exchange for fault in self.faults if fault is not None}
        at_fault = [place for place, number in enumerate(order) if number in pointed_at][:LOOKED_AT]
        end = at_fault[-1] + 1 if at_fault else len(order)
        begin = max(0, end - LOOKED_AT) if len(order) > LOOKED_AT else 0
        near = range(begin, min(len(order), begin + LOOKED_AT))
        self.texts = [test.exchanges[order[place]] for place in sorted({*at_fault, *near})]


class _Rooms:
    """What is left of the page for diagrams with excerpts, and for findings; so many requirements have some."""

    def __init__(self, found: int) -> None:
        self.drawn, self.found = DRAWN_ROOM, FOUND_ROOM
        self.diagrams = max(1, min(DRAWN, DRAWN_ROOM // (DRAWING * max(found, 1))))  # of one requirement


def _exchanges(results: Iterable[Sequence[_Looked]]) -> tuple[dict[str, _Exchange], Counter[str]]:
    """Number the exchanges that the page shows, and count by how many requirements each was judged."""
    found: dict[str, _Exchange] = {}
    uses: Counter[str] = Counter()
    room = ROOM
    for looked_at in results:
        for text in _texts(looked_at):
            uses[text] += 1
            if text not in found and room > FRAME:
                title = _title(text)
                room -= FRAME + len(title.encode())
                shown = _cut(text, min(LONGEST, room))
                room -= len(_visible(shown).encode())
                found[text] = _Exchange(len(found) + 1, title, shown)
    return found, uses


def _cut(text: str, length: int) -> str:
    """Return a text, or its beginning and how much is left out."""
    if len(text) <= length:
        return text
    kept = text[: max(length, 0)].rpartition("\n")[0]
    return f"{kept}\n# {len(text) - len(kept)} more characters: --evidence DIR has them".lstrip("\n")


def _texts(looked_at: Sequence[_Looked]) -> list[str]:
    return list(dict.fromkeys(text for one in looked_at for text in one.texts))


def _title(text: str) -> str:
    """Return requestor, acceptor, service and result, from the headings of a dumped exchange."""
    first = text.split("\n", 1)[0].lstrip("# ")
    ends = re.findall(r"^# .*, (status .*)$", text, re.MULTILINE)
    failure = re.search(r"\n\n# ([^\n]+)\n?\Z", text)  # a lone comment at the end says why there was no proper one
    end = failure[1] if failure else ends[-1] if ends else ""
    return f"{first}: {end}" if end else first


def _entry(
    requirement: Requirement,
    result: RequirementVerdict,
    looked_at: Sequence[_Looked],
    exchanges: Mapping[str, _Exchange],
    uses: Counter[str],
    again: Sequence[str],
    deviations: Sequence[Deviated],
    rooms: _Rooms,
) -> _Entry:
    links = dict(source_links(requirement.source))
    parts = [part.strip() for part in requirement.source.split(";")]
    there = [text for text in _texts(looked_at) if text in exchanges]
    found = [one for one in looked_at if one.test.findings]
    tests = tuple(
        _tested(one, requirement, exchanges, rooms, first=number == 0, drawn=number < rooms.diagrams)
        for number, one in enumerate(found)
    )
    at_fault = tuple(one for one in deviations if requirement.id in one.requirements)
    return _Entry(
        requirement,
        result,
        tuple((part, links.get(part, "")) for part in parts),
        tuple(exchanges[text] for text in there if uses[text] == 1),
        tuple(exchanges[text] for text in there if uses[text] > 1),
        tests,
        len({text for one in looked_at for text in one.test.exchanges}) - len(there),
        sum(len(one.test.findings) for one in found) - sum(len(test.findings) for test in tests),
        shlex.join(["tdwii", "run", requirement.id, *again, *_naming(at_fault or deviations)]),
        at_fault if result.verdict in SHOWN else (),
    )


def _naming(deviations: Sequence[Deviated]) -> list[str]:
    return [word for one in deviations for word in (f"--{one.kind}", one.name)]


def _tested(
    looked: _Looked, requirement: Requirement, exchanges: Mapping[str, _Exchange], rooms: _Rooms, *, first: bool, drawn: bool
) -> _Test:
    """Return the findings of a test with what they point at, and mark that in the exchanges."""
    test = looked.test
    for fault in looked.faults:
        if fault is not None and fault.line is not None and not fault.absent:
            exchange = exchanges.get(test.exchanges[fault.message.exchange])
            if exchange is not None:
                exchange.marked.setdefault(fault.line, set()).add(requirement.id)
    findings: list[_Finding] = []
    for finding, fault in zip(test.findings, looked.faults, strict=True):
        rooms.found -= FRAME + sum(len(_visible(said).encode()) for said in finding.values())
        if rooms.found < 0:  # then the first of each requirement only, in short
            if findings or not first:
                break
            finding = {name: textwrap.shorten(said, SHORTENED, placeholder=" ...") for name, said in finding.items()}
        excerpt = _excerpt(test.exchanges, fault) if drawn and rooms.drawn > 0 else Markup("")
        rooms.drawn -= len(excerpt.encode())
        findings.append(_Finding(finding, excerpt))
    picture = Markup("")
    if drawn and findings and rooms.drawn > 0:
        picture = diagram(messages_of(test.exchanges), [fault for fault in looked.faults if fault is not None])
        rooms.drawn -= len(picture.encode())
    return _Test(tuple(findings), picture)


def _excerpt(texts: Sequence[str], fault: Fault | None) -> Markup:
    """Return the heading of the message at fault and the lines around the element, which is marked."""
    if fault is None or fault.message.missing:
        return Markup("")
    lines = texts[fault.message.exchange].split("\n")
    head = _visible(lines[fault.message.lines.start])
    place = fault.message.lines.stop - 1 if fault.line is None else fault.line
    if fault.line is None and not fault.absent:
        return Markup("<mark>{}</mark>").format(head)
    begin, end = max(place - AROUND, fault.message.lines.start + 1), min(place + AROUND + 1, fault.message.lines.stop)
    out = [head, Markup("...")] if begin > fault.message.lines.start + 1 else [head]
    for number in range(begin, end):
        text = _visible(lines[number])
        out.append(Markup("<mark>{}</mark>").format(text) if number == fault.line and not fault.absent else text)
        if number == place and fault.absent:
            inside = len(lines[place]) - len(lines[place].lstrip(" ")) + 2 if fault.line is not None else 0
            out.append(Markup("{}<mark>here is no {}</mark>").format(" " * inside, fault.absent))
    return Markup("\n").join(out)


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

"""``tdwii requirements`` and ``tdwii defects``: from an id, a section or words to what is required, and what violates it."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from .failures import Usage
from .screen import note, say, say_json, say_table
from .settings import Command

if TYPE_CHECKING:
    from ..defects import Defect, Deviation
    from ..profile import Requirement

__all__ = ["complete_defects", "complete_requirements", "defects", "requirements"]

WIDTH = 100


def complete_requirements(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids, transactions, sections and actors that begin so, for the shell."""
    from ..profile import load_catalogue
    from ..profile.search import names

    catalogue = load_catalogue()
    begun = incomplete.upper()
    known = [name for name in names(catalogue) if name.upper().startswith(begun)]
    return [CompletionItem(name, help=catalogue[name].statement if name in catalogue else None) for name in known]


def complete_defects(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of defects and variations that begin so, for the shell; below `tdwii serve ROLE` those of the role."""
    from ..defects import DEFECTS, VARIATIONS

    every = {**DEFECTS, **VARIATIONS}
    begun = [one for one in every.values() if one.name.startswith(incomplete)]
    own = [one for one in begun if one.actor.lower() == context.info_name]
    return [CompletionItem(one.name, help=one.sentence) for one in own or begun]


@click.command(
    cls=Command,
    examples=[
        "tdwii requirements RO60-TMS-004          # one, with its test and its defects",
        "tdwii requirements CC.2.3                # those of a section, and of the sections below it",
        "tdwii requirements OST                   # those on an actor",
        "tdwii requirements TMS transaction uid   # those with all of these words",
    ],
)
@click.argument("words", nargs=-1, metavar="[ID | SECTION | ACTOR | WORDS]...", shell_complete=complete_requirements)
@click.option("--edition", type=click.Choice(["ti", "2013"]), help="Those of one edition of TDW-II.")
@click.option("--level", type=click.Choice(["shall", "should", "may"]), help="Those of one level.")
@click.option("--tests", "with_tests", is_flag=True, help="Also the tests, which takes some seconds; of a single one always.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def requirements(words: tuple[str, ...], edition: str | None, level: str | None, with_tests: bool, as_json: bool) -> None:
    """Show requirements: statement, clause, level, editions, tests, and the defects that violate them."""
    from ..profile import load_catalogue
    from ..profile.search import names, search

    catalogue = load_catalogue()
    found = [
        r for r in search(catalogue, words) if (edition is None or edition in r.editions) and (level is None or r.level == level)
    ]
    if not found:
        near = difflib.get_close_matches(words[0].upper() if words else "", names(catalogue), 3)
        raise Usage(f"no requirement has all of this: {' '.join(words)}; the nearest are {', '.join(near) or 'none'}")
    tests = _tests(found) if with_tests or len(found) == 1 else {}
    if as_json:
        say_json([_as_json(one, tests.get(one.id, [])) for one in found])
    elif len(found) == 1 or with_tests:
        say("\n\n".join("\n".join(_whole(one, tests.get(one.id, []))) for one in found))
    else:
        say_table(
            ("id", "level", "editions", "clause", "statement"),
            [(one.id, one.level, " ".join(one.editions), one.source, one.statement) for one in found],
            steady=("id", "level"),
        )
        note(f"{len(found)} requirements; tdwii requirements ID shows one with its test and its defects")


def _tests(found: Sequence[Requirement]) -> dict[str, list[str]]:
    """Return the tests of requirements, as the suite is collected by pytest."""
    from .. import engine

    return engine.find_tests([one.id for one in found])


def _violating(requirement: str) -> list[Defect]:
    from ..defects import DEFECTS

    # What it is made for comes first; the others are knock-on failures
    return sorted(
        (one for one in DEFECTS.values() if requirement in one.requirements), key=lambda d: d.requirements.index(requirement)
    )


def _whole(one: Requirement, tests: Sequence[str]) -> Iterator[str]:
    from ..profile.clause_table import documents_of
    from ..profile.statuses import status_text
    from ..report.links import source_links

    yield from textwrap.wrap(f"{one.id}  {one.statement}", WIDTH, subsequent_indent="  ")
    links = dict(source_links(one.source))
    for part in (part.strip() for part in one.source.split(";")):
        yield f"  clause    {part}{'  ' + links[part] if part in links else ''}"
    for document in documents_of(one.source):
        yield f"  read in   {document.title}, {document.edition}"
    yield f"  actor     {one.actor}, {one.transaction}"
    yield f"  level     {one.level}"
    yield f"  editions  {', '.join(one.editions)}"
    if one.capability:
        yield f"  judged    where supported: {one.capability}"
    if one.statuses:
        yield f"  status    {' or '.join(status_text(status) for status in one.statuses)}"
    if one.warnings:
        yield f"  warned    {' or '.join(status_text(status) for status in one.warnings)}"
    for key, reading in one.readings.items():
        yield from textwrap.wrap(f"  reading   {key}: {reading}", WIDTH, subsequent_indent=" " * 12)
    for test in tests:
        yield f"  test      {test}"
    yield f"  run       tdwii run {one.id}"
    violating = _violating(one.id)
    for deviation in violating[:12]:
        yield from textwrap.wrap(f"  defect    {deviation.name}: {deviation.sentence}", WIDTH, subsequent_indent=" " * 12)
    if len(violating) > 12:
        yield f"            and {len(violating) - 12} more: tdwii defects {one.id}"
    if one.no_defect:
        yield from textwrap.wrap(f"  no defect {one.no_defect}", WIDTH, subsequent_indent=" " * 12)


def _as_json(one: Requirement, tests: Sequence[str]) -> dict[str, Any]:
    from ..profile.clause_table import documents_of

    return {
        "id": one.id, "actor": one.actor, "transaction": one.transaction, "level": one.level, "editions": list(one.editions),
        "source": one.source, "statement": one.statement, "capability": one.capability, "readings": dict(one.readings),
        "read_in": {document.title: document.edition for document in documents_of(one.source)},
        "tests": list(tests), "defects": [deviation.name for deviation in _violating(one.id)],
    }  # fmt: skip


@click.command(
    cls=Command,
    examples=[
        "tdwii defects RO60-TMS-004     # those that violate a requirement",
        "tdwii defects claim race       # those with all of these words",
        "tdwii defects claim-race       # one, with what it violates",
    ],
)
@click.argument("words", nargs=-1, metavar="[ID | NAME | WORDS]...", shell_complete=complete_defects)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def defects(words: tuple[str, ...], as_json: bool) -> None:
    """Show the defects and variations of the simulators: what each does, and what it violates."""
    from ..defects import DEFECTS, VARIATIONS, Defect
    from ..profile import load_catalogue

    every: list[Deviation] = [*DEFECTS.values(), *VARIATIONS.values()]
    catalogue = load_catalogue()
    found = every
    for word in words:
        if word.upper() in catalogue:
            found = [one for one in _violating(word.upper()) if one in found]
        elif any(one.name == word for one in every):
            found = [one for one in found if one.name == word]
        else:
            text = word.lower()
            found = [one for one in found if text in f"{one.name} {one.sentence} {one.actor} {one.kind}".lower()]
    if not found:
        near = difflib.get_close_matches(" ".join(words), [one.name for one in every], 3)
        raise Usage(f"no defect or variation has all of this: {' '.join(words)}; the nearest are {', '.join(near) or 'none'}")
    if as_json:
        kept = [
            {
                "name": one.name, "kind": one.kind, "actor": one.actor, "sentence": one.sentence,
                "requirements": list(one.requirements) if isinstance(one, Defect) else [],
            }
            for one in found
        ]  # fmt: skip
        say_json(kept)
    elif len(found) == 1:
        say("\n".join(_deviation(found[0])))
    else:
        for one in found:
            say(f"{one.name}  ({one.actor} {one.kind})")
            say("\n".join(textwrap.wrap(one.sentence, WIDTH - 20, initial_indent="    ", subsequent_indent="    ")))
        note(f"{len(found)} defects and variations; tdwii defects NAME shows one with what it violates")


def _deviation(one: Deviation) -> Iterator[str]:
    from ..defects import Defect, Variation
    from ..profile import load_catalogue

    yield f"{one.name}  ({one.kind} of the simulated {one.actor})"
    yield from textwrap.wrap(one.sentence, WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield f"  serve     tdwii serve {one.actor.lower()} --{one.kind} {one.name}"
    yield f"  run       tdwii run --{one.kind} {one.name}"
    catalogue = load_catalogue()
    if isinstance(one, Defect):
        for identifier in one.requirements:
            statement = catalogue[identifier].statement if identifier in catalogue else ""
            yield from textwrap.wrap(f"  violates  {identifier}  {statement}", WIDTH, subsequent_indent=" " * 12)
    if isinstance(one, Variation) and one.source:
        yield f"  allowed   {one.source}"

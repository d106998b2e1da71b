"""``tdwii run``: the conformance suite, for those who do not know pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from .. import resources
from .failures import NoAnswer, Usage
from .settings import Command

__all__ = ["run_suite", "suite_folder"]


def suite_folder(given: Path | None = None) -> Path:
    """Return the folder of the conformance tests: the one given, or the one that came with the package.

    Raises
    ------
    Usage
        If there is none; with what to do.
    """
    if given is not None:
        if not (given / "suite.ini").is_file():
            raise Usage(f"{given}: is no folder of the conformance tests: it has no suite.ini")
        return given
    try:
        return resources.suite()
    except FileNotFoundError as error:
        raise Usage(str(error)) from error


def _selection(suite: Path, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell the parts of the suite, which come first, from pytest's options."""
    first = next((n for n, word in enumerate(words) if word.startswith("-")), len(words))
    chosen = []
    for word in words[:first]:
        path, colons, test = word.partition("::")
        if not (suite / path).exists() or Path(path).is_absolute():
            parts = sorted(entry.name for entry in suite.iterdir() if entry.is_dir() and any(entry.glob("test_*.py")))
            raise Usage(f"{word!r} is no part of the suite: there are {', '.join(parts)}, and their files")
        chosen.append(f"{suite / path}{colons}{test}")
    return chosen or [str(suite)], list(words[first:])


def _value(options: Sequence[str], name: str) -> str | None:
    """Return the value of an option of the suite, which pytest will read as well."""
    for number, word in enumerate(options):
        if word == name and number + 1 < len(options):
            return options[number + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _look_at_the_system(options: Sequence[str]) -> None:
    """Say what is wrong with the system's description, or that it is not there, before pytest says it at length.

    Raises
    ------
    ConfigError, Usage
        If the description is wrong.
    NoAnswer
        If a system that shall be judged is not reachable.
    """
    described, book = _value(options, "--sut"), _value(options, "--entities")
    if (described is None and book is None) or "--transcript" in " ".join(options) or "--embedded" in options:
        return
    from ..scu.probe import trouble
    from ..sut.config import load_system

    system = load_system(Path(described) if described else None, entities=Path(book) if book else None)
    found = trouble([("TMS", system.tms), ("OST", system.ost)], calling=system.tdd.ae_title, timeouts=system.timeouts)
    if found:
        raise NoAnswer(found)


@click.command(
    "run",
    cls=Command,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
    options_metavar="",
    examples=[
        "tdwii run                                            # our own simulators",
        "tdwii run --sut clinic.toml --report report.html     # the system that clinic.toml describes",
        "tdwii run tms --sut clinic.toml                      # its TMS alone",
        "tdwii run tms/test_ro60_in_progress.py --sut clinic.toml",
        "tdwii run --sut clinic.toml -k 'claim' -x            # any option of pytest",
        "tdwii run --suite ~/tdwii/tests/conformance --sut clinic.toml   # the tests of a checkout",
    ],
)
@click.option(
    "--suite", type=click.Path(path_type=Path), metavar="DIR", help="Other conformance tests than those that came with tdwii."
)
@click.option("-h", "--help", "wants_help", is_flag=True, help="Show this message and exit.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[PART]... [PYTEST OPTIONS]...")
@click.pass_context
def run_suite(context: click.Context, suite: Path | None, wants_help: bool, words: tuple[str, ...]) -> int:
    """Run the conformance suite: what pytest does, with the same options.

    PART is an actor (tms, ost, ...) or a file of the suite; all of it without. What follows is handed to pytest as it is:
    --sut FILE describes the system to judge (else our own simulators are), --report FILE writes an HTML page,
    --evidence DIR the exchanges, --edition ti|2013, --baseline FILE compares with an earlier run; 'tdwii run -- --help'
    shows all. The exit code is pytest's: 0 everything is met, 1 it is not, 4 it cannot be judged; and 2 and 3 as for all
    commands when the description of the system is wrong, or the system not reachable.
    """
    if wants_help:
        click.echo(context.get_help())
        return 0
    folder = suite_folder(suite)
    chosen, options = _selection(folder, words)
    _look_at_the_system(options)
    command = [sys.executable, "-m", "pytest", *resources.pytest_arguments(folder), *chosen, *options]
    if sys.platform == "win32":  # where an exec gives the terminal back at once, and the exit code is lost
        return subprocess.call(command)
    # pytest in our place: signals, terminal and exit code are its own.
    os.execv(sys.executable, command)
    return 0

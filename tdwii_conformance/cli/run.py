"""``tdwii run``: the conformance suite, for users who do not know pytest."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from .. import resources
from .failures import NO_ANSWER, USAGE, Usage
from .requirements import complete_defects, complete_requirements
from .settings import Command

__all__ = ["run_suite", "suite_folder"]

# What all commands return when a system cannot be judged for this reason.
CODES = {"ConfigError": USAGE, "NotReachable": NO_ANSWER}


def suite_folder(given: Path | None = None) -> Path:
    """Return the folder of the conformance tests: the one given, or the one that came with the package.

    Raises
    ------
    Usage
        If there is none; with what to do.
    """
    if given is not None:
        if not (given / "suite.ini").is_file():
            raise Usage(f"{given}: is not a folder of conformance tests: it has no suite.ini")
        return given
    try:
        return resources.suite()
    except FileNotFoundError as error:
        raise Usage(str(error)) from error


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the parts of the suite and the requirements that begin so, for the shell; after --defect the defects."""
    if (context.params.get("words") or ("",))[-1] in ("--defect", "--variation"):
        return complete_defects(context, parameter, incomplete)
    folder = suite_folder()
    files = sorted(file.relative_to(folder).as_posix() for file in folder.glob("*/test_*.py"))
    parts = [*sorted({file.partition("/")[0] for file in files}), *(files if "/" in incomplete else ())]
    return [
        *(CompletionItem(part) for part in parts if part.startswith(incomplete)),
        *complete_requirements(context, parameter, incomplete),
    ]


class _Run(Command):
    """A command whose options are those of the suite."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the options of the suite, too."""
        from ..plugin.options import OPTIONS

        own = [CompletionItem(f"--{name}", help=one["help"]) for name, one in OPTIONS.items() if f"--{name}".startswith(incomplete)]
        return [*own, *super().shell_complete(ctx, incomplete)]


@click.command(
    "run",
    cls=_Run,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
    options_metavar="",
    examples=[
        "tdwii run                                            # our own simulators",
        "tdwii run --sut clinic.toml --report report.html     # the system that clinic.toml describes",
        "tdwii run tms --sut clinic.toml                      # its TMS alone",
        "tdwii run tms/test_ro60_in_progress.py --sut clinic.toml",
        "tdwii run RO60-TMS-004 CC.2.3 --sut clinic.toml      # requirements, by id, transaction or section",
        "tdwii run CC.2.3 tms/test_ro60_in_progress.py        # all of these",
        "tdwii run --sut clinic.toml -k 'claim' -x            # any option of pytest",
        "tdwii run --suite ~/tdwii/tests/conformance --sut clinic.toml   # the tests of a checkout",
    ],
)
@click.option(
    "--suite", type=click.Path(path_type=Path), metavar="DIR", help="Other conformance tests than those that came with tdwii."
)
@click.option("-h", "--help", "wants_help", is_flag=True, help="Show this message and exit.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, shell_complete=_complete, metavar="[PART]... [PYTEST OPTIONS]...")
@click.pass_context
def run_suite(context: click.Context, suite: Path | None, wants_help: bool, words: tuple[str, ...]) -> int:
    """Run the conformance suite: what pytest does, with the same options.

    PART is an actor (tms, ost, ...), a file of the suite, or a requirement by its id, transaction or section (RO60-TMS-004,
    RO-60, CC.2.3); several are added up, and without any all is run. What follows is handed to pytest as it is:
    --sut FILE describes the system to judge (else our own simulators are), --report FILE writes an HTML page,
    --evidence DIR the exchanges, --edition ti|2013, --baseline FILE compares with an earlier run; 'tdwii run -- --help'
    shows all. The exit code is pytest's: 0 everything is met, 1 it is not, 4 it cannot be judged; and 2 and 3 as for all
    commands when the description of the system is wrong, or the system not reachable.
    """
    if wants_help:
        click.echo(context.get_help())
        return 0
    from .. import engine  # other commands do not import pytest

    first = next((n for n, word in enumerate(words) if word.startswith("-")), len(words))
    try:
        ran = engine.run(words[:first], options=words[first:], suite=suite_folder(suite), show=True)
    except engine.UnknownPart as error:
        raise Usage(str(error)) from error
    return CODES.get(type(ran.problem).__name__, ran.exit_code)

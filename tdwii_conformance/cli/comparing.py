"""``tdwii report`` and ``tdwii compare``: the results of earlier runs, shown again or compared."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from .failures import OK, REFUSED, Usage
from .screen import note, say
from .settings import Command

__all__ = ["compare", "report"]

LONGEST = 30  # characters above a column


@click.command(
    cls=Command,
    examples=["tdwii run --sut vendor.toml --results vendor-4.2.json", "tdwii report vendor-4.2.json --html vendor-4.2.html"],
)  # fmt: skip
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), metavar="PAGE", help="Write the report page.")
@click.option("--allure", type=click.Path(path_type=Path), metavar="DIR", help="Write the results for the Allure report.")
@click.option("--pseudonymise", is_flag=True, help="Replace names, ids, birth dates, UIDs, AE titles and addresses.")
def report(results: Path, html: Path | None, allure: Path | None, pseudonymise: bool) -> int:
    """Show the results of a run again: its table, and its page with --html.

    RESULTS is what `tdwii run --results FILE` has written. The exit code is that of the run: 1 if a requirement failed.
    """
    from ..profile import load_catalogue
    from ..report import render_table
    from ..report.brief import brief
    from ..report.results import read_results

    run = read_results(results)
    if pseudonymise:
        from ..report.pseudonymise import learn_results, pseudonymised_results
        from ..report.pseudonyms import Pseudonyms

        names = Pseudonyms()
        learn_results(run, names)
        run = pseudonymised_results(run, names)
    catalogue = load_catalogue()
    known = [verdict for verdict in run.verdicts if verdict.requirement in catalogue]
    say(f"{run.system}, edition {run.edition}, {run.ended:%Y-%m-%d %H:%M}")
    for notice in run.notices:
        say(notice)
    if text := brief(run, width=min(shutil.get_terminal_size((100, 24)).columns, 160)):
        say(text + "\n")
    say(render_table(known, catalogue).rstrip())
    say(f"judged: {run.share.judged} of {run.share.applicable} requirements that apply; met: {run.share.met}")
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(run.page(catalogue), encoding="utf-8", newline="\n")
        note(f"report: {html.resolve()}")
    if allure is not None:
        from ..report.allure import write_allure

        write_allure(allure, run)
        note(f"allure: {allure.resolve()}; allure generate --config {allure / 'allurerc.json'} {allure}")
    return REFUSED if any(one.verdict in ("failed", "error") for one in run.requirements) else OK


@click.command(
    cls=Command,
    examples=["tdwii compare vendor-4.2.json vendor-4.3.json", "tdwii compare a.json b.json c.json --html grid.html"],
)  # fmt: skip
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), metavar="PAGE", help="Write the grid of requirements and runs as a page.")
def compare(results: tuple[Path, ...], html: Path | None) -> int:
    """Compare runs: of one system in several versions, or of several systems.

    Shows what got worse or better, is new, or is no longer judged, from the first to the last. The exit code is 1 if a requirement
    that was met in the first is not met in the last, as with a baseline.
    """
    from ..report.grid import grid, grid_page, grid_text
    from ..report.results import read_results

    if len(results) < 2:
        raise Usage("give two or more files of results")
    runs = [read_results(path) for path in results]
    if len({run.edition for run in runs}) > 1:
        said = ", ".join(f"{path}: {run.edition}" for path, run in zip(results, runs, strict=True))
        note(f"the runs are of different editions of TDW-II, so that some requirements are in one only: {said}")
    compared = grid(runs, _columns(results, [run.system for run in runs]))
    say(grid_text(compared))
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(grid_page(compared, datetime.now().astimezone()), encoding="utf-8", newline="\n")
        note(f"page: {html.resolve()}")
    return REFUSED if compared.worse else OK


def _columns(paths: Sequence[Path], systems: Sequence[str]) -> list[str]:
    """Return what the runs are called: the system, or the file where that does not tell them apart or is a sentence."""
    often = Counter(systems)
    named = [
        system if often[system] == 1 and len(system) <= LONGEST else path.stem for path, system in zip(paths, systems, strict=True)
    ]
    return named if len(set(named)) == len(named) else [str(path) for path in paths]

"""``tdwii pack``: what is handed in of a run as one archive, and whether one is sound."""

from __future__ import annotations

from pathlib import Path

import click

from .failures import OK, REFUSED, Usage
from .screen import note, say
from .settings import Command

__all__ = ["pack"]


@click.command(
    cls=Command,
    examples=[
        "tdwii pack vendor-4.3.json --sut vendor.toml",
        "tdwii pack vendor-4.3.json --transcripts tdwii-transcripts/2026-11-29 --pseudonymise -o vendor-4.3.zip",
        "tdwii pack --check vendor-4.3.zip",
    ],
)
@click.argument("file", type=click.Path(path_type=Path), metavar="RESULTS")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="ZIP", help="The archive  [default: RESULTS with .zip]")
@click.option("--transcripts", type=click.Path(path_type=Path, exists=True), metavar="PATH", help="What --record wrote.")
@click.option("--sut", type=click.Path(path_type=Path), metavar="FILE", help="The system's description; secrets are left out.")
@click.option("--pseudonymise", is_flag=True, help="Replace names, ids, birth dates, UIDs, AE titles and addresses everywhere.")
@click.option("--check", is_flag=True, help="Verify an archive, which is given instead of RESULTS.")
def pack(file: Path, output: Path | None, transcripts: Path | None, sut: Path | None, pseudonymise: bool, check: bool) -> int:
    """Make one archive for handing in: results, page, transcripts, description, hashes, a statement to fill in.

    RESULTS is what `tdwii run --results FILE` has written. With --check the exit code is 1 if something is wrong.
    """
    from ..report.package import check_package, write_package
    from ..report.pseudonyms import Pseudonyms
    from ..report.results import read_results

    if check:
        if output or transcripts or sut or pseudonymise:
            raise Usage("--check goes without other options")
        wrong = check_package(file)
        say("\n".join(wrong) or f"{file}: sound")
        return REFUSED if wrong else OK
    path = output or file.with_suffix(".zip")
    names = Pseudonyms() if pseudonymise else None
    for name in write_package(path, read_results(file), transcripts=transcripts, description=sut, names=names):
        say(name)
    note(f"{path.resolve()}: fill in STATEMENT.txt, then 'tdwii pack --check {path}'")
    return OK

"""``tdwii pack``: what is handed in of a run as one archive, and whether one is sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failures import OK, REFUSED, Usage
from .screen import note, say
from .settings import Command

if TYPE_CHECKING:
    from ..transcript.observation import Observation

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
@click.option(
    "--transcripts",
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="What --record wrote, or a record or capture that tdwii judge takes.",
)
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
    results = read_results(file)
    sessions = _witnessed(transcripts, results.edition) if transcripts is not None and transcripts.is_file() else {}
    kept = None if sessions else transcripts
    for name in write_package(path, results, transcripts=kept, sessions=sessions, description=sut, names=names):
        say(name)
    note(f"{path.resolve()}: fill in STATEMENT.txt, then 'tdwii pack --check {path}'")
    return OK


def _witnessed(file: Path, edition: str) -> dict[str, Observation]:
    """Return the sessions of a record of `tdwii record`, or of a capture, by the names of their files; none if it is neither."""
    from ..witness.capture import is_capture, read_capture
    from ..witness.judging import witness
    from ..witness.records import is_record, read_record

    if not (is_capture(file) or is_record(file)):
        return {}
    seen = witness(read_capture(file) if is_capture(file) else read_record(file), edition=edition)
    if not seen.observed:
        raise Usage(f"{file}: no session of a TDD or a watcher is in it")
    return {f"{file.stem}-{number}.jsonl": one.observation for number, one in enumerate(seen.observed, 1)}

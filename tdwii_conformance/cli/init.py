"""``tdwii init``: a description of a system under test to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from .. import resources
from .failures import Usage
from .screen import note
from .settings import Command

__all__ = ["init"]

EXAMPLE = "sut_example.toml"


@click.command(cls=Command, examples=["tdwii init", "tdwii init clinic.toml && tdwii run --sut clinic.toml"])
@click.argument("file", default="sut.toml", type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def init(file: Path, force: bool) -> None:
    """Write an example description of a system under test, with every key explained.

    FILE is sut.toml by default. Change what is yours in it, remove what you do not need, and run 'tdwii run --sut FILE'.
    """
    if file.exists() and not force:
        raise Usage(f"{file}: is there already: --force replaces it")
    file.write_bytes((resources.examples() / EXAMPLE).read_bytes())
    note(f"{file} written: change what is yours, then 'tdwii run --sut {file}'")

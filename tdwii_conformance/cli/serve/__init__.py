"""``tdwii serve``: simulated systems as servers, one alone or a whole TDW-II environment."""

from __future__ import annotations

import click

from ..settings import Group
from . import environment, ost, tdd, tms, watcher

__all__ = ["serve"]


@click.group(
    cls=Group,
    examples=["tdwii serve all", "tdwii serve tms --folder ups_instances", "tdwii serve watcher --help"],
    epilog="All of them stop on Ctrl-C and SIGTERM, with exit code 0. docs/simulators.md has more.",
)
def serve() -> None:
    """Run simulated systems as servers: a TMS, an OST, a TDD, a watcher, or all of them."""


for _command in (tms.tms, ost.ost, watcher.watcher, tdd.tdd, environment.all_):
    serve.add_command(_command)

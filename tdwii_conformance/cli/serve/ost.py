"""``tdwii serve ost``."""

from __future__ import annotations

from pathlib import Path

import click

from ...dimse import Peer
from ...simulators.ost import OST
from ..reading import assumed
from ..settings import Command
from .options import OST_PORT, OST_TITLE, PORT, deny_others, described, know_the_suite, known_line, ours_at, serving
from .session import Session
from .tms import tell_left_out


def start_ost(session: Session, ours: Peer, folder: Path | None) -> OST:
    """Start an OST in a session."""
    ost = OST(
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        folder=folder,
        assume=assumed(),
        destinations=session.known,
        timeouts=session.timeouts,
        transcript=session.live.transcript(ours.ae_title),
        associations=session.live.ended(ours.ae_title),
    )
    count = len(ost.instances)
    session.start(ost, "OST", f"{count} instances in {folder}" if count else "")
    tell_left_out(session, ours.ae_title, ost.instances)
    return ost


@click.command(
    cls=Command,
    examples=["tdwii serve ost", "tdwii serve ost --folder objects --destination TDD=10.0.0.5:104"],
)
@click.option("--ae-title", metavar="AE", help=f"AE title  [default: {OST_TITLE}]")
@click.option("--port", type=PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {OST_PORT}]")
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR",
              help="Where instances are read from and kept; made if need be  [default: in memory]")  # fmt: skip
@serving
def ost(session: Session, ae_title: str | None, port: int | None, folder: Path | None) -> None:
    """Be an Object Storage: plans, records, images; C-STORE, C-FIND, C-MOVE, C-GET."""
    deny_others(session, "OST")
    know_the_suite(session)
    ours = ours_at(session, described(session, "ost"), ae_title, port, Peer(OST_TITLE, session.host, OST_PORT))
    start_ost(session, ours, folder)
    session.advice.append(known_line(session))

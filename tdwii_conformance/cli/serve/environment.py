"""``tdwii serve all``: a whole TDW-II environment, and its address book."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ...dimse import Peer
from ...simulators.stock import furnish, provide, scheduled_on
from ...sut.config import entities
from ...treatment.course import plan_facts, read_instance, schedule
from ..reading import assumed
from ..screen import note
from ..settings import BOOK, Command
from .options import (
    OST_PORT,
    OST_TITLE,
    PORT,
    TDD_PORT,
    TDD_TITLE,
    TMS_PORT,
    TMS_TITLE,
    WATCHER_PORT,
    WATCHER_TITLE,
    deny_others,
    know_the_suite,
    known_line,
    ours_at,
    serving,
    station_code,
)
from .ost import start_ost
from .session import ANYWHERE, Session
from .tdd import start_tdd, tdd_options
from .tms import start_tms, tms_options, watch_folder
from .watcher import start_watcher


@click.command(
    "all",
    cls=Command,
    examples=[
        "tdwii serve all",
        "tdwii serve all --tdd                                # with a TDD that performs everything",
        "tdwii serve all --port 0 --no-watcher                # free ports, by the address book it writes",
        "tdwii serve all --host 0.0.0.0 --destination LINAC1=10.0.0.5:104 --station LINAC1",
        "tdwii serve all --plan RTPLAN.dcm --folder environment",
    ],
)
@click.option("--port", type=PORT, metavar="N", help=f"Port of the TMS; 0 takes free ones for all  [default: {TMS_PORT}]")
@tms_options
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE",
              help="Schedule fraction 1 of this RT (Ion) Plan for today, instead of generated treatments.")  # fmt: skip
@click.option("--with-tdd", "--tdd", "with_tdd", is_flag=True, help="A TDD as well, which performs what is scheduled.")
@click.option("--no-watcher", is_flag=True, help="Start no watcher: another program is WATCHER, for example tdwii watch.")
@click.option("--book", type=click.Path(path_type=Path), metavar="FILE",
              help=f"Address book to write  [default: {BOOK} of --folder, or here]")  # fmt: skip
@tdd_options
@serving
def all_(
    session: Session,
    port: int | None,
    store: Path | None,
    folder: Path | None,
    fallback: Sequence[str],
    retention: float | None,
    lenient: bool,
    plan: Path | None,
    with_tdd: bool,
    no_watcher: bool,
    book: Path | None,
    station: str,
    **how: Any,
) -> None:
    """Be a whole TDW-II environment: TMS, OST, watcher; with objects and workitems for today, and an address book."""
    deny_others(session, "TMS", "OST", *([] if no_watcher else ["watcher"]), *(["TDD"] if with_tdd else []))
    know_the_suite(session)
    at = station_code(station)
    if plan is not None:
        dataset = read_instance(plan, assume=assumed(), tell=note)
        plan_facts(dataset)  # says what is wrong before anything was started
    free = 0 if port == 0 else None
    described = session.settings.system
    tms_at = ours_at(session, described.tms if described else None, None, port, Peer(TMS_TITLE, session.host, TMS_PORT))
    ost_at = ours_at(session, described.ost if described else None, None, free, Peer(OST_TITLE, session.host, OST_PORT))
    watcher_at = ours_at(session, None, WATCHER_TITLE, free, Peer(WATCHER_TITLE, session.host, WATCHER_PORT))
    # The watcher first, and stopped last: every start and stop of the TMS is reported to it.
    watcher = None if no_watcher else start_watcher(session, watcher_at, tms_at)
    tms = start_tms(session, tms_at, store, folder, fallback, retention, lenient)
    ost = start_ost(session, ost_at, folder / "instances" / "ost" if folder else None)
    reach_tms, reach_ost = session.reachable(tms.peer), session.reachable(ost.peer)
    session.know(tms.peer)
    session.know(ost.peer)
    for title, usual, absent in ((TDD_TITLE, TDD_PORT, not with_tdd), (WATCHER_TITLE, WATCHER_PORT, no_watcher)):
        if absent:
            expect(session, Peer(title, "127.0.0.1", usual), free=free is not None)
    if folder is not None:
        watch_folder(session, tms, folder, ost, ours=[store, book])
    now = datetime.now()
    if plan is not None:
        start = now.replace(minute=0, second=0, microsecond=0)
        course = schedule(dataset, [1], station=at, start=start, tms=reach_tms.ae_title, ost=reach_ost.ae_title)
        provide(tms, ost, [dataset], course)
    elif not scheduled_on(tms, now, at):
        furnish(tms, ost, station=at, day=now)
    if watcher is not None:
        watcher.tms = reach_tms
        watcher.subscribe()
    if with_tdd:
        tdd_at = ours_at(session, None, TDD_TITLE, free, Peer(TDD_TITLE, session.host, TDD_PORT))
        start_tdd(session, tdd_at, reach_tms, reach_ost, station=station, times=None, **how)
    path = book or (folder or Path()) / BOOK
    write_book(path, session)
    session.advice += [
        f"{scheduled_on(tms, now, at)} workitems today for station {at.value} ({at.scheme or 'no scheme'})",
        known_line(session),
        f"address book: {path}",
        f"try: tdwii find {reach_tms.ae_title} --station {at.value} --entities {path}",
    ]
    if session.host in ANYWHERE:
        session.advice.append(f"reachable from elsewhere as {socket.gethostname()}")


def expect(session: Session, peer: Peer, *, free: bool) -> None:
    """Make a system known that starts later: where the address book says, on the usual port, or on one that is free now."""
    if free and peer.ae_title not in session.given:
        with socket.socket() as probe:
            probe.bind((peer.host, 0))
            peer = replace(peer, port=probe.getsockname()[1])
        session.known[peer.ae_title] = peer
    else:
        session.known.setdefault(peer.ae_title, peer)


def write_book(path: Path, session: Session) -> None:
    """Write the known systems to an address book, as a whole or not at all; other entries of the file are kept.

    Raises
    ------
    ConfigError, OSError
        If the file is there and is no address book, or cannot be written.
    """
    there = {title: Peer(title, at.host, at.port) for title, at in entities(path).items()} if path.exists() else {}
    listed = {**there, **session.known}
    entries = [{"AETitle": one.ae_title, "IPAddr": one.host, "Port": one.port} for one in listed.values()]
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in entries)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    os.replace(beside, path)

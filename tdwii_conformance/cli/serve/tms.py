"""``tdwii serve tms``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ...dimse import Peer
from ...simulators.folder import News, WorkitemFolder
from ...simulators.instances import InstanceStore
from ...simulators.ost import OST
from ...simulators.tms import TMS
from ...ups import SQLiteStore
from ..failures import Usage
from ..reading import assumed
from ..settings import BOOK, Command
from .options import PORT, TMS_PORT, TMS_TITLE, deny_others, described, know_the_suite, known_line, ours_at, serving
from .session import Session

STORE = "worklist.sqlite"  # of a folder
_TMS = (
    click.option("--store", type=click.Path(path_type=Path), metavar="FILE",
                 help="SQLite file of the worklist  [default: worklist.sqlite of --folder, else in memory]"),
    click.option("--folder", type=click.Path(path_type=Path), metavar="DIR",
                 help="Workitems to serve (UPS_<SOPInstanceUID>.dcm, or dcmdump text) and delivery instructions; "
                      "what comes later is picked up."),
    click.option("--fallback", multiple=True, metavar="AE", help="AE to report every start and stop of the TMS to; repeat."),
    click.option("--retention", type=click.FloatRange(0), metavar="SECONDS",
                 help="How long a UPS in a final state is kept without deletion lock  [default: for ever]"),
    click.option("--lenient", is_flag=True,
                 help="Serve UPS requests under the wrong presentation context or SOP class as well; the log says so."),
)  # fmt: skip


def tms_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a TMS to a command."""
    for option in reversed(_TMS):
        function = option(function)
    return function


def start_tms(
    session: Session,
    ours: Peer,
    store: Path | None,
    folder: Path | None,
    fallback: Sequence[str],
    retention: float | None,
    lenient: bool,
) -> TMS:
    """Start a TMS in a session."""
    if folder is not None:
        if not folder.is_dir():
            raise Usage(f"{folder}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
        store = store or folder / STORE
    tms = TMS(
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        store=SQLiteStore(store) if store else None,
        instructions=InstanceStore(folder / "instances" / "tms" if folder else None, assume=assumed()),
        destinations=session.known,
        fallback=fallback,
        retention=timedelta(seconds=retention) if retention is not None else None,
        timeouts=session.timeouts,
        lenient=lenient,
        transcript=session.live.transcript(ours.ae_title),
        associations=session.live.ended(ours.ae_title),
    )
    session.view.worklist = tms.worklist
    count = len(tms.worklist.records())
    session.start(tms, "TMS", f"{count} workitems of an earlier run in {store}" if count else "")
    tell_left_out(session, ours.ae_title, tms.instructions)
    return tms


def tell_left_out(session: Session, title: str, store: InstanceStore) -> None:
    """Name the files of a store's folder that it does not hand out, and say what others were read as."""
    for remark in store.notes:
        session.note(title, remark)
    for reason in store.left_out:
        session.note(title, f"{reason} (left out)", refused=True)


def watch_folder(session: Session, tms: TMS, folder: Path, ost: OST | None = None, *, ours: Sequence[Path | None] = ()) -> None:
    """Put what a folder has, and will have, on the worklist of a TMS and into the stores; `ours` are files of ours."""
    title, known = tms.peer.ae_title, 0
    worklist = [f"{STORE}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]
    beside = {"instances", BOOK, *worklist, *(path.name for path in ours if path is not None and path.parent == folder)}

    def tell(news: News) -> None:
        nonlocal known
        if news.kind == "known":
            known += 1
        else:
            session.note(title, f"{news}{'' if news.kind == 'taken' else ' (left out)'}", refused=news.kind == "left out")

    watched = WorkitemFolder(
        folder, tms.worklist, tms.instructions, ost.instances if ost else None,
        others_title=ost.peer.ae_title if ost else "", tell=tell, assume=assumed(), beside=beside,
    )  # fmt: skip
    session.stack.enter_context(watched)
    if known:
        session.note(title, f"{folder}: {known} files were taken in an earlier run")


@click.command(
    cls=Command,
    examples=[
        "tdwii serve tms",
        "tdwii serve tms --folder ups_instances --entities ApplicationEntities.json",
        "tdwii serve tms --port 104 --host 0.0.0.0 --ae-title TMS --store worklist.sqlite",
        "tdwii serve tms --defect claim-without-it-scheduled-success",
    ],
)
@click.option("--ae-title", metavar="AE", help=f"AE title  [default: {TMS_TITLE}]")
@click.option("--port", type=PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {TMS_PORT}]")
@tms_options
@serving
def tms(
    session: Session,
    ae_title: str | None,
    port: int | None,
    store: Path | None,
    folder: Path | None,
    fallback: Sequence[str],
    retention: float | None,
    lenient: bool,
) -> None:
    """Be a Treatment Management System: a UPS worklist, and the delivery instructions."""
    deny_others(session, "TMS")
    know_the_suite(session)
    ours = ours_at(session, described(session, "tms"), ae_title, port, Peer(TMS_TITLE, session.host, TMS_PORT))
    started = start_tms(session, ours, store, folder, fallback, retention, lenient)
    if folder is not None:
        watch_folder(session, started, folder, ours=[store])
    session.advice.append(known_line(session))

"""``tdwii serve watcher``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import click
from pydicom.dataset import Dataset

from ...dimse import DimseError, Peer
from ...simulators.watcher import WatcherSimulator
from ..failures import Usage
from ..files import read_dataset
from ..settings import Command
from .dialogue import PATIENCE, Dialogue, FinalStates, watch_on_request
from .options import (
    OST_PORT,
    OST_TITLE,
    PORT,
    TMS_PORT,
    TMS_TITLE,
    WATCHER_PORT,
    WATCHER_TITLE,
    deny_others,
    other_at,
    ours_at,
    serving,
)
from .session import Session


def start_watcher(
    session: Session,
    ours: Peer,
    tms: Peer,
    *,
    lock: bool = False,
    keys: Dataset | None = None,
    fetch_from: Sequence[Peer] = (),
    on_report: Callable[[int, str, Dataset], object] = lambda kind, uid, information: None,
    patience: float = 0.0,
) -> WatcherSimulator:
    """Start a watcher in a session, which outlives the others and has not subscribed yet."""

    def tell(sentence: str) -> None:
        if "cannot be fetched" in sentence:  # the rest is seen in what is exchanged
            session.note(ours.ae_title, sentence, refused=True)

    watcher = WatcherSimulator(
        tms,
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        lock=lock,
        keys=keys,
        fetch_from=fetch_from,
        tell=tell,
        on_report=on_report,
        timeouts=session.timeouts,
        transcript=session.live.transcript(ours.ae_title),
        patience=patience,
    )
    session.start(watcher, "watcher", late=True)
    session.know(watcher.peer)
    return watcher


def _unsubscribe(watcher: WatcherSimulator) -> None:
    with suppress(DimseError, ValueError):  # the TMS is gone: there is nothing to unsubscribe from
        watcher.unsubscribe()


@click.command(
    cls=Command,
    examples=[
        "tdwii serve watcher",
        "tdwii serve watcher --tms TMS --entities ApplicationEntities.json --lock",
        "tdwii serve watcher --fetch                          # as a PPVS: have the inputs of what is scheduled moved here",
        "tdwii serve watcher --tms UPSSCP=10.0.0.7:11114 --filter station_fx1.txt",
        "tdwii serve watcher --fetch --until-final            # ends when a workitem has ended",
    ],
)
@click.option("--ae-title", metavar="AE", help=f"AE title, which the TMS has to know  [default: {WATCHER_TITLE}]")
@click.option("--port", type=PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {WATCHER_PORT}]")
@click.option(
    "--tms", metavar="PEER", help=f"The TMS: AE title, HOST:PORT or AE=HOST:PORT  [default: {TMS_TITLE}, port {TMS_PORT}]"
)
@click.option("--fetch", is_flag=True, help="Have the inputs of what is scheduled moved here, as a PPVS does.")
@click.option("--ost", metavar="PEER", help=f"With --fetch: the OST, as the TMS  [default: {OST_TITLE}, port {OST_PORT}]")
@click.option("--lock", is_flag=True, help="Ask for deletion locks.")
@click.option("--filter", "filter_", type=click.Path(path_type=Path), metavar="FILE",
              help="Keys of a filtered global subscription: a DICOM file or dcmdump text.")  # fmt: skip
@click.option("--until-final", is_flag=True, help="Unsubscribe and end once a workitem has come to its final state.")
@click.option(
    "--on-request", is_flag=True,
    help="Watch until a final state for each line of the standard input; answer 'done' or 'given up: ...'.",
)  # fmt: skip
@serving
def watcher(
    session: Session,
    ae_title: str | None,
    port: int | None,
    tms: str | None,
    ost: str | None,
    fetch: bool,
    lock: bool,
    filter_: Path | None,
    until_final: bool,
    on_request: bool,
) -> int | None:
    """Be a watcher, as a PPVS: subscribe to a TMS, receive its event reports, and come back after it was restarted."""
    deny_others(session, "watcher")
    other = other_at(session, "tms", tms, Peer(TMS_TITLE, "127.0.0.1", TMS_PORT))
    ours = ours_at(session, None, ae_title, port, Peer(WATCHER_TITLE, session.host, WATCHER_PORT))
    keys = None
    if filter_ is not None:
        keys = read_dataset(filter_, text=True, what="keys of a subscription")
    if ost is not None and not fetch:
        raise Usage("--ost is of use with --fetch only")
    sources = [other, other_at(session, "ost", ost, Peer(OST_TITLE, "127.0.0.1", OST_PORT))] if fetch else []
    if on_request:
        talk = Dialogue.of_context()
        final = FinalStates(talk.changed)
        simulated = WatcherSimulator(
            other, ours.ae_title, host=ours.host, port=ours.port, lock=lock, keys=keys, fetch_from=sources, tell=talk.say,
            on_report=final.reported, timeouts=session.timeouts, patience=talk.patience,
        )  # fmt: skip
        return watch_on_request(session, simulated, final, talk)
    final = FinalStates(threading.Condition())

    def reported(kind: int, uid: str, information: Dataset) -> None:
        final.reported(kind, uid, information)
        if until_final and final.reached:
            session.stop.set()

    started = start_watcher(
        session, ours, other, lock=lock, keys=keys, fetch_from=sources, on_report=reported,
        patience=PATIENCE if until_final else 0.0,
    )  # fmt: skip
    try:
        started.subscribe()
    except ValueError as error:  # the TMS refused
        session.note(ours.ae_title, str(error), refused=True)
    except DimseError as error:
        session.note(ours.ae_title, f"{error.advice} Listening all the same.", refused=True)
    else:
        session.advice.append(f"watches {other} at {other.host}:{other.port}")
        session.stack.callback(_unsubscribe, started)
        if until_final:
            session.stack.callback(started.finish_fetching)
    return None

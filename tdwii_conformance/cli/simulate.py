"""Runs a simulated system as a process of its own: ``python -m tdwii_conformance.cli.simulate tms --port 11114``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import get_args

from pydicom.dataset import Dataset

from ..defects import Deviation, UnknownDeviation, chosen, install
from ..dimse import DimseError, Peer
from ..simulators.instances import InstanceStore
from ..simulators.ost import OST
from ..simulators.tdd import CannotTreat, End, TDDSimulator
from ..simulators.tms import TMS
from ..simulators.watcher import WatcherSimulator
from ..treatment.messages import Code
from ..ups import SQLiteStore

GIVEN_UP, USAGE, NO_PORT = 1, 2, 3
PATIENCE = 5.0  # seconds that others may take to release their associations when a TDD or a watcher ends
SCPS = ("tms", "ost", "all")
FINAL_STATES = ("COMPLETED", "CANCELED")
ENDS: Mapping[str, End] = {end: end for end in get_args(End)}


class Dialogue:
    """Who says what is to be performed, and is told what happens: the standard input and output, or a thread of ours.

    Parameters
    ----------
    requests : iterable of str
        Its lines, as ``--on-request`` takes them.
    say : callable
        Takes a line.
    """

    def __init__(self, requests: Iterable[str], say: Callable[[str], object]) -> None:
        self.requests, self.say = requests, say
        self.changed = threading.Condition()
        self.stopping = False

    def stop(self, *_: object) -> None:
        """Let who waits for something wait no longer."""
        with self.changed:
            self.stopping = True
            self.changed.notify_all()


def _peer(text: str) -> Peer:
    title, _, address = text.partition("=")
    host, _, port = address.rpartition(":")
    try:
        return Peer(title, host or "127.0.0.1", int(port))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not AE=HOST:PORT, for example TDD=127.0.0.1:11113") from None


def _station(text: str) -> Code:
    value, scheme, meaning = (*text.split("^"), "", "")[:3]
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not VALUE or VALUE^SCHEME or VALUE^SCHEME^MEANING, for example FX1^99MY")
    return Code(value, scheme, meaning or value)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tdwii_conformance.cli.simulate", description=__doc__)
    actors = parser.add_subparsers(dest="actor", required=True, metavar="{tms,ost,all,tdd,watcher}")
    for actor, words in (("tms", "a TMS"), ("ost", "an OST"), ("all", "a TMS and an OST")):
        _scp_options(actors.add_parser(actor, help=f"run {words} until it is stopped"))
    _tdd_options(actors.add_parser("tdd", help="perform a treatment as a TDD: RO-58 to RO-65"))
    _watcher_options(actors.add_parser("watcher", help="watch as a PPVS: subscribe, and fetch what is scheduled, with its inputs"))
    return parser.parse_args(arguments)


def _scp_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; of the TMS with 'all' (default: a free one)")
    parser.add_argument("--ost-port", type=int, default=0, help="port of the OST with 'all' (default: a free one)")
    parser.add_argument("--ae-title", help="AE title (default: TMS or OST)")
    parser.add_argument(
        "--destination", type=_peer, action="append", default=[], metavar="AE=HOST:PORT",
        help="a move destination, and receiver of event reports; repeat",
    )  # fmt: skip
    parser.add_argument(
        "--fallback", action="append", default=[], metavar="AE", help="who is told of every start and stop of the TMS; repeat"
    )
    parser.add_argument(
        "--retention",
        type=float,
        metavar="SECONDS",
        help="keep UPS in a final state so long without deletion lock (default: for ever)",
    )
    parser.add_argument("--folder", type=Path, help="where instances are kept (default: in memory)")
    parser.add_argument("--store", type=Path, help="SQLite file of the worklist (default: in memory)")
    _defect_option(parser)


def _defect_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--defect", action="append", default=[], metavar="NAME", help="a named defect or variation to have; repeat")


def _caller_options(parser: argparse.ArgumentParser, ae_title: str, port: int) -> None:
    parser.add_argument("--tms", type=_peer, required=True, metavar="AE=HOST:PORT", help="the TMS")
    parser.add_argument("--ost", type=_peer, required=True, metavar="AE=HOST:PORT", help="the OST")
    parser.add_argument("--ae-title", default=ae_title, help="its AE title (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=port,
        help="where the TMS and the OST know it to listen; 0 takes a free one (default: %(default)s)",
    )  # fmt: skip
    _defect_option(parser)


def _tdd_options(parser: argparse.ArgumentParser) -> None:
    _caller_options(parser, "TDD", 11113)
    parser.add_argument(
        "--station", type=_station, required=True, metavar="VALUE[^SCHEME[^MEANING]]", help="Scheduled Station Name Code"
    )
    parser.add_argument("--end", choices=ENDS, default="completed", help="how the treatment ends (default: %(default)s)")
    parser.add_argument("--edition", choices=("ti", "2013"), default="ti", help="edition of TDW-II (default: %(default)s)")
    parser.add_argument("--watch", action="store_true", help="subscribe to the workitem, and cancel on request")
    parser.add_argument(
        "--pace", type=float, default=0.0, metavar="SECONDS", help="how long each part of the delivery takes (default: no time)"
    )
    parser.add_argument(
        "--on-request", action="store_true",
        help="perform a treatment for each line of the standard input that says how it ends; answer 'done' or 'given up: ...'",
    )  # fmt: skip


def _watcher_options(parser: argparse.ArgumentParser) -> None:
    _caller_options(parser, "PPVS", 11115)
    parser.add_argument("--lock", action="store_true", help="ask for deletion locks")
    parser.add_argument(
        "--until-final", action="store_true", help="unsubscribe and end once a workitem has come to its final state"
    )
    parser.add_argument(
        "--on-request", action="store_true",
        help="watch until a final state for each line of the standard input; answer 'done' or 'given up: ...'",
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None, dialogue: Dialogue | None = None) -> int:
    """Run a system; return 0, 1 if the treatment was given up, 2 for wrong arguments, 3 if a port cannot be had.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.
    dialogue : Dialogue, optional
        With whom a TDD or a watcher talks, if not with the standard input and output.
    """
    given = _arguments(arguments)
    talk = dialogue or Dialogue((line.strip() for line in sys.stdin), _say)
    # What others send may break the rules of its VR, without a word from us on the terminal.
    warnings.filterwarnings("ignore", module="pydicom")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    run: Callable[[argparse.Namespace, Dialogue], int]
    run = _serve if given.actor in SCPS else _treat if given.actor == "tdd" else _watch
    try:
        return run(given, talk)
    except (ValueError, UnknownDeviation) as error:
        print(error, file=sys.stderr)
        return USAGE
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        return NO_PORT


def _deviations(given: argparse.Namespace) -> list[Deviation]:
    deviations = list(chosen(given.defect))
    if strangers := [d.name for d in deviations if given.actor not in ("all", d.actor.lower())]:
        raise UnknownDeviation(f"{', '.join(strangers)}: not of the simulated {given.actor.upper()}")
    return deviations


def _serve(given: argparse.Namespace, _: Dialogue) -> int:
    """Run TMS and OST until SIGINT or SIGTERM."""
    deviations = _deviations(given)

    def of_actor(actor: str) -> list[Deviation]:
        return [deviation for deviation in deviations if deviation.actor == actor]

    destinations = {peer.ae_title: peer for peer in given.destination}
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        running: list[TMS | OST] = []
        if given.actor in ("tms", "all"):
            store = SQLiteStore(given.store) if given.store else None
            instructions = InstanceStore(given.folder / "tms" if given.folder else None)
            title = given.ae_title if given.ae_title and given.actor == "tms" else "TMS"
            tms = TMS(
                title,
                host=given.host,
                port=given.port,
                store=store,
                instructions=instructions,
                destinations=destinations,
                fallback=given.fallback,
                retention=timedelta(seconds=given.retention) if given.retention is not None else None,
            )
            install(tms, of_actor("TMS"))
            running.append(stack.enter_context(tms))
        if given.actor in ("ost", "all"):
            title = given.ae_title if given.ae_title and given.actor == "ost" else "OST"
            port = given.port if given.actor == "ost" else given.ost_port
            folder = given.folder / "ost" if given.folder else None
            ost = OST(title, host=given.host, port=port, folder=folder, destinations=destinations)
            install(ost, of_actor("OST"))
            running.append(stack.enter_context(ost))
        for simulator in running:
            _listens(simulator.peer, _say)
        stop.wait()
    return 0


def _listens(peer: Peer, say: Callable[[str], object]) -> None:
    say(f"{peer} at {peer.host}:{peer.port}")


def _say(line: str) -> None:
    print(line, flush=True)


def _treat(given: argparse.Namespace, talk: Dialogue) -> int:
    """Perform a treatment, or one for each line."""
    deviations = _deviations(given)
    tdd = TDDSimulator(
        given.tms, given.ost, given.ae_title, host=given.host, port=given.port, station=given.station, end=given.end,
        edition=given.edition, watch=given.watch, pace=given.pace, tell=talk.say, patience=PATIENCE,
    )  # fmt: skip
    install(tdd, deviations)
    with tdd:
        _listens(tdd.peer, talk.say)
        code = 0
        for end in talk.requests if given.on_request else (given.end,):
            if end not in ENDS:
                talk.say(f"given up: {end!r} is not one of {', '.join(ENDS)}")
                continue
            tdd.end = ENDS[end]
            try:
                tdd.perform()
            except (CannotTreat, DimseError) as error:
                code = GIVEN_UP
                talk.say(f"given up: {error}")
            else:
                code = 0
                talk.say("done")
        return code


def _watch(given: argparse.Namespace, talk: Dialogue) -> int:
    """Watch until SIGINT or SIGTERM, or until a final state, or that for each line."""
    deviations = _deviations(given)
    changed = talk.changed
    final = False
    live: set[str] = set()

    def told(kind: int, uid: str, information: Dataset) -> None:
        nonlocal final
        with changed:
            # What was over before is reported once, when it subscribes.
            if (state := information.get("ProcedureStepState")) in FINAL_STATES:
                final = final or uid in live
            elif state:
                live.add(uid)
            changed.notify_all()

    def enough() -> bool:
        return talk.stopping or (final and (given.until_final or given.on_request))

    if not given.on_request:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, talk.stop)
    watcher = WatcherSimulator(
        given.tms, given.ae_title, host=given.host, port=given.port, lock=given.lock, fetch_from=(given.tms, given.ost),
        tell=talk.say, on_report=told, patience=PATIENCE,
    )  # fmt: skip
    install(watcher, deviations)
    with watcher:
        _listens(watcher.peer, talk.say)
        code = 0
        for _ in talk.requests if given.on_request else ("",):
            final = False
            try:
                watcher.subscribe()
                with changed:
                    changed.wait_for(enough)
                watcher.finish_fetching()
                watcher.unsubscribe()
            except (ValueError, DimseError) as error:
                code = GIVEN_UP
                talk.say(f"given up: {error}")
            else:
                code = 0
                talk.say("done")
        return code


if __name__ == "__main__":
    sys.exit(main())

"""Runs a simulated TMS, an OST, or both, as a process of its own: ``python -m tdwii_conformance.simulators tms --port 11114``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from ..dimse import Peer
from ..ups import SQLiteStore
from .defects import Deviation, UnknownDeviation, chosen, install
from .instances import InstanceStore
from .ost import OST
from .tms import TMS

USAGE, NO_PORT = 2, 3


def _destination(text: str) -> Peer:
    title, _, address = text.partition("=")
    host, _, port = address.rpartition(":")
    try:
        return Peer(title, host or "127.0.0.1", int(port))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not AE=HOST:PORT, for example TDD=127.0.0.1:11113") from None


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tdwii_conformance.simulators", description=__doc__)
    parser.add_argument("actor", choices=("tms", "ost", "all"), help="what to run")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; of the TMS with 'all' (default: a free one)")
    parser.add_argument("--ost-port", type=int, default=0, help="port of the OST with 'all' (default: a free one)")
    parser.add_argument("--ae-title", help="AE title (default: TMS or OST)")
    parser.add_argument(
        "--destination", type=_destination, action="append", default=[], metavar="AE=HOST:PORT",
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
    parser.add_argument("--defect", action="append", default=[], metavar="NAME", help="a named defect or variation to have; repeat")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; return 0, 2 for wrong arguments, 3 if a port cannot be had."""
    given = _arguments(arguments)
    try:
        deviations = chosen(given.defect)
        if strangers := [d.name for d in deviations if given.actor not in ("all", d.actor.lower())]:
            raise UnknownDeviation(f"{', '.join(strangers)}: not of the simulated {given.actor.upper()}")
    except UnknownDeviation as error:
        print(error, file=sys.stderr)
        return USAGE

    def of_actor(actor: str) -> list[Deviation]:
        return [deviation for deviation in deviations if deviation.actor == actor]

    destinations = {peer.ae_title: peer for peer in given.destination}
    # What others send may break the rules of its VR, without a word from us on the terminal.
    warnings.filterwarnings("ignore", module="pydicom")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
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
        except ValueError as error:
            print(error, file=sys.stderr)
            return USAGE
        except OSError as error:
            print(error.strerror or error, file=sys.stderr)
            return NO_PORT
        for simulator in running:
            print(f"{simulator.peer} at {simulator.peer.host}:{simulator.peer.port}", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``tdwii record`` and ``tdwii judge``: two systems that talk to each other, recorded and judged from between them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..profile import load_catalogue
from ..profile.statuses import status_text
from ..transcript.exchange import Exchange
from ..transcript.observation import OPEN, Association
from ..upper_layer import Connection, Malformation, Side
from ..witness.proxy import Listener, Onlooker, Proxy, ProxyError
from ..witness.records import Chunk, Recorded, RecordError, RecordWriter
from .failures import OK, REFUSED, NoAnswer, Usage
from .screen import note, plain, say
from .settings import Command

if TYPE_CHECKING:
    from ..profile import Requirement
    from ..report.verdicts import TestVerdict
    from ..witness.judging import Witnessed

__all__ = ["judge", "record"]

PARTS = ("tms", "ost", "tdd", "watcher")
EDITIONS = ("ti", "2013")
MOST_FINDINGS = 4  # of a requirement, that `judge` prints; the page has more
MOST_MALFORMATIONS = 20  # lines of them that `judge` prints


class _Live(Onlooker):
    """Shows what passes, as it passes: associations, exchanges, and what is wrong with the bytes."""

    def __init__(self, writer: RecordWriter | None) -> None:
        self._writer = writer
        self._connections: dict[str, Connection] = {}
        self._encrypted: set[str] = set()
        self._named: dict[str, str] = {}
        self.count = 0

    def opened(self, name: str, time: datetime, requestor: str, acceptor: str) -> None:
        """Begin to decode a connection."""
        if self._writer is not None:
            self._writer.opened(name, time, requestor, acceptor)
        self._named[name] = f"{requestor} to {acceptor}"
        self._connections[name] = Connection(
            time,
            exchange=lambda exchange: self._exchange(name, exchange),
            association=lambda association: self._association(name, association),
            malformation=lambda side, one: self._malformation(name, side, one),
        )

    def passed(self, name: str, chunk: Chunk) -> None:
        """Write and decode bytes."""
        if self._writer is not None:
            self._writer.passed(name, chunk)
        first = name not in self._encrypted and self._connections[name].request is None
        if first and chunk.side == "requestor" and chunk.octets[:2] == b"\x16\x03":
            self._encrypted.add(name)
            say(f"{_clock(chunk.time)} [{name}] {self._named[name]}: TLS: recorded, but only its ends can read it")
        if name not in self._encrypted:
            self._connections[name].feed(chunk.side, chunk.octets, chunk.time)

    def closed(self, name: str, time: datetime, why: str) -> None:
        """End a connection."""
        if self._writer is not None:
            self._writer.closed(name, time)
        if why:
            say(f"{_clock(time)} [{name}] {plain(why)}")
        connection = self._connections.pop(name)
        if name not in self._encrypted:
            connection.close(time)

    def _association(self, name: str, association: Association) -> None:
        now = datetime.now().astimezone()
        who = f"{plain(association.requestor) or '?'} to {plain(association.acceptor) or '?'}"
        ended = "association" if association.ended == OPEN else association.ended
        say(f"{_clock(now)} [{name}] {who}: {plain(ended)}")

    def _exchange(self, name: str, exchange: Exchange) -> None:
        self.count += 1
        ended = f"{status_text(exchange.status)}" if not exchange.failure else plain(exchange.failure)
        what = " ".join(filter(None, (exchange.service, plain(exchange.instance_uid))))
        who = f"{plain(exchange.requestor)} to {plain(exchange.acceptor)}"
        say(f"{_clock(exchange.request.time)} [{name}] {who}: {what}: {ended}")

    def _malformation(self, name: str, side: Side, one: Malformation) -> None:
        say(f"{_clock(datetime.now().astimezone())} [{name}] wrong, of the {side}: {plain(one)}")


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S.%f}"[:-3]


def _listener(text: str) -> Listener:
    where, _, system = text.partition("=")
    name, _, address = system.rpartition("@")
    host, _, port = address.rpartition(":")
    bind, _, ours = where.rpartition(":")
    try:
        numbers = int(ours), int(port)
        if not (host and all(0 <= number <= 65535 for number in numbers) and numbers[1]):
            raise ValueError
    except ValueError:
        raise Usage(f"--listen {text!r}: expected PORT=NAME@HOST:PORT, for example 11114=TMS@10.0.0.5:11114") from None
    return Listener(numbers[0], name or address, host.strip("[]"), numbers[1], bind or "127.0.0.1")


@click.command(
    cls=Command,
    examples=[
        "tdwii record table7.jsonl --listen 11114=TMS@10.0.0.5:11114 --listen 11115=OST@10.0.0.6:104",
        "tdwii record table7.jsonl --listen 0.0.0.0:11114=TMS@10.0.0.5:11114 --for 3600",
    ],
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--listen",
    "listeners",
    multiple=True,
    required=True,
    metavar="[ADDRESS:]PORT=NAME@HOST:PORT",
    help="A local port, and the system behind it; repeat.",
)
@click.option("--for", "seconds", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="End after that time.")
def record(file: Path, listeners: tuple[str, ...], seconds: float | None) -> int:
    """Record what systems send each other, as a proxy between them.

    Configure each system with the local port instead of the other's address. The calling system needs a port as well, for what
    comes back (C-STORE of a C-MOVE, event reports). The bytes pass unchanged. FILE grows as they pass, and must not exist yet.
    Ends with Ctrl-C. `tdwii judge FILE` judges it.
    """
    behind = [_listener(text) for text in listeners]
    try:
        writer = RecordWriter(file)
    except FileExistsError as error:
        raise Usage(f"{file}: is there already: a record is not written over") from error
    live = _Live(writer)
    try:
        with Proxy(behind, [live]) as proxy:
            for listener, port in zip(behind, proxy.ports, strict=True):
                note(f"{listener.bind}:{port} leads to {listener}")
            note(f"recording to {file}; Ctrl-C ends it")
            _wait(seconds, lambda: proxy.error)
    except ProxyError as error:
        raise Usage(str(error)) from error
    finally:
        writer.close()
    if proxy.error is not None:
        raise NoAnswer(f"{file}: could not be written to the end: {proxy.error}")
    note(f"{live.count} exchanges; tdwii judge {file} judges them")
    return OK


def _wait(seconds: float | None, failed: Callable[[], object]) -> None:
    over = threading.Event()
    left = seconds
    try:
        while failed() is None and (left is None or left > 0):
            step = 0.5 if left is None else min(0.5, left)
            over.wait(step)
            left = None if left is None else left - step
    except KeyboardInterrupt:
        # The way a recording ends; another Ctrl-C while it is written to its end breaks that off.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@click.command(
    cls=Command,
    examples=[
        "tdwii judge table7.jsonl",
        "tdwii judge hospital.pcapng --report page.html --tdd LINAC1 --tms ARIA",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--edition", type=click.Choice(EDITIONS), default="ti", show_default=True, help="Edition of TDW-II that they follow.")
@click.option("--tms", multiple=True, metavar="AE", help="The AE title of a TMS; repeat. Recognized without it.")
@click.option("--ost", multiple=True, metavar="AE", help="The same for an OST.")
@click.option("--tdd", multiple=True, metavar="AE", help="The same for a TDD.")
@click.option("--watcher", multiple=True, metavar="AE", help="The same for a watcher.")
@click.option("--complete", is_flag=True, help="Nobody works with the TMS meanwhile who is not recorded: more can be judged.")
@click.option("--report", type=click.Path(path_type=Path), metavar="PAGE", help="Write a page as well (HTML).")
def judge(files: tuple[Path, ...], edition: str, complete: bool, report: Path | None, **parts: tuple[str, ...]) -> int:
    """Judge a record of `tdwii record`, or a capture (pcap, pcapng).

    The systems that call are judged, TDD and watcher, by the same requirements as in a session with them; the TMS by what it
    answers; and the bytes of all systems. What was not recorded is not judged.
    """
    from ..report.verdicts import requirement_verdicts
    from ..witness.answering import judge_answering
    from ..witness.judging import judge_observed, witness

    recorded = [one for file in files for one in _read(file)]
    seen = witness(recorded, edition=edition, said=parts)
    catalogue = load_catalogue()
    verdicts = judge_observed(seen.observed, catalogue, edition=edition)
    verdicts += judge_answering(seen, catalogue, edition=edition, complete=complete)
    _show(seen, verdicts, catalogue)
    if report is not None:
        from ..report.html import write_html

        systems = ", ".join(dict.fromkeys([*seen.cast.tms, *(one.ae_title for one in seen.observed)])) or "nobody"
        notices = [*seen.not_judged, *(f"{who}: {one}" for who, one in seen.malformations)]
        described = f"from {', '.join(file.name for file in files)}"
        write_html(report, verdicts, catalogue, system=systems, edition=edition, description=described, notices=notices)
        note(f"report: {report.resolve()}")
    if not verdicts:
        note("no TMS and no system that calls one was recognized: nothing was judged")
    bad = any(one.verdict == "failed" for one in requirement_verdicts(verdicts).values())
    return REFUSED if bad or any(not one.tolerable for _, one in seen.malformations) else OK


def _show(seen: Witnessed, verdicts: Sequence[TestVerdict], catalogue: Mapping[str, Requirement]) -> None:
    from ..report.table import render

    for part in PARTS:
        titles = ", ".join(map(plain, getattr(seen.cast, part)))
        say(f"{part.upper() if part != 'watcher' else part}: {titles or 'none recognized'}")
    say(f"{len(seen.connections)} connections, {len(seen.exchanges)} exchanges, {len(seen.observed)} sessions")
    for line in seen.not_judged:
        say(f"not judged: {plain(line)}")
    for who, one in seen.malformations[:MOST_MALFORMATIONS]:
        say(f"{plain(who)}: {plain(one)}")
    if len(seen.malformations) > MOST_MALFORMATIONS:
        say(f"... and {len(seen.malformations) - MOST_MALFORMATIONS} more places that are not DICOM")
    for verdict in verdicts:
        if verdict.verdict in ("failed", "warned"):
            what = catalogue[verdict.requirement].statement
            say(f"{verdict.verdict.upper()} {verdict.requirement} {plain(verdict.nodeid)}: {what}")
            for finding in verdict.findings[:MOST_FINDINGS]:
                at = f" at {finding['path']}" if finding["path"] else ""
                say(f"    expected {plain(finding['expected'])}; received {plain(finding['received'])}{at}")
            if len(verdict.findings) > MOST_FINDINGS:
                say(f"    ... and {len(verdict.findings) - MOST_FINDINGS} more")
    if verdicts:
        say()
        say(render(verdicts, catalogue).rstrip())


def _read(file: Path) -> list[Recorded]:
    from ..witness.capture import is_capture, read_capture
    from ..witness.records import is_record, read_record

    if is_capture(file):
        return read_capture(file)
    if is_record(file):
        return read_record(file)
    raise RecordError(f"{file}: neither a record of tdwii record nor a capture (pcap, pcapng)")

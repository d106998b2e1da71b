"""``tdwii serve``: simulated systems as servers, one alone or a whole TDW-II environment."""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import click
from pydicom.dataset import Dataset

from ..dcmdump import load_text
from ..dcmdump.dicom import read_dicom
from ..defects import Deviation, UnknownDeviation, chosen, install
from ..dimse import DimseError, Peer, Timeouts, check_ae_title
from ..simulators.folder import News, WorkitemFolder
from ..simulators.instances import InstanceStore
from ..simulators.live import Live
from ..simulators.ost import OST
from ..simulators.simulator import Simulator
from ..simulators.stock import furnish, provide, scheduled_on
from ..simulators.tdd import CannotTreat, TDDSimulator
from ..simulators.tms import TMS
from ..simulators.watcher import WatcherSimulator
from ..sut.config import SystemUnderTest, entities
from ..treatment.course import plan_facts, read_instance, schedule
from ..treatment.messages import Code
from ..ups import SQLiteStore
from .failures import NoAnswer, Usage
from .peers import named_peer, peer_at
from .screen import note
from .serve_view import Lines, LiveView, Server, view_for
from .settings import BOOK, Command, Group, Settings
from .worklist import code

__all__ = ["serve", "station_code"]

TMS_TITLE, TMS_PORT = "UPSSCP", 11114
OST_TITLE, OST_PORT = "OST", 11112
WATCHER_TITLE, WATCHER_PORT = "WATCHER", 11115
TDD_TITLE, TDD_PORT = "TDD", 11113
STATION = "FX1^99IHERO2008^FX1"
IMPATIENT = 1.0  # seconds between Ctrl-C and Ctrl-C
ANYWHERE = ("0.0.0.0", "::", "")


@dataclass
class Session:
    """Simulators that run together, and what is seen of them."""

    settings: Settings
    host: str
    view: Lines | LiveView
    known: dict[str, Peer]
    defects: list[Deviation]
    stop: threading.Event = field(default_factory=threading.Event)
    stack: ExitStack = field(default_factory=ExitStack)
    late: ExitStack = field(default_factory=ExitStack)
    servers: list[Server] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.live = Live(self.view.tell)

    @property
    def timeouts(self) -> Timeouts:
        """Deadlines."""
        return self.settings.timeouts

    def reachable(self, peer: Peer) -> Peer:
        """Return a peer as we reach it: an address that means all of this machine's is none to connect to."""
        return replace(peer, host="127.0.0.1") if peer.host in ANYWHERE else peer

    def start(self, simulator: Simulator, role: str, remark: str = "", *, late: bool = False) -> None:
        """Start a simulator with the deviations that are for it, to be stopped at the end.

        Parameters
        ----------
        simulator : Simulator
            Not started yet.
        role, remark : str
            What it is, and what else there is to say of it.
        late : bool
            Whether it outlives the others, as it is told of their end.

        Raises
        ------
        NoAnswer
            If it cannot listen.
        """
        mine = [one for one in self.defects if one.actor == simulator.actor]
        install(simulator, mine)
        self.live.attend(simulator)
        with _listening():
            (self.late if late else self.stack).enter_context(simulator)
        peer = simulator.peer
        defects = ", ".join(f"with the {one.kind} {one.name}" for one in mine)
        remark = "; ".join(part for part in (remark, defects) if part)
        self.servers.append(Server(role, peer.ae_title, peer.host, peer.port, remark))

    def note(self, actor: str, text: str, *, refused: bool = False) -> None:
        """Show something that a simulator has to say."""
        self.live.note(actor, text, refused=refused)

    @contextmanager
    def overheard(self) -> Iterator[None]:
        """Show what the simulators log: that a report was not delivered, that one has a defect."""
        logger, handler = logging.getLogger("tdwii_conformance"), _Overheard(self)
        logger.addHandler(handler)
        before, logger.propagate = logger.propagate, False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = before

    def run(self) -> None:
        """Show what happens until the end is asked for."""
        roles = ("TMS", "OST", "TDD", "watcher")
        self.view.run(sorted(self.servers, key=lambda one: roles.index(one.role)), self.advice, self.live, self.stop)


class _Overheard(logging.Handler):
    """Makes a note of what is logged."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.WARNING)
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message."""
        self._session.note("log", record.getMessage(), refused=True)


@contextmanager
def _listening() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoAnswer(str(error.strerror or error)) from error


@contextmanager
def _until_told(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM ask for the end, and no more: what was begun is ended in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    asked: list[float] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(time.monotonic())
        # Somebody who asks again does not want to wait; what comes at once is one signal sent to a process and its group.
        if asked[-1] - asked[0] > IMPATIENT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- options --------------------------------------------------------------------------------------------------------


def station_code(text: str) -> Code:
    """Return a station given as ``VALUE^SCHEME^MEANING``; VALUE alone is in the scheme of the default.

    Raises
    ------
    Usage
        If it has no value, or more parts.
    """
    found = code(text, "--station")
    return found if "^" in text else replace(found, scheme=STATION.split("^")[1])


_COMMON = (
    click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
                 help="Address of this machine to listen on; 0.0.0.0 is all of them."),
    click.option("--destination", "destinations", multiple=True, metavar="AE=HOST:PORT",
                 help="An application entity that is known, as move destination and receiver of events; repeat."),
    click.option("--entities", type=click.Path(path_type=Path), envvar="TDWII_ENTITIES", metavar="FILE",
                 help=f"Address book: who is known, and our own port  [default: $TDWII_ENTITIES, or {BOOK} here]"),
    click.option("--config", type=click.Path(path_type=Path), envvar="TDWII_CONFIG", metavar="FILE",
                 help="Description of a system, as of the suite's --sut: be the systems it describes."),
    click.option("--defect", "--variation", "defects", multiple=True, metavar="NAME",
                 help="A named defect or variation to have (docs/defects.md); repeat."),
    click.option("--timeout", type=click.FloatRange(0.01, 3600), metavar="SECONDS", help="For a connection, and for each answer."),
    click.option("--lines", is_flag=True, help="Lines instead of the live view, as without a terminal."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object for each line."),
)  # fmt: skip
_PORT = click.IntRange(0, 65535)


def _serving(function: Callable[..., None]) -> Callable[..., int]:
    """Give a command the common options and a `Session`, in which it starts what shall run."""

    @functools.wraps(function)
    def command(
        *,
        host: str,
        destinations: Sequence[str],
        entities: Path | None,
        config: Path | None,
        defects: Sequence[str],
        timeout: float | None,
        lines: bool,
        as_json: bool,
        **others: Any,
    ) -> int:
        settings = Settings(0, as_json, None, None, timeout, entities, config)
        known = dict(settings.book)
        for peer in map(peer_at, destinations):
            known[peer.ae_title] = peer
        session = Session(settings, host, view_for(as_json=as_json, lines=lines), known, chosen(defects))
        with _until_told(session.stop):
            with session.overheard(), session.late, session.stack:
                function(session, **others)
                session.run()
            if not as_json:
                note("stopped")
        return 0

    for option in reversed(_COMMON):
        command = option(command)
    return command


def _ours(session: Session, described: Peer | None, title: str | None, port: int | None, default: Peer) -> Peer:
    """Return as whom, and where, a simulator listens: as given, as the address book or the configuration says, or as usual."""
    settings = session.settings
    name = check_ae_title(title) if title else described.ae_title if described else default.ae_title
    if port is None:
        if title and settings.entities is not None and name not in settings.book:
            settings.entity(name)  # says who is known
        if name in settings.book:
            port = settings.book[name].port
        elif described is not None:
            port = described.port
        else:
            port = default.port
    return Peer(name, session.host, port)


def _described(session: Session, role: str) -> Peer | None:
    """Return a system of the configuration.

    Raises
    ------
    Usage
        If there is a configuration, and it describes none.
    """
    system: SystemUnderTest | None = session.settings.system
    if system is None:
        return None
    found = {"tms": system.tms, "ost": system.ost}[role]
    if found is None:
        raise Usage(f"{session.settings.config}: describes no [{role}] that could be simulated")
    return found


def _know_the_suite(session: Session) -> None:
    """Make known whom the configuration calls ours: the suite's TDD, and its second watcher."""
    system = session.settings.system
    if system is not None:
        host = "127.0.0.1" if system.tdd.host in ANYWHERE else system.tdd.host
        for title in filter(None, (system.tdd.ae_title, system.second_watcher)):
            session.known.setdefault(title, Peer(title, host, system.tdd.port))


def _deny_strangers(session: Session, *actors: str) -> None:
    if strangers := [one.name for one in session.defects if one.actor not in actors]:
        raise UnknownDeviation(f"{', '.join(strangers)}: not of the simulated {' or '.join(actors)}")


@click.group(
    cls=Group,
    examples=["tdwii serve all", "tdwii serve tms --folder ups_instances", "tdwii serve watcher --help"],
    epilog="All of them stop on Ctrl-C and SIGTERM, with exit code 0. docs/simulators.md tells more.",
)
def serve() -> None:
    """Run simulated systems as servers: a TMS, an OST, a TDD, a watcher, or all of them."""


# --- TMS ------------------------------------------------------------------------------------------------------------

_TMS = (
    click.option("--store", type=click.Path(path_type=Path), metavar="FILE",
                 help="SQLite file of the worklist  [default: worklist.sqlite of --folder, else in memory]"),
    click.option("--folder", type=click.Path(path_type=Path), metavar="DIR",
                 help="Workitems to serve (UPS_<SOPInstanceUID>.dcm, or dcmdump text) and delivery instructions; "
                      "what comes later is picked up."),
    click.option("--fallback", multiple=True, metavar="AE", help="Who is told of every start and stop of the TMS; repeat."),
    click.option("--retention", type=click.FloatRange(0), metavar="SECONDS",
                 help="How long a UPS in a final state is kept without deletion lock  [default: for ever]"),
)  # fmt: skip


def _tms_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_TMS):
        function = option(function)
    return function


def _start_tms(
    session: Session, ours: Peer, store: Path | None, folder: Path | None, fallback: Sequence[str], retention: float | None
) -> TMS:
    if folder is not None:
        if not folder.is_dir():
            raise Usage(f"{folder}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
        store = store or folder / "worklist.sqlite"
    tms = TMS(
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        store=SQLiteStore(store) if store else None,
        instructions=InstanceStore(folder / "instances" / "tms" if folder else None),
        destinations=session.known,
        fallback=fallback,
        retention=timedelta(seconds=retention) if retention is not None else None,
        timeouts=session.timeouts,
        transcript=session.live.transcript(ours.ae_title),
        associations=session.live.ended(ours.ae_title),
    )
    session.view.worklist = tms.worklist
    count = len(tms.worklist.records())
    session.start(tms, "TMS", f"{count} workitems of an earlier run in {store}" if count else "")
    return tms


def _watch_folder(session: Session, tms: TMS, folder: Path, ost: OST | None = None) -> None:
    title, known = tms.peer.ae_title, 0

    def tell(news: News) -> None:
        nonlocal known
        if news.kind == "known":
            known += 1
        else:
            session.note(title, f"{news}{'' if news.kind == 'taken' else ' (left out)'}", refused=news.kind == "left out")

    watched = WorkitemFolder(folder, tms.worklist, tms.instructions, ost.instances if ost else None, tell=tell)
    session.stack.enter_context(watched)
    if known:
        session.note(title, f"{folder}: {known} files were taken in an earlier run")


@serve.command(
    cls=Command,
    examples=[
        "tdwii serve tms",
        "tdwii serve tms --folder ups_instances --entities ApplicationEntities.json",
        "tdwii serve tms --port 104 --host 0.0.0.0 --ae-title TMS --store worklist.sqlite",
        "tdwii serve tms --defect claim-without-it-scheduled-success",
    ],
)
@click.option("--ae-title", metavar="AE", help=f"AE title  [default: {TMS_TITLE}]")
@click.option("--port", type=_PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {TMS_PORT}]")
@_tms_options
@_serving
def tms(
    session: Session,
    ae_title: str | None,
    port: int | None,
    store: Path | None,
    folder: Path | None,
    fallback: Sequence[str],
    retention: float | None,
) -> None:
    """Be a Treatment Management System: a UPS worklist, and the delivery instructions."""
    _deny_strangers(session, "TMS")
    _know_the_suite(session)
    ours = _ours(session, _described(session, "tms"), ae_title, port, Peer(TMS_TITLE, session.host, TMS_PORT))
    started = _start_tms(session, ours, store, folder, fallback, retention)
    if folder is not None:
        _watch_folder(session, started, folder)
    session.advice.append(_known_line(session))


def _known_line(session: Session) -> str:
    told = [f"{title} at {peer.host}:{peer.port}" for title, peer in sorted(session.known.items())]
    return f"move destinations and receivers of events: {', '.join(told) or 'none; name them with --destination or --entities'}"


# --- OST ------------------------------------------------------------------------------------------------------------


def _start_ost(session: Session, ours: Peer, folder: Path | None) -> OST:
    ost = OST(
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        folder=folder,
        destinations=session.known,
        timeouts=session.timeouts,
        transcript=session.live.transcript(ours.ae_title),
        associations=session.live.ended(ours.ae_title),
    )
    count = len(ost.instances)
    session.start(ost, "OST", f"{count} instances in {folder}" if count else "")
    return ost


@serve.command(
    cls=Command,
    examples=["tdwii serve ost", "tdwii serve ost --folder objects --destination TDD=10.0.0.5:104"],
)
@click.option("--ae-title", metavar="AE", help=f"AE title  [default: {OST_TITLE}]")
@click.option("--port", type=_PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {OST_PORT}]")
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR",
              help="Where instances are read from and kept; made if need be  [default: in memory]")  # fmt: skip
@_serving
def ost(session: Session, ae_title: str | None, port: int | None, folder: Path | None) -> None:
    """Be an Object Storage: plans, records, images; C-STORE, C-FIND, C-MOVE, C-GET."""
    _deny_strangers(session, "OST")
    _know_the_suite(session)
    ours = _ours(session, _described(session, "ost"), ae_title, port, Peer(OST_TITLE, session.host, OST_PORT))
    _start_ost(session, ours, folder)
    session.advice.append(_known_line(session))


# --- watcher --------------------------------------------------------------------------------------------------------


def _other(session: Session, role: str, given: str | None, default: Peer) -> Peer:
    """Return the TMS or OST that a simulator calls."""
    settings = session.settings
    if given is not None:
        return named_peer(settings, given)
    described = getattr(settings.system, role) if settings.system else None
    return described or settings.book.get(default.ae_title) or default


def _start_watcher(
    session: Session,
    ours: Peer,
    tms: Peer,
    *,
    lock: bool = False,
    keys: Dataset | None = None,
    fetch_from: Sequence[Peer] = (),
) -> WatcherSimulator:
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
        timeouts=session.timeouts,
        transcript=session.live.transcript(ours.ae_title),
    )
    session.start(watcher, "watcher", late=True)
    session.known[ours.ae_title] = session.reachable(watcher.peer)
    return watcher


def _unsubscribe(watcher: WatcherSimulator) -> None:
    with suppress(DimseError, ValueError):  # the TMS is gone: there is nothing to unsubscribe from
        watcher.unsubscribe()


@serve.command(
    cls=Command,
    examples=[
        "tdwii serve watcher",
        "tdwii serve watcher --tms TMS --entities ApplicationEntities.json --lock",
        "tdwii serve watcher --fetch                          # as a PPVS: have the inputs of what is scheduled moved here",
        "tdwii serve watcher --tms UPSSCP=10.0.0.7:11114 --filter station_fx1.txt",
    ],
)
@click.option("--ae-title", metavar="AE", help=f"AE title, which the TMS has to know  [default: {WATCHER_TITLE}]")
@click.option("--port", type=_PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {WATCHER_PORT}]")
@click.option(
    "--tms", metavar="PEER", help=f"The TMS: AE title, HOST:PORT or AE=HOST:PORT  [default: {TMS_TITLE}, port {TMS_PORT}]"
)
@click.option("--fetch", is_flag=True, help="Have the inputs of what is scheduled moved here, as a PPVS does.")
@click.option("--ost", metavar="PEER", help=f"With --fetch: the OST, as the TMS  [default: {OST_TITLE}, port {OST_PORT}]")
@click.option("--lock", is_flag=True, help="Ask for deletion locks.")
@click.option("--filter", "filter_", type=click.Path(path_type=Path), metavar="FILE",
              help="Keys of a filtered global subscription: a DICOM file or dcmdump text.")  # fmt: skip
@_serving
def watcher(
    session: Session,
    ae_title: str | None,
    port: int | None,
    tms: str | None,
    ost: str | None,
    fetch: bool,
    lock: bool,
    filter_: Path | None,
) -> None:
    """Be a watcher, as a PPVS: subscribe to a TMS, receive its event reports, and come back after it was restarted."""
    _deny_strangers(session, "watcher")
    other = _other(session, "tms", tms, Peer(TMS_TITLE, "127.0.0.1", TMS_PORT))
    ours = _ours(session, None, ae_title, port, Peer(WATCHER_TITLE, session.host, WATCHER_PORT))
    keys = None
    if filter_ is not None:
        keys = read_dicom(filter_) if filter_.suffix.lower() == ".dcm" else load_text(filter_)
    if ost is not None and not fetch:
        raise Usage("--ost is of use with --fetch only")
    sources = [other, _other(session, "ost", ost, Peer(OST_TITLE, "127.0.0.1", OST_PORT))] if fetch else []
    started = _start_watcher(session, ours, other, lock=lock, keys=keys, fetch_from=sources)
    try:
        started.subscribe()
    except ValueError as error:  # the TMS said no
        session.note(ours.ae_title, str(error), refused=True)
    except DimseError as error:
        session.note(ours.ae_title, f"{error.advice} Listening all the same.", refused=True)
    else:
        session.advice.append(f"watches {other} at {other.host}:{other.port}")
        session.stack.callback(_unsubscribe, started)


# --- TDD ------------------------------------------------------------------------------------------------------------

_TDD = (
    click.option("--station", default=STATION, show_default=True, metavar="VALUE^SCHEME^MEANING", help="Scheduled station."),
    click.option("--end", type=click.Choice(["completed", "canceled-after", "canceled-before"]), default="completed",
                 show_default=True, help="How treatments end: canceled after radiation, or before any."),
    click.option("--pace", type=click.FloatRange(0, 3600), default=1.0, show_default=True, metavar="SECONDS",
                 help="How long each step of a treatment takes."),
    click.option("--every", type=click.FloatRange(0.1, 86400), default=5.0, show_default=True, metavar="SECONDS",
                 help="How often it asks for workitems."),
)  # fmt: skip


def _tdd_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_TDD):
        function = option(function)
    return function


class _Treatments:
    """A TDD that performs what is on the worklist, one after the other, until the end. A context manager."""

    def __init__(self, session: Session, tdd: TDDSimulator, title: str, every: float, times: int | None) -> None:
        self._session, self._tdd, self._title, self._every, self._times = session, tdd, title, every, times
        self._thread = threading.Thread(target=self._treat, name=f"{title} treats")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._session.stop.set()
        self._thread.join()

    def _treat(self) -> None:
        session, done, said = self._session, 0, ""
        while not session.stop.is_set() and done != self._times:
            try:
                self._tdd.perform()
                done, said = done + 1, ""
                continue
            except CannotTreat as fault:
                trouble = str(fault)
            except DimseError as error:
                trouble = error.advice
            # "Nothing is scheduled" need not be said every few seconds.
            if trouble != said:
                said = trouble
                session.note(self._title, trouble, refused="nothing is scheduled" not in trouble)
            session.stop.wait(self._every)
        if done == self._times:
            session.stop.set()


def _start_tdd(
    session: Session, ours: Peer, tms: Peer, ost: Peer, station: str, end: Any, pace: float, every: float, times: int | None
) -> None:
    def tell(sentence: str) -> None:
        session.note(ours.ae_title, sentence)
        session.stop.wait(pace)

    tdd = TDDSimulator(
        tms,
        ost,
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        station=station_code(station),
        end=end,
        watch=True,
        tell=tell,
        timeouts=session.timeouts,
    )
    session.start(tdd, "TDD", f"treats at {station_code(station).value}")
    session.known[ours.ae_title] = session.reachable(tdd.peer)
    session.stack.enter_context(_Treatments(session, tdd, ours.ae_title, every, times))


@serve.command(
    cls=Command,
    examples=["tdwii serve tdd --station FX1", "tdwii serve tdd --tms TMS --ost OST --end canceled-after --times 1"],
)
@click.option("--ae-title", metavar="AE", help=f"AE title, which TMS and OST have to know  [default: {TDD_TITLE}]")
@click.option("--port", type=_PORT, metavar="N", help=f"Port; 0 takes a free one  [default: {TDD_PORT}]")
@click.option(
    "--tms", metavar="PEER", help=f"The TMS: AE title, HOST:PORT or AE=HOST:PORT  [default: {TMS_TITLE}, port {TMS_PORT}]"
)
@click.option("--ost", metavar="PEER", help=f"The OST, as the TMS  [default: {OST_TITLE}, port {OST_PORT}]")
@click.option("--times", type=click.IntRange(1), metavar="N", help="Stop after so many treatments.")
@_tdd_options
@_serving
def tdd(
    session: Session, ae_title: str | None, port: int | None, tms: str | None, ost: str | None, times: int | None, **how: Any
) -> None:
    """Be a Treatment Delivery Device: perform what is scheduled for it today, RO-58 to RO-65."""
    _deny_strangers(session, "TDD")
    ours = _ours(session, None, ae_title, port, Peer(TDD_TITLE, session.host, TDD_PORT))
    the_tms = _other(session, "tms", tms, Peer(TMS_TITLE, "127.0.0.1", TMS_PORT))
    the_ost = _other(session, "ost", ost, Peer(OST_TITLE, "127.0.0.1", OST_PORT))
    _start_tdd(session, ours, the_tms, the_ost, times=times, **how)


# --- all ------------------------------------------------------------------------------------------------------------


@serve.command(
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
@click.option("--port", type=_PORT, metavar="N", help=f"Port of the TMS; 0 takes free ones for all  [default: {TMS_PORT}]")
@_tms_options
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE",
              help="Schedule fraction 1 of this RT (Ion) Plan for today, instead of generated treatments.")  # fmt: skip
@click.option("--with-tdd", "--tdd", "with_tdd", is_flag=True, help="A TDD as well, which performs what is scheduled.")
@click.option("--no-watcher", is_flag=True, help="No watcher: somebody else is WATCHER, for example tdwii watch.")
@click.option("--book", type=click.Path(path_type=Path), metavar="FILE",
              help=f"Address book to write  [default: {BOOK} of --folder, or here]")  # fmt: skip
@_tdd_options
@_serving
def all_(
    session: Session,
    port: int | None,
    store: Path | None,
    folder: Path | None,
    fallback: Sequence[str],
    retention: float | None,
    plan: Path | None,
    with_tdd: bool,
    no_watcher: bool,
    book: Path | None,
    station: str,
    **how: Any,
) -> None:
    """Be a whole TDW-II environment: TMS, OST, watcher; with objects and workitems for today, and an address book."""
    _deny_strangers(session, "TMS", "OST", *([] if no_watcher else ["watcher"]), *(["TDD"] if with_tdd else []))
    _know_the_suite(session)
    at = station_code(station)
    if plan is not None:
        dataset = read_instance(plan)
        plan_facts(dataset)  # says what is wrong before anything was started
    free = 0 if port == 0 else None
    described = session.settings.system
    tms_at = _ours(session, described.tms if described else None, None, port, Peer(TMS_TITLE, session.host, TMS_PORT))
    ost_at = _ours(session, described.ost if described else None, None, free, Peer(OST_TITLE, session.host, OST_PORT))
    watcher_at = _ours(session, None, WATCHER_TITLE, free, Peer(WATCHER_TITLE, session.host, WATCHER_PORT))
    # The watcher first, and stopped last: it is told of every start and stop of the TMS.
    watcher = None if no_watcher else _start_watcher(session, watcher_at, tms_at)
    tms = _start_tms(session, tms_at, store, folder, fallback, retention)
    ost = _start_ost(session, ost_at, folder / "instances" / "ost" if folder else None)
    reach_tms, reach_ost = session.reachable(tms.peer), session.reachable(ost.peer)
    session.known |= {reach_tms.ae_title: reach_tms, reach_ost.ae_title: reach_ost}
    for title, usual, absent in ((TDD_TITLE, TDD_PORT, not with_tdd), (WATCHER_TITLE, WATCHER_PORT, no_watcher)):
        if absent:
            _expect(session, Peer(title, "127.0.0.1", usual), free=free is not None)
    if folder is not None:
        _watch_folder(session, tms, folder, ost)
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
        tdd_at = _ours(session, None, TDD_TITLE, free, Peer(TDD_TITLE, session.host, TDD_PORT))
        _start_tdd(session, tdd_at, reach_tms, reach_ost, station=station, times=None, **how)
    path = book or (folder or Path()) / BOOK
    _write_book(path, session)
    session.advice += [
        f"{scheduled_on(tms, now, at)} workitems today for station {at.value} ({at.scheme or 'no scheme'})",
        _known_line(session),
        f"address book: {path}",
        f"try: tdwii find {reach_tms.ae_title} --station {at.value} --entities {path}",
    ]
    if session.host in ANYWHERE:
        session.advice.append(f"reachable from elsewhere as {socket.gethostname()}")


def _expect(session: Session, peer: Peer, *, free: bool) -> None:
    """Make known somebody who is still to come: where the address book says, on the usual port, or on one that is free now."""
    if free:
        with socket.socket() as probe:
            probe.bind((peer.host, 0))
            peer = replace(peer, port=probe.getsockname()[1])
        session.known[peer.ae_title] = peer
    else:
        session.known.setdefault(peer.ae_title, peer)


def _write_book(path: Path, session: Session) -> None:
    """Write who is known into an address book, whole or not at all; what is there of others stays.

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

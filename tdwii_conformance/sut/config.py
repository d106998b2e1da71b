"""The system under test, from a TOML file (``--sut``), an address book (``--entities``), or as we embed it.

What a file says is checked whole: every mistake is reported at once, each with the file and the key. The keys are
explained in ``fixtures/sut_example.toml``.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import json
import re
import shlex
import ssl
import subprocess
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from ..dimse import TLS, Peer, Timeouts, check_ae_title
from ..treatment.messages import Code

__all__ = [
    "CAPABILITIES",
    "Address",
    "Caller",
    "ConfigError",
    "Edition",
    "Listener",
    "PartnerSettings",
    "SystemUnderTest",
    "Workitems",
    "embedded",
    "entities",
    "load_system",
]  # fmt: skip

Edition = Literal["ti", "2013"]

# The options a vendor may claim for a TMS or an OST: name, and what is then judged. The catalogue refers to the names.
CAPABILITIES = {
    "push": "The TMS accepts UPS Push: workitems can be created with N-CREATE.",
    "watch": "The TMS accepts UPS Watch: N-GET, C-FIND and Request UPS Cancel by somebody who does not perform.",
    "query": "The TMS accepts UPS Query: C-FIND under that SOP class.",
    "request-cancel": "The TMS accepts Request UPS Cancel (N-ACTION, type 2).",
    "subscription": "The TMS accepts subscriptions and sends event reports to subscribers.",
    "filtered-subscription": "The TMS accepts filtered global subscriptions.",
    "store-instructions": "The TMS accepts C-STORE of RT Beams Delivery Instructions, so that a test can provide one.",
    "store-inputs": "The OST accepts C-STORE of plans and records, so that a test can compare what comes back.",
    "photon": "The OST holds objects of photon and electron treatments: RT Plan, RT Beams Treatment Record.",
    "ion": "The OST holds objects of ion treatments: RT Ion Plan, RT Ion Beams Treatment Record.",
    "fetch-inputs": "The watcher fetches a workitem that is scheduled (N-GET), and has its inputs moved to itself.",
    "cget": "The system answers C-GET as well as C-MOVE.",
}

DEFAULT_STATION = Code("TDD1", "99TDWII", "Treatment machine 1")


class ConfigError(ValueError):
    """The description of the system cannot be used.

    Parameters
    ----------
    problems : sequence of str
        One sentence each, with the file and the key.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Address:
    """Where an application entity is."""

    host: str
    port: int


@dataclass(frozen=True)
class Listener:
    """Where and as whom we listen: what the vendor configures as a move destination.

    Parameters
    ----------
    ae_title : str
        Ours.
    host : str
        Local address to listen on.
    port : int
        TCP port; 0 takes a free one.
    tls : TLS, optional
        If the systems reach us over TLS.
    """

    ae_title: str
    host: str
    port: int
    tls: TLS | None = None


@dataclass(frozen=True)
class Workitems:
    """Where the workitems come from that tests need.

    Parameters
    ----------
    source : {"push", "existing"}
        Created by us with N-CREATE, or on the worklist already.
    station : Code
        Scheduled Station Name Code by which the TMS knows our TDD.
    date : str
        ``today``, or a day or range of days as YYYY-MM-DD..YYYY-MM-DD.
    """

    source: Literal["push", "existing"] = "push"
    station: Code = DEFAULT_STATION
    date: str = "today"

    def start_range(self, today: datetime.date) -> str:
        """Return the range of Scheduled Procedure Step Start DateTime to ask for, as a DT range [PS3.4 C.2.2.2.5].

        Parameters
        ----------
        today : datetime.date
            What ``today`` means.
        """
        first, last = _days(self.date, today)
        return f"{first:%Y%m%d}000000-{last:%Y%m%d}235959"


@dataclass(frozen=True)
class Caller:
    """A system under test that calls us: a TDD, or a watcher.

    Parameters
    ----------
    peer : Peer
        Its AE title, by which we know its associations, and where it listens: move destination, receiver of event reports.
    step_timeout : float
        How long a step of a scenario may take to come, in seconds; anything that comes from the system starts it anew.
    settle : float
        How long after the end of a scenario the system may keep its associations open before the next one begins, in seconds.
    trigger : tuple of str
        The command that makes it perform a scenario; empty: a person does.
    folder : Path or None
        Where the command runs.
    supports : frozenset of str
        Options of `CAPABILITIES` that the vendor supports for it.
    receiver_ae_title : str
        AE title by which it is called, when that is not the one by which it calls.
    """

    peer: Peer
    step_timeout: float = 120.0
    settle: float = 5.0
    trigger: tuple[str, ...] = ()
    folder: Path | None = None
    supports: frozenset[str] = frozenset()
    receiver_ae_title: str = ""

    @property
    def receiver(self) -> Peer:
        """How to call it."""
        return replace(self.peer, ae_title=self.receiver_ae_title or self.peer.ae_title)


@dataclass(frozen=True)
class PartnerSettings:
    """The TMS and the OST that we are for systems that call us.

    Parameters
    ----------
    tms, ost : Listener
        AE titles and where they listen.
    unattributed : {"accept", "reject"}
        What becomes of associations of AE titles that are not under test. Accepted ones are served, and recorded apart.
    transcripts : Path or None
        Folder of the transcripts; ``None`` is for the one who runs the tests to say.
    """

    tms: Listener
    ost: Listener
    unattributed: Literal["accept", "reject"] = "accept"
    transcripts: Path | None = None


@dataclass(frozen=True)
class SystemUnderTest:
    """Everything that tests know about the system they judge.

    Parameters
    ----------
    name : str
        As reports and baselines name it.
    tms, ost : Peer or None
        The two actors; they may be one application entity. ``None`` is not described, so not judged.
    tdd : Listener
        Our TDD: calling AE title and move destination.
    second_performer : str
        AE title of a second TDD of ours, that competes with the first.
    second_watcher : str or None
        Another AE title to which the TMS can send event reports, on our TDD's port; without one the tests that need two
        receivers are not judged.
    edition : {"ti", "2013"}
        Edition of TDW-II it is judged by.
    test_system : bool
        Whether its owner consents to tests that change its state.
    tms_supports, ost_supports : frozenset of str
        Options of `CAPABILITIES` the vendor supports.
    timeouts : Timeouts
        Deadlines of associations, in seconds.
    event_timeout : float
        How long an event report may take to come, in seconds.
    workitems : Workitems
        Where workitems come from.
    objects : Path or None
        Folder with plans, delivery instructions and records to use instead of generated ones.
    vendor, product, version : str
        For the report.
    restart : callable or None
        Restarts the TMS; returns when that was done, or raises OSError. ``None`` if we cannot.
    restart_kept : callable or None
        Restarts the TMS, which from the first time on keeps what it knows for the next; ``None`` if that is not ours to say.
    reset : callable or None
        Empties the worklist, so that long runs of random requests do not fill it; ``None`` if we cannot.
    property_examples, property_steps : int or None
        How many random examples, and steps in each, the system may be asked to take; ``None``: as the Hypothesis profile says.
    embedded : bool
        Whether it is our own simulators, in this process.
    calling_tdd, calling_watcher : Caller or None
        A TDD and a watcher under test; ``None`` is not described, so not judged.
    partners : PartnerSettings or None
        The TMS and OST that we are for them.
    """

    name: str
    tms: Peer | None
    ost: Peer | None
    tdd: Listener
    second_performer: str = "TDD2"
    second_watcher: str | None = None
    edition: Edition = "ti"
    test_system: bool = False
    tms_supports: frozenset[str] = frozenset()
    ost_supports: frozenset[str] = frozenset()
    timeouts: Timeouts = field(default_factory=Timeouts)
    event_timeout: float = 10.0
    workitems: Workitems = field(default_factory=Workitems)
    objects: Path | None = None
    vendor: str = ""
    product: str = ""
    version: str = ""
    embedded: bool = False
    restart: Callable[[], None] | None = None
    restart_kept: Callable[[], None] | None = None
    reset: Callable[[], None] | None = None
    property_examples: int | None = None
    property_steps: int | None = None
    calling_tdd: Caller | None = None
    calling_watcher: Caller | None = None
    partners: PartnerSettings | None = None

    def supports(self, actor: str) -> frozenset[str]:
        """Return what the vendor supports for an actor, ``"TMS"``, ``"OST"``, ``"TDD"`` or ``"watcher"``."""
        if actor in ("TMS", "OST"):
            return self.tms_supports if actor == "TMS" else self.ost_supports
        caller = self.caller(actor)
        return caller.supports if caller is not None else frozenset()

    def caller(self, actor: str) -> Caller | None:
        """Return the ``"TDD"`` or ``"watcher"`` under test; ``None`` if it is not described."""
        return {"TDD": self.calling_tdd, "watcher": self.calling_watcher}.get(actor)

    def describes(self, actor: str) -> bool:
        """Whether the actor is described, so that it can be judged."""
        return {"TMS": self.tms, "OST": self.ost}.get(actor, self.caller(actor)) is not None

    def with_edition(self, edition: Edition) -> SystemUnderTest:
        """Return the same system, to be judged by another edition."""
        return dataclasses.replace(self, edition=edition)

    @property
    def description(self) -> str:
        """Name, product and addresses, in one line."""
        product = " ".join(part for part in (self.vendor, self.product, self.version) if part)
        actors = ("TMS", self.tms), ("OST", self.ost), ("TDD", self.calling_tdd), ("watcher", self.calling_watcher)
        peers = [
            f"{role} {peer.ae_title} at {peer.host}:{peer.port}{' (TLS)' if peer.tls else ''}"
            for role, found in actors
            if (peer := found.peer if isinstance(found, Caller) else found) is not None
        ]
        return f"{self.name}{f' ({product})' if product else ''}: {', '.join(peers)}"


def embedded() -> SystemUnderTest:
    """Return the description of our own simulators: everything claimed and allowed, ports to be filled in."""
    everything = frozenset(CAPABILITIES)
    return SystemUnderTest(
        name="embedded simulators",
        tms=Peer("TMS", "127.0.0.1", 0),
        ost=Peer("OST", "127.0.0.1", 0),
        tdd=Listener("TDD", "127.0.0.1", 0),
        second_watcher="WATCHER2",
        test_system=True,
        tms_supports=everything,
        ost_supports=everything,
        embedded=True,
        # Where the simulators listen is filled in once they do.
        calling_tdd=Caller(Peer("TDD", "127.0.0.1", 0), step_timeout=20.0, supports=everything),
        calling_watcher=Caller(Peer("PPVS", "127.0.0.1", 0), step_timeout=20.0, supports=everything),
        partners=PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0)),
    )


def load_system(path: Path | None, *, entities: Path | None = None) -> SystemUnderTest:
    """Read the description of a system.

    Parameters
    ----------
    path : Path or None
        The TOML file. Without one, the TMS and OST are those of the address book with the AE titles ``TMS`` and
        ``OST``, nothing is claimed, and only reading tests are allowed.
    entities : Path, optional
        An address book in the format of ApplicationEntities.json: hosts and ports that the file leaves out, by AE
        title.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    book = _book(entities) if entities else {}
    if path is None:
        if entities is None:
            raise ValueError("a TOML file or an address book is needed to describe a system")
        content: dict[str, Any] = {
            "system": {"name": entities.stem},
            **{role: {"ae_title": role.upper()} for role in ("tms", "ost") if role.upper() in book},
            "workitems": {"station": {"value": DEFAULT_STATION.value, "scheme": DEFAULT_STATION.scheme}},
        }
        return _system(entities, content, book, entities)
    return _system(path, _toml(path), book, entities)


def entities(path: Path) -> dict[str, Address]:
    """Read an address book: a list of ``{"AETitle", "IPAddr", "Port"}``.

    Raises
    ------
    ConfigError
        With every problem of the file, by the number of the entry.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: cannot be read as JSON: {_reason(error)}"]) from error
    if not isinstance(content, list):
        raise ConfigError([f'{path}: is not a list of {{"AETitle": ..., "IPAddr": ..., "Port": ...}}'])
    problems: list[str] = []
    found: dict[str, Address] = {}
    for number, entry in enumerate(content, 1):
        try:
            one = _Entity.model_validate(entry)
        except ValidationError as error:
            problems += [_problem(f"{path}: entry {number}", _Entity, details) for details in error.errors()]
            continue
        address = Address(one.IPAddr, one.Port)
        if found.setdefault(one.AETitle, address) != address:
            problems.append(
                f"{path}: entry {number}: AETitle: {one.AETitle!r} is there already with another address: "
                f"{found[one.AETitle].host}:{found[one.AETitle].port}"
            )
    if problems:
        raise ConfigError(problems)
    return found


_book = entities  # load_system has a parameter of that name


# --- the file -------------------------------------------------------------------------------------------------------


def _ae_title(value: Any) -> Any:
    return check_ae_title(value) if isinstance(value, str) else value


def _port(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError(f"{value!r} is not a port: give 1 to 65535")
    return value


def _count(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise ValueError(f"{value!r} is not a count: give 1 to 100000")
    return value


def _seconds(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise ValueError(f"{value!r} is not a time-out: give seconds, more than 0 and at most 3600")
    return float(value)


def _claim(value: Any) -> Any:
    if value not in CAPABILITIES:
        raise ValueError(f"{value!r} is no capability{_near(value, CAPABILITIES)}")
    return value


def _command(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a command: {error}") from error


def _not_empty(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty")
    return value


def _date(value: Any) -> Any:
    if isinstance(value, datetime.date):  # TOML has dates of its own
        value = f"{value:%Y-%m-%d}"
    try:
        first, last = _days(value, datetime.date.min)
    except (TypeError, ValueError):
        raise ValueError(f'{value!r} is not a date: give "today", "YYYY-MM-DD" or "YYYY-MM-DD..YYYY-MM-DD"') from None
    if last < first and "today" not in value:
        raise ValueError(f"{value!r} ends before it begins")
    return value


def _days(text: str, today: datetime.date) -> tuple[datetime.date, datetime.date]:
    first, _, last = text.partition("..")
    days = [today if day == "today" else datetime.date.fromisoformat(day) for day in (first, last or first)]
    return days[0], days[1]


AETitle = Annotated[StrictStr, BeforeValidator(_ae_title)]
Port = Annotated[int, BeforeValidator(_port)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
Count = Annotated[int, BeforeValidator(_count)]
Text = Annotated[StrictStr, BeforeValidator(_not_empty)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Entity(_Table):
    AETitle: AETitle
    IPAddr: Text
    Port: Port


class _System(_Table):
    name: Text
    vendor: StrictStr = ""
    product: StrictStr = ""
    version: StrictStr = ""
    edition: Edition = "ti"
    test_system: StrictBool = False


class _TLS(_Table):
    ca: Text | None = None
    certificate: Text | None = None
    key: Text | None = None


class _Peer(_Table):
    ae_title: AETitle
    host: Text | None = None
    port: Port | None = None
    supports: list[Annotated[str, BeforeValidator(_claim)]] = []
    tls: _TLS | None = None


class _TMS(_Peer):
    restart: Annotated[list[Text], Field(min_length=1)] | None = None


class _Caller(_Peer):
    receiver_ae_title: AETitle | None = None
    step_timeout: Seconds = Caller.step_timeout
    settle: Seconds = Caller.settle
    trigger: Annotated[list[Text], BeforeValidator(_command), Field(min_length=1)] | None = None


class _Listener(_Table):
    ae_title: AETitle
    host: Text = "0.0.0.0"
    port: Port | None = None


class _OurTDD(_Listener):
    ae_title: AETitle = "TDD"


class _OurTMS(_Listener):
    ae_title: AETitle = "TMS"


class _OurOST(_Listener):
    ae_title: AETitle = "OST"


class _Ours(_Table):
    tdd: _OurTDD = _OurTDD()
    tms: _OurTMS = _OurTMS()
    ost: _OurOST = _OurOST()
    unattributed: Literal["accept", "reject"] = "accept"
    transcripts: Text | None = None
    second_performer: AETitle = "TDD2"
    second_watcher: AETitle | None = None
    tls: _TLS | None = None


class _Timeouts(_Table):
    connect: Seconds = Timeouts.connect
    association: Seconds = Timeouts.association
    message: Seconds = Timeouts.message
    network: Seconds = Timeouts.network
    event: Seconds = 10.0
    restart: Seconds = 60.0


class _Station(_Table):
    value: Text
    scheme: StrictStr = ""
    meaning: StrictStr = ""


class _Workitems(_Table):
    source: Literal["push", "existing"] | None = None
    station: _Station | None = None
    date: Annotated[StrictStr, BeforeValidator(_date)] = "today"


class _Properties(_Table):
    examples: Count = 20
    steps: Count = 20


class _Objects(_Table):
    folder: Text | None = None


class _File(_Table):
    system: _System
    tms: _TMS | None = None
    ost: _Peer | None = None
    tdd: _Caller | None = None
    watcher: _Caller | None = None
    ours: _Ours = _Ours()
    timeouts: _Timeouts = _Timeouts()
    workitems: _Workitems = _Workitems()
    objects: _Objects = _Objects()
    properties: _Properties = _Properties()


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {_reason(error)}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error


# Keys of version 0.1 before its release, by table, that are still read for one version.
FORMER_KEYS = {
    **{table: {"claims": "supports"} for table in ("tms", "ost", "tdd", "watcher")},
    "ours": {"strangers": "unattributed"},
}


def _with_present_names(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the content with former keys under their present names, and say so.

    Raises
    ------
    ConfigError
        If a file has both names of a key.
    """
    result = dict(content)
    for table, former in FORMER_KEYS.items():
        if not isinstance(result.get(table), dict):
            continue
        result[table] = dict(result[table])
        for old, new in former.items():
            if old not in result[table]:
                continue
            if new in result[table]:
                raise ConfigError([f"{path}: {table}.{old}: is the former name of {table}.{new}, which is there too: keep one"])
            message = f"{path}: {table}.{old} is now called {table}.{new}; the former name goes with the next version"
            warnings.warn(message, FutureWarning, stacklevel=2)
            result[table][new] = result[table].pop(old)
    return result


def _system(path: Path, content: dict[str, Any], book: dict[str, Address], book_path: Path | None) -> SystemUnderTest:
    content = _with_present_names(path, content)
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise ConfigError([_problem(str(path), _File, details) for details in error.errors()]) from error
    return _Reader(path, file, book, book_path).system()


class _Reader:
    """Makes a `SystemUnderTest` of a file that is sound key by key, and gathers what does not go together."""

    def __init__(self, path: Path, file: _File, book: dict[str, Address], book_path: Path | None) -> None:
        self.path, self.file, self.book, self.book_path = path, file, book, book_path
        self.problems: list[str] = []

    def wrong(self, key: str, problem: str) -> None:
        self.problems.append(f"{self.path}: {key}: {problem}")

    def system(self) -> SystemUnderTest:
        file = self.file
        if not (file.tms or file.ost or file.tdd or file.watcher):
            self.wrong("tms, ost, tdd, watcher", "none is described: nothing could be judged")
        tms, ost = self.peer("tms", file.tms), self.peer("ost", file.ost)
        callers = self.caller("tdd", file.tdd), self.caller("watcher", file.watcher)
        tls = self.tls("ours.tls", file.ours.tls)
        partners = self.partners(tls) if file.tdd or file.watcher else None
        tdd = self.listener(file.ours.tdd, 11113, tls)
        if file.ours.second_performer == tdd.ae_title:
            self.wrong("ours.second_performer", f"{tdd.ae_title!r} is the first one's AE title: the two must differ")
        if file.ours.second_watcher == tdd.ae_title:
            self.wrong("ours.second_watcher", f"{tdd.ae_title!r} is the first one's AE title: the two must differ")
        workitems = self.workitems()
        objects = self.objects()
        if self.problems:
            raise ConfigError(self.problems)
        timeouts = file.timeouts.model_dump()
        event_timeout = timeouts.pop("event")
        timeouts.pop("restart")
        return SystemUnderTest(
            tms=tms,
            ost=ost,
            tdd=tdd,
            second_performer=file.ours.second_performer,
            tms_supports=frozenset(file.tms.supports if file.tms else ()),
            ost_supports=frozenset(file.ost.supports if file.ost else ()),
            timeouts=Timeouts(**timeouts),
            event_timeout=event_timeout,
            workitems=workitems,
            objects=objects,
            property_examples=file.properties.examples,
            property_steps=file.properties.steps,
            second_watcher=file.ours.second_watcher,
            restart=self.restart(),
            calling_tdd=callers[0],
            calling_watcher=callers[1],
            partners=partners,
            **file.system.model_dump(),
        )

    def restart(self) -> Callable[[], None] | None:
        command = self.file.tms.restart if self.file.tms else None
        return partial(_run, command, self.path.parent, self.file.timeouts.restart) if command else None

    def peer(self, key: str, peer: _Peer | None) -> Peer | None:
        if peer is None:
            return None
        known = self.book.get(peer.ae_title)
        host = peer.host or (known.host if known else None)
        port = peer.port or (known.port if known else None)
        tls = self.tls(f"{key}.tls", peer.tls)
        if host is None or port is None:
            missing = " and ".join(name for name, value in (("host", host), ("port", port)) if value is None)
            book = f", and {self.book_path} has no AETitle {peer.ae_title!r}" if self.book_path else ""
            self.wrong(key, f"{missing} missing{book}")
            return None
        return Peer(peer.ae_title, host, port, tls)

    def caller(self, key: str, caller: _Caller | None) -> Caller | None:
        peer = self.peer(key, caller)
        if caller is None or peer is None:
            return None
        trigger = tuple(caller.trigger or ())
        supports = frozenset(caller.supports)
        return Caller(
            peer, caller.step_timeout, caller.settle, trigger, self.path.parent.resolve(), supports, caller.receiver_ae_title or ""
        )

    def partners(self, tls: TLS | None) -> PartnerSettings:
        ours = self.file.ours
        tms, ost = self.listener(ours.tms, 11114, tls), self.listener(ours.ost, 11112, tls)
        if tms.port == ost.port:
            self.wrong("ours.ost.port", f"{ost.port} is the port of [ours.tms]: the two must differ")
        for key, caller in (("tdd", self.file.tdd), ("watcher", self.file.watcher)):
            for role, listener in (("tms", tms), ("ost", ost)):
                if caller is not None and caller.ae_title == listener.ae_title:
                    self.wrong(f"{key}.ae_title", f"{caller.ae_title!r} is the AE title of [ours.{role}]: the two must differ")
        if self.file.tdd and self.file.watcher and self.file.tdd.ae_title == self.file.watcher.ae_title:
            self.wrong("watcher.ae_title", f"{self.file.tdd.ae_title!r} is the AE title of [tdd]: the two must differ")
        folder = (self.path.parent / ours.transcripts).resolve() if ours.transcripts else None
        return PartnerSettings(tms, ost, ours.unattributed, folder)

    def listener(self, ours: _Listener, usual: int, tls: TLS | None) -> Listener:
        known = self.book.get(ours.ae_title)
        # Where the address book says we are, is where the others send to, not always an address of this machine.
        port = ours.port or (known.port if known else usual)
        return Listener(ours.ae_title, ours.host, port, tls)

    def tls(self, key: str, tls: _TLS | None) -> TLS | None:
        if tls is None:
            return None
        before = len(self.problems)
        files = {name: self.existing(f"{key}.{name}", value) for name, value in tls.model_dump().items()}
        if tls.key and not tls.certificate:
            self.wrong(f"{key}.certificate", "missing: a key is of use with its certificate only")
        if key == "ours.tls" and not tls.certificate:
            self.wrong(f"{key}.certificate", "missing: who is called over TLS has to show a certificate")
        found = TLS(**files)
        if len(self.problems) == before:
            try:
                found.client_context()
            except (OSError, ssl.SSLError) as error:
                self.wrong(key, f"not usable as PEM certificates and key: {_reason(error)}")
        return found

    def existing(self, key: str, name: str | None) -> Path | None:
        if name is None:
            return None
        path = (self.path.parent / name).resolve()
        if not path.is_file():
            self.wrong(key, f"no such file: {path}")
        return path

    def workitems(self) -> Workitems:
        said = self.file.workitems
        claimed = self.file.tms is not None and "push" in self.file.tms.supports
        source = said.source or ("push" if claimed and self.file.system.test_system else "existing")
        if self.file.tms is not None:
            if source == "push" and not self.file.system.test_system:
                self.wrong(
                    "workitems.source",
                    '"push" creates workitems in the TMS: say system.test_system = true, or source = "existing"',
                )
            if source == "push" and not claimed:
                self.wrong("workitems.source", '"push" needs "push" in tms.supports')
            if source == "existing" and said.station is None:
                self.wrong("workitems.station", "missing: existing workitems are found by their station and date")
        station = Code(**said.station.model_dump()) if said.station else DEFAULT_STATION
        return Workitems(source, station, said.date)

    def objects(self) -> Path | None:
        if self.file.objects.folder is None:
            return None
        folder = (self.path.parent / self.file.objects.folder).resolve()
        if not folder.is_dir():
            self.wrong("objects.folder", f"no such folder: {folder}")
        return folder


def _run(command: list[str], folder: Path, seconds: float) -> None:
    """Run a command of the system's owner.

    Raises
    ------
    OSError
        If it cannot be run, fails, or does not end in time; the message names it.
    """
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=seconds, capture_output=True)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"tms.restart: {' '.join(command)!r} did not end within {seconds:g} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(f"tms.restart: {' '.join(command)!r} ended with {error.returncode}: {said[-1] if said else ''}") from error


# --- what is wrong with it ------------------------------------------------------------------------------------------


def _problem(where: str, model: type[BaseModel], details: ErrorDetails) -> str:
    """Say what pydantic found, with the file, the key as the file spells it, and what would be right."""
    *parents, last = details["loc"] or ("",)
    key = re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else p for p in (*parents, last)))
    place = f"{where}: {key}" if key else where
    value = details["input"]
    match details["type"]:
        case "extra_forbidden":
            known = _keys(model, parents)
            return f"{place}: unknown key{_near(last, known)}; known are {', '.join(known)}"
        case "missing":
            return f"{place}: missing"
        case "value_error":
            return f"{place}: {details['ctx']['error']}"
        case "literal_error":
            return f"{place}: {value!r} is not one of {details['ctx']['expected']}"
        case "string_type":
            return f"{place}: {value!r} is not text: put it in quotes"
        case "bool_type":
            return f"{place}: {value!r} is not true or false"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{place}: {value!r} is not a table of keys and values"
        case "list_type":
            return f"{place}: {value!r} is not a list"
        case _:
            return f"{place}: {value!r}: {details['msg']}"


def _keys(model: type[BaseModel], parents: list[int | str]) -> list[str]:
    for parent in parents:
        annotation = model.model_fields[str(parent)].annotation
        models = [annotation, *get_args(annotation)]
        model = next(m for m in models if isinstance(m, type) and issubclass(m, BaseModel))
    return list(model.model_fields)


def _near(word: object, known: Any) -> str:
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__

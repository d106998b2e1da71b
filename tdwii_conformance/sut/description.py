"""What is known of a system under test: its actors, what the vendor supports, who we are for it, and its deadlines."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..dimse import TLS, Peer, Timeouts
from ..treatment.messages import Code
from ..treatment.parts import Modality

__all__ = [
    "CAPABILITIES",
    "DEFAULT_STATION",
    "OWN_WORKITEMS",
    "Address",
    "Caller",
    "Edition",
    "Listener",
    "PartnerSettings",
    "SystemUnderTest",
    "WorkitemSource",
    "Workitems",
    "day_range",
    "embedded",
]


Edition = Literal["ti", "2013"]
WorkitemSource = Literal["push", "existing", "person", "command"]

# The capabilities that a system may support: name, and what is then judged. The catalogue refers to the names.
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
    "full-storage": "The OST stores every attribute of a record, private ones too: level 2 of its conformance statement.",
}

# What a TMS is judged by that makes its workitems itself. It follows from `Workitems.sources`, so nobody names it.
OWN_WORKITEMS = "own-workitems"

DEFAULT_STATION = Code("TDD1", "99TDWII", "Treatment machine 1")


@dataclass(frozen=True)
class Address:
    """Where an application entity is."""

    host: str
    port: int


@dataclass(frozen=True)
class Listener:
    """The address and AE title at which we listen: what the vendor configures as a move destination.

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
    sources : tuple of {"push", "existing", "person", "command"}
        Created by us with N-CREATE; on the worklist already; scheduled by a person, or by a command of the vendor.
    station : Code
        Scheduled Station Name Code by which the TMS knows our TDD.
    date : str
        ``today``, or a day or range of days as YYYY-MM-DD..YYYY-MM-DD.
    command : tuple of str
        Schedules one workitem, with what is wanted in its environment.
    folder : Path or None
        Where the command runs.
    timeout : float
        How long a workitem that a person or command schedules may take to be found, in seconds.
    recognised_by : tuple of {"station", "patient", "label", "start"}
        By what such a workitem is known to be ours.
    patient_id, patient_name : str
        The patient to schedule for; empty: one for each workitem, with a name of ours.
    changes : tuple of {"cancel", "move"}
        What the person or the command can do to a workitem that is scheduled.
    other_station : Code or None
        The station to which ``move`` takes one.
    """

    sources: tuple[WorkitemSource, ...] = ("push",)
    station: Code = DEFAULT_STATION
    date: str = "today"
    command: tuple[str, ...] = ()
    folder: Path | None = None
    timeout: float = 300.0
    recognised_by: tuple[str, ...] = ("station", "patient", "start")
    patient_id: str = ""
    patient_name: str = ""
    changes: tuple[str, ...] = ()
    other_station: Code | None = None

    @property
    def own(self) -> bool:
        """Whether the workitems are those of the system under test."""
        return "push" not in self.sources

    def start_range(self, today: datetime.date) -> str:
        """Return the range of Scheduled Procedure Step Start DateTime to ask for, as a DT range [PS3.4 C.2.2.2.5].

        Parameters
        ----------
        today : datetime.date
            What ``today`` means.
        """
        first, last = day_range(self.date, today)
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
    modality : {"photon", "ion"}
        Of the plans that a TDD is given to treat.
    """

    tms: Listener
    ost: Listener
    unattributed: Literal["accept", "reject"] = "accept"
    transcripts: Path | None = None
    modality: Modality = "photon"

    @property
    def one_product(self) -> bool:
        """Whether the two are one application entity."""
        return self.tms == self.ost and self.tms.port != 0


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
    fallback : tuple of str
        AE titles of ours that are on the fallback list of the TMS: told of a restart though not subscribed [CC.2.4.3].
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
    fallback: tuple[str, ...] = ()
    reset: Callable[[], None] | None = None
    property_examples: int | None = None
    property_steps: int | None = None
    calling_tdd: Caller | None = None
    calling_watcher: Caller | None = None
    partners: PartnerSettings | None = None

    def supports(self, actor: str) -> frozenset[str]:
        """Return what the vendor supports for an actor, ``"TMS"``, ``"OST"``, ``"TDD"`` or ``"watcher"``."""
        if actor == "TMS":
            return self.tms_supports | {OWN_WORKITEMS} if self.workitems.own else self.tms_supports
        if actor == "OST":
            return self.ost_supports
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
            f"{role} {peer.ae_title} at {peer.host}:{peer.port}{_over_tls(peer)}"
            for role, found in actors
            if (peer := found.peer if isinstance(found, Caller) else found) is not None
        ]
        return f"{self.name}{f' ({product})' if product else ''}: {', '.join(peers)}"


def _over_tls(peer: Peer) -> str:
    if peer.tls is None:
        return ""
    return " (TLS)" if peer.tls.check_hostname else " (TLS, host name of the certificate not checked)"


def embedded() -> SystemUnderTest:
    """Return the description of our own simulators: everything supported and allowed, ports to be filled in."""
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


def day_range(text: str, today: datetime.date) -> tuple[datetime.date, datetime.date]:
    """Return the first and the last day of a date, or of a range of dates, of the file; ``today`` is the day given."""
    first, _, last = text.partition("..")
    days = [today if day == "today" else datetime.date.fromisoformat(day) for day in (first, last or first)]
    return days[0], days[1]

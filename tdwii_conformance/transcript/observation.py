"""What was observed of a system that calls us: its associations and exchanges, written to disk as they happen.

An *Observation* is a scenario as it went, with the facts it has to be judged by. Its file can be judged again at any
time, with no system present. No network here.

The facts of a scenario, all of them text. Empty ones count as not known; what depends on them is then not compared.

===================  ===================================================================================================
``actor``            what is under test: ``TDD`` or ``watcher``
``system``           name of what is under test, for reports
``scenario``         as `drivers.scenarios` names them: ``new-completed``, ``continuation-canceled-before``, ...; for a
                     watcher ``watch``
``start``, ``end``   ``TREATMENT`` or ``CONTINUATION``; ``completed``, ``canceled-after`` or ``canceled-before``
``edition``          edition of TDW-II: ``ti`` or ``2013``
``inject``           what the scenario was made to hold, of `checks.scu.INJECTIONS`; empty: nothing. With ``two-workitems``
                     the two differ in their SOP Instance UIDs only
``workitem``         SOP Instance UID of what is on the worklist
``tdd_ae_title``, ``watcher_ae_title``, ``tms_ae_title``, ``ost_ae_title``
                     AE titles of the system under test, calling, and ours; one may be TMS and OST
``tdd_receiver_ae_title``, ``watcher_receiver_ae_title``
                     AE title by which it is called, as move destination; empty: the one by which it calls
``station_value``, ``station_scheme``, ``patient_name``, ``patient_id``, ``plan_label``, ``fraction``,
``fractions_planned``, ``study``
                     as the workitem has them
``plan``, ``plan_class``, ``instruction``
                     SOP Instance and Class UID of the plan, SOP Instance UID of the delivery instruction
``beam_numbers``     of the plan: ``1|2``
``known_transaction_uids``
                     Transaction UIDs that the system has used before, in earlier scenarios of the run: ``1.2.3|1.2.4``
``deadline``         how long each step was awaited, in seconds
===================  ===================================================================================================
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .exchange import Exchange, TranscriptError, exchange_from_json, exchange_to_json
from .references import Reference
from .sent import Sent, sent_from_json

__all__ = [
    "Association", "Observation", "ObservationWriter", "Reference", "read_observation", "read_observations", "write_observation",
]  # fmt: skip

INTERRUPTED = "the run was interrupted"
# How the reason begins why a scenario was not performed that the system does not support.
NOT_SUPPORTED = "the trigger says that this scenario is not supported"
ACTORS = ("TDD", "watcher")
OPEN = "still open"  # how an association has ended that has not
# In the words for how an association ended, for a check to find:
IN_A_MESSAGE = "in the middle of a message"
GARBAGE = "what came was no PDU"


@dataclass(frozen=True)
class Association:
    """An association as its acceptor, or we as requestor, saw it.

    Parameters
    ----------
    requestor, acceptor : str
        AE titles; empty when the connection ended before any was given.
    time : datetime
        When it was requested, or the connection opened.
    proposed : tuple of (str, tuple of str)
        Abstract syntax and transfer syntaxes of each presentation context.
    accepted : tuple of str
        Abstract syntaxes that were accepted.
    scp_roles : tuple of str
        Abstract syntaxes for which the requestor proposed to be the SCP.
    ended : str
        How: ``released``, ``aborted``, ...; in words for a reader. `OPEN` for one that stands.
    sent : tuple of Sent
        What requestor and acceptor have sent, as the upper layer sees it; empty where that was not recorded.
    extended : tuple of (str, str)
        SOP Class Extended Negotiation that the requestor proposed: SOP Class UID and application information, in hexadecimal.
    """

    requestor: str
    acceptor: str
    time: datetime
    proposed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    accepted: tuple[str, ...] = ()
    scp_roles: tuple[str, ...] = ()
    ended: str = "released"
    sent: tuple[Sent, ...] = ()
    extended: tuple[tuple[str, str], ...] = ()

    def now(self) -> Association:
        """Return it as it is now; of one that stands, whoever records it knows what has been sent on it meanwhile."""
        return self


@dataclass(frozen=True)
class Observation:
    """What was observed in one scenario.

    Parameters
    ----------
    facts : mapping of str to str
        What it is judged by: ``scenario``, ``edition``, ``workitem``, AE titles, ... (see this module).
    inputs : tuple of Reference
        The workitem's Input Information Sequence.
    exchanges : tuple of Exchange
        What was exchanged with the system, in the order in which it ended.
    associations : tuple of Association
        Its associations, and ours with it.
    why_early : str
        Why nothing more was awaited: empty when the scenario came to its end, else for example
        ``awaited 120 s, nothing received``.
    awaited : str
        The step that was awaited then, as the operator was told it; empty when the scenario came to its end, or it is not known.
    """

    facts: Mapping[str, str]
    inputs: tuple[Reference, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    associations: tuple[Association, ...] = ()
    why_early: str = INTERRUPTED
    awaited: str = ""

    @property
    def early(self) -> str:
        """That, and why, the scenario did not come to its end, in one sentence; empty when it did."""
        if not self.why_early:
            return ""
        parts = (self.facts.get("scenario"), self.facts.get("inject"))
        name = ", ".join(part for part in parts if part) or "the scenario"
        where = f" while {self.awaited} was awaited" if self.awaited else " before its end"
        return f"{name} ended{where}: {self.why_early}"

    @property
    def fault(self) -> bool:
        """Whether that it ended early is somebody's fault: not when the run was interrupted, nor when something got in the way."""
        return bool(self.why_early) and self.why_early != INTERRUPTED and not self.unsupported and not self.facts.get("inject")

    @property
    def unsupported(self) -> bool:
        """Whether the system does not support the scenario, as its trigger says: nothing of it is judged."""
        return self.why_early.startswith(NOT_SUPPORTED)


@dataclass
class ObservationWriter:
    """Writes an observation as it grows: a line for what was begun, for each exchange and association, for the end.

    Safe to use from many threads. A context manager.

    Parameters
    ----------
    path : Path
        The file; its folder is made if need be, what is there is replaced.
    facts, inputs
        As of `Observation`.
    """

    path: Path
    facts: Mapping[str, str]
    inputs: Sequence[Reference] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("w", encoding="utf-8")
        self._write({"begun": {"facts": dict(self.facts), "inputs": [asdict(one) for one in self.inputs]}})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._file.close()

    def exchange(self, exchange: Exchange) -> None:
        """Add an exchange."""
        self._write({"exchange": exchange_to_json(exchange)})

    def association(self, association: Association) -> None:
        """Add an association that has ended."""
        self._write({"association": {**asdict(association), "time": association.time.isoformat()}})

    def ended(self, why_early: str, awaited: str = "") -> None:
        """Add why nothing more is awaited, and what was."""
        if awaited:
            self._write({"awaited": awaited})
        self._write({"ended": why_early})

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()


def write_observation(path: Path, observation: Observation) -> None:
    """Write a whole observation; folders on the way are made, what is there is replaced."""
    with ObservationWriter(path, observation.facts, observation.inputs) as writer:
        for association in observation.associations:
            writer.association(association)
        for exchange in observation.exchanges:
            writer.exchange(exchange)
        if observation.why_early != INTERRUPTED:
            writer.ended(observation.why_early, observation.awaited)


def read_observation(path: Path) -> Observation:
    """Read what an `ObservationWriter` wrote; of an interrupted run, what it came to.

    Raises
    ------
    TranscriptError
        If the file cannot be read, naming file, line and what is wrong with it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise TranscriptError(f"{path}: cannot be read: {reason}") from error
    facts: dict[str, str] = {}
    inputs: tuple[Reference, ...] = ()
    exchanges, associations, why_early, awaited = [], [], INTERRUPTED, ""
    # A last line without its end was being written when the run was killed.
    for number, line in enumerate(lines[:-1], 1):
        try:
            ((kind, value),) = json.loads(line).items()
            match kind:
                case "begun" if number == 1:
                    facts, inputs = dict(value["facts"]), tuple(Reference(**one) for one in value["inputs"])
                case "exchange":
                    exchanges.append(exchange_from_json(value))
                case "association":
                    associations.append(_association(value))
                case "awaited":
                    awaited = str(value)
                case "ended":
                    why_early = str(value)
                case _:
                    raise ValueError(f"{kind!r} is not expected here")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TranscriptError(f"{path}, line {number}: not a line of a recorded scenario: {error}") from error
    if not facts:
        raise TranscriptError(f"{path}: not a recorded scenario: it has no first line that says what was begun")
    return Observation(facts, inputs, tuple(exchanges), tuple(associations), why_early, awaited)


def read_observations(path: Path) -> tuple[Observation, ...]:
    """Read a file, or the ``*.jsonl`` files of a folder, except for what is unattributed; in the order of their names.

    Raises
    ------
    TranscriptError
        If there is none, or one cannot be read.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    found = [read_observation(file) for file in files]
    found = [one for one in found if one.facts.get("actor") in ACTORS]
    if not found:
        raise TranscriptError(f"{path}: no recorded scenario of a TDD or a watcher (*.jsonl) is there")
    return tuple(found)


def _association(value: dict[str, Any]) -> Association:
    return Association(
        requestor=value["requestor"],
        acceptor=value["acceptor"],
        time=datetime.fromisoformat(value["time"]),
        proposed=tuple((syntax, tuple(transfers)) for syntax, transfers in value["proposed"]),
        accepted=tuple(value["accepted"]),
        scp_roles=tuple(value["scp_roles"]),
        ended=value["ended"],
        sent=tuple(sent_from_json(one) for one in value.get("sent", ())),  # older recordings have none
        extended=tuple((syntax, information) for syntax, information in value.get("extended", ())),
    )

"""The test partners: the TMS and the OST that systems under test call, and what is observed of those systems.

Several systems may call at once, and others that are not under test. Every exchange is recorded once: in the session of the
system that it is attributed to, or with what is unattributed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..dimse import Peer, Timeouts
from ..profile.ups_service import CHANGE_STATE
from ..scu.treatment_session import inputs_of
from ..simulators.ost import OST
from ..simulators.stock import prepare
from ..simulators.tms import TMS
from ..sut.config import PartnerSettings
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import OPEN, Association, Observation, ObservationWriter, Reference
from ..treatment import objects
from ..treatment.messages import Code
from ..ups import Outcome

__all__ = ["Partners", "Session", "Workitem"]

Key = tuple[str, str, datetime]  # what an association is told apart by: AE titles, time
UNATTRIBUTED = "unattributed"


class Workitem:
    """A workitem that we put on the worklist, with its objects on the TMS and the OST.

    Parameters
    ----------
    uid : str
        SOP Instance UID.
    attributes : Dataset
        Of the N-CREATE.
    treatment : objects.Treatment
        What is to be delivered.
    """

    def __init__(self, uid: str, attributes: Dataset, treatment: objects.Treatment) -> None:
        self.uid, self.attributes, self.treatment = uid, attributes, treatment

    @property
    def inputs(self) -> tuple[Reference, ...]:
        """Its Input Information Sequence."""
        return inputs_of(self.attributes)

    @property
    def facts(self) -> dict[str, str]:
        """What an observation says of it."""
        treatment = self.treatment
        return {
            "workitem": self.uid,
            "patient_name": str(self.attributes.PatientName),
            "patient_id": str(self.attributes.PatientID),
            "plan_label": treatment.plan_label,
            "fraction": str(treatment.fraction),
            "fractions_planned": str(treatment.fractions_planned),
            "study": str(self.attributes.StudyInstanceUID),
            "plan": str(treatment.plan.SOPInstanceUID),
            "plan_class": str(treatment.plan.SOPClassUID),
            "instruction": str(treatment.instruction.SOPInstanceUID),
            "beam_numbers": "|".join(str(number) for number in treatment.beam_numbers),
        }


class _Passing(Transcript):
    """A transcript that keeps nothing: each exchange is handed on."""

    def __init__(self, take: Callable[[Exchange], None]) -> None:
        super().__init__()
        self._take = take

    def append(self, exchange: Exchange) -> None:
        self._take(exchange)


CLAIM, SET, PROGRESS = "claim-refused", "set-refused", "cancel-request"
CONSOLE = "CONSOLE"  # AE title of who requests cancellations
NOT_NOW = 0x0110  # Processing failure [PS3.7 C.5]


class _TMS(TMS):
    """A TMS on which something gets in a TDD's way, once for each workitem."""

    def __init__(self, injections: dict[str, str], *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._injections = injections

    def _injected(self, event: Any, by: str) -> bool:
        uid = str(event.request.RequestedSOPInstanceUID)
        return self._injections.get(uid) == by and bool(self._injections.pop(uid))

    def announce_restart(self) -> None:
        """Report a warm restart to those who watch."""
        self._report_status("RESTARTED", warm=True)

    def action(self, event: Any, action: int) -> Outcome:
        if action == CHANGE_STATE and self._injected(event, CLAIM):
            self.worklist.change_state(str(event.request.RequestedSOPInstanceUID), "IN PROGRESS", str(generate_uid()))
        return super().action(event, action)

    def set(self, event: Any) -> Outcome:
        if self._injected(event, SET):
            return Outcome(NOT_NOW, "not now")
        outcome = super().set(event)
        if not outcome.status and self._injected(event, PROGRESS):
            self.worklist.request_cancel(str(event.request.RequestedSOPInstanceUID), None, CONSOLE)
        return outcome


class _Destinations(Mapping[str, Peer]):
    """The systems, but for those that the OST is made not to know."""

    def __init__(self, systems: Mapping[str, Peer], unknown: set[str]) -> None:
        self._systems, self._unknown = systems, unknown

    def __getitem__(self, ae_title: str) -> Peer:
        if ae_title in self._unknown:
            raise KeyError(ae_title)
        return self._systems[ae_title]

    def __iter__(self) -> Iterator[str]:
        return iter([title for title in self._systems if title not in self._unknown])

    def __len__(self) -> int:
        return len(list(iter(self)))


class Partners:
    """A simulated TMS and OST that tell apart who calls. A context manager.

    Parameters
    ----------
    plan : PartnerSettings
        AE titles, addresses, what becomes of unattributed callers.
    systems : mapping of str to Peer
        The systems under test by AE title: where they listen. The caller may change it until a system is first sent something.
    record : Path
        Folder of the transcripts: ``SCENARIO.jsonl``, and of what is unattributed.
    name : str
        What tells apart the unattributed files of several partners in one folder.
    system : str
        Name of the system under test.
    timeouts : Timeouts, optional
        Deadlines.
    edition : {"ti", "2013"}
        Edition of TDW-II that the workitems are made by.
    station : Code
        Scheduled station of the workitems.
    """

    def __init__(
        self,
        plan: PartnerSettings,
        systems: Mapping[str, Peer],
        record: Path,
        *,
        name: str = "",
        system: str = "",
        timeouts: Timeouts | None = None,
        edition: str = "ti",
        station: Code,
    ) -> None:
        self._name, self._system = name, system
        self.plan, self.systems, self.record = plan, systems, record
        self.edition, self.station = edition, station
        self.changed = threading.Condition()
        self._sessions: dict[str, Session] = {}
        self._earlier: set[str] = set()
        self._open: dict[Key, Association] = {}
        self._unattributed: ObservationWriter | None = None
        self._transaction_uids: dict[str, list[str]] = {}
        calling = list(systems) if plan.unattributed == "reject" else []
        passing = _Passing(self._exchange)
        self._injections: dict[str, str] = {}
        self._unknown: set[str] = set()
        self.tms = _TMS(
            self._injections, plan.tms.ae_title, host=plan.tms.host, port=plan.tms.port, tls=plan.tms.tls, destinations=systems,
            timeouts=timeouts, transcript=passing, associations=self._association, calling=calling,
        )  # fmt: skip
        self.ost = OST(
            plan.ost.ae_title, host=plan.ost.host, port=plan.ost.port, tls=plan.ost.tls,
            destinations=_Destinations(systems, self._unknown),
            timeouts=timeouts, transcript=passing, associations=self._association, calling=calling,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self.tms.start()
        try:
            self.ost.start()
        except OSError:
            self.tms.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tms.stop()
        self.ost.stop()
        if self._unattributed is not None:
            self._unattributed.__exit__(None, None, None)

    # --- the worklist -----------------------------------------------------------------------------------------------

    def prepare(self, start: str = "TREATMENT", *, patient_name: str = "") -> Workitem:
        """Return a workitem whose objects are where it says they are; it is not on the worklist yet.

        Parameters
        ----------
        start : {"TREATMENT", "CONTINUATION"}
            Treatment Delivery Type.
        patient_name : str
            The patient; generated if empty.
        """
        treatment = objects.new_treatment(start, patient_name=patient_name)
        uid, attributes = prepare(
            self.tms, self.ost, treatment, station=self.station, start=_soon(datetime.now()), edition=self.edition
        )
        return Workitem(uid, attributes, treatment)

    def put(self, workitem: Workitem, injection: str = "") -> Workitem:
        """Put a workitem on the worklist.

        Parameters
        ----------
        workitem : Workitem
            The workitem.
        injection : {"claim-refused", "set-refused", "cancel-request", ""}
            What gets in the way of who performs it: another claims it first, its first N-SET is refused, a cancellation is
            requested after the first one.
        """
        self._injections[workitem.uid] = injection
        outcome = self.tms.worklist.create(workitem.uid, workitem.attributes)
        if outcome.status:
            raise RuntimeError(f"our own workitem is refused: {outcome.status:04X} {outcome.comment}")
        return workitem

    def schedule(self, start: str = "TREATMENT", *, patient_name: str = "", injection: str = "") -> Workitem:
        """Prepare a workitem and put it on the worklist."""
        return self.put(self.prepare(start, patient_name=patient_name), injection)

    def twin(self, workitem: Workitem) -> Workitem:
        """Put another workitem on the worklist that differs in its SOP Instance UID only."""
        return self.put(Workitem(str(generate_uid()), workitem.attributes, workitem.treatment))

    def perform(self, workitem: Workitem) -> None:
        """Do everything to a workitem that a watcher can be told of: claim, progress, cancel request, restart, completion."""
        worklist, lock = self.tms.worklist, str(generate_uid())
        began = _soon(datetime.now())
        worklist.change_state(workitem.uid, "IN PROGRESS", lock)
        for update in (
            objects.progress_update(0, workitem.treatment.beam_numbers[0], edition=self.edition),
            objects.final_update(
                progress=100, station=self.station, start=began, end=began + timedelta(minutes=12),
                records=[objects.record(workitem.treatment)], ost=self.plan.ost.ae_title, canceled=False,
            ),
        ):  # fmt: skip
            update.TransactionUID = lock
            worklist.set(workitem.uid, update)
        worklist.request_cancel(workitem.uid, None, CONSOLE)
        self.tms.announce_restart()
        worklist.change_state(workitem.uid, "COMPLETED", lock)

    def forget(self, ae_title: str, *, forgotten: bool = True) -> None:
        """Make the OST not know a system as a move destination, so that a move fails; or know it again."""
        if forgotten:
            self._unknown.add(ae_title)
        else:
            self._unknown.discard(ae_title)

    def withdraw(self, workitem: Workitem) -> None:
        """Take a workitem that nobody claimed off the worklist: it is canceled. What is in progress stays."""
        self.tms.worklist.request_cancel(workitem.uid, None, self.plan.tms.ae_title)

    # --- scenarios --------------------------------------------------------------------------------------------------

    def session(
        self, actor: str, ae_title: str, facts: Mapping[str, str], workitems: Sequence[Workitem], *, receiver: str = ""
    ) -> Session:
        """Return a scenario of a system, to be entered.

        Parameters
        ----------
        actor : {"TDD", "watcher"}
            What the system is.
        ae_title : str
            Its AE title.
        facts : mapping of str to str
            What is particular of the scenario: ``scenario``, ``inject``, ...; the rest is added here.
        workitems : sequence of Workitem
            What is on the worklist for it; the first is what the facts say. They are withdrawn at the end.
        receiver : str
            AE title by which it is called, when that is another.
        """
        known = {
            "actor": actor,
            "system": self._system,
            "edition": self.edition,
            f"{actor.lower()}_ae_title": ae_title,
            f"{actor.lower()}_receiver_ae_title": receiver or ae_title,
            "tms_ae_title": self.plan.tms.ae_title,
            "ost_ae_title": self.plan.ost.ae_title,
            "station_value": self.station.value,
            "station_scheme": self.station.scheme,
            "known_transaction_uids": "|".join(self._transaction_uids.get(ae_title, ())),
            **(workitems[0].facts if workitems else {}),
            **facts,
        }
        name = "-".join(part for part in (known.get("scenario"), known.get("inject")) if part)
        return Session(self, ae_title, receiver or ae_title, self.record / f"{name}.jsonl", known, workitems)

    def begin(self, session: Session) -> None:
        """Let what comes from a session's system go there."""
        with self.changed:
            self._sessions[session.ae_title] = session

    def end(self, session: Session) -> None:
        """Write what is still open, and let what comes about the session's workitems be unattributed."""
        with self.changed:
            del self._sessions[session.ae_title]
            for association in self._open.values():
                if session.concerns(association):
                    session.take(association)
            self._earlier |= {workitem.uid for workitem in session.workitems}
            self._transaction_uids.setdefault(session.ae_title, []).extend(_transaction_uids(session.exchanges))
        for workitem in session.workitems:
            self.withdraw(workitem)

    def calling(self, ae_title: str) -> bool:
        """Whether a system has an association open that it requested."""
        return any(association.requestor == ae_title for association in self._open.values())

    def _exchange(self, exchange: Exchange) -> None:
        with self.changed:
            session = self._session_of(exchange)
            if session is not None and not self._late(session, exchange):
                session.take(exchange)
            else:
                self._note_stranger(exchange)
            self.changed.notify_all()

    def _session_of(self, seen: Exchange | Association) -> Session | None:
        # Who calls is asked first: one system under test may call another.
        caller = self._sessions.get(seen.requestor)
        return caller or next((session for session in self._sessions.values() if session.concerns(seen)), None)

    def _late(self, session: Session, exchange: Exchange) -> bool:
        return exchange.instance_uid in self._earlier

    def _association(self, association: Association) -> None:
        key = association.requestor, association.acceptor, association.time
        with self.changed:
            session = self._session_of(association)
            if association.ended == OPEN:
                self._open[key] = association
            else:
                self._open.pop(key, None)
                if session is not None:
                    session.take(association)
                else:
                    self._note_stranger(association)
                    for other in self._sessions.values():
                        other.nameless += not association.requestor
            self.changed.notify_all()

    def _note_stranger(self, seen: Exchange | Association) -> None:
        if self._unattributed is None:
            path = self.record / f"{'-'.join(part for part in (UNATTRIBUTED, self._name) if part)}.jsonl"
            self._unattributed = ObservationWriter(path, {"scenario": UNATTRIBUTED, "actor": UNATTRIBUTED}).__enter__()
        if isinstance(seen, Exchange):
            self._unattributed.exchange(seen)
        else:
            self._unattributed.association(seen)


def _soon(now: datetime) -> datetime:
    """Return when a treatment is scheduled that is to be found now: in ten minutes, on this day."""
    return min(
        now.replace(second=0, microsecond=0) + timedelta(minutes=10), now.replace(hour=23, minute=59, second=0, microsecond=0)
    )


def _transaction_uids(exchanges: Sequence[Exchange]) -> list[str]:
    used = [e.request.dataset.get("TransactionUID") for e in exchanges if e.service == "N-ACTION" and e.request.dataset is not None]
    return list(dict.fromkeys(str(uid) for uid in used if uid))


class Session:
    """One scenario of one system under way: what has arrived. A context manager; made by `Partners.session`.

    What is read here is read with ``partners.changed`` held.
    """

    def __init__(
        self, partners: Partners, ae_title: str, receiver: str, path: Path, facts: Mapping[str, str], workitems: Sequence[Workitem]
    ) -> None:
        self.partners, self.ae_title, self.receiver, self.workitems = partners, ae_title, receiver, list(workitems)
        self.exchanges: list[Exchange] = []
        self.associations: list[Association] = []
        self.said: list[str] = []
        self.nameless = 0  # connections to the partners that ended before they said who called
        self.definite = False  # set by who makes the system perform, when ``over`` is sure to come
        self.over: str | None = None  # set by who makes the system perform, when it is known to do nothing more: why
        self.facts = facts
        self._writer = ObservationWriter(path, facts, [one for workitem in workitems for one in workitem.inputs])
        self._outcome: str | None = None
        self._awaited = ""

    def __enter__(self) -> Self:
        self._writer.__enter__()
        self.partners.begin(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.partners.end(self)
        if self._outcome is not None:
            self._writer.ended(self._outcome, self._awaited)
        self._writer.__exit__(kind, error, trace)

    @property
    def path(self) -> Path:
        """The transcript's file."""
        return self._writer.path

    @property
    def size(self) -> int:
        """How much has happened."""
        return len(self.exchanges) + len(self.associations) + len(self.said) + self.nameless

    def concerns(self, seen: Exchange | Association) -> bool:
        """Whether the session's system has called, or was called."""
        return seen.requestor == self.ae_title or seen.acceptor in (self.ae_title, self.receiver)

    def take(self, seen: Exchange | Association) -> None:
        """Keep what was seen, and write it."""
        if isinstance(seen, Exchange):
            self.exchanges.append(seen)
            self._writer.exchange(seen)
        else:
            self.associations.append(seen)
            self._writer.association(seen)

    def say(self, line: str) -> None:
        """Take a word of the system, or about it, for the one who watches."""
        with self.partners.changed:
            self.said.append(line)
            self.partners.changed.notify_all()

    def finish(self, reason: str) -> None:
        """Take that the system does nothing more, and why; empty when it has done its part."""
        with self.partners.changed:
            if self.over is None:
                self.over = reason
            self.partners.changed.notify_all()

    def ended(self, outcome: str, awaited: str = "") -> None:
        """Take why nothing more is awaited, and what was, to be written at the end."""
        self._outcome, self._awaited = outcome, awaited

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; return whether it is."""
        with self.partners.changed:
            return self.partners.changed.wait_for(condition, max(0.0, seconds))

    def wait_for_more(self, size: int, seconds: float) -> bool:
        """Wait until more than `size` has happened, or nothing more will; return whether."""
        return self.wait(lambda: self.size != size or self.over is not None, seconds)

    def observation(self) -> Observation:
        """Return what was observed, as its file has it."""
        with self.partners.changed:
            inputs = tuple(one for workitem in self.workitems for one in workitem.inputs)
            exchanges, associations = tuple(self.exchanges), tuple(self.associations)
            return Observation(self.facts, inputs, exchanges, associations, self._outcome or "", self._awaited)

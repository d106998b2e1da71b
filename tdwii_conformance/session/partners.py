"""The test partners: the TMS and the OST that systems under test call, and what is observed of those systems.

The two are two application entities, or one product that is both: then they have one server, and one store of instances.

Several systems may call at once, and others that are not under test. Every exchange is recorded once: in the session of the
system that it is attributed to, or in the file of unattributed exchanges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..dimse import Peer, Timeouts
from ..simulators.ost import OST
from ..simulators.simulator import Simulator
from ..sut.config import PartnerSettings
from ..treatment.messages import Code
from ..treatment.own import OwnObjects
from .attribution import Attribution
from .injections import Destinations, InjectingTMS
from .session import Session
from .worklist import Workitem, Worklist

__all__ = ["Partners", "Session", "Workitem"]


class Partners:
    """A simulated TMS and OST that attribute calls to the systems under test. A context manager.

    Parameters
    ----------
    plan : PartnerSettings
        AE titles, addresses, how unattributed callers are treated.
    systems : mapping of str to Peer
        The systems under test by AE title: where they listen. The caller may change it until a system is first sent something.
    record : Path
        Folder of the transcripts: ``SCENARIO.jsonl``, and of what is unattributed.
    name : str
        Distinguishes the unattributed files of several partners in one folder.
    system : str
        Name of the system under test.
    timeouts : Timeouts, optional
        Deadlines.
    edition : {"ti", "2013"}
        Edition of TDW-II that the workitems are made by.
    station : Code
        Scheduled station of the workitems.
    own : OwnObjects, optional
        The user's own objects, of which the workitems are then made.
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
        own: OwnObjects | None = None,
    ) -> None:
        self._system = system
        self.plan, self.systems, self.record = plan, systems, record
        self.edition, self.station = edition, station
        self.attribution = Attribution(record, name)
        self.changed = self.attribution.changed
        calling = list(systems) if plan.unattributed == "reject" else []
        both: dict[str, Any] = {
            "timeouts": timeouts,
            "transcript": self.attribution.transcript,
            "associations": self.attribution.association,
            "calling": calling,
        }
        self.timeouts = timeouts or Timeouts()
        injections: dict[str, str] = {}
        self._unknown: set[str] = set()
        self.ost = OST(
            plan.ost.ae_title, host=plan.ost.host, port=plan.ost.port, tls=plan.ost.tls,
            destinations=Destinations(systems, self._unknown),
            **both,
        )  # fmt: skip
        self.tms = InjectingTMS(
            injections, plan.tms.ae_title, host=plan.tms.host, port=plan.tms.port, tls=plan.tms.tls, destinations=systems,
            instructions=self.ost.instances if plan.one_product else None,
            **both,
        )  # fmt: skip
        self.tms.reporter.on_delivered = self._notify
        self._listening: list[Simulator] = [self.ost, self.tms]
        if plan.one_product:
            self.ost.serve_within(self.tms.server)
            self._listening = [self.tms]
        self.worklist = Worklist(self.tms, self.ost, injections, station=station, edition=edition, own=own, modality=plan.modality)

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for one in self._listening:
                started.enter_context(one)
            self._started = started.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._started.close()
        self.attribution.close()

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def forget(self, ae_title: str, *, forgotten: bool = True) -> None:
        """Make the OST not know a system as a move destination, so that a move fails; or know it again."""
        if forgotten:
            self._unknown.add(ae_title)
        else:
            self._unknown.discard(ae_title)

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
            "known_transaction_uids": "|".join(self.attribution.transaction_uids(ae_title)),
            **(workitems[0].facts if workitems else {}),
            **facts,
        }
        name = "-".join(part for part in (known.get("scenario"), known.get("inject")) if part)
        return Session(self, ae_title, receiver or ae_title, self.record / f"{name}.jsonl", known, workitems)

    def end(self, session: Session) -> None:
        """End a session, and withdraw those of its workitems that were not claimed."""
        self.attribution.end(session)
        for workitem in session.workitems:
            self.worklist.withdraw(workitem)

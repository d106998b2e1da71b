"""The supply of workitems: what a test needs is found among those that serve already, before a new one is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ..checks import status
from ..dimse import NoContext
from ..scu.tdd import TDD
from ..scu.treatment_session import ScheduledWorkitem, TreatmentSession
from ..treatment.messages import item
from ..treatment.scenarios import SCENARIOS, STARTS
from .kept import FINAL, Kept, Kit
from .outcomes import NotJudged
from .sources import Source

__all__ = ["Need", "Supply", "Use"]

IONS, NAMED, REFUSED = "of ions", "of a name beyond ASCII", "refused"
ENDS = {"COMPLETED": SCENARIOS[0], "CANCELED": SCENARIOS[1]}


class Use(StrEnum):
    """What a test does to a workitem."""

    LOOKS = "looks"
    IS_REFUSED = "is refused"
    UPDATES = "updates"
    CLAIMS = "claims"
    ENDS = "ends"


@dataclass(frozen=True)
class Need:
    """What a test needs.

    Parameters
    ----------
    use : Use
        What it does to the workitem.
    state : str
        Procedure Step State that it begins with.
    start : str
        Treatment Delivery Type; empty: any.
    fresh : bool
        Whether nothing may have been changed in it by an N-SET.
    free_of : tuple of str
        Keywords of attributes that no N-SET may have brought.
    role : str
        Another name makes it another workitem than that of the others.
    """

    use: Use
    state: str = "SCHEDULED"
    start: str = ""
    fresh: bool = False
    free_of: tuple[str, ...] = ()
    role: str = ""

    def fits(self, kept: Kept) -> bool:
        """Whether a workitem that is in the right state will do."""
        right = self.start in ("", kept.workitem.start_type) and not kept.changed.intersection(self.free_of)
        return right and not (kept.changed and self.unchanged)

    @property
    def unchanged(self) -> bool:
        """Whether no N-SET may have changed anything: what is found by a query is to be as it was scheduled."""
        return self.fresh or (self.state == "SCHEDULED" and self.use in (Use.LOOKS, Use.IS_REFUSED))

    @property
    def shared_as(self) -> str:
        """The role of a workitem that several with such a need share; empty: each has its own."""
        if self.role:
            return f"{self.role} {self.state}"
        if self.state in FINAL:
            return self.state
        if self.state == "SCHEDULED":
            return "changed" if self.use is Use.UPDATES else "looked at"
        return f"running, free of {', '.join(self.free_of)}" if self.free_of else "running fresh" if self.fresh else "running"


class Supply:
    """Gives each test a workitem, and each workitem to as many tests as can be.

    What only looks shares one with others; what is refused leaves it for the next; what ends comes last. Workitems that the
    system under test has made itself are few, so all of that holds; of those that we create, the ones that are only looked
    at are shared, in a module those that it is refused to change as well, and the rest is new each time.

    Parameters
    ----------
    source : Source
        Where SCHEDULED workitems come from.
    tdd : TDD
        Who claims and performs.
    ost : str
        AE title of the OST, for the output references.

    Attributes
    ----------
    to_come : callable or None
        Returns how many tests are to come that share the workitem of a role in a state; ``None``: nobody knows.
    counted : int
        How often something has come that may have taken workitems away.
    """

    def __init__(self, source: Source, tdd: TDD, ost: str = "OST") -> None:
        self.source, self.tdd, self.ost = source, tdd, ost
        self.kit = Kit(tdd.transcript)
        self.to_come: Callable[[str, str], int] | None = None
        self.counted = 0
        self._handed_out: list[str] = []

    # what tests do

    def need(self, wanted: Need) -> TreatmentSession:
        """Return the session of a workitem.

        Raises
        ------
        NotJudged
            If there is none, or it cannot be brought to the state.
        """
        kept = self.hand_out(wanted)
        if wanted.use is not Use.LOOKS:
            self._handed_out.append(kept.workitem.uid)
        return TreatmentSession(self.tdd, kept.as_it_is, self.ost, kept.lock) if kept.lock else self._session(kept.as_it_is)

    def hand_out(self, wanted: Need) -> Kept:
        """Return a workitem, and take note of what it is used for; raise `NotJudged` if there is none."""
        kept = self._shared(wanted) if self._shares(wanted) else None
        kept = kept or self._bring(wanted)
        if self._shares(wanted):
            kept.role = kept.role or self._role(wanted)
        elif wanted.use is not Use.LOOKS:
            kept.held = True
        return kept

    def of_patient(self, patient_name: str, use: Use = Use.LOOKS, state: str = "SCHEDULED") -> TreatmentSession:
        """Return the session of a workitem of a patient of this name; of own ones, of one beyond ASCII if there is."""
        if self.source.own:
            session = self.need(Need(use, state))
            if not session.workitem.facts.get("patient_name", "").isascii() or not self.source.makes_now:
                return session
            kept = next((kept for kept in self.kit.usable(state) if kept.role == NAMED), None)
            kept = kept or self.kit.add(self.source.create("TREATMENT", patient_name=patient_name))
            kept.role = NAMED
        else:
            kept = self.kit.add(self.source("TREATMENT", patient_name=patient_name))
        return self._session(kept.workitem) if state == "SCHEDULED" else self._claim(kept)

    def of_ions(self) -> TreatmentSession:
        """Return the session of a SCHEDULED workitem of an ion treatment."""
        known = [kept for kept in self.kit.usable("SCHEDULED") if kept.role == IONS]
        kept = known[0] if known else self.kit.add(self.source("TREATMENT", modality="ion"))
        kept.role = IONS
        return self._session(kept.workitem)

    def another(self, workitem: ScheduledWorkitem) -> str:
        """Return the SOP Instance UID of another SCHEDULED workitem of this start, which is only looked for.

        Raises
        ------
        NotJudged
            If there is none.
        """
        start = workitem.start_type
        found = [k.workitem.uid for k in self.kit.usable("SCHEDULED") if k.workitem.start_type == start and not k.changed]
        uid = next((uid for uid in found if uid != workitem.uid), None) or self.source.another(start, workitem.uid)
        if uid is None:
            raise NotJudged(f"not judged: there is no second workitem of type {start}")
        return uid

    def _session(self, workitem: ScheduledWorkitem) -> TreatmentSession:
        return TreatmentSession(self.tdd, workitem, self.ost)

    def created_now(self, state: str = "SCHEDULED", patient_name: str = "") -> TreatmentSession:
        """Return the session of a workitem that is created now, and then brought to a state.

        Raises
        ------
        NotJudged
            If nobody creates one.
        """
        kept = self.kit.add(self.source.create("TREATMENT", patient_name=patient_name))
        kept.held = True
        session = self._session(kept.workitem)
        return session if state == "SCHEDULED" else self._claim(kept)

    def change(self, task: str, workitem: ScheduledWorkitem) -> None:
        """Have a user of the system cancel or move a workitem, which nobody is given any more.

        Raises
        ------
        NotJudged
            If nobody does it, or it is not seen to be done.
        """
        try:
            self.source.change(task, workitem)
        finally:
            self.kit.doubt([workitem.uid], "a user of the system changed it")

    # what becomes of workitems

    def module_ends(self) -> None:
        """The tests of a module are over: what they had is for others."""
        for kept in self.kit.all:
            kept.held = False
            if kept.role.startswith(REFUSED):
                kept.role = ""

    def test_begins(self) -> None:
        """Remember what is handed out from now on."""
        self._handed_out.clear()

    def test_failed(self) -> None:
        """A workitem that a failed test changed is not used again: its state is not known."""
        self.kit.doubt(self._handed_out, "a test with it failed")

    # where they come from

    def _shares(self, need: Need) -> bool:
        if need.use in (Use.CLAIMS, Use.ENDS):
            return False
        return self.source.own or need.use in (Use.LOOKS, Use.IS_REFUSED)

    def _role(self, need: Need) -> str:
        """The role of one that several with such a need share; of those that we create, nobody looks at what is asked to change."""
        apart = need.use is Use.IS_REFUSED and not self.source.own
        return f"{REFUSED} {need.shared_as}" if apart else need.shared_as

    def _shared(self, need: Need) -> Kept | None:
        found = [kept for kept in self.kit.usable(need.state) if need.fits(kept)]
        mine = [kept for kept in found if kept.role == self._role(need)]
        if self.source.own:  # nobody changes one that has ended
            mine += [kept for kept in found if need.state in FINAL or (not kept.role and not kept.held)]
        return mine[0] if mine else None

    def _bring(self, need: Need) -> Kept:
        if need.state == "SCHEDULED":
            return self._scheduled(need)
        if need.state == "IN PROGRESS":
            return self._free("IN PROGRESS", need) or self._last("IN PROGRESS", need) or self._claimed(need)
        return self._ended(need)

    def _scheduled(self, need: Need) -> Kept:
        if (free := self._free("SCHEDULED", need)) is not None:
            return free
        reason: NotJudged | None = None
        for start in [need.start] if need.start else STARTS if self.source.own else STARTS[:1]:
            try:
                return self.kit.add(self.source(start))
            except NotJudged as error:
                reason = reason or error
        if (last := self._last("SCHEDULED", need)) is not None:
            return last
        raise reason or NotJudged("not judged: there is no workitem")

    def _free(self, state: str, need: Need) -> Kept | None:
        """A workitem for one test alone: the most changed one that suffices."""
        if not self.source.own:
            return None
        found = [kept for kept in self.kit.usable(state) if not kept.role and not kept.held and need.fits(kept)]
        return found[-1] if found else None

    def _last(self, state: str, need: Need) -> Kept | None:
        """One that was shared, once no test is to come that shares it."""
        if self.to_come is None or not self.source.own:
            return None
        shared = [kept for kept in self.kit.usable(state) if kept.role and not kept.held and need.fits(kept)]
        found = [kept for kept in shared if not self.to_come(state, kept.role)]
        for kept in found[-1:]:
            kept.role = ""
        return found[-1] if found else None

    def _claimed(self, need: Need) -> Kept:
        kept = self._scheduled(Need(Use.ENDS, "SCHEDULED", need.start, need.fresh, need.free_of))
        self._claim(kept)
        return kept

    def _claim(self, kept: Kept) -> TreatmentSession:
        session = self._session(kept.workitem)
        granted = session.claim()
        self.kit.look()
        if granted.status != 0:
            raise NotJudged("not judged: the claim was not granted (RO60-TMS-001)")
        kept.state, kept.lock = "IN PROGRESS", session.transaction_uid
        return session

    def _ended(self, need: Need) -> Kept:
        kept = self._bring(Need(Use.ENDS, "IN PROGRESS", need.start))
        session = TreatmentSession(self.tdd, kept.workitem, self.ost, kept.lock)
        session.conclude(ENDS[need.state])
        ended = session.finish()
        self.kit.look()
        if ended.status != 0:
            shown = "no answer" if ended.status is None else f"status {ended.status:04X}"
            raise NotJudged(f"not judged: {need.state} was not granted (RO65-TMS-001), {shown}")
        return kept

    def count(self) -> None:
        """Look which workitems are still there, after something that may have taken them away."""
        self.counted += 1
        for kept in [kept for kept in self.kit.all if not kept.unsure]:
            if not (kept.role or self.source.own):  # used once, and not worth a request
                self.kit.doubt([kept.workitem.uid], "it may no longer be there")
            elif not self.is_there(kept.workitem.uid):
                self.kit.doubt([kept.workitem.uid], "it is no longer there")

    def is_there(self, uid: str) -> bool:
        """Whether a workitem is seen; one that nothing can be asked about, as no class is accepted for it, is not."""
        try:
            exchange = self.tdd.query(item(SOPInstanceUID=uid, ProcedureStepState=None))
            if exchange.status == 0:
                return bool(exchange.identifiers)
            return not status.accepted(self.tdd.get(uid, ["ProcedureStepState"]), "an N-GET")
        except NoContext:
            return False

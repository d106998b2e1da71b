"""The worklist of our TMS: the workitems of a session, with their objects on the TMS and the OST."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..scu.treatment_session import inputs_of
from ..simulators.ost import OST
from ..simulators.stock import prepare
from ..transcript.observation import Reference
from ..treatment import objects
from ..treatment.messages import Code
from ..treatment.objects import Modality
from ..treatment.own import OwnObjects
from ..treatment.workitems import facts_of
from .injections import CONSOLE, InjectingTMS

__all__ = ["Workitem", "Worklist"]


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
        return {"workitem": self.uid, **facts_of(self.attributes, self.treatment)}


class Worklist:
    """Fills the worklist of our TMS, and changes its workitems as other systems than the one under test would.

    Parameters
    ----------
    tms, ost : InjectingTMS, OST
        Ours.
    injections : dict of str to str
        The injection of each workitem by SOP Instance UID, as the TMS reads it.
    station : Code
        Scheduled station of the workitems.
    edition : {"ti", "2013"}
        Edition of TDW-II that they are made by.
    own : OwnObjects, optional
        The user's own objects, of which they are made.
    modality : {"photon", "ion"}
        Of their plans; of the user's own, photons mean either.
    """

    def __init__(
        self,
        tms: InjectingTMS,
        ost: OST,
        injections: dict[str, str],
        *,
        station: Code,
        edition: str,
        own: OwnObjects | None = None,
        modality: Modality = "photon",
    ) -> None:
        self.tms, self.ost, self._injections = tms, ost, injections
        self.station, self.edition, self.own, self.modality = station, edition, own, modality

    def prepare(self, start: str = "TREATMENT", *, patient_name: str = "") -> Workitem:
        """Return a workitem, with its objects on the TMS and the OST that it names; it is not on the worklist yet.

        Parameters
        ----------
        start : {"TREATMENT", "CONTINUATION"}
            Treatment Delivery Type.
        patient_name : str
            The patient; generated if empty. With own objects it is theirs.

        Raises
        ------
        NoSuchTreatment
            If the user's own objects have none of this start.
        """
        if self.own is None:
            treatment = objects.new_treatment(start, modality=self.modality, patient_name=patient_name)
        else:
            treatment = self.own.treatment(start, ion=self.modality == "ion" or None)
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
            What is done to its performer: another AE claims it first, its first N-SET is refused, a cancellation is requested
            after the first one.
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
        """Do everything to a workitem that is reported to watchers: claim, progress, cancel request, restart, completion."""
        worklist, lock = self.tms.worklist, str(generate_uid())
        began = _soon(datetime.now())
        worklist.change_state(workitem.uid, "IN PROGRESS", lock)
        for update in (
            objects.progress_update(0, workitem.treatment.beam_numbers[0], edition=self.edition),
            objects.final_update(
                progress=100, station=self.station, start=began, end=began + timedelta(minutes=12),
                records=[objects.record(workitem.treatment)], ost=self.ost.peer.ae_title, canceled=False,
            ),
        ):  # fmt: skip
            update.TransactionUID = lock
            worklist.set(workitem.uid, update)
        worklist.request_cancel(workitem.uid, None, CONSOLE)
        self.tms.announce_restart()
        self.tms.report_richly(workitem.uid)
        worklist.change_state(workitem.uid, "COMPLETED", lock)

    def withdraw(self, workitem: Workitem) -> None:
        """Withdraw a workitem that was not claimed: it is canceled. One that is in progress stays."""
        self.tms.worklist.request_cancel(workitem.uid, None, self.tms.peer.ae_title)


def _soon(now: datetime) -> datetime:
    """Return when a treatment is scheduled that is to be found now: in ten minutes, on this day."""
    return min(
        now.replace(second=0, microsecond=0) + timedelta(minutes=10), now.replace(hour=23, minute=59, second=0, microsecond=0)
    )

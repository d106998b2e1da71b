"""The supply of workitems: each is created on the worklist of the system under test, or taken from it."""

from __future__ import annotations

import copy
import dataclasses
import os
import warnings
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..checks import status
from ..dimse import NoContext
from ..scu.tdd import TDD
from ..scu.treatment_session import ScheduledWorkitem, inputs_of
from ..sut.config import SystemUnderTest
from ..treatment import objects
from ..treatment.messages import Reference
from .outcomes import NotJudged, UnusableObjects

__all__ = ["Supply"]

COERCED_AT_CREATION = 0xB300
Modality = Literal["photon", "ion"]


def _told(remark: str) -> None:
    warnings.warn(remark, stacklevel=3)


class Supply:
    """Puts workitems on the worklist of the system under test, or takes those that are there.

    Parameters
    ----------
    system : SystemUnderTest
        Says where workitems come from.
    tdd : TDD
        Who creates and queries.
    worker, workers : int
        Number of this process, from 0, and how many there are: each takes other workitems.
    remark : callable
        Takes a sentence on the user's own objects.
    """

    def __init__(
        self, system: SystemUnderTest, tdd: TDD, *, worker: int = 0, workers: int = 1, remark: Callable[[str], None] = _told
    ) -> None:
        self.system, self.tdd = system, tdd
        self.worker, self.workers = worker, workers
        self._remark = remark
        self._existing: list[ScheduledWorkitem] | None = None
        self._own: objects.Treatment | None = None

    def __call__(self, start: str, *, modality: Modality = "photon", patient_name: str = "") -> ScheduledWorkitem:
        """Return a SCHEDULED workitem that nobody else in this run uses.

        Parameters
        ----------
        start : {"TREATMENT", "CONTINUATION"}
            Treatment Delivery Type.
        modality : {"photon", "ion"}
            Of its plan.
        patient_name : str
            Patient's Name, if that matters.

        Raises
        ------
        NotJudged
            If there is none.
        """
        if modality == "ion" and "ion" not in self.system.ost_supports:
            raise NotJudged("not supported: ion")
        if self.taken:
            return self._take(start)
        return self._push(start, modality, patient_name)

    @property
    def taken(self) -> bool:
        """Whether workitems are those of the system under test."""
        return self.system.workitems.source == "existing" and self.system.tms is not None

    # push: we create them

    def _push(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        treatment = self._treatment(start, modality, patient_name)
        self._store("OST", "store-inputs", treatment.plan)
        if treatment.previous_record is not None:
            self._store("OST", "store-inputs", treatment.previous_record)
        if self.system.tms is not None:
            self._store("TMS", "store-instructions", treatment.instruction)
        uid = generate_uid()
        begins, attributes = self._attributes(treatment)
        if self.system.tms is None:  # an OST alone needs the objects only
            return self._scheduled(uid, begins, attributes, treatment)
        try:
            created = self.tdd.create(uid, attributes)
        except NoContext as error:
            raise NotJudged(f"not judged: no workitem to test with: {error}") from error
        faults = status.accepted(created, "the N-CREATE of a workitem")
        if faults:
            raise NotJudged(f"not judged: no workitem to test with, the N-CREATE was refused (CC25-TMS-001): {faults[0].received}")
        if created.status == COERCED_AT_CREATION:  # a TMS that knows the patient may write the name as it is known there
            shown = self.tdd.get(uid, ["PatientName"]).dataset
            attributes.PatientName = (shown is not None and shown.get("PatientName")) or attributes.PatientName
        return self._scheduled(uid, begins, attributes, treatment)

    def _attributes(self, treatment: objects.Treatment) -> tuple[datetime, Dataset]:
        begins = datetime.combine(datetime.now().date(), time(12, 0)) + timedelta(seconds=os.getpid() % 3600)
        tms, ost, station = self._tms, self._ost, self.system.workitems.station
        return begins, objects.workitem(treatment, tms=tms, ost=ost, station=station, start=begins, edition=self.system.edition)

    def described(self, start: str) -> ScheduledWorkitem:
        """Return a workitem of this start that is not on the worklist: what an N-CREATE may be made of."""
        if self.taken:
            return self._take(start)
        treatment = self._treatment(start, "photon", "")
        begins, attributes = self._attributes(treatment)
        return self._scheduled(generate_uid(), begins, attributes, treatment)

    def _treatment(self, start: str, modality: Modality, patient_name: str) -> objects.Treatment:
        folder = self._folder
        if folder is None:
            return objects.new_treatment(start, modality=modality, patient_name=patient_name)
        treatment = self._read(folder)
        if treatment.start != start or treatment.ion != (modality == "ion"):
            raise NotJudged(f"not judged: {folder} has no {modality} treatment of type {start}")
        if patient_name:
            raise NotJudged(f"not judged: the patient of {folder} is used")
        return treatment

    def _read(self, folder: Path) -> objects.Treatment:
        """Return the user's own objects, with UIDs as they are: every workitem of the run is for them."""
        if self._own is None:
            try:
                self._own = objects.read_treatment(folder)
            except objects.ObjectsError as error:
                raise UnusableObjects(str(error)) from error
            for remark in self._own.remarks:
                self._remark(f"objects in {folder}: {remark}")
        return self._own

    def has_instances(self, role: str) -> None:
        """Raise `NotJudged` for what retrieves the instances of our workitems from a system that was not given them."""
        claim = {"OST": "store-inputs", "TMS": "store-instructions"}[role]
        if claim not in self.system.supports(role) and not self.taken and self._folder is None:
            raise NotJudged(
                f"not supported: {claim}; so the {role} has no instances of the workitems that we create,"
                " unless [objects] folder says where they are"
            )

    @property
    def _folder(self) -> Path | None:
        return self.system.objects or (Path(os.environ["TDWII_OBJECTS"]) if os.environ.get("TDWII_OBJECTS") else None)

    def _store(self, role: str, claim: str, instance: Dataset) -> None:
        if claim in self.system.supports(role):
            self.tdd.store(role, instance)

    @property
    def _tms(self) -> str:
        return self.system.tms.ae_title if self.system.tms else "TMS"

    @property
    def _ost(self) -> str:
        return self.system.ost.ae_title if self.system.ost else "OST"

    def _scheduled(self, uid: str, begins: datetime, attributes: Dataset, treatment: objects.Treatment) -> ScheduledWorkitem:
        station = self.system.workitems.station
        facts = {
            "station_value": station.value, "station_scheme": station.scheme,
            "patient_name": str(attributes.PatientName), "patient_id": attributes.PatientID,
            "plan_label": treatment.plan_label, "fraction": str(treatment.fraction),
            "fractions_planned": str(treatment.fractions_planned), "start": treatment.start,
            "study": attributes.StudyInstanceUID, "plan": treatment.plan.SOPInstanceUID,
            "instruction": treatment.instruction.SOPInstanceUID, "tms_ae_title": self._tms, "ost_ae_title": self._ost,
            "beam_numbers": "|".join(str(number) for number in treatment.beam_numbers),
        }  # fmt: skip
        inputs = inputs_of(attributes)
        return ScheduledWorkitem(uid, begins, treatment.start, station, inputs, facts, treatment, self.system.edition)

    # existing: they are on the worklist already

    def _take(self, start: str) -> ScheduledWorkitem:
        if self._existing is None:
            self._existing = self._on_the_worklist()
        for number, found in enumerate(self._existing):
            if found.start_type == start:
                return self._existing.pop(number)
        raise NotJudged(f"not judged: no (further) workitem of type {start} on the worklist for this station and date")

    def _on_the_worklist(self) -> list[ScheduledWorkitem]:
        choice = self.system.workitems
        query = ScheduledWorkitem.query_of(choice.station, choice.start_range(datetime.now().date()))
        exchange = self.tdd.query(query)
        # Distinct workitems for each worker of pytest-xdist.
        mine = sorted(exchange.identifiers, key=lambda i: str(i.get("SOPInstanceUID")))[self.worker :: self.workers]
        return [ScheduledWorkitem.of_response(i, choice.station, self._tms, self._ost, self.system.edition) for i in mine]

    # more of the same, for lists

    def second_plan(self, workitem: ScheduledWorkitem) -> list[Reference]:
        """Return the plan of a workitem and another in the same series of the OST."""
        return self._second("OST", "store-inputs", workitem.plans[0], workitem.treatment.plan)

    def second_instruction(self, workitem: ScheduledWorkitem) -> list[Reference]:
        """Return the delivery instruction of a workitem and another in the same series of the TMS."""
        return self._second("TMS", "store-instructions", workitem.instructions[0], workitem.treatment.instruction)

    def _second(self, role: str, claim: str, reference: Reference, instance: Dataset) -> list[Reference]:
        if claim not in self.system.supports(role) or self.taken:
            raise NotJudged(f"not supported: {claim}; a list needs a second instance, which we would have to store")
        second = copy.deepcopy(instance)  # data sets share elements, and assigning a value changes the element
        second.SOPInstanceUID = generate_uid()
        self.tdd.store(role, second)
        return [reference, dataclasses.replace(reference, instance=second.SOPInstanceUID)]

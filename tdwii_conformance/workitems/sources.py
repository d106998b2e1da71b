"""Where SCHEDULED workitems come from: created by us with N-CREATE, or on the worklist of the system under test already."""

from __future__ import annotations

import copy
import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from zlib import crc32

from pydicom.dataset import Dataset
from pydicom.uid import RTIonPlanStorage, generate_uid

from ..checks import status
from ..dimse import NoContext
from ..profile.statuses import is_failure, status_text
from ..scu.tdd import TDD
from ..scu.treatment_session import ScheduledWorkitem, inputs_of
from ..sut.config import SystemUnderTest
from ..treatment import objects
from ..treatment.messages import Reference
from ..treatment.objects import Modality
from ..treatment.own import NoSuchTreatment
from ..treatment.workitems import facts_of
from .outcomes import NotJudged
from .own import folder_of, own_objects
from .prescribed import Prescribed

__all__ = ["Listed", "Pushed", "Source"]

COERCED_AT_CREATION = 0xB300
OF_A_SERIES = (
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber", "Manufacturer", "SeriesInstanceUID", "SeriesNumber",
    "FrameOfReferenceUID",
)  # fmt: skip


class Source(ABC):
    """Gives SCHEDULED workitems, and knows the objects that they are about.

    Parameters
    ----------
    system : SystemUnderTest
        Says where workitems come from.
    tdd : TDD
        Who creates and queries.

    Attributes
    ----------
    own : bool
        Whether the workitems are those of the system under test, so that there are few, and we have stored no objects for them.
    makes_now : bool
        Whether one can be created at a moment that a test chooses.
    """

    own: bool
    makes_now: bool

    def __init__(self, system: SystemUnderTest, tdd: TDD) -> None:
        self.system, self.tdd = system, tdd
        self._stored: set[tuple[str, str]] = set()
        self._not_taken: dict[tuple[str, str], str] = {}  # role and SOP Instance UID: what came of its C-STORE

    def __call__(self, start: str, *, modality: Modality = "photon", patient_name: str = "") -> ScheduledWorkitem:
        """Return a SCHEDULED workitem that was not returned before.

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
        return self.prescribed(self.give(start, modality, patient_name))

    def prescribed(self, workitem: ScheduledWorkitem) -> ScheduledWorkitem:
        """Return a workitem with the treatment that its objects prescribe; ours are known as they are."""
        return workitem

    @abstractmethod
    def give(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        """Return a SCHEDULED workitem; raise `NotJudged` if there is none."""

    @abstractmethod
    def another(self, start: str, *others: str) -> str | None:
        """Return the SOP Instance UID of one that stays where it is, other than some; ``None`` if there is none."""

    @abstractmethod
    def create(self, start: str, *, patient_name: str = "") -> ScheduledWorkitem:
        """Return one that is created now; raise `NotJudged` if none can be created."""

    def change(self, task: str, workitem: ScheduledWorkitem) -> None:
        """Have a user of the system change a scheduled workitem.

        Parameters
        ----------
        task : {"cancel", "move"}
            What to do to it.
        workitem : ScheduledWorkitem
            Which.

        Raises
        ------
        NotJudged
            If nobody does it, or it is not seen to be done.
        """
        raise NotJudged("not supported: workitems are changed by a person or a command only ([workitems] source, changes)")

    def _attributes(self, treatment: objects.Treatment) -> tuple[datetime, Dataset]:
        begins = datetime.combine(datetime.now().date(), time(12, 0)) + timedelta(seconds=os.getpid() % 3600)
        tms, ost, station = self._tms, self._ost, self.system.workitems.station
        return begins, objects.workitem(treatment, tms=tms, ost=ost, station=station, start=begins, edition=self.system.edition)

    def described(self, start: str) -> ScheduledWorkitem:
        """Return a workitem of this start that is not on the worklist: what an N-CREATE may be made of."""
        treatment = self._treatment(start, "photon", "")
        begins, attributes = self._attributes(treatment)
        return self._scheduled(generate_uid(), begins, attributes, treatment)

    def _treatment(self, start: str, modality: Modality, patient_name: str) -> objects.Treatment:
        own = own_objects(self.system)
        if own is None:
            return objects.new_treatment(start, modality=modality, patient_name=patient_name)
        try:
            treatment = own.treatment(start, ion=modality == "ion" or None)
        except NoSuchTreatment as error:
            raise NotJudged(str(error)) from error
        if treatment.ion and "ion" not in self.system.ost_supports and self.system.ost is not None:
            raise NotJudged(f"not supported: ion, of which the treatment in {own.folder} is")
        if patient_name:
            raise NotJudged(f"not judged: the patient of {own.folder} is used")
        return treatment

    def has_instances(self, role: str, wanted: Iterable[Reference] = ()) -> None:
        """Raise `NotJudged` for what retrieves the instances of our workitems from a system that was not given them.

        Parameters
        ----------
        role : {"OST", "TMS"}
            The system.
        wanted : iterable of Reference
            What is retrieved: each of them has to have been taken, if it was given.
        """
        claim = {"OST": "store-inputs", "TMS": "store-instructions"}[role]
        if claim not in self.system.supports(role) and not self.own and folder_of(self.system) is None:
            raise NotJudged(
                f"not supported: {claim}; so the {role} has no instances of the workitems that we create,"
                " unless [objects] folder says where they are"
            )
        for one in wanted:
            if why := self._not_taken.get((role, one.instance)):
                raise NotJudged(f"not judged: the {role} did not take an instance that is to be retrieved: {why}")

    def _store(self, role: str, claim: str, instance: Dataset) -> None:
        known = role, str(instance.SOPInstanceUID)
        if claim not in self.system.supports(role) or known in self._stored:  # the user's own are those of many workitems
            return
        self._give(role, instance)

    def _give(self, role: str, instance: Dataset) -> None:
        known = role, str(instance.SOPInstanceUID)
        if faults := status.accepted(self.tdd.store(role, instance), "the C-STORE"):
            self._not_taken[known] = f"{faults[0].received}{' (RO63-OST-001)' if role == 'OST' else ''}"
        else:
            self._stored.add(known)

    @property
    def _tms(self) -> str:
        return self.system.tms.ae_title if self.system.tms else "TMS"

    @property
    def _ost(self) -> str:
        return self.system.ost.ae_title if self.system.ost else "OST"

    def _scheduled(self, uid: str, begins: datetime, attributes: Dataset, treatment: objects.Treatment) -> ScheduledWorkitem:
        station = self.system.workitems.station
        facts = {
            "station_value": station.value,
            "station_scheme": station.scheme,
            "tms_ae_title": self._tms,
            "ost_ae_title": self._ost,
            **facts_of(attributes, treatment),
        }
        inputs = inputs_of(attributes)
        return ScheduledWorkitem(uid, begins, treatment.start, station, inputs, facts, treatment, self.system.edition)

    # more of the same, for lists

    def second_plan(self, workitem: ScheduledWorkitem) -> list[Reference]:
        """Return the plan of a workitem and another in the same series of the OST."""
        return self._second("OST", "store-inputs", workitem.plans[0], workitem.treatment.plan)

    def second_instruction(self, workitem: ScheduledWorkitem) -> list[Reference]:
        """Return the delivery instruction of a workitem and another in the same series of the TMS."""
        return self._second("TMS", "store-instructions", workitem.instructions[0], workitem.treatment.instruction)

    def plan_of_another_class(self, workitem: ScheduledWorkitem) -> list[Reference]:
        """Return the plan of a workitem and one of another class in its series of the OST: an RT Ion Plan beside an RT Plan."""
        reference = workitem.plans[0]
        first = self._first("OST", "store-inputs", reference, workitem.treatment.plan)
        ion = reference.sop_class == RTIonPlanStorage
        other = objects.new_treatment(modality="photon" if ion else "ion").plan
        for keyword in OF_A_SERIES:
            if keyword in first:
                other[keyword] = copy.deepcopy(first[keyword])
        self._give("OST", other)
        beside = dataclasses.replace(reference, sop_class=other.SOPClassUID, instance=other.SOPInstanceUID)
        self.has_instances("OST", [reference, beside])
        return [reference, beside]

    def as_stored(self, role: str, reference: Reference, instance: Dataset) -> tuple[Reference, Dataset]:
        """Return an instance as we stored it, and what refers to it.

        What a system refers to in its own workitems it was not given by us; then that is stored once more, as another instance.

        Parameters
        ----------
        role : {"OST", "TMS"}
            Who has it.
        reference : Reference
            As the workitem refers to it.
        instance : Dataset
            What we stored, if it was us.

        Raises
        ------
        NotJudged
            If nothing can be stored there.
        """
        if not self.own:
            return reference, instance
        stored = self._stored_second(role, {"OST": "store-inputs", "TMS": "store-instructions"}[role], reference, instance)
        return dataclasses.replace(reference, instance=stored.SOPInstanceUID), stored

    def _second(self, role: str, claim: str, reference: Reference, instance: Dataset) -> list[Reference]:
        stored = self._stored_second(role, claim, reference, instance)
        return [reference, dataclasses.replace(reference, instance=stored.SOPInstanceUID)]

    def _stored_second(self, role: str, claim: str, reference: Reference, instance: Dataset) -> Dataset:
        second = copy.deepcopy(self._first(role, claim, reference, instance))  # assigning a value changes the element
        second.SOPInstanceUID = generate_uid()
        self._give(role, second)
        self.has_instances(role, [reference, dataclasses.replace(reference, instance=second.SOPInstanceUID)])
        return second

    def _first(self, role: str, claim: str, reference: Reference, instance: Dataset) -> Dataset:
        """Return the instance of a workitem, to store another one beside it."""
        if claim not in self.system.supports(role):
            raise NotJudged(f"not supported: {claim}; a second instance is needed, which we would have to store")
        if self.own:
            came = [store.request.dataset for store in self.tdd.retrieve_references(role, [reference]).stores]
            if len(came) != 1 or came[0] is None:
                raise NotJudged("not judged: the instance of the workitem was not sent (RO59-OST-002, RO61-TMS-002)")
            instance = came[0]
        return instance


class Pushed(Source):
    """Workitems that we create, with objects that we store."""

    own, makes_now = False, True

    def give(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        """Create one, with its objects."""
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

    def create(self, start: str, *, patient_name: str = "") -> ScheduledWorkitem:
        """Create one."""
        return self(start, patient_name=patient_name)

    def another(self, start: str, *others: str) -> str | None:
        """Create one."""
        return self(start).uid


def _of_ions(workitem: ScheduledWorkitem) -> bool:
    return bool(workitem.of_class(RTIonPlanStorage))


def _preference(workitem: ScheduledWorkitem) -> tuple[bool, bool, str]:
    """First a patient whose name shows whether text is readable; ions last, for the tests that need them."""
    return _of_ions(workitem), workitem.facts.get("patient_name", "").isascii(), workitem.start.isoformat()


class Listed(Source):
    """Workitems that are on the worklist already.

    Parameters
    ----------
    system, tdd
        As of `Source`.
    worker, workers : int
        Number of this process, from 0, and how many there are: each takes other workitems.
    retriever : callable, optional
        Returns our TDD with its receiver, to retrieve the objects that the workitems refer to; without it they are made up.
    """

    own, makes_now = True, False

    def __init__(
        self, system: SystemUnderTest, tdd: TDD, *, worker: int = 0, workers: int = 1, retriever: Callable[[], TDD] | None = None
    ) -> None:
        super().__init__(system, tdd)
        self._prescribed = (
            Prescribed(retriever, self._tms if system.tms else "", self._ost if system.ost else "") if retriever else None
        )
        self.worker, self.workers = worker, workers
        self._seen: set[str] = set()
        self._there: list[ScheduledWorkitem] = []

    def prescribed(self, workitem: ScheduledWorkitem) -> ScheduledWorkitem:
        """Return it with the treatment that its objects prescribe, if they can be retrieved."""
        return self._prescribed(workitem) if self._prescribed is not None else workitem

    def give(self, start: str, modality: Modality, patient_name: str) -> ScheduledWorkitem:
        """Take one of the list."""
        for look_again in (False, True):
            if look_again:
                self.look()
            found = [one for one in self._there if one.start_type == start and (modality == "photon" or _of_ions(one))]
            if found:
                chosen = min(found, key=_preference)
                self._there.remove(chosen)
                return chosen
        what = f"{'ion ' if modality == 'ion' else ''}workitem of type {start}"
        raise NotJudged(f"not judged: no (further) {what} on the worklist for this station and date")

    def create(self, start: str, *, patient_name: str = "") -> ScheduledWorkitem:
        """Create none."""
        raise NotJudged("not judged: the workitems are on the list already, and none is created now ([workitems] source)")

    def another(self, start: str, *others: str) -> str | None:
        """Return one of the list that was not taken."""
        self.look()
        return next((found.uid for found in self._there if found.start_type == start and found.uid not in others), None)

    def look(self) -> list[ScheduledWorkitem]:
        """Ask for the worklist; return what is new on it."""
        choice = self.system.workitems
        query = ScheduledWorkitem.query_of(choice.station, choice.start_range(datetime.now().date()))
        new = [i for i in self.ask(query) if self._is_mine(str(i.get("SOPInstanceUID") or ""))]
        self._seen |= {str(i.SOPInstanceUID) for i in new}
        own = own_objects(self.system)
        found = [
            ScheduledWorkitem.of_response(i, choice.station, self._tms, self._ost, self.system.edition).with_objects(
                own.treatments if own else ()
            )
            for i in new
        ]
        self._there += found
        return found

    def ask(self, query: Dataset) -> tuple[Dataset, ...]:
        """Return what a query finds.

        Raises
        ------
        NotJudged
            If it is not answered or refused: then nothing shows what is on the list.
        """
        exchange = self.tdd.query(query)
        found = tuple(exchange.identifiers)
        if not found and (exchange.failure or exchange.status is None or is_failure(exchange.status)):
            how = f"answers none: {exchange.failure}" if exchange.failure else f"refuses it: status {status_text(exchange.status)}"
            raise NotJudged(f"not judged: C-FIND is needed, to find workitems, and {exchange.acceptor} {how} (RO58-TMS-001)")
        return found

    def _is_mine(self, uid: str) -> bool:
        # Distinct workitems for each worker of pytest-xdist, whatever else is on the list.
        return bool(uid) and uid not in self._seen and crc32(uid.encode()) % self.workers == self.worker

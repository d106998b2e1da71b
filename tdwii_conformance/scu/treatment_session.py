"""A treatment from the workitem to its end: the scheduled workitem, and the steps of a TDD through a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    RTBeamsDeliveryInstructionStorage,
    RTIonPlanStorage,
    generate_uid,
)

from ..transcript.exchange import Exchange
from ..treatment import objects
from ..treatment.messages import Code, Reference, item, references, worklist_query
from ..treatment.own import PLANS, RECORDS
from ..treatment.scenarios import Scenario
from ..treatment.workitems import facts_of
from ..ups.times import read_date_time, written
from .tdd import TDD

__all__ = ["PLANS", "RECORDS", "ScheduledWorkitem", "Treated", "TreatmentSession"]

_OWN = object()


@dataclass(frozen=True)
class ScheduledWorkitem:
    """A workitem on the worklist, and what we know of it.

    Parameters
    ----------
    uid : str
        SOP Instance UID.
    start : datetime
        When it starts: the first moment of Scheduled Procedure Step Start DateTime, with time zone if an offset is known.
    start_type : str
        Treatment Delivery Type: ``TREATMENT`` or ``CONTINUATION``.
    station : Code
        Scheduled station.
    inputs : tuple of Reference
        Its Input Information Sequence.
    facts : mapping of str to str
        The values that ``$name`` stands for in the attribute tables.
    treatment : objects.Treatment
        Plan, delivery instruction and records.
    edition : str
        Edition of TDW-II.
    last : datetime or None
        The last moment that Scheduled Procedure Step Start DateTime covers, where that is not the first: it may be
        precise to the minute or to the day.
    bad_start : str or None
        What a system gave as Scheduled Procedure Step Start DateTime that is no date-time; `start` is then made up.
    fractions_planned : int or None
        Number of Fractions Planned, as the system gave it.
    made_up : bool
        Whether the treatment is made up, as the objects are known by reference only: nothing of it may be stored as delivered.
    """

    uid: str
    start: datetime
    start_type: str
    station: Code
    inputs: tuple[Reference, ...]
    facts: Mapping[str, str]
    treatment: objects.Treatment
    edition: str = "ti"
    last: datetime | None = None
    bad_start: str | None = None
    fractions_planned: int | None = None
    made_up: bool = False

    @property
    def end_of_start(self) -> datetime:
        """The last moment that its start covers."""
        return self.last or self.start

    def of_class(self, *classes: str) -> list[Reference]:
        """Return the inputs of some SOP classes."""
        return [reference for reference in self.inputs if reference.sop_class in classes]

    def with_objects(self, treatments: Iterable[objects.Treatment]) -> ScheduledWorkitem:
        """Return this workitem with the treatment that it refers to, if that is one of some; else as it is."""
        named = {one.instance for one in (*self.plans, *self.instructions)}
        for one in treatments:
            if {str(one.plan.SOPInstanceUID), str(one.instruction.SOPInstanceUID)} <= named:
                return replace(self, treatment=one, made_up=False)
        return self

    @property
    def plans(self) -> list[Reference]:
        """The RT (Ion) Plans among the inputs."""
        return self.of_class(*PLANS)

    @property
    def instructions(self) -> list[Reference]:
        """The delivery instructions among the inputs."""
        return self.of_class(RTBeamsDeliveryInstructionStorage)

    @property
    def records(self) -> list[Reference]:
        """The treatment records among the inputs."""
        return self.of_class(*RECORDS)

    def query(self, **changes: Any) -> Dataset:
        """Return the query of RO-58 that this workitem matches, with some keys changed."""
        return _query(self.station, "" if self.bad_start is not None else self.days(), **changes)

    def days(self, shift: int = 0) -> str:
        """Return the range of the days in which it may start, or of the day as many days before or after.

        Parameters
        ----------
        shift : int
            0 for its own days, else how many days before the first or after the last of them.
        """
        days = timedelta(days=shift)
        first, last = self.start + days, self.end_of_start + days
        first, last = (first, first) if shift < 0 else (last, last) if shift else (first, last)
        return f"{written(start_of_day(first))}-{written(end_of_day(last))}"

    @staticmethod
    def query_of(station: Code, start_range: str) -> Dataset:
        """Return the query of RO-58 for a station and a range of start times."""
        return _query(station, start_range)

    @classmethod
    def of_response(cls, identifier: Dataset, station: Code, tms: str, ost: str, edition: str) -> ScheduledWorkitem:
        """Return the workitem that a response of RO-58 describes.

        Its plan, instruction and record are known by reference only: what a TDD would read in them is taken from the
        workitem, and what is made of them refers to them. See `with_objects`.
        """
        inputs = inputs_of(identifier)
        parameters = {
            str(name.get("CodeValue")): entry.get("TextValue") or entry.get("NumericValue")
            for entry in identifier.get("ScheduledProcessingParametersSequence") or ()
            for name in entry.get("ConceptNameCodeSequence") or ()
        }
        start_type = str(parameters.get("121740") or parameters.get("ccc001") or "TREATMENT")
        text = str(identifier.get("ScheduledProcedureStepStartDateTime") or "")
        given = read_date_time(text, str(identifier.get("TimezoneOffsetFromUTC") or ""))
        facts = {
            "station_value": station.value,
            "start": start_type,
            "tms_ae_title": tms,
            "ost_ae_title": ost,
            **facts_of(identifier),
        }
        if station.scheme:
            facts["station_scheme"] = station.scheme
        facts |= _said(inputs, parameters.get("2018002"))
        treatment = _stand_in(start_type, facts, inputs)
        start, last = (given.first, given.last) if given else (datetime.now().replace(microsecond=0), None)
        uid = str(identifier.get("SOPInstanceUID"))
        bad = None if given else text
        planned = _whole(parameters.get("2018003"))
        return cls(uid, start, start_type, station, inputs, facts, treatment, edition, last, bad, planned, made_up=True)


@dataclass
class TreatmentSession:
    """A TDD's way through one workitem, from the claim on.

    Parameters
    ----------
    tdd : TDD
        Performs it.
    workitem : ScheduledWorkitem
        What is performed.
    ost : str
        AE title of the OST, for the output references.
    transaction_uid : str
        The lock.
    """

    tdd: TDD
    workitem: ScheduledWorkitem
    ost: str
    transaction_uid: str = field(default_factory=generate_uid)
    scenario: Scenario | None = None
    record: Dataset | None = None
    exchanges: list[Exchange] = field(default_factory=list)

    def _note(self, exchange: Exchange) -> Exchange:
        self.exchanges.append(exchange)
        return exchange

    def claim(self) -> Exchange:
        """RO-60."""
        return self._note(self.tdd.claim(self.workitem.uid, self.transaction_uid))

    def beam(self, progress: int) -> int | None:
        """Return the number of the beam that is in progress at a percentage; ``None`` if the plan is known by reference only."""
        if self.workitem.made_up:
            return None
        return self.workitem.treatment.prescription.beam_at(progress)

    def update(self, progress: int, *, description: str | None = None, transaction_uid: Any = _OWN) -> Exchange:
        """RO-62: a progress update, with the claim's Transaction UID unless another or ``None`` is given."""
        update = objects.progress_update(progress, self.beam(progress), edition=self.workitem.edition)
        if description is not None:
            update.ProcedureStepProgressInformationSequence[0].ProcedureStepProgressDescription = description
        return self.send(update, transaction_uid)

    def set(self, **attributes: Any) -> Exchange:
        """N-SET of single attributes."""
        return self.send(item(**attributes))

    def send(self, modification: Dataset, transaction_uid: Any = _OWN) -> Exchange:
        """N-SET, with the claim's Transaction UID unless another or ``None`` is given."""
        uid = self.transaction_uid if transaction_uid is _OWN else transaction_uid
        if uid is not None:
            modification.TransactionUID = uid
        return self._note(self.tdd.set(self.workitem.uid, modification))

    def get(self, keywords: Iterable[str] = ()) -> Exchange:
        """N-GET of the workitem."""
        return self.tdd.get(self.workitem.uid, keywords)

    def deliver(self, scenario: Scenario) -> TreatmentSession:
        """RO-62 and RO-63 of a scenario: progress updates, and the record stored to the OST unless it would be made up."""
        self.plan(scenario)
        for progress in scenario.progress:
            self.update(progress)
        if self.record is not None and self.tdd.ost is not None and not self.workitem.made_up:
            self._note(self.tdd.store("OST", self.record))
        return self

    def plan(self, scenario: Scenario) -> None:
        """Decide for a scenario, and make its record if there is one."""
        self.scenario = scenario
        if scenario.delivered:
            began, _ = self.performed
            self.record = objects.record(self.workitem.treatment, interrupted=scenario.state == "CANCELED", at=began)

    def conclude(self, scenario: Scenario) -> Exchange:
        """RO-64 of a scenario, without anything before it: what the UPS needs for its final state, and no more."""
        self.plan(scenario)
        return self.final_update()

    @property
    def performed(self) -> tuple[datetime, datetime]:
        """When it began and ended."""
        began = self.workitem.start
        return began, began + min(timedelta(minutes=12), datetime.max - began.replace(tzinfo=None))

    def final_data_set(self) -> Dataset:
        """Return the data set of RO-64 for the scenario delivered."""
        if self.scenario is None:
            raise ValueError("deliver(scenario) comes before the final update")
        began, ended = self.performed
        return objects.final_update(
            progress=self.scenario.final_progress,
            station=self.workitem.station,
            start=began,
            end=ended,
            records=[self.record] if self.record is not None else [],
            ost=self.ost,
            canceled=self.scenario.state == "CANCELED",
        )

    def final_update(self, transaction_uid: Any = _OWN) -> Exchange:
        """RO-64."""
        return self.send(self.final_data_set(), transaction_uid)

    def change_state(self, state: str, transaction_uid: Any = _OWN) -> Exchange:
        """N-ACTION, with the claim's Transaction UID unless another or ``None`` is given."""
        uid = self.transaction_uid if transaction_uid is _OWN else transaction_uid
        return self._note(self.tdd.change_state(self.workitem.uid, state, uid))

    def finish(self) -> Exchange:
        """RO-65: the final state of the scenario."""
        if self.scenario is None:
            raise ValueError("deliver(scenario) comes before the end")
        return self.change_state(self.scenario.state)

    @property
    def facts(self) -> dict[str, str]:
        """The facts of the workitem and of its delivery, for the attribute tables."""
        known = dict(self.workitem.facts)
        if self.scenario is None:
            return known
        began, ended = self.performed
        known |= {
            "transaction_uid": self.transaction_uid,
            "progress": str(self.scenario.final_progress),
            "delivered": "yes" if self.scenario.delivered else "no",
            "performed_start": written(began),
            "performed_end": written(ended),
            "ost_ae_title": self.ost,
        }
        if self.record is not None:
            known |= {
                "record": self.record.SOPInstanceUID,
                "record_class": self.record.SOPClassUID,
                "record_study": self.record.StudyInstanceUID,
                "record_series": self.record.SeriesInstanceUID,
            }
        return known


@dataclass(frozen=True)
class Treated:
    """A treatment of a scenario from its delivery to its end, and what was shown on the way.

    Parameters
    ----------
    session : TreatmentSession
        Its session.
    before, stored : Exchange
        N-GETs of everything, before and after the final update.
    final : Exchange
        The final update (RO-64).
    performed : Exchange
        N-GET of what was performed, before the end.
    end : Exchange
        The final state (RO-65).
    """

    session: TreatmentSession
    before: Exchange
    final: Exchange
    stored: Exchange
    performed: Exchange
    end: Exchange

    @classmethod
    def of(cls, session: TreatmentSession, scenario: Scenario) -> Treated:
        """Treat: deliver, update, end."""
        session.deliver(scenario)
        before, final, stored = session.get(), session.final_update(), session.get()
        performed = session.get(["UnifiedProcedureStepPerformedProcedureSequence"])
        return cls(session, before, final, stored, performed, session.finish())


def _stand_in(start_type: str, facts: Mapping[str, str], inputs: Iterable[Reference]) -> objects.Treatment:
    """Return a treatment of generated objects that are identified as those of a workitem, as far as it names them."""
    plan = next((one for one in inputs if one.sop_class in PLANS), None)
    made = objects.new_treatment(
        start_type,
        modality="ion" if plan is not None and plan.sop_class == RTIonPlanStorage else "photon",
        patient_name=facts.get("patient_name", ""),
        patient_id=facts.get("patient_id", ""),
    )
    if plan is not None:
        made.plan.SOPInstanceUID, made.plan.SeriesInstanceUID = plan.instance, plan.series or made.plan.SeriesInstanceUID
        made.plan.StudyInstanceUID = facts.get("study") or plan.study or made.plan.StudyInstanceUID
        made.instruction.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = plan.instance
    return made


def _said(inputs: Iterable[Reference], fraction: Any) -> dict[str, str]:
    """Return what a workitem says, and its delivery instruction has to say too: plan, instruction, number of the fraction."""
    named = {
        "plan": [one.instance for one in inputs if one.sop_class in PLANS],
        "instruction": [one.instance for one in inputs if one.sop_class == RTBeamsDeliveryInstructionStorage],
        "fraction": [] if fraction is None else [str(fraction)],
    }
    return {name: "|".join(dict.fromkeys(values)) for name, values in named.items() if values}


def _whole(value: Any) -> int | None:
    """Return a value as a whole number; ``None`` if it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def start_of_day(moment: datetime) -> datetime:
    """Return the first second of a moment's day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def end_of_day(moment: datetime) -> datetime:
    """Return the last second of a moment's day."""
    return moment.replace(hour=23, minute=59, second=59, microsecond=0)


def _query(of_station: Code, start_range: str, **changes: Any) -> Dataset:
    keys = {"station": of_station.value, "scheme": of_station.scheme, "start": start_range}
    return worklist_query(**{**keys, **changes})


def inputs_of(dataset: Dataset) -> tuple[Reference, ...]:
    """Return what a workitem, or a response of RO-58, refers to as its inputs."""
    return tuple(references(dataset.get("InputInformationSequence")))

"""Treatments for today: objects for a simulated TMS and OST, and the workitems that refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from ..treatment import objects
from ..treatment.course import Fraction
from ..treatment.messages import Code
from ..ups.times import key_span, value_start
from .instances import instance_of_dataset
from .ost import OST
from .tms import TMS

__all__ = ["furnish", "prepare", "provide", "scheduled_on"]

# Treatment Delivery Type, kind of radiation, and a patient that says so.
TREATMENTS: Sequence[tuple[str, objects.Modality, str, str]] = (
    ("TREATMENT", "photon", "Photon^New", "TDWII001"),
    ("CONTINUATION", "photon", "Photon^Interrupted", "TDWII002"),
    ("TREATMENT", "ion", "Ion^New", "TDWII003"),
)
FIRST_HOUR, APART = 8, timedelta(minutes=20)


def scheduled_on(tms: TMS, day: datetime, station: Code) -> int:
    """Return how many workitems a TMS has for a station on a day, in any state."""
    count = 0
    today = key_span(f"{day:%Y%m%d}", "DT")
    for record in tms.worklist.records():
        start = value_start(str(record.attributes.get("ScheduledProcedureStepStartDateTime") or ""), "DT", record.zone)
        stations = record.attributes.get("ScheduledStationNameCodeSequence") or ()
        then = start is not None and today is not None and today.holds(start)
        count += then and any(one.get("CodeValue") == station.value for one in stations)
    return count


def furnish(tms: TMS, ost: OST, *, station: Code, day: datetime, edition: str = "ti") -> int:
    """Give a TMS and an OST a new treatment, a continuation and an ion treatment; return how many workitems that made.

    Parameters
    ----------
    tms, ost : TMS, OST
        They must be listening, as workitems name them.
    station : Code
        Where the treatments are scheduled.
    day : datetime
        When.
    edition : {"ti", "2013"}
        Edition of TDW-II.
    """
    start = day.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
    for number, (kind, modality, patient, patient_id) in enumerate(TREATMENTS):
        made = objects.new_treatment(kind, modality=modality, patient_name=patient, patient_id=patient_id)
        uid, workitem = prepare(tms, ost, made, station=station, start=start + number * APART, edition=edition)
        _create(tms, uid, workitem)
    return len(TREATMENTS)


def prepare(
    tms: TMS, ost: OST, treatment: objects.Treatment, *, station: Code, start: datetime, edition: str = "ti"
) -> tuple[str, Dataset]:
    """Give a TMS and an OST the objects of a treatment; return the workitem, which is not on the worklist yet.

    Parameters
    ----------
    tms, ost : TMS, OST
        By these AE titles the workitem names where its inputs are.
    treatment : Treatment
        What is to be delivered.
    station : Code
        Where.
    start : datetime
        When.
    edition : {"ti", "2013"}
        Edition of TDW-II.

    Returns
    -------
    (str, Dataset)
        SOP Instance UID, and the attributes of the N-CREATE.
    """
    static = [one for one in (treatment.plan, treatment.previous_record) if one is not None]
    _give(tms, ost, static, treatment.instruction)
    attributes = objects.workitem(
        treatment, tms=tms.server.ae_title, ost=ost.server.ae_title, station=station, start=start, edition=edition
    )
    return str(generate_uid()), attributes


def provide(tms: TMS, ost: OST, static: Iterable[Dataset], course: Iterable[Fraction]) -> None:
    """Give a TMS and an OST a scheduled course: plan and records, delivery instructions, workitems.

    Raises
    ------
    ValueError
        If the worklist refuses a workitem.
    """
    static = list(static)
    for fraction in course:
        # Inputs first: no workitem refers to what is not there.
        _give(tms, ost, static, fraction.instruction)
        _create(tms, fraction.uid, fraction.workitem)


def _give(tms: TMS, ost: OST, static: Iterable[Dataset], instruction: Dataset) -> None:
    for one in static:
        ost.instances.add(instance_of_dataset(one, ExplicitVRLittleEndian))
    tms.instructions.add(instance_of_dataset(instruction, ExplicitVRLittleEndian))


def _create(tms: TMS, uid: str, workitem: Dataset) -> None:
    outcome = tms.worklist.create(uid, workitem)
    if outcome.status:
        raise ValueError(f"workitem {uid} cannot be created: {outcome.comment} (status {outcome.status:04X})")

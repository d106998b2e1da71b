"""Schedules a course from a real RT Plan or RT Ion Plan: a delivery instruction and a workitem for each fraction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    generate_uid,
)

from ..dcmdump.dicom import FileFault, decode_all, read_dicom
from . import objects
from .messages import Code
from .prescription import BEAMS, NOT_TREATMENT, PlanError, beams_of, number_of, unit_of

__all__ = ["Fraction", "PlanError", "PlanFacts", "fraction_numbers", "plan_facts", "read_instance", "schedule"]

SESSIONS = {
    RTBeamsTreatmentRecordStorage: "TreatmentSessionBeamSequence",
    RTIonBeamsTreatmentRecordStorage: "TreatmentSessionIonBeamSequence",
}
FRIDAY = 4


@dataclass(frozen=True)
class PlanFacts:
    """What of a plan a course is scheduled by.

    Parameters
    ----------
    label : str
        RT Plan Label.
    fractions_planned : int
        Number of Fractions Planned of the fraction group.
    metersets : dict of int to float
        Beam Meterset by Beam Number, of the beams that treat.
    unit : str
        Primary Dosimeter Unit.
    machine : str
        Treatment Machine Name of the first beam; empty if the plan does not say.
    left_out : tuple of int
        Numbers of the beams that do not treat: setup and portal images.
    remarks : tuple of str
        What is unusual but no obstacle.
    """

    label: str
    fractions_planned: int
    metersets: dict[int, float]
    unit: str
    machine: str
    left_out: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fraction:
    """One fraction as scheduled.

    Parameters
    ----------
    number : int
        Current Fraction Number.
    start : datetime
        Scheduled Procedure Step Start DateTime.
    instruction : Dataset
        RT Beams Delivery Instruction.
    uid : str
        SOP Instance UID of the workitem.
    workitem : Dataset
        Attributes of the workitem, for N-CREATE.
    """

    number: int
    start: datetime
    instruction: Dataset
    uid: str
    workitem: Dataset


def fraction_numbers(text: str) -> tuple[int, ...]:
    """Return the fractions that ``3``, ``1-5`` or ``1-3,7`` names, in their order.

    Raises
    ------
    ValueError
        If the text names none.
    """
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,4})\s*(?:-\s*(\d{1,4})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last:
            raise ValueError(f"{text!r} names no fractions: give for example 3, 1-5 or 1-3,7")
        numbers += range(first, last + 1)
    return tuple(dict.fromkeys(numbers))


def read_instance(
    path: Path,
    *,
    what: str = "an RT Plan or RT Ion Plan",
    classes: Iterable[str] = tuple(BEAMS),
    assume: str = "",
    tell: Callable[[str], object] = lambda text: None,
) -> Dataset:
    """Read a DICOM file of certain SOP classes.

    Parameters
    ----------
    path : Path
        The file.
    what, classes : str, iterable of str
        What is wanted, in words and as SOP Class UIDs.
    assume, tell : str, callable
        As in `dcmdump.dicom.read_dicom`: the transfer syntax of a file that names none; who is told what was taken for granted.

    Raises
    ------
    PlanError
        If the file cannot be read, is no DICOM file, is cut off, or is something else.
    """
    try:
        dataset = decode_all(read_dicom(path, assume=assume, tell=tell), str(path))
    except FileFault as error:
        raise PlanError(f"{error}: give {what}") from error
    found = UID(str(dataset.get("SOPClassUID") or ""))
    if found not in tuple(classes):
        raise PlanError(f"{path}: SOPClassUID: is {found.name or 'missing'}: give {what}")
    return dataset


def plan_facts(plan: Dataset, *, group: int | None = None) -> PlanFacts:
    """Return what a plan says of a course.

    Parameters
    ----------
    plan : Dataset
        RT Plan or RT Ion Plan.
    group : int, optional
        Fraction Group Number; may be left out when the plan has one group.

    Raises
    ------
    PlanError
        For the first attribute that does not allow it.
    """
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        uid = UID(_value(plan, keyword))
        if not uid.is_valid:
            raise PlanError(f"{keyword}: {str(uid)!r} is no UID")
    for keyword in ("PatientID", "PatientName"):
        _value(plan, keyword, "a worklist needs it")
    label = _value(plan, "RTPlanLabel")
    place, chosen = _fraction_group(plan, group)
    planned = number_of(chosen, "NumberOfFractionsPlanned", place)
    if planned != int(planned) or planned < 1:
        raise PlanError(f"{place}.NumberOfFractionsPlanned: is {planned:g}: a course has 1 fraction or more")
    keyword, beams = beams_of(plan)
    metersets: dict[int, float] = {}
    left_out: list[int] = []
    for n, reference in enumerate(chosen.get("ReferencedBeamSequence") or ()):
        at = f"{place}.ReferencedBeamSequence[{n}]"
        number = int(number_of(reference, "ReferencedBeamNumber", at))
        if number not in beams:
            known = ", ".join(map(str, beams))
            raise PlanError(f"{at}.ReferencedBeamNumber: {number} is no beam of the plan; its {keyword} has {known}")
        if beams[number].get("TreatmentDeliveryType") in NOT_TREATMENT:
            left_out.append(number)
            continue
        meterset = number_of(reference, "BeamMeterset", at)
        if meterset <= 0:
            raise PlanError(f"{at}.BeamMeterset: is {meterset:g}: nothing would be delivered")
        metersets[number] = meterset
    if not metersets:
        raise PlanError(f"{place}.ReferencedBeamSequence: has no beam that treats")
    first = beams[next(iter(metersets))]
    return PlanFacts(
        label=label,
        fractions_planned=int(planned),
        metersets=metersets,
        unit=unit_of(str(first.get("PrimaryDosimeterUnit") or ""), keyword),
        machine=_single(first, "TreatmentMachineName", str(first.get("TreatmentMachineName") or "")),
        left_out=tuple(left_out),
        remarks=tuple(_remarks(plan, chosen, place, [beams[number] for number in metersets])),
    )


def _fraction_group(plan: Dataset, number: int | None) -> tuple[str, Dataset]:
    """Return where the fraction group is, and the group."""
    groups = list(plan.get("FractionGroupSequence") or ())
    if not groups:
        raise PlanError("FractionGroupSequence: is missing or empty: the plan says nothing of fractions")
    numbers = [str(one.get("FractionGroupNumber", "")) for one in groups]
    if number is None and len(groups) > 1:
        raise PlanError(f"FractionGroupSequence: has {len(groups)} groups, {', '.join(numbers)}: say which one")
    if number is not None and str(number) not in numbers:
        raise PlanError(f"FractionGroupSequence: has no FractionGroupNumber {number}; it has {', '.join(numbers)}")
    index = 0 if number is None else numbers.index(str(number))
    return f"FractionGroupSequence[{index}]", groups[index]


def _remarks(plan: Dataset, group: Dataset, place: str, treated: Sequence[Dataset]) -> Iterator[str]:
    if plan.get("ApprovalStatus") != "APPROVED":
        yield f"ApprovalStatus: {plan.get('ApprovalStatus') or 'missing'}: the plan is not approved"
    said, found = group.get("NumberOfBeams"), len(group.get("ReferencedBeamSequence") or ())
    if said not in (None, "") and int(said) != found:
        yield f"{place}.NumberOfBeams: is {said}, ReferencedBeamSequence has {found}"
    if group.get("NumberOfBrachyApplicationSetups"):
        yield f"{place}.NumberOfBrachyApplicationSetups: brachytherapy is not scheduled"
    if without := [beam.BeamNumber for beam in treated if not beam.get("PrimaryDosimeterUnit")]:
        yield f"PrimaryDosimeterUnit: is not given of beam {', '.join(map(str, without))}, and taken as MU"


def _value(dataset: Dataset, keyword: str, why: str = "") -> str:
    value = str(dataset.get(keyword) or "").strip()
    if not value:
        state = "is empty" if keyword in dataset else "is missing"
        raise PlanError(f"{keyword}: {state}{f': {why}' if why else ''}")
    return _single(dataset, keyword, value)


def _single(dataset: Dataset, keyword: str, value: str) -> str:
    """Return a value if it is one: a backslash separates values [PS3.5 6.2], and no name of ours may become two."""
    if keyword in dataset and dataset[keyword].VM > 1:
        said = "\\".join(map(str, dataset[keyword].value))
        raise PlanError(f"{keyword}: {said!r} has a backslash, which separates values, and one value is needed")
    return value


def schedule(
    plan: Dataset,
    fractions: Sequence[int],
    *,
    station: Code,
    start: datetime,
    tms: str,
    ost: str,
    group: int | None = None,
    weekends: bool = False,
    interrupted: Dataset | None = None,
    edition: str = "ti",
) -> list[Fraction]:
    """Schedule fractions on successive days at the same time.

    Parameters
    ----------
    plan : Dataset
        RT Plan or RT Ion Plan.
    fractions : sequence of int
        Their numbers, in the order of delivery.
    station : Code
        Scheduled Station Name Code.
    start : datetime
        When the first begins.
    tms, ost : str
        AE titles from which delivery instructions, and plan and records, are retrieved.
    group : int, optional
        Fraction Group Number; may be left out when the plan has one group.
    weekends : bool
        Whether Saturdays and Sundays are used. The first fraction is on the day given, whatever that is.
    interrupted : Dataset, optional
        Treatment record of the session that was interrupted: the first fraction is its CONTINUATION.
    edition : {"ti", "2013"}
        Edition of TDW-II.

    Raises
    ------
    PlanError
        If plan or record do not allow it; the attribute is named.
    """
    facts = plan_facts(plan, group=group)
    if not fractions:
        raise PlanError("no fractions are named")
    if (last := max(fractions)) > facts.fractions_planned:
        raise PlanError(f"NumberOfFractionsPlanned: is {facts.fractions_planned}: there is no fraction {last}")
    made: list[Fraction] = []
    for number, day in zip(fractions, _days(start, weekends), strict=False):
        ranges: dict[int, tuple[float, float] | None] = dict.fromkeys(facts.metersets)
        record = interrupted if not made else None
        if record is not None:
            ranges = dict(_open_ranges(record, plan, number, facts))
        tasks = [
            objects.beam_task(beam, fraction=number, open_range=open_range, unit=facts.unit) for beam, open_range in ranges.items()
        ]
        instruction = objects.delivery_instruction(objects.common_of(plan), plan, tasks)
        delivery = "CONTINUATION" if record is not None else "TREATMENT"
        treatment = objects.Treatment(plan, instruction, record, delivery, group=group)
        workitem = objects.workitem(treatment, tms=tms, ost=ost, station=station, start=day, edition=edition)
        made.append(Fraction(number, day, instruction, str(generate_uid()), workitem))
    return made


def _days(start: datetime, weekends: bool) -> Iterator[datetime]:
    yield start
    while True:
        start += timedelta(days=1)
        if weekends or start.weekday() <= FRIDAY:
            yield start


def _open_ranges(record: Dataset, plan: Dataset, fraction: int, facts: PlanFacts) -> Iterator[tuple[int, tuple[float, float]]]:
    """Yield the beams that an interrupted session left open, and between which metersets."""
    referenced = [str(one.get("ReferencedSOPInstanceUID")) for one in record.get("ReferencedRTPlanSequence") or ()]
    if str(plan.SOPInstanceUID) not in referenced:
        raise PlanError(f"ReferencedRTPlanSequence: the record is of {', '.join(referenced) or 'no plan'}, not of this plan")
    keyword = SESSIONS[UID(record.SOPClassUID)]
    delivered: dict[int, float] = {}
    for n, beam in enumerate(record.get(keyword) or ()):
        at = f"{keyword}[{n}]"
        said = int(number_of(beam, "CurrentFractionNumber", at))
        if said != fraction:
            raise PlanError(f"{at}.CurrentFractionNumber: the record is of fraction {said}, the first to schedule is {fraction}")
        number = int(number_of(beam, "ReferencedBeamNumber", at))
        delivered[number] = delivered.get(number, 0.0) + number_of(beam, "DeliveredPrimaryMeterset", at)
    left = [(beam, (delivered.get(beam, 0.0), meterset)) for beam, meterset in facts.metersets.items()]
    left = [(beam, (done, all_of_it)) for beam, (done, all_of_it) in left if done < all_of_it]
    if not left:
        raise PlanError(f"{keyword}: every beam was delivered whole: there is nothing to continue")
    yield from left

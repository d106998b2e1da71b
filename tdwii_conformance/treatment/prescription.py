"""What a fraction consists of: the beams and metersets that a delivery instruction prescribes, as its plan describes them.

A delivery instruction names beams of a plan [PS3.3 C.8.8.29]; how they are treated, and with which meterset, is in the plan.
What is not prescribed is not treated: neither the plan's SETUP beams nor those of another fraction group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, RTIonPlanStorage, RTPlanStorage

__all__ = [
    "BEAMS",
    "NOT_TREATMENT",
    "PlanError",
    "PrescribedBeam",
    "Prescription",
    "beams_of",
    "number_of",
    "points_of",
    "prescription",
    "unit_of",
]

BEAMS = {RTPlanStorage: "BeamSequence", RTIonPlanStorage: "IonBeamSequence"}
# Treatment Delivery Type of a beam that is not treatment [PS3.3 C.8.8.14].
NOT_TREATMENT = ("SETUP", "OPEN_PORTFILM", "TRMT_PORTFILM")
ONLY_VERIFIED = "VERIFY"  # Beam Task Type of a task without radiation [PS3.3 C.8.8.29]
DEFAULT_UNIT = "MU"  # where a plan has no Primary Dosimeter Unit
TOLERANCE = 1e-6  # of a meterset: sums of decimal strings are not exact


class PlanError(ValueError):
    """A plan cannot be scheduled or delivered; one sentence: the attribute, what is wrong, what would be right."""


@dataclass(frozen=True)
class PrescribedBeam:
    """A beam to be treated.

    Parameters
    ----------
    number : int
        Beam Number.
    beam : Dataset
        The plan's item.
    specified : object
        Beam Meterset of the fraction group, as the plan writes it.
    start, end : float
        The metersets between which it is delivered: from 0 to the Beam Meterset, but for a continuation.
    delivery : str
        Treatment Delivery Type of the task.
    fraction : int
        Current Fraction Number.
    weights : tuple of float
        What part of the meterset, 0 to 1, is delivered at each control point; empty if the plan does not say.
    """

    number: int
    beam: Dataset
    specified: Any
    start: float
    end: float
    delivery: str
    fraction: int
    weights: tuple[float, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is treated from its beginning to its end."""
        return self.start == 0 and self.end == float(self.specified)


@dataclass(frozen=True)
class Prescription:
    """What is treated in a fraction.

    Parameters
    ----------
    beams : tuple of PrescribedBeam
        In the order of the delivery instruction.
    fractions : object
        Number of Fractions Planned of the fraction group; ``None`` if the plan does not say, or not which group is meant.
    unit : str
        Primary Dosimeter Unit.
    machine : str
        Treatment Machine Name; empty if the plan does not say.
    group : object
        Fraction Group Number; ``None`` if the plan does not say, or has several that may be meant.
    """

    beams: tuple[PrescribedBeam, ...]
    fractions: Any
    unit: str
    machine: str
    group: Any = None

    @property
    def numbers(self) -> list[int]:
        """Beam Numbers, in the order of delivery."""
        return [one.number for one in self.beams]

    def beam_at(self, progress: int) -> int:
        """Return the number of the beam that is in progress at a percentage."""
        return self.beams[min(progress * len(self.beams) // 100, len(self.beams) - 1)].number


def number_of(dataset: Dataset, keyword: str, place: str) -> float:
    """Return a number of a plan, a record or an instruction.

    Raises
    ------
    PlanError
        If it is missing, empty, or no finite number.
    """
    where = f"{place}.{keyword}" if place else keyword
    if keyword not in dataset:
        raise PlanError(f"{where}: is missing")
    try:
        value: Any = dataset.get(keyword)
        if value is None or value == "":
            raise PlanError(f"{where}: is empty")
        number = float(value)
    except PlanError:
        raise
    except Exception as error:  # pydicom raises whatever the bytes lead it to
        raise PlanError(f"{where}: {raw_text(dataset, keyword)!r} is no number") from error
    if not math.isfinite(number):
        raise PlanError(f"{where}: {value!s} is no number")
    return number


def raw_text(dataset: Dataset, keyword: str) -> str:
    """Return a value as it is written, also where pydicom cannot convert it."""
    element = dataset.get_item(keyword)
    value = getattr(element, "value", "")
    return value.decode("latin-1").strip() if isinstance(value, bytes) else str(value)


def beams_of(plan: Dataset) -> tuple[str, dict[int, Dataset]]:
    """Return the keyword of a plan's beam sequence, and its beams by number.

    Raises
    ------
    PlanError
        If it is no plan, or has no beams.
    """
    keyword = BEAMS.get(UID(str(plan.get("SOPClassUID") or "")))
    if keyword is None:
        raise PlanError("SOPClassUID: is neither that of an RT Plan nor of an RT Ion Plan")
    beams = {}
    for n, beam in enumerate(plan.get(keyword) or ()):
        number = int(number_of(beam, "BeamNumber", f"{keyword}[{n}]"))
        if number in beams:
            raise PlanError(f"{keyword}[{n}].BeamNumber: there are two beams {number}")
        beams[number] = beam
    if not beams:
        raise PlanError(f"{keyword}: has no beams")
    return keyword, beams


def prescription(plan: Dataset, instruction: Dataset, *, group: int | None = None, fractions: int | None = None) -> Prescription:
    """Return what a delivery instruction prescribes of a plan.

    Parameters
    ----------
    plan : Dataset
        RT Plan or RT Ion Plan.
    instruction : Dataset
        RT Beams Delivery Instruction.
    group : int, optional
        Fraction Group Number, if it is known.
    fractions : int, optional
        Number of Fractions Planned as the workitem has it: tells groups apart that have the same beams.

    Raises
    ------
    PlanError
        If it cannot be delivered so: the attribute is named.
    """
    keyword, beams = beams_of(plan)
    _is_for(instruction, plan)
    tasks = _tasks(instruction, keyword, beams)
    place, chosen, certain = _group(plan, [number for number, _, _ in tasks], group, fractions)
    prescribed = []
    for number, at, task in tasks:
        if (one := _prescribed(number, at, task, beams[number], place, chosen)) is not None:
            prescribed.append(one)
    if not prescribed:
        raise PlanError("BeamTaskSequence: prescribes no beam that treats")
    return Prescription(
        beams=tuple(prescribed),
        fractions=(chosen.get("NumberOfFractionsPlanned") or None) if certain else None,
        unit=unit_of(_one_of(prescribed, keyword, "PrimaryDosimeterUnit"), keyword),
        machine=_one_of(prescribed, keyword, "TreatmentMachineName"),
        group=chosen.get("FractionGroupNumber") if certain else None,
    )


def _is_for(instruction: Dataset, plan: Dataset) -> None:
    referenced = [str(one.get("ReferencedSOPInstanceUID") or "") for one in instruction.get("ReferencedRTPlanSequence") or ()]
    if referenced and str(plan.get("SOPInstanceUID")) not in referenced:
        raise PlanError(
            f"ReferencedRTPlanSequence: the delivery instruction is for the plan {', '.join(referenced)},"
            f" not for {plan.get('SOPInstanceUID')}"
        )


def _tasks(instruction: Dataset, keyword: str, beams: dict[int, Dataset]) -> list[tuple[int, str, Dataset]]:
    """Return the tasks that treat: beam number, where the task is, and the task."""
    tasks = []
    for n, task in enumerate(instruction.get("BeamTaskSequence") or ()):
        at = f"BeamTaskSequence[{n}]"
        if task.get("BeamTaskType") == ONLY_VERIFIED:
            continue
        number = int(number_of(task, "ReferencedBeamNumber", at))
        if number not in beams:
            known = ", ".join(map(str, beams))
            raise PlanError(f"{at}.ReferencedBeamNumber: {number} is no beam of the plan; its {keyword} has {known}")
        tasks.append((number, at, task))
    if not tasks:
        raise PlanError("BeamTaskSequence: has no task that treats")
    return tasks


def _group(plan: Dataset, numbers: list[int], group: int | None, fractions: int | None) -> tuple[str, Dataset, bool]:
    """Return the fraction group whose beams are to be treated, where it is, and whether it is the only one that may be meant."""
    groups = [(f"FractionGroupSequence[{n}]", one) for n, one in enumerate(plan.get("FractionGroupSequence") or ())]
    if not groups:
        raise PlanError("FractionGroupSequence: is missing or empty: the plan has no metersets")
    if group is not None:
        groups = [(at, one) for at, one in groups if str(one.get("FractionGroupNumber", "")) == str(group)]
        if not groups:
            raise PlanError(f"FractionGroupSequence: has no FractionGroupNumber {group}")
    wanted = set(numbers)
    fit = [(at, one) for at, one in groups if wanted <= _referenced(one).keys()]
    named = ", ".join(map(str, numbers))
    if not fit:
        raise PlanError(f"FractionGroupSequence: no fraction group has the beams {named} of the delivery instruction")
    if len(fit) > 1 and fractions is not None:
        fit = [(at, one) for at, one in fit if str(one.get("NumberOfFractionsPlanned")) == str(fractions)] or fit
    metersets = [[str(_referenced(one)[number].get("BeamMeterset")) for number in numbers] for _, one in fit]
    if any(one != metersets[0] for one in metersets):
        raise PlanError(
            f"FractionGroupSequence: {len(fit)} fraction groups have the beams {named}, with other metersets:"
            " which is meant the delivery instruction does not say"
        )
    return (*fit[0], len(fit) == 1)


def _referenced(group: Dataset) -> dict[int, Dataset]:
    found = {}
    for reference in group.get("ReferencedBeamSequence") or ():
        number = reference.get("ReferencedBeamNumber")
        if isinstance(number, int):
            found[int(number)] = reference
    return found


def _prescribed(number: int, at: str, task: Dataset, beam: Dataset, place: str, group: Dataset) -> PrescribedBeam | None:
    """Return the beam of a task; ``None`` for a setup beam that nothing is prescribed for."""
    reference = _referenced(group)[number]
    index = next(n for n, one in enumerate(group.ReferencedBeamSequence) if one is reference)
    where = f"{place}.ReferencedBeamSequence[{index}]"
    if beam.get("TreatmentDeliveryType") in NOT_TREATMENT and reference.get("BeamMeterset") in (None, ""):
        return None
    meterset = number_of(reference, "BeamMeterset", where)
    if meterset <= 0:
        raise PlanError(f"{where}.BeamMeterset: is {meterset:g}: nothing would be delivered")
    start, end = 0.0, meterset
    delivery = str(task.get("TreatmentDeliveryType") or "TREATMENT")
    if delivery == "CONTINUATION":
        start, end = (number_of(task, f"Continuation{which}Meterset", at) for which in ("Start", "End"))
        if not 0 <= start < end or end > meterset * (1 + TOLERANCE):
            raise PlanError(f"{at}.ContinuationStartMeterset: from {start:g} to {end:g} is no part of the beam's {meterset:g}")
        unit, theirs = str(task.get("PrimaryDosimeterUnit") or ""), str(beam.get("PrimaryDosimeterUnit") or "")
        if unit and theirs and unit != theirs:
            raise PlanError(f"{at}.PrimaryDosimeterUnit: is {unit}, in the plan {theirs}")
    fraction = number_of(task, "CurrentFractionNumber", at)
    weights = _weights(beam, f"beam {number}")
    return PrescribedBeam(number, beam, reference.BeamMeterset, start, end, delivery, int(fraction), weights)


def unit_of(given: str, keyword: str) -> str:
    """Return the Primary Dosimeter Unit of a plan's beams: as given, of photon beams else ``MU``.

    Raises
    ------
    PlanError
        If ion beams have none: there it may be MU or NP, and has to be given [PS3.3 C.8.8.25].
    """
    if not given and keyword == BEAMS[RTIonPlanStorage]:
        raise PlanError(f"{keyword}: PrimaryDosimeterUnit is missing or empty: it is MU or NP")
    return given or DEFAULT_UNIT


def points_of(beam: Dataset) -> list[Dataset]:
    """Return the control points of a plan's beam."""
    return list(beam.get("IonControlPointSequence") or beam.get("ControlPointSequence") or ())


def _weights(beam: Dataset, at: str) -> tuple[float, ...]:
    """Return the part of the meterset that is delivered at each control point; nothing where a weight is not given."""
    points = points_of(beam)
    if len(points) < 2 or any(_is_empty(point, "CumulativeMetersetWeight") for point in points):
        return ()
    weights = [number_of(point, "CumulativeMetersetWeight", f"{at}, control point {n}") for n, point in enumerate(points)]
    final = weights[-1]
    if not _is_empty(beam, "FinalCumulativeMetersetWeight"):
        final = number_of(beam, "FinalCumulativeMetersetWeight", at)
    if final <= 0 or any(one > other for one, other in pairwise(weights)):
        raise PlanError(f"{at}: CumulativeMetersetWeight: does not grow from control point to control point")
    return tuple(weight / final for weight in weights)


def _is_empty(dataset: Dataset, keyword: str) -> bool:
    element = dataset.get_item(keyword)
    return element is None or element.value in (None, "", b"")


def _one_of(prescribed: list[PrescribedBeam], keyword: str, attribute: str) -> str:
    """Return what all beams have in common: a treatment record has one."""
    found = dict.fromkeys(str(one.beam.get(attribute) or "") for one in prescribed)
    if len(found) > 1:
        raise PlanError(f"{keyword}: {attribute} is {' and '.join(map(repr, found))}: a treatment record has one")
    return next(iter(found))

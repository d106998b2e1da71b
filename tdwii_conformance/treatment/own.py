"""Treatments made of a user's own objects: plans, delivery instructions and records of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)

from ..dcmdump.dicom import FileFault, read_dicom
from .course import plan_facts
from .parts import Treatment, beam_task, common_of, delivery_instruction
from .prescription import PlanError

__all__ = ["NoSuchTreatment", "ObjectsError", "OwnObjects", "read_own"]

PLANS = (RTPlanStorage, RTIonPlanStorage)
RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
USED = (*PLANS, *RECORDS, RTBeamsDeliveryInstructionStorage)
File = tuple[Path, Dataset]


class ObjectsError(ValueError):
    """Objects of a folder cannot be used for a treatment; the message names the folder and the file."""


class NoSuchTreatment(Exception):
    """The objects of a folder are of no treatment as it is wanted; the message says so, beginning with ``not judged:``."""


@dataclass(frozen=True)
class OwnObjects:
    """The treatments that a user's own objects make up.

    Parameters
    ----------
    folder : Path
        Where they are.
    treatments : tuple of Treatment
        One for each delivery instruction, or for a plan without any; at least one.
    remarks : tuple of str
        What is left out, what was made, and what breaks a rule of today.
    """

    folder: Path
    treatments: tuple[Treatment, ...]
    remarks: tuple[str, ...] = ()

    def treatment(self, start: str, *, ion: bool | None = None) -> Treatment:
        """Return a treatment.

        Parameters
        ----------
        start : {"TREATMENT", "CONTINUATION"}
            Treatment Delivery Type.
        ion : bool, optional
            Whether it is one with ions; if not given either will do, and photons come first.

        Raises
        ------
        NoSuchTreatment
            If there is none.
        """
        fit = [one for one in self.treatments if one.start == start and ion in (None, one.ion)]
        if fit:
            return min(fit, key=lambda one: one.ion)
        kind = "" if ion is None else "ion " if ion else "photon "
        raise NoSuchTreatment(f"not judged: {self.folder} has no {kind}treatment of type {start}")


def read_own(folder: Path) -> OwnObjects:
    """Return the treatments that the objects in a folder make up.

    Parameters
    ----------
    folder : Path
        Has RT (Ion) Plans, delivery instructions that refer to them, and the records that a continuation needs. For a plan
        without delivery instruction one is made, of its first fraction.

    Raises
    ------
    ObjectsError
        If there is no treatment in it that could be delivered.
    """
    found: list[File] = []
    remarks: list[str] = []
    for path in _files(folder):
        notes: list[str] = []
        try:
            dataset = read_dicom(path, tell=notes.append)
        except FileFault as fault:
            remarks.append(f"{str(fault).removeprefix(f'{path}: ')}: {path.name} is left out")
            continue
        remarks += [f"{path.name}: {note.removeprefix(f'{path}: ')}" for note in notes]
        if _class(dataset) not in USED:
            name = UID(_class(dataset)).name or "without SOP Class UID"
            remarks.append(f"{path.name}: {name}: is left out: neither plan, delivery instruction nor treatment record")
            continue
        found.append((path, dataset))
    plans = _of(found, *PLANS)
    if not plans:
        there = ", ".join(dict.fromkeys(UID(_class(one)).name for _, one in found)) or "no such objects"
        raise ObjectsError(f"{folder}: has no RT Plan or RT Ion Plan; found {there}{_why(remarks)}")
    made: list[Treatment] = []
    unfit: list[str] = []
    for treatment, name in _treatments(plans, _of(found, RTBeamsDeliveryInstructionStorage), _of(found, *RECORDS), unfit):
        try:
            _deliverable(treatment)
        except PlanError as error:
            unfit.append(f"{name}: {error}")
            continue
        made.append(treatment)
    if not made:
        raise ObjectsError(f"{folder}: has no treatment that can be delivered: {'; '.join(unfit)}")
    remarks += [f"{reason}: is left out" for reason in unfit]
    return OwnObjects(folder, tuple(made), (*remarks, *(remark for one in made for remark in one.remarks)))


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise ObjectsError(f"{folder}: {'is neither file nor folder' if folder.exists() else 'there is no such folder'}")
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not found:
        raise ObjectsError(f"{folder}: is empty: put an RT Plan or RT Ion Plan there, its delivery instruction and records")
    return found


def _why(remarks: Sequence[str]) -> str:
    return f" ({'; '.join(remarks[:3])}{' ...' if len(remarks) > 3 else ''})" if remarks else ""


def _class(dataset: Dataset) -> str:
    return str(dataset.get("SOPClassUID") or "")


def _of(found: Sequence[File], *classes: str) -> list[File]:
    return [(path, dataset) for path, dataset in found if _class(dataset) in classes]


def _plans_of(dataset: Dataset) -> list[str]:
    return [str(one.get("ReferencedSOPInstanceUID") or "") for one in dataset.get("ReferencedRTPlanSequence") or ()]


def _treatments(
    plans: Sequence[File], instructions: Sequence[File], records: Sequence[File], unfit: list[str]
) -> Iterator[tuple[Treatment, str]]:
    """Yield a treatment for each delivery instruction, and for each plan without one; and the file it is known by."""
    instructed: set[str] = set()
    for path, instruction in instructions:
        meant = [one for one in plans if str(one[1].get("SOPInstanceUID")) in _plans_of(instruction)]
        if not meant and (len(plans) > 1 or _plans_of(instruction)):
            unfit.append(f"{path.name}: Referenced RT Plan Sequence refers to none of the plans that are there")
            continue
        plan_path, plan = (meant or plans)[0]
        instructed.add(str(plan.get("SOPInstanceUID")))
        tasks = instruction.get("BeamTaskSequence") or ()
        start = "CONTINUATION" if any(task.get("TreatmentDeliveryType") == "CONTINUATION" for task in tasks) else "TREATMENT"
        remarks = tuple(_remarks(plan_path.name, plan, path.name, instruction))
        treatment = Treatment(plan, instruction, None, start, remarks)
        if start == "CONTINUATION":
            uid = str(plan.get("SOPInstanceUID"))
            record = next((one for _, one in records if uid in _plans_of(one)), None)
            if record is None:
                unfit.append(f"{path.name}: is a CONTINUATION, and there is no treatment record of its plan")
                continue
            treatment = replace(treatment, previous_record=record)
        yield treatment, path.name
    for path, plan in plans:
        if str(plan.get("SOPInstanceUID")) not in instructed:
            try:
                yield _first_fraction(path.name, plan), path.name
            except PlanError as error:
                unfit.append(f"{path.name}: {error}")


def _first_fraction(name: str, plan: Dataset) -> Treatment:
    groups = list(plan.get("FractionGroupSequence") or ())
    number = groups[0].get("FractionGroupNumber") if len(groups) > 1 else None
    facts = plan_facts(plan, group=number)
    tasks = [beam_task(beam, fraction=1) for beam in facts.metersets]
    instruction = delivery_instruction(common_of(plan), plan, tasks)
    of_group = f" of fraction group {number}, the first of {len(groups)}" if number is not None else ""
    remark = f"{name}: has no RT Beams Delivery Instruction: one is made for fraction 1{of_group}"
    return Treatment(plan, instruction, None, "TREATMENT", (remark,), group=number)


def _deliverable(treatment: Treatment) -> None:
    """Raise `PlanError` if no workitem can be made of a treatment, or if it cannot be delivered."""
    plan_facts(treatment.plan, group=treatment.prescription.group)
    for one in (treatment.instruction, treatment.previous_record or treatment.instruction):
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
            if not UID(str(one.get(keyword) or "")).is_valid:
                raise PlanError(f"{keyword}: {str(one.get(keyword) or '')!r} is no UID")


def _remarks(plan_name: str, plan: Dataset, name: str, instruction: Dataset) -> Iterator[str]:
    if str(plan.get("SOPInstanceUID")) not in _plans_of(instruction):
        yield f"{name}: Referenced RT Plan Sequence does not refer to the plan in {plan_name}"
    for keyword in ("PatientID", "PatientName"):
        if plan.get(keyword) != instruction.get(keyword):
            yield f"{name}: {keyword} is {instruction.get(keyword)!r}, in {plan_name} {plan.get(keyword)!r}"
    for element in instruction.iterall():
        if element.VR != "SQ" and element.tag.element != 0 and not element.keyword:
            yield f"{name}: {element.tag} is no attribute of today's data dictionary"

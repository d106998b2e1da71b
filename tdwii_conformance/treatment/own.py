"""A treatment made of a user's own objects."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)

from .parts import Treatment

__all__ = ["ObjectsError", "read_treatment"]


class ObjectsError(ValueError):
    """Objects of a folder cannot be used for a treatment; the message names the folder and the file."""


def read_treatment(folder: Path) -> Treatment:
    """Return a treatment made of the objects in a folder.

    Parameters
    ----------
    folder : Path
        Has an RT (Ion) Plan, a delivery instruction that refers to it, and records for a continuation.

    Raises
    ------
    ObjectsError
        If there is no plan or delivery instruction.
    """
    found: dict[str, list[tuple[Path, Dataset]]] = {}
    remarks: list[str] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file():
            try:
                dataset = dcmread(path)
                found.setdefault(str(dataset.SOPClassUID), []).append((path, dataset))
            except (InvalidDicomError, AttributeError, OSError):
                remarks.append(f"{path.name}: not a DICOM file with a SOP Class UID; left out")
    plans = found.get(RTPlanStorage, []) + found.get(RTIonPlanStorage, [])
    instructions = found.get(RTBeamsDeliveryInstructionStorage, [])
    if not plans or not instructions:
        lacking = "RT Plan or RT Ion Plan" if not plans else "RT Beams Delivery Instruction"
        raise ObjectsError(f"{folder}: has no {lacking}; found {', '.join(sorted(found)) or 'no DICOM objects'}")
    (plan_path, plan), (path, instruction) = plans[0], instructions[0]
    records = found.get(RTBeamsTreatmentRecordStorage, []) + found.get(RTIonBeamsTreatmentRecordStorage, [])
    tasks = instruction.get("BeamTaskSequence") or [Dataset()]
    start = str(tasks[0].get("TreatmentDeliveryType") or "TREATMENT")
    remarks += _remarks(plan_path.name, plan, path.name, instruction)
    previous = records[0][1] if start == "CONTINUATION" and records else None
    return Treatment(plan, instruction, previous, start, tuple(remarks))


def _remarks(plan_name: str, plan: Dataset, name: str, instruction: Dataset) -> list[str]:
    remarks = []
    referenced = [str(r.get("ReferencedSOPInstanceUID")) for r in instruction.get("ReferencedRTPlanSequence") or ()]
    if plan.SOPInstanceUID not in referenced:
        remarks.append(f"{name}: Referenced RT Plan Sequence does not refer to the plan in {plan_name}")
    for keyword in ("PatientID", "PatientName"):
        if plan.get(keyword) != instruction.get(keyword):
            remarks.append(f"{name}: {keyword} is {instruction.get(keyword)!r}, in {plan_name} {plan.get(keyword)!r}")
    for element in instruction.iterall():
        if element.VR == "SQ" or element.tag.element == 0 or element.keyword:
            continue
        remarks.append(f"{name}: {element.tag} is no attribute of today's data dictionary")
    return remarks

"""What the objects of a treatment have in common, and the treatment they make up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage, RTIonPlanStorage, generate_uid

from ..ups.datasets import picked
from .messages import item
from .prescription import Prescription, prescription

__all__ = ["Modality", "Treatment", "beam_task", "common_of", "delivery_instruction", "new_object", "reference"]

Modality = Literal["photon", "ion"]
# What the objects of a treatment share: patient, study, equipment.
COMMON = (
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber", "Manufacturer", "OperatorsName",
)  # fmt: skip


@dataclass(frozen=True)
class Treatment:
    """What belongs to one fraction of one patient.

    Parameters
    ----------
    plan : Dataset
        RT Plan or RT Ion Plan.
    instruction : Dataset
        RT Beams Delivery Instruction.
    previous_record : Dataset or None
        Record of the interrupted session, for a continuation.
    start : {"TREATMENT", "CONTINUATION"}
        Treatment Delivery Type.
    remarks : tuple of str
        What of a user's own objects breaks a rule of today.
    group : int or None
        Fraction Group Number; ``None``: the one that has the beams of the delivery instruction.
    fractions : int or None
        Number of Fractions Planned, as the workitem has it.
    """

    plan: Dataset
    instruction: Dataset
    previous_record: Dataset | None
    start: str
    remarks: tuple[str, ...] = ()
    group: int | None = None
    fractions: int | None = None

    @property
    def ion(self) -> bool:
        """Whether it is an ion treatment."""
        return bool(self.plan.SOPClassUID == RTIonPlanStorage)

    @property
    def prescription(self) -> Prescription:
        """What is to be delivered; raises `PlanError` if plan and delivery instruction do not allow it."""
        return prescription(self.plan, self.instruction, group=self.group, fractions=self.fractions)

    @property
    def beam_numbers(self) -> list[int]:
        """Numbers of the beams that are treated."""
        return self.prescription.numbers

    @property
    def fraction(self) -> int:
        """Current Fraction Number."""
        return self.prescription.beams[0].fraction

    @property
    def fractions_planned(self) -> int | None:
        """Number of Fractions Planned of the fraction group; ``None`` if the plan does not say."""
        planned = self.prescription.fractions
        return None if planned is None else int(planned)

    @property
    def plan_label(self) -> str:
        """RT Plan Label."""
        return str(self.plan.get("RTPlanLabel") or "")


def common_of(plan: Dataset) -> Dataset:
    """Return patient, study and equipment of a plan, as far as it has them."""
    return picked(plan, COMMON)


def new_object(common: Dataset, sop_class: str, modality: str, **attributes: Any) -> Dataset:
    """Return a new instance in a series of its own.

    Parameters
    ----------
    common : Dataset
        Patient, study and equipment.
    sop_class : str
        Its SOP Class UID.
    modality : str
        Its Modality.
    **attributes
        The rest, by keyword.
    """
    made = Dataset()
    made.update({element.tag: element for element in common})
    made.update(
        item(
            SOPClassUID=sop_class,
            SOPInstanceUID=generate_uid(),
            SeriesInstanceUID=generate_uid(),
            Modality=modality,
            SeriesNumber="1",
            **attributes,
        )
    )
    return made


def beam_task(number: int, *, fraction: int, open_range: tuple[float, float] | None = None, unit: str = "MU") -> Dataset:
    """Return an item of the Beam Task Sequence that treats a beam [PS3.3 C.8.8.29].

    Parameters
    ----------
    number : int
        Referenced Beam Number.
    fraction : int
        Current Fraction Number.
    open_range : tuple of float, optional
        For a continuation: the metersets between which delivery goes on.
    unit : str
        Primary Dosimeter Unit of `open_range`: that of the plan.
    """
    task = item(
        BeamTaskType="TREAT", TreatmentDeliveryType="CONTINUATION" if open_range else "TREATMENT",
        CurrentFractionNumber=fraction, ReferencedBeamNumber=number,
        TableTopVerticalAdjustedPosition=None, TableTopLongitudinalAdjustedPosition=None,
        TableTopLateralAdjustedPosition=None, PatientSupportAdjustedAngle=None, TableTopEccentricAdjustedAngle=None,
        TableTopPitchAdjustedAngle=None, TableTopRollAdjustedAngle=None, TableTopVerticalSetupDisplacement=None,
        TableTopLongitudinalSetupDisplacement=None, TableTopLateralSetupDisplacement=None,
    )  # fmt: skip
    if open_range:
        task.PrimaryDosimeterUnit = unit
        task.ContinuationStartMeterset, task.ContinuationEndMeterset = open_range
    return task


def delivery_instruction(common: Dataset, plan: Dataset, tasks: Sequence[Dataset]) -> Dataset:
    """Return an RT Beams Delivery Instruction in a series of its own [PS3.3 A.64].

    Parameters
    ----------
    common : Dataset
        Patient, study and equipment.
    plan : Dataset
        The RT Plan or RT Ion Plan it refers to.
    tasks : sequence of Dataset
        Beam Task Sequence.
    """
    return new_object(
        common, RTBeamsDeliveryInstructionStorage, "PLAN", BeamTaskSequence=list(tasks),
        ReferencedRTPlanSequence=reference(plan),
    )  # fmt: skip


def reference(instance: Dataset) -> Dataset:
    """Return an item that refers to an instance: its SOP Class and SOP Instance UID."""
    return item(ReferencedSOPClassUID=instance.SOPClassUID, ReferencedSOPInstanceUID=instance.SOPInstanceUID)

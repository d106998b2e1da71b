"""Plans, delivery instructions, records and workitems for a treatment: minimal valid content, consistent with each other."""

from __future__ import annotations

import itertools
import os

from pydicom.dataset import Dataset
from pydicom.uid import RTIonPlanStorage, RTPlanStorage, generate_uid

from .messages import item
from .parts import Modality, Treatment, beam_task, common_of, delivery_instruction, new_object
from .records import INTERRUPTED_AT, record
from .workitems import final_update, progress_update, workitem

__all__ = [
    "Modality", "Treatment", "beam_task", "common_of", "delivery_instruction", "final_update", "new_treatment",
    "progress_update", "record", "workitem",
]  # fmt: skip

METERSET = 100.0
_numbers = itertools.count(1)


def new_treatment(
    start: str = "TREATMENT", *, modality: Modality = "photon", patient_name: str = "", patient_id: str = ""
) -> Treatment:
    """Return a new treatment with UIDs and a patient of its own.

    Parameters
    ----------
    start : {"TREATMENT", "CONTINUATION"}
        Whether it is new or the resumption of an interrupted one.
    modality : {"photon", "ion"}
        Kind of radiation.
    patient_name, patient_id : str
        The patient; generated if empty.
    """
    number = f"{os.getpid() % 100000:05d}{next(_numbers):05d}"
    common = _common(patient_name or f"TDWII^PATIENT{number}", patient_id or f"TDWII{number}")
    plan = _plan(common, modality)
    previous = None
    if start == "CONTINUATION":
        interrupted = Treatment(plan, _instruction(common, plan, "TREATMENT"), None, "TREATMENT")
        previous = record(interrupted, interrupted=True)
    return Treatment(plan, _instruction(common, plan, start), previous, start)


def _common(patient_name: str, patient_id: str) -> Dataset:
    """Return patient, study and equipment: what all objects of a treatment share."""
    common = item(
        PatientName=patient_name, PatientID=patient_id, PatientBirthDate="19600101", PatientSex="O",
        StudyInstanceUID=generate_uid(), StudyDate="20260101", StudyTime="080000", ReferringPhysicianName="",
        StudyID="1", AccessionNumber="", Manufacturer="TDW-II conformance", OperatorsName="",
    )  # fmt: skip
    if not patient_name.isascii():
        common.SpecificCharacterSet = "ISO_IR 100"
    return common


def _plan(common: Dataset, modality: Modality) -> Dataset:
    ion = modality == "ion"
    beams = [_ion_beam(n) if ion else _beam(n) for n in (1, 2)]
    group = item(
        FractionGroupNumber=1, NumberOfFractionsPlanned=30, NumberOfBeams=2, NumberOfBrachyApplicationSetups=0,
        ReferencedBeamSequence=[item(BeamMeterset=METERSET, ReferencedBeamNumber=n) for n in (1, 2)],
    )  # fmt: skip
    return new_object(
        common, RTIonPlanStorage if ion else RTPlanStorage, "RTPLAN",
        RTPlanLabel="TDWII", RTPlanName="", RTPlanDate="20260101", RTPlanTime="080000", PlanIntent="VERIFICATION",
        RTPlanGeometry="TREATMENT_DEVICE", FrameOfReferenceUID=generate_uid(), PositionReferenceIndicator="",
        FractionGroupSequence=group, ApprovalStatus="UNAPPROVED",
        PatientSetupSequence=item(PatientSetupNumber=1, PatientPosition="HFS"),
        **{"IonBeamSequence" if ion else "BeamSequence": beams},
    )  # fmt: skip


def _beam(number: int) -> Dataset:
    positions = [
        item(RTBeamLimitingDeviceType="ASYMX", LeafJawPositions=[-50, 50]),
        item(RTBeamLimitingDeviceType="ASYMY", LeafJawPositions=[-50, 50]),
    ]
    first = item(
        ControlPointIndex=0, NominalBeamEnergy=6, DoseRateSet=400, BeamLimitingDevicePositionSequence=positions,
        GantryAngle=0, GantryRotationDirection="NONE", BeamLimitingDeviceAngle=0,
        BeamLimitingDeviceRotationDirection="NONE", PatientSupportAngle=0, PatientSupportRotationDirection="NONE",
        TableTopEccentricAngle=0, TableTopEccentricRotationDirection="NONE", TableTopVerticalPosition=None,
        TableTopLongitudinalPosition=None, TableTopLateralPosition=None, IsocenterPosition=[0, 0, 0],
        CumulativeMetersetWeight=0,
    )  # fmt: skip
    return item(
        BeamNumber=number, BeamName=f"Beam {number}", BeamType="STATIC", RadiationType="PHOTON",
        PrimaryDosimeterUnit="MU", TreatmentMachineName="TDD1", Manufacturer="TDW-II conformance", SourceAxisDistance=1000,
        TreatmentDeliveryType="TREATMENT",
        BeamLimitingDeviceSequence=[
            item(RTBeamLimitingDeviceType=t, NumberOfLeafJawPairs=1) for t in ("ASYMX", "ASYMY")
        ],
        NumberOfWedges=0, NumberOfCompensators=0, NumberOfBoli=0, NumberOfBlocks=0, FinalCumulativeMetersetWeight=1,
        NumberOfControlPoints=2, ReferencedPatientSetupNumber=1,
        ControlPointSequence=[first, item(ControlPointIndex=1, CumulativeMetersetWeight=1)],
    )  # fmt: skip


def _ion_beam(number: int) -> Dataset:
    first = item(
        ControlPointIndex=0, CumulativeMetersetWeight=0, NominalBeamEnergy=150, GantryAngle=0,
        GantryRotationDirection="NONE", BeamLimitingDeviceAngle=0, BeamLimitingDeviceRotationDirection="NONE",
        PatientSupportAngle=0, PatientSupportRotationDirection="NONE", TableTopVerticalPosition=None,
        TableTopLongitudinalPosition=None, TableTopLateralPosition=None, TableTopPitchAngle=0,
        TableTopPitchRotationDirection="NONE", TableTopRollAngle=0, TableTopRollRotationDirection="NONE",
        GantryPitchAngle=0, GantryPitchRotationDirection="NONE", IsocenterPosition=[0, 0, 0], SnoutPosition=300,
        MetersetRate=None,
    )  # fmt: skip
    return item(
        BeamNumber=number, BeamName=f"Beam {number}", BeamDescription="", BeamType="STATIC", RadiationType="PROTON",
        ScanMode="NONE", TreatmentMachineName="TDD1", Manufacturer="TDW-II conformance", PrimaryDosimeterUnit="MU",
        VirtualSourceAxisDistances=[2000, 2000], TreatmentDeliveryType="TREATMENT", NumberOfWedges=0,
        NumberOfCompensators=0, NumberOfBoli=0, NumberOfBlocks=0, NumberOfRangeShifters=0,
        NumberOfLateralSpreadingDevices=0, NumberOfRangeModulators=0, PatientSupportType="TABLE",
        ReferencedPatientSetupNumber=1, FinalCumulativeMetersetWeight=1, NumberOfControlPoints=2,
        IonControlPointSequence=[first, item(ControlPointIndex=1, CumulativeMetersetWeight=1)],
    )  # fmt: skip


def _instruction(common: Dataset, plan: Dataset, start: str) -> Dataset:
    # Of a continuation the first beam was interrupted, the second not begun.
    open_ranges = {1: (INTERRUPTED_AT * METERSET, METERSET), 2: (0.0, METERSET)} if start == "CONTINUATION" else {1: None, 2: None}
    tasks = [beam_task(number, fraction=3, open_range=open_range) for number, open_range in open_ranges.items()]
    return delivery_instruction(common, plan, tasks)

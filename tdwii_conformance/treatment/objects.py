"""Plans, delivery instructions, records and workitems for a treatment: minimal valid content, consistent with each other."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
    generate_uid,
)

from ..ups.datasets import named_character_set, picked
from .messages import TREATMENT_WITH_VERIFICATION, Code, code_item, item

__all__ = [
    "ObjectsError", "Treatment", "beam_task", "common_of", "delivery_instruction", "final_update", "new_treatment",
    "progress_update", "read_treatment", "record", "workitem",
]  # fmt: skip

Modality = Literal["photon", "ion"]
METERSET = 100.0
INTERRUPTED_AT = 40.0
# What the objects of a treatment share: patient, study, equipment.
COMMON = (
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber", "Manufacturer", "OperatorsName",
)  # fmt: skip
_numbers = itertools.count(1)


class ObjectsError(ValueError):
    """Objects of a folder cannot be used for a treatment; the message names the folder and the file."""


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
        Fraction Group Number; ``None`` is the plan's first group.
    """

    plan: Dataset
    instruction: Dataset
    previous_record: Dataset | None
    start: str
    remarks: tuple[str, ...] = ()
    group: int | None = None

    @property
    def ion(self) -> bool:
        """Whether it is an ion treatment."""
        return bool(self.plan.SOPClassUID == RTIonPlanStorage)

    @property
    def beam_numbers(self) -> list[int]:
        """Numbers of the plan's beams."""
        beams = self.plan.get("IonBeamSequence" if self.ion else "BeamSequence") or ()
        return [int(beam.BeamNumber) for beam in beams] or [1]

    @property
    def fraction(self) -> int:
        """Current Fraction Number."""
        return int(self.instruction.BeamTaskSequence[0].CurrentFractionNumber)

    @property
    def fractions_planned(self) -> int:
        """Number of Fractions Planned of the fraction group."""
        groups = [
            one
            for one in self.plan.get("FractionGroupSequence") or ()
            if self.group is None or one.get("FractionGroupNumber") == self.group
        ]
        return int(groups[0].get("NumberOfFractionsPlanned") or 1) if groups else 1

    @property
    def plan_label(self) -> str:
        """RT Plan Label."""
        return str(self.plan.get("RTPlanLabel") or "")


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
    treatment = Treatment(plan, _instruction(common, plan, start), None, start)
    previous = record(treatment, interrupted=True) if start == "CONTINUATION" else None
    return Treatment(plan, treatment.instruction, previous, start)


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


def common_of(plan: Dataset) -> Dataset:
    """Return patient, study and equipment of a plan, as far as it has them."""
    return picked(plan, COMMON)


def _object(common: Dataset, sop_class: str, modality: str, **attributes: Any) -> Dataset:
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


def _plan(common: Dataset, modality: Modality) -> Dataset:
    ion = modality == "ion"
    beams = [_ion_beam(n) if ion else _beam(n) for n in (1, 2)]
    group = item(
        FractionGroupNumber=1, NumberOfFractionsPlanned=30, NumberOfBeams=2, NumberOfBrachyApplicationSetups=0,
        ReferencedBeamSequence=[item(BeamMeterset=METERSET, ReferencedBeamNumber=n) for n in (1, 2)],
    )  # fmt: skip
    return _object(
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
        PrimaryDosimeterUnit="MU", TreatmentMachineName="TDD1", SourceAxisDistance=1000, TreatmentDeliveryType="TREATMENT",
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
    open_ranges = {1: (INTERRUPTED_AT, METERSET), 2: (0.0, METERSET)} if start == "CONTINUATION" else {1: None, 2: None}
    tasks = [beam_task(number, fraction=3, open_range=open_range) for number, open_range in open_ranges.items()]
    return delivery_instruction(common, plan, tasks)


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
    return _object(
        common, RTBeamsDeliveryInstructionStorage, "PLAN", BeamTaskSequence=list(tasks),
        ReferencedRTPlanSequence=_reference(plan),
    )  # fmt: skip


def _reference(instance: Dataset) -> Dataset:
    return item(ReferencedSOPClassUID=instance.SOPClassUID, ReferencedSOPInstanceUID=instance.SOPInstanceUID)


def record(treatment: Treatment, *, interrupted: bool = False) -> Dataset:
    """Return a new RT Beams or RT Ion Beams Treatment Record of a treatment.

    Parameters
    ----------
    treatment : Treatment
        What was delivered.
    interrupted : bool
        Whether delivery stopped in the first beam.
    """
    ion, plan = treatment.ion, treatment.plan
    beams = [_session_beam(n, ion, interrupted, treatment) for n in treatment.beam_numbers[: 1 if interrupted else None]]
    common = common_of(plan)
    return _object(
        common, RTIonBeamsTreatmentRecordStorage if ion else RTBeamsTreatmentRecordStorage, "RTRECORD",
        InstanceNumber=1, TreatmentDate="20260103", TreatmentTime="101500", ReferencedRTPlanSequence=_reference(plan),
        PrimaryDosimeterUnit="MU", NumberOfFractionsPlanned=30,
        TreatmentMachineSequence=item(
            TreatmentMachineName="TDD1", Manufacturer="TDW-II conformance", InstitutionName="", ManufacturerModelName="",
            DeviceSerialNumber="",
        ),
        **{"TreatmentSessionIonBeamSequence" if ion else "TreatmentSessionBeamSequence": beams},
    )  # fmt: skip


def _session_beam(number: int, ion: bool, interrupted: bool, treatment: Treatment) -> Dataset:
    delivered = INTERRUPTED_AT if interrupted else METERSET
    stamps = {"TreatmentControlPointDate": "20260103", "TreatmentControlPointTime": "101500"}
    beam = item(
        CurrentFractionNumber=treatment.fraction, TreatmentDeliveryType=treatment.start, BeamName=f"Beam {number}",
        BeamType="STATIC", RadiationType="PROTON" if ion else "PHOTON", ReferencedBeamNumber=number, NumberOfWedges=0,
        NumberOfCompensators=0, NumberOfBoli=0, NumberOfBlocks=0,
        TreatmentTerminationStatus="OPERATOR" if interrupted else "NORMAL", TreatmentVerificationStatus="",
        SpecifiedPrimaryMeterset=METERSET, DeliveredPrimaryMeterset=delivered, NumberOfControlPoints=2,
    )  # fmt: skip
    angles = {
        "GantryAngle": 0, "GantryRotationDirection": "NONE", "BeamLimitingDeviceAngle": 0,
        "BeamLimitingDeviceRotationDirection": "NONE", "PatientSupportAngle": 0,
        "PatientSupportRotationDirection": "NONE", "TableTopVerticalPosition": None,
        "TableTopLongitudinalPosition": None, "TableTopLateralPosition": None,
    }  # fmt: skip
    points = [
        item(
            ReferencedControlPointIndex=index,
            SpecifiedMeterset=m,
            DeliveredMeterset=m,
            **stamps,
            **(angles if not index else {}),
        )
        for index, m in enumerate((0.0, delivered))
    ]
    if ion:
        beam.update(item(ScanMode="NONE", PatientSupportType="TABLE", NumberOfRangeShifters=0,
            NumberOfLateralSpreadingDevices=0, NumberOfRangeModulators=0))  # fmt: skip
        for point in points:
            point.update(item(MetersetRateSet=None, MetersetRateDelivered=None, SnoutPosition=300,
                NominalBeamEnergy=150, TableTopPitchAngle=0, TableTopPitchRotationDirection="NONE",
                TableTopRollAngle=0, TableTopRollRotationDirection="NONE", GantryPitchAngle=0,
                GantryPitchRotationDirection="NONE"))  # fmt: skip
        beam.IonControlPointDeliverySequence = points
    else:
        for point in points:
            point.update(item(DoseRateSet=400, DoseRateDelivered=400, NominalBeamEnergy=6,
                NominalBeamEnergyUnit="MV", TableTopEccentricAngle=0,
                TableTopEccentricRotationDirection="NONE"))  # fmt: skip
        points[0].BeamLimitingDevicePositionSequence = [
            item(RTBeamLimitingDeviceType=t, LeafJawPositions=[-50, 50]) for t in ("ASYMX", "ASYMY")
        ]
        beam.BeamLimitingDeviceLeafPairsSequence = [
            item(RTBeamLimitingDeviceType=t, NumberOfLeafJawPairs=1) for t in ("ASYMX", "ASYMY")
        ]
        beam.ControlPointDeliverySequence = points
    return beam


# --- the worklist ----------------------------------------------------------------------------------------------------


def _access(instance: Dataset, ae_title: str) -> Dataset:
    """Return an item of the Referenced Instances and Access Macro."""
    return item(
        TypeOfInstances="DICOM", StudyInstanceUID=instance.StudyInstanceUID, SeriesInstanceUID=instance.SeriesInstanceUID,
        ReferencedSOPSequence=_reference(instance), DICOMRetrievalSequence=item(RetrieveAETitle=ae_title),
    )  # fmt: skip


def _text(code: tuple[str, str, str], value: str) -> Dataset:
    return item(ValueType="TEXT", ConceptNameCodeSequence=code_item(*code), TextValue=value)


def _numeric(code: tuple[str, str, str], value: float) -> Dataset:
    return item(
        ValueType="NUMERIC", ConceptNameCodeSequence=code_item(*code), NumericValue=value,
        MeasurementUnitsCodeSequence=code_item("1", "UCUM", "no units"),
    )  # fmt: skip


def _parameters(treatment: Treatment, edition: str) -> list[Dataset]:
    if edition == "2013":
        return [_text(("ccc001", "99IHERO2008", "Treatment Delivery Type"), treatment.start)]
    return [
        _text(("121740", "DCM", "Treatment Delivery Type"), treatment.start),
        _text(("2018001", "99IHERO2018", "Plan Label"), treatment.plan_label),
        _numeric(("2018002", "99IHERO2018", "Current Fraction Number"), treatment.fraction),
        _numeric(("2018003", "99IHERO2018", "Number of Fractions Planned"), treatment.fractions_planned),
    ]


def workitem(treatment: Treatment, *, tms: str, ost: str, station: Code, start: datetime, edition: str = "ti") -> Dataset:
    """Return the attributes of a workitem for N-CREATE [CC.2.5.1.3].

    Parameters
    ----------
    treatment : Treatment
        What is to be delivered.
    tms, ost : str
        AE titles from which the inputs are retrieved.
    station : Code
        Scheduled station.
    start : datetime
        Scheduled Procedure Step Start DateTime.
    edition : {"ti", "2013"}
        Edition of TDW-II.
    """
    plan = treatment.plan
    inputs = [_access(plan, ost), _access(treatment.instruction, tms)]
    if treatment.previous_record is not None:
        inputs.append(_access(treatment.previous_record, ost))
    attributes = item(
        TransactionUID="", ScheduledProcedureStepPriority="MEDIUM", ProcedureStepLabel=f"Fraction {treatment.fraction}",
        WorklistLabel="TDW-II", ScheduledProcessingParametersSequence=_parameters(treatment, edition),
        ScheduledStationNameCodeSequence=station.item, ScheduledStationClassCodeSequence=[],
        ScheduledStationGeographicLocationCodeSequence=[],
        ScheduledProcedureStepStartDateTime=f"{start:%Y%m%d%H%M%S}",
        ExpectedCompletionDateTime=f"{start + timedelta(minutes=15):%Y%m%d%H%M%S}",
        ScheduledWorkitemCodeSequence=code_item(*TREATMENT_WITH_VERIFICATION), CommentsOnTheScheduledProcedureStep="",
        InputReadinessState="READY", InputInformationSequence=inputs, StudyInstanceUID=plan.StudyInstanceUID,
        PatientName=str(plan.PatientName), PatientID=plan.PatientID, IssuerOfPatientID="",
        IssuerOfPatientIDQualifiersSequence=[], OtherPatientIDsSequence=[],
        PatientBirthDate=plan.get("PatientBirthDate"), PatientSex=plan.get("PatientSex"), AdmissionID="",
        IssuerOfAdmissionIDSequence=[], AdmittingDiagnosesDescription="", AdmittingDiagnosesCodeSequence=[],
        ReferencedRequestSequence=[], ProcedureStepState="SCHEDULED", ProcedureStepProgressInformationSequence=[],
        UnifiedProcedureStepPerformedProcedureSequence=[],
    )  # fmt: skip
    return named_character_set(attributes)


def progress_update(progress: int, beam: int, *, edition: str = "ti") -> Dataset:
    """Return the modification list of RO-62, without Transaction UID.

    Parameters
    ----------
    progress : int
        Per cent.
    beam : int
        Number of the beam in progress.
    edition : {"ti", "2013"}
        Where the beam number goes (T6).
    """
    information = item(ProcedureStepProgress=str(progress))
    if edition == "2013":
        parameter = _text(("121700", "DCM", "Referenced Beam Number in Progress"), str(beam))
        performed = item(PerformedProcessingParametersSequence=parameter, OutputInformationSequence=[])
        return item(
            ProcedureStepProgressInformationSequence=information,
            UnifiedProcedureStepPerformedProcedureSequence=performed,
        )
    information.ProcedureStepProgressParametersSequence = [_numeric(("2018004", "99IHERO2018", "Referenced Beam Number"), beam)]
    return item(ProcedureStepProgressInformationSequence=information)


def final_update(
    *,
    progress: int,
    station: Code,
    start: datetime,
    end: datetime,
    records: Sequence[Dataset],
    ost: str,
    canceled: bool,
) -> Dataset:
    """Return the modification list of RO-64, without Transaction UID.

    Parameters
    ----------
    progress : int
        Per cent.
    station : Code
        Performed station, as scheduled.
    start, end : datetime
        When delivery began and ended.
    records : sequence of Dataset
        What was stored by RO-63; empty when nothing was delivered, and then no procedure was performed (T7).
    ost : str
        AE title from which the records are retrieved.
    canceled : bool
        Whether CANCELED follows, which a reason goes with.
    """
    information = item(ProcedureStepProgress=str(progress))
    if canceled:
        information.ProcedureStepDiscontinuationReasonCodeSequence = [
            code_item("110513", "DCM", "Discontinued for unspecified reason")
        ]
    update = item(ProcedureStepProgressInformationSequence=information)
    if records:
        update.UnifiedProcedureStepPerformedProcedureSequence = [
            item(
                PerformedStationNameCodeSequence=station.item,
                PerformedProcedureStepStartDateTime=f"{start:%Y%m%d%H%M%S}",
                PerformedProcedureStepEndDateTime=f"{end:%Y%m%d%H%M%S}",
                PerformedWorkitemCodeSequence=code_item(*TREATMENT_WITH_VERIFICATION),
                OutputInformationSequence=[_access(one, ost) for one in records],
            )
        ]
    return update


# --- a user's own objects ---------------------------------------------------------------------------------------------


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

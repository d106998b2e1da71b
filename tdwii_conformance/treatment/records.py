"""Treatment records: what was delivered [PS3.3 C.8.8.21, C.8.8.26]."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage

from .messages import item
from .parts import Treatment, common_of, new_object, reference

__all__ = ["INTERRUPTED_AT", "METERSET", "record"]

METERSET = 100.0
INTERRUPTED_AT = 40.0


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
    return new_object(
        common, RTIonBeamsTreatmentRecordStorage if ion else RTBeamsTreatmentRecordStorage, "RTRECORD",
        InstanceNumber=1, TreatmentDate="20260103", TreatmentTime="101500", ReferencedRTPlanSequence=reference(plan),
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

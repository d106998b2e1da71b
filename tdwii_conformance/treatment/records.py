"""Treatment records: what was delivered [PS3.3 C.8.8.21, C.8.8.26].

What a plan says of a beam is taken from it, and what a delivery instruction prescribes from that. What neither says stays empty
or is left out. That what was prescribed is what was delivered is the simulation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage
from pydicom.valuerep import format_number_as_ds

from .messages import item
from .parts import Treatment, common_of, new_object, reference
from .prescription import PrescribedBeam, Prescription, points_of

__all__ = ["INTERRUPTED_AT", "record"]

INTERRUPTED_AT = 0.4  # of what was to be delivered in the first beam
MACHINE = ("Manufacturer", "InstitutionName", "ManufacturerModelName", "DeviceSerialNumber")
# Attributes of a plan's beam that a session beam has as well.
OF_A_BEAM = (
    "BeamName", "BeamDescription", "BeamType", "RadiationType", "HighDoseTechniqueType", "NumberOfWedges", "NumberOfCompensators",
    "NumberOfBoli", "NumberOfBlocks",
)  # fmt: skip
OF_AN_ION_BEAM = (
    "RadiationMassNumber", "RadiationAtomicNumber", "RadiationChargeState", "ScanMode", "ModulatedScanModeType",
    "PatientSupportType", "PatientSupportID", "PatientSupportAccessoryCode", "FixationLightAzimuthalAngle",
    "FixationLightPolarAngle", "NumberOfRangeShifters", "NumberOfLateralSpreadingDevices", "NumberOfRangeModulators",
)  # fmt: skip
# Of a control point, in plan and record alike.
OF_A_POINT = (
    "NominalBeamEnergy", "GantryAngle", "GantryRotationDirection", "BeamLimitingDeviceAngle", "BeamLimitingDeviceRotationDirection",
    "PatientSupportAngle", "PatientSupportRotationDirection", "TableTopVerticalPosition", "TableTopLongitudinalPosition",
    "TableTopLateralPosition", "TableTopPitchAngle", "TableTopPitchRotationDirection", "TableTopRollAngle",
    "TableTopRollRotationDirection", "GantryPitchAngle", "GantryPitchRotationDirection", "BeamLimitingDevicePositionSequence",
    "WedgePositionSequence",
)  # fmt: skip
OF_A_PHOTON_POINT = ("TableTopEccentricAxisDistance", "TableTopEccentricAngle", "TableTopEccentricRotationDirection")
OF_AN_ION_POINT = ("SnoutPosition", "ScanSpotTuneID", "NumberOfPaintings", "ScanningSpotSize")
WEDGE = ("WedgeNumber", "WedgeType", "WedgeID", "AccessoryCode", "WedgeAngle", "WedgeOrientation")
BLOCK = ("BlockTrayID", "AccessoryCode", "BlockName")
DEVICE = ("RTBeamLimitingDeviceType", "NumberOfLeafJawPairs")
# What of a beam is described once more: in the plan, in the record, and by what.
DESCRIBED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("WedgeSequence", "RecordedWedgeSequence", WEDGE),
    ("IonWedgeSequence", "RecordedWedgeSequence", WEDGE),
    ("BlockSequence", "RecordedBlockSequence", BLOCK),
    ("IonBlockSequence", "RecordedBlockSequence", BLOCK),
    ("ReferencedBolusSequence", "ReferencedBolusSequence", ("ReferencedROINumber",)),
    ("BeamLimitingDeviceSequence", "BeamLimitingDeviceLeafPairsSequence", DEVICE),
    ("IonBeamLimitingDeviceSequence", "BeamLimitingDeviceLeafPairsSequence", DEVICE),
)


def record(treatment: Treatment, *, interrupted: bool = False, at: datetime | None = None) -> Dataset:
    """Return a new RT Beams or RT Ion Beams Treatment Record of a treatment.

    Parameters
    ----------
    treatment : Treatment
        What was delivered.
    interrupted : bool
        Whether delivery stopped in the first beam.
    at : datetime, optional
        When it was delivered; now if not given.

    Raises
    ------
    PlanError
        If plan and delivery instruction cannot be delivered.
    """
    ion, plan, prescribed = treatment.ion, treatment.plan, treatment.prescription
    when = at or datetime.now()
    beams = [_session_beam(one, ion, interrupted, when) for one in prescribed.beams[: 1 if interrupted else None]]
    made = new_object(
        common_of(plan), RTIonBeamsTreatmentRecordStorage if ion else RTBeamsTreatmentRecordStorage, "RTRECORD",
        InstanceNumber=1, TreatmentDate=f"{when:%Y%m%d}", TreatmentTime=f"{when:%H%M%S}",
        ReferencedRTPlanSequence=reference(plan), PrimaryDosimeterUnit=prescribed.unit,
        NumberOfFractionsPlanned=prescribed.fractions, TreatmentMachineSequence=_machine(prescribed),
        **{"TreatmentSessionIonBeamSequence" if ion else "TreatmentSessionBeamSequence": beams},
    )  # fmt: skip
    if prescribed.group is not None:
        made.ReferencedFractionGroupNumber = prescribed.group
    return made


def _machine(prescribed: Prescription) -> Dataset:
    beam = prescribed.beams[0].beam
    return item(TreatmentMachineName=prescribed.machine, **{keyword: beam.get(keyword) or "" for keyword in MACHINE})


def _session_beam(one: PrescribedBeam, ion: bool, interrupted: bool, when: datetime) -> Dataset:
    stop = one.start + INTERRUPTED_AT * (one.end - one.start) if interrupted else one.end
    made = item(
        CurrentFractionNumber=one.fraction, TreatmentDeliveryType=one.delivery, ReferencedBeamNumber=one.number,
        TreatmentTerminationStatus="OPERATOR" if interrupted else "NORMAL", TreatmentVerificationStatus="",
        SpecifiedPrimaryMeterset=one.specified if one.whole else _ds(one.end - one.start),
        DeliveredPrimaryMeterset=one.specified if one.whole and not interrupted else _ds(stop - one.start),
    )  # fmt: skip
    _copy(one.beam, made, (*OF_A_BEAM, *(OF_AN_ION_BEAM if ion else ())))
    for theirs, ours, keywords in DESCRIBED:
        if one.beam.get(theirs):
            setattr(made, ours, [_copy(described, Dataset(), keywords) for described in one.beam.get(theirs)])
    points = list(_points(one, ion, stop, when))
    made.NumberOfControlPoints = len(points)
    for point in points:
        if not ion and "NominalBeamEnergy" in point:  # a plan means it by the kind of radiation
            point.NominalBeamEnergyUnit = "MEV" if one.beam.get("RadiationType") == "ELECTRON" else "MV"
    setattr(made, "IonControlPointDeliverySequence" if ion else "ControlPointDeliverySequence", points)
    return made


def _points(one: PrescribedBeam, ion: bool, stop: float, when: datetime) -> Iterator[Dataset]:
    """Yield the plan's control points that were reached, and the one towards which delivery was under way."""
    meterset = float(one.specified)
    if not one.weights:  # the plan does not say where in the meterset its control points are
        yield _point(0, one.start, one.start, {}, None, ion, when)
        yield _point(1, one.end, stop, {}, None, ion, when)
        return
    known: dict[str, Any] = {}  # a control point says what has changed
    first, rate = True, None
    for n, point in enumerate(points_of(one.beam)):
        here = {keyword: point[keyword] for keyword in _kept(ion) if keyword in point}
        known |= here
        planned = meterset * one.weights[n]
        if n + 1 < len(one.weights) and meterset * one.weights[n + 1] <= one.start and planned < one.start:
            continue  # it was passed in an earlier session
        specified = max(planned, one.start)
        rate = point.get("MetersetRate" if ion else "DoseRateSet") or rate
        here |= {keyword: known[keyword] for keyword in ("NominalBeamEnergy",) if keyword in known}
        yield _point(n, specified, min(specified, stop), known if first else here, rate, ion, when)
        first = False
        if n and planned >= stop:
            return


def _kept(ion: bool) -> tuple[str, ...]:
    return OF_A_POINT + (OF_AN_ION_POINT if ion else OF_A_PHOTON_POINT)


def _point(
    index: int, specified: float, delivered: float, known: Mapping[str, Any], rate: Any, ion: bool, when: datetime
) -> Dataset:
    made = item(
        ReferencedControlPointIndex=index, TreatmentControlPointDate=f"{when:%Y%m%d}", TreatmentControlPointTime=f"{when:%H%M%S}",
        SpecifiedMeterset=_ds(specified), DeliveredMeterset=_ds(delivered),
    )  # fmt: skip
    for keyword, element in known.items():
        made[keyword] = copy.deepcopy(element)
    for name in ("MetersetRateSet", "MetersetRateDelivered") if ion else ("DoseRateSet", "DoseRateDelivered"):
        setattr(made, name, rate)
    return made


def _copy(source: Dataset, target: Dataset, keywords: Iterable[str]) -> Dataset:
    for keyword in keywords:
        if keyword in source:
            target[keyword] = copy.deepcopy(source[keyword])
    return target


def _ds(value: float) -> str:
    return format_number_as_ds(round(value, 6))

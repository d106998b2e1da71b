"""RT Plans as treatment planning systems write them, small: what each has in particular is said where it is made."""

from pydicom.uid import RTIonPlanStorage, RTPlanStorage, generate_uid

from tdwii_conformance.treatment.messages import item
from tdwii_conformance.treatment.objects import beam_task, common_of, delivery_instruction
from tdwii_conformance.treatment.prescription import NOT_TREATMENT


def beam(number, *, weights=(0, 0.5, 1), **changes):
    """A photon beam of three control points at gantry angles 10, 20, 30."""
    points = [
        item(ControlPointIndex=n, CumulativeMetersetWeight=weight, GantryAngle=10 * (n + 1)) for n, weight in enumerate(weights)
    ]
    points[0].NominalBeamEnergy, points[0].DoseRateSet = 10, 600
    points[0].BeamLimitingDevicePositionSequence = [item(RTBeamLimitingDeviceType="ASYMX", LeafJawPositions=[-20, 30])]
    attributes = {
        "BeamNumber": number, "BeamName": f"field {number}", "BeamType": "DYNAMIC", "RadiationType": "PHOTON",
        "TreatmentMachineName": "VAULT7", "PrimaryDosimeterUnit": "MU", "TreatmentDeliveryType": "TREATMENT",
        "NumberOfWedges": 0, "NumberOfCompensators": 0, "NumberOfBoli": 0, "NumberOfBlocks": 0,
        "FinalCumulativeMetersetWeight": weights[-1], "NumberOfControlPoints": len(points),
        "BeamLimitingDeviceSequence": [item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1)],
        "ControlPointSequence": points,
    }  # fmt: skip
    return item(**{keyword: value for keyword, value in {**attributes, **changes}.items() if value is not ...})


def ion_beam(number, **changes):
    """A proton beam whose cumulative meterset weights are numbers of particles."""
    points = [
        item(ControlPointIndex=n, CumulativeMetersetWeight=weight, NominalBeamEnergy=120.5)
        for n, weight in enumerate((0, 1.5e10, 2.5e10))
    ]
    points[0].GantryAngle, points[0].SnoutPosition, points[0].MetersetRate = 90, 250, 1
    attributes = {
        "BeamNumber": number, "BeamName": f"spots {number}", "BeamType": "STATIC", "RadiationType": "PROTON",
        "ScanMode": "MODULATED", "TreatmentMachineName": "GANTRY2", "PrimaryDosimeterUnit": "NP",
        "TreatmentDeliveryType": "TREATMENT", "NumberOfWedges": 0, "NumberOfCompensators": 0, "NumberOfBoli": 0,
        "NumberOfBlocks": 0, "NumberOfRangeShifters": 0, "NumberOfLateralSpreadingDevices": 0, "NumberOfRangeModulators": 0,
        "PatientSupportType": "TABLE", "FinalCumulativeMetersetWeight": "2.5e10", "NumberOfControlPoints": 3,
        "IonControlPointSequence": points,
    }  # fmt: skip
    return item(**{keyword: value for keyword, value in {**attributes, **changes}.items() if value is not ...})


def group(number, metersets, fractions=5):
    """A fraction group; a meterset of ``None`` is left out."""
    references = [
        item(ReferencedBeamNumber=n, **({} if meterset is None else {"BeamMeterset": meterset}))
        for n, meterset in metersets.items()
    ]
    return item(
        FractionGroupNumber=number, NumberOfFractionsPlanned=fractions, NumberOfBeams=len(references),
        NumberOfBrachyApplicationSetups=0, ReferencedBeamSequence=references,
    )  # fmt: skip


def plan(beams, groups, *, ion=False, **changes):
    """A plan of these beams and fraction groups, of a patient and a study of its own."""
    made = item(
        SOPClassUID=RTIonPlanStorage if ion else RTPlanStorage, SOPInstanceUID=generate_uid(), StudyInstanceUID=generate_uid(),
        SeriesInstanceUID=generate_uid(), Modality="RTPLAN", PatientName="Plan^Real", PatientID=f"P{generate_uid()[-12:]}",
        PatientBirthDate="19600101", PatientSex="O", StudyDate="20260101", StudyTime="080000", ReferringPhysicianName="",
        StudyID="1", AccessionNumber="", Manufacturer="A planning system", RTPlanLabel="Real", RTPlanDate="20260101",
        RTPlanTime="080000", RTPlanGeometry="PATIENT", ApprovalStatus="APPROVED", FractionGroupSequence=groups,
        **{"IonBeamSequence" if ion else "BeamSequence": beams},
    )  # fmt: skip
    made.update(item(**changes))
    return made


def instruction(of_plan, numbers, *, fraction=1, ranges=None):
    """A delivery instruction that treats these beams of a plan."""
    tasks = [beam_task(n, fraction=fraction, open_range=(ranges or {}).get(n)) for n in numbers]
    return delivery_instruction(common_of(of_plan), of_plan, tasks)


def with_setup_beams():
    """Two SETUP beams without meterset, 10 and 40, around two beams that treat, 20 and 30."""
    beams = [beam(n, TreatmentDeliveryType="SETUP" if n in (10, 40) else "TREATMENT") for n in (10, 20, 30, 40)]
    return plan(beams, [group(1, {10: None, 20: 87, 30: 89.5, 40: None}, fractions=7)])


def of_two_groups():
    """Three beams in the first fraction group, of 16 fractions, and two others in the second, of 4."""
    return plan([beam(n) for n in range(1, 6)], [group(1, {1: 189.57, 2: 57.1, 3: 190}, 16), group(2, {4: 185.3, 5: 170.58}, 4)])


def in_particles():
    """An ion plan whose meterset is a number of particles."""
    return plan([ion_beam(1)], [group(1, {1: "2.5e10"}, 14)], ion=True)


def treated_beams(of_plan, group_number=1):
    """Numbers of the beams that treat in a fraction group."""
    beams = {one.BeamNumber: one for one in of_plan.get("BeamSequence") or of_plan.get("IonBeamSequence")}
    (chosen,) = [one for one in of_plan.FractionGroupSequence if one.FractionGroupNumber == group_number]
    numbers = [one.ReferencedBeamNumber for one in chosen.ReferencedBeamSequence]
    return [n for n in numbers if beams[n].get("TreatmentDeliveryType") not in NOT_TREATMENT]

"""The small plans of `fixtures/plans` through `schedule` and `results`: what is said and recorded of each."""

import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from tdwii_conformance.dcmdump import save_dicom

sys.path.insert(0, str(Path(__file__).parents[1] / "treatment"))
from plans import beam, group, instruction, plan

PLANS = Path(__file__).parents[3] / "fixtures" / "plans"


def scheduled(tdwii, name, *more):
    ran = tdwii(
        "schedule", "--plan", PLANS / f"{name}.dcm", "--station", "FX1^99X^FX1", "--fractions", "1", "--out", "course", *more
    )
    return ran, sorted(Path("course").glob("RTBeamsDeliveryInstruction_*.dcm"))


@pytest.mark.parametrize(
    ("name", "group", "beams", "unit", "fractions", "machine"),
    [
        ("setup_beams", (), [(20, 87), (30, 89.5)], "MU", 7, "VAULT7"),
        ("two_fraction_groups", ("--fraction-group", 1), [(1, 189.57), (2, 57.1), (3, 190)], "MU", 16, "VAULT7"),
        ("two_fraction_groups", ("--fraction-group", 2), [(4, 185.3), (5, 170.58)], "MU", 4, "VAULT7"),
        ("particles", (), [(1, 2.5e10)], "NP", 14, "GANTRY2"),
    ],
)
def test_a_record_is_of_what_was_scheduled(tdwii, floor, name, group, beams, unit, fractions, machine):
    ran, (instruction,) = scheduled(tdwii, name, *group)
    assert ran.code == 0, ran.err
    ran = tdwii("results", "OST", "--plan", PLANS / f"{name}.dcm", "--instruction", instruction, "--save", "record.dcm")
    assert ran.code == 0, ran.err
    record = dcmread("record.dcm")
    session = record.get("TreatmentSessionBeamSequence") or record.get("TreatmentSessionIonBeamSequence")
    assert [(one.ReferencedBeamNumber, float(one.DeliveredPrimaryMeterset)) for one in session] == beams
    assert (record.PrimaryDosimeterUnit, record.NumberOfFractionsPlanned) == (unit, fractions)
    assert record.TreatmentMachineSequence[0].TreatmentMachineName == machine


def test_a_plan_without_meterset_is_refused(tdwii, floor):
    ran, made = scheduled(tdwii, "no_meterset")
    assert (ran.code, made) == (2, [])
    assert "ReferencedBeamSequence[0].BeamMeterset: is missing" in ran.err


def test_no_record_is_made_of_another_plan(tdwii, floor):
    _, (instruction,) = scheduled(tdwii, "setup_beams")
    ran = tdwii("results", "OST", "--plan", PLANS / "particles.dcm", "--instruction", instruction, "--save", "record.dcm")
    assert ran.code == 2 and "the delivery instruction is for the plan" in ran.err
    assert not Path("record.dcm").exists()


def test_results_of_a_fraction_group(tdwii, floor):
    """Two groups have the same beam, with 200 and 150 MU: which is meant has to be said."""
    one = plan([beam(1)], [group(1, {1: 200}, 20), group(2, {1: 150}, 5)])
    save_dicom(one, Path("plan.dcm"))
    save_dicom(instruction(one, [1]), Path("rbdi.dcm"))
    make = ("results", "OST", "--plan", "plan.dcm", "--instruction", "rbdi.dcm", "--save", "record.dcm")
    ran = tdwii(*make)
    assert ran.code == 2 and "2 fraction groups have the beams 1" in ran.err and "--fraction-group" in ran.err
    ran = tdwii(*make, "--fraction-group", 3)
    assert ran.code == 2 and "has no FractionGroupNumber 3" in ran.err and not Path("record.dcm").exists()
    ran = tdwii(*make, "--fraction-group", 2)
    assert ran.code == 0, ran.err
    record = dcmread("record.dcm")
    assert [float(one.DeliveredPrimaryMeterset) for one in record.TreatmentSessionBeamSequence] == [150]
    assert (record.NumberOfFractionsPlanned, record.ReferencedFractionGroupNumber) == (5, 2)
    ran = tdwii("results", "OST", "record.dcm", "--fraction-group", 2)
    assert ran.code == 2 and "--plan" in ran.err

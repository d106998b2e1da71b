"""Treatments of a user's own objects: what of a folder is used, and what is said of the rest."""

import pytest
from plans import beam, group, in_particles, instruction, of_two_groups, plan, with_setup_beams

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.treatment.objects import Treatment, new_treatment, record
from tdwii_conformance.treatment.own import NoSuchTreatment, ObjectsError, read_own


@pytest.fixture
def folder(tmp_path):
    def fill(**objects):
        for name, dataset in objects.items():
            save_dicom(dataset, tmp_path / f"{name}.dcm")
        return tmp_path

    return fill


def test_a_plan_and_its_delivery_instruction(folder):
    one = with_setup_beams()
    own = read_own(folder(plan=one, rbdi=instruction(one, [30, 20], fraction=4)))
    treatment = own.treatment("TREATMENT")
    assert (treatment.beam_numbers, treatment.fraction, treatment.fractions_planned) == ([30, 20], 4, 7)
    assert own.remarks == ()


def test_a_plan_without_delivery_instruction_is_in_its_first_fraction(folder):
    own = read_own(folder(plan=of_two_groups()))
    treatment = own.treatment("TREATMENT")
    assert (treatment.beam_numbers, treatment.fraction, treatment.fractions_planned) == ([1, 2, 3], 1, 16)
    (remark,) = own.remarks
    assert remark.endswith("one is made for fraction 1 of fraction group 1, the first of 2")


def test_a_delivery_instruction_finds_its_plan_among_several(folder):
    one, other = with_setup_beams(), of_two_groups()
    own = read_own(folder(a=one, b=other, rbdi=instruction(other, [4, 5])))
    assert [treatment.beam_numbers for treatment in own.treatments] == [[4, 5], [20, 30]]


def test_an_ion_plan_is_used_when_there_is_nothing_else(folder):
    own = read_own(folder(ion=in_particles()))
    assert own.treatment("TREATMENT").ion and own.treatment("TREATMENT", ion=True).ion
    with pytest.raises(NoSuchTreatment, match="has no photon treatment of type TREATMENT"):
        own.treatment("TREATMENT", ion=False)
    assert not read_own(folder(photon=with_setup_beams())).treatment("TREATMENT").ion


def test_a_continuation_needs_the_record(folder):
    made = new_treatment("CONTINUATION")
    without = folder(plan=made.plan, rbdi=made.instruction)
    with pytest.raises(ObjectsError, match=r"rbdi\.dcm: is a CONTINUATION, and there is no treatment record of its plan"):
        read_own(without)
    own = read_own(folder(record=made.previous_record))
    assert own.treatment("CONTINUATION").previous_record.SOPInstanceUID == made.previous_record.SOPInstanceUID
    with pytest.raises(NoSuchTreatment, match=f"not judged: {without} has no treatment of type TREATMENT"):
        own.treatment("TREATMENT")


def test_what_is_no_such_object_is_left_out_and_named(folder, tmp_path):
    one = with_setup_beams()
    there = folder(plan=one, rbdi=instruction(one, [20]), another=record(Treatment(one, instruction(one, [20]), None, "")))
    (tmp_path / "notes.txt").write_text("nothing of DICOM")
    save_dicom(in_particles(), tmp_path / "cut.dcm")
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "cut.dcm").read_bytes()[:-20])
    own = read_own(there)
    assert len(own.treatments) == 1
    assert [remark.rpartition(": ")[2] for remark in own.remarks] == ["cut.dcm is left out", "notes.txt is left out"]


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(ObjectsError, match="is empty: put an RT Plan or RT Ion Plan there"):
        read_own(tmp_path)
    with pytest.raises(ObjectsError, match="there is no such folder"):
        read_own(tmp_path / "none")


def test_a_folder_without_plan_is_told(folder):
    with pytest.raises(ObjectsError, match="has no RT Plan or RT Ion Plan; found RT Beams Delivery Instruction Storage"):
        read_own(folder(rbdi=new_treatment().instruction))


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        (lambda: plan([beam(1)], [group(1, {1: None})]), "ReferencedBeamSequence[0].BeamMeterset: is missing"),
        (lambda: plan([], [group(1, {1: 100})]), "BeamSequence: has no beams"),
        (lambda: plan([beam(1)], [group(1, {1: 100})], PatientID=""), "PatientID: is empty"),
        (lambda: plan([beam(1)], [group(1, {1: float("nan")})]), "BeamMeterset: nan is no number"),
    ],
)
def test_a_plan_that_cannot_be_delivered_is_told(folder, unfit, why):
    one = unfit()
    with pytest.raises(ObjectsError) as told:
        read_own(folder(plan=one))
    assert "plan.dcm: " in str(told.value) and why in str(told.value)

"""A course from a plan: expected values by hand from the plan given, judged by the catalogue's attribute tables as well."""

from datetime import datetime, timedelta
from pathlib import Path

import pydicom.data
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tdwii_conformance.checks import judge_attribute
from tdwii_conformance.profile.catalogue import load_catalogue
from tdwii_conformance.scu.treatment_session import ScheduledWorkitem
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.course import PlanError, fraction_numbers, plan_facts, read_instance, schedule
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.ups import Worklist

STATION = Code("FX1", "99IHERO2008", "FX1")
THURSDAY = datetime(2026, 1, 8, 8, 30)


@pytest.fixture
def plan():
    """Two beams of 100 MU each, 30 fractions planned, label TDWII."""
    return objects.new_treatment().plan


@pytest.fixture
def ion_plan():
    return objects.new_treatment(modality="ion").plan


def course(plan, fractions=(1,), **changes):
    return schedule(plan, fractions, **{"station": STATION, "start": THURSDAY, "tms": "TMS", "ost": "OST", **changes})


def judged(message, datasets, facts, edition="ti"):
    """Return what the catalogue's table of a message says of data sets, as (path, what was found)."""
    rows = [row.rule for row in load_catalogue().attributes(message, "TMS") if edition in row.editions]
    assert len(rows) > 10
    findings = [judge_attribute(rule, datasets, facts) for rule in rows]
    return [(one.path, one.received) for judgement in findings for one in judgement.findings]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1", (1,)), ("1-5", (1, 2, 3, 4, 5)), ("1-3,7", (1, 2, 3, 7)), (" 4 - 5 , 5", (4, 5)), ("2,1", (2, 1))],
)
def test_fractions_are_named_by_numbers_and_ranges(text, numbers):
    assert fraction_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "0", "5-1", "1-", "a", "1;2", "-3", "1-2-3"])
def test_what_names_no_fractions_is_refused(text):
    with pytest.raises(ValueError, match="names no fractions"):
        fraction_numbers(text)


def test_days_follow_each_other_without_weekends(plan):
    made = course(plan, (1, 2, 3, 4))
    assert [f"{one.start:%a %Y-%m-%d %H:%M}" for one in made] == [
        "Thu 2026-01-08 08:30", "Fri 2026-01-09 08:30", "Mon 2026-01-12 08:30", "Tue 2026-01-13 08:30",
    ]  # fmt: skip
    assert [one.workitem.ScheduledProcedureStepStartDateTime for one in made][2] == "20260112083000"


def test_weekends_are_used_on_demand_and_the_first_day_is_the_one_given(plan):
    saturday = THURSDAY + timedelta(days=2)
    assert [one.start.day for one in course(plan, (1, 2), start=saturday)] == [10, 12]
    assert [one.start.day for one in course(plan, (1, 2), start=saturday, weekends=True)] == [10, 11]


def test_an_instruction_treats_every_beam_and_refers_to_the_plan(plan):
    second = course(plan, (7, 8))[1].instruction
    assert [
        (t.ReferencedBeamNumber, t.CurrentFractionNumber, t.BeamTaskType, t.TreatmentDeliveryType) for t in second.BeamTaskSequence
    ] == [(1, 8, "TREAT", "TREATMENT"), (2, 8, "TREAT", "TREATMENT")]
    (reference,) = second.ReferencedRTPlanSequence
    assert reference.ReferencedSOPInstanceUID == plan.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == plan.SOPClassUID
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID"):
        assert second[keyword].value == plan[keyword].value
    assert second.SeriesInstanceUID != plan.SeriesInstanceUID


def test_every_fraction_has_uids_of_its_own(plan):
    made = course(plan, (1, 2, 3))
    assert len({one.uid for one in made} | {one.instruction.SOPInstanceUID for one in made}) == 6
    for one in made:
        named = [r.ReferencedSOPInstanceUID for i in one.workitem.InputInformationSequence for r in i.ReferencedSOPSequence]
        assert named == [plan.SOPInstanceUID, one.instruction.SOPInstanceUID]


@pytest.mark.parametrize("modality", ["photon", "ion"])
@pytest.mark.parametrize("edition", ["ti", "2013"])
def test_workitems_stand_in_the_tables_of_the_catalogue(modality, edition):
    """The workitem goes through a worklist, and is judged as the response of RO-58; the instruction as RO-61's object."""
    plan = objects.new_treatment(modality=modality).plan
    (one,) = course(plan, (3,), edition=edition)
    worklist = Worklist()
    created = worklist.create(one.uid, one.workitem)
    assert (created.status, created.comment) == (0, "")
    query = ScheduledWorkitem.query_of(STATION, "20260108000000-20260108235959")
    facts = {
        "station_value": "FX1", "station_scheme": "99IHERO2008", "tms_ae_title": "TMS", "ost_ae_title": "OST",
        "patient_name": str(plan.PatientName), "patient_id": plan.PatientID, "study": plan.StudyInstanceUID,
        "plan": plan.SOPInstanceUID, "instruction": one.instruction.SOPInstanceUID, "beam_numbers": "1|2",
        "plan_label": "TDWII", "fraction": "3", "fractions_planned": "30", "start": "TREATMENT",
    }  # fmt: skip
    found = list(worklist.find(query))
    assert len(found) == 1
    assert judged("RO-58 response", found, facts, edition) == []
    assert judged("RO-61 object", [one.instruction], facts, edition) == []


def test_a_plan_of_others_is_scheduled_by_what_it_says():
    """pydicom's rtplan.dcm: label Plan1, 30 fractions, one beam of 116.0036697 MU."""
    plan = read_instance(Path(pydicom.data.__file__).parent / "test_files/rtplan.dcm")
    facts = plan_facts(plan)
    assert (facts.label, facts.fractions_planned, facts.unit) == ("Plan1", 30, "MU")
    assert facts.metersets == {1: pytest.approx(116.0036697)}
    assert facts.remarks == ("ApprovalStatus: UNAPPROVED: the plan is not approved",)
    (one,) = course(plan, (30,))
    assert [int(task.ReferencedBeamNumber) for task in one.instruction.BeamTaskSequence] == [1]
    assert Worklist().create(one.uid, one.workitem).status == 0


def test_setup_beams_are_left_out(plan):
    plan.BeamSequence[0].TreatmentDeliveryType = "SETUP"
    assert plan_facts(plan).left_out == (1,)
    assert [task.ReferencedBeamNumber for task in course(plan)[0].instruction.BeamTaskSequence] == [2]


def test_names_beyond_ascii_keep_their_letters(plan):
    plan.SpecificCharacterSet, plan.PatientName = "ISO_IR 192", "Müller^Jörg=田中"
    (one,) = course(plan)
    assert one.workitem.SpecificCharacterSet == "ISO_IR 192"
    assert str(one.workitem.PatientName) == "Müller^Jörg=田中"
    assert one.instruction.SpecificCharacterSet == "ISO_IR 192"


def without(plan, path):
    *parents, keyword = path.split(".")
    dataset = plan
    for parent in parents:
        dataset = dataset[parent].value[0]
    delattr(dataset, keyword)


@pytest.mark.parametrize(
    "path",
    [
        "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName", "RTPlanLabel",
        "FractionGroupSequence", "FractionGroupSequence.NumberOfFractionsPlanned",
        "FractionGroupSequence.ReferencedBeamSequence", "FractionGroupSequence.ReferencedBeamSequence.BeamMeterset",
        "FractionGroupSequence.ReferencedBeamSequence.ReferencedBeamNumber", "BeamSequence", "BeamSequence.BeamNumber",
    ],
)  # fmt: skip
def test_what_a_plan_lacks_is_named_by_its_attribute(plan, path):
    without(plan, path)
    with pytest.raises(PlanError) as refused:
        course(plan)
    assert path.split(".")[-1] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_beam_that_is_not_in_the_plan_is_named(plan):
    plan.FractionGroupSequence[0].ReferencedBeamSequence[1].ReferencedBeamNumber = 9
    with pytest.raises(PlanError, match=r"ReferencedBeamSequence\[1\]\.ReferencedBeamNumber: 9 is no beam .* has 1, 2"):
        course(plan)


def test_a_beam_without_meterset_delivers_nothing(plan):
    plan.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset = 0
    with pytest.raises(PlanError, match=r"ReferencedBeamSequence\[0\]\.BeamMeterset: is 0"):
        course(plan)


def test_no_fraction_beyond_those_planned(plan):
    assert course(plan, (30,))[0].number == 30
    with pytest.raises(PlanError, match="NumberOfFractionsPlanned: is 30: there is no fraction 31"):
        course(plan, (30, 31))


def test_of_two_fraction_groups_one_is_chosen(plan):
    second = item(
        FractionGroupNumber=2, NumberOfFractionsPlanned=5, NumberOfBeams=1,
        ReferencedBeamSequence=item(BeamMeterset=12.5, ReferencedBeamNumber=2),
    )  # fmt: skip
    plan.FractionGroupSequence.append(second)
    with pytest.raises(PlanError, match="FractionGroupSequence: has 2 groups, 1, 2: say which one"):
        course(plan)
    with pytest.raises(PlanError, match="has no FractionGroupNumber 3; it has 1, 2"):
        course(plan, group=3)
    assert plan_facts(plan, group=2).metersets == {2: 12.5}
    (one,) = course(plan, (5,), group=2)
    parameters = {p.ConceptNameCodeSequence[0].CodeValue: p for p in one.workitem.ScheduledProcessingParametersSequence}
    assert parameters["2018003"].NumericValue == 5


def test_an_interrupted_session_is_continued_where_it_stopped():
    """The record: fraction 3, beam 1 stopped at 40 of 100 MU, beam 2 not begun."""
    treatment = objects.new_treatment("CONTINUATION")
    first, second = course(treatment.plan, (3, 4), interrupted=treatment.previous_record)
    assert [
        (t.ReferencedBeamNumber, t.ContinuationStartMeterset, t.ContinuationEndMeterset, t.PrimaryDosimeterUnit)
        for t in first.instruction.BeamTaskSequence
    ] == [(1, 40, 100, "MU"), (2, 0, 100, "MU")]
    inputs = [r.ReferencedSOPInstanceUID for i in first.workitem.InputInformationSequence for r in i.ReferencedSOPSequence]
    assert inputs[2] == treatment.previous_record.SOPInstanceUID
    assert first.workitem.ScheduledProcessingParametersSequence[0].TextValue == "CONTINUATION"
    assert {t.TreatmentDeliveryType for t in second.instruction.BeamTaskSequence} == {"TREATMENT"}
    assert len(second.workitem.InputInformationSequence) == 2


def test_a_beam_that_was_delivered_whole_is_not_continued():
    treatment = objects.new_treatment("CONTINUATION")
    (session,) = treatment.previous_record.TreatmentSessionBeamSequence
    session.DeliveredPrimaryMeterset = 100
    (one,) = course(treatment.plan, (3,), interrupted=treatment.previous_record)
    assert [int(t.ReferencedBeamNumber) for t in one.instruction.BeamTaskSequence] == [2]


def test_a_record_of_another_plan_or_fraction_is_refused(plan):
    treatment = objects.new_treatment("CONTINUATION")
    with pytest.raises(PlanError, match="ReferencedRTPlanSequence: the record is of"):
        course(plan, (3,), interrupted=treatment.previous_record)
    with pytest.raises(PlanError, match=r"CurrentFractionNumber: the record is of fraction 3, the first to schedule is 2"):
        course(treatment.plan, (2,), interrupted=treatment.previous_record)


def saved(dataset, path):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_files_that_are_no_plan_are_named(plan, tmp_path):
    whole = saved(plan, tmp_path / "plan.dcm").read_bytes()
    for name, content, complaint in [
        ("text.dcm", b"not DICOM", "is no DICOM file"),
        ("empty.dcm", b"", "is empty"),
        ("cut.dcm", whole[: len(whole) // 2], "was cut off"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PlanError, match=complaint) as refused:
            read_instance(tmp_path / name)
        assert name in str(refused.value)
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        read_instance(tmp_path / "missing.dcm")
    instruction = saved(objects.new_treatment().instruction, tmp_path / "instruction.dcm")
    with pytest.raises(PlanError, match="SOPClassUID: is RT Beams Delivery Instruction Storage: give an RT Plan"):
        read_instance(instruction)


def test_what_is_written_reads_as_it_was(ion_plan, tmp_path):
    (one,) = course(ion_plan, (2,))
    back = dcmread(saved(one.instruction, tmp_path / "instruction.dcm"))
    assert back.BeamTaskSequence == one.instruction.BeamTaskSequence
    assert isinstance(back, Dataset)


@pytest.mark.parametrize(
    ("keyword", "name"), [("PatientName", ["Doe^J", "Smith"]), ("PatientID", ["A", "1"]), ("RTPlanLabel", ["Pelvis", "boost"])]
)
def test_a_name_with_a_backslash_is_refused_and_never_two(plan, keyword, name):
    """In a file it is two values, which no workitem may make of one name, and no text of ours put together."""
    setattr(plan, keyword, name)
    with pytest.raises(PlanError, match=f"^{keyword}: .*has a backslash, which separates values"):
        course(plan)


def test_a_machine_with_a_backslash_is_refused(plan):
    plan.BeamSequence[0].TreatmentMachineName = ["Linac", "1"]
    with pytest.raises(PlanError, match=r"^TreatmentMachineName: .*has a backslash"):
        course(plan)

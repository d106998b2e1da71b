"""`tdwii schedule`: files and systems get a course; expected values by hand from the plan: 2 beams of 100 MU, 30 fractions."""

import json
from datetime import datetime

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, RTBeamsDeliveryInstructionStorage

from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.simulators.folder import WorkitemFolder
from tdwii_conformance.simulators.instances import InstanceStore
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.ups import Worklist


@pytest.fixture
def plan(tmp_path):
    made = objects.new_treatment(patient_name="Doe^Jane", patient_id="P1").plan
    save_dicom(made, tmp_path / "plan.dcm")
    return made


@pytest.fixture
def systems(tmp_path):
    with TMS("UPSSCP") as tms, OST("OST") as ost:
        book = [{"AETitle": p.ae_title, "IPAddr": p.host, "Port": p.port} for p in (tms.peer, ost.peer)]
        (tmp_path / "ApplicationEntities.json").write_text(json.dumps(book))
        yield tms, ost


def test_a_course_goes_to_files_that_a_tms_serves(plan, tdwii, tmp_path):
    ran = tdwii(
        "schedule", "--plan", "plan.dcm", "--station", "FX1", "--fractions", "1-3", "--start-date", "2026-01-08",
        "--time", "09:15", "--out", "course",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "plan.dcm: ApprovalStatus: UNAPPROVED: the plan is not approved\n")
    assert "TDWII of Doe^Jane (P1): 30 fractions planned" in ran.out
    assert "beam 1 100 MU, beam 2 100 MU" in ran.out
    for day in ("Thu 2026-01-08 09:15", "Fri 2026-01-09 09:15", "Mon 2026-01-12 09:15"):
        assert day in ran.out
    files = sorted(path.name for path in (tmp_path / "course").iterdir())
    assert [sum(name.startswith(kind) for name in files) for kind in ("UPS_", "RTBeamsDeliveryInstruction_", "RTPlan_")] == [
        3,
        3,
        1,
    ]
    worklist, instructions, others = Worklist(), InstanceStore(), InstanceStore()
    news = []
    folder = WorkitemFolder(tmp_path / "course", worklist, instructions, others, tell=news.append)
    folder.look()
    folder.look()
    assert {one.kind for one in news} == {"taken"}
    assert len(worklist.records()) == len(instructions) == 3
    assert [one.uid for one in others] == [plan.SOPInstanceUID]
    for record in worklist.records():
        named = [r.ReferencedSOPInstanceUID for i in record.attributes.InputInformationSequence for r in i.ReferencedSOPSequence]
        assert all(uid in instructions or uid in others for uid in named)
        assert [i.DICOMRetrievalSequence[0].RetrieveAETitle for i in record.attributes.InputInformationSequence] == [
            "OST",
            "UPSSCP",
        ]


def test_a_course_goes_straight_to_the_systems(plan, systems, tdwii):
    tms, ost = systems
    ran = tdwii("schedule", "--plan", "plan.dcm", "--station", "FX1^99X^Machine", "--fractions", "4,5", "--to-tms", "UPSSCP",
                "--to-ost", "OST", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["plan"] == {
        "sop_instance_uid": plan.SOPInstanceUID, "label": "TDWII", "fractions_planned": 30,
        "metersets": {"1": 100, "2": 100}, "unit": "MU",
    }  # fmt: skip
    assert [one["number"] for one in told["fractions"]] == [4, 5]
    assert told["fractions"][0]["start"] == f"{datetime.now():%Y-%m-%d}T08:00"
    assert [one.uid for one in ost.instances] == [plan.SOPInstanceUID]
    assert sorted(one.uid for one in tms.instructions) == sorted(one["instruction"] for one in told["fractions"])
    assert [record.uid for record in tms.worklist.records()] == [one["workitem"] for one in told["fractions"]]
    station = tms.worklist.records()[0].attributes.ScheduledStationNameCodeSequence[0]
    assert (station.CodeValue, station.CodingSchemeDesignator, station.CodeMeaning) == ("FX1", "99X", "Machine")


def test_a_big_endian_ion_plan_and_a_peer_by_its_address(systems, tdwii, tmp_path):
    tms, ost = systems
    ion = objects.new_treatment(modality="ion").plan
    save_dicom(ion, tmp_path / "ion.dcm", transfer_syntax=ExplicitVRBigEndian)
    ran = tdwii("schedule", "--plan", "ion.dcm", "--station", "FX1", "--fractions", "1",
                "--to-tms", f"UPSSCP=127.0.0.1:{tms.peer.port}", "--to-ost", f"127.0.0.1:{ost.peer.port}")  # fmt: skip
    assert ran.code == 0, ran.err
    (instance,) = ost.instances
    assert (instance.uid, instance.transfer_syntax) == (ion.SOPInstanceUID, ExplicitVRBigEndian)
    assert len(tms.worklist.records()) == 1


def test_a_continuation_needs_the_record_and_sends_it(systems, tdwii, tmp_path):
    tms, ost = systems
    treatment = objects.new_treatment("CONTINUATION")
    save_dicom(treatment.plan, tmp_path / "plan.dcm")
    save_dicom(treatment.previous_record, tmp_path / "record.dcm")
    arguments = ["schedule", "--plan", "plan.dcm", "--station", "FX1", "--to-tms", "UPSSCP", "--to-ost", "OST"]
    ran = tdwii(*arguments, "--fractions", "2", "--continue", "record.dcm")
    assert ran.code == 2
    assert "record.dcm: TreatmentSessionBeamSequence[0].CurrentFractionNumber: the record is of fraction 3" in ran.err
    ran = tdwii(*arguments, "--fractions", "3", "--continue", "record.dcm")
    assert ran.code == 0 and "CONTINUATION" in ran.out
    assert {one.uid for one in ost.instances} == {treatment.plan.SOPInstanceUID, treatment.previous_record.SOPInstanceUID}
    (instruction,) = tms.instructions
    assert instruction.attributes.BeamTaskSequence[0].ContinuationStartMeterset == 40


def test_what_is_there_is_not_replaced_unasked(plan, tdwii, tmp_path):
    arguments = ["schedule", "--plan", "plan.dcm", "--station", "FX1", "--fractions", "1", "--out", "course"]
    assert tdwii(*arguments).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "course").iterdir()}
    ran = tdwii(*arguments)
    assert ran.code == 2 and "is there already; --force replaces it" in ran.err
    assert {path: path.read_bytes() for path in (tmp_path / "course").iterdir()} == before
    assert tdwii(*arguments, "--force").code == 0


BASE = ["--station", "FX1", "--fractions", "1"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--plan", "plan.dcm", *BASE], "say where the course goes: --out DIR"),
        (["--plan", "nowhere.dcm", *BASE, "--out", "x"], "nowhere.dcm: cannot be read"),
        (["--plan", "text.txt", *BASE, "--out", "x"], "text.txt: is no DICOM file: give an RT Plan or RT Ion Plan"),
        (["--plan", "cut.dcm", *BASE, "--out", "x"], "cut.dcm: was cut off"),
        (["--plan", "nolabel.dcm", *BASE, "--out", "x"], "nolabel.dcm: RTPlanLabel: is missing"),
        (["--plan", "plan.dcm", "--station", "FX1", "--fractions", "31", "--out", "x"],
         "plan.dcm: NumberOfFractionsPlanned: is 30: there is no fraction 31"),
        (["--plan", "plan.dcm", "--station", "FX1", "--fractions", "one", "--out", "x"], "'one' names no fractions"),
        (["--plan", "plan.dcm", "--station", "", "--fractions", "1", "--out", "x"], "is not a coded entry"),
        (["--plan", "plan.dcm", *BASE, "--start-date", "8.1.2026", "--out", "x"], "is no date: give today or YYYY-MM-DD"),
        (["--plan", "plan.dcm", *BASE, "--time", "8", "--out", "x"], "is no time of day"),
        (["--plan", "plan.dcm", *BASE, "--out", "text.txt"], "text.txt: is not a folder"),
        (["--plan", "plan.dcm", *BASE, "--to-tms", "UPSSCP"], "'UPSSCP' is not a known AE title"),
        (["--plan", "plan.dcm", *BASE, "--to-tms", "X=127.0.0.1:1"], "--to-ost PEER is missing"),
        (["--plan", "plan.dcm", *BASE, "--to-tms", "X=nowhere", "--to-ost", "OST"], "is not AE=HOST:PORT"),
        (["--plan", "plan.dcm", *BASE, "--ost", "A TITLE THAT IS TOO LONG", "--out", "x"], "is no AE title"),
    ],
)  # fmt: skip
def test_what_cannot_be_scheduled_is_said_in_one_sentence(arguments, complaint, plan, tdwii, tmp_path):
    (tmp_path / "text.txt").write_text("not DICOM\n" * 40)
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "plan.dcm").read_bytes()[:-50])
    del plan.RTPlanLabel
    save_dicom(plan, tmp_path / "nolabel.dcm")
    ran = tdwii("schedule", *arguments)
    assert ran.code == 2, ran.err
    assert complaint in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "x").exists()


def test_a_system_that_is_not_there_or_says_no(plan, systems, tdwii, tmp_path):
    tms, _ = systems
    arguments = ["schedule", "--plan", "plan.dcm", *BASE, "--to-ost", "OST"]
    ran = tdwii(*arguments, "--to-tms", "X=127.0.0.1:1")
    assert ran.code == 3 and "no connection to 127.0.0.1:1" in ran.err
    ran = tdwii(*arguments, "--to-tms", "OST")  # an OST has no worklist
    assert ran.code == 1 and "presentation context" in ran.err
    assert tms.worklist.records() == []


def test_instructions_are_delivery_instructions(plan, tdwii, tmp_path):
    assert tdwii("schedule", "--plan", "plan.dcm", *BASE, "--out", "course").code == 0
    (path,) = (tmp_path / "course").glob("RTBeamsDeliveryInstruction_*")
    instruction = dcmread(path)
    assert instruction.file_meta.MediaStorageSOPClassUID == instruction.SOPClassUID == RTBeamsDeliveryInstructionStorage
    assert instruction.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID

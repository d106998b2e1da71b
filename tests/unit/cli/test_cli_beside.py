"""What public sample programs do as well: folders, stations, times, people, delivery instructions on the OST, syntax and PDUs."""

import re
import shlex
from datetime import datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import evt, sop_class

from tdwii_conformance.dcmdump import dump, save_dicom
from tdwii_conformance.dimse import Server
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, references

STATION = Code("FX1", "99X", "Machine 1")
PULL = "1.2.840.10008.5.1.4.34.6.3"


def workitem(uid, start=None):
    made = objects.workitem(objects.new_treatment(), tms="UPSSCP", ost="OST", station=STATION, start=start or datetime.now())
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.34.6.1", uid
    return made


def test_store_a_folder_and_those_below(tdwii, floor, tmp_path):
    (tmp_path / "in" / "below").mkdir(parents=True)
    made = objects.new_treatment("CONTINUATION")
    save_dicom(made.plan, tmp_path / "in" / "plan")
    save_dicom(made.previous_record, tmp_path / "in" / "below" / "record.dcm")
    (tmp_path / "in" / "README.txt").write_text("not an instance")
    ran = tdwii("store", "OST", "in", "--json")
    assert ran.code == 0, ran.err
    assert {one["sop_instance_uid"] for one in ran.json} == {made.plan.SOPInstanceUID, made.previous_record.SOPInstanceUID}
    (left_out,) = ran.err.splitlines()
    assert left_out.startswith("left out: ") and "README.txt" in left_out


def test_a_folder_without_anything_to_store(tdwii, floor, tmp_path):
    (tmp_path / "in").mkdir()
    ran = tdwii("store", "OST", "in")
    assert (ran.code, ran.err) == (2, "tdwii store: in: has no file, here or in the folders below, that can be sent\n")


def test_create_a_folder_and_those_below(tdwii, floor, tmp_path):
    (tmp_path / "in" / "below").mkdir(parents=True)
    one, other = str(generate_uid()), str(generate_uid())
    save_dicom(workitem(one), tmp_path / "in" / "one.dcm")
    (tmp_path / "in" / "below" / "other.txt").write_text(dump(workitem(other)))
    save_dicom(objects.new_treatment().plan, tmp_path / "in" / "plan.dcm")
    ran = tdwii("create", "UPSSCP", "in")
    assert ran.code == 0, ran.err
    assert set(ran.out.split()) == {one, other}
    (left_out,) = ran.err.splitlines()
    assert "plan.dcm: is of SOP class RT Plan Storage; a UPS is needed" in left_out


def test_find_by_workitem_and_by_time(tdwii, floor, tmp_path):
    uid, day = str(generate_uid()), datetime(2031, 5, 6, 9, 30)
    save_dicom(workitem(uid, day), tmp_path / "ups.dcm")
    assert tdwii("create", "UPSSCP", "ups.dcm").code == 0

    def found(*arguments):
        ran = tdwii("find", "UPSSCP", *arguments, "--json")
        assert ran.code == 0, ran.err
        return [one["sop_instance_uid"] for one in ran.json]

    assert found("--workitem", uid) == [uid]  # though it is not scheduled today
    assert found("--workitem", uid, "--date", "today") == []
    assert found("--workitem", uid, "--state", "completed") == []
    assert found("--start", "2031-05-06T09:00", "--end", "2031-05-06T10:00") == [uid]
    assert found("--start", "2031-05-06", "--end", "2031-05-06") == [uid]
    assert found("--start", "2031-05-06T09:31") == []
    assert found("--start", "2031-05-06", "--end", "2031-05-06T09:29:59") == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--start", "soon"], "--start 'soon' is no time: give YYYY-MM-DD, or YYYY-MM-DDTHH:MM[:SS]"),
        (["--start", "2031-05-06", "--date", "any"], "--start and --end are instead of --date"),
        (["--start", "2031-05-06", "--end", "2031-05-05"], "--end 2031-05-05 is before --start 2031-05-06"),
    ],
)
def test_times_that_make_no_sense(tdwii, arguments, complaint):
    ran = tdwii("find", "127.0.0.1", "1", *arguments)
    assert (ran.code, ran.err) == (2, f"tdwii find: {complaint}\n")


def test_watch_a_station(tdwii):
    asked = []

    def take(event):
        asked.append((event.request.RequestedSOPInstanceUID, event.action_type, event.action_information))
        return 0x0000, None

    with Server("X", ["1.2.840.10008.5.1.4.34.6.2"], [(evt.EVT_N_ACTION, take)]) as server:
        ran = tdwii("watch", "127.0.0.1", server.port, "--port", "0", "--station", "FX1^99X", "--for", "0.1")
    assert ran.code == 0, ran.err
    uid, action, keys = asked[0]
    assert (uid, action) == ("1.2.840.10008.5.1.4.34.5.1", 3)  # the filtered global subscription
    (station,) = keys.ScheduledStationNameCodeSequence
    assert (station.CodeValue, station.CodingSchemeDesignator) == ("FX1", "99X")


def test_set_when_where_and_who_without_keywords(tdwii, floor, tmp_path):
    uid = str(generate_uid())
    save_dicom(workitem(uid), tmp_path / "ups.dcm")
    assert tdwii("create", "UPSSCP", "ups.dcm").code == 0
    ran = tdwii(
        "set", "UPSSCP", uid, "--start", "2031-05-06T09:20", "--end", "2031-05-06T09:40:30", "--station", "FX2^99X^Machine 2",
        "--performer", "P1^99X^Therapist", "--performer-name", "Doe^Jane", "--organization", "Clinic",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    got = Dataset.from_json(tdwii("get", "UPSSCP", uid, "--json").out)
    assert (got.ScheduledProcedureStepStartDateTime, got.ExpectedCompletionDateTime) == ("20310506092000", "20310506094030")
    assert got.ScheduledStationNameCodeSequence[0].CodeMeaning == "Machine 2"
    (human,) = got.ScheduledHumanPerformersSequence
    assert human.HumanPerformerCodeSequence[0].CodeValue == "P1"
    assert (str(human.HumanPerformerName), human.HumanPerformerOrganization) == ("Doe^Jane", "Clinic")


def test_set_a_performer_without_organization(tdwii, floor):
    ran = tdwii("set", "UPSSCP", "1.2.3", "--performer", "P1^99X^Therapist")
    assert ran.code == 2 and "--organization TEXT is missing" in ran.err


def test_delivery_instructions_on_the_ost(tdwii, floor, tmp_path):
    made = objects.new_treatment()
    save_dicom(made.plan, tmp_path / "plan.dcm")
    ran = tdwii(
        "schedule", "--plan", "plan.dcm", "--station", "FX1^99X^FX1", "--fractions", "1", "--to-tms", "UPSSCP", "--to-ost", "OST",
        "--instructions-on", "ost", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    (fraction,) = ran.json["fractions"]
    assert fraction["instruction"] in {one.uid for one in floor.ost.instances}
    assert fraction["instruction"] not in {one.uid for one in floor.tms.instructions}
    got = Dataset.from_json(tdwii("get", "UPSSCP", fraction["workitem"], "--json").out)
    assert {one.ae_title for one in references(got.InputInformationSequence)} == {"OST"}


def test_instructions_on_an_ost_that_is_not_named(tdwii, floor, tmp_path):
    save_dicom(objects.new_treatment().plan, tmp_path / "plan.dcm")
    ran = tdwii(
        "schedule", "--plan", "plan.dcm", "--station", "FX1", "--fractions", "1", "--to-tms", "UPSSCP", "--ost", "OST",
        "--instructions-on", "ost",
    )  # fmt: skip
    assert ran.code == 2 and "--to-ost PEER is missing" in ran.err


@pytest.mark.parametrize(
    ("name", "syntax"),
    [("implicit", ImplicitVRLittleEndian), ("explicit", ExplicitVRLittleEndian), ("deflated", DeflatedExplicitVRLittleEndian)],
)
def test_transfer_syntax_and_pdu_of_a_call(tdwii, name, syntax):
    proposed = []

    def accepted(event):
        request = event.assoc.requestor
        proposed.append(
            (
                {one for context in request.requested_contexts for one in context.transfer_syntax},
                request.primitive.maximum_length_received,
            )
        )

    def nothing(event):
        yield from ()

    handlers = [(evt.EVT_ACCEPTED, accepted), (evt.EVT_C_FIND, nothing), (evt.EVT_C_ECHO, lambda event: 0)]
    every = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
    with Server("X", [(PULL, every), (sop_class.Verification, every)], handlers) as server:
        assert tdwii("find", "127.0.0.1", server.port, "--propose", name, "--pdu", "4096").code == 0
        assert tdwii("echo", "127.0.0.1", server.port, "--propose", name, "--pdu", "0").code == 0
    assert proposed == [({syntax}, 4096), ({syntax}, 0)]


def test_the_lines_that_the_page_shows(tdwii, floor, tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "tdwii.md").read_text(encoding="utf-8")
    section = page.split("### Beside the transactions")[1].split("\n- ")[0]
    lines = re.findall(r"^    tdwii (.*)$", section, re.M)
    for name in ("inputs", "workitems"):
        (tmp_path / name / "below").mkdir(parents=True)
    plan = objects.new_treatment().plan
    save_dicom(plan, tmp_path / "plan.dcm")
    save_dicom(plan, tmp_path / "inputs" / "below" / "plan.dcm")
    save_dicom(workitem("1.2.3.4", datetime(2031, 5, 6, 9, 30)), tmp_path / "workitems" / "below" / "ups.dcm")
    for line in lines:
        ran = tdwii(*shlex.split(line, comments=True))
        assert ran.code == 0, (line, ran)
    assert len(lines) == 9

"""Which queries are judged as that of RO-58, what of them is judged, and to which exchanges a fault is credited [CC.2.8]."""

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode
from scp_samples import CATALOGUE, Record, W, at, exchange, message
from test_scp_query import CODE, DAY, OTHER, START, STATION, Queries, asked_for, code, ro58

from tdwii_conformance.checks.scp import Replay
from tdwii_conformance.checks.scp.query import is_of_tdw
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

RIGHT = {STATION: [code("TDD1")], "ProcedureStepState": "SCHEDULED", START: "20261129120000", CODE: [code("121726", "DCM")]}
EXPECTED = "the query ends with status 0000 (Success)"


def scheduled(**changes):
    keys = {"ProcedureStepState": "SCHEDULED", STATION: [asked_for("TDD1")], CODE: [asked_for("121726")]} | changes
    return item(**keys)


def explicit(vr, keyword, value, *, status=0, came=()):
    """A query whose one key beside the UID is sent with this VR."""
    asked = item(SOPInstanceUID=None)
    asked.add_new(keyword, vr, value)
    request = Message(item(), at(0), encode(asked, False, True), ExplicitVRLittleEndian)
    answers = (*(message(one, seconds=1, Status=0xFF00) for one in came), message(seconds=1, Status=status))
    record = Queries()
    record.exchanges.append(Exchange("C-FIND", "TDD", "TMS", UPS.PULL, request, answers))
    return record


# --- which query is that of RO-58 -------------------------------------------------------------------------------------


def test_the_query_of_ro_58_is_for_what_is_scheduled_for_a_station_to_be_treated():
    assert is_of_tdw(exchange("C-FIND", scheduled())) is True


@pytest.mark.parametrize(
    "other",
    [
        exchange("N-ACTION", scheduled()),
        exchange("C-FIND"),
        exchange("C-FIND", scheduled(ProcedureStepState="IN PROGRESS")),
        exchange("C-FIND", scheduled(ProcedureStepState=None)),
        exchange("C-FIND", scheduled(**{CODE: [asked_for("121728")]})),
        exchange("C-FIND", scheduled(**{CODE: []})),
        exchange("C-FIND", scheduled(**{STATION: []})),
        exchange("C-FIND", scheduled(**{STATION: [item(CodeValue=None)]})),
        exchange("C-FIND", scheduled(**{STATION: [item(CodeMeaning=None)]})),
    ],
    ids=[
        "other service", "no keys", "other state", "any state", "other code", "any code", "any station", "empty station",
        "station without value",
    ],
)  # fmt: skip
def test_other_requests_are_not(other):
    assert is_of_tdw(other) is False


# --- what is judged ---------------------------------------------------------------------------------------------------


def test_a_query_without_a_status_is_not_judged():
    assert Queries().query(item(SOPInstanceUID=OTHER), status=None, SOPInstanceUID=W).entries() == {}


def test_a_query_whose_keys_cannot_be_read_is_not_judged():
    assert Queries().add("C-FIND", encoded=b"\x00\x01\x02").entries() == {}


def test_matches_without_uids_do_not_come_twice():
    came = item(PatientID="P1")
    assert "CC28-TMS-052" not in Queries().query(came, came, SOPInstanceUID=..., PatientID=None).found()


def test_values_are_judged_by_the_requirements_of_ro_58_for_its_query_alone():
    came = item(SOPInstanceUID=W, **RIGHT | {START: "20261329120000", "ProcedureStepState": "scheduled"})
    of_ro58 = ro58(came).found()
    assert [path for _, _, path in of_ro58["RO58-TMS-026"]] == [f"identifier[0].{START}"]
    assert len(of_ro58["RO58-TMS-028"]) == 1
    judged = Queries().query(came, **dict.fromkeys((START, "ProcedureStepState", STATION, CODE))).entries()
    assert not {"RO58-TMS-026", "RO58-TMS-028"} & set(judged)


def test_values_of_a_canceled_query_are_not():
    judged = ro58(item(SOPInstanceUID=W, **RIGHT | {START: "20261329120000", "ProcedureStepState": "scheduled"}), status=0xFE00)
    assert not {"RO58-TMS-026", "RO58-TMS-028"} & set(judged.found())


def test_a_response_may_name_its_class_and_no_other():
    asked = {"PatientID": "P1"}
    came = item(SOPInstanceUID=W, PatientID="P1")
    assert Queries().query(came, answer={"AffectedSOPClassUID": UPS.PULL}, **asked).found() == {}
    found = Queries().query(came, answer={"AffectedSOPClassUID": UPS.PUSH}, **asked).found()
    wrong = [(f"AffectedSOPClassUID absent or {UPS.PULL}", UPS.PUSH, "response 2, command set")]
    assert found == {"CC28-TMS-051": wrong, "CC31-TMS-005": wrong}


def test_a_class_without_a_value_is_no_other_class():
    assert "CC28-TMS-039" not in Queries().query(item(SOPInstanceUID=W, SOPClassUID=""), SOPClassUID=None).found()


def test_another_class_is_a_fault_of_ro_58_too():
    right = RIGHT | {"SOPClassUID": UPS.PULL}
    keys = {"ProcedureStepState": "SCHEDULED", STATION: [asked_for("TDD1", "99A")], CODE: [asked_for("121726", "DCM")]}
    found = Queries().query(item(SOPInstanceUID=W, **right), SOPClassUID=None, **keys, **{START: DAY}).found()
    wrong = (f"SOP Class UID {UPS.PUSH}", UPS.PULL, "SOPClassUID")
    assert found["CC28-TMS-039"] == found["CC31-TMS-004"] == [wrong]
    assert found["RO58-TMS-101"] == [wrong, (f"value '{UPS.PUSH}'", f"value '{UPS.PULL}'", "identifier[0].SOPClassUID")]


# --- what an SCP may be at a loss with --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"Modality": None},  # no attribute of a UPS
        {"Modality": "RTPLAN", "PatientID": "P1"},
        {"PatientBirthDate": "tomorrow"},
    ],
)
def test_keys_that_are_none_of_a_ups_or_no_values_may_fail(keys):
    assert Queries().query(status=0xC000, **keys).found() == {}


def test_a_sequence_that_is_sent_as_text_may_fail():
    assert explicit("LO", STATION, "A", status=0xC000).found() == {}


def test_text_that_is_sent_as_a_sequence_may_fail():
    assert explicit("SQ", "PatientID", [item(CodeValue="A")], status=0xC000).found() == {}


def test_a_key_that_is_never_matched_makes_no_query_fail():
    found = Queries().query(status=0xC000, ScheduledProcessingParametersSequence=[item(TextValue="x")]).found()
    wrong = [(EXPECTED, "status C000 (unable to process)", "")]
    assert found == {"CC28-TMS-032": wrong, "CC28-TMS-033": wrong}


def test_a_sequence_without_items_does_not_match_the_text_that_was_asked_for():
    record = explicit("LO", STATION, "A", came=[item(SOPInstanceUID=W, **{STATION: []})])
    wrong = (f"only workitems that match {STATION} 'A'", "no item", f"identifier[0].{STATION}")
    assert record.found()["CC28-TMS-002"] == [wrong]


# --- to which exchanges a fault is credited ---------------------------------------------------------------------------


def credited(record: Record, id_):
    """Numbers of the exchanges that show a fault."""
    exchanges = record.entries()[id_].exchanges
    return [number for number, one in enumerate(record.exchanges) if any(one is each for each in exchanges)], len(exchanges)


@pytest.mark.parametrize(
    ("record", "id_"),
    [
        (Queries().query(status=0xC000, PatientID="P1"), "CC28-TMS-044"),
        (Queries().query(item(SOPInstanceUID=W), item(SOPInstanceUID=W)), "CC28-TMS-052"),
        (Queries().query(item(SOPInstanceUID=W, PatientID="P2"), PatientID="P1"), "CC28-TMS-002"),
        (Queries().query(item(SOPInstanceUID=W), ProcedureStepLabel=None), "CC28-TMS-037"),
        (ro58(item(SOPInstanceUID=W, **RIGHT | {"ProcedureStepState": ""})), "RO58-TMS-103"),
    ],
    ids=["failed", "form", "match", "returned", "row of RO-58"],
)
def test_what_a_query_shows_by_itself_is_credited_to_it(record, id_):
    assert credited(record, id_) == ([0], 1)


def test_a_workitem_that_is_missing_is_credited_to_the_query():
    assert credited(Queries().shown(PatientID="P1").query(PatientID="P1"), "CC28-TMS-001") == ([1], 1)


def test_one_that_should_not_have_come_to_what_has_shown_it_too():
    record = Queries().shown(PatientID="P2").shown(uid=OTHER).query(item(SOPInstanceUID=W), PatientID="P1")
    assert credited(record, "CC28-TMS-002") == ([0, 2], 2)
    replay = Replay("TMS", record.exchanges, CATALOGUE, complete=True)
    first, second = replay.run().entries["CC28-TMS-002"].exchanges
    assert (first is record.exchanges[0], second is record.exchanges[2]) == (True, True)


def test_one_of_another_uid_is_credited_to_the_query_alone():
    record = Queries().shown().query(item(SOPInstanceUID=W), SOPInstanceUID=OTHER)
    assert credited(record, "CC28-TMS-030") == ([1], 1)

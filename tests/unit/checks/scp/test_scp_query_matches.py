"""Which workitems a query may find, and which it has to find, by what is known of them by then [CC.2.8.1.3, TDW-II RO-58]."""

import pytest
from scp_samples import CATALOGUE, W, exchange
from test_scp_query import CODE, DAY, OTHER, START, STATION, Queries, asked_for, code, ro58
from test_scp_replayed import made

from tdwii_conformance.checks.scp import Replay
from tdwii_conformance.checks.scp.belief import EVERY, World
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item

PRIORITY, LABEL, PARAMETERS = "ScheduledProcedureStepPriority", "ProcedureStepLabel", "ScheduledProcessingParametersSequence"
RIGHT = {STATION: [code("TDD1")], "ProcedureStepState": "SCHEDULED", START: "20261129120000", CODE: [code("121726", "DCM")]}
KEYS = {
    "ProcedureStepState": "SCHEDULED", STATION: [asked_for("TDD1", "99A")], START: DAY, CODE: [asked_for("121726", "DCM")],
}  # fmt: skip


def missing(uid=W, came=0):
    return [(f"the workitem {uid}, which matches", f"{came} response(s), none with it", "")]


def items_of(record, *, complete=True):
    """What is known of each workitem at the end of a record."""
    replay = Replay("TMS", record.exchanges, CATALOGUE, complete=complete)
    replay.run()
    return replay.items


def at_once(record, change, asked, came=()):
    """A change that is under way while a query is asked and answered."""
    record.exchanges += [
        exchange("C-FIND", item(SOPInstanceUID=None, **asked), came=came, begin=record.now + 1, end=record.now + 2),
        exchange("N-SET", item(**change), begin=record.now, end=record.now + 3, RequestedSOPInstanceUID=W),
    ]
    return record


# --- matches that do not match their keys -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "came"),
    [
        ({"AdmittingDiagnosesDescription": "x"}, {"AdmittingDiagnosesDescription": "y"}),
        ({PARAMETERS: [item(TextValue="x")]}, {PARAMETERS: [item(TextValue="y")]}),
    ],
    ids=["optional", "no matching key"],
)
def test_a_key_that_an_scp_may_ignore_finds_anything(key, came):
    assert Queries().query(item(SOPInstanceUID=W, **came), **key).found() == {}


def test_a_code_without_value_is_an_item():
    key = {STATION: [item(CodeValue="A", CodingSchemeDesignator="99A")]}
    found = Queries().query(item(SOPInstanceUID=W, **{STATION: [item(CodingSchemeDesignator="99B")]}), **key).found()
    expected = f"only workitems that match {STATION} (CodeValue 'A', CodingSchemeDesignator '99A')"
    assert found["CC28-TMS-002"] == [(expected, "an item", f"identifier[0].{STATION}")]


@pytest.mark.parametrize(
    ("key", "came", "ids"),
    [
        ({"PatientBirthDate": "20000101-20001231"}, {"PatientBirthDate": "20010101"}, {"CC28-TMS-019"}),
        ({"PatientBirthDate": "20000101"}, {"PatientBirthDate": "20010101"}, {"CC28-TMS-002"}),
        ({"PatientID": "X1"}, {"PatientID": "P2"}, {"CC28-TMS-002"}),
    ],
)
def test_a_match_that_does_not_match_comes_under_the_kind_of_its_key(key, came, ids):
    assert Queries().query(item(SOPInstanceUID=W, **came), **key).wrong() == ids


def test_a_key_that_ro_58_does_not_name_comes_under_the_standard():
    found = ro58(item(SOPInstanceUID=W, PatientName="B", **RIGHT), PatientName="A").found()
    assert found["CC28-TMS-002"] == [("only workitems that match PatientName 'A'", "value 'B'", "identifier[0].PatientName")]
    assert "RO58-TMS-010" not in found


def test_a_match_without_uid_is_of_no_workitem():
    assert items_of(Queries().query(item(PatientID="P1"), SOPInstanceUID=..., PatientID=None)) == {}


# --- what is known of a match -----------------------------------------------------------------------------------------


def test_a_key_of_which_nothing_is_known_hides_no_other_key():
    found = (
        Queries().shown(ProcedureStepLabel="Two").query(item(SOPInstanceUID=W), PatientID="P1", ProcedureStepLabel="One").found()
    )
    assert found["CC28-TMS-002"] == [("only workitems that match ProcedureStepLabel 'One'", f"{W}, which has value 'Two'", "")]


def test_what_is_known_of_a_match_is_judged_by_ro_58_for_its_query():
    found = Queries().shown(**RIGHT | {STATION: [code("TDD2")]}).query(item(SOPInstanceUID=W, **RIGHT), **KEYS).found()
    expected = f"only workitems that match {STATION} (CodeValue 'TDD1', CodingSchemeDesignator '99A')"
    assert found["RO58-TMS-009"] == [(expected, f"{W}, which has TDD2", "")]
    assert "CC28-TMS-002" not in found


def test_of_what_is_changed_at_the_same_time_nothing_is_said():
    record = at_once(Queries().shown(ProcedureStepLabel="One"), {LABEL: "Two"}, {LABEL: "Two"}, came=[item(SOPInstanceUID=W)])
    assert "CC28-TMS-002" not in record.found()


@pytest.mark.parametrize("key", [[], [item()]], ids=["no item", "an empty item"])
def test_a_sequence_that_was_asked_for_whole_is_as_it_was(key):
    record = Queries().shown(**{STATION: [code("A")]}).query(item(SOPInstanceUID=W, **{STATION: [code("B")]}), **{STATION: key})
    assert [one.received for one in record.entries()["CC27-TMS-019"].findings] == ["value 'B'"]


def test_one_that_was_asked_for_in_part_is_not_compared():
    record = Queries().shown(**{STATION: [code("A")]})
    record.query(item(SOPInstanceUID=W, **{STATION: [item(CodeValue="A")]}), **{STATION: [item(CodeValue=None)]})
    assert "CC27-TMS-019" not in record.entries()


def test_a_number_is_asked_for_whole_without_a_value_only():
    record = Queries().shown(PregnancyStatus=1).query(item(SOPInstanceUID=W, PregnancyStatus=4), PregnancyStatus=4)
    assert "CC27-TMS-019" not in record.entries()
    record = Queries().shown(PregnancyStatus=1).query(item(SOPInstanceUID=W, PregnancyStatus=4), PregnancyStatus=None)
    assert record.entries()["CC27-TMS-019"].findings


def test_what_a_match_lacks_is_not_compared():
    record = Queries().shown(PatientID="P1").query(item(SOPInstanceUID=W), PatientID=None)
    assert "CC27-TMS-019" not in record.entries()


# --- workitems that are missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "keys", "ids"),
    [
        ({"PatientID": "X1"}, {"PatientID": "X1"}, {"CC28-TMS-001"}),
        ({"PatientID": "P1"}, {"PatientID": "?1"}, {"CC28-TMS-011"}),
        ({"PatientBirthDate": "20000101"}, {"PatientBirthDate": "20000101-20001231"}, {"CC28-TMS-018"}),
        ({"PatientBirthDate": "20000101"}, {"PatientBirthDate": "20000101"}, {"CC28-TMS-001"}),
        ({"PatientID": "P1"}, {"SOPInstanceUID": W, "PatientID": "P1"}, {"CC28-TMS-005", "CC28-TMS-030", "CC28-TMS-001"}),
        (
            {"PatientID": "P1", START: "20261129120000"}, {"PatientID": "P1", START: DAY},
            {"CC28-TMS-005", "CC28-TMS-001", "CC28-TMS-018"},
        ),
        (
            {"PatientID": "P*1", STATION: [code("A")]}, {"PatientID": "P*", STATION: [item(CodeValue="A", CodingSchemeDesignator="99A")]},
            {"CC28-TMS-005", "CC28-TMS-011", "CC28-TMS-024"},
        ),
        ({"PatientID": "P1"}, {"PatientID": "P1", "AdmittingDiagnosesDescription": None}, {"CC28-TMS-001"}),
        ({"PatientID": "P1"}, {"PatientID": "P1", PARAMETERS: []}, {"CC28-TMS-001"}),
    ],
)  # fmt: skip
def test_one_that_is_missing_comes_under_the_kinds_of_its_keys(known, keys, ids):
    found = Queries().shown(**known).query(**keys).found()
    assert found == dict.fromkeys(ids, missing())


def test_one_that_is_missing_by_what_was_set_comes_under_that_too():
    record = Queries().shown(ProcedureStepLabel="One").set(lock=None, ProcedureStepLabel="Two").query(ProcedureStepLabel="Two")
    assert record.found() == dict.fromkeys(("CC28-TMS-001", "CC28-TMS-048"), missing())


@pytest.mark.parametrize(
    "keys",
    [
        {"Modality": None},
        {"AdmittingDiagnosesDescription": "x"},
        {PARAMETERS: [item(TextValue="x")]},
    ],
    ids=["no attribute of a UPS", "optional", "no matching key"],
)
def test_beside_a_key_that_an_scp_may_not_serve_nothing_is_missing(keys):
    assert Queries().shown(PatientID="P1").query(PatientID="P1", **keys).found() == {}


def test_one_that_came_hides_none_that_is_missing():
    record = Queries().shown(uid=OTHER, PatientID="P1").shown(PatientID="P1")
    assert record.query(item(SOPInstanceUID=OTHER, PatientID="P1"), PatientID="P1").found() == {"CC28-TMS-001": missing(came=1)}


def test_one_that_does_not_match_hides_none_that_is_missing():
    record = Queries().shown(uid=OTHER, PatientID="P2").shown(PatientID="P1").query(PatientID="P1")
    assert record.found() == {"CC28-TMS-001": missing()}


def test_one_that_may_have_been_deleted_is_not_missing_and_hides_no_other():
    ended = Queries().shown("COMPLETED", uid=OTHER, PatientID="P1")
    assert ended.query(PatientID="P1").found() == {}
    record = Queries().shown("COMPLETED", uid=OTHER, PatientID="P1").shown(PatientID="P1").query(PatientID="P1")
    assert record.found() == {"CC28-TMS-001": missing()}


def test_one_that_is_changed_at_the_same_time_is_not_missing():
    record = at_once(Queries().shown(PatientID="P1", ProcedureStepLabel="One"), {LABEL: "Two"}, {LABEL: "One"})
    assert record.found() == {}


# --- workitems that are not there -------------------------------------------------------------------------------------


def test_a_uid_for_which_nothing_comes_is_of_no_workitem():
    known = items_of(Queries().query(SOPInstanceUID=W))[W]
    assert known.worlds == {World(NO_UPS)}


def test_what_was_said_not_to_be_there_is_not_shown_later():
    found = Queries().query(SOPInstanceUID=W).shown().found()
    assert found == {"RO60-TMS-018": [("a failure: by what was seen there is no such UPS", "status 0000 (Success)", "")]}


def test_others_may_have_made_it_since():
    assert Queries().query(SOPInstanceUID=W).shown().found(complete=False) == {}


@pytest.mark.parametrize(
    ("came", "keys"),
    [
        ((), {"PatientID": "P1"}),
        ((), {"SOPInstanceUID": W, "PatientID": "P1"}),
        ((), {"SOPInstanceUID": [W, OTHER]}),
        ((item(SOPInstanceUID=OTHER),), {"SOPInstanceUID": W}),
    ],
    ids=["another key", "two keys", "two UIDs", "another UID came"],
)
def test_from_other_queries_this_is_not_seen(came, keys):
    assert not any(known.worlds == {World(NO_UPS)} for known in items_of(Queries().query(*came, **keys)).values())


def test_one_that_was_seen_is_missing_and_not_gone():
    record = Queries().shown().query(SOPInstanceUID=W)
    assert items_of(record)[W].worlds == {World("SCHEDULED")}
    assert record.found() == {"CC28-TMS-030": missing()}


def test_of_one_that_came_its_state_is_not_known():
    assert items_of(Queries().query(item(SOPInstanceUID=W), SOPInstanceUID=W))[W].worlds < EVERY


# --- what is returned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyword", ["Modality", "PatientID", "TransactionUID", "SOPClassUID"])
def test_what_not_every_ups_has_need_not_be_returned(keyword):
    """Patient ID is of type 1C in a creation."""
    assert Queries().query(item(SOPInstanceUID=W), **{keyword: None}).found() == {}


@pytest.mark.parametrize("keyword", ["PatientName", "ProcedureStepLabel", "ScheduledStationClassCodeSequence"])
def test_what_every_ups_has_is_returned(keyword):
    found = Queries().query(item(SOPInstanceUID=W), **{keyword: None}).found()
    assert found == {"CC28-TMS-037": [("returned, as it was asked for", "attribute absent", f"identifier[0].{keyword}")]}


# --- rows of RO-58 ----------------------------------------------------------------------------------------------------


def rows(record):
    """The rows of the table of RO-58 that were judged."""
    return {int(name[-3:]) for name in record.entries() if name.startswith("RO58-TMS-1")}


def test_each_row_is_judged_for_which_was_asked():
    assert rows(ro58(item(SOPInstanceUID=W, **RIGHT))) == {102, 103, 105, 106, 107, 108, 109, 110, 111, 112, 162}


def test_what_was_not_asked_for_in_an_item_is_not_judged():
    keys = KEYS | {STATION: [item(CodeValue="TDD1")]}
    judged = rows(Queries().query(item(SOPInstanceUID=W, **RIGHT | {STATION: [item(CodeValue="TDD1")]}), **keys))
    assert {105, 106, 109, 112} <= judged
    assert not {107, 108} & judged


@pytest.mark.parametrize("asked", [[], [item()]], ids=["no item", "an empty item"])
def test_of_a_sequence_that_was_asked_for_whole_each_row_is_judged(asked):
    inputs = "InputInformationSequence"
    judged = rows(ro58(item(SOPInstanceUID=W, **RIGHT, **{inputs: [item(TypeOfInstances="DICOM")]}), **{inputs: asked}))
    assert {145, 146, 152, 153, 154, 155, 158} <= judged


def test_no_match_has_no_rows():
    assert rows(ro58()) == set()


def test_a_row_that_is_not_met():
    found = ro58(item(SOPInstanceUID=W, **RIGHT), PatientID=None).found()
    assert found["RO58-TMS-115"] == [("present with a value", "attribute absent", "identifier[0].PatientID")]
    assert "RO58-TMS-114" not in found  # nobody asked for the name


@pytest.mark.parametrize(
    "record",
    [
        Queries().shown(**RIGHT).set(lock=None, **{STATION: [code("TDD1", "99A")]}),
        made(Queries(), **RIGHT | {STATION: [code("TDD1", "99A")]}),
    ],
    ids=["set", "created"],
)
def test_a_workitem_is_found_with_the_station_that_it_was_given(record):
    keys = KEYS | {STATION: [item(CodeValue="TDD1", CodingSchemeDesignator=None)]}
    found = record.query(item(SOPInstanceUID=W, **RIGHT | {STATION: [code("TDD1", "99B")]}), **keys).found()
    assert found["RO58-TMS-107"] == [("value '99A'", "value '99B'", f"identifier[0].{STATION}[0].CodingSchemeDesignator")]

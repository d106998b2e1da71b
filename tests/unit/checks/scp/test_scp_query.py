"""What a worklist query of a record shows of a TMS: each fault with the requirements that it violates, word for word [CC.2.8]."""

import pytest
from scp_samples import Record, W

from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

OTHER = "1.2.4"
STATION, CODE, START = "ScheduledStationNameCodeSequence", "ScheduledWorkitemCodeSequence", "ScheduledProcedureStepStartDateTime"
DAY = "20261129000000-20261129235959"


class Queries(Record):
    """A record with queries."""

    def query(self, *came, status=0, last=None, syntax=UPS.PULL, answer=None, **keys):
        asked = item(**{keyword: value for keyword, value in ({"SOPInstanceUID": None} | keys).items() if value is not ...})
        return self.add("C-FIND", asked, last, came=came, status=status, syntax=syntax, answer=answer)

    def found(self, *, complete=True):
        """What is wrong with queries, by requirement."""
        entries = {
            name: entry for name, entry in self.entries(complete=complete).items() if entry.findings and not name.startswith("CC27")
        }
        return {name: [(one.expected, one.received, one.path) for one in entry.findings] for name, entry in entries.items()}

    def wrong(self, *, complete=True):
        return set(self.found(complete=complete))


def code(value, scheme="99A"):
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="m")


def asked_for(value, scheme=None):
    """The key that asks for a code, and for its meaning."""
    return item(CodeValue=value, CodeMeaning=None, **({"CodingSchemeDesignator": scheme} if scheme else {}))


def ro58(*came, status=0, station="TDD1", **more):
    """The query of RO-58: what is scheduled for a station today."""
    keys = {
        "ProcedureStepState": "SCHEDULED", STATION: [asked_for(station, "99A")], START: DAY,
        CODE: [asked_for("121726", "DCM")],
    }  # fmt: skip
    return Queries().query(*came, status=status, **keys | more)


# --- failures ---------------------------------------------------------------------------------------------------------

EXPECTED = "the query ends with status 0000 (Success)"


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        ({"PatientID": "P1"}, {"CC28-TMS-044"}),
        ({"PatientID": None}, {"CC28-TMS-010"}),
        ({STATION: [item(CodeValue=None)]}, {"CC28-TMS-010"}),
        ({START: DAY}, {"CC28-TMS-044"}),
        ({"SOPInstanceUID": ["1.2", "1.3"]}, {"CC28-TMS-044"}),
        ({"AdmittingDiagnosesDescription": "Pain"}, {"CC28-TMS-032", "CC28-TMS-033"}),
        ({"UnifiedProcedureStepPerformedProcedureSequence": [item(PerformedProcedureStepDescription="x")]}, {"CC28-TMS-035"}),
    ],
)
def test_a_query_that_every_scp_has_to_serve_does_not_fail(keys, ids):
    found = Queries().query(status=0xC000, **keys).found()
    assert set(found) == ids
    for one in found.values():
        assert one == [(EXPECTED, "status C000 (unable to process)", "")]


def test_a_query_for_many_attributes_is_one_for_all():
    keys = dict.fromkeys(("PatientID", "PatientName", "PatientSex", "PatientBirthDate", "ProcedureStepLabel", "WorklistLabel",
                          "ProcedureStepState", START, "InputReadinessState", "SOPClassUID"))  # fmt: skip
    assert Queries().query(status=0xC000, **keys).wrong() == {"CC28-TMS-010", "CC28-TMS-036"}
    keys.pop("SOPClassUID")
    assert Queries().query(status=0xC000, **keys).wrong() == {"CC28-TMS-010"}


def test_the_query_of_ro_58_does_not_fail():
    assert ro58(status=0xA700).wrong() == {"RO58-TMS-001", "RO58-TMS-008"}


@pytest.mark.parametrize(
    "keys",
    [
        {"TransactionUID": None},
        {"Modality": None},  # no attribute of a UPS
        {STATION: [item(CodeValue="A"), item(CodeValue="B")]},
        {START: "tomorrow"},
        {"PatientID": ["P1", "P2"]},
    ],
)
def test_what_an_scp_may_be_at_a_loss_with_may_fail(keys):
    assert Queries().query(status=0xC000, **keys).wrong() == set()


def test_a_query_without_keys_may_fail():
    assert Queries().add("C-FIND", item(), status=0xC000).wrong() == set()


def test_a_canceled_query_has_not_failed():
    judged = Queries().query(item(SOPInstanceUID=W), status=0xFE00).entries()
    assert not {name for name, entry in judged.items() if entry.findings}
    assert "CC28-TMS-043" in judged and "CC28-TMS-042" not in judged


# --- forms ------------------------------------------------------------------------------------------------------------


def test_of_a_proper_query_this_is_judged():
    judged = set(Queries().query(item(SOPInstanceUID=W, PatientID="P1"), PatientID="P1").entries())
    assert {"CC28-TMS-042", "CC28-TMS-052", "CC28-TMS-038", "RO58-TMS-025", "CC28-TMS-043", "CC28-TMS-040", "CC28-TMS-051",
            "RO58-TMS-024", "CC28-TMS-045", "CC28-TMS-002"} <= judged  # fmt: skip
    assert not {"RO58-TMS-001", "RO58-TMS-002", "RO58-TMS-004", "CC28-TMS-044", "CC28-TMS-039"} & judged


def test_of_one_of_ro_58_that():
    came = item(
        SOPInstanceUID=W,
        ProcedureStepState="SCHEDULED",
        **{STATION: [code("TDD1")], START: "20261129120000", CODE: [code("121726", "DCM")]},
    )
    judged = set(ro58(came).entries())
    assert {"RO58-TMS-001", "RO58-TMS-002", "RO58-TMS-004", "RO58-TMS-006", "RO58-TMS-025", "RO58-TMS-007", "RO58-TMS-026",
            "RO58-TMS-028", "RO58-TMS-020", "RO58-TMS-005", "RO58-TMS-024", "CC28-TMS-045", "CC31-TMS-005"} <= judged  # fmt: skip
    assert not {"CC28-TMS-042", "CC28-TMS-052", "CC28-TMS-038", "CC28-TMS-043", "CC28-TMS-040", "CC28-TMS-051"} & judged


def test_that_nothing_is_found_is_an_answer():
    assert "CC28-TMS-044" in Queries().query(PatientID="P1").entries()
    assert "RO58-TMS-008" in ro58().entries()


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (
            Queries().query(item(SOPInstanceUID=W), item(SOPInstanceUID=W)),
            {"CC28-TMS-052": [(f"one response for the workitem {W}", "2 responses", "")]},
        ),
        (
            Queries().query(item(SOPInstanceUID=W, PatientID="P1")),
            {"CC28-TMS-038": [("only attributes that were asked for", "PatientID came unasked", "identifier[0]")]},
        ),
        (
            Queries().query(item(SOPInstanceUID=W, TimezoneOffsetFromUTC="")),
            {"CC28-TMS-045": [("with a value or not at all", "present without a value", "identifier[0].TimezoneOffsetFromUTC")]},
        ),
        (
            Queries().query(item(SOPInstanceUID=W), item(SOPInstanceUID=OTHER, SpecificCharacterSet="")),
            {"CC28-TMS-045": [("with a value or not at all", "present without a value", "identifier[1].SpecificCharacterSet")]},
        ),
    ],
    ids=["twice", "unasked", "empty zone", "empty character set"],
)
def test_what_is_wrong_with_the_form_is_said(record, found):
    assert record.found() == found


def test_a_final_response_has_no_identifier():
    found = Queries().query(last=item(PatientID="P1"), PatientID="P1").found()
    assert {name for name in found if name.startswith("CC28")} == {"CC28-TMS-043"}


def test_the_class_of_every_workitem_is_push():
    came = [item(SOPInstanceUID=W, SOPClassUID=UPS.PUSH), item(SOPInstanceUID=OTHER, SOPClassUID=UPS.PULL)]
    found = Queries().query(*came, SOPClassUID=None).found()
    assert found == {key: [(f"SOP Class UID {UPS.PUSH}", UPS.PULL, "SOPClassUID")] for key in ("CC28-TMS-039", "CC31-TMS-004")}


def test_a_class_of_the_trial_is_none_of_today():
    trial = "1.2.840.10008.5.1.4.34.4.1"
    found = Queries().query(item(SOPInstanceUID=W, SOPClassUID=trial), SOPClassUID=None).found()
    assert found["RO58-TMS-024"] == [("a final UPS SOP class", f"trial SOP class {trial}", "identifier[0].SOPClassUID")]


# --- matches that do not match ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "came", "ids", "expected", "received"),
    [
        ({"PatientID": "P1"}, {"PatientID": "P2"}, {"CC28-TMS-002"}, "PatientID 'P1'", "value 'P2'"),
        ({"PatientID": "P1*"}, {"PatientID": "P2"}, {"CC28-TMS-012"}, "PatientID 'P1*'", "value 'P2'"),
        ({"PatientID": "P?1"}, {"PatientID": "P2"}, {"CC28-TMS-012"}, "PatientID 'P?1'", "value 'P2'"),
        (
            {"ProcedureStepState": "COMPLETED"}, {"ProcedureStepState": "SCHEDULED"}, {"CC28-TMS-047", "CC28-TMS-002"},
            "ProcedureStepState 'COMPLETED'", "value 'SCHEDULED'",
        ),
        ({START: DAY}, {START: "20261130120000"}, {"CC28-TMS-019"}, f"{START} '{DAY}'", "value '20261130120000'"),
        ({START: "20261129120000"}, {START: "20261130120000"}, {"CC28-TMS-002"}, f"{START} '20261129120000'", "value '20261130120000'"),
        (
            {STATION: [item(CodeValue="A")]}, {STATION: [item(CodeValue="B")]}, {"CC28-TMS-002"},
            f"{STATION} (CodeValue 'A')", "B",
        ),
        (
            {STATION: [item(CodeValue="A", CodingSchemeDesignator="99A")]}, {STATION: [item(CodeValue="B", CodingSchemeDesignator="99A"), item(CodeValue="C", CodingSchemeDesignator="99A")]},
            {"CC28-TMS-025", "CC28-TMS-002"}, f"{STATION} (CodeValue 'A', CodingSchemeDesignator '99A')", "B; C",
        ),
    ],
)  # fmt: skip
def test_a_match_that_does_not_match_its_key(key, came, ids, expected, received):
    (keyword,) = key
    found = Queries().query(item(SOPInstanceUID=W, **came), **key).found(complete=False)
    assert set(found) == ids
    for one in found.values():
        assert one == [(f"only workitems that match {expected}", received, f"identifier[0].{keyword}")]


def test_a_uid_that_was_not_asked_for():
    found = Queries().query(item(SOPInstanceUID=OTHER), SOPInstanceUID=W).wrong()
    assert {"CC28-TMS-030", "CC28-TMS-002"} <= found


@pytest.mark.parametrize(("uid", "ids"), [(W, set()), (OTHER, set()), ("1.2.5", {"CC28-TMS-029"})])
def test_a_list_of_uids_asks_for_one_of_them(uid, ids):
    assert Queries().query(item(SOPInstanceUID=uid), SOPInstanceUID=[W, OTHER]).wrong() == ids


@pytest.mark.parametrize(
    ("change", "id_"),
    [
        ({STATION: [code("TDD2")]}, "RO58-TMS-009"),
        ({"ProcedureStepState": "COMPLETED"}, "RO58-TMS-010"),
        ({START: "20261130120000"}, "RO58-TMS-011"),
        ({CODE: [code("121728", "DCM")]}, "RO58-TMS-012"),
    ],
)
def test_a_match_that_does_not_match_ro_58(change, id_):
    right = {STATION: [code("TDD1")], "ProcedureStepState": "SCHEDULED", START: "20261129120000", CODE: [code("121726", "DCM")]}
    (keyword,) = change
    found = ro58(item(SOPInstanceUID=W, **right | change)).found()
    assert [path for _, _, path in found[id_]][:1] == [f"identifier[0].{keyword}"]
    assert not {"RO58-TMS-009", "RO58-TMS-010", "RO58-TMS-011", "RO58-TMS-012"} - {id_} & set(found)


# --- what is known of a match -----------------------------------------------------------------------------------------


def test_a_workitem_that_was_shown_with_another_value_does_not_match():
    found = Queries().shown(PatientID="P2").query(item(SOPInstanceUID=W), PatientID="P1").found()
    assert found["CC28-TMS-002"] == [("only workitems that match PatientID 'P1'", f"{W}, which has value 'P2'", "")]


def test_what_was_set_is_what_is_found():
    record = Queries().shown(ProcedureStepLabel="One")
    record.add("N-SET", item(ProcedureStepLabel="Two"), RequestedSOPInstanceUID=W)
    assert record.query(item(SOPInstanceUID=W), ProcedureStepLabel="One").wrong() >= {"CC28-TMS-002", "CC28-TMS-048"}


def test_of_what_others_may_have_changed_nothing_is_said():
    assert Queries().shown(PatientID="P2").query(item(SOPInstanceUID=W), PatientID="P1").wrong(complete=False) <= {"CC28-TMS-037"}


# --- workitems that are missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "keys", "ids"),
    [
        ({"PatientID": "P1"}, {"PatientID": "P1"}, {"CC28-TMS-001"}),
        ({"PatientID": "P1"}, {"PatientID": "P*"}, {"CC28-TMS-011"}),
        ({}, {"ProcedureStepState": "SCHEDULED"}, {"CC28-TMS-047"}),
        ({START: "20261129120000"}, {START: DAY}, {"CC28-TMS-018"}),
        ({START: "20261129120000"}, {START: "20261129120000"}, {"CC28-TMS-001"}),
        ({STATION: [code("A")]}, {STATION: [item(CodeValue="A")]}, {"CC28-TMS-001"}),
        ({STATION: [code("A")]}, {STATION: [item(CodeValue="A", CodingSchemeDesignator="99A")]}, {"CC28-TMS-024"}),
        ({}, {"SOPInstanceUID": W}, {"CC28-TMS-030"}),
        (
            {"PatientID": "P1"},
            {"PatientID": "P1", "ProcedureStepState": "SCHEDULED"},
            {"CC28-TMS-005", "CC28-TMS-001", "CC28-TMS-047"},
        ),
    ],
)
def test_a_workitem_that_matches_is_missing(known, keys, ids):
    found = Queries().shown(**known).query(**keys).found()
    assert set(found) == ids
    for one in found.values():
        assert one == [(f"the workitem {W}, which matches", "0 response(s), none with it", "")]


@pytest.mark.parametrize(("syntax", "also"), [(UPS.WATCH, {"CC28-TMS-049"}), (UPS.QUERY, {"CC28-TMS-050"}), (UPS.PULL, set())])
def test_under_its_class_too(syntax, also):
    assert Queries().shown(PatientID="P1").query(syntax=syntax, PatientID="P1").wrong() == {"CC28-TMS-001", *also}


def test_where_some_come_one_that_matches_is_missing():
    keys = {STATION: [code("TDD1")], START: "20261129120000", CODE: [code("121726", "DCM")], "ProcedureStepState": "SCHEDULED"}
    record = Queries().shown(**keys).shown(uid=OTHER, **keys)
    asked = ro58(item(SOPInstanceUID=OTHER, **keys)).exchanges[0].request.dataset
    record.add("C-FIND", asked, came=[item(SOPInstanceUID=OTHER, **keys)])
    assert record.found()["RO58-TMS-022"] == [(f"the workitem {W}, which matches", "1 response(s), none with it", "")]
    assert "RO58-TMS-003" in Queries().shown(**keys).add("C-FIND", asked).found()


@pytest.mark.parametrize(
    ("known", "keys"),
    [
        ({"PatientID": "P2"}, {"PatientID": "P1"}),  # it does not match
        ({}, {"PatientID": "P1"}),  # nobody has seen whether it does
        ({"PatientID": "P1"}, {"PatientID": "P1", "SOPInstanceUID": ...}),  # nobody can see which came
        ({"AdmittingDiagnosesDescription": "x"}, {"AdmittingDiagnosesDescription": "x"}),  # an SCP may ignore it
        ({}, {"Modality": None, "ProcedureStepState": "SCHEDULED"}),  # no attribute of a UPS
        ({}, {"PatientID": None}),  # it may want a key with a value
    ],
)
def test_one_that_need_not_come_is_not_missing(known, keys):
    assert Queries().shown(**known).query(**keys).wrong() == set()


# --- what is returned -------------------------------------------------------------------------------------------------


def test_what_was_asked_for_and_every_ups_has_is_returned():
    asked = {"PatientID": None, "PatientName": None, "ProcedureStepLabel": None, "WorklistLabel": None}
    found = Queries().query(item(SOPInstanceUID=W, PatientID="P", PatientName="", ProcedureStepLabel=""), **asked).found()
    assert sorted(found["CC28-TMS-037"]) == [
        ("returned with a value", "no value", "identifier[0].ProcedureStepLabel"),
        ("returned, as it was asked for", "attribute absent", "identifier[0].WorklistLabel"),
    ]

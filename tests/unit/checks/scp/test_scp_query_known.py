"""What a record knows of workitems, judged by the queries that find them or do not, and which exchanges a fault is seen in [CC.2.8]."""

import pytest
from scp_samples import CATALOGUE, W, exchange
from test_scp_query import CODE, DAY, OTHER, START, STATION, Queries, asked_for, code, ro58
from test_scp_replayed import made

from tdwii_conformance.checks.scp import Replay
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

LABEL = "ProcedureStepLabel"
MATCHING = {STATION: [code("TDD1")], "ProcedureStepState": "SCHEDULED", START: "20261129120000", CODE: [code("121726", "DCM")]}


def seen_in(record, *, complete=True):
    """In which exchanges of a record each fault is seen, by their places in it."""
    where = {id(one): place for place, one in enumerate(record.exchanges)}
    return {
        name: [where[id(one)] for one in entry.exchanges]
        for name, entry in record.entries(complete=complete).items()
        if entry.findings and not name.startswith("CC27")
    }


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "places"),
    [
        (lambda: Queries().query(item(SOPInstanceUID=W, PatientID="P2"), PatientID="P1"), {"CC28-TMS-002": [0]}),
        (lambda: Queries().shown(PatientID="P2").query(item(SOPInstanceUID=W), PatientID="P1"), {"CC28-TMS-002": [0, 1]}),
        (lambda: Queries().shown(PatientID="P1").query(PatientID="P1"), {"CC28-TMS-001": [1]}),
        (lambda: Queries().query(status=0xC000, PatientID="P1"), {"CC28-TMS-044": [0]}),
        (lambda: Queries().query(item(SOPInstanceUID=W), PatientName=None), {"CC28-TMS-037": [0]}),
        (lambda: Queries().query(item(SOPInstanceUID=W, PatientID="P1")), {"CC28-TMS-038": [0]}),
        (lambda: ro58(item(SOPInstanceUID=W, **MATCHING | {STATION: [code("TDD1")]}), PatientName=None), {"RO58-TMS-114": [0]}),
    ],
)
def test_a_fault_is_seen_where_it_is(record, places):
    complete = places != {"CC28-TMS-002": [0]}
    assert seen_in(record(), complete=complete) == places


# --- the form of what comes -------------------------------------------------------------------------------------------


def test_the_same_uid_may_come_twice_where_nobody_asked_for_it():
    came = item(SOPInstanceUID=W, PatientID="P1")
    assert Queries().query(came, came, SOPInstanceUID=..., PatientID="P1").wrong() == {"CC28-TMS-038"}


@pytest.mark.parametrize(
    ("change", "id_", "expected"),
    [
        ({START: "tomorrow"}, "RO58-TMS-026", f"identifier[0].{START}"),
        ({"ProcedureStepLabel": "a\x07b"}, "RO58-TMS-028", f"response 1: {LABEL}"),
    ],
)
def test_the_values_of_ro_58_are_legal(change, id_, expected):
    """Of another query nothing is said in the name of TDW-II; nor of one that was canceled."""
    came = item(SOPInstanceUID=W, **MATCHING | change)
    asked = {LABEL: None}
    assert [path for *_, path in ro58(came, **asked).found()[id_]] == [expected]
    assert {"RO58-TMS-026", "RO58-TMS-028"} <= set(ro58(came, **asked).entries())
    canceled = ro58(came, status=0xFE00, **asked).entries()
    assert [canceled[one].findings for one in ("RO58-TMS-026", "RO58-TMS-028")] == [[], []]
    assert not {"RO58-TMS-026", "RO58-TMS-028"} & set(Queries().query(came, **asked, **dict.fromkeys(MATCHING)).entries())


def test_the_class_of_a_query_is_what_it_was_asked_under():
    found = Queries().query(answer={"AffectedSOPClassUID": UPS.PUSH}, PatientID="P1", last=None, syntax=UPS.PULL).found()
    wrong = [(f"AffectedSOPClassUID absent or {UPS.PULL}", UPS.PUSH, "response 1, command set")]
    came = Queries().query(item(SOPInstanceUID=W), answer={"AffectedSOPClassUID": UPS.PUSH}).found()
    right = Queries().query(item(SOPInstanceUID=W), answer={"AffectedSOPClassUID": UPS.PULL}).found()
    assert "CC28-TMS-051" not in found  # without a match the response itself is judged
    second = [(*wrong[0][:2], "response 2, command set")]
    assert (came["CC28-TMS-051"], came["CC31-TMS-005"], "CC28-TMS-051" in right) == (second, second, False)


def test_a_workitem_without_a_class_is_not_of_another():
    assert Queries().query(item(SOPInstanceUID=W, SOPClassUID=None), SOPClassUID=None).wrong() == set()


def test_the_class_is_push_in_ro_58_too():
    found = ro58(item(SOPInstanceUID=W, SOPClassUID=UPS.PULL, **MATCHING), SOPClassUID=None).found()
    wrong = (f"SOP Class UID {UPS.PUSH}", UPS.PULL, "SOPClassUID")
    assert [wrong in found[one] for one in ("CC28-TMS-039", "CC31-TMS-004", "RO58-TMS-101")] == [True] * 3


# --- matches that do not match ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "received"),
    [([item(CodingSchemeDesignator="99B")], "an item"), ([code("B", "99B"), item(CodingSchemeDesignator="99C")], "B; an item")],
)
def test_what_came_instead_is_said(came, received):
    found = Queries().query(item(SOPInstanceUID=W, **{STATION: came}), **{STATION: [item(CodingSchemeDesignator="99A")]})
    found = found.found(complete=False)
    assert found["CC28-TMS-002"][0] == (
        f"only workitems that match {STATION} (CodingSchemeDesignator '99A')",
        received,
        f"identifier[0].{STATION}",
    )


@pytest.mark.parametrize(
    ("key", "came", "ids"),
    [
        ({"PatientBirthDate": "19610101-19611231"}, {"PatientBirthDate": "19620101"}, {"CC28-TMS-019"}),
        ({"PatientBirthDate": "19610101"}, {"PatientBirthDate": "19620101"}, {"CC28-TMS-002"}),
        ({"PatientID": "PX"}, {"PatientID": "P2"}, {"CC28-TMS-002"}),
        # An SCP need not match by these [table CC.2.5-3: O, and -].
        ({"AdmittingDiagnosesDescription": "x"}, {"AdmittingDiagnosesDescription": "y"}, set()),
        ({"ProcedureStepProgressInformationSequence": [item(ProcedureStepProgress="5")]},
         {"ProcedureStepProgressInformationSequence": [item(ProcedureStepProgress="6")]}, set()),
    ],
)  # fmt: skip
def test_who_does_not_match(key, came, ids):
    assert Queries().query(item(SOPInstanceUID=W, **came), **key).wrong(complete=False) == ids


def test_a_key_that_ro_58_does_not_have_is_one_of_the_standard():
    found = ro58(item(SOPInstanceUID=W, PatientSex="M", **MATCHING), PatientSex="F").found()
    assert found["CC28-TMS-002"] == [("only workitems that match PatientSex 'F'", "value 'M'", "identifier[0].PatientSex")]


def test_a_workitem_known_otherwise_does_not_match_ro_58():
    record = Queries().shown(PatientID="P2")
    came = item(SOPInstanceUID=W, **MATCHING)
    record.add("C-FIND", ro58(PatientID="P1").exchanges[0].request.dataset, came=[came])
    assert ("only workitems that match PatientID 'P1'", f"{W}, which has value 'P2'", "") in record.found()["RO58-TMS-019"]
    assert "CC28-TMS-002" not in record.found()


def test_what_is_not_known_hides_nothing_that_is():
    record = Queries().shown(**{LABEL: "Two"}).query(item(SOPInstanceUID=W), PatientID="P1", **{LABEL: "One"})
    assert record.found()["CC28-TMS-002"] == [(f"only workitems that match {LABEL} 'One'", f"{W}, which has value 'Two'", "")]


@pytest.mark.parametrize(("label", "came"), [("One", [item(SOPInstanceUID=W, **{LABEL: "One"})]), ("Two", [])])
def test_while_it_is_changed_it_may_match_or_not(label, came):
    record = Queries().shown(**{LABEL: "Two"})
    change = item(**{LABEL: "One"})
    record.exchanges.append(exchange("N-SET", change, begin=2, end=6, RequestedSOPInstanceUID=W))
    asked = item(**{"SOPInstanceUID": None, LABEL: label})
    record.exchanges.append(exchange("C-FIND", asked, came=came, begin=3, end=4))
    assert record.wrong() == set()


# --- workitems that are missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "keys", "ids"),
    [
        ({"PatientBirthDate": "19610212"}, {"PatientBirthDate": "19610101-19611231"}, {"CC28-TMS-018"}),
        ({"PatientBirthDate": "19610212"}, {"PatientBirthDate": "19610212"}, {"CC28-TMS-001"}),
        ({"PatientID": "PX"}, {"PatientID": "PX"}, {"CC28-TMS-001"}),
        ({"PatientID": "P1"}, {"PatientID": "P1", "SOPInstanceUID": W}, {"CC28-TMS-005", "CC28-TMS-001", "CC28-TMS-030"}),
        (
            {"PatientID": "P*", START: "20261129120000"}, {"PatientID": "P?", START: DAY},
            {"CC28-TMS-005", "CC28-TMS-011", "CC28-TMS-018"},
        ),
        (
            {"PatientID": "P1", STATION: [code("A")]}, {"PatientID": "P1", STATION: [item(CodeValue="A")]},
            {"CC28-TMS-005", "CC28-TMS-001"},
        ),
        (
            {"PatientID": "P1", STATION: [code("A")]},
            {"PatientID": "P*", STATION: [item(CodeValue="A", CodingSchemeDesignator="99A")]},
            {"CC28-TMS-005", "CC28-TMS-011", "CC28-TMS-024"},
        ),
        # The character set of the keys is none of them.
        ({"PatientID": "P1"}, {"PatientID": "P1", "SpecificCharacterSet": "ISO_IR 192"}, {"CC28-TMS-001"}),
        # Nor is what has no value.
        ({"PatientID": "P1"}, {"PatientID": "P1", "AdmittingDiagnosesDescription": None}, {"CC28-TMS-001"}),
    ],
)  # fmt: skip
def test_a_workitem_that_matches_is_missing(known, keys, ids):
    assert Queries().shown(**known).query(**keys).wrong() == ids


@pytest.mark.parametrize(
    ("known", "keys"),
    [
        ({START: "20261129120000", "PatientID": "P1"}, {START: "today", "PatientID": "P1"}),  # no time
        ({"PatientID": "P1"}, {"PatientID": "P1", "AdmittingDiagnosesDescription": "x"}),  # an SCP may match by it, or not
        ({"PatientID": "P1"}, {"PatientID": "P1", "ProcedureStepProgressInformationSequence": [item(ProcedureStepProgress="5")]}),
        ({"ProcedureStepState": "COMPLETED"}, {"ProcedureStepState": "COMPLETED"}),  # it may have been deleted
    ],
)
def test_one_that_need_not_come_is_not_missing(known, keys):
    assert Queries().shown(**known).query(**keys).wrong() == set()


def test_a_value_that_was_set_is_one_to_be_found_by():
    record = Queries().shown(PatientID="P1", **{LABEL: "One"})
    record.add("N-SET", item(**{LABEL: "Two"}), RequestedSOPInstanceUID=W)
    assert record.query(PatientID="P1", **{LABEL: "Two"}).wrong() == {"CC28-TMS-005", "CC28-TMS-001", "CC28-TMS-048"}


@pytest.mark.parametrize(
    "first",
    [
        {"PatientID": "P1"},  # comes
        {"PatientID": "P1", "ProcedureStepState": "COMPLETED"},  # may have been deleted
        {},  # nobody knows whether it matches
    ],
)
def test_of_several_workitems_each_is_judged(first):
    record = Queries().shown(**first).shown(uid=OTHER, PatientID="P1")
    came = [item(SOPInstanceUID=W, PatientID="P1")] if first == {"PatientID": "P1"} else []
    record.query(*came, PatientID="P1")
    assert record.found()["CC28-TMS-001"] == [
        (f"the workitem {OTHER}, which matches", f"{len(came)} response(s), none with it", "")
    ]


# --- what is not there ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "came", "gone"),
    [
        ({"SOPInstanceUID": W}, [], True),
        ({"SOPInstanceUID": W}, [item(SOPInstanceUID=W)], False),
        ({"SOPInstanceUID": W, "PatientID": "P1"}, [], False),  # there is one, of another patient
        ({"SOPInstanceUID": [W, OTHER]}, [], False),
        ({"PatientID": W}, [], False),
    ],
)
def test_what_is_not_found_by_its_uid_is_not_there(keys, came, gone):
    """One that is not there does not answer an N-GET [CC.2.7.3: C307]."""
    entries = Queries().query(*came, **keys).shown().entries()
    received = [one.received for one in entries["CC27-TMS-010"].findings] if "CC27-TMS-010" in entries else []
    assert received == (["status 0000 (Success)"] if gone else [])


def test_who_works_with_others_knows_only_what_was_not_there():
    record = Queries().query(SOPInstanceUID=W).shown()
    assert record.entries(complete=False).keys() and record.wrong(complete=False) == set()


def test_a_match_without_uid_says_nothing_of_a_workitem():
    record = Queries().query(item(PatientID="P1"), SOPInstanceUID=..., PatientID="P1")
    replay = Replay("TMS", record.exchanges, CATALOGUE, complete=True)
    replay.run()
    assert list(replay.items) == []


# --- what is known after a query --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "came", "differs"),
    [
        ({LABEL: None}, {LABEL: "One"}, True),
        ({LABEL: "O*"}, {LABEL: "One"}, True),
        ({}, {}, False),
    ],
)
def test_what_a_query_shows_is_known(asked, came, differs):
    record = Queries().query(item(SOPInstanceUID=W, **came), **asked).shown(**{LABEL: "Two"})
    assert ("CC27-TMS-019" in record.entries()) is differs


@pytest.mark.parametrize(
    ("asked", "came", "differs"),
    [
        ([], [code("B")], True),  # all of it was asked for, and came
        ([item()], [code("B")], True),
        ([item(CodeValue=None)], [item(CodeValue="A")], False),  # a part of it
        ([item(CodeValue=None)], [item(CodeValue="B")], False),
    ],
)
def test_a_query_shows_again_what_is_known(asked, came, differs):
    record = Queries().shown(**{STATION: [code("A")]}).query(item(SOPInstanceUID=W, **{STATION: came}), **{STATION: asked})
    assert ("CC27-TMS-019" in record.entries() and bool(record.entries()["CC27-TMS-019"].findings)) is differs


def test_what_a_query_does_not_ask_for_is_not_missing_in_it():
    assert Queries().shown(PatientID="P1", **{LABEL: "One"}).query(item(SOPInstanceUID=W), PatientSex=...).wrong() == set()


# --- RO-58 ------------------------------------------------------------------------------------------------------------


def rows(record):
    return {name: entry for name, entry in record.entries().items() if name.startswith("RO58-TMS-1")}


def test_what_was_created_is_what_ro_58_shows():
    record = made(Queries(), PatientName="Doe^Jane")
    asked = ro58(PatientName=None).exchanges[0].request.dataset
    record.add("C-FIND", asked, came=[item(SOPInstanceUID=OTHER, PatientName="Roe", **MATCHING),
                                      item(SOPInstanceUID=W, PatientName="Doe^John", **MATCHING)])  # fmt: skip
    entry = rows(record)["RO58-TMS-114"]
    assert [one.path for one in entry.findings] == ["identifier[1].PatientName"]
    assert (entry.judged, [record.exchanges.index(one) for one in entry.exchanges]) == (2, [1])


@pytest.mark.parametrize(
    ("keys", "judged", "not_judged"),
    [
        ({}, {"102", "103", "105", "106", "107", "108", "109", "112", "162"}, {"101", "104", "113", "114", "116", "145"}),
        ({"PatientName": None}, {"114"}, {"115"}),
        ({STATION: [item(CodeValue="TDD1", CodingSchemeDesignator="99A")]}, {"105", "106", "107"}, {"108"}),
        ({"InputInformationSequence": []}, {"145", "152", "153", "159"}, {"116"}),
        ({"InputInformationSequence": [item()]}, {"145", "152", "153", "159"}, {"116"}),
        ({"InputInformationSequence": [item(TypeOfInstances=None)]}, {"145", "152"}, {"153", "159"}),
    ],
)
def test_what_was_asked_for_is_judged(keys, judged, not_judged):
    inputs = [item(TypeOfInstances="DICOM", StudyInstanceUID="1.2", SeriesInstanceUID="1.3",
                   ReferencedSOPSequence=[item(ReferencedSOPClassUID="1.4", ReferencedSOPInstanceUID="1.5")],
                   DICOMRetrievalSequence=[item(RetrieveAETitle="OST")])]  # fmt: skip
    came = item(SOPInstanceUID=W, PatientName="Doe", InputInformationSequence=inputs, **MATCHING)
    found = {name.removeprefix("RO58-TMS-") for name in rows(ro58(came, **keys))}
    assert judged <= found
    assert not not_judged & found


def test_the_lock_is_not_shown_whether_asked_for_or_not():
    entry = rows(ro58(item(SOPInstanceUID=W, TransactionUID="1.9", **MATCHING)))["RO58-TMS-162"]
    assert [one.path for one in entry.findings] == ["identifier[0].TransactionUID"]


def test_of_no_match_nothing_is_judged():
    assert rows(ro58(PatientName=None)) == {}


def test_a_meaning_that_was_asked_for_comes():
    lacking = MATCHING | {STATION: [item(CodeValue="TDD1", CodingSchemeDesignator="99A")]}
    entry = rows(ro58(item(SOPInstanceUID=W, **lacking), **{STATION: [asked_for("TDD1", "99A")]}))["RO58-TMS-108"]
    assert [one.path for one in entry.findings] == [f"identifier[0].{STATION}[0].CodeMeaning"]


@pytest.mark.parametrize("labels", [("One", "Two"), ("One", "One")])
def test_of_two_matches_with_one_uid_neither_is_known_to_show_the_workitem(labels):
    came = [item(SOPInstanceUID=W, **{LABEL: label}) for label in labels]
    record = Queries().query(*came, **{LABEL: None})
    assert record.wrong() == {"CC28-TMS-052"}
    assert "CC27-TMS-019" not in record.shown(**{LABEL: "Three"}).entries()


def test_a_part_of_a_sequence_is_not_all_of_it():
    asked, came = [item(CodeValue=None)], [item(CodeValue="A")]
    record = Queries().query(item(SOPInstanceUID=W, **{STATION: came}), **{STATION: asked}).shown(**{STATION: [code("A")]})
    assert "CC27-TMS-019" not in record.entries()


def test_while_it_is_changed_ro_58_may_show_it_as_it_was_or_will_be():
    record = made(Queries(), PatientName="Doe^Jane")
    record.exchanges.append(exchange("N-SET", item(PatientName="Doe^John"), begin=2, end=6, RequestedSOPInstanceUID=W))
    asked = ro58(PatientName=None).exchanges[0].request.dataset
    came = [item(SOPInstanceUID=W, PatientName="Doe^John", **MATCHING)]
    record.exchanges.append(exchange("C-FIND", asked, came=came, begin=3, end=4))
    assert rows(record)["RO58-TMS-114"].findings == []

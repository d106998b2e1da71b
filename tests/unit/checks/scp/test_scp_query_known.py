"""What a record knows before a query and after it, and which of several matches a fault is one of [CC.2.8]."""

import pytest
from scp_samples import W, exchange
from test_scp_query import CODE, OTHER, START, STATION, Queries, code, ro58
from test_scp_replayed import made

from tdwii_conformance.treatment.messages import item

LABEL = "ProcedureStepLabel"
MATCHING = {STATION: [code("TDD1")], "ProcedureStepState": "SCHEDULED", START: "20261129120000", CODE: [code("121726", "DCM")]}


@pytest.mark.parametrize("beside", [{"SpecificCharacterSet": "ISO_IR 192"}, {"AdmittingDiagnosesDescription": None}])
def test_a_character_set_and_what_has_no_value_is_no_key_by_which_one_is_missing(beside):
    assert Queries().shown(PatientID="P1").query(PatientID="P1", **beside).wrong() == {"CC28-TMS-001"}


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


def test_the_lock_is_not_shown_whether_asked_for_or_not():
    entry = rows(ro58(item(SOPInstanceUID=W, TransactionUID="1.9", **MATCHING)))["RO58-TMS-162"]
    assert [one.path for one in entry.findings] == ["identifier[0].TransactionUID"]


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

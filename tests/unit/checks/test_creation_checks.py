"""Attribute lists for N-CREATE, and what a UPS shows of them."""

import copy
from datetime import UTC, datetime

import pytest
from check_samples import DONE, NO_ANSWER, REFUSED, exchange, got, message
from pydicom import config
from pydicom.dataset import Dataset

from tdwii_conformance.checks import creation as seen
from tdwii_conformance.treatment import creation, objects
from tdwii_conformance.treatment.messages import Code, item
from tdwii_conformance.ups import Worklist


@pytest.fixture
def legal():
    station = Code("TDD1", "99TDWII", "Treatment machine 1")
    return objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=station, start=datetime(2026, 1, 1, 12))


@pytest.mark.parametrize("make", [creation.least, creation.all_supported])
def test_a_worklist_creates_it_and_shows_it(legal, make):
    attributes = make(legal)
    worklist = Worklist()
    assert worklist.create("1.2.3", copy.deepcopy(attributes)).status == 0
    shown = worklist.get("1.2.3", [creation.ROWS[keyword].tag for keyword in creation.SHOWN]).dataset
    assert list(seen.differences(attributes, shown)) == []


def test_the_least_has_nothing_that_may_be_empty(legal):
    legal.MedicalAlerts = "Optional"
    least = creation.least(legal)
    assert least.ProcedureStepLabel and least.ProcedureStepState == "SCHEDULED"
    assert seen.nothing(least["PatientName"])
    assert {creation.ROWS[element.keyword].create for element in least} <= {"1", "2", "1C", "2C"}


@pytest.mark.parametrize("path", creation.CONDITIONAL, ids=seen.named)
def test_the_holder_of_an_attribute_is_in_the_list(legal, path):
    holder = creation.leading_to(legal, path)
    assert path[-1] in holder
    assert holder is seen.held(legal, path)


@pytest.mark.parametrize(
    ("sent", "came", "weights"),
    [
        (item(ProcedureStepLabel="A"), item(ProcedureStepLabel="A "), []),
        (item(ProcedureStepLabel="A"), item(ProcedureStepLabel="B"), ["fault"]),
        (item(ProcedureStepLabel="A"), item(), ["fault"]),
        (item(PatientID=""), item(PatientID="X"), ["warning"]),
        (item(WorklistLabel=""), item(WorklistLabel="X"), []),  # is for the SCP to fill in
        (item(PatientName="Doe^Jane^^"), item(PatientName="Doe^Jane"), []),
        (item(PregnancyStatus=1), item(), []),  # need not be supported
        (item(TransactionUID=""), item(TransactionUID="1.2"), []),  # has requirements of its own
        (item(InputInformationSequence=[]), item(InputInformationSequence=[item(StudyInstanceUID="1.2")]), ["warning"]),
        (
            item(InputInformationSequence=[item(StudyInstanceUID="1.2")]),
            item(InputInformationSequence=[item(StudyInstanceUID="1.2", SeriesInstanceUID="1.3")]),
            ["fault"],  # not sent
        ),
        (
            item(ScheduledProcedureStepStartDateTime="20260101120000.50"),
            item(ScheduledProcedureStepStartDateTime="20260101120000.5"),
            ["warning"],
        ),
    ],
)
def test_differences(sent, came, weights):
    assert [finding.weight for finding in seen.differences(sent, came)] == weights


def test_what_was_missing_is_supplied():
    path = ("InputReadinessState",)
    assert [f.received for f in seen.supplied(Dataset(), path, True)] == ["attribute absent"]
    assert [f.received for f in seen.supplied(item(InputReadinessState=""), path, True)] == ["present without a value"]
    assert seen.supplied(item(InputReadinessState=""), path, False) == []
    assert seen.supplied(item(InputReadinessState="READY"), path, True) == []


def test_private_attributes_of_an_item_may_go():
    one, other = item(StudyInstanceUID="1.2"), item(StudyInstanceUID="1.2")
    one.private_block(0x0041, "TEST", create=True).add_new(1, "LO", "x")
    sent, came = item(InputInformationSequence=[one]), item(InputInformationSequence=[other])
    assert seen.input_differs(sent, came) == []
    other.StudyInstanceUID = "1.3"
    assert [f.path for f in seen.input_differs(sent, came)] == ["InputInformationSequence[0].StudyInstanceUID"]


@pytest.mark.parametrize(
    ("value", "findings"),
    [
        (f"{datetime.now(UTC):%Y%m%d%H%M%S}", 0),
        (f"{datetime.now(UTC):%Y}", 0),
        (f"{datetime.now(UTC):%Y%m}+0100", 0),
        (f"{datetime.now(UTC):%Y%m%d%H%M}60-1200", 0),
        ("19700101000000", 1),
        ("0001", 1),
        ("9999+1400", 1),
        ("yesterday", 1),
        ("", 1),
    ],
    ids=[
        "now",
        "year",
        "month",
        "leap second",
        "1970",
        "the first",
        "the last",
        "a word",
        "empty",
    ],  # a time in an id would differ from worker to worker
)
def test_modification_time(value, findings):
    with config.disable_value_validation():
        assert len(seen.near_now(got(ScheduledProcedureStepModificationDateTime=value))) == findings


def test_a_modification_that_was_announced_is_a_warning():
    found = list(seen.differences(item(ProcedureStepLabel="A"), item()))
    assert [f.weight for f in seen.kept(exchange(DONE), found)] == ["fault"]
    assert [f.weight for f in seen.kept(exchange(message(Status=0xB300)), found)] == ["warning"]


def test_what_was_refused_is_not_there():
    assert seen.no_such_ups(exchange(REFUSED)) == []
    assert len(seen.no_such_ups(exchange(DONE))) == len(seen.no_such_ups(NO_ANSWER)) == 1

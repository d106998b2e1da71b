"""Modification lists for N-SET, and what a UPS shows of them."""

import copy
from datetime import datetime
from types import SimpleNamespace

import pytest
from check_samples import DONE, NO_ANSWER, REFUSED, exchange, got, message

from tdwii_conformance.checks import modification as seen
from tdwii_conformance.treatment import modification, objects
from tdwii_conformance.treatment.messages import Code, Reference, item
from tdwii_conformance.ups import Worklist

COERCED = exchange(message(Status=0xB305))
OLD, NEW = got(ProcedureStepLabel="Old"), got(ProcedureStepLabel="New")


@pytest.fixture
def session():
    inputs = [Reference("1.2.840.10008.5.1.4.1.1.481.5", f"1.2.{last}", "1.2", "1.3", "OST") for last in (5, 6)]
    return SimpleNamespace(workitem=SimpleNamespace(start=datetime(2026, 1, 1, 12), inputs=inputs), ost="OST")


@pytest.mark.parametrize("values", [modification.rich, modification.poor])
def test_a_worklist_takes_every_value_and_shows_it(session, values):
    station = Code("TDD1", "99TDWII", "Treatment machine 1")
    worklist = Worklist()
    attributes = objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=station, start=datetime(2026, 1, 1, 12))
    assert worklist.create("1.2.3", attributes).status == 0
    assert worklist.change_state("1.2.3", "IN PROGRESS", "1.2.4").status == 0
    keywords = [row.keyword for row in modification.CHANGEABLE]
    sent = modification.change(values(session), keywords)
    assert worklist.set("1.2.3", item(TransactionUID="1.2.4", **{e.keyword: copy.deepcopy(e.value) for e in sent})).status == 0
    shown = worklist.get("1.2.3", [modification.ROWS[keyword].tag for keyword in keywords]).dataset
    assert seen.holds(got(**{element.keyword: element.value for element in shown}), sent) == []


def test_the_two_values_differ_everywhere(session):
    rich, poor = modification.rich(session), modification.poor(session)
    assert rich.keys() == poor.keys() == {row.keyword for row in modification.CHANGEABLE}
    for keyword in rich:
        assert seen.holds(got(**{keyword: poor[keyword]}), modification.change(rich, [keyword])) != []


def test_no_two_unwanted_changes_are_alike():
    assert modification.unwanted().ProcedureStepLabel != modification.unwanted().ProcedureStepLabel


@pytest.mark.parametrize("kind", modification.ILLEGAL)
def test_illegal_change_is_of_one_attribute(kind):
    assert [element.keyword for element in modification.illegal_change(kind)] == [modification.ILLEGAL[kind][0]]


@pytest.mark.parametrize(
    ("vr", "one", "other", "same"),
    [
        ("DS", "1.50", "1.5", True),
        ("DS", "1.5", "1.6", False),
        ("DT", "20260101120000", "20260101120000+0100", True),
        ("LO", "A", "A ", True),
        ("LO", ["A", "B"], ["A"], False),
        ("LO", None, "", True),
    ],
)
def test_same_meaning(vr, one, other, same):
    assert seen.same_meaning(vr, one, other) == same


@pytest.mark.parametrize(
    ("answer", "after", "weights"),
    [
        (exchange(DONE), NEW, []),
        (exchange(DONE), OLD, ["fault"]),
        (COERCED, OLD, ["warning"]),
        (exchange(REFUSED), OLD, []),
        (exchange(REFUSED), NEW, ["fault"]),
        (NO_ANSWER, OLD, ["fault"]),
    ],
)
def test_effect(answer, after, weights):
    found = seen.effect(answer, OLD, after, item(ProcedureStepLabel="New"))
    assert [finding.weight for finding in found] == weights


@pytest.mark.parametrize(
    ("answer", "weights"), [(exchange(DONE), ["fault"]), (COERCED, ["warning"]), (exchange(REFUSED), ["fault"])]
)
def test_all_change(answer, weights):
    assert [finding.weight for finding in seen.all_change(answer, OLD, item(ProcedureStepLabel="New"))] == weights


@pytest.mark.parametrize(
    ("keyword", "illegal", "before", "after", "count"),
    [
        ("InputReadinessState", "PERHAPS", "READY", "READY", 0),
        ("InputReadinessState", "PERHAPS", "READY", "PERHAPS", 1),
        ("InputReadinessState", "PERHAPS", "READY", "", 1),
        ("PatientName", "OTHER^PATIENT", "Doe", "Doe", 0),
        ("PatientName", "OTHER^PATIENT", "Doe", "OTHER^PATIENT", 1),
    ],
)
def test_not_stored(keyword, illegal, before, after, count):
    assert len(seen.not_stored(got(**{keyword: before}), got(**{keyword: after}), keyword, illegal)) == count

"""Modification lists for N-SET, and what a UPS shows of them."""

import copy
from datetime import datetime
from types import SimpleNamespace

import pytest
from check_samples import DONE, NO_ANSWER, REFUSED, exchange, got, message

from tdwii_conformance.checks import modification as seen
from tdwii_conformance.checks.findings import Finding
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


# --- word for word ----------------------------------------------------------------------------------------------------

LABEL, STATION = "ProcedureStepLabel", "ScheduledStationNameCodeSequence"


def code(value, **more):
    return item(CodeValue=value, CodingSchemeDesignator="99A", **more)


@pytest.mark.parametrize(
    ("expected", "shown", "found"),
    [
        (item(**{LABEL: "A"}), item(), [Finding("what was set", "attribute absent", LABEL)]),
        (item(**{LABEL: "A"}), item(**{LABEL: "B"}), [Finding("value 'A'", "value 'B'", LABEL)]),
        (item(**{LABEL: "A"}), item(**{LABEL: "A", "WorklistLabel": "x"}), []),  # what else the UPS has
        (item(**{STATION: [code("A")]}), item(**{STATION: [code("A")]}), []),
        (item(**{STATION: []}), item(**{STATION: []}), []),
        (
            item(**{STATION: [code("A"), code("B")]}), item(**{STATION: [code("C")]}),
            [Finding("2 item(s), those that were set", "1 item(s)", STATION), Finding("value 'A'", "value 'C'", f"{STATION}[0].CodeValue")],
        ),
        (
            item(**{STATION: [code("A")]}), item(**{STATION: []}),
            [Finding("1 item(s), those that were set", "0 item(s)", STATION)],
        ),
        (
            item(**{STATION: [code("A"), code("B")]}), item(**{STATION: [code("A"), code("B", CodeMeaning="b")]}),
            [Finding("not there: it was not set", "'b'", f"{STATION}[1].CodeMeaning")],
        ),
        (item(**{STATION: [code("A")]}), item(**{STATION: [code("A", CodeMeaning="", SpecificCharacterSet="ISO_IR 100")]}), []),
        (item(**{STATION: [code("A")]}), item(**{STATION: [item(CodeValue="A")]}),
            [Finding("what was set", "attribute absent", f"{STATION}[0].CodingSchemeDesignator")]),
    ],
)  # fmt: skip
def test_what_a_modification_does_not_show(expected, shown, found):
    assert seen.holds(got(**{element.keyword: element.value for element in shown}), expected) == found


def test_what_follows_a_difference_is_compared_as_well():
    found = seen.holds(got(WorklistLabel="x"), item(**{LABEL: "A", "WorklistLabel": "y"}))
    assert {one.path for one in found} == {LABEL, "WorklistLabel"}


def test_an_n_get_without_answer_shows_nothing():
    assert len(seen.holds(NO_ANSWER, item(**{LABEL: "A"}))) == 1


def test_an_n_get_that_fails_shows_nothing_though_a_data_set_comes_with_it():
    failed = exchange(message(item(**{LABEL: "A"}), Status=0xC307), service="N-GET")
    (found,) = seen.holds(failed, item(**{LABEL: "A"}))
    assert (found.expected, found.received[:11]) == ("the workitem by N-GET", "status C307")


def test_a_number_may_be_written_otherwise():
    numbers = item(PatientSize="1.50", PatientWeight="70")
    assert seen.holds(got(PatientSize="1.5", PatientWeight="70.0"), numbers) == []
    found = seen.holds(got(PatientSize="1.6", PatientWeight="70.0"), numbers)
    assert found == [Finding("value '1.50'", "value '1.6'", "PatientSize")]


@pytest.mark.parametrize(
    ("vr", "one", "other", "same"),
    [
        ("DT", "20260101120000", "202601011200", True),  # it begins at the same moment
        ("DT", "20260101120000.0", "20260101120000", True),
        ("DT", "20260101120000", "20260101120001", False),
        ("DT", "yesterday", "yesterday", True),
        ("DT", "yesterday", "today", False),
        ("LO", " A ", "A", True),
        ("LO", None, "", True),
        ("LO", None, "  ", True),
        ("DS", "", "0", False),
        ("IS", "x", "x", True),
        ("IS", "x", "y", False),
        ("IS", "7", "7.0", True),
        ("LO", "7", "7.0", False),
        ("LO", ["A", "B"], ["A"], False),
        ("LO", ["A", "B"], ["A", "B"], True),
        ("LO", ["A", "B"], ["A", "C"], False),
        ("LO", ["A"], "A", True),
    ],
)
def test_the_meaning_of_two_values(vr, one, other, same):
    assert seen.same_meaning(vr, one, other) is same


@pytest.mark.parametrize(("status", "weight"), [(0, "fault"), (0x0116, "warning"), (0xB305, "warning"), (0xB300, "fault")])
def test_only_a_coercion_that_was_announced_is_a_warning(status, weight):
    found = seen.coerced(exchange(message(Status=status)), [Finding("a", "b", "c")])
    assert found == [Finding("a", "b", "c", weight=weight)]


def test_a_change_that_was_refused_has_changed_nothing():
    assert seen.effect(exchange(REFUSED), OLD, OLD, item(**{LABEL: "New"})) == []
    assert seen.effect(exchange(REFUSED), OLD, NEW, item(**{LABEL: "New"})) != []


def test_a_change_that_was_done_is_shown():
    assert seen.effect(exchange(DONE), OLD, NEW, item(**{LABEL: "New"})) == []
    assert seen.effect(exchange(DONE), OLD, OLD, item(**{LABEL: "New"})) == [Finding("value 'New'", "value 'Old'", LABEL)]
    assert [one.weight for one in seen.effect(COERCED, OLD, OLD, item(**{LABEL: "New"}))] == ["warning"]


def test_an_n_set_without_answer_is_found_first():
    assert len(seen.effect(NO_ANSWER, OLD, OLD, item(**{LABEL: "New"}))) == 1


def test_what_all_have_to_accept_is_accepted_and_shown():
    expected = item(**{LABEL: "New"})
    assert seen.all_change(exchange(DONE), NEW, expected) == []
    assert seen.all_change(exchange(DONE), OLD, expected) == [Finding("value 'New'", "value 'Old'", LABEL)]
    assert [one.weight for one in seen.all_change(COERCED, OLD, expected)] == ["warning"]
    (refused,) = seen.all_change(exchange(REFUSED), OLD, expected)
    assert refused.expected == "success or a warning for a change that the attribute table allows"


@pytest.mark.parametrize(
    ("after", "keyword", "illegal", "found"),
    [
        (item(InputReadinessState="READY"), "InputReadinessState", "MAYBE", None),
        (item(InputReadinessState="MAYBE"), "InputReadinessState", "MAYBE", Finding("a legal value", "'MAYBE'", "InputReadinessState")),
        (item(InputReadinessState=""), "InputReadinessState", "MAYBE", Finding("a legal value", "''", "InputReadinessState")),
        (item(PatientID="x"), "InputReadinessState", "MAYBE", Finding("a legal value", "None", "InputReadinessState")),
        (item(**{STATION: [code("A")]}), STATION, {"CodeValue": "bad"}, None),
        (item(PatientID="x"), STATION, {"CodeValue": "bad"}, None),
        (item(**{STATION: [code("A"), code("bad")]}), STATION, {"CodeValue": "bad"}, Finding("not 'bad'", "that value", f"{STATION}[0].CodeValue")),
        (item(ProcedureStepState="SCHEDULED"), "ProcedureStepState", "DONE", None),
    ],
)  # fmt: skip
def test_an_illegal_value_is_not_stored(after, keyword, illegal, found):
    before = got(ProcedureStepState="SCHEDULED", InputReadinessState="READY", **{STATION: [code("A")]})
    shown = got(**{element.keyword: element.value for element in after})
    assert seen.not_stored(before, shown, keyword, illegal) == ([] if found is None else [found])


def test_what_nobody_may_set_stays_as_it_was():
    """Procedure Step State is not allowed in an N-SET [table CC.2.5-3]: whatever it is, it is that of before."""
    found = seen.not_stored(got(ProcedureStepState="SCHEDULED"), got(ProcedureStepState="COMPLETED"), "ProcedureStepState", "DONE")
    assert [one.path for one in found] == ["ProcedureStepState"]
    (gone,) = seen.not_stored(got(ProcedureStepState="SCHEDULED"), got(PatientID="x"), "ProcedureStepState", "DONE")
    assert gone.path == "ProcedureStepState"


@pytest.mark.parametrize(("before", "after"), [(NO_ANSWER, NEW), (OLD, NO_ANSWER)], ids=["before", "after"])
def test_only_what_both_n_gets_have_shown_is_compared(before, after):
    with pytest.raises(AssertionError):
        seen.not_stored(before, after, LABEL, "bad")

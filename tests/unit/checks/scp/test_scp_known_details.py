"""Details of what a record knows: how a request may be answered, what is a fact, and what is counted."""

import pytest
from scp_samples import CATALOGUE, LOCK, exchange
from test_scp_answers import (
    COMPLETED,
    DONE,
    IN_PROGRESS,
    PERFORMED,
    PROGRESS,
    change,
    modify,
    only,
    performer,
)
from test_scp_facts import INPUTS, INSTRUCTION, PLAN, RECORD, reference

from tdwii_conformance.checks.findings import Finding
from tdwii_conformance.checks.scp import Tally
from tdwii_conformance.checks.scp.answers import _of_refusal
from tdwii_conformance.checks.scp.belief import World
from tdwii_conformance.checks.scp.facts import facts_of_update, facts_of_workitem
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.ups.requests import Refusal

# --- how it may be answered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "statuses"), [(None, {0, 0xC304}), (performer(**{PERFORMED: [item(**DONE | {"OutputInformationSequence": []})]}), {0})]
)
def test_a_completion_goes_from_in_progress_to_completed(of, statuses):
    found = only(change(COMPLETED), World(IN_PROGRESS, LOCK), of=of)
    assert (found.statuses, found.before, found.after) == (statuses, World(IN_PROGRESS, LOCK), World(COMPLETED, LOCK))
    assert found.warnings == frozenset(CATALOGUE["CC11-TMS-053"].warnings) - {0}


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        ("0", "RO62-TMS-001"), ("0.0", "RO62-TMS-001"), ("0.00", "RO62-TMS-001"), (" 0", "RO62-TMS-001"), ("0.5", "RO62-TMS-002"),
        ("10", "RO62-TMS-002"), ("100", "RO62-TMS-002"),
    ],
)  # fmt: skip
def test_the_first_update_says_that_nothing_was_done_yet(value, id_):
    found = only(modify(**{PROGRESS: [item(ProcedureStepProgress=value)]}), World(IN_PROGRESS, LOCK))
    assert found.ids == ("CC26-TMS-005", id_)


@pytest.mark.parametrize(
    ("status", "comment", "ids"),
    [
        (0xC309, "ProcedureStepState", ("CC25-TMS-017",)),
        (0x0106, "ScheduledProcedureStepPriority", ()),
        (0x0106, "PatientName", ()),
        (0x0120, "PatientName", ("CC25-TMS-013",)),  # of type 2
        (0x0121, "PatientName", ("CC25-TMS-013",)),
        (0x0121, "ProcedureStepLabel", ("CC25-TMS-012",)),
        (0x0121, "PatientID", ("CC25-TMS-015",)),  # of type 1C
        (0x0120, "PatientID", ("CC25-TMS-014",)),
        (0x0120, "NoSuchAttribute", ()),
        (0x0120, "PregnancyStatus", ()),  # of type 3
    ],
)
def test_a_creation_is_refused_by_the_type_of_what_lacks(status, comment, ids):
    assert _of_refusal(Refusal(status, comment), item()) == ids


# --- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PLAN, INSTRUCTION])
def test_an_input_without_instance_is_no_fact(kind):
    entry = item(ReferencedSOPSequence=[item(ReferencedSOPClassUID=kind)])
    found = facts_of_workitem(item(PatientID="P1", **{INPUTS: [entry]}))
    assert {name: value for name, value in found.items() if name != "plan_class"} == {"patient_id": "P1"}


def test_a_plan_is_one_fact_of_several():
    found = facts_of_workitem(item(PatientID="P1", **{INPUTS: [reference((INSTRUCTION, "1.6"), (PLAN, "1.5"))]}))
    assert found == {"patient_id": "P1", "instruction": "1.6", "plan": "1.5", "plan_class": PLAN}


def updated(**performed):
    found = facts_of_update(item(**{PERFORMED: [item(**performed)]}))
    return {name: value for name, value in found.items() if name != "delivered"}


def test_what_lacks_in_an_update_is_no_fact():
    assert updated(PerformedStationNameCodeSequence=[item(CodeMeaning="m")]) == {}
    bare = item(ReferencedSOPSequence=[item()], DICOMRetrievalSequence=[item()])
    assert updated(OutputInformationSequence=[bare, bare]) == {}


def test_a_value_may_be_an_x():
    assert updated(PerformedStationNameCodeSequence=[item(CodeValue="X", CodingSchemeDesignator="XX")]) == {
        "station_value": "X", "station_scheme": "XX"
    }  # fmt: skip


def test_the_classes_of_several_records_are_named():
    both = item(ReferencedSOPSequence=[item(ReferencedSOPClassUID=RECORD), item(ReferencedSOPClassUID=PLAN)])
    assert updated(OutputInformationSequence=[both]) == {"record_class": f"{RECORD}|{PLAN}"}


# --- what is counted --------------------------------------------------------------------------------------------------


def test_a_tally_counts_what_was_judged_and_keeps_where_it_was_wrong():
    one, other, right = exchange("N-GET"), exchange("N-SET"), exchange("C-FIND")
    tally = Tally()
    tally.add(["A", "B"], [], right)
    tally.add(iter(["A"]), iter([Finding("x", "y")]), one, other)
    tally.add(["A"], [Finding("x", "z")], other)
    assert {name: (entry.judged, [f.received for f in entry.findings], entry.exchanges) for name, entry in tally.entries.items()} == {
        "A": (3, ["y", "z"], [one, other]), "B": (1, [], [])
    }  # fmt: skip


def test_of_one_requirement_twenty_findings_are_kept():
    tally = Tally()
    for number in range(22):
        tally.add(["A"], [Finding("x", f"{number}")], exchange("N-GET"))
    entry = tally.entries["A"]
    assert (entry.judged, len(entry.findings), len(entry.exchanges)) == (22, 20, 20)

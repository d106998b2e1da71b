"""What a UPS of the SCP's own has to have: by the types of PS3.4 table CC.2.5-3, their conditions, and what its plan says."""

import pytest
from check_samples import EVENT, message
from pydicom.dataset import Dataset

from tdwii_conformance.checks import made
from tdwii_conformance.checks.findings import Finding
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment.messages import item

STATION, PARAMETERS, INPUT = "ScheduledStationNameCodeSequence", "ScheduledProcessingParametersSequence", "InputInformationSequence"
PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
LABEL, FRACTIONS = "2018001", "2018003"


def code(**changes):
    return item(**{"CodeValue": "A", "CodingSchemeDesignator": "99A", "CodeMeaning": "a"} | changes)


# --- values: type 1 in items ------------------------------------------------------------------------------------------


def test_what_has_all_values_is_right():
    assert made.values(item(**{STATION: [code(), code()]})) == []


def test_without_items_nothing_is_asked_for():
    assert made.values(item(**{STATION: []})) == []
    assert made.values(Dataset()) == []


def test_a_value_of_type_1_is_asked_for_in_every_item():
    """Code Meaning is of type 1 in a code [table CC.2.5-2a]."""
    without, empty = code(), code(CodeMeaning="")
    del without.CodeMeaning
    assert made.values(item(**{STATION: [code(), without, empty]})) == [
        Finding("a value, as type 1 asks for", "attribute absent", f"{STATION}[1].CodeMeaning"),
        Finding("a value, as type 1 asks for", "present without a value", f"{STATION}[2].CodeMeaning"),
    ]


def test_a_value_is_asked_for_in_items_of_items():
    """Concept Name Code Sequence is of type 1 in a content item, and a code stands in it."""
    first, second = (
        item(ValueType="TEXT", ConceptNameCodeSequence=[]),
        item(ValueType="TEXT", ConceptNameCodeSequence=[code(CodeMeaning="")]),
    )
    assert made.values(item(**{PARAMETERS: [first, second]})) == [
        Finding("a value, as type 1 asks for", "present without a value", f"{PARAMETERS}[0].ConceptNameCodeSequence"),
        Finding(
            "a value, as type 1 asks for", "present without a value", f"{PARAMETERS}[1].ConceptNameCodeSequence[0].CodeMeaning"
        ),
    ]


def test_what_is_the_performers_is_asked_elsewhere():
    empty = item(PerformedStationNameCodeSequence=[code(CodeMeaning="")])
    assert made.values(item(**{PERFORMED: [empty]})) == []


# --- conditional values: type 1C --------------------------------------------------------------------------------------


def test_a_value_whose_condition_does_not_hold_is_not_asked_for():
    """Text Value is for a content item of Value Type TEXT, Numeric Value for one of NUMERIC [PS3.3 10.2]."""
    number = item(ValueType="NUMERIC", NumericValue="1", MeasurementUnitsCodeSequence=[code()], ConceptNameCodeSequence=[code()])
    assert made.conditional_values(item(**{PARAMETERS: [number]})) == []


def test_a_value_whose_condition_holds_is_asked_for():
    text = item(ValueType="TEXT", ConceptNameCodeSequence=[code()])
    number = item(ValueType="NUMERIC", NumericValue="", MeasurementUnitsCodeSequence=[code()], ConceptNameCodeSequence=[code()])
    assert made.conditional_values(item(**{PARAMETERS: [text, number]})) == [
        Finding("a value, as the condition of type 1C holds", "attribute absent", f"{PARAMETERS}[0].TextValue"),
        Finding("a value, as the condition of type 1C holds", "present without a value", f"{PARAMETERS}[1].NumericValue"),
    ]


# --- present: type 2 in items -----------------------------------------------------------------------------------------


def test_an_attribute_of_type_2_may_be_empty_but_not_absent():
    """Storage Media File-Set ID is of type 2 [table CC.2.5-2c]."""
    there, absent = item(StorageMediaFileSetID=""), item()
    shown = item(**{INPUT: [item(DICOMMediaRetrievalSequence=[there, absent])]})
    assert made.present(shown) == [
        Finding(
            "the attribute, if need be without a value, as type 2 asks for", "attribute absent",
            f"{INPUT}[0].DICOMMediaRetrievalSequence[1].StorageMediaFileSetID",
        )
    ]  # fmt: skip


def test_the_top_level_is_asked_elsewhere():
    assert made.present(Dataset()) == []
    assert made.values(Dataset()) == []


# --- defined values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", ["HIGH", "MEDIUM", "LOW"])
def test_defined_values_are_right(priority):
    assert made.defined_values(item(ScheduledProcedureStepPriority=priority)) == []


def test_another_value_than_those_defined_is_found():
    found = made.defined_values(item(ScheduledProcedureStepPriority="URGENT"))
    assert [(one.received, one.path) for one in found] == [("value 'URGENT'", "ScheduledProcedureStepPriority")]
    assert found[0].expected.startswith("one of ")
    assert set(found[0].expected.removeprefix("one of ").split(", ")) == {"HIGH", "MEDIUM", "LOW"}


def test_another_value_is_found_in_items_too():
    found = made.defined_values(item(**{PARAMETERS: [item(ValueType="TEXT"), item(ValueType="text")]}))
    assert [(one.received, one.path) for one in found] == [("value 'text'", f"{PARAMETERS}[1].ValueType")]


@pytest.mark.parametrize("shown", [item(), item(ScheduledProcedureStepPriority="")])
def test_that_a_value_is_lacking_is_for_another_check(shown):
    assert made.defined_values(shown) == []


# --- nothing performed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown", [item(), item(**{PROGRESS: [], PERFORMED: []}), item(**{PROGRESS: [item()], PERFORMED: [item()]})]
)
def test_a_new_ups_has_nothing_performed(shown):
    assert made.nothing_performed(shown) == []


def test_what_is_performed_already_is_found():
    shown = item(**{PROGRESS: [item(), item(ProcedureStepProgress="1")], PERFORMED: [item(PerformedProcedureStepDescription="x")]})
    assert made.nothing_performed(shown) == [
        Finding("no items, or empty ones: nothing was done yet", "2 item(s) with content", PROGRESS),
        Finding("no items, or empty ones: nothing was done yet", "1 item(s) with content", PERFORMED),
    ]


# --- born scheduled ---------------------------------------------------------------------------------------------------


def report(state, event_type=1):
    """A UPS State Report, Event Type ID 1 [PS3.4 table CC.2.4-1]."""
    request = message(item(ProcedureStepState=state, InputReadinessState="READY"), EventTypeID=event_type)
    return Exchange("N-EVENT-REPORT", "TMS", "WATCHER", EVENT, request, (message(Status=0),))


@pytest.mark.parametrize(
    ("state", "reported"),
    [
        ("SCHEDULED", []),
        ("SCHEDULED", ["IN PROGRESS"]),
        ("IN PROGRESS", ["SCHEDULED", "IN PROGRESS"]),
        ("COMPLETED", ["SCHEDULED"]),
    ],
)
def test_a_ups_begins_as_scheduled(state, reported):
    assert made.born_scheduled(state, map(report, reported)) == []


def test_a_state_that_there_is_not_is_found():
    assert made.born_scheduled("PLANNED", []) == [
        Finding("state SCHEDULED, in which a UPS begins", "state 'PLANNED'", "ProcedureStepState")
    ]


def test_a_first_report_of_another_state_is_found():
    assert made.born_scheduled("IN PROGRESS", [report("IN PROGRESS"), report("SCHEDULED")]) == [
        Finding("SCHEDULED as the first state that is reported", "IN PROGRESS", "ProcedureStepState")
    ]


@pytest.mark.parametrize("reports", [[], [report("SCHEDULED", event_type=3)]], ids=["none", "of progress"])
def test_without_a_report_of_state_it_may_have_been_claimed(reports):
    assert made.born_scheduled("IN PROGRESS", reports) is None


# --- what its plan says -----------------------------------------------------------------------------------------------


def parameter(concept, **values):
    return item(ConceptNameCodeSequence=[code(CodeValue=concept)], **values)


def response(*parameters):
    return item(**{PARAMETERS: list(parameters)})


PLAN = item(
    RTPlanLabel="Prostate", FractionGroupSequence=[item(NumberOfFractionsPlanned=20), item(NumberOfFractionsPlanned=5), item()]
)


@pytest.mark.parametrize(
    "identifier",
    [
        Dataset(),
        response(),
        response(item()),
        response(parameter(LABEL, TextValue="Prostate"), parameter(FRACTIONS, NumericValue="20")),
        response(parameter(LABEL, TextValue=" Prostate "), parameter(FRACTIONS, NumericValue="5.0")),
        response(parameter(FRACTIONS)),  # that it has no value is found elsewhere
        response(
            parameter("2018002", TextValue="Other", NumericValue="3")
        ),  # the current fraction: of this workitem, not of the plan
    ],
)
def test_a_workitem_agrees_with_its_plan(identifier):
    assert made.plan_agrees(identifier, PLAN) == []


def test_what_the_plan_says_otherwise_is_found():
    identifier = response(parameter(FRACTIONS, NumericValue="7"), parameter(LABEL, TextValue="prostate"))
    assert made.plan_agrees(identifier, PLAN) == [
        Finding("the Number of Fractions Planned of the plan, 20 or 5", "7", f"{PARAMETERS}[concept {FRACTIONS}].NumericValue"),
        Finding("the RT Plan Label of the plan, 'Prostate'", "'prostate'", f"{PARAMETERS}[concept {LABEL}].TextValue"),
    ]


def test_a_label_that_is_not_there_is_found():
    assert made.plan_agrees(response(parameter(LABEL)), PLAN) == [
        Finding("the RT Plan Label of the plan, 'Prostate'", "None", f"{PARAMETERS}[concept {LABEL}].TextValue")
    ]


def test_a_label_of_spaces_alone_is_none():
    assert made.plan_agrees(response(parameter(LABEL)), item(RTPlanLabel="  ")) == []


@pytest.mark.parametrize("plan", [Dataset(), item(RTPlanLabel="", FractionGroupSequence=[])])
def test_a_plan_that_says_nothing_is_agreed_with(plan):
    identifier = response(parameter(FRACTIONS, NumericValue="7"), parameter(LABEL, TextValue="x"))
    assert made.plan_agrees(identifier, plan) == []

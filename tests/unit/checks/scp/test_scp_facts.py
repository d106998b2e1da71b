"""What is known of a treatment from a record: what the attribute tables call ``$patient_id`` and so on."""

import pytest
from pydicom.dataset import Dataset
from scp_samples import CATALOGUE, NOON, exchange

from tdwii_conformance.checks.scp import Replay
from tdwii_conformance.checks.scp.belief import Workitem, World
from tdwii_conformance.checks.scp.facts import facts_of_query, facts_of_update, facts_of_workitem
from tdwii_conformance.treatment.messages import item

PLAN, ION_PLAN, INSTRUCTION = (
    "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.481.8", "1.2.840.10008.5.1.4.34.7",
)  # fmt: skip
RECORD = "1.2.840.10008.5.1.4.1.1.481.4"
STATION, PARAMETERS, INPUTS = (
    "ScheduledStationNameCodeSequence",
    "ScheduledProcessingParametersSequence",
    "InputInformationSequence",
)
PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"


def parameter(concept, **value):
    return item(ConceptNameCodeSequence=[item(CodeValue=concept)], **value)


def reference(*instances):
    return item(ReferencedSOPSequence=[item(ReferencedSOPClassUID=kind, ReferencedSOPInstanceUID=uid) for kind, uid in instances])


# --- a workitem -------------------------------------------------------------------------------------------------------


def test_a_workitem_says_whom_it_is_for():
    attributes = item(PatientName="Doe^Jane", PatientID="P1", StudyInstanceUID="1.2.6")
    assert facts_of_workitem(attributes) == {"patient_name": "Doe^Jane", "patient_id": "P1", "study": "1.2.6"}


@pytest.mark.parametrize(
    "attributes", [Dataset(), item(PatientName="", PatientID="", StudyInstanceUID="", **{PARAMETERS: [], INPUTS: []})]
)
def test_what_is_not_there_is_no_fact(attributes):
    assert facts_of_workitem(attributes) == {}


@pytest.mark.parametrize(
    ("entry", "facts"),
    [
        (parameter("121740", TextValue="TREATMENT"), {"start": "TREATMENT"}),
        (parameter("ccc001", TextValue="CONTINUATION"), {"start": "CONTINUATION"}),
        (parameter("2018001", TextValue="Prostate"), {"plan_label": "Prostate"}),
        (parameter("2018002", NumericValue="3"), {"fraction": "3"}),
        (parameter("2018003", NumericValue="20"), {"fractions_planned": "20"}),
        (parameter("2018003"), {}),
        (parameter("111111", TextValue="x"), {}),
        (item(TextValue="x"), {}),
    ],
)
def test_its_parameters_say_what_is_to_be_done(entry, facts):
    assert facts_of_workitem(item(**{PARAMETERS: [entry]})) == facts
    assert facts_of_workitem(item(**{PARAMETERS: [item(TextValue="y"), entry]})) == facts


@pytest.mark.parametrize(
    ("inputs", "facts"),
    [
        ([reference((PLAN, "1.5"))], {"plan": "1.5", "plan_class": PLAN}),
        ([reference((ION_PLAN, "1.5"))], {"plan": "1.5", "plan_class": ION_PLAN}),
        ([reference((INSTRUCTION, "1.6"))], {"instruction": "1.6"}),
        ([reference((RECORD, "1.7"))], {}),
        (
            [reference((RECORD, "1.7"), (PLAN, "1.5")), reference((INSTRUCTION, "1.6"))],
            {"plan": "1.5", "plan_class": PLAN, "instruction": "1.6"},
        ),
        ([item()], {}),
    ],
)
def test_its_inputs_say_what_is_delivered(inputs, facts):
    assert facts_of_workitem(item(**{INPUTS: inputs})) == facts


# --- a match of RO-58 -------------------------------------------------------------------------------------------------


def replay(*retrieved):
    """A record in which these instances came of C-MOVEs that two systems were asked for."""
    moves = [exchange("C-MOVE", acceptor=title) for title in ("OST", "TMS", "OST")]
    stores = [exchange("C-STORE", requestor="OST", acceptor="TDD", AffectedSOPInstanceUID=uid) for uid in retrieved]
    return Replay("TMS", [*moves, *stores], CATALOGUE, complete=True)


def known(how="created", complete=True, **attributes):
    made = Workitem("1.2.3", complete)
    made.become([World("SCHEDULED")], NOON)
    made.learn(item(**attributes), how, exchange("N-CREATE"))
    return made


def facts(asked=None, identifier=None, of=None, record=None):
    return facts_of_query(item(**asked or {}), item(**identifier or {}), of, record or replay())


def test_a_match_has_to_say_what_its_workitem_was_created_with():
    assert facts(of=known(PatientID="P1")) == {"patient_id": "P1"}
    assert facts(of=known("set", PatientID="P1")) == {"patient_id": "P1"}


@pytest.mark.parametrize("of", [None, known("shown", PatientID="P1"), known(complete=False, PatientID="P1"), known()])
def test_what_nobody_has_sent_is_no_fact(of):
    assert facts(of=of) == {}


@pytest.mark.parametrize(("said", "start"), [("TREATMENT", "TREATMENT"), ("CONTINUATION", "CONTINUATION"), ("OTHER", None)])
def test_it_may_say_itself_whether_it_goes_on(said, start):
    own = {PARAMETERS: [parameter("121740", TextValue=said)]}
    assert facts(identifier=own).get("start") == start
    assert facts(identifier=own, of=known(**{PARAMETERS: [parameter("121740", TextValue="TREATMENT")]}))["start"] == "TREATMENT"


@pytest.mark.parametrize(
    ("asked", "came", "station"),
    [
        ([item(CodeValue="A")], [item(CodeValue="B")], "A"),
        ([item(CodeValue="A")], [item(CodeValue="A"), item(CodeValue="B")], None),
        ([item(CodeValue="A")], [], None),
        ([], [item(CodeValue="B")], None),
        ([item(CodeValue="")], [item(CodeValue="B")], None),
    ],
)
def test_the_station_is_the_one_that_was_asked_for(asked, came, station):
    assert facts({STATION: asked}, {STATION: came}).get("station_value") == station


@pytest.mark.parametrize(
    ("stations", "scheme"),
    [
        ([item(CodeValue="A", CodingSchemeDesignator="99A")], "99A"),
        ([item(CodeValue="B", CodingSchemeDesignator="99B"), item(CodeValue="A", CodingSchemeDesignator="99A")], "99A"),
        ([item(CodeValue="B", CodingSchemeDesignator="99B")], None),
        ([item(CodeValue="A")], None),
    ],
)
def test_its_scheme_is_known_from_the_workitem(stations, scheme):
    found = facts({STATION: [item(CodeValue="A")]}, {STATION: [item(CodeValue="A")]}, known(**{STATION: stations}))
    assert found.get("station_scheme") == scheme


def test_from_whom_its_inputs_are_retrieved_is_known_when_they_were():
    came = {INPUTS: [reference((PLAN, "1.5")), reference((INSTRUCTION, "1.6"))]}
    of_both = facts(identifier=came, record=replay("1.5", "1.6"))
    assert (of_both["ost_ae_title"], of_both["tms_ae_title"]) == ("OST|TMS", "OST|TMS")
    assert "tms_ae_title" not in facts(identifier=came, record=replay("1.5"))
    assert "ost_ae_title" not in facts(identifier=came, record=replay("1.6"))
    assert not {"ost_ae_title", "tms_ae_title"} & set(facts(identifier=came))


# --- a final update ---------------------------------------------------------------------------------------------------


def test_what_a_final_update_says():
    output = item(
        StudyInstanceUID="1.2.6", SeriesInstanceUID="1.2.7", DICOMRetrievalSequence=[item(RetrieveAETitle="OST")],
        ReferencedSOPSequence=[item(ReferencedSOPClassUID=RECORD, ReferencedSOPInstanceUID="1.2.8")],
    )  # fmt: skip
    performed = item(
        PerformedProcedureStepStartDateTime="20261129120000", PerformedProcedureStepEndDateTime="20261129121000",
        PerformedStationNameCodeSequence=[item(CodeValue="A", CodingSchemeDesignator="99A")], OutputInformationSequence=[output],
    )  # fmt: skip
    assert facts_of_update(item(**{PROGRESS: [item(ProcedureStepProgress="100")], PERFORMED: [performed]})) == {
        "delivered": "yes", "progress": "100", "performed_start": "20261129120000", "performed_end": "20261129121000",
        "station_value": "A", "station_scheme": "99A", "record_study": "1.2.6", "record_series": "1.2.7", "record_class": RECORD,
        "record": "1.2.8", "ost_ae_title": "OST",
    }  # fmt: skip


def test_several_records_are_all_named():
    outputs = [
        item(StudyInstanceUID="1.1", SeriesInstanceUID=f"1.2.{n}", DICOMRetrievalSequence=[item(RetrieveAETitle=f"O{n}")],
             ReferencedSOPSequence=[item(ReferencedSOPClassUID=RECORD, ReferencedSOPInstanceUID=f"1.3.{n}")])
        for n in (1, 2)
    ]  # fmt: skip
    found = facts_of_update(item(**{PERFORMED: [item(OutputInformationSequence=outputs)]}))
    assert {name: found[name] for name in ("record_study", "record_series", "record", "ost_ae_title")} == {
        "record_study": "1.1|1.1", "record_series": "1.2.1|1.2.2", "record": "1.3.1|1.3.2", "ost_ae_title": "O1|O2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("update", "delivered"),
    [
        ({}, "no"),
        ({PERFORMED: []}, "no"),
        ({PROGRESS: [item()]}, "no"),
        ({PERFORMED: [item()]}, "yes"),
        ({PERFORMED: [item(OutputInformationSequence=[item(), item()])]}, "yes"),
    ],
)
def test_what_an_update_does_not_say_is_no_fact(update, delivered):
    assert facts_of_update(item(**update)) == {"delivered": delivered}

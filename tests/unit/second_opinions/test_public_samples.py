"""The catalogue over public sample messages of others: what is wrong with each was written down by hand from tdwii.md.

The files are not ours to keep: they are looked for in the folder that TDWII_SHARED_DATA names, else in ``../shared/data``
beside the repository.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.checks import judge_attribute
from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.checks.status import no_transaction_uid
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.transcript.observation import Observation
from tdwii_conformance.treatment.messages import item

CATALOGUE = load_catalogue()
SHARED = Path(os.environ.get("TDWII_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
TOOL, EXAMPLES = "ihe-ro-tdw2-2013/messages", "tdwii-examples"
PUSH, PULL = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.3"


def sample(folder, name):
    path = SHARED / folder / name
    if not path.is_file():
        pytest.skip(f"no public samples: {path} is not there (TDWII_SHARED_DATA names the folder)")
    return dcmread(path, force=True)  # the tool's query has no file meta information


def deviations(message, actor, edition, dataset, facts):
    rows = [row for row in CATALOGUE.attributes(message, actor) if edition in row.editions]
    found = {row.id: judge_attribute(row.rule, [dataset], facts).findings for row in rows}
    return {key: [(f.path, f.received) for f in findings] for key, findings in found.items() if findings}


NOT_THERE = "attribute absent"

EXAMPLE_QUERY = {
    "RO58-TDD-105": [("ScheduledProcedureStepStartDateTime", NOT_THERE)],
    "RO58-TDD-111": [("SOPClassUID", NOT_THERE)],
    "RO58-TDD-112": [("SOPInstanceUID", NOT_THERE)],
    "RO58-TDD-113": [("ProcedureStepLabel", NOT_THERE)],
    "RO58-TDD-116": [("StudyInstanceUID", NOT_THERE)],
}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("UPSCFind_TDWII_SCHEDULED_FX1.dcm", {}),
        ("UPSCFind_TDWII_IN_PROGRESS_FX1.dcm", {"RO58-TDD-101": [("ProcedureStepState", "value 'IN PROGRESS'")]}),
        ("UPSCFind_TDWII_FX1.dcm", {"RO58-TDD-101": [("ProcedureStepState", "present without a value")]}),
    ],
)
def test_queries_of_the_examples(name, more):
    facts = {"station_value": "FX1"}
    assert deviations("RO-58 request", "TDD", "ti", sample(EXAMPLES, name), facts) == EXAMPLE_QUERY | more


@pytest.mark.parametrize(
    ("edition", "more"),
    [
        ("ti", {}),
        # T5: the concept of the delivery type is another one in 2013
        (
            "2013",
            {
                "RO58-TMS-142": [
                    (
                        "ScheduledProcessingParametersSequence",
                        "4 item(s) [concept 121740 DCM, 2018001 99IHERO2018, 2018002 99IHERO2018, 2018003 99IHERO2018], none such",
                    )
                ]
            },
        ),
    ],
)
def test_response_of_the_examples(edition, more):
    facts = {
        "station_value": "FX1", "patient_name": "head phantom^Hitachi", "patient_id": "202304061", "start": "TREATMENT",
        "fraction": "1", "fractions_planned": "2", "plan_label": "TargetNameRxSite", "tms_ae_title": "IMS_IHERO_TMS1",
        "ost_ae_title": "IMS_IHERO_TMS1",
    }  # fmt: skip
    assert deviations("RO-58 response", "TMS", edition, sample(EXAMPLES, "rsp000001.dcm"), facts) == more | {
        "RO58-TMS-104": [("ProcedureStepLabel", NOT_THERE)],
        "RO58-TMS-113": [("StudyInstanceUID", NOT_THERE)],
    }


INPUTS = "InputInformationSequence"
PARAMETERS = "ScheduledProcessingParametersSequence"
ONLY_THE_TYPE = "1 item(s) [concept 121740 DCM], none such"


@pytest.mark.parametrize(
    ("edition", "more"),
    [
        # T5: the tool's rules ask for another concept than its sample has
        ("2013", {"RO58-TMS-142": [(PARAMETERS, ONLY_THE_TYPE)]}),
        ("ti", {f"RO58-TMS-{number}": [(PARAMETERS, ONLY_THE_TYPE)] for number in (121, 125, 133)}),
    ],
)
def test_response_of_the_2013_tool(edition, more):
    facts = {
        "station_value": "TDD", "station_scheme": "TMS", "patient_name": "IHE-RO TDW-II 2013 Patient",
        "patient_id": "IHE-RO TDW-II 2013", "start": "TREATMENT",
    }  # fmt: skip
    assert deviations("RO-58 response", "TMS", edition, sample(TOOL, "TDW-RO-58-C-FIND-Rsp.dcm"), facts) == more | {
        "RO58-TMS-101": [("SOPClassUID", f"value '{PULL}'")],
        "RO58-TMS-145": [(INPUTS, "sequence without an item")],
        "RO58-TMS-146": [(INPUTS, "sequence without an item")],
        "RO58-TMS-148": [(INPUTS, "sequence without an item")],
    }


OUTPUT = "UnifiedProcedureStepPerformedProcedureSequence[0].OutputInformationSequence"
PERFORMED_CODE = "UnifiedProcedureStepPerformedProcedureSequence[0].PerformedWorkitemCodeSequence[0]"
PROGRESS = "ProcedureStepProgressInformationSequence"
NO_VALUE = "present without a value"
TRIAL = "Unified Procedure Step - Pull SOP Class - Trial (1.2.840.10008.5.1.4.34.4.3)"
TRIAL_CLASS = [("command set", TRIAL)]

# What a TDD does that sends the tool's samples in their order, with nothing between them.
TOOL_REQUESTS = {
    "RO58-TDD-005": [("ScheduledStationNameCodeSequence[0].CodeMeaning", "value 'TDD StationName'")],
    "RO58-TDD-109": [("PatientName", "value 'IHE-RO TDW-II 2013 Patient'")],
    "RO58-TDD-110": [("PatientID", "value 'IHE-RO TDW-II 2013'")],
    "RO58-TDD-111": [("SOPClassUID", f"value '{PULL}'")],
    "RO58-TDD-112": [("SOPInstanceUID", "value '1.2.840.113854.19.4.123456789.633812604900000001.4'")],
    "RO58-TDD-114": [("ScheduledProcessingParametersSequence", "1 item(s)")],
    "RO59-TDD-001": [("", "none; the scenario went on with RO-60")],
    "RO60-TDD-002": TRIAL_CLASS,
    "RO60-TDD-101": [("TransactionUID", NO_VALUE)],
    "RO61-TDD-001": [("", "none; the scenario went on with RO-62")],
    "RO62-TDD-005": TRIAL_CLASS,
    "RO62-TDD-102": [(PROGRESS, NOT_THERE)],
    "RO63-TDD-001": [("", "none; the scenario went on with RO-64")],
    "RO64-TDD-002": TRIAL_CLASS,
    "RO64-TDD-102": [(PROGRESS, NOT_THERE)],
    "RO64-TDD-112": [(f"{PERFORMED_CODE}.CodeValue", NO_VALUE)],
    "RO64-TDD-113": [(f"{PERFORMED_CODE}.CodingSchemeDesignator", NO_VALUE)],
    "RO64-TDD-114": [(f"{PERFORMED_CODE}.CodeMeaning", NO_VALUE)],
    "RO64-TDD-117": [(f"{OUTPUT}[0].StudyInstanceUID", NOT_THERE)],
    "RO64-TDD-118": [(f"{OUTPUT}[0].SeriesInstanceUID", NOT_THERE)],
    "RO64-TDD-126": [(OUTPUT, "1 item(s), none such")],
    "RO64-TDD-128": [(f"{OUTPUT}[0].ReferencedSOPSequence", NOT_THERE)],
    "RO64-TDD-129": [(f"{OUTPUT}[0].DICOMRetrievalSequence", "sequence without an item")],
    "RO65-TDD-002": TRIAL_CLASS,
}


def requests_of_the_tool():
    """The tool's requests as exchanges. What the files do not hold is as it should be; the SOP class is in their meta header."""
    found = sample(TOOL, "TDW-RO-58-C-FIND-Rsp.dcm")
    services = [
        ("TDW-RO-58-C-FIND-Req.dcm", "C-FIND", {}),
        ("TDW-RO-60-N-ACTION-RQ.dcm", "N-ACTION", {"ActionTypeID": 1}),
        ("TDW-RO-62-N-SET-RQ.dcm", "N-SET", {}),
        ("TDW-RO-64-N-SET-RQ.dcm", "N-SET", {}),
        ("TDW-RO-65-N-ACTION-RQ.dcm", "N-ACTION", {"ActionTypeID": 1}),
    ]
    for number, (name, service, more) in enumerate(services):
        dataset = sample(TOOL, name)
        at = datetime(2014, 2, 26, 12, number, tzinfo=UTC)
        command = {"AffectedSOPClassUID": PULL}
        if service != "C-FIND":
            named = {"RequestedSOPClassUID": dataset.file_meta.MediaStorageSOPClassUID}
            command = {**named, "RequestedSOPInstanceUID": found.SOPInstanceUID, **more}
        request = Message(item(**command), at, encode(dataset, False, True), ExplicitVRLittleEndian)
        match = Message(item(Status=0xFF00), at, encode(found, False, True), ExplicitVRLittleEndian)
        done = Message(item(Status=0), at + timedelta(seconds=1))
        responses = (match, done) if service == "C-FIND" else (done,)
        yield Exchange(service, "TDD", "TMS", PULL, request, responses)


def test_requests_of_the_2013_tool():
    facts = {
        "edition": "2013", "scenario": "new-completed", "start": "TREATMENT", "end": "completed", "tdd_ae_title": "TDD",
        "tms_ae_title": "TMS", "ost_ae_title": "OST", "station_value": "TDD", "station_scheme": "TMS", "beam_numbers": "1",
        "workitem": "1.2.840.113854.19.4.123456789.633812604900000001.4",
    }  # fmt: skip
    observation = Observation(facts, exchanges=tuple(requests_of_the_tool()), why_early="")
    judgements = {r.id: judge_scu(r, observation).findings for r in CATALOGUE.of(actor="TDD", edition="2013")}
    assert {key: [(f.path, f.received) for f in found] for key, found in judgements.items() if found} == TOOL_REQUESTS


@pytest.mark.parametrize(
    ("name", "expected"),
    # T3: the content of a response is not required; a Transaction UID in it is one too many
    [("TDW-RO-60-ACTION-RSP.dcm", []), ("TDW-RO-65-ACTION-RSP.dcm", ["4"])],
)
def test_responses_of_the_2013_tool_give_the_lock_away(name, expected):
    dataset = sample(TOOL, name)
    at = datetime(2014, 2, 26, 12, tzinfo=UTC)
    answer = Message(item(Status=0), at, encode(dataset, False, True), ExplicitVRLittleEndian)
    exchange = Exchange("N-ACTION", "TDD", "TMS", PULL, Message(item(ActionTypeID=1), at), (answer,))
    assert [finding.received for finding in no_transaction_uid([exchange])] == expected

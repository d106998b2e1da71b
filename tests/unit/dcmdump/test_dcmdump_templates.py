"""Templates: how they are filled, and that each of them says what its message has to."""

from datetime import datetime

import pytest
from dcmtk_programs import differences, dump2dcm, elements, needs_dcmtk
from pydicom import dcmread
from pydicom.dataset import Dataset

from tdwii_conformance.checks.attributes import judge_attribute
from tdwii_conformance.dcmdump import DumpError, Placeholder, Template, dump, fill, parse, save_dicom, template, templates
from tdwii_conformance.profile.catalogue import load_catalogue
from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import messages, objects
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.ups import events
from tdwii_conformance.ups.datasets import merged
from tdwii_conformance.ups.matching import response_identifier

TEXT = """\
# a message
(0010,0020) LO [${PatientID}]
(0010,0021) LO [${Issuer:-HIS}]  # of ${PatientID}
(0008,1080) LO [${Diagnoses:-}]
"""


def test_placeholders_are_filled_and_have_defaults():
    dataset = parse(fill(TEXT, {"PatientID": "P1"}))
    assert (dataset.PatientID, dataset.IssuerOfPatientID, dataset.AdmittingDiagnosesDescription) == ("P1", "HIS", "")
    assert parse(fill(TEXT, {"PatientID": 7, "Issuer": None})).PatientID == "7"
    assert parse(fill(TEXT, {"PatientID": "P1", "Issuer": None})).IssuerOfPatientID == ""
    assert parse(fill(TEXT, {"PatientID": "P1", "Diagnoses": "a\\b"})).AdmittingDiagnosesDescription == ["a", "b"]


def test_what_a_template_leaves_open_is_listed_with_its_line():
    asked = [Placeholder("PatientID", None, 2), Placeholder("Issuer", "HIS", 3), Placeholder("Diagnoses", "", 4)]
    assert list(Template("x", "a message", TEXT).placeholders) == asked


@pytest.mark.parametrize("said", ["one\ntwo", "one\r\ntwo"])
def test_a_line_end_in_a_value_does_not_end_the_line(said):
    assert parse(fill("(0010,4000) LT [${Comments}]", {"Comments": said})).PatientComments == "one\r\ntwo"


def test_brackets_and_placeholders_in_a_value_are_its_own():
    assert parse(fill("(0010,4000) LT [${Comments}]", {"Comments": "[a]] ${b} #1"})).PatientComments == "[a]] ${b} #1"


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        (TEXT, {}, "t, line 2: a value is needed for PatientID (line 2)"),
        ("\n${A} ${B}\n${C:-1} ${D}", {"B": 1}, "t, line 2: a value is needed for A (line 2), D (line 3)"),
        (TEXT, {"PatientID": 1, "Patient": 2}, "t, line 1: there is no placeholder Patient in it; there are: PatientID, Issuer, "),
        ("(0010,0020) LO [P1]", {"A": 1}, "t, line 1: there is no placeholder A in it; there are: none"),
        ("\n${}", {}, "t, line 2: '${}' is no placeholder; one is ${Name} or ${Name:-value}"),
        ("\n[${Name]", {}, "t, line 2: '${Name]' is no placeholder"),
        ("${Name-x}", {}, "t, line 1: '${Name-x}' is no placeholder"),
        ("#\n(0010,0020) LO [${A}]", {"A": "1\n2"}, "t, line 2: A has a line end, which this line cannot have; LT, ST and UT can"),
        ("${A:-1}\n${A:-2}", {}, "t, line 2: A has another default than in line 1"),
    ],
)
def test_what_cannot_be_filled(text, values, problem):
    with pytest.raises(DumpError) as caught:
        fill(text, values, name="t")
    assert str(caught.value).startswith(problem)


def test_a_template_that_is_not_there():
    with pytest.raises(KeyError, match="no template 'ro57'; there are event-assigned, "):
        template("ro57")


@pytest.mark.parametrize("name", templates())
def test_every_template_has_a_title_of_one_line(name):
    assert template(name).title
    assert len(template(name).title) <= 100


# --- the templates of this package -----------------------------------------------------------------------------------

STATION = Code("FX1", "99LOCAL", "FX1")
START = datetime(2026, 1, 2, 10, 0)
TRANSACTION = "1.2.3.7"
REASON = objects.final_update(
    progress=0, station=STATION, start=START, end=START, records=(), ost="OST", canceled=True
).ProcedureStepProgressInformationSequence[0]


class Case:
    """What a template is filled with, what the drivers make of the same, and what its attribute table is told."""

    def __init__(self, values, expected, *judged, **facts):
        self.values, self.expected, self.judged = values, expected, judged
        self.facts = {"station_value": "FX1", "station_scheme": "99LOCAL", "transaction_uid": TRANSACTION, **facts}


def named(who, instance, *, study=True):
    """Return the placeholders of an instance that is referred to."""
    values = {
        f"{who}SOPClassUID": instance.SOPClassUID,
        f"{who}SOPInstanceUID": instance.SOPInstanceUID,
        f"{who}SeriesInstanceUID": instance.SeriesInstanceUID,
        f"{who}StudyInstanceUID": instance.StudyInstanceUID,
    }
    return values if study else {key: value for key, value in values.items() if "Class" not in key and "Study" not in key}


def patient(treatment):
    plan = treatment.plan
    keywords = ("PatientName", "PatientID", "StudyInstanceUID", "PatientBirthDate", "PatientSex")
    return {keyword: str(plan.get(keyword)) for keyword in keywords}


def workitem(treatment):
    """Return the values of a workitem's template, and the workitem of the drivers."""
    values = {
        **patient(treatment),
        **named("Plan", treatment.plan),
        **named("Instruction", treatment.instruction),
        **(named("PreviousRecord", treatment.previous_record) if treatment.previous_record else {}),
        "StartDateTime": "20260102100000",
        "CompletionDateTime": "20260102101500",
        "Label": "Fraction 3",
        "PlanLabel": treatment.plan_label,
        "FractionNumber": 3,
        "FractionsPlanned": 30,
    }
    return values, objects.workitem(treatment, tms="TMS", ost="OST", station=STATION, start=START)


def response(values, made):
    """Return the same of a response: as the matching that the simulated TMS uses picks it from the workitem."""
    kept = {"PatientBirthDate", "PatientSex", "CompletionDateTime"}
    made = merged(made, messages.item(SOPClassUID="1.2.840.10008.5.1.4.34.6.1", SOPInstanceUID="1.2.3.4"))
    query = messages.worklist_query(station="FX1", scheme="99LOCAL", start="20260102")
    picked = response_identifier(query, made, attribute_rows())
    return {**{key: value for key, value in values.items() if key not in kept}, "WorkitemUID": "1.2.3.4"}, picked


def one_beam(treatment):
    """Return a treatment of only the first beam: what the templates of objects have."""
    for dataset, keyword in ((treatment.plan, "BeamSequence"), (treatment.instruction, "BeamTaskSequence")):
        dataset[keyword].value = dataset[keyword].value[:1]
    return treatment


def cases():
    """Return a case for each template."""
    new, resumed = objects.new_treatment(), objects.new_treatment("CONTINUATION")
    (values, made), (resumed_values, resumed_made) = workitem(new), workitem(resumed)
    facts = {
        "patient_name": str(new.plan.PatientName), "patient_id": new.plan.PatientID, "plan_label": "TDWII",
        "fraction": "3", "fractions_planned": "30", "start": "TREATMENT", "study": new.plan.StudyInstanceUID,
        "plan": new.plan.SOPInstanceUID, "plan_class": new.plan.SOPClassUID,
        "instruction": new.instruction.SOPInstanceUID, "tms_ae_title": "TMS", "ost_ae_title": "OST", "beam_numbers": "1",
    }  # fmt: skip
    resumed_facts = {
        **facts, "patient_name": str(resumed.plan.PatientName), "patient_id": resumed.plan.PatientID,
        "start": "CONTINUATION", "study": resumed.plan.StudyInstanceUID, "plan": resumed.plan.SOPInstanceUID,
        "instruction": resumed.instruction.SOPInstanceUID,
    }  # fmt: skip
    one, resumed_one = one_beam(new), one_beam(resumed)
    record = objects.record(one, at=datetime(2026, 1, 3, 10, 15))
    delivered = {
        "delivered": "yes", "canceled": "no", "progress": "100", "record": record.SOPInstanceUID, "ost_ae_title": "OST",
        "record_class": record.SOPClassUID, "record_study": record.StudyInstanceUID, "record_series": record.SeriesInstanceUID,
    }  # fmt: skip
    transaction = {"TransactionUID": TRANSACTION}
    performed = {
        **transaction, **named("Record", record), "PerformedStartDateTime": "20260102100000",
        "PerformedEndDateTime": "20260102101000",
    }  # fmt: skip
    final = {"station": STATION, "start": START, "end": datetime(2026, 1, 2, 10, 10), "ost": "OST"}
    moved = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4", "SOPInstanceUID": "1.2.5"}
    move = messages.move_identifier("1.2.3", "1.2.4", ["1.2.5"])
    study = {"StudyDate": "20260101", "StudyTime": "080000", "StudyID": "1", "Manufacturer": "TDW-II conformance"}
    request = {"Reason": "Machine down", "ContactURI": "tel:1", "ContactName": "Physicist"}
    reason = REASON.ProcedureStepDiscontinuationReasonCodeSequence
    asked = messages.item(
        ReasonForCancellation="Machine down", ProcedureStepDiscontinuationReasonCodeSequence=reason, ContactURI="tel:1",
        ContactDisplayName="Physicist",
    )  # fmt: skip
    progress = messages.item(
        ProcedureStepProgressInformationSequence=messages.item(
            ProcedureStepProgress="40", ProcedureStepProgressDescription="Beam 1"
        )
    )
    subscribed = messages.item(ReceivingAE="WATCHER", DeletionLock="FALSE")
    station_key = messages.item(ScheduledStationNameCodeSequence=messages.code_item("FX1", None, None))
    assigned = next(event for event in events.created("1.2.3.4", made) if event.type == events.ASSIGNED)
    (reported,) = events.modified("1.2.3.4", Dataset(), progress)

    def query(state):
        return messages.worklist_query(station="FX1", start="", state=state)

    def with_transaction(dataset):
        dataset.TransactionUID = TRANSACTION
        return dataset

    return {
        "query-scheduled": Case({}, query("SCHEDULED")),
        "query-in-progress": Case({}, query("IN PROGRESS")),
        "query-any": Case({}, query("")),
        "ro58-request": Case(
            {"StartDateTime": "20260102", "StationScheme": "99LOCAL"},
            messages.worklist_query(station="FX1", scheme="99LOCAL", start="20260102"),
            ("RO-58 request", "TDD"),
        ),
        "ro58-response": Case(*response(values, made), ("RO-58 response", "TMS"), **facts),
        "ro58-response-continuation": Case(*response(resumed_values, resumed_made), ("RO-58 response", "TMS"), **resumed_facts),
        "ro59-request": Case(moved, move, ("RO-59 request", "TDD")),
        "ro60-request": Case(transaction, messages.state_change("IN PROGRESS", TRANSACTION), ("RO-60 request", "TDD")),
        "ro61-request": Case(moved, move, ("RO-61 request", "TDD")),
        "ro61-instruction": Case(
            {**patient(one), **study, **named("Instruction", one.instruction, study=False), "FractionNumber": 3,
             "PlanSOPInstanceUID": one.plan.SOPInstanceUID},
            one.instruction, ("RO-61 object", "TMS"), **facts,
        ),
        "ro61-instruction-continuation": Case(
            {**patient(resumed_one), **study, **named("Instruction", resumed_one.instruction, study=False),
             "FractionNumber": 3, "PlanSOPInstanceUID": resumed_one.plan.SOPInstanceUID, "StartMeterset": 40,
             "EndMeterset": 100},
            resumed_one.instruction, ("RO-61 object", "TMS"), **resumed_facts,
        ),
        "ro62-request": Case(
            {**transaction, "Progress": 40, "BeamNumber": 1}, with_transaction(objects.progress_update(40, 1)),
            ("RO-62 request", "TDD"), **facts,
        ),
        "ro62-request-2013": Case(
            {**transaction, "Progress": 40, "BeamNumber": 1},
            with_transaction(objects.progress_update(40, 1, edition="2013")),
            ("RO-62 request", "TDD"), **facts, edition="2013",
        ),
        "ro63-record": Case(
            {**patient(one), **study, **named("Record", record, study=False), "PlanSOPInstanceUID": one.plan.SOPInstanceUID,
             "TreatmentDate": "20260103", "TreatmentTime": "101500", "FractionNumber": 3, "FractionsPlanned": 30,
             "SpecifiedMeterset": 100, "DeliveredMeterset": 100},
            record, ("RO-63 record", "TDD"), **facts,
        ),
        "ro64-request-completed": Case(
            performed, with_transaction(objects.final_update(progress=100, records=[record], canceled=False, **final)),
            ("RO-64 request", "TDD"), ("RO-64 stored", "TMS"), **delivered,
        ),
        "ro64-request-canceled": Case(
            {**performed, "Progress": 40},
            with_transaction(objects.final_update(progress=40, records=[record], canceled=True, **final)),
            ("RO-64 request", "TDD"), **{**delivered, "canceled": "yes", "progress": "40"},
        ),
        "ro64-request-nothing-delivered": Case(
            transaction, with_transaction(objects.final_update(progress=0, records=(), canceled=True, **final)),
            ("RO-64 request", "TDD"), delivered="no", canceled="yes", progress="0",
        ),
        "ro65-request-completed": Case(
            transaction, messages.state_change("COMPLETED", TRANSACTION), ("RO-65 request", "TDD"), final_state="COMPLETED"
        ),
        "ro65-request-canceled": Case(
            transaction, messages.state_change("CANCELED", TRANSACTION), ("RO-65 request", "TDD"), final_state="CANCELED"
        ),
        "workitem-new": Case(values, made),
        "workitem-continuation": Case(resumed_values, resumed_made),
        "subscribe": Case({"ReceivingAE": "WATCHER"}, subscribed, ("CC.2.3 subscribe request", "watcher")),
        "subscribe-filtered": Case(
            {"ReceivingAE": "WATCHER"}, merged(subscribed, station_key), ("CC.2.3 subscribe request", "watcher")
        ),
        "unsubscribe": Case(
            {"ReceivingAE": "WATCHER"}, messages.item(ReceivingAE="WATCHER"), ("CC.2.3 unsubscribe request", "watcher")
        ),
        "suspend-global-subscription": Case(
            {"ReceivingAE": "WATCHER"}, messages.item(ReceivingAE="WATCHER"), ("CC.2.3 unsubscribe request", "watcher")
        ),
        "request-cancel": Case(request, asked),
        "event-state-report": Case(
            {"State": "SCHEDULED"}, events.state_report("1.2.3.4", made).attributes, ("CC.2.4 UPS State Report", "TMS"),
            state="SCHEDULED", readiness="READY",
        ),
        "event-cancel-requested": Case(
            {**request, "RequestingAE": "WATCHER"}, events.canceled_by_request("1.2.3.4", asked, "WATCHER").attributes,
            ("CC.2.4 UPS Cancel Requested", "TMS"), requesting_ae="WATCHER", reason="Machine down", reason_code="110513",
            contact_uri="tel:1", contact_name="Physicist",
        ),
        "event-progress-report": Case(
            {"Progress": 40, "Description": "Beam 1"}, reported.attributes, ("CC.2.4 UPS Progress Report", "TMS"),
            progress="40", description="Beam 1",
        ),
        "event-scp-status-change": Case(
            {}, events.status_changed("RESTARTED", warm=True).attributes, ("CC.2.4 SCP Status Change", "TMS")
        ),
        "event-assigned": Case({}, assigned.attributes, ("CC.2.4 UPS Assigned", "TMS")),
    }  # fmt: skip


CASES = cases()


def filled(name):
    """Return the data set of a filled template; templates say a character set so that a name may be any."""
    dataset = parse(template(name).fill(CASES[name].values), name=name)
    if "SpecificCharacterSet" in dataset:
        del dataset.SpecificCharacterSet
    return dataset


def test_every_template_has_a_case_here():
    assert CASES.keys() == templates().keys()


@pytest.mark.parametrize("name", CASES)
def test_a_filled_template_is_what_the_drivers_send(name):
    # through a dump, in which None and "" are the same no value
    assert differences(elements(filled(name)), elements(parse(dump(CASES[name].expected)))) == []


@pytest.mark.parametrize("name", CASES)
def test_every_placeholder_is_in_use_and_every_case_fills_what_must_be_filled(name):
    needed = {placeholder.name for placeholder in template(name).placeholders if placeholder.default is None}
    assert needed <= CASES[name].values.keys()


JUDGED = [(name, message, actor) for name, case in CASES.items() for message, actor in case.judged]


@pytest.mark.parametrize(("name", "message", "actor"), JUDGED)
def test_a_filled_template_has_what_its_message_must_have(name, message, actor):
    facts = CASES[name].facts
    edition = facts.get("edition", "ti")
    rules = [r.rule for r in load_catalogue().attributes(message, actor) if edition in r.editions]
    judged = [(rule.text, judge_attribute(rule, [filled(name)], facts)) for rule in rules]
    if message == "RO-64 stored":  # of a TMS, which keeps the Transaction UID to itself
        judged = [(text, judgement) for text, judgement in judged if text != "TransactionUID"]
    assert [(text, finding) for text, judgement in judged for finding in judgement.findings] == []
    assert any(not judgement.not_judged for _, judgement in judged)


@needs_dcmtk
@pytest.mark.parametrize("name", CASES)
def test_dump2dcm_reads_a_filled_template_as_we_do(tmp_path, name):
    text = template(name).fill(CASES[name].values)
    assert dump2dcm(text.encode(), tmp_path / "x.dcm", "-F", "+te")
    assert differences(elements(parse(text)), elements(dcmread(tmp_path / "x.dcm", force=True))) == []


@pytest.mark.parametrize("name", CASES)
def test_a_filled_template_becomes_a_file(tmp_path, name):
    save_dicom(filled(name), tmp_path / "x.dcm")
    assert elements(dcmread(tmp_path / "x.dcm")) == elements(filled(name))


@pytest.mark.parametrize(
    ("made", "found"), [("workitem-new", "ro58-response"), ("workitem-continuation", "ro58-response-continuation")]
)
def test_a_treatment_from_templates_alone(made, found):
    """The simulated TMS takes what the templates say, from the workitem to its end."""
    uid, transaction = CASES[found].values["WorkitemUID"], {"TransactionUID": TRANSACTION}

    def said(name, **values):
        return parse(template(name).fill(values), name=name)

    with TMS() as tms, TDD(tms.peer, tms.peer, calling="TDD") as tdd:
        assert tdd.create(uid, filled(made)).status == 0x0000
        query = tdd.query(said("ro58-request", StartDateTime="20260102", StationScheme="99LOCAL"))
        (response,) = [r.dataset for r in query.responses if r.dataset is not None]
        assert differences(elements(filled(found)), elements(parse(dump(response)))) == []
        assert tdd.action(uid, 1, said("ro60-request", **transaction)).status == 0x0000
        assert tdd.set(uid, said("ro62-request", **transaction, Progress=40, BeamNumber=1)).status == 0x0000
        assert tdd.set(uid, filled("ro64-request-completed")).status == 0x0000
        assert tdd.action(uid, 1, said("ro65-request-completed", **transaction)).status == 0x0000
        assert tdd.get(uid, ["ProcedureStepState"]).response.dataset.ProcedureStepState == "COMPLETED"

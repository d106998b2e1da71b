"""What an event report carries [CC.2.4.1 table CC.2.4-1], written out by hand."""

import pytest
from ups_samples import code, item

from tdwii_conformance.ups.events import Event, canceled_by_request, created, modified, progress_item, state_report, status_changed

UID = "1.2.3.1"
GLOBAL = "1.2.840.10008.5.1.4.34.5"
PROGRESS = "ProcedureStepProgressInformationSequence"
STATION, PERFORMERS = "ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence"
REASON = [code("110513", "DCM")]
STATE = {"ProcedureStepState": "CANCELED", "InputReadinessState": "READY"}
PERFORMER = {"HumanPerformerCodeSequence": [code("H")], "HumanPerformerOrganization": "Clinic"}


@pytest.mark.parametrize(
    ("status", "warm", "lists"),
    [("RESTARTED", True, "WARM START"), ("RESTARTED", False, "COLD START"), ("GOING DOWN", True, "WARM START")],
)
def test_scp_status_change(status, warm, lists):
    told = item(SCPStatus=status, SubscriptionListStatus=lists, UnifiedProcedureStepListStatus=lists)
    assert status_changed(status, warm=warm) == Event(4, GLOBAL, told)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({**STATE, "PatientID": "P1"}, STATE),
        ({**STATE, PROGRESS: []}, STATE),
        ({**STATE, PROGRESS: [item(ReasonForCancellation="ill", ProcedureStepProgress="5",
                                   ProcedureStepDiscontinuationReasonCodeSequence=REASON)]},
         {**STATE, "ReasonForCancellation": "ill", "ProcedureStepDiscontinuationReasonCodeSequence": REASON}),
        ({"ProcedureStepState": "SCHEDULED"}, {"ProcedureStepState": "SCHEDULED"}),
    ],
)  # fmt: skip
def test_state_report(attributes, told):
    assert state_report(UID, item(**attributes)) == Event(1, UID, item(**told))


def test_cancel_requested():
    contact = {"ContactURI": "tel:1", "ContactDisplayName": "Ward", "ReasonForCancellation": "ill"}
    asked = item(**contact, PatientID="P1", ProcedureStepDiscontinuationReasonCodeSequence=REASON)
    told = item(**contact, RequestingAE="WATCHER", ProcedureStepDiscontinuationReasonCodeSequence=REASON)
    assert canceled_by_request(UID, asked, "WATCHER") == Event(2, UID, told)
    assert "RequestingAE" not in asked


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({}, None),
        ({STATION: [], PERFORMERS: []}, None),
        ({STATION: [], PERFORMERS: [item(HumanPerformerName="A^B")]}, None),
        ({STATION: [code("A"), code("B")]}, {STATION: [code("A"), code("B")]}),
        # Of the first performer, flat (A8).
        ({PERFORMERS: [item(HumanPerformerName="A^B", **PERFORMER), item(HumanPerformerOrganization="other")]}, PERFORMER),
        ({STATION: [code("A")], PERFORMERS: [item(HumanPerformerOrganization="Clinic")]},
         {STATION: [code("A")], "HumanPerformerOrganization": "Clinic"}),
    ],
)  # fmt: skip
def test_a_new_one_tells_its_state_and_who_is_assigned(attributes, told):
    expected = [Event(1, UID, item(**STATE))] + ([] if told is None else [Event(5, UID, item(**told))])
    assert list(created(UID, item(**STATE, **attributes))) == expected


def test_progress_report_has_what_the_item_has_now():
    reported = {
        "ProcedureStepProgress": "50", "ProcedureStepProgressDescription": "half",
        "ProcedureStepProgressParametersSequence": [item(ValueType="TEXT")],
        "ProcedureStepCommunicationsURISequence": [item(ContactURI="tel:1")],
    }  # fmt: skip
    before = item(**{PROGRESS: [item(**{**reported, "ProcedureStepProgress": "40"})]})
    after = item(**{PROGRESS: [item(**reported, ReasonForCancellation="x")]}, WorklistLabel="x")
    assert list(modified(UID, before, after)) == [Event(3, UID, item(**{PROGRESS: [item(**reported)]}))]
    assert list(modified(UID, after, after)) == []


def test_the_progress_is_the_first_item():
    assert progress_item(item(**{PROGRESS: [item(ProcedureStepProgress="1"), item(ProcedureStepProgress="2")]})) == item(
        ProcedureStepProgress="1"
    )
    assert progress_item(item(**{PROGRESS: None})) == progress_item(item()) == item()


def test_what_is_different_now_is_told():
    before = item(**STATE, **{STATION: [code("A")], PERFORMERS: []})
    ready = item(**{**STATE, "InputReadinessState": "INCOMPLETE"}, **{STATION: [code("A")], PERFORMERS: []})
    told = Event(1, UID, item(ProcedureStepState="CANCELED", InputReadinessState="INCOMPLETE"))
    assert list(modified(UID, before, ready)) == [told]
    elsewhere = item(**STATE, **{STATION: [code("B")], PERFORMERS: []})
    assert list(modified(UID, before, elsewhere)) == [Event(5, UID, item(**{STATION: [code("B")]}))]
    treated = item(**STATE, **{STATION: [code("A")], PERFORMERS: [item(**PERFORMER)]})
    assert list(modified(UID, before, treated)) == [Event(5, UID, item(**{STATION: [code("A")]}, **PERFORMER))]
    assert list(modified(UID, before, item(**STATE))) == []  # nobody is assigned any more

"""What the worklist keeps, answers and reports: N-CREATE, N-SET, N-GET, N-ACTION, C-FIND [CC.2.1 to CC.2.8]."""

from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from ups_samples import LOCK, OTHER_LOCK, PUSH, code, item, performed, text_parameter, workitem

from tdwii_conformance.ups import IdentifierError, Worklist

UID = "1.2.3.1"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
REASON = "ProcedureStepDiscontinuationReasonCodeSequence"
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, ASSIGNED = 1, 2, 3, 5


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1)))

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def worklist():
    return Worklist(now=Clock())


@pytest.fixture
def scheduled(worklist):
    assert worklist.create(UID, workitem()).status == 0
    return worklist


@pytest.fixture
def claimed(scheduled):
    assert scheduled.change_state(UID, "IN PROGRESS", LOCK).status == 0
    return scheduled


def stored(worklist, *keywords):
    outcome = worklist.get(UID, [Tag(keyword) for keyword in keywords])
    assert outcome.status == 0
    return outcome.dataset


def types(outcome):
    return [event.type for event in outcome.events]


def sent(dataset, character_set="ISO_IR 192"):
    """Return a data set as it comes from the wire."""
    dataset.SpecificCharacterSet = character_set
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, dataset)
    return read_dataset(BytesIO(buffer.getvalue()), True, True)


# N-CREATE


def test_what_the_scp_fills_in(worklist):
    worklist.create(UID, workitem(WorklistLabel=None))
    kept = stored(worklist)
    assert kept.WorklistLabel
    assert kept.ScheduledProcedureStepModificationDateTime == "20260302100001.000000+0100"
    (match,) = worklist.find(item(SOPClassUID=None, SOPInstanceUID=None))
    assert (match.SOPClassUID, match.SOPInstanceUID) == (PUSH, UID)


@pytest.mark.parametrize("uid", ["", "no uid", "1.2.3.", "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"])
def test_an_instance_needs_a_uid_of_its_own(worklist, uid):
    assert worklist.create(uid, workitem()).status == 0x0117


def test_uids_in_the_data_set_say_nothing(worklist):
    assert worklist.create(UID, workitem(SOPClassUID="1.2.3", SOPInstanceUID="1.2.3.99")).status == 0
    assert [match.SOPInstanceUID for match in worklist.find(item(SOPInstanceUID=None))] == [UID]


def test_a_refused_creation_leaves_nothing(worklist):
    assert worklist.create(UID, workitem(PatientName=...)).status == 0x0120
    assert worklist.get(UID).status == 0xC307


def test_workitems_share_nothing_with_what_they_were_made_of(worklist):
    template = workitem()
    worklist.create(UID, template)
    worklist.create("1.2.3.2", template)
    template.PatientID = "other"
    template.ScheduledStationNameCodeSequence[0].CodeValue = "other"
    kept = stored(worklist)
    assert (kept.PatientID, kept.ScheduledStationNameCodeSequence[0].CodeValue) == ("P1", "LINAC1")
    assert len(list(worklist.find(item(SOPInstanceUID=None)))) == 2


def test_text_is_kept_whatever_character_set_it_came_in(worklist):
    names = {"1.2.3.1": ("ISO_IR 100", "Müller^Jörg"), "1.2.3.2": ("ISO_IR 192", "山田^太郎"),
             "1.2.3.3": (["ISO 2022 IR 6", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎")}  # fmt: skip
    for uid, (character_set, name) in names.items():
        label = [code("A", "S", "Gerät" if uid == "1.2.3.1" else "Linac")]
        created = workitem(PatientName=name, ScheduledStationNameCodeSequence=label)
        assert worklist.create(uid, sent(created, character_set)).status == 0
    for uid, (_, name) in names.items():
        (match,) = worklist.find(item(SOPInstanceUID=uid, PatientName=None))
        assert match.PatientName == name
    assert stored(worklist).ScheduledStationNameCodeSequence[0].CodeMeaning == "Gerät"


def test_undecodable_values_are_refused(worklist):
    dataset = workitem(ScheduledProcessingParametersSequence=[
        item(ValueType="NUMERIC", ConceptNameCodeSequence=[code("1")], MeasurementUnitsCodeSequence=[code("1", "UCUM")]),
    ])  # fmt: skip
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, dataset)
    # Numeric Value (0040,A30A), "many": no decimal string.
    nested = b"\x40\x00\x0a\xa3\x04\x00\x00\x00many"
    bad = Dataset()
    bad.update(read_dataset(BytesIO(buffer.getvalue()), True, True))
    bad.ScheduledProcessingParametersSequence[0].update(read_dataset(BytesIO(nested), True, True))
    assert worklist.create(UID, bad).status == 0x0106


def test_a_new_workitem_is_reported(worklist):
    outcome = worklist.create(UID, workitem())
    report, assigned = outcome.events
    assert (report.type, report.uid) == (STATE_REPORT, UID)
    assert report.attributes == item(ProcedureStepState="SCHEDULED", InputReadinessState="READY")
    assert assigned.type == ASSIGNED
    assert assigned.attributes.ScheduledStationNameCodeSequence[0].CodeValue == "LINAC1"


def test_nobody_is_assigned_when_there_is_nobody(worklist):
    assert types(worklist.create(UID, workitem(ScheduledStationNameCodeSequence=[]))) == [STATE_REPORT]


# N-SET


def test_a_sequence_is_replaced_whole(scheduled):
    scheduled.set(UID, item(ScheduledStationNameCodeSequence=[code("LINAC2")]))
    assert [one.CodeValue for one in stored(scheduled).ScheduledStationNameCodeSequence] == ["LINAC2"]
    assert [match.SOPInstanceUID for match in scheduled.find(
        item(SOPInstanceUID=None, ScheduledStationNameCodeSequence=[item(CodeValue="LINAC2")]))] == [UID]  # fmt: skip
    gone = item(SOPInstanceUID=None, ScheduledStationNameCodeSequence=[item(CodeValue="LINAC1")])
    assert list(scheduled.find(gone)) == []


def test_each_set_is_dated(scheduled):
    scheduled.set(UID, item(WorklistLabel="other"))
    assert stored(scheduled).ScheduledProcedureStepModificationDateTime == "20260302100002.000000+0100"


def test_a_refused_set_changes_nothing(claimed):
    before = stored(claimed)
    refused = item(TransactionUID=LOCK, WorklistLabel="other", ProcedureStepState="COMPLETED")
    assert claimed.set(UID, refused).status == 0x0106
    assert claimed.set(UID, item(TransactionUID=OTHER_LOCK, WorklistLabel="other")).status == 0xC301
    assert stored(claimed) == before


def test_the_lock_is_no_attribute(claimed):
    claimed.set(UID, item(TransactionUID=LOCK, WorklistLabel="other"))
    assert "TransactionUID" not in stored(claimed)
    assert claimed.change_state(UID, "IN PROGRESS", LOCK).status == 0xC302


def test_repeating_a_set_is_harmless(claimed):
    update = {"TransactionUID": LOCK, PROGRESS: [item(ProcedureStepProgress="50")]}
    assert types(claimed.set(UID, item(**update))) == [PROGRESS_REPORT]
    assert types(claimed.set(UID, item(**update))) == []
    assert stored(claimed)[PROGRESS][0].ProcedureStepProgress == 50


@pytest.mark.parametrize(
    ("change", "events"),
    [
        ({"InputReadinessState": "INCOMPLETE"}, [STATE_REPORT]),
        ({"InputReadinessState": "READY"}, []),
        ({"WorklistLabel": "other"}, []),
        ({PROGRESS: [item(ProcedureStepProgress="1")]}, [PROGRESS_REPORT]),
        ({PROGRESS: [item(ProcedureStepProgressDescription="x")]}, [PROGRESS_REPORT]),
        ({PROGRESS: [item(ProcedureStepCommunicationsURISequence=[item(ContactURI="tel:1")])]}, [PROGRESS_REPORT]),
        ({PROGRESS: [item(ProcedureStepProgressParametersSequence=[text_parameter(code("1"), "1")])]}, [PROGRESS_REPORT]),
        ({PROGRESS: [item(ReasonForCancellation="x")]}, []),
        ({"ScheduledStationNameCodeSequence": [code("LINAC2")]}, [ASSIGNED]),
        ({"ScheduledStationNameCodeSequence": [code("LINAC1", "99STATION", "Linac 1")]}, []),
        ({"ScheduledHumanPerformersSequence": [item(HumanPerformerCodeSequence=[code("H")], HumanPerformerName="A^B",
                                                    HumanPerformerOrganization="C")]}, [ASSIGNED]),
    ],
)  # fmt: skip
def test_changes_are_reported(claimed, change, events):
    outcome = claimed.set(UID, item(TransactionUID=LOCK, **change))
    assert outcome.status == 0, outcome.comment
    assert types(outcome) == events


def test_a_progress_report_carries_the_progress(claimed):
    told = item(ProcedureStepProgress="50", ProcedureStepProgressDescription="half")
    with_reason = item(ProcedureStepProgress="50", ProcedureStepProgressDescription="half", ReasonForCancellation="x")
    (event,) = claimed.set(UID, item(TransactionUID=LOCK, **{PROGRESS: [with_reason]})).events
    assert list(event.attributes[PROGRESS].value) == [told]


def test_an_offset_sent_with_a_set_holds_for_its_times_only(worklist):
    worklist.create(UID, workitem(TimezoneOffsetFromUTC="+0100", ScheduledProcedureStepStartDateTime="20260302103000"))
    worklist.set(UID, item(TimezoneOffsetFromUTC="-0500", ExpectedCompletionDateTime="20260302053000"))
    match_at_1030 = {"TimezoneOffsetFromUTC": "+0100", "SOPInstanceUID": None}
    assert list(worklist.find(item(ScheduledProcedureStepStartDateTime="202603021030", **match_at_1030)))
    assert list(worklist.find(item(ExpectedCompletionDateTime="202603021130", **match_at_1030)))


# N-GET


def test_selected_attributes(scheduled):
    wanted = stored(scheduled, "PatientID", "ProcedureStepState", "AdmissionID", "SpecialNeeds")
    assert {element.keyword for element in wanted} == {"PatientID", "ProcedureStepState", "AdmissionID", "SpecialNeeds"} - (
        set() if "SpecialNeeds" in wanted else {"SpecialNeeds"}
    )
    assert wanted.AdmissionID in ("", None)


@pytest.mark.parametrize("keyword", ["TransactionUID", "SOPClassUID", "SOPInstanceUID"])
def test_what_is_never_returned(claimed, keyword):
    assert keyword not in stored(claimed)
    assert keyword not in stored(claimed, "PatientID", keyword)


def test_everything_when_nothing_is_selected(scheduled):
    kept = stored(scheduled)
    expected = {element.keyword for element in workitem()} - {"TransactionUID"}
    assert {element.keyword for element in kept} == expected | {"ScheduledProcedureStepModificationDateTime"}


# N-ACTION


def test_a_claim_is_reported(scheduled):
    (event,) = scheduled.change_state(UID, "IN PROGRESS", LOCK).events
    assert (event.type, event.attributes.ProcedureStepState) == (STATE_REPORT, "IN PROGRESS")


@pytest.mark.parametrize(
    "lacking",
    ["PerformedStationNameCodeSequence", "PerformedProcedureStepStartDateTime", "PerformedWorkitemCodeSequence",
     "PerformedProcedureStepEndDateTime", "OutputInformationSequence"],
)  # fmt: skip
def test_completed_needs(claimed, lacking):
    claimed.set(UID, item(TransactionUID=LOCK, **{PERFORMED: [performed(**{lacking: ...})]}))
    outcome = claimed.change_state(UID, "COMPLETED", LOCK)
    assert outcome.status == 0xC304
    assert lacking in outcome.comment
    assert outcome.events == ()


def test_output_may_be_empty(claimed):
    claimed.set(UID, item(TransactionUID=LOCK, **{PERFORMED: [performed(OutputInformationSequence=[])]}))
    assert claimed.change_state(UID, "COMPLETED", LOCK).status == 0


def test_canceled_by_the_performer_is_dated(claimed):
    claimed.set(UID, item(TransactionUID=LOCK, **{PROGRESS: [item(ReasonForCancellation="beam off")]}))
    (event,) = claimed.change_state(UID, "CANCELED", LOCK).events
    (progress,) = stored(claimed)[PROGRESS].value
    assert progress.ProcedureStepCancellationDateTime.startswith("20260302100")
    assert progress.ReasonForCancellation == "beam off"
    assert event.attributes.ProcedureStepState == "CANCELED"
    assert event.attributes.ReasonForCancellation == "beam off"


def test_the_performer_may_have_dated_it(claimed):
    date = "20260302095959+0100"
    claimed.set(UID, item(TransactionUID=LOCK, **{PROGRESS: [item(ProcedureStepCancellationDateTime=date)]}))
    claimed.change_state(UID, "CANCELED", LOCK)
    assert stored(claimed)[PROGRESS][0].ProcedureStepCancellationDateTime == date


def test_canceling_what_is_scheduled_passes_through_in_progress(scheduled):
    asked = item(ReasonForCancellation="ill", **{REASON: [code("110505", "DCM", "Patient refused")]})
    outcome = scheduled.request_cancel(UID, asked, "WATCHER")
    reports = [(event.type, event.attributes.ProcedureStepState) for event in outcome.events]
    assert reports == [(STATE_REPORT, "IN PROGRESS"), (STATE_REPORT, "CANCELED")]
    (progress,) = stored(scheduled)[PROGRESS].value
    assert progress.ReasonForCancellation == "ill"
    assert [one.CodeValue for one in progress[REASON]] == ["110505"]
    assert progress.ProcedureStepCancellationDateTime


def test_canceling_what_is_scheduled_fills_in_a_reason(scheduled):
    assert scheduled.request_cancel(UID, Dataset(), "WATCHER").status == 0
    (reason,) = stored(scheduled)[PROGRESS][0][REASON].value
    assert (reason.CodeValue, reason.CodingSchemeDesignator) == ("110513", "DCM")


def test_canceling_what_another_performs_is_passed_on(claimed):
    asked = item(ReasonForCancellation="ill", ContactURI="tel:1", ContactDisplayName="Ward", PatientID="P9")
    (event,) = claimed.request_cancel(UID, asked, "WATCHER").events
    assert event.type == CANCEL_REQUESTED
    told = item(ReasonForCancellation="ill", ContactURI="tel:1", ContactDisplayName="Ward", RequestingAE="WATCHER")
    assert event.attributes == told
    assert not stored(claimed)[PROGRESS].value


def test_a_reason_that_is_no_code_is_refused(scheduled):
    assert scheduled.request_cancel(UID, item(**{REASON: [item(CodeValue="1")]}), "WATCHER").status == 0x0115
    assert stored(scheduled).ProcedureStepState == "SCHEDULED"


# C-FIND


def test_states_are_searched_as_they_are(claimed):
    def found(state):
        return [match.SOPInstanceUID for match in claimed.find(item(SOPInstanceUID=None, ProcedureStepState=state))]

    assert found("SCHEDULED") == []
    assert found("IN PROGRESS") == [UID]


def test_a_find_shows_the_worklist_as_it_was(scheduled):
    matches = scheduled.find(item(SOPInstanceUID=None, ProcedureStepState="SCHEDULED"))
    scheduled.change_state(UID, "IN PROGRESS", LOCK)
    assert [match.ProcedureStepState for match in matches] == ["SCHEDULED"]


@pytest.mark.parametrize(
    "identifier",
    [
        Dataset(),
        item(ScheduledProcedureStepStartDateTime="today"),
        item(PatientBirthDate="1961-02-12"),
        item(ScheduledStationNameCodeSequence=[code("A"), code("B")]),
    ],
    ids=["no keys", "no date-time", "no date", "two items"],
)
def test_an_identifier_that_is_none(scheduled, identifier):
    with pytest.raises(IdentifierError) as error:
        list(scheduled.find(identifier))
    assert error.value.status == 0xA900


def test_now_may_be_utc():
    worklist = Worklist(now=lambda: datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    worklist.create(UID, workitem())
    assert stored(worklist).ScheduledProcedureStepModificationDateTime == "20260302090000.000000+0000"

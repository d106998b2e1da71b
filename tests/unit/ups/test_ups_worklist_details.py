"""What the worklist says when it refuses, in whose time zone it keeps times, and when it forgets."""

from datetime import UTC, datetime, timedelta

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from ups_samples import LOCK, OTHER_LOCK, code, item, performed, workitem

from tdwii_conformance.ups import IdentifierError, SQLiteStore, Worklist
from tdwii_conformance.ups.subscriptions import FILTERED, GLOBAL

UID = "1.2.3.1"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
START, END = "ScheduledProcedureStepStartDateTime", "ExpectedCompletionDateTime"
REPLACED = "ReplacedProcedureStepSequence"
KEEP = timedelta(minutes=1)


@pytest.fixture
def worklist():
    return Worklist(now=lambda: datetime(2026, 3, 2, 10, tzinfo=UTC))


def told(outcome):
    return f"{outcome.status:04X}", outcome.comment, outcome.dataset, outcome.events


def stored(worklist, keyword):
    return worklist.get(UID, [Tag(keyword)]).dataset.get(keyword)


# What is refused


@pytest.mark.parametrize(
    ("operation", "status", "comment"),
    [
        (lambda w: w.create("no uid", workitem()), "0117", "Affected SOP Instance UID is given by the SCU [CC.2.5.2]"),
        (lambda w: w.create(UID, workitem()), "0111", "a UPS with this SOP Instance UID exists"),
        (lambda w: w.create("1.2", workitem(PatientName=...)), "0120", "PatientName"),
        (lambda w: w.set("1.2", item(WorklistLabel="x")), "C307", ""),
        (lambda w: w.set(UID, item(WorklistLabel="x", TransactionUID=LOCK)), "C310", ""),
        (lambda w: w.set(UID, item(PatientID="x")), "0106", "PatientID cannot be set"),
        (lambda w: w.get("1.2"), "C307", ""),
        (lambda w: w.change_state("1.2", "IN PROGRESS", LOCK), "C307", ""),
        (lambda w: w.change_state(UID, "COMPLETED", LOCK), "C310", ""),
        (lambda w: w.request_cancel("1.2", None, "W"), "C307", ""),
        (lambda w: w.request_cancel(UID, item(ProcedureStepDiscontinuationReasonCodeSequence=[code("1", None)]), "W"), "0115",
         f"{PROGRESS}[0].ProcedureStepDiscontinuationReasonCodeSequence[0].CodingSchemeDesignator"),
        (lambda w: w.subscribe("1.2", "W", True), "C307", ""),
        (lambda w: w.unsubscribe("1.2", "W"), "C307", ""),
        (lambda w: w.suspend("1.2", "W"), "C307", "only a global subscription can be suspended"),
        (lambda w: w.suspend(UID, "W"), "C314", "only a global subscription can be suspended"),
        (lambda w: w.subscribe(FILTERED, "W", True, item(PatientBirthDate="x")), "0115",
         "PatientBirthDate is no DA, nor a range of them"),
    ],
)  # fmt: skip
def test_a_refusal(worklist, operation, status, comment):
    worklist.create(UID, workitem())
    assert told(operation(worklist)) == (status, comment, None, ())
    assert worklist.subscribers() == ()


def test_a_completion_names_all_that_is_missing(worklist):
    worklist.create(UID, workitem())
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    lacking = performed(PerformedWorkitemCodeSequence=[], PerformedProcedureStepEndDateTime=...)
    worklist.set(UID, item(TransactionUID=LOCK, **{PERFORMED: [lacking]}))
    comment = "missing: PerformedWorkitemCodeSequence, PerformedProcedureStepEndDateTime"
    status, said, *_ = told(worklist.change_state(UID, "COMPLETED", LOCK))
    assert (status, sorted(said.removeprefix("missing: ").split(", "))) == (
        "C304",
        sorted(comment.removeprefix("missing: ").split(", ")),
    )
    assert said.startswith("missing: ")


def odd(keyword, vr, value):
    dataset = Dataset()
    dataset[Tag(keyword)] = DataElement(Tag(keyword), vr, value)
    return dataset


@pytest.mark.parametrize(
    ("identifier", "status", "said"),
    [
        (Dataset(), 0xA900, "the identifier has no keys"),
        (item(PatientBirthDate="x"), 0xA900, "PatientBirthDate is no DA, nor a range of them"),
        (odd("PatientID", "SQ", [item(PatientSex="F")]), 0xA900, "(0010,0020) has VR SQ"),
        (odd("ScheduledStationNameCodeSequence", "LO", "A"), 0xA900, "(0040,4025) has VR LO"),
    ],
)
def test_an_identifier_that_is_none(worklist, identifier, status, said):
    with pytest.raises(IdentifierError) as error:
        worklist.find(identifier)
    assert (error.value.status, error.value.comment, str(error.value)) == (status, said, said)


def test_an_identifier_that_cannot_be_decoded(worklist):
    bad = Dataset()
    bad.update(read_dataset(DicomBytesIO(b"\x28\x00\x10\x00\x03\x00\x00\x00abc"), True, True))  # Rows, US, of three bytes
    with pytest.raises(IdentifierError, match=r"^identifier cannot be decoded: ") as error:
        worklist.find(bad)
    assert error.value.status == 0xC000


@pytest.mark.parametrize(("vr", "value"), [("LO", "x"), ("SQ", [item(PatientID="x")])])
def test_a_private_key_narrows_nothing(worklist, vr, value):
    worklist.create(UID, workitem())
    identifier = item(SOPInstanceUID=None)
    identifier[0x00111001] = DataElement(0x00111001, vr, value)
    (found,) = worklist.find(identifier)
    assert found.SOPInstanceUID == UID
    assert found[0x00111001].is_empty


# What is answered


def test_an_attribute_of_type_2_is_there_though_nothing_was_stored(worklist):
    worklist.create(UID, workitem(PatientID=..., StudyInstanceUID=...))
    found = worklist.get(UID, [Tag(one) for one in ("StudyDescription", "PatientID", "SpecialNeeds", REPLACED)]).dataset
    assert [element.keyword for element in found] == ["PatientID", "SpecialNeeds", REPLACED]
    assert all(element.is_empty for element in found)
    assert list(found[REPLACED].value) == []


def test_what_the_table_does_not_list_is_returned(worklist):
    worklist.create(UID, workitem(StudyDescription="x"))
    assert stored(worklist, "StudyDescription") == "x"


def test_the_label_is_ours_only_where_there_is_none(worklist):
    worklist.create(UID, workitem(WorklistLabel="theirs"))
    assert stored(worklist, "WorklistLabel") == "theirs"
    worklist.create("1.2.3.2", workitem(WorklistLabel=None))
    assert worklist.get("1.2.3.2").dataset.WorklistLabel == "TDW-II"


@pytest.mark.parametrize("add", ["create", "restore"])
def test_nobody_has_the_lock_of_what_is_new(worklist, add):
    assert getattr(worklist, add)(UID, workitem(TransactionUID="")).status == 0
    (record,) = worklist.records()
    assert (record.lock, "TransactionUID" in record.attributes) == ("", False)


def test_a_claim_takes_the_lock_and_a_completion_keeps_it(worklist):
    worklist.create(UID, workitem())
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    worklist.set(UID, item(TransactionUID=LOCK, **{PERFORMED: [performed()]}))
    assert [record.lock for record in worklist.records()] == [LOCK]
    assert worklist.change_state(UID, "COMPLETED", LOCK).status == 0
    assert [(record.lock, record.state) for record in worklist.records()] == [(LOCK, "COMPLETED")]
    assert worklist.change_state(UID, "COMPLETED", OTHER_LOCK).status == 0xC301


def test_the_reason_that_was_given_is_kept_before_what_was_there(worklist):
    worklist.create(UID, workitem())
    worklist.set(UID, item(**{PROGRESS: [item(ProcedureStepProgress="5")]}))
    assert worklist.request_cancel(UID, item(ReasonForCancellation="ill"), "W").status == 0
    (progress,) = stored(worklist, PROGRESS)
    assert progress == item(
        ProcedureStepProgress="5", ReasonForCancellation="ill", ProcedureStepCancellationDateTime="20260302100000.000000+0000",
        ProcedureStepDiscontinuationReasonCodeSequence=[code("110513", "DCM", "Discontinued for unspecified reason")],
    )  # fmt: skip


@pytest.mark.parametrize("dated", [None, "20260302095959"])
def test_when_it_was_canceled_is_said(worklist, dated):
    worklist.create(UID, workitem())
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    worklist.set(UID, item(TransactionUID=LOCK, **{PROGRESS: [item(ProcedureStepCancellationDateTime=dated)]}))
    assert worklist.change_state(UID, "CANCELED", LOCK).status == 0
    (progress,) = stored(worklist, PROGRESS)
    assert progress.ProcedureStepCancellationDateTime == (dated or "20260302100000.000000+0000")


# Time zones


@pytest.mark.parametrize(
    ("of_ups", "of_set", "times", "kept"),
    [
        ("+0100", "-0500", "20260302053000", "20260302053000-0500"),
        ("+0100", "-0500", "20260302053000+0200", "20260302053000+0200"),
        ("+0100", "-0500", "20260302053000-0300", "20260302053000-0300"),
        ("+0100", "-0500", "2026", "2026-0500"),
        ("+0100", "+0100", "20260302053000", "20260302053000"),
        ("+0100", None, "20260302053000", "20260302053000"),
        (None, "-0500", "20260302053000", "20260302053000-0500"),
    ],
)
def test_a_ups_keeps_one_offset(worklist, of_ups, of_set, times, kept):
    worklist.create(UID, workitem(**({"TimezoneOffsetFromUTC": of_ups} if of_ups else {})))
    performed_at = item(PerformedProcedureStepStartDateTime=times, PerformedProcedureStepEndDateTime=None)
    change = item(
        **{END: times, PERFORMED: [performed_at]}, WorklistLabel="x", **({"TimezoneOffsetFromUTC": of_set} if of_set else {})
    )
    assert worklist.set(UID, change).status == 0
    (done,) = stored(worklist, PERFORMED)
    assert (stored(worklist, END), done.PerformedProcedureStepStartDateTime, stored(worklist, "WorklistLabel")) == (kept, kept, "x")
    assert not done.PerformedProcedureStepEndDateTime
    assert stored(worklist, "TimezoneOffsetFromUTC") == of_ups


# Forgetting


@pytest.fixture
def time():
    return [datetime(2026, 3, 2, 10, tzinfo=UTC)]


def uids(worklist):
    return [record.uid for record in worklist.records()]


def test_each_goes_in_its_time_but_not_while_it_is_locked(time):
    worklist = Worklist(now=lambda: time[0], retention=KEEP)
    for uid in ("1.1", "1.2", "1.3", "1.4"):
        worklist.create(uid, workitem())
    worklist.subscribe("1.1", "W", True)
    worklist.subscribe("1.2", "W", False)
    worklist.request_cancel("1.1", None, "W")
    worklist.request_cancel("1.2", None, "W")
    time[0] += KEEP / 2
    worklist.request_cancel("1.3", None, "W")
    assert uids(worklist) == ["1.1", "1.2", "1.3", "1.4"]
    time[0] += KEEP / 2
    assert uids(worklist) == ["1.1", "1.3", "1.4"]
    assert worklist.subscriptions.of("1.2") == ()
    time[0] += KEEP
    assert uids(worklist) == ["1.1", "1.4"]
    worklist.unsubscribe("1.1", "W")
    assert uids(worklist) == ["1.4"]


LOOKS = [
    lambda w: w.get("1.1").status == 0xC307,
    lambda w: w.set("1.1", item(WorklistLabel="x")).status == 0xC307,
    lambda w: w.change_state("1.1", "IN PROGRESS", LOCK).status == 0xC307,
    lambda w: w.request_cancel("1.1", None, "W").status == 0xC307,
    lambda w: w.subscribe("1.1", "W", True).status == 0xC307,
    lambda w: w.unsubscribe("1.1", "W").status == 0xC307,
    lambda w: w.suspend("1.1", "W").status == 0xC307,
    lambda w: w.create("1.1", workitem()).status == 0,
    lambda w: list(w.find(item(SOPInstanceUID=None))) == [],
    lambda w: w.records() == [],
]


@pytest.mark.parametrize("gone", LOOKS)
def test_whoever_looks_does_not_find_it(time, gone):
    worklist = Worklist(now=lambda: time[0], retention=KEEP)
    worklist.create("1.1", workitem())
    worklist.request_cancel("1.1", None, "W")
    time[0] += KEEP
    assert gone(worklist)


def test_nothing_goes_without_a_retention(time):
    worklist = Worklist(now=lambda: time[0])
    worklist.create("1.1", workitem())
    worklist.request_cancel("1.1", None, "W")
    time[0] += timedelta(days=10000)
    assert uids(worklist) == ["1.1"]


def test_after_a_restart_the_time_begins_anew(time, tmp_path):
    worklist = Worklist(SQLiteStore(tmp_path / "w.db"), lambda: time[0], retention=KEEP)
    for uid in ("1.1", "1.2"):
        worklist.create(uid, workitem())
    worklist.request_cancel("1.1", None, "W")
    worklist.close()
    time[0] += 2 * KEEP
    worklist = Worklist(SQLiteStore(tmp_path / "w.db"), lambda: time[0], retention=KEEP)
    assert uids(worklist) == ["1.1", "1.2"]
    time[0] += KEEP
    assert uids(worklist) == ["1.2"]
    worklist.close()
    worklist = Worklist(SQLiteStore(tmp_path / "w.db"), lambda: time[0])
    assert uids(worklist) == ["1.2"]  # gone from the file too
    worklist.close()


# Subscriptions


def test_a_filter_is_ended_with_what_it_brought(worklist):
    for uid, label in (("1.1", "A"), ("1.2", "B")):
        worklist.create(uid, workitem(WorklistLabel=label))
    worklist.subscribe("1.2", "W", True)
    # What an N-ACTION has besides keys is no key.
    asked = worklist.subscribe(FILTERED, "W", True, item(WorklistLabel="A", ReceivingAE="W", DeletionLock="TRUE"))
    assert [(event.type, event.uid) for event in asked.events] == [(1, "1.1")]
    assert worklist.subscriptions.of("1.1") == ("W",)
    assert worklist.unsubscribe(FILTERED, "W").status == 0
    assert (worklist.subscriptions.of("1.1"), worklist.subscriptions.of("1.2")) == ((), ("W",))


def test_suspending_the_filtered_leaves_the_global_one(worklist):
    worklist.subscribe(FILTERED, "W", False, item(WorklistLabel="A"))
    worklist.subscribe(GLOBAL, "W", False)
    assert worklist.suspend(FILTERED, "W").status == 0
    assert [one.target for one in worklist.subscriptions] == [GLOBAL]
    assert worklist.suspend(GLOBAL, "W").status == 0
    assert list(worklist.subscriptions) == []


def test_a_filter_without_keys_takes_all(worklist):
    worklist.create("1.1", workitem())
    asked = worklist.subscribe(FILTERED, "W", False)
    assert (asked.status, worklist.subscribers(), worklist.subscriptions.of("1.1")) == (0, ("W",), ("W",))

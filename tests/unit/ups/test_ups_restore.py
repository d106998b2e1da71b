"""A UPS taken over as it stood elsewhere (`Worklist.restore`): with its state, lock, progress, and what is refused of it."""

from datetime import UTC, datetime, timedelta

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from ups_samples import LOCK, OTHER_LOCK, PUSH, item, performed, reference, workitem

from tdwii_conformance.ups import Worklist
from tdwii_conformance.ups.subscriptions import FILTERED, GLOBAL

UID = "1.2.3.1"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
HALF = item(ProcedureStepProgress="50")
CANCELED = item(ProcedureStepCancellationDateTime="20260302100000", ProcedureStepDiscontinuationReasonCodeSequence=[])


@pytest.fixture
def time():
    return [datetime(2026, 3, 2, 10, tzinfo=UTC)]


@pytest.fixture
def worklist(time):
    return Worklist(now=lambda: time[0])


def kept(worklist):
    outcome = worklist.get(UID)
    assert outcome.status == 0
    return outcome.dataset


@pytest.mark.parametrize("state", ["SCHEDULED", None])
def test_a_scheduled_one_is_as_if_created(worklist, state):
    stands = workitem(
        ProcedureStepState=state, TransactionUID=OTHER_LOCK, WorklistLabel=None, SOPClassUID="1.2", SOPInstanceUID="1.3"
    )
    outcome = worklist.restore(UID, stands)
    assert (outcome.status, outcome.comment) == (0, "")
    (found,) = worklist.find(item(SOPClassUID=None, SOPInstanceUID=None, ProcedureStepState="SCHEDULED", WorklistLabel=None))
    assert (found.SOPClassUID, found.SOPInstanceUID, found.WorklistLabel) == (PUSH, UID, "TDW-II")
    assert kept(worklist).ScheduledProcedureStepModificationDateTime == "20260302100000.000000+0000"
    assert [list(kept(worklist)[keyword].value) for keyword in (PROGRESS, PERFORMED)] == [[], []]
    # Nobody has it: the Transaction UID it came with is nobody's lock, and anybody may claim it.
    assert worklist.set(UID, item(TransactionUID=OTHER_LOCK, WorklistLabel="x")).status == 0xC310
    assert worklist.change_state(UID, "IN PROGRESS", LOCK).status == 0


def test_one_in_progress_goes_on_where_it_stood(worklist):
    stands = workitem(ProcedureStepState="IN PROGRESS", TransactionUID=LOCK, **{PROGRESS: [HALF], PERFORMED: [performed()]})
    outcome = worklist.restore(UID, stands)
    assert outcome.status == 0, outcome.comment
    assert outcome.events[0].attributes.ProcedureStepState == "IN PROGRESS"
    stood = kept(worklist)
    assert stood.ProcedureStepState == "IN PROGRESS"
    assert (list(stood[PROGRESS].value), list(stood[PERFORMED].value)) == ([HALF], [performed()])
    assert stood.PatientID == "P1"
    assert "TransactionUID" not in stood
    assert worklist.change_state(UID, "COMPLETED", OTHER_LOCK).status == 0xC301
    assert worklist.change_state(UID, "COMPLETED", LOCK).status == 0


def test_without_its_lock_nobody_can_go_on(worklist):
    assert worklist.restore(UID, workitem(ProcedureStepState="IN PROGRESS", TransactionUID=None)).status == 0
    assert worklist.change_state(UID, "CANCELED", LOCK).status == 0xC301
    assert worklist.change_state(UID, "CANCELED", "").status == 0xC301


@pytest.mark.parametrize(("state", "more"), [("COMPLETED", {PERFORMED: [performed()]}), ("CANCELED", {PROGRESS: [CANCELED]})])
def test_a_final_one_is_kept_as_long_as_others(worklist, time, state, more):
    worklist.retain(60)
    outcome = worklist.restore(UID, workitem(ProcedureStepState=state, TransactionUID=LOCK, **more))
    assert outcome.status == 0, outcome.comment
    assert kept(worklist).ProcedureStepState == state
    time[0] += timedelta(seconds=59)
    assert [record.uid for record in worklist.records()] == [UID]
    time[0] += timedelta(seconds=1)
    assert worklist.records() == []
    assert worklist.get(UID).status == 0xC307


def test_one_that_is_not_final_is_kept(worklist, time):
    worklist.retain(60)
    assert worklist.restore(UID, workitem(ProcedureStepState="IN PROGRESS", TransactionUID=LOCK)).status == 0
    time[0] += timedelta(seconds=61)
    assert [record.uid for record in worklist.records()] == [UID]


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"ProcedureStepState": "DONE"}, 0x0106, "ProcedureStepState is 'DONE', not one of SCHEDULED, IN PROGRESS, COMPLETED, CANCELED"),
        ({"PatientName": ...}, 0x0120, "PatientName"),
        ({"InputReadinessState": "MAYBE"}, 0x0106, "InputReadinessState: MAYBE is not one of "),
        ({"ProcedureStepState": "IN PROGRESS", PERFORMED: [performed(OutputInformationSequence=[item(TypeOfInstances="DICOM")])]},
         0x0121, f"{PERFORMED}[0].OutputInformationSequence[0].ReferencedSOPSequence"),
        ({"ProcedureStepState": "COMPLETED", PERFORMED: []}, 0x0106, f"COMPLETED without {PERFORMED}"),
        ({"ProcedureStepState": "COMPLETED", PERFORMED: [performed(PerformedProcedureStepEndDateTime=...)]}, 0x0106,
         "COMPLETED without PerformedProcedureStepEndDateTime"),
        ({"ProcedureStepState": "CANCELED", PROGRESS: [HALF]}, 0x0106, "CANCELED without ProcedureStepCancellationDateTime"),
    ],
)  # fmt: skip
def test_what_cannot_have_stood_is_refused(worklist, changes, status, said):
    outcome = worklist.restore(UID, workitem(**changes))
    assert outcome.status == status
    assert outcome.comment.startswith(said)
    assert worklist.get(UID).status == 0xC307


@pytest.mark.parametrize("uid", ["", "no uid", "1.2.3.", GLOBAL, FILTERED])
def test_it_has_a_uid_of_its_own(worklist, uid):
    outcome = worklist.restore(uid, workitem())
    assert (outcome.status, outcome.comment) == (0x0117, f"{uid!r} is no SOP Instance UID of a UPS")


def test_one_that_is_there_stays_as_it_is(worklist):
    worklist.create(UID, workitem())
    outcome = worklist.restore(UID, workitem(PatientID="P2", ProcedureStepState="IN PROGRESS", TransactionUID=LOCK))
    assert (outcome.status, outcome.comment) == (0x0111, "a UPS with this SOP Instance UID exists")
    assert (kept(worklist).PatientID, kept(worklist).ProcedureStepState) == ("P1", "SCHEDULED")


def undecodable():
    """Return a data set whose Rows (0028,0010) has three bytes; a US has two."""
    dataset = Dataset()
    dataset.update(read_dataset(DicomBytesIO(b"\x28\x00\x10\x00\x03\x00\x00\x00abc"), True, True))
    return dataset


def test_bytes_that_are_no_value_are_refused(worklist):
    worklist.create("1.2.3.2", workitem())
    said = [
        (worklist.restore(UID, undecodable()), 0x0106),
        (worklist.create(UID, undecodable()), 0x0106),
        (worklist.set("1.2.3.2", undecodable()), 0x0106),
        (worklist.request_cancel("1.2.3.2", undecodable(), "WATCHER"), 0x0115),
        (worklist.subscribe(FILTERED, "WATCHER", False, undecodable()), 0x0115),
    ]
    assert [f"{outcome.status:04X}" for outcome, _ in said] == [f"{status:04X}" for _, status in said]
    assert [outcome.comment.partition(":")[0] for outcome, _ in said] == ["cannot be decoded"] * len(said)


def test_references_are_kept_in_their_order(worklist):
    inputs = [reference("1.2", f"1.3.{number}") for number in (2, 1, 3)]
    worklist.restore(UID, workitem(InputInformationSequence=inputs))
    assert list(kept(worklist).InputInformationSequence) == inputs

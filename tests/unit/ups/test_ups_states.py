"""The state table [CC.1.1 table CC.1.1-2], cell by cell, against a transcription made by hand from `ups.md` section 3."""

import pytest
from ups_samples import LOCK, OTHER_LOCK, item, performed, workitem

from tdwii_conformance.ups import Worklist

UID = "1.2.3.77"
STATES = ("none", "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")

# Per event: status and, after "->", the state it goes to; in the order of STATES. "ready": final state requirements met.
TABLE = {
    "create": ("0000 -> SCHEDULED", "0111", "0111", "0111", "0111"),
    "claim with the lock": ("C307", "0000 -> IN PROGRESS", "C302", "C300", "C300"),
    "claim with another": ("C307", "0000 -> IN PROGRESS", "C301", "C301", "C301"),
    "claim without": ("C307", "C301", "C301", "C301", "C301"),
    "reschedule with the lock": ("C307", "C303", "C303", "C303", "C303"),
    "reschedule with another": ("C307", "C303", "C303", "C303", "C303"),
    "complete with the lock": ("C307", "C310", "0000 -> COMPLETED", "B306", "C300"),
    "complete with another": ("C307", "C310", "C301", "C301", "C301"),
    "complete without": ("C307", "C301", "C301", "C301", "C301"),
    "cancel with the lock": ("C307", "C310", "0000 -> CANCELED", "C300", "B304"),
    "cancel with another": ("C307", "C310", "C301", "C301", "C301"),
    "cancel without": ("C307", "C301", "C301", "C301", "C301"),
    "request cancel": ("C307", "0000 -> CANCELED", "0000", "C311", "B304"),
    # N-SET: ups.md section 9; C310 and C300 are the readings chosen (A11, A17).
    "set with the lock": ("C307", "C310", "0000", "C300", "C300"),
    "set with another": ("C307", "C310", "C301", "C300", "C300"),
    "set without": ("C307", "0000", "C301", "C300", "C300"),
    "get": ("C307", "0000", "0000", "0000", "0000"),
}
VERBS = {"claim": "IN PROGRESS", "reschedule": "SCHEDULED", "complete": "COMPLETED", "cancel": "CANCELED"}
UIDS = {"the lock": LOCK, "another": OTHER_LOCK, "": None}


def worklist_in(state):
    worklist = Worklist()
    if state != "none":
        assert worklist.create(UID, workitem()).status == 0
    if state not in ("none", "SCHEDULED"):
        assert worklist.change_state(UID, "IN PROGRESS", LOCK).status == 0
        final = item(TransactionUID=LOCK, UnifiedProcedureStepPerformedProcedureSequence=[performed()])
        assert worklist.set(UID, final).status == 0
    if state in ("COMPLETED", "CANCELED"):
        assert worklist.change_state(UID, state, LOCK).status == 0
    return worklist


def perform(worklist, event):
    verb, _, given = event.partition(" with")
    uid = UIDS[given.removeprefix("out").strip()]
    if verb == "create":
        return worklist.create(UID, workitem())
    if verb == "request cancel":
        return worklist.request_cancel(UID, None, "WATCHER")
    if verb == "get":
        return worklist.get(UID)
    if verb == "set":
        return worklist.set(UID, item(WorklistLabel="other", **({"TransactionUID": uid} if uid else {})))
    return worklist.change_state(UID, VERBS[verb], uid)


CELLS = [(event, state, cell) for event, row in TABLE.items() for state, cell in zip(STATES, row, strict=True)]


@pytest.mark.parametrize(("event", "state", "cell"), CELLS, ids=[f"{event}-{state}" for event, state, _ in CELLS])
def test_cell(event, state, cell):
    worklist = worklist_in(state)
    status, _, goes_to = cell.partition(" -> ")

    outcome = perform(worklist, event)

    assert f"{outcome.status:04X}" == status, outcome.comment
    after = worklist.get(UID)
    assert (after.dataset.ProcedureStepState if after.dataset else "none") == (goes_to or state)


def test_a_uid_has_64_characters_at_most():
    longest = "1." * 31 + "12"
    assert len(longest) == 64
    assert worklist_in("SCHEDULED").change_state(UID, "IN PROGRESS", longest).status == 0
    assert worklist_in("SCHEDULED").change_state(UID, "IN PROGRESS", longest + "3").status == 0xC301


@pytest.mark.parametrize("given", ["", "no uid", "1.2.3.", "1." * 33 + "1"])
def test_a_claim_needs_a_usable_transaction_uid(given):
    assert worklist_in("SCHEDULED").change_state(UID, "IN PROGRESS", given).status == 0xC301


@pytest.mark.parametrize("state", [None, "", "DISCONTINUED", "in progress"])
def test_a_state_that_is_none_is_refused(state):
    assert worklist_in("IN PROGRESS").change_state(UID, state, LOCK).status == 0x0115
    assert worklist_in("none").change_state(UID, state, LOCK).status == 0xC307


@pytest.mark.parametrize("uid", [None, LOCK])
def test_a_ups_canceled_before_its_claim_has_no_right_lock(uid):
    worklist = worklist_in("SCHEDULED")
    worklist.request_cancel(UID, None, "WATCHER")
    assert worklist.change_state(UID, "CANCELED", uid).status == 0xC301


def test_completed_needs_the_final_state_requirements():
    worklist = worklist_in("SCHEDULED")
    worklist.change_state(UID, "IN PROGRESS", LOCK)
    outcome = worklist.change_state(UID, "COMPLETED", LOCK)
    assert outcome.status == 0xC304
    assert "UnifiedProcedureStepPerformedProcedureSequence" in outcome.comment
    assert worklist.get(UID).dataset.ProcedureStepState == "IN PROGRESS"

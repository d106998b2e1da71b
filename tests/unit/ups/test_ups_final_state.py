"""What keeps a UPS from a final state [CC.2.5.1.1]: codes by hand from `ups_attributes.csv`, in rows of our own."""

import pytest
from ups_samples import item, performed, workitem

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.ups.final_state import missing

PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
REASON = "ProcedureStepDiscontinuationReasonCodeSequence"
FILLED = {"SOPClassUID": "1.2", "SOPInstanceUID": "1.3", "ScheduledProcedureStepModificationDateTime": "2026"}
DATED = item(ProcedureStepCancellationDateTime="2026")


@pytest.mark.parametrize(
    ("state", "changes", "lacking"),
    [
        ("COMPLETED", {PERFORMED: [performed()]}, []),
        ("COMPLETED", {PERFORMED: []}, [PERFORMED]),
        ("COMPLETED", {PERFORMED: ...}, [PERFORMED]),
        ("COMPLETED", {"ScheduledProcedureStepPriority": ..., PERFORMED: []}, ["ScheduledProcedureStepPriority", PERFORMED]),
        ("COMPLETED", {PERFORMED: [performed(), performed(PerformedProcedureStepEndDateTime=None)]},
         ["PerformedProcedureStepEndDateTime"]),
        ("COMPLETED", {PERFORMED: [performed(OutputInformationSequence=...)]}, ["OutputInformationSequence"]),
        ("COMPLETED", {PERFORMED: [performed()], "ScheduledProcedureStepPriority": None}, ["ScheduledProcedureStepPriority"]),
        ("CANCELED", {PROGRESS: [DATED]}, []),
        ("CANCELED", {PROGRESS: [item(ProcedureStepProgress="5")]}, ["ProcedureStepCancellationDateTime"]),
        ("CANCELED", {PROGRESS: [DATED], "ScheduledProcedureStepPriority": ...}, ["ScheduledProcedureStepPriority"]),
        # What COMPLETED needs alone (P) and what CANCELED needs alone (X).
        ("CANCELED", {PROGRESS: [DATED], PERFORMED: []}, []),
        ("COMPLETED", {PROGRESS: [item()], PERFORMED: [performed()]}, []),
    ],
)  # fmt: skip
def test_what_is_missing(state, changes, lacking):
    assert missing(workitem(**FILLED, **changes), state) == lacking


def test_no_reason_code_is_insisted_on():
    reason = attribute_rows()[PROGRESS].items[REASON]
    assert reason.final == "X"  # the table asks for it; A12
    assert missing(workitem(**FILLED, **{PROGRESS: [DATED]}), "CANCELED") == []

"""A TMS that makes its workitems itself is judged with few of them, without a false alarm, and its defects are found."""

import pytest

from tdwii_conformance.defects import DEFECTS
from tests.proof import proof

TRANSACTIONS = [
    "tms/test_negotiation_tms.py", "tms/test_ro58_worklist_query.py", "tms/test_ro60_in_progress.py",
    "tms/test_ro61_retrieve_dynamic_inputs.py", "tms/test_ro62_progress_update.py", "tms/test_ro64_final_update.py",
    "tms/test_ro65_completed_canceled.py",
]  # fmt: skip
NEED_PUSH = {"NEG-TMS-003", "RO58-TMS-021"}
NEED_THE_ORIGINAL = {"RO61-TMS-015"}


def never_judged(tally):
    return set(tally.not_judged) - tally.passed - set(tally.violated)


def test_twelve_judge_every_transaction():
    tally = proof.run(TRANSACTIONS, ["own-workitems-12"])
    assert (dict(tally.violated), tally.errors) == ({}, [])
    assert never_judged(tally) == NEED_PUSH | NEED_THE_ORIGINAL


def test_three_judge_most():
    tally = proof.run(TRANSACTIONS, ["own-workitems-3"])
    assert (dict(tally.violated), tally.errors) == ({}, [])
    assert len(tally.passed) >= 0.5 * len(
        tally.passed | never_judged(tally)
    )  # two new ones and a continuation are to judge at least half


@pytest.mark.parametrize(
    ("defect", "module"),
    [("claim-race-won-by-both", "tms/test_ro60_in_progress.py"), ("set-beam-lost", "tms/test_ro62_progress_update.py")],
)
def test_defects_are_found_without_push(defect, module):
    tally = proof.run([module], ["own-workitems-12", defect])
    transaction = module[len("tms/test_") :][:4].upper()
    assert {r for r in tally.violated if r.startswith(transaction)} == {
        r for r in DEFECTS[defect].requirements if r.startswith(transaction)
    }

"""The suite gives the same verdicts in any order of modules, and of tests within a module.

A part of it, in one other order; ``python -m tests.proof.shuffling`` runs all of it, in as many as are named.
"""

import pytest

from . import shuffling

# Those whose tests share most: a treatment of each scenario, workitems in each state, what was retrieved.
PARTS = (
    "tms/test_ro60_in_progress.py", "tms/test_ro62_progress_update.py", "tms/test_ro65_completed_canceled.py",
    "tms/test_ro61_retrieve_dynamic_inputs.py", "ost/test_ro59_retrieve_static_inputs.py", "ost/test_ro63_store_results.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def usual():
    return shuffling.verdicts(PARTS)


def test_same_verdicts_in_another_order(usual):
    assert len(usual) > 150
    assert shuffling.differences(usual, shuffling.verdicts(PARTS, 1)) == []

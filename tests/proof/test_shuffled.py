"""The suite gives the same verdicts in any order of modules, and of tests within a module.

A part of it, in one other order; ``python -m tests.proof.shuffling`` runs all of it, in as many as are named.
"""

import dataclasses

import pytest

from tdwii_conformance import engine
from tdwii_conformance.defects import DEFECTS
from tdwii_conformance.plugin import Setting
from tdwii_conformance.sut.config import embedded

from . import running, shuffling, threads

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


class First:
    """A plugin of the inner run: a module comes first."""

    def __init__(self, module):
        self.module = module

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: self.module not in item.nodeid)


@pytest.mark.parametrize("module", ["test_ro62_progress_update.py", "test_cc_2_6_set.py"])
def test_what_is_never_answered_is_found_whatever_asks_first(module):
    """An N-SET with Transaction UID that is given up stands for one without, and the other way round."""
    described = embedded()
    waiting = dataclasses.replace(described, timeouts=dataclasses.replace(described.timeouts, message=running.ANSWER_TIMEOUT))
    result = engine.run(
        ["tms/test_ro62_progress_update.py", "tms/test_cc_2_6_set.py"],
        deviations=["n-set-unanswered"],
        options=running.OPTIONS,
        setting=Setting(embedded=waiting, start=threads.simulator_trigger, texts=False),
        plugins=[First(module)],
    )
    failed = {verdict.requirement for verdict in result.verdicts if verdict.verdict == "failed"}
    assert failed == set(DEFECTS["n-set-unanswered"].requirements)

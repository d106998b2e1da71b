"""A TMS that makes its workitems itself is judged with few of them, without a false alarm, and its defects are found."""

import pytest

from tdwii_conformance import engine
from tdwii_conformance.defects import DEFECTS
from tdwii_conformance.plugin.supplying import rehearsed
from tdwii_conformance.workitems.plan import planned
from tests.proof import proof

TRANSACTIONS = [
    "tms/test_negotiation_tms.py", "tms/test_ro58_worklist_query.py", "tms/test_ro60_in_progress.py",
    "tms/test_ro61_retrieve_dynamic_inputs.py", "tms/test_ro62_progress_update.py", "tms/test_ro64_final_update.py",
    "tms/test_ro65_completed_canceled.py",
]  # fmt: skip
NEED_PUSH = {"NEG-TMS-003", "RO58-TMS-021"}


def never_judged(tally):
    return set(tally.not_judged) - tally.passed - set(tally.violated)


class Rehearsals:
    """A plugin that takes the plans of a run for some numbers of workitems."""

    def __init__(self, *numbers):
        self.numbers, self.plans = numbers, {}

    def pytest_collection_finish(self, session):
        tests, how = rehearsed(session.config, session.items)
        self.plans = {number: planned(tests, *number, **how) for number in self.numbers}


def as_planned(tally, plan):
    """Whether a plan was right, but for a twentieth: what a test finds it has not to judge by is not known beforehand."""
    return len(plan.judged ^ tally.passed) <= 0.05 * len(plan.all)


@pytest.fixture(scope="module")
def plans():
    """What the plan says of two numbers of workitems."""
    rehearsals = Rehearsals((8, 4), (2, 1))
    engine.run(TRANSACTIONS, deviations=["own-workitems-12"], options=("--plan",), plugins=[rehearsals])
    return rehearsals.plans


def test_forty_will_do_for_everything_that_needs_no_n_create():
    rehearsals = Rehearsals((36, 4))
    engine.run(["tms", "ost"], deviations=["own-workitems"], options=("--plan",), plugins=[rehearsals])
    assert rehearsals.plans[36, 4].judged == rehearsals.plans[36, 4].all


def test_twelve_judge_every_transaction_as_planned(plans):
    tally = proof.run(TRANSACTIONS, ["own-workitems-12"])
    assert (dict(tally.violated), tally.errors) == ({}, [])
    assert never_judged(tally) == NEED_PUSH
    assert as_planned(tally, plans[8, 4])


def test_three_judge_most_as_planned(plans):
    tally = proof.run(TRANSACTIONS, ["own-workitems-3"])
    assert (dict(tally.violated), tally.errors) == ({}, [])
    assert len(tally.passed) >= 0.9 * len(plans[8, 4].judged)  # two new ones and a continuation
    assert as_planned(tally, plans[2, 1])


@pytest.mark.parametrize(
    ("defect", "module"),
    [
        ("claim-race-won-by-both", "tms/test_ro60_in_progress.py"), ("set-beam-lost", "tms/test_ro62_progress_update.py"),
        ("c-find-refused", "tms/test_ro58_worklist_query.py"),  # so that no workitem is found at all
    ],
)  # fmt: skip
def test_defects_are_found_without_push(defect, module):
    tally = proof.run([module], ["own-workitems-12", defect])
    transaction = module[len("tms/test_") :][:4].upper()
    assert {r for r in tally.violated if r.startswith(transaction)} == {
        r for r in DEFECTS[defect].requirements if r.startswith(transaction)
    }

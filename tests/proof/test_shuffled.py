"""The suite gives the same verdicts in any order of modules, and of tests within a module.

A part of it, in one other order; ``make shuffled`` runs all of it, in a hundred.
"""

import dataclasses
import json
from collections import Counter

import pytest

from tdwii_conformance import engine
from tdwii_conformance.defects import DEFECTS
from tdwii_conformance.plugin import Setting
from tdwii_conformance.sut.config import embedded

from . import proof, running, shuffling, threads, whole

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


class Order:
    """A plugin of the inner run: some modules come in this order, before the others."""

    def __init__(self, *modules):
        self.modules = modules

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: next((n for n, module in enumerate(self.modules) if module in item.nodeid), len(self.modules)))


def test_a_restart_between_modules_changes_no_verdict():
    """The embedded TMS is restarted without what it had: treatments that modules share are made anew."""
    parts = ["tms/test_ro64_final_update.py", "tms/test_cc_2_4_status_change.py", "tms/test_ro65_completed_canceled.py"]
    usual, between = (
        engine.run(parts, options=running.OPTIONS, setting=Setting(texts=False), plugins=[Order(*order)])
        for order in (parts[1:] + parts[:1], parts)
    )
    verdicts = [{one.nodeid: one.verdict for one in result.verdicts} for result in (usual, between)]
    assert verdicts[0] == verdicts[1]
    assert Counter(verdicts[1].values())["passed"] > 100


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
        plugins=[Order(module)],
    )
    failed = {verdict.requirement for verdict in result.verdicts if verdict.verdict == "failed"}
    assert failed == set(DEFECTS["n-set-unanswered"].requirements)


@pytest.mark.parametrize(("verdict", "said", "code"), [("met", "0 with", 0), ("violated", "1 with a verdict that differs: [1]", 1)])
def test_what_was_found_is_kept_and_compared(tmp_path, capsys, verdict, said, code):
    part = "tms/test_ro60_in_progress.py"
    results = tmp_path / "shuffled.jsonl"
    words = ["1", "--part", part, "--results", str(results)]
    sources = whole.sources(whole.Run((), (*sorted(proof.RANDOM), *proof.modules(shuffling.ACTORS))))
    usual, shuffled = {"verdicts": {"a": "met", "b": "met"}}, {"differing": shuffling.differences({"a": "met"}, {"a": verdict})}
    lines = [
        {"seed": seed, "sources": sources, "parts": [part], "seconds": 1.0, **said} for seed, said in ((None, usual), (1, shuffled))
    ]
    results.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    assert shuffling.main(words) == code
    assert "2 tests in their own order" in (out := capsys.readouterr().out) and said in out

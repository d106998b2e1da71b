"""Every requirement on a TDD or a watcher has a judge, and one of the faults makes it fail."""

import pytest
from test_scu_faults import FAULTS

from tdwii_conformance.checks.scu import JUDGES, MESSAGES
from tdwii_conformance.profile import load_catalogue

CALLERS = [r for r in load_catalogue().values() if r.actor in ("TDD", "watcher")]


@pytest.mark.parametrize("edition", ["ti", "2013"])
def test_every_requirement_has_a_judge(edition):
    functions = {r.id for r in CALLERS if r.rule is None and edition in r.editions}
    assert functions <= set(JUDGES)
    assert {r.rule.message for r in CALLERS if r.rule is not None} == set(MESSAGES)


def test_no_judge_is_without_a_requirement():
    assert set(JUDGES) == {r.id for r in CALLERS if r.rule is None}


def test_every_requirement_can_fail():
    shown = {key for fault in FAULTS for key in fault.expected}
    # Those on the upper layer are shown by bytes, in tests/unit/upper_layer/test_topics.py.
    assert shown == {r.id for r in CALLERS if r.transaction != "upper layer"}

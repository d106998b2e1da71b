"""Verdicts of tests add up to one for each requirement, and survive a file."""

import itertools

import pytest

from tdwii_conformance.report.matrix import matrix, skip_reasons, total
from tdwii_conformance.report.verdicts import (
    RequirementVerdict,
    TestVerdict,
    VerdictsError,
    from_json,
    requirement_verdicts,
    to_json,
)


def outcomes(*verdicts, requirement="RO58-TMS-001"):
    return [
        TestVerdict(requirement, f"t.py::test_{n}", verdict, reason="not claimed: x" if verdict == "skipped" else "")
        for n, verdict in enumerate(verdicts)
    ]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["passed"], "passed"),
        (["skipped", "skipped"], "skipped"),
        (["passed", "skipped"], "passed"),
        (["passed", "warned"], "warned"),
        (["warned", "skipped"], "warned"),
        (["passed", "warned", "failed"], "failed"),
        (["passed", "error", "warned"], "error"),
        (["error", "failed"], "failed"),
    ],
)
def test_the_worst_test_decides_in_whatever_order(verdicts, expected):
    for order in itertools.permutations(verdicts):
        assert requirement_verdicts(outcomes(*order))["RO58-TMS-001"].verdict == expected


def test_skips_among_passes_are_noted():
    assert requirement_verdicts(outcomes("passed", "skipped"))["RO58-TMS-001"].note == ("1 of 2 tests skipped: not claimed: x")
    assert requirement_verdicts(outcomes("skipped", "skipped"))["RO58-TMS-001"].note == "not claimed: x"
    assert requirement_verdicts(outcomes("passed"))["RO58-TMS-001"].note == ""


def test_the_reason_of_an_error_is_noted():
    error = TestVerdict("RO58-TMS-001", "t.py::test", "error", reason="LinkLost: association lost")
    assert requirement_verdicts([error, *outcomes("passed")])["RO58-TMS-001"].note == "LinkLost: association lost"


def test_requirements_and_tests_are_sorted():
    verdicts = [*outcomes("passed", requirement="RO60-TMS-001"), *reversed(outcomes("passed", "failed"))]
    found = requirement_verdicts(verdicts)
    assert list(found) == ["RO58-TMS-001", "RO60-TMS-001"]
    assert [test.nodeid for test in found["RO58-TMS-001"].tests] == ["t.py::test_0", "t.py::test_1"]


def test_json_keeps_everything():
    verdict = TestVerdict(
        "RO58-TMS-001",
        "t.py::test_é",
        "failed",
        reading="C302",
        findings=[{"expected": "a\nb", "received": "c", "path": "X[0].Y", "weight": "fault"}],
        exchanges=["# C-FIND\n"],
        duration=0.25,
        worker="gw1",
    )
    assert from_json(to_json([verdict, *outcomes("passed")])) == [verdict, *outcomes("passed")]
    assert from_json(to_json([])) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "not a list"),
        ('[{"requirement": "A", "nodeid": "t", "verdict": "good"}]', "entry 1: t: 'good' is no verdict"),
        ('[{"requirement": "A"}]', "entry 1: .*nodeid"),
        ("[3]", "entry 1: "),
    ],
)
def test_json_that_is_no_verdicts(text, message):
    with pytest.raises(VerdictsError, match=message):
        from_json(text)


class Named:
    def __init__(self, actor, transaction):
        self.actor, self.transaction = actor, transaction


CATALOGUE = {
    "A": Named("OST", "RO-59"),
    "B": Named("TMS", "RO-60"),
    "C": Named("TMS", "negotiation"),
    "D": Named("TMS", "RO-60"),
    "E": Named("TMS", "RO-60"),
}


def requirements(**verdicts):
    return {name: RequirementVerdict(name, verdict) for name, verdict in verdicts.items()}


def test_the_matrix_follows_the_workflow():
    rows = matrix(requirements(A="passed", B="failed", C="warned", D="error", E="skipped"), CATALOGUE)
    assert [(row.actor, row.transaction) for row in rows] == [
        ("TMS", "negotiation"),
        ("TMS", "RO-60"),
        ("OST", "RO-59"),
    ]
    assert [(row.passed, row.failed, row.warned, row.skipped, row.all) for row in rows] == [
        (0, 0, 1, 0, 1),
        (0, 2, 0, 1, 3),
        (1, 0, 0, 0, 1),
    ]
    whole = total(rows)
    assert (whole.passed, whole.failed, whole.warned, whole.skipped, whole.all) == (1, 2, 1, 1, 5)


def test_a_verdict_on_nothing_is_an_error():
    with pytest.raises(KeyError):
        matrix(requirements(Z="passed"), CATALOGUE)


def test_skip_reasons_are_counted_the_most_frequent_first():
    verdicts = {
        "A": RequirementVerdict("A", "skipped", "rare"),
        "B": RequirementVerdict("B", "skipped", "common"),
        "C": RequirementVerdict("C", "passed", "1 of 2 tests skipped: rare"),
        "D": RequirementVerdict("D", "skipped", "common"),
    }
    assert skip_reasons(verdicts) == {"common": ("B", "D"), "rare": ("A",)}
    assert list(skip_reasons(verdicts)) == ["common", "rare"]

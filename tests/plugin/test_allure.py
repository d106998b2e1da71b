"""Beside allure-pytest: its results say which requirement a test is about, and carry what was found."""

import json

import pytest

from .conftest import SHALL, SHOULD

pytest.importorskip("allure_pytest")  # of the developers' dependencies; the suite does without

TESTS = """
@SHALL
def test_shall(judge):
    judge([FAULT])

@SHOULD
def test_should(judge):
    judge([])

def test_of_nothing():
    pass
"""


def test_results_name_the_requirement_and_carry_the_finding(run, pytester):
    ran = run(TESTS, "--alluredir", "results")
    assert ran.verdicts == {"test_shall": "failed", "test_should": "passed"}
    folder = pytester.path / "results"
    found = {one["name"]: one for one in (json.loads(path.read_text("utf-8")) for path in folder.glob("*-result.json"))}
    labels = {name: {label["name"]: label["value"] for label in one["labels"]} for name, one in found.items()}
    assert {name: one["status"] for name, one in found.items()} == {
        "test_shall": "failed", "test_should": "passed", "test_of_nothing": "passed",
    }  # fmt: skip
    assert (labels["test_shall"]["epic"], labels["test_shall"]["severity"]) == ("TMS", "critical")
    assert (labels["test_should"]["epic"], labels["test_should"]["severity"]) == ("OST", "normal")
    assert labels["test_shall"]["story"].startswith(SHALL)
    assert labels["test_should"]["story"].startswith(SHOULD)
    assert "epic" not in labels["test_of_nothing"]
    (attached,) = (one for one in found["test_shall"]["attachments"] if one["name"] == "finding")
    text = (folder / attached["source"]).read_text("utf-8")
    assert "expected: this" in text
    assert "received: that" in text

"""Beside allure-pytest: our tests are shown by actor, transaction and requirement, an exchange once; others as they were."""

import dataclasses
import json
import shutil
import subprocess

import pytest

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.allure import write_allure
from tdwii_conformance.report.results import results_of
from tdwii_conformance.report.verdicts import TestVerdict

from .conftest import SHALL, SHOULD

TESTS = """
@SHALL
def test_shall(judge):
    judge([FAULT])

@SHOULD
@pytest.mark.parametrize("case", ["one two"])
def test_should(judge, case):
    judge([FAULT])

def test_of_nothing():
    pass
"""


def read(folder):
    return [json.loads(path.read_text("utf-8")) for path in folder.glob("*-result.json")]


def labels(one):
    return {label["name"]: label["value"] for label in one["labels"]}


def test_a_run_writes_requirements_and_leaves_other_tests_alone(run, pytester):
    pytest.importorskip("allure_pytest")  # of the developers' dependencies; the suite does without
    ran = run(TESTS, "--alluredir", "results")
    assert ran.verdicts == {"test_shall": "failed", "test_should[one two]": "warned"}
    folder = pytester.path / "results"
    found = {one["name"].split(" ")[0]: one for one in read(folder)}
    assert set(found) == {SHALL, SHOULD, "test_of_nothing"}
    shall, should = labels(found[SHALL]), labels(found[SHOULD])
    assert (shall["parentSuite"], shall["suite"], shall["severity"]) == (
        "TMS Treatment Management System", "Association negotiation", "critical",
    )  # fmt: skip
    assert shall["subSuite"].startswith(f"{SHALL} ") and should["suite"] == "RO-59 Retrieve static inputs"
    assert (found[SHALL]["status"], found[SHOULD]["status"]) == ("failed", "passed")
    assert "expected: this" in found[SHALL]["statusDetails"]["trace"]
    assert found[SHOULD]["name"].endswith(" [one two] (warned)") and found[SHOULD]["statusDetails"]["message"].startswith("WARNED")
    assert found[SHOULD]["parameters"] == [{"name": "case", "value": "one two"}]
    assert "Judged=2 of 2" in (folder / "environment.properties").read_text()


def sample():
    verdicts = [
        TestVerdict(
            SHALL,
            "tms/test_t.py::a",
            "failed",
            findings=({"expected": "x", "received": "y"},),
            exchanges=("# E\nMüller\n", "# F\n"),
        ),
        *(TestVerdict(SHOULD, f"tms/test_t.py::b[{n}]", "passed", exchanges=("# E\nMüller\n",)) for n in range(9)),
        TestVerdict(SHOULD, "tms/test_t.py::b[last]", "warned", findings=({"expected": "x", "received": "y"},)),
        TestVerdict("RO60-TMS-004", "tms/test_t.py::c", "skipped", reason="not judged: no workitem (to test with)"),
        TestVerdict("RO60-TMS-005", "tms/test_t.py::d", "error", reason="KeyError: 'ours'"),
    ]
    return results_of(verdicts, load_catalogue(), system="Clinic é", edition="ti")


def test_an_exchange_is_written_once_and_a_run_has_a_history(tmp_path):
    for _ in range(2):
        write_allure(tmp_path, sample())
    entries = read(tmp_path)
    assert len(entries) == 13, "the second run replaces the first"
    assert len(list(tmp_path.glob("exchange-*"))) == 2
    assert sum(len(one["attachments"]) for one in entries) == 11
    assert len({one["historyId"] for one in entries}) == 13
    names = [one["name"] for one in json.loads((tmp_path / "categories.json").read_text())]
    assert names[:3] == ["Nonconformity", "Warned", "Not judged: no workitem (to test with)"]
    assert r"System=Clinic \u00e9" in (tmp_path / "environment.properties").read_text()


def test_the_history_of_a_test_knows_neither_order_nor_time_nor_place(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_allure(first, sample())
    other = [
        dataclasses.replace(one, nodeid=f"tests/conformance/{one.nodeid}", duration=9.0, exchanges=(), reading="another")
        for one in reversed(sample().verdicts)
    ]
    write_allure(second, results_of(other, load_catalogue(), system="Clinic é", edition="ti"))
    identities = [{one["historyId"]: one["name"] for one in read(folder)} for folder in (first, second)]
    assert len(identities[0]) == 13 and identities[0] == identities[1]
    cases = [one["name"] for one in read(first) if SHOULD in one["name"]]
    assert len(set(cases)) == 10, "cases of a requirement are told apart by their titles"


def test_what_allure_wrote_of_fixtures_alone_is_gone(tmp_path):
    mine, others = {"uuid": "m", "labels": [{"name": "tdwii", "value": SHALL}]}, {"uuid": "o", "labels": []}
    for one in (mine, others):
        (tmp_path / f"{one['uuid']}-result.json").write_text(json.dumps(one))
    for number, children in enumerate((["m"], ["m", "o"], None)):
        content = {"uuid": str(number)} if children is None else {"uuid": str(number), "children": children}
        (tmp_path / f"{number}-container.json").write_text(json.dumps(content))
    write_allure(tmp_path, sample())
    assert [path.name for path in tmp_path.glob("*-container.json")] == ["1-container.json"]
    assert (tmp_path / "o-result.json").is_file() and not (tmp_path / "m-result.json").exists()


@pytest.mark.skipif(not shutil.which("allure"), reason="needs the program `allure` 3: npm install -g allure")
def test_allure_makes_reports_of_it_that_have_a_history(tmp_path):
    better = [dataclasses.replace(one, verdict="passed", findings=()) for one in sample().verdicts if one.requirement == SHALL]
    runs = [sample().verdicts, [*better, *(one for one in sample().verdicts if one.requirement != SHALL)]]
    for verdicts in runs:
        for name in ("results", "report"):  # a run of a CI system begins with none
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        write_allure(tmp_path / "results", results_of(verdicts, load_catalogue(), system="S", edition="ti"))
        command = ["allure", "generate", "--config", "results/allurerc.json", "-o", "report", "results"]
        ran = subprocess.run([shutil.which(command[0]), *command[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    tree = (tmp_path / "report" / "widgets" / "tree.json").read_text("utf-8")
    for part in ("TMS Treatment Management System", "RO-60 In progress", "RO60-TMS-004 ", "[last] (warned)"):
        assert part in tree
    categories = (tmp_path / "report" / "widgets" / "categories.json").read_text("utf-8")
    for name in ("Warned", "Not judged: no workitem (to test with)", "Error of the suite"):
        assert name in categories
    tests = [json.loads(path.read_text("utf-8")) for path in (tmp_path / "report/data/test-results").glob("*.json")]
    (fixed,) = [one for one in tests if one["name"].startswith(SHALL)]
    assert (fixed["status"], fixed["transition"], [one["status"] for one in fixed["history"]]) == ("passed", "fixed", ["failed"])
    assert len((tmp_path / "allure-history.jsonl").read_text("utf-8").splitlines()) == 2

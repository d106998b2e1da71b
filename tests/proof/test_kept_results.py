"""What `make proof` keeps: outcomes, valid for the sources that they were found with, judged by what is expected now."""

import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tdwii_conformance.defects import DEFECTS, knock_on

from . import proof, running, whole

RUN = whole.Run(("ost-echo-fails",), ("ost/test_negotiation_ost.py",))
FOUND = {
    "names": list(RUN.names), "modules": list(RUN.modules), "edition": "ti", "elsewhere": False, "seconds": 1, "cpu": 1, "tests": 11,
    "violated": {"NEG-OST-001": ["ost/test_negotiation_ost.py::test_echo"]}, "by": {}, "findings": {}, "not_judged": {}, "errors": [],
    "tests_of": {"ost/test_negotiation_ost.py": 11},
}  # fmt: skip


def forget():
    whole._said.cache_clear()
    whole._shared_sources.cache_clear()


@pytest.fixture
def write(tmp_path):
    """Writes a source below the folder of the test, which was not read before."""

    def text(content, name="defects/queries.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        forget()
        return path

    yield text
    forget()


@pytest.fixture
def said(write):
    return lambda *given: whole._said(write(*given))


@pytest.mark.parametrize(
    "other",
    [
        'Defect("a", apply, ("RO58-TMS-001", "CC28-TMS-001"))',
        'Defect("a", apply, ("CC28-TMS-001",))  # said twice',
        'Defect("a", apply, ())',
    ],
)
def test_naming_a_requirement_changes_no_outcome(said, other):
    assert said(other) == said('Defect("a", apply, ("RO58-TMS-001",))')


@pytest.mark.parametrize("other", ['Defect("a", apply, ("RO58",))', 'Defect("b", apply, ("RO58-TMS-001",))'])
def test_anything_else_does(said, other):
    assert said(other) != said('Defect("a", apply, ("RO58-TMS-001",))')


def test_requirement_of_a_test_is_no_naming(said):
    assert said('wanted = "RO58-TMS-001"', "tests/a.py") != said('wanted = "RO58-TMS-002"', "tests/a.py")


def test_reason_to_have_no_defect_changes_no_outcome(said):
    assert said('level = "shall"\nno_defect = "why"\n', "a.toml") == said('level = "shall"\n', "a.toml")


@pytest.mark.parametrize(
    ("file", "tms", "tdd"),
    [("checks/scu/tdd_query.py", True, False), ("defects/treating.py", True, False), ("checks/find.py", False, False)],
)
def test_what_judges_a_tdd_changes_no_outcome_of_a_tms(file, tms, tdd, write, tmp_path, monkeypatch):
    for name in (
        f"tdwii_conformance/{file}",
        "tests/proof/running.py",
        "tests/conformance/tms/a.py",
        "tests/conformance/tdd/a.py",
    ):
        write("pass", name)
    monkeypatch.setattr(running, "ROOT", tmp_path)

    def sources():
        return [whole.sources(whole.Run(("a",), (module,))) for module in ("tms/a.py", "tdd/a.py")]

    before = sources()
    write("break_it()", f"tdwii_conformance/{file}")
    assert [one == other for one, other in zip(before, sources(), strict=True)] == [tms, tdd]


def test_result_of_these_sources_is_not_made_again(tmp_path):
    kept = tmp_path / "proof.jsonl"
    result = FOUND | {"sources": whole.sources(RUN)}
    kept.write_text(json.dumps(FOUND | {"sources": "older", "tests": 0}) + "\n" + json.dumps(result) + "\n", encoding="utf-8")
    assert whole.results([RUN], kept, 1) == {RUN: result}


def test_result_of_other_sources_is_made_again(tmp_path):
    kept = tmp_path / "proof.jsonl"
    kept.write_text(json.dumps(FOUND | {"sources": "older", "tests": 0}) + "\n", encoding="utf-8")
    assert whole.results([RUN], kept, 1)[RUN]["tests"] > 0
    assert [json.loads(line)["sources"] for line in kept.read_text(encoding="utf-8").splitlines()] == ["older", whole.sources(RUN)]


def test_processes_make_room_for_others():
    again = whole.Run((), RUN.modules)
    made = whole.in_processes(whole._make, {RUN: (RUN, {}), again: (again, {})}, 1, runs=1)
    assert [(run, result["tests"] > 0) for run, result in made] == [(RUN, True), (again, True)]


def test_who_interrupts_it_waits_for_the_runs_that_were_begun_only(monkeypatch):
    begun, over = [], threading.Event()

    class Hands(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            over.set()
            super().shutdown(wait)

    class Process(whole._Process):
        def make(self, work, number):
            begun.append(number)
            if len(begun) > 1:
                over.wait()
            return {}

    monkeypatch.setattr(whole, "ThreadPoolExecutor", Hands)
    monkeypatch.setattr(whole, "_Process", Process)
    made = whole.in_processes(whole._make, {n: (n,) for n in range(9)}, 1)
    next(made)
    made.close()
    assert len(begun) <= 2


@pytest.mark.parametrize(
    ("violated", "problems"),
    [
        ({"NEG-OST-001": ["t"]}, []),
        ({"NEG-OST-001": ["t"], "NEG-OST-002": ["t"]}, ["NEG-OST-002 fails, and no defect names it"]),
        ({}, ["ost-echo-fails: nothing detects it", "NEG-OST-001 is not found violated"]),
    ],
)
def test_outcome_is_judged_by_what_is_expected_now(violated, problems):
    assert DEFECTS["ost-echo-fails"].requirements == ("NEG-OST-001",)
    found = whole.Judged(RUN, FOUND | {"violated": violated}).problems
    assert [one[: len(problem)] for one, problem in zip(found, problems, strict=True)] == problems


@pytest.mark.parametrize(
    ("by", "problems"),
    [
        ({}, []),  # nothing has to be seen there
        ({"NEG-OST-001": ["ost-echo-fails"]}, []),
        (
            {"NEG-OST-001": ["ost-keeps-no-earlier-record"]},
            ["NEG-OST-001 fails elsewhere, and ost-keeps-no-earlier-record does not name it: NEG-OST-001: expected otherwise"],
        ),
        ({"RO59-OST-001": ["ost-echo-fails"]}, ["RO59-OST-001 fails elsewhere, and ost-echo-fails does not name it"]),
        ({"CC24-TMS-025": ["ost-echo-fails"]}, []),
        (
            {"CC24-TMS-025": ["ost-keeps-no-earlier-record"]},
            ["CC24-TMS-025 fails elsewhere, and ost-keeps-no-earlier-record does not name it"],
        ),
    ],
)
def test_elsewhere_fails_only_what_is_named(by, problems, monkeypatch):
    monkeypatch.setattr(knock_on, "_snapshot", lambda: {("elsewhere", "ost-echo-fails"): ("CC24-TMS-025",)})
    run = whole.Run(("ost-echo-fails", "ost-keeps-no-earlier-record"), ("tms/test_cc_2_7_get.py",), elsewhere=True)
    result = {"violated": {requirement: [requirement] for requirement in by}, "by": by, "findings": dict.fromkeys(by, "otherwise")}
    found = whole.Judged(run, FOUND | result).problems
    assert [one[: len(problem)] for one, problem in zip(found, problems, strict=True)] == problems


def test_what_fails_with_conformant_simulators_is_a_problem():
    failing = {"violated": {"NEG-OST-001": ["t"]}}
    assert whole.Judged(whole.Run((), RUN.modules), FOUND | {"violated": {}}).problems == []
    (problem,) = whole.Judged(whole.Run((), RUN.modules), FOUND | failing).problems
    assert problem.startswith("false alarm, NEG-OST-001 fails")


def test_defect_that_others_hide_is_run_alone(monkeypatch):
    seen, hidden = DEFECTS["ost-echo-fails"], DEFECTS["ost-unknown-classes-abort"]
    asked = []

    def run(modules, names, **_):
        asked.append(tuple(names))
        tally = running.Tally()
        for requirement in hidden.requirements if tuple(names) == (hidden.name,) else seen.requirements:
            tally.violated[requirement] = ["t"]
        return tally

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(proof, "run", run)
    made = whole.Run((seen.name, hidden.name), ("ost/test_negotiation_ost.py",))
    logs = logging.root.manager.disable
    result = whole._make(made, {})
    assert logging.root.manager.disable == logs  # other tests in this process look at what is logged
    assert asked == [(seen.name, hidden.name), (hidden.name,)]
    assert whole.Judged(made, result).problems == []


def test_matrix_tells_what_was_detected_and_what_was_not():
    missed = whole._matrix([whole.Judged(RUN, FOUND | {"violated": {}})])
    assert "| NEG-OST-001 | 1 | `ost-echo-fails` |" in whole._matrix([whole.Judged(RUN, FOUND)])
    assert "| NEG-OST-001 | 0 | **not** `ost-echo-fails` |" in missed


DEFECT = "tdd-ro58-sop-class-valued"


def test_one_defect_from_the_command_line(tmp_path):
    options = ["--only", DEFECT, "--folder", tmp_path, "--numbers", tmp_path / "n.md"]
    command = [sys.executable, "-m", "tests.proof", *options]
    made = subprocess.run(command, cwd=running.ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    lines = list(map(json.loads, (tmp_path / "proof.jsonl").read_text(encoding="utf-8").splitlines()))
    (conformant,), (own, *elsewhere) = ([one for one in lines if bool(one["names"]) is named] for named in (False, True))
    every = proof.modules(["TDD"])
    assert (conformant["modules"], own["modules"]) == (every, ["tdd/test_new_completed.py"])
    assert sorted(module for one in elsewhere for module in one["modules"]) == [one for one in every if one not in own["modules"]]
    assert conformant["violated"] == {}
    assert "RO58-TDD-111" in own["violated"]
    fails = [one["modules"][0] for one in elsewhere if "RO58-TDD-111" in one["violated"]]
    assert "tdd/test_continuation_completed.py" in fails
    assert all(one["by"] == {test: [DEFECT] for test in one["findings"]} for one in elsewhere)
    assert conformant["tests"] == own["tests"] + sum(one["tests"] for one in elsewhere) > 1000


@pytest.mark.parametrize(("name", "elsewhere"), [("ost-echo-fails", True), ("tms-pdus-1-mb", False)])
def test_change_of_a_module_leaves_the_others_valid(name, elsewhere, tmp_path, monkeypatch):
    first, second = "tms/test_negotiation_tms.py", "tms/test_cc_3_1_sop_classes.py"
    run = whole.Run((name,), (first, second), elsewhere=elsewhere)
    made = []

    def make(work, todo, processes):
        for one in todo:
            made.append(one)
            if not one.names:
                yield one, FOUND | {"names": one.names, "modules": one.modules, "violated": {}, "verdicts": {}}
                continue
            tests = {f"{module}::test": [name] for module in one.modules}
            yield one, FOUND | {
                "names": one.names, "modules": one.modules, "elsewhere": elsewhere, "by": tests, "findings": dict.fromkeys(tests, "other"),
                "violated": {"NEG-TMS-001": list(tests)}, "errors": [f"{module}::test: error" for module in one.modules],
                "tests": 5 * len(tests), "tests_of": dict.fromkeys(one.modules, 5), "cpu": 2.0 * len(tests),
            }  # fmt: skip

    monkeypatch.setattr(whole, "in_processes", make)
    before = whole.results([run], tmp_path / "proof.jsonl", 1)[run]
    assert made == [run.conformant, run][not elsewhere :]
    assert (before["tests"], before["cpu"], len(before["errors"])) == (10, 4.0, 2)
    real = whole.sources
    monkeypatch.setattr(whole, "sources", lambda one: "new" if one.modules == (second,) else real(one))
    after = whole.results([run], tmp_path / "proof.jsonl", 1)[run]
    for name in ("violated", "by", "findings", "errors", "tests", "cpu"):
        assert after[name] == before[name]
    assert made[1 + elsewhere :] == [whole.Run(run.names, (second,), elsewhere=elsewhere)]

"""What `make proof` keeps: outcomes, valid for the sources that they were found with, judged by what is expected now."""

import json
import subprocess
import sys

import pytest

from tdwii_conformance.simulators.defects import DEFECTS, also

from . import proof, running, whole

RUN = whole.Run(("ost-echo-fails",), ("ost/test_negotiation_ost.py",))
FOUND = {
    "names": list(RUN.names), "modules": list(RUN.modules), "seconds": 1, "cpu": 1, "tests": 11, "not_judged": {}, "errors": [],
    "violated": {"NEG-OST-001": ["ost/test_negotiation_ost.py::test_echo"]}, "findings": {},
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
    [("checks/scu/tdd.py", True, False), ("simulators/defects/treating.py", True, False), ("checks/find.py", False, False)],
)
def test_what_judges_a_tdd_changes_no_outcome_of_a_tms(file, tms, tdd, write, tmp_path, monkeypatch):
    for name in (
        f"tdwii_conformance/{file}",
        "tests/defects/running.py",
        "tests/conformance/tms/a.py",
        "tests/conformance/tdd/a.py",
    ):
        write("pass", name)
    monkeypatch.setattr(running, "ROOT", tmp_path)

    def sources():
        return [whole._sources(whole.Run(("a",), (module,))) for module in ("tms/a.py", "tdd/a.py")]

    before = sources()
    write("break_it()", f"tdwii_conformance/{file}")
    assert [one == other for one, other in zip(before, sources(), strict=True)] == [tms, tdd]


def test_result_of_these_sources_is_not_made_again(tmp_path):
    kept = tmp_path / "proof.jsonl"
    result = FOUND | {"sources": whole._sources(RUN)}
    kept.write_text(json.dumps(FOUND | {"sources": "older", "tests": 0}) + "\n" + json.dumps(result) + "\n", encoding="utf-8")
    assert whole._results([RUN], kept, 1) == {RUN: result}


def test_result_of_other_sources_is_made_again(tmp_path):
    kept = tmp_path / "proof.jsonl"
    kept.write_text(json.dumps(FOUND | {"sources": "older", "tests": 0}) + "\n", encoding="utf-8")
    assert whole._results([RUN], kept, 1)[RUN]["tests"] > 0
    assert [json.loads(line)["sources"] for line in kept.read_text(encoding="utf-8").splitlines()] == ["older", whole._sources(RUN)]


def test_processes_make_room_for_others(monkeypatch):
    monkeypatch.setattr(whole, "RUNS_OF_A_PROCESS", 1)
    again = whole.Run(("ost-echo-fails",), RUN.modules, 5)
    assert [(run, result["tests"] > 0) for run, result in whole._made([RUN, again], 1)] == [(RUN, True), (again, True)]


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
    ("violated", "problems"),
    [
        ({}, []),  # nothing has to be seen there
        ({"NEG-OST-001": ["t"]}, []),
        ({"RO59-OST-001": ["t"]}, ["RO59-OST-001 fails elsewhere, and no defect names it (ost-echo-fails)"]),
        ({"CC24-TMS-025": ["t"]}, []),
    ],
)
def test_elsewhere_fails_only_what_is_named(violated, problems, monkeypatch):
    monkeypatch.setattr(also, "SPOILED", (also.Also("an echo is where all begins", "ost-echo-*", "CC24-*"),))
    run = whole.Run.elsewhere([DEFECTS["ost-echo-fails"]], 20)
    found = whole.Judged(run, FOUND | {"violated": violated}).problems
    assert [one[: len(problem)] for one, problem in zip(found, problems, strict=True)] == problems


def test_defect_is_run_against_every_module_of_its_side():
    group = [DEFECTS["ost-echo-fails"]]
    assert proof.against(group) == ["ost/test_negotiation_ost.py"]
    assert sorted([*proof.against(group), *proof.elsewhere(group)]) == sorted(proof.modules(["TMS", "OST"]))


def test_elsewhere_several_defects_are_told_apart(monkeypatch):
    first, second = "ost-echo-fails", "ost-keeps-no-earlier-record"
    found = {  # both at once, and each alone
        (first, second): {"NEG-OST-001": ["a"], "RO59-OST-001": ["b", "c"], "RO59-OST-002": ["d"]},
        (first,): {},
        (second,): {"RO59-OST-001": ["c"]},
    }
    asked = []

    def run(modules, names, **_):
        asked.append((sorted(modules), tuple(names)))
        violated = found[tuple(names)]
        outcome = running.Outcome(findings={test: "success" for tests in violated.values() for test in tests})
        outcome.violated.update({requirement: list(tests) for requirement, tests in violated.items()})
        return outcome

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(proof, "run", run)
    result = whole._make(whole.Run((first, second), ("tms/x.py",), 20))
    assert result["violated"] == {"NEG-OST-001": ["a"], "RO59-OST-001": ["c"]}
    assert result["findings"]["c"] == f"success ({second} alone)"
    assert asked == [(["tms/x.py"], (first, second)), (["b", "c", "d"], (first,)), (["b", "c", "d"], (second,))]


def test_defect_that_others_hide_is_run_alone(monkeypatch):
    seen, hidden = DEFECTS["ost-echo-fails"], DEFECTS["ost-unknown-classes-abort"]
    asked = []

    def run(modules, names, **_):
        asked.append(tuple(names))
        outcome = running.Outcome()
        for requirement in hidden.requirements if tuple(names) == (hidden.name,) else seen.requirements:
            outcome.violated[requirement] = ["t"]
        return outcome

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(proof, "run", run)
    made = whole.Run((seen.name, hidden.name), ("ost/test_negotiation_ost.py",))
    result = whole._make(made)
    assert asked == [(seen.name, hidden.name), (hidden.name,)]
    assert whole.Judged(made, result).problems == []


def test_only_a_watcher_s_module_sees_a_watcher():
    assert proof.elsewhere([next(defect for defect in DEFECTS.values() if defect.actor == "watcher")]) == []


def test_matrix_tells_what_was_detected_and_what_was_not():
    missed = whole._matrix([whole.Judged(RUN, FOUND | {"violated": {}})])
    assert "| NEG-OST-001 | 1 | `ost-echo-fails` |" in whole._matrix([whole.Judged(RUN, FOUND)])
    assert "| NEG-OST-001 | 0 | **not** `ost-echo-fails` |" in missed


def test_one_run_from_the_command_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tests.defects",
        "--only",
        "ost-echo-fails",
        "--folder",
        tmp_path,
        "--numbers",
        tmp_path / "n.md",
    ]
    made = subprocess.run(command, cwd=running.ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    elsewhere, own = sorted(map(json.loads, (tmp_path / "proof.jsonl").read_text().splitlines()), key=lambda one: -one["every"])
    assert (list(own["violated"]), list(elsewhere["violated"])) == (["NEG-OST-001"], [])
    assert (own["modules"], own["every"]) == (["ost/test_negotiation_ost.py"], 0)
    assert own["tests"] > 0
    assert len(elsewhere["modules"]) > 10
    assert elsewhere["tests"] > 50

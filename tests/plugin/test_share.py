"""How much was judged: in the last line, in JUnit, as a condition; and of a run that did not come to its end."""

import pytest

from .conftest import MAY, SHALL, SHOULD

HALF = """
@SHALL
def test_one(judge):
    judge([])

@SHOULD
def test_other():
    pytest.skip("not judged: no workitem to test with")
"""


def last_line(ran):
    return ran.out.strip().splitlines()[-1]


def test_last_line(run):
    assert last_line(run(HALF)) == "judged: 1 of 2 requirements that apply (50 %)"


@pytest.mark.parametrize(("required", "code"), [("50%", 0), ("50", 0), ("51%", 1), ("100%", 1)])
def test_condition(run, required, code):
    ran = run(HALF, "--require-judged", required)
    assert ran.code == code
    assert ("the run fails" in last_line(ran)) is bool(code)


@pytest.mark.parametrize("required", ["many", "101", "-1"])
def test_condition_that_is_none(run, required):
    ran = run(HALF, f"--require-judged={required}")
    assert ran.code == 4
    assert "is no share: a number from 0 to 100" in ran.out


def test_little_is_said_first(run):
    said = run(HALF.replace("judge([])", "pytest.skip('not judged: so')")).out
    summary = [line for line in said[said.index("= TDW-II conformance =") :].splitlines() if line]
    assert summary[1].startswith("LITTLE WAS JUDGED: 0 of 2 requirements that apply (0 %)")


STOPPED = """
@SHALL
def test_one(judge):
    judge([])

@SHOULD
def test_stopped():
    raise KeyboardInterrupt

@MAY
def test_not_run(judge):
    judge([])
"""


def test_interrupted(run, pytester):
    ran = run(STOPPED, "--report", "page.html", "--junit-xml", "junit.xml")
    assert ran.code == 2
    assert "not judged: the run was interrupted" in ran.out
    assert last_line(ran) == "judged: 1 of 3 requirements that apply (33 %)"
    page, junit = ((pytester.path / name).read_text() for name in ("page.html", "junit.xml"))
    assert "the run was interrupted; 2 tests of 2 requirements were not run" in page
    assert '<property name="not finished" value="the run was interrupted"' in junit
    assert all(f'name="not judged" value="{requirement} ' in junit for requirement in (SHOULD, MAY))
    assert f'name="not judged" value="{SHALL} ' not in junit


def test_stopped_at_the_first_failure(run):
    ran = run(STOPPED.replace("raise KeyboardInterrupt", "pass").replace("judge([])", "judge([FAULT])", 1), "-x")
    assert "the run ended early: stopping after 1 failures; 2 tests of 2 requirements were not run" in ran.out


FAILURES = """
@SHALL
@pytest.mark.parametrize("n", range(300))
def test_it(judge, n):
    judge([FAULT] * 5)
"""


@pytest.mark.parametrize("ci", ["", "true"])  # where CI is set, pytest itself shortens nothing
def test_terminal_shows_no_more_than_a_person_reads(run, monkeypatch, ci):
    monkeypatch.setenv("CI", ci)
    ran = run(FAILURES)
    lines = ran.out.splitlines()
    shown = lines[next(n for n, line in enumerate(lines) if "= not met =" in line) :]
    assert len(shown) < 40
    assert "FAILURES" not in ran.out and "short test summary" not in ran.out
    assert "  tests:    300 of 300 failed" in shown and "  more:     1499 findings like this or others" in shown
    assert any("--failure-lines 0 shows them here" in line for line in shown)
    assert "300 failed" in ran.out


def test_terminal_shows_all_when_asked(run):
    assert len(run(FAILURES, "--failure-lines", 0).out.splitlines()) > 300 * 15

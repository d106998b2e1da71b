"""The exit code: 0 everything is met, 1 it is not, 2 interrupted, 4 it cannot be judged; a baseline decides between 0 and 1."""

import socket

import pytest

from .conftest import SHALL

MET, VIOLATED = (f"\n@SHALL\ndef test_it(judge):\n    judge([{finding}])\n" for finding in ("", "FAULT"))


def test_met(run):
    assert run(MET).code == 0


def test_violated(run):
    assert run(VIOLATED).code == 1


def test_interrupted(run):
    ran = run(MET + "\n@SHOULD\ndef test_stopped():\n    raise KeyboardInterrupt\n")
    assert ran.code == 2
    assert "TDW-II conformance" in ran.out  # what was judged by then is reported


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sut", "none.toml"], "none.toml"),
        (["--embedded", "--sut", "none.toml"], "exclude each other"),
        (["--transcript", "none.jsonl"], "none.jsonl: cannot be read"),
        (["--embedded", "--transcript", "none.jsonl"], "goes without --embedded"),
        (["--defect", "ro58-study-abset"], "ro58-study-abset"),
        (["--sut", "none.toml", "--defect", "ro58-study-absent"], "embedded simulators"),
        (["--update-baseline"], "needs --baseline FILE"),
        (["--edition", "2014"], "invalid choice"),
    ],
)
def test_what_was_asked_for_makes_no_sense(run, arguments, message):
    ran = run(MET, *arguments)
    assert ran.code == 4
    assert message in ran.out
    assert "Traceback" not in ran.out


def test_system_that_is_not_there(run, pytester):
    with socket.socket() as nobody:  # bound, and does not listen
        nobody.bind(("127.0.0.1", 0))
        description = pytester.makefile(
            ".toml",
            sut=f"""
            [system]
            name = "Absent"
            [tms]
            ae_title = "TMS"
            host = "127.0.0.1"
            port = {nobody.getsockname()[1]}
            [ours.tdd]
            ae_title = "TDD"
            port = 11113
            [workitems]
            source = "existing"
            [workitems.station]
            value = "FX1"
            scheme = "99X"
            meaning = "FX1"
            """,
        )
        ran = run(MET, "--sut", description)
    assert ran.code == 4
    assert ran.verdicts == {}
    assert "TMS" in ran.out


def test_baseline_is_written_and_compared_with(run, pytester):
    file = pytester.path / "baseline.toml"
    assert run(MET, "--baseline", file, "--update-baseline").code == 0
    assert f'{SHALL} = "passed"' in file.read_text(encoding="utf-8")
    assert run(MET, "--baseline", file).code == 0
    worse = run(VIOLATED, "--baseline", file)
    assert worse.code == 1
    assert "compared with the baseline" in worse.out


def test_what_failed_before_may_fail_again(run, pytester):
    file = pytester.path / "baseline.toml"
    run(VIOLATED, "--baseline", file, "--update-baseline")
    assert run(VIOLATED, "--baseline", file).code == 0


def test_what_is_no_longer_judged_is_worse(run, pytester):
    file = pytester.path / "baseline.toml"
    run(MET, "--baseline", file, "--update-baseline")
    assert run("@SHALL\ndef test_it():\n    pytest.skip('not judged')", "--baseline", file).code == 1


def test_baseline_of_another_system(run, pytester):
    file = pytester.path / "baseline.toml"
    run(MET, "--baseline", file, "--update-baseline")
    ran = run(MET, "--baseline", file, "--defect", "ro58-study-absent")
    assert ran.code == 4
    assert "embedded simulators with ro58-study-absent" in ran.out


def test_baseline_that_is_not_there(run, pytester):
    ran = run(MET, "--baseline", pytester.path / "none.toml")
    assert ran.code == 4
    assert "none.toml" in ran.out

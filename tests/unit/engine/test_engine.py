"""The engine: the suite run from Python, its verdicts as data, and what cannot be run as an exception."""

import os
import re
import socket
from pathlib import Path

import pytest

from tdwii_conformance import engine
from tdwii_conformance.plugin import NotReachable
from tdwii_conformance.sut.config import ConfigError, load_system

PART = "ost/test_negotiation_ost.py"
DOCS = Path(__file__).parents[3] / "docs"
DESCRIPTION = """
[system]
name = "Absent"
[ost]
ae_title = "OST"
host = "127.0.0.1"
port = {}
[ours.tdd]
ae_title = "TDD"
[workitems.station]
value = "FX1"
"""


@pytest.fixture
def absent(tmp_path):
    """The description of a system that is not there."""
    with socket.socket() as bound:  # and does not listen
        bound.bind(("127.0.0.1", 0))
        path = tmp_path / "absent.toml"
        path.write_text(DESCRIPTION.format(bound.getsockname()[1]), encoding="utf-8")
        yield path


def test_example_of_the_docs_is_as_it_says(capsys):
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    (program,), (printed,) = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "text"))
    exec(compile(program, "docs/python.md", "exec"), {})
    assert capsys.readouterr().out == printed


def test_verdicts_are_data(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")  # meant for another run
    result = engine.run([f"{PART}::TestNegotiation::test_answers_echo"], deviations=["ost-echo-fails"])
    (verdict,) = result.verdicts
    assert (result.exit_code, verdict.requirement, verdict.verdict) == (1, "NEG-OST-001", "failed")
    assert verdict.findings[0]["expected"]
    assert any("C-ECHO" in text for text in verdict.exchanges)
    assert "NEG-OST-001" in result.output
    assert (result.errors, result.problem) == ((), None)
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"


def test_nothing_is_printed_unless_it_is_to_be_shown(capfd):
    engine.run([PART], options=["-k", "echo"])
    assert capfd.readouterr() == ("", "")
    shown = engine.run([PART], options=["-k", "echo"], show=True)
    assert "TDW-II conformance" in capfd.readouterr().out
    assert shown.output == ""


def test_edition_and_options_reach_the_run(tmp_path):
    page = tmp_path / "report.html"
    result = engine.run([PART], edition="2013", options=["-k", "echo", f"--tdwii-report={page}"])
    assert (result.exit_code, len(result.verdicts)) == (0, 1)
    assert "2013" in page.read_text(encoding="utf-8")


def test_current_folder_and_its_configuration_are_left_alone(tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert engine.run([PART], options=["-k", "echo"]).exit_code == 0
    assert Path.cwd() == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["pytest.ini"]


@pytest.mark.parametrize(
    "part",
    [PART, f"{PART}::TestNegotiation", f"{PART}::TestNegotiation::test_answers_echo"],
)  # fmt: skip
def test_requirements_and_parts_add_up(part):
    ran = engine.run(["NEG-TMS-001", part], options=["-k", "echo"])
    assert {one.requirement for one in ran.verdicts} == {"NEG-TMS-001", "NEG-OST-001"}


def test_no_test_is_no_success():
    assert engine.run([PART], options=["-k", "no_such_test"]).exit_code == 5


@pytest.mark.parametrize("part", ["nothing", "/etc", "tms/none.py"])
def test_what_is_no_part_of_the_suite_is_named(part):
    with pytest.raises(engine.UnknownPart, match=f"'{part}' is no part of the suite: there are ost, tdd, tms, watcher"):
        engine.run([part])


def test_wrong_description(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        engine.run([PART], system=tmp_path / "none.toml")


def test_system_that_is_not_there(absent):
    with pytest.raises(NotReachable, match=r"OST: no connection to 127\.0\.0\.1"):
        engine.run([PART], system=absent)


def test_system_as_an_object(absent):
    system = load_system(absent)
    with pytest.raises(NotReachable, match=r"OST: no connection to 127\.0\.0\.1"):
        engine.run([PART], system=system)
    with pytest.raises(engine.EngineError, match="give its file"):
        engine.run([PART], system=system, options=["-n", "2"])


def test_shown_run_tells_its_problem_in_the_result(absent, capfd):
    result = engine.run([PART], system=absent, show=True)
    assert isinstance(result.problem, NotReachable)
    assert (result.exit_code, result.verdicts) == (4, ())
    assert "OST: no connection" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"options": ["--no-such-option"]}, "unrecognized arguments: --no-such-option"),
        ({"deviations": ["ost-echo-fial"]}, "ost-echo-fial"),
        ({"options": ["--tdwii-update-baseline"]}, "needs --baseline FILE"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(engine.EngineError, match=message):
        engine.run([PART], **options)


def test_module_that_cannot_be_collected_is_an_error(tmp_path):
    (tmp_path / "suite.ini").write_text("[pytest]\naddopts = -p tdwii_conformance.plugin\n", encoding="utf-8")
    (tmp_path / "test_broken.py").write_text("import no_such_module\n", encoding="utf-8")
    result = engine.run(suite=tmp_path)
    assert (result.exit_code, result.verdicts) == (2, ())
    assert "test_broken.py: cannot be collected" in result.errors[0]
    assert "no_such_module" in result.errors[0]

"""`tdwii run`: the suite is found, what is said reaches pytest, and what cannot be judged is said before any test is run."""

import subprocess
import sys
from pathlib import Path

import pytest
from serving import environment

from tdwii_conformance import resources
from tests.ports import free_port

CHECKOUT = Path(__file__).resolve().parents[3]
SUITE = CHECKOUT / "tests" / "conformance"
PYTEST = resources.pytest_arguments()


@pytest.fixture
def handed_over(monkeypatch):
    """What pytest is told."""
    calls = []
    monkeypatch.setattr(pytest, "main", lambda arguments, plugins: calls.append(arguments) or 0)
    return calls


def test_the_suite_of_the_checkout_is_run_by_pytest(tdwii, handed_over):
    assert tdwii("run").code == 0
    assert handed_over == [[*PYTEST, str(SUITE)]]


def test_parts_come_first_and_the_rest_is_pytests(tdwii, handed_over):
    assert tdwii("run", "tms", "ost/test_negotiation_ost.py::test_x", "--embedded", "-k", "tms", "-x", "-n", "2", "-v").code == 0
    (arguments,) = handed_over
    assert arguments == [
        *PYTEST, "--embedded", "-k", "tms", "-x", "-n", "2", "-v",
        str(SUITE / "tms"), str(SUITE / "ost/test_negotiation_ost.py::test_x"),
    ]  # fmt: skip


def test_requirements_are_chosen_by_id_transaction_and_section(tdwii, handed_over):
    assert tdwii("run", "RO60-TMS-004", "cc.2.3", "tms", "--embedded").code == 0
    names = ["--tdwii-requirement=RO60-TMS-004", "--tdwii-requirement=cc.2.3"]
    assert handed_over == [[*PYTEST, *names, f"--tdwii-part={SUITE / 'tms'}", "--embedded", str(SUITE)]]


def test_help_is_ours_and_pytests_behind_a_dash(tdwii, handed_over):
    ran = tdwii("run", "--help")
    assert ran.code == 0 and "--sut FILE" in ran.out and handed_over == []
    assert tdwii("run", "--", "--help").code == 0
    assert handed_over == [[*PYTEST, "--help", str(SUITE)]]


@pytest.mark.parametrize("word", ["nothing", "/etc", "tms/none.py"])
def test_what_is_no_part_of_the_suite_is_named(word, tdwii, handed_over):
    ran = tdwii("run", word)
    assert ran.code == 2 and "is no part of the suite: there are" in ran.err and "tms" in ran.err
    assert handed_over == []


def test_a_wrong_description_is_said_before_any_test(tdwii, tmp_path):
    ran = tdwii("run", "--sut", "nowhere.toml")
    assert ran.code == 2 and "nowhere.toml: cannot be read" in ran.err
    (tmp_path / "sut.toml").write_text('[system]\nname = "x"\n[tms]\nae_titel = "TMS"\n')
    ran = tdwii("run", "--sut=sut.toml")
    assert ran.code == 2 and "tms.ae_titel: unknown key; did you mean 'ae_title'?" in ran.err


def test_a_system_that_is_not_there_is_said_before_any_test(tdwii, tmp_path):
    (tmp_path / "sut.toml").write_text(
        f'[system]\nname = "x"\n[tms]\nae_title = "TMS"\nhost = "127.0.0.1"\nport = {free_port()}\n'
        '[workitems.station]\nvalue = "FX1"\n'
    )
    ran = tdwii("run", "--sut", "sut.toml")
    assert ran.code == 3 and "TMS: no connection to 127.0.0.1" in ran.err


def test_an_installation_without_the_tests_is_incomplete(tdwii, handed_over, monkeypatch, tmp_path):
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "lib" / "tdwii_conformance")
    resources._folder.cache_clear()
    ran = tdwii("run")
    resources._folder.cache_clear()
    assert ran.code == 2
    assert "is incomplete: there is neither" in ran.err and "install it again" in ran.err


def test_other_tests_than_those_that_came_with_it(tdwii, handed_over, tmp_path):
    assert tdwii("run", "--suite", SUITE).code == 0
    assert handed_over == [[*PYTEST, str(SUITE)]]
    ran = tdwii("run", "--suite", tmp_path)
    assert ran.code == 2 and "has no suite.ini" in ran.err


def test_it_runs_from_anywhere_and_ends_as_pytest_does(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "tdwii_conformance", "run", *arguments],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=180,
        )  # fmt: skip

    part = "ost/test_negotiation_ost.py"
    met = run(part, "--embedded", "-q")
    assert met.returncode == 0, met.stdout + met.stderr
    assert " passed" in met.stdout
    none = run(part, "--embedded", "-q", "-k", "no_such_test", "-p", "no:cacheprovider")
    assert none.returncode == 5, none.stderr  # pytest: no tests were collected
    assert list(tmp_path.iterdir()) == []

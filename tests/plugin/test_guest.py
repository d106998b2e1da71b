"""Other projects: they run as if we were not installed, and beside plugins that have options of the same names."""

import os
from importlib.metadata import entry_points

import pytest

from .conftest import LOADED, SHALL


def test_no_run_gets_the_plugin_unasked():
    assert [point.name for point in entry_points(group="pytest11") if point.value.startswith("tdwii")] == []


@pytest.fixture
def subprocess(pytester, monkeypatch):
    """Run pytest in a process of its own, which finds modules and distributions in the test's folder."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester.runpytest_subprocess


@pytest.fixture
def reporter(pytester):
    """A distribution with a plugin that has options like pytest-reporter's, and one that has them like others."""
    options = """
        def pytest_addoption(parser):
            group = parser.getgroup("report generation")
            group.addoption("--report", action="append", default=[])
            group.addoption("--sut", dest="sut", default="theirs")

        def pytest_report_header(config):
            return f"theirs: {config.getoption('report')} {config.getoption('sut')}"
        """
    pytester.makepyfile(alien_reporter=options)
    info = pytester.mkdir("alien_reporter-1.0.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: alien-reporter\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[pytest11]\nreporter = alien_reporter\n", encoding="utf-8")


MET = f"import pytest\n@pytest.mark.requirement({SHALL!r})\ndef test_it(judge):\n    judge([])\n"


def test_alien_project_has_none_of_our_options(subprocess, pytester):
    pytester.makepyfile("def test_it(request):\n    assert not [name for name in vars(request.config.option) if 'tdwii' in name]")
    ran = subprocess("-p", "no:tdwii_conformance")
    ran.assert_outcomes(passed=1)
    assert "TDW" not in ran.stdout.str()


@pytest.mark.usefixtures("reporter")
def test_option_of_another_plugin_stays_its_own(subprocess, pytester):
    pytester.makepyfile(MET)
    ran = subprocess(*LOADED, "--report", "a.html", "--report=b.html", "--sut", "x")
    ran.assert_outcomes(passed=1)
    ran.stdout.fnmatch_lines(["theirs: ['a.html', 'b.html'] x", "*TDW-II conformance*"])
    assert not (pytester.path / "a.html").exists()


@pytest.mark.usefixtures("reporter")
def test_prefixed_option_is_always_ours(subprocess, pytester):
    pytester.makepyfile(MET)
    ran = subprocess(*LOADED, "--tdwii-report", "ours.html", "--report", "a.html")
    ran.assert_outcomes(passed=1)
    ran.stdout.fnmatch_lines(["theirs: ['a.html'] theirs", "report: *ours.html"])
    assert SHALL in (pytester.path / "ours.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("reporter")
def test_both_in_workers(subprocess, pytester):
    pytester.makepyfile(MET)
    ran = subprocess(*LOADED, "-n", "1", "--tdwii-edition", "2013", "--report", "a.html", "--tdwii-evidence", "seen")
    ran.assert_outcomes(passed=1)


def test_short_name_is_ours_where_it_is_free(subprocess, pytester):
    pytester.makepyfile(MET)
    subprocess(*LOADED, "--report", "ours.html").assert_outcomes(passed=1)
    assert SHALL in (pytester.path / "ours.html").read_text(encoding="utf-8")


def test_loaded_by_a_conftest(subprocess, pytester):
    pytester.makeconftest("pytest_plugins = ['tdwii_conformance.plugin']")
    pytester.makepyfile(MET)
    ran = subprocess("-p", "no:tdwii_conformance", "--report", "ours.html", "--tdwii-edition", "ti")
    ran.assert_outcomes(passed=1)
    assert (pytester.path / "ours.html").exists()


def test_loaded_twice_is_loaded_once(subprocess, pytester):
    pytester.makepyfile(MET)
    pytester.makeini("[pytest]\naddopts = -p tdwii_conformance.plugin")
    subprocess(*LOADED).assert_outcomes(passed=1)


def test_marker_of_the_plugin_is_known_where_markers_are_strict(subprocess, pytester):
    pytester.makepyfile(MET)
    subprocess(*LOADED, "--strict-markers", "-W", "error").assert_outcomes(passed=1)


def test_help_names_each_option_once(subprocess):
    text = subprocess(*LOADED, "--help").stdout.str()
    assert text.count("--report=FILE") == 1
    assert "--tdwii-NAME" in text

"""How far a run is, in a line now and then."""

import pytest

from tdwii_conformance.plugin import progress

from .conftest import BEGIN, LOADED

TESTS = "\n@SHALL\n@pytest.mark.parametrize('n', range(4))\ndef test_it(n):\n    pass\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (119, "119 s"), (125, "2 min"), (3600, "60 min"), (7500, "2 h 5 min"), (86400, "24 h 0 min")],
)
def test_times_as_a_person_says_them(seconds, words):
    assert progress.spoken(seconds) == words


def test_time_left_by_the_time_that_was_taken(run, monkeypatch):
    ticks = iter(range(0, 10_000, 40))
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (lambda: float(next(ticks)),))
    ran = run(TESTS)
    # The clock stands at 40 s when the tests begin, and each takes 40 s; the last one needs no line.
    lines = [line for line in ran.out.splitlines() if line.endswith(" left")]
    assert lines == [
        "1 of 4 tests (25 %) after 40 s, about 2 min left",
        "2 of 4 tests (50 %) after 80 s, about 80 s left",
        "3 of 4 tests (75 %) after 2 min, about 40 s left",
    ]


def test_short_runs_and_other_tests_say_nothing(run, monkeypatch):
    assert " left\n" not in run(TESTS).out
    monkeypatch.setattr(progress, "EVERY", 0)
    assert " left\n" not in run("def test_other():\n    pass\n" + TESTS).out
    assert " left\n" in run(TESTS).out


SAYS = """
from tdwii_conformance.plugin.terminal import said

@pytest.fixture
def ends(request):
    yield
    said(request.config, "putting away 5 workitems")

@SHALL
def test_it(ends, judge):
    judge([])
"""


def test_what_a_fixture_says_at_its_end_is_seen(pytester):
    pytester.makepyfile(test_it=BEGIN + SAYS)
    ran = pytester.runpytest_subprocess(*LOADED)  # in this process its output would be captured by us, and not by its own capture
    ran.stdout.fnmatch_lines(["*putting away 5 workitems*"])

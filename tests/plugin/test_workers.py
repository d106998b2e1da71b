"""pytest-xdist: what stays on one worker, and that everything else is spread as xdist does it."""

import re
from collections import defaultdict

import pytest

from .conftest import BEGIN, LOADED

CONFORMANCE = BEGIN + '@SHALL\n@pytest.mark.parametrize("n", range(6))\ndef test_it(n):\n    pass\n'
LISTENING = BEGIN + '@SHALL\n@pytest.mark.parametrize("n", range(6))\ndef test_it(n, {}):\n    pass\n'
ALIEN = 'import pytest\n@pytest.mark.parametrize("n", range(20))\ndef test_it(n):\n    pass\n'


@pytest.fixture
def workers(pytester):
    """Run modules on two workers; return of each module the workers that had tests of it."""

    def of(*arguments, **modules):
        pytester.makepyfile(**modules)
        ran = pytester.runpytest_subprocess(*LOADED, "-n", "2", "-v", *map(str, arguments))
        assert ran.ret == 0, ran.stdout.str()
        found, tests = defaultdict(set), 0
        for worker, module in re.findall(r"\[(gw\d)\].* PASSED (\w+)\.py::", ran.stdout.str()):
            found[module].add(worker)
            tests += 1
        ran.assert_outcomes(passed=tests)
        return found

    return of


def test_alien_tests_are_spread(workers):
    assert workers(test_alien=ALIEN) == {"test_alien": {"gw0", "gw1"}}


def test_module_of_conformance_tests_stays_together(workers):
    found = workers(test_a=CONFORMANCE, test_b=CONFORMANCE, test_alien=ALIEN)
    assert (len(found["test_a"]), len(found["test_b"])) == (1, 1)


def test_alien_tests_are_spread_beside_conformance_tests(workers):
    """Who has but two tests before it gets one at once."""
    assert len(workers(test_a=CONFORMANCE.replace("6", "2"), test_alien=ALIEN)["test_alien"]) == 2


def test_what_is_marked_stays_together(workers):
    marked = ALIEN.replace("@pytest", "@pytest.mark.one_worker('us')\n@pytest", 1)
    found = workers(test_a=marked, test_b=marked, test_c=ALIEN)
    assert len(found["test_a"] | found["test_b"]) == 1


def test_another_distribution_is_left_to_xdist(workers):
    """And gets the ids as they are."""
    assert set(workers("--dist", "worksteal", test_a=CONFORMANCE, test_b=CONFORMANCE)) == {"test_a", "test_b"}


@pytest.mark.parametrize("fixture", ["receiver", "partners"])
def test_who_listens_on_one_address_of_ours_shares_a_worker(workers, fixture, describe, pytester):
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef partners():\n    pass\n")
    text = LISTENING.format(fixture)
    found = workers("--sut", describe(), test_a=text, test_b=text, test_c=CONFORMANCE)
    assert len(found["test_a"] | found["test_b"]) == 1


def test_embedded_systems_know_an_address_for_each_worker(workers):
    text = LISTENING.format("receiver")
    found = workers("--embedded", test_a=text, test_b=text)
    assert len(found["test_a"] | found["test_b"]) == 2


def test_verdicts_of_all_workers_are_in_one_table(pytester):
    pytester.makepyfile(test_a=CONFORMANCE, test_b=CONFORMANCE.replace("@SHALL", "@MAY"))
    ran = pytester.runpytest_subprocess(*LOADED, "-n", "2")
    ran.assert_outcomes(passed=12)
    ran.stdout.fnmatch_lines(["*TDW-II conformance*", "*total * 2"])


def test_failure_in_a_worker_is_explained(pytester):
    pytester.makepyfile(test_a=BEGIN + "@SHALL\ndef test_it(judge):\n    judge([FAULT])\n")
    ran = pytester.runpytest_subprocess(*LOADED, "-n", "2")
    assert ran.ret == 1
    ran.stdout.fnmatch_lines(["*expected: this", "*received: that"])


INTERRUPTED = """
import pytest

class Interrupts:
    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            raise KeyboardInterrupt

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Interrupts())
"""


def test_what_was_not_run_is_said_though_the_workers_say_nothing_more(pytester):
    pytester.makeconftest(INTERRUPTED)
    pytester.makepyfile(test_a=CONFORMANCE, test_b=CONFORMANCE.replace("@SHALL", "@MAY"))
    ran = pytester.runpytest_subprocess(*LOADED, "-n", "2", "--report", "page.html", "--junit-xml", "junit.xml")
    assert ran.ret == 2
    ran.stdout.fnmatch_lines(["the run was interrupted; 11 tests of 2 requirements were not run"])
    assert "the run was interrupted; 11 tests" in (pytester.path / "page.html").read_text()
    assert 'name="not finished"' in (pytester.path / "junit.xml").read_text()

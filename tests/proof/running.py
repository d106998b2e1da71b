"""Runs conformance tests, in this process, against simulators with defects, and tells which requirements were found violated."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from tdwii_conformance import engine
from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.defects import DEFECTS
from tdwii_conformance.dimse import Timeouts
from tdwii_conformance.plugin import Setting, requirement_key
from tdwii_conformance.sut.config import Edition, embedded

from . import threads

ROOT = Path(__file__).parents[2]
CONFORMANCE = "tests/conformance"
# Seconds that an event report is waited for with a defect: hundreds are about some that do not come.
EVENT_TIMEOUT = 4.0
# With these every release of an association is waited for in vain: so many seconds.
UNANSWERED, RELEASE_TIMEOUT = frozenset({"tms-release-unanswered", "ost-release-unanswered"}), 1.0
ANSWER_TIMEOUT = 1.5  # seconds that a response is waited for with a service that is unanswered
PDU_TIMEOUT = 3.0  # seconds that an answer is waited for with defects of the upper layer: some answer nothing
STEP_TIMEOUT = 8.0  # seconds that the next step of a TDD or a watcher is waited for
MET, VIOLATED, NOT_JUDGED, ERROR = "met", "violated", "not judged", "error"
NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})


def _timeouts(usual: Timeouts, names: Sequence[str]) -> Timeouts:
    """Return time-outs that are shorter where a defect has them run out."""
    if UNANSWERED.intersection(names):
        return dataclasses.replace(usual, association=RELEASE_TIMEOUT)
    if any(name.endswith("-unanswered") for name in names if name in DEFECTS):
        return dataclasses.replace(usual, message=ANSWER_TIMEOUT)
    if names and all(name in DEFECTS and DEFECTS[name].requirements[0].startswith("UL-") for name in names):
        return dataclasses.replace(usual, association=PDU_TIMEOUT, message=PDU_TIMEOUT)
    return usual


@dataclass
class Tally:
    """What a run found.

    Parameters
    ----------
    violated : dict of str to list of str
        Requirement id to the tests that found it violated.
    by : dict of str to list of str
        Of these tests, the defects that each fails with alone, where that was looked for.
    readings : dict of str to set of str
        Requirement id to the readings that were noted.
    findings : dict of str to str
        What was expected and received instead, of each of these tests.
    passed, not_judged : set of str
        Requirements that some test passed, and those of which a test was not judged.
    verdicts : dict of str to str
        Of each test that was run: met, violated, not judged or error.
    errors : list of str
        Tests that ended in an error: neither met nor violated, so that the suite is at fault.
    tests : int
        How many were run.
    tests_of : dict of str to int
        How many of each module.
    exit_code : int
        pytest's.
    """

    violated: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    readings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: dict[str, str] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    not_judged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    tests: int = 0
    tests_of: Counter[str] = field(default_factory=Counter)
    exit_code: int = 0


class Recorder:
    """A plugin of the inner run: takes the verdicts from the reports, as the suite's own reports do."""

    def __init__(self, tally: Tally, wanted: Mapping[str, Collection[str]], sample: int, only: Collection[str]) -> None:
        self.tally, self.wanted, self.sample, self.only = tally, wanted, sample, only
        self._observed: dict[str, Any] = {}  # of each module, what a system that calls us did

    def pytest_configure(self, config: pytest.Config) -> None:
        config.option.tbstyle = "no"  # nobody reads them

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave all but every n-th test out of what is not wanted; or all but some tests."""
        if self.only:
            items[:] = [item for item in items if _test(item.nodeid) in self.only]
        elif self.sample != 1:
            wanted = self._wanted(items)
            items[:] = [item for n, item in enumerate(items) if item.nodeid in wanted or (self.sample and n % self.sample == 0)]

    def _wanted(self, items: list[pytest.Item]) -> set[str]:
        tests = defaultdict(set)
        for item in items:
            tests[item.stash[requirement_key].id].add(item.nodeid)
        found: set[str] = set()
        for requirement, cases in self.wanted.items():
            of_cases = [{test for test in tests[requirement] if of_case(test, case)} for case in cases]
            # Where there is no test of a case, any can be the one that shows it.
            found |= set.union(*of_cases) if of_cases and all(of_cases) else tests[requirement]
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: pytest.FixtureRequest) -> Any:
        """Keep what was observed of a system that calls us."""
        value = yield
        if fixturedef.argname == "observation":
            self._observed[request.node.nodeid] = value
        return value

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> object:
        """Say at once what a test will find that only judges what was observed, where it is met or not judged.

        pytest needs twenty times as long for such a test as the judge. Not the first of a module, which observes, nor the last, with
        which the module ends; nor where all that is made for a report is looked at, in the modules that a defect concerns.
        """
        module = item.nodeid.partition("::")[0]
        if not self.only or module not in self._observed or nextitem is None or not nextitem.nodeid.startswith(f"{module}::"):
            return None
        requirement, test = item.stash[requirement_key], _test(item.nodeid)
        try:
            judgement = judge_scu(requirement, self._observed[module])
        except Exception:
            return None
        if judgement.findings and not judgement.not_judged:
            return None
        self.tally.tests += 1
        self.tally.tests_of[module.removeprefix(f"{CONFORMANCE}/")] += 1
        if judgement.not_judged:
            self.tally.verdicts[test] = NOT_JUDGED
            self.tally.not_judged[requirement.id].append(f"{test}: not judged: {judgement.not_judged}")
        else:
            self.tally.verdicts[test] = MET
            self.tally.passed.add(requirement.id)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record = getattr(report, "tdwii", None)
        if record is None:
            if report.failed:
                test = _test(report.nodeid)
                self.tally.verdicts[test] = ERROR
                self.tally.errors.append(f"{test} ({report.when}): {report.longreprtext.splitlines()[-1:]}")
            return
        self.tally.tests += 1
        self.tally.tests_of[_test(report.nodeid).partition("::")[0]] += 1
        identifier, verdict, test = record["requirement"], record["verdict"], _test(report.nodeid)
        said: dict[str, Any] = dict(report.user_properties)
        if record["reading"]:
            self.tally.readings[identifier].add(record["reading"])
        if verdict == "failed" or (verdict == "warned" and said["level"] == "should"):
            self.tally.verdicts[test] = VIOLATED
            self.tally.violated[identifier].append(test)
            self.tally.findings[test] = " ".join(said["findings"].partition("expected:")[2].split())[:300]
        elif verdict == "error":
            self.tally.verdicts[test] = ERROR
            self.tally.errors.append(f"{test}: {record['reason']}")
        elif verdict == "skipped":
            self.tally.verdicts[test] = NOT_JUDGED
            self.tally.not_judged[identifier].append(f"{test}: {record['reason']}")
        else:
            self.tally.verdicts[test] = MET
            self.tally.passed.add(identifier)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.tally.errors.append(f"{report.nodeid}: cannot be collected: {report.longreprtext.splitlines()[-1:]}")


def _test(node: str) -> str:
    return node.removeprefix(f"{CONFORMANCE}/")


def of_case(test: str, case: str) -> bool:
    """Whether a test is that of a case, by its parameters."""
    return case in re.split(r"[\[\]-]", test)


def run(
    modules: Iterable[str],
    names: Sequence[str],
    *,
    wanted: Mapping[str, Collection[str]] = NOTHING,
    sample: int = 1,
    only: Collection[str] = (),
    edition: str = "ti",
) -> Tally:
    """Run conformance tests against embedded simulators with defects or variations.

    Parameters
    ----------
    modules : iterable of str
        Paths below ``tests/conformance``; or tests of them.
    names : sequence of str
        Defects and variations.
    wanted : mapping of str to collection of str
        Requirements of which the tests of these cases are run; without a case, or where one has no test of its own, all.
    sample : int
        Of the other tests, run every n-th; none if it is 0.
    only : collection of str
        Tests of these modules, if not all of them.
    edition : {"ti", "2013"}
        Of TDW-II.
    """
    tally = Tally()
    described = embedded()
    assert described.calling_tdd is not None
    assert described.calling_watcher is not None
    waiting = dataclasses.replace(
        described,
        event_timeout=EVENT_TIMEOUT if any(name in DEFECTS for name in names) else described.event_timeout,
        timeouts=_timeouts(described.timeouts, names),
        calling_tdd=dataclasses.replace(described.calling_tdd, step_timeout=STEP_TIMEOUT),
        calling_watcher=dataclasses.replace(described.calling_watcher, step_timeout=STEP_TIMEOUT),
    )
    result = engine.run(
        sorted(modules),
        deviations=names,
        edition=cast(Edition, edition),
        options=OPTIONS,
        # Nor does anybody read the exchanges of what fails.
        setting=Setting(embedded=waiting, start=threads.simulator_trigger, texts=False),
        plugins=[Recorder(tally, wanted, sample, only)],
    )
    tally.exit_code = result.exit_code
    return tally


# The outer run has them: workers, what is printed, time-outs, the cache, threads that fail.
ABSENT = (
    "xdist",
    "terminal",
    "unraisableexception",
    "cacheprovider",
    "faulthandler",
    "logging",
    "junitxml",
    "allure_pytest",
    "debugging",
)
OPTIONS = (
    "--tdwii-embedded", "--tdwii-inject", "-o", "addopts=", "-p", "no:tdwii_conformance", "-p", "tdwii_conformance.plugin",
    "--strict-markers", "--capture=no", *(word for plugin in ABSENT for word in ("-p", f"no:{plugin}")),
)  # fmt: skip

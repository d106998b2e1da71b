"""Runs conformance tests, in this process, against simulators with defects, and tells which requirements were found violated."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFORMANCE = "tests/conformance"
# Modules of random tests: what they draw may meet a defect or not, so they are judged only for the defects that name them.
RANDOM = ("tms/test_cc_2_5_round_trip.py", "tms/test_cc_2_8_random_queries.py", "tms/test_cc_random_sequences.py")


@dataclass
class Outcome:
    """What a run found.

    Parameters
    ----------
    violated : dict of str to list of str
        Requirement id to the tests that found it violated.
    passed, not_judged : set of str
        Requirements that some test passed, and those of which a test was not judged.
    errors : list of str
        Tests that ended in an error: neither met nor violated, so that the suite is at fault.
    exit_code : int
        pytest's.
    """

    violated: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    passed: set[str] = field(default_factory=set)
    not_judged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    exit_code: int = 0


class Recorder:
    """A plugin of the inner run: takes the verdicts from the reports, as the suite's own reports do."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record = getattr(report, "tdwii", None)
        if record is None:
            if report.failed:
                self.outcome.errors.append(f"{report.nodeid} ({report.when}): {report.longreprtext.splitlines()[-1:]}")
            return
        identifier, verdict, test = record["requirement"], record["verdict"], report.nodeid.removeprefix(f"{CONFORMANCE}/")
        level = dict(report.user_properties)["level"]
        if verdict == "failed" or (verdict == "warned" and level == "should"):
            self.outcome.violated[identifier].append(test)
        elif verdict == "error":
            self.outcome.errors.append(f"{test}: {record['reason']}")
        elif verdict == "skipped":
            self.outcome.not_judged[identifier].append(f"{test}: {record['reason']}")
        else:
            self.outcome.passed.add(identifier)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcome.errors.append(f"{report.nodeid}: cannot be collected: {report.longreprtext.splitlines()[-1:]}")


def run(modules: Iterable[str], names: Sequence[str], *, keyword: str = "") -> Outcome:
    """Run conformance tests against embedded simulators with defects or variations.

    Parameters
    ----------
    modules : iterable of str
        Paths below ``tests/conformance``; or tests of them.
    names : sequence of str
        Defects and variations.
    keyword : str
        pytest's ``-k``.
    """
    outcome = Outcome()
    arguments = [
        "--embedded", "-o", "addopts=", "--strict-markers", f"--rootdir={ROOT}", f"--confcutdir={ROOT}", "-c", str(ROOT / "pytest.ini"),
        *(word for plugin in ABSENT for word in ("-p", f"no:{plugin}")),
        *(word for name in names for word in ("--defect", name)),
        *([] if not keyword else ["-k", keyword]),
        *(str(ROOT / CONFORMANCE / module) for module in sorted(modules)),
    ]  # fmt: skip
    here = Path.cwd()
    try:
        outcome.exit_code = int(pytest.main(arguments, plugins=[Recorder(outcome)]))
    finally:
        os.chdir(here)
    return outcome


# The outer run has them: workers, what is printed, time-outs, the cache, threads that fail.
ABSENT = ("xdist", "terminal", "cacheprovider", "faulthandler", "logging", "junitxml", "allure_pytest", "debugging")


def modules() -> list[str]:
    """Return every conformance module, random ones left out."""
    found = sorted((ROOT / CONFORMANCE).rglob("test_*.py"))
    return [name for path in found if (name := path.relative_to(ROOT / CONFORMANCE).as_posix()) not in RANDOM]

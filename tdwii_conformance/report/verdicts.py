"""Verdicts of tests, and what they add up to for each requirement. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

__all__ = [
    "RequirementVerdict", "TestVerdict", "Verdict", "VerdictsError", "from_json", "requirement_verdicts", "to_json",
]  # fmt: skip

Verdict = Literal["passed", "failed", "warned", "skipped", "error"]

# What a requirement's tests add up to: the first of these that one of them has. An error stands behind a failure
# because a nonconformity that was seen says more than a test that could not judge.
WORST_FIRST: tuple[Verdict, ...] = ("failed", "error", "warned", "passed", "skipped")


class VerdictsError(ValueError):
    """A text is no list of verdicts; the message names the entry."""


@dataclass(frozen=True)
class TestVerdict:
    """What one test found about its requirement.

    Parameters
    ----------
    requirement : str
        Id in the catalogue.
    nodeid : str
        The test, as pytest names it.
    verdict : {"passed", "failed", "warned", "skipped", "error"}
        ``error`` when the test could not judge.
    reason : str
        Why it was skipped, or what the error was.
    reading : str
        Which of several allowed readings was met.
    findings : sequence of mapping
        ``expected``, ``received``, ``path``, ``weight`` of each finding.
    exchanges : sequence of str
        What was looked at, as dcmdump text.
    duration : float
        In seconds.
    worker : str
        Which process ran it; empty when there was one only.
    """

    __test__: ClassVar[bool] = False  # no test class, whatever its name makes pytest think

    requirement: str
    nodeid: str
    verdict: Verdict
    reason: str = ""
    reading: str = ""
    findings: tuple[Mapping[str, str], ...] = ()
    exchanges: tuple[str, ...] = ()
    duration: float = 0.0
    worker: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Verdict):
            raise VerdictsError(f"{self.nodeid}: {self.verdict!r} is no verdict: {', '.join(get_args(Verdict))}")
        # lists come from JSON and from pytest-xdist
        object.__setattr__(self, "findings", tuple(self.findings))
        object.__setattr__(self, "exchanges", tuple(self.exchanges))


@dataclass(frozen=True)
class RequirementVerdict:
    """What all tests of a requirement add up to.

    Parameters
    ----------
    id : str
        Id in the catalogue.
    verdict : {"passed", "failed", "warned", "skipped", "error"}
        The worst of its tests; skipped only when all were.
    note : str
        What the verdict hides: reasons of skips and errors.
    tests : tuple of TestVerdict
        In the order of their names.
    """

    id: str
    verdict: Verdict
    note: str = ""
    tests: tuple[TestVerdict, ...] = field(default=())


def requirement_verdicts(verdicts: Iterable[TestVerdict]) -> dict[str, RequirementVerdict]:
    """Add the verdicts of tests up to one for each requirement.

    Parameters
    ----------
    verdicts : iterable of TestVerdict
        In any order.

    Returns
    -------
    dict of str to RequirementVerdict
        By id, sorted, the same for any order of the tests.
    """
    tests: dict[str, list[TestVerdict]] = {}
    for verdict in verdicts:
        tests.setdefault(verdict.requirement, []).append(verdict)
    return {identifier: _sum(identifier, tests[identifier]) for identifier in sorted(tests)}


def _sum(identifier: str, tests: list[TestVerdict]) -> RequirementVerdict:
    tests = sorted(tests, key=lambda test: (test.nodeid, test.verdict))
    worst = next(verdict for verdict in WORST_FIRST if any(test.verdict == verdict for test in tests))
    return RequirementVerdict(identifier, worst, _note(worst, tests), tuple(tests))


def _note(worst: Verdict, tests: list[TestVerdict]) -> str:
    parts = []
    errors = [test.reason for test in tests if test.verdict == "error"]
    if errors:
        parts.append("; ".join(dict.fromkeys(errors)))
    skips = Counter(test.reason for test in tests if test.verdict == "skipped")
    reasons = "; ".join(sorted(skips))
    if skips and worst == "skipped":
        parts.append(reasons)
    elif skips:
        parts.append(f"{skips.total()} of {len(tests)} tests skipped: {reasons}")
    return "; ".join(parts)


def to_json(verdicts: Iterable[TestVerdict]) -> str:
    """Write verdicts as JSON, one a line."""
    lines = ",\n".join(json.dumps(dataclasses.asdict(verdict), ensure_ascii=False) for verdict in verdicts)
    return f"[\n{lines}\n]\n"


def from_json(text: str) -> list[TestVerdict]:
    """Read what `to_json` wrote.

    Raises
    ------
    VerdictsError
        Naming the entry and what is wrong with it.
    """
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise VerdictsError(f"not JSON: {error}") from error
    if not isinstance(content, list):
        raise VerdictsError("not a list of verdicts")
    verdicts = []
    for number, entry in enumerate(content, 1):
        try:
            verdicts.append(TestVerdict(**entry))
        except (TypeError, VerdictsError) as error:
            raise VerdictsError(f"entry {number}: {error}") from error
    return verdicts

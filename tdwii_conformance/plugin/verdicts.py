"""How the outcome of a test becomes the verdict on its requirement."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ..checks import Finding
from ..dimse import DimseError
from ..profile import Requirement
from ..transcript.exchange import Exchange, Transcript
from . import allure
from .keys import (
    SET_UP_WRONG,
    early_key,
    evidence_key,
    first_look_key,
    mark_key,
    notes_key,
    reading_key,
    recorded_key,
    requirement_key,
    system_key,
    there_key,
    warnings_key,
    wire_key,
)
from .on_the_way import missing, set_up_wrong
from .texts import explanation, finding_lines, kept, shortened
from .under_test import gone, setting_of, unsupported_by_deviations

if TYPE_CHECKING:
    from ..sut.config import SystemUnderTest

NEEDED = "not judged: needed is"  # how a reason begins where a test was refused what it only needs
SEEN = 2.0  # seconds for which a system that was there is not asked again whether it is


class Nonconformity(AssertionError):
    """A requirement is not met; the findings say how, and `exchanges` are what had been exchanged by then."""

    def __init__(self, findings: Iterable[Finding], exchanges: Iterable[Exchange] = ()) -> None:
        self.findings = tuple(findings)
        self.exchanges = tuple(exchanges)
        super().__init__("\n".join(finding_lines(self.findings)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the vendor does not claim, and label the test for the reports."""
    requirement = item.stash.get(requirement_key, None)
    if requirement is None:
        return
    item.repr_failure = partial(_described, item.repr_failure)  # type: ignore[method-assign]
    item.stash[warnings_key] = []
    item.stash[mark_key] = len(item.config.stash[wire_key])
    item.user_properties += [("requirement", requirement.id), ("level", requirement.level)]
    if item.config.pluginmanager.hasplugin("allure_listener"):
        allure.label(requirement)
    if recorded_key in item.config.stash:
        if requirement.actor not in {one.facts.get("actor") for one in item.config.stash[recorded_key]}:
            pytest.skip(f"not recorded: nothing of a {requirement.actor} in --transcript")
    elif system_key in item.config.stash:
        _skip_unclaimed(requirement, item.config.stash[system_key])
    elif requirement.capability in unsupported_by_deviations(item.config):
        pytest.skip(f"not supported: {requirement.capability}")


def _described(usual: Callable[..., Any], excinfo: pytest.ExceptionInfo[BaseException], *given: Any, **named: Any) -> Any:
    """Return what pytest shows of a failure: of a verdict not the source of the test, whose parsing costs more than the test."""
    return str(excinfo.value) if isinstance(excinfo.value, Nonconformity) else usual(excinfo, *given, **named)


def _skip_unclaimed(requirement: Requirement, system: SystemUnderTest) -> None:
    if not system.describes(requirement.actor):
        pytest.skip(f"not described: no [{requirement.actor.lower()}] in the system's description")
    if requirement.capability and requirement.capability not in system.supports(requirement.actor):
        pytest.skip(f"not supported: {requirement.capability}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the outcome of a test into the verdict on its requirement."""
    report = yield
    requirement = item.stash.get(requirement_key, None)
    if requirement is None or (report.when != "call" and report.passed) or report.when == "teardown":
        return report
    error = call.excinfo.value if call.excinfo else None
    unsteady = nonconformity_in(error) if isinstance(error, BaseExceptionGroup) else None
    error = unsteady or error
    noted: list[Finding] = item.stash.get(warnings_key, [])
    findings = tuple(noted)
    exchanges = _exchanges_seen(item)
    found = error.findings if isinstance(error, Nonconformity) else ()
    known = len(item.config.stash.get(first_look_key, ()))
    why = ""
    if report.failed or findings:
        why = missing(item.config, requirement, exchanges, found)
    elif report.skipped and _skip_reason(report).startswith(NEEDED):
        why = set_up_wrong(item.config, exchanges)
    if why:
        path, line, _ = report.location
        report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {why}")
        findings = ()
    verdict: str = report.outcome
    reason = ""
    if report.skipped:
        reason = _skip_reason(report)
    elif report.failed:
        if isinstance(error, Nonconformity):
            findings = error.findings
        elif isinstance(error, AssertionError) and report.when == "call":
            findings = (Finding("what the test asserts", str(error).splitlines()[0] if str(error) else "not so"),)
        else:
            verdict, reason = "error", f"{type(error).__name__}: {error}"
            report.system_lost = isinstance(error, DimseError)  # type: ignore[attr-defined]  # for how it is shown
        if verdict == "failed" and requirement.level == "should":
            verdict = "warned"
            _let_pass(report, requirement)
        elif verdict == "failed" and requirement.level == "may":
            # A free choice: the report says what the system does instead.
            verdict = "passed"
            _let_pass(report, requirement)
            item.stash.setdefault(reading_key, []).extend(f"not so: {finding.received}" for finding in findings)
            findings = ()
    elif findings:
        verdict = "warned"
    if report.outcome == "skipped":
        exchanges = []
    if unsteady is not None:
        exchanges = list(unsteady.exchanges)  # what came after is the example that went well
    record = _record(item, report, requirement, verdict, reason, findings, exchanges)
    report.tdwii = record  # type: ignore[attr-defined]  # reports carry what plugins put there, also between processes
    if early_key in item.stash:
        report.user_properties.append(item.stash[early_key])
    report.user_properties += [(SET_UP_WRONG, wrong) for wrong in item.config.stash.get(first_look_key, ())[known:]]
    report.user_properties.append(("verdict", verdict))
    item.user_properties.append(("verdict", verdict))  # JUnit XML has those of the last report, of the teardown
    if verdict in ("failed", "warned"):
        text = explanation(requirement, findings)
        shown = [("exchange", shortened(dump)) for dump in record["exchanges"]]
        report.user_properties.append(("findings", text))
        item.user_properties += [("findings", text), *shown]
        if verdict == "warned":  # JUnit XML knows no such outcome: it is in the output of the test, which CI systems show
            item.add_report_section("call", "stdout", f"WARNED {text}")
        if verdict == "failed":
            report.longrepr = text
            report.sections += shown
    if verdict in ("failed", "error") and system_key in item.config.stash and _lost_contact(item, error):
        _stop_if_gone(item)
    return report


def nonconformity_in(error: BaseException | None) -> Nonconformity | None:
    """Return the failure that Hypothesis found once, and not again when it repeated the example, if the error is one.

    A system that does wrong now and then does wrong.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, Nonconformity) else None
    return next(filter(None, map(nonconformity_in, error.exceptions)), None)


def _let_pass(report: pytest.TestReport, requirement: Requirement) -> None:
    """Make a test that failed one that passed; or, when a fixture of it failed, one that was skipped: it cannot be called."""
    if report.when == "call":
        report.outcome, report.longrepr = "passed", None
    else:
        path, line, _ = report.location
        report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {requirement.level}, not met")


def _skip_reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")


def _lost_contact(item: pytest.Item, error: BaseException | None) -> bool:
    """Whether a test ended without contact with the system: no association, or the last request was not answered."""
    if isinstance(error, DimseError):
        return True
    wire = item.config.stash[wire_key]
    made = wire[item.stash.get(mark_key, len(wire)) :]
    return bool(made) and bool(made[-1].failure)


def _stop_if_gone(item: pytest.Item) -> None:
    """Stop the run when the system under test is no longer there: the rest would fail for that reason alone.

    That it was there a moment ago is enough: a system that aborts each request would be asked after each test.
    """
    if time.monotonic() - item.config.stash.get(there_key, -SEEN) < SEEN:
        return
    if message := gone(item.config.stash[system_key]):
        item.session.shouldstop = f"the system under test is gone: {message}"
    else:
        item.config.stash[there_key] = time.monotonic()


def _exchanges_seen(item: pytest.Item) -> list[Exchange]:
    """Return what the test looked at: the exchanges among its fixtures, then those made since it began."""
    if evidence_key in item.stash:
        return list(item.stash[evidence_key])
    seen: list[Exchange] = []
    for value in getattr(item, "funcargs", {}).values():
        for exchange in _exchanges_in(value):
            if not any(exchange is known for known in seen):
                seen.append(exchange)
    wire = item.config.stash[wire_key]
    for exchange in wire[item.stash.get(mark_key, len(wire)) :]:
        if not any(exchange is known for known in seen):
            seen.append(exchange)
    return seen


def _exchanges_in(value: object) -> Iterator[Exchange]:
    if isinstance(value, Exchange):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _exchanges_in(one)
    elif isinstance(found := getattr(value, "exchanges", None), (tuple, list, Transcript)):
        yield from found


def _record(
    item: pytest.Item,
    report: pytest.TestReport,
    requirement: Requirement,
    verdict: str,
    reason: str,
    findings: tuple[Finding, ...],
    exchanges: list[Exchange],
) -> dict[str, Any]:
    from ..dcmdump import dump_exchange

    wanted = (verdict in ("failed", "warned") or _evidence_wanted(item.config)) and setting_of(item.config).texts
    readings: list[str] = item.stash.get(reading_key, [])
    texts: Iterable[str] = map(dump_exchange, exchanges) if wanted else ()
    if not _whole_wanted(item.config):
        texts = kept(texts)
    return {
        "requirement": requirement.id,
        "nodeid": report.nodeid,
        "verdict": verdict,
        "reason": reason,
        "reading": "; ".join(readings),
        "findings": [{"expected": f.expected, "received": f.received, "path": f.path, "weight": f.weight} for f in findings],
        # Text is made only where it will be read: it costs more than the exchange itself.
        "exchanges": [*item.stash.get(notes_key, ()), *texts] if wanted else [],
        "duration": report.duration,
    }


def _evidence_wanted(config: pytest.Config) -> bool:
    return bool(config.getoption("tdwii_evidence") or config.getoption("allure_report_dir", None))


def _whole_wanted(config: pytest.Config) -> bool:
    return _evidence_wanted(config) or bool(config.getoption("tdwii_results"))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show a requirement met with a warning, or a should not met, as such; a fixture that fails for the system as a test does."""
    record = getattr(report, "tdwii", None)
    if record and record["verdict"] == "warned":
        return "warned", "w", ("WARNED", {"yellow": True})
    if record and report.failed and (record["verdict"] == "failed" or getattr(report, "system_lost", False)):
        return "failed", "F", ("FAILED", {"red": True})
    return None

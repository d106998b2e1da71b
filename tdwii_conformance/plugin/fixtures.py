"""Fixtures of the conformance tests: how a test judges, and the systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from ..checks import Finding, Judgement
from ..dimse import Patience
from ..profile import Requirement
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import Observation
from .keys import (
    EARLY_END,
    FAULTY_END,
    early_key,
    evidence_key,
    mark_key,
    notes_key,
    patience_key,
    reading_key,
    receiver_key,
    requirement_key,
    running_key,
    system_key,
    warnings_key,
    wire_key,
)
from .under_test import deviations_of, edition_of, embedded_of
from .verdicts import Nonconformity

if TYPE_CHECKING:
    from ..scu.receiver import Receiver
    from ..sut.config import SystemUnderTest


@pytest.fixture
def requirement(request: pytest.FixtureRequest) -> Requirement:
    """The requirement of the running test, from its marker."""
    found: Requirement = request.node.stash[requirement_key]
    return found


Judge = Callable[[Iterable[Finding] | Judgement], None]


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """A function that takes findings: none passes, a nonconformity fails, warnings alone are noted."""

    def judge_findings(findings: Iterable[Finding] | Judgement) -> None:
        __tracebackhide__ = True
        if isinstance(findings, Judgement):
            if findings.not_judged:
                pytest.skip(f"not judged: {findings.not_judged}")
            findings = findings.findings
        found = list(findings)
        if any(finding.weight == "fault" for finding in found):
            raise Nonconformity(found, request.config.stash[wire_key][request.node.stash[mark_key] :])
        request.node.stash[warnings_key] += found

    return judge_findings


@pytest.fixture
def judge_status(note_reading: Callable[[str], None], requirement: Requirement, judge: Judge) -> Callable[[Exchange], None]:
    """A function that judges an exchange's final status by the requirement's own entry in the catalogue."""
    from ..checks import status

    def judge_exchange(exchange: Exchange) -> None:
        __tracebackhide__ = True
        if reading := status.reading(exchange, requirement):
            note_reading(reading)
        judge(status.status(exchange, requirement))

    return judge_exchange


@pytest.fixture
def judge_observation(request: pytest.FixtureRequest, judge: Judge) -> Callable[[Requirement, Observation], None]:
    """A function that judges what was observed of a system that calls us by one requirement."""
    from ..checks.scu import evidence_of, judge_scu

    def judge_observed(requirement: Requirement, observation: Observation) -> None:
        __tracebackhide__ = True
        request.node.stash[evidence_key] = evidence_of(requirement, observation)
        if observation.early:
            request.node.stash[early_key] = (FAULTY_END if observation.fault else EARLY_END, observation.early)
        judge(judge_scu(requirement, observation))

    return judge_observed


@pytest.fixture
def note_reading(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that notes which of several allowed readings the system follows, for the report.

    A test may note several: what is open in a requirement need not be one thing.
    """
    readings: list[str] = request.node.stash.setdefault(reading_key, [])

    def note(reading: str) -> None:
        if reading not in readings:
            readings.append(reading)

    return note


@pytest.fixture
def note_evidence(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that adds to the evidence what no exchange shows, as text: what was negotiated."""
    notes: list[str] = request.node.stash.setdefault(notes_key, [])
    return notes.append


@pytest.fixture
def new_example(request: pytest.FixtureRequest) -> Callable[[], None]:
    """A function to call at the start of each example of a property: evidence is what the last one exchanged."""

    def begin() -> None:
        request.config.stash[wire_key].forget_since(request.node.stash[mark_key])

    return begin


@pytest.fixture(scope="session")
def wire(request: pytest.FixtureRequest) -> Transcript:
    """Every exchange of this process, in the order in which they ended."""
    return request.config.stash[wire_key]


@pytest.fixture(scope="session")
def patience(request: pytest.FixtureRequest) -> Patience:
    """The requests that the systems under test never answer, shared by all callers."""
    return request.config.stash[patience_key]


@pytest.fixture(scope="session")
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """Our TDD's listener: on the port that the system under test knows, or a free one when that is embedded."""
    from ..scu.receiver import Receiver

    system = request.config.stash.get(system_key, None) or embedded_of(request.config)
    ours = system.tdd
    listening = Receiver(
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        tls=ours.tls,
        timeouts=system.timeouts,
        transcript=request.config.stash[wire_key],
    )
    with listening:
        request.config.stash[receiver_key] = listening
        yield listening


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> Iterator[SystemUnderTest]:
    """The system under test: the one described by ``--sut``, or simulators started for this process."""
    config = request.config
    if system_key in config.stash:
        config.stash[running_key] = config.stash[system_key]
        yield config.stash[system_key]
        return
    from ..sut.embedded import embedded_system

    ours = request.getfixturevalue("receiver").peer
    with embedded_system(
        ours, edition=edition_of(config), defects=deviations_of(config), described=embedded_of(config)
    ) as described:
        config.stash[running_key] = described
        yield described

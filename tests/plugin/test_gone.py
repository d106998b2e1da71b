"""When a system under test is asked whether it is still there: when contact was lost, and not after each failure."""

import pytest

from tdwii_conformance.plugin import verdicts

FAILURES = """
from tdwii_conformance.dimse import LinkLost

@SHALL
@pytest.mark.parametrize("n", range(3))
def test_wrong(judge, n):
    judge([FAULT])

@SHALL
@pytest.mark.parametrize("n", range(3))
def test_lost(system, n):
    raise LinkLost(system.tms)
"""


@pytest.fixture
def asked(monkeypatch):
    """How often it was asked."""
    calls = []
    ask = verdicts.gone
    monkeypatch.setattr(verdicts, "gone", lambda system: calls.append(system) or ask(system))
    return calls


def test_asked_when_contact_is_lost_and_once_in_a_while(run, describe, asked):
    ran = run(FAILURES, "--sut", describe())
    assert set(ran.verdicts.values()) == {"failed", "error"}
    assert len(ran.verdicts) == 6
    assert len(asked) == 1


def test_stops_when_it_is_gone(run, describe, asked, monkeypatch):
    monkeypatch.setattr(verdicts, "gone", lambda system: "TMS TMS: no connection")
    ran = run(FAILURES, "--sut", describe())
    assert list(ran.verdicts.values()) == ["failed"] * 3 + ["error"]
    assert "the system under test is gone: TMS TMS: no connection" in ran.out

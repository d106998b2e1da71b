"""A system that knows a single AE title of ours is judged by what one watcher can see, not excused from it."""

import dataclasses

import pytest

from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.sut import config
from tdwii_conformance.ups import Outcome, Worklist
from tests.proof import proof, running

MODULE = "tms/test_cc_"


@pytest.fixture
def with_one_watcher(monkeypatch):
    described = dataclasses.replace(config.embedded(), second_watcher=None, property_examples=3, property_steps=10)
    monkeypatch.setattr(running, "embedded", lambda: described)


@pytest.mark.parametrize(
    ("test", "requirement"),
    [
        ("random_sequences.py::test_performers_and_watchers", "CC11-TMS-102"),
        ("2_3_subscribe.py::test_lock_keeps_a_final_ups", "CC23-TMS-040"),
        ("2_4_event_reports.py::test_others_are_not_told", "CC24-TMS-014"),
    ],
)
def test_one_watcher_is_enough(test, requirement, with_one_watcher):
    tally = proof.run([MODULE + test], [])
    assert (tally.passed, dict(tally.not_judged), tally.errors) == ({requirement}, {}, [])


def test_two_watchers_are_needed_where_one_subscribes_another(with_one_watcher):
    tally = proof.run([MODULE + "2_3_subscribe.py::test_receiving_ae_is_subscribed"], [])
    assert tally.passed == set() and set(tally.not_judged) == {"CC23-TMS-035"}


def test_one_watcher_finds_a_report_to_who_is_not_subscribed(with_one_watcher, monkeypatch):
    publish = TMS._publish
    monkeypatch.setattr(TMS, "_publish", lambda self, event, receivers: publish(self, event, ["TDD"]))
    monkeypatch.setattr(Worklist, "_done", told_always)
    tally = proof.run([MODULE + "2_4_event_reports.py::test_others_are_not_told"], [])
    assert set(tally.violated) == {"CC24-TMS-014"}


def told_always(self, events, receivers):
    for event in events:
        self._publish(event, receivers)
    return Outcome(0, events=events)

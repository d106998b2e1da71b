"""What a run leaves on the worklist is put away: shown, bounded, and not from who shows nothing."""

import itertools

import pytest

from tdwii_conformance.dimse import Peer
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.sut.embedded import embedded_system
from tdwii_conformance.treatment import objects
from tdwii_conformance.workitems.clean_up import RecordingTDD, put_away


@pytest.fixture(scope="module")
def system():
    with embedded_system(Peer("TDD", "127.0.0.1", 1)) as described:
        yield described


@pytest.fixture
def device(system):
    from datetime import datetime

    with RecordingTDD(system.tms, system.ost, calling="TDD") as tdd:
        for _ in range(5):
            attributes = objects.workitem(
                objects.new_treatment(), tms="TMS", ost="OST", station=system.workitems.station, start=datetime.now(), edition="ti"
            )
            tdd.create(objects.generate_uid(), attributes)
        assert len(tdd.created) == 5
        yield tdd


def states(tdd):
    return [tdd.get(uid, ["ProcedureStepState"]).dataset.ProcedureStepState for uid in tdd.created]


def test_all_is_put_away_and_said(device):
    said = []
    put_away(device, by_request=True, show=said.append)
    assert states(device) == ["CANCELED"] * 5
    assert said == ["putting away 5 workitems that were created (at most 30 s; Ctrl-C leaves them)"]


def test_it_ends_when_its_time_is_over(device):
    said, clock = [], itertools.count(0, 10)
    put_away(device, by_request=True, show=said.append, bound=30, now=lambda: next(clock))
    assert states(device) == ["CANCELED"] * 3 + ["SCHEDULED"] * 2
    assert said[1] == "2 workitems stay on the worklist: 30 s are over"


def test_nothing_is_asked_of_who_shows_nothing(device, monkeypatch):
    device.created[:] = ["1.2.1", "1.2.2", "1.2.3", "1.2.4", "1.2.5"]  # of which the TMS knows nothing
    asked, said = [], []
    monkeypatch.setattr(TDD, "get", lambda self, uid, keywords, get=TDD.get: asked.append(uid) or get(self, uid, keywords))
    put_away(device, by_request=True, show=said.append)
    assert asked == ["1.2.1", "1.2.2", "1.2.3"]
    assert said[1] == "5 workitems stay on the worklist: N-GET shows no workitem: it is refused"


def test_who_lets_none_be_canceled_is_not_asked_for_all(device, monkeypatch):
    asked, said = [], []
    refuse = lambda self, uid, *given, **named: asked.append(uid) or TDD.get(self, "1.2.9")  # noqa: E731  # C307
    monkeypatch.setattr(TDD, "action", refuse)
    put_away(device, by_request=True, show=said.append)
    assert asked == device.created[:3]
    assert said[1] == "5 workitems stay on the worklist: none can be canceled: it is refused"


def test_an_interrupt_ends_it(device, monkeypatch):
    def interrupted(self, uid, keywords):
        raise KeyboardInterrupt

    said = []
    monkeypatch.setattr(TDD, "get", interrupted)
    put_away(device, by_request=True, show=said.append)
    assert said[1] == "5 workitems stay on the worklist: interrupted"


def test_nothing_created_nothing_said(system):
    said = []
    with RecordingTDD(system.tms, system.ost, calling="TDD") as tdd:
        put_away(tdd, by_request=True, show=said.append)
    assert said == []

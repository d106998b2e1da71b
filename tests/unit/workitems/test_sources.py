"""Where workitems come from: created, or taken from the list, each once; and said why there is none."""

import dataclasses

import pytest

from tdwii_conformance.dimse import Peer
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.sut.config import Workitems
from tdwii_conformance.workitems.outcomes import NotJudged, UnusableObjects
from tdwii_conformance.workitems.sources import Listed, Pushed


def test_pushes_each_workitem_anew(system, tdd):
    source = Pushed(system, tdd)
    one, other = source("TREATMENT"), source("CONTINUATION")
    assert one.uid != other.uid
    found = {i.SOPInstanceUID: i.ProcedureStepState for i in tdd.query(one.query()).identifiers}
    assert found == {one.uid: "SCHEDULED", other.uid: "SCHEDULED"}


def test_takes_each_once_by_its_start_and_sees_what_comes_later(system, tdd):
    push = Pushed(system, tdd)
    there = [push(start).uid for start in ("TREATMENT", "CONTINUATION", "TREATMENT")]
    source = Listed(system, tdd)
    assert source("CONTINUATION").uid == there[1]
    assert {source("TREATMENT").uid, source("TREATMENT").uid} == {there[0], there[2]}
    with pytest.raises(NotJudged, match=r"no \(further\) workitem of type TREATMENT"):
        source("TREATMENT")
    later = push("TREATMENT").uid
    assert source("TREATMENT").uid == later


def test_takes_no_photons_for_ions(system, tdd):
    ions = Pushed(system, tdd)("TREATMENT", modality="ion").uid
    Pushed(system, tdd)("TREATMENT")
    source = Listed(system, tdd)
    assert source("TREATMENT", modality="ion").uid == ions
    with pytest.raises(NotJudged, match=r"no .*ion workitem"):
        source("TREATMENT", modality="ion")


def test_another_stays_where_it_is(system, tdd):
    push = Pushed(system, tdd)
    one, other = push("TREATMENT").uid, push("TREATMENT").uid
    source = Listed(system, tdd)
    assert source.another("TREATMENT", one) == other
    assert {source("TREATMENT").uid, source("TREATMENT").uid} == {one, other}
    assert source.another("TREATMENT") is None


def test_workers_take_different_ones(system, tdd):
    push = Pushed(system, tdd)
    there = {push("TREATMENT").uid for _ in range(8)}
    taken = [uid for n in (0, 1) for uid in all_of(Listed(system, tdd, worker=n, workers=2))]
    assert sorted(taken) == sorted(there)


def all_of(source):
    found = []
    try:
        while True:
            found.append(source("TREATMENT").uid)
    except NotJudged:
        return found


def test_only_the_day_and_station_of_the_description(system, tdd):
    Pushed(system, tdd)("TREATMENT")
    elsewhere = dataclasses.replace(system, workitems=Workitems(("existing",), date="2020-01-01..2020-01-02"))
    assert all_of(Listed(elsewhere, tdd)) == []


def test_ion_only_where_it_is_supported(system, tdd):
    photons = dataclasses.replace(system, ost_supports=frozenset({"photon"}))
    with pytest.raises(NotJudged, match="not supported: ion"):
        Pushed(photons, tdd)("TREATMENT", modality="ion")


def test_an_ost_alone_needs_no_workitem(system):
    alone = dataclasses.replace(system, tms=None)
    with TDD(Peer("NONE", "127.0.0.1", 1), system.ost, calling="TDD") as tdd:
        assert Pushed(alone, tdd)("TREATMENT").plans


def test_unusable_objects_are_named(system, tdd, tmp_path):
    with pytest.raises(UnusableObjects, match=str(tmp_path)):
        Pushed(dataclasses.replace(system, objects=tmp_path), tdd)("TREATMENT")

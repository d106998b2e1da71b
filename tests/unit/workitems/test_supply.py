"""The supply of workitems: created, or taken from the list, each once; and said why there is none."""

import dataclasses

import pytest

from tdwii_conformance.dimse import Peer
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.sut.config import Workitems
from tdwii_conformance.sut.embedded import embedded_system
from tdwii_conformance.workitems.outcomes import NotJudged, UnusableObjects
from tdwii_conformance.workitems.supply import Supply


@pytest.fixture
def system():
    with Receiver("TDD", host="127.0.0.1", port=0) as receiver, embedded_system(receiver.peer) as system:
        yield system


@pytest.fixture
def tdd(system):
    with TDD(system.tms, system.ost, calling="TDD") as device:
        yield device


def existing(system):
    return dataclasses.replace(system, workitems=Workitems("existing"))


def test_pushes_each_workitem_anew(system, tdd):
    supply = Supply(system, tdd)
    one, other = supply("TREATMENT"), supply("CONTINUATION")
    assert one.uid != other.uid
    found = {i.SOPInstanceUID: i.ProcedureStepState for i in tdd.query(one.query()).identifiers}
    assert found == {one.uid: "SCHEDULED", other.uid: "SCHEDULED"}


def test_takes_each_once_by_its_start(system, tdd):
    there = [Supply(system, tdd)(start).uid for start in ("TREATMENT", "CONTINUATION", "TREATMENT")]
    supply = Supply(existing(system), tdd)
    assert supply("CONTINUATION").uid == there[1]
    assert {supply("TREATMENT").uid, supply("TREATMENT").uid} == {there[0], there[2]}
    with pytest.raises(NotJudged, match=r"no \(further\) workitem of type TREATMENT"):
        supply("TREATMENT")


def test_workers_take_different_ones(system, tdd):
    there = {Supply(system, tdd)("TREATMENT").uid for _ in range(2)}
    assert {Supply(existing(system), tdd, worker=n, workers=2)("TREATMENT").uid for n in (0, 1)} == there


def test_ion_only_where_it_is_supported(system, tdd):
    photons = dataclasses.replace(system, ost_supports=frozenset({"photon"}))
    with pytest.raises(NotJudged, match="not supported: ion"):
        Supply(photons, tdd)("TREATMENT", modality="ion")


def test_an_ost_alone_needs_no_workitem(system):
    alone = dataclasses.replace(system, tms=None)
    with TDD(Peer("NONE", "127.0.0.1", 1), system.ost, calling="TDD") as tdd:
        assert Supply(alone, tdd)("TREATMENT").plans


def test_unusable_objects_are_named(system, tdd, tmp_path):
    with pytest.raises(UnusableObjects, match=str(tmp_path)):
        Supply(dataclasses.replace(system, objects=tmp_path), tdd)("TREATMENT")

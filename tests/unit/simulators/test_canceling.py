"""The simulated OST, and a C-CANCEL of a C-MOVE that it has under way."""

import pytest
from pydicom.uid import RTPlanStorage, generate_uid

from tdwii_conformance.checks import canceled_move
from tdwii_conformance.defects import equip
from tdwii_conformance.dimse import connect
from tdwii_conformance.scu.canceling import MODEL, cancel_retrieval
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.transcript.references import Reference
from tdwii_conformance.treatment import objects


def canceled(*deviations, count=4):
    plan = objects.new_treatment().plan
    with Receiver("WE") as receiver:
        ost = OST(destinations={"WE": receiver.peer})
        equip(ost, deviations)
        with ost, connect(ost.peer, [RTPlanStorage, MODEL], calling="WE") as link:
            wanted = []
            for _ in range(count):
                plan.SOPInstanceUID = generate_uid()
                assert link.c_store(plan).status == 0x0000
                wanted.append(Reference(RTPlanStorage, plan.SOPInstanceUID, plan.StudyInstanceUID, plan.SeriesInstanceUID, "OST"))
            return cancel_retrieval(link, receiver, wanted)


def test_it_ends_with_true_numbers():
    found = canceled()
    assert canceled_move.ended_by_it(found)
    assert canceled_move.nothing_after_it(found) == []
    assert canceled_move.numbers_agree(found) == []
    assert canceled_move.association_lives(found) == []
    assert 1 <= len(found.retrieval.stores) < 4


def test_who_goes_on_is_not_taken_for_too_slow_a_network():
    found = canceled("ost-move-cancel-ignored")
    assert found.retrieval.move.status == 0x0000
    assert len(found.retrieval.stores) == 4
    assert not canceled_move.came_too_late(found)


def test_who_sends_the_rest_is_seen():
    found = canceled("ost-move-cancel-sends-the-rest")
    assert canceled_move.ended_by_it(found)
    assert {one.expected for one in canceled_move.nothing_after_it(found)} == {"no C-STORE after the final response"}


@pytest.mark.parametrize("name", ["ost-move-cancel-ends-the-association", "ost-move-cancel-lingers"])
def test_an_association_that_is_of_no_use_any_more(name):
    assert canceled_move.association_lives(canceled(name))

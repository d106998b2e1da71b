"""Pairs of variations: which are drawn."""

from tdwii_conformance.defects import VARIATIONS

from . import pairs


def test_pairs_are_the_same_for_a_seed_and_can_be_of_one_system():
    drawn = pairs.drawn(100, 1)
    assert drawn == pairs.drawn(100, 1)
    assert drawn != pairs.drawn(100, 2)
    assert len({frozenset((one.name, other.name)) for one, other in drawn}) == 100
    sides = [{one.actor, other.actor} for one, other in drawn]
    assert all(len(side) == 1 or side == {"TMS", "OST"} for side in sides)


def test_no_pair_says_two_things_of_one_subject():
    one, other = VARIATIONS["own-workitems"], VARIATIONS["own-workitems-12"]
    assert not pairs._together(one, other)
    assert pairs._together(one, VARIATIONS["create-missing-filled"])

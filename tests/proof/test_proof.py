"""The proof: every defect is found by the tests of what it violates, and by no others; no variation is taken for a defect.

This is the bounded form: as many runs as it takes to see every requirement violated, each with the tests of the requirements
that are named and every ``proof.SAMPLE``-th other test of their modules; and of every tenth run of the other defects the tests that are
named. ``make proof`` makes all runs, in full.
"""

import pytest

from tdwii_conformance.defects import DEFECTS, VARIATIONS

from . import proof


@pytest.mark.parametrize("group", proof.bounded(DEFECTS.values()), ids=proof.title)
def test_defects_are_found_and_nothing_else(group):
    problems = proof.problems(group, proof.run_group(group, sample=proof.SAMPLE))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("group", proof.others(DEFECTS.values())[:: proof.SHARE], ids=proof.title)
def test_other_defects_are_found(group):
    problems = proof.problems(group, proof.run_group(group, sample=0))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("group", proof.variation_groups(VARIATIONS.values()), ids=proof.title)
def test_variations_are_no_failures(group):
    problems = proof.false_alarms(group, proof.run_group(group, sample=proof.SAMPLE_OF_VARIATIONS))
    assert not problems, "\n".join(problems)

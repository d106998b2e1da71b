"""Scenario 5: an interrupted treatment is resumed, interrupted again, and canceled."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO = "continuation-canceled-after"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

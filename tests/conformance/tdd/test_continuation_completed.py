"""Scenario 4: an interrupted treatment is resumed, and completed."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO = "continuation-completed"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

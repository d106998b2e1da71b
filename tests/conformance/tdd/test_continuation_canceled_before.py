"""Scenario 6: an interrupted treatment is to be resumed, and canceled before any radiation."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO = "continuation-canceled-before"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

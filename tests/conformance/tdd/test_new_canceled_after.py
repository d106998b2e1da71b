"""Scenario 2: a new treatment is interrupted, and canceled after radiation."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO = "new-canceled-after"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

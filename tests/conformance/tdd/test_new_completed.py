"""Scenario 1: a new treatment is delivered, and completed."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO = "new-completed"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

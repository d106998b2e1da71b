"""What a TDD must survive: a cancellation is requested while the treatment is under way. With ``--inject`` only."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO, INJECT = "new-completed", "cancel-request"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

"""What a TDD must survive: the first progress update is refused. With ``--inject`` only."""

import pytest

from tdwii_conformance.plugin import requirement_parameters

SCENARIO, INJECT = "new-completed", "set-refused"


@pytest.mark.parametrize("requirement", requirement_parameters("TDD"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

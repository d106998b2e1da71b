"""A watcher subscribes, is told of everything that can happen to a workitem, and unsubscribes."""

import pytest

from tdwii_conformance.plugin import requirement_parameters
from tdwii_conformance.session.scenarios import perform_watch


@pytest.fixture(scope="module")
def observation(recorded, partners, trigger, show):
    """What the watcher did, now or in the recorded run."""
    if recorded is not None:
        return recorded("watcher", "watch")
    caller, performing = trigger("watcher")
    with show() as shown:
        return perform_watch(partners, caller, performing, shown)


@pytest.mark.parametrize("requirement", requirement_parameters("watcher"))
def test_requirement(requirement, observation, judge_observation):
    judge_observation(requirement, observation)

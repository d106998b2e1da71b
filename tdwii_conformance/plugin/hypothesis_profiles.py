"""Hypothesis profiles: ``ci`` (default) is brief and always the same, ``thorough`` searches long and anew each time.

``mutation`` is briefer still: it is run once for each mutant (docs/mutation.md).
"""

from __future__ import annotations

import functools
import os

from hypothesis import HealthCheck, configuration, settings

from .. import resources

__all__ = ["register"]


@functools.cache
def register() -> None:
    """Register the profiles and load ``ci``; the second call does nothing, since a profile may have been chosen by then.

    Hypothesis keeps its own files in the cache folder, and not where the suite is run, unless its environment variable says so.
    """
    # No time limits: what is measured is a peer on a network, and this machine is not alone.
    common = settings(
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    settings.register_profile("ci", common, derandomize=True, max_examples=20, stateful_step_count=25)
    settings.register_profile("thorough", common, max_examples=2000, stateful_step_count=40)
    settings.register_profile("mutation", common, derandomize=True, max_examples=4, stateful_step_count=10)
    settings.load_profile("ci")
    if "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ:
        configuration.set_hypothesis_home_dir(resources.cache() / "hypothesis")

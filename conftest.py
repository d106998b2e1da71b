"""Hypothesis profiles: ``ci`` (default) is brief and always the same, ``thorough`` searches long and anew each time.

``mutation`` is briefer still: it is run once for each mutant (docs/mutation.md).
"""

from hypothesis import HealthCheck, settings

# No time limits: what is measured is a peer on a network, and this machine is not alone.
COMMON = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("ci", COMMON, derandomize=True, max_examples=20, stateful_step_count=25)
settings.register_profile("thorough", COMMON, max_examples=2000, stateful_step_count=40)
settings.register_profile("mutation", COMMON, derandomize=True, max_examples=4, stateful_step_count=10)
settings.load_profile("ci")

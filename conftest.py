"""How the tests of the checkout are run: by the profiles of Hypothesis that the suite has, and on which workers."""

import pytest

from tdwii_conformance.plugin import hypothesis_profiles

hypothesis_profiles.register()

pytest_plugins = ["pytester"]  # for tests/plugin: pytest takes it from the conftest.py at the top only

# Each test of these starts systems of its own, and hundreds of them take long: any worker may take any of them.
APART = ("tests/proof/test_proof.py",)


def pytest_collection_modifyitems(config, items):
    """Keep the tests of a module on one worker: their systems are started once. Conformance tests stay together anyhow."""
    if hasattr(config, "workerinput"):
        for item in items:
            if not item.nodeid.startswith(APART):
                item.add_marker(pytest.mark.one_worker)

"""Scenarios that a TDD performs with our test partners; what is observed is judged by one test for each requirement."""

import pytest

from tdwii_conformance.session.scenarios import perform_treatment
from tdwii_conformance.treatment.scenarios import SCENARIOS


def pytest_ignore_collect(collection_path, config):
    """Leave out what gets in the TDD's way unless that is asked for."""
    if collection_path.name.startswith("test_inject_") and not config.getoption("tdwii_inject"):
        return True
    return None


@pytest.fixture(scope="module")
def observation(request, recorded, partners, trigger, show):
    """What the TDD did in the scenario that the module names, now or in the recorded run."""
    named, inject = request.module.SCENARIO, getattr(request.module, "INJECT", "")
    if recorded is not None:
        return recorded("TDD", named, inject)
    scenario = next(one for one in SCENARIOS if str(one) == named)
    caller, performing = trigger("TDD")
    with show() as shown:
        return perform_treatment(partners, caller, performing, scenario, shown, inject=inject)

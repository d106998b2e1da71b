"""The pytest plugin: options, the system under test, markers, verdicts, and their way into the reports.

How a test becomes a verdict: it carries ``@pytest.mark.requirement(ID)``; it calls ``judge(findings)``; what it found is
written to the test's report together with the requirement and the exchanges it looked at, so that a worker process of
pytest-xdist, JUnit XML, allure and the tool's own table and page all tell the same.

pytest sees in this module the hooks and fixtures of the others. PYTEST_DONT_REWRITE: it asserts nothing, and may have been
imported before pytest loads it.
"""

from .collection import pytest_collection_modifyitems, pytest_report_collectionfinish
from .fixtures import (
    judge,
    judge_observation,
    judge_status,
    new_example,
    note_evidence,
    note_reading,
    patience,
    receiver,
    requirement,
    system,
    wire,
)
from .keys import NotReachable, Setting, recorded_key, requirement_key, system_key
from .options import (
    pytest_addoption,
    pytest_configure,
    pytest_load_initial_conftests,
    pytest_report_header,
    pytest_sessionstart,
)
from .parameters import attribute_parameters, cell_parameters, requirement_parameters, upper_layer_parameters
from .verdicts import Nonconformity, pytest_report_teststatus, pytest_runtest_makereport, pytest_runtest_setup
from .xdist import pytest_collection_finish, pytest_configure_node, pytest_xdist_make_scheduler

__all__ = [
    "Nonconformity",
    "NotReachable",
    "Setting",
    "attribute_parameters",
    "cell_parameters",
    "judge",
    "judge_observation",
    "judge_status",
    "new_example",
    "note_evidence",
    "note_reading",
    "patience",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_load_initial_conftests",
    "pytest_report_collectionfinish",
    "pytest_report_header",
    "pytest_report_teststatus",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_sessionstart",
    "pytest_xdist_make_scheduler",
    "receiver",
    "recorded_key",
    "requirement",
    "requirement_key",
    "requirement_parameters",
    "system",
    "system_key",
    "upper_layer_parameters",
    "wire",
]

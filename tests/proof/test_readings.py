"""The reading that is noted of a system is the one it follows: another is noted when the simulator varies."""

import pytest

from . import running

pytestmark = pytest.mark.slow

# Of each requirement: the test that notes a reading, the variation, and what is noted without it and with it. All the
# variations are of different things, so that the simulator has them at once.
CASES = {
    "CC23-TMS-006": (
        "tms/test_cc_2_3_subscribe.py::test_cell[subscribe globally with lock, Subscribed w/o Lock]",
        "events-initial-for-every-ups", ["none", "0000"], ["event", "0000"],
    ),
    "CC23-TMS-042": (
        "tms/test_cc_2_3_subscribe.py::test_filter_on_new_ups", "filter-creation-not-reported", ["event"], ["none"],
    ),
    "CC23-TMS-044": ("tms/test_cc_2_3_subscribe.py::test_filter_can_be_ended", "filter-not-ended", ["ended"], ["kept"]),
    "CC23-TMS-049": (
        "tms/test_cc_2_3_subscribe.py::test_second_filter_leaves_the_first", "filter-replaced", ["both"], ["last"],
    ),
    "CC23-TMS-051": (
        "tms/test_cc_2_3_subscribe.py::test_keys_without_filter[UPS]", "subscribe-keys-refused", ["ignored"], ["refused"],
    ),
    "CC23-TMS-052": (
        "tms/test_cc_2_3_subscribe.py::test_lock_after_a_global_subscription_without",
        "subscribe-without-lock-releases", ["unseen"], ["removed"],
    ),
    "CC24-TMS-006": (
        "tms/test_cc_2_4_event_reports.py::test_cancel_of_a_scheduled_ups_is_reported",
        "events-cancel-requested-when-scheduled", ["states"], ["requested"],
    ),
    "CC24-TMS-010": (
        "tms/test_cc_2_4_event_reports.py::test_assignment_to_a_performer_is_reported",
        "events-performer-in-sequence", ["flat"], ["nested"],
    ),
    "CC24-TMS-016": (
        "tms/test_cc_2_4_event_reports.py::test_initial_events_of_a_global_subscription",
        "events-initial-for-every-ups", ["none"], ["event"],
    ),
    "CC24-TMS-019": (
        "tms/test_cc_2_4_status_change.py::test_status_change_names_an_instance",
        "events-status-change-own-instance", ["well-known"], ["own"],
    ),
    "CC24-TMS-023": (
        "tms/test_cc_2_4_event_reports.py::test_parameters_alone_are_reported",
        "events-of-progress-parameters-not", ["event"], ["none"],
    ),
    "CC26-TMS-030": (
        "tms/test_cc_2_6_set.py::test_issuer_of_another_patient_id", "set-issuer-refused", ["stored"], ["refused"],
    ),
    "CC28-TMS-064": (
        "tms/test_cc_2_8_search.py::test_value_where_there_is_none[AdmissionID]",
        "find-unknown-matches", ["unmatched"], ["matched"],
    ),
    "CC24-TMS-132": (
        "tms/test_cc_2_4_status_change.py::test_status_change_has[CC24-TMS-132]",
        "events-cold-started", ["COLD START"], ["COLD STARTED"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def noted():
    """What is noted of the simulator as it is, and of the one with all variations: words by requirement."""
    tests = [case[0] for case in CASES.values()]
    return [words(running.run(tests, names)) for names in ([], sorted({case[1] for case in CASES.values()}))]


def words(tally):
    assert (dict(tally.violated), dict(tally.not_judged), tally.errors) == ({}, {}, [])
    return {
        requirement: [reading.partition(": ")[0] for text in texts for reading in text.split("; ")]
        for requirement, texts in tally.readings.items()
    }


@pytest.mark.parametrize("requirement", CASES)
def test_the_reading_changes_with_the_simulator(requirement, noted):
    _, _, without, varied = CASES[requirement]
    assert [found[requirement] for found in noted] == [without, varied]

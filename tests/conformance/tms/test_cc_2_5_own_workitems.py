"""CC.2.5.3 A UPS that the TMS makes itself, without N-CREATE: its content is the same, and it begins as SCHEDULED."""

from typing import NamedTuple

import pytest
from pydicom.dataset import Dataset

from tdwii_conformance.checks import made, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.creation import MODIFIED, near_now
from tdwii_conformance.dimse import NoContext
from tdwii_conformance.profile.ups_service import STATE_REPORT
from tdwii_conformance.treatment.scenarios import STARTS
from tdwii_conformance.workitems.outcomes import OtherState

PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"


@pytest.fixture(scope="module", params=STARTS, ids=["new", "continuation"])
def shown(request, looks_at):
    """All that N-GET shows of a workitem of the TMS."""
    return looks_at(start=request.param).get()


class New(NamedTuple):
    """A UPS that the TMS made when it was told to.

    Parameters
    ----------
    state : str
        In which it was found.
    uid : str
        SOP Instance UID.
    told : list of Exchange
        What was reported of it to an AE with a global subscription.
    """

    state: str
    uid: str
    told: list


@pytest.fixture(scope="module")
def new(system, creates, request):
    """A UPS that was made while a watcher was subscribed to all, if the TMS has subscriptions."""
    watcher, since = None, 0
    if "subscription" in system.supports("TMS"):
        watcher = request.getfixturevalue("watcher")
        try:
            since = watcher.mark()
            watcher = None if status.accepted(watcher.subscribe(), "a global subscription") else watcher
        except NoContext:
            watcher = None
    try:
        uid, state = creates().workitem.uid, "SCHEDULED"
    except OtherState as error:
        uid, state = error.uid, error.state
    told = []
    if watcher is not None:
        if state != "SCHEDULED":  # then what was reported first decides
            watcher.wait_for(uid, STATE_REPORT, since=since)
            told = watcher.reports(uid, since=since)
        watcher.unsubscribe()
    return New(state, uid, told)


@pytest.mark.requirement("CC25-TMS-035")
def test_type_1_has_a_value(shown, judge):
    judge(ups.got(shown))
    judge(made.values(shown.dataset))


@pytest.mark.requirement("CC25-TMS-036")
def test_type_1c_has_a_value(shown, judge):
    judge(ups.got(shown))
    judge(made.conditional_values(shown.dataset))


@pytest.mark.requirement("CC25-TMS-037")
def test_type_2_is_there(shown, judge):
    judge(ups.got(shown))
    judge(made.present(shown.dataset))


@pytest.mark.requirement("CC25-TMS-038")
def test_values_are_defined(shown, judge):
    judge(ups.got(shown))
    judge(made.defined_values(shown.dataset))


@pytest.mark.requirement("CC25-TMS-039")
def test_begins_as_scheduled(new, judge):
    found = made.born_scheduled(new.state, new.told)
    if found is None:
        pytest.skip(f"not judged: the UPS was {new.state} when it was first seen; whether it had been SCHEDULED is not known")
    judge(found)


@pytest.mark.requirement("CC25-TMS-040")
def test_nothing_is_performed(tdd, new, judge):
    if new.state != "SCHEDULED":
        pytest.skip(f"not judged: the new UPS is {new.state} and not SCHEDULED (CC25-TMS-039)")
    came = tdd.get(new.uid, [PROGRESS, PERFORMED])
    judge(ups.got(came))
    judge(made.nothing_performed(came.dataset or Dataset()))


@pytest.mark.requirement("CC25-TMS-041")
def test_modification_time(tdd, new, judge, dated):
    judge(near_now(dated(tdd.get(new.uid, [MODIFIED]), MODIFIED)))

"""Event reports that come while something else was under way, or of which more than one reading is right [CC.2.3, CC.2.4]."""

import pytest
from told_samples import CANCELED, IN_PROGRESS, READINESS, SCHEDULED, Told, subscribed

from tdwii_conformance.profile.ups_service import GLOBAL

NOT_SUBSCRIBED = ("CC24-TMS-014", "CC23-TMS-018", "CC24-TMS-003")
SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 3, 4, 5
NEW = "1.2.7"


def readiness_changed():
    """It is claimed, which is reported, and its inputs become ready, which is not reported yet."""
    record = subscribed(**{READINESS: "INCOMPLETE"}).change().state(IN_PROGRESS)
    return record.set(**{READINESS: "READY"}).subscribe(kind=UNSUBSCRIBE)


def test_what_was_owed_before_the_end_of_a_subscription_may_come_after_it():
    assert readiness_changed().state(IN_PROGRESS).found(*NOT_SUBSCRIBED) == {}


def test_how_often_it_comes_afterwards_is_not_counted():
    assert readiness_changed().state(IN_PROGRESS).state(IN_PROGRESS).found(*NOT_SUBSCRIBED) == {}


def test_what_was_not_owed_may_not():
    twice = subscribed().change().state(IN_PROGRESS).subscribe(kind=UNSUBSCRIBE).state(IN_PROGRESS)
    assert set(twice.found("CC24-TMS-014", "CC23-TMS-018")) == {"CC24-TMS-014", "CC23-TMS-018"}


@pytest.mark.parametrize(("back", "fine"), [(1.5, True), (2.5, True), (3.5, False)])
def test_who_subscribes_and_unsubscribes_at_once_may_be_told(back, fine):
    """Unsubscribed from the fifth to the sixth second; subscribed again for a second, so much earlier than the eighth."""
    record = subscribed().subscribe(kind=UNSUBSCRIBE).pause(-back).subscribe().pause(back).change().state(IN_PROGRESS)
    assert (record.found("CC24-TMS-014") == {}) is fine


def test_a_workitem_made_while_the_subscription_was_suspended_may_be_reported():
    record = Told().shown().subscribe(target=GLOBAL)
    record.subscribe(kind=SUSPEND, target=GLOBAL).pause(-1.9).create(NEW).pause(1).state(SCHEDULED, uid=NEW)
    assert record.found("CC24-TMS-014", "CC23-TMS-001") == {}
    after = Told().shown().subscribe(target=GLOBAL)
    after.subscribe(kind=SUSPEND, target=GLOBAL).create(NEW).pause(1).state(SCHEDULED, uid=NEW)
    assert set(after.found("CC24-TMS-014", "CC23-TMS-001")) == {"CC24-TMS-014", "CC23-TMS-001"}


# --- requests to cancel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(("named", "received"), [({}, "attribute absent"), ({"RequestingAE": "W2"}, None)])
def test_who_asked_to_cancel_is_named(complete, named, received):
    record = subscribed().change().state(IN_PROGRESS).cancel("W2", ReasonForCancellation="m")
    found = record.report(2, ReasonForCancellation="m", **named).found("CC24-TMS-111", complete=complete)
    assert [one[1] for one in found.get("CC24-TMS-111", [[]])[0]] == ([received] if received else [])


@pytest.mark.parametrize(("name", "wrong"), [("W2", False), ("W9", True)])
def test_who_asked_without_a_data_set_is_named(name, wrong):
    record = subscribed().change().state(IN_PROGRESS).cancel("W2", asked=False).report(2, RequestingAE=name)
    assert ("CC24-TMS-111" in record.found("CC24-TMS-111")) is wrong


def test_through_which_states_a_request_without_a_data_set_leads_is_known():
    record = subscribed().cancel("W2", asked=False).pause(-1.5).state(IN_PROGRESS).state(CANCELED)
    assert record.found("CC24-TMS-101") == {}

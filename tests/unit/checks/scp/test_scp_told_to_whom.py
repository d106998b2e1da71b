"""To whom event reports of a TMS went, in which order, and which are missing [CC.2.3.1 table CC.2.3-2, CC.2.4.3]."""

import pytest
from scp_samples import W
from told_samples import CANCELED, COMPLETED, IN_PROGRESS, PROGRESS, SCHEDULED, STATION, Told, subscribed

from tdwii_conformance.profile.ups_service import FILTERED, GLOBAL
from tdwii_conformance.treatment.messages import item

OTHER, NEW = "1.2.4", "1.2.7"
SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 3, 4, 5  # table CC.2.3-1
CREATED, UNSUBSCRIBED, EVERYWHERE, SUSPENDED = "CC23-TMS-001", "CC23-TMS-018", "CC23-TMS-021", "CC23-TMS-038"
WHO = (CREATED, UNSUBSCRIBED, EVERYWHERE, SUSPENDED, "CC24-TMS-014")
TEN, FIFTY = ({PROGRESS: [item(ProcedureStepProgress=value)]} for value in ("10", "50"))


def unwanted(*numbers, ids, kind="UPS State Report"):
    """What is found of reports to an AE that is not subscribed: it, and the requirement on the end of its subscription."""
    said = [("no event report to W1, which is not subscribed", kind, "")] * len(numbers)
    return {name: (said, list(numbers)) for name in ("CC24-TMS-014", *ids)}


def left(**shown):
    """W1 has been told the state of a workitem, and has unsubscribed from it."""
    return subscribed(**shown).subscribe(kind=UNSUBSCRIBE)


# --- order ------------------------------------------------------------------------------------------------------------


def test_the_order_is_said_of_the_report_that_goes_back():
    record = subscribed().change().state(IN_PROGRESS).report(3, **TEN).state(SCHEDULED)
    said = (f"nothing before {IN_PROGRESS} any more", f"{SCHEDULED} after {IN_PROGRESS}", "")
    assert record.found("CC24-TMS-012") == {"CC24-TMS-012": ([said], [6])}


def test_one_report_alone_has_no_order():
    assert "CC24-TMS-012" not in subscribed().entries()
    assert subscribed().change().state(IN_PROGRESS).entries()["CC24-TMS-012"].judged == 1


def test_only_a_state_report_tells_a_state():
    record = subscribed().change().state(IN_PROGRESS).report(3, **TEN, ProcedureStepState=SCHEDULED)
    assert record.found("CC24-TMS-012") == {}


# --- what is missing --------------------------------------------------------------------------------------------------


def test_what_is_missing_is_said_of_the_request_that_it_is_owed_for():
    record = subscribed().change().change(COMPLETED).state(COMPLETED)
    said = (f"UPS State Report ({IN_PROGRESS}) of {W} to W1", "no such event report", "")
    assert record.found("CC24-TMS-002", "CC24-TMS-013") == {"CC24-TMS-002": ([said], [3])}


def test_of_progress_no_state_is_missing():
    record = subscribed(**{PROGRESS: []}).change().state(IN_PROGRESS).set(**TEN).pause(30).shown(IN_PROGRESS, **TEN)
    said = (f"UPS Progress Report of {W} to W1", "no such event report", "")
    assert record.found("CC24-TMS-007", "CC24-TMS-013") == {"CC24-TMS-007": ([said], [5])}


@pytest.mark.parametrize(("pause", "missing"), [(-1.25, False), (-1, False), (-0.75, True)])
def test_what_began_before_the_request_was_over_came_after_nothing(pause, missing):
    record = subscribed().change().pause(pause).change(COMPLETED).state(COMPLETED)
    assert ("CC24-TMS-002" in record.found("CC24-TMS-002")) is missing


def test_a_report_may_begin_with_the_request_that_it_is_of():
    record = subscribed().change().pause(-2).state(IN_PROGRESS).pause(30).shown(IN_PROGRESS)
    assert record.found("CC24-TMS-002") == {}


def test_who_was_told_of_something_else_got_no_report_that_is_missing():
    record = subscribed().subscribe("W2").state(SCHEDULED, "W2").subscribe("W2", UNSUBSCRIBE).change().pause(30).shown(IN_PROGRESS)
    said = (f"UPS State Report ({IN_PROGRESS}) of {W} to W1", "no such event report", "")
    assert record.found("CC24-TMS-002", "CC24-TMS-013") == {"CC24-TMS-002": ([said], [6])}


# --- after the end of a subscription ----------------------------------------------------------------------------------


def test_what_happened_after_the_end_of_a_subscription_is_reported_to_others_only():
    assert left().change().state(IN_PROGRESS).found(*WHO) == unwanted(5, ids=(UNSUBSCRIBED,))


def test_who_has_unsubscribed_from_all_is_told_of_none():
    record = subscribed().subscribe(kind=UNSUBSCRIBE, target=GLOBAL).change().state(IN_PROGRESS)
    assert record.found(*WHO) == unwanted(5, ids=(EVERYWHERE,))


def test_progress_after_the_end_of_a_subscription_is_reported_to_others_only():
    record = subscribed(**{PROGRESS: []}).change().state(IN_PROGRESS).subscribe(kind=UNSUBSCRIBE).set(**TEN).report(3, **TEN)
    assert record.found(*WHO) == unwanted(7, ids=(UNSUBSCRIBED,), kind="UPS Progress Report")


def test_progress_may_be_that_of_before_the_end_of_a_subscription():
    record = subscribed(**{PROGRESS: []}).change().state(IN_PROGRESS).set(**TEN)
    record.subscribe(kind=UNSUBSCRIBE).set(**FIFTY).report(3, **TEN)
    assert record.found(*WHO) == {}


def test_a_readiness_may_be_that_of_before_the_end_of_a_subscription():
    record = subscribed(InputReadinessState="INCOMPLETE").change().state(IN_PROGRESS).set(InputReadinessState="READY")
    record.subscribe(kind=UNSUBSCRIBE).set(InputReadinessState="INCOMPLETE").state(IN_PROGRESS)
    assert record.found(*WHO) == {}


def test_what_began_when_the_subscription_was_over_may_be_told_with_what_came_after():
    record = subscribed(**{PROGRESS: []}).change().state(IN_PROGRESS).subscribe(kind=UNSUBSCRIBE)
    record.pause(-1).set(**TEN).set(**FIFTY).report(3, **TEN)
    assert record.found(*WHO) == {}


@pytest.mark.parametrize(("pause", "wrong"), [(-1, False), (-0.75, True)])
def test_a_report_that_begins_when_the_subscription_is_over_may_have_been_under_way(pause, wrong):
    record = subscribed().change().state(IN_PROGRESS).subscribe(kind=UNSUBSCRIBE).pause(pause).state(IN_PROGRESS)
    assert record.found(*WHO) == (unwanted(6, ids=(UNSUBSCRIBED,)) if wrong else {})


def test_other_changes_of_before_and_changes_of_others_excuse_nothing():
    record = Told().shown().shown(uid=OTHER).subscribe().state(SCHEDULED).change().state(IN_PROGRESS)
    asked = item(ProcedureStepState=CANCELED, TransactionUID="1.2.9.4")
    record.add("N-ACTION", asked, RequestedSOPInstanceUID=OTHER, ActionTypeID=1)
    record.subscribe(kind=UNSUBSCRIBE).change(CANCELED).state(CANCELED)
    assert record.found(*WHO) == unwanted(9, ids=(UNSUBSCRIBED,))


def test_a_change_of_another_workitem_of_before_excuses_nothing():
    record = Told().shown().shown(uid=OTHER).subscribe().state(SCHEDULED)
    asked = item(ProcedureStepState=IN_PROGRESS, TransactionUID="1.2.9.4")
    record.add("N-ACTION", asked, RequestedSOPInstanceUID=OTHER, ActionTypeID=1)
    record.subscribe(kind=UNSUBSCRIBE).change().state(IN_PROGRESS)
    assert record.found(*WHO) == unwanted(7, ids=(UNSUBSCRIBED,))


def test_a_report_of_before_does_not_hide_the_one_of_after():
    record = subscribed().change().subscribe(kind=UNSUBSCRIBE).change(CANCELED).state(IN_PROGRESS).state(CANCELED)
    assert record.found(*WHO) == unwanted(7, ids=(UNSUBSCRIBED,))


# --- who subscribes again ---------------------------------------------------------------------------------------------


def test_who_subscribes_again_is_told_and_who_leaves_again_is_not():
    record = left().subscribe().state(SCHEDULED).subscribe(kind=UNSUBSCRIBE).change().state(IN_PROGRESS)
    assert record.found(*WHO) == unwanted(8, ids=(UNSUBSCRIBED,))


@pytest.mark.parametrize("pause", [-1, 0])
def test_who_subscribes_again_when_the_subscription_is_over_is_subscribed(pause):
    record = left().pause(pause).subscribe().change().state(IN_PROGRESS)
    assert record.found(*WHO) == {}


@pytest.mark.parametrize("target", [W, GLOBAL, FILTERED])
@pytest.mark.parametrize(("early", "wrong"), [(0.25, True), (0, False)])
def test_who_subscribes_when_the_report_begins_may_be_told(target, early, wrong):
    record = left().change().subscribe(target=target)
    begun = record.now - 2
    record.now = begun - early
    record.state(IN_PROGRESS)
    assert ("CC24-TMS-014" in record.found("CC24-TMS-014")) is wrong


def test_a_filtered_subscription_of_before_may_go_on():
    record = Told().shown().subscribe(target=FILTERED).pause(60).subscribe(kind=UNSUBSCRIBE).change().state(IN_PROGRESS)
    assert record.found(*WHO) == {}


# --- initial events ---------------------------------------------------------------------------------------------------


def test_the_end_of_a_subscription_has_no_initial_event():
    assert left().state(SCHEDULED).found(*WHO) == unwanted(4, ids=(UNSUBSCRIBED,))
    assert left().state(SCHEDULED).found(*WHO, complete=False) == {}  # somebody unseen may have changed something


def test_an_initial_event_may_come_after_the_end_of_the_subscription():
    assert Told().shown().subscribe().subscribe(kind=UNSUBSCRIBE).state(SCHEDULED).found(*WHO) == {}


def test_of_two_subscriptions_two_initial_events_may_come():
    twice = Told().shown().subscribe().subscribe().state(SCHEDULED).subscribe(kind=UNSUBSCRIBE).state(SCHEDULED)
    assert twice.found(*WHO) == {}
    assert twice.state(SCHEDULED).found(*WHO) == {}


@pytest.mark.parametrize("information", [{"InputReadinessState": "READY"}, {"encoded": b"\x00\x01\x02"}])
def test_what_tells_no_state_may_be_the_initial_event_of_a_workitem_whose_state_nobody_knows(information):
    record = Told().subscribe().subscribe().report(**information).subscribe(kind=UNSUBSCRIBE).report(**information)
    assert record.found(*WHO) == {}


def test_the_initial_events_of_others_are_theirs():
    record = (
        Told().shown().subscribe("W2").subscribe("W3").subscribe().state(SCHEDULED).subscribe(kind=UNSUBSCRIBE).state(SCHEDULED)
    )
    assert record.found(*WHO) == unwanted(6, ids=(UNSUBSCRIBED,))


def test_the_initial_events_of_other_workitems_are_theirs():
    record = Told().shown().shown(uid=OTHER).shown(uid="1.2.5").subscribe(target=OTHER).subscribe(target="1.2.5").subscribe()
    record.state(SCHEDULED).subscribe(kind=UNSUBSCRIBE).state(SCHEDULED)
    assert record.found(*WHO) == unwanted(8, ids=(UNSUBSCRIBED,))


def test_the_states_of_before_are_others():
    record = subscribed().change().state(IN_PROGRESS).change(CANCELED).state(CANCELED).subscribe(kind=UNSUBSCRIBE).state(CANCELED)
    assert record.found(*WHO) == unwanted(8, ids=(UNSUBSCRIBED,))


def test_what_came_of_another_workitem_was_not_the_initial_event():
    record = Told().shown().shown(uid=OTHER).subscribe().subscribe(target=OTHER).state(SCHEDULED, uid=OTHER)
    assert record.subscribe(kind=UNSUBSCRIBE).state(SCHEDULED).found(*WHO) == {}


def test_what_begins_when_the_subscription_is_over_did_not_come_before():
    record = Told().shown().subscribe().subscribe(kind=UNSUBSCRIBE).pause(-1).state(SCHEDULED).state(SCHEDULED)
    assert record.found(*WHO) == {}


def test_an_initial_event_does_not_hide_what_comes_after_it():
    record = Told().shown().subscribe().subscribe(kind=UNSUBSCRIBE).state(SCHEDULED).change().state(IN_PROGRESS)
    assert record.found(*WHO) == unwanted(5, ids=(UNSUBSCRIBED,))


# --- new workitems ----------------------------------------------------------------------------------------------------


def suspended():
    return Told().shown().subscribe(target=GLOBAL).subscribe(kind=SUSPEND, target=GLOBAL)


def test_who_has_suspended_that_is_not_told_of_a_new_workitem():
    assert suspended().create(NEW).state(SCHEDULED, uid=NEW).found(*WHO) == unwanted(4, ids=(CREATED,))


def test_who_has_suspended_that_is_not_told_what_happens_to_a_new_workitem():
    record = suspended().create(NEW)
    asked = item(ProcedureStepState=IN_PROGRESS, TransactionUID="1.2.9.4")
    record.add("N-ACTION", asked, RequestedSOPInstanceUID=NEW, ActionTypeID=1).state(IN_PROGRESS, uid=NEW)
    assert record.found(*WHO) == unwanted(5, ids=(SUSPENDED,))


def test_who_has_suspended_that_is_not_told_whom_a_new_workitem_is_assigned_to():
    station = [item(CodeValue="A", CodingSchemeDesignator="99A", CodeMeaning="m")]
    record = suspended().create(NEW, **{STATION: station}).report(5, uid=NEW, **{STATION: station})
    assert record.found(*WHO) == unwanted(4, ids=(CREATED,), kind="UPS Assigned")


def test_who_has_suspended_that_is_told_of_the_workitems_of_before():
    assert suspended().change().state(IN_PROGRESS).found(*WHO) == {}
    record = Told().create(NEW).subscribe(target=GLOBAL).subscribe(kind=SUSPEND, target=GLOBAL)
    asked = item(ProcedureStepState=IN_PROGRESS, TransactionUID="1.2.9.4")
    record.add("N-ACTION", asked, RequestedSOPInstanceUID=NEW, ActionTypeID=1).state(IN_PROGRESS, uid=NEW)
    assert record.found(*WHO) == {}


def test_who_has_unsubscribed_from_all_is_not_told_of_a_new_workitem():
    record = Told().shown().subscribe(target=GLOBAL).subscribe(kind=UNSUBSCRIBE, target=GLOBAL).create(NEW)
    assert record.state(SCHEDULED, uid=NEW).found(*WHO) == unwanted(4, ids=(CREATED,))


def test_who_has_unsubscribed_from_another_workitem_is_told_of_a_new_one():
    record = Told().shown().subscribe(target=GLOBAL).subscribe(kind=UNSUBSCRIBE, target=W).create(NEW)
    assert record.state(SCHEDULED, uid=NEW).found(*WHO) == {}


@pytest.mark.parametrize("kind", [SUSPEND, UNSUBSCRIBE])
@pytest.mark.parametrize(("pause", "wrong"), [(-2, False), (0, True)])
def test_what_is_created_when_the_subscription_is_over_may_be_told(kind, pause, wrong):
    record = Told().shown().subscribe(target=GLOBAL)
    record.subscribe(kind=kind, target=GLOBAL).pause(pause).create(NEW).pause(1).state(SCHEDULED, uid=NEW)
    assert ("CC24-TMS-014" in record.found(*WHO)) is wrong


def test_what_happens_to_it_later_may_be_told_too():
    record = Told().shown().subscribe(target=GLOBAL).subscribe(kind=SUSPEND, target=GLOBAL).pause(-2).create(NEW)
    asked = item(ProcedureStepState=IN_PROGRESS, TransactionUID="1.2.9.4")
    record.add("N-ACTION", asked, RequestedSOPInstanceUID=NEW, ActionTypeID=1).state(IN_PROGRESS, uid=NEW)
    assert record.found(*WHO) == {}

"""CC.2.3 subscriptions: every cell of the subscription table, and whom a subscription concerns."""

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, events, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.plugin import cell_parameters
from tdwii_conformance.profile.statuses import is_failure, status_text
from tdwii_conformance.profile.ups_service import STATE_REPORT, SUBSCRIBE, UPS
from tdwii_conformance.profile.ups_tables import SUBSCRIPTION_STATES
from tdwii_conformance.scu.watcher import FILTERED
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.workitems.watched import ToReport

STATE = ("ProcedureStepState",)
STATION_KEY = ("CodeValue", "CodingSchemeDesignator")
# What says that the way to a test is open.
GLOBALLY, GLOBALLY_WITH_LOCK, TO_A_UPS, TO_A_UPS_WITH_LOCK = "CC23-TMS-007", "CC23-TMS-004", "CC23-TMS-013", "CC23-TMS-010"
BY_A_FILTER = "CC23-TMS-043"
UNSUBSCRIBED, UNSUBSCRIBED_GLOBALLY = ("CC23-TMS-018", "CC23-TMS-017"), ("CC23-TMS-021", "CC23-TMS-020", "CC23-TMS-019")
SUSPENDED = ("CC23-TMS-024", "CC23-TMS-023")
NOT_SUBSCRIBED, WITH_LOCK, WITHOUT_LOCK = SUBSCRIPTION_STATES
NOBODY = "NOBODY_KNOWS"
START, STATION, LABEL = "ScheduledProcedureStepStartDateTime", "ScheduledStationNameCodeSequence", "ProcedureStepLabel"
BY_STATE = {"COMPLETED": SCENARIOS[0], "CANCELED": SCENARIOS[1]}

# What follows from each event [CC.2.3.1 table CC.2.3-2], in words of the test: who is subscribed afterwards, and who is
# told the present state ("may": the text is at odds with the table, A6).
SUBSCRIBED_AFTER = {
    "UPS created; No Global Subscription": False, "UPS created; Global with Lock": True, "UPS created; Global w/o Lock": True,
    "subscribe globally with lock": True, "subscribe globally w/o lock": True, "subscribe to the UPS with lock": True,
    "subscribe to the UPS w/o lock": True, "unsubscribe from the UPS": False, "unsubscribe globally": False,
    "suspend globally": None,
}  # fmt: skip
NO_LOCK = 0xB301
INITIAL_EVENT = {
    "UPS created; Global with Lock": "yes", "UPS created; Global w/o Lock": "yes", "subscribe globally with lock": "may",
    "subscribe to the UPS with lock": "yes", "subscribe to the UPS w/o lock": "yes",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_subscription(watcher, needs):
    needs(status.accepted(watcher.unsubscribe(), "a global unsubscribe"), *UNSUBSCRIBED_GLOBALLY)


def become(watcher, uid, state, needs, judge):
    """Bring the AE, which is not subscribed to a UPS, into a state for it."""
    if state == NOT_SUBSCRIBED:
        return
    since = watcher.mark()
    say_so = TO_A_UPS_WITH_LOCK if state == WITH_LOCK else TO_A_UPS
    needs(status.accepted(watcher.subscribe(uid, lock=state == WITH_LOCK), "subscribing to a UPS"), say_so)
    judge(events.reported(watcher.wait_for(uid, STATE_REPORT, since=since), "the initial event of a subscription"))


def perform(watcher, uid, event):
    lock = "with lock" in event
    if event.startswith("subscribe globally"):
        return watcher.subscribe(lock=lock)
    if event.startswith("subscribe"):
        return watcher.subscribe(uid, lock=lock)
    if event == "unsubscribe from the UPS":
        return watcher.unsubscribe(uid)
    return watcher.unsubscribe() if event.startswith("unsubscribe") else watcher.suspend()


@pytest.mark.parametrize(("event", "state"), cell_parameters("CC.2.3"))
def test_cell(event, state, watcher, to_report, nothing_else, needs, judge, judge_status, follows, request):
    if event.startswith("UPS created"):
        creates = request.getfixturevalue("creates")
        if "No Global" not in event:
            lock = "with Lock" in event
            needs(status.accepted(watcher.subscribe(lock=lock), "a global subscription"), GLOBALLY_WITH_LOCK if lock else GLOBALLY)
        nothing_else(watcher)
        since = watcher.mark()
        one = to_report(new=creates())
        exchange = None
    else:
        one = to_report()
        if event in ("unsubscribe globally", "suspend globally"):
            needs(status.accepted(watcher.subscribe(), "a global subscription"), GLOBALLY)
            needs(status.accepted(watcher.unsubscribe(one.uid), "unsubscribing from a UPS"), *UNSUBSCRIBED)
        become(watcher, one.uid, state, needs, judge)
        if INITIAL_EVENT.get(event) != "yes":  # of what is awaited nothing can have come before
            nothing_else(watcher)
        since = watcher.mark()
        exchange = perform(watcher, one.uid, event)
    uid = one.uid
    initial = INITIAL_EVENT.get(event, "no")
    if initial == "may" and state == NOT_SUBSCRIBED:
        initial = "yes"
    if exchange is not None and exchange.status == NO_LOCK and event.startswith("subscribe globally"):
        initial = "may"  # whose lock is not granted is subscribed without, which needs no initial events
    if initial == "yes":
        report = watcher.wait_for_state(uid, one.state, since=since)
        judge(events.reported(report, f"the initial event: a UPS State Report, {one.state}"))
    else:
        nothing_else(watcher)
        reports = [r for r in watcher.reports(uid, since=since) if events.event_type(r) == STATE_REPORT]
        if initial == "no":
            judge(events.not_reported(reports, f"{event}, the AE being {state}, has no initial event"))
        else:
            follows("event" if reports else "none")
    judge(reports_change(one, watcher, SUBSCRIBED_AFTER[event], state, nothing_else))
    if exchange is not None:
        judge_status(exchange)


def reports_change(one, watcher, subscribed, before, nothing_else):
    """What a change shows of the subscription."""
    subscribed = before != NOT_SUBSCRIBED if subscribed is None else subscribed
    if not subscribed:
        nothing_else(watcher)  # what was caused earlier is no matter here
    since = watcher.mark()
    found = status.accepted(one.happen(), "the change that is to be reported")
    if subscribed:
        return found + events.reported(one.reported(watcher, since), f"{one.what}: the AE is subscribed")
    nothing_else(watcher)
    return found + events.not_reported(watcher.reports(one.uid, since=since), "the AE is not subscribed")


@pytest.fixture
def one(to_report):
    """A UPS to which something will happen."""
    return to_report()


def happens_and_is_reported(one, watcher):
    return reports_change(one, watcher, True, None, None)


@pytest.mark.requirement("CC23-TMS-031")
@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_unknown_ups(action, watcher, judge_status):
    judge_status(getattr(watcher, action)(generate_uid()))


@pytest.mark.requirement("CC23-TMS-032")
@pytest.mark.parametrize("target", ["UPS", "global"])
def test_unknown_receiver(target, watcher, is_refused, needs, judge_status):
    arguments = (is_refused().workitem.uid,) if target == "UPS" else ()
    known = status.accepted(watcher.subscribe(*arguments), "the same subscription of an AE that it knows")
    needs(known, TO_A_UPS if target == "UPS" else GLOBALLY)
    judge_status(watcher.subscribe(*arguments, receiver=NOBODY))


@pytest.mark.requirement("CC23-TMS-033")
def test_single_ups_cannot_be_suspended(watcher, is_refused, judge_status):
    judge_status(watcher.suspend(is_refused().workitem.uid))


@pytest.mark.requirement("CC23-TMS-034")
@pytest.mark.parametrize(
    ("missing", "value"), [("receiver", None), ("lock", None), ("receiver", ""), ("lock", "")],
    ids=["receiver", "lock", "empty receiver", "empty lock"],
)  # fmt: skip
def test_missing_argument(missing, value, watcher, is_refused, judge_status):
    judge_status(watcher.subscribe(is_refused().workitem.uid, **{missing: value}))


@pytest.mark.requirement("CC23-TMS-053")
@pytest.mark.parametrize("named", [None, ""], ids=["absent", "empty"])
@pytest.mark.parametrize("action", ["unsubscribe", "suspend"])
def test_nobody_is_named(action, named, watcher, judge_status):
    judge_status(getattr(watcher, action)(receiver=named))


@pytest.mark.requirement("CC23-TMS-055")
def test_lock_that_is_neither(watcher, is_refused, judge_status):
    judge_status(watcher.subscribe(is_refused().workitem.uid, lock="PERHAPS"))


@pytest.mark.requirement("CC23-TMS-056")
@pytest.mark.parametrize("action", ["unsubscribe", "unsubscribe globally", "suspend"])
def test_end_for_an_unknown_receiver(action, watcher, is_refused, judge_status):
    if action == "unsubscribe":
        judge_status(watcher.unsubscribe(is_refused().workitem.uid, receiver=NOBODY))
    else:
        judge_status(watcher.suspend(receiver=NOBODY) if action == "suspend" else watcher.unsubscribe(receiver=NOBODY))


@pytest.mark.requirement("CC23-TMS-035")
def test_receiving_ae_is_subscribed(watcher, second_watcher, one, nothing_else, needs, judge):
    since = watcher.mark()
    needs(status.accepted(watcher.subscribe(one.uid, receiver=second_watcher.ae_title), "a subscription for another AE"), TO_A_UPS)
    judge(happens_and_is_reported(one, second_watcher))
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(one.uid, since=since), "it subscribed another AE, not itself"))


@pytest.mark.requirement("CC23-TMS-036")
def test_unsubscribe_of_another_ae(watcher, second_watcher, one, needs, judge):
    for subscriber in (watcher, second_watcher):
        needs(status.accepted(subscriber.subscribe(one.uid), "a subscription"), TO_A_UPS)
    needs(status.accepted(second_watcher.unsubscribe(one.uid), "unsubscribing"), *UNSUBSCRIBED)
    judge(happens_and_is_reported(one, watcher))


@pytest.mark.requirement("CC23-TMS-037")
def test_global_unsubscribe_of_another_ae(watcher, second_watcher, creates, to_report, needs, judge):
    for subscriber in (watcher, second_watcher):
        needs(status.accepted(subscriber.subscribe(), "a global subscription"), GLOBALLY)
    needs(status.accepted(second_watcher.unsubscribe(), "unsubscribing globally"), *UNSUBSCRIBED_GLOBALLY)
    since = watcher.mark()
    one = to_report(new=creates())
    judge(events.reported(watcher.wait_for_state(one.uid, "SCHEDULED", since=since), "the new UPS"))
    judge(happens_and_is_reported(one, watcher))


@pytest.mark.requirement("CC23-TMS-038")
def test_suspended_ae_is_not_told_of_new_ups(watcher, creates, nothing_else, needs, judge):
    needs(status.accepted(watcher.subscribe(), "a global subscription"), GLOBALLY)
    needs(status.accepted(watcher.suspend(), "suspending it"), *SUSPENDED)
    since = watcher.mark()
    session = creates("IN PROGRESS")
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(session.workitem.uid, since=since), "the global subscription is suspended"))


@pytest.mark.requirement("CC23-TMS-057")
def test_suspension_of_another_ae(watcher, second_watcher, creates, needs, judge):
    for subscriber in (watcher, second_watcher):
        needs(status.accepted(subscriber.subscribe(), "a global subscription"), GLOBALLY)
    since = watcher.mark()
    before = watcher.wait_for_state(creates().workitem.uid, "SCHEDULED", since=since)
    needs(events.reported(before, "a new UPS, before anybody suspends"), "CC24-TMS-001", "CC24-TMS-101")
    needs(status.accepted(second_watcher.suspend(), "suspending it"), *SUSPENDED)
    since = watcher.mark()
    uid = creates().workitem.uid
    report = watcher.wait_for_state(uid, "SCHEDULED", since=since)
    second_watcher.unsubscribe()
    judge(events.reported(report, f"the new UPS, to {watcher.ae_title}, which has not suspended"))


@pytest.mark.requirement("CC23-TMS-039")
def test_one_ups_less(watcher, creates, to_report, nothing_else, needs, judge):
    needs(status.accepted(watcher.subscribe(), "a global subscription"), GLOBALLY)
    one = to_report(new=creates())
    needs(status.accepted(watcher.unsubscribe(one.uid), "unsubscribing from one UPS"), *UNSUBSCRIBED)
    judge(reports_change(one, watcher, False, None, nothing_else))
    since = watcher.mark()
    new = creates().workitem.uid
    judge(events.reported(watcher.wait_for_state(new, "SCHEDULED", since=since), "the next UPS that is created"))


@pytest.mark.requirement("CC23-TMS-040")
@pytest.mark.parametrize("final", ["COMPLETED", "CANCELED"])
def test_lock_keeps_a_final_ups(final, watcher, watchers, ends, needs, judge, follows):
    subscribed = watcher.subscribe(lock=True)
    needs(status.accepted(subscribed, "a global subscription with lock"), GLOBALLY_WITH_LOCK)
    if subscribed.status != 0:
        pytest.skip("not judged: the TMS grants no deletion locks (B301), as it may")
    since = watcher.mark()
    session = ends("IN PROGRESS")
    session.conclude(BY_STATE[final])
    if (ended := session.finish()).status != 0:
        pytest.skip(f"not judged: {final} was not granted (RO65-TMS-001), {status_text(ended.status)}")
    judge(events.reported(watcher.wait_for_state(session.workitem.uid, final, since=since), f"the final state {final}"))
    # Others who come and go do not take the lock away.
    for other in watchers[1:]:
        needs(status.accepted(other.subscribe(session.workitem.uid), "a subscription of another AE"), TO_A_UPS)
        needs(status.accepted(other.unsubscribe(session.workitem.uid), "its end"), *UNSUBSCRIBED)
    judge(ups.state_is(session.get(STATE), final))
    needs(status.accepted(watcher.unsubscribe(session.workitem.uid), "giving the lock back"), *UNSUBSCRIBED)
    after = session.get(STATE)
    follows("kept" if after.status == 0 else "deleted")


# How a deletion lock comes about: what is asked, by which watcher.
LOCKED_BY = {
    "alone": [("lock", 0)],
    "upgraded": [("subscribe", 0), ("lock", 0)],
    "repeated": [("lock", 0), ("lock", 0)],
    "globally": [("lock all", 0)],
    "globally too": [("lock", 0), ("lock all", 0)],
    "suspended": [("lock all", 0), ("suspend", 0)],
    "of two": [("lock", 0), ("lock", 1), ("unsubscribe", 0)],
}


@pytest.mark.requirement("CC23-TMS-054")
@pytest.mark.parametrize("way", LOCKED_BY)
def test_lock_however_it_came_about(way, watchers, creates, needs, judge):
    session = creates("IN PROGRESS")
    uid = session.workitem.uid
    asks = {
        "lock": lambda one: one.subscribe(uid, lock=True), "subscribe": lambda one: one.subscribe(uid),
        "lock all": lambda one: one.subscribe(lock=True), "suspend": lambda one: one.suspend(),
        "unsubscribe": lambda one: one.unsubscribe(uid),
    }  # fmt: skip
    if len(watchers) < 2 and way == "of two":
        pytest.skip("not judged: a second Receiving AE is needed: ours.second_watcher is not given")
    for what, which in LOCKED_BY[way]:
        exchange = asks[what](watchers[which])
        needs(status.accepted(exchange, what), TO_A_UPS_WITH_LOCK, TO_A_UPS, GLOBALLY_WITH_LOCK, *UNSUBSCRIBED, *SUSPENDED)
        if exchange.status == NO_LOCK:
            pytest.skip("not judged: the TMS grants no deletion locks (B301), as it may")
    session.conclude(SCENARIOS[0])
    if (ended := session.finish()).status != 0:
        pytest.skip(f"not judged: COMPLETED was not granted (RO65-TMS-001), status {ended.status:04X}")
    judge(ups.state_is(session.get(STATE), "COMPLETED"))
    for one in watchers[1:]:
        one.unsubscribe()


@pytest.mark.requirement("CC23-TMS-054")
def test_lock_after_the_end(watcher, watchers, ends, still_kept, needs, judge):
    session = ends("IN PROGRESS")
    session.conclude(SCENARIOS[0])
    if (ended := session.finish()).status != 0:
        pytest.skip(f"not judged: COMPLETED was not granted (RO65-TMS-001), {status_text(ended.status)}")
    still_kept(session)
    locked = watcher.subscribe(session.workitem.uid, lock=True)
    needs(status.accepted(locked, "a subscription with lock"), TO_A_UPS_WITH_LOCK)
    if locked.status == NO_LOCK:
        pytest.skip("not judged: the TMS grants no deletion locks (B301), as it may")
    for other in watchers[1:]:
        needs(status.accepted(other.subscribe(session.workitem.uid), "a subscription of another AE"), TO_A_UPS)
        needs(status.accepted(other.unsubscribe(session.workitem.uid), "its end"), *UNSUBSCRIBED)
    judge(ups.state_is(session.get(STATE), "COMPLETED"))


@pytest.fixture
def filtered(watcher, to_report, supported, needs):
    """A filtered subscription by Patient ID: two UPS that were there, one of which matches."""
    supported("TMS", "filtered-subscription")
    inside, outside = to_report("inside"), to_report("outside")
    patients = [one.session.workitem.facts.get("patient_id") for one in (inside, outside)]
    if not patients[0] or patients[0] == patients[1]:
        pytest.skip(f"not judged: two workitems of different patients are needed, these have the Patient IDs {patients}")
    keys = item(PatientID=patients[0])
    needs(status.accepted(watcher.subscribe(FILTERED, keys=keys), "a filtered global subscription"), BY_A_FILTER)
    return inside, outside


def happens(*several):
    return [finding for one in several for finding in status.accepted(one.happen(), "the change that is to be reported")]


@pytest.mark.requirement("CC23-TMS-041")
def test_filter_on_present_ups(filtered, watcher, nothing_else, judge):
    inside, outside = filtered
    since = watcher.mark()
    judge(happens(outside, inside))
    judge(events.reported(inside.reported(watcher, since), f"{inside.what}, of a UPS that matches the keys"))
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(outside.uid, since=since), "the UPS does not match the keys"))


@pytest.fixture(scope="module")
def two_patients(updates, watcher, supported):
    """Two UPS IN PROGRESS of different patients, whose progress is reported again and again; and what the first shows."""
    supported("TMS", "filtered-subscription")
    inside, outside = (ToReport(updates("IN PROGRESS", role=role), running=True) for role in ("in a filter", "out of a filter"))
    shown = [one.session.get(["PatientID", START, STATION, LABEL]).dataset or item() for one in (inside, outside)]
    patients = [dataset.get("PatientID") for dataset in shown]
    if not patients[0] or patients[0] == patients[1]:
        pytest.skip(f"not judged: two workitems of different patients are needed, these have the Patient IDs {patients}")
    since = watcher.mark()
    plainly = watcher.subscribe(inside.uid)
    if status.accepted(plainly, "a subscription") or happens(inside) or inside.reported(watcher, since) is None:
        pytest.skip("not judged: progress is not reported to who subscribes to the UPS either (CC23-TMS-013, CC24-TMS-007)")
    watcher.unsubscribe(inside.uid)
    return inside, outside, shown[0]


# What is asked beside the Patient ID, of a UPS that has it: whether it matches, and which keys.
BESIDE = {
    "another key": (True, lambda there: item(ProcedureStepState="IN PROGRESS")),
    "another value of a key": (False, lambda there: item(ProcedureStepState="SCHEDULED")),
    "key without value": (True, lambda there: item(ProcedureStepLabel=None)),
    "range": (True, lambda there: item(**{START: f"{there[START].value}-{there[START].value}"})),
    "another range": (False, lambda there: item(**{START: "20010101000000-20010102000000"})),
    "sequence": (True, lambda there: item(**{STATION: [item(**{k: there[STATION].value[0].get(k) for k in STATION_KEY})]})),
    "another sequence": (False, lambda there: item(**{STATION: [item(CodeValue="NOWHERE")]})),
    "text in another case": (False, lambda there: item(**{LABEL: str(there[LABEL].value).swapcase()})),
    "list of other UIDs": (
        False,
        lambda there: item(ReplacedProcedureStepSequence=[item(ReferencedSOPInstanceUID=[generate_uid(), generate_uid()])]),
    ),
}


@pytest.mark.requirement("CC23-TMS-041")
@pytest.mark.parametrize("beside", BESIDE)
def test_filter_by_more_keys(beside, two_patients, watcher, nothing_else, needs, judge):
    inside, outside, there = two_patients
    matches, more = BESIDE[beside]
    if lacking := [keyword for keyword in (START, STATION, LABEL) if not there.get(keyword)]:
        pytest.skip(f"not judged: the workitem shows no {', '.join(lacking)} to ask for")
    label, start = str(there[LABEL].value), str(there[START].value)
    if label.swapcase() == label or set(label) & set("*?\\") or "-" in start:
        pytest.skip(f"not judged: {label!r} has no letters, or wild cards, or {start} reads like a range")
    keys = item(PatientID=there.PatientID)
    keys.update(more(there))
    needs(status.accepted(watcher.subscribe(FILTERED, keys=keys), "a filtered global subscription"), BY_A_FILTER)
    nothing_else(watcher)
    since = watcher.mark()
    judge(happens(outside, inside))
    if matches:
        judge(events.reported(inside.reported(watcher, since), f"{inside.what}, of a UPS that matches the keys"))
    nothing_else(watcher)
    told = watcher.reports((outside if matches else inside).uid, since=since)
    judge(events.not_reported(told, "the UPS does not match the keys"))


@pytest.mark.requirement("CC23-TMS-042")
def test_filter_on_new_ups(watcher, creates, to_report, supported, nothing_else, needs, judge, follows):
    supported("TMS", "filtered-subscription")
    needs(
        status.accepted(watcher.subscribe(FILTERED, keys=item(PatientName="Filter*")), "a filtered global subscription"),
        BY_A_FILTER,
    )
    since = watcher.mark()
    outside, inside = to_report(new=creates()), to_report(new=creates(patient_name="Filter^Inside"))
    judge(happens(outside, inside))
    judge(events.reported(inside.reported(watcher, since), "a new UPS that matches the keys"))
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(outside.uid, since=since), "the new UPS does not match the keys"))
    follows("event" if "SCHEDULED" in events.states_reported(watcher.reports(inside.uid, since=since)) else "none")


@pytest.mark.requirement("CC23-TMS-043")
def test_filtered_subscription_is_answered(watcher, judge_status):
    judge_status(watcher.subscribe(FILTERED, keys=item(PatientID="NOBODY")))


@pytest.mark.requirement("CC23-TMS-044")
def test_filter_can_be_ended(filtered, watcher, nothing_else, judge, follows):
    judge(status.answered(watcher.unsubscribe(FILTERED)))
    since = watcher.mark()
    judge(happens(filtered[0]))
    nothing_else(watcher)
    follows("kept" if watcher.reports(filtered[0].uid, since=since) else "ended")


@pytest.mark.requirement("CC23-TMS-045")
def test_subscribed_twice_told_once(watcher, one, nothing_else, needs, judge):
    needs(status.accepted(watcher.subscribe(), "a global subscription"), GLOBALLY)
    needs(status.accepted(watcher.subscribe(one.uid), "a specific one"), TO_A_UPS)
    nothing_else(watcher)
    since = watcher.mark()
    judge(happens_and_is_reported(one, watcher))
    nothing_else(watcher)
    judge(ups.equal(len(watcher.reports(one.uid, since=since)), 1, "event reports of one change"))


# What is refused; whether the AE is subscribed before, and so afterwards; and what says that it is to be refused.
REFUSED = {
    "subscribe without lock": (lambda one, uid: one.subscribe(uid, lock=None), False, "CC23-TMS-034"),
    "subscribe without receiver": (lambda one, uid: one.subscribe(uid, receiver=None), False, "CC23-TMS-034"),
    "suspend one UPS": (lambda one, uid: one.suspend(uid), True, "CC23-TMS-033"),
    "unsubscribe without receiver": (lambda one, uid: one.unsubscribe(uid, receiver=None), True, "CC23-TMS-053"),
    "unsubscribe globally without receiver": (lambda one, uid: one.unsubscribe(receiver=None), True, "CC23-TMS-053"),
}


@pytest.mark.requirement("CC23-TMS-046")
@pytest.mark.parametrize("what", REFUSED)
def test_refused_subscription_changes_nothing(what, watcher, one, nothing_else, needs, judge):
    asks, subscribed, say_so = REFUSED[what]
    if subscribed:
        become(watcher, one.uid, WITHOUT_LOCK, needs, judge)
    since = watcher.mark()
    needs(status.refused(asks(watcher, one.uid), what), say_so)
    judge(reports_change(one, watcher, subscribed, None, nothing_else))
    if not subscribed:
        judge(events.not_reported(watcher.reports(one.uid, since=since), "the subscription was refused"))


@pytest.mark.requirement("CC23-TMS-046")
def test_refused_filter_changes_nothing(watcher, one, nothing_else, judge):
    since = watcher.mark()
    subscribed = watcher.subscribe(FILTERED, keys=item(ProcedureStepState=one.state))
    judge(status.answered(subscribed))
    if not is_failure(subscribed.status):
        pytest.skip("not judged: the TMS takes filtered global subscriptions")
    judge(reports_change(one, watcher, False, None, nothing_else))
    judge(events.not_reported(watcher.reports(one.uid, since=since), "the subscription was refused"))


@pytest.mark.requirement("CC23-TMS-047")
def test_subscription_outlives_its_association(watcher, one, associate, needs, judge):
    information = item(ReceivingAE=watcher.ae_title, DeletionLock="FALSE")
    watcher.caller.consent("N-ACTION of type 3")
    with associate("TMS", [UPS.WATCH]) as link:
        subscribed = link.n_action(one.uid, SUBSCRIBE, information, context=UPS.WATCH)
    needs(status.accepted(subscribed, "a subscription"), TO_A_UPS)
    judge(happens_and_is_reported(one, watcher))


@pytest.mark.requirement("CC23-TMS-048")
def test_ups_that_comes_to_match(watcher, claims, nothing_else, needs, judge, follows):
    session = claims()
    keys = item(ScheduledProcedureStepPriority="LOW", PatientID=session.workitem.facts["patient_id"])
    needs(status.accepted(watcher.subscribe(FILTERED, keys=keys), "a filtered global subscription"), BY_A_FILTER)
    changed = session.send(item(ScheduledProcedureStepPriority="LOW"), None)
    if status.accepted(changed, "an N-SET of the priority"):
        pytest.skip("not judged: the UPS cannot be changed (CC26-TMS-002)")
    nothing_else(watcher)
    since = watcher.mark()
    judge(status.accepted(session.claim(), "the claim"))
    nothing_else(watcher)
    follows("subscribed" if watcher.reports(session.workitem.uid, since=since) else "unchanged")


@pytest.mark.requirement("CC23-TMS-049")
def test_second_filter_leaves_the_first(watcher, creates, to_report, nothing_else, needs, judge, follows):
    for name in ("First*", "Second*"):
        needs(
            status.accepted(watcher.subscribe(FILTERED, keys=item(PatientName=name)), "a filtered global subscription"), BY_A_FILTER
        )
    since = watcher.mark()
    # New ones: of those that were there when the first was made, the AE is told by subscriptions to each.
    first, last = (to_report(new=creates(patient_name=f"{name}^Filter")) for name in ("First", "Second"))
    judge(happens(first, last))
    nothing_else(watcher)
    told = [bool(watcher.reports(one.uid, since=since)) for one in (first, last)]
    judge([] if any(told) else [Finding("event reports of what matches one of two filters", "none of either")])
    follows("both" if all(told) else "first" if told[0] else "last")


@pytest.mark.requirement("CC23-TMS-050")
def test_filter_can_be_suspended(watcher, creates, to_report, nothing_else, needs, judge, follows):
    keys = item(PatientName="Suspended*")
    present = to_report(new=creates(patient_name="Suspended^Present"))
    needs(status.accepted(watcher.subscribe(FILTERED, keys=keys), "a filtered global subscription"), BY_A_FILTER)
    suspended = watcher.suspend(FILTERED)
    judge(status.answered(suspended))
    since = watcher.mark()
    new = to_report(new=creates(patient_name="Suspended^New"))
    judge(happens(present, new))
    nothing_else(watcher)
    told_of_present, told_of_new = (bool(watcher.reports(one.uid, since=since)) for one in (present, new))
    if is_failure(suspended.status):
        follows("refused")
    else:
        follows("unchanged" if told_of_new else "suspended" if told_of_present else "ended")


@pytest.mark.requirement("CC23-TMS-051")
@pytest.mark.parametrize("target", ["UPS", "global"])
def test_keys_without_filter(target, watcher, one, nothing_else, judge, follows):
    keys = item(PatientName="Nobody^Known")
    arguments = (one.uid,) if target == "UPS" else ()
    subscribed = watcher.subscribe(*arguments, keys=keys)
    judge(status.answered(subscribed))
    nothing_else(watcher)
    since = watcher.mark()
    judge(status.accepted(one.happen(), "the change that may be reported"))
    nothing_else(watcher)
    told = watcher.reports(one.uid, since=since)
    if is_failure(subscribed.status):
        judge(events.not_reported(told, "the subscription was refused"))
        follows("refused")
    else:
        follows("ignored" if told else "applied")


@pytest.mark.requirement("CC23-TMS-052")
def test_lock_after_a_global_subscription_without(watcher, ends, needs, judge, follows):
    session = ends("IN PROGRESS")
    locked = watcher.subscribe(session.workitem.uid, lock=True)
    needs(status.accepted(locked, "a subscription with lock"), TO_A_UPS_WITH_LOCK)
    if locked.status == NO_LOCK:
        pytest.skip("not judged: the TMS grants no deletion locks (B301), as it may")
    needs(status.accepted(watcher.subscribe(lock=False), "a global subscription without lock"), GLOBALLY)
    session.conclude(SCENARIOS[0])
    judge(status.accepted(session.change_state("COMPLETED"), "COMPLETED"))
    before = session.get(STATE)
    judge(status.answered(before))
    needs(status.accepted(watcher.unsubscribe(), "a global unsubscribe, which gives back whatever is held"), *UNSUBSCRIBED_GLOBALLY)
    after = session.get(STATE)
    judge(status.answered(after))
    follows("removed" if before.status != 0 else "kept" if after.status != 0 else "unseen")

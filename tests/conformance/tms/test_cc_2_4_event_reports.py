"""CC.2.4 event reports: what is told, to whom, and with what content."""

from datetime import datetime

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, events, judge_attribute, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.plugin import attribute_parameters
from tdwii_conformance.profile.ups_service import ASSIGNED, CANCEL_REQUESTED, EVENT_TYPES, PROGRESS_REPORT, STATE_REPORT
from tdwii_conformance.treatment.messages import code_item, item
from tdwii_conformance.treatment.objects import new_treatment, progress_update, workitem
from tdwii_conformance.treatment.scenarios import SCENARIOS

PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS, PERFORMERS = "ProcedureStepProgressInformationSequence", "ScheduledHumanPerformersSequence"
STATION = "ScheduledStationNameCodeSequence"
GATING = "Gating"  # the description of progress that the last report before the end has
HOW_IT_FAILS = ["refuses", "aborts", "is gone"]
REASON = {
    "reason": "Machine fault", "reason_code": "110501", "contact_uri": "mailto:physics@example.org", "contact_name": "Physics",
}  # fmt: skip


def cancel_request():
    return item(
        ReasonForCancellation=REASON["reason"],
        ProcedureStepDiscontinuationReasonCodeSequence=[code_item(REASON["reason_code"], "DCM", "Equipment failure")],
        ContactURI=REASON["contact_uri"],
        ContactDisplayName=REASON["contact_name"],
    )


NO_LOCK, NOT_IN_PROGRESS, NO_SUCH_UPS = 0xB301, 0xC310, (0x0112, 0xC307)


@pytest.fixture(scope="module")
def subscribed(watcher):
    """A function that subscribes a watcher to a session's UPS, and returns the initial event."""

    def subscribe(session, by=watcher):
        if by.stuck:
            pytest.skip("not judged: an earlier global subscription could not be ended (CC23-TMS-021)")
        since = by.mark()
        exchange = by.subscribe(session.workitem.uid)
        if status.accepted(exchange, "a subscription"):
            pytest.skip("not judged: the subscription was not granted (CC23-TMS-013)")
        return by.wait_for(session.workitem.uid, STATE_REPORT, since=since)

    return subscribe


@pytest.fixture
def watched(subscribed):
    """A function that has our watcher subscribed to the UPS of a session."""

    def watch(session):
        subscribed(session)
        return session

    return watch


@pytest.fixture(scope="module")
def created(watcher, creates):
    """A UPS that was created while a watcher was subscribed globally, and where its reports begin."""
    if status.accepted(watcher.subscribe(), "a global subscription"):
        pytest.skip("not judged: the global subscription was not granted (CC23-TMS-007, CC23-TMS-013)")
    since = watcher.mark()
    session = creates()
    return session, since


@pytest.fixture(scope="module")
def history(request, source, watcher, ends, subscribed):
    """A UPS from its creation, or what is shown of it first, to its end; and what was told of it."""
    if source.makes_now:
        session, since = request.getfixturevalue("created")
    else:
        since, session = watcher.mark(), ends()
        subscribed(session)
    steps = [session.claim(), session.update(10), session.update(60)]
    watcher.request_cancel(session.workitem.uid, cancel_request())
    steps += [session.set(**{PROGRESS: [full_progress()]}), session.conclude(SCENARIOS[0]), session.change_state("COMPLETED")]
    last = watcher.wait_for_state(session.workitem.uid, "COMPLETED", since=since)
    if last is None:  # nothing shows that what was reported before it has come
        for kind in (ASSIGNED, CANCEL_REQUESTED):
            watcher.wait_for(session.workitem.uid, kind, since=since)
        watcher.wait_for(session.workitem.uid, PROGRESS_REPORT, since=since, where=lambda told: GATING in str(told))
    watcher.unsubscribe()
    watcher.unsubscribe(session.workitem.uid)
    for step in steps:
        if status.accepted(step, "a step on the way to COMPLETED"):
            pytest.skip(f"not judged: an {step.service} on the way to COMPLETED was refused (RO-60, RO-62, RO-65)")
    return session, watcher.reports(session.workitem.uid, since=since), last


def scheduled_in(system):
    """The attributes of a UPS for a new patient."""
    ost = system.ost.ae_title if system.ost else "OST"
    return workitem(
        new_treatment(), tms=system.tms.ae_title, ost=ost, station=system.workitems.station, start=datetime.now(),
        edition=system.edition,
    )  # fmt: skip


def full_progress():
    return item(
        ProcedureStepProgress="70",
        ProcedureStepProgressDescription=GATING,
        ProcedureStepCommunicationsURISequence=[item(ContactURI=REASON["contact_uri"], ContactDisplayName="Physics")],
    )


def set_when_scheduled(exchange, what, judge):
    """A SCHEDULED UPS was set; who leaves N-SET to those that are IN PROGRESS cannot be told of a change of it."""
    if exchange.status == NOT_IN_PROGRESS:
        pytest.skip("not judged: the N-SET of a SCHEDULED UPS is refused, as it may be (CC26-TMS-002, A11)")
    judge(status.accepted(exchange, what))


def of_type(reports, kind):
    return [report for report in reports if events.event_type(report) == kind]


def content(report):
    """The event information; of a report that came without, an empty one."""
    return report.request.dataset or item()


def tells_station(report, expected):
    """Check that UPS Assigned names a station, beside others if there are."""
    told = [str(code.get("CodeValue")) for code in content(report).get(STATION) or ()]
    return [] if expected in told else [Finding(f"the station {expected!r}", f"{told}", STATION)]


def attributes_of(report, rule, facts, judge):
    judge(events.reported(report, f"{rule.rule.message} that has {rule.rule.text}"))
    judge(judge_attribute(rule.rule, [content(report)], facts, "event information"))


@pytest.mark.parametrize("rule", attribute_parameters("CC.2.4 UPS State Report", "TMS"))
def test_state_report_has(rule, history, judge):
    facts = {"state": "COMPLETED", "readiness": "READY", "reason": REASON["reason"]}
    attributes_of(history[2], rule, facts, judge)


@pytest.mark.parametrize("rule", attribute_parameters("CC.2.4 UPS Progress Report", "TMS"))
def test_progress_report_has(rule, history, judge):
    reports = [r for r in of_type(history[1], PROGRESS_REPORT) if r.request.dataset is not None]
    full = [r for r in reports if GATING in str(r.request.dataset)] or reports[-1:]
    facts = {"progress": "70", "description": GATING, "contact_uri": REASON["contact_uri"]}
    attributes_of(full[0] if full else None, rule, facts, judge)


@pytest.fixture(scope="module")
def cancel_requested(watcher, updates, subscribed, supported):
    """The event of an accepted request to cancel."""
    supported("TMS", "request-cancel")
    session = updates("IN PROGRESS")
    subscribed(session)
    since = watcher.mark()
    exchange = watcher.request_cancel(session.workitem.uid, cancel_request())
    if exchange.status is None:
        pytest.skip(f"not judged: Request UPS Cancel is not answered: {exchange.failure} (CC22-TMS-001)")
    if exchange.status != 0:
        pytest.skip(f"not judged: the request was refused, as the TMS may, status {exchange.status:04X}")
    return watcher.wait_for(session.workitem.uid, CANCEL_REQUESTED, since=since)


@pytest.mark.parametrize("rule", attribute_parameters("CC.2.4 UPS Cancel Requested", "TMS"))
def test_cancel_requested_has(rule, cancel_requested, tdd, judge, follows):
    attributes_of(cancel_requested, rule, REASON | {"requesting_ae": tdd.calling}, judge)
    if rule.readings:
        follows("given" if content(cancel_requested).get(rule.rule.text) else "left-out")


@pytest.mark.requirement("CC24-TMS-031")
@pytest.mark.parametrize("information", [None, item(ReasonForCancellation=REASON["reason"])], ids=["nothing", "a reason alone"])
def test_what_was_not_given_is_not_told(information, watcher, updates, subscribed, supported, judge):
    supported("TMS", "request-cancel")
    session = updates("IN PROGRESS")
    subscribed(session)
    since = watcher.mark()
    exchange = watcher.request_cancel(session.workitem.uid, information)
    if exchange.status != 0:
        pytest.skip("not judged: the request to cancel was refused, as it may be (CC22-TMS-001, CC22-TMS-003)")
    report = watcher.wait_for(session.workitem.uid, CANCEL_REQUESTED, since=since)
    if report is None:
        pytest.skip("not judged: no request to cancel was reported (CC24-TMS-005)")
    given = information or item()
    made_up = [element.keyword for element in content(report) if element.keyword in cancel_request() and element.tag not in given]
    judge(Finding("absent, for the request did not give it", "present", keyword) for keyword in made_up)


@pytest.fixture(scope="module")
def assigned(watcher, updates, subscribed):
    """The event of a UPS whose station was changed."""
    session = updates()
    subscribed(session)
    since = watcher.mark()
    changed = session.send(item(**{STATION: [code_item("STATION2", "99TDWII", "Treatment machine 2")]}), None)
    return changed, watcher.wait_for(session.workitem.uid, ASSIGNED, since=since)


@pytest.mark.parametrize("rule", attribute_parameters("CC.2.4 UPS Assigned", "TMS"))
def test_assigned_has(rule, assigned, judge):
    set_when_scheduled(assigned[0], "an N-SET of the station", judge)
    attributes_of(assigned[1], rule, {"station_value": "STATION2"}, judge)


@pytest.mark.requirement("CC24-TMS-001")
def test_creation_is_reported(watcher, creates, needs, judge):
    needs(status.accepted(watcher.subscribe(), "a global subscription"), "CC23-TMS-007")
    since = watcher.mark()
    uid = creates().workitem.uid
    report = watcher.wait_for_state(uid, "SCHEDULED", since=since)
    watcher.unsubscribe()
    judge(events.reported(report, "a UPS State Report, SCHEDULED, of the UPS that was created"))


@pytest.mark.requirement("CC24-TMS-002")
@pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "CANCELED"])
def test_change_of_state_is_reported(state, watched, claims, ends, watcher, needs, judge):
    session = watched(claims() if state == "IN PROGRESS" else ends("IN PROGRESS"))
    since = watcher.mark()
    if state == "IN PROGRESS":
        needs(status.accepted(session.claim(), "the claim"), "RO60-TMS-001")
    else:
        session.conclude(SCENARIOS[0] if state == "COMPLETED" else SCENARIOS[1])
        needs(status.accepted(session.change_state(state), state), "RO65-TMS-001")
    judge(events.reported(watcher.wait_for_state(session.workitem.uid, state, since=since), f"a UPS State Report, {state}"))


@pytest.mark.requirement("CC24-TMS-003")
def test_change_of_readiness_is_reported(watched, updates, watcher, judge):
    session = watched(updates())
    since = watcher.mark()
    set_when_scheduled(session.send(item(InputReadinessState="INCOMPLETE"), None), "an N-SET of Input Readiness State", judge)
    report = watcher.wait_for(
        session.workitem.uid, STATE_REPORT, since=since, where=lambda told: told.get("InputReadinessState") == "INCOMPLETE"
    )
    judge(events.reported(report, "a UPS State Report with Input Readiness State INCOMPLETE"))


NO_ACTION = 99  # an Action Type ID that there is not
# What is to be refused, and the requirement that says so.
REFUSED = {
    "claim": (lambda session, other: other.claim(session.workitem.uid), "RO60-TMS-004"),
    "claim again": (lambda session, other: session.claim(), "RO60-TMS-012"),
    "back to SCHEDULED": (lambda session, other: session.change_state("SCHEDULED"), "RO60-TMS-010"),
    "complete": (lambda session, other: session.change_state("COMPLETED"), "RO65-TMS-009"),
    "complete with another UID": (lambda session, other: session.change_state("COMPLETED", generate_uid()), "RO65-TMS-010"),
    "set": (lambda session, other: session.update(20, transaction_uid=None), "RO62-TMS-006"),
    "set with another UID": (lambda session, other: session.update(20, transaction_uid=generate_uid()), "RO62-TMS-005"),
    "unknown action": (lambda session, other: other.action(session.workitem.uid, NO_ACTION, cancel_request()), "CC21-TMS-010"),
}


@pytest.mark.requirement("CC24-TMS-004")
@pytest.mark.parametrize("refused", REFUSED)
def test_refused_change_is_not_reported(refused, watched, updates, watcher, other_tdd, nothing_else, needs, judge):
    session = watched(updates("IN PROGRESS", free_of=(PERFORMERS,)))
    uid = session.workitem.uid
    nothing_else(watcher)
    since = watcher.mark()
    request, say_so = REFUSED[refused]
    needs(status.refused(request(session, other_tdd), "a request that must not change anything"), say_so)
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(uid, since=since), "nothing was changed"))


@pytest.mark.requirement("CC24-TMS-004")
def test_refused_cancel_request_is_not_reported(watched, is_refused, still_kept, watcher, supported, nothing_else, needs, judge):
    supported("TMS", "request-cancel")
    session = is_refused("COMPLETED")
    still_kept(session)
    watched(session)
    nothing_else(watcher)
    since = watcher.mark()
    refused = watcher.request_cancel(session.workitem.uid, cancel_request())
    needs(status.refused(refused, "a request to cancel what is COMPLETED"), "CC11-TMS-074")
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(session.workitem.uid, since=since), "nothing was changed"))


@pytest.mark.requirement("CC24-TMS-004")
def test_refused_creation_is_not_reported(watched, is_refused, tdd, system, supported, watcher, nothing_else, needs, judge):
    supported("TMS", "push")
    session = watched(is_refused("IN PROGRESS"))
    nothing_else(watcher)
    since = watcher.mark()
    refused = tdd.create(session.workitem.uid, scheduled_in(system))
    needs(status.refused(refused, "the N-CREATE of a UPS that is there already"), "CC25-TMS-020")
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(session.workitem.uid, since=since), "nothing was created"))


@pytest.mark.requirement("CC24-TMS-030")
@pytest.mark.parametrize("final", ["COMPLETED", "CANCELED"])
def test_what_is_done_already_is_not_reported(final, watched, is_refused, still_kept, watcher, nothing_else, judge):
    session = is_refused(final)
    still_kept(session)
    watched(session)
    nothing_else(watcher)
    since = watcher.mark()
    judge(status.answered(session.change_state(final)))
    nothing_else(watcher)
    judge(events.not_reported(watcher.reports(session.workitem.uid, since=since), f"it was {final} before"))


@pytest.mark.requirement("CC24-TMS-005")
def test_cancel_request_is_reported(cancel_requested, judge):
    judge(events.reported(cancel_requested, "UPS Cancel Requested"))


@pytest.mark.requirement("CC24-TMS-006")
def test_cancel_of_a_scheduled_ups_is_reported(watched, ends, watcher, supported, needs, judge, nothing_else, follows):
    supported("TMS", "request-cancel")
    session = watched(ends())
    uid, since = session.workitem.uid, watcher.mark()
    needs(status.accepted(watcher.request_cancel(uid, cancel_request()), "Request UPS Cancel of a SCHEDULED UPS"), "CC11-TMS-072")
    judge(events.reported(watcher.wait_for_state(uid, "CANCELED", since=since), "a UPS State Report, CANCELED"))
    nothing_else(watcher)
    reports = watcher.reports(uid, since=since)
    judge(events.in_order(events.states_reported(reports), ["IN PROGRESS", "CANCELED"], "states"))
    follows("requested" if of_type(reports, CANCEL_REQUESTED) else "states")


PROGRESS_UPDATES = {
    "progress": item(ProcedureStepProgress="42"),
    "description": item(ProcedureStepProgressDescription="Imaging"),
    "communications-uri": item(
        ProcedureStepCommunicationsURISequence=[item(ContactURI="tel:+41-31-000", ContactDisplayName="Console")]
    ),
}


@pytest.mark.requirement("CC24-TMS-007")
@pytest.mark.parametrize("what", PROGRESS_UPDATES)
def test_progress_is_reported(what, watched, updates, watcher, judge):
    session = watched(updates("IN PROGRESS"))
    since = watcher.mark()
    judge(status.accepted(session.set(**{PROGRESS: [PROGRESS_UPDATES[what]]}), f"an N-SET of {what}"))
    judge(events.reported(watcher.wait_for(session.workitem.uid, PROGRESS_REPORT, since=since), "a UPS Progress Report"))


@pytest.mark.requirement("CC24-TMS-023")
def test_parameters_alone_are_reported(watched, updates, watcher, nothing_else, judge, follows):
    session = watched(updates("IN PROGRESS"))
    if session.workitem.made_up:
        pytest.skip("not judged: plan and delivery instruction were not sent (RO59-OST-002, RO61-TMS-002); no beam is made up")
    beam, other = (*session.workitem.treatment.beam_numbers, None)[:2]  # of a plan with one beam: then none
    update = progress_update(30, beam, edition=session.workitem.edition)
    judge(status.accepted(session.send(update), "an N-SET of progress"))
    nothing_else(watcher)
    since = watcher.mark()
    judge(status.accepted(session.send(progress_update(30, other, edition=session.workitem.edition)), "an N-SET of another beam"))
    nothing_else(watcher)
    reports = of_type(watcher.reports(session.workitem.uid, since=since), PROGRESS_REPORT)
    follows("event" if reports else "none")


@pytest.mark.requirement("CC24-TMS-008")
def test_assignment_by_creation_is_reported(created, history, judge):
    judge(events.reported(next(iter(of_type(history[1], ASSIGNED)), None), "UPS Assigned of a UPS that names its station"))


@pytest.mark.requirement("CC24-TMS-027")
def test_assignment_by_creation_tells_the_station(created, history, judge):
    report = next(iter(of_type(history[1], ASSIGNED)), None)
    if report is None:
        pytest.skip("not judged: the assignment is not reported (CC24-TMS-008)")
    judge(tells_station(report, history[0].workitem.station.value))


@pytest.fixture(scope="module")
def to_be_changed(creates, supported):
    """A function that returns a UPS that a user of the TMS will change; it is made now, so nobody else needs it."""
    supported("TMS", "subscription")
    return creates


@pytest.mark.requirement("CC24-TMS-028")
def test_cancel_by_a_user_is_reported(to_be_changed, watched, supply, watcher, judge):
    session = watched(to_be_changed())
    since = watcher.mark()
    supply.change("cancel", session.workitem)
    report = watcher.wait_for_state(session.workitem.uid, "CANCELED", since=since)
    judge(events.reported(report, "a UPS State Report, CANCELED, of the UPS that a user canceled"))


@pytest.mark.requirement("CC24-TMS-029")
def test_move_by_a_user_is_reported(to_be_changed, watched, supply, watcher, system, judge):
    session = watched(to_be_changed())
    since = watcher.mark()
    supply.change("move", session.workitem)
    report = watcher.wait_for(session.workitem.uid, ASSIGNED, since=since)
    judge(events.reported(report, "UPS Assigned of the UPS that a user moved to another station"))
    judge(tells_station(report, system.workitems.other_station.value))


@pytest.mark.requirement("CC24-TMS-009")
def test_assignment_by_update_is_reported(assigned, judge):
    changed, report = assigned
    set_when_scheduled(changed, "an N-SET of the station", judge)
    judge(events.reported(report, "UPS Assigned of the new station"))


@pytest.mark.requirement("CC24-TMS-010")
def test_assignment_to_a_performer_is_reported(watched, updates, watcher, judge, follows):
    session = watched(updates())
    since = watcher.mark()
    performer = item(
        HumanPerformerCodeSequence=[code_item("RTT1", "99TDWII", "Therapist 1")],
        HumanPerformerName="Therapist^One",
        HumanPerformerOrganization="Clinic",
    )
    set_when_scheduled(session.send(item(**{PERFORMERS: [performer]}), None), "an N-SET of the performer", judge)
    report = watcher.wait_for(session.workitem.uid, ASSIGNED, since=since)
    judge(events.reported(report, "UPS Assigned of the performer"))
    told = content(report)
    nested = next(iter(told.get(PERFORMERS) or ()), None)
    follows("flat" if nested is None else "nested")
    codes = [code.get("CodeValue") for code in (told if nested is None else nested).get("HumanPerformerCodeSequence") or ()]
    judge(ups.equal(codes, ["RTT1"], "HumanPerformerCodeSequence"))


@pytest.mark.requirement("CC24-TMS-024")
def test_assignment_tells_station_and_performer(watched, updates, watcher, judge, follows):
    session = watched(updates(free_of=(STATION,), role="assigned"))
    since = watcher.mark()
    performer = item(
        HumanPerformerCodeSequence=[code_item("RTT2", "99TDWII", "Therapist 2")],
        HumanPerformerName="Therapist^Two",
        HumanPerformerOrganization="Clinic 2",
    )
    set_when_scheduled(session.send(item(**{PERFORMERS: [performer]}), None), "an N-SET of the performer", judge)
    report = watcher.wait_for(session.workitem.uid, ASSIGNED, since=since)
    judge(events.reported(report, "UPS Assigned of the performer"))
    told = content(report)
    nested = next(iter(told.get(PERFORMERS) or ()), None)
    follows("flat" if nested is None else "nested")
    who = told if nested is None else nested
    codes = [code.get("CodeValue") for code in who.get("HumanPerformerCodeSequence") or ()]
    judge(
        tells_station(report, session.workitem.station.value)
        + ups.equal(codes, ["RTT2"], "HumanPerformerCodeSequence")
        + ups.equal(who.get("HumanPerformerOrganization"), "Clinic 2", "HumanPerformerOrganization")
    )


@pytest.mark.requirement("CC24-TMS-026")
def test_assignment_to_a_performer_by_creation_is_reported(watcher, tdd, system, supported, needs, judge, follows):
    supported("TMS", "push")
    attributes = scheduled_in(system)
    performer = item(
        HumanPerformerCodeSequence=[code_item("RTT3", "99TDWII", "Therapist 3")],
        HumanPerformerName="Therapist^Three",
        HumanPerformerOrganization="Clinic 3",
    )
    setattr(attributes, PERFORMERS, [performer])
    needs(status.accepted(watcher.subscribe(), "a global subscription"), "CC23-TMS-007")
    since, uid = watcher.mark(), generate_uid()
    created = tdd.create(uid, attributes)
    accepted = status.accepted(created, "the N-CREATE of a UPS with a scheduled performer")
    report = None if accepted else watcher.wait_for(uid, ASSIGNED, since=since)
    watcher.unsubscribe()
    needs(accepted, "CC25-TMS-001", "CC25-TMS-005")
    judge(events.reported(report, "UPS Assigned of the performer"))
    told = content(report)
    nested = next(iter(told.get(PERFORMERS) or ()), None)
    follows("flat" if nested is None else "nested")
    codes = [code.get("CodeValue") for code in (told if nested is None else nested).get("HumanPerformerCodeSequence") or ()]
    judge(ups.equal(codes, ["RTT3"], "HumanPerformerCodeSequence"))


@pytest.mark.requirement("CC24-TMS-011")
@pytest.mark.parametrize("kind", [STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, ASSIGNED], ids=EVENT_TYPES.get)
def test_command_set_names_the_ups(kind, history, cancel_requested, source, judge):
    session, reports, _ = history
    report = next(iter(of_type(reports, kind)), None)
    if kind == ASSIGNED and report is None and not source.makes_now:
        pytest.skip("not judged: UPS Assigned is of the creation, and none is created now ([workitems] source)")
    if report is None and kind == CANCEL_REQUESTED:
        pytest.skip("not judged: no request to cancel was reported (CC24-TMS-005)")
    judge(events.about(report, session.workitem.uid))


@pytest.mark.requirement("CC24-TMS-012")
def test_reports_come_in_order(history, judge):
    _, reports, last = history
    judge(events.reported(last, "the last UPS State Report"))
    # What a report lacks has requirements of its own (CC24-TMS-121 and others).
    items = [one for report in of_type(reports, PROGRESS_REPORT) for one in content(report).get(PROGRESS) or ()]
    told = [one.get("ProcedureStepProgress") for one in items]
    judge(events.in_order(events.states_reported(reports), ["SCHEDULED", "IN PROGRESS", "COMPLETED"], "states"))
    values = [int(float(value)) for value in told if value is not None]
    judge(events.in_order(values[:3], [10, 60, 70], "progress"))


@pytest.mark.requirement("CC24-TMS-013")
def test_every_subscriber_is_told(to_report, subscribed, watcher, second_watcher, judge):
    one = to_report()
    for subscriber in (watcher, second_watcher):
        subscribed(one.session, subscriber)
    since = watcher.mark()
    judge(status.accepted(one.happen(), "the change"))
    for subscriber in (watcher, second_watcher):
        judge(events.reported(one.reported(subscriber, since), f"{one.what}, to {subscriber.ae_title}"))


@pytest.mark.requirement("CC24-TMS-014")
def test_others_are_not_told(to_report, subscribed, watchers, nothing_else, needs, judge):
    one = to_report()
    *subscribers, other = watchers
    needs(status.accepted(other.unsubscribe(), "a global unsubscribe"), "CC23-TMS-021", "CC23-TMS-019")
    since = other.mark()
    for watcher in subscribers:
        subscribed(one.session, watcher)
    judge(status.accepted(one.happen(), "the change"))
    for watcher in subscribers:
        judge(events.reported(one.reported(watcher, since), "the subscriber's report"))
    nothing_else(other)
    judge(events.not_reported(other.reports(one.uid, since=since), "the AE is not subscribed"))


@pytest.mark.requirement("CC24-TMS-015")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"])
def test_initial_event_tells_the_state(state, looks_at, subscribed, judge):
    initial = subscribed(looks_at(state))
    judge(events.reported(initial, "the initial event"))
    judge(ups.equal(content(initial).get("ProcedureStepState"), state, "ProcedureStepState"))


@pytest.mark.requirement("CC24-TMS-016")
def test_initial_events_of_a_global_subscription(watcher, looks_at, subscribed, nothing_else, needs, judge, follows):
    courses = {state: looks_at(state) for state in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")}
    needs(status.accepted(watcher.unsubscribe(), "a global unsubscribe"), "CC23-TMS-021", "CC23-TMS-019")
    known = looks_at(role="known")
    subscribed(known)
    since = watcher.mark()
    kept = {state: session for state, session in courses.items() if session.get(["ProcedureStepState"]).status not in NO_SUCH_UPS}
    granted = watcher.subscribe(lock=True)
    needs(status.accepted(granted, "a global subscription with lock"), "CC23-TMS-004")
    if granted.status == NO_LOCK:
        watcher.unsubscribe()
        pytest.skip("not judged: the deletion lock is not granted (B301), and initial events are for subscriptions with lock")
    reports = {state: watcher.wait_for_state(session.workitem.uid, state, since=since) for state, session in kept.items()}
    lacking = [
        one for state, report in reports.items() for one in events.reported(report, f"an initial event for a UPS that is {state}")
    ]
    if not lacking:
        nothing_else(watcher)
    watcher.unsubscribe()
    judge(lacking)
    follows("event" if of_type(watcher.reports(known.workitem.uid, since=since), STATE_REPORT) else "none")


@pytest.mark.requirement("CC24-TMS-020")
def test_role_is_proposed(watched, looks_at, receiver, judge):
    watched(looks_at("IN PROGRESS"))
    judge([] if receiver.scp_role_proposed else [Finding("the SCP role proposed for UPS Event", "no role selection")])


@pytest.mark.requirement("CC24-TMS-013")
@pytest.mark.parametrize("how", HOW_IT_FAILS)
def test_others_are_told_whatever_one_does(how, to_report, subscribed, watcher, second_watcher, receiver, judge):
    one = to_report()
    for subscriber in (second_watcher, watcher):  # who tells one after the other meets the one that fails first
        subscribed(one.session, subscriber)
    since = watcher.mark()
    with receiver.failing(second_watcher.ae_title, how):
        judge(status.accepted(one.happen(), "the change"))
        report = one.reported(watcher, since)
    judge(events.reported(report, f"{one.what}, to {watcher.ae_title}, while {second_watcher.ae_title} {how}"))


@pytest.mark.requirement("CC24-TMS-021")
@pytest.mark.parametrize("how", HOW_IT_FAILS)
def test_failure_of_the_receiver_changes_nothing(how, to_report, subscribed, watchers, receiver, judge):
    *_, failing = watchers
    one = to_report()
    subscribed(one.session, failing)
    since = failing.mark()
    with receiver.failing(failing.ae_title, how) as failed:
        judge(status.accepted(one.happen(), "the change"))
        if not failed.wait(failing.deadline):
            judge(events.reported(one.reported(failing, since), one.what))
    for _ in range(2):  # one that the failure makes the TMS forget may be lost: nothing has to be queued
        since = failing.mark()
        judge(status.accepted(one.happen_again(), "an N-SET of progress"))
        if report := one.reported(failing, since):
            break
    judge(events.reported(report, f"{one.what}, though the receiver {how} before"))


@pytest.mark.requirement("CC24-TMS-021")
def test_lock_outlives_a_failed_report(ends, watchers, receiver, needs, judge):
    *_, failing = watchers
    session = ends("IN PROGRESS")
    locked = failing.subscribe(session.workitem.uid, lock=True)
    needs(status.accepted(locked, "a subscription with lock"), "CC23-TMS-010")
    if locked.status == NO_LOCK:
        pytest.skip("not judged: the TMS grants no deletion locks (B301), as it may")
    with receiver.failing(failing.ae_title, "refuses") as failed:
        judge(status.accepted(session.update(20), "an N-SET of progress"))
        session.conclude(SCENARIOS[0])
        needs(status.accepted(session.change_state("COMPLETED"), "COMPLETED"), "RO65-TMS-001")
        failed.wait(failing.deadline)
    judge(ups.state_is(session.get(["ProcedureStepState"]), "COMPLETED"))


@pytest.mark.requirement("CC24-TMS-022")
def test_text_beyond_ascii_is_readable(watched, updates, watcher, judge):
    session = watched(updates("IN PROGRESS"))
    uid, since = session.workitem.uid, watcher.mark()
    text = "Gerät überhitzt, 冷却中"
    update = item(SpecificCharacterSet="ISO_IR 192", **{PROGRESS: [item(ProcedureStepProgressDescription=text)]})
    judge(status.accepted(session.send(update), "an N-SET of a description in ISO_IR 192"))
    report = watcher.wait_for(uid, PROGRESS_REPORT, since=since)
    judge(events.reported(report, "a UPS Progress Report"))
    told = (content(report).get(PROGRESS) or [item()])[0].get("ProcedureStepProgressDescription")
    if told is None:
        pytest.skip("not judged: the report leaves the description out, as it may")
    judge(ups.equal(told, text, f"{PROGRESS}[0].ProcedureStepProgressDescription"))

"""CC.3.1 SOP Class UIDs: which one goes where."""

from contextlib import suppress

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, negotiation, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.creation import done
from tdwii_conformance.dimse import DimseError, NothingAccepted, Rejected
from tdwii_conformance.profile.statuses import is_failure
from tdwii_conformance.profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, UPS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import copied, item, state_change

STATE = ("ProcedureStepState",)
OTHER_CLASSES = {"UPS Pull": UPS.PULL, "UPS Watch": UPS.WATCH, "unknown": "1.2.826.0.1.3680043.9.9999.1"}
CLAIMS = {UPS.WATCH: "watch", UPS.QUERY: "query"}


@pytest.fixture(scope="module")
def workitem(looks_at):
    return looks_at().workitem


@pytest.fixture
def get_under(associate, workitem):
    def get(context):
        with associate("TMS", [context]) as link:
            return link.n_get(workitem.uid, STATE, context=context)

    return get


@pytest.fixture(params=[UPS.PULL, UPS.WATCH, UPS.QUERY], ids=["Pull", "Watch", "Query"])
def found(request, tdd, workitem, supported):
    if request.param in CLAIMS:
        supported("TMS", CLAIMS[request.param])
    return tdd.query(workitem.query(SOPInstanceUID=workitem.uid), model=request.param)


@pytest.mark.requirement("CC31-TMS-001")
def test_n_get_under_pull(get_under, judge_status):
    judge_status(get_under(UPS.PULL))


@pytest.mark.requirement("CC31-TMS-002")
def test_n_get_under_watch(get_under, judge_status):
    judge_status(get_under(UPS.WATCH))


@pytest.mark.requirement("CC31-TMS-003")
def test_n_get_under_push(get_under, judge_status):
    judge_status(get_under(UPS.PUSH))


@pytest.mark.requirement("CC31-TMS-004")
def test_ups_are_of_class_push(found, workitem, judge):
    judge(find.includes(found, workitem.uid))
    judge(
        finding for identifier in found.identifiers for finding in ups.equal(identifier.get("SOPClassUID"), UPS.PUSH, "SOPClassUID")
    )


@pytest.mark.requirement("CC31-TMS-005")
def test_c_find_responses_name_the_abstract_syntax(found, judge):
    judge(find.ended(found) + status.no_foreign_uid(found, "AffectedSOPClassUID", found.abstract_syntax))


@pytest.mark.requirement("CC31-TMS-006")
def test_dimse_n_responses_name_push(claims, judge):
    session = claims()
    exchanges = [session.get(STATE), session.claim(), session.update(10)]
    judge(finding for exchange in exchanges for finding in status.no_foreign_uid(exchange, "AffectedSOPClassUID", UPS.PUSH))


@pytest.mark.requirement("CC31-TMS-011")
def test_responses_to_changes_of_state_name_the_action(claims, other_tdd, judge):
    session = claims()
    exchanges = [session.claim(), other_tdd.claim(session.workitem.uid)]  # granted, and refused
    judge(finding for exchange in exchanges for finding in status.no_other_action(exchange))


@pytest.mark.requirement("CC31-TMS-011")
def test_responses_to_a_watcher_name_the_action(updates, watcher, supported, judge):
    supported("TMS", "watch")
    uid = updates("IN PROGRESS").workitem.uid
    exchanges = [watcher.subscribe(uid), watcher.unsubscribe(uid), watcher.request_cancel(uid)]
    judge(finding for exchange in exchanges for finding in status.no_other_action(exchange))


def naming(associate, session, operation, sop_class_uid):
    """A request that would do something if it named UPS Push."""
    uid = session.workitem.uid
    with associate("TMS", [UPS.PULL]) as link:
        if operation == "N-SET":
            return link.n_set(uid, item(ProcedureStepLabel="Renamed"), sop_class=sop_class_uid)
        if operation == "N-ACTION":
            return link.n_action(uid, CHANGE_STATE, state_change("IN PROGRESS", generate_uid()), sop_class=sop_class_uid)
        return link.n_get(uid, STATE, sop_class=sop_class_uid)


@pytest.mark.requirement("CC31-TMS-007")
@pytest.mark.parametrize("operation", ["N-GET", "N-SET", "N-ACTION"])
@pytest.mark.parametrize("named", OTHER_CLASSES)
def test_other_class_is_refused(named, operation, is_refused, associate, consent, judge):
    consent(operation)
    judge(status.refused(naming(associate, is_refused(), operation, OTHER_CLASSES[named]), f"a request of {named}"))


@pytest.mark.requirement("CC31-TMS-008")
@pytest.mark.parametrize("operation", ["N-SET", "N-ACTION"])
def test_refused_request_changes_nothing(operation, is_refused, associate, consent, judge):
    consent(operation)
    session = is_refused()
    before = session.get()
    exchange = naming(associate, session, operation, UPS.PULL)
    judge(status.answered(exchange))
    if not is_failure(exchange.status):
        pytest.skip("not judged: the request was not refused, as the TMS may (CC31-TMS-007)")
    judge(ups.untouched(before, session.get()))


CANCELS = {"push": UPS.PUSH, "watch": UPS.WATCH}


@pytest.mark.requirement("CC31-TMS-008")
@pytest.mark.parametrize("named", ["UPS Pull", "UPS Watch"])
@pytest.mark.parametrize("claim", CANCELS)
def test_refused_cancel_request_changes_nothing(claim, named, is_refused, supported, associate, consent, judge):
    supported("TMS", claim)
    consent("N-ACTION of type 2")
    session, context = is_refused(), CANCELS[claim]
    before = session.get()
    with associate("TMS", [context]) as link:
        exchange = link.n_action(session.workitem.uid, REQUEST_CANCEL, None, sop_class=OTHER_CLASSES[named], context=context)
    judge(status.answered(exchange))
    if not is_failure(exchange.status):
        pytest.skip("not judged: the request was not refused, as the TMS may (CC31-TMS-007)")
    judge(ups.untouched(before, session.get()))


@pytest.fixture(scope="module")
def new_workitem(system, source):
    """A function that returns the attributes of a TDW-II workitem for N-CREATE."""
    known = source.described("TREATMENT")
    tms, ost = known.facts["tms_ae_title"], known.facts["ost_ae_title"]
    made = objects.workitem(known.treatment, tms=tms, ost=ost, station=known.station, start=known.start, edition=system.edition)
    return lambda: copied(made)


@pytest.fixture
def created(system, tdd, associate, consent, new_workitem):
    """A function that sends an N-CREATE that names a class, under a context: its UID, an N-GET of before, what was exchanged.

    What it creates is canceled at the end on a system that is not ours.
    """
    made = []

    def create(named, context=UPS.PUSH):
        consent("N-CREATE")
        uid = generate_uid()
        before = tdd.get(uid, STATE)
        with associate("TMS", [context]) as link:
            exchange = link.n_create(uid, new_workitem(), sop_class=named, context=context)
        made.append((uid, exchange))
        return uid, before, exchange

    yield create
    for uid, exchange in made:
        if done(exchange) and not system.embedded and "request-cancel" in system.tms_supports:
            with suppress(DimseError), associate("TMS", [UPS.PUSH]) as link:
                link.n_action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)


@pytest.mark.requirement("CC31-TMS-020")
@pytest.mark.parametrize("named", ["UPS Pull", "UPS Watch"])
def test_no_ups_of_another_class_is_made(named, created, tdd, judge, follows):
    uid, before, exchange = created(OTHER_CLASSES[named])
    judge(status.answered(exchange))
    if not done(exchange):
        judge(ups.none_came_to_be(before, tdd.get(uid, STATE)))
        follows("refused")
        return
    found = tdd.query(item(SOPInstanceUID=uid, SOPClassUID=None))
    judge(find.includes(found, uid))
    judge(finding for one in found.identifiers for finding in ups.equal(one.get("SOPClassUID"), UPS.PUSH, "SOPClassUID"))
    follows("made")


# Services under a class that has them not [CC.2 tables CC.2-1 to CC.2-3]; what each would do to a UPS that is SCHEDULED.
AMISS = {
    "N-SET": (UPS.PUSH, UPS.WATCH), "change of state": (UPS.PUSH, UPS.WATCH), "cancel request": (UPS.PULL,),
}  # fmt: skip
MISPLACED = [(service, context) for service, contexts in AMISS.items() for context in contexts]
SPOKEN = {UPS.PUSH: "push", UPS.PULL: "pull", UPS.WATCH: "watch"}


def misplaced(associate, session, service, context):
    """Send a request under the presentation context of a class that has not the service."""
    uid = session.workitem.uid
    with associate("TMS", [context]) as link:
        if service == "N-SET":
            return link.n_set(uid, item(ProcedureStepLabel="Under another class"), context=context)
        if service == "change of state":
            return link.n_action(uid, CHANGE_STATE, state_change("IN PROGRESS", generate_uid()), context=context)
        return link.n_action(uid, REQUEST_CANCEL, None, context=context)


@pytest.mark.requirement("CC31-TMS-021")
@pytest.mark.parametrize(("service", "context"), MISPLACED, ids=[f"{service}-{SPOKEN[context]}" for service, context in MISPLACED])
def test_what_is_refused_under_a_class_changes_nothing(service, context, is_refused, supported, associate, consent, judge):
    if context != UPS.PULL:
        supported("TMS", SPOKEN[context])
    consent(service)
    session = is_refused()
    before = session.get()
    exchange = misplaced(associate, session, service, context)
    judge(status.answered(exchange))
    if not is_failure(exchange.status):
        pytest.skip("not judged: the request was not refused, and that the class has not the service is not said to be a reason")
    judge(ups.untouched(before, session.get()))


@pytest.mark.requirement("CC31-TMS-021")
@pytest.mark.parametrize("context", [UPS.PULL, UPS.WATCH], ids=["pull", "watch"])
def test_what_is_not_created_under_a_class_is_not_there(context, supported, created, tdd, judge):
    supported("TMS", "push")
    if context == UPS.WATCH:
        supported("TMS", "watch")
    uid, before, exchange = created(UPS.PUSH, context)
    judge(status.answered(exchange))
    if done(exchange):
        pytest.skip("not judged: the N-CREATE was not refused, and that the class has it not is not said to be a reason")
    judge(ups.none_came_to_be(before, tdd.get(uid, STATE)))


@pytest.mark.requirement("CC31-TMS-009")
def test_pull_alone(associate, workitem, judge):
    with associate("TMS", [UPS.PULL]) as link:
        judge(negotiation.accepted(link.contexts[0]))
        judge(find.includes(link.c_find(UPS.PULL, workitem.query(SOPInstanceUID=workitem.uid)), workitem.uid))


@pytest.mark.requirement("CC31-TMS-010")
def test_accepts_ups_event(associate, judge):
    try:
        with associate("TMS", [UPS.EVENT, UPS.PULL]) as link:
            judge(negotiation.accepted(link.contexts[0]))
    except (NothingAccepted, Rejected) as error:
        judge([Finding("UPS Event accepted", error.advice)])

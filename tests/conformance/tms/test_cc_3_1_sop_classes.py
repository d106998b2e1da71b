"""CC.3.1 SOP Class UIDs: which one goes where."""

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, negotiation, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.dimse import NothingAccepted, Rejected
from tdwii_conformance.profile.statuses import is_failure
from tdwii_conformance.profile.ups_service import CHANGE_STATE, UPS
from tdwii_conformance.treatment.messages import item, state_change

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

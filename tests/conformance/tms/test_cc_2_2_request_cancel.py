"""CC.2.2 Request UPS Cancel: by those who do not perform the UPS."""

import pytest

from tdwii_conformance.checks import status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.treatment.messages import code_item, item

STATE = ("ProcedureStepState",)
PROGRESS = "ProcedureStepProgressInformationSequence"
ACCEPTED = 0x0000


def full_request():
    return item(
        ReasonForCancellation="Machine fault",
        ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110501", "DCM", "Equipment failure")],
        ContactURI="mailto:physics@example.org",
        ContactDisplayName="Physics",
    )


@pytest.fixture
def running(updates):
    return updates("IN PROGRESS")


@pytest.fixture(scope="module")
def cancellation(ends, watcher, supported):
    """A UPS that was SCHEDULED, and the request to cancel it."""
    supported("TMS", "watch")
    session = ends()
    return session, watcher.request_cancel(session.workitem.uid, full_request())


@pytest.fixture
def canceled(cancellation, needs):
    """A UPS that was SCHEDULED, and canceled on request."""
    session, request = cancellation
    needs(status.accepted(request, "Request UPS Cancel of a SCHEDULED UPS"), "CC11-TMS-072")
    return session


@pytest.mark.requirement("CC22-TMS-001")
def test_request_under_watch(running, watcher, supported, judge_status):
    supported("TMS", "request-cancel")
    judge_status(watcher.request_cancel(running.workitem.uid, full_request()))


@pytest.mark.requirement("CC22-TMS-002")
def test_request_under_push(running, watcher, supported, judge_status):
    supported("TMS", "request-cancel")
    judge_status(watcher.request_cancel(running.workitem.uid, full_request(), context=UPS.PUSH))


@pytest.mark.requirement("CC22-TMS-003")
def test_request_without_information(running, watcher, judge_status):
    judge_status(watcher.request_cancel(running.workitem.uid))


@pytest.mark.requirement("CC22-TMS-004")
def test_final_state_requirements_are_met(canceled, still_kept, judge):
    still_kept(canceled)
    shown = canceled.get([*STATE, PROGRESS])
    judge(ups.state_is(shown, "CANCELED"))
    judge(
        ups.has_value(shown.dataset, PROGRESS, "ProcedureStepCancellationDateTime")
        + ups.has_value(shown.dataset, PROGRESS, "ProcedureStepDiscontinuationReasonCodeSequence", "CodeValue")
    )


@pytest.mark.requirement("CC22-TMS-004")
@pytest.mark.parametrize("information", [None, item(ReasonForCancellation="Not needed")], ids=["nothing", "a reason without code"])
def test_final_state_requirements_are_met_without_a_code(information, ends, watcher, still_kept, supported, needs, judge):
    supported("TMS", "watch")
    session = ends()
    request = watcher.request_cancel(session.workitem.uid, information)
    needs(status.accepted(request, "Request UPS Cancel of a SCHEDULED UPS"), "CC11-TMS-072", "CC22-TMS-003")
    still_kept(session)
    shown = session.get([*STATE, PROGRESS])
    judge(ups.state_is(shown, "CANCELED"))
    judge(ups.has_value(shown.dataset, PROGRESS, "ProcedureStepCancellationDateTime"))


@pytest.mark.requirement("CC22-TMS-005")
def test_running_ups_is_left_alone(running, watcher, judge):
    before = running.get()
    judge(status.answered(watcher.request_cancel(running.workitem.uid, full_request())))
    judge(ups.untouched(before, running.get()))
    judge(status.accepted(running.set(**{PROGRESS: [item(ProcedureStepProgress="30")]}), "an N-SET with the lock"))


@pytest.mark.requirement("CC22-TMS-006")
def test_performer_may_cancel(ends, watcher, judge, judge_status):
    running = ends("IN PROGRESS")
    judge(status.answered(watcher.request_cancel(running.workitem.uid, full_request())))
    reason = item(ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110501", "DCM", "Equipment failure")])
    judge(status.accepted(running.set(**{PROGRESS: [reason]}), "an N-SET of the reason"))
    judge_status(running.change_state("CANCELED"))


@pytest.mark.requirement("CC22-TMS-007")
def test_request_of_another_ae(running, other_tdd, supported, judge_status):
    supported("TMS", "watch")
    judge_status(other_tdd.action(running.workitem.uid, REQUEST_CANCEL, full_request(), context=UPS.WATCH))


@pytest.mark.requirement("CC22-TMS-008")
def test_reason_is_taken_over(canceled, judge):
    shown = canceled.get([PROGRESS])
    judge(ups.got(shown))
    progress = next(iter(shown.dataset.get(PROGRESS) or ()), item())
    judge(ups.equal(progress.get("ReasonForCancellation"), "Machine fault", "ReasonForCancellation"))


@pytest.mark.requirement("CC22-TMS-009")
def test_canceled_ups_cannot_be_claimed(canceled, still_kept, judge_status):
    still_kept(canceled)
    judge_status(canceled.claim())

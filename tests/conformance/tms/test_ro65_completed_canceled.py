"""RO-65 Treatment Delivery Completed / Canceled: the final state (N-ACTION, Change UPS State)."""

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import find, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.profile.statuses import is_failure
from tdwii_conformance.treatment.scenarios import SCENARIOS

STATE = ("ProcedureStepState",)
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
FINAL = ("COMPLETED", "CANCELED")
BY_STATE = {"COMPLETED": SCENARIOS[0], "CANCELED": SCENARIOS[1]}


@pytest.fixture(scope="module", params=SCENARIOS, ids=str)
def treatment(request, treated):
    """A treatment of each scenario, with what was shown before its end."""
    return treated(request.param)


@pytest.fixture(scope="module")
def session(treatment):
    return treatment.session


@pytest.fixture(scope="module")
def before(treatment):
    return treatment.performed


@pytest.fixture(scope="module")
def end(treatment):
    """The request for the final state; not judged where it lacks what the final update was to bring."""
    if is_failure(treatment.end.status) and status.accepted(treatment.final, "the final update"):
        pytest.skip("not judged: the final update was not accepted (RO64-TMS-001)")
    return treatment.end


@pytest.fixture(scope="module")
def shown(session, end, still_kept):
    """The workitem in its final state, by N-GET."""
    if end.status == 0:
        still_kept(session)
    return session.get()


@pytest.fixture(scope="module", params=FINAL)
def ended(request, is_refused, still_kept):
    """A workitem in a final state, for requests that come too late."""
    session = is_refused(request.param)
    session.scenario = BY_STATE[request.param]
    still_kept(session)
    return session


@pytest.fixture(scope="module")
def delivered(updates):
    """A function that returns a workitem in progress, delivered but without its final update: another one when that has ended."""
    known = []

    def ended():
        shown = known[-1].get(STATE).dataset
        return shown is not None and shown.get("ProcedureStepState") in FINAL

    def deliver():
        if not known or ended():
            known.append(updates("IN PROGRESS", free_of=(PERFORMED,)).deliver(SCENARIOS[0]))
            if ended():
                pytest.skip("not judged: the workitem has ended with its progress updates (RO62-TMS-019)")
        return known[-1]

    return deliver


@pytest.fixture
def running(delivered):
    """Such a workitem; a test before that should not have ended it may have."""
    return delivered()


@pytest.mark.requirement("RO65-TMS-001")
def test_final_state_is_granted(end, judge_status):
    judge_status(end)


@pytest.mark.requirement("RO65-TMS-002")
def test_final_state_is_shown(session, end, shown, judge):
    judge(ups.state_is(shown, session.scenario.state))


@pytest.mark.requirement("RO65-TMS-003")
def test_final_state_is_found(tdd, session, end, shown, judge):
    workitem = session.workitem
    judge(find.includes(tdd.query(workitem.query(state=session.scenario.state)), workitem.uid))
    for state in ("SCHEDULED", "IN PROGRESS"):
        judge(find.excludes(tdd.query(workitem.query(state=state)), workitem.uid, f"it is {session.scenario.state}"))


@pytest.mark.requirement("RO65-TMS-004")
def test_update_after_the_end_is_refused(ended, judge, judge_status):
    before = ended.get()
    refused = ended.update(50)
    judge(ups.untouched(before, ended.get()))
    judge_status(refused)


@pytest.mark.requirement("RO65-TMS-005")
def test_completed_again_is_a_warning(finished, judge_status):
    judge_status(finished("COMPLETED").change_state("COMPLETED"))


@pytest.mark.requirement("RO65-TMS-006")
def test_canceled_again_is_a_warning(finished, judge_status):
    judge_status(finished("CANCELED").change_state("CANCELED"))


@pytest.fixture
def finished(is_refused, still_kept):
    """A function that returns a workitem in a final state."""

    def finish(state):
        session = is_refused(state)
        still_kept(session)
        return session

    return finish


@pytest.mark.requirement("RO65-TMS-007")
@pytest.mark.parametrize("state", ["IN PROGRESS", "other final"])
def test_other_change_after_the_end_is_refused(ended, judge_status, state):
    other = "COMPLETED" if ended.scenario.state == "CANCELED" else "CANCELED"
    judge_status(ended.change_state(other if state == "other final" else state))


@pytest.mark.requirement("RO65-TMS-008")
@pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "CANCELED"])
def test_other_transaction_uid_after_the_end_is_refused(ended, judge_status, state):
    judge_status(ended.change_state(state, transaction_uid=generate_uid()))


@pytest.mark.requirement("RO65-TMS-009")
def test_completed_without_final_update_is_refused(running, judge, judge_status):
    refused = running.change_state("COMPLETED")
    judge(ups.state_is(running.get(STATE), "IN PROGRESS"))
    judge_status(refused)


@pytest.mark.requirement("RO65-TMS-010")
@pytest.mark.parametrize("state", FINAL)
def test_other_transaction_uid_is_refused(running, judge, judge_status, state):
    refused = running.change_state(state, transaction_uid=generate_uid())
    judge(ups.state_is(running.get(STATE), "IN PROGRESS"))
    judge_status(refused)


@pytest.mark.requirement("RO65-TMS-011")
@pytest.mark.parametrize("state", FINAL)
def test_missing_transaction_uid_is_refused(running, judge, judge_status, state):
    refused = running.change_state(state, transaction_uid=None)
    judge(ups.state_is(running.get(STATE), "IN PROGRESS"))
    judge_status(refused)


@pytest.mark.requirement("RO65-TMS-012")
def test_cancellation_time_is_filled(finished, judge):
    session = finished("CANCELED")
    shown = session.get(["ProcedureStepProgressInformationSequence"])
    judge(ups.got(shown))
    judge(ups.has_value(shown.dataset, "ProcedureStepProgressInformationSequence", "ProcedureStepCancellationDateTime"))


@pytest.mark.requirement("RO65-TMS-013")
def test_canceled_without_reason(ends, judge_status):
    judge_status(ends("IN PROGRESS", free_of=(PROGRESS,)).change_state("CANCELED"))


@pytest.mark.requirement("RO65-TMS-014")
def test_response_names_the_workitem(session, end, judge):
    judge(status.no_foreign_uid(end, "AffectedSOPInstanceUID", session.workitem.uid))


@pytest.mark.requirement("RO65-TMS-015")
def test_transaction_uid_is_not_in_the_response(end, judge):
    judge(status.answered(end) + status.no_transaction_uid([end]))


@pytest.mark.requirement("RO65-TMS-016")
def test_back_to_scheduled_is_refused(running, judge_status):
    judge_status(running.change_state("SCHEDULED"))


@pytest.mark.requirement("RO65-TMS-016")
def test_final_back_to_scheduled_is_refused(ended, judge_status):
    judge_status(ended.change_state("SCHEDULED"))


@pytest.mark.requirement("RO65-TMS-017")
def test_final_update_is_kept(before, shown, session, judge):
    after = session.get([PERFORMED])
    unasked = {element.keyword for exchange in (before, after) for element in exchange.dataset or ()} - {PERFORMED}
    judge(ups.untouched(before, after, ignoring=unasked))  # what came unasked is for CC27-TMS-003

"""RO-60 Treatment Delivery in Progress: a TDD claims a scheduled workitem (N-ACTION, Change UPS State)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item, state_change

STATE = ("ProcedureStepState",)


@pytest.fixture(scope="module")
def workitem(claims):
    return claims(fresh=True).workitem


@pytest.fixture(scope="module")
def transaction_uid():
    return generate_uid()


@pytest.fixture(scope="module")
def claim(tdd, workitem, transaction_uid):
    return tdd.claim(workitem.uid, transaction_uid)


@pytest.fixture(scope="module")
def shown(tdd, claim, workitem):
    """The claimed workitem by N-GET."""
    return tdd.get(workitem.uid, [*STATE, "ProcedureStepLabel"])


@pytest.fixture(scope="module")
def second_claim(other_tdd, shown, workitem):
    """The claim of a second TDD, after the first was granted."""
    return other_tdd.claim(workitem.uid)


@pytest.fixture
def unsupported(is_refused):
    return is_refused().workitem


@pytest.mark.requirement("RO60-TMS-001")
def test_claim_is_granted(claim, judge_status):
    judge_status(claim)


@pytest.mark.requirement("RO60-TMS-002")
def test_response_names_the_workitem(claim, workitem, judge):
    judge(status.no_foreign_uid(claim, "AffectedSOPInstanceUID", workitem.uid))


@pytest.mark.requirement("RO60-TMS-003")
def test_response_names_ups_push(claim, judge):
    judge(status.no_foreign_uid(claim, "AffectedSOPClassUID", UPS.PUSH))


@pytest.mark.requirement("RO60-TMS-004")
def test_second_claim_is_refused(second_claim, judge_status):
    judge_status(second_claim)


@pytest.mark.requirement("RO60-TMS-005")
def test_second_claim_changes_nothing(tdd, second_claim, workitem, transaction_uid, judge):
    judge(ups.state_is(tdd.get(workitem.uid, STATE), "IN PROGRESS"))
    update = tdd.set(workitem.uid, item(TransactionUID=transaction_uid, ProcedureStepProgressInformationSequence=[]))
    judge(status.accepted(update, "an update with the first Transaction UID"))


@pytest.mark.requirement("RO60-TMS-006")
def test_claimed_workitem_is_in_progress(shown, judge):
    judge(ups.state_is(shown, "IN PROGRESS"))


@pytest.mark.requirement("RO60-TMS-007")
def test_claimed_workitem_is_found_in_progress(tdd, shown, workitem, judge):
    judge(find.includes(tdd.query(workitem.query(state="IN PROGRESS")), workitem.uid))
    judge(find.excludes(tdd.query(workitem.query()), workitem.uid, "it is no longer SCHEDULED"))


@pytest.mark.requirement("RO60-TMS-008")
def test_claim_without_transaction_uid_is_refused(tdd, unsupported, judge, judge_status):
    exchange = tdd.change_state(unsupported.uid, "IN PROGRESS", None)
    judge(ups.state_is(tdd.get(unsupported.uid, STATE), "SCHEDULED"))
    judge_status(exchange)


@pytest.mark.requirement("RO60-TMS-009")
def test_claim_of_unknown_workitem_is_refused(tdd, judge_status):
    judge_status(tdd.claim(generate_uid()))


@pytest.mark.requirement("RO60-TMS-010")
def test_change_to_scheduled_is_refused(tdd, unsupported, judge_status):
    judge_status(tdd.change_state(unsupported.uid, "SCHEDULED", generate_uid()))


@pytest.mark.requirement("RO60-TMS-011")
@pytest.mark.parametrize("state", ["COMPLETED", "CANCELED"])
def test_final_state_without_claim_is_refused(tdd, unsupported, judge, judge_status, state):
    exchange = tdd.change_state(unsupported.uid, state, generate_uid())
    judge(ups.state_is(tdd.get(unsupported.uid, STATE), "SCHEDULED"))
    judge_status(exchange)


@pytest.mark.requirement("RO60-TMS-012")
def test_claim_again_with_the_lock_is_refused(tdd, claim, workitem, transaction_uid, judge_status):
    judge_status(tdd.claim(workitem.uid, transaction_uid))


@pytest.mark.requirement("RO60-TMS-013")
def test_transaction_uid_is_not_in_the_response(claim, judge):
    judge(status.answered(claim) + status.no_transaction_uid([claim]))


@pytest.mark.requirement("RO60-TMS-014")
@pytest.mark.parametrize("asked", [["TransactionUID", *STATE], []], ids=["asked", "all"])
def test_transaction_uid_is_not_in_n_get(tdd, claim, workitem, judge, asked):
    exchange = tdd.get(workitem.uid, asked)
    judge(status.answered(exchange) + status.no_transaction_uid([exchange]))


@pytest.mark.requirement("RO60-TMS-015")
def test_one_of_two_simultaneous_claims_wins(tdd, other_tdd, claims, judge):
    workitem = claims().workitem
    other_tdd.get(workitem.uid, STATE)  # so that both associations stand before the race
    with ThreadPoolExecutor(2) as pool:
        claims = list(pool.map(lambda performer: performer.claim(workitem.uid), (tdd, other_tdd)))
    winners = [claim for claim in claims if claim.status == 0]
    judge([] if len(winners) == 1 else [Finding("one claim granted, one refused", f"{len(winners)} granted")])


@pytest.mark.requirement("RO60-TMS-016")
def test_change_to_unknown_state_is_refused(tdd, unsupported, judge, requirement, note_reading):
    exchange = tdd.change_state(unsupported.uid, "SUSPENDED", generate_uid())
    judge(status.refused(exchange, "a state that does not exist"))
    judge(ups.state_is(tdd.get(unsupported.uid, STATE), "SCHEDULED"))
    note_reading(status.reading(exchange, requirement) or f"{exchange.status:04X}")


@pytest.mark.requirement("RO60-TMS-017")
def test_unknown_action_type_is_refused(tdd, unsupported, judge_status):
    judge_status(tdd.action(unsupported.uid, 99, state_change("IN PROGRESS", generate_uid())))


@pytest.mark.requirement("RO60-TMS-018")
def test_n_get_of_unknown_workitem_fails(tdd, judge_status):
    judge_status(tdd.get(generate_uid(), STATE))


@pytest.mark.requirement("RO60-TMS-019")
def test_n_get_returns_what_was_asked(shown, judge):
    judge(ups.only_requested(shown, [*STATE, "ProcedureStepLabel"]))

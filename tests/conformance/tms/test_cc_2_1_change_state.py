"""CC.2.1 Change UPS State: the lock, and what a final state needs."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tdwii_conformance.checks import Finding, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.profile.statuses import is_failure
from tdwii_conformance.profile.ups_service import CHANGE_STATE, UPS
from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.treatment.messages import code_item, item, state_change
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.treatment.unlisted import add as add_unlisted

STATE = ("ProcedureStepState",)
PERFORMED, PROGRESS = "UnifiedProcedureStepPerformedProcedureSequence", "ProcedureStepProgressInformationSequence"
COMPLETED, CANCELED = SCENARIOS[0], SCENARIOS[1]
# In the performed sequence; Output Information Sequence may have no items, so it only has to be there.
NEEDED = [keyword for keyword, row in attribute_rows()[PERFORMED].items.items() if row.final == "P"]
OUTPUT = "OutputInformationSequence"


def performed_without(session, keyword, *, empty):
    session.conclude(COMPLETED)
    final = session.final_data_set()
    performed = final[PERFORMED].value[0]
    del performed[keyword]
    if empty:
        setattr(performed, keyword, [] if keyword.endswith("Sequence") else None)
    return session.send(final)


@pytest.mark.requirement("CC21-TMS-001")
def test_another_ae_with_the_lock_may_finish(ends, other_tdd, needs, judge_status):
    session = ends("IN PROGRESS")
    needs(status.accepted(session.conclude(COMPLETED), "the final update"), "RO64-TMS-001")
    judge_status(other_tdd.change_state(session.workitem.uid, "COMPLETED", session.transaction_uid))


@pytest.mark.requirement("CC21-TMS-002")
@pytest.mark.parametrize("keyword", NEEDED)
def test_completed_needs(keyword, updates, needs, judge, judge_status):
    session = updates("IN PROGRESS")
    performed_without(session, keyword, empty=False)
    refused = session.change_state("COMPLETED")
    shown = session.get([*STATE, PERFORMED])
    performed = (shown.dataset or {}).get(PERFORMED)
    if performed and performed[0].get(keyword) not in (None, ""):
        pytest.skip(f"not judged: the TMS did not take an N-SET that leaves {keyword} out")
    judge(ups.state_is(shown, "IN PROGRESS"))
    judge_status(refused)


@pytest.mark.requirement("CC21-TMS-003")
def test_completed_after_the_missing_is_set(ends, needs, judge_status):
    session = ends("IN PROGRESS", free_of=(PERFORMED,))
    needs(status.refused(session.change_state("COMPLETED"), "COMPLETED without any final update"), "RO65-TMS-009")
    needs(status.accepted(session.conclude(COMPLETED), "the final update"), "RO64-TMS-001")
    judge_status(session.change_state("COMPLETED"))


@pytest.mark.requirement("CC21-TMS-004")
def test_completed_without_output(ends, judge, judge_status):
    session = ends("IN PROGRESS")
    judge(status.accepted(performed_without(session, OUTPUT, empty=True), "a final update without output"))
    judge_status(session.change_state("COMPLETED"))


@pytest.mark.requirement("CC21-TMS-005")
def test_reason_for_cancellation_is_kept(ends, still_kept, needs, judge):
    session = ends("IN PROGRESS")
    uri = item(ContactURI="tel:+41-31-000", ContactDisplayName="Console 1")
    told = item(
        ReasonForCancellation="Patient moved",
        ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110513", "DCM", "Discontinued for unspecified reason")],
        ProcedureStepCommunicationsURISequence=[uri],
    )
    final = session.conclude(CANCELED)
    needs(status.accepted(final, "the final update"), "RO64-TMS-001")
    judge(status.accepted(session.set(**{PROGRESS: [told]}), "an N-SET with the reason"))
    needs(status.accepted(session.change_state("CANCELED"), "CANCELED"), "RO65-TMS-001")
    still_kept(session)
    shown = session.get([PROGRESS])
    judge(ups.got(shown))
    kept = next(iter(shown.dataset.get(PROGRESS) or ()), item())
    codes = [code.get("CodeValue") for code in kept.get("ProcedureStepDiscontinuationReasonCodeSequence") or ()]
    uris = [one.get("ContactURI") for one in kept.get("ProcedureStepCommunicationsURISequence") or ()]
    judge(
        ups.equal(kept.get("ReasonForCancellation"), "Patient moved", f"{PROGRESS}[0].ReasonForCancellation")
        + ups.equal(codes, ["110513"], f"{PROGRESS}[0].ProcedureStepDiscontinuationReasonCodeSequence")
        + ups.equal(uris, ["tel:+41-31-000"], f"{PROGRESS}[0].ProcedureStepCommunicationsURISequence")
    )


@pytest.mark.requirement("CC21-TMS-006")
def test_one_of_two_final_states_wins(ends, other_tdd, tdd, still_kept, needs, judge):
    session = ends("IN PROGRESS")
    needs(status.accepted(session.conclude(COMPLETED), "the final update"), "RO64-TMS-001")
    uid = session.workitem.uid
    other_tdd.get(uid, STATE)  # so that both associations stand before the race
    asked = ((tdd, "COMPLETED"), (other_tdd, "CANCELED"))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one[0].change_state(uid, one[1], session.transaction_uid), asked))
    for answer in answers:
        judge(status.answered(answer))
    winners = [state for (_, state), answer in zip(asked, answers, strict=True) if answer.status == 0]
    judge([] if len(winners) == 1 else [Finding("one of the two granted", f"{len(winners)} granted")])
    still_kept(session)
    judge(ups.state_is(session.get(STATE), winners[0]))


@pytest.mark.requirement("CC21-TMS-008")
@pytest.mark.parametrize("state", ["PAUSED", "", None])
def test_other_states_are_refused(state, updates, judge, requirement, note_reading):
    session = updates("IN PROGRESS")
    refused = session.change_state(state)
    judge(status.refused(refused, f"Change UPS State to {state!r}"))
    judge(ups.state_is(session.get(STATE), "IN PROGRESS"))
    note_reading(status.reading(refused, requirement) or f"{refused.status:04X}")


@pytest.mark.requirement("CC21-TMS-009")
def test_canceled_with_a_reason_alone(ends, still_kept, judge, judge_status):
    session = ends("IN PROGRESS")
    reason = item(ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110501", "DCM", "Equipment failure")])
    judge(status.accepted(session.set(**{PROGRESS: [reason]}), "an N-SET of the reason"))
    granted = session.change_state("CANCELED")
    judge(status.accepted(granted, "CANCELED with a reason"))
    still_kept(session)
    judge(ups.state_is(session.get(STATE), "CANCELED"))
    judge_status(granted)


@pytest.mark.requirement("CC21-TMS-010")
def test_unknown_action_is_refused(updates, tdd, judge, judge_status):
    session = updates("IN PROGRESS")
    before = session.get()
    refused = tdd.action(session.workitem.uid, 99, state_change("COMPLETED", session.transaction_uid))
    judge(ups.untouched(before, session.get()))
    judge_status(refused)


@pytest.mark.requirement("CC21-TMS-007")
def test_claim_outlives_its_association(claims, associate, system, consent, needs, judge, judge_status):
    session = claims("SCHEDULED")
    consent("N-ACTION Change UPS State")
    with associate("TMS", [UPS.PULL]) as link:
        claim = link.n_action(session.workitem.uid, CHANGE_STATE, state_change("IN PROGRESS", session.transaction_uid))
    needs(status.accepted(claim, "the claim"), "RO60-TMS-001")
    judge(ups.state_is(session.get(STATE), "IN PROGRESS"))
    judge_status(session.set(**{PROGRESS: [item(ProcedureStepProgress="10")]}))


@pytest.fixture(scope="module")
def plain_claim(claims):
    """A claim with nothing but state and Transaction UID, and the UPS afterwards."""
    session = claims()
    return session.claim(), session.get(STATE)


@pytest.mark.requirement("CC21-TMS-020")
@pytest.mark.filterwarnings("ignore:VR lookup failed")
@pytest.mark.parametrize("kind", ["of-a-ups", "of-no-ups", "undefined", "private"])
def test_claim_with_more_than_an_action_has(tdd, plain_claim, claims, needs, judge, follows, kind):
    claim, claimed = plain_claim
    needs(status.accepted(claim, "a claim") + ups.state_is(claimed, "IN PROGRESS"), "RO60-TMS-001", "RO60-TMS-006")
    session = claims()
    before = session.get()
    information = state_change("IN PROGRESS", session.transaction_uid)
    if kind == "of-a-ups":
        information.ProcedureStepLabel = "Of a change of state"
    else:
        add_unlisted(information, kind)
    exchange = tdd.action(session.workitem.uid, CHANGE_STATE, information)
    judge(status.answered(exchange))
    after = session.get()
    if is_failure(exchange.status):
        judge(ups.untouched(before, after))
        follows("refused")
        return
    judge(ups.got(before) + ups.got(after) + ups.state_is(session.get(STATE), "IN PROGRESS"))
    judge(ups.equal(after.dataset.get("ProcedureStepLabel"), before.dataset.get("ProcedureStepLabel"), "ProcedureStepLabel"))
    follows("done")

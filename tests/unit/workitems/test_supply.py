"""The supply: few workitems serve many tests, and none gets one that another has spoiled or still needs."""

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.workitems.outcomes import NotJudged
from tdwii_conformance.workitems.sources import Listed, Pushed
from tdwii_conformance.workitems.supply import Need, Supply, Use

PROGRESS = "ProcedureStepProgressInformationSequence"


@pytest.fixture
def own(system, tdd):
    """A function that gives the supply of a system that has so many workitems of its own."""

    def of(new=1, continuations=0):
        push = Pushed(system, tdd)
        for start, number in (("TREATMENT", new), ("CONTINUATION", continuations)):
            for _ in range(number):
                push(start)
        return Supply(Listed(system, tdd), tdd)

    return of


def uid(session):
    return session.workitem.uid


def test_who_looks_and_who_is_refused_share_one(own):
    supply = own(1)
    uids = {uid(supply.need(Need(use))) for use in (Use.LOOKS, Use.IS_REFUSED, Use.LOOKS)}
    assert len(uids) == 1


def test_who_looks_keeps_it_from_who_claims_until_nobody_looks_any_more(own):
    supply, to_come = own(1), [1]
    supply.to_come = lambda state, role: to_come[0]
    looked_at = uid(supply.need(Need(Use.LOOKS)))
    with pytest.raises(NotJudged):
        supply.need(Need(Use.CLAIMS))
    to_come[0] = 0
    assert uid(supply.need(Need(Use.CLAIMS))) == looked_at


def test_who_ends_gets_what_nobody_shares_any_more_before_a_new_one(own):
    supply, over = own(4), []
    supply.to_come = lambda state, role: int(role not in over)
    inside, outside = (uid(supply.need(Need(Use.UPDATES, "IN PROGRESS", role=role))) for role in ("inside", "outside"))
    over.append("inside IN PROGRESS")
    assert uid(supply.need(Need(Use.ENDS, "IN PROGRESS"))) == inside
    assert uid(supply.need(Need(Use.ENDS, "IN PROGRESS"))) not in (inside, outside)


def test_what_one_claims_the_next_updates_and_the_last_ends(own, tdd):
    supply = own(1)
    claimed = supply.need(Need(Use.CLAIMS))
    assert claimed.claim().status == 0
    supply.module_ends()
    updated = supply.need(Need(Use.UPDATES, "IN PROGRESS"))
    assert (uid(updated), updated.transaction_uid) == (uid(claimed), claimed.transaction_uid)
    assert updated.update(10).status == 0
    supply.to_come = lambda state, role: 0
    ended = supply.need(Need(Use.ENDS, "IN PROGRESS"))
    ended.conclude(SCENARIOS[0])
    assert ended.finish().status == 0
    assert uid(supply.need(Need(Use.LOOKS, "COMPLETED"))) == uid(claimed)


def test_who_claims_holds_it_while_its_module_runs(own):
    supply = own(1)
    supply.need(Need(Use.CLAIMS)).claim()
    with pytest.raises(NotJudged):
        supply.need(Need(Use.UPDATES, "IN PROGRESS"))


def test_a_state_that_nobody_left_is_brought_about(own, tdd):
    supply = own(2)
    canceled = supply.need(Need(Use.LOOKS, "CANCELED"))
    assert tdd.get(uid(canceled), ["ProcedureStepState"]).dataset.ProcedureStepState == "CANCELED"
    assert uid(supply.need(Need(Use.IS_REFUSED, "CANCELED"))) == uid(canceled)


def test_nobody_who_looks_gets_what_was_changed(own, tdd):
    supply = own(2)
    changed = supply.need(Need(Use.UPDATES))
    tdd.set(uid(changed), item(ProcedureStepLabel="Later"))
    assert uid(supply.need(Need(Use.LOOKS))) != uid(changed)
    assert uid(supply.need(Need(Use.UPDATES))) == uid(changed)


def test_free_of_what_matters(own):
    supply = own(2)
    first = supply.need(Need(Use.UPDATES, "IN PROGRESS"))
    first.update(10)
    assert uid(supply.need(Need(Use.UPDATES, "IN PROGRESS", free_of=(PROGRESS,)))) != uid(first)


def test_another_role_is_another_workitem(own):
    supply = own(2)
    assert uid(supply.need(Need(Use.UPDATES, "IN PROGRESS"))) != uid(supply.need(Need(Use.UPDATES, "IN PROGRESS", role="other")))


def test_what_a_failed_test_had_is_left_alone(own):
    supply = own(2)
    supply.test_begins()
    refused = uid(supply.need(Need(Use.IS_REFUSED)))
    supply.test_failed()
    assert uid(supply.need(Need(Use.IS_REFUSED))) != refused


def test_who_looks_does_no_harm_when_it_fails(own):
    supply = own(1)
    supply.test_begins()
    looked_at = uid(supply.need(Need(Use.LOOKS)))
    supply.test_failed()
    assert uid(supply.need(Need(Use.LOOKS))) == looked_at


def test_claimed_without_a_lock_nobody_can_go_on_with(own, tdd):
    from tdwii_conformance.transcript.exchange import Exchange

    supply = own(2)
    kept = supply.need(Need(Use.IS_REFUSED)).workitem.uid
    claim = tdd.claim(generate_uid())  # a claim as one that was granted without Transaction UID would look
    request = claim.request
    request.command.RequestedSOPInstanceUID = kept
    request.dataset.TransactionUID = ""
    answer = claim.responses[-1]
    answer.command.Status = 0
    tdd.transcript.append(Exchange("N-ACTION", "TDD", "TMS", claim.abstract_syntax, request, (answer,)))
    assert uid(supply.need(Need(Use.IS_REFUSED))) != kept


def test_created_ones_are_new_but_for_those_who_look_or_are_refused(system, tdd):
    supply = Supply(Pushed(system, tdd), tdd)
    of = {use: {uid(supply.need(Need(use, "IN PROGRESS" if use is Use.ENDS else "SCHEDULED"))) for _ in range(3)} for use in Use}
    assert {use: len(uids) for use, uids in of.items()} == {
        Use.LOOKS: 1, Use.IS_REFUSED: 1, Use.UPDATES: 3, Use.CLAIMS: 3, Use.ENDS: 3,
    }  # fmt: skip
    assert len(set().union(*of.values())) == 11


def test_a_created_one_that_is_refused_serves_its_module(system, tdd):
    supply = Supply(Pushed(system, tdd), tdd)
    first = uid(supply.need(Need(Use.IS_REFUSED, "COMPLETED")))
    assert uid(supply.need(Need(Use.IS_REFUSED, "COMPLETED"))) == first
    assert uid(supply.need(Need(Use.LOOKS, "COMPLETED"))) != first
    supply.module_ends()
    assert uid(supply.need(Need(Use.IS_REFUSED, "COMPLETED"))) != first


def test_a_created_one_that_was_not_refused_is_not_given_again(system, tdd):
    supply = Supply(Pushed(system, tdd), tdd)
    session = supply.need(Need(Use.IS_REFUSED))
    assert session.claim().status == 0
    assert uid(supply.need(Need(Use.IS_REFUSED))) != uid(session)


def test_none_is_created_now_on_a_list(own):
    with pytest.raises(NotJudged, match="none is created now"):
        own(1).created_now()


def test_what_is_gone_after_a_restart_is_not_handed_out(system, tdd):
    supply = Supply(Pushed(system, tdd), tdd)
    before = uid(supply.need(Need(Use.LOOKS)))
    system.restart()
    supply.count()
    assert uid(supply.need(Need(Use.LOOKS))) != before


def test_what_cannot_be_looked_for_after_a_restart_is_not_handed_out(system, tdd):
    supply = Supply(Pushed(system, tdd), tdd)
    before = [uid(supply.need(Need(Use.LOOKS, role=role))) for role in ("one", "another")]
    tdd.close()
    tdd.contexts["TMS"] = [syntax for syntax in tdd.contexts["TMS"] if syntax != UPS.PULL]  # as if the TMS did not accept it
    supply.count()
    assert not {uid(supply.need(Need(Use.LOOKS, role=role))) for role in ("one", "another")} & set(before)


def test_what_is_exchanged_after_the_wire_was_cut_is_seen(own, tdd):
    # A property forgets the exchanges of all its examples but the last; what comes then fills the wire to where it was.
    supply = own(1)
    before = len(tdd.transcript)
    session = supply.need(Need(Use.CLAIMS))
    for _ in range(3):
        tdd.get(uid(session))
    assert [kept.state for kept in supply.kit.usable("SCHEDULED")] == ["SCHEDULED"]
    tdd.transcript.forget_since(before)
    assert session.claim().status == 0
    while len(tdd.transcript) < before + 10:
        tdd.get(uid(session))
    assert supply.kit.usable("SCHEDULED") == []
    assert [kept.lock for kept in supply.kit.usable("IN PROGRESS")] == [session.transaction_uid]

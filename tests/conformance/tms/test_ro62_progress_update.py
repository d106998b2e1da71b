"""RO-62 Treatment Delivery Progress Update: the TDD that holds the lock says how far it is (N-SET)."""

import pytest
from pydicom.uid import generate_uid

from tdwii_conformance.checks import find, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.profile.statuses import is_failure
from tdwii_conformance.treatment.messages import item

PROGRESS = "ProcedureStepProgressInformationSequence"
STATE = ("ProcedureStepState",)


def progress_of(exchange):
    """The Procedure Step Progress that an N-GET shows, as a number; None if it shows none."""
    items = (exchange.dataset or {}).get(PROGRESS) or []
    value = items[0].get("ProcedureStepProgress") if items else None
    return None if value is None else float(value)


def beam_of(exchange):
    """The Referenced Beam Number that an N-GET shows among the progress parameters; None if it shows none."""
    for progress in (exchange.dataset or {}).get(PROGRESS) or []:
        for parameter in progress.get("ProcedureStepProgressParametersSequence") or []:
            return None if parameter.get("NumericValue") is None else float(parameter.NumericValue)
    return None


@pytest.fixture(scope="module")
def session(updates):
    """A workitem that was claimed."""
    return updates("IN PROGRESS")


@pytest.fixture(scope="module")
def first(session):
    return session.update(0)


@pytest.fixture(scope="module")
def later(session, first):
    """The updates after the first, each with what N-GET showed then."""
    return [(value, session.update(value), session.get([PROGRESS])) for value in (30, 70, 100)]


@pytest.fixture
def before(session):
    """The workitem before requests that are to change nothing; an earlier one may have ended it."""
    shown = session.get()
    state = shown.dataset.get("ProcedureStepState") if shown.dataset is not None else None
    if state and state != "IN PROGRESS":
        pytest.skip(f"not judged: an N-SET has taken the workitem to {state} (RO62-TMS-008, RO62-TMS-019)")
    return shown


@pytest.mark.requirement("RO62-TMS-001")
def test_first_update_is_accepted(first, judge_status):
    judge_status(first)


@pytest.mark.requirement("RO62-TMS-002")
def test_later_updates_are_accepted(later, judge_status):
    for _, update, _ in later:
        judge_status(update)


@pytest.mark.requirement("RO62-TMS-003")
def test_progress_is_shown(later, judge):
    for value, _, shown in later:
        judge(ups.equal(progress_of(shown), float(value), "Procedure Step Progress"))


@pytest.mark.requirement("RO62-TMS-004")
def test_beam_is_shown(session, later, judge):
    if (beam := session.beam(100)) is None:
        pytest.skip("not judged: plan and delivery instruction were not sent (RO59-OST-002, RO61-TMS-002); no beam is made up")
    judge(ups.equal(beam_of(later[-1][2]), float(beam), "Referenced Beam Number"))


@pytest.mark.requirement("RO62-TMS-005")
def test_other_transaction_uid_is_refused(session, before, judge_status):
    judge_status(session.update(5, transaction_uid=generate_uid()))


@pytest.mark.requirement("RO62-TMS-006")
def test_missing_transaction_uid_is_refused(session, before, judge_status):
    judge_status(session.update(5, transaction_uid=None))


@pytest.mark.requirement("RO62-TMS-007")
@pytest.mark.parametrize("uid", ["other", "missing"])
def test_refused_update_changes_nothing(session, before, needs, judge, uid):
    refused = session.update(7, transaction_uid=generate_uid() if uid == "other" else None)
    needs(status.refused(refused, "an update without the lock"), "RO62-TMS-005" if uid == "other" else "RO62-TMS-006")
    judge(ups.untouched(before, session.get()))


@pytest.mark.requirement("RO62-TMS-008")
@pytest.mark.parametrize("state", ["SCHEDULED", "COMPLETED"])
def test_state_cannot_be_set(session, before, judge, follows, state):
    exchange = session.set(ProcedureStepState=state)
    judge(status.answered(exchange))
    judge(ups.state_is(session.get(STATE), "IN PROGRESS"))
    follows("refused" if is_failure(exchange.status) else "ignored")


@pytest.mark.requirement("RO62-TMS-009")
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID"])
def test_identity_cannot_be_set(tdd, session, before, judge, follows, keyword):
    uid = session.workitem.uid
    query = item(SOPInstanceUID=uid, SOPClassUID=None, ProcedureStepState="IN PROGRESS")
    earlier = class_shown(tdd.query(query), uid)  # by C-FIND: N-GET does not return it
    exchange = session.set(**{keyword: generate_uid()})
    judge(status.answered(exchange))
    later = tdd.query(query)
    judge(find.includes(later, uid))
    judge(ups.untouched(before, session.get()))
    if earlier is not None:
        judge(ups.equal(class_shown(later, uid), earlier, "SOPClassUID"))
    follows("refused" if is_failure(exchange.status) else "ignored")


def class_shown(exchange, uid):
    return next((i.get("SOPClassUID") for i in exchange.identifiers if i.get("SOPInstanceUID") == uid), None)


@pytest.mark.requirement("RO62-TMS-010")
@pytest.mark.parametrize("keyword", ["PatientName", "PatientID"])
def test_patient_cannot_be_set(session, before, judge, follows, keyword):
    exchange = session.set(**{keyword: "OTHER"})
    judge(status.answered(exchange))
    judge(ups.shows(session.get([keyword]), keyword, (before.dataset or item()).get(keyword)))
    follows("refused" if is_failure(exchange.status) else "ignored")


@pytest.mark.requirement("RO62-TMS-011")
def test_unknown_workitem_is_refused(tdd, judge_status):
    judge_status(tdd.set(generate_uid(), item(TransactionUID=generate_uid(), WorklistLabel="NOBODY")))


@pytest.mark.requirement("RO62-TMS-012")
def test_response_names_the_workitem(first, session, judge):
    judge(status.no_foreign_uid(first, "AffectedSOPInstanceUID", session.workitem.uid))


@pytest.mark.requirement("RO62-TMS-013")
def test_transaction_uid_is_not_in_the_response(first, judge):
    judge(status.answered(first) + status.no_transaction_uid([first]))


@pytest.mark.requirement("RO62-TMS-014")
def test_sequence_is_replaced_whole(updates, judge):
    session = updates("IN PROGRESS")
    judge(status.accepted(session.update(10, description="Gating"), "an update with a description"))
    judge(status.accepted(session.update(20), "an update"))
    shown = session.get([PROGRESS])
    judge(ups.equal(progress_of(shown), 20.0, "Procedure Step Progress"))
    judge(ups.equal(shown.dataset.get(PROGRESS)[0].get("ProcedureStepProgressDescription"), None, "Description"))


@pytest.mark.requirement("RO62-TMS-015")
def test_lock_on_an_unclaimed_workitem_is_refused(tdd, is_refused, judge_status):
    workitem = is_refused().workitem
    judge_status(tdd.set(workitem.uid, item(TransactionUID=generate_uid(), WorklistLabel="LABEL")))


@pytest.mark.requirement("RO62-TMS-016")
def test_unclaimed_workitem_may_be_set(tdd, updates, judge_status):
    workitem = updates().workitem
    judge_status(tdd.set(workitem.uid, item(ProcedureStepLabel="Rescheduled")))


@pytest.mark.requirement("RO62-TMS-017")
def test_same_update_twice(updates, judge):
    session = updates("IN PROGRESS")
    judge(status.accepted(session.update(60), "the first of two equal updates"))
    once = session.get()
    judge(status.accepted(session.update(60), "the second of two equal updates"))
    judge(ups.untouched(once, session.get()))


@pytest.mark.requirement("RO62-TMS-018")
def test_modification_time_is_kept(updates, judge, dated):
    keyword = "ScheduledProcedureStepModificationDateTime"
    session = updates("IN PROGRESS")
    earlier = dated(session.get([keyword]), keyword)
    session.update(60)
    judge(ups.not_before(earlier, dated(session.get([keyword]), keyword), keyword))


@pytest.mark.requirement("RO62-TMS-019")
def test_state_stays_in_progress(session, later, judge):
    judge(ups.state_is(session.get(STATE), "IN PROGRESS"))

"""What a record shows of a TMS, replayed: hand-made exchanges, and the verdict that a reader of the standard would give."""

from datetime import UTC, datetime, timedelta

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import encode
from scp_samples import least

from tdwii_conformance.checks.scp import Instances, Replay, Tally, judge_retrievals
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.ups_service import GLOBAL, UPS
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

CATALOGUE = load_catalogue()
BEGIN = datetime(2026, 11, 29, 8, tzinfo=UTC)
W, LOCK, OTHER = "1.2.3", "1.2.9.1", "1.2.9.2"
PROGRESS = "ProcedureStepProgressInformationSequence"
MOVE, PLAN = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.1.481.5"


def command(**values):
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


class Day:
    """Exchanges, one after the other, a second each unless another time is given."""

    def __init__(self):
        self.exchanges, self.now = [], 0.0

    def add(self, service, status, *, asked=None, came=(), answer=None, took=1.0, requestor="TDD", acceptor="TMS", at=None,
            syntax=UPS.PULL, final=None, **sent):  # fmt: skip
        begin = BEGIN + timedelta(seconds=self.now if at is None else at)
        self.now = max(self.now, self.now if at is None else at) + took + 1
        data = lambda dataset: None if dataset is None else encode(dataset, True, True)  # noqa: E731
        request = Message(command(**sent), begin, data(asked), ImplicitVRLittleEndian)
        ended = begin + timedelta(seconds=took)
        responses = [Message(command(Status=0xFF00), ended, data(one), ImplicitVRLittleEndian) for one in came]
        responses.append(Message(command(Status=status, **(final or {})), ended, data(answer), ImplicitVRLittleEndian))
        self.exchanges.append(Exchange(service, requestor, acceptor, syntax, request, tuple(responses)))
        return self

    def claim(self, status, lock=LOCK, **more):
        asked = item(ProcedureStepState="IN PROGRESS", TransactionUID=lock)
        return self.add("N-ACTION", status, asked=asked, RequestedSOPInstanceUID=W, ActionTypeID=1, **more)

    def set(self, status, lock=LOCK, **attributes):
        asked = item(**attributes, **({"TransactionUID": lock} if lock else {}))
        return self.add("N-SET", status, asked=asked, RequestedSOPInstanceUID=W)

    def get(self, **attributes):
        tags = [0x00741000]
        return self.add("N-GET", 0, answer=item(**attributes), RequestedSOPInstanceUID=W, AttributeIdentifierList=tags)

    def get_all(self, **attributes):
        return self.add("N-GET", 0, answer=item(**attributes), RequestedSOPInstanceUID=W)

    def judged(self, *, complete=False):
        entries = Replay("TMS", self.exchanges, CATALOGUE, complete=complete).run().entries
        return {one for one, entry in entries.items() if entry.findings}, set(entries)


SHOWN = {"ProcedureStepState": "SCHEDULED"}


def test_of_a_workitem_that_was_never_shown_no_status_is_judged():
    wrong, judged = Day().claim(0xC302).judged(complete=True)
    assert wrong == set()
    assert not {one for one in judged if one.startswith("CC11")}


@pytest.mark.parametrize("complete", [False, True])
def test_a_claim_of_what_somebody_else_may_have_claimed(complete):
    wrong, _ = Day().get(**SHOWN).claim(0xC302).judged(complete=complete)
    assert wrong == ({"CC11-TMS-022", "RO60-TMS-001"} if complete else set())


@pytest.mark.parametrize("complete", [False, True])
def test_a_status_that_no_state_explains(complete):
    wrong, _ = Day().get(**SHOWN).claim(0xC304).judged(complete=complete)
    assert wrong == {"CC11-TMS-022", "RO60-TMS-001"}


@pytest.mark.parametrize(("lock", "status", "wrong"), [
    (LOCK, 0x0000, set()), (OTHER, 0xC301, set()), (OTHER, 0x0000, {"CC26-TMS-007", "RO62-TMS-005"}),
    (LOCK, 0xC301, {"CC26-TMS-005", "RO62-TMS-002"}), ("", 0xC301, set()), ("", 0x0000, {"CC26-TMS-006", "RO62-TMS-006"}),
])  # fmt: skip
def test_updates_of_a_workitem_that_was_seen_to_be_claimed(lock, status, wrong):
    day = Day().get(**SHOWN).claim(0).set(status, lock, **{PROGRESS: [item(ProcedureStepProgress="10")]})
    assert day.judged()[0] == wrong


def test_what_was_set_has_to_be_shown():
    day = Day().get(**SHOWN).claim(0).set(0, **{PROGRESS: [item(ProcedureStepProgress="10")]})
    progress = lambda value: {"ProcedureStepState": "IN PROGRESS", PROGRESS: [item(ProcedureStepProgress=value)]}  # noqa: E731
    assert "RO62-TMS-003" in day.get_all(**progress("11")).judged()[0]


def test_what_was_set_before_the_claim_may_have_been_set_again_by_others():
    day = Day().get(**SHOWN).set(0, "", ProcedureStepLabel="One").claim(0)
    shown = day.get_all(ProcedureStepState="IN PROGRESS", ProcedureStepLabel="Two")
    assert not {one for one in shown.judged()[0] if one.startswith("CC26")}
    assert {one for one in shown.judged(complete=True)[0] if one.startswith("CC26")} == {"CC26-TMS-012"}


def test_a_refused_update_that_is_shown_all_the_same():
    day = Day().get(**SHOWN).claim(0).get_all(ProcedureStepState="IN PROGRESS", ProcedureStepLabel="One")
    day.set(0xC301, OTHER, ProcedureStepLabel="Two").get_all(ProcedureStepState="IN PROGRESS", ProcedureStepLabel="Two")
    assert {"CC26-TMS-007", "RO62-TMS-007"} <= day.judged()[0]


def test_two_claims_at_once_may_be_answered_in_either_order_but_granted_once():
    for first, second, wrong in ((0, 0xC302, set()), (0xC301, 0, set()), (0, 0, {"RO60-TMS-015"})):
        day = Day().get(**SHOWN).claim(first, took=4, at=10).claim(second, OTHER, took=2, at=11, requestor="TDD2")
        assert day.judged(complete=True)[0] == wrong, (first, second)


def test_a_claimed_workitem_must_not_be_shown_as_scheduled():
    wrong, _ = Day().get(**SHOWN).claim(0).get(**SHOWN).judged()
    assert wrong == {"CC11-TMS-022", "RO60-TMS-006"}


def test_a_match_that_does_not_match():
    keys = {"SOPInstanceUID": None, "ProcedureStepState": None}
    came = item(SOPInstanceUID=W, ProcedureStepState="SCHEDULED", PatientID="P2")
    day = Day().add("C-FIND", 0, asked=item(PatientID="P1", **keys), came=[came])
    assert day.judged()[0] == {"CC28-TMS-002"}


def test_a_workitem_is_missed_only_where_nobody_can_have_changed_it():
    query = item(SOPInstanceUID=None, ProcedureStepLabel="One")
    found = Day().get_all(ProcedureStepState="SCHEDULED", ProcedureStepLabel="One").add("C-FIND", 0, asked=query)
    assert "CC28-TMS-001" not in found.judged()[0]
    assert "CC28-TMS-001" in found.judged(complete=True)[0]


def reported(day, state, at, title="W1"):
    asked = item(ProcedureStepState=state, InputReadinessState="READY")
    return day.add("N-EVENT-REPORT", 0, asked=asked, requestor="TMS", acceptor=title, syntax=UPS.EVENT, at=at, EventTypeID=1,
                   AffectedSOPClassUID=UPS.PUSH, AffectedSOPInstanceUID=W)  # fmt: skip


def subscribed(day, kind=3, target=W, title="W1"):
    asked = item(ReceivingAE=title, **({"DeletionLock": "FALSE"} if kind == 3 else {}))
    return day.add("N-ACTION", 0, asked=asked, requestor=title, syntax=UPS.WATCH, RequestedSOPInstanceUID=target, ActionTypeID=kind)


def test_a_report_that_is_owed_is_missed_once_a_later_one_came():
    day = subscribed(Day().get(**SHOWN))
    reported(day, "SCHEDULED", at=5)
    day.now = 10
    day.claim(0)
    assert day.judged()[0] == set()  # may be under way
    asked = item(ProcedureStepState="CANCELED", TransactionUID=LOCK)
    day.add("N-ACTION", 0, asked=asked, RequestedSOPInstanceUID=W, ActionTypeID=1)
    reported(day, "CANCELED", at=16)
    assert day.judged()[0] == {"CC24-TMS-002"}


def test_a_report_to_who_has_unsubscribed():
    day = subscribed(Day().get(**SHOWN), kind=4, target=GLOBAL).claim(0)
    reported(day, "IN PROGRESS", at=20)
    assert "CC24-TMS-014" in day.judged()[0]


def test_a_report_of_a_state_that_the_workitem_never_had():
    day = subscribed(Day().get(**SHOWN))
    reported(day, "COMPLETED", at=6)
    assert day.judged(complete=True)[0] == {"CC24-TMS-101"}
    assert day.judged()[0] == set()  # somebody may have claimed and ended it meanwhile


def moved(*stores, status=0, completed=1, warned=0, answer=0, uid="1.5", to="TDD"):
    day = Day()
    plan = item(SOPClassUID=PLAN, SOPInstanceUID="1.5", StudyInstanceUID="1.6", SeriesInstanceUID="1.7", PatientName="A^B")
    sent = {"AffectedSOPClassUID": PLAN, "AffectedSOPInstanceUID": "1.5"}
    day.add("C-STORE", 0, asked=plan, acceptor="OST", requestor="TPS", syntax=PLAN, **sent)
    asked = item(QueryRetrieveLevel="IMAGE", StudyInstanceUID="1.6", SeriesInstanceUID="1.7", SOPInstanceUID=uid)
    final = {"NumberOfCompletedSuboperations": completed, "NumberOfFailedSuboperations": 0, "NumberOfWarningSuboperations": warned}
    day.add(
        "C-MOVE", status, asked=asked, acceptor="OST", syntax=MOVE, at=10, took=5, final=final, MessageID=7, MoveDestination="TDD"
    )
    for number, (instance, name) in enumerate(stores):
        other = item(**{**{element.keyword: element.value for element in plan}, "SOPInstanceUID": instance, "PatientName": name})
        day.add("C-STORE", answer, asked=other, requestor="OST", acceptor=to, syntax=PLAN, at=11 + number, AffectedSOPClassUID=PLAN,
                AffectedSOPInstanceUID=instance, MoveOriginatorApplicationEntityTitle="TDD", MoveOriginatorMessageID=7)  # fmt: skip
    tally = Tally()
    judge_retrievals("OST", "OST", (), Instances(day.exchanges), {}, CATALOGUE, tally)
    return {one for one, entry in tally.entries.items() if entry.findings}


@pytest.mark.parametrize(("stores", "more", "wrong"), [
    ([("1.5", "A^B")], {}, set()),
    ([("1.5", "A^C")], {}, {"RO59-OST-015"}),
    ([("1.5", "A^B"), ("1.8", "A^B")], {}, {"RO59-OST-002"}),
    ([("1.5", "A^B")], {"completed": 2}, {"RO59-OST-005"}),
    # nobody has seen that there is a 1.9, or not: another in its place is wrong in either case
    ([("1.5", "A^B")], {"uid": "1.9"}, {"RO59-OST-008"}),
    ([("1.5", "A^B"), ("1.8", "A^B")], {"uid": ["1.5", "1.9"]}, {"RO59-OST-009"}),
    ([("1.5", "A^B")], {"to": "ELSE"}, {"RO59-OST-012"}),
    ([("1.5", "A^B")], {"status": 0xC001}, {"RO59-OST-001"}),
    # canceled: the other need not come
    ([("1.5", "A^B")], {"uid": ["1.5", "1.9"], "status": 0xFE00}, set()),
    # what the destination answered a warning to is neither completed nor failed [PS3.4 C.4.2.3.1]
    ([("1.5", "A^B")], {"answer": 0xB007, "status": 0xB000, "completed": 0, "warned": 1}, set()),
    ([("1.5", "A^B")], {"answer": 0xB007, "status": 0x0000, "completed": 0, "warned": 1}, {"RO59-OST-025"}),
    ([("1.5", "A^B")], {"answer": 0xB007, "status": 0xB000, "completed": 1}, {"RO59-OST-025"}),
    # to a destination whose side was not recorded they may have gone unseen
    ([], {}, set()),
])  # fmt: skip
def test_a_move_and_the_stores_that_it_causes_elsewhere(stores, more, wrong):
    assert moved(*stores, **more) == wrong


@pytest.mark.parametrize(("inside", "wrong"), [("1.2.840.10008.5.1.4.1.1.481.4", {"RO63-OST-001"}), (PLAN, set())])
def test_a_record_that_is_none_may_be_refused(inside, wrong):
    record = "1.2.840.10008.5.1.4.1.1.481.4"
    named = {"AffectedSOPClassUID": record, "AffectedSOPInstanceUID": "1.5"}
    asked = item(SOPClassUID=inside, SOPInstanceUID="1.5")
    day, tally = Day().add("C-STORE", 0xA900, asked=asked, acceptor="OST", syntax=record, **named), Tally()
    judge_retrievals("OST", "OST", (), Instances(day.exchanges), {}, CATALOGUE, tally)
    assert {one for one, entry in tally.entries.items() if entry.findings} == wrong


@pytest.mark.parametrize("given", [False, True])
def test_the_reason_of_a_request_to_cancel_is_reported_if_it_has_one(given):
    code = {"ProcedureStepDiscontinuationReasonCodeSequence": [item(CodeValue="110501", CodingSchemeDesignator="DCM")]}
    day = subscribed(Day().get(**SHOWN)).claim(0)
    day.set(0, **{PROGRESS: [item(ProcedureStepProgress="10", **code)]})  # the performer's own reason, of something else
    asked = item(ReasonForCancellation="none", **(code if given else {}))
    day.add("N-ACTION", 0, asked=asked, requestor="W1", syntax=UPS.WATCH, RequestedSOPInstanceUID=W, ActionTypeID=2)
    day.add("N-EVENT-REPORT", 0, asked=item(RequestingAE="W1", ReasonForCancellation="none"), requestor="TMS", acceptor="W1",
            syntax=UPS.EVENT, EventTypeID=2, AffectedSOPClassUID=UPS.PUSH, AffectedSOPInstanceUID=W)  # fmt: skip
    assert ("CC24-TMS-113" in day.judged()[0]) == given


def created(day, status, **attributes):
    """A workitem of the least that a UPS needs, or otherwise, is created."""
    return day.add(
        "N-CREATE", status, asked=least(**attributes), syntax=UPS.PUSH, AffectedSOPInstanceUID=W, AffectedSOPClassUID=UPS.PUSH
    )


@pytest.mark.parametrize(("status", "changes", "wrong"), [
    (0x0000, {}, set()),
    (0x0110, {}, set()),  # it may be full, or not know what is referred to
    (0x0000, {"ProcedureStepLabel": None}, {"CC25-TMS-012"}),
    (0x0121, {"ProcedureStepLabel": None}, set()),
    (0xB300, {"ProcedureStepLabel": None}, set()),
    (0x0111, {"ProcedureStepLabel": None}, set()),  # there may be such a UPS already
    (0x0000, {"ProcedureStepState": "IN PROGRESS"}, {"CC25-TMS-017"}),
])  # fmt: skip
@pytest.mark.parametrize("complete", [False, True])
def test_of_what_is_created_first_only_what_is_illegal_by_itself_is_judged(status, changes, wrong, complete):
    assert created(Day(), status, **changes).judged(complete=complete)[0] == wrong


@pytest.mark.parametrize(("changes", "weights"), [
    ({}, set()), ({"OperatorsName": None}, {"warning"}), ({"OperatorsName": "Other"}, {"fault"}),
])  # fmt: skip
def test_an_ost_may_leave_attributes_of_a_record_out_but_change_none(changes, weights):
    kind = "1.2.840.10008.5.1.4.1.1.481.4"
    record = item(SOPClassUID=kind, SOPInstanceUID="1.5", StudyInstanceUID="1.6", SeriesInstanceUID="1.7", OperatorsName="A")
    kept = item(**{element.keyword: element.value for element in record})
    for keyword, value in changes.items():
        if value is None:
            del kept[keyword]
        else:
            setattr(kept, keyword, value)
    named = {"AffectedSOPClassUID": kind, "AffectedSOPInstanceUID": "1.5"}
    day = Day().add("C-STORE", 0, asked=record, acceptor="OST", syntax=kind, **named)
    asked = item(QueryRetrieveLevel="IMAGE", StudyInstanceUID="1.6", SeriesInstanceUID="1.7", SOPInstanceUID="1.5")
    day.add("C-MOVE", 0, asked=asked, acceptor="OST", syntax=MOVE, at=10, took=5, MessageID=7, MoveDestination="TDD")
    day.add("C-STORE", 0, asked=kept, requestor="OST", acceptor="TDD", syntax=kind, at=11,
            MoveOriginatorApplicationEntityTitle="TDD", MoveOriginatorMessageID=7, **named)  # fmt: skip
    tally = Tally()
    judge_retrievals("OST", "OST", (), Instances(day.exchanges), {}, CATALOGUE, tally)
    assert {finding.weight for name in ("RO63-OST-004", "RO59-OST-015") for finding in tally.entries[name].findings} == weights


@pytest.mark.parametrize("keyword", ["ScheduledHumanPerformersSequence", "UnifiedProcedureStepPerformedProcedureSequence"])
def test_to_empty_a_sequence_may_be_refused(keyword):
    for status, wrong in ((0x0121, set()), (0xC301, {"CC26-TMS-005"})):
        day = Day().get(**SHOWN).claim(0).set(status, **{keyword: []})
        assert wrong <= day.judged(complete=True)[0] if wrong else not day.judged(complete=True)[0]


def test_of_a_ups_that_has_ended_and_may_be_gone_no_initial_event_is_missed():
    day = subscribed(Day().get(**SHOWN), kind=4).claim(0)
    end = item(ProcedureStepState="CANCELED", TransactionUID=LOCK)
    lock = item(ReceivingAE="W1", DeletionLock="TRUE")
    sent = {"requestor": "W1", "syntax": UPS.WATCH, "ActionTypeID": 3}
    for ended in (False, True):
        if ended:
            day.add("N-ACTION", 0, asked=end, RequestedSOPInstanceUID=W, ActionTypeID=1)
            subscribed(day, kind=4, target=GLOBAL)
        day.add("N-ACTION", 0, asked=lock, RequestedSOPInstanceUID=GLOBAL, **sent)
        day.now += 30
    found = Replay("TMS", day.exchanges, CATALOGUE, complete=True)
    found.run()
    assert [one.cause.state for one in found.ledger.owed if "CC24-TMS-016" in one.cause.ids] == ["IN PROGRESS"]


@pytest.mark.parametrize(("claimed", "wrong"), [(False, set()), (True, {"CC24-TMS-112"})])
def test_what_a_report_says_that_need_not_have_been_sent_is_open(claimed, wrong):
    day = subscribed(Day().get(**SHOWN))
    if claimed:
        day.claim(0)
    asked = item(ReasonForCancellation="none")
    day.add("N-ACTION", 0, asked=asked, requestor="W1", syntax=UPS.WATCH, RequestedSOPInstanceUID=W, ActionTypeID=2)
    day.add("N-EVENT-REPORT", 0, asked=item(RequestingAE="W1"), requestor="TMS", acceptor="W1", syntax=UPS.EVENT, EventTypeID=2,
            AffectedSOPClassUID=UPS.PUSH, AffectedSOPInstanceUID=W)  # fmt: skip
    assert {one for one in day.judged()[0] if one.startswith("CC24-TMS-11")} == wrong


@pytest.mark.parametrize(("requestor", "wrong"), [("TDD", True), ("W1", False)])
def test_who_neither_made_nor_performs_a_workitem_may_be_told_nothing_of_it(requestor, wrong):
    shown = {"RequestedSOPInstanceUID": W, "requestor": requestor}
    looked = Day().get(**SHOWN).claim(0).add("N-GET", 0x0124, **shown)
    assert ("CC27-TMS-012" in looked.judged()[0]) == wrong
    asked = item(ReasonForCancellation="none")
    refused = Day().get(**SHOWN).claim(0).add("N-ACTION", 0x0124, asked=asked, syntax=UPS.WATCH, ActionTypeID=2, **shown)
    assert ("CC22-TMS-001" in refused.judged()[0]) == wrong


@pytest.mark.parametrize("answer", [item(), None])
def test_an_attribute_that_a_ups_need_not_have_may_be_left_out_with_a_warning(answer):
    day = Day().add("N-GET", 0, answer=answer, RequestedSOPInstanceUID=W, AttributeIdentifierList=[0x00404034])
    entries = Replay("TMS", day.exchanges, CATALOGUE, complete=True).run().entries
    assert [(name, one.weight) for name, entry in entries.items() for one in entry.findings] == [("CC27-TMS-002", "warning")]


def test_a_query_that_has_only_empty_keys_may_find_nothing_but_not_some():
    keys, other = {"SOPInstanceUID": None, "PatientID": None}, item(SOPInstanceUID="1.2.4", PatientID="P2")
    day = Day().get(**SHOWN).add("C-FIND", 0, asked=item(**keys))
    assert day.judged(complete=True)[0] == set()
    assert day.add("C-FIND", 0, asked=item(**keys), came=[other]).judged(complete=True)[0] == {"CC28-TMS-007", "CC28-TMS-010"}


@pytest.mark.parametrize(("status", "wrong"), [(0x0121, set()), (0x0122, {"CC26-TMS-019"}), (0, {"CC26-TMS-019"})])
def test_how_it_is_refused_to_empty_what_needs_a_value(status, wrong):
    assert Day().get(**SHOWN).claim(0).set(status, ProcedureStepLabel=None).judged()[0] == wrong


@pytest.mark.parametrize(("named", "wrong"), [({}, set()), ({"ActionTypeID": 1}, set()), ({"ActionTypeID": 4}, {"CC31-TMS-011"})])
def test_a_response_names_the_action_that_was_asked_for(named, wrong):
    assert Day().get(**SHOWN).claim(0, final=named).judged(complete=True)[0] == wrong


@pytest.mark.parametrize(("status", "uid", "wrong"), [(0, "1.2.77", set()), (0, None, {"CC25-TMS-042"}), (0x0117, None, set())])
def test_who_creates_without_a_uid_being_given_names_its_own(status, uid, wrong):
    named = {"AffectedSOPInstanceUID": uid} if uid else {}
    day = Day().add("N-CREATE", status, asked=least(), syntax=UPS.PUSH, AffectedSOPClassUID=UPS.PUSH, final=named)
    assert day.judged(complete=True)[0] == wrong

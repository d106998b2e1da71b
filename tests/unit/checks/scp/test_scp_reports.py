"""What event reports of a record say of a TMS: what is in them, to whom they went, in which order, and which are missing [CC.2.4]."""

import pytest
from scp_samples import W
from told_samples import CANCELED, COMPLETED, IN_PROGRESS, PROGRESS, SCHEDULED, Told, subscribed

from tdwii_conformance.profile.ups_service import GLOBAL, UPS
from tdwii_conformance.treatment.messages import item

TEN, FIFTY = ({PROGRESS: [item(ProcedureStepProgress=value)]} for value in ("10", "50"))


# --- what comes and what lacks ----------------------------------------------------------------------------------------


def test_what_was_owed_and_came_is_right():
    found, wrong = subscribed().change().state(IN_PROGRESS).judged()
    assert wrong == {}
    assert {"CC24-TMS-015", "CC24-TMS-002", "CC24-TMS-011", "CC24-TMS-012", "CC24-TMS-022", "CC24-TMS-101"} <= found


def test_what_something_later_came_after_is_missing():
    wrong = subscribed().change().change(CANCELED).state(CANCELED).judged()[1]
    assert wrong == {"CC24-TMS-002": [(f"UPS State Report ({IN_PROGRESS}) of {W} to W1", "no such event report")]}


@pytest.mark.parametrize(("seconds", "missing"), [(0, False), (8, False), (12, True)])
def test_what_did_not_come_within_ten_seconds_is_missing(seconds, missing):
    wrong = subscribed().change().pause(seconds).shown(IN_PROGRESS).judged()[1]
    assert ("CC24-TMS-002" in wrong) is missing


def test_a_report_to_another_is_none_to_this_one():
    record = subscribed().subscribe("W2").state(SCHEDULED, "W2").change().state(IN_PROGRESS, "W2").pause(30).shown(IN_PROGRESS)
    wrong = record.judged()[1]
    said = [(f"UPS State Report ({IN_PROGRESS}) of {W} to W1", "no such event report")]
    assert wrong == {"CC24-TMS-002": said, "CC24-TMS-013": said}


def test_who_gets_none_at_all_may_get_them_on_a_way_that_was_not_recorded():
    record = Told().shown().subscribe().change().pause(30).shown(IN_PROGRESS)
    assert record.judged(complete=False)[1] == {}
    assert {"CC24-TMS-002", "CC24-TMS-015"} <= set(record.judged()[1])


def test_a_report_of_before_is_none_of_what_was_asked_later():
    record = Told().shown().state(IN_PROGRESS).subscribe().state(SCHEDULED).change().pause(30).shown(IN_PROGRESS)
    assert "CC24-TMS-002" in record.judged()[1]


# --- order ------------------------------------------------------------------------------------------------------------


def test_a_state_does_not_go_back():
    wrong = subscribed().change().state(IN_PROGRESS).state(SCHEDULED).judged()[1]
    assert wrong["CC24-TMS-012"] == [(f"nothing before {IN_PROGRESS} any more", f"{SCHEDULED} after {IN_PROGRESS}")]


def test_of_other_workitems_and_receivers_each_has_an_order_of_its_own():
    record = subscribed().change().state(IN_PROGRESS)
    record.report(uid="1.2.4", ProcedureStepState=SCHEDULED, InputReadinessState="READY").state(SCHEDULED, "W2")
    assert "CC24-TMS-012" not in record.judged(complete=False)[1]


def test_progress_has_no_part_in_the_order_of_states():
    record = subscribed().change().state(IN_PROGRESS).set(**TEN).report(3, **TEN).state(IN_PROGRESS)
    assert record.judged()[1] == {}


# --- what is in them --------------------------------------------------------------------------------------------------


def test_of_a_workitem_that_there_is_not_nothing_is_reported():
    wrong = subscribed().report(uid="1.2.4", ProcedureStepState=SCHEDULED, InputReadinessState="READY").judged()[1]
    assert wrong["CC24-TMS-011"] == [("the SOP Instance UID of a UPS that there is", "1.2.4")]
    assert "CC24-TMS-011" not in subscribed().report(uid="1.2.4", ProcedureStepState=SCHEDULED).judged(complete=False)[1]


def test_what_cannot_be_decoded_says_nothing():
    assert "CC24-TMS-022" in subscribed().report(encoded=b"\x00\x01\x02").judged()[1]


@pytest.mark.parametrize(("uid", "wrong"), [("1.2.840.10008.5.1.4.34.5.1", False), ("1.02", True), ("", True)])
def test_a_status_change_is_of_an_instance(uid, wrong):
    found = Told().report(4, uid=uid, SCPStatus="RESTARTED").judged(complete=False)
    assert ("CC24-TMS-019" in found[1]) is wrong
    assert "CC24-TMS-019" in found[0] and "CC24-TMS-011" not in found[0]
    if wrong:
        assert found[1]["CC24-TMS-019"] == [("a valid SOP Instance UID", repr(uid))]


def test_a_kind_that_there_is_not_has_no_information_to_judge():
    added = subscribed().report(9, ProcedureStepState="X").judged()[0] - subscribed().judged()[0]
    assert not {one for one in added if one.startswith("CC24-TMS-1")}


@pytest.mark.parametrize(
    ("record", "id_"),
    [
        (subscribed().change().state(COMPLETED), "CC24-TMS-101"),
        (
            subscribed().change().state(IN_PROGRESS).set(**TEN).report(3, **TEN).set(0xC301, "1.2.9.2", **FIFTY).report(3, **FIFTY),
            "CC24-TMS-004",
        ),
        (subscribed().change(COMPLETED, 0xC310).state(COMPLETED), "CC24-TMS-004"),
    ],
    ids=["a state that it never had", "progress that was refused", "a state that was refused"],
)
def test_what_did_not_happen_is_not_reported(record, id_):
    assert id_ in record.judged()[1]


def test_a_request_to_cancel_is_reported_with_who_asked():
    record = subscribed().change().state(IN_PROGRESS).cancel("W2", ReasonForCancellation="machine")
    right = {"RequestingAE": "W2", "ReasonForCancellation": "machine"}
    assert record.report(2, **right).judged()[1] == {}
    wrong = subscribed().change().state(IN_PROGRESS).cancel("W2", ReasonForCancellation="machine")
    assert set(wrong.report(2, **right | {"RequestingAE": "W9"}).judged()[1]) >= {"CC24-TMS-111"}
    unseen = subscribed().change().state(IN_PROGRESS).cancel("W2", ReasonForCancellation="machine")
    assert not {one for one in unseen.report(2, **right | {"RequestingAE": "W9"}).judged(complete=False)[1] if one > "CC24-TMS-11"}


# --- to whom they go --------------------------------------------------------------------------------------------------

NOT_SUBSCRIBED = [("no event report to W1, which is not subscribed", "UPS State Report")]


@pytest.mark.parametrize("target", [W, GLOBAL])
def test_who_has_unsubscribed_is_told_no_more(target):
    wrong = subscribed().subscribe(kind=4, target=target).change().state(IN_PROGRESS).judged()[1]
    assert wrong["CC24-TMS-014"] == NOT_SUBSCRIBED
    assert any(name.startswith("CC23") for name in wrong)


@pytest.mark.parametrize(
    "record",
    [
        subscribed().subscribe(kind=4).subscribe().state(SCHEDULED).change().state(IN_PROGRESS),  # subscribed again
        subscribed().change().subscribe(kind=4).state(IN_PROGRESS),  # it happened before
        subscribed().subscribe("W2").state(SCHEDULED, "W2").subscribe("W2", kind=4).change().state(IN_PROGRESS),  # another has
        subscribed().subscribe(kind=4, target="1.2.4").change().state(IN_PROGRESS),  # from something else
        Told().shown().change().state(IN_PROGRESS),  # whether it is subscribed is not known
    ],
    ids=["again", "before", "another", "something else", "unknown"],
)
def test_who_may_be_told(record):
    assert "CC24-TMS-014" not in record.judged()[1]
    assert "CC24-TMS-014" not in record.judged(complete=False)[1]


def test_of_a_new_workitem_nobody_is_told_who_has_suspended_that():
    record = Told().shown().subscribe(target=GLOBAL).subscribe(kind=5, target=GLOBAL)
    made = item(ProcedureStepState=SCHEDULED, ScheduledProcedureStepPriority="LOW")
    record.add("N-CREATE", made, syntax=UPS.PUSH, AffectedSOPInstanceUID="1.2.7", AffectedSOPClassUID=UPS.PUSH, status=0xC309)
    assert "CC24-TMS-014" not in record.judged()[1]

"""In which exchange a fault of a response is seen, and what an N-GET that shows little or nothing is judged by [CC.2.7]."""

import dataclasses

import pytest
from scp_samples import LOCK, W, exchange
from test_scp_responses import CLAIM, LABEL, action, get, judged

from tdwii_conformance.checks.scp import Tally
from tdwii_conformance.checks.scp.responses import judge_get, judge_response
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

OF_THE_LOCK = {"CC27-TMS-005", "RO60-TMS-014"}


def seen_in_it(judge, one, *more):
    """Ids of what is wrong, if each is seen in the one exchange that there is."""
    tally = Tally()
    judge(one, *more, tally)
    wrong = {name: entry.exchanges for name, entry in tally.entries.items() if entry.findings}
    assert all(where == [one] for where in wrong.values())
    return set(wrong)


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (exchange("N-GET", answer={"AffectedSOPInstanceUID": "1.2.4"}, RequestedSOPInstanceUID=W), {"CC27-TMS-020"}),
        (exchange("N-GET", answer={"AffectedSOPClassUID": UPS.PULL}, RequestedSOPInstanceUID=W), {"CC27-TMS-021", "CC31-TMS-006"}),
        (exchange("N-CREATE", item(), syntax=UPS.PUSH), {"CC25-TMS-042"}),
        (action(1, CLAIM, answer={"ActionTypeID": 2}), {"CC31-TMS-011"}),
        (action(1, CLAIM, last=item(TransactionUID=LOCK)), {"RO60-TMS-013"}),
    ],
)
def test_a_fault_of_a_response_is_seen_in_it(one, wrong):
    assert seen_in_it(judge_response, one) == wrong


def test_an_exchange_that_broke_off_is_not_judged():
    one = exchange("N-GET", answer={"AffectedSOPInstanceUID": "1.2.4"}, RequestedSOPInstanceUID=W)
    assert judged(judge_response, dataclasses.replace(one, failure="aborted")) == (set(), set())
    assert judged(judge_response, dataclasses.replace(one, responses=())) == (set(), set())


def shown(came, status=0):
    return exchange("N-GET", None, came, status=status, RequestedSOPInstanceUID=W)


@pytest.mark.parametrize(
    ("asked", "came", "wrong"),
    [
        ([LABEL], item(TransactionUID=LOCK, **{LABEL: "A"}), {*OF_THE_LOCK, "CC27-TMS-003", "RO60-TMS-019"}),
        ([], None, {"CC27-TMS-012"}),
        ([LABEL], item(**{LABEL: "x" * 65}), {"CC27-TMS-023"}),
        ([LABEL, "PatientID"], item(PatientID="P"), {"CC27-TMS-001"}),
        ([LABEL], item(**{LABEL: ""}), {"CC27-TMS-001"}),
        ([LABEL], item(**{LABEL: "Größe"}), {"CC27-TMS-009"}),
    ],
)
def test_a_fault_of_an_n_get_is_seen_in_it(asked, came, wrong):
    assert seen_in_it(judge_get, shown(came), asked) == wrong


# --- what shows little, or nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [["TransactionUID"], ["PatientID"], ["0x00111010"], ["SpecificCharacterSet"]])
def test_of_what_a_ups_need_not_have_nothing_may_be_shown(asked):
    """The lock is never shown; Patient ID and the character set are of type 1C [table CC.2.5-3]."""
    assert get(asked, None) == (OF_THE_LOCK, set())


def test_what_is_shown_is_judged_though_a_ups_need_not_have_it():
    assert "CC27-TMS-023" in get(["PregnancyStatus"], item(PregnancyStatus=4))[0]


@pytest.mark.parametrize(
    ("asked", "came", "status", "wrong"),
    [
        (["SOPClassUID", LABEL], item(**{LABEL: "A"}), 0, set()),  # "not allowed" in N-GET
        (["SpecificCharacterSet", LABEL], item(**{LABEL: "A"}), 0, set()),
        (["ExpectedCompletionDateTime", LABEL], item(ExpectedCompletionDateTime="", **{LABEL: "A"}), 0, set()),  # 3 at creation
        # What is passed over hides nothing that follows.
        (["TransactionUID", "WorklistLabel", LABEL], item(WorklistLabel="A"), 0, {"CC27-TMS-001"}),
        (["PatientName", "WorklistLabel", LABEL], item(WorklistLabel="A"), 0x0107, {"CC27-TMS-001"}),
        (["PregnancyStatus", "WorklistLabel", LABEL], item(WorklistLabel="A"), 0, {"CC27-TMS-001"}),
    ],
)
def test_what_was_asked_for_is_there(asked, came, status, wrong):
    assert get(asked, came, status)[1] == wrong


# --- characters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "needs"),
    [
        ("PatientID", True), ("AccessionNumber", True), ("PatientName", True), ("InstitutionAddress", True),
        ("CommentsOnTheScheduledProcedureStep", True), ("TextValue", True), ("LongCodeValue", True),
        ("Modality", False),  # a code string, which has no other characters: that is another fault
    ],
)  # fmt: skip
@pytest.mark.parametrize("inside", [False, True])
def test_text_of_any_kind_beyond_ascii_needs_a_character_set(keyword, needs, inside):
    text = {keyword: "Größe"}
    came = item(ScheduledStationNameCodeSequence=[item(**text)]) if inside else item(**text)
    tally = Tally()
    judge_get(shown(came), [LABEL], tally)
    found = [(one.expected, one.received) for one in tally.entries["CC27-TMS-009"].findings] if needs else []
    assert found == ([("Specific Character Set with a value", "absent or empty, with text beyond ASCII")] if needs else [])
    assert ("CC27-TMS-009" in tally.entries) is needs


@pytest.mark.parametrize("keyword", ["PatientID", "Modality"])
def test_ascii_needs_none(keyword):
    assert "CC27-TMS-009" not in get([keyword], item(**{keyword: "A"}))[0]
    assert "CC27-TMS-009" not in get([keyword], item(**{keyword: ""}))[0]

"""What the response to a request of the UPS service has in its command set and data set, as a record shows it [CC.2, CC.3.1]."""

import pytest
from scp_samples import LOCK, W, exchange

from tdwii_conformance.checks.scp import Tally
from tdwii_conformance.checks.scp.responses import judge_get, judge_response, proper
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

LABEL = "ProcedureStepLabel"


def action(kind, asked=None, **more):
    return exchange("N-ACTION", asked, RequestedSOPInstanceUID=W, ActionTypeID=kind, **more)


def judged(judge, *arguments):
    """Ids of what was judged, and of what is wrong."""
    tally = Tally()
    judge(*arguments, tally)
    return set(tally.entries), {name for name, entry in tally.entries.items() if entry.findings}


# --- requests that are proper -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "more", "right"),
    [
        ("N-CREATE", {}, {UPS.PUSH}),
        ("N-SET", {}, {UPS.PULL}),
        ("N-GET", {}, {UPS.PUSH, UPS.PULL, UPS.WATCH}),
        ("C-FIND", {}, {UPS.PULL, UPS.WATCH, UPS.QUERY}),
        ("N-ACTION", {"ActionTypeID": 1}, {UPS.PULL}),
        ("N-ACTION", {"ActionTypeID": 2}, {UPS.PUSH, UPS.WATCH}),
        ("N-ACTION", {}, set(UPS.ALL)),
        ("N-EVENT-REPORT", {}, set(UPS.ALL)),
    ],
)
def test_each_service_has_its_sop_classes(service, more, right):
    """Table CC.3.1-1."""
    for syntax in (UPS.PUSH, UPS.PULL, UPS.WATCH, UPS.EVENT, UPS.QUERY):
        assert proper(exchange(service, syntax=syntax, **more)) is (syntax in right), syntax


@pytest.mark.parametrize(
    ("service", "syntax", "named", "right"),
    [
        ("N-GET", UPS.PULL, {"RequestedSOPClassUID": UPS.PUSH}, True),
        ("N-GET", UPS.PULL, {"RequestedSOPClassUID": UPS.PULL}, False),
        ("N-CREATE", UPS.PUSH, {"AffectedSOPClassUID": UPS.PUSH}, True),
        ("N-CREATE", UPS.PUSH, {"AffectedSOPClassUID": UPS.WATCH}, False),
        ("C-FIND", UPS.PULL, {"AffectedSOPClassUID": UPS.PULL}, True),
        ("C-FIND", UPS.PULL, {"AffectedSOPClassUID": UPS.PUSH}, False),
    ],
)
def test_a_request_names_push_for_every_workitem_and_a_query_its_own_class(service, syntax, named, right):
    assert proper(exchange(service, syntax=syntax, **named)) is right


# --- command sets -----------------------------------------------------------------------------------------------------

CLAIM, END = item(ProcedureStepState="IN PROGRESS", TransactionUID=LOCK), item(ProcedureStepState="COMPLETED", TransactionUID=LOCK)


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (exchange("N-GET", RequestedSOPInstanceUID=W), {"CC27-TMS-020", "CC27-TMS-021", "CC31-TMS-006"}),
        (exchange("N-SET", item(), RequestedSOPInstanceUID=W), {"CC26-TMS-027", "CC26-TMS-028", "CC31-TMS-006", "CC26-TMS-029", "RO62-TMS-013"}),
        (
            exchange("N-CREATE", item(), syntax=UPS.PUSH, AffectedSOPInstanceUID=W),
            {"CC25-TMS-008", "CC25-TMS-009", "CC31-TMS-006", "CC25-TMS-010"},
        ),
        (action(1, CLAIM), {"RO60-TMS-002", "RO60-TMS-003", "CC31-TMS-006", "CC31-TMS-011", "RO60-TMS-013"}),
        (action(1, END), {"RO65-TMS-014", "RO60-TMS-003", "CC31-TMS-006", "CC31-TMS-011", "RO65-TMS-015"}),
        (action(1, item(ProcedureStepState="CANCELED")), {"RO65-TMS-014", "RO60-TMS-003", "CC31-TMS-006", "CC31-TMS-011", "RO65-TMS-015"}),
        # information of a request to cancel is no state that is asked for
        (action(2, END, syntax=UPS.WATCH), {"RO60-TMS-002", "RO60-TMS-003", "CC31-TMS-006", "CC31-TMS-011", "RO60-TMS-013"}),
        # under another class it may say what it was asked
        (action(1, CLAIM, syntax=UPS.WATCH), {"RO60-TMS-002", "CC31-TMS-011", "RO60-TMS-013"}),
        (exchange("C-FIND", item()), set()),
        (exchange("N-GET", failure="aborted", RequestedSOPInstanceUID=W), set()),
    ],
)  # fmt: skip
def test_what_is_judged_of_a_response(asked, ids):
    assert judged(judge_response, asked) == (ids, set())


@pytest.mark.parametrize(
    ("asked", "answer", "wrong"),
    [
        ("N-GET", {"AffectedSOPInstanceUID": "1.2.4"}, {"CC27-TMS-020"}),
        ("N-GET", {"AffectedSOPInstanceUID": W, "AffectedSOPClassUID": UPS.PUSH}, set()),
        ("N-GET", {"AffectedSOPClassUID": UPS.PULL}, {"CC27-TMS-021", "CC31-TMS-006"}),
        ("N-SET", {"AffectedSOPInstanceUID": "1.2.4"}, {"CC26-TMS-027"}),
        ("N-SET", {"AffectedSOPClassUID": UPS.PULL}, {"CC26-TMS-028", "CC31-TMS-006"}),
    ],
)
def test_a_response_names_the_workitem_and_push(asked, answer, wrong):
    assert judged(judge_response, exchange(asked, item(), answer=answer, RequestedSOPInstanceUID=W))[1] == wrong


@pytest.mark.parametrize(("answer", "wrong"), [({"ActionTypeID": 1}, set()), ({"ActionTypeID": 2}, {"CC31-TMS-011"}), ({}, set())])
def test_a_response_names_the_action(answer, wrong):
    assert judged(judge_response, action(1, CLAIM, answer=answer))[1] == wrong


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (exchange("N-SET", item(), item(TransactionUID=LOCK), RequestedSOPInstanceUID=W), {"CC26-TMS-029", "RO62-TMS-013"}),
        (exchange("N-CREATE", item(), item(TransactionUID=LOCK), syntax=UPS.PUSH, AffectedSOPInstanceUID=W), {"CC25-TMS-010"}),
        (action(1, CLAIM, last=item(TransactionUID=LOCK)), {"RO60-TMS-013"}),
        (action(1, END, last=item(TransactionUID=LOCK)), {"RO65-TMS-015"}),
    ],
)
def test_a_response_does_not_give_the_lock_away(asked, wrong):
    assert judged(judge_response, asked)[1] == wrong


@pytest.mark.parametrize(
    ("status", "answer", "ids", "wrong"),
    [
        (0, {"AffectedSOPInstanceUID": W}, {"CC25-TMS-042"}, set()),
        (0, {}, {"CC25-TMS-042"}, {"CC25-TMS-042"}),
        (0x0117, {}, set(), set()),
    ],
)
def test_who_makes_a_uid_names_it(status, answer, ids, wrong):
    found, bad = judged(judge_response, exchange("N-CREATE", item(), syntax=UPS.PUSH, status=status, answer=answer))
    assert found & {"CC25-TMS-008", "CC25-TMS-042"} == ids
    assert bad == wrong


# --- N-GET ------------------------------------------------------------------------------------------------------------


def get(asked, came, status=0):
    return judged(judge_get, exchange("N-GET", None, came, status=status, RequestedSOPInstanceUID=W), asked)


@pytest.mark.parametrize(
    ("came", "ids"),
    [
        (item(ProcedureStepState="SCHEDULED"), {"CC27-TMS-005", "RO60-TMS-014"}),
        (item(ProcedureStepState="COMPLETED"), {"CC27-TMS-014"}),
        (item(ProcedureStepState="CANCELED"), {"CC27-TMS-014"}),
    ],
)
def test_the_lock_is_not_shown_by_an_n_get(came, ids):
    found, wrong = get(["ProcedureStepState"], came)
    assert {"CC27-TMS-005", "RO60-TMS-014", "CC27-TMS-014"} & found == ids
    assert wrong == set()
    came.TransactionUID = LOCK
    assert ids <= get(["ProcedureStepState"], came)[1]


def test_of_what_was_asked_for_and_is_there_this_is_judged():
    found, wrong = get([LABEL], item(**{LABEL: "A"}))
    assert (found - {"CC27-TMS-005", "RO60-TMS-014"}, wrong) == (
        {"CC27-TMS-023", "CC27-TMS-003", "RO60-TMS-019", "CC27-TMS-001"},
        set(),
    )


def test_what_was_not_asked_for_does_not_come():
    assert get([LABEL], item(**{LABEL: "A", "PatientID": "P1"}))[1] == {"CC27-TMS-003", "RO60-TMS-019"}


@pytest.mark.parametrize(
    ("asked", "came", "status", "wrong"),
    [
        ([LABEL], item(PatientID="x"), 0, {"CC27-TMS-001", "CC27-TMS-003", "RO60-TMS-019"}),
        ([LABEL, "PatientID"], item(PatientID="x"), 0, {"CC27-TMS-001"}),
        ([LABEL, "PatientID"], item(PatientID="x", **{LABEL: ""}), 0, {"CC27-TMS-001"}),
        (["WorklistLabel", LABEL], item(WorklistLabel="", **{LABEL: "A"}), 0, set()),  # it may be given later
        (["PatientName", LABEL], item(**{LABEL: "A"}), 0, {"CC27-TMS-001"}),
        (["PatientID", LABEL], item(**{LABEL: "A"}), 0, {"CC27-TMS-002"}),
        (["PatientName", LABEL], item(**{LABEL: "A"}), 0x0107, set()),  # what it has not, it says by a warning
        (["PatientName", LABEL], item(PatientName="", **{LABEL: "A"}), 0, set()),
        ([LABEL], None, 0, {"CC27-TMS-001"}),
        (["TransactionUID"], None, 0, set()),
        (["PregnancyStatus"], None, 0, set()),
        (["TransactionUID", LABEL], item(**{LABEL: "A"}), 0, set()),
        (["0x00111010", LABEL], item(**{LABEL: "A"}), 0, set()),
    ],
)
def test_what_was_asked_for_is_there(asked, came, status, wrong):
    assert get(asked, came, status)[1] == wrong


def test_what_lacks_is_said_with_its_name():
    tally = Tally()
    judge_get(
        exchange("N-GET", None, item(PatientID="", ProcedureStepState=""), RequestedSOPInstanceUID=W),
        [LABEL, "PatientID", "ProcedureStepState"],
        tally,
    )
    assert [(one.expected, one.received, one.path, one.weight) for one in tally.entries["CC27-TMS-001"].findings] == [
        ("present", "attribute absent", LABEL, "fault"),
        ("present with a value", "present without a value", "ProcedureStepState", "fault"),
    ]


def test_everything_is_shown_to_who_asks_for_nothing():
    found, wrong = get([], item(**{LABEL: "A"}))
    assert "CC27-TMS-004" in wrong
    assert {"CC27-TMS-009", "CC27-TMS-023"} <= found
    assert not {"CC27-TMS-001", "CC27-TMS-003"} & found


def test_an_answer_without_a_data_set_shows_nothing():
    assert get([], None)[1] == {"CC27-TMS-012"}


@pytest.mark.parametrize(
    ("came", "judged_", "wrong"),
    [
        (item(**{LABEL: "Boost"}), False, False),
        (item(SpecificCharacterSet="ISO_IR 100", **{LABEL: "Boost"}), True, False),
        (item(SpecificCharacterSet="ISO_IR 100", **{LABEL: "Größe"}), True, False),
    ],
)
def test_text_beyond_ascii_needs_a_character_set(came, judged_, wrong):
    found, bad = get([LABEL], came)
    assert ("CC27-TMS-009" in found, "CC27-TMS-009" in bad) == (judged_, wrong)

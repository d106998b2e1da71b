"""Checks of retrievals: each with a C-MOVE and C-STOREs made by hand that it must fault, and some that it must not."""

import pytest
from check_samples import DONE, NO_DATA_SET, exchange, message, raw

from tdwii_conformance.checks import Finding, move
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment.messages import item

COMPLETED, FAILED = "NumberOfCompletedSuboperations", "NumberOfFailedSuboperations"
REMAINING, WARNING = "NumberOfRemainingSuboperations", "NumberOfWarningSuboperations"
ORIGINAL = item(SOPClassUID="1.4", SOPInstanceUID="1.1", PatientID="P")
NOT_ANSWERED = Finding("a response to C-MOVE", "aborted")
NOTHING_CAME = Finding("a C-STORE at the move destination", "none; status 0000 (Success)")


def store(uid="1.1", sop_class="1.4", *, command_uid=None, command_class=None, encoded=None):
    dataset = None if encoded else item(SOPClassUID=sop_class, SOPInstanceUID=uid, PatientID="P")
    request = message(dataset, encoded, AffectedSOPClassUID=command_class or sop_class, AffectedSOPInstanceUID=command_uid or uid)
    return Exchange("C-STORE", "TMS", "TDD", sop_class, request, (DONE,))


def retrieval(*stores, pending=(), dataset=None, failure="", **counters):
    responses = (*(message(Status=0xFF00, **numbers) for numbers in pending), message(dataset, Status=0, **counters))
    return move.Retrieval(exchange(*responses, service="C-MOVE", failure=failure), stores)


def came(*uids, **more):
    return retrieval(*(store(uid) for uid in uids), **more)


def ended(status, *, dataset=None, **counters):
    return move.Retrieval(exchange(message(dataset, Status=status, **counters), service="C-MOVE"), ())


UNANSWERED = move.Retrieval(exchange(service="C-MOVE", failure="aborted"), ())


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (lambda: move.received_exactly(came("1.1", "1.2"), ["1.2", "1.1"]), []),
        (
            lambda: move.received_exactly(came("1.1", "1.1"), ["1.1", "1.3"]),
            [
                Finding("the instance 1.3, as asked for", "it did not come"),
                Finding("only what was asked for, once (1.1, 1.3)", "1.1 came 2x"),
            ],
        ),
        (lambda: move.received_exactly(came("1.2"), []), [Finding("only what was asked for, once (nothing)", "1.2 came 1x")]),
        (lambda: move.received_exactly(UNANSWERED, []), [NOT_ANSWERED]),
        (lambda: move.received(came("1.2", "1.1", "1.1", **{COMPLETED: 7}), "1.1"), []),
        (lambda: move.received(came("1.2"), "1.1"), [Finding("the instance 1.1, as asked for", "it did not come")]),
        (lambda: move.received(UNANSWERED, "1.1"), [NOT_ANSWERED, Finding("the instance 1.1, as asked for", "it did not come")]),
        (lambda: move.counted(came(**{COMPLETED: 1, FAILED: 2, WARNING: 3}), completed=1, failed=2, warning=3), []),
        (lambda: move.counted(came(), completed=0), []),
        (
            lambda: move.counted(came(**{FAILED: 1, WARNING: 2}), completed=3),
            [
                Finding(f"{COMPLETED} 3 in the final response", "0"),
                Finding(f"{FAILED} 0 in the final response", "1"),
                Finding(f"{WARNING} 0 in the final response", "2"),
            ],
        ),
        (lambda: move.counted(UNANSWERED, completed=1), [NOT_ANSWERED]),
        (
            lambda: move.counted(came(failure="aborted", **{COMPLETED: 2}), completed=1),
            [NOT_ANSWERED, Finding(f"{COMPLETED} 1 in the final response", "2")],
        ),
        (lambda: move.command_agrees(came("1.1")), []),
        (lambda: move.command_agrees(came()), [NOTHING_CAME]),
        (lambda: move.command_agrees(UNANSWERED), [NOT_ANSWERED]),
        (
            lambda: move.command_agrees(
                retrieval(store(encoded=NO_DATA_SET), store("1.2", command_uid="1.3", command_class="1.5"))
            ),
            [
                Finding("a data set that can be decoded", "none", "C-STORE of 1.1"),
                Finding("Affected SOPClassUID as in the data set: 1.4", "1.5"),
                Finding("Affected SOPInstanceUID as in the data set: 1.2", "1.3"),
            ],
        ),
        (
            lambda: move.command_agrees(retrieval(Exchange("C-STORE", "TMS", "TDD", "1.4", message(ORIGINAL), (DONE,)))),
            [
                Finding("Affected SOPClassUID as in the data set: 1.4", "absent"),
                Finding("Affected SOPInstanceUID as in the data set: 1.1", "absent"),
            ],
        ),
        (lambda: move.nothing_moved(came(**{COMPLETED: 0})), []),
        (lambda: move.nothing_moved(UNANSWERED), [NOT_ANSWERED]),
        (lambda: move.counted_none_completed(UNANSWERED), []),
        (
            lambda: move.nothing_moved(came("1.1", **{COMPLETED: 1})),
            [Finding("only what was asked for, once (nothing)", "1.1 came 1x"), Finding(f"{COMPLETED} 0 or absent", "1")],
        ),
        (lambda: move.remaining_absent(came()), []),
        (lambda: move.remaining_absent(came(**{REMAINING: 0})), [Finding(f"{REMAINING} absent in the final response", "0")]),
        (lambda: move.remaining_absent(UNANSWERED), [NOT_ANSWERED]),
        (lambda: move.no_identifier(came()), []),
        (lambda: move.no_identifier(UNANSWERED), [NOT_ANSWERED]),
        (
            # tag, VR, length, and the value padded to an even length: 4 + 2 + 2 + 2
            lambda: move.no_identifier(came(dataset=item(PatientID="P"))),
            [Finding("no data set with the final Success", "10 bytes")],
        ),
        (lambda: move.no_identifier(ended(0xA702, dataset=item(FailedSOPInstanceUIDList="1.1"))), []),
        (
            lambda: move.no_identifier(came(pending=[{}, {"dataset": item(PatientID="P")}])),
            [Finding("no data set with Pending", "10 bytes", "response 2")],
        ),
        (lambda: move.remaining_absent(ended(0xFE00, **{REMAINING: 2})), []),
        (
            lambda: move.remaining_absent(ended(0xB000, **{REMAINING: 0})),
            [Finding(f"{REMAINING} absent in the final response", "0")],
        ),
        (lambda: move.none_succeeded(ended(0xA801)), []),
        (lambda: move.none_succeeded(ended(0xC123, **{COMPLETED: 0, FAILED: 1})), []),
        (lambda: move.none_succeeded(ended(0xB000, **{FAILED: 1})), []),
        (
            lambda: move.none_succeeded(ended(0x0000, **{COMPLETED: 1})),
            [Finding("a failure, or B000", "status 0000 (Success)"), Finding(f"{COMPLETED} 0 or absent", "1")],
        ),
        (lambda: move.none_succeeded(UNANSWERED), [NOT_ANSWERED]),
        (lambda: move.failed_list(came(dataset=item(FailedSOPInstanceUIDList="1.1"), **{FAILED: 1}), ["1.1"]), []),
        (lambda: move.failed_list(came(dataset=item(FailedSOPInstanceUIDList=["1.2", "1.1"]), **{FAILED: 2}), ["1.1", "1.2"]), []),
        (
            lambda: move.failed_list(came(dataset=item(FailedSOPInstanceUIDList=["1.1", "1.3"]), **{FAILED: 3}), ["1.1", "1.2"]),
            [Finding("Failed SOP Instance UID List: 1.1, 1.2", "1.1, 1.3"), Finding(f"{FAILED} 2", "3")],
        ),
        (
            lambda: move.failed_list(came(), ["1.1"]),
            [Finding("Failed SOP Instance UID List: 1.1", "absent or empty"), Finding(f"{FAILED} 1", "0")],
        ),
        (lambda: move.failed_list(UNANSWERED, []), [NOT_ANSWERED]),
        (lambda: move.unchanged(came("1.1", "1.2"), ORIGINAL), []),
        (
            lambda: move.unchanged(came("1.1", "1.1"), item(SOPClassUID="1.4", SOPInstanceUID="1.1", PatientID="Q")),
            [Finding("value 'Q'", "value 'P'", "PatientID")] * 2,
        ),
        (lambda: move.unchanged(came("1.2", "1.3"), ORIGINAL), [Finding("the instance 1.1", "only 1.2, 1.3")]),
        (lambda: move.unchanged(came(), ORIGINAL), [NOTHING_CAME]),
        (lambda: move.only_classes(came("1.1"), ["1.4"]), []),
        (lambda: move.only_classes(came(), ["1.4"]), [NOTHING_CAME]),
        (
            lambda: move.only_classes(retrieval(Exchange("C-STORE", "TMS", "TDD", "1.4", message(ORIGINAL), (DONE,))), ["1.4"]),
            [Finding("SOP class 1.4", "absent")],
        ),
        (
            lambda: move.only_classes(retrieval(store(sop_class="1.5"), store()), ["1.4", "1.6"]),
            [Finding("SOP class 1.4, 1.6", "1.5")],
        ),
    ],
)
def test_findings(findings, expected):
    assert findings() == expected


# Remaining, completed, failed and warning of each Pending response [PS3.4 C.4.2.1.6 to C.4.2.1.9].
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([(3, 0, 0, 0), (2, 1, 0, 0), (1, 1, 1, 0), (0, 1, 1, 1)], []),
        ([(2, 1, 0, 0), (2, 1, 0, 0)], []),
        ([(3, 0, 0, 0), (2, 0, 0, 0)], [Finding("a sum of 3 sub-operations as in the first", "2", "response 2")]),
        ([(3, 0, 0, 0), (2, 1, 0, 1)], [Finding("a sum of 3 sub-operations as in the first", "4", "response 2")]),
        ([(3, 0, 0, 0), (1, 2, 0, 0), (2, 1, 0, 0)], [Finding("at most 1 remaining", "2 remaining", "response 3")]),
        ([(1, 2, 0, 0), (2, 1, 0, 0)], [Finding("at most 1 remaining", "2 remaining", "response 2")]),
    ],
)
def test_numbers_of_pending_responses(numbers, expected):
    pending = [dict(zip((REMAINING, COMPLETED, FAILED, WARNING), row, strict=True)) for row in numbers]
    assert move.pending_consistent(came(pending=pending)) == expected


def test_numbers_of_a_retrieval_that_broke_off():
    assert move.pending_consistent(UNANSWERED) == [NOT_ANSWERED]


def test_evidence_is_the_move_and_what_came():
    retrieved = came("1.1", "1.2")
    assert [one.service for one in retrieved.exchanges] == ["C-MOVE", "C-STORE", "C-STORE"]


CODE, OTHER_CODE = item(CodeValue="1"), item(CodeValue="2")
PLAIN = item(PatientName="N", PatientID="P")
NESTED = item(PatientID="P", ConceptNameCodeSequence=[CODE, CODE])


@pytest.mark.parametrize(
    ("original", "received", "expected"),
    [
        (PLAIN, item(PatientName="N", PatientID="P"), []),
        (item(PatientID=""), item(PatientID=None), []),
        (raw(0x00080000, "UL", 4), item(), []),  # a group length is not content
        (item(), raw(0x00080000, "UL", 4), []),
        (PLAIN, None, [Finding("a data set that can be decoded", "none", "")]),
        (PLAIN, item(PatientName="N"), [Finding("as it was stored: present", "the contrary", "PatientID")]),
        (item(PatientName="N"), PLAIN, [Finding("as it was stored: absent", "the contrary", "PatientID")]),
        (item(), raw(0x00990010, "LO", "V"), [Finding("as it was stored: absent", "the contrary", "(0099,0010)")]),
        (item(PatientID="P"), item(PatientID=None), [Finding("value 'P'", "value (no value)", "PatientID")]),
        (item(PatientID=None), item(PatientID="P"), [Finding("value (no value)", "value 'P'", "PatientID")]),
        (
            item(PatientName="N", PatientID="P", PatientSex="M"),
            item(PatientName="M", PatientID="Q", PatientSex="M"),
            [Finding("value 'N'", "value 'M'", "PatientName"), Finding("value 'P'", "value 'Q'", "PatientID")],
        ),
        (NESTED, item(PatientID="P", ConceptNameCodeSequence=[CODE, CODE]), []),
        (
            NESTED,
            item(PatientID="P", ConceptNameCodeSequence=[CODE, OTHER_CODE]),
            [Finding("value '1'", "value '2'", "ConceptNameCodeSequence[1].CodeValue")],
        ),
        (
            item(ScheduledProcessingParametersSequence=NESTED),
            item(ScheduledProcessingParametersSequence=item(PatientID="P", ConceptNameCodeSequence=[OTHER_CODE])),
            [
                Finding("2 item(s)", "1 item(s)", "ScheduledProcessingParametersSequence[0].ConceptNameCodeSequence"),
                Finding("value '1'", "value '2'", "ScheduledProcessingParametersSequence[0].ConceptNameCodeSequence[0].CodeValue"),
            ],
        ),
    ],
)  # fmt: skip
def test_same_content(original, received, expected):
    assert move.same_content(original, received) == expected


def test_content_that_is_missing_has_a_place():
    assert move.same_content(PLAIN, None, "here") == [Finding("a data set that can be decoded", "none", "here")]


def test_called_as():
    assert move.called_as(came("1.1", "1.2"), "TDD") == []
    assert move.called_as(came("1.1"), "OTHER") == [Finding("called AE title OTHER", "TDD")]
    assert move.called_as(came(), "TDD") == [Finding("an association to the move destination", "no C-STORE came")]

"""Checks of worklist queries: each with responses made by hand that it must fault, and some that it must not."""

import pytest
from check_samples import DONE, NO_ANSWER, NO_DATA_SET, exchange, message, pending, raw

from tdwii_conformance.checks import Finding, find
from tdwii_conformance.treatment.messages import item

FULL = message(Status=0xA700)
NOT_ANSWERED = Finding("a response to C-FIND", "no response within 30 s")
NOT_ENDED = Finding("the query ends with status 0000 (Success)", "status A700 (out of resources)")
QUERY = item(SOPInstanceUID=None, PatientID=None, InputInformationSequence=[item(TypeOfInstances=None)])
DICOM, WITH_STUDY = item(TypeOfInstances="DICOM"), item(TypeOfInstances="DICOM", StudyInstanceUID="1.2")
IDENTIFIER = item(SOPInstanceUID="1.1")


def unasked(keyword, path):
    return Finding("only attributes that were asked for", f"{keyword} came unasked", path)


def asked(query, *responses):
    return find.only_asked(exchange(*responses, DONE, request=query))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (lambda: find.ended(exchange(DONE)), []),
        (lambda: find.ended(exchange(FULL)), [NOT_ENDED]),
        (lambda: find.ended(NO_ANSWER), [NOT_ANSWERED]),
        (lambda: find.includes(exchange(pending("1.1"), pending("1.2"), DONE), "1.2", "1.1"), []),
        (
            lambda: find.includes(exchange(pending("1.1"), DONE), "1.1", "1.2", "1.3"),
            [Finding(f"a response with the workitem {uid}", "1 response(s), none with it") for uid in ("1.2", "1.3")],
        ),
        (lambda: find.includes(exchange(pending("1.1"), FULL), "1.1"), [NOT_ENDED]),
        (lambda: find.excludes(exchange(pending("1.1"), DONE), "1.2", "it is another's"), []),
        (lambda: find.excludes(exchange(FULL), "1.2", "it is another's"), []),
        (
            lambda: find.excludes(exchange(pending("1.1"), pending("1.2"), DONE), "1.2", "it is another's"),
            [Finding("no response with the workitem 1.2: it is another's", "response 2 has it")],
        ),
        (lambda: find.excludes(NO_ANSWER, "1.2", "it is another's"), [NOT_ANSWERED]),
        (lambda: find.nothing_found(exchange(DONE)), []),
        (
            lambda: find.nothing_found(exchange(pending("1.1"), pending("1.2"), FULL)),
            [NOT_ENDED, Finding("Success alone, for nothing matches", "2 pending response(s)")],
        ),
        (lambda: find.each_once(exchange(pending("1.1"), pending("1.2"), DONE)), []),
        (
            lambda: find.each_once(exchange(pending("1.2"), pending("1.1"), pending("1.2"), FULL)),
            [NOT_ENDED, Finding("one response for the workitem 1.2", "2 responses")],
        ),
        (lambda: find.pending_with_identifier(exchange(pending("1.1"), message(IDENTIFIER, Status=0xFF01), DONE)), []),
        (
            lambda: find.pending_with_identifier(exchange(pending("1.1"), message(Status=0xFF01), FULL)),
            [NOT_ENDED, Finding("an identifier", "no data set", "response 2")],
        ),
        (
            lambda: find.pending_with_identifier(exchange(message(IDENTIFIER, Status=0), message(Status=0xC307), DONE)),
            [
                Finding("status FF00 or FF01", "status 0000 (Success)", "response 1"),
                Finding("status FF00 or FF01", "status C307 (no such UPS here)", "response 2"),
                Finding("an identifier", "no data set", "response 2"),
            ],
        ),
        (lambda: find.final_without_identifier(exchange(pending("1.1"), DONE)), []),
        (
            # tag, VR, length, and the value padded to an even length: 4 + 2 + 2 + 2
            lambda: find.final_without_identifier(exchange(pending("1.1"), message(item(PatientID="P"), Status=0))),
            [Finding("no data set with the final response", "10 bytes")],
        ),
        (lambda: find.final_without_identifier(NO_ANSWER), [NOT_ANSWERED]),
        (lambda: find.identifiers_decodable(exchange(pending("1.1"), DONE)), []),
        (
            lambda: find.identifiers_decodable(exchange(pending("1.1"), message(encoded=NO_DATA_SET, Status=0xFF00), FULL)),
            [NOT_ENDED, Finding("a data set in transfer syntax 1.2.840.10008.1.2.1", "bytes that are none", "response 2")],
        ),
    ],
)
def test_findings(findings, expected):
    assert findings() == expected


@pytest.mark.parametrize(
    ("query", "responses", "expected"),
    [
        (item(SOPInstanceUID=None, PatientID="P"), [pending("1.1", PatientID="P")], []),
        (QUERY, [pending("1.1", PatientID="P", InputInformationSequence=[DICOM])], []),
        (QUERY, [pending("1.1", SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="+0100")], []),
        (
            QUERY,
            [pending("1.1"), pending("1.2", TimezoneOffsetFromUTC="+0100", PatientName="P", PatientSex="M")],
            [unasked("PatientName", "identifier[1]"), unasked("PatientSex", "identifier[1]")],
        ),
        (QUERY, [message(raw(0x00990010, "LO", "VENDOR"), Status=0xFF00)], [unasked("(0099,0010)", "identifier[0]")]),
        (
            QUERY,
            [pending("1.1", InputInformationSequence=[DICOM, WITH_STUDY], PatientSex="M")],
            [unasked("PatientSex", "identifier[0]"), unasked("StudyInstanceUID", "identifier[0].InputInformationSequence[1]")],
        ),
        # An empty sequence, or an empty item, asks for all of its items [PS3.4 C.2.2.2.6].
        (item(SOPInstanceUID=None, InputInformationSequence=[]), [pending("1.1", InputInformationSequence=WITH_STUDY)], []),
        (item(SOPInstanceUID=None, InputInformationSequence=[item()]), [pending("1.1", InputInformationSequence=WITH_STUDY)], []),
    ],
)
def test_only_what_was_asked(query, responses, expected):
    assert asked(query, *responses) == expected


def test_only_what_was_asked_of_a_query_without_end():
    assert find.only_asked(exchange(pending("1.1"), FULL, request=QUERY)) == [NOT_ENDED]


def test_a_query_without_identifier_asked_nothing():
    with pytest.raises(ValueError, match="has no identifier"):
        find.only_asked(exchange(pending("1.1"), DONE))


def test_uids_in_the_order_of_the_responses():
    assert find.uids(exchange(pending("1.2"), message(item(PatientID="P"), Status=0xFF01), pending("1.1"), DONE)) == [
        "1.2", "", "1.1",
    ]  # fmt: skip


START, BIRTH = "ScheduledProcedureStepStartDateTime", "PatientBirthDate"
BAD = Finding("a date-time (DT)", "value '2026-11-29T08:00'", f"identifier[0].{START}")


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        (item(**{START: "202611290800+0100", BIRTH: "19580403"}), []),
        (item(**{START: "2026"}), []),
        (item(**{START: ""}), []),
        (item(**{START: "2026-11-29T08:00"}), [BAD]),
        (item(**{BIRTH: "3.4.1958"}), [Finding("a date (DA)", "value '3.4.1958'", f"identifier[0].{BIRTH}")]),
        (item(StudyTime="8:00 h"), [Finding("a time (TM)", "value '8:00 h'", "identifier[0].StudyTime")]),
        (
            item(ReferencedRequestSequence=[item(StudyDate="20261129"), item(StudyDate="20261329")]),
            [Finding("a date (DA)", "value '20261329'", "identifier[0].ReferencedRequestSequence[1].StudyDate")],
        ),
    ],
)
def test_times_of_responses(identifier, expected):
    assert find.times_legal(exchange(message(identifier, Status=0xFF00), DONE)) == expected

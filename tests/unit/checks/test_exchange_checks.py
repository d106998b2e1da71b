"""Checks of exchanges, each with an exchange made by hand that it must fault, and one that it must not."""

from datetime import UTC, datetime

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.checks import events, find, move, status, workitem
from tdwii_conformance.drivers.messages import item
from tdwii_conformance.exchange import Exchange, Message
from tdwii_conformance.profile import Requirement

PULL = "1.2.840.10008.5.1.4.34.6.3"


def message(dataset=None, **command):
    encoded = None if dataset is None else encode(dataset, False, True)
    return Message(item(**command), datetime(2026, 1, 1, tzinfo=UTC), encoded, ExplicitVRLittleEndian)


def exchange(*responses, request=None, service="C-FIND", failure="", **command):
    return Exchange(service, "TDD", "TMS", PULL, message(request, **command), responses, failure)


def pending(uid, **more):
    return message(item(SOPInstanceUID=uid, **more), Status=0xFF00)


DONE = message(Status=0)
QUERY = item(SOPInstanceUID=None, PatientID=None, InputInformationSequence=[item(TypeOfInstances=None)])
NESTED = item(TypeOfInstances="DICOM", StudyInstanceUID="1.2")
REFUSAL = Requirement("RO60-TMS-900", "TMS", "RO-60", "shall", "CC.1.1", "x", statuses=(0xC301,), warnings=(0xC302,))


EVENT = "1.2.840.10008.5.1.4.34.6.4"
PUSH = "1.2.840.10008.5.1.4.34.6.1"


def report(state=None, kind=1, *, context=EVENT, uid="1.1", sop_class=PUSH, dataset=True):
    information = item(ProcedureStepState=state) if dataset else None
    command = {"AffectedSOPClassUID": sop_class, "AffectedSOPInstanceUID": uid, "EventTypeID": kind}
    return Exchange("N-EVENT-REPORT", "TMS", "WATCHER", context, message(information, **command), (DONE,), "")


STATES = [report("SCHEDULED"), report("IN PROGRESS"), report("IN PROGRESS"), report(None, 3), report("COMPLETED")]


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (events.told(report("SCHEDULED"), "a state report"), []),
        (events.told(None, "a state report"), ["no such event report in time"]),
        (events.told(report(dataset=False), "a state report"), ["no event information"]),
        (events.not_told([], "unsubscribed"), []),
        (
            events.not_told([report("CANCELED"), report(None, 5)], "unsubscribed"),
            ["UPS State Report (CANCELED)", "UPS Assigned"],
        ),
        (events.about(report("SCHEDULED"), "1.1"), []),
        (events.about(report("SCHEDULED", uid="1.2"), "1.1"), ["'1.2'"]),
        (events.about(report("SCHEDULED", sop_class=EVENT), "1.1"), [f"'{EVENT}'"]),
        (events.about(report("SCHEDULED", context=PULL), "1.1"), [f"abstract syntax {PULL}"]),
        (events.in_order(events.states_told(STATES), ["SCHEDULED", "IN PROGRESS", "COMPLETED"], "states"), []),
        (events.in_order(events.states_told(STATES[::-1]), ["SCHEDULED", "COMPLETED"], "states"), ["COMPLETED, IN PROGRESS, SCHEDULED"]),
        (events.in_order([], ["SCHEDULED"], "states"), ["nothing"]),
    ],
)  # fmt: skip
def test_event_reports(findings, expected):
    assert [finding.received for finding in findings] == expected


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (find.includes(exchange(pending("1.1"), DONE), "1.1"), []),
        (find.includes(exchange(pending("1.1"), DONE), "1.2"), ["1 response(s), none with it"]),
        (find.includes(exchange(pending("1.1"), message(Status=0xA700)), "1.1"), ["status A700 (out of resources)"]),
        (find.excludes(exchange(pending("1.1"), DONE), "1.2", "why"), []),
        (find.excludes(exchange(pending("1.1"), DONE), "1.1", "why"), ["response 1 has it"]),
        (find.each_once(exchange(pending("1.1"), pending("1.1"), DONE)), ["2 responses"]),
        (find.nothing_found(exchange(DONE)), []),
        (find.nothing_found(exchange(pending("1.1"), DONE)), ["1 pending response(s)"]),
        (find.only_asked(exchange(pending("1.1", PatientID="P"), DONE, request=QUERY)), []),
        (find.only_asked(exchange(pending("1.1", PatientSex="M"), DONE, request=QUERY)), ["PatientSex came unasked"]),
        (
            find.only_asked(exchange(pending("1.1", InputInformationSequence=NESTED), DONE, request=QUERY)),
            ["StudyInstanceUID came unasked"],
        ),
        (find.final_without_identifier(exchange(message(item(PatientID="P"), Status=0))), ["10 bytes"]),
        (find.pending_with_identifier(exchange(message(Status=0xFF00), DONE)), ["no data set"]),
        (status.status(exchange(message(Status=0xC301)), REFUSAL), []),
        (status.status(exchange(message(Status=0)), REFUSAL), ["status 0000 (Success)"]),
        (status.status(exchange(failure="no response within 30 s"), REFUSAL), ["no response within 30 s"]),
        (status.refused(exchange(message(Status=0xB304)), "it"), ["status B304 (warning: already CANCELED)"]),
        (status.refused(exchange(message(Status=0x0110)), "it"), []),
        (status.no_transaction_uid([exchange(message(item(TransactionUID="1.9"), Status=0))]), ["1.9"]),
        (status.no_foreign_uid(exchange(message(Status=0, AffectedSOPClassUID="1.9")), "AffectedSOPClassUID", PULL), ["1.9"]),
        (workitem.state_is(exchange(message(item(ProcedureStepState="CANCELED"), Status=0)), "CANCELED"), []),
        (workitem.state_is(exchange(message(item(), Status=0xC307)), "CANCELED"), ["status C307 (no such UPS here)"]),
        (workitem.only_requested(exchange(message(item(PatientID="P"), Status=0)), ["PatientName"]), ["PatientID came unasked"]),
    ],
)
def test_findings(findings, expected):
    assert [finding.received for finding in findings] == expected


def test_tolerated_status_is_a_warning():
    (finding,) = status.status(exchange(message(Status=0xC302)), REFUSAL)
    assert finding.weight == "warning"


def retrieval(*uids, status=0, **counters):
    stores = tuple(
        exchange(DONE, service="C-STORE", request=item(SOPClassUID="1.4", SOPInstanceUID=uid, PatientID="P"),
                 AffectedSOPClassUID="1.4", AffectedSOPInstanceUID=uid)
        for uid in uids
    )  # fmt: skip
    return move.Retrieval(exchange(message(Status=status, **counters), service="C-MOVE"), stores)


ONE = {"NumberOfCompletedSuboperations": 1}
ORIGINAL = item(SOPClassUID="1.4", SOPInstanceUID="1.1", PatientID="P")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (move.received_exactly(retrieval("1.1"), ["1.1"]), []),
        (move.received_exactly(retrieval("1.1", "1.1"), ["1.1"]), ["1.1 came 2x"]),
        (move.received_exactly(retrieval("1.2"), ["1.1"]), ["it did not come", "1.2 came 1x"]),
        (move.counted(retrieval("1.1", **ONE), completed=1), []),
        (move.counted(retrieval("1.1"), completed=1), ["0"]),
        (move.command_agrees(retrieval()), ["none; status 0000 (Success)"]),
        (move.nothing_moved(retrieval(**ONE)), ["1"]),
        (move.remaining_absent(retrieval(NumberOfRemainingSuboperations=0)), ["0"]),
        (move.failed_list(retrieval(NumberOfFailedSuboperations=1), ["1.1"]), ["absent or empty"]),
        (move.only_classes(retrieval("1.1"), {"1.5"}), ["1.4"]),
        (move.unchanged(retrieval("1.1"), ORIGINAL), []),
        (move.unchanged(retrieval("1.1"), item(SOPClassUID="1.4", SOPInstanceUID="1.1", PatientID="Q")), ["value 'P'"]),
        (move.unchanged(retrieval("1.2"), ORIGINAL), ["only 1.2"]),
        (move.unchanged(retrieval(), ORIGINAL), ["none; status 0000 (Success)"]),
    ],
)
def test_retrievals(findings, expected):
    assert [finding.received for finding in findings] == expected


@pytest.mark.parametrize(
    ("encoded", "syntax", "undecodable"),
    [
        (encode(item(PatientID="P"), False, True), ExplicitVRLittleEndian, False),
        (encode(item(PatientID="P"), True, True), ExplicitVRLittleEndian, True),
        (b"\x01\x02\x03", ExplicitVRLittleEndian, True),
        (b"", ExplicitVRLittleEndian, False),
    ],
)
def test_bytes_that_are_no_data_set(encoded, syntax, undecodable):
    assert Message(item(), datetime(2026, 1, 1, tzinfo=UTC), encoded, syntax).undecodable is undecodable

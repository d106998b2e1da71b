"""Checks of the answer to an operation: each with an answer it must fault, and one that it must not."""

import pytest
from check_samples import DONE, NO_ANSWER, PULL, REFUSAL, exchange, message

from tdwii_conformance.checks import Finding, status
from tdwii_conformance.treatment.messages import item

RIGHT = "status C301 (the right Transaction UID was not given) or C307 (no such UPS here)"
NOT_ANSWERED = [Finding("a response to C-FIND", "no response within 30 s")]
COMMENTED = exchange(message(Status=0x0110, ErrorComment="busy"))
OTHER_CLASS = message(Status=0, AffectedSOPClassUID="1.9")
ABSENT_OR_PULL = f"AffectedSOPClassUID absent or {PULL}"
LOCKED = message(item(TransactionUID="1.9"), Status=0)
HIDDEN = "no Transaction UID in a response"


def answered_action(**command):
    one = exchange(message(Status=0, **command), service="N-ACTION")
    one.request.command.ActionTypeID = 1
    return one


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (lambda: status.answered(exchange(DONE)), []),
        (lambda: status.answered(NO_ANSWER), NOT_ANSWERED),
        (lambda: status.answered(exchange()), [Finding("a response to C-FIND with a status", "no response")]),
        (lambda: status.answered(exchange(message())), [Finding("a response to C-FIND with a status", "no response")]),
        (lambda: status.status(exchange(message(Status=0xC301)), REFUSAL), []),
        (lambda: status.status(exchange(message(Status=0xC307)), REFUSAL), []),
        (
            lambda: status.status(exchange(message(Status=0xC302), service="N-ACTION"), REFUSAL),
            [Finding(RIGHT, "status C302 (the UPS is already IN PROGRESS)", weight="warning")],
        ),
        (lambda: status.status(exchange(DONE), REFUSAL), [Finding(RIGHT, "status 0000 (Success)")]),
        (
            lambda: status.status(COMMENTED, REFUSAL),
            [Finding(RIGHT, 'status 0110 (processing failure), Error Comment "busy"')],
        ),
        (lambda: status.status(NO_ANSWER, REFUSAL), NOT_ANSWERED),
        (lambda: status.refused(exchange(message(Status=0x0110)), "it"), []),
        (
            lambda: status.refused(exchange(message(Status=0xB304), service="N-ACTION"), "the claim"),
            [Finding("a failure status for the claim", "status B304 (warning: already CANCELED)")],
        ),
        (lambda: status.refused(NO_ANSWER, "it"), NOT_ANSWERED),
        (lambda: status.accepted(exchange(DONE), "it"), []),
        (lambda: status.accepted(exchange(message(Status=0xB301)), "it"), []),
        (
            lambda: status.accepted(COMMENTED, "the claim"),
            [Finding("success or a warning for the claim", 'status 0110 (processing failure), Error Comment "busy"')],
        ),
        (lambda: status.accepted(NO_ANSWER, "it"), NOT_ANSWERED),
        (lambda: status.no_foreign_uid(exchange(DONE), "AffectedSOPClassUID", PULL), []),
        (lambda: status.no_foreign_uid(exchange(message(Status=0, AffectedSOPClassUID=PULL)), "AffectedSOPClassUID", PULL), []),
        (lambda: status.no_foreign_uid(exchange(message(Status=0, AffectedSOPClassUID="")), "AffectedSOPClassUID", PULL), []),
        (
            lambda: status.no_foreign_uid(exchange(DONE, OTHER_CLASS), "AffectedSOPClassUID", PULL),
            [Finding(ABSENT_OR_PULL, "1.9", "response 2, command set")],
        ),
        (
            lambda: status.no_foreign_uid(exchange(OTHER_CLASS, failure="aborted"), "AffectedSOPClassUID", PULL),
            [Finding("a response to C-FIND", "aborted"), Finding(ABSENT_OR_PULL, "1.9", "response 1, command set")],
        ),
        (lambda: status.no_other_action(answered_action()), []),
        (lambda: status.no_other_action(answered_action(ActionTypeID=1)), []),
        (
            lambda: status.no_other_action(answered_action(ActionTypeID=3)),
            [Finding("ActionTypeID absent or 1", "3", "command set of the response")],
        ),
        (lambda: status.no_transaction_uid([exchange(DONE), exchange(message(item(PatientID="P"), Status=0))]), []),
        (lambda: status.no_transaction_uid([exchange(DONE), exchange(DONE, LOCKED)]), [Finding(HIDDEN, "1.9", "response 2")]),
        (
            lambda: status.no_transaction_uid([exchange(message(Status=0, TransactionUID="1.8"))]),
            [Finding(HIDDEN, "1.8", "response 1")],
        ),
    ],
)
def test_findings(findings, expected):
    assert findings() == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(exchange(message(Status=0xC301)), "C301: as the text has it"), (exchange(message(Status=0xC307)), ""), (exchange(), "")],
)
def test_reading(answer, expected):
    assert status.reading(answer, REFUSAL) == expected


def test_a_finding_never_says_that_nothing_was_received_by_saying_nothing():
    assert [Finding("a value", text).received for text in ("", "  ", "0")] == ["nothing", "nothing", "0"]

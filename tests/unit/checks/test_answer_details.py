"""What is said of answers in the words of their service, and of UPS that were there, were not, or went back in time."""

import pytest
from check_samples import exchange, got, message

from tdwii_conformance.checks import Finding, find, judge_attribute, modification, status, workitem
from tdwii_conformance.checks.negotiation import Contexts, accepted_alone, proposal_fits
from tdwii_conformance.profile import Requirement
from tdwii_conformance.profile.catalogue import AttributeRule
from tdwii_conformance.profile.paths import parse_path
from tdwii_conformance.treatment.messages import item

START, MODIFIED = "ScheduledProcedureStepStartDateTime", "ScheduledProcedureStepModificationDateTime"
RIGHT = Requirement("RO60-TMS-900", "TMS", "RO-60", "shall", "CC.1.1", "x", statuses=(0x0000,))


def answered(code, service="N-GET"):
    return exchange(message(Status=code), service=service)


# --- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected", "received"),
    [
        # C311 is of N-ACTION, B300 of N-CREATE [CC.2.2.4, CC.2.5.4].
        (lambda: status.status(answered(0xC311), RIGHT), "status 0000 (Success)", "status C311 (no status of N-GET)"),
        (lambda: status.refused(answered(0xB300, "N-SET"), "it"), "a failure status for it", "status B300 (no status of N-SET)"),
        (lambda: status.accepted(answered(0xC311), "it"), "success or a warning for it", "status C311 (no status of N-GET)"),
        (lambda: workitem.got(answered(0xC311)), "the workitem by N-GET", "status C311 (no status of N-GET)"),
        (
            lambda: find.ended(answered(0xB300, "C-FIND")),
            "the query ends with status 0000 (Success)", "status B300 (no status of C-FIND)",
        ),
        (
            lambda: modification.all_change(answered(0xC311, "N-SET"), got(), item()),
            "success or a warning for a change that the attribute table allows", "status C311 (no status of N-SET)",
        ),
    ],
)  # fmt: skip
def test_a_status_is_said_as_one_of_its_service(found, expected, received):
    assert found() == [Finding(expected, received)]


@pytest.mark.parametrize(("named", "wrong"), [(1, False), (2, True), (None, False), ("", False)])
def test_a_response_names_the_action_or_none(named, wrong):
    one = exchange(message(Status=0), service="N-ACTION")
    one.request.command.ActionTypeID = 1
    one.responses[0].command.update(item(ActionTypeID=named))
    assert bool(status.no_other_action(one)) is wrong


def test_a_lock_without_a_value_is_one_that_is_shown():
    found = status.no_transaction_uid([exchange(message(item(TransactionUID=""), Status=0))])
    assert [one.received for one in found] == ["the attribute, without a value"]


# --- workitems --------------------------------------------------------------------------------------------------------

REFUSED = answered(0xC307)
UNANSWERED = exchange(service="N-GET", failure="aborted")


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (REFUSED, REFUSED, []),
        (REFUSED, got(PatientID="P"), [Finding("no UPS, as before", "N-GET shows one: status 0000 (Success)")]),
        (REFUSED, UNANSWERED, []),
        (REFUSED, exchange(message()), []),
        (got(PatientID="P"), got(PatientID="P"), []),
        (UNANSWERED, got(PatientID="P"), []),
    ],
)
def test_where_there_was_no_ups_there_is_none(before, after, found):
    assert workitem.none_came_to_be(before, after) == found


@pytest.mark.parametrize(
    ("earlier", "later", "back"),
    [
        ("20260101120000", "20260101120001", False),
        ("20260101120000", "20260101115959", True),
        ("20260101120000+0100", "20260101115959", True),  # meant in the same zone
        ("20260101120000", "20260101", False),  # may be later
    ],
)
def test_a_date_time_does_not_go_back(earlier, later, back):
    found = [Finding(f"not before {earlier}", f"value {later!r}", MODIFIED)] if back else []
    assert workitem.not_before(got(**{MODIFIED: earlier}), got(**{MODIFIED: later}), MODIFIED) == found


def test_what_is_no_date_time_is_not_before_another():
    assert workitem.not_before(got(**{MODIFIED: "20260101"}), got(**{MODIFIED: "noon"}), MODIFIED) == [
        Finding("a date-time", "value 'noon'", MODIFIED)
    ]


@pytest.mark.parametrize(
    ("keyword", "was_set", "shows", "equal"),
    [
        (START, "20260101120000", "20260101120000+0000", True),  # the UPS may say its offset where we said none
        (START, "20260101120000", "20260101130000", False),
        ("PatientWeight", "70", "70.0", True),
        ("ProcedureStepLabel", "70", "70.0", False),
    ],
)
def test_what_was_set_may_be_written_otherwise(keyword, was_set, shows, equal):
    found = modification.holds(got(**{keyword: shows}), item(**{keyword: was_set}))
    assert [one.path for one in found] == ([] if equal else [keyword])


def test_a_date_time_that_a_row_knows_may_be_written_in_another_zone():
    rule = AttributeRule("RO-64 stored", parse_path(START), START, "1", values=("$start",))
    for shows, found in (("20260101110000+0000", []), ("20260101120000+0000", [START])):
        judged = judge_attribute(rule, [item(**{START: shows})], {"start": "20260101120000+0100"})
        assert [one.path for one in judged.findings] == found


# --- negotiation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("information", "found"),
    [
        ("010101", []),
        ("01010101", []),
        ("0101010100", [("3 or 4 bytes", "warning")]),
        ("010101010000", [("3 or 4 bytes", "warning")]),
        ("0001010100", [("3 or 4 bytes", "warning"), ("01 01 in the reserved bytes", "fault")]),
        ("0101", [("3 or 4 bytes", "fault")]),
    ],
)
def test_the_length_of_a_proposal(information, found):
    judged = proposal_fits("1.2.840.10008.5.1.4.34.6.3", bytes.fromhex(information))
    assert [(one.expected, one.weight) for one in judged] == found
    assert all(bytes.fromhex(information).hex(" ") in one.received for one in judged)


def test_where_nothing_is_accepted_nothing_is_accepted_alone():
    assert accepted_alone(Contexts((), ()), "1.2.840.10008.1.2") == [Finding("some presentation context accepted", "none")]

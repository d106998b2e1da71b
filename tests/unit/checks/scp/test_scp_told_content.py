"""What event reports of a TMS say, against what the record shows of the workitem and of the requests [CC.2.4.1, CC.2.4.3]."""

import pytest
from scp_samples import LOCK, W, exchange
from told_samples import CANCELED, IN_PROGRESS, PROGRESS, REASON, SCHEDULED, STATION, Told, subscribed

from tdwii_conformance.treatment.messages import item

TEN, FIFTY = ({PROGRESS: [item(ProcedureStepProgress=value)]} for value in ("10", "50"))
URIS = "ProcedureStepCommunicationsURISequence"
STATUS_CHANGE, ASSIGNED = 4, 5
GIVEN = {
    "ReasonForCancellation": "machine", REASON: [item(CodeValue="110501", CodingSchemeDesignator="DCM", CodeMeaning="Equipment failure")],
    "ContactURI": "tel:+41", "ContactDisplayName": "A^B",
}  # fmt: skip


def codes(*values):
    return [item(CodingSchemeDesignator="99A", CodeMeaning="m", **({"CodeValue": value} if value else {})) for value in values]


def claimed(**shown):
    return subscribed(**shown).change().state(IN_PROGRESS)


def of_contents(record, complete=True):
    """What was found by the rows of the attributes."""
    entries = record.entries(complete=complete)
    return set(record.found(*(name for name in entries if name.startswith("CC24-TMS-1")), complete=complete))


# --- the report itself ------------------------------------------------------------------------------------------------


def test_a_record_of_nothing_has_nothing_to_judge():
    assert Told().entries() == {}


def test_what_cannot_be_decoded_is_said_of_its_report():
    said = ("event information that can be decoded", "event information that cannot be decoded", "")
    assert subscribed().report(encoded=b"\x00\x01\x02").found("CC24-TMS-022") == {"CC24-TMS-022": ([said], [3])}


def test_a_report_of_another_tms_is_none_of_this_one():
    record = Told().shown().report(encoded=b"\x00\x01\x02", requestor="TMS2")
    assert not {name for name in record.entries() if name.startswith("CC24")}


def test_what_the_tms_asks_others_is_no_report():
    record = Told().shown().add("C-ECHO", requestor="TMS", acceptor="W1", syntax="1.2.840.10008.1.1")
    assert not {name for name in record.entries() if name.startswith("CC24")}


def test_the_instance_of_a_status_change_is_said_of_its_report():
    record = Told().shown().report(STATUS_CHANGE, uid="1.02", SCPStatus="RESTARTED")
    assert record.found("CC24-TMS-019") == {"CC24-TMS-019": ([("a valid SOP Instance UID", "'1.02'", "")], [1])}


def test_a_workitem_that_there_is_not_is_said_of_its_report():
    record = subscribed().report(uid="1.2.4", ProcedureStepState=SCHEDULED, InputReadinessState="READY")
    said = ("the SOP Instance UID of a UPS that there is", "1.2.4", "command set")
    assert record.found("CC24-TMS-011") == {"CC24-TMS-011": ([said], [3])}


# --- readiness and state ----------------------------------------------------------------------------------------------


def test_the_readiness_is_the_one_that_was_shown():
    record = Told().shown(InputReadinessState="INCOMPLETE").subscribe().state(SCHEDULED)
    said = ("value 'INCOMPLETE'", "value 'READY'", "InputReadinessState")
    assert record.found("CC24-TMS-102", "CC24-TMS-004") == {"CC24-TMS-102": ([said], [2])}
    assert record.found("CC24-TMS-102", complete=False) == {}  # a TMS may change it by itself


def test_the_readiness_is_one_that_it_had_until_then():
    record = claimed(InputReadinessState="INCOMPLETE").set(InputReadinessState="READY").state(IN_PROGRESS)
    said = ("value 'INCOMPLETE'", "value 'READY'", "InputReadinessState")
    assert record.found("CC24-TMS-102") == {"CC24-TMS-102": ([said, said], [2, 4])}


def test_what_a_query_asks_for_is_no_readiness_of_a_workitem():
    record = Told().shown(InputReadinessState="INCOMPLETE")
    keys = item(SOPInstanceUID=None, ProcedureStepState=None, InputReadinessState="READY")
    record.add("C-FIND", keys, came=[item(SOPInstanceUID=W, ProcedureStepState=SCHEDULED, InputReadinessState="READY")])
    record.subscribe().state(SCHEDULED)
    said = ("value 'INCOMPLETE'", "value 'READY'", "InputReadinessState")
    assert record.found("CC24-TMS-102") == {"CC24-TMS-102": ([said], [3])}


def test_of_a_workitem_that_was_shown_without_readiness_any_will_do():
    assert of_contents(subscribed()) == set()


def test_a_claim_makes_no_state_of_a_cancellation():
    record = claimed().state(CANCELED)
    said = ("value 'IN PROGRESS' or 'SCHEDULED'", "value 'CANCELED'", "ProcedureStepState")
    assert record.found("CC24-TMS-101", "CC24-TMS-004") == {"CC24-TMS-101": ([said], [5])}


def test_a_cancellation_of_a_scheduled_workitem_goes_through_both_states_while_it_is_under_way():
    record = subscribed().cancel()
    begun = record.now - 2
    record.now = begun + 0.25
    record.state(IN_PROGRESS)
    record.now = begun + 0.5
    record.state(CANCELED)
    assert of_contents(record) == set()


def test_an_initial_event_may_come_late_though_a_cancellation_was_asked_for():
    assert of_contents(Told().shown().subscribe().cancel().state(SCHEDULED)) == set()


# --- what was refused -------------------------------------------------------------------------------------------------


def test_a_state_that_was_refused_is_said_of_its_report():
    record = subscribed().change("COMPLETED", 0xC310).state("COMPLETED")
    said = ("value 'SCHEDULED'", "value 'COMPLETED'", "ProcedureStepState")
    found = ([said], [4])
    assert record.found("CC24-TMS-101", "CC24-TMS-004") == {"CC24-TMS-101": found, "CC24-TMS-004": found}


def test_what_is_wrong_in_a_report_of_what_was_granted_was_not_refused():
    record = subscribed(InputReadinessState="INCOMPLETE").change().state(IN_PROGRESS)
    assert set(record.found("CC24-TMS-102", "CC24-TMS-004")) == {"CC24-TMS-102"}


def test_a_refusal_of_something_else_is_none_of_a_state():
    record = claimed().set(0xC301, "1.2.9.2", ProcedureStepLabel="B").state(CANCELED)
    assert set(record.found("CC24-TMS-101", "CC24-TMS-004")) == {"CC24-TMS-101"}


@pytest.mark.parametrize(("after", "refused"), [(9.75, True), (10, True), (10.25, False)])
def test_a_refusal_counts_up_to_ten_seconds_after_the_report(after, refused):
    record = subscribed()
    asked = item(ProcedureStepState="COMPLETED", TransactionUID=LOCK)
    begin, end = record.now, record.now + 1 + after
    record.exchanges.append(
        exchange("N-ACTION", asked, begin=begin, end=end, status=0xC310, RequestedSOPInstanceUID=W, ActionTypeID=1)
    )
    record.pause(1).state("COMPLETED")
    assert ("CC24-TMS-004" in record.found("CC24-TMS-004")) is refused


# --- progress ---------------------------------------------------------------------------------------------------------


def test_what_was_refused_is_no_progress_but_what_was_granted_after_it_is():
    record = claimed().set(0xC301, "1.2.9.2", **FIFTY).set(**TEN)
    assert of_contents(record.report(3, **TEN)) == set()
    record.report(3, **FIFTY)
    said = ("value '10'", "value '50'", f"{PROGRESS}[0].ProcedureStepProgress")
    assert record.found("CC24-TMS-122") == {"CC24-TMS-122": ([said], [8])}


def test_what_an_n_get_of_nothing_shows_changes_nothing():
    record = claimed().add("N-GET", RequestedSOPInstanceUID=W).set(**TEN).report(3, **FIFTY)
    said = ("value '10'", "value '50'", f"{PROGRESS}[0].ProcedureStepProgress")
    assert record.found("CC24-TMS-122") == {"CC24-TMS-122": ([said], [7])}


def test_what_an_n_get_shows_may_be_reported_though_it_failed():
    record = claimed().set(**TEN).add("N-GET", None, item(**FIFTY), status=0x0110, RequestedSOPInstanceUID=W)
    assert of_contents(record.report(3, **FIFTY)) == set()


def test_the_description_is_the_one_that_was_set():
    one, other = ({PROGRESS: [item(ProcedureStepProgressDescription=text)]} for text in ("beam 1", "beam 2"))
    record = claimed().set(**one).report(3, **one)
    assert of_contents(record) == set()
    record.report(3, **other)
    said = ("value 'beam 1'", "value 'beam 2'", f"{PROGRESS}[0].ProcedureStepProgressDescription")
    assert record.found("CC24-TMS-123") == {"CC24-TMS-123": ([said], [7])}


def test_an_empty_description_is_none():
    record = claimed().set(**{PROGRESS: [item(ProcedureStepProgress="10", ProcedureStepProgressDescription="")]})
    record.report(3, **{PROGRESS: [item(ProcedureStepProgress="10", ProcedureStepProgressDescription="beam 1")]})
    assert of_contents(record) == set()


def test_the_addresses_are_those_that_were_set():
    def addresses(*uris):
        contacts = [item(ContactDisplayName="A^B", **({"ContactURI": uri} if uri else {})) for uri in uris]
        return {PROGRESS: [item(**{URIS: contacts})]}

    record = claimed().set(**addresses("tel:+41", None, "tel:+42")).report(3, **addresses("tel:+42"))
    assert of_contents(record) == set()
    record.report(3, **addresses("tel:+43"))
    said = ("value 'tel:+41' or 'tel:+42'", "value 'tel:+43'", f"{PROGRESS}[0].{URIS}[0].ContactURI")
    assert record.found("CC24-TMS-124") == {"CC24-TMS-124": ([said], [7])}


# --- requests to cancel -----------------------------------------------------------------------------------------------


def test_a_request_to_cancel_is_reported_with_all_that_it_gave():
    assert of_contents(claimed().cancel("W2", **GIVEN).report(2, RequestingAE="W2", **GIVEN)) == set()


@pytest.mark.parametrize(
    ("id_", "changes", "said"),
    [
        ("CC24-TMS-111", {"RequestingAE": "W9"}, ("value 'W2'", "value 'W9'", "RequestingAE")),
        ("CC24-TMS-112", {"ReasonForCancellation": "x"}, ("value 'machine'", "value 'x'", "ReasonForCancellation")),
        ("CC24-TMS-113", {REASON: []}, ("at least one item", "sequence without an item", REASON)),
        ("CC24-TMS-114", {REASON: codes("1")}, ("value '110501'", "value '1'", f"{REASON}[0].CodeValue")),
        ("CC24-TMS-115", {"ContactURI": "tel:+49"}, ("value 'tel:+41'", "value 'tel:+49'", "ContactURI")),
        ("CC24-TMS-116", {"ContactDisplayName": "C^D"}, ("value 'A^B'", "value 'C^D'", "ContactDisplayName")),
    ],
)
def test_what_a_request_to_cancel_gave_is_not_changed(id_, changes, said):
    record = claimed().cancel("W2", **GIVEN).report(2, **{"RequestingAE": "W2", **GIVEN} | changes)
    assert of_contents(record) == {id_}
    assert record.found(id_) == {id_: ([said], [6])}


def test_what_was_given_is_passed_on_though_nothing_else_was():
    record = claimed().cancel("W2", ContactURI="tel:+41").report(2, RequestingAE="W2")
    assert of_contents(record) == {"CC24-TMS-115"}
    assert record.found("CC24-TMS-115") == {"CC24-TMS-115": ([("value 'tel:+41'", "attribute absent", "ContactURI")], [6])}


def test_of_several_codes_each_will_do_and_one_without_a_value_is_none():
    record = claimed().cancel("W2", **{REASON: codes("A", None, "B")})
    assert of_contents(record.report(2, RequestingAE="W2", **{REASON: codes("B")})) == set()
    record.report(2, RequestingAE="W2", **{REASON: codes("C")})
    assert record.found("CC24-TMS-114") == {"CC24-TMS-114": ([("value 'A' or 'B'", "value 'C'", f"{REASON}[0].CodeValue")], [7])}


@pytest.mark.parametrize(("early", "ids"), [(0, {"CC24-TMS-112", "CC24-TMS-113", "CC24-TMS-115", "CC24-TMS-116"}), (0.25, set())])
def test_a_report_is_about_what_was_asked_until_the_moment_when_it_begins(early, ids):
    record = claimed().cancel("W2", **GIVEN)
    record.now -= 2 + early
    assert of_contents(record.report(2, RequestingAE="W2")) == ids


def test_who_asks_for_the_end_of_a_scheduled_workitem_is_named_if_that_is_reported_at_all():
    record = subscribed().cancel("W2", **GIVEN).report(2, RequestingAE="W9")
    assert of_contents(record) == {"CC24-TMS-111"}
    assert record.found("CC24-TMS-111") == {"CC24-TMS-111": ([("value 'W2'", "value 'W9'", "RequestingAE")], [4])}


def test_a_request_to_cancel_a_workitem_that_there_is_not_names_who_asked():
    record = subscribed().report(2, uid="1.2.4")
    assert of_contents(record) == {"CC24-TMS-111"}
    assert record.found("CC24-TMS-111") == {"CC24-TMS-111": ([("present with a value", "attribute absent", "RequestingAE")], [3])}


def test_a_request_to_cancel_without_information_is_reported_with_who_asked():
    assert of_contents(claimed().cancel("W2", asked=False).report(2, RequestingAE="W2")) == set()


# --- assignments ------------------------------------------------------------------------------------------------------


def assigned(*values, **told):
    return Told().shown(**{STATION: codes(*values)}).subscribe().state(SCHEDULED).report(ASSIGNED, **told)


@pytest.mark.parametrize(
    ("values", "told", "found"),
    [
        (("A",), {STATION: codes("A")}, {}),
        (("A",), {}, {"CC24-TMS-141": ([("present with a value", "attribute absent", STATION)], [3])}),
        (("A",), {STATION: codes("B")}, {"CC24-TMS-142": ([("value 'A'", "value 'B'", f"{STATION}[0].CodeValue")], [3])}),
        (("A", None), {STATION: codes("B")}, {"CC24-TMS-142": ([("value 'A'", "value 'B'", f"{STATION}[0].CodeValue")], [3])}),
        ((), {}, {}),  # it may be the performer who was assigned
        (("A", "B"), {STATION: codes("B")}, {}),
        (("A", "B"), {STATION: codes("C")}, {"CC24-TMS-142": ([("value 'A' or 'B'", "value 'C'", f"{STATION}[0].CodeValue")], [3])}),
    ],
)  # fmt: skip
def test_a_station_is_one_that_the_workitem_has(values, told, found):
    assert assigned(*values, **told).found("CC24-TMS-141", "CC24-TMS-142") == found


# --- what somebody else may have done ---------------------------------------------------------------------------------


def test_who_holds_the_lock_changes_the_progress_and_nobody_else():
    record = claimed().set(**TEN).report(3, **FIFTY)
    assert of_contents(record, complete=False) == {"CC24-TMS-122"}
    assert of_contents(record.change("COMPLETED"), complete=False) == {"CC24-TMS-122"}


def test_the_progress_of_what_is_performed_by_somebody_unseen_is_open():
    record = Told().shown(IN_PROGRESS, **TEN).report(3, **FIFTY)
    assert of_contents(record) == {"CC24-TMS-122"}
    assert of_contents(record, complete=False) == set()


def test_the_progress_of_a_workitem_that_nobody_has_shown_is_open():
    assert of_contents(Told().report(3, **FIFTY), complete=False) == set()


def test_whom_somebody_unseen_has_assigned_is_open():
    record = assigned("A", **{STATION: codes("B")})
    assert of_contents(record) == {"CC24-TMS-142"}
    assert of_contents(record, complete=False) == set()


def test_a_state_is_judged_though_somebody_unseen_may_have_brought_it_about():
    record = claimed().report(ProcedureStepState=IN_PROGRESS)
    assert of_contents(record, complete=False) == {"CC24-TMS-102"}


def test_who_asked_to_cancel_is_named_whoever_it_was():
    record = claimed().report(2)
    assert of_contents(record, complete=False) == {"CC24-TMS-111"}


def test_of_several_that_asked_to_cancel_each_was_seen():
    record = claimed().cancel("W2", **GIVEN).cancel("W3", **GIVEN)
    for title in ("W2", "W3"):
        record.report(2, **{"RequestingAE": title, **GIVEN, "ReasonForCancellation": "x"})
    said = ("value 'machine'", "value 'x'", "ReasonForCancellation")
    assert record.found("CC24-TMS-112", complete=False) == {"CC24-TMS-112": ([said, said], [7, 8])}

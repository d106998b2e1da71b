"""What is said of a UPS that does not show what it was created with, word for word."""

from datetime import UTC, datetime, timedelta

import pytest
from check_samples import NO_ANSWER, exchange, got, message, raw
from pydicom.dataset import Dataset

from tdwii_conformance.checks import creation as seen
from tdwii_conformance.checks.findings import Finding
from tdwii_conformance.treatment.messages import item

LABEL, STATION, INPUT, START = (
    "ProcedureStepLabel", "ScheduledStationNameCodeSequence", "InputInformationSequence", "ScheduledProcedureStepStartDateTime",
)  # fmt: skip
MODIFIED = "ScheduledProcedureStepModificationDateTime"


def code(value, **more):
    return item(CodeValue=value, CodingSchemeDesignator="99A", CodeMeaning="a", **more)


def differences(sent, came):
    return list(seen.differences(sent, came))


# --- one attribute ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "came", "found"),
    [
        (item(**{LABEL: "A"}), item(), Finding("value 'A', as it was sent", "attribute absent", LABEL)),
        (item(**{LABEL: "A"}), item(**{LABEL: ""}), Finding("value 'A', as it was sent", "present without a value", LABEL)),
        (item(**{LABEL: "A"}), item(**{LABEL: "B"}), Finding("value 'A'", "value 'B'", LABEL)),
        (item(PatientID=""), item(PatientID="X"), Finding("empty, as it was sent", "value 'X'", "PatientID", "warning")),
    ],
)
def test_what_differs_is_said_with_both_values(sent, came, found):
    (one,) = differences(sent, came)
    assert one == found


def test_a_sequence_that_is_missing_is_said():
    (one,) = differences(item(**{STATION: [code("A")]}), item())
    assert (one.received, one.path, one.weight) == ("attribute absent", STATION, "fault")


def test_a_date_time_written_otherwise_is_a_warning():
    sent, came = item(**{START: "20260101120000.50"}), item(**{START: "20260101120000.5"})
    assert differences(sent, came) == [Finding("value '20260101120000.50'", "value '20260101120000.5'", START, weight="warning")]


def test_the_same_moment_in_another_zone_is_a_warning():
    sent, came = item(**{START: "20260101120000+0100"}), item(**{START: "20260101110000+0000"})
    assert [one.weight for one in differences(sent, came)] == ["warning"]


def test_another_moment_is_a_fault():
    sent, came = item(**{START: "20260101120000+0100"}), item(**{START: "20260101120000+0000"})
    assert [one.weight for one in differences(sent, came)] == ["fault"]


def test_every_difference_is_found():
    sent = item(**{LABEL: "A", "PatientID": "1", "PatientName": "Doe^Jane"})
    assert {one.path for one in differences(sent, item(PatientName="Doe^Jane"))} == {LABEL, "PatientID"}


def test_what_need_not_be_supported_may_be_missing_and_is_compared_when_it_is_there():
    """Pregnancy Status is of type 3/2 [table CC.2.5-3]: the SCP may ignore it."""
    assert differences(item(PregnancyStatus=1), item()) == []
    assert differences(item(PregnancyStatus=1), item(PregnancyStatus=2)) == [Finding("value 1", "value 2", "PregnancyStatus")]


def test_what_follows_an_attribute_that_no_ups_has_is_compared():
    sent = raw(0x00080005, "CS", "ISO_IR 100")
    sent.TransactionUID, sent.ProcedureStepLabel = "1.2", "A"
    assert [one.path for one in differences(sent, item(**{LABEL: "B"}))] == [LABEL]
    unknown = raw(0x00110010, "LO", "99A")
    unknown.ProcedureStepLabel = "A"
    assert [one.path for one in differences(unknown, item(**{LABEL: "B"}))] == [LABEL]


# --- sequences --------------------------------------------------------------------------------------------------------


def test_the_same_items_are_right():
    assert differences(item(**{STATION: [code("A"), code("B")]}), item(**{STATION: [code("A"), code("B")]})) == []


def test_what_differs_in_an_item_is_said_with_its_number():
    assert differences(item(**{STATION: [code("A"), code("B")]}), item(**{STATION: [code("A"), code("C")]})) == [
        Finding("value 'B'", "value 'C'", f"{STATION}[1].CodeValue")
    ]


def test_another_number_of_items_is_found_and_those_there_are_compared():
    assert differences(item(**{STATION: [code("A"), code("B")]}), item(**{STATION: [code("C")]})) == [
        Finding("2 item(s), as sent", "1 item(s)", STATION),
        Finding("value 'A'", "value 'C'", f"{STATION}[0].CodeValue"),
    ]


def test_what_was_not_sent_in_an_item_is_found_unless_it_is_empty():
    sent = item(**{STATION: [code("A")]})
    assert differences(sent, item(**{STATION: [code("A", CodingSchemeVersion="")]})) == []
    assert differences(sent, item(**{STATION: [code("A", SpecificCharacterSet="ISO_IR 100")]})) == []
    assert differences(sent, item(**{STATION: [code("A", CodingSchemeVersion="1")]})) == [
        Finding("not there, as it was not sent", "value '1'", f"{STATION}[0].CodingSchemeVersion")
    ]


def test_an_attribute_without_keyword_is_named_by_its_tag():
    came = code("A")
    came.add_new(0x00110010, "LO", "99A")
    found = differences(item(**{STATION: [code("A")]}), item(**{STATION: [came]}))
    assert [(one.received, one.path) for one in found] == [("value '99A'", f"{STATION}[0].(0011,0010)")]


def test_items_of_items_are_compared():
    sent, came = ([item(DICOMRetrievalSequence=[item(RetrieveAETitle=title)])] for title in ("A", "B"))
    assert differences(item(**{INPUT: sent}), item(**{INPUT: came})) == [
        Finding("value 'A'", "value 'B'", f"{INPUT}[0].DICOMRetrievalSequence[0].RetrieveAETitle")
    ]


# --- long values ------------------------------------------------------------------------------------------------------


def test_of_long_texts_what_is_around_the_first_difference_is_shown():
    one, other = "a" * 100 + "b" + "c" * 99, "a" * 100 + "x" + "c" * 99
    (found,) = differences(item(MedicalAlerts=one), item(MedicalAlerts=other))
    assert found.expected == f"value {'a' * 20 + 'b' + 'c' * 39!r} at character 101 of 200"
    assert found.received == f"value {'a' * 20 + 'x' + 'c' * 39!r} at character 101 of 200"


def test_a_text_that_is_cut_off_differs_where_it_ends():
    (found,) = differences(item(MedicalAlerts="a" * 200), item(MedicalAlerts="a" * 30))
    assert found.expected == f"value {'a' * 60!r} at character 31 of 200"
    assert found.received == f"value {'a' * 20!r} at character 31 of 30"


def test_texts_of_up_to_150_characters_are_shown_whole():
    one, other = "a" * 150, "b" * 150
    (found,) = differences(item(MedicalAlerts=one), item(MedicalAlerts=other))
    assert (found.expected, found.received) == (f"value {one!r}", f"value {other!r}")


@pytest.mark.parametrize(("length", "whole"), [(198, True), (199, False)])
def test_a_value_that_is_missing_is_shown_up_to_200_characters(length, whole):
    """With its quotation marks."""
    (found,) = differences(item(CommentsOnTheScheduledProcedureStep="a" * length), item())
    shown = repr("a" * length) if whole else f"'{'a' * 119}... ({length + 2} characters)"
    assert found.expected == f"value {shown}, as it was sent"


# --- values that are the same -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vr", "one", "other", "alike"),
    [
        ("DS", "1.50", "1.5", True),
        ("DS", "1.5", "1.6", False),
        ("IS", "+7", "7", True),
        ("US", 7, 7, True),
        ("DS", "x", "x", True),
        ("DS", "x", "y", False),
        ("LO", "1.50", "1.5", False),
        ("LO", " A ", "A", True),
        ("LO", "A", "a", False),
        ("UT", " A", "A", False),
        ("UT", "A \0", "A", True),
        ("UI", "1.2\0", "1.2", True),
        ("PN", "Doe^Jane^^", "Doe^Jane", True),
        ("PN", "Doe^Jane==", "Doe^Jane", True),
        ("PN", "Doe^=Do", "Doe=Do", True),
        ("PN", "Doe^Jane", "Doe", False),
        ("PN", "^Jane", "Jane", False),
        ("LO", ["A", "B"], ["A", "B"], True),
        ("LO", ["A", "B"], ["B", "A"], False),
        ("LO", ["A", "B"], ["A"], False),
        ("LO", ["A"], "A", True),
    ],
)
def test_what_is_the_same_value(vr, one, other, alike):
    assert seen.same(vr, one, other) is alike


# --- what the answers say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "weight"), [(0x0000, "fault"), (0x0107, "warning"), (0x0116, "warning"), (0xB300, "warning"), (0xB301, "fault")]
)
def test_only_a_modification_that_was_announced_is_a_warning(status, weight):
    found = Finding("a", "b", "c")
    assert seen.kept(exchange(message(Status=status)), [found]) == [Finding("a", "b", "c", weight=weight)]


@pytest.mark.parametrize(("status", "done"), [(0, True), (0xB300, True), (0x0107, True), (0x0106, False), (0xC300, False)])
def test_an_n_create_is_done_by_success_or_a_warning(status, done):
    assert seen.done(exchange(message(Status=status))) is done


def test_what_was_refused_and_is_shown_is_said_with_its_status():
    (found,) = seen.no_such_ups(exchange(message(Status=0)))
    assert found == Finding("no such UPS by N-GET: the N-CREATE was refused", "status 0000 (Success)")


@pytest.mark.parametrize(
    ("made", "uid"),
    [(exchange(message(Status=0, AffectedSOPInstanceUID="1.2.3")), "1.2.3"), (exchange(message(Status=0)), ""), (NO_ANSWER, "")],
)
def test_the_uid_that_an_scp_has_given(made, uid):
    assert seen.created_uid(made) == uid


def test_who_makes_a_ups_says_which():
    expected, place = "AffectedSOPInstanceUID, for the SCU gave none", "command set of the response"
    assert seen.names_what_it_made(exchange(message(Status=0, AffectedSOPInstanceUID="1.2.3"))) == []
    assert seen.names_what_it_made(exchange(message(Status=0))) == [Finding(expected, "absent", place)]
    assert seen.names_what_it_made(exchange(message(Status=0, AffectedSOPInstanceUID="1.02"))) == [Finding(expected, "1.02", place)]


# --- what was supplied ------------------------------------------------------------------------------------------------


READY, MEANING = ("InputReadinessState",), (STATION, "CodeMeaning")


@pytest.mark.parametrize(
    ("shown", "path", "fill", "found"),
    [
        (item(), READY, True, Finding("InputReadinessState, supplied by the SCP", "attribute absent", "InputReadinessState")),
        (
            item(InputReadinessState=""), READY, True,
            Finding("InputReadinessState, filled in by the SCP", "present without a value", "InputReadinessState"),
        ),
        (item(InputReadinessState=""), READY, False, None),
        (item(InputReadinessState="READY"), READY, True, None),
        (item(), MEANING, False, Finding("CodeMeaning, supplied by the SCP", "attribute absent", f"{STATION}.CodeMeaning")),
        (item(**{STATION: []}), MEANING, True, Finding("CodeMeaning, supplied by the SCP", "attribute absent", f"{STATION}.CodeMeaning")),
        (
            item(**{STATION: [code("A"), item(CodeMeaning="")]}), MEANING, True,
            Finding("CodeMeaning, filled in by the SCP", "present without a value", f"{STATION}.CodeMeaning"),
        ),
        (item(**{STATION: [item(), code("A")]}), MEANING, True, None),
        (item(), ("TransactionUID",), True, None),  # nobody can see it
    ],
)  # fmt: skip
def test_what_was_missing_is_supplied(shown, path, fill, found):
    assert seen.supplied(shown, path, fill) == ([] if found is None else [found])


# --- the time of the modification -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "near"), [(-1.9, True), (1.9, True), (-2.1, False), (2.1, False)])
def test_a_modification_time_may_be_two_days_away(days, near):
    """Time zones differ by 26 hours, and clocks by some more."""
    text = f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d%H%M%S}"
    found = seen.near_now(got(**{MODIFIED: text}))
    assert found == ([] if near else [Finding("the time of the N-CREATE, a moment ago", f"value '{text}'", MODIFIED)])


def test_what_is_no_date_time_is_said():
    assert seen.near_now(exchange(message(raw(0x00404010, "DT", "20261301"), Status=0), service="N-GET")) == [
        Finding("a date-time", "value '20261301'", MODIFIED)
    ]


@pytest.mark.parametrize("shown", [got(**{MODIFIED: ""}), got(PatientID="1"), NO_ANSWER])
def test_a_modification_time_is_there(shown):
    assert len(seen.near_now(shown)) == 1


# --- paths ------------------------------------------------------------------------------------------------------------


def test_the_rows_of_an_item_are_those_of_its_sequence():
    assert "CodeMeaning" in seen.rows_of(MEANING)
    assert "PatientID" in seen.rows_of(("PatientID",))
    assert "CodeMeaning" not in seen.rows_of(("PatientID",))


def test_the_holder_of_an_attribute_is_the_last_item():
    first, last = code("A"), code("B")
    assert seen.held(item(**{STATION: [first, last]}), MEANING) is last
    assert seen.held(Dataset(), MEANING) is None
    top = item(PatientID="1")
    assert seen.held(top, ("PatientID",)) is top
    assert seen.named(MEANING) == f"{STATION}.CodeMeaning"


# --- private attributes -----------------------------------------------------------------------------------------------


def test_private_attributes_are_not_compared_and_the_data_sets_stay_as_they_are():
    one, other = item(StudyInstanceUID="1.2"), item(StudyInstanceUID="1.3")
    for entry in (one, other):
        entry.private_block(0x0041, "TEST", create=True).add_new(1, "LO", "x")
    sent, came = item(**{INPUT: [one]}), item(**{INPUT: [other]})
    assert seen.input_differs(sent, came) == [Finding("value '1.2'", "value '1.3'", f"{INPUT}[0].StudyInstanceUID")]
    assert 0x00411001 in one and 0x00411001 in other


def test_items_that_are_not_shown_are_missing():
    sent = item(**{INPUT: [item(StudyInstanceUID="1.2")]})
    assert [(one.received, one.path) for one in seen.input_differs(sent, item())] == [("present without a value", INPUT)]

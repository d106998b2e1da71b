"""When a value that a UPS shows is the one it was created with: by its VR, by what pads it, and by what an SCP has to keep."""

import dataclasses
from datetime import datetime

import pytest
from check_samples import got
from pydicom.dataelem import DataElement
from pydicom.tag import Tag

from tdwii_conformance.checks import creation as seen
from tdwii_conformance.checks.findings import Finding
from tdwii_conformance.treatment.messages import item

LABEL, STATION, REQUEST = "ProcedureStepLabel", "ScheduledStationNameCodeSequence", "ReferencedRequestSequence"


def differences(sent, came):
    return list(seen.differences(sent, came))


@pytest.mark.parametrize(
    ("get", "create", "supported"),
    [
        ("1", "3", True), ("1C", "3", True), ("2", "2", True), ("2C", "2C", True), ("2", "3", False), ("2C", "3", False),
        ("3", "3", False), ("not allowed", "2", False),
    ],
)  # fmt: skip
def test_types_3_2_and_3_3_are_for_the_vendor_to_choose(get, create, supported):
    """[PS3.4 table CC.2.5-3]"""
    assert seen.supported(dataclasses.replace(seen.ROWS["PatientID"], get=get, create=create)) is supported


# --- one value --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vr", "one", "other", "equal"),
    [
        # Spaces before running text are text; before short text they are padding [PS3.5 6.2].
        *[(vr, " a", "a", vr not in ("LT", "ST", "UT", "UR", "UI")) for vr in ("LT", "ST", "UT", "UR", "LO", "SH", "CS", "AE")],
        *[(vr, "a ", "a", True) for vr in ("LT", "ST", "UT", "UR", "UI", "LO", "SH")],
        ("UI", "1.2\0", "1.2", True),
        ("LO", "a\t", "a", False),
        *[(vr, "MAX", "MA", False) for vr in ("LT", "UT", "LO", "SH", "PN", "UI")],
        ("PN", "DOE^MAX^^", "DOE^MAX", True),
        ("PN", "DOE^MAX", "DOE^MA", False),
        ("PN", "DOE=", "DOE", True),
        ("PN", "DOE=MAX", "DOE=MA", False),
        ("IS", "07", "7", True),
        ("DS", "1.50", "1.5", True),
        ("US", 7, 8, False),
        ("US", "07", 7, True),
    ],
)
def test_two_values_are_equal(vr, one, other, equal):
    assert seen.same(vr, one, other) is equal


@pytest.mark.parametrize(
    ("vr", "one", "other", "alike"),
    [
        ("DT", "20260101120000.50", "20260101120000.5", True),
        ("DT", "20260101120000.50", "20260101120000.05", False),
        ("DT", "20260101120000.0", "20260101120000", True),
        ("DT", "20260101120000.5+0100", "20260101120000.50+0100", True),
        ("DT", "20260101120000.5+0100", "20260101120000.5+0000", False),
        ("DT", "20260101120000", "20260101120001", False),
        ("DT", "noon", "noon", True),
        ("TM", "120000.50", "120000.5", True),
        ("TM", "120000", "120001", False),
        ("PN", "Doe^", "Doe", True),  # no time: as it is compared otherwise
        ("LO", "12.50", "12.5", False),
    ],
)
def test_two_times_are_alike_whatever_their_fractions_end_with(vr, one, other, alike):
    assert seen.same(vr, one, other, seen._moment) is alike


@pytest.mark.parametrize(("value", "nothing"), [(0, False), (5, False), (None, True)])
def test_zero_is_a_value(value, nothing):
    assert seen.nothing(DataElement(Tag("PregnancyStatus"), "US", value)) is nothing


# --- what differs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyword", ["SOPClassUID", "TransactionUID"])
def test_what_an_n_get_does_not_show_is_not_compared(keyword):
    """Both are "not allowed" in N-GET [table CC.2.5-3]."""
    assert differences(item(**{keyword: "1.2"}), item(**{keyword: "1.3"})) == []


def test_the_state_is_compared():
    found = differences(item(ProcedureStepState="SCHEDULED"), item())
    assert found == [Finding("value 'SCHEDULED', as it was sent", "attribute absent", "ProcedureStepState")]


def test_a_time_of_day_written_otherwise_is_a_warning():
    sent = item(**{REQUEST: [item(IssueTimeOfImagingServiceRequest="120000.50")]})
    came = item(**{REQUEST: [item(IssueTimeOfImagingServiceRequest="120000.5")]})
    path = f"{REQUEST}[0].IssueTimeOfImagingServiceRequest"
    assert differences(sent, came) == [Finding("value '120000.50'", "value '120000.5'", path, weight="warning")]


def test_text_that_looks_like_a_time_is_text():
    found = differences(item(**{LABEL: "202601011200+0100"}), item(**{LABEL: "202601011100+0000"}))
    assert [one.weight for one in found] == ["fault"]


def test_text_in_place_of_a_sequence_has_no_items():
    came = item()
    came.add(DataElement(Tag(STATION), "LO", "AB"))
    sent = item(**{STATION: [item(CodeValue="A")]})
    assert differences(sent, came) == [Finding("1 item(s), as sent", "0 item(s)", STATION)]


def test_several_values_are_shown_as_a_list():
    found = differences(item(MedicalAlerts=["a", "b"]), item(MedicalAlerts=["a", "c"]))
    assert [(one.expected, one.received) for one in found] == [("value ['a', 'b']", "value ['a', 'c']")]


def test_several_numbers_are_shown_as_they_were_written():
    parameters, number = "ScheduledProcessingParametersSequence", "NumericValue"
    found = differences(
        item(**{parameters: [item(**{number: ["1.50", "2"]})]}), item(**{parameters: [item(**{number: ["1.5", "3"]})]})
    )
    assert found == [Finding("value ['1.50', '2']", "value ['1.5', '3']", f"{parameters}[0].{number}")]


def test_each_value_of_a_list_is_quoted_so_that_its_end_is_seen():
    found = differences(item(MedicalAlerts=["Crohn's", "b"]), item(MedicalAlerts=["Crohn's', 'b", "b"]))
    expected, received = """value ["Crohn's", 'b']""", """value ["Crohn's', 'b", 'b']"""
    assert found == [Finding(expected, received, "MedicalAlerts")]


@pytest.mark.parametrize(
    ("one", "other", "expected", "received"),
    [
        # 150 characters are shown as they are; of 151 what is around the first difference.
        ("a" * 150, "b" + "a" * 149, repr("a" * 150), repr("b" + "a" * 149)),
        ("a" * 151, "b" + "a" * 150, f"{'a' * 40!r} at character 1 of 151", f"{'b' + 'a' * 39!r} at character 1 of 151"),
        ("a" * 151, ["a", "b"], repr("a" * 151), "['a', 'b']"),
    ],
)  # fmt: skip
def test_of_long_text_what_differs_is_shown(one, other, expected, received):
    (found,) = differences(item(MedicalAlerts=one), item(MedicalAlerts=other))
    assert (found.expected, found.received) == (f"value {expected}", f"value {received}")


# --- when it was modified ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modified", "near"),
    [
        ("20260101120000.000000+0000", True),  # two days ago, to the microsecond
        ("20260101115959.999999+0000", False),
        ("20260105120000.000000+0000", True),
        ("20260105120000.000001+0000", False),
    ],
)
def test_a_modification_may_be_two_days_from_now(monkeypatch, modified, near):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 3, 12, tzinfo=tz)

    monkeypatch.setattr(seen, "datetime", Clock)
    wrong = Finding("the time of the N-CREATE, a moment ago", f"value {modified!r}", seen.MODIFIED)
    assert seen.near_now(got(ScheduledProcedureStepModificationDateTime=modified)) == ([] if near else [wrong])

"""Checks of a workitem as N-GET shows it: each with an answer made by hand that it must fault, and one that it must not."""

import pytest
from check_samples import DONE, NO_DATA_SET, REFUSED, exchange, got, message, raw

from tdwii_conformance.checks import Finding, workitem
from tdwii_conformance.treatment.messages import code_item, item

START = "ScheduledProcedureStepStartDateTime"
UNANSWERED = exchange(service="N-GET", failure="aborted")
NOT_ANSWERED = Finding("a response to N-GET", "aborted")
NOT_THERE = Finding("the workitem by N-GET", "status C307 (no such UPS here)")
NO_DATA = Finding("the workitem by N-GET", "no data set")
WITH_CODE = item(ScheduledStationNameCodeSequence=[code_item("FX1", "99X", "Machine"), code_item("FX2", "99X", "")])
STATION = "ScheduledStationNameCodeSequence"


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (lambda: workitem.got(got(PatientID="P")), []),
        (lambda: workitem.got(exchange(message(item(PatientID="P"), Status=0x0001))), []),  # with a warning
        (lambda: workitem.got(UNANSWERED), [NOT_ANSWERED]),
        (lambda: workitem.got(REFUSED_GET), [NOT_THERE]),
        (lambda: workitem.got(exchange(DONE)), [NO_DATA]),
        (
            lambda: workitem.got(exchange(message(encoded=NO_DATA_SET, Status=0))),
            [Finding("the workitem by N-GET", "a data set that cannot be decoded")],
        ),
        (lambda: workitem.state_is(got(ProcedureStepState="CANCELED"), "CANCELED"), []),
        (
            lambda: workitem.state_is(got(ProcedureStepState="COMPLETED"), "CANCELED"),
            [Finding("value 'CANCELED'", "value 'COMPLETED'", "ProcedureStepState")],
        ),
        (lambda: workitem.shows(got(PatientID="P"), "PatientID", "P"), []),
        (lambda: workitem.shows(exchange(DONE), "PatientID", "P"), [NO_DATA]),
        (
            lambda: workitem.shows(got(PatientName="P"), "PatientID", "P"),
            [Finding("value 'P'", "attribute absent", "PatientID")],
        ),
        (lambda: workitem.shows(got(PatientID=""), "PatientID", "P"), [Finding("value 'P'", "value (no value)", "PatientID")]),
        (lambda: workitem.shows(REFUSED_GET, "PatientID", "P"), [NOT_THERE]),
        (lambda: workitem.equal("P", "P", "PatientID"), []),
        (lambda: workitem.equal("Q", "P", "PatientID"), [Finding("value 'P'", "value 'Q'", "PatientID")]),
        (lambda: workitem.equal(None, "P", "PatientID"), [Finding("value 'P'", "no value", "PatientID")]),
        (lambda: workitem.has_value(item(PatientID="P"), "PatientID"), []),
        (lambda: workitem.has_value(item(NumericValue=0), "NumericValue"), []),
        (lambda: workitem.has_value(item(PatientID=""), "PatientID"), [Finding("a value", "absent or empty", "PatientID")]),
        (lambda: workitem.has_value(item(), "PatientID"), [Finding("a value", "absent or empty", "PatientID")]),
        (lambda: workitem.has_value(None, "PatientID"), [Finding("a value", "absent or empty", "PatientID")]),
        (lambda: workitem.has_value(WITH_CODE, STATION, "CodeMeaning"), []),
        (
            lambda: workitem.has_value(item(), STATION, STATION, "CodeMeaning"),
            [Finding("a value", "absent or empty", f"{STATION}[0].{STATION}[0].CodeMeaning")],
        ),
        (
            lambda: workitem.has_value(item(**{STATION: []}), STATION, "CodeMeaning"),
            [Finding("a value", "absent or empty", f"{STATION}[0].CodeMeaning")],
        ),
        (lambda: workitem.only_requested(got(PatientID="P", SpecificCharacterSet="ISO_IR 192"), ["PatientID"]), []),
        (
            lambda: workitem.only_requested(got(PatientID="P", PatientName="N", SpecificCharacterSet="ISO_IR 192"), ["PatientSex"]),
            [
                Finding("only PatientSex", "PatientName came unasked"),
                Finding("only PatientSex", "PatientID came unasked"),
            ],
        ),
        (
            lambda: workitem.only_requested(exchange(message(raw(0x00990010, "LO", "V"), Status=0)), ["PatientName", "PatientID"]),
            [Finding("only PatientID, PatientName", "(0099,0010) came unasked")],
        ),
        (lambda: workitem.only_requested(REFUSED_GET, ["PatientID"]), [NOT_THERE]),
    ],
)
def test_findings(findings, expected):
    assert findings() == expected


REFUSED_GET = exchange(REFUSED, service="N-GET")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (got(PatientID="P"), got(PatientID="P"), []),
        (got(PatientID="P"), got(PatientID="Q"), [Finding("value 'P'", "value 'Q'", "PatientID")]),
        (got(PatientID="Q", PatientSex="M"), got(PatientID="Q", PatientSex="F"), []),  # told to be ignored
        (got(PatientID="P", PatientSex="M"), got(PatientID="P"), []),
        (
            got(PatientID="P", ScheduledProcedureStepModificationDateTime="20260101"),
            got(PatientID="P", ScheduledProcedureStepModificationDateTime="20260102"),
            [],
        ),
        (REFUSED_GET, got(PatientID="P"), [NOT_THERE]),
        (got(PatientID="P"), UNANSWERED, [NOT_ANSWERED]),
        (REFUSED_GET, UNANSWERED, [NOT_THERE, NOT_ANSWERED]),
    ],
)
def test_untouched(before, after, expected):
    assert workitem.untouched(before, after, ignoring=["PatientSex"]) == expected


EARLY, LATE = "20260302103000", "20260302103001"


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (EARLY, EARLY, []),
        (EARLY, LATE, []),
        (LATE, EARLY, [Finding(f"not before {LATE}", f"value '{EARLY}'", START)]),
        # 11:30 east of Greenwich is before 10:40 there.
        (
            "20260302104000+0000",
            "20260302113000+0100",
            [Finding("not before 20260302104000+0000", "value '20260302113000+0100'", START)],
        ),
        ("20260302113000+0100", "20260302104000+0000", []),
        # Without an offset it is meant in the zone of the other.
        (f"{LATE}+0500", EARLY, [Finding(f"not before {LATE}+0500", f"value '{EARLY}'", START)]),
        (f"{EARLY}+0500", EARLY, []),
        (LATE, f"{EARLY}-0500", [Finding(f"not before {LATE}", f"value '{EARLY}-0500'", START)]),
        (EARLY, f"{EARLY}-0500", []),
        (EARLY, "", [Finding("a value", "absent or empty", START)]),
        ("", "", [Finding("a value", "absent or empty", START)] * 2),
    ],
)
def test_not_before(earlier, later, expected):
    assert workitem.not_before(got(**{START: earlier}), got(**{START: later}), START) == expected


def test_not_before_needs_both_answers():
    assert workitem.not_before(REFUSED_GET, UNANSWERED, START) == [NOT_THERE, NOT_ANSWERED]
    assert workitem.not_before(got(PatientID="P"), got(**{START: EARLY}), START) == [Finding("a value", "absent or empty", START)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("20260101", "202601010800"),  # the day leaves the hour open
        ("20260101120000+0100", "20260101113000+0000"),
        ("20260101120000", "20260101120000.5+0100"),
    ],
)
def test_not_before_as_far_as_can_be_told(earlier, later):
    assert workitem.not_before(got(**{START: earlier}), got(**{START: later}), START) == []


def test_not_before_of_what_is_no_date_time():
    found = workitem.not_before(got(**{START: "yesterday"}), got(**{START: EARLY}), START)
    assert found == [Finding("a date-time", "value 'yesterday'", START)]

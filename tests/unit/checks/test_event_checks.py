"""Checks of event reports: each with reports made by hand that it must fault, and some that it must not."""

import pytest
from check_samples import DONE, EVENT, NO_DATA_SET, PULL, PUSH, message

from tdwii_conformance.checks import Finding, events
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment.messages import item


def report(state=None, kind=1, *, context=EVENT, uid="1.1", sop_class=PUSH, dataset=True, encoded=None):
    information = item(ProcedureStepState=state) if dataset else None
    command = {"AffectedSOPClassUID": sop_class, "AffectedSOPInstanceUID": uid, "EventTypeID": kind}
    return Exchange("N-EVENT-REPORT", "TMS", "WATCHER", context, message(information, encoded, **command), (DONE,), "")


STATES = [
    report("SCHEDULED"), report("IN PROGRESS"), report("IN PROGRESS"), report("CANCELED", 3), report(dataset=False),
    report("COMPLETED"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (lambda: events.reported(report("SCHEDULED"), "a state report"), []),
        (lambda: events.reported(None, "a state report"), [Finding("a state report", "no such event report in time")]),
        (lambda: events.reported(report(dataset=False), "a state report"), [Finding("a state report", "no event information")]),
        (
            lambda: events.reported(report(dataset=False, encoded=NO_DATA_SET), "a state report"),
            [Finding("a state report", "event information that cannot be decoded")],
        ),
        (lambda: events.not_reported([], "unsubscribed"), []),
        (
            # The names of CC.2.4.1, and of what it does not have.
            lambda: events.not_reported(
                [report("CANCELED"), report(None, 2), report(None, 3), report(None, 4), report(None, 5), report("COMPLETED", 9),
                 report(kind=1, dataset=False)],
                "unsubscribed",
            ),
            [
                Finding("no event report: unsubscribed", name)
                for name in ("UPS State Report (CANCELED)", "UPS Cancel Requested", "UPS Progress Report", "SCP Status Change",
                             "UPS Assigned", "event of type 9 (COMPLETED)", "UPS State Report")
            ],
        ),
        (lambda: events.about(report("SCHEDULED"), "1.1"), []),
        (lambda: events.about(None, "1.1"), [Finding("an event report about 1.1", "no such event report in time")]),
        (
            lambda: events.about(report("SCHEDULED", uid="1.2", sop_class=EVENT, context=PULL), "1.1"),
            [
                Finding(f"AffectedSOPClassUID {PUSH}", f"'{EVENT}'", "command set"),
                Finding("AffectedSOPInstanceUID 1.1", "'1.2'", "command set"),
                Finding("an association with UPS Event", f"abstract syntax {PULL}"),
            ],
        ),
        (lambda: events.in_order(["SCHEDULED", "IN PROGRESS"], ("SCHEDULED", "IN PROGRESS"), "states"), []),
        (
            lambda: events.in_order(["COMPLETED", 2], ["SCHEDULED", 1], "states"),
            [Finding("states: SCHEDULED, 1", "COMPLETED, 2")],
        ),
        (lambda: events.in_order([], ["SCHEDULED"], "states"), [Finding("states: SCHEDULED", "nothing")]),
    ],
)  # fmt: skip
def test_findings(findings, expected):
    assert findings() == expected


def test_states_told():
    assert events.states_reported(STATES) == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
    assert events.states_reported([report("SCHEDULED"), report("IN PROGRESS"), report("SCHEDULED")]) == [
        "SCHEDULED", "IN PROGRESS", "SCHEDULED",
    ]  # fmt: skip


def test_a_report_without_type_is_of_none():
    assert events.event_type(Exchange("N-EVENT-REPORT", "TMS", "WATCHER", EVENT, message())) == 0


def test_a_state_report_without_state_tells_an_empty_one():
    without = Exchange("N-EVENT-REPORT", "TMS", "WATCHER", EVENT, message(item(PatientID="P"), EventTypeID=1))
    assert events.states_reported([without]) == [""]

"""Checks of event reports: whether they came, to whom and about what; their attributes are judged by the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..profile.ups_service import EVENT_TYPES, STATE_REPORT, UPS
from ..transcript.exchange import Exchange
from .attributes import shown
from .findings import Finding

__all__ = ["NO_REPORT", "about", "event_type", "in_order", "not_reported", "reported", "states_reported"]

NO_REPORT = "no such event report in time"  # what is received where one is missing


def event_type(report: Exchange) -> int:
    """Return the Event Type ID of a report."""
    return int(report.request.command.get("EventTypeID", 0))


def _name(report: Exchange) -> str:
    kind = event_type(report)
    state = report.request.dataset.get("ProcedureStepState") if report.request.dataset is not None else None
    return f"{EVENT_TYPES.get(kind, f'event of type {kind}')}{f' ({state})' if state else ''}"


def reported(report: Exchange | None, what: str) -> list[Finding]:
    """Check that a report came, with an event information that can be decoded."""
    if report is None:
        return [Finding(what, NO_REPORT)]
    if report.request.dataset is None:
        fault = "event information that cannot be decoded" if report.request.undecodable else "no event information"
        return [Finding(what, fault)]
    return []


def not_reported(reports: Iterable[Exchange], why: str) -> list[Finding]:
    """Check that there is none of some reports."""
    return [Finding(f"no event report: {why}", _name(report)) for report in reports]


def about(report: Exchange | None, uid: str) -> list[Finding]:
    """Check the command set of a report: of a UPS, and under UPS Event [CC.2.4.3, CC.3.1]."""
    if report is None:
        return [Finding(f"an event report about {uid}", NO_REPORT)]
    command = report.request.command
    wanted = (
        ("AffectedSOPClassUID", UPS.PUSH, command.get("AffectedSOPClassUID")),
        ("AffectedSOPInstanceUID", uid, report.instance_uid),
    )
    found = [
        Finding(f"{keyword} {expected}", shown(received), "command set")
        for keyword, expected, received in wanted
        if received != expected
    ]
    if report.abstract_syntax != UPS.EVENT:
        found.append(Finding("an association with UPS Event", f"abstract syntax {report.abstract_syntax}"))
    return found


def states_reported(reports: Iterable[Exchange]) -> list[str]:
    """Return the states that UPS State Reports have, in their order, repetitions left out."""
    states: list[str] = []
    for report in reports:
        if event_type(report) == STATE_REPORT and report.request.dataset is not None:
            state = str(report.request.dataset.get("ProcedureStepState", ""))
            if not states or states[-1] != state:
                states.append(state)
    return states


def in_order(received: Sequence[object], expected: Sequence[object], what: str) -> list[Finding]:
    """Check that what was reported came in the order in which it happened, whole."""
    if list(received) == list(expected):
        return []
    return [Finding(f"{what}: {', '.join(map(str, expected))}", ", ".join(map(str, received)) or "nothing")]

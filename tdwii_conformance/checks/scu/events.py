"""Judges of who is sent event reports, a TDD or a watcher: PS3.4 CC.2.4. Pure."""

from __future__ import annotations

from ...profile import Requirement
from ...profile.statuses import is_warning, status_text
from ...profile.ups_service import EVENT_TYPES, UPS
from ...transcript.exchange import Exchange
from ..events import event_type
from ..findings import Finding
from .messages import information, named
from .observed import ObservedSession
from .registry import judges
from .tdd_common import each
from .tdd_retrieval import names_as_requested

NO_SUCH_EVENT_TYPE = 0x0113  # [PS3.7 10.1.1.1.8]
EVENTS = {f"CC24-{actor}-{number + 1:03}": number for actor in ("TDD", "WATCHER") for number in EVENT_TYPES}


@judges("CC24-TDD-001", "CC24-WATCHER-001", even_if_nothing_came=True)
def accepts_ups_event(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the negotiation of event reports."""
    attempts = [a for a in observed.accepted if UPS.EVENT in {syntax for syntax, _ in a.proposed}]
    if not attempts:
        if observed.awaited == "CC.2.4" and observed.observation.why_early and not observed.interrupted:
            return [Finding("an association for event reports accepted", f"{observed.why_missing}; it was not to be reached")]
        return "the system was sent no event report"
    if any(UPS.EVENT in a.accepted for a in attempts):
        return []
    return [Finding(f"{named(UPS.EVENT)} accepted", attempts[-1].ended if attempts[-1].ended != "released" else "refused")]


def _reports(observed: ObservedSession, transaction: str) -> tuple[Exchange, ...]:
    return observed.reports


@judges(*EVENTS, at=_reports, even_if_nothing_came=True)
def accepts_events(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the answers to event reports of one type."""
    kind = EVENTS[requirement.id]
    reports = [r for r in observed.reports if event_type(r) == kind]
    if not reports:
        return f"the system was sent no {EVENT_TYPES[kind]}"

    def one(report: Exchange) -> list[Finding]:
        if report.status == 0 and not report.failure:
            return []
        received = report.failure or f"status {status_text(report.status, report.service)}"
        held = ", ".join(e.keyword or str(e.tag) for e in information(report))
        expected = f"status 0000 (success) for {EVENT_TYPES[kind]} with {held or 'nothing'}"
        return [Finding(expected, received, report.instance_uid, "warning" if is_warning(report.status) else "fault")]

    return each(reports, one, "report")


@judges("CC24-TDD-008", "CC24-WATCHER-008", at=_reports, even_if_nothing_came=True)
def refuses_what_is_no_event(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the answers to event reports of a type that there is not."""
    unknown = [r for r in observed.reports if event_type(r) not in EVENT_TYPES]
    if not unknown:
        return "the system was sent no event report of a type that there is not"

    def one(report: Exchange) -> list[Finding]:
        if report.status == NO_SUCH_EVENT_TYPE:
            return []
        received = report.failure or f"status {status_text(report.status, report.service)}"
        return [Finding(f"status 0113 (no such event type) for Event Type ID {event_type(report)}", received, report.instance_uid)]

    return each(unknown, one, "report")


@judges("CC24-TDD-007", "CC24-WATCHER-007", at=_reports, even_if_nothing_came=True)
def names_what_was_reported(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the command sets of the answers to event reports."""
    answered = [r for r in observed.reports if r.response is not None]
    return each(answered, names_as_requested, "report") if answered else "the system answered no event report"

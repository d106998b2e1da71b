"""Judges of a TDD of what its transactions have in common: that they came, their SOP classes, instances and order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...profile import Requirement
from ...profile.ups_service import CHANGE_STATE, UPS
from ...transcript.exchange import Exchange
from ..findings import Finding
from .messages import (
    action_type,
    answers,
    began,
    ended,
    named,
)
from .observed import ObservedSession, missing
from .registry import judges

__all__ = ["UNDECODABLE", "after", "each", "names_push", "under"]


UNDECODABLE = "the data set cannot be decoded"

PERFORMED = {
    "RO58-TDD-001": "a worklist query",
    "RO59-TDD-001": "a C-MOVE of static inputs",
    "RO60-TDD-001": "a claim: N-ACTION to IN PROGRESS",
    "RO61-TDD-001": "a C-MOVE of the delivery instruction",
    "RO62-TDD-001": "a progress update: N-SET",
    "RO63-TDD-001": "the C-STORE of a treatment record",
    "RO64-TDD-001": "the final update: N-SET",
    "RO65-TDD-001": "the end: N-ACTION to COMPLETED or CANCELED",
}


@judges(*PERFORMED, even_if_nothing_came=True)
def performed(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that a transaction came at all: one failure for the first that did not, none for what depends on it."""
    stage = requirement.transaction
    expected = f"{stage}, {PERFORMED[requirement.id]}"
    if came := observed.of(stage):
        return [Finding(f"{expected}, and done", f"{observed.why_missing}; {answers(came)}")] if observed.in_vain == stage else []
    if reason := observed.not_awaited(stage):
        return reason
    if on := observed.went_on(stage):
        return [Finding(expected, f"none; the scenario went on with {on}")]
    if observed.stopped_at != stage:
        return missing(observed.stopped_at)
    return observed.why_missing if observed.interrupted else [Finding(expected, observed.why_missing)]


def each(exchanges: Sequence[Exchange], one: Callable[[Exchange], Iterable[Finding]], name: str) -> list[Finding]:
    """Judge each exchange, and say which one a finding is about if there are several."""
    found = []
    for number, exchange in enumerate(exchanges):
        for finding in one(exchange):
            where = f"{name}[{number}]" if len(exchanges) > 1 else ""
            path = ".".join(filter(None, (where, finding.path)))
            found.append(Finding(finding.expected, finding.received, path, finding.weight))
    return found


def names_push(exchange: Exchange) -> list[Finding]:
    """Judge that the SOP Class UID field of a DIMSE-N request is UPS Push [CC.3.1.1]."""
    keyword = "AffectedSOPClassUID" if exchange.service == "N-CREATE" else "RequestedSOPClassUID"
    value = str(exchange.request.command.get(keyword) or "")
    return [] if value == UPS.PUSH else [Finding(f"{keyword} {named(UPS.PUSH)}", named(value), "command set")]


@judges("RO60-TDD-002", "RO62-TDD-005", "RO64-TDD-002", "RO65-TDD-002")
def requested_sop_class(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge Requested SOP Class UID (T1, T2)."""
    return each(observed.of(requirement.transaction), names_push, "request")


@judges("RO60-TDD-008", "RO62-TDD-007", "RO64-TDD-004", "RO65-TDD-005")
def under_pull(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the presentation context."""
    return each(observed.of(requirement.transaction), lambda e: under(e, UPS.PULL), "request")


def under(exchange: Exchange, *allowed: str) -> list[Finding]:
    """Judge the abstract syntax of the presentation context of a request."""
    if exchange.abstract_syntax in allowed:
        return []
    expected = " or ".join(named(uid) for uid in allowed)
    return [Finding(f"a presentation context with {expected}", named(exchange.abstract_syntax))]


@judges("RO60-TDD-004", "RO65-TDD-004")
def action_type_is_1(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge Action Type ID."""

    def one(exchange: Exchange) -> list[Finding]:
        kind = action_type(exchange)
        return [] if kind == CHANGE_STATE else [Finding("Action Type ID 1", f"{kind or 'none'}", "command set")]

    return each(observed.of(requirement.transaction), one, "request")


@judges("RO62-TDD-006", "RO64-TDD-003", "RO65-TDD-003")
def instance_as_claimed(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge Requested SOP Instance UID."""
    if observed.claim is None:
        return missing("RO-60")
    claimed = observed.claim.instance_uid

    def one(exchange: Exchange) -> list[Finding]:
        if exchange.instance_uid == claimed:
            return []
        expected = f"RequestedSOPInstanceUID {claimed}, as claimed"
        return [Finding(expected, exchange.instance_uid or "none", "command set")]

    return each(observed.of(requirement.transaction), one, "request")


def after(exchange: Exchange, earlier: Exchange, what: str, *, answered: bool = False) -> list[Finding]:
    """Judge that something came after something else: after its request, or after its answer as well."""
    limit = ended(earlier) if answered else began(earlier)
    if began(exchange) >= limit:
        return []
    return [Finding(what, f"{(limit - began(exchange)).total_seconds():.3f} s before it")]

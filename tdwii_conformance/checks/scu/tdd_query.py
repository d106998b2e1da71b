"""Judges of a TDD, RO-58: the worklist query. Pure."""

from __future__ import annotations

from ...profile import Requirement
from ...profile.statuses import status_text
from ...profile.ups_service import UPS
from ...transcript.exchange import Exchange
from ...ups.times import is_value, key_span
from ..attributes import shown
from ..findings import Finding
from .messages import (
    began,
    information,
    named,
    text,
)
from .observed import ObservedSession, unknown
from .registry import judges
from .tdd_common import UNDECODABLE, under

__all__ = ["character_set_and_offset", "no_transaction_uid_key", "requests_that_change"]


TEXT_VRS = ("PN", "LO", "SH", "LT", "ST", "UC", "UT")


@judges("RO58-TDD-002")
def finds_the_workitem(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that what is scheduled was found."""
    if reason := observed.not_awaited("found"):
        return reason
    if not observed.fact("workitem"):
        return unknown("workitem")
    if observed.fact("workitem") in observed.found:
        return []
    query = observed.of("RO-58")[0]
    if query.request.undecodable:
        return UNDECODABLE
    came = f"{len(query.matches)} response(s), none with it; status {status_text(query.status, query.service)}"
    return [Finding(f"a query that the workitem {observed.fact('workitem')} matches", came)]


@judges("RO58-TDD-003")
def queries_under_pull(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the SOP class of the query (T1)."""
    query = observed.of("RO-58")[0]
    affected = str(query.request.command.get("AffectedSOPClassUID") or "")
    found = under(query, UPS.PULL)
    if affected != UPS.PULL:
        found.append(Finding(f"AffectedSOPClassUID {named(UPS.PULL)}", named(affected), "command set"))
    return found


def no_transaction_uid_key(query: Exchange) -> list[Finding]:
    """Judge that Transaction UID is no key [CC.2.5.1.3]."""
    if "TransactionUID" not in information(query):
        return []
    return [Finding("no key Transaction UID", f"sent with value {shown(information(query).TransactionUID)}", "TransactionUID")]


def character_set_and_offset(query: Exchange) -> list[Finding]:
    """Judge Specific Character Set and Timezone Offset From UTC of a query [CC.2.8.1.3.1].

    A character set that no key needs is right: who supports it says so, whatever this query holds. One that is empty names none.
    """
    identifier = information(query)
    found = []
    if not identifier.get("SpecificCharacterSet"):
        said = "present without a value" if "SpecificCharacterSet" in identifier else "absent"
        for element in identifier.iterall():
            if element.VR in TEXT_VRS and not str(element.value).isascii():
                name = element.keyword or str(element.tag)
                found.append(Finding("Specific Character Set, for a key has other than default characters", said, name))
        if said != "absent" and not found:
            found.append(Finding("absent, or with a value", said, "SpecificCharacterSet", "warning"))
    if "TimezoneOffsetFromUTC" in identifier and not identifier.get("TimezoneOffsetFromUTC"):
        found.append(Finding("absent, or with a value", "present without a value", "TimezoneOffsetFromUTC"))
    return found


@judges("RO58-TDD-004")
def worklist_query_without_lock(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the keys."""
    return no_transaction_uid_key(observed.of("RO-58")[0])


@judges("RO58-TDD-006")
def worklist_query_in_characters(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the characters of the keys."""
    return character_set_and_offset(observed.of("RO-58")[0])


@judges("RO58-TDD-005")
def no_code_meaning(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that nothing is asked by Code Meaning."""
    return [
        Finding("absent, or present without a value", f"value {shown(key.CodeMeaning)}", f"{element.keyword}[{number}].CodeMeaning")
        for element in information(observed.of("RO-58")[0])
        if element.VR == "SQ"
        for number, key in enumerate(element.value or ())
        if key.get("CodeMeaning")
    ]


@judges("RO58-TDD-007")
def start_is_a_time(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the form of the start key."""
    value = text(observed.of("RO-58")[0], "ScheduledProcedureStepStartDateTime")
    if not value:
        return "the query has no Scheduled Procedure Step Start DateTime"
    if key_span(value, "DT", "+0000") is not None:
        return []
    return [Finding("a date-time or a range of date-times", f"value {shown(value)}", "ScheduledProcedureStepStartDateTime")]


@judges("RO58-TDD-010")
def start_is_a_range(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the start key has an end, or a begin, of its own."""
    value = text(observed.of("RO-58")[0], "ScheduledProcedureStepStartDateTime")
    if key_span(value, "DT", "+0000") is None:
        return "the query has no start that is a date-time or a range"
    if not is_value(value, "DT"):
        return []
    return [Finding("a range of date-times", f"the single value {shown(value)}", "ScheduledProcedureStepStartDateTime")]


def requests_that_change(observed: ObservedSession) -> tuple[Exchange, ...]:
    """Return the requests that change a UPS, in their order."""
    return tuple(sorted((*observed.state_changes, *observed.of("CC.2.6")), key=began))


@judges("RO58-TDD-008")
def empty_worklist(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge what comes after an empty worklist."""
    if observed.inject != "empty-worklist":
        return "the worklist was not empty"
    return [Finding("nothing is claimed or changed", f"{e.service} on {e.instance_uid}") for e in requests_that_change(observed)]


@judges("RO58-TDD-009")
def one_of_several(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that one of several workitems is performed."""
    if len(observed.found) < 2:
        return "the query has not found several workitems"
    touched = list(dict.fromkeys(e.instance_uid for e in requests_that_change(observed)))
    return [Finding(f"only {touched[0]} is changed", f"{other} as well") for other in touched[1:]]

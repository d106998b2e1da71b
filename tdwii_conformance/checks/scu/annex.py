"""Judges of whoever calls us, a TDD or a watcher: negotiation, and the SCU rules of PS3.4 Annex CC. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Literal

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from ...profile import Requirement
from ...profile.statuses import status_text
from ...profile.ups_service import REQUEST_CANCEL, STATUS_CHANGE, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ...profile.ups_tables import AttributeRow, attribute_rows
from ...transcript.exchange import Exchange, Message
from ...transcript.observation import GARBAGE, IN_A_MESSAGE, Association
from ...ups import FILTERED, GLOBAL
from ...ups.datasets import plain
from ...ups.requests import refuse_creation
from ..events import event_type
from ..findings import Finding
from .messages import (
    FINAL_STATES,
    SUSPENDED,
    action_type,
    active_subscriptions,
    answers,
    began,
    done,
    information,
    named,
    text,
    trial,
)
from .observed import ObservedSession, missing
from .registry import judges
from .tdd_common import each, names_push, under
from .tdd_query import character_set_and_offset, no_transaction_uid_key

# --- negotiation --------------------------------------------------------------------------------------------------------

NO_ASSOCIATION = "the system requested no association"


@judges("NEG-TDD-001", "NEG-WATCHER-001", even_if_nothing_came=True)
def proposes_its_class(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the UPS class it works under is proposed; trial classes are named (T1)."""
    needed = UPS.PULL if observed.actor == "TDD" else UPS.WATCH
    proposals = [a for a in observed.requested if a.acceptor == observed.fact("tms_ae_title")]
    if not proposals:
        return NO_ASSOCIATION if not observed.requested else "the system requested no association with the TMS"
    proposed = dict.fromkeys(syntax for a in proposals for syntax, _ in a.proposed)
    trials = [named(uid) for uid in proposed if trial(uid)]
    if needed not in proposed:
        received = ", ".join(trials) or ", ".join(named(uid) for uid in proposed) or "nothing"
        return [Finding(f"{named(needed)} proposed", received)]
    if trials:
        return [Finding("no trial SOP class proposed besides", ", ".join(trials), weight="warning")]
    return []


@judges("NEG-TDD-002", "NEG-WATCHER-002", even_if_nothing_came=True)
def proposes_the_default(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the transfer syntaxes proposed [PS3.5 10.1]."""
    if not observed.requested:
        return NO_ASSOCIATION
    found: dict[Finding, None] = {}
    for association in observed.requested:
        transfers: dict[str, set[str]] = {}
        for syntax, proposed in association.proposed:
            transfers.setdefault(syntax, set()).update(proposed)
        for syntax, proposed_for_it in transfers.items():
            if ImplicitVRLittleEndian not in proposed_for_it:
                only = ", ".join(sorted(UID(uid).name for uid in proposed_for_it))
                found[Finding(f"Implicit VR Little Endian proposed for {named(syntax)}", only or "none")] = None
    return list(found)


def _endings(associations: Sequence[Association], expected: str, wrong: Sequence[Association]) -> list[Finding] | str:
    if not associations:
        return NO_ASSOCIATION
    return [
        Finding(expected, f"{one.ended}, {one.requestor or 'unknown'} to {one.acceptor or 'us'} at {one.time:%H:%M:%S}")
        for one in wrong
    ]


@judges("NEG-TDD-003", "NEG-WATCHER-003", even_if_nothing_came=True)
def finishes_its_messages(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that no association ended in the middle of a message."""
    wrong = [a for a in observed.associations if IN_A_MESSAGE in a.ended and GARBAGE not in a.ended]
    return _endings(observed.associations, "every message sent whole", wrong)


@judges("NEG-TDD-004", "NEG-WATCHER-004", even_if_nothing_came=True)
def releases(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge how the system ends associations: those it requested, and those it accepted and aborts."""
    wrong = [
        a
        for a in observed.associations
        if a.ended.startswith("the connection was lost")
        or a.ended.startswith("aborted by the " + ("requestor" if a.requestor == observed.title else "acceptor"))
    ]
    return _endings(observed.associations, "A-RELEASE", [a for a in wrong if IN_A_MESSAGE not in a.ended])


def _undecodable(observed: ObservedSession) -> list[tuple[Exchange, Message]]:
    """Return what the system has sent that is no data set, with its exchange."""
    sent = [(e, e.request) for e in observed.requests] + [(e, message) for e in observed.served for message in e.responses]
    return [(e, message) for e, message in sent if message.undecodable]


@judges(
    "NEG-TDD-005", "NEG-WATCHER-005",
    at=lambda observed, transaction: [e for e, _ in _undecodable(observed)], even_if_nothing_came=True,
)  # fmt: skip
def sends_what_can_be_decoded(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the encoding of its data sets, in requests and in responses."""
    if not observed.requests:
        return "the system sent no request"
    return [
        Finding(
            f"a data set in {UID(message.transfer_syntax).name}", f"{len(message.encoded or b'')} bytes that are none", e.service
        )
        for e, message in _undecodable(observed)
    ]


@judges("NEG-TDD-006", "NEG-WATCHER-006", even_if_nothing_came=True)
def sends_pdus(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that what came on a connection were PDUs. A connection without an AE title may be a stranger's."""
    wrong = [a for a in observed.associations if GARBAGE in a.ended]
    return _endings(observed.associations, "PDUs of the DICOM Upper Layer protocol", wrong)


@judges(
    "NEG-TDD-007", "NEG-WATCHER-007",
    at=lambda observed, transaction: [e for e in observed.requests if e.failure], even_if_nothing_came=True,
)  # fmt: skip
def waits_for_the_response(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the system stays for the response to each request, unless it was us who broke off."""
    if not observed.requests:
        return "the system sent no request"
    left = [e for e in observed.requests if e.failure and not _aborted_by_us(observed, e)]
    return [Finding("the final response awaited", f"{e.failure}", e.service) for e in left]


def _aborted_by_us(observed: ObservedSession, exchange: Exchange) -> bool:
    """Whether the association of a request, the last that its two had opened before it, was aborted by us."""
    titles = exchange.requestor, exchange.acceptor
    opened = [a for a in observed.associations if (a.requestor, a.acceptor) == titles and a.time <= began(exchange)]
    return bool(opened) and max(opened, key=lambda a: a.time).ended.startswith("aborted by us")


# --- UPS Watch: cancel requests and subscriptions -----------------------------------------------------------------------


@judges("CC22-TDD-001")
def cancels_by_change_of_state(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that a performer does not request the cancel of its own UPS."""
    if observed.claim is None:
        return "the system claimed no UPS"
    return [
        Finding("Change UPS State to CANCELED, for the system performs this UPS", "Request UPS Cancel")
        for e in observed.of("CC.2.2")
        if e.instance_uid == observed.claim.instance_uid and began(e) >= began(observed.claim)
    ]


@judges("CC22-TDD-002", "CC22-WATCHER-001")
def gives_a_reason_as_a_code(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the items of the discontinuation reason of a cancel request, where it is there [CC.2.2.1]."""
    reason = "ProcedureStepDiscontinuationReasonCodeSequence"

    def one(request: Exchange) -> list[Finding]:
        items = information(request).get(reason) or ()
        return [
            Finding(expected, "absent or empty", f"{reason}[{number}]")
            for number, code in enumerate(items, 1)
            for expected in _lacking(code)
        ]

    return each(observed.of("CC.2.2"), one, "Request UPS Cancel")


def _lacking(code: Dataset) -> list[str]:
    """Return what an item of a code lacks: value, its scheme with a short or long one, meaning [PS3.3 8.8]."""
    short, other = any(code.get(name) for name in ("CodeValue", "LongCodeValue")), bool(code.get("URNCodeValue"))
    return [
        *(["Code Value, Long Code Value or URN Code Value"] if not short and not other else []),
        *(["Coding Scheme Designator"] if short and not code.get("CodingSchemeDesignator") else []),
        *(["Code Meaning"] if not code.get("CodeMeaning") else []),
    ]


@judges("CC23-WATCHER-001", even_if_nothing_came=True)
def subscribes(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that a watcher subscribes at all."""
    asked = _of_type(observed, SUBSCRIBE)
    if any(done(e) for e in asked) or (asked and observed.awaited != "CC.2.3"):
        return []
    received = "; ".join(part for part in (observed.why_missing, answers(asked)) if part)
    return received if observed.interrupted else [Finding("N-ACTION, Subscribe to Receive UPS Event Reports", received)]


def _of_type(observed: ObservedSession, *types: int) -> tuple[Exchange, ...]:
    return tuple(e for e in observed.of("CC.2.3") if action_type(e) in types)


NO_KEYS = ("ReceivingAE", "DeletionLock", "SpecificCharacterSet", "TimezoneOffsetFromUTC")


def _keys(request: Exchange) -> list[str]:
    sent = [e for e in information(request) if e.tag.element and not e.tag.is_private_creator]
    return [e.keyword or str(e.tag) for e in sent if e.keyword not in NO_KEYS]


@judges("CC23-TDD-002", "CC23-WATCHER-002")
def filter_has_keys(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that a filtered subscription has a filter."""
    filtered = [e for e in _of_type(observed, SUBSCRIBE) if e.instance_uid == FILTERED]
    if not filtered:
        return "the system made no filtered global subscription"
    return each(filtered, lambda e: [] if _keys(e) else [Finding("at least one match key", "none")], "request")


@judges("CC23-TDD-003", "CC23-WATCHER-003")
def only_a_filter_has_keys(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that other subscriptions have no filter (A5)."""
    others = [e for e in _of_type(observed, SUBSCRIBE) if e.instance_uid != FILTERED]
    if not others:
        return "the system made no other than filtered subscriptions"
    return each(others, lambda e: [Finding("no match keys", ", ".join(_keys(e)))] if _keys(e) else [], "request")


@judges("CC23-TDD-004", "CC23-WATCHER-004")
def suspends_all(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the instance of a suspension; the filtered one is not ruled (A7)."""
    suspensions = _of_type(observed, SUSPEND)
    if not suspensions:
        return "the system suspended no global subscription"

    def one(e: Exchange) -> list[Finding]:
        if e.instance_uid == GLOBAL:
            return []
        target = e.instance_uid or "none"
        weight: Literal["fault", "warning"] = "warning" if target == FILTERED else "fault"
        return [Finding(f"RequestedSOPInstanceUID {GLOBAL}", target, "command set", weight)]

    return each(suspensions, one, "request")


def _subscriptions_and_reports(observed: ObservedSession, transaction: str) -> tuple[Exchange, ...]:
    return tuple(sorted((*observed.of(transaction), *observed.reports), key=began))


@judges("CC23-TDD-005", "CC23-WATCHER-005", at=_subscriptions_and_reports)
def removes_its_locks(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that no lock is left on a UPS of which the system was told the final state."""
    asked = observed.of("CC.2.3")
    final = [r for r in observed.reports if text(r, "ProcedureStepState") in FINAL_STATES]
    # An initial event may come with the response to the subscription that caused it; a lock may be made afterwards, too.
    until = [[e for e in asked if began(e) <= moment] for moment in (*map(began, asked), *map(began, final))]
    locked = {r.instance_uid: r for r in final if any(_locks(some, r) for some in until)}
    if not locked:
        return "the system was told no final state of a UPS on which it had a deletion lock"
    if observed.interrupted:
        return observed.why_missing
    expected = "the deletion lock removed, for the system was told the final state"
    return [Finding(expected, "not removed", uid) for uid, r in locked.items() if _locks(asked, r)]


def _locks(asked: Sequence[Exchange], report: Exchange) -> bool:
    """Whether a lock of the report's receiver is on its UPS after these requests."""
    active = active_subscriptions(asked)
    own = active.get((report.acceptor, report.instance_uid))
    if own is not None:
        return own == "TRUE"
    # Who unsubscribed from this UPS in spite of a global subscription has no lock on it [CC.2.3.1 table CC.2.3-2].
    ended = [e for e in asked if action_type(e) == UNSUBSCRIBE and done(e) and text(e, "ReceivingAE") == report.acceptor]
    if any(e.instance_uid == report.instance_uid for e in ended):
        return False
    return any(active.get((report.acceptor, everything)) == "TRUE" for everything in (GLOBAL, FILTERED, SUSPENDED))


@judges("CC23-TDD-006", "CC23-WATCHER-006")
def unsubscribes(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that no subscription is left."""
    if not active_subscriptions(_of_type(observed, SUBSCRIBE)):
        return "the system has no subscription that was granted"
    if observed.interrupted:
        return observed.why_missing
    left = active_subscriptions(observed.of("CC.2.3"))
    unsubscribed = {e.instance_uid for e in _of_type(observed, UNSUBSCRIBE)}
    told = {
        (r.acceptor, SUSPENDED) for r in observed.reports if event_type(r) != STATUS_CHANGE and r.instance_uid not in unsubscribed
    }
    return [
        Finding(f"unsubscribed from {target}", f"{receiver} is still subscribed")
        for receiver, target in left
        if target != SUSPENDED or (receiver, target) in told  # nobody is subscribed to UPS that were not there
    ]


# --- the other services -------------------------------------------------------------------------------------------------


@judges("CC25-TDD-001", "CC25-WATCHER-001")
def creates_as_the_table_says(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge an N-CREATE: the UPS has a SOP Instance UID [CC.2.5.2], and attributes by the table [CC.2.5.1.3]."""

    def one(creation: Exchange) -> list[Finding]:
        attributes = plain(information(creation))
        found = []
        if not creation.request.command.get("AffectedSOPInstanceUID"):
            found.append(Finding("AffectedSOPInstanceUID of the new UPS", "absent or empty", "command set"))
        if attributes.get("ProcedureStepState") != "SCHEDULED":
            found.append(Finding("value 'SCHEDULED'", f"value {attributes.get('ProcedureStepState')!r}", "ProcedureStepState"))
        refusal = refuse_creation(attributes)
        if refusal is not None and not (found and refusal.comment.startswith("ProcedureStepState")):
            found.append(
                Finding("attributes as the table of N-CREATE has them", f"{status_text(refusal.status)}: {refusal.comment}")
            )
        return found

    return each(observed.of("CC.2.5"), one, "N-CREATE")


@judges("CC26-TDD-001", at=lambda observed, transaction: observed.early)
def no_lock_before_the_claim(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that an N-SET of a SCHEDULED UPS has no Transaction UID."""
    if observed.claim is None:
        return missing("RO-60")
    early = [e for e in observed.early if e.instance_uid == observed.claim.instance_uid]
    if not early:
        return "the system sent no N-SET before its claim"
    return each(
        early,
        lambda e: [Finding("no Transaction UID: the UPS is SCHEDULED", "sent")] if text(e, "TransactionUID") else [],
        "N-SET",
    )


# These are in every N-SET's table of RO-62 and RO-64 already.
JUDGED_BY_ROWS = ("TransactionUID", "ProcedureStepState", "SOPClassUID", "SOPInstanceUID")


@judges("CC26-TDD-002")
def sets_what_can_be_set(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that no N-SET holds an attribute that is fixed at creation."""
    fixed = {keyword for keyword, row in attribute_rows().items() if row.set in ("not allowed", "special", "-")}

    def one(update: Exchange) -> list[Finding]:
        sent = [e.keyword for e in information(update) if e.keyword in fixed and e.keyword not in JUDGED_BY_ROWS]
        return [Finding("not sent, for it cannot be changed", "sent", keyword) for keyword in sent]

    return each(observed.of("CC.2.6"), one, "N-SET")


LOCK = "TransactionUID"


@judges("CC27-TDD-001", "CC27-WATCHER-001")
def asks_for_what_can_be_shown(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge Attribute Identifier List of N-GET: neither the lock, nor what only items of sequences have [CC.2.7.2]."""

    def one(request: Exchange) -> list[Finding]:
        listed = request.request.command.get("AttributeIdentifierList")
        tags = listed if isinstance(listed, (list, tuple)) or hasattr(listed, "__iter__") else [listed]
        asked = [keyword_for_tag(int(tag)) for tag in tags if tag is not None]
        return [
            *([Finding("Transaction UID not asked for", "in Attribute Identifier List", "command set")] if LOCK in asked else []),
            *(Finding("the sequence asked for, not what is in it", one, "command set") for one in asked if one in _only_inside()),
        ]

    return each(observed.of("CC.2.7"), one, "N-GET")


@cache
def _only_inside() -> frozenset[str]:
    """Return the attributes that the table has in items of sequences only."""

    def below(rows: Mapping[str, AttributeRow]) -> Iterator[str]:
        for row in rows.values():
            yield from row.items
            yield from below(row.items)

    return frozenset(below(attribute_rows())) - attribute_rows().keys()


@judges("CC28-WATCHER-001")
def searches_under_the_class_it_names(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the SOP class of a watcher's queries."""

    def one(query: Exchange) -> list[Finding]:
        affected = str(query.request.command.get("AffectedSOPClassUID") or "")
        if affected == query.abstract_syntax and affected in UPS.ALL:
            return []
        expected = f"AffectedSOPClassUID {named(query.abstract_syntax)}, as negotiated"
        return [Finding(f"{expected}, and a final SOP class" if trial(affected) else expected, named(affected), "command set")]

    return each(observed.of("CC.2.8"), one, "C-FIND")


@judges("CC28-WATCHER-002")
def searches_without_the_lock(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the keys of a watcher's queries."""
    return each(observed.of("CC.2.8"), no_transaction_uid_key, "C-FIND")


@judges("CC28-WATCHER-003")
def searches_in_characters(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the characters of a watcher's queries."""
    return each(observed.of("CC.2.8"), character_set_and_offset, "C-FIND")


@judges("CC31-TDD-001", "CC31-WATCHER-001")
def other_requests_name_push(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the SOP class field of requests outside the transactions of TDW-II."""
    return each(observed.of("CC.3.1"), names_push, "request")


CONTEXTS = {"N-GET": (UPS.PUSH, UPS.PULL, UPS.WATCH), "N-CREATE": (UPS.PUSH,), "N-SET": (UPS.PULL,)}
ACTION_CONTEXTS = {
    REQUEST_CANCEL: (UPS.PUSH, UPS.WATCH),
    SUBSCRIBE: (UPS.WATCH,),
    UNSUBSCRIBE: (UPS.WATCH,),
    SUSPEND: (UPS.WATCH,),
    1: (UPS.PULL,),
}


@judges("CC31-TDD-002", "CC31-WATCHER-002")
def other_requests_have_their_class(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the presentation context of requests outside the transactions of TDW-II [CC.2 tables CC.2-1 to CC.2-5]."""

    def one(request: Exchange) -> list[Finding]:
        allowed = CONTEXTS.get(request.service) or ACTION_CONTEXTS.get(action_type(request))
        return under(request, *allowed) if allowed else []

    return each(observed.of("CC.3.1"), one, "request")

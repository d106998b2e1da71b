"""Judges of a TDD, RO-58 to RO-65: a function for each requirement that is no row of an attribute table. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from ...profile import Requirement
from ...profile.statuses import is_warning, status_text
from ...profile.ups_service import CHANGE_STATE, UPS
from ...transcript.exchange import Exchange
from ...transcript.observation import Reference
from ...ups.times import is_value, key_span, value_start
from ..attributes import shown
from ..findings import Finding
from .observed import (
    PLANS,
    RECORDS,
    ObservedSession,
    action_type,
    answers,
    began,
    done,
    ended,
    information,
    items,
    missing,
    named,
    progress_of,
    refused,
    text,
    uids,
    unknown,
)
from .registry import judges

STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
UNDECODABLE = "the data set cannot be decoded"
TEXT_VRS = ("PN", "LO", "SH", "LT", "ST", "UC", "UT")


# --- whether it did it at all -------------------------------------------------------------------------------------------

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
        return [Finding(f"{expected}, and done", f"{observed.outcome}; {answers(came)}")] if observed.in_vain == stage else []
    if reason := observed.not_awaited(stage):
        return reason
    if on := observed.went_on(stage):
        return [Finding(expected, f"none; the scenario went on with {on}")]
    if observed.stopped_at != stage:
        return missing(observed.stopped_at)
    return observed.outcome if observed.interrupted else [Finding(expected, observed.outcome)]


# --- what the transactions have in common -------------------------------------------------------------------------------


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


# --- RO-58 --------------------------------------------------------------------------------------------------------------


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
    came = f"{len(query.identifiers)} response(s), none with it; status {status_text(query.status)}"
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
    """Judge Specific Character Set and Timezone Offset From UTC of a query [CC.2.8.1.3.1]."""
    identifier = information(query)
    found = []
    if "SpecificCharacterSet" not in identifier:
        for element in identifier.iterall():
            if element.VR in TEXT_VRS and not str(element.value).isascii():
                name = element.keyword or str(element.tag)
                found.append(Finding("Specific Character Set, for a key has other than default characters", "absent", name))
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


def _changes(observed: ObservedSession) -> tuple[Exchange, ...]:
    return tuple(sorted((*observed.state_changes, *observed.of("CC.2.6")), key=began))


@judges("RO58-TDD-008")
def empty_worklist(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge what comes after an empty worklist."""
    if observed.inject != "empty-worklist":
        return "the worklist was not empty"
    return [Finding("nothing is claimed or changed", f"{e.service} on {e.instance_uid}") for e in _changes(observed)]


@judges("RO58-TDD-009")
def one_of_several(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that one of several workitems is performed."""
    if len(observed.found) < 2:
        return "the query has not found several workitems"
    touched = list(dict.fromkeys(e.instance_uid for e in _changes(observed)))
    return [Finding(f"only {touched[0]} is changed", f"{other} as well") for other in touched[1:]]


# --- RO-59, RO-61 -------------------------------------------------------------------------------------------------------


def _moves(transaction: str, one: Callable[[Exchange], Iterable[Finding]], observed: ObservedSession) -> list[Finding]:
    return each(observed.of(transaction), one, "C-MOVE")


def _listed(observed: ObservedSession, classes: Sequence[str]) -> list[Reference]:
    return [one for one in observed.inputs.values() if one.sop_class in classes]


def _asked_for(observed: ObservedSession, transaction: str) -> set[str]:
    return {one.instance for move in observed.of(transaction) for one in observed.asked(move)}


@judges("RO59-TDD-002", "RO61-TDD-002")
def asks_for_the_one_needed(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the plan, or the instruction, was asked for."""
    static = requirement.transaction == "RO-59"
    if not static and not observed.fact("instruction"):
        return unknown("instruction")
    needed = {one.instance for one in _listed(observed, PLANS)} if static else {observed.fact("instruction")}
    asked = _asked_for(observed, requirement.transaction)
    if needed & asked:
        return []
    what = "plan" if static else "delivery instruction"
    return [Finding(f"the {what} {' or '.join(sorted(needed))} asked for", ", ".join(sorted(asked)) or "none of the inputs")]


@judges("RO59-TDD-003")
def asks_for_the_records(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the records of a continuation were asked for."""
    records = _listed(observed, RECORDS)
    if observed.fact("start") != "CONTINUATION" or not records:
        return "nothing is continued in this scenario"
    asked = _asked_for(observed, "RO-59")
    return [Finding(f"the record {one.instance} asked for", "not asked for") for one in records if one.instance not in asked]


@judges("RO59-TDD-004", "RO61-TDD-004")
def asks_only_for_inputs(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that every instance is listed in the workitem."""

    def one(move: Exchange) -> list[Finding]:
        asked = uids(information(move), "SOPInstanceUID")
        expected = "an instance of the workitem's Input Information Sequence"
        return [Finding(expected, uid, "SOPInstanceUID") for uid in asked if uid not in observed.inputs]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-005", "RO61-TDD-005")
def hierarchy_agrees(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the unique keys above the instance [PS3.4 C.4.2.2.1]."""

    def one(move: Exchange) -> list[Finding]:
        found = []
        for keyword, level in (("StudyInstanceUID", "study"), ("SeriesInstanceUID", "series")):
            sent = uids(information(move), keyword)
            expected = list(dict.fromkeys(getattr(asked, level) for asked in observed.asked(move)))
            if sent and expected and (len(sent) > 1 or [sent[0]] != expected):
                found.append(Finding(f"value {' or '.join(expected)}, as the workitem has it", "\\".join(sent), keyword))
        return found

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-006", "RO61-TDD-006")
def asks_the_right_ae(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the AE that was asked."""

    def one(move: Exchange) -> list[Finding]:
        return [
            Finding(f"{asked.instance} asked of {asked.ae_title}, its Retrieve AE Title", f"asked of {move.acceptor}")
            for asked in observed.asked(move)
            if asked.ae_title != move.acceptor
        ]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-007", "RO61-TDD-007")
def moves_to_itself(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the move destination."""

    def one(move: Exchange) -> list[Finding]:
        destination = str(move.request.command.get("MoveDestination") or "").strip()
        expected = f"MoveDestination {observed.receiver}"
        return [] if destination == observed.receiver else [Finding(expected, shown(destination), "command set")]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-008", "RO61-TDD-008")
def moves_by_study_root(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the information model."""

    def one(move: Exchange) -> list[Finding]:
        found = under(move, STUDY_ROOT_MOVE)
        affected = str(move.request.command.get("AffectedSOPClassUID") or "")
        if affected != STUDY_ROOT_MOVE:
            found.append(Finding(f"AffectedSOPClassUID {named(STUDY_ROOT_MOVE)}", named(affected), "command set"))
        return found

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-009", "RO61-TDD-009")
def accepts_what_it_asks_for(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the negotiation of the C-STORE sub-operations."""
    wanted = dict.fromkeys(one.sop_class for move in observed.of(requirement.transaction) for one in observed.asked(move))
    came = {store.request.command.get("AffectedSOPClassUID") for store in observed.brought(requirement.transaction)}
    found, judged = [], False
    for sop_class in wanted:
        attempts = [a for a in observed.accepted if sop_class in {syntax for syntax, _ in a.proposed}]
        if sop_class in came or any(sop_class in a.accepted for a in attempts):
            judged = True
        elif attempts:
            judged = True
            found.append(Finding(f"{named(sop_class)} accepted", _not_accepted(attempts[-1].accepted, attempts[-1].ended)))
    return found if judged else "nothing was sent to the system"


def _not_accepted(accepted: Sequence[str], how: str) -> str:
    return "refused; accepted: " + ", ".join(UID(uid).name for uid in accepted) if accepted else how


@judges("RO59-TDD-010", "RO61-TDD-010", at=lambda observed, transaction: observed.brought(transaction))
def takes_what_it_asked_for(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the status of the C-STORE sub-operations."""

    def one(store: Exchange) -> list[Finding]:
        if store.status == 0 and not store.failure:
            return []
        received = store.failure or f"status {status_text(store.status)}"
        path = f"C-STORE of {store.instance_uid}"
        return [Finding("status 0000 (success)", received, path, "warning" if is_warning(store.status) else "fault")]

    brought = observed.brought(requirement.transaction)
    return each(brought, one, "C-STORE") if brought else "nothing was sent to the system"


@judges("RO59-TDD-011", "RO61-TDD-011", at=lambda observed, transaction: observed.brought(transaction))
def names_what_it_took(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the UIDs in the C-STORE responses."""
    brought = [store for store in observed.brought(requirement.transaction) if store.response is not None]
    return each(brought, names_as_requested, "C-STORE") if brought else "nothing was sent to the system"


def names_as_requested(exchange: Exchange) -> list[Finding]:
    """Judge that a response names what the request does, if it names anything [PS3.7 9.1.1, 10.1.1]."""
    found = []
    asked = exchange.request.command
    for keyword in ("AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID"):
        answered = exchange.response.command.get(keyword) if exchange.response is not None else None
        if answered not in (None, "") and answered != asked.get(keyword):
            found.append(Finding(f"{keyword} absent or {asked.get(keyword)}", f"{answered}", "command set of the response"))
    return found


def after(exchange: Exchange, earlier: Exchange, what: str, *, answered: bool = False) -> list[Finding]:
    """Judge that something came after something else: after its request, or after its answer as well."""
    limit = ended(earlier) if answered else began(earlier)
    if began(exchange) >= limit:
        return []
    return [Finding(what, f"{(limit - began(exchange)).total_seconds():.3f} s before it")]


@judges("RO59-TDD-012", "RO61-TDD-012")
def retrieves_in_order(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the order up to the retrieval."""
    before = [t for t in ("RO-58", "RO-59") if t < requirement.transaction and observed.of(t)]
    if not before:
        return missing("RO-58")
    first = observed.of(requirement.transaction)[0]
    return [f for t in before for f in after(first, observed.of(t)[0], f"{requirement.transaction} after {t}")]


@judges("RO59-TDD-013")
def waits_for_the_plan(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that nothing is delivered without a plan."""
    plans = {one.instance for one in _listed(observed, PLANS)}
    if not plans & _asked_for(observed, "RO-59"):
        return "the plan was not asked for"
    if any(store.instance_uid in plans and done(store) for store in observed.brought("RO-59")):
        return []
    came = [t for t in ("RO-62", "RO-63") if observed.of(t)]
    came += ["RO-65, COMPLETED"] if observed.end is not None and observed.final_state == "COMPLETED" else []
    return [Finding("no delivery, for the plan has not come", one) for one in came]


# --- RO-60 --------------------------------------------------------------------------------------------------------------


@judges("RO60-TDD-003")
def claims_what_it_found(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the instance that was claimed."""
    if not observed.of("RO-58"):
        return missing("RO-58")
    if not observed.found and observed.inject != "empty-worklist":
        return missing("found")

    def one(claim: Exchange) -> list[Finding]:
        known = ", ".join(observed.found) or "none"
        return [] if claim.instance_uid in observed.found else [Finding(f"an instance found by RO-58: {known}", claim.instance_uid)]

    return each(observed.of("RO-60"), one, "claim")


@judges("RO60-TDD-005")
def new_transaction_uid(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that the Transaction UID was made for this claim."""
    used = dict.fromkeys(filter(None, observed.fact("known_transaction_uids").split("|")), "the claim of an earlier scenario")
    names = ("workitem", "study", "plan", "instruction")
    taken = {observed.fact(name): f"the UID of the {name}" for name in names if observed.fact(name)}
    found = []
    claims: dict[str, str] = {}
    for claim in observed.of("RO-60"):
        uid = text(claim, "TransactionUID")
        origin = used.get(uid) or taken.get(uid)
        # Who asks again for the same workitem may do so with the same UID.
        if not origin and claims.get(uid, claim.instance_uid) != claim.instance_uid:
            origin = f"the claim of {claims[uid]}"
        if uid and origin:
            found.append(Finding("a new Transaction UID", f"{uid}: {origin}", "TransactionUID"))
        elif uid and not UID(uid).is_valid:
            found.append(Finding("a UID", f"value {shown(uid)}", "TransactionUID"))
        claims.setdefault(uid, claim.instance_uid)
    return found


@judges("RO60-TDD-006")
def claims_in_order(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the order up to the claim."""
    before = [t for t in ("RO-58", "RO-59") if observed.of(t)]
    if not before:
        return missing("RO-58")
    first = observed.of("RO-60")[0]
    return [f for t in before for f in after(first, observed.of(t)[0], f"RO-60 after {t}")]


@judges("RO60-TDD-007")
def leaves_what_was_refused(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that a refused Transaction UID is not used."""
    granted = {text(claim, "TransactionUID") for claim in observed.of("RO-60") if done(claim)}
    lost = {text(claim, "TransactionUID"): claim for claim in observed.of("RO-60") if refused(claim)}
    lost = {uid: claim for uid, claim in lost.items() if uid and uid not in granted}
    if not lost:
        return "no claim was refused"
    found = []
    for exchange in _changes(observed):
        uid = text(exchange, "TransactionUID")
        if uid in lost and exchange not in observed.of("RO-60") and began(exchange) >= ended(lost[uid]):
            status = status_text(lost[uid].status)
            found.append(Finding(f"no request with Transaction UID {uid}: its claim got {status}", exchange.service))
    return found


# --- RO-62 --------------------------------------------------------------------------------------------------------------


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


PROGRESS = "ProcedureStepProgressInformationSequence[0].ProcedureStepProgress"


def _percentage(update: Exchange) -> list[Finding]:
    value = progress_of(update)
    number = _number(value)
    if not value or (number is not None and 0 <= number <= 100):
        return []  # that it is there is for its row to judge
    return [Finding("a number from 0 to 100", f"value {shown(value)}", PROGRESS)]


def _told(updates: Iterable[Exchange]) -> list[float]:
    return [number for number in (_number(progress_of(one)) for one in updates) if number is not None]


NOTHING_TOLD = "no update has a Procedure Step Progress"


@judges("RO62-TDD-002")
def begins_with_0(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the first progress."""
    told = _told(observed.of("RO-62"))
    if not told:
        return NOTHING_TOLD
    return [] if told[0] == 0 else [Finding("0 in the first update", f"{told[0]:g}", PROGRESS)]


@judges("RO62-TDD-003")
def progress_is_a_percentage(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge each progress."""
    return each(observed.of("RO-62"), _percentage, "update")


@judges("RO62-TDD-004")
def progress_does_not_fall(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the progress from update to update."""
    told = _told(observed.of("RO-62"))
    if not told:
        return NOTHING_TOLD
    return [
        Finding(f"at least {before:g}, as in the update before", f"{now:g}", PROGRESS)
        for before, now in itertools.pairwise(told)
        if now < before
    ]


@judges("RO62-TDD-008")
def delivers_in_order(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge what the delivery begins after."""
    if observed.claim is None:
        return missing("RO-60")
    first = observed.of("RO-62")[0]
    found = after(first, observed.claim, "RO-62 after RO-60 was answered", answered=True)
    if observed.of("RO-61"):
        found += after(first, observed.of("RO-61")[0], "RO-62 after RO-61")
    return found


@judges("RO62-TDD-009")
def progress_fits_the_end(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the last progress by the scenarios of 2013."""
    told = _told(observed.of("RO-62"))
    if not told:
        return NOTHING_TOLD
    if observed.final_state == "COMPLETED":
        return [] if told[-1] == 100 else [Finding("100 in the last update, for COMPLETED follows", f"{told[-1]:g}", PROGRESS)]
    return [] if told[-1] < 100 else [Finding("below 100, for CANCELED follows", f"{told[-1]:g}", PROGRESS)]


@judges("RO62-TDD-010")
def progress_before_the_end(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that progress is not told after the final update."""
    if not observed.of("RO-64"):
        return missing("RO-64")
    first = observed.of("RO-64")[0]
    late = [update for update in observed.of("RO-62") if began(update) > began(first)]
    return [Finding("RO-62 before RO-64", f"progress {progress_of(update) or 'absent'} after it") for update in late]


# --- RO-63 --------------------------------------------------------------------------------------------------------------


@judges("RO63-TDD-002", even_if_nothing_came=True)
def stores_nothing(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that a treatment without radiation leaves nothing."""
    if observed.fact("end") != "canceled-before" or observed.final_state != "CANCELED":
        return "radiation is delivered in this scenario"
    return [Finding("nothing stored, for nothing was delivered", f"C-STORE of {one.instance_uid}") for one in observed.of("RO-63")]


@judges("RO63-TDD-003")
def stores_a_record(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the SOP class stored."""
    expected = " or ".join(named(uid) for uid in RECORDS)

    def one(store: Exchange) -> list[Finding]:
        sop_class = store.request.command.get("AffectedSOPClassUID")
        return [] if sop_class in RECORDS else [Finding(expected, named(sop_class), "AffectedSOPClassUID")]

    return each(observed.of("RO-63"), one, "C-STORE")


@judges("RO63-TDD-004")
def stores_to_the_ost(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge where the record goes."""
    ost = observed.fact("ost_ae_title")
    if not ost:
        return unknown("ost_ae_title")
    return each(
        observed.of("RO-63"),
        lambda store: [] if store.acceptor == ost else [Finding(f"stored to the OST, {ost}", f"stored to {store.acceptor}")],
        "C-STORE",
    )


@judges("RO63-TDD-005")
def command_names_the_record(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the command set of the C-STORE."""

    def one(store: Exchange) -> list[Finding]:
        found = []
        for name in ("SOPClassUID", "SOPInstanceUID"):
            sent, has = store.request.command.get(f"Affected{name}"), information(store).get(name)
            if store.request.dataset is not None and sent != has:
                found.append(Finding(f"Affected{name} {has}, as in the data set", f"{sent}", "command set"))
        return found

    return each(observed.of("RO-63"), one, "C-STORE")


@judges("RO63-TDD-006")
def stores_in_order(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the record is stored when delivery is over."""
    if not observed.of("RO-62"):
        return observed.nothing_of("RO-62")
    return after(observed.of("RO-63")[-1], observed.of("RO-62")[-1], "RO-63 after the last RO-62")


# --- RO-64 --------------------------------------------------------------------------------------------------------------


@judges("RO64-TDD-005")
def final_progress(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the final progress; 100 of a canceled treatment is tolerated (T10)."""

    def one(update: Exchange) -> list[Finding]:
        found = _percentage(update)
        if not found and observed.final_state == "CANCELED" and _number(progress_of(update)) == 100:
            found.append(Finding("below 100, for CANCELED follows", "100", PROGRESS, "warning"))
        return found

    return each(observed.of("RO-64"), one, "update")


@judges("RO64-TDD-006")
def performed_times(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge start and end."""

    def one(update: Exchange) -> list[Finding]:
        found = []
        for performed in items(information(update), "UnifiedProcedureStepPerformedProcedureSequence"):
            times = {}
            for keyword in ("PerformedProcedureStepStartDateTime", "PerformedProcedureStepEndDateTime"):
                value = str(performed.get(keyword) or "")
                if value and not is_value(value, "DT"):
                    found.append(Finding("a date-time", f"value {shown(value)}", f"{SEQUENCE}.{keyword}"))
                elif value:
                    times[keyword] = value_start(value, "DT", str(information(update).get("TimezoneOffsetFromUTC") or ""))
            start, end = (times.get(f"PerformedProcedureStep{which}DateTime") for which in ("Start", "End"))
            if start is not None and end is not None and end < start:
                value = performed.get("PerformedProcedureStepStartDateTime")
                where = f"{SEQUENCE}.PerformedProcedureStepEndDateTime"
                found.append(Finding(f"not before the start, {value}", shown(performed.get(where.rpartition(".")[2])), where))
        return found

    return each(observed.of("RO-64"), one, "update")


SEQUENCE = "UnifiedProcedureStepPerformedProcedureSequence[0]"


def _outputs(update: Exchange) -> list[str]:
    entries: list[Dataset] = items(
        information(update), "UnifiedProcedureStepPerformedProcedureSequence", "OutputInformationSequence", "ReferencedSOPSequence"
    )
    return [str(entry.get("ReferencedSOPInstanceUID", "")) for entry in entries]


@judges("RO64-TDD-007", at=lambda observed, transaction: (*observed.of("RO-63"), *observed.of(transaction)))
def refers_to_what_is_stored(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the record is stored before it is referenced; that it is referenced at all is for the rows to judge."""
    first: dict[str, Exchange] = {}
    for store in observed.stores:
        if done(store):
            first.setdefault(store.instance_uid, store)
    if not first:
        return observed.nothing_of("RO-63") if not observed.of("RO-63") else "no record was stored with success"
    return [
        Finding(f"the record {uid} is stored before RO-64 refers to it", "stored afterwards")
        for update in observed.of("RO-64")
        for uid in _outputs(update)
        if uid in first and ended(first[uid]) > began(update)
    ]


# --- RO-65 --------------------------------------------------------------------------------------------------------------


@judges("RO65-TDD-006", at=lambda observed, transaction: (*observed.of(transaction), *observed.late))
def sets_nothing_afterwards(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that no N-SET comes after the final state."""
    return [
        Finding(f"no N-SET, for the workitem is {observed.final_state}", f"N-SET, answered {status_text(late.status)}")
        for late in observed.late
    ]


@judges("RO65-TDD-007", at=lambda observed, transaction: (*observed.of("RO-64"), *observed.of(transaction)))
def completes_what_was_told(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that COMPLETED is not asked for without a final update that was taken."""
    if not observed.of("RO-64"):
        return missing("RO-64")
    completions = [end for end in observed.of("RO-65") if text(end, "ProcedureStepState") == "COMPLETED"]
    if not completions:
        return "the treatment was canceled"

    def one(end: Exchange) -> list[Finding]:
        if any(done(update) and began(update) < began(end) for update in observed.of("RO-64")):
            return []
        statuses = ", ".join(status_text(update.status) for update in observed.of("RO-64"))
        return [Finding("COMPLETED after a final update that the TMS has taken", f"final update answered {statuses}")]

    return each(completions, one, "request")

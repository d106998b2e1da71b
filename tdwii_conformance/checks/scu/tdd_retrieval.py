"""Judges of a TDD, RO-59 and RO-61: the retrieval of its inputs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pydicom.uid import UID, RTBeamsDeliveryInstructionStorage

from ...profile import Requirement
from ...profile.statuses import is_warning, status_text
from ...transcript.exchange import Exchange
from ...transcript.observation import Reference
from ..attributes import shown
from ..findings import Finding
from .messages import (
    PLANS,
    RECORDS,
    answers,
    done,
    information,
    named,
    uids,
)
from .observed import ObservedSession, missing, unknown
from .registry import judges
from .tdd_common import after, each, under

STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"


def _moves(transaction: str, one: Callable[[Exchange], Iterable[Finding]], observed: ObservedSession) -> list[Finding]:
    return each(observed.of(transaction), one, "C-MOVE")


def _wanted(observed: ObservedSession, requirement: Requirement, move: Exchange) -> list[Reference]:
    """Return the inputs that a C-MOVE asks for, of those that are for this transaction: delivery instructions, or the others."""
    dynamic = requirement.transaction == "RO-61"
    asked = observed.asked(move)
    if observed.actor != "TDD":
        return list(asked)
    mine = [one for one in asked if (one.sop_class == RTBeamsDeliveryInstructionStorage) == dynamic]
    return mine or list(asked)


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


LEVEL = {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "", "SeriesInstanceUID": "", "SOPInstanceUID": ""}


@judges("RO59-WATCHER-003")
def asks_by_unique_keys(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that level and unique keys are there; of a TDD the attribute tables have them."""

    def one(move: Exchange) -> list[Finding]:
        sent = {keyword: "\\".join(uids(information(move), keyword)) for keyword in LEVEL}
        return [
            Finding(f"value {value!r}" if value else "a value", f"value {shown(sent[keyword])}", keyword)
            for keyword, value in LEVEL.items()
            if not sent[keyword] or (value and sent[keyword] != value)
        ]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-WATCHER-001", even_if_nothing_came=True)
def fetches(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that the fetch that was awaited came."""
    asked = (*observed.of("CC.2.7"), *observed.of("RO-59"))
    if observed.awaited != FETCH:
        return [] if asked else "the system fetched nothing"
    received = "; ".join(part for part in (observed.why_missing, answers(asked)) if part)
    if observed.of("CC.2.7") and observed.of("RO-59"):
        return f"what it asked for was not given, or not all of it: {received}"
    return received if observed.interrupted else [Finding("N-GET of what is scheduled, and C-MOVE of its inputs", received)]


FETCH = "CC.2.7"  # what the step is called in which a watcher is to fetch


@judges("RO59-TDD-004", "RO61-TDD-004", "RO59-WATCHER-004")
def asks_only_for_inputs(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that every instance is listed in the workitem."""

    def one(move: Exchange) -> list[Finding]:
        asked = uids(information(move), "SOPInstanceUID")
        expected = "an instance of the workitem's Input Information Sequence"
        return [Finding(expected, uid, "SOPInstanceUID") for uid in asked if uid not in observed.inputs]

    return _moves(requirement.transaction, one, observed)


# Patient ID may be there with its character set, though it is no key of Study Root; a time zone is no key either.
IN_AN_IDENTIFIER = {*LEVEL, "PatientID", "SpecificCharacterSet", "TimezoneOffsetFromUTC"}


@judges("RO59-TDD-005", "RO61-TDD-005", "RO59-WATCHER-005")
def hierarchy_agrees(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the unique keys above the instance [PS3.4 C.4.2.2.1], and that no other keys are there [PS3.4 C.4.2.1.4.1]."""

    def one(move: Exchange) -> list[Finding]:
        found = []
        for keyword, level in (("StudyInstanceUID", "study"), ("SeriesInstanceUID", "series")):
            sent = uids(information(move), keyword)
            expected = list(dict.fromkeys(getattr(asked, level) for asked in observed.asked(move)))
            if sent and expected and (len(sent) > 1 or [sent[0]] != expected):
                found.append(Finding(f"value {' or '.join(expected)}, as the workitem has it", "\\".join(sent), keyword))
        others = [e for e in information(move) if e.tag.element and not e.tag.is_private and e.keyword not in IN_AN_IDENTIFIER]
        return [*found, *(Finding("absent: it is no unique key", "sent", e.keyword or str(e.tag)) for e in others)]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-006", "RO61-TDD-006", "RO59-WATCHER-006")
def asks_the_right_ae(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the AE that was asked."""

    def one(move: Exchange) -> list[Finding]:
        return [
            Finding(f"{asked.instance} asked of {asked.ae_title}, its Retrieve AE Title", f"asked of {move.acceptor}")
            for asked in _wanted(observed, requirement, move)
            if asked.ae_title != move.acceptor
        ]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-007", "RO61-TDD-007", "RO59-WATCHER-007")
def _moves_to_itself(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the move destination."""

    def one(move: Exchange) -> list[Finding]:
        destination = str(move.request.command.get("MoveDestination") or "").strip()
        expected = f"MoveDestination {observed.receiver}"
        return [] if destination == observed.receiver else [Finding(expected, shown(destination), "command set")]

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-008", "RO61-TDD-008", "RO59-WATCHER-008")
def _moves_by_study_root(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge the information model."""

    def one(move: Exchange) -> list[Finding]:
        found = under(move, STUDY_ROOT_MOVE)
        affected = str(move.request.command.get("AffectedSOPClassUID") or "")
        if affected != STUDY_ROOT_MOVE:
            found.append(Finding(f"AffectedSOPClassUID {named(STUDY_ROOT_MOVE)}", named(affected), "command set"))
        return found

    return _moves(requirement.transaction, one, observed)


@judges("RO59-TDD-009", "RO61-TDD-009", "RO59-WATCHER-009")
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


@judges("RO59-TDD-010", "RO61-TDD-010", "RO59-WATCHER-010", at=lambda observed, transaction: observed.brought(transaction))
def takes_what_it_asked_for(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the status of the C-STORE sub-operations."""

    def one(store: Exchange) -> list[Finding]:
        if store.status == 0 and not store.failure:
            return []
        received = store.failure or f"status {status_text(store.status, store.service)}"
        path = f"C-STORE of {store.instance_uid}"
        return [Finding("status 0000 (success)", received, path, "warning" if is_warning(store.status) else "fault")]

    brought = observed.brought(requirement.transaction)
    return each(brought, one, "C-STORE") if brought else "nothing was sent to the system"


@judges("RO59-TDD-011", "RO61-TDD-011", "RO59-WATCHER-011", at=lambda observed, transaction: observed.brought(transaction))
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

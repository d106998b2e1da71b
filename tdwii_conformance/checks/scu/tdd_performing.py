"""Judges of a TDD, RO-60 and RO-62 to RO-65: the claim, the progress, the record and the end. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.uid import UID

from ...profile import Requirement
from ...profile.statuses import status_text
from ...transcript.exchange import Exchange
from ...ups.times import is_value, value_start
from ..attributes import shown
from ..findings import Finding
from .messages import (
    RECORDS,
    began,
    done,
    ended,
    information,
    items,
    named,
    progress_of,
    refused,
    state_asked_for,
    text,
)
from .observed import ObservedSession, missing, unknown
from .registry import judges
from .tdd_common import after, each
from .tdd_query import requests_that_change


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
    for exchange in requests_that_change(observed):
        uid = text(exchange, "TransactionUID")
        if uid in lost and exchange not in observed.of("RO-60") and began(exchange) >= ended(lost[uid]):
            status = status_text(lost[uid].status)
            found.append(Finding(f"no request with Transaction UID {uid}: its claim got {status}", exchange.service))
    return found


@judges("RO60-TDD-009", at=lambda observed, transaction: observed.state_changes)
def claims_once(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that what it has claimed is not claimed again; with the same Transaction UID that is of no use, but allowed."""
    claim = observed.claim
    if claim is None or not done(claim):
        return "no claim was granted"
    again = [
        e
        for e in observed.state_changes
        if state_asked_for(e) == "IN PROGRESS" and e.instance_uid == claim.instance_uid and began(e) >= ended(claim)
    ]
    lock = text(claim, "TransactionUID")
    others = [text(e, "TransactionUID") for e in again if text(e, "TransactionUID") != lock]
    expected = f"no Transaction UID but that of its claim, {lock}"
    return [Finding(expected, f"claimed again with {shown(other)}", "TransactionUID") for other in others]


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


def _progress_sent(updates: Iterable[Exchange]) -> list[float]:
    return [number for number in (_number(progress_of(one)) for one in updates) if number is not None]


NOTHING_TOLD = "no update has a Procedure Step Progress"


@judges("RO62-TDD-002")
def begins_with_0(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the first progress."""
    told = _progress_sent(observed.of("RO-62"))
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
    told = _progress_sent(observed.of("RO-62"))
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
    told = _progress_sent(observed.of("RO-62"))
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


BEAMS = ("TreatmentSessionBeamSequence", "TreatmentSessionIonBeamSequence")


@judges("RO63-TDD-007")
def records_its_beams(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the beams that a record names; it need not name any (type 3)."""
    known = [number for number in observed.fact("beam_numbers").split("|") if number]
    if not known:
        return unknown("beam_numbers")
    named_ = {
        f"{sequence}[{number}].ReferencedBeamNumber": str(beam.ReferencedBeamNumber)
        for store in observed.of("RO-63")
        for sequence in BEAMS
        for number, beam in enumerate(items(information(store), sequence))
        if beam.get("ReferencedBeamNumber") is not None
    }
    if not named_:
        return "no record names a beam"
    expected = f"a beam of the plan: {', '.join(known)}"
    return [Finding(expected, f"beam {beam}", path) for path, beam in named_.items() if beam not in known]


@judges("RO64-TDD-008", at=lambda observed, transaction: (*observed.of("RO-62"), *observed.of(transaction)))
def final_progress_does_not_fall(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge the final progress by the last one before it."""
    told = _progress_sent(observed.of("RO-62"))
    if not told:
        return NOTHING_TOLD if observed.of("RO-62") else observed.nothing_of("RO-62")

    # A treatment that was completed ends with 100, and one that was canceled below it (T10): that is for RO64-TDD-005.
    if observed.final_state == "COMPLETED" or not 0 <= told[-1] < 100:
        return "what the last progress is to be follows from the final state"

    def one(update: Exchange) -> list[Finding]:
        now = _number(progress_of(update))
        if now is None or now < 0 or now >= told[-1]:
            return []
        return [Finding(f"at least {told[-1]:g}, as in the last update before", f"{now:g}", PROGRESS)]

    return each(observed.of("RO-64"), one, "update")


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


@judges("RO65-TDD-006", at=lambda observed, transaction: (*observed.of(transaction), *observed.late))
def sets_nothing_afterwards(requirement: Requirement, observed: ObservedSession) -> list[Finding]:
    """Judge that no N-SET comes after the final state."""
    return [
        Finding(f"no N-SET, for the workitem is {observed.final_state}", f"N-SET, answered {status_text(late.status, 'N-SET')}")
        for late in observed.late
    ]


@judges("RO65-TDD-007", at=lambda observed, transaction: (*observed.of("RO-64"), *observed.of(transaction)))
def completes_what_was_reported(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge that COMPLETED is not asked for without a final update that was taken."""
    if not observed.of("RO-64"):
        return missing("RO-64")
    completions = [end for end in observed.of("RO-65") if text(end, "ProcedureStepState") == "COMPLETED"]
    if not completions:
        return "the treatment was canceled"

    def one(end: Exchange) -> list[Finding]:
        if any(done(update) and began(update) < began(end) for update in observed.of("RO-64")):
            return []
        statuses = ", ".join(status_text(update.status, update.service) for update in observed.of("RO-64"))
        return [Finding("COMPLETED after a final update that the TMS has taken", f"final update answered {statuses}")]

    return each(completions, one, "request")

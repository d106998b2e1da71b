"""Variations where the standard can be read in several ways: each is a reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pynetdicom import evt

from ..dimse.contexts import contexts_of
from ..profile.ups_service import UPS
from ..profile.ups_tables import attribute_rows
from ..ups import IdentifierError, Outcome
from ..ups.datasets import plain, without
from ..ups.matching import strings
from . import cells, queries, state_changes
from .answer_variations import optional_keys
from .deviations import Variation
from .hooks import Around, around, on_outcome, on_responses, set_command
from .variations import C_MOVE, PROGRESS, REASONS, SUCCESS, Apply, one, variation


@variation("create-missing-filled", "Fills in what an N-CREATE lacks, and says so: B300", "CC.2.5.4")
def _fills_in(tms: Any) -> None:
    filled = {
        "ProcedureStepState": "SCHEDULED",
        "ScheduledProcedureStepPriority": "MEDIUM",
        "InputReadinessState": "READY",
        "ProcedureStepLabel": "Unnamed",
    }

    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        lacking = [keyword for keyword in filled if not attributes.get(keyword)]
        for keyword in lacking:
            setattr(attributes, keyword, filled[keyword])
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0xB300) if lacking and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


FOR_THE_PERFORMER = ("TransactionUID", PROGRESS, "UnifiedProcedureStepPerformedProcedureSequence")


@variation("create-refuses-content-for-the-performer", "Refuses an N-CREATE that brings progress or a lock", "A19")
def _refuses_performer(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        return Outcome(0x0106) if any(attributes.get(keyword) for keyword in FOR_THE_PERFORMER) else original(uid, attributes)

    around(tms.worklist, "create", create)


@variation(
    "create-ignores-content-for-the-performer",
    "Creates a UPS without the progress or lock that came along",
    "A19",
)
def _ignores_performer(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        for keyword in FOR_THE_PERFORMER:
            if attributes.get(keyword):
                setattr(attributes, keyword, None if keyword == "TransactionUID" else [])
        outcome: Outcome = original(uid, attributes)
        return outcome

    around(tms.worklist, "create", create)


OPTIONAL = ("SpecialNeeds", "PregnancyStatus", "MedicalAlerts", "OutputDestinationSequence")  # of type 3 for the SCU


@variation("create-optional-unsupported", "Does not keep optional attributes, and says so: 0001", "CC.2.5.4")
def _no_optional(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        lost = [keyword for keyword in OPTIONAL if keyword in attributes]
        outcome: Outcome = original(uid, without(attributes, lost))
        return replace(outcome, status=0x0001) if lost and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


@variation("set-ignores-fixed", "Ignores in an N-SET what must not change", "A19")
def _ignores_fixed(tms: Any) -> None:
    fixed = [k for k, row in attribute_rows().items() if row.set in ("not allowed", "special", "-") and k != "TransactionUID"]

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        outcome: Outcome = original(uid, without(modification, fixed))
        return outcome

    around(tms.worklist, "set", perform)


@variation("set-unsupported-refused", "Refuses N-SET of attributes that it need not support", "CC.2.6.4")
def _refuses_optional(tms: Any) -> None:
    rows = attribute_rows()
    optional = [k for k, r in rows.items() if r.set == "3" and r.set_scp in ("2", "3") and r.final not in ("P", "X")]

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        granted = record is not None and record.state == "IN PROGRESS" and modification.get("TransactionUID") == record.lock
        unsupported = granted and any(keyword in modification for keyword in optional)
        return Outcome(0x0105) if unsupported else original(uid, modification)

    around(tms.worklist, "set", perform)


@variation("set-refuses-empty-sequences", "Refuses to empty a sequence", "CC.2.5.1.3")
def _refuses_empty(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record = tms.worklist.store.get(uid)
        granted = record is not None and record.state == "IN PROGRESS" and modification.get("TransactionUID") == record.lock
        empty = granted and any(e.VR == "SQ" and e.is_empty and e.keyword != PROGRESS for e in modification)
        return Outcome(0x0121) if empty else original(uid, modification)

    around(tms.worklist, "set", perform)


@variation("set-of-scheduled-refused", "Refuses N-SET of a SCHEDULED UPS with C310", "A11")
def _scheduled_refused(tms: Any) -> None:
    cells.install("N-SET without one", "SCHEDULED", cells.answer(0xC310), tms)


@variation("canceled-needs-a-reason", "Refuses CANCELED without a discontinuation reason: C304", "A12")
def _needs_reason(tms: Any) -> None:
    def cancel(original: Around, record: Any, state: str, lock: str) -> Outcome | None:
        progress = record.attributes.get(PROGRESS)
        return None if progress and progress[0].get(REASONS) else Outcome(0xC304)

    state_changes.on_final(tms, cancel, "CANCELED")


@variation("find-nothing-by-empty-keys", "Finds nothing by a query that has only empty keys", "A15")
def _nothing_by_empty_keys(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        return iter(()) if all(element.is_empty for element in identifier) else original(identifier, **named)

    around(tms, "find", find)


@variation("set-issuer-refused", "Refuses N-SET of an issuer in Other Patient IDs Sequence", "A18")
def _issuer_refused(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        others = modification.get("OtherPatientIDsSequence") or ()
        outcome: Outcome = Outcome(0x0106) if any(ISSUER in other for other in others) else original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


@variation("set-issuer-ignored", "Stores no issuer that N-SET brings in Other Patient IDs Sequence", "A18")
def _issuer_ignored(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        for other in modification.get("OtherPatientIDsSequence") or ():
            without(other, (ISSUER,))
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


ISSUER = "IssuerOfPatientID"


@variation("find-unknown-matches", "Takes an attribute without value to match whatever is asked for", "A13")
def _unknown_matches(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Iterator[Dataset]:
        return more(original, original(identifier, **named), identifier, named)  # what is wrong with the identifier is told at once

    def more(original: Around, responses: Iterator[Dataset], identifier: Dataset, named: Any) -> Iterator[Dataset]:
        asked = [element for element in plain(identifier) if not element.is_empty]
        uids = strings(identifier["SOPInstanceUID"]) if "SOPInstanceUID" in identifier else ()
        found = set()
        for response in responses:
            found.add(response.get("SOPInstanceUID"))
            yield response
        for record in tms.worklist.records():
            unknown = [e for e in asked if e.tag in record.attributes and record.attributes[e.tag].is_empty]
            if unknown and record.uid not in found and (not uids or record.uid in uids):
                for response in original(_for_one(identifier, record.uid, unknown), **named):
                    yield response if "SOPInstanceUID" in identifier else without(response, ("SOPInstanceUID",))

    around(tms, "find", find)


def _for_one(identifier: Dataset, uid: str, unknown: Sequence[Any]) -> Dataset:
    """Return the query for one UPS that leaves out what it has no values for."""
    query = plain(identifier)
    if character_set := identifier.get("SpecificCharacterSet"):
        query.SpecificCharacterSet = character_set
    for element in unknown:
        setattr(query, element.keyword, [] if element.VR == "SQ" else None)
    query.SOPInstanceUID = uid
    return query


@variation("find-no-lists-of-instances", "Takes the first of a list of SOP Instance UIDs", "A22")
def _first_uid(tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        if "SOPInstanceUID" in identifier and identifier["SOPInstanceUID"].VM > 1:
            identifier.SOPInstanceUID = identifier.SOPInstanceUID[0]
        return identifier

    queries.on_query(tms, query)


@variation("find-optional-keys-ignored", "Ignores optional keys, with FF00", "CC.2.8.1.3.1")
def _optional_ignored(tms: Any) -> None:
    optional = set(optional_keys(attribute_rows()))
    queries.on_keys(tms, lambda here, key: queries.compares(key, None) if here in optional and key.fits else key)


@variation("find-performed-ignored", "Ignores keys in the Performed Procedure Sequence", "A23")
def _performed_ignored(tms: Any) -> None:
    performed = FOR_THE_PERFORMER[2]
    queries.on_keys(tms, lambda here, key: queries.compares(key, None) if here[0] == performed and key.fits else key)


@variation("find-no-key-refused", "Refuses values for what is no matching key", "PS3.4 C.2.2.2")
def _no_key_refused(tms: Any) -> None:
    rows = attribute_rows()

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        strange = [e for e in identifier if not e.is_empty and (row := rows.get(e.keyword)) is not None and row.match == "-"]
        strange += [e for e in identifier if not e.is_empty and e.keyword == "Modality"]
        if any(e.VR != "SQ" or any(len(item) for item in e.value) for e in strange if e.keyword not in NEVER_KEYS):
            raise IdentifierError(0xA900, "not a matching key")
        return original(identifier, **named)

    around(tms, "find", find)


NEVER_KEYS = ("SpecificCharacterSet", "TimezoneOffsetFromUTC", "TransactionUID")


@variation("find-names-with-case", "Matches Patient's Name with regard to case", "PS3.4 C.2.2.2.1")
def _names_with_case(tms: Any) -> None:
    def change(here: queries.Path, key: Any) -> Any:
        if here != ("PatientName",) or key.fits is None:
            return key
        fits = key.fits
        return queries.compares(key, lambda value, zone: fits(value, zone))

    queries.on_keys(tms, change)


@variation("find-lock-refused", "Refuses a query with Transaction UID", "CC.2.8.1.3")
def _lock_key_refused(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        if "TransactionUID" in identifier:
            raise IdentifierError(0xA900, "Transaction UID is no key")
        return original(identifier, **named)

    around(tms, "find", find)


@variation("get-unsupported-said", "Answers 0107 when an attribute asked for is not kept", "PS3.7 10.1.2.1.4")
def _says_unsupported(tms: Any) -> None:
    rows = attribute_rows()

    def get(outcome: Outcome, event: Any) -> Outcome:
        unknown = any(keyword_for_tag(tag) not in rows for tag in event.attribute_identifiers or ())
        return replace(outcome, status=0x0107) if unknown and outcome.status == SUCCESS else outcome

    on_outcome(tms, "get", get)


@variation("another-class-taken", "Takes DIMSE-N messages that name UPS Pull or Watch", "A1")
def _takes_other_classes(tms: Any) -> None:
    push = UPS.PUSH

    def take(handler: Callable[[Any], Any], event: Any) -> Any:
        if event.request.RequestedSOPClassUID in (UPS.PULL, UPS.WATCH):
            event.request.RequestedSOPClassUID = push
        return handler(event)

    for kind in (evt.EVT_N_GET, evt.EVT_N_SET, evt.EVT_N_ACTION):
        tms.server.wrap_handler(kind, take)


@variation.rows
def _rows_of_extended() -> Iterator[Variation]:
    yield one("extended-unanswered", "Does not answer extended negotiation", _extended(None), "PS3.4 K.5.1")
    yield one("extended-declined", "Turns down all it may of extended negotiation", _extended(b"\1\1\0\0"), "PS3.4 K.5.1")  # fmt: skip
    yield one("extended-all-0", "Turns down the reserved bytes of extended negotiation, too", _extended(b"\0\0\0\0"), "PS3.4 K.5.1")  # fmt: skip
    yield one("extended-three-bytes", "Answers three bytes to four of extended negotiation", _extended(b"\1\1\0"), "PS3.4 K.5.1")  # fmt: skip


def _extended(answer: bytes | None) -> Apply:
    """Return what answers extended negotiation with these bytes, no more than were proposed, or not at all."""

    def apply(tms: Any) -> None:
        def given(handler: Callable[[Any], dict[str, bytes]], event: Any) -> dict[str, bytes]:
            return {} if answer is None else {uid: answer[: len(event.app_info[uid])] for uid in handler(event)}

        tms.server.wrap_handler(evt.EVT_SOP_EXTENDED, given)

    return apply


@variation("extended-fuzzy", "Accepts fuzzy semantic matching where it is proposed", "PS3.4 K.5.1")
def _accepts_fuzzy(tms: Any) -> None:
    # Fuzzy semantic matching may find more names, and need not: that it is accepted is all there is to see.
    def given(handler: Callable[[Any], dict[str, bytes]], event: Any) -> dict[str, bytes]:
        return {uid: ours[:2] + event.app_info[uid][2:3] + ours[3:] for uid, ours in handler(event).items()}

    tms.server.wrap_handler(evt.EVT_SOP_EXTENDED, given)


@variation("accepts-ups-event", "Accepts UPS Event when a watcher opens the association", "CC.2.4.3")
def _accepts_event(tms: Any) -> None:
    tms.server.contexts.extend(contexts_of([UPS.EVENT]))


@variation("move-refused-a702", "Answers A702 when the destination refuses the only instance", "PS3.4 C.4.2.1.5")
def _a702(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        command = message.command_set
        counted = [command.get(f"NumberOf{kind}Suboperations") for kind in ("Completed", "Warning")]
        if command.Status == 0xB000 and not any(counted):
            set_command(command, Status=0xA702)

    on_responses(tms, C_MOVE, sent)

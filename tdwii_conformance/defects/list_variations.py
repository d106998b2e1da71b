"""Variations of what a TMS makes of attributes, keys and classes that a request need not, or must not, name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import evt

from ..profile.ups_service import CHANGE_STATE, UPS
from ..ups import IdentifierError, Outcome
from ..ups.datasets import plain
from .hooks import Around, around
from .lists import NO_SUCH_ARGUMENT, NO_SUCH_ATTRIBUTE, WITHOUT_IT, unknown_in, unknown_in_creation
from .variations import SUCCESS, variation

__all__: list[str] = []

RESERVED = (0x0000, 0x0002, 0x0004)


@variation("get-of-reserved-groups-refused", "Refuses N-GET of an element that no data set has", "PS3.7 10.1.2")
def _reserved_refused(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        reserved = any(Tag(tag).group in RESERVED for tag in event.attribute_identifiers or ())
        return Outcome(0x0110) if reserved else original(event)

    around(tms, "get", get)


def _granted(tms: Any, uid: str, modification: Dataset) -> bool:
    """Whether an N-SET comes from who has the lock."""
    record = tms.worklist.store.get(uid)
    return record is not None and record.state == "IN PROGRESS" and modification.get("TransactionUID") == record.lock


@variation("set-unknown-refused", "Refuses an N-SET with an attribute that no UPS has: 0105", "PS3.7 10.1.3")
def _unknown_refused(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        granted = _granted(tms, uid, modification)
        return Outcome(NO_SUCH_ATTRIBUTE) if granted and unknown_in(plain(modification)) else original(uid, modification)

    around(tms.worklist, "set", perform)


@variation("set-unknown-left-out", "Leaves an attribute that no UPS has out of an N-SET, and says so: 0107", "PS3.7 10.1.3")
def _unknown_left_out(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        unknown = unknown_in(plain(modification))
        for element in unknown:
            del modification[element.tag]
        outcome: Outcome = original(uid, modification)
        return replace(outcome, status=0x0107) if unknown and outcome.status == SUCCESS else outcome

    around(tms.worklist, "set", perform)


EMPTIED = ("StudyInstanceUID", "MedicalAlerts", "PregnancyStatus", "SpecialNeeds")


def _emptied(modification: Dataset) -> list[str]:
    brought = plain(modification)
    return [keyword for keyword in EMPTIED if keyword in brought and brought[keyword].is_empty]


@variation("set-refuses-to-empty", "Refuses to empty an attribute of type 3", "PS3.4 5.4.2.1")
def _empty_refused(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        granted = _granted(tms, uid, modification)
        return Outcome(0x0121) if granted and _emptied(modification) else original(uid, modification)

    around(tms.worklist, "set", perform)


@variation("set-does-not-empty", "Keeps the value of an attribute that an N-SET would empty, and says so: 0001", "CC.2.6.4")
def _empty_unsupported(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        emptied = _emptied(modification)
        for keyword in emptied:
            del modification[keyword]
        outcome: Outcome = original(uid, modification)
        return replace(outcome, status=0x0001) if emptied and outcome.status == SUCCESS else outcome

    around(tms.worklist, "set", perform)


@variation(
    "create-identity-in-the-list-refused", "Refuses an N-CREATE whose attribute list names class or instance", "PS3.4 5.4.2.3"
)
def _identity_refused(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        return Outcome(0x0106) if {"SOPClassUID", "SOPInstanceUID"} & {e.keyword for e in attributes} else original(uid, attributes)

    around(tms.worklist, "create", create)


@variation("create-unknown-refused", "Refuses an N-CREATE with an attribute that no UPS has: 0105", "PS3.7 10.1.5")
def _unknown_creation_refused(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        return Outcome(NO_SUCH_ATTRIBUTE) if unknown_in_creation(plain(attributes)) else original(uid, attributes)

    around(tms.worklist, "create", create)


@variation("create-unknown-left-out", "Leaves an attribute that no UPS has out of a new UPS, and says so: 0107", "PS3.7 10.1.5")
def _unknown_not_created(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        unknown = unknown_in_creation(plain(attributes))
        for element in unknown:
            del attributes[element.tag]
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=0x0107) if unknown and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


@variation(
    "create-of-another-class-as-ups-push", "Takes an N-CREATE that names another class, and makes a UPS of UPS Push", "CC.3.1.1"
)
def _made_of_push(tms: Any) -> None:
    def create(handler: Callable[[Any], Any], event: Any) -> Any:
        event.request.AffectedSOPClassUID = UPS.PUSH
        return handler(event)

    tms.server.wrap_handler(evt.EVT_N_CREATE, create)


@variation("under-another-class-another-failure", "Refuses what a class has not with 0122 instead of 0211", "PS3.7 10.1")
def _another_failure(tms: Any) -> None:
    def perform(handler: Callable[[Any], Any], event: Any) -> Any:
        answer = handler(event)
        if answer[0].Status == WITHOUT_IT:
            answer[0].Status = 0x0122
        return answer

    for kind in (evt.EVT_N_CREATE, evt.EVT_N_SET, evt.EVT_N_ACTION):
        tms.server.wrap_handler(kind, perform)


@variation(
    "claim-with-more-refused", "Refuses a change of state whose information has more than the table: 0114", "PS3.7 10.1.4.1.10"
)
def _more_refused(tms: Any) -> None:
    known = ("ProcedureStepState", "TransactionUID", "SpecificCharacterSet")

    def act(original: Around, event: Any, action: int) -> Outcome:
        more = action == CHANGE_STATE and event.request.ActionInformation is not None
        if more and any(element.keyword not in known for element in event.action_information):
            return Outcome(NO_SUCH_ARGUMENT)
        outcome: Outcome = original(event, action)
        return outcome

    around(tms, "action", act)


@variation("find-unknown-key-refused", "Refuses a query with a key that no UPS has: A900", "CC.2.8.4")
def _unknown_key_refused(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        if unknown_in(plain(identifier)):
            raise IdentifierError(0xA900, "no attribute of a UPS")
        return original(identifier, **named)

    around(tms, "find", find)

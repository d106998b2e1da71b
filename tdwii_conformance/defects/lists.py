"""Defects of what a request lists: attributes that it need not name, must not name, or that nobody has; many; another class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import evt

from ..profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, UPS
from ..profile.ups_tables import attribute_rows
from ..ups import Outcome, Record
from ..ups.datasets import merged, plain, without
from ..ups.matching import strings
from ..ups.store import Change
from .hooks import Around, abort, around, on_outcome
from .queries import compares, on_keys
from .showing import on_get
from .tms import PROCESSING_FAILURE, SUCCESS, defect

__all__: list[str] = []

RESERVED = (0x0000, 0x0002, 0x0004)  # groups of commands, of a file's meta information, of a directory


def _asked(event: Any) -> list[Any]:
    return [Tag(tag) for tag in event.attribute_identifiers or ()]


def _under(context: str) -> Callable[[Any], bool]:
    return lambda event: bool(event.context.abstract_syntax == context)


def _another_ae(event: Any) -> bool:
    return str(event.assoc.requestor.ae_title).strip() != "TDD"


# --- N-GET --------------------------------------------------------------------------------------------------------------


@defect("get-lock-under-push", "Returns the Transaction UID when it is asked for under UPS Push", "CC27-TMS-005",
        given=(_under(UPS.PUSH),))  # fmt: skip
@defect("get-lock-under-watch", "Returns the Transaction UID when it is asked for under UPS Watch", "CC27-TMS-005",
        given=(_under(UPS.WATCH),))  # fmt: skip
@defect("get-lock-by-another-ae", "Returns the Transaction UID when an AE asks for it that does not perform the UPS", "CC27-TMS-005",
        given=(_another_ae,))  # fmt: skip
def _lock_shown(whom: Callable[[Any], bool], tms: Any) -> None:
    def get(outcome: Outcome, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if record is None or outcome.dataset is None or Tag("TransactionUID") not in _asked(event) or not whom(event):
            return outcome
        shown = merged(outcome.dataset)
        shown.TransactionUID = record.lock
        return replace(outcome, dataset=shown)

    on_outcome(tms, "get", get)


@defect("get-long-list-cut", "Returns of the attributes asked for the first twenty", "CC27-TMS-003")
def _cut(tms: Any) -> None:
    def cut(shown: Dataset, tags: list[Any], event: Any) -> None:
        for tag in tags[20:]:
            if tag in shown:
                del shown[tag]

    on_get(cut, tms)


@defect("get-private-under-push-refused", "Refuses N-GET of a private attribute under UPS Push", "CC27-TMS-016", given=(UPS.PUSH,))
@defect("get-private-under-watch-refused", "Refuses N-GET of a private attribute under UPS Watch", "CC27-TMS-017",
        given=(UPS.WATCH,))  # fmt: skip
def _private_refused(context: str, tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        private = any(tag.is_private for tag in _asked(event))
        return Outcome(PROCESSING_FAILURE) if private and _under(context)(event) else original(event)

    around(tms, "get", get)


@defect(
    "get-shows-elements-of-files", "Shows Transfer Syntax UID of a file's meta information when it is asked for", "CC27-TMS-030"
)
def _elements_of_files(tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        if Tag("TransferSyntaxUID") in tags:
            shown.TransferSyntaxUID = "1.2.840.10008.1.2"

    on_get(show, tms)


@defect("get-shows-elements-of-commands", "Shows Message ID, an element of a command, when it is asked for", "CC27-TMS-030")
def _elements_of_commands(tms: Any) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        if Tag("MessageID") in tags:
            shown.MessageID = 1

    on_get(show, tms)


@defect("get-of-reserved-groups-aborts", "Aborts on an N-GET of an element that no data set has", "CC27-TMS-030")
def _aborts(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        if any(tag.group in RESERVED for tag in _asked(event)):
            abort(event.assoc)
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)


# --- N-SET --------------------------------------------------------------------------------------------------------------

NO_SUCH_ATTRIBUTE, NO_SUCH_ARGUMENT = 0x0105, 0x0114


def unknown_in(dataset: Dataset) -> list[Any]:
    """Return the elements, private ones and others, that the table of a UPS does not have at the top level."""
    apart = ("TransactionUID", "SpecificCharacterSet", "TimezoneOffsetFromUTC")
    return [element for element in dataset if element.keyword not in attribute_rows() and element.keyword not in apart]


def _in_an_item(dataset: Dataset, lock: str) -> bool:
    items = [item for element in dataset if element.VR == "SQ" for item in element.value or ()]
    return any(str(item.get("TransactionUID") or "") == lock or _in_an_item(item, lock) for item in items)


def _among_several(dataset: Dataset, lock: str) -> bool:
    return "TransactionUID" in dataset and lock in strings(dataset["TransactionUID"])


@defect("set-lock-in-an-item-taken", "Takes the lock in an item of an N-SET for the one that it asks for", "CC26-TMS-006",
        given=(_in_an_item,))  # fmt: skip
@defect("set-lock-among-several-taken", "Takes the lock among several Transaction UIDs of an N-SET", "CC26-TMS-007",
        given=(_among_several,))  # fmt: skip
def _lock_found(there: Callable[[Dataset, str], bool], tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record, brought = tms.worklist.store.get(uid), plain(modification)
        if record is not None and record.state == "IN PROGRESS" and there(brought, record.lock):
            modification.TransactionUID = record.lock
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-changes-what-is-fixed-while-scheduled", "Lets an N-SET of a SCHEDULED UPS change Admission ID", "CC26-TMS-017")
def _sets_fixed(tms: Any) -> None:
    keyword = "AdmissionID"

    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        record, brought = tms.worklist.store.get(uid), plain(modification)
        scheduled = record is not None and record.state == "SCHEDULED" and keyword in brought
        outcome: Outcome = original(uid, without(modification, [keyword]) if scheduled else modification)
        if scheduled and outcome.status == SUCCESS:
            record, more = tms.worklist.store.get(uid), Dataset()
            more[keyword] = brought[keyword]
            tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more), record.lock)))
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-stops-at-what-is-unknown", "Stores of an N-SET what stands before an attribute that no UPS has, and answers success",
        "CC26-TMS-040")  # fmt: skip
def _stops(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        brought = plain(modification)
        first = min((element.tag for element in unknown_in(brought)), default=None)
        behind = [element.tag for element in brought if first is not None and element.tag >= first]
        for tag in behind:
            del modification[tag]
        outcome: Outcome = original(uid, modification)
        return outcome

    around(tms.worklist, "set", perform)


@defect("set-refuses-what-is-unknown-and-stores-the-rest", "Refuses an N-SET for an attribute that no UPS has, and stores the rest",
        "CC26-TMS-040")  # fmt: skip
def _refuses_and_stores(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        unknown = unknown_in(plain(modification))
        outcome: Outcome = original(uid, modification)
        return replace(outcome, status=NO_SUCH_ATTRIBUTE) if unknown and outcome.status == SUCCESS else outcome

    around(tms.worklist, "set", perform)


@defect("set-empty-attribute-lost", "Answers success to an N-SET that empties Special Needs, and keeps the value", "CC26-TMS-041")
def _keeps_value(tms: Any) -> None:
    def perform(original: Around, uid: str, modification: Dataset) -> Outcome:
        brought = plain(modification)
        emptied = "SpecialNeeds" in brought and brought["SpecialNeeds"].is_empty
        outcome: Outcome = original(uid, without(modification, ["SpecialNeeds"]) if emptied else modification)
        return outcome

    around(tms.worklist, "set", perform)


# --- N-CREATE -----------------------------------------------------------------------------------------------------------


@defect("create-class-of-the-list", "Makes a new UPS of the SOP class that the attribute list of N-CREATE names", "CC25-TMS-026")
def _class_of_the_list(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        named = attributes.get("SOPClassUID")
        outcome: Outcome = original(uid, attributes)
        record = tms.worklist.store.get(uid)
        if named and outcome.status == SUCCESS:
            more = Dataset()
            more.SOPClassUID = named
            tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more), record.lock)))
        return outcome

    around(tms.worklist, "create", create)


@defect("create-instance-of-the-list", "Makes a new UPS under the SOP Instance UID that the attribute list of N-CREATE names",
        "CC25-TMS-027")  # fmt: skip
def _instance_of_the_list(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        outcome: Outcome = original(str(attributes.get("SOPInstanceUID") or uid), attributes)
        return outcome

    around(tms.worklist, "create", create)


def unknown_in_creation(attributes: Dataset) -> list[Any]:
    """Return the elements that no UPS has, nor its modules: private ones may come along."""
    unknown = ("", "PixelSpacing", "ProcedureStepProgress")
    return [element for element in unknown_in(attributes) if element.keyword in unknown and not element.tag.is_private]


@defect("create-loses-labels-with-what-is-unknown", "Loses the labels of an N-CREATE that brings an attribute that no UPS has",
        "CC25-TMS-050")  # fmt: skip
def _loses_labels(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        unknown = unknown_in_creation(plain(attributes))
        outcome: Outcome = original(uid, attributes)
        if unknown and outcome.status == SUCCESS:
            record = tms.worklist.store.get(uid)
            rest = without(merged(record.attributes), ["ProcedureStepLabel", "WorklistLabel"])
            tms.worklist.store.commit(Change(Record(uid, rest, record.lock)))
        return outcome

    around(tms.worklist, "create", create)


@defect("create-refuses-what-is-unknown-and-creates", "Refuses an N-CREATE for an attribute that no UPS has, and creates the UPS",
        "CC25-TMS-050")  # fmt: skip
def _refuses_and_creates(tms: Any) -> None:
    def create(original: Around, uid: str, attributes: Dataset) -> Outcome:
        unknown = unknown_in_creation(plain(attributes))
        outcome: Outcome = original(uid, attributes)
        return replace(outcome, status=NO_SUCH_ATTRIBUTE) if unknown and outcome.status == SUCCESS else outcome

    around(tms.worklist, "create", create)


# --- another class ------------------------------------------------------------------------------------------------------

WITHOUT_IT = 0x0211  # not offered under this presentation context


@defect("create-of-another-class", "Makes a UPS of the SOP class that the N-CREATE names, whichever it is", "CC31-TMS-020")
def _of_another_class(tms: Any) -> None:
    def create(handler: Callable[[Any], Any], event: Any) -> Any:
        named = str(event.request.AffectedSOPClassUID)
        event.request.AffectedSOPClassUID = UPS.PUSH
        answer = handler(event)
        record = tms.worklist.store.get(str(event.request.AffectedSOPInstanceUID))
        if named != UPS.PUSH and answer[0].Status == SUCCESS:
            more = Dataset()
            more.SOPClassUID = named
            tms.worklist.store.commit(Change(Record(record.uid, merged(record.attributes, more), record.lock)))
        return answer

    tms.server.wrap_handler(evt.EVT_N_CREATE, create)


@defect("cancel-of-another-class-refused-but-done", "Refuses a cancel request that names UPS Pull, and does it all the same",
        "CC31-TMS-008")  # fmt: skip
def _cancels_all_the_same(tms: Any) -> None:
    def act(handler: Callable[[Any], Any], event: Any) -> Any:
        answer = handler(event)
        if answer[0].Status == 0x0119 and event.action_type == REQUEST_CANCEL:
            tms.worklist.request_cancel(str(event.request.RequestedSOPInstanceUID), None, "NOBODY")
        return answer

    tms.server.wrap_handler(evt.EVT_N_ACTION, act)


@defect("set-under-another-class-refused-but-done", "Refuses an N-SET under UPS Push or Watch, and does it all the same", "CC31-TMS-021",
        given=(evt.EVT_N_SET, "set"))  # fmt: skip
@defect("action-under-another-class-refused-but-done", "Refuses a change of state under UPS Push or Watch and a cancel request under"
        " UPS Pull, and does it all the same", "CC31-TMS-021", given=(evt.EVT_N_ACTION, "action"))  # fmt: skip
@defect("create-under-another-class-refused-but-done", "Refuses an N-CREATE under UPS Pull or Watch, and creates the UPS",
        "CC31-TMS-021", given=(evt.EVT_N_CREATE, "create"))  # fmt: skip
def _done_under_another_class(kind: Any, method: str, tms: Any) -> None:
    def perform(handler: Callable[[Any], Any], event: Any) -> Any:
        answer = handler(event)
        if answer[0].Status == WITHOUT_IT:
            getattr(tms, method)(event, *([event.action_type] if method == "action" else []))
        return answer

    tms.server.wrap_handler(kind, perform)


# --- N-ACTION -----------------------------------------------------------------------------------------------------------


@defect("claim-stores-what-comes-along", "Stores the label that the information of a change of state brings", "CC21-TMS-020")
def _stores_what_comes_along(tms: Any) -> None:
    def act(original: Around, event: Any, action: int) -> Outcome:
        outcome: Outcome = original(event, action)
        label = event.action_information.get("ProcedureStepLabel") if action == CHANGE_STATE else None
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if label and outcome.status == SUCCESS:
            more = Dataset()
            more.ProcedureStepLabel = label
            tms.worklist.store.commit(Change(Record(record.uid, merged(record.attributes, more), record.lock)))
        return outcome

    around(tms, "action", act)


@defect("claim-with-more-without-effect", "Answers success to a claim whose information has a private attribute, and does not make it",
        "CC21-TMS-020", given=(False,))  # fmt: skip
@defect("claim-with-more-refused-but-done", "Refuses a claim whose information has a private attribute, and makes it",
        "CC21-TMS-020", given=(True,))  # fmt: skip
def _claim_with_more(done: bool, tms: Any) -> None:
    def act(original: Around, event: Any, action: int) -> Outcome:
        private = action == CHANGE_STATE and any(element.tag.is_private for element in event.action_information)
        if private and not done:
            return Outcome(SUCCESS)
        outcome: Outcome = original(event, action)
        return replace(outcome, status=NO_SUCH_ARGUMENT) if private else outcome

    around(tms, "action", act)


# --- C-FIND -------------------------------------------------------------------------------------------------------------


@defect("find-nothing-with-a-key-of-no-ups", "Finds nothing by a query with a key that no UPS has, without a value", "CC28-TMS-070")
def _nothing_with_unknown(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        unknown = any(element.is_empty for element in unknown_in(plain(identifier)))
        return iter(()) if unknown else original(identifier, **named)

    around(tms, "find", find)


@defect("find-with-a-private-key-aborts", "Aborts on a query with a private key", "CC28-TMS-057")
def _aborts_on_private(tms: Any) -> None:
    def find(handler: Callable[[Any], Any], event: Any) -> Any:
        if any(element.tag.is_private for element in event.identifier):
            abort(event.assoc)
            return iter([(PROCESSING_FAILURE, None)])
        return handler(event)

    tms.server.wrap_handler(evt.EVT_C_FIND, find)


@defect("find-list-of-studies-nothing", "Finds nothing by a list of Study Instance UIDs", "CC28-TMS-032")
def _no_list_of_studies(tms: Any) -> None:
    path = ("StudyInstanceUID",)
    on_keys(tms, lambda here, key: compares(key, lambda value, zone: False) if here == path and len(key.wanted) > 1 else key)

"""The worklist of a UPS SCP [CC.2]: create, set, get, find, change state, request cancel, and the events that follow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from ..profile.ups_tables import AttributeRow, attribute_rows
from . import states
from .final_state import missing
from .matching import TIMES, Key, keys_of, match, respond, strings
from .store import MemoryStore, Record, Store, plain
from .times import is_value

__all__ = ["Event", "IdentifierError", "Outcome", "Worklist"]

PUSH = "1.2.840.10008.5.1.4.34.6.1"
WELL_KNOWN = ("1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1")  # instances to subscribe to [CC.2.3.2]
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"

SUCCESS = 0x0000
INVALID_VALUE, DUPLICATE, MISSING_ATTRIBUTE, MISSING_VALUE = 0x0106, 0x0111, 0x0120, 0x0121
NOT_UPDATABLE, WRONG_LOCK, NOT_SCHEDULED, NO_SUCH_UPS, NOT_IN_PROGRESS = 0xC300, 0xC301, 0xC309, 0xC307, 0xC310
INVALID_INSTANCE = 0x0117
IDENTIFIER_DOES_NOT_FIT, CANNOT_PROCESS = 0xA900, 0xC000

# Event Type IDs [CC.2.4.1]
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, ASSIGNED = 1, 2, 3, 5
# Defined in PS3.3 C.30.
VALUES = {
    "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"),
    "InputReadinessState": ("READY", "UNAVAILABLE", "INCOMPLETE"),
}
# They travel in the command set; in a data set they say nothing [CC.2.5.1.3].
IDENTITY = ("SOPClassUID", "SOPInstanceUID")
FILLED_BY_PERFORMER = (PROGRESS, PERFORMED, "TransactionUID")
DEFAULT_LABEL = "TDW-II"


class IdentifierError(ValueError):
    """A query cannot be answered.

    Parameters
    ----------
    status : int
        C-FIND status.
    comment : str
        Why.
    """

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status, self.comment = status, comment


@dataclass(frozen=True)
class Event:
    """Something that subscribers of a UPS are told [CC.2.4].

    Parameters
    ----------
    type : int
        Event Type ID.
    uid : str
        SOP Instance UID of the UPS.
    attributes : Dataset
        Event information.
    """

    type: int
    uid: str
    attributes: Dataset


@dataclass(frozen=True)
class Outcome:
    """What an operation answers, and what follows from it.

    Parameters
    ----------
    status : int
        DIMSE status.
    comment : str
        Error Comment.
    dataset : Dataset or None
        Attribute list of the response.
    events : tuple of Event
        What subscribers are told, in order.
    """

    status: int
    comment: str = ""
    dataset: Dataset | None = None
    events: tuple[Event, ...] = ()


class Worklist:
    """A worklist. Safe to use from many threads: changes are made one after the other, each whole or not at all.

    Parameters
    ----------
    store : Store, optional
        Where it is kept.
    now : callable, optional
        Returns the present time, with time zone.
    """

    def __init__(self, store: Store | None = None, now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> None:
        self._store = store if store is not None else MemoryStore()
        self._now = now
        self._lock = threading.RLock()

    def create(self, uid: str, attributes: Dataset) -> Outcome:
        """N-CREATE [CC.2.5].

        Parameters
        ----------
        uid : str
            Affected SOP Instance UID.
        attributes : Dataset
            Attribute list; it is used up.
        """
        if not UID(uid).is_valid or uid in WELL_KNOWN:
            return Outcome(INVALID_INSTANCE, "Affected SOP Instance UID is given by the SCU [CC.2.5.2]")
        attributes = _without(plain(attributes), *IDENTITY)
        if refusal := _refuse_creation(attributes):
            return refusal
        for keyword in FILLED_BY_PERFORMER[:2]:
            setattr(attributes, keyword, [])
        attributes = _without(attributes, "TransactionUID")
        attributes.SOPClassUID, attributes.SOPInstanceUID = PUSH, uid
        if not attributes.get("WorklistLabel"):
            attributes.WorklistLabel = DEFAULT_LABEL
        attributes.ScheduledProcedureStepModificationDateTime = self._timestamp()
        with self._lock:
            if self._store.get(uid) is not None:
                return Outcome(DUPLICATE, "a UPS with this SOP Instance UID exists")
            record = Record(uid, attributes)
            self._store.put(record)
            return Outcome(SUCCESS, events=(_state_report(record), *_assigned(record)))

    def set(self, uid: str, modification: Dataset) -> Outcome:
        """N-SET [CC.2.6].

        Parameters
        ----------
        uid : str
            Requested SOP Instance UID.
        modification : Dataset
            Modification list, the lock in it; it is used up.
        """
        modification = plain(modification)
        lock = str(modification.get("TransactionUID") or "")
        modification = _without(modification, "TransactionUID")
        with self._lock:
            record = self._store.get(uid)
            if record is None:
                return Outcome(NO_SUCH_UPS)
            if record.state in states.FINAL:
                # The UPS is closed to everybody, so that comes before the question of the lock (A17).
                return Outcome(NOT_UPDATABLE)
            if record.state == "SCHEDULED" and lock:
                return Outcome(NOT_IN_PROGRESS, "a SCHEDULED UPS has no lock")
            if record.state == "IN PROGRESS" and lock != record.lock:
                return Outcome(WRONG_LOCK)
            if refusal := _refuse_modification(modification, attribute_rows()):
                return refusal
            modification = _in_zone_of(record, modification)
            changed = Record(uid, _merged(record.attributes, modification, self._timestamp()), record.lock)
            self._store.put(changed)
            return Outcome(SUCCESS, events=tuple(_events_of_set(record, changed, modification)))

    def get(self, uid: str, tags: Sequence[int] = ()) -> Outcome:
        """N-GET [CC.2.7] of some attributes, or of all when none are named."""
        record = self._store.get(uid)
        if record is None:
            return Outcome(NO_SUCH_UPS)
        rows = attribute_rows()
        wanted = Dataset()
        for tag in map(BaseTag, tags or record.attributes.keys()):
            row = rows.get(keyword_for_tag(tag))
            if row is not None and row.get == "not allowed":
                continue
            stored = record.attributes.get(tag)
            if stored is not None:
                wanted.add(stored)
            elif row is not None and row.get == "2":
                setattr(wanted, row.keyword, [] if row.vr == "SQ" else None)
        return Outcome(SUCCESS, dataset=_name_character_set(wanted, record))

    def find(self, identifier: Dataset, implicit_vr: bool | None = None) -> Iterator[Dataset]:
        """C-FIND [CC.2.8]: yield the response identifier of each match.

        Parameters
        ----------
        identifier : Dataset
            The keys; it is decoded.
        implicit_vr : bool, optional
            The transfer syntax, little endian, in which the responses will be sent; they then hold encoded elements.
            Kept ones: a response is sent in a third of the time.

        Raises
        ------
        IdentifierError
            If the identifier is none.
        """
        if not len(identifier):
            raise IdentifierError(IDENTIFIER_DOES_NOT_FIT, "the identifier has no keys")
        try:
            identifier.decode()
            keys = keys_of(identifier, attribute_rows())
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            raise IdentifierError(CANNOT_PROCESS, f"identifier cannot be decoded: {error}") from error
        for key in keys:
            if (key.vr == "SQ") != (_vr(key.tag, key.vr) == "SQ"):
                raise IdentifierError(IDENTIFIER_DOES_NOT_FIT, f"{key.tag} has VR {key.vr}")
        with self._lock:
            candidates = self._store.candidates(keys)
        return _responses(keys, candidates, implicit_vr)

    def change_state(self, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        """N-ACTION, Change UPS State [CC.2.1]."""
        with self._lock:
            record = self._store.get(uid)
            cell = states.change_state(record.state if record else None, state, transaction_uid, record.lock if record else None)
            if record is None or not cell.state:
                return Outcome(cell.status)
            attributes = record.attributes
            if cell.state == "CANCELED":
                attributes = _cancellation_filled_in(attributes, self._timestamp())
            if cell.state in states.FINAL and (lacking := missing(attributes, cell.state)):
                return Outcome(cell.status, f"missing: {', '.join(lacking)}")
            lock = str(transaction_uid) if cell.state == "IN PROGRESS" else record.lock
            return self._to_state(record.uid, attributes, lock, cell.state)

    def _to_state(self, uid: str, attributes: Dataset, lock: str, state: str) -> Outcome:
        change = Dataset()
        change.ProcedureStepState = state
        record = Record(uid, _merged(attributes, change, None), lock)
        self._store.put(record)
        return Outcome(SUCCESS, events=(_state_report(record),))

    def request_cancel(self, uid: str, information: Dataset | None, requesting_ae: str) -> Outcome:
        """N-ACTION, Request UPS Cancel [CC.2.2].

        Parameters
        ----------
        uid : str
            Requested SOP Instance UID.
        information : Dataset
            Reason, discontinuation code, contact; it is used up.
        requesting_ae : str
            AE title of the sender.
        """
        information = plain(information if information is not None else Dataset())
        with self._lock:
            record = self._store.get(uid)
            cell = states.request_cancel(record.state if record else None)
            if record is None or cell.status != SUCCESS:
                return Outcome(cell.status)
            if not cell.state:
                information.RequestingAE = requesting_ae
                return Outcome(SUCCESS, events=(Event(CANCEL_REQUESTED, uid, information),))
            # A SCHEDULED UPS goes to CANCELED through IN PROGRESS [CC.1.1, CC.2.2.3]; both are reported.
            claimed = _state_report(Record(uid, _merged(record.attributes, _state("IN PROGRESS"), None)))
            attributes = _cancellation_filled_in(record.attributes, self._timestamp(), information)
            outcome = self._to_state(uid, attributes, record.lock, cell.state)
            return Outcome(outcome.status, events=(claimed, *outcome.events))

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _timestamp(self) -> str:
        return f"{self._now():%Y%m%d%H%M%S.%f%z}"


def _responses(keys: Sequence[Key], candidates: Sequence[Record], implicit_vr: bool | None) -> Iterator[Dataset]:
    narrowing = [key for key in keys if key.narrows]
    timed = any(key.vr in (*TIMES, "SQ") for key in keys)
    for record in candidates:
        zone = record.zone
        if not match(narrowing, record.attributes, zone):
            continue
        if implicit_vr is None:
            response = respond(keys, record.attributes, zone)
        else:
            response = respond(keys, record.attributes, zone, partial(record.raw, implicit_vr=implicit_vr))
        if zone and timed:
            response.TimezoneOffsetFromUTC = zone
        _name_character_set(response, record)
        if implicit_vr is not None:
            # So that pydicom writes the encoded elements as they are.
            response.set_original_encoding(implicit_vr, True, response._character_set)
        yield response


def _vr(tag: BaseTag, otherwise: str) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return otherwise


# --- checks of what is sent ------------------------------------------------------------------------------------------


def _refuse_creation(attributes: Dataset) -> Outcome | None:
    state = attributes.get("ProcedureStepState")
    if state and state != "SCHEDULED":
        return Outcome(NOT_SCHEDULED, f"ProcedureStepState is {state}")
    for keyword in FILLED_BY_PERFORMER:
        if keyword in attributes and not attributes[keyword].is_empty:
            return Outcome(INVALID_VALUE, f"{keyword} is created empty")
    return _refuse_missing(attributes, attribute_rows(), "") or _refuse_values(attributes)


def _refuse_missing(attributes: Dataset, rows: Mapping[str, AttributeRow], path: str) -> Outcome | None:
    """Refuse what lacks an attribute of type 1 or 2, or a value of type 1, at any level [PS3.4 5.4.2.1]."""
    for keyword, row in rows.items():
        element = attributes.get(row.tag)
        if element is None:
            if row.create in ("1", "2"):
                return Outcome(MISSING_ATTRIBUTE, f"{path}{keyword}")
            continue
        if row.create == "1" and element.is_empty:
            return Outcome(MISSING_VALUE, f"{path}{keyword}")
        for index, item in enumerate(element.value or () if row.items else ()):
            if refusal := _refuse_missing(item, row.items, f"{path}{keyword}[{index}]."):
                return refusal
    return None


def _refuse_modification(modification: Dataset, rows: Mapping[str, AttributeRow]) -> Outcome | None:
    for element in modification:
        row = rows.get(element.keyword)
        if row is None:
            continue  # attributes of the UPS modules that are not listed may be set [CC.2.5.1.3]
        if row.set == "not allowed" or element.keyword == "ScheduledProcedureStepModificationDateTime":
            return Outcome(INVALID_VALUE, f"{element.keyword} cannot be set")
        if row.set_scp == "1" and row.get == "1" and element.is_empty:
            return Outcome(MISSING_VALUE, element.keyword)
        for index, item in enumerate(element.value or () if row.items else ()):
            if refusal := _refuse_incomplete_item(item, row.items, f"{element.keyword}[{index}]."):
                return refusal
    return _refuse_values(modification)


def _refuse_incomplete_item(item: Dataset, rows: Mapping[str, AttributeRow], path: str) -> Outcome | None:
    for keyword, row in rows.items():
        # Macros keep the conditions of creation (A18): only what is type 1 there as well is insisted on.
        if row.set == "1" and row.create in ("1", "not allowed") and (keyword not in item or item[keyword].is_empty):
            return Outcome(MISSING_VALUE, f"{path}{keyword}")
        if keyword in item and row.items:
            for index, nested in enumerate(item[keyword].value or ()):
                if refusal := _refuse_incomplete_item(nested, row.items, f"{path}{keyword}[{index}]."):
                    return refusal
    return None


def _refuse_values(attributes: Dataset, path: str = "") -> Outcome | None:
    """Refuse values that are not among those defined, and dates and times that are none."""
    for element in attributes:
        keyword = element.keyword
        if element.VR == "SQ":
            for index, item in enumerate(element.value or ()):
                if refusal := _refuse_values(item, f"{path}{keyword}[{index}]."):
                    return refusal
        elif keyword in VALUES and not path:
            if not element.is_empty and element.value not in VALUES[keyword]:
                return Outcome(INVALID_VALUE, f"{keyword}: {' '.join(VALUES[keyword])}")
        elif element.VR in TIMES and not all(is_value(value, element.VR) for value in strings(element)):
            return Outcome(INVALID_VALUE, f"{path}{keyword} is no {element.VR}")
    return None


# --- data sets --------------------------------------------------------------------------------------------------------


def _without(attributes: Dataset, *keywords: str) -> Dataset:
    for keyword in keywords:
        if keyword in attributes:
            delattr(attributes, keyword)
    return attributes


def _merged(attributes: Dataset, changes: Dataset, timestamp: str | None) -> Dataset:
    """Return a new data set: the old elements, shared, and whole new ones in place of those that changed."""
    merged = Dataset()
    merged.update({element.tag: element for element in attributes})
    merged.update({element.tag: element for element in changes})
    if timestamp is not None:
        merged.ScheduledProcedureStepModificationDateTime = timestamp
    return merged


def _in_zone_of(record: Record, modification: Dataset) -> Dataset:
    """Return a modification with its date-times meant as in the UPS: a UPS has one Timezone Offset From UTC."""
    zone = str(modification.get("TimezoneOffsetFromUTC") or "")
    if not zone or zone == record.zone:
        return modification
    for element in modification.iterall():
        if element.VR == "DT" and not element.is_empty:
            values = [value if value[-5:-4] in ("+", "-") else value + zone for value in strings(element)]
            element.value = values if len(values) > 1 else values[0]
    return _without(modification, "TimezoneOffsetFromUTC")


def _state(state: str) -> Dataset:
    change = Dataset()
    change.ProcedureStepState = state
    return change


def _cancellation_filled_in(attributes: Dataset, timestamp: str, information: Dataset | None = None) -> Dataset:
    """Return the attributes with what CANCELED needs and the SCP fills in [CC.2.2.3, CC.2.5.1.3]."""
    progress = Dataset()
    for item in attributes.get(PROGRESS) or ():
        progress.update({element.tag: element for element in item})
    if not progress.get("ProcedureStepCancellationDateTime"):
        progress.ProcedureStepCancellationDateTime = timestamp
    for element in information or ():
        if element.keyword in ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence"):
            progress.add(element)
    change = Dataset()
    setattr(change, PROGRESS, [progress])
    return _merged(attributes, change, None)


def _name_character_set(response: Dataset, record: Record) -> Dataset:
    """Say which character set a response needs, if it needs one [CC.2.7.2, CC.2.8.1.3.2]; return the response."""
    if record.character_set and _beyond_ascii(response):
        response.SpecificCharacterSet = record.character_set
    return response


def _beyond_ascii(dataset: Dataset) -> bool:
    for element in dataset.elements():
        if isinstance(element, RawDataElement):
            if element.value and not element.value.isascii():
                return True
        elif element.VR == "SQ":
            if any(_beyond_ascii(item) for item in element.value or ()):
                return True
        elif not str(element.value).isascii():
            return True
    return False


# --- events [CC.2.4] -------------------------------------------------------------------------------------------------


def _picked(record: Record, *keywords: str) -> Dataset:
    picked = Dataset()
    picked.update({record.attributes[k].tag: record.attributes[k] for k in keywords if k in record.attributes})
    return picked


def _state_report(record: Record) -> Event:
    return Event(STATE_REPORT, record.uid, _picked(record, "ProcedureStepState", "InputReadinessState"))


def _assigned(record: Record) -> Iterator[Event]:
    performers = ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
    filled = [keyword for keyword in performers if record.attributes.get(keyword)]
    if filled:
        yield Event(ASSIGNED, record.uid, _picked(record, *filled))


def _events_of_set(before: Record, after: Record, modification: Dataset) -> Iterator[Event]:
    if before.attributes.get("InputReadinessState") != after.attributes.get("InputReadinessState"):
        yield _state_report(after)
    if PROGRESS in modification:
        yield Event(PROGRESS_REPORT, after.uid, _picked(after, PROGRESS))
    if "ScheduledStationNameCodeSequence" in modification or "ScheduledHumanPerformersSequence" in modification:
        yield from _assigned(after)

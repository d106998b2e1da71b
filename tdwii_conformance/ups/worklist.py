"""The worklist of a UPS SCP [CC.2]: create, set, get, find, change state, request cancel, and the events that follow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache, partial

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from ..profile.representations import vr_of
from ..profile.ups_service import UPS
from ..profile.ups_tables import STATES, attribute_rows
from . import states
from .answers import name_character_set, responses
from .changes import cancellation_filled_in, in_zone_of, unspecified_reason, with_attributes
from .datasets import merged, picked, plain, without
from .events import PROGRESS, REASONS, Event, canceled_by_request, created, modified, state_report
from .final_state import missing
from .matching import Key, KeyFault, keys_of, match
from .outcomes import (
    CANNOT_PROCESS,
    IDENTIFIER_DOES_NOT_FIT,
    INVALID_ARGUMENT,
    INVALID_INSTANCE,
    INVALID_VALUE,
    NO_SUCH_UPS,
    NOT_FOR_THIS_INSTANCE,
    SUCCESS,
    IdentifierError,
    Outcome,
)  # fmt: skip
from .records import decoded, encoded
from .requests import Refusal, refuse_creation, refuse_modification
from .store import Change, MemoryStore, Record, Store
from .subscriptions import FILTERED, GLOBAL, Effect, Subscriptions

__all__ = ["Event", "IdentifierError", "Outcome", "Worklist"]

WELL_KNOWN = (GLOBAL, FILTERED)
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"

# They travel in the command set; in a data set they say nothing [CC.2.5.1.3].
IDENTITY = ("SOPClassUID", "SOPInstanceUID")
SUBSCRIPTION = ("ReceivingAE", "DeletionLock")  # what an N-ACTION has besides match keys (A5)
DEFAULT_LABEL = "TDW-II"


class Worklist:
    """A worklist. Safe to use from many threads: changes are made one after the other, each whole or not at all.

    Parameters
    ----------
    store : Store, optional
        Where it is kept.
    now : callable, optional
        Returns the present time, with time zone.
    publish : callable, optional
        Called with each event and the AE titles to report it to, in the order of the changes and before any later
        change; it must not wait.
    retention : timedelta, optional
        How long a UPS is kept in a final state when nobody holds a deletion lock on it; ``None``: for ever.
    """

    def __init__(
        self,
        store: Store | None = None,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        publish: Callable[[Event, Sequence[str]], None] = lambda event, receivers: None,
        retention: timedelta | None = None,
    ) -> None:
        self._store = store if store is not None else MemoryStore()
        self._now = now
        self._publish = publish
        self._retention = retention
        self._lock = threading.RLock()
        self._subscriptions = Subscriptions(self._store.subscriptions())
        self._ended: dict[str, datetime] = {}  # UPS in a final state, and since when; only with a retention
        if retention is not None:
            self._ended = {record.uid: now() for record in self._store.candidates(()) if record.state in states.FINAL}

    @property
    def known(self) -> bool:
        """Whether this is the worklist of an earlier run: a warm start [CC.2.4.3]."""
        return self._store.known

    @property
    def kept(self) -> bool:
        """Whether the next run will know it."""
        return self._store.kept

    @property
    def store(self) -> Store:
        """Where it is kept."""
        return self._store

    def records(self) -> list[Record]:
        """Return every UPS, oldest first."""
        with self._lock:
            self._forget()
            return self._store.candidates(())

    def retain(self, seconds: float) -> None:
        """Keep UPS in a final state so long from now on, without deletion lock."""
        self._retention = timedelta(seconds=seconds)

    @property
    def subscriptions(self) -> Subscriptions:
        """Who has subscribed to what."""
        return self._subscriptions

    def refuse_creation(self, attributes: Dataset) -> Refusal | None:
        """Return why an N-CREATE with these attributes is refused; or ``None``."""
        return refuse_creation(attributes)

    def refuse_modification(self, modification: Dataset) -> Refusal | None:
        """Return why an N-SET of these attributes is refused; or ``None``."""
        return refuse_modification(modification)

    def subscribers(self) -> tuple[str, ...]:
        """Return the AE titles that have subscribed to anything."""
        with self._lock:
            return self._subscriptions.everybody()

    def create(self, uid: str, attributes: Dataset) -> Outcome:
        """N-CREATE [CC.2.5].

        Parameters
        ----------
        uid : str
            Affected SOP Instance UID.
        attributes : Dataset
            Attribute list.
        """
        if not UID(uid).is_valid or uid in WELL_KNOWN:
            return Outcome(INVALID_INSTANCE, "Affected SOP Instance UID is given by the SCU [CC.2.5.2]")
        try:
            attributes = without(plain(attributes), IDENTITY)
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            return Outcome(INVALID_VALUE, f"cannot be decoded: {error}")
        if refusal := self.refuse_creation(attributes):
            return Outcome(refusal.status, refusal.comment)
        attributes = without(attributes, ("TransactionUID",))
        return self._add(uid, attributes, with_attributes(**{PROGRESS: [], PERFORMED: []}), "")

    def restore(self, uid: str, attributes: Dataset) -> Outcome:
        """Take a UPS as it stood elsewhere, in any state, with the progress and the lock it had. No DIMSE service does this.

        Parameters
        ----------
        uid : str
            SOP Instance UID.
        attributes : Dataset
            All attributes; the lock is the Transaction UID, without which nobody can go on with a UPS IN PROGRESS.
        """
        try:
            attributes = without(plain(attributes), IDENTITY)
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            return Outcome(INVALID_VALUE, f"cannot be decoded: {error}")
        state = str(attributes.get("ProcedureStepState") or "SCHEDULED")
        if state not in STATES:
            return Outcome(INVALID_VALUE, f"ProcedureStepState is {state!r}, not one of {', '.join(STATES)}")
        if not UID(uid).is_valid or uid in WELL_KNOWN:
            return Outcome(INVALID_INSTANCE, f"{uid!r} is no SOP Instance UID of a UPS")
        performed = picked(attributes, (PROGRESS, PERFORMED))
        as_created = without(merged(attributes), ("TransactionUID", PROGRESS, PERFORMED))
        as_created = merged(
            as_created, with_attributes(ProcedureStepState="SCHEDULED", TransactionUID="", **{PROGRESS: [], PERFORMED: []})
        )
        if refusal := refuse_creation(as_created) or refuse_modification(performed):
            return Outcome(refusal.status, refusal.comment)
        ours = with_attributes(
            SOPClassUID=UPS.PUSH, SOPInstanceUID=uid, ScheduledProcedureStepModificationDateTime=self.timestamp()
        )
        if state in states.FINAL and (lacking := missing(merged(attributes, ours), state)):
            return Outcome(INVALID_VALUE, f"{state} without {', '.join(lacking)}")
        lock = "" if state == "SCHEDULED" else str(attributes.get("TransactionUID") or "")
        attributes = merged(without(attributes, ("TransactionUID",)), with_attributes(ProcedureStepState=state))
        return self._add(uid, attributes, merged(with_attributes(**{PROGRESS: [], PERFORMED: []}), performed), lock)

    def _add(self, uid: str, attributes: Dataset, performed: Dataset, lock: str) -> Outcome:
        attributes = merged(attributes, with_attributes(SOPClassUID=UPS.PUSH, SOPInstanceUID=uid), performed)
        if not attributes.get("WorklistLabel"):
            attributes.WorklistLabel = DEFAULT_LABEL
        with self._lock:
            self._forget()
            present = self._store.get(uid)
            cell = states.create(present.state if present else None)
            if present is not None:
                return Outcome(cell.status, "a UPS with this SOP Instance UID exists")
            attributes.ScheduledProcedureStepModificationDateTime = self.timestamp()
            record = Record(uid, attributes, lock)
            effect = self._subscriptions.created(uid, partial(_fits, record))
            self._store.commit(Change(record, subscribed=effect.made))
            if self._retention is not None and record.state in states.FINAL:
                self._ended[uid] = self._now()
            self._subscriptions.apply(effect)
            return self._done(tuple(created(uid, attributes)), [ae for ae, _ in effect.initial_events])

    def set(self, uid: str, modification: Dataset) -> Outcome:
        """N-SET [CC.2.6].

        Parameters
        ----------
        uid : str
            Requested SOP Instance UID.
        modification : Dataset
            Modification list, the lock in it.
        """
        try:
            modification = plain(modification)
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            return Outcome(INVALID_VALUE, f"cannot be decoded: {error}")
        lock = str(modification.get("TransactionUID") or "")
        modification = without(modification, ("TransactionUID",))
        with self._lock:
            self._forget()
            record = self._store.get(uid)
            cell = states.modify(record.state if record else None, lock, record.lock if record else None)
            if record is None or cell.status != SUCCESS:
                return Outcome(cell.status)
            if refusal := self.refuse_modification(modification):
                return Outcome(refusal.status, refusal.comment)
            timestamp = with_attributes(ScheduledProcedureStepModificationDateTime=self.timestamp())
            attributes = merged(record.attributes, in_zone_of(record, modification), timestamp)
            self._store.commit(Change(Record(uid, attributes, record.lock)))
            return self._done(tuple(modified(uid, record.attributes, attributes)), self._subscriptions.of(uid))

    def get(self, uid: str, tags: Sequence[int] = ()) -> Outcome:
        """N-GET [CC.2.7] of some attributes, or of all when none are named."""
        with self._lock:
            self._forget()
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
        return Outcome(SUCCESS, dataset=name_character_set(wanted, record))

    def find(self, identifier: Dataset, implicit_vr: bool | None = None) -> Iterator[Dataset]:
        """C-FIND [CC.2.8]: yield the response identifier of each match.

        Parameters
        ----------
        identifier : Dataset
            The keys.
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
            keys = self.keys(plain(identifier))
        except KeyFault as error:
            raise IdentifierError(IDENTIFIER_DOES_NOT_FIT, str(error)) from error
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            raise IdentifierError(CANNOT_PROCESS, f"identifier cannot be decoded: {error}") from error
        for key in keys:
            if (key.vr == "SQ") != (vr_of(key.tag, key.vr) == "SQ"):
                raise IdentifierError(IDENTIFIER_DOES_NOT_FIT, f"{key.tag} has VR {key.vr}")
        with self._lock:
            self._forget()
            candidates = self._store.candidates(keys)
        return responses(keys, candidates, implicit_vr)

    def keys(self, identifier: Dataset) -> tuple[Key, ...]:
        """Return what the keys of an identifier, plain, ask for."""
        return keys_of(identifier, attribute_rows())

    def change_state(self, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        """N-ACTION, Change UPS State [CC.2.1]."""
        with self._lock:
            self._forget()
            record = self._store.get(uid)
            cell = states.change_state(record.state if record else None, state, transaction_uid, record.lock if record else None)
            if record is None or not cell.state:
                return Outcome(cell.status)
            attributes = record.attributes
            if cell.state == "CANCELED":
                attributes = cancellation_filled_in(attributes, self.timestamp())
            if cell.state in states.FINAL and (lacking := missing(attributes, cell.state)):
                return Outcome(cell.status, f"missing: {', '.join(lacking)}")
            lock = str(transaction_uid) if cell.state == "IN PROGRESS" else record.lock
            return self.to_state(record.uid, attributes, lock, cell.state)

    def to_state(self, uid: str, attributes: Dataset, lock: str, state: str, *before: Event) -> Outcome:
        """Take a UPS to a state, whatever it is in; report `before`, and then that."""
        attributes = merged(attributes, with_attributes(ProcedureStepState=state))
        self._store.commit(Change(Record(uid, attributes, lock)))
        if state in states.FINAL and self._retention is not None:
            self._ended[uid] = self._now()
        return self._done((*before, state_report(uid, attributes)), self._subscriptions.of(uid))

    def _done(self, events: tuple[Event, ...], receivers: Sequence[str]) -> Outcome:
        for event in events if receivers else ():
            self._publish(event, receivers)
        return Outcome(SUCCESS, events=events)

    def _forget(self) -> None:
        """Delete what nobody needs any more: whenever somebody looks, it is as if it had happened in time."""
        if self._retention is None:
            return
        due = self._now() - self._retention
        for uid in [uid for uid, since in self._ended.items() if since <= due and not self._subscriptions.locked(uid)]:
            self.forget(uid)

    def forget(self, uid: str) -> None:
        """Delete a UPS, and the subscriptions to it [CC.2.1.3]."""
        with self._lock:
            self._ended.pop(uid, None)
            effect = self._subscriptions.deleted(uid)
            self._store.commit(Change(deleted=uid, unsubscribed=effect.ended))
            self._subscriptions.apply(effect)

    def request_cancel(self, uid: str, information: Dataset | None, requesting_ae: str) -> Outcome:
        """N-ACTION, Request UPS Cancel [CC.2.2].

        Parameters
        ----------
        uid : str
            Requested SOP Instance UID.
        information : Dataset or None
            Reason, discontinuation code, contact.
        requesting_ae : str
            AE title of the sender.
        """
        try:
            information = plain(information if information is not None else Dataset())
        except Exception as error:  # pydicom raises whatever the bytes lead it to
            return Outcome(INVALID_ARGUMENT, f"cannot be decoded: {error}")
        with self._lock:
            self._forget()
            record = self._store.get(uid)
            cell = states.request_cancel(record.state if record else None)
            if record is None or cell.status != SUCCESS:
                return Outcome(cell.status)
            reasons = picked(information, REASONS)
            if refusal := refuse_modification(with_attributes(**{PROGRESS: [reasons]})):
                return Outcome(INVALID_ARGUMENT, refusal.comment)
            if not cell.state:
                return self._done((canceled_by_request(uid, information, requesting_ae),), self._subscriptions.of(uid))
            # A SCHEDULED UPS goes to CANCELED through IN PROGRESS [CC.1.1, CC.2.2.3]; both are reported, one is kept.
            claimed = state_report(uid, merged(record.attributes, with_attributes(ProcedureStepState="IN PROGRESS")))
            attributes = cancellation_filled_in(record.attributes, self.timestamp(), unspecified_reason(), reasons)
            return self.to_state(uid, attributes, record.lock, cell.state, claimed)

    def subscribe(self, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        """N-ACTION, Subscribe to Receive UPS Event Reports [CC.2.3].

        Parameters
        ----------
        uid : str
            Requested SOP Instance UID: a UPS, or a well-known instance.
        receiver : str
            Receiving AE.
        lock : bool
            Deletion Lock.
        keys : Dataset, optional
            Match keys of a filtered global subscription (A5).
        """
        with self._lock:
            self._forget()
            if uid == GLOBAL:
                return self._subscribed(self._subscriptions.subscribe_globally(receiver, lock, [r.uid for r in self.records()]))
            if uid == FILTERED:
                try:
                    filter_ = encoded(without(plain(keys if keys is not None else Dataset()), SUBSCRIPTION))
                    narrowing = _narrowing(filter_)
                except KeyFault as error:
                    return Outcome(INVALID_ARGUMENT, str(error))
                except Exception as error:  # pydicom raises whatever the bytes lead it to
                    return Outcome(INVALID_ARGUMENT, f"cannot be decoded: {error}")
                fitting = (r.uid for r in self._store.candidates(narrowing) if match(narrowing, r.attributes, r.zone))
                return self._subscribed(self._subscriptions.subscribe_globally(receiver, lock, fitting, filter_))
            if self._store.get(uid) is None:
                return Outcome(NO_SUCH_UPS)
            return self._subscribed(self._subscriptions.subscribe(receiver, uid, lock))

    def unsubscribe(self, uid: str, receiver: str) -> Outcome:
        """N-ACTION, Unsubscribe from Receiving UPS Event Reports [CC.2.3]."""
        with self._lock:
            self._forget()
            if uid == GLOBAL:
                return self._subscribed(self._subscriptions.unsubscribe_globally(receiver))
            if uid == FILTERED:
                return self._subscribed(self._subscriptions.unsubscribe_filtered(receiver, self._fits))
            if self._store.get(uid) is None:
                return Outcome(NO_SUCH_UPS)
            return self._subscribed(self._subscriptions.unsubscribe(receiver, uid))

    def suspend(self, uid: str, receiver: str) -> Outcome:
        """N-ACTION, Suspend Global Subscription [CC.2.3]."""
        with self._lock:
            self._forget()
            if uid not in WELL_KNOWN:
                status = NO_SUCH_UPS if self._store.get(uid) is None else NOT_FOR_THIS_INSTANCE
                return Outcome(status, "only a global subscription can be suspended")
            return self._subscribed(self._subscriptions.suspend(receiver, filtered_only=uid == FILTERED))

    def _subscribed(self, effect: Effect) -> Outcome:
        """Keep what a subscription changed, and tell the receiver the states it has to know [CC.2.4.3]."""
        self._store.commit(Change(subscribed=effect.made, unsubscribed=effect.ended))
        self._subscriptions.apply(effect)
        events = []
        for receiver, uid in effect.initial_events:
            if (record := self._store.get(uid)) is not None:
                events.append(state_report(uid, record.attributes))
                self._publish(events[-1], (receiver,))
        return Outcome(SUCCESS, events=tuple(events))

    def _fits(self, filter_: bytes, uid: str) -> bool:
        record = self._store.get(uid)
        return record is not None and _fits(record, filter_)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def timestamp(self) -> str:
        """Return the present time as a DT."""
        return f"{self._now():%Y%m%d%H%M%S.%f%z}"


@cache
def _narrowing(filter_: bytes) -> tuple[Key, ...]:
    """Return the keys of a filtered subscription that leave some UPS out."""
    return tuple(key for key in keys_of(decoded(filter_), attribute_rows()) if key.narrows)


def _fits(record: Record, filter_: bytes) -> bool:
    return match(_narrowing(filter_), record.attributes, record.zone)

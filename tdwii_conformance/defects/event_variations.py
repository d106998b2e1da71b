"""Variations of subscriptions and event reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset

from ..profile.ups_service import ASSIGNED, CANCEL_REQUESTED, PROGRESS_REPORT, STATUS_CHANGE, SUSPEND, UNSUBSCRIBE
from ..ups import FILTERED, GLOBAL, Event, Outcome
from ..ups.datasets import plain, without
from ..ups.subscriptions import Effect
from ..ups.worklist import SUBSCRIPTION
from .answer_variations import forgets_ended
from .hooks import Around, Reported, around, on_events
from .variations import NO_GLOBAL, PROGRESS, SUCCESS, WITH_LOCK, WITHOUT_LOCK, variation

RECEIVER_UNKNOWN = 0xC308


@variation("events-each-on-its-association", "Opens an association for every event report", "CC.2.4.3")
def _association_each(tms: Any) -> None:
    def connect(original: Around, receiver: str) -> Any:
        link = original(receiver)

        def report(send: Around, *given: Any) -> Any:
            exchange = send(*given)
            link.close()
            return exchange

        around(link, "n_event_report", report)
        return link

    around(tms.reporter, "connect", connect)


@variation("events-tried-again", "Sends an event report that was refused, or whose association was aborted, once more", "CC.2.4.3")
def _tried_again(tms: Any) -> None:
    again: list[tuple[str, str, int]] = []

    def connect(original: Around, receiver: str) -> Any:
        link = original(receiver)

        def report(send: Around, uid: str, kind: int, information: Dataset, *given: Any) -> Any:
            exchange = send(uid, kind, information, *given)
            if (exchange.failure or exchange.status) and (receiver, uid, kind) not in again:
                again.append((receiver, uid, kind))
                tms.reporter.post(Event(kind, uid, information), [receiver])
                tms.reporter.flush()
            return exchange

        around(link, "n_event_report", report)
        return link

    around(tms.reporter, "connect", connect)


@variation(
    "end-for-an-unknown-receiver-granted", "Answers success to the end of a subscription of an AE that it does not know", "CC.2.3.4"
)
def _end_of_nobody(tms: Any) -> None:
    def subscription(original: Around, instance: str, action: int, information: Dataset) -> Outcome:
        outcome: Outcome = original(instance, action, information)
        return Outcome(SUCCESS) if action in (UNSUBSCRIBE, SUSPEND) and outcome.status == RECEIVER_UNKNOWN else outcome

    around(tms, "subscription", subscription)


@variation("events-without-role-selection", "Proposes no SCP role for UPS Event", "CC.2.4.3")
def _no_role(tms: Any) -> None:
    tms.reporter.propose_role = False


@variation("events-of-progress-parameters-not", "Reports no change of Progress Parameters alone", "A20")
def _no_parameters(tms: Any) -> None:
    def without_parameters(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        items = event.attributes.get(PROGRESS) if event.type == PROGRESS_REPORT else None
        if not items:
            yield event, receivers
            return
        told = plain(event.attributes)
        item = told[PROGRESS].value[0]
        without(item, ("ProcedureStepProgressParametersSequence",))
        seen = last.get(event.uid)
        last[event.uid] = item
        if seen is None or seen != item:
            yield replace(event, attributes=told), receivers

    last: dict[str, Dataset] = {}
    on_events(tms, without_parameters)


def _changed_event(tms: Any, kind: int, change: Callable[[Dataset, Any], Dataset | None]) -> None:
    def changed(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if event.type == kind:
            told = plain(event.attributes)
            event = replace(event, attributes=change(told, tms.worklist.store.get(event.uid)) or told)
        yield event, receivers

    on_events(tms, changed)


@variation("events-performer-in-sequence", "Tells the performer in Scheduled Human Performers Sequence", "A8")
def _performer_nested(tms: Any) -> None:
    def nest(told: Dataset, record: Any) -> None:
        performers = record.attributes.get("ScheduledHumanPerformersSequence") if record is not None else None
        if performers:
            without(told, ("HumanPerformerCodeSequence", "HumanPerformerOrganization"))
            told.ScheduledHumanPerformersSequence = list(plain(record.attributes).ScheduledHumanPerformersSequence)

    _changed_event(tms, ASSIGNED, nest)


@variation("events-cancel-requested-when-scheduled", "Reports a request to cancel a SCHEDULED UPS too", "A9")
def _request_reported(tms: Any) -> None:
    def request(original: Around, uid: str, information: Dataset | None, sender: str) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and record.state == "SCHEDULED" and (receivers := tms.worklist.subscriptions.of(uid)):
            told = Dataset()
            told.RequestingAE = sender
            tms.reporter.post(Event(CANCEL_REQUESTED, uid, told), receivers)
        outcome: Outcome = original(uid, information, sender)
        return outcome

    around(tms.worklist, "request_cancel", request)


@variation("events-cold-started", "Says COLD STARTED for COLD START", "A10")
def _cold_started(tms: Any) -> None:
    def started(told: Dataset, record: Any) -> None:
        for keyword in ("SubscriptionListStatus", "UnifiedProcedureStepListStatus"):
            if told.get(keyword) == "COLD START":
                setattr(told, keyword, "COLD STARTED")

    _changed_event(tms, STATUS_CHANGE, started)


@variation("events-status-change-own-instance", "Names an instance of its own in SCP Status Change", "A2")
def _own_instance(tms: Any) -> None:
    on_events(tms, lambda event, receivers: iter([
        (replace(event, uid="1.2.826.0.1.3680043.2.1143.1") if event.type == STATUS_CHANGE else event, receivers)
    ]))  # fmt: skip


@variation("events-initial-for-every-ups", "Sends initial events of a global subscription for every UPS", "A6")
def _initial_for_all(tms: Any) -> None:
    def cell(original: Around, event: str, state: str) -> Any:
        found = original(event, state)
        return replace(found, initial_event=True) if event == "subscribe globally with lock" else found

    around(tms.worklist.subscriptions, "cell", cell)


@variation("events-restart-twice", "Reports a restart twice to who is subscribed and on its fallback list", "CC.2.4.3")
def _restart_twice(tms: Any) -> None:
    def twice(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        yield event, receivers
        if event.type == STATUS_CHANGE and (both := [one for one in receivers if one in tms.worklist.subscribers()]):
            yield event, both

    on_events(tms, twice)


@variation("events-no-going-down", "Does not report that it is going down", "CC.2.4.3")
def _no_going_down(tms: Any) -> None:
    def kept(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if event.attributes.get("SCPStatus") != "GOING DOWN":
            yield event, receivers

    on_events(tms, kept)


@variation("events-with-extra", "Has attributes beyond the table in event reports", "CC.2.4.2")
def _extra_information(tms: Any) -> None:
    def extra(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        told = plain(event.attributes)
        told.private_block(0x0099, "TDWII VARIATION", create=True).add_new(0x01, "LO", "private")
        yield replace(event, attributes=told), receivers

    on_events(tms, extra)


@variation("subscribe-keys-refused", "Refuses match keys in a subscription that is not filtered: 0115", "A5")
def _keys_refused(tms: Any) -> None:
    _keys_given(tms, lambda subscribe, uid, receiver, lock, keys: Outcome(0x0115))


@variation("subscribe-keys-applied", "Takes a global subscription with match keys for a filtered one", "A5")
def _keys_applied(tms: Any) -> None:
    def filtered(subscribe: Around, uid: str, receiver: str, lock: bool, keys: Dataset) -> Outcome:
        outcome: Outcome = subscribe(FILTERED if uid == GLOBAL else uid, receiver, lock, keys)
        return outcome

    _keys_given(tms, filtered)


def _keys_given(tms: Any, instead: Callable[..., Outcome]) -> None:
    """Let `instead` do what a subscription with match keys that is not filtered asks for."""

    def subscribe(original: Around, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        given = keys is not None and uid != FILTERED and any(element.keyword not in SUBSCRIPTION for element in keys)
        outcome: Outcome = instead(original, uid, receiver, lock, keys) if given else original(uid, receiver, lock, keys)
        return outcome

    around(tms.worklist, "subscribe", subscribe)


@variation(
    "subscribe-without-lock-releases",
    "Lets a global subscription without lock release the locks of the AE; keeps no UPS in a final state without lock",
    "A21",
)
def _releases(tms: Any) -> None:
    def cell(original: Around, event: str, state: str) -> Any:
        found = original(event, state)
        return replace(found, state=WITHOUT_LOCK) if (event, state) == ("subscribe globally w/o lock", WITH_LOCK) else found

    around(tms.worklist.subscriptions, "cell", cell)
    forgets_ended(tms)


@variation("filter-creation-not-reported", "Reports no creation by a filtered global subscription", "A7")
def _changes_only(tms: Any) -> None:
    def created(original: Around, uid: str, fits: Callable[[bytes], bool]) -> Effect:
        effect: Effect = original(uid, fits)
        subscriptions = tms.worklist.subscriptions
        plainly = [(ae, of) for ae, of in effect.initial_events if subscriptions.global_state(ae) != NO_GLOBAL]
        return replace(effect, initial_events=plainly)

    around(tms.worklist.subscriptions, "created", created)


@variation("filter-not-ended", "Ends filtered global subscriptions with the plain one only", "A7")
def _filter_stays(tms: Any) -> None:
    around(tms.worklist.subscriptions, "unsubscribe_filtered", lambda original, ae, fits: Effect())


@variation("filter-replaced", "Replaces a filtered global subscription by a later one", "A7")
def _filter_replaced(tms: Any) -> None:
    def subscribe(original: Around, ae: str, lock: bool, uids: Any, keys: bytes | None = None) -> Effect:
        effect: Effect = original(ae, lock, uids, keys)
        earlier = tms.worklist.subscriptions.suspend(ae, filtered_only=True).ended if keys is not None else []
        return replace(effect, ended=[*effect.ended, *earlier])

    around(tms.worklist.subscriptions, "subscribe_globally", subscribe)

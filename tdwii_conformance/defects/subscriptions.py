"""Defects of subscriptions [CC.2.3]: the cells of the subscription table, and whom a subscription concerns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from ..profile import load_catalogue
from ..profile.ups_service import SUBSCRIBE, SUSPEND, UNSUBSCRIBE
from ..profile.ups_tables import SUBSCRIPTION_STATES, SubscriptionCell, subscription_table
from ..ups import FILTERED, GLOBAL, Outcome
from ..ups.subscriptions import Effect, Subscription
from .deviations import Defect
from .hooks import Around, around
from .tms import defect

__all__ = ["defects"]

NOT_SUBSCRIBED, WITH_LOCK, WITHOUT_LOCK = SUBSCRIPTION_STATES
SUCCESS, FAILURE, INVALID_ARGUMENT, NO_SUCH_UPS = 0x0000, 0x0110, 0x0115, 0xC307


def defects() -> Iterator[Defect]:
    """Yield the defects of subscriptions."""
    for requirement in load_catalogue().cells("CC.2.3"):
        assert requirement.cell is not None
        yield from _of_cell(requirement.id, *requirement.cell)


# --- cells -------------------------------------------------------------------------------------------------------------


def _of_cell(identifier: str, event: str, state: str) -> Iterator[Defect]:
    cell = subscription_table()[event, state]
    slug = re.sub(r"[^a-z]+", "-", f"{event} {state}".lower().replace("w/o", "without")).strip("-")
    where = event if event.startswith("UPS created") else f"{event}, where the AE is {state}"
    before = state if state in SUBSCRIPTION_STATES else NOT_SUBSCRIBED
    after = cell.state or before
    if event.startswith("suspend"):
        if state == NOT_SUBSCRIBED:
            yield Defect(
                f"{slug}-subscribes", f"{where}: the AE is subscribed afterwards", "TMS", partial(_subscribes, "suspend"), (identifier,),
            )  # fmt: skip
        else:
            yield Defect(
                f"{slug}-loses-the-subscription", f"{where}: the AE is no longer subscribed", "TMS", partial(_lose_by_suspend, state),
                (identifier,),
            )  # fmt: skip
        return
    if (event, state) == ("unsubscribe globally", NOT_SUBSCRIBED):
        sentence = f"{where}: the AE is subscribed afterwards"
        yield Defect(f"{slug}-subscribes", sentence, "TMS", partial(_subscribes, "unsubscribe"), (identifier,))
        return
    if event == "UPS created; No Global Subscription":
        sentence = "Subscribes every AE that it knows to a UPS that is created"
        yield Defect(f"{slug}-subscribes", sentence, "TMS", _created_for_all, (identifier,))
        return
    if after == NOT_SUBSCRIBED:
        wrong = replace(cell, state=WITHOUT_LOCK)
        yield _cell_defect(slug, "subscribes", f"{where}: the AE is subscribed afterwards", identifier, event, state, wrong)
    else:
        wrong = replace(cell, state=NOT_SUBSCRIBED)
        yield _cell_defect(
            slug, "does-not-subscribe", f"{where}: the AE is not subscribed afterwards", identifier, event, state, wrong
        )
    if cell.initial_event:
        silent = replace(cell, initial_event=False)
        yield _cell_defect(slug, "without-initial-event", f"{where}: no initial event", identifier, event, state, silent)
    elif "globally with lock" not in event and "No Global" not in event:
        loud = replace(cell, initial_event=True)
        yield _cell_defect(slug, "with-initial-event", f"{where}: an initial event all the same", identifier, event, state, loud)


def _cell_defect(
    slug: str, shape: str, sentence: str, identifier: str, event: str, state: str, wrong: SubscriptionCell
) -> Defect:  # fmt: skip
    return Defect(f"{slug}-{shape}", sentence, "TMS", partial(_replace_cell, (event, state), wrong), (identifier,))


def _replace_cell(key: tuple[str, str], wrong: SubscriptionCell, tms: Any) -> None:
    def cell(original: Around, event: str, state: str) -> SubscriptionCell:
        right: SubscriptionCell = original(event, state)
        return wrong if (event, state) == key else right

    around(tms.worklist.subscriptions, "cell", cell)


def _subscribes(method: str, tms: Any) -> None:
    def perform(original: Around, uid: str, receiver: str) -> Outcome:
        present = tms.worklist.subscriptions
        unsubscribed = [r.uid for r in tms.worklist.store.candidates(()) if present.state(receiver, r.uid) == NOT_SUBSCRIBED]
        outcome: Outcome = original(uid, receiver)
        if uid == GLOBAL:
            present.apply(Effect(made=[Subscription(receiver, one, False) for one in unsubscribed]))
        return outcome

    around(tms.worklist, method, perform)


def _created_for_all(tms: Any) -> None:
    def created(original: Around, uid: str, fits: Any) -> Effect:
        effect: Effect = original(uid, fits)
        told = {one.ae for one in effect.made}
        effect.made += [Subscription(ae, uid, False) for ae in tms.reporter.known if ae not in told]
        return effect

    around(tms.worklist.subscriptions, "created", created)


def _lose_by_suspend(state: str, tms: Any) -> None:
    def suspend(original: Around, uid: str, receiver: str) -> Outcome:
        outcome: Outcome = original(uid, receiver)
        for record in tms.worklist.store.candidates(()):
            if uid == GLOBAL and tms.worklist.subscriptions.state(receiver, record.uid) == state:
                tms.worklist.unsubscribe(record.uid, receiver)
        return outcome

    around(tms.worklist, "suspend", suspend)


# --- whom it concerns --------------------------------------------------------------------------------------------------

Apply = Callable[[Any], None]


@defect(
    "suspend-answered-with-failure",
    "Suspends, and answers 0110",
    "CC23-TMS-022",
    "CC23-TMS-023",
    "CC23-TMS-024",
    given=(
        "suspend",
        FAILURE,
    ),
)
def _answer(method: str, status: int, tms: Any) -> None:
    around(tms.worklist, method, lambda original, *given: replace(original(*given), status=status))


@defect(
    "subscribe-unknown-ups-granted",
    "Answers success to a subscription to a UPS that does not exist",
    "CC23-TMS-031",
    given=("subscribe",),
)
@defect(
    "unsubscribe-unknown-ups-granted",
    "Answers success to the end of a subscription to a UPS that does not exist",
    "CC23-TMS-031",
    given=("unsubscribe",),
)
def _unknown_ups(method: str, tms: Any) -> None:
    def anything(original: Around, uid: str, *given: Any) -> Outcome:
        outcome: Outcome = original(uid, *given)
        return replace(outcome, status=SUCCESS) if outcome.status == NO_SUCH_UPS else outcome

    around(tms.worklist, method, anything)


@defect("subscribe-unknown-receiver-granted", "Subscribes a Receiving AE that it does not know", "CC23-TMS-032")
def _know_everybody(tms: Any) -> None:
    around(tms.reporter, "knows", lambda original, ae_title: True)
    around(tms.reporter, "post", lambda original, event, receivers: original(event, [r for r in receivers if r != "NOBODY_KNOWS"]))


@defect("suspend-single-ups-granted", "Suspends, with success, for a single UPS", "CC23-TMS-033")
def _suspend_anything(tms: Any) -> None:
    def suspend(original: Around, uid: str, receiver: str) -> Outcome:
        return Outcome(SUCCESS) if uid not in (GLOBAL, FILTERED) else original(uid, receiver)

    around(tms.worklist, "suspend", suspend)


@defect(
    "subscribe-without-receiver-granted",
    "Subscribes the sender when Receiving AE is missing",
    "CC23-TMS-034",
    given=("ReceivingAE",),
)
@defect(
    "subscribe-without-lock-granted",
    "Takes a missing Deletion Lock for FALSE",
    "CC23-TMS-034",
    given=("DeletionLock",),
)
def _default(keyword: str, tms: Any) -> None:
    _default_of(keyword, SUBSCRIBE, False, tms)


@defect("subscribe-with-an-empty-receiver-granted", "Subscribes the sender when Receiving AE is empty", "CC23-TMS-034",
        given=("ReceivingAE", SUBSCRIBE, True))  # fmt: skip
@defect("subscribe-with-an-empty-lock-granted", "Takes an empty Deletion Lock for FALSE", "CC23-TMS-034",
        given=("DeletionLock", SUBSCRIBE, True))  # fmt: skip
@defect("unsubscribe-without-receiver-granted", "Unsubscribes the sender when Receiving AE is missing", "CC23-TMS-053",
        given=("ReceivingAE", UNSUBSCRIBE, False))  # fmt: skip
@defect("unsubscribe-with-an-empty-receiver-granted", "Unsubscribes the sender when Receiving AE is empty", "CC23-TMS-053",
        given=("ReceivingAE", UNSUBSCRIBE, True))  # fmt: skip
@defect("suspend-without-receiver-granted", "Suspends for the sender when Receiving AE is missing", "CC23-TMS-053",
        given=("ReceivingAE", SUSPEND, False))  # fmt: skip
@defect("suspend-with-an-empty-receiver-granted", "Suspends for the sender when Receiving AE is empty", "CC23-TMS-053",
        given=("ReceivingAE", SUSPEND, True))  # fmt: skip
def _default_of(keyword: str, kind: int, empty: bool, tms: Any) -> None:

    def action(original: Around, event: Any, number: int) -> Outcome:
        if number != kind:
            outcome: Outcome = original(event, number)
            return outcome
        information = event.action_information
        if (keyword in information and not information.get(keyword)) if empty else keyword not in information:
            setattr(information, keyword, "FALSE" if keyword == "DeletionLock" else str(event.assoc.requestor.ae_title).strip())
        return Outcome(**vars(tms.subscription(str(event.request.RequestedSOPInstanceUID), number, information)))

    around(tms, "action", action)


@defect("subscribe-refused-but-done", "Refuses a subscription without Deletion Lock, and subscribes all the same", "CC23-TMS-046")
def _refused_but_done(tms: Any) -> None:
    def subscription(original: Around, instance: str, action: int, information: Dataset) -> Outcome:
        outcome: Outcome = original(instance, action, information)
        if action == SUBSCRIBE and outcome.status == INVALID_ARGUMENT and information.get("ReceivingAE"):
            tms.worklist.subscribe(instance, str(information.ReceivingAE), False, information)
        return outcome

    around(tms, "subscription", subscription)


@defect("subscribe-the-sender", "Subscribes the AE that asks, not the Receiving AE", "CC23-TMS-035")
def _subscribe_sender(tms: Any) -> None:
    def action(original: Around, event: Any, number: int) -> Outcome:
        if number != SUBSCRIBE:
            outcome: Outcome = original(event, number)
            return outcome
        information = event.action_information
        information.ReceivingAE = str(event.assoc.requestor.ae_title).strip()
        return Outcome(**vars(tms.subscription(str(event.request.RequestedSOPInstanceUID), number, information)))

    around(tms, "action", action)


@defect(
    "unsubscribe-everybody-from-ups",
    "Ends the subscriptions of all AEs to a UPS when one unsubscribes",
    "CC23-TMS-036",
    given=("unsubscribe",),
)
@defect(
    "unsubscribe-globally-everybody",
    "Ends the subscriptions of all AEs when one unsubscribes globally",
    "CC23-TMS-037",
    given=("global",),
)
def _end_for_all(which: str, tms: Any) -> None:
    def unsubscribe(original: Around, uid: str, receiver: str) -> Outcome:
        outcome: Outcome = original(uid, receiver)
        if (uid == GLOBAL) is (which == "global") and outcome.status == SUCCESS and uid != FILTERED:
            for other in tms.worklist.subscribers():
                if other != receiver:
                    original(uid, other)
        return outcome

    around(tms.worklist, "unsubscribe", unsubscribe)


@defect("suspend-without-effect", "Answers success to Suspend Global Subscription, and does nothing", "CC23-TMS-038")
def _suspend_nothing(tms: Any) -> None:
    def suspend(original: Around, uid: str, receiver: str) -> Outcome:
        return Outcome(SUCCESS) if uid == GLOBAL else original(uid, receiver)

    around(tms.worklist, "suspend", suspend)


@defect(
    "unsubscribe-from-one-ends-the-global",
    "Ends the global subscription when an AE unsubscribes from one UPS",
    "CC23-TMS-039",
)
def _end_global(tms: Any) -> None:
    def unsubscribe(original: Around, uid: str, receiver: str) -> Outcome:
        outcome: Outcome = original(uid, receiver)
        if uid not in (GLOBAL, FILTERED):
            tms.worklist.suspend(GLOBAL, receiver)
        return outcome

    around(tms.worklist, "unsubscribe", unsubscribe)


@defect("deletes-in-spite-of-a-lock", "Deletes a UPS in a final state although an AE holds a deletion lock", "CC23-TMS-040",
        "CC23-TMS-054")  # fmt: skip
def _delete_locked(tms: Any) -> None:
    from ..ups.states import FINAL
    from ..ups.store import Change

    def unsubscribe(original: Around, uid: str, receiver: str) -> Outcome:
        outcome: Outcome = original(uid, receiver)
        record = tms.worklist.store.get(uid)
        if record is not None and record.state in FINAL:
            tms.worklist.store.commit(Change(deleted=uid))
        return outcome

    around(tms.worklist, "unsubscribe", unsubscribe)


@defect("filter-ignored", "Takes a filtered global subscription for one to all UPS", "CC23-TMS-041", "CC23-TMS-042")
def _filter_ignored(tms: Any) -> None:
    def subscribe(original: Around, uid: str, receiver: str, lock: bool, keys: Dataset | None = None) -> Outcome:
        outcome: Outcome = original(GLOBAL, receiver, lock) if uid == FILTERED else original(uid, receiver, lock, keys)
        return outcome

    around(tms.worklist, "subscribe", subscribe)


@defect(
    "filter-for-present-ups-only",
    "Applies a filtered global subscription to the UPS that there are, not to new ones",
    "CC23-TMS-042",
)
def _filter_once(tms: Any) -> None:
    around(tms.worklist.subscriptions, "created", lambda original, uid, fits: original(uid, lambda keys: False))


@defect("filter-for-new-ups-only", "Applies a filtered global subscription to new UPS only", "CC23-TMS-041")
def _filter_new(tms: Any) -> None:
    def subscribe(original: Around, ae: str, lock: bool, uids: Any, keys: bytes | None = None) -> Any:
        return original(ae, lock, uids if keys is None else (), keys)

    around(tms.worklist.subscriptions, "subscribe_globally", subscribe)


@defect("filter-answered-with-0110", "Answers a filtered global subscription with 0110", "CC23-TMS-043")
def _filter_fails(tms: Any) -> None:
    def subscribe(original: Around, uid: str, *given: Any) -> Outcome:
        return Outcome(FAILURE) if uid == FILTERED else original(uid, *given)

    around(tms.worklist, "subscribe", subscribe)


@defect(
    "restart-forgets-subscriptions-to-one-ups",
    "Keeps through a restart only who has subscribed to all UPS",
    "CC24-TMS-025",
)
def _forget_single(tms: Any) -> None:
    subscriptions = tms.worklist.subscriptions  # those of the run before: this one has not begun
    subscriptions.apply(Effect(ended=[one_ for one_ in subscriptions if one_.target not in (GLOBAL, FILTERED)]))


@defect(
    "subscription-ends-with-association",
    "Forgets a subscription when the association on which it was made is released",
    "CC23-TMS-047",
)
def _forget_on_release(tms: Any) -> None:
    from pynetdicom import evt

    made: dict[int, list[tuple[str, str]]] = {}

    def action(original: Around, event: Any, number: int) -> Outcome:
        outcome: Outcome = original(event, number)
        if number == SUBSCRIBE and outcome.status == SUCCESS:
            receiver = str(event.action_information.ReceivingAE).strip()
            made.setdefault(id(event.assoc), []).append((str(event.request.RequestedSOPInstanceUID), receiver))
        return outcome

    def released(event: Any) -> None:
        for uid, receiver in made.pop(id(event.assoc), ()):
            tms.worklist.unsubscribe(uid, receiver)

    around(tms, "action", action)
    tms.server.add_handler(evt.EVT_RELEASED, released)


# --- locks that get lost: a UPS is kept as long as there is one, and no longer ----------------------------------------------

LOST = {
    "alone": ("subscribe to the UPS with lock", NOT_SUBSCRIBED), "upgraded": ("subscribe to the UPS with lock", WITHOUT_LOCK),
    "repeated": ("subscribe to the UPS with lock", WITH_LOCK), "globally": ("subscribe globally with lock", NOT_SUBSCRIBED),
    "globally-too": ("subscribe globally with lock", WITH_LOCK),
}  # fmt: skip


@defect.rows
def _one_for_each_way_to_a_lock() -> Iterator[Defect]:
    for way, key in LOST.items():
        wrong = replace(subscription_table()[key], state=WITHOUT_LOCK)
        sentence = f"Forgets a UPS in spite of a lock: {key[0]}, where the AE is {key[1]}"
        yield Defect(f"lock-lost-{way}", sentence, "TMS", partial(_lost_by_a_cell, key, wrong), ("CC23-TMS-054",))
    for way, method, more in (("suspended", "suspend", ()), ("of-two", "unsubscribe", ("CC23-TMS-040",))):
        sentence = f"Forgets a UPS in spite of a lock: all locks are gone after another {method}"
        yield Defect(f"lock-lost-{way}", sentence, "TMS", partial(_lost_by_another, method), ("CC23-TMS-054", *more))


def _lost_by_a_cell(key: tuple[str, str], wrong: SubscriptionCell, tms: Any) -> None:
    tms.worklist.retain(0.0)
    _replace_cell(key, wrong, tms)


def _lost_by_another(method: str, tms: Any) -> None:
    def perform(original: Around, uid: str, receiver: str) -> Outcome:
        outcome: Outcome = original(uid, receiver)
        present = tms.worklist.subscriptions
        if (uid == GLOBAL) == (method == "suspend"):
            locked = [one for one in present if one.lock and one.target not in (GLOBAL, FILTERED)]
            present.apply(Effect(made=[replace(one, lock=False) for one in locked]))
        return outcome

    tms.worklist.retain(0.0)
    around(tms.worklist, method, perform)

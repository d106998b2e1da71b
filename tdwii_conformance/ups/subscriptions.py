"""Who is told about which UPS [CC.2.3]: the subscription table is data (``profile/ups_subscriptions.csv``), this reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..profile.ups_service import FILTERED, GLOBAL
from ..profile.ups_tables import GLOBAL_STATES, NEW_UPS, SUBSCRIPTION_STATES, SubscriptionCell, subscription_table

__all__ = ["FILTERED", "GLOBAL", "Effect", "Subscription", "Subscriptions"]

# Well-known instances [CC.2.3.2]

NOT_SUBSCRIBED, WITH_LOCK, WITHOUT_LOCK = SUBSCRIPTION_STATES
NO_GLOBAL, GLOBAL_WITH_LOCK, _ = GLOBAL_STATES


@dataclass(frozen=True)
class Subscription:
    """What an AE has subscribed to.

    Parameters
    ----------
    ae : str
        AE title of the receiver.
    target : str
        SOP Instance UID of a UPS, or `GLOBAL`, or `FILTERED`.
    lock : bool
        Whether it holds a deletion lock, or is to hold one on each UPS.
    keys : bytes
        For `FILTERED`: the match keys, encoded.
    """

    ae: str
    target: str
    lock: bool
    keys: bytes = b""


@dataclass
class Effect:
    """What an event did to subscriptions.

    Parameters
    ----------
    made, ended : list of Subscription
        Those that are new or changed, and those that are no more.
    initial_events : list of (str, str)
        AE title, and the UPS of which it is told the present state.
    """

    made: list[Subscription] = field(default_factory=list)
    ended: list[Subscription] = field(default_factory=list)
    initial_events: list[tuple[str, str]] = field(default_factory=list)


class Subscriptions:
    """All subscriptions of an SCP. For one thread at a time.

    What an event would do is asked for first (`Effect`), and done by `apply` when it has been kept.

    Parameters
    ----------
    kept : iterable of Subscription
        Those of an earlier run.
    """

    def __init__(self, kept: Iterable[Subscription] = ()) -> None:
        self._all: dict[str, bool] = {}  # AE title: lock
        self._filtered: dict[str, dict[bytes, bool]] = {}
        self._of_ups: dict[str, dict[str, bool]] = {}
        self._of_ae: dict[str, set[str]] = {}
        for subscription in kept:
            self._keep(subscription)

    def apply(self, effect: Effect) -> None:
        """Make an effect so."""
        for one in effect.ended:
            self._drop(one)
        for one in effect.made:
            self._keep(one)

    def _keep(self, one: Subscription) -> None:
        if one.target == GLOBAL:
            self._all[one.ae] = one.lock
        elif one.target == FILTERED:
            self._filtered.setdefault(one.ae, {})[one.keys] = one.lock
        else:
            self._of_ups.setdefault(one.target, {})[one.ae] = one.lock
            self._of_ae.setdefault(one.ae, set()).add(one.target)

    def _drop(self, one: Subscription) -> None:
        if one.target == GLOBAL:
            self._all.pop(one.ae, None)
        elif one.target == FILTERED:
            self._filtered.get(one.ae, {}).pop(one.keys, None)
        else:
            receivers = self._of_ups.get(one.target, {})
            receivers.pop(one.ae, None)
            if not receivers:
                self._of_ups.pop(one.target, None)
            self._of_ae.get(one.ae, set()).discard(one.target)

    def of(self, uid: str) -> tuple[str, ...]:
        """Return the AEs subscribed to a UPS, with or without lock."""
        return tuple(self._of_ups.get(uid, ()))

    def locked(self, uid: str) -> bool:
        """Whether somebody holds a deletion lock on a UPS."""
        return any(self._of_ups.get(uid, {}).values())

    def everybody(self) -> tuple[str, ...]:
        """Return every AE with any subscription: those that are told the status of the SCP [CC.2.4.3]."""
        filtered = (ae for ae, filters in self._filtered.items() if filters)
        subscribed = (ae for ae, uids in self._of_ae.items() if uids)
        return tuple(dict.fromkeys((*self._all, *filtered, *subscribed)))

    def state(self, ae: str, uid: str) -> str:
        """Return the state of an AE for a UPS, as the table calls it."""
        lock = self._of_ups.get(uid, {}).get(ae)
        return NOT_SUBSCRIBED if lock is None else WITH_LOCK if lock else WITHOUT_LOCK

    def global_state(self, ae: str) -> str:
        """Return the state of an AE for all UPS, as the table calls it; filtered subscriptions do not count."""
        lock = self._all.get(ae)
        return NO_GLOBAL if lock is None else _global(lock)

    def cell(self, event: str, state: str) -> SubscriptionCell:
        """Return what the table says of an event in a state."""
        return subscription_table()[event, state]

    def created(self, uid: str, fits: Callable[[bytes], bool]) -> Effect:
        """Return what the creation of a UPS does.

        Parameters
        ----------
        uid : str
            SOP Instance UID.
        fits : callable
            Whether the UPS matches the keys of a filtered subscription.
        """
        effect = Effect()
        wanted = {ae: lock for ae, filters in self._filtered.items() for keys, lock in filters.items() if fits(keys)}
        # A plain global subscription covers every UPS: of both kinds it says whether there is a lock.
        for ae, lock in (wanted | self._all).items():
            self._follow(effect, self.cell(f"UPS created; {_global(lock)}", NEW_UPS), ae, uid)
        return effect

    def subscribe(self, ae: str, uid: str, lock: bool) -> Effect:
        """Return what subscribing to one UPS does."""
        return self._specific(f"subscribe to the UPS {_lock(lock)}", ae, uid)

    def unsubscribe(self, ae: str, uid: str) -> Effect:
        """Return what unsubscribing from one UPS does."""
        return self._specific("unsubscribe from the UPS", ae, uid)

    def _specific(self, event: str, ae: str, uid: str) -> Effect:
        effect = Effect()
        self._follow(effect, self.cell(event, self.state(ae, uid)), ae, uid)
        return effect

    def subscribe_globally(self, ae: str, lock: bool, uids: Iterable[str], keys: bytes | None = None) -> Effect:
        """Return what subscribing to all present and future UPS does; with `keys` to those that match.

        `uids` are the present ones.

        The table has no rows for filtered subscriptions; they are treated as the global ones, for fewer UPS [CC.2.3.3.1].
        """
        one = Subscription(ae, GLOBAL, lock) if keys is None else Subscription(ae, FILTERED, lock, keys)
        effect = Effect(made=[one])
        for uid in uids:
            self._follow(effect, self.cell(f"subscribe globally {_lock(lock)}", self.state(ae, uid)), ae, uid)
        return effect

    def unsubscribe_globally(self, ae: str) -> Effect:
        """Return what ending every subscription of an AE does."""
        effect = self.suspend(ae)
        for uid in self._of_ae.get(ae, ()):
            self._follow(effect, self.cell("unsubscribe globally", self.state(ae, uid)), ae, uid)
        return effect

    def unsubscribe_filtered(self, ae: str, fits: Callable[[bytes, str], bool]) -> Effect:
        """Return what ending the filtered subscriptions of an AE does, and those to the UPS that match them; not ruled (A7)."""
        filters = list(self._filtered.get(ae, ()))
        effect = self.suspend(ae, filtered_only=True)
        for uid in self._of_ae.get(ae, ()):
            if any(fits(keys, uid) for keys in filters):
                self._follow(effect, self.cell("unsubscribe globally", self.state(ae, uid)), ae, uid)
        return effect

    def suspend(self, ae: str, *, filtered_only: bool = False) -> Effect:
        """Return what leaving an AE its subscriptions, but giving it no new ones, does."""
        effect = Effect()
        if ae in self._all and not filtered_only:
            effect.ended.append(Subscription(ae, GLOBAL, self._all[ae]))
        effect.ended += [Subscription(ae, FILTERED, lock, keys) for keys, lock in self._filtered.get(ae, {}).items()]
        return effect

    def deleted(self, uid: str) -> Effect:
        """Return what ends with a UPS that is no more."""
        return Effect(ended=[Subscription(ae, uid, lock) for ae, lock in self._of_ups.get(uid, {}).items()])

    def _follow(self, effect: Effect, cell: SubscriptionCell, ae: str, uid: str) -> None:
        if cell.state == NOT_SUBSCRIBED:
            if self.state(ae, uid) != NOT_SUBSCRIBED:
                effect.ended.append(Subscription(ae, uid, self._of_ups[uid][ae]))
        elif cell.state:
            effect.made.append(Subscription(ae, uid, cell.state == WITH_LOCK))
        if cell.initial_event:
            effect.initial_events.append((ae, uid))

    def __iter__(self) -> Iterator[Subscription]:
        """Yield every subscription."""
        yield from (Subscription(ae, GLOBAL, lock) for ae, lock in self._all.items())
        for ae, filters in self._filtered.items():
            yield from (Subscription(ae, FILTERED, lock, keys) for keys, lock in filters.items())
        for uid, receivers in self._of_ups.items():
            yield from (Subscription(ae, uid, lock) for ae, lock in receivers.items())


def _lock(lock: bool) -> str:
    return "with lock" if lock else "w/o lock"


def _global(lock: bool) -> str:
    return f"Global {'with' if lock else 'w/o'} Lock"

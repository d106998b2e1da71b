"""The requests of watchers, and what they are told, compared with the UPS model of `ups`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from ..checks.events import event_type
from ..profile.ups_service import EVENT_TYPES
from ..scu.watcher import GLOBAL, Watcher
from ..transcript.exchange import Exchange
from .environment import Reported, Subject, reported
from .performed import NO_LOCK_GRANTED, NO_SUCH_INSTANCE, TAGS, PerformedSequence

__all__ = ["WatchedSequence"]


class WatchedSequence(PerformedSequence):
    """A sequence of requests of performers and watchers; begins anew when it is made.

    Parameters
    ----------
    env : Environment
        Who takes part.
    """

    def subscribe(self, subject: Subject, watcher: Watcher, lock: bool) -> None:
        """Subscribe to a UPS, with deletion lock or without."""
        self.remembered(subject, self.env.performers[0])
        exchange = watcher.subscribe(subject.uid, lock=lock)
        words = f"{watcher.ae_title} subscribes to {subject} with{'' if lock else 'out'} lock"
        granted = _granted(exchange, lock)
        self.compare(words, exchange, lambda: self.model.subscribe(subject.uid, watcher.ae_title, granted), self.unknown(subject))

    def unsubscribe(self, subject: Subject, watcher: Watcher) -> None:
        """Unsubscribe from a UPS."""
        self.remembered(subject, self.env.performers[0])
        exchange = watcher.unsubscribe(subject.uid)
        words = f"{watcher.ae_title} unsubscribes from {subject}"
        self.compare(words, exchange, lambda: self.model.unsubscribe(subject.uid, watcher.ae_title), self.unknown(subject))

    def subscribe_globally(self, watcher: Watcher, lock: bool) -> None:
        """Subscribe globally, with deletion lock or without."""
        for subject in self.subjects:
            self.remembered(subject, self.env.performers[0])
        self.unlocked |= not lock
        if lock:  # the text would have an initial event for every UPS, the table for those not subscribed (A6)
            for subject in self.subjects:
                shown = self.model.get(subject.uid, TAGS).dataset
                self.tolerated[watcher.ae_title][reported(1, subject.uid, shown)] += 1
        exchange = watcher.subscribe(lock=lock)
        words = f"{watcher.ae_title} subscribes globally with{'' if lock else 'out'} lock"
        self.compare(words, exchange, lambda: self.model.subscribe(GLOBAL, watcher.ae_title, _granted(exchange, lock)))

    def unsubscribe_globally(self, watcher: Watcher) -> None:
        """End a global subscription, and those to each UPS."""
        exchange = watcher.unsubscribe()
        words = f"{watcher.ae_title} unsubscribes globally"
        self.compare(words, exchange, lambda: self.model.unsubscribe(GLOBAL, watcher.ae_title))

    def suspend(self, watcher: Watcher) -> None:
        """Suspend a global subscription."""
        exchange = watcher.suspend()
        words = f"{watcher.ae_title} suspends its global subscription"
        self.compare(words, exchange, lambda: self.model.suspend(GLOBAL, watcher.ae_title))

    def look(self, watcher: Watcher) -> None:
        """Compare what a watcher was told so far, as a step of its own."""
        self.step(f"{watcher.ae_title} looks what it was told", None)
        self.compare_reported(watcher)

    def unknown(self, subject: Subject) -> Collection[int]:
        """Return the statuses that are as good as the model's for a UPS that does not exist, or is no longer kept."""
        return {NO_SUCH_INSTANCE} if self.state_of(subject) == "no such UPS" else ()

    # --- what is compared ---

    def received(self, watcher: Watcher) -> list[Reported]:
        """Return what a watcher was told of the UPS of this sequence."""
        ours = {subject.uid for subject in self.subjects}
        reports = [r for r in watcher.reports(since=self.since) if r.instance_uid in ours]
        return [reported(event_type(r), r.instance_uid, r.request.dataset) for r in reports]

    def compare_reported(self, watcher: Watcher) -> None:
        """Wait for every report that has to come, then for one that comes after all of them."""
        expected = Counter(self.expected[watcher.ae_title])
        if expected:
            watcher.receiver.wait_for(
                lambda _: not expected - Counter(self.received(watcher)), watcher.ae_title, self.since, watcher.deadline
            )
        caught_up = watcher.caught_up(self.env.new_marker() if watcher.needs_new_marker else self.env.marker)
        received = Counter(self.received(watcher))
        if lacking := expected - received:
            self.fault(
                f"{watcher.ae_title} is told of {self.named(lacking)}",
                f"{received.total()} of {expected.total()} event reports",
            )
        if not caught_up:
            self.fault("an initial event for a subscription to a UPS", f"{watcher.ae_title} got none in time")
        if surplus := received - expected - self.tolerated[watcher.ae_title]:
            self.fault(f"{watcher.ae_title} is not told of it", f"{self.named(surplus)}")

    def named(self, events: Iterable[Reported]) -> str:
        """Name events in a finding."""
        numbers = {subject.uid: str(subject) for subject in self.subjects}
        return "; ".join(
            f"{EVENT_TYPES.get(kind, kind)} of {numbers[uid]} {[str(fact) for fact in facts if fact]}"
            for kind, uid, facts in events
        )

    # --- the end ---

    def finish(self) -> None:
        """Compare what every watcher was told, unless there was a fault; then end everything that was created."""
        try:
            for watcher in self.env.watchers if not self.faulty else ():
                self.compare_reported(watcher)
        finally:
            self.clean_up()

    def clean_up(self) -> None:
        """End everything that was created."""
        for watcher in self.env.watchers:
            watcher.unsubscribe()
        for subject in self.subjects:
            self.env.end(subject.uid, self.state_of(subject), subject.lock)


def _granted(exchange: Exchange, lock: bool) -> bool:
    """Whether a lock is held: not where it was refused, and so without the initial events that belong to it [CC.2.3.3]."""
    return lock and exchange.status != NO_LOCK_GRANTED

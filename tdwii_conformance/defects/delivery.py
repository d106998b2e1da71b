"""Defects of event reports to receivers that refuse, abort, or are not there, and of those of a restart [CC.2.4.3]."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

from ..dimse import DimseError
from ..profile.ups_service import STATUS_CHANGE
from ..transcript.exchange import Exchange
from ..ups import GLOBAL, Event
from ..ups.states import FINAL
from ..ups.store import Change
from .hooks import Around, Reported, around, on_events
from .tms import defect

REFUSAL, ABORT, NOBODY = "refusal", "abort", "nobody"


def _fate(exchange: Exchange) -> str:
    """Return what became of a report that was sent; empty: it was taken."""
    return ABORT if exchange.failure or exchange.status is None else REFUSAL if exchange.status else ""


def _on_deliveries(tms: Any, after: Any) -> None:
    """Call `after` (receiver, UPS or empty, event type, fate) when a report was delivered or not, or nobody was there."""

    def connect(original: Around, receiver: str) -> Any:
        try:
            link = original(receiver)
        except DimseError:
            after(receiver, "", 0, NOBODY)
            raise

        def report(send: Around, uid: str, kind: int, *given: Any) -> Exchange:
            exchange: Exchange = send(uid, kind, *given)
            after(receiver, uid, kind, _fate(exchange))
            return exchange

        around(link, "n_event_report", report)
        return link

    around(tms.reporter, "connect", connect)


@defect("event-abort-ends-subscription", "Ends the subscriptions of an AE that aborts the association of an event report",
        "CC24-TMS-021", given=(ABORT,))  # fmt: skip
@defect("event-to-nobody-ends-subscription", "Ends the subscriptions of an AE that accepts no association for an event report",
        "CC24-TMS-021", given=(NOBODY,))  # fmt: skip
def _end(fate: str, tms: Any) -> None:
    _on_deliveries(tms, lambda receiver, uid, kind, seen: tms.worklist.unsubscribe(GLOBAL, receiver) if seen == fate else None)


@defect("event-failure-ends-lock", "Deletes a UPS when it ends, if an AE that holds a lock on it has answered a report with failure",
        "CC24-TMS-021")  # fmt: skip
def _end_lock(tms: Any) -> None:
    failed: set[str] = set()

    def after(receiver: str, uid: str, kind: int, fate: str) -> None:
        if fate == REFUSAL:
            failed.add(uid)

    def get(original: Around, uid: str, *given: Any) -> Any:
        record = tms.worklist.store.get(uid)
        if uid in failed and record is not None and record.state in FINAL:
            tms.worklist.store.commit(Change(deleted=uid))
        return original(uid, *given)

    _on_deliveries(tms, after)
    around(tms.worklist, "get", get)


@defect("event-stops-at-a-refusal", "Tells subscribers one after the other, and stops at one who answers with failure",
        "CC24-TMS-013", given=(REFUSAL,))  # fmt: skip
@defect("event-stops-at-an-abort", "Tells subscribers one after the other, and stops at one who aborts", "CC24-TMS-013",
        given=(ABORT,))  # fmt: skip
@defect("event-stops-at-nobody", "Tells subscribers one after the other, and stops at one who is not there", "CC24-TMS-013",
        given=(NOBODY,))  # fmt: skip
def _one_after_the_other(stops: str, tms: Any) -> None:
    waiting: dict[str, deque[tuple[Event, Sequence[str]]]] = defaultdict(deque)  # who comes after a receiver

    def in_turn(original: Around, event: Event, receivers: Sequence[str]) -> None:
        first, *others = receivers
        waiting[first].append((event, others))
        original(event, [first])

    def over(receiver: str, uid: str, kind: int, fate: str) -> None:
        while waiting[receiver]:
            event, others = waiting[receiver].popleft()
            if others and fate != stops:
                tms.reporter.post(event, others)
                tms.reporter.flush()
            if (event.uid, event.type) == (uid, kind):  # what came before it was lost
                return

    around(tms.reporter, "post", in_turn)
    _on_deliveries(tms, over)


@defect("restart-not-reported-to-the-fallback-list", "Reports a restart only to those that are subscribed", "CC24-TMS-033")
def _no_fallback(tms: Any) -> None:
    def subscribed(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        known = tms.worklist.subscribers() if event.type == STATUS_CHANGE else receivers
        yield event, [receiver for receiver in receivers if receiver in known]

    on_events(tms, subscribed)


@defect("restart-says-cold", "Keeps its lists when it is restarted, and says that they are lost", "CC24-TMS-032")
def _says_cold(tms: Any) -> None:
    around(tms, "_report_status", lambda original, status, warm: original(status, warm=False))

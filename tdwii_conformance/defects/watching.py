"""Defects of a watcher only: what it subscribes to and asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt

from ..dimse import connect, left_undeclared
from ..profile.ups_service import TRIAL, UPS
from ..treatment.messages import item
from .calling import beside
from .deviations import Defect
from .hooks import around, on_links, set_command

__all__ = ["defects"]


def defects() -> Iterator[Defect]:
    """Yield the defects of a watcher."""

    def one(name: str, sentence: str, apply: Callable[[Any], None], *requirements: str, **more: Any) -> Defect:
        return Defect(f"watcher-{name}", sentence, "watcher", apply, requirements, **more)

    def searching(**keys: Any) -> Callable[[Any], None]:
        # As it is given: one of them is to do without Specific Character Set.
        query = left_undeclared(item(ProcedureStepState="SCHEDULED", **keys))
        return lambda watcher: beside(watcher, partial(_search, watcher, query))

    yield one("does-not-subscribe", "Does not subscribe", _does_not_subscribe, "CC23-WATCHER-001")
    yield one("proposes-pull", "Proposes UPS Pull in place of UPS Watch", _under_pull, "NEG-WATCHER-001", "CC31-WATCHER-002",
              "CC23-WATCHER-001")  # fmt: skip
    yield one("names-watch", "Names UPS Watch in Requested SOP Class UID of its requests", _names_watch, "CC31-WATCHER-001")
    yield one("search-names-push", "Names UPS Push in Affected SOP Class UID of a query under UPS Watch",
              partial(_search_names, UPS.PUSH), "CC28-WATCHER-001")  # fmt: skip
    yield one("search-names-trial", "Names the trial UPS Watch in Affected SOP Class UID of a query",
              partial(_search_names, f"{TRIAL}2"), "CC28-WATCHER-001")  # fmt: skip
    yield one("searches-by-the-lock", "Uses Transaction UID as a key of a query", searching(TransactionUID=""), "CC28-WATCHER-002")
    yield one("search-timezone-without-value", "Sends Timezone Offset From UTC without a value in a query",
              searching(TimezoneOffsetFromUTC=""), "CC28-WATCHER-003")  # fmt: skip
    yield one("search-characters-without-set", "Names no Specific Character Set for an umlaut in a query",
              searching(PatientName="M\u00fcller"), "CC28-WATCHER-003")  # fmt: skip


def _does_not_subscribe(watcher: Any) -> None:
    def subscribe(original: Any) -> None:
        raise ValueError("there is no subscription")

    around(watcher, "subscribe", subscribe)


def _under_pull(watcher: Any) -> None:
    def under(link: Any) -> None:
        for method in ("n_action", "n_get"):
            around(link, method, lambda original, *given, context: original(*given, context=UPS.PULL))

    around(watcher, "connect", lambda original, peer, syntax: original(peer, UPS.PULL if syntax == UPS.WATCH else syntax))
    on_links(watcher, under)


def _names_watch(watcher: Any) -> None:
    def name(link: Any) -> None:
        for method in ("n_action", "n_get"):
            around(link, method, _once_more)

    on_links(watcher, name)


def _once_more(original: Any, *given: Any, **named: Any) -> Any:
    original(*given, sop_class=UPS.WATCH, **named)
    return original(*given, **named)


def _search(watcher: Any, keys: Dataset, named: str = UPS.WATCH) -> None:
    def name(event: Any) -> None:
        set_command(event.message.command_set, AffectedSOPClassUID=named)

    with connect(watcher.tms, [UPS.WATCH], calling=watcher.server.ae_title) as link:
        link.add_handler(evt.EVT_DIMSE_SENT, name)
        link.c_find(UPS.WATCH, keys)


def _search_names(syntax: str, watcher: Any) -> None:
    beside(watcher, partial(_search, watcher, item(ProcedureStepState="SCHEDULED"), syntax))

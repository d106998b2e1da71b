"""Defects of a watcher only: what it subscribes to and asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt

from ..dimse import connect, left_undeclared
from ..profile.ups_service import TRIAL, UPS
from ..treatment.messages import item
from .calling import beside
from .deviations import Defect, Rows
from .hooks import around, on_links, set_command

__all__ = ["defect"]


def of_a_watcher(name: str, sentence: str, apply: Callable[[Any], None], *requirements: str) -> Defect:
    """Return a defect of a watcher."""
    return Defect(f"watcher-{name}", sentence, "watcher", apply, requirements)


defect = Rows(of_a_watcher)


@defect("does-not-subscribe", "Does not subscribe", "CC23-WATCHER-001")
def _does_not_subscribe(watcher: Any) -> None:
    def subscribe(original: Any) -> None:
        raise ValueError("there is no subscription")

    around(watcher, "subscribe", subscribe)


@defect(
    "proposes-pull",
    "Proposes UPS Pull in place of UPS Watch",
    "NEG-WATCHER-001", "CC31-WATCHER-002", "CC23-WATCHER-001",
)  # fmt: skip
def _under_pull(watcher: Any) -> None:
    def under(link: Any) -> None:
        for method in ("n_action", "n_get"):
            around(link, method, lambda original, *given, context: original(*given, context=UPS.PULL))

    around(watcher, "connect", lambda original, peer, syntax: original(peer, UPS.PULL if syntax == UPS.WATCH else syntax))
    on_links(watcher, under)


@defect("names-watch", "Names UPS Watch in Requested SOP Class UID of its requests", "CC31-WATCHER-001")
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


@defect(
    "search-names-trial",
    "Names the trial UPS Watch in Affected SOP Class UID of a query",
    "CC28-WATCHER-001",
    given=(f"{TRIAL}2",),
)
@defect(
    "search-names-push",
    "Names UPS Push in Affected SOP Class UID of a query under UPS Watch",
    "CC28-WATCHER-001",
    given=(UPS.PUSH,),
)
def _search_names(syntax: str, watcher: Any) -> None:
    beside(watcher, partial(_search, watcher, item(ProcedureStepState="SCHEDULED"), syntax))


@defect(
    "search-characters-without-set",
    "Names no Specific Character Set for an umlaut in a query",
    "CC28-WATCHER-003",
    given=({"PatientName": "M\u00fcller"},),
)
@defect(
    "search-timezone-without-value",
    "Sends Timezone Offset From UTC without a value in a query",
    "CC28-WATCHER-003",
    given=({"TimezoneOffsetFromUTC": ""},),
)
@defect(
    "searches-by-the-lock",
    "Uses Transaction UID as a key of a query",
    "CC28-WATCHER-002",
    given=({"TransactionUID": ""},),
)
def _search_by(keys: dict[str, str], watcher: Any) -> None:
    # As it is given: one of them is to do without Specific Character Set.
    query = left_undeclared(item(ProcedureStepState="SCHEDULED", **keys))
    beside(watcher, partial(_search, watcher, query))

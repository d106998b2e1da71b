"""Defects of a watcher only: what it subscribes to and asks for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from ..dimse import connect, left_undeclared
from ..profile.ups_service import TRIAL, UPS
from ..scu.tdd import STUDY_ROOT_MOVE
from ..transcript.answers import answered
from ..treatment.messages import item
from .calling import beside
from .deviations import Defect, Rows
from .hooks import around, change_response, on_links, on_requests, on_responses, set_command
from .treating import C_MOVE_RQ, C_STORE_RSP

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


# --- what it fetches ------------------------------------------------------------------------------------------------------


@defect(
    "fetches-nothing", "Fetches nothing of what is scheduled, though that is said of it", "RO59-WATCHER-001", "CC23-WATCHER-006",
)  # fmt: skip
def _fetches_nothing(watcher: Any) -> None:
    around(watcher, "fetch", lambda original, uid: None)


def _asking_wrongly(change: Callable[[Dataset], object], watcher: Any) -> None:
    """Have it ask for the first input once more before, with another identifier: the right request goes its way."""
    wrong: list[str] = []

    def once(link: Any) -> None:
        def move(original: Any, syntax: str, identifier: Dataset, destination: str) -> Any:
            if not wrong:
                wrong.append(destination)
                other = copy.deepcopy(identifier)
                change(other)
                original(syntax, other, destination)
            return original(syntax, identifier, destination)

        around(link, "c_move", move)

    on_links(watcher, once)


@defect.rows
def _rows_of_asking_wrongly() -> Iterator[Defect]:
    def asks(name: str, sentence: str, change: Callable[[Dataset], object], *requirements: str) -> Defect:
        return of_a_watcher(name, sentence, partial(_asking_wrongly, change), *requirements)

    yield asks("moves-a-series", "Asks at the level SERIES", lambda keys: keys.update(item(QueryRetrieveLevel="SERIES")),
               "RO59-WATCHER-003")  # fmt: skip
    yield asks("moves-without-study", "Names no Study Instance UID in a C-MOVE",
               lambda keys: keys.pop("StudyInstanceUID", None), "RO59-WATCHER-003")  # fmt: skip
    yield asks("moves-what-is-not-listed", "Asks for an instance that no workitem lists",
               lambda keys: keys.update(item(SOPInstanceUID=generate_uid())), "RO59-WATCHER-004")  # fmt: skip
    yield asks("moves-of-another-study", "Gives another Study Instance UID than the workitem",
               lambda keys: keys.update(item(StudyInstanceUID=generate_uid())), "RO59-WATCHER-005")  # fmt: skip
    yield asks("moves-with-another-key", "Sends Study Description as a key of a C-MOVE",
               lambda keys: keys.update(item(StudyDescription="")), "RO59-WATCHER-005")  # fmt: skip


@defect("moves-from-the-wrong-ae", "Asks the TMS for the plan as well, which the OST has", "RO59-WATCHER-006")
def _moves_from_the_wrong_ae(watcher: Any) -> None:
    wrong: list[str] = []

    def connect_(original: Any, peer: Any, syntax: str) -> Any:
        link = original(peer, syntax)
        if syntax == STUDY_ROOT_MOVE and not wrong and peer.ae_title != watcher.tms.ae_title:
            around(link, "c_move", move)
        return link

    def move(original: Any, syntax: str, identifier: Dataset, destination: str) -> Any:
        if not wrong:
            wrong.append(destination)
            with connect(watcher.tms, [STUDY_ROOT_MOVE], calling=watcher.server.ae_title) as link:
                link.c_move(syntax, identifier, destination)
        return original(syntax, identifier, destination)

    around(watcher, "connect", connect_)


@defect("moves-to-another", "Names another AE as Move Destination first", "RO59-WATCHER-007")
def _moves_to_another(watcher: Any) -> None:
    wrong: list[str] = []

    def once(link: Any) -> None:
        def move(original: Any, syntax: str, identifier: Dataset, destination: str) -> Any:
            if not wrong:
                wrong.append(destination)
                original(syntax, identifier, "ANOTHER")
            return original(syntax, identifier, destination)

        around(link, "c_move", move)

    on_links(watcher, once)


@defect("moves-by-patient-root", "Names Patient Root - MOVE in Affected SOP Class UID", "RO59-WATCHER-008")
def _moves_by_patient_root(watcher: Any) -> None:
    once: list[str] = []

    def name(message: Any) -> None:
        if not once:
            once.append("named")
            set_command(message.command_set, AffectedSOPClassUID=sop_class.PatientRootQueryRetrieveInformationModelMove)

    def again(link: Any) -> None:
        def move(original: Any, *given: Any) -> Any:
            exchange = original(*given)
            return original(*given) if answered(exchange) != "done" else exchange

        around(link, "c_move", move)

    on_requests(watcher, C_MOVE_RQ, name)
    on_links(watcher, again)


@defect(
    "accepts-no-plans", "Does not accept RT Plan Storage, of which it asks for an instance", "RO59-WATCHER-009", "CC23-WATCHER-006"
)
def _accepts_no_plans(watcher: Any) -> None:
    contexts = watcher.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax != uids.RTPlanStorage]


@defect("refuses-a-plan", "Answers the C-STORE of a plan with a failure", "RO59-WATCHER-010", "CC23-WATCHER-006")
def _refuses_a_plan(watcher: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.get("AffectedSOPClassUID") == uids.RTPlanStorage:
            set_command(message.command_set, Status=0xA700)

    on_responses(watcher, C_STORE_RSP, sent)


@defect("names-another-instance", "Names another instance in its C-STORE responses", "RO59-WATCHER-011")
def _names_another_instance(watcher: Any) -> None:
    change_response(watcher, C_STORE_RSP, AffectedSOPInstanceUID=generate_uid())

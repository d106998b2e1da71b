"""Defects of whoever calls, a TDD or a watcher alike: negotiation, and the SCU rules of PS3.4 Annex CC."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import evt

from ..dimse import Link, connect
from ..profile import Requirement, load_catalogue
from ..profile.statuses import is_warning
from ..profile.ups_service import REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ..transcript.exchange import Exchange
from ..treatment import objects
from ..treatment.messages import Code, item
from ..ups import FILTERED
from .attributes import SHAPES, Edit, edit, shapes, slug, violated
from .deviations import Defect, Rows
from .hooks import around, change_response, on_links, propose

__all__ = ["aside", "beside", "defect", "done", "instead", "of_type", "propose_extended"]

FINAL_STATES = ("COMPLETED", "CANCELED")
FAILURE = 0x0110
SECONDS = 10.0  # that a report may take to come
N_EVENT_REPORT_RSP = 0x8100


def done(exchange: Exchange) -> bool:
    """Whether a request was answered with success or a warning."""
    return exchange.status == 0 or is_warning(exchange.status)


ACTORS = ("TDD", "watcher")


def of_callers(
    name: str, sentence: str, apply: Callable[[Any], None], *requirements: str, actors: Iterable[str] = ACTORS
) -> Iterator[Defect]:
    """Yield a defect for each of those who call.

    Parameters
    ----------
    name, sentence, apply
        As in `Deviation`; the name without the actor.
    *requirements : str
        What it violates: ``CC23-*-002`` for whoever calls, ``CC23-TDD-006`` where only one of them violates it.
    actors : iterable of {"TDD", "watcher"}
        Who can have it.
    """
    for actor in actors:
        named = (requirement.replace("*", actor.upper()) for requirement in requirements)
        violated = tuple(requirement for requirement in named if f"-{actor.upper()}-" in requirement)
        yield Defect(f"{actor.lower()}-{name}", sentence, actor, apply, violated)


defect = Rows(of_callers)


# --- seams ----------------------------------------------------------------------------------------------------------------


def instead(
    simulator: Any, method: str, wanted: Callable[..., bool], change: Callable[..., Exchange], *, again: bool = True
) -> None:
    """Let `change` (original, *arguments) make the requests of one kind that are wanted, by their arguments.

    What is refused so is asked once more as it should be, so that one defect leaves the rest what it stands on.
    """

    def request(original: Any, *given: Any, **named: Any) -> Exchange:
        if not wanted(*given):
            result: Exchange = original(*given, **named)
            return result
        exchange = change(partial(original, **named), *given)
        if again and not done(exchange) and not exchange.failure:
            exchange = original(*given, **named)
        return exchange

    on_links(simulator, lambda link: around(link, method, request))


def beside(simulator: Any, act: Callable[[], object]) -> None:
    """Let something be done besides: by a TDD before it ends the workitem, by a watcher before it unsubscribes."""

    def before(original: Any, *given: Any) -> Any:
        act()
        return original(*given)

    around(simulator, "finish" if simulator.actor == "TDD" else "unsubscribe", before)


def _besides(act: Callable[[Any], object], simulator: Any) -> None:
    beside(simulator, partial(act, simulator))


def _subscribing(change: Callable[..., Exchange], simulator: Any) -> None:
    instead(simulator, "n_action", of_type(SUBSCRIBE), change)


def aside(simulator: Any, *contexts: str, extended: Mapping[str, bytes] | None = None) -> Link:
    """Return an association with the TMS for something besides, perhaps with extended negotiation."""
    return connect(simulator.tms, contexts, calling=simulator.server.ae_title, extended=extended)


def of_type(kind: int) -> Callable[..., bool]:
    """Return whether an N-ACTION, by its arguments, is of an Action Type ID."""
    return lambda instance, action, *more: action == kind


# --- negotiation and associations -------------------------------------------------------------------------------------------


@defect("proposes-explicit-vr-only", "Proposes no Implicit VR Little Endian", "NEG-*-002")
def _explicit_only(simulator: Any) -> None:
    propose(simulator, [ExplicitVRLittleEndian])


@defect("aborts", "Ends its associations by A-ABORT", "NEG-*-004")
def _abort_at_the_end(simulator: Any) -> None:
    on_links(simulator, lambda link: around(link, "close", lambda original, **named: original(abort=True)))


@defect("does-not-wait", "Aborts an association before its C-MOVE is answered", "NEG-*-004", "NEG-*-007")
def _leave(simulator: Any) -> None:
    left: list[bool] = []

    def and_go(event: Any) -> None:
        encode = event.message.encode_msg

        def send(*given: Any) -> Iterator[Any]:
            yield from encode(*given)
            give_up(event.assoc)

        event.message.encode_msg = send

    def move(link: Any, original: Any, syntax: str, *given: Any) -> Exchange:
        if not left:
            left.append(True)
            with connect(link.peer, [syntax], calling=link.calling) as other:
                other.add_handler(evt.EVT_DIMSE_SENT, and_go)
                other.c_move(syntax, *given)
        exchange: Exchange = original(syntax, *given)
        return exchange

    on_links(simulator, lambda link: around(link, "c_move", partial(move, link)))


def _speak(simulator: Any, say: Callable[[Any, Callable[..., Iterator[Any]]], Callable[..., Iterator[Any]]]) -> None:
    """Send, on an association besides, what `say` (event, encoder of the message) makes of a request."""

    def sent(event: Any) -> None:
        event.message.encode_msg = say(event, event.message.encode_msg)

    with aside(simulator, UPS.WATCH) as link:
        link.add_handler(evt.EVT_DIMSE_SENT, sent)
        link.n_get(generate_uid(), context=UPS.WATCH)


def _saying(say: Callable[[Any, Callable[..., Iterator[Any]]], Callable[..., Iterator[Any]]], simulator: Any) -> None:
    beside(simulator, partial(_speak, simulator, say))


def give_up(association: Any) -> None:
    """Abort an association while our own request on it is under way."""
    association.abort(block=False)
    association.dimse.msg_queue.put((None, None))  # nothing more comes


@defect("leaves-a-message-unfinished", "Aborts an association in the middle of a message", "NEG-*-003", through=_saying)
def _half(event: Any, encode: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def begin(*given: Any) -> Iterator[Any]:
        fragment = next(encode(*given))
        fragment.presentation_data_value_list = [
            [context, b"\x01" + value[1:]] for context, value in fragment.presentation_data_value_list
        ]  # a command, and not its last fragment [PS3.8 E.2]
        yield fragment
        give_up(event.assoc)

    return begin


@defect("sends-no-pdus", "Sends something else than PDUs on a connection", "NEG-*-006", through=_saying)
def _garbage(event: Any, encode: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def send(*given: Any) -> Iterator[Any]:
        event.assoc.dul.socket.send(b"\x47\x00\x00\x00\x00\x04ET /")  # 47H is no type of PDU [PS3.8 9.3.1]
        yield from ()

    return send


@defect("sends-no-dataset", "Sends a data set that is none", "NEG-*-005")
def _undecodable(simulator: Any) -> None:
    def spoiled(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
        spoil[:] = [True]
        exchange: Exchange = original(instance, kind, information)
        return exchange

    def sent(event: Any) -> None:
        if spoil:
            spoil.clear()
            # An element that says it is longer than what there is.
            event.message.data_set.write(b"\x08\x00\x55\x00\xff\xff\xff\x7f")

    spoil: list[bool] = []
    on_links(simulator, lambda link: link.add_handler(evt.EVT_DIMSE_SENT, sent))
    _subscribing(spoiled, simulator)


# --- subscriptions -----------------------------------------------------------------------------------------------------------


@defect(
    "filter-without-keys", "Subscribes with a filter that has no keys", "CC23-*-002",
    "CC23-TDD-006",  # it unsubscribes from its workitem, and has subscribed to more
    through=_subscribing,
)  # fmt: skip
def _without_keys(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    exchange: Exchange = original(FILTERED, kind, information)
    return exchange


@defect("keys-without-filter", "Gives match keys with a subscription that has no filter", "CC23-*-003", through=_subscribing)
def _without_filter(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    exchange: Exchange = original(instance, kind, _with(information, ProcedureStepState="SCHEDULED"))
    return exchange


@defect(
    "suspends-another-instance", "Suspends a global subscription by an instance that is none of the well-known", "CC23-*-004",
    through=_besides,
)  # fmt: skip
def _suspend(simulator: Any) -> None:
    with aside(simulator, UPS.WATCH) as link:
        link.n_action(generate_uid(), SUSPEND, item(ReceivingAE=simulator.server.ae_title), context=UPS.WATCH)


@defect.rows
def _one_for_each_row() -> Iterator[Defect]:
    for actor in ACTORS:
        for message, kind in (("subscribe", SUBSCRIBE), ("unsubscribe", UNSUBSCRIBE)):
            rows = load_catalogue().attributes(f"CC.2.3 {message} request", actor)
            for row in rows:
                for shape in shapes(row):
                    how, words = SHAPES[shape]
                    yield from of_callers(
                        f"{message}-{slug(row)}-{shape}", f"In its CC.2.3 {message} {row.rule.text if row.rule else ''} {words}",
                        partial(_edit_action, kind, row, how), *violated(row, rows, shape), actors=(actor,),
                    )  # fmt: skip


def _edit_action(kind: int, row: Requirement, how: Edit, simulator: Any) -> None:
    def changed(original: Any, instance: str, action: int, information: Dataset) -> Exchange:
        edited = _with(information)
        edit(edited, row.rule.path if row.rule else (), how)
        exchange: Exchange = original(instance, action, edited)
        return exchange

    instead(simulator, "n_action", of_type(kind), changed)


def _with(dataset: Dataset, **values: Any) -> Dataset:
    changed = copy.deepcopy(dataset)
    changed.update(item(**values))
    return changed


class _Reports:
    """What has been reported to a TDD or a watcher."""

    def __init__(self, simulator: Any) -> None:
        self.count = 0
        self.over = ""  # the UPS whose final state was reported
        self._changed = threading.Condition()
        simulator.server.wrap_handler(evt.EVT_N_EVENT_REPORT, self._report)

    def _report(self, handler: Any, event: Any) -> Any:
        answer = handler(event)
        with self._changed:
            self.count += 1
            if event.event_information.get("ProcedureStepState") in FINAL_STATES:
                self.over = str(event.request.AffectedSOPInstanceUID)
            self._changed.notify_all()
        return answer

    def wait(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds, or too late."""
        with self._changed:
            self._changed.wait_for(condition, SECONDS)


@defect("subscribes-again-at-the-end", "Subscribes with a deletion lock where it should unsubscribe", "CC23-*-005", "CC23-*-006")
def _stays(simulator: Any) -> None:
    reports = _Reports(simulator)

    def again(original: Any, *_: Any) -> None:
        reports.wait(lambda: bool(reports.over))
        count = reports.count
        with aside(simulator, UPS.WATCH) as link:
            information = item(ReceivingAE=simulator.server.ae_title, DeletionLock="TRUE")
            link.n_action(reports.over or generate_uid(), SUBSCRIBE, information, context=UPS.WATCH)
        # The initial event comes when the TMS has taken the answer to the report of the final state.
        reports.wait(lambda: reports.count > count)

    around(simulator, "unsubscribe", again)
    _subscribing(_locking, simulator)


def _locking(original: Any, instance: str, kind: int, information: Dataset) -> Exchange:
    exchange: Exchange = original(instance, kind, _with(information, DeletionLock="TRUE"))
    return exchange


# --- event reports -------------------------------------------------------------------------------------------------------

EVENTS = {1: "state-report", 2: "cancel-requested", 3: "progress-report", 4: "status-change", 5: "assigned"}
WORDS = {1: "UPS State Reports", 2: "UPS Cancel Requested", 3: "UPS Progress Reports", 4: "SCP Status Changes", 5: "UPS Assigned"}
TO_A_TDD = (1, 2, 3)  # what a TMS has to report to a TDD


@defect.rows
def _one_for_each_type() -> Iterator[Defect]:
    for actor in ACTORS:
        for kind in TO_A_TDD if actor == "TDD" else EVENTS:
            yield from of_callers(
                f"{EVENTS[kind]}-refused", f"Answers {WORDS[kind]} with failure", partial(_refuse_event, kind),
                f"CC24-*-{kind + 1:03}", actors=(actor,),
            )  # fmt: skip


def _refuse_event(kind: int, simulator: Any) -> None:
    def answer(handler: Any, event: Any) -> Any:
        status, information = handler(event)
        return (FAILURE if event.event_type == kind else status), information

    simulator.server.wrap_handler(evt.EVT_N_EVENT_REPORT, answer)


@defect("event-of-no-type-taken", "Answers success to an event report of a type that there is not", "CC24-*-008")
def _takes_any_type(simulator: Any) -> None:
    def answer(handler: Any, event: Any) -> Any:
        return (0x0000, None) if event.event_type not in EVENTS else handler(event)

    simulator.server.wrap_handler(evt.EVT_N_EVENT_REPORT, answer)


@defect("events-with-unknown-attributes-refused", "Answers event reports with an attribute that it does not know with failure",
        "CC24-*-002", "CC24-*-004", "CC24-*-006")  # fmt: skip
def _refuses_unknown(simulator: Any) -> None:
    def answer(handler: Any, event: Any) -> Any:
        return (FAILURE, None) if "InstitutionalDepartmentName" in event.event_information else handler(event)

    simulator.server.wrap_handler(evt.EVT_N_EVENT_REPORT, answer)


@defect("event-response-names-another", "Names another UPS in its answers to event reports", "CC24-*-007")
def _names_another(simulator: Any) -> None:
    change_response(simulator, N_EVENT_REPORT_RSP, AffectedSOPInstanceUID=generate_uid())


@defect(
    "ups-event-refused", "Does not accept UPS Event", "CC24-*-001",
    "CC23-WATCHER-006",  # it waits for the report of the end, and is still subscribed when nobody waits any more
)  # fmt: skip
def _refuse_ups_event(simulator: Any) -> None:
    contexts = simulator.server.contexts
    contexts[:] = [context for context in contexts if context.abstract_syntax != UPS.EVENT]


# --- other services ----------------------------------------------------------------------------------------------------------


@defect("creates-in-progress", "Creates a UPS that is IN PROGRESS", "CC25-*-001", through=_besides)
def _create(simulator: Any) -> None:
    with aside(simulator, UPS.PUSH) as link:
        link.n_create(generate_uid(), item(ProcedureStepState="IN PROGRESS"))


@defect("creates-without-uid", "Names no SOP Instance UID in the N-CREATE of a UPS", "CC25-*-001", through=_besides)
def _create_without_uid(simulator: Any) -> None:
    with aside(simulator, UPS.PUSH) as link:
        link.n_create(None, _some_workitem())


def _some_workitem() -> Dataset:
    station = Code("ELSEWHERE", "99TDWII", "Another machine")
    return objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=station, start=datetime.now())


@defect("asks-for-the-lock", "Asks for Transaction UID by N-GET", "CC27-*-001", through=_besides, given=("TransactionUID",))
@defect("asks-for-what-is-inside", "Asks by N-GET for an attribute that is in items of sequences only", "CC27-*-001",
        through=_besides, given=("ProcedureStepProgress",))  # fmt: skip
def _get_what_is_not_shown(keyword: str, simulator: Any) -> None:
    with aside(simulator, UPS.WATCH) as link:
        link.n_get(generate_uid(), ["ProcedureStepState", keyword], context=UPS.WATCH)


@defect("extended-reserved-0", "Proposes extended negotiation with 0 in the reserved bytes", "CC32-*-001", through=_besides,
        given=(b"\0\0\1",))  # fmt: skip
@defect("extended-two-bytes", "Proposes extended negotiation with the reserved bytes alone", "CC32-*-001", through=_besides,
        given=(b"\1\1",))  # fmt: skip
@defect("extended-fuzzy-2", "Proposes extended negotiation with 2 for fuzzy semantic matching", "CC32-*-001", through=_besides,
        given=(b"\1\1\2\0",))  # fmt: skip
def propose_extended(information: bytes, simulator: Any) -> None:
    """Read a UPS that is not there on an association with extended negotiation."""
    with aside(simulator, UPS.WATCH, extended={UPS.WATCH: information}) as link:
        link.n_get(generate_uid(), ["ProcedureStepState"], context=UPS.WATCH)


REASON = "ProcedureStepDiscontinuationReasonCodeSequence"


@defect("cancels-without-meaning", "Gives in a cancel request a reason without Code Meaning", "CC22-TDD-002", "CC22-WATCHER-001",
        through=_besides, given=(item(CodeValue="110501", CodingSchemeDesignator="DCM"),))  # fmt: skip
@defect("cancels-without-scheme", "Gives in a cancel request a reason without Coding Scheme Designator", "CC22-TDD-002",
        "CC22-WATCHER-001", through=_besides, given=(item(CodeValue="110501", CodeMeaning="Equipment failure"),))  # fmt: skip
@defect("cancels-without-value", "Gives in a cancel request a reason without a code", "CC22-TDD-002", "CC22-WATCHER-001",
        through=_besides, given=(item(CodingSchemeDesignator="DCM", CodeMeaning="Equipment failure"),))  # fmt: skip
def _cancel(reason: Dataset, simulator: Any) -> None:
    with aside(simulator, UPS.WATCH) as link:
        link.n_action(generate_uid(), REQUEST_CANCEL, item(**{REASON: [reason]}), context=UPS.WATCH)


@defect(
    "n-get-names-watch", "Names UPS Watch in the SOP Class UID field of N-GET", "CC31-*-001",
    named={"sop_class": UPS.WATCH}, through=_besides,
)  # fmt: skip
@defect("n-get-under-query", "Sends N-GET under UPS Query", "CC31-*-002", named={"context": UPS.QUERY}, through=_besides)
def _get(simulator: Any, *, context: str = UPS.WATCH, **named: Any) -> None:
    with aside(simulator, context) as link:
        link.n_get(generate_uid(), ["ProcedureStepState"], context=context, **named)

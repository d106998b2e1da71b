"""How a C-MOVE goes on and ends, of the OST and of the TMS alike: C-CANCEL, warnings, what the destination does not accept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_MOVE
from pynetdicom.dsutils import encode

from .deviations import Defect, Rows
from .hooks import Around, abort, around, on_responses, set_command
from .retrieval import ANOTHER, C_MOVE_RSP, C_STORE_RQ, PENDING, SUCCESS, listen_to_stores, of_both
from .wire_variations import of_both as variation_of_both

__all__ = ["defect", "variation"]

CANCELED, SOME_FAILED, ALL_FAILED, NOWHERE, UNABLE = 0xFE00, 0xB000, 0xA702, 0xA801, 0xC000
REMAINING, COMPLETED, FAILED, WARNING = (f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning"))
NO_DATA_SET = 0x0101

defect, variation = Rows(of_both), Rows(variation_of_both)


def _wrap(simulator: Any, c_move: Callable[[Callable[[Any], Iterator[Any]], Any], Iterator[Any]]) -> None:
    simulator.server.wrap_handler(evt.EVT_C_MOVE, c_move)


def _without_data_set(message: Any) -> None:
    message.data_set = BytesIO()
    set_command(message.command_set, CommandDataSetType=NO_DATA_SET)


def _on_status(status: int, change: Callable[[Any, Any], None], simulator: Any) -> None:
    """Let `change` (message, association) alter the responses with a status."""

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == status:
            change(message, association)

    on_responses(simulator, C_MOVE_RSP, sent)


# --- C-CANCEL ---------------------------------------------------------------------------------------------------------


@defect("cancel-ignored", "Goes on with a C-MOVE that is canceled", "022")
def _ignores(simulator: Any) -> None:
    def c_move(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        event._is_cancelled = lambda number: False
        return handler(event)

    _wrap(simulator, c_move)


@defect("cancel-is-success", "Ends a C-MOVE that is canceled with Success", "022", given=(SUCCESS,))
@defect("cancel-is-failure", "Ends a C-MOVE that is canceled with A702", "022", given=(ALL_FAILED,))
def _cancel_ends_with(status: int, simulator: Any) -> None:
    _on_status(CANCELED, lambda message, association: set_command(message.command_set, Status=status), simulator)


@defect("cancel-ends-the-association", "Aborts the association on a C-CANCEL of a C-MOVE", "022")
def _cancel_aborts(simulator: Any) -> None:
    _on_status(CANCELED, lambda message, association: abort(association), simulator)


@defect("cancel-lingers", "Ends the next C-MOVE on the association after a C-CANCEL at once", "022")
def _cancel_lingers(simulator: Any) -> None:
    def c_move(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        answers = handler(event)
        yield next(answers)
        if getattr(event.assoc, "canceled_before", False):
            yield 1
            yield CANCELED, None
            return
        yield next(answers)
        for answer in answers:
            event.assoc.canceled_before = answer[0] == CANCELED
            yield answer

    _wrap(simulator, c_move)


@defect("cancel-sends-the-rest", "Answers Canceled to a C-CANCEL of a C-MOVE, and sends the rest", "022")
def _sends_the_rest(simulator: Any) -> None:
    def c_move(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        seen, event._is_cancelled = event._is_cancelled, lambda number: False
        association, event.assoc.canceled = event.assoc, False
        sent = 0
        for answer in handler(event):
            if not association.canceled and seen(event.request.MessageID):
                association.dimse.send_msg(_canceled(event.request, sent), event.context.context_id)
                association.canceled = True
            yield answer
            sent += answer[0] == PENDING if isinstance(answer, tuple) else 0

    def established(event: Any) -> None:
        def send(original: Around, primitive: Any, context_id: int) -> None:
            if type(primitive).__name__ != "C_MOVE" or not getattr(event.assoc, "canceled", False):
                original(primitive, context_id)

        around(event.assoc.dimse, "send_msg", send)

    simulator.server.add_handler(evt.EVT_ESTABLISHED, established)
    _wrap(simulator, c_move)


def _canceled(request: Any, sent: int) -> C_MOVE:
    response = C_MOVE()
    response.MessageIDBeingRespondedTo, response.AffectedSOPClassUID = request.MessageID, request.AffectedSOPClassUID
    response.Status = CANCELED
    response.NumberOfCompletedSuboperations = sent
    response.NumberOfFailedSuboperations = response.NumberOfWarningSuboperations = 0
    return response


def _counts_what_remains_as(keyword: str, simulator: Any) -> None:
    def change(message: Any, association: Any) -> None:
        command = message.command_set
        set_command(command, **{keyword: command[keyword].value + command[REMAINING].value, REMAINING: None})

    _on_status(CANCELED, change, simulator)


@defect.rows
def _rows_of_numbers() -> Iterator[Defect]:
    def counting(**counts: int) -> Callable[[Any], None]:
        return lambda simulator: _on_status(
            CANCELED, lambda message, association: set_command(message.command_set, **counts), simulator
        )

    yield from of_both(
        "cancel-counts-none", "Counts no completed sub-operations when a C-MOVE is canceled", counting(**{COMPLETED: 0}), "023"
    )
    yield from of_both(
        "cancel-counts-none-remaining", "Counts no remaining sub-operations when a C-MOVE is canceled",
        counting(**{REMAINING: 0}), "023",
    )  # fmt: skip
    yield from of_both(
        "cancel-counts-a-warning",
        "Counts a warning where there was none when a C-MOVE is canceled",
        counting(**{WARNING: 1}),
        "023",
    )
    for word, keyword in (("completed", COMPLETED), ("failed", FAILED)):
        yield from of_both(
            f"cancel-counts-all-as-{word}", f"Counts as {word} what was not begun when a C-MOVE was canceled",
            partial(_counts_what_remains_as, keyword), "023",
        )  # fmt: skip


@variation("move-cancel-without-remaining", "Does not count what remains when a C-MOVE is canceled", "PS3.4 C.4.2.1.6")
def _without_remaining(simulator: Any) -> None:
    _on_status(CANCELED, lambda message, association: set_command(message.command_set, **{REMAINING: None}), simulator)


@variation("move-cancel-without-identifier", "Sends no identifier with Canceled, as nothing failed", "PS3.4 C.4.2.1.4.2")
def _without_identifier(simulator: Any) -> None:
    _on_status(CANCELED, lambda message, association: _without_data_set(message), simulator)


@variation("move-cancel-one-later", "Sends one more instance when a C-MOVE is canceled", "PS3.4 C.4.2.3.1")
def _one_later(simulator: Any) -> None:
    def c_move(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        seen = event._is_cancelled
        canceled: list[int] = []

        def later(number: int) -> bool:
            before = bool(canceled)
            if seen(number):
                canceled.append(number)
            return before

        event._is_cancelled = later
        return handler(event)

    _wrap(simulator, c_move)


# --- what the destination does not accept -----------------------------------------------------------------------------


def _where_it_is_known(change: Callable[[Any, Any], None], simulator: Any) -> None:
    """Let `change` alter the answer to a C-MOVE to a destination that is known, and takes nothing."""

    def c_move(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        for number, answer in enumerate(handler(event)):
            if not number:
                event.assoc.destination_known = answer[0] is not None
            yield answer

    def sent(message: Any, association: Any) -> None:
        if association.destination_known:
            change(message, association)

    _wrap(simulator, c_move)
    _on_status(NOWHERE, sent, simulator)


def _with_identifier(message: Any, association: Any) -> None:
    failed = Dataset()
    failed.FailedSOPInstanceUIDList = ANOTHER
    implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
    message.data_set = BytesIO(encode(failed, implicit, True) or b"")
    set_command(message.command_set, CommandDataSetType=0x0001)


@defect(
    "no-context-is-success", "Counts as completed what the destination accepts no context for", "024", through=_where_it_is_known
)
def _nothing_accepted(message: Any, association: Any) -> None:
    set_command(message.command_set, Status=SUCCESS, **{COMPLETED: 1})


@variation("move-no-context-a702", "Answers A702 where the destination accepts nothing", "PS3.4 C.4.2.3.1", given=(ALL_FAILED,))
@variation("move-no-context-b000", "Answers B000 where the destination accepts nothing", "PS3.4 C.4.2.1.5", given=(SOME_FAILED,))
@variation("move-no-context-c000", "Answers C000 where the destination accepts nothing", "PS3.4 C.4.2.1.5", given=(UNABLE,))
def _failed_otherwise(status: int, simulator: Any) -> None:
    _where_it_is_known(lambda message, association: set_command(message.command_set, Status=status, **{FAILED: 1}), simulator)


@defect.rows
def _rows_of_the_ost() -> Iterator[Defect]:
    yield Defect(
        "ost-move-no-context-among-others-is-success", "Ends with Success though the destination does not accept one class of two",
        "OST", _one_of_two, ("RO59-OST-026",),
    )  # fmt: skip


def _one_of_two(simulator: Any) -> None:
    sent: list[int] = []
    listen_to_stores(simulator, lambda event: sent.append(event.message.command_set.get("CommandField") == C_STORE_RQ))

    def final(message: Any, association: Any) -> None:
        command = message.command_set
        if command.Status == PENDING:
            return
        count = sum(sent)
        sent.clear()
        counted = sum(command.get(keyword) or 0 for keyword in (COMPLETED, FAILED, WARNING))
        if command.Status == SOME_FAILED and count < counted:
            _without_data_set(message)
            set_command(command, Status=SUCCESS, **{COMPLETED: counted, FAILED: 0})

    on_responses(simulator, C_MOVE_RSP, final)


# --- warnings ---------------------------------------------------------------------------------------------------------


def _where_warned(change: Callable[[Any, Any], None], simulator: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.get(WARNING) and not message.command_set.get(FAILED):
            change(message, association)

    _on_status(SOME_FAILED, sent, simulator)


@defect("warning-is-success", "Ends with Success though the destination answered a warning", "025", given=(SUCCESS,))
@defect("warning-is-failure", "Ends with A702 though the destination answered a warning only", "025", given=(ALL_FAILED,))
def _warned_ends_with(status: int, simulator: Any) -> None:
    _where_warned(lambda message, association: set_command(message.command_set, Status=status), simulator)


@defect("warning-counted-as-completed", "Counts as completed what the destination answered a warning to", "025", given=(COMPLETED,))
@defect("warning-counted-as-failed", "Counts as failed what the destination answered a warning to", "025", given=(FAILED,))
def _warned_counts_as(keyword: str, simulator: Any) -> None:
    def change(message: Any, association: Any) -> None:
        command = message.command_set
        set_command(command, **{keyword: (command.get(keyword) or 0) + command[WARNING].value, WARNING: 0})

    _where_warned(change, simulator)


@variation("move-warning-without-identifier", "Sends no identifier with a Warning of which nothing failed", "PS3.4 C.4.2.1.4.2")
def _warned_without_identifier(simulator: Any) -> None:
    _where_warned(lambda message, association: _without_data_set(message), simulator)


# --- what a response has that it should not -----------------------------------------------------------------------------


@defect("identifier-with-pending", "Sends an identifier with Pending", "014")
def _identifier_with_pending(simulator: Any) -> None:
    _on_status(PENDING, _with_identifier, simulator)


@defect("remaining-in-warning", "Has Number of Remaining Sub-operations in a final Warning or Failure", "013")
def _remaining_in_warning(simulator: Any) -> None:
    for status in (SOME_FAILED, ALL_FAILED):
        _on_status(status, lambda message, association: set_command(message.command_set, **{REMAINING: 0}), simulator)

"""Sends and takes the matches of a C-FIND past pynetdicom's own loops, which have pydicom write, and read, each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import encode

from ..ups.records import Kept

__all__ = ["Alike", "awaited", "sending"]

PENDING = frozenset({0xFF00, 0xFF01})


def sending(kind: Any, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler of an event of pynetdicom that sends the matches of a C-FIND itself; of others the same one.

    Parameters
    ----------
    kind : pynetdicom.evt.NotificationEvent or InterventionEvent
        Its event.
    handler : callable
        A function that returns an answer, or a generator of answers: status and identifier.
    """
    if kind is not evt.EVT_C_FIND:
        return handler

    def handle(event: Any, *arguments: Any) -> Any:
        answers = handler(event, *arguments)
        return _sent(event, answers) if isinstance(answers, Iterator) else answers

    return handle


def _sent(event: Any, answers: Iterator[Any]) -> Iterator[Any]:
    """Send what is pending, and yield to pynetdicom what is final, or unusual."""
    association, response = event.assoc, C_FIND()
    response.MessageIDBeingRespondedTo = event.request.MessageID
    response.AffectedSOPClassUID = event.request.AffectedSOPClassUID
    syntax = UID(event.context.transfer_syntax)
    for answer in answers:
        octets = _identifier(answer, syntax)
        if octets is None:
            yield answer
            continue
        if not association.is_established or association.acse.is_aborted() or association.acse.is_release_requested():
            return
        response.Status, response.Identifier = answer[0], BytesIO(octets)
        association.dimse.send_msg(response, event.context.context_id)


def _identifier(answer: Any, syntax: UID) -> bytes | None:
    """Return the encoded identifier of a pending answer; ``None`` for another one, and for what cannot be encoded."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        return None
    status, dataset = answer
    if type(status) is not int or status not in PENDING or not isinstance(dataset, Dataset):
        return None
    implicit, little, deflated = syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated
    kept = [one for one in dataset.elements() if isinstance(one, Kept) and one.is_implicit_VR == implicit]
    if little and not deflated and len(kept) == len(dataset):
        return b"".join(one.octets for one in kept) or None
    return encode(dataset, implicit, little, deflated) or None


def awaited(association: Any) -> Iterator[Dataset]:
    """Await the responses to the C-FIND that was sent last, undecoded: who wants them has them from the exchange.

    Takes the place of ``Association._wrap_find_responses``.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One that was tuned, and has sent the request.

    Yields
    ------
    Dataset
        Status of each response; one without elements when none came in time, or what came is none.
    """
    try:
        while True:
            _, response = association.dimse.get_msg(block=True)
            status = Dataset()
            if response is None:
                association._handle_no_response()
            elif not isinstance(response, C_FIND) or not response.is_valid_response:
                association.abort()
            else:
                status.Status = response.Status
            yield status
            if status.get("Status") not in PENDING:
                return
    finally:
        association._reactor_checkpoint.set()


class Alike:
    """Takes the responses to a C-FIND that have the command set of the one before them, byte for byte, as most matches have.

    As shipped, each is decoded by pydicom and taken apart again: a quarter of what a match costs its SCU.

    Parameters
    ----------
    association : pynetdicom.association.Association
        Its provider's queue gets the responses.
    otherwise : callable
        Takes what is not alike, ``DIMSEServiceProvider.receive_primitive``.
    """

    def __init__(self, association: Any, otherwise: Callable[[Any], None]) -> None:
        self._association, self._otherwise = association, otherwise
        self._command: tuple[int, bytes] | None = None  # of the last response: context ID and fragment
        self._response: C_FIND | None = None
        self._held: list[Any] = []  # fragments of one that is alike, as far as it has come
        put = association.dimse.msg_queue.put

        def learning(message: Any, *arguments: Any, **named: Any) -> None:
            last = message[1]
            pending = isinstance(last, C_FIND) and last.Status in PENDING and last.Identifier and last.Identifier.getvalue()
            self._response = last if pending else None
            put(message, *arguments, **named)

        association.dimse.msg_queue.put = learning

    def take(self, primitive: Any) -> bool:
        """Take a P-DATA primitive, if it is of a response that is alike; return whether it is."""
        if len(primitive.presentation_data_value_list) != 1:
            self._let_go()
            return False
        ((context, octets),) = primitive.presentation_data_value_list
        if self._held:
            return self._data(primitive, context, octets)
        if octets[0] & 3 != 3:  # the last fragment of a command set [PS3.8 E.2]
            return False
        if (context, octets) == self._command and self._may_be():
            self._held.append(primitive)
            return True
        self._command, self._response = (context, octets), None
        return False

    def _may_be(self) -> bool:
        if self._response is None or self._association.dimse.message is not None:
            return False
        return not self._association.get_handlers(evt.EVT_DIMSE_RECV)  # who handles that is given the message

    def _data(self, primitive: Any, context: int, octets: bytes) -> bool:
        if octets[0] & 1 or not self._command or context != self._command[0]:
            self._let_go()
            return False
        self._held.append(primitive)
        if octets[0] & 2:
            response: Any = copy(self._response)
            data = (held.presentation_data_value_list[0][1][1:] for held in self._held[1:])
            response.Identifier = BytesIO(b"".join(data))
            self._held.clear()
            self._association.dimse.msg_queue.put((context, response))
        return True

    def _let_go(self) -> None:
        """Hand on what was held: it is not what it seemed to be."""
        held, self._held = self._held, []
        for primitive in held:
            self._otherwise(primitive)

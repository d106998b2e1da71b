"""Sends the matches of a C-FIND past pynetdicom's own loop, which has pydicom write each of them, element by element."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import encode

from ..ups.records import Kept

__all__ = ["sending"]

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

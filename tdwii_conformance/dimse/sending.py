"""What is sent on an association: messages, encoded quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, TypeVar

from pynetdicom import evt
from pynetdicom.pdu_primitives import P_DATA

from .command_sets import command_bytes, data_set_of, message_of, primitive_bytes, set_group_length

__all__ = ["Sender", "only_of"]

Handler = TypeVar("Handler", bound=Callable[[Any], None])
SENT = evt.EVT_DIMSE_SENT

PDV_HEADER = 6  # bytes: length, context ID and message control header [PS3.8 9.3.5.1, E.2]


class Sender:
    """Sends messages whose command sets are encoded quickly.

    As shipped, pydicom encodes each command set twice, once for its length, and makes a data set of it before that: a third of
    what a message costs.
    """

    def __init__(self, association: Any) -> None:
        self._association = association
        association.last_asked = None  # the last request, and its context ID: for who wants to know what could not be sent
        association.dimse.send_msg = self.send

    def send(self, primitive: Any, context_id: int) -> None:
        """Encode and send a DIMSE primitive, as `DIMSEServiceProvider.send_msg` does."""
        provider = self._association.dimse
        if primitive.MessageIDBeingRespondedTo is None:
            self._association.last_asked = primitive, context_id
        for fragments in self._encoded(primitive, context_id, provider.maximum_pdu_size):
            provider.dul.send_pdu(fragments)

    def _encoded(self, primitive: Any, context_id: int, most: int) -> Iterator[Any]:
        if not self._looked_at(primitive) and getattr(primitive, "_dataset_path", None) is None:
            command = primitive_bytes(primitive)
            if command is not None and _fits(command, most):
                yield from _fragments(command, data_set_of(primitive), context_id, most)
                return
        message = message_of(primitive)
        message._set_command_group_length = lambda: set_group_length(message.command_set)
        message.primitive_to_message(primitive)
        message.context_id = context_id
        evt.trigger(self._association, SENT, {"message": message})
        # Who handles the event may have put an encoder of its own in.
        if "encode_msg" in vars(message) or message._data_set_path:
            yield from message.encode_msg(context_id, most)
            return
        command = command_bytes(message.command_set)
        if not _fits(command, most):
            yield from message.encode_msg(context_id, most)
            return
        yield from _fragments(command, message.data_set, context_id, most)

    def _looked_at(self, primitive: Any) -> bool:
        """Whether somebody handles the event that a message is sent: he is given a message, and may change it."""
        kind = type(primitive)
        return any(kind in getattr(handler, "primitives", {kind}) for handler, _ in self._association.get_handlers(SENT))


def only_of(*primitives: type) -> Callable[[Handler], Handler]:
    """Say of a handler of ``evt.EVT_DIMSE_SENT`` which messages it looks at, so that all others leave quickly.

    Parameters
    ----------
    primitives : DIMSE primitives of pynetdicom
        Their classes.
    """

    def said(handler: Handler) -> Handler:
        vars(handler)["primitives"] = frozenset(primitives)
        return handler

    return said


def _fits(command: bytes, most: int) -> bool:
    """Whether one PDU takes a command set, as it does nearly always."""
    return not 0 < most < PDV_HEADER + len(command)


def _fragments(command: bytes, data_set: BytesIO | None, context_id: int, most: int) -> Iterator[P_DATA]:
    yield _fragment(context_id, b"\x03" + command)
    octets = data_set.getvalue() if data_set is not None else b""
    size = most - PDV_HEADER if most else len(octets)
    for at in range(0, len(octets), size or 1):
        last = at + size >= len(octets)
        yield _fragment(context_id, (b"\x02" if last else b"\x00") + octets[at : at + size])


def _fragment(context_id: int, octets: bytes) -> P_DATA:
    fragment = P_DATA()
    fragment.presentation_data_value_list.append((context_id, octets))
    return fragment

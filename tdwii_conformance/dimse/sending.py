"""What is sent on an association: messages, encoded quickly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynetdicom import evt
from pynetdicom.dimse import _RQ_TO_MESSAGE, _RSP_TO_MESSAGE
from pynetdicom.pdu_primitives import P_DATA

from .command_sets import command_bytes, set_group_length

__all__ = ["Sender"]

PDV_HEADER = 6  # bytes: length, context ID and message control header [PS3.8 9.3.5.1, E.2]


class Sender:
    """Sends messages whose command sets are encoded quickly.

    As shipped, pydicom encodes each command set twice, once for its length: a tenth of what a message costs.
    """

    def __init__(self, association: Any) -> None:
        self._association = association
        association.dimse.send_msg = self.send

    def send(self, primitive: Any, context_id: int) -> None:
        """Encode and send a DIMSE primitive, as `DIMSEServiceProvider.send_msg` does."""
        provider = self._association.dimse
        kinds = _RQ_TO_MESSAGE if primitive.MessageIDBeingRespondedTo is None else _RSP_TO_MESSAGE
        message = kinds[type(primitive)]()
        message._set_command_group_length = lambda: set_group_length(message.command_set)
        message.primitive_to_message(primitive)
        message.context_id = context_id
        evt.trigger(self._association, evt.EVT_DIMSE_SENT, {"message": message})
        for fragments in self._encoded(message, context_id, provider.maximum_pdu_size):
            provider.dul.send_pdu(fragments)

    @staticmethod
    def _encoded(message: Any, context_id: int, most: int) -> Iterator[Any]:
        command = command_bytes(message.command_set)
        # Who handles the event may have put an encoder of its own in. One PDU takes nearly every command set.
        if "encode_msg" in vars(message) or message._data_set_path or 0 < most < PDV_HEADER + len(command):
            yield from message.encode_msg(context_id, most)
            return
        octets = message.data_set.getvalue() if message.data_set is not None else b""
        yield _fragment(context_id, b"\x03" + command)
        pieces = list(message._generate_pdv_fragments(octets, most)) if octets else []
        for number, piece in enumerate(pieces, 1):
            yield _fragment(context_id, (b"\x02" if number == len(pieces) else b"\x00") + piece)


def _fragment(context_id: int, octets: bytes) -> P_DATA:
    fragment = P_DATA()
    fragment.presentation_data_value_list.append((context_id, octets))
    return fragment

"""Defects of how TMS and OST take PDUs that no library sends [PS3.8 9.2, 9.3]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pynetdicom import evt

from .deviations import Defect, Rows
from .hooks import Around, around
from .upper_layer import ABORT, of_all, on_bytes
from .wire_variations import of_both

__all__ = ["defect", "variation"]

# Received: AC, RJ, RQ, P-DATA-TF, RELEASE-RQ, -RP [PS3.8 table 9-10], before an association (Sta2) and on one (Sta6).
UNEXPECTED = ("Evt3", "Evt4", "Evt6", "Evt10", "Evt12", "Evt13")
EXPECTED = {"Sta2": ("Evt6",), "Sta6": ("Evt10", "Evt12")}
UNKNOWN_PDU = "Evt19"
REQUEST, FIXED = 1, 74  # the type of an A-ASSOCIATE-RQ, and its bytes before the items


def of_tms_and_ost(name: str, sentence: str, apply: Callable[[Any], None], number: str) -> Iterator[Defect]:
    """Yield a defect of TMS and OST."""
    return of_all(name, sentence, apply, number, "TMS", "OST")


defect = Rows(of_tms_and_ost)
variation = Rows(of_both)


def _on_connections(act: Callable[[Any], None], simulator: Any) -> None:
    """Call a function with each association of which the connection is opened."""
    simulator.server.add_handler(evt.EVT_CONN_OPEN, lambda event: act(event.assoc))


def _ignoring(ignored: Callable[[str, str], bool], simulator: Any) -> None:
    """Let the state machine of each association pass over events, by state and event."""

    def act(association: Any) -> None:
        machine = association.dul.state_machine

        def do(original: Around, event: str) -> None:
            if not ignored(machine.current_state, event):
                original(event)

        around(machine, "do_action", do)

    _on_connections(act, simulator)


@defect("unexpected-pdus-ignored", "Ignores PDUs that the state of the association does not expect", "031", through=_ignoring)
def _unexpected(state: str, event: str) -> bool:
    return state in EXPECTED and event in UNEXPECTED and event not in EXPECTED[state]


@defect("unknown-pdus-ignored", "Ignores PDUs of a type that there is not", "032", through=_ignoring)
def _unknown(state: str, event: str) -> bool:
    return event == UNKNOWN_PDU


@defect("unknown-items-aborted", "Aborts an association whose request has an item that it does not know", "033")
def _items(simulator: Any) -> None:
    def act(association: Any) -> None:
        def decode(original: Around, octets: bytearray) -> Any:
            if octets[0] == REQUEST and _has_unknown(bytes(octets[FIXED:])):
                raise ValueError("an item that is not known")
            return original(octets)

        around(association.dul, "_decode_pdu", decode)

    _on_connections(act, simulator)


def _has_unknown(items: bytes) -> bool:
    while len(items) >= 4:
        kind, length = items[0], int.from_bytes(items[2:4], "big")
        if kind not in (0x10, 0x20, 0x50, *range(0x51, 0x5A)):
            return True
        if kind == 0x50 and _has_unknown(items[4 : 4 + length]):
            return True
        items = items[4 + length :]
    return False


def _on_fragments(take: Callable[[Any, Any], bool], simulator: Any) -> None:
    """Let a function look at what each P-DATA-TF brings first; false: it is dropped."""

    def act(association: Any) -> None:
        def receive(original: Around, primitive: Any) -> None:
            if take(association, primitive):
                original(primitive)

        around(association.dimse, "receive_primitive", receive)

    _on_connections(act, simulator)


@defect("one-fragment-of-a-pdu", "Takes the first fragment of a P-DATA-TF only", "034", through=_on_fragments)
def _first_only(association: Any, primitive: Any) -> bool:
    del primitive.presentation_data_value_list[1:]
    return True


@defect("commands-in-one-pdu-only", "Drops a command set that does not come in one P-DATA-TF", "035", through=_on_fragments)
def _whole_only(association: Any, primitive: Any) -> bool:
    control = primitive.presentation_data_value_list[-1][1][0]
    return bool(control & 2) or not control & 1


@variation("aborts-as-a-user", "Gives the service-user as source of its aborts", "PS3.8 9.3.8")
def _as_a_user(simulator: Any) -> None:
    on_bytes(ABORT, lambda octets: octets[:8] + bytes(2), simulator)

"""The bytes of a connection, both directions, as PDUs, messages, exchanges and an association. Pure.

Nothing here raises for what a peer sends: bytes that are no PDU, or no message, become a `Malformation` with their place.
"""

from __future__ import annotations

from .associate import Associate, Context, RoleSelection, recognized
from .connection import Connection, Side
from .malformation import TOPICS, Malformation, Topic
from .messages import Assembler, Fragment
from .pdus import Pdu, PduReader

__all__ = [
    "TOPICS",
    "Assembler",
    "Associate",
    "Connection",
    "Context",
    "Fragment",
    "Malformation",
    "Pdu",
    "PduReader",
    "RoleSelection",
    "Side",
    "Topic",
    "recognized",
]

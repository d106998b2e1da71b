"""How a Unified Procedure Step behaves: states, matching, final states, the worklist. No sockets here."""

from .datasets import named_character_set
from .events import status_changed
from .sqlite_store import SQLiteStore
from .store import MemoryStore, Record, Store
from .subscriptions import FILTERED, GLOBAL
from .worklist import Event, IdentifierError, Outcome, Worklist

__all__ = [
    "FILTERED", "GLOBAL", "Event", "IdentifierError", "MemoryStore", "Outcome", "Record", "SQLiteStore", "Store", "Worklist",
    "named_character_set", "status_changed",
]  # fmt: skip

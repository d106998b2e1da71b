"""How a Unified Procedure Step behaves: states, matching, final states, the worklist. No sockets here."""

from .store import MemoryStore, Record, SQLiteStore, Store
from .worklist import Event, IdentifierError, Outcome, Worklist

__all__ = ["Event", "IdentifierError", "MemoryStore", "Outcome", "Record", "SQLiteStore", "Store", "Worklist"]

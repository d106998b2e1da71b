"""What is wrong with bytes, as a fact: where, which bytes, what the standard has there, and which of its topics it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SHOWN", "TOPICS", "Malformation", "Topic"]

SHOWN = 16  # bytes that are kept of a place that is wrong

Topic = Literal[
    "pdu", "lengths", "associate", "titles", "uids", "contexts", "transfer-syntax", "roles", "maximum-length", "fragments",
    "context", "state", "reasons", "operations", "command", "elements", "data-set",
]  # fmt: skip
TOPICS: tuple[Topic, ...] = (
    "pdu", "lengths", "associate", "titles", "uids", "contexts", "transfer-syntax", "roles", "maximum-length", "fragments",
    "context", "state", "reasons", "operations", "command", "elements", "data-set",
)  # fmt: skip


@dataclass(frozen=True)
class Malformation:
    """Something in the bytes of one direction that the standard does not allow, or that cannot be read.

    Parameters
    ----------
    offset : int
        Where it begins, in bytes from the begin of what this side has sent on the connection.
    what : str
        What came, in words for a reader.
    expected : str
        What would be right.
    source : str
        The section that says so, for example ``PS3.8 9.3.5``.
    octets : bytes
        The first bytes at that place, at most `SHOWN`.
    topic : str
        One of `TOPICS`: each is a requirement on every system.
    tolerable : bool
        Whether it is common and harmless, or may be somebody else's doing: noted, and no failure.
    """

    offset: int
    what: str
    expected: str
    source: str
    octets: bytes = b""
    topic: Topic = "pdu"
    tolerable: bool = False

    @property
    def place(self) -> str:
        """What came, and where."""
        shown = f" [{self.octets.hex(' ')}]" if self.octets else ""
        return f"byte {self.offset}: {self.what}{shown}"

    def __str__(self) -> str:
        """Return all of it in one sentence."""
        return f"{self.place}; expected {self.expected} ({self.source})"

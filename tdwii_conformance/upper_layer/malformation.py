"""What is wrong with bytes, as a fact: where, which bytes, and what the standard has there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SHOWN", "Malformation"]

SHOWN = 16  # bytes that are kept of a place that is wrong


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
    """

    offset: int
    what: str
    expected: str
    source: str
    octets: bytes = b""

    def __str__(self) -> str:
        """Return all of it in one sentence."""
        shown = f" [{self.octets.hex(' ')}]" if self.octets else ""
        return f"byte {self.offset}: {self.what}{shown}; expected {self.expected} ({self.source})"

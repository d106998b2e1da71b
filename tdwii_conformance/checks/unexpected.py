"""Judges how a system answers PDUs that nobody sends it: in the wrong state, of an unknown type, in unusual pieces. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..transcript.exchange import Exchange
from .findings import Finding

__all__ = [
    "ABORTED",
    "ACCEPTED",
    "CLOSED",
    "DATA",
    "LOST",
    "NOTHING",
    "REJECTED",
    "RELEASED",
    "Answer",
    "aborted",
    "accepted",
    "closed",
    "understood",
]

ACCEPTED, REJECTED, DATA, RELEASED, ABORTED = "A-ASSOCIATE-AC", "A-ASSOCIATE-RJ", "P-DATA-TF", "A-RELEASE-RP", "A-ABORT"
CLOSED, LOST, NOTHING = "the connection closed", "the connection reset", "nothing"
SHOWN = 16  # bytes


@dataclass(frozen=True)
class Answer:
    """What came of a system.

    Parameters
    ----------
    kind : str
        The name of the PDU, or one of `CLOSED`, `LOST`, `NOTHING`.
    octets : bytes
        All of it.
    """

    kind: str
    octets: bytes = b""

    def __str__(self) -> str:
        """Return it for a reader."""
        return f"{self.kind} [{self.octets[:SHOWN].hex(' ')}]" if self.octets else self.kind


def aborted(answer: Answer, *, associated: bool = True) -> list[Finding]:
    """Judge that a PDU was answered by A-ABORT [PS3.8 9.2, actions AA-1 and AA-8].

    A connection that was reset may have taken the A-ABORT with it: that is no finding. Before there is an association, to close
    the connection without a word is common (DCMTK does): a warning.

    Parameters
    ----------
    answer : Answer
        What came.
    associated : bool
        Whether there was an association.
    """
    if answer.kind in (ABORTED, LOST):
        return []
    return [Finding(ABORTED, str(answer), weight="warning" if answer.kind == CLOSED and not associated else "fault")]


def accepted(answer: Answer) -> list[Finding]:
    """Judge that an association was accepted."""
    return [] if answer.kind == ACCEPTED else [Finding(ACCEPTED, str(answer))]


def closed(answer: Answer) -> list[Finding]:
    """Judge that a connection came to its end."""
    return [] if answer.kind in (CLOSED, LOST, ABORTED) else [Finding(CLOSED, str(answer))]


def understood(answer: Answer, exchanges: Sequence[Exchange]) -> list[Finding]:
    """Judge that a request was answered well.

    Parameters
    ----------
    answer : Answer
        What came first.
    exchanges : sequence of Exchange
        What was made of it.
    """
    if any(exchange.status == 0 for exchange in exchanges):
        return []
    return [Finding("a response with status 0000 (Success)", str(answer))]

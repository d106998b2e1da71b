"""What an answer means for a command: done, refused, or no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..profile.statuses import status_text
from ..transcript.answers import answered, said
from .failures import NoAnswer, Refused
from .screen import note, plain

if TYPE_CHECKING:
    from ..dimse import Peer
    from ..transcript.exchange import Exchange

__all__ = ["settle", "spoken_status"]


def spoken_status(exchange: Exchange) -> str:
    """Return the final status for a person, with the Error Comment."""
    comment = exchange.response.command.get("ErrorComment") if exchange.response else None
    return said(exchange) + (f', "{plain(comment)}"' if comment else "")


def settle(exchange: Exchange, what: str, peer: Peer, *, strict: bool = True) -> dict[str, str]:
    """Return the result of an exchange for a script; print a warning for the person.

    Parameters
    ----------
    exchange : Exchange
        What happened.
    what : str
        What was asked, as the subject of a sentence.
    peer : Peer
        The peer that was asked.
    strict : bool
        Whether a refusal is raised.

    Raises
    ------
    Refused
        If the status is a failure, or none with which this request can succeed.
    NoAnswer
        If there was no answer, or none that can be understood.
    """
    if exchange.failure or exchange.status is None:
        raise NoAnswer(f"{peer}: {what}: {exchange.failure or 'the answer has no status'}")
    became = answered(exchange)
    if strict and became == "refused":
        raise Refused(f"{peer} refused {what}: {spoken_status(exchange)}")
    if strict and became == "contradicted":
        raise Refused(f"{peer} answered {what} with {spoken_status(exchange)}: that is not success")
    if became == "warning":
        note(f"{peer} answered {what} with a warning: {spoken_status(exchange)}")
    meant = status_text(exchange.status, exchange.service)[6:-1]
    told = {"service": exchange.service, "status": f"{exchange.status:04X}", "meaning": meant}
    comment = exchange.response.command.get("ErrorComment") if exchange.response else None
    return {**told, **({"error_comment": str(comment)} if comment else {})}

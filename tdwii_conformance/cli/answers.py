"""What an answer means to a command: done, refused, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..profile.statuses import is_failure, is_warning, status_text
from .failures import NoAnswer, Refused
from .screen import note, plain

if TYPE_CHECKING:
    from ..dimse import Peer
    from ..transcript.exchange import Exchange

__all__ = ["settle", "spoken_status"]


def spoken_status(exchange: Exchange) -> str:
    """Return the final status for a person, with the Error Comment."""
    comment = exchange.response.command.get("ErrorComment") if exchange.response else None
    return status_text(exchange.status) + (f', "{plain(comment)}"' if comment else "")


def settle(exchange: Exchange, what: str, peer: Peer, *, strict: bool = True) -> dict[str, str]:
    """Return what a script is told of an exchange; say a warning to the person.

    Parameters
    ----------
    exchange : Exchange
        What happened.
    what : str
        What was asked, as the subject of a sentence.
    peer : Peer
        Whom.
    strict : bool
        Whether a refusal is raised.

    Raises
    ------
    Refused
        If the status is a failure.
    NoAnswer
        If there was no answer, or none that can be understood.
    """
    if exchange.failure or exchange.status is None:
        raise NoAnswer(f"{peer}: {what}: {exchange.failure or 'the answer has no status'}")
    if strict and is_failure(exchange.status):
        raise Refused(f"{peer} refused {what}: {spoken_status(exchange)}")
    if is_warning(exchange.status):
        note(f"{peer} answered {what} with a warning: {spoken_status(exchange)}")
    told = {"service": exchange.service, "status": f"{exchange.status:04X}", "meaning": status_text(exchange.status)[6:-1]}
    comment = exchange.response.command.get("ErrorComment") if exchange.response else None
    return {**told, **({"error_comment": str(comment)} if comment else {})}

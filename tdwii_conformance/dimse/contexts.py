"""Presentation contexts: what is proposed, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import uid
from pynetdicom import build_context

__all__ = ["NegotiatedContext", "Proposal", "contexts_of"]

UNCOMPRESSED = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
# An abstract syntax, alone or with the transfer syntaxes to propose for it.
Proposal = str | tuple[str, Sequence[str]]


@dataclass(frozen=True)
class NegotiatedContext:
    """A presentation context after negotiation.

    Parameters
    ----------
    abstract_syntax : str
        SOP Class UID proposed.
    proposed : tuple of str
        Transfer syntaxes proposed.
    accepted : bool
        Whether it was accepted.
    result : int
        Result/Reason [PS3.8 table 9-18].
    transfer_syntax : str
        The one chosen; empty if it was refused.
    """

    abstract_syntax: str
    proposed: tuple[str, ...]
    accepted: bool
    result: int
    transfer_syntax: str


def contexts_of(proposals: Iterable[Proposal]) -> list[Any]:
    """Return pynetdicom's presentation contexts for some proposals.

    Raises
    ------
    ValueError
        If there are more than an association can propose.
    """
    found = []
    for proposal in proposals:
        abstract_syntax, syntaxes = (proposal, UNCOMPRESSED) if isinstance(proposal, str) else proposal
        found.append(build_context(abstract_syntax, list(syntaxes)))
    return found

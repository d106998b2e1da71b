"""Checks of association negotiation: which presentation contexts were accepted, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pydicom.uid import UID

from .findings import Finding

__all__ = ["Context", "accepted", "one_of_proposed", "refused_alone"]


class Context(Protocol):
    """A presentation context after negotiation, as `tdwii_conformance.dimse` reports it."""

    @property
    def abstract_syntax(self) -> str:
        """SOP Class UID proposed."""

    @property
    def proposed(self) -> tuple[str, ...]:
        """Transfer syntaxes proposed."""

    @property
    def accepted(self) -> bool:
        """Whether it was accepted."""

    @property
    def result(self) -> int:
        """Result/Reason [PS3.8 table 9-18]: 0 accepted, 3 abstract syntax, 4 transfer syntaxes not supported."""

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax chosen; empty if it was refused."""


REASONS = {
    0: "accepted",
    1: "user rejection",
    2: "no reason (provider rejection)",
    3: "abstract syntax not supported",
    4: "transfer syntaxes not supported",
}


def _name(context: Context) -> str:
    return f"{UID(context.abstract_syntax).name} ({', '.join(UID(syntax).name for syntax in context.proposed)})"


def accepted(context: Context) -> list[Finding]:
    """Check that a presentation context was accepted."""
    if context.accepted:
        return []
    reason = REASONS.get(context.result, f"result {context.result}")
    return [Finding(f"presentation context {_name(context)} accepted", f"refused: {reason}")]


def refused_alone(unknown: Context, others: Sequence[Context]) -> list[Finding]:
    """Check that the unknown context was refused and every other one accepted."""
    found = [finding for context in others for finding in accepted(context)]
    if unknown.accepted:
        found.append(Finding(f"presentation context {_name(unknown)} refused", "accepted"))
    return found


def one_of_proposed(contexts: Sequence[Context]) -> list[Finding]:
    """Check that the transfer syntax chosen for each accepted context was proposed for it."""
    return [
        Finding(f"one of the transfer syntaxes proposed: {_name(context)}", f"{context.transfer_syntax!r}")
        for context in contexts
        if context.accepted and context.transfer_syntax not in context.proposed
    ]

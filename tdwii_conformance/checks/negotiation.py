"""Checks of association negotiation: which presentation contexts were accepted, and how; extended negotiation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydicom.uid import UID

from .findings import Finding

__all__ = [
    "FUZZY", "TIMEZONE", "Context", "Contexts", "Extended", "accepted", "accepted_alone", "answered_as_proposed", "choices_fit",
    "length_fits", "one_of_proposed", "proposal_fits", "refused_alone", "reserved_are_1",
]  # fmt: skip


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


# --- SOP Class Extended Negotiation of a worklist [PS3.4 K.5.1] ---------------------------------------------------------

RESERVED, FUZZY, TIMEZONE = (0, 1), 2, 3  # the bytes of the application information, from 0
MEANING = {FUZZY: "fuzzy semantic matching", TIMEZONE: "timezone query adjustment"}


@dataclass(frozen=True)
class Extended:
    """SOP Class Extended Negotiation of an association: what was proposed, and what was answered.

    Parameters
    ----------
    proposed : mapping of str to bytes
        Service class application information by SOP Class UID.
    answered : tuple of (str, bytes)
        SOP Class UID and information of each item of the acceptance.
    """

    proposed: Mapping[str, bytes]
    answered: tuple[tuple[str, bytes], ...]

    def answers(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield SOP Class UID, what was proposed for it, and what was answered."""
        yield from ((uid, self.proposed[uid], information) for uid, information in self.answered if uid in self.proposed)

    def choice(self, place: int) -> str:
        """Return what became of a sub-field that was proposed: ``performed``, ``declined`` or ``unanswered``."""
        given = [information[place : place + 1] for _, _, information in self.answers()]
        if not given:
            return "unanswered"
        return "performed" if all(one == b"\x01" for one in given) else "declined"  # one left out is 0

    def __str__(self) -> str:
        proposed = [f"  proposed: {_item(*one)}" for one in self.proposed.items()] or ["  proposed: nothing"]
        answered = [f"  answered: {_item(*one)}" for one in self.answered] or ["  answered: nothing"]
        return "\n".join(["# SOP Class Extended Negotiation [PS3.4 K.5.1]", *proposed, *answered])


def _item(sop_class: str, information: bytes) -> str:
    return f"{UID(sop_class).name}: {information.hex(' ')}"


def answered_as_proposed(extended: Extended) -> list[Finding]:
    """Check that items came only for SOP classes for which one was proposed, and one for each at most [PS3.7 D.3.3.5]."""
    classes = [uid for uid, _ in extended.answered]
    found = [
        Finding("no extended negotiation of a SOP class for which none was proposed", _item(uid, information))
        for uid, information in extended.answered
        if uid not in extended.proposed
    ]
    twice = [uid for uid in dict.fromkeys(classes) if classes.count(uid) > 1]
    return found + [Finding("one item for each SOP class", f"{classes.count(uid)} for {UID(uid).name}") for uid in twice]


def length_fits(extended: Extended) -> list[Finding]:
    """Check that three bytes were answered with three, four with three or four [PS3.4 K.5.1]."""
    return [
        Finding(f"{'3' if len(proposed) == 3 else '3 or 4'} bytes for {_item(uid, proposed)}", f"{len(given)}: {given.hex(' ')}")
        for uid, proposed, given in extended.answers()
        if not 3 <= len(given) <= len(proposed)
    ]


def choices_fit(extended: Extended) -> list[Finding]:
    """Check that each sub-field was accepted with 1 or turned down with 0, and none accepted that was not proposed."""
    return [
        Finding(f"{meaning}, proposed {proposed[place]}: {' or '.join(map(str, range(proposed[place] + 1)))}", str(given[place]))
        for uid, proposed, given in extended.answers()
        for place, meaning in MEANING.items()
        if place < min(len(proposed), len(given)) and given[place] > proposed[place]
    ]


def reserved_are_1(extended: Extended) -> list[Finding]:
    """Check the two reserved sub-fields: always 1 [PS3.4 K.5.1.2]; 0, with which each may be turned down [K.5.1], is a warning."""
    return [
        Finding("01 01 in the reserved bytes", _item(uid, given), weight="fault" if max(given[:2]) > 1 else "warning")
        for uid, _, given in extended.answers()
        if any(given[place : place + 1] not in (b"", b"\x01") for place in RESERVED)
    ]


def proposal_fits(sop_class: str, information: bytes) -> list[Finding]:
    """Check what a requestor proposes for a worklist: three or four bytes, of which the first two are 1 [PS3.4 K.5.1, K.5.1.1].

    Parameters
    ----------
    sop_class : str
        UID of the worklist's SOP class.
    information : bytes
        Service class application information.
    """
    came = _item(sop_class, information)
    if len(information) < 3:
        return [Finding("3 or 4 bytes", came)]
    found = [Finding("3 or 4 bytes", came, weight="warning")] if len(information) > 4 else []  # of a later edition, perhaps
    if information[:2] != b"\1\1":
        found.append(Finding("01 01 in the reserved bytes", came))
    wrong = [meaning for place, meaning in MEANING.items() if place < len(information) and information[place] > 1]
    return found + [Finding(f"00 or 01 for {meaning}", came) for meaning in wrong]


@dataclass(frozen=True)
class Contexts:
    """What a system said to each abstract syntax: with both common transfer syntaxes, and with each alone.

    Parameters
    ----------
    both : tuple of Context
        Proposed with Implicit and Explicit VR Little Endian.
    single : tuple of Context
        Proposed with one of them, each abstract syntax twice.
    """

    both: tuple[Context, ...]
    single: tuple[Context, ...]

    @property
    def accepted(self) -> set[str]:
        """The abstract syntaxes that are accepted with both."""
        return {context.abstract_syntax for context in self.both if context.accepted}

    def of(self, abstract_syntax: str) -> Context:
        """Return what was said to an abstract syntax that was proposed, with both transfer syntaxes."""
        return next(context for context in self.both if context.abstract_syntax == abstract_syntax)

    def usually_accepted(self, others: Iterable[Context]) -> list[Context]:
        """Return those of other contexts that are accepted here; that one is not has a requirement of its own."""
        return [context for context in others if context.abstract_syntax in self.accepted]


def accepted_alone(contexts: Contexts, syntax: str) -> list[Finding]:
    """Check that what is accepted with both transfer syntaxes is accepted with one alone.

    Parameters
    ----------
    contexts : Contexts
        What the system said.
    syntax : str
        Transfer Syntax UID.
    """
    alone = [c for c in contexts.single if c.abstract_syntax in contexts.accepted and c.proposed == (syntax,)]
    nothing = [] if alone else [Finding("some presentation context accepted", "none")]
    return nothing + [finding for context in alone for finding in accepted(context)]

"""Finds requirements by what a person calls them: an id, a transaction or section, an actor, words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .catalogue import ACTORS, TRANSACTIONS, Requirement

__all__ = ["named", "names", "search"]


def named(catalogue: Mapping[str, Requirement], name: str) -> list[Requirement]:
    """Return the requirements that a name means; none if it is no name.

    Parameters
    ----------
    catalogue : mapping of str to Requirement
        All of them.
    name : str
        An id (``RO60-TMS-004``), the beginning of ids (``RO60-TMS``), a transaction (``RO-60``), a section of the standard, with
        those below it (``CC.2.3``, ``PS3.7 10.1.4``), or an actor (``TMS``); in any case.
    """
    said = name.strip().upper()
    if not said:
        return []
    every = list(catalogue.values())
    by_kind = (
        [r for r in every if r.id == said],
        [r for r in every if r.transaction.upper() == _transaction(said)],
        [r for r in every if r.actor.upper() == said],
        [r for r in every if re.fullmatch(r"[A-Z]+\d*(-[A-Z]+)?", said) and r.id.startswith(f"{said}-")],
    )
    found = next(filter(None, by_kind), [])
    if "." in said:
        section = re.compile(rf"(?:^|[ ;]){re.escape(said)}(?![\w])(?!-)")
        found = [r for r in every if r in found or section.search(r.source.upper())]
    return found


def _transaction(said: str) -> str:
    return re.sub(r"^RO(\d)", r"RO-\1", said)


def search(catalogue: Mapping[str, Requirement], words: Sequence[str]) -> list[Requirement]:
    """Return the requirements that have all of some words, each a name as for `named` or part of the statement.

    Parameters
    ----------
    catalogue : mapping of str to Requirement
        All of them.
    words : sequence of str
        As typed; none finds all.
    """
    found = list(catalogue.values())
    for word in words:
        meant = {r.id for r in named(catalogue, word)}
        text = word.lower()
        found = [r for r in found if r.id in meant or (not meant and text in f"{r.id} {r.statement} {r.source}".lower())]
    return found


def names(catalogue: Mapping[str, Requirement]) -> list[str]:
    """Return what `named` knows, for completion and for what to name when something is unknown."""
    return [*ACTORS, *TRANSACTIONS, *catalogue]

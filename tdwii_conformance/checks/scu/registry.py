"""The judges of requirements that are no row of an attribute table, by the requirement's id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...profile import Requirement
from ...transcript.exchange import Exchange
from ..findings import Finding
from .observed import ObservedSession

__all__ = ["JUDGES", "Judge", "judges"]

Function = Callable[[Requirement, ObservedSession], "list[Finding] | str"]
LooksAt = Callable[[ObservedSession, str], Sequence[Exchange]]


@dataclass(frozen=True)
class Judge:
    """How a requirement is judged.

    Parameters
    ----------
    function : callable
        Returns findings, or in words why there is nothing to judge.
    looks_at : callable
        Returns the exchanges it looks at, for the report.
    even_if_nothing_came : bool
        Whether there is something to judge when there is no exchange of the requirement's transaction.
    """

    function: Function
    looks_at: LooksAt
    even_if_nothing_came: bool = False


JUDGES: dict[str, Judge] = {}


def _its_transaction(observed: ObservedSession, transaction: str) -> Sequence[Exchange]:
    return observed.of(transaction)


def judges(*ids: str, at: LooksAt = _its_transaction, even_if_nothing_came: bool = False) -> Callable[[Function], Function]:
    """Make a function the judge of some requirements; the parameters are those of `Judge`."""

    def register(function: Function) -> Function:
        for requirement_id in ids:
            if requirement_id in JUDGES:
                raise ValueError(f"{requirement_id} has a judge already: {JUDGES[requirement_id].function.__name__}")
            JUDGES[requirement_id] = Judge(function, at, even_if_nothing_came)
        return function

    return register

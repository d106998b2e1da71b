"""Judges of systems that call us, a TDD or a watcher: a requirement and an observation in, a judgement out."""

from __future__ import annotations

from ...exchange import Exchange
from ...observation import Observation
from ...profile import Requirement
from ..attributes import Judgement

__all__ = ["INJECTIONS", "evidence_of", "judge_scu"]

# What a scenario can be made to hold that a TDD must survive, as the fact ``inject`` names it.
INJECTIONS = ("empty-worklist", "two-workitems", "cancel-request", "claim-refused", "move-fails", "set-refused")


def judge_scu(requirement: Requirement, observation: Observation) -> Judgement:
    """Judge one requirement on a TDD or a watcher.

    Parameters
    ----------
    requirement : Requirement
        Of the actor ``TDD`` or ``watcher``.
    observation : Observation
        What was observed in a scenario; its module says which facts it has to carry.

    Returns
    -------
    Judgement
        What is wrong, or why there was nothing to judge: the transaction is not part of the scenario, what it depends on is
        missing, or what the requirement is about did not happen.
    """
    return Judgement(not_judged=f"{requirement.id}: no judge yet")


def evidence_of(requirement: Requirement, observation: Observation) -> tuple[Exchange, ...]:
    """Return the exchanges that `judge_scu` looks at, for the report."""
    return ()

"""Judges of systems that call us, a TDD or a watcher: a requirement and an observation in, a judgement out.

What a message has to contain is judged by the rows of the attribute tables, everything else by a function that `registry`
finds by the requirement's id: `tdd_query`, `tdd_retrieval`, `tdd_performing` and `tdd_common` have those of RO-58 to RO-65,
`annex`, `events` and `extended` those of negotiation and PS3.4 Annex CC, `upper_layer` those of PS3.8 and PS3.7, `values`
that of PS3.5. `observed` says which exchange is which transaction, `messages` what one of them says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from pydicom.dataset import Dataset

from ...profile import AttributeRule, Requirement
from ...profile.ups_service import SUBSCRIBE, SUSPEND, UNSUBSCRIBE
from ...transcript.exchange import Exchange
from ...transcript.observation import Observation
from ..attributes import Judgement, judge_attribute
from ..findings import Finding
from . import annex as annex  # their judges register themselves
from . import events as events
from . import extended as extended
from . import tdd_common as tdd_common
from . import tdd_performing as tdd_performing
from . import tdd_query as tdd_query
from . import tdd_retrieval as tdd_retrieval
from . import upper_layer as upper_layer
from . import values as values
from .messages import action_type
from .observed import INJECTIONS, SOURCES, ObservedSession
from .registry import JUDGES

__all__ = ["INJECTIONS", "evidence_of", "judge_scu"]

# The messages of the attribute tables: which exchanges they are, and what a data set is called where there are several.
MESSAGES: dict[str, tuple[Callable[[ObservedSession], Sequence[Exchange]], str]] = {
    "RO-58 request": (lambda observed: observed.of("RO-58"), "identifier"),
    "RO-59 request": (lambda observed: observed.of("RO-59"), "C-MOVE"),
    "RO-60 request": (lambda observed: observed.of("RO-60"), "claim"),
    "RO-61 request": (lambda observed: observed.of("RO-61"), "C-MOVE"),
    "RO-62 request": (lambda observed: observed.of("RO-62"), "update"),
    "RO-63 record": (lambda observed: observed.of("RO-63"), "record"),
    "RO-64 request": (lambda observed: observed.of("RO-64"), "update"),
    "RO-65 request": (lambda observed: observed.of("RO-65"), "request"),
    "CC.2.3 subscribe request": (lambda observed: _actions(observed, SUBSCRIBE), "request"),
    "CC.2.3 unsubscribe request": (lambda observed: _actions(observed, UNSUBSCRIBE, SUSPEND), "request"),
}
# A beam number that is not where the edition wants it may be where the other one does (T6).
BEAM_NUMBERS = ("RO62-TDD-104", "RO62-TDD-108")


class _Observed:
    """An observation to be told from others by what it is, not by what it holds: to find its observed session again."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation

    def __hash__(self) -> int:
        return id(self.observation)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Observed) and other.observation is self.observation


@lru_cache(maxsize=8)
def _story(observed: _Observed, actor: str) -> ObservedSession:
    # The requirements of a scenario are judged one after the other.
    return ObservedSession(observed.observation, actor)


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

    Raises
    ------
    KeyError
        If nothing judges the requirement: it is one on another actor.
    """
    observed = _story(_Observed(observation), requirement.actor)
    edition = observed.fact("edition") or "ti"
    if edition not in requirement.editions:
        return Judgement(not_judged=f"not a requirement of edition {edition}")
    if observation.unsupported:
        return Judgement(not_judged=observation.why_early)
    if not observed.title:
        return Judgement(not_judged=f"no {requirement.actor} took part")
    if requirement.rule is not None:
        return _by_row(requirement, requirement.rule, observed)
    judge = JUDGES[requirement.id]
    if not judge.even_if_nothing_came and not observed.of(requirement.transaction):
        return Judgement(not_judged=observed.nothing_of(requirement.transaction))
    result = judge.function(requirement, observed)
    return Judgement(not_judged=result) if isinstance(result, str) else Judgement(tuple(result))


def _by_row(requirement: Requirement, rule: AttributeRule, observed: ObservedSession) -> Judgement:
    exchanges, name = MESSAGES[rule.message][0](observed), MESSAGES[rule.message][1]
    if not exchanges:
        return Judgement(not_judged=observed.nothing_of(requirement.transaction))
    decoded = [e for e in exchanges if not e.request.undecodable]
    if not decoded:
        return Judgement(not_judged=tdd_common.UNDECODABLE)
    datasets = [e.request.dataset if e.request.dataset is not None else Dataset() for e in decoded]
    judgement = judge_attribute(rule, datasets, observed.facts, name)
    if judgement.findings and requirement.id in BEAM_NUMBERS and (sent := _concepts(datasets)):
        return Judgement(
            tuple(Finding(f.expected, f"{f.received}; parameters sent: {sent}", f.path, f.weight) for f in judgement.findings)
        )
    if not judgement.findings and (reason := _nothing_to_compare_with(rule, observed)):
        return Judgement(not_judged=judgement.not_judged or reason)
    return judgement


def _nothing_to_compare_with(rule: AttributeRule, observed: ObservedSession) -> str:
    """Return which exchange would say what the value has to be, when it is missing."""
    for value in rule.values:
        source = SOURCES.get(value.removeprefix("$"), "")
        if source and value.removeprefix("$") not in observed.facts:
            return observed.nothing_of(source) if not observed.of(source) else f"{source} says no value to compare with"
    return ""


def _actions(observed: ObservedSession, *types: int) -> tuple[Exchange, ...]:
    return tuple(e for e in observed.of("CC.2.3") if action_type(e) in types)


def _concepts(datasets: Sequence[Dataset]) -> str:
    """Return the concept names in some data sets, for a reader."""
    names = [
        f"{name.get('CodeValue', '')} {name.get('CodingSchemeDesignator', '')}"
        for dataset in datasets
        for element in dataset.iterall()
        if element.keyword == "ConceptNameCodeSequence"
        for name in element.value or ()
    ]
    return ", ".join(dict.fromkeys(names))


def evidence_of(requirement: Requirement, observation: Observation) -> tuple[Exchange, ...]:
    """Return the exchanges that `judge_scu` looks at, for the report."""
    observed = _story(_Observed(observation), requirement.actor)
    if requirement.rule is not None:
        return tuple(MESSAGES[requirement.rule.message][0](observed))
    return tuple(JUDGES[requirement.id].looks_at(observed, requirement.transaction))

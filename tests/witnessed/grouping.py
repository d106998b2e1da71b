"""Which deviations are recorded at once: none hides another, and each violates something that no other of them touches."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial

from tdwii_conformance.defects import Defect, Variation
from tdwii_conformance.defects.knock_on import also_violated, may_violate, spoiled

from ..proof import proof
from ..proof.conditions import conditions
from .recording import CATALOGUE, parts_of

MOST = 24  # defects in one recording


@cache
def touched(name: str) -> frozenset[str]:
    """Return what a defect is known to make fail besides what it names."""
    return frozenset({*also_violated(name), *may_violate(name), *spoiled(name)} & CATALOGUE.keys())


def evidence(defect: Defect, group: Iterable[Defect], *, cases: bool = True) -> dict[str, str]:
    """Return the requirements by which a defect shows in a group: no other of it makes them fail.

    Parameters
    ----------
    defect : Defect
        One of the group.
    group : iterable of Defect
        All that are recorded at once.
    cases : bool
        Whether one requirement may be failed by several, each for an attribute of its own: then the value is the keyword that
        a finding has to be about. Else, and where nothing is to be told apart, it is empty.
    """
    others = [one for one in group if one is not defect]
    mine = conditions(defect).case
    found = {}
    for requirement in defect.requirements:
        sharing = [one for one in others if requirement in one.requirements]
        theirs = {conditions(one).case for one in sharing}
        apart = cases and mine[:1].isupper() and "" not in theirs and mine not in theirs
        if (sharing and not apart) or any(requirement in touched(one.name) for one in others):
            continue
        found[requirement] = mine if sharing else ""
    return found


def shows(requirement: str, keyword: str, failed: Mapping[str, Sequence[str]]) -> bool:
    """Whether a requirement fails, with findings about a keyword if one is to be told apart."""
    said = failed.get(requirement)
    return said is not None and (not keyword or any(re.search(rf"\b{keyword}\b", one) for one in said))


def groups(defects: Iterable[Defect], most: int = MOST, *, cases: bool = True) -> list[tuple[Defect, ...]]:
    """Put defects together that can be recorded at once.

    Parameters
    ----------
    defects : iterable of Defect
        All that are to be recorded.
    most : int
        How many may be in a group.
    cases : bool
        As of `evidence`.
    """
    fits = partial(_fits, cases=cases)
    alone, found = [], defaultdict(list)
    for defect in sorted(defects, key=lambda one: (len(one.requirements), one.requirements, one.name)):
        if conditions(defect).alone:
            alone.append((defect,))
        else:
            actor = defect.actor if defect.actor in ("TDD", "watcher") else ""
            proof._put(defect, found[conditions(defect).edition, actor, parts_of(defect)], fits, most)
    return [tuple(group) for same in found.values() for group in same] + alone


def _fits(group: Sequence[Defect], defect: Defect, *, cases: bool) -> bool:
    together = [*group, defect]
    return proof._unhidden(group, defect) and all(evidence(one, together, cases=cases) for one in together)


def variation_groups(variations: Iterable[Variation]) -> list[tuple[Variation, ...]]:
    """Put variations of one actor together that do not exclude each other."""
    of_actor: dict[str, list[Variation]] = defaultdict(list)
    for one in variations:
        of_actor[one.actor].append(one)
    return [group for actor in sorted(of_actor) for group in proof.variation_groups(of_actor[actor])]

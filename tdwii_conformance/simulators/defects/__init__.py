"""Named defects, which the conformance tests must find, and named variations, which they must not mind.

``DEFECTS`` and ``VARIATIONS`` hold them by name; `equip` installs some in a simulator before its start. The conformant
simulators know nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from . import attributes, cells, negotiation, queries, reports, requests, retrieval, subscriptions, variations
from .also import also_violated
from .deviations import Defect, Deviation, UnknownDeviation, Variation, find, install

__all__ = ["DEFECTS", "VARIATIONS", "Defect", "Deviation", "UnknownDeviation", "Variation", "chosen", "equip", "install"]


D = TypeVar("D", bound=Deviation)


def _by_name(sources: Iterable[Iterable[D]]) -> dict[str, D]:
    named: dict[str, D] = {}
    for source in sources:
        for deviation in source:
            if deviation.name in named:
                raise ValueError(f"two deviations are called {deviation.name}")
            named[deviation.name] = deviation
    return named


def _whole(defect: Defect) -> Defect:
    more = (requirement for requirement in also_violated(defect.name) if requirement not in defect.requirements)
    return replace(defect, requirements=(*defect.requirements, *more))


DEFECTS: Mapping[str, Defect] = _by_name(
    map(_whole, module.defects())
    for module in (cells, subscriptions, reports, requests, queries, attributes, retrieval, negotiation)
)
VARIATIONS: Mapping[str, Variation] = _by_name([variations.variations()])
_ALL: Mapping[str, Deviation] = {**DEFECTS, **VARIATIONS}


def chosen(names: Iterable[str], actor: str | None = None) -> list[Deviation]:
    """Return the defects and variations with these names; of one actor, if that is given.

    Raises
    ------
    UnknownDeviation
        For a name that none has; the message has the nearest.
    """
    return [deviation for deviation in find(_ALL, names) if actor in (None, deviation.actor)]


def equip(simulator: Any, names: Iterable[str]) -> None:
    """Install defects and variations in a simulator that has not been started.

    Parameters
    ----------
    simulator : TMS, OST, TDDSimulator or WatcherSimulator
        The one that shall deviate.
    names : iterable of str
        Names in `DEFECTS` and `VARIATIONS`.

    Raises
    ------
    UnknownDeviation
        For a name that none has, and for one that is of another actor.
    """
    install(simulator, find(_ALL, names))

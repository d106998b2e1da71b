"""Named defects, which the conformance tests must find, and named variations, which they must not mind.

``DEFECTS`` and ``VARIATIONS`` hold them by name, ``LOAD_DEFECTS`` what shows only when many come at once; `equip` installs some in a simulator before its start. The conformant
simulators know nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from . import (
    answer_variations,
    answers,
    at_once,
    attributes,
    calling,
    cells,
    creation,
    delivery,
    driven,
    event_variations,
    fair_variations,
    filters,
    instructions,
    keeping,
    list_variations,
    lists,
    matching,
    modification,
    moving,
    negotiation,
    own_created,
    own_workitems,
    performing,
    query_course,
    query_keys,
    query_responses,
    reading_variations,
    refusals,
    reports,
    retrieval,
    services,
    showing,
    state_changes,
    storing,
    strict_variation,
    subscriptions,
    text_matching,
    tms,
    treating,
    treating_delivery,
    treating_inputs,
    upper_layer,
    variations,
    varying,
    watching,
    wire_variations,
    written,
)
from .deviations import Defect, Deviation, OwnWorkitems, UnknownDeviation, Variation, find, install
from .knock_on import also_violated

__all__ = [
    "DEFECTS",
    "LOAD_DEFECTS",
    "VARIATIONS",
    "Defect",
    "Deviation",
    "OwnWorkitems",
    "UnknownDeviation",
    "Variation",
    "chosen",
    "equip",
    "install",
]


# Their rows stand above their functions. Importing them gathers the rows: in `tms.defect`, `treating.defect`, `variations.variation`.
BY_ROWS = (
    answers, attributes, cells, creation, delivery, filters, lists, matching, modification, performing, query_course, query_keys,
    query_responses, refusals, showing,
    state_changes, storing, text_matching,
    answer_variations, event_variations, fair_variations, list_variations, reading_variations, strict_variation, treating_delivery, treating_inputs,
)  # fmt: skip

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


DEFECTS: Mapping[str, Defect]
VARIATIONS: Mapping[str, Variation]
LOAD_DEFECTS: Mapping[str, Defect]


# A thousand of them take two seconds to make, which a simulator without any does not spend at its start.
@cache
def _made() -> dict[str, Mapping[str, Any]]:
    sources: list[Iterable[Defect]] = [
        subscriptions.defects(),
        reports.defects(),
        services.defects(),
        tms.defect,
        retrieval.defect,
        moving.defect,
        keeping.stored,
        instructions.defects(),
        negotiation.defect,
        calling.defect,
        treating.defect,
        watching.defect,
        own_created.defect,
        upper_layer.defect,
        driven.defect,
        written.caller_defect,
    ]
    return {
        "LOAD_DEFECTS": _by_name([at_once.defect]),
        "DEFECTS": _by_name(map(_whole, source) for source in sources),
        "VARIATIONS": _by_name(
            [
                wire_variations.wire,
                moving.variation,
                upper_layer.variation,
                driven.variation,
                variations.variation,
                varying.variation,
                written.caller_variation,
                own_workitems.variations(),
                fair_variations.of_ost,
            ]
        ),
    }


def __getattr__(name: str) -> Mapping[str, Any]:
    if name not in ("DEFECTS", "LOAD_DEFECTS", "VARIATIONS"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _made()[name]


def _called(names: Iterable[str]) -> list[Deviation]:
    wanted = list(names)
    return find({**_made()["DEFECTS"], **_made()["LOAD_DEFECTS"], **_made()["VARIATIONS"]}, wanted) if wanted else []


def chosen(names: Iterable[str], actor: str | None = None) -> list[Deviation]:
    """Return the defects and variations with these names; of one actor, if that is given.

    Raises
    ------
    UnknownDeviation
        For a name that none has; the message has the nearest.
    """
    return [deviation for deviation in _called(names) if actor in (None, deviation.actor)]


def equip(simulator: Any, names: Iterable[str]) -> None:
    """Install defects and variations in a simulator that has not been started.

    Parameters
    ----------
    simulator : TMS, OST, TDDSimulator or WatcherSimulator
        The one that shall deviate.
    names : iterable of str
        Names in `DEFECTS`, `LOAD_DEFECTS` and `VARIATIONS`.

    Raises
    ------
    UnknownDeviation
        For a name that none has, and for one that is of another actor.
    """
    install(simulator, _called(names))

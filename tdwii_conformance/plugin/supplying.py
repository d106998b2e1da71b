"""The supply of workitems at work in a run of pytest: what tests say that they do to a workitem, and in which order they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from ..defects import chosen
from ..profile.ups_tables import STATES
from ..workitems.plan import Asking, Consumer, Planned, table
from ..workitems.supply import Need, Supply, Use
from .asking import PERFORMED, PROGRESS, USES, asked_by
from .keys import requirement_key, system_key, wire_key
from .under_test import deviations_of, takes_own_workitems, unsupported_by_deviations

__all__ = ["Watch", "applies", "fills", "plan_lines", "rank", "rehearsed"]

SHARED = {"updates": "updates", "to_report": "told of", "nothing_else": "marker"}
LATER = {"IN PROGRESS", "COMPLETED", "CANCELED"}
LOOKING = {Use.LOOKS, Use.IS_REFUSED}
consumers_key = pytest.StashKey[tuple[Consumer, ...]]()
PROMPT = {"person", "command"}  # sources that make a workitem at a moment that a test chooses
FIRST = ("test_negotiation", "test_ro")  # the transactions of TDW-II before the corners of Annex CC
FILLING = ("test_cc_2_5", "test_cc_2_8_random", "test_cc_random")  # what creates workitems by the hundred


def asking(item: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each use of a workitem that a test asks for: the fixture of ours, and who asks, with its scope."""
    definitions = item._fixtureinfo.name2fixturedefs
    for name in item.fixturenames:
        if name in USES or not definitions.get(name):
            continue
        fixture = definitions[name][-1]
        for asked in set(fixture.argnames) & set(USES):
            yield asked, name, fixture.scope
    for asked in set(item._fixtureinfo.argnames) & set(USES):
        yield asked, item.nodeid, "function"
    if marker := item.get_closest_marker("workitem"):
        yield marker.args[0], item.nodeid, "function"


def consumers_of(item: Any, makes_now: bool) -> tuple[Consumer, ...]:
    """Who asks for what a test needs: its fixtures, in the order of their set-up, and the test itself."""
    definitions, params = item._fixtureinfo.name2fixturedefs, getattr(getattr(item, "callspec", None), "params", {})
    module, found, seen = item.nodeid.split("::", 1)[0], [], set()
    known = {**params, "source": SimpleNamespace(own=True, makes_now=makes_now)}

    def add(name: str) -> None:
        if name in USES or name in seen or not definitions.get(name):
            return
        seen.add(name)
        fixture = definitions[name][-1]
        param = params.get(name, "")
        asks, others = asked_by(fixture.func, {**known, "request": SimpleNamespace(param=param)})
        for other in others:
            add(other)
        where = {"session": "", "function": item.nodeid}.get(fixture.scope, module)
        if asks and name != "supply":
            found.append(Consumer(f"{where} {name} {param}", asks))

    for name in item.fixturenames:
        add(name)
    asks, others = asked_by(item.function, known)
    for other in others:
        add(other)
    if marker := item.get_closest_marker("workitem"):
        state = params.get("state", "SCHEDULED")
        if state in STATES:
            use = USES[marker.args[0]]
            sets = frozenset() if use in LOOKING else frozenset({PROGRESS, PERFORMED})  # what is refused leaves it as it was
            asks = (*asks, Asking(Need(use, state), sets=sets))
    return (*found, Consumer(item.nodeid, asks)) if asks else tuple(found)


def applies(item: pytest.Item) -> bool:
    """Whether a test will judge something, as far as the description of the system tells."""
    requirement, config = item.stash.get(requirement_key, None), item.config
    if requirement is None or requirement.actor not in ("TMS", "OST"):
        return False
    if system_key not in config.stash:
        return requirement.capability not in unsupported_by_deviations(config)
    system = config.stash[system_key]
    supported = not requirement.capability or requirement.capability in system.supports(requirement.actor)
    return system.describes(requirement.actor) and supported


def sources_of(config: pytest.Config) -> tuple[str, ...]:
    """Where the workitems of the run come from."""
    if system_key in config.stash:
        return config.stash[system_key].workitems.sources
    own = next(one.own for one in chosen(deviations_of(config)) if one.own)
    return ("existing",) * bool(own.new + own.continuations) + ("command",) * own.on_demand


def makes_now(config: pytest.Config) -> bool:
    """Whether a workitem can be made at a moment that a test chooses."""
    return bool(PROMPT & set(sources_of(config)))


def _consumers(item: pytest.Item) -> tuple[Consumer, ...]:
    """Who asks for what a test needs; its code is read once."""
    if consumers_key not in item.stash:
        item.stash[consumers_key] = consumers_of(item, makes_now(item.config))
    return item.stash[consumers_key]


def _roles(item: pytest.Item) -> set[str]:
    """In which roles a test shares workitems that are kept apart from those of the others, by its code."""
    needs = {asking.need for consumer in _consumers(item) for asking in consumer.asks}
    return {need.shared_as for need in needs if need.role or need.free_of}


def rehearsed(config: pytest.Config, items: Sequence[pytest.Item]) -> tuple[list[Planned], dict[str, Any]]:
    """What the plan has to know of a run: its tests, whether workitems can be made now, and who watches over it."""
    watch = Watch(items)
    tests = [
        Planned(item.stash[requirement_key].id, _consumers(item), partial(watch.begins, item)) for item in items if applies(item)
    ]
    return tests, {"makes_now": makes_now(config), "watch": watch.anew}


def plan_lines(config: pytest.Config, items: Sequence[pytest.Item]) -> list[str]:
    """Say how many workitems the run needs, and how many requirements that many, or fewer, will judge."""
    if not takes_own_workitems(config):
        asked = bool(config.getoption("tdwii_plan"))
        return ["workitems: created by N-CREATE, as many as the tests need"] if asked else []
    tests, how = rehearsed(config, items)
    if not any(test.consumers for test in tests):
        return ["workitems: none is needed"] if tests else []
    *fewer, most = table(tests, **how)
    return [
        f"workitems ({', '.join(sources_of(config))}): {most.new} new and {most.continuations} continuations are needed, to judge"
        f" {len(most.judged)} of {len(most.all)} requirements",
        *(f"  with {plan}" for plan in fewer),
    ]


def rank(item: pytest.Item) -> tuple[int, int, int]:
    """Which tests come first where there are few workitems.

    Those who only look; then those of TDW-II whose workitem serves many tests, and those of TDW-II that take one for
    themselves; then the corners of Annex CC, in the same order.
    """
    if requirement_key not in item.stash:
        return (0, 0, 0)
    asked = list(asking(item))
    uses = {USES[name] for name, _, _ in asked}
    module = item.nodeid.split("::", 1)[0].rsplit("/", 1)[-1]
    corner = bool(asked) and all(scope == "function" and name != "treated" for name, _, scope in asked)
    phase = 0 if uses <= LOOKING else 2 if corner else 1
    last = {Use.CLAIMS: 1, Use.ENDS: 2}
    within = max((last.get(use, 0) for use in uses), default=0) if phase == 2 else 0
    tdwii = module.startswith(FIRST)
    if phase == 0 and not tdwii and LATER & set(map(str, getattr(getattr(item, "callspec", None), "params", {}).values())):
        phase = 1  # the six scenarios leave workitems in these states
    return (int(phase > 0 and not tdwii), phase, within) if phase else (0, 0, int(not tdwii))


def fills(item: pytest.Item) -> int:
    """Which modules come first where the tests fill the worklist: the transactions of TDW-II; those last that create the most."""
    module = item.nodeid.split("::", 1)[0].rsplit("/", 1)[-1]
    return 0 if module.startswith(FIRST) else 2 if module.startswith(FILLING) else 1


class Watch:
    """Knows how far the run is, for the supply, once there is one.

    Parameters
    ----------
    items : list of pytest.Item
        The tests of the run.
    """

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        self._items = items
        self.anew(None)

    def anew(self, supply: Supply | None) -> None:
        """Begin once more, over a supply if there is one."""
        self._module, self._running = "", ""
        self._begun: set[str] = set()
        self._to_come: dict[str, set[str]] = {"SCHEDULED": set(), "IN PROGRESS": set()}
        for item in self._items:
            names = set(getattr(item, "fixturenames", ()))
            if names & {"looks_at", "is_refused"}:
                self._to_come["SCHEDULED"].add(item.nodeid)
            if names & {"is_refused", *SHARED}:
                self._to_come["IN PROGRESS"].add(item.nodeid)
        self._supply: Supply | None = None
        if supply is not None:
            self.over(supply)

    def over(self, supply: Supply) -> Supply:
        """Watch over a supply."""
        self._supply = supply
        for item in self._items if supply.source.own else ():
            for role in _roles(item) if item.nodeid not in self._begun else ():
                self._to_come.setdefault(role, set()).add(item.nodeid)
        # Of a role that the code does not tell, any test may be that shares one in this state.
        supply.to_come = lambda state, role: len(self._to_come.get(role, self._to_come[state]))
        return supply

    def begins(self, item: pytest.Item) -> None:
        """A test begins. It still shares what it has got: nothing of that is given to it again as another one."""
        for waiting in self._to_come.values():
            waiting.discard(self._running)
        self._running = item.nodeid
        self._begun.add(item.nodeid)
        module, before = item.nodeid.split("::", 1)[0], self._module
        self._module = module
        if module != before:
            item.config.stash[wire_key].forget_decoded()
        if self._supply is not None:
            self._supply.test_begins()
            if module != before:
                self._supply.module_ends()

    def failed(self) -> None:
        """The test failed."""
        if self._supply is not None:
            self._supply.test_failed()

"""Which worker of pytest-xdist gets which tests.

A conformance test stays with the others of its module: their exchanges are made once, and judged by many. The scheduler
runs in another process than the one that collects, and learns nothing of the tests but their ids; so the workers send
with the id of each such test the name of what it stays with, and the requirement that it judges: a run that is interrupted
says what was not run. Tests of others are spread as xdist does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any, cast

import pytest

from .keys import requirement_key, system_key
from .reports import SELECTED, SEPARATOR, selected_of

__all__ = ["module_of", "order", "pytest_collection_finish", "pytest_configure_node", "pytest_xdist_make_scheduler"]

# Fixtures that listen on an address of ours. A remote system knows one of each: who uses it shares a worker.
LISTENING = ("partners", "receiver")
SENDS_SCOPES = "tdwii_sends_scopes"  # in a worker's input: the controller understands them


def module_of(nodeid: str) -> str:
    """Return the module of a test."""
    return nodeid.split("::", 1)[0]


def _scopes(items: Sequence[pytest.Item]) -> dict[pytest.Item, str]:
    """Return of tests that stay together the name of what they stay with."""
    shared: dict[str, str] = {}
    if items and system_key in items[0].config.stash:
        for item in items:
            used = [name for name in LISTENING if name in getattr(item, "fixturenames", ())]
            if used and requirement_key in item.stash:
                shared.setdefault(module_of(item.nodeid), f"all that use {used[0]}")
    scopes = {}
    for item in items:
        module = module_of(item.nodeid)
        if requirement_key in item.stash:
            scopes[item] = shared.get(module, module)
        elif marker := item.get_closest_marker("one_worker"):
            scopes[item] = str(marker.args[0]) if marker.args else module
    return scopes


def order(items: list[pytest.Item]) -> None:
    """Put what takes longest first in a worker, so that none begins it when the others are done.

    Nothing is done where no tests stay together.
    """
    scopes = _scopes(items)
    if not scopes:
        return
    names = [scopes.get(item, item.nodeid) for item in items]
    marked = {scopes.get(item, item.nodeid) for item in items if item.get_closest_marker("long")}
    sizes, place = Counter(names), {name: n for n, name in enumerate(dict.fromkeys(names))}
    found = sorted(zip(items, names, strict=True), key=lambda pair: (pair[1] not in marked, -sizes[pair[1]], place[pair[1]]))
    items[:] = [item for item, _ in found]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let a worker know whether the scheduler is ours, and expects scopes with the ids."""
    node.workerinput[SENDS_SCOPES] = node.config.getvalue("dist") == "load"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> Generator[None]:
    """Have xdist send scope and requirement of each test with its id, and say which tests judge what.

    The latter is for a run that does not come to its end.
    """
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[SELECTED] = selected_of(session.items)
    if not getattr(session.config, "workerinput", {}).get(SENDS_SCOPES):
        return (yield)
    items, scopes = session.items, _scopes(session.items)
    session.items = [cast(pytest.Item, _WithScope(item, scopes[item])) if item in scopes else item for item in items]
    try:
        return (yield)
    finally:
        session.items = items


class _WithScope:
    """A test as xdist sees it when it sends the ids of all: its id has the scope and the requirement behind it."""

    def __init__(self, item: pytest.Item, scope: str) -> None:
        self._item = item
        requirement = item.stash[requirement_key].id if requirement_key in item.stash else ""
        self.nodeid = SEPARATOR.join((item.nodeid, scope, requirement))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together what stays together; spread the rest, and runs without such tests, as xdist does it."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScheduling, LoadScopeScheduling

    class ScopeScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        """Tests with a scope as one unit of work, each other test as one of its own."""

        scopes: dict[str, str]

        def _split_scope(self, nodeid: str) -> str:
            return self.scopes.get(nodeid, nodeid)

    class Scheduling:
        """The scheduler of xdist, until a worker has collected tests that stay together."""

        def __init__(self) -> None:
            self.chosen: Any = LoadScheduling(config, log)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.chosen, name)

        def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
            ids = [one.partition(SEPARATOR)[0] for one in collection]
            scopes = {one[0]: one[1] for one in (each.split(SEPARATOR) for each in collection) if len(one) > 1}
            if scopes and isinstance(self.chosen, LoadScheduling):
                # All collect the same, so what the first one has collected decides, before anything was scheduled.
                nodes = self.chosen.nodes
                config.option.loadscopereorder = False  # they come in the order in which they are to begin
                self.chosen = ScopeScheduling(config, log)
                self.chosen.scopes = scopes
                for known in nodes:
                    self.chosen.add_node(known)
            self.chosen.add_node_collection(node, ids)

    return Scheduling()

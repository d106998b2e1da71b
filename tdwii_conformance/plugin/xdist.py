"""Which worker of pytest-xdist gets which tests."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from .keys import system_key

# Names of the modules that have instances moved to us, or event reports sent, and so need the one port a remote system knows.
LISTENING = re.compile(r"retrieve|store_results|request_cancel|subscribe|event|status_change|sequences")
# Folders of the modules for which we are the TMS and the OST, on the two ports that a remote system knows.
CALLED = re.compile(r"/(tdd|watcher)/")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Hold modules that need our listening port to the names by which the scheduler knows them."""
    listens = "receiver" in getattr(item, "fixturenames", ())
    if listens and item.get_closest_marker("requirement") and not LISTENING.search(module_of(item.nodeid)):
        raise pytest.UsageError(f"{item.nodeid} uses the fixture receiver: its module's name has to match {LISTENING.pattern!r}")


def module_of(nodeid: str) -> str:
    """Return the module of a test."""
    return nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a module on one worker: its exchanges are made once and judged by many tests.

    A remote system knows one address of ours to move to, so the modules that listen there share a worker. (xdist's own
    groups would say the same, but xdist 3.8 marks them in a way that pytest 9 does not see.)
    """
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    remote = system_key in config.stash
    config.option.loadscopereorder = False  # the items come in the order in which modules are to begin

    class ModuleScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            module = module_of(nodeid)
            if remote and CALLED.search(module):
                return "floor"
            if module.endswith("defects/test_proof.py"):
                return nodeid  # each of its tests starts systems of its own, and hundreds of them take long
            return "listener" if remote and LISTENING.search(module) else module

    return ModuleScheduling(config, log)


def begin_with_the_long(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first, so that no worker begins one when the others are done."""
    modules = [module_of(item.nodeid) for item in items]
    marked = {module_of(item.nodeid) for item in items if item.get_closest_marker("long")}
    sizes, place = Counter(modules), {module: n for n, module in enumerate(dict.fromkeys(modules))}
    items.sort(key=lambda item: ((m := module_of(item.nodeid)) not in marked, -sizes[m], place[m]))

"""The conformance tests in any order: modules, and the tests within each, as a seed shuffles them.

``python -m tests.proof.shuffling SEED... [PART...]`` runs the whole suite, or modules and folders of it, on the embedded simulators, once
in its own order and once for each seed, and says which verdicts differ.
"""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

import pytest

from tdwii_conformance import engine
from tdwii_conformance.plugin import Setting

from . import running, threads

__all__ = ["differences", "verdicts"]


class Shuffle:
    """A plugin of the inner run. A module stays together, as its fixtures are made once.

    Parameters
    ----------
    seed : int
        What the order comes from.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Shuffle."""
        chance = random.Random(self.seed)
        modules: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            modules[item.nodeid.partition("::")[0]].append(item)
        order = list(modules)
        chance.shuffle(order)
        for tests in modules.values():
            chance.shuffle(tests)
        items[:] = [item for module in order for item in modules[module]]


def verdicts(parts: Sequence[str], seed: int | None = None) -> dict[str, str]:
    """Return the verdict of each test of some modules on the embedded simulators.

    Parameters
    ----------
    parts : sequence of str
        Modules and folders below ``tests/conformance``; all without.
    seed : int, optional
        Of the order; the suite's own without.
    """
    shuffle = [] if seed is None else [Shuffle(seed)]
    setting = Setting(start=threads.simulator_trigger, texts=False)
    result = engine.run(parts, options=running.OPTIONS, setting=setting, plugins=shuffle)
    assert not result.errors, result.errors
    return {verdict.nodeid: f"{verdict.verdict} {verdict.reason}".strip() for verdict in result.verdicts}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return what differs between the verdicts of two runs, a line for each test; the wording of a reason may."""
    return [
        f"{test}: {one.get(test)} / {other.get(test)}"
        for test in sorted({*one, *other})
        if one.get(test, "").split(" ")[0] != other.get(test, "").split(" ")[0]
    ]


def main(arguments: Sequence[str]) -> int:
    """Run everything, or some parts, in its own order, and by each seed; return how many runs differ."""
    seeds, parts = [word for word in arguments if word.isdecimal()], [word for word in arguments if not word.isdecimal()]
    differing = 0
    began = time.monotonic()
    usual = verdicts(parts)
    print(f"{len(usual)} tests in their own order, {time.monotonic() - began:.0f} s", flush=True)
    for seed in seeds:
        began = time.monotonic()
        found = differences(usual, verdicts(parts, int(seed)))
        print(f"seed {seed}: {len(found)} verdicts differ, {time.monotonic() - began:.0f} s", *found, sep="\n  ", flush=True)
        differing += bool(found)
    return differing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

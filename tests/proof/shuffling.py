"""The conformance tests in any order: modules, and the tests within each, as a seed shuffles them.

``make shuffled``, or ``python -m tests.proof.shuffling [SEED...] [--part PART]``; at night. It runs the whole suite, or modules and
folders of it, on the embedded simulators, once in its own order and once for each seed (1 to 100), and says which verdicts differ.
A verdict that differs once depends on the order, or on chance. What was found is kept in ``report/shuffled.jsonl``: a run that was
interrupted goes on, a change of the sources makes it void.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tdwii_conformance import engine
from tdwii_conformance.plugin import Setting

from . import proof, running, threads, whole

__all__ = ["differences", "verdicts"]

ACTORS = ("TMS", "OST", "TDD", "watcher")


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


def made(parts: Sequence[str], seed: int | None) -> dict[str, Any]:
    """Run everything, or some parts, without a word; return the verdicts and the seconds that it took."""
    began = time.monotonic()
    with whole.silence():
        found = verdicts(parts, seed)
    return {"verdicts": found, "seconds": time.monotonic() - began}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what has not been run; return 1 if a verdict differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.shuffling", description=__doc__.splitlines()[0])
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED", default=list(range(1, 101)), help="default: 1 to 100")
    parser.add_argument("--part", action="append", default=[], help="a module or folder of tests/conformance; default: all")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each processor")
    parser.add_argument("--results", type=Path, default=Path("report/shuffled.jsonl"), help="default: %(default)s")
    given = parser.parse_args(arguments)
    given.results.parent.mkdir(parents=True, exist_ok=True)
    sources = whole.sources(whole.Run((), (*sorted(proof.RANDOM), *proof.modules(ACTORS))))
    found: dict[int | None, dict[str, Any]] = {}
    for line in given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else ():
        kept = json.loads(line)
        if (kept["sources"], kept["parts"]) == (sources, given.part):
            found[kept["seed"]] = kept
    with given.results.open("a", encoding="utf-8") as file:

        def keep(seed: int | None, result: dict[str, Any]) -> None:
            found[seed] = {"seed": seed, "sources": sources, "parts": given.part, **result}
            file.write(json.dumps(found[seed]) + "\n")
            file.flush()

        if None not in found:
            keep(None, made(given.part, None))
        usual = found[None]["verdicts"]
        print(f"{len(usual)} tests in their own order, {found[None]['seconds']:.0f} s", flush=True)
        work = {seed: (given.part, seed) for seed in given.seeds if seed not in found}
        for seed, result in whole.in_processes(made, work, given.processes, runs=1):
            differing = differences(usual, result["verdicts"])
            keep(seed, {"differing": differing, "seconds": result["seconds"]})
            print(f"seed {seed}: {len(differing)} verdicts differ, {result['seconds']:.0f} s", *differing, sep="\n  ", flush=True)
    differ = [seed for seed in given.seeds if found[seed]["differing"]]
    print(f"{len(given.seeds)} runs in other orders, {len(differ)} with a verdict that differs{': ' * bool(differ)}{differ or ''}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())

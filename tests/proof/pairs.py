"""``python -m tests.proof.pairs``: the whole suite on simulators with two variations drawn at random; nothing may fail.

`make proof` runs every variation against every test, many at once. What two do to each other alone is hidden there where a third
changes it again. A seed draws the pairs, so that a run that was interrupted goes on with the same ones; results are kept in
``report/pairs.jsonl`` as those of the proof are.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from tdwii_conformance.defects import VARIATIONS, Variation

from . import proof, whole
from .conditions import conditions

__all__ = ["drawn"]


def drawn(number: int, seed: int) -> list[tuple[Variation, Variation]]:
    """Draw pairs of variations that one system can have.

    Parameters
    ----------
    number : int
        How many, of all different.
    seed : int
        What they come from.
    """
    every = [pair for pair in combinations(VARIATIONS.values(), 2) if _together(*pair)]
    return random.Random(seed).sample(every, number)


def _together(one: Variation, other: Variation) -> bool:
    """Whether a system can have both: they are of systems that are judged together, and not of one subject."""
    if one.actor != other.actor and not {one.actor, other.actor} <= set(proof.SCPS):
        return False
    mine, theirs = conditions(one).subject, conditions(other).subject
    shorter = min(len(mine), len(theirs))
    return not (shorter and mine[:shorter] == theirs[:shorter])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what has not been run, and return 1 if something fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.pairs", description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=100, help="how many pairs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn from (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each processor")
    parser.add_argument("--results", type=Path, default=Path("report/pairs.jsonl"), help="default: %(default)s")
    given = parser.parse_args(arguments)
    given.results.parent.mkdir(parents=True, exist_ok=True)
    runs = [
        whole.Run(tuple(sorted(one.name for one in pair)), tuple(sorted(proof.visible(pair))))
        for pair in drawn(given.number, given.seed)
    ]
    results = whole.results(runs, given.results, given.processes)
    problems = [problem for run in runs for problem in whole.Judged(run, results[run]).problems]
    print("\n".join([*problems, "", f"{len(runs)} pairs of variations, {len(problems)} false alarms or errors"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

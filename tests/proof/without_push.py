"""How many defects of a TMS a run sees that has workitems of the TMS's own, and no N-CREATE.

``python -m tests.proof.without_push`` runs the groups of the proof with the variation ``own-workitems``, each against the tests of
what its defects violate; ``--every 3`` every third of them. It goes on with the results in ``--kept`` where it was ended, and says
which defects are seen, which violate only what needs an N-CREATE, and which should be seen and are not.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tdwii_conformance.defects import DEFECTS, Defect

from . import proof, running
from .whole import in_processes, silence

__all__ = ["Seen", "main"]

OWN = "own-workitems"


def groups() -> list[tuple[Defect, ...]]:
    """Return the defects of a TMS as the proof puts them together; without those that bring workitems of their own."""
    return proof.groups(one for one in DEFECTS.values() if one.actor == "TMS" and one.own is None)


def made(names: Sequence[str]) -> tuple[dict[str, dict[str, Any]], float]:
    """Run a group, by the names of its defects, without a word; return what was found, and the seconds of the processor."""
    began = time.process_time()
    with silence():
        found = seen([DEFECTS[name] for name in names])
    return found, time.process_time() - began


def seen(group: Sequence[Defect]) -> dict[str, dict[str, Any]]:
    """Run the tests of what defects violate against a TMS that has them, and workitems of its own.

    Returns
    -------
    dict of str to dict
        Of each defect: ``seen``, whether a requirement that it names was found violated; ``why`` its tests were not judged.
    """
    tally = running.run(
        proof.against(group),
        [*(one.name for one in group), OWN],
        wanted=proof.wanted(group),
        sample=0,
        edition=proof.edition(group),
    )
    found: dict[str, dict[str, Any]] = {}
    for defect in group:
        others = [other for other in group if other is not defect]
        own = proof.evidence(defect, others)
        if any(r in tally.violated and proof.shows(defect, r, tally.violated[r]) for r in own):
            found[defect.name] = {"seen": True}
        elif others:
            found |= seen([defect])
        else:
            judged = [r for r in defect.requirements if r in tally.passed]
            why = sorted({said.partition(": ")[2] for r in defect.requirements for said in tally.not_judged.get(r, ())})
            found[defect.name] = {"seen": False, "passed": judged, "why": why, "errors": tally.errors}
    return found


def needs_creation(result: dict[str, Any]) -> bool:
    """Whether nothing that a defect violates was judged at all."""
    return not result["seen"] and not result["passed"]


class Seen:
    """What was found so far, in a file that is written as it grows.

    Parameters
    ----------
    path : Path
        The file; with a line for each defect.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.of: dict[str, dict[str, Any]] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            self.of |= json.loads(line)

    def add(self, found: dict[str, dict[str, Any]]) -> None:
        """Keep what was found of some defects."""
        self.of |= found
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps({name: said}) + "\n" for name, said in found.items())

    def lines(self) -> Iterable[str]:
        """Yield what to say of it."""
        detected = [name for name, said in self.of.items() if said["seen"]]
        created = [name for name, said in self.of.items() if needs_creation(said)]
        missed = {name: said for name, said in self.of.items() if not said["seen"] and not needs_creation(said)}
        yield (
            f"{len(self.of)} defects: {len(detected)} are seen, {len(created)} violate only what is not judged without N-CREATE, "
            f"{len(missed)} are not seen though it is judged"
        )
        for name, said in sorted(missed.items()):
            yield f"  {name}: {', '.join(said['passed'])} passed; not judged: {'; '.join(said['why']) or '-'} {said['errors'] or ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what has not been run; return how many defects are not seen that should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.without_push", description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th group only")
    parser.add_argument("--kept", type=Path, default=Path("report/without_push.jsonl"), help="results (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each processor")
    given = parser.parse_args(arguments)
    given.kept.parent.mkdir(parents=True, exist_ok=True)
    kept = Seen(given.kept)
    todo = [group for group in groups()[:: given.every] if any(one.name not in kept.of for one in group)]
    work = {group: ([one.name for one in group],) for group in todo}
    for number, (group, (found, seconds)) in enumerate(in_processes(made, work, given.processes), 1):
        kept.add(found)
        missed = sorted(name for name, said in found.items() if not said["seen"])
        told = f": not seen: {', '.join(missed)}" if missed else ""
        print(f"{number}/{len(todo)} {proof.title(group)}, {seconds:.0f} s of the processor{told}", flush=True)
    print(*kept.lines(), sep="\n")
    return sum(1 for said in kept.of.values() if not said["seen"] and not needs_creation(said))


if __name__ == "__main__":
    raise SystemExit(min(main(), 1))

"""What the witness finds: each defect and variation of the embedded partners, recorded at work and judged from the record.

``python -m tests.witnessed`` (``make witnessed``): a proxy stands between a partner that deviates and conformant ones that work
with it; what it recorded is judged as ``tdwii judge`` does. Deviations that do not hide each other are recorded at once. A defect
counts as found if a requirement fails that it violates and nothing else in its recording does. What is not found is recorded
again with others that were not, and alone if it got entangled with them. What is in the results file already is not run again, so it can be
interrupted. ``--show`` prints the shares of the file, ``--page`` writes docs/witnessed.md, as a whole run does at its end.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import traceback
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tdwii_conformance.defects import DEFECTS, VARIATIONS, Defect, Deviation, Variation

from . import grouping, results
from .recording import CATALOGUE, judged, records

RESULTS = Path(__file__).parents[2] / "report" / "witnessed.jsonl"
LONGEST = 600.0  # seconds for one group


def run(group: Sequence[Deviation], keep: Path | None = None) -> dict[str, Any]:
    """Record and judge a group; return what came of it."""
    warnings.simplefilter("ignore")
    began = time.process_time()
    defects = [one for one in group if isinstance(one, Defect)]
    own = {one.name: grouping.evidence(one, defects) for one in defects}
    failed: dict[str, list[str]] = defaultdict(list)
    found: dict[str, list[str]] = {}
    parts = []
    with TemporaryDirectory() as folder:
        for path in records(group, keep or Path(folder)):
            parts.append(path.stem)
            for requirement, said in judged(path, group).items():
                failed[requirement] += said
            found = {
                name: sorted(one for one, keyword in its.items() if grouping.shows(one, keyword, failed))
                for name, its in own.items()
            }
            if found and all(found.values()):
                break
    named = {r for one in group for r in getattr(one, "requirements", ())}
    actors = {one.actor for one in group}
    return {
        "names": [one.name for one in group], "parts": parts, "found": found,
        "others": sorted(one for one in failed if one not in named and CATALOGUE[one].actor in actors),
        "blamed": sorted(one for one in failed if CATALOGUE[one].actor not in actors),
        "why": {one: failed[one][:2] for one in sorted(failed)}, "seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def _child(group: Sequence[Deviation], pipe: Connection) -> None:
    try:
        pipe.send(run(group))
    except BaseException:
        pipe.send({"names": [one.name for one in group], "error": traceback.format_exc()})
    pipe.close()
    os._exit(0)  # a defect may leave threads that wait for nothing


def run_all(groups: Iterable[Sequence[Deviation]], file: Path, jobs: int) -> None:
    """Run groups, each in a process of its own, and append what came of each to a file."""
    context = multiprocessing.get_context("fork")
    waiting = list(groups)
    under_way: dict[Any, tuple[Sequence[Deviation], Any, float]] = {}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                group = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(group, theirs))
                process.start()
                theirs.close()
                under_way[ours] = group, process, time.monotonic()
            ready = set(wait(list(under_way), timeout=1.0))
            for pipe, (group, process, began) in list(under_way.items()):
                if pipe not in ready and time.monotonic() - began < LONGEST:
                    continue
                result = {"names": [one.name for one in group], "error": "took too long"}
                if pipe in ready:
                    with suppress(EOFError):
                        result = pipe.recv()
                process.kill()
                process.join()
                del under_way[pipe]
                out.write(json.dumps(result) + "\n")
                out.flush()
                print(f"{len(waiting) + len(under_way)} left: {_line(group, result)}", flush=True)


def _line(group: Sequence[Deviation], result: Mapping[str, Any]) -> str:
    named = f"{group[0].kind} {group[0].name}" + (f" and {len(group) - 1} more" if len(group) > 1 else "")
    if "error" in result:
        return f"{named}: {result['error'][-150:]}"
    found = sum(map(bool, result["found"].values()))
    return f"{named}: found {found}, others {result['others'][:6]}, {result['seconds']} s"


def _chosen(given: argparse.Namespace) -> list[Deviation]:
    chosen: list[Deviation] = [one for one in (*DEFECTS.values(), *VARIATIONS.values()) if one.own is None]
    tests: list[Callable[[Deviation], bool]] = [
        lambda one: not given.actor or one.actor in given.actor,
        lambda one: not given.kind or one.kind == given.kind,
        lambda one: not given.only or one.name in given.only,
    ]
    return [one for one in chosen if all(test(one) for test in tests)][:: given.every]


def rounds(chosen: Sequence[Deviation], file: Path, jobs: int) -> None:
    """Record all that is chosen, and again what is not settled; what is cheapest comes first."""
    settled = results.settled(file)
    groups = grouping.groups(one for one in chosen if isinstance(one, Defect) and one.name not in settled)
    # Those that are recorded alone in an order that makes a sample of those that are done.
    groups.sort(key=lambda group: (-len(group), zlib.crc32(group[0].name.encode())))
    together = [group for group in groups if len(group) > 1]
    run_all(results.missing(together, file), file, jobs)
    _once_more([one for group in together for one in group], file, jobs)
    _varied([one for one in chosen if isinstance(one, Variation)], file, jobs)
    run_all(results.missing(groups, file), file, jobs)


def _once_more(defects: Sequence[Defect], file: Path, jobs: int) -> None:
    """Record again what others may have hidden: together with what was not found either, and alone what got entangled."""
    found = results.found(file)
    missed = [one for one in defects if one.name not in found]
    again = []
    for group in grouping.groups(missed, cases=False):
        # The same ones together again would show nothing new.
        again += [(one,) for one in group] if results.key(group) in results.read(file) else [group]
    run_all(results.missing(again, file), file, jobs)
    known = results.read(file)
    # Where something failed that none of a group names, they have got entangled.
    entangled = [one for group in again if results.entangled(known[results.key(group)]) for one in group]
    found = results.found(file)
    run_all(results.missing([(one,) for one in entangled if one.name not in found], file), file, jobs)


def _varied(variations: Sequence[Variation], file: Path, jobs: int) -> None:
    """Record variations; what is found in a group is looked for in halves of it."""
    todo = grouping.variation_groups(variations)
    while todo:
        run_all(results.missing(todo, file), file, jobs)
        known = results.read(file)
        bad = [group for group in todo if results.alarms(known[results.key(group)])]
        todo = [half for group in bad if len(group) > 1 for half in (group[::2], group[1::2])]


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", action="append", default=[], help="a name; repeat")
    parser.add_argument("--actor", action="append", default=[], choices=["TMS", "OST", "TDD", "watcher"])
    parser.add_argument("--kind", choices=["defect", "variation"])
    parser.add_argument("--every", type=int, default=1, help="take each n-th only")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print what is in the results file")
    parser.add_argument("--page", action="store_true", help="write docs/witnessed.md from the results file")
    parser.add_argument("--keep", type=Path, help="record each alone, and keep the records in this folder")
    given = parser.parse_args()
    chosen = _chosen(given)
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
        for one in chosen:
            (given.keep / one.name).mkdir(exist_ok=True)
            print(json.dumps(run([one], given.keep / one.name), indent=1))
        return 0
    if not (given.show or given.page):
        rounds(chosen, given.results, given.jobs)
    if given.page or (given.results == RESULTS and not given.show):
        results.write_page(given.results)
    return 1 if results.show(given.results) else 0


if __name__ == "__main__":
    sys.exit(main())

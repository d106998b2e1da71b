"""``python -m tests.proof.knock_on``: writes what the last proof saw fail elsewhere into the snapshot of knock-on failures.

Run it after ``make proof``, and review the change of ``knock_on.csv`` as a diff. Of a defect whose runs elsewhere are all
there, the rows ``elsewhere`` become exactly the requirements that failed; other defects keep theirs. A reason is that of the
former row; a failure that has none gets ``?``, which has to be replaced by one.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tdwii_conformance.defects import DEFECTS
from tdwii_conformance.defects.knock_on import SNAPSHOT, Entry, read

from . import proof

UNEXPLAINED = "?"


def failed_elsewhere(results: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return, of each defect that was run against all that it does not concern, the requirements that failed with it there."""
    met: dict[str, set[str]] = defaultdict(set)
    failed: dict[str, set[str]] = defaultdict(set)
    for result in results:
        if not result["elsewhere"]:
            continue
        for name in result["names"]:
            met[name].update(result["modules"])
        for requirement, tests in result["violated"].items():
            for name in {name for test in tests for name in result["by"][test]}:
                failed[name].add(requirement)
    whole = [name for name in met if name in DEFECTS and met[name] >= _elsewhere(name)]
    return {name: {r for r in failed[name] if r not in DEFECTS[name].requirements} for name in whole}


def _elsewhere(name: str) -> set[str]:
    defect = DEFECTS[name]
    return proof.visible([defect]) - proof.concerned(defect)


def renewed(rows: Sequence[Entry], failed: Mapping[str, set[str]]) -> list[Entry]:
    """Return the rows of a snapshot with what failed elsewhere in place of what was said of those defects before."""
    reasons = {(row.defect, requirement): row.why for row in rows if row.kind == "elsewhere" for requirement in row.requirements}
    sometimes = {(row.defect, requirement) for row in rows if row.kind == "sometimes" for requirement in row.requirements}
    kept = [row for row in rows if row.kind != "elsewhere" or row.defect not in failed]
    for name, requirements in failed.items():
        by_reason: dict[str, list[str]] = defaultdict(list)
        for requirement in sorted(requirements):
            if (name, requirement) not in sometimes:
                by_reason[reasons.get((name, requirement), UNEXPLAINED)].append(requirement)
        kept += [Entry("elsewhere", name, tuple(found), why) for why, found in by_reason.items()]
    return sorted(kept, key=lambda row: (row.kind, row.defect))


def write(path: Path, rows: Iterable[Entry]) -> None:
    """Write a snapshot."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("kind", "defect", "requirements", "why"))
        out.writerows((row.kind, row.defect, " ".join(row.requirements), row.why) for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew the snapshot; return 1 if a failure has no reason yet."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.knock_on", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("report/proof.jsonl"), help="of the proof (default: %(default)s)")
    parser.add_argument("--snapshot", type=Path, default=SNAPSHOT, help="default: %(default)s")
    given = parser.parse_args(arguments)
    if not given.results.exists():
        parser.error(f"{given.results}: there are no results of a proof; run `make proof` first")
    latest: dict[str, Mapping[str, Any]] = {}  # what was run again comes later in the file
    for line in given.results.read_text(encoding="utf-8").splitlines():
        result = json.loads(line)
        latest[repr((result["names"], result["modules"], result["edition"], result["elsewhere"]))] = result
    failed = failed_elsewhere(latest.values())
    rows = renewed(read(given.snapshot), failed)
    write(given.snapshot, rows)
    unexplained = [row for row in rows if row.why == UNEXPLAINED]
    for row in unexplained:
        print(f"{row.defect}: no reason why {', '.join(row.requirements)} fails elsewhere", file=sys.stderr)
    print(f"{len(failed)} of {len(DEFECTS)} defects were run against all that they do not concern; {len(rows)} rows")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

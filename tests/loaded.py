"""Each defect that `tdwii load` is to find, found by it within two minutes; and nothing found without one.

``make load``, or ``python -m tests.loaded [--for SECONDS] [NAME...]``; at night, as it takes some minutes. Without a name, the run
without a defect comes last, for so many seconds (600), with and without faults.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from . import ending

RUSH = ("--clinic", "rush")
RESTARTED = ("--clinic", str(Path(__file__).with_suffix(".toml")), "--fault", "restart=15s")
# The defect, how it is looked for, and one of what has to be found.
FOUND = {
    "claim-race-won-by-both": (RUSH, {"RO60-TMS-015"}),
    "claim-window": (RUSH, {"RO60-TMS-015"}),
    "get-one-change-late": (RUSH, {"RO62-TMS-003", "CC27-TMS-015"}),
    "update-lost-in-a-race": (RUSH, {"RO62-TMS-003"}),
    "event-order-swapped": (RUSH, {"CC24-TMS-012"}),
    "event-lost-when-two-at-once": (RUSH, {"CC24-TMS-001", "CC24-TMS-002", "CC24-TMS-007"}),
    "find-each-twice": (RUSH, {"CC28-TMS-052"}),
    "find-misses-while-changed": (RUSH, {"CC25-TMS-027"}),
    "lock-lost-at-restart": (RESTARTED, {"RO62-TMS-002"}),
    "created-lost-at-restart": (RESTARTED, {"CC27-TMS-012", "CC25-TMS-027"}),
}
WITHIN = 120  # seconds
FAULTS = ("--fault", "cut", "--fault", "reset", "--fault", "half-open=20s", "--fault", "jitter=50ms", "--fault", "restart=60s")


def load(port: int, seconds: float, words: tuple[str, ...]) -> tuple[Counter[str], int]:
    """Run it; return what was found, and how many workitems were judged."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "tdwii_conformance", "load", "--for", str(seconds), "--results", str(results)]
        done = ending.output_of([*command, "--port", str(port), *words])
        if not results.is_file():
            raise SystemExit(done.stdout + done.stderr)
        found = json.loads(results.read_text())
    return Counter([one["requirement"] for one in found["violations"]] + [one["error"] for one in found["errors"]]), found["judged"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--for", dest="seconds", type=float, default=600.0)
    parser.add_argument("--within", type=float, default=60.0, help="seconds for each defect, of the two minutes that are allowed")
    parser.add_argument("--port", type=int, default=14200)
    given = parser.parse_args()
    ending.in_order()
    wrong = 0
    for name in given.names or FOUND:
        how, wanted = FOUND[name]
        began = time.monotonic()
        found, judged = load(given.port, min(given.within, WITHIN), (*how, "--defect", name))
        right = bool(wanted & set(found))
        wrong += not right
        print(
            f"{'found' if right else 'NOT FOUND'}: {name}: {dict(found)}, {judged} judged, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    for words in () if given.names else ((), FAULTS):
        found, judged = load(given.port, given.seconds, (*RUSH, *words))
        wrong += bool(found)
        print(
            f"without defect, {given.seconds:g} s {' '.join(words)}: {dict(found) or 'nothing'} found, {judged} judged", flush=True
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

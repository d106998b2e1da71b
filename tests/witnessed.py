"""What the witness finds: each defect and variation of the embedded partners, recorded at work and judged from the record.

``python -m tests.witnessed`` (``make witnessed``): a proxy stands between a partner with the defect and conformant ones that
work with it; what it recorded is judged as ``tdwii judge`` does. It takes hours and is for the night; what is in the results file
already is not run again, so it can be interrupted. ``--show`` prints the shares of the file; ``--only``, ``--actor`` choose.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tdwii_conformance.defects import DEFECTS, VARIATIONS, Deviation, install
from tdwii_conformance.dimse import Peer, Timeouts
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.session.scenarios import perform_treatment, perform_watch
from tdwii_conformance.simulators.tdd import CannotTreat, TDDSimulator
from tdwii_conformance.simulators.watcher import WatcherSimulator
from tdwii_conformance.sut.config import Caller, Listener, PartnerSettings
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.witness.answering import judge_all, judge_answering
from tdwii_conformance.witness.judging import witness
from tdwii_conformance.witness.proxy import Listener as Behind
from tdwii_conformance.witness.proxy import Proxy
from tdwii_conformance.witness.records import read_record

from .proof.conditions import conditions

sys.path.insert(0, str(Path(__file__).parent / "unit" / "witness"))
import busy_table
import recorded_table

busy_table.TIMEOUTS = Timeouts(connect=5, association=3, message=3, network=20)
CATALOGUE = load_catalogue()
RESULTS = Path(__file__).parent.parent / "report" / "witnessed.jsonl"
LONGEST = 240.0  # seconds for one deviation
BRIEF = Timeouts(connect=5, association=5, message=5, network=20)
# Which parts of the busy table show what is about a transaction; the first is tried first.
OF = {
    "RO-58": ("asking", "treating", "searching"), "CC.2.8": ("searching", "asking"), "CC.1.1": ("states",),
    "CC.2.6": ("contents", "illegal", "states"), "CC.2.5": ("illegal", "contents", "getting", "states"), "CC.2.4": ("watching",),
    "CC.2.3": ("watching",), "CC.2.7": ("getting", "contents"), "RO-64": ("treating", "contents", "states"),
    "RO-61": ("moving", "treating"), "RO-59": ("moving", "treating"), "RO-63": ("treating", "moving"),
    "CC.2.2": ("states", "watching"),
}  # fmt: skip
USUAL = ("treating", "states", "getting", "watching")
# A TMS that refuses an N-SET is none that conforms: only for the defect that it shows.
INJECTIONS = ("claim-refused", "set-refused", "cancel-request", "move-fails", "empty-worklist", "two-workitems")


def of_answering(deviation: Deviation, folder: Path) -> Iterator[Path]:
    """Yield a record for each part of a busy day with a TMS or OST that deviates."""
    if deviation.kind == "variation":
        # One that answers with another status is met where those answers are.
        parts: Sequence[str] = ("states", "illegal") if "-answers-" in deviation.name else tuple(busy_table.PARTS)
    else:
        its = [CATALOGUE[one].transaction for one in deviation.requirements]  # type: ignore[attr-defined]
        parts = list(dict.fromkeys(part for one in its for part in OF.get(one, USUAL)))

    def prepare(tms: Any, ost: Any) -> None:
        install(tms if deviation.actor == "TMS" else ost, [deviation])

    for part in parts:
        path = folder / f"{part}.jsonl"
        with suppress(Exception), busy_table.busy_table(path, prepare) as table, _at_most(LONGEST / 4):
            busy_table.PARTS[part](table)  # an exception is what the defect makes of the caller's work
        yield path


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Break off what takes too long: what was recorded until then is judged."""

    def over(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def of_calling(deviation: Deviation, folder: Path) -> Iterator[Path]:
    """Yield a record of the treatments, or the watch, of a caller that deviates."""
    path = folder / "calling.jsonl"
    plan = PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0))
    title = "TDD" if deviation.actor == "TDD" else "PPVS"
    at, systems = recorded_table.free_port(), {}
    systems[title] = Peer(title, "127.0.0.1", at)
    with ExitStack() as stack:
        edition = conditions(deviation).edition
        partners = Partners(plan, systems, folder / "seen", timeouts=BRIEF, station=recorded_table.STATION, edition=edition)
        stack.enter_context(partners)
        behind = [Behind(0, one.peer.ae_title, "127.0.0.1", one.peer.port) for one in (partners.tms, partners.ost)]
        writing = recorded_table.Writing(path)
        stack.callback(writing.writer.close)
        proxy = stack.enter_context(Proxy([*behind, Behind(0, title, "127.0.0.1", at)], [writing]))
        tms, ost = (Peer(name, "127.0.0.1", port) for name, port in zip(("TMS", "OST"), proxy.ports, strict=False))
        systems[title] = Peer(title, "127.0.0.1", proxy.ports[2])
        if deviation.actor == "TDD":
            tdd = TDDSimulator(tms, ost, "TDD", port=at, station=recorded_table.STATION, edition=edition, watch=True, timeouts=BRIEF,
                               patience=2)  # fmt: skip
            install(tdd, [deviation])
            stack.enter_context(tdd)
            _treat(partners, tdd, deviation)
        else:
            watcher = WatcherSimulator(tms, title, port=at, lock=True, fetch_from=[tms, ost], timeouts=BRIEF, patience=2)
            install(watcher, [deviation])
            stack.enter_context(watcher)
            caller = Caller(systems[title], step_timeout=4.0, settle=1.0, supports=frozenset({"fetch-inputs"}))
            perform_watch(partners, caller, _Watching(watcher), lambda title: NoDisplay())
    yield path


def _treat(partners: Partners, tdd: TDDSimulator, deviation: Deviation) -> None:
    caller = Caller(partners.systems["TDD"], step_timeout=4.0, settle=1.0)
    shown = conditions(deviation).scenario
    for scenario in SCENARIOS:
        name = str(scenario)
        if name in ("new-completed", "continuation-canceled-after", "new-canceled-before", shown.replace("_", "-")):
            tdd.end = name.partition("-")[2]  # type: ignore[assignment]
            perform_treatment(partners, caller, _Treating(tdd), scenario, lambda title: NoDisplay())
    tdd.end = "completed"
    for inject in INJECTIONS:
        if (deviation.kind == "variation" and inject != "set-refused") or shown == f"inject_{inject.replace('-', '_')}":
            perform_treatment(partners, caller, _Treating(tdd), SCENARIOS[0], lambda title: NoDisplay(), inject=inject)


class _Treating:
    """Makes the TDD of this process treat."""

    def __init__(self, tdd: TDDSimulator) -> None:
        self.tdd = tdd

    def begin(self, session: Any, facts: Any) -> None:
        import threading

        session.definite = True
        self.thread = threading.Thread(target=self._perform, args=(session,), daemon=True)
        self.thread.start()

    def _perform(self, session: Any) -> None:
        try:
            self.tdd.perform()
        except CannotTreat as error:
            session.finish(f"given up: {error}")
        except Exception as error:
            session.finish(f"given up: {error}")
        else:
            session.finish("")

    def end(self) -> None:
        self.thread.join(30)


class _Watching:
    """Makes the watcher of this process subscribe, and unsubscribe at the end."""

    def __init__(self, watcher: WatcherSimulator) -> None:
        self.watcher = watcher

    def begin(self, session: Any, facts: Any) -> None:
        with suppress(Exception):
            self.watcher.subscribe()

    def end(self) -> None:
        with suppress(Exception):
            self.watcher.finish_fetching()
            self.watcher.unsubscribe()


def judged(path: Path, deviation: Deviation) -> tuple[set[str], dict[str, list[str]]]:
    """Return the requirements that are not met, and the findings in short.

    The callers of the busy table ask what no conformant one would, so only those who answer are judged there. At a session,
    the partners' own users change workitems, whom nobody sees.
    """
    edition = conditions(deviation).edition
    seen = witness(read_record(path), edition=edition)
    verdicts = []
    if deviation.actor in ("TMS", "OST"):
        # It is the harder test for a variation that more is judged.
        verdicts += judge_answering(seen, CATALOGUE, edition=edition, complete=True)
        if deviation.kind == "variation":
            verdicts += judge_answering(seen, CATALOGUE, edition=edition, complete=False)
    else:
        verdicts += judge_all(seen, CATALOGUE, edition=edition)
    # What is tolerated with a warning is no finding on a variation: the proof of the suite counts alike.
    tolerated = deviation.kind == "variation"
    bad = [
        one
        for one in verdicts
        if one.verdict == "failed" or (one.verdict == "warned" and not (tolerated and CATALOGUE[one.requirement].level == "shall"))
    ]
    why: dict[str, list[str]] = defaultdict(list)
    for one in bad:
        why[one.requirement] += [f"{f['expected']} | {f['received']} | {f['path']}" for f in one.findings[:2]]
    return {one.requirement for one in bad}, why


def run(deviation: Deviation, keep: Path | None = None) -> dict[str, Any]:
    """Record and judge one deviation; return what came of it."""
    warnings.simplefilter("ignore")
    began = time.monotonic()
    its = set(getattr(deviation, "requirements", ()))
    found: set[str] = set()
    why: dict[str, list[str]] = {}
    parts = []
    with TemporaryDirectory() as folder:
        records = of_answering if deviation.actor in ("TMS", "OST") else of_calling
        for path in records(deviation, keep or Path(folder)):
            parts.append(path.stem)
            here, reasons = judged(path, deviation)
            why |= {one: said[:2] for one, said in reasons.items()}
            found |= here
            if its & found:
                break
    actors = {one: CATALOGUE[one].actor for one in found}
    return {
        "name": deviation.name, "actor": deviation.actor, "kind": deviation.kind, "parts": parts, "own": sorted(its & found),
        "others": sorted(one for one in found if one not in its and actors[one] == deviation.actor),
        "blamed": sorted(one for one in actors if actors[one] != deviation.actor),
        "why": {one: why[one] for one in sorted(why)}, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


def _child(deviation: Deviation, pipe: Connection) -> None:
    try:
        pipe.send(run(deviation))
    except BaseException:
        pipe.send({"name": deviation.name, "actor": deviation.actor, "kind": deviation.kind, "error": traceback.format_exc()})
    pipe.close()
    import os

    os._exit(0)  # a defect may leave threads that wait for nothing


def run_all(deviations: Sequence[Deviation], results: Path, jobs: int) -> None:
    """Run deviations, each in a process of its own, and append what came of each to a file."""
    context = multiprocessing.get_context("fork")
    waiting = list(deviations)
    under_way: dict[Any, tuple[Deviation, Any, float]] = {}
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                deviation = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(deviation, theirs))
                process.start()
                theirs.close()
                under_way[ours] = deviation, process, time.monotonic()
            ready = set(wait(list(under_way), timeout=1.0))
            for pipe, (deviation, process, began) in list(under_way.items()):
                if pipe not in ready and time.monotonic() - began < LONGEST:
                    continue
                result = {"name": deviation.name, "actor": deviation.actor, "kind": deviation.kind, "error": "took too long"}
                if pipe in ready:
                    with suppress(EOFError):
                        result = pipe.recv()
                process.kill()
                process.join()
                del under_way[pipe]
                file.write(json.dumps(result) + "\n")
                file.flush()
                left = len(waiting) + len(under_way)
                mark = result.get("error", "")[-60:] or (result["own"] or f"not found; {result['others']}")
                print(f"{left} left: {deviation.kind} {deviation.name}: {str(mark)[:150]}", flush=True)


def read(results: Path) -> dict[str, dict[str, Any]]:
    """Return what came of each deviation, by name; the last time, if it was run again."""
    if not results.exists():
        return {}
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {one["name"]: one for one in lines}


def show(results: Path) -> int:
    """Print the shares, and the names of what was not found; return how many false alarms there are."""
    known = {**DEFECTS, **VARIATIONS}
    found = {name: one for name, one in read(results).items() if name in known}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    alarms = 0
    for name, one in sorted(found.items()):
        if one["kind"] == "variation":
            wrong = one.get("error") or [*one.get("others", ()), *one.get("blamed", ())]
            counts[one["actor"]]["variations"] += 1
            if wrong:
                alarms += 1
                print(f"VARIATION {name}: {wrong} {json.dumps(one.get('why', ''))[:600]}")
        else:
            counts[one["actor"]]["defects"] += 1
            counts[one["actor"]]["found"] += bool(one.get("own"))
            counts[one["actor"]]["by another requirement"] += bool(not one.get("own") and one.get("others"))
            if not one.get("own"):
                print(f"not found: {name} ({one['actor']}) {one.get('error', '')[-200:]} others {one.get('others')}")
            if one.get("blamed"):
                print(
                    f"blames others: {name}: {one['blamed']} { {k: v for k, v in one['why'].items() if k in one['blamed']} }"[:600]
                )
    for actor, its in counts.items():
        share = 100 * its["found"] / its["defects"] if its["defects"] else 0.0
        print(f"{actor}: {share:.1f} % of {its['defects']} defects; {dict(its)}")
    return alarms


def main() -> int:
    """Run as a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", action="append", default=[], help="a name; repeat")
    parser.add_argument("--actor", action="append", default=[], choices=["TMS", "OST", "TDD", "watcher"])
    parser.add_argument("--kind", choices=["defect", "variation"])
    parser.add_argument("--transaction", help="of the first requirement of a defect")
    parser.add_argument("--every", type=int, default=1, help="take each n-th only")
    parser.add_argument("--again", action="store_true", help="also what was run already")
    parser.add_argument("--missed", action="store_true", help="only what was run and not found")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--keep", type=Path, help="keep the record of the one deviation in this folder")
    given = parser.parse_args()
    if given.show:
        return 1 if show(given.results) else 0
    chosen: list[Deviation] = [one for one in (*DEFECTS.values(), *VARIATIONS.values()) if one.own is None]
    chosen = [one for one in chosen if not given.actor or one.actor in given.actor]
    chosen = [one for one in chosen if not given.kind or one.kind == given.kind]
    chosen = [one for one in chosen if not given.only or one.name in given.only]
    if given.transaction:
        chosen = [
            one
            for one in chosen
            if any(CATALOGUE[r].transaction == given.transaction for r in getattr(one, "requirements", ())[:1])
        ]
    chosen = chosen[:: given.every]
    done = read(given.results)
    if given.missed:
        chosen = [one for one in chosen if one.name in done and not done[one.name].get("own")]
    elif not given.again:
        chosen = [one for one in chosen if one.name not in done]
    if given.keep is not None:
        for one in chosen:
            given.keep.mkdir(parents=True, exist_ok=True)
            print(json.dumps(run(one, given.keep), indent=1))
        return 0
    run_all(chosen, given.results, given.jobs)
    return 1 if show(given.results) else 0


if __name__ == "__main__":
    sys.exit(main())

"""A partner with defects or variations at work with conformant ones, recorded by the proxy, and what is judged of it."""

from __future__ import annotations

import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tdwii_conformance.defects import Deviation, install
from tdwii_conformance.dimse import Peer, Timeouts
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.session.scenarios import perform_treatment, perform_watch
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.simulators.watcher import WatcherSimulator
from tdwii_conformance.sut.config import Caller, Listener, PartnerSettings
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.witness.answering import judge_all, judge_answering
from tdwii_conformance.witness.judging import witness
from tdwii_conformance.witness.proxy import Listener as Behind
from tdwii_conformance.witness.proxy import Proxy
from tdwii_conformance.witness.records import read_record

from ..proof.conditions import conditions

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "witness"))
import busy_table
import recorded_table

busy_table.TIMEOUTS = Timeouts(connect=5, association=3, message=3, network=20)
CATALOGUE = load_catalogue()
LONGEST = 120.0  # seconds for one part
PATIENCE = 15.0  # seconds in which TMS and OST release their associations with a caller that is to stop
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
USUAL_SCENARIOS = ("new-completed", "continuation-canceled-after", "new-canceled-before")
# A TMS that refuses an N-SET is none that conforms: only for the defect that it shows.
TOGETHER = (*USUAL_SCENARIOS, *(f"inject-{one}" for one in ("claim-refused", "cancel-request", "move-fails", "empty-worklist",
            "two-workitems")))  # fmt: skip


Group = Sequence[Deviation]


def parts_of(deviation: Deviation) -> tuple[str, ...]:
    """Return the parts of a busy day, or the scenarios of a TDD, that show a deviation; the first is tried first."""
    if deviation.actor in ("TMS", "OST"):
        if deviation.kind == "variation":
            return tuple(busy_table.PARTS)
        its = [CATALOGUE[one].transaction for one in deviation.requirements]  # type: ignore[attr-defined]
        return tuple(dict.fromkeys(part for one in its for part in OF.get(one, USUAL)))
    if deviation.actor == "watcher":
        return ("watch",)
    if deviation.kind == "variation":
        return ("together",)
    shown = conditions(deviation).scenario.replace("_", "-")
    return (shown, *(name for name in (*USUAL_SCENARIOS, "inject-cancel-request") if name != shown))


def records(group: Group, folder: Path) -> Iterator[Path]:
    """Yield a record for each part that shows a group."""
    if group[0].actor in ("TMS", "OST"):
        yield from of_answering(group, folder)
    else:
        yield from of_calling(group, folder)


def of_answering(group: Group, folder: Path) -> Iterator[Path]:
    """Yield a record for each part of a busy day with a TMS or OST that deviates."""

    def prepare(tms: Any, ost: Any) -> None:
        for title, system in (("TMS", tms), ("OST", ost)):
            install(system, [one for one in group if one.actor == title])

    for part in dict.fromkeys(part for one in group for part in parts_of(one)):
        path = folder / f"{part}.jsonl"
        with suppress(Exception), busy_table.busy_table(path, prepare) as table, _at_most(LONGEST):
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


def of_calling(group: Group, folder: Path) -> Iterator[Path]:
    """Yield a record of each treatment, or of the watch, of a caller that deviates."""
    for part in parts_of(group[0]):
        path = folder / f"{part}.jsonl"
        with suppress(Exception), _at_most(LONGEST):
            _calling(group, part, path)
        yield path


def _calling(group: Group, part: str, path: Path) -> None:
    plan = PartnerSettings(Listener("TMS", "127.0.0.1", 0), Listener("OST", "127.0.0.1", 0))
    title = "TDD" if group[0].actor == "TDD" else "PPVS"
    at, systems = recorded_table.free_port(), {}
    systems[title] = Peer(title, "127.0.0.1", at)
    edition = conditions(group[0]).edition
    with ExitStack() as stack:
        seen = path.parent / f"{part} seen"
        partners = Partners(plan, systems, seen, timeouts=BRIEF, station=recorded_table.STATION, edition=edition)
        stack.enter_context(partners)
        behind = [Behind(0, one.peer.ae_title, "127.0.0.1", one.peer.port) for one in (partners.tms, partners.ost)]
        writing = recorded_table.Writing(path)
        stack.callback(writing.writer.close)
        proxy = stack.enter_context(Proxy([*behind, Behind(0, title, "127.0.0.1", at)], [writing]))
        tms, ost = (Peer(name, "127.0.0.1", port) for name, port in zip(("TMS", "OST"), proxy.ports, strict=False))
        systems[title] = Peer(title, "127.0.0.1", proxy.ports[2])
        if title == "TDD":
            tdd = TDDSimulator(tms, ost, "TDD", port=at, station=recorded_table.STATION, edition=edition, watch=True, timeouts=BRIEF,
                               patience=PATIENCE)  # fmt: skip
            install(tdd, group)
            stack.enter_context(tdd)
            for one in TOGETHER if part == "together" else (part,):
                _treat(partners, tdd, one)
        else:
            watcher = WatcherSimulator(tms, title, port=at, lock=True, fetch_from=[tms, ost], timeouts=BRIEF, patience=PATIENCE)
            install(watcher, group)
            stack.enter_context(watcher)
            caller = Caller(systems[title], step_timeout=4.0, settle=1.0, supports=frozenset({"fetch-inputs"}))
            perform_watch(partners, caller, _Watching(watcher), lambda title: NoDisplay())


def _treat(partners: Partners, tdd: TDDSimulator, part: str) -> None:
    caller = Caller(partners.systems["TDD"], step_timeout=4.0, settle=1.0)
    inject = part.removeprefix("inject-") if part.startswith("inject-") else ""
    scenario = SCENARIOS[0] if inject else next(one for one in SCENARIOS if str(one) == part)
    tdd.end = "completed" if inject else part.partition("-")[2]  # type: ignore[assignment]
    perform_treatment(partners, caller, _Treating(tdd), scenario, lambda title: NoDisplay(), inject=inject)


class _Treating:
    """Makes the TDD of this process treat."""

    def __init__(self, tdd: TDDSimulator) -> None:
        self.tdd = tdd

    def begin(self, session: Any, facts: Any) -> None:
        session.definite = True
        self.thread = threading.Thread(target=self._perform, args=(session,), daemon=True)
        self.thread.start()

    def _perform(self, session: Any) -> None:
        try:
            self.tdd.perform()
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


def judged(path: Path, group: Group) -> dict[str, list[str]]:
    """Return the requirements that are not met, each with its findings in short.

    The callers of the busy table ask what no conformant one would, so only those who answer are judged there. At a session,
    the partners' own users change workitems, whom nobody sees.
    """
    edition = conditions(group[0]).edition
    varies = group[0].kind == "variation"
    seen = witness(read_record(path), edition=edition)
    verdicts = []
    if group[0].actor in ("TMS", "OST"):
        # It is the harder test for a variation that more is judged.
        verdicts += judge_answering(seen, CATALOGUE, edition=edition, complete=True)
        if varies:
            verdicts += judge_answering(seen, CATALOGUE, edition=edition, complete=False)
    else:
        verdicts += judge_all(seen, CATALOGUE, edition=edition)
    # A warning is no false alarm: the proof of the suite counts alike.
    bad = [one for one in verdicts if one.verdict == "failed" or (one.verdict == "warned" and not varies)]
    why: dict[str, list[str]] = defaultdict(list)
    for one in bad:
        why[one.requirement] += [f"{f['expected']} | {f['received']} | {f['path']}"[:300] for f in one.findings]
    return why

"""``make proof``: runs every defect and variation in full, and writes what was found as a page and in numbers.

Each group of defects (see `proof.groups`) is run against all tests of the modules that have the tests of what it violates,
and against every twentieth test of all other modules but the random ones, or all with ``--everywhere``: another twentieth
for each group. Variations are run against all tests of every module (of a TDD: of a scenario to each end, and a sample).
Results are kept in ``report/proof.jsonl``, so that a run that was interrupted goes on; a change of the sources makes them
void, but for what defects are said to violate: that is compared with them when the page is written.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import json
import logging
import os
import re
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from jinja2 import Environment, FileSystemLoader

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.simulators.defects import DEFECTS, VARIATIONS, Defect, Deviation, Variation
from tdwii_conformance.simulators.defects.also import SPOILED

from . import proof, running


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what has not been run, write page and numbers, and return 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.defects", description=__doc__.splitlines()[0])
    parser.add_argument("--everywhere", action="store_true", help="run all tests of every module against every defect: many hours")
    parser.add_argument("--only", default="", metavar="TEXT", help="only groups with a name that holds this")
    # Half of their time they wait for event reports.
    parser.add_argument("--processes", type=int, default=2 * (os.cpu_count() or 1), help="default: two for each processor")
    parser.add_argument("--folder", type=Path, default=Path("report"), help="where the page goes (default: %(default)s)")
    parser.add_argument("--numbers", type=Path, default=Path("docs/proof.md"), help="where the numbers go (default: %(default)s)")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    everything = [*proof.groups(DEFECTS.values()), *proof.variation_groups(VARIATIONS.values())]
    named = [group for group in everything if given.only in " ".join(one.name for one in group)]
    every = 1 if given.everywhere else ELSEWHERE
    chosen = [*map(Run.of, named), *(Run.elsewhere(group, every) for group in named if proof.elsewhere(group))]
    results = _results(chosen, given.folder / "proof.jsonl", given.processes)
    judged = [Judged(run, results[run]) for run in chosen]
    numbers = _numbers(judged)
    _write_page(given.folder / "proof.html", judged, numbers)
    if not given.only:
        given.numbers.write_text(_text(numbers), encoding="utf-8")
        given.numbers.with_name(f"{given.numbers.stem}-matrix.md").write_text(_matrix(judged), encoding="utf-8")
    problems = [problem for one in judged for problem in one.problems]
    print(
        "\n".join([*problems, "", *(f"{name}: {value}" for name, value in numbers.items()), f"page: {given.folder / 'proof.html'}"])
    )
    return 1 if problems else 0


RUNS_OF_A_PROCESS = 12
ELSEWHERE = 20  # of the tests of modules that a defect does not concern, every 20th is run


@dataclass(frozen=True)
class Run:
    """What is run: deviations, by name, and the modules against them. Nothing of what is expected, which is no part of a run.

    Of modules that the deviations do not concern it is every n-th test: ``every``, which is 0 for those that they concern.
    """

    names: tuple[str, ...]
    modules: tuple[str, ...]
    every: int = 0

    @classmethod
    def of(cls, group: Sequence[Deviation]) -> Run:
        """Return the run of a group with the modules that it concerns."""
        return cls(tuple(sorted(one.name for one in group)), tuple(proof.against(group)))

    @classmethod
    def elsewhere(cls, group: Sequence[Deviation], every: int) -> Run:
        """Return the run of a group with the modules that it does not concern."""
        return cls(tuple(sorted(one.name for one in group)), tuple(proof.elsewhere(group)), every)

    @property
    def title(self) -> str:
        """What it is called while it is run."""
        return proof.title(self.group) + (", elsewhere" if self.every else "")

    @property
    def group(self) -> list[Deviation]:
        """The deviations."""
        return [DEFECTS.get(name) or VARIATIONS[name] for name in self.names]


@dataclass(frozen=True)
class Judged:
    """What was found, beside what is expected now."""

    run: Run
    result: Mapping[str, Any]

    @cached_property
    def problems(self) -> list[str]:
        """What is not as it should be."""
        outcome = running.Outcome(**{name: self.result[name] for name in ("violated", "findings", "not_judged", "errors", "tests")})
        if self.of_defects:
            judge = proof.strays if self.run.every else proof.problems
            return judge([one for one in self.run.group if isinstance(one, Defect)], outcome)
        return proof.false_alarms([one for one in self.run.group if isinstance(one, Variation)], outcome)

    @property
    def detected(self) -> list[str]:
        """The defects that the tests of a requirement they name found."""
        violated = self.result["violated"]
        return [
            name
            for name in self.run.names
            if any(r in violated and proof.shows(DEFECTS[name], r, violated[r]) for r in DEFECTS[name].requirements)
        ]

    @property
    def of_defects(self) -> bool:
        """Whether it is of defects: no run is of defects and variations."""
        return self.run.names[0] in DEFECTS


def _results(chosen: Sequence[Run], kept: Path, processes: int) -> dict[Run, dict[str, Any]]:
    """Return a result for each run: from the file, if it is of these sources, or made and written there."""
    sources = {run: _sources(run) for run in chosen}
    results, seconds = {}, {}
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ():
        result = json.loads(line)
        run = Run(tuple(result["names"]), tuple(result["modules"]), result.get("every", 0))
        seconds[run] = result["seconds"]
        if sources.get(run) == result["sources"]:
            results[run] = result
    # The longest first, as far as they are known: no process shall begin one when the others are done.
    todo = sorted((run for run in chosen if run not in results), key=lambda run: (run.every, -seconds.get(run, len(run.modules))))
    print(f"{len(chosen)} runs, {len(todo)} to be made", flush=True)
    with kept.open("a", encoding="utf-8") as file:
        for number, (run, result) in enumerate(_made(todo, processes), 1):
            results[run] = result | {"sources": sources[run]}
            file.write(json.dumps(results[run]) + "\n")
            file.flush()
            problems = Judged(run, results[run]).problems
            wrong = f": {len(problems)} problem(s)" if problems else ""
            print(f"{number}/{len(todo)} {run.title}, {results[run]['seconds']:.0f} s{wrong}", flush=True)
    return results


def _made(todo: Sequence[Run], processes: int) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Yield runs with their results, as they come, each made in one of some processes."""
    with ExitStack() as stack, ThreadPoolExecutor(processes) as hands:
        workers: SimpleQueue[_Process] = SimpleQueue()
        for _ in range(processes):
            workers.put(stack.enter_context(_Process()))

        def in_a_process(run: Run) -> dict[str, Any]:
            worker = workers.get()
            try:
                return worker.make(run)
            finally:
                workers.put(worker)

        under_way = {hands.submit(in_a_process, run): run for run in todo}
        for future in as_completed(under_way):
            yield under_way[future], future.result()


class _Process:
    """A process that makes runs. It grows with each, and slows down: after some it makes room for another.

    An executor with ``max_tasks_per_child`` is for that, but the one of Python 3.11 can wait for ever when its processes
    have ended (CPython gh-115634).
    """

    def __init__(self) -> None:
        self._made, self._executor = 0, self._new()

    @staticmethod
    def _new() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, get_context("forkserver"))

    def make(self, run: Run) -> dict[str, Any]:
        if self._made == RUNS_OF_A_PROCESS:
            self._executor.shutdown()
            self._made, self._executor = 0, self._new()
        self._made += 1
        return self._executor.submit(_make, run).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()


def _make(run: Run) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    began, cpu = time.monotonic(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        # Another part of the tests for each group.
        first = zlib.crc32(run.names[0].encode()) % run.every if run.every else 0
        outcome = running.run(run.modules, run.names, sample=run.every or 1, first=first, edition=proof.edition(run.group))
        proof.untangle(run.group, outcome, detected=not run.every)
    return {
        "names": run.names, "modules": run.modules, "every": run.every, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu,
        "violated": outcome.violated, "findings": outcome.findings, "not_judged": outcome.not_judged, "errors": outcome.errors, "tests": outcome.tests,
    }  # fmt: skip


# --- what can change the outcome of a run ----------------------------------------------------------------------------


def _sources(run: Run) -> str:
    """Return a digest of what can change the outcome of a run: the package, the shared part of the tests, the modules run.

    Of the defects it is what they do. What they are said to violate is compared with the outcome afterwards, so naming a
    requirement leaves results valid; so do comments and, in the catalogue, reasons to have no defect.
    """
    callers = any(module.startswith(("tdd/", "watcher/")) for module in run.modules)
    digest = hashlib.sha256(_shared_sources(callers=callers).encode())
    for module in run.modules:
        digest.update(_said(running.ROOT / running.CONFORMANCE / module).encode())
    return digest.hexdigest()[:16]


# What TMS and OST are neither judged by nor made of.
OF_CALLERS = (
    "checks/scu/",
    *(f"simulators/defects/{name}.py" for name in ("calling", "performing", "treating", "varying", "watching")),
)


@cache
def _shared_sources(*, callers: bool) -> str:
    package, tests = running.ROOT / "tdwii_conformance", running.ROOT / running.CONFORMANCE
    found = [path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".toml", ".csv")]
    found = [path for path in found if path.relative_to(package).parts[0] not in ("cli", "report") and path.name != "also.py"]
    if not callers:
        found = [path for path in found if not path.relative_to(package).as_posix().startswith(OF_CALLERS)]
    found += [path for path in sorted(tests.rglob("*.py")) if not path.name.startswith("test_")]
    return hashlib.sha256("".join(map(_said, [*found, running.ROOT / "tests/defects/running.py"])).encode()).hexdigest()


@cache
def _said(path: Path) -> str:
    """Return the text of a source without what changes no outcome."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        return re.sub(r"(?m)^no_defect = .*\n", "", text)
    if path.suffix != ".py":
        return text
    said = ast.unparse(ast.parse(text))  # no comments
    return re.sub(REQUIREMENT_ID, "", said) if path.parent.name == "defects" else said


REQUIREMENT_ID = r"'[A-Z]+[0-9]*-(TMS|OST|TDD|WATCHER)-[0-9]+'(, ?)?"


# --- the page and the numbers -----------------------------------------------------------------------------------------


def _numbers(judged: Sequence[Judged]) -> dict[str, str]:
    own = [one for one in judged if one.of_defects and not one.run.every]
    elsewhere = [one for one in judged if one.of_defects and one.run.every]
    varied = [one for one in judged if not one.of_defects]
    by_requirement = _by_requirement(judged)
    actors = {deviation.actor for one in own for deviation in one.run.group}
    shall = [r for r in load_catalogue().values() if r.level == "shall" and r.actor in actors]
    return {
        "requirements (shall)": str(len(shall)),
        "of these with a defect that is detected": str(len([r for r in shall if any(s for _, s in by_requirement.get(r.id, []))])),
        "of these that cannot have one": str(len([r for r in shall if r.no_defect])),
        "defects": str(sum(len(one.run.names) for one in own)),
        "of these detected": str(sum(len(one.detected) for one in own)),
        "runs of defects, with all tests of the modules concerned": str(len(own)),
        "of these not exact": str(len([one for one in own if one.problems])),
        "runs of defects, with a sample of the tests of all other modules": str(len(elsewhere)),
        "tests of these modules for one that is run": ", ".join(map(str, sorted({one.run.every for one in elsewhere}))) or "none",
        "of these runs with a failure that is not named": str(len([one for one in elsewhere if one.problems])),
        "variations": str(sum(len(one.run.names) for one in varied if not one.run.every)),
        "runs of variations": str(len(varied)),
        "of these with a false alarm": str(len([one for one in varied if one.problems])),
        "tests run": f"{sum(one.result['tests'] for one in judged):,}",
        "processor time": f"{sum(one.result['cpu'] for one in judged) / 60:.0f} min",
    }  # fmt: skip


def _write_page(path: Path, judged: Sequence[Judged], numbers: dict[str, str]) -> None:
    catalogue = load_catalogue()
    by_requirement = _by_requirement(judged)
    alarms: dict[str, list[str]] = defaultdict(list)
    for one in judged:
        for name in () if one.of_defects else one.run.names:
            alarms[name] += one.problems
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("proof.html.j2").render(
        numbers=numbers,
        requirements=[(r, by_requirement.get(r.id, [])) for r in catalogue.values() if r.level != "may"],
        variations=[VARIATIONS[name] for name in alarms],
        alarms=alarms,
        problems=[problem for one in judged for problem in one.problems],
        spoiled=SPOILED,
    )
    path.write_text(page, encoding="utf-8")


def _by_requirement(judged: Sequence[Judged]) -> dict[str, list[tuple[Defect, bool]]]:
    """Return, for each requirement, the defects that name it, and whether its tests failed with them."""
    found: dict[str, list[tuple[Defect, bool]]] = defaultdict(list)
    for one in judged:
        for name in one.run.names if one.of_defects and not one.run.every else ():
            for requirement in DEFECTS[name].requirements:
                found[requirement].append((DEFECTS[name], requirement in one.result["violated"]))
    return found


MOST_NAMED = 6  # defects of a requirement in the matrix; the page has all


def _matrix(judged: Sequence[Judged]) -> str:
    """Return requirement by requirement which defects were detected by its tests, as Markdown."""
    by_requirement = _by_requirement(judged)
    lines = []
    for requirement in load_catalogue().values():
        if requirement.level == "may" or not (requirement.id in by_requirement or requirement.no_defect):
            continue
        seen = [defect.name for defect, found in by_requirement.get(requirement.id, []) if found]
        missed = [defect.name for defect, found in by_requirement.get(requirement.id, []) if not found]
        names = [f"`{name}`" for name in seen[:MOST_NAMED]] + ([f"{len(seen) - MOST_NAMED} more"] if len(seen) > MOST_NAMED else [])
        names += [f"**not** `{name}`" for name in missed]
        lines.append(f"| {requirement.id} | {len(seen)} | {', '.join(names) or f'none: {requirement.no_defect}'} |")
    return (
        "# Which defects the tests of a requirement detect\n\nWritten by `make proof`, with [the numbers](proof.md);"
        " `report/proof.html` has it with all names and sentences.\n\n| requirement | detected | defects |\n|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def _text(numbers: dict[str, str]) -> str:
    rows = "\n".join(f"| {name} | {value} |" for name, value in numbers.items())
    shapes = Counter(defect.actor for defect in DEFECTS.values())
    actors = ", ".join(f"{count} of the {actor}" for actor, count in shapes.items())
    return (
        "# The proof in numbers\n\nWritten by `make proof`; what the words mean is in [defects.md](defects.md).\n\n"
        f"| | |\n|---|---|\n{rows}\n\nDefects by actor: {actors}.\n"
    )

"""``make proof``: runs every defect and variation in full, and writes what was found as a page and in numbers.

Each group of defects (see `proof.groups`) is run against all tests of the modules that have the tests of what it violates,
each pack of defects (see `proof.packs`) against all tests of all other modules but the random ones. Variations are run
against all tests of every module.
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
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, cached_property
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from jinja2 import Environment, FileSystemLoader

from tdwii_conformance.defects import DEFECTS, VARIATIONS, Defect, Deviation, Variation
from tdwii_conformance.profile import load_catalogue

from . import proof, running


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what has not been run, write page and numbers, and return 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="only groups and packs with a name that holds this")
    # Half of their time they wait for event reports.
    parser.add_argument("--processes", type=int, default=2 * (os.cpu_count() or 1), help="default: two for each processor")
    parser.add_argument("--folder", type=Path, default=Path("report"), help="where the page goes (default: %(default)s)")
    parser.add_argument("--numbers", type=Path, default=Path("docs/proof.md"), help="where the numbers go (default: %(default)s)")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    chosen = [run for run in runs() if given.only in " ".join(run.names)]
    found = results(chosen, given.folder / "proof.jsonl", given.processes)
    judged = [Judged(run, found[run]) for run in found]
    numbers = _numbers(judged)
    _write_page(given.folder / "proof.html", judged, numbers)
    if not given.only:
        given.numbers.write_text(_text(numbers, _commit()), encoding="utf-8")
        given.numbers.with_name(f"{given.numbers.stem}-matrix.md").write_text(_matrix(judged), encoding="utf-8")
    problems = [problem for one in judged for problem in one.problems]
    print(
        "\n".join([*problems, "", *(f"{name}: {value}" for name, value in numbers.items()), f"page: {given.folder / 'proof.html'}"])
    )
    return 1 if problems else 0


@dataclass(frozen=True)
class Run:
    """What is run: deviations, by name, and the modules against them. Nothing of what is expected, which is no part of a run.

    ``elsewhere`` says that the modules are those that the deviations do not concern. Without a deviation it shows what the
    tests say of the conformant simulators.
    """

    names: tuple[str, ...]
    modules: tuple[str, ...]
    edition: str = "ti"
    elsewhere: bool = False

    @property
    def title(self) -> str:
        """What it is called while it is run."""
        return (proof.title(self.group) if self.names else f"conformant, {self.edition}") + (
            ", elsewhere" if self.elsewhere else ""
        )

    @property
    def group(self) -> list[Deviation]:
        """The deviations."""
        return [DEFECTS.get(name) or VARIATIONS[name] for name in self.names]

    @property
    def parts(self) -> list[Run]:
        """What is kept of it apart: elsewhere, and of variations, what was found in each module."""
        apart = self.elsewhere or (self.names and self.names[0] in VARIATIONS)
        return [replace(self, modules=(module,)) for module in self.modules] if apart else [self]

    @property
    def conformant(self) -> Run:
        """The run without deviations that shows which tests can be judged at all."""
        return Run((), tuple(sorted(proof.visible(self.group))), self.edition)


def runs() -> list[Run]:
    """Return all runs of defects and of variations."""

    def of(group: Sequence[Deviation], modules: Iterable[str], *, elsewhere: bool = False) -> Run:
        return Run(tuple(sorted(one.name for one in group)), tuple(sorted(modules)), proof.edition(group), elsewhere)

    defects, variations = DEFECTS.values(), VARIATIONS.values()
    return [
        *(of(group, proof.against(group)) for group in proof.groups(defects)),
        *(of(group, where, elsewhere=True) for pack in proof.packs(defects) for group, where in proof.elsewhere(pack)),
        *(of(group, proof.visible(group)) for group in proof.variation_groups(variations)),
    ]


@dataclass(frozen=True)
class Judged:
    """What was found, beside what is expected now."""

    run: Run
    result: Mapping[str, Any]

    @cached_property
    def problems(self) -> list[str]:
        """What is not as it should be."""
        tally = running.Tally(**{name: self.result[name] for name in KEPT})
        if self.run.elsewhere:
            return proof.strays(tally)
        if self.of_defects:
            return proof.problems([one for one in self.run.group if isinstance(one, Defect)], tally)
        return proof.false_alarms([one for one in self.run.group if isinstance(one, Variation)], tally)

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
        return bool(self.run.names) and self.run.names[0] in DEFECTS


KEPT = ("violated", "by", "findings", "not_judged", "errors", "tests", "tests_of")  # of a tally


def results(chosen: Sequence[Run], kept: Path, processes: int) -> dict[Run, dict[str, Any]]:
    """Return a result for each run: from the file, if it is of these sources, or made and written there.

    What is run elsewhere is kept module by module, and so are variations: a change of one leaves what was found in the others valid.
    """
    needed = {run.conformant for run in chosen if run.elsewhere}
    conformant = results(sorted(needed, key=repr), kept, processes) if needed else {}
    now = {part: sources(part) for run in chosen for part in run.parts}
    found, seconds = {}, {}
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ():
        result = json.loads(line)
        part = Run(tuple(result["names"]), tuple(result["modules"]), result["edition"], result["elsewhere"])
        seconds[part] = result["seconds"]
        if now.get(part) == result["sources"]:
            found[part] = result

    def lasts(run: Run) -> float:
        return sum(seconds.get(part, len(part.modules)) for part in run.parts)

    lacking = [[part for part in run.parts if part not in found] for run in chosen]
    todo = [replace(parts[0], modules=tuple(module for part in parts for module in part.modules)) for parts in lacking if parts]
    # The longest first, as far as they are known: no process shall begin one when the others are done.
    todo.sort(key=lambda run: (run.elsewhere, -lasts(run)))
    print(f"{len(chosen)} runs, {len(todo)} to be made", flush=True)
    with kept.open("a", encoding="utf-8") as file:
        # Beside each run is what the tests say of the conformant simulators, if it is one elsewhere.
        given = {run: (run, conformant[run.conformant]["verdicts"] if run.elsewhere else {}) for run in todo}
        for number, (run, result) in enumerate(in_processes(_make, given, processes), 1):
            for part in run.parts:
                found[part] = _part(result, part) | {"sources": now[part]}
                file.write(json.dumps(found[part]) + "\n")
            file.flush()
            problems = Judged(run, result).problems
            wrong = f": {len(problems)} problem(s)" if problems else ""
            print(f"{number}/{len(todo)} {run.title}, {result['seconds']:.0f} s{wrong}", flush=True)
    return conformant | {run: _together([found[part] for part in run.parts]) for run in chosen}


def _part(result: dict[str, Any], part: Run) -> dict[str, Any]:
    """Return what a result says of a part of its run."""
    if tuple(result["modules"]) == part.modules:
        return result
    (module,) = part.modules

    def own(known: Mapping[str, Any]) -> dict[str, Any]:
        return {test: said for test, said in known.items() if proof.module_of(test) == module}

    violated = {
        requirement: [test for test in tests if proof.module_of(test) == module]
        for requirement, tests in result["violated"].items()
    }
    number = result["tests_of"].get(module, 0)
    share = number / result["tests"] if result["tests"] else 0.0
    return result | {
        "modules": part.modules, "tests": number, "seconds": result["seconds"] * share, "cpu": result["cpu"] * share,
        "violated": {requirement: tests for requirement, tests in violated.items() if tests},
        "by": own(result["by"]), "findings": own(result["findings"]),
        "errors": [error for error in result["errors"] if proof.module_of(error) == module],
    }  # fmt: skip


def _together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a run from those of its parts."""
    whole = dict(parts[0])
    for part in parts[1:]:
        for name, said in part["violated"].items():
            whole["violated"] = whole["violated"] | {name: [*whole["violated"].get(name, []), *said]}
        for name in ("by", "findings"):
            whole[name] = whole[name] | part[name]
        for name in ("errors", "tests", "seconds", "cpu"):
            whole[name] = whole[name] + part[name]
    return whole


Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


def in_processes(
    work: Callable[..., Made], todo: Mapping[Key, tuple[Any, ...]], processes: int, runs: int = 12
) -> Iterator[tuple[Key, Made]]:
    """Yield what comes of some work, as it comes, each piece of it made in one of some processes.

    Parameters
    ----------
    work : callable
        What is to be done: a function of a module.
    todo : mapping
        What it is called with, by a key for each piece.
    processes : int
        How many at once.
    runs : int, optional
        How many pieces a process makes before another takes its place: it grows with each, and slows down.

    Yields
    ------
    tuple
        The key, and what the work returned.
    """
    with ExitStack() as stack, ThreadPoolExecutor(processes) as hands:
        workers: SimpleQueue[_Process] = SimpleQueue()
        for _ in range(processes):
            workers.put(stack.enter_context(_Process(runs)))

        def in_a_process(given: tuple[Any, ...]) -> Made:
            worker = workers.get()
            try:
                return worker.make(work, *given)
            finally:
                workers.put(worker)

        under_way = {hands.submit(in_a_process, given): key for key, given in todo.items()}
        try:
            for future in as_completed(under_way):
                yield under_way[future], future.result()
        finally:
            hands.shutdown(wait=False, cancel_futures=True)  # who interrupts it waits for the runs that were begun only


class _Process:
    """A process that makes runs; after some it makes room for another.

    An executor with ``max_tasks_per_child`` is for that, but the one of Python 3.11 can wait for ever when its processes
    have ended (CPython gh-115634).
    """

    def __init__(self, runs: int) -> None:
        self._runs, self._made, self._executor = runs, 0, self._new()

    @staticmethod
    def _new() -> ProcessPoolExecutor:
        context = get_context("forkserver")
        context.set_forkserver_preload(["tests.proof.preloaded"])  # else each reads the catalogue anew, seconds long
        return ProcessPoolExecutor(1, context)

    def make(self, work: Callable[..., Made], *given: Any) -> Made:
        if self._made == self._runs:
            self._executor.shutdown()
            self._made, self._executor = 0, self._new()
        self._made += 1
        return self._executor.submit(work, *given).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing is printed, and nothing logged."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _make(run: Run, conformant: Mapping[str, str]) -> dict[str, Any]:
    began, cpu = time.monotonic(), time.process_time()
    with silence():
        if run.elsewhere:
            tally = proof.meet([DEFECTS[name] for name in run.names], run.modules, conformant)
        else:
            tally = running.run(run.modules, run.names, edition=run.edition)
            proof.untangle(run.group, tally)
    return {
        "names": run.names, "modules": run.modules, "edition": run.edition, "elsewhere": run.elsewhere,
        "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu,
        **{name: getattr(tally, name) for name in KEPT},
    } | ({} if run.names else {"verdicts": tally.verdicts})  # fmt: skip


# --- what can change the outcome of a run ----------------------------------------------------------------------------


def sources(run: Run) -> str:
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
    *(
        f"defects/{name}.py"
        for name in ("calling", "performing", "treating", "treating_delivery", "treating_inputs", "varying", "watching")
    ),
)


# What no conformance test is judged by: the command line, reports, what judges what others recorded, load, and a table to read.
APART = ("cli/", "report/", "load/", "witness/", "checks/scp/", "profile/clauses/", "profile/clause_table.py")


@cache
def _shared_sources(*, callers: bool) -> str:
    package, tests = running.ROOT / "tdwii_conformance", running.ROOT / running.CONFORMANCE
    found = [path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".toml", ".csv")]
    apart = APART if callers else (*APART, *OF_CALLERS)
    found = [path for path in found if not path.relative_to(package).as_posix().startswith(apart) and path.stem != "knock_on"]
    found += [path for path in sorted(tests.rglob("*.py")) if not path.name.startswith("test_")]
    return hashlib.sha256("".join(map(_said, [*found, running.ROOT / "tests/proof/running.py"])).encode()).hexdigest()


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
    own = [one for one in judged if one.of_defects and not one.run.elsewhere]
    elsewhere = [one for one in judged if one.run.elsewhere]
    varied = [one for one in judged if one.run.names and not one.of_defects]
    alone = {
        (name, requirement)
        for one in elsewhere
        for requirement, tests in one.result["violated"].items()
        for test in tests
        for name in one.result["by"][test]
    }
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
        "runs of defects, with all tests of all other modules": str(len(elsewhere)),
        "of these with a failure that is not named": str(len([one for one in elsewhere if one.problems])),
        "pairs of a defect and a requirement that fails there, all named": str(len(alone)),
        "variations": str(sum(len(one.run.names) for one in varied)),
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
    )
    path.write_text(page, encoding="utf-8")


def _by_requirement(judged: Sequence[Judged]) -> dict[str, list[tuple[Defect, bool]]]:
    """Return, for each requirement, the defects that name it, and whether its tests failed with them."""
    found: dict[str, list[tuple[Defect, bool]]] = defaultdict(list)
    for one in judged:
        for name in one.run.names if one.of_defects and not one.run.elsewhere else ():
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


def _commit() -> str:
    """Return the commit that was proven, with a word where something is not committed; a word alone outside of a checkout."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    told = subprocess.run(
        [git, "describe", "--always", "--dirty=-changed", "--exclude=*"],
        cwd=running.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _text(numbers: dict[str, str], commit: str) -> str:
    rows = "\n".join(f"| {name} | {value} |" for name, value in numbers.items())
    shapes = Counter(defect.actor for defect in DEFECTS.values())
    actors = ", ".join(f"{count} of the {actor}" for actor, count in shapes.items())
    return (
        f"# The proof in numbers\n\nWritten by `make proof`, of commit {commit}; what the words mean is in [defects.md](defects.md)."
        " Defects and variations that came later are not in it.\n\n"
        f"| | |\n|---|---|\n{rows}\n\nDefects by actor: {actors}.\n"
    )

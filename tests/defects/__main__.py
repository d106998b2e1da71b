"""``make proof``: runs every defect and variation in full, and writes what was found as a page and in numbers.

Each group of defects (see `proof.groups`) is run against all tests of the modules that have the tests of what it violates;
with ``--everywhere`` against every module but the random ones, which takes hours. Variations are run against every module.
Results are kept in ``report/proof.jsonl``, so that a run that was interrupted goes on; a change of the sources makes them
void.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import logging
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.simulators.defects import DEFECTS, VARIATIONS, Defect, Deviation

from . import proof


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what has not been run, write page and numbers, and return 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.defects", description=__doc__.splitlines()[0])
    parser.add_argument("--everywhere", action="store_true", help="run every module against every defect")
    parser.add_argument("--only", default="", metavar="TEXT", help="only groups with a name that holds this")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=Path("report"), help="where the page goes (default: %(default)s)")
    parser.add_argument("--numbers", type=Path, default=Path("docs/proof.md"), help="where the numbers go (default: %(default)s)")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    kept = given.folder / "proof.jsonl"
    everything = [*proof.groups(DEFECTS.values()), *proof.variation_groups(VARIATIONS.values())]
    chosen = [group for group in everything if given.only in " ".join(one.name for one in group)]
    results = {key: result for key, result in _read(kept) if result["sources"] == _sources()}
    todo = [group for group in chosen if _key(group, given.everywhere) not in results]
    print(f"{len(chosen)} runs, {len(todo)} to be made", flush=True)
    with ProcessPoolExecutor(given.processes) as pool, kept.open("a") as file:
        under_way = {pool.submit(_run, [one.name for one in group], given.everywhere): group for group in todo}
        for number, future in enumerate(as_completed(under_way), 1):
            result = future.result() | {"sources": _sources()}
            results[_key(under_way[future], given.everywhere)] = result
            file.write(json.dumps(result) + "\n")
            file.flush()
            wrong = f": {len(result['problems'])} problem(s)" if result["problems"] else ""
            print(f"{number}/{len(todo)} {proof.title(under_way[future])}, {result['seconds']:.0f} s{wrong}", flush=True)
    made = [results[_key(group, given.everywhere)] for group in chosen]
    numbers = _numbers(made, given.everywhere)
    _write_page(given.folder / "proof.html", made, numbers)
    if not given.only:
        given.numbers.write_text(_text(numbers), encoding="utf-8")
    problems = [problem for result in made for problem in result["problems"]]
    print(
        "\n".join([*problems, "", *(f"{name}: {value}" for name, value in numbers.items()), f"page: {given.folder / 'proof.html'}"])
    )
    return 1 if problems else 0


def _key(group: Sequence[Deviation], everywhere: bool) -> str:
    return " ".join([str(everywhere), *(one.name for one in group)])


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in path.read_text().splitlines() if path.exists() else ():
        result = json.loads(line)
        yield " ".join([str(result["everywhere"]), *result["names"]]), result


def _sources() -> str:
    digest = hashlib.sha256()
    for folder in ("tdwii_conformance", "tests/conformance"):
        for path in sorted((proof.ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".csv"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _run(names: list[str], everywhere: bool) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    group = [DEFECTS.get(name) or VARIATIONS[name] for name in names]
    began, cpu = time.monotonic(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        outcome = proof.run_group(group, everywhere=everywhere)
    defects = [one for one in group if isinstance(one, Defect)]
    problems = proof.problems(defects, outcome) if defects else proof.false_alarms(group, outcome)
    return {
        "names": names, "everywhere": everywhere, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu,
        "violated": outcome.violated, "tests": outcome.tests, "problems": problems,
    }  # fmt: skip


def _numbers(results: Sequence[dict[str, Any]], everywhere: bool) -> dict[str, str]:
    catalogue = load_catalogue()
    defects = [DEFECTS[name] for result in results for name in result["names"] if name in DEFECTS]
    variations = [name for result in results for name in result["names"] if name in VARIATIONS]
    found = {r for result in results for r in result["violated"]}
    shall = [r for r in catalogue.values() if r.level == "shall" and r.actor in {defect.actor for defect in defects}]
    named = {r for defect in defects for r in defect.requirements}
    excused = [r for r in shall if r.no_defect]
    failing = [result for result in results if result["problems"] and result["names"][0] in DEFECTS]
    alarms = [result for result in results if result["problems"] and result["names"][0] in VARIATIONS]
    return {
        "requirements (shall)": str(len(shall)),
        "of these with a defect that is detected": str(len([r for r in shall if r.id in found & named])),
        "of these that cannot have one": str(len(excused)),
        "defects": str(len(defects)),
        "runs of defects that were not exact": str(len(failing)),
        "variations": str(len(variations)),
        "runs of variations with a false alarm": str(len(alarms)),
        "runs": str(len(results)),
        "tests run": str(sum(result["tests"] for result in results)),
        "processor time": f"{sum(result['cpu'] for result in results) / 60:.0f} min",
        "against": "all modules but the random ones" if everywhere else "defects: the modules concerned; variations: all modules",
    }


def _write_page(path: Path, results: Sequence[dict[str, Any]], numbers: dict[str, str]) -> None:
    catalogue = load_catalogue()
    by_requirement: dict[str, list[tuple[Defect, bool]]] = defaultdict(list)
    for result in results:
        for name in result["names"]:
            if name in DEFECTS:
                for requirement in DEFECTS[name].requirements:
                    by_requirement[requirement].append((DEFECTS[name], requirement in result["violated"]))
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("proof.html.j2").render(
        numbers=numbers,
        requirements=[(r, by_requirement.get(r.id, [])) for r in catalogue.values() if r.level != "may"],
        variations=[VARIATIONS[name] for result in results for name in result["names"] if name in VARIATIONS],
        alarms={name: result["problems"] for result in results for name in result["names"] if name in VARIATIONS},
        problems=[problem for result in results for problem in result["problems"]],
    )
    path.write_text(page, encoding="utf-8")


def _text(numbers: dict[str, str]) -> str:
    rows = "\n".join(f"| {name} | {value} |" for name, value in numbers.items())
    shapes = Counter(defect.actor for defect in DEFECTS.values())
    actors = ", ".join(f"{count} of the {actor}" for actor, count in shapes.items())
    return (
        "# The proof in numbers\n\nWritten by `make proof`; what the words mean is in [defects.md](defects.md).\n\n"
        f"| | |\n|---|---|\n{rows}\n\nDefects by actor: {actors}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

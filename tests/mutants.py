"""Runs the mutants that mutmut makes of the judging code, and compares the survivors with docs/mutation.md.

    python -m tests.mutants run [NAME* ...]          # those that were not run yet, or those named
    python -m tests.mutants run --rest NAME* ...     # of those named, those that were not run yet or survived
    python -m tests.mutants [-v]                     # numbers of each module, and whether too many survived unexplained

mutmut makes the mutants and its trampolines choose between them; the loop is our own. mutmut starts pytest anew for each
mutant, which takes longer than the tests that kill it. Here pytest collects once, and each mutant gets a fork of that.
The mutants of a package are the affair of the tests that mirror it (ups: tests/unit/ups): others are not collected.

A survivor is known by its function and by the line that the mutation changed or took out, not by mutmut's number: numbers
move with every edit of the function, and an explanation has to go stale when its line changes.
"""

import ast
import gc
import hashlib
import json
import math
import os
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from difflib import ndiff
from fnmatch import fnmatch
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "mutants"
LIMIT = 0.015
# Exit codes as mutmut records them; 33: no test runs it. A negative one is the signal that ended it at a limit.
KILLED, SURVIVED, UNREACHED = 1, 0, 33
JOBS = int(os.environ.get("JOBS", "2"))
# How statements of SQL, and parts of them, begin; in them small letters and capitals are the same.
SQL = ("ALTER ", "BEGIN", "COMMIT", "DELETE ", "DO UPDATE ", "INSERT ", "PRAGMA ", "ROLLBACK", "SELECT ")
# Seconds of tests that a mutant may cost; one that needs more to be killed counts as alive, until a run with more.
BUDGET = float(os.environ.get("BUDGET", "inf"))
# Seconds of a processor beyond five times what the tests take, and of a clock for what waits and does not work.
BUSY, PATIENCE = 2, 300
# Below this share of a processor during PATIENCE it is waiting; a busy machine leaves `nice -n 19` about 1 %.
WORKING = 0.001


# --- running ----------------------------------------------------------------------------------------------------------


def make() -> None:
    """Let mutmut write the mutants of all files that have changed, and take the tests along."""
    from mutmut import __main__ as mutmut
    from mutmut.utils.file_utils import copy_src_dir, setup_source_paths

    os.chdir(ROOT)
    shutil.rmtree(FOLDER / "tests", ignore_errors=True)
    for meta in FOLDER.rglob("*.py.meta"):
        if not whole(meta):
            meta.with_suffix("").unlink(missing_ok=True)  # mutmut makes it anew, and keeps what its meta file knows
    for file in (ROOT / "tdwii_conformance").rglob("*"):  # tables too: mutmut copies them once, and then never again
        if file.is_file() and file.suffix not in (".py", ".pyc") and (FOLDER / "tdwii_conformance").exists():
            copy = FOLDER / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
    copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.create_mutants(JOBS)
    setup_source_paths()
    os.chdir(FOLDER)


def whole(meta: Path) -> bool:
    """Return whether a file has the mutants that its meta file names; not when their making was interrupted."""
    named = {name.rpartition(".")[2] for name in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]}
    try:
        tree = ast.parse(meta.with_suffix("").read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return False
    functions = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return named == {name for name in functions if name.rpartition("__mutmut_")[2].isdecimal()}


class Loop:
    """Instead of running the tests once, runs for each mutant those that reach it.

    Parameters
    ----------
    todo : list of (Path, str)
        Meta file and name of the mutants to run, in this order.
    """

    def __init__(self, todo: list[tuple[Path, str]]) -> None:
        self.todo = todo
        self.running: dict[int, tuple[Path, str]] = {}
        self.results = {meta: json.loads(meta.read_text(encoding="utf-8")) for meta, _ in todo}
        self.changed: set[Path] = set()
        self.done = 0
        self.of_folder: dict[Path, dict[str, list[tuple[float, str]]]] = {}
        # What killed mutants of a function, or else of its module, kills the next ones: it is run first.
        self.kills: dict[str, Counter[str]] = {}
        self.told, self.tell = os.pipe()
        os.set_blocking(self.told, False)

    def pytest_runtestloop(self, session) -> bool:
        """Run them; called by pytest when it has collected."""
        gc.freeze()
        self.items = {item.nodeid: item for item in session.items}
        print(f"\n{len(self.todo)} mutants")
        started = time.monotonic()
        try:
            self.run_all()
        finally:
            self.save()
        print(f"{len(self.todo)} mutants in {time.monotonic() - started:.0f} s")
        return True

    def run_all(self) -> None:
        """Run them, as many at a time as there are jobs."""
        for meta, name in self.todo:
            function = name.partition("__mutmut_")[0]
            tests = self.tests(mirror(meta))
            if function not in tests:
                self.record(meta, name, UNREACHED)
                continue
            while len(self.running) >= JOBS:
                self.wait()
            kills = self.kills.setdefault(function, Counter())
            beside = self.kills.setdefault(function.rpartition(".")[0], Counter())
            found = affordable(sorted(tests[function], key=lambda one: (-kills[one[1]], -beside[one[1]], one)))
            limit = BUSY + 5 * sum(seconds for seconds, _ in tests[function])
            child = self.fork(lambda name=name, found=found: self.survives(name, found), limit)
            self.running[child] = meta, name
        while self.running:
            self.wait()

    def tests(self, folder: Path) -> dict[str, list[tuple[float, str]]]:
        """Return for each function the tests of a folder that reach it, and how long they take."""
        if folder not in self.of_folder:
            while self.running:
                self.wait()
            found: dict[str, list[tuple[float, str]]] = {}
            for nodeid, (functions, seconds) in self.reached(folder).items():
                for function in functions:
                    found.setdefault(function, []).append((seconds, nodeid))
            self.of_folder[folder] = found
        return self.of_folder[folder]

    def reached(self, folder: Path) -> dict[str, tuple[list[str], float]]:
        """Return for each test the functions it reaches and how long it takes; tests whose module is the same are known."""
        known = Path("reached.json")
        before = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
        digests: dict[Path, str] = {}
        items = {nodeid: item for nodeid, item in self.items.items() if item.path.parent == folder.resolve()}
        for item in items.values():
            beside = sorted(item.path.parent.glob("*.py")) if item.path not in digests else []
            helpers = [file for file in beside if not file.name.startswith("test_")]
            text = b"".join(file.read_bytes() for file in (item.path, *helpers))
            digests.setdefault(item.path, hashlib.sha256(text).hexdigest())
        same = {
            nodeid: before[nodeid] for nodeid, item in items.items() if nodeid in before and before[nodeid][2] == digests[item.path]
        }
        missing = [nodeid for nodeid in items if nodeid not in same]
        if missing:
            print(f"\nlooking what {len(missing)} tests of {folder} reach", flush=True)
            result = Path("reached.new.json")
            result.unlink(missing_ok=True)
            os.waitpid(self.fork(lambda: self.look(missing, result)), 0)
            if not result.exists():
                sys.exit("a test fails without any mutant, or the look at what they reach ended early")
            new = json.loads(result.read_text(encoding="utf-8"))
            same |= {nodeid: (*found, digests[self.items[nodeid].path]) for nodeid, found in new.items()}
            known.write_text(json.dumps(before | same), encoding="utf-8")
        return {nodeid: (functions, seconds) for nodeid, (functions, seconds, _) in same.items()}

    def look(self, nodeids: list[str], result: Path) -> int:
        """Run tests on the code as it is, and write what each reaches."""
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        set_mutant_under_test("stats")
        found = {}
        for nodeid, after in zip(nodeids, [*nodeids[1:], None], strict=True):
            started = time.process_time()
            if self.fails(nodeid, after):
                os.write(2, f"{nodeid} fails without any mutant\n".encode())
                return 1
            found[nodeid] = (sorted(state()._stats), time.process_time() - started)
            state()._stats.clear()
        result.write_text(json.dumps(found), encoding="utf-8")
        return 0

    def survives(self, name: str, nodeids: list[str]) -> int:
        """Run tests on a mutant until one fails."""
        from mutmut.mutation.trampoline import set_mutant_under_test

        set_mutant_under_test(name)
        for one, after in zip(nodeids, [*nodeids[1:], None], strict=True):
            if self.fails(one, after):
                os.write(self.tell, f"{name.partition('__mutmut_')[0]}\t{one}\n".encode())
                return KILLED
        return SURVIVED

    def fails(self, nodeid: str, after: str | None) -> bool:
        """Run one test; return whether it failed."""
        from _pytest.runner import runtestprotocol

        return any(report.failed for report in runtestprotocol(self.items[nodeid], log=False, nextitem=self.items.get(after)))

    def fork(self, work, limit: float | None = None) -> int:
        """Do some work in a child process, silent and with a limit in seconds of a processor; its result is the exit code."""
        child = os.fork()
        if child:
            return child
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            if limit:
                os.dup2(silence, 2)
                end_when_waiting()
                end = math.ceil(time.process_time() + limit)
                resource.setrlimit(resource.RLIMIT_CPU, (end, end + BUSY))
            code = work()
        except BaseException:  # a mutant may raise anything, also SystemExit
            code = KILLED
        os._exit(code)

    def wait(self) -> None:
        """Wait for one mutant."""
        child, status = os.wait()
        with suppress(BlockingIOError):
            for line in os.read(self.told, 1 << 16).decode().splitlines():
                function, _, nodeid = line.partition("\t")
                self.kills[function][nodeid] += 1
                self.kills[function.rpartition(".")[0]][nodeid] += 1
        self.record(*self.running.pop(child), os.waitstatus_to_exitcode(status))

    def record(self, meta: Path, name: str, code: int) -> None:
        """Note what became of a mutant."""
        self.results[meta]["exit_code_by_key"][name] = code
        self.changed.add(meta)
        self.done += 1
        if self.done % 50 == 0:
            self.save()
            print(f"{self.done} {meta.name.partition('.')[0]}", flush=True)

    def save(self) -> None:
        """Write the new results where mutmut keeps them."""
        for meta in self.changed:
            meta.write_text(json.dumps(self.results[meta], indent=4), encoding="utf-8")
        self.changed.clear()


def end_when_waiting() -> None:
    """Let SIGALRM end this process when it does nothing for ``PATIENCE`` seconds; slowness alone is no waiting."""
    used = time.process_time()

    def look(*_) -> None:
        nonlocal used
        before, used = used, time.process_time()
        if used - before < WORKING * PATIENCE:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGALRM)
        signal.alarm(PATIENCE)

    signal.signal(signal.SIGALRM, look)
    signal.alarm(PATIENCE)


def chosen(patterns: list[str], *, rest: bool) -> list[tuple[Path, str]]:
    """Return meta file and name of the mutants to run: those named, in this order; without names those that were not run."""
    found = []
    for meta in sorted(Path().rglob("*.py.meta")):
        for name, code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            position = next((at for at, one in enumerate(patterns) if fnmatch(name, one)), -1)
            wanted = position >= 0 if patterns else code is None
            if wanted and not (rest and outcome(code) in ("killed", "timeout")):
                found.append((position, meta, name))
    found.sort(key=lambda one: one[0])
    return [one[1:] for one in found]


def affordable(tests: list[tuple[float, str]]) -> list[str]:
    """Return the first of some tests, as many as take no longer than ``BUDGET``, but at least one."""
    spent = list(accumulate(seconds for seconds, _ in tests))
    return [nodeid for (_, nodeid), until in zip(tests, spent, strict=True) if until <= max(BUDGET, spent[0])]


def mirror(meta: Path) -> Path:
    """Return the folder of the tests that mirror a module's package."""
    return Path("tests/unit") / meta.parent.relative_to("tdwii_conformance")


def run(patterns: list[str], *, rest: bool) -> int:
    """Make the mutants and run them; return what pytest returns."""
    import pytest
    from mutmut.configuration import config

    make()
    todo = chosen(patterns, rest=rest)
    if not todo:
        print("every mutant was run" if not patterns else f"no mutant to run is named {' or '.join(patterns)}")
        return 0
    arguments = ["--rootdir=.", "--assert=plain", "--tb=native", "--capture=no", "-q"]
    arguments += config().pytest_add_cli_args
    arguments += sorted({str(file) for meta, _ in todo for file in mirror(meta).glob("test_*.py")})
    return int(pytest.main(arguments, plugins=[Loop(todo)]))


# --- comparing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One mutant: where it is, what it changed, and what became of it.

    Parameters
    ----------
    name : str
        What mutmut calls it; ``mutmut show NAME`` shows it.
    place : str
        Module and function, without the package.
    line : str
        The line as the mutation left it; ``(removed) `` and the line when it only took something out.
    outcome : {"killed", "timeout", "survived", "not run"}
    wording : bool
        Whether it changed nothing but the words of a finding or of an error, or the case of SQL.
    """

    name: str
    place: str
    line: str
    outcome: str
    wording: bool


def outcome(code: int | None) -> str:
    """Return what an exit code says."""
    if code is None:
        return "not run"
    return {KILLED: "killed", SURVIVED: "survived", UNREACHED: "survived"}.get(code, "timeout")


def read(folder: Path) -> list[Mutant]:
    """Return all mutants below mutmut's folder."""
    found = []
    for meta in sorted(folder.rglob("*.py.meta")):
        if not whole(meta):
            sys.exit(f"{meta.with_suffix('')} is half made; the next `make mutation` makes it anew and keeps the results")
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        text = meta.with_suffix("").read_text(encoding="utf-8") if codes else ""
        lines = text.splitlines()
        functions = {node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
        for name, code in codes.items():
            module, _, function = name.rpartition(".")
            original = function.partition("__mutmut_")[0]
            place = f"{module.partition('.')[2]}.{original.removeprefix('x').strip('_ǁ').replace('ǁ', '.')}"
            if outcome(code) in ("killed", "timeout", "not run"):
                found.append(Mutant(name, place, "", outcome(code), False))
                continue
            before, after = functions[f"{original}__mutmut_orig"], functions[function]
            line = changed(*(lines[node.lineno : node.end_lineno] for node in (before, after)))
            found.append(Mutant(name, place, line, outcome(code), only_words(before, after)))
    return found


def changed(before: list[str], after: list[str]) -> str:
    """Return what the second version of a function has and the first has not; or what it lacks."""
    difference = list(ndiff(before, after))
    added = [line[2:].strip() for line in difference if line.startswith("+ ")]
    return " ".join(added) or "(removed) " + " ".join(line[2:].strip() for line in difference if line.startswith("- "))


def only_words(before: ast.AST, after: ast.AST, inside: bool = False) -> bool:
    """Return whether two functions differ in nothing but text within ``Finding(...)`` or ``raise ...``, or the case of SQL."""
    if type(before) is not type(after):
        return False
    if isinstance(before, ast.Constant) and isinstance(after, ast.Constant):
        if before.value == after.value or not (isinstance(before.value, str) and isinstance(after.value, str)):
            return before.value == after.value
        return inside or (before.value.startswith(SQL) and before.value.lower() == after.value.lower())
    inside |= isinstance(before, ast.Raise)
    inside |= isinstance(before, ast.Call) and isinstance(before.func, ast.Name) and before.func.id == "Finding"
    ours, theirs = list(ast.iter_child_nodes(before)), list(ast.iter_child_nodes(after))
    if isinstance(before, ast.FunctionDef) and isinstance(after, ast.FunctionDef):
        return all(only_words(one, other) for one, other in zip(before.body, after.body, strict=True))
    if len(ours) != len(theirs):
        return False
    for field in before._fields:  # names and the like
        value = getattr(before, field)
        if not isinstance(value, ast.AST | list) and value != getattr(after, field):
            return False
    return all(only_words(one, other, inside) for one, other in zip(ours, theirs, strict=True))


def explained(text: str) -> set[tuple[str, str]]:
    """Return place and line of each explained mutant: items like ``- `checks.find.uids`: `LINE``` of the document."""
    found = set()
    for row in text.splitlines():
        if row.startswith("- `") and "`: `" in row:
            place, _, line = row.removeprefix("- `").partition("`: `")
            found.add((place, line.rstrip().removesuffix("`")))
    return found


def compare(*, verbose: bool) -> int:
    """Print the numbers of each module and the survivors nobody explained; return 1 when they are too many."""
    mutants = read(FOLDER)
    known = explained((ROOT / "docs" / "mutation.md").read_text(encoding="utf-8"))
    kinds: dict[str, Counter[str]] = {}
    open_ones = []
    for mutant in mutants:
        count = kinds.setdefault(".".join(mutant.place.split(".")[:2]), Counter())
        kind = mutant.outcome
        if kind == "survived":
            kind = "wording" if mutant.wording else "explained" if (mutant.place, mutant.line) in known else "unexplained"
        count[kind] += 1
        if kind == "unexplained":
            open_ones.append(mutant)
    columns = ("killed", "timeout", "wording", "explained", "unexplained", "not run")
    print(f"| {'module':24} | mutants | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 2) + "|")
    for module, count in (*kinds.items(), ("**all**", sum(kinds.values(), Counter()))):
        print(f"| {module:24} | {count.total():7} | {' | '.join(f'{count[kind]:{len(kind)}}' for kind in columns)} |")
    if verbose:
        print(*(f"\n{one.name}\n- `{one.place}`: `{one.line}`" for one in open_ones), sep="")
    stale = known - {(one.place, one.line) for one in mutants}
    run = [one for one in mutants if one.outcome != "not run"]
    gone = {place for place, _ in stale} - {one.place for one in mutants if one.outcome == "not run"}
    for place, line in sorted(stale):
        if place in gone:
            print(f"explained in docs/mutation.md, but killed or gone: `{place}`: `{line}`")
    if not run:
        print("no mutant was run: `make mutation` runs them")
        return 1
    share = len(open_ones) / len(run)
    print(f"{len(open_ones)} of {len(run)} mutants survived without an explanation: {share:.1%}; the limit is {LIMIT:.1%}")
    return int(share > LIMIT)


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        names = [one for one in sys.argv[2:] if one != "--rest"]
        sys.exit(run(names, rest=len(names) < len(sys.argv[2:])))
    sys.exit(compare(verbose="-v" in sys.argv))

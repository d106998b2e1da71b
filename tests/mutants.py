"""Compares the mutants that survived the last `make mutation` with those that docs/mutation.md explains.

A survivor is known by its function and by the line that the mutation changed or took out, not by mutmut's number: numbers
move with every edit of the function, and an explanation has to go stale when its line changes.
"""

import ast
import json
import sys
from collections import Counter
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIMIT = 0.05
# Exit codes as mutmut records them: pytest's own, 33 for "no test runs it", -24 and the like for a signal at the time limit.
KILLED, SURVIVED = {1, 3}, {0, 5, 33}


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
        Whether it changed nothing but the words of a finding or of an error.
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
    return "killed" if code in KILLED else "survived" if code in SURVIVED else "timeout"


def read(folder: Path) -> list[Mutant]:
    """Return all mutants below mutmut's folder."""
    found = []
    for meta in sorted(folder.rglob("*.py.meta")):
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
    """Return whether two functions differ in nothing but text within ``Finding(...)`` or ``raise ...``."""
    if type(before) is not type(after):
        return False
    if isinstance(before, ast.Constant) and isinstance(after, ast.Constant):
        return before.value == after.value or (inside and isinstance(before.value, str) and isinstance(after.value, str))
    inside |= isinstance(before, ast.Raise)
    inside |= isinstance(before, ast.Call) and isinstance(before.func, ast.Name) and before.func.id == "Finding"
    ours, theirs = list(ast.iter_child_nodes(before)), list(ast.iter_child_nodes(after))
    if isinstance(before, ast.FunctionDef):
        return all(only_words(one, other) for one, other in zip(before.body, after.body, strict=True))
    if len(ours) != len(theirs):
        return False
    if not ours and ast.dump(before) != ast.dump(after):
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


def main() -> int:
    """Print the numbers of each module and the survivors nobody explained; return 1 when they are too many."""
    mutants = read(ROOT / "mutants")
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
    if "-v" in sys.argv:
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
    print(f"{len(open_ones)} of {len(run)} mutants survived without an explanation: {share:.1%}; the limit is {LIMIT:.0%}")
    return int(share > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

"""What came of the recordings: the shares that are found, and the page with what is not, and why."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from tdwii_conformance.defects import DEFECTS, VARIATIONS, Deviation

PAGE = Path(__file__).parents[2] / "docs" / "witnessed.md"
REASONS = Path(__file__).with_name("reasons.csv")
ACTORS = ("TMS", "OST", "TDD", "watcher")
UNEXPLAINED = "not explained yet"
Key = tuple[str, ...]


def key(group: Iterable[Deviation]) -> Key:
    """Return what names a group in the file."""
    return tuple(one.name for one in group)


def read(file: Path) -> dict[Key, dict[str, Any]]:
    """Return what came of each group; the last time, if it was run again."""
    if not file.exists():
        return {}
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {tuple(one["names"]): one for one in lines}


def missing(groups: Iterable[Sequence[Deviation]], file: Path) -> list[Sequence[Deviation]]:
    """Return the groups that the file has nothing of."""
    known = read(file)
    return [group for group in groups if key(group) not in known]


def found(file: Path) -> dict[str, list[str]]:
    """Return what was found of each defect that was found in some group."""
    its: dict[str, list[str]] = {}
    for one in read(file).values():
        its |= {name: requirements for name, requirements in one.get("found", {}).items() if requirements}
    return its


def settled(file: Path) -> set[str]:
    """Return the defects that were found, or not though recorded alone."""
    return {name for names in read(file) if len(names) == 1 for name in names} | found(file).keys()


def alarms(result: Mapping[str, Any]) -> list[str]:
    """Return what fails with a group of variations."""
    return ["error"] if "error" in result else [*result["others"], *result["blamed"]]


def entangled(result: Mapping[str, Any]) -> bool:
    """Whether something failed with a group of defects that none of them names."""
    return "error" in result or (len(result["names"]) > 1 and bool(result["others"]))


def _tally(file: Path) -> tuple[dict[str, Counter[str]], dict[str, list[str]], dict[str, list[str]], dict[str, str]]:
    """Return the counts of each actor, of each the defects not found, the false alarms, and what else was seen of one alone."""
    read_, its = read(file), found(file)
    counts: dict[str, Counter[str]] = {actor: Counter() for actor in ACTORS}
    missed: dict[str, list[str]] = defaultdict(list)
    wrong: dict[str, list[str]] = {}
    seen: dict[str, str] = {}
    names = {name for group in read_ for name in group}
    for name in sorted(names):
        if name in DEFECTS:
            actor = DEFECTS[name].actor
            counts[actor]["defects"] += 1
            counts[actor]["found"] += name in its
            if name not in its:
                missed[actor].append(name)
                alone = read_.get((name,), {})
                seen[name] = alone.get("error", "")[-200:] or " ".join(alone.get("others", ()))
        elif name in VARIATIONS:
            counts[VARIATIONS[name].actor]["variations"] += 1
            alone = read_.get((name,), {"others": (), "blamed": ()})
            if alarms(alone):
                wrong[name] = [*alarms(alone), json.dumps(alone.get("why", alone.get("error", "")))[:600]]
    return counts, missed, wrong, seen


@cache
def reasons() -> tuple[tuple[str, str], ...]:
    """Return why what is not found is not, by patterns of names: the first that fits counts."""
    with REASONS.open(encoding="utf-8", newline="") as file:
        return tuple((row["names"], row["why"]) for row in csv.DictReader(file))


def reason(name: str) -> str:
    """Return why a defect is not found."""
    return next((why for names, why in reasons() if any(fnmatchcase(name, one) for one in names.split())), UNEXPLAINED)


def show(file: Path) -> int:
    """Print the shares, and the names of what was not found; return how many false alarms there are."""
    counts, missed, wrong, seen = _tally(file)
    for name, said in wrong.items():
        print(f"VARIATION {name}: {said}")
    for actor in ACTORS:
        for name in missed[actor]:
            print(f"not found: {name} ({actor}) {seen[name]}; {reason(name)}")
    for names, one in read(file).items():
        if one.get("blamed") and names[0] in DEFECTS:
            print(f"blames others: {names[:3]}: { {r: one['why'][r] for r in one['blamed']} }"[:500])
    for actor in ACTORS:
        its = counts[actor]
        if its:
            print(f"{actor}: {_share(its)} of {its['defects']} defects, {its['variations']} variations")
    print(f"{_minutes(file):.1f} minutes of processor time")
    return len(wrong)


def _share(its: Counter[str]) -> str:
    return f"{100 * its['found'] / its['defects']:.0f} %" if its["defects"] else "-"


def _minutes(file: Path) -> float:
    return sum(float(one.get("seconds", 0)) for one in read(file).values()) / 60


def page(file: Path) -> str:
    """Return the page."""
    counts, missed, wrong, _ = _tally(file)
    known = Counter(one.actor for one in DEFECTS.values() if one.own is None)
    varying = Counter(one.actor for one in VARIATIONS.values() if one.own is None)
    lines = [
        "# What the witness finds", "",
        "This page is made by `python -m tests.witnessed --page` from what `make witnessed` measured. Each defect and variation of",
        "the simulated partners was recorded by the proxy while conformant partners worked with it, and the record was judged. A",
        "defect is found if a requirement fails that it violates and nothing else in its recording does.", "",
        "| system | defects measured | found | variations measured | false alarms |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for actor in ACTORS:
        its = counts[actor]
        alarms_ = sum(VARIATIONS[name].actor == actor for name in wrong)
        lines.append(
            f"| {actor} | {its['defects']} of {known[actor]} | {its['found']}, {_share(its)} | {its['variations']} of {varying[actor]}"
            f" | {alarms_} |"
        )
    lines += ["", f"It took {_minutes(file):.0f} minutes of processor time.", ""]
    if wrong:
        lines += ["False alarms: " + ", ".join(f"`{name}`" for name in wrong) + ".", ""]
    for actor in ACTORS:
        if not missed[actor]:
            continue
        by_reason: dict[str, list[str]] = defaultdict(list)
        for name in missed[actor]:
            by_reason[reason(name)].append(name)
        lines += [f"## {actor}: not found", ""]
        for why, names in sorted(by_reason.items(), key=lambda one: -len(one[1])):
            lines += [f"**{why[0].upper()}{why[1:]}** ({len(names)}):", ", ".join(f"`{name}`" for name in names), ""]
    return "\n".join(lines).rstrip() + "\n"


def write_page(file: Path) -> None:
    """Write the page."""
    PAGE.write_text(page(file), encoding="utf-8")

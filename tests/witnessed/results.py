"""What came of the recordings: the shares that are found, and the page with what is not, and why."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from tdwii_conformance.defects import DEFECTS, VARIATIONS, Defect, Deviation

PAGE = Path(__file__).parents[2] / "docs" / "witnessed.md"
REASONS = Path(__file__).with_name("reasons.csv")
ACTORS = ("TMS", "OST", "TDD", "watcher")
UNEXPLAINED = "not explained yet"
FOUND_ELSEWHERE = "another requirement fails than those that the defect is named for"
LARGEST_STEP = 20
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


def sampled(file: Path, actor: str) -> tuple[int, list[Defect]]:
    """Return the defects of an actor that count, and the n of it: all if all are settled, else each n-th, the least n that is.

    What was recorded with others only, once, and not found, is not settled: it may have been hidden.
    """
    times = Counter(name for names in read(file) for name in names)
    final = settled(file) | {name for name, count in times.items() if count > 1}
    every = [one for one in DEFECTS.values() if one.own is None and one.actor == actor]
    for step in range(1, LARGEST_STEP + 1):
        chosen = every[::step]
        if all(one.name in final for one in chosen):
            return step, chosen
    return 0, [one for one in every if one.name in final]


@dataclass
class Shares:
    """What was found of an actor.

    Parameters
    ----------
    actor : str
        Which.
    step : int
        Each how many-th of its defects is counted; 0: those that were measured, which are no sample.
    defects, found, variations : int
        How many of the file there are.
    missed : list of str
        Names of the defects that were not found.
    elsewhere : dict of str to str
        Of these, requirements of the system that failed all the same, where that was seen of one alone.
    """

    actor: str
    step: int
    defects: int
    found: int
    variations: int
    missed: list[str]
    elsewhere: dict[str, str]

    @property
    def share(self) -> str:
        """The part that was found."""
        return f"{100 * self.found / self.defects:.0f} %" if self.defects else "-"


def shares(file: Path) -> list[Shares]:
    """Return what was found of each actor."""
    groups, its = read(file), found(file)
    names = {name for group in groups for name in group}
    made = []
    for actor in ACTORS:
        step, chosen = sampled(file, actor)
        missed = [one.name for one in chosen if one.name not in its]
        alone = {name: groups[name,] for name in missed if (name,) in groups}
        elsewhere = {name: one.get("error", "")[-200:] or " ".join(one.get("others", ())) for name, one in alone.items()}
        varied = sum(name in VARIATIONS and VARIATIONS[name].actor == actor for name in names)
        made.append(
            Shares(actor, step, len(chosen), len(chosen) - len(missed), varied, missed, {n: s for n, s in elsewhere.items() if s})
        )
    return made


def false_alarms(file: Path) -> dict[str, list[str]]:
    """Return what failed with a variation alone."""
    wrong = {}
    for names, one in read(file).items():
        if len(names) == 1 and names[0] in VARIATIONS and alarms(one):
            wrong[names[0]] = [*alarms(one), json.dumps(one.get("why", one.get("error", "")))[:600]]
    return wrong


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
    wrong = false_alarms(file)
    for name, said in wrong.items():
        print(f"VARIATION {name}: {said}")
    every = shares(file)
    for one in every:
        for name in one.missed:
            print(f"not found: {name} ({one.actor}) {one.elsewhere.get(name, '')}; {reason(name)}")
    for names, result in read(file).items():
        if result.get("blamed") and names[0] in DEFECTS:
            print(f"blames others: {names[:3]}: { {r: result['why'][r] for r in result['blamed']} }"[:500])
    for one in every:
        which = "all" if one.step == 1 else f"each {one.step}th" if one.step else "no sample"
        print(f"{one.actor}: {one.share} of {one.defects} defects ({which}), {one.variations} variations")
    print(f"{_minutes(file):.1f} minutes of processor time")
    return len(wrong)


def _minutes(file: Path) -> float:
    return sum(float(one.get("seconds", 0)) for one in read(file).values()) / 60


def page(file: Path) -> str:
    """Return the page."""
    wrong, every = false_alarms(file), shares(file)
    known = Counter(one.actor for one in DEFECTS.values() if one.own is None)
    varying = Counter(one.actor for one in VARIATIONS.values() if one.own is None)
    lines = [
        "# What the witness finds", "",
        "`make witnessed` makes this page of what it has measured (`python -m tests.witnessed`). Each defect and variation of the",
        "simulated partners is recorded by the proxy while conformant partners work with it, and the record is judged. A defect is",
        "found if a requirement fails that it violates and nothing else in its recording does. Where not all are measured yet, each",
        "n-th is counted, in the order of the catalogue.", "",
        "| system | defects counted | found | variations measured | false alarms |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for one in every:
        which = "all" if one.step == 1 else f"each {one.step}th: {one.defects}" if one.step else f"{one.defects}, no sample,"
        bad = sum(VARIATIONS[name].actor == one.actor for name in wrong)
        measured = f"{one.variations} of {varying[one.actor]} | {bad}"
        lines.append(f"| {one.actor} | {which} of {known[one.actor]} | {one.found}, {one.share} | {measured} |")
    lines += ["", f"It took {_minutes(file):.0f} minutes of processor time.", ""]
    if wrong:
        lines += ["False alarms: " + ", ".join(f"`{name}`" for name in wrong) + ".", ""]
    for one in every:
        by_reason: dict[str, list[str]] = defaultdict(list)
        for name in one.missed:
            by_reason[FOUND_ELSEWHERE if name in one.elsewhere else reason(name)].append(name)
        lines += [f"## {one.actor}: not found", ""] if by_reason else []
        for why, names in sorted(by_reason.items(), key=lambda entry: -len(entry[1])):
            lines += [f"{why[0].upper()}{why[1:]} ({len(names)}): " + ", ".join(f"`{name}`" for name in names) + ".", ""]
    return "\n".join(lines).rstrip() + "\n"


def write_page(file: Path) -> None:
    """Write the page."""
    PAGE.write_text(page(file), encoding="utf-8")

"""The gate: verdicts per requirement compared with those of an earlier run, kept in a file for version control.

The file is TOML, one requirement a line, sorted. A requirement that fails there is accepted; whoever accepts it writes
why:

    RO60-TMS-001 = "passed"
    RO60-TMS-004 = { verdict = "failed", reason = "vendor ticket 4711, fixed in 4.3" }

What counts as worse: a requirement that passed (or passed with a warning) and now fails, ends in an error, or is
skipped. The last because a test that silently stops judging would hide a failure; whoever means it updates the
baseline, which then says ``skipped``.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, get_args

from .verdicts import TestVerdict, Verdict, requirement_verdicts

__all__ = [
    "Baseline", "BaselineError", "Change", "Comparison", "Entry", "check_same_system", "compare", "format_baseline",
    "parse", "read", "updated", "write",
]  # fmt: skip

FORMAT = 1
GOOD = ("passed", "warned")
BAD = ("failed", "error")


class BaselineError(ValueError):
    """A baseline cannot be used; the message names the file and the entry."""


@dataclass(frozen=True)
class Entry:
    """What the baseline says of a requirement: its verdict, and for an accepted failure (or skip) why."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Baseline:
    """The verdicts of an earlier run.

    Parameters
    ----------
    system, edition : str
        What was judged, and by which edition of TDW-II.
    entries : mapping of str to Entry
        By requirement id.
    """

    system: str
    edition: str
    entries: Mapping[str, Entry] = field(default_factory=dict)


class Change(NamedTuple):
    """A requirement whose verdict changed; ``""`` where there was or is none."""

    id: str
    before: str
    now: str


@dataclass(frozen=True)
class Comparison:
    """How a run differs from the baseline.

    Parameters
    ----------
    worse : tuple of Change
        Passed before, and now failed, ended in an error or skipped. Only these close the gate.
    weaker : tuple of Change
        Passed before, now with a warning.
    improved : tuple of Change
        Better than before.
    new : tuple of Change
        Judged for the first time: not in the baseline, or skipped there.
    gone : tuple of Change
        In the baseline, and not judged in this run.
    accepted : mapping of str to str
        Requirements that fail as the baseline says, with the reason it gives; empty where it gives none.
    """

    worse: tuple[Change, ...] = ()
    weaker: tuple[Change, ...] = ()
    improved: tuple[Change, ...] = ()
    new: tuple[Change, ...] = ()
    gone: tuple[Change, ...] = ()
    accepted: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it in lines for a terminal."""
        lines = [f"worse: {len(self.worse)}" if self.worse else "nothing got worse"]
        lines += [f"  {_line(change)}" for change in self.worse]
        for title, changes in (
            ("weaker", self.weaker),
            ("improved", self.improved),
            ("judged for the first time", self.new),
        ):
            if changes:
                lines.append(f"{title}: {len(changes)}")
                lines += [f"  {_line(change)}" for change in changes]
        if self.gone:
            lines.append(f"in the baseline, not judged in this run: {len(self.gone)}")
            lines += [f"  {change.id}: {change.before} before" for change in self.gone]
        if self.accepted:
            lines.append(f"accepted failures: {len(self.accepted)}")
            lines += [f"  {i}: {reason or 'no reason given: write one'}" for i, reason in self.accepted.items()]
        return "\n".join(lines)


def _line(change: Change) -> str:
    if change.now == "skipped":
        return f"{change.id}: {change.before} -> skipped (no longer judged)"
    return f"{change.id}: {change.before or 'new'} -> {change.now}"


def compare(baseline: Baseline, verdicts: Iterable[TestVerdict]) -> Comparison:
    """Compare a run with a baseline.

    Parameters
    ----------
    baseline : Baseline
        Of the same system and edition (see `check_same_system`).
    verdicts : iterable of TestVerdict
        Of this run.
    """
    now = requirement_verdicts(verdicts)
    found: dict[str, list[Change]] = {}
    accepted = {}
    for identifier in sorted({*baseline.entries, *now}):
        entry = baseline.entries.get(identifier)
        before = entry.verdict if entry else ""
        after = now[identifier].verdict if identifier in now else ""
        if kind := _kind(before, after):
            found.setdefault(kind, []).append(Change(identifier, before, after))
        if entry and before in BAD and after in BAD:
            accepted[identifier] = entry.reason
    return Comparison(accepted=accepted, **{kind: tuple(changes) for kind, changes in found.items()})


def _kind(before: str, now: str) -> str:
    """Return the field of `Comparison` a change belongs to; empty when it is none."""
    if not now:
        return "gone"
    if before in ("", "skipped"):
        return "" if now == before else "new"
    if before in GOOD:
        if now not in GOOD:
            return "worse"
        return "" if now == before else "weaker" if now == "warned" else "improved"
    return "improved" if now in GOOD else ""


def check_same_system(baseline: Baseline, *, system: str, edition: str, path: Path) -> None:
    """Refuse to compare what cannot be compared.

    Raises
    ------
    BaselineError
        If the baseline is of another system or edition.
    """
    for key, theirs, ours in (("system", baseline.system, system), ("edition", baseline.edition, edition)):
        if theirs != ours:
            raise BaselineError(
                f"{path}: {key}: is {theirs!r}, this run judges {ours!r}: name another file, or judge the same {key} as before"
            )


def updated(
    earlier: Baseline | None,
    verdicts: Iterable[TestVerdict],
    *,
    system: str,
    edition: str,
    known: Collection[str] | None = None,
) -> Baseline:
    """Return the baseline that takes this run as it is.

    Parameters
    ----------
    earlier : Baseline or None
        Its reasons are kept for what still is not passed, and its entries for what was not judged in this run.
    verdicts : iterable of TestVerdict
        Of this run.
    system, edition : str
        What was judged.
    known : collection of str, optional
        The ids of the catalogue: entries of others are dropped. All are kept without it.
    """
    entries = dict(earlier.entries) if earlier else {}
    for identifier, now in requirement_verdicts(verdicts).items():
        before = entries.get(identifier)
        reason = before.reason if before and now.verdict not in GOOD else ""
        entries[identifier] = Entry(now.verdict, reason)
    return Baseline(system, edition, {i: entries[i] for i in sorted(entries) if known is None or i in known})


def read(path: Path) -> Baseline:
    """Read a baseline file.

    Raises
    ------
    BaselineError
        Naming the file and the entry.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BaselineError(f"{path}: cannot be read: {reason}; --update-baseline writes one") from error
    return parse(text, str(path))


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline file, whole or not at all.

    Raises
    ------
    BaselineError
        If it cannot be written.
    """
    scratch = path.with_name(f".{path.name}.new")
    try:
        scratch.write_text(format_baseline(baseline), encoding="utf-8", newline="\n")
        scratch.replace(path)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be written: {error.strerror}") from error


def format_baseline(baseline: Baseline) -> str:
    """Return the text of a baseline file: sorted, one requirement a line, the same for the same verdicts."""
    lines = [
        "# Verdicts per requirement of an earlier run, compared by --baseline and written by --update-baseline, which",
        "# keeps the reasons and nothing else that was added. Accept a failure with the reason why:",
        '#   RO60-TMS-004 = { verdict = "failed", reason = "vendor ticket 4711" }',
        f"format = {FORMAT}",
        f"system = {_quoted(baseline.system)}",
        f"edition = {_quoted(baseline.edition)}",
        "",
        "[verdicts]",
    ]
    for identifier in sorted(baseline.entries):
        entry = baseline.entries[identifier]
        if entry.reason or entry.verdict in BAD:
            value = f"{{ verdict = {_quoted(entry.verdict)}, reason = {_quoted(entry.reason)} }}"
        else:
            value = _quoted(entry.verdict)
        lines.append(f"{identifier} = {value}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's too; only DEL has to be escaped here and not there
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse(text: str, name: str) -> Baseline:
    """Understand the text of a baseline file.

    Parameters
    ----------
    text : str
        The content.
    name : str
        The file's name, for errors.

    Raises
    ------
    BaselineError
        Naming the file and the entry.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BaselineError(f"{name}: not TOML: {error}") from error
    if content.get("format") != FORMAT:
        raise BaselineError(f"{name}: format: is {content.get('format')!r}, this program reads {FORMAT}")
    _refuse_unknown(name, content, ("format", "system", "edition", "verdicts"))
    for key in ("system", "edition"):
        if not isinstance(content.get(key), str):
            raise BaselineError(f"{name}: {key}: is missing or no text")
    verdicts = content.get("verdicts", {})
    if not isinstance(verdicts, dict):
        raise BaselineError(f"{name}: verdicts: is no table")
    entries = {identifier: _entry(f"{name}: {identifier}", value) for identifier, value in verdicts.items()}
    return Baseline(content["system"], content["edition"], entries)


def _entry(where: str, value: Any) -> Entry:
    table = {"verdict": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        raise BaselineError(f'{where}: is {value!r}: write "passed", or {{ verdict = "failed", reason = "..." }}')
    _refuse_unknown(where, table, ("verdict", "reason"))
    verdict: Any = table.get("verdict")
    reason = table.get("reason", "")
    if verdict not in get_args(Verdict):
        raise BaselineError(f"{where}: verdict: {verdict!r} is not one of {', '.join(get_args(Verdict))}")
    if not isinstance(reason, str):
        raise BaselineError(f"{where}: reason: {reason!r} is no text")
    return Entry(verdict, reason)


def _refuse_unknown(where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise BaselineError(f"{where}: unknown key {key!r}{hint}; known are {', '.join(known)}")

"""Writes what tests looked at as dcmdump text, one file a test, into a folder that the user names.

The files may hold patient data: nothing is written anywhere unless asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .verdicts import TestVerdict

__all__ = ["evidence_files", "write_evidence"]

LONGEST_NAME = 120  # leaves room for a suffix and for file systems that encrypt names


def write_evidence(folder: Path, verdicts: Iterable[TestVerdict]) -> list[Path]:
    """Write the exchanges of every test that has some.

    Parameters
    ----------
    folder : Path
        Made if needed. Files of the same name are replaced, others are left alone.
    verdicts : iterable of TestVerdict
        With their exchanges.

    Returns
    -------
    list of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in evidence_files(verdicts):
        path = folder / name
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def evidence_files(verdicts: Iterable[TestVerdict]) -> Iterator[tuple[str, str]]:
    """Yield name and content of each test's file, in the order of requirement and test. Pure."""
    taken: set[str] = set()
    for verdict in sorted(verdicts, key=lambda verdict: (verdict.requirement, verdict.nodeid)):
        if not verdict.exchanges:
            continue
        name = _name(verdict, taken)
        taken.add(name.lower())
        yield name, _text(verdict)


def _name(verdict: TestVerdict, taken: set[str]) -> str:
    """Return a name that every file system takes, and that no other test has."""
    test = verdict.nodeid.rpartition("::")[2] or verdict.nodeid
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{verdict.requirement}_{test}").strip("-")[:LONGEST_NAME]
    name, number = f"{stem}.txt", 1
    while name.lower() in taken:  # file systems that ignore case are common
        number += 1
        name = f"{stem}-{number}.txt"
    return name


def _text(verdict: TestVerdict) -> str:
    lines = [f"requirement: {verdict.requirement}", f"test: {verdict.nodeid}", f"verdict: {verdict.verdict}"]
    lines += [f"{name}: {value}" for name in ("reason", "reading") if (value := getattr(verdict, name))]
    for finding in verdict.findings:
        lines += [f"{key}: {finding[key]}" for key in ("expected", "received", "path") if finding.get(key)]
    head = "".join(f"# {line}\n" for entry in lines for line in entry.splitlines())
    return "\n\n".join([head, *verdict.exchanges])

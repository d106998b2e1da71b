"""Findings and exchanges as text for the terminal and the reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..checks import Finding
from ..profile import Requirement

KEPT, KEPT_OF_A_TEST = 25_000, 250_000  # characters of an exchange, and of all of a test, unless evidence is written
SHOWN_LINES = 60  # of an exchange on the terminal; the reports have it whole


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of findings."""
    for finding in findings:
        yield f"  expected: {finding.expected}"
        yield f"  received: {finding.received}"
        if finding.path:
            yield f"  at:       {finding.path}"


def explanation(requirement: Requirement, findings: Iterable[Finding]) -> str:
    """Return a requirement with its source and what was found, as text."""
    head = f"{requirement.id} ({requirement.level}): {requirement.statement}\n  source:   {requirement.source}"
    return "\n".join([head, *finding_lines(findings)])


def shortened(text: str) -> str:
    """Return the beginning of a text that is long."""
    lines = text.splitlines()
    if len(lines) <= SHOWN_LINES:
        return text
    return "\n".join([*lines[:SHOWN_LINES], f"... {len(lines) - SHOWN_LINES} more lines: --report FILE or --evidence DIR"])


def kept(texts: Iterable[str]) -> Iterator[str]:
    """Yield as much of the texts of a test's exchanges as a page has room for: a worklist may have thousands of responses."""
    room = KEPT_OF_A_TEST
    for text in texts:
        if room <= 0:
            yield "... more exchanges: --evidence DIR has them"
            return
        shown = text[: min(KEPT, room)]
        room -= len(shown)
        yield text if shown == text else f"{shown}\n... {len(text) - len(shown)} more characters: --evidence DIR has them"

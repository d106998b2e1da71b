"""Findings and exchanges as text for the terminal and the reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..checks import Finding
from ..profile import Requirement

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

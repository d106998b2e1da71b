"""What a person at a terminal reads of a run: each requirement that is not met once, and the message that shows it. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from .messages import answer_of, fault_of
from .results import FindingEntry, RequirementEntry, Results, TestEntry

__all__ = ["brief"]

FIRST_LINES = 24  # of the message that is shown whole: the first one
LABEL = 12  # columns of what stands before a text


def brief(results: Results, *, width: int = 80, lines: int = 0) -> str:
    """Return what is not met: each requirement once, with statement, source, finding, number of tests and message.

    Parameters
    ----------
    results : Results
        Of the run.
    width : int
        In characters; lines of a message may be longer.
    lines : int
        As many lines at most; what is left out is counted. 0: all.
    """
    failed = [one for one in results.requirements if one.verdict == "failed"]
    warned = [one for one in results.requirements if one.verdict == "warned"]
    width = max(width, 60)
    blocks: list[tuple[str, list[str]]] = []
    for number, one in enumerate([*failed, *warned]):
        block = [plain(line) for line in _block(one, results.exchanges, width, whole=number == 0)]
        if number == 0 and lines and len(block) + 1 > lines - _tail(lines):
            block = [plain(line) for line in _block(one, results.exchanges, width, whole=False)]
        blocks.append((one.id, [*block, ""]))
    room = sum(len(block) for _, block in blocks)
    if lines and room > lines:
        room = lines - _tail(lines)
    out: list[str] = []
    left: list[str] = []
    for name, block in blocks:
        if len(out) + len(block) > room:
            left.append(name)
        else:
            out += block
    if left:
        out += _left_out(left, width, _tail(lines))
    return "\n".join(out).rstrip("\n")


def _tail(lines: int) -> int:
    """How many of the lines are for the names of what is left out."""
    return max(lines // 8, 2)


def _left_out(names: Sequence[str], width: int, most: int) -> list[str]:
    """Return in some lines at most what is left out: as many names as there is room for."""
    for named in range(len(names), -1, -1):
        rest = f" and {len(names) - named} more" if named < len(names) else ""
        text = f"not shown here, and not met: {len(names)}: {', '.join(names[:named])}{rest}"
        found = textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
        if len(found) <= most:
            break
    return found


def plain(line: str) -> str:
    """Return a line without what would control a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _block(one: RequirementEntry, exchanges: Mapping[str, str], width: int, *, whole: bool) -> Iterator[str]:
    found = [test for test in one.tests if test.verdict in ("failed", "warned") and test.findings]
    yield from textwrap.wrap(f"{one.id} ({one.level}): {one.statement}", width, subsequent_indent="  ")
    yield from _labelled("source", one.source, width)
    bad = sum(test.verdict == one.verdict for test in one.tests)
    if len(one.tests) > 1:
        yield from _labelled("tests", f"{bad} of {len(one.tests)} {one.verdict}", width)
    if not found:
        return
    test, finding = found[0], found[0].findings[0]
    yield from _labelled("expected", finding.expected, width)
    yield from _labelled("received", finding.received, width)
    if finding.path:
        yield from _labelled("at", finding.path, width)
    more = sum(len(each.findings) for each in found) - 1
    if more:
        yield from _labelled("more", f"{more} finding{'s' if more > 1 else ''} like this or others", width)
    yield from _message(test, finding, one, exchanges, width, whole=whole)


def _labelled(label: str, text: str, width: int) -> list[str]:
    head = f"  {label + ':':<{LABEL - 2}}"
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * LABEL, break_on_hyphens=False) or [head.rstrip()]


def _message(
    test: TestEntry, finding: FindingEntry, one: RequirementEntry, exchanges: Mapping[str, str], width: int, *, whole: bool
) -> Iterator[str]:
    """Yield the message that a finding is about: its heading and the element, or all of it."""
    texts = [exchanges.get(key, "") for key in test.exchanges]
    fault = fault_of(texts, finding.model_dump(), one.actor, one.transaction)
    shown = fault.message if fault is not None else answer_of(texts, one.actor, one.transaction) if whole else None
    if shown is None or shown.missing:
        return
    lines = texts[shown.exchange].split("\n")
    yield from _labelled("message", lines[shown.lines.start].removeprefix("# "), width)
    own = lines[shown.lines.start + 1 : shown.lines.stop]
    at = None if fault is None or fault.line is None or fault.absent else fault.line - shown.lines.start - 1
    if whole:
        yield from _numbered(own, at)
    elif at is not None:
        yield f"  > {own[at].strip()}"


def _numbered(own: Sequence[str], at: int | None) -> Iterator[str]:
    """Yield the lines of a message, the one at fault with a mark; the part around it where there are many."""
    begin = 0 if at is None or at < FIRST_LINES - 4 else at - FIRST_LINES // 2
    kept = [(number, line) for number, line in enumerate(own) if line.strip()]
    shown = [pair for pair in kept if pair[0] >= begin][:FIRST_LINES]
    if shown and kept[0] != shown[0]:
        yield "    ..."
    for number, line in shown:
        yield f"  {'>' if number == at else ' '} {line}"
    if shown and kept[-1] != shown[-1]:
        yield "    ..."

"""What a terminal shows of failures: as many lines as a person reads; the reports have them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

__all__ = ["limit_failures"]

NAMES = 40  # lines for the names of what failed, in the summary
FRAME = 3  # lines around each failure: its heading, and those between its sections


def limit_failures(terminal: TerminalReporter, lines: int) -> None:
    """Have a terminal show no more than some lines of failures of conformance tests, and say how many it left out.

    Parameters
    ----------
    terminal : TerminalReporter
        pytest's own.
    lines : int
        How many, for failures, errors and the list of their names together; 0: no limit.
    """
    if not lines:
        return
    budget = [max(lines - NAMES, 1)]
    for category, method in (("failed", "summary_failures"), ("error", "summary_errors")):
        setattr(terminal, method, _limited(terminal, category, getattr(terminal, method), budget))
    terminal.short_test_summary = _names(terminal, terminal.short_test_summary)  # type: ignore[method-assign]


def _limited(terminal: TerminalReporter, category: str, show: Callable[[], None], budget: list[int]) -> Callable[[], None]:
    def limited() -> None:
        every = terminal.stats.get(category, [])
        shown = []
        for report in every:
            needed = _lines(report)
            if hasattr(report, "tdwii") and needed > budget[0]:
                continue
            budget[0] -= needed if hasattr(report, "tdwii") else 0
            shown.append(report)
        with _in_stats(terminal, {category: shown}):
            show()
        if left := len(every) - len(shown):
            terminal.write_line(f"{left} more {category}: --report FILE has them all, --failure-lines 0 shows them here")

    return limited


def _names(terminal: TerminalReporter, show: Callable[[], None]) -> Callable[[], None]:
    def limited() -> None:
        every = {category: terminal.stats.get(category, []) for category in ("failed", "error")}
        room, shown = NAMES - 2, {}
        for category, reports in every.items():
            own = [report for report in reports if hasattr(report, "tdwii")]
            cut = own[max(room, 0) :]
            shown[category] = [report for report in reports if report not in cut]
            room -= len(own)
        # Where CI is set, pytest would show each message whole again: the failures above have it already.
        short = any(hasattr(report, "tdwii") for reports in every.values() for report in reports)
        with _in_stats(terminal, shown), pytest.MonkeyPatch.context() as patch:
            if short:
                patch.setattr(terminal.config.option, "force_short_summary", True)
            show()
        if left := sum(len(every[category]) - len(shown[category]) for category in every):
            terminal.write_line(f"... and {left} more; the table below names their requirements")

    return limited


class _in_stats:  # a context manager, used like a function
    """Show other reports than there are."""

    def __init__(self, terminal: TerminalReporter, shown: dict[str, list[pytest.TestReport]]) -> None:
        self._stats, self._shown = terminal.stats, shown

    def __enter__(self) -> None:
        self._all = {category: self._stats[category] for category in self._shown if category in self._stats}
        self._stats.update({category: self._shown[category] for category in self._all})

    def __exit__(self, *_: object) -> None:
        self._stats.update(self._all)


def _lines(report: pytest.TestReport) -> int:
    return FRAME + str(report.longrepr).count("\n") + sum(2 + text.count("\n") for _, text in report.sections)

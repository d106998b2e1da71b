"""What a terminal shows of a run's failures: each requirement that is not met once. What has no verdict is shown as pytest does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

__all__ = ["by_requirement", "said"]

ERRORS = 3  # tests that ended in an error of ours, whose traceback is shown


def said(config: pytest.Config, sentence: str) -> None:
    """Say something on the terminal, also while the output of a fixture is captured.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    sentence : str
        What to say.
    """
    terminal, capture = (config.pluginmanager.getplugin(name) for name in ("terminalreporter", "capturemanager"))
    if terminal is None:  # a worker's standard output is not the terminal
        print(sentence, file=sys.__stderr__, flush=True)
        return
    with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
        terminal.ensure_newline()
        terminal.write_line(sentence)


def by_requirement(terminal: TerminalReporter) -> None:
    """Have a terminal leave out the failures that are verdicts, which are shown by requirement, and most of many errors.

    Parameters
    ----------
    terminal : TerminalReporter
        pytest's own.
    """
    for category, method in (("failed", "summary_failures"), ("error", "summary_errors")):
        setattr(terminal, method, _without_verdicts(terminal, category, getattr(terminal, method)))
    terminal.short_test_summary = _names(terminal, terminal.short_test_summary)  # type: ignore[method-assign]


def _verdict(report: Any) -> str:
    record = getattr(report, "tdwii", None)
    return str(record["verdict"]) if record else ""


def _without_verdicts(terminal: TerminalReporter, category: str, show: Callable[[], None]) -> Callable[[], None]:
    def limited() -> None:
        every = terminal.stats.get(category, [])
        errors = [report for report in every if _verdict(report) == "error"]
        left = errors[ERRORS:]
        with _in_stats(terminal, {category: [one for one in every if _verdict(one) in ("", "error") and one not in left]}):
            show()
        if left:
            terminal.write_line(f"{len(left)} more ended in an error: --failure-lines 0 shows them")

    return limited


def _names(terminal: TerminalReporter, show: Callable[[], None]) -> Callable[[], None]:
    def limited() -> None:
        every = {category: terminal.stats.get(category, []) for category in ("failed", "error")}
        with _in_stats(terminal, {name: [one for one in reports if not _verdict(one)] for name, reports in every.items()}):
            show()

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

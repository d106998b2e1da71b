"""The verdicts of the whole run: the table, the page, the evidence, the comparison with a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .keys import EARLY_END, FAULTY_END, UNUSABLE, system_key
from .under_test import catalogue_of, edition_of, name_of_system

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from ..report.verdicts import TestVerdict


class Collector:
    """Gathers the verdicts of all workers, and writes what was asked for at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.verdicts: list[TestVerdict] = []
        self.early: dict[str, bool] = {}  # scenarios that ended before their end, and whether a verdict has to tell it
        self.comparison: Any = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict from a test's report, wherever it ran."""
        record = getattr(report, "tdwii", None)
        if record is not None:
            from ..report.verdicts import TestVerdict

            self.verdicts.append(TestVerdict(**record))
            for name, early in report.user_properties:
                if name in (EARLY_END, FAULTY_END):
                    told = name == EARLY_END or record["verdict"] in ("failed", "warned", "error")
                    self.early[str(early)] = self.early.get(str(early), True) and not told

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail for a scenario that ended early without a verdict on it; compare with the baseline: it decides the exit code."""
        if self._untold() and session.exitstatus == 0:
            session.exitstatus = 1
        baseline = self.config.getoption("tdwii_baseline")
        if not baseline or not self.verdicts:
            return
        from ..report import baseline as gate

        path = Path(baseline)
        name, edition = name_of_system(self.config), edition_of(self.config)
        try:
            earlier = gate.read(path) if path.exists() or not self.config.getoption("tdwii_update_baseline") else None
            if earlier is not None:
                gate.check_same_system(earlier, system=name, edition=edition, path=path)
            if self.config.getoption("tdwii_update_baseline"):
                gate.write(
                    path, gate.updated(earlier, self.verdicts, system=name, edition=edition, known=catalogue_of(self.config))
                )
                return
        except gate.BaselineError as error:
            self.comparison = error
            session.exitstatus = UNUSABLE
            return
        if earlier is not None:
            self.comparison = gate.compare(earlier, self.verdicts)
            if session.exitstatus in (0, 1) and not (session.shouldstop or session.shouldfail):
                session.exitstatus = 1 if self.comparison.worse else 0

    def _untold(self) -> list[str]:
        """Return the scenarios that ended early by a fault of which no verdict tells."""
        return [early for early, untold in self.early.items() if untold]

    def _notices(self) -> list[str]:
        return [
            f"scenario {early}{'; no verdict tells it: the run fails' if untold else ''}" for early, untold in self.early.items()
        ]

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print the table, write the page and the evidence, and say where they are."""
        if not self.verdicts:
            return
        from ..report import render_table

        out = terminalreporter
        out.section("TDW-II conformance")
        width = out._tw.fullwidth
        out.write_line(render_table(self.verdicts, catalogue_of(self.config), width=width, color=bool(out._tw.hasmarkup)).rstrip())
        for notice in self._notices():
            out.write_line(notice, yellow=True)
        self._write_reports(out)
        if self.comparison is not None:
            out.section("compared with the baseline")
            out.write_line(str(self.comparison))

    def _write_reports(self, out: TerminalReporter) -> None:
        if evidence := self.config.getoption("tdwii_evidence"):
            from ..report.evidence import write_evidence

            write_evidence(Path(evidence), self.verdicts)
            out.write_line(f"evidence: {Path(evidence).resolve()}")
        if page := self.config.getoption("tdwii_report"):
            from ..report.html import write_html

            write_html(
                Path(page),
                self.verdicts,
                catalogue_of(self.config),
                system=name_of_system(self.config),
                edition=edition_of(self.config),
                description=self.config.stash[system_key].description if system_key in self.config.stash else "",
                notices=self._notices(),
            )
            out.write_line(f"report: {Path(page).resolve()}")

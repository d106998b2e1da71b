"""The verdicts of the whole run: the table, the page, the evidence, the comparison with a baseline."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key

from .hiding import TRANSCRIPTS, Hiding, note_transcripts
from .keys import EARLY_END, FAULTY_END, SET_UP_WRONG, UNUSABLE, first_look_key, requirement_key, system_key
from .terminal import by_requirement
from .under_test import again_of, catalogue_of, deviations_of, edition_of, name_of_system

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from ..report.results import Results
    from ..report.share import Share
    from ..report.verdicts import TestVerdict

SELECTED = "tdwii_selected"  # what a worker says of the tests that it has
SEPARATOR = "\x1f"  # in what xdist sends of a test: before its scope and its requirement; no id has it, as pytest escapes it


def selected_of(items: Iterable[pytest.Item]) -> dict[str, str]:
    """Return the tests that judge something, by id, with their requirements."""
    return {item.nodeid: item.stash[requirement_key].id for item in items if requirement_key in item.stash}


class Collector:
    """Gathers the verdicts of all workers, and writes what was asked for at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.verdicts: list[TestVerdict] = []
        self.early: dict[str, bool] = {}  # scenarios that ended before their end, and whether a verdict has to tell it
        self.comparison: Any = None
        self.selected: dict[str, str] = {}  # tests that are to run, with their requirements
        self.session: pytest.Session | None = None
        self._results: Results | None = None
        self.hiding = Hiding(config) if config.getoption("tdwii_pseudonymise") else None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Know the session: it says at the end why it ended."""
        self.session = session

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what is to be judged, to say at the end what was not."""
        self.selected.update(selected_of(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """The same of a worker, which may never say more: none does when the run is interrupted."""
        sent = (one.split(SEPARATOR) for one in ids if SEPARATOR in one)
        self.selected.update({nodeid: requirement for nodeid, _, requirement in sent if requirement})

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """The same of a worker."""
        output = getattr(node, "workeroutput", {})
        self.selected.update(output.get(SELECTED, {}))
        for folder in output.get(TRANSCRIPTS, ()):
            note_transcripts(self.config, Path(folder))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict from a test's report, wherever it ran."""
        record = getattr(report, "tdwii", None)
        if record is not None:
            from ..report.verdicts import TestVerdict

            self.verdicts.append(TestVerdict(**record))
            for name, said in report.user_properties:
                if name in (EARLY_END, FAULTY_END):
                    told = name == EARLY_END or record["verdict"] in ("failed", "warned", "error")
                    self.early[str(said)] = self.early.get(str(said), True) and not told
                elif name == SET_UP_WRONG:
                    self._notice(str(said))

    def _notice(self, wrong: str) -> None:
        """Note what a test found to be set up wrong; with several workers each finds it out, and it is said once."""
        noticed = self.config.stash.setdefault(first_look_key, [])
        if wrong not in noticed:
            noticed.append(wrong)

    def unfinished(self) -> str:
        """Return why the run did not come to its end; empty if it did."""
        session = self.session
        if session is None or not self._left_out():
            return ""
        if session.exitstatus == pytest.ExitCode.INTERRUPTED and not session.shouldstop:
            return "the run was interrupted"
        return f"the run ended early: {session.shouldstop or session.shouldfail or 'not all tests were run'}"

    def _left_out(self) -> list[tuple[str, str]]:
        judged = {verdict.nodeid for verdict in self.verdicts}
        return [(test, requirement) for test, requirement in self.selected.items() if test not in judged]

    def all_verdicts(self) -> list[TestVerdict]:
        """Return the verdicts, and for each test that was not run that it judged nothing."""
        why = self.unfinished()
        if not why:
            return self.verdicts
        from ..report.verdicts import TestVerdict

        left_out = [TestVerdict(requirement, test, "skipped", f"not judged: {why}") for test, requirement in self._left_out()]
        return [*self.verdicts, *left_out]

    def results(self) -> Results:
        """Return the results of the run, of which all reports are made; to be asked for when all tests have ended."""
        if self._results is None:
            from ..report.results import DeviationEntry, results_of

            made = results_of(
                self.all_verdicts(),
                catalogue_of(self.config),
                system=name_of_system(self.config),
                edition=edition_of(self.config),
                description=self.config.stash[system_key].description if system_key in self.config.stash else "",
                notices=self._notices(),
                again=again_of(self.config),
                deviations=[DeviationEntry(**one) for one in described_deviations(deviations_of(self.config))],
            )
            self._results = self.hiding.results(made) if self.hiding is not None else made
        return self._results

    def share(self) -> Share:
        """Return how much of what applies was judged."""
        from ..report.share import share_of
        from ..report.verdicts import requirement_verdicts

        return share_of(requirement_verdicts(self.all_verdicts()))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Decide the exit code, and say in the last line how much was judged."""
        self._decide(session)
        if self.verdicts:
            share, required = self.share(), self.config.getoption("tdwii_require_judged")
            self._tell_junit(share)
            if required is not None and 100 * share.judged < required * share.applicable and session.exitstatus == 0:
                session.exitstatus = 1
        yield
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if self.verdicts and terminal is not None:
            too_little = required is not None and 100 * share.judged < required * share.applicable
            also = f": less than the {required:g} % required, the run fails" if too_little else ""
            terminal.write_line(f"{share}{also}", red=too_little or share.little)

    def _tell_junit(self, share: Share) -> None:
        xml = self.config.stash.get(xml_key, None)
        if xml is None:
            return
        xml.add_global_property("judged", str(share.judged))
        xml.add_global_property("applicable", str(share.applicable))
        xml.add_global_property("judged percent", str(share.percent))
        for one in self.results().requirements:
            if one.verdict == "warned":
                xml.add_global_property("warned", f"{one.id} {one.statement}")
        if why := self.unfinished():
            xml.add_global_property("not finished", why)
            for test, requirement in self._left_out():
                xml.add_global_property("not judged", f"{requirement} {test}")

    def _decide(self, session: pytest.Session) -> None:
        """Fail for a scenario that ended early without a verdict on it; compare with the baseline: it decides the exit code."""
        if self._unreported() and session.exitstatus == 0:
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
                    path, gate.updated(earlier, self._judged(), system=name, edition=edition, known=catalogue_of(self.config))
                )
                return
        except gate.BaselineError as error:
            self.comparison = error
            session.exitstatus = UNUSABLE
            return
        if earlier is not None:
            self.comparison = gate.compare(earlier, self._judged())
            if session.exitstatus in (0, 1) and not (session.shouldstop or session.shouldfail):
                session.exitstatus = 1 if self.comparison.worse else 0

    def _unreported(self) -> list[str]:
        """Return the scenarios that ended early by a nonconformity that no verdict shows."""
        return [early for early, unreported in self.early.items() if unreported]

    def _notices(self) -> list[str]:
        why = self.unfinished()
        left_out = sorted({requirement for _, requirement in self._left_out()})
        ended = f"{why}; {len(self._left_out())} tests of {len(left_out)} requirements were not run"
        wrong = [f"set up wrong: {sentence}" for sentence in self.config.stash.get(first_look_key, [])]
        return (
            wrong
            + ([ended] if why else [])
            + [
                f"scenario {early}{'; no verdict tells it: the run fails' if unreported else ''}"
                for early, unreported in self.early.items()
            ]
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> Generator[None]:
        """Show what is not met, each requirement once; then the table, and where page and evidence are."""
        lines = self.config.getoption("tdwii_failure_lines")
        if lines:
            by_requirement(terminalreporter)
        yield
        if lines and self.verdicts and self.config.getoption("tbstyle") != "no":
            self._show_failures(terminalreporter, lines)
        self._summarize(terminalreporter)

    def _judged(self) -> list[TestVerdict]:
        """Return the verdicts of the tests that were run, as the results have them."""
        run = {verdict.nodeid for verdict in self.verdicts}
        return [verdict for verdict in self.results().verdicts if verdict.nodeid in run]

    def _show_failures(self, out: TerminalReporter, lines: int) -> None:
        from ..report.brief import brief

        if text := brief(self.results(), width=out._tw.fullwidth, lines=lines):
            out.section("not met")
            out.write_line(text)
            page = self.config.getoption("tdwii_report")
            rest = f"are in {page}" if page else "are in the report page: --report FILE writes it"
            out.write_line(f"All messages and findings {rest}; --failure-lines 0 shows them here, test by test.")

    def _summarize(self, out: TerminalReporter) -> None:
        """Print the table, write the page and the evidence, and say where they are."""
        if not self.verdicts:
            return
        from ..report import render_table

        out.section("TDW-II conformance")
        if warning := self.share().warning:
            out.write_line(warning, red=True, bold=True)
        width = out._tw.fullwidth
        table = render_table(self.results().verdicts, catalogue_of(self.config), width=width, color=bool(out._tw.hasmarkup))
        out.write_line(table.rstrip())
        for notice in self.results().notices:
            out.write_line(notice, yellow=True)
        self._write_reports(out)
        if self.comparison is not None:
            out.section("compared with the baseline")
            out.write_line(str(self.comparison))

    def _write_reports(self, out: TerminalReporter) -> None:
        from ..report.results import write_results

        results = self.results()
        if self.hiding is not None:
            self.hiding.junit()
            for line in self.hiding.trouble:
                out.write_line(line, red=True)
        if evidence := self.config.getoption("tdwii_evidence"):
            from ..report.evidence import write_evidence

            write_evidence(Path(evidence), results.verdicts)
            out.write_line(f"evidence: {Path(evidence).resolve()}")
        if file := self.config.getoption("tdwii_results"):
            write_results(Path(file), results)
            out.write_line(f"results: {Path(file).resolve()}")
        if folder := self.config.getoption("allure_report_dir", None):
            from ..report.allure import write_allure

            write_allure(Path(folder), results)
        if page := self.config.getoption("tdwii_report"):
            Path(page).parent.mkdir(parents=True, exist_ok=True)
            Path(page).write_text(results.page(catalogue_of(self.config)), encoding="utf-8", newline="\n")
            out.write_line(f"report: {Path(page).resolve()}")


def described_deviations(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the deviations of simulators as results have them."""
    from ..defects import Defect, chosen

    for one in chosen(list(names)):
        yield {
            "name": one.name,
            "kind": one.kind,
            "actor": one.actor,
            "sentence": one.sentence,
            "requirements": one.requirements if isinstance(one, Defect) else (),
        }

"""Runs the conformance suite: one function for ``tdwii run``, for the proof, and for users from Python.

The suite is pytest's; what is judged, and how, is the plugin's and the suite's own ``suite.ini``, in a checkout as in an
installation. Here is what starts it, and hands back the verdicts as data.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .. import resources
from ..report.verdicts import TestVerdict

if TYPE_CHECKING:
    from ..plugin.keys import Setting
    from ..sut.config import Edition, SystemUnderTest

__all__ = ["EngineError", "Result", "UnknownPart", "find_tests", "run"]


class EngineError(Exception):
    """The suite could not be run; the message says why, as pytest does."""


class UnknownPart(ValueError):
    """What was named is no part of the suite; the message names what there is."""


@dataclass(frozen=True)
class Result:
    """What a run found.

    Parameters
    ----------
    exit_code : int
        pytest's: 0 everything is met, 1 it is not, 2 interrupted, 4 it cannot be judged, 5 there was no test.
    verdicts : tuple of TestVerdict
        Of each test, in the order in which they ended. `report.verdicts.requirement_verdicts` adds them up.
    errors : tuple of str
        What failed without a verdict: a module that cannot be collected, a fixture at its end. Neither met nor violated.
    output : str
        What pytest would have printed; empty if it was.
    problem : Exception, optional
        Why nothing was judged: `sut.config.ConfigError`, or `plugin.NotReachable`.
    """

    exit_code: int
    verdicts: tuple[TestVerdict, ...] = ()
    errors: tuple[str, ...] = ()
    output: str = ""
    problem: Exception | None = None


def run(
    parts: Sequence[str] = (),
    *,
    system: Path | str | SystemUnderTest | None = None,
    deviations: Sequence[str] = (),
    edition: Edition | None = None,
    options: Sequence[str] = (),
    suite: Path | None = None,
    show: bool = False,
    setting: Setting | None = None,
    plugins: Sequence[object] = (),
) -> Result:
    """Run the conformance suite, or a part of it, in this process.

    Parameters
    ----------
    parts : sequence of str
        Folders, files or tests of the suite: ``"tms"``, ``"tms/test_ro60_in_progress.py"``, ``"ost/test_x.py::test_y"``; and
        requirements by id, transaction or section: ``"RO60-TMS-004"``, ``"RO-60"``, ``"CC.2.3"``. What is in one of them is
        run; all without.
    system : Path, str or SystemUnderTest, optional
        The TOML file that describes the system under test, or what `sut.config.load_system` made of it. The simulators are
        judged without. An object cannot be judged by several workers (``-n``), which read the file themselves.
    deviations : sequence of str
        Names of defects and variations that the simulators have.
    edition : {"ti", "2013"}, optional
        Of TDW-II, if not that of the system.
    options : sequence of str
        More of pytest's options and of ours: ``["-k", "claim"]``, ``["--tdwii-report", "report.html"]``.
    suite : Path, optional
        Other conformance tests than those that came with the package.
    show : bool
        Whether pytest prints what it does. Else that is in the result's `output`, and PYTEST_ADDOPTS has no effect.
    setting : Setting, optional
        What the embedded simulators are run with, if not as usual; see `plugin.keys.Setting`.
    plugins : sequence of object
        pytest plugins, which see the run in this process.

    Returns
    -------
    Result
        Verdicts and exit code.

    Raises
    ------
    UnknownPart
        If something named is no part of the suite.
    ConfigError
        If the description of the system is wrong (only with ``show=False``; else it is the result's `problem`).
    NotReachable
        If a system under test is not there (likewise).
    EngineError
        If an option is wrong, or pytest could not run the tests (likewise).
    """
    folder = suite if suite is not None else resources.suite()
    arguments = [*resources.pytest_arguments(folder), *_deviating(deviations)]
    if edition is not None:
        arguments += ["--tdwii-edition", edition]
    if isinstance(system, (str, Path)):
        arguments += ["--tdwii-sut", str(system)]
    requirements = [part for part in parts if _is_requirement(folder, part)]
    arguments += [f"--tdwii-requirement={name}" for name in requirements]
    selected = _selection(folder, [part for part in parts if part not in requirements])
    if requirements and selected:  # both: pytest by itself would take what is in the parts and of the requirements
        arguments += [f"--tdwii-part={part}" for part in selected]
        selected = []
    arguments += [*options, *(selected or [str(folder)])]
    listener = _Listener(setting, None if isinstance(system, (str, Path)) else system)
    here = Path.cwd()
    try:
        with _unseen(not show) as said:
            code = int(pytest.main(arguments, plugins=[listener, *plugins]))
    finally:
        os.chdir(here)
    if not show and code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        raise listener.problem or EngineError(listener.ended or said.getvalue().strip())
    return Result(code, tuple(listener.verdicts), tuple(listener.errors), said.getvalue(), listener.problem)


def find_tests(requirements: Sequence[str], *, folder: Path | None = None) -> dict[str, list[str]]:
    """Return the tests of requirements, as the suite names them, without running anything.

    Parameters
    ----------
    requirements : sequence of str
        Ids.
    folder : Path, optional
        The suite, as for `run`.
    """
    from ..plugin.keys import requirement_key

    found: dict[str, list[str]] = {}

    class Seen:
        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            for item in items:
                found.setdefault(item.stash[requirement_key].id, []).append(item.nodeid)

    seen = Seen()
    named = [f"--tdwii-requirement={name}" for name in requirements]
    for edition in ("ti", "2013"):
        run(options=["--collect-only", "-q", "--inject", f"--tdwii-edition={edition}", *named], suite=folder, plugins=[seen])
        if set(found) >= set(requirements):
            break
    return {name: list(dict.fromkeys(tests)) for name, tests in found.items()}


def _deviating(names: Sequence[str]) -> list[str]:
    if not names:  # a thousand deviations are not made for none
        return []
    from ..defects import VARIATIONS

    return [f"--tdwii-{'variation' if name in VARIATIONS else 'defect'}={name}" for name in names]


def _is_requirement(suite: Path, part: str) -> bool:
    if "/" in part or "::" in part or part.endswith(".py") or (suite / part).exists():
        return False
    from ..profile import load_catalogue
    from ..profile.search import named

    return bool(named(load_catalogue(), part))


def _selection(suite: Path, parts: Sequence[str]) -> list[str]:
    """Return the parts of the suite as pytest is told them."""
    chosen = []
    for part in parts:
        path, colons, test = part.partition("::")
        if not (suite / path).exists() or Path(path).is_absolute():
            there = sorted(entry.name for entry in suite.iterdir() if entry.is_dir() and any(entry.glob("test_*.py")))
            known = f"there are {', '.join(there)}, and their files; and requirements, as RO60-TMS-004, RO-60 or CC.2.3"
            raise UnknownPart(f"{part!r} is no part of the suite: {known}")
        chosen.append(f"{suite / path}{colons}{test}")
    return chosen


@contextmanager
def _unseen(unseen: bool) -> Iterator[io.StringIO]:
    """Keep what is printed, if nobody is to see it; and leave out options that were meant for another run of pytest."""
    text = io.StringIO()
    with ExitStack() as stack:
        if unseen:
            stack.enter_context(redirect_stdout(text))
            stack.enter_context(redirect_stderr(text))
            if (meant := os.environ.pop("PYTEST_ADDOPTS", None)) is not None:
                stack.callback(os.environ.__setitem__, "PYTEST_ADDOPTS", meant)
        yield text


class _Listener:
    """A plugin of the run: brings what is no text, and takes the verdicts from the reports as the suite's own reports do."""

    def __init__(self, setting: Setting | None, system: SystemUnderTest | None) -> None:
        self.setting, self.system = setting, system
        self.verdicts: list[TestVerdict] = []
        self.errors: list[str] = []
        self.ended = ""
        self._config: pytest.Config | None = None

    @property
    def problem(self) -> Exception | None:
        """Why the system could not be judged."""
        from ..plugin.keys import problem_key

        return self._config.stash.get(problem_key, None) if self._config else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        from ..plugin.keys import setting_key, system_key

        self._config = config
        if self.setting is not None:
            config.stash[setting_key] = self.setting
        if self.system is not None:
            if config.getoption("numprocesses", None):
                raise pytest.UsageError("a system given as an object cannot be judged by several workers: give its file")
            config.stash[system_key] = self.system

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record: dict[str, Any] | None = getattr(report, "tdwii", None)
        if record is not None:
            self.verdicts.append(TestVerdict(**record))
        elif report.failed:
            self.errors.append(f"{report.nodeid} ({report.when}): {report.longreprtext}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}: cannot be collected: {report.longreprtext}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.ended = str(excinfo.value)

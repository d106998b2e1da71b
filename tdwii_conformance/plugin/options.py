"""The options of the suite, and the system under test that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..transcript.exchange import Transcript
from .keys import UNUSABLE, recorded_key, system_key, wire_key
from .reports import Collector
from .under_test import described_system, deviations_of, edition_of, name_of_recorded, recorded_run, trouble_with


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    group = parser.getgroup("tdwii", "TDW-II conformance")
    group.addoption("--sut", metavar="FILE", help="the system under test, described in a TOML file")
    group.addoption("--entities", metavar="FILE", help="address book (ApplicationEntities.json) for hosts and ports")
    group.addoption("--embedded", action="store_true", help="judge the simulated TMS and OST (default without --sut)")
    group.addoption("--defect", metavar="NAME", action="append", default=[], help="give the simulators a named defect; repeat")
    group.addoption("--variation", metavar="NAME", action="append", default=[], help="give them a named variation; repeat")
    group.addoption("--edition", choices=("ti", "2013"), help="edition of TDW-II to judge by (default: the system's, or ti)")
    group.addoption("--report", metavar="FILE", help="write the verdicts and their evidence as one HTML page")
    group.addoption("--evidence", metavar="DIR", help="write the exchanges of each test as dcmdump text")
    group.addoption(
        "--record", metavar="DIR", help="where what a TDD or watcher under test does is written (default: tdwii-transcripts/TIME)"
    )
    group.addoption("--transcript", metavar="PATH", help="judge a recorded run again: a file or folder that --record wrote")
    group.addoption(
        "--inject", action="store_true", help="get in the TDD's way as well: empty worklist, refusals, ... (level should)"
    )
    group.addoption("--baseline", metavar="FILE", help="compare the verdicts with an earlier run: fail only on what got worse")
    group.addoption("--update-baseline", action="store_true", help="write the baseline file from this run")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and read the system's description, so that a mistake there ends the run at once."""
    config.addinivalue_line("markers", "requirement(id): the requirement of the catalogue that the test judges")
    config.addinivalue_line("markers", "long: takes long for its number of tests; several workers begin with its module")
    if config.getoption("--update-baseline") and not config.getoption("--baseline"):
        raise pytest.UsageError("--update-baseline needs --baseline FILE to say which file to write")
    config.stash[wire_key] = Transcript()
    _check_deviations(config)
    if config.getoption("--sut") or config.getoption("--entities"):
        if config.getoption("--embedded"):
            raise pytest.UsageError("--embedded and --sut/--entities exclude each other: name one system under test")
        config.stash[system_key] = described_system(config)
    if path := config.getoption("--transcript"):
        if config.getoption("--embedded") or system_key in config.stash:
            raise pytest.UsageError("--transcript judges what was recorded: it goes without --embedded, --sut and --entities")
        config.stash[recorded_key] = recorded_run(Path(path))
    if not hasattr(config, "workerinput"):
        collector = Collector(config)
        config.pluginmanager.register(collector, "tdwii-collector")


def _check_deviations(config: pytest.Config) -> None:
    names = deviations_of(config)
    if not names:
        return
    from ..defects import UnknownDeviation, chosen

    if config.getoption("--sut") or config.getoption("--entities"):
        raise pytest.UsageError("--defect and --variation are for the embedded simulators: leave out --sut and --entities")
    try:
        chosen(names)
    except UnknownDeviation as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look once whether a remote system is there and will talk, before hundreds of tests find out one by one."""
    config = session.config
    remote = system_key in config.stash and not hasattr(config, "workerinput") and not config.getoption("collectonly")
    if remote and (message := trouble_with(config.stash[system_key])):
        pytest.exit(message, returncode=UNUSABLE)


def pytest_report_header(config: pytest.Config) -> str | list[str] | None:
    """Say who is judged and by which edition, and what is wrong with the simulators."""
    if system_key in config.stash:
        return f"system under test: {config.stash[system_key].description}, TDW-II edition {edition_of(config)}"
    if names := deviations_of(config):
        from ..defects import chosen

        return [f"the simulated {d.actor} has the {d.kind} {d.name}: {d.sentence}" for d in chosen(names)]
    if recorded_key in config.stash:
        systems = ", ".join(sorted({name_of_recorded(one) for one in config.stash[recorded_key]}))
        return f"recorded: {systems}, TDW-II edition {edition_of(config)}"
    return None

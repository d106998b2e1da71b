"""The options of the suite, and the system under test that they name."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from ..dimse import Patience
from ..transcript.exchange import Transcript
from .keys import NotReachable, first_look_key, patience_key, problem_key, recorded_key, system_key, wire_key
from .progress import Progress
from .reports import Collector
from .under_test import described_system, deviations_of, edition_of, first_look, name_of_recorded, recorded_run, trouble_with


def percent(text: str) -> float:
    """Return a number of percent, written with or without the sign.

    Raises
    ------
    argparse.ArgumentTypeError
        For what is none, or not between 0 and 100.
    """
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: a number from 0 to 100, for example 90%")
    return number


# Name and properties of each option. Its values are kept as ``tdwii_NAME``, so that they clash with no other plugin's.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sut": {"metavar": "FILE", "help": "the system under test, described in a TOML file"},
    "entities": {"metavar": "FILE", "help": "address book (ApplicationEntities.json) for hosts and ports"},
    "embedded": {"action": "store_true", "help": "judge the simulated TMS and OST (default without --sut)"},
    "defect": {"metavar": "NAME", "action": "append", "default": [], "help": "give the simulators a named defect; repeat"},
    "variation": {"metavar": "NAME", "action": "append", "default": [], "help": "give them a named variation; repeat"},
    "edition": {"choices": ("ti", "2013"), "help": "edition of TDW-II to judge by (default: the system's, or ti)"},
    "requirement": {
        "metavar": "NAME",
        "action": "append",
        "default": [],
        "help": "judge these requirements only: an id, a transaction or a section (RO60-TMS-004, RO-60, CC.2.3); repeat",
    },
    "part": {
        "metavar": "PATH",
        "action": "append",
        "default": [],
        "help": "with --requirement: judge all of this folder, file or test as well; repeat",
    },
    "results": {"metavar": "FILE", "help": "write the results of the run as one JSON file, for tdwii report and compare"},
    "report": {"metavar": "FILE", "help": "write the verdicts and their evidence as one HTML page"},
    "evidence": {"metavar": "DIR", "help": "write the exchanges of each test as dcmdump text"},
    "record": {
        "metavar": "DIR",
        "help": "where what a TDD or watcher under test does is written (default: tdwii-transcripts/TIME)",
    },
    "transcript": {"metavar": "PATH", "help": "judge a recorded run again: a file or folder that --record wrote"},
    "inject": {
        "action": "store_true",
        "help": "get in the TDD's way as well: empty worklist, refusals, ... (level should)",
    },
    "pseudonymise": {
        "action": "store_true",
        "help": "replace names, ids, birth dates, UIDs, AE titles and addresses in all files that the run writes",
    },
    "hostile": {
        "action": "store_true",
        "help": "also send what is malformed, and 200 connections, to a system with test_system = true (level should)",
    },
    "baseline": {"metavar": "FILE", "help": "compare the verdicts with an earlier run: fail only on what got worse"},
    "update-baseline": {"action": "store_true", "help": "write the baseline file from this run"},
    "plan": {"action": "store_true", "help": "say how many workitems the run needs and what fewer judge, and run nothing"},
    "require-judged": {
        "metavar": "PERCENT",
        "type": percent,
        "help": "fail when less of the requirements that apply was judged, for example 90%%",
    },
    "failure-lines": {
        "metavar": "LINES",
        "type": int,
        "default": 200,
        "help": "how many lines the terminal shows of what is not met, by requirement; 0: all, test by test (default: 200)",
    },
}


def option(config: pytest.Config, name: str) -> Any:
    """Return the value of an option of the suite.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    name : str
        The option's name in `OPTIONS`: without ``--`` and without prefix.
    """
    return config.getoption(_dest(name))


def _dest(name: str) -> str:
    return f"tdwii_{name.replace('-', '_')}"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the suite's options: each with the prefix ``--tdwii-``, and without it where no other plugin has that name.

    The other plugins are known when the first conftest.py is read; before that, short names have to wait.
    """
    group = _group(parser)
    for name, properties in OPTIONS.items():
        group.addoption(f"--tdwii-{name}", dest=_dest(name), **{**properties, "help": argparse.SUPPRESS})
    if pluginmanager.is_blocked("cacheprovider"):  # whose key `tdwii run` always gives
        parser.addini("cache_dir", "not used: the cache provider is turned off (-p no:cacheprovider)")
    if any(name.endswith("conftest.py") for name, _ in pluginmanager.list_name_plugin()):
        _add_short_names(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Add the short names of the options, now that all plugins of other distributions have added theirs."""
    _add_short_names(parser)
    early_config.known_args_namespace = parser.parse_known_args(args, namespace=copy(early_config.option))


def _group(parser: pytest.Parser) -> pytest.OptionGroup:
    return parser.getgroup("tdwii", "TDW-II conformance (each also as --tdwii-NAME: for where another plugin has --NAME)")


def _add_short_names(parser: pytest.Parser) -> None:
    group = _group(parser)
    for name, properties in OPTIONS.items():
        # Another plugin's is his: pytest says so by ValueError in one group of options, argparse in another one.
        with suppress(ValueError, argparse.ArgumentError):
            group.addoption(f"--{name}", dest=_dest(name), **properties)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and read the system's description, so that a mistake there ends the run at once."""
    config.addinivalue_line("markers", "requirement(id): the requirement of the catalogue that the test judges")
    config.addinivalue_line("markers", "one_worker(name): stays on one worker with the others of its module, or of that name")
    config.addinivalue_line("markers", "workitem(use): what the test does to a workitem, where its fixtures do not say it")
    config.addinivalue_line("markers", "long: takes long for its number of tests; several workers begin with its module")
    if option(config, "update-baseline") and not option(config, "baseline"):
        raise pytest.UsageError("--update-baseline needs --baseline FILE to say which file to write")
    config.stash[wire_key] = Transcript()
    config.stash[patience_key] = Patience()
    _check_deviations(config)
    if option(config, "sut") or option(config, "entities"):
        if option(config, "embedded"):
            raise pytest.UsageError("--embedded and --sut/--entities exclude each other: name one system under test")
        config.stash[system_key] = described_system(config)
    if path := option(config, "transcript"):
        if option(config, "embedded") or system_key in config.stash:
            raise pytest.UsageError("--transcript judges what was recorded: it goes without --embedded, --sut and --entities")
        config.stash[recorded_key] = recorded_run(Path(path))
    if not hasattr(config, "workerinput"):
        collector = Collector(config)
        config.pluginmanager.register(collector, "tdwii-collector")
        config.pluginmanager.register(Progress(config), "tdwii-progress")


def _check_deviations(config: pytest.Config) -> None:
    names = deviations_of(config)
    if not names:
        return
    from ..defects import UnknownDeviation, chosen

    if option(config, "sut") or option(config, "entities"):
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
        config.stash[problem_key] = NotReachable(message)
        raise pytest.UsageError(message)
    if remote and config.stash[system_key].tdd.port:
        config.stash[first_look_key] = first_look(config.stash[system_key])


def pytest_report_header(config: pytest.Config) -> str | list[str] | None:
    """Show the system under test, the edition, and the deviations of the simulators."""
    if system_key in config.stash:
        wrong = [f"set up wrong: {sentence}; what depends on it is not judged" for sentence in config.stash.get(first_look_key, [])]
        return [f"system under test: {config.stash[system_key].description}, TDW-II edition {edition_of(config)}", *wrong]
    if names := deviations_of(config):
        from ..defects import chosen

        return [f"the simulated {d.actor} has the {d.kind} {d.name}: {d.sentence}" for d in chosen(names)]
    if recorded_key in config.stash:
        systems = ", ".join(sorted({name_of_recorded(one) for one in config.stash[recorded_key]}))
        return f"recorded: {systems}, TDW-II edition {edition_of(config)}"
    return None

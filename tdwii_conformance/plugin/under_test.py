"""What is judged in this run, and by what: the system, its edition, the catalogue."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..profile import Catalogue, load_catalogue
from ..transcript.exchange import TranscriptError
from ..transcript.observation import Observation
from .keys import Setting, catalogue_key, problem_key, recorded_key, setting_key, system_key

if TYPE_CHECKING:
    from ..sut.config import Edition, SystemUnderTest


NAMED = 3  # deviations that the name of the simulators has


def setting_of(config: pytest.Config) -> Setting:
    """Return the settings of the engine for this run, beside pytest's options."""
    return config.stash.get(setting_key, Setting())


def embedded_of(config: pytest.Config) -> SystemUnderTest:
    """Return the description of the embedded simulators, which are not started."""
    from ..sut.config import embedded

    return setting_of(config).embedded or embedded()


def deviations_of(config: pytest.Config) -> list[str]:
    """Return the names of the simulators' deviations."""
    return [*config.getoption("tdwii_defect"), *config.getoption("tdwii_variation")]


def again_of(config: pytest.Config) -> list[str]:
    """Return the options that name what is judged, for a line that judges it again; deviations apart."""
    words = []
    for name in ("sut", "entities", "transcript", "edition"):
        if value := config.getoption(f"tdwii_{name}"):
            words += [f"--{name}", str(value)]
    return words


def unsupported_by_deviations(config: pytest.Config) -> set[str]:
    """Return the options that the embedded simulators, with their deviations, are not claimed to have."""
    from ..sut.config import OWN_WORKITEMS

    names = deviations_of(config)
    if not names:
        return {OWN_WORKITEMS}
    from ..defects import chosen

    found = chosen(names)
    unsupported = {option for one in found for option in one.unsupported}
    return unsupported if any(one.own for one in found) else unsupported | {OWN_WORKITEMS}


def takes_own_workitems(config: pytest.Config) -> bool:
    """Whether the workitems of the run are those that the system under test has made itself."""
    if system_key in config.stash:
        system = config.stash[system_key]
        return system.tms is not None and system.workitems.own
    return "push" in unsupported_by_deviations(config)


def described_system(config: pytest.Config) -> SystemUnderTest:
    """Return the system that --sut and --entities describe; what is wrong there ends the run."""
    from ..sut.config import ConfigError, load_system

    sut, entities = config.getoption("tdwii_sut"), config.getoption("tdwii_entities")
    try:
        system = load_system(Path(sut) if sut else None, entities=Path(entities) if entities else None)
    except ConfigError as error:
        config.stash[problem_key] = error
        raise pytest.UsageError(str(error)) from error
    edition = config.getoption("tdwii_edition")
    return system.with_edition(edition) if edition else system


def recorded_run(path: Path) -> tuple[Observation, ...]:
    """Return what a recorded run observed."""
    from ..transcript.observation import read_observations

    try:
        found = read_observations(path)
    except TranscriptError as error:
        raise pytest.UsageError(str(error)) from error
    if len(editions := sorted({one.facts.get("edition", "ti") for one in found})) > 1:
        raise pytest.UsageError(f"{path}: recorded by the editions {' and '.join(editions)}: judge one at a time")
    return found


def catalogue_of(config: pytest.Config) -> Catalogue:
    """Return the catalogue, which is read once."""
    if catalogue_key not in config.stash:
        config.stash[catalogue_key] = load_catalogue()
    return config.stash[catalogue_key]


def edition_of(config: pytest.Config) -> Edition:
    """Return the edition of TDW-II that is judged by."""
    if system_key in config.stash:
        return config.stash[system_key].edition
    said: Edition | None = config.getoption("tdwii_edition")
    if said is None and recorded_key in config.stash:
        return "2013" if config.stash[recorded_key][0].facts.get("edition") == "2013" else "ti"
    return said or "ti"


def trouble_with(system: SystemUnderTest) -> str:
    """Return what is wrong with a remote system so that it cannot be judged, or nothing."""
    from ..scu.probe import trouble

    return trouble((("TMS", system.tms), ("OST", system.ost)), calling=system.tdd.ae_title, timeouts=system.timeouts)


def first_look(system: SystemUnderTest) -> list[str]:
    """Return what is set up wrong in a remote system, so that a part of the tests cannot judge it."""
    from ..scu import probe

    peers = (("TMS", system.tms), ("OST", system.ost))
    calling, timeouts = system.tdd.ae_title, system.timeouts
    wrong = probe.first_look(peers, calling=calling, port=system.tdd.port, timeouts=timeouts)
    if system.tms is not None and system.workitems.sources == ("existing",):
        station, date = system.workitems.station, system.workitems.date
        days = system.workitems.start_range(datetime.now().date())
        empty = probe.nothing_scheduled(system.tms, station, date, days, calling=calling, timeouts=timeouts)
        wrong += [empty] if empty else []
    return wrong


def gone(system: SystemUnderTest) -> str:
    """Return which remote system is no longer there, after three tries, or nothing."""
    from ..scu import probe

    return probe.gone((("TMS", system.tms), ("OST", system.ost)), calling=system.tdd.ae_title, timeouts=system.timeouts)


def name_of_recorded(observation: Observation) -> str:
    """Return what the system is called of which something was recorded."""
    return observation.facts.get("system") or "a system without name"


def name_of_system(config: pytest.Config) -> str:
    """Return what the system under test is called in reports and in the baseline."""
    if system_key in config.stash:
        return config.stash[system_key].name
    if recorded_key in config.stash:
        return name_of_recorded(config.stash[recorded_key][0])
    deviations = deviations_of(config)
    more = f" and {len(deviations) - NAMED} more" if len(deviations) > NAMED else ""
    return f"embedded simulators with {', '.join(deviations[:NAMED])}{more}" if deviations else "embedded simulators"

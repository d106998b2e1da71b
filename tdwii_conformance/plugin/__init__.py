"""The pytest plugin: options, the system under test, markers, verdicts, and their way into the reports.

How a test becomes a verdict: it carries ``@pytest.mark.requirement(ID)``; it calls ``judge(findings)``; what it found is
written to the test's report together with the requirement and the exchanges it looked at, so that a worker process of
pytest-xdist, JUnit XML, allure and the tool's own table and page all tell the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..checks import Finding, Judgement
from ..profile import Catalogue, Requirement, load_catalogue
from ..transcript.exchange import Exchange, Transcript, TranscriptError
from ..transcript.observation import Observation

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from ..report.verdicts import TestVerdict
    from ..scu.receiver import Receiver
    from ..sut.config import Edition, SystemUnderTest

UNUSABLE = 4  # exit code: the system cannot be judged (unreachable, or the configuration is wrong)
# Names of the modules that have instances moved to us, or event reports sent, and so need the one port a remote system knows.
LISTENING = re.compile(r"retrieve|store_results|request_cancel|subscribe|event|status_change|sequences")
# Folders of the modules for which we are the TMS and the OST, on the two ports that a remote system knows.
CALLED = re.compile(r"/(tdd|watcher)/")
# Properties of a report: its scenario did not come to its end; by a fault, so that a verdict has to tell it.
EARLY_END, FAULTY_END = "ended early", "ended early by a fault"
SHOWN_LINES = 60  # of an exchange on the terminal; the reports have it whole


class Nonconformity(AssertionError):
    """A requirement is not met; the findings say how, and `exchanges` are what had been exchanged by then."""

    def __init__(self, findings: Iterable[Finding], exchanges: Iterable[Exchange] = ()) -> None:
        self.findings = tuple(findings)
        self.exchanges = tuple(exchanges)
        super().__init__("\n".join(_finding_lines(self.findings)))


catalogue_key = pytest.StashKey[Catalogue]()
system_key = pytest.StashKey["SystemUnderTest"]()
collector_key = pytest.StashKey["Collector"]()
requirement_key = pytest.StashKey[Requirement]()
warnings_key = pytest.StashKey[list[Finding]]()
reading_key = pytest.StashKey[list[str]]()  # noted of one test, each once
wire_key = pytest.StashKey[Transcript]()
mark_key = pytest.StashKey[int]()
recorded_key = pytest.StashKey[tuple[Observation, ...]]()
evidence_key = pytest.StashKey[Iterable[Exchange]]()
early_key = pytest.StashKey[tuple[str, str]]()
notes_key = pytest.StashKey[list[str]]()


def attribute_parameters(message: str, actor: str) -> list[Any]:
    """Return ``pytest.param``s, one for each row of an attribute table, marked with the row's requirement id.

    Parameters
    ----------
    message : str
        The message as the tables call it, for example ``"RO-58 response"``.
    actor : str
        Who makes that message.
    """
    return [pytest.param(r, id=r.id, marks=pytest.mark.requirement(r.id)) for r in load_catalogue().attributes(message, actor)]


def requirement_parameters(actor: str) -> list[Any]:
    """Return ``pytest.param``s, one for each requirement on a system that calls us, marked with its id.

    Parameters
    ----------
    actor : {"TDD", "watcher"}
        What the system is.
    """
    return [pytest.param(r, id=r.id, marks=pytest.mark.requirement(r.id)) for r in load_catalogue().values() if r.actor == actor]


def cell_parameters(section: str) -> list[Any]:
    """Return ``pytest.param``s, one for each cell of the table of a section of Annex CC: event, state; marked with its requirement.

    Parameters
    ----------
    section : {"CC.1.1", "CC.2.3"}
        State table or subscription table.
    """
    return [
        pytest.param(*r.cell, id=f"{r.cell[0]}, {r.cell[1]}", marks=pytest.mark.requirement(r.id))
        for r in load_catalogue().cells(section)
        if r.cell is not None
    ]


# --- options and configuration ---------------------------------------------------------------------------------------


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
        config.stash[system_key] = _described_system(config)
    if path := config.getoption("--transcript"):
        if config.getoption("--embedded") or system_key in config.stash:
            raise pytest.UsageError("--transcript judges what was recorded: it goes without --embedded, --sut and --entities")
        config.stash[recorded_key] = _recorded(Path(path))
    if not hasattr(config, "workerinput"):
        collector = Collector(config)
        config.stash[collector_key] = collector
        config.pluginmanager.register(collector, "tdwii-collector")


def _check_deviations(config: pytest.Config) -> None:
    names = _deviations(config)
    if not names:
        return
    from ..defects import UnknownDeviation, chosen

    if config.getoption("--sut") or config.getoption("--entities"):
        raise pytest.UsageError("--defect and --variation are for the embedded simulators: leave out --sut and --entities")
    try:
        chosen(names)
    except UnknownDeviation as error:
        raise pytest.UsageError(str(error)) from error


def _deviations(config: pytest.Config) -> list[str]:
    return [*config.getoption("--defect"), *config.getoption("--variation")]


def _described_system(config: pytest.Config) -> SystemUnderTest:
    from ..sut.config import ConfigError, load_system

    sut, entities = config.getoption("--sut"), config.getoption("--entities")
    try:
        system = load_system(Path(sut) if sut else None, entities=Path(entities) if entities else None)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from error
    edition = config.getoption("--edition")
    return system.with_edition(edition) if edition else system


def _recorded(path: Path) -> tuple[Observation, ...]:
    from ..transcript.observation import read_observations

    try:
        found = read_observations(path)
    except TranscriptError as error:
        raise pytest.UsageError(str(error)) from error
    if len(editions := sorted({one.facts.get("edition", "ti") for one in found})) > 1:
        raise pytest.UsageError(f"{path}: recorded by the editions {' and '.join(editions)}: judge one at a time")
    return found


def _catalogue(config: pytest.Config) -> Catalogue:
    if catalogue_key not in config.stash:
        config.stash[catalogue_key] = load_catalogue()
    return config.stash[catalogue_key]


def _edition(config: pytest.Config) -> Edition:
    if system_key in config.stash:
        return config.stash[system_key].edition
    said: Edition | None = config.getoption("--edition")
    if said is None and recorded_key in config.stash:
        return "2013" if config.stash[recorded_key][0].facts.get("edition") == "2013" else "ti"
    return said or "ti"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look once whether a remote system is there and will talk, before hundreds of tests find out one by one."""
    config = session.config
    remote = system_key in config.stash and not hasattr(config, "workerinput") and not config.getoption("collectonly")
    if remote and (message := _trouble(config.stash[system_key])):
        pytest.exit(message, returncode=UNUSABLE)


def _trouble(system: SystemUnderTest) -> str:
    from ..scu.probe import trouble

    return trouble((("TMS", system.tms), ("OST", system.ost)), calling=system.tdd.ae_title, timeouts=system.timeouts)


def pytest_report_header(config: pytest.Config) -> str | list[str] | None:
    """Say who is judged and by which edition, and what is wrong with the simulators."""
    if system_key in config.stash:
        return f"system under test: {config.stash[system_key].description}, TDW-II edition {_edition(config)}"
    if names := _deviations(config):
        from ..defects import chosen

        return [f"the simulated {d.actor} has the {d.kind} {d.name}: {d.sentence}" for d in chosen(names)]
    if recorded_key in config.stash:
        systems = ", ".join(sorted({_name_of_recorded(one) for one in config.stash[recorded_key]}))
        return f"recorded: {systems}, TDW-II edition {_edition(config)}"
    return None


def _name_of_recorded(observation: Observation) -> str:
    return observation.facts.get("system") or "a system without name"


# --- collection -----------------------------------------------------------------------------------------------------


def _requirement_of(item: pytest.Item) -> Requirement | None:
    marker = item.get_closest_marker("requirement")
    if marker is None:
        return None
    identifier = marker.args[0]
    # Tests shared by two transactions are marked with the number alone; their class names the prefix.
    prefix = getattr(getattr(item, "cls", None), "requirements", "")
    try:
        return _catalogue(item.config)[identifier if "-" in identifier else f"{prefix}-{identifier}"]
    except KeyError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error.args[0]}") from error


def pytest_itemcollected(item: pytest.Item) -> None:
    """Hold modules that need our listening port to the names by which the scheduler knows them."""
    listens = "receiver" in getattr(item, "fixturenames", ())
    if listens and item.get_closest_marker("requirement") and not LISTENING.search(_module(item.nodeid)):
        raise pytest.UsageError(f"{item.nodeid} uses the fixture receiver: its module's name has to match {LISTENING.pattern!r}")


def _module(nodeid: str) -> str:
    return nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a module on one worker: its exchanges are made once and judged by many tests.

    A remote system knows one address of ours to move to, so the modules that listen there share a worker. (xdist's own
    groups would say the same, but xdist 3.8 marks them in a way that pytest 9 does not see.)
    """
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    remote = system_key in config.stash
    config.option.loadscopereorder = False  # the items come in the order in which modules are to begin

    class ModuleScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            module = _module(nodeid)
            if remote and CALLED.search(module):
                return "floor"
            if module.endswith("defects/test_proof.py"):
                return nodeid  # each of its tests starts systems of its own, and hundreds of them take long
            return "listener" if remote and LISTENING.search(module) else module

    return ModuleScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bind tests to requirements, and leave out other editions."""
    edition = _edition(config)
    kept, left_out = [], []
    for item in items:
        requirement = _requirement_of(item)
        if requirement is None:
            kept.append(item)
            continue
        item.stash[requirement_key] = requirement
        if edition not in requirement.editions:
            left_out.append(item)
            continue
        kept.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    if hasattr(config, "workerinput"):
        _begin_with_the_long(items)


def _begin_with_the_long(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first, so that no worker begins one when the others are done."""
    modules = [_module(item.nodeid) for item in items]
    marked = {_module(item.nodeid) for item in items if item.get_closest_marker("long")}
    sizes, place = Counter(modules), {module: n for n, module in enumerate(dict.fromkeys(modules))}
    items.sort(key=lambda item: ((m := _module(item.nodeid)) not in marked, -sizes[m], place[m]))


# --- one test -------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the vendor does not claim, and label the test for the reports."""
    requirement = item.stash.get(requirement_key, None)
    if requirement is None:
        return
    item.stash[warnings_key] = []
    item.stash[mark_key] = len(item.config.stash[wire_key])
    item.user_properties += [("requirement", requirement.id), ("level", requirement.level)]
    if item.config.pluginmanager.hasplugin("allure_listener"):
        _label_for_allure(requirement)
    if recorded_key in item.config.stash:
        if requirement.actor not in {one.facts.get("actor") for one in item.config.stash[recorded_key]}:
            pytest.skip(f"not recorded: nothing of a {requirement.actor} in --transcript")
    elif system_key in item.config.stash:
        _skip_unclaimed(requirement, item.config.stash[system_key])


def _skip_unclaimed(requirement: Requirement, system: SystemUnderTest) -> None:
    if not system.describes(requirement.actor):
        pytest.skip(f"not described: no [{requirement.actor.lower()}] in the system's description")
    if requirement.capability and requirement.capability not in system.supports(requirement.actor):
        pytest.skip(f"not supported: {requirement.capability}")


def _label_for_allure(requirement: Requirement) -> None:
    import allure

    from ..report.links import source_links

    allure.dynamic.epic(requirement.actor)
    allure.dynamic.feature(requirement.transaction)
    allure.dynamic.story(f"{requirement.id} {requirement.statement}")
    severity = {"shall": "critical", "should": "normal", "may": "minor"}[requirement.level]
    allure.dynamic.severity(getattr(allure.severity_level, severity.upper()))
    allure.dynamic.description(f"{requirement.statement}\n\nSource: {requirement.source}")
    for name, url in source_links(requirement.source):
        allure.dynamic.link(url, name=name)


@pytest.fixture
def requirement(request: pytest.FixtureRequest) -> Requirement:
    """The requirement of the running test, from its marker."""
    found: Requirement = request.node.stash[requirement_key]
    return found


Judge = Callable[[Iterable[Finding] | Judgement], None]


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """A function that takes findings: none passes, a fault fails, warnings alone are noted."""

    def judge_findings(findings: Iterable[Finding] | Judgement) -> None:
        __tracebackhide__ = True
        if isinstance(findings, Judgement):
            if findings.not_judged:
                pytest.skip(f"not judged: {findings.not_judged}")
            findings = findings.findings
        found = list(findings)
        if any(finding.weight == "fault" for finding in found):
            raise Nonconformity(found, request.config.stash[wire_key][request.node.stash[mark_key] :])
        request.node.stash[warnings_key] += found

    return judge_findings


@pytest.fixture
def judge_status(note_reading: Callable[[str], None], requirement: Requirement, judge: Judge) -> Callable[[Exchange], None]:
    """A function that judges an exchange's final status by the requirement's own entry in the catalogue."""
    from ..checks import status

    def judge_exchange(exchange: Exchange) -> None:
        __tracebackhide__ = True
        if reading := status.reading(exchange, requirement):
            note_reading(reading)
        judge(status.status(exchange, requirement))

    return judge_exchange


@pytest.fixture
def judge_observation(request: pytest.FixtureRequest, judge: Judge) -> Callable[[Requirement, Observation], None]:
    """A function that judges what was observed of a system that calls us by one requirement."""
    from ..checks.scu import evidence_of, judge_scu

    def judge_observed(requirement: Requirement, observation: Observation) -> None:
        __tracebackhide__ = True
        request.node.stash[evidence_key] = evidence_of(requirement, observation)
        if observation.early:
            request.node.stash[early_key] = (FAULTY_END if observation.fault else EARLY_END, observation.early)
        judge(judge_scu(requirement, observation))

    return judge_observed


@pytest.fixture
def note_reading(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that notes which of several allowed readings the system follows, for the report.

    A test may note several: what is open in a requirement need not be one thing.
    """
    readings: list[str] = request.node.stash.setdefault(reading_key, [])

    def note(reading: str) -> None:
        if reading not in readings:
            readings.append(reading)

    return note


@pytest.fixture
def note_evidence(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that adds to the evidence what no exchange shows, as text: what was negotiated."""
    notes: list[str] = request.node.stash.setdefault(notes_key, [])
    return notes.append


@pytest.fixture
def new_example(request: pytest.FixtureRequest) -> Callable[[], None]:
    """A function to call at the start of each example of a property: evidence is what the last one exchanged."""

    def begin() -> None:
        request.config.stash[wire_key].forget_since(request.node.stash[mark_key])

    return begin


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the outcome of a test into the verdict on its requirement."""
    report = yield
    requirement = item.stash.get(requirement_key, None)
    if requirement is None or (report.when != "call" and report.passed) or report.when == "teardown":
        return report
    error = call.excinfo.value if call.excinfo else None
    unsteady = _nonconformity_in(error) if isinstance(error, BaseExceptionGroup) else None
    error = unsteady or error
    noted: list[Finding] = item.stash.get(warnings_key, [])
    findings = tuple(noted)
    verdict: str = report.outcome
    reason = ""
    if report.skipped:
        reason = _skip_reason(report)
    elif report.failed:
        if isinstance(error, Nonconformity):
            findings = error.findings
        elif isinstance(error, AssertionError) and report.when == "call":
            findings = (Finding("what the test asserts", str(error).splitlines()[0] if str(error) else "not so"),)
        else:
            verdict, reason = "error", f"{type(error).__name__}: {error}"
        if verdict == "failed" and requirement.level == "should":
            verdict = "warned"
            _let_pass(report, requirement)
        elif verdict == "failed" and requirement.level == "may":
            # A free choice: the report says what the system does instead.
            verdict = "passed"
            _let_pass(report, requirement)
            item.stash.setdefault(reading_key, []).extend(f"not so: {finding.received}" for finding in findings)
            findings = ()
    elif findings:
        verdict = "warned"
    exchanges = _exchanges_seen(item) if report.outcome != "skipped" else []
    if unsteady is not None:
        exchanges = list(unsteady.exchanges)  # what came after is the example that went well
    record = _record(item, report, requirement, verdict, reason, findings, exchanges)
    report.tdwii = record  # type: ignore[attr-defined]  # reports carry what plugins put there, also between processes
    if early_key in item.stash:
        report.user_properties.append(item.stash[early_key])
    report.user_properties.append(("verdict", verdict))
    if verdict in ("failed", "warned"):
        text = _explanation(requirement, findings)
        shown = [("exchange", _shortened(dump)) for dump in record["exchanges"]]
        report.user_properties.append(("findings", text))
        item.user_properties += [("findings", text), *shown]  # JUnit XML has those of the last report, of the teardown
        if verdict == "failed":
            report.longrepr = text
            report.sections += shown
    if item.config.pluginmanager.hasplugin("allure_listener"):
        _attach_to_allure(verdict, requirement, findings, record["exchanges"])
    if verdict in ("failed", "error") and system_key in item.config.stash:
        _stop_if_gone(item)
    return report


def _nonconformity_in(error: BaseException | None) -> Nonconformity | None:
    """Return the fault that Hypothesis found once, and not again when it repeated the example, if the error is one.

    A system that does wrong now and then does wrong.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, Nonconformity) else None
    return next(filter(None, map(_nonconformity_in, error.exceptions)), None)


def _let_pass(report: pytest.TestReport, requirement: Requirement) -> None:
    """Make a test that failed one that passed; or, when a fixture of it failed, one that was skipped: it cannot be called."""
    if report.when == "call":
        report.outcome, report.longrepr = "passed", None
    else:
        path, line, _ = report.location
        report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {requirement.level}, not met")


def _skip_reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")


def _stop_if_gone(item: pytest.Item) -> None:
    """Stop the run when the system under test is no longer there: the rest would fail for that reason alone."""
    if message := _trouble(item.config.stash[system_key]):
        item.session.shouldstop = f"the system under test is gone: {message}"


def _exchanges_seen(item: pytest.Item) -> list[Exchange]:
    """Return what the test looked at: the exchanges among its fixtures, then those made since it began."""
    if evidence_key in item.stash:
        return list(item.stash[evidence_key])
    seen: list[Exchange] = []
    for value in getattr(item, "funcargs", {}).values():
        for exchange in _exchanges_in(value):
            if not any(exchange is known for known in seen):
                seen.append(exchange)
    wire = item.config.stash[wire_key]
    for exchange in wire[item.stash.get(mark_key, len(wire)) :]:
        if not any(exchange is known for known in seen):
            seen.append(exchange)
    return seen


def _exchanges_in(value: object) -> Iterator[Exchange]:
    if isinstance(value, Exchange):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _exchanges_in(one)
    elif isinstance(found := getattr(value, "exchanges", None), (tuple, list, Transcript)):
        yield from found


def _record(
    item: pytest.Item,
    report: pytest.TestReport,
    requirement: Requirement,
    verdict: str,
    reason: str,
    findings: tuple[Finding, ...],
    exchanges: list[Exchange],
) -> dict[str, Any]:
    from ..dcmdump import dump_exchange

    wanted = verdict in ("failed", "warned") or _evidence_wanted(item.config)
    readings: list[str] = item.stash.get(reading_key, [])
    return {
        "requirement": requirement.id,
        "nodeid": report.nodeid,
        "verdict": verdict,
        "reason": reason,
        "reading": "; ".join(readings),
        "findings": [{"expected": f.expected, "received": f.received, "path": f.path, "weight": f.weight} for f in findings],
        # Text is made only where somebody will read it: it costs more than the exchange itself.
        "exchanges": [*item.stash.get(notes_key, ()), *map(dump_exchange, exchanges)] if wanted else [],
        "duration": report.duration,
    }


def _evidence_wanted(config: pytest.Config) -> bool:
    return bool(config.getoption("--evidence") or config.getoption("allure_report_dir", None))


def _finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"  expected: {finding.expected}"
        yield f"  received: {finding.received}"
        if finding.path:
            yield f"  at:       {finding.path}"


def _explanation(requirement: Requirement, findings: Iterable[Finding]) -> str:
    head = f"{requirement.id} ({requirement.level}): {requirement.statement}\n  source:   {requirement.source}"
    return "\n".join([head, *_finding_lines(findings)])


def _shortened(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= SHOWN_LINES:
        return text
    return "\n".join([*lines[:SHOWN_LINES], f"... {len(lines) - SHOWN_LINES} more lines: --report FILE or --evidence DIR"])


def _attach_to_allure(verdict: str, requirement: Requirement, findings: tuple[Finding, ...], exchanges: list[str]) -> None:
    import allure

    if findings:
        allure.attach(_explanation(requirement, findings), "finding", allure.attachment_type.TEXT)
    for number, text in enumerate(exchanges, 1):
        allure.attach(text, f"exchange {number}", allure.attachment_type.TEXT)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show a requirement met with a warning, or a should not met, as such."""
    record = getattr(report, "tdwii", None)
    if record and record["verdict"] == "warned":
        return "warned", "w", ("WARNED", {"yellow": True})
    return None


# --- the systems ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wire(request: pytest.FixtureRequest) -> Transcript:
    """Every exchange of this process, in the order in which they ended."""
    return request.config.stash[wire_key]


@pytest.fixture(scope="session")
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """Our TDD's listener: on the port that the system under test knows, or a free one when that is embedded."""
    from ..scu.receiver import Receiver
    from ..sut.config import embedded

    system = request.config.stash.get(system_key, None) or embedded()
    ours = system.tdd
    listening = Receiver(
        ours.ae_title,
        host=ours.host,
        port=ours.port,
        tls=ours.tls,
        timeouts=system.timeouts,
        transcript=request.config.stash[wire_key],
    )
    with listening:
        yield listening


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> Iterator[SystemUnderTest]:
    """The system under test: the one described by ``--sut``, or simulators started for this process."""
    config = request.config
    if system_key in config.stash:
        yield config.stash[system_key]
        return
    from ..sut.embedded import embedded_system

    ours = request.getfixturevalue("receiver").peer
    with embedded_system(ours, edition=_edition(config), defects=_deviations(config)) as described:
        yield described


# --- the whole run --------------------------------------------------------------------------------------------------


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
        baseline = self.config.getoption("--baseline")
        if not baseline or not self.verdicts:
            return
        from ..report import baseline as gate

        path = Path(baseline)
        name, edition = self._system_name(), _edition(self.config)
        try:
            earlier = gate.read(path) if path.exists() or not self.config.getoption("--update-baseline") else None
            if earlier is not None:
                gate.check_same_system(earlier, system=name, edition=edition, path=path)
            if self.config.getoption("--update-baseline"):
                gate.write(path, gate.updated(earlier, self.verdicts, system=name, edition=edition, known=_catalogue(self.config)))
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

    def _system_name(self) -> str:
        if system_key in self.config.stash:
            return self.config.stash[system_key].name
        if recorded_key in self.config.stash:
            return _name_of_recorded(self.config.stash[recorded_key][0])
        deviations = _deviations(self.config)
        return f"embedded simulators with {', '.join(deviations)}" if deviations else "embedded simulators"

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print the table, write the page and the evidence, and say where they are."""
        if not self.verdicts:
            return
        from ..report import render_table

        out = terminalreporter
        out.section("TDW-II conformance")
        width = out._tw.fullwidth
        out.write_line(render_table(self.verdicts, _catalogue(self.config), width=width, color=bool(out._tw.hasmarkup)).rstrip())
        for notice in self._notices():
            out.write_line(notice, yellow=True)
        self._write_reports(out)
        if self.comparison is not None:
            out.section("compared with the baseline")
            out.write_line(str(self.comparison))

    def _write_reports(self, out: TerminalReporter) -> None:
        if evidence := self.config.getoption("--evidence"):
            from ..report.evidence import write_evidence

            write_evidence(Path(evidence), self.verdicts)
            out.write_line(f"evidence: {Path(evidence).resolve()}")
        if page := self.config.getoption("--report"):
            from ..report.html import write_html

            write_html(
                Path(page),
                self.verdicts,
                _catalogue(self.config),
                system=self._system_name(),
                edition=_edition(self.config),
                description=self.config.stash[system_key].description if system_key in self.config.stash else "",
                notices=self._notices(),
            )
            out.write_line(f"report: {Path(page).resolve()}")

"""The plugin as its users run it: tests of theirs in a folder of their own, in which the plugin is loaded by its name."""

import json
from dataclasses import dataclass, field

import pytest

from tdwii_conformance.dimse import Peer
from tdwii_conformance.sut.embedded import embedded_system
from tests.ports import free_port

LOADED = ("-p", "no:tdwii_conformance", "-p", "tdwii_conformance.plugin", "-p", "no:cacheprovider")
SHALL, SHOULD, MAY = "NEG-TMS-001", "RO59-OST-013", "CC22-TMS-008"
BEGIN = f"""
import pytest
from tdwii_conformance.checks import Finding, Judgement
from tdwii_conformance.profile import load_catalogue
FAULT, WARNING = Finding("this", "that", path="PatientID"), Finding("one thing", "another", weight="warning")
SHALL, SHOULD, MAY = pytest.mark.requirement({SHALL!r}), pytest.mark.requirement({SHOULD!r}), pytest.mark.requirement({MAY!r})
"""


@dataclass
class Ran:
    """What a run said: pytest's exit code, of each test its verdict, reason and reading, and what was printed."""

    code: int
    out: str = ""
    verdicts: dict = field(default_factory=dict)
    reasons: dict = field(default_factory=dict)
    readings: dict = field(default_factory=dict)
    reports: dict = field(default_factory=dict)


class Recorder:
    def __init__(self):
        self.ran = Ran(0)

    def pytest_runtest_logreport(self, report):
        if record := getattr(report, "tdwii", None):
            name = report.nodeid.rpartition("::")[2]
            self.ran.verdicts[name], self.ran.reasons[name] = record["verdict"], record["reason"]
            self.ran.readings[name], self.ran.reports[name] = record["reading"], report


@pytest.fixture
def run(pytester, capfd):
    """Write a module of tests, and run it in this process with the plugin."""

    def run_tests(text="", *arguments, **modules):
        pytester.makepyfile(**({"test_it": BEGIN + text} if text else {}), **{name: BEGIN + said for name, said in modules.items()})
        capfd.readouterr()
        recorder = Recorder()
        arguments = [*LOADED, *map(str, arguments)]
        recorder.ran.code = int(pytester.inline_run(*arguments, plugins=[recorder], no_reraise_ctrlc=True).ret)
        out, err = capfd.readouterr()
        recorder.ran.out = out + err
        return recorder.ran

    return run_tests


@pytest.fixture
def describe(pytester):
    """Write the description of a system: a real TMS and OST of ours, in this process."""
    port = free_port()
    with embedded_system(Peer("TDD", "127.0.0.1", 1)) as system:

        def written(*, ost=True, tms=True, supports=()):
            text = '[system]\nname = "Ours"\n'
            for name, peer, there in (("tms", system.tms, tms), ("ost", system.ost, ost)):
                if there:
                    text += f'[{name}]\nae_title = "{peer.ae_title}"\nhost = "{peer.host}"\nport = {peer.port}\n'
                    text += f"supports = {json.dumps(list(supports) if name == 'tms' else ['store-inputs', 'photon'])}\n"
            text += f'[ours.tdd]\nae_title = "TDD"\nport = {port}\n'
            text += '[workitems]\nsource = "existing"\n[workitems.station]\nvalue = "FX1"\nscheme = "99X"\nmeaning = "FX1"\n'
            return pytester.makefile(".toml", sut=text)

        yield written

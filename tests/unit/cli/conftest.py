"""`tdwii` in this process: arguments in, exit code and what was printed out; and a TDW-II environment to use it on."""

import json
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from tdwii_conformance.cli import main
from tdwii_conformance.dcmdump import save_dicom
from tdwii_conformance.dimse import Peer
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code
from tests.ports import free_port

STATION = Code("FX1", "99X", "Machine 1")


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def tdwii(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder, with nothing of the person's own around."""
    monkeypatch.chdir(tmp_path)
    for name in ("TDWII_ENTITIES", "TDWII_CONFIG", "TDWII_STATE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@dataclass
class Partners:
    """A simulated TMS and OST, and whom they know."""

    tms: TMS
    ost: OST
    known: dict = field(default_factory=dict)

    @property
    def book(self):
        peers = [self.tms.peer, self.ost.peer, *self.known.values()]
        return [{"AETitle": peer.ae_title, "IPAddr": peer.host, "Port": peer.port} for peer in peers]


@pytest.fixture(scope="module")
def environment():
    known = {title: Peer(title, "127.0.0.1", free_port()) for title in ("TDD", "WATCHER")}
    with TMS("UPSSCP", destinations=known) as tms, OST("OST", destinations=known) as ost:
        yield Partners(tms, ost, known)


@pytest.fixture
def floor(environment, tmp_path):
    """The environment, with its address book in the current folder."""
    (tmp_path / "ApplicationEntities.json").write_text(json.dumps(environment.book))
    return environment


@pytest.fixture
def scheduled(floor, tdwii, tmp_path):
    """A workitem on the worklist and its inputs where it says; files of all of them. Put there by `tdwii`."""
    made = objects.new_treatment()
    save_dicom(made.plan, tmp_path / "plan.dcm")
    save_dicom(made.instruction, tmp_path / "rbdi.dcm")
    workitem = objects.workitem(made, tms="UPSSCP", ost="OST", station=STATION, start=datetime.now())
    save_dicom(workitem, tmp_path / "workitem.dcm")
    assert tdwii("store", "OST", "plan.dcm").code == 0
    assert tdwii("store", "UPSSCP", "rbdi.dcm").code == 0
    created = tdwii("create", "UPSSCP", "workitem.dcm")
    assert created.code == 0, created.err
    return ScheduledWorkitem(created.out.strip(), made)


@dataclass
class ScheduledWorkitem:
    uid: str
    treatment: objects.Treatment

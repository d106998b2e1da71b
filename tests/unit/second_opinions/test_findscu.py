"""`tdwii find` beside pynetdicom's own findscu, which it replaces, and its files beside DCMTK."""

import subprocess
import sys
from datetime import datetime

import pytest
from pydicom import dcmread
from test_dcmtk import run, tool

from tdwii_conformance.cli import main
from tdwii_conformance.dcmdump.templates import template
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.stock import furnish
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment.messages import Code

pytestmark = pytest.mark.long

STATION = Code("FX1", "99IHERO2008", "FX1")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The same query file, asked by both of the same TMS; the folders of their responses."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "theirs").mkdir()
    query, text = folder / "query.dcm", folder / "query.txt"
    text.write_text(template("query-scheduled").fill({"StationCode": "FX1"}))
    with TMS("UPSSCP") as tms, OST("OST") as ost:
        furnish(tms, ost, station=STATION, day=datetime.now())
        assert main(["dump2dcm", str(text), str(query)]) == 0
        where = ["127.0.0.1", str(tms.peer.port)]
        theirs = subprocess.run(
            [sys.executable, "-m", "pynetdicom", "findscu", *where, "-aec", "UPSSCP", "--ups", "-f", str(query), "-w"],
            cwd=folder / "theirs", capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert theirs.returncode == 0, theirs.stderr
        assert main(["find", *where, "--query", str(query), "--save", str(folder / "ours")]) == 0
        for record in tms.worklist.records():
            saved = folder / "workitems" / f"UPS_{record.uid}.dcm"
            saved.parent.mkdir(exist_ok=True)
            assert main(["get", *where, record.uid, "--save", str(saved)]) == 0
    return folder


def test_findscu_gets_the_same_responses(asked):
    theirs = [path.name for path in sorted((asked / "theirs").iterdir())]
    assert theirs == ["rsp000001.dcm", "rsp000002.dcm", "rsp000003.dcm"]
    assert [path.name for path in sorted((asked / "ours").iterdir())] == theirs
    for name in theirs:
        assert dcmread(asked / "ours" / name) == dcmread(asked / "theirs" / name)


def test_dcmdump_reads_what_we_save_without_a_word(asked):
    files = [asked / "query.dcm", *(asked / "ours").iterdir(), *(asked / "workitems").iterdir()]
    assert len(files) == 7
    for path in files:
        read = run(tool("dcmdump"), "-q", str(path))
        warned = run(tool("dcmdump"), "+L", str(path))
        assert (read.returncode, read.stderr, warned.stderr) == (0, "", ""), path.name
        assert "(0074,1000) CS" in warned.stdout


def test_dump2dcm_makes_the_same_query(asked):
    made = run(tool("dump2dcm"), "+te", str(asked / "query.txt"), str(asked / "dcmtk.dcm"))
    assert (made.returncode, made.stderr) == (0, "")
    assert dcmread(asked / "dcmtk.dcm") == dcmread(asked / "query.dcm")

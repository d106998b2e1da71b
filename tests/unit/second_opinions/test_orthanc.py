"""Orthanc, an archive that many hospitals have, judged by our tests as an object store."""

import json
import shutil
import subprocess
import sys

import pytest
from test_dcmtk import DEADLINE, await_port

from tests.ports import free_port

pytestmark = pytest.mark.long

# What version 1.10 and 1.12 do otherwise than the standard has it; each was looked at in the messages.
DEVIATIONS = {
    "RO59-OST-007": "an unknown destination is answered C000, not A801 [PS3.4 C.4.2.1.5]",
    "UL-OST-032": "a PDU of an unknown type that comes before an association is not answered [PS3.8 9.2, AA-1]",
    "RO59-OST-011": "a response with failed sub-operations has no Failed SOP Instance UID List [PS3.4 C.4.2.1.4.2]",
    "RO59-OST-026": "a C-MOVE of two of which the destination accepts no presentation context for one ends with C000 [PS3.4 C.4.2.3.1]",
    "RO59-OST-025": "a C-MOVE of which the destination answered a C-STORE with a warning ends with Success [PS3.4 C.4.2.3.1]",
    "RO59-OST-020": "the final response to a C-MOVE of which one of two failed counts none completed [PS3.4 C.4.2.1.6]",
}


@pytest.fixture
def orthanc(tmp_path):
    program = shutil.which("Orthanc")
    if program is None:
        pytest.skip("Orthanc is not installed (Debian package orthanc)")
    port, ours = free_port(), free_port()
    settings = {
        "DicomAet": "ORTHANC", "DicomPort": port, "DicomCheckCalledAet": True, "HttpServerEnabled": False,
        "StorageDirectory": str(tmp_path / "db"), "IndexDirectory": str(tmp_path / "db"),
        "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True, "SynchronousCMove": True,
        "DicomModalities": {"tdd": ["TDD", "127.0.0.1", ours]},
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    (tmp_path / "orthanc.toml").write_text(
        '[system]\nname = "Orthanc"\ntest_system = true\n'
        f'[ost]\nae_title = "ORTHANC"\nhost = "127.0.0.1"\nport = {port}\nsupports = ["store-inputs", "photon", "ion"]\n'
        f'[ours.tdd]\nae_title = "TDD"\nhost = "127.0.0.1"\nport = {ours}\n'
        '[workitems]\nsource = "existing"\n[workitems.station]\nvalue = "FX1"\n'
    )
    with subprocess.Popen(
        [program, str(tmp_path / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            await_port(port, process)
            yield tmp_path
        finally:
            process.terminate()
            process.wait(DEADLINE)


def test_orthanc_as_an_object_store(orthanc):
    """What is found is what it does otherwise, and nothing else: it takes SOP classes that nobody knows, as an archive may."""
    command = [sys.executable, "-m", "tdwii_conformance", "run", "ost", "--sut", "orthanc.toml", "--results", "results.json"]
    done = subprocess.run(command, cwd=orthanc, capture_output=True, text=True, timeout=300)
    requirements = json.loads((orthanc / "results.json").read_text())["requirements"]
    verdicts = {one["id"]: one["verdict"] for one in requirements}
    assert {name for name, verdict in verdicts.items() if verdict == "failed"} == set(DEVIATIONS), done.stdout
    assert sum(verdict == "passed" for verdict in verdicts.values()) > 40

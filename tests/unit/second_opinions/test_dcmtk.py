"""Other people's tools on the same matter: DCMTK judged by our tests, and DCMTK's clients against our simulators."""

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tdwii_conformance.dimse import Peer
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.ups import SQLiteStore
from tests.ports import free_port

pytestmark = pytest.mark.long

DEADLINE = 60  # seconds; ten processes on two cores start slowly


def tool(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian package {'dicom3tools' if name == 'dciodvfy' else 'dcmtk'})")
    return path


def await_port(port, process):
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            continue
    pytest.fail(f"nothing listens on port {port} after {DEADLINE} s")


def saved(dataset, path):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def judge(pytestconfig, description, *arguments):
    """Run the conformance tests as a user does, against a system described in TOML."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--sut", str(description), *arguments],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def dcmqrscp(tmp_path):
    """DCMTK's storage as an OST that knows our TDD, and its description in TOML."""
    program, port, ours = tool("dcmqrscp"), free_port(), free_port()
    (tmp_path / "db").mkdir()
    (tmp_path / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\ntdd = (TDD, 127.0.0.1, {ours})\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSCP {tmp_path / 'db'} RW (500, 1024mb) ANY\nAETable END\n"
    )
    (tmp_path / "dcmqrscp.toml").write_text(
        '[system]\nname = "DCMTK dcmqrscp"\ntest_system = true\n'
        f'[ost]\nae_title = "QRSCP"\nhost = "127.0.0.1"\nport = {port}\nclaims = ["store-inputs", "photon", "ion"]\n'
        f'[ours.tdd]\nae_title = "TDD"\nhost = "127.0.0.1"\nport = {ours}\n'
        '[workitems]\nsource = "existing"\n[workitems.station]\nvalue = "FX1"\n'
    )
    with subprocess.Popen(
        [program, "-c", str(tmp_path / "dcmqrscp.cfg")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        await_port(port, process)
        yield tmp_path / "dcmqrscp.toml"
        process.terminate()


def test_dcmqrscp_meets_every_requirement_on_an_ost(dcmqrscp, pytestconfig):
    result = judge(pytestconfig, dcmqrscp, "tests/conformance/ost")
    assert result.returncode == 0, result.stdout
    assert "116 passed" in result.stdout
    # A PDU of an unknown type before an association: it closes the connection without A-ABORT.
    assert "warned: 1 UL-OST-032" in " ".join(result.stdout.split())


def test_dcmtk_clients_use_our_ost(tmp_path):
    treatment = objects.new_treatment()
    plan = saved(treatment.plan, tmp_path / "plan.dcm")
    (tmp_path / "out").mkdir()
    movescu, port = tool("movescu"), free_port()
    with OST(destinations={"MOVESCU": Peer("MOVESCU", "127.0.0.1", port)}) as ost:
        host = ["-aet", "MOVESCU", "-aec", "OST", "127.0.0.1", str(ost.peer.port)]
        assert run(tool("echoscu"), *host).returncode == 0
        assert run(tool("storescu"), *host, str(plan)).returncode == 0
        level = ["-S", "-k", "QueryRetrieveLevel=IMAGE"]
        keys = [f"StudyInstanceUID={plan_uid}" for plan_uid in [treatment.plan.StudyInstanceUID]]
        keys += [f"SeriesInstanceUID={treatment.plan.SeriesInstanceUID}", f"SOPInstanceUID={treatment.plan.SOPInstanceUID}"]
        named = [argument for key in keys for argument in ("-k", key)]
        found = run(tool("findscu"), *level, *named, "-k", "PatientID", *host)
        assert treatment.plan.PatientID in found.stdout + found.stderr
        moved = run(movescu, *level, *named, "+P", str(port), "-od", str(tmp_path / "out"), *host)
        assert moved.returncode == 0, moved.stdout + moved.stderr
    received = [dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert [r.SOPInstanceUID for r in received] == [treatment.plan.SOPInstanceUID]
    assert received[0].FractionGroupSequence == treatment.plan.FractionGroupSequence


def test_echoscu_reaches_our_tms():
    with TMS() as tms:
        assert run(tool("echoscu"), "-aec", "TMS", "127.0.0.1", str(tms.peer.port)).returncode == 0


@pytest.mark.parametrize("modality", ["photon", "ion"])
@pytest.mark.parametrize("kind", ["plan", "record", "interrupted record", "previous record"])
def test_dciodvfy_finds_no_error(tmp_path, modality, kind):
    treatment = objects.new_treatment("CONTINUATION", modality=modality)
    built = {
        "plan": lambda: treatment.plan,
        "record": lambda: objects.record(treatment),
        "interrupted record": lambda: objects.record(treatment, interrupted=True),
        "previous record": lambda: treatment.previous_record,
    }[kind]()
    said = run(tool("dciodvfy"), "-new", str(saved(built, tmp_path / "object.dcm")))
    assert [line for line in said.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("start", ["TREATMENT", "CONTINUATION"])
def test_dciodvfy_does_not_know_delivery_instructions(tmp_path, start):
    """When it learns the RT Beams Delivery Instruction IOD, this fails, and they belong into the test above."""
    path = saved(objects.new_treatment(start).instruction, tmp_path / "instruction.dcm")
    said = run(tool("dciodvfy"), "-new", str(path))
    errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
    assert errors == ["Error - Information Object Not found"]


def test_separate_processes_get_the_verdicts_of_the_embedded_ones(tmp_path, pytestconfig):
    tms, ost, ours = free_port(), free_port(), free_port()
    (tmp_path / "vendor.toml").write_text(
        '[system]\nname = "separate processes"\ntest_system = true\n'
        f'[tms]\nae_title = "TMS"\nhost = "127.0.0.1"\nport = {tms}\n'
        'supports = ["push", "watch", "query", "store-instructions", "request-cancel", "subscription",'
        ' "filtered-subscription"]\n'
        f'[ost]\nae_title = "OST"\nhost = "127.0.0.1"\nport = {ost}\nclaims = ["store-inputs", "photon", "ion"]\n'
        f'[ours]\nsecond_watcher = "WATCHER2"\n[ours.tdd]\nae_title = "TDD"\nhost = "127.0.0.1"\nport = {ours}\n'
        '[workitems]\nsource = "push"\n[workitems.station]\nvalue = "FX1"\nscheme = "99X"\nmeaning = "FX1"\n'
        "[properties]\nexamples = 3\nsteps = 10\n"  # the embedded run searches longer; and who is remote sets bounds
    )
    serve, known = [sys.executable, "-m", "tdwii_conformance", "serve"], ["--destination", f"TDD=127.0.0.1:{ours}"]
    watched = ["--destination", f"WATCHER2=127.0.0.1:{ours}", "--fallback", "TDD", "--store", str(tmp_path / "worklist.sqlite")]
    simulators = [
        [*serve, "tms", "--ae-title", "TMS", "--port", str(tms), *known, *watched],
        [*serve, "ost", "--port", str(ost), *known],
    ]
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, cwd=pytestconfig.rootpath, stdout=subprocess.DEVNULL))
            for command in simulators
        ]
        try:
            for port, process in zip((tms, ost), processes, strict=True):
                await_port(port, process)
            # Most tests are in the modules left out, and they make no other kind of request than the rest.
            big = ("2_3_subscribe", "2_5_create", "2_6_set", "2_7_get", "2_8_search")
            left_out = [f"--ignore=tests/conformance/tms/test_cc_{name}.py" for name in big]
            suite = ["tests/conformance/tms", "tests/conformance/ost", *left_out]
            remote = judge(pytestconfig, tmp_path / "vendor.toml", *suite, "-n", "2")
        finally:
            for process in processes:
                process.terminate()
        assert [process.wait(DEADLINE) for process in processes] == [0, 0]
    with closing(SQLiteStore(tmp_path / "worklist.sqlite")) as store:
        left = [record.uid for record in store.candidates(()) if record.state == "SCHEDULED"]
    gone = judge(pytestconfig, tmp_path / "vendor.toml", "tests/conformance")
    assert remote.returncode == 0, remote.stdout
    # Nothing differs from the embedded run but what needs a restart of the TMS.
    passed, skipped, judged = map(int, re.search(r"total +(\d+) +- +- +(\d+) +(\d+)", remote.stdout).groups())
    assert "9 skipped: not judged: the TMS cannot be restarted from here: tms.restart is not" in remote.stdout
    # Ten are about workitems of a TMS's own, which this one has not; six about malformed bytes, which only --hostile sends; two
    # about rejections and aborts, of which there were none; one about full storage, which the OST does not claim.
    assert "10 skipped: not supported: own-workitems" in remote.stdout
    assert "6 skipped: not judged: sends what is malformed; --hostile asks for it" in remote.stdout
    assert "2 skipped: not judged: the system rejected and aborted nothing" in remote.stdout
    assert "1 skipped: not supported: full-storage" in remote.stdout
    assert (passed, skipped) == (judged - 28, 28), remote.stdout
    assert left == []
    assert gone.returncode == 4
    assert f"TMS TMS: no connection to 127.0.0.1:{tms} (Connection refused)" in gone.stderr

"""Whole runs, as a user starts them: with the vendor's command, with a person, with one who does not answer, and again."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from tdwii_conformance.dimse import connect
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.observation import INTERRUPTED, read_observation
from tdwii_conformance.treatment.messages import item
from tests.ports import free_ports

DEADLINE = 120
AWAITED = "awaited 10 s, nothing received"
SIMULATOR = (
    'sh -c \'{python} -m tdwii_conformance serve tdd --once --tms $TDWII_TMS --ost $TDWII_OST --station "$TDWII_STATION"'
    " --pace 0 --no-watch --end $TDWII_END --ae-title $TDWII_TDD_AE_TITLE --port {port}'"
)


def describing(folder):
    """Return a function that writes the description of a TDD, and returns its path and the ports: TDD, TMS, OST."""

    def write(trigger="", step_timeout=60, more=""):
        tdd, tms, ost = ports = free_ports(3)
        said = f"trigger = '''{trigger.format(python=sys.executable, port=tdd)}'''\n" if trigger else ""
        path = folder / "tdd.toml"
        path.write_text(
            f'[system]\nname = "Machine 1"\n[tdd]\nae_title = "LINAC"\nhost = "127.0.0.1"\nport = {tdd}\n{said}'
            f"step_timeout = {step_timeout}\nsettle = 2\n[ours]\ntranscripts = 'seen'\n{more}"
            f'[ours.tms]\nhost = "127.0.0.1"\nport = {tms}\n[ours.ost]\nhost = "127.0.0.1"\nport = {ost}\n'
        )
        return path, ports

    return write


@pytest.fixture
def describe(tmp_path):
    return describing(tmp_path)


def command(*arguments):
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]


@pytest.fixture(scope="session")
def run(pytestconfig):
    """A function that runs the conformance tests of a TDD."""

    def run(*arguments):
        return subprocess.run(command(*arguments), cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=DEADLINE)

    return run


def module(scenario):
    return f"tests/conformance/tdd/test_{scenario.replace('-', '_')}.py"


def verdicts(junit):
    """Return what became of each test, from a JUnit XML file: nothing said is passed."""
    return {
        (case.get("classname"), case.get("name")): [
            (child.tag, child.get("message")) for child in case if child.tag not in ("properties", "system-out")
        ]
        for case in ElementTree.parse(junit).iter("testcase")
    }


def recordings(path):
    return sorted((path.parent / "seen").glob("*/*.jsonl"))


@pytest.fixture(scope="module")
def performed(run, tmp_path_factory):
    """A run of two scenarios by a command: what it said, its JUnit XML, and the recordings."""
    folder = tmp_path_factory.mktemp("performed")
    path, _ = describing(folder)(SIMULATOR)
    both = module("new-completed"), module("continuation-canceled-before")
    live = run(*both, "--sut", path, "--junitxml", folder / "live.xml")
    assert live.returncode == 0, live.stdout
    return live, folder / "live.xml", recordings(path)


def test_a_command_performs_and_what_was_recorded_is_judged_alike(performed, run, tmp_path):
    live, junit, recorded = performed
    assert "  RO-58 Worklist query: Query the worklist for station TDD1 and open patient TDWII^SCENARIO1" in live.stdout
    assert re.search(r"trigger: \S+ LINAC +RO-65: COMPLETED", live.stdout)
    assert re.search(r"N-ACTION LINAC -> TMS: status 0000", live.stdout)
    assert [one.name for one in recorded] == ["continuation-canceled-before.jsonl", "new-completed.jsonl"]
    again = run(
        module("new-completed"), module("continuation-canceled-before"), "--transcript", recorded[0].parent,
        "--junitxml", tmp_path / "again.xml",
    )  # fmt: skip
    assert again.returncode == 0, again.stdout
    first, second = verdicts(junit), verdicts(tmp_path / "again.xml")
    assert list(first.values()).count([]) > 200
    assert first == second


def test_one_product_is_tms_and_ost_of_a_tdd(describe, run):
    path, (_, _, ost) = describe(SIMULATOR)
    both = path.read_text().replace(f'[ours.ost]\nhost = "127.0.0.1"\nport = {ost}', '[ours.ost]\nae_title = "TMS"')
    path.write_text(both)
    # A continuation has a plan and a record of the OST, and an instruction of the TMS.
    done = run(module("continuation-completed"), "--sut", path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"C-STORE LINAC -> TMS: status 0000", done.stdout)  # the record: RO-63
    assert " failed" not in done.stdout.splitlines()[-1] and " warned" not in done.stdout.splitlines()[-1]


def test_a_tdd_treats_with_ions(describe, run):
    path, _ = describe(SIMULATOR, more='[workitems]\nmodality = "ion"\n')
    done = run(module("continuation-completed"), "--sut", path)
    assert done.returncode == 0, done.stdout
    assert " failed" not in done.stdout.splitlines()[-1] and " warned" not in done.stdout.splitlines()[-1]
    [recorded] = recordings(path)
    observed = read_observation(recorded)
    stored = [str(e.request.command.AffectedSOPClassUID) for e in observed.exchanges if e.service == "C-STORE"]
    # The plan and the record before came from the OST, the instruction from the TMS, and the new record went there [PS3.4 B.5].
    ion_plan, ion_record = "1.2.840.10008.5.1.4.1.1.481.8", "1.2.840.10008.5.1.4.1.1.481.9"
    assert sorted(stored) == [ion_plan, ion_record, ion_record, "1.2.840.10008.5.1.4.34.7"]


def test_one_recorded_scenario_is_judged_and_nothing_else(performed, run):
    _, _, (recorded, _) = performed
    some = "tests/conformance/tms/test_ro60_in_progress.py", "tests/conformance/watcher"
    again = run(*some, module("new-completed"), module("continuation-canceled-before"), "--transcript", recorded)
    assert again.returncode == 0, again.stdout
    assert "skipped: not recorded: nothing of a TMS in --transcript" in again.stdout
    assert "skipped: not recorded: nothing of a watcher in --transcript" in again.stdout
    assert re.search(r"^ TDD .* [1-9]", again.stdout, re.MULTILINE), again.stdout[-6000:]


def test_a_command_that_fails_ends_the_scenario_at_once(describe, run):
    path, _ = describe("sh -c 'echo no beam; exit 3'")
    said = run(module("new-completed"), "--sut", path)
    assert said.returncode == 1
    assert "the trigger ended with code 3: no beam" in said.stdout
    assert read_observation(recordings(path)[0]).why_early == "the trigger ended with code 3: no beam"
    assert "not judged: RO-60 missing" in said.stdout
    assert "error" not in said.stdout
    assert "scenario new-completed ended while RO-58 Worklist query was awaited: the trigger ended with code 3" in said.stdout


def test_a_command_that_is_none_is_named(describe, run):
    path, _ = describe("no-such-command --at-all")
    said = run(module("new-completed"), "--sut", path)
    assert said.returncode == 1
    assert "the trigger cannot be started: no-such-command --at-all: No such file or directory" in said.stdout


def test_a_port_that_is_taken_ends_the_run_with_a_sentence(describe, run):
    path, (_, tms, _) = describe()
    with socket.socket() as other:
        other.bind(("127.0.0.1", tms))
        other.listen()
        said = run(module("new-completed"), "--sut", path)
    assert said.returncode == 4
    assert f"TMS cannot listen on 127.0.0.1:{tms}: Address already in use" in said.stdout
    assert "Traceback" not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--transcript", "none.jsonl"], "none.jsonl: cannot be read: No such file or directory"),
        (["--transcript", "docs"], "docs: no recorded scenario of a TDD or a watcher"),
        (["--transcript", "docs", "--embedded"], "--transcript judges what was recorded: it goes without --embedded, --sut"),
    ],
)
def test_a_transcript_that_is_none_is_refused(run, arguments, problem):
    said = run(module("new-completed"), *arguments)
    assert said.returncode == 4
    assert problem in said.stderr
    assert "Traceback" not in said.stdout + said.stderr


def test_an_edition_other_than_recorded_is_said(describe, run):
    path, _ = describe("false")
    assert run(module("new-canceled-before"), "--sut", path, "--edition", "2013", "-k", "RO58").returncode == 1
    (recorded,) = recordings(path)
    assert read_observation(recorded).facts["edition"] == "2013"
    assert "TDW-II edition 2013" in run(module("new-canceled-before"), "--transcript", recorded, "-k", "RO58").stdout


# --- what is reported -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ended_early(performed, partners, tmp_path):
    """A folder with a scenario of a TDD and one of a watcher that ended early: RO-65 was not done, the subscription refused."""
    _, _, (_, recorded) = performed
    folder = tmp_path / "early"
    folder.mkdir()
    lines = recorded.read_text().splitlines()[:-1]
    lines += [json.dumps({"awaited": "RO-65 Completed"}), json.dumps({"ended": AWAITED})]
    (folder / recorded.name).write_text("\n".join(lines) + "\n")
    with partners.session("watcher", "PPVS", {"scenario": "watch"}, []) as session:
        with connect(partners.tms.peer, [UPS.WATCH], calling="PPVS") as link:
            link.n_action("1.2.3.4", 3, item(ReceivingAE="PPVS", DeletionLock="FALSE"), context=UPS.WATCH)
        assert session.wait(lambda: session.exchanges and session.associations, 10)
        session.ended(AWAITED, "CC.2.3 Subscribe")
    shutil.copy(session.path, folder)
    return folder


def test_verdict_finding_and_exchanges_are_in_every_report(ended_early, run, tmp_path):
    said = run(
        module("new-completed"), "tests/conformance/watcher", "--transcript", ended_early, "-k", "RO65-TDD-001 or CC23-WATCHER-001",
        "--report", tmp_path / "page.html", "--evidence", tmp_path / "evidence", "--junitxml", tmp_path / "junit.xml",
        "--alluredir", tmp_path / "allure",
    )  # fmt: skip
    assert said.returncode == 1
    reports = {
        "terminal": said.stdout,
        "page": (tmp_path / "page.html").read_text(),
        "junit": (tmp_path / "junit.xml").read_text(),
        "allure": "\n".join(path.read_text() for path in (tmp_path / "allure").iterdir() if path.is_file()),
        "evidence": "\n".join(path.read_text() for path in (tmp_path / "evidence").rglob("*") if path.is_file()),
    }
    for name, text in reports.items():
        for requirement in ("RO65-TDD-001", "CC23-WATCHER-001"):
            assert requirement in text, name
        if name == "terminal":  # it has the first message, and says where the rest is
            assert "--failure-lines 0 shows them here" in text
            continue
        assert "ProcedureStepState" in text and "ReceivingAE" in text, name  # of the exchanges
        assert AWAITED in text, name  # the finding
    notices = (f"scenario new-completed ended while RO-65 Completed was awaited: {AWAITED}",
               f"scenario watch ended while CC.2.3 Subscribe was awaited: {AWAITED}")  # fmt: skip
    for notice in notices:
        assert notice in said.stdout
        assert notice in reports["page"]


def test_an_early_end_that_no_verdict_tells_fails_the_run(ended_early, run):
    said = run(module("new-completed"), "--transcript", ended_early, "-k", "RO58-TDD-101")
    assert said.returncode == 1
    assert "1 passed" in said.stdout
    assert f"RO-65 Completed was awaited: {AWAITED}; no verdict tells it: the run fails" in said.stdout


# --- a person -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def interruptible():
    """SIGINT is not ignored by the processes that a test starts, as it is by those of a script's background or of nohup."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def started(*arguments, cwd):
    """A run that goes on meanwhile; its output is a pipe."""
    process = subprocess.Popen(
        command("-q", *arguments), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def read_until(process, text):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"{text!r} did not come: {''.join(lines)}")


@pytest.mark.usefixtures("interruptible")
def test_the_operator_ends_a_scenario_and_the_run_goes_on(describe, pytestconfig):
    path, _ = describe()
    with started(module("new-completed"), module("new-canceled-before"), "--sut", path, cwd=pytestconfig.rootpath) as process:
        read_until(process, "open patient TDWII^SCENARIO1 (within 60 s)")
        process.send_signal(signal.SIGINT)
        read_until(process, "stopped by the operator")
        read_until(process, "open patient TDWII^SCENARIO3 (within 60 s)")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "received: stopped by the operator" in said
    assert "not judged: RO-60 missing" in said
    assert [read_observation(one).why_early for one in recordings(path)] == ["stopped by the operator"] * 2


@pytest.mark.usefixtures("interruptible")
def test_stopping_twice_ends_the_run(describe, pytestconfig):
    path, _ = describe()
    with started(module("new-completed"), module("new-canceled-before"), "--sut", path, cwd=pytestconfig.rootpath) as process:
        read_until(process, "open patient TDWII^SCENARIO1")
        process.send_signal(signal.SIGINT)
        read_until(process, "Ctrl-C once more stops the whole run")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=DEADLINE)
    assert "TDWII^SCENARIO3" not in said
    assert process.returncode == 2  # interrupted, says pytest


def test_a_run_that_is_killed_is_judged_by_what_it_came_to(describe, pytestconfig, run):
    path, (port, tms, ost) = describe()
    with started(module("new-completed"), "--sut", path, cwd=pytestconfig.rootpath) as process:
        read_until(process, "open patient TDWII^SCENARIO1")
        peers = ["--tms", f"TMS=127.0.0.1:{tms}", "--ost", f"OST=127.0.0.1:{ost}", "--ae-title", "LINAC", "--port", str(port)]
        tdd = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tdwii_conformance",
                "serve",
                "tdd",
                *peers,
                "--once",
                "--station",
                "TDD1^99TDWII",
                "--pace",
                "2",
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            read_until(process, "RO-62 Progress update: ")
            process.kill()
            process.wait()
        finally:
            tdd.kill()
            tdd.wait()
    (recorded,) = recordings(path)
    assert read_observation(recorded).why_early == INTERRUPTED
    again = run(module("new-completed"), "--transcript", recorded)
    assert again.returncode == 0, again.stdout
    assert re.search(r"^ +RO-60 In progress +10 ", again.stdout, re.MULTILINE)
    assert "interrupted" in again.stdout

"""docs/cookbook.md, run as it is written: two terminals with servers, and the story as one shell script."""

import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydicom import dcmread
from serving import environment

from tdwii_conformance.cli.app import COMMANDS
from tdwii_conformance.sut.config import entities

COOKBOOK = Path(__file__).resolve().parents[3] / "docs" / "cookbook.md"
BLOCK = re.compile(r"^```sh *(\S*)\n(.*?)^```$", re.M | re.S)
DEADLINE = 60


def blocks(terminal):
    return [text for name, text in BLOCK.findall(COOKBOOK.read_text(encoding="utf-8")) if name == terminal]


class Terminal:
    """A command that runs until Ctrl-C, and what it prints."""

    def __init__(self, text, cwd, environ):
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {text}"], cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines, self.ended = [], False
        self.said = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.said:
                self.lines.append(line.rstrip("\n"))
                self.said.notify_all()
        with self.said:
            self.ended = True
            self.said.notify_all()

    def await_line(self, pattern):
        def there():
            return self.ended or any(re.search(pattern, line) for line in self.lines)

        with self.said:
            assert self.said.wait_for(there, DEADLINE) and not self.ended, (pattern, self.lines)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stdout.close()


@pytest.fixture
def prompt(tmp_path):
    """An empty folder, and an environment in which `tdwii` and `python3` are those of this test."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("tdwii", "-m tdwii_conformance"), ("python3", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    folder = tmp_path / "work"
    folder.mkdir()
    known = environment(XDG_STATE_HOME=str(tmp_path / "state"))
    return folder, {**known, "PATH": f"{programs}:{known['PATH']}"}


def test_the_cookbook_is_true(prompt):
    folder, environ = prompt
    (first,), (second,), story = blocks("terminal-1"), blocks("terminal-2"), blocks("")
    assert len(story) >= 10
    terminals = []
    try:
        terminals.append(Terminal(first, folder, environ))
        terminals[0].await_line("Ctrl-C stops it")
        terminals.append(Terminal(second, folder, environ))
        terminals[1].await_line("WATCHER at .* watches UPSSCP")
        terminals[0].await_line("WATCHER: N-ACTION, Subscribe to everything")
        script = "set -eu -o pipefail\n" + "".join(story)
        ran = subprocess.run(["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=4 * DEADLINE)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        watched(terminals[1], folder)
        assert [terminal.stop() for terminal in reversed(terminals)] == [0, 0]
    finally:
        for terminal in terminals:
            terminal.close()
    results(ran, folder)


def watched(terminal, folder):
    """The watcher saw the workitem of the story from the claim to its end, in order [CC.2.4]; then the course's three."""
    uid = str(dcmread(folder / "responses" / "rsp000001.dcm").SOPInstanceUID)
    terminal.await_line(rf"COMPLETED.*{re.escape(uid)}")
    told = [re.split(r" {2,}", line) for line in terminal.lines if uid in line]
    states = [(kind, what.split(",")[0]) for _, kind, what, _ in told]
    assert list(dict.fromkeys(states)) == [
        ("UPS State Report", "IN PROGRESS"),
        ("UPS Progress Report", "0 %"),
        ("UPS Progress Report", "50 %"),
        ("UPS Progress Report", "100 %"),
        ("UPS State Report", "COMPLETED"),
    ]
    with terminal.said:
        assert terminal.said.wait_for(
            lambda: len({line.split()[-1] for line in terminal.lines if "SCHEDULED" in line}) == 3, DEADLINE
        )


def results(ran, folder):
    assert "refused, exit code 1" in ran.stdout
    assert "BeamTaskSequence" in ran.stdout
    assert sorted(path.name[:4] for path in (folder / "responses").iterdir()) == ["UPS_", "rsp0", "rsp0"]
    assert len(list((folder / "inputs").iterdir())) == 2
    record = dcmread(folder / "record.dcm")
    (path,) = folder.glob("UPS_*.dcm")
    workitem = dcmread(path)
    assert workitem.ProcedureStepState == "COMPLETED"
    (performed,) = workitem.UnifiedProcedureStepPerformedProcedureSequence
    (output,) = performed.OutputInformationSequence
    assert output.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == record.SOPInstanceUID
    assert output.DICOMRetrievalSequence[0].RetrieveAETitle == "OST"
    assert len(list((folder / "course").glob("UPS_*.dcm"))) == 3
    assert set(entities(folder / "ApplicationEntities.json")) == {"UPSSCP", "OST", "TDD", "WATCHER"}


def test_every_command_of_the_cookbook_is_one_of_ours():
    """What is written beside the blocks is as true as what is in them."""
    known = {name for section in COMMANDS.values() for name in section}
    named = set(re.findall(r"\btdwii ([a-z0-9-]+)", COOKBOOK.read_text(encoding="utf-8")))
    assert named <= known
    assert {
        "serve",
        "watch",
        "dump2dcm",
        "find",
        "retrieve-inputs",
        "claim",
        "progress",
        "results",
        "complete",
        "schedule",
    } <= named

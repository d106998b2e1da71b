"""`tdwii` in this process: arguments in, exit code and what was printed out."""

import json
from dataclasses import dataclass

import pytest

from tdwii_conformance.cli import main


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
    for name in ("TDWII_ENTITIES", "TDWII_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run

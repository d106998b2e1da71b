"""`tdwii init`: from answers to a description that a run takes; the example reaches somebody who has no checkout."""

import sys

import click.testing
import pytest

from tdwii_conformance import resources
from tdwii_conformance.cli import init as command
from tdwii_conformance.sut.config import load_system
from tests.ports import free_port


def test_the_example_is_written_and_can_be_loaded(tdwii, tmp_path):
    ran = tdwii("init")
    assert (ran.code, ran.out) == (0, "")
    assert "sut.toml written" in ran.err
    assert (tmp_path / "sut.toml").read_bytes() == (resources.examples() / "sut_example.toml").read_bytes()
    assert load_system(tmp_path / "sut.toml").name == "Example clinic, test installation"


def test_a_file_that_is_there_is_kept(tdwii, tmp_path):
    (tmp_path / "clinic.toml").write_text("mine")
    ran = tdwii("init", "clinic.toml")
    assert (ran.code, ran.err) == (2, "tdwii init: clinic.toml: is there already: --force replaces it\n")
    assert (tmp_path / "clinic.toml").read_text() == "mine"
    assert tdwii("init", "clinic.toml", "--force").code == 0
    assert load_system(tmp_path / "clinic.toml").name == "Example clinic, test installation"


def test_where_nothing_can_be_written(tdwii):
    ran = tdwii("init", "no/such/folder.toml")
    assert ran.code == 2
    assert ran.err.startswith("tdwii init: ") and "folder.toml" in ran.err


def address(role, peer):
    return f"{peer.ae_title}={peer.host}:{peer.port}"


def test_options_and_what_the_systems_accept_make_the_file(tdwii, environment, tmp_path):
    tms, ost = address("TMS", environment.tms.peer), address("OST", environment.ost.peer)
    ran = tdwii(
        "init", "--tms", tms, "--ost", ost, "--ours", "TDD=11999", "--test-system", "--station", "FX1^99X", "--name", 'A "B" é'
    )
    assert ran.code == 0, ran.err
    assert "accepts our association; it offers push, watch" in ran.err
    system = load_system(tmp_path / "sut.toml")
    assert (system.name, system.test_system, system.tdd.ae_title, system.tdd.port) == ('A "B" é', True, "TDD", 11999)
    assert (system.tms.ae_title, system.tms.port) == (environment.tms.peer.ae_title, environment.tms.peer.port)
    assert {"push", "watch", "query"} <= set(system.supports("TMS")) and "photon" in system.supports("OST")
    assert 'source = "push"' in (tmp_path / "sut.toml").read_text(encoding="utf-8")


def test_a_system_that_is_not_reached_is_said_and_the_file_is_written(tdwii, tmp_path):
    ran = tdwii("init", "--tms", f"TMS=127.0.0.1:{free_port()}", "--yes")
    assert ran.code == 3 and "no connection to 127.0.0.1" in ran.err
    system = load_system(tmp_path / "sut.toml")
    assert system.ost is None and not system.test_system
    assert tdwii("init", "--force", "--tms", "TMS=127.0.0.1:1", "--no-connection").code == 0


def test_a_person_is_asked_and_each_answer_tried(environment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answers = [
        "Simulated 1",
        "TOO LONG FOR A TITLE=11999",
        "TDD=11999",
        "TMS",
        f"TMS=127.0.0.1:{free_port()}",
        "n",
        address("TMS", environment.tms.peer),
        "none",
        "Ours",
        "2007",
        "ti",
        "y",
        "push,pull",
        "push,watch",
        "X^99Y",
    ]
    runner = click.testing.CliRunner()
    monkeypatch.setattr(command, "_on_a_terminal", lambda: True)
    ran = runner.invoke(command.init, [], input="\n".join(answers) + "\n", standalone_mode=False)
    assert ran.return_value == 0, ran.output
    assert "no connection" in ran.output and "Keep that all the same?" in ran.output
    for wrong in (
        "'Simulated 1' is no AE title with a port",
        "is no AE title: 1 to 16",
        "'TMS' is no address",
        "'2007' is no",
        "'pull' is",
    ):
        assert wrong in ran.output, "it is asked again, with the reason"
    system = load_system(tmp_path / "sut.toml")
    assert (system.name, system.test_system, set(system.supports("TMS"))) == ("Ours", True, {"push", "watch"})


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--tms", "10.1.2.3", "write it as TMS=127.0.0.1:11112"),
        ("--ours", "TDD", "write it as TDD=11113"),
        ("--tms", "none", "neither a TMS nor an OST"),
        ("--tms", "A_TITLE_THAT_IS_TOO_LONG=h:1", "AE title"),
    ],
)
def test_a_wrong_answer_is_one_sentence(tdwii, option, value, message):
    ran = tdwii("init", "--no-connection", option, value)
    assert ran.code == 2 and message in ran.err
    assert sys.stdin is not None

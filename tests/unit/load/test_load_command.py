"""`tdwii load` as users run it: a clinic at our own TMS, right and wrong; and what it says of arguments that do not fit."""

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tdwii_conformance.cli import main
from tdwii_conformance.load import SHIPPED
from tdwii_conformance.load.clinic import Clinic, load_clinic
from tdwii_conformance.load.setting import Setting
from tdwii_conformance.sut.problems import ConfigError
from tests.ports import free_ports

CLINIC = """
machines = 2
machines_of_a_station = 2
watchers = 1
schedulers = 1
intruders = 1
every = 0.3
poll = 0.2
step = 0.02
intrude = 0.3
looks = 1.0
retrieve = true
"""
TMS = '[system]\nname = "X"\n[tms]\nae_title = "TMS"\nhost = "127.0.0.1"\nport = 104\n[workitems.station]\nvalue = "FX1"\n'


def load(folder, *arguments, port=None):
    (folder / "clinic.toml").write_text(CLINIC)
    results = folder / "results.json"
    command = [
        sys.executable, "-m", "tdwii_conformance", "load", "--clinic", "clinic.toml", "--results", results, "--port",
        port or free_ports(5)[0],
    ]  # fmt: skip
    done = subprocess.run([*map(str, (*command, *arguments))], cwd=folder, capture_output=True, text=True, timeout=240)
    return done, json.loads(results.read_text())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Locust has no --processes on Windows")
def test_a_tms_that_does_right_in_two_processes(tmp_path):
    done, found = load(
        tmp_path, "--for", 200, "--treatments", 4, "--processes", 2, "--html", "page.html", "--csv", "figures", "--evidence", "seen"
    )
    assert (done.returncode, found["violations"], found["errors"]) == (0, [], []), (
        f"{done.stdout}{done.stderr}{json.dumps(found['violations'])}"
    )
    assert found["judged"] >= 4
    assert found["delays"]["count"] >= 10
    assert {"RO-58 query", "RO-60 claim", "RO-62 update", "RO-64 final update", "RO-65 end", "RO-59/61 retrieve"} <= set(
        found["requests"]
    )
    assert "RO-60 claim" in (tmp_path / "page.html").read_text()
    assert "RO-60 claim" in (tmp_path / "figures_stats.csv").read_text()
    assert list((tmp_path / "seen").glob("exchanges-*.jsonl"))
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_what_a_tms_does_wrong_is_found_and_what_is_too_slow(tmp_path):
    wrong = {"claim-race-won-by-both": "RO60-TMS-015", "find-each-twice": "CC28-TMS-052"}  # more in docs/load.md
    named = [word for name in wrong for word in ("--defect", name)]
    done, found = load(tmp_path, "--for", 200, "--treatments", 8, *named, "--p95", "claim=0.001ms", "--p95", "create=1000s")
    assert done.returncode == 1, done.stdout + done.stderr
    assert set(wrong.values()) <= {one["requirement"] for one in found["violations"]}
    assert "too slow: claim" in done.stdout
    assert "too slow: create" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--clinic", "smal"], "did you mean 'small'?"),
        (["--profile", "larg"], "did you mean 'large'?"),
        (["--clinic", "nothing.toml"], "nothing.toml: cannot be read"),
        (["--clinic", "wrong.toml"], "wrong.toml: machines: 'two'"),
        (["--clinic", "nobody.toml"], "nobody is there"),
        (["--p95", "claims=1s"], "names are query, claim"),
        (["--p95", "claim=fast"], "for example claim=200ms"),
        (["--fault", "cuts"], "names are delay, jitter, cut"),
        (["--fault", "delay=long"], "for example delay=50ms"),
        (["--sut", "consenting.toml", "--fault", "restart"], "[tms] restart is missing"),
        (["--title", "LOAD"], "{} for the number"),
        (["--title", "A TITLE THAT IS TOO LONG{}"], "no AE title"),
        (["--sut", "sut.toml"], "test_system = true is missing"),
        (["--sut", "sut.toml", "--defect", "find-each-twice"], "not with --sut"),
    ],
)
def test_arguments_that_do_not_fit(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text('machines = "two"')
    (tmp_path / "nobody.toml").write_text("machines = 0\nwatchers = 0\nschedulers = 0")
    (tmp_path / "sut.toml").write_text(TMS)
    (tmp_path / "consenting.toml").write_text(TMS.replace("[tms]", "test_system = true\n[tms]"))
    assert main(["load", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_who_listens_where_is_shown_for_the_tms_to_know_them(capsys):
    assert main(["load", "--users", "--clinic", "small", "--first", "21", "--port", "12000", "--host", "10.0.0.7"]) == 0
    assert capsys.readouterr().out.split() == ["LOAD21=10.0.0.7:12000", "LOAD22=10.0.0.7:12001", "LOAD23=10.0.0.7:12002"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_clinics(name):
    clinic = load_clinic(name)
    assert clinic.title
    assert clinic.machines
    assert clinic.users == clinic.machines + clinic.watchers + clinic.schedulers + clinic.intruders


def test_a_clinic_names_a_key_that_it_does_not_know(tmp_path):
    (tmp_path / "x.toml").write_text("machine = 2")
    with pytest.raises(ConfigError, match="unknown key; did you mean 'machines'"):
        load_clinic(str(tmp_path / "x.toml"))


def test_what_processes_share_arrives():
    setting = Setting(Clinic(machines=3, watchers=2), tms=("TMS", "127.0.0.1", 104), first=5, evidence="here")
    assert Setting.from_environment(setting.to_environment()) == setting
    assert (list(setting.numbers("machines")), list(setting.numbers("watchers"))) == ([5, 6, 7], [8, 9])


def test_a_port_that_somebody_has_is_named(capsys):
    """Locust would go on without a watcher that cannot listen, and end with a traceback without a page."""
    port, _, _ = free_ports(3)
    with socket.create_server(("127.0.0.1", port + 1)):
        assert main(["load", "--port", str(port)]) == 2
        assert f"LOAD2 cannot listen on 127.0.0.1, port {port + 1}:" in (said := capsys.readouterr().err) and "--port" in said
        assert main(["load", "--port", str(port + 2), "--web", "--web-port", str(port + 1)]) == 2
        assert "Locust's page cannot be shown" in (said := capsys.readouterr().err) and "--web-port" in said
        assert main(["load", "--", "--master", "--master-bind-port", str(port + 1)]) == 2
        assert "--master-bind-port" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Locust has no --processes on Windows")
def test_two_loads_in_processes_at_once_do_not_meet(tmp_path):
    """Locust's usual port for its workers is one for the whole machine."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    ports = free_ports(10)[::5]
    with ThreadPoolExecutor() as both:
        runs = [
            both.submit(load, folder, "--for", 200, "--treatments", 2, "--processes", 2, port=port)
            for folder, port in zip(folders, ports, strict=True)
        ]
        for done, found in (run.result() for run in runs):
            assert (done.returncode, found["violations"], found["errors"]) == (0, [], []), done.stdout + done.stderr
            assert found["judged"] >= 2

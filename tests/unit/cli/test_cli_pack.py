"""What is handed in: complete, without secrets, verified; pseudonymised where asked."""

import tomllib
import zipfile
from datetime import UTC, datetime

import pytest

from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.package import open_description
from tdwii_conformance.report.results import results_of, write_results
from tdwii_conformance.report.verdicts import TestVerdict
from tdwii_conformance.transcript.observation import ObservationWriter, read_observation

TOML = '[system]\nname = "V"\n[tms]\nae_title = "CLINICTMS"\nhost = \'tms.clinic.example\'\n[tms.tls]\nkey = "secret.key"\n'


@pytest.fixture
def run(tmp_path):
    text = (
        "# N-GET request, VENDORTDD -> CLINICTMS, 2026-11-29 09:00:00.000, UPS\n(0010,0020) LO [PAT-4711]    #   8, 1 PatientID\n"
    )
    verdict = TestVerdict("RO60-TMS-004", "t.py::a", "failed", exchanges=(text,))
    write_results(
        tmp_path / "a.json",
        results_of([verdict], load_catalogue(), system="V", edition="ti", when=datetime(2026, 11, 29, tzinfo=UTC)),
    )
    (tmp_path / "v.toml").write_text(TOML)
    facts = {"actor": "TDD", "patient_id": "PAT-4711", "tdd_ae_title": "VENDORTDD", "scenario": "new-completed"}
    with ObservationWriter(tmp_path / "recorded" / "new.jsonl", facts) as writer:
        writer.ended("")


def content(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    "text",
    [
        'key = "SECRET"',
        "  trigger = '''sh -c \\\\\n  SECRET'''",
        'command = """\\nSECRET"""',
        'tls = { certificate = "a.pem", key = "SECRET" }',
        'restart = ["docker", "SECRET"]',
        'tls.key = "a \\" SECRET"',
        'restart = "SECRET"\n[timeouts]\nrestart = 60\n[tms.more]',
    ],
)
def test_no_form_of_a_secret_is_in_the_description(text):
    described = open_description(f'[tms]\nae_title = "TMS"\n{text}\nport = 104\nmonkey = "stays"\n')
    content = tomllib.loads(described)
    last = content["tms"].get("more", content["tms"])
    assert "SECRET" not in described and (content["tms"]["ae_title"], last["port"], last["monkey"]) == ("TMS", 104, "stays")
    assert content.get("timeouts", {"restart": 60}) == {"restart": 60}


@pytest.mark.parametrize("pseudonymise", [False, True])
def test_a_package_is_complete_and_checked(run, tdwii, tmp_path, pseudonymise):
    ran = tdwii("pack", "a.json", "--transcripts", "recorded", "--sut", "v.toml", *["--pseudonymise"] * pseudonymise)
    assert ran.code == 0, ran.err
    files = content(tmp_path / "a.zip")
    assert set(files) == {"results.json", "report.html", "transcripts/new.jsonl", "system.toml", "STATEMENT.txt", "MANIFEST.json"}
    assert b"secret.key" not in b"".join(files.values())
    whole = b"".join(files.values()).decode()
    for original in ("PAT-4711", "VENDORTDD", "CLINICTMS", "tms.clinic.example"):
        assert (original in whole) is not pseudonymise
    ran = tdwii("pack", "--check", "a.zip")
    assert (ran.code, ran.out) == (1, "STATEMENT.txt: is not filled in\n")
    files["STATEMENT.txt"] = b"filled in"
    (tmp_path / "new.jsonl").write_bytes(files["transcripts/new.jsonl"])
    assert read_observation(tmp_path / "new.jsonl").facts["scenario"] == "new-completed"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    assert tdwii("pack", "--check", "a.zip").code == 0


def test_what_was_changed_is_found(run, tdwii, tmp_path):
    assert tdwii("pack", "a.json", "-o", "p.zip").code == 0
    files = content(tmp_path / "p.zip")
    files["results.json"] = files["results.json"].replace(b'"failed"', b'"passed"')
    files["more.txt"] = b"x"
    del files["report.html"]
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    ran = tdwii("pack", "--check", "p.zip")
    assert ran.code == 1
    for said in (
        "results.json: was changed",
        "report.html: is not in the package",
        "more.txt: is in the package and not in its list",
    ):
        assert said in ran.out
    (tmp_path / "x.zip").write_text("no archive")
    ran = tdwii("pack", "--check", "x.zip")
    assert ran.code == 2 and "no package of `tdwii pack`" in ran.err

"""`tdwii judge --pseudonymise`: no original in page, results and table, of a record and of a capture; every verdict as it was."""

import base64
import dataclasses
import json

import pytest
from test_captures import segments, written

from tdwii_conformance.cli import main
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.pseudonymise import learn_observation, pseudonymised_observation
from tdwii_conformance.report.pseudonyms import Pseudonyms
from tdwii_conformance.report.results import read_results
from tdwii_conformance.witness.capture import read_capture
from tdwii_conformance.witness.judging import judge_observed, witness
from tdwii_conformance.witness.records import read_record

CATALOGUE = load_catalogue()
NO_PDU = b"\x0b\0\0\0\0\x08Photon^N"
TITLES = {b"TMS": b"ARIA", b"OST": b"OIS7", b"TDD": b"LNC1"}  # as long, with the space that pads them


@pytest.fixture(scope="module")
def of_a_clinic(recorded_treatment, tmp_path_factory):
    """A record in which the systems have names and addresses, the machine stores another patient's id, and sends no PDU once."""
    path = tmp_path_factory.mktemp("hidden") / "table7.jsonl"
    lines = [json.loads(line) for line in recorded_treatment.read_text().splitlines()]
    stored = [line for line in lines if b"TDWII001" in octets(line) and line["passed"]["side"] == "requestor"][-1]
    stored["passed"]["octets"] = base64.b64encode(octets(stored).replace(b"TDWII001", b"TDWII999")).decode()
    for line in lines:
        if "passed" in line:
            raw = octets(line)
            for ours, theirs in TITLES.items():
                raw = raw.replace(ours + b" ", theirs)
            line["passed"]["octets"] = base64.b64encode(raw).decode()
        elif "opened" in line:
            port = line["opened"]["acceptor"].rpartition(":")[2]
            line["opened"] |= {"requestor": "10.9.8.7:41000", "acceptor": f"MACHINE3@rt7.clinic.example:{port}"}
    stray = {**lines[2]["passed"], "side": "requestor", "octets": base64.b64encode(NO_PDU).decode()}
    closed = next(n for n, line in enumerate(lines) if "closed" in line and line["closed"]["name"] == stray["name"])
    lines.insert(closed, {"passed": stray})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def octets(line):
    return base64.b64decode(line["passed"]["octets"]) if "passed" in line else b""


def captured(path, folder):
    """The same as a capture of the network."""
    connections = read_record(path)
    return written(folder / "monday.pcap", [one for number, each in enumerate(connections) for one in at(each, number)])


def at(recorded, number):
    return segments(recorded, ("10.9.8.7", 41000 + number), ("10.9.8.5", 11114))


def run(folder, capsys, file, *more):
    code = main(["judge", str(file), "--report", str(folder / "p.html"), "--results", str(folder / "r.json"), *more])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    results = read_results(folder / "r.json")
    verdicts = [(one.id, one.verdict, [test.verdict for test in one.tests]) for one in results.requirements]
    texts = [out, (folder / "p.html").read_text("utf-8"), (folder / "r.json").read_text("utf-8")]
    return code, verdicts, texts


@pytest.mark.parametrize("kind", ["record", "capture"])
def test_no_original_is_left_and_the_verdicts_are_the_same(of_a_clinic, tmp_path, capsys, kind):
    file = of_a_clinic if kind == "record" else captured(of_a_clinic, tmp_path)
    (seen,) = witness(read_record(of_a_clinic)).observed
    facts = seen.observation.facts
    originals = {
        "ARIA",
        "OIS7",
        "LNC1",
        "10.9.8.7",
        "Photon",
        "TDWII001",
        "TDWII999",
        facts["workitem"],
        facts["study"],
        facts["plan"],
    }
    if kind == "record":
        originals |= {"rt7.clinic.example", "MACHINE3"}
    code, before, texts = run(tmp_path, capsys, file)
    assert code == 1 and {verdict for _, verdict, _ in before} == {"passed", "failed", "skipped"}
    assert {one for one in originals if not any(one in text for text in texts)} <= {"MACHINE3", "rt7.clinic.example", "10.9.8.7"}
    hidden, after, texts = run(tmp_path, capsys, file, "--pseudonymise")
    assert (hidden, after) == (code, before)
    for original in originals:
        assert not [number for number, text in enumerate(texts) if original in text], original
    assert NO_PDU.hex(" ")[-12:] not in "".join(texts)


def test_a_capture_whose_sessions_are_pseudonymised_is_judged_alike(of_a_clinic, tmp_path):
    seen = witness(read_capture(captured(of_a_clinic, tmp_path)))
    names = Pseudonyms()
    for one in seen.observed:
        learn_observation(one.observation, names)
    before = judge_observed(seen.observed, CATALOGUE, edition="ti")
    hidden = [dataclasses.replace(one, observation=pseudonymised_observation(one.observation, names)) for one in seen.observed]
    after = judge_observed(hidden, CATALOGUE, edition="ti")
    assert [(one.requirement, one.verdict) for one in after] == [(one.requirement, one.verdict) for one in before]
    assert "failed" in {one.verdict for one in before}

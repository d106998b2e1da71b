"""Who is who in a record, and the verdicts on who calls: a conformant table has no finding, a defect is found and no other."""

import dataclasses
import warnings
import zipfile

import pytest
from recorded_table import table

from tdwii_conformance.cli import main
from tdwii_conformance.defects import DEFECTS, VARIATIONS, install
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.results import results_of, write_results
from tdwii_conformance.transcript.observation import read_observation
from tdwii_conformance.witness.judging import judge_observed, witness
from tdwii_conformance.witness.records import read_record

CATALOGUE = load_catalogue()
ENDS = ("completed", "canceled-after", "canceled-before")


def judged(path, edition="ti"):
    seen = witness(read_record(path), edition=edition)
    verdicts = judge_observed(seen.observed, CATALOGUE, edition=edition)
    return seen, {one.requirement for one in verdicts if one.verdict in ("failed", "warned")}, verdicts


def recorded_with(tmp_path, name, end="completed"):
    path = tmp_path / "record.jsonl"
    deviation = {**DEFECTS, **VARIATIONS}[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with table(path, end=end, prepare=lambda tms, ost, tdd: install(tdd, [deviation])) as tdd:
            try:
                tdd.perform()
            except RuntimeError:  # CannotTreat: what the defect makes of the treatment
                assert name in DEFECTS
    return path


def test_all_three_are_recognized(recorded_treatment):
    seen, bad, verdicts = judged(recorded_treatment)
    assert (seen.cast.tms, seen.cast.ost, seen.cast.tdd, seen.cast.watcher) == (["TMS"], ["OST"], ["TDD"], [])
    assert bad == set()
    assert seen.malformations == []
    # RO-58 to RO-65 are all there: each has a requirement that was judged
    passed = {CATALOGUE[one.requirement].transaction for one in verdicts if one.verdict == "passed"}
    assert {f"RO-{number}" for number in range(58, 66)} <= passed


def test_three_treatments_of_one_record_are_three_sessions(tmp_path):
    path = tmp_path / "record.jsonl"
    with table(path) as tdd:
        for end in ENDS:
            tdd.end = end
            tdd.perform()
    seen, bad, _ = judged(path)
    said = [one.observation.facts["scenario"] for one in seen.observed]
    assert said == ["new-completed", "continuation-canceled-after", "new-canceled-before"]
    assert bad == set()


@pytest.mark.parametrize(
    "name",
    ["tdd-ro58-input-absent", "tdd-proposes-explicit-vr-only", "tdd-sends-no-pdus", "tdd-aborts", "tdd-suspends-another-instance"],
)
def test_a_defect_is_found_and_no_other(tmp_path, name):
    _, bad, _ = judged(recorded_with(tmp_path, name))
    assert bad
    assert bad <= set(DEFECTS[name].requirements)


def test_ae_titles_that_are_said_are_not_guessed(recorded_treatment):
    seen = witness(read_record(recorded_treatment), said={"tdd": ["LINAC"], "tms": ["TMS"]})
    assert seen.cast.tdd == ["LINAC"]
    assert judge_observed(seen.observed, CATALOGUE, edition="ti") != []
    assert {one.ae_title for one in seen.observed} == {"LINAC"}


def test_a_session_is_pseudonymised_and_judged_alike(recorded_treatment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen, _, verdicts = judged(recorded_treatment)
    write_results(tmp_path / "r.json", results_of(verdicts, CATALOGUE, system="S", edition="ti"))
    assert main(["pack", "r.json", "--transcripts", str(recorded_treatment), "--pseudonymise", "-o", "p.zip"]) == 0
    with zipfile.ZipFile("p.zip") as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("transcripts/")]
        whole = b"".join(archive.read(name) for name in archive.namelist() if name != "MANIFEST.json").decode()
        (tmp_path / "again.jsonl").write_bytes(archive.read(name))
    hidden = dataclasses.replace(seen.observed[0], observation=read_observation(tmp_path / "again.jsonl"))
    again = judge_observed([hidden], CATALOGUE, edition="ti")
    assert [(one.requirement, one.verdict) for one in again] == [(one.requirement, one.verdict) for one in verdicts]
    facts = seen.observed[0].observation.facts
    assert not [fact for fact in ("workitem", "patient_id", "patient_name", "study") if facts.get(fact) and facts[fact] in whole]


def test_a_record_that_ends_early_blames_nobody(recorded_treatment, tmp_path):
    lines = recorded_treatment.read_text().splitlines(keepends=True)
    for share in (0.3, 0.6, 0.8):
        path = tmp_path / f"{share}.jsonl"
        path.write_text("".join(lines[: int(len(lines) * share)]))
        _, bad, _ = judged(path)
        assert bad == set(), share

"""The results file: written, read again, held to its schema; runs compared, in the terminal and as a page."""

import json
from datetime import UTC, datetime

import jsonschema
import pytest

from tdwii_conformance.cli.app import main
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.report.results import ResultsError, made_schema, read_results, results_of, schema, write_results
from tdwii_conformance.report.verdicts import TestVerdict

CATALOGUE = load_catalogue()
WHEN = datetime(2026, 11, 29, 9, tzinfo=UTC)
FINDING = {"expected": "status C301", "received": "status 0000", "path": "Status", "weight": "fault"}


def run(first="passed", second="failed", system="vendor", third="skipped"):
    """Three requirements: claim refused to another, the second claim changes nothing, and one that may be skipped."""
    verdicts = [
        TestVerdict("RO60-TMS-004", "tms/test_a.py::test_x", first, exchanges=("# an exchange",), duration=0.25),
        TestVerdict(
            "RO60-TMS-005", "tms/test_a.py::test_y", second,
            findings=(FINDING,) if second == "failed" else (), exchanges=("# an exchange", "# another"),
        ),
        TestVerdict("RO60-TMS-006", "tms/test_a.py::test_z", third, reason="not judged: no workitem" if third == "skipped" else ""),
    ]  # fmt: skip
    return results_of(verdicts, CATALOGUE, system=system, edition="ti", notices=["the run was interrupted"], when=WHEN)


@pytest.fixture
def files(tmp_path):
    def write(**runs):
        paths = []
        for name, results in runs.items():
            write_results(tmp_path / f"{name}.json", results)
            paths.append(str(tmp_path / f"{name}.json"))
        return paths

    return write


def test_what_is_read_is_what_was_written(tmp_path):
    results = run()
    write_results(tmp_path / "new" / "a.json", results)
    again = read_results(tmp_path / "new" / "a.json")
    assert again == results
    assert [(v.requirement, v.verdict, v.exchanges) for v in again.verdicts] == [
        ("RO60-TMS-004", "passed", ("# an exchange",)),
        ("RO60-TMS-005", "failed", ("# an exchange", "# another")),
        ("RO60-TMS-006", "skipped", ()),
    ]
    assert dict(again.verdicts[1].findings[0]) == FINDING
    assert (again.share.applicable, again.share.judged, again.share.met) == (3, 2, 1)


def test_an_exchange_is_kept_once():
    assert sorted(run().exchanges.values()) == ["# an exchange", "# another"]


def test_the_published_schema_is_that_of_the_code_and_fits_a_file(tmp_path):
    assert schema() == made_schema()  # else: tdwii_conformance/report/results.schema.json is out of date
    write_results(tmp_path / "a.json", run())
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    jsonschema.validate(content, json.loads(schema()), cls=jsonschema.Draft202012Validator)
    content["requirements"][0]["verdict"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json.loads(schema()), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "not JSON"),
        ("[]", "no results of a run"),
        ('{"format": "tdwii results 9"}', "no results of a run"),
        ('{"format": "tdwii results 1", "edition": "2007"}', "edition: Input should be 'ti' or '2013'|system: Field required"),
    ],
)
def test_what_is_no_results_is_said_so(tmp_path, text, message):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=message):
        read_results(path)


def test_report_shows_a_run_again(files, tmp_path, capsys):
    (path,) = files(a=run())
    page = tmp_path / "a.html"
    assert main(["report", path, "--html", str(page)]) == 1
    out = capsys.readouterr().out
    assert "vendor, edition ti, 2026-11-29" in out
    assert "the run was interrupted" in out
    assert "judged: 2 of 3 requirements that apply; met: 1" in out
    assert "RO60-TMS-005" in page.read_text(encoding="utf-8")


def test_report_of_a_run_without_failures_is_0(files):
    (path,) = files(a=run(second="passed"))
    assert main(["report", path]) == 0


@pytest.mark.parametrize(
    ("before", "now", "said", "code"),
    [
        ({}, {}, "worse: none", 0),
        ({}, {"first": "failed"}, "worse: 1", 1),
        ({}, {"first": "warned"}, "worse: 1", 0),
        ({}, {"first": "skipped"}, "no longer judged: 1", 1),
        ({"first": "failed"}, {}, "better: 1", 0),
        ({}, {"third": "failed"}, "new: 1", 0),
        ({"second": "failed"}, {"second": "error"}, "worse: 1", 0),
    ],
)
def test_compare_says_what_changed_and_closes_as_a_baseline_does(files, capsys, before, now, said, code):
    assert main(["compare", *files(a=run(**before), b=run(**now))]) == code
    out = capsys.readouterr().out
    assert said in out
    # the same system twice is named by its files
    assert out.startswith("a: ")


def test_compare_makes_a_grid_of_three(files, tmp_path, capsys):
    page = tmp_path / "grid.html"
    runs = files(a=run(system="A"), b=run(system="B", first="failed"), c=run(system="<C>", second="passed"))
    assert main(["compare", *runs, "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert '<th scope="col">A</th><th scope="col">B</th><th scope="col">&lt;C&gt;</th>' in text
    assert "expected status C301; received status 0000 at Status" in text
    assert "better: 1" in capsys.readouterr().out


def test_a_run_whose_system_is_a_sentence_is_called_by_its_file(files, capsys):
    runs = files(before=run(system="A"), after=run(system="embedded simulators with one defect, and with another one"))
    assert main(["compare", *runs]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()[:2]] == ["A", "after"]


@pytest.mark.parametrize(
    ("arguments", "message"), [(["a.json"], "two or more"), (["a.json", "none.json"], "none.json: cannot be read")]
)
def test_wrong_arguments_are_one_sentence(files, monkeypatch, tmp_path, capsys, arguments, message):
    files(a=run())
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err

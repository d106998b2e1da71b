"""What a run writes: results that fit the published schema, and the page that is made of them again later."""

import json

import jsonschema

from tdwii_conformance.cli import main
from tdwii_conformance.report.results import schema

TESTS = """
@SHALL
def test_shall(judge, note_evidence):
    note_evidence("# an exchange")
    judge([Finding("this", "that", path="PatientName")])

@SHOULD
def test_should(judge):
    judge([FAULT])
"""


def test_the_page_is_made_again_from_the_results_that_fit_their_schema(run, pytester):
    run(TESTS, "--results", "r.json", "--report", "first.html")
    content = json.loads((pytester.path / "r.json").read_text("utf-8"))
    jsonschema.validate(content, json.loads(schema()), cls=jsonschema.Draft202012Validator)
    assert main(["report", "r.json", "--html", "again.html"]) == 1
    assert (pytester.path / "again.html").read_bytes() == (pytester.path / "first.html").read_bytes()

"""Templates: how they are filled, and that each of them says what its message has to."""

import pytest

from tdwii_conformance.dcmdump import DumpError, Placeholder, Template, dump, fill, parse, template, templates
from tdwii_conformance.drivers import messages

TEXT = """\
# a message
(0010,0020) LO [${PatientID}]
(0010,0021) LO [${Issuer:-HIS}]  # of ${PatientID}
(0008,1080) LO [${Diagnoses:-}]
"""


def test_placeholders_are_filled_and_have_defaults():
    dataset = parse(fill(TEXT, {"PatientID": "P1"}))
    assert (dataset.PatientID, dataset.IssuerOfPatientID, dataset.AdmittingDiagnosesDescription) == ("P1", "HIS", "")
    assert parse(fill(TEXT, {"PatientID": 7, "Issuer": None})).PatientID == "7"
    assert parse(fill(TEXT, {"PatientID": "P1", "Issuer": None})).IssuerOfPatientID == ""
    assert parse(fill(TEXT, {"PatientID": "P1", "Diagnoses": "a\\b"})).AdmittingDiagnosesDescription == ["a", "b"]


def test_what_a_template_leaves_open_is_listed_with_its_line():
    asked = [Placeholder("PatientID", None, 2), Placeholder("Issuer", "HIS", 3), Placeholder("Diagnoses", "", 4)]
    assert list(Template("x", "a message", TEXT).placeholders) == asked


@pytest.mark.parametrize("said", ["one\ntwo", "one\r\ntwo"])
def test_a_line_end_in_a_value_does_not_end_the_line(said):
    assert parse(fill("(0010,4000) LT [${Comments}]", {"Comments": said})).PatientComments == "one\r\ntwo"


def test_brackets_and_placeholders_in_a_value_are_its_own():
    assert parse(fill("(0010,4000) LT [${Comments}]", {"Comments": "[a]] ${b} #1"})).PatientComments == "[a]] ${b} #1"


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        (TEXT, {}, "t, line 2: a value is needed for PatientID (line 2)"),
        ("\n${A} ${B}\n${C:-1} ${D}", {"B": 1}, "t, line 2: a value is needed for A (line 2), D (line 3)"),
        (TEXT, {"PatientID": 1, "Patient": 2}, "t, line 1: there is no placeholder Patient in it; there are: PatientID, Issuer, "),
        ("(0010,0020) LO [P1]", {"A": 1}, "t, line 1: there is no placeholder A in it; there are: none"),
        ("\n${}", {}, "t, line 2: '${}' is no placeholder; one is ${Name} or ${Name:-value}"),
        ("\n[${Name]", {}, "t, line 2: '${Name]' is no placeholder"),
        ("${Name-x}", {}, "t, line 1: '${Name-x}' is no placeholder"),
        ("#\n(0010,0020) LO [${A}]", {"A": "1\n2"}, "t, line 2: A has a line end, which this line cannot have; LT, ST and UT can"),
        ("${A:-1}\n${A:-2}", {}, "t, line 2: A has another default than in line 1"),
    ],
)
def test_what_cannot_be_filled(text, values, problem):
    with pytest.raises(DumpError) as caught:
        fill(text, values, name="t")
    assert str(caught.value).startswith(problem)


def test_a_template_that_is_not_there():
    with pytest.raises(KeyError, match="no template 'ro59'; there are ro58-query-any, "):
        template("ro59")


@pytest.mark.parametrize(
    ("name", "state"),
    [("ro58-query-scheduled", "SCHEDULED"), ("ro58-query-in-progress", "IN PROGRESS"), ("ro58-query-any", "")],
)
def test_the_queries_are_those_of_the_drivers(name, state):
    query = parse(template(name).fill({}), name=name)
    del query.SpecificCharacterSet  # said so that a name may be any
    assert dump(query) == dump(messages.worklist_query(station="FX1", start="", state=state))


@pytest.mark.parametrize("name", templates())
def test_every_template_has_a_title_of_one_line(name):
    assert template(name).title
    assert len(template(name).title) <= 100

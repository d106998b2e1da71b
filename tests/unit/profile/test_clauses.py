"""The clause table: nothing normative without a requirement or a reason, no requirement without a clause."""

import re

import pytest

from tdwii_conformance.profile import CatalogueError, load_catalogue
from tdwii_conformance.profile.clause_table import REASONS, documents_of, load_clauses

CATALOGUE = load_catalogue()
CLAUSES = load_clauses(CATALOGUE)
HEAD = "section,number,gist,binds,level,requirements,values,reason,remark\n"


def test_every_requirement_judges_a_clause_of_a_section_that_it_cites():
    def cited(requirement):
        sections = [one.strip() for one in requirement.source.split(";")]
        return any(
            clause.section == section or clause.section.startswith((f"{section} ", f"{section}."))
            for clause in CLAUSES.of(requirement.id)
            for section in sections
        )

    assert [one.id for one in CATALOGUE.values() if not cited(one)] == [], "name the clause in profile/clauses/"


def test_every_section_that_a_requirement_cites_has_clauses():
    cited = {one.strip() for requirement in CATALOGUE.values() for one in requirement.source.split(";")}
    sections = [section for section in cited if not re.fullmatch(r"[AT]\d+", section)]  # fair verdicts are no clauses
    there = CLAUSES.sections()
    assert [one for one in sorted(sections) if not any(f"{name} ".startswith((f"{one} ", f"{one}.")) for name in there)] == []


def test_what_is_repeated_is_said_there():
    places = {clause.place: clause for clause in CLAUSES}
    repeated = [clause for clause in CLAUSES if clause.reason == "repeated"]
    assert [clause.place for clause in repeated if clause.remark not in places] == []
    assert [clause.place for clause in repeated if places[clause.remark].reason == "repeated"] == []


def test_a_shall_is_judged_by_more_than_a_free_choice():
    weak = [
        clause.place
        for clause in CLAUSES
        if clause.level == "shall" and clause.requirements and all(CATALOGUE[one].level == "may" for one in clause.requirements)
    ]
    # A reading is all that can be said: A13, A17, A23 and what the conformance statement says.
    assert [place for place in weak if not place.startswith(("CC.4.2.1 ", "PS3.4 C.1.2 ", "CC.2.5.1.3 (26)"))] == []


def test_gists_are_short_and_no_place_is_there_twice():
    assert [clause.place for clause in CLAUSES if len(clause.gist) > 250] == []
    assert len({clause.place for clause in CLAUSES}) == len(CLAUSES)


def test_counts_add_up():
    counts = CLAUSES.counts()
    assert sum(counts.values()) == len(CLAUSES)
    assert set(counts) <= {"whole", "part", *REASONS}


def test_edition_of_a_requirement():
    assert CLAUSES.editions("RO60-TMS-001")[0].startswith("DICOM PS3.4 2020c")
    assert "TDW-II Trial Implementation Rev. 1.1" in CLAUSES.editions("RO60-TMS-001")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("CC.2.1,1,gist,SCU,shall,,,,", "neither a requirement that judges it nor a reason"),
        ("CC.2.1,1,gist,SCU,shall,RO60-TMS-999,a,,", "there is no requirement RO60-TMS-999"),
        ("CC.2.1,1,gist,SCU,shall,RO60-TMS-1,a,,", "neither an id nor a range"),
        ("CC.2.1,1,gist,SCU,shall,RO60-TMS-001,,,", "one without the other"),
        ("CC.2.1,1,gist,SCU,shall,RO60-TMS-001,a,choice,", "can only be 'open'"),
        ("CC.2.1,1,gist,SCU,shall,,,open,", "has a remark"),
        ("CC.2.1,1,gist,SCU,shall,,,lost,", "reason is 'lost'"),
        ("CC.2.1,1,gist,us,shall,,,choice,", "binds is 'us'"),
        ("CC.2.1,1,gist,SCU,must,,,choice,", "level is 'must'"),
        ("CC.2.1,first,gist,SCU,shall,,,choice,", "number is 'first'"),
        ("PS3.99 1,1,gist,SCU,shall,,,choice,", "of no document"),
        ("CC.2.1,1,,SCU,shall,,,choice,", "has no gist"),
        ("CC.2.1,1,a, gist,SCU,shall,,,choice,", "quote a value with a comma"),
        ("CC.2.1,1,gist,SCU,shall,,,choice,\nCC.2.1,1,gist,SCU,shall,,,choice,", r"CC\.2\.1 \(1\) is there more than once"),
    ],
)
def test_malformed_row_is_refused(tmp_path, row, said):
    (tmp_path / "documents.csv").write_text("prefix,title,edition\nCC.,DICOM PS3.4,2020c\n", "utf-8")
    (tmp_path / "some.csv").write_text(f"{HEAD}{row}\n", "utf-8")
    with pytest.raises(CatalogueError, match=said):
        load_clauses(["RO60-TMS-001"], tmp_path)


def test_range_of_requirements(tmp_path):
    (tmp_path / "documents.csv").write_text("prefix,title,edition\nCC.,DICOM PS3.4,2020c\n", "utf-8")
    (tmp_path / "some.csv").write_text(f"{HEAD}CC.2.1,1.2,gist,SCU,shall,CC11-TMS-011..021 RO60-TMS-001,a|b,,\n", "utf-8")
    (clause,) = load_clauses(CATALOGUE, tmp_path)
    assert clause.requirements == (
        "CC11-TMS-011", "CC11-TMS-012", "CC11-TMS-013", "CC11-TMS-014", "CC11-TMS-015", "CC11-TMS-021", "RO60-TMS-001",
    )  # fmt: skip
    assert (clause.place, clause.values, clause.judged, clause.document.title) == (
        "CC.2.1 (1.2)",
        ("a", "b"),
        "whole",
        "DICOM PS3.4",
    )


def test_each_requirement_names_the_edition_that_it_was_read_in():
    assert {one.id for one in load_catalogue().values() if not documents_of(one.source)} == set()
    read = [(one.title, one.edition) for one in documents_of("TI RO-60; CC.2.1.3; PS3.7 10.1.4; CC.1.1; A16")]
    assert read == [
        ("TDW-II Trial Implementation", "Rev. 1.1"),
        ("DICOM PS3.4", "2020c; table CC.2.5-3 compared with 2026c"),
        ("DICOM PS3.7", "2020c"),
    ]

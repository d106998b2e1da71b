"""Every requirement can be seen violated: it has a defect, or says why it cannot have one."""

import pytest

from tdwii_conformance.defects import DEFECTS, Defect, knock_on
from tdwii_conformance.profile import load_catalogue

from . import proof, running

CATALOGUE = load_catalogue()
ACTORS = ("TMS", "OST", "TDD", "watcher")
NAMED = {requirement for defect in DEFECTS.values() for requirement in defect.requirements}


@pytest.mark.parametrize("actor", ACTORS)
def test_every_requirement_has_a_defect(actor):
    lacking = [r for r in CATALOGUE.of(actor=actor) if r.level == "shall" and r.id not in NAMED and not r.no_defect]
    assert not lacking, "\n".join(
        f"{r.id} has no defect ({r.statement}): add one to tdwii_conformance/defects/ that makes its test fail, or"
        f' no_defect = "why there is none" to its entry in the catalogue; see docs/defects.md'
        for r in lacking
    )


def test_reasons_are_for_requirements_without_defect():
    assert [r.id for r in CATALOGUE.values() if r.no_defect and r.id in NAMED] == []


def test_defects_name_known_requirements():
    unknown = {name: set(d.requirements) - set(CATALOGUE) for name, d in DEFECTS.items() if set(d.requirements) - set(CATALOGUE)}
    assert unknown == {}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=list(DEFECTS))
def test_defect_violates_something(defect):
    assert defect.requirements, f"{defect.name} names no requirement: it says which tests have to fail"
    assert {CATALOGUE[r].actor for r in defect.requirements} <= {defect.actor}
    assert "may" not in {CATALOGUE[r].level for r in defect.requirements}, "a free choice is no requirement to violate"


def test_every_module_of_random_tests_is_there():
    assert [module for module in proof.RANDOM if not (running.ROOT / running.CONFORMANCE / module).exists()] == []


def test_what_leaves_nothing_is_a_defect():
    assert set(DEFECTS) >= proof.NOTHING_LEFT


def test_snapshot_of_knock_on_failures_is_exact():
    """No pattern, which could hide a new failure: a row names a defect and requirements that there are, and why."""
    rows = knock_on.read()
    assert [row for row in rows if row.defect not in DEFECTS] == []
    assert [row for row in rows if set(row.requirements) - set(CATALOGUE)] == []
    assert len(set(rows)) == len(rows) > 100
    assert list(rows) == sorted(rows, key=lambda row: (row.kind, row.defect))


def test_row_without_a_reason_is_refused(tmp_path):
    path = tmp_path / "knock_on.csv"
    path.write_text("kind,defect,requirements,why\nalso,ost-echo-fails,NEG-OST-001,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2: expected one of also, elsewhere, sometimes, a defect, requirements and a reason"):
        knock_on.read(path)


def test_every_defect_is_in_one_group():
    grouped = [defect.name for group in proof.groups(DEFECTS.values()) for defect in group]
    assert sorted(grouped) == sorted(DEFECTS)


def test_every_defect_shows_a_requirement_or_is_among_the_others():
    run = [defect.name for group in [*proof.bounded(DEFECTS.values()), *proof.others(DEFECTS.values())] for defect in group]
    assert sorted(run) == sorted(DEFECTS)


@pytest.mark.parametrize("requirements", [("NEG-OST-001",), ("NEG-OST-001", "NEG-OST-002")], ids=["shown by others", "more"])
def test_new_defect_that_nothing_detects_fails(requirements, monkeypatch):
    new = Defect("ost-as-ever", "Does what it should", "OST", lambda ost: None, requirements)
    monkeypatch.setitem(DEFECTS, new.name, new)
    groups = [*proof.bounded(DEFECTS.values()), *proof.others(DEFECTS.values())]
    (group,) = [group for group in groups if new in group]
    problems = proof.problems(group, proof.run_group(group, sample=0))
    assert problems[0].startswith(
        f"ost-as-ever: nothing detects it (Does what it should). The tests of {', '.join(requirements)} passed or were not judged:"
        " have one judge it, or name the requirement that is violated"
    )

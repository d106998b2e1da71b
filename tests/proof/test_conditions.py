"""The table of how deviations are run has a row for each of them, and none for another."""

import pytest

from tdwii_conformance.defects import DEFECTS, VARIATIONS, Defect

from . import proof, running
from .conditions import CONDITIONS, Conditions, conditions, read

HEAD = "deviation,alone,case,subject,scenario,edition\n"


def test_every_row_is_of_a_deviation():
    assert [name for name in CONDITIONS if name not in DEFECTS and name not in VARIATIONS] == []


def test_every_deviation_has_a_row():
    lacking = [name for name in (*DEFECTS, *VARIATIONS) if name not in CONDITIONS]
    assert not lacking, "add to tests/proof/conditions.csv, with what differs from the usual:\n" + "\n".join(
        f"{name},,,,," for name in lacking
    )


def test_rows_are_in_order():
    assert list(CONDITIONS) == sorted(CONDITIONS)


def test_scenarios_and_editions_are_of_defects_that_have_them():
    usual = Conditions()
    scenarios = {name: one.scenario for name, one in CONDITIONS.items() if one.scenario != usual.scenario}
    assert {DEFECTS[name].actor for name in scenarios} == {"TDD"}
    folder = running.ROOT / running.CONFORMANCE / "tdd"
    assert [name for name, scenario in scenarios.items() if not (folder / f"test_{scenario}.py").exists()] == []
    assert [name for name, one in CONDITIONS.items() if one.edition != usual.edition and name not in DEFECTS] == []


def test_a_row_is_read(tmp_path):
    path = tmp_path / "conditions.csv"
    path.write_text(f"{HEAD}one,yes,Sex,set|PatientSex,new_canceled_after,2013\nother,,,,,\n", encoding="utf-8")
    one = Conditions(True, "Sex", ("set", "PatientSex"), "new_canceled_after", "2013")
    assert read(path) == {"one": one, "other": Conditions(False, "", (), "new_completed", "ti")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deviation,alone\n", "the columns are not deviation, alone, case, subject, scenario, edition"),
        (f"{HEAD}one,,,,,\none,,,,,\n", "line 3: one has a row already"),
        (f"{HEAD}one,no,,,,\n", "line 2: expected alone to be empty or yes"),
        (f"{HEAD}one,,,,,2014\n", "edition to be empty or 2013"),
    ],
    ids=["columns", "twice", "alone", "edition"],
)
def test_what_is_wrong_in_a_table_is_refused(text, message, tmp_path):
    path = tmp_path / "conditions.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read(path)


def test_a_defect_without_a_row_is_run_alone():
    new = Defect("new", "Does something new", "OST", lambda ost: None, ("NEG-OST-001",))
    assert conditions(new).alone
    assert (new,) in proof.groups([new, DEFECTS["ost-echo-fails"]])

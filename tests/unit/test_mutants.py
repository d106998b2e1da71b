"""The comparison of surviving mutants with what docs/mutation.md explains."""

import ast
import json
from pathlib import Path

import pytest

from tests import mutants

ORIGINAL = 'def f(a):\n    if not a:\n        raise ValueError("no a")\n    return [Finding("an a", f"{a}", "there")]\n'


@pytest.mark.parametrize(
    ("old", "new", "wording"),
    [
        ('"an a"', '"XXan aXX"', True),
        ('"no a"', '"NO A"', True),
        ('"an a"', "None", False),  # a finding without its expectation is no wording
        ('"an a", ', "", False),
        ("not a", "a", False),
        ("[Finding", "[Other", False),
        ('f"{a}"', 'f"{None}"', False),
    ],
)
def test_only_words(old, new, wording):
    before, after = (ast.parse(text).body[0] for text in (ORIGINAL, ORIGINAL.replace(old, new)))
    assert mutants.only_words(before, after) is wording


@pytest.mark.parametrize(
    ("new", "wording"),
    [
        ("select value from text where place = ?", True),
        ("SELECT VALUE FROM TEXT WHERE PLACE = ?", True),
        ("XXSELECT value FROM text WHERE place = ?XX", False),
    ],
)
def test_the_case_of_sql_is_wording(new, wording):
    before, after = (
        ast.parse(f"def f(run):\n    return run('{text}')").body[0] for text in ("SELECT value FROM text WHERE place = ?", new)
    )
    assert mutants.only_words(before, after) is wording


def test_the_case_of_other_text_is_not():
    before, after = (ast.parse(f"def f(a):\n    return a == '{text}'").body[0] for text in ("SCHEDULED", "scheduled"))
    assert not mutants.only_words(before, after)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (["  a = 1", "  b = 2"], ["  a = 1", "  b = None"], "b = None"),
        (["f(", "  a,", "  b,", ")"], ["f(", "  a,", ")"], "(removed) b,"),
    ],
)
def test_changed_line(before, after, line):
    assert mutants.changed(before, after) == line


def test_explanations_are_items_with_place_and_line():
    text = "# Head\n\n- `checks.find.uids`: `return None`\n- no mutant: `x`\n`checks.find.uids`: `return 1`\n"
    assert mutants.explained(text) == {("checks.find.uids", "return None")}


@pytest.mark.parametrize(
    ("code", "outcome"), [(None, "not run"), (0, "survived"), (33, "survived"), (1, "killed"), (-24, "timeout")]
)
def test_outcome(code, outcome):
    assert mutants.outcome(code) == outcome


MUTATED = """
def x_f__mutmut_orig(a):
    return a + 1

def x_f__mutmut_1(a):
    return a - 1

def x_f__mutmut_2(a):
    return a + 2
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a function that makes a project with these exit codes and this document, and compares them."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "mutants").mkdir()
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "FOLDER", tmp_path / "mutants")

    def compare(document, *codes):
        names = (f"pkg.mod.sub.x_f__mutmut_{number}" for number in (1, 2))
        (tmp_path / "mutants" / "sub.py").write_text(MUTATED)
        (tmp_path / "mutants" / "sub.py.meta").write_text(json.dumps({"exit_code_by_key": dict(zip(names, codes, strict=True))}))
        (tmp_path / "docs" / "mutation.md").write_text(document)
        return mutants.compare(verbose=True)

    return compare


def test_survivors_are_compared_with_the_document(project, capsys):
    assert project("", 1, 1) == 0
    assert project("", 1, 0) == 1
    assert "- `mod.sub.f`: `return a + 2`" in capsys.readouterr().out
    assert project("- `mod.sub.f`: `return a + 2`\n", 1, 0) == 0
    assert "1 of 2 mutants" not in capsys.readouterr().out
    assert project("- `mod.sub.f`: `return a + 3`\n", 1, 0) == 1
    assert "killed or gone: `mod.sub.f`: `return a + 3`" in capsys.readouterr().out


def test_nothing_run_is_no_success(project):
    assert project("", None, None) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def f(a):\n    return a + 1\n",  # only copied
        MUTATED[: MUTATED.index("\ndef x_f__mutmut_2")],
        MUTATED[:-5] + "(",
        "",
        None,
    ],
)
def test_a_file_whose_making_was_interrupted_is_named(project, tmp_path, text):
    project("", 1, 1)
    file = tmp_path / "mutants" / "sub.py"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(SystemExit, match=r"sub\.py is half made; the next `make mutation` makes it anew"):
        mutants.compare(verbose=False)


def test_mutants_that_no_meta_file_names_are_no_whole_making(project, tmp_path):
    project("", 1, 1)
    meta = tmp_path / "mutants" / "sub.py.meta"
    assert mutants.whole(meta)
    meta.write_text('{"exit_code_by_key": {"pkg.mod.sub.x_f__mutmut_1": 1}}')
    assert not mutants.whole(meta)


@pytest.mark.parametrize(
    ("patterns", "rest", "numbers"),
    [
        ([], False, [3]),
        (["*_3", "*_[12]"], False, [3, 1, 2]),
        (["*"], True, [1, 3]),  # 1 survived, 2 was killed, 4 ran into a limit
        (["*elsewhere*"], True, []),
    ],
)
def test_which_mutants_are_run(tmp_path, monkeypatch, patterns, rest, numbers):
    monkeypatch.chdir(tmp_path)
    codes = {f"pkg.sub.x_f__mutmut_{number}": code for number, code in ((1, 0), (2, 1), (3, None), (4, -24))}
    (tmp_path / "sub.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    found = [int(name[-1]) for _, name in mutants.chosen(patterns, rest=rest)]
    assert found == numbers


@pytest.mark.parametrize(("budget", "run"), [(float("inf"), "abc"), (1, "ab"), (0.5, "a"), (0, "a")])
def test_a_mutant_gets_what_it_may_cost(monkeypatch, budget, run):
    monkeypatch.setattr(mutants, "BUDGET", budget)
    assert mutants.affordable([(0.5, "a"), (0.5, "b"), (0.1, "c")]) == list(run)


def test_the_tests_of_a_module_are_those_that_mirror_its_package():
    assert mutants.mirror(Path("tdwii_conformance/checks/scu/story.py.meta")) == Path("tests/unit/checks/scu")

"""The gate closes when something got worse, and only then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdwii_conformance.report import baseline as gate
from tdwii_conformance.report.baseline import Baseline, BaselineError, Change, Comparison, Entry
from tdwii_conformance.report.verdicts import TestVerdict


def run(**verdicts):
    return [TestVerdict(name, f"t.py::test_{name}", verdict) for name, verdict in verdicts.items()]


def earlier(**verdicts):
    entries = {name: one if isinstance(one, Entry) else Entry(one) for name, one in verdicts.items()}
    return Baseline("Vendor", "ti", entries)


VERDICTS = ("passed", "warned", "failed", "error", "skipped")
KINDS = {
    # before: what each verdict now is
    "passed": ("", "weaker", "worse", "worse", "worse"),
    "warned": ("improved", "", "worse", "worse", "worse"),
    "failed": ("improved", "improved", "", "", ""),
    "error": ("improved", "improved", "", "", ""),
    "skipped": ("new", "new", "new", "new", ""),
}


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [(before, now, kind) for before, row in KINDS.items() for now, kind in zip(VERDICTS, row, strict=True)],
)
def test_every_change_is_of_one_kind(before, now, kind):
    comparison = gate.compare(earlier(A=before), run(A=now))
    found = {name for name in ("worse", "weaker", "improved", "new", "gone") if getattr(comparison, name)}
    assert found == ({kind} if kind else set())
    if kind:
        assert getattr(comparison, kind) == (("A", before, now),)


def test_a_requirement_that_is_not_in_the_baseline_is_new():
    assert gate.compare(earlier(), run(A="failed")) == Comparison(new=(Change("A", "", "failed"),))


def test_a_requirement_that_was_not_judged_is_gone():
    assert gate.compare(earlier(A="passed"), run()) == Comparison(gone=(Change("A", "passed", ""),))


def test_the_worst_test_of_a_requirement_counts():
    verdicts = [*run(A="passed"), TestVerdict("A", "t.py::other", "failed")]
    assert gate.compare(earlier(A="passed"), verdicts).worse == (("A", "passed", "failed"),)


def test_accepted_failures_are_listed_with_their_reason():
    comparison = gate.compare(earlier(A=Entry("failed", "ticket 7"), B="failed"), run(A="failed", B="error"))
    assert comparison == Comparison(accepted={"A": "ticket 7", "B": ""})


def test_the_comparison_in_words():
    comparison = gate.compare(
        earlier(A="passed", B="passed", C="failed", E="passed", F=Entry("failed", "ticket 7"), G="failed", H="passed"),
        run(A="failed", B="skipped", C="passed", D="failed", F="failed", G="failed", H="warned"),
    )
    assert str(comparison) == "\n".join(
        [
            "worse: 2",
            "  A: passed -> failed",
            "  B: passed -> skipped (no longer judged)",
            "weaker: 1",
            "  H: passed -> warned",
            "improved: 1",
            "  C: failed -> passed",
            "judged for the first time: 1",
            "  D: new -> failed",
            "in the baseline, not judged in this run: 1",
            "  E: passed before",
            "accepted failures: 2",
            "  F: ticket 7",
            "  G: no reason given: write one",
        ]
    )
    assert str(Comparison()) == "nothing got worse"


# --- updating -------------------------------------------------------------------------------------------------------


def test_an_update_keeps_the_reasons_of_what_still_fails():
    before = earlier(A=Entry("failed", "ticket 7"), B=Entry("failed", "ticket 8"), C=Entry("skipped", "no C-GET"))
    after = gate.updated(before, run(A="error", B="passed", C="skipped", D="failed"), system="Vendor", edition="ti")
    assert after.entries == {
        "A": Entry("error", "ticket 7"),
        "B": Entry("passed"),
        "C": Entry("skipped", "no C-GET"),
        "D": Entry("failed"),
    }


def test_an_update_keeps_what_was_not_judged_this_time():
    before = earlier(A="passed", X="passed")
    assert set(gate.updated(before, run(B="passed"), system="V", edition="ti").entries) == {"A", "B", "X"}
    assert set(gate.updated(before, run(B="passed"), system="V", edition="ti", known={"A", "B"}).entries) == {"A", "B"}


def test_the_first_update_takes_the_run():
    assert gate.updated(None, run(A="passed"), system="V", edition="2013") == Baseline("V", "2013", {"A": Entry("passed")})


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_file_is_one_sorted_requirement_a_line():
    text = gate.format_baseline(earlier(B="passed", A=Entry("failed", 'says "no"'), C="failed"))
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "format = 1",
        'system = "Vendor"',
        'edition = "ti"',
        "",
        "[verdicts]",
        'A = { verdict = "failed", reason = "says \\"no\\"" }',
        'B = "passed"',
        'C = { verdict = "failed", reason = "" }',
    ]


@given(
    system=st.text(st.characters(exclude_categories=["Cs"])),
    entries=st.dictionaries(
        st.from_regex(r"[A-Z]{2,4}[0-9]{0,2}-[A-Z]{3}-[0-9]{3}", fullmatch=True),
        st.builds(Entry, st.sampled_from(VERDICTS), st.text(st.characters(exclude_categories=["Cs"]))),
    ),
)
def test_what_is_written_is_read(system, entries):
    baseline = Baseline(system, "ti", entries)
    assert gate.parse(gate.format_baseline(baseline), "b.toml") == baseline


def test_a_file_is_written_and_read(tmp_path):
    path = tmp_path / "baseline.toml"
    gate.write(path, earlier(A="passed"))
    assert gate.read(path) == earlier(A="passed")
    assert [file.name for file in tmp_path.iterdir()] == ["baseline.toml"], "nothing else is left"


HEAD = 'format = 1\nsystem = "V"\nedition = "ti"\n[verdicts]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = \n", "b.toml: not TOML: .*line 1"),
        ("", "b.toml: format: is None, this program reads 1"),
        (HEAD.replace("1", "2"), "b.toml: format: is 2, this program reads 1"),
        (HEAD.replace('"ti"', "3"), "b.toml: edition: is missing or no text"),
        (HEAD.replace("system", "sistem"), "b.toml: unknown key 'sistem'; did you mean 'system'"),
        (HEAD + 'A-1 = "good"', "b.toml: A-1: verdict: 'good' is not one of passed, failed"),
        (HEAD + 'A-1 = { reason = "x" }', "b.toml: A-1: verdict: None is not one of"),
        (
            HEAD + 'A-1 = { verdict = "failed", raeson = "x" }',
            "b.toml: A-1: unknown key 'raeson'; did you mean 'reason'",
        ),
        (HEAD + 'A-1 = { verdict = "failed", reason = 3 }', "b.toml: A-1: reason: 3 is no text"),
        (HEAD + "A-1 = 3", "b.toml: A-1: is 3: write "),
        (HEAD.replace("[verdicts]", "verdicts = 3"), "b.toml: verdicts: is no table"),
    ],
)
def test_a_mistake_is_named(text, message):
    with pytest.raises(BaselineError, match=message):
        gate.parse(text, "b.toml")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BaselineError, match=r"none\.toml: cannot be read: No such file"):
        gate.read(tmp_path / "none.toml")
    with pytest.raises(BaselineError, match=r"x/b\.toml: cannot be written: No such file"):
        gate.write(tmp_path / "x" / "b.toml", earlier())


@pytest.mark.parametrize(
    ("system", "edition", "message"),
    [
        ("Other", "ti", "b.toml: system: is 'Vendor', this run judges 'Other'"),
        ("Vendor", "2013", "b.toml: edition: is 'ti', this run judges '2013'"),
    ],
)
def test_a_baseline_of_something_else_is_refused(tmp_path, system, edition, message):
    with pytest.raises(BaselineError, match=message):
        gate.check_same_system(earlier(), system=system, edition=edition, path=tmp_path / "b.toml")
    gate.check_same_system(earlier(), system="Vendor", edition="ti", path=tmp_path / "b.toml")

"""What a test finds becomes the verdict that the level of its requirement asks for."""

import pytest

from .conftest import MAY, SHALL, SHOULD

JUDGED = """
{marker}
def test_it(judge):
    judge([{findings}])
"""


@pytest.mark.parametrize(
    ("marker", "findings", "verdict", "code"),
    [
        ("SHALL", "", "passed", 0),
        ("SHALL", "WARNING", "warned", 0),
        ("SHALL", "FAULT", "failed", 1),
        ("SHALL", "WARNING, FAULT", "failed", 1),
        ("SHOULD", "", "passed", 0),
        ("SHOULD", "WARNING", "warned", 0),
        ("SHOULD", "FAULT", "warned", 0),
        ("MAY", "", "passed", 0),
        ("MAY", "FAULT", "passed", 0),
    ],
)
def test_level_and_findings_make_the_verdict(run, marker, findings, verdict, code):
    ran = run(JUDGED.format(marker=f"@{marker}", findings=findings))
    assert ran.verdicts == {"test_it": verdict}
    assert ran.code == code


def test_failure_shows_requirement_source_and_finding(run):
    ran = run(JUDGED.format(marker="@SHALL", findings="FAULT"))
    for line in (f"{SHALL} (shall): ", "  source:   PS3.4 A", "  expected: this", "  received: that", "  at:       PatientID"):
        assert line in ran.out
    assert "Traceback" not in ran.out


def test_free_choice_that_is_not_so_is_a_reading(run):
    assert run(JUDGED.format(marker="@MAY", findings="FAULT")).readings == {"test_it": "not so: that"}


def test_warned_test_is_shown_as_such(run):
    ran = run(JUDGED.format(marker="@SHOULD", findings="FAULT"), "-v")
    assert "WARNED" in ran.out
    assert "1 warned" in ran.out


def test_warned_test_is_shown_as_such_in_junit(run, pytester):
    run(
        JUDGED.format(marker="@SHOULD", findings="FAULT"), "--junit-xml", "junit.xml", "-o", "junit_logging=system-out"
    )  # as suite.ini has it
    junit = (pytester.path / "junit.xml").read_text()
    assert f'<property name="warned" value="{SHOULD} ' in junit  # of the run
    assert '<property name="verdict" value="warned"' in junit  # of the test
    assert f"WARNED {SHOULD} (should): " in junit  # in its output


@pytest.mark.parametrize(("name", "judged"), [(SHOULD, {"test_second"}), ("neg-tms", {"test_it"}), ("TMS", {"test_it"})])
def test_requirement_chooses_tests(run, name, judged):
    tests = "@SHALL\ndef test_it():\n    pass\n@SHOULD\ndef test_second():\n    pass\ndef test_without():\n    pass"
    assert set(run(tests, "--requirement", name).verdicts) == judged


def test_requirement_that_there_is_not_is_named(run):
    ran = run("def test_it():\n    pass", "--requirement", "NEG-TMS-999")
    assert ran.code == 4 and "the nearest are NEG-TMS-" in ran.out


def test_plain_assertion_is_a_finding_too(run):
    ran = run("@SHALL\ndef test_it():\n    assert 1 == 2, 'one is not two'")
    assert ran.verdicts == {"test_it": "failed"}
    assert "received: one is not two" in ran.out


@pytest.mark.parametrize("marker", ["SHALL", "SHOULD", "MAY"])
def test_error_of_our_own_is_no_verdict_on_the_system(run, marker):
    ran = run(f"@{marker}\ndef test_it():\n    raise KeyError('ours')")
    assert ran.verdicts == {"test_it": "error"}
    assert ran.reasons == {"test_it": "KeyError: 'ours'"}
    assert ran.code == 1


def test_error_in_a_fixture_is_no_verdict_on_the_system(run):
    ran = run("@pytest.fixture\ndef broken():\n    assert 0, 'ours'\n@SHALL\ndef test_it(broken):\n    pass")
    assert ran.verdicts == {"test_it": "error"}
    assert ran.reasons["test_it"].startswith("AssertionError: ours")
    assert ran.code == 1


@pytest.mark.parametrize(("marker", "verdict", "code"), [("SHALL", "failed", 1), ("SHOULD", "warned", 0), ("MAY", "passed", 0)])
def test_nonconformity_in_a_fixture_is_one(run, marker, verdict, code):
    text = f"""
from tdwii_conformance.plugin import Nonconformity
@pytest.fixture
def looked():
    raise Nonconformity([FAULT])
@{marker}
def test_it(looked):
    pass
"""
    ran = run(text)
    assert (ran.verdicts, ran.code) == ({"test_it": verdict}, code)


@pytest.mark.parametrize(
    ("error", "shown"), [("LinkLost(Peer('TMS', '127.0.0.1', 104))", "1 failed"), ("KeyError('ours')", "1 error")]
)
def test_a_system_that_is_lost_in_a_fixture_is_shown_as_in_a_test(run, error, shown):
    ran = run(f"""from tdwii_conformance.dimse import LinkLost, Peer
@pytest.fixture
def lost():
    raise {error}
@SHALL
def test_it(lost):
    pass
""")
    assert ran.verdicts == {"test_it": "error"}
    assert shown in ran.out
    assert ran.code == 1


def test_nonconformity_in_a_group_of_errors_is_one(run):
    """Hypothesis says it so when an example fails once and not again."""
    text = """
from tdwii_conformance.plugin import Nonconformity
@SHALL
def test_it():
    raise ExceptionGroup("flaky", [ValueError("x"), Nonconformity([FAULT])])
"""
    ran = run(text)
    assert ran.verdicts == {"test_it": "failed"}
    assert "received: that" in ran.out


def test_readings_are_noted_once_each(run):
    ran = run("@SHALL\ndef test_it(note_reading):\n    note_reading('a')\n    note_reading('b')\n    note_reading('a')")
    assert ran.readings == {"test_it": "a; b"}


def test_test_without_requirement_has_no_verdict(run):
    ran = run("def test_it():\n    pass")
    assert (ran.verdicts, ran.code) == ({}, 0)
    assert "TDW-II conformance" not in ran.out


def test_unknown_requirement_ends_the_run(run):
    ran = run("@pytest.mark.requirement('RO60-TMS-999')\ndef test_it():\n    pass")
    assert ran.code == 4
    assert "RO60-TMS-999" in ran.out


def test_class_names_the_prefix_of_a_number(run):
    text = "class TestIt:\n    requirements = 'NEG-TMS'\n    @pytest.mark.requirement('001')\n    def test_it(self, requirement):\n"
    ran = run(text + f"        assert requirement.id == {SHALL!r}")
    assert ran.verdicts == {"test_it": "passed"}


def test_table_counts_requirements(run):
    ran = run(JUDGED.format(marker="@SHALL", findings="FAULT") + f"\n@SHOULD\ndef test_{SHOULD[-3:]}(judge):\n    judge([])")
    assert "TDW-II conformance" in ran.out
    assert MAY not in ran.out
    assert SHALL in ran.out


def test_long_exchanges_are_kept_in_part():
    from tdwii_conformance.plugin import texts

    short, long = "short", "x" * 30_000
    assert list(texts.kept([short, long])) == [short, "x" * 25_000 + "\n... 5000 more characters: --evidence DIR has them"]
    many = list(texts.kept([long] * 20))
    assert len(many) == 11 and many[-1] == "... more exchanges: --evidence DIR has them"

"""The way from an id, a section or words to a requirement, its test and its defects; and completion of them by a shell."""

import os
import subprocess
import sys

import pytest

from tdwii_conformance.profile import load_catalogue


def test_one_requirement_with_clause_test_and_defect(tdwii):
    ran = tdwii("requirements", "ro60-tms-004")
    assert ran.code == 0
    for part in (
        "RO60-TMS-004  Refuses the claim of a second TDD", "clause    CC.2.1.4  https://dicom.nema.org/", "level     shall",
        "editions  ti, 2013", "status    C301 (", "test      tms/test_ro60_in_progress.py::test_second_claim_is_refused",
        "run       tdwii run RO60-TMS-004", "defect    claim-without-it-in-progress-success: ",
    ):  # fmt: skip
        assert part in ran.out


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (("RO-60",), lambda r: r.transaction == "RO-60"),
        (("OST",), lambda r: r.actor == "OST"),
        (
            ("TMS", "subscribed", "--level", "shall"),
            lambda r: r.actor == "TMS" and "subscribed" in f"{r.id} {r.statement} {r.source}".lower() and r.level == "shall",
        ),
        (("RO-58", "--edition", "2013"), lambda r: r.transaction == "RO-58" and "2013" in r.editions),
    ],
)
def test_several_are_listed(tdwii, words, holds):
    ran = tdwii("requirements", *words, "--json")
    expected = {r.id for r in load_catalogue().values() if holds(r)}
    assert {one["id"] for one in ran.json} == expected
    assert f"{len(expected)} requirements" in tdwii("requirements", *words).err


def test_defects_of_a_requirement_and_what_one_violates(tdwii):
    assert "claim-without-it-in-progress-success  (TMS defect)\n    claim without it" in tdwii("defects", "RO60-TMS-004").out
    ran = tdwii("defects", "claim-race-won-by-both")
    assert "violates  RO60-TMS-015" in ran.out and "tdwii serve tms --defect claim-race-won-by-both" in ran.out
    kinds = {one["kind"] for one in tdwii("defects", "TMS", "event", "--json").json}
    assert kinds == {"defect", "variation"}


@pytest.mark.parametrize(
    ("command", "word", "near"),
    [("requirements", "RO60-TMS-04", "RO60-TMS-004"), ("defects", "claim-race-won-by-bothh", "claim-race-won-by-both")],
)
def test_what_there_is_not_is_said_with_the_nearest(tdwii, command, word, near):
    ran = tdwii(command, word)
    assert ran.code == 2 and near in ran.err


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("tdwii requirem", "plain,requirements"),
        ("tdwii run RO60-TMS-00", "plain,RO60-TMS-004"),
        ("tdwii run tm", "plain,tms"),
        ("tdwii run tms/test_ro60", "plain,tms/test_ro60_in_progress.py"),
        ("tdwii run --requ", "plain,--requirement"),
        ("tdwii defects claim-race", "plain,claim-race-won-by-both"),
        ("tdwii run RO-60 --defect claim-race", "plain,claim-race-won-by-both"),
        ("tdwii serve tdd --defect tdd-ro58-inp", "plain,tdd-ro58-input-absent"),
    ],
)
def test_bash_completes(words, completed):
    asked = {"_TDWII_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ran = subprocess.run(
        [sys.executable, "-m", "tdwii_conformance"], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60
    )
    assert completed in ran.stdout.splitlines(), ran.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_what_a_shell_reads(tdwii, shell):
    ran = tdwii("completion", shell)
    assert ran.code == 0 and "_TDWII_COMPLETE" in ran.out

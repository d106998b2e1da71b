"""A run of the suite with a user's own objects: with a TMS, and with a TDD under test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLANS = ROOT / "fixtures" / "plans"


def run(objects, *arguments):
    environment = {**os.environ, "TDWII_OBJECTS": str(objects), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--embedded", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        ["tests/conformance/tms/test_cc_2_3_subscribe.py", "-k", "filter"],
        ["tests/conformance/tdd/test_new_completed.py"],
    ],
    ids=["filters", "tdd"],
)
def test_no_finding_against_conformant_systems(part):
    ran = run(PLANS / "setup_beams.dcm", *part)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert " passed" in ran.stdout and "one is made for fraction 1" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["tests/conformance/ost/test_ro59_retrieve_static_inputs.py", "tests/conformance/tdd/test_new_completed.py"]
)
def test_what_cannot_be_used_ends_the_run(tmp_path, part):
    assert (ROOT / part).exists()
    ran = run(tmp_path, part)
    assert ran.returncode == 4 and f"{tmp_path}: is empty: put an RT Plan" in ran.stdout + ran.stderr, ran.stdout[-2000:]
    ran = run(PLANS / "no_meterset.dcm", part)
    assert ran.returncode == 4 and "BeamMeterset: is missing" in ran.stdout + ran.stderr, ran.stdout[-2000:]

"""The suite while a conformant TMS's PDUs are mutated ends with verdicts: no error, no traceback, no thread left. A part; `make mutated` runs all."""

import subprocess

import pytest

from tests.mutated import judged, troubles

PART = "tests/conformance/tms/test_ro60_in_progress.py"


@pytest.mark.slow
def test_the_suite_ends_whatever_the_tms_sends(tmp_path):
    ran, count = judged(tmp_path, [PART], 300, share=0.1, seed=5, patience=1.0)
    assert troubles(ran) == [], ran.stdout[-6000:] + ran.stderr[-6000:]
    assert count


@pytest.mark.parametrize(("code", "out", "err", "found"), [
    (0, "21 passed in 1.00s", "", []), (1, "1 failed, 20 passed in 61.00s (0:01:01)", "", []),
    (1, "1 failed, 19 passed, 1 error in 2.00s", "", ["1 error"]), (3, "", "", ["exit code 3", "no summary"]),
    (1, "1 failed, 20 passed in 1.0s", "Traceback (most recent call last):", ["a traceback on stderr"]),
    (0, "21 passed in 1.00s", "left at the end: Thread-7", ["left at the end: Thread-7"]),
])  # fmt: skip
def test_what_no_end_is(code, out, err, found):
    assert troubles(subprocess.CompletedProcess([], code, f"...\n{out}\njudged: 9 of 9\n", err)) == found

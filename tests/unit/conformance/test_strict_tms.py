"""A TMS that refuses what it may: the suite has nothing to say against it."""

import subprocess
import sys

MODULES = ("test_ro60_in_progress", "test_ro62_progress_update")


def test_no_finding(pytestconfig):
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--embedded", "--variation", "strict",
         *(f"tests/conformance/tms/{module}.py" for module in MODULES)],
        cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert "failed" not in ran.stdout.splitlines()[-1] and "warned" not in ran.stdout.splitlines()[-2]

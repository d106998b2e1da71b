"""The tests on every Python that the machine has, from 3.11: ``nox``; one of them: ``nox -s tests-3.13``."""

import shutil
import sys

import nox

# On Windows the interpreters are not on the path: nox asks the launcher for each, and leaves out what is not there.
PYTHONS = [
    version for version in ("3.11", "3.12", "3.13", "3.14", "3.15") if sys.platform == "win32" or shutil.which(f"python{version}")
]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests, or those that are named behind ``--``."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "pytest", "-q", *(session.posargs or ["-n", "3"]))


@nox.session
def strict(session: nox.Session) -> None:
    """Run all of the TMS's part on a strict TMS, with names of many scripts."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "tests.strict", *session.posargs)


@nox.session(python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """Run the suite on the embedded simulators from an installed wheel."""
    session.install(".")
    session.chdir(session.create_tmp())
    session.run("tdwii", "run", "-q", *session.posargs)

"""What an installation brings: the data files, and modules that can be imported where there is no Unix."""

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tdwii_conformance
from tdwii_conformance import resources

PACKAGE = Path(tdwii_conformance.__file__).parent

# A stand-in for Windows: the modules and functions that it has not are taken away, after what is not ours was imported.
ON_WINDOWS = """
import os, pkgutil, signal, sys, types
sys.argv = ["x"]
os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"  # as `tdwii load` starts Locust
import tdwii_conformance

def ours():
    found = pkgutil.walk_packages(tdwii_conformance.__path__, "tdwii_conformance.")
    return ["tdwii_conformance", *(one.name for one in found if not one.name.endswith(("__main__", "locustfile")))]  # which run as programs

names = ours()
for name in names:
    __import__(name)
for name in names:
    del sys.modules[name]
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for module, missing in (
    (os, "fork killpg getuid geteuid setsid O_CLOEXEC O_NOFOLLOW O_NONBLOCK"),
    (signal, "SIGKILL SIGHUP SIGQUIT SIGUSR1 SIGALRM SIGPIPE SIGCHLD setitimer pthread_sigmask"),
):
    for name in missing.split():
        delattr(module, name)
import subprocess
subprocess.CREATE_NEW_PROCESS_GROUP = 512
locks = []
sys.modules["msvcrt"] = types.SimpleNamespace(LK_LOCK=1, locking=lambda *arguments: locks.append(arguments[1:]))
sys.platform = "win32"
for name in names:
    __import__(name)
from pathlib import Path
from tdwii_conformance.cli.claims import Claim, Claims
claims = Claims(Path(sys.stdin.read()) / "claims.json")
claims.keep(Claim("h:1", "1.2", "1.3", ""))
print(len(names), claims.find("h:1", "1.2").transaction_uid, locks)
"""


def test_every_module_can_be_imported_without_unix(tmp_path):
    ran = subprocess.run([sys.executable, "-c", ON_WINDOWS], input=str(tmp_path), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    count, transaction, locks = ran.stdout.split(maxsplit=2)
    assert int(count) > 100
    assert (transaction, locks.strip()) == ("1.3", "[(1, 1), (1, 1)]")


@pytest.mark.parametrize(
    ("package", "folder", "least"),
    [
        ("tdwii_conformance", PACKAGE, 30),
        ("tdwii_conformance.dcmdump_templates", PACKAGE.parent / "dcmdump_templates", 30),
        ("tdwii_conformance.fixtures", PACKAGE.parent / "fixtures", 2),
        ("tdwii_conformance.suite", resources.suite(), 1),
    ],
)
def test_every_data_file_is_packed(package, folder, least):
    """A file that no pattern of package-data takes is missing in a wheel, and there alone."""
    with (PACKAGE.parent / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["package-data"][package]
    packed = {path for pattern in patterns for path in folder.glob(pattern)}
    present = {path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert present - packed == set()
    assert len(present) >= least


def test_the_suite_does_not_depend_on_where_it_is():
    """In a wheel the suite is ``tdwii_conformance.suite``: its modules import each other relatively."""
    modules = sorted(resources.suite().rglob("*.py"))
    assert len(modules) > 40
    assert [path.name for path in modules if "tests.conformance" in path.read_text(encoding="utf-8")] == []


def test_the_suite_is_configured_alike_by_its_own_file_and_by_the_checkouts():
    """A checkout runs it by pytest.ini or by ``tdwii run``, an installation by ``tdwii run``: one set of verdicts."""
    inner, outer = configparser.ConfigParser(), configparser.ConfigParser()
    inner.read(resources.suite() / "suite.ini", encoding="utf-8")
    outer.read(PACKAGE.parent / "pytest.ini", encoding="utf-8")
    assert set(inner["pytest"]) > {"addopts", "filterwarnings"}
    assert {key: outer["pytest"][key] for key in inner["pytest"]} == dict(inner["pytest"])

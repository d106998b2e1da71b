"""What is released works without the checkout: sdist and wheel are built, and the wheel is installed and run elsewhere."""

import os
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tdwii_conformance import __version__, resources

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.long]
# Modules of all kinds: a transaction, random requests (Hypothesis keeps files), simulators as processes of their own.
PART = ("tms/test_ro60_in_progress.py", "ost/test_negotiation_ost.py", "watcher/test_watch.py")


def environment(home):
    """Nothing of this run, of the person, or of the checkout."""
    alien = ("TDWII_", "PYTEST", "PYTHON", "XDG_", "COVERAGE", "HYPOTHESIS")
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(alien)},
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
    }


def run(*command, cwd, home, codes=(0,)):
    ran = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment(home), capture_output=True, text=True, timeout=600
    )
    assert ran.returncode in codes, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran


def programs(venv):
    return venv / ("Scripts" if sys.platform == "win32" else "bin")


def new_venv(path, home):
    """A virtual environment without anything, and its interpreter; pip is ours, by its option --python."""
    run(sys.executable, "-m", "venv", "--without-pip", path, cwd=path.parent, home=home)
    return programs(path) / "python"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def built(tmp_path_factory, home):
    """A folder with sdist and wheel; the wheel is made of what the sdist has."""
    folder = tmp_path_factory.mktemp("dist")
    # The index is not asked for setuptools: the environment of the development has it.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CHECKOUT, cwd=folder, home=home)
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory, home):
    """The programs of an environment that has the wheel; what it depends on is that of this environment."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    python = new_venv(venv, home)
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=venv, home=home)
    where = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=venv, home=home).stdout.strip()
    # An added folder's own .pth files are not read: our editable installation stays invisible.
    Path(where, "ours.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs(venv)


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def verdicts(junit):
    """Of a JUnit file: (test, requirement, verdict), sorted."""
    found = []
    for case in ElementTree.parse(junit).iter("testcase"):
        told = {one.get("name"): one.get("value") for one in case.iter("property")}
        result = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        module = case.get("classname").removeprefix("tests.conformance.")
        found.append((module, case.get("name"), told.get("requirement"), result))
    return sorted(found, key=str)


def test_the_sdist_has_what_the_tests_need(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in (
        "Makefile", "pytest.ini", "conftest.py", "setup.py", "README.md", "CHANGELOG.md", "docs/architecture.md", "docs/proof.md",
        "fixtures/sut_example.toml", "dcmdump_templates/query-any.txt", "tests/conformance/suite.ini", "tests/proof/proof.html.j2",
        "tests/unit/profile/state_table.txt", "benchmarks/__main__.py", ".ci/wheelhouse.py", "tdwii_conformance/py.typed",
    ):  # fmt: skip
        assert path in names
    assert not [name for name in names if name.startswith((".git/", ".venv", "build/")) or name.endswith(".pyc")]


def test_an_installed_wheel_judges_as_the_checkout_does(installed, empty, home, tmp_path):
    run(installed / "tdwii", "run", *PART, "-q", "--junitxml", tmp_path / "installed.xml", cwd=empty, home=home)
    chosen = [f"tests/conformance/{part}" for part in PART]
    options = ["-q", "-p", "no:cacheprovider", "--embedded", "--junitxml", tmp_path / "checkout.xml"]
    run(sys.executable, "-m", "pytest", *chosen, *options, cwd=CHECKOUT, home=home)
    ours, theirs = verdicts(tmp_path / "installed.xml"), verdicts(tmp_path / "checkout.xml")
    assert ours == theirs
    assert len(ours) > 50
    assert list(empty.iterdir()) == []


def test_an_installed_wheel_has_all_it_needs(installed, empty, home):
    """The suite, its messages and its example; and they are the wheel's own, not the checkout's."""
    place = "import tdwii_conformance.resources as r; print(r.suite(), r.templates(), r.examples())"
    for folder in run(installed / "python", "-c", place, cwd=empty, home=home).stdout.split():
        assert Path(folder).is_relative_to(installed.parent)
    collected = run(installed / "tdwii", "run", "--collect-only", "-q", cwd=empty, home=home).stdout
    here = run(
        sys.executable, "-m", "tdwii_conformance", "run", "--collect-only", "-q", cwd=empty, home=home
    ).stdout  # the checkout's
    assert collected.splitlines()[:-1] == here.splitlines()[:-1]
    assert len(collected.splitlines()) > 3000
    assert run(installed / "tdwii", "--version", cwd=empty, home=home).stdout == f"tdwii, version {__version__}\n"
    assert "--sut FILE" in run(installed / "tdwii", "run", "--help", cwd=empty, home=home).stdout
    assert "query-scheduled" in run(installed / "tdwii", "templates", cwd=empty, home=home).stdout
    assert list(empty.iterdir()) == []
    run(installed / "tdwii", "init", cwd=empty, home=home)
    assert (empty / "sut.toml").read_bytes() == (resources.examples() / "sut_example.toml").read_bytes()


def test_what_stands_above_the_environment_does_not_matter(installed, empty, home):
    """An installation below a project with settings of its own: they are for its tests, not for ours."""
    (empty / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (empty / "conftest.py").write_text("raise RuntimeError('not mine')\n")
    ran = run(installed / "tdwii", "run", "ost/test_negotiation_ost.py", "-q", "-k", "echo", cwd=empty, home=home, codes=(0, 5))
    assert "not mine" not in ran.stdout + ran.stderr


def test_a_computer_without_internet_installs_from_the_wheelhouse(tmp_path, home, empty):
    """By the folder's own instruction; it asks the index of this computer for the wheels."""
    folder = tmp_path / "wheelhouse"
    run(sys.executable, CHECKOUT / ".ci" / "wheelhouse.py", folder, cwd=tmp_path, home=Path.home())
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert len(lines) == len(list(folder.glob("*.whl"))) > 20
    assert all("==" in line and " --hash=sha256:" in line for line in lines)
    assert "--no-index --find-links . --require-hashes -r requirements.txt" in (folder / "README.txt").read_text()
    python = new_venv(tmp_path / "tdwii", home)
    install = ["install", "--no-index", "--find-links", ".", "--require-hashes", "-r", "requirements.txt"]
    run(sys.executable, "-m", "pip", "--python", python, "--isolated", *install, cwd=folder, home=home)
    ran = run(programs(tmp_path / "tdwii") / "tdwii", "run", "ost/test_negotiation_ost.py", "-q", cwd=empty, home=home)
    assert " passed" in ran.stdout
    assert list(empty.iterdir()) == []

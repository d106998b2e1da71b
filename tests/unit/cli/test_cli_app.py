"""The command as a whole: what it lists, how fast, and how it says what is wrong."""

import statistics
import subprocess
import sys
import time

import pytest

from tdwii_conformance import __version__
from tdwii_conformance.cli.app import COMMANDS
from tdwii_conformance.cli.app import tdwii as group

NAMES = [(name, lazy) for section in COMMANDS.values() for name, lazy in section.items()]
HEAVY = ("pydicom", "pynetdicom", "rich", "pydantic", "pytest", "numpy", "cryptography")


def seconds(*command):
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def test_help_is_as_fast_as_python_lets_it():
    """300 ms where ``python -c pass`` takes 50 ms: as a ratio, this machine is not alone."""
    pairs = [
        (seconds(sys.executable, "-c", "pass"), seconds(sys.executable, "-m", "tdwii_conformance", "--help")) for _ in range(7)
    ]
    bare, helped = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert helped < 6 * bare


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from tdwii_conformance.cli import main; assert main(['--help']) == 0;"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("name", "lazy"), NAMES, ids=[name for name, _ in NAMES])
def test_help_of_each_command(tdwii, name, lazy):
    ran = tdwii(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    command = group.get_command(None, name)
    assert command.name == name
    assert command.help.splitlines()[0] == lazy.summary
    assert f"tdwii {name}" in ran.out.split("Examples:")[1]


def test_version(tdwii):
    assert tdwii("--version").out == f"tdwii, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "tdwii: No such command 'nothing'. (tdwii --help shows what is right)\n"),
        (["echo", "--zzz"], "tdwii echo: No such option '--zzz'. (tdwii echo --help shows what is right)\n"),
        (["echo"], "tdwii echo: PEER is missing: HOST PORT, HOST:PORT, or an AE title of the address book\n"),
        (["echo", "127.0.0.1", "99999"], "tdwii echo: '99999' is not a port: give 1 to 65535\n"),
        (["echo", "127.0.0.1", "11112", "--called", "A" * 17],
         f"tdwii echo: '{'A' * 17}' is no AE title: 1 to 16 printable ASCII characters, no backslash\n"),
        (["echo", "127.0.0.1", "1", "2"], "tdwii echo: '2' is one argument too many\n"),
        (["echo", "TMS"], "tdwii echo: 'TMS' is not a known AE title: give HOST PORT, or an address book (--entities FILE, or "
         "ApplicationEntities.json here) that has it\n"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_one_line_and_2(tdwii, arguments, message):
    ran = tdwii(*arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", message)


def test_an_unknown_ae_title_says_who_is_known(tdwii, tmp_path):
    (tmp_path / "ApplicationEntities.json").write_text(
        '[{"AETitle": "UPSSCP", "IPAddr": "127.0.0.1", "Port": 11114}, {"AETitle": "OST", "IPAddr": "127.0.0.1", "Port": 11112}]'
    )
    ran = tdwii("echo", "UPSSPC")
    assert (ran.code, ran.err) == (
        2,
        "tdwii echo: no AE title 'UPSSPC' in ApplicationEntities.json; known are OST, UPSSCP\n",
    )


def test_a_faulty_address_book_says_where(tdwii, tmp_path):
    (tmp_path / "book.json").write_text('[{"AETitle": "TMS", "IPAddr": "127.0.0.1"}, {"AETitle": "OST", "Port": "x"}]')
    ran = tdwii("echo", "TMS", "--entities", "book.json")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "tdwii echo: book.json: entry 1: Port: missing",
        "tdwii echo: book.json: entry 2: IPAddr: missing",
        "tdwii echo: book.json: entry 2: Port: 'x' is not a port: give 1 to 65535",
    ]


def test_python_m():
    ran = subprocess.run([sys.executable, "-m", "tdwii_conformance", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"tdwii, version {__version__}\n"

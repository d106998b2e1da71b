"""Several systems from a TOML file, TLS that the proxy ends, and findings that appear while a record grows."""

import itertools
import re
import textwrap
from contextlib import suppress

import pytest
import trustme
from recorded_table import Kept, table

from tdwii_conformance.cli.app import main
from tdwii_conformance.cli.following import Judging, follow
from tdwii_conformance.defects import DEFECTS, install
from tdwii_conformance.dimse import TLS, DimseError, Peer, Timeouts, connect
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.sut.config import ConfigError
from tdwii_conformance.witness.answering import judge_all
from tdwii_conformance.witness.judging import witness
from tdwii_conformance.witness.proxy import Listener, Proxy, ProxyError
from tdwii_conformance.witness.records import read_record
from tdwii_conformance.witness.table import load_table
from tests.ports import free_port

VERIFICATION = "1.2.840.10008.1.1"
CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """What the laptop between them, and everybody else, shows; both of one authority."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("proxy", "others"):
        made = authority.issue_cert("127.0.0.1")
        made.private_key_pem.write_to_path(folder / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    return folder


def tls(folder, name):
    return TLS(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")


def echo(peer):
    with connect(peer, [VERIFICATION], calling="TDD", timeouts=Timeouts(connect=20, message=30)) as link:
        return link.c_echo().status


def test_tls_is_ended_and_what_passes_is_read(certificates):
    kept = Kept()
    others = tls(certificates, "others")
    with OST("OST", tls=others) as ost:
        behind = Listener(0, "OST", "127.0.0.1", ost.peer.port, tls=tls(certificates, "proxy"))
        with Proxy([behind], [kept]) as proxy:
            assert echo(Peer("OST", "127.0.0.1", proxy.ports[0], others)) == 0
            kept.wait_for(1)
            # Who shows no certificate does not get through, and the onlookers learn why.
            with pytest.raises(DimseError):
                echo(Peer("OST", "127.0.0.1", proxy.ports[0], TLS(certificates / "ca.pem")))
            kept.wait_for(2)
    first = [e for e in kept.events if e[1] == "1"]
    assert b"OST" in b"".join(e[3] for e in first if e[0] == "passed" and e[2] == "requestor")
    assert first[-1] == ("closed", "1", "")
    assert "TLS with the caller did not come about" in next(e[2] for e in kept.events if e[:2] == ("closed", "2"))


def test_a_key_that_is_none_is_said(certificates):
    wrong = TLS(certificates / "ca.pem", certificates / "proxy.pem", certificates / "ca.pem")
    with pytest.raises(ProxyError, match=r"TMS@127\.0\.0\.1:104: not usable as PEM certificates and key"):
        Proxy([Listener(0, "TMS", "127.0.0.1", 104, tls=wrong)], []).__enter__()


def toml(path, text):
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def test_all_systems_of_a_table_from_a_file(certificates):
    path = toml(
        certificates / "table.toml",
        """
        edition = "2013"
        [[system]]
        name = "TMS and OST"
        address = "10.0.0.5:11114"
        listen = 11114
        ae_title = "ARIA"
        part = ["TMS", "OST"]
        [[system]]
        name = "LINAC"
        address = "[fe80::1]:104"
        listen = "0.0.0.0:0"
        [system.tls]
        certificate = "proxy.pem"
        key = "proxy.key"
        ca = "ca.pem"
        check_hostname = false
        """,
    )
    found = load_table(path)
    assert found.listeners == (
        Listener(11114, "TMS and OST", "10.0.0.5", 11114, "127.0.0.1"),
        Listener(
            0, "LINAC", "fe80::1", 104, "0.0.0.0",
            TLS(certificates / "ca.pem", certificates / "proxy.pem", certificates / "proxy.key", check_hostname=False),
        ),
    )  # fmt: skip
    assert (found.said, found.edition, found.complete) == ({"tms": ["ARIA"], "ost": ["ARIA"]}, "2013", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "system: missing"),
        ('[[system]]\nname = "T"\naddress = "h"\nlisten = 1', "system[0].address: 'h' is no address: give HOST:PORT"),
        ('[[system]]\nname = "T"\naddress = "h:1"\nlisten = "x"', "listen: 'x' is no address: give PORT or ADDRESS:PORT"),
        ('[[system]]\nname = "T"\naddress = "h:1"\nlisten = 1\npart = "TMS"', "system[0].ae_title: missing"),
        ('[[system]]\nname = "T"\naddress = "h:1"\nlisten = 1\nport = 1', "unknown key"),
        ('[[system]]\nname = "T"\naddress = "h:1"\nlisten = 1\n' * 2, "system[1].listen: 1 is the port of another system"),
        ('[[system]]\nname="T"\naddress="h:1"\nlisten=1\n[system.tls]\nca = "no.pem"', "system[0].tls.ca: no such file"),
        ("x = ", "not TOML"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path, text, message):
    path = toml(tmp_path / "table.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_table(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_record_takes_the_file_and_wants_some_system(tmp_path, capsys):
    path = toml(tmp_path / "table.toml", f'[[system]]\nname = "T"\naddress = "127.0.0.1:{free_port()}"\nlisten = 0')
    assert main(["record", str(tmp_path / "r.jsonl"), "--table", str(path), "--for", "0.01", "--quiet"]) == 0
    assert "leads to T@127.0.0.1" in capsys.readouterr().err
    assert main(["record", str(tmp_path / "s.jsonl")]) == 2
    assert "no system to stand before" in capsys.readouterr().err


# --- live -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_a_defect(tmp_path_factory):
    """The record of a TMS with a defect."""
    path = tmp_path_factory.mktemp("record") / "treatment.jsonl"
    defect = DEFECTS["n-set-with-the-right-transaction-uid-in-progress-failing"]
    with table(path, prepare=lambda tms, ost, tdd: install(tms, [defect])) as tdd, suppress(RuntimeError):
        tdd.perform()
    return path


def grown(record, path, parts):
    """Have a record grow while it is followed: returns `over` and `wait`, as `follow` takes them."""
    lines = record.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0])
    rest = [lines[1:][n * len(lines) // parts : (n + 1) * len(lines) // parts] for n in range(parts)]

    def wait(seconds):
        with path.open("ab") as file:
            file.writelines(rest.pop(0))

    return lambda: not rest, wait


def test_findings_appear_while_the_record_grows_each_once(with_a_defect, tmp_path, capsys):
    path = tmp_path / "growing.jsonl"
    follow(path, Judging(), *grown(with_a_defect, path, 4))
    out = capsys.readouterr().out
    assert out.count("FAILED RO62-TMS-001 TMS: ") == 1
    assert "expected status 0000 (Success)" in out
    assert re.search(r"TDD to TMS: N-ACTION \S+, IN PROGRESS: 0000 \(Success\)", out)


def test_nothing_is_found_in_what_a_conformant_record_has_so_far(recorded_treatment):
    whole = read_record(recorded_treatment)
    moments = [chunk.time for one in whole for chunk in one.chunks]
    for moment in sorted(moments)[:: len(moments) // 6]:
        so_far = read_record(recorded_treatment)
        so_far = [one for one in so_far if one.opened <= moment]
        for one in so_far:
            one.chunks = list(itertools.takewhile(lambda chunk: chunk.time <= moment, one.chunks))  # noqa: B023
            one.closed = one.closed if one.closed is not None and one.closed <= moment else None
        for complete in (False, True):
            verdicts = judge_all(witness(so_far), CATALOGUE, edition="ti", complete=complete)
            assert [one for one in verdicts if one.verdict in ("failed", "warned")] == [], moment

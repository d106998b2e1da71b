"""A description of a system is understood whole, or refused with every mistake named by file and key."""

import dataclasses
import datetime
import re
import sys
from pathlib import Path

import pytest
import trustme

from tdwii_conformance.dimse import TLS, Peer, Timeouts
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.sut.config import (
    CAPABILITIES,
    OWN_WORKITEMS,
    Address,
    Caller,
    ConfigError,
    Listener,
    PartnerSettings,
    SystemUnderTest,
    embedded,
    entities,
    load_system,
)
from tdwii_conformance.treatment.messages import Code

FIXTURES = Path(__file__).parents[3] / "fixtures"

SMALL = """
[system]
name = "Small"
[tms]
ae_title = "TMS"
host = "tms.example"
port = 11114
[workitems]
station = {value = "S1"}
"""

TDD_UNDER_TEST = """
[tdd]
ae_title = "MACHINE"
host = "tdd.example"
port = 11113
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="vendor.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def problems(path, **more):
    with pytest.raises(ConfigError) as caught:
        load_system(path, **more)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems), "each names the file"
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_the_example_loads():
    system = load_system(FIXTURES / "sut_example.toml")
    assert system.tms == Peer("TMS", "127.0.0.1", 11114)
    assert system.ost == Peer("OST", "127.0.0.1", 11112)
    assert system.tdd == Listener("TDD", "0.0.0.0", 11113)
    assert system.workitems.station == Code("TDD1", "99EXAMPLE", "Treatment machine 1")
    assert system.workitems.sources == ("push",)
    assert system.test_system is True
    assert system.timeouts == Timeouts(connect=5.0, association=10.0, message=30.0, network=60.0)
    assert system.supports("TMS") == {"push", "watch", "query", "request-cancel", "store-instructions"}
    assert system.supports("OST") == {"store-inputs", "photon", "ion", "full-storage"}
    assert system.supports("TDD") == set()


def test_the_example_explains_every_claim():
    text = (FIXTURES / "sut_example.toml").read_text()
    assert [claim for claim in CAPABILITIES if f"#   {claim} " not in text] == []


def test_every_claim_of_the_catalogue_can_be_claimed():
    assert {r.capability for r in load_catalogue().values()} - {"", OWN_WORKITEMS} <= set(CAPABILITIES)


def test_what_is_left_out_is_careful(write):
    system = load_system(write(SMALL))
    assert system.ost is None
    assert system.edition == "ti"
    assert system.test_system is False
    assert system.supports("TMS") == {OWN_WORKITEMS}  # they are "existing"
    assert system.workitems.sources == ("existing",)
    assert system.timeouts == Timeouts()
    assert system.description == "Small: TMS TMS at tms.example:11114"


def test_every_mistake_is_reported_at_once(write):
    path = write("""
[system]
name = ""
edition = "2014"
test_system = "yes"
version = 4.2
[tms]
ae_title = "A TITLE THAT IS TOO LONG"
hots = "10.0.0.1"
port = 111111
supports = ["pusch"]
[timeouts]
connect = -1
[workitem]
date = "today"
""")
    assert problems(path) == [
        "system.name: is empty",
        "system.version: 4.2 is not text: put it in quotes",
        "system.edition: '2014' is not one of 'ti' or '2013'",
        "system.test_system: 'yes' is not true or false",
        "tms.ae_title: 'A TITLE THAT IS TOO LONG' is no AE title: 1 to 16 printable ASCII characters, no backslash",
        "tms.port: 111111 is not a port: give 1 to 65535",
        "tms.supports[0]: 'pusch' is no capability; did you mean 'push'?",
        "tms.hots: unknown key; did you mean 'host'?; known are ae_title, host, port, supports, tls, restart, fallback",
        "timeouts.connect: -1 is not a time-out: give seconds, more than 0 and at most 3600",
        "workitem: unknown key; did you mean 'workitems'?; known are system, tms, ost, tdd, watcher, ours, timeouts, workitems, objects, properties",
    ]


def test_a_station_that_says_no_meaning_means_its_value(write):
    """Else each N-CREATE would be refused for an empty Code Meaning."""
    assert load_system(write(SMALL)).workitems.station == Code("S1", "", "S1")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "system: missing"),
        ('system = "x"', "system: 'x' is not a table of keys and values"),
        ('[system]\nname = "x"', "tms, ost, tdd, watcher: none is described: nothing could be judged"),
        (SMALL.replace("port = 11114", ""), "tms: port missing"),
        (SMALL.replace("port = 11114", "port = true"), "tms.port: True is not a port: give 1 to 65535"),
        (SMALL.replace("port = 11114", 'port = "104"'), "tms.port: '104' is not a port: give 1 to 65535"),
        (SMALL.replace('station = {value = "S1"}', ""),
         "workitems.station: missing: existing workitems are found by their station and date"),
        (SMALL.replace("station = {", "station = { valeu = 3, "),
         "workitems.station.valeu: unknown key; did you mean 'value'?; known are value, scheme, meaning"),
        (SMALL.replace("port = 11114", 'port = 11114\nsupports = ["push"]').replace("[tms]", "test_system = true\n[tms]"),
         'workitems.station.scheme: missing: a workitem that is created ("push") names the station by a whole code'),
        (SMALL + 'date = "31.3.2025"',
         'workitems.date: \'31.3.2025\' is not a date: give "today", "YYYY-MM-DD" or "YYYY-MM-DD..YYYY-MM-DD"'),
        (SMALL + 'date = "2025-03-31..2025-03-30"', "workitems.date: '2025-03-31..2025-03-30' ends before it begins"),
        (SMALL + '[ours]\nsecond_performer = "TDD"',
         "ours.second_performer: 'TDD' is the first one's AE title: the two must differ"),
        (SMALL + '[ours]\nsecond_watcher = "TDD"',
         "ours.second_watcher: 'TDD' is the first one's AE title: the two must differ"),
        (SMALL + "[properties]\nexamples = 0", "properties.examples: 0 is not a count: give 1 to 100000"),
        (SMALL + "supports = 3", "workitems.supports: unknown key; known are source, station, date, command, timeout, recognised_by, patient_id, patient_name, changes, other_station, modality"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(write, text, problem):
    assert problems(write(text)) == [problem]


def test_a_remote_system_is_tried_within_bounds(write):
    system = load_system(write(SMALL + '[properties]\nexamples = 3\nsteps = 7\n[ours]\nsecond_watcher = "W2"'))
    assert (system.property_examples, system.property_steps, system.second_watcher) == (3, 7, "W2")
    assert load_system(write(SMALL)).property_examples == 20
    assert load_system(write(SMALL)).restart is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("open('restarted', 'w').close()", None),
        ("import sys; sys.exit('no such service')", r"tms\.restart: .* ended with code 1: no such service"),
        ("import threading; threading.Event().wait()", r"tms\.restart: .* did not end within 0\.5 s"),
    ],
    ids=["ends", "fails", "hangs"],
)
def test_the_restart_command_runs_beside_the_description(write, tmp_path, code, said):
    command = f'restart = ["{sys.executable}", "-c", "{code}"]'
    within = 0.5 if said is not None and "did not end" in said else 60
    system = load_system(write(SMALL.replace("port = 11114", f"port = 11114\n{command}") + f"[timeouts]\nrestart = {within}"))
    if said is None:
        system.restart()
        assert (tmp_path / "restarted").exists()
    else:
        with pytest.raises(OSError, match=said):
            system.restart()


def test_a_restart_command_that_is_none_is_named(write):
    system = load_system(write(SMALL.replace("port = 11114", 'port = 11114\nrestart = ["no-such-command"]')))
    with pytest.raises(OSError, match=r"^tms\.restart: 'no-such-command' cannot be run: No such file or directory$"):
        system.restart()


def test_a_capability_of_before_is_refused_with_the_reason(write):
    with pytest.raises(ConfigError, match="no requirement is about C-GET; leave it out"):
        load_system(write(SMALL.replace("port = 11114", 'port = 11114\nsupports = ["cget"]')))


def test_pushing_needs_consent_and_the_capability(write):
    assert problems(write(SMALL.replace('"S1"', '"S1", scheme = "99X"') + 'source = "push"')) == [
        'workitems.source: "push" creates workitems in the TMS: say system.test_system = true, or source = "existing"',
        'workitems.source: "push" needs "push" in tms.supports',
    ]


def test_pushing_is_the_default_where_it_is_allowed(write):
    allowed = SMALL.replace('name = "Small"', 'name = "Small"\ntest_system = true').replace(
        "port = 11114", 'port = 11114\nsupports = ["push"]'
    )
    allowed = allowed.replace('"S1"', '"S1", scheme = "99X"')
    assert load_system(write(allowed)).workitems.sources == ("push",)


def test_former_keys_are_read_with_a_notice(write):
    path = write(
        SMALL.replace("port = 11114", 'port = 11114\nclaims = ["query"]') + TDD_UNDER_TEST + '[ours]\nstrangers = "reject"'
    )
    with pytest.warns(FutureWarning) as told:
        system = load_system(path)
    assert (system.tms_supports, system.partners.unattributed) == ({"query"}, "reject")
    assert sorted(str(one.message) for one in told) == [
        f"{path}: ours.strangers is now called ours.unattributed; the former name goes with the next version",
        f"{path}: tms.claims is now called tms.supports; the former name goes with the next version",
    ]


def test_former_key_beside_its_present_name_is_refused(write):
    both = SMALL.replace("port = 11114", 'port = 11114\nclaims = ["query"]\nsupports = ["push"]')
    assert problems(write(both)) == ["tms.claims: is the former name of tms.supports, which is there too: keep one"]


def test_toml_that_is_none_is_refused_with_the_line(write):
    path = write('[system]\nname = "x\n')
    (problem,) = problems(path)
    assert problem.startswith("not TOML: ") and "line 2" in problem


def test_a_file_that_is_not_there(tmp_path):
    assert problems(tmp_path / "none.toml") == ["cannot be read: No such file or directory"]


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = problems(path)
    assert problem.startswith("not TOML: ")


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificates(tmp_path):
    authority = trustme.CA()
    ours = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "tdd.pem")
    ours.private_key_pem.write_to_path(tmp_path / "tdd.key")
    return tmp_path


def test_tls_files_are_found_beside_the_file(write, certificates):
    path = write(SMALL + '[tms.tls]\nca = "ca.pem"\ncertificate = "tdd.pem"\nkey = "tdd.key"')
    expected = TLS(certificates / "ca.pem", certificates / "tdd.pem", certificates / "tdd.key")
    assert load_system(path).tms == Peer("TMS", "tms.example", 11114, expected)


def test_a_certificate_may_be_pinned_whose_name_is_not_the_hosts(write, certificates):
    system = load_system(write(SMALL + '[tms.tls]\nca = "ca.pem"\ncheck_hostname = false'))
    assert system.tms.tls == TLS(certificates / "ca.pem", check_hostname=False)
    assert "TMS at tms.example:11114 (TLS, host name of the certificate not checked)" in system.description
    assert problems(write(SMALL + "[tms.tls]\ncheck_hostname = false")) == [
        "tms.tls.ca: missing: with check_hostname = false it has to hold the peer's own certificate"
    ]


def test_tls_files_have_to_exist(write, certificates):
    path = write(SMALL + '[tms.tls]\nca = "authority.pem"\nkey = "tdd.key"\n[ours.tls]\nca = "ca.pem"')
    assert problems(path) == [
        f"tms.tls.ca: no such file: {certificates / 'authority.pem'}",
        "tms.tls.certificate: missing: a key is of use with its certificate only",
        "ours.tls.certificate: missing: who is called over TLS has to show a certificate",
    ]


def test_tls_files_have_to_be_certificates(write, certificates):
    (certificates / "tdd.pem").write_text("nothing")
    (problem,) = problems(write(SMALL + '[tms.tls]\ncertificate = "tdd.pem"\nkey = "tdd.key"'))
    assert problem.startswith("tms.tls: not usable as PEM certificates and key: ")


def test_the_objects_folder_has_to_exist(write, tmp_path):
    (tmp_path / "plans").mkdir()
    assert load_system(write(SMALL + '[objects]\nfolder = "plans"')).objects == tmp_path / "plans"
    assert problems(write(SMALL + '[objects]\nfolder = "planes"')) == [f"objects.folder: no such folder: {tmp_path / 'planes'}"]


# --- the address book -----------------------------------------------------------------------------------------------


def test_the_address_book_of_the_seed():
    assert entities(FIXTURES / "ApplicationEntities.json") == {
        "TMS": Address("127.0.0.1", 11114),
        "OST": Address("127.0.0.1", 11112),
        "TDD": Address("127.0.0.1", 11113),
    }


def test_the_address_book_fills_in_what_the_file_leaves_out(write):
    book = write(
        '[{"AETitle": "TMS", "IPAddr": "10.0.0.1", "Port": 104}, {"AETitle": "TDD", "IPAddr": "h", "Port": 105}]',
        "b.json",
    )
    path = write(SMALL.replace("port = 11114", ""))
    system = load_system(path, entities=book)
    assert system.tms == Peer("TMS", "tms.example", 104), "the file's host, the book's port"
    assert system.tdd == Listener("TDD", "0.0.0.0", 105)
    unknown = write(SMALL.replace("port = 11114", "").replace('"TMS"', '"XYZ"'))
    assert problems(unknown, entities=book) == [f"tms: port missing, and {book} has no AETitle 'XYZ'"]


def test_an_address_book_alone_describes_a_system_to_read_from():
    system = load_system(None, entities=FIXTURES / "ApplicationEntities.json")
    assert (system.tms, system.ost) == (Peer("TMS", "127.0.0.1", 11114), Peer("OST", "127.0.0.1", 11112))
    assert system.tdd.port == 11113
    assert not system.test_system
    assert system.supports("TMS") == {OWN_WORKITEMS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", ["cannot be read as JSON: "]),
        ('{"AETitle": "A"}', ["is not a list of "]),
        (
            '[{"AETitle": "A", "IPAddr": "h", "Port": 0}, {"AETitle": "A\\\\B", "IPaddr": "h", "Port": 1}, 3]',
            [
                "entry 1: Port: 0 is not a port: give 1 to 65535",
                "entry 2: AETitle: 'A\\\\B' is no AE title: ",
                "entry 2: IPAddr: missing",
                "entry 2: IPaddr: unknown key; did you mean 'IPAddr'?",
                "entry 3: 3 is not a table of keys and values",
            ],
        ),
        (
            '[{"AETitle": "A", "IPAddr": "h", "Port": 1}, {"AETitle": "A", "IPAddr": "h", "Port": 2}]',
            ["entry 2: AETitle: 'A' is there already with another address: h:1"],
        ),
    ],
)
def test_mistakes_in_the_address_book(write, text, expected):
    book = write(text, "book.json")
    with pytest.raises(ConfigError) as caught:
        entities(book)
    assert len(caught.value.problems) == len(expected)
    for problem, start in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith(f"{book}: {start}")


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ('"today"', "20250331000000-20250331235959"),
        ('"2024-02-29"', "20240229000000-20240229235959"),
        ("2024-02-29", "20240229000000-20240229235959"),
        ('"2025-01-01..today"', "20250101000000-20250331235959"),
        ('"2025-03-31..2025-04-04"', "20250331000000-20250404235959"),
    ],
)
def test_the_date_is_a_range_of_whole_days(write, date, expected):
    system = load_system(write(SMALL + f"date = {date}"))
    assert system.workitems.start_range(datetime.date(2025, 3, 31)) == expected


def test_the_edition_can_be_changed(write):
    system = load_system(write(SMALL))
    assert system.with_edition("2013").edition == "2013"
    assert system.edition == "ti"


def test_embedded_claims_and_allows_everything():
    system = embedded()
    assert isinstance(system, SystemUnderTest)
    assert system.embedded and system.test_system
    assert system.supports("TMS") == system.supports("OST") == set(CAPABILITIES)


def test_the_description_in_the_ci_page_loads(write):
    page = (FIXTURES.parent / "docs" / "ci.md").read_text(encoding="utf-8")
    start = page.index("    [system]")
    block = page[start : page.index("\n\n**", start)]
    system = load_system(write("\n".join(line.removeprefix("    ") for line in block.splitlines())))
    assert (system.workitems.sources, system.tdd.port) == (("push",), 11113)


# --- systems that call us ----------------------------------------------------------------------------------------------

TDD_ALONE = """
[system]
name = "a machine"
[tdd]
ae_title = "LINAC1"
host = "10.1.2.3"
port = 104
"""


def test_a_tdd_alone_is_enough(write):
    system = load_system(write(TDD_ALONE))
    assert system.calling_tdd == Caller(Peer("LINAC1", "10.1.2.3", 104), folder=write(TDD_ALONE).parent.resolve())
    assert (system.calling_tdd.step_timeout, system.calling_tdd.settle) == (120.0, 5.0)
    assert system.partners == PartnerSettings(Listener("TMS", "0.0.0.0", 11114), Listener("OST", "0.0.0.0", 11112), "accept", None)
    assert [actor for actor in ("TMS", "OST", "TDD", "watcher") if system.describes(actor)] == ["TDD"]
    assert system.description == "a machine: TDD LINAC1 at 10.1.2.3:104"


def test_a_watcher_beside_a_tdd_with_everything_said(write, tmp_path):
    system = load_system(
        write(
            TDD_ALONE
            + """
step_timeout = 20
settle = 1
receiver_ae_title = "TDD_STORE"
trigger = "python run.py 'with a blank'"
[watcher]
ae_title = "PPVS"
host = "10.1.2.4"
port = 105
supports = ["fetch-inputs"]
trigger = ["python", "watch.py"]
[ours]
unattributed = "reject"
transcripts = "seen"
[ours.tms]
ae_title = "OURTMS"
host = "10.1.2.9"
port = 2104
[ours.ost]
ae_title = "OUROST"
port = 2105
"""
        )
    )
    assert system.calling_tdd.trigger == ("python", "run.py", "with a blank")
    assert (system.calling_tdd.step_timeout, system.calling_tdd.settle) == (20.0, 1.0)
    assert system.calling_watcher.trigger == ("python", "watch.py")
    assert system.calling_tdd.receiver == dataclasses.replace(system.calling_tdd.peer, ae_title="TDD_STORE")
    assert system.calling_watcher.receiver == system.calling_watcher.peer
    assert system.supports("watcher") == {"fetch-inputs"} and system.supports("TDD") == set()
    assert system.partners.unattributed == "reject"
    assert system.partners.transcripts == tmp_path / "seen"
    assert (system.partners.tms, system.partners.ost) == (Listener("OURTMS", "10.1.2.9", 2104), Listener("OUROST", "0.0.0.0", 2105))


@pytest.mark.parametrize(
    ("more", "port"),
    [
        ('[ours.ost]\nae_title = "TMS"', 11114),
        ('[ours.tms]\nport = 2104\n[ours.ost]\nae_title = "TMS"\nport = 2104', 2104),
    ],
)
def test_our_tms_and_ost_may_be_one_product(write, more, port):
    partners = load_system(write(TDD_ALONE + more)).partners
    assert partners.tms == partners.ost == Listener("TMS", "0.0.0.0", port)
    assert partners.one_product


def test_two_are_two_products(write):
    assert not load_system(write(TDD_ALONE)).partners.one_product


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("step_timeout = 0", "tdd.step_timeout: 0 is not a time-out: give seconds, more than 0 and at most 3600"),
        ('trigger = "run \'it"', 'tdd.trigger: "run \'it" is not a command: No closing quotation'),
        ('[watcher]\nae_title = "PPVS"', "watcher: host and port missing"),
        ('[ours]\nunattributed = "maybe"', "ours.unattributed: 'maybe' is not one of 'accept' or 'reject'"),
        ("[ours.tms]\nport = 11112", "ours.ost.port: 11112 is the port of [ours.tms]: the two must differ, or be one "),
        ('[ours.tms]\nae_title = "LINAC1"', "tdd.ae_title: 'LINAC1' is the AE title of [ours.tms]: the two must differ"),
        (
            '[watcher]\nae_title = "LINAC1"\nhost = "h"\nport = 105',
            "watcher.ae_title: 'LINAC1' is the AE title of [tdd]: the two must differ",
        ),
        ("prot = 104", "tdd.prot: unknown key; did you mean 'port'?"),
    ],
)
def test_a_mistake_about_a_system_that_calls_us_is_named(write, more, problem):
    path = write(TDD_ALONE + more)
    with pytest.raises(ConfigError) as raised:
        load_system(path)
    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(f"{path}: {problem}")


def test_the_commented_example_of_a_tdd_loads(tmp_path):
    text = (FIXTURES / "sut_example.toml").read_text()
    tables = re.findall(r"^# (\[(?:tdd|watcher|ours\.tms|ours\.ost)\]\n(?:#.*\n)*)", text, re.MULTILINE)
    keys = [line for table in tables for line in table.splitlines() if re.match(r"(# )?\[[a-z.]+\]$|# [a-z_]+ = ", line)]
    path = tmp_path / "tdd.toml"
    path.write_text('[system]\nname = "x"\n' + "\n".join(key.removeprefix("# ") for key in keys))
    system = load_system(path)
    assert system.calling_tdd.peer == Peer("TDD", "10.1.2.3", 11113)
    assert system.calling_tdd.trigger == ("python", "-m", "my_tdd_automation")
    assert system.calling_watcher.supports == {"fetch-inputs"}
    assert system.partners.tms == Listener("TMS", "0.0.0.0", 11114)


def test_the_fallback_list_names_titles_at_which_we_listen(write):
    ours = '[ours]\nsecond_watcher = "WATCHER2"\n'
    assert load_system(write(SMALL)).fallback == ()
    one = SMALL.replace("port = 11114", 'port = 11114\nfallback = "TDD"')
    assert load_system(write(one)).fallback == ("TDD",)
    both = SMALL.replace("port = 11114", 'port = 11114\nfallback = ["TDD", "WATCHER2"]')
    assert load_system(write(both + ours)).fallback == ("TDD", "WATCHER2")
    assert problems(write(both)) == [
        "tms.fallback: 'WATCHER2' is no AE title at which we receive event reports; those are 'TDD'"
        " ([ours.tdd] ae_title, ours.second_watcher)"
    ]

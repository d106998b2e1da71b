"""Defects and variations can be named, switched on together, and are announced; unknown names are refused with the nearest."""

import logging
import re
from datetime import datetime

import pytest
from pydicom.uid import generate_uid
from pynetdicom import AE

from tdwii_conformance.cli.app import main as tdwii
from tdwii_conformance.cli.failures import USAGE
from tdwii_conformance.cli.serve.dialogue import Dialogue, converse
from tdwii_conformance.defects import DEFECTS, VARIATIONS, UnknownDeviation, equip
from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.simulators.watcher import WatcherSimulator
from tdwii_conformance.sut.embedded import embedded_system
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.treatment.objects import new_treatment, workitem

from . import running

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@pytest.mark.parametrize("known", [DEFECTS, VARIATIONS], ids=["defects", "variations"])
def test_names_and_sentences(known):
    for name, deviation in known.items():
        assert name == deviation.name
        assert NAME.fullmatch(name)
        assert len(deviation.sentence.split()) > 2
        assert deviation.actor in ("TMS", "OST", "TDD", "watcher")


def test_no_defect_is_also_a_variation():
    assert not set(DEFECTS) & set(VARIATIONS)


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownDeviation, match=r"'tms-echo-fail'.*nearest.*tms-echo-fails"):
        equip(TMS(), ["tms-echo-fail"])


def test_defect_of_another_actor_is_refused():
    with pytest.raises(UnknownDeviation, match="is for the simulated OST, this is the TMS"):
        equip(TMS(), ["ost-echo-fails"])


def test_simulator_says_at_start_and_in_its_version_name_what_it_has(caplog):
    ost = OST()
    equip(ost, ["ost-echo-fails"])
    with caplog.at_level(logging.WARNING), ost:
        entity = AE("TESTER")
        entity.add_requested_context("1.2.840.10008.1.1")
        association = entity.associate("127.0.0.1", ost.peer.port, ae_title="OST")
        try:
            version = association.acceptor.implementation_version_name
            answer = association.send_c_echo()
        finally:
            association.release()
    assert version == "DEFECT ost-echo-"
    assert answer.Status == 0x0110
    assert "the simulated OST has the defect ost-echo-fails: Answers C-ECHO with failure" in caplog.text


def test_a_variation_that_answers_with_a_warning_has_done_what_it_was_asked():
    tms = TMS()
    equip(tms, ["n-create-no-ups-answers-b300"])
    uid = generate_uid()
    attributes = workitem(
        new_treatment(),
        tms="TMS",
        ost="OST",
        station=Code("LINAC1", "99TDWII", "Linac 1"),
        start=datetime(2026, 1, 2),
        edition="ti",
    )
    outcome = tms.worklist.create(uid, attributes)
    assert outcome.status == 0xB300
    assert tms.worklist.store.get(uid).state == "SCHEDULED"
    del attributes.ProcedureStepLabel
    assert tms.worklist.create(generate_uid(), attributes).status == 0x0120


def test_a_simulator_without_one_is_as_ever():
    with OST() as ost:
        entity = AE("TESTER")
        entity.add_requested_context("1.2.840.10008.1.1")
        association = entity.associate("127.0.0.1", ost.peer.port, ae_title="OST")
        try:
            assert association.send_c_echo().Status == 0x0000
            assert not str(association.acceptor.implementation_version_name).startswith(("DEFECT", "VARIATION"))
        finally:
            association.release()


def test_embedded_system_gives_each_actor_its_own():
    with OST() as destination, embedded_system(destination.peer, defects=["tms-echo-fails", "ost-echo-fails"]) as system:
        answers = []
        for peer in (system.tms, system.ost):
            entity = AE("TESTER")
            entity.add_requested_context("1.2.840.10008.1.1")
            association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title)
            answers.append(association.send_c_echo().Status)
            association.release()
    assert answers == [0x0110, 0x0110]


def test_several_in_one_run_are_found_each(deviating_run):
    tally = deviating_run(["tms/test_negotiation_tms.py", "ost/test_negotiation_ost.py"], ["tms-echo-fails", "ost-echo-fails"])
    assert set(tally.violated) == {"NEG-TMS-001", "NEG-OST-001"}
    assert tally.errors == []


def test_what_needs_a_context_that_is_refused_is_not_judged(deviating_run):
    tests = ["tms/test_cc_2_2_request_cancel.py::test_request_without_information", "tms/test_negotiation_tms.py"]
    tally = deviating_run(tests, ["tms-watch-refused"])
    (reason,) = tally.not_judged["CC22-TMS-003"]
    assert ": not judged: TMS: did not accept the presentation context Unified Procedure Step - Watch SOP Class" in reason
    assert set(tally.violated) == {"NEG-TMS-012"}
    assert tally.errors == []


def test_report_names_the_defect(capsys, tmp_path):
    page = tmp_path / "report.html"
    words = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler", "-p", "no:logging", "-q", "-k", "echo"]
    module = "tests/conformance/tms/test_negotiation_tms.py"
    assert pytest.main([module, *words, "--defect", "tms-echo-fails", "--report", str(page)]) == pytest.ExitCode.TESTS_FAILED
    assert "embedded simulators with tms-echo-fails" in page.read_text(encoding="utf-8")
    assert "NEG-TMS-001 (shall)" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--defect", "--variation"])
def test_option_refuses_an_unknown_name(option, pytester_run):
    text = pytester_run("tests/conformance/tms/test_negotiation_tms.py", option, "ro58-study-abset")
    assert "no defect or variation is called 'ro58-study-abset'" in text
    assert "ro58-study-absent" in text


def test_option_is_for_the_embedded_simulators(pytester_run):
    text = pytester_run("tests/conformance", "--sut", "fixtures/sut_example.toml", "--defect", "tms-echo-fails")
    assert "--defect and --variation are for the embedded simulators" in text


def test_process_refuses_an_unknown_name(capsys):
    assert tdwii(["serve", "tms", "--defect", "tms-ecko-fails"]) == USAGE
    assert "tms-echo-fails" in capsys.readouterr().err


def test_process_refuses_a_defect_of_another_actor(capsys):
    assert tdwii(["serve", "tms", "--defect", "ost-echo-fails"]) == USAGE
    assert "not of the simulated TMS" in capsys.readouterr().err


@pytest.fixture
def deviating_run():
    return running.run


@pytest.fixture
def pytester_run(capsys):
    def run(*arguments):
        words = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler", "-p", "no:logging", "-q", "--collect-only"]
        assert pytest.main([*arguments, *words]) == pytest.ExitCode.USAGE_ERROR
        return capsys.readouterr().err

    return run


def test_watcher_says_so_in_the_associations_it_requests():
    watcher = WatcherSimulator(Peer("TMS", "127.0.0.1", 0))
    equip(watcher, ["watcher-keys-without-filter"])
    with watcher, TMS("TMS", destinations={"WATCHER": watcher.peer}) as tms, watcher.connect(tms.peer, UPS.WATCH) as link:
        said = link._association.requestor.implementation_version_name
    assert said == "DEFECT watcher-k"


@pytest.mark.parametrize(
    ("actor", "defect", "options"),
    [("tdd", "tdd-aborts", ["--station", "LINAC1"]), ("watcher", "watcher-aborts", ["--fetch"])],
    ids=["tdd", "watcher"],
)
def test_caller_alone_takes_a_defect_and_says_so(actor, defect, options, caplog):
    said = []
    peers = ["--tms", "TMS=127.0.0.1:1", "--ost", "OST=127.0.0.1:1", "--port", "0"]
    with caplog.at_level(logging.WARNING):
        code = converse([actor, *peers, *options, "--defect", defect, "--on-request"], Dialogue([], said.append))
    assert code == 0
    assert any(f"has the defect {defect}: {DEFECTS[defect].sentence}" in record.getMessage() for record in caplog.records)
    assert len(said) == 1
    assert " at 127.0.0.1:" in said[0]

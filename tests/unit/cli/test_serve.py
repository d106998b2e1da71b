"""`tdwii serve` as people run it: processes, signals, folders, address books, and what is said when it cannot be."""

import json
import signal
import socket
import subprocess
import sys
from datetime import datetime

import pytest
from pydicom.uid import generate_uid
from serving import Served, environment

from tdwii_conformance.dcmdump import dump, save_dicom
from tdwii_conformance.defects import Defect, install
from tdwii_conformance.dimse import Peer, connect
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.stock import furnish
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.simulators.watcher import WatcherSimulator
from tdwii_conformance.sut.config import entities
from tdwii_conformance.transcript.observation import OPEN
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code, item, worklist_query
from tdwii_conformance.ups import SQLiteStore
from tests.ports import free_port

STATION = Code("FX1", "99IHERO2008", "FX1")
VERIFICATION = "1.2.840.10008.1.1"


def workitem(**changes):
    today = datetime.now().replace(hour=9, minute=0)
    made = objects.workitem(objects.new_treatment(), tms="UPSSCP", ost="OST", station=STATION, start=today)
    made.update(item(SOPClassUID="1.2.840.10008.5.1.4.34.6.1", SOPInstanceUID=generate_uid(), **changes))
    return made


def today():
    return f"{datetime.now():%Y%m%d}000000-{datetime.now():%Y%m%d}235959"


def found(port, title="UPSSCP", **keys):
    """Return the SOP Instance UIDs that a C-FIND for station FX1 today gives."""
    peer = Peer(title, "127.0.0.1", port)
    with TDD(peer, peer, calling="TDD") as tdd:
        exchange = tdd.query(worklist_query(station="FX1", start=today(), **keys))
    assert exchange.status == 0, exchange.failure
    return [identifier.SOPInstanceUID for identifier in exchange.identifiers]


def answers(title, host, port):
    with connect(Peer(title, host, port), [VERIFICATION], calling="TEST") as link:
        return link.c_echo().status == 0


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    ("role", "named", "title"), [("tms", "TMS", "UPSSCP"), ("ost", "OST", "OST"), ("watcher", "watcher", "WATCHER")]
)
def test_a_simulator_answers_and_stops_cleanly(role, named, title, number, tmp_path):
    other = ["--tms", f"UPSSCP=127.0.0.1:{free_port()}"] if role == "watcher" else []
    with Served(role, "--port", 0, *other, cwd=tmp_path) as served:
        served.ready()
        assert served.peers[named][0] == title
        assert answers(*served.peers[named])
        served.await_line(r"TEST: associated")
        code, said = served.stop(number)
        assert (code, said) == (0, "stopped\n")
        assert not listens(served.port)


def test_the_usual_ports_are_those_of_the_seed(tdwii):
    told = {role: tdwii("serve", role, "--help").out for role in ("tms", "ost", "watcher", "tdd")}
    assert "[default: 11114]" in told["tms"] and "[default: UPSSCP]" in told["tms"]
    assert "[default: 11112]" in told["ost"]
    assert "[default: 11115]" in told["watcher"]
    assert "[default: 11113]" in told["tdd"]


def test_a_tms_serves_a_folder_and_what_comes_into_it(tmp_path):
    folder = tmp_path / "ups"
    folder.mkdir()
    first, second, third = workitem(), workitem(), workitem()
    save_dicom(first, folder / f"UPS_{first.SOPInstanceUID}.dcm")
    (folder / f"UPS_{second.SOPInstanceUID}.txt").write_text(dump(second))
    (folder / "UPS_1.2.3.dcm").write_bytes(b"no DICOM")
    with Served("tms", "--port", 0, "--folder", folder, cwd=tmp_path) as served:
        served.ready()
        served.await_line(r"UPS_1\.2\.3\.dcm: is no DICOM file \(left out\)")
        assert sorted(found(served.port)) == sorted([first.SOPInstanceUID, second.SOPInstanceUID])
        save_dicom(third, folder / f"UPS_{third.SOPInstanceUID}.dcm")
        served.await_line(rf"UPS_{third.SOPInstanceUID}\.dcm: workitem, SCHEDULED")
        assert third.SOPInstanceUID in found(served.port)
        assert served.stop() == (0, "stopped\n")
    store = SQLiteStore(folder / "worklist.sqlite")
    assert {record.uid for record in store.candidates(())} == {one.SOPInstanceUID for one in (first, second, third)}
    store.close()


def test_a_tms_goes_on_where_it_stopped(tmp_path):
    one = workitem()
    save_dicom(one, tmp_path / f"UPS_{one.SOPInstanceUID}.dcm")
    arguments = ["tms", "--port", 0, "--folder", tmp_path]
    with Served(*arguments, cwd=tmp_path) as served:
        served.ready()
        peer = Peer("UPSSCP", "127.0.0.1", served.port)
        with TDD(peer, peer, calling="TDD") as tdd:
            assert tdd.claim(one.SOPInstanceUID).status == 0
        served.await_line(r"TDD: N-ACTION, IN PROGRESS")
        assert served.stop(signal.SIGTERM)[0] == 0
    with Served(*arguments, cwd=tmp_path) as served:
        served.ready()
        served.await_line(r"1 files were taken in an earlier run")
        assert found(served.port) == []
        assert found(served.port, state="IN PROGRESS") == [one.SOPInstanceUID]


def test_a_tms_knows_the_address_book_and_the_configuration(tmp_path):
    port = free_port()
    (tmp_path / "book.json").write_text(json.dumps([{"AETitle": "CLINIC", "IPAddr": "10.9.8.7", "Port": port}]))
    with Served("tms", "--ae-title", "CLINIC", "--entities", "book.json", cwd=tmp_path) as served:
        served.ready()
        # Our port is the book's; the address we listen on is our own.
        assert served.peers["TMS"] == ("CLINIC", "127.0.0.1", port)
        served.await_line(r"move destinations and receivers of events: CLINIC at 10\.9\.8\.7")
    (tmp_path / "sut.toml").write_text(
        f'[system]\nname = "x"\n[tms]\nae_title = "OURTMS"\nhost = "10.9.8.7"\nport = {port}\n'
        '[ours.tdd]\nae_title = "DEVICE"\nport = 4711\n[workitems.station]\nvalue = "FX1"\n'
    )
    with Served("tms", "--config", "sut.toml", cwd=tmp_path) as served:
        served.ready()
        assert served.peers["TMS"] == ("OURTMS", "127.0.0.1", port)
        served.await_line(r"DEVICE at 127\.0\.0\.1:4711")


def test_an_unknown_title_says_which_are_known(tdwii, tmp_path):
    (tmp_path / "book.json").write_text('[{"AETitle": "TMS1", "IPAddr": "127.0.0.1", "Port": 11114}]')
    ran = tdwii("serve", "tms", "--ae-title", "TMS2", "--entities", "book.json")
    assert (ran.code, ran.out) == (2, "")
    assert "no AE title 'TMS2' in book.json; known are TMS1" in ran.err


def test_a_port_in_use_is_said_in_one_sentence(tdwii):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for role in ("tms", "ost", "watcher", "tdd"):
            ran = tdwii("serve", role, "--port", port)
            assert ran.code == 3, role
            assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ran.err
            assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["tms", "--folder", "nowhere"], "nowhere: there is no such folder"),
        (["tms", "--store", "text.txt"], "text.txt: cannot be used as a worklist"),
        (["tms", "--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["tms", "--entities", "text.txt"], "text.txt: cannot be read as JSON"),
        (["tms", "--destination", "TDD=nowhere"], "'TDD=nowhere' is not AE=HOST:PORT"),
        (["tms", "--ae-title", "A TITLE THAT IS TOO LONG"], "is no AE title"),
        (["tms", "--defect", "no-such-defect"], "no-such-defect"),
        (["tms", "--port", "70000"], "70000 is not in the range"),
        (["ost", "--folder", "text.txt/below"], "text.txt/below"),
        (["watcher", "--filter", "nowhere.txt"], "nowhere.txt"),
        (["watcher", "--ost", "OST"], "--ost is of use with --fetch only"),
        (["watcher", "--tms", "NOBODY"], "'NOBODY' is not a known AE title"),
        (["tdd", "--station", "^"], "is not a coded entry: give VALUE^SCHEME^MEANING"),
        (["all", "--plan", "text.txt"], "text.txt: is no DICOM file"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_said_in_one_sentence(arguments, complaint, tdwii, tmp_path):
    (tmp_path / "text.txt").write_text("neither JSON nor SQLite nor DICOM\n" * 40)
    ran = tdwii("serve", *arguments)
    assert ran.code == 2, ran.err
    assert complaint in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_defect_is_there_and_is_said(tmp_path):
    """RO-58: Study Instance UID must be in a response, as the query asks for it."""
    one = workitem()
    save_dicom(one, tmp_path / f"UPS_{one.SOPInstanceUID}.dcm")
    with Served("tms", "--port", 0, "--folder", tmp_path, "--defect", "ro58-study-absent", cwd=tmp_path) as served:
        served.ready()
        assert "with the defect ro58-study-absent" in served.await_line(r"^TMS ")
        peer = Peer("UPSSCP", "127.0.0.1", served.port)
        with TDD(peer, peer, calling="TDD") as tdd:
            (identifier,) = tdd.query(worklist_query(station="FX1", start=today())).identifiers
    assert not identifier.get("StudyInstanceUID")


def test_a_defect_of_another_actor_is_refused(tdwii):
    ran = tdwii("serve", "ost", "--defect", "ro58-study-absent")
    assert ran.code == 2 and "ro58-study-absent: not of the simulated OST" in ran.err


def test_each_simulator_of_an_environment_takes_its_own_deviations(tmp_path):
    """The watcher and the TDD, too, are asked which are theirs."""
    with Served("all", "--port", 0, "--tdd", "--defect", "ro58-study-absent", cwd=tmp_path) as served:
        served.ready()
        assert "ro58-study-absent" in served.await_line(r"^TMS ")
        assert set(served.peers) == {"TMS", "OST", "TDD", "watcher"}
        assert not [line for line in served.lines if "ro58-study-absent" in line and line.startswith(("OST", "TDD", "watcher"))]


@pytest.mark.parametrize(
    "simulator",
    [
        TDDSimulator(Peer("TMS", "127.0.0.1", 1), Peer("OST", "127.0.0.1", 1), station=STATION),
        WatcherSimulator(Peer("TMS", "127.0.0.1", 1)),
    ],
    ids=["TDD", "watcher"],
)
def test_a_tdd_and_a_watcher_can_be_given_defects(simulator, request):
    """By their names in a deviation; a peer sees it in the Implementation Version Name."""
    given = []
    actor = request.node.callspec.id
    install(simulator, [Defect("talks-in", "Talks", actor, given.append)])
    assert given == [simulator]
    with simulator, connect(simulator.peer, [VERIFICATION], calling="X") as association:
        assert association.c_echo().status == 0x0000
    assert simulator.server.implementation_version_name == "DEFECT talks-in"  # of VR SH, 16 characters


def test_a_whole_environment_treats_its_patients_today(tmp_path):
    """Three workitems are scheduled; the TDD performs them all; the watcher sees each from claim to end."""
    with Served("all", "--port", 0, "--tdd", "--pace", 0, "--every", 0.2, cwd=tmp_path) as served:
        served.ready()
        assert set(served.peers) == {"TMS", "OST", "TDD", "watcher"}
        served.await_line(r"3 workitems today for station FX1")
        served.await_line(r"nothing is scheduled for station FX1 today")
        port = served.peers["TMS"][2]
        assert len(found(port, state="COMPLETED")) == 3
        for patient in (r"Photon\^New", r"Photon\^Interrupted", r"Ion\^New"):
            assert served.await_line(rf"^\S+ WATCHER +UPSSCP: N-EVENT-REPORT, state COMPLETED · {patient}")
        book = entities(tmp_path / "ApplicationEntities.json")
        assert {title: (at.host, at.port) for title, at in book.items()} == {
            title: (host, at) for title, host, at in served.peers.values()
        }
        assert served.stop() == (0, "stopped\n")
        assert any("WATCHER" in line and "SCP GOING DOWN" in line for line in served.rest())
    assert not any(listens(at.port) for at in book.values())


def test_an_environment_serves_a_plan_of_ones_own(tmp_path):
    plan = objects.new_treatment(patient_name="Plan^Own").plan
    save_dicom(plan, tmp_path / "plan.dcm")
    with Served("all", "--port", 0, "--plan", "plan.dcm", "--folder", tmp_path, cwd=tmp_path) as served:
        served.ready()
        served.await_line(r"1 workitems today for station FX1")
        tms, ost = (Peer(title, host, port) for title, host, port in (served.peers["TMS"], served.peers["OST"]))
        assert len(found(tms.port)) == 1
        with TDD(tms, ost, calling="TDD") as tdd:
            (identifier,) = tdd.query(worklist_query(station="FX1", start=today())).identifiers
        assert str(identifier.PatientName) == "Plan^Own"
        assert (tmp_path / "instances" / "ost" / f"{plan.SOPInstanceUID}.dcm").is_file()


@pytest.fixture
def to_treat():
    """A TMS and an OST with three treatments for FX1 today, and the port on which they expect the TDD."""
    port = free_port()
    known = {"TDD": Peer("TDD", "127.0.0.1", port)}
    with TMS("UPSSCP", destinations=known) as tms, OST("OST", destinations=known) as ost:
        assert furnish(tms, ost, station=STATION, day=datetime.now()) == 3
        yield tms, ost, port


def tdd_arguments(tms, ost, port):
    return ["tdd", "--port", port, "--tms", f"UPSSCP=127.0.0.1:{tms.peer.port}", "--ost", f"OST=127.0.0.1:{ost.peer.port}"]


def test_a_tdd_treats_as_often_as_it_was_told(to_treat, tmp_path):
    tms, ost, port = to_treat
    with Served(*tdd_arguments(tms, ost, port), "--pace", 0, "--times", 2, "--end", "canceled-after", cwd=tmp_path) as served:
        served.ready()
        assert served.process.wait(30) == 0
    states = [record.state for record in tms.worklist.records()]
    assert sorted(states) == ["CANCELED", "CANCELED", "SCHEDULED"]
    records = [one for one in ost.instances if "Record" in one.attributes.SOPClassUID.name]
    assert len(records) == 1 + 2  # that of the interrupted session, and two new ones


def test_a_tdd_treats_once_or_says_why_not(to_treat, tmp_path):
    tms, ost, port = to_treat
    with Served(*tdd_arguments(tms, ost, port), "--pace", 0, "--once", cwd=tmp_path) as served:
        assert served.process.wait(30) == 0
    assert sorted(record.state for record in tms.worklist.records()) == ["COMPLETED", "SCHEDULED", "SCHEDULED"]
    with Served(*tdd_arguments(tms, ost, port), "--pace", 0, "--once", "--station", "NOWHERE", cwd=tmp_path) as served:
        assert served.process.wait(30) == 1
        complaint = served.process.stderr.read()
    assert complaint == "tdwii serve: RO-58: nothing is scheduled for station NOWHERE today\n"


def test_a_tdd_treats_on_request_whatever_lies_in_the_folder(to_treat, tmp_path):
    tms, ost, port = to_treat
    (tmp_path / "ApplicationEntities.json").write_text("not an address book")
    command = [sys.executable, "-m", "tdwii_conformance", "serve", *map(str, tdd_arguments(tms, ost, port)), "--on-request"]
    ended = subprocess.run(
        [*command, "--pace", "0"], input="canceled-after\nsometimes\ncompleted\n", cwd=tmp_path, env=environment(),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("TDD at 127.0.0.1:")
    said = [line for line in lines if line == "done" or line.startswith("given up")]
    assert said == ["done", "given up: 'sometimes' is not one of completed, canceled-after, canceled-before", "done"]
    assert sorted(record.state for record in tms.worklist.records()) == ["CANCELED", "COMPLETED", "SCHEDULED"]


def test_a_watcher_watches_until_a_final_state(tmp_path):
    port = free_port()
    known, seen = {"WATCHER": Peer("WATCHER", "127.0.0.1", port)}, []
    with TMS("UPSSCP", destinations=known, associations=seen.append) as tms:
        uid, lock = generate_uid(), generate_uid()
        assert tms.worklist.create(uid, workitem()).status == 0
        peer = f"UPSSCP=127.0.0.1:{tms.peer.port}"
        with Served("watcher", "--port", port, "--tms", peer, "--until-final", cwd=tmp_path) as served:
            served.ready()
            tms.worklist.change_state(uid, "IN PROGRESS", lock)
            tms.worklist.request_cancel(uid, None, "CONSOLE")
            assert served.process.poll() is None
            final = objects.final_update(
                progress=0, station=STATION, start=datetime.now(), end=datetime.now(), records=[], ost="OST", canceled=True
            )
            final.TransactionUID = lock
            assert tms.worklist.set(uid, final).status == 0
            assert tms.worklist.change_state(uid, "CANCELED", lock).status == 0
            assert served.process.wait(30) == 0
        assert not tms.worklist.subscriptions.of(uid)
    # That of the reports too: it waits for the TMS to release it.
    assert {(one.acceptor, one.ended) for one in seen if one.ended != OPEN} == {("UPSSCP", "released"), ("WATCHER", "released")}


def test_a_tdd_that_is_stopped_ends_the_treatment_it_began(to_treat, tmp_path):
    tms, ost, port = to_treat
    with Served(*tdd_arguments(tms, ost, port), "--pace", 3600, cwd=tmp_path) as served:
        served.ready()
        served.await_line(r"RO-58: 3 workitem\(s\) found")  # and now it waits for an hour
        assert served.stop(signal.SIGTERM) == (0, "stopped\n")
    assert sorted(record.state for record in tms.worklist.records()) == ["COMPLETED", "SCHEDULED", "SCHEDULED"]


def test_a_tdd_without_a_tms_says_so_and_goes_on(tmp_path):
    nobody = f"127.0.0.1:{free_port()}"
    with Served("tdd", "--port", 0, "--tms", f"UPSSCP={nobody}", "--ost", f"OST={nobody}", "--every", 0.1, cwd=tmp_path) as served:
        served.ready()
        served.await_line(r"UPSSCP: no connection to 127\.0\.0\.1")
        assert answers(*served.peers["TDD"])
        assert served.stop()[0] == 0
        # Said once, however often it tried.
        assert sum("no connection" in line for line in served.rest()) == 1


def test_the_address_book_keeps_what_others_wrote(tmp_path):
    (tmp_path / "ApplicationEntities.json").write_text(
        '[{"AETitle": "LINAC1", "IPAddr": "10.0.0.5", "Port": 104}, {"AETitle": "OST", "IPAddr": "10.0.0.6", "Port": 104}]'
    )
    with Served("all", "--port", 0, cwd=tmp_path) as served:
        served.ready()
        served.await_line(r"LINAC1 at 10\.0\.0\.5:104")
    book = entities(tmp_path / "ApplicationEntities.json")
    assert (book["LINAC1"].host, book["LINAC1"].port) == ("10.0.0.5", 104)
    assert (book["OST"].host, book["OST"].port) == served.peers["OST"][1:]


def test_a_watcher_that_finds_no_tms_listens_and_says_so(tmp_path):
    with Served("watcher", "--port", 0, "--tms", f"UPSSCP=127.0.0.1:{free_port()}", cwd=tmp_path) as served:
        served.ready()
        assert "Listening all the same" in served.await_line(r"no connection to 127\.0\.0\.1")
        assert answers(*served.peers["watcher"])


def test_a_watcher_subscribes_sees_events_and_unsubscribes(tmp_path):
    port = free_port()
    with (
        Served("tms", "--port", 0, "--destination", f"WATCHER=127.0.0.1:{port}", cwd=tmp_path) as tms,
    ):
        tms.ready()
        with Served("watcher", "--port", port, "--tms", f"UPSSCP=127.0.0.1:{tms.port}", "--lock", cwd=tmp_path) as watcher:
            watcher.ready()
            watcher.await_line(r"Subscribe to everything with deletion lock")
            peer = Peer("UPSSCP", "127.0.0.1", tms.port)
            made = workitem()
            uid = made.SOPInstanceUID
            del made.SOPInstanceUID, made.SOPClassUID
            with TDD(peer, peer, calling="TDD") as tdd:
                assert tdd.create(uid, made).status == 0
                watcher.await_line(r"UPSSCP: N-EVENT-REPORT, state SCHEDULED")
                assert tdd.claim(uid).status == 0
            watcher.await_line(r"UPSSCP: N-EVENT-REPORT, state IN PROGRESS")
            assert watcher.stop()[0] == 0
        tms.await_line(r"WATCHER: N-ACTION, Unsubscribe to everything")


def test_a_watcher_fetches_the_inputs_of_what_is_scheduled(tmp_path):
    port = free_port()
    known = {"WATCHER": Peer("WATCHER", "127.0.0.1", port)}
    with TMS("UPSSCP", destinations=known) as tms, OST("OST", destinations=known) as ost:
        to_tms, to_ost = f"UPSSCP=127.0.0.1:{tms.peer.port}", f"OST=127.0.0.1:{ost.peer.port}"
        arguments = ["watcher", "--port", port, "--fetch", "--tms", to_tms, "--ost", to_ost]
        with Served(*arguments, cwd=tmp_path) as watcher:
            watcher.ready()
            furnish(tms, ost, station=STATION, day=datetime.now())
            # New, interrupted, ion: a plan and an instruction each, and the record of the interrupted session.
            for kind in ("RT Plan", "RT Ion Plan", "RT Beams Treatment Record"):
                watcher.await_line(rf"OST: C-STORE of {kind}$")
            watcher.await_line(r"UPSSCP: C-STORE of RT Beams Delivery Instruction", count=3)
            assert watcher.stop()[0] == 0
            assert not any("cannot be fetched" in line for line in watcher.rest())


def test_a_subscription_under_way_does_not_keep_a_tms_from_stopping(tmp_path):
    known = free_port()
    with Served("tms", "--port", 0, "--destination", f"WATCHER=127.0.0.1:{known}", cwd=tmp_path) as served:
        served.ready()
        reports = []
        peer = Peer("UPSSCP", "127.0.0.1", served.port)
        with WatcherSimulator(
            peer, port=known, on_report=lambda kind, uid, data: reports.append((kind, data.get("SCPStatus")))
        ) as watcher:
            watcher.subscribe()
            assert served.stop() == (0, "stopped\n")
        assert (4, "GOING DOWN") in reports


def test_lines_are_json_for_a_script(tmp_path):
    with Served("tms", "--port", 0, "--json", cwd=tmp_path) as served:
        ready = json.loads(served.await_line("ready"))
        assert ready == {"kind": "ready", "role": "TMS", "ae_title": "UPSSCP", "host": "127.0.0.1", "port": ready["port"]}
        peer = Peer("UPSSCP", "127.0.0.1", ready["port"])
        with TDD(peer, peer, calling="TDD") as tdd:
            assert tdd.claim("1.2.3").status == 0xC307
        line = json.loads(served.await_line("N-ACTION"))
        assert (line["actor"], line["kind"], line["workitem"], line["refused"]) == ("UPSSCP", "exchange", "1.2.3", True)
        assert "C307" in line["text"]
        assert served.stop() == (0, "")


def test_a_connection_of_ours_that_is_refused_is_told_as_ours(tmp_path):
    nobody = free_port()
    with Served(
        "tms", "--port", 0, "--fallback", "WATCHER", "--destination", f"WATCHER=127.0.0.1:{nobody}", cwd=tmp_path
    ) as served:
        served.ready()
        served.await_line("UPSSCP +WATCHER: our connection was refused, or not answered")


def test_an_address_that_was_given_wins(tmp_path):
    tdd = free_port()
    at = ["--destination", f"TDD=127.0.0.1:{tdd}"]
    with Served("all", "--port", 0, *at, "--no-watcher", cwd=tmp_path) as served:
        served.ready()
        assert entities(tmp_path / "ApplicationEntities.json")["TDD"].port == tdd
    with Served("all", "--port", 0, "--tdd", *at, cwd=tmp_path) as served:
        served.ready()
        served.await_line(f"TDD is called at 127.0.0.1:{tdd}, as --destination says; ours listens at 127.0.0.1:")
        assert entities(tmp_path / "ApplicationEntities.json")["TDD"].port == tdd

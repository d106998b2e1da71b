"""What is set up wrong in a system is one sentence; what depends on it is not judged."""

from datetime import datetime

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage

from tdwii_conformance.dimse import Peer, Timeouts
from tdwii_conformance.scu.probe import first_look, nothing_scheduled
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import Code
from tests.ports import free_port

RETRIEVES = """
from tdwii_conformance.checks import status
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.treatment.messages import move_identifier

@pytest.mark.requirement("RO61-TMS-001")
def test_retrieves(system, receiver, wire, judge_status):
    with TDD(system.tms, system.ost, calling="TDD", transcript=wire, receiver=receiver) as tdd:
        judge_status(tdd.retrieve("TMS", move_identifier("1.2", "1.3", ["1.4"])).move)

@pytest.mark.requirement("CC23-TMS-013")
def test_subscribes(system, receiver, wire, judge_status):
    from tdwii_conformance.scu.watcher import Watcher

    with TDD(system.tms, system.ost, calling="TDD", transcript=wire) as tdd:
        judge_status(Watcher(tdd, receiver, "TDD", 1.0).subscribe())

@pytest.mark.requirement("CC24-TMS-002")
def test_is_told(receiver, judge):
    from tdwii_conformance.checks import events

    judge(events.reported(receiver.wait_for(lambda report: True, "TDD", 0, 0.1), "a report"))

@pytest.mark.requirement("CC23-TMS-020")
def test_needs_a_subscription(system, receiver, wire):
    from tdwii_conformance.scu.watcher import Watcher

    with TDD(system.tms, system.ost, calling="TDD", transcript=wire) as tdd:
        Watcher(tdd, receiver, "TDD", 1.0).subscribe()
    pytest.skip("not judged: needed is success, received status C308 (CC23-TMS-013)")
"""


DESCRIPTION = """
[system]
name = "Forgetful"
test_system = true
[tms]
ae_title = "TMS"
host = "127.0.0.1"
port = {tms}
supports = ["push", "watch", "subscription", "store-instructions"]
[ost]
ae_title = "OST"
host = "127.0.0.1"
port = {ost}
[ours.tdd]
ae_title = "TDD"
port = {ours}
"""


@pytest.fixture
def description(pytester, unused_port):
    with TMS() as tms, OST() as ost:  # neither knows anybody
        yield pytester.makefile(
            ".toml",
            sut=DESCRIPTION.format(tms=tms.peer.port, ost=ost.peer.port, ours=unused_port),
        )


@pytest.fixture
def unused_port():
    return free_port()


def test_who_does_not_know_us_is_told_so(run, description, unused_port):
    ran = run(RETRIEVES, "--sut", description)
    for role in ("TMS", "OST"):
        wrong = f"the {role} does not know our AE title 'TDD' as move destination, or does not reach it (A801): add it there, with this host and port"
        assert f"set up wrong: {wrong} {unused_port}" in ran.out
    assert ran.verdicts == dict.fromkeys(
        ("test_retrieves", "test_subscribes", "test_is_told", "test_needs_a_subscription"), "skipped"
    )
    assert ran.reasons["test_retrieves"].startswith(
        "not judged: the TMS does not know our AE title 'TDD' as move destination, or does not reach it (A801)"
    )
    assert ran.reasons["test_is_told"] == ran.reasons["test_retrieves"].replace("OST", "TMS")
    unknown = "the TMS does not know our AE title 'TDD' as receiver of event reports (C308): add it there, with this host and port"
    for test in ("test_subscribes", "test_needs_a_subscription"):
        assert ran.reasons[test] == f"not judged: {unknown} {unused_port}"
    assert ran.out.count(f"set up wrong: {unknown} {unused_port}") == 1  # found out by a test, and said at the end


def test_who_knows_us_is_not_bothered():
    with TMS(destinations={"TDD": Peer("TDD", "127.0.0.1", 1)}) as tms:
        assert first_look([("TMS", tms.peer), ("OST", None)], calling="TDD", port=1, timeouts=Timeouts()) == []


STATION, OTHER = Code("FX1", "99X", "FX1"), Code("FX2", "99X", "FX2")


def workitem(station):
    return objects.workitem(objects.new_treatment(), tms="TMS", ost="OST", station=station, start=datetime(2026, 3, 1, 12))


@pytest.mark.parametrize(
    ("scheduled", "days", "said"),
    [
        (STATION, "20260301000000-20260301235959", ""),
        (STATION, "20260302000000-20260302235959", "; there are some for 'FX1' (99X) on 20260301"),
        (OTHER, "20260301000000-20260301235959", "; there are some for 'FX2' (99X) on 20260301"),
        (None, "20260301000000-20260301235959", "; it shows none for another station or day either"),
    ],
)
def test_list_without_a_workitem_for_this_station_and_day(scheduled, days, said):
    with TMS() as tms:
        if scheduled:
            tms.worklist.create("1.2.3", workitem(scheduled))
        found = nothing_scheduled(tms.peer, STATION, "today", days, calling="TDD", timeouts=Timeouts())
    whole = (
        "the TMS has no SCHEDULED workitem for the station 'FX1' (99X) and the date 'today': "
        "schedule some, or correct station and date in [workitems]"
    )
    assert found == (whole + said if said else "")


def test_station_and_day_without_a_workitem_are_said(run, describe):
    ran = run("@SHALL\ndef test_it():\n    pass\n", "--sut", describe())
    assert "set up wrong: the TMS has no SCHEDULED workitem for the station 'FX1' (99X) and the date 'today'" in ran.out


NEVER_CALLED = """
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.treatment.messages import Reference

@pytest.mark.requirement("RO59-OST-001")
def test_retrieves(system, receiver, wire, judge_status):
    plan = Reference("1.2.840.10008.5.1.4.1.1.481.5", "1.2.3", "1.2", "1.2.4", "OST")
    with TDD(system.tms, system.ost, calling="TDD", transcript=wire, receiver=receiver) as tdd:
        judge_status(tdd.retrieve_references("OST", [plan]).move)

@pytest.mark.requirement("CC23-TMS-011")
def test_is_told(receiver, judge):
    from tdwii_conformance.checks import events

    judge(events.reported(receiver.wait_for(lambda report: True, "TDD", 0, 0.1), "a report"))

@pytest.mark.requirement("CC23-TMS-013")
def test_is_told_at_all(receiver, judge):
    from tdwii_conformance.checks import events

    judge(events.reported(receiver.wait_for(lambda report: True, "TDD", 0, 0.1), "a report"))
"""


def test_who_looks_for_us_at_another_port_is_told_so(run, pytester, unused_port):
    plan = Dataset()
    plan.SOPClassUID, plan.SOPInstanceUID = RTPlanStorage, "1.2.3"
    plan.StudyInstanceUID, plan.SeriesInstanceUID, plan.Modality = "1.2", "1.2.4", "RTPLAN"
    known: dict = {}
    with Receiver("TDD") as another, TMS(destinations=known) as tms, OST(destinations=known) as ost:
        known["TDD"] = another.peer
        another.refuse.add("1.2.3")
        with TDD(tms.peer, ost.peer, calling="TDD") as tdd:
            assert tdd.store("OST", plan).status == 0
        description = pytester.makefile(".toml", sut=DESCRIPTION.format(tms=tms.peer.port, ost=ost.peer.port, ours=unused_port))
        ran = run(NEVER_CALLED, "--sut", description)
    assert ran.verdicts == {"test_retrieves": "skipped", "test_is_told": "skipped", "test_is_told_at_all": "failed"}
    what = f"came to our port {unused_port}: correct the host and port of our AE title 'TDD' there"
    assert ran.reasons["test_retrieves"].startswith(f"not judged: no connection of the OST {what}")
    assert f"none has ever come (CC23-TMS-013): no connection of the TMS {what}" in ran.reasons["test_is_told"]
    assert f"set up wrong: no connection of the TMS {what}" in ran.out

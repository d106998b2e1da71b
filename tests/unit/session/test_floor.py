"""The floor tells apart who calls, and keeps what systems under test do from what others do."""

import socket
import threading

import pytest
from floor_callers import ABORT, HALF_A_MESSAGE, QUERY, associate_and_send, query
from pydicom.uid import generate_uid
from pynetdicom import sop_class

from tdwii_conformance.dimse import Rejected, connect
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import STUDY_ROOT_MOVE, TDD, UPS
from tdwii_conformance.session.partners import Floor
from tdwii_conformance.transcript.observation import OPEN, read_observation
from tdwii_conformance.treatment.messages import move_identifier

FACTS = {"scenario": "new-completed"}
DEADLINE = 5


def strangers(floor):
    return read_observation(floor.record / "strangers.jsonl")


def ended(stage, count=1):
    """Wait for a number of associations to have ended."""
    assert stage.wait(lambda: len(stage.associations) >= count, DEADLINE)


def test_a_scheduled_workitem_is_found_and_its_objects_are_held(floor):
    workitem = floor.schedule("CONTINUATION", patient_name="TDWII^ONE")
    found = query(floor, "TDD").identifiers
    assert [str(one.SOPInstanceUID) for one in found] == [workitem.uid]
    assert str(found[0].PatientName) == "TDWII^ONE"
    held = {one.uid: "OST" for one in floor.ost.instances} | {one.uid: "TMS" for one in floor.tms.instructions}
    assert {one.instance: one.ae_title for one in workitem.inputs} == held
    assert len(held) == 3
    assert held[workitem.facts["plan"]] == "OST" and held[workitem.facts["instruction"]] == "TMS"


def test_what_a_system_does_is_kept_from_what_strangers_do(floor):
    with floor.stage("TDD", "TDD", FACTS, [floor.schedule()]) as stage:
        query(floor, "TDD")
        query(floor, "SOMEBODY")
        ended(stage)
    kept = read_observation(stage.path)
    assert [(e.service, e.requestor, e.acceptor) for e in kept.exchanges] == [("C-FIND", "TDD", "TMS")]
    assert [(a.requestor, a.acceptor, a.accepted, a.ended) for a in kept.associations] == [("TDD", "TMS", (UPS.PULL,), "released")]
    assert kept.facts["tms_ae_title"] == "TMS" and kept.facts["station_value"] == "FX1"
    assert [(e.service, e.requestor) for e in strangers(floor).exchanges] == [("C-FIND", "SOMEBODY")]


def test_several_systems_call_at_once(floor):
    with floor.stage("TDD", "TDD", FACTS, []) as one, floor.stage("watcher", "PPVS", {"scenario": "watch"}, []) as other:
        callers = [threading.Thread(target=query, args=(floor, title)) for title in ["TDD", "PPVS", "SOMEBODY"] * 5]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        ended(one, 5)
        ended(other, 5)
    assert [{e.requestor for e in read_observation(stage.path).exchanges} for stage in (one, other)] == [{"TDD"}, {"PPVS"}]
    assert [len(read_observation(stage.path).exchanges) for stage in (one, other)] == [5, 5]


def test_strangers_are_rejected_if_that_is_said(new_floor):
    with new_floor(strangers="reject") as floor:
        assert query(floor, "TDD").status == 0
        with pytest.raises(Rejected, match="calling AE title not recognized"):
            query(floor, "SOMEBODY")
    assert [(a.requestor, a.ended) for a in strangers(floor).associations] == [("TDD", "released"), ("SOMEBODY", "rejected by us")]


def test_an_association_that_stays_open_belongs_to_each_scenario(floor):
    with connect(floor.tms.peer, [UPS.PULL], calling="TDD") as link:
        observations = []
        for _ in range(2):
            with floor.stage("TDD", "TDD", FACTS, []) as stage:
                link.c_find(UPS.PULL, QUERY)
            observations.append(stage.observation())
    for observation in observations:
        assert [(a.requestor, a.ended) for a in observation.associations] == [("TDD", OPEN)]
        assert len(observation.exchanges) == 1


def test_a_workitem_nobody_claimed_is_gone_after_its_scenario(floor):
    for _ in range(2):
        with floor.stage("TDD", "TDD", FACTS, [floor.schedule()]) as stage:
            assert [str(one.SOPInstanceUID) for one in query(floor, "TDD").identifiers] == [stage.workitems[0].uid]
    assert query(floor, "TDD").identifiers == ()


def test_what_comes_too_late_does_not_mix_with_the_next_scenario(floor):
    with TDD(floor.tms.peer, floor.ost.peer, calling="TDD") as tdd:
        with floor.stage("TDD", "TDD", FACTS, [floor.schedule()]) as first:
            assert tdd.claim(first.workitems[0].uid).status == 0
        with floor.stage("TDD", "TDD", FACTS, [floor.schedule()]) as second:
            tdd.claim(first.workitems[0].uid)
            tdd.query(QUERY)
    assert [e.service for e in second.observation().exchanges] == ["C-FIND"]
    assert [(e.service, e.instance_uid) for e in strangers(floor).exchanges] == [("N-ACTION", first.workitems[0].uid)]


def test_transaction_uids_of_earlier_scenarios_are_known(floor):
    lock = generate_uid()
    with TDD(floor.tms.peer, floor.ost.peer, calling="TDD") as tdd:
        with floor.stage("TDD", "TDD", FACTS, [floor.schedule()]) as first:
            tdd.claim(first.workitems[0].uid, lock)
        second = floor.stage("TDD", "TDD", FACTS, [])
    assert (first.facts["known_transaction_uids"], second.facts["known_transaction_uids"]) == ("", lock)


def test_a_port_that_is_taken_is_named_and_nothing_is_left_behind(new_floor, tmp_path):
    with new_floor() as floor:
        plan = floor.plan
        taken = type(plan)(plan.tms, type(plan.ost)("OST", "127.0.0.1", floor.ost.peer.port))
        second = Floor(taken, floor.systems, tmp_path, station=floor.station)
        with pytest.raises(OSError, match="OST cannot listen on"):
            second.__enter__()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", second.tms.peer.port or 1), 1)


# --- what is broken -----------------------------------------------------------------------------------------------------


def test_an_abort_in_the_middle_of_a_message_is_said(floor):
    with floor.stage("TDD", "TDD", FACTS, []) as stage:
        associate_and_send(floor.tms.peer, "TDD", HALF_A_MESSAGE + ABORT)
        ended(stage)
    assert [a.ended for a in stage.observation().associations] == ["aborted by the requestor in the middle of a message"]


def test_a_connection_lost_in_the_middle_of_a_message_is_said(floor):
    with floor.stage("TDD", "TDD", FACTS, []) as stage:
        associate_and_send(floor.tms.peer, "TDD", HALF_A_MESSAGE)
        ended(stage)
    assert [a.ended for a in stage.observation().associations] == ["the connection was lost in the middle of a message"]


def test_garbage_on_an_association_is_aborted_and_said(floor):
    with floor.stage("TDD", "TDD", FACTS, []) as stage:
        associate_and_send(floor.tms.peer, "TDD", b"\xff" * 64)
        ended(stage)
    assert [a.ended for a in stage.observation().associations] == ["aborted by us: what came was no PDU"]


def test_garbage_from_nobody_is_counted(floor):
    with floor.stage("TDD", "TDD", FACTS, []) as stage:
        with socket.create_connection(("127.0.0.1", floor.tms.peer.port), DEADLINE) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connection.recv(100)
        assert stage.wait(lambda: stage.nameless == 1, DEADLINE)
        assert query(floor, "TDD").status == 0
    assert [(a.requestor, a.acceptor) for a in strangers(floor).associations] == [("", "")]


def test_a_system_may_be_called_by_another_ae_title_than_it_calls_by(floor):
    workitem = floor.schedule()
    plan = workitem.inputs[0]
    with Receiver("TDD_STORE") as receiver:
        floor.systems["TDD_STORE"] = receiver.peer
        with floor.stage("TDD", "TDD", {"scenario": "one"}, [workitem], receiver="TDD_STORE") as stage:
            with connect(floor.ost.peer, [STUDY_ROOT_MOVE], calling="TDD") as link:
                link.c_move(STUDY_ROOT_MOVE, move_identifier(plan.study, plan.series, [plan.instance]), "TDD_STORE")
            assert stage.wait(lambda: len(stage.exchanges) == 2, 10)
    observation = stage.observation()
    assert {(e.service, e.requestor, e.acceptor) for e in observation.exchanges} == {
        ("C-MOVE", "TDD", "OST"), ("C-STORE", "OST", "TDD_STORE"),
    }  # fmt: skip
    assert observation.facts["tdd_receiver_ae_title"] == "TDD_STORE"


def test_who_ends_lets_its_peers_release_their_associations():
    ended = []
    receiver = Receiver("TDD", patience=10.0).__enter__()
    link = connect(receiver.peer, [sop_class.Verification], calling="TMS", associations=ended.append)
    closing = threading.Thread(target=receiver.__exit__, args=(None, None, None))
    closing.start()
    link.close()
    closing.join(10)
    assert not closing.is_alive()
    assert [association.ended for association in ended][-1] == "released"

"""The partners tells apart who calls, and keeps what systems under test do from what others do."""

import socket
import threading

import pytest
from partner_callers import ABORT, HALF_A_MESSAGE, QUERY, STATION, associate_and_send, query
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from tdwii_conformance.dimse import Rejected, connect
from tdwii_conformance.profile.ups_service import SUBSCRIBE, UPS
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import STUDY_ROOT_MOVE, TDD
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.sut.config import Listener, PartnerSettings
from tdwii_conformance.transcript.observation import OPEN, read_observation
from tdwii_conformance.treatment.messages import item, move_identifier
from tests.ports import free_port

FACTS = {"scenario": "new-completed"}
DEADLINE = 5
STUDY_ROOT_FIND = sop_class.StudyRootQueryRetrieveInformationModelFind


@pytest.fixture
def one_product(tmp_path):
    """Test partners that are one application entity, and where a TDD takes what is moved to it."""
    listener = Listener("RTPACS", "127.0.0.1", free_port())
    with Partners(PartnerSettings(listener, listener), {}, tmp_path, station=STATION) as there, Receiver("TDD") as receiver:
        yield there, receiver


def unattributed(partners):
    return read_observation(partners.record / "unattributed.jsonl")


def ended(session, count=1):
    """Wait for a number of associations to have ended."""
    assert session.wait(lambda: len(session.associations) >= count, DEADLINE)


def test_a_scheduled_workitem_is_found_and_its_objects_are_held(partners):
    workitem = partners.worklist.schedule("CONTINUATION", patient_name="TDWII^ONE")
    found = query(partners, "TDD").identifiers
    assert [str(one.SOPInstanceUID) for one in found] == [workitem.uid]
    assert str(found[0].PatientName) == "TDWII^ONE"
    held = {one.uid: "OST" for one in partners.ost.instances} | {one.uid: "TMS" for one in partners.tms.instructions}
    assert {one.instance: one.ae_title for one in workitem.inputs} == held
    assert len(held) == 3
    assert held[workitem.facts["plan"]] == "OST" and held[workitem.facts["instruction"]] == "TMS"


def test_what_a_system_does_is_kept_from_what_strangers_do(partners):
    with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as session:
        query(partners, "TDD")
        query(partners, "SOMEBODY")
        ended(session)
    kept = read_observation(session.path)
    assert [(e.service, e.requestor, e.acceptor) for e in kept.exchanges] == [("C-FIND", "TDD", "TMS")]
    assert [(a.requestor, a.acceptor, a.accepted, a.ended) for a in kept.associations] == [("TDD", "TMS", (UPS.PULL,), "released")]
    assert kept.facts["tms_ae_title"] == "TMS" and kept.facts["station_value"] == "FX1"
    assert [(e.service, e.requestor) for e in unattributed(partners).exchanges] == [("C-FIND", "SOMEBODY")]


def test_several_systems_call_at_once(partners):
    with partners.session("TDD", "TDD", FACTS, []) as one, partners.session("watcher", "PPVS", {"scenario": "watch"}, []) as other:
        callers = [threading.Thread(target=query, args=(partners, title)) for title in ["TDD", "PPVS", "SOMEBODY"] * 5]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        ended(one, 5)
        ended(other, 5)
    assert [{e.requestor for e in read_observation(session.path).exchanges} for session in (one, other)] == [{"TDD"}, {"PPVS"}]
    assert [len(read_observation(session.path).exchanges) for session in (one, other)] == [5, 5]


def test_strangers_are_rejected_if_that_is_said(new_floor):
    with new_floor(unattributed="reject") as partners:
        assert query(partners, "TDD").status == 0
        with pytest.raises(Rejected, match="calling AE title not recognized"):
            query(partners, "SOMEBODY")
    assert [(a.requestor, a.ended) for a in unattributed(partners).associations] == [
        ("TDD", "released"),
        ("SOMEBODY", "rejected by us"),
    ]


def test_an_association_that_stays_open_belongs_to_each_scenario(partners):
    with connect(partners.tms.peer, [UPS.PULL], calling="TDD") as link:
        observations = []
        for _ in range(2):
            with partners.session("TDD", "TDD", FACTS, []) as session:
                link.c_find(UPS.PULL, QUERY)
            observations.append(session.observation())
    for observation in observations:
        assert [(a.requestor, a.ended) for a in observation.associations] == [("TDD", OPEN)]
        assert len(observation.exchanges) == 1
        # What was sent on it until then is judged, though it has not ended: requests, and the answers to its negotiation.
        requestor, acceptor = observation.associations[0].sent
        assert {"titles", "command"} <= set(requestor.came_up)
        assert {"contexts", "transfer-syntax", "command"} <= set(acceptor.came_up)


def test_what_is_judged_of_reports_does_not_depend_on_when_their_association_is_closed(partners):
    with Receiver("TDD") as receiver, TDD(partners.tms.peer, partners.ost.peer, calling="TDD") as tdd:
        partners.systems["TDD"] = receiver.peer
        with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as session:
            uid = session.workitems[0].uid
            assert tdd.action(uid, SUBSCRIBE, item(ReceivingAE="TDD", DeletionLock="FALSE"), UPS.WATCH).status == 0
            assert session.wait(lambda: any(one.service == "N-EVENT-REPORT" for one in session.exchanges), DEADLINE)
        (of_reports,) = [one for one in session.observation().associations if one.acceptor == "TDD"]
    assert of_reports.ended == OPEN
    assert "roles" in of_reports.sent[1].came_up


def test_an_association_for_reports_that_idles_is_no_part_of_the_next_scenario(partners):
    with Receiver("TDD") as receiver, TDD(partners.tms.peer, partners.ost.peer, calling="TDD") as tdd:
        partners.systems["TDD"] = receiver.peer
        with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as first:
            uid = first.workitems[0].uid
            named = item(ReceivingAE="TDD", DeletionLock="FALSE")
            assert tdd.action(uid, SUBSCRIBE, named, UPS.WATCH).status == 0
            assert first.wait(lambda: any(one.service == "N-EVENT-REPORT" for one in first.exchanges), DEADLINE)
        with partners.session("TDD", "TDD", FACTS, []) as second:
            tdd.query(QUERY)
    assert [(a.requestor, a.accepted) for a in first.observation().associations if a.acceptor == "TDD"] == [("TMS", (UPS.EVENT,))]
    assert [a for a in second.observation().associations if a.acceptor == "TDD"] == []


def test_a_workitem_nobody_claimed_is_gone_after_its_scenario(partners):
    for _ in range(2):
        with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as session:
            assert [str(one.SOPInstanceUID) for one in query(partners, "TDD").identifiers] == [session.workitems[0].uid]
    assert query(partners, "TDD").identifiers == ()


def test_what_comes_too_late_does_not_mix_with_the_next_scenario(partners):
    with TDD(partners.tms.peer, partners.ost.peer, calling="TDD") as tdd:
        with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as first:
            assert tdd.claim(first.workitems[0].uid).status == 0
        with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as second:
            tdd.claim(first.workitems[0].uid)
            tdd.query(QUERY)
    assert [e.service for e in second.observation().exchanges] == ["C-FIND"]
    assert [(e.service, e.instance_uid) for e in unattributed(partners).exchanges] == [("N-ACTION", first.workitems[0].uid)]


def test_transaction_uids_of_earlier_scenarios_are_known(partners):
    lock = generate_uid()
    with TDD(partners.tms.peer, partners.ost.peer, calling="TDD") as tdd:
        with partners.session("TDD", "TDD", FACTS, [partners.worklist.schedule()]) as first:
            tdd.claim(first.workitems[0].uid, lock)
        second = partners.session("TDD", "TDD", FACTS, [])
    assert (first.facts["known_transaction_uids"], second.facts["known_transaction_uids"]) == ("", lock)


def test_a_port_that_is_taken_is_named_and_nothing_is_left_behind(new_floor, tmp_path):
    with new_floor() as partners:
        plan = partners.plan
        taken = type(plan)(plan.tms, type(plan.ost)("OST", "127.0.0.1", partners.ost.peer.port))
        second = Partners(taken, partners.systems, tmp_path, station=partners.station)
        with pytest.raises(OSError, match="OST cannot listen on"):
            second.__enter__()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", second.tms.peer.port or 1), 1)


def test_one_product_is_tms_and_ost(one_product):
    partners, receiver = one_product
    partners.systems["TDD"] = receiver.peer
    workitem = partners.worklist.schedule("CONTINUATION")
    study = workitem.facts["study"]
    assert partners.tms.peer == partners.ost.peer
    assert {one.ae_title for one in workitem.inputs} == {"RTPACS"}
    everything = item(QueryRetrieveLevel="STUDY", StudyInstanceUID=study)
    with connect(partners.tms.peer, [STUDY_ROOT_MOVE, STUDY_ROOT_FIND, UPS.PULL], calling="TDD") as link:
        [found] = link.c_find(UPS.PULL, QUERY).identifiers
        series = item(QueryRetrieveLevel="SERIES", StudyInstanceUID=study, SeriesInstanceUID=None)
        held = link.c_find(STUDY_ROOT_FIND, series).identifiers
        moved = link.c_move(STUDY_ROOT_MOVE, everything, "TDD")
        partners.forget("TDD")
        unknown = link.c_move(STUDY_ROOT_MOVE, everything, "TDD")
    assert found.SOPInstanceUID == workitem.uid
    assert {one.SeriesInstanceUID for one in held} == {one.series for one in workitem.inputs}
    assert moved.status == 0
    came = {store.instance_uid for store in receiver.transcript if store.service == "C-STORE"}
    assert came == {one.instance for one in workitem.inputs} and len(came) == 3  # plan, record and instruction
    assert unknown.status == 0xA801  # move destination unknown [PS3.4 C.4.2.1.5]


# --- what is broken -----------------------------------------------------------------------------------------------------


def test_an_abort_in_the_middle_of_a_message_is_said(partners):
    with partners.session("TDD", "TDD", FACTS, []) as session:
        associate_and_send(partners.tms.peer, "TDD", HALF_A_MESSAGE + ABORT)
        ended(session)
    assert [a.ended for a in session.observation().associations] == ["aborted by the requestor in the middle of a message"]


def test_a_connection_lost_in_the_middle_of_a_message_is_said(partners):
    with partners.session("TDD", "TDD", FACTS, []) as session:
        associate_and_send(partners.tms.peer, "TDD", HALF_A_MESSAGE)
        ended(session)
    assert [a.ended for a in session.observation().associations] == ["the connection was lost in the middle of a message"]


def test_an_association_that_is_over_before_it_is_known_to_stand_is_recorded_once(new_floor):
    partners, threads = new_floor(), []

    def hold_back_until_it_is_over(event):
        threads.append(event.assoc)
        ended(session)

    partners.tms.server.add_handler(evt.EVT_ESTABLISHED, hold_back_until_it_is_over)
    with partners, partners.session("TDD", "TDD", FACTS, []) as session:
        associate_and_send(partners.tms.peer, "TDD", HALF_A_MESSAGE)
        ended(session)
        threads[0].join(DEADLINE)
        assert not threads[0].is_alive()
    assert [a.ended for a in session.observation().associations] == ["the connection was lost in the middle of a message"]


def test_garbage_on_an_association_is_aborted_and_said(partners):
    with partners.session("TDD", "TDD", FACTS, []) as session:
        associate_and_send(partners.tms.peer, "TDD", b"\xff" * 64)
        ended(session)
    assert [a.ended for a in session.observation().associations] == ["aborted by us: what came was no PDU"]


def test_garbage_from_nobody_is_counted(partners):
    with partners.session("TDD", "TDD", FACTS, []) as session:
        with socket.create_connection(("127.0.0.1", partners.tms.peer.port), DEADLINE) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connection.recv(100)
        assert session.wait(lambda: session.nameless == 1, DEADLINE)
        assert query(partners, "TDD").status == 0
    assert [(a.requestor, a.acceptor) for a in unattributed(partners).associations] == [("", "")]


def test_a_system_may_be_called_by_another_ae_title_than_it_calls_by(partners):
    workitem = partners.worklist.schedule()
    plan = workitem.inputs[0]
    with Receiver("TDD_STORE") as receiver:
        partners.systems["TDD_STORE"] = receiver.peer
        with partners.session("TDD", "TDD", {"scenario": "one"}, [workitem], receiver="TDD_STORE") as session:
            with connect(partners.ost.peer, [STUDY_ROOT_MOVE], calling="TDD") as link:
                link.c_move(STUDY_ROOT_MOVE, move_identifier(plan.study, plan.series, [plan.instance]), "TDD_STORE")
            assert session.wait(lambda: len(session.exchanges) == 2, 10)
    observation = session.observation()
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

"""Associations over loopback: what is recorded, what goes wrong and how it is said, and that nothing is left running."""

import socket
import threading

import pytest
import trustme
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTPlanStorage, generate_uid
from pynetdicom import evt, sop_class

from tdwii_conformance.dimse import (
    TLS,
    Aborted,
    Mute,
    NoContext,
    NothingAccepted,
    Peer,
    Rejected,
    Server,
    Timeouts,
    Unreachable,
    connect,
)
from tdwii_conformance.transcript.exchange import Transcript
from tdwii_conformance.treatment.messages import item

PULL = sop_class.UnifiedProcedureStepPull
PUSH = sop_class.UnifiedProcedureStepPush
QUICK = Timeouts(connect=1, association=0.5, message=0.5)


def echo(event):
    return 0x0000


def find(event):
    yield 0xFF00, item(PatientID="P1", SOPInstanceUID="1.2.3")
    yield 0xFF01, item(PatientID="P2", SOPInstanceUID="1.2.4")


@pytest.fixture
def server():
    handlers = [(evt.EVT_C_ECHO, echo), (evt.EVT_C_FIND, find), (evt.EVT_N_ACTION, lambda event: (0xC301, None))]
    with Server("TMS", [sop_class.Verification, PULL], handlers, transcript=Transcript()) as running:
        yield running


def test_exchange_has_what_travelled(server):
    heard = Transcript()
    with connect(server.peer, [PULL], calling="TDD", transcript=heard) as link:
        exchange = link.c_find(PULL, item(PatientID=None, SOPInstanceUID=None))
    assert [message.status for message in exchange.responses] == [0xFF00, 0xFF01, 0x0000]
    assert [i.PatientID for i in exchange.identifiers] == ["P1", "P2"]
    assert exchange.request.dataset == item(PatientID="", SOPInstanceUID="")
    assert (exchange.service, exchange.requestor, exchange.acceptor) == ("C-FIND", "TDD", "TMS")
    assert exchange.abstract_syntax == PULL
    assert list(heard) == [exchange]


def test_ups_push_goes_into_requested_sop_class_under_pull(server):
    with connect(server.peer, [PULL], calling="TDD") as link:
        exchange = link.n_action("1.2.3", 1, item(ProcedureStepState="IN PROGRESS"))
    assert exchange.request.command.RequestedSOPClassUID == PUSH
    assert exchange.abstract_syntax == PULL
    assert exchange.status == 0xC301


def test_server_records_what_it_served(server):
    with connect(server.peer, [sop_class.Verification], calling="TDD") as link:
        link.c_echo()
    assert [exchange.service for exchange in server._transcript] == ["C-ECHO"]


def test_transcript_survives_a_file(server, tmp_path):
    heard = Transcript()
    with connect(server.peer, [PULL], calling="TDD", transcript=heard) as link:
        link.c_find(PULL, item(PatientID=None))
    heard.write(tmp_path / "transcript.jsonl")
    read = Transcript.read(tmp_path / "transcript.jsonl")
    assert [(e.service, e.status, e.identifiers) for e in read] == [(e.service, e.status, e.identifiers) for e in heard]


def test_empty_action_information_is_not_announced(server):
    with connect(server.peer, [PULL], calling="TDD", timeouts=QUICK) as link:
        exchange = link.n_action("1.2.3", 1, item())
    assert exchange.failure == ""
    assert exchange.request.command.CommandDataSetType == 0x0101


def test_contexts_say_what_became_of_them(server):
    unknown = generate_uid()
    with connect(server.peer, [unknown, PULL], calling="TDD") as link:
        assert [(c.abstract_syntax, c.accepted, c.result) for c in link.contexts] == [(unknown, False, 3), (PULL, True, 0)]
        with pytest.raises(NoContext, match="TMS: did not accept the presentation context"):
            link.c_store(item(SOPClassUID=RTPlanStorage, SOPInstanceUID=generate_uid()))


def test_extended_negotiation_says_what_was_answered():
    asked, recorded = [], []

    def answer(event):
        asked.append(dict(event.app_info))
        return {PULL: b"\1\1\0"}

    with (
        Server("TMS", [PULL], [(evt.EVT_SOP_EXTENDED, answer)], associations=recorded.append) as running,
        connect(running.peer, [PULL], calling="TDD", extended={PULL: b"\1\1\1"}) as link,
    ):
        assert link.extended == ((PULL, b"\1\1\0"),)
    assert asked == [{PULL: b"\1\1\1"}]
    assert {one.extended for one in recorded} == {((PULL, "010101"),)}


def test_extended_negotiation_unanswered(server):
    with connect(server.peer, [PULL], calling="TDD", extended={PULL: b"\1\1\1"}) as link:
        assert link.extended == ()


def test_an_association_leaves_no_trace_in_the_next():
    accepted = []

    def established(event):
        accepted.append([(c.abstract_syntax, c.transfer_syntax, c.as_scp, c.as_scu) for c in event.assoc.accepted_contexts])

    event_class = sop_class.UnifiedProcedureStepEvent
    contexts = [(event_class, [ImplicitVRLittleEndian, ExplicitVRLittleEndian])]
    with Server("WATCHER", contexts, [(evt.EVT_ESTABLISHED, established)], scp_roles=[event_class]) as watcher:
        for syntax, roles in ((ExplicitVRLittleEndian, [event_class]), (ImplicitVRLittleEndian, [])):
            connect(watcher.peer, [(event_class, [syntax])], calling="TMS", scp_roles=roles).close()
    # with the requestor as SCP by role selection, we are the SCU; without, the acceptor is the SCP [PS3.7 D.3.3.4]
    assert accepted == [
        [(event_class, [ExplicitVRLittleEndian], False, True)],
        [(event_class, [ImplicitVRLittleEndian], True, False)],
    ]


def test_nothing_accepted(server):
    with pytest.raises(NothingAccepted, match="none of the presentation contexts"):
        connect(server.peer, [generate_uid()], calling="TDD")


def test_unreachable_names_host_and_port():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(Unreachable, match=f"127.0.0.1:{port}.*refused.*host and port right"):
            connect(Peer("TMS", "127.0.0.1", port), [PULL], calling="TDD", timeouts=QUICK)


def test_mute_names_the_port():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(Mute, match=r"did not answer the association request within 0.5 s"):
            connect(Peer("TMS", "127.0.0.1", mute.getsockname()[1]), [PULL], calling="TDD", timeouts=QUICK)


def test_rejected_names_the_ae_titles():
    with (
        Server("TMS", [PULL], [], require_called_ae_title=True) as server,
        pytest.raises(Rejected, match=r"called AE title not recognized.*'OTHER'.*'TDD'"),
    ):
        connect(Peer("OTHER", "127.0.0.1", server.port), [PULL], calling="TDD")


def test_aborted():
    def hang_up(listener):
        listener.accept()[0].close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=hang_up, args=(listener,))
        thread.start()
        with pytest.raises(Aborted, match="closed the connection"):
            connect(Peer("TMS", "127.0.0.1", listener.getsockname()[1]), [PULL], calling="TDD")
        thread.join()


def test_no_response_is_a_failure_of_the_exchange():
    release = threading.Event()

    def hang(event):
        release.wait(10)
        return 0x0000

    with Server("TMS", [sop_class.Verification], [(evt.EVT_C_ECHO, hang)]) as server:
        link = connect(server.peer, [sop_class.Verification], calling="TDD", timeouts=QUICK)
        exchange = link.c_echo()
        release.set()
        link.close()
    assert exchange.failure == "no response within 0.5 s"
    assert exchange.status is None


def test_stopping_leaves_no_thread():
    before = set(threading.enumerate())
    with Server("TMS", [sop_class.Verification], [(evt.EVT_C_ECHO, echo)]) as server:
        links = [connect(server.peer, [sop_class.Verification], calling="TDD") for _ in range(12)]
        assert [link.c_echo().status for link in links] == [0] * 12  # more than pynetdicom's ten at once
    for link in links:
        link.close()
    assert {thread.name for thread in set(threading.enumerate()) - before if not thread.daemon} == set()


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN_LETTERS", "BACK\\SLASH", "ÄPFEL"])
def test_ae_titles_are_checked(title):
    with pytest.raises(ValueError, match="no AE title"):
        Peer(title, "127.0.0.1", 104)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "certificate.pem", append=number > 0)
    return TLS(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")


def test_a_certificate_that_is_pinned_need_not_have_the_name_of_the_host(tmp_path):
    authority = trustme.CA()
    elsewhere, other = authority.issue_cert("linac.example"), authority.issue_cert("linac.example")
    elsewhere.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    elsewhere.cert_chain_pems[0].write_to_path(tmp_path / "pinned.pem")
    other.cert_chain_pems[0].write_to_path(tmp_path / "other.pem")
    listening = TLS(certificate=tmp_path / "server.pem")
    with Server("TMS", [sop_class.Verification], [(evt.EVT_C_ECHO, echo)], tls=listening) as server:

        def status(**tls):
            peer = Peer("TMS", "127.0.0.1", server.port, TLS(**tls))
            with connect(peer, [sop_class.Verification], calling="TDD") as link:
                return link.c_echo().status

        # Not signed by whom we know, but the very certificate in the file.
        assert status(ca=tmp_path / "pinned.pem", check_hostname=False) == 0
        with pytest.raises(Unreachable, match="certificate"):
            status(ca=tmp_path / "pinned.pem")  # by default the name counts
        with pytest.raises(Unreachable, match="certificate"):
            status(ca=tmp_path / "other.pem", check_hostname=False)


def test_tls_with_certificates_on_both_sides(certificates):
    with Server("TMS", [sop_class.Verification], [(evt.EVT_C_ECHO, echo)], tls=certificates) as server:
        with connect(server.peer, [sop_class.Verification], calling="TDD") as link:
            assert link.c_echo().status == 0
        plain = Peer("TMS", "127.0.0.1", server.port)
        with pytest.raises((Aborted, Mute), match="TLS"):
            connect(plain, [sop_class.Verification], calling="TDD", timeouts=QUICK)

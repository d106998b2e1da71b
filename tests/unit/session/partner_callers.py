"""Callers of the test partners: systems under test, unattributed callers, and broken ones."""

import socket
import threading

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.presentation import build_context

from tdwii_conformance.dimse import connect
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.scenarios import perform_treatment
from tdwii_conformance.simulators.tdd import CannotTreat
from tdwii_conformance.sut.config import Caller
from tdwii_conformance.treatment.messages import Code, worklist_query

STATION = Code("FX1", "99TDWII", "Treatment machine 1")
QUERY = worklist_query(station=STATION.value, start="")


def query(partners, calling):
    """Query the worklist; return the exchange."""
    with connect(partners.tms.peer, [UPS.PULL], calling=calling) as link:
        return link.c_find(UPS.PULL, QUERY)


def association_request(calling, called, abstract_syntax):
    """Return the bytes of an A-ASSOCIATE-RQ."""
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = calling, called
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3"
    request.user_information = [length, implementation]
    context = build_context(abstract_syntax, [ImplicitVRLittleEndian])
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return pdu.encode()


def associate_and_send(peer, calling, content):
    """Request an association with bare hands, send bytes once it is accepted, and close the connection."""
    with socket.create_connection((peer.host, peer.port), 5) as connection:
        connection.sendall(association_request(calling, peer.ae_title, UPS.PULL))
        answer = connection.recv(4096)
        assert answer[0] == 2  # A-ASSOCIATE-AC [PS3.8 9.3.3]
        connection.sendall(content)


class InAThread:
    """Makes somebody of this process perform."""

    def __init__(self, tdd):
        self.tdd, self.thread = tdd, None

    def begin(self, session, facts):
        session.definite = True
        self.thread = threading.Thread(target=self.perform, args=(session,))
        self.thread.start()

    def perform(self, session):
        try:
            self.tdd.perform()
        except CannotTreat as error:
            session.finish(f"given up: {error}")
        else:
            session.finish("")

    def end(self):
        self.thread.join()


def let_perform(partners, tdd, scenario, *, inject="", step_timeout=10.0, times=1):
    """Let a simulated TDD of this process perform a scenario; return what was observed, the last time if several."""
    partners.systems["TDD"] = tdd.peer
    caller = Caller(tdd.peer, step_timeout=step_timeout)
    for _ in range(times):
        observation = perform_treatment(partners, caller, InAThread(tdd), scenario, lambda title: NoDisplay(), inject=inject)
    return observation


# A P-DATA-TF of the first fragment of a command set [PS3.8 9.3.5, E.2]: more is to come.
HALF_A_MESSAGE = bytes([4, 0, 0, 0, 0, 10, 0, 0, 0, 6, 1, 1, 0, 0, 0, 0])
# A-ABORT by the service user [PS3.8 9.3.8].
ABORT = bytes([7, 0, 0, 0, 0, 4, 0, 0, 0, 0])

"""Matches leave as a handler yields them, whether pynetdicom sends them or we do [PS3.7 9.1.2]."""

import queue
import threading
from io import BytesIO

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import dimse, evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_FIND_RSP
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.sop_class import UnifiedProcedureStepPull as PULL

from tdwii_conformance.dimse import Server, connect
from tdwii_conformance.dimse.matches import Alike
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.ups.datasets import plain
from tdwii_conformance.ups.matching import Key
from tdwii_conformance.ups.records import Record

DEADLINE = 20.0


def found(answers, syntax=ImplicitVRLittleEndian):
    """Return the exchange of a C-FIND that is answered so."""
    with (
        Server("TMS", [(PULL, [syntax])], [(evt.EVT_C_FIND, lambda event: iter(answers))]) as server,
        connect(server.peer, [(PULL, [syntax])], calling="TDD") as link,
    ):
        return link.c_find(PULL, item(PatientID=None))


def commented():
    status = Dataset()
    status.Status, status.ErrorComment = 0xFF01, "some keys are not supported"
    return status


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_they_come_as_they_were_yielded(syntax):
    exchange = found([(0xFF00, item(PatientID="1")), (commented(), item(PatientID="2")), (0xFF01, item(PatientID="3"))], syntax)
    assert [(one.status, one.dataset.PatientID) for one in exchange.pending] == [(0xFF00, "1"), (0xFF01, "2"), (0xFF01, "3")]
    assert exchange.pending[1].command.ErrorComment == "some keys are not supported"
    assert "ErrorComment" not in exchange.pending[2].command
    assert (exchange.status, exchange.failure) == (0x0000, "")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("kept_without_vr", [True, False])
def test_what_is_kept_encoded_goes_out_in_the_negotiated_syntax(syntax, kept_without_vr):
    stored = plain(item(PatientID="P1", PatientName="Doe^Jane"))
    record = Record("1.2.3", stored)
    response = Dataset()
    for element in stored:
        response[element.tag] = record.kept(Key(element.tag, element.VR), lambda element=element: element, kept_without_vr)
    exchange = found([(0xFF00, response)], syntax)
    assert [(one.PatientID, str(one.PatientName)) for one in (m.dataset for m in exchange.pending)] == [("P1", "Doe^Jane")]


def test_one_that_cannot_be_encoded_is_a_failure():
    wrong = Dataset()
    wrong[Tag("NumberOfBeams")] = DataElement(Tag("NumberOfBeams"), "US", 70000, already_converted=True)
    exchange = found([(0xFF00, item(PatientID="1")), (0xFF00, wrong), (0xFF00, item(PatientID="3"))])
    assert [one.dataset.PatientID for one in exchange.pending] == ["1"]
    assert exchange.status == 0xC312


def test_a_handler_that_fails_after_some():
    def failing():
        yield 0xFF00, item(PatientID="1")
        raise ArithmeticError

    exchange = found(failing())
    assert [one.dataset.PatientID for one in exchange.pending] == ["1"]
    assert exchange.status == 0xC311


def test_who_has_gone_is_sent_no_more():
    begun, gone, ended = threading.Event(), threading.Event(), threading.Event()

    def endless(event):
        try:
            while True:
                yield 0xFF00, item(PatientID="1")
                begun.set()
                gone.wait(DEADLINE)
        finally:
            ended.set()

    with Server("TMS", [PULL], [(evt.EVT_C_FIND, endless)]) as server:
        with connect(server.peer, [PULL], calling="TDD") as link:
            asking = threading.Thread(target=link.c_find, args=(PULL, item(PatientID=None)))
            asking.start()
            assert begun.wait(DEADLINE)
            link.close(abort=True)
            gone.set()
            asking.join(DEADLINE)
        assert ended.wait(DEADLINE)


class Stub:
    """What pynetdicom's DIMSE provider and ours use of an association."""

    def __init__(self, handlers=()):
        self.handlers, self.dul = list(handlers), self
        self.event_queue, self.dimse = queue.Queue(), None
        self.dimse = DIMSEServiceProvider(self)

    def get_handlers(self, event):
        return self.handlers


def response(number, status=0xFF00, patient=None, most=16382):
    """Return the fragments of a response to the C-FIND with a Message ID, in PDUs of at most so many bytes."""
    primitive = C_FIND()
    primitive.MessageIDBeingRespondedTo, primitive.AffectedSOPClassUID, primitive.Status = number, PULL, status
    if patient is not None:
        primitive.Identifier = BytesIO(patient)
    message = C_FIND_RSP()
    message.primitive_to_message(primitive)
    return list(message.encode_msg(3, most))


def together(fragments):
    """Return the fragments in one PDU."""
    whole = P_DATA()
    for fragment in fragments:
        whole.presentation_data_value_list.extend(fragment.presentation_data_value_list)
    return [whole]


def as_shipped(fragments):
    provider = Stub().dimse
    for fragment in fragments:
        provider.receive_primitive(fragment)
    return seen(provider)


def seen(provider):
    found = []
    while not provider.msg_queue.empty():
        context, message = provider.msg_queue.get()
        identifier = message.Identifier.getvalue() if message.Identifier else b""
        found.append((context, message.MessageIDBeingRespondedTo, message.Status, message.AffectedSOPClassUID, identifier))
    return found


ALIKE = response(1, patient=b"one ") + response(1, patient=b"two ")
LONG = bytes(range(256)) * 3
STREAMS = {
    "all alike": ALIKE + response(1, patient=b"four") + response(1, status=0x0000),
    "in several fragments": response(1, patient=LONG, most=200) + response(1, patient=LONG[::-1], most=200) + ALIKE,
    "another status between": ALIKE + response(1, status=0xFF01, patient=b"four") + ALIKE,
    "another query": ALIKE + response(1, status=0x0000) + response(2, patient=b"five") + response(2, patient=b"six "),
    "in one PDU": ALIKE + together(response(1, patient=b"four")) + ALIKE,
    "in one PDU while one is held": ALIKE[:3] + together([*ALIKE[3:]]) + ALIKE,
    "without identifiers": response(1) + response(1) + response(1, status=0x0000),
    "a command set for the data set": ALIKE + ALIKE[:1] + response(1, status=0x0000),
}  # fmt: skip


@pytest.mark.parametrize("handlers", [(), [(print, None)]], ids=["", "each is looked at"])
@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_what_comes_is_what_pynetdicom_takes_it_for(stream, handlers, monkeypatch):
    monkeypatch.setattr(dimse.evt, "trigger", lambda *given: None)
    association = Stub(handlers)
    alike = Alike(association, association.dimse.receive_primitive)
    for fragment in stream:
        if not alike.take(fragment):
            association.dimse.receive_primitive(fragment)
    assert seen(association.dimse) == as_shipped(stream)


def test_what_is_alike_is_not_decoded_again(monkeypatch):
    monkeypatch.setattr(dimse.evt, "trigger", lambda *given: None)
    association, others = Stub(), []
    alike = Alike(association, others.append)
    first, second = ALIKE[:2], ALIKE[2:]
    assert [alike.take(one) for one in first] == [False, False]
    for one in first:
        association.dimse.receive_primitive(one)
    assert [alike.take(one) for one in second] == [True, True]
    assert others == []

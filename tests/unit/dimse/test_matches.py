"""Matches leave as a handler yields them, whether pynetdicom sends them or we do [PS3.7 9.1.2]."""

import threading

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import UnifiedProcedureStepPull as PULL

from tdwii_conformance.dimse import Server, connect
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

"""The SOP Instance UID of a message is read without the rest of its data set."""

from datetime import UTC, datetime

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.dsutils import encode

from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item


def message(dataset, syntax):
    uid = UID(syntax)
    encoded = encode(dataset, uid.is_implicit_VR, uid.is_little_endian, uid == DeflatedExplicitVRLittleEndian)
    return Message(Dataset(), datetime.now(UTC), encoded, str(syntax))


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_read_in_every_transfer_syntax(syntax):
    found = item(SpecificCharacterSet="ISO_IR 192", SOPInstanceUID="1.2.3", PatientName="Müller", InputInformationSequence=[item()])
    assert message(found, syntax).instance_uid == "1.2.3"


@pytest.mark.parametrize("given", [item(PatientName="Doe"), item(SOPInstanceUID=None, PatientName="Doe")])
def test_empty_where_there_is_none(given):
    assert message(given, ExplicitVRLittleEndian).instance_uid == ""
    assert Message(Dataset(), datetime.now(UTC)).instance_uid == ""
    assert Message(Dataset(), datetime.now(UTC), b"\x08\x00\x18", str(ExplicitVRLittleEndian)).instance_uid == ""


def test_what_comes_after_it_is_not_read():
    whole = message(item(SOPInstanceUID="1.2.3", PatientName="Doe"), ImplicitVRLittleEndian)
    cut = Message(Dataset(), whole.time, whole.encoded[:-2], whole.transfer_syntax)
    assert (cut.dataset, cut.instance_uid) == (None, "1.2.3")


def test_matches_are_those_that_can_be_decoded():
    cut = message(item(SOPInstanceUID="1.2.4", PatientName="Doe"), ImplicitVRLittleEndian).encoded[:-2]
    sent = [item(SOPInstanceUID="1.2.3"), None, item(SOPInstanceUID="1.2.3"), item(PatientName="Doe"), item(SOPInstanceUID="1.2.5")]
    responses = [
        message(one, ExplicitVRLittleEndian) if one is not None else Message(Dataset(), datetime.now(UTC), cut) for one in sent
    ]
    for response in responses:
        response.command.Status = 0xFF00
    final = Message(item(Status=0x0000), datetime.now(UTC))
    found = Exchange("C-FIND", "TDD", "TMS", "1.2", responses[0], (*responses, final))
    assert found.matches == ("1.2.3", "1.2.3", "", "1.2.5")
    assert [one.get("SOPInstanceUID", "") for one in found.identifiers] == ["1.2.3", "1.2.3", "", "1.2.5"]

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

from tdwii_conformance.transcript.exchange import Message
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

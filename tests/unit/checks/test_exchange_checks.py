"""Which bytes are a data set: what the checks call undecodable."""

from datetime import UTC, datetime

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.transcript.exchange import Message, decode
from tdwii_conformance.treatment.messages import item


@pytest.mark.parametrize(
    ("encoded", "syntax", "undecodable"),
    [
        (encode(item(PatientID="P"), False, True), ExplicitVRLittleEndian, False),
        (encode(item(PatientID="P"), True, True), ExplicitVRLittleEndian, True),
        (b"\x01\x02\x03", ExplicitVRLittleEndian, True),
        (b"", ExplicitVRLittleEndian, False),
    ],
)
def test_bytes_that_are_no_data_set(encoded, syntax, undecodable):
    assert Message(item(), datetime(2026, 1, 1, tzinfo=UTC), encoded, syntax).undecodable is undecodable


def test_a_data_set_that_was_cut_off_is_none():
    whole = b"\x10\x00\x20\x00\x06\x00\x00\x00TDW-II"  # (0010,0020), implicit VR, six bytes
    assert decode(whole, "1.2.840.10008.1.2").PatientID == "TDW-II"
    with pytest.raises(ValueError, match=r"\(0010,0020\) ends before its length does"):
        decode(whole[:-1], "1.2.840.10008.1.2")

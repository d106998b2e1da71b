"""What is decoded quickly is what pydicom decodes, whatever bytes come and whatever character set they are called."""

import struct
import warnings
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary
from pydicom.filereader import read_dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import encode

from tdwii_conformance.transcript.exchange import decode
from tdwii_conformance.ups import datasets
from tdwii_conformance.ups.datasets import plain
from tdwii_conformance.ups.matching import keys_of

# An attribute of each VR.
TAGS = {
    "AE": 0x00400241, "AS": 0x00101010, "CS": 0x00741000, "DA": 0x00100030, "DS": 0x300A0086, "DT": 0x00404005, "IS": 0x00741004,
    "LO": 0x00100020, "LT": 0x00104000, "PN": 0x00100010, "SH": 0x00080050, "ST": 0x00080081, "TM": 0x00080030, "UC": 0x00080119,
    "UI": 0x0020000D, "UR": 0x00081190, "US": 0x300A0080, "UT": 0x0040A160,
}  # fmt: skip
LONG = ("OW", "UC", "UR", "UT", "SQ", "UN")
SETS = ["", "ISO_IR 100", "ISO_IR 192", "ISO_IR 13", "GB18030", "ISO 2022 IR 6\\ISO 2022 IR 87", "nonsense"]


def element(tag, vr, octets, explicit):
    number = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return number + struct.pack("<L", len(octets)) + octets
    length = struct.pack("<HL", 0, len(octets)) if vr in LONG else struct.pack("<H", len(octets))
    return number + vr.encode() + length + octets


def read(octets, explicit):
    return read_dataset(BytesIO(octets), not explicit, True, bytelength=len(octets))


def values(dataset):
    """Return all there is to a data set, in types that compare exactly."""
    return [
        (one.tag, one.VR, [values(item) for item in one.value] if one.VR == "SQ" else (type(one.value), str(one.value), one.value))
        for one in dataset
    ]


def both(octets, explicit):
    """Return a data set made plain as it was read, and when pydicom has decoded it before; or the errors."""
    found = []
    for decoded in (False, True):
        dataset = read(octets, explicit)
        try:
            if decoded:
                list(dataset.iterall())
            found.append(values(plain(dataset)))
        except Exception as error:
            found.append(type(error))
    return found


octets = st.one_of(
    st.text(st.characters(max_codepoint=0x7F), max_size=12).map(str.encode),
    st.text("Aa1 .^=\\\0\x1b~", max_size=8).map(str.encode),
    st.binary(max_size=8),
)


@given(vr=st.sampled_from(sorted(TAGS)), value=octets, charset=st.sampled_from(SETS), explicit=st.booleans(), inside=st.booleans())
@example("PN", b"Doe^Jane= ", "", True, False)
@example("PN", b"Doe^Jane^^ ", "ISO_IR 192", True, True)
@example("AE", b"\0TMS\0 ", "", True, False)
@example("UI", b"1.2.3\0\0 ", "", False, False)
@example("LO", b"A~B", "ISO_IR 13", True, False)
def test_any_value(vr, value, charset, explicit, inside):
    one = element(TAGS[vr], vr, value, explicit)
    if inside:
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(one)) + one
        one = element(0x00404018, "SQ", item, explicit)
    named = element(0x00080005, "CS", charset.encode() + b" " * (len(charset) % 2), explicit) if charset else b""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quickly, as_pydicom = both(named + one, explicit)
    assert quickly == as_pydicom


@pytest.mark.parametrize("vr", sorted(set(TAGS) - {"DS", "IS", "UC", "UR", "US"}))
def test_usual_values_are_not_left_to_pydicom(vr, monkeypatch):
    monkeypatch.setattr(datasets, "_plain", None)
    (found,) = plain(read(element(TAGS[vr], vr, b"1.2.3 ", True), True)).elements()
    assert str(found.value) == "1.2.3"


SEVERAL = {tag: vr for tag, (vr, *_) in DicomDictionary.items() if " or " in vr and tag >> 16 not in (0x0002, 0x0004)}


@pytest.mark.parametrize("octets", [b"", b"\x01\x80"], ids=["empty", "two bytes"])
def test_an_attribute_of_several_value_representations_gets_one(octets):
    """Who sends without them does not say which: it can be sent on with them all the same, and is read as a key."""
    assert set(SEVERAL.values()) == {"OB or OW", "US or OW", "US or SS", "US or SS or OW"}
    for tag, vr in SEVERAL.items():
        read = read_dataset(BytesIO(element(tag, "", octets, False)), True, True)
        assert [key.tag for key in keys_of(read, {})] == [tag]
        kept = plain(read_dataset(BytesIO(element(tag, "", octets, False)), True, True))
        one = "US" if "SS" in vr else "OW"
        assert one == kept[tag].VR
        assert [read.VR for read in decode(element(tag, "", octets, False), ImplicitVRLittleEndian)] == [one]
        assert encode(kept, False, True) == element(tag, one, octets, True)


def test_values_are_signed_where_pixel_representation_says_so():
    octets = element(0x00280103, "", b"\x01\x00", False) + element(0x00280106, "", b"\xff\xff", False)
    assert plain(read_dataset(BytesIO(octets), True, True)).SmallestImagePixelValue == -1

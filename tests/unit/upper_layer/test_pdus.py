"""PDUs from bytes: values worked out by hand from PS3.8 9.3; real ones are in tests/unit/witness."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdwii_conformance.upper_layer import PduReader
from tdwii_conformance.upper_layer.pdus import ABORT, DATA, LARGEST, REJECT, RELEASE, REQUEST

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
RELEASE_RQ = bytes.fromhex("05 00 00000004 00000000")
ABORT_RQ = bytes.fromhex("07 00 00000004 00000200")


def items(*parts):
    return b"".join(bytes([kind, 0]) + len(value).to_bytes(2, "big") + value for kind, value in parts)


def associate(kind=1, contexts=None, user=None, *, called=b"TMS", calling=b"TDD"):
    """An A-ASSOCIATE-RQ or -AC, as PS3.8 9.3.2 has it."""
    if contexts is None:
        contexts = [(0x20, b"\x01\0\0\0" + items((0x30, b"1.2.840.10008.1.1"), (0x40, b"1.2.840.10008.1.2")))]
    if user is None:
        user = [(0x51, (16384).to_bytes(4, "big")), (0x52, b"1.2.3.4")]
    body = b"\0\1\0\0" + called.ljust(16) + calling.ljust(16) + bytes(32)
    body += items((0x10, b"1.2.840.10008.3.1.1.1"), *contexts, (0x50, items(*user)))
    return bytes([kind, 0]) + len(body).to_bytes(4, "big") + body


def one(octets):
    reader = PduReader()
    (pdu,) = reader.feed(octets, NOW)
    assert reader.finish() is None
    return pdu


def wrong(octets):
    return [(m.offset, m.what, m.source) for m in one(octets).malformations]


def test_a_request_says_who_and_what_is_proposed():
    pdu = one(associate())
    assert (pdu.kind, pdu.malformations) == (REQUEST, ())
    said = pdu.associate
    assert (said.called, said.calling, said.maximum_length, said.implementation_class) == ("TMS", "TDD", 16384, "1.2.3.4")
    (context,) = said.contexts
    assert (context.id, context.abstract_syntax, context.transfer_syntaxes) == (1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))


def test_roles_and_extended_negotiation_are_read():
    uid = b"1.2.840.10008.5.1.4.34.6.4"
    sized = len(uid).to_bytes(2, "big") + uid
    user = [(0x51, bytes(4)), (0x52, b"1.2"), (0x54, sized + b"\0\1"), (0x56, sized + b"\1\1\0"), (0x55, b"ACME_1")]
    said = one(associate(user=user)).associate
    assert said.maximum_length == 0
    assert (said.roles[uid.decode()].scu, said.roles[uid.decode()].scp) == (False, True)
    assert said.extended == {uid.decode(): b"\1\1\0"}
    assert said.implementation_version == "ACME_1"


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (associate(contexts=[(0x20, b"\x02\0\0\0" + items((0x30, b"1.2.3"), (0x40, b"1.2.4")))]), "presentation context id 2"),
        (associate(contexts=[(0x20, b"\x01\0\0\0" + items((0x30, b"1.2.3")))]), "no transfer syntax in context 1"),
        (associate(contexts=[(0x20, b"\x01\0\0\0" + items((0x30, b"1.02.3"), (0x40, b"1.2.4")))]), "'1.02.3', which is no UID"),
        (associate(contexts=[(0x20, b"\x01\0\0\0" + items((0x30, b"1.2.3\0"), (0x40, b"1.2.4")))]), "a padded UID"),
        (associate(2, contexts=[(0x21, b"\x01\0\5\0" + items((0x40, b"1.2.4")))]), "result 5 of context 1"),
        (associate(user=[(0x52, b"1.2")]), "no Maximum Length"),
        (associate(user=[(0x51, bytes(4))]), "no Implementation Class UID"),
        (associate(called=b"T\nMS"), "a Called AE title of other characters"),
        (associate(calling=b""), "a Calling AE title of spaces only"),
        (bytes.fromhex("03 00 00000004 00010104"), "result 1, source 1, reason 4"),
        (bytes.fromhex("07 00 00000004 00000100"), "an A-ABORT of source 1"),
        (bytes.fromhex("05 00 00000002 0000"), "an A-RELEASE-RQ with 2 bytes"),
        (bytes.fromhex("04 00 00000000"), "a P-DATA-TF without a PDV"),
        (bytes.fromhex("04 00 00000006 00000001 0103"), "a PDV of 1 bytes where 2 are left"),
        (bytes.fromhex("04 00 00000008 00000004 01ff0000"), "message control header FFH"),
        (bytes.fromhex("0a 00 00000002 0000"), "a PDU of type 0AH"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_else(octets, what):
    assert [said for _, said, _ in wrong(octets)] == [what]


@pytest.mark.parametrize("octets", [bytes.fromhex("03 00 00000004 00010302"), RELEASE_RQ, ABORT_RQ])
def test_legal_ends_have_nothing_wrong(octets):
    assert one(octets).kind in (REJECT, RELEASE, ABORT)
    assert wrong(octets) == []


def test_the_place_is_counted_from_the_begin_of_the_connection():
    reader = PduReader()
    bad = bytes.fromhex("05 00 00000002 0000")
    found = reader.feed(RELEASE_RQ + bad, NOW)
    assert [m.offset for pdu in found for m in pdu.malformations] == [len(RELEASE_RQ) + 6]


def test_a_length_of_gigabytes_ends_the_reading_and_keeps_nothing():
    reader = PduReader()
    octets = b"\x04\0" + (LARGEST + 1).to_bytes(4, "big") + bytes(100)
    assert reader.feed(RELEASE_RQ + octets, NOW)[0].kind == RELEASE
    assert reader.lost.offset == len(RELEASE_RQ)
    assert reader.feed(RELEASE_RQ, NOW) == []
    assert reader.finish() is None


def test_text_is_no_pdu():
    reader = PduReader()
    assert reader.feed(b"GET / HTTP/1.1\r\n\r\n", NOW) == []
    assert reader.lost.octets.startswith(b"GET / HTTP")


def test_a_pdu_that_is_cut_off_is_said_with_what_is_there():
    reader = PduReader()
    reader.feed(RELEASE_RQ[:8], NOW)
    assert reader.finish().what == "the end, after 8 bytes of 10 of a PDU"


@given(st.lists(st.integers(1, 40), max_size=30))
def test_pieces_do_not_matter(cuts):
    octets = associate() + bytes.fromhex("04 00 00000008 00000004 01030000") + RELEASE_RQ
    whole = PduReader().feed(octets, NOW)
    reader, at, found = PduReader(), 0, []
    for cut in [*cuts, len(octets)]:
        found += reader.feed(octets[at : at + cut], NOW)
        at += cut
    assert found == whole
    assert [pdu.kind for pdu in whole] == [REQUEST, DATA, RELEASE]


@given(st.binary(max_size=300))
def test_no_bytes_raise(octets):
    reader = PduReader()
    for pdu in reader.feed(octets, NOW):
        assert pdu.length >= 6
    reader.finish()


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_wrong_byte_in_a_request_does_not_raise(at, octet):
    octets = bytearray(associate())
    octets[at % len(octets)] = octet
    reader = PduReader()
    found = [wrong for pdu in reader.feed(bytes(octets), NOW) for wrong in pdu.malformations]
    found += filter(None, (reader.lost, reader.finish()))
    assert all(0 <= one.offset <= len(octets) for one in found)

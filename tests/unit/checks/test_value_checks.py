"""Values by their bytes, and whether PS3.5 6.2 has them written so; the expectations are those of its table 6.2-1."""

from datetime import UTC, datetime

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tdwii_conformance.checks.values import illegal_answers, illegal_values
from tdwii_conformance.transcript.exchange import Exchange, Message
from tdwii_conformance.treatment.messages import item

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's words about such values

LABEL = 0x00741204  # LO
TAGS = {
    "AE": 0x00080054, "AS": 0x00101010, "CS": 0x00741000, "DS": 0x00741004, "IS": 0x00200013, "UI": 0x00080018, "UR": 0x00081190,
    "LO": LABEL, "SH": 0x00080050, "PN": 0x00100010, "ST": 0x00080081, "LT": 0x00104000, "UT": 0x0040A160, "UC": 0x00080119,
    "DA": 0x00100030, "TM": 0x00100032, "DT": 0x00404005, "US": 0x00280010, "FD": 0x00189073, "AT": 0x00280009,
}  # fmt: skip


def element(tag, value):
    value = value + (b"\0" if tag == TAGS["UI"] else b" ") * (len(value) % 2)
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


def message(*elements, syntax=ImplicitVRLittleEndian):
    return Message(item(), datetime(2026, 1, 1, tzinfo=UTC), b"".join(elements), syntax)


def wrong(vr, value, charset=None, **named):
    first = [element(0x00080005, charset)] if charset else []
    return bool(illegal_values(message(*first, element(TAGS[vr], value)), **named))


@pytest.mark.parametrize(("vr", "value"), [
    ("AE", b"TDD 1"), ("AE", b" TDD "), ("AE", b"16_CHARACTERS_AE"), ("AS", b"042Y"), ("AS", b""), ("CS", b"IN PROGRESS"),
    ("CS", b"SIXTEEN CHARS_16"), ("CS", b"A\\B\\"), ("DS", b"-1.5E-3"), ("DS", b" 50 "), ("DS", b"+.5\\5."), ("DS", b"1234567890.12345"),
    ("IS", b"-2147483648"), ("IS", b" 12 "), ("UI", b"1.2.3\0"), ("UI", b"1.2.0.34"), ("UI", b"1.2\\1.30"), ("UI", b"0." + b"1" * 62),
    ("UI", b"\0\0"), ("UR", b"https://a.example/b?c=%20d "), ("LO", b"x" * 64), ("LO", b" x "), ("LO", b"x" * 64 + b"\\" + b"y" * 64),
    ("SH", b"x" * 16), ("PN", b"A^B^C^D^E=F^G=H"), ("PN", b"x" * 64 + b"=" + b"y" * 64), ("ST", b"one\r\ntwo\tthree"), ("ST", b"x" * 1024),
    ("LT", b"back\\slash"), ("UT", b"x" * 20000), ("UC", b"x" * 3000), ("DA", b"20260101"), ("TM", b"0800"), ("DT", b"2026"),
    ("US", b"\1\0\2\0"), ("FD", b"\0" * 16), ("AT", b"\x10\0\x20\0"), ("DA", b"20260101\\20260102"),
])  # fmt: skip
def test_as_it_is_to_be_written(vr, value):
    assert not wrong(vr, value)


@pytest.mark.parametrize(("vr", "value"), [
    ("AE", b"SEVENTEEN_LETTERS"), ("AE", b"T\xc4D"), ("AE", b"T\tD"), ("AS", b"42Y "), ("AS", b"042y"), ("CS", b"Scheduled"), ("CS", b"A-B"),
    ("CS", b"SEVENTEEN_CHARS_1"), ("CS", b"A\\b"), ("DS", b"1,5"), ("DS", b"1 2"), ("DS", b"1.23456789012345678"), ("DS", b"NaN"),
    ("DS", b"1e"), ("IS", b"1.0"), ("IS", b"2147483648"), ("IS", b"1234567890123"), ("UI", b"1.2.3 "), ("UI", b"1.2.34\0\0"),
    ("UI", b"1.02"), ("UI", b"1..2"), ("UI", b"1.2."), ("UI", b"1.2\\a"), ("UI", b"1." + b"2" * 63), ("UR", b" https://a"),
    ("UR", b"https://a\\b"), ("LO", b"x" * 65), ("LO", b"a\nb"), ("LO", b"x\0"), ("SH", b"x" * 17), ("PN", b"A^B^C^D^E^F"),
    ("PN", b"A=B=C=D"), ("PN", b"x" * 65), ("ST", b"x" * 1025), ("LT", b"a\0b"), ("LT", b"x" * 10241), ("DA", b"2026-01-01"),
    ("DT", b"tomorrow"), ("AT", b"\0\0"), ("DA", b"20260101\\tomorrow"), ("UR", b"https://a\t"), ("UR", b"https://a X"),
    ("CS", b"\tA"), ("AS", b"X042Y"), ("IS", b"X"), ("IS", b"\\1.0"), ("LT", b"x" * 6000 + b"\\" + b"x" * 6000),
    ("LO", b"x" * 60 + b"X" * 5),
])  # fmt: skip
def test_as_it_is_not_to_be_written(vr, value):
    assert wrong(vr, value)


@pytest.mark.parametrize(("charset", "value", "expected"), [
    (b"ISO_IR 192", ("ä" * 64).encode(), False), (b"ISO_IR 192", ("ä" * 65).encode(), True), (b"ISO_IR 100", b"\xe4" * 64, False),
    (None, ("ä" * 64).encode(), False), (b"ISO_IR 6", ("ä" * 64).encode(), False),  # which characters they are is not known
    (b"\\ISO 2022 IR 87", b"\x1b$B" + b"\x3b\x33" * 60 + b"\x1b(B", False), (None, b"\x1b$B" + b"\x3b\x33" * 60 + b"\x1b(B", False),
    (b"GB18030", "誠".encode("gb18030") * 60, False),  # with the byte of a backslash in a character
    (b"ISO_IR 999", b"\xe4" * 80, False),
])  # fmt: skip
def test_length_is_that_of_characters(charset, value, expected):
    assert wrong("LO", value, charset) is expected


@pytest.mark.parametrize(("vr", "value", "expected"), [
    ("CS", b"SCHED*", False), ("CS", b"a*", False), ("CS", b"scheduled", True), ("LO", b"x" * 80, False), ("PN", b"A*^?", False),
    ("UI", b"1.2\\1.3\\1.4", False), ("UI", b"1.2 ", True), ("DT", b"20260101-20260102", False), ("DA", b"-", False),
    ("PN", b'""', False), ("DS", b'""', False), ("LO", b"a\0", True), ("AE", b"*", False),
])  # fmt: skip
def test_keys_may_have_what_has_a_meaning_in_them(vr, value, expected):
    assert wrong(vr, value, key=True) is expected


def test_dates_are_left_to_their_own_requirement_where_there_is_one():
    assert not wrong("DA", b"2026-01-01", times=False)


def test_items_are_looked_into_and_what_is_private_or_unknown_is_not():
    inner = element(0x00080102, b"dcm\n") + element(0x00080005, b"ISO_IR 192")
    sequence = element(0x00404018, element(0xFFFEE000, inner))
    private = element(0x00990010, b"x\0") + element(0x00991001, b"\n\n")
    (found,) = illegal_values(message(sequence, private), "here: ")
    assert found.path == "here: ScheduledWorkitemCodeSequence[0].CodingSchemeDesignator"


def test_the_vr_is_that_which_was_sent():
    def explicit(vr, value):
        return b"\x74\0\x04\x12" + vr + len(value).to_bytes(2, "little") + value

    assert illegal_values(message(explicit(b"CS", b"low "), syntax=ExplicitVRLittleEndian))
    assert not illegal_values(message(explicit(b"LO", b"low "), syntax=ExplicitVRLittleEndian))


def test_bytes_that_are_no_data_set_are_for_another_requirement():
    assert illegal_values(message(b"\x08\0\x18\0\xff\xff\xff\x7fabc")) == []
    assert illegal_values(Message(item(), datetime(2026, 1, 1, tzinfo=UTC))) == []
    assert illegal_values(message(b"abc", syntax=DeflatedExplicitVRLittleEndian)) == []


def explicit(tag, vr, value):
    value += b" " * (len(value) % 2)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    length = b"\0\0" + len(value).to_bytes(4, "little") if vr in ("SQ", "OB", "UN") else len(value).to_bytes(2, "little")
    return head + length + value


def in_item(tag, vr, value):
    """A Scheduled Station Name Code Sequence with one item, which holds one element."""
    inner = explicit(tag, vr, value)
    return explicit(0x00404025, "SQ", b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner)


def told(*elements, **named):
    return [
        (one.expected, one.received, one.path) for one in illegal_values(message(*elements, syntax=ExplicitVRLittleEndian), **named)
    ]


NO_DATE = ("a value of DA", "value 'tomorrow'", "ScheduledStationNameCodeSequence[0].PatientBirthDate")
LONG = "ä" * 66


def test_a_finding_names_what_was_right_what_came_and_where():
    assert told(explicit(0x00080050, "SH", b"x" * 18)) == [("SH: at most 16 characters", f"value '{'x' * 18}'", "AccessionNumber")]
    assert told(explicit(0x00080050, "SH", b"x" * 18), path="response 2: ")[0][2] == "response 2: AccessionNumber"


def test_what_holds_for_a_data_set_holds_for_its_items():
    assert told(in_item(0x00100030, "DA", b"tomorrow")) == [NO_DATE]
    assert told(in_item(0x00100030, "DA", b"tomorrow"), times=False) == []
    assert told(in_item(0x00080060, "CS", b"R*"), key=True) == []
    assert [one[2] for one in told(in_item(0x00080060, "CS", b"R*"))] == ["ScheduledStationNameCodeSequence[0].Modality"]
    named = explicit(0x00080005, "CS", b"ISO_IR 100")
    assert told(named, in_item(0x00080104, "LO", LONG.encode("latin-1"))) == [
        ("LO: at most 64 characters", f"value {LONG!r}", "ScheduledStationNameCodeSequence[0].CodeMeaning")
    ]


def test_private_elements_and_group_lengths_are_passed_over_and_no_more():
    private, length = explicit(0x00091001, "SH", b"x" * 18), explicit(0x00080000, "LO", b"x" * 66)
    wrong = explicit(0x00100020, "LO", b"x" * 66)
    assert [one[2] for one in told(length, private, wrong)] == ["PatientID"]


def test_bytes_are_no_text():
    assert told(explicit(0x00420011, "OB", b"\1\2")) == []


def test_text_that_cannot_be_read_is_not_measured():
    assert told(explicit(0x00080005, "CS", b"ISO_IR 192"), explicit(0x00100020, "LO", b"\xff" * 66)) == []


def test_a_delimiter_ends_what_an_escape_sequence_began():
    """[PS3.5 6.1.2.5.3]"""
    named = explicit(0x00080005, "CS", b"ISO 2022 IR 6\\ISO 2022 IR 87")
    text = b"\x1b$BF|\x1b(B\\" + b"x" * 65
    assert [one[1] for one in told(named, explicit(0x00100020, "LO", text))] == [f"value '{'x' * 65}'"]
    unended = b"\x1b$BF|\\" + b"x" * 66
    assert [one[1] for one in told(named, explicit(0x00100020, "LO", unended))] == [f"value '{'x' * 66}'"]


def answers(*values):
    responses = tuple(message(explicit(0x00100020, "LO", value), syntax=ExplicitVRLittleEndian) for value in values)
    return Exchange("C-FIND", "TDD", "TMS", "1.2", message(), responses)


def test_of_several_responses_the_one_that_is_wrong_is_named():
    assert [one.path for one in illegal_answers(answers(b"x" * 66))] == ["PatientID"]
    assert [one.path for one in illegal_answers(answers(b"x", b"x" * 66))] == ["response 2: PatientID"]
    assert [one.path for one in illegal_answers(answers(b"y" * 66, b"x" * 66))] == [
        "response 1: PatientID",
        "response 2: PatientID",
    ]


def test_times_in_answers_have_a_requirement_of_their_own():
    asked = message(explicit(0x00100030, "DA", b"tomorrow"), syntax=ExplicitVRLittleEndian)
    assert illegal_answers(Exchange("C-FIND", "TDD", "TMS", "1.2", message(), (asked,))) == []

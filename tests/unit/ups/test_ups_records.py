"""What a store keeps of a UPS, byte by byte where others read it [PS3.5 7.1], and what it is found by."""

import struct
from datetime import UTC, datetime
from functools import partial

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from ups_samples import code, item

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.ups import records
from tdwii_conformance.ups.datasets import character_set, merged, named_character_set, picked, plain, without
from tdwii_conformance.ups.matching import Key, keys_of, respond
from tdwii_conformance.ups.records import INDEXED, INDEXED_TIMES, Record, Terms, decoded, encoded

STATION = "ScheduledStationNameCodeSequence"


@pytest.mark.parametrize(
    ("keyword", "value", "implicit", "explicit"),
    [
        ("PatientID", "P1", b"P1", "LO"),
        ("PatientID", "P12", b"P12 ", "LO"),
        ("StudyInstanceUID", "1.2", b"1.2\0", "UI"),
        ("PatientName", "Müller", b"M\xfcller", "PN"),
        ("TextValue", "x", b"x ", "UT"),  # a VR whose length has four bytes in Explicit VR
        ("PatientID", None, b"", "LO"),
        (STATION, [], b"", "SQ"),
    ],
)
def test_an_element_encoded(keyword, value, implicit, explicit):
    record = Record("1.2.3", item(**{keyword: value}))
    element = record.attributes[keyword]
    for implicit_vr, vr in ((True, None), (False, explicit)):
        key = Key(element.tag, element.VR)
        raw = record.kept(key, lambda: element, implicit_vr)
        assert (raw.tag, raw.VR, raw.length, raw.value) == (element.tag, vr, len(implicit), implicit)
        assert (raw.is_implicit_VR, raw.is_little_endian) == (implicit_vr, True)
        header = 12 if vr in ("SQ", "UT") else 8
        assert (raw.octets[:4], raw.octets[header:]) == (struct.pack("<HH", element.tag.group, element.tag.elem), implicit)
        assert record.kept(key, dict, implicit_vr) is raw  # finds ask again, and nothing is made anew


def test_text_is_encoded_in_the_character_set_of_all_of_it():
    record = Record("1.2.3", item(PatientName="山田^太郎", **{STATION: [code("A", "S", "Gerät")]}))
    assert record.character_set == "ISO_IR 192"
    written = kept(record, record.attributes[STATION]).value
    assert "Gerät".encode() in written
    assert Record("1.2.3", item(PatientName="Doe")).character_set == ""


def query(**attributes):
    return keys_of(item(**attributes), attribute_rows())


def kept(record, element, implicit_vr=True):
    """Return an element of a UPS as it is sent, encoded."""
    return record.kept(Key(element.tag, element.VR), lambda: element, implicit_vr)


def responses_to(record, keys):
    return respond(keys, record.attributes, record.zone, partial(record.kept, implicit_vr=True))


def test_of_a_sequence_each_query_is_sent_what_it_asks_for():
    record = Record("1.2.3", plain(item(**{STATION: [code("A", "S", "one"), code("B", "S", "two")]})))
    asked = [
        item(CodeValue=None),
        item(CodeMeaning=None),
        item(CodeValue="A", CodeMeaning=None),
        item(CodeValue="B", CodeMeaning=None),
    ]
    expected = [
        [{"CodeValue": "A"}, {"CodeValue": "B"}], [{"CodeMeaning": "one"}, {"CodeMeaning": "two"}],
        [{"CodeValue": "A", "CodeMeaning": "one"}], [{"CodeValue": "B", "CodeMeaning": "two"}],
    ]  # fmt: skip
    for _ in range(2):
        for keys, items in zip(asked, expected, strict=True):
            (sent,) = responses_to(record, query(**{STATION: [keys]}))
            assert [{one.keyword: one.value for one in each} for each in sent.value] == items


def test_of_items_matched_by_several_times_nothing_is_kept():
    """What is kept is found by its key, and a key does not tell in which zone its several times are."""
    noon, eleven = "20260302120000", "20260302110000"
    items = [item(ScheduledProcedureStepStartDateTime=one) for one in (noon, eleven)]
    record = Record("1.2.3", plain(item(TimezoneOffsetFromUTC="+0000", ReferencedRequestSequence=items)))
    wanted = item(ScheduledProcedureStepStartDateTime=[noon, "20300101"])
    for offset, found in (("+0000", noon), ("+0100", eleven)):
        below = keys_of(wanted, attribute_rows(), offset=offset)
        (sent,) = responses_to(record, [Key(Tag("ReferencedRequestSequence"), "SQ", below=below)])
        assert [each.ScheduledProcedureStepStartDateTime for each in sent.value] == [found]


def test_what_is_kept_encoded_is_bounded(monkeypatch):
    monkeypatch.setattr(records, "ASKED", 3)
    record = Record("1.2.3", plain(item(PatientID="P1", PatientName="Doe", AdmissionID="A1", ProcedureStepLabel="L")))
    for keyword, value in [
        ("PatientID", b"P1"),
        ("PatientName", b"Doe "),
        ("AdmissionID", b"A1"),
        ("ProcedureStepLabel", b"L "),
    ] * 2:
        assert kept(record, record.attributes[keyword]).value == value
        assert len(record._kept) <= 3


@pytest.mark.parametrize(
    ("value", "ascii"), [("Doe", True), ("Müller", False), ([item(CodeValue="A")], True), ([item(CodeMeaning="Gerät")], False)]
)
def test_who_sends_it_knows_whether_its_text_needs_a_character_set(value, ascii):
    # More than 127 bytes: the length of the item has one that is no ASCII.
    long = [item(CodeMeaning="x" * 64, CodeValue="y" * 64), *value] if isinstance(value, list) else value
    record = Record("1.2.3", plain(item(PatientName=value) if isinstance(value, str) else item(**{STATION: long})))
    (element,) = record.attributes
    assert kept(record, element).in_ascii == ascii


@pytest.mark.parametrize(
    ("texts", "needed"),
    [(("Doe", "x"), ""), (("Müller", "x"), "ISO_IR 100"), (("x", "Gerät"), "ISO_IR 100"), (("山田", "Gerät"), "ISO_IR 192"),
     (("x", "ł"), "ISO_IR 192"), ((None, None), "")],
)  # fmt: skip
def test_character_set(texts, needed):
    dataset = item(PatientName=texts[0], **{STATION: [code("A", "S", texts[1])]})
    assert character_set(dataset) == needed
    named = named_character_set(dataset)
    assert named.get("SpecificCharacterSet", "") == needed
    assert "SpecificCharacterSet" not in dataset
    assert named.PatientName == dataset.PatientName


def test_what_was_written_reads_the_same():
    attributes = plain(item(PatientName="Müller^Jörg=山田^太郎", OtherPatientNames=["A^B", "Ö"], MedicalAlerts=["a", "b"],
                            PatientID=None, **{STATION: [code("A", "S", "Gerät")]}, AdmittingDiagnosesCodeSequence=[]))  # fmt: skip
    assert decoded(encoded(attributes)) == attributes
    assert encoded(item(PatientName="Ö")) == b"\x10\x00\x10\x00PN\x02\x00" + "Ö".encode()
    assert encoded(item(PatientID="P1")) == b"\x10\x00\x20\x00LO\x02\x00P1"


@pytest.mark.parametrize("keyword", ["PatientName", "OtherPatientNames"])
def test_a_name_is_encoded_anew_for_each_character_set(keyword):
    # pydicom remembers how a name was first encoded.
    text = "Müller" if keyword == "PatientName" else ["Müller", "Jörg"]
    latin_1, utf_8 = (
        (b"M\xfcller", b"M\xc3\xbcller ") if keyword == "PatientName" else (b"M\xfcller\\J\xf6rg ", b"M\xc3\xbcller\\J\xc3\xb6rg ")
    )
    stored, tag = plain(item(**{keyword: text})), (b"\x10\x00\x10\x00" if keyword == "PatientName" else b"\x10\x00\x01\x10")
    for _ in range(2):
        assert encoded(stored) == tag + b"PN" + len(utf_8).to_bytes(2, "little") + utf_8
        assert kept(Record("1.2.3", stored), stored[keyword]).value == latin_1
    fresh = plain(item(**{keyword: text}))
    assert kept(Record("1.2.3", fresh), fresh[keyword]).value == latin_1
    assert utf_8 in encoded(fresh)


def test_what_it_is_found_by():
    attributes = item(
        PatientID="P1 ", PatientName="DOE^Jane", ProcedureStepState="SCHEDULED", ScheduledProcedureStepStartDateTime="20260302",
        ExpectedCompletionDateTime=["20260303", "20260304"], TimezoneOffsetFromUTC="+0100", StudyInstanceUID=None,
        **{STATION: [code("B"), code("A"), code("A")]},
    )  # fmt: skip
    record = Record("1.2.3", attributes)
    found = {(INDEXED[position], value) for position, value in record.terms.texts}
    assert found == {
        (("PatientID",), "P1"), (("PatientName",), "doe^jane"), (("ProcedureStepState",), "SCHEDULED"),
        ((STATION, "CodeValue"), "A"), ((STATION, "CodeValue"), "B"),
    }  # fmt: skip
    # A day begins an hour before midnight UTC where it is one hour later.
    days = {day: datetime(2026, 3, day - 1, 23, tzinfo=UTC).timestamp() for day in (2, 3, 4)}
    assert {(INDEXED_TIMES[position], moment) for position, moment in record.terms.moments} == {
        ("ScheduledProcedureStepStartDateTime", days[2]), ("ExpectedCompletionDateTime", days[3]),
        ("ExpectedCompletionDateTime", days[4]),
    }  # fmt: skip
    assert (record.zone, record.state, record.lock) == ("+0100", "SCHEDULED", "")
    assert Record("1.2.3", item()).terms == Terms()
    assert Record("1.2.3", item(ScheduledProcedureStepStartDateTime="some day")).terms == Terms()


def test_attributes_are_made_when_they_are_asked_for():
    asked = []
    record = Record("1.2.3", lambda: asked.append(1) or item(ProcedureStepState="SCHEDULED"), "1.9")
    assert (record.lock, asked) == ("1.9", [])
    assert (record.state, record.attributes) == ("SCHEDULED", item(ProcedureStepState="SCHEDULED"))
    assert asked == [1]


def test_a_sequence_that_is_none_has_no_values():
    odd = Dataset()
    odd[0x00404025] = DataElement(0x00404025, "LO", "A")
    assert Record("1.2.3", odd).terms == Terms()


# Data sets


def test_a_plain_copy():
    dataset = item(SpecificCharacterSet="ISO_IR 100", PatientName="A^B", OtherPatientNames=["C", "D"], MedicalAlerts=["a", "b"],
                   PatientID=None, Rows=5, **{STATION: [item(SpecificCharacterSet="ISO_IR 100", CodeValue="A")]})  # fmt: skip
    copy = plain(dataset)
    expected = item(PatientName="A^B", OtherPatientNames=["C", "D"], MedicalAlerts=["a", "b"], PatientID="", Rows=5,
                    **{STATION: [item(CodeValue="A")]})  # fmt: skip
    assert copy == expected
    assert [element.VR for element in copy] == [element.VR for element in expected]
    dataset.MedicalAlerts.append("c")
    dataset[STATION].value[0].CodeValue = "B"
    assert copy == expected
    assert [copy[keyword].VM for keyword in ("PatientName", "OtherPatientNames", "MedicalAlerts")] == [1, 2, 2]


@pytest.mark.parametrize("empty", [None, "", []])
def test_empty_is_empty_however_it_is_said(empty):
    assert plain(item(PatientID=empty)) == plain(item(PatientID=None)) == plain(item(PatientID=""))


def test_the_last_of_equal_tags_wins_and_nothing_else_changes():
    first, second = item(PatientID="P1", PatientSex="F"), item(PatientID="P2")
    assert merged(first, second) == item(PatientID="P2", PatientSex="F")
    assert merged(second, first) == first
    assert merged() == item()
    assert (first, second) == (item(PatientID="P1", PatientSex="F"), item(PatientID="P2"))


def test_some_of_the_elements():
    dataset = item(PatientID="P1", PatientSex="F")
    assert picked(dataset, ("PatientSex", "PatientName")) == item(PatientSex="F")
    assert without(dataset, ("PatientSex", "PatientName")) is dataset
    assert dataset == item(PatientID="P1")

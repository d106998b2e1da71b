"""What the keys of an identifier ask for [PS3.4 C.2.2.2], and the match and the answer of one data set without a worklist."""

from datetime import UTC, datetime

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from ups_samples import code, item, reference

from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.ups.matching import KeyFault, keys_of, match, matches, respond, response_identifier, strings, text_form
from tdwii_conformance.ups.times import Span

START = "ScheduledProcedureStepStartDateTime"
STATION = "ScheduledStationNameCodeSequence"


def key_of(**key):
    (found,) = keys_of(item(**key), attribute_rows())
    return found


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "wanted", "wild"),
    [
        ({"PatientID": "P1 "}, ("P1",), False),
        ({"PatientID": " P1"}, ("P1",), False),  # neither counts in LO
        ({"PatientID": "P*"}, ("P*",), True),
        ({"PatientID": "P?"}, ("P?",), True),
        ({"PatientID": "*X"}, ("*X",), True),
        ({"PatientID": "X"}, ("X",), False),
        ({"PatientName": "DOE^Jane^^= "}, ("doe^jane",), False),
        ({"StudyInstanceUID": ["1.2", "1.3"]}, ("1.2", "1.3"), False),
        ({"StudyInstanceUID": "1.2.*"}, ("1.2.*",), False),  # UI has no wild cards
        ({"ScheduledProcedureStepPriority": "H*"}, ("H*",), False),  # single value only
        ({"ScheduledProcedureStepPriority": "*"}, ("*",), False),
    ],
)
def test_a_key_that_narrows(key, wanted, wild):
    found = key_of(**key)
    assert (found.wanted, found.wild, found.narrows) == (wanted, wild, True)
    assert (found.tag, found.span, found.below) == (Tag(next(iter(key))), None, None)


@pytest.mark.parametrize(
    "key",
    [
        {"PatientID": None},
        {"PatientID": "*"},
        {"PatientID": "**"},
        {"StudyDescription": "x"},  # not in the table: no matching key
        {STATION: []},
        {STATION: [item()]},
        {STATION: [item(CodeValue=None)]},
        {STATION: [item(CodeMeaning="x")]},
        {"ScheduledProcessingParametersSequence": [item(TextValue="x")]},
        {"RequestAttributesSequence": [item(AccessionNumber="x")]},
    ],
)
def test_a_key_that_matches_everything(key):
    assert not key_of(**key).narrows
    assert match([key_of(**key)], item())


def test_keys_of_items_ask_for_what_their_sequence_does():
    key = key_of(InputInformationSequence=[item(DICOMRetrievalSequence=[item(RetrieveAETitle="O*")], StudyInstanceUID=None)])
    study, retrieval = key.below
    assert (study.tag, study.below, study.narrows) == (Tag("StudyInstanceUID"), None, False)
    (title,) = retrieval.below
    assert (title.tag, title.vr, title.wanted, title.wild) == (Tag("RetrieveAETitle"), "AE", ("O*",), True)
    assert (key.vr, key.narrows, retrieval.narrows) == ("SQ", True, True)


@pytest.mark.parametrize(
    ("key", "offset", "span"),
    [
        ("20260302", None, Span(at(2026, 3, 2), at(2026, 3, 3))),
        ("20260302", "+0100", Span(at(2026, 3, 1, 23), at(2026, 3, 2, 23))),
        ("20260302-0500", "+0100", Span(at(2026, 3, 2, 5), at(2026, 3, 3, 5))),
        ("2026-", None, Span(at(2026, 1, 1), None)),
    ],
)
def test_a_time_means_a_span(key, offset, span):
    identifier = item(**{START: key}, **({"TimezoneOffsetFromUTC": offset} if offset else {}))
    (found,) = keys_of(identifier, attribute_rows(), offset="+0000")
    assert (found.span, found.wanted, found.vr) == (span, (key,), "DT")


def test_the_offset_of_a_query_holds_in_its_items():
    key = item(PerformedProcedureStepStartDateTime="20260302")
    (found,) = keys_of(
        item(TimezoneOffsetFromUTC="+0100", UnifiedProcedureStepPerformedProcedureSequence=[key]), EVERY_TIME, offset="-0500"
    )
    assert found.below[0].span == Span(at(2026, 3, 1, 23), at(2026, 3, 2, 23))


class Row:
    """What a row says that lets its attribute be matched."""

    match, single_value = "O", False

    def __init__(self, **items):
        self.items = items


EVERY_TIME = {"UnifiedProcedureStepPerformedProcedureSequence": Row(PerformedProcedureStepStartDateTime=Row())}


def test_of_several_times_any_will_do():
    (found,) = keys_of(item(**{START: ["20260302", "20260304"]}), attribute_rows(), offset="+0000")
    assert (found.span, found.narrows) == (None, True)
    days = [f"2026030{day}" for day in (1, 2, 3, 4, 5)]
    assert [day for day in days if match([found], item(**{START: day}), "+0000")] == ["20260302", "20260304"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({START: "today"}, f"{START} is no DT, nor a range of them"),
        ({START: ["20260302", "today"]}, f"{START} is no DT, nor a range of them"),
        ({"PatientBirthDate": "1961-02-12"}, "PatientBirthDate is no DA, nor a range of them"),
        ({STATION: [code("A"), code("B")]}, f"{STATION} has more than one item"),
        ({STATION: [item(), code("B")]}, f"{STATION} has more than one item"),
        ({STATION: [item(), item()]}, f"{STATION} has more than one item"),
    ],
)
def test_what_is_no_key(key, said):
    with pytest.raises(KeyFault) as error:
        key_of(**key)
    assert str(error.value) == said


def test_what_is_about_the_identifier_is_no_key():
    keys = item(SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="+0100", TransactionUID="1.2", PatientID=None)
    assert [key.tag for key in keys_of(keys, attribute_rows())] == [Tag("PatientID")]


@pytest.mark.parametrize(
    ("stored", "matched"),
    [
        ("2026030210", True),  # in the zone of the data set
        ("2026030209", False),
        ("2026030209+0000", True),
    ],
)
def test_one_data_set_with_its_offset(stored, matched):
    attributes = item(**{START: stored}, TimezoneOffsetFromUTC="+0100", PatientID="P1")
    keys = item(**{START: "2026030209+0000"}, PatientID=None, AdmissionID=None, AdmittingDiagnosesCodeSequence=[])
    assert matches(keys, attributes, attribute_rows()) is matched
    response = response_identifier(keys, attributes, attribute_rows())
    expected = item(**{START: stored}, PatientID="P1", AdmissionID=None, AdmittingDiagnosesCodeSequence=[])
    assert response == expected
    assert [element.VR for element in response] == ["SQ", "LO", "LO", "DT"]


def test_times_in_items_have_the_offset_of_the_data_set():
    performed = "UnifiedProcedureStepPerformedProcedureSequence"
    times = [item(PerformedProcedureStepStartDateTime=f"20260302{hour}") for hour in ("09", "10")]
    key = item(TimezoneOffsetFromUTC="+0000", **{performed: [item(PerformedProcedureStepStartDateTime="2026030209")]})
    attributes = item(TimezoneOffsetFromUTC="+0100", **{performed: times})
    assert matches(key, attributes, EVERY_TIME)
    assert list(response_identifier(key, attributes, EVERY_TIME)[performed].value) == times[1:]
    assert not matches(key, item(TimezoneOffsetFromUTC="+0100", **{performed: times[:1]}), EVERY_TIME)


def test_nor_does_a_deeper_item_lose_it():
    rows = {"InputInformationSequence": Row(**EVERY_TIME)}
    performed = "UnifiedProcedureStepPerformedProcedureSequence"
    times = [item(PerformedProcedureStepStartDateTime=f"20260302{hour}") for hour in ("09", "10")]
    asked = item(**{performed: [item(PerformedProcedureStepStartDateTime="2026030209+0000")]})
    attributes = item(TimezoneOffsetFromUTC="+0100", InputInformationSequence=[item(**{performed: times})])
    found = response_identifier(item(InputInformationSequence=[asked]), attributes, rows)
    assert found == item(InputInformationSequence=[item(**{performed: times[1:]})])


def test_without_any_offset_both_are_local():
    assert matches(item(**{START: "2026030210"}), item(**{START: "2026030210"}), attribute_rows())


def test_what_is_not_stored_matches_no_value():
    assert not match([key_of(PatientID="P1")], item(PatientSex="F"))
    assert not match([key_of(**{STATION: [item(CodeValue="A")]})], item(PatientSex="F"))


def test_a_stored_value_of_another_kind_matches_nothing():
    text, sequence = key_of(PatientID="P1"), key_of(**{STATION: [item(CodeValue="A")]})
    odd = Dataset()
    odd[text.tag] = DataElement(text.tag, "SQ", [item(PatientID="P1")])
    odd[sequence.tag] = DataElement(sequence.tag, "LO", "A")
    assert not match([text], odd)
    assert not match([key_of(PatientID="?*")], odd)
    assert not match([sequence], odd)
    assert respond([text, sequence], odd) == odd  # as it is


def test_what_is_sent_for_a_stored_element_may_be_another():
    keys = keys_of(item(PatientID=None, AdmissionID=None, **{STATION: [item(CodeValue=None)]}), attribute_rows())
    stored = item(PatientID="P1", **{STATION: [code("A")]})
    response = respond(keys, stored, answer=lambda key, make: DataElement(key.tag, "LO", f"({make().value or ''})"))
    assert [response[key.tag].value for key in keys[:2]] == ["(P1)", "()"]
    assert "A" in response[keys[2].tag].value


@pytest.mark.parametrize(
    ("keyword", "value", "texts"),
    [
        ("PatientID", None, ()),
        ("PatientID", "", ()),
        ("PatientID", "P1", ("P1",)),
        ("MedicalAlerts", ["a", "", "b"], ("a", "b")),
        ("PatientName", "Doe^Jane", ("Doe^Jane",)),
        ("OtherPatientNames", ["A^B", "C"], ("A^B", "C")),
        ("Rows", 5, ("5",)),
        ("EncapsulatedDocument", b"", ()),
        ("EncapsulatedDocument", b"x", ("b'x'",)),
    ],
)
def test_values_as_text(keyword, value, texts):
    assert strings(item(**{keyword: value})[keyword]) == texts


@pytest.mark.parametrize(
    ("vr", "form"),
    [*((vr, " A^") for vr in ("UT", "LT", "ST", "UC", "UR")), *((vr, "A^") for vr in ("LO", "SH", "AE", "CS")), ("PN", " a")],
)
def test_spaces_that_do_not_count(vr, form):
    assert text_form(vr)(" A^ ") == form


def test_only_one_item_has_to_match():
    keys = keys_of(
        item(InputInformationSequence=[item(ReferencedSOPSequence=[item(ReferencedSOPInstanceUID="1.6")])]), attribute_rows()
    )
    inputs = [reference("1.2", "1.5"), reference("1.2", "1.6")]
    response = respond(keys, item(InputInformationSequence=inputs))
    assert response == item(InputInformationSequence=[item(ReferencedSOPSequence=[item(ReferencedSOPInstanceUID="1.6")])])

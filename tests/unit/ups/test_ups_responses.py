"""Response identifiers [CC.2.8.1.3.2]: what was asked for comes back, and nothing else."""

from io import BytesIO

import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from ups_samples import PUSH, code, item, reference, workitem

from tdwii_conformance.ups import Worklist

STATION = "ScheduledStationNameCodeSequence"
UID = "1.2.3.1"


def on_the_wire(dataset, implicit_vr):
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit_vr
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def as_dict(dataset):
    return {
        element.keyword: [as_dict(one) for one in element.value] if element.VR == "SQ" else str(element.value or "")
        for element in dataset
    }


@pytest.fixture(params=["plain", "implicit VR", "explicit VR"])
def response(request):
    """Return the one response to a query, as its receiver decodes it; also when it came with encoded elements."""

    def respond(keys, **stored):
        worklist = Worklist()
        assert worklist.create(UID, workitem(**stored)).status == 0
        if request.param == "plain":
            (found,) = worklist.find(item(**keys))
            return as_dict(found)
        implicit_vr = request.param == "implicit VR"
        (found,) = worklist.find(item(**keys), implicit_vr)
        return as_dict(read_dataset(BytesIO(on_the_wire(found, implicit_vr)), implicit_vr, True))

    return respond


def test_only_the_keys_asked_for(response):
    assert response({"SOPInstanceUID": None, "PatientID": "P*", "PatientName": None}) == {
        "SOPInstanceUID": UID,
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
    }


def test_sop_class_is_ups_push(response):
    assert response({"SOPClassUID": None})["SOPClassUID"] == PUSH


def test_a_key_without_value_comes_back_empty(response):
    keys = {"AdmissionID": None, "AdmittingDiagnosesCodeSequence": [], "ScheduledStationClassCodeSequence": [item()]}
    assert response({"SOPInstanceUID": None, **keys}) == {
        "SOPInstanceUID": UID,
        "AdmissionID": "",
        "AdmittingDiagnosesCodeSequence": [],
        "ScheduledStationClassCodeSequence": [],
    }


@pytest.mark.parametrize("asked", [None, "1.2.3", "*"])
def test_the_transaction_uid_never_comes_back(response, asked):
    assert response({"SOPInstanceUID": None, "TransactionUID": asked}) == {"SOPInstanceUID": UID}


@pytest.mark.parametrize("asked", [[], [item()]], ids=["zero length", "empty item"])
def test_a_sequence_asked_for_whole(response, asked):
    stored = [code("A", "S", "first"), code("B", "S", "second")]
    assert response({STATION: asked}, **{STATION: stored}) == {STATION: [as_dict(one) for one in stored]}


def test_only_matching_items_with_only_requested_attributes(response):
    stored = [code("A", "S", "first"), code("B", "S", "second")]
    found = response({STATION: [item(CodeValue="B", CodeMeaning=None)]}, **{STATION: stored})
    assert found == {STATION: [{"CodeValue": "B", "CodeMeaning": "second"}]}


def test_requested_attributes_of_deeper_items(response):
    stored = [reference("1.2.840.1", "1.2.5", "OST"), reference("1.2.840.2", "1.2.6", "TMS")]
    key = item(ReferencedSOPSequence=[item(ReferencedSOPInstanceUID="1.2.6")], DICOMRetrievalSequence=[])
    assert response({"InputInformationSequence": [key]}, InputInformationSequence=stored) == {
        "InputInformationSequence": [
            {
                "ReferencedSOPSequence": [{"ReferencedSOPInstanceUID": "1.2.6"}],
                "DICOMRetrievalSequence": [{"RetrieveAETitle": "TMS"}],
            }
        ]
    }


def test_parameters_are_no_key_but_their_attributes_can_be_asked_for(response):
    found = response({"ScheduledProcessingParametersSequence": [item(ValueType="CODE", TextValue="nothing")]})
    assert found["ScheduledProcessingParametersSequence"] == [
        {"ValueType": "TEXT", "TextValue": "TREATMENT"},
        {"ValueType": "TEXT", "TextValue": "Prostate"},
    ]


@pytest.mark.parametrize(
    ("name", "label", "asked", "character_set"),
    [
        ("Doe^Jane", "Linac", ("PatientName", "WorklistLabel"), None),
        ("Müller^Jörg", "Linac", ("PatientName", "WorklistLabel"), "ISO_IR 100"),
        ("Müller^Jörg", "Linac", ("WorklistLabel",), None),  # not for its own content
        ("山田^太郎", "Linac", ("PatientName",), "ISO_IR 192"),
    ],
)
def test_specific_character_set_when_the_response_needs_one(response, name, label, asked, character_set):
    found = response(dict.fromkeys(asked), PatientName=name, WorklistLabel=label, SpecificCharacterSet="ISO_IR 192")
    assert found.get("SpecificCharacterSet") == character_set
    assert found.get("PatientName", name) == name


def test_specific_character_set_for_text_in_items(response):
    found = response({STATION: []}, **{STATION: [code("A", "S", "Gerät")]}, SpecificCharacterSet="ISO_IR 100")
    assert found == {"SpecificCharacterSet": "ISO_IR 100", STATION: [as_dict(code("A", "S", "Gerät"))]}


def test_named_keys_in_items_keep_their_text(response):
    found = response(
        {STATION: [item(CodeValue="A", CodeMeaning=None)]},
        **{STATION: [code("A", "S", "Gerät")]},
        SpecificCharacterSet="ISO_IR 100",
    )
    assert found[STATION] == [{"CodeValue": "A", "CodeMeaning": "Gerät"}]


@pytest.mark.parametrize(
    ("stored", "asked", "expected"),
    [
        ("+0100", "ScheduledProcedureStepStartDateTime", "+0100"),
        ("+0100", "PatientID", None),
        (None, "ScheduledProcedureStepStartDateTime", None),
    ],
)
def test_timezone_offset_when_there_are_times(response, stored, asked, expected):
    found = response({asked: None}, **({"TimezoneOffsetFromUTC": stored} if stored else {}))
    assert found.get("TimezoneOffsetFromUTC") == expected
    assert set(found) <= {asked, "TimezoneOffsetFromUTC"}


def test_neither_of_the_two_is_echoed(response):
    keys = {"SpecificCharacterSet": "ISO_IR 192", "TimezoneOffsetFromUTC": "+0200", "PatientID": None}
    assert response(keys) == {"PatientID": "P1"}


def test_multiple_values_all_come_back(response):
    found = response({"MedicalAlerts": "latex"}, MedicalAlerts=["latex", "pacemaker"])
    assert found == {"MedicalAlerts": "['latex', 'pacemaker']"}

"""What N-CREATE and N-SET may bring: cases worked out by hand from `ups_attributes.csv` and `ups.md` sections 8, 9, 11."""

import pytest
from pydicom.dataelem import DataElement
from ups_samples import LOCK, code, item, performed, reference, text_parameter, workitem

from tdwii_conformance.ups.requests import refuse_creation, refuse_modification

PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = "ProcedureStepProgressInformationSequence"
REFERENCE = reference("1.2.840.10008.5.1.4.1.1.481.5", "1.2.3")


def without(dataset, *keywords):
    for keyword in keywords:
        delattr(dataset, keyword)
    return dataset


def nested(dataset, **changes):
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def refused(refusal):
    return None if refusal is None else (f"{refusal.status:04X}", refusal.comment)


TYPE_1 = (
    "ScheduledProcedureStepPriority", "ProcedureStepLabel", "ScheduledProcedureStepStartDateTime", "InputReadinessState",
    "ProcedureStepState",
)  # fmt: skip
TYPE_2 = (
    "TransactionUID", "WorklistLabel", "ScheduledProcessingParametersSequence", "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence", "CommentsOnTheScheduledProcedureStep", "InputInformationSequence", "PatientName",
    "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "PatientBirthDate",
    "PatientSex", "AdmissionID", "IssuerOfAdmissionIDSequence", "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence", "ReferencedRequestSequence", PROGRESS, PERFORMED,
)  # fmt: skip


def test_a_complete_workitem_is_created():
    assert refuse_creation(workitem()) is None


@pytest.mark.parametrize("keyword", TYPE_1 + TYPE_2)
def test_what_is_missing_is_named(keyword):
    assert refused(refuse_creation(workitem(**{keyword: ...}))) == ("0120", keyword)


@pytest.mark.parametrize("keyword", TYPE_1)
def test_type_1_needs_a_value(keyword):
    assert refused(refuse_creation(workitem(**{keyword: None}))) == ("0121", keyword)


@pytest.mark.parametrize("keyword", TYPE_2)
def test_type_2_may_be_empty(keyword):
    assert refuse_creation(workitem(**{keyword: [] if keyword.endswith("Sequence") else None})) is None


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "PatientID"])
def test_a_condition_that_only_people_can_tell_is_believed(keyword):
    assert refuse_creation(workitem(**{keyword: ...})) is None


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"ProcedureStepState": "IN PROGRESS"}, "C309", "ProcedureStepState"),
        ({"ProcedureStepState": "scheduled"}, "C309", "ProcedureStepState"),
        ({"TransactionUID": LOCK}, "0106", "TransactionUID"),
        ({PROGRESS: [item(ProcedureStepProgress="5")]}, "0106", PROGRESS),
        ({PERFORMED: [performed()]}, "0106", PERFORMED),
        ({"ScheduledProcedureStepPriority": "URGENT"}, "0106", "ScheduledProcedureStepPriority: URGENT"),
        ({"ScheduledProcedureStepPriority": ["HIGH", "LOW"]}, "0106", "ScheduledProcedureStepPriority"),
        ({"InputReadinessState": "YES"}, "0106", "InputReadinessState: YES"),
        ({"ScheduledProcedureStepStartDateTime": "tomorrow"}, "0106", "ScheduledProcedureStepStartDateTime: tomorrow"),
        ({"ScheduledProcedureStepStartDateTime": "20260101-20260102"}, "0106", "ScheduledProcedureStepStartDateTime"),
        ({"PatientBirthDate": "19613112"}, "0106", "PatientBirthDate"),
        ({"StudyInstanceUID": "1.2.x"}, "0106", "StudyInstanceUID"),
        ({"PatientID": "x" * 65}, "0106", "PatientID"),
        ({"ScheduledStationNameCodeSequence": [item(CodeValue="A", CodingSchemeDesignator="B")]}, "0120",
         "ScheduledStationNameCodeSequence[0].CodeMeaning"),
        ({"ScheduledStationNameCodeSequence": [code("A"), code("A", "B", None)]}, "0121",
         "ScheduledStationNameCodeSequence[1].CodeMeaning"),
        ({"ScheduledStationNameCodeSequence": [code("A", None)]}, "0121",
         "ScheduledStationNameCodeSequence[0].CodingSchemeDesignator"),
        ({"ScheduledStationNameCodeSequence": [item(CodeMeaning="no code")]}, "0120",
         "ScheduledStationNameCodeSequence[0].CodeValue"),
        ({"InputInformationSequence": [nested(reference("1.2", "1.3"), TypeOfInstances="FILE")]}, "0106",
         "InputInformationSequence[0].TypeOfInstances: FILE"),
        ({"InputInformationSequence": [without(reference("1.2", "1.3"), "DICOMRetrievalSequence")]}, "0120",
         "InputInformationSequence[0].DICOMRetrievalSequence"),
        ({"InputInformationSequence": [nested(reference("1.2", "1.3"), DICOMRetrievalSequence=[item()])]}, "0120",
         "InputInformationSequence[0].DICOMRetrievalSequence[0].RetrieveAETitle"),
        ({"ScheduledProcessingParametersSequence": [without(text_parameter(code("1"), "x"), "TextValue")]}, "0120",
         "ScheduledProcessingParametersSequence[0].TextValue"),
        ({"ScheduledProcessingParametersSequence": [nested(text_parameter(code("1"), "x"), ValueType="NUM")]}, "0106",
         "ScheduledProcessingParametersSequence[0].ValueType: NUM"),
        ({"OtherPatientIDsSequence": [item(PatientID="P2")]}, "0120", "OtherPatientIDsSequence[0].IssuerOfPatientID"),
    ],
)  # fmt: skip
def test_creation_is_refused(changes, status, named):
    refusal = refuse_creation(workitem(**changes))
    assert refusal is not None
    assert f"{refusal.status:04X}" == status
    assert refusal.comment.startswith(named)


@pytest.mark.parametrize(
    "changes",
    [
        {"ScheduledStationNameCodeSequence": [item(LongCodeValue="A" * 20, CodingSchemeDesignator="B", CodeMeaning="m")]},
        {"ScheduledStationNameCodeSequence": [item(URNCodeValue="urn:oid:1.2", CodeMeaning="m")]},
        {"InputInformationSequence": [nested(without(reference("1.2", "1.3"), "DICOMRetrievalSequence"),
                                             WADORSRetrievalSequence=[item(RetrieveURL="https://ost/")])]},
        {"ExpectedCompletionDateTime": "2026030211+0100"},
        {"OutputDestinationSequence": []},
        {"StudyDescription": "not in the table, so optional"},
    ],
)  # fmt: skip
def test_creation_is_granted(changes):
    assert refuse_creation(workitem(**changes)) is None


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"ProcedureStepState": "COMPLETED"}, "0106", "ProcedureStepState cannot be set"),
        ({"PatientID": "P1"}, "0106", "PatientID cannot be set"),
        ({"PatientName": "Doe^Jane"}, "0106", "PatientName cannot be set"),
        ({"SOPInstanceUID": "1.2"}, "0106", "SOPInstanceUID cannot be set"),
        ({"SOPClassUID": "1.2"}, "0106", "SOPClassUID cannot be set"),
        ({"ReferencedRequestSequence": []}, "0106", "ReferencedRequestSequence cannot be set"),
        ({"ScheduledProcedureStepModificationDateTime": "2026"}, "0106", "ScheduledProcedureStepModificationDateTime"),
        ({"WorklistLabel": None}, "0121", "WorklistLabel"),
        ({"ScheduledWorkitemCodeSequence": []}, "0121", "ScheduledWorkitemCodeSequence"),
        ({"InputReadinessState": "MAYBE"}, "0106", "InputReadinessState: MAYBE"),
        ({PROGRESS: [item(ProcedureStepCommunicationsURISequence=[item(ContactDisplayName="x")])]}, "0121",
         f"{PROGRESS}[0].ProcedureStepCommunicationsURISequence[0].ContactURI"),
        ({PROGRESS: [item(ProcedureStepDiscontinuationReasonCodeSequence=[item(CodeValue="1")])]}, "0121",
         f"{PROGRESS}[0].ProcedureStepDiscontinuationReasonCodeSequence[0].CodingSchemeDesignator"),
        ({PROGRESS: [item(ProcedureStepProgressParametersSequence=[without(text_parameter(code("1"), "x"), "TextValue")])]},
         "0121", f"{PROGRESS}[0].ProcedureStepProgressParametersSequence[0].TextValue"),
        ({PERFORMED: [performed(PerformedProcedureStepEndDateTime="noon")]}, "0106",
         f"{PERFORMED}[0].PerformedProcedureStepEndDateTime: noon"),
        ({PERFORMED: [performed(OutputInformationSequence=[item(TypeOfInstances="DICOM")])]}, "0121",
         f"{PERFORMED}[0].OutputInformationSequence[0].ReferencedSOPSequence"),
    ],
)  # fmt: skip
def test_modification_is_refused(changes, status, named):
    refusal = refuse_modification(item(**changes))
    assert refusal is not None
    assert f"{refusal.status:04X}" == status
    assert refusal.comment.startswith(named)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"WorklistLabel": "Linac 2"},
        {"ScheduledStationNameCodeSequence": []},
        {"StudyInstanceUID": None},
        {PROGRESS: [item(ProcedureStepProgress="50", ProcedureStepProgressDescription="half")]},
        {PROGRESS: [item(ProcedureStepProgressParametersSequence=[text_parameter(code("1"), "beam")])]},
        {PERFORMED: [performed()]},
        {PERFORMED: [performed(OutputInformationSequence=[REFERENCE])]},
        {PERFORMED: [performed(OutputInformationSequence=...)]},
        {"OtherPatientIDsSequence": [item(PatientID="P2", IssuerOfPatientID=None,
                                          IssuerOfPatientIDQualifiersSequence=[])]},
    ],
)  # fmt: skip
def test_modification_is_granted(changes):
    assert refused(refuse_modification(item(**changes))) is None


def test_a_sequence_must_be_one():
    dataset = workitem()
    dataset[0x00404025] = DataElement(0x00404025, "LO", "LINAC1")
    assert refused(refuse_creation(dataset)) == ("0106", "ScheduledStationNameCodeSequence has VR LO, not SQ")


PRIVATE = DataElement(0x00111001, "LO", "x" * 65)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"ProcedureStepState": "IN PROGRESS"}, "C309", "ProcedureStepState is IN PROGRESS"),
        ({"TransactionUID": LOCK}, "0106", "TransactionUID is created empty"),
        ({"SOPInstanceUID": "1.2"}, "0106", "SOPInstanceUID is created empty"),
        ({"ReferencedDateTime": ["2026", "noon"]}, "0106", "ReferencedDateTime: noon is no DT"),
        ({PERFORMED: [performed()]}, "0106", f"{PERFORMED} is created empty"),
        ({"ScheduledProcedureStepPriority": "URGENT"}, "0106",
         "ScheduledProcedureStepPriority: URGENT is not one of HIGH, MEDIUM, LOW"),
        ({"ScheduledProcedureStepPriority": ["HIGH", "LOW"]}, "0106", "ScheduledProcedureStepPriority: has more than one value"),
        ({"ScheduledProcedureStepStartDateTime": "tomorrow"}, "0106", "ScheduledProcedureStepStartDateTime: tomorrow is no DT"),
        ({"PatientBirthDate": "19613112"}, "0106", "PatientBirthDate: 19613112 is no DA"),
        ({"StudyDescription": ["a", "b"]}, "0106", "StudyDescription: has more than one value"),
        ({"StudyTime": "noon"}, "0106", "StudyTime: noon is no TM"),
        ({"StudyDescription": "not in the table", "PatientBirthDate": "x"}, "0106", "PatientBirthDate: x is no DA"),
        ({"ReferencedStudySequence": [item(), item(StudyDate="x")]}, "0106", "ReferencedStudySequence[1].StudyDate: x is no DA"),
        ({"InputInformationSequence": [reference("1.2", "1.3"), nested(reference("1.2", "1.3"), DICOMRetrievalSequence=[item()])]},
         "0120", "InputInformationSequence[1].DICOMRetrievalSequence[0].RetrieveAETitle"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_creation(changes, status, said):
    assert refused(refuse_creation(workitem(**changes))) == (status, said)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"ProcedureStepState": "COMPLETED"}, "0106", "ProcedureStepState cannot be set"),
        ({"TransactionUID": LOCK}, "0106", "TransactionUID cannot be set"),
        ({"WorklistLabel": None}, "0121", "WorklistLabel"),
        ({"InputReadinessState": "MAYBE"}, "0106", "InputReadinessState: MAYBE is not one of READY, UNAVAILABLE, INCOMPLETE"),
        ({PERFORMED: [performed(), performed(PerformedProcedureStepEndDateTime="noon")]}, "0106",
         f"{PERFORMED}[1].PerformedProcedureStepEndDateTime: noon is no DT"),
        ({PERFORMED: [performed(OutputInformationSequence=[REFERENCE, without(reference("1.2", "1.3"), "TypeOfInstances")])]},
         "0121", f"{PERFORMED}[0].OutputInformationSequence[1].TypeOfInstances"),
        ({"StudyDescription": "kept", "PatientID": "P1"}, "0106", "PatientID cannot be set"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_modification(changes, status, said):
    assert refused(refuse_modification(item(**changes))) == (status, said)


def test_a_private_attribute_is_judged_by_its_vr():
    dataset = workitem()
    dataset[PRIVATE.tag] = DataElement(PRIVATE.tag, "LO", ["any", "number"])
    assert refuse_creation(dataset) is None
    dataset[PRIVATE.tag] = PRIVATE
    status, said = refused(refuse_creation(dataset))
    assert status == "0106"
    assert said.startswith("(0011,1001): ")
    assert "64" in said  # the most that LO may have


@pytest.mark.parametrize(
    "changes",
    [
        {"MedicalAlerts": ["latex", "pacemaker"]},
        {"TextValue": "x" * 2000},
        {"Rows": 3},
        {"PatientBirthDate": ""},
        {"ReferencedStudySequence": []},
        {"ReferencedStudySequence": [item(StudyDate="20260302", StudyDescription=None)]},
    ],
)
def test_what_breaks_no_rule_is_taken(changes):
    assert refused(refuse_creation(workitem(**changes))) is None

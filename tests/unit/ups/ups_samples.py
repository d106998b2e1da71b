"""Workitems for the tests of the UPS model, complete by PS3.4 table CC.2.5-3: all of type 1 filled, all of type 2 there."""

from __future__ import annotations

from typing import Any

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

PUSH = "1.2.840.10008.5.1.4.34.6.1"
LOCK, OTHER_LOCK = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"


def item(**attributes: Any) -> Dataset:
    """Return a data set of any values, as a peer might send them."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        tag = Tag(keyword)
        dataset[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)
    return dataset


def code(value: str, scheme: str | None = "99TEST", meaning: str | None = "meaning") -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def text_parameter(concept: Dataset, text: str) -> Dataset:
    return item(ValueType="TEXT", ConceptNameCodeSequence=[concept], TextValue=text)


def reference(sop_class: str, instance: str, ae_title: str = "OST") -> Dataset:
    return item(
        TypeOfInstances="DICOM",
        StudyInstanceUID="1.2.3.4",
        SeriesInstanceUID="1.2.3.4.5",
        ReferencedSOPSequence=[item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)],
        DICOMRetrievalSequence=[item(RetrieveAETitle=ae_title)],
    )


def workitem(**changes: Any) -> Dataset:
    """Return an attribute list for N-CREATE; a change of ``...`` leaves the attribute out."""
    attributes: dict[str, Any] = {
        "TransactionUID": None,
        "ScheduledProcedureStepPriority": "MEDIUM",
        "ProcedureStepLabel": "RT Treatment",
        "WorklistLabel": "Linac 1",
        "ScheduledProcessingParametersSequence": [
            text_parameter(code("121740", "DCM", "Treatment Delivery Type"), "TREATMENT"),
            text_parameter(code("2018001", "99IHERO2018", "Plan Label"), "Prostate"),
        ],
        "ScheduledStationNameCodeSequence": [code("LINAC1", "99STATION", "Linac 1")],
        "ScheduledStationClassCodeSequence": [],
        "ScheduledStationGeographicLocationCodeSequence": [],
        "ScheduledProcedureStepStartDateTime": "20260302103000",
        "ScheduledWorkitemCodeSequence": [code("121726", "DCM", "RT Treatment with Internal Verification")],
        "CommentsOnTheScheduledProcedureStep": None,
        "InputReadinessState": "READY",
        "InputInformationSequence": [
            reference("1.2.840.10008.5.1.4.1.1.481.5", "1.2.3.4.5.6"),
            reference("1.2.840.10008.5.1.4.34.7", "1.2.3.4.5.7", "TMS"),
        ],
        "StudyInstanceUID": "1.2.3.9",
        "PatientName": "Doe^Jane",
        "PatientID": "P1",
        "IssuerOfPatientID": "Clinic",
        "IssuerOfPatientIDQualifiersSequence": [],
        "OtherPatientIDsSequence": [],
        "PatientBirthDate": "19610212",
        "PatientSex": "F",
        "AdmissionID": None,
        "IssuerOfAdmissionIDSequence": [],
        "AdmittingDiagnosesDescription": None,
        "AdmittingDiagnosesCodeSequence": [],
        "ReferencedRequestSequence": [],
        "ProcedureStepState": "SCHEDULED",
        "ProcedureStepProgressInformationSequence": [],
        "UnifiedProcedureStepPerformedProcedureSequence": [],
    }
    attributes.update(changes)
    return item(**{keyword: value for keyword, value in attributes.items() if value is not ...})


def performed(**changes: Any) -> Dataset:
    """Return an item of the performed sequence that meets the final state requirements for COMPLETED."""
    attributes: dict[str, Any] = {
        "PerformedStationNameCodeSequence": [code("LINAC1", "99STATION", "Linac 1")],
        "PerformedProcedureStepStartDateTime": "20260302103100",
        "PerformedWorkitemCodeSequence": [code("121726", "DCM", "RT Treatment with Internal Verification")],
        "PerformedProcedureStepEndDateTime": "20260302104000",
        "OutputInformationSequence": [],
    }
    attributes.update(changes)
    return item(**{keyword: value for keyword, value in attributes.items() if value is not ...})

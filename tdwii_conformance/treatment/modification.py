"""Modification lists for N-SET: two values of every attribute that may be changed, and changes to be refused [PS3.4 CC.2.6]."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsTreatmentRecordStorage, SecondaryCaptureImageStorage, generate_uid

from ..profile.ups_service import UPS
from ..profile.ups_tables import attribute_rows
from .messages import code_item, item

MODIFIED = "ScheduledProcedureStepModificationDateTime"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
ROWS = attribute_rows()
CHANGEABLE = [row for row in ROWS.values() if row.set == "3"]
# Type 3/2 leaves the SCP free to support the attribute; what a Final State needs it does not [CC.2.1.3].
SUPPORTED = [row.keyword for row in CHANGEABLE if row.set_scp == "1" or row.final in ("P", "X")]
OPTIONAL = [row.keyword for row in CHANGEABLE if row.set_scp == "2" and row.keyword not in SUPPORTED]
FREE = [row.keyword for row in CHANGEABLE if row.set_scp == "3"]
NEVER_EMPTY = [row.keyword for row in CHANGEABLE if row.set_scp == "1"]
SEQUENCES = [row.keyword for row in CHANGEABLE if row.vr == "SQ"]
MAY_BE_EMPTY = [keyword for keyword in SEQUENCES if ROWS[keyword].set_scp == "2"]
# Transaction UID is what makes an N-SET right or wrong, and has requirements of its own.
FIXED = [k for k, row in ROWS.items() if row.set in ("not allowed", "special", "-") and k != "TransactionUID"]

STUDIES = (generate_uid(), generate_uid())
OUTPUTS = (generate_uid(), generate_uid(), generate_uid())


class Session(Protocol):
    """What has to be known of a treatment session.

    Attributes
    ----------
    workitem : object
        What is treated, with `start` (datetime) and `inputs` (references).
    ost : str
        AE title of the OST.
    """

    workitem: Any
    ost: str


def coded(value: str, **more: Any) -> Dataset:
    """Return a code of our own, with more attributes."""
    entry = code_item(value, "99TDWII", f"Conformance test {value}")
    entry.update(item(**more))
    return entry


def content(value: str, text: str, **more: Any) -> Dataset:
    """Return a content item with a text."""
    return item(ValueType="TEXT", ConceptNameCodeSequence=coded(value), TextValue=text, **more)


def number(value: str, figure: str) -> Dataset:
    """Return a content item with a number, in cm."""
    unit = code_item("cm", "UCUM", "cm")
    named = coded(value)
    return item(ValueType="NUMERIC", ConceptNameCodeSequence=named, NumericValue=figure, MeasurementUnitsCodeSequence=unit)


def stored_instance(sop_class: str, instance: str, ae_title: str, study: str = STUDIES[0], series: str = STUDIES[1]) -> Dataset:
    """Return a reference to an instance and where it can be retrieved."""
    return item(
        TypeOfInstances="DICOM", StudyInstanceUID=study, SeriesInstanceUID=series,
        ReferencedSOPSequence=item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance),
        DICOMRetrievalSequence=item(RetrieveAETitle=ae_title),
    )  # fmt: skip


def performer(code: str, name: str, **more: Any) -> Dataset:
    """Return a human performer."""
    return item(HumanPerformerCodeSequence=coded(code), HumanPerformerName=name, **more)


def rich(session: Session) -> dict[str, Any]:
    """Return a value of every attribute that N-SET may change: sequences have two items if they may, and much in them."""
    workitem = session.workitem
    moment = workitem.start
    inputs = [stored_instance(r.sop_class, r.instance, r.ae_title, r.study, r.series) for r in workitem.inputs]
    modifier = content("MODIFIER", "first modifier")
    progress = item(
        ProcedureStepProgress="35", ProcedureStepProgressDescription="Gating",
        ProcedureStepProgressParametersSequence=[
            content("PARAMETER1", "first", ContentItemModifierSequence=modifier), number("PARAMETER2", "2"),
        ],
        ProcedureStepCommunicationsURISequence=[
            item(ContactURI="tel:+1-555-0100", ContactDisplayName="Console"), item(ContactURI="tel:+1-555-0101"),
        ],
        ProcedureStepCancellationDateTime=f"{moment:%Y%m%d%H%M%S}", ReasonForCancellation="none so far",
        ProcedureStepDiscontinuationReasonCodeSequence=[coded("REASON1"), coded("REASON2")],
    )  # fmt: skip
    performed = item(
        ActualHumanPerformersSequence=[
            performer("PERSON1", "Doe^Jane", HumanPerformerOrganization="Clinic"), performer("PERSON2", "Doe^John"),
        ],
        PerformedStationNameCodeSequence=[coded("NAME1"), coded("NAME2")],
        PerformedStationClassCodeSequence=[coded("CLASS1"), coded("CLASS2")],
        PerformedStationGeographicLocationCodeSequence=[coded("PLACE1"), coded("PLACE2")],
        PerformedProcedureStepStartDateTime=f"{moment:%Y%m%d%H%M%S}",
        PerformedProcedureStepDescription="First part", CommentsOnThePerformedProcedureStep="As planned",
        PerformedWorkitemCodeSequence=code_item("121726", "DCM", "RT Treatment with Internal Verification"),
        PerformedProcessingParametersSequence=[content("PARAMETER1", "first"), number("PARAMETER2", "2")],
        PerformedProcedureStepEndDateTime=f"{moment + timedelta(minutes=5):%Y%m%d%H%M%S}",
        OutputInformationSequence=[stored_instance(RTBeamsTreatmentRecordStorage, one, session.ost) for one in OUTPUTS[:2]],
    )  # fmt: skip
    return {
        "ScheduledProcedureStepPriority": "HIGH",
        "ProcedureStepLabel": "First label",
        "WorklistLabel": "First worklist",
        "ScheduledProcessingParametersSequence": [content("PARAMETER1", "first"), number("PARAMETER2", "2")],
        "ScheduledStationNameCodeSequence": [coded("NAME1", CodingSchemeVersion="1"), coded("NAME2")],
        "ScheduledStationClassCodeSequence": [coded("CLASS1", CodingSchemeVersion="1"), coded("CLASS2")],
        "ScheduledStationGeographicLocationCodeSequence": [coded("PLACE1", CodingSchemeVersion="1"), coded("PLACE2")],
        "ScheduledHumanPerformersSequence": [
            performer("PERSON1", "Doe^Jane", HumanPerformerOrganization="Clinic"),
            performer("PERSON2", "Doe^John", HumanPerformerOrganization="Clinic"),
        ],
        "ScheduledProcedureStepStartDateTime": f"{moment + timedelta(hours=1):%Y%m%d%H%M%S}",
        "ExpectedCompletionDateTime": f"{moment + timedelta(hours=2):%Y%m%d%H%M%S}",
        "ScheduledProcedureStepExpirationDateTime": f"{moment + timedelta(days=1):%Y%m%d%H%M%S}",
        "ScheduledWorkitemCodeSequence": [code_item("121726", "DCM", "RT Treatment with Internal Verification")],
        "CommentsOnTheScheduledProcedureStep": "First comment",
        "InputReadinessState": "INCOMPLETE",
        "InputInformationSequence": inputs[::-1],
        "StudyInstanceUID": STUDIES[0],
        "OutputDestinationSequence": [
            item(DICOMStorageSequence=item(DestinationAE="ARCHIVE1"), ReferencedSOPClassUID=RTBeamsTreatmentRecordStorage),
            item(DICOMStorageSequence=item(DestinationAE="ARCHIVE2")),
        ],
        "OtherPatientIDsSequence": [item(PatientID="OTHER1", TypeOfPatientID="TEXT"), item(PatientID="OTHER2")],
        "ReferencedPatientPhotoSequence": [
            stored_instance(SecondaryCaptureImageStorage, one, session.ost) for one in OUTPUTS[:2]
        ],
        "MedicalAlerts": ["First alert", "Second alert"],
        "PregnancyStatus": 1,
        "SpecialNeeds": "First need",
        PROGRESS: [progress],
        PERFORMED: [performed],
    }  # fmt: skip


def poor(session: Session) -> dict[str, Any]:
    """Return another value of every attribute that N-SET may change: sequences have one item, and little in it."""
    workitem = session.workitem
    moment = workitem.start + timedelta(minutes=1)
    inputs = [stored_instance(r.sop_class, r.instance, r.ae_title, r.study, r.series) for r in workitem.inputs]
    performed = item(
        PerformedStationNameCodeSequence=coded("NAME3"),
        PerformedProcedureStepStartDateTime=f"{moment:%Y%m%d%H%M%S}",
        PerformedWorkitemCodeSequence=code_item("121727", "DCM", "RT Treatment with External Verification"),
        OutputInformationSequence=stored_instance(RTBeamsTreatmentRecordStorage, OUTPUTS[2], session.ost),
    )
    return {
        "ScheduledProcedureStepPriority": "LOW",
        "ProcedureStepLabel": "Second label",
        "WorklistLabel": "Second worklist",
        "ScheduledProcessingParametersSequence": [content("PARAMETER3", "third")],
        "ScheduledStationNameCodeSequence": [coded("NAME3")],
        "ScheduledStationClassCodeSequence": [coded("CLASS3")],
        "ScheduledStationGeographicLocationCodeSequence": [coded("PLACE3")],
        "ScheduledHumanPerformersSequence": [performer("PERSON3", "Roe^Jane", HumanPerformerOrganization="Practice")],
        "ScheduledProcedureStepStartDateTime": f"{moment + timedelta(hours=2):%Y%m%d%H%M%S}",
        "ExpectedCompletionDateTime": f"{moment + timedelta(hours=3):%Y%m%d%H%M%S}",
        "ScheduledProcedureStepExpirationDateTime": f"{moment + timedelta(days=2):%Y%m%d%H%M%S}",
        "ScheduledWorkitemCodeSequence": [code_item("121727", "DCM", "RT Treatment with External Verification")],
        "CommentsOnTheScheduledProcedureStep": "Second comment",
        "InputReadinessState": "READY",
        "InputInformationSequence": inputs[:1],
        "StudyInstanceUID": STUDIES[1],
        "OutputDestinationSequence": [item(DICOMStorageSequence=item(DestinationAE="ARCHIVE3"))],
        "OtherPatientIDsSequence": [item(PatientID="OTHER3")],
        "ReferencedPatientPhotoSequence": [stored_instance(SecondaryCaptureImageStorage, OUTPUTS[2], session.ost)],
        "MedicalAlerts": "Third alert",
        "PregnancyStatus": 4,
        "SpecialNeeds": "Second need",
        PROGRESS: [item(ProcedureStepProgress="70")],
        PERFORMED: [performed],
    }


def change(values: Mapping[str, Any], keywords: Iterable[str]) -> Dataset:
    """A modification list with some of the values of `rich` or `poor`."""
    return item(**{keyword: values[keyword] for keyword in keywords})


# Values of attributes that N-SET must not change; none is what a workitem has.
FORBIDDEN: Mapping[str, Any] = {
    "SOPClassUID": UPS.PULL,
    "SOPInstanceUID": generate_uid(),
    MODIFIED: "19700101000000",
    "PatientName": "OTHER^PATIENT",
    "PatientID": "OTHERPATIENT",
    "IssuerOfPatientID": "OTHERISSUER",
    "IssuerOfPatientIDQualifiersSequence": item(UniversalEntityID="1.2.3.4", UniversalEntityIDType="ISO"),
    "PatientBirthDate": "19010101",
    "PatientSex": "M",
    "AdmissionID": "OTHERADMISSION",
    "IssuerOfAdmissionIDSequence": item(LocalNamespaceEntityID="OTHERISSUER"),
    "AdmittingDiagnosesDescription": "Other diagnosis",
    "AdmittingDiagnosesCodeSequence": coded("DIAGNOSIS"),
    "ReferencedRequestSequence": item(
        StudyInstanceUID=STUDIES[0], AccessionNumber="OTHER", IssuerOfAccessionNumberSequence=[],
        OrderPlacerIdentifierSequence=[], OrderFillerIdentifierSequence=[], RequestedProcedureID="OTHER",
        RequestedProcedureDescription="Other procedure", RequestedProcedureCodeSequence=[],
    ),
    "ReplacedProcedureStepSequence": item(ReferencedSOPClassUID=UPS.PUSH, ReferencedSOPInstanceUID=OUTPUTS[0]),
    "ProcedureStepState": "COMPLETED",
}  # fmt: skip

# Illegal changes that go along with legal ones; their tags lie before, between and after those of LEGAL.
LEGAL = ("CommentsOnTheScheduledProcedureStep", "WorklistLabel")
ILLEGAL: Mapping[str, tuple[str, Any]] = {
    "not-allowed": ("PatientName", "OTHER^PATIENT"),
    "state": ("ProcedureStepState", "COMPLETED"),
    "empty-type-1": ("ScheduledProcedureStepPriority", ""),
    "undefined-value": ("InputReadinessState", "PERHAPS"),
    "malformed-date-time": ("ScheduledProcedureStepStartDateTime", "NOT A DATE-TIME"),
    "malformed-date-time-in-an-item": (PERFORMED, {"PerformedProcedureStepStartDateTime": "NOT A DATE-TIME"}),
}


def illegal_change(kind: str) -> Dataset:
    """Return a modification list with one of the illegal changes."""
    keyword, value = ILLEGAL[kind]
    with config.disable_value_validation():  # pydicom would have its say about what we send
        return item(**{keyword: item(**value) if isinstance(value, dict) else value})


_numbers = itertools.count(1)


def unwanted() -> Dataset:
    """Return a change that is to be refused; no two are alike, so that one that was stored all the same shows each time."""
    return item(ProcedureStepLabel=f"Not to be stored {next(_numbers)}")

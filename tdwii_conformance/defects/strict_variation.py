"""A TMS that refuses what it may: undeclared text, attributes that a UPS or an action does not have, and all that CC leaves open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.charset import default_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR
from pynetdicom import evt

from ..dcmdump.coding import character_encodings
from ..profile.representations import vr_of_element
from ..profile.ups_tables import AttributeRow, attribute_rows
from .variations import variation

__all__: list[str] = []

NO_SUCH_ATTRIBUTE, NO_SUCH_ARGUMENT = 0x0105, 0x0114
INVALID_VALUE, INVALID_ARGUMENT, CANNOT_PROCESS, DOES_NOT_FIT = 0x0106, 0x0115, 0xC000, 0xA900
# Attributes of Action Information, by Action Type ID [CC.2.1.1, CC.2.2.1, CC.2.3.1].
REASONS = {
    "ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence", "ContactURI", "ContactDisplayName",
    "SpecificCharacterSet",
}  # fmt: skip
ACTIONS = {
    1: {"ProcedureStepState", "TransactionUID"}, 2: REASONS, 4: {"ReceivingAE"}, 5: {"ReceivingAE"},
}  # fmt: skip
# What the modules of a UPS have beyond the table of CC.2.5.1.3, in the order of PS3.3: SOP Common (C.12.1), Patient
# Identification and Demographic (C.2.2, C.2.3), Patient Medical (C.2.4), Visit Identification, Status and Admission (C.3.2 to C.3.4).
MODULES = """
SpecificCharacterSet InstanceCreationDate InstanceCreationTime InstanceCoercionDateTime InstanceCreatorUID
RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID CodingSchemeIdentificationSequence ContextGroupIdentificationSequence
MappingResourceIdentificationSequence TimezoneOffsetFromUTC ContributingEquipmentSequence InstanceNumber SOPInstanceStatus
SOPAuthorizationDateTime SOPAuthorizationComment AuthorizationEquipmentCertificationNumber MACParametersSequence
DigitalSignaturesSequence EncryptedAttributesSequence OriginalAttributesSequence HL7StructuredDocumentReferenceSequence
LongitudinalTemporalInformationModified QueryRetrieveView ConversionSourceAttributesSequence ContentQualification
PrivateDataElementCharacteristicsSequence InstanceOriginStatus BarcodeValue
OtherPatientNames OtherPatientIDs OtherPatientIDsSequence PatientBirthName PatientMotherBirthName MedicalRecordLocator
ReferencedPatientAliasSequence
PatientAge Occupation ConfidentialityConstraintOnPatientDataDescription PatientBirthTime
PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PatientAlternativeCalendar
PatientInsurancePlanCodeSequence PatientPrimaryLanguageCodeSequence PatientSize PatientSizeCodeSequence PatientWeight
PatientBodyMassIndex MeasuredAPDimension MeasuredLateralDimension PatientAddress MilitaryRank BranchOfService CountryOfResidence
RegionOfResidence PatientTelephoneNumbers PatientTelecomInformation EthnicGroup EthnicGroupCodeSequence
PatientReligiousPreference PatientComments PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription
PatientBreedCodeSequence BreedRegistrationSequence StrainDescription StrainNomenclature StrainStockSequence StrainCodeSequence
StrainAdditionalInformation GeneticModificationsSequence ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
ReferencedPatientPhotoSequence QualityControlSubject ClinicalTrialSponsorName
MedicalAlerts Allergies SmokingStatus AdditionalPatientHistory PregnancyStatus LastMenstrualDate PatientSexNeutered SpecialNeeds
PatientState PertinentDocumentsSequence PertinentResourcesSequence PatientClinicalTrialParticipationSequence
InstitutionName InstitutionAddress InstitutionCodeSequence InstitutionalDepartmentName InstitutionalDepartmentTypeCodeSequence
AdmissionID IssuerOfAdmissionIDSequence ReasonForVisit ReasonForVisitCodeSequence ServiceEpisodeID
IssuerOfServiceEpisodeIDSequence ServiceEpisodeDescription
ReferencedStudySequence ReferencedPatientSequence VisitStatusID CurrentPatientLocation PatientInstitutionResidence VisitComments
ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers ReferringPhysicianIdentificationSequence
ConsultingPhysicianName ConsultingPhysicianIdentificationSequence AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence
RouteOfAdmissions AdmittingDate AdmittingTime
"""
OF_THE_MODULES = frozenset(MODULES.split())
# Whatever else may be refused is a variation of its own, too.
AS_WELL = (
    "lock-refused", "subscribe-keys-refused", "create-refuses-content-for-the-performer", "set-unsupported-refused",
    "set-refuses-empty-sequences", "set-issuer-refused", "canceled-needs-a-reason",
    "find-no-key-refused", "find-lock-refused", "get-unsupported-said",
)  # fmt: skip


@variation(
    "strict", "Refuses undeclared text, attributes that a request does not have, and whatever else it may refuse", "CC.2.3 to CC.2.8",
    unsupported=("filtered-subscription",),
)  # fmt: skip
def _strict(tms: Any) -> None:
    tms.refuse_filtered()
    known = {one.name: one for one in variation}
    for name in AS_WELL:
        known[name].apply(tms)
    for kind, data, undeclared, undefined in (
        (evt.EVT_N_CREATE, "AttributeList", INVALID_VALUE, NO_SUCH_ATTRIBUTE),
        (evt.EVT_N_SET, "ModificationList", INVALID_VALUE, NO_SUCH_ATTRIBUTE),
        (evt.EVT_N_ACTION, "ActionInformation", INVALID_ARGUMENT, NO_SUCH_ARGUMENT),
    ):
        tms.server.wrap_handler(kind, partial(_answered, data, undeclared, undefined))
    tms.server.wrap_handler(evt.EVT_C_FIND, _found)


def _answered(data: str, undeclared: int, undefined: int, handler: Callable[[Any], Any], event: Any) -> Any:
    sent = _sent(event, data)
    if sent is not None:
        if fault := _undeclared(sent, [default_encoding]):
            return _refusal(undeclared, fault), None
        if fault := _strange(sent, event) if data == "ActionInformation" else _undefined(sent, attribute_rows()):
            return _refusal(undefined, fault), None
    return handler(event)


def _found(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
    sent = _sent(event, "Identifier")
    if sent is not None:
        if fault := _undeclared(sent, [default_encoding]):
            yield _refusal(CANNOT_PROCESS, fault), None
            return
        if fault := _undefined(sent, attribute_rows()):
            yield _refusal(DOES_NOT_FIT, fault), None
            return
    yield from handler(event)


def _sent(event: Any, data: str) -> Dataset | None:
    """Return the data set of a request, as its bytes are; ``None`` if there is none, which others judge."""
    stream = getattr(event.request, data)
    if stream is None:
        return None
    try:
        return read_dataset(BytesIO(stream.getvalue()), event.context.transfer_syntax.is_implicit_VR, True)
    except Exception:  # pydicom raises whatever the bytes lead it to
        return None


def _refusal(status: int, comment: str) -> Dataset:
    refused = Dataset()
    refused.Status, refused.ErrorComment = status, comment[:64]
    return refused


def _undeclared(dataset: Dataset, encodings: list[str]) -> str:
    """Return what is not in the character sets that it is said to be in."""
    if "SpecificCharacterSet" in dataset:
        encodings = character_encodings(dataset.SpecificCharacterSet)
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if vr_of_element(element) == "SQ":
            for item in dataset[tag].value or ():
                if fault := _undeclared(item, encodings):
                    return fault
        elif isinstance(element, RawDataElement) and element.value and vr_of_element(element) in CUSTOMIZABLE_CHARSET_VR:
            plain = element.value.isascii() and b"\x1b" not in element.value
            if not plain and not any(_reads(element.value, encoding) for encoding in encodings):
                return f"{element.tag} is not in the Specific Character Set"
    return ""


def _reads(value: bytes, encoding: str) -> bool:
    if encoding == default_encoding:  # ASCII, which pydicom takes Latin 1 for
        return False
    try:
        value.decode(encoding)
    except (UnicodeError, LookupError):
        return b"\x1b" in value  # code extensions are for others to judge
    return True


def _strange(dataset: Dataset, event: Any) -> str:
    """Return an attribute that the Action Information does not have."""
    known = ACTIONS.get(event.action_type)
    return "" if known is None else next((f"{e.tag} is undefined here" for e in dataset if e.keyword not in known), "")


def _undefined(dataset: Dataset, rows: Mapping[str, AttributeRow]) -> str:
    """Return an attribute that a UPS does not have, neither in the table nor in its modules; private ones do not count."""
    for tag in sorted(dataset.keys()):
        if tag.is_private:
            continue
        keyword = keyword_for_tag(tag)
        row = rows.get(keyword)
        if row is None and keyword not in OF_THE_MODULES:
            return f"{tag} is no attribute of a UPS"
        if row is not None and row.vr == "SQ" and vr_of_element(dataset.get_item(tag)) == "SQ":
            for item in dataset[tag].value or ():
                if fault := _undefined(item, row.items):
                    return fault
    return ""

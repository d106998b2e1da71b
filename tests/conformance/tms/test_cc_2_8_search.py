"""CC.2.8 Search for Unified Procedure Step (C-FIND): which keys match what, and what a response holds."""

import copy
import csv
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from importlib import resources

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, RTPlanStorage, SegmentationStorage, generate_uid

from tdwii_conformance import profile
from tdwii_conformance.checks import Finding, find, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.attributes import shown
from tdwii_conformance.checks.move import same_content
from tdwii_conformance.checks.times import TIMES, illegal_times, shows_no_time
from tdwii_conformance.checks.values import illegal_answers
from tdwii_conformance.profile.statuses import is_failure, status_text
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.profile.ups_tables import STATES, attribute_rows
from tdwii_conformance.treatment import objects, unlisted
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.ups.times import is_value

# Keys may be what their VR does not allow.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Invalid value for VR"),
    pytest.mark.filterwarnings("ignore:The value length"),
]

TEXT = ("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT")
NO_SUCH_UPS = (0x0112, 0xC307)
SUPPORTED = 0xFF00  # optional keys like required ones [CC.2.8.4]
NOT_OF_THE_CLASS = 0xA900  # the identifier does not match the SOP class [CC.2.8.4]
START, END, BIRTH = "ScheduledProcedureStepStartDateTime", "ExpectedCompletionDateTime", "PatientBirthDate"
MODIFIED, EXPIRES = "ScheduledProcedureStepModificationDateTime", "ScheduledProcedureStepExpirationDateTime"
STATION, PERFORMERS = "ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence"
REQUEST, PERFORMED = "ReferencedRequestSequence", "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS, PARAMETERS = "ProcedureStepProgressInformationSequence", "ScheduledProcessingParametersSequence"
SERIES = 20

# --- the attribute table, as far as it is about keys --------------------------------------------------------------------


def leaves(rows, around="R", path=()):
    """Yield the attributes that are no sequences: path, VR, match key, whether it knows single value matching only."""
    for row in rows.values():
        match = around if row.match == "*" or (path and around in ("O", "-")) else row.match
        if row.vr == "SQ":
            yield from leaves(row.items, match, (*path, row.keyword))
        else:
            yield (*path, row.keyword), row.vr, match, row.single_value


def return_types(table="ups"):
    """Yield path and return key type of every attribute."""
    path = []
    for row in TABLES[table]:
        path = path[: len(row["level"])]
        if row["keyword"].startswith("@"):
            yield from (((*path, *below), kind) for below, kind in return_types(row["keyword"][1:]))
        else:
            path = [*path, row["keyword"]]
            yield tuple(path), row["return_key"]


TABLES = {}
for _row in csv.DictReader(resources.files(profile).joinpath("ups_attributes.csv").read_text(encoding="utf-8").splitlines()):
    TABLES.setdefault(_row["table"], []).append(_row)
RETURNED = dict(return_types())
VR = {path: vr for path, vr, _, _ in leaves(attribute_rows())}
REQUIRED = [path for path, _, match, _ in leaves(attribute_rows()) if match in ("U", "R")]
OPTIONAL = [path for path, _, match, _ in leaves(attribute_rows()) if match == "O"]
SINGLE = {path for path, _, _, single in leaves(attribute_rows()) if single}
UNUSUAL_CODES = ("LongCodeValue", "URNCodeValue")  # not in every edition of the standard
USUAL = [path for path in REQUIRED if path[-1] not in UNUSUAL_CODES]
UNUSUAL = [path for path in REQUIRED if path[-1] in UNUSUAL_CODES]
WILD = [path for path in USUAL if VR[path] in TEXT and path not in SINGLE]
CODED = [path[:-1] for path in USUAL if path[-1] == "CodeValue"]
NO_LETTERS = ("ScheduledWorkitemCodeSequence", "CodeValue")
SEQUENCES = sorted({path[0] for path in USUAL if len(path) > 1})


def is_returned(path):
    """Whether a key is to be returned: neither it nor a sequence around it is of return key type 3."""
    return all(RETURNED[path[:n]] != "3" for n in range(1, len(path) + 1))


def named(paths):
    return [pytest.param(path, id=".".join(path)) for path in paths]


# --- a workitem with a value for every key ------------------------------------------------------------------------------


def coded(number, kind="CodeValue"):
    """An item of a coded entry; the numbers make them different in value and in scheme."""
    scheme = f"99TDWII{number}"
    match kind:
        case "CodeValue":
            return item(CodeValue=f"Code-{number}", CodingSchemeDesignator=scheme, CodeMeaning=f"Meaning {number}")
        case "LongCodeValue":
            return item(LongCodeValue=f"Code-of-many-characters-{number}", CodingSchemeDesignator=scheme, CodeMeaning="Long")
        case _:
            return item(URNCodeValue=f"urn:oid:2.25.4711{number}", CodeMeaning="URN")


def issuer(number):
    return item(LocalNamespaceEntityID=f"Space-{number}", UniversalEntityID=f"clinic{number}.example", UniversalEntityIDType="DNS")


def request_item(number):
    return item(
        StudyInstanceUID=generate_uid(), AccessionNumber=f"Acc-{number}", IssuerOfAccessionNumberSequence=[issuer(20 + number)],
        PlacerOrderNumberImagingServiceRequest=f"Placer-{number}", OrderPlacerIdentifierSequence=[issuer(30 + number)],
        FillerOrderNumberImagingServiceRequest=f"Filler-{number}", OrderFillerIdentifierSequence=[issuer(40 + number)],
        RequestedProcedureID=f"Proc-{number}", RequestedProcedureDescription=f"Radiotherapy {number}",
        RequestedProcedureCodeSequence=[coded(50 + number)], RequestingService=f"Oncology {number}",
    )  # fmt: skip


def first_start():
    # Tomorrow: what has expired an SCP may put away.
    return datetime.combine(datetime.now().date() + timedelta(days=1), time(12))


def plain(system, patient_name="", **changes):
    """The attributes of a workitem, for a patient of its own."""
    attributes = objects.workitem(
        objects.new_treatment(patient_name=patient_name), tms=system.tms.ae_title, ost=system.ost.ae_title if system.ost else "OST",
        station=system.workitems.station, start=first_start(), edition=system.edition,
    )  # fmt: skip
    attributes.update(item(**changes))
    return attributes


def rich(system, replaced, kind="CodeValue"):
    """The attributes of a workitem that has a value in every key."""
    performers = [
        item(
            HumanPerformerCodeSequence=[coded(n, kind)],
            HumanPerformerName=f"Terra^Tina{n}",
            HumanPerformerOrganization=f"Clinic {n}",
        )
        for n in (11, 12)
    ]
    unusual = {"ScheduledWorkitemCodeSequence": [coded(7, kind)]} if kind != "CodeValue" else {}
    station = [system.workitems.station.item] if kind == "CodeValue" else [coded(1, kind)]
    return plain(
        system, ScheduledProcedureStepPriority="HIGH", ProcedureStepLabel="Plan 7-A [x]_50%", WorklistLabel="Team-1 Morning",
        ScheduledStationNameCodeSequence=[*station, coded(2, kind)],
        ScheduledStationClassCodeSequence=[coded(3, kind), coded(4, kind)],
        ScheduledStationGeographicLocationCodeSequence=[coded(5, kind), coded(6, kind)],
        ScheduledHumanPerformersSequence=performers, CommentsOnTheScheduledProcedureStep="Handle with care",
        ScheduledProcedureStepExpirationDateTime=f"{first_start() + timedelta(days=30):%Y%m%d%H%M%S}",
        PatientName="Reich^Robert^R", IssuerOfPatientID="Clinic-1", PatientBirthDate="19580403", PatientSex="M",
        IssuerOfPatientIDQualifiersSequence=[item(
            UniversalEntityID="1.2.840.99999.8", UniversalEntityIDType="ISO", IdentifierTypeCode="MR",
            AssigningFacilitySequence=[issuer(13)], AssigningJurisdictionCodeSequence=[coded(14)],
            AssigningAgencyOrDepartmentCodeSequence=[coded(15)],
        )],
        OtherPatientIDsSequence=[item(
            PatientID=f"Other{generate_uid()[-10:]}", IssuerOfPatientID="Clinic-2", IssuerOfPatientIDQualifiersSequence=[],
        )],
        AdmissionID="Adm-4711", IssuerOfAdmissionIDSequence=[issuer(16)], AdmittingDiagnosesDescription="Pain",
        AdmittingDiagnosesCodeSequence=[coded(17)], ReferencedRequestSequence=[request_item(1), request_item(2)],
        ReplacedProcedureStepSequence=[item(ReferencedSOPClassUID=UPS.PUSH, ReferencedSOPInstanceUID=replaced)],
        MedicalAlerts="Latex", PregnancyStatus=4, SpecialNeeds="Wheelchair", **unusual,
    )  # fmt: skip


def both(dataset, other):
    dataset.update(other)
    return dataset


def values_at(dataset, path):
    """All values that a data set has at a path, of all items."""
    if dataset is None or path[0] not in dataset or dataset[path[0]].is_empty:
        return []
    if len(path) == 1:
        return [dataset[path[0]].value]
    return [value for entry in dataset[path[0]].value for value in values_at(entry, path[1:])]


class Known:
    """A UPS that we created, and what it should show."""

    def __init__(self, uid, sent, created, held):
        self.uid, self.sent, self.created, self.held = uid, sent, created, held

    def value(self, path):
        """What is to be found: the first value sent."""
        match path:
            case ("SOPInstanceUID",):
                return self.uid
            case ("SOPClassUID",):
                return UPS.PUSH
            case (keyword,) if keyword == MODIFIED:  # given by the SCP
                return (values_at(self.held.dataset, path) or [None])[0]
        return (values_at(self.sent, path) or [None])[0]

    def keeps(self, path):
        """Whether the SCP took this value as it was sent: it may modify, and it need not support every optional attribute."""
        if path in (("SOPInstanceUID",), ("SOPClassUID",)):
            return True
        there, value = values_at(self.held.dataset, path), self.value(path)
        if VR[path] == "DT":  # may be written in another way
            return any(moment(str(one)) == moment(str(value)) for one in there)
        return value in there

    def query(self, path, value):
        """A query for this value of a key, of this UPS."""
        query = item(SOPInstanceUID=None, PatientID=self.sent.get("PatientID"))
        if path in (("PatientID",), (MODIFIED,)):
            query = item(SOPInstanceUID=self.uid)
        query.update(nested(path, value))
        return query

    def ask(self, tdd, path, value):
        return tdd.query(self.query(path, value))


def moment(text):
    return text.partition(".")[0].ljust(14, "0")


def nested(path, value):
    """A data set with a value at a path."""
    keyword, *below = path
    return item(**{keyword: [nested(below, value)] if below else value})


@pytest.fixture(scope="module")
def create(tdd):
    """A function that creates a UPS; skips what stands on it if it is refused."""

    def known(attributes):
        uid = generate_uid()
        created = tdd.create(uid, copy.deepcopy(attributes))
        if status.accepted(created, "an N-CREATE"):
            said = created.failure or status_text(created.status)
            pytest.skip(f"not judged: the workitem to search for was not created (CC25-TMS-033): {said}")
        return Known(uid, attributes, created, tdd.get(uid))

    return known


@pytest.fixture(scope="module")
def replaced(looks_at):
    return looks_at().workitem


@pytest.fixture(scope="module")
def workitem(create, system, replaced):
    """The UPS that has a value in every key."""
    return create(rich(system, replaced.uid))


@pytest.fixture(scope="module")
def unusual(create, system, replaced):
    """A function that returns the like with codes of another kind."""
    made = {}

    def of(kind):
        if kind not in made:
            made[kind] = create(rich(system, replaced.uid, kind))
        return made[kind]

    return of


def rare(system):
    """The attributes of a workitem with values that few have: of optional keys, and several of one key."""
    request = request_item(3)
    request.update(
        item(
            ReasonForTheRequestedProcedure="Pain", RequestedProcedureComments="Lie down", ConfidentialityCode="Normal",
            NamesOfIntendedRecipientsOfResults="Doctor^One", ImagingServiceRequestComments="Call first",
            RequestingPhysician="Doctor^Two", IssueDateOfImagingServiceRequest="20260102", IssueTimeOfImagingServiceRequest="101112",
            ReferringPhysicianName="Doctor^Three",
        )
    )  # fmt: skip
    attributes = plain(
        system, ReferencedRequestSequence=[request], AdmittingDiagnosesDescription=SEVERAL[("AdmittingDiagnosesDescription",)],
        MedicalAlerts=SEVERAL[("MedicalAlerts",)],
        OtherPatientIDsSequence=[item(PatientID="Other-1", TypeOfPatientID="RFID", IssuerOfPatientID="", IssuerOfPatientIDQualifiersSequence=[])],
    )  # fmt: skip
    elsewhere = item(
        TypeOfInstances="DICOM", StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(),
        ReferencedSOPSequence=[item(
            ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=generate_uid(), ReferencedFrameNumber="1",
        )],
        DICOMMediaRetrievalSequence=[item(StorageMediaFileSetID="Disc-1", StorageMediaFileSetUID=generate_uid())],
        WADORetrievalSequence=[item(RetrieveURI="http://clinic.example/wado")],
        XDSRetrievalSequence=[item(RepositoryUniqueID="1.2.3.4", HomeCommunityID="1.2.3.5")],
        WADORSRetrievalSequence=[item(RetrieveURL="http://clinic.example/wado-rs")],
    )  # fmt: skip
    segmented = item(
        TypeOfInstances="DICOM", StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(),
        ReferencedSOPSequence=[item(
            ReferencedSOPClassUID=SegmentationStorage, ReferencedSOPInstanceUID=generate_uid(), ReferencedSegmentNumber=1,
        )],
        DICOMRetrievalSequence=[item(RetrieveAETitle=system.tms.ae_title)],
    )  # fmt: skip
    document = item(
        TypeOfInstances="CDA",
        ReferencedSOPSequence=[item(
            ReferencedSOPClassUID=generate_uid(), ReferencedSOPInstanceUID=generate_uid(), HL7InstanceIdentifier="2.25.1^Letter",
        )],
        XDSRetrievalSequence=[item(RepositoryUniqueID="1.2.3.4", HomeCommunityID="1.2.3.5")],
    )  # fmt: skip
    attributes.OutputDestinationSequence = [
        item(ReferencedSOPClassUID=CTImageStorage, DICOMStorageSequence=[item(DestinationAE=system.tms.ae_title)])
    ]
    attributes.InputInformationSequence = [*attributes.InputInformationSequence, elsewhere, segmented, document]
    return attributes


@pytest.fixture(scope="module")
def uncommon(create, system):
    """The UPS that has values that few have."""
    return create(rare(system))


@pytest.fixture
def has(workitem):
    """A function that leaves out what the SCP modified at creation, or does not keep."""

    def kept(path, known=workitem):
        value = known.value(path)
        if value is None and path != (MODIFIED,):
            raise ValueError(f"no value for {path}: the tests are incomplete")
        if path == (MODIFIED,) and shows_no_time(known.held, MODIFIED):
            pytest.skip(f"not judged: {MODIFIED} is no date-time (CC27-TMS-022)")
        if value is None or not known.keeps(path):
            pytest.skip(f"not judged: the SCP does not show {'.'.join(path)} as it was sent")
        return known

    return kept


def another(path, value):
    """A value that this key does not have."""
    match VR[path]:
        case "DA":
            return "19991231"
        case "DT":
            return "20991231235959"
        case "UI":
            return generate_uid()
        case "PN":
            return "Arm^Anton"
        case "US":
            return 1 if value != 1 else 2
        case "IS":
            return "99"
        case "TM":
            return "235959"
    values = attribute_rows()[path[0]].values if len(path) == 1 else ()
    known = {"PatientSex": ("F", "O"), "ProcedureStepState": STATES, "UniversalEntityIDType": ("ISO", "UUID")}
    choice = [one for one in values or known.get(path[-1], ()) if one != value]
    return choice[0] if choice else f"{'Y' if str(value)[:1] in 'Zz' else 'Z'}{str(value)[1:]}"


def not_found(exchange, uid, why):
    """Check that a query ended with success and did not bring a UPS."""
    return find.ended(exchange) + find.excludes(exchange, uid, why)


def response(exchange, uid):
    """The identifier for a UPS, or ``None``."""
    return next((one for one in exchange.identifiers if one.get("SOPInstanceUID") == uid), None)


def pending_status(exchange, uid):
    """The status with which a UPS came."""
    return next(one.status for one in exchange.pending if one.dataset is not None and one.dataset.get("SOPInstanceUID") == uid)


def came(exchange, uid):
    """Whether a query ended with success and brought a UPS."""
    return exchange.status == 0 and response(exchange, uid) is not None


# --- single value -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CC28-TMS-001")
@pytest.mark.parametrize("path", named(USUAL))
def test_value_finds(tdd, has, judge, path):
    known = has(path)
    judge(find.includes(known.ask(tdd, path, known.value(path)), known.uid))


@pytest.mark.requirement("CC28-TMS-002")
@pytest.mark.parametrize("path", named(USUAL))
def test_another_value_does_not_find(tdd, has, judge, path):
    known = has(path)
    other = another(path, known.value(path))
    judge(not_found(known.ask(tdd, path, other), known.uid, f"{path[-1]} is {known.value(path)!r}, not {other!r}"))


@pytest.mark.requirement("CC28-TMS-003")
@pytest.mark.parametrize("path", named(UNUSUAL))
def test_long_or_urn_code(tdd, unusual, has, judge, path):
    known = has(path, unusual(path[-1]))
    value = known.value(path)
    judge(find.includes(known.ask(tdd, path, value), known.uid))
    judge(not_found(known.ask(tdd, path, value[:-1]), known.uid, f"{path[-1]} is {value!r}"))


@pytest.mark.requirement("CC28-TMS-004")
@pytest.mark.parametrize("path", named(path for path in USUAL if VR[path] in TEXT and VR[path] != "CS" and path != NO_LETTERS))
def test_case_makes_a_difference(tdd, has, judge, path):
    known = has(path)
    value = str(known.value(path))
    judge(not_found(known.ask(tdd, path, value.swapcase()), known.uid, f"{path[-1]} is {value!r}"))


@pytest.mark.requirement("CC28-TMS-005")
def test_all_keys_at_once(tdd, workitem, judge):
    query = item(SOPInstanceUID=workitem.uid)
    for path in USUAL:
        if workitem.keeps(path):
            put(query, path, workitem.value(path))
    judge(find.includes(tdd.query(query), workitem.uid))


def put(dataset, path, value):
    """Put a value at a path, beside what is there."""
    for keyword in path[:-1]:
        if keyword not in dataset:
            setattr(dataset, keyword, [Dataset()])
        dataset = dataset[keyword].value[0]
    setattr(dataset, path[-1], value)


@pytest.mark.requirement("CC28-TMS-006")
@pytest.mark.parametrize("path", named(path for path in USUAL if VR[path] in ("LO", "SH") and path not in SINGLE))
def test_no_ranges_of_text(tdd, has, judge, path):
    known = has(path)
    judge(not_found(known.ask(tdd, path, "A-Z"), known.uid, "text knows no range"))
    judge(not_found(known.ask(tdd, path, " -~"), known.uid, "text knows no range"))


# --- universal ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CC28-TMS-007")
@pytest.mark.parametrize("path", named(USUAL))
def test_zero_length_finds(tdd, has, judge, path):
    known = has(path)
    exchange = known.ask(tdd, path, None)
    if path == ("SOPInstanceUID",):
        exchange = tdd.query(item(SOPInstanceUID=None, PatientID=known.sent.PatientID))
    judge(find.includes(exchange, known.uid))


@pytest.mark.requirement("CC28-TMS-008")
@pytest.mark.parametrize("path", named(path for path in USUAL if is_returned(path)))
def test_zero_length_returns_the_value(tdd, has, judge, path):
    known = has(path)
    exchange = known.ask(tdd, path, None)
    judge(find.includes(exchange, known.uid))
    there, value = values_at(response(exchange, known.uid), path), known.value(path)
    if VR[path] in TIMES and not all(is_value(str(one), VR[path]) for one in there if one):
        pytest.skip(f"not judged: {'.'.join(path)} is none of its VR, {VR[path]} (RO58-TMS-026)")
    same = value in there or (VR[path] == "DT" and moment(str(value)) in [moment(str(one)) for one in there])
    judge([] if same else [Finding(f"value {shown(value)}", ", ".join(shown(one) for one in there) or "no value", ".".join(path))])


@pytest.mark.requirement("CC28-TMS-009")
@pytest.mark.parametrize("form", ["no-item", "empty-item"])
@pytest.mark.parametrize("keyword", [keyword for keyword in SEQUENCES if RETURNED[(keyword,)] != "3"])
def test_whole_sequence(tdd, workitem, judge, keyword, form):
    exchange = workitem.ask(tdd, (keyword,), [] if form == "no-item" else [item()])
    judge(find.includes(exchange, workitem.uid) + ups.got(workitem.held))
    held = item(**{keyword: workitem.held.dataset.get(keyword)})
    judge(same_content(held, item(**{keyword: response(exchange, workitem.uid).get(keyword)})))


@pytest.mark.requirement("CC28-TMS-010")
def test_only_empty_keys(tdd, workitem, judge, follows):
    exchange = tdd.query(item(SOPInstanceUID=None, PatientID=None, ProcedureStepState=None))
    judge(find.ended(exchange))
    if exchange.pending:
        judge(find.includes(exchange, workitem.uid))
    word = "all" if exchange.pending else "none"
    follows(word)


# --- wild card ----------------------------------------------------------------------------------------------------------

MATCHING = {
    "begins": lambda v: f"{v[:1]}*",
    "ends": lambda v: f"*{v[-1]}",
    "begins-and-ends": lambda v: f"{v[: len(v) // 2]}*{v[-1] if len(v) > 1 else ''}",
    "contains": lambda v: f"*{v[len(v) // 2]}*",
    "empty-run": lambda v: f"{v}*",
    "empty-run-before": lambda v: f"*{v}",
    "any": lambda v: "*",
    "one-character": lambda v: f"?{v[1:]}",
    "last-character": lambda v: f"{v[:-1]}?",
    "every-character": lambda v: "?" * len(v),
    "both": lambda v: f"?*{v[1:]}",
    "longer-than-the-VR": lambda v: f"{'*' * 70}{v}",
}
NOT_MATCHING = {
    "begins-with-another": lambda v: f"~{v[:1]}*",
    "ends-with-another": lambda v: f"*{v[-1]}~",
    "contains-no-such": lambda v: "*~*",
    "one-too-many": lambda v: f"{v}?",
    "one-too-few": lambda v: "?" * (len(v) - 1) if len(v) > 1 else "??",
    "at-least-one-more": lambda v: f"*?{v}",
}


@pytest.mark.requirement("CC28-TMS-011")
@pytest.mark.parametrize("form", MATCHING)
@pytest.mark.parametrize("path", named(WILD))
def test_pattern_finds(tdd, has, judge, path, form):
    known = has(path)
    judge(find.includes(known.ask(tdd, path, MATCHING[form](str(known.value(path)))), known.uid))


@pytest.mark.requirement("CC28-TMS-012")
@pytest.mark.parametrize("form", NOT_MATCHING)
@pytest.mark.parametrize("path", named(WILD))
def test_pattern_does_not_find(tdd, has, judge, path, form):
    known = has(path)
    pattern = NOT_MATCHING[form](str(known.value(path)))
    judge(not_found(known.ask(tdd, path, pattern), known.uid, f"{path[-1]} is {known.value(path)!r}, the pattern {pattern!r}"))


@pytest.mark.requirement("CC28-TMS-013")
@pytest.mark.parametrize("path", named(path for path in WILD if VR[path] != "CS"))
def test_case_makes_a_difference_in_patterns(tdd, has, judge, path):
    known = has(path)
    value = str(known.value(path))
    judge(not_found(known.ask(tdd, path, f"{value.swapcase()}*"), known.uid, f"{path[-1]} is {value!r}"))


LABEL = ("ProcedureStepLabel",)  # Plan 7-A [x]_50%


@pytest.mark.requirement("CC28-TMS-014")
@pytest.mark.parametrize("pattern", ["Plan 7-A [x]*", "*[x]_50%", "*_50%", "Plan ?-A [x]_50%"])
def test_other_characters_stand_for_themselves(tdd, has, judge, pattern):
    known = has(LABEL)
    judge(find.includes(known.ask(tdd, LABEL, pattern), known.uid))


@pytest.mark.requirement("CC28-TMS-014")
@pytest.mark.parametrize(
    "pattern", ["Plan%", "%", "Pl_n*", "Pl.n*", ".*", "[O-Q]*", "Plan [0-9]*", "*[!y]*", "Plan 7+*", "(Plan)*"]
)
def test_no_other_character_is_wild(tdd, has, judge, pattern):
    known = has(LABEL)
    judge(not_found(known.ask(tdd, LABEL, pattern), known.uid, "only * and ? are wild"))


@pytest.mark.requirement("CC28-TMS-015")
@pytest.mark.parametrize("form", ["begins", "last-character"])
@pytest.mark.parametrize("path", named(path for path in USUAL if path in SINGLE))
def test_no_wild_cards_where_values_are_single(tdd, has, judge, path, form):
    known = has(path)
    value = str(known.value(path))
    pattern = f"{value[:2]}*" if form == "begins" else MATCHING[form](value)
    judge(find.excludes(known.ask(tdd, path, pattern), known.uid, "single value matching only"))


# --- person names -------------------------------------------------------------------------------------------------------

NAME = ("PatientName",)


@pytest.mark.requirement("CC28-TMS-016")
@pytest.mark.parametrize("pattern", ["Reich*", "*Robert*", "Re?ch^Robert^R", "Reich^*^R", "*"])
def test_name_with_wild_card(tdd, has, judge, note_reading, pattern):
    known = has(NAME)
    exchange = known.ask(tdd, NAME, pattern)
    judge(status.answered(exchange))
    note_reading(f"{pattern!r} {'finds' if came(exchange, known.uid) else 'does not find'} Reich^Robert^R")


@pytest.mark.requirement("CC28-TMS-017")
@pytest.mark.parametrize("name", ["REICH^ROBERT^R", "reich^robert^r", "Reich^Robert^R^^", "Reich^Röbert^R", "Reich"])
def test_name_written_in_another_way(tdd, has, judge, note_reading, name):
    known = has(NAME)
    query = known.query(NAME, name)
    if not name.isascii():
        query.SpecificCharacterSet = "ISO_IR 192"
    exchange = tdd.query(query)
    judge(status.answered(exchange))
    note_reading(f"{name!r} {'finds' if came(exchange, known.uid) else 'does not find'} Reich^Robert^R")


# --- ranges -------------------------------------------------------------------------------------------------------------


def points(path, value):
    """The value, one before and one after."""
    form, step = ("%Y%m%d", timedelta(days=1)) if VR[path] == "DA" else ("%Y%m%d%H%M%S", timedelta(seconds=1))
    there = datetime.strptime(str(value), form)
    return {"before": f"{there - step:{form}}", "at": f"{there:{form}}", "after": f"{there + step:{form}}"}


RANGED = [(START,), (END,), (BIRTH,)]
INSIDE = ["{before}-{after}", "{at}-{at}", "{at}-{after}", "{before}-{at}", "{before}-", "{at}-", "-{after}", "-{at}"]
OUTSIDE = ["{after}-{after}", "{before}-{before}", "{after}-", "-{before}"]


def label(form):
    return "".join(form.split("{")).replace("}", "")


@pytest.mark.requirement("CC28-TMS-018")
@pytest.mark.parametrize("form", INSIDE, ids=label)
@pytest.mark.parametrize("path", named(RANGED))
def test_range_finds(tdd, has, judge, path, form):
    known = has(path)
    judge(find.includes(known.ask(tdd, path, form.format(**points(path, known.value(path)))), known.uid))


@pytest.mark.requirement("CC28-TMS-019")
@pytest.mark.parametrize("form", OUTSIDE, ids=label)
@pytest.mark.parametrize("path", named(RANGED))
def test_range_does_not_find(tdd, has, judge, path, form):
    known = has(path)
    asked = form.format(**points(path, known.value(path)))
    judge(not_found(known.ask(tdd, path, asked), known.uid, f"{known.value(path)} is not in {asked}"))


@pytest.mark.requirement("CC28-TMS-020")
@pytest.mark.parametrize("form", ["{0}.000000-{0}.000000", "{0}.0-{0}.0", "{1}-", "{2}-", "{2}-{0}"])
@pytest.mark.parametrize("path", named([(START,), (END,)]))
def test_range_by_meaning(tdd, has, judge, path, form):
    known = has(path)
    value = str(known.value(path))
    judge(find.includes(known.ask(tdd, path, form.format(value, value[:12], value[:8])), known.uid))


@pytest.fixture(scope="module")
def elsewhere(create, system):
    """A UPS that starts at noon, one hour east of Greenwich."""
    start = f"{first_start():%Y%m%d%H%M%S}+0100"
    known = create(plain(system, ScheduledProcedureStepStartDateTime=start))
    if values_at(known.held.dataset, (START,)) != [start]:
        pytest.skip(f"not judged: the SCP does not show {START} with its offset as it was sent")
    return known


@pytest.mark.requirement("CC28-TMS-021")
@pytest.mark.parametrize("form", ["{eleven}+0000-{eleven}+0000", "{noon}+0100-{noon}+0100", "{one}+0200-", "-{eleven}+0000"])
def test_offset_of_the_same_moment(tdd, elsewhere, judge, form):
    judge(find.includes(elsewhere.ask(tdd, (START,), form.format(**hours(elsewhere))), elsewhere.uid))


@pytest.mark.requirement("CC28-TMS-021")
@pytest.mark.parametrize("form", ["{noon}+0000-{noon}+0000", "{one}+0100-", "{eleven}+0100-{eleven}+0100", "-{noon}+0200"])
def test_offset_of_another_moment(tdd, elsewhere, judge, form):
    asked = form.format(**hours(elsewhere))
    exchange = elsewhere.ask(tdd, (START,), asked)
    judge(not_found(exchange, elsewhere.uid, f"{elsewhere.value((START,))} is not in {asked}"))


def start_of(known):
    """When it starts, by its own digits. Not asked of the calendar again: a run may go on over midnight."""
    return datetime.strptime(str(known.value((START,)))[:14], "%Y%m%d%H%M%S")


def hours(known):
    noon, hour = start_of(known), timedelta(hours=1)
    form = "%Y%m%d%H%M%S"
    return {"eleven": f"{noon - hour:{form}}", "noon": f"{noon:{form}}", "one": f"{noon + hour:{form}}"}


@pytest.mark.requirement("CC28-TMS-022")
@pytest.mark.parametrize("form", ["{six}-0500-{six}-0500", "{six}-0500-"])
def test_offset_west(tdd, elsewhere, judge, note_reading, form):
    asked = form.format(six=f"{start_of(elsewhere) - timedelta(hours=6):%Y%m%d%H%M%S}")
    exchange = elsewhere.ask(tdd, (START,), asked)
    judge(status.answered(exchange))
    note_reading(f"{asked} {'finds' if came(exchange, elsewhere.uid) else 'does not find'} {elsewhere.value((START,))}")


@pytest.mark.requirement("CC28-TMS-023")
@pytest.mark.parametrize("form", ["{0}.0", "{1}", "{2}"], ids=["fraction", "minutes", "day"])
def test_single_date_time_by_meaning(tdd, has, judge, note_reading, form):
    known = has((START,))
    value = str(known.value((START,)))
    asked = form.format(value, value[:12], value[:8])
    exchange = known.ask(tdd, (START,), asked)
    judge(status.answered(exchange))
    note_reading(f"{asked} {'finds' if came(exchange, known.uid) else 'does not find'} {value}")


# --- sequences ----------------------------------------------------------------------------------------------------------

# Sequences with two items, and two attributes in which the items differ.
PAIRS = [
    ((STATION,), ("CodeValue",), ("CodingSchemeDesignator",)),
    (("ScheduledStationClassCodeSequence",), ("CodeValue",), ("CodingSchemeDesignator",)),
    (("ScheduledStationGeographicLocationCodeSequence",), ("CodeValue",), ("CodingSchemeDesignator",)),
    (
        (PERFORMERS,),
        ("HumanPerformerCodeSequence", "CodeValue"),
        ("HumanPerformerCodeSequence", "CodingSchemeDesignator"),
    ),
    ((REQUEST,), ("AccessionNumber",), ("RequestedProcedureID",)),
    ((REQUEST,), ("AccessionNumber",), ("IssuerOfAccessionNumberSequence", "LocalNamespaceEntityID")),
]
pairs = pytest.mark.parametrize(
    ("sequence", "one", "two"), [pytest.param(*pair, id=f"{pair[0][0]}.{pair[2][-1]}") for pair in PAIRS]
)


def pair_query(known, sequence, one, two, items):
    """A query for a value of one attribute, from one item, and of another attribute, from the same or the other item."""
    key = Dataset()
    for path, number in ((one, items[0]), (two, items[1])):
        put(key, path, values_at(known.sent, (*sequence, *path))[number])
    return known.query(sequence, [key])


@pytest.mark.requirement("CC28-TMS-024")
@pytest.mark.parametrize("number", [0, 1], ids=["first-item", "second-item"])
@pairs
def test_any_one_item_matches(tdd, has, judge, sequence, one, two, number):
    has((*sequence, *one))
    known = has((*sequence, *two))
    judge(find.includes(tdd.query(pair_query(known, sequence, one, two, (number, number))), known.uid))


@pytest.mark.requirement("CC28-TMS-025")
@pytest.mark.parametrize("items", [(0, 1), (1, 0)], ids=["first-and-second", "second-and-first"])
@pairs
def test_one_item_has_to_match_alone(tdd, has, judge, sequence, one, two, items):
    has((*sequence, *one))
    known = has((*sequence, *two))
    exchange = tdd.query(pair_query(known, sequence, one, two, items))
    judge(not_found(exchange, known.uid, f"{one[-1]} and {two[-1]} are of two items"))


@pytest.mark.requirement("CC28-TMS-026")
@pairs
def test_matching_items_come(tdd, has, judge, sequence, one, two):
    has((*sequence, *one))
    known = has((*sequence, *two))
    query = pair_query(known, sequence, one, two, (1, 1))
    exchange = tdd.query(query)
    judge(find.includes(exchange, known.uid) + find.only_asked(exchange))
    wanted = values_at(known.sent, (*sequence, *one))
    there = values_at(response(exchange, known.uid), (*sequence, *one))
    judge([] if wanted[1] in there else [Finding(f"an item with {wanted[1]!r}", f"{there}", ".".join((*sequence, *one)))])
    where = ".".join((*sequence, *one))
    judge([Finding("no item that does not match", f"one with {wanted[0]!r}", where)] if wanted[0] in there else [])


@pytest.mark.requirement("CC28-TMS-027")
@pytest.mark.parametrize("path", named(CODED))
def test_code_meaning_is_no_key(tdd, has, judge, path):
    known = has((*path, "CodeValue"))
    value = known.value((*path, "CodeValue"))
    exchange = known.ask(tdd, path, [item(CodeValue=value, CodeMeaning="Another meaning")])
    judge(find.includes(exchange, known.uid))


# --- UIDs ---------------------------------------------------------------------------------------------------------------

REPLACED = ("ReplacedProcedureStepSequence", "ReferencedSOPInstanceUID")
LISTS = [REPLACED, ("ReplacedProcedureStepSequence", "ReferencedSOPClassUID")]


@pytest.mark.requirement("CC28-TMS-028")
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("path", named(LISTS))
def test_list_of_uids_finds(tdd, has, judge, path, place):
    known = has(path)
    uids = [generate_uid(), RTPlanStorage]
    uids.insert(place, known.value(path))
    judge(find.includes(known.ask(tdd, path, uids), known.uid))


@pytest.mark.requirement("CC28-TMS-029")
@pytest.mark.parametrize("path", named(LISTS))
def test_list_of_other_uids_does_not_find(tdd, has, judge, path):
    known = has(path)
    value = str(known.value(path))
    others = [generate_uid(), value[:-1].rstrip("."), value[: len(value) // 2].rstrip(".")]
    judge(not_found(known.ask(tdd, path, others), known.uid, "it is none of them"))


@pytest.mark.requirement("CC28-TMS-030")
def test_instance_uid_finds_that_ups_alone(tdd, workitem, replaced, judge):
    exchange = tdd.query(item(SOPInstanceUID=workitem.uid))
    judge(find.includes(exchange, workitem.uid))
    judge(Finding("no other UPS", uid, "SOPInstanceUID") for uid in find.uids(exchange) if uid != workitem.uid)


@pytest.mark.requirement("CC28-TMS-031")
def test_list_of_instance_uids(tdd, workitem, replaced, judge, follows):
    exchange = tdd.query(item(SOPInstanceUID=[workitem.uid, replaced.uid]))
    judge(status.answered(exchange))
    word = "list" if {workitem.uid, replaced.uid} <= set(find.uids(exchange)) else "single"
    follows(word)


# --- optional keys ------------------------------------------------------------------------------------------------------


# What the workitem does not have, because few systems would keep it: nothing to ask for.
ABSENT = ("OutputDestinationSequence", "OtherPatientIDsSequence", "ReferencedPatientPhotoSequence", PERFORMED)
ABSENT_OF_CODES = (
    "CodingSchemeVersion", "MappingResource", "MappingResourceUID", "ContextGroupVersion", "ContextGroupExtensionFlag",
    "ContextGroupLocalVersion", "ContextGroupExtensionCreatorUID", *UNUSUAL_CODES,
)  # fmt: skip
ABSENT_OF_REQUESTS = (
    "RequestingServiceCodeSequence", "RequestingPhysician", "RequestedProcedureComments", "ReferringPhysicianName",
    "ReasonForTheRequestedProcedure", "ReasonForRequestedProcedureCodeSequence", "NamesOfIntendedRecipientsOfResults",
    "IssueDateOfImagingServiceRequest", "IssueTimeOfImagingServiceRequest", "ImagingServiceRequestComments",
    "ConfidentialityCode",
)  # fmt: skip
ASKED = [
    path
    for path in OPTIONAL
    if path[0] not in ABSENT
    and path[-1] not in ABSENT_OF_CODES
    and not (path[0] == REQUEST and path[1] in ABSENT_OF_REQUESTS)
    and (path[0] != "InputInformationSequence" or len(path) == 2)
]


WITHIN = ["{before}-{after}", "{before}-", "-{after}"]


def range_query(known, path, form):
    """A query for a range around the value of an optional key, or beside it."""
    value = str(known.value(path))
    if len(value.partition(".")[0]) != len("20260102101112"):
        pytest.skip(f"not judged: {value} has an offset, or is not to the second")
    return known.query(path, form.format(**points(path, moment(value))))


@pytest.mark.requirement("CC28-TMS-032")
@pytest.mark.parametrize("form", WITHIN, ids=label)
@pytest.mark.parametrize("path", named([(MODIFIED,), (EXPIRES,)]))
def test_range_of_an_optional_key_finds(tdd, has, judge, path, form):
    known = has(path)
    judge(find.includes(tdd.query(range_query(known, path, form)), known.uid))


@pytest.mark.requirement("CC28-TMS-033")
@pytest.mark.parametrize("form", ["-{before}", "{after}-"], ids=label)
@pytest.mark.parametrize("path", named([(MODIFIED,), (EXPIRES,)]))
def test_range_of_an_optional_key_is_matched(tdd, has, judge, follows, path, form):
    known = has(path)
    exchange = tdd.query(range_query(known, path, form))
    judge(find.ended(exchange))
    follows("ignored" if came(exchange, known.uid) else "matched")


# What the workitem of `rare` has.
RARE = [
    *((REQUEST, keyword) for keyword in ABSENT_OF_REQUESTS if not keyword.endswith("Sequence")),
    ("OutputDestinationSequence", "ReferencedSOPClassUID"), ("OutputDestinationSequence", "DICOMStorageSequence", "DestinationAE"),
    ("OtherPatientIDsSequence", "PatientID"), ("OtherPatientIDsSequence", "TypeOfPatientID"),
    *(path for path in OPTIONAL if path[0] == "InputInformationSequence" and len(path) == 3),
]  # fmt: skip


@pytest.mark.requirement("CC28-TMS-032")
@pytest.mark.parametrize("path", named(RARE))
def test_rare_key_finds(tdd, has, uncommon, judge, path):
    known = has(path, uncommon)
    judge(find.includes(known.ask(tdd, path, known.value(path)), known.uid))


@pytest.mark.requirement("CC28-TMS-033")
@pytest.mark.parametrize("path", named(RARE))
def test_rare_key_is_matched(tdd, has, uncommon, judge, follows, path):
    known = has(path, uncommon)
    exchange = known.ask(tdd, path, another(path, known.value(path)))
    judge(find.ended(exchange))
    follows("ignored" if came(exchange, known.uid) else "matched")


@pytest.mark.requirement("CC28-TMS-065")
@pytest.mark.parametrize("path", named(path for path in (*ASKED, *RARE) if is_returned(path)))
def test_optional_key_comes(tdd, has, workitem, request, judge, path):
    known = has(path, request.getfixturevalue("uncommon") if path in RARE else workitem)
    exchange = known.ask(tdd, path, None)
    judge(find.includes(exchange, known.uid))
    if pending_status(exchange, known.uid) == SUPPORTED:
        there = values_at(response(exchange, known.uid), path)
        judge([] if there else [Finding("FF01, or the value", "FF00, and the value is missing", ".".join(path))])


@pytest.mark.requirement("CC28-TMS-065")
@pytest.mark.parametrize("path", named([("PatientID",), (START,), LABEL, (STATION, "CodeValue")]))
def test_required_keys_are_supported(tdd, has, judge, path):
    known = has(path)
    exchange = known.ask(tdd, path, known.value(path))
    judge(find.includes(exchange, known.uid))
    told = pending_status(exchange, known.uid)
    judge([] if told == SUPPORTED else [Finding("FF00, for no optional key was asked for", f"{told:04X}")])


SEVERAL = {("AdmittingDiagnosesDescription",): ["Pain", "Fever", "Fatigue"], ("MedicalAlerts",): ["Latex", "Iodine", "Pacemaker"]}


@pytest.fixture
def several(uncommon):
    """A function that returns a UPS with several values in a key; skips if they are not kept."""

    def of(path):
        if list(values_at(uncommon.held.dataset, path)[:1]) != [SEVERAL[path]]:
            pytest.skip(f"not judged: the SCP does not show {path[0]} as it was sent")
        return uncommon

    return of


@pytest.mark.requirement("CC28-TMS-066")
@pytest.mark.parametrize("number", [0, 1, 2], ids=["first", "second", "third"])
@pytest.mark.parametrize("path", named(SEVERAL))
def test_any_of_several_values_finds(tdd, several, judge, path, number):
    known, value = several(path), SEVERAL[path][number]
    judge(find.includes(known.ask(tdd, path, value), known.uid))
    judge(find.includes(known.ask(tdd, path, f"{value[:3]}*"), known.uid))


@pytest.mark.requirement("CC28-TMS-066")
@pytest.mark.parametrize("asked", ["one", "nothing"])
@pytest.mark.parametrize("path", named(SEVERAL))
def test_all_of_several_values_come(tdd, several, judge, path, asked):
    known = several(path)
    exchange = known.ask(tdd, path, SEVERAL[path][1] if asked == "one" else None)
    judge(find.includes(exchange, known.uid))
    there = values_at(response(exchange, known.uid), path)
    if not there:
        pytest.skip(f"not judged: {path[0]} does not come (CC28-TMS-065)")
    judge(ups.equal(list(there[0]) if not isinstance(there[0], str) else [there[0]], SEVERAL[path], path[0]))


@pytest.mark.requirement("CC28-TMS-032")
@pytest.mark.parametrize("path", named(ASKED))
def test_optional_key_finds(tdd, has, judge, path):
    workitem = has(path)
    value = workitem.value(path)
    if path == (MODIFIED,):
        value = f"{value}-{value}"
    judge(find.includes(workitem.ask(tdd, path, value), workitem.uid))


@pytest.mark.requirement("CC28-TMS-032")
@pytest.mark.parametrize("place", [0, 2], ids=["first", "last"])
@pytest.mark.parametrize("path", named(path for path in ASKED if VR[path] == "UI"))
def test_list_of_uids_of_an_optional_key_finds(tdd, has, judge, path, place):
    known = has(path)
    uids = [generate_uid(), RTPlanStorage]
    uids.insert(place, known.value(path))
    judge(find.includes(known.ask(tdd, path, uids), known.uid))


@pytest.mark.requirement("CC28-TMS-033")
@pytest.mark.parametrize("path", named(ASKED))
def test_optional_key_is_matched(tdd, has, judge, follows, path):
    workitem = has(path)
    exchange = workitem.ask(tdd, path, another(path, workitem.value(path)))
    judge(find.ended(exchange))
    word = "ignored" if came(exchange, workitem.uid) else "matched"
    follows(word)


@pytest.mark.requirement("CC28-TMS-034")
@pytest.mark.parametrize("keyword", ["Modality", PARAMETERS, PROGRESS])
def test_what_is_no_key(tdd, workitem, judge, follows, keyword):
    concept = item(ConceptNameCodeSequence=[coded(99)])
    value = {"Modality": "CT", PARAMETERS: [concept], PROGRESS: [item(ProcedureStepProgress="99")]}[keyword]
    exchange = workitem.ask(tdd, (keyword,), value)
    judge(status.answered(exchange))
    word = "refused" if is_failure(exchange.status) else "ignored" if came(exchange, workitem.uid) else "matched"
    follows(word)


@pytest.fixture(scope="module")
def completed(looks_at):
    return looks_at("COMPLETED")


@pytest.mark.requirement("CC28-TMS-035")
@pytest.mark.parametrize(
    "path", named([(PERFORMED, "PerformedStationNameCodeSequence", "CodeValue"), (PERFORMED, "PerformedProcedureStepEndDateTime")])
)
def test_performed_procedure_as_a_key(tdd, completed, judge, follows, path):
    uid = completed.workitem.uid
    shown_ = tdd.get(uid, [PERFORMED]).dataset
    value = str((values_at(shown_, path) or [completed.workitem.station.value])[0])
    other = "20991231235959" if path[-1].endswith("DateTime") else f"{value}X"
    if path[-1].endswith("DateTime") and not values_at(shown_, path):
        pytest.skip("not judged: the SCP no longer shows the completed UPS, or has no such value")
    right, wrong = (tdd.query(both(item(SOPInstanceUID=uid), nested(path, one))) for one in (value, other))
    if right.status == wrong.status == NOT_OF_THE_CLASS:
        follows("refused")
        return
    judge(find.ended(right) + find.ended(wrong))
    if not came(right, uid):
        pytest.skip("not judged: the SCP no longer shows the completed UPS, or has no such value")
    word = "ignored" if came(wrong, uid) else "matched"
    follows(word)


# --- no value to match --------------------------------------------------------------------------------------------------

UNFILLED = {
    ("PatientBirthDate",): "19991231", ("AdmissionID",): "Adm-1", ("IssuerOfPatientID",): "Clinic-1",
    ("AdmittingDiagnosesCodeSequence", "CodeValue"): "C1",
}  # fmt: skip


@pytest.fixture(scope="module")
def unfilled(create, system):
    """A UPS without a value in some keys."""
    return create(plain(system, **{path[0]: [] if len(path) > 1 else None for path in UNFILLED}))


@pytest.mark.requirement("CC28-TMS-064")
@pytest.mark.parametrize("path", named(UNFILLED))
def test_value_where_there_is_none(tdd, unfilled, judge, follows, path):
    if values_at(unfilled.held.dataset, path):
        pytest.skip(f"not judged: the SCP gives {'.'.join(path)} a value")
    exchange = unfilled.ask(tdd, path, UNFILLED[path])
    judge(find.ended(exchange))
    follows("matched" if came(exchange, unfilled.uid) else "unmatched")


# --- responses ----------------------------------------------------------------------------------------------------------

TOP = [row.keyword for row in attribute_rows().values() if row.keyword not in ("SpecificCharacterSet", "TransactionUID")]
# Every UPS has them: with a value, or perhaps without one.
EVERYWHERE = [
    keyword for keyword in TOP if RETURNED[(keyword,)] in ("1", "2") and attribute_rows()[keyword].create in ("1", "2", "special")
]


@pytest.fixture(scope="module")
def everything(tdd, workitem):
    """The query for all attributes of one UPS."""
    return tdd.query(both(item(**dict.fromkeys(TOP)), item(SOPInstanceUID=workitem.uid)))


@pytest.fixture(scope="module")
def identifier(everything, workitem):
    if not came(everything, workitem.uid):
        pytest.skip("not judged: the query for all attributes did not find the UPS (CC28-TMS-036)")
    return response(everything, workitem.uid)


@pytest.mark.requirement("CC28-TMS-036")
def test_query_for_everything(everything, workitem, judge):
    judge(find.includes(everything, workitem.uid) + find.identifiers_decodable(everything))


@pytest.mark.requirement("CC28-TMS-037")
@pytest.mark.parametrize("keyword", EVERYWHERE)
def test_return_key_comes(identifier, judge, keyword):
    judge([] if keyword in identifier else [Finding("present", "attribute absent", keyword)])
    if RETURNED[(keyword,)] == "1":
        judge([] if not identifier[keyword].is_empty else [Finding("present with a value", "present without a value", keyword)])


@pytest.mark.requirement("RO58-TMS-026")
def test_dates_and_times_are_legal(identifier, judge):
    judge(illegal_times(identifier))


@pytest.mark.requirement("RO58-TMS-028")
def test_values_are_written_as_their_vr_has_it(everything, judge):
    judge(find.ended(everything) + illegal_answers(everything))


@pytest.mark.requirement("CC28-TMS-038")
def test_only_what_was_asked(everything, judge):
    judge(find.only_asked(everything))


@pytest.mark.requirement("CC28-TMS-038")
@pytest.mark.parametrize("path", named(path for path in USUAL if len(path) > 1))
def test_only_what_was_asked_in_items(tdd, has, judge, path):
    known = has(path)
    exchange = known.ask(tdd, path, None)
    judge(find.includes(exchange, known.uid) + find.only_asked(exchange))


@pytest.mark.requirement("CC28-TMS-038")
def test_only_the_identity(tdd, workitem, judge):
    exchange = tdd.query(item(SOPInstanceUID=workitem.uid))
    judge(find.includes(exchange, workitem.uid) + find.only_asked(exchange))


@pytest.mark.requirement("CC28-TMS-039")
@pytest.mark.parametrize("model", [UPS.PULL, UPS.WATCH, UPS.QUERY], ids=["pull", "watch", "query"])
def test_sop_class_of_responses(tdd, workitem, supported, judge, model):
    must_support(supported, model)
    exchange = tdd.query(item(SOPInstanceUID=workitem.uid, SOPClassUID=None), model)
    judge(find.includes(exchange, workitem.uid))
    judge(ups.equal(response(exchange, workitem.uid).get("SOPClassUID"), UPS.PUSH, "SOPClassUID"))


@pytest.mark.requirement("CC28-TMS-040")
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not-asked"])
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_transaction_uid_never_comes(tdd, workitem, running, judge, state, asked):
    uid = workitem.uid if state == "SCHEDULED" else running.workitem.uid
    query = both(item(**dict.fromkeys(TOP)), item(SOPInstanceUID=uid, **({"TransactionUID": None} if asked else {})))
    exchange = tdd.query(query)
    judge(status.answered(exchange) if asked else find.includes(exchange, uid))
    judge(status.no_transaction_uid([exchange]))


@pytest.mark.requirement("CC28-TMS-041")
def test_transaction_uid_is_no_key(tdd, running, judge):
    uid = running.workitem.uid
    guess = tdd.query(item(SOPInstanceUID=uid, TransactionUID=generate_uid()))
    hit = tdd.query(item(SOPInstanceUID=uid, TransactionUID=running.transaction_uid))
    judge(status.answered(guess) + status.answered(hit))
    told = came(hit, uid) and not came(guess, uid)
    judge(
        [Finding("the same answer to the lock and to another UID", "only the lock finds the UPS", "TransactionUID")] if told else []
    )


@pytest.fixture(scope="module")
def running(looks_at):
    return looks_at("IN PROGRESS")


@pytest.mark.requirement("CC28-TMS-042")
def test_pending_with_identifier(everything, judge):
    judge(find.pending_with_identifier(everything))


@pytest.mark.requirement("CC28-TMS-043")
@pytest.mark.parametrize("matches", [True, False], ids=["match", "no-match"])
def test_final_response_has_no_identifier(tdd, workitem, judge, matches):
    exchange = tdd.query(item(SOPInstanceUID=workitem.uid if matches else generate_uid(), PatientID=None))
    judge(find.ended(exchange) + find.final_without_identifier(exchange))


@pytest.mark.requirement("CC28-TMS-044")
@pytest.mark.parametrize(
    "keys", [{"SOPInstanceUID": generate_uid()}, {"PatientID": "~*~"}, {"ProcedureStepLabel": generate_uid()}], ids="-".join
)
def test_no_match(tdd, workitem, judge, judge_status, keys):
    exchange = tdd.query(both(item(SOPInstanceUID=None), item(**keys)))
    judge_status(exchange)
    judge(find.nothing_found(exchange))


@pytest.mark.requirement("CC28-TMS-045")
def test_conditional_attributes_have_values(everything, judge):
    judge(find.ended(everything))
    judge(
        Finding("absent, or with a value", "present without a value", f"identifier[{number}].{keyword}")
        for number, one in enumerate(everything.identifiers)
        for keyword in ("SpecificCharacterSet", "TimezoneOffsetFromUTC")
        if keyword in one and one[keyword].is_empty
    )


@pytest.mark.requirement("CC28-TMS-046")
def test_search_changes_nothing(tdd, workitem, judge):
    before = tdd.get(workitem.uid)
    judge(find.includes(tdd.query(item(SOPInstanceUID=workitem.uid, ProcedureStepLabel=None)), workitem.uid))
    judge(not_found(workitem.ask(tdd, LABEL, "Nothing of the kind"), workitem.uid, "it has another label"))
    judge(ups.untouched(before, tdd.get(workitem.uid)))


# --- states and changes -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course_in(looks_at):
    """A function that brings one UPS to each state."""
    made = {}

    def of(state):
        if state not in made:
            made[state] = looks_at(state)
        return made[state]

    return of


@pytest.mark.requirement("CC28-TMS-047")
@pytest.mark.parametrize("asked", STATES)
@pytest.mark.parametrize("state", STATES)
def test_state_as_a_key(tdd, course_in, judge, state, asked):
    session = course_in(state)
    exchange = tdd.query(item(SOPInstanceUID=session.workitem.uid, ProcedureStepState=asked))
    judge(find.ended(exchange))
    if tdd.get(session.workitem.uid, ["ProcedureStepState"]).status in NO_SUCH_UPS and state in ("COMPLETED", "CANCELED"):
        pytest.skip(f"not judged: the SCP no longer has the {state} UPS")
    if asked == state:
        judge(find.includes(exchange, session.workitem.uid))
    else:
        judge(find.excludes(exchange, session.workitem.uid, f"it is {state}"))


@pytest.mark.requirement("CC28-TMS-048")
def test_changed_value(tdd, updates, judge):
    uid = updates().workitem.uid
    changed = tdd.set(uid, item(ProcedureStepLabel="Later"))
    if changed.status == 0xC310:
        pytest.skip("not judged: the N-SET of a SCHEDULED UPS is refused, as it may be (CC26-TMS-002, A11)")
    judge(status.accepted(changed, "an N-SET of a SCHEDULED UPS"))
    if tdd.get(uid, LABEL).dataset != item(ProcedureStepLabel="Later"):
        pytest.skip("not judged: the SCP does not show the label as it was set")
    judge(find.includes(tdd.query(item(SOPInstanceUID=uid, ProcedureStepLabel="Later")), uid))
    judge(not_found(tdd.query(item(SOPInstanceUID=uid, ProcedureStepLabel="Fraction 3")), uid, "its label has been changed"))


# --- models -------------------------------------------------------------------------------------------------------------


def must_support(supported, model):
    """Do not judge an optional model that is not supported."""
    for option, optional in (("watch", UPS.WATCH), ("query", UPS.QUERY)):
        if model == optional:
            supported("TMS", option)


models = pytest.mark.parametrize(
    "model",
    [
        pytest.param(UPS.WATCH, id="watch", marks=pytest.mark.requirement("CC28-TMS-049")),
        pytest.param(UPS.QUERY, id="query", marks=pytest.mark.requirement("CC28-TMS-050")),
    ],
)


@pytest.fixture
def shows(source, looks_at, tdd, request):
    """A function that returns a UPS with a value in a key: of the system's own workitems one, with the values that it shows."""
    if not source.own:
        return request.getfixturevalue("has")
    uid = looks_at().workitem.uid
    held = tdd.get(uid)
    known = Known(uid, held.dataset or Dataset(), None, held)

    def of(path):
        value = known.value(path)
        if value is None or set(str(value)) & set("*?\\"):
            pytest.skip(f"not judged: the workitem shows no {'.'.join(path)}, or one that matches others")
        return known

    return of


@models
@pytest.mark.parametrize(
    "path", named([("PatientID",), LABEL, NAME, (START,), (STATION, "CodeValue"), (REQUEST, "AccessionNumber")])
)
def test_same_matches(tdd, shows, judge, model, path):
    known = shows(path)
    value = known.value(path)
    query, different = known.query(path, value), known.query(path, another(path, value))
    pull, exchange = tdd.query(query), tdd.query(query, model)
    if not find.ended(pull) and find.includes(pull, known.uid):
        pytest.skip("not judged: through UPS Pull it is not found either (RO58-TMS-003, CC28-TMS-001)")
    judge(find.includes(exchange, known.uid))
    for check in (find.pending_with_identifier, find.only_asked):  # what is wrong through Pull as well fails there
        judge(check(exchange) if not check(pull) else [])
    other = tdd.query(different, model)
    judge(not_found(other, known.uid, f"{path[-1]} is {value!r}"))


@pytest.mark.requirement("CC28-TMS-051")
@pytest.mark.parametrize("model", [UPS.PULL, UPS.WATCH, UPS.QUERY], ids=["pull", "watch", "query"])
def test_affected_sop_class(tdd, workitem, supported, judge, model):
    must_support(supported, model)
    exchange = tdd.query(item(SOPInstanceUID=workitem.uid), model)
    judge(find.includes(exchange, workitem.uid) + status.no_foreign_uid(exchange, "AffectedSOPClassUID", model))


# --- many matches, and cancelling ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def series(tdd, system):
    """Workitems of one patient: the label of each by its UID."""
    attributes = plain(system)
    found = {}
    for number in range(SERIES):
        uid = generate_uid()
        attributes.ProcedureStepLabel = f"Number {number}"
        if status.accepted(tdd.create(uid, copy.deepcopy(attributes)), "an N-CREATE"):
            pytest.skip("not judged: the workitems to search for were not created (CC25-TMS-033)")
        shown_label = tdd.get(uid, ["PatientID", "ProcedureStepLabel"]).dataset
        if shown_label != item(PatientID=attributes.PatientID, ProcedureStepLabel=f"Number {number}"):
            pytest.skip("not judged: the SCP does not show patient and label as they were sent")
        found[uid] = f"Number {number}"
    return attributes.PatientID, found


@pytest.fixture
def link(associate, series):
    with associate("TMS", [UPS.PULL]) as association:
        yield association


def series_query(series):
    return item(SOPInstanceUID=None, PatientID=series[0], ProcedureStepLabel=None, InputInformationSequence=[])


@pytest.mark.requirement("CC28-TMS-052")
def test_every_match_comes_once(tdd, series, judge):
    exchange = tdd.query(series_query(series))
    judge(find.includes(exchange, *series[1]) + find.each_once(exchange))
    judge(ups.equal(len(exchange.pending), len(series[1]), "number of responses"))


@pytest.mark.requirement("CC28-TMS-053")
def test_each_response_is_of_one_ups(tdd, series, judge):
    exchange = tdd.query(series_query(series))
    judge(find.includes(exchange, *series[1]))
    for identifier in exchange.identifiers:
        label_of = series[1].get(identifier.get("SOPInstanceUID"))
        judge(
            ups.equal(identifier.get("ProcedureStepLabel"), label_of, f"ProcedureStepLabel of {identifier.get('SOPInstanceUID')}")
        )


@pytest.mark.requirement("CC28-TMS-054")
def test_cancel(link, series, judge, judge_status):
    exchange = link.c_find(UPS.PULL, series_query(series), cancel_after=1)
    judge_status(exchange)
    judge(find.final_without_identifier(exchange))
    if exchange.status == 0:
        judge(find.includes(exchange, *series[1]))


@pytest.mark.requirement("CC28-TMS-055")
def test_association_lives_after_a_cancel(link, series, judge):
    judge(status.answered(link.c_find(UPS.PULL, series_query(series), cancel_after=1)))
    judge([] if link.established else [Finding("the association stands after a C-FIND-CANCEL", "it has ended")])
    after = link.c_find(UPS.PULL, series_query(series))
    judge(find.includes(after, *series[1]) + find.each_once(after))


@pytest.mark.requirement("CC28-TMS-067")
def test_cancel_of_another_message(link, series, judge):
    exchange = link.c_find(UPS.PULL, series_query(series), cancel_after=1, cancels_another=True)
    judge(find.includes(exchange, *series[1]))


# --- queries that are not as they should be -------------------------------------------------------------------------------

STRANGE: dict[str, dict] = {
    "unknown-state": {"ProcedureStepState": "SUSPENDED"},
    "state-in-lower-case": {"ProcedureStepState": "scheduled"},
    "unknown-priority": {"ScheduledProcedureStepPriority": "URGENT"},
    "unknown-readiness": {"InputReadinessState": "PERHAPS"},
}
MALFORMED: dict[str, dict] = {
    "range-without-ends": {START: "-"},
    "range-that-ends-before-it-begins": {START: "20260102000000-20260101000000"},
    "no-date-time": {START: "tomorrow"},
    "no-date": {BIRTH: "1960-01-01-1961"},
    "two-items": {STATION: [coded(1), coded(2)]},
    "two-values": {"ProcedureStepLabel": ["Plan 1", "Plan 2"]},
    "much-too-long": {"ProcedureStepLabel": "X" * 5000},
    "no-uid": {"SOPInstanceUID": "not.a.uid"},
    "unknown-attribute": {"Modality": "CT"},
    "wild-cards-only": {"ProcedureStepLabel": "*?" * 30 + "~"},
    "no-keys": {},
}


@contextmanager
def going_on(link, uid, judge):
    """Check that the association can be used after what was asked on it."""
    yield
    judge([] if link.established else [Finding("the association stands", "it has ended")])
    judge(find.includes(link.c_find(UPS.PULL, item(SOPInstanceUID=uid)), uid))


@pytest.mark.requirement("CC28-TMS-056")
@pytest.mark.parametrize("keys", STRANGE.values(), ids=STRANGE)
def test_unknown_value(link, workitem, judge, keys):
    exchange = link.c_find(UPS.PULL, both(item(SOPInstanceUID=None, PatientID=workitem.sent.PatientID), item(**keys)))
    judge(find.excludes(exchange, workitem.uid, "there is no such value"))


@pytest.mark.requirement("CC28-TMS-057")
@pytest.mark.parametrize("keys", (STRANGE | MALFORMED).values(), ids=STRANGE | MALFORMED)
def test_goes_on(link, workitem, judge, keys):
    with going_on(link, workitem.uid, judge):
        query = both(item(SOPInstanceUID=None), item(**keys)) if keys else item(SpecificCharacterSet="ISO_IR 100")
        judge(status.answered(link.c_find(UPS.PULL, query)))


@pytest.mark.requirement("CC28-TMS-043")
@pytest.mark.parametrize(
    "keys", [keys for keys in MALFORMED.values() if keys], ids=[name for name, keys in MALFORMED.items() if keys]
)
def test_failure_has_no_identifier(link, judge, keys):
    exchange = link.c_find(UPS.PULL, both(item(SOPInstanceUID=None), item(**keys)))
    if exchange.status is None or not is_failure(exchange.status):
        pytest.skip("not judged: the query is not refused, and need not be (CC28-TMS-057)")
    judge(find.final_without_identifier(exchange))


@pytest.mark.requirement("CC28-TMS-057")
@pytest.mark.filterwarnings("ignore:VR lookup failed")
@pytest.mark.parametrize("kind", unlisted.KINDS)
def test_goes_on_after_a_key_that_no_ups_has(link, workitem, judge, kind):
    with going_on(link, workitem.uid, judge):
        judge(status.answered(link.c_find(UPS.PULL, unlisted.add(item(SOPInstanceUID=None), kind))))


# Without a value: matched by every UPS [PS3.4 C.2.2.2.3].
NO_KEYS = {
    "of-no-ups": (Tag("PixelSpacing"), "DS", None),
    "sequence-of-no-ups": (Tag("BeamSequence"), "SQ", []),
    "undefined": (unlisted.UNDEFINED, "UN", None),
    "misplaced": (Tag("ProcedureStepProgress"), "DS", None),
}


@pytest.mark.requirement("CC28-TMS-070")
@pytest.mark.filterwarnings("ignore:VR lookup failed")
@pytest.mark.parametrize("kind", NO_KEYS)
def test_empty_key_that_no_ups_has(tdd, replaced, needs, judge, follows, kind):
    needs(find.includes(tdd.query(item(SOPInstanceUID=replaced.uid)), replaced.uid), "CC28-TMS-030")
    query = item(SOPInstanceUID=replaced.uid)
    query.add_new(*NO_KEYS[kind])
    exchange = tdd.query(query)
    judge(status.answered(exchange))
    if is_failure(exchange.status):
        judge(find.final_without_identifier(exchange))
        follows("refused")
        return
    judge(find.includes(exchange, replaced.uid))
    follows("found")


# --- character sets and time zones ----------------------------------------------------------------------------------------

MUELLER = "Müller^Jürgen^Ägidius"


@pytest.fixture(scope="module")
def foreign(create, system):
    """A function that makes a UPS with text beyond ASCII in a character set."""
    made = {}

    def stored(character_set):
        if character_set not in made:
            attributes = plain(system, MUELLER, SpecificCharacterSet=character_set, ProcedureStepLabel="Größe")
            made[character_set] = create(attributes)
        known = made[character_set]
        if not known.keeps(NAME) or not known.keeps(LABEL):
            pytest.skip(f"not judged: the SCP does not show text in {character_set} as it was sent")
        return known

    return stored


sets = pytest.mark.parametrize("stored", ["ISO_IR 100", "ISO_IR 192"])


@pytest.mark.requirement("CC28-TMS-059")
@pytest.mark.parametrize("path", named([NAME, LABEL]))
@pytest.mark.parametrize("asked", ["ISO_IR 100", "ISO_IR 192"])
@sets
def test_text_in_a_character_set(tdd, foreign, judge, stored, asked, path):
    foreign(asked)  # the SCP supports it
    known = foreign(stored)
    query = known.query(path, known.value(path))
    query.SpecificCharacterSet = asked
    judge(find.includes(tdd.query(query), known.uid))


@pytest.mark.requirement("CC28-TMS-060")
@pytest.mark.parametrize("asked", ["ISO_IR 100", "ISO_IR 192"])
@sets
def test_other_text_in_a_character_set(tdd, foreign, judge, stored, asked):
    known = foreign(stored)
    query = known.query(LABEL, "Grüße")
    query.SpecificCharacterSet = asked
    judge(not_found(tdd.query(query), known.uid, "its label is 'Größe'"))


@pytest.mark.requirement("CC28-TMS-061")
@pytest.mark.parametrize("asked", [None, "ISO_IR 100", "ISO_IR 192"])
@sets
def test_responses_can_be_read(tdd, foreign, judge, stored, asked):
    known = foreign(stored)
    query = item(SOPInstanceUID=known.uid, PatientName=None, ProcedureStepLabel=None)
    if asked:
        query.SpecificCharacterSet = asked
    exchange = tdd.query(query)
    judge(find.includes(exchange, known.uid))
    identifier = response(exchange, known.uid)
    judge(ups.has_value(identifier, "SpecificCharacterSet"))
    judge(ups.equal(str(identifier.get("PatientName")), MUELLER, "PatientName"))
    judge(ups.equal(identifier.get("ProcedureStepLabel"), "Größe", "ProcedureStepLabel"))


@pytest.mark.requirement("CC28-TMS-062")
@pytest.mark.parametrize("offset", ["+0000", "+0100", "-0500"])
def test_timezone_in_the_query(tdd, has, judge, note_reading, offset):
    known = has((START,))
    start = datetime.strptime(known.value((START,)), "%Y%m%d%H%M%S")
    readings = []
    for range_of, word in ((f"{start:%Y%m%d%H%M%S}", "the time as it was scheduled"), ("", "any time")):
        asked = f"{range_of}-{range_of}" if range_of else None
        query = known.query((START,), asked)
        query.TimezoneOffsetFromUTC = offset
        exchange = tdd.query(query)
        judge(status.answered(exchange))
        readings.append(f"{word} {'finds' if came(exchange, known.uid) else 'does not find'} it")
    note_reading(f"with offset {offset} {' and '.join(readings)}")


@pytest.mark.requirement("CC28-TMS-063")
@pytest.mark.parametrize("offset", ["+0000", "-0500"])
def test_timezone_is_no_key(tdd, workitem, judge, offset):
    query = item(SOPInstanceUID=workitem.uid, PatientID=workitem.sent.PatientID, TimezoneOffsetFromUTC=offset)
    judge(find.includes(tdd.query(query), workitem.uid))

"""CC.2.5 Create a Unified Procedure Step (N-CREATE): what is created and kept, what is refused, what the SCP fills in."""

import copy
import dataclasses
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import RTPlanStorage, generate_uid
from pydicom.valuerep import DT

from tdwii_conformance.checks import Finding, find, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.profile.statuses import is_failure, is_warning, status_text
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.messages import code_item, item
from tdwii_conformance.ups.times import same_moment

STATE = ("ProcedureStepState",)
MODIFIED = "ScheduledProcedureStepModificationDateTime"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
NO_SUCH_UPS = (0x0112, 0xC307)
MODIFICATIONS = (0x0107, 0x0116, 0xB300)  # created, but not quite as it was sent

ROWS = attribute_rows()
SHOWN = [keyword for keyword, row in ROWS.items() if row.get in ("1", "2")]
# What N-CREATE brings empty, or what has requirements of its own.
APART = ("TransactionUID", "SpecificCharacterSet", *STATE, PROGRESS, PERFORMED)
# PS3.3 permits a single item in these [PS3.3 8.8, 10, C.30].
SINGLE = frozenset({
    "AssigningAgencyOrDepartmentCodeSequence", "AssigningFacilitySequence", "AssigningJurisdictionCodeSequence",
    "ConceptCodeSequence", "ConceptNameCodeSequence", "DICOMStorageSequence", "HumanPerformerCodeSequence",
    "IssuerOfAccessionNumberSequence", "IssuerOfAdmissionIDSequence", "IssuerOfPatientIDQualifiersSequence",
    "MeasurementUnitsCodeSequence", "OrderFillerIdentifierSequence", "OrderPlacerIdentifierSequence",
    "ReferencedPatientPhotoSequence", "RequestedProcedureCodeSequence", "RequestingServiceCodeSequence",
    "STOWRSStorageSequence", "ScheduledWorkitemCodeSequence", "XDSStorageSequence",
})  # fmt: skip


def walk(rows, path=()):
    """Yield every attribute that N-CREATE may bring, with its path from the top."""
    for keyword, row in rows.items():
        if row.create != "not allowed":
            yield (*path, keyword), row
            yield from walk(row.items, (*path, keyword))


def supported(row):
    """Whether the SCP has to keep an attribute: types 3/2 and 3/3 are for the vendor to choose."""
    return row.get in ("1", "1C") or (row.get in ("2", "2C") and row.create != "3")


def firsts(paths):
    """Return the first path to each attribute: macros are included at many places."""
    found = {}
    for path in paths:
        found.setdefault(path[-1], path)
    return list(found.values())


def named(path):
    return ".".join(path)


EVERYWHERE = list(walk(ROWS))
# The state has requirements of its own; SOP Class and Instance UID are not sent in data sets.
TYPE_1 = [path for path, row in EVERYWHERE if row.create == "1" and path != STATE]
TYPE_2 = [path for path, row in EVERYWHERE if row.create == "2"]
TYPE_1C = [path for path, row in EVERYWHERE if row.create == "1C" and row.need]
KEPT = [k for k, row in ROWS.items() if row.create in ("1", "2", "1C", "2C", "3") and supported(row) and k not in APART]
CONDITIONAL = firsts(path for path, row in EVERYWHERE if row.create in ("1C", "2C") and path != ("SpecificCharacterSet",))
OPTIONAL = firsts(path for path, row in EVERYWHERE if row.create == "3" and not supported(row))


# --- what is sent -----------------------------------------------------------------------------------------------------


BY_VR = {
    "SH": "TEST", "LO": "Conformance test", "ST": "A short text", "LT": "A long text\r\nof two lines", "UT": "A text",
    "UC": "A code that is longer than sixteen characters", "UR": "https://tdwii.example/conformance", "DA": "20260102",
    "TM": "081500", "DT": "20260102081500", "DS": "1.5", "IS": "1", "US": 1, "PN": "Doe^Jane", "AE": "ARCHIVE1",
    "UI": generate_uid(),
}  # fmt: skip
BY_KEYWORD = {
    "ScheduledProcedureStepPriority": "HIGH", "InputReadinessState": "READY", "ProcedureStepState": "SCHEDULED",
    "TransactionUID": "", "ValueType": "TEXT", "TypeOfInstances": "DICOM", "PatientSex": "O", "CodeValue": "TEST1",
    "CodingSchemeDesignator": "99TDWII", "URNCodeValue": "urn:oid:1.2.3.4", "MappingResource": "DCMR",
    "ContextGroupExtensionFlag": "Y", "LocalNamespaceEntityID": "CLINIC", "UniversalEntityID": "1.2.3.4",
    "UniversalEntityIDType": "ISO", "IdentifierTypeCode": "MR", "TypeOfPatientID": "TEXT",
    "ReferencedSOPClassUID": RTPlanStorage,
}  # fmt: skip


def value(keyword, row):
    return BY_KEYWORD.get(keyword, BY_VR.get(row.vr))


def entry(rows, target=(), whole=False):
    """Return a legal item: what must be there; what leads to `target`; if `whole`, all that the SCP has to support."""
    made = Dataset()
    if target:
        _aim(made, rows, target)
    for keyword, row in rows.items():
        if keyword not in made and _belongs(made, keyword, row, whole):
            empty = row.vr == "SQ" and row.create == "2" and not whole
            setattr(made, keyword, [] if empty else [entry(row.items, whole=whole)] if row.vr == "SQ" else value(keyword, row))
    return made


def _aim(made, rows, target):
    """Put the first attribute of a path into an item, and before it what its condition asks for."""
    keyword, row = target[0], rows[target[0]]
    if row.need and row.need.kind == "=":
        setattr(made, row.need.keywords[0], row.need.value)
    elif row.need and row.need.kind == "any":
        setattr(made, row.need.keywords[0], value(row.need.keywords[0], rows[row.need.keywords[0]]))
    if target[-1] == "HL7InstanceIdentifier" and "TypeOfInstances" in rows:
        made.TypeOfInstances = "CDA"
    setattr(made, keyword, [entry(row.items, target[1:])] if row.vr == "SQ" else value(keyword, row))


def _belongs(made, keyword, row, whole):
    if row.create == "1C":
        of_study = keyword in ("StudyInstanceUID", "SeriesInstanceUID") and made.get("TypeOfInstances") == "DICOM"
        return of_study or (row.need is not None and row.need.holds(made))
    return row.create in ("1", "2") or (whole and row.create == "3" and supported(row))


def leading_to(attributes, path):
    """Put an attribute into an attribute list, where it is legal; return the item that holds it."""
    keyword, row = path[0], ROWS[path[0]]
    if keyword in APART:
        return attributes
    if row.vr == "SQ":
        items = [] if keyword in SINGLE else list(attributes.get(keyword) or ())
        setattr(attributes, keyword, [*items, entry(row.items, path[1:])])
    elif not attributes.get(keyword):
        setattr(attributes, keyword, value(keyword, row))
    return held(attributes, path)


def held(dataset, path):
    """Return the item that holds the attribute at the end of a path, the last one where there are several; or ``None``."""
    for keyword in path[:-1]:
        items = dataset.get(keyword)
        if not items:
            return None
        dataset = items[-1]
    return dataset


def empty(place, keyword):
    setattr(place, keyword, [] if place[keyword].VR == "SQ" else None)


# --- what is seen -----------------------------------------------------------------------------------------------------


def differences(sent, came, rows=ROWS, path=""):
    """Yield where a UPS does not show what was sent, by meaning. What the SCP need not support may be missing."""
    for element in sent:
        row = rows.get(element.keyword)
        if row is None or row.get == "not allowed" or element.keyword in APART[:2]:
            continue
        place = f"{path}{element.keyword}"
        received = came.get(element.tag)
        if nothing(element):
            # Worklist Label is for the SCP to fill in; what else it fills in, B300 would tell.
            if received is not None and not nothing(received) and not (row.create == "2" and row.get == "1"):
                yield Finding("empty, as it was sent", f"value {_brief(received.value)}", place, weight="warning")
        elif received is None or nothing(received):
            if supported(row):
                missing = "attribute absent" if received is None else "present without a value"
                yield Finding(f"value {_brief(element.value)}, as it was sent", missing, place)
        elif element.VR == "SQ":
            yield from _items_differ(element, received, row, place)
        elif not same(element.VR, element.value, received.value):
            alike = same(element.VR, element.value, received.value, _moment)
            if element.VR == "DT" and element.VM == received.VM == 1:
                alike = alike or same_moment(str(element.value), str(received.value))
            weight = "warning" if alike else "fault"
            expected, came_instead = _where_they_differ(element.value, received.value)
            yield Finding(f"value {expected}", f"value {came_instead}", place, weight=weight)


def _items_differ(element, received, row, place):
    items, others = element.value, received.value if received.VR == "SQ" else []
    if len(items) != len(others):
        yield Finding(f"{len(items)} item(s), as sent", f"{len(others)} item(s)", place)
    for index, (one, other) in enumerate(zip(items, others, strict=False)):
        yield from differences(one, other, row.items, f"{place}[{index}].")
        for extra in other:
            if extra.tag not in one and not nothing(extra) and extra.keyword != "SpecificCharacterSet":
                name = f"{place}[{index}].{extra.keyword or extra.tag}"
                yield Finding("not there, as it was not sent", f"value {_brief(extra.value)}", name)


def nothing(element):
    return not element.value if element.VR == "SQ" else element.is_empty


def _brief(value):
    text = repr(list(value) if isinstance(value, MultiValue) else value)
    return text if len(text) <= 200 else f"{text[:120]}... ({len(text)} characters)"


def _where_they_differ(one, other):
    """Show two values; of long ones what is around the first difference."""
    if not (isinstance(one, str) and isinstance(other, str)) or max(len(one), len(other)) <= 150:
        return _brief(one), _brief(other)
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return tuple(f"{text[max(at - 20, 0) : at + 40]!r} at character {at + 1} of {len(text)}" for text in (one, other))


def same(vr, one, other, meaning=None):
    """Whether two values are equal; what pads them, and how numbers are written, is no part of them."""
    ones, others = ([*v] if isinstance(v, (list, MultiValue)) else [v] for v in (one, other))
    form = meaning or _form
    return len(ones) == len(others) and all(form(vr, a) == form(vr, b) for a, b in zip(ones, others, strict=True))


def _form(vr, value):
    text = str(value)
    if vr in ("DS", "IS", "US"):
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    if vr == "PN":  # trailing empty components and component groups may be left out [PS3.5 6.2]
        return "=".join(group.rstrip("^ ") for group in text.split("=")).rstrip("= ")
    return text.rstrip(" \0") if vr in ("LT", "ST", "UT", "UR", "UI") else text.strip(" ")


def _moment(vr, value):
    """A date-time without the zeros that a fraction of a second may end with."""
    if vr in ("DT", "TM") and (parts := re.fullmatch(r"(\d+)(?:\.(\d+))?([+-]\d{4})?", str(value).strip())):
        return parts[1], (parts[2] or "").rstrip("0"), parts[3]
    return _form(vr, value)


def kept(exchange, found):
    """Take findings for warnings when the SCP has said that it created the UPS with modifications."""
    if exchange.status in MODIFICATIONS:
        return [dataclasses.replace(finding, weight="warning") for finding in found]
    return list(found)


def no_such_ups(exchange):
    """Check that an N-GET finds no UPS: what was refused was not created. With which failure it says so is for CC27-TMS-010."""
    if found := status.answered(exchange):
        return found
    if is_failure(exchange.status):
        return []
    return [Finding("no such UPS by N-GET: the N-CREATE was refused", f"status {status_text(exchange.status)}")]


def done(exchange):
    return exchange.status == 0 or is_warning(exchange.status)


class Created(NamedTuple):
    """An N-CREATE.

    Parameters
    ----------
    uid : str
        SOP Instance UID given.
    sent : Dataset
        Attribute list, a copy of its own.
    exchange : Exchange
        What was exchanged.
    """

    uid: str
    sent: Dataset
    exchange: Exchange


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def legal(system, source):
    """A function that returns the attributes of a TDW-II workitem for N-CREATE, anew each time."""
    known = source.described("TREATMENT")
    tms, ost = known.facts["tms_ae_title"], known.facts["ost_ae_title"]

    def attributes():
        return copy.deepcopy(
            objects.workitem(known.treatment, tms=tms, ost=ost, station=known.station, start=known.start, edition=system.edition)
        )

    return attributes


@pytest.fixture(scope="module")
def create(system, tdd):
    """A function that creates a UPS; on a system that is not ours, cancels at the end what is still SCHEDULED."""
    uids = []

    def n_create(attributes, uid=None, by=tdd):
        uid = uid or generate_uid()
        sent = copy.deepcopy(attributes)
        exchange = by.create(uid, attributes)
        if done(exchange):
            uids.append(uid)
        return Created(uid, sent, exchange)

    yield n_create
    if not system.embedded and "request-cancel" in system.tms_supports:
        for uid in dict.fromkeys(uids):
            tdd.action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)


def least(attributes):
    """Empty everything that may be empty."""
    for keyword, row in ROWS.items():
        if row.create == "2" and keyword in attributes:
            empty(attributes, keyword)
        elif row.create == "3" and keyword in attributes:
            delattr(attributes, keyword)
    return attributes


def all_supported(attributes):
    """Fill everything that the SCP has to support, one sequence with a second item."""
    for keyword in KEPT:
        row = ROWS[keyword]
        if not attributes.get(keyword):
            setattr(attributes, keyword, [entry(row.items, whole=True)] if row.vr == "SQ" else value(keyword, row))
    attributes.ScheduledStationNameCodeSequence.append(code_item("SECOND", "99TDWII", "Another room"))
    return attributes


SHAPES = {"tdw-ii": lambda attributes: attributes, "least": least, "whole": all_supported}


@pytest.fixture(scope="module")
def made(legal, create):
    """A UPS made as TDW-II has it."""
    return create(legal())


@pytest.fixture(scope="module")
def shown(tdd, made):
    """That UPS by N-GET."""
    return tdd.get(made.uid, SHOWN)


@pytest.fixture(scope="module")
def whole(legal, create):
    """A UPS with all that the SCP has to support."""
    return create(all_supported(legal()))


@pytest.fixture(scope="module")
def whole_shown(tdd, whole):
    return tdd.get(whole.uid, SHOWN)


# --- what is created --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CC25-TMS-001")
@pytest.mark.parametrize("shape", SHAPES)
def test_created(tdd, legal, create, judge, judge_status, shape):
    made = create(SHAPES[shape](legal()))
    judge_status(made.exchange)
    judge(ups.got(tdd.get(made.uid, STATE)))


@pytest.mark.requirement("CC25-TMS-002")
def test_state_is_scheduled(made, shown, judge):
    judge(status.accepted(made.exchange, "an N-CREATE") + ups.state_is(shown, "SCHEDULED"))


@pytest.mark.requirement("CC25-TMS-003")
@pytest.mark.parametrize("keyword", KEPT)
def test_attribute_is_kept(whole, whole_shown, judge, keyword):
    judge(status.accepted(whole.exchange, "an N-CREATE with all that has to be supported") + ups.got(whole_shown))
    sent = item(**{keyword: whole.sent[keyword].value})
    judge(kept(whole.exchange, differences(sent, whole_shown.dataset)))


@pytest.mark.requirement("CC25-TMS-004")
@pytest.mark.parametrize("path", CONDITIONAL, ids=named)
def test_alternative_is_kept(tdd, legal, create, judge, judge_status, path):
    attributes = legal()
    leading_to(attributes, path)
    made = create(attributes)
    shown = tdd.get(made.uid, path[:1])
    if done(made.exchange) and not supported(ROWS[path[0]]) and (shown.dataset is None or not shown.dataset.get(path[0])):
        pytest.skip(f"not judged: {path[0]} is not supported (CC25-TMS-006)")
    judge_status(made.exchange)
    judge(ups.got(shown))
    judge(kept(made.exchange, differences(item(**{path[0]: made.sent[path[0]].value}), shown.dataset)))


@pytest.fixture(scope="module", params=OPTIONAL, ids=named)
def optional(request, legal, create):
    """An N-CREATE with an attribute that the SCP need not support: path, and what was exchanged."""
    attributes = legal()
    leading_to(attributes, request.param)
    return request.param, create(attributes)


def optional_shown(tdd, path, made):
    """Return the item that holds an optional attribute in the answer to N-GET, or ``None``; an SCP without it may fail."""
    exchange = tdd.get(made.uid, path[:1])
    place = None if exchange.dataset is None else held(exchange.dataset, path)
    return place if place is not None and place.get(path[-1]) not in (None, "", []) else None


@pytest.mark.requirement("CC25-TMS-005")
def test_optional_attribute_does_no_harm(optional, judge_status):
    judge_status(optional[1].exchange)


@pytest.mark.requirement("CC25-TMS-006")
def test_optional_attribute_is_kept(tdd, optional, judge):
    path, made = optional
    judge(status.accepted(made.exchange, f"an N-CREATE with {path[-1]}"))
    judge([] if optional_shown(tdd, path, made) else [Finding(f"{path[-1]} by N-GET", f"{path[-1]} is not kept", named(path))])


@pytest.mark.requirement("CC25-TMS-007")
def test_optional_attribute_is_not_changed(tdd, optional, judge):
    path, made = optional
    place = optional_shown(tdd, path, made) if done(made.exchange) else None
    if place is None:
        pytest.skip(f"not judged: {path[-1]} is not kept (CC25-TMS-006)")
    sent = held(made.sent, path)[path[-1]]
    rows = rows_of(path)
    judge(kept(made.exchange, differences(item(**{path[-1]: sent.value}), place, rows, f"{named(path[:-1])}.")))


def rows_of(path):
    rows = ROWS
    for keyword in path[:-1]:
        rows = rows[keyword].items
    return rows


@pytest.fixture(scope="module")
def refusal(legal, create):
    """An N-CREATE that lacks a mandatory attribute."""
    attributes = legal()
    del attributes.ProcedureStepLabel
    return create(attributes)


@pytest.mark.requirement("CC25-TMS-008")
def test_response_names_the_ups(made, refusal, judge):
    judge(status.accepted(made.exchange, "an N-CREATE"))
    for one in (made, refusal):
        judge(status.no_foreign_uid(one.exchange, "AffectedSOPInstanceUID", one.uid))


@pytest.mark.requirement("CC25-TMS-009")
def test_response_names_ups_push(made, refusal, judge):
    judge(status.accepted(made.exchange, "an N-CREATE"))
    for one in (made, refusal):
        judge(status.no_foreign_uid(one.exchange, "AffectedSOPClassUID", UPS.PUSH))


@pytest.mark.requirement("CC25-TMS-010")
@pytest.mark.parametrize("asked", [["TransactionUID", *STATE], []], ids=["asked", "all"])
def test_transaction_uid_is_not_shown(tdd, made, judge, asked):
    exchange = tdd.get(made.uid, asked)
    judge(status.accepted(made.exchange, "an N-CREATE") + status.answered(exchange))
    judge(status.no_transaction_uid([made.exchange, exchange]))


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def acceptable(legal, create):
    """A function that says how the N-CREATE was answered that is whole where others lack something below an attribute."""
    answers = {}

    def answer(path):
        if path[0] not in answers:
            attributes = legal()
            leading_to(attributes, path)
            answers[path[0]] = create(attributes).exchange
        return answers[path[0]]

    return answer


@pytest.fixture
def refuses(tdd, legal, create, acceptable, judge, judge_status):
    """A function that spoils one attribute and judges that the N-CREATE is refused for it."""

    def judge_refusal(path, spoil, *, to_be_filled=True):
        __tracebackhide__ = True
        if not done(acceptable(path)):
            pytest.skip(f"not judged: {path[0]} is refused as it should be, too (CC25-TMS-001, CC25-TMS-004, CC25-TMS-005)")
        attributes = legal()
        spoil(leading_to(attributes, path), path[-1])
        made = create(attributes)
        judge(status.answered(made.exchange))
        if not done(made.exchange):
            judge(no_such_ups(tdd.get(made.uid, STATE)))
        else:
            came = tdd.get(made.uid, {*STATE, path[0]})
            _skip_unsupported(path, came)
            if made.exchange.status != 0:
                filled = supplied(came.dataset, path, to_be_filled) if came.dataset is not None else []
                judge(ups.state_is(came, "SCHEDULED") + filled)
        judge_status(made.exchange)

    return judge_refusal


def _skip_unsupported(path, came):
    """Leave out what hangs on an optional attribute that the SCP does not support: it has not looked at it."""
    rows = ROWS
    for depth, keyword in enumerate(path[:-1], 1):
        shown = held(came.dataset, path[:depth]) if came.dataset is not None else None
        if not supported(rows[keyword]) and (shown is None or not shown.get(keyword)):
            pytest.skip(f"not judged: {keyword} is not supported (CC25-TMS-006)")
        rows = rows[keyword].items


def supplied(dataset, path, to_be_filled):
    """Check that an SCP which has created the UPS with modifications has put right what was wrong."""
    if ROWS[path[0]].get == "not allowed":  # nobody can see it
        return []
    place = held(dataset, path)
    if place is None or path[-1] not in place:
        return [Finding(f"{path[-1]}, supplied by the SCP", "attribute absent", named(path))]
    if to_be_filled and nothing(place[path[-1]]):
        return [Finding(f"{path[-1]}, filled in by the SCP", "present without a value", named(path))]
    return []


@pytest.mark.requirement("CC25-TMS-011")
@pytest.mark.parametrize("path", TYPE_1, ids=named)
def test_type_1_missing(refuses, path):
    refuses(path, delattr)


@pytest.mark.requirement("CC25-TMS-012")
@pytest.mark.parametrize("path", TYPE_1, ids=named)
def test_type_1_empty(refuses, path):
    refuses(path, empty)


@pytest.mark.requirement("CC25-TMS-013")
@pytest.mark.parametrize("path", TYPE_2, ids=named)
def test_type_2_missing(refuses, path):
    refuses(path, delattr, to_be_filled=False)


@pytest.mark.requirement("CC25-TMS-014")
@pytest.mark.parametrize("path", TYPE_1C, ids=named)
def test_type_1c_missing(refuses, path):
    refuses(path, delattr)


@pytest.mark.requirement("CC25-TMS-015")
@pytest.mark.parametrize("path", TYPE_1C, ids=named)
def test_type_1c_empty(refuses, path):
    refuses(path, empty)


@pytest.mark.requirement("CC25-TMS-016")
def test_refused_uid_is_free(tdd, legal, create, judge):
    attributes = legal()
    attributes.CommentsOnTheScheduledProcedureStep = "Of the N-CREATE that was refused"
    attributes.ScheduledProcedureStepPriority = None
    refused = create(attributes)
    judge(status.answered(refused.exchange))
    if done(refused.exchange):
        pytest.skip("not judged: an N-CREATE with an empty attribute of type 1 is not refused (CC25-TMS-012)")
    right = legal()
    right.ScheduledProcedureStepPriority = "LOW"
    made = create(right, refused.uid)
    judge(status.accepted(made.exchange, "the N-CREATE that was put right"))
    comment = "CommentsOnTheScheduledProcedureStep"
    shown = tdd.get(made.uid, [comment, "ScheduledProcedureStepPriority"])
    judge(kept(made.exchange, ups.shows(shown, "ScheduledProcedureStepPriority", "LOW")))
    judge(ups.equal(shown.dataset.get(comment) or "", "", comment))


@pytest.mark.requirement("CC25-TMS-017")
@pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "CANCELED", "SUSPENDED"])
def test_other_state(tdd, legal, create, made, judge, judge_status, state):
    judge(status.accepted(made.exchange, "the same N-CREATE, SCHEDULED"))
    attributes = legal()
    attributes.ProcedureStepState = state
    refused = create(attributes)
    judge(status.answered(refused.exchange) + no_such_ups(tdd.get(refused.uid, STATE)))
    judge_status(refused.exchange)


@pytest.mark.requirement("CC25-TMS-018")
def test_state_missing(refuses):
    refuses(STATE, delattr)


@pytest.mark.requirement("CC25-TMS-019")
def test_state_empty(refuses):
    refuses(STATE, empty)


@pytest.fixture(scope="module", params=["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"])
def duplicate(request, is_refused, legal, create):
    """A UPS in a state, as it was, the N-CREATE of another under its UID, and as it is then."""
    session = is_refused(request.param)
    before = session.get()
    if request.param in ("COMPLETED", "CANCELED") and before.status in NO_SUCH_UPS:
        pytest.skip(f"not judged: a UPS that is {request.param} is no longer there")
    attributes = all_supported(legal())
    attributes.ProcedureStepLabel = "Another UPS"
    attributes.ScheduledStationNameCodeSequence = []
    made = create(attributes, session.workitem.uid)
    return session, before, made.exchange, session.get()


@pytest.mark.requirement("CC25-TMS-020")
def test_duplicate_is_refused(duplicate, judge_status):
    judge_status(duplicate[2])


@pytest.mark.requirement("CC25-TMS-021")
def test_duplicate_changes_nothing(duplicate, judge):
    session, before, exchange, after = duplicate
    judge(status.answered(exchange) + ups.untouched(before, after))
    if before.dataset.get("ProcedureStepState") == "IN PROGRESS":
        judge(status.accepted(session.update(10), "an update with the lock"))


@pytest.mark.requirement("CC25-TMS-022")
def test_one_of_two_simultaneous_is_created(tdd, other_tdd, legal, create, judge, judge_status):
    uid, requests = generate_uid(), []
    for label in ("First", "Second"):
        requests.append(legal())
        requests[-1].ProcedureStepLabel = label
    other_tdd.get(uid, STATE)  # so that both associations stand before the race
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda one: create(one[0], uid, one[1]), zip(requests, (tdd, other_tdd), strict=True)))
    first = [one for one in made if done(one.exchange)]
    judge([] if len(first) == 1 else [Finding("one N-CREATE done, one refused", f"{len(first)} done")])
    judge(kept(first[0].exchange, ups.shows(tdd.get(uid, SHOWN), "ProcedureStepLabel", first[0].sent.ProcedureStepLabel)))
    judge_status(next(one.exchange for one in made if one is not first[0]))


FORBIDDEN = {PROGRESS: {"ProcedureStepProgress": "50"}, PERFORMED: {"PerformedProcedureStepDescription": "Not to be stored"}}


@pytest.mark.requirement("CC25-TMS-023")
@pytest.mark.parametrize("keyword", FORBIDDEN)
def test_content_for_the_performer(tdd, legal, create, made, judge, follows, keyword):
    judge(status.accepted(made.exchange, "the same N-CREATE without it"))
    attributes = legal()
    setattr(attributes, keyword, [item(**FORBIDDEN[keyword])])
    with_content = create(attributes)
    judge(status.answered(with_content.exchange))
    shown = tdd.get(with_content.uid, [*STATE, keyword])
    if not done(with_content.exchange):
        judge(no_such_ups(shown))
        follows("refused")
        return
    judge(ups.state_is(shown, "SCHEDULED"))
    items = shown.dataset.get(keyword) or ()
    judge([Finding("no items: N-CREATE must not bring any", f"{len(items)} item(s)", keyword)] if any(map(len, items)) else [])
    follows("ignored")


@pytest.mark.requirement("CC25-TMS-023")
def test_transaction_uid_is_no_lock(tdd, legal, create, made, judge, follows):
    judge(status.accepted(made.exchange, "the same N-CREATE without Transaction UID"))
    attributes = legal()
    attributes.TransactionUID = generate_uid()
    locked = create(attributes)
    judge(status.answered(locked.exchange))
    shown = tdd.get(locked.uid)
    if not done(locked.exchange):
        judge(no_such_ups(shown))
        follows("refused")
        return
    judge(ups.state_is(shown, "SCHEDULED") + status.no_transaction_uid([locked.exchange, shown]))
    judge(status.accepted(tdd.claim(locked.uid, generate_uid()), "a claim with another Transaction UID than was sent"))
    judge(ups.state_is(tdd.get(locked.uid, STATE), "IN PROGRESS"))
    follows("ignored")


UNDEFINED = {
    "priority": (("ScheduledProcedureStepPriority",), "URGENT"),
    "readiness": (("InputReadinessState",), "PERHAPS"),
    "value-type": (("ScheduledProcessingParametersSequence", "ValueType"), "UNKNOWN"),
    "type-of-instances": (("InputInformationSequence", "TypeOfInstances"), "PAPER"),
    "date-time": (("ScheduledProcedureStepStartDateTime",), "NOT A DATE-TIME"),
    "date": (("PatientBirthDate",), "20261399"),
    "uid": (("StudyInstanceUID",), "NOT.A.UID"),
}


@pytest.mark.requirement("CC25-TMS-024")
@pytest.mark.parametrize("kind", UNDEFINED)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_undefined_value(tdd, legal, create, made, judge, judge_status, kind):
    judge(status.accepted(made.exchange, "the same N-CREATE with a legal value"))
    path, wrong = UNDEFINED[kind]
    attributes = legal()
    with config.disable_value_validation():  # pydicom would have its say about what we send
        setattr(leading_to(attributes, path), path[-1], wrong)
        spoiled = create(attributes)
    judge(status.answered(spoiled.exchange))
    came = tdd.get(spoiled.uid, path[:1])
    if not done(spoiled.exchange):
        judge(no_such_ups(came))
    elif spoiled.exchange.status != 0:
        place = held(came.dataset, path) if came.dataset is not None else None
        stored = place is not None and str(place.get(path[-1])) == wrong
        judge(ups.got(came) + ([Finding("another value, or none", f"value {wrong!r}", named(path))] if stored else []))
    judge_status(spoiled.exchange)


# --- what the SCP fills in --------------------------------------------------------------------------------------------


@pytest.mark.requirement("CC25-TMS-025")
def test_worklist_label_is_filled_in(tdd, legal, create, judge):
    attributes = legal()
    attributes.WorklistLabel = None
    made = create(attributes)
    judge(status.accepted(made.exchange, "an N-CREATE with an empty Worklist Label"))
    shown = tdd.get(made.uid, ["WorklistLabel"])
    judge(ups.got(shown) + ups.has_value(shown.dataset, "WorklistLabel"))


@pytest.fixture(scope="module")
def found(tdd, made):
    """The new UPS by C-FIND."""
    return tdd.query(item(SOPInstanceUID=made.uid, SOPClassUID=None, ProcedureStepState=None))


@pytest.mark.requirement("CC25-TMS-026")
def test_sop_class_is_ups_push(made, found, judge):
    judge(status.accepted(made.exchange, "an N-CREATE") + find.includes(found, made.uid))
    for identifier in found.identifiers:
        if identifier.get("SOPInstanceUID") == made.uid:
            judge(ups.equal(identifier.get("SOPClassUID"), UPS.PUSH, "SOPClassUID"))


@pytest.mark.requirement("CC25-TMS-027")
def test_sop_instance_is_the_one_given(made, found, judge):
    judge(status.accepted(made.exchange, "an N-CREATE") + find.includes(found, made.uid) + find.each_once(found))
    judge([] if len(found.identifiers) == 1 else [Finding("one UPS of that UID", f"{len(found.identifiers)} response(s)")])


def near_now(exchange):
    """Check the modification date-time; its time zone may not be ours, and clocks differ."""
    found = ups.got(exchange) or ups.has_value(exchange.dataset, MODIFIED)
    if found:
        return found
    text = str(exchange.dataset[MODIFIED].value)
    try:
        moment = DT(text)
    except ValueError:
        return [Finding("a date-time", f"value {text!r}", MODIFIED)]
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if abs(zoned - datetime.now(UTC)) > timedelta(days=2):
        return [Finding("the time of the N-CREATE, a moment ago", f"value {text!r}", MODIFIED)]
    return []


@pytest.mark.requirement("CC25-TMS-028")
def test_modification_time(made, shown, judge):
    judge(status.accepted(made.exchange, "an N-CREATE") + near_now(shown))


@pytest.mark.requirement("CC25-TMS-029")
def test_modification_time_of_the_scu(tdd, legal, create, made, judge, follows):
    judge(status.accepted(made.exchange, "the same N-CREATE without it"))
    attributes = legal()
    setattr(attributes, MODIFIED, "19700101000000")
    dated = create(attributes)
    judge(status.answered(dated.exchange))
    shown = tdd.get(dated.uid, [*STATE, MODIFIED])
    if not done(dated.exchange):
        judge(no_such_ups(shown))
        follows("refused")
        return
    judge(ups.got(shown))
    if not (moment := shown.dataset.get(MODIFIED)):
        pytest.skip(f"not judged: there is no {MODIFIED} (CC25-TMS-028)")
    taken = str(moment).startswith("19700101")
    judge([Finding("the time of the N-CREATE", f"value {moment!r}, as it was sent", MODIFIED)] if taken else [])
    follows("ignored")


# --- beyond the table -------------------------------------------------------------------------------------------------


# Of the modules that a UPS has; the table does not list them [CC.2.5.1.3].
OF_THE_MODULES = {
    "PatientComments": "Comfortable on the couch", "PatientWeight": "71.5", "PatientSize": "1.68",
    "OtherPatientNames": "Roe^Jane", "EthnicGroup": "NONE", "Allergies": "Contrast agent", "SmokingStatus": "NO",
    "AdditionalPatientHistory": "None to speak of", "CurrentPatientLocation": "Ward 3", "VisitComments": "A visit",
    "AdmittingDate": "20260101", "InstitutionName": "Clinic",
}  # fmt: skip


@pytest.fixture(scope="module", params=OF_THE_MODULES)
def unlisted(request, legal, create):
    """An N-CREATE with an attribute that the table does not list."""
    attributes = legal()
    setattr(attributes, request.param, OF_THE_MODULES[request.param])
    return request.param, create(attributes)


@pytest.mark.requirement("CC25-TMS-030")
def test_unlisted_attribute_does_no_harm(tdd, unlisted, judge, judge_status):
    _, made = unlisted
    judge_status(made.exchange)
    judge(kept(made.exchange, ups.shows(tdd.get(made.uid, SHOWN), "ProcedureStepLabel", made.sent.ProcedureStepLabel)))


@pytest.mark.requirement("CC25-TMS-031")
def test_unlisted_attribute_is_kept(tdd, unlisted, judge):
    keyword, made = unlisted
    judge(status.accepted(made.exchange, f"an N-CREATE with {keyword}"))
    shown = tdd.get(made.uid, [keyword])
    value = None if shown.dataset is None else shown.dataset.get(keyword)
    same_value = value is not None and same(made.sent[keyword].VR, made.sent[keyword].value, value)
    judge([] if same_value else [Finding("the value that was sent", f"{keyword} is not kept", keyword)])


@pytest.mark.requirement("CC25-TMS-032")
@pytest.mark.parametrize("place", ["top-level", "in-an-item"])
def test_private_attributes_do_no_harm(tdd, legal, create, judge, judge_status, place):
    attributes = legal()
    holder = attributes if place == "top-level" else attributes.InputInformationSequence[0]
    block = holder.private_block(0x0099, "TDW-II CONFORMANCE", create=True)
    block.add_new(0x01, "LO", "Private text")
    block.add_new(0x02, "SQ", [item(CodeMeaning="Private item")])
    made = create(attributes)
    judge_status(made.exchange)
    shown = tdd.get(made.uid, SHOWN)
    judge(kept(made.exchange, ups.shows(shown, "ProcedureStepLabel", made.sent.ProcedureStepLabel)))
    judge(kept(made.exchange, input_differs(made.sent, shown.dataset)))


def input_differs(sent, came):
    """Check the items that held private attributes; those themselves may be there or not."""
    keyword = "InputInformationSequence"
    found = differences(item(**{keyword: standard(sent[keyword].value)}), item(**{keyword: standard(came.get(keyword))}))
    return list(found)


def standard(items):
    """Return items without private attributes."""
    rest = copy.deepcopy(list(items or ()))
    for one in rest:
        one.remove_private_tags()
    return rest

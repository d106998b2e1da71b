"""CC.2.5 Create a Unified Procedure Step (N-CREATE): what is created and kept, what is refused, what the SCP fills in."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, find, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.creation import (
    MODIFIED,
    PERFORMED,
    PROGRESS,
    ROWS,
    STATE,
    created_uid,
    differences,
    done,
    held,
    input_differs,
    kept,
    named,
    names_what_it_made,
    near_now,
    no_such_ups,
    rows_of,
    same,
    supplied,
    supported,
)
from tdwii_conformance.dimse import DimseError
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.creation import (
    CONDITIONAL,
    KEPT,
    OPTIONAL,
    SHOWN,
    TYPE_1,
    TYPE_1C,
    TYPE_2,
    all_supported,
    empty,
    leading_to,
    least,
)
from tdwii_conformance.treatment.messages import copied, item
from tdwii_conformance.treatment.unlisted import KINDS as NO_UPS_HAS
from tdwii_conformance.treatment.unlisted import add as add_unlisted

NO_SUCH_UPS = (0x0112, 0xC307)
IN_VAIN = 5  # requests to cancel, refused one after the other: then no more are made


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
    made = objects.workitem(known.treatment, tms=tms, ost=ost, station=known.station, start=known.start, edition=system.edition)
    return lambda: copied(made)


@pytest.fixture(scope="module")
def create(system, tdd):
    """A function that creates a UPS; on a system that is not ours, cancels at the end what is still SCHEDULED."""
    uids = []

    def n_create(attributes, uid=None, by=tdd):
        uid = uid or generate_uid()
        sent = copied(attributes)
        exchange = by.create(uid, attributes)
        if done(exchange):
            uids.append(uid)
        return Created(uid, sent, exchange)

    yield n_create
    if not system.embedded and "request-cancel" in system.tms_supports:
        refused = 0
        for uid in dict.fromkeys(uids):
            refused += 1
            with suppress(DimseError):
                refused = 0 if done(tdd.action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)) else refused
            if refused == IN_VAIN:
                break


SHAPES = {"tdw-ii": lambda attributes: attributes, "least": least, "whole": all_supported}


@pytest.fixture(scope="module")
def made(legal, create):
    """A UPS made as TDW-II has it."""
    return create(legal())


@pytest.fixture(autouse=True)
def any_is_created(made, needs):
    """Of a TMS that refuses the workitem of TDW-II only the requirement that says so fails."""
    needs(status.accepted(made.exchange, "the N-CREATE of a TDW-II workitem"), "CC25-TMS-001")


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


@pytest.fixture(scope="module")
def optional_shown(tdd, optional):
    """The item that holds the optional attribute in the answer to N-GET, or ``None``; an SCP without it may fail."""
    path, made = optional
    if not done(made.exchange):
        return None
    exchange = tdd.get(made.uid, path[:1])
    place = None if exchange.dataset is None else held(exchange.dataset, path)
    return place if place is not None and place.get(path[-1]) not in (None, "", []) else None


@pytest.mark.requirement("CC25-TMS-005")
def test_optional_attribute_does_no_harm(optional, judge_status):
    judge_status(optional[1].exchange)


@pytest.mark.requirement("CC25-TMS-006")
def test_optional_attribute_is_kept(optional, optional_shown, judge):
    path, made = optional
    judge(status.accepted(made.exchange, f"an N-CREATE with {path[-1]}"))
    judge([] if optional_shown is not None else [Finding(f"{path[-1]} by N-GET", f"{path[-1]} is not kept", named(path))])


@pytest.mark.requirement("CC25-TMS-007")
def test_optional_attribute_is_not_changed(optional, optional_shown, judge):
    path, made = optional
    place = optional_shown
    if place is None:
        pytest.skip(f"not judged: {path[-1]} is not kept (CC25-TMS-006)")
    sent = held(made.sent, path)[path[-1]]
    rows = rows_of(path)
    judge(kept(made.exchange, differences(item(**{path[-1]: sent.value}), place, rows, f"{named(path[:-1])}.")))


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
        elif made.exchange.status != 0 or len(path) > 1:
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


@pytest.mark.requirement("CC25-TMS-042")
def test_without_instance_uid(tdd, legal, needs, judge, follows):
    attributes = legal()
    attributes.ProcedureStepLabel = label = f"TDWII {generate_uid()[-12:]}"  # by which it is found, whatever its UID
    exchange = tdd.create(None, attributes)
    if exchange.status is None:
        pytest.skip("not judged: an N-CREATE without SOP Instance UID, which the SCU shall give, is not answered")
    if done(exchange):
        judge(names_what_it_made(exchange))
        shown = tdd.get(created_uid(exchange), [*STATE, "ProcedureStepLabel"])
        judge(ups.got(shown))
        judge(ups.state_is(shown, "SCHEDULED") + kept(exchange, ups.shows(shown, "ProcedureStepLabel", label)))
        follows("assigned")
        return
    found = tdd.query(item(ProcedureStepLabel=label, SOPInstanceUID=None))
    needs(find.ended(found), "RO58-TMS-001")
    came = [identifier for identifier in found.identifiers if identifier.get("ProcedureStepLabel") == label]
    judge([Finding("no UPS: the N-CREATE was refused", "one by C-FIND")] if came else [])
    follows("refused")


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


@pytest.mark.requirement("CC25-TMS-050")
@pytest.mark.parametrize("kind", [kind for kind in NO_UPS_HAS if not kind.startswith("private")])
@pytest.mark.filterwarnings("ignore:VR lookup failed")
def test_attribute_that_no_ups_has(tdd, legal, create, made, needs, judge, follows, kind):
    without = tdd.get(made.uid)
    needs(ups.state_is(without, "SCHEDULED"), "CC25-TMS-001", "CC25-TMS-002")
    sent = legal()
    wrong_without_it = list(differences(sent, without.dataset))
    one = create(add_unlisted(legal(), kind))
    judge(status.answered(one.exchange))
    shown = tdd.get(one.uid)
    if not done(one.exchange):
        judge(no_such_ups(shown))
        follows("refused")
        return
    judge(ups.state_is(shown, "SCHEDULED"))
    judge(kept(one.exchange, [f for f in differences(sent, shown.dataset) if f not in wrong_without_it]))
    follows("created")


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


# Class and instance are named in the command set, and not in the attribute list [PS3.4 5.4.2.3].
LISTED = {
    "another-class": lambda uid: {"SOPClassUID": UPS.PULL},
    "another-instance": lambda uid: {"SOPInstanceUID": generate_uid()},
    "both-as-they-are": lambda uid: {"SOPClassUID": UPS.PUSH, "SOPInstanceUID": uid},
}


@pytest.fixture(scope="module", params=LISTED)
def identified(request, tdd, legal, create):
    """An N-CREATE that names class or instance in its attribute list, these, and the UPS by C-FIND; it may be refused."""
    attributes, uid = legal(), generate_uid()
    listed = LISTED[request.param](uid)
    attributes.update(item(**listed))
    unknown = tdd.get(listed.get("SOPInstanceUID", uid), STATE)
    one = create(attributes, uid)
    return one, listed, unknown, tdd.query(item(SOPInstanceUID=uid, SOPClassUID=None, ProcedureStepState=None))


@pytest.mark.requirement("CC25-TMS-026")
def test_sop_class_is_not_the_one_listed(tdd, identified, needs, judge):
    one, _, _, found = identified
    judge(status.answered(one.exchange))
    if not done(one.exchange):
        pytest.skip("not judged: the N-CREATE is refused, as it may be: class and instance are not for the attribute list")
    needs(find.includes(found, one.uid), "CC25-TMS-027")
    for identifier in found.identifiers:
        judge(ups.equal(identifier.get("SOPClassUID"), UPS.PUSH, "SOPClassUID"))


@pytest.mark.requirement("CC25-TMS-027")
def test_sop_instance_is_not_the_one_listed(tdd, identified, judge):
    one, listed, unknown, found = identified
    judge(status.answered(one.exchange))
    other = listed.get("SOPInstanceUID", one.uid)
    if not done(one.exchange) or other != one.uid:
        judge(ups.none_came_to_be(unknown, tdd.get(other, STATE)))
    if done(one.exchange):
        judge(find.includes(found, one.uid) + ups.got(tdd.get(one.uid, STATE)))
        judge([] if len(found.identifiers) == 1 else [Finding("one UPS of that UID", f"{len(found.identifiers)} response(s)")])


@pytest.mark.requirement("CC25-TMS-028")
def test_modification_time(made, shown, judge, dated):
    judge(status.accepted(made.exchange, "an N-CREATE") + near_now(dated(shown, MODIFIED)))


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

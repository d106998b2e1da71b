"""CC.2.7 Get UPS Information (N-GET): what is asked for comes, whole and readable, and nothing is changed by asking."""

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from tdwii_conformance.checks import Finding, status
from tdwii_conformance.checks import workitem as ups
from tdwii_conformance.checks.modification import holds
from tdwii_conformance.checks.move import same_content
from tdwii_conformance.checks.times import illegal_times
from tdwii_conformance.checks.values import illegal_answers
from tdwii_conformance.profile.statuses import is_failure
from tdwii_conformance.profile.ups_service import FILTERED, GLOBAL, UPS
from tdwii_conformance.profile.ups_tables import attribute_rows
from tdwii_conformance.scu.treatment_session import inputs_of
from tdwii_conformance.treatment.modification import change, rich

STATE = ("ProcedureStepState",)
MODIFIED = "ScheduledProcedureStepModificationDateTime"
COMMENTS = "CommentsOnTheScheduledProcedureStep"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
WELL_KNOWN = {"global": GLOBAL, "filtered-global": FILTERED}
NO_SUCH_UPS = (0x0112, 0xC307)
NOT_AUTHORIZED = 0x0124
UNSUPPORTED = (0x0001, 0x0105, 0x0106, 0x0107, 0x0116)

ROWS = attribute_rows()
RETRIEVABLE = [row.keyword for row in ROWS.values() if row.get in ("1", "2", "3")]
# Specific Character Set is there when the text needs it: a requirement of its own.
ALWAYS = [
    row.keyword
    for row in ROWS.values()
    if row.keyword != "SpecificCharacterSet" and (row.get == "1" or (row.get == "2" and row.create in ("1", "2")))
]
PERHAPS = [row.keyword for row in ROWS.values() if row.get == "2" and row.keyword not in ALWAYS]

# What an N-SET fills, so that there is something to get: sequences that go deep, and an attribute created empty.
FILLED = (COMMENTS, "ScheduledWorkitemCodeSequence", PROGRESS, PERFORMED)
TOGETHER = ("ProcedureStepLabel", *FILLED, "InputInformationSequence")

NOT_KEPT = {
    "standard": Tag("PixelSpacing"),
    "inside-a-sequence": Tag("CodeValue"),
    "private": Tag(0x0099, 0x1001),
    "unknown": Tag(0x0040, 0xFFFE),
}
# No data set has an element of these groups: of a command, a file's meta information, a directory [PS3.5 7.1].
RESERVED = {"command": Tag("MessageID"), "file-meta": Tag("TransferSyntaxUID"), "directory": Tag("DirectoryRecordSequence")}
RESERVED_GROUPS = (0x0000, 0x0002, 0x0004, 0x0006)
NAME = "Müller^Jürgen"


def nothing_but(exchange, asked):
    """Check that an N-GET brought no attribute but those asked for, by tag: some have no keyword."""
    allowed = {Tag(one) for one in asked} | {Tag("SpecificCharacterSet")}
    return ups.got(exchange) + [
        Finding("only what was asked for", f"{element.keyword or element.tag} came unasked")
        for element in exchange.dataset or ()
        if element.tag not in allowed
    ]


def same(one, other):
    """Check that two N-GETs show the same, to the last attribute."""
    found = ups.got(one) + ups.got(other)
    return found or same_content(one.dataset, other.dataset)


def no_lock(exchange):
    """Check that an N-GET that was answered does not give the Transaction UID away."""
    return status.answered(exchange) + status.no_transaction_uid([exchange])


def no_reserved(exchange):
    """Check that a data set has no element of a group that only commands and files have."""
    return [
        Finding("no element of a command or a file in the data set", f"{element.tag} {element.keyword}")
        for element in exchange.dataset or ()
        if element.tag.group in RESERVED_GROUPS
    ]


def seen_by(other, uid):
    """Return an N-GET of the state by an AE that neither made nor performs the UPS."""
    shown = other.get(uid, STATE)
    if shown.status == NOT_AUTHORIZED:
        pytest.skip("not judged: an AE that neither made nor performs the UPS is not authorized to look at it (CC27-TMS-018)")
    return shown


def may_be_lacking(source, exchange, keyword):
    """Skip an optional attribute that a UPS does not have which the TMS has made: what we create has them."""
    shown = exchange.dataset if exchange.dataset is not None else {}
    if source.own and ROWS[keyword].create == "3" and not shown.get(keyword):
        pytest.skip("not judged: the TMS made this UPS, and need not have given it an optional attribute (type 3)")


def alone(dataset, keyword):
    part = Dataset()
    part.add(dataset[keyword])
    return part


@pytest.fixture(scope="module")
def scheduled(looks_at):
    return looks_at("SCHEDULED")


@pytest.fixture(scope="module")
def session(updates):
    """The UPS in progress that most tests look at."""
    return updates("IN PROGRESS")


@pytest.fixture(scope="module")
def filling(session):
    """The N-SET that fills the UPS in progress."""
    return session.send(change(rich(session), FILLED))


@pytest.fixture
def filled(session, filling):
    """The UPS in progress, with content of ours."""
    if status.accepted(filling, "an N-SET"):
        pytest.skip("not judged: there is nothing to get, the N-SET was not accepted (CC26-TMS-012)")
    return session


@pytest.fixture(scope="module", params=["COMPLETED", "CANCELED"])
def ended(request, looks_at):
    return request.param, looks_at(request.param)


@pytest.fixture(scope="module")
def foreign_name(supply):
    """A workitem whose patient has a name beyond ASCII."""
    workitem = supply.of_patient(NAME).workitem
    if workitem.facts.get("patient_name", "").isascii():
        pytest.skip("not judged: the name of the workitem's patient has no character beyond ASCII")
    return workitem


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CC27-TMS-001")
@pytest.mark.parametrize("keyword", ALWAYS)
def test_attribute_of_every_ups(request, session, source, judge, keyword):
    if keyword == COMMENTS:  # may be created empty, and is of type 1 to get
        request.getfixturevalue("filled")
    exchange = session.get([keyword])
    may_be_lacking(source, exchange, keyword)
    judge(ups.got(exchange))
    judge([] if keyword in exchange.dataset else [Finding("the attribute", "attribute absent", keyword)])
    empty = ROWS[keyword].get == "1" and exchange.dataset[keyword].is_empty
    judge([Finding("a value, for the attribute is of type 1", "no value", keyword)] if empty else [])


@pytest.mark.requirement("CC27-TMS-002")
@pytest.mark.parametrize("keyword", PERHAPS)
def test_attribute_of_some_ups(session, judge, follows, keyword):
    facts = session.workitem.facts
    given = {"PatientID": facts.get("patient_id"), "StudyInstanceUID": facts.get("study")}.get(keyword)
    exchange = session.get([keyword])
    judge(status.answered(exchange))
    if given:
        judge(ups.shows(exchange, keyword, given))
    elif exchange.status in UNSUPPORTED:
        follows("unsupported")
        return
    elif is_failure(exchange.status):
        judge(status.accepted(exchange, "the request for an optional attribute"))
    elif keyword not in (exchange.dataset or ()):
        # Type 2 is there without a value; that it is left out instead is common, and harmless.
        judge([Finding("the attribute, if need be without a value", "attribute absent", keyword, weight="warning")])
    follows("returned")


@pytest.mark.requirement("CC27-TMS-003")
@pytest.mark.parametrize("keyword", ALWAYS)
def test_one_attribute_alone(session, source, judge, keyword):
    exchange = session.get([keyword])
    may_be_lacking(source, exchange, keyword)
    judge(ups.only_requested(exchange, [keyword]))


@pytest.mark.requirement("CC27-TMS-003")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_several_attributes_and_no_others(scheduled, session, judge, state):
    exchange = (scheduled if state == "SCHEDULED" else session).get(TOGETHER)
    judge(ups.only_requested(exchange, TOGETHER))
    judge([Finding("every attribute asked for", "attribute absent", k) for k in TOGETHER if k not in exchange.dataset])


@pytest.mark.requirement("CC27-TMS-003")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_every_attribute_by_name(scheduled, session, filling, judge, state):
    ups_ = scheduled if state == "SCHEDULED" else session
    everything, exchange = ups_.get(), ups_.get(RETRIEVABLE)
    if not status.answered(exchange) and is_failure(exchange.status):
        pytest.skip(f"not judged: the request is refused, status {exchange.status:04X} (CC27-TMS-002, CC27-TMS-007)")
    judge(ups.got(everything) + ups.only_requested(exchange, RETRIEVABLE))
    expected = [element for element in everything.dataset if element.keyword in RETRIEVABLE and not element.is_empty]
    lost = [element.keyword for element in expected if not exchange.dataset.get(element.tag)]
    judge(Finding("every attribute asked for that has a value", "attribute absent or empty", keyword) for keyword in lost)


@pytest.mark.requirement("CC27-TMS-004")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_all_attributes(scheduled, session, filling, judge, state):
    ups_ = scheduled if state == "SCHEDULED" else session
    everything = ups_.get()
    judge(ups.state_is(everything, state))
    for keyword in RETRIEVABLE:
        exchange = ups_.get([keyword])
        value = (exchange.dataset or {}).get(keyword)
        if value in (None, "") or (ROWS[keyword].vr == "SQ" and not value):
            continue  # nothing to miss; that it is there at all is CC27-TMS-001
        if keyword not in everything.dataset:
            judge([Finding("every attribute that has a value", "attribute absent", keyword)])
        judge(same_content(alone(exchange.dataset, keyword), alone(everything.dataset, keyword)))


@pytest.mark.requirement("CC27-TMS-005")
@pytest.mark.parametrize(
    "asked", [["TransactionUID"], ["TransactionUID", *STATE], [*STATE], []], ids=["alone", "with", "not", "all"]
)
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_transaction_uid_never_comes(scheduled, session, judge, state, asked):
    exchange = (scheduled if state == "SCHEDULED" else session).get(asked)
    judge(no_lock(exchange))
    if "TransactionUID" not in asked:
        judge(ups.got(exchange))


ASKED_FOR_THE_LOCK = pytest.mark.parametrize("asked", [["TransactionUID"], ["TransactionUID", *STATE]], ids=["alone", "with"])


@pytest.mark.requirement("CC27-TMS-005")
@ASKED_FOR_THE_LOCK
@pytest.mark.parametrize("claim", ["push", "watch"])
def test_transaction_uid_comes_under_no_class(associate, supported, session, judge, claim, asked):
    supported("TMS", claim)
    context = {"push": UPS.PUSH, "watch": UPS.WATCH}[claim]
    with associate("TMS", [UPS.PULL, context]) as link:
        if not link.accepts(context):
            pytest.skip("not judged: the presentation context is not accepted (NEG-TMS-003, NEG-TMS-012)")
        judge(no_lock(link.n_get(session.workitem.uid, asked, context=context)))


@pytest.mark.requirement("CC27-TMS-005")
@ASKED_FOR_THE_LOCK
def test_transaction_uid_comes_to_nobody(other_tdd, session, judge, asked):
    judge(no_lock(other_tdd.get(session.workitem.uid, asked)))


@pytest.mark.requirement("CC27-TMS-006")
@pytest.mark.parametrize("asked", ["alone", "together", "all"])
@pytest.mark.parametrize("keyword", [k for k in FILLED if ROWS[k].vr == "SQ"])
def test_sequences_come_whole(filled, judge, keyword, asked):
    question = {"alone": [keyword], "together": TOGETHER, "all": []}[asked]
    judge(holds(filled.get(question), change(rich(filled), [keyword])))


@pytest.mark.requirement("CC27-TMS-006")
@pytest.mark.parametrize("asked", [["InputInformationSequence"], []], ids=["alone", "all"])
def test_inputs_come_whole(scheduled, judge, asked):
    exchange = scheduled.get(asked)
    judge(ups.got(exchange))
    expected, came = sorted(map(str, scheduled.workitem.inputs)), sorted(map(str, inputs_of(exchange.dataset)))
    judge([] if expected == came else [Finding(f"{expected}", f"{came}", "InputInformationSequence")])


@pytest.mark.requirement("CC27-TMS-007")
@pytest.mark.parametrize("kind", NOT_KEPT)
def test_attribute_that_is_not_kept(session, judge_status, kind):
    judge_status(session.get([*STATE, NOT_KEPT[kind], "ProcedureStepLabel"]))


@pytest.mark.requirement("CC27-TMS-008")
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("kind", NOT_KEPT)
def test_others_come_with_what_is_not_kept(session, judge, kind, position):
    label = session.get(["ProcedureStepLabel"])
    judge(ups.got(label))
    asked = [*STATE, "ProcedureStepLabel"]
    asked.insert(position, NOT_KEPT[kind])
    exchange = session.get(asked)
    judge(status.answered(exchange))
    if is_failure(exchange.status) or exchange.status == 0x0116:  # 0116: named as a refusal in PS3.4, a warning in PS3.7
        pytest.skip(f"not judged: the request is refused, status {exchange.status:04X} (CC27-TMS-007)")
    judge(ups.state_is(exchange, "IN PROGRESS") + nothing_but(exchange, asked))
    judge(ups.shows(exchange, "ProcedureStepLabel", label.dataset.get("ProcedureStepLabel")))


@pytest.mark.requirement("CC27-TMS-030")
@pytest.mark.parametrize("place", ["alone", "first", "last"])
@pytest.mark.parametrize("kind", RESERVED)
def test_element_that_no_data_set_has(associate, session, judge, kind, place):
    uid, tag = session.workitem.uid, RESERVED[kind]
    asked = {"alone": [tag], "first": [tag, *STATE], "last": [*STATE, tag]}[place]
    with associate("TMS", [UPS.PULL]) as link:
        exchange = link.n_get(uid, asked)
        judge(status.answered(exchange) + no_reserved(exchange))
        judge([] if link.established else [Finding("the association stands", "it has ended")])
        judge(ups.state_is(link.n_get(uid, STATE), "IN PROGRESS"))


@pytest.mark.requirement("CC27-TMS-030")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_no_element_of_a_command_or_file(scheduled, session, judge, state):
    exchange = (scheduled if state == "SCHEDULED" else session).get()
    judge(ups.got(exchange) + no_reserved(exchange))


@pytest.mark.requirement("CC27-TMS-009")
@pytest.mark.parametrize("asked", [["PatientName"], ["SpecificCharacterSet", "PatientName"], []], ids=["not", "asked", "all"])
def test_text_beyond_ascii_is_readable(tdd, foreign_name, judge, asked):
    exchange = tdd.get(foreign_name.uid, asked)
    judge(ups.shows(exchange, "PatientName", foreign_name.facts["patient_name"]))
    judge(ups.has_value(exchange.dataset, "SpecificCharacterSet"))


@pytest.mark.requirement("CC27-TMS-009")
def test_ascii_stays_readable_beside_it(tdd, foreign_name, judge):
    exchange = tdd.get(foreign_name.uid, [*STATE, "ProcedureStepLabel"])
    judge(ups.state_is(exchange, "SCHEDULED") + ups.has_value(exchange.dataset, "ProcedureStepLabel"))


# --- which UPS --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CC27-TMS-010")
@pytest.mark.parametrize("asked", [STATE, ()], ids=["one", "all"])
def test_unknown_ups(tdd, judge_status, asked):
    judge_status(tdd.get(generate_uid(), asked))


@pytest.mark.requirement("CC27-TMS-010")
def test_ups_with_a_similar_uid(tdd, scheduled, judge, judge_status):
    judge(ups.state_is(scheduled.get(STATE), "SCHEDULED"))
    judge_status(tdd.get(scheduled.workitem.uid[:-1], STATE))


@pytest.mark.requirement("CC27-TMS-011")
@pytest.mark.parametrize("asked", [STATE, ()], ids=["one", "all"])
@pytest.mark.parametrize("instance", WELL_KNOWN)
def test_well_known_instance(tdd, judge, judge_status, instance, asked):
    exchange = tdd.get(WELL_KNOWN[instance], asked)
    judge([Finding("no attributes", f"{len(exchange.dataset)} attribute(s)")] if exchange.dataset else [])
    judge_status(exchange)


@pytest.mark.requirement("CC27-TMS-012")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_every_state_is_shown(scheduled, session, judge, state):
    ups_ = scheduled if state == "SCHEDULED" else session
    judge(ups.state_is(ups_.get(STATE), state) + ups.state_is(ups_.get(), state))


@pytest.mark.requirement("CC27-TMS-013")
def test_ended_ups(ended, judge, judge_status):
    state, session = ended
    exchange = session.get(STATE)
    if exchange.status not in NO_SUCH_UPS:
        judge(ups.state_is(exchange, state))
    judge_status(exchange)


@pytest.mark.requirement("CC27-TMS-014")
@pytest.mark.parametrize("asked", [["TransactionUID", *STATE], []], ids=["asked", "all"])
def test_transaction_uid_of_an_ended_ups_never_comes(ended, judge, asked):
    _, session = ended
    exchange = session.get(asked)
    judge(no_lock(exchange))
    if exchange.status not in NO_SUCH_UPS and "TransactionUID" not in asked:
        judge(ups.got(exchange))


@pytest.mark.requirement("CC27-TMS-015")
def test_changes_are_shown_at_once(other_tdd, claims, judge):
    session = claims()
    uid = session.workitem.uid
    judge(ups.state_is(seen_by(other_tdd, uid), "SCHEDULED"))
    if session.claim().status != 0:
        pytest.skip("not judged: the claim was not granted (RO60-TMS-001)")
    judge(ups.state_is(other_tdd.get(uid, STATE), "IN PROGRESS"))
    for label in ("Shown at once", "And once more"):
        changed = session.set(ProcedureStepLabel=label)
        judge(status.accepted(changed, "an N-SET with the lock"))
        if changed.status in (0x0116, 0xB305):
            pytest.skip("not judged: the value that is set is coerced (B305)")
        judge(ups.shows(other_tdd.get(uid, ["ProcedureStepLabel"]), "ProcedureStepLabel", label))


# --- who asks, and how ------------------------------------------------------------------------------------------------

QUESTIONS = pytest.mark.parametrize("asked", [STATE, TOGETHER, ()], ids=["one", "several", "all"])
NOT_KEPT_TOO = {kind: (*STATE, tag, "ProcedureStepLabel") for kind, tag in NOT_KEPT.items()}
UNDER_A_CLASS = pytest.mark.parametrize(
    "asked", [STATE, TOGETHER, (), *NOT_KEPT_TOO.values()], ids=["one", "several", "all", *NOT_KEPT_TOO]
)


def answered_as_under_pull(associate, context, uid, asked):
    """Check that N-GET under a presentation context brings what it brings under UPS Pull."""
    with associate("TMS", [UPS.PULL, context]) as link:
        if not link.accepts(context):
            pytest.skip("not judged: the presentation context is not accepted (NEG-TMS-003, NEG-TMS-012)")
        pull, other = link.n_get(uid, asked), link.n_get(uid, asked, context=context)
        if other.failure:  # the association may have ended
            return status.answered(other)
        if asked in NOT_KEPT_TOO.values() and ups.got(pull):
            pytest.skip("not judged: under UPS Pull it brings nothing (CC27-TMS-007, CC27-TMS-008)")
        unknown = link.n_get(generate_uid(), asked)
        unknown_here = link.n_get(generate_uid(), asked, context=context) if not unknown.failure else unknown
    found = same(pull, other)
    if is_failure(unknown.status):  # where it is not, CC27-TMS-010 fails
        found += status.refused(unknown_here, "the N-GET of an unknown UPS")
    return found + (no_lock(other) if not no_lock(pull) else [])  # of what is shown under Pull as well, CC27-TMS-005


@pytest.mark.requirement("CC27-TMS-016")
@UNDER_A_CLASS
def test_under_push(associate, session, filling, judge, asked):
    judge(answered_as_under_pull(associate, UPS.PUSH, session.workitem.uid, asked))


@pytest.mark.requirement("CC27-TMS-017")
@UNDER_A_CLASS
def test_under_watch(associate, session, filling, judge, asked):
    judge(answered_as_under_pull(associate, UPS.WATCH, session.workitem.uid, asked))


@pytest.mark.requirement("CC27-TMS-018")
@QUESTIONS
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_by_another_ae(other_tdd, scheduled, session, filling, judge, follows, state, asked):
    ups_ = scheduled if state == "SCHEDULED" else session
    shown = other_tdd.get(ups_.workitem.uid, asked)
    if shown.status == NOT_AUTHORIZED:
        judge(ups.got(ups_.get(asked)))
        follows("refused")
        return
    judge(same(ups_.get(asked), shown))
    follows("shown")


@pytest.mark.requirement("CC27-TMS-019")
@pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
def test_n_get_changes_nothing(tdd, other_tdd, scheduled, session, filling, judge, state):
    ups_ = scheduled if state == "SCHEDULED" else session
    before = ups_.get()
    judge(ups.got(before) + ups.has_value(before.dataset, MODIFIED))
    for asked in (STATE, [MODIFIED], TOGETHER, ["TransactionUID"], [NOT_KEPT["private"]]):
        for asking in (tdd, other_tdd):
            judge(status.answered(asking.get(ups_.workitem.uid, asked)))
    judge(same(before, ups_.get()))


@pytest.mark.requirement("CC27-TMS-019")
def test_n_get_leaves_the_lock(other_tdd, session, judge):
    judge(ups.state_is(seen_by(other_tdd, session.workitem.uid), "IN PROGRESS"))
    judge(status.accepted(session.set(ProcedureStepLabel="Mine still"), "the performer's N-SET after another's N-GET"))


@pytest.mark.requirement("CC27-TMS-020")
@pytest.mark.parametrize("asked", [STATE, ()], ids=["one", "all"])
def test_response_names_the_ups(session, judge, asked):
    exchange = session.get(asked)
    judge(ups.got(exchange) + status.no_foreign_uid(exchange, "AffectedSOPInstanceUID", session.workitem.uid))


@pytest.mark.requirement("CC27-TMS-021")
@pytest.mark.parametrize("claim", ["", "push", "watch"], ids=["pull", "push", "watch"])
def test_response_names_ups_push(associate, supported, session, judge, claim):
    if claim:
        supported("TMS", claim)
    context = {"": UPS.PULL, "push": UPS.PUSH, "watch": UPS.WATCH}[claim]
    with associate("TMS", [UPS.PULL, context] if claim else [UPS.PULL]) as link:
        exchange = link.n_get(session.workitem.uid, STATE, context=context)
    judge(ups.state_is(exchange, "IN PROGRESS") + status.no_foreign_uid(exchange, "AffectedSOPClassUID", UPS.PUSH))


@pytest.mark.requirement("CC27-TMS-022")
def test_dates_and_times_are_legal(scheduled, session, filling, judge):
    for exchange in (scheduled.get(), session.get()):
        judge(ups.got(exchange) or list(illegal_times(exchange.dataset)))


@pytest.mark.requirement("CC27-TMS-023")
def test_values_are_written_as_their_vr_has_it(scheduled, session, filling, judge):
    for exchange in (scheduled.get(), session.get()):
        judge(ups.got(exchange) or illegal_answers(exchange))

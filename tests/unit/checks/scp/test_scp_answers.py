"""How a request about a workitem may be answered, by PS3.4 table CC.1.1-2 and what TDW-II says of it: ids, statuses, what follows."""

import pytest
from scp_samples import CATALOGUE, LOCK, NOON, exchange, least

from tdwii_conformance.checks.scp.answers import Option, concerned, options
from tdwii_conformance.checks.scp.belief import ANY, Workitem, World
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item

OTHER = "1.2.9.2"
SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"
PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
REASON, OUTPUT = "ProcedureStepDiscontinuationReasonCodeSequence", "OutputInformationSequence"


def change(state, lock=LOCK):
    return exchange("N-ACTION", item(ProcedureStepState=state, TransactionUID=lock), ActionTypeID=1)


def cancel(asked=None, **more):
    return exchange("N-ACTION", item() if asked is None else asked, **{"syntax": UPS.WATCH, "ActionTypeID": 2} | more)


def modify(lock=LOCK, **attributes):
    return exchange("N-SET", item(**({} if lock is None else {"TransactionUID": lock}), **attributes))


def answers(asked, *worlds, of=None):
    return options(asked, of or Workitem("1.2.3", complete=True), worlds, CATALOGUE)


def only(asked, world, of=None):
    (found,) = answers(asked, world, of=of)
    return found


# --- changes of state -------------------------------------------------------------------------------------------------

# By event and state: ids, the status of the standard, what the workitem is then.
CELLS = [
    (IN_PROGRESS, LOCK, World(NO_UPS), ("CC11-TMS-021", "RO60-TMS-009"), {0xC307}, World(NO_UPS)),
    (IN_PROGRESS, LOCK, World(SCHEDULED), ("CC11-TMS-022", "RO60-TMS-001"), {0}, World(IN_PROGRESS, LOCK)),
    (IN_PROGRESS, LOCK, World(IN_PROGRESS, LOCK), ("CC11-TMS-023", "RO60-TMS-012"), {0xC302}, World(IN_PROGRESS, LOCK)),
    (IN_PROGRESS, LOCK, World(COMPLETED, LOCK), ("CC11-TMS-024", "RO65-TMS-007"), {0xC300}, World(COMPLETED, LOCK)),
    (IN_PROGRESS, LOCK, World(CANCELED, LOCK), ("CC11-TMS-025", "RO65-TMS-007"), {0xC300}, World(CANCELED, LOCK)),
    (IN_PROGRESS, "", World(NO_UPS), ("CC11-TMS-031",), {0xC307}, World(NO_UPS)),
    (IN_PROGRESS, "", World(SCHEDULED), ("CC11-TMS-032", "RO60-TMS-008"), {0xC301}, World(SCHEDULED)),
    (IN_PROGRESS, OTHER, World(IN_PROGRESS, LOCK), ("CC11-TMS-033", "RO60-TMS-004"), {0xC301}, World(IN_PROGRESS, LOCK)),
    (IN_PROGRESS, "", World(IN_PROGRESS, LOCK), ("CC11-TMS-033", "RO60-TMS-004"), {0xC301}, World(IN_PROGRESS, LOCK)),
    (IN_PROGRESS, OTHER, World(COMPLETED, LOCK), ("CC11-TMS-034", "RO65-TMS-008"), {0xC301}, World(COMPLETED, LOCK)),
    (IN_PROGRESS, OTHER, World(CANCELED, LOCK), ("CC11-TMS-035", "RO65-TMS-008"), {0xC301}, World(CANCELED, LOCK)),
    (SCHEDULED, LOCK, World(NO_UPS), ("CC11-TMS-041",), {0xC307}, World(NO_UPS)),
    (SCHEDULED, LOCK, World(SCHEDULED), ("CC11-TMS-042", "RO60-TMS-010"), {0xC303}, World(SCHEDULED)),
    (SCHEDULED, "", World(IN_PROGRESS, LOCK), ("CC11-TMS-043", "RO65-TMS-016"), {0xC303}, World(IN_PROGRESS, LOCK)),
    (SCHEDULED, LOCK, World(COMPLETED, LOCK), ("CC11-TMS-044", "RO65-TMS-016"), {0xC303}, World(COMPLETED, LOCK)),
    (SCHEDULED, LOCK, World(CANCELED, LOCK), ("CC11-TMS-045", "RO65-TMS-016"), {0xC303}, World(CANCELED, LOCK)),
    (COMPLETED, LOCK, World(NO_UPS), ("CC11-TMS-051",), {0xC307}, World(NO_UPS)),
    (COMPLETED, LOCK, World(SCHEDULED), ("CC11-TMS-052", "RO60-TMS-011"), {0xC310, 0xC301}, World(SCHEDULED)),
    (COMPLETED, LOCK, World(COMPLETED, LOCK), ("CC11-TMS-054", "RO65-TMS-005"), {0xB306, 0xC304}, World(COMPLETED, LOCK)),
    (COMPLETED, LOCK, World(CANCELED, LOCK), ("CC11-TMS-055", "RO65-TMS-007"), {0xC300, 0xC304}, World(CANCELED, LOCK)),
    (COMPLETED, OTHER, World(IN_PROGRESS, LOCK), ("CC11-TMS-063", "RO65-TMS-010"), {0xC301}, World(IN_PROGRESS, LOCK)),
    (COMPLETED, "", World(IN_PROGRESS, LOCK), ("CC11-TMS-063", "RO65-TMS-011"), {0xC301}, World(IN_PROGRESS, LOCK)),
    (COMPLETED, OTHER, World(COMPLETED, LOCK), ("CC11-TMS-064", "RO65-TMS-008"), {0xC301}, World(COMPLETED, LOCK)),
    (COMPLETED, OTHER, World(CANCELED, LOCK), ("CC11-TMS-065", "RO65-TMS-008"), {0xC301}, World(CANCELED, LOCK)),
    (CANCELED, LOCK, World(SCHEDULED), ("CC11-TMS-082", "RO60-TMS-011"), {0xC310, 0xC301}, World(SCHEDULED)),
    (CANCELED, LOCK, World(COMPLETED, LOCK), ("CC11-TMS-084", "RO65-TMS-007"), {0xC300, 0xC304}, World(COMPLETED, LOCK)),
    (CANCELED, LOCK, World(CANCELED, LOCK), ("CC11-TMS-085", "RO65-TMS-006"), {0xB304, 0xC304}, World(CANCELED, LOCK)),
    (CANCELED, OTHER, World(IN_PROGRESS, LOCK), ("CC11-TMS-093", "RO65-TMS-010"), {0xC301}, World(IN_PROGRESS, LOCK)),
    (CANCELED, "", World(IN_PROGRESS, LOCK), ("CC11-TMS-093", "RO65-TMS-011"), {0xC301}, World(IN_PROGRESS, LOCK)),
    (CANCELED, OTHER, World(COMPLETED, LOCK), ("CC11-TMS-094", "RO65-TMS-008"), {0xC301}, World(COMPLETED, LOCK)),
    (CANCELED, OTHER, World(CANCELED, LOCK), ("CC11-TMS-095", "RO65-TMS-008"), {0xC301}, World(CANCELED, LOCK)),
]  # fmt: skip


@pytest.mark.parametrize(("state", "lock", "world", "ids", "statuses", "after"), CELLS)
def test_a_change_of_state_by_the_state_table(state, lock, world, ids, statuses, after):
    found = only(change(state, lock), world)
    assert (found.ids, found.before, found.after) == (ids, world, after)
    # Where the end is asked for and refused, what it lacks may be the reason [CC.2.5.1.1].
    assert statuses - {0xC304} <= found.statuses <= statuses | {0xC304}
    assert not found.statuses & found.warnings


def test_a_status_that_is_tolerated_is_a_warning():
    """A claim without Transaction UID may be called one without a value that it needs."""
    assert only(change(IN_PROGRESS, ""), World(SCHEDULED)).warnings == {0x0110, 0x0114, 0x0115, 0x0120, 0x0121}


def test_a_uid_that_is_none_is_no_right_one():
    assert only(change(IN_PROGRESS, "1.02"), World(SCHEDULED)).ids == ("CC11-TMS-032", "RO60-TMS-008")


def test_a_lock_that_was_not_seen_may_be_this_one_or_another():
    right, other = answers(change(IN_PROGRESS), World(IN_PROGRESS, ANY))
    assert (right.ids[0], right.before) == ("CC11-TMS-023", World(IN_PROGRESS, LOCK))
    assert (other.ids[0], other.before) == ("CC11-TMS-033", World(IN_PROGRESS, ANY))


def test_without_a_lock_it_cannot_be_the_right_one():
    assert only(change(IN_PROGRESS, ""), World(IN_PROGRESS, ANY)).ids[0] == "CC11-TMS-033"


def test_every_way_in_which_it_can_be_is_looked_at():
    found = answers(change(SCHEDULED), World(SCHEDULED), World(IN_PROGRESS, LOCK))
    assert [one.ids[0] for one in found] == ["CC11-TMS-042", "CC11-TMS-043"]


@pytest.mark.parametrize(("world", "one"), [(World(SCHEDULED), "RO60-TMS-016"), (World(IN_PROGRESS, LOCK), "CC21-TMS-008")])
@pytest.mark.parametrize("state", ["PAUSED", ""])
def test_a_state_that_there_is_not_is_refused_whatever_with(world, one, state):
    found = only(change(state), world)
    assert (found.ids, found.before, found.after, found.warnings) == ((one,), world, world, frozenset())
    assert {0x0105, 0x0106, 0x0115, 0x0124, 0x0211, 0x0212, 0xC000, 0xC303, 0xCFFF} <= found.statuses
    assert not {0x0000, 0x0001, 0x0104, 0x0107, 0x0116, 0x0125, 0x0210, 0xB000, 0xBFFF, 0xD000} & found.statuses


@pytest.mark.parametrize(("lock", "world"), [("", World(SCHEDULED)), (LOCK, World(COMPLETED, LOCK)), (LOCK, World(NO_UPS))])
def test_of_two_faults_at_once_nothing_is_said(lock, world):
    assert answers(change("PAUSED", lock), world) == []


# --- final states -----------------------------------------------------------------------------------------------------


def performer(**attributes):
    """A workitem that is in progress, and of which these attributes are known for certain."""
    made = Workitem("1.2.3", complete=True)
    made.become([World(IN_PROGRESS, LOCK)], NOON)
    made.learn(item(**attributes), "set", modify())
    return made


def code(value):
    return item(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning="m")


RECORD = item(
    TypeOfInstances="DICOM", StudyInstanceUID="1.2.6", SeriesInstanceUID="1.2.7",
    ReferencedSOPSequence=[item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.481.4", ReferencedSOPInstanceUID="1.2.8")],
    DICOMRetrievalSequence=[item(RetrieveAETitle="OST")],
)  # fmt: skip
DONE = {
    "ActualHumanPerformersSequence": [], "PerformedStationNameCodeSequence": [code("S")],
    "PerformedProcedureStepStartDateTime": "20261129120000", "PerformedProcedureStepEndDateTime": "20261129121000",
    "PerformedWorkitemCodeSequence": [code("121726")], "PerformedProcessingParametersSequence": [], OUTPUT: [RECORD],
}  # fmt: skip


def test_what_has_all_that_it_needs_is_completed():
    found = only(change(COMPLETED), World(IN_PROGRESS, LOCK), of=performer(**{PERFORMED: [item(**DONE)]}))
    assert found.ids == ("CC11-TMS-053", "RO65-TMS-001")
    assert (found.statuses, found.before, found.after) == ({0}, World(IN_PROGRESS, LOCK), World(COMPLETED, LOCK))


def test_an_empty_output_is_no_reason_to_refuse():
    found = only(change(COMPLETED), World(IN_PROGRESS, LOCK), of=performer(**{PERFORMED: [item(**DONE | {OUTPUT: []})]}))
    assert (found.ids, found.statuses) == (("CC11-TMS-053", "RO65-TMS-001", "CC21-TMS-004"), {0})


@pytest.mark.parametrize(
    "lacks", ["PerformedStationNameCodeSequence", "PerformedProcedureStepStartDateTime", "PerformedWorkitemCodeSequence"]
)
def test_what_lacks_something_is_not_completed(lacks):
    rest = {keyword: value for keyword, value in DONE.items() if keyword != lacks}
    found = only(change(COMPLETED), World(IN_PROGRESS, LOCK), of=performer(**{PERFORMED: [item(**rest)]}))
    assert (found.ids, found.statuses, found.warnings) == (("CC21-TMS-002", "RO65-TMS-009"), {0xC304}, frozenset())
    assert (found.before, found.after) == (World(IN_PROGRESS, LOCK), World(COMPLETED, LOCK))


def test_what_was_not_seen_of_it_may_lack():
    found = only(change(COMPLETED), World(IN_PROGRESS, LOCK))
    assert (found.ids, found.statuses) == (("CC11-TMS-053", "RO65-TMS-001"), {0, 0xC304})


@pytest.mark.parametrize(
    ("attributes", "statuses"),
    [
        ({}, {0, 0xC304}),
        ({PROGRESS: []}, {0, 0xC304}),
        ({PROGRESS: [item(ProcedureStepProgress="1")]}, {0, 0xC304}),
        ({PROGRESS: [item(**{REASON: [code("110501")]})]}, {0}),
    ],
)
def test_a_reason_is_what_canceled_needs(attributes, statuses):
    found = only(change(CANCELED), World(IN_PROGRESS, LOCK), of=performer(**attributes))
    assert (found.ids, found.statuses) == (("CC11-TMS-083", "RO65-TMS-001"), statuses)
    assert (found.before, found.after) == (World(IN_PROGRESS, LOCK), World(CANCELED, LOCK))


def test_what_others_may_have_changed_since_is_not_relied_on():
    """A reason that was seen before the lock was known to be held."""
    loose = Workitem("1.2.3", complete=False)
    loose.learn(item(**{PROGRESS: [item(**{REASON: [code("110501")]})], PERFORMED: [item(**DONE)]}), "shown", modify())
    loose.become([World(IN_PROGRESS, ANY)], NOON)
    for state in (COMPLETED, CANCELED):
        found = answers(change(state), World(IN_PROGRESS, ANY), of=loose)[0]
        assert found.statuses == {0, 0xC304}


# --- what is left after an answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (0, True),
        (0xB300, True),
        (0x0001, True),
        (0x0107, True),
        (0x0116, True),
        (0xB305, True),
        (0xC301, False),
        (0xB304, False),
        (None, False),
    ],
)
def test_what_was_done_is_seen_from_the_status(status, done):
    one = Option(World(SCHEDULED), ("x",), frozenset({0}), frozenset(), World(IN_PROGRESS, LOCK))
    assert one.left(status) == (World(IN_PROGRESS, LOCK) if done else World(SCHEDULED))


# --- requests that say nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        exchange("N-GET"),
        exchange("N-ACTION", item(ReceivingAE="W"), ActionTypeID=3),
        exchange("N-ACTION", encoded=b"\x00\x01\x02", ActionTypeID=1),
        exchange("N-SET", encoded=b"\x00\x01\x02"),
    ],
    ids=["N-GET", "subscription", "undecodable change", "undecodable N-SET"],
)
def test_of_other_requests_nothing_is_said(asked):
    assert answers(asked, World(SCHEDULED)) == []


# --- requests to cancel -----------------------------------------------------------------------------------------------


def known(requestor="W1", service="N-CREATE", status=0, **command):
    made = Workitem("1.2.3", complete=True)
    made.requests.append((exchange(service, requestor=requestor, status=status, **command), ()))
    return made


@pytest.mark.parametrize(
    ("world", "ids", "statuses", "after"),
    [
        (World(NO_UPS), ("CC11-TMS-071",), {0xC307}, World(NO_UPS)),
        (World(SCHEDULED), ("CC11-TMS-072", "CC22-TMS-001", "CC22-TMS-003"), {0, 0xC312, 0xC313}, World(CANCELED, ANY)),
        (World(IN_PROGRESS, LOCK), ("CC11-TMS-073", "CC22-TMS-001", "CC22-TMS-003"), {0, 0xC312, 0xC313}, World(IN_PROGRESS, LOCK)),
        (World(COMPLETED, LOCK), ("CC11-TMS-074",), {0xC311}, World(COMPLETED, LOCK)),
        (World(CANCELED, LOCK), ("CC11-TMS-075",), {0xB304}, World(CANCELED, LOCK)),
    ],
)
def test_a_request_to_cancel_by_the_state_table(world, ids, statuses, after):
    found = only(cancel(requestor="W1"), world, of=known())
    assert (found.ids, found.statuses, found.before, found.after) == (ids, statuses, world, after)


def test_under_push_and_with_a_reason_other_requirements_say_so():
    found = only(cancel(item(ReasonForCancellation="x"), syntax=UPS.PUSH, requestor="W1"), World(SCHEDULED), of=known())
    assert found.ids == ("CC11-TMS-072", "CC22-TMS-002")


@pytest.mark.parametrize("syntax", [UPS.PULL, UPS.QUERY, ""])
def test_under_a_class_that_has_no_such_service_nothing_is_said(syntax):
    assert answers(cancel(syntax=syntax), World(SCHEDULED), of=known()) == []


def test_a_reason_that_is_not_legal_may_be_refused_for_that():
    wrong = item(**{REASON: [item(CodeValue="A")]})  # a code without its scheme and meaning
    assert answers(cancel(wrong), World(SCHEDULED), of=known()) == []


@pytest.mark.parametrize(
    ("of", "authorized"),
    [
        (known("W1"), True),
        (known("W2"), False),
        (known("W1", status=0xC309), False),
        (known("W1", "N-ACTION", ActionTypeID=1), True),
        (known("W1", "N-ACTION", ActionTypeID=2), False),
        (known("W1", "N-SET"), False),
        (Workitem("1.2.3", complete=True), False),
    ],
)
def test_only_who_made_or_performs_it_has_to_be_heard(of, authorized):
    assert concerned("W1", of) is authorized
    found = only(cancel(requestor="W1"), World(SCHEDULED), of=of)
    assert (0x0124 in found.statuses) is not authorized
    assert {0, 0xC312, 0xC313} <= found.statuses
    assert (found.before, found.after, found.ids[0]) == (World(SCHEDULED), World(CANCELED, ANY), "CC11-TMS-072")


# --- modifications ----------------------------------------------------------------------------------------------------

TEN = {PROGRESS: [item(ProcedureStepProgress="10")]}


@pytest.mark.parametrize(
    ("lock", "world", "ids", "status"),
    [
        (None, World(NO_UPS), ("CC26-TMS-001", "RO62-TMS-011"), 0xC307),
        (LOCK, World(NO_UPS), ("CC26-TMS-001", "RO62-TMS-011"), 0xC307),
        (None, World(SCHEDULED), ("CC26-TMS-002", "RO62-TMS-016"), 0),
        (LOCK, World(SCHEDULED), ("CC26-TMS-003", "RO62-TMS-015"), 0xC310),
        (None, World(IN_PROGRESS, LOCK), ("CC26-TMS-006", "RO62-TMS-006"), 0xC301),
        ("", World(IN_PROGRESS, LOCK), ("CC26-TMS-006", "RO62-TMS-006"), 0xC301),
        (OTHER, World(IN_PROGRESS, LOCK), ("CC26-TMS-007", "RO62-TMS-005"), 0xC301),
        (LOCK, World(IN_PROGRESS, LOCK), ("CC26-TMS-005", "RO62-TMS-002"), 0),
        (LOCK, World(COMPLETED, LOCK), ("CC26-TMS-009", "RO65-TMS-004"), 0xC300),
        (LOCK, World(CANCELED, LOCK), ("CC26-TMS-009", "RO65-TMS-004"), 0xC300),
        (OTHER, World(COMPLETED, LOCK), ("CC26-TMS-010",), 0xC300),
        (None, World(CANCELED, LOCK), ("CC26-TMS-011",), 0xC300),
    ],
)
def test_a_modification_by_transaction_uid_and_state(lock, world, ids, status):
    found = only(modify(lock, **TEN), world)
    assert (found.ids, found.before, found.after) == (ids, world, world)
    assert status in found.statuses
    assert 0x0122 not in found.statuses | found.warnings


def test_the_lock_of_a_modification_may_be_one_that_was_not_seen():
    right, other = answers(modify(LOCK, **TEN), World(IN_PROGRESS, ANY))
    assert (right.ids[0], right.before) == ("CC26-TMS-005", World(IN_PROGRESS, LOCK))
    assert (other.ids[0], other.before) == ("CC26-TMS-007", World(IN_PROGRESS, ANY))


@pytest.mark.parametrize(
    ("content", "also"),
    [
        ({PROGRESS: [item(ProcedureStepProgress="0")]}, ("RO62-TMS-001",)),
        ({PROGRESS: [item(ProcedureStepProgress=" 0.0 ")]}, ("RO62-TMS-001",)),
        ({PROGRESS: [item(ProcedureStepProgress="0.5")]}, ("RO62-TMS-002",)),
        ({PROGRESS: [item(ProcedureStepProgress="100")]}, ("RO62-TMS-002",)),
        ({PROGRESS: [item(ProcedureStepProgressDescription="x")]}, ()),
        ({PERFORMED: [item(**DONE)]}, ("RO64-TMS-001",)),
        ({PERFORMED: [item(**DONE)], **TEN}, ("RO64-TMS-001",)),
    ],
)
def test_an_update_comes_under_the_transaction_that_it_is_of(content, also):
    assert only(modify(LOCK, **content), World(IN_PROGRESS, LOCK)).ids == ("CC26-TMS-005", *also)


@pytest.mark.parametrize(
    ("lock", "world"), [(LOCK, World(IN_PROGRESS, LOCK)), (None, World(SCHEDULED))], ids=["in progress", "scheduled"]
)
@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ({"ScheduledProcedureStepPriority": "URGENT"}, ("CC26-TMS-021",)),  # none of the defined values
        ({PERFORMED: []}, ()),  # emptied
        ({"MedicalAlerts": "x"}, None),
    ],
)
def test_what_need_not_be_taken_may_be_refused(lock, world, content, ids):
    found = only(modify(lock, **content), world)
    if ids is not None:
        assert found.ids == ids
    assert (found.before, found.after, found.warnings) == (world, world, frozenset())
    assert {0, 0x0105, 0x0106, 0x0110, 0x0115, 0x0121, 0x0124, 0xC310, 0xB305} <= found.statuses
    assert not {0x0104, 0x0125, 0xC301} & found.statuses


def test_a_character_set_is_no_attribute_that_need_not_be_supported():
    found = only(modify(LOCK, SpecificCharacterSet="ISO_IR 100", **TEN), World(IN_PROGRESS, LOCK))
    assert (found.ids, found.statuses) == (("CC26-TMS-005", "RO62-TMS-002"), {0})


def test_to_empty_what_needs_a_value_has_a_status_of_its_own():
    found = only(modify(LOCK, ProcedureStepLabel=""), World(IN_PROGRESS, LOCK))
    assert (found.ids, found.statuses, found.after) == (("CC26-TMS-019",), {0x0121}, World(IN_PROGRESS, LOCK))
    beside = only(modify(LOCK, ProcedureStepLabel="", WorklistLabel="x"), World(IN_PROGRESS, LOCK))
    assert beside.ids == ("CC26-TMS-021",)
    before_claim = only(modify(None, ProcedureStepLabel=""), World(SCHEDULED))
    assert before_claim.ids == ("CC26-TMS-021",)


@pytest.mark.parametrize(("lock", "id_"), [(OTHER, "CC26-TMS-007"), (None, "CC26-TMS-006")])
def test_who_has_not_the_lock_is_refused_for_that_whatever_is_sent(lock, id_):
    found = only(modify(lock, ProcedureStepLabel=""), World(IN_PROGRESS, LOCK))
    assert found.ids[0] == id_
    assert 0 not in found.statuses


# --- creations --------------------------------------------------------------------------------------------------------


def create(**changes):
    """The least that a UPS needs, with changes; ``...`` leaves an attribute out."""
    made = least()
    for keyword, value in changes.items():
        if value is ...:
            del made[keyword]
        else:
            made.update(item(**{keyword: value}))
    return exchange("N-CREATE", made, syntax=UPS.PUSH)


def test_a_legal_creation_is_granted_and_makes_it_scheduled():
    found = only(create(), World(NO_UPS))
    assert (found.ids, found.statuses, found.warnings) == (("CC11-TMS-011", "CC25-TMS-001"), {0, 0xB300}, {0x0107, 0x0116})
    assert (found.before, found.after) == (World(NO_UPS), World(SCHEDULED))


@pytest.mark.parametrize(
    ("world", "cell"),
    [
        (World(SCHEDULED), "CC11-TMS-012"), (World(IN_PROGRESS, LOCK), "CC11-TMS-013"), (World(COMPLETED, LOCK), "CC11-TMS-014"),
        (World(CANCELED, LOCK), "CC11-TMS-015"),
    ],
)  # fmt: skip
def test_what_is_there_is_not_created_again(world, cell):
    found = only(create(), world)
    assert (found.ids, found.statuses, found.warnings) == ((cell, "CC25-TMS-020"), {0x0111}, {0x0106, 0x0110, 0x0117})
    assert (found.before, found.after) == (world, world)


@pytest.mark.parametrize(
    ("changes", "ids", "status"),
    [
        ({"ProcedureStepState": "IN PROGRESS"}, ("CC25-TMS-017",), 0xC309),
        ({"ProcedureStepState": ...}, ("CC25-TMS-018",), 0x0120),
        ({"ProcedureStepState": ""}, ("CC25-TMS-019",), 0x0121),
        ({"ProcedureStepLabel": ...}, ("CC25-TMS-011",), 0x0120),
        ({"ProcedureStepLabel": ""}, ("CC25-TMS-012",), 0x0121),
        ({"ScheduledStationClassCodeSequence": ...}, ("CC25-TMS-013",), 0x0120),
    ],
)
def test_an_illegal_creation_is_refused_by_what_is_wrong_with_it(changes, ids, status):
    found = only(create(**changes), World(NO_UPS))
    assert (found.ids, found.statuses) == (ids, {status})
    assert (found.before, found.after) == (World(NO_UPS), World(SCHEDULED))
    assert 0xB300 in found.warnings or ids == ("CC25-TMS-017",)


def test_a_value_that_is_illegal_has_more_readings_than_a_status_shows():
    assert answers(create(ScheduledProcedureStepPriority="URGENT"), World(NO_UPS)) == []


@pytest.mark.parametrize(("left_out", "ids"), [("CodeMeaning", ("CC25-TMS-011",)), ("CodeValue", ("CC25-TMS-014",))])
def test_what_lacks_in_an_item_is_refused_by_its_own_type(left_out, ids):
    """Code Meaning is of type 1, Code Value of type 1C [table CC.2.5-2a]."""
    whole = {"CodeValue": "121726", "CodingSchemeDesignator": "DCM", "CodeMeaning": "m"}
    rest = item(**{keyword: value for keyword, value in whole.items() if keyword != left_out})
    assert only(create(ScheduledWorkitemCodeSequence=[rest]), World(NO_UPS)).ids == ids

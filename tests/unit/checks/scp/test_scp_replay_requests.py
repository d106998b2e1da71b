"""What becomes of a workitem by the requests of a record, where they overlap, are not answered, or come to what nobody has seen."""

import pytest
from scp_samples import CATALOGUE, LOCK, Record, W, exchange
from test_scp_replayed import (
    CANCELED,
    COMPLETED,
    IN_PROGRESS,
    LABEL,
    OTHER,
    SCHEDULED,
    TEN,
    claimed,
    found,
    looked,
    made,
)

from tdwii_conformance.checks.scp import Replay
from tdwii_conformance.checks.scp.belief import ANY, World
from tdwii_conformance.checks.scp.replay import _may_be_set, _subscribes, affects, changes, requested, state_asked
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item

MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
CLAIM = item(ProcedureStepState=IN_PROGRESS, TransactionUID=LOCK)


def replayed(record, *, complete=True):
    replay = Replay("TMS", record.exchanges, CATALOGUE, complete=complete)
    replay.run()
    return replay


def worlds(record, *, complete=True):
    return set(replayed(record, complete=complete).items[W].worlds)


def places(record, id_):
    """In which exchanges of a record a requirement is seen to be violated."""
    return [record.exchanges.index(one) for one in record.entries()[id_].exchanges]


def meanwhile(record, service, asked=None, last=None, *, begin, end, **more):
    """An exchange at any time, which may overlap others."""
    named = {} if service == "C-FIND" else {"RequestedSOPInstanceUID": W}
    record.exchanges.append(exchange(service, asked, last, begin=begin, end=end, **named, **more))
    return record


# --- what a request is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "change", "subscription"),
    [
        (exchange("N-CREATE"), True, False),
        (exchange("N-SET"), True, False),
        (exchange("N-GET"), False, False),
        (exchange("C-FIND", ActionTypeID=1), False, False),
        (exchange("N-ACTION", ActionTypeID=1), True, False),
        (exchange("N-ACTION", ActionTypeID=2), True, False),
        (exchange("N-ACTION", ActionTypeID=3), False, True),
        (exchange("N-ACTION", ActionTypeID=4), False, True),
        (exchange("N-ACTION", ActionTypeID=5), False, True),
        (exchange("N-ACTION", ActionTypeID=3, failure="aborted"), False, False),
        (exchange("N-ACTION"), False, False),
        (exchange("N-GET", ActionTypeID=3), False, False),
    ],
)
def test_what_a_request_is(one, change, subscription):
    assert (changes(one), _subscribes(one)) == (change, subscription)


def test_whom_a_change_affects():
    assert affects(exchange("N-SET", RequestedSOPInstanceUID=W), W)
    assert not affects(exchange("N-SET", RequestedSOPInstanceUID=W), OTHER)
    assert affects(exchange("N-CREATE", answer={"AffectedSOPInstanceUID": W}), W)  # the TMS has made the UID


@pytest.mark.parametrize(
    ("asked", "kind", "state"),
    [(CLAIM, 1, IN_PROGRESS), (CLAIM, 2, ""), (None, 1, ""), (item(TransactionUID=LOCK), 1, ""), (CLAIM, None, "")],
)
def test_which_state_is_asked_for(asked, kind, state):
    assert state_asked(exchange("N-ACTION", asked, **({"ActionTypeID": kind} if kind else {}))) == state


@pytest.mark.parametrize(
    ("tags", "keywords"),
    [
        (None, []),
        (0x00741204, [LABEL]),
        ([0x00741204, 0x00100020], [LABEL, "PatientID"]),
        ([0x00741204, 0x00091001], [LABEL, "(0009,1001)"]),
    ],
)
def test_which_attributes_are_asked_for(tags, keywords):
    assert requested(exchange("N-GET", **({} if tags is None else {"AttributeIdentifierList": tags}))) == keywords


@pytest.mark.parametrize(
    ("attributes", "may"),
    [
        ({LABEL: "A"}, True),
        ({LABEL: None}, False),  # 1 for the SCP [table CC.2.5-3]
        ({"PatientName": "A"}, False),  # not allowed
        ({"TransactionUID": LOCK}, False),  # special
        ({"ScheduledProcedureStepModificationDateTime": "2026"}, False),  # -
        ({"ScheduledStationNameCodeSequence": []}, True),
        ({"InstitutionName": "x"}, True),  # no attribute of a UPS: an SCP may keep it
    ],
)
def test_what_an_n_set_may_change(attributes, may):
    (element,) = item(**attributes)
    assert _may_be_set(element) is may


def test_what_came_of_a_c_move_was_retrieved():
    def store(uid, requestor="OST", status=0):
        return exchange("C-STORE", requestor=requestor, acceptor="TDD", status=status, syntax=MOVE, AffectedSOPInstanceUID=uid)

    record = [exchange("C-MOVE", acceptor="OST", syntax=MOVE), store("1.1"), store("1.2", status=0xA700), store("1.3", "TPS"),
              exchange("N-GET", requestor="OST", RequestedSOPInstanceUID="1.4")]  # fmt: skip
    assert Replay("TMS", record, CATALOGUE, complete=True).retrieved == {"1.1"}


# --- what is passed over ----------------------------------------------------------------------------------------------


def test_what_is_of_another_service_or_was_refused_with_reason_hides_nothing():
    record = Record().add("C-ECHO", syntax="1.2.840.10008.1.1")
    record.add("N-SET", item(), syntax=UPS.WATCH, status=0xC000, RequestedSOPInstanceUID=W)
    assert set(found(record.shown().change(status=0xC301))) == {"CC11-TMS-022", "RO60-TMS-001"}


@pytest.mark.parametrize("service", ["N-CREATE", "N-SET"])
def test_a_request_without_a_data_set_brings_nothing(service):
    named = {"AffectedSOPInstanceUID": W} if service == "N-CREATE" else {"RequestedSOPInstanceUID": W}
    record = Record().add(service, None, status=0xC000, syntax=UPS.PUSH if service == "N-CREATE" else UPS.PULL, **named)
    assert found(record) == {}
    granted = Record().shown().change().add("N-SET", None, RequestedSOPInstanceUID=W).shown(SCHEDULED)
    assert found(granted)["CC26-TMS-018"][0][:2] == (f"Procedure Step State {IN_PROGRESS}", SCHEDULED)


def test_an_n_get_that_was_not_answered_shows_nothing():
    assert {
        name for name in Record().add("N-GET", failure="aborted", RequestedSOPInstanceUID=W).entries() if "CC27" in name
    } == set()


# --- at the same time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "overlapping"), [(0, 1.9, False), (0, 2, True), (3, 4, True), (6, 7, True), (6.1, 7, False), (1, 9, True)]
)
def test_what_is_under_way_at_the_same_time(begin, end, overlapping):
    claim = exchange("N-ACTION", CLAIM, begin=2, end=6, ActionTypeID=1, RequestedSOPInstanceUID=W)
    other = exchange("N-ACTION", CLAIM, begin=2, end=6, ActionTypeID=1, RequestedSOPInstanceUID=OTHER)
    look = exchange("N-GET", begin=begin, end=end, RequestedSOPInstanceUID=W)
    replay = Replay("TMS", [claim, other, look], CATALOGUE, complete=True)
    assert replay.overlapping(look, W) == ([claim] if overlapping else [])
    assert replay.overlapping(claim, W) == []


@pytest.mark.parametrize("state", [SCHEDULED, IN_PROGRESS])
def test_while_it_is_claimed_either_state_may_be_shown(state):
    record = Record().shown()
    meanwhile(record, "N-ACTION", CLAIM, begin=2, end=6, ActionTypeID=1)
    meanwhile(record, "N-GET", None, item(ProcedureStepState=state), begin=3, end=4)
    assert found(record) == {}


def test_no_other_state_is_shown_meanwhile():
    record = Record().shown()
    meanwhile(record, "N-ACTION", CLAIM, begin=2, end=6, ActionTypeID=1)
    meanwhile(record, "N-GET", None, item(ProcedureStepState=COMPLETED), begin=3, end=4)
    assert found(record)["CC27-TMS-012"] == [
        (f"Procedure Step State {SCHEDULED} or {IN_PROGRESS}", COMPLETED, "ProcedureStepState", "fault")
    ]


def test_nor_can_it_be_gone():
    record = Record().shown()
    meanwhile(record, "N-ACTION", CLAIM, begin=2, end=6, ActionTypeID=1)
    meanwhile(record, "N-GET", begin=3, end=4, status=0xC307)
    assert found(record)["CC27-TMS-012"][0][0] == f"the workitem, which is {SCHEDULED} or {IN_PROGRESS}"
    assert places(record, "CC27-TMS-012") == [2]


@pytest.mark.parametrize("state", [IN_PROGRESS, COMPLETED])
def test_while_it_is_completed_either_state_may_be_shown(state):
    record = claimed()
    end = item(ProcedureStepState=COMPLETED, TransactionUID=LOCK)
    meanwhile(record, "N-ACTION", end, begin=4, end=9, ActionTypeID=1)
    meanwhile(record, "N-GET", None, item(ProcedureStepState=state), begin=5, end=6)
    assert found(record) == {}


@pytest.mark.parametrize("label", ["A", "B", "C"])
def test_of_two_modifications_at_once_either_may_be_the_last(label):
    record = claimed().set(**{LABEL: "A"})
    for begin, end, value in ((6, 9, "B"), (7, 8, "C")):
        meanwhile(record, "N-SET", item(TransactionUID=LOCK, **{LABEL: value}), begin=begin, end=end)
    record.now = 10
    assert found(looked(record, 0, item(**{LABEL: label}))) == {}


def test_two_claims_at_once_of_which_both_are_granted():
    record = Record().shown()
    meanwhile(record, "N-ACTION", CLAIM, begin=2, end=6, ActionTypeID=1)
    other = item(ProcedureStepState=IN_PROGRESS, TransactionUID=OTHER)
    meanwhile(record, "N-ACTION", other, begin=3, end=5, ActionTypeID=1)
    assert found(record)["RO60-TMS-015"] == [(f"{IN_PROGRESS} granted once", "granted 2 times", "", "fault")]
    assert places(record, "RO60-TMS-015") == [2, 1]
    record.exchanges[2] = exchange("N-ACTION", other, begin=3, end=5, status=0xC302, ActionTypeID=1, RequestedSOPInstanceUID=W)
    assert record.entries()["RO60-TMS-015"].findings == []


def test_one_claim_is_no_sign_that_there_was_no_second():
    assert "RO60-TMS-015" not in claimed().entries()


# --- not answered -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [SCHEDULED, IN_PROGRESS])
def test_a_claim_that_was_not_answered_may_have_been_granted(state):
    record = Record().shown().add("N-ACTION", CLAIM, failure="aborted", RequestedSOPInstanceUID=W, ActionTypeID=1)
    assert worlds(record) == {World(SCHEDULED), World(IN_PROGRESS, LOCK)}
    assert found(record.shown(state)) == {}
    assert found(record.shown(COMPLETED)) != {}


@pytest.mark.parametrize("label", ["A", "B"])
def test_a_modification_that_was_not_answered_may_have_been_done(label):
    asked = item(TransactionUID=LOCK, **{LABEL: "B"})
    record = claimed().set(**{LABEL: "A"}).add("N-SET", asked, failure="aborted", RequestedSOPInstanceUID=W)
    assert found(looked(record, 0, item(**{LABEL: label}))) == {}


# --- how it is answered -----------------------------------------------------------------------------------------------


def test_of_what_nobody_has_seen_a_state_the_table_is_said():
    wrong = found(looked(Record(), 0, item(**{LABEL: "A"})).change(status=0x0110))
    ((expected, received, _, weight),) = wrong["CC11-TMS-101"]
    assert expected.startswith("status 0000 (Success) or C30")
    assert weight == "fault"
    assert received == (
        f"status 0110 (processing failure); by what was seen the workitem is {SCHEDULED} or {IN_PROGRESS} or {COMPLETED} or {CANCELED}"
    )


def test_what_may_be_refused_in_many_ways_is_not_answered_by_another():
    record = claimed().set(
        0xC000, ScheduledStationNameCodeSequence=[item(CodeValue="A", CodingSchemeDesignator="99A", CodeMeaning="m")]
    )
    assert found(record)["CC26-TMS-005"][0][0] == "status of success, or of a failure"


def test_a_status_of_another_service_is_said_to_be_one():
    """C311 is of a request to cancel [CC.2.2.4]."""
    record = claimed().set(0xC311, **TEN)
    assert (
        found(record)["CC26-TMS-005"][0][1] == f"status C311 (no status of N-SET); by what was seen the workitem is {IN_PROGRESS}"
    )
    assert places(record, "CC26-TMS-005") == [2]


def test_an_illegal_creation_is_judged_though_nobody_knows_what_was_there():
    granted = made(Record(), **{LABEL: None})
    assert places(granted, "CC25-TMS-012") == [0]
    refused = made(Record(), 0x0121, **{LABEL: None}).entries()["CC25-TMS-012"]
    assert (refused.judged, refused.findings) == (1, [])


def test_a_refused_claim_is_reported_to_nobody():
    record = claimed().change(status=0xC302, lock=OTHER)
    assert [one.state for one in replayed(record).ledger.causes] == [IN_PROGRESS]


# --- what is learned --------------------------------------------------------------------------------------------------


def test_a_request_to_cancel_is_no_modification():
    asked = item(ContactDisplayName="Doe")
    record = claimed().add("N-ACTION", asked, syntax=UPS.WATCH, RequestedSOPInstanceUID=W, ActionTypeID=2)
    assert "ContactDisplayName" not in replayed(record).items[W].known


def test_what_should_not_have_been_granted_may_have_been_done():
    record = Record().shown(**{LABEL: "A"}).set(lock=OTHER, **{LABEL: "B"})
    assert LABEL not in replayed(record).items[W].known


def test_what_is_created_is_known_though_no_n_set_may_change_it():
    known = replayed(made(Record(), PatientName="Doe^Jane")).items[W].known["PatientName"]
    assert (str(known.element.value), known.how) == ("Doe^Jane", "created")


def test_what_is_set_is_known_as_that():
    record = claimed().set(**{LABEL: "A"})
    known = replayed(record).items[W].known[LABEL]
    assert (known.how, known.exchange) == ("set", record.exchanges[2])
    assert "PatientName" not in replayed(claimed().set(PatientName="X")).items[W].known


def test_an_illegal_value_that_was_taken_may_be_another_now():
    record = Record().shown(ScheduledProcedureStepPriority="LOW").change().set(ScheduledProcedureStepPriority="URGENT")
    assert "ScheduledProcedureStepPriority" not in replayed(record).items[W].known


def test_of_a_new_workitem_nothing_is_known_from_an_older_one():
    record = looked(Record().shown(CANCELED, PregnancyStatus=4), 0xC307)
    assert "PregnancyStatus" in replayed(record).items[W].known
    assert "PregnancyStatus" not in replayed(made(record)).items[W].known


def test_a_second_creation_that_was_granted_brings_nothing():
    record = made(made(Record(), **{LABEL: "A"}), **{LABEL: "B"})
    assert replayed(record).items[W].known[LABEL].exchange is record.exchanges[0]


def test_what_is_gone_is_gone():
    assert worlds(looked(Record().shown(), 0xC307), complete=False) == {World(NO_UPS)}
    assert worlds(looked(Record(), 0, item(**{LABEL: "A"}))) == {
        World(SCHEDULED), World(IN_PROGRESS, ANY), World(COMPLETED, ANY), World(CANCELED, ANY)
    }  # fmt: skip


def test_who_holds_a_lock_that_nobody_saw_taken_may_end_it_while_it_is_modified():
    record = Record().shown(IN_PROGRESS)
    end = item(ProcedureStepState=CANCELED, TransactionUID=LOCK)
    meanwhile(record, "N-SET", item(TransactionUID=LOCK, **TEN), begin=11, end=13)
    meanwhile(record, "N-ACTION", end, begin=10, end=14, ActionTypeID=1)
    assert found(record) == {}


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_claims_that_are_answered_in_one_moment_either_is_the_first(first):
    record = Record().shown()
    claims = [("1.2.9.1", 0), (OTHER, 0xC302)]
    for lock, status in (claims[first], claims[1 - first]):
        asked = item(ProcedureStepState=IN_PROGRESS, TransactionUID=lock)
        meanwhile(record, "N-ACTION", asked, begin=3, end=5, status=status, ActionTypeID=1)
    assert {name for name, said in found(record).items() if said[0][3] == "fault"} == set()

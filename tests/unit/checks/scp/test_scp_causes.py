"""Who has to be told of what, by PS3.4 table CC.2.3-2 and CC.2.4.1: subscriptions, and the requests that were granted."""

from datetime import timedelta

import pytest
from scp_samples import CATALOGUE, LOCK, NOON, W, exchange

from tdwii_conformance.checks.scp.belief import ANY, Workitem, World
from tdwii_conformance.checks.scp.causes import Ledger
from tdwii_conformance.profile.ups_service import FILTERED, GLOBAL, UPS
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item

OTHER = "1.2.4"
SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, ASSIGNED = 1, 2, 3, 5  # table CC.2.4-1
SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 3, 4, 5  # table CC.2.3-1
STATION, PERFORMERS, READINESS = "ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence", "InputReadinessState"
PROGRESS = "ProcedureStepProgressInformationSequence"


class Day:
    """Requests to one TMS, a minute each, and who is told of them."""

    def __init__(self, **states):
        self.ledger, self.minutes, self.items = Ledger(CATALOGUE), 0, {}
        for uid, worlds in states.items():
            self.items[uid.replace("_", ".").removeprefix("uid")] = self.workitem(uid.replace("_", ".").removeprefix("uid"), worlds)

    @staticmethod
    def workitem(uid, worlds):
        made = Workitem(uid, complete=True)
        made.become(worlds, NOON)
        return made

    def exchange(self, service, asked=None, status=0, **command):
        self.minutes += 1
        begin = 60 * self.minutes
        return exchange(service, asked, begin=begin, end=begin + 1, status=status, syntax=UPS.WATCH, **command)

    def action(self, kind, target=GLOBAL, *, title="W1", lock="FALSE", status=0):
        asked = item(ReceivingAE=title, **({"DeletionLock": lock} if lock else {}))
        one = self.exchange("N-ACTION", asked, status, RequestedSOPInstanceUID=target, ActionTypeID=kind)
        self.ledger.subscription(one, self.items)
        return self

    def happened(self, service, asked, worlds, *, uid=W, status=0, **command):
        of = self.items.setdefault(uid, self.workitem(uid, worlds))
        named = {"AffectedSOPInstanceUID": uid} if service == "N-CREATE" else {"RequestedSOPInstanceUID": uid}
        self.ledger.happened(self.exchange(service, asked, status, **named, **command), of, worlds)
        return self

    def create(self, uid=W, **attributes):
        return self.happened("N-CREATE", item(PatientID="P", **attributes), [World(NO_UPS)], uid=uid)

    def claim(self, uid=W):
        return self.happened("N-ACTION", item(ProcedureStepState=IN_PROGRESS), [World(SCHEDULED)], uid=uid, ActionTypeID=1)

    @property
    def owed(self):
        return [(one.receiver, one.cause.uid, one.cause.kind, one.cause.state, one.cause.ids) for one in self.ledger.owed]

    @property
    def causes(self):
        return [(one.uid, one.kind, one.state, one.ids) for one in self.ledger.causes]


# --- initial events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worlds", "state"),
    [
        ([World(SCHEDULED)], SCHEDULED),
        ([World(IN_PROGRESS, LOCK)], IN_PROGRESS),
        ([World(SCHEDULED), World(IN_PROGRESS, ANY)], ""),  # either will do
        ([World(COMPLETED, LOCK)], COMPLETED),
    ],
)
def test_who_subscribes_to_a_workitem_is_told_its_state(worlds, state):
    day = Day(uid1_2_3=worlds).action(SUBSCRIBE, W)
    ((receiver, uid, kind, told, ids),) = day.owed
    assert (receiver, uid, kind, told) == ("W1", W, STATE_REPORT, state)
    assert ids[-1] == "CC24-TMS-015"


def test_of_a_workitem_that_nobody_knows_any_state_will_do():
    assert Day().action(SUBSCRIBE, W).owed[0][3] == ""


@pytest.mark.parametrize(
    ("status", "lock", "of"),
    [
        (0, "FALSE", "Subscribed w/o Lock"), (0, "TRUE", "Subscribed with Lock"), (0xB301, "TRUE", "Subscribed w/o Lock"),
    ],
)  # fmt: skip
def test_a_subscription_is_as_it_was_granted(status, lock, of):
    day = Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE, W, lock=lock, status=status)
    assert day.ledger.receivers["W1"].of == {W: of}


@pytest.mark.parametrize("status", [0x0112, 0xC308, 0xC307])
def test_a_refused_subscription_is_none_but_was_tried(status):
    day = Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE, W, status=status)
    assert day.owed == []
    assert day.ledger.receivers["W1"].of == {}
    assert [target for _, target in day.ledger.receivers["W1"].subscribed] == [W]


def test_who_gives_no_title_subscribes_nobody():
    day = Day()
    day.action(SUBSCRIBE, W, title="")
    assert day.ledger.receivers == {}


def test_spaces_are_no_part_of_a_title():
    assert list(Day().action(SUBSCRIBE, W, title="W1 ").ledger.receivers) == ["W1"]


# --- global subscriptions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "lock", "with_lock", "of"),
    [
        (0, "TRUE", True, "Subscribed with Lock"), (0, "FALSE", False, "Subscribed w/o Lock"),
        (0xB301, "TRUE", False, "Subscribed w/o Lock"), (0, None, False, "Subscribed w/o Lock"),
    ],
)  # fmt: skip
def test_a_global_subscription_is_one_to_all_that_are_there(status, lock, with_lock, of):
    day = Day(uid1_2_3=[World(SCHEDULED)], uid1_2_4=[World(SCHEDULED), World(NO_UPS)]).action(SUBSCRIBE, lock=lock, status=status)
    receiver = day.ledger.receivers["W1"]
    assert (receiver.everything, receiver.lock, receiver.of) == (True, with_lock, {W: of})
    assert day.owed == []  # whether it was subscribed before is not known


def test_who_was_not_subscribed_is_told_the_state_of_all_that_it_locks():
    day = Day(uid1_2_3=[World(IN_PROGRESS, LOCK)]).action(UNSUBSCRIBE, W).action(SUBSCRIBE, lock="TRUE")
    ((receiver, uid, kind, state, ids),) = day.owed
    assert (receiver, uid, kind, state) == ("W1", W, STATE_REPORT, IN_PROGRESS)
    assert ids[-1] == "CC24-TMS-016" and len(ids) == 2


def test_without_lock_or_with_a_state_that_is_open_there_is_no_such_event():
    assert Day(uid1_2_3=[World(SCHEDULED)]).action(UNSUBSCRIBE, W).action(SUBSCRIBE).owed == []
    several = Day(uid1_2_3=[World(SCHEDULED), World(IN_PROGRESS, LOCK)])
    assert several.action(UNSUBSCRIBE, W).action(SUBSCRIBE, lock="TRUE").owed == []


def test_who_is_subscribed_with_lock_stays_so():
    day = Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE, W, lock="TRUE").action(SUBSCRIBE)
    assert day.ledger.receivers["W1"].of == {W: "Subscribed with Lock"}


def test_a_filtered_subscription_may_be_one_to_anything():
    receiver = Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE, FILTERED).ledger.receivers["W1"]
    assert (receiver.filtered, receiver.everything, receiver.of) == (True, None, {})


# --- their ends -------------------------------------------------------------------------------------------------------


def test_who_unsubscribes_from_a_workitem_is_told_no_more_of_it():
    day = Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE, W).action(UNSUBSCRIBE, W)
    receiver = day.ledger.receivers["W1"]
    assert receiver.of == {W: "Not Subscribed"}
    ((one, target, ids),) = receiver.ended
    assert (one.request.time, target) == (NOON + timedelta(minutes=2), W)
    assert len(ids) == 1 and ids[0].startswith("CC23-TMS-")
    assert len(day.claim().owed) == 1  # the initial event alone


def test_who_unsubscribes_globally_is_told_of_nothing_any_more():
    day = Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE).action(UNSUBSCRIBE)
    receiver = day.ledger.receivers["W1"]
    assert (receiver.everything, receiver.filtered, receiver.of) == (False, False, {W: "Not Subscribed"})
    assert [(target, len(ids)) for _, target, ids in receiver.ended] == [(GLOBAL, 1)]
    assert day.claim().create(OTHER).owed == []


def test_a_filtered_subscription_may_go_on():
    receiver = Day().action(UNSUBSCRIBE, FILTERED).ledger.receivers["W1"]
    assert (receiver.filtered, receiver.ended) == (True, [])


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, None)])
def test_to_suspend_ends_what_was_for_new_workitems(before, after):
    day = Day()
    if before:
        day.action(SUBSCRIBE)
    day.action(SUSPEND)
    receiver = day.ledger.receivers["W1"]
    assert receiver.everything is after
    assert [(target, ids) for _, target, ids in receiver.ended] == [("suspended", ("CC23-TMS-038",))]
    assert [one for one in day.create().owed if one[1] == W] == []


# --- new workitems ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lock", "of"), [("TRUE", "Subscribed with Lock"), ("FALSE", "Subscribed w/o Lock")])
def test_a_new_workitem_is_reported_to_who_is_subscribed_to_all(lock, of):
    day = Day().action(SUBSCRIBE, lock=lock).create()
    ((receiver, uid, kind, state, ids),) = day.owed
    assert (receiver, uid, kind, state) == ("W1", W, STATE_REPORT, SCHEDULED)
    assert ids[0] == "CC24-TMS-001" and len(ids) == 2
    assert day.ledger.receivers["W1"].of == {W: of}
    assert day.ledger.created == {W: NOON + timedelta(minutes=2)}


@pytest.mark.parametrize(
    ("attributes", "ids"),
    [
        ({}, None),
        ({STATION: []}, None),
        ({STATION: [item(CodeValue="A")]}, "CC24-TMS-008"),
        ({PERFORMERS: [item(HumanPerformerName="A")]}, "CC24-TMS-026"),
        ({STATION: [item(CodeValue="A")], PERFORMERS: [item(HumanPerformerName="A")]}, "CC24-TMS-008"),
    ],
)
def test_to_whom_it_is_assigned_is_reported_as_well(attributes, ids):
    day = Day().action(SUBSCRIBE).create(**attributes)
    assert day.causes == [(W, STATE_REPORT, SCHEDULED, ("CC24-TMS-001",))] + ([(W, ASSIGNED, "", (ids,))] if ids else [])
    assert [one[2] for one in day.owed] == ([STATE_REPORT, ASSIGNED] if ids else [STATE_REPORT])


def test_who_has_unsubscribed_is_not_subscribed_to_a_new_one():
    day = Day().action(SUBSCRIBE).action(UNSUBSCRIBE).create()
    assert day.owed == []
    assert day.ledger.receivers["W1"].of == {W: "Not Subscribed"}


def test_with_a_filtered_subscription_nobody_knows():
    day = Day().action(SUBSCRIBE, FILTERED).create().claim()
    assert day.ledger.receivers["W1"].of == {}
    assert day.owed == []


# --- what is reported of requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [IN_PROGRESS, COMPLETED, CANCELED])
def test_a_change_of_state_is_reported_to_each_subscriber(state):
    day = Day(uid1_2_3=[World(SCHEDULED)], uid1_2_4=[World(SCHEDULED)])
    day.action(SUBSCRIBE, W, title="W1").action(SUBSCRIBE, W, title="W2", lock="TRUE").action(SUBSCRIBE, OTHER, title="W3")
    day.happened("N-ACTION", item(ProcedureStepState=state), [World(SCHEDULED)], ActionTypeID=1)
    assert day.causes == [(W, STATE_REPORT, state, ("CC24-TMS-002",))]
    assert day.owed[3:] == [(title, W, STATE_REPORT, state, ("CC24-TMS-002",)) for title in ("W1", "W2")]


@pytest.mark.parametrize(
    ("before", "status", "causes"),
    [
        (
            [World(SCHEDULED)],
            0,
            [(W, STATE_REPORT, IN_PROGRESS, ("CC24-TMS-006",)), (W, STATE_REPORT, CANCELED, ("CC24-TMS-006",))],
        ),
        ([World(IN_PROGRESS, LOCK)], 0, [(W, CANCEL_REQUESTED, "", ("CC24-TMS-005",))]),
        ([World(SCHEDULED), World(IN_PROGRESS, ANY)], 0, []),
        ([World(IN_PROGRESS, LOCK)], 0xB304, []),
        ([World(SCHEDULED)], 0xB304, []),
        ([World(CANCELED, LOCK)], 0, []),
    ],
)
def test_what_a_request_to_cancel_brings(before, status, causes):
    assert Day().happened("N-ACTION", item(), before, status=status, ActionTypeID=2).causes == causes


TEN, TWENTY = ([item(ProcedureStepProgress=value)] for value in ("10", "20"))


@pytest.mark.parametrize(
    ("there", "asked", "kinds"),
    [
        ({READINESS: "INCOMPLETE"}, {READINESS: "READY"}, [(STATE_REPORT, ("CC24-TMS-003",))]),
        ({READINESS: "READY"}, {READINESS: "READY"}, []),
        ({}, {READINESS: "READY"}, []),  # nobody has seen what it was
        ({PROGRESS: TEN}, {PROGRESS: TWENTY}, [(PROGRESS_REPORT, ("CC24-TMS-007",))]),
        ({PROGRESS: []}, {PROGRESS: TEN}, [(PROGRESS_REPORT, ("CC24-TMS-007",))]),
        ({PROGRESS: TEN}, {PROGRESS: []}, [(PROGRESS_REPORT, ("CC24-TMS-007",))]),
        ({PROGRESS: TEN}, {PROGRESS: TEN}, []),
        (
            {PROGRESS: [item(ProcedureStepProgressDescription="a")]}, {PROGRESS: [item(ProcedureStepProgressDescription="b")]},
            [(PROGRESS_REPORT, ("CC24-TMS-007",))],
        ),
        ({PROGRESS: [item(ReasonForCancellation="a")]}, {PROGRESS: [item(ReasonForCancellation="b")]}, []),  # none of what is reported
        ({STATION: [item(CodeValue="A")]}, {STATION: [item(CodeValue="B")]}, [(ASSIGNED, ("CC24-TMS-009",))]),
        ({PERFORMERS: []}, {PERFORMERS: [item(HumanPerformerName="A")]}, [(ASSIGNED, ("CC24-TMS-010",))]),
        ({PERFORMERS: []}, {PERFORMERS: []}, []),
        (
            {STATION: [item(CodeValue="A")], PERFORMERS: []}, {STATION: [], PERFORMERS: [item(HumanPerformerName="A")]},
            [(ASSIGNED, ("CC24-TMS-009",))],
        ),
        ({"ProcedureStepLabel": "A"}, {"ProcedureStepLabel": "B"}, []),
    ],
)  # fmt: skip
def test_what_a_modification_has_changed(there, asked, kinds):
    day = Day(uid1_2_3=[World(IN_PROGRESS, LOCK)])
    day.items[W].learn(item(**there), "shown", day.exchange("N-GET"))
    day.happened("N-SET", item(**asked), [World(IN_PROGRESS, LOCK)])
    assert day.causes == [(W, kind, "", ids) for kind, ids in kinds]


def test_of_what_others_may_have_changed_no_change_is_known():
    day = Day()
    loose = Workitem(W, complete=False)
    loose.become([World(SCHEDULED)], NOON)
    loose.learn(item(**{READINESS: "INCOMPLETE"}), "shown", day.exchange("N-GET"))
    day.items[W] = loose
    assert day.happened("N-SET", item(**{READINESS: "READY"}), [World(SCHEDULED)]).causes == []

"""By which cell of PS3.4 table CC.2.3-2 something is owed, and which request was its cause."""

import pytest
from scp_samples import LOCK, W
from test_scp_causes import (
    ASSIGNED,
    FILTERED,
    IN_PROGRESS,
    OTHER,
    PERFORMERS,
    PROGRESS,
    READINESS,
    SCHEDULED,
    STATION,
    SUBSCRIBE,
    TEN,
    TWENTY,
    UNSUBSCRIBE,
    Day,
)

from tdwii_conformance.checks.scp.belief import Known, World
from tdwii_conformance.checks.scp.causes import Ledger
from tdwii_conformance.profile.ups_tables import NO_UPS
from tdwii_conformance.treatment.messages import item


def cells(day):
    """The cells of the table among what is owed, or has ended."""
    owed = [[one for one in ids if one.startswith("CC23")] for *_, ids in day.owed]
    ended = [list(ids) for *_, ids in day.ledger.receivers["W1"].ended]
    return [ids for ids in (*owed, *ended) if ids]


TO_ONE = {"TRUE": ["CC23-TMS-010", "CC23-TMS-011", "CC23-TMS-012"], "FALSE": ["CC23-TMS-013", "CC23-TMS-014", "CC23-TMS-015"]}
BEFORE = [
    lambda day: day.action(UNSUBSCRIBE, W),
    lambda day: day.action(SUBSCRIBE, W, lock="TRUE"),
    lambda day: day.action(SUBSCRIBE, W, lock="FALSE"),
]


@pytest.mark.parametrize("lock", ["TRUE", "FALSE"])
@pytest.mark.parametrize("before", range(3))
def test_a_subscription_to_a_workitem_is_of_a_cell(lock, before):
    day = BEFORE[before](Day(uid1_2_3=[World(SCHEDULED)], uid1_2_4=[World(SCHEDULED)])).action(UNSUBSCRIBE, OTHER)
    first = len(day.owed)
    day.action(SUBSCRIBE, W, lock=lock)
    (owed,) = day.owed[first:]
    assert owed[-1] == (TO_ONE[lock][before], "CC24-TMS-015")


def test_whose_subscription_is_not_known_is_in_no_cell():
    assert Day(uid1_2_3=[World(SCHEDULED)]).action(SUBSCRIBE, W).owed[0][-1] == ("CC24-TMS-015",)


def test_who_locks_all_that_was_not_subscribed_is_in_its_cell():
    day = Day(uid1_2_3=[World(SCHEDULED)]).action(UNSUBSCRIBE, W).action(SUBSCRIBE, lock="TRUE")
    assert day.owed[0][-1] == ("CC23-TMS-004", "CC24-TMS-016")


@pytest.mark.parametrize(("before", "cell"), [(0, "CC23-TMS-016"), (1, "CC23-TMS-017"), (2, "CC23-TMS-018")])
def test_who_unsubscribes_from_one_is_in_the_cell_of_that_one(before, cell):
    day = BEFORE[before](Day(uid1_2_3=[World(SCHEDULED)])).action(SUBSCRIBE, OTHER).action(UNSUBSCRIBE, W)
    assert day.ledger.receivers["W1"].ended[-1][2] == (cell,)


def test_who_unsubscribes_from_all_is_in_the_cells_of_all():
    day = (
        Day().action(SUBSCRIBE, W, lock="TRUE").action(SUBSCRIBE, OTHER).action(SUBSCRIBE, "1.2.5", lock="TRUE").action(UNSUBSCRIBE)
    )
    assert day.ledger.receivers["W1"].ended[-1][2] == ("CC23-TMS-020", "CC23-TMS-021")


@pytest.mark.parametrize(("lock", "cell"), [("TRUE", "CC23-TMS-002"), ("FALSE", "CC23-TMS-003")])
def test_a_new_one_is_reported_by_its_cell(lock, cell):
    assert cells(Day().action(SUBSCRIBE, lock=lock).create()) == [[cell]]


def test_with_a_filter_nobody_knows_of_a_new_one_unless_all_are_subscribed_to():
    assert Day().action(UNSUBSCRIBE).action(SUBSCRIBE, FILTERED).create().ledger.receivers["W1"].of == {}
    both = Day().action(SUBSCRIBE, FILTERED).action(SUBSCRIBE).create()
    assert both.ledger.receivers["W1"].of == {W: "Subscribed w/o Lock"}


def test_a_request_without_data_set_subscribes_nobody():
    day = Day()
    one = day.exchange("N-ACTION", None, RequestedSOPInstanceUID=W, ActionTypeID=SUBSCRIBE)
    Ledger.subscription(day.ledger, one, day.items)
    assert day.ledger.receivers == {}


# --- what was the cause -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "asked", "there", "command", "kinds"),
    [
        ("N-CREATE", {STATION: [item(CodeValue="A")]}, {}, {}, [1, ASSIGNED]),
        ("N-SET", {READINESS: "READY"}, {READINESS: "INCOMPLETE"}, {}, [1]),
        ("N-SET", {PROGRESS: TWENTY}, {PROGRESS: TEN}, {}, [3]),
        ("N-SET", {PERFORMERS: [item(HumanPerformerName="A")]}, {PERFORMERS: []}, {}, [ASSIGNED]),
        ("N-ACTION", {"ProcedureStepState": IN_PROGRESS}, {}, {"ActionTypeID": 1}, [1]),
        ("N-ACTION", {}, {}, {"ActionTypeID": 2}, [1, 1]),
    ],
)
def test_the_cause_is_the_request(service, asked, there, command, kinds):
    before = [World(SCHEDULED)]
    day = Day(uid1_2_3=before).action(SUBSCRIBE, W).action(SUBSCRIBE, title="W2")
    first = len(day.ledger.owed)
    day.items[W].learn(item(**there), "shown", day.exchange("N-GET"))
    named = {"AffectedSOPInstanceUID": W} if service == "N-CREATE" else {"RequestedSOPInstanceUID": W}
    request = day.exchange(service, item(**asked), **named, **command)
    day.ledger.happened(request, day.items[W], before)
    assert [(one.kind, one.exchange) for one in day.ledger.causes] == [(kind, request) for kind in kinds]
    owed = day.ledger.owed[first:]
    assert owed != [] and all(one.cause.exchange is request for one in owed)


def test_a_request_to_cancel_needs_no_data_set():
    day = Day().happened("N-ACTION", None, [World(IN_PROGRESS, LOCK)], ActionTypeID=2)
    assert [kind for _, kind, *_ in day.causes] == [2]


def test_of_one_that_was_created_by_what_cannot_be_read_its_state_is_reported():
    day = Day().happened("N-CREATE", None, [World(NO_UPS)])
    assert day.causes == [(W, 1, SCHEDULED, ("CC24-TMS-001",))]


def test_of_a_state_that_was_not_named_any_will_do():
    day = Day().happened("N-ACTION", item(TransactionUID=LOCK), [World(SCHEDULED)], ActionTypeID=1)
    assert [(kind, state) for _, kind, state, _ in day.causes] == [(1, "")]


@pytest.mark.parametrize(
    ("keyword", "value", "kinds"), [(READINESS, "READY", [1]), (PROGRESS, TEN, [3]), (PERFORMERS, [], []), (READINESS, None, [])]
)
def test_what_was_shown_not_to_be_there_changes_when_it_is_set(keyword, value, kinds):
    day = Day(uid1_2_3=[World(IN_PROGRESS, LOCK)])
    day.items[W].known[keyword] = Known(None, "shown", 0, day.exchange("N-GET"))
    day.happened("N-SET", item(**{keyword: value}), [World(IN_PROGRESS, LOCK)])
    assert [kind for _, kind, *_ in day.causes] == kinds


def test_a_creation_without_a_data_set_is_one():
    assert [kind for _, kind, *_ in Day().happened("N-CREATE", None, [World(NO_UPS)]).causes] == [1]

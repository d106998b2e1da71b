"""The history of a workitem: what no order of the requests explains is a finding, and what one does explain is none.

Times are seconds; a request lasts from the first to the second. What is expected is worked out from the state machine of
PS3.4 CC.1.1 and from what an answer promises."""

import pytest

from tdwii_conformance.load.facts import Fact
from tdwii_conformance.load.history import History, Subscription, delays, judge

UPS, ONE, OTHER = "1.2.3", "2.25.1", "2.25.2"


def fact(kind, began, ended, *, done=True, status=0, who="TDD1", **more):
    status = status if done or status else 0xC300
    return Fact(kind, who, more.pop("workitem", "" if kind == "query" else UPS), began, ended, status=status, done=done, **more)


def refused(kind, began, ended, status=0xC301, **more):
    return fact(kind, began, ended, done=False, status=status, **more)


CREATE = fact("create", 0, 1, who="SCHEDULER", station="S1", start="20261129080000")
CLAIM = fact("claim", 2, 3, state="IN PROGRESS", transaction=ONE)
SET = fact("set", 4, 5, progress="0", transaction=ONE)
SET_50 = fact("set", 6, 7, progress="50", transaction=ONE)
END = fact("end", 10, 11, state="COMPLETED", transaction=ONE)
TREATED = [CREATE, CLAIM, SET, SET_50, END]


def report(began, *, state="", progress="", who="WATCHER"):
    return Fact(
        "report", who, UPS, began, began + 0.1, status=0, done=True, state=state, progress=progress, event=1 if state else 3
    )


REPORTED = [
    report(1.5, state="SCHEDULED"), report(3.5, state="IN PROGRESS"), report(5.5, progress="0"), report(7.5, progress="50"),
    report(11.5, state="COMPLETED"),
]  # fmt: skip


def query(began, ended, *found, station="S1", state="SCHEDULED"):
    return fact("query", began, ended, found=found, state=state, station=station, start="20261129000000-20261129235959")


def get(began, ended, state, progress="", **more):
    return fact("get", began, ended, state=state, progress=progress, **more)


RIGHT = {
    "a treatment": [],
    "the loser of a race": [refused("claim", 2.1, 3.2, transaction=OTHER)],
    "a loser that was refused before the winner was answered": [refused("claim", 1.9, 2.5, transaction=OTHER)],
    "what was under way when the claim was answered": [get(2.5, 3.1, "SCHEDULED")],
    "an update that was under way": [get(6.5, 7.5, "IN PROGRESS", "0"), get(6.5, 7.5, "IN PROGRESS", "50")],
    "the state at each time": [get(1.1, 1.9, "SCHEDULED"), get(5.1, 5.9, "IN PROGRESS", "0"), get(12, 13, "COMPLETED", "50")],
    "gone after the end": [refused("get", 12, 13, 0xC307)],
    "an intruder is refused": [refused("set", 4, 5, transaction=OTHER)],
    "a busy system": [refused("claim", 1.1, 1.5, 0x0213, transaction=OTHER)],
}


@pytest.mark.parametrize("more", RIGHT.values(), ids=RIGHT)
def test_right(more):
    assert judge([*TREATED, *more]) == []


def lost(kind, began, **more):
    return Fact(kind, more.pop("who", "TDD1"), UPS, began, began, failure="the connection was closed", **more)


# Whoever got no answer asks again; it may have been done already [CC.2.1.3: C302 to the Transaction UID that has the lock].
REPEATED = {
    "a claim that was done": [CREATE, lost("claim", 2, transaction=ONE), refused("claim", 3, 4, 0xC302, transaction=ONE), SET_50],
    "a claim that was not": [CREATE, lost("claim", 2, transaction=ONE), fact("claim", 3, 4, transaction=ONE, state="IN PROGRESS"), SET_50],
    "somebody else was faster": [
        CREATE, lost("claim", 2, transaction=ONE), refused("claim", 3, 4, transaction=ONE),
        fact("claim", 2.5, 2.9, transaction=OTHER, who="TDD2", state="IN PROGRESS"),
    ],
    "perhaps somebody else": [
        CREATE, lost("claim", 2, transaction=ONE), refused("claim", 3, 4, transaction=ONE), lost("claim", 2.5, transaction=OTHER, who="TDD2"),
    ],
    "a creation": [lost("create", 0, who="SCHEDULER"), refused("create", 1, 2, 0x0111, who="SCHEDULER"), get(3, 4, "SCHEDULED")],
    "a look": [CREATE, CLAIM, lost("get", 4), get(5, 6, "IN PROGRESS")],
    "an update": [*TREATED[:3], lost("set", 5, progress="50", transaction=ONE), SET_50, get(8, 9, "IN PROGRESS", "50")],
    "an update that may come late": [*TREATED[:3], lost("set", 5, progress="9", transaction=ONE), SET_50, get(8, 9, "IN PROGRESS", "9")],
}  # fmt: skip


@pytest.mark.parametrize("seen", REPEATED.values(), ids=REPEATED)
def test_what_was_not_answered_and_asked_again_is_right(seen):
    assert judge(seen) == []


LOST = {
    "locked out": ("RO60-TMS-001", [CREATE, lost("claim", 2, transaction=ONE), refused("claim", 3, 4, transaction=ONE)]),
    "the lock": (
        "RO62-TMS-002",
        [
            CREATE,
            lost("claim", 2, transaction=ONE),
            refused("claim", 3, 4, 0xC302, transaction=ONE),
            refused("set", 5, 6, transaction=ONE),
        ],
    ),
    "the creation": ("CC27-TMS-012", [CREATE, refused("get", 3, 4, 0xC307)]),
    "the update": ("RO62-TMS-003", [*TREATED[:4], lost("get", 8), get(8, 9, "IN PROGRESS", "0")]),
}


@pytest.mark.parametrize(("requirement", "seen"), LOST.values(), ids=LOST)
def test_what_was_acknowledged_and_is_lost_is_found(requirement, seen):
    assert {violation.requirement for violation in judge(seen)} == {requirement}


def test_a_report_that_was_due_when_the_tms_was_restarted_may_be_lost_until_the_next_has_come():
    history = History(settle=0.5)
    history.add(fact("subscribe", -2, -1, who="WATCHER", workitem="1.2.840.10008.5.1.4.34.5"))
    history.restarts = [(6.8, 7.2)]  # the report of 50 % comes after it, the one before it is lost
    for one in [*TREATED, *REPORTED[:1], *REPORTED[2:]]:
        history.add(one)
    assert [one.finding.expected for one in history.judge_rest()] == ["IN PROGRESS is reported to WATCHER"]
    history = History(settle=0.5)
    history.add(fact("subscribe", -2, -1, who="WATCHER", workitem="1.2.840.10008.5.1.4.34.5"))
    history.restarts = [(6.8, 7.2)]
    for one in [*TREATED, *REPORTED[:3], REPORTED[4]]:
        history.add(one)
    assert history.judge_rest() == []


WRONG = {
    "two winners": ("RO60-TMS-015", [fact("claim", 2.1, 3.2, transaction=OTHER, state="IN PROGRESS", who="TDD2")]),
    "nobody may claim": ("RO60-TMS-001", [refused("claim", 1.1, 1.5, transaction=OTHER)]),
    "two final states": ("CC21-TMS-006", [fact("end", 10.1, 11.1, state="CANCELED", transaction=ONE)]),
    "an end with another lock": ("RO65-TMS-010", [fact("end", 10.1, 11.1, state="COMPLETED", transaction=OTHER)]),
    "an update with another lock": ("RO62-TMS-005", [fact("set", 8, 9, transaction=OTHER, progress="99", who="INTRUDER")]),
    "the lock is lost": ("RO62-TMS-002", [refused("set", 8, 9, transaction=ONE)]),
    "an update is lost": ("RO62-TMS-003", [get(8, 9, "IN PROGRESS", "0")]),
    "scheduled after the claim": ("CC27-TMS-015", [get(4, 5, "SCHEDULED")]),
    "in progress after the end": ("CC27-TMS-015", [get(12, 13, "IN PROGRESS", "50")]),
    "in progress before the claim": ("CC27-TMS-015", [get(1.1, 1.9, "IN PROGRESS")]),
    "not there though created": ("CC27-TMS-012", [refused("get", 1.1, 1.9, 0xC307)]),
}


@pytest.mark.parametrize(("requirement", "more"), WRONG.values(), ids=WRONG)
def test_wrong(requirement, more):
    assert {violation.requirement for violation in judge([*TREATED, *more])} == {requirement}


def test_a_state_that_goes_back():
    # who claimed it is not known: the answer to the claim never came
    unanswered = Fact("claim", "TDD1", UPS, 2, 3, transaction=ONE, state="IN PROGRESS", failure="aborted")
    seen = [CREATE, unanswered, get(4, 5, "IN PROGRESS"), get(6, 7, "SCHEDULED")]
    (violation,) = judge(seen)
    assert violation.requirement == "CC27-TMS-015"
    assert "goes back" in violation.finding.expected


@pytest.mark.parametrize(
    ("seen", "requirement"),
    [
        (query(1.1, 1.9), "CC25-TMS-027"),  # created, not claimed yet, and not found
        (query(4, 5, UPS), "RO60-TMS-007"),  # claimed, and still found as scheduled
        (query(1.1, 1.9, UPS, UPS), "CC28-TMS-052"),
    ],
)
def test_queries_that_are_wrong(seen, requirement):
    assert [violation.requirement for violation in judge(TREATED, [seen])] == [requirement]


@pytest.mark.parametrize(
    "seen",
    [
        query(1.1, 1.9, UPS),
        query(1.1, 1.9, station="S2"),  # of another station
        query(0.5, 1.5),  # while it was created
        query(1.1, 2.5),  # while it was claimed
        query(2.5, 3.5, UPS),
        query(4, 5, state="IN PROGRESS"),
    ],
)
def test_queries_that_are_right(seen):
    assert judge(TREATED, [seen]) == []


def reported(*reports, since=-1.0, until=100.0):
    return judge([*TREATED, *reports], subscriptions=[Subscription("WATCHER", since, until)])


def test_every_change_is_reported_once_and_in_order():
    assert reported(*REPORTED) == []


@pytest.mark.parametrize(
    ("left_out", "requirement"),
    list(enumerate(["CC24-TMS-001", *["CC24-TMS-002", "CC24-TMS-007", "CC24-TMS-007"], "CC24-TMS-002"])),
)
def test_a_report_is_lost(left_out, requirement):
    assert [one.requirement for one in reported(*(r for n, r in enumerate(REPORTED) if n != left_out))] == [requirement]


def test_a_report_comes_twice():
    assert [one.requirement for one in reported(*REPORTED, report(12, state="COMPLETED"))] == ["CC23-TMS-045"]


def test_reports_in_another_order():
    first, second = report(7.5, progress="0"), report(5.5, progress="50")
    assert [one.requirement for one in reported(*REPORTED[:2], second, first, REPORTED[4])] == ["CC24-TMS-012"]


def test_who_subscribed_later_or_ended_earlier_is_owed_no_report():
    assert reported(*REPORTED[1:], since=0.5) == []
    assert reported(*REPORTED[:4], until=10.5) == []


def test_progress_that_is_set_again_may_be_reported_again_or_not():
    again = fact("set", 8, 9, progress="50", transaction=ONE)
    assert judge([*TREATED, again, *REPORTED], subscriptions=[Subscription("WATCHER", -1)]) == []
    assert judge([*TREATED, again, *REPORTED, report(9.5, progress="50")], subscriptions=[Subscription("WATCHER", -1)]) == []


def test_a_workitem_is_judged_when_receivers_have_caught_up():
    history = History(settle=10)
    history.add(fact("subscribe", -2, -1, who="WATCHER", workitem="1.2.840.10008.5.1.4.34.5"))
    for one in [*TREATED, *REPORTED[:4]]:
        history.add(one)
    assert history.judge_ended(1000) == []  # the last report may still come: the receiver has nothing later
    history.add(fact("create", 20, 21, workitem="1.2.4"))
    history.add(Fact("report", "WATCHER", "1.2.4", 22, 22.1, status=0, done=True, state="SCHEDULED", event=1))
    assert history.judge_ended(1001) == []  # has just caught up
    assert [one.requirement for one in history.judge_ended(1012)] == ["CC24-TMS-002"]
    assert (history.judged, history.open) == (1, 1)
    history.add(get(30, 31, "SCHEDULED"))  # forgotten
    assert history.open == 1


@pytest.mark.parametrize(
    ("created", "last", "found", "behind"),
    [
        (12, 26.0, ["CC24-TMS-002"], {}),  # nothing for half a minute before the end: it is lost
        (12, 55.0, [], {}),  # it may be under way
        (12, 59.5, [], {"WATCHER": 2.0}),  # they still come when the watcher ends
        (30, 59.5, ["CC24-TMS-002"], {"WATCHER": 20.0}),  # so they do, but of what happened much later
    ],
)
def test_what_is_on_its_way_at_the_end_is_not_lost(created, last, found, behind):
    """The end of a treatment at 11 s is not reported. The last report is that of a UPS created later; the watcher ends at 60 s."""
    history = History(settle=10)
    history.add(fact("subscribe", -2, -1, who="WATCHER", workitem="1.2.840.10008.5.1.4.34.5"))
    for one in [*TREATED, *REPORTED[:4], fact("create", created, created + 1, workitem="1.2.4")]:
        history.add(one)
    history.add(Fact("report", "WATCHER", "1.2.4", last, last + 0.1, status=0, done=True, state="SCHEDULED", event=1))
    history.add(fact("unsubscribe", 60, 61, who="WATCHER", workitem="1.2.840.10008.5.1.4.34.5"))
    assert [one.requirement for one in history.judge_rest()] == found
    assert history.behind() == behind


def test_delays_are_from_the_request_to_its_report():
    assert delays([*TREATED, *REPORTED]) == pytest.approx([1.5, 1.5, 1.5, 1.5, 1.5])

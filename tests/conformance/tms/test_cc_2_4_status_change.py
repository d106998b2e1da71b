"""CC.2.4 SCP Status Change: what is told when the SCP stops and starts. The TMS is restarted for it."""

from dataclasses import dataclass

import pytest

from tdwii_conformance.checks import Finding, events, judge_attribute, status
from tdwii_conformance.plugin import attribute_parameters
from tdwii_conformance.profile.ups_service import STATUS_CHANGE
from tdwii_conformance.scu.watcher import GLOBAL
from tdwii_conformance.ups.states import is_uid

NO_SUCH_UPS = (0x0112, 0xC307)
UNSUBSCRIBED_GLOBALLY = ("CC23-TMS-021", "CC23-TMS-020", "CC23-TMS-019")


@pytest.fixture(scope="module")
def restart(system, consent, supply, patience, receiver):
    """A function that restarts the TMS."""
    consent("a restart of the TMS")
    if system.restart is None:
        pytest.skip("not judged: the TMS cannot be restarted from here: tms.restart is not given")
    return then_counted(system.restart, supply, patience, receiver)


def then_counted(restart, supply, *hopeful):
    """A restart, after which the supply looks which of its workitems are still there, and what never came may come."""

    def perform():
        try:
            restart()
        except OSError as error:
            pytest.skip(f"not judged: the TMS was not restarted: {error}")
        for one in hopeful:
            one.hope_again()
        supply.count()

    return perform


@pytest.fixture(scope="module")
def status_changes(restart, watcher):
    """The reports of a restart."""
    if status.accepted(watcher.subscribe(), "a global subscription"):
        pytest.skip("not judged: the global subscription was not granted (CC23-TMS-007, CC23-TMS-013)")
    since = watcher.mark()
    restart()
    watcher.receiver.wait_for(is_restart, watcher.ae_title, since, watcher.deadline)
    return [report for report in watcher.reports(since=since) if events.event_type(report) == STATUS_CHANGE]


def is_restart(report):
    return events.event_type(report) == STATUS_CHANGE and (report.request.dataset or {}).get("SCPStatus") == "RESTARTED"


def with_status(reports, status_):
    return next((r for r in reports if (r.request.dataset or {}).get("SCPStatus") == status_), None)


@pytest.mark.requirement("CC24-TMS-017")
def test_restart_is_reported(status_changes, judge):
    judge(events.reported(with_status(status_changes, "RESTARTED"), "SCP Status Change, RESTARTED"))


@pytest.mark.parametrize("rule", attribute_parameters("CC.2.4 SCP Status Change", "TMS"))
def test_status_change_has(rule, status_changes, judge, follows):
    report = with_status(status_changes, "RESTARTED")
    judge(events.reported(report, "SCP Status Change, RESTARTED"))
    judge(judge_attribute(rule.rule, [report.request.dataset], {}, "event information"))
    if rule.readings:
        follows(str(report.request.dataset.get(rule.rule.text)))


@pytest.mark.requirement("CC24-TMS-033")
def test_restart_is_reported_to_the_fallback_list(restart, system, watchers, needs, judge):
    listed = [one for one in watchers if one.ae_title in system.fallback]
    if not listed:
        pytest.skip("not judged: who is on the fallback list of the TMS is not known: tms.fallback is not given")
    for watcher in listed:
        needs(status.accepted(watcher.unsubscribe(), "a global unsubscribe"), *UNSUBSCRIBED_GLOBALLY)
    since = listed[0].mark()
    restart()
    for watcher in listed:
        report = watcher.receiver.wait_for(is_restart, watcher.ae_title, since, watcher.deadline)
        judge(events.reported(report, f"SCP Status Change, RESTARTED, to {watcher.ae_title} of the fallback list"))


@pytest.mark.requirement("CC24-TMS-018")
def test_going_down_is_reported(status_changes, judge):
    judge(events.reported(with_status(status_changes, "GOING DOWN"), "SCP Status Change, GOING DOWN"))


@pytest.mark.requirement("CC24-TMS-019")
def test_status_change_names_an_instance(status_changes, judge, follows):
    judge(events.reported(next(iter(status_changes), None), "SCP Status Change"))
    judge(
        Finding("a valid UID", repr(r.instance_uid), "AffectedSOPInstanceUID") for r in status_changes if not is_uid(r.instance_uid)
    )
    for report in status_changes:
        follows("well-known" if report.instance_uid == GLOBAL else "own")


@dataclass
class Restarted:
    """A restart while one AE was subscribed globally and another to one UPS, and what followed.

    `report` and `also` are the RESTARTED that each got; `before` is whether a change was reported before; `found` the state of the
    UPS afterwards, and `told` what the second AE was told when it was changed then.
    """

    granted: list
    report: object = None
    also: object = None
    before: bool = False
    one: object = None
    found: object = None
    changed: object = None
    told: object = None

    def warm(self, keyword):
        return self.report.request.dataset.get(keyword) == "WARM START"


@pytest.fixture(scope="module", params=["as-it-does", "lists-kept"])
def restarted(restart, system, supply, watcher, second_watcher, to_report, looks_at, request):
    """What a restart did: of the TMS as it does, and with its lists kept, if we can have it keep them."""
    perform = restart
    if request.param == "lists-kept":
        if system.restart_kept is None:
            pytest.skip("not judged a second time: whether the TMS keeps its lists is not ours to say")
        perform = then_counted(system.restart_kept, supply)
        perform()
    marker = looks_at(role="first marker").workitem.uid
    seen = Restarted([], before=change_is_reported(to_report(), second_watcher), one=to_report())
    seen.granted = [watcher.subscribe(), second_watcher.subscribe(seen.one.uid)]
    since = watcher.mark()
    if not any(status.accepted(exchange, "a subscription") for exchange in seen.granted):
        perform()
        seen.report = watcher.receiver.wait_for(is_restart, watcher.ae_title, since, watcher.deadline)
        if seen.report is not None:
            look_afterwards(seen, since, watcher, second_watcher, marker)
    yield seen
    if request.param == "lists-kept":
        restart()


def look_afterwards(seen, since, watcher, second_watcher, marker):
    """See what is there after a restart, and who is told of it."""
    lists = "SubscriptionListStatus", "UnifiedProcedureStepListStatus"
    if seen.warm(lists[0]) and seen.before:
        seen.also = second_watcher.receiver.wait_for(is_restart, second_watcher.ae_title, since, second_watcher.deadline)
    seen.found = seen.one.session.get(["ProcedureStepState"])
    if seen.found.status in NO_SUCH_UPS:
        return
    seen.changed = seen.one.happen()
    if all(map(seen.warm, lists)):
        seen.told = seen.one.reported(second_watcher, since) if seen.before else None
    elif second_watcher.caught_up(marker):  # what has not come by now does not come
        seen.told = next(iter(second_watcher.reports(seen.one.uid, since=since)), None)


@pytest.mark.requirement("CC24-TMS-025")
def test_kept_subscription_to_one_ups(restarted, watcher, second_watcher, needs, judge, follows):
    globally, to_one = restarted.granted
    needs(status.accepted(globally, "a global subscription"), "CC23-TMS-007")
    needs(status.accepted(to_one, "a subscription to one UPS"), "CC23-TMS-013")
    judge(events.reported(restarted.report, "SCP Status Change, RESTARTED"))
    if not restarted.warm("SubscriptionListStatus"):
        follows("cold")
        return
    follows("warm")
    if not restarted.before:
        pytest.skip("not judged: who subscribes to a single UPS is not told of a claim without a restart either (CC24-TMS-002)")
    judge(events.reported(restarted.also, f"SCP Status Change, RESTARTED, to {second_watcher.ae_title}, subscribed to one UPS"))
    if restarted.warm("UnifiedProcedureStepListStatus"):
        judge(status.accepted(restarted.changed or restarted.found, "the change of a UPS of the list that was kept"))
        judge(events.reported(restarted.told, f"{restarted.one.what}, by the subscription that was kept"))


@pytest.mark.requirement("CC24-TMS-032")
def test_cold_start_is_one(restarted, judge):
    if restarted.report is None:
        pytest.skip("not judged: no restart was reported (CC24-TMS-017)")
    if not restarted.warm("UnifiedProcedureStepListStatus"):
        there = restarted.found.status not in NO_SUCH_UPS
        judge([Finding("WARM START, for the UPS is there", "a cold start", "UnifiedProcedureStepListStatus")] if there else [])
    if not restarted.warm("SubscriptionListStatus") and restarted.told is not None:
        judge([Finding("WARM START, for reports go on", "a cold start", "SubscriptionListStatus")])


def change_is_reported(one, watcher):
    """Whether a change is granted, and told to who has just subscribed to the UPS."""
    since = watcher.mark()
    if status.accepted(watcher.subscribe(one.uid), "a subscription") or status.accepted(one.happen(), "a change"):
        return False
    return one.reported(watcher, since) is not None

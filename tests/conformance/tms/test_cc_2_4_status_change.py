"""CC.2.4 SCP Status Change: what is told when the SCP stops and starts. The TMS is restarted for it."""

import pytest

from tdwii_conformance.checks import Finding, events, judge_attribute, status
from tdwii_conformance.plugin import attribute_parameters
from tdwii_conformance.profile.ups_service import STATUS_CHANGE
from tdwii_conformance.scu.watcher import GLOBAL
from tdwii_conformance.ups.states import is_uid


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


@pytest.fixture(params=["as-it-does", "lists-kept"])
def restarting(restart, system, supply, request):
    """A function that restarts the TMS as it does, and one with which it keeps its lists, if we can have it do that."""
    if request.param == "as-it-does":
        yield restart
        return
    if system.restart_kept is None:
        pytest.skip("not judged a second time: whether the TMS keeps its lists is not ours to say")
    keeping = then_counted(system.restart_kept, supply)
    keeping()
    yield keeping
    restart()


@pytest.mark.requirement("CC24-TMS-025")
def test_kept_subscription_to_one_ups(restarting, watcher, second_watcher, to_report, needs, judge, follows):
    reported_before = change_is_reported(to_report(), second_watcher)
    one = to_report()
    needs(status.accepted(watcher.subscribe(), "a global subscription"), "CC23-TMS-007")
    needs(status.accepted(second_watcher.subscribe(one.uid), "a subscription to one UPS"), "CC23-TMS-013")
    since = watcher.mark()
    restarting()
    report = watcher.receiver.wait_for(is_restart, watcher.ae_title, since, watcher.deadline)
    judge(events.reported(report, "SCP Status Change, RESTARTED"))
    if report.request.dataset.get("SubscriptionListStatus") != "WARM START":
        follows("cold")
        return
    follows("warm")
    if not reported_before:
        pytest.skip("not judged: who subscribes to a single UPS is not told of a claim without a restart either (CC24-TMS-002)")
    also = second_watcher.receiver.wait_for(is_restart, second_watcher.ae_title, since, second_watcher.deadline)
    judge(events.reported(also, f"SCP Status Change, RESTARTED, to {second_watcher.ae_title}, subscribed to one UPS"))
    if report.request.dataset.get("UnifiedProcedureStepListStatus") == "WARM START":
        judge(status.accepted(one.happen(), "the change of a UPS of the list that was kept"))
        judge(events.reported(one.reported(second_watcher, since), f"{one.what}, by the subscription that was kept"))


def change_is_reported(one, watcher):
    """Whether a change is granted, and told to who has just subscribed to the UPS."""
    since = watcher.mark()
    if status.accepted(watcher.subscribe(one.uid), "a subscription") or status.accepted(one.happen(), "a change"):
        return False
    return one.reported(watcher, since) is not None

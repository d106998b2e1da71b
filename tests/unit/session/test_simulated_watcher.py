"""The simulated watcher as a process, with the test partners: what was over before it came does not make it go."""

from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.rich_reports import NO_EVENT_TYPE
from tdwii_conformance.session.scenarios import perform_watch, simulator_options
from tdwii_conformance.session.triggers import SimulatorTrigger
from tdwii_conformance.sut.config import Caller


def test_it_watches_and_fetches_though_others_were_over_before(partners):
    partners.worklist.perform(partners.worklist.schedule())  # COMPLETED: reported when it subscribes
    partners.worklist.withdraw(partners.worklist.schedule())  # CANCELED
    caller = Caller(partners.systems["PPVS"], step_timeout=20.0, supports=frozenset({"fetch-inputs"}))
    with SimulatorTrigger("watcher", simulator_options(partners, "watcher", caller)) as system:
        partners.systems["PPVS"] = system.peer("PPVS")
        observation = perform_watch(partners, caller, system, lambda title: NoDisplay())
    assert observation.why_early == ""
    told = {e.request.command.EventTypeID for e in observation.exchanges if e.service == "N-EVENT-REPORT"}
    assert told == {1, 2, 3, 4, 5, NO_EVENT_TYPE}  # every event type [CC.2.4], and one that there is not
    moved = {e.instance_uid for e in observation.exchanges if e.service == "C-STORE"}
    assert {one.instance for one in observation.inputs} <= moved

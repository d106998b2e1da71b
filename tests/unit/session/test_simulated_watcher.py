"""The simulated watcher as a process on the floor: what was over before it came does not make it go."""

from tdwii_conformance.session.conduct import Silent
from tdwii_conformance.session.scenarios import perform_watch, simulator_options
from tdwii_conformance.session.triggers import SimulatedSystem
from tdwii_conformance.sut.config import Caller


def test_it_watches_and_fetches_though_others_were_over_before(floor):
    floor.perform(floor.schedule())  # COMPLETED: reported when it subscribes
    floor.withdraw(floor.schedule())  # CANCELED
    caller = Caller(floor.systems["PPVS"], step_timeout=20.0, claims=frozenset({"fetch-inputs"}))
    with SimulatedSystem("watcher", simulator_options(floor, "watcher", caller)) as system:
        floor.systems["PPVS"] = system.peer("PPVS")
        observation = perform_watch(floor, caller, system, lambda title: Silent())
    assert observation.outcome == ""
    told = {e.request.command.EventTypeID for e in observation.exchanges if e.service == "N-EVENT-REPORT"}
    assert told == {1, 2, 3, 4, 5}  # every event type [CC.2.4]
    moved = {e.instance_uid for e in observation.exchanges if e.service == "C-STORE"}
    assert {one.instance for one in observation.inputs} <= moved

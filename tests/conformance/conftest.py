"""What every conformance test stands on: our TDDs, and the workitems they perform."""

import itertools
import sys
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import hypothesis
import pytest

from tdwii_conformance.dimse import NoContext, NothingAccepted, connect
from tdwii_conformance.plugin import hypothesis_profiles, recorded_key, system_key
from tdwii_conformance.scu.treatment_session import TreatmentSession
from tdwii_conformance.scu.watcher import Watcher
from tdwii_conformance.session import scenarios
from tdwii_conformance.session.conduct import NoDisplay, display_on
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.session.triggers import CommandTrigger, PersonTrigger
from tdwii_conformance.sut import config
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.workitems.outcomes import NotJudged, UnusableObjects
from tdwii_conformance.workitems.supply import Supply

from .leftovers import RecordingTDD, put_away

hypothesis_profiles.register()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    """Have a test not judged that lacks a presentation context or a workitem; whether there is one has tests of its own."""
    return (yield from _with_what_it_needs())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """The same, when it turns out later."""
    return (yield from _with_what_it_needs())


def _with_what_it_needs():
    try:
        return (yield)
    except (NoContext, NothingAccepted) as error:
        pytest.skip(f"not judged: {error}")
    except NotJudged as error:
        pytest.skip(str(error))
    except UnusableObjects as error:
        pytest.exit(str(error), returncode=4)


@pytest.fixture(scope="session")
def consent(system):
    """Called before every request that changes a system: forbids it where the owner has not agreed."""

    def ask(request):
        if not system.test_system:
            pytest.skip(f"not judged: {request} changes the system, and test_system = true is not given")

    return ask


@pytest.fixture(scope="session")
def tdd(system, consent, wire):
    """Our TDD."""
    yield from _performing(system, system.tdd.ae_title, consent, wire)


@pytest.fixture(scope="session")
def other_tdd(system, consent, wire):
    """A second TDD, which competes with the first."""
    yield from _performing(system, system.second_performer, consent, wire)


def _performing(system, calling, consent, wire):
    named = {"calling": calling, "timeouts": system.timeouts, "transcript": wire, "consent": consent}
    with RecordingTDD(system.tms, system.ost, **named) as device:
        yield device
        if not system.embedded:
            put_away(device, by_request="request-cancel" in system.tms_supports)


@pytest.fixture(scope="session")
def retriever(tdd, receiver):
    """Our TDD with its storage SCP, so that it can have instances moved to itself."""
    tdd.receiver = receiver
    return tdd


@pytest.fixture(scope="session")
def associate(system, wire):
    """A function that requests an association with the ``"TMS"`` or ``"OST"``: any presentation contexts, and extended negotiation."""

    def request(role, contexts, extended=None):
        peer = system.tms if role == "TMS" else system.ost
        ours = system.tdd.ae_title
        return connect(peer, contexts, calling=ours, timeouts=system.timeouts, transcript=wire, extended=extended)

    return request


@pytest.fixture(scope="session")
def supported(system):
    """A function that skips what the vendor does not claim."""

    def needs(actor, option):
        if option not in system.supports(actor):
            pytest.skip(f"not supported: {option}")

    return needs


@pytest.fixture(scope="session")
def schedule(system, tdd, request):
    """Makes, or finds, a SCHEDULED workitem: ``schedule("TREATMENT")``."""
    workerinput = getattr(request.config, "workerinput", {"workerid": "gw0", "workercount": 1})
    return Supply(system, tdd, worker=int(workerinput["workerid"][2:]), workers=workerinput["workercount"])


@pytest.fixture(scope="session")
def begin(schedule, tdd, system):
    """Claims a new workitem and returns the session of its treatment."""

    def claim(start):
        session = TreatmentSession(tdd, schedule(start), system.ost.ae_title if system.ost else "OST")
        granted = session.claim()
        if granted.status != 0:
            pytest.skip("not judged: the claim was not granted (RO60-TMS-001)")
        return session

    return claim


@pytest.fixture(scope="session")
def still_kept():
    """A function that skips what asks for a UPS in a final state, when that is no longer kept, as may be [CC.2.7.3]."""

    def needs(session):
        if session.get(["ProcedureStepState"]).status in (0x0112, 0xC307):
            pytest.skip("not judged: the TMS keeps no UPS in a final state without deletion lock (CC27-TMS-013)")

    return needs


@pytest.fixture(scope="session")
def ups_in(schedule, tdd, system, begin):
    """Brings a new UPS into a state: ``ups_in("COMPLETED")`` returns its session."""
    ends = {"COMPLETED": SCENARIOS[0], "CANCELED": SCENARIOS[1]}

    def bring(state):
        if state == "SCHEDULED":
            return TreatmentSession(tdd, schedule("TREATMENT"), system.ost.ae_title if system.ost else "OST")
        session = begin("TREATMENT")
        if state in ends:
            session.conclude(ends[state])
            if (ended := session.finish()).status != 0:
                pytest.skip(f"not judged: {state} was not granted (RO65-TMS-001), status {ended.status:04X}")
        return session

    return bring


@pytest.fixture(scope="module")
def watcher(tdd, receiver, system):
    """A watcher with our TDD's AE title; ends its subscriptions with the module."""
    yield from _watching(tdd, receiver, system.tdd.ae_title, system)


@pytest.fixture(scope="module")
def second_watcher(tdd, receiver, system):
    """Another receiver of event reports."""
    if system.second_watcher is None:
        pytest.skip("not judged: a second Receiving AE is needed: ours.second_watcher is not given")
    yield from _watching(tdd, receiver, system.second_watcher, system)


@pytest.fixture(scope="module")
def watchers(watcher, system, request):
    """Our watchers: two, or one where the system knows a single AE title of ours."""
    return [watcher] if system.second_watcher is None else [watcher, request.getfixturevalue("second_watcher")]


def _watching(tdd, receiver, title, system):
    watcher = Watcher(tdd, receiver, title, system.event_timeout)
    yield watcher
    if system.test_system:
        with suppress(NoContext):  # then it never subscribed
            watcher.unsubscribe()


@pytest.fixture(scope="module")
def markers(schedule):
    """Two UPS, in turn, that nothing happens to, so that an initial event can show that nothing else is under way."""
    return itertools.cycle([schedule("TREATMENT").uid, schedule("TREATMENT").uid])


@pytest.fixture
def nothing_else(markers, schedule):
    """A function that returns once a watcher has been told everything: what has not come by then does not come."""

    def settle(watcher):
        if not watcher.caught_up(schedule("TREATMENT").uid if watcher.needs_new_marker else next(markers)):
            pytest.skip("not judged: the absence of an event cannot be shown without initial events (CC23-TMS-013)")

    return settle


@pytest.fixture
def follows(note_reading, requirement):
    """A function that notes a reading of the requirement by its word in the catalogue."""
    return lambda word: note_reading(f"{word}: {requirement.readings[word]}")


@pytest.fixture
def bounds(system):
    """Hypothesis settings: the profile's, and on a remote system no more than its description allows."""
    if system.property_examples is None:
        return hypothesis.settings()
    return hypothesis.settings(
        max_examples=system.property_examples,
        stateful_step_count=system.property_steps,
        phases=[hypothesis.Phase.generate],  # looking for a shorter example would ask for many more
    )


@pytest.fixture(scope="session")
def make_record():
    """Builds the treatment record of a workitem's treatment."""

    def make(workitem, *, interrupted):
        return objects.record(workitem.treatment, interrupted=interrupted)

    return make


# --- systems that call us ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def recorded(request):
    """With ``--transcript``: a function that returns what was recorded of a scenario. Without: ``None``."""
    observations = request.config.stash.get(recorded_key, None)
    if observations is None:
        return None

    def find(actor, scenario, inject=""):
        wanted = {"actor": actor, "scenario": scenario, "inject": inject}
        found = [one for one in observations if all(one.facts.get(name, "") == value for name, value in wanted.items())]
        if not found:
            pytest.skip(f"not recorded: scenario {scenario}{f', {inject}' if inject else ''}")
        return found[-1]

    return find


@pytest.fixture(scope="session")
def described(request):
    """The description of the system under test, without starting anything."""
    return request.config.stash.get(system_key, None) or config.embedded().with_edition(
        request.config.getoption("tdwii_edition") or "ti"
    )


@pytest.fixture(scope="session")
def partners(recorded, described, request, tmp_path_factory):
    """The TMS and OST that systems under test call; ``None`` if a recorded run is judged."""
    if recorded is not None:
        yield None
        return
    if request.config.getoption("tdwii_record"):
        folder = Path(request.config.getoption("tdwii_record"))
    elif described.embedded:
        folder = tmp_path_factory.mktemp("transcripts")
    else:
        folder = (described.partners.transcripts or Path("tdwii-transcripts")) / f"{datetime.now():%Y-%m-%d-%H%M%S}"
    callers = [caller for caller in (described.calling_tdd, described.calling_watcher) if caller]
    systems = {peer.ae_title: peer for caller in callers for peer in (caller.peer, caller.receiver)}
    workerinput = getattr(request.config, "workerinput", {"workerid": ""})
    try:
        with Partners(
            described.partners, systems, folder, name=workerinput["workerid"], system=described.name,
            timeouts=described.timeouts, edition=described.edition, station=described.workitems.station,
        ) as there:  # fmt: skip
            yield there
    except OSError as error:
        pytest.exit(error.strerror or str(error), returncode=4)


@pytest.fixture(scope="session")
def trigger(partners, described, request):
    """A function that returns the TDD or the watcher under test, and who makes it perform."""
    started = {}

    def performing(actor):
        caller = described.caller(actor)
        if caller.trigger:
            return caller, CommandTrigger(caller.trigger, caller.folder)
        if not described.embedded:
            return caller, PersonTrigger()
        if actor not in started:
            deviations = [*request.config.getoption("tdwii_defect"), *request.config.getoption("tdwii_variation")]
            system = scenarios.simulator_trigger(partners, actor, caller, deviations)
            request.addfinalizer(partial(system.__exit__, None, None, None))
            partners.systems[caller.peer.ae_title] = system.__enter__().peer(caller.peer.ae_title)
            started[actor] = system
        return caller, started[actor]

    return performing


@pytest.fixture(scope="session")
def show(described, request):
    """A context in which the terminal is ours: gives a function that shows a scenario with a title."""

    @contextmanager
    def showing():
        if described.embedded:  # there is nobody to tell
            yield lambda title: NoDisplay()
            return
        if hasattr(request.config, "workerinput"):  # a worker's standard output is not the terminal
            yield partial(display_on, sys.__stderr__)
            return
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            yield partial(display_on, sys.stdout)

    return showing

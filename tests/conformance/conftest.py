"""What every conformance test stands on: our TDDs, and the workitems they perform."""

import itertools
import sys
import warnings
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import hypothesis
import pytest

from tdwii_conformance.checks.times import shows_no_time
from tdwii_conformance.dimse import DimseError, NoContext, NothingAccepted, connect
from tdwii_conformance.plugin import hypothesis_profiles, recorded_key, system_key
from tdwii_conformance.plugin.hiding import note_transcripts
from tdwii_conformance.plugin.keys import plainly_key
from tdwii_conformance.plugin.supplying import Watch, fills, plan_lines, rank
from tdwii_conformance.plugin.terminal import said
from tdwii_conformance.plugin.under_test import embedded_of, setting_of, takes_own_workitems
from tdwii_conformance.scu.treatment_session import Treated
from tdwii_conformance.scu.watcher import Watcher
from tdwii_conformance.session import scenarios
from tdwii_conformance.session.conduct import NoDisplay, display_on
from tdwii_conformance.session.partners import Partners
from tdwii_conformance.session.triggers import CommandTrigger, PersonTrigger
from tdwii_conformance.treatment import objects
from tdwii_conformance.treatment.own import NoSuchTreatment
from tdwii_conformance.workitems.asked import Asked, orders
from tdwii_conformance.workitems.clean_up import RecordingTDD, put_away
from tdwii_conformance.workitems.outcomes import NotJudged, UnusableObjects
from tdwii_conformance.workitems.own import own_objects
from tdwii_conformance.workitems.plainly import Plainly
from tdwii_conformance.workitems.sources import Listed, Pushed
from tdwii_conformance.workitems.supply import Need, Supply, Use
from tdwii_conformance.workitems.watched import ToReport, caught_up_by_a_change

watch_key = pytest.StashKey[Watch]()


def pytest_collection_modifyitems(config, items):
    """Have those come first who only look, and those last who end a workitem, where there are few.

    Of a system to which we push, the worklist grows with the run, and may be asked slowly: what looks at it comes first.
    """
    if takes_own_workitems(config):
        items.sort(key=rank)
    elif system_key in config.stash and not hasattr(config, "workerinput"):
        items.sort(key=fills)


def pytest_report_collectionfinish(config, items):
    """Say how many workitems the run needs, and what fewer will judge."""
    return plan_lines(config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """Run nothing where only the plan was asked for."""
    return True if session.config.getoption("tdwii_plan") else None


def pytest_collection_finish(session):
    """Know the tests that are to come."""
    session.config.stash[watch_key] = Watch(session.items)


hypothesis_profiles.register()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Have a test not judged that lacks a presentation context or a workitem; whether there is one has tests of its own."""
    item.config.stash[watch_key].begins(item)
    return (yield from _with_what_it_needs())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """The same, when it turns out later. What a test that fails had done something to is used no more."""
    try:
        return (yield from _with_what_it_needs())
    except Exception:
        item.config.stash[watch_key].failed()
        raise


def _with_what_it_needs():
    try:
        return (yield)
    except (NoContext, NothingAccepted) as error:
        pytest.skip(f"not judged: {error}")
    except (NotJudged, NoSuchTreatment) as error:
        pytest.skip(str(error))
    except UnusableObjects as error:
        pytest.exit(str(error), returncode=4)


@pytest.fixture(scope="session", autouse=True)
def own(recorded, described):
    """The user's own objects, if there are any: looked at before anything else, so that nobody waits to hear that they are unfit."""
    found = own_objects(described) if recorded is None else None
    for remark in found.remarks if found is not None else ():
        warnings.warn(f"objects in {found.folder}: {remark}", stacklevel=1)
    if found is not None and described.tms is not None and described.workitems.own:
        warnings.warn(
            f"objects in {found.folder}: of use only for workitems of the system under test that refer to them", stacklevel=1
        )
    return found


@pytest.fixture(scope="session")
def consent(system):
    """Called before every request that changes a system: forbids it where the owner has not agreed."""

    def ask(request):
        if not system.test_system:
            pytest.skip(f"not judged: {request} changes the system, and test_system = true is not given")

    return ask


@pytest.fixture(scope="session")
def tdd(system, consent, wire, patience, request):
    """Our TDD."""
    yield from _performing(system, system.tdd.ae_title, consent, wire, patience, request.config)


@pytest.fixture(scope="session")
def other_tdd(system, consent, wire, patience, request):
    """A second TDD, which competes with the first."""
    yield from _performing(system, system.second_performer, consent, wire, patience, request.config)


def _performing(system, calling, consent, wire, patience, pytest_config):
    named = {"calling": calling, "timeouts": system.timeouts, "transcript": wire, "consent": consent, "patience": patience}
    with RecordingTDD(system.tms, system.ost, **named) as device:
        yield device
        if not system.embedded:
            put_away(device, by_request="request-cancel" in system.tms_supports, show=partial(said, pytest_config))


@pytest.fixture(scope="session")
def retriever(tdd, receiver):
    """Our TDD with its storage SCP, so that it can have instances moved to itself."""
    tdd.receiver = receiver
    return tdd


@pytest.fixture(scope="session")
def associate(system, wire, patience):
    """A function that requests an association with the ``"TMS"`` or ``"OST"``: any presentation contexts, and extended negotiation."""

    def request(role, contexts, extended=None):
        peer = system.tms if role == "TMS" else system.ost
        named = {"calling": system.tdd.ae_title, "timeouts": system.timeouts, "transcript": wire, "patience": patience}
        return connect(peer, contexts, extended=extended, **named)

    return request


@pytest.fixture(scope="session")
def supported(system):
    """A function that skips what the vendor does not claim."""

    def needs(actor, option):
        if option not in system.supports(actor):
            pytest.skip(f"not supported: {option}")

    return needs


@pytest.fixture(scope="session")
def source(system, tdd, request):
    """Where SCHEDULED workitems come from, and what we know of their objects."""
    if not system.workitems.own or system.tms is None:
        return Pushed(system, tdd)
    workerinput = getattr(request.config, "workerinput", {"workerid": "gw0", "workercount": 1})
    mine = {"worker": int(workerinput["workerid"][2:]), "workers": workerinput["workercount"]}
    if system.ost is not None:  # who has the plans; a record of what they prescribe is for it
        mine["retriever"] = partial(request.getfixturevalue, "retriever")
    if {"person", "command"} & set(system.workitems.sources):
        return Asked(system, tdd, orders(system, partial(say, request.config)), **mine)
    return Listed(system, tdd, **mine)


def say(config, sentence):
    """Say something to the person at the terminal, however pytest captures output."""
    if hasattr(config, "workerinput"):  # a worker's standard output is not the terminal
        print(sentence, file=sys.__stderr__, flush=True)
        return
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{sentence}", flush=True)


@pytest.fixture(scope="session")
def supply(system, source, tdd, request):
    """The workitems of this run. Tests ask for them by what they do: looks_at, is_refused, updates, claims, ends, creates."""
    ost = system.ost.ae_title if system.ost else "OST"
    found = request.config.stash[watch_key].over(Supply(source, tdd, ost))
    request.config.stash[plainly_key] = Plainly(found, ost)
    return found


def _doing(use, words):
    @pytest.fixture(scope="session")
    def fixture(supply):
        def need(state="SCHEDULED", start="", **named):
            return supply.need(Need(use, state, start, **named))

        return need

    fixture.__doc__ = words
    return fixture


looks_at = _doing(Use.LOOKS, "A function that returns the session of a UPS in a state, which is only looked at.")
is_refused = _doing(Use.IS_REFUSED, "The same, for requests that are to be refused, so that it stays as it is.")
updates = _doing(Use.UPDATES, "The same, for N-SETs: the state stays.")
claims = _doing(Use.CLAIMS, "The same, for one that the test claims.")
ends = _doing(Use.ENDS, "The same, for one that the test brings to its final state.")


@pytest.fixture(scope="session")
def creates(supply, source):
    """A function that has a UPS created now, and brings it into a state."""
    if not source.makes_now:
        pytest.skip("not judged: the workitems are on the list already, and none is created now ([workitems] source)")

    def create(state="SCHEDULED", patient_name=""):
        return supply.created_now(state, patient_name)

    return create


@pytest.fixture(scope="session")
def treated(supply):
    """A function that returns a treatment of a scenario, from its claim to its end, with what was shown on the way."""
    made = {}  # of each scenario, and how often the supply had been counted when it was seen last

    def treat(scenario):
        treatment, counted = made.get(scenario, (None, 0))
        if treatment is None or (counted < supply.counted and not supply.is_there(treatment.session.workitem.uid)):
            wanted = Need(Use.ENDS, "IN PROGRESS", scenario.start, fresh=True)
            treatment = Treated.of(supply.need(wanted), scenario)
        made[scenario] = (treatment, supply.counted)
        return treatment

    return treat


@pytest.fixture(scope="session")
def still_kept():
    """A function that skips what asks for a UPS in a final state, when that is no longer kept, as may be [CC.2.7.3]."""

    def needs(session):
        if session.get(["ProcedureStepState"]).status in (0x0112, 0xC307):
            pytest.skip("not judged: the TMS keeps no UPS in a final state without deletion lock (CC27-TMS-013)")

    return needs


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
        with suppress(DimseError):  # who has no context never subscribed; who is not heard has failed elsewhere
            watcher.unsubscribe()


@pytest.fixture(scope="module")
def markers(looks_at):
    """Two UPS, in turn, that nothing happens to, so that an initial event can show that nothing else is under way."""
    return itertools.cycle([looks_at(role="first marker").workitem.uid, looks_at(role="second marker").workitem.uid])


@pytest.fixture
def nothing_else(request, source, updates):
    """A function that returns once a watcher has been told everything: what has not come by then does not come."""

    def settle(watcher):
        if source.own:  # nothing can be created for it: a change tells
            told = caught_up_by_a_change(watcher, updates("IN PROGRESS", role="marker"))
        else:
            new = request.getfixturevalue("creates")().workitem.uid if watcher.needs_new_marker else None
            told = watcher.caught_up(new or next(request.getfixturevalue("markers")))
        if not told:
            pytest.skip("not judged: the absence of an event cannot be shown without events that come (CC23-TMS-013, CC24-TMS-007)")

    return settle


@pytest.fixture(scope="session")
def to_report(supply, source):
    """A function that returns a UPS to which something will happen that is reported; another one for another role."""

    def get(role="told of", new=None):
        if new is not None:
            return ToReport(new, running=False)
        if source.own:
            return ToReport(supply.need(Need(Use.UPDATES, "IN PROGRESS", role=role)), running=True)
        return ToReport(supply.need(Need(Use.CLAIMS)), running=False)

    return get


@pytest.fixture
def follows(note_reading, requirement):
    """A function that notes a reading of the requirement by its word in the catalogue."""
    return lambda word: note_reading(f"{word}: {requirement.readings[word]}")


@pytest.fixture
def needs(requirement, judge):
    """A function that takes findings about what a test only needs on the way, and the requirements that fail for them.

    Where there are such findings, the test is not judged; one about any of these requirements fails.
    """

    def need(findings, *say_so):
        found = list(findings)
        wrong = next((finding for finding in found if finding.weight == "fault"), None)
        if wrong is not None and requirement.id not in say_so:
            pytest.skip(f"not judged: needed is {wrong.expected}, received {wrong.received} ({', '.join(say_so)})")
        judge(found)

    return need


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
def dated():
    """A function that skips where an N-GET shows a date-time that is none, with which nothing can be compared; returns the N-GET."""

    def needs(exchange, keyword):
        if shows_no_time(exchange, keyword):
            pytest.skip(f"not judged: {keyword} is no date-time (CC27-TMS-022)")
        return exchange

    return needs


@pytest.fixture(scope="session")
def make_record():
    """Builds the treatment record of a workitem's treatment."""

    def make(workitem, *, interrupted):
        if workitem.made_up:
            pytest.skip(
                "not judged: plan and delivery instruction were not sent (RO59-OST-002, RO61-TMS-002); no record is made up"
            )
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
    return request.config.stash.get(system_key, None) or embedded_of(request.config).with_edition(
        request.config.getoption("tdwii_edition") or "ti"
    )


@pytest.fixture(scope="session")
def partners(recorded, described, own, request, tmp_path_factory):
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
        if request.config.getoption("tdwii_record") or not described.embedded:
            note_transcripts(request.config, folder)
        with Partners(
            described.partners, systems, folder, name=workerinput["workerid"], system=described.name,
            timeouts=described.timeouts, edition=described.edition, station=described.workitems.station,
            own=own,
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
            return caller, CommandTrigger(caller.trigger, caller.folder, caller.settle)
        if not described.embedded:
            return caller, PersonTrigger()
        if actor not in started:
            deviations = [*request.config.getoption("tdwii_defect"), *request.config.getoption("tdwii_variation")]
            start = setting_of(request.config).start or scenarios.simulator_trigger
            system = start(partners, actor, caller, deviations)
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

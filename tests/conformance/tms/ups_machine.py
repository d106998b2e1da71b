"""A state machine that drives a TMS with random requests; `tdwii_conformance.sequences` compares it with the UPS model."""

import hypothesis.strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test
from pydicom.uid import generate_uid

from tdwii_conformance.sequences import VERBS, Subject, WatchedSequence

__all__ = ["drive"]

MOST = 3  # UPS of one example
LOCKS = st.sampled_from(["right", "right", "right", "another", "none"])
STATES = st.sampled_from(["IN PROGRESS", "IN PROGRESS", *VERBS])
CREATED = Bundle("created")


def drive(environment, settings):
    """Run the machine.

    Parameters
    ----------
    environment : Environment
        What it drives.
    settings : hypothesis.settings
        How many examples, and steps in each.
    """
    # Hypothesis makes its seed of the text of this lambda: another text, other sequences.
    run_state_machine_as_test(lambda: machine(environment)(), settings=settings)


def machine(env):
    """Return the machine with the rules that fit who takes part."""
    return watched(env, performed(env)) if env.watchers else performed(env)


def performed(env):
    """Return the machine with the rules of performers."""
    performers = st.sampled_from(env.performers)

    class Performed(RuleBasedStateMachine):
        created = CREATED

        def __init__(self):
            super().__init__()
            self.sequence = WatchedSequence(env)

        @initialize(target=CREATED)
        def begin(self):
            subjects = [self.sequence.create(env.performers[0]), self.sequence.create(env.performers[-1])]
            # Most of what happens, happens to one UPS: interplay is what is looked for.
            return multiple(*subjects, *[subjects[0]] * 5, Subject(0, generate_uid()))

        @rule(target=CREATED, performer=performers)
        def create_another(self, performer):
            # Few of them: every global subscription with lock has an event for each UPS that there is.
            subjects = self.sequence.subjects
            return self.sequence.create(performer) if len(subjects) < MOST else subjects[0]

        @rule(subject=CREATED, performer=performers)
        def create_again(self, subject, performer):
            self.sequence.create_again(subject, performer)

        @rule(subject=CREATED, performer=performers, state=STATES, which=LOCKS)
        def ask_for_state(self, subject, performer, state, which):
            self.sequence.change_state(subject, performer, state, which)

        @rule(subject=CREATED, performer=performers)
        def claim(self, subject, performer):
            self.sequence.change_state(subject, performer, "IN PROGRESS", "right")

        @rule(subject=CREATED, performer=performers)
        def complete(self, subject, performer):
            self.sequence.complete(subject, performer)

        @rule(subject=CREATED, performer=performers, reason=st.sampled_from(["", "Machine fault"]))
        def request_cancel(self, subject, performer, reason):
            self.sequence.request_cancel(subject, performer, reason)

        @rule(subject=CREATED, performer=performers)
        def get(self, subject, performer):
            self.sequence.get(subject, performer)

        @rule(subject=CREATED, performer=performers, state=st.sampled_from(list(VERBS)))
        def find(self, subject, performer, state):
            self.sequence.find(subject, performer, state)

        def teardown(self):
            self.sequence.finish()

    return changed(performers, Performed)


def changed(performers, base):
    """Return a machine with the rules of N-SET added."""

    class Changed(base):
        @rule(
            subject=CREATED, performer=performers, which=LOCKS, progress=st.integers(0, 100),
            described=st.sampled_from(["", "Imaging", "Gating"]),
        )  # fmt: skip
        def set_progress(self, subject, performer, which, progress, described):
            self.sequence.set_progress(subject, performer, which, progress, described)

        @rule(subject=CREATED, performer=performers, which=LOCKS, readiness=st.sampled_from(["READY", "INCOMPLETE", "UNAVAILABLE"]))
        def set_readiness(self, subject, performer, which, readiness):
            self.sequence.set_readiness(subject, performer, which, readiness)

        @rule(subject=CREATED, performer=performers, which=LOCKS, station=st.sampled_from(["S1", "S2"]))
        def set_station(self, subject, performer, which, station):
            self.sequence.set_station(subject, performer, which, station)

        @rule(subject=CREATED, performer=performers, which=LOCKS)
        def set_final(self, subject, performer, which):
            self.sequence.set_final(subject, performer, which)

    return Changed


def watched(env, base):
    """Return a machine with the rules of watchers added."""
    watchers = st.sampled_from(env.watchers)

    class Watched(base):
        @rule(subject=CREATED, watcher=watchers, lock=st.booleans())
        def subscribe(self, subject, watcher, lock):
            self.sequence.subscribe(subject, watcher, lock)

        @rule(subject=CREATED, lock=st.booleans())
        def subscribe_all(self, subject, lock):
            # Several watchers of one UPS, whom single steps rarely bring together.
            for watcher in env.watchers:
                self.sequence.subscribe(subject, watcher, lock)

        @rule(subject=CREATED, watcher=watchers)
        def unsubscribe(self, subject, watcher):
            self.sequence.unsubscribe(subject, watcher)

        @rule(subject=CREATED, watcher=watchers, lock=st.booleans())
        def leave_and_return(self, subject, watcher, lock):
            self.sequence.unsubscribe(subject, watcher)
            self.sequence.subscribe(subject, watcher, lock)

        @rule(watcher=watchers, lock=st.booleans())
        def subscribe_globally(self, watcher, lock):
            self.sequence.subscribe_globally(watcher, lock)

        @rule(watcher=watchers)
        def unsubscribe_globally(self, watcher):
            self.sequence.unsubscribe_globally(watcher)

        @rule(watcher=watchers)
        def suspend(self, watcher):
            self.sequence.suspend(watcher)

        @rule(watcher=watchers)
        def look(self, watcher):
            self.sequence.look(watcher)

    return Watched

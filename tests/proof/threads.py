"""A simulated TDD or watcher in a thread instead of a process: what a process needs to start is most of a scenario's time."""

import queue
import threading

from tdwii_conformance.cli.serve.dialogue import Dialogue, converse
from tdwii_conformance.session import scenarios
from tdwii_conformance.session.triggers import SimulatorTrigger

ENDING = 10.0  # seconds that the thread may take to end


class InAThread(SimulatorTrigger):
    """As `SimulatorTrigger`, which a process of its own would be: the same options, the same words."""

    def __enter__(self):
        self._lines = self
        self.last = "it said nothing"
        self._requests = queue.SimpleQueue()
        self._dialogue = Dialogue(iter(self._requests.get, None), self._say, patience=0.0)
        self._thread = threading.Thread(target=self._perform, name=f"the simulated {self.actor}")
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._requests.put(None)
        self._dialogue.stop()
        self._thread.join(ENDING)
        if self._thread.is_alive():
            raise RuntimeError(f"the thread of the simulated {self.actor} does not end: {self.last}")

    def begin(self, session, facts):
        self._session = session
        session.definite = True
        self._requests.put(facts.get("end") or "watch")
        if not self._thread.is_alive():
            self._ended("an exception")

    def _perform(self):
        code = "an exception"
        try:
            code = converse([self.actor, "--on-request", *self.arguments], self._dialogue)
        finally:
            self._ended(code)

    def _say(self, line):
        self.last = line
        self._came(line)


def simulator_trigger(partners, actor, caller, defects=()):
    """In place of `session.scenarios.simulator_trigger`."""
    process = scenarios.simulator_trigger(partners, actor, caller, defects)
    return InAThread(actor.lower(), process.arguments)

"""A TDD that hangs, breaks off or sends garbage leaves a clear finding, and the next scenario goes on."""

import threading

import pytest
from partner_callers import ABORT, HALF_A_MESSAGE, STATION, associate_and_send, let_perform, query

from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.scenarios import perform_treatment
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.sut.config import Caller
from tdwii_conformance.treatment.scenarios import SCENARIOS

LISTENING = Peer("TDD", "127.0.0.1", 9)
NEW_COMPLETED = SCENARIOS[0]


class Doing:
    """Makes a TDD do one thing, and then nothing more that it would tell of."""

    def __init__(self, thing):
        self.thing, self.thread = thing, None

    def begin(self, session, facts):
        self.thread = threading.Thread(target=self.thing)
        self.thread.start()

    def end(self):
        self.thread.join()


@pytest.fixture
def broken(partners):
    """A function that lets a TDD do one thing, and returns the faults found, by requirement, and the why_early."""

    def perform(thing):
        caller = Caller(LISTENING, step_timeout=1.0, settle=1.0)
        observation = perform_treatment(partners, caller, Doing(thing), NEW_COMPLETED, lambda title: NoDisplay())
        requirements = load_catalogue().of(actor="TDD", edition="ti")
        judged = {r.id: judge_scu(r, observation) for r in requirements}
        faults = {identifier: j.findings[0].received for identifier, j in judged.items() if j.findings}
        assert judged["RO65-TDD-102"].not_judged  # what depends on what is missing is no pile of errors
        return faults, observation.why_early

    return perform


def goes_on(partners):
    """Whether a TDD that is sound performs the next scenario."""
    with TDDSimulator(partners.tms.peer, partners.ost.peer, station=STATION, end="canceled-before") as tdd:
        return let_perform(partners, tdd, SCENARIOS[2]).why_early == ""


def test_one_that_never_calls(broken, partners):
    faults, why_early = broken(lambda: None)
    assert why_early == "awaited 1 s, nothing received"
    assert list(faults.values()) == ["awaited 1 s, nothing received"]
    assert next(iter(faults)).startswith("RO58-TDD")
    assert goes_on(partners)


def test_one_that_hangs_after_its_query(broken, partners):
    faults, why_early = broken(lambda: query(partners, "TDD"))
    assert why_early == "awaited 1 s, nothing received"
    assert [identifier[:4] for identifier, said in faults.items() if "nothing received" in said] == ["RO59"]
    assert goes_on(partners)


def test_one_that_aborts_in_the_middle_of_a_message(broken, partners):
    faults, _ = broken(lambda: associate_and_send(partners.tms.peer, "TDD", HALF_A_MESSAGE + ABORT))
    assert any("aborted by the requestor in the middle of a message" in said for i, said in faults.items() if i.startswith("NEG"))
    assert goes_on(partners)


def test_one_that_sends_garbage(broken, partners):
    faults, _ = broken(lambda: associate_and_send(partners.tms.peer, "TDD", b"\xff" * 64))
    assert any("what came was no PDU" in said for i, said in faults.items() if i.startswith("NEG"))
    assert goes_on(partners)


def test_a_stranger_with_bad_luck_does_not_matter(partners):
    associate_and_send(partners.tms.peer, "SOMEBODY", b"\xff" * 64)
    assert goes_on(partners)

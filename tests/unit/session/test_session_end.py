"""When a session ends, what counts until then, and what is said where nothing was received; the vendor's command as a trigger."""

import sys
import threading

import pytest
from partner_callers import STATION, associate_and_send, query
from pynetdicom import evt

from tdwii_conformance.checks.scu import judge_scu
from tdwii_conformance.dimse import DimseError, Peer, Server, connect
from tdwii_conformance.profile import load_catalogue
from tdwii_conformance.profile.ups_service import SUBSCRIBE, UPS
from tdwii_conformance.session import triggers
from tdwii_conformance.session.conduct import NoDisplay
from tdwii_conformance.session.scenarios import perform_treatment
from tdwii_conformance.session.triggers import CommandTrigger
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.sut.config import Caller
from tdwii_conformance.treatment.messages import item
from tdwii_conformance.treatment.scenarios import SCENARIOS
from tdwii_conformance.ups import GLOBAL

CATALOGUE = load_catalogue()
BEFORE_RADIATION = SCENARIOS[2]


class LaterOnANewAssociation:
    """A TDD of which nobody knows when it has done its part: it comes back once more, when all seems to be over."""

    def __init__(self, tdd):
        self.tdd = tdd

    def begin(self, session, facts):
        session.acting = True
        self.thread = threading.Thread(target=self.perform, args=(session, facts["workitem"]))
        self.thread.start()

    def perform(self, session, workitem):
        self.tdd.perform()
        session.wait(lambda: not session.partners.attribution.calling("TDD"), 30)
        self.tdd.tdd.set(workitem, item(ProcedureStepLabel="Done", TransactionUID=self.tdd.transaction_uid))
        self.tdd.tdd.close()
        session.acted()

    def end(self):
        self.thread.join()


def performed(partners, trigger, *, settle=1.0, step_timeout=20.0, peer=None):
    caller = Caller(peer or Peer("TDD", "127.0.0.1", 9), step_timeout=step_timeout, settle=settle)
    return perform_treatment(partners, caller, trigger, BEFORE_RADIATION, lambda title: NoDisplay())


def test_what_comes_on_a_new_association_after_the_end_counts(partners):
    with TDDSimulator(partners.tms.peer, partners.ost.peer, station=STATION, end="canceled-before") as tdd:
        partners.systems["TDD"] = tdd.peer
        observation = performed(partners, LaterOnANewAssociation(tdd), settle=30.0, step_timeout=30.0, peer=tdd.peer)
    assert observation.why_early == ""
    assert [f.received for f in judge_scu(CATALOGUE["RO65-TDD-006"], observation).findings] == [
        "N-SET, answered C300 (the UPS may no longer be updated)"
    ]


def command(text):
    return CommandTrigger([sys.executable, "-c", text], None, settle=1.0)


def test_a_trigger_can_say_that_a_scenario_is_not_supported(partners):
    observation = performed(partners, command("print('no such mode'); raise SystemExit(127)"))
    assert observation.why_early == "the trigger says that this scenario is not supported: no such mode"
    assert not observation.fault
    judgements = [judge_scu(r, observation) for r in CATALOGUE.of(actor="TDD", edition="ti")]
    assert {one.not_judged for one in judgements} == {observation.why_early}


def test_what_a_trigger_writes_is_kept(partners):
    performed(partners, command("print('one'); print('two'); raise SystemExit(3)"))
    (kept,) = partners.record.glob("*.trigger.txt")
    assert kept.read_text() == "one\ntwo\n"


WAITS = """
import os, pathlib, signal, sys, threading
def told(*_):
    print(pathlib.Path(os.environ["TDWII_STOPPED"]).read_text().strip(), flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, told)
print("ready", flush=True)
threading.Event().wait(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM on Windows")
def test_a_trigger_is_told_why_it_is_stopped(partners):
    trigger = command(WAITS)

    class Ready:
        """Goes on once the command listens to the signal."""

        def begin(self, session, facts):
            trigger.begin(session, facts)
            assert session.wait(lambda: any("ready" in line for line in session.said), 30)

        def end(self):
            trigger.end()

    performed(partners, Ready(), step_timeout=0.5)
    (kept,) = partners.record.glob("*.trigger.txt")
    assert kept.read_text() == "ready\nawaited 0.5 s, nothing received\n"


class Ended:
    """A process that is there when it is looked for, and gone when it is stopped."""

    pid = 2**22 + 1  # no process has this number

    reaped = 0

    def poll(self):
        return None

    def wait(self, seconds):
        self.reaped += 1
        return 0


@pytest.mark.skipif(sys.platform == "win32", reason="a process of Windows is stopped otherwise")
def test_a_process_that_has_just_ended_can_be_stopped():
    process = Ended()
    triggers._stop(process)
    assert process.reaped


class Doing:
    def __init__(self, thing):
        self.thing = thing

    def begin(self, session, facts):
        self.thing()

    def end(self):
        pass


def test_who_called_instead_is_named(partners):
    observation = performed(partners, Doing(lambda: query(partners, "TDD2")), step_timeout=0.5)
    assert observation.why_early == "awaited 0.5 s, nothing received; TDD2 called, which is not TDD"


def test_contexts_that_were_refused_are_named(partners):
    def call():
        with pytest.raises(DimseError):
            connect(partners.ost.peer, [UPS.PULL], calling="TDD").close()

    observation = performed(partners, Doing(call), step_timeout=0.5)
    assert observation.why_early == (
        "awaited 0.5 s, nothing received; presentation contexts that were not accepted: Unified Procedure Step - Pull SOP Class"
    )


def test_a_receiver_that_does_not_listen_is_named(partners):
    def call():
        with connect(partners.tms.peer, [UPS.WATCH], calling="TDD") as link:
            link.n_action(GLOBAL, SUBSCRIBE, item(ReceivingAE="TDD", DeletionLock="TRUE"), context=UPS.WATCH)

    observation = performed(partners, Doing(call), step_timeout=1.0)
    assert observation.why_early == "awaited 1 s, nothing received; nobody listens at 127.0.0.1:9, where TDD was called"


def test_a_report_that_is_never_answered_is_seen(partners):
    """Though the scenario is over before: the answer is waited for as long as any."""
    never, ended = threading.Event(), threading.Event()

    def receive(event):
        never.wait(30)  # for the others to end
        return 0x0000, None

    def call():
        with connect(partners.tms.peer, [UPS.WATCH], calling="TDD") as link:
            link.n_action(GLOBAL, SUBSCRIBE, item(ReceivingAE="TDD", DeletionLock="TRUE"), context=UPS.WATCH)
        ended.set()

    with Server("TDD", [UPS.EVENT], [(evt.EVT_N_EVENT_REPORT, receive)], scp_roles=[UPS.EVENT]) as receiver:
        partners.systems["TDD"] = receiver.peer
        observation = performed(partners, Doing(call), step_timeout=0.3, settle=0.3, peer=receiver.peer)
        never.set()
    assert ended.is_set()
    (finding, *_) = judge_scu(CATALOGUE["CC24-TDD-002"], observation).findings
    assert "no response within 2 s" in finding.received


def test_garbage_is_no_caller(partners):
    observation = performed(partners, Doing(lambda: associate_and_send(partners.tms.peer, "TDD", b"\xff" * 64)), step_timeout=0.5)
    assert "called" not in observation.why_early

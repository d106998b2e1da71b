"""What is set up wrong in a system is one sentence; what depends on it is not judged."""

import pytest

from tdwii_conformance.dimse import Peer
from tdwii_conformance.scu.probe import first_look
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.tms import TMS

RETRIEVES = """
from tdwii_conformance.checks import status
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.treatment.messages import move_identifier

@pytest.mark.requirement("RO61-TMS-001")
def test_retrieves(system, receiver, wire, judge_status):
    with TDD(system.tms, system.ost, calling="TDD", transcript=wire, receiver=receiver) as tdd:
        judge_status(tdd.retrieve("TMS", move_identifier("1.2", "1.3", ["1.4"])).move)

@pytest.mark.requirement("CC23-TMS-013")
def test_subscribes(system, receiver, wire, judge_status):
    from tdwii_conformance.scu.watcher import Watcher

    with TDD(system.tms, system.ost, calling="TDD", transcript=wire) as tdd:
        judge_status(Watcher(tdd, receiver, "TDD", 1.0).subscribe())
"""


@pytest.fixture
def description(pytester, unused_port):
    with TMS() as tms, OST() as ost:  # neither knows anybody
        yield pytester.makefile(
            ".toml",
            sut=f"""
            [system]
            name = "Forgetful"
            test_system = true
            [tms]
            ae_title = "TMS"
            host = "127.0.0.1"
            port = {tms.peer.port}
            supports = ["push", "watch", "subscription", "store-instructions"]
            [ost]
            ae_title = "OST"
            host = "127.0.0.1"
            port = {ost.peer.port}
            [ours.tdd]
            ae_title = "TDD"
            port = {unused_port}
            """,
        )


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_who_does_not_know_us_is_told_so(run, description, unused_port):
    ran = run(RETRIEVES, "--sut", description)
    for role in ("TMS", "OST"):
        wrong = f"the {role} does not know our AE title 'TDD' as move destination (A801): add it there, with this host and port"
        assert f"set up wrong: {wrong} {unused_port}" in ran.out
    assert ran.verdicts == {"test_retrieves": "skipped", "test_subscribes": "skipped"}
    assert ran.reasons["test_retrieves"].startswith(
        "not judged: the TMS does not know our AE title 'TDD' as move destination (A801)"
    )
    assert ran.reasons["test_subscribes"].startswith(
        "not judged: the TMS does not know our AE title 'TDD' as receiver of event reports (C308)"
    )


def test_who_knows_us_is_not_bothered():
    with TMS(destinations={"TDD": Peer("TDD", "127.0.0.1", 1)}) as tms:
        from tdwii_conformance.dimse import Timeouts

        assert first_look([("TMS", tms.peer), ("OST", None)], calling="TDD", port=1, timeouts=Timeouts()) == []

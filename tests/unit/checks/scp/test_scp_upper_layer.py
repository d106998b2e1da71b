"""What a record shows of a system on the upper layer, by whichever side of its associations it was on."""

from scp_samples import CATALOGUE, exchange

from tdwii_conformance.checks.findings import Finding
from tdwii_conformance.checks.scp import Tally
from tdwii_conformance.checks.scp.upper_layer import judge_upper_layer
from tdwii_conformance.transcript.sent import Sent, Wrong
from tdwii_conformance.treatment.messages import item

TORN = bytes.fromhex("10001000FF000000") + b"P1"  # (0010,0010) of 255 bytes, of which two are there


class Association:
    """An association: who called whom, and what each side sent."""

    class Request:
        def __init__(self, calling, called):
            self.calling, self.called = calling, called

    def __init__(self, calling="TDD", called="TMS", *, requestor=(), acceptor=(), topics=("pdu",)):
        self.request = self.Request(calling, called) if calling else None
        self._sent = {"requestor": Sent(topics, tuple(requestor)), "acceptor": Sent(topics, tuple(acceptor))}

    def sent(self, side):
        return self._sent[side]


def wrong(what, topic="pdu"):
    return Wrong(topic, f"came {what}", f"another than {what}")


def judged(*associations, exchanges=(), actor="TMS"):
    tally = Tally()
    judge_upper_layer(actor, actor, associations, exchanges, CATALOGUE, tally)
    return {name: [(one.expected, one.received) for one in entry.findings] for name, entry in tally.entries.items()}


def test_a_system_is_judged_by_its_own_side():
    asked = Association("TMS", "TDD", requestor=[wrong("A")], acceptor=[wrong("B")])
    answered = Association("TDD", "TMS", requestor=[wrong("C")], acceptor=[wrong("D", "titles")])
    others = Association("TDD", "OST", requestor=[wrong("E")], acceptor=[wrong("F")])
    assert judged(asked, answered, others) == {
        "UL-TMS-001": [("another than A", "came A")],
        "UL-TMS-004": [("another than D", "came D")],
    }
    assert judged(asked, answered, others, actor="OST") == {"UL-OST-001": [("another than F", "came F")]}


def test_an_association_that_was_never_requested_is_nobodys():
    assert judged(Association(None)) == {}


def test_what_came_up_and_is_right_is_judged():
    assert judged(Association(topics=("pdu", "command"))) == {"UL-TMS-001": [], "UL-TMS-015": []}


def test_of_what_nobody_saw_nothing_is_judged():
    assert judged() == {}


def test_data_sets_are_judged_by_the_exchanges():
    right, torn = exchange("C-FIND", item(), item()), exchange("C-FIND", item(), encoded=None, came=[item()], status=0)
    assert judged(exchanges=[exchange("C-FIND", item())]) == {}
    assert judged(exchanges=[right, torn]) == {"UL-TMS-018": []}
    sent = exchange("C-STORE", encoded=TORN, requestor="TMS", acceptor="OST")
    expected = [("a data set in Implicit VR Little Endian", "10 bytes that are none")]
    assert judged(exchanges=[right, sent]) == {"UL-TMS-018": expected}
    assert judged(exchanges=[right, sent], actor="OST") == {}


def test_a_finding_says_in_which_service():
    tally = Tally()
    judge_upper_layer("TMS", "TMS", [], [exchange("C-STORE", encoded=TORN, requestor="TMS", acceptor="OST")], CATALOGUE, tally)
    assert tally.entries["UL-TMS-018"].findings == [
        Finding("a data set in Implicit VR Little Endian", "10 bytes that are none", "C-STORE")
    ]

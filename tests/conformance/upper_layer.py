"""What TMS and OST send on the upper layer, judged from the bytes of a few associations; their test classes name actor and requirements.

One asks for what other tests ask for as well; a second announces a maximum length of 4 kB; a third calls an AE title that
the system may not have. What the system requests itself, to send instances to us, is judged too.
"""

import queue
from contextlib import suppress

import pytest
from pynetdicom import sop_class

from tdwii_conformance.checks.upper_layer import SYNTAX, judge_sent, judge_syntax, topic_of
from tdwii_conformance.dimse import DimseError, Peer, connect
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.transcript.exchange import Transcript
from tdwii_conformance.transcript.observation import OPEN

SMALL = 4096  # bytes
NOBODY = "NO-SUCH-AE"


class Heard:
    """What a system has sent on the associations of a few conversations."""

    def __init__(self, seconds):
        self.seconds, self.sent, self.exchanges = seconds, [], Transcript()
        self.ended = queue.SimpleQueue()

    def take(self, association):
        if association.ended != OPEN:
            self.ended.put(association.sent[1:])

    def take_called(self, association):
        """Take an association that the system has requested."""
        if association.ended != OPEN:
            self.sent += association.sent[:1]

    def gather(self):
        """Await that an association of ours has ended: it is seen by another thread."""
        with suppress(queue.Empty):  # nothing is judged by it then
            self.sent += self.ended.get(timeout=self.seconds)


class UpperLayer:
    """Base of the test classes; not collected itself."""

    role = ""
    contexts: tuple[str, ...] = ()

    @pytest.fixture(scope="class")
    @classmethod
    def spoken(cls, system, receiver, source, looks_at, wire):
        peer = system.tms if cls.role == "TMS" else system.ost
        workitem = looks_at().workitem
        heard, mark = Heard(system.timeouts.association), receiver.mark()
        named = {"calling": system.tdd.ae_title, "timeouts": system.timeouts, "transcript": heard.exchanges}

        def converse(talk, to=peer, contexts=cls.contexts, **more):
            try:
                with connect(to, contexts, associations=heard.take, **named, **more) as link:
                    talk(link)
            except DimseError:
                pass  # that there is no association, or no context, has requirements of its own
            heard.gather()

        with receiver.looked_at(heard.take_called):
            converse(lambda link: cls.talk(link, workitem, source, receiver.ae_title), scp_roles=[UPS.EVENT])
        converse(lambda link: cls.talk(link, workitem, source, ""), maximum_length=SMALL)
        converse(lambda link: link.c_echo(), Peer(NOBODY, peer.host, peer.port, peer.tls), [sop_class.Verification])
        for exchange in heard.exchanges:
            wire.append(exchange)
        for exchange in receiver.since(mark):  # in the run's own transcript already
            heard.exchanges.append(exchange)
        return heard

    @classmethod
    def judged(cls, spoken, requirement, system):
        """Return the judgement on one requirement."""
        if requirement.id.endswith(SYNTAX):
            return judge_syntax(spoken.exchanges, (system.tms if cls.role == "TMS" else system.ost).ae_title)
        return judge_sent(topic_of(requirement.id), spoken.sent)

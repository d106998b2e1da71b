"""What TMS and OST send on the upper layer, judged from the bytes of a few associations; their test classes name actor and requirements.

One asks for what other tests ask for as well; a second announces a maximum length of 4 kB; a third calls an AE title that
the system may not have. What the system requests itself, to send instances to us, is judged too.

`Driven` sends what no library sends; `Hostile` what nobody should, and only where that is asked for.
"""

import queue
import socket
from contextlib import ExitStack, suppress

import pytest
from pynetdicom import sop_class

from tdwii_conformance.checks import Finding, unexpected
from tdwii_conformance.checks.status import answered
from tdwii_conformance.checks.upper_layer import SYNTAX, judge_sent, judge_syntax, topic_of
from tdwii_conformance.dimse import DimseError, Peer, connect
from tdwii_conformance.plugin.options import option
from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.scu.bare import Bare, association_request, data, echo_request, pdu, pdv
from tdwii_conformance.transcript.exchange import Transcript
from tdwii_conformance.transcript.observation import OPEN

SMALL = 4096  # bytes
NOBODY = "NO-SUCH-AE"
MANY = 200  # connections on which nothing is said
UNKNOWN = 0x7E  # no type of a PDU, an item or a sub-item
RELEASE = pdu(5, bytes(4))
ECHO = echo_request()
# What no association expects, by what it is. A-ASSOCIATE-AC and -RQ are alike but for the type.
BEFORE = {"P-DATA-TF": data(pdv(ECHO, 3)), "A-RELEASE-RQ": RELEASE}
LATER = {"A-ASSOCIATE-RJ": pdu(3, b"\0\1\1\1"), "A-RELEASE-RP": pdu(6, bytes(4)), "A-ASSOCIATE-RQ": None, "A-ASSOCIATE-AC": None}


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
        converse(lambda link: cls.talk(link, workitem, source, ""), maximum_length=0)
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


class Unusual:
    """Base of `Driven` and `Hostile`: connections to a system, byte by byte."""

    requirements = ""
    role = ""

    @pytest.fixture
    def bare(self, system, wire):
        """A function that returns a new connection; what was exchanged on it is in the transcript."""
        opened = []
        with ExitStack() as stack:

            def connect_bare():
                peer = system.tms if self.role == "TMS" else system.ost
                try:
                    opened.append(stack.enter_context(Bare(peer, system.tdd.ae_title, system.timeouts)))
                except DimseError as error:
                    pytest.skip(f"not judged: {error} (see {self.requirements.replace('UL', 'NEG')}-001)")
                return opened[-1]

            yield connect_bare
        for one in opened:
            for exchange in one.exchanges:
                wire.append(exchange)

    def associated(self, bare):
        """A connection with an association for Verification."""
        connection = bare()
        if connection.associate().kind != unexpected.ACCEPTED:
            pytest.skip(f"not judged: no association for Verification (see {self.requirements.replace('UL', 'NEG')}-001)")
        return connection


class Driven(Unusual):
    """Base of the test classes for what a system answers to unusual PDUs; not collected itself."""

    @pytest.mark.requirement("031")
    @pytest.mark.parametrize("name", BEFORE)
    def test_aborts_what_comes_before_an_association(self, bare, judge, name):
        connection = bare()
        connection.send(BEFORE[name])
        judge(unexpected.aborted(connection.answer(), associated=False))

    @pytest.mark.requirement("031")
    @pytest.mark.parametrize("name", LATER)
    def test_aborts_what_an_association_does_not_expect(self, system, bare, judge, name):
        connection = self.associated(bare)
        again = association_request(system.tdd.ae_title, connection.peer.ae_title)
        connection.send(LATER[name] or (again if name == "A-ASSOCIATE-RQ" else b"\2" + again[1:]))
        judge(unexpected.aborted(connection.answer()))

    @pytest.mark.requirement("032")
    @pytest.mark.parametrize("when", ["before an association", "on an association"])
    def test_aborts_a_pdu_of_no_type(self, bare, judge, when):
        connection = bare() if when.startswith("before") else self.associated(bare)
        connection.send(pdu(UNKNOWN, b""))  # without a body: who aborts has read all of it
        judge(unexpected.aborted(connection.answer(), associated=when.startswith("on")))

    @pytest.mark.requirement("033")
    @pytest.mark.parametrize("where", ["item", "sub-item"])
    def test_ignores_an_item_that_nobody_knows(self, bare, judge, where):
        self.associated(bare).release()
        connection, unknown = bare(), [(UNKNOWN, b"\0\1")]
        judge(unexpected.accepted(connection.associate(**{"more" if where == "item" else "user": unknown})))
        connection.release()

    def echo(self, bare, judge, pdus):
        usual = self.associated(bare)
        if unexpected.understood(usual.echoed([data(pdv(ECHO, 3))]), usual.exchanges):
            pytest.skip(f"not judged: a C-ECHO in one fragment is not answered (see {self.requirements.replace('UL', 'NEG')}-001)")
        usual.release()
        connection = self.associated(bare)
        judge(unexpected.understood(connection.echoed(pdus), connection.exchanges))
        connection.release()

    @pytest.mark.requirement("034")
    def test_understands_several_fragments_in_one_pdu(self, bare, judge):
        self.echo(bare, judge, [data(pdv(ECHO[:20], 1), pdv(ECHO[20:40], 1), pdv(ECHO[40:], 3))])

    @pytest.mark.requirement("035")
    def test_understands_a_message_in_many_pdus(self, bare, judge):
        pieces = [ECHO[at : at + 2] for at in range(0, len(ECHO), 2)]
        self.echo(bare, judge, [data(pdv(one, 3 if n == len(pieces) - 1 else 1)) for n, one in enumerate(pieces)])


class Hostile(Unusual):
    """Base of the test classes that send what nobody should; not collected itself."""

    @pytest.fixture(autouse=True)
    def agreed(self, request, consent):
        if not option(request.config, "hostile"):
            pytest.skip("not judged: sends what is malformed; --hostile asks for it")
        consent("what is malformed")

    def others_are_served(self, system, judge, before):
        """Judge that a C-ECHO is answered, and that the worklist is as it was."""
        peer = system.tms if self.role == "TMS" else system.ost
        try:
            with connect(peer, [sop_class.Verification], calling=system.tdd.ae_title, timeouts=system.timeouts) as link:
                judge(answered(link.c_echo()))
        except DimseError as error:
            judge([Finding("an association, as before", error.advice)])
        if before is not None:
            now = self.worklist(system)
            judge(
                []
                if now == before
                else [Finding(f"the worklist as before, {len(before)} workitems", f"{len(now or ())}, others or changed")]
            )

    def worklist(self, system):
        """What a TMS shows of all workitems; nothing of an OST."""

    @pytest.mark.requirement("041")
    @pytest.mark.parametrize("what", ["malformed", "gigabytes", "cut off", "gigabytes in a P-DATA-TF"])
    def test_serves_others_after(self, system, bare, judge, what):
        before = self.worklist(system)
        for _ in range(5):
            connection = bare() if what in ("malformed", "gigabytes") else self.associated(bare)
            if what == "malformed":  # items that are longer than the PDU
                request = association_request(system.tdd.ae_title, connection.peer.ae_title)
                connection.send(request[:76] + b"\xff\xff" + request[78:])
            elif what == "gigabytes":
                connection.send(b"\1\0\xff\xff\xff\xf0" + bytes(1000))
            elif what == "cut off":
                connection.send(data(pdv(ECHO[:20], 1)))
            else:
                connection.send(b"\4\0\x7f\xff\xff\xff" + (0x7FFFFFFB).to_bytes(4, "big") + b"\1\3" + ECHO)
            connection.__exit__(None, None, None)
        self.others_are_served(system, judge, before)

    @pytest.mark.requirement("042")
    def test_serves_others_beside_many_connections(self, system, judge):
        peer, before = system.tms if self.role == "TMS" else system.ost, self.worklist(system)
        with ExitStack() as stack:
            for _ in range(MANY):
                with suppress(OSError):  # that it takes no more of them is as good
                    stack.enter_context(socket.create_connection((peer.host, peer.port), system.timeouts.connect))
            self.others_are_served(system, judge, before)

    @pytest.mark.requirement("043")
    def test_closes_a_connection_without_an_association(self, system, bare, judge):
        judge(unexpected.closed(bare().answer(system.timeouts.network)))

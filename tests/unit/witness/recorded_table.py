"""Partners that talk to each other through the recording proxy: a treatment, with all bytes kept."""

import threading
from contextlib import ExitStack, contextmanager
from datetime import datetime

from tdwii_conformance.dimse import Peer, Timeouts
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.stock import furnish
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.witness.proxy import Listener, Onlooker, Proxy
from tdwii_conformance.witness.records import RecordWriter
from tests.ports import free_port

STATION = Code("TDD1", "99TDWII", "Linac 1")
TIMEOUTS = Timeouts(connect=5, message=10)


class Kept(Onlooker):
    """An onlooker of the proxy that keeps what it is told."""

    def __init__(self):
        self.events = []
        self.over = threading.Condition()

    def opened(self, name, time, requestor, acceptor):
        self._keep(("opened", name, acceptor))

    def passed(self, name, chunk):
        self._keep(("passed", name, chunk.side, chunk.octets))

    def closed(self, name, time, why):
        self._keep(("closed", name, why))

    def _keep(self, event):
        with self.over:
            self.events.append(event)
            self.over.notify_all()

    def wait_for(self, count, kind="closed"):
        with self.over:
            assert self.over.wait_for(lambda: sum(one[0] == kind for one in self.events) >= count, 60)


class Writing:
    """An onlooker of the proxy that writes the record."""

    def __init__(self, path):
        self.writer = RecordWriter(path)

    def opened(self, name, time, requestor, acceptor):
        self.writer.opened(name, time, requestor, acceptor)

    def passed(self, name, chunk):
        self.writer.passed(name, chunk)

    def closed(self, name, time, why):
        self.writer.closed(name, time)


@contextmanager
def table(path, *, edition="ti", end="completed", watch=True, transcript=None, prepare=lambda *systems: None):
    """TMS, OST and TDD, each known to the others by the proxy's ports; yields the TDD, not having treated yet."""
    destinations = {}
    with ExitStack() as stack:
        tms = stack.enter_context(TMS("TMS", destinations=destinations, timeouts=TIMEOUTS))
        ost = stack.enter_context(OST("OST", destinations=destinations, timeouts=TIMEOUTS))
        at = free_port()
        behind = [
            Listener(0, "TMS", tms.peer.host, tms.peer.port),
            Listener(0, "OST", ost.peer.host, ost.peer.port),
            Listener(0, "TDD", "127.0.0.1", at),
        ]
        proxy = stack.enter_context(Proxy(behind, [Writing(path)]))
        peers = [Peer(name, "127.0.0.1", port) for name, port in zip(("TMS", "OST", "TDD"), proxy.ports, strict=True)]
        destinations["TDD"] = peers[2]
        tdd = TDDSimulator(
            peers[0], peers[1], "TDD", port=at, station=STATION, end=end, edition=edition, watch=watch, timeouts=TIMEOUTS,
            transcript=transcript, patience=5,
        )  # fmt: skip
        prepare(tms, ost, tdd)
        furnish(tms, ost, station=STATION, day=datetime.now(), edition=edition)
        stack.enter_context(tdd)
        yield tdd

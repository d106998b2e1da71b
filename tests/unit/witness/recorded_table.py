"""Partners that talk to each other through the recording proxy: a treatment, with all bytes kept."""

import socket
from contextlib import ExitStack, contextmanager
from datetime import datetime

from tdwii_conformance.dimse import Peer, Timeouts
from tdwii_conformance.simulators.ost import OST
from tdwii_conformance.simulators.stock import furnish
from tdwii_conformance.simulators.tdd import TDDSimulator
from tdwii_conformance.simulators.tms import TMS
from tdwii_conformance.treatment.messages import Code
from tdwii_conformance.witness.proxy import Listener, Proxy
from tdwii_conformance.witness.records import RecordWriter

STATION = Code("TDD1", "99TDWII", "Linac 1")
TIMEOUTS = Timeouts(connect=5, message=10)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


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

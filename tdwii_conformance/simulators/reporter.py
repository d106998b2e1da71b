"""Delivers event reports [CC.2.4]: over associations of its own, in order to each receiver, no receiver waiting for another."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..dimse import DimseError, Link, LinkLost, Peer, Timeouts, connect
from ..profile.statuses import status_text
from ..profile.ups_service import UPS
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import Association
from ..ups import Event, named_character_set

__all__ = ["Reporter"]

LINGER = 2.0  # seconds that an association is kept for the next report
MOST = 20_000  # reports that wait for one receiver; one that is that far behind gets no more

log = logging.getLogger(__name__)


class Reporter:
    """Sends event reports. What cannot be delivered is logged with the receiver's AE title and given up [CC.2.4.3].

    Parameters
    ----------
    calling : str
        AE title of the SCP.
    receivers : mapping of str to Peer
        Where receivers are, by AE title; looked at when there is something to send.
    timeouts : Timeouts
        Deadlines.
    transcript : Transcript, optional
        Gets every report as an exchange.
    associations : callable, optional
        Called with every association when it stands, and when it has ended.
    """

    def __init__(
        self,
        calling: str,
        receivers: Mapping[str, Peer],
        timeouts: Timeouts,
        transcript: Transcript | None = None,
        associations: Callable[[Association], None] | None = None,
    ) -> None:
        self._calling, self._receivers, self._timeouts, self._transcript = calling, receivers, timeouts, transcript
        self._associations = associations
        self._lock = threading.Lock()
        self._posted: deque[tuple[Event, Sequence[str]]] = deque()
        self._lines: dict[str, _Line] = {}
        self.propose_role = True  # to be the SCP of UPS Event, by role selection
        self.on_delivered: Callable[[], object] = lambda: None  # called when a report is over, answered or not

    @property
    def known(self) -> tuple[str, ...]:
        """The AE titles of the receivers whose address is known."""
        return tuple(self._receivers)

    def knows(self, ae_title: str) -> bool:
        """Whether the address of a receiver is known."""
        return ae_title in self._receivers

    def reporting(self, ae_title: str) -> bool:
        """Whether a report to a receiver is under way, or waits."""
        line = self._lines.get(ae_title)
        return line is not None and line.busy

    def post(self, event: Event, receivers: Sequence[str]) -> None:
        """Take a report, to be sent after `flush`: the answer to the request that caused it goes first."""
        with self._lock:
            self._posted.append((event, receivers))

    def flush(self) -> None:
        """Send what was posted, in that order."""
        if not self._posted:
            return
        with self._lock:
            while self._posted:
                event, receivers = self._posted.popleft()
                event = Event(event.type, event.uid, named_character_set(event.attributes))
                for receiver in receivers:
                    self._line(receiver).put(event)

    def _line(self, receiver: str) -> _Line:
        if receiver not in self._lines:
            self._lines[receiver] = _Line(receiver, self)
            self._lines[receiver].start()
        return self._lines[receiver]

    def connect(self, receiver: str) -> Link:
        """Open an association for reports, as the SCP of UPS Event."""
        return connect(
            self._receivers[receiver], [UPS.EVENT], calling=self._calling, timeouts=self._timeouts,
            transcript=self._transcript, scp_roles=[UPS.EVENT] if self.propose_role else [], associations=self._associations,
        )  # fmt: skip

    def close(self) -> None:
        """Send what is waiting, and end; a receiver that does not take it in time is given up."""
        self.flush()
        with self._lock:
            lines = list(self._lines.values())
            self._lines.clear()
        _end(lines, self._timeouts.association)


def _end(lines: Iterable[_Line], seconds: float) -> None:
    lines = list(lines)
    for line in lines:
        line.end()
    deadline = time.monotonic() + seconds
    for line in lines:
        line.join(max(0.0, deadline - time.monotonic()))
        if line.is_alive():
            log.warning("%s: did not take its event reports within %g s", line.receiver, seconds)


class _End:
    """There is nothing more to do."""


class _Line(threading.Thread):
    """The reports to one receiver, one after the other."""

    def __init__(self, receiver: str, reporter: Reporter) -> None:
        # A daemon: a receiver that never answers shall not keep the process from ending.
        super().__init__(name=f"event reports to {receiver}", daemon=True)
        self.receiver = receiver
        self._reporter = reporter
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._ending = self._delivering = False
        self._link: Link | None = None

    @property
    def busy(self) -> bool:
        with self._changed:
            return self._delivering or bool(self._waiting)

    def put(self, event: Event) -> None:
        with self._changed:
            if len(self._waiting) < MOST:
                self._waiting.append(event)
                self._changed.notify()
            else:
                log.warning("%s: an event report for %s is lost: %d are waiting", self.receiver, event.uid, MOST)

    def end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()

    def run(self) -> None:
        while not isinstance(event := self._next(), _End):
            if event is None:  # nothing for a while
                self._release()
                continue
            try:
                fault = _fault(self._deliver(event))
            except (DimseError, KeyError) as error:
                fault = error.advice if isinstance(error, DimseError) else "its address is no longer known"
                self._give_up()
            except Exception as error:  # the next event may be reported
                fault = f"could not be sent: {type(error).__name__}: {error}"
                self._release()
            self._delivering = False
            self._reporter.on_delivered()
            if fault:
                log.warning("%s: event report of type %d for %s: %s", self.receiver, event.type, event.uid, fault)
        self._release()

    def _next(self) -> Event | _End | None:
        """Wait for something to do; ``None`` says that the association has been idle long enough."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending, LINGER if self._link else None)
            if self._waiting:
                self._delivering = True
                return self._waiting.popleft()
            return _End() if self._ending else None

    def _deliver(self, event: Event) -> Exchange:
        for _ in range(2):
            if self._link is None:
                self._link = self._reporter.connect(self.receiver)
            try:
                exchange = self._link.n_event_report(event.uid, event.type, event.attributes)
            except LinkLost:  # the receiver closed the idle association, as it may; nothing was sent
                self._release()
                continue
            if exchange.failure:
                self._give_up()
            return exchange
        raise LinkLost(self._reporter._receivers[self.receiver])

    def _give_up(self) -> None:
        """Drop the waiting reports: an SCP need not queue or retry, and other receivers shall not wait for this one."""
        self._release()
        with self._changed:
            lost = len(self._waiting)
            self._waiting.clear()
        if lost:
            log.warning("%s: %d event reports that were waiting are lost", self.receiver, lost)

    def _release(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


def _fault(exchange: Exchange) -> str:
    if exchange.failure:
        return exchange.failure
    return "" if exchange.status == 0 else f"answered with status {status_text(exchange.status, exchange.service)}"

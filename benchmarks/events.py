"""What event reports cost: their way to a watcher, many of them, and what they add to the request that causes them."""

from __future__ import annotations

import dataclasses
import multiprocessing
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from pydicom.uid import generate_uid

from tdwii_conformance.checks.events import event_type
from tdwii_conformance.dimse import Peer
from tdwii_conformance.profile.ups_service import ASSIGNED, STATE_REPORT, SUBSCRIBE, UNSUBSCRIBE, UPS
from tdwii_conformance.scu.receiver import Receiver
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.scu.watcher import GLOBAL, Watcher
from tdwii_conformance.transcript.exchange import Exchange
from tdwii_conformance.treatment.messages import item

from .servers import watching_tms, workitem

DEADLINE = 120.0
ECHOES, AS_IDLE = 20, 1.25  # the last so many are answered, in the median, in no more than this times what an idle TMS takes
WATCHERS, WORKITEMS, SUBSCRIBERS = 10, 1_000, (0, 1, 10, 50)
Running = Callable[..., AbstractContextManager[Peer]]


def is_assigned(uid: str, report: Exchange) -> bool:
    """Say whether this is the report that a workitem was assigned."""
    return report.instance_uid == uid and event_type(report) == ASSIGNED


@contextmanager
def watched(running: Running, number: int, *, lock: bool = False) -> Iterator[tuple[TDD, list[Watcher]]]:
    """Run a TMS in a process of its own, with watchers in this one."""
    titles = [f"WATCHER{n}" for n in range(number)]
    with Receiver("TDD") as receiver:
        known = {title: dataclasses.replace(receiver.peer, ae_title=title) for title in titles}
        with running(watching_tms, known) as peer, TDD(peer, peer, calling="TDD") as tdd:
            watchers = [Watcher(tdd, receiver, title, DEADLINE) for title in titles]
            for watcher in watchers:
                assert watcher.subscribe(lock=lock).status == 0
            yield tdd, watchers


def delay(running: Running) -> float:
    """Return milliseconds (median) from the response to an N-CREATE to its event report at an idle watcher."""
    took = []
    with watched(running, 1) as (tdd, (watcher,)):
        for _ in range(50):
            created = tdd.create(uid := generate_uid(), workitem())
            report = watcher.wait_for(uid, STATE_REPORT)
            assert report is not None
            took.append((report.request.time - created.responses[-1].time).total_seconds() * 1000)
    return statistics.median(took)


def burst(running: Running) -> tuple[float, int, float]:
    """Return event reports per second of many UPS to many watchers, their number, and N-CREATEs per second meanwhile.

    All must come, in order; else it is no result.
    """
    attributes = workitem()
    uids = [generate_uid() for _ in range(WORKITEMS)]
    with watched(running, WATCHERS, lock=True) as (tdd, watchers):
        began = time.perf_counter()
        for uid in uids:
            assert tdd.create(uid, attributes).status == 0
        created = time.perf_counter() - began
        for watcher in watchers:
            # UPS Assigned follows the state report, so it is the last.
            assert watcher.wait_for(uids[-1], ASSIGNED) is not None
        seconds = time.perf_counter() - began
        for watcher in watchers:
            told = [(report.instance_uid, event_type(report)) for report in watcher.reports()]
            assert told == [(uid, kind) for uid in uids for kind in (STATE_REPORT, ASSIGNED)]
    events = WATCHERS * WORKITEMS * 2
    return events / seconds, events, WORKITEMS / created


def receiving(questions: Any, titles: list[str]) -> None:
    """Receive event reports in a process of its own; answer when the first so many watchers were told of a UPS."""
    with Receiver("TDD") as receiver:
        questions.send(receiver.peer.port)
        while (question := questions.recv()) is not None:
            number, uid = question
            for title in titles[:number]:
                came = partial(is_assigned, uid)
                assert receiver.wait_for(came, title, 0, DEADLINE)
            questions.send(number)


def answer_time(exchange: Exchange) -> float:
    """Return milliseconds from a request to its last response."""
    return (exchange.responses[-1].time - exchange.request.time).total_seconds() * 1000


def settle(tdd: TDD, idle: float) -> None:
    """Wait until the TMS answers C-ECHO as one that has nothing else to do.

    Parameters
    ----------
    tdd : TDD
        Who asks.
    idle : float
        How long an idle TMS takes, in milliseconds.

    Raises
    ------
    TimeoutError
        If it does not come to rest within `DEADLINE`.
    """
    deadline, last = time.monotonic() + DEADLINE, deque[float](maxlen=ECHOES)
    while len(last) < ECHOES or statistics.median(last) > AS_IDLE * idle:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the TMS did not come to rest within {DEADLINE:g} s")
        last.append(answer_time(tdd.echo("TMS")))


def creation(running: Running) -> dict[int, float]:
    """Return milliseconds (median) of an N-CREATE with so many subscribers; the earlier ones' reports have come.

    TMS, receivers and who asks are three processes: what is measured is the answer, not who else is busy here.
    """
    took: dict[int, list[float]] = {number: [] for number in SUBSCRIBERS}
    attributes = workitem()
    titles = [f"WATCHER{n}" for n in range(max(SUBSCRIBERS))]
    spawn = multiprocessing.get_context("spawn")
    questions, theirs = spawn.Pipe()
    receivers = spawn.Process(target=receiving, args=(theirs, titles))
    receivers.start()
    port = questions.recv()
    known = {title: Peer(title, "127.0.0.1", port) for title in titles}
    with running(watching_tms, known) as peer, TDD(peer, peer, calling="TDD") as tdd:
        idle = statistics.median(answer_time(tdd.echo("TMS")) for _ in range(5 * ECHOES))
        # Alternately, so that the noise of the machine hits all alike.
        for _ in range(15):
            for number in SUBSCRIBERS:
                for position, title in enumerate(titles):
                    action, lock = (SUBSCRIBE, {"DeletionLock": "FALSE"}) if position < number else (UNSUBSCRIBE, {})
                    assert tdd.action(GLOBAL, action, item(ReceivingAE=title, **lock), context=UPS.WATCH).status == 0
                for _ in range(4):
                    settle(tdd, idle)  # the associations of the last reports were still busy at the TMS
                    uid = generate_uid()
                    created = tdd.create(uid, attributes)
                    assert created.status == 0
                    took[number].append(answer_time(created))
                    questions.send((number, uid))
                    questions.recv()
    questions.send(None)
    receivers.join(10)
    return {number: statistics.median(values) for number, values in took.items()}


def rows(running: Running) -> Iterator[tuple[str, str, str, str]]:
    """Measure, and yield the rows of the table."""
    yield "event report after the response to its cause", "", f"{delay(running):.1f} ms", ""
    rate, events, creations = burst(running)
    yield f"{events:,} event reports to {WATCHERS} watchers", "", f"{rate:.0f}/s", ""
    yield "  N-CREATE meanwhile", "", f"{creations:.0f}/s", ""
    without, *_ = costs = creation(running).values()
    for number, cost in zip(SUBSCRIBERS, costs, strict=True):
        yield f"N-CREATE with {number} subscribers", "", f"{cost:.1f} ms", f"{cost / without:.2f}"

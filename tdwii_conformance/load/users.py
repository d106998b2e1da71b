"""The users of a clinic, for Locust: treatment machines, watchers, schedulers, intruders.

Locust runs its users in greenlets and, as it comes, replaces Python's threads and sockets by greenlets as well. pynetdicom needs
its threads: with replaced ones the queues that `dimse.tuning` watches cannot be watched (a read-only attribute), and a request of a
single user took a quarter of a second. So Locust is started with ``LOCUST_SKIP_MONKEY_PATCH=1``, which leaves threads as they are,
and each request runs in a native thread of a pool, on which its greenlet waits. Locust's own servers, web page and messages between
processes, need no replaced threads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import gevent
from gevent.threadpool import ThreadPool
from locust import User, task
from pydicom.uid import generate_uid
from pynetdicom import evt, sop_class

from ..dimse import DimseError, Server
from ..profile.statuses import status_text
from ..profile.ups_service import REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, UPS
from ..scu.receiver import Receiver
from ..scu.tdd import TDD
from ..scu.treatment_session import ScheduledWorkitem, TreatmentSession
from ..transcript.answers import answered
from ..transcript.exchange import Exchange, exchange_to_json
from ..treatment import objects
from ..treatment.messages import Code, item
from ..treatment.scenarios import SCENARIOS
from ..ups import GLOBAL
from .facts import NAMES, Fact, Facts
from .setting import Setting

__all__ = ["InClinic", "Intruder", "Machine", "Scheduler", "Watcher", "take_collected"]

COMPLETED, CANCELED = (next(s for s in SCENARIOS if s.state == state) for state in ("COMPLETED", "CANCELED"))
PROGRESS = "ProcedureStepProgressInformationSequence"
THREADS = 1000
ALREADY = 0xC302  # it is IN PROGRESS by this Transaction UID
TRIES = 8  # how often a request is sent until it is answered, where the network has faults
REMEMBERED = 30  # workitems of a machine that it looks at in the end
UNANSWERED = "not answered, by a fault"
QUIET, LONGEST = 5.0, 300.0  # seconds without a report, and in all, that a watcher waits at the end
SAID = 15.0  # seconds of that, after which it is said

log = logging.getLogger("tdwii")
_collected: list[Fact] = []  # facts that have not been handed on yet
_collecting = threading.Lock()
_pool: ThreadPool | None = None


def take_collected() -> list[Fact]:
    """Return the facts of this process since the last time."""
    with _collecting:
        taken = list(_collected)
        _collected.clear()
    return taken


def keep(fact: Fact) -> None:
    """Keep a fact until it is handed on."""
    with _collecting:
        _collected.append(fact)


def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a native thread, and let other users go on meanwhile."""
    global _pool
    if _pool is None:  # one without a task is false
        _pool = ThreadPool(THREADS)
    return _pool.apply(function, arguments)


def _attempt(request: Callable[[TDD], Exchange], tdd: TDD) -> Exchange | DimseError:
    """Send a request; return why it could not be sent. gevent shows what is raised in a thread, whoever catches it."""
    try:
        return request(tdd)
    except DimseError as error:
        return error


class _Kept:
    """Writes exchanges to a file of this process."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / f"exchanges-{os.getpid()}.jsonl" if folder else None
        self._lock = threading.Lock()

    def keep(self, exchange: Exchange) -> None:
        """Add a line."""
        if self._path is not None:
            line = json.dumps(exchange_to_json(exchange)) + "\n"
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(line)


class InClinic(User):
    """Somebody in the clinic: knows the systems, sends requests, and keeps what was answered."""

    abstract = True
    setting: ClassVar[Setting]
    kind: ClassVar[str]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.tms, self.ost, self.timeouts = self.setting.on_the_way()
        self.clinic = self.setting.clinic
        self.title = ""
        self.tdd: TDD | None = None
        self.random = random.Random()
        self.again = False  # whether what is asked was asked before, and not answered
        self._answered: deque[tuple[Exchange, Fact]] = deque()
        self._kept = _Kept(self.setting.evidence)

    def on_start(self) -> None:
        """Get a number and a name."""
        in_thread(self.begin)

    def on_stop(self) -> None:
        """Release the associations."""
        in_thread(self.end)

    def begin(self) -> None:
        """Take the name that belongs to the first port that is free."""
        self.number, self.title = self._listening()
        self.tdd = TDD(
            self.tms, self.ost or self.tms, calling=self.title, timeouts=self.timeouts,
            transcript=Facts(self._seen, self.setting.clock), receiver=self.receiver(),
        )  # fmt: skip

    def end(self) -> None:
        """Close everything."""
        if self.tdd is not None:
            self.tdd.close()

    def receiver(self) -> Receiver | None:
        """Return what instances are moved to, if this user retrieves any."""
        return None

    def listen(self, title: str, port: int) -> None:
        """Listen, if this user is called by others; raises OSError if the port is not free."""

    def _listening(self) -> tuple[int, str]:
        setting = self.setting
        last: OSError | None = None
        for number in setting.numbers(self.kind):
            title = setting.title.format(number)
            try:
                self.listen(title, setting.port_of(number))
            except OSError as error:
                last = error
                continue
            return number, title
        raise last or OSError("no port is free")

    def insist(self, request: Callable[[TDD], Exchange], *, name: str = "") -> Exchange | None:
        """Send a request as `ask`; where the network has faults, the same one again until it is answered."""
        self.again = False
        for _ in range(TRIES if self.setting.faulty else 1):
            if (exchange := self.ask(request, name=name)) is not None:
                return exchange
            self.again = True
        return None

    def ask(self, request: Callable[[TDD], Exchange], *, name: str = "") -> Exchange | None:
        """Send a request, and tell Locust how long it took; return the exchange, or ``None`` if it was not answered.

        Parameters
        ----------
        request : callable
            Sends it by the TDD it is given.
        name : str
            How Locust shall name it, if not by its kind.
        """
        assert self.tdd is not None
        began = time.perf_counter()
        given = in_thread(_attempt, request, self.tdd)
        error = given if isinstance(given, DimseError) else None
        exchange: Exchange | None = given if isinstance(given, Exchange) else None
        while self._answered:
            seen, fact = self._answered.popleft()
            if not fact.failure:
                self._tell(name or NAMES.get(fact.kind, seen.service), (fact.ended - fact.began) * 1000, self.wrong(seen, fact))
        if exchange is None or exchange.failure:
            reason = error or TimeoutError(exchange.failure if exchange is not None else "no answer")
            faults = self.setting.faulty
            self._tell(
                UNANSWERED if faults else name or "association", (time.perf_counter() - began) * 1000, None if faults else reason
            )
            gevent.sleep(self.clinic.poll)  # a system that is not there is not asked without a pause
            return None
        return exchange

    def _seen(self, exchange: Exchange, fact: Fact) -> None:
        """Keep an exchange; called in the thread of the request, so Locust, which knows no threads, is told by `ask`."""
        self._answered.append((exchange, fact))
        keep(fact)
        self._kept.keep(exchange)

    def wrong(self, exchange: Exchange, fact: Fact) -> Exception | None:
        """Return what Locust is to count as a failure: a refusal, but of what may be refused."""
        if fact.done or fact.kind in ("claim", "get") or self.again:
            return None
        return RuntimeError(status_text(exchange.status, exchange.service))

    def _tell(self, name: str, milliseconds: float, error: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type="DIMSE", name=name, response_time=milliseconds, response_length=0, exception=error, context={}
        )


class Machine(InClinic):
    """A TDD: asks for its workitems, and treats the first that it can claim."""

    kind = "machines"
    _receiver: Receiver | None = None

    def begin(self) -> None:
        """Take a name and a station."""
        super().begin()
        self.station = self.setting.station(self.number)
        self._performed: deque[TreatmentSession] = deque(maxlen=REMEMBERED)

    def listen(self, title: str, port: int) -> None:
        """Listen for the instances that are moved here."""
        receiver = Receiver(title, host=self.setting.host, port=port, timeouts=self.timeouts)
        receiver.__enter__()
        self._receiver = receiver

    def receiver(self) -> Receiver | None:
        """Return the listener."""
        return self._receiver

    def on_stop(self) -> None:
        """Look at what was done, and close everything."""
        if self.setting.faulty and self.tdd is not None:
            self._look_back()
        super().on_stop()

    def _look_back(self) -> None:
        """Ask, past the faults, what became of what was done: nothing is lost, and who holds a lock is let in."""
        assert self.tdd is not None
        in_thread(self.tdd.close)
        self.tdd.tms = self.setting.described()[0]
        looking = [lambda tdd, one=one: one.get(["ProcedureStepState", PROGRESS]) for one in self._performed]
        held = [one for one in self._performed if one.exchanges and one.scenario is None]
        for request in (*looking, *(lambda tdd, one=one: one.update(99) for one in held)):
            if self.insist(request) is None:
                self._tell("after the faults", 0.0, TimeoutError("not answered, though the network is whole again"))
                return

    def end(self) -> None:
        """Close everything."""
        super().end()
        if self._receiver is not None:
            self._receiver.__exit__(None, None, None)

    @task
    def treat(self) -> None:
        """Treat one workitem, or wait until there is one."""
        answer = self.ask(lambda tdd: tdd.query(_today(self.station)))
        found = [] if answer is None else list(answer.identifiers)
        if not found:
            gevent.sleep(self.clinic.poll * self.random.uniform(0.5, 1.5))
            return
        first = min(found, key=lambda one: str(one.get("ScheduledProcedureStepStartDateTime") or ""))
        ost = self.ost.ae_title if self.ost else "OST"
        workitem = ScheduledWorkitem.of_response(first, self.station, self.tms.ae_title, ost, "ti")
        assert self.tdd is not None
        session = TreatmentSession(self.tdd, workitem, ost)
        claimed = self.insist(lambda tdd: session.claim())
        # Whoever claimed and got no answer claims again, with the same Transaction UID: it may be claimed by that already.
        if claimed is not None and (answered(claimed) in ("done", "warning") or (self.again and claimed.status == ALREADY)):
            self._performed.append(session)
            self._deliver(session)
        self._pause()

    def _deliver(self, session: TreatmentSession) -> None:
        scenario = CANCELED if self.random.random() < self.clinic.canceled else COMPLETED
        if self.clinic.retrieve:
            self._retrieve(session.workitem)
        for progress in scenario.progress:
            self._pause()
            self.insist(lambda tdd, progress=progress: session.update(progress))  # type: ignore[misc]
            self._look(session)
        session.plan(scenario)
        # What was not delivered is not stored for a patient of theirs; ours are made up as a whole.
        if self.clinic.schedulers and self.ost is not None and session.record is not None:
            self.ask(lambda tdd: tdd.store("OST", session.record))  # type: ignore[arg-type]
        self._pause()
        self.insist(lambda tdd: session.final_update(), name=NAMES["final"])
        self._look(session)
        self.insist(lambda tdd: session.finish())
        self._look(session)

    def _retrieve(self, workitem: ScheduledWorkitem) -> None:
        for role, wanted in (("OST", workitem.plans), ("TMS", workitem.instructions)):
            if wanted:
                self.ask(lambda tdd, role=role, wanted=wanted: tdd.retrieve_references(role, wanted).move, name=NAMES["move"])  # type: ignore[misc]
        assert self._receiver is not None
        self._receiver.transcript.forget_since(0)  # what came is of no further use

    def _look(self, session: TreatmentSession) -> None:
        if self.random.random() < self.clinic.looks:
            self.ask(lambda tdd: session.get(["ProcedureStepState", PROGRESS]))

    def _pause(self) -> None:
        gevent.sleep(self.clinic.step * self.random.uniform(0.5, 1.5))


class Watcher(InClinic):
    """A watcher: subscribes to all workitems, and gets their reports."""

    kind = "watchers"
    _server: Server | None = None
    _subscribed = False
    _last = 0.0  # when the last report came

    def listen(self, title: str, port: int) -> None:
        """Listen for event reports."""
        handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: (0x0000, None)), (evt.EVT_C_ECHO, lambda event: 0x0000)]
        self._server = Server(
            title, [UPS.EVENT, sop_class.Verification], handlers, host=self.setting.host, port=port, timeouts=self.timeouts,
            transcript=Facts(self._reported, self.setting.clock), scp_roles=[UPS.EVENT],
        ).start()  # fmt: skip

    def _reported(self, exchange: Exchange, fact: Fact) -> None:
        keep(dataclasses.replace(fact, who=self.title))
        self._kept.keep(exchange)
        if _forgotten(exchange):
            keep(Fact("unsubscribe", self.title, GLOBAL, fact.began, fact.ended))
            self._subscribed = False
        self._last = time.monotonic()

    def end(self) -> None:
        """Unsubscribe, when nothing has come for a while: machines finish what they have begun, and reports may be late."""
        began, said = time.monotonic(), False
        until = began + LONGEST
        over = threading.Event()  # nobody sets it: reports only move the time
        while self._subscribed and (left := min(until, self._last + QUIET) - time.monotonic()) > 0:
            over.wait(left)
            if not said and time.monotonic() - began > SAID:
                log.warning("%s is still told of what has happened, and waits for the rest, at most %g s", self.title, LONGEST)
                said = True
        if self.tdd is not None and self._subscribed:
            with contextlib.suppress(DimseError):
                self.tdd.action(GLOBAL, UNSUBSCRIBE, item(ReceivingAE=self.title), context=UPS.WATCH)
        super().end()
        if self._server is not None:
            self._server.stop()

    @task
    def watch(self) -> None:
        """Subscribe; reports come by themselves."""
        if not self._subscribed:
            wanted = item(ReceivingAE=self.title, DeletionLock="FALSE")
            answer = self.ask(lambda tdd: tdd.action(GLOBAL, SUBSCRIBE, wanted, context=UPS.WATCH))
            self._subscribed = answer is not None and answered(answer) in ("done", "warning")
        gevent.sleep(1.0)


class Scheduler(InClinic):
    """Creates workitems for the stations in turn."""

    kind = "schedulers"

    def begin(self) -> None:
        """Begin with the first station."""
        super().begin()
        self._stations = itertools.cycle(range(self.clinic.stations))
        self._created: set[str] = set()

    def end(self) -> None:
        """Have what was created and not claimed canceled, as far as the TMS does that."""
        assert self.tdd is not None
        with contextlib.suppress(DimseError):
            for number in range(self.clinic.stations):
                for one in self.tdd.query(_today(self.setting.station(number))).identifiers:
                    if (uid := str(one.get("SOPInstanceUID"))) in self._created:
                        self.tdd.action(uid, REQUEST_CANCEL, None, context=UPS.WATCH)
        super().end()

    @task
    def schedule(self) -> None:
        """Create one, unless enough wait."""
        station = self.setting.station(next(self._stations))
        waiting = self.ask(lambda tdd: tdd.query(_today(station)))
        if waiting is not None and len(waiting.identifiers) < max(1, self.clinic.backlog // self.clinic.stations):
            treatment = objects.new_treatment("TREATMENT")
            ost = self.ost.ae_title if self.ost else "OST"
            begins = datetime.now().replace(microsecond=0)
            attributes = objects.workitem(treatment, tms=self.tms.ae_title, ost=ost, station=station, start=begins)
            if self.clinic.retrieve:
                self.ask(lambda tdd: tdd.store("OST", treatment.plan), name="C-STORE plan")
                self.ask(lambda tdd: tdd.store("TMS", treatment.instruction), name="C-STORE instruction")
            uid = generate_uid()
            self._created.add(uid)
            self.insist(lambda tdd: tdd.create(uid, attributes))
        gevent.sleep(self.clinic.every * self.random.uniform(0.5, 1.5))


class Intruder(InClinic):
    """Tries to change what another performs, which is to be refused."""

    kind = "intruders"

    @task
    def intrude(self) -> None:
        """Try a Transaction UID of its own on a workitem that is IN PROGRESS."""
        gevent.sleep(self.clinic.intrude * self.random.uniform(0.5, 1.5))
        station = self.setting.station(self.random.randrange(self.clinic.stations))
        keys = _today(station)
        keys.ProcedureStepState = "IN PROGRESS"
        answer = self.ask(lambda tdd: tdd.query(keys))
        for one in answer.identifiers[:1] if answer is not None else ():
            uid = str(one.get("SOPInstanceUID"))
            update = objects.progress_update(99, 1)
            update.TransactionUID = generate_uid()
            self.ask(lambda tdd, uid=uid, update=update: tdd.set(uid, update), name="RO-62 with another lock")  # type: ignore[misc]

    def wrong(self, exchange: Exchange, fact: Fact) -> Exception | None:
        """Count no refusal of an update as a failure: it is what is right."""
        return None if fact.kind == "set" else super().wrong(exchange, fact)


def _forgotten(exchange: Exchange) -> bool:
    """Whether an event report says that the TMS was restarted and knows no subscriptions any more [CC.2.4.3]."""
    said = exchange.request.dataset
    return said is not None and said.get("SCPStatus") == "RESTARTED" and said.get("SubscriptionListStatus") != "WARM START"


def _today(station: Code) -> Any:
    day = datetime.now()
    return ScheduledWorkitem.query_of(station, f"{day:%Y%m%d}000000-{day:%Y%m%d}235959")

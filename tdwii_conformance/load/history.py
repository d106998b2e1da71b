"""The history of a run: what many users saw of each workitem, and where it cannot have been right.

Each rule is a requirement of the suite, seen from outside: no order of the requests that were under way at once explains what was
answered. What was under way at the same moment may have been done in either order, and what was not answered may have been done or
not; neither is a finding.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from ..checks.findings import Finding
from ..profile.statuses import status_text
from .facts import Fact, Subscription

__all__ = ["History", "Subscription", "Violation", "judge"]

SCHEDULED, CLAIMED, FINAL = "SCHEDULED", "IN PROGRESS", ("COMPLETED", "CANCELED")
ALREADY, DUPLICATE = 0xC302, 0x0111  # it is IN PROGRESS by this Transaction UID; a UPS with this UID exists
BUSY = (0x0213, 0xA700)  # resource limitation: a system may say that it has enough to do [PS3.7 C.5.22; PS3.4 B.2.3]
KEPT_QUERIES = 20_000
SILENCE = 30.0  # seconds without a report, after which none is under way any more
COMING = 2.0  # seconds since the last one, within which more are to come


@dataclass(frozen=True)
class Violation:
    """What cannot have been right.

    Parameters
    ----------
    requirement : str
        The requirement that was not met.
    workitem : str
        SOP Instance UID of the UPS.
    finding : Finding
        Expected and received.
    facts : tuple of Fact
        What was seen of it, in the order in which it began.
    """

    requirement: str
    workitem: str
    finding: Finding
    facts: tuple[Fact, ...] = ()


def judge(facts: Iterable[Fact], queries: Iterable[Fact] = (), subscriptions: Sequence[Subscription] = ()) -> list[Violation]:
    """Judge the history of one workitem that has ended, and about which nothing is under way any more.

    Parameters
    ----------
    facts : iterable of Fact
        All that was seen of it.
    queries : iterable of Fact
        Queries of that time.
    subscriptions : sequence of Subscription
        Who was subscribed to all UPS.
    """
    one = _Workitem(sorted(facts, key=lambda fact: fact.began))
    found = [
        *one.claims(),
        *one.ends(),
        *one.updates(),
        *one.looks(),
        *one.queries(queries),
        *(violation for subscription in subscriptions for violation in one.reports(subscription)),
    ]
    return [Violation(requirement, one.uid, finding, tuple(one.facts)) for requirement, finding in found]


Found = Iterator[tuple[str, Finding]]


@dataclass(frozen=True)
class _Owed:
    """What is to be reported: its name in the reports, the requirement, and the request that caused it."""

    name: str
    requirement: str
    cause: Fact


class _Workitem:
    """The history of a workitem, by what it is about."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = facts
        self.uid = next((fact.workitem for fact in facts), "")
        self._of: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._of[fact.kind].append(fact)
        self.granted = [*self._granted()]
        self.finals = [fact for fact in self._of["end"] if fact.done and fact.state in FINAL]
        self.created = next(self._confirmed("create", DUPLICATE), None)

    def _confirmed(self, kind: str, already: int) -> Iterator[Fact]:
        """Yield what was done: answered with success, or, when the answer was lost and the request repeated, as done already."""
        for fact in self._of[kind]:
            lost = [one for one in self._unanswered(kind) if one.transaction == fact.transaction and one.began < fact.began]
            if fact.done or (fact.status == already and lost):
                yield replace(fact, began=min(one.began for one in (fact, *lost)))

    def _granted(self) -> Iterator[Fact]:
        """Yield the claims that were granted, each once."""
        seen: set[str] = set()
        for fact in self._confirmed("claim", ALREADY):
            if fact.transaction not in seen:
                yield fact
            seen.add(fact.transaction)

    def _unanswered(self, kind: str) -> list[Fact]:
        return [fact for fact in self._of[kind] if fact.status is None]

    @property
    def lock(self) -> str:
        """The Transaction UID of the claim, if one was granted."""
        return self.granted[0].transaction if self.granted else ""

    @property
    def _uncertain(self) -> bool:
        """Whether a claim was not answered, nor repeated until it was, so that nobody knows who holds the lock."""
        return any(
            not any(
                one.status is not None and one.transaction == lost.transaction and lost.ended < one.ended
                for one in self._of["claim"]
            )
            for lost in self._unanswered("claim")
        )

    def claims(self) -> Found:
        """One winner, and somebody wins."""
        winners = {fact.transaction: fact for fact in self.granted}
        if len(winners) > 1:
            several = "; ".join(f"{fact.who} at {_clock(fact.ended)}" for fact in winners.values())
            yield "RO60-TMS-015", Finding("one claim is granted", f"{len(winners)} were: {several}")
        if self._uncertain:
            return
        for fact in self._of["claim"]:
            rivals = [one for one in self._unanswered("claim") if one.transaction != fact.transaction]
            taken = any(other.began < fact.ended for other in (*self.granted, *rivals, *self._of["end"], *self._others()))
            available = self.created is not None and self.created.ended < fact.began
            if fact.status is not None and not fact.done and not taken and available and fact.status not in BUSY:
                yield "RO60-TMS-001", Finding("the claim of a workitem that nobody has claimed is granted", _answer(fact))

    def _others(self) -> list[Fact]:
        """Requests that may have ended it before a claim: to cancel it."""
        return [fact for fact in self._of["other"] if fact.workitem]

    def ends(self) -> Found:
        """One final state; and who holds the lock can reach it."""
        states = {fact.state: fact for fact in self.finals}
        if len(states) > 1:
            yield "CC21-TMS-006", Finding("one final state", f"both were granted: {_list(states.values())}")
        for fact in self._of["end"]:
            if fact.done and self.lock and fact.transaction != self.lock and not self._uncertain and len(self.granted) == 1:
                yield "RO65-TMS-010", Finding("refused: the Transaction UID is not that of the claim", _answer(fact))

    def updates(self) -> Found:
        """The lock holds: it keeps out others, and lets in who has it."""
        if not self.lock or self._uncertain or len(self.granted) != 1:
            return
        claim = self.granted[0]
        over = min((fact.began for fact in self._of["end"]), default=float("inf"))
        for fact in self._of["set"]:
            if fact.began < claim.ended or fact.status is None:
                continue
            if fact.done and fact.transaction != self.lock:
                refused = "refused: the Transaction UID is not that of the claim"
                yield "RO62-TMS-005", Finding(refused, f"{fact.who}: {_answer(fact)}")
            elif not fact.done and fact.transaction == self.lock and fact.ended < over and fact.status not in BUSY:
                yield "RO62-TMS-002", Finding("the update of the one who holds the lock is accepted", _answer(fact))

    def looks(self) -> Found:
        """What was answered is what is shown from then on, and what is shown does not go back."""
        for fact in self._of["get"]:
            if fact.done and fact.state:
                yield from self._look(fact)
            elif fact.status is not None and not fact.done and self._there(fact) and fact.status not in BUSY:
                yield "CC27-TMS-012", Finding("shown: it was created, and has not ended", _answer(fact))

    def _there(self, look: Fact) -> bool:
        created = [*([self.created] if self.created is not None else []), *self.granted]
        return any(fact.ended < look.began for fact in created) and all(
            look.ended < fact.began for fact in (*self._of["end"], *self._others())
        )

    def _look(self, look: Fact) -> Found:
        ended = next((fact for fact in self.finals if fact.ended < look.began), None)
        claimed = next((fact for fact in self.granted if fact.ended < look.began), None)
        unclaimed = self._of["claim"] and all(look.ended < fact.began for fact in self._of["claim"])
        shown = (fact for fact in self._of["get"] if fact.done and fact.state and fact.ended < look.began)
        before = next((fact for fact in shown if _rank(fact.state) > _rank(look.state)), None)
        if ended is not None and len({fact.state for fact in self.finals}) == 1 and look.state != ended.state:
            yield "CC27-TMS-015", Finding(f"{ended.state}: answered with success before", look.state)
        elif claimed is not None and look.state == SCHEDULED:
            yield "CC27-TMS-015", Finding(f"{CLAIMED}: the claim was granted before", look.state)
        elif unclaimed and look.state == CLAIMED:
            yield "CC27-TMS-015", Finding(f"{SCHEDULED}: nobody had claimed it", look.state)
        elif before is not None:
            yield "CC27-TMS-015", Finding(f"no state that goes back: {before.state} was shown before", look.state)
        if (expected := self._progress(look)) is not None and look.progress != expected:
            yield "RO62-TMS-003", Finding(f"progress {expected}: set before", f"progress {look.progress or 'none'}")

    def _progress(self, look: Fact) -> str | None:
        """Return the progress that a look must show; ``None`` where it may be one of several."""
        changes = [fact for fact in self._of["set"] if fact.progress and fact.began < look.ended]
        certain = [fact for fact in changes if fact.done and fact.ended < look.began]
        if not certain or any(f.done and f.ended >= look.began for f in changes):
            return None
        last = max(certain, key=lambda fact: fact.ended)
        if any(f.status is None and f.progress != last.progress for f in changes):
            return None  # done, or not, or late; if it was repeated and answered, it is the same whichever
        overlapping = any(fact is not last and fact.ended > last.began for fact in certain)
        return None if overlapping or not (look.progress or look.state) else last.progress

    def queries(self, queries: Iterable[Fact]) -> Found:
        """What is there is found, once, and what was claimed is no longer found as scheduled."""
        attempts = (*self._of["claim"], *self._of["end"], *self._others())
        first = min((fact.began for fact in attempts), default=float("inf"))
        claimed = min((fact.ended for fact in self.granted), default=float("inf"))
        for query in queries:
            if not query.done or query.state != SCHEDULED:
                continue
            count = query.found.count(self.uid)
            if count > 1:
                yield "CC28-TMS-052", Finding("found once", f"found {count} times {_by(query)}")
            if count and claimed < query.began:
                expected = f"no longer found as {SCHEDULED}: claimed by {_clock(claimed)}"
                yield "RO60-TMS-007", Finding(expected, f"found {_by(query)}")
            made = self.created
            if count or made is None or made.ended >= query.began or query.ended >= first:
                continue
            if _asks_for(query, made):
                expected = f"found: it was created by {_clock(made.ended)}, and nobody had claimed it"
                yield "CC25-TMS-027", Finding(expected, f"not found {_by(query)}")

    def reports(self, subscription: Subscription) -> Found:
        """Each change is reported once, in its order, to who is subscribed to all UPS."""
        came = sorted((f for f in self._of["report"] if f.who == subscription.receiver), key=lambda fact: fact.began)
        owed = [one for one in self._owed() if subscription.owes(one.cause)]
        names = [fact.reported for fact in came]
        to, counts = subscription.receiver, Counter(names)
        for one in owed:
            if not counts[one.name]:
                yield one.requirement, Finding(f"{one.name} is reported to {to}", "no such event report")
            # A change of readiness is a state report too, with the same state: only SCHEDULED has those here.
            elif counts[one.name] > 1 and one.name != SCHEDULED and not self._repeated(one.name):
                yield "CC23-TMS-045", Finding(f"{one.name} is reported to {to} once", f"{counts[one.name]} times")
        places = {one.name: names.index(one.name) for one in owed if counts[one.name]}
        for earlier, later in pairwise(one for one in owed if one.name in places):
            if places[later.name] < places[earlier.name] and earlier.cause.ended < later.cause.began:
                expected = f"{earlier.name} is reported to {to} before {later.name}, as it happened"
                yield "CC24-TMS-012", Finding(expected, " then ".join(names))

    def _repeated(self, name: str) -> bool:
        """Whether a progress was set more than once, or a request about it was not answered and may have been repeated."""
        same = [fact for fact in self._of["set"] if f"progress {fact.progress}" == name]
        return len(same) > 1 or any(fact.status is None for fact in (*same, *self._of["end"], *self._of["claim"]))

    def _owed(self) -> list[_Owed]:
        """Return what was answered with success and is to be reported, in the order in which it happened."""
        owed = []
        if self.created is not None:
            owed.append(_Owed(SCHEDULED, "CC24-TMS-001", self.created))
        if len(self.granted) == 1:
            owed.append(_Owed(CLAIMED, "CC24-TMS-002", self.granted[0]))
        if len({fact.state for fact in self.finals}) == 1:
            owed.append(_Owed(self.finals[0].state, "CC24-TMS-002", self.finals[0]))
        previous = ""
        for fact in self._of["set"]:
            if fact.done and fact.progress and fact.progress != previous and fact.transaction == self.lock:
                previous = fact.progress
                owed.append(_Owed(f"progress {fact.progress}", "CC24-TMS-007", fact))
        return sorted(owed, key=lambda one: one.cause.began)


def _rank(state: str) -> int:
    return 0 if state == SCHEDULED else 1 if state == CLAIMED else 2


def _asks_for(query: Fact, created: Fact) -> bool:
    """Whether a query asks for the station and the day of what was created."""
    first, _, last = query.start.partition("-")
    day = created.start[:8]
    return query.station in ("", created.station) and first[:8] <= day <= (last[:8] or day)


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%H:%M:%S.%f}"[:-3]


def _by(query: Fact) -> str:
    return f"by {query.who}, which asked at {_clock(query.began)} and had its answer at {_clock(query.ended)}"


def _answer(fact: Fact) -> str:
    return f"{status_text(fact.status)} at {_clock(fact.ended)}"


def _list(facts: Iterable[Fact]) -> str:
    return "; ".join(f"{fact.state} to {fact.who} at {_clock(fact.ended)}" for fact in facts)


@dataclass
class History:
    """Gathers what users saw, and judges each workitem some time after its end.

    A workitem is judged when all who are subscribed have caught up: they got a report of something later. A system, and the
    computer of these users, may be slow.

    Parameters
    ----------
    settle : float
        How long after that its reports may come, in seconds.
    """

    settle: float = 10.0
    restarts: list[tuple[float, float]] = field(default_factory=list)  # of the TMS: when each began and ended
    judged: int = 0
    violations: list[Violation] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    _open: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    _ended: dict[str, float] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)
    _queries: deque[Fact] = field(default_factory=lambda: deque(maxlen=KEPT_QUERIES))
    _subscriptions: list[Subscription] = field(default_factory=list)
    _begun: dict[str, float] = field(default_factory=dict)  # when an open workitem was claimed, or else created
    _heard: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # when reports came to a receiver
    _last: dict[str, float] = field(default_factory=dict)  # when the last of these came
    _caught_up: dict[str, float] = field(default_factory=dict)  # until when a receiver has reports
    _quiet: dict[str, float] = field(default_factory=dict)  # since when all have caught up with an ended workitem

    @property
    def open(self) -> int:
        """How many workitems are not judged yet."""
        return len(self._open)

    @property
    def treated(self) -> int:
        """How many workitems have ended."""
        return self.judged + len(self._ended)

    def add(self, fact: Fact) -> None:
        """Take a fact; in any order."""
        if fact.kind == "report":
            self._heard[fact.who].append(fact.began)
            self._last[fact.who] = max(fact.began, self._last.get(fact.who, 0.0))
        if fact.kind == "query":
            self._queries.append(fact)
        elif fact.kind in ("subscribe", "unsubscribe"):
            self._subscribe(fact)
        elif fact.workitem and fact.workitem not in self._over:
            self._open[fact.workitem].append(fact)
            if fact.kind == "end" and fact.done:
                self._ended[fact.workitem] = max(fact.ended, self._ended.get(fact.workitem, 0.0))
            if fact.kind in ("create", "claim") and fact.done:
                self._begun[f"{fact.workitem} {CLAIMED if fact.kind == 'claim' else SCHEDULED}"] = fact.began
            if fact.kind == "report" and (began := self._begun.get(f"{fact.workitem} {fact.state}")) is not None:
                self._caught_up[fact.who] = max(began, self._caught_up.get(fact.who, 0.0))

    def _subscribe(self, fact: Fact) -> None:
        if fact.kind == "subscribe" and fact.done:
            self._subscriptions.append(Subscription(fact.who, fact.ended))
        elif fact.kind == "unsubscribe":
            # What was done shortly before the end may not be reported any more.
            until = fact.began - self.settle
            self._subscriptions = [
                replace(one, until=min(one.until, until)) if one.receiver == fact.who and one.since < fact.began else one
                for one in self._subscriptions
            ]

    def judge_ended(self, now: float) -> list[Violation]:
        """Judge what ended long enough ago, forget it, and return what cannot have been right."""
        receivers = [one.receiver for one in self._subscriptions if one.until == float("inf")]
        up_to = min((self._caught_up.get(receiver, 0.0) for receiver in receivers), default=float("inf"))
        for uid, ended in self._ended.items():
            if ended < up_to:
                self._quiet.setdefault(uid, now)
        ready = [uid for uid, since in self._quiet.items() if max(since, self._ended[uid]) + self.settle < now]
        found = [violation for uid in ready for violation in self._judge(uid)]
        oldest = min((facts[0].began for facts in self._open.values()), default=now)
        while self._queries and self._queries[0].ended < oldest - self.settle:
            self._queries.popleft()
        return found

    def judge_rest(self) -> list[Violation]:
        """Judge all that is left: what ended, with its reports, and what did not, without those that may be under way."""
        return [violation for uid in [*self._open] for violation in self._judge(uid)]

    def _judge(self, uid: str) -> list[Violation]:
        facts = self._open.pop(uid)
        self._quiet.pop(uid, None)
        done = self._ended.pop(uid, None) is not None
        self._over.add(uid)
        for state in (SCHEDULED, CLAIMED):
            self._begun.pop(f"{uid} {state}", None)
        self.judged += 1
        self.delays += delays(facts)
        ended = self._subscriptions if done else ()
        owed = [replace(one, until=self._until(one), lapses=self._lapses(one)) for one in ended]
        found = judge(facts, self._queries, owed)
        self.violations += found
        return found

    def behind(self) -> dict[str, float]:
        """Return who unsubscribed while reports still came, and until when what was done is judged for each."""
        return {one.receiver: self._until(one) for one in self._subscriptions if self._silent(one) < COMING}

    def _silent(self, subscription: Subscription) -> float:
        """Return how long nothing had come to a receiver when the end of its subscription was asked for."""
        return subscription.until + self.settle - self._last.get(subscription.receiver, 0.0)

    def _until(self, subscription: Subscription) -> float:
        """Return until when what was done should have been reported: a slow system has lost nothing that is still on its way."""
        if self._silent(subscription) > SILENCE:
            return subscription.until
        return min(subscription.until, self._caught_up.get(subscription.receiver, 0.0) - self.settle)

    def _lapses(self, subscription: Subscription) -> tuple[tuple[float, float], ...]:
        """Return when reports to a receiver may have been lost: a TMS need not keep them, nor subscriptions [CC.2.4.3]."""
        heard = self._heard[subscription.receiver]
        return tuple(
            (began - self.settle, min((time for time in heard if time > ended), default=float("inf")))
            for began, ended in self.restarts
        )


def delays(facts: Iterable[Fact]) -> list[float]:
    """Return how long after the request that caused them event reports came, in seconds."""
    facts = list(facts)
    causes: dict[str, float] = {}
    for fact in facts:
        if fact.done and fact.kind in ("claim", "end"):
            causes[fact.state] = fact.began
        elif fact.done and fact.kind == "set" and fact.progress:
            causes.setdefault(f"progress {fact.progress}", fact.began)
        elif fact.done and fact.kind == "create":
            causes[SCHEDULED] = fact.began
    names = ((fact.reported, fact.began) for fact in facts if fact.kind == "report")
    return [came - causes[name] for name, came in names if name in causes]

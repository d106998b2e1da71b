"""How many workitems the tests of a run need, and what fewer will judge: from what each test says that it does to one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .supply import Use

__all__ = ["Consumer", "Plan", "Planned", "planned"]

NEW, CONTINUATION = "TREATMENT", "CONTINUATION"


@dataclass(frozen=True)
class Consumer:
    """Who takes a workitem: a test, or what several tests share.

    Parameters
    ----------
    use : Use
        What is done to it.
    key : str
        The same for all who share what is done; it is done once.
    start : str
        Treatment Delivery Type that it has to have; empty: any.
    """

    use: Use
    key: str
    start: str = ""


@dataclass(frozen=True)
class Planned:
    """A test of the run.

    Parameters
    ----------
    requirement : str
        What it judges.
    consumers : tuple of Consumer
        What it takes.
    creates : bool
        Whether it needs a workitem that is created at that moment.
    """

    requirement: str
    consumers: tuple[Consumer, ...] = ()
    creates: bool = False


@dataclass
class _Stock:
    """What is there: SCHEDULED by start, and IN PROGRESS."""

    scheduled: dict[str, int]
    free: int = 0
    taken: dict[str, int] = field(default_factory=lambda: {NEW: 0, CONTINUATION: 0})
    looked_at: set[str] = field(default_factory=set)
    done: dict[str, bool] = field(default_factory=dict)

    def serve(self, consumer: Consumer) -> bool:
        """Whether there is one for a consumer; the second time, as the first."""
        if consumer.key not in self.done:
            self.done[consumer.key] = self._serve(consumer)
        return self.done[consumer.key]

    def _serve(self, consumer: Consumer) -> bool:
        if consumer.use in (Use.LOOKS, Use.IS_REFUSED):
            start = consumer.start or NEW
            if start not in self.looked_at and self.scheduled[start] + self.taken[start] > 0:
                self.looked_at.add(start)
            return start in self.looked_at
        if consumer.use is not Use.CLAIMS and not consumer.start and self.free:
            self.free -= 1
            return True
        for start in [consumer.start] if consumer.start else [NEW, CONTINUATION]:
            if self.scheduled[start]:
                self.scheduled[start] -= 1
                self.taken[start] += 1
                self.free += consumer.use is Use.CLAIMS
                return True
        return False


@dataclass(frozen=True)
class Plan:
    """What so many workitems judge.

    Parameters
    ----------
    new, continuations : int
        How many there are.
    judged : frozenset of str
        Requirements that are judged.
    all : frozenset of str
        Those that the tests of the run are about and that need no workitem created at a moment that we choose.
    """

    new: int
    continuations: int
    judged: frozenset[str]
    all: frozenset[str]

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.new} new, {self.continuations} continuations: {len(self.judged)} of {len(self.all)} requirements"


def planned(tests: Iterable[Planned], new: int, continuations: int) -> Plan:
    """Return what the tests of a run, in their order, judge with so many workitems."""
    tests = [test for test in tests if not test.creates]
    stock = _Stock({NEW: new, CONTINUATION: continuations})
    served = [(test.requirement, [stock.serve(consumer) for consumer in test.consumers]) for test in tests]
    judged = [requirement for requirement, each in served if all(each)]
    return Plan(new, continuations, frozenset(judged), frozenset(test.requirement for test in tests))


def needed(tests: Sequence[Planned]) -> Plan:
    """Return the plan of as many workitems as the tests of a run can use, and no more."""
    many = 10 * len(tests) + 10
    stock = _Stock({NEW: many, CONTINUATION: many})
    for test in tests:
        for consumer in test.consumers if not test.creates else ():
            stock.serve(consumer)
    counts = {start: max(stock.taken[start], int(start in stock.looked_at)) for start in (NEW, CONTINUATION)}
    return planned(tests, counts[NEW], counts[CONTINUATION])


def table(tests: Sequence[Planned]) -> list[Plan]:
    """Return the plans of some numbers of workitems, up to as many as are needed."""
    most = needed(tests)
    steps = [(0, 0), (1, 0), (2, 1), (8, 4)]
    fewer = [(new, more) for new, more in steps if new < most.new and more <= most.continuations]
    return [*(planned(tests, new, more) for new, more in fewer), most]

"""How many workitems the tests of a run need, and what fewer will judge: the run is rehearsed with the supply that it will have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ..scu.treatment_session import TreatmentSession
from ..treatment.scenarios import STARTS
from .kept import FINAL, Kept, Kit
from .outcomes import NotJudged
from .supply import Need, Supply, Use

__all__ = ["Asking", "Consumer", "Plan", "Planned", "needed", "planned", "table"]

NEW, CONTINUATION = STARTS


@dataclass(frozen=True)
class Asking:
    """What is asked of the supply once.

    Parameters
    ----------
    need : Need
        For what.
    new : bool
        Whether the workitem has to be made at that moment.
    ions : bool
        Whether it has to be of an ion treatment.
    another : bool
        Whether it is another one than those that are looked at, and stays where it is.
    once : str
        What is done once for all who ask for the same, in the whole run; empty: it is done each time.
    sets : frozenset of str
        Keywords of attributes that are changed in it.
    """

    need: Need
    new: bool = False
    ions: bool = False
    another: bool = False
    once: str = ""
    sets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Consumer:
    """Who asks: a test, or a fixture that several tests share.

    Parameters
    ----------
    key : str
        The same for all who share it; it asks once.
    asks : tuple of Asking
        For what, in this order.
    """

    key: str
    asks: tuple[Asking, ...] = ()


@dataclass(frozen=True)
class Planned:
    """A test of the run.

    Parameters
    ----------
    requirement : str
        What it judges.
    consumers : tuple of Consumer
        Who asks for it, in this order.
    begins : callable
        Takes the supply: what is known when the test begins.
    """

    requirement: str
    consumers: tuple[Consumer, ...] = ()
    begins: Callable[[], None] = lambda: None

    @property
    def creates(self) -> bool:
        """Whether it needs a workitem that is made at a moment that we choose."""
        return any(asking.new for consumer in self.consumers for asking in consumer.asks)


@dataclass
class _Stock:
    """A source with so many workitems, of which nothing is known but their kind. The last new one is of ions."""

    new: int
    continuations: int
    makes_now: bool
    own: bool = True
    taken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, STARTS), 0))

    def __post_init__(self) -> None:
        self.left: dict[str, int] = {NEW: self.new, CONTINUATION: self.continuations}
        self.ions = self.new > 1

    def __call__(self, start: str, *, modality: str = "photon", patient_name: str = "") -> Any:
        """Take one."""
        if modality == "ion" and not self.ions:
            raise NotJudged("not judged: none of ions")
        if not self.left[start]:
            raise NotJudged("not judged: none left")
        if start == NEW and (modality == "ion" or self.left[NEW] == 1):
            self.ions = False
        self.left[start] -= 1
        self.taken[start] += 1
        return SimpleNamespace(uid=f"{start} {self.taken[start]}", start_type=start, facts={})

    def create(self, start: str, *, patient_name: str = "") -> Any:
        """Take one, if it can be made now."""
        if not self.makes_now:
            raise NotJudged("not judged: none is created now")
        return self(start)


class Rehearsal(Supply):
    """The supply of a run that is rehearsed: it hands out in the same way, and nobody is asked for anything.

    Parameters
    ----------
    new, continuations : int
        How many workitems there are.
    makes_now : bool
        Whether one can be made at a moment that a test chooses.
    """

    def __init__(self, new: int, continuations: int, *, makes_now: bool = False) -> None:
        self.stock = _Stock(new, continuations, makes_now)
        wire: Any = SimpleNamespace(transcript=[])
        source: Any = self.stock
        super().__init__(source, wire)
        self.kit = Kit([])
        self._served: dict[str, bool] = {}

    def serves(self, consumer: Consumer) -> bool:
        """Whether a consumer gets all that it asks for; the second time, as the first."""
        if consumer.key not in self._served:
            self._served[consumer.key] = all(self._once(asking) for asking in consumer.asks)
        return self._served[consumer.key]

    def _once(self, asking: Asking) -> bool:
        if asking.once and self._served.get(asking.once):
            return True
        try:
            self._hand_out(asking)
        except NotJudged:
            return False
        if asking.once:
            self._served[asking.once] = True
        return True

    def _hand_out(self, asking: Asking) -> None:
        need = asking.need
        if asking.another:
            others = [kept for kept in self.kit.usable("SCHEDULED") if not kept.changed]
            if len([kept for kept in others if kept.workitem.start_type == (need.start or NEW)]) < 2:
                self._one_that_stays(need.start or NEW)
            return
        if asking.ions:
            if not any(kept.role == "of ions" for kept in self.kit.usable("SCHEDULED")):
                self.kit.add(self.source(NEW, modality="ion")).role = "of ions"
            return
        if asking.new:
            kept = self.kit.add(self.source.create(NEW))
            kept.held = True
            if need.state != "SCHEDULED":
                self._claim(kept)
        else:
            kept = self.hand_out(need)
        kept.changed |= asking.sets
        if need.use is Use.CLAIMS:
            kept.state, kept.lock = "IN PROGRESS", kept.lock or "claimed"
        elif need.use is Use.ENDS:
            kept.state, kept.lock = FINAL[0], kept.lock or "claimed"

    def _one_that_stays(self, start: str) -> None:
        if not self.stock.left[start]:
            raise NotJudged("not judged: none left")

    def _claim(self, kept: Kept) -> TreatmentSession:
        kept.state, kept.lock = "IN PROGRESS", "claimed"
        return self._session(kept.workitem)

    def _ended(self, need: Need) -> Kept:
        kept = self._bring(Need(Use.ENDS, "IN PROGRESS", need.start))
        kept.state = need.state
        return kept


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
        Those that the tests of the run are about; of what needs a workitem made at a moment that we choose, if that is possible.
    taken : dict of str to int
        How many are taken, by Treatment Delivery Type.
    tests : int
        How many tests have what they need.
    """

    new: int
    continuations: int
    judged: frozenset[str]
    all: frozenset[str]
    taken: dict[str, int]
    tests: int

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.new} new, {self.continuations} continuations: {len(self.judged)} of {len(self.all)} requirements"


Rehearse = Callable[[Rehearsal], None]  # tells who watches over the run that this is its supply


def planned(
    tests: Iterable[Planned], new: int, continuations: int, *, makes_now: bool = False, watch: Rehearse = lambda supply: None
) -> Plan:
    """Return what the tests of a run, in their order, judge with so many workitems.

    Parameters
    ----------
    tests : iterable of Planned
        The tests.
    new, continuations : int
        How many workitems there are.
    makes_now : bool
        Whether one can be made at a moment that a test chooses.
    watch : callable
        Takes the supply before the first test: what it is to know of those that are to come.
    """
    supply = Rehearsal(new, continuations, makes_now=makes_now)
    watch(supply)
    judged, every, served = set[str](), set[str](), 0
    for test in tests:
        test.begins()
        if test.creates and not makes_now:
            continue
        every.add(test.requirement)
        if all(supply.serves(consumer) for consumer in test.consumers):
            judged.add(test.requirement)
            served += 1
    return Plan(new, continuations, frozenset(judged), frozenset(every), dict(supply.stock.taken), served)


def needed(tests: Sequence[Planned], *, makes_now: bool = False, watch: Rehearse = lambda supply: None) -> Plan:
    """Return the plan of the fewest workitems that judge as much as any number does.

    Where there are more, tests that could use the workitem of another take one for themselves: so fewer are tried.
    """
    many = 10 * len(tests) + 10
    best = planned(tests, many, many, makes_now=makes_now, watch=watch)

    def enough(new: int, continuations: int) -> Plan | None:
        plan = planned(tests, new, continuations, makes_now=makes_now, watch=watch)
        return plan if plan.tests >= best.tests else None

    def fewest(most: int, of: Callable[[int], Plan | None]) -> int:
        least = 0
        while least < most:
            middle = (least + most) // 2
            least, most = (least, middle) if of(middle) else (middle + 1, most)
        return most

    continuations = fewest(best.taken[CONTINUATION], lambda number: enough(best.taken[NEW], number))
    new = fewest(best.taken[NEW], lambda number: enough(number, continuations))
    return planned(tests, new, continuations, makes_now=makes_now, watch=watch)


def table(tests: Sequence[Planned], *, makes_now: bool = False, watch: Rehearse = lambda supply: None) -> list[Plan]:
    """Return the plans of some numbers of workitems, up to as many as are needed."""
    most = needed(tests, makes_now=makes_now, watch=watch)
    steps = [(0, 0), (1, 0), (2, 1), (8, 4), (20, 4)]
    fewer = [(new, more) for new, more in steps if new < most.new and more <= most.continuations]
    return [*(planned(tests, new, more, makes_now=makes_now, watch=watch) for new, more in fewer), most]

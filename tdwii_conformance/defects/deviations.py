"""What a named deviation of a simulator is: a defect, which breaks requirements, or a variation, which breaks none."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

__all__ = ["Defect", "Deviation", "OwnWorkitems", "Rows", "UnknownDeviation", "Variation", "find", "install"]

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

VERSION_NAME = 16  # characters of an Implementation Version Name [PS3.7 D.3.3.2.4]


class UnknownDeviation(ValueError):
    """No defect or variation has this name; the message has the nearest ones."""


@dataclass(frozen=True)
class Deviation:
    """A single, deliberate deviation of a conformant simulator. Several can be installed in one.

    Parameters
    ----------
    name : str
        What it is called on command lines: lower case words with hyphens.
    sentence : str
        What the system does, as a person would say it.
    actor : {"TMS", "OST", "TDD", "watcher"}
        Whose simulator it is for.
    apply : callable
        Given the simulator, before its start, replaces or wraps one seam of it.
    own : OwnWorkitems or None
        What the TMS has on its list, if it is one that takes no N-CREATE.
    """

    name: str
    sentence: str
    actor: str
    apply: Callable[[Any], None]
    own: OwnWorkitems | None = field(default=None, kw_only=True)

    kind = "deviation"

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Options that a system that is like this does not have."""
        return ("push",) if self.own else ()


@dataclass(frozen=True)
class Defect(Deviation):
    """A deviation that no conformant system shows.

    Parameters
    ----------
    requirements : tuple of str
        What it violates: the tests of these, and no others, fail.
    """

    requirements: tuple[str, ...] = ()

    kind = "defect"


@dataclass(frozen=True)
class OwnWorkitems:
    """The workitems that a simulated TMS has made itself.

    Parameters
    ----------
    new, continuations : int
        How many.
    start : callable
        Makes of a moment when one starts.
    on_demand : bool
        Whether a command schedules more when a test needs them, and cancels or moves them.
    """

    new: int
    continuations: int
    start: Callable[[datetime], datetime] = lambda moment: moment
    on_demand: bool = False


@dataclass(frozen=True)
class Variation(Deviation):
    """A deviation that a conformant system may show: no verdict fails.

    Parameters
    ----------
    source : str
        What allows it: a section, or an entry of the reference such as ``A16``.
    unsupported : tuple of str
        Options that a vendor whose system is like this does not claim.
    """

    source: str = ""
    unsupported: tuple[str, ...] = ()

    kind = "variation"


D = TypeVar("D", bound=Deviation)


class Rows(Generic[D]):
    """The deviations of one module. A decorator, so that what is violated stands above the function that does it.

    Parameters
    ----------
    make : callable
        Makes the deviation, or several of them, of a row: name, sentence, function, requirements or source, and more.

    Examples
    --------
    ::

        defect = Rows(of_tms)

        @defect("claim-race", "Grants both of two simultaneous claims", "RO60-TMS-015", given=("change_state",))
        def _race(method, tms): ...

        @defect.rows
        def _one_for_each_attribute():
            for keyword in KEPT:
                yield of_tms(f"loses-{keyword}", f"Loses {keyword}", partial(_lose, keyword), "CC25-TMS-003")
    """

    def __init__(self, make: Callable[..., D | Iterable[D]]) -> None:
        self._make = make
        self._sources: list[Callable[[], Iterable[D]]] = []

    def __call__(
        self,
        name: str,
        sentence: str,
        *what: Any,
        given: tuple[Any, ...] = (),
        named: Mapping[str, Any] | None = None,
        through: Callable[..., Any] | None = None,
        **more: Any,
    ) -> Callable[[F], F]:
        """Take a row for the function below.

        Parameters
        ----------
        name, sentence : str
            As in `Deviation`.
        *what : object
            What it violates, or what allows it.
        given, named : tuple, mapping
            Arguments of the function before the simulator.
        through : callable, optional
            What lets the function act: it is given the function and the simulator.
        **more : object
            For the one who makes the deviation.
        """

        def take(function: F) -> F:
            apply: Callable[..., Any] = (
                partial(function, *given, **named) if named else partial(function, *given) if given else function
            )
            if through is not None:
                apply = partial(through, apply)

            def made() -> Iterable[D]:
                found = self._make(name, sentence, apply, *what, **more)
                return [found] if isinstance(found, Deviation) else found

            self._sources.append(made)
            return function

        return take

    def rows(self, several: Callable[[], Iterable[D]]) -> Callable[[], Iterable[D]]:
        """Take a function that yields deviations, one for each row of a table."""
        self._sources.append(several)
        return several

    def __iter__(self) -> Iterator[D]:
        for source in self._sources:
            yield from source()


def find(known: Mapping[str, Deviation], names: Iterable[str]) -> list[Deviation]:
    """Return the deviations with these names.

    Raises
    ------
    UnknownDeviation
        For a name that none has.
    """
    found = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            hint = f"; the nearest are {', '.join(near)}" if near else ""
            raise UnknownDeviation(f"no defect or variation is called {name!r}{hint}")
        found.append(known[name])
    return found


def install(simulator: Any, deviations: Iterable[Deviation]) -> None:
    """Install deviations in a simulator that has not been started; from then on it says so.

    Raises
    ------
    UnknownDeviation
        For a deviation of another actor.
    """
    chosen = list(deviations)
    for deviation in chosen:
        if deviation.actor != simulator.actor:
            raise UnknownDeviation(f"{deviation.name} is for the simulated {deviation.actor}, this is the {simulator.actor}")
    for deviation in chosen:
        deviation.apply(simulator)
    if chosen:
        _say_so(simulator, chosen)


def _say_so(simulator: Any, deviations: list[Deviation]) -> None:
    simulator.call_itself(version_name(deviations))
    start = simulator.start

    def announced() -> Any:
        for deviation in deviations:
            log.warning("the simulated %s has the %s %s: %s", deviation.actor, deviation.kind, deviation.name, deviation.sentence)
        return start()

    simulator.start = announced


def version_name(deviations: list[Deviation]) -> str:
    """Return the Implementation Version Name of a simulator with deviations: peers see that it is no conformant one."""
    kinds = "DEFECT" if any(isinstance(d, Defect) for d in deviations) else "VARIATION"
    what = deviations[0].name if len(deviations) == 1 else f"{len(deviations)} of them"
    return f"{kinds} {what}"[:VERSION_NAME].rstrip()

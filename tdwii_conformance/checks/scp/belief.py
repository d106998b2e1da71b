"""What can be known of a workitem from what was seen of it: the states that it may be in, who may hold it, what it has.

A record does not show everything. A workitem is known from the moment when it is created or shown; where somebody who was not
recorded may have changed it since, every state that this can have led to is possible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from pydicom.dataelem import DataElement

from ...profile.ups_tables import NO_UPS, STATES
from ...transcript.exchange import Exchange

__all__ = ["ANY", "EVERY", "FINAL", "IN_PROGRESS", "SCHEDULED", "Known", "Workitem", "World", "begun", "over"]

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = STATES
FINAL = (COMPLETED, CANCELED)
ANY = "*"  # a lock that was not seen
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class World(NamedTuple):
    """One way in which a workitem can be: its state, `NO_UPS` if there is none, and the lock; `ANY` if that was not seen."""

    state: str
    lock: str = ""


EVERY = frozenset({World(NO_UPS), World(SCHEDULED), *(World(state, ANY) for state in STATES[1:])})


@dataclass(frozen=True)
class Known:
    """What is known of an attribute.

    Parameters
    ----------
    element : DataElement or None
        Its value; ``None`` if it was shown not to be there.
    how : {"created", "set", "shown"}
        By an N-CREATE, by an N-SET, or by an answer.
    since : int
        Number of requests about the workitem that came before.
    exchange : Exchange
        The source.
    """

    element: DataElement | None
    how: Literal["created", "set", "shown"]
    since: int
    exchange: Exchange


def begun(exchange: Exchange) -> datetime:
    """Return when a request was seen."""
    return exchange.request.time


def over(exchange: Exchange) -> datetime:
    """Return when the last of an exchange was seen."""
    return exchange.response.time if exchange.response is not None else exchange.request.time


class Workitem:
    """A workitem as the record shows it so far.

    Parameters
    ----------
    uid : str
        SOP Instance UID.
    complete : bool
        Whether nobody changes workitems who is not in the record.

    Attributes
    ----------
    worlds : frozenset of World
        The ways in which it can be, by what was seen.
    known : dict of str to Known
        Its attributes, by keyword.
    requests : list of (Exchange, tuple of str)
        The requests about it, and the requirements that say how they are answered.
    firm_since : int or None
        Since which request nobody who was not seen can have changed it; ``None``: somebody can.
    """

    def __init__(self, uid: str, complete: bool) -> None:
        self.uid, self.complete = uid, complete
        self.worlds: frozenset[World] = EVERY
        self.known: dict[str, Known] = {}
        self.requests: list[tuple[Exchange, tuple[str, ...]]] = []
        self.firm_since: int | None = None
        self._timeline: list[tuple[datetime, frozenset[World]]] = [(LONG_AGO, EVERY)]

    @property
    def seen(self) -> bool:
        """Whether anything is known of it."""
        return self.worlds != EVERY

    def become(self, worlds: Iterable[World], time: datetime) -> None:
        """Take what it can be from now on."""
        self.worlds = frozenset(worlds)
        self._timeline.append((time, self.worlds))
        firm = self.complete or all(world.lock not in ("", ANY) for world in self.worlds)
        if firm and self.seen and self.firm_since is None:
            self.firm_since = len(self.requests)
        elif not firm:
            self.firm_since = None

    def during(self, start: datetime, end: datetime) -> frozenset[World]:
        """Return how it can have been at any moment from `start` to `end`, as far as the record shows that."""
        found: frozenset[World] = EVERY
        for time, worlds in self._timeline:
            found = worlds if time <= start else found | worlds if time <= end else found
        return found

    def states_until(self, end: datetime) -> set[str]:
        """Return all states that it can have been in until a moment, since it is known."""
        seen = [worlds for time, worlds in self._timeline if time <= end and worlds != EVERY]
        return {state for worlds in seen for world in worlds for state in (world.state, *(w.state for w in self.hidden(world)))}

    def hidden(self, world: World) -> frozenset[World]:
        """Return what may have become of it meanwhile, unseen: it was deleted, or somebody claimed or ended it."""
        if world.state in FINAL:
            return frozenset({World(NO_UPS)})
        if self.complete or world.lock not in ("", ANY):
            return frozenset()
        later = frozenset({World(NO_UPS), *(World(state, ANY) for state in FINAL)})
        if world.state == IN_PROGRESS:
            return later
        return later | {World(IN_PROGRESS, ANY)} if world.state == SCHEDULED else EVERY

    def possible(self, worlds: Iterable[World]) -> frozenset[World]:
        """Return what it may be where it was seen to be one of these."""
        given = frozenset(worlds)
        return given.union(*(self.hidden(world) for world in given))

    def firm(self, known: Known) -> bool:
        """Whether what is known of an attribute holds still, as far as others are concerned."""
        return self.firm_since is not None and known.since >= self.firm_since

    def forget(self, keywords: Iterable[str]) -> None:
        """Know no more of these attributes."""
        for keyword in list(keywords):
            self.known.pop(keyword, None)

    def learn(self, elements: Iterable[DataElement], how: Literal["created", "set", "shown"], exchange: Exchange) -> None:
        """Take the values of attributes."""
        for element in elements:
            if element.keyword:
                self.known[element.keyword] = Known(element, how, len(self.requests), exchange)

"""A session: one scenario with one system under test, and what has arrived of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydicom.uid import UID

from ..transcript.exchange import Exchange
from ..transcript.observation import Association, Observation, ObservationWriter

if TYPE_CHECKING:
    from .partners import Partners
    from .worklist import Workitem

__all__ = ["Session"]


class Session:
    """One scenario of one system under way: what has arrived. A context manager; made by `Partners.session`.

    What is read here is read with ``partners.changed`` held.
    """

    def __init__(
        self, partners: Partners, ae_title: str, receiver: str, path: Path, facts: Mapping[str, str], workitems: Sequence[Workitem]
    ) -> None:
        self.partners, self.ae_title, self.receiver, self.workitems = partners, ae_title, receiver, list(workitems)
        self.exchanges: list[Exchange] = []
        self.associations: list[Association] = []
        self.said: list[str] = []
        self.nameless = 0  # connections to the partners that ended before the caller was known
        self.definite = False  # set by the trigger, when ``over`` is sure to come
        self.acting = False  # set by a trigger that is a process, as long as it runs
        self.over: str | None = None  # set by the trigger, when the system is known to do nothing more: why
        self.facts = facts
        self._writer = ObservationWriter(path, facts, [one for workitem in workitems for one in workitem.inputs])
        self._why_early: str | None = None
        self._awaited = ""
        self._callers = 0
        self._began = datetime.now().astimezone()

    def __enter__(self) -> Self:
        self._began = datetime.now().astimezone()
        self._callers = len(self.partners.attribution.callers)
        self._writer.__enter__()
        self.partners.attribution.begin(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.partners.end(self)
        if self._why_early is not None:
            self._writer.ended(self._why_early, self._awaited)
        self._writer.__exit__(kind, error, trace)

    @property
    def why_early(self) -> str:
        """Why nothing more is awaited; empty if the scenario came to its end, or goes on."""
        return self._why_early or ""

    @property
    def path(self) -> Path:
        """The transcript's file."""
        return self._writer.path

    @property
    def size(self) -> int:
        """How much has happened."""
        return len(self.exchanges) + len(self.associations) + len(self.said) + self.nameless

    def concerns(self, seen: Exchange | Association) -> bool:
        """Whether the session's system has called, or was called."""
        return seen.requestor == self.ae_title or seen.acceptor in (self.ae_title, self.receiver)

    def idle_from_before(self, seen: Association) -> bool:
        """Whether a partner opened an association to the system in an earlier session, and sent nothing on it in this one.

        How long it stays open after its last event report is for the partner to choose, and shows nothing of the system.
        """
        used = any((one.requestor, one.acceptor) == (seen.requestor, seen.acceptor) for one in self.exchanges)
        return seen.requestor != self.ae_title and seen.time < self._began and not used

    def take(self, seen: Exchange | Association) -> None:
        """Keep an exchange or association, and write it."""
        if isinstance(seen, Exchange):
            self.exchanges.append(seen)
            self._writer.exchange(seen)
        else:
            self.associations.append(seen)
            self._writer.association(seen)

    def say(self, line: str) -> None:
        """Take a line of the system, or about it, for the operator."""
        with self.partners.changed:
            self.said.append(line)
            self.partners.changed.notify_all()

    def finish(self, reason: str) -> None:
        """Record that the system does nothing more, and why; empty if it has done its part."""
        with self.partners.changed:
            if self.over is None:
                self.over = reason
            self.partners.changed.notify_all()

    def acted(self) -> None:
        """Record that the trigger, a process, has ended."""
        with self.partners.changed:
            self.acting = False
            self.partners.changed.notify_all()

    @property
    def done(self) -> int:
        """How many exchanges there were that say what the system does: its queries and its verification do not."""
        return sum(one.service not in ("C-FIND", "C-ECHO") for one in self.exchanges)

    def hints(self) -> list[str]:
        """Return what else was seen, for a reader who wonders why nothing was received."""
        own = (self.ae_title, self.receiver, self.partners.plan.tms.ae_title, self.partners.plan.ost.ae_title)
        strangers = dict.fromkeys(title for title in self.partners.attribution.callers[self._callers :] if title not in own)
        refused = dict.fromkeys(
            syntax
            for one in self.associations
            for syntax, _ in one.proposed
            if syntax not in one.accepted and one.requestor == self.ae_title
        )
        unreached = [one for one in self.associations if one.requestor != self.ae_title and "connection was refused" in one.ended]
        peer = self.partners.systems.get(self.receiver)
        return [
            *([f"{', '.join(strangers)} called, which is not {self.ae_title}"] if strangers else []),
            *([f"presentation contexts that were not accepted: {', '.join(UID(one).name for one in refused)}"] if refused else []),
            *([f"nobody listens at {peer.host}:{peer.port}, where {self.receiver} was called"] if unreached and peer else []),
        ]

    def ended(self, why_early: str, awaited: str = "") -> None:
        """Record why nothing more is awaited, and what was, to be written at the end."""
        self._why_early, self._awaited = why_early, awaited

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; return whether it is."""
        with self.partners.changed:
            return self.partners.changed.wait_for(condition, max(0.0, seconds))

    def wait_for_more(self, size: int, seconds: float) -> bool:
        """Wait until more than `size` has happened, or nothing more will; return whether."""
        return self.wait(lambda: self.size != size or self.over is not None, seconds)

    def observation(self) -> Observation:
        """Return what was observed, as its file has it."""
        with self.partners.changed:
            inputs = tuple(one for workitem in self.workitems for one in workitem.inputs)
            exchanges, associations = tuple(self.exchanges), tuple(self.associations)
            return Observation(self.facts, inputs, exchanges, associations, self._why_early or "", self._awaited)

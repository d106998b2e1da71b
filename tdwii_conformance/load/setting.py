"""What the processes of a run share: the systems, the clinic, who the users are. Handed on in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from ..dimse import Peer, Timeouts
from ..sut.config import load_system
from ..sut.description import SystemUnderTest
from ..treatment.messages import Code
from .clinic import Clinic
from .clock import Clock, epoch_of_now

__all__ = ["VARIABLE", "Setting"]

VARIABLE = "TDWII_LOAD"


@dataclass(frozen=True)
class Setting:
    """What the processes of a run share.

    Parameters
    ----------
    clinic : Clinic
        Who is there.
    system : str
        The description of the systems (TOML); empty for our own.
    tms, ost : tuple of str and int, or None
        AE title, host and port of our own.
    host : str
        Local address at which users listen.
    title : str
        How users are called, with ``{}`` for their number.
    port : int
        The first user listens at this port, the second at the next one; 0: nobody listens.
    first : int
        Number of the first user of this machine.
    evidence : str
        Folder for the exchanges of each process; empty: they are not kept.
    results : str
        File for what was found in the history; empty: it is not written.
    enough : int
        How many treatments end the run, before its time is up; 0: no number does.
    through : tuple of str and int, or None
        Host and port of a network with faults that leads to the TMS.
    restarts : str
        File in which restarts of the TMS are written down; empty: there are none.
    epoch : float
        What the `clock` counts from.
    """

    clinic: Clinic
    system: str = ""
    tms: tuple[str, str, int] | None = None
    ost: tuple[str, str, int] | None = None
    host: str = "127.0.0.1"
    title: str = "LOAD{}"
    port: int = 11200
    first: int = 1
    evidence: str = ""
    results: str = ""
    enough: int = 0
    through: tuple[str, int] | None = None
    restarts: str = ""
    epoch: float = field(default_factory=epoch_of_now)

    @cached_property
    def clock(self) -> Clock:
        """The time of the run; of all processes on this computer the same."""
        return Clock(self.epoch)

    @property
    def faulty(self) -> bool:
        """Whether requests may be lost on the way, so that they are repeated."""
        return self.through is not None or bool(self.restarts)

    def to_environment(self) -> dict[str, str]:
        """Return the environment of a process of the run."""
        return {VARIABLE: json.dumps(asdict(self) | {"clinic": self.clinic.model_dump()})}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return what `to_environment` wrote; raises KeyError outside a run."""
        said = json.loads(environment[VARIABLE])
        peers = {role: tuple(said[role]) if said[role] else None for role in ("tms", "ost", "through")}
        return cls(**said | peers | {"clinic": Clinic.model_validate(said["clinic"])})

    def on_the_way(self) -> tuple[Peer, Peer | None, Timeouts]:
        """Return TMS, OST and deadlines, the TMS as users reach it: over the network with faults, if there is one."""
        tms, ost, timeouts = self.described()
        if self.through is not None:
            tms = replace(tms, host=self.through[0], port=self.through[1])
        return tms, ost, timeouts

    def described(self) -> tuple[Peer, Peer | None, Timeouts]:
        """Return TMS, OST and deadlines."""
        if self.tms is not None:
            return Peer(*self.tms), Peer(*self.ost) if self.ost else None, Timeouts(message=10.0) if self.faulty else Timeouts()
        assert self._described.tms is not None  # looked at before the run
        return self._described.tms, self._described.ost, self._described.timeouts

    @cached_property
    def _described(self) -> SystemUnderTest:
        return load_system(Path(self.system))

    def station(self, number: int) -> Code:
        """Return a station by its number, from 0: one of ours, or, of a TMS that schedules by itself, the one described."""
        if not self.clinic.schedulers and self.system:
            return self._described.workitems.station
        which = number % self.clinic.stations + 1
        return Code(f"LOAD{which}", "99TDWII", f"Treatment machine {which}")

    def numbers(self, kind: str) -> range:
        """Return the numbers of the users of a kind: ``machines`` first, then ``watchers``, ``schedulers``, ``intruders``."""
        first = self.first
        for name in ("machines", "watchers", "schedulers", "intruders"):
            count = int(getattr(self.clinic, name))
            if name == kind:
                return range(first, first + count)
            first += count
        raise ValueError(kind)

    def users(self) -> dict[str, tuple[str, int]]:
        """Return host and port of each user that listens, by its AE title."""
        numbers = [*self.numbers("machines"), *self.numbers("watchers")]
        return {self.title.format(number): (self.host, self.port_of(number)) for number in numbers}

    def port_of(self, number: int) -> int:
        """Return the port at which the user of a number listens."""
        return self.port + number - self.first

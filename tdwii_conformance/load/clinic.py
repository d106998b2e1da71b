"""A clinic: who works with the systems, how fast, and what they do when they meet."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..sut.problems import ConfigError, near, problem, reason_of
from . import SHIPPED

__all__ = ["Clinic", "load_clinic"]

Seconds = Annotated[float, Field(ge=0, le=86400)]
Share = Annotated[float, Field(ge=0, le=1)]


class Clinic(BaseModel):
    """How many users there are, and what they do.

    Parameters
    ----------
    title : str
        One line for those who choose.
    machines : int
        TDDs.
    machines_of_a_station : int
        How many of them ask for the same station: with two, they compete for its workitems.
    watchers : int
        Systems that subscribe to all workitems.
    schedulers : int
        Systems that create workitems (N-CREATE); 0 for a TMS that schedules by itself.
    intruders : int
        Systems that try to change what another performs, and are to be refused.
    every : float
        How often a scheduler creates a workitem, in seconds.
    poll : float
        How long a TDD that found nothing waits before it asks again, in seconds.
    step : float
        How long a TDD takes between its requests, in seconds.
    intrude : float
        How often an intruder tries, in seconds.
    canceled : float
        Share of the treatments that end canceled after radiation.
    looks : float
        Share of the updates after which the TDD asks (N-GET) what is there now.
    backlog : int
        Schedulers pause while so many workitems wait.
    retrieve : bool
        Whether TDDs retrieve plan and instruction (RO-59, RO-61), where the systems know them as a move destination.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    machines: int = Field(default=2, ge=0, le=500)
    machines_of_a_station: int = Field(default=1, ge=1, le=50)
    watchers: int = Field(default=1, ge=0, le=500)
    schedulers: int = Field(default=1, ge=0, le=100)
    intruders: int = Field(default=0, ge=0, le=100)
    every: Seconds = 2.0
    poll: Seconds = 2.0
    step: Seconds = 0.5
    intrude: Seconds = 5.0
    canceled: Share = 0.05
    looks: Share = 0.5
    backlog: int = Field(default=50, ge=1)
    retrieve: bool = False

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.users:
            raise ValueError("nobody is there: machines, watchers, schedulers and intruders are all 0")
        return self

    @property
    def users(self) -> int:
        """How many users there are in all."""
        return self.machines + self.watchers + self.schedulers + self.intruders

    @property
    def stations(self) -> int:
        """How many stations workitems are scheduled for."""
        return max(1, -(-self.machines // self.machines_of_a_station))


def load_clinic(named: str) -> Clinic:
    """Return a clinic: one that came with the package, by its name, or that of a TOML file.

    Raises
    ------
    ConfigError
        If there is none, or its file is no such thing; with what is wrong and what would be right.
    """
    if named in SHIPPED:
        text = (resources.files(__package__) / "clinics" / f"{named}.toml").read_text(encoding="utf-8")
    else:
        path = Path(named)
        if path.suffix != ".toml":
            known = ", ".join(SHIPPED)
            raise ConfigError([f"{named}: no such clinic: {known} come with tdwii, others are TOML files{near(named, SHIPPED)}"])
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"{named}: cannot be read: {reason_of(error)}"]) from error
    try:
        return Clinic.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{named}: not TOML: {error}"]) from error
    except ValidationError as error:
        raise ConfigError([problem(named, Clinic, details) for details in error.errors()]) from error

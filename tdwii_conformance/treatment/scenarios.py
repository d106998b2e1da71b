"""The six scenarios of TDW-II: two starts, three ends [2013, TI]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SCENARIOS", "Scenario"]

Start = Literal["TREATMENT", "CONTINUATION"]


@dataclass(frozen=True)
class Scenario:
    """How a treatment starts and ends.

    Parameters
    ----------
    start : {"TREATMENT", "CONTINUATION"}
        Treatment Delivery Type (300A,00CE).
    state : {"COMPLETED", "CANCELED"}
        The final Procedure Step State.
    progress : tuple of int
        The progress updates on the way (RO-62), in per cent; empty when radiation never started.
    final_progress : int
        Procedure Step Progress of the final update (RO-64).
    """

    start: Start
    state: Literal["COMPLETED", "CANCELED"]
    progress: tuple[int, ...]
    final_progress: int

    @property
    def delivered(self) -> bool:
        """Whether any radiation was delivered, so that there is a record."""
        return bool(self.progress)

    def __str__(self) -> str:
        """Return a short name, for test ids."""
        end = "completed" if self.state == "COMPLETED" else "canceled-after" if self.delivered else "canceled-before"
        return f"{'new' if self.start == 'TREATMENT' else 'continuation'}-{end}"


STARTS: tuple[Start, ...] = ("TREATMENT", "CONTINUATION")

SCENARIOS = tuple(
    scenario
    for start in STARTS
    for scenario in (
        Scenario(start, "COMPLETED", (0, 50, 100), 100),
        Scenario(start, "CANCELED", (0, 40), 40),
        Scenario(start, "CANCELED", (), 0),
    )
)

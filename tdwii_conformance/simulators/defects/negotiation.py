"""Defects and variations of association negotiation and of the upper layer [PS3.7 D, PS3.8]."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from pynetdicom import evt

from .deviations import Defect, Variation

__all__ = ["defects", "variations"]

FAILURE = 0x0110


def defects() -> Iterator[Defect]:
    """Yield the defects of negotiation."""
    for actor in ("TMS", "OST"):
        yield Defect(
            f"{actor.lower()}-echo-fails", "Answers C-ECHO with failure", actor, partial(_answer, evt.EVT_C_ECHO, FAILURE),
            (f"NEG-{actor}-001",),
        )  # fmt: skip


def variations() -> Iterator[Variation]:
    """Yield the variations of negotiation."""
    for actor in ("TMS", "OST"):
        for name, length, words in (("unlimited", 0, "no maximum length"), ("4-kb", 4096, "a maximum length of 4 kB")):
            yield Variation(
                f"{actor.lower()}-pdus-{name}", f"Announces {words} of a PDU", actor, partial(_maximum_length, length),
                source="PS3.8 D.1",
            )  # fmt: skip


def _answer(kind: Any, status: int, simulator: Any) -> None:
    simulator.server.wrap_handler(kind, lambda handler, event: status)


def _maximum_length(length: int, simulator: Any) -> None:
    simulator.server.maximum_length = length

"""What one side of an association has sent, as the upper layer and DIMSE see it: what could be judged, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Sent", "Wrong", "sent_from_json"]


@dataclass(frozen=True)
class Wrong:
    """Something that the standard does not allow in the bytes of one side.

    Parameters
    ----------
    topic : str
        What it is about, one of `upper_layer.TOPICS`.
    received : str
        What came, where on the connection, and its bytes.
    expected : str
        What would be right.
    tolerable : bool
        Whether it is noted only.
    """

    topic: str
    received: str
    expected: str
    tolerable: bool = False


@dataclass(frozen=True)
class Sent:
    """What one side has sent.

    Parameters
    ----------
    came_up : tuple of str
        The topics that there was something to judge by.
    wrong : tuple of Wrong
        What is wrong.
    """

    came_up: tuple[str, ...] = ()
    wrong: tuple[Wrong, ...] = ()


def sent_from_json(value: Mapping[str, Any]) -> Sent:
    """Return what `dataclasses.asdict` made of one; raises whatever a value of another make leads to."""
    return Sent(tuple(map(str, value["came_up"])), tuple(Wrong(**one) for one in value["wrong"]))

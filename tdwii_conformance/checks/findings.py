"""What a check says: findings, each with what was expected, what came and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. A check that finds nothing returns an empty list.

    Parameters
    ----------
    expected : str
        What the requirement asks for, in words.
    received : str
        What came instead; ``nothing`` if it is empty.
    path : str
        Where in the data set, for example ``InputInformationSequence[0].DICOMRetrievalSequence``; empty when it is not
        about a place in a data set.
    weight : {"fault", "warning"}
        A warning never fails a test: what is common and tolerable although the text says otherwise.
    """

    expected: str
    received: str
    path: str = ""
    weight: Literal["fault", "warning"] = "fault"

    def __post_init__(self) -> None:
        if not self.received.strip():
            object.__setattr__(self, "received", "nothing")

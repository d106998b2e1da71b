"""Dates, times and date-times that are none [PS3.5 6.2]: one requirement says so, and nobody compares them with anything."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..transcript.exchange import Exchange
from ..ups.matching import strings
from ..ups.times import is_value
from .attributes import shown
from .findings import Finding

__all__ = ["TIMES", "illegal_times", "shows_no_time"]

TIMES = {"DA": "date (DA)", "TM": "time (TM)", "DT": "date-time (DT)"}


def illegal_times(dataset: Dataset, path: str = "") -> Iterator[Finding]:
    """Yield the dates, times and date-times of a data set that are none, of whatever precision.

    Parameters
    ----------
    dataset : Dataset
        What came.
    path : str
        Where it is, with a full stop at the end.
    """
    for element in dataset:
        here = f"{path}{element.keyword or element.tag}"
        if element.VR == "SQ":
            for index, item in enumerate(element.value or ()):
                yield from illegal_times(item, f"{here}[{index}].")
        else:
            for value in _illegal(element):
                yield Finding(f"a {TIMES[element.VR]}", f"value {shown(value)}", here)


def _illegal(element: DataElement) -> list[str]:
    return [value for value in strings(element) if not is_value(value, element.VR)] if element.VR in TIMES else []


def shows_no_time(came: Exchange | DataElement, keyword: str = "") -> bool:
    """Whether what came as date, time or date-time is none, so that it can be compared with nothing.

    Parameters
    ----------
    came : Exchange or DataElement
        An N-GET with its answer, or an element of one.
    keyword : str
        The attribute, of an N-GET.
    """
    if isinstance(came, Exchange):
        return came.dataset is not None and keyword in came.dataset and shows_no_time(came.dataset[keyword])
    return bool(_illegal(came))

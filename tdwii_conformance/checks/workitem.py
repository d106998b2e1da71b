"""Checks of a workitem as N-GET shows it: its state, its values, and that a refused request changed nothing."""

from __future__ import annotations

from collections.abc import Collection

from pydicom.dataset import Dataset

from ..profile.statuses import is_failure, status_text
from ..transcript.exchange import Exchange
from ..ups.times import is_value, read_date_time
from .attributes import shown
from .findings import Finding
from .move import same_content
from .status import answered

__all__ = ["equal", "got", "has_value", "none_came_to_be", "not_before", "only_requested", "shows", "state_is", "untouched"]

# What the SCP sets by itself when something happened to the workitem; never part of "unchanged" [CC.2.5.1.3].
SET_BY_SCP = ("ScheduledProcedureStepModificationDateTime",)


def got(exchange: Exchange) -> list[Finding]:
    """Check that an N-GET brought a data set."""
    if found := answered(exchange):
        return found
    if is_failure(exchange.status):
        return [Finding("the workitem by N-GET", f"status {status_text(exchange.status, exchange.service)}")]
    if exchange.dataset is None:
        undecodable = exchange.response is not None and exchange.response.undecodable
        return [Finding("the workitem by N-GET", "a data set that cannot be decoded" if undecodable else "no data set")]
    return []


def state_is(exchange: Exchange, expected: str) -> list[Finding]:
    """Check Procedure Step State in the answer to an N-GET."""
    return shows(exchange, "ProcedureStepState", expected)


def shows(exchange: Exchange, keyword: str, expected: object) -> list[Finding]:
    """Check one top-level value in the answer to an N-GET."""
    found = got(exchange)
    if not found and exchange.dataset is not None:
        value = exchange.dataset.get(keyword)
        if value != expected:
            received = f"value {shown(value)}" if keyword in exchange.dataset else "attribute absent"
            found.append(Finding(f"value {shown(expected)}", received, keyword))
    return found


def untouched(before: Exchange, after: Exchange, ignoring: Collection[str] = ()) -> list[Finding]:
    """Check that two N-GETs of the same attributes show the same.

    Parameters
    ----------
    before, after : Exchange
        The N-GETs around a request that was to change nothing.
    ignoring : collection of str
        Keywords that may differ besides what the SCP sets by itself.
    """
    found = got(before) + got(after)
    if not found and before.dataset is not None and after.dataset is not None:
        leave = {*SET_BY_SCP, *ignoring}
        found = same_content(_without(before.dataset, leave), _without(after.dataset, leave))
    return found


def none_came_to_be(before: Exchange, after: Exchange) -> list[Finding]:
    """Check that there is no UPS where there was none. How its absence is answered is not judged here.

    Parameters
    ----------
    before, after : Exchange
        The N-GETs of a UPS that does not exist, around a request about it.
    """
    if is_failure(before.status) and after.status is not None and not got(after):
        return [Finding("no UPS, as before", f"N-GET shows one: status {status_text(after.status)}")]
    return []


def equal(received: object, expected: object, path: str) -> list[Finding]:
    """Check one value that a test has taken from a data set."""
    if received == expected:
        return []
    return [Finding(f"value {expected!r}", "no value" if received is None else f"value {received!r}", path)]


def not_before(earlier: Exchange, later: Exchange, keyword: str) -> list[Finding]:
    """Check that a date-time is there in both answers and does not go back."""
    found = got(earlier) + got(later)
    if found or earlier.dataset is None or later.dataset is None:
        return found
    found = has_value(earlier.dataset, keyword) + has_value(later.dataset, keyword)
    if found:
        return found
    values = [str(dataset.get(keyword)) for dataset in (earlier.dataset, later.dataset)]
    for value in values:
        if not is_value(value, "DT"):
            found.append(Finding("a date-time", f"value {shown(value)}", keyword))
    if not found and _before(values[1], values[0]):
        found.append(Finding(f"not before {values[0]}", f"value {shown(values[1])}", keyword))
    return found


def _before(one: str, other: str) -> bool:
    ones, others = read_date_time(one), read_date_time(other)
    if ones is None or others is None:
        return False
    if (ones.first.tzinfo is None) != (others.first.tzinfo is None):  # meant in the same zone, for want of another
        return ones.last.replace(tzinfo=None) < others.first.replace(tzinfo=None)
    return ones.last < others.first  # what one of them leaves open is no step back


def has_value(dataset: Dataset | None, *keywords: str) -> list[Finding]:
    """Check that the first item on the way down these keywords has a value at the end."""
    path = "[0].".join(keywords)
    current = dataset
    for keyword in keywords[:-1]:
        items = current.get(keyword) if current is not None else None
        current = items[0] if items else None
    value = current.get(keywords[-1]) if current is not None else None
    return [] if value not in (None, "") else [Finding("a value", "absent or empty", path)]


def _without(dataset: Dataset, keywords: Collection[str]) -> Dataset:
    rest = Dataset()
    for element in dataset:
        if element.keyword not in keywords:
            rest.add(element)
    return rest


def only_requested(exchange: Exchange, asked: Collection[str]) -> list[Finding]:
    """Check that N-GET returned no attribute but those asked for; Specific Character Set may come along."""
    found = got(exchange)
    for element in exchange.dataset or ():
        if element.keyword not in asked and element.keyword != "SpecificCharacterSet":
            found.append(Finding(f"only {', '.join(sorted(asked))}", f"{element.keyword or element.tag} came unasked"))
    return found

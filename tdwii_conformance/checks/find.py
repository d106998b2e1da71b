"""Checks of worklist queries: which workitems came, how often, and what their identifiers hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset

from ..profile.statuses import status_text
from ..transcript.exchange import PENDING, Exchange
from .findings import Finding
from .status import answered
from .times import illegal_times

__all__ = [
    "each_once",
    "ended",
    "excludes",
    "final_without_identifier",
    "identifiers_decodable",
    "includes",
    "nothing_found",
    "only_asked",
    "pending_with_identifier",
    "times_legal",
    "uids",
]

# May come unasked, under their own conditions [CC.2.8.1.3.2].
ALWAYS_ALLOWED = ("SpecificCharacterSet", "TimezoneOffsetFromUTC")


def uids(exchange: Exchange) -> list[str]:
    """Return the SOP Instance UIDs of the matches, in the order of the responses."""
    return list(exchange.matches)


def ended(exchange: Exchange) -> list[Finding]:
    """Check that the query ended with Success: whatever else it shows, an unfinished query shows nothing."""
    if found := answered(exchange):
        return found
    if exchange.status != 0:
        return [Finding("the query ends with status 0000 (Success)", f"status {status_text(exchange.status, exchange.service)}")]
    return []


def includes(exchange: Exchange, *expected: str) -> list[Finding]:
    """Check that the query found these workitems."""
    found = ended(exchange)
    came = uids(exchange)
    for uid in expected:
        if uid not in came:
            found.append(Finding(f"a response with the workitem {uid}", f"{len(came)} response(s), none with it"))
    return found


def excludes(exchange: Exchange, unexpected: str, why: str) -> list[Finding]:
    """Check that the query did not find this workitem. A refused query has not found it either."""
    if found := answered(exchange):
        return found
    came = uids(exchange)
    if unexpected in came:
        return [Finding(f"no response with the workitem {unexpected}: {why}", f"response {came.index(unexpected) + 1} has it")]
    return []


def nothing_found(exchange: Exchange) -> list[Finding]:
    """Check that there was no match: the final Success alone."""
    found = ended(exchange)
    if exchange.pending:
        found.append(Finding("Success alone, for nothing matches", f"{len(exchange.pending)} pending response(s)"))
    return found


def each_once(exchange: Exchange) -> list[Finding]:
    """Check that no workitem came twice."""
    return ended(exchange) + [
        Finding(f"one response for the workitem {uid}", f"{count} responses")
        for uid, count in Counter(uids(exchange)).items()
        if count > 1
    ]


def pending_with_identifier(exchange: Exchange) -> list[Finding]:
    """Check every response but the last: status FF00 or FF01, with an identifier."""
    found = ended(exchange)
    for number, message in enumerate(exchange.responses[:-1], 1):
        if message.status not in PENDING:
            found.append(Finding("status FF00 or FF01", f"status {status_text(message.status)}", path=f"response {number}"))
        if message.encoded is None:
            found.append(Finding("an identifier", "no data set", path=f"response {number}"))
    return found


def final_without_identifier(exchange: Exchange) -> list[Finding]:
    """Check that the final response has no data set."""
    if found := answered(exchange):
        return found
    if exchange.response is not None and exchange.response.encoded is not None:
        return [Finding("no data set with the final response", f"{len(exchange.response.encoded)} bytes")]
    return []


def identifiers_decodable(exchange: Exchange) -> list[Finding]:
    """Check that every identifier can be decoded in the negotiated transfer syntax."""
    return ended(exchange) + [
        Finding(f"a data set in transfer syntax {message.transfer_syntax}", "bytes that are none", f"response {number}")
        for number, message in enumerate(exchange.responses, 1)
        if message.undecodable
    ]


def times_legal(exchange: Exchange) -> list[Finding]:
    """Check that every date, time and date-time in the identifiers is one, of whatever precision [PS3.5 6.2]."""
    found = ended(exchange)
    for number, identifier in enumerate(exchange.identifiers):
        found += illegal_times(identifier, f"identifier[{number}].")
    return found


def only_asked(exchange: Exchange) -> list[Finding]:
    """Check that each identifier has only the keys of the request, at the top level and in items whose keys were named.

    [CC.2.8.1.3.2, PS3.4 C.2.2.2.6]
    """
    asked = exchange.request.dataset
    if asked is None:
        raise ValueError("the request of this exchange has no identifier: nothing was asked")
    found = ended(exchange)
    for number, identifier in enumerate(exchange.identifiers):
        for path, element in _unasked(asked, identifier, f"identifier[{number}]"):
            found.append(Finding("only attributes that were asked for", f"{element} came unasked", path))
    return found


def _unasked(asked: Dataset, came: Dataset, path: str) -> Iterator[tuple[str, str]]:
    for element in came:
        name = element.keyword or str(element.tag)
        if element.tag not in asked:
            if name not in ALWAYS_ALLOWED:
                yield path, name
            continue
        named = _named_keys(asked[element.tag].value) if element.VR == "SQ" else None
        if named is not None:
            for index, item in enumerate(element.value):
                yield from _unasked(named, item, f"{path}.{name}[{index}]")


def _named_keys(items: Iterable[Dataset] | None) -> Dataset | None:
    """Return the item that names keys; ``None`` for an empty sequence or item, which asks for everything."""
    return next((item for item in items or () if len(item)), None)

"""Verdicts on the systems that answer, TMS and OST, from what was recorded: nobody drives them. No sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from ..checks.scp import (
    Entry,
    Instances,
    Replay,
    Tally,
    Workitem,
    judge_aborted,
    judge_associations,
    judge_retrievals,
    judge_upper_layer,
)
from ..dcmdump import dump_exchange
from ..profile import Requirement
from ..profile.catalogue import Catalogue
from ..profile.statuses import is_failure
from ..profile.ups_service import REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE
from ..report.verdicts import TestVerdict, Verdict
from ..transcript.exchange import Exchange
from .judging import NEVER_SEEN, Witnessed, judge_observed
from .records import RECORD_ENDS

__all__ = ["judge_all", "judge_answering"]

MOST_EXCHANGES = 6  # of a requirement, that are shown


def judge_all(seen: Witnessed, catalogue: Catalogue, *, edition: str, complete: bool = False) -> list[TestVerdict]:
    """Judge everybody: the systems that call, and those that answer; the parameters are those of `judge_answering`."""
    called = judge_observed(seen.observed, catalogue, edition=edition)
    return called + judge_answering(seen, catalogue, edition=edition, complete=complete)


def judge_answering(seen: Witnessed, catalogue: Catalogue, *, edition: str, complete: bool = False) -> list[TestVerdict]:
    """Judge the systems that answer.

    Parameters
    ----------
    seen : Witnessed
        What the record holds.
    catalogue : Catalogue
        All requirements.
    edition : {"ti", "2013"}
        Edition of TDW-II.
    complete : bool
        Whether nobody works with them who is not in the record. Else a workitem may have been changed by others, unless a
        system that was recorded holds its lock.

    Returns
    -------
    list of TestVerdict
        One for each system and requirement. What never came up is not judged.
    """
    exchanges = [exchange for exchange in seen.exchanges if exchange.failure != RECORD_ENDS]
    connections = [connection for _, connection in seen.connections]
    instances = Instances(exchanges)
    both = [title for title in seen.cast.tms if title in seen.cast.ost]
    verdicts: list[TestVerdict] = []
    items: dict[str, Workitem] = {}
    for title in seen.cast.tms:
        replay = Replay(title, exchanges, catalogue, complete=complete)
        tally = replay.run()
        items |= replay.items
        judge_retrievals(title, "TMS", both, instances, items, catalogue, tally)
        judge_associations(title, "TMS", connections, exchanges, catalogue, tally)
        judge_aborted(title, "TMS", connections, tally)
        judge_upper_layer(title, "TMS", connections, exchanges, catalogue, tally)
        verdicts += _verdicts("TMS", title, tally.entries, catalogue, edition, exchanges)
    for title in seen.cast.ost:
        tally = Tally()
        judge_retrievals(title, "OST", both, instances, items, catalogue, tally)
        judge_associations(title, "OST", connections, exchanges, catalogue, tally)
        judge_aborted(title, "OST", connections, tally)
        judge_upper_layer(title, "OST", connections, exchanges, catalogue, tally)
        verdicts += _verdicts("OST", title, tally.entries, catalogue, edition, exchanges)
    return verdicts


def _verdicts(
    actor: str, title: str, found: Mapping[str, Entry], catalogue: Catalogue, edition: str, exchanges: Sequence[Exchange]
) -> list[TestVerdict]:
    its = [exchange for exchange in exchanges if exchange.acceptor == title]
    return [_verdict(one, title, found.get(one.id), its) for one in catalogue.of(actor=actor, edition=edition)]


def _is(exchange: Exchange, service: str, *actions: int) -> bool:
    return exchange.service == service and (not actions or exchange.request.command.get("ActionTypeID") in actions)


# What a vendor may leave out, and the requests that need it.
OPTIONAL: Mapping[str, Callable[[Exchange], bool]] = {
    "push": lambda exchange: _is(exchange, "N-CREATE"),
    "request-cancel": lambda exchange: _is(exchange, "N-ACTION", REQUEST_CANCEL),
    "subscription": lambda exchange: _is(exchange, "N-ACTION", SUBSCRIBE, UNSUBSCRIBE, SUSPEND),
}


def _left_out(requirement: Requirement, entry: Entry, exchanges: Sequence[Exchange]) -> bool:
    """Whether a system seems not to support what it is judged by: it has never granted it."""
    needs = OPTIONAL.get(requirement.capability)
    if needs is None or not entry.findings or not all(map(needs, entry.exchanges)):
        return False
    return not any(needs(one) and one.status is not None and not is_failure(one.status) for one in exchanges)


def _verdict(requirement: Requirement, title: str, entry: Entry | None, exchanges: Sequence[Exchange]) -> TestVerdict:
    if entry is not None and _left_out(requirement, entry, exchanges):
        reason = f"not judged: {title} has granted no request of the kind: it may not support it"
        return TestVerdict(requirement.id, title, "skipped", reason)
    if entry is None:
        return TestVerdict(requirement.id, title, "skipped", f"not judged: {NEVER_SEEN}")
    verdict: Verdict = "passed"
    if any(finding.weight == "fault" for finding in entry.findings):
        verdict = "failed" if requirement.level == "shall" else "warned"
    elif entry.findings:
        verdict = "warned"
    if entry.findings and requirement.level == "may":
        verdict = "passed"
    findings = tuple(dataclasses.asdict(finding) for finding in dict.fromkeys(entry.findings))
    shown = tuple(dump_exchange(exchange) for exchange in entry.exchanges[:MOST_EXCHANGES])
    return TestVerdict(requirement.id, title, verdict, findings=findings, exchanges=shown)

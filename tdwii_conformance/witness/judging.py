"""Verdicts on what was recorded: systems that call, judged by the same checks as in a session with them. No sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..checks.scu import evidence_of, judge_scu
from ..dcmdump import dump_exchange
from ..profile import Requirement
from ..report.verdicts import TestVerdict, Verdict
from ..transcript.exchange import Exchange
from ..transcript.observation import INTERRUPTED
from ..upper_layer import Connection, Malformation, Side
from .recognition import Cast, Observed, observations, recognize
from .records import Recorded, connection_of

__all__ = ["Witnessed", "judge_observed", "witness"]

OF_INPUTS = ("RO-59", "RO-61")
OF_OST = ("RO-59", "RO-63")
UNTIL_THE_END = ("RO-62", "RO-63", "RO-64", "RO-65")
AFTER_THE_END = ("CC23-TDD-006",)
NO_END = "the record holds no end of it"
TOO_SOON = "the record ends, or comes so far, right after the treatment"
NEVER_SEEN = "this never came up in the record"


@dataclass(frozen=True)
class Witnessed:
    """What a record holds.

    Parameters
    ----------
    connections : tuple of (Recorded, Connection)
        Those that could be read.
    not_judged : tuple of str
        Those that could not, and why.
    cast : Cast
        Who is who.
    observed : tuple of Observed
        The sessions of the systems that call.
    """

    connections: tuple[tuple[Recorded, Connection], ...]
    not_judged: tuple[str, ...]
    cast: Cast
    observed: tuple[Observed, ...]

    @property
    def exchanges(self) -> list[Exchange]:
        """All exchanges, in the order in which they began."""
        found = [e for _, connection in self.connections for e in connection.exchanges]
        return sorted(found, key=lambda exchange: exchange.request.time)

    @property
    def malformations(self) -> list[tuple[str, Malformation]]:
        """What is wrong with the bytes, with their sender."""
        found = []
        for recorded, connection in self.connections:
            for side, one in connection.malformations:
                found.append((sender(recorded, connection, side), one))
        return found


def sender(recorded: Recorded, connection: Connection, side: Side) -> str:
    """Return who one side of a connection is: its AE title, or its address where none was given."""
    if connection.request is not None:
        title = connection.request.calling if side == "requestor" else connection.request.called
        if title:
            return title
    return recorded.requestor if side == "requestor" else recorded.acceptor


def witness(
    recorded: Iterable[Recorded],
    *,
    edition: str = "ti",
    said: Mapping[str, Sequence[str]] | None = None,
    decode: Callable[[Recorded], Connection] = connection_of,
    until: datetime | None = None,
) -> Witnessed:
    """Read what was recorded.

    Parameters
    ----------
    recorded : iterable of Recorded
        Connections of one or several records or captures.
    edition : {"ti", "2013"}
        Edition of TDW-II that the systems say they follow.
    said : mapping of str to sequence of str, optional
        AE titles of ``tms``, ``ost``, ``tdd``, ``watcher``, as `recognize` takes them.
    decode : callable
        Decodes one connection; for those who have done so before.
    until : datetime, optional
        When the record ends, if later than all that is in it.
    """
    connections, not_judged = [], []
    for one in recorded:
        where = f"connection {one.name}, {one.requestor} to {one.acceptor}"
        if one.encrypted:
            not_judged.append(f"{where}: TLS, which only its ends can read")
        elif one.missing:
            not_judged.append(f"{where}: {one.missing}")
        else:
            connections.append((one, decode(one)))
    readable = [connection for _, connection in connections]
    until = max((time for one, _ in connections for time in (until, one.closed, one.watched) if time is not None), default=until)
    cast = recognize((e for connection in readable for e in connection.exchanges), said)
    return Witnessed(tuple(connections), tuple(not_judged), cast, tuple(observations(readable, cast, edition=edition, until=until)))


def judge_observed(observed: Sequence[Observed], catalogue: Mapping[str, Requirement], *, edition: str) -> list[TestVerdict]:
    """Judge the systems that call.

    Parameters
    ----------
    observed : sequence of Observed
        Their sessions.
    catalogue : mapping of str to Requirement
        By id.
    edition : {"ti", "2013"}
        Edition of TDW-II.

    Returns
    -------
    list of TestVerdict
        One for each session and requirement. What never came up is not judged.
    """
    verdicts = []
    for one in observed:
        facts = one.observation.facts
        where = " ".join(filter(None, (one.ae_title, facts.get("scenario", ""), facts.get("workitem", ""))))
        for requirement in catalogue.values():
            if requirement.actor == one.actor and edition in requirement.editions:
                verdicts.append(_verdict(requirement, one, where))
    return verdicts


def _would_be_seen(transaction: str, observed: Observed) -> bool:
    """Whether a transaction of TDW-II that is missing is missing: the treatment came to its end, and who takes it was recorded."""
    if not transaction.startswith("RO-"):
        return True
    partner = observed.observation.facts.get("ost_ae_title" if transaction in OF_OST else "tms_ae_title")
    return not observed.observation.why_early and any(partner == e.acceptor for e in observed.observation.exchanges)


def _ends(observed: Observed) -> bool:
    return bool(observed.observation.facts.get("end"))


def _verdict(requirement: Requirement, observed: Observed, where: str) -> TestVerdict:
    judgement = judge_scu(requirement, observed.observation)
    evidence = evidence_of(requirement, observed.observation)
    verdict: Verdict = "passed"
    reason = judgement.not_judged.replace(INTERRUPTED, NO_END)
    if judgement.findings and not evidence and not _would_be_seen(requirement.transaction, observed):
        # Nobody was driven: what a record lacks may have gone another way.
        reason = NEVER_SEEN
    if requirement.transaction in OF_INPUTS and not observed.observation.inputs:
        reason = "the record does not show the inputs of the workitem"
    if requirement.transaction in UNTIL_THE_END and not _ends(observed):
        # Which update is the final one, and what it owes, is known by the end.
        reason = NO_END
    if requirement.id in AFTER_THE_END and judgement.findings and not observed.settled:
        reason = TOO_SOON
    if reason:
        return TestVerdict(requirement.id, where, "skipped", f"not judged: {reason}")
    if any(finding.weight == "fault" for finding in judgement.findings):
        verdict = "failed" if requirement.level == "shall" else "warned"
    elif judgement.findings:
        verdict = "warned"
    findings = tuple(dataclasses.asdict(finding) for finding in judgement.findings)
    shown = tuple(dump_exchange(exchange) for exchange in evidence) if findings else ()
    return TestVerdict(requirement.id, where, verdict, findings=findings, exchanges=shown)

"""Verdicts on the systems that answer, TMS and OST, from what was recorded: nobody drives them. No sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..checks.scp import Entry, Replay
from ..dcmdump import dump_exchange
from ..profile import Requirement
from ..profile.catalogue import Catalogue
from ..report.verdicts import TestVerdict, Verdict
from .judging import NEVER_SEEN, Witnessed
from .records import RECORD_ENDS

__all__ = ["judge_answering"]

MOST_EXCHANGES = 6  # of a requirement, that are shown


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
    verdicts: list[TestVerdict] = []
    for title in seen.cast.tms:
        found = Replay(title, exchanges, catalogue, complete=complete).run().entries
        verdicts += _verdicts("TMS", title, found, catalogue, edition)
    return verdicts


def _verdicts(actor: str, title: str, found: Mapping[str, Entry], catalogue: Catalogue, edition: str) -> list[TestVerdict]:
    return [_verdict(one, title, found.get(one.id)) for one in catalogue.of(actor=actor, edition=edition)]


def _verdict(requirement: Requirement, title: str, entry: Entry | None) -> TestVerdict:
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

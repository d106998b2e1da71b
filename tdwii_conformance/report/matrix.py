"""Actor by transaction: how many requirements passed, failed, and so on. Pure; shown by the table and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..profile.catalogue import ACTORS, TRANSACTIONS, Requirement
from .verdicts import RequirementVerdict

__all__ = ["ACTOR_NAMES", "TRANSACTION_NAMES", "Row", "matrix", "skip_reasons", "total"]

ACTOR_NAMES = {
    "TMS": "Treatment Management System",
    "OST": "Object Storage",
    "TDD": "Treatment Delivery Device",
    "watcher": "Watcher",
}
TRANSACTION_NAMES = {
    "upper layer": "Upper layer and DIMSE",
    "negotiation": "Association negotiation",
    "RO-58": "Worklist query",
    "RO-59": "Retrieve static inputs",
    "RO-60": "In progress",
    "RO-61": "Retrieve dynamic inputs",
    "RO-62": "Progress update",
    "RO-63": "Store results",
    "RO-64": "Final update",
    "RO-65": "Completed / canceled",
    "CC.1.1": "States of a UPS",
    "CC.2.1": "Change UPS State",
    "CC.2.2": "Request UPS Cancel",
    "CC.2.3": "Subscriptions",
    "CC.2.4": "Event reports",
    "CC.2.5": "Create a UPS",
    "CC.2.6": "Set attributes",
    "CC.2.7": "Get attributes",
    "CC.2.8": "Search",
    "CC.3.1": "SOP Class UIDs",
    "CC.3.2": "Association Negotiation",
}


@dataclass(frozen=True)
class Row:
    """How the requirements of one actor in one transaction came out.

    Parameters
    ----------
    actor, transaction : str
        As the catalogue names them.
    counts : mapping of str to int
        Requirements by verdict.
    """

    actor: str
    transaction: str
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        """Requirements met."""
        return self.counts.get("passed", 0)

    @property
    def failed(self) -> int:
        """Requirements not met, and those whose test ended in an error: both close a gate."""
        return self.counts.get("failed", 0) + self.counts.get("error", 0)

    @property
    def warned(self) -> int:
        """Requirements met with a warning, and recommendations not met."""
        return self.counts.get("warned", 0)

    @property
    def skipped(self) -> int:
        """Requirements not judged."""
        return self.counts.get("skipped", 0)

    @property
    def judged(self) -> int:
        """Requirements that have a verdict."""
        return self.passed + self.warned + self.failed

    @property
    def heat(self) -> str:
        """How bad it is, for a colour: ``none`` judged, ``met``, ``few`` not met (to a tenth), ``some`` (to a half), ``most``."""
        if not self.judged:
            return "none"
        share = self.failed / self.judged
        return "met" if not share else "few" if share <= 0.1 else "some" if share <= 0.5 else "most"

    @property
    def all(self) -> int:
        """All requirements of this row."""
        return sum(self.counts.values())


def matrix(verdicts: Mapping[str, RequirementVerdict], catalogue: Mapping[str, Requirement]) -> list[Row]:
    """Return a row for each actor and transaction that has verdicts, in the order of the workflow.

    Raises
    ------
    KeyError
        For a verdict on a requirement that is not in the catalogue.
    """
    counts: dict[tuple[str, str], Counter[str]] = {}
    for identifier, verdict in verdicts.items():
        requirement = catalogue[identifier]
        counts.setdefault((requirement.actor, requirement.transaction), Counter())[verdict.verdict] += 1
    order = {name: number for number, name in enumerate((*ACTORS, *TRANSACTIONS))}
    return [
        Row(actor, transaction, dict(counts[actor, transaction]))
        for actor, transaction in sorted(counts, key=lambda key: (order[key[0]], order[key[1]]))
    ]


def total(rows: Iterable[Row]) -> Row:
    """Return the sum of all rows."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.counts)
    return Row("", "", dict(counts))


def skip_reasons(verdicts: Mapping[str, RequirementVerdict]) -> dict[str, tuple[str, ...]]:
    """Return why requirements were skipped: the ids by reason, the most frequent reason first."""
    reasons: dict[str, list[str]] = {}
    for identifier, verdict in verdicts.items():
        if verdict.verdict == "skipped":
            reasons.setdefault(verdict.note or "no reason given", []).append(identifier)
    return {reason: tuple(reasons[reason]) for reason in sorted(reasons, key=lambda r: (-len(reasons[r]), r))}

"""How much of what applies to a system was judged: a run that judges little is no proof of anything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .matrix import skip_reasons
from .verdicts import RequirementVerdict

__all__ = ["Share", "share_of"]

# Reasons for which a requirement does not apply, by their first words: nothing is missing, the vendor does not offer it.
NOT_APPLICABLE = ("not supported: ", "not described: ", "not recorded: ")
LITTLE = 0.5
NAMED_REASONS = 3
# What changes it, by words of the reason; the first that fits.
ADVICE = (
    ("interrupted", "let the run come to its end"),
    ("ended early", "let the run come to its end: without -x and --maxfail"),
    ("workitem of type", "schedule more workitems for this station and date"),
    ("no workitem to test with", "have the system take N-CREATE (UPS Push), or say where workitems come from: [workitems] source"),
    ("second_watcher", "describe a second receiver: second_watcher in [ours]"),
    ("second_performer", "describe a second performer: second_performer in [ours]"),
    ("test_system", "let the suite change the system, if it is a test system: test_system = true"),
    ("tms.restart", "say how the TMS is restarted: restart in [tms]"),
    ("move destination", "make our AE title and port known to the system"),
    ("presentation context", "switch on the SOP class, or take it out of supports"),
    ("claim was not granted", "look at RO60-TMS-001 first: nothing can be performed without a claim"),
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """How many requirements apply, how many of them were judged, and why not the others.

    Parameters
    ----------
    judged, applicable : int
        Numbers of requirements. What the vendor does not offer, or does not describe, does not apply. A test that ended in an
        error has judged nothing.
    reasons : tuple of (str, int)
        Why requirements that apply were not judged, the most frequent first, with how many.
    """

    judged: int
    applicable: int
    reasons: tuple[tuple[str, int], ...] = ()

    @property
    def percent(self) -> int:
        """Rounded down, so that only all is 100."""
        return 100 * self.judged // self.applicable if self.applicable else 100

    @property
    def little(self) -> bool:
        """Whether less than half was judged."""
        return self.judged < LITTLE * self.applicable

    def __str__(self) -> str:
        """Return the numbers in words."""
        return f"judged: {self.judged} of {self.applicable} requirements that apply ({self.percent} %)"

    @property
    def warning(self) -> str:
        """What to say first of a run that judged little, and what would change it; empty for one that did not."""
        if not self.little:
            return ""
        changes = dict.fromkeys(filter(None, (_advice(reason) for reason, _ in self.reasons)))
        why = "; ".join(f"{number} {reason}" for reason, number in self.reasons[:NAMED_REASONS])
        more = f" What would change it: {'; '.join(list(changes)[:NAMED_REASONS])}." if changes else ""
        return f"LITTLE WAS JUDGED: {self.judged} of {self.applicable} requirements that apply ({self.percent} %): {why}.{more}"


def share_of(requirements: Mapping[str, RequirementVerdict]) -> Share:
    """Return how much of what applies was judged.

    Parameters
    ----------
    requirements : mapping of str to RequirementVerdict
        Of the whole run, by id.
    """
    reasons = {
        reason: len(ids)
        for reason, ids in skip_reasons(requirements).items()
        if not reason.startswith(NOT_APPLICABLE) or "; not judged: " in reason
    }
    judged = sum(one.verdict in ("passed", "failed", "warned") for one in requirements.values())
    if errors := sum(one.verdict == "error" for one in requirements.values()):
        reasons["tests that ended in an error"] = errors
    ordered = tuple(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))
    return Share(judged, judged + sum(reasons.values()), ordered)


def _advice(reason: str) -> str:
    return next((advice for words, advice in ADVICE if words in reason), "")

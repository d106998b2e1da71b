"""What was found of each requirement while a record was replayed: how often there was something to judge, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...transcript.exchange import Exchange
from ..findings import Finding

__all__ = ["Entry", "Tally"]

MOST_FINDINGS = 20  # of one requirement, that are kept: who is wrong a thousand times is wrong


@dataclass
class Entry:
    """What was found of one requirement.

    Parameters
    ----------
    judged : int
        How often there was something to judge.
    findings : list of Finding
        What is wrong.
    exchanges : list of Exchange
        Where.
    """

    judged: int = 0
    findings: list[Finding] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)


class Tally:
    """What was found of all requirements, by id."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def add(self, ids: Iterable[str], findings: Iterable[Finding] = (), *exchanges: Exchange) -> None:
        """Take note of a judgement.

        Parameters
        ----------
        ids : iterable of str
            Ids of the requirements that were judged.
        findings : iterable of Finding
            What is wrong; nothing if all is well.
        *exchanges : Exchange
            What was judged.
        """
        found = list(findings)
        for one in ids:
            entry = self.entries.setdefault(one, Entry())
            entry.judged += 1
            if found and len(entry.findings) < MOST_FINDINGS:
                entry.findings += found
                entry.exchanges += [e for e in exchanges if not any(e is known for known in entry.exchanges)]

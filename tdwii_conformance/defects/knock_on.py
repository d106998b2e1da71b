"""Knock-on failures: what defects violate besides what they are made for, with a reason for each.

The standard says the same thing twice, or one thing needs another. ``knock_on.csv`` is the snapshot: a row names one defect and
the requirements, exactly; no pattern, so that a new failure is seen. Its kinds:

``also``
    fails in the tests that a defect concerns, as what it is made for does;
``elsewhere``
    fails in other modules, or in other scenarios, whose tests stand on what the defect takes away;
``sometimes``
    fails in some runs and not in others, by what comes first.

That nothing else fails is what ``tests/proof`` proves; ``python -m tests.proof.knock_on`` writes what it saw fail elsewhere.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

__all__ = ["SNAPSHOT", "Entry", "also_violated", "may_violate", "read", "spoiled"]

SNAPSHOT = Path(__file__).with_name("knock_on.csv")
KINDS = ("also", "elsewhere", "sometimes")


@dataclass(frozen=True)
class Entry:
    """A row of the snapshot.

    Parameters
    ----------
    kind : {"also", "elsewhere", "sometimes"}
        Where, or how often.
    defect : str
        Its name.
    requirements : tuple of str
        Ids of what fails.
    why : str
        The reason.
    """

    kind: str
    defect: str
    requirements: tuple[str, ...]
    why: str


def read(path: Path = SNAPSHOT) -> tuple[Entry, ...]:
    """Return the rows of a snapshot.

    Raises
    ------
    ValueError
        If a row is of no known kind, or has no defect, requirement or reason.
    """
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            entry = Entry(row["kind"], row["defect"], tuple(row["requirements"].split()), row["why"])
            if entry.kind not in KINDS or not (entry.defect and entry.requirements and entry.why):
                raise ValueError(f"{path}, line {number}: expected one of {', '.join(KINDS)}, a defect, requirements and a reason")
            found.append(entry)
    return tuple(found)


@cache
def _snapshot() -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
    for entry in read():
        found[entry.kind, entry.defect] += entry.requirements
    return found


@dataclass(frozen=True)
class Also:
    """What may fail elsewhere with some defects, by patterns: of what the snapshot has no row for, because no whole proof was run.

    Parameters
    ----------
    why : str
        The reason.
    names : str
        Patterns of defects' names, apart by spaces.
    requirements : str
        Ids, or patterns of them, apart by spaces.
    """

    why: str
    names: str
    requirements: str


# What tests of other modules, or in other scenarios, stand on: they fail when it is gone, though what they are for may be
# as it should; or they see by the way what the defect is made of.
SPOILED: tuple[Also, ...] = (
    Also("there is no UPS to judge by", "n-create-no-ups-failing n-create-no-ups-without-effect", "*"),
    Also("a UPS that was created is not SCHEDULED", "create-in-progress", "*"),
    Also("a UPS is looked at by N-GET under UPS Pull", "n-get-refused-under-pull", "*"),
    Also("a treatment begins with a claim", "claim-with-the-right-transaction-uid-scheduled-*", "CC2?-* RO6?-*"),
    Also("an N-SET is what a treatment is made of, and what has no final update cannot end", "n-set-* set-*", "CC11-TMS-053 CC11-TMS-083 CC2?-* RO6?-*"),
    Also("a final update is an N-SET like others, and what has it not cannot be COMPLETED", "ro64-*", "CC2?-* RO65-TMS-00?"),
    Also("a UPS is looked at by N-GET after what was done to it", "get-*", "CC11-TMS-0?1 CC11-TMS-053 CC2[12568]-* CC23-TMS-040 RO58-TMS-023 RO6?-*"),
    Also("extended negotiation is about what a query finds", "find-*", "CC32-TMS-002 CC32-TMS-009 CC32-TMS-01[01]"),
    Also("what was created or done is looked for by a query",
         "find-* claimed-not-found final-state-not-found ro58-sop-*",
         "CC25-TMS-026 CC26-TMS-017 CC28-TMS-047 CC31-TMS-004 CC31-TMS-005 CC31-TMS-009 NEG-TMS-014 RO60-TMS-007 RO62-TMS-009 RO65-TMS-003"),
    Also("what does not end has no final state to be looked at, and what says so is not believed",
         "cancel-with-the-right-* complete-with-the-right-* canceled-needs-more-than-a-reason",
         "CC21-TMS-00[1-59] CC22-TMS-006 CC23-TMS-040 CC24-TMS-00? CC24-TMS-01[2-6] CC24-TMS-10? CC26-TMS-009 CC27-TMS-013 CC28-TMS-047 RO65-*"),
    Also("an unknown action fails by its status", "unknown-action-another-failure", "CC21-TMS-010"),
    Also("a cancel request is answered, and reported", "request-cancel-*", "CC11-TMS-07? CC22-TMS-00? CC24-TMS-00[56] CC24-TMS-11?"),
    Also("a UPS that another creation replaced shows what the other was created with", "create-duplicate-replaces", "CC11-TMS-01?"),
    Also("what is lost at creation is neither shown nor found",
         "create-*-lost create-keeps-first-item-only create-leaves-worklist-label-empty", "CC27-TMS-001 CC27-TMS-003 CC28-TMS-02?"),
    Also("the class is one of the attributes that an N-SET must not change", "create-as-ups-pull", "CC26-TMS-017"),
    Also("the lock is looked for under every class", "n-get-refused-under-push", "CC27-TMS-016"),
    Also("no message may have the lock", "n-get-returns-the-lock*", "CC25-TMS-010"),
    Also("a report too many is in the way of the next", "event-doubled", "CC24-TMS-006 CC24-TMS-012"),
    Also("what is completed by its final update, or cannot have one, is not completed once more", "ro64-final-update-*", "CC11-TMS-053"),
    Also("who is subscribed unasked is told, and has no second initial event", "unsubscribe-globally-not-subscribed-subscribes",
         "CC24-TMS-014 CC24-TMS-016"),
    Also("what was not stored cannot be retrieved", "ost-record-*", "RO59-OST-016"),
    Also("what is not retrieved cannot be compared with what was stored", "ost-move-*", "RO63-OST-00[346]"),
    Also("a TDD whose query is refused gives up", "tdd-ro58-*", "RO58-TDD-001"),
    Also("a TDD without claim or instruction delivers nothing", "tdd-proposes-* tdd-ro61-refuses-the-class", "RO63-TDD-001 RO64-TDD-104 RO65-TDD-001"),
    Also("in a scenario that ends early the step that is late does not come", "tdd-claims-before-the-plan", "RO59-TDD-001"),
    Also("in a scenario that ends early the step that is late does not come", "tdd-progress-before-the-instruction", "RO61-TDD-001"),
    Also("in a scenario without a record to retrieve nothing is retrieved", "tdd-ro59-records-only", "RO59-TDD-001"),
    Also("its treatment is a final update without progress", "tdd-completes-what-was-refused", "RO62-TDD-001"),
    Also("a record refers to the plan that was retrieved", "tdd-no-plan tdd-ro59-records-only", "RO63-TDD-105"),
    Also("a continuation goes on where the treatment before ended", "tdd-begins-with-10", "RO62-TDD-004"),
    Also("the only update of a scenario is its first", "tdd-progress-after-the-final-update tdd-record-before-the-last-progress", "RO62-TDD-002"),
    Also("what no update says is not said at the end", "tdd-no-progress", "RO64-TDD-104 RO64-TDD-127"),
    Also("what does not end is not at 100, and has nothing performed", "tdd-no-end tdd-ro65-procedure-step-state-*", "RO64-TDD-103 RO64-TDD-104"),
    Also("what has no final update cannot be COMPLETED", "tdd-no-final-update tdd-ro64-performed-absent tdd-ro64-performed-empty", "RO65-TDD-001"),
    Also("another workitem has other inputs, or is none", "tdd-ro58-procedure-step-state-*", "RO59-TDD-002 RO59-TDD-004 RO60-TDD-001"),
    Also("a workitem without its UID cannot be claimed", "tdd-ro58-sop-instance-absent", "RO60-TDD-001 RO65-TDD-001"),
    Also("of two workitems only one is to be changed", "tdd-ro60-of-another tdd-ro62-of-another tdd-ro64-of-another tdd-ro65-of-another", "RO58-TDD-009"),
    Also("an end that is not reported is awaited in vain", "event-canceled-missing event-completed-missing", "CC23-TMS-040"),
    Also("who subscribes is told the state first", "event-state-*", "CC23-TMS-00? CC23-TMS-01? CC23-TMS-037 CC23-TMS-039 CC23-TMS-040"),
    Also("who asks is subscribed in place of another", "subscribe-the-sender", "CC24-TMS-013"),
    Also("a creation that is not reported is awaited in vain", "event-creation-missing", "CC23-*"),
    Also("who is not subscribed is told nothing", "ups-created-*-does-not-subscribe ups-created-*-without-initial-event subscribe-*-does-not-subscribe", "CC24-*"),
)  # fmt: skip


def also_violated(name: str) -> tuple[str, ...]:
    """Return what a defect with this name violates besides what it is made for."""
    return _snapshot().get(("also", name), ())


def may_violate(name: str) -> tuple[str, ...]:
    """Return the requirements that a defect with this name violates in some runs and not in others."""
    return _snapshot().get(("sometimes", name), ())


def spoiled(name: str) -> tuple[str, ...]:
    """Return what may fail elsewhere with a defect of this name: requirement ids, or patterns of them where no proof was run.

    Elsewhere are modules that have no test of what the defect violates, and other scenarios.
    """
    measured = _snapshot().get(("elsewhere", name))
    if measured is not None:
        return measured
    return tuple(pattern for one in SPOILED if fits(one, name) for pattern in one.requirements.split())


def fits(entry: Also, name: str) -> bool:
    """Whether an entry is about the defect with this name."""
    return any(fnmatchcase(name, pattern) for pattern in entry.names.split())

"""Judges of what a TDD or a watcher sends on the upper layer [PS3.8, PS3.7]. Pure."""

from __future__ import annotations

from ...profile import Requirement
from ..findings import Finding
from ..upper_layer import judge_sent, topic_of
from .observed import ObservedSession
from .registry import judges

NUMBERS = [f"{number:03}" for number in range(2, 18)]  # 001 and 018 are NEG-TDD-006 and NEG-TDD-005


@judges(
    *(f"UL-{actor}-{number}" for actor in ("TDD", "WATCHER") for number in NUMBERS),
    at=lambda observed, transaction: [], even_if_nothing_came=True,
)  # fmt: skip
def sends_as_the_upper_layer_says(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge one topic by the bytes of the system on all its associations."""
    sent = [
        one.sent[0 if one.requestor == observed.title else 1]
        for one in observed.associations
        if len(one.sent) == 2  # older recordings have no bytes
    ]
    judgement = judge_sent(topic_of(requirement.id), sent)
    return judgement.not_judged or list(judgement.findings)

"""Judge of how a TDD or a watcher writes the values that it sends [PS3.5 6.2]."""

from __future__ import annotations

from ...profile import Requirement
from ...profile.ups_service import SUBSCRIBE
from ...transcript.exchange import Exchange
from ..findings import Finding
from ..values import illegal_values
from .messages import action_type
from .observed import ObservedSession
from .registry import judges
from .tdd_common import each

MOST = 20  # findings: who writes a thousand wrong is wrong


def _sent(observed: ObservedSession) -> list[Exchange]:
    return [exchange for exchange in observed.requests if exchange.request.encoded is not None]


@judges("NEG-TDD-008", "NEG-WATCHER-008", at=lambda observed, transaction: _sent(observed), even_if_nothing_came=True)
def writes_values_as_they_are_to_be_written(requirement: Requirement, observed: ObservedSession) -> list[Finding] | str:
    """Judge all values of its requests; those of keys as keys may be."""

    def one(exchange: Exchange) -> list[Finding]:
        keys = exchange.service in ("C-FIND", "C-MOVE") or action_type(exchange) == SUBSCRIBE
        return illegal_values(exchange.request, f"{exchange.service}: ", key=keys)

    sent = _sent(observed)
    return each(sent, one, "request")[:MOST] if sent else "the system sent no data set"

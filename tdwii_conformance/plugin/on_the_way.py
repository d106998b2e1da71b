"""What a test only needs on the way, and does not get: then it is not judged, and the requirement that says so is named.

One failure, few verdicts: a system that does not answer N-GET fails the requirement to show a UPS, and not a hundred others
that look at one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from ..profile import Requirement
from ..profile.statuses import is_failure, status_text
from ..profile.ups_service import UPS
from ..transcript.exchange import Exchange
from .keys import patience_key, running_key, system_key

if TYPE_CHECKING:
    from ..sut.config import SystemUnderTest

__all__ = ["missing"]

NO_SUCH_UPS = 0xC307  # [CC.2.7.3]
# By service and, of what is about a UPS, whether it is one that the system has: the requirements that say it is answered.
# The first is named, the others fail as well.
SAY_SO: dict[tuple[str, bool], tuple[str, ...]] = {
    ("C-ECHO", True): ("NEG-TMS-001", "NEG-OST-001"),
    ("C-FIND", True): ("RO58-TMS-001", "CC28-TMS-049", "CC28-TMS-050", "CC28-TMS-057"),
    ("C-MOVE", True): ("RO61-TMS-001", "RO59-OST-001"),
    ("C-STORE", True): ("RO63-OST-001",),
    ("N-CREATE", True): ("CC25-TMS-001",),
    ("N-GET", True): ("CC27-TMS-012", "CC31-TMS-001"),
    ("N-GET", False): ("CC27-TMS-010", "CC27-TMS-011"),
    ("N-SET", True): ("RO62-TMS-001",),
    ("N-SET", False): ("CC26-TMS-001",),
    ("N-ACTION", True): ("RO60-TMS-001", "CC22-TMS-001", "CC22-TMS-002", "CC23-TMS-013"),
    ("N-ACTION", False): ("RO60-TMS-009", "RO60-TMS-017"),
}
# The same of N-GET under other presentation contexts than UPS Pull.
UNDER: dict[str, tuple[str, ...]] = {
    UPS.PUSH: ("CC27-TMS-016", "CC31-TMS-003"),
    UPS.WATCH: ("CC27-TMS-017", "CC31-TMS-002"),
}


def missing(config: pytest.Config, requirement: Requirement, exchanges: Iterable[Exchange]) -> str:
    """Return why a test that failed could not judge: a service that the system does not give; empty if it could.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    requirement : Requirement
        What the test is about.
    exchanges : iterable of Exchange
        What it looked at.
    """
    system, patience = config.stash.get(running_key, None), config.stash[patience_key]
    if system is None:
        return ""
    seen = list(exchanges)
    if system_key in config.stash and (wrong := _set_up_wrong(system, seen)):
        return f"not judged: {wrong}"
    for exchange in seen:
        shown = patience.kind(exchange).shown
        # That a UPS is not there (any more) is an answer, and may be what is to be found out.
        refused = is_failure(exchange.status) and exchange.status != NO_SUCH_UPS
        looked_in_vain = exchange.service == "N-GET" and shown and refused
        if not (exchange.failure or looked_in_vain):
            continue
        say_so = SAY_SO.get((exchange.service, shown), ())
        if exchange.service == "N-GET" and shown:
            say_so = UNDER.get(exchange.abstract_syntax, say_so)
        if not say_so or requirement.id in say_so:
            continue
        if not _answers(system, config, exchange, shown=shown):
            what = exchange.failure or f"status {status_text(exchange.status)}"
            of = "" if shown else " of a UPS that it does not know"
            return f"not judged: {exchange.service}{of} is needed, and {exchange.acceptor} answers none: {what} ({say_so[0]})"
    return ""


def _set_up_wrong(system: SystemUnderTest, exchanges: Iterable[Exchange]) -> str:
    """Return which of our addresses a system does not know: a matter of its configuration, not a nonconformity."""
    from ..scu.probe import DESTINATION_UNKNOWN, RECEIVER_UNKNOWN, unknown_destination, unknown_receiver

    ours = {title for title in (system.tdd.ae_title, system.second_watcher) if title}
    for exchange in exchanges:
        role = "OST" if system.ost is not None and exchange.acceptor == system.ost.ae_title else "TMS"
        target = str(exchange.request.command.get("MoveDestination", "")).strip()
        if exchange.service == "C-MOVE" and exchange.status == DESTINATION_UNKNOWN and target in ours:
            return unknown_destination(role, target, system.tdd.port)
        asked = exchange.request.dataset if exchange.service == "N-ACTION" else None
        receiver = str(asked.get("ReceivingAE", "")).strip() if asked is not None else ""
        if exchange.status == RECEIVER_UNKNOWN and receiver in ours:
            return unknown_receiver(role, receiver, system.tdd.port)
    return ""


def _answers(system: SystemUnderTest, config: pytest.Config, exchange: Exchange, *, shown: bool) -> bool:
    """Whether a plain request of the same kind is answered, so that it is this one that is answered wrongly."""
    from ..scu.probe import answers_plainly

    peers = {peer.ae_title: peer for peer in (system.ost, system.tms) if peer is not None}
    if exchange.acceptor not in peers:
        return True
    return answers_plainly(
        peers[exchange.acceptor], exchange, shown=shown, calling=system.tdd.ae_title, timeouts=system.timeouts,
        patience=config.stash[patience_key],
    )  # fmt: skip

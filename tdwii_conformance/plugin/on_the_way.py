"""What a test only needs on the way, and does not get: then it is not judged, and the requirement that says so is named.

One failure, few verdicts: a system that does not answer N-GET fails the requirement to show a UPS, and not a hundred others
that look at one.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ..checks import Finding
from ..checks.events import NO_REPORT
from ..dimse import asked_for
from ..profile import Requirement
from ..profile.statuses import is_failure, status_text
from ..profile.ups_service import ACTION_TYPES, CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ..transcript.exchange import Exchange
from .keys import first_look_key, patience_key, plainly_key, receiver_key, running_key, system_key

if TYPE_CHECKING:
    from ..sut.config import SystemUnderTest

__all__ = ["missing", "set_up_wrong"]

NO_SUCH_UPS = 0xC307  # [CC.2.7.3]
CHANGE = f"N-ACTION {ACTION_TYPES[CHANGE_STATE]}"
# By what is asked for: the requirements that say that it is done. The first is named, the others fail as well.
SAY_SO: dict[str, tuple[str, ...]] = {
    "C-ECHO": ("NEG-TMS-001", "NEG-OST-001"),
    "C-FIND": ("RO58-TMS-001", "CC28-TMS-049", "CC28-TMS-050", "CC28-TMS-057"),
    "C-MOVE": ("RO61-TMS-001", "RO59-OST-001"),
    "C-STORE": ("RO63-OST-001",),
    "N-CREATE": ("CC25-TMS-001", "CC11-TMS-011"),
    "N-GET": ("CC27-TMS-012", "CC31-TMS-001"),
    # Where no N-SET is answered, either kind stands for the other (`dimse.patience`).
    "N-SET": ("CC26-TMS-002", "RO62-TMS-016", "RO62-TMS-001", "CC26-TMS-005"),
    "N-SET with Transaction UID": ("RO62-TMS-001", "CC26-TMS-005", "RO62-TMS-016", "CC26-TMS-002"),
    CHANGE: ("RO60-TMS-001", "CC11-TMS-022"),
    f"{CHANGE} to COMPLETED": ("RO65-TMS-001", "CC11-TMS-053"),
    f"{CHANGE} to CANCELED": ("RO65-TMS-001", "CC11-TMS-083"),
    f"N-ACTION {ACTION_TYPES[REQUEST_CANCEL]}": ("CC22-TMS-001", "CC11-TMS-072"),
    f"N-ACTION {ACTION_TYPES[REQUEST_CANCEL]} under Push": ("CC22-TMS-002",),
    f"N-ACTION {ACTION_TYPES[SUBSCRIBE]}": ("CC23-TMS-013",),
    f"N-ACTION {ACTION_TYPES[SUBSCRIBE]} with lock": ("CC23-TMS-010",),
    f"N-ACTION {ACTION_TYPES[SUBSCRIBE]} globally": ("CC23-TMS-007",),
    f"N-ACTION {ACTION_TYPES[SUBSCRIBE]} globally with lock": ("CC23-TMS-004",),
    f"N-ACTION {ACTION_TYPES[SUBSCRIBE]} by a filter": ("CC23-TMS-043",),
    f"N-ACTION {ACTION_TYPES[UNSUBSCRIBE]}": ("CC23-TMS-018", "CC23-TMS-017"),
    f"N-ACTION {ACTION_TYPES[UNSUBSCRIBE]} globally": ("CC23-TMS-021", "CC23-TMS-020", "CC23-TMS-019"),
    f"N-ACTION {ACTION_TYPES[SUSPEND]} globally": ("CC23-TMS-024", "CC23-TMS-023", "CC23-TMS-022"),
}
REPORTED = ("CC23-TMS-013", "CC24-TMS-002")  # that event reports come at all
# The same of a UPS that the system does not know: that it is answered.
OF_UNKNOWN: dict[str, tuple[str, ...]] = {
    "N-GET": ("CC27-TMS-010", "CC27-TMS-011"),
    "N-SET": ("CC26-TMS-001",),
    "N-SET with Transaction UID": ("CC26-TMS-001", "RO62-TMS-011"),
    CHANGE: ("RO60-TMS-009",),
}
# The same under other presentation contexts than UPS Pull.
UNDER: dict[tuple[str, str], tuple[str, ...]] = {
    ("N-GET", UPS.PUSH): ("CC27-TMS-016", "CC31-TMS-003"),
    ("N-GET", UPS.WATCH): ("CC27-TMS-017", "CC31-TMS-002"),
    ("C-FIND", UPS.WATCH): ("CC28-TMS-049",),
    ("C-FIND", UPS.QUERY): ("CC28-TMS-050",),
}


def missing(
    config: pytest.Config, requirement: Requirement, exchanges: Iterable[Exchange], findings: Iterable[Finding] = ()
) -> str:
    """Return why a test that failed could not judge: a service that the system does not give; empty if it could.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    requirement : Requirement
        What the test is about.
    exchanges : iterable of Exchange
        What it looked at.
    findings : iterable of Finding
        What it found, if anything.
    """
    system = config.stash.get(running_key, None)
    if system is None:
        return ""
    seen = list(exchanges)
    if why := set_up_wrong(config, seen):
        return why
    if any(finding.received == NO_REPORT for finding in findings) and (why := _unreported(system, config, requirement)):
        return why
    failed = [exchange for exchange in seen if exchange.failure or is_failure(exchange.status)]
    if any(requirement.id in SAY_SO.get(asked_for(exchange), ()) for exchange in failed):
        return ""  # it is about one of these, whatever else was asked for on the way
    for exchange in failed:
        if why := _not_given(system, config, requirement, exchange):
            return why
    return ""


def set_up_wrong(config: pytest.Config, exchanges: Iterable[Exchange]) -> str:
    """Return why exchanges judge nothing, where the described system does not know an address of ours; empty if it does.

    Parameters
    ----------
    config : pytest.Config
        Of the run, which notes it.
    exchanges : iterable of Exchange
        What a test looked at.
    """
    if system_key not in config.stash or not (wrong := _set_up_wrong(config.stash[system_key], config, exchanges)):
        return ""
    _notice(config, wrong)
    return f"not judged: {wrong}"


def _notice(config: pytest.Config, wrong: str) -> None:
    """Note what is set up wrong, once; it is said at the end of the run."""
    noticed = config.stash.setdefault(first_look_key, [])
    if wrong not in noticed:
        noticed.append(wrong)


def _not_given(system: SystemUnderTest, config: pytest.Config, requirement: Requirement, exchange: Exchange) -> str:
    """Return why a request that failed could not succeed: the system does nothing of the kind."""
    asked, shown = asked_for(exchange), config.stash[patience_key].kind(exchange).shown
    if asked == "N-GET":
        # That a UPS is not there (any more) is an answer, and may be what is to be found out.
        if not exchange.failure and (not shown or exchange.status == NO_SUCH_UPS):
            return ""
        say_so = UNDER.get((asked, exchange.abstract_syntax), SAY_SO[asked]) if shown else OF_UNKNOWN[asked]
    elif exchange.failure and not shown and asked in OF_UNKNOWN:
        say_so = OF_UNKNOWN[asked]
    else:
        say_so, shown = UNDER.get((asked, exchange.abstract_syntax)) or SAY_SO.get(asked, ()), True
    role = "OST" if system.ost is not None and exchange.acceptor == system.ost.ae_title else "TMS"
    say_so = tuple(one for one in say_so if f"-{role}-" in one)
    if not say_so or requirement.id in say_so or _does(system, config, exchange, shown=shown):
        return ""
    what = exchange.failure or f"status {status_text(exchange.status)}"
    of = "" if shown else " of a UPS that it does not know"
    how = "answers none" if exchange.failure else "refuses it"
    return f"not judged: {asked}{of} is needed, and {exchange.acceptor} {how}: {what} ({say_so[0]})"


def _unreported(system: SystemUnderTest, config: pytest.Config, requirement: Requirement) -> str:
    """Return why an event report that did not come shows nothing: none has ever come."""
    receiver = config.stash.get(receiver_key, None)
    if receiver is None or receiver.ever_reported:
        return ""
    from ..scu.probe import never_called, unknown_destination, unknown_receiver

    ours = system.tdd.ae_title, receiver.peer.port
    for wrong in (unknown_destination("TMS", *ours), unknown_receiver("TMS", *ours)):
        if wrong in config.stash.get(first_look_key, ()):  # no wonder that none comes
            return f"not judged: {wrong}"
    if requirement.id in REPORTED:
        return ""
    other = {system.ost.ae_title} if system.ost and system.tms and system.ost.ae_title != system.tms.ae_title else set()
    if receiver.callers - other or system.tms is None:
        return f"not judged: event reports are needed, and none has ever come ({REPORTED[0]})"
    wrong = never_called("TMS", *ours)
    _notice(config, wrong)
    return f"not judged: event reports are needed, and none has ever come ({REPORTED[0]}): {wrong}"


def _set_up_wrong(system: SystemUnderTest, config: pytest.Config, exchanges: Iterable[Exchange]) -> str:
    """Return which of our addresses a system does not know: a matter of its configuration, not a nonconformity."""
    from ..scu.probe import (
        DESTINATION_UNKNOWN,
        RECEIVER_UNKNOWN,
        never_called,
        none_sent,
        unknown_destination,
        unknown_receiver,
    )

    receiver_of_ours = config.stash.get(receiver_key, None)

    ours = {title for title in (system.tdd.ae_title, system.second_watcher) if title}
    for exchange in exchanges:
        role = "OST" if system.ost is not None and exchange.acceptor == system.ost.ae_title else "TMS"
        target = str(exchange.request.command.get("MoveDestination", "")).strip()
        if exchange.service == "C-MOVE" and exchange.status == DESTINATION_UNKNOWN and target in ours:
            return unknown_destination(role, target, system.tdd.port)
        came = receiver_of_ours is None or exchange.acceptor in receiver_of_ours.callers
        if target in ours and none_sent(exchange) and not came:
            return never_called(role, target, system.tdd.port)
        asked = exchange.request.dataset if exchange.service == "N-ACTION" else None
        receiver = str(asked.get("ReceivingAE", "")).strip() if asked is not None else ""
        if exchange.status == RECEIVER_UNKNOWN and receiver in ours:
            return unknown_receiver(role, receiver, system.tdd.port)
    return ""


def _does(system: SystemUnderTest, config: pytest.Config, exchange: Exchange, *, shown: bool) -> bool:
    """Whether a plain request of the same kind is done, so that it is this one that is answered wrongly."""
    from ..scu.probe import PLAIN, answers_plainly

    patience = config.stash[patience_key]
    peers = {peer.ae_title: peer for peer in (system.ost, system.tms) if peer is not None}
    if exchange.acceptor not in peers:
        return True
    if exchange.service in PLAIN or not shown:
        return answers_plainly(
            peers[exchange.acceptor], exchange, shown=shown, calling=system.tdd.ae_title, timeouts=system.timeouts,
            patience=patience,
        )  # fmt: skip
    if patience.ever_done(exchange):
        return True
    done = None
    if plainly_key in config.stash:
        with suppress(pytest.skip.Exception):  # what changes a system is not asked for without consent
            done = config.stash[plainly_key](exchange)
    return not exchange.failure if done is None else done  # a refusal alone does not show that nothing of the kind is done

"""Checks of how an operation was answered: status, and what the response's command set says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..profile import Requirement
from ..profile.statuses import is_failure, is_warning, status_text
from ..transcript.exchange import Exchange
from .findings import Finding

__all__ = ["accepted", "answered", "no_foreign_uid", "no_other_action", "no_transaction_uid", "reading", "refused", "status"]


def answered(exchange: Exchange) -> list[Finding]:
    """Check that a final response came and that its status is there."""
    if exchange.failure:
        return [Finding(f"a response to {exchange.service}", exchange.failure)]
    if exchange.status is None:
        return [Finding(f"a response to {exchange.service} with a status", "no response")]
    return []


def status(exchange: Exchange, requirement: Requirement) -> list[Finding]:
    """Check the final status against the catalogue's: those that pass, and those that are tolerated with a warning."""
    if found := answered(exchange):
        return found
    expected = "status " + " or ".join(status_text(code) for code in requirement.statuses)
    received = f"status {status_text(exchange.status, exchange.service)}{_comment(exchange)}"
    if exchange.status in requirement.statuses:
        return []
    weight: Literal["fault", "warning"] = "warning" if exchange.status in requirement.warnings else "fault"
    return [Finding(expected, received, weight=weight)]


def _comment(exchange: Exchange) -> str:
    comment = exchange.response.command.get("ErrorComment") if exchange.response else None
    return f', Error Comment "{comment}"' if comment else ""


def reading(exchange: Exchange, requirement: Requirement) -> str:
    """Return which of the readings that the text allows the system follows; empty where there is only one."""
    code = "" if exchange.status is None else f"{exchange.status:04X}"
    return f"{code}: {requirement.readings[code]}" if code in requirement.readings else ""


def refused(exchange: Exchange, what: str) -> list[Finding]:
    """Check that an operation was refused, with whatever failure status."""
    if found := answered(exchange):
        return found
    if is_failure(exchange.status):
        return []
    return [Finding(f"a failure status for {what}", f"status {status_text(exchange.status, exchange.service)}")]


def accepted(exchange: Exchange, what: str) -> list[Finding]:
    """Check that an operation was done: success, or a warning."""
    if found := answered(exchange):
        return found
    if exchange.status == 0 or is_warning(exchange.status):
        return []
    received = f"status {status_text(exchange.status, exchange.service)}{_comment(exchange)}"
    return [Finding(f"success or a warning for {what}", received)]


def no_foreign_uid(exchange: Exchange, keyword: str, expected: str) -> list[Finding]:
    """Check in all responses that a UID of the command set is absent or the expected one.

    Parameters
    ----------
    exchange : Exchange
    keyword : str
        ``AffectedSOPClassUID`` or ``AffectedSOPInstanceUID``.
    expected : str
        The UID it may have.
    """
    found = answered(exchange)
    for number, message in enumerate(exchange.responses):
        value = message.command.get(keyword)
        if value and value != expected:
            found.append(Finding(f"{keyword} absent or {expected}", f"{value}", f"response {number + 1}, command set"))
    return found


def no_other_action(exchange: Exchange) -> list[Finding]:
    """Check that Action Type ID is absent from the response to an N-ACTION, or that of the request [PS3.7 10.1.4]."""
    found = answered(exchange)
    asked = exchange.request.command.get("ActionTypeID")
    for message in exchange.responses:
        value = message.command.get("ActionTypeID")
        if value not in (None, "") and value != asked:
            found.append(Finding(f"ActionTypeID absent or {asked}", f"{value}", "command set of the response"))
    return found


def no_transaction_uid(exchanges: Iterable[Exchange]) -> list[Finding]:
    """Check that no response gives the lock away, in its data set or in its command set."""
    found = []
    for exchange in exchanges:
        for number, message in enumerate(exchange.responses):
            for part in (message.command, message.dataset):
                if part is not None and "TransactionUID" in part:
                    received = f"{part.TransactionUID or 'the attribute, without a value'}"
                    found.append(Finding("no Transaction UID in a response", received, f"response {number + 1}"))
    return found

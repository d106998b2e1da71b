"""What an answer means to the one who asked: done, done with a remark, or not; by the status and by what was asked."""

from __future__ import annotations

from typing import Literal

from ..profile.statuses import CANCEL, GENERAL_WARNINGS, fits, is_failure, is_warning, meaning, status_text
from ..profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE
from .exchange import Exchange

__all__ = ["Answered", "answered", "asked", "said"]

Answered = Literal["done", "warning", "refused", "contradicted", "none"]
SUCCESS = 0x0000


def asked(exchange: Exchange) -> str:
    """Return what an N-ACTION asks for: a Procedure Step State, ``SUBSCRIBE`` or ``REQUEST-CANCEL``; empty for all else."""
    if exchange.service != "N-ACTION":
        return ""
    action, information = exchange.request.command.get("ActionTypeID"), exchange.request.dataset
    if action == CHANGE_STATE and information is not None:
        return str(information.get("ProcedureStepState") or "")
    return {SUBSCRIBE: "SUBSCRIBE", REQUEST_CANCEL: "REQUEST-CANCEL"}.get(action or 0, "")


def answered(exchange: Exchange) -> Answered:
    """Return what became of what was asked.

    Returns
    -------
    {"done", "warning", "refused", "contradicted", "none"}
        ``contradicted`` if the status is no failure and is none that this request can be answered with: one that belongs to
        another service, one that is not final (FE00 and FF00 of a service that has none), one that says the opposite (a claim
        answered "already COMPLETED"). ``none`` if there was no answer.
    """
    status = exchange.status
    if exchange.failure or status is None:
        return "none"
    if status == SUCCESS:
        return "done"
    if is_failure(status):
        return "refused"
    if is_warning(status) and (fits(status, exchange.service, asked(exchange)) or _unknown(status)):
        return "warning"
    return "contradicted"


def _unknown(status: int) -> bool:
    """Whether a warning is a general one, or none that any service has: an implementation's own, by its range [PS3.7 C.4]."""
    return status in GENERAL_WARNINGS or meaning(status) is None


def said(exchange: Exchange) -> str:
    """Return the final status for a reader, and whether it contradicts what was asked."""
    text = status_text(exchange.status, exchange.service)
    status = exchange.status
    if status is not None and answered(exchange) == "contradicted" and meaning(status, exchange.service) is not None:
        return f"{text}, which contradicts {_request(exchange)}" if status != CANCEL else f"{text}, though nobody canceled it"
    return text


def _request(exchange: Exchange) -> str:
    what = asked(exchange)
    return f"{exchange.service} ({what})" if what else exchange.service

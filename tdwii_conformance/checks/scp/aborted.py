"""Requests that a system never answers but ends the association at, as observed [PS3.7 7.5, PS3.8 7.3]."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from ...profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UPS
from ...transcript.exchange import Exchange
from ...upper_layer import Connection
from ..findings import Finding
from .tally import Tally

__all__ = ["judge_aborted"]

ABORTED = "aborted by the acceptor"  # as `upper_layer.Connection` says how an association ended
ENOUGH = 2  # one abort may have a reason of the day: an operator who closes the program, a restart
Kind = tuple[str, int, str]  # service, Action Type ID, abstract syntax


def judge_aborted(title: str, actor: str, connections: Iterable[Connection], tally: Tally) -> None:
    """Judge that a system answers what it is asked; not so where every request of a kind, of several, made it abort.

    Parameters
    ----------
    title : str
        Its AE title.
    actor : {"TMS", "OST"}
        What it is judged as.
    connections : iterable of Connection
        All that were recorded.
    tally : Tally
        Takes what is found.
    """
    of_kind: dict[Kind, list[tuple[Exchange, bool]]] = defaultdict(list)
    for connection in connections:
        aborted = connection.ended.startswith(ABORTED)
        for exchange in connection.exchanges:
            if exchange.acceptor == title:
                action = int(exchange.request.command.get("ActionTypeID") or 0)
                syntax = exchange.abstract_syntax if exchange.service in ("C-FIND", "N-GET", "N-ACTION") else ""
                # Whose request is malformed is aborted with reason.
                broken = any(side == "requestor" for side, _ in connection.malformations)
                of_kind[exchange.service, action, syntax].append((exchange, aborted and bool(exchange.failure) and not broken))
    for kind, several in of_kind.items():
        if len(several) < ENOUGH or not all(aborted for _, aborted in several):
            continue
        exchanges = [exchange for exchange, _ in several]
        name = kind[0] + (f" of type {kind[1]}" if kind[1] else "")
        found = Finding("a response", f"A-ABORT at each {name}, {len(several)} times")
        tally.add(_ids(kind, actor, exchanges), [found], *exchanges[:ENOUGH])


def _asked(exchange: Exchange) -> Dataset:
    return exchange.request.dataset if exchange.request.dataset is not None else Dataset()


# Which requirement says that a request of a kind is granted; "" of any context.
GRANTED: dict[str, dict[tuple[str, int, str], str]] = {
    "OST": {("C-ECHO", 0, ""): "NEG-OST-001", ("C-MOVE", 0, ""): "RO59-OST-001", ("C-STORE", 0, ""): "RO63-OST-001"},
    "TMS": {
        ("C-ECHO", 0, ""): "NEG-TMS-001",
        ("C-MOVE", 0, ""): "RO61-TMS-001",
        ("C-FIND", 0, UPS.PULL): "RO58-TMS-001",
        ("C-FIND", 0, UPS.WATCH): "CC28-TMS-049",
        ("C-FIND", 0, UPS.QUERY): "CC28-TMS-050",
        ("N-CREATE", 0, ""): "CC25-TMS-001",
        ("N-SET", 0, ""): "RO62-TMS-001",
        ("N-GET", 0, UPS.PULL): "CC27-TMS-012",
        ("N-GET", 0, UPS.PUSH): "CC27-TMS-016",
        ("N-ACTION", CHANGE_STATE, UPS.PULL): "RO60-TMS-001",
        ("N-ACTION", REQUEST_CANCEL, UPS.WATCH): "CC22-TMS-001",
        ("N-ACTION", REQUEST_CANCEL, UPS.PUSH): "CC22-TMS-002",
        ("N-ACTION", SUBSCRIBE, UPS.WATCH): "CC23-TMS-013",
    },
}


def _ids(kind: Kind, actor: str, several: Sequence[Exchange]) -> tuple[str, ...]:
    """Return the requirement that says that a request of a kind is granted, if they are such."""
    found = GRANTED[actor].get(kind)
    if kind[0] == "N-SET" and not any("TransactionUID" in _asked(one) for one in several):
        return ()
    if kind[:2] == ("N-ACTION", CHANGE_STATE) and not any(
        _asked(one).get("ProcedureStepState") == "IN PROGRESS" for one in several
    ):
        return ()
    return (found,) if found else ()

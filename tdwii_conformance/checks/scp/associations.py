"""How a system answers association requests, as observed: presentation contexts, Verification, release [PS3.8 9.3.3, PS3.7 D.3]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
)

from ...profile.catalogue import Catalogue
from ...profile.ups_service import UPS
from ...transcript.exchange import Exchange
from ...upper_layer import Connection
from .. import status
from ..findings import Finding
from .tally import Tally

__all__ = ["judge_associations"]

VERIFICATION, MOVE = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.2"
ACCEPTED = {
    "TMS": {
        UPS.PULL: "NEG-TMS-002",
        UPS.PUSH: "NEG-TMS-003",
        MOVE: "NEG-TMS-004",
        UPS.WATCH: "NEG-TMS-012",
        UPS.QUERY: "NEG-TMS-013",
    },
    "OST": {
        MOVE: "NEG-OST-002",
        RTBeamsTreatmentRecordStorage: "NEG-OST-003",
        RTIonBeamsTreatmentRecordStorage: "NEG-OST-004",
    },
}  # fmt: skip


def judge_associations(
    title: str, actor: str, connections: Iterable[Connection], exchanges: Sequence[Exchange], catalogue: Catalogue, tally: Tally
) -> None:
    """Judge how a system answers association requests.

    Parameters
    ----------
    title : str
        Its AE title.
    actor : {"TMS", "OST"}
        What it is judged as.
    connections : iterable of Connection
        All that were recorded.
    exchanges : sequence of Exchange
        Likewise.
    catalogue : Catalogue
        The requirements.
    tally : Tally
        Takes what is found.
    """
    for exchange in exchanges:
        if exchange.service == "C-ECHO" and exchange.acceptor == title and not exchange.failure:
            one = f"NEG-{actor}-001"
            tally.add((one,), status.status(exchange, catalogue[one]), exchange)
    for connection in connections:
        if connection.request is not None and connection.answer is not None and connection.request.called == title:
            _judge(connection, actor, catalogue, tally)


def _judge(connection: Connection, actor: str, catalogue: Catalogue, tally: Tally) -> None:
    assert connection.request is not None
    assert connection.answer is not None
    results = {context.id: context for context in connection.answer.contexts}
    accepted: dict[str, set[str]] = {}
    refused: dict[str, set[str]] = {}
    wrong = []
    for context in connection.request.contexts:
        answer = results.get(context.id)
        if answer is None or answer.result is None:
            continue
        syntaxes = set(context.transfer_syntaxes)
        (accepted if answer.result == 0 else refused).setdefault(context.abstract_syntax, set()).update(syntaxes)
        if answer.result == 0 and (len(answer.transfer_syntaxes) != 1 or answer.transfer_syntaxes[0] not in syntaxes):
            chosen = ", ".join(answer.transfer_syntaxes) or "none"
            wrong.append(Finding(f"one of {', '.join(sorted(syntaxes))}", f"{chosen} in context {context.id}"))
    tally.add((f"NEG-{actor}-010",), wrong)
    for syntax, one in (*ACCEPTED[actor].items(), (VERIFICATION, f"NEG-{actor}-001")):
        # What a vendor may leave out is not missed, and Verification may be on another association.
        if syntax in accepted:
            tally.add((one,))
        elif ImplicitVRLittleEndian in refused.get(syntax, ()) and not catalogue[one].capability:
            tally.add((one,), [Finding(f"{UID(syntax).name} accepted", "refused in every presentation context")])
    for transfer, number in ((ImplicitVRLittleEndian, "005"), (ExplicitVRLittleEndian, "006")):
        for syntax, offered in refused.items():
            if offered == {transfer} and syntax in accepted:
                finding = Finding(f"{UID(syntax).name} accepted with {transfer.name}", "refused with it, accepted with another")
                tally.add((f"NEG-{actor}-{number}",), [finding])
        if any(transfer in syntaxes for syntaxes in accepted.values()):
            tally.add((f"NEG-{actor}-{number}",))
    if refused:
        tally.add((f"NEG-{actor}-007",))
    if set(accepted) == {UPS.PULL} and actor == "TMS":
        tally.add(("CC31-TMS-009",))
    if connection.ended == "released":
        tally.add((f"NEG-{actor}-011",))

"""What a system that answers sends on the upper layer, as observed: on associations that it accepts, and on those it requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...profile.catalogue import Catalogue
from ...transcript.exchange import Exchange
from ...upper_layer import Connection
from ..upper_layer import SYNTAX, as_observed, judge_sent, judge_syntax, topic_of
from .tally import Tally

__all__ = ["judge_upper_layer"]


def judge_upper_layer(
    title: str, actor: str, connections: Iterable[Connection], exchanges: Sequence[Exchange], catalogue: Catalogue, tally: Tally
) -> None:
    """Judge the bytes of a system by the requirements of PS3.8 and PS3.7.

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
    sent = []
    for connection in connections:
        if connection.request is not None and connection.request.calling == title:
            sent.append(connection.sent("requestor"))
        if connection.request is not None and connection.request.called == title:
            sent.append(connection.sent("acceptor"))
    for requirement in catalogue.of(actor=actor):
        if requirement.transaction != "upper layer" or not as_observed(requirement.id):
            continue
        of_data_sets = requirement.id.endswith(SYNTAX)
        judgement = judge_syntax(exchanges, title) if of_data_sets else judge_sent(topic_of(requirement.id), sent)
        if not judgement.not_judged:
            tally.add((requirement.id,), judgement.findings)

"""Judges what a system sends on the upper layer and as DIMSE messages: a topic, and what was seen of it, to findings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.uid import UID

from ..transcript.exchange import Exchange
from ..transcript.sent import Sent
from .attributes import Judgement
from .findings import Finding

__all__ = ["NOT_SEEN", "SYNTAX", "TOPICS", "as_observed", "judge_sent", "judge_syntax", "topic_of"]

# By the number of the requirement, UL-TMS-001 and so on: the topic of `upper_layer.malformation`.
TOPICS = {
    "001": "pdu", "002": "lengths", "003": "associate", "004": "titles", "005": "uids", "006": "contexts",
    "007": "transfer-syntax", "008": "roles", "009": "maximum-length", "010": "fragments", "011": "context", "012": "state",
    "013": "reasons", "014": "operations", "015": "command", "016": "elements", "017": "data-set",
}  # fmt: skip
SYNTAX = "018"  # judged by the exchanges: a data set is decoded when somebody looks
NOT_SEEN = {
    "pdu": "the system sent nothing", "lengths": "the system sent nothing", "state": "the system sent nothing",
    "associate": "the system neither requested nor accepted an association",
    "titles": "the system neither requested nor accepted an association",
    "uids": "the system neither requested nor accepted an association",
    "contexts": "the system neither requested nor accepted an association",
    "transfer-syntax": "the system accepted no presentation context", "roles": "no roles were negotiated",
    "reasons": "the system rejected and aborted nothing",
}  # fmt: skip
MOST = 10  # findings of one kind that a reader is shown


def topic_of(requirement_id: str) -> str:
    """Return the topic of a requirement ``UL-...``; empty for the one on data sets."""
    return TOPICS.get(requirement_id.rpartition("-")[2], "")


def as_observed(requirement_id: str) -> bool:
    """Whether a requirement ``UL-...`` is judged by what a system sends, whatever it is asked; the others have to be driven."""
    return bool(topic_of(requirement_id)) or requirement_id.endswith(SYNTAX)


def judge_sent(topic: str, sent: Iterable[Sent]) -> Judgement:
    """Judge one topic by what a system has sent on its associations.

    Parameters
    ----------
    topic : str
        One of `TOPICS`.
    sent : iterable of Sent
        Of each of its associations.
    """
    every = list(sent)
    if not every:
        return Judgement(not_judged="no bytes of the system were recorded")
    found = [one for association in every for one in association.wrong if one.topic == topic]
    if not found and not any(topic in association.came_up for association in every):
        return Judgement(not_judged=NOT_SEEN.get(topic, "the system sent no message"))
    findings = dict.fromkeys(Finding(one.expected, one.received, weight="warning" if one.tolerable else "fault") for one in found)
    return Judgement(tuple(findings)[:MOST])


def judge_syntax(exchanges: Sequence[Exchange], title: str) -> Judgement:
    """Judge the encoding of the data sets that a system has sent.

    Parameters
    ----------
    exchanges : sequence of Exchange
        Those it took part in.
    title : str
        Its AE title.
    """
    asked = [(e, e.request) for e in exchanges if e.requestor == title]
    answered = [(e, message) for e in exchanges if e.acceptor == title for message in e.responses]
    sent = [(e, message) for e, message in (*asked, *answered) if message.encoded is not None]
    if not sent:
        return Judgement(not_judged="the system sent no data set")
    wrong = [(e, message) for e, message in sent if message.undecodable][:MOST]
    return Judgement(
        tuple(
            Finding(f"a data set in {UID(m.transfer_syntax).name}", f"{len(m.encoded or b'')} bytes that are none", e.service)
            for e, m in wrong
        )
    )

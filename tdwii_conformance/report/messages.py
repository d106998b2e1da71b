"""The messages of an exchange kept as dcmdump text: who sent what, when, with which status; where a finding points. Pure.

The text is that of `dcmdump.dump_exchange`: headings are comments, a line is an element. Nothing here decodes a data set again, so
that results of earlier versions, and of others, are shown in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from ..profile.ups_service import ACTION_TYPES, EVENT_TYPES

__all__ = ["Fault", "Message", "answer_of", "fault_of", "in_time", "messages_of"]

REQUEST = re.compile(r"# ([CN]-[A-Z-]+) request, (.*?) -> (.*?), (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+), (.*)")
RESPONSE = re.compile(r"# ([CN]-[A-Z-]+) response (\d+) of (\d+), (.*?) -> (.*?), (\S+), (-?\d+) ms after the request, status (.*)")
ELEMENT = re.compile(r"(?P<indent> *)\((?P<tag>[0-9a-f]{4},[0-9a-f]{4})\) (?P<rest>.*)")
STEP = re.compile(r"(?P<keyword>[A-Za-z0-9]+)(?:\[(?P<item>\d+)\])?(?:\[[^\]]*\])?")
TYPE_ID = re.compile(r"\((?:0000,1008|0000,1002)\) US (\d+)")
ITEM = "fffe,e000"
STATUS = "0000,0900"
# The requests of a transaction, as `Message.what` has them: its own, not those that lead to it or look afterwards.
REQUESTS = {
    "RO-58": ("C-FIND",), "RO-59": ("C-MOVE",), "RO-60": ("N-ACTION Change",), "RO-61": ("C-MOVE",), "RO-62": ("N-SET",),
    "RO-63": ("C-STORE",), "RO-64": ("N-SET",), "RO-65": ("N-ACTION Change",), "CC.2.1": ("N-ACTION Change",),
    "CC.2.2": ("N-ACTION Request",), "CC.2.3": ("N-ACTION Subscribe", "N-ACTION Unsubscribe", "N-ACTION Suspend"),
    "CC.2.4": ("N-EVENT-REPORT",), "CC.2.5": ("N-CREATE",), "CC.2.6": ("N-SET",), "CC.2.7": ("N-GET",), "CC.2.8": ("C-FIND",),
}  # fmt: skip
CALLED = {"TMS", "OST"}  # actors that answer; the others ask


@dataclass(frozen=True)
class Message:
    """A message of an exchange.

    Parameters
    ----------
    exchange : int
        Which of the texts it is in, from 0.
    sender, receiver : str
        AE titles; empty where nothing came.
    what : str
        ``N-ACTION Change UPS State``, ``response 2 of 3``, or why there was no response.
    service : str
        Of DIMSE.
    status : str
        Number and meaning; empty in a request.
    time : str
        Of the clock in a request, since the request in a response.
    lines : range
        Of the text, the heading first.
    """

    exchange: int
    sender: str
    receiver: str
    what: str
    service: str
    status: str = ""
    time: str = ""
    lines: range = range(0)

    @property
    def is_request(self) -> bool:
        """Whether it asks."""
        return bool(self.time) and not self.status

    @property
    def missing(self) -> bool:
        """Whether it is a response that did not come."""
        return not self.time


@dataclass(frozen=True)
class Fault:
    """Where a finding points.

    Parameters
    ----------
    message : Message
        In which message.
    line : int or None
        The line of its text with the element, or the one behind which it would be; ``None``: the message as a whole.
    absent : str
        The keyword of the element that is not there; empty when it is.
    """

    message: Message
    line: int | None = None
    absent: str = ""


def messages_of(texts: Sequence[str]) -> list[Message]:
    """Return the messages of exchanges, in the order in which they were begun; a text that is none has none.

    Parameters
    ----------
    texts : sequence of str
        Exchanges as dcmdump text.
    """
    return [message for number in in_time(texts) for message in _messages(number, texts[number].split("\n"))]


def in_time(texts: Sequence[str]) -> list[int]:
    """Return the numbers of exchanges in the order in which they were begun; what is none comes last.

    A test notes what its fixtures hold first, in the order of its parameters.
    """

    def begun(number: int) -> tuple[bool, str, str]:
        request = REQUEST.match(texts[number])
        return (request is None, *(request[4], request[5])) if request else (True, "", "")

    return sorted(range(len(texts)), key=begun)


def _messages(number: int, lines: list[str]) -> Iterator[Message]:
    heads = [n for n, line in enumerate(lines) if REQUEST.match(line) or RESPONSE.match(line)]
    request = REQUEST.match(lines[0]) if lines else None
    if request is None:
        return
    for begin, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        if found := REQUEST.match(lines[begin]):
            service, sender, receiver, _, clock, _ = found.groups()
            type_id = next((match[1] for line in lines[begin:end] if (match := TYPE_ID.match(line))), "")
            names = EVENT_TYPES if service == "N-EVENT-REPORT" else ACTION_TYPES if service == "N-ACTION" else {}
            what = f"{service} {names.get(int(type_id or 0), type_id)}".strip()
            yield Message(number, sender, receiver, what, service, time=clock, lines=range(begin, end))
        elif found := RESPONSE.match(lines[begin]):
            service, place, count, sender, receiver, _, later, status = found.groups()
            what = f"response {place} of {count}" if count != "1" else "response"
            yield Message(number, sender, receiver, what, service, status, f"+{later} ms", range(begin, end))
    service, asked, answers = request[1], request[2], request[3]
    if why := _failure(lines):
        yield Message(number, answers, asked, why, service, lines=range(len(lines), len(lines)))


def _failure(lines: list[str]) -> str:
    """Return why the exchange had no proper end: the lone comment behind all messages."""
    said = [line for line in lines if line]
    last = said[-1] if said else ""
    alone = len(lines) > 2 and last.startswith("# ") and not RESPONSE.match(last) and not last.startswith(("# Dicom", "# Used"))
    place = next((n for n in range(len(lines) - 1, 0, -1) if lines[n] == last), 0)
    return last[2:] if alone and place and lines[place - 1] == "" else ""


def fault_of(texts: Sequence[str], finding: Mapping[str, str], actor: str, transaction: str = "") -> Fault | None:
    """Return the message, and the element in it, that a finding is about; ``None`` if it is about no single one.

    Parameters
    ----------
    texts : sequence of str
        The exchanges that the test looked at.
    finding : mapping of str to str
        With ``received`` and ``path``.
    actor : str
        Whose requirement it is: what the others sent is not at fault.
    transaction : str, optional
        Of the requirement: of several messages that it may be, one of such a request is meant, and the last of them.
    """
    own = _own(texts, actor, transaction)
    received, path = finding.get("received", ""), finding.get("path", "")
    lines = [text.split("\n") for text in texts]
    numbered = re.fullmatch(r"response (\d+)", path)
    if numbered:
        named = f"response {numbered[1]} of "
        return next((Fault(one) for one in reversed(own) if one.what.startswith(named)), _only(own))
    if lost := next((one for one in reversed(own) if one.missing and one.what in received), None):
        return Fault(lost)
    if code := re.search(r"\b([0-9A-F]{4})\b(?: \(|$|;|,)", received) if "status" in received or path == "Status" else None:
        answers = [one for one in own if one.status.startswith(code[1])]
        if answers:
            return Fault(answers[-1], _line_of(lines[answers[-1].exchange], answers[-1].lines, [(STATUS, None)])[0])
    steps = _steps(path if path != "command set" else re.split(r"\W", finding.get("expected", ""))[0])
    placed = [fault for one in reversed(own) if steps and (fault := _placed(one, lines[one.exchange], steps, received))]
    if placed:
        there = [fault for fault in placed if not fault.absent]
        without = sorted((fault for fault in placed if fault.absent), key=lambda fault: -_depth_of(lines, fault))
        best = [fault for fault in there if _holds(lines, fault, received)]
        return (without + there if "absent" in received else best + there + without)[0]
    return _only(own)


def answer_of(texts: Sequence[str], actor: str, transaction: str) -> Message | None:
    """Return the first message of the exchange that a requirement is most likely about, where a finding points at none.

    Parameters
    ----------
    texts, actor, transaction
        As of `fault_of`.
    """
    own = _own(texts, actor, transaction)
    return next((one for one in own if one.exchange == own[-1].exchange and not one.missing), None)


def _own(texts: Sequence[str], actor: str, transaction: str) -> list[Message]:
    """Return what the actor has sent. What is meant comes last: of the transaction's own requests the latest."""
    messages = messages_of(texts)
    asked = {one.exchange: one.what for one in messages if one.is_request}
    own = [one for one in messages if _sent_by(one, actor, messages)]
    return sorted(own, key=lambda one: asked.get(one.exchange, "").startswith(REQUESTS.get(transaction, ("",))))


def _only(own: Sequence[Message]) -> Fault | None:
    return Fault(own[0]) if len(own) == 1 else None


def _sent_by(one: Message, actor: str, messages: Sequence[Message]) -> bool:
    """Whether the actor sent it, by the roles of the service."""
    moved = one.service == "C-STORE" and any(other.service in ("C-MOVE", "C-GET") for other in messages)
    backwards = moved or one.service == "N-EVENT-REPORT"
    return (one.is_request is backwards) is (actor in CALLED)


def _steps(path: str) -> list[tuple[str, int | None]]:
    """Return tags and items of a path; none if it is no path of keywords."""
    steps = []
    for part in re.split(r"\.(?![^\[]*\])", path):
        match = STEP.fullmatch(part)
        tag = tag_for_keyword(match["keyword"]) if match else None
        if match is None or tag is None:
            return []
        steps.append((f"{tag >> 16:04x},{tag & 0xFFFF:04x}", int(match["item"]) if match["item"] else None))
    return steps


def _placed(one: Message, lines: list[str], steps: list[tuple[str, int | None]], received: str) -> Fault | None:
    """Return where a path leads in a message; ``None`` if not even its first part is there, unless that is what is missing."""
    line, found = _line_of(lines, one.lines, steps)
    if found == len(steps):
        return Fault(one, line)
    keyword = keyword_for_tag(int(steps[found][0].replace(",", ""), 16))
    if line is None and (not any("# Dicom-Data-Set" in lines[n] for n in one.lines) or not received.startswith("attribute absent")):
        return None
    return Fault(one, line, keyword)


def _line_of(lines: list[str], where: range, steps: Sequence[tuple[str, int | None]]) -> tuple[int | None, int]:
    """Return the line of the deepest part of a path that is there, and how many parts are."""
    found, depth, place = 0, 0, None
    begin, end = where.start, where.stop
    for tag, item in steps:
        at = _child(lines, range(begin, end), tag, depth)
        if at is None:
            return place, found
        place, found, begin = at, found + 1, at + 1
        end = _end_of(lines, at, end, depth)
        if found < len(steps):
            depth += 1
            chosen = _item(lines, range(begin, end), item or 0, depth)
            if chosen is None:
                return place, found
            begin, end, depth = chosen.start, chosen.stop, depth + 1
            place = chosen.start - 1
    return place, found


def _depth(line: str) -> int | None:
    match = ELEMENT.match(line)
    return len(match["indent"]) // 2 if match else None


def _child(lines: list[str], where: range, tag: str, depth: int) -> int | None:
    for number in where:
        match = ELEMENT.match(lines[number])
        if match and match["tag"] == tag and len(match["indent"]) // 2 == depth:
            return number
    return None


def _end_of(lines: list[str], at: int, end: int, depth: int) -> int:
    return next((n for n in range(at + 1, end) if (found := _depth(lines[n])) is not None and found <= depth), end)


def _item(lines: list[str], where: range, item: int, depth: int) -> range | None:
    begins = [n for n in where if (m := ELEMENT.match(lines[n])) and m["tag"] == ITEM and len(m["indent"]) // 2 == depth]
    if item >= len(begins):
        return None
    return range(begins[item] + 1, _end_of(lines, begins[item], where.stop, depth))


def _depth_of(lines: Sequence[list[str]], fault: Fault) -> int:
    """Return how deep in the message the line is behind which something is missing."""
    return -1 if fault.line is None else _depth(lines[fault.message.exchange][fault.line]) or 0


def _holds(lines: Sequence[list[str]], fault: Fault, received: str) -> bool:
    """Whether the element's line shows the value that a finding says came."""
    value = re.fullmatch(r"value '?(.*?)'?(?:; .*)?", received)
    return fault.line is not None and value is not None and value[1] in lines[fault.message.exchange][fault.line]

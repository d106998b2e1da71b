"""A connection, recorded from between its two ends: its association, its exchanges, and what is wrong with its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydicom.uid import ImplicitVRLittleEndian

from ..transcript.exchange import Exchange, Message
from ..transcript.observation import GARBAGE, IN_A_MESSAGE, OPEN, Association
from ..transcript.sent import Sent, Wrong
from .associate import Associate, Context
from .malformation import SHOWN, Malformation, Topic
from .messages import NO_DATA_SET, Assembler, Fragment
from .pdus import ABORT, ACCEPT, DATA, NAMES, REJECT, RELEASE, RELEASED, REQUEST, Pdu, PduReader
from .services import CANCEL, PENDING, RESPONSE, SERVICES, SEVERAL, carries, lacking

__all__ = ["SERVICES", "Connection", "Side"]

Side = Literal["requestor", "acceptor"]
SIDES: tuple[Side, Side] = ("requestor", "acceptor")

PRIORITIES = (0, 1, 2)  # medium, high, low [PS3.7 9.3.2.1]
ENDS = {REJECT: "rejected by the {}", RELEASE: "released", ABORT: "aborted by the {}"}
# What, wrong with a response, leaves its operation open.
SPOILS = ("operations", "command", "elements", "fragments", "context", "lengths", "pdu")
# What can be kept of one connection that is nothing but wrong.
MOST_MALFORMATIONS = 1000


def _other(side: Side) -> Side:
    return "acceptor" if side == "requestor" else "requestor"


@dataclass
class _Open:
    """An operation whose final response has not passed."""

    service: str
    asker: Side
    context: int
    request: Message
    responses: list[Message]
    overtaken: int = 0  # where the next request of who has asked begins


class Connection:
    """Takes the bytes of both directions as they pass, and hands on what they are.

    Parameters
    ----------
    opened : datetime.datetime
        When the connection was opened.
    exchange : callable, optional
        Takes each `Exchange` that has ended.
    association : callable, optional
        Takes the `Association` when it stands (``ended`` is then `OPEN`), and when it has ended.
    malformation : callable, optional
        Takes the side that has sent it and each `Malformation`.

    Attributes
    ----------
    exchanges : list of Exchange
        Those that have ended.
    malformations : list of (str, Malformation)
        With the side that has sent them; at most `MOST_MALFORMATIONS`.
    request, answer : Associate or None
        What the A-ASSOCIATE-RQ and -AC said.
    ended : str
        How the association has ended, as `Association` says it; `OPEN` before.
    came_up : mapping of str to set of str
        Of each side the topics that there was something to judge by, as `malformation.TOPICS` has them.
    """

    def __init__(
        self,
        opened: datetime,
        *,
        exchange: Callable[[Exchange], None] | None = None,
        association: Callable[[Association], None] | None = None,
        malformation: Callable[[Side, Malformation], None] | None = None,
    ) -> None:
        self.opened = opened
        self.exchanges: list[Exchange] = []
        self.malformations: list[tuple[Side, Malformation]] = []
        self.request: Associate | None = None
        self.answer: Associate | None = None
        self._done = exchange
        self._changed = association
        self._wrong = malformation
        self._readers: dict[Side, PduReader] = {side: PduReader() for side in SIDES}
        self._assemblers: dict[Side, Assembler] = {side: Assembler() for side in SIDES}
        self._lost: set[Side] = set()
        self._contexts: dict[int, Context] = {}
        self._open: dict[tuple[Side, int], _Open] = {}
        self._last = "the connection was closed before an association was requested"
        self._closed = self._garbage = False
        self._sent: dict[Side, set[int]] = {side: set() for side in SIDES}  # the kinds of PDUs
        self.came_up: dict[Side, set[Topic]] = {side: set() for side in SIDES}
        self.ended = OPEN

    # --- what passes --------------------------------------------------------------------------------------------------

    def feed(self, side: Side, octets: bytes, time: datetime) -> None:
        """Take bytes that one side has sent.

        Parameters
        ----------
        side : {"requestor", "acceptor"}
            Who has sent them: ``requestor`` has opened the connection.
        octets : bytes
            In whatever pieces they come.
        time : datetime.datetime
            When they passed.
        """
        reader = self._readers[side]
        for pdu in reader.feed(octets, time):
            self._pdu(side, pdu)
        if reader.lost is not None and side not in self._lost:
            self._lost.add(side)
            self._note(side, reader.lost)

    def close(self, time: datetime, missing: str = "") -> None:
        """Take that the connection is closed, or that nothing more of it is known.

        Parameters
        ----------
        time : datetime.datetime
            When.
        missing : str
            Why a cut-off message is no malformation, for example that a capture ends; empty: the connection was closed.
        """
        if self._closed:
            return
        self._closed = True
        if not missing:
            self.finish()
        self.abandon(missing or "the association ended before the final response")
        self.ended = missing or self._how()
        if self._changed is not None:
            self._changed(self.association(self.ended))

    def finish(self) -> None:
        """Note what is wrong with the end: no bytes come any more."""
        for side in SIDES:
            if (cut := self._readers[side].finish()) is not None:
                self._note(side, cut)
            if self._last == "released" and self._assemblers[side].unfinished:
                what, expected = "a message that has not ended when the association was released", "its last fragment"
                self._note(side, Malformation(self._readers[side].offset, what, expected, "PS3.8 E.1", topic="fragments"))

    def abandon(self, failure: str) -> list[Exchange]:
        """End the operations whose final response has not passed; return their exchanges.

        Parameters
        ----------
        failure : str
            Why nothing more is awaited.
        """
        open_ = list(self._open.values())
        self._open.clear()
        return [self._end(operation, failure) for operation in open_]

    def association(self, ended: str = OPEN) -> Association:
        """Return the association as it is now.

        Parameters
        ----------
        ended : str
            How it has ended.
        """
        request = self.request or Associate("", "")
        return Association(
            request.calling,
            request.called,
            self.opened,
            tuple((context.abstract_syntax, context.transfer_syntaxes) for context in request.contexts),
            tuple(dict.fromkeys(context.abstract_syntax for context in self._contexts.values())),
            tuple(uid for uid, role in request.roles.items() if role.scp),
            ended,
            () if ended == OPEN else tuple(self.sent(side) for side in SIDES),
            tuple((uid, information.hex()) for uid, information in request.extended.items()),
        )

    def sent(self, side: Side) -> Sent:
        """Return what one side has sent, for those who judge."""
        its = [one for of, one in self.malformations if of == side]
        wrong = [Wrong(one.topic, one.place, one.expected, one.tolerable) for one in its]
        return Sent(tuple(sorted(self.came_up[side])), tuple(wrong))

    # --- PDUs ---------------------------------------------------------------------------------------------------------

    def _pdu(self, side: Side, pdu: Pdu) -> None:
        self.came_up[side] |= {"pdu", "lengths", "state"}
        for one in pdu.malformations:
            self._note(side, one)
        self._garbage = self._garbage or pdu.kind not in NAMES
        self._in_its_state(side, pdu)
        self._sent[side].add(pdu.kind)
        if pdu.kind == REQUEST:
            self._requested(side, pdu)
        elif pdu.kind == ACCEPT:
            self._accepted(side, pdu)
        elif pdu.kind == DATA:
            self._data(side, pdu)
        elif pdu.kind in ENDS:
            self._last = ENDS[pdu.kind].format(side)
            if pdu.kind != RELEASE:
                self.came_up[side].add("reasons")

    def _in_its_state(self, side: Side, pdu: Pdu) -> None:
        """Judge whether a side may send a PDU after what it has sent, and what it must have received before [PS3.8 9.2]."""
        before, received = self._sent[side], self._sent[_other(side)]
        what = ""
        if before & {REJECT, ABORT, RELEASED} and pdu.kind != ABORT:  # which may answer what comes then [PS3.8 9.2.3 AA-7]
            what = f"{pdu.name} after the end of the association"
        elif pdu.kind == DATA and RELEASE in before:
            what = "a P-DATA-TF after its own A-RELEASE-RQ"
        elif pdu.kind == RELEASE and RELEASE in before:
            what = "a second A-RELEASE-RQ"
        elif pdu.kind == RELEASED and RELEASE not in received:
            what = "an A-RELEASE-RP that nobody awaits"
        elif pdu.kind in (ACCEPT, REJECT) and (side == "requestor" or REQUEST not in received or before & {ACCEPT}):
            what = f"an {pdu.name} that nobody awaits"
        elif pdu.kind == REQUEST and (side == "acceptor" or REQUEST in before):
            what = "a second A-ASSOCIATE-RQ" if side == "requestor" else "an A-ASSOCIATE-RQ of the acceptor"
        elif pdu.kind in (DATA, RELEASE) and self.answer is None:
            what = f"{'a' if pdu.kind == DATA else 'an'} {pdu.name} where no association stands"
        if what:
            self._unexpected(side, pdu, what, "state", "a PDU of this state", "PS3.8 9.2")

    def _requested(self, side: Side, pdu: Pdu) -> None:
        if side != "requestor" or self.request is not None or pdu.associate is None:
            return
        self.came_up[side] |= {"associate", "titles", "uids", "contexts"}
        self.request = pdu.associate
        if self.request.roles:
            self.came_up[side].add("roles")
        self._last = "the connection was lost"
        numbers = [context.id for context in self.request.contexts]
        if len(set(numbers)) < len(numbers):
            self._unexpected(side, pdu, "a presentation context id twice", "contexts", "each id once", "PS3.8 9.3.2.2")

    def _accepted(self, side: Side, pdu: Pdu) -> None:
        if side != "acceptor" or self.request is None or self.answer is not None or pdu.associate is None:
            return
        self.came_up[side] |= {"associate", "titles", "uids", "contexts"}
        self.answer = pdu.associate
        if self.answer.titles != self.request.titles and self.answer.titles:
            what, expected = f"AE titles {self.answer.called!r}, {self.answer.calling!r}", "those of the A-ASSOCIATE-RQ"
            self._note(side, Malformation(pdu.offset + 10, what, expected, "PS3.8 9.3.3", topic="titles", tolerable=True))
        proposed = {context.id: context for context in self.request.contexts}
        for answer in self.answer.contexts:
            if answer.id not in proposed:
                what = f"an answer to presentation context {answer.id}, which was not proposed"
                self._unexpected(side, pdu, what, "contexts", "answers to those that were proposed", "PS3.8 9.3.3.2")
                continue
            if answer.result != 0:
                continue
            self.came_up[side].add("transfer-syntax")
            asked = proposed[answer.id]
            if answer.transfer_syntaxes and answer.transfer_syntaxes[0] not in asked.transfer_syntaxes:
                what = f"transfer syntax {answer.transfer_syntaxes[0]} in context {answer.id}, which was not proposed"
                self._unexpected(side, pdu, what, "transfer-syntax", "one of those proposed", "PS3.8 9.3.3.2")
            self._contexts[answer.id] = Context(answer.id, asked.abstract_syntax, answer.transfer_syntaxes, 0)
        answered = [context.id for context in self.answer.contexts]
        if len(set(answered)) < len(answered) or set(proposed) - set(answered):
            what = f"answers to presentation contexts {answered}"
            self._unexpected(side, pdu, what, "contexts", f"one to each of {sorted(proposed)}", "PS3.8 7.1.1.14, 9.3.3.2")
        self._roles(side, pdu, self.request, self.answer)
        if self._changed is not None:
            self._changed(self.association())

    def _roles(self, side: Side, pdu: Pdu, request: Associate, answer: Associate) -> None:
        if request.roles or answer.roles:
            self.came_up[side].add("roles")
        for uid, given in answer.roles.items():
            asked = request.roles.get(uid)
            if asked is None:
                what, expected = f"a role for {uid}, which was not asked", "answers to proposed roles"
                self._unexpected(side, pdu, what, "roles", expected, "PS3.7 D.3.3.4")
            elif (given.scu and not asked.scu) or (given.scp and not asked.scp):
                what = f"a role granted for {uid} that was not proposed"
                self._unexpected(side, pdu, what, "roles", "0 where 0 was proposed", "PS3.7 D.3.3.4")

    def _data(self, side: Side, pdu: Pdu) -> None:
        if self.answer is None:
            return
        self.came_up[side] |= {"maximum-length", "fragments", "context"}
        receiver = self.answer if side == "requestor" else self.request
        largest = receiver.maximum_length if receiver is not None else None
        if largest and pdu.length - 6 > largest:
            what = f"a P-DATA-TF of {pdu.length - 6} bytes"
            expected = f"at most {largest}, the Maximum Length of the {_other(side)}"
            self._unexpected(side, pdu, what, "maximum-length", expected, "PS3.8 D.1")
        assembler = self._assemblers[side]
        ended = False
        for fragment in pdu.fragments:
            if ended:
                what, expected = "fragments of two messages in a P-DATA-TF", "those of one message"
                self._unexpected(side, pdu, what, "fragments", expected, "PS3.8 E.1")
            context = self._context(side, fragment)
            syntax = context.transfer_syntaxes[0] if context and context.transfer_syntaxes else str(ImplicitVRLittleEndian)
            whole = assembler.feed(fragment, syntax, pdu.time)
            for one in assembler.malformations:
                self._note(side, one)
            assembler.malformations.clear()
            ended = whole is not None
            if whole is not None:
                self._message(side, whole[0], whole[1], fragment.offset)

    def _context(self, side: Side, fragment: Fragment) -> Context | None:
        context = self._contexts.get(fragment.context)
        if context is None:
            what, expected = f"presentation context {fragment.context}, which was not accepted", f"one of {sorted(self._contexts)}"
            shown = fragment.octets[:SHOWN]
            self._note(side, Malformation(fragment.offset, f"a PDV in {what}", expected, "PS3.8 7.6, 9.3.5.1", shown, "context"))
        return context

    # --- messages -----------------------------------------------------------------------------------------------------

    def _message(self, side: Side, context: int, message: Message, offset: int) -> None:
        command = message.command
        kind = command.get("CommandField")
        self.came_up[side] |= {"command", "elements"}
        if kind is None:
            return  # noted where it was decoded
        service = SERVICES.get(kind & ~RESPONSE, "")
        if not service and kind != CANCEL:
            what = f"Command Field {kind:04X}H"
            self._note(side, Malformation(offset, what, "a service of PS3.7", "PS3.7 E.1", topic="command"))
            return
        response = kind != CANCEL and bool(kind & RESPONSE)
        self._has_what_it_must(side, service, message, offset, response=response)
        if kind == CANCEL:
            return  # belongs to the C-FIND or C-MOVE under way
        self.came_up[side].add("operations")
        if response:
            self._answered(side, message, offset)
        else:
            self._asked(side, context, message, offset)

    def _has_what_it_must(self, side: Side, service: str, message: Message, offset: int, *, response: bool) -> None:
        called = f"a {service} {'response' if response else 'request'}" if service else "a C-CANCEL request"
        for keyword in lacking(service, message.command, response=response):
            self._note(side, Malformation(offset, f"{called} without {keyword}", "a value", "PS3.7 9.3, 10.3", topic="elements"))
        priority = message.command.get("Priority")
        if not response and priority is not None and priority not in PRIORITIES:
            what = f"{called} with Priority {priority:04X}H"
            self._note(side, Malformation(offset, what, "0000H, 0001H or 0002H", "PS3.7 9.3", topic="elements"))
        if "CommandDataSetType" not in message.command:
            return
        self.came_up[side].add("data-set")
        must = carries(service, message.status, response=response)
        if must is not None and must != (message.command.CommandDataSetType != NO_DATA_SET):
            what, expected = ("without a data set", "one") if must else ("with a data set", "none")
            self._note(side, Malformation(offset, f"{called} {what}", expected, "PS3.7 9.3, 10.3", topic="data-set"))
        if message.encoded == b"":
            what = f"{called} with a data set of no bytes"
            self._note(side, Malformation(offset, what, "a data set", "PS3.7 6.3.1", topic="data-set", tolerable=True))

    def _asked(self, side: Side, context: int, message: Message, offset: int) -> None:
        number = message.command.get("MessageID")
        if number is None:
            return  # noted
        if (side, number) in self._open:
            if not any(of == _other(side) and one.topic in SPOILS for of, one in self.malformations):
                what = f"Message ID {number}, of an operation that has not ended"
                self._operation(side, offset, what, "another Message ID", "PS3.7 9.1, 10.1")
            self._end(self._open.pop((side, number)), "another request came with its Message ID")
        for key, one in self._open.items():
            if key[0] == side and not (self.answer and self.answer.asynchronous):
                one.overtaken = one.overtaken or offset
        self._open[side, number] = _Open(SERVICES[message.command.CommandField], side, context, message, [])

    def _answered(self, side: Side, message: Message, offset: int) -> None:
        number = message.command.get("MessageIDBeingRespondedTo")
        if number is None:
            return  # noted
        asker = _other(side)
        operation = self._open.get((asker, number))
        if operation is None:
            expected = "Message ID Being Responded To with the Message ID of a request that awaits a response"
            self._operation(side, offset, f"a response to Message ID {number}, which nothing has", expected, "PS3.7 9.3, 10.3")
            return
        service = SERVICES[message.command.CommandField & ~RESPONSE]
        if service != operation.service:
            what = f"a {service} response to a {operation.service} request"
            self._operation(side, offset, what, f"a {operation.service} response", "PS3.7 E.1")
        operation.responses.append(message)
        if message.status not in PENDING or operation.service not in SEVERAL:
            del self._open[asker, number]
            # Who is not answered may go on in the end; who does not await the answer that comes may not.
            if operation.overtaken:
                what, expected = "a request before the final response to the one before", "one operation at a time"
                expected += ": no asynchronous operations were negotiated"
                self._operation(asker, operation.overtaken, what, expected, "PS3.7 D.3.3.3")
            self._end(operation, "")

    def _end(self, operation: _Open, failure: str) -> Exchange:
        titles = {
            "requestor": self.request.calling if self.request else "",
            "acceptor": self.request.called if self.request else "",
        }
        context = self._contexts.get(operation.context)
        exchange = Exchange(
            operation.service,
            titles[operation.asker],
            titles[_other(operation.asker)],
            context.abstract_syntax if context else "",
            operation.request,
            tuple(operation.responses),
            failure,
        )
        self.exchanges.append(exchange)
        if self._done is not None:
            self._done(exchange)
        return exchange

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _how(self) -> str:
        ended = self._last
        if ended != "released" and any(self._assemblers[side].unfinished or self._readers[side].finish() for side in SIDES):
            ended += f" {IN_A_MESSAGE}"
        if self._lost or self._garbage:
            ended += f": {GARBAGE}"
        return ended

    def _unexpected(self, side: Side, pdu: Pdu, what: str, topic: Topic, expected: str, source: str) -> None:
        self._note(side, Malformation(pdu.offset, what, expected, source, topic=topic))

    def _operation(self, side: Side, offset: int, what: str, expected: str, source: str) -> None:
        self._note(side, Malformation(offset, what, expected, source, topic="operations"))

    def _note(self, side: Side, malformation: Malformation) -> None:
        if len(self.malformations) < MOST_MALFORMATIONS:
            self.malformations.append((side, malformation))
            if self._wrong is not None:
                self._wrong(side, malformation)

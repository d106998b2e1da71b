"""A connection, recorded from between its two ends: its association, its exchanges, and what is wrong with its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydicom.uid import ImplicitVRLittleEndian

from ..transcript.exchange import PENDING, Exchange, Message
from ..transcript.observation import GARBAGE, IN_A_MESSAGE, OPEN, Association
from .associate import Associate, Context
from .malformation import SHOWN, Malformation
from .messages import Assembler
from .pdus import ABORT, ACCEPT, DATA, NAMES, REJECT, RELEASE, REQUEST, Pdu, PduReader

__all__ = ["SERVICES", "Connection", "Side"]

Side = Literal["requestor", "acceptor"]
SIDES: tuple[Side, Side] = ("requestor", "acceptor")

# Command Field (0000,0100) of requests [PS3.7 E.1]; a response has the highest bit set as well.
SERVICES = {
    0x0001: "C-STORE", 0x0010: "C-GET", 0x0020: "C-FIND", 0x0021: "C-MOVE", 0x0030: "C-ECHO",
    0x0100: "N-EVENT-REPORT", 0x0110: "N-GET", 0x0120: "N-SET", 0x0130: "N-ACTION", 0x0140: "N-CREATE",
    0x0150: "N-DELETE",
}  # fmt: skip
ENDS = {REJECT: "rejected by the {}", RELEASE: "released", ABORT: "aborted by the {}"}
CANCEL = 0x0FFF  # C-CANCEL-RQ, which has no response
RESPONSE = 0x8000
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
            for side in SIDES:
                if (cut := self._readers[side].finish()) is not None:
                    self._note(side, cut)
        for operation in list(self._open.values()):
            self._end(operation, missing or "the association ended before the final response")
        self._open.clear()
        self.ended = missing or self._how()
        if self._changed is not None:
            self._changed(self.association(self.ended))

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
        )

    # --- PDUs ---------------------------------------------------------------------------------------------------------

    def _pdu(self, side: Side, pdu: Pdu) -> None:
        for one in pdu.malformations:
            self._note(side, one)
        self._garbage = self._garbage or pdu.kind not in NAMES
        if pdu.kind == REQUEST:
            self._requested(side, pdu)
        elif pdu.kind == ACCEPT:
            self._accepted(side, pdu)
        elif pdu.kind == DATA:
            self._data(side, pdu)
        elif pdu.kind in ENDS:
            self._last = ENDS[pdu.kind].format(side)

    def _requested(self, side: Side, pdu: Pdu) -> None:
        if side != "requestor" or self.request is not None:
            self._note(
                side, self._unexpected(pdu, "a second A-ASSOCIATE-RQ" if self.request else "an A-ASSOCIATE-RQ of the acceptor")
            )
            return
        self.request = pdu.associate
        self._last = "the connection was lost"
        numbers = [context.id for context in self.request.contexts] if self.request else []
        if len(set(numbers)) < len(numbers):
            self._note(side, self._unexpected(pdu, "a presentation context id twice", "each id once", "PS3.8 9.3.2.2"))

    def _accepted(self, side: Side, pdu: Pdu) -> None:
        if side != "acceptor" or self.request is None or self.answer is not None or pdu.associate is None:
            self._note(side, self._unexpected(pdu, "an A-ASSOCIATE-AC that nobody awaits"))
            return
        self.answer = pdu.associate
        proposed = {context.id: context for context in self.request.contexts}
        for answer in self.answer.contexts:
            if answer.id not in proposed:
                what = f"an answer to presentation context {answer.id}, which was not proposed"
                self._note(side, self._unexpected(pdu, what, "an answer to each that was proposed", "PS3.8 9.3.3.2"))
                continue
            if answer.result != 0:
                continue
            asked = proposed[answer.id]
            if answer.transfer_syntaxes and answer.transfer_syntaxes[0] not in asked.transfer_syntaxes:
                what = f"transfer syntax {answer.transfer_syntaxes[0]} in context {answer.id}, which was not proposed"
                self._note(side, self._unexpected(pdu, what, "one of those proposed", "PS3.8 9.3.3.2"))
            self._contexts[answer.id] = Context(answer.id, asked.abstract_syntax, answer.transfer_syntaxes, 0)
        answered = [context.id for context in self.answer.contexts]
        if len(set(answered)) < len(answered) or set(proposed) - set(answered):
            what = f"answers to presentation contexts {answered}"
            self._note(side, self._unexpected(pdu, what, f"one to each of {sorted(proposed)}", "PS3.8 9.3.3.2"))
        for uid in set(self.answer.roles) - set(self.request.roles):
            self._note(
                side, self._unexpected(pdu, f"a role for {uid}, which was not asked", "answers to proposed roles", "PS3.7 D.3.3.4")
            )
        if self._changed is not None:
            self._changed(self.association())

    def _data(self, side: Side, pdu: Pdu) -> None:
        if self.answer is None:
            self._note(side, self._unexpected(pdu, "a P-DATA-TF where no association stands"))
            return
        receiver = self.answer if side == "requestor" else self.request
        largest = receiver.maximum_length if receiver is not None else None
        if largest and pdu.length - 6 > largest:
            what = f"a P-DATA-TF of {pdu.length - 6} bytes"
            self._note(
                side, self._unexpected(pdu, what, f"at most {largest}, the Maximum Length of the {_other(side)}", "PS3.8 D.1")
            )
        assembler = self._assemblers[side]
        for fragment in pdu.fragments:
            context = self._contexts.get(fragment.context)
            if context is None:
                self._note(
                    side,
                    Malformation(
                        fragment.offset,
                        f"a PDV in presentation context {fragment.context}, which was not accepted",
                        f"one of {sorted(self._contexts)}",
                        "PS3.8 9.3.5.1",
                        fragment.octets[:SHOWN],
                    ),
                )
            syntax = context.transfer_syntaxes[0] if context and context.transfer_syntaxes else str(ImplicitVRLittleEndian)
            whole = assembler.feed(fragment, syntax, pdu.time)
            for one in assembler.malformations:
                self._note(side, one)
            assembler.malformations.clear()
            if whole is not None:
                self._message(side, whole[0], whole[1], fragment.offset)

    # --- messages -----------------------------------------------------------------------------------------------------

    def _message(self, side: Side, context: int, message: Message, offset: int) -> None:
        command = message.command
        kind = command.get("CommandField")
        if kind is None:
            return  # noted where it was decoded
        if kind == CANCEL:
            return  # belongs to the C-FIND or C-MOVE under way
        if kind not in SERVICES and kind & ~RESPONSE not in SERVICES:
            self._note(side, Malformation(offset, f"Command Field {kind:04X}H", "a service of PS3.7", "PS3.7 E.1"))
            return
        if not kind & RESPONSE:
            self._asked(side, context, message, offset)
        else:
            self._answered(side, message, offset)

    def _asked(self, side: Side, context: int, message: Message, offset: int) -> None:
        number = message.command.get("MessageID")
        if number is None:
            self._note(side, Malformation(offset, "a request without Message ID", "(0000,0110)", "PS3.7 9.3, 10.3"))
            return
        if (side, number) in self._open:
            what = f"Message ID {number}, of an operation that has not ended"
            self._note(side, Malformation(offset, what, "another Message ID", "PS3.7 9.1, 10.1"))
            self._end(self._open.pop((side, number)), "another request came with its Message ID")
        self._open[side, number] = _Open(SERVICES[message.command.CommandField], side, context, message, [])

    def _answered(self, side: Side, message: Message, offset: int) -> None:
        number = message.command.get("MessageIDBeingRespondedTo")
        asker = _other(side)
        operation = None if number is None else self._open.get((asker, number))
        if operation is None:
            what = (
                "a response to nothing that was asked" if number is not None else "a response without Message ID Being Responded To"
            )
            self._note(side, Malformation(offset, what, "(0000,0120) with the Message ID of a request", "PS3.7 9.3, 10.3"))
            return
        service = SERVICES[message.command.CommandField & ~RESPONSE]
        if service != operation.service:
            what = f"a {service} response to a {operation.service} request"
            self._note(side, Malformation(offset, what, f"a {operation.service} response", "PS3.7 E.1"))
        operation.responses.append(message)
        if message.status not in PENDING:
            del self._open[asker, operation.request.command.MessageID]
            self._end(operation, "")

    def _end(self, operation: _Open, failure: str) -> None:
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

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _how(self) -> str:
        ended = self._last
        if ended != "released" and any(self._assemblers[side].unfinished or self._readers[side].finish() for side in SIDES):
            ended += f" {IN_A_MESSAGE}"
        if self._lost or self._garbage:
            ended += f": {GARBAGE}"
        return ended

    @staticmethod
    def _unexpected(pdu: Pdu, what: str, expected: str = "a PDU of this state", source: str = "PS3.8 9.2") -> Malformation:
        return Malformation(pdu.offset, what, expected, source)

    def _note(self, side: Side, malformation: Malformation) -> None:
        if len(self.malformations) < MOST_MALFORMATIONS:
            self.malformations.append((side, malformation))
            if self._wrong is not None:
                self._wrong(side, malformation)

"""Makes exchanges of what passes on an association: real command sets and bytes, both ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset
from pynetdicom import evt

from ..transcript.exchange import PENDING, Exchange, Message
from ..transcript.observation import GARBAGE, IN_A_MESSAGE, OPEN, Association
from ..upper_layer.connection import RESPONSE, SERVICES

__all__ = ["AssociationRecorder", "Recorder"]


NOT_REQUESTED = "the connection was closed before an association was requested"
SEVERAL = ("C-FIND", "C-GET", "C-MOVE")  # may have pending responses; of the others the first is the last, whatever it says


class Recorder:
    """Collects the messages of one association and hands on each exchange when its final response has passed.

    Parameters
    ----------
    done : callable
        Takes an `Exchange` that has ended.
    """

    def __init__(self, done: Callable[[Exchange], None]) -> None:
        self._done = done
        self._open: dict[tuple[str, int], tuple[str, Message, str, list[Message]]] = {}

    @property
    def handlers(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """The event handlers to bind to the association."""
        return [(evt.EVT_DIMSE_SENT, self._sent), (evt.EVT_DIMSE_RECV, self._received)]

    @property
    def handlers_to_the_end(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """The same, for associations nobody waits for: what is open when the connection closes is handed on as well."""
        return [*self.handlers, (evt.EVT_CONN_CLOSE, self._closed)]

    def _closed(self, event: Any) -> None:
        self.abandon(event.assoc, "the association ended before the final response")

    def _sent(self, event: Any) -> None:
        self._note(event, sent=True)

    def _received(self, event: Any) -> None:
        self._note(event, sent=False)

    def _note(self, event: Any, *, sent: bool) -> None:
        association, message = event.assoc, event.message
        context = association._accepted_cx.get(message.context_id)
        noted = self._message(message, context.transfer_syntax[0] if context else uid.ImplicitVRLittleEndian)
        field = noted.command.get("CommandField", 0)
        ours, theirs = ("requestor", "acceptor") if association.is_requestor else ("acceptor", "requestor")
        if not field & RESPONSE:
            if field in SERVICES:  # not C-CANCEL, which belongs to the C-FIND under way
                key = (ours if sent else theirs, noted.command.MessageID)
                abstract_syntax = str(context.abstract_syntax) if context else ""
                self._open[key] = (SERVICES[field], noted, abstract_syntax, [])
            return
        key = (theirs if sent else ours, noted.command.get("MessageIDBeingRespondedTo", 0))
        if key not in self._open:
            return
        service, request, abstract_syntax, responses = self._open[key]
        responses.append(noted)
        if noted.status not in PENDING or service not in SEVERAL:
            del self._open[key]
            self._done(self._exchange(association, key[0], service, request, abstract_syntax, responses))

    def abandon(self, association: Any, failure: str) -> list[Exchange]:
        """End what is still open, with the reason; hand it on and return it."""
        ended = []
        for (asker, _), (service, request, abstract_syntax, responses) in self._open.items():
            ended.append(self._exchange(association, asker, service, request, abstract_syntax, responses, failure))
        self._open.clear()
        for exchange in ended:
            self._done(exchange)
        return ended

    @staticmethod
    def _exchange(
        association: Any,
        asker: str,
        service: str,
        request: Message,
        abstract_syntax: str,
        responses: list[Message],
        failure: str = "",
    ) -> Exchange:
        # What the requestor called: an acceptor may listen for several AE titles.
        called = association.requestor.primitive.called_ae_title
        titles = {"requestor": str(association.requestor.ae_title).strip(), "acceptor": str(called).strip()}
        other = "acceptor" if asker == "requestor" else "requestor"
        return Exchange(service, titles[asker], titles[other], abstract_syntax, request, tuple(responses), failure)

    @staticmethod
    def _message(message: Any, transfer_syntax: str) -> Message:
        command = Dataset()
        command.update(message.command_set)
        has_data = command.get("CommandDataSetType", 0x0101) != 0x0101  # [PS3.7 E.1]: 0101H says there is none
        encoded = message.data_set.getvalue() if has_data and message.data_set is not None else None
        return Message(command, datetime.now().astimezone(), encoded, str(transfer_syntax))


class AssociationRecorder:
    """Hands on what becomes of one connection, whoever requested it: when the association stands, and when it has ended.

    Parameters
    ----------
    done : callable
        Takes an `Association`; one that stands has ``ended`` = `OPEN`, and the same time and AE titles as when it has ended.
    """

    def __init__(self, done: Callable[[Association], None]) -> None:
        self._done = done
        self._opened = datetime.now().astimezone()
        self._in_message = self._garbage = False
        self._last = NOT_REQUESTED

    @property
    def handlers(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """The event handlers to bind to the association."""
        return [
            (evt.EVT_PDU_RECV, self._received), (evt.EVT_PDU_SENT, self._sent), (evt.EVT_DIMSE_RECV, self._message),
            (evt.EVT_FSM_TRANSITION, self._transition), (evt.EVT_ESTABLISHED, self._stands), (evt.EVT_CONN_CLOSE, self._closed),
        ]  # fmt: skip

    def _transition(self, event: Any) -> None:
        self._garbage = self._garbage or event.fsm_event == "Evt19"  # unrecognized or invalid PDU received [PS3.8 table 9-10]

    def _message(self, event: Any) -> None:
        self._in_message = False

    def _received(self, event: Any) -> None:
        kind = type(event.pdu).__name__
        self._in_message = self._in_message or kind == "P_DATA_TF"
        side = "requestor" if event.assoc.is_acceptor else "acceptor"
        self._note(kind, f"by the {side}")

    def _sent(self, event: Any) -> None:
        self._note(type(event.pdu).__name__, "by us")

    def _note(self, kind: str, by: str) -> None:
        match kind:
            case "A_ASSOCIATE_RQ" | "A_ASSOCIATE_AC":
                self._last = "the connection was lost"
            case "A_ASSOCIATE_RJ":
                self._last = f"rejected {by}"
            case "A_RELEASE_RQ":
                self._last = "released"
            case "A_ABORT_RQ":
                self._last = f"aborted {by}"

    def _stands(self, event: Any) -> None:
        self._done(self._association(event.assoc, OPEN))

    def _closed(self, event: Any) -> None:
        ended = self._last
        if ended == NOT_REQUESTED and event.assoc.is_requestor:
            ended = "our connection was refused, or not answered"
        if self._in_message and ended != "released":
            ended += f" {IN_A_MESSAGE}"
        if self._garbage:
            ended += f": {GARBAGE}"
        self._done(self._association(event.assoc, ended))

    def _association(self, association: Any, ended: str) -> Association:
        titles = ("", "")
        proposed: tuple[tuple[str, tuple[str, ...]], ...] = ()
        accepted: tuple[str, ...] = ()
        roles: tuple[str, ...] = ()
        if (request := association.requestor.primitive) is not None:
            titles = (str(request.calling_ae_title).strip(), str(request.called_ae_title).strip())
            contexts = request.presentation_context_definition_list
            proposed = tuple((str(c.abstract_syntax), tuple(str(t) for t in c.transfer_syntax)) for c in contexts)
            accepted = tuple(dict.fromkeys(str(c.abstract_syntax) for c in association.accepted_contexts))
            roles = tuple(str(uid) for uid, role in association.requestor.role_selection.items() if role.scp_role)
        return Association(*titles, self._opened, proposed, accepted, roles, ended)

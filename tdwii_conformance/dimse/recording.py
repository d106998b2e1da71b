"""Makes exchanges of the bytes that pass on an association, both ways, as the witness does of those that it records."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import evt

from ..transcript.exchange import Exchange, Message
from ..transcript.observation import GARBAGE, IN_A_MESSAGE, OPEN, Association
from ..transcript.sent import Sent
from ..upper_layer import Connection, Side
from ..upper_layer.messages import NO_DATA_SET
from ..upper_layer.services import SERVICES
from .command_sets import message_of

__all__ = ["AssociationRecorder", "Recorder", "Tap"]


NOT_REQUESTED = "the connection was closed before an association was requested"


class Tap:
    """Hands the bytes of a pynetdicom association to a `Connection`: what is sent before it goes out, what came as it is read.

    So an exchange has ended when its final response can have been seen by nobody yet.

    Parameters
    ----------
    association : pynetdicom.association.Association
        One whose connection stands and has carried nothing. When an exchange ends, its ``last_asked`` is forgotten.
    """

    def __init__(self, association: Any) -> None:
        self._lock = threading.Lock()
        self._done: list[Callable[[Exchange], None]] = []
        self._association = weakref.ref(association)
        self.connection = Connection(datetime.now().astimezone(), exchange=self._exchange)
        ours: Side = "requestor" if association.is_requestor else "acceptor"
        theirs: Side = "acceptor" if association.is_requestor else "requestor"
        transport = association.dul.socket
        send, receive = transport.send, transport.recv

        def sending(octets: bytes) -> None:
            self._feed(ours, octets)
            send(octets)

        def receiving(count: int) -> bytearray:
            octets: bytearray = receive(count)
            self._feed(theirs, octets)
            return octets

        transport.send, transport.recv = sending, receiving

    @classmethod
    def of(cls, association: Any) -> Tap:
        """Return the one of an association; several may look at it."""
        if getattr(association, "tap", None) is None:
            association.tap = cls(association)
        tap: Tap = association.tap
        return tap

    def add(self, done: Callable[[Exchange], None]) -> None:
        """Have every exchange handed on that ends from now on."""
        self._done.append(done)

    def abandon(self, failure: str) -> list[Exchange]:
        """End what is still open, with the reason; hand it on and return it."""
        with self._lock:
            return self.connection.abandon(failure)

    def sent(self, *, ended: bool) -> tuple[Sent, ...]:
        """Return what requestor and acceptor have sent; if the connection is closed, what is cut off is wrong too."""
        with self._lock:
            if ended:
                self.connection.finish()
            return self.connection.sent("requestor"), self.connection.sent("acceptor")

    def _feed(self, side: Side, octets: bytes | bytearray) -> None:
        with self._lock:
            self.connection.feed(side, bytes(octets), datetime.now().astimezone())

    def _exchange(self, exchange: Exchange) -> None:
        self.connection.exchanges.clear()  # kept by those who want them
        if (association := self._association()) is not None:
            association.last_asked = None
        for done in self._done:
            done(exchange)


@dataclass(frozen=True)
class _Standing(Association):
    """An association that stands.

    Parameters
    ----------
    look : callable
        Returns what both sides have sent up to now.
    """

    look: Callable[[], tuple[Sent, ...]] = field(default=tuple, compare=False, repr=False)

    def now(self) -> Association:
        values = {one.name: getattr(self, one.name) for one in fields(Association)}
        return Association(**{**values, "sent": self.look()})


class Recorder:
    """Hands on each exchange of an association when its final response has passed.

    Parameters
    ----------
    done : callable
        Takes an `Exchange` that has ended.
    """

    def __init__(self, done: Callable[[Exchange], None]) -> None:
        self._done = done

    @property
    def handlers(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """The event handlers to bind to an association before it is requested."""
        return [(evt.EVT_CONN_OPEN, lambda event: self.attach(event.assoc))]

    @property
    def handlers_to_the_end(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """The same, for associations nobody waits for: what is open when the connection closes is handed on as well."""
        return [(evt.EVT_CONN_OPEN, lambda event: self.attach_to_the_end(event.assoc))]

    def attach(self, association: Any) -> None:
        """Record an association whose connection was just opened."""
        Tap.of(association).add(self._done)

    def attach_to_the_end(self, association: Any) -> None:
        """The same, and hand on what is open when the connection closes."""
        self.attach(association)
        association.bind(
            evt.EVT_CONN_CLOSE, lambda event: self.abandon(event.assoc, "the association ended before the final response")
        )

    def abandon(self, association: Any, failure: str) -> list[Exchange]:
        """End what is still open, with the reason; hand it on and return it.

        A request that was encoded, and not sent because the connection was closed in that moment, is open as well.
        """
        found = Tap.of(association).abandon(failure)
        if not found and (unsent := _unsent(association, failure)) is not None:
            found = [unsent]
            self._done(unsent)
        return found


def _unsent(association: Any, failure: str) -> Exchange | None:
    """Return the last request of ours as an exchange, if no exchange has ended since it was encoded."""
    if association.last_asked is None:
        return None
    primitive, context_id = association.last_asked
    message = message_of(primitive)
    message.primitive_to_message(primitive)
    context = association._accepted_cx.get(context_id)
    command = Dataset()
    command.update(message.command_set)
    has_data = command.get("CommandDataSetType", NO_DATA_SET) != NO_DATA_SET
    encoded = message.data_set.getvalue() if has_data and message.data_set is not None else None
    syntax = str(context.transfer_syntax[0]) if context else str(ImplicitVRLittleEndian)
    request = Message(command, datetime.now().astimezone(), encoded, syntax)
    titles = str(association.requestor.ae_title).strip(), str(association.requestor.primitive.called_ae_title).strip()
    return Exchange(SERVICES[command.CommandField], *titles, str(context.abstract_syntax) if context else "", request, (), failure)


class AssociationRecorder:
    """Hands on what becomes of one connection, whoever requested it: when the association stands, and when it has ended.

    Parameters
    ----------
    done : callable
        Takes an `Association`; one that stands has ``ended`` = `OPEN`, and the same time and AE titles as when it has ended.
        What has been sent on it by any moment is known from its `now`.
    """

    def __init__(self, done: Callable[[Association], None]) -> None:
        self._done = done
        self._opened = datetime.now().astimezone()
        self._in_message = self._garbage = False
        self._last = NOT_REQUESTED
        self._lock = threading.Lock()
        self._over = False

    @property
    def handlers(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """The event handlers to bind to the association."""
        return [
            (evt.EVT_CONN_OPEN, self._opened_now), (evt.EVT_PDU_RECV, self._received), (evt.EVT_PDU_SENT, self._sent),
            (evt.EVT_DIMSE_RECV, self._message), (evt.EVT_FSM_TRANSITION, self._transition),
            (evt.EVT_ESTABLISHED, self._stands), (evt.EVT_CONN_CLOSE, self._closed),
        ]  # fmt: skip

    def attach(self, association: Any) -> None:
        """Look at an association whose connection was just opened."""
        Tap.of(association)
        for kind, handler in self.handlers:
            association.bind(kind, handler)

    @staticmethod
    def _opened_now(event: Any) -> None:
        Tap.of(event.assoc)

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
        # pynetdicom says that it stands and that its connection is closed in two threads: a short one may be over by now.
        with self._lock:
            if not self._over:
                self._done(self._association(event.assoc, OPEN))

    def _closed(self, event: Any) -> None:
        ended = self._last
        if ended == NOT_REQUESTED and event.assoc.is_requestor:
            ended = "our connection was refused, or not answered"
        if self._in_message and ended != "released":
            ended += f" {IN_A_MESSAGE}"
        if self._garbage:
            ended += f": {GARBAGE}"
        with self._lock:
            self._over = True
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
        tap: Tap | None = getattr(association, "tap", None)
        extended = tap.connection.association().extended if tap is not None else ()
        if ended == OPEN:
            look = (lambda: tap.sent(ended=False)) if tap is not None else tuple
            return _Standing(*titles, self._opened, proposed, accepted, roles, ended, extended=extended, look=look)
        sent = tap.sent(ended=True) if tap is not None else ()
        return Association(*titles, self._opened, proposed, accepted, roles, ended, sent, extended)

"""Associations we request, and the DIMSE operations on them, each returning what was exchanged."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from pydicom import uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag, Tag
from pynetdicom import AE, build_role, evt
from pynetdicom import sop_class as sop_classes
from pynetdicom._globals import DEFAULT_MAX_LENGTH
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from ..profile.ups_service import UPS
from ..transcript.exchange import Exchange, Transcript
from ..transcript.observation import Association
from .contexts import NegotiatedContext, Proposal, contexts_of
from .errors import Aborted, LinkLost, Mute, NoContext, NothingAccepted, Rejected, Unreachable
from .patience import Patience
from .peers import Peer, Timeouts, check_ae_title
from .reasons import rejection, rejections_in, why_not
from .recording import AssociationRecorder, Recorder
from .text import declared
from .tuning import no_message, over, quiet_logging, tune, why_it_ended

__all__ = ["Link", "connect"]

MAXIMUM_CONTEXTS = 128  # odd identifiers 1 to 255 [PS3.8 9.3.2.2]


def connect(
    peer: Peer,
    contexts: Sequence[Proposal],
    *,
    calling: str,
    timeouts: Timeouts | None = None,
    transcript: Transcript | None = None,
    scp_roles: Sequence[str] = (),
    extended: Mapping[str, bytes] | None = None,
    associations: Callable[[Association], None] | None = None,
    implementation_version_name: str | None = None,
    maximum_length: int | None = None,
    patience: Patience | None = None,
) -> Link:
    """Request an association.

    Parameters
    ----------
    peer : Peer
        Whom.
    contexts : sequence of Proposal
        What to propose; without transfer syntaxes: Implicit and Explicit VR Little Endian.
    calling : str
        Our AE title.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets every exchange.
    scp_roles : sequence of str
        SOP classes for which we propose to be the SCP on this association: Storage for C-GET, UPS Event for event reports.
    extended : mapping of str to bytes, optional
        SOP Class Extended Negotiation [PS3.7 D.3.3.5]: service class application information by SOP Class UID.
    associations : callable, optional
        Called with the association when it stands, and when it has ended.
    implementation_version_name : str, optional
        What to call ourselves in the negotiation, at most 16 characters.
    maximum_length : int, optional
        The Maximum Length Received to announce, in bytes; 0: no limit.
    patience : Patience, optional
        Knows which requests are not answered, and so not to be sent.

    Returns
    -------
    Link
        The association; a context manager.

    Raises
    ------
    Unreachable, Rejected, Mute, Aborted, NothingAccepted
        If there is none.
    """
    quiet_logging()
    if len(contexts) > MAXIMUM_CONTEXTS:
        raise ValueError(f"{len(contexts)} presentation contexts: an association has room for {MAXIMUM_CONTEXTS}")
    titles = peer, check_ae_title(calling)
    link = Link(*titles, timeouts or Timeouts(), transcript, implementation_version_name, maximum_length, patience)
    link._open(contexts_of(contexts), scp_roles, extended or {}, associations)
    return link


class Link:
    """An association that we requested. Made by `connect`.

    Operations return an `Exchange` and never raise for a status; one that was not answered has `Exchange.failure`.
    They raise `NoContext` if the presentation context was not accepted and `LinkLost` if the association has ended.
    """

    def __init__(
        self,
        peer: Peer,
        calling: str,
        timeouts: Timeouts,
        transcript: Transcript | None,
        version_name: str | None = None,
        maximum_length: int | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.peer = peer
        self.calling = calling
        self.timeouts = timeouts
        self._transcript = transcript
        self._version_name = version_name
        self._maximum_length = maximum_length
        self._patience = patience if patience is not None else Patience()
        self._ended: list[Exchange] = []
        self._recorder = Recorder(self._record)
        self._message_ids = itertools.cycle(range(1, 0x10000))
        self._one_at_a_time = threading.Lock()
        self._association: Any = None
        self._unanswered = False  # pynetdicom aborts an association on which a request was not answered

    def _record(self, exchange: Exchange) -> None:
        self._ended.append(exchange)
        if self._transcript is not None:
            self._transcript.append(exchange)

    def _open(
        self,
        contexts: list[Any],
        scp_roles: Sequence[str],
        extended: Mapping[str, bytes],
        associations: Callable[[Association], None] | None = None,
    ) -> None:
        peer, timeouts = self.peer, self.timeouts
        entity = AE(self.calling)
        entity.connection_timeout, entity.acse_timeout = timeouts.connect, timeouts.association
        entity.dimse_timeout, entity.network_timeout = timeouts.message, timeouts.network
        if self._version_name is not None:
            entity.implementation_version_name = self._version_name
        connected = threading.Event()
        # pynetdicom's own is_rejected is not set when the rejection comes before it looks whether it is connected.
        rejections: list[Any] = []
        began = time.monotonic()
        try:
            self._association = entity.associate(
                peer.host,
                peer.port,
                contexts,
                peer.ae_title,
                # `AE.maximum_pdu_size` is for those who accept; for a request pynetdicom takes this.
                max_pdu=DEFAULT_MAX_LENGTH if self._maximum_length is None else self._maximum_length,
                ext_neg=[
                    *(build_role(syntax, scp_role=True) for syntax in scp_roles),
                    *(_extended(syntax, information) for syntax, information in extended.items()),
                ],
                tls_args=(peer.tls.client_context(), peer.host) if peer.tls else None,
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, tune),
                    (evt.EVT_CONN_OPEN, lambda event: connected.set()),
                    (evt.EVT_PDU_RECV, lambda event: rejections.extend(rejections_in(event.pdu))),
                    (evt.EVT_C_STORE, lambda event: 0x0000),
                    *self._recorder.handlers,
                    *(AssociationRecorder(associations).handlers if associations else ()),
                ],
            )
        except OSError as error:
            raise Unreachable(peer, error.strerror or str(error)) from error
        if self._association.is_established:
            return
        if rejections:
            raise Rejected(peer, self.calling, rejection(rejections[0]))
        answer = self._association.acceptor.primitive
        if answer is not None and answer.result == 0:
            raise NothingAccepted(peer, self.calling)  # pynetdicom aborts an association it can do nothing with
        if not connected.is_set():
            raise Unreachable(peer, why_not(peer, timeouts.connect))
        if time.monotonic() - began >= timeouts.association:
            raise Mute(peer, timeouts.association)
        raise Aborted(peer, self.calling)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Who pressed Ctrl-C does not wait for a peer that may never answer.
        self.close(abort=kind is not None and issubclass(kind, KeyboardInterrupt))

    def close(self, *, abort: bool = False) -> None:
        """Release the association; abort it if the peer does not answer the release, or if told to."""
        if self.established and not abort:
            self._association.release()
        if self.established:
            self._association.abort()
        self._association._reactor_checkpoint.nudge()  # so that the thread sees at once that it is over
        self._association.join(self.timeouts.association)

    def add_handler(self, kind: Any, handler: Callable[[Any], Any]) -> None:
        """Have a notification event of the association handled, as `Server.add_handler` does."""
        self._association.bind(kind, handler)

    @property
    def established(self) -> bool:
        """Whether the association stands, as far as we know."""
        return not self._unanswered and not over(self._association)

    @property
    def released(self) -> bool:
        """Whether the association was released, by either side, as it should end."""
        return bool(self._association.is_released)

    @property
    def contexts(self) -> tuple[NegotiatedContext, ...]:
        """Every presentation context proposed, and what became of it, in the order of the proposal."""
        found = []
        answered = {c.context_id: c for c in (*self._association.accepted_contexts, *self._association.rejected_contexts)}
        for proposed in self._association.requestor.requested_contexts:
            context = answered.get(proposed.context_id)
            result = 0xFF if context is None or context.result is None else int(context.result)
            chosen = str(context.transfer_syntax[0]) if context is not None and result == 0 else ""
            syntaxes = tuple(str(syntax) for syntax in proposed.transfer_syntax)
            found.append(NegotiatedContext(str(proposed.abstract_syntax), syntaxes, result == 0, result, chosen))
        return tuple(found)

    @property
    def extended(self) -> tuple[tuple[str, bytes], ...]:
        """The peer's SOP Class Extended Negotiation: SOP Class UID and application information of each item it answered."""
        answer = self._association.acceptor.primitive
        items = answer.user_information if answer is not None else ()
        return tuple(
            (str(item.sop_class_uid), bytes(item.service_class_application_information or b""))
            for item in items
            if isinstance(item, SOPClassExtendedNegotiation)
        )

    def accepts(self, abstract_syntax: str) -> bool:
        """Whether a presentation context with this abstract syntax was accepted."""
        return any(c.abstract_syntax == abstract_syntax for c in self._association.accepted_contexts)

    def _perform(
        self, service: str, abstract_syntax: str, operation: Callable[[Any, int], object], *, action: int = 0, instance: str = ""
    ) -> Exchange:
        with self._one_at_a_time:
            if not self.established:
                raise LinkLost(self.peer)
            if not self.accepts(abstract_syntax):
                raise NoContext(self.peer, f"{uid.UID(abstract_syntax).name} ({abstract_syntax})")
            given_up = self._patience.given_up(self.peer.ae_title, service, abstract_syntax, action=action, instance=instance)
            if given_up is not None:
                if self._transcript is not None:
                    self._transcript.append(given_up)  # who looks at what was exchanged is to see why there is nothing
                return given_up
            exchange, late = self._send(operation)
            self._patience.note(exchange, late=late)
            return exchange

    def _send(self, operation: Callable[[Any, int], object]) -> tuple[Exchange, bool]:
        """Return an exchange, and whether it was not answered in time."""
        association = self._association
        self._ended.clear()
        began = time.monotonic()
        try:
            operation(association, next(self._message_ids))
        except (RuntimeError, AttributeError, ValueError) as error:
            if not (said := why_it_ended(association, error)):
                raise
            if not self._ended and not self._recorder.abandon(association, said):
                raise LinkLost(self.peer) from error
        late = False
        if not self._ended:
            self._unanswered = True
            late = time.monotonic() - began >= self.timeouts.message
            reason = "the peer aborted the association, closed the connection or sent a response that is none"
            if late:
                reason = f"no response within {self.timeouts.message:g} s"
            if said := no_message(association):
                late, reason = False, f"the response is no DIMSE message, so the association was aborted: {said}"
            if not self._recorder.abandon(association, reason):
                raise LinkLost(self.peer)
        return self._ended[-1], late

    # DIMSE-C

    def c_echo(self) -> Exchange:
        """C-ECHO [PS3.7 9.1.5]."""
        return self._perform("C-ECHO", sop_classes.Verification, lambda a, n: a.send_c_echo(msg_id=n))

    def c_store(self, dataset: Dataset) -> Exchange:
        """C-STORE [PS3.7 9.1.1], of any instance with SOP Class and Instance UID; encoded as negotiated."""
        if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        named = declared(dataset)
        return self._perform("C-STORE", dataset.SOPClassUID, lambda a, n: a.send_c_store(named, msg_id=n))

    def c_find(
        self, abstract_syntax: str, identifier: Dataset, cancel_after: int | None = None, *, cancels_another: bool = False
    ) -> Exchange:
        """C-FIND [PS3.7 9.1.2]; with `cancel_after` a C-CANCEL is sent after so many pending responses, of it or of none."""
        named = declared(identifier)

        def find(association: Any, number: int) -> None:
            responses = association.send_c_find(named, abstract_syntax, msg_id=number)
            for count, _ in enumerate(responses, 1):
                if count == cancel_after:
                    association.send_c_cancel(number + 1000 * cancels_another, query_model=abstract_syntax)

        return self._perform("C-FIND", abstract_syntax, find)

    def c_move(
        self,
        abstract_syntax: str,
        identifier: Dataset,
        destination: str,
        begins: Callable[[Callable[[], None]], None] | None = None,
    ) -> Exchange:
        """C-MOVE [PS3.7 9.1.4] to the AE title `destination`; before it is sent, `begins` gets what sends a C-CANCEL of it."""
        named = declared(identifier)

        def move(association: Any, number: int) -> None:
            if begins is not None:
                begins(partial(association.send_c_cancel, number, query_model=abstract_syntax))
            list(association.send_c_move(named, destination, abstract_syntax, msg_id=number))

        return self._perform("C-MOVE", abstract_syntax, move)

    def c_get(self, abstract_syntax: str, identifier: Dataset) -> Exchange:
        """C-GET [PS3.7 9.1.3]; the C-STOREs that come on this association are exchanges of their own."""
        named = declared(identifier)
        return self._perform("C-GET", abstract_syntax, lambda a, n: list(a.send_c_get(named, abstract_syntax, msg_id=n)))

    # DIMSE-N: SOP Class UID UPS Push whatever was negotiated [CC.3.1.1]

    def n_create(
        self, instance: str | None, attributes: Dataset, *, sop_class: str = UPS.PUSH, context: str = UPS.PUSH
    ) -> Exchange:
        """N-CREATE [PS3.7 10.1.5]; ``None`` leaves the SOP Instance UID out."""
        named, of = declared(attributes), sop_class
        return self._perform("N-CREATE", context, lambda a, n: a.send_n_create(named, of, instance, msg_id=n, meta_uid=context))

    def n_set(
        self,
        instance: str,
        modification: Dataset,
        *,
        sop_class: str = UPS.PUSH,
        context: str = UPS.PULL,
    ) -> Exchange:
        """N-SET [PS3.7 10.1.3]."""
        named = declared(modification)
        return self._perform(
            "N-SET", context, lambda a, n: a.send_n_set(named, sop_class, instance, msg_id=n, meta_uid=context), instance=instance
        )

    def n_get(
        self,
        instance: str,
        keywords: Sequence[str | BaseTag | int] = (),
        *,
        sop_class: str = UPS.PUSH,
        context: str = UPS.PULL,
    ) -> Exchange:
        """N-GET [PS3.7 10.1.2] of attributes by keyword or tag; none asks for all."""
        tags = [Tag(tag_for_keyword(key) or key) if isinstance(key, str) else Tag(key) for key in keywords]
        return self._perform(
            "N-GET", context, lambda a, n: a.send_n_get(tags, sop_class, instance, msg_id=n, meta_uid=context), instance=instance
        )

    def n_action(
        self,
        instance: str,
        action_type: int,
        information: Dataset | None,
        *,
        sop_class: str = UPS.PUSH,
        context: str = UPS.PULL,
    ) -> Exchange:
        """N-ACTION [PS3.7 10.1.4]."""
        # pynetdicom announces a data set for an empty Dataset and never sends it.
        given = declared(information) if information is not None and len(information) else None
        return self._perform(
            "N-ACTION",
            context,
            lambda a, n: a.send_n_action(given, action_type, sop_class, instance, msg_id=n, meta_uid=context),
            action=action_type,
            instance=instance,
        )

    def n_event_report(
        self,
        instance: str,
        event_type: int,
        information: Dataset | None,
        *,
        sop_class: str = UPS.PUSH,
        context: str = UPS.EVENT,
    ) -> Exchange:
        """N-EVENT-REPORT [PS3.7 10.1.1]; we are the SCP of that class."""
        given = declared(information) if information is not None and len(information) else None
        return self._perform(
            "N-EVENT-REPORT",
            context,
            lambda a, n: a.send_n_event_report(given, event_type, sop_class, instance, msg_id=n, meta_uid=context),
        )


def _extended(sop_class: str, information: bytes) -> SOPClassExtendedNegotiation:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = uid.UID(sop_class)
    item.service_class_application_information = information
    return item

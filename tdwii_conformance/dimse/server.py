"""An SCP: listens, accepts associations and hands requests to handlers."""

from __future__ import annotations

import logging
import socketserver
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from ..transcript.exchange import Transcript
from ..transcript.observation import Association
from .contexts import Proposal, contexts_of
from .matches import sending
from .peers import TLS, Peer, Timeouts, check_ae_title
from .recording import AssociationRecorder, Recorder
from .text import declaring
from .tuning import quiet_logging, tune

__all__ = ["Handler", "Server", "called_ae_title"]

log = logging.getLogger(__name__)

Handler = tuple[Any, Callable[..., Any]]
MANY = 1000  # associations at once; pynetdicom's default of 10 refuses the eleventh


def called_ae_title(association: Any) -> str:
    """Return the AE title that an association was requested for; empty as long as it is not known."""
    request = association.requestor.primitive
    return str(request.called_ae_title).strip() if request is not None else ""


class _Listener(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom has no types
    """pynetdicom's server, without a collection of all garbage every 60 looks at the socket: ours looks often."""

    def service_actions(self) -> None:
        """Do nothing: Python collects garbage when there is some."""


class _Contexts(list[Any]):
    """Presentation contexts that are not copied for each association: negotiation only reads them.

    pynetdicom makes a deep copy, which for the 170 storage classes of an OST costs four times what the rest of an
    association does.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> _Contexts:
        return self


class Server:
    """An application entity that accepts associations. A context manager.

    Parameters
    ----------
    ae_title : str
        Ours.
    contexts : sequence of Proposal
        What to accept; without transfer syntaxes: Implicit and Explicit VR Little Endian.
    handlers : sequence of (event, callable)
        pynetdicom's intervention events and what answers them.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    timeouts : Timeouts, optional
        Deadlines.
    tls : TLS, optional
        To listen with TLS.
    transcript : Transcript, optional
        Gets every exchange that was served.
    require_called_ae_title : bool
        Whether associations to another AE title are rejected.
    scp_roles : sequence of str
        SOP classes for which a peer may ask to be the SCP: Storage for C-GET, UPS Event for event reports.
    implementation_version_name : str, optional
        What to call ourselves in the negotiation, at most 16 characters.
    associations : callable, optional
        Called with every association when it stands, and when it has ended.
    calling : sequence of str
        AE titles whose associations are accepted, others are rejected; empty: all.
    patience : float
        How long peers may take, when we stop, to release their associations, in seconds; those that stand then are aborted.
    """

    def __init__(
        self,
        ae_title: str,
        contexts: Sequence[Proposal],
        handlers: Sequence[Handler],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        timeouts: Timeouts | None = None,
        tls: TLS | None = None,
        transcript: Transcript | None = None,
        require_called_ae_title: bool = False,
        scp_roles: Sequence[str] = (),
        implementation_version_name: str | None = None,
        associations: Callable[[Association], None] | None = None,
        calling: Sequence[str] = (),
        patience: float = 0.0,
    ) -> None:
        self.ae_title = check_ae_title(ae_title)
        self._address = (host, port)
        self._tls = tls
        self._contexts = contexts_of(contexts)
        for context in self._contexts:
            if context.abstract_syntax in scp_roles:
                context.scu_role, context.scp_role = True, True
        self._transcript = transcript
        self._handlers: list[Handler] = [(evt.EVT_CONN_OPEN, self._connected), (evt.EVT_CONN_OPEN, tune), *handlers]
        deadlines = timeouts or Timeouts()
        self._deadline, self._patience = deadlines.association, patience
        self._entity = AE(self.ae_title)
        self._entity.maximum_associations = MANY
        self._entity.acse_timeout, self._entity.dimse_timeout = deadlines.association, deadlines.message
        self._entity.network_timeout = deadlines.network
        self._entity.require_called_aet = require_called_ae_title
        self._entity.require_calling_aet = list(calling)
        self._ended = associations
        if implementation_version_name is not None:
            self._entity.implementation_version_name = implementation_version_name
        self._server: _Listener | None = None
        self._thread: threading.Thread | None = None
        self._associations: list[Any] = []
        self._lock = threading.Lock()  # connections are opened in a thread each

    @property
    def implementation_version_name(self) -> str:
        """What it calls itself in the negotiation; to be set before the start."""
        return str(self._entity.implementation_version_name)

    @implementation_version_name.setter
    def implementation_version_name(self, name: str) -> None:
        self._entity.implementation_version_name = name

    @property
    def implementation_class_uid(self) -> str:
        """The UID by which it names its implementation in the negotiation; to be set before the start."""
        return str(self._entity.implementation_class_uid)

    @implementation_class_uid.setter
    def implementation_class_uid(self, uid: str) -> None:
        self._entity.implementation_class_uid = uid

    @property
    def maximum_length(self) -> int:
        """The Maximum Length Received it announces, in bytes; 0: no limit. To be set before the start."""
        return int(self._entity.maximum_pdu_size)

    @maximum_length.setter
    def maximum_length(self, length: int) -> None:
        self._entity.maximum_pdu_size = length

    @property
    def contexts(self) -> list[Any]:
        """The presentation contexts it accepts; may be changed before the start."""
        return self._contexts

    def add_handler(self, kind: Any, handler: Callable[[Any], Any]) -> None:
        """Have a notification event handled, after the handlers it has; before the start."""
        self._handlers.append((kind, handler))

    def wrap_handler(self, kind: Any, wrapper: Callable[..., Any]) -> None:
        """Have `wrapper` (handler, event) called in place of the handler of an intervention event; before the start."""
        self._handlers = [(k, partial(wrapper, h) if k is kind else h) for k, h in self._handlers]

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            return self._address[1]
        return int(self._server.server_address[1])

    @property
    def peer(self) -> Peer:
        """How to reach it."""
        return Peer(self.ae_title, self._address[0], self.port, self._tls)

    def start(self) -> Self:
        """Listen.

        Raises
        ------
        OSError
            If the address cannot be had; the message names it.
        """
        quiet_logging()
        try:
            self._server = self._entity.make_server(
                self._address,
                contexts=self._contexts,
                ssl_context=self._tls.server_context() if self._tls else None,
                evt_handlers=[(kind, sending(kind, declaring(kind, handler))) for kind, handler in self._handlers],
                server_class=_Listener,
            )
        except OSError as error:
            host, port = self._address
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"{self.ae_title} cannot listen on {host}:{port}: {reason}") from error
        self._server.contexts = _Contexts(self._server.contexts)
        self._thread = threading.Thread(target=self._serve, args=(self._server,), name=f"{self.ae_title} server")
        self._thread.start()
        return self

    def _serve(self, listener: Any) -> None:
        try:
            listener.serve_forever(0.02)  # a short poll interval: it is how long stopping takes
        except Exception as error:  # nobody can connect any more: it is to be known
            log.error("%s listens no more: %s: %s", self.ae_title, type(error).__name__, error)

    def _connected(self, event: Any) -> None:
        association = event.assoc
        with self._lock:
            # One that has no identifier has not begun yet.
            self._associations = [a for a in self._associations if a.is_alive() or a.ident is None] + [association]
        if self._transcript is not None:
            Recorder(self._transcript.append).attach_to_the_end(association)
        if self._ended is not None:
            AssociationRecorder(self._ended).attach(association)

    def abort_those_to(self, ae_title: str) -> None:
        """Abort the associations that were requested for an AE title of ours."""
        with self._lock:
            standing = [association for association in self._associations if association.is_established]
        for association in standing:
            if called_ae_title(association) == ae_title:
                association.abort()

    def stop(self) -> None:
        """Stop listening, let peers release their associations or end them, and wait for their threads."""
        if self._server is None or self._thread is None:
            return
        # pynetdicom's own shutdown() wants servers that it started itself; this is what it does besides.
        socketserver.BaseServer.shutdown(self._server)
        self._server.server_close()
        self._thread.join()
        with self._lock:
            begun = [association for association in self._associations if association.ident is not None]
        patient_until = time.monotonic() + self._patience
        for association in begun:
            association.join(max(0.0, patient_until - time.monotonic()))
        for association in begun:
            if association.is_alive():
                association.abort(block=False)
        deadline = time.monotonic() + self._deadline
        for association in begun:
            association.join(max(0.0, deadline - time.monotonic()))
            association.dul.join(max(0.0, deadline - time.monotonic()))
        self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

"""The simulated Treatment Management System: a UPS worklist, and the delivery instructions it hands out.

Conformant to PS3.4 Annex CC: UPS Push, Pull, Watch, Query as SCP, and UPS Event as SCP over associations that it opens;
Study Root MOVE for the RT Beams Delivery Instructions it holds. What the standard leaves to a conformance statement is in
``docs/simulators.md``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from pydicom.dataset import Dataset
from pydicom.uid import UID, RTBeamsDeliveryInstructionStorage
from pynetdicom import evt, sop_class

from ..dimse import TLS, Handler, Peer, Server, Timeouts
from ..profile.ups_service import ACTION_TYPES, CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ..transcript.exchange import Transcript
from ..transcript.observation import Association
from ..treatment.messages import Code, item
from ..ups import FILTERED, Event, IdentifierError, MemoryStore, Outcome, Store, Worklist, status_changed
from .instances import InstanceStore, leave_out_remaining, move_handler, store_handler
from .reporter import Reporter
from .simulator import Simulator

__all__ = ["TMS"]

STUDY_ROOT_MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove

# Which service is offered under which abstract syntax [CC.2].
SERVICES = {
    "N-CREATE": (UPS.PUSH,),
    "N-GET": (UPS.PUSH, UPS.PULL, UPS.WATCH),
    "N-SET": (UPS.PULL,),
    CHANGE_STATE: (UPS.PULL,),
    REQUEST_CANCEL: (UPS.PUSH, UPS.WATCH),
    SUBSCRIBE: (UPS.WATCH,),
    UNSUBSCRIBE: (UPS.WATCH,),
    SUSPEND: (UPS.WATCH,),
}

SUCCESS = 0x0000
PENDING, CANCELED = 0xFF00, 0xFE00
PROCESSING_FAILURE, NO_SUCH_CLASS, CLASS_MISMATCH, NO_SUCH_ACTION = 0x0110, 0x0118, 0x0119, 0x0123
UNRECOGNIZED_OPERATION = 0x0211
INVALID_ARGUMENT, RECEIVER_UNKNOWN, NO_SUCH_UPS = 0x0115, 0xC308, 0xC307
CLASS_NOT_SUPPORTED, CANNOT_PROCESS = 0x0122, 0xC000

WORKLISTS = (UPS.PULL, UPS.WATCH, UPS.QUERY)
UPS_CLASSES = (UPS.PUSH, *WORKLISTS)

log = logging.getLogger(__name__)


def _spoken(service: str | int) -> str:
    return service if isinstance(service, str) else f"N-ACTION {ACTION_TYPES[service]}"


def extended(proposed: bytes) -> bytes:
    """Return the answer to SOP Class Extended Negotiation [PS3.4 K.5.1.2].

    Person names are matched literally. Date-times of a query are always meant in its Timezone Offset From UTC, so that
    is granted where it is asked for.
    """
    reserved, fuzzy, timezone = b"\1\1", b"\0", bytes(wanted == 1 for wanted in proposed[3:4])
    return reserved + fuzzy + timezone


class TMS(Simulator):
    """A simulated TMS. A context manager.

    Parameters
    ----------
    ae_title : str
        Its AE title.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    store : Store, optional
        Where the worklist is kept; in memory by default.
    instructions : InstanceStore, optional
        The RT Beams Delivery Instructions it hands out; it takes more by C-STORE.
    destinations : mapping of str to Peer
        The application entities it knows, by AE title: move destinations, and receivers of event reports. Looked at when
        asked, so the caller may add to it.
    fallback : sequence of str
        AE titles to which every start and stop is reported, subscribed or not [CC.2.4.3].
    retention : timedelta, optional
        How long a UPS is kept in a final state without deletion lock; ``None``: for ever.
    filtered : bool
        Whether filtered global subscriptions are supported; without, they get C307 [CC.2.3.3].
    tls : TLS, optional
        To listen, and to send, with TLS.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets every exchange that was served.
    associations : callable, optional
        Called with every association when it stands and when it has ended, also those that it opens.
    calling : sequence of str
        AE titles whose associations are accepted, others are rejected; empty: all.
    lenient : bool
        Whether UPS services are also performed under the presentation context of another UPS SOP class, and with that class
        instead of UPS Push, as some programs send them. Each time is logged. It is not conformant [CC.2, CC.3.1].
    """

    actor = "TMS"
    contexts = (
        sop_class.Verification, UPS.PUSH, UPS.PULL, UPS.WATCH, UPS.QUERY, STUDY_ROOT_MOVE, RTBeamsDeliveryInstructionStorage,
    )  # fmt: skip

    def __init__(
        self,
        ae_title: str = "TMS",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        store: Store | None = None,
        instructions: InstanceStore | None = None,
        destinations: Mapping[str, Peer] | None = None,
        fallback: Sequence[str] = (),
        retention: timedelta | None = None,
        filtered: bool = True,
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        associations: Callable[[Association], None] | None = None,
        calling: Sequence[str] = (),
        lenient: bool = False,
    ) -> None:
        self.lenient = lenient
        self.worklist = Worklist(
            store if store is not None else MemoryStore(),
            now=lambda: datetime.now().astimezone(),
            publish=self._publish,
            retention=retention,
        )
        self.instructions = instructions if instructions is not None else InstanceStore()
        self._destinations = destinations if destinations is not None else {}
        self._fallback, self._filtered = tuple(fallback), filtered
        self._timeouts = timeouts or Timeouts()
        self._reporter = Reporter(ae_title, self._destinations, self._timeouts, transcript, associations)
        self._move = move_handler(self.instructions, self._destinations, ae_title, self._timeouts, transcript, associations)
        self._serving = threading.local()
        self._server = Server(
            ae_title,
            self.contexts,
            self._handlers(),
            host=host,
            port=port,
            tls=tls,
            timeouts=self._timeouts,
            transcript=transcript,
            associations=associations,
            calling=calling,
        )

    def _handlers(self) -> list[Handler]:
        return [
            (evt.EVT_DIMSE_SENT, leave_out_remaining),
            # The answer is sent, or never will be: now the events are reported to the watchers.
            (evt.EVT_PDU_SENT, lambda event: self._reporter.flush()),
            (evt.EVT_CONN_CLOSE, lambda event: self._reporter.flush()),
            (evt.EVT_SOP_EXTENDED, lambda event: {uid: extended(info) for uid, info in event.app_info.items() if uid in WORKLISTS}),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_C_FIND, self._c_find),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_STORE, store_handler(self.instructions)),
            (evt.EVT_N_CREATE, self._n_create),
            (evt.EVT_N_GET, self._n_get),
            (evt.EVT_N_SET, self._n_set),
            (evt.EVT_N_ACTION, self._n_action),
        ]

    def refuse_filtered(self) -> None:
        """Support no filtered global subscriptions any more."""
        self._filtered = False

    @property
    def reporter(self) -> Reporter:
        """What its event reports go through."""
        return self._reporter

    def start(self) -> Self:
        """Listen, and report the restart [CC.2.4.3]."""
        super().start()
        self._report_status("RESTARTED", warm=self.worklist.known)
        return self

    def stop(self) -> None:
        """Report that it is going down, stop listening, end all associations, and close the worklist's store."""
        self._report_status("GOING DOWN", warm=self.worklist.kept)
        super().stop()
        self._reporter.close()
        self.worklist.close()

    def _report_status(self, status: str, *, warm: bool) -> None:
        receivers = list(dict.fromkeys((*self._fallback, *self.worklist.subscribers())))
        if receivers:
            self._publish(status_changed(status, warm=warm), receivers)

    def _publish(self, event: Event, receivers: Sequence[str]) -> None:
        self._reporter.post(event, receivers)
        if not getattr(self._serving, "request", False):
            self._reporter.flush()

    # --- services ---------------------------------------------------------------------------------------------------

    def _c_find(self, event: Any) -> Iterator[tuple[int | Dataset, Dataset | None]]:
        context, named = event.context.abstract_syntax, event.request.AffectedSOPClassUID
        fits = context in WORKLISTS and named == context
        if not fits and not (named in UPS_CLASSES and self._tolerates(event, "C-FIND", f"under {UID(context).name}")):
            yield _status(CLASS_NOT_SUPPORTED, "C-FIND is of UPS Pull, Watch and Query"), None
            return
        try:
            identifier = event.identifier
            matches = self.find(identifier, implicit_vr=event.context.transfer_syntax.is_implicit_VR)
        except IdentifierError as error:
            yield _status(error.status, error.comment), None
            return
        except Exception as error:  # bytes of a peer that no data set can be made of
            yield _status(CANNOT_PROCESS, f"identifier cannot be decoded: {error}"), None
            return
        for match in matches:
            if event.is_cancelled:
                yield CANCELED, None
                return
            yield PENDING, match

    def _n_create(self, event: Any) -> tuple[Dataset, Dataset | None]:
        return self._serve(event, "N-CREATE", "AffectedSOPClassUID", lambda: self.create(event))

    def _n_get(self, event: Any) -> tuple[Dataset, Dataset | None]:
        return self._serve(event, "N-GET", "RequestedSOPClassUID", lambda: self.get(event))

    def _n_set(self, event: Any) -> tuple[Dataset, Dataset | None]:
        return self._serve(event, "N-SET", "RequestedSOPClassUID", lambda: self.set(event))

    def _n_action(self, event: Any) -> tuple[Dataset, Dataset | None]:
        action = event.action_type
        if action not in SERVICES:
            return _status(NO_SUCH_ACTION, f"action type {action}"), None
        return self._serve(event, action, "RequestedSOPClassUID", lambda: self.action(event, action))

    def _serve(self, event: Any, service: str | int, class_keyword: str, perform: Any) -> tuple[Dataset, Dataset | None]:
        """Answer a DIMSE-N request: refuse what does not fit the context or class, then do it."""
        # All DIMSE-N messages carry UPS Push, whatever was negotiated [CC.3.1.1].
        named, spoken = getattr(event.request, class_keyword), _spoken(service)
        if named != UPS.PUSH and not (
            named in UPS_CLASSES and self._tolerates(event, spoken, f"with {class_keyword} {UID(named).name}")
        ):
            return _status(
                CLASS_MISMATCH if named in (UPS.PULL, UPS.WATCH, UPS.QUERY) else NO_SUCH_CLASS,
                f"{class_keyword} is UPS Push for every UPS [CC.3.1]",
            ), None
        context = event.context.abstract_syntax
        if context not in SERVICES[service] and not (
            context in UPS_CLASSES and self._tolerates(event, spoken, f"under {UID(context).name}")
        ):
            return _status(UNRECOGNIZED_OPERATION, f"not offered under {event.context.abstract_syntax}"), None
        self._serving.request = True
        try:
            outcome: Outcome = perform()
        except Exception as error:  # undecodable data sets above all: refuse the request, keep the association
            return _status(PROCESSING_FAILURE, f"{type(error).__name__}: {error}"), None
        finally:
            self._serving.request = False
        return _status(outcome.status, outcome.comment), outcome.dataset

    def _tolerates(self, event: Any, service: str, how: str) -> bool:
        """Whether a request that does not fit its presentation context or class is served; the log says so each time."""
        if self.lenient:
            caller = str(event.assoc.requestor.ae_title).strip()
            log.warning(
                "%s sent %s %s, which is wrong [CC.2, CC.3.1]; served all the same, as --lenient says", caller, service, how
            )
        return self.lenient

    def make(self, uid: str, attributes: Dataset) -> Outcome:
        """Make a UPS without N-CREATE: it is reported to who subscribed to all, as one of an N-CREATE is [CC.2.5.3].

        Parameters
        ----------
        uid : str
            SOP Instance UID.
        attributes : Dataset
            What an N-CREATE would bring.
        """
        return self.worklist.create(uid, attributes)

    def cancel(self, uid: str) -> Outcome:
        """Cancel a scheduled UPS, as a user of the TMS does: through IN PROGRESS, as always [CC.1.1, CC.2.1.3]."""
        return self.worklist.request_cancel(uid, None, self.server.ae_title)

    def move(self, uid: str, station: Code) -> Outcome:
        """Move a scheduled UPS to another station, as a user of the TMS does."""
        return self.worklist.set(uid, item(ScheduledStationNameCodeSequence=station.item))

    def find(self, identifier: Dataset, *, implicit_vr: bool) -> Iterable[Dataset]:
        """Return the response identifiers of a C-FIND, for a transfer syntax with or without VR."""
        return self.worklist.find(identifier, implicit_vr=implicit_vr)

    def create(self, event: Any) -> Outcome:
        """Perform N-CREATE."""
        return self.worklist.create(str(event.request.AffectedSOPInstanceUID or ""), event.attribute_list)

    def get(self, event: Any) -> Outcome:
        """Perform N-GET."""
        return self.worklist.get(str(event.request.RequestedSOPInstanceUID), event.attribute_identifiers)

    def set(self, event: Any) -> Outcome:
        """Perform N-SET."""
        return self.worklist.set(str(event.request.RequestedSOPInstanceUID), event.modification_list)

    def action(self, event: Any, action: int) -> Outcome:
        """Perform N-ACTION of a known type."""
        instance = str(event.request.RequestedSOPInstanceUID)
        information = event.action_information if event.request.ActionInformation is not None else Dataset()
        if action == CHANGE_STATE:
            return self.worklist.change_state(instance, information.get("ProcedureStepState"), information.get("TransactionUID"))
        if action == REQUEST_CANCEL:
            requestor = str(event.assoc.requestor.ae_title).strip()
            return self.worklist.request_cancel(instance, information, requestor)
        return self.subscription(instance, action, information)

    def subscription(self, instance: str, action: int, information: Dataset) -> Outcome:
        """Perform Subscribe, Unsubscribe or Suspend [CC.2.3]."""
        receiver = str(information.get("ReceivingAE") or "").strip()
        if not receiver:
            return Outcome(INVALID_ARGUMENT, "ReceivingAE is missing")
        if not self._reporter.knows(receiver):
            return Outcome(RECEIVER_UNKNOWN, f"Receiving AE {receiver} is not known here")
        if instance == FILTERED and not self._filtered:
            return Outcome(NO_SUCH_UPS, "filtered global subscriptions are not supported")
        if action == UNSUBSCRIBE:
            return self.worklist.unsubscribe(instance, receiver)
        if action == SUSPEND:
            return self.worklist.suspend(instance, receiver)
        lock = information.get("DeletionLock")
        if lock not in ("TRUE", "FALSE"):
            return Outcome(INVALID_ARGUMENT, f"DeletionLock is TRUE or FALSE, not {lock!r}")
        return self.worklist.subscribe(instance, receiver, lock == "TRUE", information)


def _status(status: int, comment: str = "") -> Dataset:
    """Return a status with Error Comment [PS3.7 C], which holds 64 characters of the default repertoire."""
    dataset = Dataset()
    dataset.Status = status
    if comment:
        dataset.ErrorComment = comment.encode("ascii", "replace").decode()[:64]
    return dataset

"""The simulated Treatment Management System: a UPS worklist, and the delivery instructions it hands out.

Conformant to PS3.4 Annex CC for what it offers: UPS Push, Pull, Watch (without event reports: subscriptions are refused
with C315) and Query; Study Root MOVE for the RT Beams Delivery Instructions it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import RTBeamsDeliveryInstructionStorage
from pynetdicom import evt, sop_class

from ..dimse import TLS, Handler, Peer, Server, Timeouts
from ..exchange import Transcript
from ..ups import IdentifierError, MemoryStore, Outcome, Store, Worklist
from .instances import InstanceStore, leave_out_remaining, move_handler, store_handler
from .simulator import Simulator

__all__ = ["TMS"]

PUSH = sop_class.UnifiedProcedureStepPush
PULL = sop_class.UnifiedProcedureStepPull
WATCH = sop_class.UnifiedProcedureStepWatch
QUERY = sop_class.UnifiedProcedureStepQuery
STUDY_ROOT_MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove

CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 1, 2, 3, 4, 5
# Which service is offered under which abstract syntax [CC.2].
SERVICES = {
    "N-CREATE": (PUSH,),
    "N-GET": (PUSH, PULL, WATCH),
    "N-SET": (PULL,),
    CHANGE_STATE: (PULL,),
    REQUEST_CANCEL: (PUSH, WATCH),
    SUBSCRIBE: (WATCH,),
    UNSUBSCRIBE: (WATCH,),
    SUSPEND: (WATCH,),
}

SUCCESS = 0x0000
PENDING, CANCELED = 0xFF00, 0xFE00
PROCESSING_FAILURE, NO_SUCH_CLASS, CLASS_MISMATCH, NO_SUCH_ACTION = 0x0110, 0x0118, 0x0119, 0x0123
UNRECOGNIZED_OPERATION = 0x0211
NO_EVENT_REPORTS = 0xC315
CLASS_NOT_SUPPORTED, CANNOT_PROCESS = 0x0122, 0xC000


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
        Move destinations by AE title; looked at when asked, so the caller may add to it.
    tls : TLS, optional
        To listen, and to send, with TLS.
    timeouts : Timeouts, optional
        Deadlines.
    transcript : Transcript, optional
        Gets every exchange that was served.
    """

    contexts = (
        sop_class.Verification, PUSH, PULL, WATCH, QUERY, STUDY_ROOT_MOVE, RTBeamsDeliveryInstructionStorage,
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
        tls: TLS | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.worklist = Worklist(store if store is not None else MemoryStore(), now=lambda: datetime.now().astimezone())
        self.instructions = instructions if instructions is not None else InstanceStore()
        self._destinations = destinations if destinations is not None else {}
        self._ae_title, self._timeouts = ae_title, timeouts or Timeouts()
        self._server = Server(
            ae_title,
            self.contexts,
            self._handlers(),
            host=host,
            port=port,
            tls=tls,
            timeouts=self._timeouts,
            transcript=transcript,
        )

    def _handlers(self) -> list[Handler]:
        return [
            (evt.EVT_DIMSE_SENT, leave_out_remaining),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_C_FIND, self._c_find),
            (evt.EVT_C_MOVE, move_handler(self.instructions, self._destinations, self._ae_title, self._timeouts)),
            (evt.EVT_C_STORE, store_handler(self.instructions)),
            (evt.EVT_N_CREATE, self._n_create),
            (evt.EVT_N_GET, self._n_get),
            (evt.EVT_N_SET, self._n_set),
            (evt.EVT_N_ACTION, self._n_action),
        ]

    def stop(self) -> None:
        """Stop listening, end all associations, and close the worklist's store."""
        super().stop()
        self.worklist.close()

    # --- services ---------------------------------------------------------------------------------------------------

    def _c_find(self, event: Any) -> Iterator[tuple[int | Dataset, Dataset | None]]:
        if (
            event.context.abstract_syntax not in (PULL, WATCH, QUERY)
            or event.request.AffectedSOPClassUID != event.context.abstract_syntax
        ):
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
        if (named := getattr(event.request, class_keyword)) != PUSH:
            return _status(
                CLASS_MISMATCH if named in (PULL, WATCH, QUERY) else NO_SUCH_CLASS,
                f"{class_keyword} is UPS Push for every UPS [CC.3.1]",
            ), None
        if event.context.abstract_syntax not in SERVICES[service]:
            return _status(UNRECOGNIZED_OPERATION, f"not offered under {event.context.abstract_syntax}"), None
        try:
            outcome: Outcome = perform()
        except Exception as error:  # undecodable data sets above all: refuse the request, keep the association
            return _status(PROCESSING_FAILURE, f"{type(error).__name__}: {error}"), None
        return _status(outcome.status, outcome.comment), outcome.dataset

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
        return Outcome(NO_EVENT_REPORTS, "this TMS sends no event reports")


def _status(status: int, comment: str = "") -> Dataset:
    """Return a status with Error Comment [PS3.7 C], which holds 64 characters of the default repertoire."""
    dataset = Dataset()
    dataset.Status = status
    if comment:
        dataset.ErrorComment = comment.encode("ascii", "replace").decode()[:64]
    return dataset

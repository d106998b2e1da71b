"""The TDD's side of TDW-II: RO-58 to RO-65 as calls that return what was exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import sop_class

from ..checks.move import Retrieval
from ..dimse import Link, LinkLost, Patience, Peer, Proposal, Timeouts, connect
from ..profile.ups_service import CHANGE_STATE, UPS
from ..transcript.answers import answered
from ..transcript.exchange import Exchange, Transcript
from ..treatment.messages import Reference, move_identifier, state_change
from .receiver import Receiver

__all__ = ["TDD"]


STUDY_ROOT_MOVE = sop_class.StudyRootQueryRetrieveInformationModelMove
TMS_CONTEXTS = (
    sop_class.Verification, UPS.PULL, UPS.PUSH, UPS.WATCH, UPS.QUERY, STUDY_ROOT_MOVE, uid.RTBeamsDeliveryInstructionStorage,
)  # fmt: skip
OST_CONTEXTS = (
    sop_class.Verification, STUDY_ROOT_MOVE, uid.RTPlanStorage, uid.RTIonPlanStorage, uid.RTBeamsTreatmentRecordStorage,
    uid.RTIonBeamsTreatmentRecordStorage,
)  # fmt: skip


LATE = 2.0  # seconds after the final response of a C-MOVE in which an instance that it counts may still come


def _counted(move: Exchange, identifier: Dataset) -> int:
    """Return how many instances a C-MOVE says it has moved; what was asked for, if it ended well and counts nothing."""
    if move.response is None or answered(move) not in ("done", "warning"):
        return 0
    numbers = [move.response.command.get(f"NumberOf{kind}Suboperations") for kind in ("Completed", "Warning")]
    if any(number is not None for number in numbers):
        return sum(int(number or 0) for number in numbers)
    asked = identifier.get("SOPInstanceUID") or ()
    return 1 if isinstance(asked, str) else len(asked)


def _anything_goes(_request: str) -> None:
    """Consent to every request: for systems that may be changed."""


class TDD:
    """A Treatment Delivery Device that speaks to a TMS and an OST.

    Associations are opened when first needed and kept until the end; a lost one is opened anew.

    Parameters
    ----------
    tms, ost : Peer
        The systems; they may be one.
    calling : str
        AE title of this TDD.
    timeouts : Timeouts
        Deadlines, in seconds.
    transcript : Transcript, optional
        Gets every exchange.
    receiver : Receiver, optional
        The storage SCP that instances are moved to; without one nothing can be retrieved.
    consent : callable, optional
        Called with a description before every request that changes the state of a system; it raises to forbid it.
    patience : Patience, optional
        Shared with others that ask the same systems: what these never answer is not asked again and again.

    Attributes
    ----------
    contexts : dict of str to sequence of Proposal
        What is proposed to the ``"TMS"`` and to the ``"OST"``; may be changed before they are called.
    implementation_version_name : str or None
        Its Implementation Version Name, if not the default; may be changed like `contexts`.
    maximum_length : int or None
        The Maximum Length Received it announces, in bytes, if not the default; 0: no limit. As `contexts`.
    """

    def __init__(
        self,
        tms: Peer,
        ost: Peer,
        *,
        calling: str,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        receiver: Receiver | None = None,
        consent: Callable[[str], None] = _anything_goes,
        patience: Patience | None = None,
    ) -> None:
        self.tms, self.ost, self.calling = tms, ost, calling
        self.timeouts = timeouts or Timeouts()
        self.transcript = transcript if transcript is not None else Transcript()
        self.receiver = receiver
        self.consent = consent
        self.patience = patience if patience is not None else Patience()
        self.contexts: dict[str, Sequence[Proposal]] = {"TMS": TMS_CONTEXTS, "OST": OST_CONTEXTS}
        self.implementation_version_name: str | None = None
        self.maximum_length: int | None = None
        self._links: dict[str, Link] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(abort=kind is not None and issubclass(kind, KeyboardInterrupt))

    def close(self, *, abort: bool = False) -> None:
        """Release the associations, or abort them."""
        while self._links:
            self._links.popitem()[1].close(abort=abort)

    def _call(self, role: str, operation: Callable[[Link], Exchange]) -> Exchange:
        """Perform an operation on the association with the TMS or OST; once more on a new one if that was lost."""
        if role in self._links:
            try:
                return operation(self._links[role])
            except LinkLost:  # nothing was sent: the peer closed an idle association, as it may
                self._links.pop(role).close()
        self._links[role] = self.connect(role)
        return operation(self._links[role])

    def connect(self, role: str) -> Link:
        """Return a new association with the ``"TMS"`` or the ``"OST"``; raises as `dimse.connect`."""
        return connect(
            self.tms if role == "TMS" else self.ost, self.contexts[role], calling=self.calling, timeouts=self.timeouts,
            transcript=self.transcript, implementation_version_name=self.implementation_version_name,
            maximum_length=self.maximum_length, patience=self.patience,
        )  # fmt: skip

    # RO-58

    def query(self, identifier: Dataset, model: str = UPS.PULL) -> Exchange:
        """RO-58: C-FIND on the worklist."""
        return self._call("TMS", lambda link: link.c_find(model, identifier))

    # RO-59, RO-61

    def retrieve(self, role: str, identifier: Dataset, destination: str | None = None) -> Retrieval:
        """RO-59 from the ``"OST"``, RO-61 from the ``"TMS"``: C-MOVE, to our own receiver unless another destination is given."""
        if self.receiver is None:
            raise ValueError("retrieving needs a receiver: give one to TDD(receiver=...)")
        target = destination or self.receiver.ae_title
        mark = self.receiver.mark()
        move = self._call(role, lambda link: link.c_move(STUDY_ROOT_MOVE, identifier, target))
        counted = _counted(move, identifier)
        if counted and target == self.receiver.ae_title:
            # Wait for instances under way, so that they are reported as late and not as missing.
            self.receiver.wait_for_stores(counted, mark, min(LATE, self.timeouts.message))
        return Retrieval(move, self.receiver.since(mark))

    def retrieve_references(self, role: str, wanted: Sequence[Reference]) -> Retrieval:
        """Retrieve instances of one series, by what the workitem says of them."""
        first = wanted[0]
        return self.retrieve(role, move_identifier(first.study, first.series, [one.instance for one in wanted]))

    # RO-60, RO-65

    def change_state(self, workitem: str, state: str | None, transaction_uid: str | None, *, context: str = UPS.PULL) -> Exchange:
        """RO-60, RO-65: N-ACTION, Change UPS State [CC.2.1]."""
        return self.action(workitem, CHANGE_STATE, state_change(state, transaction_uid), context=context)

    def claim(self, workitem: str, transaction_uid: str | None = None) -> Exchange:
        """RO-60: claim a workitem, with a new Transaction UID unless one is given."""
        return self.change_state(workitem, "IN PROGRESS", transaction_uid or generate_uid())

    def action(self, workitem: str, action_type: int, information: Dataset | None, context: str = UPS.PULL) -> Exchange:
        """N-ACTION of any type."""
        state = information.get("ProcedureStepState") if information is not None and action_type == CHANGE_STATE else None
        self.consent(f"N-ACTION Change UPS State to {state}" if action_type == CHANGE_STATE else f"N-ACTION of type {action_type}")
        return self._call("TMS", lambda link: link.n_action(workitem, action_type, information, context=context))

    # RO-62, RO-64

    def set(self, workitem: str, modification: Dataset) -> Exchange:
        """RO-62, RO-64: N-SET [CC.2.6]."""
        self.consent("N-SET")
        return self._call("TMS", lambda link: link.n_set(workitem, modification))

    # RO-63

    def store(self, role: str, instance: Dataset) -> Exchange:
        """RO-63: C-STORE; also gives the ``"OST"`` and ``"TMS"`` the instances that a test needs there."""
        self.consent("C-STORE")
        return self._call(role, lambda link: link.c_store(instance))

    # beside the transactions

    def get(self, workitem: str, keywords: Iterable[str] = ()) -> Exchange:
        """N-GET [CC.2.7]; without keywords, of all attributes."""
        return self._call("TMS", lambda link: link.n_get(workitem, tuple(keywords)))

    def create(self, workitem: str | None, attributes: Dataset) -> Exchange:
        """N-CREATE [CC.2.5]: how a workitem gets on the worklist; ``None`` leaves its UID to the TMS."""
        self.consent("N-CREATE")
        return self._call("TMS", lambda link: link.n_create(workitem, attributes))

    def echo(self, role: str) -> Exchange:
        """C-ECHO with the ``"TMS"`` or ``"OST"``."""
        return self._call(role, lambda link: link.c_echo())

"""What the suite leaves on the worklist of a system that is not ours: no UPS that somebody could still perform."""

import time
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..checks import status
from ..checks.creation import created_uid
from ..dimse import DimseError
from ..profile.statuses import is_failure
from ..profile.ups_service import REQUEST_CANCEL, UPS
from ..scu.tdd import TDD
from ..transcript.exchange import Exchange
from ..treatment.messages import code_item, item

PROGRESS = "ProcedureStepProgressInformationSequence"


class RecordingTDD(TDD):
    """A TDD that knows which UPS it has created.

    Takes the parameters of `TDD`; `created` are the SOP Instance UIDs of what it has created.
    """

    def __init__(self, *peers: Any, **named: Any) -> None:
        super().__init__(*peers, **named)
        self.created: list[str] = []

    def create(self, workitem: str | None, attributes: Dataset) -> Exchange:
        """Create a UPS as `TDD.create` does, and take note of it if the SCP accepted."""
        exchange = super().create(workitem, attributes)
        uid = workitem or created_uid(exchange)
        if uid and not status.accepted(exchange, "an N-CREATE"):
            self.created.append(uid)
        return exchange


BOUND = 30.0  # seconds that the whole may take
IN_VAIN = 3  # workitems in a row that are not shown by N-GET, or cannot be ended: then nothing is asked any more


def put_away(
    tdd: RecordingTDD,
    *,
    by_request: bool,
    show: Callable[[str], object] = lambda sentence: None,
    bound: float = BOUND,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Cancel what this TDD has created and nobody has claimed; as far as the system is still there.

    It says what it does, takes no longer than `bound` seconds, and can be interrupted: what is left then is counted. Of a
    system that shows no UPS by N-GET, or lets none be ended, nothing is asked any more.

    Parameters
    ----------
    tdd : RecordingTDD
        Who has created the UPS.
    by_request : bool
        Whether the SCP supports Request UPS Cancel.
    show : callable
        Takes a sentence about what is done.
    bound : float
        Seconds that the whole may take.
    now : callable
        A clock that only goes forward, in seconds.
    """
    if not tdd.created:
        return
    left, in_vain, until = len(tdd.created), 0, now() + bound
    show(f"putting away {left} workitems that were created (at most {bound:g} s; Ctrl-C leaves them)")
    why = ""
    try:
        for uid in tdd.created:
            shown = tdd.get(uid, ["ProcedureStepState"])
            trouble = f"N-GET shows no workitem: {shown.failure or 'it is refused'}" if not _done(shown) else ""
            over = now() > until
            if not over and shown.dataset is not None and shown.dataset.get("ProcedureStepState") == "SCHEDULED":
                ended = end(tdd, uid, "SCHEDULED", by_request=by_request)
                if ended is not None and not _done(ended):
                    trouble = f"none can be canceled: {ended.failure or 'it is refused'}"
            in_vain = in_vain + 1 if trouble else 0
            if in_vain == IN_VAIN or over:
                why = trouble if in_vain == IN_VAIN else f"{bound:g} s are over"
                break
            left -= not trouble
    except DimseError as error:
        why = error.advice
    except KeyboardInterrupt:
        why = "interrupted"
    if why:
        show(f"{left} workitems stay on the worklist: {why}")


def _done(exchange: Exchange) -> bool:
    return exchange.status is not None and not is_failure(exchange.status)


def end(performer: TDD, uid: str, state: str, lock: str = "", *, by_request: bool) -> Exchange | None:
    """Bring a UPS to CANCELED; one that is SCHEDULED by Request UPS Cancel, if that is supported [PS3.4 CC.2.1, CC.2.2].

    Parameters
    ----------
    performer : TDD
        Who asks.
    uid : str
        SOP Instance UID of the UPS.
    state : str
        The state it is in; a UPS in a final state is left alone.
    lock : str
        Transaction UID of one that is IN PROGRESS.
    by_request : bool
        Whether the SCP supports Request UPS Cancel.

    Returns
    -------
    Exchange or None
        The request that was to bring it there; ``None`` if it is in a final state.
    """
    if state == "SCHEDULED" and by_request:
        return performer.action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)
    if state in ("SCHEDULED", "IN PROGRESS"):
        if state == "SCHEDULED":
            performer.claim(uid, lock := generate_uid())
        reason = item(ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110513", "DCM", "Unspecified")])
        performer.set(uid, item(TransactionUID=lock, **{PROGRESS: [reason]}))
        return performer.change_state(uid, "CANCELED", lock)
    return None

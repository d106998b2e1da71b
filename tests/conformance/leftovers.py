"""What the suite leaves on the worklist of a system that is not ours: no UPS that somebody could still perform."""

from pydicom.uid import generate_uid

from tdwii_conformance.checks import status
from tdwii_conformance.dimse import DimseError
from tdwii_conformance.profile.ups_service import REQUEST_CANCEL, UPS
from tdwii_conformance.scu.tdd import TDD
from tdwii_conformance.treatment.messages import code_item, item

PROGRESS = "ProcedureStepProgressInformationSequence"


class RecordingTDD(TDD):
    """A TDD that knows which UPS it has created."""

    def __init__(self, *peers, **named):
        super().__init__(*peers, **named)
        self.created = []

    def create(self, workitem, attributes):
        exchange = super().create(workitem, attributes)
        if not status.accepted(exchange, "an N-CREATE"):
            self.created.append(workitem)
        return exchange


def put_away(tdd, *, by_request):
    """Cancel what this TDD has created and nobody has claimed; as far as the system is still there."""
    try:
        for uid in tdd.created:
            shown = tdd.get(uid, ["ProcedureStepState"]).dataset
            if shown is not None and shown.get("ProcedureStepState") == "SCHEDULED":
                end(tdd, uid, "SCHEDULED", by_request=by_request)
    except DimseError:
        return


def end(performer, uid, state, lock="", *, by_request):
    """Bring a UPS to CANCELED; one that is SCHEDULED by Request UPS Cancel, if that is supported."""
    if state == "SCHEDULED" and by_request:
        performer.action(uid, REQUEST_CANCEL, None, context=UPS.PUSH)
    elif state in ("SCHEDULED", "IN PROGRESS"):
        if state == "SCHEDULED":
            performer.claim(uid, lock := generate_uid())
        reason = item(ProcedureStepDiscontinuationReasonCodeSequence=[code_item("110513", "DCM", "Unspecified")])
        performer.set(uid, item(TransactionUID=lock, **{PROGRESS: [reason]}))
        performer.change_state(uid, "CANCELED", lock)

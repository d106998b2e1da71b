"""Event reports with all that may be in them, and with what nobody knows: what a subscriber has to stand [CC.2.4.2]."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from ..profile.ups_service import ASSIGNED, PROGRESS_REPORT, STATE_REPORT
from ..treatment.messages import code_item, item
from ..ups import Event

__all__ = ["NO_EVENT_TYPE", "rich_reports"]

NO_EVENT_TYPE = 99  # an Event Type ID that there is not
PRIVATE_GROUP, CREATOR = 0x0099, "TDWII CONFORMANCE"
PROGRESS = "ProcedureStepProgressInformationSequence"


def rich_reports(uid: str, present: Dataset) -> Iterator[Event]:
    """Yield reports of a UPS that change nothing: of three types, with every attribute of theirs and some more, and one of no type.

    Parameters
    ----------
    uid : str
        SOP Instance UID of the UPS.
    present : Dataset
        Its attributes: what is reported is true.
    """
    reason = [code_item("110501", "DCM", "Equipment failure")]
    state = item(
        ProcedureStepState=present.get("ProcedureStepState"), InputReadinessState=present.get("InputReadinessState"),
        ReasonForCancellation="None yet", ProcedureStepDiscontinuationReasonCodeSequence=reason,
    )  # fmt: skip
    before = next(iter(present.get(PROGRESS) or ()), Dataset())
    progress = item(
        ProcedureStepProgress=before.get("ProcedureStepProgress") or "0", ProcedureStepProgressDescription="As before",
        ProcedureStepProgressParametersSequence=list(before.get("ProcedureStepProgressParametersSequence") or ()),
        ProcedureStepCommunicationsURISequence=[item(ContactURI="tel:+41-31-000", ContactDisplayName="Console")],
    )  # fmt: skip
    assigned = item(
        ScheduledStationNameCodeSequence=list(present.get("ScheduledStationNameCodeSequence") or ()),
        HumanPerformerCodeSequence=[code_item("RTT1", "99TDWII", "Therapist 1")], HumanPerformerOrganization="Clinic",
    )  # fmt: skip
    of_type = {STATE_REPORT: state, PROGRESS_REPORT: item(**{PROGRESS: [progress]}), ASSIGNED: assigned, NO_EVENT_TYPE: item(
        ProcedureStepState=present.get("ProcedureStepState"),
    )}  # fmt: skip
    for kind, information in of_type.items():
        if kind != NO_EVENT_TYPE:
            information.InstitutionalDepartmentName = "Radiotherapy"  # of no event
            block = information.private_block(PRIVATE_GROUP, CREATOR, create=True)
            block.add_new(0x01, "LO", "Private")
        yield Event(kind, uid, information)

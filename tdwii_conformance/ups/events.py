"""What subscribers of a UPS are told [CC.2.4]: the events that follow from what was done. Delivering them is for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ..profile.ups_service import ASSIGNED, CANCEL_REQUESTED, PROGRESS_REPORT, STATE_REPORT, STATUS_CHANGE
from .datasets import merged, picked
from .subscriptions import GLOBAL

__all__ = ["Event", "canceled_by_request", "created", "modified", "progress_item", "state_report", "status_changed"]


PROGRESS = "ProcedureStepProgressInformationSequence"
REASONS = ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence")
CONTACT = ("ContactURI", "ContactDisplayName")
# What a progress report may carry; the triggers are the same, the parameters by courtesy (A20).
REPORTED = (
    "ProcedureStepProgress", "ProcedureStepProgressDescription", "ProcedureStepProgressParametersSequence",
    "ProcedureStepCommunicationsURISequence",
)  # fmt: skip
STATION, PERFORMERS = "ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence"


@dataclass(frozen=True)
class Event:
    """Something that subscribers of a UPS are told [CC.2.4].

    Parameters
    ----------
    type : int
        Event Type ID.
    uid : str
        SOP Instance UID of the UPS.
    attributes : Dataset
        Event information.
    """

    type: int
    uid: str
    attributes: Dataset


def progress_item(attributes: Dataset) -> Dataset:
    """Return the item of the Procedure Step Progress Information Sequence; an empty one if there is none."""
    return next(iter(attributes.get(PROGRESS) or ()), Dataset())


def state_report(uid: str, attributes: Dataset) -> Event:
    """Return the UPS State Report of a UPS as it is."""
    states = picked(attributes, ("ProcedureStepState", "InputReadinessState"))
    return Event(STATE_REPORT, uid, merged(states, picked(progress_item(attributes), REASONS)))


def canceled_by_request(uid: str, information: Dataset, requesting_ae: str) -> Event:
    """Return the UPS Cancel Requested event: what the request gave, and who sent it."""
    attributes = picked(information, (*REASONS, *CONTACT))
    attributes.RequestingAE = requesting_ae
    return Event(CANCEL_REQUESTED, uid, attributes)


def created(uid: str, attributes: Dataset) -> Iterator[Event]:
    """Yield the events of a new UPS, for those who subscribed to all."""
    yield state_report(uid, attributes)
    yield from _assigned(uid, attributes)


def modified(uid: str, before: Dataset, after: Dataset) -> Iterator[Event]:
    """Yield the events of a UPS that was changed: for what is different now, not for what was sent again."""
    if _changed(before, after, ("InputReadinessState",)):
        yield state_report(uid, after)
    if _changed(progress_item(before), progress_item(after), REPORTED):
        item = Dataset()
        setattr(item, PROGRESS, [picked(progress_item(after), REPORTED)])
        yield Event(PROGRESS_REPORT, uid, item)
    if _changed(before, after, (STATION, PERFORMERS)):
        yield from _assigned(uid, after)


def status_changed(status: str, *, warm: bool) -> Event:
    """Return SCP Status Change; it belongs to no UPS, and names the global instance (A2).

    Parameters
    ----------
    status : {"RESTARTED", "GOING DOWN"}
        SCP Status.
    warm : bool
        Whether subscriptions and UPS are (or will be) known as before; they are kept in one place.
    """
    lists = "WARM START" if warm else "COLD START"
    information = Dataset()
    information.SCPStatus, information.SubscriptionListStatus = status, lists
    information.UnifiedProcedureStepListStatus = lists
    return Event(STATUS_CHANGE, GLOBAL, information)


def _changed(before: Dataset, after: Dataset, keywords: tuple[str, ...]) -> bool:
    return any(before.get(keyword) != after.get(keyword) for keyword in keywords)


def _assigned(uid: str, attributes: Dataset) -> Iterator[Event]:
    """Yield UPS Assigned if anybody is: the station, and the first performer flat, as the event table has it (A8)."""
    performer = next(iter(attributes.get(PERFORMERS) or ()), Dataset())
    told = merged(
        picked(attributes, (STATION,) if attributes.get(STATION) else ()),
        picked(performer, ("HumanPerformerCodeSequence", "HumanPerformerOrganization")),
    )
    if len(told):
        yield Event(ASSIGNED, uid, told)

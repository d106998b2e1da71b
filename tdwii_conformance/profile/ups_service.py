"""UIDs and numbers of the UPS service, each written once: SOP classes, well-known instances, action types, event types."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.uid import UID

__all__ = ["ACTION_TYPES", "EVENT_TYPES", "FILTERED", "GLOBAL", "TRIAL", "UPS"]


class UPS:
    """SOP Class UIDs of the service [PS3.4 CC.3.1]."""

    PUSH = UID("1.2.840.10008.5.1.4.34.6.1")
    WATCH = UID("1.2.840.10008.5.1.4.34.6.2")
    PULL = UID("1.2.840.10008.5.1.4.34.6.3")
    EVENT = UID("1.2.840.10008.5.1.4.34.6.4")
    QUERY = UID("1.2.840.10008.5.1.4.34.6.5")

    ALL = (PUSH, WATCH, PULL, EVENT, QUERY)


# What the retired SOP classes of the trial implementation begin with; their numbers go from 1 (Push) to 4 (Event).
TRIAL = "1.2.840.10008.5.1.4.34.4."

# The well-known SOP instances of subscriptions to all UPS, and to those that match a filter [PS3.4 CC.2.3.2].
GLOBAL = "1.2.840.10008.5.1.4.34.5"
FILTERED = "1.2.840.10008.5.1.4.34.5.1"

# Action Type IDs of N-ACTION [PS3.4 CC.2].
CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = 1, 2, 3, 4, 5
ACTION_TYPES: Mapping[int, str] = {
    CHANGE_STATE: "Change UPS State",
    REQUEST_CANCEL: "Request UPS Cancel",
    SUBSCRIBE: "Subscribe",
    UNSUBSCRIBE: "Unsubscribe",
    SUSPEND: "Suspend Global Subscription",
}

# Event Type IDs of N-EVENT-REPORT [PS3.4 CC.2.4].
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, STATUS_CHANGE, ASSIGNED = 1, 2, 3, 4, 5
EVENT_TYPES: Mapping[int, str] = {
    STATE_REPORT: "UPS State Report",
    CANCEL_REQUESTED: "UPS Cancel Requested",
    PROGRESS_REPORT: "UPS Progress Report",
    STATUS_CHANGE: "SCP Status Change",
    ASSIGNED: "UPS Assigned",
}

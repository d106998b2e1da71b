"""Records of a TMS with the event reports that it sends, made by hand."""

from scp_samples import Record, W

from tdwii_conformance.profile.ups_service import UPS
from tdwii_conformance.treatment.messages import item

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"
PROGRESS, REASON = "ProcedureStepProgressInformationSequence", "ProcedureStepDiscontinuationReasonCodeSequence"
STATION, READINESS = "ScheduledStationNameCodeSequence", "InputReadinessState"


class Told(Record):
    """A record with event reports."""

    def cancel(self, requestor="W1", *, asked=True, **attributes):
        return self.add(
            "N-ACTION", item(**attributes) if asked else None, requestor=requestor, syntax=UPS.WATCH,
            RequestedSOPInstanceUID=W, ActionTypeID=2,
        )  # fmt: skip

    def report(self, kind=1, title="W1", uid=W, encoded=None, requestor="TMS", **information):
        named = {"AffectedSOPClassUID": UPS.PUSH, "AffectedSOPInstanceUID": uid, "EventTypeID": kind}
        asked = None if encoded is not None else item(**information)
        return self.add("N-EVENT-REPORT", asked, requestor=requestor, acceptor=title, syntax=UPS.EVENT, encoded=encoded, **named)

    def state(self, state, title="W1", uid=W):
        return self.report(title=title, uid=uid, ProcedureStepState=state, InputReadinessState="READY")

    def judged(self, *, complete=True):
        """Ids of event reports that were judged, and what was found."""
        ours = {name: entry for name, entry in self.entries(complete=complete).items() if name.startswith(("CC24", "CC23"))}
        wrong = {name: [(one.expected, one.received) for one in entry.findings] for name, entry in ours.items() if entry.findings}
        return set(ours), wrong

    def found(self, *names, complete=True):
        """What was found of these requirements: expected, received and where of each; and the numbers of what it is about."""
        entries = self.entries(complete=complete)
        return {
            name: (
                [(one.expected, one.received, one.path) for one in entries[name].findings],
                [number for number, known in enumerate(self.exchanges) if any(known is one for one in entries[name].exchanges)],
            )
            for name in names
            if name in entries and entries[name].findings
        }  # fmt: skip


def subscribed(**shown):
    """A workitem, and who is told of it; the initial event has come."""
    return Told().shown(**shown).subscribe().state(SCHEDULED)

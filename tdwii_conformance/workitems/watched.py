"""Changes of a workitem that are reported to watchers, also where there are few workitems."""

from __future__ import annotations

import itertools

from pydicom.dataset import Dataset

from ..checks import status
from ..profile.ups_service import PROGRESS_REPORT
from ..scu.treatment_session import TreatmentSession
from ..scu.watcher import Watcher
from ..transcript.exchange import Exchange

__all__ = ["ToReport", "caught_up_by_a_change"]

PROGRESS = "ProcedureStepProgressInformationSequence"
_values = itertools.cycle(range(1, 100))  # no two in a row are alike, so that each is a change


def _progress_of(information: Dataset) -> float | None:
    """Return the Procedure Step Progress of an event."""
    for one in information.get(PROGRESS) or ():
        value = one.get("ProcedureStepProgress")
        return None if value is None else float(value)
    return None


class ToReport:
    """A UPS with changes that are reported to subscribers.

    Of those that we create, each is claimed; of the few that a system has made, one that is IN PROGRESS goes on.

    Parameters
    ----------
    session : TreatmentSession
        Of the UPS.
    running : bool
        Whether it is IN PROGRESS.
    """

    def __init__(self, session: TreatmentSession, *, running: bool) -> None:
        self.session, self.running = session, running
        self.uid, self.state = session.workitem.uid, "IN PROGRESS" if running else "SCHEDULED"
        self.what = "a UPS Progress Report" if running else "a UPS State Report, IN PROGRESS"
        self._value = 0

    def happen(self) -> Exchange:
        """Cause it."""
        return self._go_on() if self.running else self.session.claim()

    def happen_again(self) -> Exchange:
        """Cause another change of the UPS, now IN PROGRESS, which `reported` tells from those before."""
        self.running, self.what = True, "a UPS Progress Report"
        return self._go_on()

    def _go_on(self) -> Exchange:
        self._value = next(_values)
        return self.session.update(self._value)

    def reported(self, watcher: Watcher, since: int) -> Exchange | None:
        """Return the report of it that a watcher got after a mark; ``None`` if none comes in time."""
        if not self.running:
            return watcher.wait_for_state(self.uid, "IN PROGRESS", since=since)
        return watcher.wait_for(self.uid, PROGRESS_REPORT, since=since, where=lambda report: _progress_of(report) == self._value)


def caught_up_by_a_change(watcher: Watcher, session: TreatmentSession) -> bool:
    """Whether everything has come that was caused before: a progress, reported last to who subscribes to that UPS, has.

    Parameters
    ----------
    watcher : Watcher
        The watcher that should have received them.
    session : TreatmentSession
        Of a UPS IN PROGRESS that serves for nothing else.
    """
    uid, marker, since = session.workitem.uid, ToReport(session, running=True), watcher.mark()
    if status.accepted(watcher.subscribe(uid), "a subscription") or status.accepted(marker.happen(), "an N-SET"):
        return False
    came = marker.reported(watcher, since)
    watcher.unsubscribe(uid)
    return came is not None

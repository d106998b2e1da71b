"""Injections: what our TMS and OST do to a system under test on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.uid import generate_uid

from ..dimse import Peer
from ..profile.ups_service import CHANGE_STATE
from ..simulators.tms import TMS
from ..ups import Outcome
from .rich_reports import rich_reports

__all__ = ["CONSOLE", "Destinations", "InjectingTMS"]

CLAIM, SET, PROGRESS = "claim-refused", "set-refused", "cancel-request"
CONSOLE = "CONSOLE"  # AE title that requests cancellations
NOT_NOW = 0x0110  # Processing failure [PS3.7 C.5]


class InjectingTMS(TMS):
    """A TMS with an injection for some workitems, each acted on once."""

    def __init__(self, injections: dict[str, str], *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._injections = injections

    def _injected(self, event: Any, by: str) -> bool:
        uid = str(event.request.RequestedSOPInstanceUID)
        return self._injections.get(uid) == by and bool(self._injections.pop(uid))

    def announce_restart(self) -> None:
        """Report a warm restart to the watchers."""
        self._report_status("RESTARTED", warm=True)

    def report_richly(self, uid: str) -> None:
        """Report a UPS to its subscribers with all that may be in a report, and with what nobody knows."""
        record, receivers = self.worklist.store.get(uid), self.worklist.subscriptions.of(uid)
        if record is not None and receivers:
            for event in rich_reports(uid, record.attributes):
                self._publish(event, receivers)

    def action(self, event: Any, action: int) -> Outcome:
        """Answer an N-ACTION; where a claim is to be refused, another claims the workitem first."""
        if action == CHANGE_STATE and self._injected(event, CLAIM):
            self.worklist.change_state(str(event.request.RequestedSOPInstanceUID), "IN PROGRESS", str(generate_uid()))
        return super().action(event, action)

    def set(self, event: Any) -> Outcome:
        """Answer an N-SET; refuse it, or request a cancellation after it, where that is the injection."""
        if self._injected(event, SET):
            return Outcome(NOT_NOW, "not now")
        outcome = super().set(event)
        if not outcome.status and self._injected(event, PROGRESS):
            self.worklist.request_cancel(str(event.request.RequestedSOPInstanceUID), None, CONSOLE)
            self.report_richly(str(event.request.RequestedSOPInstanceUID))
        return outcome


class Destinations(Mapping[str, Peer]):
    """The systems, except those that the OST is made not to know."""

    def __init__(self, systems: Mapping[str, Peer], unknown: set[str]) -> None:
        self._systems, self._unknown = systems, unknown

    def __getitem__(self, ae_title: str) -> Peer:
        if ae_title in self._unknown:
            raise KeyError(ae_title)
        return self._systems[ae_title]

    def __iter__(self) -> Iterator[str]:
        return iter([title for title in self._systems if title not in self._unknown])

    def __len__(self) -> int:
        return len(list(iter(self)))

"""The watcher's side of UPS Watch and Event: subscribe, receive event reports, and detect missing ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset

from ..checks.events import event_type
from ..profile.statuses import is_failure
from ..profile.ups_service import REQUEST_CANCEL, STATE_REPORT, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from ..transcript.exchange import Exchange
from ..treatment.messages import item
from ..ups import FILTERED, GLOBAL
from .receiver import Receiver
from .tdd import TDD

__all__ = ["FILTERED", "GLOBAL", "Watcher"]

_OWN = object()


class Watcher:
    """A watcher that sends requests over a TDD's association and receives event reports on its listener.

    Parameters
    ----------
    caller : TDD
        Sends the requests.
    receiver : Receiver
        Where reports arrive; several watchers may share it.
    ae_title : str
        Receiving AE.
    deadline : float
        How long a report may take to come, after the one before it, in seconds.

    Attributes
    ----------
    needs_new_marker : bool
        Whether `caught_up` needs a UPS that is created now. A global subscription may have an initial event of every UPS
        (with lock it shall), those that served as a marker too, and that one may still be under way; so may one that an SCP
        sends in error when such a subscription ends.
    stuck : bool
        Whether a global subscription could not be ended: what is reported may then be of that one.
    """

    def __init__(self, caller: TDD, receiver: Receiver, ae_title: str, deadline: float) -> None:
        self.caller, self.receiver, self.ae_title, self.deadline = caller, receiver, ae_title, deadline
        self.needs_new_marker = self.stuck = False
        self._everything = False  # subscribed globally, so to what serves as a marker too

    def subscribe(self, uid: str = GLOBAL, *, lock: Any = False, keys: Dataset | None = None, receiver: Any = _OWN) -> Exchange:
        """N-ACTION, Subscribe to Receive UPS Event Reports [CC.2.3].

        Parameters
        ----------
        uid : str
            A UPS, `GLOBAL` or `FILTERED`.
        lock : bool, str or None
            Deletion Lock; another value is sent as it is, ``None`` is left out.
        keys : Dataset, optional
            Match keys.
        receiver : str or None
            Receiving AE, instead of our own; ``None`` is left out.
        """
        information = self._named(receiver)
        if lock is not None:
            information.DeletionLock = lock if isinstance(lock, str) else "TRUE" if lock else "FALSE"
        information.update(keys if keys is not None else {})
        if uid in (GLOBAL, FILTERED):
            self.needs_new_marker = self._everything = True
        return self.caller.action(uid, SUBSCRIBE, information, context=UPS.WATCH)

    def unsubscribe(self, uid: str = GLOBAL, *, receiver: Any = _OWN) -> Exchange:
        """N-ACTION, Unsubscribe from Receiving UPS Event Reports [CC.2.3]."""
        everything = self._everything
        if uid in (GLOBAL, FILTERED) and everything:
            self.needs_new_marker, self._everything = True, uid == FILTERED
        ended = self.caller.action(uid, UNSUBSCRIBE, self._named(receiver), context=UPS.WATCH)
        if uid == GLOBAL and receiver is _OWN:
            self.stuck = (everything or self.stuck) and (ended.status is None or is_failure(ended.status))
        return ended

    def suspend(self, uid: str = GLOBAL, *, receiver: Any = _OWN) -> Exchange:
        """N-ACTION, Suspend Global Subscription [CC.2.3]."""
        return self.caller.action(uid, SUSPEND, self._named(receiver), context=UPS.WATCH)

    def request_cancel(self, uid: str, information: Dataset | None = None, *, context: str = UPS.WATCH) -> Exchange:
        """N-ACTION, Request UPS Cancel [CC.2.2]."""
        return self.caller.action(uid, REQUEST_CANCEL, information, context=context)

    def _named(self, receiver: Any) -> Dataset:
        title = self.ae_title if receiver is _OWN else receiver
        return item() if title is None else item(ReceivingAE=title)

    # event reports to us

    def mark(self) -> int:
        """Return a mark: what came after it is looked at by `reports` and `wait_for`."""
        return self.receiver.mark()

    def reports(self, uid: str | None = None, *, since: int = 0) -> list[Exchange]:
        """Return the reports to us, about one UPS or all, in their order."""
        return [r for r in self.receiver.reports(self.ae_title, since) if uid is None or r.instance_uid == uid]

    def wait_for(
        self,
        uid: str,
        kind: int | None = None,
        *,
        since: int = 0,
        where: Callable[[Dataset], bool] = lambda information: True,
        what: str = "",
    ) -> Exchange | None:
        """Return the first report about a UPS, of a type and with some content; ``None`` if it does not come in time.

        Parameters
        ----------
        uid : str
            SOP Instance UID of the UPS.
        kind : int, optional
            Event Type ID.
        since : int
            A mark.
        where : callable
            Looks at the event information.
        what : str
            What is awaited, in words: a kind of report that never came is not awaited again.
        """

        def wanted(report: Exchange) -> bool:
            if report.instance_uid != uid or (kind is not None and event_type(report) != kind):
                return False
            information = report.request.dataset
            return where(information if information is not None else Dataset())

        kinds = [f"a report of type {kind}"] * (kind is not None) + [what] * bool(what)
        return self.receiver.wait_for(wanted, self.ae_title, since, self.deadline, kinds=kinds)

    def wait_for_state(self, uid: str, state: str, *, since: int = 0) -> Exchange | None:
        """Return the first UPS State Report with a state."""
        return self.wait_for(
            uid,
            STATE_REPORT,
            since=since,
            where=lambda reported: reported.get("ProcedureStepState") == state,
            what=f"a report of {state}",
        )

    def caught_up(self, marker: str) -> bool:
        """Whether everything has come that was caused before this call.

        Shown by the initial event of a subscription to a UPS that nothing else happens to: it is caused last, so it comes
        last. That subscription is ended again, so that what happens to all that we are subscribed to does not happen to it.

        Parameters
        ----------
        marker : str
            SOP Instance UID of that UPS; a new one if `needs_new_marker`, and not that of the last time: an SCP that
            reports the end of a subscription may still be doing so.
        """
        since = self.mark()
        subscribed = self.subscribe(marker)
        if subscribed.status is None or self.wait_for(marker, STATE_REPORT, since=since, what="an initial event") is None:
            return False
        self.needs_new_marker = False  # whatever was under way has come
        self.unsubscribe(marker)
        return True

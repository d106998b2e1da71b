"""Cancels a C-MOVE that is under way: late enough that something has come, and early enough that something remains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from pynetdicom import sop_class

from ..checks.canceled_move import GRACE, CanceledMove
from ..checks.move import Retrieval
from ..dimse import Link
from ..treatment.messages import Reference, move_identifier
from .receiver import Receiver

__all__ = ["cancel_retrieval"]

MODEL = sop_class.StudyRootQueryRetrieveInformationModelMove
AT_FIRST = 0.1  # seconds between the C-CANCEL and the answer to the first C-STORE
LATE = 2.0  # seconds in which a C-STORE that was under way at the end is answered


class _Canceling:
    """Sends the C-CANCEL when the first C-STORE has come. Who goes on has to wait for its answers, until that must have come."""

    def __init__(self) -> None:
        self.sent: datetime | None = None
        self.begun = 0
        self.ended = threading.Event()
        self._cancel: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def begins(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel

    def store(self) -> None:
        with self._lock:
            self.begun += 1
            first = self.sent is None and not self.ended.is_set()
            if first:
                with suppress(RuntimeError):  # the association has ended meanwhile
                    self._cancel()
                    self.sent = datetime.now().astimezone()
        if first:
            self.ended.wait(AT_FIRST)
        elif self.sent is not None:
            self.ended.wait(max(0.0, (self.sent + GRACE - datetime.now().astimezone()).total_seconds()))


def cancel_retrieval(link: Link, receiver: Receiver, wanted: Sequence[Reference]) -> CanceledMove:
    """Retrieve instances of one series, cancel that, and retrieve the first that came once more, on the same association.

    The C-CANCEL is sent when the first C-STORE has come. Its answer, and those to the C-STOREs after it, wait for the final
    response: the first a moment, the others until the C-CANCEL must have come. So who ends the C-MOVE costs little time.

    Parameters
    ----------
    link : Link
        With the system that has them.
    receiver : Receiver
        Where they go.
    wanted : sequence of Reference
        Four will do: one or two may have been begun when the C-CANCEL comes, and another when the answer does.
    """
    canceling, mark = _Canceling(), receiver.mark()
    first = wanted[0]
    named = [one.instance for one in wanted]
    with receiver.before_it_answers(canceling.store):
        move = link.c_move(MODEL, move_identifier(first.study, first.series, named), receiver.ae_title, begins=canceling.begins)
        canceling.ended.set()
        receiver.wait_for_stores(canceling.begun, mark, LATE)
    before = receiver.since(mark)
    if canceling.sent is None or not before or not link.established:
        return CanceledMove(Retrieval(move, before), tuple(named), canceling.sent)
    again, mark = before[0].instance_uid, receiver.mark()
    following = link.c_move(MODEL, move_identifier(first.study, first.series, [again]), receiver.ae_title)
    if following.status == 0:
        receiver.wait_for_stores(1, mark, LATE)
    after = receiver.since(mark)
    late = tuple(store for store in after if store.instance_uid != again)
    following_stores = tuple(store for store in after if store.instance_uid == again)
    return CanceledMove(Retrieval(move, (*before, *late)), tuple(named), canceling.sent, Retrieval(following, following_stores))

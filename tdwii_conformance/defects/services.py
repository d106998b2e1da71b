"""Defects of a whole DIMSE service of a TMS or an OST: refused, aborted or not answered, for all instances or unknown ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pynetdicom import evt

from .deviations import Defect

__all__ = ["defects"]

PROCESSING_FAILURE = 0x0110
OF_A_UPS = {"n-get": evt.EVT_N_GET, "n-set": evt.EVT_N_SET, "n-action": evt.EVT_N_ACTION, "n-create": evt.EVT_N_CREATE}
STREAMED = {"c-find": evt.EVT_C_FIND, "c-move": evt.EVT_C_MOVE}
WAYS = {
    "aborted": "Aborts the association on {what}",
    "unanswered": "Does not answer {what}",
    "refused": "Answers 0110 (processing failure) to {what}",
}
# What says that a service is there: these fail, and what needs it on the way is not judged.
SAY_SO = {
    "n-get": ("CC27-TMS-012", "CC27-TMS-010", "CC27-TMS-011", "CC31-TMS-001", "CC31-TMS-002", "CC31-TMS-003"),
    "n-get-of-unknown": ("CC27-TMS-010", "CC27-TMS-011"),
}


def defects() -> Iterator[Defect]:
    """Yield the defects of whole services."""
    for way, sentence in WAYS.items():
        yield Defect(
            f"n-get-{way}", sentence.format(what="every N-GET"), "TMS", partial(_install, "n-get", way, lambda tms, event: True),
            SAY_SO["n-get"][: None if way == "refused" else 4],  # what is never answered is not asked again under other contexts
        )  # fmt: skip
    for way in ("aborted", "unanswered"):
        yield Defect(
            f"n-get-of-unknown-{way}", WAYS[way].format(what="N-GET of a UPS that it does not know"), "TMS",
            partial(_install, "n-get", way, _unknown), SAY_SO["n-get-of-unknown"],
        )  # fmt: skip


def _unknown(tms: Any, event: Any) -> bool:
    return tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID)) is None


def _install(service: str, way: str, concerned: Callable[[Any, Any], bool], simulator: Any) -> None:
    streamed = service in STREAMED

    def serve(handler: Callable[[Any], Any], event: Any) -> Any:
        if not concerned(simulator, event):
            return handler(event)
        if way == "aborted":
            event.assoc.abort(block=False)
        elif way == "unanswered":
            _wait_for_the_end(event.assoc)
        return iter([(PROCESSING_FAILURE, None)]) if streamed else (PROCESSING_FAILURE, None)

    simulator.server.wrap_handler((STREAMED if streamed else OF_A_UPS)[service], serve)


def _wait_for_the_end(association: Any) -> None:
    """Return when the peer, or who stops us, has ended the association: until then nothing is answered."""
    ended = threading.Event()
    for kind in (evt.EVT_CONN_CLOSE, evt.EVT_ABORTED):
        association.bind(kind, lambda _: ended.set())
    if association.dul.is_alive() and not association.dul._kill_thread:
        ended.wait()

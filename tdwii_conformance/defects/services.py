"""Defects of a whole DIMSE service, or SOP class, of a TMS or an OST: refused, aborted or not answered, for all UPS or unknown ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pynetdicom import evt

from ..profile.ups_service import ACTION_TYPES, CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, SUSPEND, UNSUBSCRIBE, UPS
from .deviations import Defect
from .hooks import on_events

__all__ = ["defects"]

PROCESSING_FAILURE = 0x0110
WAYS = {
    "aborted": "Aborts the association on {what}",
    "unanswered": "Does not answer {what}",
    "refused": "Answers 0110 (processing failure) to {what}",
}
Concerned = Callable[[Any, Any], bool]  # simulator, event


def _every(simulator: Any, event: Any) -> bool:
    return True


def _unknown(tms: Any, event: Any) -> bool:
    return tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID)) is None


def _of_type(action: int) -> Concerned:
    return lambda simulator, event: event.action_type == action


def _under(abstract_syntax: str) -> Concerned:
    return lambda simulator, event: event.context.abstract_syntax == abstract_syntax


@dataclass(frozen=True)
class _Service:
    """A service that can go wrong as a whole.

    Parameters
    ----------
    name, what : str
        In the name of the defect, and in its sentence.
    events : tuple
        pynetdicom's, which it is served by.
    say_so : tuple of str
        The requirements that say that it is there: these fail, and what needs it on the way is not judged.
    ways : tuple of str
        How it goes wrong, of `WAYS`.
    more : mapping of str to tuple of str
        By way, what says so beside `say_so`.
    concerned : callable
        Which requests.
    actor : str
        Whose.
    """

    name: str
    what: str
    events: tuple[Any, ...]
    say_so: tuple[str, ...]
    ways: tuple[str, ...] = ("aborted", "unanswered", "refused")
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    concerned: Concerned = _every
    actor: str = "TMS"

    def defects(self) -> Iterator[Defect]:
        for way in self.ways:
            sentence = WAYS[way].format(what=self.what)
            named = (*self.say_so, *self.more.get(way, ()))
            yield Defect(f"{self.name}-{way}", sentence, self.actor, partial(_install, self, way), named)


ACTION = "every N-ACTION {}"
LATER = (evt.EVT_C_FIND, evt.EVT_N_GET, evt.EVT_N_SET, evt.EVT_N_ACTION)
CREATED = ("CC25-TMS-001", "CC11-TMS-011")
ALSO_SUBSCRIBED = ("CC23-TMS-010", "CC23-TMS-043")  # what is never answered is not asked again in these ways
UNSUBSCRIBED = ("CC23-TMS-019", "CC23-TMS-020", "CC23-TMS-021")
SERVICES = (
    _Service("c-echo", "every C-ECHO", (evt.EVT_C_ECHO,), ("NEG-TMS-001",), ways=("aborted", "unanswered")),
    _Service("c-find", "every C-FIND", (evt.EVT_C_FIND,), ("RO58-TMS-001", "CC28-TMS-049", "CC28-TMS-050", "CC28-TMS-057")),
    _Service("c-move", "every C-MOVE", (evt.EVT_C_MOVE,), ("RO61-TMS-001",)),
    _Service("n-create", "every N-CREATE", (evt.EVT_N_CREATE,), CREATED),
    _Service(
        "n-get", "every N-GET", (evt.EVT_N_GET,), ("CC27-TMS-012", "CC27-TMS-010", "CC27-TMS-011", "CC31-TMS-001"),
        # What is never answered is not asked again under other contexts.
        more={"refused": ("CC31-TMS-002", "CC31-TMS-003")},
    ),
    _Service(
        "n-get-of-unknown", "N-GET of a UPS that it does not know", (evt.EVT_N_GET,), ("CC27-TMS-010", "CC27-TMS-011"),
        ways=("aborted", "unanswered"), concerned=_unknown,
    ),
    _Service(
        "n-set", "every N-SET", (evt.EVT_N_SET,), ("RO62-TMS-001", "RO62-TMS-016", "CC26-TMS-002", "CC26-TMS-005"),
        more={"aborted": ("CC26-TMS-001", "RO62-TMS-011"), "unanswered": ("CC26-TMS-001", "RO62-TMS-011")},
    ),
    _Service(
        "change-state", ACTION.format(ACTION_TYPES[CHANGE_STATE]), (evt.EVT_N_ACTION,), ("RO60-TMS-001", "CC11-TMS-022"),
        more={"aborted": ("RO60-TMS-009",), "unanswered": ("RO60-TMS-009",)}, concerned=_of_type(CHANGE_STATE),
    ),
    _Service(
        "request-cancel", ACTION.format(ACTION_TYPES[REQUEST_CANCEL]), (evt.EVT_N_ACTION,),
        ("CC22-TMS-001", "CC11-TMS-072"), more={"aborted": ("CC22-TMS-002",), "refused": ("CC22-TMS-002",)},
        concerned=_of_type(REQUEST_CANCEL),
    ),
    _Service(
        "subscribe", ACTION.format(ACTION_TYPES[SUBSCRIBE]), (evt.EVT_N_ACTION,), ("CC23-TMS-013",),
        more={"aborted": ALSO_SUBSCRIBED, "refused": ALSO_SUBSCRIBED},
        concerned=_of_type(SUBSCRIBE),
    ),
    _Service(
        "unsubscribe", ACTION.format(ACTION_TYPES[UNSUBSCRIBE]), (evt.EVT_N_ACTION,), UNSUBSCRIBED,
        concerned=_of_type(UNSUBSCRIBE),
    ),
    _Service(
        "suspend", ACTION.format(ACTION_TYPES[SUSPEND]), (evt.EVT_N_ACTION,), ("CC23-TMS-022", "CC23-TMS-023", "CC23-TMS-024"),
        more={"aborted": ("CC23-TMS-033",), "unanswered": ("CC23-TMS-033",)}, concerned=_of_type(SUSPEND),
    ),
    _Service(
        "under-push", "every request under UPS Push but N-CREATE", LATER, ("CC22-TMS-002", "CC27-TMS-016", "CC31-TMS-003"),
        concerned=_under(UPS.PUSH),
    ),
    _Service(
        "under-watch", "every request under UPS Watch", LATER,
        ("CC11-TMS-072", "CC22-TMS-001", *UNSUBSCRIBED, "CC27-TMS-017", "CC28-TMS-049", "CC31-TMS-002"), concerned=_under(UPS.WATCH),
    ),
    _Service("under-query", "every request under UPS Query", (evt.EVT_C_FIND,), ("CC28-TMS-050",), concerned=_under(UPS.QUERY)),
    _Service("ost-c-echo", "every C-ECHO", (evt.EVT_C_ECHO,), ("NEG-OST-001",), ways=("aborted", "unanswered"), actor="OST"),
    _Service("ost-c-move", "every C-MOVE", (evt.EVT_C_MOVE,), ("RO59-OST-001",), actor="OST"),
    _Service("ost-c-store", "every C-STORE", (evt.EVT_C_STORE,), ("RO63-OST-001",), actor="OST"),
)  # fmt: skip


def defects() -> Iterator[Defect]:
    """Yield the defects of whole services."""
    for service in SERVICES:
        yield from service.defects()
    yield Defect("no-event-reports", "Sends no event report at all", "TMS", _no_reports, ("CC23-TMS-013", "CC24-TMS-002"))


def _no_reports(tms: Any) -> None:
    on_events(tms, lambda event, receivers: iter(()))


def _refusal(kind: Any) -> Any:
    """Return what a handler answers to refuse a request."""
    if kind is evt.EVT_C_FIND:
        return iter([(PROCESSING_FAILURE, None)])
    if kind in (evt.EVT_C_ECHO, evt.EVT_C_STORE):
        return PROCESSING_FAILURE
    return PROCESSING_FAILURE, None


def _refused_move(moves: Iterator[Any]) -> Iterator[Any]:
    yield next(moves)  # where to
    yield 1  # pynetdicom asks for a number before a status; 1 makes it connect, and take the status that follows
    yield PROCESSING_FAILURE, None


def _install(service: _Service, way: str, simulator: Any) -> None:
    def serve(kind: Any, handler: Callable[[Any], Any], event: Any) -> Any:
        if not service.concerned(simulator, event):
            return handler(event)
        if way == "aborted":
            event.assoc.abort(block=False)
        elif way == "unanswered":
            _wait_for_the_end(event.assoc)
        return _refused_move(handler(event)) if kind is evt.EVT_C_MOVE else _refusal(kind)

    for kind in service.events:
        simulator.server.wrap_handler(kind, partial(serve, kind))


def _wait_for_the_end(association: Any) -> None:
    """Return when the peer, or who stops us, has ended the association: until then nothing is answered."""
    ended = threading.Event()
    for kind in (evt.EVT_CONN_CLOSE, evt.EVT_ABORTED):
        association.bind(kind, lambda _: ended.set())
    if association.dul.is_alive() and not association.dul._kill_thread:
        ended.wait()

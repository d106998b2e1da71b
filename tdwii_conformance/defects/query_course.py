"""Defects of how C-FIND goes: its responses, their order and end, failures, cancel [CC.2.8]."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dsutils import encode

from ..profile.ups_service import UPS
from ..ups import IdentifierError, Record
from ..ups.datasets import merged
from ..ups.store import Change
from .attributes import asks_as_a_tdd
from .deviations import Defect
from .hooks import Around, abort, around, change_response, on_find_responses, on_responses, set_command
from .queries import C_FIND, CANCEL, MANY, PENDING, SUCCESS, refuse
from .tms import defect, one

__all__ = ["tdd_now"]


@defect.rows
def _rows_of_ways() -> Iterator[Defect]:
    yield one(
        "find-responses-of-another-class",
        "Names UPS Push in C-FIND responses",
        partial(change_response, field=C_FIND, AffectedSOPClassUID=UPS.PUSH),
        "RO58-TMS-005",
        "CC28-TMS-051",
        "CC31-TMS-005",
    )


def _with_data_set(message: Any, implicit: bool = True) -> None:
    from io import BytesIO

    from pynetdicom.dsutils import encode

    identifier = Dataset()
    identifier.PatientID = "UNASKED"
    message.data_set = BytesIO(encode(identifier, implicit, True) or b"")
    set_command(message.command_set, CommandDataSetType=0x0001)


@defect("find-final-with-identifier", "Sends an identifier with the final Success", "RO58-TMS-007", "CC28-TMS-043")
def _final_with_identifier(tms: Any) -> None:
    def change(message: Any, association: Any) -> None:
        if message.command_set.Status == SUCCESS:
            context = association._accepted_cx.get(message.context_id)
            _with_data_set(message, bool(context.transfer_syntax[0].is_implicit_VR))

    on_responses(tms, C_FIND, change)


@defect(
    "find-pending-without-identifier",
    "Sends a pending response without identifier after the last match",
    "RO58-TMS-002",
    "CC28-TMS-042",
)
def _pending_without(tms: Any) -> None:
    from io import BytesIO

    state = threading.local()

    def more(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        state.strip = False  # of a query that was canceled before its last response went
        last = None
        for last in responses:
            yield last
        if last is not None:
            state.strip = True
            yield last

    def sent(message: Any, association: Any) -> None:
        if getattr(state, "strip", False) and message.command_set.Status == PENDING:
            state.strip = False
            message.data_set = BytesIO()
            set_command(message.command_set, CommandDataSetType=0x0101)

    on_find_responses(tms, more)
    on_responses(tms, C_FIND, sent)


@defect("find-each-twice", "Returns each match twice", "RO58-TMS-004", "CC28-TMS-052")
def _twice(tms: Any) -> None:
    on_find_responses(tms, lambda responses, identifier: (again for response in responses for again in (response, response)))


@defect("find-last-missing", "Returns all matches but the last, if there are several", "RO58-TMS-022", "CC28-TMS-052")
def _last_missing(tms: Any) -> None:
    def fewer(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        kept = list(responses)
        yield from kept[:-1] if len(kept) > 1 else kept

    on_find_responses(tms, fewer)


def _or_fail(tms: Any, when: Callable[[Dataset], bool]) -> None:
    """Answer A900 in place of nothing found."""

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        found = list(original(identifier, **named))
        if not found and when(identifier):
            raise IdentifierError(0xA900, "nothing found")
        return iter(found)

    around(tms, "find", find)


@defect("find-nothing-is-failure", "Answers A900 to a query of one key that nothing matches", "CC28-TMS-044")
def _nothing_fails(tms: Any) -> None:
    _or_fail(tms, lambda identifier: len(identifier) == 2 and not identifier.get("SOPInstanceUID"))


@defect(
    "find-nothing-is-failure-for-a-tdd",
    "Answers A900 to a TDD when nothing matches",
    "RO58-TMS-008",
    "RO58-TMS-009",
    "RO58-TMS-010",
    "RO58-TMS-011",
    "RO58-TMS-012",
)
def _nothing_fails_for_tdd(tms: Any) -> None:
    _or_fail(tms, asks_as_a_tdd)


def tdd_now(tms: Any) -> threading.local:
    """Return a note of whether this thread answers the query of a TDD."""
    now = threading.local()

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        now.tdd = asks_as_a_tdd(identifier)
        return original(identifier, **named)

    around(tms, "find", find)
    return now


@defect("find-ends-with-failure-for-a-tdd", "Ends the query of a TDD, after all matches, with A700", "RO58-TMS-001")
def _ends_with_failure(tms: Any) -> None:
    now = tdd_now(tms)

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == SUCCESS and getattr(now, "tdd", False):
            set_command(message.command_set, Status=0xA700)

    on_responses(tms, C_FIND, sent)


@defect("find-undecodable-for-a-tdd", "Sends identifiers to a TDD that cannot be decoded", "RO58-TMS-025")
def _cut_short(tms: Any) -> None:
    from io import BytesIO

    now = tdd_now(tms)

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == PENDING and getattr(now, "tdd", False):
            # A sequence of undefined length that is none: what follows is no item.
            implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
            head = b"\x08\x00\x10\x11" + (b"" if implicit else b"SQ\0\0") + b"\xff\xff\xff\xff"
            message.data_set = BytesIO(head + message.data_set.getvalue())

    on_responses(tms, C_FIND, sent)


@defect("find-nothing-for-a-tdd", "Returns nothing to a TDD", "RO58-TMS-003")
def _nothing_for_tdd(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        return iter(()) if asks_as_a_tdd(identifier) else original(identifier, **named)

    around(tms, "find", find)


@defect("find-only-empty-keys-fails", "Answers A900 to a query with no key but empty ones", "CC28-TMS-010")
def _empty_keys_fail(tms: Any) -> None:
    refuse(tms, lambda identifier: all(element.is_empty for element in identifier))


@defect("find-everything-fails", "Answers C000 to a query for every attribute", "CC28-TMS-036")
def _everything_fails(tms: Any) -> None:
    refuse(tms, lambda identifier: len(identifier) > MANY, 0xC000)


@defect("find-changes-the-ups", "Changes the label of a UPS that it is asked for", "CC28-TMS-046")
def _changes(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        uid = str(identifier.get("SOPInstanceUID") or "")
        record = tms.worklist.store.get(uid)
        if record is not None and "ProcedureStepLabel" in identifier and len(identifier) < 4:
            more = Dataset()
            more.WorklistLabel = "Looked at"
            tms.worklist.store.commit(Change(Record(uid, merged(record.attributes, more), record.lock)))
        return original(identifier, **named)

    around(tms, "find", find)


@defect.rows
def _rows_of_model() -> Iterator[Defect]:
    for name, model, identifier in (("watch", UPS.WATCH, "CC28-TMS-049"), ("query", UPS.QUERY, "CC28-TMS-050")):
        yield one(
            f"find-through-{name}-nothing",
            f"Finds nothing through UPS {name.title()}",
            partial(_model, model),
            identifier,
            "CC28-TMS-039",
            "CC28-TMS-051",
            "CC31-TMS-004",
        )


def _model(model: str, tms: Any) -> None:
    def c_find(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        if event.context.abstract_syntax != model:
            yield from handler(event)

    tms.server.wrap_handler(evt.EVT_C_FIND, c_find)


@defect("find-cancel-is-failure", "Ends a canceled query with A700", "CC28-TMS-054")
def _cancel_fails(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == CANCEL:
            set_command(message.command_set, Status=0xA700)

    on_responses(tms, C_FIND, sent)
    _slowly(tms)


def _slowly(tms: Any) -> None:
    """Let a query that is canceled notice it: wait, for each match, until the C-CANCEL had time to come."""
    pause = threading.Event()

    def c_find(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        for number, answer in enumerate(handler(event)):
            yield answer
            if number:
                pause.wait(0.02)

    tms.server.wrap_handler(evt.EVT_C_FIND, c_find)


@defect("find-cancel-ends-the-association", "Aborts the association on a C-CANCEL", "CC28-TMS-054", "CC28-TMS-055")
def _cancel_aborts(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == CANCEL:
            abort(association)

    on_responses(tms, C_FIND, sent)
    _slowly(tms)


@defect("find-cancel-of-another", "Ends a query on whatever C-CANCEL, also one that names another message", "CC28-TMS-067")
def _cancels_any(tms: Any) -> None:
    def c_find(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        for answer in handler(event):
            if event.assoc.dimse.cancel_req:
                event.assoc.dimse.cancel_req.clear()
                yield CANCEL, None
                return
            yield answer

    tms.server.wrap_handler(evt.EVT_C_FIND, c_find)
    _slowly(tms)


@defect("find-failure-with-identifier", "Sends an identifier with a failure", "CC28-TMS-043")
def _failure_with_identifier(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == DOES_NOT_MATCH:
            implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
            unasked = Dataset()
            unasked.PatientID = "NOBODY"
            message.data_set = BytesIO(encode(unasked, implicit, True) or b"")
            set_command(message.command_set, CommandDataSetType=0x0001)

    on_responses(tms, C_FIND, sent)


DOES_NOT_MATCH = 0xA900  # the class [CC.2.8.4]


@defect("find-cancel-lingers", "Ends the next query on the association after a C-CANCEL at once", "CC28-TMS-055")
def _cancel_lingers(tms: Any) -> None:
    canceled: set[int] = set()

    def c_find(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        if id(event.assoc) in canceled:
            yield CANCEL, None
            return
        for answer in handler(event):
            if answer[0] == CANCEL:
                canceled.add(id(event.assoc))
            yield answer

    tms.server.wrap_handler(evt.EVT_C_FIND, c_find)
    _slowly(tms)


@defect("find-malformed-aborts", "Aborts the association on a query that is not well formed", "CC28-TMS-057")
def _malformed_aborts(tms: Any) -> None:
    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == 0xA900:
            abort(association)

    on_responses(tms, C_FIND, sent)


@defect("find-nothing-in-explicit-vr", "Finds nothing when asked in Explicit VR", "NEG-TMS-014", given=(False,))
def _transfer_syntax(implicit: bool, tms: Any) -> None:
    def find(original: Around, identifier: Dataset, implicit_vr: bool) -> Any:
        return iter(()) if implicit_vr is implicit else original(identifier, implicit_vr=implicit_vr)

    around(tms, "find", find)

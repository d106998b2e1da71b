"""Where a simulator can be made to deviate: its methods, what it sends, what it keeps, whom it tells, what it negotiates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dsutils import decode, encode

from ..dimse.command_sets import set_group_length
from ..dimse.tuning import abort_at_once as abort
from ..ups import Event, Outcome, Record
from ..ups.datasets import plain

__all__ = [
    "Around",
    "Reported",
    "abort",
    "around",
    "change_event",
    "change_response",
    "copied",
    "locked_before_the_claim",
    "on_events",
    "on_find_responses",
    "on_links",
    "on_outcome",
    "on_records",
    "on_requests",
    "on_responses",
    "propose",
    "refuse_otherwise",
    "send_in_pieces",
    "set_command",
    "with_status",
]  # fmt: skip

Around = Callable[..., Any]


def around(owner: Any, method: str, replacement: Around) -> None:
    """Replace a method on one object; `replacement` gets the original first, then its arguments."""
    setattr(owner, method, partial(replacement, getattr(owner, method)))


def copied(dataset: Dataset) -> Dataset:
    """Return a response that shares nothing with the one given, so that changing it changes no stored value."""
    implicit, little = dataset.original_encoding
    implicit, little = True if implicit is None else implicit, True if little is None else little
    copy: Dataset = decode(BytesIO(encode(dataset, implicit, little) or b""), implicit, little)
    return copy


def on_outcome(owner: Any, method: str, change: Callable[..., Outcome]) -> None:
    """Let `change` (outcome, *arguments) make another outcome of what a method returns."""
    around(owner, method, lambda original, *given, **named: change(original(*given, **named), *given, **named))


def with_status(status: int) -> Callable[..., Outcome]:
    """Return what answers with another status, and does the same."""
    return lambda outcome, *given, **named: replace(outcome, status=status)


def refuse_otherwise(tms: Any, method: str, status: int, other: int) -> None:
    """Let what a method of the worklist refuses with one status be refused with another."""

    def refuse(original: Around, dataset: Dataset) -> Any:
        refusal = original(dataset)
        return replace(refusal, status=other) if refusal is not None and refusal.status == status else refusal

    around(tms.worklist, method, refuse)


def locked_before_the_claim(tms: Any) -> None:
    """Let a lock that a SCHEDULED UPS should not have yet keep out every claim but its own."""

    def change_state(original: Around, uid: str, state: str | None, transaction_uid: str | None) -> Outcome:
        record = tms.worklist.store.get(uid)
        if record is not None and record.state == "SCHEDULED" and record.lock not in ("", transaction_uid):
            return Outcome(0xC301)
        outcome: Outcome = original(uid, state, transaction_uid)
        return outcome

    around(tms.worklist, "change_state", change_state)


# --- event reports -----------------------------------------------------------------------------------------------------

Reported = tuple[Event, Sequence[str]]


def on_events(tms: Any, change: Callable[[Event, Sequence[str]], Iterator[Reported]]) -> None:
    """Let `change` make of each event and its receivers those that are reported."""

    def post(original: Around, event: Event, receivers: Sequence[str]) -> None:
        for reported, to in change(event, receivers):
            original(reported, to)

    around(tms.reporter, "post", post)


def change_event(tms: Any, wanted: Callable[[Event], bool], change: Callable[[Dataset], None]) -> None:
    """Let `change` alter the information of the events that are wanted."""

    def changed(event: Event, receivers: Sequence[str]) -> Iterator[Reported]:
        if wanted(event):
            information = plain(event.attributes)
            change(information)
            event = replace(event, attributes=information)
        yield event, receivers

    on_events(tms, changed)


# --- what is sent ------------------------------------------------------------------------------------------------------


def on_find_responses(simulator: Any, change: Callable[[Iterator[Dataset], Dataset], Iterator[Dataset]]) -> None:
    """Let `change` (responses, identifier) make the responses of C-FIND; they are copies, to be changed freely."""

    def find(original: Around, identifier: Dataset, *given: Any, **named: Any) -> Iterator[Dataset]:
        # Asked for first: a refusal is raised here, not when the first response is wanted.
        responses = original(identifier, *given, **named)
        return change(map(copied, responses), identifier)

    around(simulator, "find", find)


def on_responses(simulator: Any, field: int, change: Callable[[Any, Any], None]) -> None:
    """Call `change` (message, association) with each response of a command field as it goes out.

    Parameters
    ----------
    simulator : Simulator
        Of which the responses are.
    field : int
        Command Field of the response, for example 0x8020 [PS3.7 E.1].
    change : callable
        May change the message's command set, and its encoded data set.
    """

    def sent(event: Any) -> None:
        if event.message.command_set.get("CommandField") == field:
            change(event.message, event.assoc)

    simulator.server.add_handler(evt.EVT_DIMSE_SENT, sent)


def change_response(simulator: Any, field: int, **values: Any) -> None:
    """Set elements of the command set of each response; ``None`` takes one out. Its group length is kept true."""

    def change(message: Any, association: Any) -> None:
        set_command(message.command_set, **values)

    on_responses(simulator, field, change)


def set_command(command: Dataset, **values: Any) -> None:
    """Set elements of a command set, ``None`` takes one out; keep its group length true."""
    for keyword, value in values.items():
        if value is None:
            if keyword in command:
                delattr(command, keyword)
        else:
            setattr(command, keyword, value)
    set_group_length(command)


def on_links(simulator: Any, change: Callable[[Any], None]) -> None:
    """Call `change` (link) with each association that a TDD or a watcher has requested, before it is used."""

    def connect(original: Around, *given: Any) -> Any:
        link = original(*given)
        change(link)
        return link

    around(getattr(simulator, "tdd", simulator), "connect", connect)


def on_requests(simulator: Any, field: int, change: Callable[[Any], None]) -> None:
    """Call `change` (message) with each request of a command field that a TDD or a watcher sends, as `on_responses` does."""

    def sent(event: Any) -> None:
        if event.message.command_set.get("CommandField") == field:
            change(event.message)

    on_links(simulator, lambda link: link.add_handler(evt.EVT_DIMSE_SENT, sent))


def send_in_pieces(association: Any) -> None:
    """Have everything that is sent on an association from now on sent a few bytes at a time."""
    transport = association.dul.socket

    def send(original: Around, written: bytes) -> None:
        step = max(37, len(written) // 50)  # long ones in bigger pieces, or the run would take for ever
        for start in range(0, len(written), step):
            original(written[start : start + step])

    around(transport, "send", send)


def propose(simulator: Any, syntaxes: Sequence[str]) -> None:
    """Let a TDD or a watcher propose its presentation contexts with these transfer syntaxes."""
    if simulator.actor == "TDD":
        for role, proposals in simulator.tdd.contexts.items():
            simulator.tdd.contexts[role] = [(syntax, list(syntaxes)) for syntax in proposals]
    else:
        around(simulator, "connect", lambda original, peer, syntax: original(peer, (syntax, list(syntaxes))))


# --- what is kept ------------------------------------------------------------------------------------------------------


def on_records(tms: Any, change: Callable[[Dataset, Any], None]) -> None:
    """Let `change` (attributes, earlier record or ``None``) alter each UPS before it is kept."""
    store = tms.worklist.store

    def commit(original: Around, kept: Any) -> None:
        if kept.record is not None:
            attributes = plain(kept.record.attributes)
            change(attributes, store.get(kept.record.uid))
            kept = replace(kept, record=Record(kept.record.uid, attributes, kept.record.lock))
        original(kept)

    around(store, "commit", commit)

"""Checks of retrievals: a C-MOVE and the C-STORE operations it brought to the move destination [PS3.4 C.4.2]."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ..profile.statuses import is_failure, status_text
from ..transcript.exchange import Exchange, Message
from .attributes import shown
from .findings import Finding
from .status import answered

__all__ = [
    "Retrieval",
    "called_as",
    "command_agrees",
    "counted",
    "failed_list",
    "no_identifier",
    "none_succeeded",
    "nothing_moved",
    "only_classes",
    "originator",
    "pending_consistent",
    "priority",
    "received",
    "received_exactly",
    "remaining_absent",
    "same_content",
    "unchanged",
]

SUCCESS, SOME_FAILED, CANCELED = 0x0000, 0xB000, 0xFE00
COUNTERS = tuple(f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning"))


@dataclass(frozen=True)
class Retrieval:
    """A C-MOVE and what it brought.

    Parameters
    ----------
    move : Exchange
        The C-MOVE.
    stores : tuple of Exchange
        The C-STOREs that reached the move destination, those included that came after the final response and were waited for.
    """

    move: Exchange
    stores: tuple[Exchange, ...]

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All of it, for the evidence."""
        return (self.move, *self.stores)

    @property
    def received(self) -> list[str]:
        """SOP Instance UIDs of the instances that came, as their C-STORE commands gave them."""
        return [store.instance_uid for store in self.stores]

    @property
    def late(self) -> dict[str, float]:
        """SOP Instance UIDs of what came after the final response, and how many seconds after it."""
        final = self.move.response
        if final is None:
            return {}
        after = {store.instance_uid: (store.request.time - final.time).total_seconds() for store in self.stores}
        return {uid: seconds for uid, seconds in after.items() if seconds > 0}


def received_exactly(retrieval: Retrieval, expected: Iterable[str]) -> list[Finding]:
    """Check that exactly these instances came, each once, before the final response [PS3.4 C.4.2.3]."""
    found = answered(retrieval.move)
    wanted, came = Counter(expected), Counter(retrieval.received)
    for uid in wanted - came:
        found.append(Finding(f"the instance {uid}, as asked for", "it did not come"))
    for uid, seconds in retrieval.late.items():
        found.append(Finding(f"the instance {uid} before the final response", f"it came {seconds:.1f} s after it"))
    for uid in came - wanted:
        times = came[uid]
        found.append(Finding(f"only what was asked for, once ({', '.join(wanted) or 'nothing'})", f"{uid} came {times}x"))
    return found


def received(retrieval: Retrieval, uid: str) -> list[Finding]:
    """Check that an instance came, whatever came beside it, and however it was counted."""
    found = answered(retrieval.move)
    came = uid in retrieval.received or uid in retrieval.late
    return found if came else [*found, Finding(f"the instance {uid}, as asked for", "it did not come")]


def command_agrees(retrieval: Retrieval) -> list[Finding]:
    """Check that SOP Class and Instance UID of each C-STORE command are those of its data set."""
    found = _something_came(retrieval)
    for store in retrieval.stores:
        command, dataset = store.request.command, store.request.dataset
        if dataset is None:
            found.append(Finding("a data set that can be decoded", "none", path=f"C-STORE of {store.instance_uid}"))
            continue
        for name in ("SOPClassUID", "SOPInstanceUID"):
            if dataset.get(name) != command.get(f"Affected{name}"):
                found.append(
                    Finding(
                        f"Affected {name} as in the data set: {dataset.get(name)}",
                        f"{command.get(f'Affected{name}', 'absent')}",
                    )
                )
    return found


def _something_came(retrieval: Retrieval) -> list[Finding]:
    if retrieval.stores:
        return []
    return answered(retrieval.move) or [
        Finding("a C-STORE at the move destination", f"none; status {status_text(retrieval.move.status, retrieval.move.service)}")
    ]


def counted(retrieval: Retrieval, *, completed: int, failed: int = 0, warning: int = 0) -> list[Finding]:
    """Check the numbers of sub-operations in the final response; an absent number counts as 0."""
    found = answered(retrieval.move)
    response = retrieval.move.response
    if response is None:
        return found
    for name, expected in zip(COUNTERS[1:], (completed, failed, warning), strict=True):
        value = response.command.get(name) or 0
        if value != expected:
            found.append(Finding(f"{name} {expected} in the final response", f"{value}"))
    return found


def pending_consistent(retrieval: Retrieval) -> list[Finding]:
    """Check the numbers in Pending responses: constant sum, remaining not growing. No Pending response is fine."""
    found = answered(retrieval.move)
    numbers = [[_number(message, name) for name in COUNTERS] for message in retrieval.move.pending]
    for position, row in enumerate(numbers, 1):
        if sum(row) != sum(numbers[0]):
            found.append(
                Finding(f"a sum of {sum(numbers[0])} sub-operations as in the first", f"{sum(row)}", f"response {position}")
            )
    for position, (before, after) in enumerate(itertools.pairwise(numbers), 2):
        if after[0] > before[0]:
            found.append(Finding(f"at most {before[0]} remaining", f"{after[0]} remaining", f"response {position}"))
    return found


def _number(message: Message, name: str) -> int:
    return int(message.command.get(name) or 0)


def called_as(retrieval: Retrieval, ae_title: str) -> list[Finding]:
    """Check that C-STORE requests came, each on an association that called the move destination by its AE title."""
    others = [store for store in retrieval.stores if store.acceptor != ae_title]
    nothing = [] if retrieval.stores else [Finding("an association to the move destination", "no C-STORE came")]
    return nothing + [Finding(f"called AE title {ae_title}", store.acceptor) for store in others]


def remaining_absent(retrieval: Retrieval) -> list[Finding]:
    """Check that the final response leaves out the number of remaining sub-operations; Canceled may have it."""
    found = answered(retrieval.move)
    response = retrieval.move.response
    if response is not None and response.status != CANCELED and response.command.get(COUNTERS[0]) is not None:
        found.append(Finding(f"{COUNTERS[0]} absent in the final response", f"{response.command.get(COUNTERS[0])}"))
    return found


def no_identifier(retrieval: Retrieval) -> list[Finding]:
    """Check that Pending and Success carry no data set [PS3.4 C.4.2.1.4.2]."""
    found = answered(retrieval.move)
    for position, message in enumerate(retrieval.move.pending, 1):
        if message.encoded is not None:
            found.append(Finding("no data set with Pending", f"{len(message.encoded)} bytes", f"response {position}"))
    response = retrieval.move.response
    if response is not None and response.status == SUCCESS and response.encoded is not None:
        found.append(Finding("no data set with the final Success", f"{len(response.encoded)} bytes"))
    return found


def nothing_moved(retrieval: Retrieval) -> list[Finding]:
    """Check that nothing came and nothing is counted as completed."""
    return received_exactly(retrieval, ()) + counted_none_completed(retrieval)


def counted_none_completed(retrieval: Retrieval) -> list[Finding]:
    """Check that the final response counts no completed sub-operation."""
    response = retrieval.move.response
    value = _number(response, COUNTERS[1]) if response is not None else 0
    return [Finding(f"{COUNTERS[1]} 0 or absent", f"{value}")] if value else []


def none_succeeded(retrieval: Retrieval) -> list[Finding]:
    """Check that the final response says that no sub-operation succeeded: any failure, or B000 [PS3.4 C.4.2.3.1]."""
    if found := answered(retrieval.move):
        return found
    status = retrieval.move.status
    if not is_failure(status) and status != SOME_FAILED:
        found.append(Finding("a failure, or B000", f"status {status_text(status, retrieval.move.service)}"))
    return found + counted_none_completed(retrieval)


def failed_list(retrieval: Retrieval, expected: Sequence[str]) -> list[Finding]:
    """Check Failed SOP Instance UID List and the number of failed sub-operations in the final response."""
    found = answered(retrieval.move)
    dataset = retrieval.move.dataset
    value = dataset.get("FailedSOPInstanceUIDList") if dataset is not None else None
    listed = [] if not value else [value] if isinstance(value, str) else [str(uid) for uid in value]
    if sorted(listed) != sorted(expected):
        found.append(Finding(f"Failed SOP Instance UID List: {', '.join(expected)}", ", ".join(listed) or "absent or empty"))
    response = retrieval.move.response
    if response is not None and _number(response, COUNTERS[2]) != len(expected):
        found.append(Finding(f"{COUNTERS[2]} {len(expected)}", f"{_number(response, COUNTERS[2])}"))
    return found


def originator(retrieval: Retrieval, ae_title: str) -> list[Finding]:
    """Check that each C-STORE names who asked for it, and by which message [PS3.7 9.1.4]."""
    asked = retrieval.move.request.command.get("MessageID")
    wanted = {"MoveOriginatorApplicationEntityTitle": ae_title, "MoveOriginatorMessageID": asked}
    return _in_each_store(retrieval, wanted)


def priority(retrieval: Retrieval) -> list[Finding]:
    """Check that each C-STORE has the priority of the C-MOVE [PS3.4 C.4.2.1]."""
    return _in_each_store(retrieval, {"Priority": retrieval.move.request.command.get("Priority")})


def _in_each_store(retrieval: Retrieval, wanted: Mapping[str, object]) -> list[Finding]:
    found: dict[Finding, None] = {}
    for store in retrieval.stores:
        for keyword, expected in wanted.items():
            value = store.request.command.get(keyword)
            if value != expected:
                found[Finding(f"{keyword} {expected}", "absent" if value is None else f"{value}", "command set of the C-STORE")] = (
                    None
                )
    return list(found)


def unchanged(retrieval: Retrieval, original: Dataset) -> list[Finding]:
    """Check that the instance came with the content of the original."""
    found = _something_came(retrieval)
    same = [store for store in retrieval.stores if store.instance_uid == original.SOPInstanceUID]
    if retrieval.stores and not same:
        found.append(Finding(f"the instance {original.SOPInstanceUID}", f"only {', '.join(retrieval.received)}"))
    for store in same:
        found += same_content(original, store.request.dataset)
    return found


def only_classes(retrieval: Retrieval, allowed: Collection[str]) -> list[Finding]:
    """Check that what came is of these SOP classes only."""
    return _something_came(retrieval) + [
        Finding(f"SOP class {', '.join(allowed)}", f"{sop_class}")
        for store in retrieval.stores
        if (sop_class := store.request.command.get("AffectedSOPClassUID", "absent")) not in allowed
    ]


def same_content(original: Dataset, received: Dataset | None, path: str = "") -> list[Finding]:
    """Check that a data set came back unchanged: every attribute and value of the original, and no other.

    Group lengths, and the encoding (transfer syntax, defined or undefined lengths), are not content.
    """
    if received is None:
        return [Finding("a data set that can be decoded", "none", path)]
    found = []
    names = {element.tag: element.keyword or element.tag for data in (original, received) for element in data}
    for tag in sorted(tag for tag in names if tag.element != 0):
        before, after = original.get(tag), received.get(tag)
        place = f"{path}{'.' if path else ''}{names[tag]}"
        if before is None or after is None:
            found.append(Finding("as it was stored: " + ("absent" if before is None else "present"), "the contrary", place))
        elif before.VR == "SQ":
            if len(before.value) != len(after.value):
                found.append(Finding(f"{len(before.value)} item(s)", f"{len(after.value)} item(s)", place))
            for index, (one, other) in enumerate(zip(before.value, after.value, strict=False)):
                found += same_content(one, other, f"{place}[{index}]")
        elif before.value != after.value and not (before.is_empty and after.is_empty):
            found.append(Finding(f"value {shown(before.value)}", f"value {shown(after.value)}", place))
    return found

"""Checks of a C-MOVE that was canceled while its sub-operations were under way [PS3.4 C.4.2.3.1]."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..profile.statuses import status_text
from ..transcript.exchange import Exchange
from .findings import Finding
from .move import CANCELED, COUNTERS, SUCCESS, Retrieval, received
from .status import answered

__all__ = ["GRACE", "CanceledMove", "association_lives", "came_too_late", "ended_by_it", "nothing_after_it", "numbers_agree"]

GRACE = timedelta(seconds=1)  # after a C-CANCEL, in which it may be on its way


@dataclass(frozen=True)
class CanceledMove:
    """A C-MOVE that was canceled, and the one that followed on its association.

    Parameters
    ----------
    retrieval : Retrieval
        The C-MOVE and all that it brought, also after its final response.
    asked : tuple of str
        SOP Instance UIDs of what was asked for, all of which are there.
    sent : datetime or None
        When the C-CANCEL was sent: when the first C-STORE had come, and before it was answered. ``None`` if none came.
    following : Retrieval or None
        The C-MOVE that followed; ``None`` if the association had ended.
    """

    retrieval: Retrieval
    asked: tuple[str, ...]
    sent: datetime | None
    following: Retrieval | None = None


def came_too_late(canceled: CanceledMove) -> bool:
    """Whether everything had been sent when the C-CANCEL can have come: such a C-MOVE may end as if there had been none."""
    retrieval = canceled.retrieval
    if canceled.sent is None or retrieval.move.failure or retrieval.move.status == CANCELED:
        return False
    in_time = {store.instance_uid for store in retrieval.stores if store.request.time - canceled.sent <= GRACE}
    return in_time >= set(canceled.asked)


def ended_by_it(canceled: CanceledMove) -> bool:
    """Whether the C-MOVE was answered with Canceled."""
    return canceled.retrieval.move.status == CANCELED


def nothing_after_it(canceled: CanceledMove) -> list[Finding]:
    """Check that no C-STORE was begun after the final response."""
    found = answered(canceled.retrieval.move)
    for uid, seconds in canceled.retrieval.late.items():
        found.append(Finding("no C-STORE after the final response", f"{uid} came {seconds:.1f} s after it"))
    return found


def association_lives(canceled: CanceledMove) -> list[Finding]:
    """Check that the next C-MOVE on the association brings what it asks for."""
    following = canceled.following
    if following is None:
        return [Finding("the association stands after a C-CANCEL", "it has ended")]
    asked = following.move.request.dataset
    found = received(following, str(asked.get("SOPInstanceUID")) if asked is not None else "")
    status = following.move.status
    if status not in (SUCCESS, None):
        found.append(Finding("success of the next C-MOVE on the association", f"status {status_text(status, 'C-MOVE')}"))
    return found


def numbers_agree(canceled: CanceledMove) -> list[Finding]:
    """Check the numbers of sub-operations of a C-MOVE that ended with Canceled, against what came.

    What was under way when it ended may be counted as completed, as failed or as remaining. A number that is absent is a
    warning, except that of the remaining ones [PS3.4 C.4.2.3.1, C.4.2.1.7].
    """
    move = canceled.retrieval.move
    final = move.response
    found = answered(move)
    if final is None:
        return found
    begun = [store for store in canceled.retrieval.stores if store.request.time <= final.time]
    sure = sum(_succeeded(store) for store in begun[:-1])
    remaining, completed, failed, warning = (final.command.get(name) for name in COUNTERS)
    names = COUNTERS[1:]
    for name, value in zip(names, (completed, failed, warning), strict=True):
        if value is None:
            found.append(Finding(f"{name} in the final response", "absent", weight="warning"))
    if completed is not None and not sure <= completed <= len(begun):
        found.append(Finding(f"{COUNTERS[1]} {_between(sure, len(begun))}, for so many came", f"{completed}"))
    for name, value in zip(names[1:], (failed, warning), strict=True):
        if value is not None and value > len(begun) - sure:
            found.append(Finding(f"{name} {_between(0, len(begun) - sure)}", f"{value}"))
    if remaining is None:
        return found
    total = len(canceled.asked)
    if not total - len(begun) <= remaining <= total - sure:
        found.append(Finding(f"{COUNTERS[0]} {_between(total - len(begun), total - sure)}, or none", f"{remaining}"))
    elif completed is not None and (counted := remaining + completed + (failed or 0) + (warning or 0)) != total:
        found.append(Finding(f"a sum of {total} sub-operations, as many as were asked for", f"{counted}"))
    return found


def _succeeded(store: Exchange) -> bool:
    return store.status == 0 and not store.failure


def _between(least: int, most: int) -> str:
    return f"{least}" if least == most else f"{least} to {most}"

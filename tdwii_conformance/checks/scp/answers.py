"""How a request about a workitem may be answered, for each way in which the workitem can be [CC.1.1, CC.2.1, CC.2.2, CC.2.6]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from ...profile.catalogue import Catalogue
from ...profile.statuses import is_failure
from ...profile.ups_service import CHANGE_STATE, REQUEST_CANCEL, UPS
from ...profile.ups_tables import NO_UPS, STATES, AttributeRow, attribute_rows, state_table
from ...transcript.exchange import Exchange
from ...ups.final_state import missing
from ...ups.requests import Refusal, refuse_creation, refuse_modification
from ...ups.states import is_uid
from .belief import ANY, CANCELED, COMPLETED, FINAL, IN_PROGRESS, SCHEDULED, Workitem, World

__all__ = ["ILLEGAL", "NOT_AUTHORIZED", "PERFORMED", "PROGRESS", "REASON", "Option", "concerned", "options"]

PROGRESS, PERFORMED = "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"
REASON = "ProcedureStepDiscontinuationReasonCodeSequence"
VERBS = {IN_PROGRESS: "claim", COMPLETED: "complete", CANCELED: "cancel"}
SUCCESS, NOT_MET, CREATED_OTHERWISE, NO_SUCH, NOT_AUTHORIZED = 0x0000, 0xC304, 0xB300, (0xC307, 0x0112), 0x0124
ILLEGAL = ("CC26-TMS-021",)  # what an N-SET with an illegal value comes under
EMPTY, EMPTIED = 0x0121, ("CC26-TMS-019",)  # what one comes under that does nothing but empty an attribute that needs a value
WARNINGS = (0x0001, 0x0107, 0x0116, 0xB305)
UNKNOWN_STATE, UNKNOWN_ACTION = ("RO60-TMS-016", "CC21-TMS-008"), ("RO60-TMS-017",)

# What TDW-II says of a cell of the state table too, by event and state; * for every state that has no entry of its own.
OF_TDW = {
    ("claim with the right Transaction UID", SCHEDULED): "RO60-TMS-001",
    ("claim with the right Transaction UID", IN_PROGRESS): "RO60-TMS-012",
    ("claim with the right Transaction UID", NO_UPS): "RO60-TMS-009",
    ("claim without it", SCHEDULED): "RO60-TMS-008",
    ("claim without it", IN_PROGRESS): "RO60-TMS-004",
    ("change to SCHEDULED", SCHEDULED): "RO60-TMS-010",
    ("change to SCHEDULED", IN_PROGRESS): "RO65-TMS-016",
    ("change to SCHEDULED", COMPLETED): "RO65-TMS-016",
    ("change to SCHEDULED", CANCELED): "RO65-TMS-016",
    ("complete with the right Transaction UID", SCHEDULED): "RO60-TMS-011",
    ("complete with the right Transaction UID", IN_PROGRESS): "RO65-TMS-001",
    ("complete with the right Transaction UID", COMPLETED): "RO65-TMS-005",
    ("complete with the right Transaction UID", CANCELED): "RO65-TMS-007",
    ("complete without it", IN_PROGRESS): "RO65-TMS-010",
    ("cancel with the right Transaction UID", SCHEDULED): "RO60-TMS-011",
    ("cancel with the right Transaction UID", IN_PROGRESS): "RO65-TMS-001",
    ("cancel with the right Transaction UID", COMPLETED): "RO65-TMS-007",
    ("cancel with the right Transaction UID", CANCELED): "RO65-TMS-006",
    ("cancel without it", IN_PROGRESS): "RO65-TMS-010",
    ("claim without it", COMPLETED): "RO65-TMS-008",
    ("claim without it", CANCELED): "RO65-TMS-008",
    ("complete without it", COMPLETED): "RO65-TMS-008",
    ("complete without it", CANCELED): "RO65-TMS-008",
    ("cancel without it", COMPLETED): "RO65-TMS-008",
    ("cancel without it", CANCELED): "RO65-TMS-008",
    ("claim with the right Transaction UID", COMPLETED): "RO65-TMS-007",
    ("claim with the right Transaction UID", CANCELED): "RO65-TMS-007",
}  # fmt: skip
NO_LOCK_GIVEN = {"RO65-TMS-010": "RO65-TMS-011"}  # the same without any Transaction UID

# CC.2.6 and TDW-II, by Transaction UID given and state.
OF_N_SET = {
    ("right", IN_PROGRESS): ("CC26-TMS-005",),
    ("without", IN_PROGRESS): ("CC26-TMS-006", "RO62-TMS-006"),
    ("another", IN_PROGRESS): ("CC26-TMS-007", "RO62-TMS-005"),
    ("without", SCHEDULED): ("CC26-TMS-002", "RO62-TMS-016"),
    ("another", SCHEDULED): ("CC26-TMS-003", "RO62-TMS-015"),
    **{("right", state): ("CC26-TMS-009", "RO65-TMS-004") for state in FINAL},
    **{("another", state): ("CC26-TMS-010",) for state in FINAL},
    **{("without", state): ("CC26-TMS-011",) for state in FINAL},
    **{(given, NO_UPS): ("CC26-TMS-001", "RO62-TMS-011") for given in ("right", "another", "without")},
}


@dataclass(frozen=True)
class Option:
    """One way in which a workitem can be, and how a request is to be answered then.

    Parameters
    ----------
    before : World
        How it is.
    ids : tuple of str
        The requirements that say so.
    statuses, warnings : frozenset of int
        The statuses that meet them, and those that are tolerated with a warning.
    after : World
        How it is then, if the status says that what was asked is done.
    """

    before: World
    ids: tuple[str, ...]
    statuses: frozenset[int]
    warnings: frozenset[int]
    after: World

    def left(self, status: int | None) -> World:
        """Return how the workitem is after this answer."""
        return self.after if status in (SUCCESS, CREATED_OTHERWISE, *WARNINGS) else self.before


def options(exchange: Exchange, item: Workitem, worlds: Iterable[World], catalogue: Catalogue) -> list[Option]:
    """Return how a request about a workitem may be answered.

    Parameters
    ----------
    exchange : Exchange
        N-CREATE, N-SET, or an N-ACTION that changes the state or requests a cancellation.
    item : Workitem
        What is known of it.
    worlds : iterable of World
        The ways in which it can be.
    catalogue : Catalogue
        Says what the answers are.

    Returns
    -------
    list of Option
        Empty if nothing can be said of this request.
    """
    asked = exchange.request.dataset
    if exchange.request.undecodable:
        return []
    found: list[Option] = []
    for world in worlds:
        if exchange.service == "N-CREATE":
            found += _creation(asked or Dataset(), world, catalogue)
        elif exchange.service == "N-SET":
            found += _modification(asked or Dataset(), world, catalogue)
        elif exchange.service == "N-ACTION":
            kind = exchange.request.command.get("ActionTypeID")
            if kind == CHANGE_STATE:
                found += _change(asked or Dataset(), item, world, catalogue)
            elif kind == REQUEST_CANCEL:
                found += _cancel(exchange, asked or Dataset(), item, world, catalogue)
    return found


def _option(world: World, ids: Iterable[str], after: World, catalogue: Catalogue) -> Option:
    known = [catalogue[one] for one in ids]
    statuses = frozenset.union(*(frozenset(one.statuses) for one in known))
    warnings = frozenset.union(*(frozenset(one.warnings) for one in known)) - statuses
    return Option(world, tuple(one.id for one in known), statuses, warnings, after)


def _cell(event: str, state: str, catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(one.id for one in catalogue.cells("CC.1.1") if one.cell == (event, state))


def _locks(given: str, world: World) -> tuple[bool, ...]:
    """Return whether a Transaction UID can be the right one, and whether it can be another."""
    if not is_uid(given):
        return (False,)
    if world.lock == ANY:
        return (True, False)
    return (world.state in (SCHEDULED, NO_UPS) or given == world.lock,)


def _change(asked: Dataset, item: Workitem, world: World, catalogue: Catalogue) -> Iterator[Option]:
    wanted, given = str(asked.get("ProcedureStepState") or ""), str(asked.get("TransactionUID") or "")
    if wanted not in STATES:
        if world.state in (SCHEDULED, IN_PROGRESS) and is_uid(given):
            one = UNKNOWN_STATE[world.state == IN_PROGRESS]
            failures = frozenset(range(0xC000, 0xD000)) | frozenset(range(0x0105, 0x0125)) | {0x0211, 0x0212}
            yield Option(world, (one,), failures - {0x0107, 0x0116}, frozenset(), world)
        return
    if wanted == SCHEDULED:
        event = "change to SCHEDULED"
        yield _option(world, _with_tdw(event, world, given, catalogue), world, catalogue)
        return
    for right in _locks(given, world):
        event = f"{VERBS[wanted]} {'with the right Transaction UID' if right else 'without it'}"
        cell = state_table().get((event, world.state))
        ids = _with_tdw(event, world, given, catalogue)
        if cell is None or not ids:
            continue
        lock = given if right and world.lock in ("", ANY) and world.state != NO_UPS else world.lock
        here = World(world.state, lock if world.state != SCHEDULED else "")
        option = _option(here, ids, World(cell.state, lock) if cell.state else here, catalogue)
        yield _final(option, wanted, item) if cell.state in FINAL else option


def _with_tdw(event: str, world: World, given: str, catalogue: Catalogue) -> tuple[str, ...]:
    also = OF_TDW.get((event, world.state), "")
    also = NO_LOCK_GIVEN.get(also, also) if not given else also
    return (*_cell(event, world.state, catalogue), *filter(None, (also,)))


def _final(option: Option, wanted: str, item: Workitem) -> Option:
    """Return the option with the answers that the final state requirements leave [CC.2.5.1.1]."""
    progress = item.known.get(PROGRESS)
    performed = item.known.get(PERFORMED)
    if wanted == CANCELED:
        reason = progress is not None and item.firm(progress) and progress.element is not None and progress.element.value
        given = bool(reason) and bool(progress and progress.element and progress.element.value[0].get(REASON))
        allowed = option.statuses if given else option.statuses | {NOT_MET}
        return Option(option.before, option.ids, allowed, option.warnings, option.after)
    if performed is None or not item.firm(performed):
        return Option(option.before, option.ids, option.statuses | {NOT_MET}, option.warnings, option.after)
    shown = Dataset()
    if performed.element is not None:
        shown.add(performed.element)
    # What lacks elsewhere may not have been seen; what the performer has to give was.
    lacking = [one for one in missing(shown, COMPLETED) if one == PERFORMED or one in attribute_rows()[PERFORMED].items]
    if lacking:
        return Option(option.before, ("CC21-TMS-002", "RO65-TMS-009"), frozenset({NOT_MET}), frozenset(), option.after)
    empty = not shown[PERFORMED].value[0].get("OutputInformationSequence")
    ids = (*option.ids, "CC21-TMS-004") if empty else option.ids
    return Option(option.before, ids, option.statuses, option.warnings, option.after)


def concerned(title: str, item: Workitem) -> bool:
    """Whether an AE is known to have made a workitem, or to perform it: an SCP may authorize nobody else [CC.2.2.3, CC.2.7.3]."""
    return any(
        one.requestor == title and not is_failure(one.status)
        for one, _ in item.requests
        if one.service == "N-CREATE" or (one.service == "N-ACTION" and one.request.command.get("ActionTypeID") == CHANGE_STATE)
    )


def _cancel(exchange: Exchange, asked: Dataset, item: Workitem, world: World, catalogue: Catalogue) -> Iterator[Option]:
    if not exchange.abstract_syntax or exchange.abstract_syntax not in (UPS.PUSH, UPS.WATCH):
        return
    information = Dataset()
    setattr(information, PROGRESS, [asked])
    if refuse_modification(information) is not None:
        return
    ids = _cell("request cancel", world.state, catalogue)
    after = World(CANCELED, ANY) if world.state == SCHEDULED else world
    option = _option(world, ids, after, catalogue)
    if world.state in (SCHEDULED, IN_PROGRESS):
        also = ["CC22-TMS-001" if exchange.abstract_syntax == UPS.WATCH else "CC22-TMS-002"]
        also += [] if len(asked) else ["CC22-TMS-003"]
        option = Option(option.before, (*option.ids, *also), option.statuses | {0xC312, 0xC313}, option.warnings, option.after)
    if not concerned(exchange.requestor, item):
        option = Option(option.before, option.ids, option.statuses | {NOT_AUTHORIZED}, option.warnings, option.after)
    yield option


def _modification(asked: Dataset, world: World, catalogue: Catalogue) -> Iterator[Option]:
    given = str(asked.get("TransactionUID") or "")
    content = Dataset()
    content.update({element.tag: element for element in asked if element.keyword != "TransactionUID"})
    refusal = refuse_modification(content)
    refused = refusal is not None
    for right in _locks(given, world):
        which = "without" if not given else "right" if right and world.state not in (SCHEDULED, NO_UPS) else "another"
        ids = OF_N_SET[which, world.state]
        granted = which == "right" and world.state == IN_PROGRESS
        if granted:
            ids = (*ids, *_of_the_update(content))
        lock = given if which == "right" and world.lock == ANY else world.lock
        here = World(world.state, lock)
        option = _option(here, ids, here, catalogue)
        # What is not legal, or not for every SCP to support, may be refused for that.
        free = refused or _empties(content) or not _must_be_supported(content)
        if free and (granted or (which == "without" and world.state == SCHEDULED)):
            failures = frozenset(range(0x0105, 0x0125)) | {0x0110, 0xC310}
            option = Option(here, ILLEGAL if refused else (), option.statuses | option.warnings | failures, frozenset(), here)
            if granted and refusal is not None and refusal.status == EMPTY and [e.keyword for e in content] == [refusal.comment]:
                option = _option(here, EMPTIED, here, catalogue)
        yield option


def _of_the_update(content: Dataset) -> tuple[str, ...]:
    if PERFORMED in content:
        return ("RO64-TMS-001",)
    for progress in content.get(PROGRESS) or ():
        if progress.get("ProcedureStepProgress") is not None:
            value = str(progress.ProcedureStepProgress).strip()
            zero = bool(value) and not value.strip("0.")
            return ("RO62-TMS-001",) if zero else ("RO62-TMS-002",)
    return ()


def _empties(content: Dataset) -> bool:
    """Whether a sequence is emptied: zero length of a type 3 attribute may be refused (CC26-TMS-016)."""
    return any(element.VR == "SQ" and element.is_empty for element in content)


def _must_be_supported(content: Dataset) -> bool:
    rows = attribute_rows()
    return all(
        element.keyword in (PROGRESS, PERFORMED) or (element.keyword in rows and rows[element.keyword].set_scp == "1")
        for element in content
        if element.keyword != "SpecificCharacterSet"
    )


# --- N-CREATE ---------------------------------------------------------------------------------------------------------


def _creation(asked: Dataset, world: World, catalogue: Catalogue) -> Iterator[Option]:
    if world.state != NO_UPS:
        option = _option(world, _cell("N-CREATE", world.state, catalogue), world, catalogue)
        also = ("CC25-TMS-020",)
        tolerated = frozenset(catalogue[also[0]].warnings)
        yield Option(world, (*option.ids, *also), option.statuses, option.warnings | tolerated, world)
        return
    refusal = refuse_creation(asked)
    after = World(SCHEDULED)
    if refusal is None:
        yield _option(world, (*_cell("N-CREATE", NO_UPS, catalogue), "CC25-TMS-001"), after, catalogue)
        return
    ids = _of_refusal(refusal, asked)
    if not ids:
        return
    one = catalogue[ids[0]]
    yield Option(world, ids, frozenset(one.statuses), frozenset(one.warnings), after)


def _of_refusal(refusal: Refusal, asked: Dataset) -> tuple[str, ...]:
    """Return the requirement by which an N-CREATE is refused."""
    if refusal.status == 0xC309:
        return ("CC25-TMS-017",)
    empty = refusal.status == 0x0121
    if refusal.comment == "ProcedureStepState":
        return ("CC25-TMS-019",) if empty else ("CC25-TMS-018",)
    if refusal.status == 0x0106:
        return ()  # a should (CC25-TMS-024), with more readings than a status shows
    row = _row(refusal.comment)
    kinds = {"1": ("CC25-TMS-011", "CC25-TMS-012"), "1C": ("CC25-TMS-014", "CC25-TMS-015"), "2": ("CC25-TMS-013",)}
    ids = kinds.get(row.create if row else "", ())
    return ids[empty : empty + 1] if len(ids) > 1 else ids


def _row(path: str) -> AttributeRow | None:
    rows, found = attribute_rows(), None
    for step in path.split("."):
        found = rows.get(step.partition("[")[0])
        if found is None:
            return None
        rows = found.items
    return found

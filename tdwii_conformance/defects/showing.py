"""Defects of N-GET: what is shown, under which SOP class, to whom [CC.2.7]."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ..dimse import left_undeclared
from ..profile.ups_service import FILTERED, GLOBAL, UPS
from ..profile.ups_tables import attribute_rows
from ..ups import Outcome, Record
from ..ups.datasets import merged, plain
from ..ups.store import Change
from ..ups.times import value_start
from .attributes import change, drop, empty
from .deviations import Defect
from .hooks import Around, around, on_outcome, on_records
from .tms import ANOTHER, MODIFIED, PERFORMED, PROCESSING_FAILURE, SUCCESS, dashed, defect, one

__all__ = ["any_get", "on_get"]

START = "ScheduledProcedureStepStartDateTime"


def on_get(change_: Callable[[Dataset, list[Any], Any], Dataset | None], tms: Any) -> None:
    """Let `change_` (what is shown, tags asked for, event) alter what an N-GET shows, or show another data set."""

    def get(outcome: Outcome, event: Any) -> Outcome:
        if outcome.dataset is None:
            return outcome
        tags = [Tag(tag) for tag in event.attribute_identifiers or ()]
        character_set = outcome.dataset.get("SpecificCharacterSet")
        shown = plain(outcome.dataset)
        if character_set:
            shown.SpecificCharacterSet = character_set
        changed = change_(shown, tags, event)
        return replace(outcome, dataset=shown if changed is None else changed)

    on_outcome(tms, "get", get)


@defect.rows
def _rows_of_alone() -> Iterator[Defect]:
    rows = attribute_rows()
    always = [
        k for k, r in rows.items()
        if k not in ("ProcedureStepState", "SpecificCharacterSet") and (r.get == "1" or (r.get == "2" and r.create in ("1", "2")))
    ]  # fmt: skip
    for keyword in always:
        yield one(
            f"get-{dashed(keyword)}-absent", f"Leaves {keyword} out when it alone is asked for", partial(_alone, keyword, drop), "CC27-TMS-001",
        )  # fmt: skip
        if rows[keyword].get == "1":
            yield one(
                f"get-{dashed(keyword)}-empty", f"Returns {keyword} without a value when it alone is asked for",
                partial(_alone, keyword, empty), "CC27-TMS-001",
            )  # fmt: skip


@defect(
    "get-patient-id-changed",
    "Returns another Patient ID when it alone is asked for",
    "CC27-TMS-002",
    given=(
        "PatientID",
        change,
    ),
)
def _alone(keyword: str, how: Callable[[Dataset, str], None], tms: Any) -> None:
    on_get(lambda shown, tags, event: how(shown, keyword) if tags == [Tag(keyword)] else None, tms)


@defect.rows
def _rows_of_all() -> Iterator[Defect]:
    yield one(
        "get-all-without-comments", "Leaves Comments out when all attributes are asked for",
        partial(_all, lambda shown: drop(shown, "CommentsOnTheScheduledProcedureStep")), "CC27-TMS-004",
    )  # fmt: skip
    yield one(
        "get-all-without-performed", "Leaves the Performed Procedure Sequence out when all attributes are asked for",
        partial(_all, lambda shown: drop(shown, PERFORMED)), "CC27-TMS-004", "CC27-TMS-006",
    )  # fmt: skip


def _all(how: Callable[[Dataset], None], tms: Any) -> None:
    on_get(lambda shown, tags, event: how(shown) if not tags else None, tms)


@defect.rows
def _rows_of_any_get() -> Iterator[Defect]:
    yield one(
        "get-without-character-set", "Names no Specific Character Set in N-GET responses",
        partial(any_get, lambda shown: drop(left_undeclared(shown), "SpecificCharacterSet")), "CC27-TMS-009",
    )  # fmt: skip


def any_get(how: Callable[[Dataset], None], tms: Any) -> None:
    """Let `how` alter what every N-GET shows."""
    on_get(lambda shown, tags, event: how(shown), tms)


@defect("get-start-as-people-write-it", "Shows Scheduled Procedure Step Start DateTime as 2026-11-29T12:00:00",
        "CC27-TMS-022", through=any_get, given=(START,))  # fmt: skip
@defect("get-modification-time-as-people-write-it", "Shows Scheduled Procedure Step Modification DateTime as 2026-11-29T12:00:00",
        "CC27-TMS-022", through=any_get, given=(MODIFIED,))  # fmt: skip
@defect("get-times-as-people-write-them", "Shows every date-time as 2026-11-29T12:00:00",
        "CC27-TMS-022", through=any_get, given=("",))  # fmt: skip
def _as_people_write_it(keyword: str, shown: Dataset) -> None:
    for element in shown.iterall():
        there = value_start(str(element.value or ""), "DT") if element.VR == "DT" and keyword in ("", element.keyword) else None
        if there is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom sees it, too
                element.value = f"{there.astimezone():%Y-%m-%dT%H:%M:%S}"


@defect(
    "get-with-more",
    "Returns Comments along with whatever is asked for",
    "CC27-TMS-003",
    "RO60-TMS-019",
    given=("CommentsOnTheScheduledProcedureStep",),
)
def _with_more(keyword: str, tms: Any) -> None:
    def more(shown: Dataset, tags: list[Any], event: Any) -> None:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if tags:
            shown[keyword] = plain(record.attributes)[keyword]

    on_get(more, tms)


@defect("get-first-item-only", "Returns of a sequence the first item only", "CC27-TMS-006", through=any_get)
def _first_items_shown(shown: Dataset) -> None:
    for element in shown:
        if element.VR == "SQ" and len(element.value) > 1:
            element.value = element.value[:1]


@defect("get-shallow", "Returns sequences without the sequences in their items", "CC27-TMS-006", through=any_get)
def _shallow(shown: Dataset) -> None:
    for element in shown:
        for item in element.value if element.VR == "SQ" else ():
            for inner in list(item):
                if inner.keyword == "PerformedProcessingParametersSequence":
                    del item[inner.tag]


@defect.rows
def _rows_of_refuses_tags() -> Iterator[Defect]:
    rows = attribute_rows()
    always = [
        k for k, r in rows.items()
        if k not in ("ProcedureStepState", "SpecificCharacterSet") and (r.get == "1" or (r.get == "2" and r.create in ("1", "2")))
    ]  # fmt: skip
    perhaps = [k for k, r in rows.items() if r.get == "2" and k not in always and k not in ("PatientID", "StudyInstanceUID")]
    yield one(
        "get-of-some-ups-refused", "Refuses N-GET of an attribute that a UPS need not have",
        partial(_refuses_tags, perhaps), "CC27-TMS-002",
    )  # fmt: skip
    for kind, tag in (("standard", "PixelSpacing"), ("private", 0x00991001), ("unknown", 0x0040FFFE)):
        yield one(
            f"get-{kind}-attribute-refused", f"Refuses N-GET of a {kind} attribute it does not keep",
            partial(_refuses_tags, (tag,)), "CC27-TMS-007",
        )  # fmt: skip


def _refuses_tags(refused: Sequence[Any], tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        asked = {Tag(tag) for tag in event.attribute_identifiers or ()}
        return Outcome(PROCESSING_FAILURE) if asked & {Tag(one_) for one_ in refused} else original(event)

    around(tms, "get", get)


@defect("get-nothing-with-what-is-not-kept", "Returns nothing when one of the attributes asked for is not kept", "CC27-TMS-008")
def _nothing_with(tms: Any) -> None:
    def get(shown: Dataset, tags: list[Any], event: Any) -> Dataset | None:
        return Dataset() if any(tag.is_private or tag == Tag("PixelSpacing") for tag in tags) else None

    on_get(get, tms)


@defect(
    "get-unknown-ups-granted",
    "Answers success to N-GET of a UPS that does not exist",
    "CC27-TMS-010",
    "RO60-TMS-018",
)
def _unknown_shown(tms: Any) -> None:
    known = (GLOBAL, FILTERED)

    def get(outcome: Outcome, event: Any) -> Outcome:
        made_up = Dataset()
        made_up.ProcedureStepState = "SCHEDULED"
        asked = str(event.request.RequestedSOPInstanceUID)
        return Outcome(SUCCESS, dataset=made_up) if outcome.status == 0xC307 and asked not in known else outcome

    on_outcome(tms, "get", get)


@defect(
    "get-unknown-ups-another-failure",
    "Answers 0110 to N-GET of a UPS that does not exist",
    "CC27-TMS-010",
    "CC27-TMS-011",
    "RO60-TMS-018",
)
def _unknown_failure(tms: Any) -> None:
    on_outcome(tms, "get", lambda outcome, event: replace(outcome, status=0x0110) if outcome.status == 0xC307 else outcome)


@defect("get-similar-uid-granted", "Shows a UPS whose SOP Instance UID begins as the one asked for", "CC27-TMS-010")
def _similar(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        asked = str(event.request.RequestedSOPInstanceUID)
        longer = [r.uid for r in tms.worklist.store.candidates(()) if r.uid.startswith(asked)]
        if tms.worklist.store.get(asked) is None and longer:
            event.request.RequestedSOPInstanceUID = longer[0]
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)


@defect("get-well-known-granted", "Answers success to N-GET of a well-known instance", "CC27-TMS-011")
def _well_known(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        asked = str(event.request.RequestedSOPInstanceUID)
        return Outcome(SUCCESS, dataset=Dataset()) if asked.startswith(GLOBAL) else original(event)

    around(tms, "get", get)


@defect(
    "get-all-in-progress-as-scheduled",
    "Shows a UPS that is IN PROGRESS as SCHEDULED when all attributes are asked for",
    "CC27-TMS-012",
    given=(
        "IN PROGRESS",
        "SCHEDULED",
    ),
)
@defect(
    "get-completed-as-in-progress",
    "Shows a UPS that is COMPLETED as IN PROGRESS",
    "CC27-TMS-013",
    given=(
        "COMPLETED",
        "IN PROGRESS",
    ),
    named={"every": True},
)
def _state_shown(present: str, shown_as: str, tms: Any, every: bool = False) -> None:
    def show(shown: Dataset, tags: list[Any], event: Any) -> None:
        if shown.get("ProcedureStepState") == present and (every or not tags):
            shown.ProcedureStepState = shown_as

    on_get(show, tms)


@defect("get-one-change-late", "Shows a UPS to other AEs as it was before the last change", "CC27-TMS-015")
def _stale(tms: Any) -> None:
    """Keep, of each UPS, what was there before the last change, and show that to whom did not make it."""
    before: dict[str, Dataset] = {}
    changed_by: dict[str, str] = {}

    def keep(attributes: Dataset, earlier: Any) -> None:
        if earlier is not None:
            before[earlier.uid] = earlier.attributes

    def note(original: Around, event: Any, *given: Any) -> Outcome:
        outcome: Outcome = original(event, *given)
        changed_by[str(event.request.RequestedSOPInstanceUID)] = str(event.assoc.requestor.ae_title)
        return outcome

    def get(original: Around, event: Any) -> Outcome:
        uid = str(event.request.RequestedSOPInstanceUID)
        if uid not in before or changed_by.get(uid) == str(event.assoc.requestor.ae_title):
            outcome: Outcome = original(event)
            return outcome
        tags = [Tag(tag) for tag in event.attribute_identifiers or ()]
        return Outcome(SUCCESS, dataset=merged(*(_part(before[uid], tag) for tag in tags)) if tags else merged(before[uid]))

    on_records(tms, keep)
    for method in ("set", "action"):
        around(tms, method, note)
    around(tms, "get", get)


def _part(dataset: Dataset, tag: Any) -> Dataset:
    part = Dataset()
    if tag in dataset:
        part.add(dataset[tag])
    return part


@defect.rows
def _rows_of_less_under() -> Iterator[Defect]:
    for context, uid, identifier in (
        ("push", UPS.PUSH, "CC27-TMS-016"), ("watch", UPS.WATCH, "CC27-TMS-017"),
    ):  # fmt: skip
        yield one(
            f"get-under-{context}-shows-less", f"Leaves Procedure Step Label out under UPS {context.title()}",
            partial(_less_under, uid), identifier,
        )  # fmt: skip


def _less_under(context: str, tms: Any) -> None:
    def less(shown: Dataset, tags: list[Any], event: Any) -> None:
        if event.context.abstract_syntax == context:
            drop(shown, "ProcedureStepLabel")

    on_get(less, tms)


@defect("get-others-see-less", "Shows an AE that neither made nor performs a UPS less", "CC27-TMS-018")
def _others_see_less(tms: Any) -> None:
    makers: dict[str, str] = {}

    def action(original: Around, event: Any, number: int) -> Outcome:
        makers.setdefault(str(event.request.RequestedSOPInstanceUID), str(event.assoc.requestor.ae_title))
        outcome: Outcome = original(event, number)
        return outcome

    def less(shown: Dataset, tags: list[Any], event: Any) -> None:
        maker = makers.get(str(event.request.RequestedSOPInstanceUID))
        if maker is not None and maker != str(event.assoc.requestor.ae_title):
            drop(shown, "CommentsOnTheScheduledProcedureStep")

    around(tms, "action", action)
    on_get(less, tms)


@defect("get-touches-modification-time", "Sets the modification time with each N-GET", "CC27-TMS-019")
def _touches(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if record is not None:
            more = Dataset()
            setattr(more, MODIFIED, tms.worklist.timestamp())
            tms.worklist.store.commit(Change(Record(record.uid, merged(record.attributes, more), record.lock)))
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)


@defect("get-drops-the-lock", "Forgets the lock when another AE asks for the Transaction UID", "CC27-TMS-019")
def _drops_lock(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        record = tms.worklist.store.get(str(event.request.RequestedSOPInstanceUID))
        if record is not None and record.state == "IN PROGRESS" and str(event.assoc.requestor.ae_title) != "TDD":
            tms.worklist.store.commit(Change(Record(record.uid, record.attributes, ANOTHER)))
        outcome: Outcome = original(event)
        return outcome

    around(tms, "get", get)

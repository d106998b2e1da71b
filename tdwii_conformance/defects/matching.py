"""Defects of how C-FIND compares: ranges, items, lists of UIDs, and which keys it knows [CC.2.8, PS3.4 C.2.2.2]."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import evt

from ..profile.ups_tables import attribute_rows
from ..ups import Record
from ..ups.datasets import merged
from ..ups.matching import Key
from ..ups.store import Change
from ..ups.times import value_start
from .attributes import asks_as_a_tdd, empty
from .hooks import Around, around
from .queries import MANY, START, STATION, Path, compares, keyword_of, on_keys, on_query, refuse, when_finding
from .query_course import tdd_now
from .tms import defect

__all__ = ["refuse"]


@defect(
    "find-state-ignored",
    "Finds a UPS whatever state is asked for",
    "CC28-TMS-002",
    "CC28-TMS-047",
    "CC28-TMS-056",
    "RO58-TMS-010",
    "RO60-TMS-007",
    "RO65-TMS-003",
)
def _ignores_state(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, None) if here == ("ProcedureStepState",) else key)


def _span(key: Key) -> bool:
    return key.span is not None and any("-" in one_ for one_ in key.wanted)


@defect("find-range-without-its-end", "Finds no UPS at the end of a range", "CC28-TMS-018", given=("end",))
@defect("find-range-without-its-start", "Finds no UPS at the start of a range", "CC28-TMS-018", given=("start",))
def _open_end(which: str, tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.fits is None:
            return key
        fits, ends = key.fits, key.wanted[0].split("-")
        text = ends[-1] if which == "end" else ends[0]

        def compare(value: str, zone: str) -> bool:
            moment = value_start(value, key.vr, zone)
            return fits(value, zone) and (not text or moment != value_start(text, key.vr, zone))

        return compares(key, compare)

    on_keys(tms, change)


@defect("find-open-ranges-closed", "Takes a range with one end open for that one moment", "CC28-TMS-018")
def _half_open(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.fits is None:
            return key
        low, _, high = key.wanted[0].partition("-")
        if low and high:
            return key
        return compares(key, lambda value, zone: value_start(value, key.vr, zone) == value_start(low or high, key.vr, zone))

    on_keys(tms, change)


@defect("find-ranges-by-the-day", "Takes a range of date-times for one of days", "CC28-TMS-019", "RO58-TMS-011")
def _by_day(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.vr != "DT":
            return key
        low, _, high = key.wanted[0].partition("-")
        return compares(key, lambda value, zone: low[:8] <= value[:8] <= (high[:8] or "99999999")) if "+" not in low + high else key

    on_keys(tms, change)


@defect("find-date-times-as-text", "Compares date-times as text", "CC28-TMS-020", "CC28-TMS-021")
def _as_text(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.vr != "DT":
            return key
        low, _, high = key.wanted[0].partition("-")
        return compares(key, lambda value, zone: low <= value and (not high or value <= high))

    on_keys(tms, change)


@defect("find-offsets-ignored", "Ignores the offset from UTC of a date-time in the query", "CC28-TMS-021")
def _no_offsets(tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        if identifier.get(START) and "+" in str(identifier[START].value):
            setattr(identifier, START, re.sub(r"\+\d{4}", "", str(identifier[START].value)))
        return identifier

    on_query(tms, query)
    as_if_zone = re.compile(r"\+\d{4}$")

    def change(here: Path, key: Key) -> Key:
        if here != (START,) or key.fits is None:
            return key
        fits = key.fits
        return compares(key, lambda value, zone: fits(as_if_zone.sub("", value), ""))

    on_keys(tms, change)


@defect("find-two-keys-of-an-item-nothing", "Finds nothing by two keys in an item", "CC28-TMS-024")
def _two_in_an_item(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        narrowing = [below for below in key.below or () if below.narrows]
        if here[-1] in ("ReferencedRequestSequence", "ScheduledStationClassCodeSequence") and len(narrowing) > 1 and len(here) == 1:
            return replace(key, below=tuple(compares(b, lambda v, z: False) if b.fits else b for b in key.below or ()))
        return key

    on_keys(tms, change)


@defect("find-keys-of-several-items", "Finds a UPS when keys are matched by different items", "CC28-TMS-025")
def _across_items(tms: Any) -> None:
    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        apart: list[Key] = []
        for key in original(identifier):
            narrowing = [below for below in key.below or () if below.narrows]
            if len(narrowing) > 1:
                apart += [replace(key, below=(below,)) for below in narrowing]
                key = replace(key, below=tuple(_open_items(below) for below in key.below or ()))
            apart.append(key)
        return tuple(apart)

    around(tms.worklist, "keys", keys)


def _open_items(key: Key) -> Key:
    return replace(compares(key, None), below=tuple(map(_open_items, key.below)) if key.below is not None else None)


@defect("find-by-code-meaning", "Matches on Code Meaning", "CC28-TMS-027", "RO58-TMS-014")
def _by_meaning(tms: Any) -> None:
    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        found: tuple[Key, ...] = original(identifier)
        meanings = [str(e.value) for e in identifier.iterall() if e.keyword == "CodeMeaning" and e.value]
        return tuple(_meaning(key, meanings) for key in found) if meanings else found

    def _meaning(key: Key, meanings: list[str]) -> Key:
        if key.below is not None:
            return replace(key, below=tuple(_meaning(below, meanings) for below in key.below))
        return compares(key, lambda value, zone: value in meanings) if keyword_of(key) == "CodeMeaning" else key

    around(tms.worklist, "keys", keys)


def _uid_list(here: Path, key: Key) -> bool:
    return key.vr == "UI" and len(key.wanted) > 1 and len(here) > 1


@defect("find-list-of-uids-nothing", "Finds nothing by a list of UIDs", "CC28-TMS-028", "CC28-TMS-032")
def _no_lists(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, lambda value, zone: False) if _uid_list(here, key) else key)


@defect("find-list-of-uids-everything", "Ignores a list of UIDs", "CC28-TMS-029")
def _any_list(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, None) if _uid_list(here, key) else key)


@defect("find-uid-alone-ignored", "Returns every UPS when SOP Instance UID is the only key", "CC28-TMS-030")
def _uid_alone(tms: Any) -> None:
    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        found: tuple[Key, ...] = original(identifier)
        return tuple(compares(key, None) for key in found) if len(found) == 1 and found[0].tag == Tag("SOPInstanceUID") else found

    around(tms.worklist, "keys", keys)


@defect(
    "find-optional-key-fails",
    "Answers A900 to a value in an optional key",
    "CC28-TMS-032",
    "CC28-TMS-033",
    given=(("SpecialNeeds",),),
)
def _refuses_key(path: Path, tms: Any) -> None:
    refuse(tms, lambda identifier: bool(identifier.get(path[0])) and len(identifier) < MANY)


@defect("find-performed-fails", "Answers C000 to a key in the Performed Procedure Sequence", "CC28-TMS-035")
def _performed_fails(tms: Any) -> None:
    refuse(tms, lambda identifier: bool(identifier.get("UnifiedProcedureStepPerformedProcedureSequence")), 0xC000)


@defect("find-canceled-as-completed", "Finds a CANCELED UPS as COMPLETED", "CC28-TMS-047", "RO65-TMS-003")
def _canceled_as_completed(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        fits = key.fits
        if here != ("ProcedureStepState",) or fits is None:
            return key
        return compares(key, lambda value, zone: fits("COMPLETED" if value == "CANCELED" else value, zone))

    on_keys(tms, change)


@defect("find-old-values", "Finds a UPS by the label that it was created with", "CC28-TMS-048")
def _old_values(tms: Any) -> None:
    labels: dict[str, str] = {}

    def commit(original: Around, kept: Change) -> None:
        if kept.record is not None:
            labels.setdefault(kept.record.uid, str(kept.record.attributes.get("ProcedureStepLabel") or ""))
        original(kept)

    def old(record: Record) -> Record:
        more = Dataset()
        more.ProcedureStepLabel = labels.get(record.uid) or record.attributes.get("ProcedureStepLabel")
        return Record(record.uid, merged(record.attributes, more), record.lock)

    around(tms.worklist.store, "commit", commit)
    when_finding(tms, lambda original, keys: [old(record) for record in original(())])


@defect("find-unknown-value-is-none", "Ignores a key whose value no UPS can have", "CC28-TMS-056")
def _unknown_is_none(tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        for keyword in ("ProcedureStepState", "ScheduledProcedureStepPriority", "InputReadinessState"):
            values = attribute_rows()[keyword].values or ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
            if identifier.get(keyword) and str(identifier[keyword].value) not in values:
                empty(identifier, keyword)
        return identifier

    on_query(tms, query)


@defect("find-query-text-as-ascii", "Reads text beyond ASCII in queries as question marks", "CC28-TMS-059")
def _query_ascii(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        beyond = key.fits is not None and any(not wanted.isascii() for wanted in key.wanted)
        return compares(key, lambda value, zone: False) if beyond else key

    on_keys(tms, change)


@defect("find-any-text-beyond-ascii", "Finds other text beyond ASCII when the rest is alike", "CC28-TMS-060")
def _loose_text(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if here != ("ProcedureStepLabel",) or key.fits is None or all(wanted.isascii() for wanted in key.wanted):
            return key
        first = key.wanted[0][:1]
        return compares(key, lambda value, zone: value[:1] == first)

    on_keys(tms, change)


@defect("find-timezone-is-a-key", "Takes Timezone Offset From UTC for a matching key", "CC28-TMS-063")
def _timezone_key(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        zone = identifier.get("TimezoneOffsetFromUTC")
        return iter(()) if zone and START not in identifier else original(identifier, **named)

    around(tms, "find", find)


@defect("find-by-the-lock", "Finds a UPS by its Transaction UID", "CC28-TMS-041")
def _by_lock(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        lock = identifier.get("TransactionUID")
        if lock and not any(record.lock == lock for record in tms.worklist.store.candidates(())):
            return iter(())
        return original(identifier, **named)

    around(tms, "find", find)


@defect("find-station-by-scheme-too", "Finds no station when Coding Scheme Designator is empty", "RO58-TMS-016")
def _scheme_needed(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        station = identifier.get(STATION)
        lacks = station and station[0].get("CodeValue") and "CodingSchemeDesignator" in station[0]
        if asks_as_a_tdd(identifier) and lacks and not station[0].CodingSchemeDesignator:
            return iter(())
        return original(identifier, **named)

    around(tms, "find", find)


@defect("find-patient-needed", "Finds nothing when Patient ID is empty in the query of a TDD", "RO58-TMS-015")
def _patient_needed(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        lacks = asks_as_a_tdd(identifier) and not identifier.get("PatientID")
        return iter(()) if lacks else original(identifier, **named)

    around(tms, "find", find)


@defect(
    "find-station-ignored-for-a-tdd",
    "Finds the workitems of every station for a TDD",
    "RO58-TMS-009",
    "RO58-TMS-013",
    given=((STATION, "CodeValue"),),
)
@defect(
    "find-workitem-code-ignored-for-a-tdd",
    "Finds workitems of every code for a TDD",
    "RO58-TMS-012",
    given=(("ScheduledWorkitemCodeSequence", "CodeValue"),),
)
def _ignored_key_for_tdd(path: Path, tms: Any) -> None:
    now = tdd_now(tms)
    on_keys(tms, lambda here, key: compares(key, None) if here == path and getattr(now, "tdd", False) else key)


@defect(
    "find-nothing-through-pull-alone",
    "Finds nothing for a TDD on an association with UPS Pull alone",
    "CC31-TMS-009",
    "NEG-TMS-014",
)
def _pull_alone(tms: Any) -> None:
    def c_find(handler: Callable[[Any], Iterator[Any]], event: Any) -> Iterator[Any]:
        if len(event.assoc.accepted_contexts) > 1 or not asks_as_a_tdd(event.identifier):
            yield from handler(event)

    tms.server.wrap_handler(evt.EVT_C_FIND, c_find)


@defect(
    "find-patient-id-ignored-by-a-tdd",
    "Ignores Patient ID in the query of a TDD",
    "RO58-TMS-019",
    "RO58-TMS-008",
    given=("PatientID",),
)
@defect(
    "find-uid-ignored-by-a-tdd",
    "Ignores SOP Instance UID in the query of a TDD",
    "RO58-TMS-018",
    given=("SOPInstanceUID",),
)
def _ignored_for_tdd(keyword: str, tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        if asks_as_a_tdd(identifier):
            empty(identifier, keyword)
        return identifier

    on_query(tms, query)

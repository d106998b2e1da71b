"""Defects of worklist queries [CC.2.8, RO-58]: what matches, what a response holds, how a query ends."""

from __future__ import annotations

import copy
import fnmatch
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import evt

from ..dimse import left_undeclared
from ..profile.ups_service import TRIAL, UPS
from ..profile.ups_tables import AttributeRow, attribute_rows
from ..ups import IdentifierError, Record
from ..ups.datasets import merged
from ..ups.matching import Key
from ..ups.store import Change
from ..ups.times import value_start
from .attributes import asks_as_a_tdd, drop, edit, empty
from .deviations import Defect, Rows
from .hooks import Around, abort, around, change_response, on_find_responses, on_responses, set_command

__all__ = ["as_if", "defects", "hides"]

C_FIND = 0x8020
SUCCESS, PENDING, CANCEL = 0x0000, 0xFF00, 0xFE00
ANOTHER = "1.2.826.0.1.3680043.2.1143.9996"
STATION = "ScheduledStationNameCodeSequence"
START = "ScheduledProcedureStepStartDateTime"
MANY = 35  # keys; who asks for so many asks for everything

Path = tuple[str, ...]
Apply = Callable[[Any], None]


def one(
    name: str, sentence: str, apply: Apply, *requirements: str, alone: bool = False, case: str = "", subject: tuple[str, ...] = ()
) -> Defect:
    """Return a defect of the TMS."""
    return Defect(name, sentence, "TMS", apply, requirements, alone, case, subject)


defect = Rows(one)


def dashed(path: Sequence[str]) -> str:
    """Return a path as a part of a name."""
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", k.replace("Sequence", "")) for k in path]
    return "-".join(words).lower()


def defects() -> Iterator[Defect]:
    """Yield the defects of C-FIND."""
    yield from defect


# --- seams -------------------------------------------------------------------------------------------------------------


def on_keys(tms: Any, change: Callable[[Path, Key], Key], path: Path = ()) -> None:
    """Let `change` make another key of each key of a query, those in items included."""

    def changed(keys: Iterable[Key], around_: Path) -> tuple[Key, ...]:
        return tuple(_changed(key, around_) for key in keys)

    def _changed(key: Key, around_: Path) -> Key:
        here = (*around_, _keyword(key))
        if key.below is not None:
            key = replace(key, below=changed(key.below, here))
        return change(here, key)

    around(tms.worklist, "keys", lambda original, identifier: changed(original(identifier), path))


def _keyword(key: Key) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(key.tag)


def compares(key: Key, fits: Callable[[str, str], bool] | None) -> Key:
    """Return a key that compares in another way, without help of an index."""
    return replace(key, fits=fits, wanted=key.wanted if fits else (), wild=fits is not None, span=None)


def hides(tms: Any, which: Callable[[Record], bool]) -> None:
    """Let C-FIND not know some UPS."""
    _when_finding(tms, lambda original, keys: [record for record in original(keys) if not which(record)])


def as_if(tms: Any, which: Callable[[Record], bool], **values: Any) -> None:
    """Let C-FIND see other values in some UPS."""

    def seen(record: Record) -> Record:
        if not which(record):
            return record
        more = Dataset()
        for keyword, value in values.items():
            setattr(more, keyword, value)
        return Record(record.uid, merged(record.attributes, more), record.lock)

    _when_finding(tms, lambda original, keys: [seen(record) for record in original(())])


def _when_finding(tms: Any, candidates: Callable[[Any, Any], list[Record]]) -> None:
    finding = threading.local()

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        finding.now = True
        try:
            return original(identifier, **named)
        finally:
            finding.now = False

    around(tms, "find", find)
    around(tms.worklist.store, "candidates", lambda original, keys: (
        candidates(original, keys) if getattr(finding, "now", False) else original(keys)
    ))  # fmt: skip


def on_query(tms: Any, change: Callable[[Dataset], Dataset]) -> None:
    """Let `change` make another identifier of a copy of each query's."""
    around(tms, "find", lambda original, identifier, **named: original(change(copy.deepcopy(identifier)), **named))


# --- each key ------------------------------------------------------------------------------------------------------------


def _paths(rows: Any, around_: str = "R", path: Path = ()) -> Iterator[tuple[Path, AttributeRow]]:
    """Yield the required matching keys that are no sequences."""
    for row in rows.values():
        match = around_ if row.match == "*" or (path and around_ in ("O", "-")) else row.match
        if row.vr == "SQ":
            yield from _paths(row.items, match, (*path, row.keyword))
        elif match in ("U", "R") and row.keyword not in ("LongCodeValue", "URNCodeValue"):
            yield (*path, row.keyword), row


# Every query of the tests stands on these.
IN_EVERY_QUERY = (("SOPInstanceUID",), ("PatientID",))
LABEL, NAME, BEGIN = ("ProcedureStepLabel",), ("PatientName",), (START,)
TEXT = ("AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT")
RANGED = (BEGIN, ("ExpectedCompletionDateTime",), ("PatientBirthDate",))
# In the items of these more than one key is asked for.
PAIRED = (
    *((sequence, keyword) for keyword in ("CodeValue", "CodingSchemeDesignator") for sequence in (
        STATION, "ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence",
    )),
    ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodeValue"),
    ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodingSchemeDesignator"),
    ("ReferencedRequestSequence", "AccessionNumber"), ("ReferencedRequestSequence", "RequestedProcedureID"),
    ("ReferencedRequestSequence", "IssuerOfAccessionNumberSequence", "LocalNamespaceEntityID"),
)  # fmt: skip
# The keys that are tried through every model.
THROUGH_MODELS = (LABEL, NAME, BEGIN, (STATION, "CodeValue"), ("ReferencedRequestSequence", "AccessionNumber"))
NO_LETTERS = ("ScheduledWorkitemCodeSequence", "CodeValue")


def _also_ignored(path: Path, row: AttributeRow) -> Iterator[str]:
    """Yield the requirements that a UPS is not found by another value, another case, another pattern, and so on."""
    text, single = row.vr in TEXT, row.single_value
    yield "CC28-TMS-002"
    found = {
        "004": text and path != NO_LETTERS, "006": row.vr in ("LO", "SH") and not single,
        "012": (text or row.vr == "CS") and not single, "013": text and not single, "014": path == LABEL,
        "015": single, "019": path in RANGED, "021": path == BEGIN, "025": path in PAIRED,
        "029": row.vr == "UI" and len(path) > 1, "044": path == LABEL, "046": path == LABEL, "047": path == ("ProcedureStepState",),
        "048": path == LABEL, "049": path in THROUGH_MODELS, "050": path in THROUGH_MODELS,
        "056": path in (("ProcedureStepState",), ("InputReadinessState",), ("ScheduledProcedureStepPriority",)),
        "060": path == LABEL,
    }  # fmt: skip
    yield from (f"CC28-TMS-{number}" for number, violated in found.items() if violated)


def _also_missed(path: Path, row: AttributeRow) -> Iterator[str]:
    """Yield the requirements that a UPS is found by its value, a pattern, a range, and so on."""
    yield "CC28-TMS-001"
    found = {
        "005": True, "011": (row.vr in TEXT or row.vr == "CS") and not row.single_value, "014": path == LABEL,
        "018": path in RANGED, "020": path in RANGED[:2], "021": path == BEGIN, "024": path in PAIRED, "026": path in PAIRED,
        "027": path[-1] == "CodeValue", "028": row.vr == "UI" and path[0] == "ReplacedProcedureStepSequence",
        "047": path == ("ProcedureStepState",), "048": path == LABEL, "049": path in THROUGH_MODELS,
        "050": path in THROUGH_MODELS, "059": path in (LABEL, NAME),
    }  # fmt: skip
    yield from (f"CC28-TMS-{number}" for number, violated in found.items() if violated)


def others_than_a_tdd(tms: Any, change: Callable[[Path, Key], Key]) -> None:
    """Change keys of queries that are not those of RO-58."""
    now = _tdd_now(tms)
    on_keys(tms, lambda here, key: key if getattr(now, "tdd", False) else change(here, key))


@defect.rows
def _rows_of_ignores() -> Iterator[Defect]:
    for path, row in _paths(attribute_rows()):
        if path in IN_EVERY_QUERY:
            continue
        name, where = dashed(path), ".".join(path)
        yield one(
            f"find-ignores-{name}", f"Finds a UPS, asked by others than a TDD, whatever the query says for {where}",
            partial(_ignores, path), *_also_ignored(path, row), case=where, subject=("keys", *path),
        )  # fmt: skip
        yield one(
            f"find-misses-{name}", f"Finds no UPS, asked by others than a TDD, by a value for {where}", partial(_misses, path),
            *_also_missed(path, row), case=where, subject=("keys", *path),
        )  # fmt: skip


def _ignores(path: Path, tms: Any) -> None:
    others_than_a_tdd(tms, lambda here, key: compares(key, None) if here == path else key)


@defect(
    "find-optional-key-nothing",
    "Finds nothing by a value of an optional key",
    "CC28-TMS-032",
    alone=True,
    given=(("SpecialNeeds",),),
)
def _misses(path: Path, tms: Any) -> None:
    others_than_a_tdd(tms, lambda here, key: compares(key, lambda value, zone: False) if here == path and key.fits else key)


# --- how values are compared ---------------------------------------------------------------------------------------------

SINGLE = ("CodeValue", "SOPInstanceUID")


def _text(here: Path, key: Key) -> bool:
    return key.fits is not None and key.vr in ("LO", "SH", "LT", "ST", "UC", "UR", "UT", "AE")


@defect(
    "find-state-ignored",
    "Finds a UPS whatever state is asked for",
    "CC28-TMS-002",
    "CC28-TMS-047",
    "CC28-TMS-056",
    "RO58-TMS-010",
    "RO60-TMS-007",
    "RO65-TMS-003",
    alone=True,
)
def _ignores_state(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, None) if here == ("ProcedureStepState",) else key)


@defect("find-long-codes-ignored", "Ignores Long and URN Code Values in a query", "CC28-TMS-003", alone=True)
def _ignores_long_codes(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, None) if here[-1] in ("LongCodeValue", "URNCodeValue") else key)


def _either(key: Key, also: Callable[[str, str], bool]) -> Key:
    fits = key.fits
    assert fits is not None
    return compares(key, lambda value, zone: fits(value, zone) or also(value, zone))


@defect("find-without-regard-to-case", "Matches all text without regard to case", "CC28-TMS-004", "CC28-TMS-013", alone=True)
def _no_case(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        fits = key.fits
        return _either(key, lambda value, zone: bool(fits and fits(value.swapcase(), zone))) if _text(here, key) else key

    on_keys(tms, change)


@defect("find-all-keys-at-once-nothing", "Finds nothing by more than 30 keys with values", "CC28-TMS-005", alone=True)
def _too_many_keys(tms: Any) -> None:
    def count(keys: Iterable[Key]) -> int:
        return sum(1 if key.fits else count(key.below or ()) for key in keys)

    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        found: tuple[Key, ...] = original(identifier)
        return tuple(compares(k, lambda v, z: False) if k.fits else k for k in found) if count(found) > 30 else found

    around(tms.worklist, "keys", keys)


@defect("find-ranges-of-text", "Takes a hyphen in text for a range", "CC28-TMS-006", alone=True)
def _text_ranges(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _text(here, key) or here[-1] in SINGLE or len(key.wanted) != 1 or len(key.wanted[0]) > 3:
            return key
        low, _, high = key.wanted[0].partition("-")
        return _either(key, lambda value, zone: bool(low and high) and low <= value[:1] <= high)

    on_keys(tms, change)


@defect("find-zero-length-is-no-value", "Takes a key of zero length for one without value in the UPS", "CC28-TMS-007", alone=True)
def _zero_length(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        return compares(key, lambda value, zone: not value) if here == ("WorklistLabel",) and key.fits is None else key

    on_keys(tms, change)


def _by_pattern(tms: Any, fits: Callable[[str, str], bool], *, only_wild: bool = True, either: bool = False) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _text(here, key) or here[-1] in SINGLE or (only_wild and not key.wild):
            return key
        wanted = key.wanted

        def compare(value: str, zone: str) -> bool:
            return any(fits(pattern, value) for pattern in wanted)

        return _either(key, compare) if either else compares(key, compare)

    on_keys(tms, change)


Wild = Mapping[str, tuple[int, int]]
ANY_NUMBER = 1 << 16  # more characters than a value has
WILD_CARDS: Wild = {"*": (0, ANY_NUMBER), "?": (1, 1)}


def _fits(pattern: str, value: str, wild: Wild) -> bool:
    # Wild cards stand for so many characters, least and most. Not a regular expression: some queries have dozens of *, and
    # that would try all the ways to match them.
    ends = {0}
    for character in pattern:
        if character in wild:
            least, most = wild[character]
            ends = {end + more for end in ends for more in range(least, min(most, len(value) - end) + 1)}
        else:
            ends = {end + 1 for end in ends if value[end : end + 1] == character}
    return len(value) in ends


@defect(
    "find-no-empty-run",
    "Takes * for one character or more",
    "CC28-TMS-011",
    alone=True,
    given=(
        "*",
        (1, ANY_NUMBER),
    ),
)
@defect(
    "find-question-mark-for-none",
    "Takes ? for one character or none",
    "CC28-TMS-012",
    alone=True,
    given=(
        "?",
        (0, 1),
    ),
)
def _pattern(wild: str, means: tuple[int, int], tms: Any) -> None:
    meanings = {**WILD_CARDS, wild: means}
    # Runs of * are one.
    _by_pattern(tms, lambda pattern, value: _fits(re.sub(r"\*+", "*", pattern), value, meanings))


@defect("find-patterns-unanchored", "Finds a pattern anywhere in a text", "CC28-TMS-012", alone=True)
def _unanchored(tms: Any) -> None:
    _by_pattern(tms, lambda pattern, value: _fits(f"*{pattern}*", value, WILD_CARDS))


@defect("find-percent-is-wild", "Takes % and _ for wild cards, as SQL does", "CC28-TMS-014", "CC28-TMS-012", alone=True)
def _like(tms: Any) -> None:
    like = {**WILD_CARDS, "%": (0, ANY_NUMBER), "_": (1, 1)}

    def fits(pattern: str, value: str) -> bool:
        # The others are left to what is right: in a code, * and ? are no wild cards.
        return ("%" in pattern or "_" in pattern) and _fits(pattern, value, like)

    _by_pattern(tms, fits, only_wild=False, either=True)


@defect("find-brackets-are-wild", "Takes brackets in patterns for a choice of characters", "CC28-TMS-014", alone=True)
def _glob(tms: Any) -> None:
    _by_pattern(tms, lambda pattern, value: fnmatch.fnmatchcase(value, pattern), either=True)


@defect("find-regular-expressions", "Takes patterns for regular expressions", "CC28-TMS-014", alone=True)
def _regular(tms: Any) -> None:
    def fits(pattern: str, value: str) -> bool:
        try:
            return re.fullmatch(pattern.replace("?", "."), value) is not None
        except re.error:
            return False

    _by_pattern(tms, fits, either=True)


@defect("find-wild-cards-in-codes", "Takes * and ? in Code Value for wild cards", "CC28-TMS-015", "RO58-TMS-013", alone=True)
def _wild_codes(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if here[-1] != "CodeValue" or key.fits is None:
            return key
        wanted = key.wanted
        return _either(key, lambda value, zone: any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted))

    on_keys(tms, change)


def _span(key: Key) -> bool:
    return key.span is not None and any("-" in one_ for one_ in key.wanted)


@defect("find-range-without-its-end", "Finds no UPS at the end of a range", "CC28-TMS-018", alone=True, given=("end",))
@defect("find-range-without-its-start", "Finds no UPS at the start of a range", "CC28-TMS-018", alone=True, given=("start",))
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


@defect("find-open-ranges-closed", "Takes a range with one end open for that one moment", "CC28-TMS-018", alone=True)
def _half_open(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.fits is None:
            return key
        low, _, high = key.wanted[0].partition("-")
        if low and high:
            return key
        return compares(key, lambda value, zone: value_start(value, key.vr, zone) == value_start(low or high, key.vr, zone))

    on_keys(tms, change)


@defect("find-ranges-by-the-day", "Takes a range of date-times for one of days", "CC28-TMS-019", "RO58-TMS-011", alone=True)
def _by_day(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.vr != "DT":
            return key
        low, _, high = key.wanted[0].partition("-")
        return compares(key, lambda value, zone: low[:8] <= value[:8] <= (high[:8] or "99999999")) if "+" not in low + high else key

    on_keys(tms, change)


@defect("find-date-times-as-text", "Compares date-times as text", "CC28-TMS-020", "CC28-TMS-021", alone=True)
def _as_text(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not _span(key) or key.vr != "DT":
            return key
        low, _, high = key.wanted[0].partition("-")
        return compares(key, lambda value, zone: low <= value and (not high or value <= high))

    on_keys(tms, change)


@defect("find-offsets-ignored", "Ignores the offset from UTC of a date-time in the query", "CC28-TMS-021", alone=True)
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


@defect("find-two-keys-of-an-item-nothing", "Finds nothing by two keys in an item", "CC28-TMS-024", alone=True)
def _two_in_an_item(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        narrowing = [below for below in key.below or () if below.narrows]
        if here[-1] in ("ReferencedRequestSequence", "ScheduledStationClassCodeSequence") and len(narrowing) > 1 and len(here) == 1:
            return replace(key, below=tuple(compares(b, lambda v, z: False) if b.fits else b for b in key.below or ()))
        return key

    on_keys(tms, change)


@defect("find-keys-of-several-items", "Finds a UPS when keys are matched by different items", "CC28-TMS-025", alone=True)
def _across_items(tms: Any) -> None:
    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        apart: list[Key] = []
        for key in original(identifier):
            narrowing = [below for below in key.below or () if below.narrows]
            if len(narrowing) > 1:
                apart += [replace(key, below=(below,)) for below in narrowing]
                key = replace(key, below=tuple(_open(below) for below in key.below or ()))
            apart.append(key)
        return tuple(apart)

    around(tms.worklist, "keys", keys)


def _open(key: Key) -> Key:
    return replace(compares(key, None), below=tuple(map(_open, key.below)) if key.below is not None else None)


@defect("find-by-code-meaning", "Matches on Code Meaning", "CC28-TMS-027", "RO58-TMS-014", alone=True)
def _by_meaning(tms: Any) -> None:
    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        found: tuple[Key, ...] = original(identifier)
        meanings = [str(e.value) for e in identifier.iterall() if e.keyword == "CodeMeaning" and e.value]
        return tuple(_meaning(key, meanings) for key in found) if meanings else found

    def _meaning(key: Key, meanings: list[str]) -> Key:
        if key.below is not None:
            return replace(key, below=tuple(_meaning(below, meanings) for below in key.below))
        return compares(key, lambda value, zone: value in meanings) if _keyword(key) == "CodeMeaning" else key

    around(tms.worklist, "keys", keys)


def _uid_list(here: Path, key: Key) -> bool:
    return key.vr == "UI" and len(key.wanted) > 1 and len(here) > 1


@defect("find-list-of-uids-nothing", "Finds nothing by a list of UIDs", "CC28-TMS-028", alone=True)
def _no_lists(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, lambda value, zone: False) if _uid_list(here, key) else key)


@defect("find-list-of-uids-everything", "Ignores a list of UIDs", "CC28-TMS-029", alone=True)
def _any_list(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, None) if _uid_list(here, key) else key)


@defect("find-uid-alone-ignored", "Returns every UPS when SOP Instance UID is the only key", "CC28-TMS-030", alone=True)
def _uid_alone(tms: Any) -> None:
    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        found: tuple[Key, ...] = original(identifier)
        return tuple(compares(key, None) for key in found) if len(found) == 1 and found[0].tag == Tag("SOPInstanceUID") else found

    around(tms.worklist, "keys", keys)


def _refuse(tms: Any, when: Callable[[Dataset], bool], status: int = 0xA900) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        if when(identifier):
            raise IdentifierError(status, "a defect")
        return original(identifier, **named)

    around(tms, "find", find)


@defect(
    "find-optional-key-fails",
    "Answers A900 to a value in an optional key",
    "CC28-TMS-032",
    "CC28-TMS-033",
    alone=True,
    given=(("SpecialNeeds",),),
)
def _refuses_key(path: Path, tms: Any) -> None:
    _refuse(tms, lambda identifier: bool(identifier.get(path[0])) and len(identifier) < MANY)


@defect("find-performed-fails", "Answers C000 to a key in the Performed Procedure Sequence", "CC28-TMS-035", alone=True)
def _performed_fails(tms: Any) -> None:
    _refuse(tms, lambda identifier: bool(identifier.get("UnifiedProcedureStepPerformedProcedureSequence")), 0xC000)


@defect("find-canceled-as-completed", "Finds a CANCELED UPS as COMPLETED", "CC28-TMS-047", "RO65-TMS-003", alone=True)
def _canceled_as_completed(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        fits = key.fits
        if here != ("ProcedureStepState",) or fits is None:
            return key
        return compares(key, lambda value, zone: fits("COMPLETED" if value == "CANCELED" else value, zone))

    on_keys(tms, change)


@defect("find-old-values", "Finds a UPS by the label that it was created with", "CC28-TMS-048", alone=True)
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
    _when_finding(tms, lambda original, keys: [old(record) for record in original(())])


@defect("find-unknown-value-is-none", "Ignores a key whose value no UPS can have", "CC28-TMS-056", alone=True)
def _unknown_is_none(tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        for keyword in ("ProcedureStepState", "ScheduledProcedureStepPriority", "InputReadinessState"):
            values = attribute_rows()[keyword].values or ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
            if identifier.get(keyword) and str(identifier[keyword].value) not in values:
                empty(identifier, keyword)
        return identifier

    on_query(tms, query)


@defect("find-query-text-as-ascii", "Reads text beyond ASCII in queries as question marks", "CC28-TMS-059", alone=True)
def _query_ascii(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        beyond = key.fits is not None and any(not wanted.isascii() for wanted in key.wanted)
        return compares(key, lambda value, zone: False) if beyond else key

    on_keys(tms, change)


@defect("find-any-text-beyond-ascii", "Finds other text beyond ASCII when the rest is alike", "CC28-TMS-060", alone=True)
def _loose_text(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if here != ("ProcedureStepLabel",) or key.fits is None or all(wanted.isascii() for wanted in key.wanted):
            return key
        first = key.wanted[0][:1]
        return compares(key, lambda value, zone: value[:1] == first)

    on_keys(tms, change)


@defect("find-timezone-is-a-key", "Takes Timezone Offset From UTC for a matching key", "CC28-TMS-063", alone=True)
def _timezone_key(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        zone = identifier.get("TimezoneOffsetFromUTC")
        return iter(()) if zone and START not in identifier else original(identifier, **named)

    around(tms, "find", find)


@defect("find-by-the-lock", "Finds a UPS by its Transaction UID", "CC28-TMS-041", alone=True)
def _by_lock(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        lock = identifier.get("TransactionUID")
        if lock and not any(record.lock == lock for record in tms.worklist.store.candidates(())):
            return iter(())
        return original(identifier, **named)

    around(tms, "find", find)


@defect("find-station-by-scheme-too", "Finds no station when Coding Scheme Designator is empty", "RO58-TMS-016", alone=True)
def _scheme_needed(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        station = identifier.get(STATION)
        lacks = station and station[0].get("CodeValue") and "CodingSchemeDesignator" in station[0]
        if asks_as_a_tdd(identifier) and lacks and not station[0].CodingSchemeDesignator:
            return iter(())
        return original(identifier, **named)

    around(tms, "find", find)


@defect("find-patient-needed", "Finds nothing when Patient ID is empty in the query of a TDD", "RO58-TMS-015", alone=True)
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
    alone=True,
    given=((STATION, "CodeValue"),),
)
@defect(
    "find-workitem-code-ignored-for-a-tdd",
    "Finds workitems of every code for a TDD",
    "RO58-TMS-012",
    alone=True,
    given=(("ScheduledWorkitemCodeSequence", "CodeValue"),),
)
def _ignored_key_for_tdd(path: Path, tms: Any) -> None:
    now = _tdd_now(tms)
    on_keys(tms, lambda here, key: compares(key, None) if here == path and getattr(now, "tdd", False) else key)


@defect(
    "find-nothing-through-pull-alone",
    "Finds nothing for a TDD on an association with UPS Pull alone",
    "CC31-TMS-009",
    "NEG-TMS-014",
    alone=True,
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
    alone=True,
    given=("PatientID",),
)
@defect(
    "find-uid-ignored-by-a-tdd",
    "Ignores SOP Instance UID in the query of a TDD",
    "RO58-TMS-018",
    alone=True,
    given=("SOPInstanceUID",),
)
def _ignored_for_tdd(keyword: str, tms: Any) -> None:
    def query(identifier: Dataset) -> Dataset:
        if asks_as_a_tdd(identifier):
            empty(identifier, keyword)
        return identifier

    on_query(tms, query)


# --- what a response holds -----------------------------------------------------------------------------------------------


# Return keys of type 3, and what a response is known by.
NOT_IN_RESPONSES = (
    "SpecificCharacterSet", "TransactionUID", "SOPInstanceUID", "CommentsOnTheScheduledProcedureStep",
    "UnifiedProcedureStepPerformedProcedureSequence",
)  # fmt: skip


@defect.rows
def _rows_of_each() -> Iterator[Defect]:
    yield one(
        "find-zero-length-without-value",
        "Returns Procedure Step Label without value",
        partial(_each, lambda r, i: empty(r, "ProcedureStepLabel") if not asks_as_a_tdd(i) and len(i) < MANY else None),
        "CC28-TMS-008",
    )
    yield one(
        "find-lock-when-asked",
        "Returns the Transaction UID to who asks for it",
        partial(_each, partial(_with_lock, asked=True)),
        "CC28-TMS-040",
        "RO58-TMS-020",
    )
    yield one(
        "find-lock-always",
        "Returns a Transaction UID with every response",
        partial(_each, partial(_with_lock, asked=False)),
        "CC28-TMS-038",
        "CC28-TMS-040",
        "RO58-TMS-006",
        "RO58-TMS-020",
        "RO58-TMS-162",
    )
    yield one(
        "find-without-character-set",
        "Names no Specific Character Set in responses",
        partial(_each, lambda r, i: drop(left_undeclared(r), "SpecificCharacterSet")),
        "CC28-TMS-061",
        "RO58-TMS-021",
        alone=True,
    )


def _each(how: Callable[[Dataset, Dataset], None], tms: Any) -> None:
    def changed(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        for response in responses:
            response._tms = tms
            how(response, identifier)
            yield response

    on_find_responses(tms, changed)


@defect.rows
def _rows_of_edit_everything() -> Iterator[Defect]:
    for keyword in [k for k, r in attribute_rows().items() if r.create in ("1", "2", "special") and k not in NOT_IN_RESPONSES]:
        yield one(
            f"find-everything-without-{dashed((keyword,))}", f"Leaves {keyword} out when a query asks for every attribute",
            partial(_edit_everything, keyword), "CC28-TMS-037", case=keyword,
        )  # fmt: skip


def _edit_everything(keyword: str, tms: Any) -> None:
    _each(lambda response, identifier: drop(response, keyword) if len(identifier) > MANY else None, tms)


@defect("find-empty-sequence-key-nothing", "Returns no items for an empty sequence key", "CC28-TMS-009")
def _no_whole_sequences(tms: Any) -> None:
    def no_items(response: Dataset, identifier: Dataset) -> None:
        for element in identifier:
            whole = element.VR == "SQ" and not any(len(item) for item in element.value or ())
            if (
                whole
                and element.keyword.startswith("ScheduledStation")
                and not asks_as_a_tdd(identifier)
                and len(identifier) < MANY
            ):
                empty(response, element.keyword)

    _each(no_items, tms)


@defect("find-with-more", "Returns Comments with every response, asked for or not", "CC28-TMS-038", "RO58-TMS-006", through=_each)
def _with_comments(response: Dataset, identifier: Dataset) -> None:
    if "CommentsOnTheScheduledProcedureStep" not in identifier:
        response.CommentsOnTheScheduledProcedureStep = "Unasked"


@defect(
    "find-with-more-in-items",
    "Returns whole items when some of their attributes are asked for",
    "CC28-TMS-038",
    "CC28-TMS-026",
    "RO58-TMS-006",
)
def _whole_items(tms: Any) -> None:
    def more(response: Dataset, identifier: Dataset) -> None:
        for element in identifier:
            if element.VR == "SQ" and any(len(item) for item in element.value or ()):
                for item in response.get(element.keyword) or ():
                    if "CodeMeaning" not in element.value[0]:
                        item.CodeMeaning = "Unasked"

    _each(more, tms)


def _with_lock(response: Dataset, identifier: Dataset, asked: bool) -> None:
    if ("TransactionUID" in identifier) or not asked:
        response.TransactionUID = ANOTHER


@defect(
    "find-class-as-negotiated",
    "Returns in SOP Class UID the class that the query came through",
    "CC28-TMS-039",
    "CC31-TMS-004",
    "RO58-TMS-101",
    through=_each,
)
def _negotiated_class(response: Dataset, identifier: Dataset) -> None:
    if "SOPClassUID" in response:
        response.SOPClassUID = UPS.PULL


@defect("find-trial-class", "Returns the trial UPS class in SOP Class UID to a TDD", "RO58-TMS-101", "RO58-TMS-024", through=_each)
def _trial(response: Dataset, identifier: Dataset) -> None:
    if "SOPClassUID" in response and asks_as_a_tdd(identifier):
        response.SOPClassUID = f"{TRIAL}3"


@defect("find-empty-character-set", "Sends an empty Specific Character Set", "CC28-TMS-045", through=_each)
def _empty_set(response: Dataset, identifier: Dataset) -> None:
    if len(identifier) > MANY:
        left_undeclared(response).SpecificCharacterSet = None


@defect("find-first-item-only", "Returns of a sequence the first item only", "CC28-TMS-009", through=_each)
def _first_items(response: Dataset, identifier: Dataset) -> None:
    for element in response:
        if element.VR == "SQ" and element.keyword.startswith("ScheduledStation") and not asks_as_a_tdd(identifier):
            element.value = element.value[:1]


@defect("find-matching-items-missing", "Returns the items of a sequence that do not match", "CC28-TMS-026", through=_each)
def _other_items(response: Dataset, identifier: Dataset) -> None:
    for element in identifier:
        wanted = [item.get("AccessionNumber") for item in element.value or ()] if element.VR == "SQ" else []
        if element.keyword == "ReferencedRequestSequence" and any(wanted) and response.get(element.keyword):
            for item in response[element.keyword].value:
                if item.get("AccessionNumber") in wanted:
                    item.AccessionNumber = "Acc-9"


@defect("find-labels-mixed", "Returns the label of another UPS", "CC28-TMS-053")
def _mixed_labels(tms: Any) -> None:
    def mixed(responses: Iterator[Dataset], identifier: Dataset) -> Iterator[Dataset]:
        kept = list(responses)
        labels = [one_.get("ProcedureStepLabel") for one_ in kept]
        for response, label in zip(kept, labels[1:] + labels[:1], strict=True):
            if label is not None and len(kept) > 10:
                response.ProcedureStepLabel = label
            yield response

    on_find_responses(tms, mixed)


@defect(
    "find-start-as-people-write-it-for-a-tdd",
    "Returns Scheduled Procedure Step Start DateTime to a TDD as 2026-11-29T12:00:00",
    "RO58-TMS-026",
    subject=("find", "ScheduledProcedureStepStartDateTime"),
    through=_each,
)
def _start_as_people_write_it(response: Dataset, identifier: Dataset) -> None:
    there = value_start(str(response.get(START) or ""), "DT")
    if there is not None and asks_as_a_tdd(identifier):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom sees it, too
            response[START] = DataElement(response[START].tag, "DT", f"{there.astimezone():%Y-%m-%dT%H:%M:%S}")


@defect(
    "find-inputs-first-only-for-a-tdd",
    "Returns the first input only to a TDD",
    "RO58-TMS-023",
    "RO58-TMS-148",
    "RO58-TMS-150",
    alone=True,
    through=_each,
)
def _first_input(response: Dataset, identifier: Dataset) -> None:
    if asks_as_a_tdd(identifier) and response.get("InputInformationSequence"):
        response.InputInformationSequence = list(response.InputInformationSequence)[:1]


def _parameter(response: Dataset, code: str) -> Iterator[Dataset]:
    for item in response.get("ScheduledProcessingParametersSequence") or ():
        if any(name.get("CodeValue") == code for name in item.get("ConceptNameCodeSequence") or ()):
            yield item


@defect(
    "ro58-start-other-of-two",
    "Tells a TDD TREATMENT for CONTINUATION, and the other way round",
    "RO58-TMS-141",
    subject=("find", "ScheduledProcessingParametersSequence", "TextValue"),
    through=_each,
)
def _other_start(response: Dataset, identifier: Dataset) -> None:
    if asks_as_a_tdd(identifier):
        for item in _parameter(response, "121740"):
            item.TextValue = {"TREATMENT": "CONTINUATION"}.get(item.TextValue, "TREATMENT")


@defect(
    "ro58-plan-of-another",
    "Names another plan, of the same class, in answers to a TDD",
    "RO58-TMS-160",
    "RO58-TMS-023",
    subject=("find", "InputInformationSequence", "ReferencedSOPSequence", "ReferencedSOPInstanceUID"),
    through=_each,
)
def _other_plan(response: Dataset, identifier: Dataset) -> None:
    from ..profile.paths import parse_path

    if asks_as_a_tdd(identifier):
        path = "InputInformationSequence[class RTPlanStorage].ReferencedSOPSequence.ReferencedSOPInstanceUID"
        edit(response, parse_path(path), lambda item, keyword: setattr(item, keyword, ANOTHER))


# --- how a query goes ----------------------------------------------------------------------------------------------------


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
    alone=True,
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
    alone=True,
)
def _nothing_fails_for_tdd(tms: Any) -> None:
    _or_fail(tms, asks_as_a_tdd)


def _tdd_now(tms: Any) -> threading.local:
    """Return a note of whether this thread answers the query of a TDD."""
    now = threading.local()

    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        now.tdd = asks_as_a_tdd(identifier)
        return original(identifier, **named)

    around(tms, "find", find)
    return now


@defect("find-ends-with-failure-for-a-tdd", "Ends the query of a TDD, after all matches, with A700", "RO58-TMS-001", alone=True)
def _ends_with_failure(tms: Any) -> None:
    now = _tdd_now(tms)

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == SUCCESS and getattr(now, "tdd", False):
            set_command(message.command_set, Status=0xA700)

    on_responses(tms, C_FIND, sent)


@defect("find-undecodable-for-a-tdd", "Sends identifiers to a TDD that cannot be decoded", "RO58-TMS-025", alone=True)
def _cut_short(tms: Any) -> None:
    from io import BytesIO

    now = _tdd_now(tms)

    def sent(message: Any, association: Any) -> None:
        if message.command_set.Status == PENDING and getattr(now, "tdd", False):
            # A sequence of undefined length that is none: what follows is no item.
            implicit = bool(association._accepted_cx[message.context_id].transfer_syntax[0].is_implicit_VR)
            head = b"\x08\x00\x10\x11" + (b"" if implicit else b"SQ\0\0") + b"\xff\xff\xff\xff"
            message.data_set = BytesIO(head + message.data_set.getvalue())

    on_responses(tms, C_FIND, sent)


@defect("find-nothing-for-a-tdd", "Returns nothing to a TDD", "RO58-TMS-003", alone=True)
def _nothing_for_tdd(tms: Any) -> None:
    def find(original: Around, identifier: Dataset, **named: Any) -> Any:
        return iter(()) if asks_as_a_tdd(identifier) else original(identifier, **named)

    around(tms, "find", find)


@defect("find-only-empty-keys-fails", "Answers A900 to a query with no key but empty ones", "CC28-TMS-010")
def _empty_keys_fail(tms: Any) -> None:
    _refuse(tms, lambda identifier: all(element.is_empty for element in identifier))


@defect("find-everything-fails", "Answers C000 to a query for every attribute", "CC28-TMS-036", alone=True)
def _everything_fails(tms: Any) -> None:
    _refuse(tms, lambda identifier: len(identifier) > MANY, 0xC000)


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


@defect("find-nothing-in-explicit-vr", "Finds nothing when asked in Explicit VR", "NEG-TMS-014", alone=True, given=(False,))
def _transfer_syntax(implicit: bool, tms: Any) -> None:
    def find(original: Around, identifier: Dataset, implicit_vr: bool) -> Any:
        return iter(()) if implicit_vr is implicit else original(identifier, implicit_vr=implicit_vr)

    around(tms, "find", find)

"""Defects of how C-FIND compares text: case, wild cards, codes [CC.2.8, PS3.4 C.2.2.2]."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydicom.dataset import Dataset

from ..ups.matching import Key
from .hooks import Around, around
from .queries import Path, compares, on_keys
from .tms import defect

SINGLE = ("CodeValue", "SOPInstanceUID")


def is_text(here: Path, key: Key) -> bool:
    """Whether a key is compared as text."""
    return key.fits is not None and key.vr in ("LO", "SH", "LT", "ST", "UC", "UR", "UT", "AE")


@defect("find-long-codes-ignored", "Ignores Long and URN Code Values in a query", "CC28-TMS-003")
def _ignores_long_codes(tms: Any) -> None:
    on_keys(tms, lambda here, key: compares(key, None) if here[-1] in ("LongCodeValue", "URNCodeValue") else key)


def _either(key: Key, also: Callable[[str, str], bool]) -> Key:
    fits = key.fits
    assert fits is not None
    return compares(key, lambda value, zone: fits(value, zone) or also(value, zone))


@defect("find-without-regard-to-case", "Matches all text without regard to case", "CC28-TMS-004", "CC28-TMS-013")
def _no_case(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        fits = key.fits
        return _either(key, lambda value, zone: bool(fits and fits(value.swapcase(), zone))) if is_text(here, key) else key

    on_keys(tms, change)


@defect("find-all-keys-at-once-nothing", "Finds nothing by more than 30 keys with values", "CC28-TMS-005")
def _too_many_keys(tms: Any) -> None:
    def count(keys: Iterable[Key]) -> int:
        return sum(1 if key.fits else count(key.below or ()) for key in keys)

    def keys(original: Around, identifier: Dataset) -> tuple[Key, ...]:
        found: tuple[Key, ...] = original(identifier)
        return tuple(compares(k, lambda v, z: False) if k.fits else k for k in found) if count(found) > 30 else found

    around(tms.worklist, "keys", keys)


@defect("find-ranges-of-text", "Takes a hyphen in text for a range", "CC28-TMS-006")
def _text_ranges(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if not is_text(here, key) or here[-1] in SINGLE or len(key.wanted) != 1 or len(key.wanted[0]) > 3:
            return key
        low, _, high = key.wanted[0].partition("-")
        return _either(key, lambda value, zone: bool(low and high) and low <= value[:1] <= high)

    on_keys(tms, change)


@defect("find-zero-length-is-no-value", "Takes a key of zero length for one without value in the UPS", "CC28-TMS-007")
def _zero_length(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        return compares(key, lambda value, zone: not value) if here == ("WorklistLabel",) and key.fits is None else key

    on_keys(tms, change)


def _by_pattern(tms: Any, fits: Callable[[str, str], bool], *, only_wild: bool = True, either: bool = False) -> None:
    def change(here: Path, key: Key) -> Key:
        if not is_text(here, key) or here[-1] in SINGLE or (only_wild and not key.wild):
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
    given=(
        "*",
        (1, ANY_NUMBER),
    ),
)
@defect(
    "find-question-mark-for-none",
    "Takes ? for one character or none",
    "CC28-TMS-012",
    given=(
        "?",
        (0, 1),
    ),
)
def _pattern(wild: str, means: tuple[int, int], tms: Any) -> None:
    meanings = {**WILD_CARDS, wild: means}
    # Runs of * are one.
    _by_pattern(tms, lambda pattern, value: _fits(re.sub(r"\*+", "*", pattern), value, meanings))


@defect("find-patterns-unanchored", "Finds a pattern anywhere in a text", "CC28-TMS-012")
def _unanchored(tms: Any) -> None:
    _by_pattern(tms, lambda pattern, value: _fits(f"*{pattern}*", value, WILD_CARDS))


@defect("find-percent-is-wild", "Takes % and _ for wild cards, as SQL does", "CC28-TMS-014", "CC28-TMS-012")
def _like(tms: Any) -> None:
    like = {**WILD_CARDS, "%": (0, ANY_NUMBER), "_": (1, 1)}

    def fits(pattern: str, value: str) -> bool:
        # The others are left to what is right: in a code, * and ? are no wild cards.
        return ("%" in pattern or "_" in pattern) and _fits(pattern, value, like)

    _by_pattern(tms, fits, only_wild=False, either=True)


@defect("find-brackets-are-wild", "Takes brackets in patterns for a choice of characters", "CC28-TMS-014")
def _glob(tms: Any) -> None:
    _by_pattern(tms, lambda pattern, value: fnmatch.fnmatchcase(value, pattern), either=True)


@defect("find-regular-expressions", "Takes patterns for regular expressions", "CC28-TMS-014")
def _regular(tms: Any) -> None:
    def fits(pattern: str, value: str) -> bool:
        try:
            return re.fullmatch(pattern.replace("?", "."), value) is not None
        except re.error:
            return False

    _by_pattern(tms, fits, either=True)


@defect("find-wild-cards-in-codes", "Takes * and ? in Code Value for wild cards", "CC28-TMS-015", "RO58-TMS-013")
def _wild_codes(tms: Any) -> None:
    def change(here: Path, key: Key) -> Key:
        if here[-1] != "CodeValue" or key.fits is None:
            return key
        wanted = key.wanted
        return _either(key, lambda value, zone: any(fnmatch.fnmatchcase(value, pattern) for pattern in wanted))

    on_keys(tms, change)

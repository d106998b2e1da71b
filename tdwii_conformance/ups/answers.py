"""Response identifiers of a worklist, as they are sent: encoded where they can be, with zone and character set [CC.2.8.1.3.2]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from .matching import TIMES, Key, match, respond
from .records import Kept, Record

__all__ = ["name_character_set", "responses"]


def responses(keys: Sequence[Key], candidates: Sequence[Record], implicit_vr: bool | None) -> Iterator[Dataset]:
    """Yield the response identifier of each candidate that matches.

    Parameters
    ----------
    keys : sequence of Key
        The keys of the query.
    candidates : sequence of Record
        The UPS that may match.
    implicit_vr : bool or None
        As of `Worklist.find`.
    """
    narrowing = [key for key in keys if key.narrows]
    timed = any(key.vr in (*TIMES, "SQ") for key in keys)
    for record in candidates:
        zone = record.zone
        if not match(narrowing, record.attributes, zone):
            continue
        if implicit_vr is None:
            response = respond(keys, record.attributes, zone)
        else:
            response = respond(keys, record.attributes, zone, partial(record.kept, implicit_vr=implicit_vr))
        if zone and timed:
            response.TimezoneOffsetFromUTC = zone
        name_character_set(response, record)
        if implicit_vr is not None:
            # So that pydicom writes the encoded elements as they are.
            response.set_original_encoding(implicit_vr, True, response._character_set)
        yield response


def name_character_set(response: Dataset, record: Record) -> Dataset:
    """Say which character set a response needs, if it needs one [CC.2.7.2, CC.2.8.1.3.2]; return the response."""
    if record.character_set and _beyond_ascii(response):
        response.SpecificCharacterSet = record.character_set
    return response


def _beyond_ascii(dataset: Dataset) -> bool:
    for element in dataset.elements():
        if isinstance(element, Kept):
            if not element.in_ascii:
                return True
        elif isinstance(element, RawDataElement):
            if element.value and not element.value.isascii():
                return True
        elif element.VR == "SQ":
            if any(_beyond_ascii(item) for item in element.value or ()):
                return True
        elif not str(element.value).isascii():
            return True
    return False

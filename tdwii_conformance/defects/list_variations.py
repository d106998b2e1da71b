"""Variations of what a TMS makes of attributes, keys and classes that a request need not, or must not, name."""

from __future__ import annotations

from typing import Any

from pydicom.tag import Tag

from ..ups import Outcome
from .hooks import Around, around
from .variations import variation

__all__: list[str] = []

RESERVED = (0x0000, 0x0002, 0x0004)


@variation("get-of-reserved-groups-refused", "Refuses N-GET of an element that no data set has", "PS3.7 10.1.2")
def _reserved_refused(tms: Any) -> None:
    def get(original: Around, event: Any) -> Outcome:
        reserved = any(Tag(tag).group in RESERVED for tag in event.attribute_identifiers or ())
        return Outcome(0x0110) if reserved else original(event)

    around(tms, "get", get)

"""Data sets of others, as far as they can be shown: one value that violates its VR hides no other value."""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..dcmdump.dicom import whole
from ..profile.representations import resolved, vr_of_element
from ..transcript.exchange import Exchange, Message

__all__ = ["as_json", "identifiers", "plain_numbers", "readable", "softened"]


def readable(message: Message | None) -> Dataset | None:
    """Return the data set of a message, its bad values as text; ``None`` if there is none, or if its bytes are none."""
    if message is None or message.encoded is None:
        return None
    if message.dataset is not None:
        return message.dataset
    try:
        return softened(whole(message.encoded, message.transfer_syntax))
    except Exception:  # whatever a peer's bytes make pydicom raise
        return None


def identifiers(exchange: Exchange) -> list[Dataset]:
    """Return the matches of a C-FIND, as `readable` does."""
    return [dataset for message in exchange.pending if (dataset := readable(message)) is not None]


def softened(dataset: Dataset) -> Dataset:
    """Have a data set give text for its bad values, where pydicom raises; return it."""
    for tag in sorted(resolved(dataset).keys()):
        read = dataset.get_item(tag)
        try:
            element = dataset[tag]
        except Exception:  # whatever a peer's bytes make pydicom raise
            vr = vr_of_element(read)
            if vr == "SQ":
                raise
            dataset[tag] = DataElement(tag, vr, _text(read.value), already_converted=True)
        else:
            for item in element.value or () if element.VR == "SQ" else ():
                softened(item)
    return dataset


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace").strip(" \0") if isinstance(value, bytes) else str(value)


def as_json(dataset: Dataset) -> dict[str, Any]:
    """Return a data set in the DICOM JSON model [PS3.18 F.2], in JSON that every program reads: a bad value is a string.

    So are numbers that JSON does not have: ``NaN``, ``Infinity``, ``-Infinity``.
    """
    softened(dataset)
    told: dict[str, Any] = {}
    for element in dataset:
        key = f"{element.tag:08X}"
        if element.VR == "SQ":
            told[key] = {"vr": "SQ", "Value": [as_json(item) for item in element.value or ()]}
            continue
        try:
            told[key] = plain_numbers(element.to_json_dict(None, 1024))
        except Exception:  # it has a value that violates its VR
            values = element.value if isinstance(element.value, (list, tuple)) else [element.value]
            told[key] = {"vr": str(element.VR), "Value": [_text(one) for one in values]}
    return told


def plain_numbers(value: Any) -> Any:
    """Return what JSON can say, with the numbers that it has not as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain_numbers(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_numbers(one) for one in value]
    return value

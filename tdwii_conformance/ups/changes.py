"""What a change to a UPS brings with it: date-times in its zone, what a cancellation needs [CC.2.2.3, CC.2.6]."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from .datasets import merged, without
from .events import PROGRESS, progress_item
from .matching import strings
from .store import Record
from .times import is_offset

__all__ = ["cancellation_filled_in", "in_zone_of", "unspecified_reason", "with_attributes"]

# What the SCP gives as reason when it cancels on a request that gives none [PS3.16 CID 9300].
UNSPECIFIED_REASON = ("110513", "DCM", "Discontinued for unspecified reason")


def in_zone_of(record: Record, modification: Dataset) -> Dataset:
    """Return a modification with its date-times meant as in the UPS: a UPS has one Timezone Offset From UTC."""
    zone = str(modification.get("TimezoneOffsetFromUTC") or "")
    if not is_offset(zone) or zone == record.zone:
        return modification
    for element in modification.iterall():
        if element.VR == "DT" and not element.is_empty:
            values = [value if is_offset(value[-5:]) else value + zone for value in strings(element)]
            element.value = values if len(values) > 1 else values[0]
    return without(modification, ("TimezoneOffsetFromUTC",))


def cancellation_filled_in(attributes: Dataset, timestamp: str, *reasons: Dataset) -> Dataset:
    """Return the attributes with what CANCELED needs and the SCP fills in [CC.2.2.3, CC.2.5.1.3]."""
    progress = merged(with_attributes(ProcedureStepCancellationDateTime=timestamp), *reasons, progress_item(attributes))
    if not progress.get("ProcedureStepCancellationDateTime"):
        progress.ProcedureStepCancellationDateTime = timestamp
    return merged(attributes, with_attributes(**{PROGRESS: [progress]}))


def with_attributes(**attributes: Any) -> Dataset:
    """Return a data set with these attributes, by keyword."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def unspecified_reason() -> Dataset:
    """Return the discontinuation reason that is given where there is none."""
    value, scheme, meaning = UNSPECIFIED_REASON
    reason = with_attributes(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
    return with_attributes(ProcedureStepDiscontinuationReasonCodeSequence=[reason])

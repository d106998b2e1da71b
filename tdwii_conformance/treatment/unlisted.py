"""Attributes that no UPS has, to be listed in a request beside those that it has."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from .messages import item

__all__ = ["KINDS", "NO_UPS_HAS", "add"]

UNDEFINED = Tag(0x0040, 0xFFFE)  # in no dictionary
# Their tags lie before, between and after those of a UPS.
KINDS = ("of-no-ups", "undefined", "misplaced", "private", "private-sequence")
# By keyword; private and undefined ones have none. The last one is of the progress, and stands in an item of it.
NO_UPS_HAS = ("", "PixelSpacing", "ProcedureStepProgress")


def add(dataset: Dataset, kind: str) -> Dataset:
    """Add an attribute that no UPS has, or not there, to a data set; return that.

    Parameters
    ----------
    dataset : Dataset
        Attribute list of an N-CREATE, modification list, action information or identifier.
    kind : str
        One of `KINDS`.
    """
    if kind == "of-no-ups":
        dataset.PixelSpacing = ["1.5", "2.5"]
    elif kind == "undefined":
        dataset.add_new(UNDEFINED, "UN", b"NOBODY")
    elif kind == "misplaced":
        dataset.ProcedureStepProgress = "77"
    elif kind in ("private", "private-sequence"):
        block = dataset.private_block(0x0099, "TDW-II CONFORMANCE", create=True)
        if kind == "private":
            block.add_new(0x01, "LO", "Private text")
        else:
            block.add_new(0x02, "SQ", [item(CodeMeaning="Private item")])
    else:
        raise ValueError(f"unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    return dataset

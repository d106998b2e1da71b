"""The value representation (VR) of an element: as the data dictionary has it [PS3.6], and one where it has several."""

from __future__ import annotations

from functools import lru_cache

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

__all__ = ["resolved", "vr_of", "vr_of_element"]


@lru_cache(maxsize=4096)  # peers may name any tag
def vr_of(tag: BaseTag, otherwise: str = "") -> str:
    """Return the VR that the data dictionary has for a tag, or another if it has none."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return otherwise


def vr_of_element(element: DataElement | RawDataElement, otherwise: str = "UN") -> str:
    """Return the VR that an element came with, else that of the data dictionary, or another if it has none."""
    return vr_of(element.tag, otherwise) if element.VR is None else str(element.VR)


def resolved(dataset: Dataset) -> Dataset:
    """Give each element one VR, where PS3.6 has several and the bytes do not say which; return the data set, its items untouched.

    A UPS has no such attribute, but a peer may send any. What decides is Pixel Representation [PS3.5 A.1], which is seldom there;
    pydicom takes some as they are, and can then not send them on, and fails at others.
    """
    for element in [*dataset.values()]:  # as they came: `elements` reads an empty one, and may fail
        vr = vr_of_element(element)
        if " or " in vr:
            numbers = "SS" if dataset.get("PixelRepresentation") == 1 else "US"
            one = numbers if "SS" in vr else "OW"
            if isinstance(element, RawDataElement):
                dataset[element.tag] = element._replace(VR=one)
            else:
                dataset[element.tag] = DataElement(element.tag, one, element.value, already_converted=True)
    return dataset

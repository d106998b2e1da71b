"""Data sets as the UPS model keeps them: decoded, independent of any character set, and never changed once they are kept."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import PersonName

from ..profile import character_sets as character_sets  # makes all of them known

__all__ = ["character_set", "character_set_of", "merged", "named_character_set", "picked", "plain", "without"]

SPECIFIC_CHARACTER_SET = 0x00080005


def plain(dataset: Dataset) -> Dataset:
    """Return a copy, decoded to the last item and without Specific Character Set: its text is Python's.

    Raises
    ------
    Exception
        Whatever pydicom raises for bytes that no value can be made of.
    """
    copy = Dataset()
    for element in dataset:
        if element.tag == SPECIFIC_CHARACTER_SET:
            continue
        if element.VR == "SQ":
            items = Sequence([plain(item) for item in element.value or ()])
            copy[element.tag] = DataElement(element.tag, "SQ", items, already_converted=True)
        elif element.is_empty:
            # There are two ways to say so; equal data sets shall be equal.
            copy[element.tag] = DataElement(element.tag, element.VR, element.empty_value)
        elif element.VR == "PN":
            # Of text with an encoding that has every character: a name remembers how it was first encoded.
            names = [_name(str(name)) for name in (element.value if element.VM > 1 else [element.value])]
            copy[element.tag] = DataElement(element.tag, "PN", names if len(names) > 1 else names[0], already_converted=True)
        elif element.VM > 1:
            copy[element.tag] = DataElement(element.tag, element.VR, list(element.value))
        else:
            copy[element.tag] = DataElement(element.tag, element.VR, element.value, already_converted=True)
    return copy


def _name(text: str) -> PersonName:
    return PersonName(text, ["utf8"], text.encode())


def without(dataset: Dataset, keywords: Iterable[str]) -> Dataset:
    """Take attributes out of a data set; return it."""
    for keyword in keywords:
        if keyword in dataset:
            delattr(dataset, keyword)
    return dataset


def merged(*datasets: Dataset) -> Dataset:
    """Return a new data set with the elements of all, shared with them; of equal tags the last one's."""
    union = Dataset()
    for dataset in datasets:
        union.update({element.tag: element for element in dataset})
    return union


def picked(dataset: Dataset, keywords: Iterable[str]) -> Dataset:
    """Return a new data set with some of the elements, as far as they are there."""
    return merged(*(_alone(dataset[keyword]) for keyword in keywords if keyword in dataset))


def _alone(element: DataElement) -> Dataset:
    alone = Dataset()
    alone[element.tag] = element
    return alone


def character_set(dataset: Dataset) -> str:
    """Return the Specific Character Set that the text of a data set needs; empty for the default repertoire."""
    return character_set_of("".join(str(element.value) for element in dataset.iterall() if element.VR != "SQ"))


def character_set_of(text: str) -> str:
    """Return the Specific Character Set that a text needs: none, ISO_IR 100, else ISO_IR 192 [PS3.3 C.12.1.1.2]."""
    if text.isascii():
        return ""
    # ISO 8859-1 has no characters from 80 to 9F, which Python's Latin 1 takes for control characters.
    return "ISO_IR 192" if any(c > "\xff" or "\x80" <= c < "\xa0" for c in text) else "ISO_IR 100"


def named_character_set(dataset: Dataset) -> Dataset:
    """Return a data set, or a copy of it that says which character set it needs."""
    if needed := character_set(dataset):
        dataset = merged(dataset)
        dataset.SpecificCharacterSet = needed
    return dataset

"""Data sets as the UPS model keeps them: decoded, independent of any character set, and never changed once they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import PersonName

from ..profile import character_sets as character_sets  # makes all of them known
from ..profile.representations import resolved, vr_of

__all__ = ["character_set", "character_set_of", "merged", "named_character_set", "picked", "plain", "without"]

SPECIFIC_CHARACTER_SET = 0x00080005
READS_ASCII = frozenset({"iso8859", "latin_1", "UTF8", "utf8"})  # as pydicom calls them
ONE_TEXT = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UT"})


def plain(dataset: Dataset) -> Dataset:
    """Return a copy, decoded to the last item and without Specific Character Set: its text is Python's.

    Raises
    ------
    Exception
        Whatever pydicom raises for bytes that no value can be made of.
    """
    found: dict[BaseTag, DataElement | RawDataElement] = {}
    as_ascii = _reads_ascii(dataset)
    for element in resolved(dataset).elements():
        if element.tag == SPECIFIC_CHARACTER_SET:
            continue
        quickly = _of_ascii(element) if as_ascii and isinstance(element, RawDataElement) else None
        found[element.tag] = quickly or _plain(dataset[element.tag])
    return Dataset(found)


def _plain(element: DataElement) -> DataElement:
    if element.VR == "SQ":
        return DataElement(element.tag, "SQ", Sequence([plain(item) for item in element.value or ()]), already_converted=True)
    if element.is_empty:
        # There are two ways to say so; equal data sets shall be equal.
        return DataElement(element.tag, element.VR, element.empty_value)
    if element.VR == "PN":
        # Of text with an encoding that has every character: a name remembers how it was first encoded.
        names = [_name(str(name)) for name in (element.value if element.VM > 1 else [element.value])]
        return DataElement(element.tag, "PN", names if len(names) > 1 else names[0], already_converted=True)
    if element.VM > 1:
        return DataElement(element.tag, element.VR, list(element.value))
    return DataElement(element.tag, element.VR, element.value, already_converted=True)


def _reads_ascii(dataset: Dataset) -> bool:
    """Whether bytes that are ASCII are the characters of ASCII in a data set; in ISO_IR 13, say, a few are not."""
    encodings = dataset._character_set
    return all(one in READS_ASCII for one in ([encodings] if isinstance(encodings, str) else encodings))


def _of_ascii(element: RawDataElement) -> DataElement | None:
    """Decode one value of ASCII text, in a fifth of pydicom's time; ``None`` for all else, which is left to pydicom."""
    octets = element.value
    if not octets or not octets.isascii() or b"\\" in octets or b"\x1b" in octets:
        return None
    vr = element.VR or vr_of(element.tag)
    text = octets.decode("ascii")
    value: Any = text.strip() if vr == "AE" else text.rstrip(" \0")
    if vr not in ONE_TEXT or not value:
        return None
    if vr == "UI":
        value = UID(value, config.IGNORE)  # what is wrong with it is said by who looks for that
    elif vr == "PN":
        if "=" in value:
            return None
        value = _name(value)
    return DataElement(element.tag, vr, value, already_converted=True)


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

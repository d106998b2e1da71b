"""Text that leaves: every data set we send says which characters it has [PS3.3 C.12.1.1.2], and none of them changes.

`declared` is applied to whatever an association of ours sends: by `Link` to requests, by `Server` to what its handlers answer,
so that nobody else has to think of it. What came from elsewhere and was never decoded is handed on as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, encode_string
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, TEXT_VR_DELIMS, PersonName
from pynetdicom import evt

from ..profile.representations import vr_of_element
from ..ups.datasets import character_set_of

__all__ = ["declared", "declaring", "left_undeclared"]

SPECIFIC_CHARACTER_SET = 0x00080005
CODED = frozenset(map(str, CUSTOMIZABLE_CHARSET_VR))
SURROGATE = re.compile("[\ud800-\udfff]")  # how Python keeps the bytes of an argument that it cannot decode
KATAKANA = frozenset(map(chr, range(0xFF61, 0xFFA0))) | {"\N{YEN SIGN}", "\N{OVERLINE}"}  # of ISO_IR 13, beside ASCII


def declared(dataset: Dataset) -> Dataset:
    """Return a data set that names the characters that its text has.

    Parameters
    ----------
    dataset : Dataset
        It is left as it is.

    Returns
    -------
    Dataset
        The same one if its text can be sent as it says it is: nothing but the default repertoire, or what its Specific
        Character Set (0008,0005) names, items included. Otherwise a copy with ISO_IR 100, or ISO_IR 192 where that does not do.

    Raises
    ------
    ValueError
        If a text has what is no character: bytes that Python could not decode when it was given to the program.
    """
    if getattr(dataset, "sent_as_it_is", False) or _sound(dataset, [default_encoding]):
        return dataset
    copy = _decoded(dataset)
    for element in copy.iterall():
        if element.VR in CODED and any(SURROGATE.search(text) for text in _values(element)):
            raise ValueError(
                f"{element.keyword or element.tag}: {str(element.value)!r} has bytes that are no text in the encoding of this"
                " terminal: give it in UTF-8"
            )
    if needed := character_set_of("".join(_texts(copy))):
        copy.SpecificCharacterSet = needed
    if hasattr(dataset, "file_meta"):
        copy.file_meta = dataset.file_meta
    implicit, little = dataset.original_encoding
    copy.set_original_encoding(implicit, little, copy._character_set)
    return copy


def left_undeclared(dataset: Dataset) -> Dataset:
    """Have a data set sent as it is, whatever it declares: for those who are to do it wrong. Return it."""
    dataset.sent_as_it_is = True
    return dataset


def declaring(kind: Any, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler of an event of pynetdicom that answers what `handler` does, its data sets declared.

    Parameters
    ----------
    kind : pynetdicom.evt.NotificationEvent or InterventionEvent
        Its event; only answers of the latter are sent.
    handler : callable
        A function that returns an answer, or a generator of answers.
    """
    if not isinstance(kind, evt.InterventionEvent):
        return handler

    def handle(*arguments: Any) -> Any:
        answer = handler(*arguments)
        return _each(answer) if isinstance(answer, Iterator) else _answer(answer)

    return handle


def _each(answers: Iterator[Any]) -> Iterator[Any]:
    for answer in answers:
        yield _answer(answer)


def _answer(answer: Any) -> Any:
    """Declare the data set of a status and a data set; everything else pynetdicom takes stays as it is."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        return answer
    status, dataset = answer
    if isinstance(status, Dataset) and not str(status.get("ErrorComment") or "").isascii():
        # A command set has no Specific Character Set.
        status.ErrorComment = str(status.ErrorComment).encode("ascii", "replace").decode()
    return status, declared(dataset) if isinstance(dataset, Dataset) else dataset


def _encodings(dataset: Dataset, inherited: list[str]) -> list[str]:
    """Return the Python encodings that a data set, or an item in one, says its text is in."""
    if SPECIFIC_CHARACTER_SET not in dataset:
        return inherited
    try:
        return convert_encodings(dataset[SPECIFIC_CHARACTER_SET].value or default_encoding)
    except LookupError:  # names none that there is
        return [default_encoding]


def _sound(dataset: Dataset, inherited: list[str]) -> bool:
    """Whether all text of a data set is in the character sets that hold for it."""
    encodings = _encodings(dataset, inherited)
    original = dataset.original_character_set
    as_read = not original or ([original] if isinstance(original, str) else list(original)) == encodings
    for element in dataset.values():
        if isinstance(element, RawDataElement):
            # Bytes that were read; they go out as they are, and are right if they are called what they were called.
            if not as_read and vr_of_element(element) in CODED | {"SQ"} and element.value and not _default(element.value):
                return False
        elif (vr := str(element.VR)) == "SQ":
            if not all(_sound(item, encodings) for item in element.value or ()):
                return False
        elif vr in CODED and not all(_encodable(text, encodings) for text in _values(element)):
            return False
    return True


def _default(value: bytes) -> bool:
    return value.isascii() and b"\x1b" not in value


def _values(element: DataElement) -> list[str]:
    value = element.value
    if value is None:
        return []
    return [str(value)] if isinstance(value, (str, PersonName)) else [str(one) for one in value]


def _encodable(text: str, encodings: list[str]) -> bool:
    """Whether pydicom makes bytes of a text from which everybody gets that text back."""
    if text.isascii():
        return True
    if not all(any(_in(character, encoding) for encoding in encodings) for character in set(text)):
        return False
    try:
        return decode_bytes(encode_string(text, encodings), encodings, TEXT_VR_DELIMS) == text
    except (UnicodeError, LookupError):
        return False


def _in(character: str, encoding: str) -> bool:
    if character.isascii():
        return True
    if encoding == default_encoding:  # Latin 1 for pydicom; the default repertoire is ASCII [PS3.5 6.1.2.1]
        return False
    if encoding == "shift_jis":
        return character in KATAKANA
    if encoding == "latin_1" and character < "\xa0":
        return False
    try:
        character.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _texts(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        if element.VR in CODED:
            yield from _values(element)


def _decoded(dataset: Dataset) -> Dataset:
    """Return a copy without Specific Character Set, its text decoded, everything else as it is."""
    copy = Dataset()
    for element in dataset.values():
        if element.tag == SPECIFIC_CHARACTER_SET:
            continue
        vr = vr_of_element(element)
        if isinstance(element, RawDataElement) and (vr in CODED or vr == "SQ"):
            encoding = dataset.original_character_set or dataset._character_set
            element = convert_raw_data_element(element, encoding=encoding, ds=dataset)
        if isinstance(element, DataElement) and vr == "SQ":
            items = DataElement(element.tag, "SQ", Sequence([_decoded(item) for item in element.value or ()]))
            items.is_undefined_length = element.is_undefined_length
            element = items
        elif isinstance(element, DataElement) and vr == "PN" and not element.is_empty:
            # Of text with an encoding that has every character: a name remembers how it was first encoded.
            names = [PersonName(text, ["utf8"], text.encode()) for text in _values(element)]
            element = DataElement(element.tag, "PN", names if len(names) > 1 else names[0], already_converted=True)
        copy[element.tag] = element
    return copy

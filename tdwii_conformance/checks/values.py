"""Values that are not written as their value representation has it [PS3.5 6.2, 6.2.1, 9.1], by the bytes as they travelled.

What is doubtful is none: private attributes, value representations that are not known, text in characters that are not named.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.charset import decode_bytes, default_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import TEXT_VR_DELIMS

from ..dcmdump.coding import CODED_TEXT, ONE_VALUE, character_encodings
from ..profile.representations import vr_of_element
from ..transcript.exchange import Exchange, Message, read_raw
from ..ups.times import is_value
from .attributes import shown
from .findings import Finding

__all__ = ["illegal_answers", "illegal_values"]

SPECIFIC_CHARACTER_SET = 0x00080005
SIZES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}  # bytes of one value
TIMES = ("DA", "TM", "DT")
LINES = ("ST", "LT", "UT")  # text of several lines
MOST = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240}  # characters; spaces around them may be padding
OF_A_GROUP, GROUPS, COMPONENTS = 64, 3, 5  # of a person's name: characters, component groups, components of each
CONTROL, CONTROL_IN_LINES = re.compile("[\0-\x1a\x1c-\x1f]"), re.compile("[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")
MEANT = re.compile(r'[*?"]')  # what has a meaning in a key, and need not be legal in its VR [PS3.4 C.2.2.2]
INTEGERS = range(-(2**31), 2**31)


@dataclass(frozen=True)
class _Form:
    """How a value in ASCII is written: a pattern, and how many bytes it has at most."""

    pattern: re.Pattern[str]
    most: int
    words: str


FORMS = {
    "AE": _Form(re.compile(r"[ -\[\]-~]*"), 16, "AE title: at most 16 characters of ASCII, no backslash"),
    "AS": _Form(re.compile(r"[0-9]{3}[DWMY]"), 4, "age (AS): three digits and D, W, M or Y"),
    "CS": _Form(re.compile(r"[A-Z0-9 _]*"), 16, "code string (CS): at most 16 of A to Z, 0 to 9, space and _"),
    "DS": _Form(
        re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([Ee][+-]?[0-9]+)?"), 16, "decimal string (DS): a number of at most 16 bytes"
    ),
    "IS": _Form(re.compile(r"[+-]?[0-9]+"), 12, "integer string (IS): a whole number of at most 12 bytes and 32 bits"),
    "UI": _Form(
        re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*"), 64, "UID: at most 64 digits and dots, padded with one NUL if need be"
    ),
    "UR": _Form(re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*"), 2**32, "URI (UR): characters of RFC 3986 alone"),
}


def illegal_answers(exchange: Exchange) -> list[Finding]:
    """Return what is wrong with the values in the answers of a system; dates and times have a requirement of their own."""
    several = len(exchange.responses) > 1
    found = []
    for number, message in enumerate(exchange.responses, 1):
        found += illegal_values(message, f"response {number}: " if several else "", times=False)
    return found


def illegal_values(message: Message, path: str = "", *, key: bool = False, times: bool = True) -> list[Finding]:
    """Return the values of a message that are not written as their VR has it; each once.

    Parameters
    ----------
    message : Message
        A message, with a data set or without.
    path : str
        Where it is.
    key : bool
        Whether its values are keys of a query: what has a meaning there, ranges and lengths are no fault.
    times : bool
        Whether dates and times are looked at.
    """
    if message.encoded is None or message.undecodable:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's words about what it reads
        read = read_raw(message.encoded, message.transfer_syntax)
        return list(dict.fromkeys(_below(read, path, None, key=key, times=times and not key)))


def _below(dataset: Dataset, path: str, charset: list[str] | None, *, key: bool, times: bool) -> Iterator[Finding]:
    named = dataset.get(SPECIFIC_CHARACTER_SET)
    if named is not None and not named.is_empty:
        charset = character_encodings(named.value if isinstance(named.value, str) else list(named.value))
    for element in [*dataset.values()]:
        vr = vr_of_element(element, "")
        here = f"{path}{keyword_for_tag(element.tag) or element.tag}"
        if element.tag.is_private or element.tag.element == 0:
            continue
        if vr == "SQ":
            for index, item in enumerate(dataset[element.tag].value or ()):
                yield from _below(item, f"{here}[{index}].", charset, key=key, times=times)
        elif isinstance(element, RawDataElement) and element.value and (times or vr not in TIMES):
            for value, expected in _wrong(vr, bytes(element.value), charset, key=key):
                yield Finding(expected, f"value {shown(value)}", here)


def _wrong(vr: str, octets: bytes, charset: list[str] | None, *, key: bool) -> Iterable[tuple[str, str]]:
    """Return values, with what they should be."""
    if vr in SIZES:
        one = SIZES[vr]
        return [(octets.hex(" "), f"{vr}: {one} bytes for each value")] if len(octets) % one else []
    if vr in FORMS:
        return _forms(vr, octets.decode("latin-1"), key=key)
    if vr in TIMES:
        values = octets.decode("latin-1").split("\\")
        return [(value, f"a value of {vr}") for value in values if value.strip() and not is_value(value.rstrip(" "), vr)]
    return _texts(vr, octets, charset, key=key) if vr in CODED_TEXT else []


def _forms(vr: str, text: str, *, key: bool) -> Iterator[tuple[str, str]]:
    form = FORMS[vr]
    if vr == "UI":
        text = text.removesuffix("\0")
    for value in [text] if vr in ONE_VALUE else text.split("\\"):
        bare = value if vr == "UI" else value.rstrip(" ") if vr == "UR" else value.strip(" ")
        if not bare.strip("\0 ") or (key and MEANT.search(bare)):
            continue
        right = form.pattern.fullmatch(bare) is not None and (key or len(bare) <= form.most)
        if not right or (vr == "IS" and int(bare) not in INTEGERS):
            yield value, form.words


def _texts(vr: str, octets: bytes, charset: list[str] | None, *, key: bool) -> Iterator[tuple[str, str]]:
    known = charset is not None and set(charset) != {default_encoding}
    if not known and (not octets.isascii() or b"\x1b" in octets):
        return  # which characters they are is not named, which has a requirement of its own
    text = decode_bytes(octets, charset or [default_encoding], TEXT_VR_DELIMS)
    if "\ufffd" in text:
        return
    control = CONTROL_IN_LINES if vr in LINES else CONTROL
    for value in [text] if vr in ONE_VALUE else text.split("\\"):
        bare = value.strip(" ")
        if control.search(bare):
            yield value, f"{vr}: no control characters; a space as padding"
        elif not key and len(bare) > MOST.get(vr, len(bare)):
            yield value, f"{vr}: at most {MOST[vr]} characters"
        elif vr == "PN" and not key:
            yield from ((value, expected) for expected in _names(bare))


def _names(value: str) -> Iterator[str]:
    groups = value.split("=")
    if len(groups) > GROUPS:
        yield f"PN: at most {GROUPS} component groups"
    if any(len(group.strip(" ")) > OF_A_GROUP for group in groups):
        yield f"PN: at most {OF_A_GROUP} characters in a component group"
    if any(group.count("^") >= COMPONENTS for group in groups):
        yield f"PN: at most {COMPONENTS} components in a component group"

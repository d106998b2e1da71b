"""Reads dcmdump text to a data set, as DCMTK's ``dump2dcm`` does, and says the line of what it cannot read.

A line is a tag, a VR (optional where the dictionary knows it) and a value; the rest of it, from ``#``, is a comment.
The value of a text given as bytes is in the Specific Character Set that the text itself names, as DCMTK has it: a data
set is read as if ``dump2dcm`` had written it and pydicom had read the file. The values of a text given as `str` are
text, and are encoded in that character set.

Stricter than ``dump2dcm`` where that would make another data set than was meant, without a word: a value cut short or
not loaded by ``dcmdump``, a number out of the range of its VR, a VR that is none, a tag given twice.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from .coding import Problem, text_bytes
from .uid_names import uid_of
from .values import ONE_TAG, encoded, hexadecimal, shown
from .write import GROUP_2, HEXADECIMAL_ONLY, LINES, NUMBERS

__all__ = ["DumpError", "parse"]

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
SPECIFIC_CHARACTER_SET = 0x00080005
DEEPEST = 100  # sequences in sequences: no data set needs as many, and pydicom writes them by recursion

FROM_FILES = {"OB", "OW", "OD", "OF", "OL", "OV", "UN"}
KNOWN_VRS = {str(vr) for vr in VR if len(vr) == 2}
# What the dictionary leaves open, for a line without a VR.
OPEN_VRS = {"US or SS": "US", "US or OW": "OW", "US or SS or OW": "OW", "OB or OW": "OW"}

# DCMTK allows white space anywhere in a tag. A VR ends where its two letters end: "(0008,0005) ISO_IR 100" has none.
TAG_AND_VR = re.compile(
    r"[ \t]*\(([0-9A-Fa-f \t]+),([0-9A-Fa-f \t]+)\)[ \t]*(?:([A-Z]{2}|na|pi|up|ox|xs|px|lt|\?\?)(?![A-Za-z0-9_.:]))?[ \t]*"
)
# What `write` says above a value in hexadecimal: the VR it has.
IN_HEXADECIMAL = re.compile(r"#[ \t]*\(([0-9a-f]{4}),([0-9a-f]{4})\) ([A-Z]{2}) is .*" + HEXADECIMAL_ONLY)
WHITE = " \t\r\f\v\n"
COUNTS = r"[ \t]*#[ \t]*\d+,[ \t]*\d+ .+$"  # what dcmdump writes behind a value: length, multiplicity, name
CUT = re.compile(r".*\.\.\." + COUNTS)
CLOSED = re.compile(r".*\]" + COUNTS)


class DumpError(ValueError):
    """A dcmdump text that is none.

    Attributes
    ----------
    name : str
        The name of the text: that of its file.
    line : int
        The line that is wrong, from 1.
    problem : str
        What is wrong, and what would be right.
    """

    def __init__(self, name: str, line: int, problem: str) -> None:
        super().__init__(f"{name}, line {line}: {problem}")
        self.name = name
        self.line = line
        self.problem = problem


@dataclass(slots=True)
class _Item:
    line: int
    undefined: bool = False
    elements: dict[int, _Element] = field(default_factory=dict)


@dataclass(slots=True)
class _Element:
    line: int
    vr: str
    value: bytes | str = b""  # a str is text to be encoded
    items: list[_Item] | None = None
    fragments: list[bytes] | None = None
    undefined: bool = False


def parse(text: str | bytes, *, name: str = "<text>", folder: Path | None = None) -> Dataset:
    """Read dcmdump text.

    Parameters
    ----------
    text : str or bytes
        The text. As bytes, its values are in the Specific Character Set it names, as DCMTK reads and writes it; as a
        `str`, they are text, encoded here in that character set.
    name : str
        What the text is called in errors.
    folder : pathlib.Path, optional
        Where the files of ``=filename`` values are, the only thing read from a disk. Without it there can be none.

    Returns
    -------
    pydicom.dataset.Dataset
        With ``file_meta`` when the text has elements of group 0002.

    Raises
    ------
    DumpError
        With the name and the line, if the text is not one that makes a data set.
    """
    raw = isinstance(text, bytes)
    characters = text.decode("latin-1") if isinstance(text, bytes) else text
    reader = _Reader(name, folder, raw=raw)
    reader.read(characters.split("\n"))
    if not reader.dataset.elements and not reader.meta.elements:
        raise DumpError(name, 1, "there is no data element in it, a line like (0010,0020) LO [P1]")
    dataset = reader.build(reader.dataset, Dataset(), default_encoding)
    if reader.meta.elements:
        dataset.file_meta = FileMetaDataset()
        reader.build(reader.meta, dataset.file_meta, default_encoding)
    return dataset


class _Reader:
    """The state of reading one text: what is open, and what was read."""

    def __init__(self, name: str, folder: Path | None, *, raw: bool) -> None:
        self.name = name
        self.folder = folder
        self.raw = raw
        self.meta = _Item(line=1)
        self.dataset = _Item(line=1)
        # The data set, then by turns an open sequence (or pixel sequence) and an open item of it.
        self.open: list[_Item | _Element] = [self.dataset]
        self.hexadecimal: tuple[int, str] | None = None  # tag and VR of the value in the next line

    def read(self, lines: list[str]) -> None:
        number = 0
        while number < len(lines):
            first = number + 1
            line = lines[number].rstrip(WHITE)
            number += 1
            start = line.lstrip(WHITE)
            if not start or start.startswith("#"):
                said = IN_HEXADECIMAL.fullmatch(start)
                self.hexadecimal = (_tag(said), said[3]) if said and said[3] in KNOWN_VRS else None
                continue
            try:
                match = TAG_AND_VR.match(line)
                if match is None:
                    raise Problem(f"{shown(start)} does not begin with a tag, like (0010,0020)")
                rest = line[match.end() :]
                if rest.startswith("[") and _goes_on(rest, lines, number):
                    rest, number = _over_lines(lines[first - 1][match.end() :], lines, number)
                self._line(first, _tag(match), match[3], rest)
                self.hexadecimal = None
            except Problem as problem:
                raise DumpError(self.name, first, str(problem)) from None
        if len(self.open) > 1:
            raise DumpError(self.name, self.open[-1].line, _unended(self.open[-1]))

    def _line(self, line: int, tag: int, given_vr: str | None, rest: str) -> None:
        top = self.open[-1]
        if tag == ITEM:
            self._item(line, top, rest)
        elif tag == ITEM_END:
            if not isinstance(top, _Item) or len(self.open) == 1:
                raise Problem("an item ends here, and none is open")
            self.open.pop()
        elif tag == SEQUENCE_END:
            if not isinstance(top, _Element):
                raise Problem(
                    "a sequence ends here, and none is open"
                    if len(self.open) == 1
                    else f"a sequence ends here, and its item of line {top.line} is still open; (fffe,e00d) ends an item"
                )
            self.open.pop()
        else:
            self._element(line, top, tag, given_vr, rest)

    def _item(self, line: int, top: _Item | _Element, rest: str) -> None:
        if isinstance(top, _Item):
            raise Problem(
                "an item begins here, and no sequence is open"
                if len(self.open) == 1
                else f"an item begins here, and the item of line {top.line} is still open; (fffe,e00d) ends an item"
            )
        if top.fragments is not None:
            said = _said(rest, "OB")
            top.fragments.append(self._file(said[1:]) if said.startswith("=") else hexadecimal(said, 2, "a byte"))
            return
        item = _Item(line, undefined=rest.startswith("(Item with undefined length"))
        assert top.items is not None
        top.items.append(item)
        self.open.append(item)

    def _element(self, line: int, top: _Item | _Element, tag: int, given_vr: str | None, rest: str) -> None:
        if not isinstance(top, _Item):
            raise Problem(f"{_named(tag)} stands in the sequence of line {top.line} without an item; (fffe,e000) begins an item")
        if tag >> 16 == GROUP_2:
            if len(self.open) > 1:
                raise Problem(f"{_named(tag)} is file meta information, and stands in a sequence")
            top = self.meta
        if tag in top.elements:
            raise Problem(f"{_named(tag)} is given twice, first in line {top.elements[tag].line}")
        vr = _vr(tag, given_vr, rest)
        element = _Element(line, vr)
        if vr == "SQ":
            if not rest.startswith(("(", "#")) and rest:
                raise Problem(f"{_named(tag)} is a sequence and has no value; its items follow, each in lines of its own")
            element.items, element.undefined = [], rest.startswith("(Sequence with undefined length")
        elif tag == PIXEL_DATA and rest.startswith("(PixelSequence"):
            element.fragments, element.undefined = [], True
        else:
            try:
                element.value = self._value(_said(rest, vr), vr)
            except Problem as problem:
                raise Problem(f"{_named(tag)} {vr}: {problem}") from None
        if vr == "UN" and self.hexadecimal is not None and self.hexadecimal[0] == tag:
            element.vr = self.hexadecimal[1]
        top.elements[tag] = element
        if element.items is not None or element.fragments is not None:
            if len(self.open) > 2 * DEEPEST:
                raise Problem(f"sequences are nested more than {DEEPEST} deep")
            self.open.append(element)

    def _value(self, said: str, vr: str) -> bytes | str:
        if said.startswith("=") and vr == "UI":
            uid = uid_of(said[1:])
            if uid is None:
                raise Problem(f"no UID has the name {said[1:]!r}; [1.2.3] gives a UID by its number")
            said = uid
        elif said.startswith("=") and vr in FROM_FILES:
            return self._file(said[1:])
        return encoded(said, vr, raw=self.raw)

    def _file(self, filename: str) -> bytes:
        if self.folder is None:
            raise Problem(f"={filename} names a file, and this text has no folder to look in")
        # DCMTK takes both for the separator of the system.
        path = self.folder / filename.replace("\\", "/")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Problem(f"={filename} names a file: {path}: {error.strerror}") from None
        return content + b"\0" * (len(content) % 2)

    def build(self, item: _Item, dataset: Dataset, encodings: str | list[str]) -> Dataset:
        """Make the data set of an item whose lines are all read: only now is its character set known."""
        charset = item.elements.get(SPECIFIC_CHARACTER_SET)
        if charset is not None and charset.value:
            value = charset.value if isinstance(charset.value, str) else charset.value.decode("latin-1")
            try:
                encodings = convert_encodings([one.strip() for one in value.split("\\")])
            except LookupError as error:
                raise DumpError(self.name, charset.line, f"Specific Character Set: {error}") from None
        dataset.set_original_encoding(False, True, encodings)
        # The character set first: pydicom converts private elements when they are set.
        for number in sorted(item.elements, key=lambda number: (number != SPECIFIC_CHARACTER_SET, number)):
            read, tag = item.elements[number], BaseTag(number)
            try:
                dataset[tag] = self._built(read, tag, dataset, encodings)
            except Problem as problem:
                raise DumpError(self.name, read.line, f"{_named(tag)} {read.vr}: {problem}") from None
        return dataset

    def _built(self, read: _Element, tag: BaseTag, dataset: Dataset, encodings: str | list[str]) -> DataElement | RawDataElement:
        if read.items is not None:
            items = []
            for one in read.items:
                item = self.build(one, Dataset(parent_encoding=encodings), encodings)
                item.is_undefined_length_sequence_item = one.undefined
                items.append(item)
            sequence = DataElement(tag, "SQ", Sequence(items))
            sequence.is_undefined_length = read.undefined
            return sequence
        if read.fragments is not None:
            pixels = DataElement(tag, "OB", _pixel_sequence(read.fragments))
            pixels.is_undefined_length = True
            return pixels
        value = read.value
        if isinstance(value, str):
            value = text_bytes(value, tag, read.vr, encodings)
        raw = RawDataElement(tag, read.vr, len(value), value, 0, False, True)
        if read.vr == "UN":  # which pydicom reads by its dictionary, and refuses when it is first looked at
            try:
                convert_raw_data_element(raw, encoding=encodings, ds=dataset)
            except Exception as error:  # whatever pydicom makes of it, here the line is known, and later it is not
                raise Problem(f"the bytes are none that {_named(tag)} can have ({error})") from None
        return raw


def _goes_on(rest: str, lines: list[str], number: int) -> bool:
    """Whether a value has line ends in it, as ``dcmdump`` prints them: the next line is no beginning of one."""
    if "]" not in rest:
        return True
    if number == len(lines) or CLOSED.fullmatch(rest):
        return False
    following = lines[number].strip(WHITE)
    return bool(following) and not following.startswith("#") and TAG_AND_VR.match(following) is None


def _over_lines(rest: str, lines: list[str], number: int) -> tuple[str, int]:
    """Join the lines of a value, up to the line with what ``dcmdump`` prints behind one; ``dump2dcm`` cannot."""
    if CUT.fullmatch(rest.rstrip(WHITE)):
        raise Problem("the value is cut short; dcmdump +L prints whole values")
    for end in range(number, len(lines)):
        line = lines[end].rstrip(WHITE)
        if TAG_AND_VR.match(line):
            break
        if CLOSED.fullmatch(line):
            return "\n".join([rest, *lines[number:end], line]), end + 1
    if "]" in rest:
        return rest, number
    raise Problem("a value that begins with [ has no ] at its end")


def _tag(match: re.Match[str]) -> int:
    group, element = ("".join(match[n].split()) for n in (1, 2))
    if not (0 < len(group) <= 4 and 0 < len(element) <= 4):
        raise Problem(f"({match[1]},{match[2]}) is no tag, which is four and four hexadecimal digits")
    return int(group, 16) << 16 | int(element, 16)


def _vr(tag: int, given: str | None, rest: str) -> str:
    if given in KNOWN_VRS:
        return given
    if given is not None and given.isupper():
        raise Problem(f"{given} is no VR")
    # Not given, or one of DCMTK's own: "??" for what it does not know, "xs" and "ox" for what the dictionary leaves open.
    if tag & 0xFFFF == 0:
        return "UL"  # a group length
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"  # a private creator
    try:
        known = dictionary_VR(tag)
    except KeyError:
        return "UN"
    if known == "US or SS" and rest.startswith("-"):
        return "SS"
    return OPEN_VRS.get(known, known)


def _said(rest: str, vr: str) -> str:
    """Return the value that a line says, without brackets and comment; an empty one when it says none."""
    if not rest or rest.startswith("#"):
        return ""
    if rest.startswith("["):
        # The last bracket, whatever stands before it. "\\n" is how dump2dcm knows a line end; where the VR allows none, it
        # is the delimiter and an n, as in [one\\no two] from dcmdump, and dump2dcm reads that wrong.
        said = rest[1 : rest.rindex("]")]
        return said.replace("\\n", "\r\n") if vr in LINES else said
    if rest.startswith("(") and not (vr == "AT" and ONE_TAG.match(rest.replace(" ", ""))):
        if rest.startswith("(no value available)"):
            return ""
        if rest.startswith("(not loaded)"):
            raise Problem("dcmdump did not load the value; dcmdump +M does")
        raise Problem(f"{shown(rest)} is no value; text that begins with ( stands in [ ]")
    if rest.startswith("<"):
        raise Problem(f"{shown(rest)} is no value; text that begins with < stands in [ ], and =name names a file")
    said = rest.partition("#")[0].rstrip(WHITE)
    if said.endswith("...") and (vr in FROM_FILES or vr in NUMBERS or vr == "AT"):
        raise Problem("the value is cut short; dcmdump +L prints whole values")
    return said


def _pixel_sequence(fragments: list[bytes]) -> bytes:
    """Put fragments into items; the delimiter behind them is written by pydicom [PS3.5 A.4]."""
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(fragment)) + fragment for fragment in fragments)


def _unended(open_: _Item | _Element) -> str:
    if isinstance(open_, _Item):
        return "the item that begins here is not ended; (fffe,e00d) na ends an item"
    return "the sequence that begins here is not ended; (fffe,e0dd) na ends a sequence"


def _named(tag: int) -> str:
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"

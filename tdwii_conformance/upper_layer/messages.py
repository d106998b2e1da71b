"""PDV fragments as DIMSE messages: command sets, and the data sets that follow them [PS3.7 6.3, PS3.8 annex E]."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field
from datetime import datetime

from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from ..profile.representations import vr_of
from ..transcript.exchange import Message
from .malformation import SHOWN, Malformation, Topic

__all__ = ["NO_DATA_SET", "Assembler", "Fragment"]

NO_DATA_SET = 0x0101  # Command Data Set Type of a message without one [PS3.7 E.1]
# A command set is some hundred bytes; more than this is no command set, and not kept.
LONGEST_COMMAND = 1 << 20


@dataclass(frozen=True)
class Fragment:
    """A PDV: a piece of a command set or of a data set.

    Parameters
    ----------
    context : int
        Presentation Context ID.
    command : bool
        Whether it is of a command set.
    last : bool
        Whether it is the last of it.
    octets : bytes
        The piece.
    offset : int
        Where the PDV begins on the connection.
    """

    context: int
    command: bool
    last: bool
    octets: bytes
    offset: int


@dataclass
class _Pending:
    context: int
    offset: int
    command: Dataset
    data: bytearray = field(default_factory=bytearray)


class Assembler:
    """Puts the fragments of one direction together to messages.

    Attributes
    ----------
    malformations : list of Malformation
        What was wrong so far.
    """

    def __init__(self) -> None:
        self.malformations: list[Malformation] = []
        self._command = bytearray()
        self._began: Fragment | None = None
        self._pending: _Pending | None = None
        self._skipped = False
        self._last: tuple[bytes, dict[BaseTag, DataElement | RawDataElement]] = b"", {}  # command set without fault, and decoded

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._began is not None or self._pending is not None

    def feed(self, fragment: Fragment, transfer_syntax: str, time: datetime) -> tuple[int, Message] | None:
        """Take a fragment; return the message that it completes, and the id of its presentation context.

        Parameters
        ----------
        fragment : Fragment
            In the order in which they came.
        transfer_syntax : str
            UID of what was accepted for its presentation context.
        time : datetime.datetime
            When it came.
        """
        if len(fragment.octets) % 2:
            self._wrong(fragment, f"a fragment of {len(fragment.octets)} bytes", "an even number", "PS3.8 E.1", "fragments")
        elif not fragment.octets:
            self._wrong(fragment, "a PDV without a fragment", "none that is empty", "PS3.8 E.1", "fragments")
        if fragment.command:
            return self._command_fragment(fragment, transfer_syntax, time)
        return self._data_fragment(fragment, transfer_syntax, time)

    def _command_fragment(self, fragment: Fragment, transfer_syntax: str, time: datetime) -> tuple[int, Message] | None:
        if self._pending is not None:
            self._wrong(
                fragment,
                "a command set where the data set of the message before has not ended",
                "its last fragment first",
                "PS3.8 E.1",
                "fragments",
            )
            self._pending = None
        if self._began is None:
            self._began = fragment
        elif self._began.context != fragment.context:
            self._wrong(fragment, "a message in two presentation contexts", "all fragments in one", "PS3.8 E.1", "fragments")
        if len(self._command) + len(fragment.octets) > LONGEST_COMMAND:
            self._wrong(fragment, f"a command set of more than {LONGEST_COMMAND} bytes", "a command set", "PS3.7 6.3", "command")
            self._command.clear()
            self._began = None
            return None
        self._command += fragment.octets
        if not fragment.last:
            return None
        began, octets = self._began, bytes(self._command)
        self._skipped = False
        self._command.clear()
        self._began = None
        command = self._decode(octets, began)
        if "CommandDataSetType" not in command:
            what = "a command set without Command Data Set Type"
            self._wrong(began, what, "(0000,0800)", "PS3.7 9.3, 10.3", "elements", octets)
        if "CommandField" not in command or "CommandDataSetType" not in command:
            self._skipped = True  # it is no message, and so is a data set that may follow
            return None
        if command.CommandDataSetType != NO_DATA_SET:
            self._pending = _Pending(fragment.context, began.offset, command)
            return None
        return fragment.context, Message(command, time, None, transfer_syntax)

    def _data_fragment(self, fragment: Fragment, transfer_syntax: str, time: datetime) -> tuple[int, Message] | None:
        if self._began is not None:
            self._wrong(
                fragment,
                "a data set where the command set has not ended",
                "the last fragment of the command set first",
                "PS3.8 E.1",
                "fragments",
            )
            self._command.clear()
            self._began = None
            return None
        if self._pending is None and self._skipped:
            return None
        if self._pending is None:
            self._wrong(
                fragment,
                "a data set that no command set has announced",
                "Command Data Set Type other than 0101H before",
                "PS3.7 6.3.1",
                "data-set",
            )
            return None
        if self._pending.context != fragment.context:
            self._wrong(fragment, "a message in two presentation contexts", "all fragments in one", "PS3.8 E.1", "fragments")
        self._pending.data += fragment.octets
        if not fragment.last:
            return None
        pending, self._pending = self._pending, None
        return pending.context, Message(pending.command, time, bytes(pending.data), transfer_syntax)

    def _decode(self, octets: bytes, began: Fragment) -> Dataset:
        """Decode a command set, element by element, leaving out what cannot be read."""
        if octets == self._last[0]:
            return Dataset(dict(self._last[1]))  # responses to a query are alike
        before = len(self.malformations)
        found: dict[BaseTag, DataElement | RawDataElement] = {}
        at, last = 0, -1
        while at < len(octets):
            if len(octets) - at < 8:
                self._unreadable(began, "a command set that ends within an element", "whole elements", octets[at:])
                break
            group, element, length = struct.unpack_from("<HHI", octets, at)
            tag = group << 16 | element
            if group != 0:
                self._unreadable(began, f"({group:04X},{element:04X}) in a command set", "elements of group 0000", octets[at:])
                break
            if at + 8 + length > len(octets):
                what = f"(0000,{element:04X}) of {length} bytes where {len(octets) - at - 8} are left"
                self._unreadable(began, what, "lengths that fit", octets[at:])
                break
            if tag <= last:
                what = f"(0000,{element:04X}) after (0000,{last & 0xFFFF:04X})"
                self._unreadable(began, what, "ascending tags, each once", octets[at:])
            last = max(last, tag)
            self._element(found, BaseTag(tag), octets[at + 8 : at + 8 + length], began)
            at += 8 + length
        command = Dataset(found)
        if "CommandField" not in command:
            self._wrong(began, "a command set without Command Field", "(0000,0100)", "PS3.7 9.3, 10.3", "elements", octets)
        if "CommandGroupLength" not in command:
            self._unreadable(began, "a command set without Command Group Length", "(0000,0000)", octets)
        elif command.CommandGroupLength != len(octets) - 12:
            what = f"Command Group Length {command.CommandGroupLength} before {len(octets) - 12} bytes"
            self._unreadable(began, what, "the number of bytes that follow it", octets)
        if len(self.malformations) == before:
            self._last = octets, dict(found)
        return command

    def _element(self, into: dict[BaseTag, DataElement | RawDataElement], tag: BaseTag, octets: bytes, began: Fragment) -> None:
        if len(octets) % 2:
            self._unreadable(began, f"(0000,{tag.element:04X}) of {len(octets)} bytes", "an even number", octets)
        try:
            into[tag] = _element(tag, octets)
        except Exception as error:  # whatever pydicom makes of a peer's bytes
            what = f"(0000,{tag.element:04X}) that cannot be read: {error}"
            self._wrong(began, what, "a value of its VR", "PS3.7 E.1", "command", octets)

    def _unreadable(self, began: Fragment, what: str, expected: str, octets: bytes) -> None:
        self._wrong(began, what, expected, "PS3.7 6.3.1", "command", octets)

    def _wrong(self, fragment: Fragment, what: str, expected: str, source: str, topic: Topic, octets: bytes | None = None) -> None:
        shown = fragment.octets if octets is None else octets
        self.malformations.append(Malformation(fragment.offset, what, expected, source, bytes(shown[:SHOWN]), topic))


NUMBERS = {"US": 2, "UL": 4}  # their lengths


def _element(tag: BaseTag, octets: bytes) -> DataElement:
    """Return an element of a command set; those that most messages have without pydicom, which takes ten times as long."""
    vr = vr_of(tag)
    if NUMBERS.get(vr) == len(octets):
        return DataElement(tag, vr, int.from_bytes(octets, "little"), already_converted=True)
    if vr == "UI" and b"\\" not in octets:
        return DataElement(tag, vr, UID(octets.decode("ascii").rstrip("\0 ")), already_converted=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's words about values; what is wrong is said
        element = convert_raw_data_element(RawDataElement(tag, None, len(octets), octets, 0, True, True))
    if vr in NUMBERS and not isinstance(element.value, int):
        raise ValueError(f"{element.value!r} is not one number")
    return element

"""What was seen on the wire: messages, exchanges and transcripts, and how they are kept in files. No network here.

An *Exchange* is one DIMSE operation as an observer sees it: who asked whom, under which presentation context, the
request, every response, and how it ended. Data sets are kept as the bytes that travelled, so that a judgement can be
repeated later on exactly what came, and decoded when somebody looks.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, overload

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..profile import character_sets as character_sets  # makes all of them known
from ..profile.representations import resolved

__all__ = ["Exchange", "Message", "Transcript", "TranscriptError", "decode", "exchange_from_json", "exchange_to_json", "read_raw"]

PENDING = (0xFF00, 0xFF01)
SOP_INSTANCE_UID = 0x00080018
UNDEFINED = 0xFFFFFFFF  # length [PS3.5 7.1.1]


class TranscriptError(ValueError):
    """A transcript file cannot be read; the message names file, line and reason."""


def read_raw(encoded: bytes, transfer_syntax: str) -> Dataset:
    """Read a data set as `decode` does, its values left as they travelled until somebody asks for them."""
    uid = UID(transfer_syntax)
    if uid == DeflatedExplicitVRLittleEndian:
        encoded = zlib.decompress(encoded, -zlib.MAX_WBITS)
    return read_dataset(BytesIO(encoded), uid.is_implicit_VR, uid.is_little_endian, bytelength=len(encoded))


def _read_values(dataset: Dataset) -> None:
    for element in resolved(dataset):
        for item in element.value or () if element.VR == "SQ" else ():
            _read_values(item)


def decode(encoded: bytes, transfer_syntax: str) -> Dataset:
    """Decode a data set that travelled without file meta information.

    Parameters
    ----------
    encoded : bytes
        The data set's bytes.
    transfer_syntax : str
        UID of the transfer syntax negotiated for them.

    Returns
    -------
    pydicom.dataset.Dataset
        Decoded down to the last nested item, so that nothing can fail later.

    Raises
    ------
    Exception
        Whatever pydicom raises for bytes that are no data set; ValueError for those that it reads all the same.
    """
    uid = UID(transfer_syntax)
    dataset = read_raw(encoded, uid)
    for element in dataset.values():  # as read: pydicom takes a value that is shorter than its length for a value
        if isinstance(element, RawDataElement) and element.length != UNDEFINED and len(element.value or b"") < element.length:
            raise ValueError(f"{element.tag} ends before its length does")
    _read_values(dataset)
    # pydicom is lenient: it takes what it can read, and switches to the other kind of VR by itself.
    if encoded and (not len(dataset) or dataset.original_encoding[0] not in (None, uid.is_implicit_VR)):
        raise ValueError(f"not a data set in {uid.name}")
    return dataset


@lru_cache(maxsize=4096)
def _match(encoded: bytes, transfer_syntax: str) -> str | None:
    """Return the SOP Instance UID of an identifier, empty if it has none; ``None`` if it cannot be decoded.

    It is kept: query after query finds the same workitems, byte for byte, and to decode them is what takes long. What
    `Message.instance_uid` reads would do for none that cannot be decoded: that one is no match.
    """
    try:
        return str(decode(encoded, transfer_syntax).get("SOPInstanceUID") or "")
    except Exception:  # whatever a peer's bytes make pydicom raise
        return None


def _after_instance_uid(tag: int, vr: str | None, length: int) -> bool:
    return tag > SOP_INSTANCE_UID


@dataclass(frozen=True)
class Message:
    """One DIMSE message.

    Parameters
    ----------
    command : pydicom.dataset.Dataset
        The command set, group 0000 [PS3.7 6.3].
    time : datetime.datetime
        When it was sent or had been received whole, with time zone.
    encoded : bytes or None
        The data set as it travelled; ``None`` if the message carried none.
    transfer_syntax : str
        UID of the transfer syntax of `encoded`.
    """

    command: Dataset
    time: datetime
    encoded: bytes | None = None
    transfer_syntax: str = ImplicitVRLittleEndian

    @property
    def status(self) -> int | None:
        """Status (0000,0900); ``None`` in a request."""
        status = self.command.get("Status")
        return None if status is None else int(status)

    @cached_property
    def dataset(self) -> Dataset | None:
        """The decoded data set; ``None`` if there was none, or if it cannot be decoded (see `undecodable`)."""
        if self.encoded is None:
            return None
        try:
            return decode(self.encoded, self.transfer_syntax)
        except Exception:  # whatever a peer's bytes make pydicom raise, the exchange stays an exchange
            return None

    def value(self, keyword: str) -> Any:
        """Return a value of the data set, read without decoding the others; ``None`` if there is none, or none to read."""
        if self.encoded is None or "dataset" in self.__dict__:
            return None if self.dataset is None else self.dataset.get(keyword)
        try:
            return read_raw(self.encoded, self.transfer_syntax).get(keyword)
        except Exception:  # as of `dataset`
            return None

    def forget_decoded(self) -> None:
        """Free the decoded data set; who asks for it again has it decoded again."""
        self.__dict__.pop("dataset", None)

    @property
    def instance_uid(self) -> str:
        """SOP Instance UID of the data set, read without decoding what comes after it; empty if there is none, or none to read."""
        uid = UID(self.transfer_syntax)
        if self.encoded is None or uid == DeflatedExplicitVRLittleEndian:
            return str(self.dataset.get("SOPInstanceUID") or "") if self.dataset is not None else ""
        try:
            begin = read_dataset(BytesIO(self.encoded), uid.is_implicit_VR, uid.is_little_endian, stop_when=_after_instance_uid)
            return str(begin.get("SOPInstanceUID") or "")
        except Exception:  # as `dataset`
            return ""

    @property
    def undecodable(self) -> bool:
        """Whether a data set came that cannot be decoded in the negotiated transfer syntax."""
        return self.encoded is not None and self.dataset is None


@dataclass(frozen=True)
class Exchange:
    """One DIMSE operation, from the request to the last response that came.

    Parameters
    ----------
    service : str
        The DIMSE service as DICOM spells it: ``C-FIND``, ``N-ACTION``, ...
    requestor, acceptor : str
        AE titles of the SCU that sent the request and of the SCP that answered.
    abstract_syntax : str
        SOP Class UID of the presentation context used.
    request : Message
        What was asked.
    responses : tuple of Message
        What was answered, in order; empty when nothing came.
    failure : str
        Why the operation did not end properly (time-out, abort, ...), in words for a reader; empty when it did.
    """

    service: str
    requestor: str
    acceptor: str
    abstract_syntax: str
    request: Message
    responses: tuple[Message, ...] = ()
    failure: str = ""

    @property
    def response(self) -> Message | None:
        """The last response, which carries the final status; ``None`` when nothing came."""
        return self.responses[-1] if self.responses else None

    @property
    def status(self) -> int | None:
        """Status of the last response; ``None`` when nothing came."""
        return self.response.status if self.response else None

    @property
    def dataset(self) -> Dataset | None:
        """Data set of the last response (attribute list, event or action reply), if it had one."""
        return self.response.dataset if self.response else None

    @property
    def pending(self) -> tuple[Message, ...]:
        """The responses with status FF00 or FF01."""
        return tuple(message for message in self.responses if message.status in PENDING)

    @property
    def identifiers(self) -> tuple[Dataset, ...]:
        """The identifiers of the pending responses that carry one, in order: the matches of a C-FIND."""
        return tuple(message.dataset for message in self.pending if message.dataset is not None)

    @property
    def matches(self) -> tuple[str, ...]:
        """The SOP Instance UIDs of the `identifiers`, in order, empty of one that has none."""
        sent = ((message.encoded, message.transfer_syntax) for message in self.pending if message.encoded is not None)
        return tuple(uid for uid in (_match(encoded, syntax) for encoded, syntax in sent) if uid is not None)

    @property
    def instance_uid(self) -> str:
        """The Affected or Requested SOP Instance UID of the request; empty if it has none."""
        command = self.request.command
        return str(command.get("RequestedSOPInstanceUID") or command.get("AffectedSOPInstanceUID") or "")


class Transcript(Sequence[Exchange]):
    """Exchanges in the order in which they ended.

    Written as JSON lines, one exchange a line: command sets in the DICOM JSON model [PS3.18 F], data sets as base64 of
    the bytes that travelled.
    """

    def __init__(self, exchanges: Sequence[Exchange] = ()) -> None:
        self._exchanges = list(exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> Transcript: ...
    def __getitem__(self, index: int | slice) -> Exchange | Transcript:
        """Return the exchange at an index, or the transcript of a slice."""
        if isinstance(index, slice):
            return Transcript(self._exchanges[index])
        return self._exchanges[index]

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        # a copy: a listener's thread may append while somebody looks
        return iter(list(self._exchanges))

    def append(self, exchange: Exchange) -> None:
        """Add an exchange that has ended."""
        self._exchanges.append(exchange)

    def forget_since(self, length: int) -> None:
        """Drop what came after the first `length` exchanges."""
        del self._exchanges[length:]

    def forget_decoded(self) -> None:
        """Free the decoded data sets of all exchanges, which take many times the room of their bytes."""
        for exchange in self:
            for message in (exchange.request, *exchange.responses):
                message.forget_decoded()

    def of(self, service: str) -> Transcript:
        """Return the exchanges of one DIMSE service, for example ``"C-STORE"``."""
        return Transcript([exchange for exchange in self if exchange.service == service])

    def write(self, path: Path) -> None:
        """Write to `path`, replacing what is there."""
        path.write_text("".join(json.dumps(exchange_to_json(e)) + "\n" for e in self), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """Read what `write` wrote.

        Raises
        ------
        TranscriptError
            Naming file, line and what is wrong with it.
        """
        exchanges = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                exchanges.append(exchange_from_json(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise TranscriptError(f"{path}, line {number}: not an exchange: {error!r}") from error
        return cls(exchanges)


def exchange_to_json(exchange: Exchange) -> dict[str, Any]:
    """Return an exchange as what a line of a transcript file holds."""
    return {
        "service": exchange.service,
        "requestor": exchange.requestor,
        "acceptor": exchange.acceptor,
        "abstract_syntax": str(exchange.abstract_syntax),
        "failure": exchange.failure,
        "request": _message_to_json(exchange.request),
        "responses": [_message_to_json(message) for message in exchange.responses],
    }


def _message_to_json(message: Message) -> dict[str, Any]:
    encoded = message.encoded
    return {
        "time": message.time.isoformat(),
        "command": message.command.to_json_dict(),
        "transfer_syntax": str(message.transfer_syntax),
        "encoded": None if encoded is None else base64.b64encode(encoded).decode("ascii"),
    }


def exchange_from_json(value: dict[str, Any]) -> Exchange:
    """Return the exchange that `exchange_to_json` wrote; raises whatever a value of another make leads to."""
    return Exchange(
        service=value["service"],
        requestor=value["requestor"],
        acceptor=value["acceptor"],
        abstract_syntax=value["abstract_syntax"],
        failure=value["failure"],
        request=_message_from_json(value["request"]),
        responses=tuple(_message_from_json(message) for message in value["responses"]),
    )


def _message_from_json(value: dict[str, Any]) -> Message:
    encoded = value["encoded"]
    return Message(
        command=Dataset.from_json(value["command"]),
        time=datetime.fromisoformat(value["time"]),
        encoded=None if encoded is None else base64.b64decode(encoded, validate=True),
        transfer_syntax=value["transfer_syntax"],
    )

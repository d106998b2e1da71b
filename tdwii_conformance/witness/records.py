"""Record files: the bytes that passed, with their times, written as they pass, and what they are when read again.

A line of JSON for each thing that happened: the first says what the file is; then connections opened (with the names of both
sides), bytes of one side, connections closed. A file whose writer was killed lacks nothing but the line it was writing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..upper_layer import Connection, Side

__all__ = [
    "RECORD_ENDS",
    "Chunk",
    "Event",
    "RecordError",
    "RecordReader",
    "RecordWriter",
    "Recorded",
    "connection_of",
    "is_record",
    "read_record",
]

FORMAT = "tdwii record 1"
RECORD_ENDS = "the record ends here"  # the failure of what had not ended then


class RecordError(ValueError):
    """A file is no record; the message names file, line and reason."""


@dataclass(frozen=True)
class Chunk:
    """Bytes of one side, as they passed.

    Parameters
    ----------
    side : {"requestor", "acceptor"}
        Who has sent them.
    time : datetime.datetime
        When, with time zone.
    octets : bytes
        What.
    """

    side: Side
    time: datetime
    octets: bytes


@dataclass
class Recorded:
    """A connection as it was recorded or captured.

    Parameters
    ----------
    name : str
        Its number in the record, for a reader.
    opened : datetime.datetime
        When the connection was opened.
    requestor, acceptor : str
        The addresses: of who opened the connection, and of the system behind the proxy; ``host:port``.
    chunks : list of Chunk
        In the order in which they passed.
    closed : datetime.datetime or None
        When; ``None``: the record ended before.
    missing : str
        Why it cannot be judged, for example ``12 bytes are missing``; empty if it can.
    why : str
        What was unusual about its end, for example that the system could not be reached.
    watched : datetime.datetime or None
        Until when more would have been recorded, if that is known.
    """

    name: str
    opened: datetime
    requestor: str
    acceptor: str
    chunks: list[Chunk] = field(default_factory=list)
    closed: datetime | None = None
    missing: str = ""
    why: str = ""
    watched: datetime | None = None

    @property
    def encrypted(self) -> bool:
        """Whether it is TLS: a handshake record of version 3.x first [RFC 8446 5.1]."""
        first = next((chunk.octets for chunk in self.chunks if chunk.side == "requestor" and chunk.octets), b"")
        return first[:2] == b"\x16\x03"


def connection_of(recorded: Recorded) -> Connection:
    """Decode a connection.

    Parameters
    ----------
    recorded : Recorded
        With all its bytes.

    Returns
    -------
    Connection
        Closed; what had not ended when the record did has that as its failure.
    """
    connection = Connection(recorded.opened)
    last = recorded.opened
    for chunk in recorded.chunks:
        last = chunk.time
        connection.feed(chunk.side, chunk.octets, chunk.time)
    ended = "" if recorded.closed is not None else RECORD_ENDS
    connection.close(recorded.closed or last, recorded.missing or ended)
    return connection


class RecordWriter:
    """Writes a record file by appending, a line at a time, each handed to the operating system at once.

    So nothing that was written is lost when the process is killed. To be used by one thread.

    Parameters
    ----------
    path : Path
        Its folder is made if need be; an existing file is an error, because a record is evidence.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("x", encoding="utf-8", buffering=1)
        self._write("record", {"format": FORMAT, "time": datetime.now().astimezone().isoformat()})

    def opened(self, name: str, time: datetime, requestor: str, acceptor: str) -> None:
        """Write that a connection was opened; the parameters are those of `Recorded`."""
        self._write("opened", {"name": name, "time": time.isoformat(), "requestor": requestor, "acceptor": acceptor})

    def passed(self, name: str, chunk: Chunk) -> None:
        """Write bytes of a connection."""
        octets = base64.b64encode(chunk.octets).decode("ascii")
        self._write("passed", {"name": name, "side": chunk.side, "time": chunk.time.isoformat(), "octets": octets})

    def closed(self, name: str, time: datetime, why: str = "") -> None:
        """Write that a connection is closed, and what was unusual about that."""
        self._write("closed", {"name": name, "time": time.isoformat(), **({"why": why} if why else {})})

    def close(self) -> None:
        """Write that the record ends, and close the file."""
        self._write("ended", {"time": datetime.now().astimezone().isoformat()})
        self._file.close()

    def _write(self, kind: str, value: dict[str, Any]) -> None:
        self._file.write(json.dumps({kind: value}) + "\n")


def is_record(path: Path) -> bool:
    """Whether a file begins as a record does; any file that can be opened may be asked.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return FORMAT.encode() in file.readline(200)


def read_record(path: Path) -> list[Recorded]:
    """Read what a `RecordWriter` wrote; the last line may be missing or cut off.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of Recorded
        In the order in which they were opened.

    Raises
    ------
    RecordError
        Naming file, line and what is wrong with it.
    """
    with RecordReader(path) as reader:
        for _ in reader.more():
            pass
        if not reader.found and not reader.begun:
            raise RecordError(f"{path}: not a record: it is empty")
        return list(reader.found.values())


@dataclass(frozen=True)
class Event:
    """Something that a record tells.

    Parameters
    ----------
    kind : {"opened", "passed", "closed"}
        What has happened.
    recorded : Recorded
        The connection, as it is then.
    time : datetime.datetime
        When.
    """

    kind: str
    recorded: Recorded
    time: datetime


class RecordReader:
    """Reads a record while it is written, or afterwards. A context manager.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    found : dict of str to Recorded
        The connections so far, by name, in the order in which they were opened.
    begun : bool
        Whether the first line has been read.

    Raises
    ------
    RecordError
        If the file cannot be opened; `more` raises it for a line that is none of a record.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._rest, self._number = path, b"", 0
        self.found: dict[str, Recorded] = {}
        self.begun = False
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise RecordError(f"{path}: cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def more(self) -> Iterator[Event]:
        """Yield what the lines tell that have become whole since the last call.

        A last line without its end is being written, or was when the writer was killed.
        """
        try:
            *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        except OSError as error:
            raise RecordError(f"{self._path}: cannot be read: {error.strerror}") from error
        for line in lines:
            self._number += 1
            try:
                event = self._line(line)
            except UnicodeDecodeError as error:
                raise RecordError(f"{self._path}: cannot be read: not text in UTF-8") from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise RecordError(f"{self._path}, line {self._number}: not a line of a record: {error}") from error
            if event is not None:
                yield event

    def _line(self, line: bytes) -> Event | None:
        ((kind, value),) = json.loads(line.decode("utf-8")).items()
        if self._number == 1:
            if not (kind == "record" and isinstance(value, dict) and value.get("format") == FORMAT):
                raise RecordError(f"{self._path}: not a record: its first line does not say {FORMAT!r}")
            self.begun = True
        time = datetime.fromisoformat(value["time"])
        match kind:
            case "record":
                return None
            case "ended":
                for one in self.found.values():
                    one.watched = time
                return None
            case "opened":
                self.found[value["name"]] = Recorded(value["name"], time, value["requestor"], value["acceptor"])
            case "passed":
                side = value["side"]
                if side not in ("requestor", "acceptor"):
                    raise ValueError(f"side {side!r}")
                chunk = Chunk(side, time, base64.b64decode(value["octets"], validate=True))
                self.found[value["name"]].chunks.append(chunk)
            case "closed":
                self.found[value["name"]].closed, self.found[value["name"]].why = time, str(value.get("why", ""))
            case _:
                raise ValueError(f"{kind!r} is not expected here")
        return Event(kind, self.found[value["name"]], time)

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
from typing import Any

from ..upper_layer import Connection, Side

__all__ = ["RECORD_ENDS", "Chunk", "RecordError", "RecordWriter", "Recorded", "connection_of", "is_record", "read_record"]

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
    """

    name: str
    opened: datetime
    requestor: str
    acceptor: str
    chunks: list[Chunk] = field(default_factory=list)
    closed: datetime | None = None
    missing: str = ""

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

    def closed(self, name: str, time: datetime) -> None:
        """Write that a connection is closed."""
        self._write("closed", {"name": name, "time": time.isoformat()})

    def close(self) -> None:
        """Close the file."""
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
    found: dict[str, Recorded] = {}
    for number, kind, value in _lines(path):
        try:
            _take(found, kind, value)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{path}, line {number}: not a line of a record: {error}") from error
    return list(found.values())


def _lines(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise RecordError(f"{path}: cannot be read: {reason}") from error
    for number, line in enumerate(lines[:-1], 1):  # a last line without its end was being written when the writer was killed
        try:
            ((kind, value),) = json.loads(line).items()
        except (ValueError, AttributeError) as error:
            raise RecordError(f"{path}, line {number}: not a line of a record: {error}") from error
        if number == 1 and not (kind == "record" and isinstance(value, dict) and value.get("format") == FORMAT):
            raise RecordError(f"{path}: not a record: its first line does not say {FORMAT!r}")
        yield number, kind, value
    if not lines[:-1]:
        raise RecordError(f"{path}: not a record: it is empty")


def _take(found: dict[str, Recorded], kind: str, value: dict[str, Any]) -> None:
    time = datetime.fromisoformat(value["time"])
    match kind:
        case "record":
            pass
        case "opened":
            found[value["name"]] = Recorded(value["name"], time, value["requestor"], value["acceptor"])
        case "passed":
            side = value["side"]
            if side not in ("requestor", "acceptor"):
                raise ValueError(f"side {side!r}")
            found[value["name"]].chunks.append(Chunk(side, time, base64.b64decode(value["octets"], validate=True)))
        case "closed":
            found[value["name"]].closed = time
        case _:
            raise ValueError(f"{kind!r} is not expected here")

"""Writes a whole exchange as dcmdump text: request and responses, command sets and data sets, headings as comments.

Written for the shape of an exchange and not for the class: `tdwii_conformance.transcript.exchange` and this package know nothing
of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..profile.statuses import status_text
from .write import dump

__all__ = ["dump_exchange"]

MOST_BYTES = 1024  # of a data set that nobody can decode


class _Message(Protocol):
    @property
    def command(self) -> Dataset: ...
    @property
    def time(self) -> datetime: ...
    @property
    def encoded(self) -> bytes | None: ...
    @property
    def transfer_syntax(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def dataset(self) -> Dataset | None: ...


class _Exchange(Protocol):
    @property
    def service(self) -> str: ...
    @property
    def requestor(self) -> str: ...
    @property
    def acceptor(self) -> str: ...
    @property
    def abstract_syntax(self) -> str: ...
    @property
    def request(self) -> _Message: ...
    @property
    def responses(self) -> Sequence[_Message]: ...
    @property
    def failure(self) -> str: ...


def dump_exchange(exchange: _Exchange, *, most: int = 20, longest: int | None = 4000) -> str:
    """Write an exchange as text.

    Parameters
    ----------
    exchange : Exchange
        Any outcome: no response, responses that cannot be decoded, a failure.
    most : int
        How many responses are shown; of more than that, as many from the start as from the end.
    longest : int, optional
        Values longer than this many characters are cut (pixel data); ``None`` cuts nothing.

    Returns
    -------
    str
        dcmdump text; what is not part of a command set or data set is a comment.
    """
    return "".join(line + "\n" for line in _lines(exchange, most, longest))


def _lines(exchange: _Exchange, most: int, longest: int | None) -> Iterator[str]:
    request = exchange.request
    syntax = UID(exchange.abstract_syntax).name.removesuffix(" SOP Class")
    when = f"{request.time:%Y-%m-%d} {_clock(request.time)}"
    yield f"# {exchange.service} request, {exchange.requestor} -> {exchange.acceptor}, {when}, {syntax}"
    yield from _message(request, longest)
    responses = list(enumerate(exchange.responses, 1))
    left_out = len(responses) - most
    if left_out > 0:
        head = most - most // 2
        shown: list[tuple[int, _Message] | None] = [*responses[:head], None, *responses[head + left_out :]]
    else:
        shown = list(responses)
    for entry in shown:
        yield ""
        if entry is None:
            yield f"# ... {left_out} responses of {len(responses)} are left out here"
            continue
        number, response = entry
        later = (response.time - request.time).total_seconds() * 1000
        yield (
            f"# {exchange.service} response {number} of {len(responses)}, {exchange.acceptor} -> {exchange.requestor}, "
            f"{_clock(response.time)}, {later:.0f} ms after the request, status {status_text(response.status)}"
        )
        yield from _message(response, longest)
    if not responses:
        yield ""
        yield "# no response"
    if exchange.failure:
        yield ""
        yield f"# {exchange.failure}"


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S}.{time.microsecond // 1000:03d}"


def _message(message: _Message, longest: int | None) -> Iterator[str]:
    yield ""
    yield "# Dicom-Command-Set"
    yield from dump(message.command, longest=longest).removesuffix("\n").split("\n")
    if message.encoded is None:
        return
    yield ""
    dataset = message.dataset
    if dataset is not None:
        try:
            text = dump(dataset, transfer_syntax=message.transfer_syntax, longest=longest)
        except Exception:  # a value that pydicom can read and not write is a peer's fault to show, not ours to fail on
            dataset = None
        else:
            # not splitlines(): a text may hold other line separators than the line feed
            yield from text.removesuffix("\n").split("\n")
    if dataset is None:
        yield f"# {len(message.encoded)} bytes that are no data set in {UID(message.transfer_syntax).name}:"
        for start in range(0, min(len(message.encoded), MOST_BYTES), 32):
            yield f"#   {message.encoded[start : start + 32].hex(' ')}"
        if len(message.encoded) > MOST_BYTES:
            yield "#   ..."

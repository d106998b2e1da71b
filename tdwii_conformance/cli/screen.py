"""What a command prints: results on stdout, messages on stderr; for people, for scripts, with and without a terminal."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..transcript.exchange import Transcript

if TYPE_CHECKING:
    from ..transcript.exchange import Exchange

__all__ = [
    "Spoken",
    "note",
    "plain",
    "say",
    "say_bytes",
    "say_json",
    "say_json_line",
    "say_table",
    "stdout_encoding",
    "stdout_gone",
]

WITHOUT_TERMINAL = 200  # columns: a file or a pipe is not read through a window
LONGEST = 100  # characters of a value with -v


def plain(value: object) -> str:
    """Return a value as text of one line: what a peer sends may be control sequences for the terminal."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def stdout_gone() -> bool:
    """Whether the reader of stdout has gone away."""
    return getattr(sys.stdout, "name", None) == os.devnull


def say(text: str = "") -> None:
    """Print a line of the result. A closed pipe is no error: what the command does is done to its end."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # until the process ends


def note(text: str) -> None:
    """Print a message for the person, beside the result."""
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def say_json(value: Any) -> None:
    """Print a result for a script."""
    say(_json(value, indent=2))


def say_json_line(value: Any) -> None:
    """Print a result of many, on one line."""
    say(_json(value))


def _json(value: Any, indent: int | None = None) -> str:
    # Escapes if stdout lacks characters: what it would put in their place is not JSON.
    unicode = stdout_encoding().startswith("utf")
    return json.dumps(value, indent=indent, ensure_ascii=not unicode, allow_nan=False)


def say_bytes(content: bytes) -> None:
    """Print bytes, as they are."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def stdout_encoding() -> str:
    """Return Python's name of the encoding that stdout has."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name


def say_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, whole: Sequence[str] = (), steady: Sequence[str] = ()
) -> None:
    """Print a table.

    Parameters
    ----------
    columns : sequence of str
        Headings.
    rows : sequence of sequences
        Values; what is not printable is replaced.
    whole : sequence of str
        Columns that are never cut or wrapped, as people copy them (UIDs). Where the window has no room for them beside
        the others they are listed below the table, by the row's number.
    steady : sequence of str
        Columns that are not folded, as half a date or state is none; the others give way.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WITHOUT_TERMINAL, highlight=False)
    texts = [[plain(value) for value in row] for row in rows]
    natural = sum(max([len(name), *(len(row[n]) for row in texts)]) + 2 for n, name in enumerate(columns))
    below = [] if natural <= console.width else [n for n, name in enumerate(columns) if name in whole]
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    if below:
        table.add_column("#", justify="right")
    for number, name in enumerate(columns):
        if number not in below:
            table.add_column(name, overflow="fold", no_wrap=name in whole or name in steady)
    for count, row in enumerate(texts, 1):
        cells = [Text(text) for number, text in enumerate(row) if number not in below]
        table.add_row(*([Text(str(count))] if below else []), *cells)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().rstrip("\n").split("\n")]
    say("\n".join(lines))
    for number in below:
        say(f"\n{columns[number]}")
        for count, row in enumerate(texts, 1):
            say(f"{count:>3}  {row[number]}")


class Spoken(Transcript):
    """A transcript that prints each exchange on stderr as dcmdump text.

    Parameters
    ----------
    verbosity : int
        0 nothing, 1 with long values cut and many responses left out, 2 everything.
    """

    def __init__(self, verbosity: int) -> None:
        super().__init__()
        self._verbosity = verbosity

    def append(self, exchange: Exchange) -> None:
        """Add an exchange, and print it."""
        super().append(exchange)
        if self._verbosity:
            from ..dcmdump import dump_exchange

            whole = self._verbosity > 1
            text = dump_exchange(exchange, most=10**9 if whole else 4, longest=None if whole else LONGEST)
            note("\n".join(plain(line) for line in text.split("\n")))

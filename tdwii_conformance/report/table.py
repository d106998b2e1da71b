"""The table at the end of a run: actor by transaction, with what failed, warned and was skipped below it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping

from rich.box import Box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..profile.catalogue import Requirement
from .matrix import TRANSACTION_NAMES, Row, matrix, skip_reasons, total
from .share import share_of
from .verdicts import RequirementVerdict, TestVerdict, requirement_verdicts

__all__ = ["render"]

COLORS = {"passed": "green", "failed": "bold red", "error": "bold red", "warned": "yellow", "skipped": "cyan"}
# One rule below the head and one above the total, in characters that every terminal and log file has.
RULES = Box("    \n    \n ---\n    \n    \n ---\n    \n    \n", ascii=True)
COLUMNS = ("passed", "failed", "warned", "skipped")


def render(
    verdicts: Iterable[TestVerdict],
    catalogue: Mapping[str, Requirement],
    width: int = 80,
    color: bool = False,
) -> str:
    """Return the table as text.

    Parameters
    ----------
    verdicts : iterable of TestVerdict
        Of the whole run.
    catalogue : mapping of str to Requirement
        What the verdicts are about.
    width : int
        In characters; it is readable from 60 on.
    color : bool
        Whether to use colours (ANSI escapes).
    """
    requirements = requirement_verdicts(verdicts)
    rows = matrix(requirements, catalogue)
    console = Console(
        file=io.StringIO(), width=max(width, 60), force_terminal=color, color_system="standard" if color else None,
        highlight=False, legacy_windows=False,
    )  # fmt: skip
    with console.capture() as capture:
        console.print(_table(rows))
        console.print(Text(str(share_of(requirements))))
        for title, names in _named(requirements).items():
            console.print(Text(f"{title}: {len(names)}", COLORS[title]))
            console.print(Padding(Text(", ".join(names)), (0, 0, 0, 2)))
        for reason, skipped in skip_reasons(requirements).items():
            console.print(Text(f"{len(skipped)} skipped: {reason}", COLORS["skipped"]))
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def _table(rows: list[Row]) -> Table:
    table = Table(box=RULES, show_footer=True, pad_edge=False, padding=(0, 1, 0, 0))
    whole = total(rows)
    table.add_column("actor", "total", no_wrap=True, min_width=5)
    table.add_column("transaction", "", overflow="ellipsis")
    for name in COLUMNS:
        table.add_column(name, _number(getattr(whole, name), name), justify="right", no_wrap=True, min_width=len(name))
    table.add_column("all", str(whole.all), justify="right", no_wrap=True)
    for index, row in enumerate(rows):
        first = index == 0 or rows[index - 1].actor != row.actor
        last = index + 1 < len(rows) and rows[index + 1].actor != row.actor
        table.add_row(
            row.actor if first else "",
            escape(_transaction(row.transaction)),
            *(_number(getattr(row, name), name) for name in COLUMNS),
            str(row.all),
            end_section=last,
        )
    return table


def _transaction(name: str) -> str:
    words = TRANSACTION_NAMES.get(name, "")
    return words if name in ("negotiation", "upper layer") else f"{name} {words}"


def _number(count: int, name: str) -> Text:
    return Text(str(count), COLORS[name]) if count else Text("-", "dim")


def _named(requirements: Mapping[str, RequirementVerdict]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for verdict in ("failed", "error", "warned"):
        names = [identifier for identifier, one in requirements.items() if one.verdict == verdict]
        if names:
            named[verdict] = names
    return named

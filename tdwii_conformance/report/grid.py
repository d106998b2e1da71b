"""Several runs beside each other: requirement by run, what differs, what got worse from one to the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from jinja2 import Environment, StrictUndefined

from .results import RequirementEntry, Results

__all__ = ["Grid", "GridRow", "grid", "grid_page", "grid_text"]

# From best to worst; "" is: not in that run.
ORDER = ("passed", "warned", "failed", "error")
NOT_JUDGED = ("", "skipped")


@dataclass(frozen=True)
class GridRow:
    """A requirement in several runs.

    Parameters
    ----------
    id, transaction, actor, statement : str
        Of the requirement.
    cells : tuple of RequirementEntry or None
        For each run; ``None`` when it is not in that run.
    """

    id: str
    actor: str
    transaction: str
    statement: str
    cells: tuple[RequirementEntry | None, ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict in each run; empty when it is not in that run."""
        return tuple(cell.verdict if cell is not None else "" for cell in self.cells)

    @property
    def change(self) -> str:
        """How the last run differs from the first: ``worse``, ``better``, ``new``, ``no longer judged``; empty if it does not."""
        before, now = self.verdicts[0], self.verdicts[-1]
        if before == now or (before in NOT_JUDGED and now in NOT_JUDGED):
            return ""
        if before in NOT_JUDGED:
            return "new"
        if now in NOT_JUDGED:
            return "no longer judged"
        return "worse" if ORDER.index(now) > ORDER.index(before) else "better"

    @property
    def differs(self) -> bool:
        """Whether two of the runs differ."""
        return len(set(self.verdicts)) > 1

    @property
    def finding(self) -> str:
        """The first finding of the last run that has one, in one sentence; empty if none has."""
        for cell in reversed(self.cells):
            for test in cell.tests if cell is not None else ():
                for one in test.findings:
                    at = f" at {one.path}" if one.path else ""
                    return f"expected {one.expected}; received {one.received}{at}"
        return ""


@dataclass(frozen=True)
class Grid:
    """All requirements of several runs.

    Parameters
    ----------
    runs : tuple of Results
        In the order in which they were given: the first is what the last is compared with.
    names : tuple of str
        What each is called: system, or file where systems are alike.
    rows : tuple of GridRow
        By id.
    """

    runs: tuple[Results, ...]
    names: tuple[str, ...]
    rows: tuple[GridRow, ...]

    def changed(self, kind: str) -> tuple[GridRow, ...]:
        """Return the rows that changed in one way, as `GridRow.change` names it."""
        return tuple(row for row in self.rows if row.change == kind)

    @property
    def worse(self) -> bool:
        """Whether something that was met is failed, or not judged any more, in the last run."""
        met = ("passed", "warned")
        return any(row.verdicts[0] in met and row.verdicts[-1] not in met for row in self.rows)


def grid(runs: Sequence[Results], names: Sequence[str]) -> Grid:
    """Put runs beside each other.

    Parameters
    ----------
    runs : sequence of Results
        At least two.
    names : sequence of str
        What each is called, as long as `runs`.
    """
    held = [{entry.id: entry for entry in run.requirements} for run in runs]
    rows = []
    for identifier in sorted({identifier for one in held for identifier in one}):
        cells = tuple(one.get(identifier) for one in held)
        known = next(cell for cell in reversed(cells) if cell is not None)
        rows.append(GridRow(identifier, known.actor, known.transaction, known.statement, cells))
    return Grid(tuple(runs), tuple(names), tuple(rows))


def grid_text(compared: Grid) -> str:
    """Return what differs, in lines for a terminal."""
    lines = []
    for name, run in zip(compared.names, compared.runs, strict=True):
        share = run.share
        lines.append(f"{name}: {share.met} of {share.judged} judged met, {share.judged} of {share.applicable} that apply judged")
    for kind in ("worse", "no longer judged", "new", "better"):
        rows = compared.changed(kind)
        lines.append(f"{kind}: {len(rows)}" if rows else f"{kind}: none")
        for row in rows:
            ways = " -> ".join(verdict or "not there" for verdict in row.verdicts)
            lines.append(f"  {row.id}: {ways}: {row.statement}")
            if row.finding and row.verdicts[-1] in ("failed", "error", "warned"):
                lines.append(f"    {row.finding}")
    return "\n".join(lines)


def grid_page(compared: Grid, when: datetime) -> str:
    """Return the grid as an HTML page of its own; the same for the same arguments.

    Parameters
    ----------
    compared : Grid
        The runs.
    when : datetime.datetime
        When it was made.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath("grid.html.j2").read_text(encoding="utf-8"))
    return template.render(grid=compared, when=when, runs=list(zip(compared.names, compared.runs, strict=True)))

"""What is seen of running simulators: a live view on a terminal, lines or JSON lines without one."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydicom.dataset import Dataset

from ...simulators.live import Happening, Live
from ...ups.events import progress_item
from ...ups.times import is_value, readable
from ..screen import note, plain, say, say_json_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...ups import Record, Worklist

__all__ = ["Lines", "LiveView", "Row", "Server", "View", "row_of"]

WIDE = 140  # columns from which patient ID and whole UIDs are shown
TURN = 0.5  # seconds
KEPT = 500  # happenings that the live view remembers
LONG_UID = re.compile(r"\d[\d.]{24,}(\d{8})\b")
NARROWEST = 8  # columns that a name keeps
FLEXIBLE = ("Patient", "Patient ID", "Label", "Station")
STYLES = {"SCHEDULED": "cyan", "IN PROGRESS": "yellow", "COMPLETED": "green", "CANCELED": "red"}


@dataclass(frozen=True)
class Server:
    """A simulator that runs.

    Parameters
    ----------
    role : str
        ``TMS``, ``OST``, ``watcher`` or ``TDD``.
    title, host, port : str, str, int
        How to reach it.
    remark : str
        What else there is to say, for example its defects.
    """

    role: str
    title: str
    host: str
    port: int
    remark: str = ""

    def __str__(self) -> str:
        """Return role, AE title and address."""
        text = f"{self.role} {self.title} at {self.host}:{self.port}"
        return f"{text}; {self.remark}" if self.remark else text


@dataclass(frozen=True)
class Row:
    """A workitem as a line of a table."""

    uid: str
    start: str
    patient: str
    patient_id: str
    label: str
    station: str
    state: str
    progress: str

    @property
    def name(self) -> str:
        """By which a person knows it."""
        return ", ".join(part for part in (self.patient or self.patient_id, self.label) if part)


def row_of(record: Record) -> Row:
    """Return a workitem for a person."""
    attributes = record.attributes
    start = str(attributes.get("ScheduledProcedureStepStartDateTime") or "")
    station = next(iter(attributes.get("ScheduledStationNameCodeSequence") or ()), Dataset())
    progress = progress_item(attributes).get("ProcedureStepProgress")
    return Row(
        record.uid,
        readable(start, record.zone)[len("2026-") if is_value(start[:8], "DA") and is_value(start, "DT") else 0 :],
        plain(attributes.get("PatientName")),
        plain(attributes.get("PatientID")),
        plain(attributes.get("ProcedureStepLabel")),
        plain(station.get("CodeValue")),
        record.state,
        "" if progress in (None, "") else f"{progress} %",
    )


def await_end(stop: threading.Event) -> None:
    """Wait until the end is asked for. In turns: a signal that another thread of ours got does not end a wait without limit."""
    while not stop.wait(TURN):
        pass


class View(Protocol):
    """Shows what happens."""

    def tell(self, happening: Happening) -> None:
        """Show something; called from any thread."""

    def run(self, servers: Sequence[Server], advice: Sequence[str], live: Live, stop: threading.Event) -> None:
        """Say who runs, and show what happens until the end is asked for."""


class _Names:
    """Knows workitems by name, where there is a worklist."""

    def __init__(self) -> None:
        self.worklist: Worklist | None = None

    def name(self, uid: str) -> str:
        record = self.worklist.store.get(uid) if self.worklist is not None and uid else None
        return row_of(record).name if record is not None else ""


class Lines(_Names):
    """Prints what happens line by line.

    Parameters
    ----------
    as_json : bool
        Whether each line is a JSON object.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        super().__init__()
        self._as_json = as_json
        self._lock = threading.RLock()
        self._early: list[Happening] | None = []

    def tell(self, happening: Happening) -> None:
        """Print a line; first of all come those that say who runs."""
        with self._lock:
            if self._early is not None:
                self._early.append(happening)
                return
        name = self.name(happening.workitem)
        if self._as_json:
            told: dict[str, Any] = {
                "time": happening.time.astimezone().isoformat(timespec="milliseconds"),
                "actor": happening.actor,
                "kind": happening.kind,
                "text": happening.text,
            }
            told |= {"workitem": happening.workitem} if happening.workitem else {}
            self._say_json(told | ({"refused": True} if happening.refused else {}))
        else:
            self._say(plain(f"{happening.time:%H:%M:%S} {happening.actor:<9} {happening.text}{f' · {name}' if name else ''}"))

    def _say(self, line: str) -> None:
        with self._lock:
            say(line)

    def _say_json(self, told: dict[str, Any]) -> None:
        with self._lock:
            say_json_line(told)

    def run(self, servers: Sequence[Server], advice: Sequence[str], live: Live, stop: threading.Event) -> None:
        """Print who runs, then what happens."""
        if self._as_json:
            for server in servers:
                where = {"role": server.role, "ae_title": server.title, "host": server.host, "port": server.port}
                self._say_json({"kind": "ready", **where})
        else:
            for line in (*map(str, servers), *advice, "Ctrl-C stops it."):
                self._say(line)
        with self._lock:
            early, self._early = self._early or (), None
            for happening in early:
                self.tell(happening)
        await_end(stop)


class LiveView(_Names):
    """Fills the terminal with servers, associations, workitems and events, and keeps them as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._happened: deque[Happening] = deque(maxlen=KEPT)
        self._servers: Sequence[Server] = ()
        self._live: Live | None = None
        self._rows: dict[str, tuple[Record, Row]] = {}

    def tell(self, happening: Happening) -> None:
        """Remember it; the next picture shows it."""
        with self._lock:
            self._happened.append(happening)

    def run(self, servers: Sequence[Server], advice: Sequence[str], live: Live, stop: threading.Event) -> None:
        """Show the picture four times a second."""
        from rich.console import Console
        from rich.live import Live as Picture

        self._servers, self._live = servers, live
        for line in (*map(str, servers), *advice):
            note(line)
        console = Console()
        with Picture(
            get_renderable=lambda: self.picture(console.width, console.height),
            console=console,
            refresh_per_second=4,
            screen=True,
        ):
            await_end(stop)

    def picture(self, width: int, height: int) -> RenderableType:
        """Return what a terminal of a size shows."""
        from rich.console import Group
        from rich.text import Text

        head: list[RenderableType] = [
            Text(str(server), style="bold", no_wrap=True, overflow="ellipsis") for server in self._servers
        ]
        head.append(self._associations())
        rows, wide = self._workitems(), width >= WIDE
        # Workitems get what they need, up to half of what is left; events the rest. Two titles, two blank lines, a heading.
        left = max(height - len(head) - 5, 2)
        shown = rows[: max(left // 2, 1)] if len(rows) > left // 2 else rows
        parts = [*head, Text("")]
        if self.worklist is not None:
            hidden = f", {len(shown)} of them shown" if len(shown) < len(rows) else ""
            parts += [Text(f"Workitems: {len(rows)}{hidden}", style="bold"), self._table(shown, width), Text("")]
        else:
            left += 3
            shown = []
        with self._lock:
            events = list(self._happened)[-max(left - len(shown), 1) :]
        parts.append(Text("Events  (Ctrl-C stops)", style="bold"))
        parts += [self._event(one, wide) for one in events]
        return Group(*parts)

    def _associations(self) -> RenderableType:
        from rich.text import Text

        standing = self._live.associations if self._live else []
        now = datetime.now()
        told = [f"{plain(one.calling)} → {one.actor} ({(now - one.since).seconds} s)" for one in standing]
        text = f"Associations: {', '.join(told) or 'none'}"
        return Text(text, no_wrap=True, overflow="ellipsis")

    def _workitems(self) -> list[Row]:
        """Return all workitems: what is under way first, then what is to come, then what is over; each by its start."""
        if self.worklist is None:
            return []
        records = self.worklist.records()
        known, self._rows = self._rows, {}
        for record in records:
            # A record never changes: another state is another record.
            before = known.get(record.uid)
            self._rows[record.uid] = before if before is not None and before[0] is record else (record, row_of(record))
        order = {"IN PROGRESS": 0, "SCHEDULED": 1}
        return sorted((row for _, row in self._rows.values()), key=lambda row: (order.get(row.state, 2), row.start))

    def _table(self, rows: Sequence[Row], width: int) -> RenderableType:
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        wide = width >= WIDE
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        columns = {
            "Start": [row.start for row in rows],
            "Patient": [row.patient for row in rows],
            **({"Patient ID": [row.patient_id for row in rows]} if wide else {}),
            "Label": [row.label for row in rows],
            "Station": [row.station for row in rows],
            "State": [row.state for row in rows],
            "Done": [row.progress for row in rows],
            **({"SOP Instance UID": [row.uid for row in rows]} if wide else {}),
        }
        widths = {name: max(map(cell_len, (name, *cells))) for name, cells in columns.items()}
        # Names give way to what has to be read whole, the longest first.
        while sum(widths.values()) + 2 * (len(widths) - 1) > width:
            longest = max(FLEXIBLE, key=lambda name: widths.get(name, 0))
            if widths[longest] <= NARROWEST:
                break
            widths[longest] -= 1
        for name, cells_wide in widths.items():
            table.add_column(name, no_wrap=True, overflow="ellipsis", width=cells_wide)
        for line in zip(*columns.values(), strict=True):
            table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in line))
        return table

    def _event(self, happening: Happening, wide: bool) -> RenderableType:
        from rich.text import Text

        name = self.name(happening.workitem)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{happening.time:%H:%M:%S} ", style="dim")
        text.append(f"{happening.actor:<9} ", style="bold")
        said = plain(happening.text)
        # The end of a UID identifies it; the beginning is the same in all.
        text.append(said if wide else LONG_UID.sub(r"…\1", said), style="red" if happening.refused else "")
        if name:
            text.append(f" · {name}", style="dim")
        return text


def view_for(*, as_json: bool, lines: bool) -> Lines | LiveView:
    """Return the live view where there is a terminal that can show one and nobody asked for lines."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What peers call themselves need not fit this terminal's character set; that ends no server.
        sys.stdout.reconfigure(errors="backslashreplace")
    capable = sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "")
    return LiveView() if capable and not as_json and not lines else Lines(as_json=as_json)

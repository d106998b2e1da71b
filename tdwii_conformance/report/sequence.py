"""A message-sequence diagram as inline SVG: a lifeline for each AE title, an arrow for each message, faults marked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from .messages import Fault, Message

__all__ = ["diagram"]

ROWS = 14  # arrows of one diagram; before them, what led there is a line of text
WIDTH, TOP, STEP, LEFT = 760, 40, 26, 96  # units of the drawing: its width, where arrows begin, their distance, room for times
LONGEST = 46  # characters above an arrow


@dataclass(frozen=True)
class _Row:
    """An arrow: a message, or several responses alike."""

    message: Message
    text: str
    time: str
    fault: bool


def diagram(messages: Sequence[Message], faults: Sequence[Fault]) -> Markup:
    """Return a diagram; empty if there are no messages.

    Parameters
    ----------
    messages : sequence of Message
        In the order in which they are drawn.
    faults : sequence of Fault
        What findings point at.
    """
    if not messages:
        return Markup("")
    rows = _rows(messages, {fault.message for fault in faults})
    left_out = 0
    if len(rows) > ROWS:
        last = max((number for number, row in enumerate(rows) if row.fault), default=len(rows) - 1)
        begin = min(max(last - ROWS + 3, 0), len(rows) - ROWS)
        left_out = len({row.message.exchange for row in rows[:begin]})
        rows = rows[begin : begin + ROWS]
    names = list(dict.fromkeys(name for row in rows for name in (row.message.sender, row.message.receiver)))
    return _drawn(rows, names, left_out)


def _rows(messages: Sequence[Message], at_fault: set[Message]) -> list[_Row]:
    rows: list[_Row] = []
    alike = groupby(messages, lambda one: (one.exchange, one.is_request or one.missing, one.status, one in at_fault))
    for (_, _, _, fault), group in alike:
        several = list(group)
        if len(several) > 3 and not fault and several[0].status:
            first, last = several[0], several[-1]
            number = first.what.removeprefix("response ").split(" of ")[0]
            text = f"responses {number} to {last.what.removeprefix('response ')}: {first.status}"
            rows.append(_Row(first, text, f"{first.time} ...", False))
            continue
        for one in several:
            text = f"{one.what}: {one.status}" if one.status else one.what
            rows.append(_Row(one, text, one.time, fault))
    return rows


def _drawn(rows: Sequence[_Row], names: Sequence[str], left_out: int) -> Markup:
    height = TOP + STEP * len(rows) + 12
    if len(names) == 1:
        names = [*names, *names]
    gap = (WIDTH - LEFT - 140) / (len(names) - 1)
    places = {name: LEFT + 70 + gap * number for number, name in enumerate(names)}
    said = "; ".join(
        f"{row.message.sender} to {row.message.receiver}: {row.text}{', at fault' if row.fault else ''}" for row in rows
    )
    out = [f'<div class="seqbox"><svg class="seq" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">']
    for name, x in places.items():
        out.append(f'<text class="ae" x="{x:.0f}" y="14">{escape(name)}</text><path class="life" d="M{x:.0f} 20V{height}"/>')
    if left_out:
        before = f"{left_out} earlier exchange{'s' if left_out > 1 else ''}"
        out.append(f'<text class="time" x="0" y="14">{before}</text>')
    for number, row in enumerate(rows):
        out.append(_arrow(row, places, TOP + STEP * number))
    out.append("</svg></div>")
    return Markup("".join(out))


def _arrow(row: _Row, places: dict[str, float], y: int) -> str:
    begin, end = places[row.message.sender], places[row.message.receiver]
    kind = " ".join(
        filter(None, ("bad" if row.fault else "", "none" if row.message.missing else "" if row.message.is_request else "back"))
    )
    text = row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 1] + "…"
    point = 6 if end > begin else -6
    head = (
        f"M{end - point:.0f} {y - 4}l{point} 4l{-point} 4"
        if not row.message.missing
        else f"M{end - point - 4:.0f} {y - 4}l8 8m-8 0l8 -8"
    )
    mark = f'<text class="cross" x="{WIDTH - 4}" y="{y + 4}">at fault</text>' if row.fault else ""
    return (
        f'<g class="{kind}"><text class="time" x="0" y="{y + 4}">{escape(row.time)}</text>'
        f'<path d="M{begin:.0f} {y}H{end:.0f}"/><path class="head" d="{head}"/>'
        f'<text class="what" x="{(begin + end) / 2:.0f}" y="{y - 4}">{escape(text)}</text>{mark}</g>'
    )

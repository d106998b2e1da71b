"""Days and times of ``tdwii find``, which keys were given, and the order of what is found."""

from __future__ import annotations

from datetime import UTC, datetime
from datetime import date as day

import click
from click.core import ParameterSource
from pydicom.dataset import Dataset

from ..sut.description import Workitems
from ..ups.times import is_value, read_date_time, value_start, written
from .failures import Usage

__all__ = ["added", "between", "by_start", "given", "moment", "start_range"]


def start_range(date: str) -> str:
    """Return the range of Scheduled Procedure Step Start DateTime of ``--date``; empty for ``any``.

    Raises
    ------
    Usage
        If it is no date.
    """
    if date == "any":
        return ""
    try:
        found = Workitems(date=date).start_range(day.today())
    except ValueError:
        raise Usage(f"--date {date!r} is not a date: give today, YYYY-MM-DD, YYYY-MM-DD..YYYY-MM-DD or any") from None
    first, last = found.split("-")
    if last < first:
        raise Usage(f"--date {date!r} ends before it begins")
    return found


def given(name: str) -> bool:
    """Whether the user gave an option of the command that runs."""
    return click.get_current_context().get_parameter_source(name) != ParameterSource.DEFAULT


def between(start: str | None, end: str | None) -> str:
    """Return the range of Scheduled Procedure Step Start DateTime of ``--start`` and ``--end``.

    Raises
    ------
    Usage
        If one is no time, ``--date`` is given as well, or the end is before the start.
    """
    if given("date"):
        raise Usage("--start and --end are instead of --date")
    first, last = (moment(text, option) if text else "" for text, option in ((start, "--start"), (end, "--end")))
    if last and len(last) == len("YYYYMMDD"):
        last += "235959"
    began, ended = value_start(first, "DT"), value_start(last, "DT")
    if began and ended and ended < began:
        raise Usage(f"--end {end} is before --start {start}")
    return f"{first}-{last}"


def moment(text: str, option: str) -> str:
    """Return a day or time as DICOM writes it (DT).

    Raises
    ------
    Usage
        If it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"{option} {text!r} is no time: give YYYY-MM-DD, or YYYY-MM-DDTHH:MM[:SS]") from None
    dicom = written(found)
    if not is_value(dicom, "DT"):
        raise Usage(f"{option} {text!r}: an offset from UTC is whole minutes from -12:00 to +14:00")
    return dicom[: len("YYYYMMDD")] if len(text) <= len("YYYY-MM-DD") else dicom


def added(date: str, identifier: Dataset) -> list[str]:
    """Return which keys a query has beyond those that the user gave."""
    day_asked = str(identifier.get("ScheduledProcedureStepStartDateTime") or "")[:8]
    spoken = {
        "state": "SCHEDULED",
        "date": f"{date} ({day_asked[:4]}-{day_asked[4:6]}-{day_asked[6:]})",
        "workitem_code": "workitem code 121726",
    }
    if given("start") or given("end"):
        del spoken["date"]
    return [text for name, text in spoken.items() if not given(name)]


def by_start(workitem: Dataset) -> tuple[bool, datetime]:
    """Return where a workitem belongs in a list: by its start; last what has none that can be read."""
    start = read_date_time(
        str(workitem.get("ScheduledProcedureStepStartDateTime") or ""), str(workitem.get("TimezoneOffsetFromUTC") or "")
    )
    if start is None:
        return True, datetime.max.replace(tzinfo=UTC)
    try:
        return False, start.first.astimezone(UTC)
    except (ValueError, OverflowError):  # at the very beginning or end of what Python can count
        return False, start.first.replace(tzinfo=UTC)

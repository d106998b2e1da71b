"""The tables and keys of the TOML file, one model for each table, and what each value may be."""

from __future__ import annotations

import datetime
import shlex
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr

from ..dimse import Timeouts, check_ae_title
from ..treatment.messages import Code
from ..treatment.parts import Modality
from .description import CAPABILITIES, Caller, Edition, Workitems, WorkitemSource, day_range
from .problems import near

__all__ = ["AETitle", "CallerTable", "ListenerTable", "PeerTable", "Port", "SystemFile", "TLSTable", "Table", "Text"]


def _ae_title(value: Any) -> Any:
    return check_ae_title(value) if isinstance(value, str) else value


def _port(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError(f"{value!r} is not a port: give 1 to 65535")
    return value


def _count(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise ValueError(f"{value!r} is not a count: give 1 to 100000")
    return value


def _seconds(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise ValueError(f"{value!r} is not a time-out: give seconds, more than 0 and at most 3600")
    return float(value)


def _claim(value: Any) -> Any:
    if value == "cget":
        raise ValueError("'cget' is no capability any more: no requirement is about C-GET; leave it out")
    if value not in CAPABILITIES:
        raise ValueError(f"{value!r} is no capability{near(value, CAPABILITIES)}")
    return value


def _command(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a command: {error}") from error


def _not_empty(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty")
    return value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _date(value: Any) -> Any:
    if isinstance(value, datetime.date):  # TOML has dates of its own
        value = f"{value:%Y-%m-%d}"
    try:
        first, last = day_range(value, datetime.date.min)
    except (TypeError, ValueError):
        raise ValueError(f'{value!r} is not a date: give "today", "YYYY-MM-DD" or "YYYY-MM-DD..YYYY-MM-DD"') from None
    if last < first and "today" not in value:
        raise ValueError(f"{value!r} ends before it begins")
    return value


AETitle = Annotated[StrictStr, BeforeValidator(_ae_title)]

Port = Annotated[int, BeforeValidator(_port)]

Seconds = Annotated[float, BeforeValidator(_seconds)]

Count = Annotated[int, BeforeValidator(_count)]

Text = Annotated[StrictStr, BeforeValidator(_not_empty)]


class Table(BaseModel):
    """A table in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _System(Table):
    name: Text
    vendor: StrictStr = ""
    product: StrictStr = ""
    version: StrictStr = ""
    edition: Edition = "ti"
    test_system: StrictBool = False


class TLSTable(Table):
    """Files of certificates and keys, relative to the folder of the file."""

    ca: Text | None = None
    certificate: Text | None = None
    key: Text | None = None
    check_hostname: bool = True


class PeerTable(Table):
    """``[ost]``: how to call a system under test."""

    ae_title: AETitle
    host: Text | None = None
    port: Port | None = None
    supports: list[Annotated[str, BeforeValidator(_claim)]] = []
    tls: TLSTable | None = None


class _TMS(PeerTable):
    restart: Annotated[list[Text], Field(min_length=1)] | None = None
    fallback: Annotated[list[AETitle], BeforeValidator(_several)] = []


class CallerTable(PeerTable):
    """``[tdd]`` and ``[watcher]``: a system under test that calls us."""

    receiver_ae_title: AETitle | None = None
    step_timeout: Seconds = Caller.step_timeout
    settle: Seconds = Caller.settle
    trigger: Annotated[list[Text], BeforeValidator(_command), Field(min_length=1)] | None = None


class ListenerTable(Table):
    """The address and AE title at which we listen."""

    ae_title: AETitle
    host: Text = "0.0.0.0"
    port: Port | None = None


class _OurTDD(ListenerTable):
    ae_title: AETitle = "TDD"


class _OurTMS(ListenerTable):
    ae_title: AETitle = "TMS"


class _OurOST(ListenerTable):
    ae_title: AETitle = "OST"


class _Ours(Table):
    tdd: _OurTDD = _OurTDD()
    tms: _OurTMS = _OurTMS()
    ost: _OurOST = _OurOST()
    unattributed: Literal["accept", "reject"] = "accept"
    transcripts: Text | None = None
    second_performer: AETitle = "TDD2"
    second_watcher: AETitle | None = None
    tls: TLSTable | None = None


class _Timeouts(Table):
    connect: Seconds = Timeouts.connect
    association: Seconds = Timeouts.association
    message: Seconds = Timeouts.message
    network: Seconds = Timeouts.network
    event: Seconds = 10.0
    restart: Seconds = 60.0


def _one_value(text: object) -> object:
    if isinstance(text, str) and "\\" in text:
        raise ValueError("has a backslash, which separates values in DICOM; one value is needed")
    return text


class _Station(Table):
    value: Annotated[Text, BeforeValidator(_one_value)]
    scheme: Annotated[StrictStr, BeforeValidator(_one_value)] = ""
    meaning: Annotated[StrictStr, BeforeValidator(_one_value)] = ""

    @property
    def code(self) -> Code:
        """The code; its meaning, which must not be empty where it is sent [PS3.3 8.3], is the value if none is given."""
        return Code(self.value, self.scheme, self.meaning or self.value)


class _Workitems(Table):
    source: Annotated[list[WorkitemSource], BeforeValidator(_several), Field(min_length=1)] | None = None
    station: _Station | None = None
    date: Annotated[StrictStr, BeforeValidator(_date)] = "today"
    command: Annotated[list[Text], BeforeValidator(_command), Field(min_length=1)] | None = None
    timeout: Seconds = Workitems.timeout
    recognised_by: Annotated[list[Literal["station", "patient", "label", "start"]], Field(min_length=1)] = [
        "station", "patient", "start",
    ]  # fmt: skip
    patient_id: StrictStr = ""
    patient_name: StrictStr = ""
    changes: Annotated[list[Literal["cancel", "move"]], BeforeValidator(_several)] = []
    other_station: _Station | None = None
    modality: Modality = "photon"


class _Properties(Table):
    examples: Count = 20
    steps: Count = 20


class _Objects(Table):
    folder: Text | None = None


class SystemFile(Table):
    """The whole file."""

    system: _System
    tms: _TMS | None = None
    ost: PeerTable | None = None
    tdd: CallerTable | None = None
    watcher: CallerTable | None = None
    ours: _Ours = _Ours()
    timeouts: _Timeouts = _Timeouts()
    workitems: _Workitems = _Workitems()
    objects: _Objects = _Objects()
    properties: _Properties = _Properties()

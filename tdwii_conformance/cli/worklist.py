"""``tdwii find``, ``create``, ``get``, ``request-cancel``: reading the worklist, and filling it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..dcmdump import dump
from ..profile.ups_service import REQUEST_CANCEL, UPS
from ..scu.tdd import TDD
from ..transcript.exchange import Exchange
from ..treatment.messages import Code, item, references, worklist_query
from ..ups.times import readable
from .answers import settle
from .failures import NoAnswer, Refused, Usage
from .files import expanded, of_class, read_dataset, read_or_fill, safe_uid, save_message
from .lenient import as_json as json_model
from .lenient import identifiers
from .lenient import readable as readable_dataset
from .query_keys import added, between, by_start, given, start_range
from .screen import Spoken, note, plain, say, say_json, say_table
from .settings import Command, Settings, common, templated, words

__all__ = ["create", "find", "get", "request_cancel"]

STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
MODELS = {"pull": UPS.PULL, "push": UPS.PUSH, "watch": UPS.WATCH, "query": UPS.QUERY}
UPS_CLASSES = (UPS.PUSH, UPS.PULL, UPS.WATCH, UPS.QUERY)


class State(click.ParamType[str]):
    """A Procedure Step State, as DICOM or as a shell spells it; ``any`` is no state."""

    name = "state"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as DICOM spells it."""
        state = str(value).upper().replace("-", " ").replace("_", " ")
        if state == "ANY":
            return ""
        if state and state not in STATES:
            self.fail(f"{value!r} is not one of {', '.join(STATES)}, any", param, ctx)
        return state


def performer(settings: Settings, peer: Any) -> TDD:
    """Return the TDD with which commands call a TMS."""
    tdd = TDD(peer, peer, calling=settings.calling, timeouts=settings.timeouts, transcript=Spoken(settings.verbosity))
    tdd.contexts = {role: settings.proposed(contexts) for role, contexts in tdd.contexts.items()}
    tdd.maximum_length = settings.maximum_length
    return tdd


@click.command(
    cls=Command,
    examples=[
        "tdwii find localhost 11114 --station FX1",
        "tdwii find TMS --station FX1 --state any --date 2026-11-01..2026-11-30",
        "tdwii find TMS --station FX1 --start 2026-11-29T08:00 --end 2026-11-29T12:00",
        "tdwii find TMS --workitem 1.2.3.4",
        "tdwii find TMS --query UPSCFind_FX1.dcmdump.txt --save responses",
        "tdwii find TMS --template query-scheduled --set StationCode=FX1",
        "tdwii find TMS --station FX1 --json | jq -r '.[].sop_instance_uid'",
    ],
)
@click.argument("peer", nargs=-1, metavar="PEER")
@click.option("--query", type=click.Path(path_type=Path), metavar="FILE", help="The identifier: a DICOM file or dcmdump text.")
@templated
@click.option("--station", default="", metavar="CODE", help="Code Value of the Scheduled Station Name.")
@click.option("--station-scheme", default="", metavar="SCHEME", help="Its Coding Scheme Designator.")
@click.option("--state", type=State(), default="SCHEDULED", show_default=True, metavar="STATE",
              help="SCHEDULED, IN-PROGRESS, COMPLETED, CANCELED or any.")  # fmt: skip
@click.option("--date", default="today", show_default=True, metavar="DATE",
              help="Day of the scheduled start: today, YYYY-MM-DD, YYYY-MM-DD..YYYY-MM-DD or any.")  # fmt: skip
@click.option("--start", metavar="TIME", help="Instead of --date: scheduled not before YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS].")
@click.option("--end", metavar="TIME", help="Scheduled start not after, as --start.")
@click.option("--workitem", metavar="UID", help="This one alone, in any state, on any day.")
@click.option("--workitem-code", default="121726", show_default=True, metavar="CODE",
              help="Code Value (DCM) of the Scheduled Workitem Code; empty for any.")  # fmt: skip
@click.option("--model", type=click.Choice(list(MODELS)), default="pull", show_default=True,
              help="SOP class to ask under: UPS Pull, Push, Watch or Query.")  # fmt: skip
@click.option("--save", type=click.Path(path_type=Path), metavar="DIR", help="Write the responses there: rsp000001.dcm, ...")
@click.option("--force", is_flag=True, help="Replace the responses that are in DIR.")
@common()
def find(
    settings: Settings,
    peer: tuple[str, ...],
    query: Path | None,
    template: str | None,
    values: tuple[str, ...],
    station: str,
    station_scheme: str,
    state: str,
    date: str,
    start: str | None,
    end: str | None,
    workitem: str | None,
    workitem_code: str,
    model: str,
    save: Path | None,
    force: bool,
) -> None:
    """Find workitems (RO-58, C-FIND).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book.

    The query is made from the options, or is a file or template. Options for keys have no effect on a file or template.
    """
    whom, _ = words(settings, peer)
    identifier = read_or_fill(query, template, values, "a query")
    own = identifier is None
    if identifier is None:
        if workitem is not None:
            # What identifies it is enough; what was said beside it counts all the same.
            state, date, workitem_code = (
                value if given(name) else usual
                for name, value, usual in (("state", state, ""), ("date", date, "any"), ("workitem_code", workitem_code, ""))
            )
        identifier = worklist_query(
            station=station,
            scheme=station_scheme or None,
            start=between(start, end) if start or end else start_range(date),
            state=state,
            workitem=workitem_code,
            **({"SOPInstanceUID": workitem} if workitem is not None else {}),
        )
    if save is not None:
        _make_room(save, force)
    with performer(settings, whom) as tdd:
        exchange = tdd.query(identifier, MODELS[model])
    saved = _save(exchange, save) if save is not None else []
    matches = identifiers(exchange)
    if matches or exchange.status == 0x0000:
        _show(matches, saved, settings.as_json)
    if own and workitem is None and not exchange.pending and exchange.status == 0x0000 and (ours := added(date, identifier)):
        note(f"asked for {', '.join(ours)}, as nothing else was said: --state any, --date any, --workitem-code '' ask for all")
    settle(exchange, "the query", whom)
    if unreadable := sum(m.encoded is not None for m in exchange.pending) - len(matches):
        raise NoAnswer(f"{whom}: {unreadable} of {len(exchange.pending)} responses are no data set that can be read")


def _make_room(folder: Path, force: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    present = sorted(folder.glob("rsp[0-9]*.dcm"))
    if present and not force:
        raise Usage(f"{folder}: has {present[0].name} already: --force replaces the responses that are there")
    for path in present:
        path.unlink()


def _save(exchange: Exchange, folder: Path) -> list[str]:
    saved = []
    for number, message in enumerate((m for m in exchange.pending if readable_dataset(m) is not None), 1):
        path = folder / f"rsp{number:06d}.dcm"
        save_message(message, path)
        saved.append(str(path))
    return saved


def _show(matches: Sequence[Dataset], saved: Sequence[str], as_json: bool) -> None:
    # By their start, each with the file that it was written to.
    files = [{"file": path} for path in saved] or [{}] * len(matches)
    ordered = sorted(zip(matches, files, strict=True), key=lambda one: by_start(one[0]))
    found = [summary(identifier) for identifier, _ in ordered]
    if as_json:
        files = [file for _, file in ordered]
        whole = [json_model(identifier) for identifier, _ in ordered]
        say_json([{**one, **file, "dataset": ds} for one, file, ds in zip(found, files, whole, strict=True)])
        return
    if found:
        columns = ["State", "Start", "Patient", "ID", "Label", "Station", "Inputs", "Workitem"]
        say_table(columns, [_row(one) for one in found], whole=["Workitem"], steady=["State", "Start", "ID"])
    many = f"{len(found)} workitem{'' if len(found) == 1 else 's'}"
    note(many + (f", saved as {saved[0]}{f' to {Path(saved[-1]).name}' if len(saved) > 1 else ''}" if saved else ""))


def summary(workitem: Dataset) -> dict[str, Any]:
    """Return what people and scripts look for first in a workitem."""

    def code(keyword: str) -> str:
        items = workitem.get(keyword) or ()
        return str(items[0].get("CodeValue") or "") if items else ""

    return {
        "sop_instance_uid": str(workitem.get("SOPInstanceUID") or ""),
        "state": str(workitem.get("ProcedureStepState") or ""),
        "start": str(workitem.get("ScheduledProcedureStepStartDateTime") or ""),
        "timezone": str(workitem.get("TimezoneOffsetFromUTC") or ""),
        "patient_name": str(workitem.get("PatientName") or ""),
        "patient_id": str(workitem.get("PatientID") or ""),
        "label": str(workitem.get("ProcedureStepLabel") or ""),
        "station": code("ScheduledStationNameCodeSequence"),
        "workitem_code": code("ScheduledWorkitemCodeSequence"),
        "inputs": [
            {"ae_title": one.ae_title, "sop_class_uid": one.sop_class, "sop_instance_uid": one.instance}
            for one in references(workitem.get("InputInformationSequence"))
        ],
    }


def _row(one: dict[str, Any]) -> list[object]:
    inputs = Counter(entry["ae_title"] or "?" for entry in one["inputs"])
    return [
        one["state"], readable(one["start"], one["timezone"]), one["patient_name"], one["patient_id"], one["label"], one["station"],
        ", ".join(f"{count} {title}" for title, count in inputs.items()), one["sop_instance_uid"],
    ]  # fmt: skip


@click.command(
    cls=Command,
    examples=["tdwii get TMS 1.2.3.4", "tdwii get localhost 11114 1.2.3.4 ProcedureStepState InputReadinessState",
              "tdwii get TMS 1.2.3.4 --json | jq '.[\"00741000\"].Value[0]'"],
)  # fmt: skip
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM [KEYWORD]...")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a DICOM file.")
@common()
def get(settings: Settings, words_: tuple[str, ...], save: Path | None) -> None:
    """Get a workitem's attributes (N-GET).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID. Without keywords all
    attributes are asked for. They are shown as dcmdump text, with --json in the DICOM JSON model.
    """
    from pydicom.datadict import tag_for_keyword

    whom, (workitem, *keywords) = words(settings, words_, "WORKITEM", many="KEYWORD")
    for keyword in keywords:
        if tag_for_keyword(keyword) is None:
            raise Usage(f"{keyword!r} is not a keyword of the DICOM data dictionary, such as ProcedureStepState")
    with performer(settings, whom) as tdd:
        exchange = tdd.get(workitem, keywords)
    settle(exchange, f"N-GET of {workitem}", whom)
    found = answered_dataset(exchange, whom)
    if save is not None and exchange.response is not None:
        save_message(exchange.response, save, uid=workitem)
    if settings.as_json:
        say_json(json_model(found))
    else:
        say("\n".join(plain(line) for line in dump(found, longest=200).rstrip("\n").split("\n")))


def answered_dataset(exchange: Exchange, whom: object) -> Dataset:
    """Return the data set of the response; raises `NoAnswer` if it cannot be read. None at all is an empty one."""
    dataset = readable_dataset(exchange.response)
    if dataset is None and exchange.response is not None and exchange.response.encoded is not None:
        raise NoAnswer(f"{whom}: the answer's data set cannot be read")
    return dataset if dataset is not None else Dataset()


@click.command(
    cls=Command,
    examples=["tdwii create TMS UPS_1.2.3.4.dcm", "tdwii create localhost 11114 workitem.dcmdump.txt --uid 1.2.3.5"],
)
@click.argument("words_", nargs=-1, metavar="PEER [FILE]...")
@templated
@click.option("--uid", metavar="UID", help="SOP Instance UID of the workitem; the file's own, or a new one.")
@common()
def create(settings: Settings, words_: tuple[str, ...], template: str | None, values: tuple[str, ...], uid: str | None) -> None:
    """Create workitems (N-CREATE).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; FILE is a DICOM file or dcmdump text, or a folder: every
    workitem in it and below is created, other files are named.
    """
    whom, names = words(settings, words_, many="FILE", least=0 if template else 1)
    if template is None:
        names = [str(path) for path in expanded([Path(name) for name in names], _workitem)]
    if uid is not None and len(names) > 1:
        raise Usage("--uid is for one file: each workitem has its own SOP Instance UID")
    workitems = []
    for name in names or [template or ""]:
        attributes = read_or_fill(Path(name) if names else None, template, values, "a UPS") or Dataset()
        of_class(attributes, UPS_CLASSES, "a UPS", name)
        instance = uid or str(attributes.get("SOPInstanceUID") or generate_uid())
        if uid is not None or "SOPInstanceUID" in attributes:
            safe_uid(instance, Path(name))
        for keyword in ("SOPClassUID", "SOPInstanceUID"):  # they are in the command set
            if keyword in attributes:
                delattr(attributes, keyword)
        workitems.append((name, instance, attributes))
    answers: list[dict[str, str]] = []
    refusals: list[str] = []
    with performer(settings, whom) as tdd:
        for name, instance, attributes in workitems:
            try:
                answer = settle(tdd.create(instance, attributes), f"to create {instance} ({name})", whom)
            except Refused as error:
                refusals.append(str(error))
                continue
            answers.append({"file": name, "sop_instance_uid": instance, **answer})
            if not settings.as_json:
                say(instance)
    if settings.as_json:
        say_json(answers)
    if refusals:
        raise Refused("\n".join(refusals))


def _workitem(path: Path) -> None:
    """Raise what is wrong with a file of a folder, if it is no workitem."""
    if "SOPClassUID" not in read_dataset(path, text=True, classes=UPS_CLASSES, what="a UPS"):
        raise Usage(f"{path}: has no SOP Class UID; one of UPS is needed")


@click.command(
    "request-cancel",
    cls=Command,
    examples=["tdwii request-cancel TMS 1.2.3.4 --reason 'machine down'",
              "tdwii request-cancel localhost 11114 1.2.3.4 --contact-name 'Dr. A' --contact-uri tel:+1-555-0100"],
)  # fmt: skip
@click.argument("words_", nargs=-1, metavar="PEER WORKITEM")
@click.option("--reason", metavar="TEXT", help="Reason for Cancellation.")
@click.option("--reason-code", metavar="VALUE^SCHEME^MEANING", help="Procedure Step Discontinuation Reason Code.")
@click.option("--contact-name", metavar="TEXT", help="Contact Display Name.")
@click.option("--contact-uri", metavar="URI", help="Contact URI.")
@common()
def request_cancel(
    settings: Settings,
    words_: tuple[str, ...],
    reason: str | None,
    reason_code: str | None,
    contact_name: str | None,
    contact_uri: str | None,
) -> None:
    """Request the cancellation of a workitem that another performs (N-ACTION, Request UPS Cancel).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book; WORKITEM is a SOP Instance UID. The request is
    reported to the performer, which decides. A workitem without a performer is canceled at once.
    """
    whom, (workitem,) = words(settings, words_, "WORKITEM")
    given = {"ReasonForCancellation": reason, "ContactDisplayName": contact_name, "ContactURI": contact_uri}
    information = item(**{keyword: value for keyword, value in given.items() if value is not None})
    if reason_code is not None:
        information.ProcedureStepDiscontinuationReasonCodeSequence = [code(reason_code, "--reason-code").item]
    with performer(settings, whom) as tdd:
        exchange = tdd.action(workitem, REQUEST_CANCEL, information, UPS.WATCH)
    answer = settle(exchange, f"the cancel request for {workitem}", whom)
    if settings.as_json:
        say_json({"sop_instance_uid": workitem, **answer})
    else:
        say(f"{whom} took the cancel request for {workitem}: {answer['status']} ({answer['meaning']})")


def code(text: str, option: str) -> Code:
    """Return a coded entry given as ``VALUE^SCHEME^MEANING``, as HL7 writes them.

    Raises
    ------
    Usage
        If it is none.
    """
    parts = text.split("^")
    if len(parts) > 3 or not parts[0]:
        raise Usage(f"{option} {text!r} is not a coded entry: give VALUE^SCHEME^MEANING, for example FX1^99X^Machine 1")
    if "\\" in text:
        raise Usage(f"{option} {text!r}: a backslash separates values in DICOM, and one value is needed")
    value, scheme, meaning = (*parts, "", "")[:3]
    return Code(value, scheme, meaning or value)

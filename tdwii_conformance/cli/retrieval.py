"""``tdwii retrieve-inputs``: the inputs of workitems, moved from the AEs that they name (RO-59, RO-61)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click
from pydicom.uid import UID

from ..dimse import Peer, check_ae_title, connect
from ..scu.receiver import Receiver
from ..scu.tdd import STUDY_ROOT_MOVE, TDD
from ..transcript.answers import answered
from ..transcript.exchange import Exchange
from ..treatment.messages import Reference, move_identifier, references
from .answers import settle, spoken_status
from .failures import NoAnswer, Refused, Usage
from .files import read_dataset, safe_uid, save_message
from .screen import Spoken, note, say_json, say_table
from .settings import Command, Settings, common
from .worklist import UPS_CLASSES

__all__ = ["retrieve_inputs"]

RECEIVE_PORT = 11113


@dataclass
class Input:
    """An item of an Input Information Sequence, and the result of its retrieval."""

    file: Path
    number: int
    references: list[Reference]
    status: str = ""
    failed: str = ""
    unanswered: bool = False
    unknown: str = ""
    late: dict[str, float] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        """Retrieve AE Title."""
        return self.references[0].ae_title

    @property
    def kinds(self) -> str:
        """What is referred to, by SOP class."""
        names = Counter(UID(one.sop_class).name.removesuffix(" Storage") for one in self.references)
        return ", ".join(name if count == 1 else f"{count} {name}" for name, count in names.items())


@click.command(
    "retrieve-inputs",
    cls=Command,
    examples=[
        "tdwii retrieve-inputs rsp000001.dcm --to TDD --receive --into inputs",
        "tdwii retrieve-inputs responses/rsp*.dcm --to STORESCP --entities ApplicationEntities.json",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESPONSE...")
@click.option("--to", required=True, metavar="AE", help="Move destination, as the systems know it.")
@click.option("--receive", is_flag=True, help="Be the move destination: run a receiver until the command ends.")
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR",
              help="With --receive: write what comes there, as <SOPInstanceUID>.dcm.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), metavar="N",
              help=f"With --receive: listen here  [default: the address book's port of AE, or {RECEIVE_PORT}]")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="With --receive: listen here; 0.0.0.0 for peers on other machines.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are in DIR.")
@common()
def retrieve_inputs(
    settings: Settings,
    files: tuple[Path, ...],
    to: str,
    receive: bool,
    into: Path | None,
    port: int | None,
    host: str,
    force: bool,
) -> None:
    """Retrieve the inputs of workitems (RO-59, RO-61): a C-MOVE per input.

    RESPONSE is a worklist response that tdwii find --save wrote, or a workitem. Each input is requested from the AE that
    it names, whose address is in the address book (or in --config).
    """
    check_ae_title(to)
    if (into is not None or port is not None) and not receive:
        raise Usage("--into and --port are for --receive: without it the instances go to the AE of --to")
    inputs = [one for path in files for one in _inputs(path)]
    peers = {title: _source(settings, title, inputs) for title in dict.fromkeys(one.source for one in inputs)}
    if into is not None:
        _make_room(into, inputs, force)
    with ExitStack() as stack:
        receiver = None
        if receive:
            known = settings.book.get(to)
            at = port if port is not None else known.port if known else RECEIVE_PORT
            also = [reference.sop_class for one in inputs for reference in one.references]
            receiver = stack.enter_context(
                Receiver(to, host=host, port=at, timeouts=settings.timeouts, also=also, tls=settings.our_tls)
            )
        for title, peer in peers.items():
            for one in inputs:
                if one.source == title:
                    _retrieve(settings, one, peer, to, receiver, into)
    _show(inputs, settings.as_json, received=receive)
    failed = [one for one in inputs if one.failed]
    if failed:
        kind = NoAnswer if all(one.unanswered for one in failed) else Refused
        raise kind("\n".join(f"{one.file}: input {one.number}: {one.failed}" for one in failed))


def _inputs(path: Path) -> Iterator[Input]:
    workitem = read_dataset(path, text=True, classes=UPS_CLASSES, what="a response of the worklist, or a workitem,")
    items = workitem.get("InputInformationSequence") or ()
    found = False
    for number, item in enumerate(items, 1):
        referred = references([item])
        if not referred:
            continue  # an item of a query's answer may be empty
        found = True
        for keyword, value in (
            ("RetrieveAETitle", [one.ae_title for one in referred]),
            ("StudyInstanceUID", [one.study for one in referred]),
            ("SeriesInstanceUID", [one.series for one in referred]),
            ("ReferencedSOPInstanceUID", [one.instance for one in referred]),
        ):
            if not all(value):
                raise Usage(f"{path}: InputInformationSequence[{number - 1}]: {keyword} is missing: it cannot be retrieved")
        yield Input(path, number, referred)
    if not found:
        raise Usage(f"{path}: has no inputs: its InputInformationSequence is missing or empty")


def _source(settings: Settings, title: str, inputs: list[Input]) -> Peer:
    try:
        return settings.entity(title)
    except Usage as error:
        first = next(one for one in inputs if one.source == title)
        raise Usage(f"{first.file}: input {first.number} is to be retrieved from {title!r}: {error}") from None


def _make_room(folder: Path, inputs: list[Input], force: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in inputs:
        for reference in one.references:
            path = folder / f"{safe_uid(reference.instance, one.file)}.dcm"
            if path.exists() and not force:
                raise Usage(f"{path}: is there already: --force replaces it")


def _retrieve(settings: Settings, one: Input, peer: Peer, to: str, receiver: Receiver | None, into: Path | None) -> None:
    spoken = Spoken(settings.verbosity)
    calling = to if receiver is not None and settings.given_calling is None else settings.calling
    stored: tuple[Exchange, ...] = ()
    try:
        if receiver is not None:
            with TDD(peer, peer, calling=calling, timeouts=settings.timeouts, transcript=spoken, receiver=receiver) as tdd:
                tdd.contexts["OST"] = settings.proposed([STUDY_ROOT_MOVE])
                tdd.maximum_length = settings.maximum_length
                retrieval = tdd.retrieve_references("OST", one.references)
            move, stored, one.late = retrieval.move, retrieval.stores, retrieval.late
        else:
            first = one.references[0]
            identifier = move_identifier(first.study, first.series, [r.instance for r in one.references])
            contexts, how = settings.proposed([STUDY_ROOT_MOVE]), {**settings.association, "calling": calling}
            with connect(peer, contexts, transcript=spoken, **how) as link:
                move = link.c_move(STUDY_ROOT_MOVE, identifier, to)
    finally:
        for exchange in stored:
            spoken.append(exchange)
    for uid, seconds in one.late.items():
        note(f"{one.file}: input {one.number}: {peer} sent {uid} {seconds:.1f} s after its final response")
    for exchange in stored:
        if into is None:
            one.received.append(exchange.instance_uid)
            continue
        path = into / f"{safe_uid(exchange.instance_uid, one.file)}.dcm"
        save_message(exchange.request, path)
        one.received.append(str(path))
    came = {exchange.instance_uid for exchange in stored}
    missing = [reference.instance for reference in one.references if reference.instance not in came]
    _judge(one, move, peer, missing=missing if receiver is not None else None)


def _judge(one: Input, move: Exchange, peer: Peer, *, missing: list[str] | None) -> None:
    """Record the result for an input: by the instances that came if we received them, else by the numbers of the final response."""
    try:
        settle(move, f"the retrieval of {one.kinds}", peer, strict=False)
    except NoAnswer as error:
        one.status, one.failed, one.unanswered = "no answer", str(error), True
        return
    one.status = f"{move.status:04X}"
    numbers = {kind: _number(move, kind) for kind in ("Completed", "Failed", "Warning")}
    moved = None if numbers["Completed"] is None else numbers["Completed"] + (numbers["Warning"] or 0)
    wanted = len(one.references)
    if answered(move) not in ("done", "warning") or numbers["Failed"]:
        failed = f"; {numbers['Failed']} not moved" if numbers["Failed"] else ""
        one.failed = f"{peer} answered {spoken_status(move)}{failed}"
    elif missing:
        counts = "" if moved is None else f" and counts {moved} as moved"
        one.failed = f"{peer} answered {spoken_status(move)}{counts}, but {wanted - len(missing)} of {wanted} instances came"
    elif missing is None and moved is None:
        one.unknown = f"{peer} answered {spoken_status(move)}, and does not say how many instances it moved"
    elif missing is None and moved is not None and moved < wanted:
        one.failed = f"{peer} answered {spoken_status(move)}, but counts {moved} of {wanted} instances as moved"


def _number(move: Exchange, kind: str) -> int | None:
    value = move.response.command.get(f"NumberOf{kind}Suboperations") if move.response else None
    return None if value is None else int(value)


def _show(inputs: list[Input], as_json: bool, *, received: bool) -> None:
    if as_json:
        say_json(
            [
                {
                    "response": str(one.file),
                    "input": one.number,
                    "ae_title": one.source,
                    "sop_instance_uids": [reference.instance for reference in one.references],
                    "status": one.status,
                    "received": one.received,
                    **({"failed": one.failed} if one.failed else {}),
                    **({"unknown": one.unknown} if one.unknown else {}),
                    **({"late": one.late} if one.late else {}),
                }
                for one in inputs
            ]
        )
        return
    rows = [
        [one.file.name, one.number, one.kinds, one.source, one.status, *([len(one.received)] if received else [])] for one in inputs
    ]
    say_table(["Response", "Input", "Kind", "From", "Status", *(["Received"] if received else [])], rows)
    done = sum(not one.failed and not one.unknown for one in inputs)
    note(f"{done} of {len(inputs)} inputs retrieved")
    for one in inputs:
        if one.unknown:
            note(f"{one.file}: input {one.number}: it is not known whether it was retrieved: {one.unknown}")

"""``tdwii echo``, ``store``, ``results``: is a peer there; instances and treatment records to it (RO-63)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from pydicom import uid
from pydicom.dataset import Dataset

from ..dcmdump import save_dicom
from ..dimse import Link, Peer, Proposal, connect, declared
from ..treatment import objects
from .answers import settle
from .failures import Refused, Usage
from .files import LARGE, expanded, read_dataset
from .performing import RECORDS
from .screen import Spoken, say, say_json
from .settings import Command, Settings, common, words

__all__ = ["echo", "results", "store"]

VERIFICATION = "1.2.840.10008.1.1"
UNCOMPRESSED = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
MOST_CONTEXTS = 128


@click.command(cls=Command, examples=["tdwii echo localhost 11114", "tdwii echo TMS --entities ApplicationEntities.json"])
@click.argument("peer", nargs=-1, metavar="PEER")
@common()
def echo(settings: Settings, peer: tuple[str, ...]) -> None:
    """Ask whether a peer is there (C-ECHO).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book.
    """
    whom, _ = words(settings, peer)
    with _connect(settings, whom, [VERIFICATION]) as link:
        exchange = link.c_echo()
    answer = settle(exchange, "C-ECHO", whom)
    if settings.as_json:
        say_json({"peer": str(whom), "host": whom.host, "port": whom.port, **answer})
    else:
        say(f"{whom} at {whom.host}:{whom.port} answers {settings.calling}: {answer['status']} ({answer['meaning']})")


def _connect(settings: Settings, whom: Peer, contexts: Sequence[Proposal]) -> Link:
    transcript = Spoken(settings.verbosity)
    return connect(whom, settings.proposed(contexts), transcript=transcript, **settings.association)


@click.command(
    cls=Command,
    examples=[
        "tdwii store OST plan.dcm record.dcm",
        "tdwii store OST folder",
        "tdwii store localhost 11112 inputs/*.dcm --called OST",
    ],
)
@click.argument("words_", nargs=-1, metavar="PEER FILE...")
@common()
def store(settings: Settings, words_: tuple[str, ...]) -> None:
    """Store instances (C-STORE).

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book. FILE may be a folder: everything in it and below that can
    be stored is sent, the rest is named. All files are looked at before the first is sent; one that is refused does not keep
    the others from being sent.
    """
    whom, names = words(settings, words_, many="FILE", least=1)
    paths = expanded([Path(name) for name in names], lambda path: _context(path, _instance(path, ())))
    _store(settings, whom, paths, classes=())


@click.command(
    cls=Command,
    examples=["tdwii results OST record.dcm",
              "tdwii results OST --plan inputs/plan.dcm --instruction inputs/rbdi.dcm --save record.dcm",
              "tdwii results OST --plan plan.dcm --instruction rbdi.dcm --interrupted --save partial.dcm"],
)  # fmt: skip
@click.argument("words_", nargs=-1, metavar="PEER [RECORD]...")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE", help="Make a record of this RT (Ion) Plan ...")
@click.option("--instruction", type=click.Path(path_type=Path), metavar="FILE", help="... and this RT Beams Delivery Instruction.")
@click.option("--fraction-group", type=int, metavar="N", help="Fraction Group Number, where several have the beams.")
@click.option("--interrupted", is_flag=True, help="Of a delivery that stopped in the first beam.")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Write the record that was made there.")
@common()
def results(
    settings: Settings,
    words_: tuple[str, ...],
    plan: Path | None,
    instruction: Path | None,
    fraction_group: int | None,
    interrupted: bool,
    save: Path | None,
) -> None:
    """Store treatment records (RO-63, C-STORE): yours, or one made for what was retrieved.

    PEER is HOST PORT, HOST:PORT, or an AE title of the address book.
    """
    whom, names = words(settings, words_, many="RECORD")
    paths = [Path(name) for name in names]
    if plan is not None or instruction is not None:
        if plan is None or instruction is None or save is None:
            raise Usage("a record is made of --plan, --instruction and --save together")
        paths.append(_made(plan, instruction, save, interrupted, fraction_group))
    elif interrupted or fraction_group is not None or save is not None:
        raise Usage(
            "--fraction-group, --interrupted and --save are of a record that is made: give --plan and --instruction as well"
        )
    elif not paths:
        raise Usage("RECORD is missing: give treatment records, or --plan, --instruction and --save to have one made")
    _store(settings, whom, paths, classes=RECORDS)


def _made(plan: Path, instruction: Path, save: Path, interrupted: bool, group: int | None) -> Path:
    if save.exists():
        raise Usage(f"{save}: is there already")
    planned = read_dataset(plan, classes=(uid.RTPlanStorage, uid.RTIonPlanStorage), what="an RT (Ion) Plan", most=LARGE)
    instructed = read_dataset(
        instruction, classes=(uid.RTBeamsDeliveryInstructionStorage,), what="an RT Beams Delivery Instruction", most=LARGE
    )
    try:
        record = objects.record(objects.Treatment(planned, instructed, None, "", group=group), interrupted=interrupted)
    except Exception as error:  # what is in a file may be anything, and pydicom raises whatever that leads it to
        several = group is None and "fraction groups have the beams" in str(error)
        hint = "; --fraction-group N says it" if several else ""
        raise Usage(f"{plan}, {instruction}: no record can be made of them: {error}{hint}") from error
    save_dicom(declared(record), save)
    return save


def _store(settings: Settings, whom: Peer, paths: Sequence[Path], *, classes: Sequence[str]) -> None:
    contexts: dict[tuple[str, str], Proposal] = {}
    for path in paths:
        context = _context(path, _instance(path, classes))
        contexts[context[0], "" if context[1] is UNCOMPRESSED else context[1][0]] = context
    if len(contexts) > MOST_CONTEXTS:
        raise Usage(f"{len(contexts)} SOP classes and transfer syntaxes: an association has room for {MOST_CONTEXTS}")
    answers, refusals = [], []
    with _connect(settings, whom, list(contexts.values())) as link:
        for path in paths:
            instance = _instance(path, classes)
            try:
                _acceptable(link, whom, path, instance)
                answer = settle(link.c_store(instance), f"to store {path}", whom)
            except Refused as error:
                refusals.append(str(error))
                continue
            answers.append({"file": str(path), "sop_instance_uid": str(instance.SOPInstanceUID), **answer})
            if not settings.as_json:
                say(f"{whom} stored {path}: {answer['status']} ({answer['meaning']})")
    if settings.as_json:
        say_json(answers)
    if refusals:
        raise Refused("\n".join(refusals))


def _instance(path: Path, classes: Sequence[str]) -> Dataset:
    what = "a treatment record" if classes else "an instance"
    instance = read_dataset(path, classes=classes, what=what, most=LARGE, values=False)
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if not instance.get(keyword):
            raise Usage(f"{path}: {keyword} is missing: it is no instance that can be stored")
    return instance


def _context(path: Path, instance: Dataset) -> tuple[str, Sequence[str]]:
    syntax = instance.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise Usage(f"{path}: TransferSyntaxUID is missing in its file meta information")
    return str(instance.SOPClassUID), UNCOMPRESSED if syntax in UNCOMPRESSED else (str(syntax),)


def _acceptable(link: Link, whom: Peer, path: Path, instance: Dataset) -> None:
    sop_class, syntaxes = _context(path, instance)
    accepted = {c.transfer_syntax for c in link.contexts if c.accepted and c.abstract_syntax == sop_class}
    if not accepted & set(syntaxes):
        name = uid.UID(sop_class).name
        raise Refused(f"{whom} does not take {path}: {name} in {uid.UID(instance.file_meta.TransferSyntaxUID).name}")

"""``tdwii dump2dcm``, ``dcm2dump``, ``rename-workitems``: files of one form into files of another."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..dcmdump import dump
from ..dcmdump.files import save_dicom
from .failures import Usage
from .files import LARGE, read_dataset, read_text, safe_uid
from .screen import note, plain, say, say_json
from .settings import Command, Settings, common
from .worklist import UPS_CLASSES

__all__ = ["dcm2dump", "dump2dcm", "rename_workitems"]

SYNTAXES = {"implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1"}


@click.command(cls=Command, examples=["tdwii dump2dcm query.dcmdump.txt query.dcm"])
@click.argument("text", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--transfer-syntax", type=click.Choice(list(SYNTAXES)), help="Little endian, implicit or explicit VR  [default: the text's]"
)
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
def dump2dcm(text: Path, out: Path, transfer_syntax: str | None, force: bool) -> None:
    """Make a DICOM file of dcmdump text.

    What is wrong with the text is said with its line.
    """
    dataset = read_text(text)
    if out.exists() and not force:
        raise Usage(f"{out}: is there already: --force replaces it")
    save_dicom(dataset, out, transfer_syntax=SYNTAXES[transfer_syntax] if transfer_syntax else None)
    note(f"{out} written")


@click.command(cls=Command, examples=["tdwii dcm2dump rsp000001.dcm", "tdwii dcm2dump plan.dcm --cut 64 | less"])
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--cut", type=click.IntRange(1), metavar="N", help="Cut values longer than N characters; such text is for reading only."
)
@common(network=False)
def dcm2dump(settings: Settings, file: Path, cut: int | None) -> None:
    """Show a DICOM file as dcmdump text, with --json in the DICOM JSON model.

    What it prints, dump2dcm makes a file of again.
    """
    dataset = read_dataset(file, most=LARGE)
    if settings.as_json:
        say_json(dataset.to_json_dict())
        return
    say("\n".join(plain(line) for line in dump(dataset, longest=cut).rstrip("\n").split("\n")))


@click.command(
    "rename-workitems",
    cls=Command,
    examples=["tdwii rename-workitems rsp*.dcm", "tdwii rename-workitems responses/*.dcm --into ups_instances"],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="DIR", help="Move them there, instead of renaming them where they are."
)
@click.option("--force", is_flag=True, help="Replace workitems that are there.")
@common(network=False)
def rename_workitems(settings: Settings, files: tuple[Path, ...], into: Path | None, force: bool) -> None:
    """Name worklist responses as workitems: UPS_<SOPInstanceUID>.dcm.

    All files are looked at before the first is renamed. Nothing is overwritten without --force.
    """
    moves: dict[Path, Path] = {}
    for path in files:
        workitem = read_dataset(path, classes=UPS_CLASSES, what="a worklist response")
        uid = str(workitem.get("SOPInstanceUID") or "")
        if not uid:
            raise Usage(f"{path}: SOPInstanceUID is missing: the query has to ask for it")
        target = (into or path.parent) / f"UPS_{safe_uid(uid, path)}.dcm"
        if target in moves.values():
            other = next(source for source, name in moves.items() if name == target)
            raise Usage(f"{path}: is the same workitem as {other}: both would be {target.name}")
        if target.exists() and not force and not os.path.samefile(target, path):
            raise Usage(f"{target}: is there already: --force replaces it")
        moves[path] = target
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
    for path, target in moves.items():
        path.replace(target)
        if not settings.as_json:
            say(f"{path} -> {target}")
    if settings.as_json:
        say_json([{"file": str(path), "workitem": str(target)} for path, target in moves.items()])

"""``tdwii dump2dcm``, ``dcm2dump``, ``templates``, ``rename-workitems``: files of one form into files of another."""

from __future__ import annotations

import os
from pathlib import Path

import click
from pydicom.dataset import Dataset

from ..dcmdump import dump_encoded, dump_text, save_dicom, templates
from .failures import Usage
from .files import LARGE, SMALL, is_dicom, read_dataset, read_or_fill, safe_uid, sized
from .lenient import as_json
from .screen import note, say, say_bytes, say_json, say_table, stdout_encoding
from .settings import Command, Settings, common, templated
from .worklist import UPS_CLASSES

__all__ = ["dcm2dump", "dump2dcm", "list_templates", "rename_workitems"]

SYNTAXES = {"implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1"}


@click.command(
    cls=Command,
    examples=["tdwii dump2dcm query.dcmdump.txt query.dcm",
              "tdwii dump2dcm --template query-scheduled --set StationCode=FX1 query.dcm"],
)  # fmt: skip
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[TEXT] OUT")
@templated
@click.option("--transfer-syntax", type=click.Choice(list(SYNTAXES)), help="VR, little endian  [default: the text's]")
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
def dump2dcm(
    files: tuple[Path, ...], template: str | None, values: tuple[str, ...], transfer_syntax: str | None, force: bool
) -> None:
    """Make a DICOM file from dcmdump text.

    An error in the text is reported with its line. Placeholders in it are filled with --set.
    """
    *texts, out = files or (None,)
    if out is None or len(texts) != (0 if template is not None else 1):
        raise Usage("give TEXT and OUT, or --template NAME and OUT")
    text = texts[0] if texts else None
    if text is not None and is_dicom(sized(text, SMALL)):
        raise Usage(f"{text}: is not text; dcm2dump makes text from DICOM files")
    dataset = read_or_fill(text, template, values, "dcmdump text", leaves=False) or Dataset()
    if out.exists() and not force:
        raise Usage(f"{out}: is there already: --force replaces it")
    save_dicom(dataset, out, transfer_syntax=SYNTAXES[transfer_syntax] if transfer_syntax else None)
    note(f"{out} written")


@click.command(
    "templates",
    cls=Command,
    examples=["tdwii templates", "tdwii templates query-scheduled > query.dcmdump.txt"],
)
@click.argument("name", required=False)
@common(network=False)
def list_templates(settings: Settings, name: str | None) -> None:
    """List the messages that come with tdwii as dcmdump text, or show one."""
    known = templates()
    if name is not None:
        if name not in known:
            raise Usage(f"no template {name!r}: tdwii templates lists those there are")
        say(known[name].text.rstrip("\n"))
        return
    told = [
        {"name": one.name, "title": one.title, "placeholders": {p.name: p.default for p in one.placeholders}}
        for one in known.values()
    ]
    if settings.as_json:
        say_json(told)
    else:
        say_table(["Template", "What it is"], [[one["name"], one["title"]] for one in told])


@click.command(cls=Command, examples=["tdwii dcm2dump rsp000001.dcm", "tdwii dcm2dump plan.dcm --cut 64 | less"])
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--cut", type=click.IntRange(1), metavar="N", help="Cut values longer than N characters; such text is for reading only."
)
@click.option(
    "--encoded", is_flag=True, help="Text as the bytes it is in FILE, as DCMTK's dcmdump prints and its dump2dcm reads it."
)
@common(network=False)
def dcm2dump(settings: Settings, file: Path, cut: int | None, encoded: bool) -> None:
    """Show a DICOM file as dcmdump text, with --json in the DICOM JSON model.

    dump2dcm makes an equal file from the output, except group lengths, which DICOM has retired.
    """
    dataset = read_dataset(file, most=LARGE, values=False)
    if settings.as_json:
        say_json(as_json(dataset))
    elif encoded:
        say_bytes(dump_encoded(dataset))
    else:
        say(dump_text(dataset, encoding=stdout_encoding(), longest=cut).removesuffix("\n"))


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

    All files are checked before the first is renamed. Nothing is overwritten without --force.
    """
    moves: dict[Path, Path] = {}
    for path in files:
        workitem = read_dataset(path, classes=UPS_CLASSES, what="a worklist response")
        uid = str(workitem.get("SOPInstanceUID") or "")
        if not uid:
            raise Usage(f"{path}: SOPInstanceUID is missing: the query must have it as a return key")
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

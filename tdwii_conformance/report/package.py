"""A package for handing in: results, page, transcripts, description, a statement, and a hash of each; made and verified."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..profile import load_catalogue
from ..transcript.exchange import TranscriptError
from ..transcript.observation import Observation, read_observation, write_observation
from .pseudonymise import learn_observation, learn_results, pseudonymised_observation, pseudonymised_results
from .pseudonyms import Pseudonyms
from .results import Results, ResultsError, read_results, write_results

__all__ = ["PackageError", "check_package", "open_description", "write_package"]

FORMAT = "tdwii package 1"
MANIFEST, STATEMENT, RESULTS, PAGE = "MANIFEST.json", "STATEMENT.txt", "results.json", "report.html"
# A key of TOML, also in an inline table, and its value: strings of one line or several, lists of them.
SECRET = re.compile(
    r"""(?m)(?P<key>(?:^|[\s{,.])"?(?:certificate|key|ca|trigger|restart|command|password)"?\s*=\s*)"""
    r"""(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\[.*?\])""",
    re.DOTALL,
)
TO_FILL = """\
Statement of conformance testing

System:        {system}
Edition:       TDW-II, {edition}
Tested on:     {ended:%Y-%m-%d}
Result:        {met} of {judged} requirements judged are met; {judged} of {applicable} that apply were judged

The undersigned states that the system named above was tested in the version that is
released, that nothing in this package was changed by hand, and that the description
of the system is complete.

Version:       ______________________________
Organisation:  ______________________________
Name:          ______________________________
Date:          ______________________________
"""


class PackageError(ValueError):
    """A package cannot be made or is not sound; the message names file and reason."""


def open_description(text: str) -> str:
    """Return the description of a system without what is secret: certificates, keys, commands."""
    return SECRET.sub(r'\g<key>"left out of the package"', text)


def _addresses(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the hosts and AE titles of a description, wherever they stand in it."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _addresses(value)
        elif isinstance(value, str) and (key == "host" or key.endswith("ae_title")):
            yield key, value


def write_package(
    path: Path,
    results: Results,
    *,
    transcripts: Path | None = None,
    sessions: Mapping[str, Observation] | None = None,
    description: Path | None = None,
    names: Pseudonyms | None = None,
) -> list[str]:
    """Write a package; return the names of what is in it.

    Parameters
    ----------
    path : Path
        The zip file.
    results : Results
        Of the run.
    transcripts : Path, optional
        A file or folder that ``--record`` wrote.
    sessions : mapping of str to Observation, optional
        Sessions of a record or a capture, by the names of their files.
    description : Path, optional
        The TOML file of the system.
    names : Pseudonyms, optional
        By which everything is pseudonymised; without, nothing is.

    Raises
    ------
    PackageError
        If a transcript or the description cannot be read.
    """
    files: dict[str, bytes] = {}
    recorded = dict(sessions or {})
    for file in sorted(transcripts.glob("*.jsonl")) if transcripts is not None and transcripts.is_dir() else [transcripts]:
        if file is not None and file.name != "unattributed.jsonl":
            try:
                recorded[file.name] = read_observation(file)
            except TranscriptError as error:
                raise PackageError(str(error)) from error
    if names is not None:
        learn_results(results, names)
        for one in recorded.values():
            learn_observation(one, names)
        results = pseudonymised_results(results, names)
        recorded = {name: pseudonymised_observation(one, names) for name, one in recorded.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".part")
    write_results(scratch, results)
    files[RESULTS] = scratch.read_bytes()
    files[PAGE] = results.page(load_catalogue()).encode()
    for name, one in recorded.items():
        write_observation(scratch, one)
        files[f"transcripts/{name}"] = scratch.read_bytes()
    scratch.unlink()
    if description is not None:
        try:
            text = open_description(description.read_text(encoding="utf-8"))
            addresses = list(_addresses(tomllib.loads(text)))
        except (OSError, ValueError) as error:  # also what is no UTF-8 or no TOML
            raise PackageError(f"{description}: cannot be read: {error}") from error
        if names is not None:
            for key, value in addresses:
                names.hosts([value]) if key == "host" else names.value(value, "AE")
            text = names.text(text)
        files["system.toml"] = text.encode()
    share = results.share
    statement = TO_FILL.format(
        system=results.system, edition=results.edition, ended=results.ended, met=share.met, judged=share.judged,
        applicable=share.applicable,
    )  # fmt: skip
    files[STATEMENT] = statement.encode()
    _write(path, files, results, pseudonymised=names is not None)
    return [*sorted(files), MANIFEST]


def _write(path: Path, files: Mapping[str, bytes], results: Results, *, pseudonymised: bool) -> None:
    manifest = {
        "format": FORMAT, "pseudonymised": pseudonymised, "software": dict(results.software), "catalogue": _catalogue(),
        "files": {name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} for name, content in files.items()},
        "to_fill_in": [STATEMENT],
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(name, content)
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1) + "\n")


def _catalogue() -> str:
    """Return the hash of all requirements, by which the run was judged."""
    return hashlib.sha256("\n".join(map(repr, load_catalogue().values())).encode()).hexdigest()


def check_package(path: Path) -> list[str]:
    """Return what is wrong with a package, a sentence each; none if it is sound.

    Parameters
    ----------
    path : Path
        The zip file.

    Raises
    ------
    PackageError
        If it is no package at all.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(content.pop(MANIFEST))
        listed: dict[str, dict[str, object]] = dict(manifest["files"])
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{path}: no package of `tdwii pack`: {error}") from error
    wrong = [f"{name}: is not in the package" for name in sorted(listed.keys() - content.keys())]
    wrong += [f"{name}: is in the package and not in its list" for name in sorted(content.keys() - listed.keys())]
    for name in sorted(listed.keys() & content.keys()):
        changed = hashlib.sha256(content[name]).hexdigest() != listed[name].get("sha256")
        if changed and name not in manifest.get("to_fill_in", ()):
            wrong.append(f"{name}: was changed after the package was made")
    scratch = path.with_suffix(".check")
    try:
        for name in sorted(content):
            if name == RESULTS or name.startswith("transcripts/"):
                scratch.write_bytes(content[name])
                try:
                    read_results(scratch) if name == RESULTS else read_observation(scratch)
                except (ResultsError, TranscriptError) as error:
                    wrong.append(str(error).replace(str(scratch), name))
    finally:
        scratch.unlink(missing_ok=True)
    if b"____" in content.get(STATEMENT, b"____"):
        wrong.append(f"{STATEMENT}: is not filled in")
    return wrong

"""``tdwii init``: a description of a system under test, from a few questions or options, with the connection tried as it goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import resources
from .failures import NO_ANSWER, OK, Usage
from .screen import note
from .settings import Command

if TYPE_CHECKING:
    from ..dimse import Peer

__all__ = ["init"]

EXAMPLE = "sut_example.toml"
ADDRESS = "AE=HOST:PORT"
SCHEME = "99LOCAL"


@dataclass(frozen=True)
class _Found:
    """What a system said when it was tried.

    Parameters
    ----------
    trouble : str
        Why there was no association; empty if there was.
    supports : tuple of str
        Capabilities for which it accepts a presentation context.
    """

    trouble: str = ""
    supports: tuple[str, ...] = ()


@click.command(
    cls=Command,
    examples=[
        "tdwii init                                               # asks, and tries what you answer",
        "tdwii init clinic.toml --tms TMS=10.1.2.3:11114 --ost OST=10.1.2.3:11112 --station TDD1^99CLINIC",
        "tdwii init clinic.toml --tms TMS=127.0.0.1:11114 --ours TDD=11113 --test-system --yes",
        "tdwii init --example                                     # every key, explained",
    ],
)
@click.argument("file", default="sut.toml", type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--example", is_flag=True, help="Write an example with every key explained, and ask nothing.")
@click.option("--name", help="How reports name the system.")
@click.option("--tms", metavar=ADDRESS, help="The Treatment Management System; 'none' if it is not under test.")
@click.option("--ost", metavar=ADDRESS, help="The Object Storage; 'none' if it is not under test.")
@click.option("--ours", metavar="AE=PORT", help="What we are called, and where we listen, as the systems know it.")
@click.option("--station", metavar="VALUE^SCHEME", help="The station name code by which the TMS knows our TDD.")
@click.option("--edition", type=click.Choice(["ti", "2013"]), help="Edition of TDW-II to judge by.")
@click.option("--test-system/--no-test-system", default=None, help="Whether the tests may change what is in it.")
@click.option("--supports", metavar="WORDS", help="What the TMS supports, separated by commas  [default: what it accepts]")
@click.option("--yes", is_flag=True, help="Ask nothing: take the default for what no option says.")
@click.option("--no-connection", is_flag=True, help="Do not try to reach the systems.")
def init(file: Path, force: bool, example: bool, yes: bool, no_connection: bool, **answers: str | bool | None) -> int:
    """Describe a system under test: ask a few questions, try the connection, and write FILE.

    FILE is sut.toml by default. Every answer can be given as an option. Without a terminal, and without such options, it
    writes the example. The exit code is 3 if FILE was written but a system could not be reached.
    """
    if file.exists() and not force:
        raise Usage(f"{file}: is there already: --force replaces it")
    given = {name: answer for name, answer in answers.items() if answer is not None}
    asking = _on_a_terminal() and not yes
    if example or not (asking or given or yes):
        file.write_bytes((resources.examples() / EXAMPLE).read_bytes())
        note(f"{file} written: change what is yours, then 'tdwii run --sut {file}'")
        return OK
    text, reached = _described(given, asking=asking, trying=not no_connection)
    file.write_text(text, encoding="utf-8", newline="\n")
    from ..sut.config import load_system

    load_system(file)
    note(f"{file} written. Next: tdwii run --sut {file} --report report.html")
    note("'tdwii init --example' writes a file that explains every key, also those for a TDD or a watcher under test.")
    return OK if reached else NO_ANSWER


def _described(given: dict[str, str | bool], *, asking: bool, trying: bool) -> tuple[str, bool]:
    """Return the text of the description, and whether every system was reached."""

    def answer(name: str, question: str, default: str, check: Callable[[str], object] = str) -> str:
        if name in given or not asking:
            return str(given.get(name, default))
        return str(click.prompt(question, default=default, err=True, value_proc=partial(_checked, check)))

    title, port = _ours(answer("ours", "Our AE title and port, as the systems know us (AE=PORT)", "TDD=11113", _ours))
    reached, peers = True, {}
    for role, default, what in (
        ("tms", "TMS=127.0.0.1:11114", "Treatment Management System"),
        ("ost", "OST=127.0.0.1:11112", "Object Storage"),
    ):
        while True:
            check = partial(_peer, role=role)
            said = answer(role, f"{what} ({ADDRESS}, or none)", default if asking or not given else "none", check)
            peer = _peer(said, role)
            found = _tried(role, peer, title) if peer and trying else _Found()
            if not found.trouble or not asking or role in given or click.confirm("Keep that all the same?", err=True):
                break
        reached = reached and not found.trouble
        if peer is not None:
            peers[role] = (peer, found)
    if not peers:
        raise Usage("there is neither a TMS nor an OST: a TDD or a watcher is described as in 'tdwii init --example'")
    name = answer("name", "Name of the system, for reports", " and ".join(role.upper() for role in peers))
    edition = answer("edition", "Edition of TDW-II to judge by: ti or 2013", "ti", _edition)
    consent = given.get("test_system")
    if consent is None:
        question = "May the tests create, change and store things in it? Never for a system that treats patients"
        consent = click.confirm(question, default=False, err=True) if asking else False
    lines = ["[system]", f"name = {_text(name)}", f'edition = "{edition}"']
    lines += ["# whether the tests may create, change and store things: never for a system that treats patients"]
    lines += [f"test_system = {'true' if consent else 'false'}", ""]
    supported: tuple[str, ...] = ()
    for role, (peer, found) in peers.items():
        supports = found.supports
        if role == "tms":
            words = answer("supports", "What the TMS supports beyond what all must", ",".join(supports) or "none", _words)
            supports = _words(words)
            supported = supports
        lines += [f"[{role}]", f"ae_title = {_text(peer.ae_title)}", f"host = {_text(peer.host)}", f"port = {peer.port}"]
        lines += [f"supports = {json.dumps(list(supports))}", ""]
    lines += ["[ours.tdd]", f"ae_title = {_text(title)}", f"port = {port}", ""]
    value, _, scheme = answer("station", "Station name code of our TDD (VALUE^SCHEME)", f"{title}^{SCHEME}").partition("^")
    source = "push" if consent and "push" in supported else "existing"
    lines += ["[workitems]", "# where the workitems come from: push, existing, person, command", f'source = "{source}"']
    lines += [f"station = {{ value = {_text(value)}, scheme = {_text(scheme or SCHEME)}, meaning = {_text(value)} }}", ""]
    return "\n".join(lines), reached


def _checked(check: Callable[[str], object], said: str) -> str:
    """Return an answer; one that is wrong is asked for again, with the reason."""
    try:
        check(said)
    except (Usage, ValueError) as error:
        raise click.BadParameter(str(error)) from error
    return said


def _edition(said: str) -> str:
    if said not in ("ti", "2013"):
        raise Usage(f"{said!r} is no edition of TDW-II: ti or 2013")
    return said


def _words(said: str) -> tuple[str, ...]:
    from ..sut.config import CAPABILITIES

    words = tuple(word.strip() for word in said.split(",") if word.strip() not in ("", "none"))
    for word in words:
        if word not in CAPABILITIES:
            raise Usage(f"{word!r} is nothing that may be supported or not; known are {', '.join(CAPABILITIES)}; or none")
    return words


def _on_a_terminal() -> bool:
    return sys.stdin.isatty()


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a basic string of TOML


def _ours(said: str) -> tuple[str, int]:
    from ..dimse import check_ae_title

    title, _, port = said.partition("=")
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise Usage(f"{said!r} is no AE title with a port: write it as TDD=11113")
    return check_ae_title(title.strip()), int(port)


def _peer(said: str, role: str) -> Peer | None:
    from ..dimse import Peer, check_ae_title

    if said.strip().lower() in ("none", ""):
        return None
    title, _, address = said.partition("=")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise Usage(f"--{role}: {said!r} is no address: write it as {role.upper()}=127.0.0.1:11112, or none")
    return Peer(check_ae_title(title.strip()), host.strip("[]"), int(port))


def _tried(role: str, peer: Peer, calling: str) -> _Found:
    """Ask a system for an association, and say what it accepts."""
    from ..scu.probe import offered

    trouble, supports = offered(role.upper(), peer, calling=calling)
    if trouble:
        note(f"  {trouble}")
    else:
        note(
            f"  {peer} at {peer.host}:{peer.port} accepts our association{'; it offers ' if supports else ''}{', '.join(supports)}"
        )
    return _Found(trouble, supports)

"""What the commands of ``tdwii serve`` have in common: options, titles and ports, known systems."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ...defects import UnknownDeviation, chosen
from ...dimse import Peer, check_ae_title
from ...sut.config import SystemUnderTest
from ...treatment.messages import Code
from ..failures import OK, Usage
from ..peers import named_peer, peer_at
from ..reading import read_as
from ..requirements import complete_defects
from ..screen import note
from ..settings import BOOK, Settings
from ..worklist import code
from .session import ANYWHERE, Session, until_stopped
from .view import Lines, view_for

TMS_TITLE, TMS_PORT = "UPSSCP", 11114
OST_TITLE, OST_PORT = "OST", 11112
WATCHER_TITLE, WATCHER_PORT = "WATCHER", 11115
TDD_TITLE, TDD_PORT = "TDD", 11113
STATION = "FX1^99IHERO2008^FX1"


def station_code(text: str) -> Code:
    """Return a station given as ``VALUE^SCHEME^MEANING``; VALUE alone is in the scheme of the default.

    Raises
    ------
    Usage
        If it has no value, or more parts.
    """
    found = code(text, "--station")
    return found if "^" in text else replace(found, scheme=STATION.split("^")[1])


_COMMON = (
    click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
                 help="Address of this machine to listen on; 0.0.0.0 is all of them."),
    click.option("--destination", "destinations", multiple=True, metavar="AE=HOST:PORT",
                 help="An application entity that is known, as move destination and receiver of events; repeat."),
    click.option("--entities", type=click.Path(path_type=Path), envvar="TDWII_ENTITIES", metavar="FILE",
                 help=f"Address book: known systems, and our own port  [default: $TDWII_ENTITIES, or {BOOK} here]"),
    click.option("--config", type=click.Path(path_type=Path), envvar="TDWII_CONFIG", metavar="FILE",
                 help="Description of a system, as of the suite's --sut: be the systems it describes."),
    click.option("--defect", "--variation", "defects", multiple=True, metavar="NAME", shell_complete=complete_defects,
                 help="A named defect or variation to have (docs/defects.md); repeat."),
    click.option("--timeout", type=click.FloatRange(0.01, 3600), metavar="SECONDS", help="For a connection, and for each answer."),
    click.option("--lines", is_flag=True, help="Lines instead of the live view, as without a terminal."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object for each line."),
)  # fmt: skip
PORT = click.IntRange(0, 65535)


def serving(function: Callable[..., int | None]) -> Callable[..., int]:
    """Give a command the common options and a `Session`, in which it starts what shall run.

    A command with ``--on-request`` runs by itself, and returns its exit code. It reads neither the address book nor a
    configuration, so that a run of the suite does not depend on files of the folder.
    """

    @functools.wraps(function)
    def command(
        *,
        host: str,
        destinations: Sequence[str],
        entities: Path | None,
        config: Path | None,
        defects: Sequence[str],
        timeout: float | None,
        lines: bool,
        as_json: bool,
        **others: Any,
    ) -> int:
        if others.get("on_request"):
            settings = Settings(0, as_json, None, None, timeout, _cache={"book": {}})
            return function(Session(settings, host, Lines(), {}, chosen(defects)), **others) or OK
        settings = Settings(0, as_json, None, None, timeout, entities, config)
        given = {peer.ae_title: peer for peer in map(peer_at, destinations)}
        session = Session(
            settings, host, view_for(as_json=as_json, lines=lines), settings.book | given, chosen(defects), given=frozenset(given)
        )
        with until_stopped(session.stop):
            with session.overheard(), session.late, session.stack:
                function(session, **others)
                session.run()
            for call in session.after:
                call()
            if not as_json:
                note("stopped")
        return OK

    for option in reversed(_COMMON):
        command = option(command)
    return read_as(command)


def ours_at(session: Session, described: Peer | None, title: str | None, port: int | None, default: Peer) -> Peer:
    """Return AE title and address of a simulator: as given, as the address book or the configuration says, or as usual."""
    settings = session.settings
    name = check_ae_title(title) if title else described.ae_title if described else default.ae_title
    if port is None:
        if title and settings.entities is not None and name not in settings.book:
            settings.entity(name)  # the error lists the known ones
        if name in settings.book:
            port = settings.book[name].port
        elif described is not None:
            port = described.port
        else:
            port = default.port
    return Peer(name, session.host, port)


def described(session: Session, role: str) -> Peer | None:
    """Return a system of the configuration.

    Raises
    ------
    Usage
        If there is a configuration, and it describes none.
    """
    system: SystemUnderTest | None = session.settings.system
    if system is None:
        return None
    found = {"tms": system.tms, "ost": system.ost}[role]
    if found is None:
        raise Usage(f"{session.settings.config}: describes no [{role}] that could be simulated")
    return found


def know_the_suite(session: Session) -> None:
    """Make known what the configuration has under [ours]: the suite's TDD, and its second watcher."""
    system = session.settings.system
    if system is not None:
        host = "127.0.0.1" if system.tdd.host in ANYWHERE else system.tdd.host
        for title in filter(None, (system.tdd.ae_title, system.second_watcher)):
            session.known.setdefault(title, Peer(title, host, system.tdd.port))


def deny_others(session: Session, *actors: str) -> None:
    """Refuse deviations of other actors with `UnknownDeviation`."""
    if strangers := [one.name for one in session.defects if one.actor not in actors]:
        raise UnknownDeviation(f"{', '.join(strangers)}: not of the simulated {' or '.join(actors)}")


def other_at(session: Session, role: str, given: str | None, default: Peer) -> Peer:
    """Return the TMS or OST that a simulator calls."""
    settings = session.settings
    if given is not None:
        return named_peer(settings, given)
    described = getattr(settings.system, role) if settings.system else None
    return described or settings.book.get(default.ae_title) or default


def known_line(session: Session) -> str:
    """Return the line that lists the known systems."""
    told = [f"{title} at {peer.host}:{peer.port}" for title, peer in sorted(session.known.items())]
    return f"move destinations and receivers of events: {', '.join(told) or 'none; name them with --destination or --entities'}"
